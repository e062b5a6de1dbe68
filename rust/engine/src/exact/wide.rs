//! Twofold numbers with a bound of what rounding did to them: fast where doubles are too coarse.

use std::cmp::Ordering;

use super::number::moved;
use super::{Exact, Motion, Number, Twofold, residual};

/// The square of half the distance between 1 and the next double.
const UNIT: f64 = (f64::EPSILON / 2.0) * (f64::EPSILON / 2.0);

/// More than everything that an operation loses where parts of it are too small for a double.
const LOST: f64 = f64::MIN_POSITIVE * 1024.0;

/// A twofold number with a bound of its distance from the exact number.
///
/// The bound is itself computed in doubles: it is read a little larger than stored ([`Wide::error`]).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wide {
    value: Twofold,
    error: f64,
    /// Whether it is the decimal that its first double denotes.
    input: bool,
    /// A hash of what it was computed from, and how: numbers with the same digits and the same origin are the same.
    origin: u64,
}

/// Scatters the bits of a hash.
const fn scattered(hash: u64) -> u64 {
    let hash = (hash ^ (hash >> 31)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    hash ^ (hash >> 29)
}

impl Wide {
    fn error(self) -> f64 {
        self.error * (1.0 + 1e-9)
    }

    /// The number, and a bound of its distance from the exact one.
    pub(crate) fn parts(self) -> (Twofold, f64) {
        (self.value, self.error())
    }

    /// The sum of a double and what is to be added to it.
    fn with_rest(near: f64, rest: f64, exactly: bool) -> Self {
        let error = if exactly && rest == 0.0 { 0.0 } else { near.abs() * (UNIT * 16_384.0) + LOST };
        Self::computed(
            Twofold { hi: near, lo: rest },
            error,
            scattered(near.to_bits() ^ rest.to_bits().rotate_left(17)),
        )
    }

    const fn computed(value: Twofold, error: f64, origin: u64) -> Self {
        Self { value, error, input: false, origin }
    }

    /// The number with its sign turned.
    const fn negated(self) -> Self {
        Self { value: self.value.negated(), origin: self.origin.wrapping_neg(), ..self }
    }

    fn is_one(self) -> bool {
        self.value == Twofold::ONE && self.error == 0.0
    }

    fn is_zero(self) -> bool {
        self.value.hi == 0.0 && self.error == 0.0
    }

    /// Whether the number is another with its sign turned, beyond doubt.
    fn is_opposite(self, other: Self) -> bool {
        let alike = self.value == other.value.negated() && self.error.to_bits() == other.error.to_bits();
        alike && ((self.input && other.input) || self.origin == other.origin.wrapping_neg())
    }

    /// One of two numbers, where the other may be the right one as far as their errors go.
    fn chosen(self, other: Self, this: bool) -> Self {
        let value = if this { self.value } else { other.value };
        let origin = scattered(self.origin.wrapping_add(other.origin.rotate_left(32)));
        Self::computed(value, if self.error > other.error { self.error } else { other.error }, origin)
    }

    fn sum(self, other: Self) -> Self {
        if self.is_opposite(other) {
            return Self::zero();
        }
        let lost = UNIT * 8.0 * (self.value.hi.abs() + other.value.hi.abs());
        let origin = scattered(self.origin.wrapping_add(other.origin));
        Self::computed(self.value.plus(other.value), self.error + other.error + lost, origin)
    }
}

/// Whether a double is an integer that is the decimal itself.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::float_cmp,
    reason = "what is too large is not whole"
)]
fn is_whole(x: f64) -> bool {
    x.abs() < 9_007_199_254_740_992.0 && (x as i64) as f64 == x
}

impl Number for Wide {
    type Path = Self;

    fn of(x: f64) -> Self {
        if is_whole(x) {
            return Self { input: true, ..Self::with_rest(x, 0.0, true) };
        }
        // There, powers of ten are doubles, and what is left of nothing is nothing.
        let exactly = x == 0.0 || (1e-5..1e15).contains(&x.abs());
        Self { input: true, ..Self::with_rest(x, residual(x), exactly) }
    }

    fn derived(_exact: &Exact, near: f64, rest: f64) -> Self {
        Self::with_rest(near, rest, true)
    }

    fn binary(x: f64) -> Self {
        Self::computed(Twofold::of(x), 0.0, scattered(!x.to_bits()))
    }

    fn zero() -> Self {
        Self::computed(Twofold::ZERO, 0.0, 0)
    }

    fn plus(&self, other: &Self) -> Self {
        match (self.is_zero(), other.is_zero()) {
            (true, _) => *other,
            (_, true) => *self,
            _ => self.sum(*other),
        }
    }

    fn minus(&self, other: &Self) -> Self {
        self.plus(&other.negated())
    }

