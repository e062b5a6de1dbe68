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

use std::cell::RefCell;
use std::cmp::Ordering;
use std::rc::Rc;

use super::interval::{Interval, share_above};
use super::{Bounded, Exact, Motion, Number};

/// A number of which it is known between which doubles it lies.
pub(crate) trait Centre: Number {
    fn interval(&self) -> Interval;
}

impl Centre for Bounded {
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

/// One price that moves: `t` from `low`, at most 0, to `high`, at least 0.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Axis {
    /// The present price.
    pub(crate) from: f64,
    /// Whether the variable is one over the price.
    pub(crate) inverse: bool,
    /// At least -1, which is a price (or one over it) of zero.
    pub(crate) moves: Interval,
}

/// A box of prices, and the numbers that keep their sides of zero where results hold.
#[derive(Debug)]
pub(crate) struct Region<C> {
    axes: Vec<Axis>,
    keeps: Option<RefCell<Vec<Enclosed<C>>>>,
}

impl<C: Centre> Region<C> {
    /// A box. With `keep` tiers with jumps are kept: results hold where the numbers of [`Self::kept`] keep theirs.
    pub(crate) fn new(axes: Vec<Axis>, keep: bool) -> Rc<Self> {
        Rc::new(Self { axes, keeps: keep.then(RefCell::default) })
    }

    /// Numbers that are not negative at present (or positive, if they must be), and must stay so.
    pub(crate) fn kept(&self) -> Vec<Enclosed<C>> {
        self.keeps.as_ref().map_or_else(Vec::new, RefCell::take)
    }
}

/// The slope of a number in one variable.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Slope {
    pub(crate) axis: u32,
    pub(crate) slope: Interval,
}

#[derive(Debug)]
struct Change<C> {
    /// By axis, ascending.
    slopes: Vec<Slope>,
    jump: Interval,
    region: Option<Rc<Region<C>>>,
    /// Of a price of an inverse instrument: one over it.
    flipped: Option<Enclosed<C>>,
}

/// A number over a box.
#[derive(Debug, Clone)]
pub(crate) struct Enclosed<C> {
    now: C,
    range: Interval,
    /// `None` where nothing moves.
    change: Option<Rc<Change<C>>>,
}

/// Where a number gets to within the box.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Within {
    pub(crate) range: Interval,
    /// Whether it may get below, and above, what it is at present.
    pub(crate) falls: bool,
    pub(crate) rises: bool,
}

/// The slopes of two numbers, joined axis by axis.
fn merged(a: &[Slope], b: &[Slope], join: impl Fn(Interval, Interval) -> Interval) -> Vec<Slope> {
    let mut all = Vec::with_capacity(a.len() + b.len());
    let (mut rest_of_a, mut rest_of_b) = (a.iter().peekable(), b.iter().peekable());
    loop {
        let (of_a, of_b) = (rest_of_a.peek(), rest_of_b.peek());
        let Some(axis) = of_a.into_iter().chain(of_b).map(|of| of.axis).min() else { return all };
        let slope_of_a = rest_of_a.next_if(|of| of.axis == axis).map_or(Interval::ZERO, |of| of.slope);
        let slope_of_b = rest_of_b.next_if(|of| of.axis == axis).map_or(Interval::ZERO, |of| of.slope);
        all.push(Slope { axis, slope: join(slope_of_a, slope_of_b) });
    }
}

impl<C: Centre> Change<C> {
    /// What the number differs by from what it is at present.
    fn difference(&self) -> Interval {
        let axes = self.region.as_ref().map_or(&[] as &[Axis], |region| &region.axes);
        self.slopes.iter().fold(self.jump, |sum, of| sum.plus(of.slope.times(axes[of.axis as usize].moves)))
    }

    fn mapped(&self, f: impl Fn(Interval) -> Interval) -> Self {
        Self {
            slopes: self.slopes.iter().map(|of| Slope { slope: f(of.slope), ..*of }).collect(),
            jump: f(self.jump),
            region: self.region.clone(),
            flipped: None,
        }
    }

    fn joined(&self, other: &Self, f: impl Fn(Interval, Interval) -> Interval) -> Self {
        Self {
            slopes: merged(&self.slopes, &other.slopes, &f),
            jump: f(self.jump, other.jump),
            region: self.region.clone().or_else(|| other.region.clone()),
            flipped: None,
        }
    }
}

