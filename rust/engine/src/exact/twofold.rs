//! Numbers of twice the precision of doubles: the unevaluated sum of two.
//!
//! With `u = 2^-53`, a sum is off by at most `8 u^2 (|a| + |b|)`, a product by `16 u^2 |a b|`, a quotient by
//! `32 u^2 |a / b|`, as long as nothing under- or overflows: inputs lie within `2^-256` and `2^256`, and no formula
//! multiplies more than three of them. Only additions, subtractions, multiplications and divisions are used, so that
//! every machine gets the same bits.

/// `hi + lo`, with `|lo|` at most half a unit in the last place of `hi`.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Twofold {
    pub(crate) hi: f64,
    pub(crate) lo: f64,
}

/// Four doubles that are loaded as one: a row of a table.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[repr(C, align(32))]
pub(crate) struct Quad(pub(crate) [f64; 4]);

/// `a + b` as its rounding and what that lost.
pub(crate) const fn sum_of(a: f64, b: f64) -> Twofold {
    let hi = a + b;
    let of_b = hi - a;
    Twofold { hi, lo: (a - (hi - of_b)) + (b - of_b) }
}

/// As [`sum_of`] where `|a| >= |b|`.
const fn quick_sum_of(a: f64, b: f64) -> Twofold {
    let hi = a + b;
    Twofold { hi, lo: b - (hi - a) }
}

/// A number as two of half its digits each.
const fn halves(a: f64) -> (f64, f64) {
    let scaled = 134_217_729.0 * a;
    let high = scaled - (scaled - a);
    (high, a - high)
}

/// `a * b` as its rounding and what that lost.
pub(crate) const fn product_of(a: f64, b: f64) -> Twofold {
    let hi = a * b;
    let ((a_high, a_low), (b_high, b_low)) = (halves(a), halves(b));
    Twofold { hi, lo: a_low * b_low - (((hi - a_high * b_high) - a_low * b_high) - a_high * b_low) }
}

impl Twofold {
    pub(crate) const ZERO: Self = Self::of(0.0);
    pub(crate) const ONE: Self = Self::of(1.0);

    /// A double as the binary number that it is.
    pub(crate) const fn of(x: f64) -> Self {
        Self { hi: x, lo: 0.0 }
    }

    pub(crate) const fn plus(self, other: Self) -> Self {
        let sum = sum_of(self.hi, other.hi);
        quick_sum_of(sum.hi, sum.lo + (self.lo + other.lo))
    }

    pub(crate) const fn minus(self, other: Self) -> Self {
        self.plus(other.negated())
    }

    pub(crate) const fn times(self, other: Self) -> Self {
        let product = product_of(self.hi, other.hi);
        quick_sum_of(product.hi, product.lo + (self.hi * other.lo + self.lo * other.hi))
    }

    pub(crate) const fn over(self, divisor: Self) -> Self {
        let first = self.hi / divisor.hi;
        let whole = product_of(first, divisor.hi);
        let rest = ((self.hi - whole.hi) - whole.lo) + (self.lo - first * divisor.lo);
        quick_sum_of(first, rest / divisor.hi)
    }

    pub(crate) const fn negated(self) -> Self {
        Self { hi: -self.hi, lo: -self.lo }
    }

    pub(crate) const fn abs(self) -> Self {
        if self.hi < 0.0 { self.negated() } else { self }
    }

    /// Whether the number is at least another, but for what the smallest digits of both round to.
    pub(crate) fn reaches(self, other: Self) -> bool {
        (self.hi - other.hi) + (self.lo - other.lo) >= 0.0
    }
}

#[cfg(test)]
mod tests {
    use num_bigint::BigInt;

    use super::*;
    use crate::exact::Exact;

    fn double(x: f64) -> Exact {
        let bits = x.to_bits();
        let exponent = i32::try_from(bits >> 52 & 0x7ff).unwrap() - 1075;
        let mantissa = BigInt::from(bits & ((1 << 52) - 1) | 1 << 52);
        let exact = if x == 0.0 { Exact::zero() } else { Exact::from_binary(mantissa, exponent) };
        if x < 0.0 { -exact } else { exact }
    }

    fn exact(x: Twofold) -> Exact {
        double(x.hi) + double(x.lo)
    }

    /// Numbers of all magnitudes and both signs.
    fn draws() -> impl Iterator<Item = [Twofold; 2]> {
        let mut state = 7_u64;
        let mut next = move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let bits = state ^ state >> 29;
            let exponent = 1023 + (bits >> 58) - 32;
            let x = f64::from_bits(bits >> 63 << 63 | exponent << 52 | bits & ((1 << 52) - 1));
            quick_sum_of(x, x * (f64::EPSILON / 2.0) * (f64::from(u32::try_from(bits >> 40 & 0xff).unwrap()) / 256.0))
        };
        std::iter::repeat_with(move || [next(), next()]).take(2_000)
    }

    #[test]
    fn prop_twofold_is_within_its_bounds() {
        let unit = double(f64::EPSILON / 2.0) * double(f64::EPSILON / 2.0);
        for [a, b] in draws() {
            let (x, y) = (exact(a), exact(b));
            let within = |got: Twofold, wanted: Exact, of: Exact, count: f64| {
                (exact(got) - wanted).abs() <= of.abs() * unit.clone() * double(count)
            };
            let magnitudes = x.clone().abs() + y.clone().abs();
            assert!(within(a.plus(b), x.clone() + y.clone(), magnitudes.clone(), 8.0), "{a:?} + {b:?}");
            assert!(within(a.minus(b), x.clone() - y.clone(), magnitudes, 8.0), "{a:?} - {b:?}");
            assert!(within(a.times(b), x.clone() * y.clone(), x.clone() * y.clone(), 16.0), "{a:?} * {b:?}");
            let quotient = x.checked_div(&y).unwrap();
            assert!(within(a.over(b), quotient.clone(), quotient, 32.0), "{a:?} / {b:?}");
        }
    }
}
