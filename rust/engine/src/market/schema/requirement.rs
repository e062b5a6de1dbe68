//! Sections that say what a pool must hold: trigger, margins, their bases and fees, and how results are shown.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};

use crate::market::number::Number;

/// What shares collateral in cross mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CrossPool {
    /// One pool per account and settlement asset.
    PerAsset,
    /// One pool per account, all its assets valued in one.
    PerAccount,
    /// One pool per account and pair.
    PerPair,
}

/// The price at which a position is valued for a requirement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PriceBasis {
    /// The present mark price.
    Mark,
    /// The position's entry price.
    Entry,
}

/// The direction of the ratio that a venue displays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VenueRatio {
    /// Maintenance margin over equity: liquidation at 1 from below.
    MaintenanceOverEquity,
    /// Equity over maintenance margin: liquidation at 1 from above.
    EquityOverMaintenance,
}

/// How a venue rounds what it displays.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rounding {
    /// Toward zero.
    #[default]
    Truncate,
    /// To the nearest, ties away from zero.
    HalfUp,
    /// To the nearest, ties to even.
    HalfEven,
    /// Toward minus infinity.
    Floor,
    /// Toward plus infinity.
    Ceiling,
    /// To the side that is safer for the venue: up for a long position's price, down for a short one's.
    Adverse,
}

/// The price that a trigger looks at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TriggerPrice {
    /// The mark price.
    #[default]
    Mark,
    /// The last traded price.
    Last,
    /// The index price of the base.
    Index,
}

/// Whether one failing constraint suffices.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Combine {
    /// One failing constraint suffices.
    #[default]
    Any,
    /// All constraints must fail.
    All,
}

/// What a constraint requires.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Required {
    /// The maintenance margin.
    #[default]
    Maintenance,
    /// The initial margin.
    Initial,
}

/// `[trigger]`: when a pool is liquidated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::market) struct Trigger {
    #[serde(default = "one")]
    pub(in crate::market) level: Number,
    pub(in crate::market) zero_fails: bool,
    #[serde(default)]
    pub(in crate::market) price: TriggerPrice,
    #[serde(default)]
    pub(in crate::market) combine: Combine,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(in crate::market) constraint: Vec<ConstraintEntry>,
}

fn one() -> Number {
    Number::new(1.0)
}

/// `[[trigger.constraint]]`: one of several; what it leaves out it takes from `[trigger]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::market) struct ConstraintEntry {
    pub(in crate::market) name: String,
    pub(in crate::market) level: Option<Number>,
    pub(in crate::market) zero_fails: Option<bool>,
    pub(in crate::market) price: Option<TriggerPrice>,
    #[serde(default)]
    pub(in crate::market) required: Required,
}

/// How the legs of one instrument are charged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Legs {
    /// Every leg of a hedge on its own.
    #[default]
    Each,
    /// The magnitude of the signed sum.
    Net,
    /// Longs and shorts added.
    LongPlusShort,
    /// The larger of longs and shorts.
    LargerSide,
}

/// What picks the tier of a leg.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TierLegs {
    /// What is charged.
    #[default]
    Same,
    /// The magnitude of the signed sum of the instrument.
    Net,
    /// Longs and shorts of the instrument added.
    LongPlusShort,
    /// The larger of longs and shorts of the instrument.
    LargerSide,
    /// What is charged, summed over the instruments of one underlying and settlement asset.
    Underlying,
}

/// A fee for closing that is part of a requirement.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ClosingFee {
    /// None.
    #[default]
    None,
    /// On the notional at the mark price.
    Mark,
    /// On the notional at the bankruptcy price of the leverage, from the entry price.
    BankruptcyAtEntry,
    /// The same, from the mark price.
    BankruptcyAtMark,
    /// On the notional at the price where the margin of an isolated position is used up, fee included.
    BankruptcyOfMargin,
}

/// Where a rate comes from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum MarginSource {
    /// Maintenance: the table. Initial: one over the leverage of the position.
    #[default]
    Usual,
    /// The table's column of the same name.
    Table,
    /// A share of the initial margin (maintenance only).
    ShareOfInitial,
}

