//! Rationals without rounding, kept cheap for what is decimal.

use std::cmp::Ordering;
use std::ops::{Add, Mul, Neg, Sub};

use num_bigint::{BigInt, BigUint, Sign};
use num_integer::Integer;
use num_traits::{One, Zero};

use super::Decimal;

/// An exact rational `numerator * 10^exponent / denominator`, with `denominator >= 1`.
///
/// Sums and products of decimals keep the denominator at 1, so that they cost integer operations and no common
/// divisors; a division moves the divisor into the denominator. Nothing is reduced: signs and comparisons need it not.
///
/// # Examples
/// ```
/// use crossmargin::exact::Exact;
/// let sum = Exact::from_f64(0.1) + Exact::from_f64(0.2) - Exact::from_f64(0.3);
/// assert!(sum.is_zero());
/// ```
#[derive(Debug, Clone)]
pub struct Exact {
    numerator: BigInt,
    exponent: i32,
    denominator: BigUint,
}

fn ten_to(power: u32) -> BigInt {
    BigInt::from(10_u8).pow(power)
}

impl Exact {
    /// The decimal that `x` denotes (its shortest round-trip decimal); `x` must be finite.
    #[must_use]
    pub fn from_f64(x: f64) -> Self {
        let decimal = Decimal::from_f64(x);
        let digits = BigInt::from(decimal.digits());
        Self {
            numerator: if decimal.is_negative() { -digits } else { digits },
            exponent: decimal.exponent(),
            denominator: BigUint::one(),
        }
    }

    /// Zero.
    #[must_use]
    pub fn zero() -> Self {
        Self { numerator: BigInt::zero(), exponent: 0, denominator: BigUint::one() }
    }

    /// A dyadic number `mantissa * 2^shift`, exactly.
    #[must_use]
    pub fn from_binary(mantissa: BigInt, shift: i32) -> Self {
        let two = BigUint::one() << shift.unsigned_abs();
        if shift >= 0 {
            Self { numerator: mantissa * BigInt::from(two), exponent: 0, denominator: BigUint::one() }
        } else {
            Self { numerator: mantissa, exponent: 0, denominator: two }
        }
    }

    /// The decimal `digits * 10^exponent`.
    #[must_use]
    pub(crate) fn from_digits(digits: i128, exponent: i32) -> Self {
        Self { numerator: BigInt::from(digits), exponent, denominator: BigUint::one() }
    }

    /// How many whole steps (above zero) are in the number, rounded down, and how what is left compares with nothing and
    /// with half a step.
    #[must_use]
    pub(crate) fn in_steps(&self, step: &Self) -> (BigInt, bool, Ordering) {
        let mut top = &self.numerator * BigInt::from(step.denominator.clone());
        let mut bottom = BigInt::from(self.denominator.clone()) * &step.numerator;
        let exponent = self.exponent - step.exponent;
        let scale = ten_to(exponent.unsigned_abs());
        if exponent >= 0 {
            top *= scale;
        } else {
            bottom *= scale;
        }
        let (steps, left) = top.div_mod_floor(&bottom);
        (steps, !left.is_zero(), (left * 2_u8).cmp(&bottom))
    }

