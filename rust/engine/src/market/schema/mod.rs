//! The market file as it is written: one struct per section, one enum per choice, nothing interpreted.
//!
//! All kinds of rules that venues use are drawn here, whether or not this version computes them; what it cannot
//! compute is refused in [`super::supported`], nowhere else. The page `docs/schema.md` lists every key. Unknown keys
//! are errors, at their path.

mod collateral;
mod entry;
mod orders;
mod process;
mod requirement;

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use toml::value::Datetime;
use toml::{Table, Value};

pub(super) use collateral::{AssetCollateralEntry, Bonus, BonusOrder, BonusPays, LiabilityEntry};
pub(super) use entry::{
    ArithmeticEntry, AssetEntry, InstrumentEntry, LawKind, PayoffKind, TiersEntry, default_quantum,
};
pub(super) use orders::{IsolatedLimits, LimitLegs, LimitLeverage};
pub(super) use process::{Liquidation, Step};
pub(super) use requirement::{ClosingRate, Fees, Requirement};

pub use collateral::{
    AmountUnit, AvailableRule, CollateralValue, HaircutBase, HaircutLevels, LiabilityRequirement, Negative,
    RequirementConversion, WithdrawableRule,
};
pub use entry::{AtFloor, BoundUnit, Evidence, Source};
pub use orders::{AdmissionBasis, AdmissionTest, Frozen, OrderLoss, OrderPrice, OrdersIn, ReduceOnlyRule};
pub use requirement::{
    ClosingFee, Combine, CrossPool, FeeReserve, Legs, MarginSource, PriceBasis, Required, Rounding, TableVersion,
    TierChoice, TierLegs, TriggerPrice, UserCoefficient, VenueRatio,
};

use super::number::Number;
use crate::error::{Error, Result};

/// Version of the schema that this engine reads.
pub(super) const SCHEMA: i64 = 1;

/// A whole market file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Document {
    pub(super) schema: i64,
    pub(super) preset: String,
    pub(super) as_of: Datetime,
    pub(super) edition: Option<String>,
    pub(super) title: Option<String>,
    pub(super) venue: Option<String>,
    #[serde(default)]
    pub(super) naming: Naming,
    #[serde(default)]
    pub(super) tier_defaults: TierDefaults,
    pub(super) pools: Pools,
    #[serde(default)]
    pub(super) valuation: Valuation,
    pub(super) trigger: requirement::Trigger,
    pub(super) maintenance_margin: Requirement,
    pub(super) initial_margin: Requirement,
    #[serde(default)]
    pub(super) isolated: requirement::Isolated,
    #[serde(default)]
    pub(super) margin_class: requirement::MarginClass,
    #[serde(default)]
    pub(super) collateral: collateral::Collateral,
    #[serde(default)]
    pub(super) liabilities: collateral::Liabilities,
    #[serde(default)]
    pub(super) available: collateral::Available,
    #[serde(default)]
    pub(super) withdrawable: collateral::Withdrawable,
    pub(super) display: requirement::Display,
    pub(super) fees: Option<Fees>,
    pub(super) orders: Option<orders::Orders>,
    #[serde(default)]
    pub(super) admission: orders::AdmissionEntry,
    #[serde(default)]
    pub(super) limits: orders::LimitsEntry,
    pub(super) bonus: Option<Bonus>,
    pub(super) warnings: Option<process::Warnings>,
    pub(super) liquidation: Option<Liquidation>,
    pub(super) insurance_fund: Option<process::InsuranceFund>,
    pub(super) adl: Option<process::Adl>,
    pub(super) portfolio_margin: Option<process::PortfolioMargin>,
    #[serde(default)]
    pub(super) asset: Vec<AssetEntry>,
    #[serde(default)]
    pub(super) instrument: Vec<InstrumentEntry>,
    #[serde(default)]
    pub(super) tiers: BTreeMap<String, TiersEntry>,
    #[serde(default)]
    pub(super) source: BTreeMap<String, Source>,
}

/// `[naming]`: how instruments are named that a table of tiers brings.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Naming {
    /// Pattern of a perpetual's name.
    pub(super) instrument: Option<String>,
    /// Pattern of a dated contract's name.
    pub(super) dated_instrument: Option<String>,
}

/// `[tier_defaults]`: what a table of tiers that is brought along does not say itself.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TierDefaults {
    #[serde(default)]
    pub(super) law: BroughtLaw,
    pub(super) at_floor: Option<AtFloor>,
    /// Contract size of an instrument that the table adds.
    pub(super) contract_size: Option<Number>,
}

/// The laws that a table of rates and floors can have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum BroughtLaw {
    #[default]
    Marginal,
    Flat,
}

/// `[pools]`: the partition of an account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Pools {
    pub(super) cross: CrossPool,
    pub(super) isolated: bool,
    /// Whether an account may hold both sides of an instrument.
    #[serde(default = "yes")]
    pub(super) hedge_mode: bool,
    #[serde(default)]
    pub(super) designated: bool,
}

fn yes() -> bool {
    true
}

/// `[valuation]`: the asset in which a pool of several assets, or an account, is valued.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Valuation {
    pub(super) asset: Option<String>,
}

