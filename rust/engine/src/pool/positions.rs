//! The figures of single positions.

use crate::exact::{Bounded, Exact, Number};
use crate::market::{ClosingFee, MarginSource, PriceBasis, RequirementRule};

use super::Book;
use super::charge::{Margin, Pool};
use super::evaluate::fence;
use super::legs::{Leg, Order};
use super::moment::Moment;

/// The figures of a position, in its settlement asset; NaN where unknown.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PositionValue {
    /// `|quantity * x|` at the price looked at.
    pub notional: f64,
    /// `quantity * (x - x(entry))`.
    pub unrealized_pnl: f64,
    /// Its share of the initial margin of its group, with its fee.
    pub initial_margin: f64,
    /// Its share of the maintenance margin of its group, with its fee.
    pub maintenance_margin: f64,
    /// The tier of its group, from 1.
    pub tier: u32,
}

/// The figures of a pool's positions, in their order, at a price for every instrument; NaN where one is missing.
///
/// Positions that are charged together share the charge in proportion to their notional at the rule's price. Orders are
/// left out, but for their part in what picks the tier.
#[must_use]
pub fn position_values(book: &Book, pool: usize, mark: &[f64]) -> Vec<PositionValue> {
    let holdings = book.holdings();
    let instruments = holdings.positions_of(pool).map(|position| holdings.instrument(position));
    let unpriced: Vec<bool> = instruments.map(|at| mark[at].is_nan()).collect();
    if !unpriced.contains(&true) {
        return attempt::<Bounded>(book, pool, mark).or_else(|| attempt::<Exact>(book, pool, mark)).unwrap_or_default();
    }
    // Any number in place of the missing marks: what depends on it is made unknown again.
    let some: Vec<f64> = mark.iter().map(|&price| if price.is_nan() { 1.0 } else { price }).collect();
    let mut values =
        attempt::<Bounded>(book, pool, &some).or_else(|| attempt::<Exact>(book, pool, &some)).unwrap_or_default();
    let isolated = holdings.kind(pool) == crate::book::PoolKind::Isolated;
    let rules = book.market().rules();
    for (value, _) in values.iter_mut().zip(&unpriced).filter(|(_, unpriced)| **unpriced) {
        (value.notional, value.unrealized_pnl) = (f64::NAN, f64::NAN);
        if needs_mark(rules.initial(isolated)) {
            value.initial_margin = f64::NAN;
        }
        let shared = rules.maintenance(isolated).source == MarginSource::ShareOfInitial;
        if needs_mark(rules.maintenance(isolated)) || (shared && needs_mark(rules.initial(isolated))) {
            (value.maintenance_margin, value.tier) = (f64::NAN, 0);
        }
    }
    values
}

fn needs_mark(rule: &RequirementRule) -> bool {
    let of_fee = matches!(rule.closing_fee, ClosingFee::Mark | ClosingFee::BankruptcyAtMark);
    rule.price == PriceBasis::Mark || rule.tier_price == PriceBasis::Mark || of_fee
}

/// The figures, or `None` where rounding leaves a tier open.
fn attempt<N: Number>(book: &Book, pool: usize, mark: &[f64]) -> Option<Vec<PositionValue>> {
    let holdings = book.holdings();
    let isolated = holdings.kind(pool) == crate::book::PoolKind::Isolated;
    let moment = Moment::still(mark, &[]);
    let legs: Vec<Leg<N>> = holdings.positions_of(pool).map(|at| Leg::new(book, at, moment)).collect();
    let cross = holdings.orders_of(pool).filter(|&order| !holdings.orders.isolated[order]);
    let orders: Vec<Order<N>> = cross.map(|at| Order::new(book, at, moment)).collect();
    let alone = Pool { book, isolated, legs: &legs, orders: &orders, more: &[], filled: None };
    let fence = if isolated { fence(book, pool) } else { N::zero() };
    let mut values: Vec<PositionValue> = (legs.iter())
        .map(|leg| {
            let fee = |margin| alone.closing_fee(margin, leg, &fence).map_or(f64::NAN, |fee| fee.to_f64());
            PositionValue {
                notional: leg.at_mark.to_f64(),
                unrealized_pnl: leg.unrealized_pnl(&book.market().instruments()[leg.instrument]).to_f64(),
                initial_margin: fee(Margin::Initial),
                maintenance_margin: fee(Margin::Maintenance),
                tier: 1,
            }
        })
        .collect();
    for margin in [Margin::Maintenance, Margin::Initial] {
        let (charges, open) = alone.charges(margin, true);
        if open {
            return None;
        }
        for charge in charges {
            let group = &legs[charge.group.legs.clone()];
            let price = alone.charging(margin).price;
            let whole = group.iter().fold(N::zero(), |sum, leg| sum.plus(leg.notional(price)));
            for (value, leg) in values[charge.group.legs.clone()].iter_mut().zip(group) {
                let share = |amount: &N| {
                    if group.len() == 1 {
                        amount.to_f64()
                    } else {
                        amount.times(leg.notional(price)).over(&whole).to_f64()
                    }
                };
                let amount = charge.amount.as_ref().map_or(f64::NAN, share);
                match margin {
                    Margin::Maintenance => {
                        value.maintenance_margin += amount;
                        value.tier = u32::try_from(charge.tier + 1).unwrap_or(u32::MAX);
                    }
                    Margin::Initial => value.initial_margin += amount,
                }
            }
        }
    }
    Some(values)
}