impl<C: Centre> Enclosed<C> {
    fn constant(now: C) -> Self {
        Self { range: now.interval(), now, change: None }
    }

    fn changing(now: C, range: Interval, change: Change<C>) -> Self {
        let range = range.and(now.interval().plus(change.difference()));
        Self { now, range, change: Some(Rc::new(change)) }
    }

    pub(crate) const fn now(&self) -> &C {
        &self.now
    }

    pub(crate) const fn range(&self) -> Interval {
        self.range
    }

    pub(crate) fn slopes(&self) -> &[Slope] {
        self.change.as_ref().map_or(&[], |change| &change.slopes)
    }

    pub(crate) fn jump(&self) -> Interval {
        self.change.as_ref().map_or(Interval::ZERO, |change| change.jump)
    }

    /// `f` of the changes of two numbers; of none there is none.
    fn both(&self, other: &Self, (now, range): (C, Interval), f: impl Fn(Interval, Interval) -> Interval) -> Self {
        let zero = Interval::ZERO;
        let change = match (&self.change, &other.change) {
            (None, None) => return Self { now, range, change: None },
            (Some(a), None) => a.mapped(|a| f(a, zero)),
            (None, Some(b)) => b.mapped(|b| f(zero, b)),
            (Some(a), Some(b)) => a.joined(b, f),
        };
        Self::changing(now, range, change)
    }

    /// What is between two numbers: `share` of the change of this one, the rest of the other's.
    fn between(&self, other: &Self, (now, range): (C, Interval), share: Interval) -> Self {
        // Linear in the share, so that its ends give the ends.
        let [low, high] = [share.low, share.high].map(Interval::point);
        let [rest_of_low, rest_of_high] = [low, high].map(|share| Interval::point(1.0).minus(share));
        let ends = |a: Interval, b: Interval| {
            low.times(a).plus(rest_of_low.times(b)).hull(high.times(a).plus(rest_of_high.times(b)))
        };
        let exact = share == Interval::new(0.0, 1.0);
        self.both(other, (now, range), |a, b| if exact { a.hull(b) } else { ends(a, b) })
    }

    /// `self` or another, each somewhere in the box: with the hull of their slopes, and what they are `apart` at present as a
    /// jump.
    fn joined(&self, other: &Self, range: Interval, apart: Interval) -> Self {
        let nothing = Change { slopes: Vec::new(), jump: Interval::ZERO, region: None, flipped: None };
        let (a, b) = (self.change.as_deref().unwrap_or(&nothing), other.change.as_deref().unwrap_or(&nothing));
        let mut change = a.joined(b, Interval::hull);
        change.jump = a.jump.hull(b.jump.plus(apart));
        Self::changing(self.now.clone(), range, change)
    }
}

