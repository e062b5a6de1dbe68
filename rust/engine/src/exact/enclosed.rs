//! Numbers over a box of prices: what rules compute in them encloses what they compute at every point of the box.
//!
//! A number `f` of the prices carries its value at the present prices `x0`, a range that holds it all over the box, and
//! a slope enclosure: an interval `s_i` for each price that moves and an interval `jump` with
//!
//! ```text
//! f(x) - f(x0) in sum s_i t_i + jump          t_i = (x_i - x0_i) / p_i, for every x of the box,
//! ```
//!
//! that is, for every `x` there are numbers in the intervals that make this an equation. `p_i` is the double of the present
//! price. Of an inverse instrument the variable is `1 / x`, in which its values are lines: `t = (1 / x - 1 / x0) * p`.
//!
//! Sums, products and quotients of slope enclosures are those of difference quotients: `ab - a0 b0 = a (b - b0) + b0 (a -
//! a0)`, `a / b - a0 / b0 = ((a - a0) - (a0 / b0) (b - b0)) / b`. Of the larger of two numbers, with `d = a - b`,
//! `max(a, b) - max(a0, b0) = (b - b0) + share (d - d0)`, where `share`, between 0 and 1, is the quotient of `max(d, 0)`
//! between `d0` and `d`. Where rules choose otherwise, results are joined: what may become another formula has the hull of
//! the slopes of both, and what both differ by at present as a jump. Where each is linear in one amount, and nothing jumps, the
//! result is linear in pieces in that amount: its difference quotient lies between the least and the greatest slope. All ends are rounded outward, and the value at
//! present is a number of its own, in doubles with a bound or without rounding.

use std::cmp::Ordering;

use super::interval::{Interval, share_above};
use super::slopes::{Axis, Change, Kept, Region, Slope};
use super::{Bounded, Exact, Motion, Number};

/// A number of which it is known between which doubles it lies.
pub(crate) trait Centre: Number {
    fn interval(&self) -> Interval;
}

impl Centre for Bounded {
    #[inline]
    fn interval(&self) -> Interval {
        Interval::around(self.to_f64(), self.error())
    }
}

impl Centre for Exact {
    fn interval(&self) -> Interval {
        // The nearest double; zero for zero only.
        let near = self.to_f64();
        if near == 0.0 { Interval::ZERO } else { Interval::new(near.next_down(), near.next_up()) }
    }
}

/// A number over a box.
#[derive(Debug, Clone)]
pub(crate) struct Enclosed<'r, C> {
    now: C,
    /// `None` where nothing moves.
    region: Option<&'r Region<C>>,
    /// Where the region has how it changes.
    at: u32,
}

/// Where a number gets to within the box.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Within {
    pub(crate) range: Interval,
    /// Whether it may get below, and above, what it is at present.
    pub(crate) falls: bool,
    pub(crate) rises: bool,
}

impl<C: Centre> Region<C> {
    /// Numbers that are not negative at present (or positive, if they must be), and must stay so.
    pub(crate) fn kept(&self) -> Vec<Enclosed<'_, C>> {
        let number = |of: &Kept<C>| Enclosed { now: of.now.clone(), region: Some(self), at: of.at };
        self.kept.borrow().iter().map(number).collect()
    }
}

impl<'r, C: Centre> Enclosed<'r, C> {
    const fn constant(now: C) -> Self {
        Self { now, region: None, at: 0 }
    }

    #[inline]
    fn changing(now: C, region: &'r Region<C>, change: Change) -> Self {
        let range = now.interval();
        let range = if region.is_still() { range } else { change.range.and(range.plus(region.difference(change))) };
        Self::put(now, region, change.within(range))
    }

    /// With a change that is known.
    #[inline]
    fn put(now: C, region: &'r Region<C>, change: Change) -> Self {
        Self { now, region: Some(region), at: region.put(change) }
    }

    #[inline]
    fn change(&self) -> Change {
        self.region.map_or(Change::NONE, |region| region.change(self.at))
    }

    pub(crate) const fn now(&self) -> &C {
        &self.now
    }

    #[inline]
    pub(crate) fn range(&self) -> Interval {
        self.region.map_or_else(|| self.now.interval(), |region| region.change(self.at).range)
    }

