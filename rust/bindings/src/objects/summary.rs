//! What a market says, as columns and words of Python.

use crossmargin::Market;
use crossmargin::market::{
    Asset, AssetCollateral, BonusRule, Instrument, LiabilityTiers, Payoff, RequirementRule, Rules, TierTable,
};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

/// The word that a variant is written as in market files.
pub(super) fn word(variant: impl std::fmt::Debug) -> String {
    let mut word = String::new();
    for letter in format!("{variant:?}").chars() {
        if letter.is_ascii_uppercase() && !word.is_empty() {
            word.push('_');
        }
        word.push(letter.to_ascii_lowercase());
    }
    word
}

/// Columns of the instruments.
pub(super) fn instruments<'py>(py: Python<'py>, market: &Market) -> PyResult<Bound<'py, PyDict>> {
    let columns = PyDict::new(py);
    let all = market.instruments();
    let settle = |at: usize| market.assets().get(at).map(Asset::name);
    let first = |values: &[f64]| values.first().copied().filter(|x| x.is_finite()).unwrap_or(f64::NAN);
    let payoff = |payoff: Payoff| match payoff {
        Payoff::Linear => ("linear", f64::NAN),
        Payoff::Inverse => ("inverse", f64::NAN),
        Payoff::Quanto { multiplier } => ("quanto", multiplier),
        _ => ("other", f64::NAN),
    };
    let reals = |of: &dyn Fn(&Instrument) -> f64| all.iter().map(of).collect::<Vec<_>>();
    columns.set_item("instrument", all.iter().map(Instrument::name).collect::<Vec<_>>())?;
    columns.set_item("base", all.iter().map(Instrument::base).collect::<Vec<_>>())?;
    columns.set_item("quote", all.iter().map(Instrument::quote).collect::<Vec<_>>())?;
    columns.set_item("settle", all.iter().map(|i| settle(i.settle())).collect::<Vec<_>>())?;
    columns.set_item("underlying", all.iter().map(Instrument::underlying).collect::<Vec<_>>())?;
    columns.set_item("payoff", all.iter().map(|i| payoff(i.payoff()).0).collect::<Vec<_>>())?;
    columns.set_item("contract_size", reals(&Instrument::contract_size))?;
    columns.set_item("multiplier", reals(&|i| payoff(i.payoff()).1))?;
    columns.set_item("n_tiers", all.iter().map(|i| i.tiers().floors().len()).collect::<Vec<_>>())?;
    columns.set_item("max_leverage", reals(&|i| first(i.tiers().max_leverage())))?;
    columns.set_item("cap", reals(&|i| i.tiers().cap().unwrap_or(f64::NAN)))?;
    columns.set_item("tick", reals(&|i| i.tick().unwrap_or(f64::NAN)))?;
    columns.set_item("lot", reals(&|i| i.lot().unwrap_or(f64::NAN)))?;
    columns.set_item("min_quantity", reals(&|i| i.min_quantity().unwrap_or(f64::NAN)))?;
    columns.set_item("max_quantity", reals(&|i| i.max_quantity().unwrap_or(f64::NAN)))?;
    columns.set_item("min_notional", reals(&|i| i.min_notional().unwrap_or(f64::NAN)))?;
    Ok(columns)
}

/// Columns of one tier table.
pub(super) fn tiers<'py>(py: Python<'py>, table: &TierTable) -> PyResult<Bound<'py, PyDict>> {
    let (floors, n) = (table.floors(), table.floors().len());
    let mut caps = floors.get(1..).unwrap_or_default().to_vec();
    caps.push(table.cap().unwrap_or(f64::INFINITY));
    let columns = PyDict::new(py);
    columns.set_item("tier", (1..=n).collect::<Vec<_>>())?;
    columns.set_item("floor", floors)?;
    columns.set_item("cap", caps)?;
    columns.set_item("maintenance_rate", table.maintenance_rates())?;
    columns.set_item("initial_rate", table.initial_rates())?;
    columns.set_item("max_leverage", table.max_leverage())?;
    columns.set_item("deduction", table.deductions())?;
    columns.set_item("law", vec![word(table.law()); n])?;
    columns.set_item("bounds", vec![word(table.bounds()); n])?;
    columns.set_item("at_floor", vec![word(table.at_floor()); n])?;
    Ok(columns)
}

/// Names of the older tables of each instrument that has any.
pub(super) fn tier_versions<'py>(py: Python<'py>, market: &Market) -> PyResult<Bound<'py, PyDict>> {
    let versions = PyDict::new(py);
    for instrument in market.instruments().iter().filter(|instrument| !instrument.old_tiers().is_empty()) {
        let names: Vec<&str> = instrument.old_tiers().iter().map(|(name, _)| name.as_str()).collect();
        versions.set_item(instrument.name(), names)?;
    }
    Ok(versions)
}