    /// Whether the number is zero.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        self.numerator.is_zero()
    }

    /// How the number compares with zero.
    #[must_use]
    pub fn sign(&self) -> Ordering {
        match self.numerator.sign() {
            Sign::Minus => Ordering::Less,
            Sign::NoSign => Ordering::Equal,
            Sign::Plus => Ordering::Greater,
        }
    }

    /// The magnitude.
    #[must_use]
    pub fn abs(mut self) -> Self {
        if self.numerator.sign() == Sign::Minus {
            self.numerator = -self.numerator;
        }
        self
    }

    /// `self / divisor`, or `None` for a zero divisor.
    #[must_use]
    pub fn checked_div(&self, divisor: &Self) -> Option<Self> {
        if divisor.is_zero() {
            return None;
        }
        let negative = divisor.numerator.sign() == Sign::Minus;
        let numerator = &self.numerator * BigInt::from(divisor.denominator.clone());
        Some(Self {
            numerator: if negative { -numerator } else { numerator },
            exponent: self.exponent - divisor.exponent,
            denominator: &self.denominator * divisor.numerator.magnitude(),
        })
    }

    /// The nearest double, ties to even; a non-zero number never becomes zero, and too large a one becomes infinite.
    #[must_use]
    pub fn to_f64(&self) -> f64 {
        let mut top = self.numerator.magnitude().clone();
        if top.is_zero() {
            return 0.0;
        }
        let mut bottom = self.denominator.clone();
        let scale = ten_to(self.exponent.unsigned_abs()).magnitude().clone();
        if self.exponent >= 0 {
            top *= scale;
        } else {
            bottom *= scale;
        }
        let magnitude = nearest(top, bottom);
        if self.numerator.sign() == Sign::Minus { -magnitude } else { magnitude }
    }

    /// Brings both numbers to one power of ten and returns their scaled numerators with it.
    fn aligned(&self, other: &Self) -> (BigInt, BigInt, i32) {
        let exponent = self.exponent.min(other.exponent);
        let scaled = |x: &Self| {
            let up = x.exponent.abs_diff(exponent);
            if up == 0 { x.numerator.clone() } else { &x.numerator * ten_to(up) }
        };
        (scaled(self), scaled(other), exponent)
    }
}

/// The double nearest to `top / bottom`, both positive.
fn nearest(mut top: BigUint, mut bottom: BigUint) -> f64 {
    // Scale to a quotient of 64 or 65 bits: 53 to keep, the rest and the remainder to round by.
    let bits = |x: &BigUint| i64::try_from(x.bits()).unwrap_or(i64::MAX);
    let shift = 65 - (bits(&top) - bits(&bottom));
    let by = usize::try_from(shift.unsigned_abs()).unwrap_or(usize::MAX);
    if shift >= 0 {
        top <<= by;
    } else {
        bottom <<= by;
    }
    let quotient = &top / &bottom;
    let sticky = u128::from(&quotient * &bottom != top);
    let head = u128::try_from(&quotient).unwrap_or(u128::MAX);
    scaled((head << 2) | sticky, -shift - 2)
}

/// `mantissa * 2^shift` rounded once to a double, ties to even; `mantissa` has more than 65 significant bits or
/// carries a sticky bit below those that count.
fn scaled(mantissa: u128, shift: i64) -> f64 {
    const LOWEST: i64 = -1074;
    let top = 127 - i64::from(mantissa.leading_zeros()) + shift;
    if top > 1023 {
        return f64::INFINITY;
    }
    // The place of the last bit kept: 53 bits below the top, or the lowest place a subnormal has.
    let drop = (top - 52).max(LOWEST) - shift;
    let Ok(drop) = u32::try_from(drop) else { return f64::INFINITY };
    if drop >= 128 {
        return f64::from_bits(1);
    }
    let kept = mantissa >> drop;
    let rest = mantissa - (kept << drop);
    let half = 1_u128 << (drop - 1);
    let up = rest > half || (rest == half && kept & 1 == 1);
    let Ok(kept) = u64::try_from(kept + u128::from(up)) else { return f64::INFINITY };
    if kept == 0 {
        return f64::from_bits(1);
    }
    // Assemble by exponent: `kept` has at most 54 bits and its lowest stands for 2^place.
    let place = i64::from(drop) + shift;
    if kept >> 53 != 0 {
        return assemble(kept >> 1, place + 1);
    }
    assemble(kept, place)
}

/// The double `kept * 2^place` for a `kept` of at most 53 bits that is representable there.
fn assemble(kept: u64, place: i64) -> f64 {
    const HIDDEN: u64 = 1 << 52;
    if kept < HIDDEN {
        return f64::from_bits(kept);
    }
    match u64::try_from(place + 1075) {
        Ok(biased) if biased < 2047 => f64::from_bits((biased << 52) | (kept & (HIDDEN - 1))),
        _ => f64::INFINITY,
    }
}

