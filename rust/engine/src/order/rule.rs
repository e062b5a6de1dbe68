//! The decision about one order: what it needs, and what is there.

use crate::book::{QuantityUnit, Said};

use super::exactly;
use super::fast;
use super::gate::Verdict;
use super::ground::Ground;
use super::reason::Reason;
use super::room::Room;
use super::row::{Met, Row};
use super::structure::wrongs;

/// Where an order is none of the market's or the account's, nothing is said of money.
const FOREIGN: u32 = Reason::PositionSide.bit() | Reason::MarginMode.bit();

/// What is decided about an order; amounts in the pool's asset, NaN where unknown.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Decision {
    /// A bit for each reason that applies; none: it fits.
    pub(crate) bits: u32,
    /// Of the book that was asked about.
    pub(crate) pool: Option<usize>,
    pub(crate) cost: f64,
    pub(crate) available: f64,
    /// What is missing, should the order be refused.
    pub(crate) short: f64,
    /// How many contracts open something.
    pub(crate) opening: f64,
    pub(crate) exact: bool,
}

impl Decision {
    /// That an order which takes nothing fits.
    pub(super) const fn free() -> Self {
        Self { bits: 0, pool: None, cost: 0.0, available: f64::NAN, short: 0.0, opening: 0.0, exact: false }
    }

    /// That nothing can be said.
    pub(super) fn unknown(reason: Reason, pool: Option<usize>) -> Self {
        Self { bits: reason.bit(), pool, cost: f64::NAN, short: f64::NAN, opening: f64::NAN, ..Self::free() }
    }

    /// The first reason that applies.
    pub(crate) fn reason(&self) -> Reason {
        Reason::first(self.bits)
    }

    /// Whether the order fits.
    pub(crate) const fn accepted(&self) -> bool {
        self.bits == 0
    }

    /// What is missing; 0 where nothing is.
    pub(crate) const fn missing(&self) -> f64 {
        if self.accepted() { 0.0 } else { self.short }
    }

    /// With what is wrong with the order before any money is looked at, and the opening in contracts.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "what is passed on would go through memory, which takes longer than the work"
    )]
    pub(super) fn with(mut self, ground: &Ground<'_>, row: &Row, wrong: u32) -> Self {
        self.bits |= if self.is_unpriced() { 0 } else { wrong };
        if ground.book.holdings().quantity_unit == QuantityUnit::Base {
            self.opening = ground.contracts(row.instrument, self.opening).to_f64();
        }
        self
    }

    pub(super) fn verdict(&self) -> Verdict {
        Verdict {
            reason: self.reason(),
            pool: self.pool.and_then(|pool| u32::try_from(pool).ok()),
            cost: self.cost,
            available: self.available,
            short: self.missing(),
            opening: self.opening,
            exact: self.exact,
        }
    }
}

/// Decides about an order that meets an account as it is in a room.
#[inline]
pub(crate) fn decide(room: &Room<'_>, row: &Row, met: &Met) -> Decision {
    let wrong = wrongs(room, row, met);
    let foreign = wrong & FOREIGN != 0;
    let fast = if foreign { None } else { fast::decide(room, row, met) };
    let decision = fast.unwrap_or_else(|| exactly::decide(room, row, met, foreign));
    decision.with(room.ground(), row, wrong)
}

/// As [`decide`], of what a row says.
#[inline(always)]
#[expect(clippy::inline_always, reason = "what is passed on would go through memory, which takes longer than the work")]
pub(crate) fn decide_said(room: &Room<'_>, said: &Said) -> (Row, Decision) {
    if let Some(known) = fast::decide_plain(room, said) {
        return known;
    }
    decide_any(room, said)
}

/// Of an account that anything may be known of.
#[inline(never)]
fn decide_any(room: &Room<'_>, said: &Said) -> (Row, Decision) {
    let (row, met) = room.row(said);
    let decision = decide(room, &row, &met);
    (row, decision)
}