    /// Looks at the slopes.
    pub(crate) fn each_slope(&self, f: impl FnMut(&Slope)) {
        if let Some(region) = self.region {
            region.each(self.change(), f);
        }
    }

    pub(crate) fn jump(&self) -> Interval {
        self.change().jump
    }

    /// Whether the number is nothing, and stays so.
    #[inline]
    fn is_nothing(&self) -> bool {
        self.region.is_none() && self.now.sign() == Some(Ordering::Equal)
    }

    /// `f` of the changes of two numbers; of none there is none.
    #[inline]
    fn both(
        &self,
        other: &Self,
        now: C,
        range: impl FnOnce() -> Interval,
        f: impl Fn(Interval, Interval) -> Interval,
    ) -> Self {
        let Some(region) = self.region.or(other.region) else { return Self::constant(now) };
        // Of the present prices alone the range is known.
        let range = if region.is_still() { Interval::ALL } else { range() };
        Self::changing(now, region, region.joined((self.change(), other.change()), range, f))
    }

    /// What is between two numbers: `share` of the change of this one, the rest of the other's.
    fn between(&self, other: &Self, now: C, range: Interval, share: Interval) -> Self {
        if share == Interval::new(0.0, 1.0) {
            return self.both(other, now, || range, Interval::hull);
        }
        // Linear in the share, so that its ends give the ends.
        let [low, high] = [share.low, share.high].map(Interval::point);
        let [rest_of_low, rest_of_high] = [low, high].map(|share| Interval::point(1.0).minus(share));
        let ends = |a: Interval, b: Interval| {
            low.times(a).plus(rest_of_low.times(b)).hull(high.times(a).plus(rest_of_high.times(b)))
        };
        self.both(other, now, || range, ends)
    }

    /// `self` or another, each somewhere in the box: with the hull of their slopes, and what they are `apart` at present as a
    /// jump.
    fn joined(&self, other: &Self, range: Interval, apart: Interval) -> Self {
        let Some(region) = self.region.or(other.region) else { return self.clone() };
        let (of_self, of_other) = (self.change(), other.change());
        let mut change = region.joined((of_self, of_other), range, Interval::hull);
        change.jump = of_self.jump.hull(of_other.jump.plus(apart));
        Self::changing(self.now.clone(), region, change)
    }

    /// More by a number that stays.
    #[inline]
    fn shifted(&self, now: C, region: &'r Region<C>, by: Interval) -> Self {
        let change = region.change(self.at);
        Self::put(now, region, change.of_sum(change.range.plus(by)))
    }

    /// Times a number that stays.
    #[inline]
    fn scaled(&self, now: C, region: &'r Region<C>, by: Interval) -> Self {
        Self::put(now, region, region.scaled(region.change(self.at), |a| a.times(by)))
    }

    /// The product of two numbers that move.
    fn product(&self, other: &Self, now: C) -> Self {
        let (range, others) = (self.range(), other.range());
        // Of the two ways to write the difference the one that multiplies with the range that is less wide.
        let (of_self, of_other) = if range.spread_of() <= others.spread_of() {
            (other.now.interval(), range)
        } else {
            (others, self.now.interval())
        };
        self.both(other, now, || range.times(others), |a, b| a.times(of_self).plus(b.times(of_other)))
    }

    /// One over the price that this is, as it is known to be a line.
    fn flipped(&self, region: &'r Region<C>) -> Self {
        let now = C::of(1.0).over(&self.now);
        Self::changing(now, region, region.change(self.at).of_flipped(POSITIVE))
    }
}

/// A price is positive.
const POSITIVE: Interval = Interval::new(0.0, f64::INFINITY);

impl<'r, C: Centre> Number for Enclosed<'r, C> {
    type Path = &'r Region<C>;

    fn of(x: f64) -> Self {
        Self::constant(C::of(x))
    }

    fn derived(exact: &Exact, near: f64, rest: f64) -> Self {
        Self::constant(C::derived(exact, near, rest))
    }

    fn binary(x: f64) -> Self {
        Self::constant(C::binary(x))
    }

    fn zero() -> Self {
        Self::constant(C::zero())
    }

    #[inline]
    fn plus(&self, other: &Self) -> Self {
        if other.is_nothing() {
            return self.clone();
        }
        if self.is_nothing() {
            return other.clone();
        }
        let now = self.now.plus(&other.now);
        match (self.region, other.region) {
            (None, None) => Self::constant(now),
            (Some(region), None) => self.shifted(now, region, other.now.interval()),
            (None, Some(region)) => other.shifted(now, region, self.now.interval()),
            _ => self.both(other, now, || self.range().plus(other.range()), Interval::plus),
        }
    }