    fn times(&self, other: &Self) -> Self {
        if self.is_zero() || other.is_zero() {
            return Self::zero();
        }
        if self.is_one() || other.is_one() {
            return if self.is_one() { *other } else { *self };
        }
        let (a, b) = (self.value.hi.abs(), other.value.hi.abs());
        let inherited = a * other.error + self.error * (b + other.error);
        let value = self.value.times(other.value);
        // Values are a little larger than their first doubles.
        let origin = scattered(self.origin.wrapping_mul(other.origin));
        Self::computed(value, inherited * 1.25 + UNIT * 20.0 * value.hi.abs() + LOST, origin)
    }

    fn over(&self, divisor: &Self) -> Self {
        if self.is_zero() {
            return Self::zero();
        }
        let value = self.value.over(divisor.value);
        let nearest = divisor.value.hi.abs() * 0.75 - divisor.error;
        let inherited =
            if nearest > 0.0 { (self.error + value.hi.abs() * divisor.error + LOST) / nearest } else { f64::INFINITY };
        let origin = scattered(self.origin ^ divisor.origin.rotate_left(32));
        Self::computed(value, inherited * 1.25 + UNIT * 40.0 * value.hi.abs() + LOST, origin)
    }

    fn abs(&self) -> Self {
        if self.value.hi < 0.0 { self.negated() } else { *self }
    }

    fn larger(&self, other: &Self) -> Self {
        self.chosen(*other, self.value.reaches(other.value))
    }

    fn smaller(&self, other: &Self) -> Self {
        self.chosen(*other, !self.value.reaches(other.value))
    }

    fn sign(&self) -> Option<Ordering> {
        let (Twofold { hi, lo }, error) = (self.value, self.error());
        if hi > 0.0 && hi + lo * (1.0 + f64::EPSILON) > error {
            Some(Ordering::Greater)
        } else if hi < 0.0 && hi + lo * (1.0 + f64::EPSILON) < -error {
            Some(Ordering::Less)
        } else if hi == 0.0 && lo == 0.0 && error == 0.0 {
            Some(Ordering::Equal)
        } else {
            None
        }
    }

    fn to_f64(&self) -> f64 {
        self.value.hi
    }

    fn moving(x: f64, motion: Motion, path: &Self) -> Self {
        moved(x, motion, path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exact::binary;

    /// A small generator of pseudo-random decimals of all magnitudes.
    struct Draw(u64);

    impl Draw {
        fn number(&mut self) -> f64 {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let digits = f64::from(u32::try_from(self.0 >> 33).unwrap()) - 1e9 + 0.5;
            let scales = [1e-40, 1e-22, 1e-7, 0.01, 1.0, 3e5, 1e30, 0.1];
            digits * scales[usize::try_from(self.0 >> 20 & 7).unwrap()]
        }
    }

    /// Every operation, more than once.
    fn formula<N: Number>(x: &[f64]) -> N {
        let n = |i: usize| N::of(x[i]);
        let product = n(0).times(&n(1)).minus(&n(2).over(&n(3)));
        let rest = product.abs().larger(&n(4)).plus(&n(5).smaller(&product)).over(&n(1));
        rest.plus(&n(0).positive()).plus(&n(2).negative()).minus(&N::binary(x[3])).times(&rest.minus(&n(4)))
    }

    #[test]
    fn prop_wide_is_within_its_error_of_the_exact_number() {
        let mut draw = Draw(7);
        for _ in 0..2_000 {
            let inputs: Vec<f64> = (0..6).map(|_| draw.number()).collect();
            let (near, exact) = (formula::<Wide>(&inputs), formula::<Exact>(&inputs));
            let distance = (exact - binary(near.value.hi) - binary(near.value.lo)).abs();
            assert!(distance <= binary(near.error()), "{inputs:?}");
            // What cancels is lost; the rest has many more digits than a double.
            assert!(near.error().is_finite());
        }
    }

    #[test]
    fn test_wide_sign_of_what_cancels_exactly_is_zero() {
        let price = Wide::of(64_123.457);
        assert_eq!(price.minus(&Wide::of(64_123.457)).sign(), Some(Ordering::Equal));
        let value = |a: f64| Wide::of(0.1).times(&Wide::of(a)).plus(&Wide::of(0.7));
        assert_eq!(value(0.3).minus(&value(0.3)).sign(), Some(Ordering::Equal));
    }

    #[test]
    fn test_wide_sign_of_a_tie_of_other_decimals_is_open() {
        let sum = Wide::of(0.1).plus(&Wide::of(0.2)).minus(&Wide::of(0.3));
        assert_eq!(sum.sign(), None);
    }

    #[test]
    fn test_wide_sign_beyond_all_doubles_is_open() {
        let large = Wide::of(1e77);
        let huge = (0..4).fold(large, |product, _| product.times(&large));
        assert_eq!(huge.sign(), None);
        let tiny = (0..5).fold(Wide::of(1e-77), |product, _| product.times(&Wide::of(1e-77)));
        assert_eq!(tiny.sign(), None);
    }
}
