//! How large a position and its orders are against the table that limits them, and at which leverage that is allowed.

use std::sync::Arc;

use crate::book::PoolKind;
use crate::exact::{Exact, Number};
use crate::market::Legs;

use super::Book;
use super::charge::Pool;
use super::legs::{Group, Leg, Order};
use super::moment::Moment;
use super::overlay::{OrderRow, Overlaid, Overlay, Place};
use super::tables::ClassTable;

/// What a position with its orders comes to, in the unit of the bounds of its table.
#[derive(Debug, Clone)]
pub(crate) struct Limit<N> {
    pub(crate) amount: N,
    /// The tier of the amount, from 0.
    pub(crate) tier: usize,
    pub(crate) table: Arc<ClassTable>,
    /// Whether rounding left the tier open.
    open: bool,
    limits_leverage: bool,
}

/// What the position that an order belongs to comes to with the orders beside it, those of the book and of an overlay, which
/// has the order itself.
pub(crate) fn limit_of<N: Number>(
    book: &Book,
    account: usize,
    row: &OrderRow,
    overlay: &Overlay,
    at: Moment<'_, N>,
) -> Limit<N> {
    let (holdings, market) = (book.holdings(), book.market());
    let rule = market.rules().limits(row.isolated);
    let own = |instrument: u32, side| instrument == row.instrument && (rule.legs != Legs::Each || side == row.side);
    let settle = market.instruments()[row.instrument as usize].settle();
    let over = Overlaid::new(book, Place::cross(book, account, settle), overlay);
    let kind = if row.isolated { PoolKind::Isolated } else { PoolKind::Cross };
    let pools = holdings.pools_of(account).filter(|&pool| holdings.kind(pool) == kind);
    let positions = pools.flat_map(|pool| holdings.positions_of(pool));
    let legs: Vec<Leg<N>> = positions
        .filter(|&position| own(holdings.margin_class(position).instrument, holdings.side(position)))
        .map(|position| Leg::new(book, position, at))
        .collect();
    let orders = over.alike(book, |said| said.isolated == row.isolated && own(said.instrument, said.side));
    let orders: Vec<Order<N>> = orders.into_iter().map(|said| Order::said(book, said, at)).collect();
    let pool = Pool { book, isolated: row.isolated, legs: &legs, orders: &orders, more: over.more(), filled: None };
    let group = Group { legs: 0..legs.len(), orders: 0..orders.len() };
    let table = pool.shared_table(pool.class(&group));
    let amount = pool.sides_in_unit(&group, table.bounds, rule.tier_price).amount(rule.legs, rule.orders);
    let (tier, open) = table.tier_of(&amount);
    Limit { amount, tier, table, open, limits_leverage: rule.leverage }
}

impl<N: Number> Limit<N> {
    /// Whether the amount is at most the end of the last tier; `None` where this arithmetic cannot tell.
    pub(crate) fn within_cap(&self) -> Option<bool> {
        let Some(cap) = &self.table.cap else { return Some(true) };
        Some(self.amount.minus(&cap.get()).sign()?.is_le())
    }

    /// Whether the tier of the amount allows a leverage; `None` where this arithmetic cannot tell.
    pub(crate) fn allows(&self, leverage: f64) -> Option<bool> {
        if !self.limits_leverage {
            return Some(true);
        }
        if self.open {
            return None;
        }
        Some(self.table.allows(self.tier, leverage))
    }
}

impl ClassTable {
    /// Whether a tier, from 0, allows a leverage: that of its largest, or where the table says none, of its initial rate.
    pub(crate) fn allows(&self, tier: usize, leverage: f64) -> bool {
        let most = self.max_leverage.get(tier).copied().unwrap_or(f64::INFINITY);
        if most.is_finite() {
            // Inputs are in the order of their doubles.
            return leverage <= most;
        }
        let Some(rate) = self.initial_rates.get(tier) else { return true };
        Exact::from_f64(leverage) * rate.exact().clone() <= Exact::from_f64(1.0)
    }
}
