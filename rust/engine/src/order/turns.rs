//! Where what is asked of an order's size changes its form: what it comes to with positions and orders turns from falling to
//! rising, or a tier begins.

use crate::book::{PoolKind, coordinate_size};
use crate::exact::Exact;
use crate::market::{BoundUnit, Payoff, Prices};
use crate::pool::{Book, ClassTable, OrderRow};

use super::pieces::Ladder;

/// What a position or an order of the instrument is, by size.
struct Amount {
    up: bool,
    quantity: Exact,
    /// Entry price of a position; the price of an order, or the mark.
    price: Exact,
    /// NaN where unknown.
    leverage: f64,
}

/// What an account holds of the instrument of an order, in its mode.
pub(super) struct Beside<'a> {
    book: &'a Book,
    row: OrderRow,
    mark: Exact,
    /// The limit, or the mark.
    price: Exact,
    positions: Vec<Amount>,
    orders: Vec<Amount>,
}

/// How amounts are measured: what a unit is at which price, and whether over its leverage.
#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    Contracts,
    Mark,
    Own,
}

/// The amounts of longs and shorts, of orders of the side of the new one and of the other, seen from its side.
struct Sums {
    net: Exact,
    whole: Exact,
    same: Exact,
    other: Exact,
    /// Of one unit of the new order.
    unit: Exact,
}

