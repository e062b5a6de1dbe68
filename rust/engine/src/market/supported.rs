//! What this version computes. Every rule that the schema can write and the engine cannot yet compute is refused
//! here, and only here, so that no number ever comes from a rule that was silently left out.
//!
//! Rules about things that no table of this version can hold (orders, debts, bonus, liquidation steps) cannot change
//! a number and are kept as they are stated.

use serde::Serialize;

use super::schema::{self, BoundUnit, CrossPool, Document, LawKind, PayoffKind, Requirement};
use super::schema::{AvailableRule, WithdrawableRule};
use super::schema::{ClosingFee, Combine, FeeReserve, Legs, MarginSource, TierLegs, TriggerPrice};
use crate::error::{Error, Result};

/// Refuses the first rule that this version does not compute.
pub(super) fn check(document: &Document) -> Result<()> {
    pools(document)?;
    requirement("maintenance_margin", &document.maintenance_margin)?;
    requirement("initial_margin", &document.initial_margin)?;
    collateral(document)?;
    only("available.rule", &document.available.rule, &[AvailableRule::EquityLessInitial])?;
    let withdrawable = [WithdrawableRule::CashLessLossAndInitial];
    only("withdrawable.rule", &document.withdrawable.rule, &withdrawable)?;
    absent("portfolio_margin", document.portfolio_margin.as_ref())?;
    contracts(document)
}

fn pools(document: &Document) -> Result<()> {
    only("pools.cross", &document.pools.cross, &[CrossPool::PerAsset])?;
    only("pools.designated", &document.pools.designated, &[false])?;
    only("trigger.price", &document.trigger.price, &[TriggerPrice::Mark])?;
    only("trigger.combine", &document.trigger.combine, &[Combine::Any])?;
    absent("trigger.constraint", document.trigger.constraint.first())?;
    only("isolated.fee_reserve", &document.isolated.fee_reserve, &[FeeReserve::None])?;
    let class = &document.margin_class;
    default_only("margin_class.user_coefficient", &class.user_coefficient)?;
    default_only("margin_class.table_version", &class.table_version)?;
    default_only("margin_class.tier", &class.tier)
}

fn requirement(section: &str, rule: &Requirement) -> Result<()> {
    let at = |key: &str| format!("{section}.{key}");
    only(&at("legs"), &rule.legs, &[Legs::Each])?;
    only(&at("tier_legs"), &rule.tier_legs, &[TierLegs::Same])?;
    if let Some(price) = &rule.tier_price {
        only(&at("tier_price"), price, &[rule.price])?;
    }
    only(&at("source"), &rule.source, &[MarginSource::Usual])?;
    absent(&at("share"), rule.share.as_ref())?;
    only(&at("closing_fee"), &rule.closing_fee, &[ClosingFee::None])?;
    absent(&at("isolated"), rule.isolated.as_ref())
}

fn collateral(document: &Document) -> Result<()> {
    let rule = &document.collateral;
    default_only("collateral.value", &rule.value)?;
    default_only("collateral.base", &rule.base)?;
    default_only("collateral.levels", &rule.levels)?;
    default_only("collateral.negative", &rule.negative)?;
    default_only("collateral.requirement_conversion", &rule.requirement_conversion)?;
    if let Some((name, entry)) = rule.asset.first_key_value() {
        absent(&format!("collateral.asset.{name}"), Some(entry))?;
    }
    default_only("liabilities.requirement", &document.liabilities.requirement)
}

fn contracts(document: &Document) -> Result<()> {
    for (i, instrument) in document.instrument.iter().enumerate() {
        only(&format!("instrument[{i}].payoff"), &instrument.payoff, &[PayoffKind::Linear])?;
        absent(&format!("instrument[{i}].multiplier"), instrument.multiplier.as_ref())?;
        if !instrument.old_tiers.is_empty() {
            absent(&format!("instrument[{i}].old_tiers"), Some(&instrument.old_tiers))?;
        }
    }
    for (name, table) in &document.tiers {
        let laws = [LawKind::Marginal, LawKind::Flat, LawKind::List];
        only(&format!("tiers.{name}.law"), &table.law, &laws)?;
        absent(&format!("tiers.{name}.arithmetic"), table.arithmetic.as_ref())?;
        only(&format!("tiers.{name}.bounds"), &table.bounds, &[BoundUnit::Quote, BoundUnit::Settle])?;
    }
    Ok(())
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

/// Accepts the default choice.
fn default_only<T: PartialEq + Serialize + Default>(path: &str, choice: &T) -> Result<()> {
    only(path, choice, &[T::default()])
}

/// Accepts nothing.
fn absent<T>(path: &str, given: Option<&T>) -> Result<()> {
    match given {
        None => Ok(()),
        Some(_) => Err(Error::market(path, "was given, which is not supported by this version; leave it out")),
    }
}
