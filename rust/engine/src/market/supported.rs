//! What this version computes. Every rule that the schema can write and the engine does not compute is refused here,
//! so that no number ever comes from a rule that was silently left out.
//!
//! Rules about what happens rather than what is (liquidation steps, auto-exchange, deleveraging) cannot change a number
//! and are kept as they are stated.

use serde::Serialize;

use super::collateral::AssetCollateral;
use super::schema::{
    self, ClosingFee, CrossPool, Document, Legs, MarginSource, OrdersIn, Requirement, TierLegs, TriggerPrice,
};
use crate::error::{Error, Result};

/// Refuses the first rule that this version does not compute.
pub(super) fn check(document: &Document) -> Result<()> {
    only("pools.cross", &document.pools.cross, &[CrossPool::PerAsset, CrossPool::PerAccount])?;
    only("pools.designated", &document.pools.designated, &[false])?;
    let prices = [TriggerPrice::Mark, TriggerPrice::Last];
    only("trigger.price", &document.trigger.price, &prices)?;
    for (k, constraint) in document.trigger.constraint.iter().enumerate() {
        if let Some(price) = &constraint.price {
            only(&format!("trigger.constraint[{k}].price"), price, &prices)?;
        }
    }
    let shares = [MarginSource::Usual, MarginSource::Table];
    only("initial_margin.source", &document.initial_margin.source, &shares)?;
    closing_fee("maintenance_margin", &document.maintenance_margin)?;
    closing_fee("initial_margin", &document.initial_margin)?;
    larger_side(document)?;
    pools(document)?;
    absent("portfolio_margin", document.portfolio_margin.as_ref())
}

/// The price at which a fence is used up is one that only isolated positions have.
fn closing_fee(section: &str, rule: &Requirement) -> Result<()> {
    if rule.closing_fee == ClosingFee::BankruptcyOfMargin {
        let message = format!(
            "was \"bankruptcy_of_margin\", which only isolated positions have; write it in [{section}.isolated]"
        );
        return Err(Error::market(format!("{section}.closing_fee"), message));
    }
    Ok(())
}

/// Orders that count with the larger side have no meaning where both sides of a hedge are charged.
fn larger_side(document: &Document) -> Result<()> {
    let Some(orders) = &document.orders else { return Ok(()) };
    let (maintenance, initial) = (&document.maintenance_margin, &document.initial_margin);
    let charged = [
        ("maintenance_margin", orders.maintenance_margin, maintenance),
        ("initial_margin", orders.initial_margin, initial),
    ];
    for (section, mode, rule) in charged {
        if mode == OrdersIn::LargerSide && rule.legs == Legs::LongPlusShort {
            return Err(both_sides(section, &format!("{section}.legs")));
        }
    }
    for (section, _, rule) in charged {
        let key = match rule.tier_legs {
            TierLegs::LongPlusShort => "tier_legs",
            TierLegs::Same | TierLegs::Underlying if rule.legs == Legs::LongPlusShort => "legs",
            _ => continue,
        };
        if orders.tier_basis == OrdersIn::LargerSide {
            return Err(both_sides("tier_basis", &format!("{section}.{key}")));
        }
    }
    Ok(())
}

fn both_sides(key: &str, legs: &str) -> Error {
    let message = format!(
        "was \"larger_side\", which {legs} = \"long_plus_short\" has not: it counts both sides; write \"sum\" or \"worst_fill\" here, or \
         \"larger_side\" there"
    );
    Error::market(format!("orders.{key}"), message)
}

/// What only pools of several assets have, and what they need.
fn pools(document: &Document) -> Result<()> {
    if document.pools.cross == CrossPool::PerAccount {
        if document.valuation.asset.is_none() {
            let message = "is missing: pools.cross = \"per_account\" values each account in one asset; name it";
            return Err(Error::market("valuation.asset", message));
        }
        return Ok(());
    }
    let rule = &document.collateral;
    per_account("collateral.value", &rule.value)?;
    per_account("collateral.base", &rule.base)?;
    per_account("collateral.levels", &rule.levels)?;
    per_account("collateral.negative", &rule.negative)?;
    per_account("collateral.requirement_conversion", &rule.requirement_conversion)?;
    per_account("liabilities.requirement", &document.liabilities.requirement)?;
    for (name, entry) in &rule.asset {
        let path = format!("collateral.asset.{name}");
        if !AssetCollateral::build(entry, &path)?.is_neutral() {
            return Err(Error::market(path, "was given, which needs pools.cross = \"per_account\"; leave it out"));
        }
    }
    Ok(())
}

/// Accepts the default choice where each asset is a pool of its own.
fn per_account<T: PartialEq + Serialize + Default>(path: &str, choice: &T) -> Result<()> {
    if *choice == T::default() {
        return Ok(());
    }
    let message = format!("was {}, which needs pools.cross = \"per_account\"", schema::name_of(choice));
    Err(Error::market(path, message))
}

/// Accepts the choices that this version computes.
fn only<T: PartialEq + Serialize>(path: &str, choice: &T, computed: &[T]) -> Result<()> {
    if computed.contains(choice) {
        return Ok(());
    }
    let names: Vec<String> = computed.iter().map(schema::name_of).collect();
    let message = format!(
        "was {}, which is not supported by this version; it computes {}",
        schema::name_of(choice),
        names.join(", ")
    );
    Err(Error::market(path, message))
}

/// Accepts nothing.
fn absent<T>(path: &str, given: Option<&T>) -> Result<()> {
    match given {
        None => Ok(()),
        Some(_) => Err(Error::market(path, "was given, which is not supported by this version; leave it out")),
    }
}
