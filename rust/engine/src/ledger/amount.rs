//! Amounts: decimals that money and quantities are kept as, and the steps in which they move.

use std::cmp::Ordering;

use crate::exact::{Decimal, Exact};

/// Where to go with an amount that is no multiple of a quantum.
///
/// # Examples
/// ```
/// use crossmargin::ledger::Direction;
/// assert_eq!(Direction::of_name("down"), Some(Direction::Down));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Toward less money for the owner of the account.
    Down,
    /// Toward more.
    Up,
    /// To the nearest multiple; halves to the even one.
    Nearest,
}

impl Direction {
    /// The direction of a name: `down`, `up` or `nearest`.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        match name {
            "down" => Some(Self::Down),
            "up" => Some(Self::Up),
            "nearest" => Some(Self::Nearest),
            _ => None,
        }
    }
}

/// More steps, and more digits of a kept amount, than are counted.
pub(super) const MOST: u128 = 10_u128.pow(37);

/// A decimal `digits * 10^exponent`, exactly.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fixed {
    pub(super) digits: i128,
    pub(super) exponent: i32,
}

/// A power of ten, where it can be held.
fn ten_to(power: u32) -> Option<i128> {
    10_i128.checked_pow(power)
}

/// A double of an integer below 2^53.
fn whole(digits: u64) -> f64 {
    const HALF: f64 = 4_294_967_296.0;
    let (high, low) = (u32::try_from(digits >> 32).unwrap_or(0), u32::try_from(digits & 0xffff_ffff).unwrap_or(0));
    f64::from(high) * HALF + f64::from(low)
}

impl Fixed {
    pub(super) const ZERO: Self = Self { digits: 0, exponent: 0 };

    /// The decimal that a double denotes.
    pub(super) fn of(x: f64) -> Self {
        let decimal = Decimal::from_f64(x);
        let digits = i128::from(decimal.digits());
        Self { digits: if decimal.is_negative() { -digits } else { digits }, exponent: decimal.exponent() }
    }

    pub(super) const fn is_zero(self) -> bool {
        self.digits == 0
    }

    pub(super) const fn is_negative(self) -> bool {
        self.digits < 0
    }

    pub(super) const fn is_positive(self) -> bool {
        self.digits > 0
    }

    pub(super) const fn negated(self) -> Self {
        Self { digits: -self.digits, exponent: self.exponent }
    }

    pub(super) const fn abs(self) -> Self {
        Self { digits: self.digits.abs(), exponent: self.exponent }
    }

    /// Digits of both at one exponent.
    fn aligned(self, other: Self) -> Option<(i128, i128, i32)> {
        let exponent = match (self.digits, other.digits) {
            (0, _) => other.exponent,
            (_, 0) => self.exponent,
            _ => self.exponent.min(other.exponent),
        };
        let scaled = |x: Self| {
            if x.digits == 0 { Some(0) } else { x.digits.checked_mul(ten_to(x.exponent.abs_diff(exponent))?) }
        };
        Some((scaled(self)?, scaled(other)?, exponent))
    }

    /// The sum; `None` beyond 37 digits.
    pub(super) fn plus(self, other: Self) -> Option<Self> {
        let (a, b, exponent) = self.aligned(other)?;
        Some(Self { digits: a.checked_add(b).filter(|sum| sum.unsigned_abs() < MOST)?, exponent })
    }

    /// The difference; `None` beyond 37 digits.
    pub(super) fn minus(self, other: Self) -> Option<Self> {
        self.plus(other.negated())
    }

    /// A number of times the amount; `None` beyond 37 digits.
    pub(super) fn times(self, count: i128) -> Option<Self> {
        let digits = self.digits.checked_mul(count).filter(|digits| digits.unsigned_abs() < MOST)?;
        Some(Self { digits, exponent: self.exponent })
    }

    pub(super) fn compare(self, other: Self) -> Ordering {
        match self.aligned(other) {
            Some((a, b, _)) => a.cmp(&b),
            None => self.to_exact().cmp(&other.to_exact()),
        }
    }

    pub(super) fn to_exact(self) -> Exact {
        Exact::from_digits(self.digits, self.exponent)
    }

    /// The nearest double, ties to even.
    pub(super) fn to_f64(self) -> f64 {
        /// Powers of ten that doubles hold.
        const TENS: [f64; 23] = [
            1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18,
            1e19, 1e20, 1e21, 1e22,
        ];
        let size = u64::try_from(self.digits.unsigned_abs()).ok().filter(|digits| digits >> 53 == 0);
        let ten = usize::try_from(self.exponent.unsigned_abs()).ok().and_then(|power| TENS.get(power));
        let (Some(size), Some(ten)) = (size, ten) else { return self.to_exact().to_f64() };
        // Both are exact, so that one operation rounds once.
        let magnitude = if self.exponent < 0 { whole(size) / ten } else { whole(size) * ten };
        if self.digits < 0 { -magnitude } else { magnitude }
    }

    /// How many whole steps the amount is; `None` where it is none, or beyond 38 digits.
    pub(super) fn in_steps(self, step: Self) -> Option<i128> {
        let (a, b, _) = self.aligned(step)?;
        (b != 0 && a % b == 0).then(|| a / b)
    }
}

