//! The assets of a pool added up, in the asset that it is valued in.

use std::cell::LazyCell;
use std::ops::Deref;

use crate::exact::{Name, Number};
use crate::market::{AvailableRule, LiabilityRequirement, Rules, WithdrawableRule};

use super::Book;
use super::collateral::{Counting, Weights};
use super::evaluate::{Layer, PoolValue, add};
use super::moment::Moment;

/// How the amounts of a layer are brought into the asset that the pool is valued in.
struct Valuation<'a, N> {
    /// `None` where they are in it already, and count in full.
    counting: Option<Counting<'a, N>>,
}

impl<N: Number> Valuation<'_, N> {
    fn price(&self, amount: &N) -> N {
        self.counting.as_ref().map_or_else(|| amount.clone(), |counting| counting.price.times(amount))
    }

    fn count(&self, cash: &N, pnl: &N, weights: Weights) -> N {
        self.counting.as_ref().map_or_else(|| cash.plus(pnl), |counting| counting.value(cash, pnl, weights))
    }

    fn require(&self, amount: &N) -> N {
        self.counting.as_ref().map_or_else(|| amount.clone(), |counting| counting.requirement(amount))
    }

    /// What a layer requires: maintenance and initial margin.
    fn requirements(&self, rules: &Rules, layer: &Layer<N>, equity: impl Deref<Target = N>) -> (N, Option<N>) {
        let (mut maintenance, mut initial) = (layer.maintenance.clone(), layer.initial.clone());
        if let Some(counting) = &self.counting
            && rules.liability_requirement() == LiabilityRequirement::Tiers
        {
            let [of_maintenance, of_initial] = counting.of_debt(&equity);
            let name = || Name::term("liability_margin").rule("liabilities").of("asset", layer.asset).optional();
            maintenance = maintenance.plus(&of_maintenance.named(name));
            let of_initial = of_initial.named(name);
            add(&mut initial, Some(&of_initial));
        }
        let name =
            |word| Name::group(word).rule("collateral.requirement_conversion").of("asset", layer.asset).of("valued", 0);
        if self.counting.is_none() {
            return (maintenance, initial);
        }
        let maintenance = self.require(&maintenance).named(|| name("required_maintenance"));
        (maintenance, initial.map(|amount| self.require(&amount).named(|| name("required_initial"))))
    }
}

/// What `free_margin`, `available` and `withdrawable` are made of.
struct Backing<N> {
    /// Counted for the test of initial margin.
    initial: N,
    /// Counted by the rule for what can back new positions.
    available: N,
    /// Counted by the rule for what can leave.
    leaving: N,
    /// Own money that is there, without and with profit: more cannot leave.
    own: N,
    own_equity: N,
}

impl<N: Number> Backing<N> {
    fn zero() -> Self {
        let zero = N::zero;
        Self { initial: zero(), available: zero(), leaving: zero(), own: zero(), own_equity: zero() }
    }

    fn add(&mut self, rules: &Rules, layer: &Layer<N>, valuation: &Valuation<'_, N>) {
        let (cash, zero) = (layer.cash(), N::zero());
        let loss_only = layer.pnl.negative();
        let counted = |cash: &N, pnl: &N| valuation.count(cash, pnl, Weights::Availability);
        let initial = valuation.count(&cash, &layer.pnl, Weights::Initial);
        self.initial = self.initial.plus(&initial).plus(&valuation.price(&layer.order_loss));
        self.available = self.available.plus(&match rules.available() {
            AvailableRule::EquityLessInitial => counted(&cash, &layer.pnl),
            AvailableRule::CashLessLossAndInitial => counted(&cash, &loss_only),
            AvailableRule::CashLessInitial => counted(&cash, &zero),
        });
        // A bonus backs what stays, unless it is lost when something leaves.
        let staying = if rules.bonus_forfeited() { &layer.own } else { &cash };
        self.leaving = self.leaving.plus(&match rules.withdrawable() {
            WithdrawableRule::CashLessLossAndInitial => counted(staying, &loss_only),
            WithdrawableRule::CashLessInitial => counted(staying, &zero),
            _ => counted(staying, &layer.pnl),
        });
        let own = layer.own.plus(&layer.order_loss).named(|| Name::group("own_cash").of("asset", layer.asset));
        let (own, own_equity) = if valuation.counting.is_some() {
            let there = valuation.price(&own.plus(&loss_only).positive());
            (there.clone(), there)
        } else {
            (own.clone(), own.plus(&layer.pnl))
        };
        self.own = self.own.plus(&own);
        self.own_equity = self.own_equity.plus(&own_equity);
    }