impl<C: Centre> Number for Enclosed<C> {
    type Path = Rc<Region<C>>;

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
        Self { now: C::zero(), range: Interval::ZERO, change: None }
    }

    fn plus(&self, other: &Self) -> Self {
        let (now, range) = (self.now.plus(&other.now), self.range.plus(other.range));
        match (&self.change, &other.change) {
            (Some(change), None) | (None, Some(change)) if change.flipped.is_none() => {
                Self { now, range, change: Some(Rc::clone(change)) }
            }
            _ => self.both(other, (now, range), Interval::plus),
        }
    }

    fn minus(&self, other: &Self) -> Self {
        let (now, range) = (self.now.minus(&other.now), self.range.minus(other.range));
        match (&self.change, &other.change) {
            (Some(change), None) if change.flipped.is_none() => Self { now, range, change: Some(Rc::clone(change)) },
            _ => self.both(other, (now, range), Interval::minus),
        }
    }

    fn times(&self, other: &Self) -> Self {
        let (now, range) = (self.now.times(&other.now), self.range.times(other.range));
        // Of the two ways to write the difference the one that multiplies with the range that is less wide.
        let (of_self, of_other) = if self.range.spread_of() <= other.range.spread_of() {
            (other.now.interval(), self.range)
        } else {
            (other.range, self.now.interval())
        };
        self.both(other, (now, range), |a, b| a.times(of_self).plus(b.times(of_other)))
    }

    fn over(&self, divisor: &Self) -> Self {
        let now = self.now.over(&divisor.now);
        if let Some(flipped) = divisor.change.as_ref().and_then(|change| change.flipped.as_ref()) {
            return Self { now, ..self.times(flipped) };
        }
        let quotient = now.interval();
        let range = self.range.over(divisor.range);
        self.both(divisor, (now, range), |a, b| a.minus(quotient.times(b)).over(divisor.range))
    }

    fn abs(&self) -> Self {
        if self.range.low >= 0.0 {
            return self.clone();
        }
        let other = Self::zero().minus(self);
        if self.range.high <= 0.0 {
            return other;
        }
        let share = share_above(self.now.interval(), self.range);
        let furthest = Interval::point(0.0).larger(self.range.larger(self.range.negated()));
        self.between(&other, (self.now.abs(), Interval::new(0.0, furthest.high)), share)
    }

    fn larger(&self, other: &Self) -> Self {
        if self.range.low >= other.range.high {
            return self.clone();
        }
        if other.range.low >= self.range.high {
            return other.clone();
        }
        let apart = self.minus(other);
        let share = share_above(apart.now.interval(), apart.range);
        self.between(other, (self.now.larger(&other.now), self.range.larger(other.range)), share)
    }

    fn smaller(&self, other: &Self) -> Self {
        if self.range.low >= other.range.high {
            return other.clone();
        }
        if other.range.low >= self.range.high {
            return self.clone();
        }
        let apart = other.minus(self);
        let share = share_above(apart.now.interval(), apart.range);
        let range = self.range.negated().larger(other.range.negated()).negated();
        self.between(other, (self.now.smaller(&other.now), range), share)
    }

    /// The sign all over the box.
    fn sign(&self) -> Option<Ordering> {
        match self.change {
            None => self.now.sign(),
            Some(_) if self.range.low > 0.0 => Some(Ordering::Greater),
            Some(_) if self.range.high < 0.0 => Some(Ordering::Less),
            Some(_) => None,
        }
    }

    fn sign_now(&self) -> Option<Ordering> {
        self.now.sign()
    }

    fn to_f64(&self) -> f64 {
        self.now.to_f64()
    }

    fn moving(x: f64, motion: Motion, region: &Self::Path) -> Self {
        let Motion::Free { axis } = motion else { return Self::of(x) };
        let Axis { from, inverse, moves } = region.axes[axis as usize];
        let line = |now: C, per: Interval| {
            let slopes = vec![Slope { axis, slope: per }];
            let change = Change { slopes, jump: Interval::ZERO, region: Some(Rc::clone(region)), flipped: None };
            // A price is positive.
            Self::changing(now, Interval::new(0.0, f64::INFINITY), change)
        };
        let scale = Interval::point(from);
        if !inverse {
            return line(C::of(x), scale);
        }
        let price = C::of(x);
        let flipped = line(C::of(1.0).over(&price), Interval::point(1.0).over(scale));
        let range = Interval::point(1.0).over(flipped.range);
        let slope = range.times(price.interval()).over(scale).negated();
        let change = Change {
            slopes: vec![Slope { axis, slope }],
            jump: Interval::ZERO,
            region: Some(Rc::clone(region)),
            flipped: Some(flipped),
        };
        debug_assert!(moves.low <= 0.0 && moves.high >= 0.0, "the present is in the box");
        Self::changing(price, range, change)
    }

    fn or(&self, other: &Self, continuous: bool) -> Self {
        if continuous {
            // Others may come between: of them all it is known that they lie within the slopes.
            return self.joined(other, Interval::ALL, Interval::ZERO);
        }
        self.joined(other, self.range.hull(other.range), other.now.minus(&self.now).interval())
    }

    fn either(&self, other: &Self, this: bool) -> Self {
        let (one, rest) = if this { (self, other) } else { (other, self) };
        let apart = one.range.low > rest.range.high || one.range.high < rest.range.low;
        let still = one.change.is_none() && rest.change.is_none();
        // A change of the larger of two lies between the changes of both, and so does one of the smaller.
        if apart || still { one.clone() } else { one.joined(rest, one.range.hull(rest.range), Interval::ZERO) }
    }

    fn within(&self) -> Option<Within> {
        let difference = self.change.as_ref()?.difference();
        Some(Within { range: self.range, falls: difference.low < 0.0, rises: difference.high > 0.0 })
    }

    fn keep(&self) -> bool {
        let region = self.change.as_ref().and_then(|change| change.region.as_ref());
        let Some(keeps) = region.and_then(|region| region.keeps.as_ref()) else { return false };
        keeps.borrow_mut().push(self.clone());
        true
    }
}
