//! Whether a quantity or a price is a multiple of its step.

use std::cmp::Ordering;

use crate::exact::{Decimal, Exact};

/// A step of quantities or prices, as a decimal.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Step {
    near: f64,
    digits: u64,
    exponent: i32,
}

/// Integers up to this one, and powers of ten up to that one, are doubles: a product or quotient of both rounds once.
const MOST_DIGITS: f64 = 1e15;
const MOST_ZEROS: usize = 22;

const TENS: [f64; MOST_ZEROS + 1] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
];

impl Step {
    /// The decimal that a double denotes.
    pub(crate) fn of(step: f64) -> Self {
        let decimal = Decimal::from_f64(step);
        Self { near: step, digits: decimal.digits(), exponent: decimal.exponent() }
    }

    /// The step of a quantity in base units whose contracts have a size: the product of both.
    pub(crate) fn times(self, size: f64) -> Exact {
        self.exact() * Exact::from_f64(size)
    }

    pub(crate) fn exact(self) -> Exact {
        Exact::from_digits(i128::from(self.digits), self.exponent)
    }

    /// Whether a number is a whole multiple of the step, as decimals.
    ///
    /// Decimals of at most 15 digits are told apart by their doubles: the only multiple that the number can be is one, as
    /// long as it has no more.
    pub(crate) fn divides(self, x: f64) -> bool {
        let steps = (x.abs() / self.near).round();
        let digits = steps * whole(self.digits);
        let zeros = usize::try_from(self.exponent.unsigned_abs()).unwrap_or(usize::MAX);
        match TENS.get(zeros) {
            Some(&ten) if digits < MOST_DIGITS && steps < MOST_DIGITS && self.digits < 1 << 50 => {
                let multiple = if self.exponent < 0 { digits / ten } else { digits * ten };
                multiple.to_bits() == x.abs().to_bits()
            }
            _ => divides(&self.exact(), x),
        }
    }
}

/// Whether a number is a whole multiple of a step above zero.
pub(crate) fn divides(step: &Exact, x: f64) -> bool {
    let (_, rest, _): (_, bool, Ordering) = Exact::from_f64(x).in_steps(step);
    !rest
}

/// A double of an integer, rounded where it is larger than doubles hold.
#[expect(clippy::cast_precision_loss, reason = "larger ones are not used")]
const fn whole(digits: u64) -> f64 {
    digits as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_step_divides_multiples_as_decimals() {
        let whether = |step: f64, x: f64| {
            let fast = Step::of(step).divides(x);
            assert_eq!(fast, divides(&Step::of(step).exact(), x), "{x} in steps of {step}");
            fast
        };
        assert!(whether(0.1, 0.3) && whether(0.1, -0.7) && whether(0.001, 123.456) && whether(2.5, 7.5));
        assert!(!whether(0.1, 0.1 + 0.2) && !whether(0.1, 0.35) && !whether(2.5, 8.0) && !whether(1.0, 0.5));
        assert!(whether(1e-8, 0.000_000_03) && whether(1e-8, 12_345.678_901_23));
        assert!(whether(100.0, 1e22) && whether(1.0, 1e60) && !whether(0.3, 1e60));
        assert!(whether(1e-8, 1e15) && whether(1e-30, 1.0) && !whether(1e30, 1.0));
    }

    #[test]
    fn test_step_of_base_units_is_that_of_contracts_times_their_size() {
        let step = Step::of(0.1).times(0.01);
        assert!(divides(&step, 0.003) && !divides(&step, 0.0025));
    }
}