    #[inline]
    fn minus(&self, other: &Self) -> Self {
        if other.is_nothing() {
            return self.clone();
        }
        let now = self.now.minus(&other.now);
        match (self.region, other.region) {
            (None, None) => Self::constant(now),
            (Some(region), None) => self.shifted(now, region, other.now.interval().negated()),
            _ => self.both(other, now, || self.range().minus(other.range()), Interval::minus),
        }
    }

    #[inline]
    fn times(&self, other: &Self) -> Self {
        let now = self.now.times(&other.now);
        match (self.region, other.region) {
            (None, None) => Self::constant(now),
            _ if self.is_nothing() || other.is_nothing() => Self::zero(),
            (Some(region), None) => self.scaled(now, region, other.now.interval()),
            (None, Some(region)) => other.scaled(now, region, self.now.interval()),
            (Some(_), Some(_)) => self.product(other, now),
        }
    }

    #[inline]
    fn over(&self, divisor: &Self) -> Self {
        let now = self.now.over(&divisor.now);
        match (self.region, divisor.region) {
            (None, None) => return Self::constant(now),
            (Some(region), None) => {
                let by = divisor.now.interval();
                return Self::put(now, region, region.scaled(region.change(self.at), |a| a.over(by)));
            }
            (_, Some(region)) if region.change(divisor.at).flips => {
                return Self { now, ..self.times(&divisor.flipped(region)) };
            }
            _ => {}
        }
        let (quotient, by) = (now.interval(), divisor.range());
        self.both(divisor, now, || self.range().over(by), |a, b| a.minus(quotient.times(b)).over(by))
    }

    fn abs(&self) -> Self {
        let range = self.range();
        if range.low >= 0.0 {
            return self.clone();
        }
        let other = Self::zero().minus(self);
        if range.high <= 0.0 {
            return other;
        }
        let share = share_above(self.now.interval(), range);
        let furthest = Interval::ZERO.larger(range.larger(range.negated()));
        self.between(&other, self.now.abs(), Interval::new(0.0, furthest.high), share)
    }

    #[inline]
    fn larger(&self, other: &Self) -> Self {
        let (range, others) = (self.range(), other.range());
        if range.low >= others.high {
            return self.clone();
        }
        if others.low >= range.high {
            return other.clone();
        }
        let apart = self.minus(other);
        let share = share_above(apart.now.interval(), apart.range());
        self.between(other, self.now.larger(&other.now), range.larger(others), share)
    }

    #[inline]
    fn smaller(&self, other: &Self) -> Self {
        let (range, others) = (self.range(), other.range());
        if range.low >= others.high {
            return other.clone();
        }
        if others.low >= range.high {
            return self.clone();
        }
        let apart = other.minus(self);
        let share = share_above(apart.now.interval(), apart.range());
        let range = range.negated().larger(others.negated()).negated();
        self.between(other, self.now.smaller(&other.now), range, share)
    }

    /// The sign all over the box.
    fn sign(&self) -> Option<Ordering> {
        let Some(region) = self.region else { return self.now.sign() };
        match region.change(self.at).range {
            range if range.low > 0.0 => Some(Ordering::Greater),
            range if range.high < 0.0 => Some(Ordering::Less),
            _ => None,
        }
    }

    fn sign_now(&self) -> Option<Ordering> {
        self.now.sign()
    }

    fn to_f64(&self) -> f64 {
        self.now.to_f64()
    }

    fn moving(x: f64, motion: Motion, &region: &Self::Path) -> Self {
        let Motion::Free { axis } = motion else { return Self::of(x) };
        let Axis { from, inverse, moves } = region.axis(axis);
        debug_assert!(moves.low <= 0.0 && moves.high >= 0.0, "the present is in the box");
        let (price, scale) = (C::of(x), Interval::point(from));
        if !inverse {
            return Self::changing(price, region, region.line(axis, (None, scale), POSITIVE));
        }
        // One over the price is a line, of which the price is known to be one over.
        let line = Interval::point(1.0).over(scale);
        let flipped = Self::changing(C::of(1.0).over(&price), region, region.line(axis, (None, line), POSITIVE));
        let range = Interval::point(1.0).over(flipped.range());
        let slope = range.times(price.interval()).over(scale).negated();
        Self::changing(price, region, region.line(axis, (Some(line), slope), range))
    }

