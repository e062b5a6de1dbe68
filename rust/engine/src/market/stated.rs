//! Ranges of the numbers that rules state where nothing else looks at them: a fraction written in per cent is a mistake
//! also where this version does not compute with it.

use super::number::Number;
use super::schema::{ClosingRate, Document, Fees, Liquidation, Step};
use crate::error::{Error, Result, shown};

/// Refuses stated numbers that are out of range.
pub(super) fn check(document: &Document) -> Result<()> {
    if let Some(fees) = &document.fees {
        check_fees(fees)?;
    }
    if let Some(liquidation) = &document.liquidation {
        check_liquidation(liquidation)?;
    }
    for (k, level) in document.warnings.iter().flat_map(|w| w.margin_ratio.iter().enumerate()) {
        level.positive(|| format!("warnings.margin_ratio[{k}]"))?;
    }
    rate("bonus.paid_share", document.bonus.as_ref().and_then(|bonus| bonus.paid_share))?;
    rate("withdrawable.notional_share", document.withdrawable.notional_share)?;
    rate("liabilities.convert_at_loan_to_value", document.liabilities.convert_at_loan_to_value)?;
    positive("liabilities.repay_at_venue_ratio", document.liabilities.repay_at_venue_ratio)?;
    positive("withdrawable.factor", document.withdrawable.factor)?;
    positive("tier_defaults.contract_size", document.tier_defaults.contract_size)?;
    positive("insurance_fund.position_limit", document.insurance_fund.as_ref().and_then(|fund| fund.position_limit))?;
    for (i, instrument) in document.instrument.iter().enumerate() {
        rate(&format!("instrument[{i}].liquidation_fee"), instrument.liquidation_fee)?;
    }
    Ok(())
}

fn check_fees(fees: &Fees) -> Result<()> {
    rate("fees.taker", Some(fees.taker))?;
    rebate("fees.maker", fees.maker)?;
    rate("fees.liquidation", fees.liquidation)?;
    rate("fees.discount", fees.discount)?;
    if fees.closing == ClosingRate::Liquidation && fees.liquidation.is_none() {
        let message = "is missing: fees.closing = \"liquidation\" charges it inside requirements; give it";
        return Err(Error::market("fees.liquidation", message));
    }
    fees.profile.iter().try_for_each(|(name, profile)| {
        rate(&format!("fees.profile.{name}.taker"), Some(profile.taker))?;
        rebate(&format!("fees.profile.{name}.maker"), profile.maker)
    })
}

fn check_liquidation(liquidation: &Liquidation) -> Result<()> {
    positive("liquidation.stop_level", liquidation.stop_level)?;
    rate("liquidation.fee_rate", liquidation.fee_rate)?;
    for (i, step) in liquidation.step.iter().enumerate() {
        if let Step::Reduce { share, above_notional, .. } = step {
            rate(&format!("liquidation.step[{i}].share"), *share)?;
            positive(&format!("liquidation.step[{i}].above_notional"), *above_notional)?;
        }
    }
    Ok(())
}

fn rate(path: &str, number: Option<Number>) -> Result<()> {
    number.map_or(Ok(()), |number| number.rate(|| path.to_owned()).map(|_| ()))
}

fn positive(path: &str, number: Option<Number>) -> Result<()> {
    number.map_or(Ok(()), |number| number.positive(|| path.to_owned()).map(|_| ()))
}

/// A fee that may be paid to the trader.
fn rebate(path: &str, number: Option<Number>) -> Result<()> {
    let Some(value) = number.map(Number::get) else { return Ok(()) };
    if (-1.0..=1.0).contains(&value) {
        return Ok(());
    }
    Err(Error::market(path, format!("was {}, expected a fraction within -1 and 1 (0.02 % is 0.0002)", shown(value))))
}
