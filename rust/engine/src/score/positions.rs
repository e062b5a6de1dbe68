//! The figures of single positions, in the order of the input rows.

use crate::error::Result;
use crate::market::{Prices, TriggerPrice};
use crate::pool::{Book, PositionValue, position_values};

use super::{Missing, check_prices};

/// Figures by position, in the order of the input rows. Amounts are in the settlement asset.
#[derive(Debug, Clone, Default)]
pub struct PositionFigures {
    /// Input row of each position; of merged rows the first.
    pub row: Vec<u32>,
    /// The position's pool.
    pub pool: Vec<u32>,
    /// `|quantity * x|`: the value at mark.
    pub notional: Vec<f64>,
    /// `quantity * (x - x(entry))`.
    pub unrealized_pnl: Vec<f64>,
    /// What is to be covered when the position is opened, with its share of a group and its fee; NaN where the leverage
    /// is unknown.
    pub initial_margin: Vec<f64>,
    /// What the tier table charges on the position, with its share of a group and its fee.
    pub maintenance_margin: Vec<f64>,
    /// The tier that it is charged by, from 1; 0 where there is no price.
    pub tier: Vec<u32>,
}

/// Evaluates every position of `book` at `prices`.
///
/// # Errors
/// As [`super::score`].
pub fn score_positions(book: &Book, prices: &Prices, missing: Missing) -> Result<PositionFigures> {
    check_prices(book, prices, missing)?;
    let holdings = book.holdings();
    // The figures of a pool are those of the first constraint, and so are those of its positions.
    let first = book.market().rules().constraints().first();
    let at_last = first.is_some_and(|constraint| constraint.price == TriggerPrice::Last);
    let none = vec![f64::NAN; prices.mark().len()];
    let last = if prices.last().is_empty() { &none } else { prices.last() };
    let looked_at = if at_last { last } else { prices.mark() };
    let mut values = Vec::with_capacity(holdings.n_positions());
    let mut pools = Vec::with_capacity(holdings.n_positions());
    for pool in 0..holdings.n_pools() {
        let positions = holdings.positions_of(pool);
        let pool32 = u32::try_from(pool).unwrap_or(u32::MAX);
        pools.extend(positions.map(|_| pool32));
        values.extend(position_values(book, pool, looked_at));
    }
    let mut order: Vec<usize> = (0..holdings.n_positions()).collect();
    order.sort_unstable_by_key(|&position| holdings.row(position));
    let column = |of: &dyn Fn(&PositionValue) -> f64| order.iter().map(|&at| of(&values[at])).collect();
    Ok(PositionFigures {
        row: order.iter().map(|&at| holdings.rows[at]).collect(),
        pool: order.iter().map(|&at| pools[at]).collect(),
        notional: column(&|value| value.notional),
        unrealized_pnl: column(&|value| value.unrealized_pnl),
        initial_margin: column(&|value| value.initial_margin),
        maintenance_margin: column(&|value| value.maintenance_margin),
        tier: order.iter().map(|&at| values[at].tier).collect(),
    })
}
