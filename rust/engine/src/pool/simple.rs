//! Which rules the one-asset lanes compute. A matter of the market alone, so that a pool has the same bits in any book.

use crate::market::{
    BoundUnit, ClosingFee, Combine, CrossPool, FeeReserve, Frozen, HaircutBase, Instrument, Legs, MarginSource, Market,
    OrderLoss, OrdersIn, Payoff, Required, RequirementRule, TierChoice, TierLegs, TierTable, TriggerPrice,
};

/// Whether every pool of a market has one asset, every position is charged by itself on its own notional, at mark or
/// at entry, and nothing else is required.
pub(super) fn is_simple(market: &Market) -> bool {
    let rules = market.rules();
    let one_constraint = matches!(rules.constraints(),
        [only] if only.price == TriggerPrice::Mark && only.required == Required::Maintenance);
    let by_itself = |rule: &RequirementRule| {
        rule.legs == Legs::Each && rule.source == MarginSource::Usual && rule.closing_fee == ClosingFee::None
    };
    let alike = rules.maintenance(false) == rules.maintenance(true) && rules.initial(false) == rules.initial(true);
    let maintenance = rules.maintenance(false);
    let on_own_notional = maintenance.tier_legs == TierLegs::Same && maintenance.tier_price == maintenance.price;
    let orders = rules.orders();
    rules.cross_pool() == CrossPool::PerAsset
        && one_constraint
        && alike
        && by_itself(maintenance)
        && by_itself(rules.initial(false))
        && on_own_notional
        && orders.maintenance_margin == OrdersIn::None
        && orders.tier_basis == OrdersIn::None
        && orders.order_loss != OrderLoss::Equity
        && orders.frozen == Frozen::None
        && rules.fee_reserve() == FeeReserve::None
        && rules.margin_class().tier == TierChoice::ByBasis
        && market.instruments().iter().all(bounds_are_notional)
}

/// Whether the lanes of several assets compute some pools of a market: one constraint on maintenance margin at mark, or
/// several that must all fail, of which that is the first.
pub(super) fn has_lanes(market: &Market) -> bool {
    let rules = market.rules();
    let [first, rest @ ..] = rules.constraints() else { return false };
    let closes_at_mark = |isolated: bool| rules.maintenance(isolated).closing_fee == ClosingFee::Mark;
    first.price == TriggerPrice::Mark
        && first.required == Required::Maintenance
        && (rest.is_empty() || rules.combine() == Combine::All)
        && closes_at_mark(false) == closes_at_mark(true)
        && rules.maintenance(false).price == rules.maintenance(true).price
        && [false, true].iter().all(|&isolated| rules.maintenance(isolated).source == MarginSource::Usual)
        && (rules.cross_pool() == CrossPool::PerAsset || rules.collateral().base == HaircutBase::Equity)
}

/// Whether the bounds of an instrument's tables are written in what its notional is in.
fn bounds_are_notional(instrument: &Instrument) -> bool {
    let fits = |table: &TierTable| match table.bounds() {
        BoundUnit::Settle => true,
        BoundUnit::Quote => instrument.payoff() == Payoff::Linear,
        BoundUnit::Contracts => false,
    };
    fits(instrument.tiers()) && instrument.old_tiers().iter().all(|(_, table)| fits(table))
}
