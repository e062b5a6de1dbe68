//! The shortest decimal that round-trips to a double: what an `f64` input denotes.

use std::fmt::Write;

/// A finite decimal `(-1)^negative * digits * 10^exponent`.
///
/// # Examples
/// ```
/// use crossmargin::exact::Decimal;
/// let tenth = Decimal::from_f64(0.1);
/// assert_eq!((tenth.digits(), tenth.exponent()), (1, -1));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decimal {
    negative: bool,
    digits: u64,
    exponent: i32,
}

/// A stack buffer long enough for any `{:e}` rendering of a double (`-d.dddddddddddddddde-ddd`).
struct Text {
    bytes: [u8; 32],
    len: usize,
}

impl Write for Text {
    fn write_str(&mut self, s: &str) -> std::fmt::Result {
        let end = self.len + s.len();
        let room = self.bytes.get_mut(self.len..end).ok_or(std::fmt::Error)?;
        room.copy_from_slice(s.as_bytes());
        self.len = end;
        Ok(())
    }
}

impl Decimal {
    /// The shortest decimal that rounds to `x`; of several, the nearest to it; of two equally near, the one with an
    /// even last digit. Zero for zero.
    ///
    /// `x` must be finite; anything else is read as zero (inputs are checked on entry).
    #[must_use]
    pub fn from_f64(x: f64) -> Self {
        let mut text = Text { bytes: [0; 32], len: 0 };
        if !x.is_finite() || write!(text, "{x:e}").is_err() {
            return Self { negative: false, digits: 0, exponent: 0 };
        }
        Self::parse(text.bytes.get(..text.len).unwrap_or_default()).even_where_tied(x)
    }

    /// Of two decimals equally near to `x`, of which this is one, the one with an even last digit.
    ///
    /// The formatter does not say which of two it takes. With `x = m * 2^-k`, `m` odd, and digits in units of `10^-e`,
    /// `x` is an odd multiple of half a unit exactly when `k = e + 1`: it is `m * 5^e / 2` units.
    fn even_where_tied(self, x: f64) -> Self {
        let bits = x.to_bits();
        // Of subnormal numbers all digits are fractional beyond any tie, hence the exponent need not be exact.
        let mantissa = bits & ((1 << 52) - 1) | 1 << 52;
        let exponent = i32::try_from(bits >> 52 & 0x7ff).unwrap_or_default() - 1075;
        let zeros = mantissa.trailing_zeros();
        let fraction_bits = -exponent - i32::try_from(zeros).unwrap_or_default();
        if self.digits & 1 == 0 || self.exponent >= 0 || fraction_bits != 1 - self.exponent {
            return self;
        }
        let fives = u32::try_from(-self.exponent).ok().and_then(|e| 5_u64.checked_pow(e));
        let Some(halves) = fives.and_then(|fives| (mantissa >> zeros).checked_mul(fives)) else { return self };
        let even = Self { digits: halves / 2 + ((halves / 2) & 1), ..self };
        // The distance to the double below a power of two is half of that above: the lower decimal may be another's.
        if even.digits.abs_diff(self.digits) == 1 && even.rounds_to(x) { even } else { self }
    }

    fn rounds_to(self, x: f64) -> bool {
        let mut text = Text { bytes: [0; 32], len: 0 };
        let sign = if self.negative { "-" } else { "" };
        let written = write!(text, "{sign}{}e{}", self.digits, self.exponent);
        let read = std::str::from_utf8(text.bytes.get(..text.len).unwrap_or_default()).map(str::parse::<f64>);
        written.is_ok() && matches!(read, Ok(Ok(y)) if y.to_bits() == x.to_bits())
    }

    /// Reads `[-]d[.ddd]e[-]ddd`, the form that `{:e}` writes.
    fn parse(bytes: &[u8]) -> Self {
        let (mut negative, mut digits, mut fraction, mut seen_point) = (false, 0_u64, 0_i32, false);
        let (mut exponent, mut exponent_negative, mut in_exponent) = (0_i32, false, false);
        for &byte in bytes {
            match byte {
                b'-' if in_exponent => exponent_negative = true,
                b'-' => negative = true,
                b'.' => seen_point = true,
                b'e' => in_exponent = true,
                _ if in_exponent => exponent = exponent * 10 + i32::from(byte - b'0'),
                _ => {
                    digits = digits * 10 + u64::from(byte - b'0');
                    fraction += i32::from(seen_point);
                }
            }
        }
        let exponent = if exponent_negative { -exponent } else { exponent };
        Self { negative: negative && digits != 0, digits, exponent: exponent - fraction }
    }

    /// Whether the number is below zero.
    #[must_use]
    pub const fn is_negative(self) -> bool {
        self.negative
    }

    /// The digits, as one integer of at most 17 digits.
    #[must_use]
    pub const fn digits(self) -> u64 {
        self.digits
    }

    /// The power of ten that the digits are multiplied by.
    #[must_use]
    pub const fn exponent(self) -> i32 {
        self.exponent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(x: f64) -> (bool, u64, i32) {
        let d = Decimal::from_f64(x);
        (d.negative, d.digits, d.exponent)
    }

    #[test]
    fn test_decimal_of_plain_numbers_is_the_written_one() {
        assert_eq!(parts(0.1), (false, 1, -1));
        assert_eq!(parts(-64_000.25), (true, 6_400_025, -2));
        assert_eq!(parts(100.0), (false, 1, 2));
        assert_eq!(parts(-0.0), (false, 0, 0));
        assert_eq!(parts(0.1 + 0.2), (false, 30_000_000_000_000_004, -17));
    }

    #[test]
    fn test_decimal_between_two_equally_near_is_the_even_one() {
        assert_eq!(parts(1_449_954_332_091_834.0 + 0.25), (false, 14_499_543_320_918_342, -1));
        assert_eq!(parts(-1_449_954_332_091_834.0 - 0.75), (true, 14_499_543_320_918_348, -1));
        assert_eq!(parts(4_503_599_627_370_495.5), (false, 45_035_996_273_704_955, -1));
        assert_eq!(parts(200_000_000_000_000.0 + 0.125), (false, 20_000_000_000_000_012, -2));
        assert_eq!(parts(200_000_000_000_000.0 + 0.375), (false, 20_000_000_000_000_038, -2));
    }

    #[test]
    fn test_decimal_at_extremes_round_trips() {
        for x in
            [f64::MAX, f64::MIN_POSITIVE, 5e-324, f64::from_bits((1023 - 44) << 52), 9_007_199_254_740_992.0, 1.0 / 3.0]
        {
            let d = Decimal::from_f64(x);
            let back: f64 = format!("{}e{}", d.digits, d.exponent).parse().unwrap();
            assert_eq!(back.to_bits(), x.to_bits());
        }
    }
}
