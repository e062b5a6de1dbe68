//! Arithmetic that rules are written in once: without rounding, or in doubles with a proven bound of what rounding did.

use std::cmp::Ordering;

use super::Exact;
use super::enclosed::Within;
use super::traced::Name;

/// How a price follows the variable `v` of a path.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Motion {
    /// `x * v / from`.
    Scaled { from: f64 },
    /// `x * (1 + v * by)`.
    Shocked { by: f64 },
    /// By itself, as one of the axes of a box. Where there is no box it stays.
    Free { axis: u32 },
}

/// A number that rules can be evaluated in.
pub(crate) trait Number: Clone {
    /// Where on a path prices are: the value of its variable, or the variable itself.
    type Path;
    /// An input: the decimal that `x` denotes.
    fn of(x: f64) -> Self;
    /// A constant that follows from inputs: `near` is `exact`, rounded once, and `rest` what that lost, rounded once.
    fn derived(exact: &Exact, near: f64, rest: f64) -> Self;
    /// The binary number that a double is, not the decimal that it denotes.
    fn binary(x: f64) -> Self;
    fn zero() -> Self;
    fn plus(&self, other: &Self) -> Self;
    fn minus(&self, other: &Self) -> Self;
    fn times(&self, other: &Self) -> Self;
    /// `self / divisor`; the divisor is not zero.
    fn over(&self, divisor: &Self) -> Self;
    fn abs(&self) -> Self;
    fn larger(&self, other: &Self) -> Self;
    fn smaller(&self, other: &Self) -> Self;
    /// How the number compares with zero; `None` where rounding leaves it open.
    fn sign(&self) -> Option<Ordering>;
    fn to_f64(&self) -> f64;
    /// A price that moves along a path.
    fn moving(x: f64, motion: Motion, path: &Self::Path) -> Self;

    /// How the number compares with zero at present, where it is one of a box.
    fn sign_now(&self) -> Option<Ordering> {
        self.sign()
    }

    /// Where the number gets to; `None` where it is one number.
    fn within(&self) -> Option<Within> {
        None
    }

    /// Whether, of a number over a box, the result holds only where it keeps the sign that it has at present; it is noted then.
    fn keep(&self) -> bool {
        false
    }

    /// `self` at present, over a box `other` somewhere. As `continuous` says, it does not jump: both are linear in the same
    /// amount, and the result in pieces, which are no less and no more steep than `self` and all others.
    fn or(&self, _other: &Self, _continuous: bool) -> Self {
        self.clone()
    }

    /// The one of two that a comparison of both picked, always the larger or always the smaller, as `this` says `self`.
    fn either(&self, other: &Self, this: bool) -> Self {
        if this { self.clone() } else { other.clone() }
    }

    /// Whether an input is the larger one: the order of inputs is that of their doubles.
    fn exceeds(&self, other: &Self) -> bool {
        self.to_f64() > other.to_f64()
    }

    /// The larger one, which `this` says to be `self` or the other.
    fn larger_if(&self, other: &Self, _this: bool) -> Self {
        self.larger(other)
    }

    /// `self` if it is negative, as is said, else zero.
    fn negative_if(&self, _is_negative: bool) -> Self {
        self.negative()
    }

    /// `self` if it is positive, else zero.
    fn positive(&self) -> Self {
        self.larger(&Self::zero())
    }

    /// `self` if it is negative, else zero.
    fn negative(&self) -> Self {
        self.smaller(&Self::zero())
    }

    /// The number under a name, where numbers remember how they came about; else nothing is done.
    #[inline]
    #[must_use]
    fn named(self, _name: impl FnOnce() -> Name) -> Self {
        self
    }

    /// The number with what it was chosen by, where numbers remember; else nothing is done.
    #[inline]
    #[must_use]
    fn because(self, _reasons: impl FnOnce() -> Vec<Self>) -> Self {
        self
    }
}

/// A price that moves along a path, where its variable has the value `v`.
pub(super) fn moved<N: Number>(x: f64, motion: Motion, v: &N) -> N {
    match motion {
        Motion::Scaled { from } if from.to_bits() == x.to_bits() => v.clone(),
        Motion::Scaled { from } => N::of(x).times(v).over(&N::of(from)),
        Motion::Shocked { by } => N::of(x).times(&N::of(1.0).plus(&v.times(&N::of(by)))),
        Motion::Free { .. } => N::of(x),
    }
}

impl Number for Exact {
    type Path = Self;

    fn of(x: f64) -> Self {
        Self::from_f64(x)
    }

    fn derived(exact: &Exact, _near: f64, _rest: f64) -> Self {
        exact.clone()
    }

    fn binary(x: f64) -> Self {
        super::binary(x)
    }

    fn zero() -> Self {
        Self::zero()
    }

    fn plus(&self, other: &Self) -> Self {
        self.clone() + other.clone()
    }

    fn minus(&self, other: &Self) -> Self {
        self.clone() - other.clone()
    }

    fn times(&self, other: &Self) -> Self {
        self.clone() * other.clone()
    }

    fn over(&self, divisor: &Self) -> Self {
        self.checked_div(divisor).unwrap_or_else(Self::zero)
    }

    fn abs(&self) -> Self {
        self.clone().abs()
    }

    fn larger(&self, other: &Self) -> Self {
        self.max(other).clone()
    }

    fn smaller(&self, other: &Self) -> Self {
        self.min(other).clone()
    }

    fn sign(&self) -> Option<Ordering> {
        Some(self.sign())
    }

