//! What a position opened at a price is worth, may lose and requires, as a function of its size; and the largest sizes that
//! limits on these allow.

use std::sync::Arc;

use crate::book::{MarginClass, QuantityUnit, coordinate_size};
use crate::exact::Exact;
use crate::market::{AtFloor, BoundUnit, ClosingFee, MarginSource, Market, Payoff, Profile};
use crate::pool::ClassTable;

use super::FillFee;
use super::pieces::Ladder;

/// A position to be opened.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms {
    pub(super) class: MarginClass,
    pub(super) unit: QuantityUnit,
    pub(super) long: bool,
    pub(super) isolated: bool,
    /// NaN where unknown.
    pub(super) leverage: f64,
    pub(super) entry: f64,
}

/// A position at its entry, by size.
pub(super) struct Worth<'a> {
    market: &'a Market,
    terms: Terms,
    table: Arc<ClassTable>,
    payoff: Payoff,
    /// What a unit of quantity is of what prices are for, in the settlement asset per unit of quote.
    size: Exact,
    pub(super) ladder: Ladder,
    /// Of a unit of quantity at the entry, in the settlement asset.
    pub(super) value: Exact,
    /// Of a unit of quantity, in the unit of the table's bounds.
    amount: Exact,
    /// Of a unit of the table's bounds, in the settlement asset.
    unit_value: Exact,
    /// The fee of closing inside the maintenance margin, per unit of quantity.
    closing: Exact,
}

fn one() -> Exact {
    Exact::from_f64(1.0)
}

fn over(a: &Exact, b: &Exact) -> Exact {
    a.checked_div(b).unwrap_or_else(Exact::zero)
}

fn worth_of(payoff: Payoff, size: &Exact, price: &Exact) -> Exact {
    match payoff {
        Payoff::Inverse => over(size, price),
        Payoff::Linear | Payoff::Quanto { .. } => size.clone() * price.clone(),
    }
}

impl<'a> Worth<'a> {
    pub(super) fn new(market: &'a Market, terms: &Terms, table: Arc<ClassTable>) -> Self {
        let instrument = &market.instruments()[terms.class.instrument as usize];
        let payoff = instrument.payoff();
        let contract = Exact::from_f64(instrument.contract_size());
        let base = Exact::from_f64(coordinate_size(instrument, terms.unit));
        let size = match payoff {
            Payoff::Quanto { multiplier } => base.clone() * Exact::from_f64(multiplier),
            Payoff::Linear | Payoff::Inverse => base.clone(),
        };
        let entry = Exact::from_f64(terms.entry);
        let value = worth_of(payoff, &size, &entry);
        let contracts = match terms.unit {
            QuantityUnit::Contracts => one(),
            QuantityUnit::Base => over(&one(), &contract),
        };
        let amount = match (table.bounds, payoff) {
            (BoundUnit::Contracts, _) => contracts,
            (BoundUnit::Quote, Payoff::Inverse) => base,
            (BoundUnit::Quote, _) => base * entry,
            (BoundUnit::Settle, _) => value.clone(),
        };
        let mut worth = Self {
            market,
            terms: *terms,
            payoff,
            size,
            ladder: Ladder::new(instrument, terms.unit),
            unit_value: over(&value, &amount),
            value,
            amount,
            closing: Exact::zero(),
            table,
        };
        worth.closing = worth.closing_fee().unwrap_or_else(Exact::zero);
        worth
    }

    /// The fee of closing inside the maintenance margin; `None` where it depends on a leverage that is unknown.
    fn closing_fee(&self) -> Option<Exact> {
        let rate = Exact::from_f64(self.table.closing);
        let kind = self.market.rules().maintenance(self.terms.isolated).closing_fee;
        let shrinks = self.terms.long != (self.payoff == Payoff::Inverse);
        // What is left of the value where the leverage is used up, or what it has grown to.
        let at_bankruptcy = || {
            let share = over(&one(), &Exact::from_f64(self.leverage()?));
            let left = if shrinks { one() - share } else { one() + share };
            Some(if left < Exact::zero() { Exact::zero() } else { left })
        };
        let share = match kind {
            ClosingFee::None => Exact::zero(),
            ClosingFee::Mark => one(),
            ClosingFee::BankruptcyAtEntry | ClosingFee::BankruptcyAtMark => at_bankruptcy()?,
            ClosingFee::BankruptcyOfMargin => {
                let reserve = if shrinks { one() - rate.clone() } else { one() + rate.clone() };
                over(&at_bankruptcy()?, &reserve)
            }
        };
        Some(rate * share * self.value.clone())
    }

    fn leverage(&self) -> Option<f64> {
        Some(self.terms.leverage).filter(|leverage| !leverage.is_nan())
    }

    /// The last rung of at most `total / each`; `None` where nothing is taken by any size.
    pub(super) fn units_of(&self, total: &Exact, each: &Exact) -> Option<u64> {
        if *each <= Exact::zero() {
            return (*total < Exact::zero()).then_some(0);
        }
        Some(self.ladder.below(&over(total, each)))
    }