impl Document {
    /// The document of a table, with the path of what is wrong in it.
    pub(super) fn from_table(table: &Table) -> Result<Self> {
        match table.clone().try_into::<Self>() {
            Ok(document) => Ok(document),
            Err(fault) => Err(located(table, &fault)),
        }
    }

    /// The document as a table, which [`Self::from_table`] reads back.
    pub(super) fn to_table(&self) -> Result<Table> {
        let mut table = Table::try_from(self).map_err(|fault| Error::market("market", fault.to_string()))?;
        table.iter_mut().for_each(|(_, value)| restore_dates(value));
        Ok(table)
    }
}

/// Makes dates of what serialising to a table made of them: tables of one private key.
fn restore_dates(value: &mut Value) {
    match value {
        Value::Table(table) => match table.get("$__toml_private_datetime").map(|date| date.as_str().map(str::parse)) {
            Some(Some(Ok(date))) => *value = Value::Datetime(date),
            _ => table.iter_mut().for_each(|(_, value)| restore_dates(value)),
        },
        Value::Array(items) => items.iter_mut().for_each(restore_dates),
        _ => {}
    }
}

/// Reads TOML text, without interpreting it.
pub(super) fn read_table(text: &str) -> Result<Table> {
    text.parse::<Table>().map_err(|fault| {
        let line = fault.span().map_or(1, |span| {
            let before = text.bytes().take(span.start);
            before.filter(|&byte| byte == b'\n').count() + 1
        });
        Error::market(format!("line {line}"), format!("is not TOML: {}", fault.message().to_lowercase()))
    })
}

/// A choice as the file writes it, for messages.
pub(super) fn name_of<T: Serialize>(choice: &T) -> String {
    match Value::try_from(choice) {
        Ok(Value::String(name)) => format!("{name:?}"),
        Ok(Value::Boolean(value)) => value.to_string(),
        Ok(other) => format!("a {}", other.type_str()),
        Err(_) => "not given".to_owned(),
    }
}

/// The fault of serde, at the path of its key, worded as the engine words faults.
fn located(table: &Table, fault: &toml::de::Error) -> Error {
    let keys = keys_of(fault);
    for list in ["asset", "instrument"] {
        if keys.split('.').next() == Some(list) {
            let found = match list {
                "asset" => first_fault::<AssetEntry>(table, list),
                _ => first_fault::<InstrumentEntry>(table, list),
            };
            if let Some(error) = found {
                return error;
            }
        }
    }
    worded(&keys, fault.message())
}

/// The first entry of a list that does not read.
fn first_fault<T: DeserializeOwned>(table: &Table, list: &str) -> Option<Error> {
    let entries = table.get(list)?.as_array()?;
    entries.iter().enumerate().find_map(|(i, entry)| {
        let fault = entry.clone().try_into::<T>().err()?;
        let keys = keys_of(&fault);
        let dot = if keys.is_empty() { "" } else { "." };
        Some(worded(&format!("{list}[{i}]{dot}{keys}"), fault.message()))
    })
}

/// The path that the TOML reader collected on its way out, which it only prints.
fn keys_of(fault: &toml::de::Error) -> String {
    let text = fault.to_string();
    let path = text.trim_end().rsplit_once("\nin `").and_then(|(_, path)| path.strip_suffix('`'));
    path.unwrap_or_default().to_owned()
}

/// Moves the name of an unknown or missing key into the path.
fn worded(keys: &str, message: &str) -> Error {
    let at = |key: &str| if keys.is_empty() { key.to_owned() } else { format!("{keys}.{key}") };
    let quoted = |text: &str| text.split('`').nth(1).map(str::to_owned);
    if message.starts_with("unknown field") {
        let known: Vec<&str> = message.split('`').skip(3).step_by(2).collect();
        let key = quoted(message).unwrap_or_default();
        return Error::market(at(&key), format!("is not a key of the schema; known here: {}", known.join(", ")));
    }
    if message.starts_with("missing field") {
        let key = quoted(message).unwrap_or_default();
        return Error::market(at(&key), "is missing and has no default".to_owned());
    }
    if message.starts_with("unknown variant") {
        let choices: Vec<&str> = message.split('`').skip(3).step_by(2).collect();
        let value = quoted(message).unwrap_or_default();
        return Error::market(keys, format!("was {value:?}, expected one of {}", choices.join(", ")));
    }
    let path = if keys.is_empty() { "market" } else { keys };
    let kind = message.strip_prefix("invalid type: ").or_else(|| message.strip_prefix("invalid value: "));
    let message = kind.map_or_else(|| message.to_owned(), |kind| format!("was {kind}"));
    Error::market(path, whole(path, message.replace('`', "")))
}

/// Says a range where the reader names a type of whole numbers, and what to do where a key may be left out.
fn whole(path: &str, message: String) -> String {
    let types = [("expected u8", u32::from(u8::MAX)), ("expected u32", u32::MAX)];
    let named = types.iter().find_map(|&(name, most)| Some((message.strip_suffix(name)?, most)));
    let Some((before, most)) = named else { return message };
    let cure = if path.ends_with("_decimals") { "; leave it out where nothing is rounded" } else { "" };
    format!("{}expected a whole number from 0 to {most}{cure}", before.replacen("integer ", "", 1))
}

/// The floats of a list.
pub(super) fn floats(numbers: &[Number]) -> Vec<f64> {
    numbers.iter().map(|n| n.get()).collect()
}