    /// The amounts under their names.
    fn named(self) -> Self {
        let name = |amount: N, word, rule| amount.named(|| Name::group(word).rule(rule));
        Self {
            initial: name(self.initial, "collateral_for_initial", "collateral"),
            available: name(self.available, "backing", "available.rule"),
            leaving: name(self.leaving, "backing", "withdrawable.rule"),
            own: name(self.own, "own_money", "withdrawable.rule"),
            own_equity: name(self.own_equity, "own_money", "withdrawable.rule"),
        }
    }

    /// What can leave a pool with these figures that keeps `kept` back beside what it requires: as the rules let it, and of
    /// that what is own money.
    fn withdrawable(&self, rules: &Rules, value: &PoolValue<N>, kept: Option<&N>) -> Option<(N, N)> {
        let initial = value.initial_margin.as_ref();
        let (claim, limit) = match rules.withdrawable() {
            WithdrawableRule::EquityLessInitial => (initial?.clone(), &self.own_equity),
            WithdrawableRule::CashLessLossAndInitial | WithdrawableRule::CashLessInitial => {
                (initial?.clone(), &self.own)
            }
            WithdrawableRule::EquityLessMaintenance => (
                N::of(rules.withdrawable_factor())
                    .named(|| Name::operand("factor").rule("withdrawable.factor"))
                    .times(&value.maintenance_margin),
                &self.own,
            ),
            WithdrawableRule::EquityLessInitialOrNotionalShare => {
                let share =
                    N::of(rules.notional_share()).named(|| Name::operand("notional_share")).times(&value.notional);
                (initial?.larger(&share), &self.own_equity)
            }
        };
        let left = self.leaving.minus(&claim).minus(kept?);
        let withdrawable = left.smaller(limit).positive();
        Some((left, withdrawable.named(|| Name::term("withdrawable").rule("withdrawable.rule"))))
    }
}

/// What of a pool cannot leave, beyond what rules claim.
pub(super) enum Kept<N> {
    /// `None` where it is unknown.
    Back(Option<N>),
    /// Nobody asks for anything but what constraints look at.
    Unasked,
}

/// Adds up the layers of a pool. With `joint` they are valued and counted by their asset. What no constraint looks at, and of
/// it what can leave, less what is `kept` back, is left out where nobody asks.
pub(super) fn total<N: Number>(
    book: &Book,
    layers: &[Layer<N>],
    (joint, kept): (bool, &Kept<N>),
    at: Moment<'_, N>,
) -> PoolValue<N> {
    let rules = book.market().rules();
    let mut value = PoolValue::<N>::zero();
    let mut backing = Backing::<N>::zero();
    for layer in layers {
        let valuation =
            Valuation { counting: joint.then(|| Counting::new(book.market(), layer.asset, at.index(layer.asset))) };
        let cash = layer.cash();
        let equity = LazyCell::new(|| cash.plus(&layer.pnl).named(|| Name::group("equity").of("asset", layer.asset)));
        let counted = valuation.count(&cash, &layer.pnl, Weights::Risk);
        if let Kept::Back(_) = kept {
            value.wallet_balance = value.wallet_balance.plus(&valuation.price(&layer.wallet));
            value.unrealized_pnl = value.unrealized_pnl.plus(&valuation.price(&layer.pnl));
            value.equity = value.equity.plus(&valuation.price(&equity));
            value.notional = value.notional.plus(&valuation.price(&layer.notional));
            backing.add(rules, layer, &valuation);
        }
        let lost_or_frozen = valuation.price(&layer.order_loss.minus(&layer.frozen));
        value.collateral_value = value.collateral_value.plus(&counted).plus(&lost_or_frozen);
        let (maintenance, initial) = valuation.requirements(rules, layer, equity);
        value.maintenance_margin = value.maintenance_margin.plus(&maintenance);
        add(&mut value.initial_margin, initial.as_ref());
    }
    let Kept::Back(kept) = kept else { return value.named() };
    let (value, backing) = (value.named(), backing.named());
    let initial = value.initial_margin.as_ref();
    let name = |word, rule| Name::term(word).rule(rule);
    let free = |initial| backing.initial.minus(initial).named(|| name("free_margin", ""));
    let spare = initial.map(|initial| backing.available.minus(initial));
    let available = |spare: &N| spare.positive().named(|| name("available", "available.rule"));
    let (free_margin, available) = (initial.map(free), spare.as_ref().map(available));
    let (left, withdrawable) = backing.withdrawable(rules, &value, kept.as_ref()).unzip();
    PoolValue { free_margin, available, spare, left, withdrawable, ..value }
}
