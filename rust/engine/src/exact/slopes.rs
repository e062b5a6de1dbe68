//! The slopes of numbers over a box of prices: where they lie, and what changes follow from them.
//!
//! A number over a box has few slopes, and there are many such numbers for a short time. Their slopes lie one behind the
//! other in the box that they are of, which numbers only refer to, and which is emptied when the next box is tried.

use std::cell::{Cell, RefCell};

use super::interval::Interval;

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

/// The slope of a number in one variable.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Slope {
    pub(crate) axis: u32,
    pub(crate) slope: Interval,
}

/// How a number changes within a box.
#[derive(Debug, Clone, Copy)]
pub(super) struct Change {
    /// Where its slopes begin, by axis, ascending, and how many there are.
    first: u32,
    n: u16,
    /// Whether it is the price of an inverse instrument: the slope of one over it lies before its own.
    pub(super) flips: bool,
    pub(super) jump: Interval,
    /// All that the number can be.
    pub(super) range: Interval,
}

impl Change {
    /// Of a number that does not move.
    pub(super) const NONE: Self = Self { first: 0, n: 0, flips: false, jump: Interval::ZERO, range: Interval::ALL };

    const fn places(self) -> std::ops::Range<usize> {
        self.first as usize..self.first as usize + self.n as usize
    }

    /// The same, within a range that is known better.
    pub(super) const fn within(self, range: Interval) -> Self {
        Self { range, ..self }
    }

    /// Of the sum of the number and one that stays, which is no price.
    pub(super) const fn of_sum(self, range: Interval) -> Self {
        Self { range, flips: false, ..self }
    }

    /// The change of one over a price, of that of the price.
    pub(super) const fn of_flipped(self, range: Interval) -> Self {
        Self { first: self.first - 1, n: 1, flips: false, jump: Interval::ZERO, range }
    }
}

/// A number of which a result holds only where it keeps its side of zero.
#[derive(Debug)]
pub(super) struct Kept<C> {
    pub(super) now: C,
    pub(super) at: u32,
}

/// A box of prices, and the numbers that keep their sides of zero where results hold.
#[derive(Debug)]
pub(crate) struct Region<C> {
    axes: Vec<Axis>,
    /// Whether it is the present prices alone.
    still: bool,
    slopes: RefCell<Vec<Slope>>,
    changes: RefCell<Vec<Change>>,
    keeps: Cell<bool>,
    pub(super) kept: RefCell<Vec<Kept<C>>>,
}

impl<C> Region<C> {
    /// A box of the present prices alone.
    pub(crate) fn new(axes: Vec<Axis>) -> Self {
        /// Numbers of a pool of some positions, and slopes of each.
        const ROOM: usize = 128;
        const EACH: usize = 4;
        let (slopes, changes) = (Vec::with_capacity(ROOM * EACH), Vec::with_capacity(ROOM));
        let (slopes, changes) = (RefCell::new(slopes), RefCell::new(changes));
        Self { axes, still: false, slopes, changes, keeps: Cell::new(false), kept: RefCell::default() }
    }

    /// Another box around the same prices. With `keep` tiers with jumps are kept: results hold where the numbers of
    /// [`Self::kept`] keep theirs.
    pub(crate) fn turn_to(&mut self, moves: &[Interval], keep: bool) {
        for (axis, &moves) in self.axes.iter_mut().zip(moves) {
            axis.moves = moves;
        }
        self.still = moves.iter().all(|&moves| moves == Interval::ZERO);
        self.slopes.get_mut().clear();
        self.changes.get_mut().clear();
        self.kept.get_mut().clear();
        self.keeps.set(keep);
    }

    pub(super) const fn is_still(&self) -> bool {
        self.still
    }

    pub(super) fn axis(&self, at: u32) -> Axis {
        self.axes[at as usize]
    }

    /// Notes a number that must keep its side, if tiers are kept.
    pub(super) fn keep(&self, kept: impl FnOnce() -> Kept<C>) -> bool {
        let keeps = self.keeps.get();
        if keeps {
            self.kept.borrow_mut().push(kept());
        }
        keeps
    }

    /// The change of a number.
    #[inline]
    pub(super) fn change(&self, at: u32) -> Change {
        self.changes.borrow()[at as usize]
    }

    /// Where the change of a number is from now on.
    #[inline]
    pub(super) fn put(&self, change: Change) -> u32 {
        let mut all = self.changes.borrow_mut();
        let at = place(all.len());
        all.push(change);
        at
    }

