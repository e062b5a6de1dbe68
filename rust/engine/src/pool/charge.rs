//! What a pool's positions and orders require: tiers, charges, fees.

use std::sync::Arc;

use crate::book::Side;
use crate::exact::{Name, Number};
use crate::market::{
    BoundUnit, ClosingFee, Frozen, Legs, MarginSource, OrderPrice, OrdersIn, Payoff, PriceBasis, RequirementRule,
    TierChoice, TierLegs,
};

use super::Book;
use super::evaluate::add;
use super::legs::{Fill, Group, Leg, Opens, Order, Sides, contract_value, groups, in_unit, multiplier_of};
use super::tables::ClassTable;
use super::tiering::Tier;

/// The positions and cross orders of a pool, and what they are charged under.
pub(super) struct Pool<'a, N> {
    pub(super) book: &'a Book,
    pub(super) isolated: bool,
    pub(super) legs: &'a [Leg<N>],
    pub(super) orders: &'a [Order<N>],
    /// Tables of classes beyond those of the book.
    pub(super) more: &'a [Arc<ClassTable>],
    /// The price at which orders are looked at as if they filled, whatever the rules for open ones are.
    pub(super) filled: Option<OrderPrice>,
}

/// The charge of a group.
#[derive(Debug, Clone)]
pub(super) struct Charge<N> {
    pub(super) group: Group,
    /// `None` where a leverage is unknown.
    pub(super) amount: Option<N>,
    /// The tier that it is charged by, from 0.
    pub(super) tier: usize,
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Margin {
    Maintenance,
    Initial,
}

impl Margin {
    /// The path of its rule.
    const fn rule(self) -> &'static str {
        match self {
            Self::Maintenance => "maintenance_margin",
            Self::Initial => "initial_margin",
        }
    }

    /// The path of the rule for orders in it.
    const fn orders_rule(self) -> &'static str {
        match self {
            Self::Maintenance => "orders.maintenance_margin",
            Self::Initial => "orders.initial_margin",
        }
    }

    /// The path of the rule for closing fees in it.
    const fn fee_rule(self) -> &'static str {
        match self {
            Self::Maintenance => "maintenance_margin.closing_fee",
            Self::Initial => "initial_margin.closing_fee",
        }
    }
}

/// How a group is looked at: how its orders enter, and whether with what they hold back for fees.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    pub(super) mode: OrdersIn,
    pub(super) fees: bool,
}