    fn or(&self, other: &Self, continuous: bool) -> Self {
        if continuous {
            // Others may come between: of them all it is known that they lie within the slopes.
            return self.joined(other, Interval::ALL, Interval::ZERO);
        }
        self.joined(other, self.range().hull(other.range()), other.now.minus(&self.now).interval())
    }

    fn either(&self, other: &Self, this: bool) -> Self {
        let (one, rest) = if this { (self, other) } else { (other, self) };
        let (range, others) = (one.range(), rest.range());
        let apart = range.low > others.high || range.high < others.low;
        let still = one.region.is_none() && rest.region.is_none();
        // A change of the larger of two lies between the changes of both, and so does one of the smaller.
        if apart || still { one.clone() } else { one.joined(rest, range.hull(others), Interval::ZERO) }
    }

    fn within(&self) -> Option<Within> {
        let (region, change) = (self.region?, self.change());
        let difference = region.difference(change);
        Some(Within { range: change.range, falls: difference.low < 0.0, rises: difference.high > 0.0 })
    }

    fn keep(&self) -> bool {
        let kept = || Kept { now: self.now.clone(), at: self.at };
        self.region.is_some_and(|region| region.keep(kept))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A small generator of pseudo-random shares.
    struct Draw(u64);

    impl Draw {
        fn share(&mut self) -> f64 {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            f64::from(u32::try_from(self.0 >> 32).unwrap()) / f64::from(u32::MAX)
        }
    }

    /// Every operation, of three prices, the last of them of an inverse instrument.
    fn formula<N: Number>([one, other, inverse]: &[N; 3], of: [f64; 4]) -> [N; 5] {
        let of = of.map(N::of);
        let sum = one.times(&of[0]).minus(&other.times(&of[1])).plus(&of[2]);
        let over = of[3].over(inverse).minus(&of[0]);
        let product = sum.times(&over).abs();
        [
            sum.larger(&over).minus(&product.smaller(&of[3])),
            sum.positive().times(other).plus(&over.negative().over(one)),
            product.over(&one.plus(other)),
            other.times(inverse).minus(&sum.abs()).positive(),
            inverse.times(&of[1]).plus(&over.times(&of[1]).over(&N::of(3.0))),
        ]
    }

    #[test]
    fn prop_enclosed_holds_what_formulas_give_within_its_box() {
        let mut draw = Draw(9);
        for _ in 0..400 {
            let now: [f64; 3] = std::array::from_fn(|_| 0.1 + 3.0 * draw.share());
            let constants: [f64; 4] = std::array::from_fn(|_| 4.0 * draw.share() - 2.0);
            let wide = [0.9, 0.3, 0.01, 1e-6, 0.0][usize::try_from(draw.0 >> 40).unwrap() % 5];
            let moves: [Interval; 3] =
                std::array::from_fn(|_| Interval::new(-wide * draw.share(), 2.0 * wide * draw.share()));
            let axis = |at: usize| Axis { from: now[at], inverse: at == 2, moves: Interval::ZERO };
            let mut region = Region::<Bounded>::new((0..3).map(axis).collect());
            region.turn_to(&moves, false);
            let box_of = &region;
            let price = |at: usize| {
                let axis = u32::try_from(at).unwrap();
                Enclosed::<Bounded>::moving(now[at], Motion::Free { axis }, &box_of)
            };
            let over = formula(&std::array::from_fn(price), constants);
            for _ in 0..8 {
                let by: [f64; 3] = moves.map(|of| of.low + (of.high - of.low) * draw.share() * 0.999_999);
                let price = |at: usize| if at == 2 { now[2] / (1.0 + by[2]) } else { now[at] * (1.0 + by[at]) };
                let there: [f64; 3] = std::array::from_fn(price);
                let held = formula(&there.map(Exact::of), constants);
                for (number, held) in over.iter().zip(&held) {
                    let (range, held) = (number.range(), held.to_f64());
                    assert!(range.low <= held && held <= range.high, "{held} in {range:?}: {now:?} {moves:?}");
                }
            }
        }
    }
}
