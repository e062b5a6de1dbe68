//! Sections that say what happens: warnings, liquidation, fund, deleveraging, portfolio scenarios.

use serde::{Deserialize, Serialize};

use crate::market::number::Number;

/// `[warnings]`: levels of the margin ratio above the trigger, highest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::market) struct Warnings {
    pub(in crate::market) margin_ratio: Vec<Number>,
}

/// The extent of a step.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::market) enum Extent {
    #[default]
    Pool,
    Instrument,
    Account,
}

/// How a reduction is sized.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::market) enum ReduceBy {
    Minimal,
    Tiers,
    Share,
    LargestLossFirst,
}

/// The price of a closing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::market) enum ClosingPrice {
    #[default]
    Bankruptcy,
    BankruptcyByMaintenance,
    Market,
    Mark,
    Oracle,
    PreviousMark,
}

/// `[[liquidation.step]]`: the venue's steps, in order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub(in crate::market) enum Step {
    CancelOrders {
        #[serde(default)]
        extent: Extent,
        #[serde(default)]
        only_increasing: bool,
    },
    OffsetHedges {
        #[serde(default)]
        extent: Extent,
        #[serde(default)]
        price: ClosingPrice,
    },
    RepayLiabilities {},
    AddMargin {
        #[serde(default)]
        optional: bool,
    },
    Reduce {
        by: ReduceBy,
        tiers: Option<u32>,
        share: Option<Number>,
        above_notional: Option<Number>,
        cool_down_seconds: Option<u32>,
        #[serde(default)]
        price: ClosingPrice,
    },
    TakeOver {
        #[serde(default)]
        price: ClosingPrice,
    },
}

/// `[liquidation]`: the procedure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::market) struct Liquidation {
    pub(in crate::market) stop_level: Option<Number>,
    pub(in crate::market) fee_rate: Option<Number>,
    #[serde(default)]
    pub(in crate::market) fee_to: FeeTo,
    #[serde(default)]
    pub(in crate::market) step: Vec<Step>,
}

/// Who gets a liquidation fee.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::market) enum FeeTo {
    #[default]
    InsuranceFund,
    Venue,
    Liquidator,
}

/// What one fund covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::market) enum FundScope {
    Shared,
    PerAsset,
    PerInstrument,
}

/// Who keeps what a takeover fetched above the bankruptcy price.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::market) enum Surplus {
    #[default]
    Fund,
    Owner,
}

/// `[insurance_fund]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::market) struct InsuranceFund {
    pub(in crate::market) scope: FundScope,
    #[serde(default)]
    pub(in crate::market) surplus: Surplus,
    pub(in crate::market) position_limit: Option<Number>,
}

/// How counterparties are ranked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::market) enum AdlRank {
    PnlTimesMarginRatio,
    PnlTimesLeverage,
    LeveragedReturn,
    PriceRatioTimesLeverage,
}

/// `[adl]`: auto-deleveraging.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::market) struct Adl {
    pub(in crate::market) rank: AdlRank,
    #[serde(default)]
    pub(in crate::market) price: ClosingPrice,
    #[serde(default)]
    pub(in crate::market) net_side_only: bool,
}

/// `[portfolio_margin]`: the requirement of a designated pool as a worst case over scenarios.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::market) struct PortfolioMargin {
    pub(in crate::market) price_move: Vec<Number>,
    #[serde(default)]
    pub(in crate::market) volatility_move: Vec<Number>,
    #[serde(default)]
    pub(in crate::market) extreme_price_move: Vec<Number>,
    #[serde(default)]
    pub(in crate::market) extreme_weight: Vec<Number>,
    pub(in crate::market) contingency_rate: Option<Number>,
    pub(in crate::market) initial_factor: Option<Number>,
}
