//! The rules of a market, as plain choices.

use std::collections::BTreeMap;

use super::admission::{self, Admission, LimitRule};
use super::schema::{
    AvailableRule, ClosingFee, CollateralValue, Combine, CrossPool, Document, FeeReserve, Frozen, HaircutBase,
    HaircutLevels, Legs, LiabilityRequirement, MarginSource, Negative, OrderLoss, OrderPrice, OrdersIn, PriceBasis,
    Required, Requirement, RequirementConversion, Rounding, TableVersion, TierChoice, TierLegs, TriggerPrice,
    UserCoefficient, VenueRatio, WithdrawableRule,
};
use super::{BonusRule, claim, number::Number};
use crate::error::{Error, Result};

/// One thing that a pool must hold: `excess = collateral_value - level * required` at one vector of prices.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Constraint {
    /// For reports.
    pub name: String,
    /// Multiple of the requirement.
    pub level: f64,
    /// Whether an excess of exactly zero fails.
    pub zero_fails: bool,
    /// The prices at which the whole pool is valued; index prices are the same in each.
    pub price: TriggerPrice,
    /// What is required.
    pub required: Required,
}

/// How a requirement is charged: maintenance or initial margin, in cross or isolated pools.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct RequirementRule {
    /// The price at which positions are charged.
    pub price: PriceBasis,
    /// What is charged of the legs of one instrument.
    pub legs: Legs,
    /// The price at which the tier is looked up.
    pub tier_price: PriceBasis,
    /// What picks the tier.
    pub tier_legs: TierLegs,
    /// Where the rate comes from.
    pub source: MarginSource,
    /// The share of the initial margin under [`MarginSource::ShareOfInitial`]; 1 elsewhere.
    pub share: f64,
    /// The closing fee inside the requirement.
    pub closing_fee: ClosingFee,
}

/// How open orders enter.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct OrderRules {
    /// Orders in the initial margin.
    pub initial_margin: OrdersIn,
    /// Orders in the maintenance margin.
    pub maintenance_margin: OrdersIn,
    /// Orders in what picks the tier.
    pub tier_basis: OrdersIn,
    /// Where the loss of filling at the order's price counts.
    pub order_loss: OrderLoss,
    /// What comes off the collateral of a cross pool while orders are open.
    pub frozen: Frozen,
    /// The price at which an order is valued.
    pub price: OrderPrice,
    /// Whether an order's initial margin has the fee of opening.
    pub opening_fee: bool,
    /// Whether an order's margins have the fee of closing.
    pub closing_fee: bool,
    /// Whether orders that wait for a trigger count.
    pub conditional: bool,
}

/// What counts as collateral of a pool of several assets.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct CollateralRules {
    /// Whether collateral counts in full.
    pub value: CollateralValue,
    /// What a haircut is taken on.
    pub base: HaircutBase,
    /// Which requirements see it.
    pub levels: HaircutLevels,
    /// How a negative amount is valued.
    pub negative: Negative,
    /// The price that brings a requirement into the valuation asset.
    pub requirement_conversion: RequirementConversion,
}

/// What a position's table depends on beside its instrument.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct MarginClassRules {
    /// Whether an account's own coefficient changes its tables.
    pub user_coefficient: UserCoefficient,
    /// Which version of a table a position is under.
    pub table_version: TableVersion,
    /// What fixes the tier of a position.
    pub tier: TierChoice,
}

/// What an account's pools may be.
#[derive(Debug, Clone, Copy, PartialEq)]
struct PoolRules {
    cross: CrossPool,
    isolated: bool,
    hedge_mode: bool,
}

/// The rules of a market: which pools there are, what they must hold, what is shown.
#[derive(Debug, Clone, PartialEq)]
pub struct Rules {
    constraints: Vec<Constraint>,
    combine: Combine,
    maintenance: [RequirementRule; 2],
    initial: [RequirementRule; 2],
    fee_reserve: FeeReserve,
    orders: OrderRules,
    collateral: CollateralRules,
    liability_requirement: LiabilityRequirement,
    margin_class: MarginClassRules,
    venue_ratio: VenueRatio,
    amount_decimals: Option<u8>,
    amount_rounding: Rounding,
    ratio_decimals: Option<u8>,
    price_rounding: Rounding,
    available: AvailableRule,
    withdrawable: WithdrawableRule,
    withdrawable_factor: f64,
    notional_share: f64,
    bonus: Option<BonusRule>,
    admission: Admission,
    limits: [LimitRule; 2],
    pools: PoolRules,
    valuation_asset: Option<usize>,
}