/// Columns of the haircuts: a row per asset and tier.
pub(super) fn collateral<'py>(py: Python<'py>, market: &Market) -> PyResult<Bound<'py, PyDict>> {
    let assets = || market.assets().iter().filter_map(|asset| Some((asset, asset.collateral()?)));
    let each = |of: &dyn Fn(&AssetCollateral) -> f64| -> Vec<f64> {
        assets().flat_map(|(_, c)| c.floors.iter().map(|_| of(c)).collect::<Vec<_>>()).collect()
    };
    let tiered = |of: &dyn Fn(&AssetCollateral) -> Vec<f64>| assets().flat_map(|(_, c)| of(c)).collect::<Vec<_>>();
    let names = assets().flat_map(|(asset, c)| c.floors.iter().map(|_| asset.name()));
    let units = assets().flat_map(|(_, c)| c.floors.iter().map(|_| word(c.unit)));
    let columns = PyDict::new(py);
    columns.set_item("asset", names.collect::<Vec<_>>())?;
    columns.set_item("floor", tiered(&|c| c.floors.clone()))?;
    columns.set_item("collateral_weight", tiered(&|c| c.weights.clone()))?;
    columns.set_item("availability_weight", tiered(&|c| c.availability.clone()))?;
    columns.set_item("unit", units.collect::<Vec<_>>())?;
    columns.set_item("bid_buffer", each(&|c| c.bid_buffer))?;
    columns.set_item("ask_buffer", each(&|c| c.ask_buffer))?;
    columns.set_item("liability_factor", each(&|c| c.liability_factor))?;
    Ok(columns)
}

/// Columns of what debts require: a row per asset and tier.
pub(super) fn liabilities<'py>(py: Python<'py>, market: &Market) -> PyResult<Bound<'py, PyDict>> {
    let assets = || market.assets().iter().filter_map(|asset| Some((asset, asset.collateral()?.liability.as_ref()?)));
    let tiered = |of: &dyn Fn(&LiabilityTiers) -> Vec<f64>| assets().flat_map(|(_, l)| of(l)).collect::<Vec<_>>();
    let names = assets().flat_map(|(asset, l)| l.floors.iter().map(|_| asset.name()));
    let columns = PyDict::new(py);
    columns.set_item("asset", names.collect::<Vec<_>>())?;
    columns.set_item("floor", tiered(&|l| l.floors.clone()))?;
    columns.set_item("maintenance_rate", tiered(&|l| l.maintenance_rates.clone()))?;
    columns.set_item("initial_rate", tiered(&|l| l.initial_rates.clone()))?;
    Ok(columns)
}

/// Columns of the fee profiles.
pub(super) fn profiles<'py>(py: Python<'py>, market: &Market) -> PyResult<Bound<'py, PyDict>> {
    let all = market.profiles();
    let columns = PyDict::new(py);
    columns.set_item("profile", all.iter().map(|profile| profile.name.as_str()).collect::<Vec<_>>())?;
    columns.set_item("taker", all.iter().map(|profile| profile.taker).collect::<Vec<_>>())?;
    columns.set_item("maker", all.iter().map(|profile| profile.maker).collect::<Vec<_>>())?;
    columns.set_item("discount", all.iter().map(|profile| profile.discount).collect::<Vec<_>>())?;
    Ok(columns)
}

/// The rules by name.
pub(super) fn rules<'py>(py: Python<'py>, market: &Market) -> PyResult<Bound<'py, PyDict>> {
    let rules = market.rules();
    let summary = PyDict::new(py);
    let valuation = rules.valuation_asset().and_then(|at| market.assets().get(at)).map(Asset::name);
    summary.set_item("cross_pool", word(rules.cross_pool()))?;
    summary.set_item("isolated_allowed", rules.isolated_allowed())?;
    summary.set_item("valuation_asset", valuation)?;
    summary.set_item("trigger_level", rules.trigger_level())?;
    summary.set_item("zero_fails", rules.zero_fails())?;
    summary.set_item("constraints", constraints(py, market)?)?;
    summary.set_item("combine", word(rules.combine()))?;
    for (name, of) in [
        ("maintenance", &[rules.maintenance(false), rules.maintenance(true)]),
        ("initial", &[rules.initial(false), rules.initial(true)]),
    ] {
        requirement(&summary, name, of)?;
    }
    summary.set_item("fee_reserve", word(rules.fee_reserve()))?;
    let orders = rules.orders();
    summary.set_item("orders_initial_margin", word(orders.initial_margin))?;
    summary.set_item("orders_maintenance_margin", word(orders.maintenance_margin))?;
    summary.set_item("orders_tier_basis", word(orders.tier_basis))?;
    summary.set_item("order_loss", word(orders.order_loss))?;
    summary.set_item("order_price", word(orders.price))?;
    summary.set_item("order_opening_fee", orders.opening_fee)?;
    summary.set_item("order_closing_fee", orders.closing_fee)?;
    summary.set_item("conditional_orders", orders.conditional)?;
    gate(&summary, rules)?;
    let collateral = rules.collateral();
    summary.set_item("collateral_value", word(collateral.value))?;
    summary.set_item("haircut_base", word(collateral.base))?;
    summary.set_item("haircut_levels", word(collateral.levels))?;
    summary.set_item("negative_value", word(collateral.negative))?;
    summary.set_item("requirement_conversion", word(collateral.requirement_conversion))?;
    summary.set_item("liability_requirement", word(rules.liability_requirement()))?;
    let class = rules.margin_class();
    summary.set_item("user_coefficient", word(class.user_coefficient))?;
    summary.set_item("table_version", word(class.table_version))?;
    summary.set_item("tier_choice", word(class.tier))?;
    summary.set_item("bonus_counts", rules.bonus_counts())?;
    bonus(&summary, rules.bonus())?;
    summary.set_item("available", word(rules.available()))?;
    summary.set_item("withdrawable", word(rules.withdrawable()))?;
    summary.set_item("withdrawable_factor", rules.withdrawable_factor())?;
    summary.set_item("notional_share", rules.notional_share())?;
    summary.set_item("venue_ratio", word(rules.venue_ratio()))?;
    summary.set_item("amount_decimals", rules.amount_decimals())?;
    summary.set_item("amount_rounding", word(rules.amount_rounding()))?;
    summary.set_item("ratio_decimals", rules.ratio_decimals())?;
    summary.set_item("price_rounding", word(rules.price_rounding()))?;
    Ok(summary)
}

