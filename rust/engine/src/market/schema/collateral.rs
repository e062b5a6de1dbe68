//! Sections that say what counts as collateral, what debts require, and what may be used or taken out.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::market::number::Number;

/// Whether collateral counts in full.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CollateralValue {
    /// It does.
    #[default]
    Full,
    /// By the weights of `[collateral.asset.<name>]`.
    Haircut,
}

/// What a haircut is taken on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum HaircutBase {
    /// Cash and unrealised profit.
    #[default]
    Equity,
    /// Cash alone.
    Cash,
}

/// Which requirements see the haircut.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum HaircutLevels {
    /// Both.
    #[default]
    Both,
    /// The initial margin; the maintenance margin sees full value.
    Initial,
}

/// How a negative amount of an asset is valued.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Negative {
    /// In full.
    #[default]
    Full,
    /// At the index and the ask buffer.
    Ask,
    /// Times the liability factor.
    LiabilityFactor,
}

/// The price at which a requirement is brought into the valuation asset.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RequirementConversion {
    /// The index.
    #[default]
    Index,
    /// The index and the ask buffer.
    Ask,
}

/// What the bounds of haircut tiers, or a cap, are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AmountUnit {
    /// Units of the asset.
    Quantity,
    /// The valuation asset.
    Value,
}

/// `[collateral]`: what counts.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::market) struct Collateral {
    #[serde(default)]
    pub(in crate::market) value: CollateralValue,
    #[serde(default)]
    pub(in crate::market) base: HaircutBase,
    #[serde(default)]
    pub(in crate::market) levels: HaircutLevels,
    #[serde(default)]
    pub(in crate::market) negative: Negative,
    #[serde(default)]
    pub(in crate::market) requirement_conversion: RequirementConversion,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(in crate::market) asset: BTreeMap<String, AssetCollateralEntry>,
}

/// `[collateral.asset.<name>]`: how one asset counts.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::market) struct AssetCollateralEntry {
    pub(in crate::market) weight: Option<Number>,
    pub(in crate::market) availability_weight: Option<Number>,
    pub(in crate::market) cap: Option<Number>,
    pub(in crate::market) unit: Option<AmountUnit>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(in crate::market) floor: Vec<Number>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(in crate::market) weights: Vec<Number>,
    pub(in crate::market) bid_buffer: Option<Number>,
    pub(in crate::market) ask_buffer: Option<Number>,
    pub(in crate::market) exchange_bid_buffer: Option<Number>,
    pub(in crate::market) exchange_ask_buffer: Option<Number>,
    pub(in crate::market) liability_factor: Option<Number>,
    pub(in crate::market) liability: Option<LiabilityEntry>,
    pub(in crate::market) exchange_threshold: Option<Number>,
    #[serde(default)]
    pub(in crate::market) may_be_switched_off: bool,
}

/// `[collateral.asset.<name>.liability]`: what a debt in the asset requires, by marginal tiers of its quantity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::market) struct LiabilityEntry {
    pub(in crate::market) floor: Vec<Number>,
    pub(in crate::market) maintenance_rate: Vec<Number>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(in crate::market) initial_rate: Vec<Number>,
}

/// What debts require.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum LiabilityRequirement {
    /// Nothing.
    #[default]
    None,
    /// By the tiers of `[collateral.asset.<name>.liability]`.
    Tiers,
}

/// `[liabilities]`: negative amounts of an asset.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::market) struct Liabilities {
    #[serde(default)]
    pub(in crate::market) requirement: LiabilityRequirement,
    pub(in crate::market) repay_at_venue_ratio: Option<Number>,
    pub(in crate::market) convert_at_loan_to_value: Option<Number>,
}

/// What can back new positions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AvailableRule {
    /// `max(0, collateral_value - initial_margin)`: profit counts.
    #[default]
    EquityLessInitial,
    /// `max(0, cash + min(unrealized_pnl, 0) - initial_margin)`: profit does not count, a loss does.
    CashLessLossAndInitial,
    /// `max(0, cash - initial_margin)`: neither counts.
    CashLessInitial,
}

/// What can be taken out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum WithdrawableRule {
    /// `max(0, collateral_value - initial_margin)`.
    EquityLessInitial,
    /// `max(0, min(cash, cash + min(unrealized_pnl, 0) - initial_margin))`: profit stays, a loss is kept back.
    #[default]
    CashLessLossAndInitial,
    /// `max(0, min(cash, cash - initial_margin))`.
    CashLessInitial,
    /// `max(0, min(cash, equity - factor * maintenance_margin))`.
    EquityLessMaintenance,
    /// `max(0, equity - max(initial_margin, notional_share * notional))`.
    EquityLessInitialOrNotionalShare,
}

/// `[available]`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::market) struct Available {
    #[serde(default)]
    pub(in crate::market) rule: AvailableRule,
}

/// `[withdrawable]`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::market) struct Withdrawable {
    #[serde(default)]
    pub(in crate::market) rule: WithdrawableRule,
    pub(in crate::market) factor: Option<Number>,
    pub(in crate::market) notional_share: Option<Number>,
}

/// Whose money goes first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::market) enum BonusOrder {
    #[default]
    BonusFirst,
    OwnFirst,
}

/// What a bonus pays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::market) enum BonusPays {
    Losses,
    Funding,
    Fees,
}

/// `[bonus]`: credit that counts and cannot leave.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::market) struct Bonus {
    pub(in crate::market) counts_as_margin: bool,
    #[serde(default)]
    pub(in crate::market) spent: BonusOrder,
    #[serde(default)]
    pub(in crate::market) pays: Vec<BonusPays>,
    pub(in crate::market) paid_share: Option<Number>,
    #[serde(default)]
    pub(in crate::market) only_losses_beyond_profit: bool,
    #[serde(default)]
    pub(in crate::market) forfeited_on_transfer: bool,
    pub(in crate::market) expires_days: Option<u32>,
}
