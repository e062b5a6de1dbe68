//! Intervals of doubles that enclose real numbers: every operation rounds outward.
//!
//! An end may be infinite; it then says that there is no bound. The numbers inside are finite, so that nothing times an
//! unbounded number is nothing. A low end is never `inf` and a high end never `-inf`.

/// All numbers from `low` to `high`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Interval {
    pub(crate) low: f64,
    pub(crate) high: f64,
}

/// A number of which `rounded` is what is left after rounding; with nothing on one side it is exact.
#[derive(Clone, Copy)]
struct Rounded {
    rounded: f64,
    exact: bool,
}

impl Rounded {
    #[inline]
    fn product(a: f64, b: f64) -> Self {
        let exact = a == 0.0 || b == 0.0;
        Self { rounded: if exact { 0.0 } else { a * b }, exact }
    }

    /// Of `0 / 0` and `inf / inf` the other ends of the intervals say what there is; nothing reaches `x / inf`.
    #[inline]
    fn quotient(a: f64, b: f64) -> Self {
        let exact = a == 0.0 || b.is_infinite();
        Self { rounded: if exact { 0.0 } else { a / b.abs() }, exact }
    }

    #[inline]
    fn sum(a: f64, b: f64) -> Self {
        Self { rounded: a + b, exact: a == 0.0 || b == 0.0 }
    }

    #[inline]
    fn down(self) -> f64 {
        if self.exact { self.rounded } else { below(self.rounded) }
    }

    #[inline]
    fn up(self) -> f64 {
        -Self { rounded: -self.rounded, ..self }.down()
    }
}

/// A number below a double that was rounded, which is its next or, of what overflowed, the largest.
#[inline]
fn below(x: f64) -> f64 {
    let below = x - (x.abs() * f64::EPSILON + f64::MIN_POSITIVE);
    // Beyond all numbers there is no difference.
    if below.is_nan() { f64::MAX } else { below }
}

impl Interval {
    pub(crate) const ZERO: Self = Self { low: 0.0, high: 0.0 };
    pub(crate) const ALL: Self = Self { low: f64::NEG_INFINITY, high: f64::INFINITY };

    #[inline]
    pub(crate) const fn new(low: f64, high: f64) -> Self {
        Self { low, high }
    }

    #[inline]
    pub(crate) const fn point(x: f64) -> Self {
        Self { low: x, high: x }
    }

    /// What lies within `error` of a number, and a little more.
    #[inline]
    pub(crate) fn around(x: f64, error: f64) -> Self {
        if error == 0.0 {
            return Self::point(x);
        }
        if !(x - error).is_finite() || !(x + error).is_finite() {
            return Self::ALL;
        }
        Self { low: below(x - error), high: -below(-x - error) }
    }

    #[inline]
    pub(crate) fn plus(self, other: Self) -> Self {
        Self { low: Rounded::sum(self.low, other.low).down(), high: Rounded::sum(self.high, other.high).up() }
    }

    #[inline]
    pub(crate) const fn negated(self) -> Self {
        Self { low: -self.high, high: -self.low }
    }

    #[inline]
    pub(crate) fn minus(self, other: Self) -> Self {
        self.plus(other.negated())
    }

    #[inline]
    pub(crate) fn times(self, other: Self) -> Self {
        if other.low >= 0.0 {
            self.times_some(other)
        } else if self.low >= 0.0 {
            other.times_some(self)
        } else if other.high <= 0.0 {
            self.negated().times_some(other.negated())
        } else if self.high <= 0.0 {
            other.negated().times_some(self.negated())
        } else {
            // Both change their sign: no end is nothing.
            let low = -larger(-(self.low * other.high), -(self.high * other.low));
            Self { low: below(low), high: -below(-larger(self.low * other.low, self.high * other.high)) }
        }
    }

    /// Times what is not negative.
    #[inline]
    fn times_some(self, other: Self) -> Self {
        let low = Rounded::product(self.low, if self.low >= 0.0 { other.low } else { other.high });
        let high = Rounded::product(self.high, if self.high >= 0.0 { other.high } else { other.low });
        Self { low: low.down(), high: high.up() }
    }

    /// The quotient; all numbers where the divisor changes its sign.
    #[inline]
    pub(crate) fn over(self, divisor: Self) -> Self {
        if divisor.low < 0.0 {
            return if divisor.high <= 0.0 { self.negated().over(divisor.negated()) } else { Self::ALL };
        }
        let low = Rounded::quotient(self.low, if self.low >= 0.0 { divisor.high } else { divisor.low });
        let high = Rounded::quotient(self.high, if self.high >= 0.0 { divisor.low } else { divisor.high });
        Self { low: low.down(), high: high.up() }
    }