impl Rules {
    pub(super) fn build(document: &Document, asset_index: impl Fn(&str) -> Option<usize>) -> Result<Self> {
        let valuation_asset = match &document.valuation.asset {
            None => None,
            Some(name) => Some(asset_index(name).ok_or_else(|| {
                Error::market("valuation.asset", format!("was {name:?}, expected the name of an [[asset]]"))
            })?),
        };
        let display = &document.display;
        let collateral = &document.collateral;
        let class = &document.margin_class;
        let withdrawable = &document.withdrawable;
        let maintenance = requirement("maintenance_margin", &document.maintenance_margin)?;
        Ok(Self {
            constraints: constraints_of(document)?,
            combine: document.trigger.combine,
            limits: admission::limits(document, &maintenance)?,
            maintenance,
            initial: requirement("initial_margin", &document.initial_margin)?,
            fee_reserve: document.isolated.fee_reserve,
            orders: orders_of(document),
            collateral: CollateralRules {
                value: collateral.value,
                base: collateral.base,
                levels: collateral.levels,
                negative: collateral.negative,
                requirement_conversion: collateral.requirement_conversion,
            },
            liability_requirement: document.liabilities.requirement,
            margin_class: MarginClassRules {
                user_coefficient: class.user_coefficient,
                table_version: class.table_version,
                tier: class.tier,
            },
            venue_ratio: display.venue_ratio,
            amount_decimals: display.amount_decimals,
            amount_rounding: display.amount_rounding,
            ratio_decimals: display.ratio_decimals,
            price_rounding: display.price_rounding,
            available: document.available.rule,
            withdrawable: withdrawable.rule,
            withdrawable_factor: withdrawable.factor.map_or(1.0, Number::get),
            notional_share: withdrawable.notional_share.map_or(0.0, Number::get),
            bonus: document.bonus.as_ref().map(BonusRule::build),
            admission: admission::admission(document)?,
            pools: PoolRules {
                cross: document.pools.cross,
                isolated: document.pools.isolated,
                hedge_mode: document.pools.hedge_mode,
            },
            valuation_asset,
        })
    }

    /// What a pool must hold; at least one. The first is the one that reports are about.
    #[must_use]
    pub fn constraints(&self) -> &[Constraint] {
        &self.constraints
    }

    /// Whether one failing constraint suffices.
    #[must_use]
    pub const fn combine(&self) -> Combine {
        self.combine
    }

    /// The level of the first constraint: `excess = collateral_value - trigger_level * maintenance_margin`.
    #[must_use]
    pub fn trigger_level(&self) -> f64 {
        self.constraints[0].level
    }

    /// Whether a pool with an excess of exactly zero is liquidatable, by the first constraint.
    #[must_use]
    pub fn zero_fails(&self) -> bool {
        self.constraints[0].zero_fails
    }

    /// How the maintenance margin is charged, in cross or isolated pools.
    #[must_use]
    pub const fn maintenance(&self, isolated: bool) -> &RequirementRule {
        &self.maintenance[isolated as usize]
    }

    /// How the initial margin is charged, in cross or isolated pools.
    #[must_use]
    pub const fn initial(&self, isolated: bool) -> &RequirementRule {
        &self.initial[isolated as usize]
    }

    /// The price that the maintenance margin of cross pools is charged at.
    #[must_use]
    pub const fn maintenance_price(&self) -> PriceBasis {
        self.maintenance[0].price
    }

    /// The price that the initial margin of cross pools is charged at.
    #[must_use]
    pub const fn initial_price(&self) -> PriceBasis {
        self.initial[0].price
    }

    /// What the margin of an isolated position reserves for fees.
    #[must_use]
    pub const fn fee_reserve(&self) -> FeeReserve {
        self.fee_reserve
    }

    /// How open orders enter.
    #[must_use]
    pub const fn orders(&self) -> OrderRules {
        self.orders
    }

    /// What counts as collateral.
    #[must_use]
    pub const fn collateral(&self) -> CollateralRules {
        self.collateral
    }

    /// What a negative amount of an asset requires.
    #[must_use]
    pub const fn liability_requirement(&self) -> LiabilityRequirement {
        self.liability_requirement
    }

    /// What a position's table depends on beside its instrument.
    #[must_use]
    pub const fn margin_class(&self) -> MarginClassRules {
        self.margin_class
    }

    /// The direction of the displayed ratio.
    #[must_use]
    pub const fn venue_ratio(&self) -> VenueRatio {
        self.venue_ratio
    }

    /// Decimals of displayed amounts, where the venue cuts them.
    #[must_use]
    pub const fn amount_decimals(&self) -> Option<u8> {
        self.amount_decimals
    }

    /// How displayed amounts are rounded to [`Self::amount_decimals`].
    #[must_use]
    pub const fn amount_rounding(&self) -> Rounding {
        self.amount_rounding
    }

    /// Decimals of the displayed ratio, where the venue cuts them.
    #[must_use]
    pub const fn ratio_decimals(&self) -> Option<u8> {
        self.ratio_decimals
    }

    /// How displayed prices are rounded to the tick.
    #[must_use]
    pub const fn price_rounding(&self) -> Rounding {
        self.price_rounding
    }

    /// What can back new positions.
    #[must_use]
    pub const fn available(&self) -> AvailableRule {
        self.available
    }

    /// What can be taken out.
    #[must_use]
    pub const fn withdrawable(&self) -> WithdrawableRule {
        self.withdrawable
    }