/// An amount as columns hold it: a double, and the decimal where it is not the one that the double denotes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Amount {
    pub(super) near: f64,
    pub(super) exact: Option<Fixed>,
}

impl Amount {
    /// The amount that a double denotes.
    pub(super) const fn of(near: f64) -> Self {
        Self { near, exact: None }
    }

    pub(super) fn fixed(self) -> Fixed {
        self.exact.unwrap_or_else(|| Fixed::of(self.near))
    }
}

impl From<Fixed> for Amount {
    fn from(exact: Fixed) -> Self {
        /// Decimals of at most 15 digits are those that their doubles denote.
        const PLAIN: i128 = 1_000_000_000_000_000;
        let near = exact.to_f64();
        let plain = exact.digits.abs() < PLAIN && exact.exponent.abs() < 100;
        let denoted = plain || (near.is_finite() && Fixed::of(near).compare(exact) == Ordering::Equal);
        Self { near, exact: (!denoted).then_some(exact) }
    }
}

/// An amount in steps: how many, and what is left of it, which is not negative but where it was rounded up.
#[derive(Debug, Clone, Copy)]
pub(super) struct Steps {
    pub(super) count: i128,
    pub(super) remainder: f64,
}

/// Why an amount is not in steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoSteps {
    /// It is no multiple, and no direction was named.
    NotMultiple,
    /// It is more steps than can be counted.
    TooLarge,
}

/// An amount as a number of steps; a direction says where to go with what is no multiple.
pub(super) fn in_steps(amount: &Exact, step: Fixed, direction: Option<Direction>) -> Result<Steps, NoSteps> {
    let (floor, rest, half) = amount.in_steps(&step.to_exact());
    // With room to add a few of them.
    let floor = i128::try_from(&floor).ok().filter(|floor| floor.unsigned_abs() < MOST).ok_or(NoSteps::TooLarge)?;
    if !rest {
        return Ok(Steps { count: floor, remainder: 0.0 });
    }
    let up = match direction.ok_or(NoSteps::NotMultiple)? {
        Direction::Down => false,
        Direction::Up => true,
        Direction::Nearest => half == Ordering::Greater || (half == Ordering::Equal && floor & 1 == 1),
    };
    let count = floor.checked_add(i128::from(up)).ok_or(NoSteps::TooLarge)?;
    let booked = step.times(count).ok_or(NoSteps::TooLarge)?;
    Ok(Steps { count, remainder: (amount.clone() - booked.to_exact()).to_f64() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_fixed_sum_of_decimals_is_exact() {
        let sum = Fixed::of(0.1).plus(Fixed::of(0.2)).unwrap();
        assert_eq!(sum.to_f64().to_bits(), 0.3_f64.to_bits());
        assert!(Fixed::of(1e70).plus(Fixed::of(1.0)).is_none());
        assert_eq!(Fixed::of(1e70).compare(Fixed::of(1.0)), Ordering::Greater);
        assert_eq!(Fixed::of(0.3).in_steps(Fixed::of(0.1)), Some(3));
        assert_eq!(Fixed::of(0.35).in_steps(Fixed::of(0.1)), None);
        assert_eq!(Fixed::ZERO.plus(Fixed::of(1e-70)).unwrap().exponent, -70);
    }

    #[test]
    fn test_fixed_nearest_double_is_that_of_the_decimal() {
        for x in [0.0, -0.1, 1e22, 123_456_789.123_456_78, 9_007_199_254_740_991.0, 1e-22, 1e60, 5e-60] {
            assert_eq!(Fixed::of(x).to_f64().to_bits(), x.to_bits(), "{x}");
        }
    }

    #[test]
    fn test_amount_keeps_digits_that_its_double_lacks() {
        let long = Fixed { digits: 12_345_678_901_234_567_890_123, exponent: -8 };
        let amount = Amount::from(long);
        assert!(amount.exact.is_some());
        assert_eq!(amount.fixed().compare(long), Ordering::Equal);
        assert!(Amount::from(Fixed { digits: 100_000_000_000_000_000, exponent: -8 }).exact.is_none());
    }

    #[test]
    fn test_steps_go_where_the_direction_says() {
        let step = Fixed { digits: 1, exponent: -2 };
        let count = |x: f64, direction| in_steps(&Exact::from_f64(x), step, direction).map(|steps| steps.count);
        assert_eq!(count(1.23, None), Ok(123));
        assert_eq!(count(1.235, None), Err(NoSteps::NotMultiple));
        assert_eq!(count(-1.235, Some(Direction::Down)), Ok(-124));
        assert_eq!(count(-1.235, Some(Direction::Up)), Ok(-123));
        assert_eq!(count(1.235, Some(Direction::Nearest)), Ok(124));
        assert_eq!(count(1.225, Some(Direction::Nearest)), Ok(122));
        assert_eq!(count(1e60, None), Err(NoSteps::TooLarge));
        let rest = in_steps(&Exact::from_f64(-1.235), step, Some(Direction::Down)).unwrap().remainder;
        assert_eq!(rest.to_bits(), 0.005_f64.to_bits());
    }
}
