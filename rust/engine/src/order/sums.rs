//! What the positions of a pool come to in doubles: by the operations of the lanes, in their order, so with their bits.

use std::ops::Range;

use crate::market::AvailableRule;
use crate::pool::decode;

use super::ground::Ground;

/// Sums over the positions of a pool, and what bounds their errors.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sums {
    pub(super) equity: f64,
    pub(super) required: f64,
    pub(super) notional: f64,
    pub(super) initial: f64,
    cash: f64,
    constant: f64,
    /// Magnitudes beyond the notional whose rounding counts; infinite where a tier is in doubt.
    guard: f64,
    absolute: f64,
    relative: f64,
}

/// What the roundings of one order's terms are covered by, relatively.
const OF_ORDER: f64 = 64.0 * (f64::EPSILON / 2.0);

/// The larger one; the second where the first is NaN.
#[inline]
pub(super) fn larger(a: f64, b: f64) -> f64 {
    if a > b { a } else { b }
}

/// What far positions are charged beyond the rows of their classes, and the doubt that it adds: rare, so looked at again.
#[cold]
fn beyond_reach(ground: &Ground<'_>, positions: Range<usize>) -> (f64, f64) {
    let (holdings, mut sums) = (ground.book.holdings(), (0.0, 0.0));
    for position in positions {
        let class = holdings.class[position];
        let of = ground.class(class);
        let u = (holdings.quantity[position] * of.row.x).abs();
        if u > of.far {
            let (charge, doubt) = ground.book.classes().beyond(class + 1, u);
            sums = (sums.0 + charge, sums.1 + doubt);
        }
    }
    sums
}

impl Sums {
    /// Of a pool of a book that has one-asset lanes, and where its last position of an instrument is; `at_entry` says where
    /// initial margin is charged.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "what is passed on would go through memory, which takes longer than the work"
    )]
    pub(super) fn new(
        ground: &Ground<'_>,
        at_entry: bool,
        pool: usize,
        instrument: u32,
    ) -> Option<(Self, Option<usize>)> {
        let (book, holdings) = (ground.book, ground.book.holdings());
        let folded = book.folded()?;
        let place = ground.place(folded, pool);
        let (constant, cash) = (folded.constant[place], folded.cash[place]);
        let charged = folded.maintenance.get(place).copied().unwrap_or(0.0);
        let mut initial = folded.initial.get(place).copied().unwrap_or(0.0);
        let (mut value, mut notional, mut base, mut beyond) = (0.0, 0.0, 0.0, 0.0);
        let mut is_far = false;
        let positions = holdings.positions_of(pool);
        let (first, mut met) = (positions.start, usize::MAX);
        let leverage = holdings.leverage.get(positions.clone()).unwrap_or(&[]);
        let columns = holdings.quantity[positions.clone()].iter().zip(&holdings.class[positions.clone()]);
        for (at, (quantity, &class)) in columns.enumerate() {
            let of = ground.class(class);
            let v = quantity * of.row.x;
            let u = v.abs();
            value += v;
            notional += u;
            base += of.row.rate * u;
            beyond += of.row.slope * larger(u - of.row.floor, 0.0);
            is_far |= u > of.far;
            if !at_entry {
                initial += u / leverage.get(at).copied().unwrap_or(f64::NAN);
            }
            met = if of.instrument == instrument { first + at } else { met };
        }
        let (far, guard) = if is_far { beyond_reach(ground, positions) } else { (0.0, 0.0) };
        let (absolute, relative) = decode(folded.doubt[place]);
        let required = base + beyond + charged + far;
        let equity = constant + value;
        let sums = Self { equity, required, notional, initial, cash, constant, guard, absolute, relative };
        Some((sums, (met != usize::MAX).then_some(met)))
    }

    /// A bound of the error of `equity - level * required`.
    #[inline]
    pub(super) fn bound_of_excess(&self, level: f64) -> f64 {
        let magnitude = self.constant.abs() + 2.0 * (1.0 + level) * (self.notional + self.guard);
        self.absolute + self.relative * magnitude
    }

    /// As [`Self::bound_of_excess`], with what an order adds, of which the magnitudes are `added`.
    #[inline]
    pub(super) fn bound_of_filled(&self, level: f64, added: f64) -> f64 {
        let magnitude = self.constant.abs() + 2.0 * (1.0 + level) * (self.notional + self.guard) + 2.0 * added;
        self.absolute + (self.relative + OF_ORDER) * magnitude
    }

    /// A bound of the error of what backs orders less the initial margin and what an order adds.
    #[inline]
    pub(super) fn bound_of_slack(&self, added: f64) -> f64 {
        let held = self.constant.abs() + self.cash.abs() + 4.0 * self.notional + 2.0 * self.initial;
        self.absolute + (self.relative + OF_ORDER) * (held + 2.0 * added)
    }

    /// What backs orders by a rule, before anything is taken off for margin.
    #[inline]
    pub(super) const fn backing(&self, rule: AvailableRule) -> f64 {
        match rule {
            AvailableRule::EquityLessInitial => self.equity,
            AvailableRule::CashLessLossAndInitial => {
                if self.cash < self.equity {
                    self.cash
                } else {
                    self.equity
                }
            }
            AvailableRule::CashLessInitial => self.cash,
        }
    }
}