    /// What a unit loses from the entry to a stop, both made worse by a share of them, with fees; `None` without a stop.
    pub(super) fn loss_per_unit(&self, stop: f64, slippage: f64, [fee, exit]: [FillFee; 2]) -> Option<Exact> {
        if stop.is_nan() {
            return None;
        }
        let slippage = Exact::from_f64(slippage);
        let worse = |price: f64, up: bool| {
            let share = if up { one() + slippage.clone() } else { one() - slippage.clone() };
            worth_of(self.payoff, &self.size, &(Exact::from_f64(price) * share))
        };
        let (at_entry, at_stop) = (worse(self.terms.entry, self.terms.long), worse(stop, !self.terms.long));
        let profile = &self.market.profiles()[usize::from(self.terms.class.profile)];
        let lost = (at_entry.clone() - at_stop.clone()).abs();
        Some(lost + fee_rate(profile, fee) * at_entry + fee_rate(profile, exit) * at_stop)
    }

    /// The rungs of a tier, from 0: its first, and its last where it ends.
    fn rungs(&self, tier: usize) -> (u64, Option<u64>) {
        let floor = |tier: usize| {
            let floor = self.table.floors.get(tier)?;
            let (rung, is_on) = self.ladder.place(&over(floor.exact(), &self.amount));
            // The last rung below the tier.
            Some(if is_on && self.table.at_floor == AtFloor::Higher { rung - 1 } else { rung })
        };
        let first = if tier == 0 { 1 } else { floor(tier).unwrap_or(0) + 1 };
        (first, floor(tier + 1))
    }

    /// The last rung whose maintenance margin is at most an amount; `None` where every one's is, or it is unknown.
    pub(super) fn within_maintenance(&self, limit: &Exact) -> Option<u64> {
        let rules = self.market.rules();
        let rule = rules.maintenance(self.terms.isolated);
        let initial = rules.initial(self.terms.isolated);
        let share = Exact::from_f64(rule.share);
        if rule.source == MarginSource::ShareOfInitial && initial.source == MarginSource::Usual {
            let margin = over(&self.value, &Exact::from_f64(self.leverage()?));
            return self.units_of(limit, &(share * margin + self.closing.clone()));
        }
        let of_initial = rule.source == MarginSource::ShareOfInitial;
        for tier in (0..self.table.floors.len()).rev() {
            let (first, last) = self.rungs(tier);
            let (rate, deduction) = if of_initial {
                (share.clone() * self.table.initial_rates[tier].exact().clone(), Exact::zero())
            } else {
                let deduction = self.table.deductions[tier].exact().clone() * self.unit_value.clone();
                (self.table.rates[tier].exact().clone(), deduction)
            };
            // Nothing is charged where the deduction is more: the fee alone must do.
            let charged =
                self.units_of(&(limit.clone() + deduction), &(rate * self.value.clone() + self.closing.clone()));
            let fees = self.units_of(limit, &self.closing);
            match charged.into_iter().chain(fees).chain(last).min() {
                None => return None,
                Some(rung) if rung >= first => return Some(rung),
                Some(_) => {}
            }
        }
        Some(0)
    }

    /// The last rung whose tier allows the leverage; `None` where every one does.
    pub(super) fn within_leverage(&self) -> Option<u64> {
        let leverage = self.leverage()?;
        if !self.market.rules().limits(self.terms.isolated).leverage {
            return None;
        }
        let allows = |tier: &usize| self.table.allows(*tier, leverage);
        match (0..self.table.floors.len()).rev().find(allows) {
            Some(tier) => self.rungs(tier).1,
            None => Some(0),
        }
    }

    /// The last rung within the last tier; `None` where that has no end.
    pub(super) fn within_cap(&self) -> Option<u64> {
        Some(self.ladder.below(&over(self.table.cap.as_ref()?.exact(), &self.amount)))
    }

    fn tier_of(&self, quantity: &Exact) -> usize {
        self.table.tier_of(&(quantity.clone() * self.amount.clone())).0
    }

    /// The maintenance margin of a size; `None` where it depends on a leverage that is unknown.
    pub(super) fn maintenance(&self, quantity: &Exact) -> Option<Exact> {
        let rule = self.market.rules().maintenance(self.terms.isolated);
        let charge = if rule.source == MarginSource::ShareOfInitial {
            Exact::from_f64(rule.share) * self.initial(quantity)?
        } else {
            self.table.charge(&(quantity.clone() * self.amount.clone())).0 * self.unit_value.clone()
        };
        Some(charge + quantity.clone() * self.closing.clone())
    }

    /// The initial margin of a size; `None` where it depends on a leverage that is unknown.
    pub(super) fn initial(&self, quantity: &Exact) -> Option<Exact> {
        let notional = quantity.clone() * self.value.clone();
        if self.market.rules().initial(self.terms.isolated).source == MarginSource::Usual {
            return Some(over(&notional, &Exact::from_f64(self.leverage()?)));
        }
        Some(notional * self.table.initial_rates[self.tier_of(quantity)].exact().clone())
    }
}

/// The rate that a fill pays, less what its profile is given off.
fn fee_rate(profile: &Profile, fee: FillFee) -> Exact {
    let rate = match fee {
        FillFee::None => return Exact::zero(),
        FillFee::Taker => profile.taker,
        FillFee::Maker => profile.maker,
    };
    let rate = Exact::from_f64(rate);
    if rate > Exact::zero() { rate * (one() - Exact::from_f64(profile.discount)) } else { rate }
}
