//! Tiers in doubles: what an amount is charged, and what its tier allows; `None` near a floor or a cap.

use crate::market::{TierLaw, TierTable};
use crate::pool::FLOOR_DOUBT;

use super::reason::Reason;

/// A table with its bounds multiplied by an account's coefficient.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tiers<'a> {
    pub(super) table: &'a TierTable,
    pub(super) coefficient: f64,
}

impl Tiers<'_> {
    /// The tier of an amount, from 0, and whether it is nearer to a floor than rounding of magnitudes can take it.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "what is passed on would go through memory, which takes longer than the work"
    )]
    fn tier(&self, amount: f64, magnitude: f64) -> (usize, bool) {
        let floors = self.table.floors();
        let floor = |tier: usize| floors[tier] * self.coefficient;
        let mut tier = 0;
        while tier + 1 < floors.len() && amount >= floor(tier + 1) {
            tier += 1;
        }
        let doubt = FLOOR_DOUBT * magnitude;
        let near = |tier: usize| tier < floors.len() && (amount - floor(tier)).abs() <= doubt;
        (tier, (tier > 0 && near(tier)) || near(tier + 1))
    }

    /// What an amount is charged for maintenance, and the magnitudes whose rounding counts.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "what is passed on would go through memory, which takes longer than the work"
    )]
    pub(super) fn charge(&self, amount: f64, magnitude: f64) -> Option<(f64, f64)> {
        let (tier, near) = self.tier(amount, magnitude);
        if near && self.table.law() != TierLaw::Marginal {
            return None;
        }
        let (rate, taken) = (self.table.maintenance_rates()[tier], self.table.deductions()[tier] * self.coefficient);
        let charge = rate * amount - taken;
        Some((if charge > 0.0 { charge } else { 0.0 }, rate * magnitude + taken.abs()))
    }

    /// The reasons of size and leverage against an amount.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "what is passed on would go through memory, which takes longer than the work"
    )]
    pub(super) fn wrongs(&self, amount: f64, magnitude: f64, leverage: Option<f64>) -> Option<u32> {
        let mut bits = 0;
        if let Some(cap) = self.table.cap() {
            let cap = cap * self.coefficient;
            if (amount - cap).abs() <= FLOOR_DOUBT * magnitude {
                return None;
            }
            bits = if amount > cap { Reason::Cap.bit() } else { 0 };
        }
        let Some(leverage) = leverage else { return Some(bits) };
        let (tier, near) = self.tier(amount, magnitude);
        if near {
            return None;
        }
        Some(bits | of_leverage(self.table.max_leverage()[tier], self.table.initial_rates()[tier], leverage)?)
    }
}

/// What a tier says of a leverage: its largest, or else one over its initial rate.
#[inline]
fn of_leverage(most: f64, rate: f64, leverage: f64) -> Option<u32> {
    if most.is_finite() {
        let unknown = if leverage.is_nan() { Reason::LeverageUnknown.bit() } else { 0 };
        return Some(if leverage > most { Reason::Leverage.bit() } else { unknown });
    }
    if rate <= 0.0 {
        return Some(0);
    }
    if leverage.is_nan() {
        return Some(Reason::LeverageUnknown.bit());
    }
    let beyond = leverage * rate - 1.0;
    (beyond.abs() > FLOOR_DOUBT).then_some(if beyond > 0.0 { Reason::Leverage.bit() } else { 0 })
}