impl<N: Number> Pool<'_, N> {
    pub(super) fn rule(&self, margin: Margin) -> &RequirementRule {
        let rules = self.book.market().rules();
        match margin {
            Margin::Maintenance => rules.maintenance(self.isolated),
            Margin::Initial => rules.initial(self.isolated),
        }
    }

    /// The rule that charges groups for a margin: of a share of the initial margin, that margin's.
    pub(super) fn charging(&self, margin: Margin) -> &RequirementRule {
        let rule = self.rule(margin);
        let shared = margin == Margin::Maintenance && rule.source == MarginSource::ShareOfInitial;
        if shared { self.rule(Margin::Initial) } else { rule }
    }

    /// How orders enter a margin.
    pub(super) fn mode(&self, margin: Margin) -> OrdersIn {
        let orders = self.book.market().rules().orders();
        match margin {
            _ if self.filled.is_some() => OrdersIn::WorstFill,
            Margin::Maintenance => orders.maintenance_margin,
            Margin::Initial => orders.initial_margin,
        }
    }

    /// What the groups require, with the fees of their orders, and whether rounding left a tier open. With `alone`, without
    /// orders but for their part in what picks the tier.
    pub(super) fn charges(&self, margin: Margin, alone: bool) -> (Vec<Charge<N>>, bool) {
        let charging = self.charging(margin);
        let mode = if alone { OrdersIn::None } else { self.mode(self.charged_as(margin)) };
        let mut open = false;
        let settle = |instrument: usize| self.book.market().instruments()[instrument].settle();
        let charges = groups(self.legs, self.orders, settle, charging.legs == Legs::Each)
            .into_iter()
            .map(|group| {
                let (amount, tier) = self.requirement(margin, &group, Asked { mode, fees: true }, &mut open);
                Charge { group, amount, tier }
            })
            .collect();
        (charges, open)
    }

    /// What the groups require together; `None` where a leverage is unknown.
    pub(super) fn sum_of_charges(&self, margin: Margin, open: &mut bool) -> Option<N> {
        let (charges, left_open) = self.charges(margin, false);
        *open |= left_open;
        let mut sum = Some(N::zero());
        for charge in &charges {
            add(&mut sum, charge.amount.as_ref());
        }
        sum
    }

    /// What a group requires for a margin: of the ways in which its orders can fill, the one that requires most; and its
    /// tier, from 0.
    pub(super) fn requirement(
        &self,
        margin: Margin,
        group: &Group,
        asked: Asked,
        open: &mut bool,
    ) -> (Option<N>, usize) {
        let name = || Name::group("requirement").rule(margin.orders_rule()).of("instrument", self.instrument(group));
        if group.legs.is_empty() && asked.mode == OrdersIn::None {
            return (Some(N::zero()), 0);
        }
        // Without orders there is one way to fill: as it is.
        let asked = if group.orders.is_empty() { Asked { mode: OrdersIn::None, ..asked } } else { asked };
        let rule = self.charging(margin);
        let by_leverage = self.charged_as(margin) == Margin::Initial && rule.source == MarginSource::Usual;
        let tier = if by_leverage { Tier::none() } else { self.tier(rule, group, open) };
        let sides = self.sides(group, rule.price);
        let (one, other) = sides.fills(rule.legs, asked.mode);
        let each = |fill: &Fill<N>, amount: &N| self.of_fill(margin, group, (fill, amount, &tier), asked);
        let worse =
            |one: Option<N>, other: Option<N>| one.zip(other).map(|(one, other)| one.larger(&other).named(name));
        if !by_leverage {
            let first = each(&one, &one.amount);
            return (if let Some(fill) = other { worse(first, each(&fill, &fill.amount)) } else { first }, tier.at);
        }
        let Some(over) = self.sides_over_leverage(group, rule.price, asked.mode) else { return (None, 0) };
        let (one_over, other_over) = if asked.mode == OrdersIn::WorstFill && sides.is_one_way(rule.legs) {
            let [bought, sold] = sides.worst_fills_over(&over, open);
            (bought, Some(sold))
        } else {
            let (one, other) = over.fills(rule.legs, asked.mode);
            (one.amount, other.map(|fill| fill.amount))
        };
        let first = each(&one, &one_over);
        let Some((fill, over)) = other.zip(other_over) else { return (first, 0) };
        (worse(first, each(&fill, &over)), 0)
    }

    /// The margin whose rule charges groups for a margin.
    fn charged_as(&self, margin: Margin) -> Margin {
        let shared = self.rule(margin).source == MarginSource::ShareOfInitial;
        if shared { Margin::Initial } else { margin }
    }

    /// What a group requires if its orders fill in one way; `None` where the leverage that fees need is unknown.
    fn of_fill(
        &self,
        margin: Margin,
        group: &Group,
        (fill, amount, tier): (&Fill<N>, &N, &Tier<N>),
        asked: Asked,
    ) -> Option<N> {
        let rule = self.charging(margin);
        let table = || self.table(self.class(group));
        let charge = match (self.charged_as(margin), rule.source) {
            (Margin::Initial, MarginSource::Usual) => amount.clone(),
            (Margin::Initial, _) => tier.choose(false, |tier| table().initial_rate::<N>(tier).times(amount)),
            (Margin::Maintenance, _) => {
                let unit = self.unit_value(rule.price, group);
                let in_tier = |tier| {
                    let deduction = table().deduction::<N>(tier).times(&unit);
                    table().rate::<N>(tier).times(amount).minus(&deduction)
                };
                tier.choose(true, in_tier).positive()
            }
        };
        let instrument = || self.instrument(group);
        let name = || Name::group("charge").rule(self.charged_as(margin).rule()).of("instrument", instrument());
        let charge = charge.named(name).because(|| tier.reasons(table(), instrument()));
        let charge = match self.rule(margin) {
            shared if shared.source == MarginSource::ShareOfInitial => {
                let share = N::of(shared.share).named(|| Name::operand("share"));
                let name =
                    || Name::group("share_of_initial").rule("maintenance_margin.share").of("instrument", instrument());
                share.times(&charge).named(name)
            }
            _ => charge,
        };
        if !asked.fees || asked.mode == OrdersIn::None {
            return Some(charge);
        }
        let buys = self.side_fees(margin, group, true, &fill.buys)?;
        let required = charge.plus(&buys).plus(&self.side_fees(margin, group, false, &fill.sells)?);
        Some(required.named(|| Name::group(fill.word()).rule(margin.orders_rule()).of("instrument", instrument())))
    }

    /// The fees that the orders of one side of a group hold back for what they open.
    fn side_fees(&self, margin: Margin, group: &Group, buys: bool, opens: &Opens<N>) -> Option<N> {
        if matches!(opens, Opens::None) {
            return Some(N::zero());
        }
        let of_side = self.orders[group.orders.clone()].iter().filter(|order| order.buy == buys);
        let mut fees = of_side.map(|order| self.order_fees(margin, order));
        let whole = fees.try_fold(N::zero(), |sum, fee| Some(sum.plus(&fee?)))?;
        Some(opens.part(&whole))
    }

    /// What the orders of a cross group freeze.
    pub(super) fn frozen(&self, group: &Group, open: &mut bool) -> N {
        let mode = self.mode(Margin::Initial);
        if group.orders.is_empty() || mode == OrdersIn::None {
            return N::zero();
        }
        let mut of = |pool: &Self, group: &Group, asked: Asked| pool.requirement(Margin::Initial, group, asked, open).0;
        let without = match self.book.market().rules().orders().frozen {
            Frozen::None => return N::zero(),
            Frozen::IsolatedOrdersAndFees => of(self, group, Asked { mode, fees: false }),
            Frozen::All if group.legs.is_empty() => Some(N::zero()),
            Frozen::All => {
                let alone = Group { legs: group.legs.clone(), orders: 0..0 };
                of(&Pool { orders: &[], ..*self }, &alone, Asked { mode, fees: true })
            }
        };
        let with = of(self, group, Asked { mode, fees: true });
        // A leverage that is missing where it is needed was refused.
        let frozen = with.zip(without).map_or_else(N::zero, |(with, without)| with.minus(&without).positive());
        frozen.named(|| Name::group("frozen").rule("orders.frozen").of("instrument", self.instrument(group)))
    }

    /// The margin class of a group: of its first position, or else of its first order.
    pub(super) fn class(&self, group: &Group) -> u32 {
        match self.legs.get(group.legs.clone()) {
            Some([leg, ..]) => u32::from(leg.class),
            _ => self.orders[group.orders.start].class,
        }
    }

    /// Whether a group's rows are those of an instrument in hedge mode.
    fn is_hedged(&self, group: &Group) -> bool {
        let side = match self.legs.get(group.legs.clone()) {
            Some([leg, ..]) => leg.side,
            _ => self.orders.get(group.orders.start).map_or(Side::Net, |order| order.side),
        };
        side != Side::Net
    }

    /// The sides of a group before anything is in them, with what of its orders opens, by contracts.
    fn no_sides(&self, group: &Group) -> Sides<N> {
        let hedged = self.is_hedged(group);
        let orders = &self.orders[group.orders.clone()];
        if orders.is_empty() {
            return Sides::none(hedged, [Opens::None, Opens::None]);
        }
        let of_side = |buys: bool| orders.iter().filter(move |order| order.buy == buys);
        let opening = [true, false].map(|buys| {
            let quantity = of_side(buys).fold(N::zero(), |sum, order| sum.plus(&order.quantity));
            let held = self.legs[group.legs.clone()].iter().filter(|leg| leg.long != buys);
            let against = if hedged { N::zero() } else { held.fold(N::zero(), |sum, leg| sum.plus(&leg.quantity)) };
            Opens::beyond(&quantity, &against)
        });
        Sides::none(hedged, opening)
    }

    /// The amounts of a group in the settlement asset.
    fn sides(&self, group: &Group, price: PriceBasis) -> Sides<N> {
        let mut sides = self.no_sides(group);
        for leg in &self.legs[group.legs.clone()] {
            let side = if leg.long { &mut sides.long } else { &mut sides.short };
            *side = side.plus(leg.notional(price));
        }
        let basis = self.order_price();
        for order in &self.orders[group.orders.clone()] {
            let side = if order.buy { &mut sides.buys } else { &mut sides.sells };
            *side = side.plus(&order.value(basis).0);
        }
        sides.named()
    }

    /// The amounts of a group in the settlement asset, each over its own leverage; `None` where one that counts is unknown.
    fn sides_over_leverage(&self, group: &Group, price: PriceBasis, mode: OrdersIn) -> Option<Sides<N>> {
        let mut sides = self.no_sides(group);
        let over = |amount: &N, leverage: f64, (kind, at)| {
            let name = || Name::term("over_leverage").rule("initial_margin").of(kind, at);
            let divisor = || N::of(leverage).named(|| Name::operand("leverage"));
            (!leverage.is_nan()).then(|| amount.over(&divisor()).named(name))
        };
        for leg in &self.legs[group.legs.clone()] {
            let side = if leg.long { &mut sides.long } else { &mut sides.short };
            *side = side.plus(&over(leg.notional(price), leg.leverage, ("position", leg.at))?);
        }
        let basis = self.order_price();
        let orders = if mode == OrdersIn::None { 0..0 } else { group.orders.clone() };
        for order in &self.orders[orders] {
            let side = if order.buy { &mut sides.buys } else { &mut sides.sells };
            *side = side.plus(&over(&order.value(basis).0, order.leverage, ("order", order.at))?);
        }
        Some(sides.named())
    }

    /// The amounts of a group in the unit of the bounds of its table.
    pub(super) fn sides_in_unit(&self, group: &Group, bounds: BoundUnit, price: PriceBasis) -> Sides<N> {
        let mut sides = self.no_sides(group);
        let instruments = self.book.market().instruments();
        let per_quantity = |instrument: usize| self.book.contracts_per_quantity(&instruments[instrument]);
        for leg in &self.legs[group.legs.clone()] {
            let side = if leg.long { &mut sides.long } else { &mut sides.short };
            let of = (&leg.quantity, &leg.size, leg.price(price));
            let amount = in_unit(bounds, &instruments[leg.instrument], &per_quantity(leg.instrument), of);
            *side = side.plus(&amount.named(|| Name::term("tier_notional").rule("tiers").of("position", leg.at)));
        }
        let basis = self.order_price();
        for order in &self.orders[group.orders.clone()] {
            let side = if order.buy { &mut sides.buys } else { &mut sides.sells };
            let price = order.value(basis).1;
            let of = (&order.quantity, &order.size, &price);
            let amount = in_unit(bounds, &instruments[order.instrument], &per_quantity(order.instrument), of);
            *side = side
                .plus(&amount.named(|| Name::term("tier_notional").rule("orders.tier_basis").of("order", order.at)));
        }
        sides.named()
    }

    /// The tier of a group.
    fn tier(&self, rule: &RequirementRule, group: &Group, open: &mut bool) -> Tier<N> {
        let table = self.table(self.class(group));
        let tiers = self.legs[group.legs.clone()].iter().map(|leg| self.table(u32::from(leg.class)).tier);
        let fixed = usize::from(tiers.max().unwrap_or(0)).min(table.floors.len());
        let choice = self.book.market().rules().margin_class().tier;
        if choice == TierChoice::Static && fixed > 0 {
            return Tier::of(fixed - 1, fixed);
        }
        let mode =
            if self.filled.is_some() { OrdersIn::WorstFill } else { self.book.market().rules().orders().tier_basis };
        let amount =
            |group: &Group, legs: Legs| self.sides_in_unit(group, table.bounds, rule.tier_price).amount(legs, mode);
        let whole = || if rule.legs == Legs::Each { self.of_instrument(group) } else { group.clone() };
        let basis = match rule.tier_legs {
            TierLegs::Same => amount(group, rule.legs),
            TierLegs::Net => amount(&whole(), Legs::Net),
            TierLegs::LongPlusShort => amount(&whole(), Legs::LongPlusShort),
            TierLegs::LargerSide => amount(&whole(), Legs::LargerSide),
            TierLegs::Underlying => (self.of_underlying(group, rule.legs == Legs::Each).iter())
                .fold(N::zero(), |sum, group| sum.plus(&amount(group, rule.legs))),
        };
        let (tier, left_open) = table.tier_of(&basis);
        *open |= left_open;
        let fixed = if choice == TierChoice::HigherOfBoth { fixed } else { 0 };
        let own = rule.tier_price == rule.price && group.orders.is_empty() && fixed == 0;
        let continuous =
            table.continuous && own && rule.tier_legs == TierLegs::Same && rule.source == MarginSource::Usual;
        let (lowest, highest) = table.reach_of(&basis, tier, !continuous);
        let basis = basis.named(|| Name::group("tier_basis").rule("margin_class.tier"));
        let at_least = |tier: usize| tier.max(fixed.saturating_sub(1));
        let (at, reach) = (at_least(tier), (at_least(lowest), at_least(highest)));
        let slopes = (continuous && lowest != highest).then(|| table.slopes(reach));
        Tier { at, reach, slopes, basis: Some(basis), fixed }
    }

    /// The instrument of a group.
    fn instrument(&self, group: &Group) -> usize {
        self.legs
            .get(group.legs.clone())
            .and_then(|legs| legs.first())
            .map_or_else(|| self.orders[group.orders.start].instrument, |leg| leg.instrument)
    }

    /// All legs and orders of a group's instrument.
    fn of_instrument(&self, group: &Group) -> Group {
        let instrument = self.instrument(group);
        let settle = |instrument: usize| self.book.market().instruments()[instrument].settle();
        let all = groups(self.legs, self.orders, settle, false);
        all.into_iter().find(|other| self.instrument(other) == instrument).unwrap_or_else(|| group.clone())
    }

    /// The groups of all instruments of a group's underlying that settle in the same asset.
    fn of_underlying(&self, group: &Group, by_side: bool) -> Vec<Group> {
        let instruments = self.book.market().instruments();
        let settle = |instrument: usize| instruments[instrument].settle();
        let of = |group: &Group| {
            let instrument = &instruments[self.instrument(group)];
            (instrument.underlying(), instrument.settle())
        };
        let mut all = groups(self.legs, self.orders, settle, by_side);
        all.retain(|other| of(other) == of(group));
        all
    }

    /// What one unit of a table's bounds is worth in the settlement asset, at the price of a rule.
    fn unit_value(&self, basis: PriceBasis, group: &Group) -> N {
        let instrument = &self.book.market().instruments()[self.instrument(group)];
        let table = self.table(self.class(group));
        // Without a position there is no entry: the mark stands for it.
        let (price, size) = if let Some([leg, ..]) = self.legs.get(group.legs.clone()) {
            (leg.price(basis), &leg.size)
        } else {
            let order = &self.orders[group.orders.start];
            (&order.mark, &order.size)
        };
        match (table.bounds, instrument.payoff()) {
            (BoundUnit::Settle, _) | (BoundUnit::Quote, Payoff::Linear) => N::of(1.0),
            (BoundUnit::Quote, Payoff::Quanto { multiplier }) => multiplier_of(multiplier),
            (BoundUnit::Quote, Payoff::Inverse) => N::of(1.0).over(price),
            (BoundUnit::Contracts, _) => {
                contract_value(instrument, size, price).over(&self.book.contracts_per_quantity(instrument))
            }
        }
    }

    /// The closing fee of a position inside a margin; `None` where the leverage that it needs is unknown.
    pub(super) fn closing_fee(&self, margin: Margin, leg: &Leg<N>, fence: &N) -> Option<N> {
        let rate: N = self.table(u32::from(leg.class)).closing_rate();
        let inverse = self.book.market().instruments()[leg.instrument].payoff() == Payoff::Inverse;
        let at_bankruptcy = |notional: &N| {
            (!leg.leverage.is_nan()).then(|| rate.times(&at_bankruptcy(notional, leg.leverage, leg.long != inverse)))
        };
        let fee = match self.rule(margin).closing_fee {
            ClosingFee::None => return Some(N::zero()),
            ClosingFee::Mark => Some(rate.times(&leg.at_mark)),
            ClosingFee::BankruptcyAtEntry => at_bankruptcy(&leg.at_entry),
            ClosingFee::BankruptcyAtMark => at_bankruptcy(&leg.at_mark),
            ClosingFee::BankruptcyOfMargin => {
                let one = N::of(1.0);
                // Losing its margin takes a long linear position's notional down, a long inverse one's up.
                let (lost, share) = if leg.long == inverse {
                    (leg.at_entry.plus(fence), one.plus(&rate))
                } else {
                    (leg.at_entry.minus(fence), one.minus(&rate))
                };
                Some(rate.times(&lost.over(&share).positive()))
            }
        };
        let name = || Name::term("closing_fee").rule(margin.fee_rule()).of("position", leg.at).optional();
        fee.map(|fee| fee.named(name))
    }

    /// The fees of a cross order inside a margin; `None` where the leverage that they need is unknown.
    pub(super) fn order_fees(&self, margin: Margin, order: &Order<N>) -> Option<N> {
        let rules = self.book.market().rules().orders();
        if self.mode(margin) == OrdersIn::None {
            return Some(N::zero());
        }
        let table = self.table(order.class);
        let name = |word, rule| Name::term(word).rule(rule).of("order", order.at).optional();
        let value = order.value(self.order_price()).0;
        let mut fees = N::zero();
        if margin == Margin::Initial && rules.opening_fee {
            let fee = table.taker_rate::<N>().times(&value);
            fees = fees.plus(&fee.named(|| name("opening_fee", "orders.opening_fee")));
        }
        if rules.closing_fee && self.filled.is_none() {
            let inverse = self.book.market().instruments()[order.instrument].payoff() == Payoff::Inverse;
            let rate: N = table.closing_rate();
            let closing = match self.rule(margin).closing_fee {
                ClosingFee::None => N::zero(),
                ClosingFee::Mark => rate.times(&value),
                _ if order.leverage.is_nan() => return None,
                _ => rate.times(&at_bankruptcy(&value, order.leverage, order.buy != inverse)),
            };
            fees = fees.plus(&closing.named(|| name("closing_fee", "orders.closing_fee")));
        }
        Some(fees.named(|| Name::group("order_fees").of("order", order.at)))
    }
}

/// The notional of a position at the price where its leverage is used up: `notional * (1 - 1 / leverage)` where a loss
/// makes it smaller, `notional * (1 + 1 / leverage)` where a loss makes it larger; at least zero.
pub(super) fn at_bankruptcy<N: Number>(notional: &N, leverage: f64, shrinks: bool) -> N {
    let margin = notional.over(&N::of(leverage).named(|| Name::operand("leverage")));
    let value = if shrinks { notional.minus(&margin).positive() } else { notional.plus(&margin) };
    value.named(|| Name::term("bankruptcy_value"))
}