/// What admits one more order, and what limits it.
fn gate(summary: &Bound<'_, PyDict>, rules: &Rules) -> PyResult<()> {
    let (admission, limits) = (rules.admission(), rules.limits(false));
    summary.set_item("admission_basis", word(admission.basis))?;
    summary.set_item("admission_test", word(admission.test))?;
    summary.set_item("admission_reduce_only", word(admission.reduce_only))?;
    summary.set_item("limit_legs", word(limits.legs))?;
    summary.set_item("limit_legs_isolated", word(rules.limits(true).legs))?;
    summary.set_item("limit_orders", word(limits.orders))?;
    summary.set_item("limit_leverage", if limits.leverage { "tier" } else { "none" })
}

/// What a bonus pays; nothing is known of it where there is none.
fn bonus(summary: &Bound<'_, PyDict>, rule: Option<BonusRule>) -> PyResult<()> {
    let pays = rule.map(|rule| {
        let words = ["losses", "funding", "fees"].into_iter().zip(rule.pays);
        let paid: Vec<&str> = words.filter_map(|(word, pays)| pays.then_some(word)).collect();
        if paid.is_empty() { "none".to_owned() } else { paid.join(", ") }
    });
    summary.set_item("bonus_pays", pays)?;
    let spent = rule.map(|rule| if rule.own_first { "own_first" } else { "bonus_first" });
    summary.set_item("bonus_spent", spent)?;
    summary.set_item("bonus_paid_share", rule.map(|rule| rule.paid_share))?;
    summary.set_item("bonus_only_losses_beyond_profit", rule.map(|rule| rule.beyond_profit))?;
    summary.set_item("bonus_forfeited_on_transfer", rule.map(|rule| rule.forfeited))?;
    summary.set_item("bonus_expires_days", rule.and_then(|rule| rule.expires_days))
}

/// What a pool is tested for.
fn constraints<'py>(py: Python<'py>, market: &Market) -> PyResult<Bound<'py, PyList>> {
    let list = PyList::empty(py);
    for constraint in market.rules().constraints() {
        let entry = PyDict::new(py);
        entry.set_item("name", &constraint.name)?;
        entry.set_item("level", constraint.level)?;
        entry.set_item("zero_fails", constraint.zero_fails)?;
        entry.set_item("price", word(constraint.price))?;
        entry.set_item("required", word(constraint.required))?;
        list.append(entry)?;
    }
    Ok(list)
}

/// How a requirement is charged in cross pools, and what differs in isolated ones.
fn requirement(summary: &Bound<'_, PyDict>, name: &str, rules: &[&RequirementRule; 2]) -> PyResult<()> {
    let words = |rule: &RequirementRule| {
        [
            ("price", word(rule.price)),
            ("legs", word(rule.legs)),
            ("tier_price", word(rule.tier_price)),
            ("tier_legs", word(rule.tier_legs)),
            ("source", word(rule.source)),
            ("closing_fee", word(rule.closing_fee)),
        ]
    };
    let [cross, isolated] = rules;
    for ((key, of_cross), (_, of_isolated)) in words(cross).into_iter().zip(words(isolated)) {
        let differs = of_isolated != of_cross;
        summary.set_item(format!("{name}_{key}"), of_cross)?;
        if differs {
            summary.set_item(format!("{name}_{key}_isolated"), of_isolated)?;
        }
    }
    summary.set_item(format!("{name}_share"), cross.share)
}