    fn to_f64(&self) -> f64 {
        self.to_f64()
    }

    fn moving(x: f64, motion: Motion, path: &Self) -> Self {
        moved(x, motion, path)
    }
}

/// Half the distance between 1 and the next double: the relative error of one rounding.
const U: f64 = f64::EPSILON / 2.0;

/// A double with a bound of its distance from the exact number.
///
/// The bound is itself computed in doubles, whose roundings are a few units in its last place an operation: it is
/// read a little larger than stored ([`Bounded::error`]), by more than the longest evaluation can have lost.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounded {
    value: f64,
    error: f64,
}

impl Bounded {
    /// A bound of the distance of the value from the exact number.
    pub(crate) fn error(self) -> f64 {
        self.error * (1.0 + 1e-9)
    }

    /// A value that one rounding made of numbers whose errors add up to `inherited`.
    fn rounded(value: f64, inherited: f64) -> Self {
        Self { value, error: inherited + U * value.abs() }
    }
}

impl Number for Bounded {
    type Path = Self;

    fn of(x: f64) -> Self {
        Self::rounded(x, 0.0)
    }

    fn derived(_exact: &Exact, near: f64, _rest: f64) -> Self {
        Self::rounded(near, 0.0)
    }

    fn binary(x: f64) -> Self {
        Self { value: x, error: 0.0 }
    }

    fn zero() -> Self {
        Self { value: 0.0, error: 0.0 }
    }

    fn plus(&self, other: &Self) -> Self {
        Self::rounded(self.value + other.value, self.error + other.error)
    }

    fn minus(&self, other: &Self) -> Self {
        Self::rounded(self.value - other.value, self.error + other.error)
    }

    fn times(&self, other: &Self) -> Self {
        let inherited = self.value.abs() * other.error + self.error * (other.value.abs() + other.error);
        Self::rounded(self.value * other.value, inherited)
    }

    fn over(&self, divisor: &Self) -> Self {
        let value = self.value / divisor.value;
        let nearest = divisor.value.abs() - divisor.error;
        let inherited =
            if nearest > 0.0 { (self.error + value.abs() * divisor.error) / nearest } else { f64::INFINITY };
        Self::rounded(value, inherited)
    }

    fn abs(&self) -> Self {
        Self { value: self.value.abs(), error: self.error }
    }

    fn larger(&self, other: &Self) -> Self {
        let value = if self.value > other.value { self.value } else { other.value };
        Self { value, error: if self.error > other.error { self.error } else { other.error } }
    }

    fn smaller(&self, other: &Self) -> Self {
        let value = if self.value < other.value { self.value } else { other.value };
        Self { value, error: if self.error > other.error { self.error } else { other.error } }
    }

    fn sign(&self) -> Option<Ordering> {
        let error = self.error();
        if self.value > error {
            Some(Ordering::Greater)
        } else if self.value < -error {
            Some(Ordering::Less)
        } else if error == 0.0 && self.value == 0.0 {
            Some(Ordering::Equal)
        } else {
            None
        }
    }

    fn to_f64(&self) -> f64 {
        self.value
    }

    fn moving(x: f64, motion: Motion, path: &Self) -> Self {
        moved(x, motion, path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A small generator of pseudo-random numbers.
    struct Draw(u64);

    impl Draw {
        fn number(&mut self) -> f64 {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let mantissa = f64::from(u32::try_from(self.0 >> 33).unwrap()) - 1e9;
            let scales = [1e-8, 1e-7, 1e-5, 1e-3, 0.1, 1.0, 10.0, 1e4];
            (mantissa + 0.5) * scales[usize::try_from(self.0 >> 20 & 7).unwrap()]
        }
    }

    #[test]
    fn prop_bounded_is_within_its_error_of_the_exact_number() {
        let mut draw = Draw(7);
        for _ in 0..300 {
            let inputs: Vec<f64> = (0..6).map(|_| draw.number()).collect();
            let (near, exact) = (formula::<Bounded>(&inputs), formula::<Exact>(&inputs));
            let distance = (Exact::from_binary(0.into(), 0) + exact - of_double(near.value)).abs();
            assert!(distance <= of_double(near.error()), "{inputs:?}");
        }
    }

    /// Every operation once.
    fn formula<N: Number>(x: &[f64]) -> N {
        let n = |i: usize| N::of(x[i]);
        let product = n(0).times(&n(1)).minus(&n(2).over(&n(3)));
        product
            .abs()
            .larger(&n(4))
            .plus(&n(5).smaller(&product))
            .over(&n(1))
            .plus(&n(0).positive())
            .plus(&n(2).negative())
    }

    /// A double as the binary fraction that it is.
    fn of_double(x: f64) -> Exact {
        let bits = x.to_bits();
        let exponent = i32::try_from(bits >> 52 & 0x7ff).unwrap() - 1075;
        let mantissa = num_bigint::BigInt::from(bits & ((1 << 52) - 1) | 1 << 52);
        let exact = Exact::from_binary(mantissa, exponent);
        if x < 0.0 { -exact } else { exact }
    }

    #[test]
    fn test_bounded_sign_of_a_tie_of_decimals_is_open() {
        let sum = Bounded::of(0.1).plus(&Bounded::of(0.2)).minus(&Bounded::of(0.3));
        assert_eq!(Number::sign(&sum), None);
        assert_eq!(Number::sign(&Bounded::zero()), Some(Ordering::Equal));
        assert_eq!(Number::sign(&Bounded::of(-0.1)), Some(Ordering::Less));
    }
}