    #[inline]
    pub(crate) fn hull(self, other: Self) -> Self {
        Self {
            low: if other.low < self.low { other.low } else { self.low },
            high: if other.high > self.high { other.high } else { self.high },
        }
    }

    /// What lies in both, which both enclose the same number.
    #[inline]
    pub(crate) fn and(self, other: Self) -> Self {
        Self { low: larger(self.low, other.low), high: -larger(-self.high, -other.high) }
    }

    /// The range of the larger of two numbers.
    #[inline]
    pub(crate) fn larger(self, other: Self) -> Self {
        Self { low: larger(self.low, other.low), high: larger(self.high, other.high) }
    }

    /// How wide the interval is for its magnitude: infinite where it has no bound.
    pub(crate) fn spread_of(self) -> f64 {
        let magnitude = larger(self.low.abs(), self.high.abs());
        if magnitude.is_finite() && magnitude > 0.0 { (self.high - self.low) / magnitude } else { magnitude }
    }
}

pub(crate) fn larger(a: f64, b: f64) -> f64 {
    if a > b { a } else { b }
}

/// Which part of a change of `y` is one of `max(y, 0)`, where `y` goes from somewhere in `from` to somewhere in `to`.
///
/// `(max(y, 0) - max(x, 0)) / (y - x)` rises with `x` and with `y`, since `max(y, 0)` is convex.
pub(crate) fn share_above(from: Interval, to: Interval) -> Interval {
    let share = |x: f64, y: f64, outward: &dyn Fn(f64) -> f64| {
        let (below, above) = if x < y { (-x, y) } else { (-y, x) };
        // Divided by what is larger, neither overflows.
        if above.is_infinite() { 1.0 } else { outward(1.0 / (1.0 + below / above)) }
    };
    let few = |x: f64| x * (1.0 - 2.0 * f64::EPSILON);
    let more = |x: f64| x * (1.0 + 2.0 * f64::EPSILON);
    let low = match (from.low, to.low) {
        (x, y) if x <= 0.0 && y <= 0.0 => 0.0,
        (x, y) if x >= 0.0 && y >= 0.0 => 1.0,
        (x, y) => share(x, y, &few),
    };
    let high = match (from.high, to.high) {
        (x, y) if x >= 0.0 && y >= 0.0 => 1.0,
        (x, y) if x <= 0.0 && y <= 0.0 => 0.0,
        (x, y) => -larger(-1.0, -share(x, y, &more)),
    };
    Interval { low, high }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_interval_without_a_bound_times_nothing_is_nothing() {
        let far = Interval::new(2.0, f64::INFINITY);
        assert_eq!(far.times(Interval::ZERO), Interval::ZERO);
        assert_eq!(far.times(Interval::new(0.0, 1.0)), Interval::new(0.0, f64::INFINITY));
        let one_over = Interval::point(1.0).over(far);
        assert!(one_over.low == 0.0 && one_over.high >= 0.5 && one_over.high < 0.500_001);
        assert_eq!(Interval::point(1.0).over(Interval::new(-1.0, 1.0)), Interval::ALL);
        assert!(Interval::point(1.0).over(Interval::new(0.0, 1.0)).high.is_infinite());
    }

    #[test]
    fn prop_interval_share_above_encloses_every_quotient() {
        let points: Vec<f64> = (-6..=6).map(f64::from).collect();
        for &x in &points {
            for &to in &points {
                let (low, high) = if x < to { (x, to) } else { (to, x) };
                let share = share_above(Interval::point(x), Interval::new(low, high));
                for y in points.iter().copied().filter(|&y| y >= low && y <= high && y.to_bits() != x.to_bits()) {
                    let quotient = (larger(y, 0.0) - larger(x, 0.0)) / (y - x);
                    assert!(share.low <= quotient && quotient <= share.high, "{x} {y} {share:?}");
                }
            }
        }
    }

    #[test]
    fn test_interval_sum_rounds_outward() {
        let sum = Interval::point(0.1).plus(Interval::point(0.2));
        assert!(sum.low < 0.300_000_000_000_000_04 && sum.high > 0.300_000_000_000_000_04);
        assert_eq!(Interval::point(0.1).plus(Interval::ZERO), Interval::point(0.1));
    }
}