impl Add for Exact {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        let (a, b, exponent) = self.aligned(&other);
        if self.denominator == other.denominator {
            return Self { numerator: a + b, exponent, denominator: self.denominator };
        }
        let numerator = a * BigInt::from(other.denominator.clone()) + b * BigInt::from(self.denominator.clone());
        Self { numerator, exponent, denominator: self.denominator * other.denominator }
    }
}

impl Neg for Exact {
    type Output = Self;
    fn neg(self) -> Self {
        Self { numerator: -self.numerator, ..self }
    }
}

impl Sub for Exact {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        self + -other
    }
}

impl Mul for Exact {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        Self {
            numerator: self.numerator * other.numerator,
            exponent: self.exponent + other.exponent,
            denominator: self.denominator * other.denominator,
        }
    }
}

impl PartialEq for Exact {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Exact {}

impl PartialOrd for Exact {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Exact {
    fn cmp(&self, other: &Self) -> Ordering {
        let (a, b, _) = self.aligned(other);
        if self.denominator == other.denominator {
            return a.cmp(&b);
        }
        (a * BigInt::from(other.denominator.clone())).cmp(&(b * BigInt::from(self.denominator.clone())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exact(x: f64) -> Exact {
        Exact::from_f64(x)
    }

    #[test]
    fn test_exact_decimal_sum_has_no_rounding() {
        assert!((exact(0.1) + exact(0.2) - exact(0.3)).is_zero());
        assert_eq!(exact(1e20) + exact(1.0) - exact(1e20), exact(1.0));
    }

    #[test]
    fn test_exact_division_stays_exact() {
        let third = exact(1.0).checked_div(&exact(-3.0)).unwrap();
        assert_eq!(third.clone() * exact(3.0), exact(-1.0));
        assert_eq!(third.to_f64().to_bits(), (-1.0_f64 / 3.0).to_bits());
        assert!(exact(1.0).checked_div(&Exact::zero()).is_none());
    }

    #[test]
    fn test_exact_to_f64_of_a_double_returns_it() {
        for x in
            [0.1, -2.5e-300, 1.7e308, 5e-324, 1.0, 123_456.789, f64::MIN_POSITIVE, f64::from_bits((1023 - 256) << 52)]
        {
            assert_eq!(exact(x).to_f64().to_bits(), x.to_bits(), "{x:e}");
        }
    }

    #[test]
    fn test_exact_to_f64_ties_go_to_even() {
        let half_ulp = Exact::from_binary(BigInt::one(), -53);
        assert_eq!((exact(1.0) + half_ulp.clone()).to_f64().to_bits(), 1.0_f64.to_bits());
        let above = exact(1.0) + half_ulp + Exact::from_binary(BigInt::one(), -400);
        assert_eq!(above.to_f64().to_bits(), (1.0 + f64::EPSILON).to_bits());
    }

    #[test]
    fn test_exact_in_steps_rounds_down_and_says_what_is_left() {
        let steps = |x: f64, step: f64| exact(x).in_steps(&exact(step));
        assert_eq!(steps(0.3, 0.1), (BigInt::from(3), false, Ordering::Less));
        assert_eq!(steps(-0.35, 0.1), (BigInt::from(-4), true, Ordering::Equal));
        assert_eq!(steps(1e20, 3.0).0, BigInt::from(33_333_333_333_333_333_333_i128));
        let third = exact(2.0).checked_div(&exact(3.0)).unwrap();
        assert_eq!(third.in_steps(&exact(1.0)), (BigInt::zero(), true, Ordering::Greater));
        assert_eq!(Exact::from_digits(-25, -2), exact(-0.25));
    }

    #[test]
    fn test_exact_to_f64_tiny_keeps_its_sign() {
        let tiny = exact(1e-200) * exact(-1e-200);
        assert!(tiny.to_f64() < 0.0);
    }
}
