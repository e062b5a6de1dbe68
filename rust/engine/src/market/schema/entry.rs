//! Entries of a market file: assets, instruments, tier tables, sources.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use toml::value::Datetime;

use crate::market::number::Number;

/// `[[asset]]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::market) struct AssetEntry {
    pub(in crate::market) name: String,
    #[serde(default = "default_quantum")]
    pub(in crate::market) quantum: Number,
}

/// The step in which money moves where a file names none: `1e-8`.
pub(in crate::market) fn default_quantum() -> Number {
    Number::new(1e-8)
}

/// The kind of a contract's profit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::market) enum PayoffKind {
    #[default]
    Linear,
    Inverse,
    Quanto,
}

/// `[[instrument]]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::market) struct InstrumentEntry {
    pub(in crate::market) name: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(in crate::market) aliases: Vec<String>,
    pub(in crate::market) base: String,
    pub(in crate::market) quote: String,
    pub(in crate::market) settle: String,
    #[serde(default)]
    pub(in crate::market) payoff: PayoffKind,
    #[serde(default = "one")]
    pub(in crate::market) contract_size: Number,
    pub(in crate::market) multiplier: Option<Number>,
    pub(in crate::market) underlying: Option<String>,
    pub(in crate::market) expiry: Option<Datetime>,
    pub(in crate::market) tiers: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(in crate::market) old_tiers: BTreeMap<String, String>,
    pub(in crate::market) tick: Option<Number>,
    pub(in crate::market) lot: Option<Number>,
    pub(in crate::market) min_quantity: Option<Number>,
    pub(in crate::market) max_quantity: Option<Number>,
    pub(in crate::market) min_notional: Option<Number>,
    pub(in crate::market) liquidation_fee: Option<Number>,
}

fn one() -> Number {
    Number::new(1.0)
}

/// How a table turns a basis into a requirement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::market) enum LawKind {
    Marginal,
    Flat,
    List,
    Arithmetic,
    HalfOfMaxLeverage,
}

/// What the bounds of a tier table are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BoundUnit {
    /// The instrument's quote asset.
    Quote,
    /// The instrument's settlement asset.
    Settle,
    /// Contracts.
    Contracts,
}

/// The tier of an amount that lies exactly on a floor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AtFloor {
    /// The tier that begins there.
    Higher,
    /// The tier that ends there; an amount of 0 is in the first.
    Lower,
}

/// `[tiers.<name>]`: one table, a column per key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::market) struct TiersEntry {
    pub(in crate::market) law: LawKind,
    pub(in crate::market) bounds: BoundUnit,
    pub(in crate::market) at_floor: Option<AtFloor>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(in crate::market) floor: Vec<Number>,
    pub(in crate::market) cap: Option<Number>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(in crate::market) maintenance_rate: Vec<Number>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(in crate::market) initial_rate: Vec<Number>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(in crate::market) max_leverage: Vec<Number>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(in crate::market) deduction: Vec<Number>,
    pub(in crate::market) arithmetic: Option<ArithmeticEntry>,
}

/// `[tiers.<name>.arithmetic]`: level `k` starts at `base + (k - 1) * increment`, its rates rise by a step each.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::market) struct ArithmeticEntry {
    pub(in crate::market) base: Number,
    pub(in crate::market) increment: Number,
    pub(in crate::market) maintenance_rate: Number,
    pub(in crate::market) maintenance_step: Number,
    pub(in crate::market) initial_rate: Option<Number>,
    pub(in crate::market) initial_step: Option<Number>,
    pub(in crate::market) levels: u32,
}

/// How far a source is to be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Evidence {
    /// The source says it.
    Stated,
    /// Worked out from numbers or algebra, not read.
    Inferred,
    /// Read in a restatement of the source.
    Secondary,
    /// Chosen for this library: no venue's rule.
    Chosen,
}

/// `[source.<rule>]`: where a rule comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// The document.
    pub text: String,
    /// Its address.
    pub url: Option<String>,
    /// The day it was read.
    pub retrieved: Option<Datetime>,
    /// How far it carries the rule.
    pub evidence: Evidence,
    /// What must be known beside it.
    pub note: Option<String>,
}
