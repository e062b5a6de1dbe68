//! The exact form: a pool's figures without rounding, from the decimals that its original columns denote.
//!
//! Slow, and asked only about the pools that the fast form cannot decide. Written from the rules, not from the kernel.

use std::cmp::Ordering;

use crate::book::{Holdings, PoolKind, coordinate_size};
use crate::exact::Exact;
use crate::market::{Instrument, PriceBasis, TierLaw, TierTable};

use super::Book;

/// A pool's figures at given prices, exact.
#[derive(Debug, Clone)]
pub struct ExactPool {
    /// What the venue counts as collateral.
    pub collateral_value: Exact,
    /// What positions require.
    pub maintenance_margin: Exact,
    /// `collateral_value - trigger * maintenance_margin`.
    pub excess: Exact,
}

impl ExactPool {
    /// `collateral_value / maintenance_margin`, rounded once; infinite where nothing is required.
    #[must_use]
    pub fn margin_ratio(&self) -> f64 {
        self.collateral_value.checked_div(&self.maintenance_margin).map_or(f64::INFINITY, |ratio| ratio.to_f64())
    }

    /// Whether a pool with positions is liquidatable.
    #[must_use]
    pub fn fails(&self, zero_fails: bool) -> bool {
        match self.excess.sign() {
            Ordering::Less => true,
            Ordering::Equal => zero_fails,
            Ordering::Greater => false,
        }
    }
}

/// Evaluates a pool at the marks given per instrument; every held instrument must have one.
#[must_use]
pub fn evaluate(book: &Book, pool: usize, mark: &[f64]) -> ExactPool {
    let (market, holdings) = (book.market(), book.holdings());
    let rules = market.rules();
    let mut collateral_value = cash(book, pool);
    let mut maintenance_margin = Exact::zero();
    for position in holdings.positions_of(pool) {
        let instrument = &market.instruments()[holdings.instrument(position)];
        let quantity = Exact::from_f64(holdings.quantity[position]);
        let size = Exact::from_f64(coordinate_size(instrument, holdings.quantity_unit));
        let value = |price: f64| quantity.clone() * size.clone() * Exact::from_f64(price);
        let now = value(mark[holdings.instrument(position)]);
        let then = value(holdings.entry_price[position]);
        let basis = match rules.maintenance_price() {
            PriceBasis::Mark => now.clone(),
            PriceBasis::Entry => then.clone(),
        };
        maintenance_margin = maintenance_margin + charge(instrument.tiers(), basis.abs());
        collateral_value = collateral_value + now - then;
    }
    let trigger = Exact::from_f64(rules.trigger_level());
    let excess = collateral_value.clone() - trigger * maintenance_margin.clone();
    ExactPool { collateral_value, maintenance_margin, excess }
}

/// The tier that a notional is in.
fn tier_of(table: &TierTable, notional: &Exact) -> usize {
    let floors = table.floors().iter().map(|&floor| Exact::from_f64(floor));
    floors.take_while(|floor| floor <= notional).count().saturating_sub(1)
}

/// How near to a floor, relatively, a notional in doubles may be for its tier to be in doubt: more than its rounding.
pub(crate) const FLOOR_DOUBT: f64 = 16.0 * f64::EPSILON;

/// The notional `|quantity * size * price|` in doubles, and its tier as in exact arithmetic.
pub(crate) fn notional_and_tier(table: &TierTable, quantity: f64, size: f64, price: f64) -> (f64, usize) {
    let notional = (quantity * (size * price)).abs();
    let tier = table.tier_at(notional);
    let near = |floor: &f64| (notional - floor).abs() <= FLOOR_DOUBT * notional;
    if !table.floors()[tier..].iter().take(2).any(near) {
        return (notional, tier);
    }
    let exact = Exact::from_f64(quantity) * Exact::from_f64(size) * Exact::from_f64(price);
    (notional, tier_of(table, &exact.abs()))
}

/// The maintenance that a tier table charges on a notional.
fn charge(table: &TierTable, notional: Exact) -> Exact {
    let tier = tier_of(table, &notional);
    let rate = |k: usize| Exact::from_f64(table.maintenance_rates()[k]);
    let full = rate(tier) * notional;
    match table.law() {
        TierLaw::Marginal => {
            (1..=tier).fold(full, |charge, k| charge - Exact::from_f64(table.floors()[k]) * (rate(k) - rate(k - 1)))
        }
        TierLaw::Flat => full,
        _ => full - Exact::from_f64(table.deductions()[tier]),
    }
}

/// A pool's cash: of an isolated one what is fenced, of a cross one what the fences of its account leave.
fn cash(book: &Book, pool: usize) -> Exact {
    let holdings = book.holdings();
    if holdings.kind(pool) == PoolKind::Isolated {
        return fenced(book, pool);
    }
    let account = holdings.pools_of(holdings.account_of(pool));
    account
        .filter(|&other| holdings.kind(other) == PoolKind::Isolated && holdings.asset(other) == holdings.asset(pool))
        .fold(Exact::from_f64(holdings.pool_wallet[pool]), |cash, other| cash - fenced(book, other))
}

/// What is fenced for an isolated pool: as given, or its initial margin at entry.
fn fenced(book: &Book, pool: usize) -> Exact {
    let holdings: &Holdings = book.holdings();
    let given = holdings.pool_wallet[pool];
    if !given.is_nan() {
        return Exact::from_f64(given);
    }
    let position = holdings.positions_of(pool).start;
    let instrument: &Instrument = &book.market().instruments()[holdings.instrument(position)];
    let size = Exact::from_f64(coordinate_size(instrument, holdings.quantity_unit));
    let notional =
        Exact::from_f64(holdings.quantity[position].abs()) * size * Exact::from_f64(holdings.entry_price[position]);
    // Entry checks grant a leverage that is positive.
    notional.checked_div(&Exact::from_f64(holdings.leverage(position))).unwrap_or_else(Exact::zero)
}
