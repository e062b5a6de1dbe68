//! The figures of single positions.

use crate::error::Result;
use crate::market::{PriceBasis, Prices};
use crate::pool::{Book, exact::notional_and_tier};

use super::{Missing, check_prices};

/// Figures by position, in the order of the input rows. Amounts are in the settlement asset.
#[derive(Debug, Clone, Default)]
pub struct PositionFigures {
    /// Input row of each position; of merged rows the first.
    pub row: Vec<u32>,
    /// The position's pool.
    pub pool: Vec<u32>,
    /// `|quantity| * size * mark`.
    pub notional: Vec<f64>,
    /// `quantity * size * (mark - entry)`.
    pub unrealized_pnl: Vec<f64>,
    /// `notional / leverage`; NaN where the leverage is unknown.
    pub initial_margin: Vec<f64>,
    /// What the tier table charges on the position.
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
    let mut pools = vec![0_u32; holdings.n_positions()];
    for pool in 0..holdings.n_pools() {
        pools[holdings.positions_of(pool)].fill(u32::try_from(pool).unwrap_or(u32::MAX));
    }
    let mut order: Vec<usize> = (0..holdings.n_positions()).collect();
    order.sort_unstable_by_key(|&position| holdings.row(position));
    let mut out = PositionFigures::default();
    for position in order {
        out.row.push(holdings.rows[position]);
        out.pool.push(pools[position]);
        out.push(book, prices, position);
    }
    Ok(out)
}

impl PositionFigures {
    fn push(&mut self, book: &Book, prices: &Prices, position: usize) {
        let (holdings, rules) = (book.holdings(), book.market().rules());
        let instrument = holdings.instrument(position);
        let size = book.classes().size(holdings.class[position]);
        let quantity = holdings.quantity(position);
        let value = |price: f64| quantity * (size * price);
        let (now, then) = (value(prices.mark()[instrument]), value(holdings.entry_price(position)));
        let on = |basis: PriceBasis| if basis == PriceBasis::Mark { now.abs() } else { then.abs() };
        let tiers = book.market().instruments()[instrument].tiers();
        let price = match rules.maintenance_price() {
            PriceBasis::Mark => prices.mark()[instrument],
            PriceBasis::Entry => holdings.entry_price(position),
        };
        // Without a mark there is neither charge nor tier.
        let (basis, tier) =
            if price.is_nan() { (f64::NAN, 0) } else { notional_and_tier(tiers, quantity, size, price) };
        self.notional.push(now.abs());
        self.unrealized_pnl.push(now - then);
        self.initial_margin.push(on(rules.initial_price()) / holdings.leverage(position));
        self.maintenance_margin.push(tiers.charge_in(tier, basis));
        self.tier.push(if price.is_nan() { 0 } else { u32::try_from(tier).map_or(0, |tier| tier + 1) });
    }
}