/// `[maintenance_margin]` and `[initial_margin]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::market) struct Requirement {
    pub(in crate::market) price: PriceBasis,
    #[serde(default)]
    pub(in crate::market) legs: Legs,
    pub(in crate::market) tier_price: Option<PriceBasis>,
    #[serde(default)]
    pub(in crate::market) tier_legs: TierLegs,
    #[serde(default)]
    pub(in crate::market) source: MarginSource,
    pub(in crate::market) share: Option<Number>,
    #[serde(default)]
    pub(in crate::market) closing_fee: ClosingFee,
    #[serde(default, deserialize_with = "with_some_key")]
    pub(in crate::market) isolated: Option<IsolatedRequirement>,
}

/// A section without a key says nothing: it is as none, which it is written as.
fn with_some_key<'de, D: Deserializer<'de>>(from: D) -> Result<Option<IsolatedRequirement>, D::Error> {
    const NOTHING: IsolatedRequirement =
        IsolatedRequirement { price: None, legs: None, tier_legs: None, closing_fee: None };
    let section = Option::<IsolatedRequirement>::deserialize(from)?;
    Ok(section.filter(|section| *section != NOTHING))
}

/// `[maintenance_margin.isolated]` and the like: what differs for isolated positions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::market) struct IsolatedRequirement {
    pub(in crate::market) price: Option<PriceBasis>,
    pub(in crate::market) legs: Option<Legs>,
    pub(in crate::market) tier_legs: Option<TierLegs>,
    pub(in crate::market) closing_fee: Option<ClosingFee>,
}

/// What the margin of an isolated position reserves for fees.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FeeReserve {
    /// Nothing.
    #[default]
    None,
    /// The fee on the notional at entry.
    OpeningNotional,
    /// The fee on the notional at the bankruptcy price of the leverage.
    ClosingAtBankruptcy,
}

/// `[isolated]`: the bucket of an isolated position.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::market) struct Isolated {
    #[serde(default)]
    pub(in crate::market) fee_reserve: FeeReserve,
}

/// Whether an account's own coefficient changes its tables.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum UserCoefficient {
    /// It does not.
    #[default]
    None,
    /// It multiplies the bounds, the cap and the deductions.
    Bounds,
}

/// Which version of a table a position is under.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TableVersion {
    /// The newest, always.
    #[default]
    Newest,
    /// The one that was in force when it was opened.
    KeptByOpenPositions,
}

/// What fixes the tier of a position.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TierChoice {
    /// The basis.
    #[default]
    ByBasis,
    /// The tier that the position names, where it names one.
    Static,
    /// The higher of the two.
    HigherOfBoth,
}

/// `[margin_class]`: what, beside the instrument, a position's table depends on.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::market) struct MarginClass {
    #[serde(default)]
    pub(in crate::market) user_coefficient: UserCoefficient,
    #[serde(default)]
    pub(in crate::market) table_version: TableVersion,
    #[serde(default)]
    pub(in crate::market) tier: TierChoice,
}

/// `[display]`: what the venue shows, at the edge only.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::market) struct Display {
    pub(in crate::market) venue_ratio: VenueRatio,
    pub(in crate::market) amount_decimals: Option<u8>,
    #[serde(default)]
    pub(in crate::market) amount_rounding: Rounding,
    pub(in crate::market) ratio_decimals: Option<u8>,
    #[serde(default)]
    pub(in crate::market) price_rounding: Rounding,
}

/// The rate of a fee for closing inside a requirement.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::market) enum ClosingRate {
    /// The taker rate of the account.
    #[default]
    Taker,
    /// The rate of liquidations, whatever the account's fees are.
    Liquidation,
}

/// `[fees]`: rates of the default profile, and of others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::market) struct Fees {
    pub(in crate::market) taker: Number,
    pub(in crate::market) maker: Option<Number>,
    pub(in crate::market) liquidation: Option<Number>,
    #[serde(default)]
    pub(in crate::market) closing: ClosingRate,
    pub(in crate::market) discount: Option<Number>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(in crate::market) profile: BTreeMap<String, FeeProfile>,
}

/// `[fees.profile.<name>]`: an account's fee tier.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::market) struct FeeProfile {
    pub(in crate::market) taker: Number,
    pub(in crate::market) maker: Option<Number>,
    /// Whether what is charged is less by the discount of `[fees]`.
    #[serde(default)]
    pub(in crate::market) discounted: bool,
}
