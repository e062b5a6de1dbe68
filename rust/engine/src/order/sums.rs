//! What the positions of a pool come to in doubles: by the operations of the lanes, in their order, so with their bits.

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

impl Sums {
    /// Of a pool of a book that has one-asset lanes; `at_entry` says where initial margin is charged.
    #[inline]
    pub(super) fn new(ground: &Ground<'_>, at_entry: bool, pool: usize) -> Option<Self> {
        let (book, holdings) = (ground.book, ground.book.holdings());
        let (folded, classes) = (book.folded()?, book.classes());
        let place = ground.place(folded, pool);
        let (constant, cash) = (folded.constant[place], folded.cash[place]);
        let charged = folded.maintenance.get(place).copied().unwrap_or(0.0);
        let mut initial = folded.initial.get(place).copied().unwrap_or(0.0);
        let (mut value, mut notional, mut base, mut beyond) = (0.0, 0.0, 0.0, 0.0);
        let (mut far, mut guard) = (0.0, 0.0);
        let reach = classes.reach();
        for position in holdings.positions_of(pool) {
            let class = holdings.class[position];
            let row = ground.row(class);
            let v = holdings.quantity[position] * row.x;
            let u = v.abs();
            value += v;
            notional += u;
            base += row.rate * u;
            beyond += row.slope * if u > row.floor { u - row.floor } else { 0.0 };
            if u > row.floor * reach {
                let (charge, doubt) = classes.beyond(class + 1, u);
                far += charge;
                guard += doubt;
            }
            if !at_entry {
                initial += u / holdings.leverage(position);
            }
        }
        let (absolute, relative) = decode(folded.doubt[place]);
        let required = base + beyond + charged + far;
        Some(Self { equity: constant + value, required, notional, initial, cash, constant, guard, absolute, relative })
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
