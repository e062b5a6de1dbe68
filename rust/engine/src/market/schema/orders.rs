//! Sections about orders: how open ones enter the margins, what admits one more, and what limits its size and leverage.

use serde::{Deserialize, Deserializer, Serialize};

use super::requirement::{Legs, TierLegs};

/// How open orders enter an amount.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum OrdersIn {
    /// Not at all.
    #[default]
    None,
    /// Each on its own.
    Sum,
    /// The larger of the position with all buys and with all sells filled.
    WorstFill,
    /// The larger of longs with buys and shorts with sells.
    LargerSide,
}

/// Where the loss of filling at the order's price counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum OrderLoss {
    /// Nowhere.
    #[default]
    None,
    /// When the order is placed.
    Admission,
    /// In the pool's equity, while the order is open.
    Equity,
}

/// The price at which an order is valued.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum OrderPrice {
    /// Its limit; the mark price where it has none.
    #[default]
    Limit,
    /// The mark price.
    Mark,
    /// The one of the two that is worth more.
    Worse,
}

/// What open orders take off what a cross pool's collateral is worth, while they are open.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Frozen {
    /// Nothing.
    #[default]
    None,
    /// What orders of isolated positions reserve, and the fees of orders in the initial margin.
    IsolatedOrdersAndFees,
    /// All that orders add to the initial margin.
    All,
}

/// `[orders]`: open orders in the margins.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::market) struct Orders {
    #[serde(default)]
    pub(in crate::market) initial_margin: OrdersIn,
    #[serde(default)]
    pub(in crate::market) maintenance_margin: OrdersIn,
    #[serde(default)]
    pub(in crate::market) tier_basis: OrdersIn,
    #[serde(default)]
    pub(in crate::market) order_loss: OrderLoss,
    #[serde(default)]
    pub(in crate::market) frozen: Frozen,
    #[serde(default)]
    pub(in crate::market) price: OrderPrice,
    #[serde(default)]
    pub(in crate::market) opening_fee: bool,
    #[serde(default)]
    pub(in crate::market) closing_fee: bool,
    #[serde(default)]
    pub(in crate::market) conditional: bool,
}

/// As what an order is tested before it is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AdmissionBasis {
    /// As one more open order, which reserves what `[orders]` says.
    Reserve,
    /// As if it filled.
    Fill,
}

/// What the need of an order is held against.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AdmissionTest {
    /// What the pool has available.
    #[default]
    Available,
    /// Its free margin: the losses of open orders are in it.
    FreeMargin,
}

/// Whether an order that only reduces is tested.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ReduceOnlyRule {
    /// It is not.
    #[default]
    Free,
    /// It is, as any other, where orders before it already close the position.
    Checked,
}

/// `[admission]`: what admits one more order.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::market) struct AdmissionEntry {
    pub(in crate::market) basis: Option<AdmissionBasis>,
    #[serde(default)]
    pub(in crate::market) test: AdmissionTest,
    #[serde(default)]
    pub(in crate::market) reduce_only: ReduceOnlyRule,
}

/// What of an instrument's legs is limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::market) enum LimitLegs {
    /// What is charged.
    Same,
    /// The magnitude of the signed sum.
    Net,
    /// Longs and shorts added.
    LongPlusShort,
    /// The larger of longs and shorts.
    LargerSide,
}

impl LimitLegs {
    /// What picks the tier, as far as it is of one instrument.
    pub(in crate::market) const fn of_tier(legs: TierLegs) -> Self {
        match legs {
            TierLegs::Net => Self::Net,
            TierLegs::LongPlusShort => Self::LongPlusShort,
            TierLegs::LargerSide => Self::LargerSide,
            TierLegs::Same | TierLegs::Underlying => Self::Same,
        }
    }

    /// The legs, where what is charged are those of `same`.
    pub(in crate::market) const fn or(self, same: Legs) -> Legs {
        match self {
            Self::Same => same,
            Self::Net => Legs::Net,
            Self::LongPlusShort => Legs::LongPlusShort,
            Self::LargerSide => Legs::LargerSide,
        }
    }
}

/// Whether the tier of a position limits the leverage of orders.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::market) enum LimitLeverage {
    #[default]
    Tier,
    None,
}

/// `[limits]`: how large a position and its orders may become, and at which leverage.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::market) struct LimitsEntry {
    pub(in crate::market) legs: Option<LimitLegs>,
    pub(in crate::market) orders: Option<OrdersIn>,
    #[serde(default)]
    pub(in crate::market) leverage: LimitLeverage,
    #[serde(default, deserialize_with = "with_some_key")]
    pub(in crate::market) isolated: Option<IsolatedLimits>,
}

/// `[limits.isolated]`: what differs for isolated positions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::market) struct IsolatedLimits {
    pub(in crate::market) legs: Option<LimitLegs>,
}

/// A section without a key says nothing: it is as none, which it is written as.
fn with_some_key<'de, D: Deserializer<'de>>(from: D) -> Result<Option<IsolatedLimits>, D::Error> {
    let section = Option::<IsolatedLimits>::deserialize(from)?;
    Ok(section.filter(|section| section.legs.is_some()))
}
