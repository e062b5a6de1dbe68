//! Where a pool is known to be safe on one stretch of an instrument's prices only.
//!
//! With the coordinate of the instrument, `price` or `-1 / price`, what counts as collateral is concave if haircuts take more of
//! what is more, and the requirement is convex if rates rise with the amount. Their difference is concave then, and a
//! concave function is positive on one stretch. Where several constraints must hold it is the stretch that they share.

use crate::market::{
    AssetCollateral, Combine, Frozen, HaircutBase, HaircutLevels, Legs, LiabilityRequirement, MarginSource, Market,
    Negative, OrderLoss, OrdersIn, Payoff, PriceBasis, Required, RequirementRule, TierLaw, TierLegs,
};

use super::Book;
use super::along::Road;
use super::moment::Moves;

impl Road<'_> {
    /// Whether the prices at which the pool does not fail are known to be one stretch.
    pub(crate) fn is_safe_on_one_stretch(&self) -> bool {
        let (book, pool) = (self.book, self.pool);
        let rules = book.market().rules();
        // All prices of a joint move are lines; what is `-1 / price` is none of one price more.
        let holdings = book.holdings();
        let held = || holdings.positions_of(pool).map(|position| holdings.instrument(position));
        let is_line = |at: usize| book.market().instruments()[at].payoff() != Payoff::Inverse;
        let moving = match self.moves {
            Moves::Instrument { at, .. } => at..at + 1,
            _ if !book.is_joint(pool) && held().all(is_line) => 0..book.market().instruments().len(),
            _ => return false,
        };
        let isolated = book.holdings().kind(pool) == crate::book::PoolKind::Isolated;
        let constraints = rules.constraints();
        let every_one = constraints.len() == 1 || rules.combine() == Combine::Any;
        every_one
            && constraints.iter().all(|constraint| constraint.required == Required::Maintenance)
            && orders_stay_out(book, pool)
            && held().filter(|at| moving.contains(at)).all(|at| is_convex(book, pool, at, rules.maintenance(isolated)))
            && (!book.is_joint(pool)
                || counts_less_of_more(book.market(), book.market().instruments()[moving.start].settle()))
    }
}

/// Whether a pool has no orders that its constraints look at.
fn orders_stay_out(book: &Book, pool: usize) -> bool {
    let orders = book.market().rules().orders();
    book.holdings().orders_of(pool).is_empty()
        || (orders.maintenance_margin == OrdersIn::None
            && orders.tier_basis == OrdersIn::None
            && orders.order_loss != OrderLoss::Equity
            && orders.frozen == Frozen::None)
}

/// Whether what an instrument's positions require is convex in their amount.
fn is_convex(book: &Book, pool: usize, instrument: usize, rule: &RequirementRule) -> bool {
    let holdings = book.holdings();
    let own_tier = rule.tier_legs == TierLegs::Same && rule.tier_price == rule.price;
    let of_it = holdings.positions_of(pool).filter(|&position| holdings.instrument(position) == instrument);
    let mut classes = of_it.map(|position| holdings.class[position]);
    let rises = |class: u16| {
        let table = book.class_table(class);
        let law = holdings.classes[usize::from(class)].tiers(book.market()).law();
        law == TierLaw::Marginal && table.rates.windows(2).all(|pair| pair[0].near() <= pair[1].near())
    };
    // At the entry price nothing moves but the fee.
    rule.source == MarginSource::Usual
        && (rule.price == PriceBasis::Entry
            && rule.tier_price == PriceBasis::Entry
            && rule.tier_legs != TierLegs::Underlying
            || own_tier && is_known(rule.legs) && classes.all(rises))
}

/// Whether an amount of this kind is convex in the price: all are, for positions without orders.
const fn is_known(legs: Legs) -> bool {
    matches!(legs, Legs::Each | Legs::Net | Legs::LongPlusShort | Legs::LargerSide)
}

/// Whether an asset's equity counts less for each unit, the more there is of it.
fn counts_less_of_more(market: &Market, asset: usize) -> bool {
    let rules = market.rules();
    let how = rules.collateral();
    let Some(asset) = market.assets()[asset].collateral() else {
        return how.base == HaircutBase::Cash || how.levels == HaircutLevels::Initial;
    };
    let debts = asset.liability.as_ref().is_none_or(|tiers| tiers.maintenance_rates.is_sorted());
    let unseen = how.base == HaircutBase::Cash || how.levels == HaircutLevels::Initial;
    (unseen || is_concave(asset, how.negative))
        && (debts || rules.liability_requirement() != LiabilityRequirement::Tiers)
}

fn is_concave(asset: &AssetCollateral, negative: Negative) -> bool {
    let of_debt = match negative {
        Negative::Ask => 1.0 + asset.ask_buffer,
        Negative::LiabilityFactor => asset.liability_factor,
        _ => 1.0,
    };
    let falls = asset.weights.windows(2).all(|pair| pair[0] >= pair[1]);
    falls && asset.bid_buffer >= 0.0 && asset.weights.iter().all(|&weight| weight <= 1.0 && weight <= of_debt)
}