    /// Looks at the slopes of a change.
    pub(super) fn each(&self, of: Change, f: impl FnMut(&Slope)) {
        self.slopes.borrow()[of.places()].iter().for_each(f);
    }

    /// A change along one price, with the slope of one over it before where there is one.
    pub(super) fn line(&self, axis: u32, (flipped, slope): (Option<Interval>, Interval), range: Interval) -> Change {
        let mut all = self.slopes.borrow_mut();
        all.extend(flipped.map(|slope| Slope { axis, slope }));
        let first = place(all.len());
        all.push(Slope { axis, slope });
        Change { first, n: 1, flips: flipped.is_some(), jump: Interval::ZERO, range }
    }

    /// `f` of the slopes and of the jump of a change, of none none; of its range as well.
    #[inline]
    pub(super) fn scaled(&self, of: Change, f: impl Fn(Interval) -> Interval) -> Change {
        let mut all = self.slopes.borrow_mut();
        let first = place(all.len());
        all.reserve(usize::from(of.n));
        for at in of.places() {
            let Slope { axis, slope } = all[at];
            all.push(Slope { axis, slope: f(slope) });
        }
        let jump = if of.jump == Interval::ZERO { Interval::ZERO } else { f(of.jump) };
        Change { first, n: of.n, flips: false, jump, range: f(of.range) }
    }

    /// `f` of the slopes and of the jumps of two changes, which of none is none.
    #[inline]
    pub(super) fn joined(
        &self,
        (a, b): (Change, Change),
        range: Interval,
        f: impl Fn(Interval, Interval) -> Interval,
    ) -> Change {
        let mut all = self.slopes.borrow_mut();
        let first = place(all.len());
        let (mut of_a, mut of_b) = (a.places(), b.places());
        all.reserve(of_a.len() + of_b.len());
        while of_a.start < of_a.end && of_b.start < of_b.end {
            let (one, other) = (all[of_a.start], all[of_b.start]);
            let (has_a, has_b) = (one.axis <= other.axis, other.axis <= one.axis);
            let slope = match (has_a, has_b) {
                (true, true) => f(one.slope, other.slope),
                (true, false) => f(one.slope, Interval::ZERO),
                _ => f(Interval::ZERO, other.slope),
            };
            all.push(Slope { axis: if has_a { one.axis } else { other.axis }, slope });
            of_a.start += usize::from(has_a);
            of_b.start += usize::from(has_b);
        }
        for at in of_a {
            let Slope { axis, slope } = all[at];
            all.push(Slope { axis, slope: f(slope, Interval::ZERO) });
        }
        for at in of_b {
            let Slope { axis, slope } = all[at];
            all.push(Slope { axis, slope: f(Interval::ZERO, slope) });
        }
        let still = a.jump == Interval::ZERO && b.jump == Interval::ZERO;
        let jump = if still { Interval::ZERO } else { f(a.jump, b.jump) };
        let n = u16::try_from(all.len() - first as usize).unwrap_or(u16::MAX);
        Change { first, n, flips: false, jump, range }
    }

    /// What a number differs by from what it is at present.
    ///
    /// Zero is among what every slope and jump adds, so that what is added to an end has one sign, and the error of the sum
    /// is a share of it: less than one unit in the last place for each product and each sum.
    #[inline]
    pub(super) fn difference(&self, of: Change) -> Interval {
        let (mut low, mut high) = (of.jump.low, of.jump.high);
        for of in &self.slopes.borrow()[of.places()] {
            let (slope, moves) = (of.slope, self.axes[of.axis as usize].moves);
            low += least(product(slope.high, moves.low), product(slope.low, moves.high));
            high -= least(-product(slope.low, moves.low), -product(slope.high, moves.high));
        }
        let error = f64::EPSILON * f64::from(of.n + 2);
        Interval::new(low + low * error, high + high * error)
    }
}

/// Where the next slope is; there are far fewer.
fn place(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

fn least(a: f64, b: f64) -> f64 {
    if a < b { a } else { b }
}

/// The product, but none with nothing; never nothing where there is one.
#[inline]
fn product(a: f64, b: f64) -> f64 {
    if a == 0.0 || b == 0.0 {
        return 0.0;
    }
    let product = a * b;
    if product.abs() < f64::MIN_POSITIVE { f64::MIN_POSITIVE.copysign(product) } else { product }
}