impl<'a> Beside<'a> {
    /// Looks through an account and orders beside those that it has; the order's sign is that of its quantity.
    pub(super) fn new((book, prices): (&'a Book, &Prices), account: usize, row: &OrderRow, more: &[OrderRow]) -> Self {
        let holdings = book.holdings();
        let kind = if row.isolated { PoolKind::Isolated } else { PoolKind::Cross };
        let mark = Exact::from_f64(prices.mark()[row.instrument as usize]);
        let limit = |price: f64| if price.is_nan() { mark.clone() } else { Exact::from_f64(price) };
        let (mut positions, mut orders): (Vec<Amount>, Vec<OrderRow>) = (Vec::new(), Vec::new());
        for pool in holdings.pools_of(account) {
            let own = holdings
                .positions_of(pool)
                .filter(|&at| holdings.kind(pool) == kind && holdings.margin_class(at).instrument == row.instrument);
            positions.extend(own.map(|at| Amount {
                up: (holdings.quantity(at) > 0.0) == (row.quantity > 0.0),
                quantity: Exact::from_f64(holdings.quantity(at)).abs(),
                price: Exact::from_f64(holdings.entry_price(at)),
                leverage: holdings.leverage(at),
            }));
            orders.extend(holdings.orders_of(pool).map(|order| OrderRow::of(holdings, order)));
        }
        orders.extend(more);
        orders.retain(|order| order.instrument == row.instrument && order.isolated == row.isolated);
        let orders = orders.iter().map(|order| Amount {
            up: (order.quantity > 0.0) == (row.quantity > 0.0),
            quantity: Exact::from_f64(order.quantity).abs(),
            price: limit(order.price),
            leverage: order.leverage,
        });
        let orders = orders.collect();
        Self { book, row: *row, price: limit(row.price), mark, positions, orders }
    }

    /// Whether there is anything that the order could close or turn around, or that is larger than it.
    fn is_against(&self) -> bool {
        self.positions.iter().chain(&self.orders).any(|amount| !amount.up)
    }

    /// What one unit of quantity is.
    fn unit(&self, at: At, own: &Exact) -> Exact {
        let price = match at {
            At::Contracts => return Exact::from_f64(1.0),
            At::Mark => &self.mark,
            At::Own => own,
        };
        let instrument = &self.book.market().instruments()[self.row.instrument as usize];
        match instrument.payoff() {
            Payoff::Inverse => Exact::from_f64(1.0).checked_div(price).unwrap_or_else(Exact::zero),
            Payoff::Linear | Payoff::Quanto { .. } => price.clone(),
        }
    }

    /// The sums, with positions and orders measured each in a way; `None` where a leverage that counts is unknown.
    fn sums(&self, [positions, orders]: [At; 2], levered: bool) -> Option<Sums> {
        let over = |amount: Exact, leverage: f64| {
            if !levered {
                return Some(amount);
            }
            amount.checked_div(&Exact::from_f64(Some(leverage).filter(|leverage| !leverage.is_nan())?))
        };
        let zero = Exact::zero;
        let mut sums = Sums { net: zero(), whole: zero(), same: zero(), other: zero(), unit: zero() };
        for held in &self.positions {
            let amount = over(held.quantity.clone() * self.unit(positions, &held.price), held.leverage)?;
            sums.net = sums.net + if held.up { amount.clone() } else { -amount.clone() };
            sums.whole = sums.whole + amount;
        }
        for order in &self.orders {
            let amount = over(order.quantity.clone() * self.unit(orders, &order.price), order.leverage)?;
            let side = if order.up { &mut sums.same } else { &mut sums.other };
            *side = side.clone() + amount;
        }
        sums.unit = over(self.unit(orders, &self.price), self.row.leverage)?;
        Some(sums)
    }

    /// The ways in which rules measure, each once.
    fn measures(&self) -> Vec<Sums> {
        let ways = [At::Mark, At::Own].into_iter().flat_map(|of| [[of, At::Mark], [of, At::Own]]);
        let ways = [[At::Contracts; 2]].into_iter().chain(ways);
        ways.flat_map(|way| [self.sums(way, false), self.sums(way, true)]).flatten().collect()
    }

    /// The sizes at which what positions and orders come to turns.
    fn turns(&self) -> Vec<Exact> {
        let mut turns = Vec::new();
        for Sums { net, same, other, unit, .. } in self.measures() {
            let closed = -net.clone();
            let begins = closed.clone() - same.clone();
            // Where it rests; and where it has filled, beside orders that rest.
            let resting = [
                closed.clone(),
                begins.clone(),
                begins.clone() + other.clone(),
                begins + closed.clone() + other.clone(),
            ];
            let half = (other.clone() - same) * Exact::from_f64(0.5);
            let filled = [closed.clone() + other, closed + half];
            turns.extend(resting.into_iter().chain(filled).filter_map(|point| point.checked_div(&unit)));
        }
        turns
    }

    /// The sizes at which tiers of a table begin.
    fn floors(&self, table: &ClassTable) -> Vec<Exact> {
        let instrument = &self.book.market().instruments()[self.row.instrument as usize];
        let size = Exact::from_f64(coordinate_size(instrument, self.book.holdings().quantity_unit));
        let per_unit = match (table.bounds, instrument.payoff()) {
            (BoundUnit::Contracts, _) => self.book.contracts_per_quantity::<Exact>(instrument),
            (BoundUnit::Settle, Payoff::Quanto { multiplier }) => size * Exact::from_f64(multiplier),
            _ => size,
        };
        let by_price = table.bounds != BoundUnit::Contracts
            && (table.bounds, instrument.payoff()) != (BoundUnit::Quote, Payoff::Inverse);
        let ways: &[[At; 2]] = if by_price {
            &[[At::Mark, At::Mark], [At::Mark, At::Own], [At::Own, At::Mark], [At::Own, At::Own]]
        } else {
            &[[At::Contracts, At::Contracts]]
        };
        let mut points = Vec::new();
        for Sums { net, whole, same, other, unit } in ways.iter().filter_map(|way| self.sums(*way, false)) {
            let begun = [
                net.clone(),
                net.clone() + same.clone(),
                net - other.clone(),
                whole.clone(),
                whole + same.clone() + other,
                same,
            ];
            for floor in &table.floors {
                let floor = floor.exact().checked_div(&per_unit).unwrap_or_else(Exact::zero);
                for begun in &begun {
                    let both = [floor.clone() - begun.clone(), -(floor.clone() + begun.clone())];
                    points.extend(both.into_iter().filter_map(|point| point.checked_div(&unit)));
                }
            }
        }
        points
    }

    /// The rungs at which pieces end, rising, the highest one that is looked at last. With `tiers`, some condition looks at them where amounts fall.
    pub(super) fn ends(&self, ladder: &Ladder, table: &ClassTable, tiers: bool, highest: u64) -> Vec<u64> {
        let mut ends = vec![highest];
        let mut cut = |point: &Exact| {
            let (rung, is_on) = ladder.place(point);
            ends.push(rung);
            if is_on {
                ends.push(rung - 1);
            }
        };
        let turns = if self.is_against() { self.turns() } else { Vec::new() };
        turns.iter().for_each(&mut cut);
        let rises = rises(table);
        if tiers || !rises {
            // Beyond the last turn all amounts rise, and with them what tables that rise charge.
            let last = turns.into_iter().max().filter(|_| rises);
            let nothing = self.positions.is_empty() && self.orders.is_empty() && rises;
            let floors = if nothing { Vec::new() } else { self.floors(table) };
            let within = |point: &&Exact| !rises || last.as_ref().is_some_and(|last| **point < *last);
            floors.iter().filter(within).for_each(&mut cut);
        }
        ends.retain(|&end| end > 0 && end <= highest);
        ends.sort_unstable();
        ends.dedup();
        ends
    }
}

/// Whether more is never charged less, nor allowed more leverage.
fn rises(table: &ClassTable) -> bool {
    let steps = 1..table.floors.len();
    let charged = |k: usize| {
        let rise = table.rates[k].exact().clone() - table.rates[k - 1].exact().clone();
        let taken = table.deductions[k].exact().clone() - table.deductions[k - 1].exact().clone();
        rise >= Exact::zero() && rise * table.floors[k].exact().clone() >= taken
    };
    let initial = |k: usize| match (table.initial_rates.get(k - 1), table.initial_rates.get(k)) {
        (Some(before), Some(after)) => before.exact() <= after.exact(),
        _ => true,
    };
    let leverage = |k: usize| table.max_leverage.get(k).is_none_or(|most| *most <= table.max_leverage[k - 1]);
    steps.clone().all(charged) && steps.clone().all(initial) && steps.clone().all(leverage)
}