    /// The multiple of the maintenance margin that [`WithdrawableRule::EquityLessMaintenance`] leaves; 1 by default.
    #[must_use]
    pub const fn withdrawable_factor(&self) -> f64 {
        self.withdrawable_factor
    }

    /// The share of the notional that [`WithdrawableRule::EquityLessInitialOrNotionalShare`] leaves; 0 by default.
    #[must_use]
    pub const fn notional_share(&self) -> f64 {
        self.notional_share
    }

    /// Whether a bonus counts as margin.
    #[must_use]
    pub fn bonus_counts(&self) -> bool {
        self.bonus.is_some_and(|bonus| bonus.counts)
    }

    /// Whether taking money out forfeits the bonus, so that it backs nothing that stays.
    #[must_use]
    pub fn bonus_forfeited(&self) -> bool {
        self.bonus.is_some_and(|bonus| bonus.forfeited)
    }

    /// What a bonus pays, where the file has one.
    #[must_use]
    pub const fn bonus(&self) -> Option<BonusRule> {
        self.bonus
    }

    /// How one more order is tested.
    #[must_use]
    pub const fn admission(&self) -> Admission {
        self.admission
    }

    /// What the largest size and leverage of a tier table are compared with, in cross or isolated pools.
    #[must_use]
    pub const fn limits(&self, isolated: bool) -> LimitRule {
        self.limits[isolated as usize]
    }

    /// Whether positions may be isolated.
    #[must_use]
    pub const fn isolated_allowed(&self) -> bool {
        self.pools.isolated
    }

    /// Whether an account may hold a long and a short position of one instrument at a time.
    #[must_use]
    pub const fn hedge_mode(&self) -> bool {
        self.pools.hedge_mode
    }

    /// What shares collateral in cross mode.
    #[must_use]
    pub const fn cross_pool(&self) -> CrossPool {
        self.pools.cross
    }

    /// The asset in which accounts are valued, as an index into [`super::Market::assets`].
    #[must_use]
    pub const fn valuation_asset(&self) -> Option<usize> {
        self.valuation_asset
    }
}

/// The constraints of `[trigger]`: those listed, or the one that it is itself.
fn constraints_of(document: &Document) -> Result<Vec<Constraint>> {
    let trigger = &document.trigger;
    let level = trigger.level.positive(|| "trigger.level".to_owned())?;
    if trigger.constraint.is_empty() {
        let name = "trigger".to_owned();
        let (zero_fails, price) = (trigger.zero_fails, trigger.price);
        return Ok(vec![Constraint { name, level, zero_fails, price, required: Required::Maintenance }]);
    }
    let mut names = BTreeMap::new();
    let each = trigger.constraint.iter().enumerate().map(|(k, entry)| {
        claim(&mut names, &entry.name, k, || format!("trigger.constraint[{k}].name"))?;
        let own = entry.level.map(|level| level.positive(|| format!("trigger.constraint[{k}].level"))).transpose()?;
        Ok(Constraint {
            name: entry.name.clone(),
            level: own.unwrap_or(level),
            zero_fails: entry.zero_fails.unwrap_or(trigger.zero_fails),
            price: entry.price.unwrap_or(trigger.price),
            required: entry.required,
        })
    });
    each.collect()
}

/// A requirement in cross pools, then in isolated ones.
fn requirement(section: &str, rule: &Requirement) -> Result<[RequirementRule; 2]> {
    let by_share = rule.source == MarginSource::ShareOfInitial;
    let share = match rule.share {
        None if by_share => {
            let message = "is missing, expected the fraction of source = \"share_of_initial\"";
            return Err(Error::market(format!("{section}.share"), message));
        }
        Some(_) if !by_share => {
            let message = "was given, expected only with source = \"share_of_initial\"";
            return Err(Error::market(format!("{section}.share"), message));
        }
        None => 1.0,
        Some(share) => share.rate(|| format!("{section}.share"))?,
    };
    let cross = RequirementRule {
        price: rule.price,
        legs: rule.legs,
        tier_price: rule.tier_price.unwrap_or(rule.price),
        tier_legs: rule.tier_legs,
        source: rule.source,
        share,
        closing_fee: rule.closing_fee,
    };
    let Some(other) = &rule.isolated else { return Ok([cross, cross]) };
    let price = other.price.unwrap_or(cross.price);
    let isolated = RequirementRule {
        price,
        legs: other.legs.unwrap_or(cross.legs),
        tier_price: rule.tier_price.unwrap_or(price),
        tier_legs: other.tier_legs.unwrap_or(cross.tier_legs),
        closing_fee: other.closing_fee.unwrap_or(cross.closing_fee),
        ..cross
    };
    Ok([cross, isolated])
}

fn orders_of(document: &Document) -> OrderRules {
    let orders = document.orders.clone().unwrap_or_default();
    OrderRules {
        initial_margin: orders.initial_margin,
        maintenance_margin: orders.maintenance_margin,
        tier_basis: orders.tier_basis,
        order_loss: orders.order_loss,
        frozen: orders.frozen,
        price: orders.price,
        opening_fee: orders.opening_fee,
        closing_fee: orders.closing_fee,
        conditional: orders.conditional,
    }
}
