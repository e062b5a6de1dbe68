//! `Market`: the rules of a venue.

use std::sync::Arc;

use crossmargin::market::{BoundUnit, Evidence, Payoff, TierLaw, TierRow, preset_names as shipped};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::options::choice;
use crate::columns::{KeyColumn, Schema, Table};
use crate::door::{guarded, through};
use crate::errors::argument;
use crossmargin::book::Keys;

/// A market; immutable.
#[pyclass(frozen, module = "crossmargin._core")]
pub(crate) struct Market(pub(crate) Arc<crossmargin::Market>);

/// Columns of a table of tiers.
const TIERS: Schema = Schema {
    name: "tiers",
    required: &["instrument", "floor", "maintenance_rate"],
    optional: &["cap", "max_leverage", "deduction"],
    unsupported: &[],
};

/// Names and dates of the presets in this build.
#[pyfunction]
pub(crate) fn preset_names() -> Vec<(&'static str, &'static str)> {
    shipped()
}

/// The word that a variant is written as in market files.
fn word(variant: impl std::fmt::Debug) -> String {
    let mut word = String::new();
    for letter in format!("{variant:?}").chars() {
        if letter.is_ascii_uppercase() && !word.is_empty() {
            word.push('_');
        }
        word.push(letter.to_ascii_lowercase());
    }
    word
}

fn law(law: TierLaw) -> &'static str {
    match law {
        TierLaw::Marginal => "marginal",
        TierLaw::Flat => "flat",
        TierLaw::List => "list",
        _ => "other",
    }
}

#[pymethods]
impl Market {
    /// The newest file of a preset dated at most `as_of`.
    #[staticmethod]
    fn preset(py: Python<'_>, name: &str, as_of: Option<&str>) -> PyResult<Self> {
        through(py, || crossmargin::Market::preset(name, as_of)).map(|market| Self(Arc::new(market)))
    }

    /// A market from the text of a market file.
    #[staticmethod]
    fn from_toml(py: Python<'_>, text: &str) -> PyResult<Self> {
        through(py, || crossmargin::Market::from_toml(text)).map(|market| Self(Arc::new(market)))
    }

    /// The market as the text of a market file.
    fn to_toml(&self) -> String {
        self.0.to_toml()
    }

    /// A market with other tier tables, from a table with the columns of `TIERS`.
    fn with_tiers(&self, py: Python<'_>, tiers: &Bound<'_, PyAny>, bounds: &str) -> PyResult<Self> {
        let units = [("quote", BoundUnit::Quote), ("settle", BoundUnit::Settle), ("contracts", BoundUnit::Contracts)];
        let bounds = choice(py, "bounds", bounds, &units)?;
        let rows = guarded(py, || tier_rows(py, tiers))?;
        through(py, || self.0.with_tiers(&rows, bounds)).map(|market| Self(Arc::new(market)))
    }

    #[getter]
    fn id(&self) -> &str {
        self.0.id()
    }

    #[getter]
    fn title(&self) -> Option<&str> {
        self.0.title()
    }

    /// Columns of the assets.
    fn assets<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let columns = PyDict::new(py);
        let assets = self.0.assets();
        columns.set_item("asset", assets.iter().map(crossmargin::market::Asset::name).collect::<Vec<_>>())?;
        columns.set_item("quantum", assets.iter().map(crossmargin::market::Asset::quantum).collect::<Vec<_>>())?;
        Ok(columns)
    }

    /// Columns of the instruments.
    fn instruments<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let columns = PyDict::new(py);
        let all = self.0.instruments();
        let settle = |at: usize| self.0.assets().get(at).map(crossmargin::market::Asset::name);
        let first = |values: &[f64]| values.first().copied().filter(|x| x.is_finite()).unwrap_or(f64::NAN);
        let payoff = |payoff: Payoff| match payoff {
            Payoff::Linear => "linear",
            Payoff::Inverse => "inverse",
            Payoff::Quanto { .. } => "quanto",
            _ => "other",
        };
        columns.set_item("instrument", all.iter().map(crossmargin::market::Instrument::name).collect::<Vec<_>>())?;
        columns.set_item("base", all.iter().map(crossmargin::market::Instrument::base).collect::<Vec<_>>())?;
        columns.set_item("quote", all.iter().map(crossmargin::market::Instrument::quote).collect::<Vec<_>>())?;
        columns.set_item("settle", all.iter().map(|i| settle(i.settle())).collect::<Vec<_>>())?;
        columns.set_item("payoff", all.iter().map(|i| payoff(i.payoff())).collect::<Vec<_>>())?;
        columns.set_item(
            "contract_size",
            all.iter().map(crossmargin::market::Instrument::contract_size).collect::<Vec<_>>(),
        )?;
        columns.set_item("n_tiers", all.iter().map(|i| i.tiers().floors().len()).collect::<Vec<_>>())?;
        columns.set_item("max_leverage", all.iter().map(|i| first(i.tiers().max_leverage())).collect::<Vec<_>>())?;
        columns.set_item("cap", all.iter().map(|i| i.tiers().cap().unwrap_or(f64::NAN)).collect::<Vec<_>>())?;
        columns.set_item("tick", all.iter().map(|i| i.tick().unwrap_or(f64::NAN)).collect::<Vec<_>>())?;
        columns.set_item("lot", all.iter().map(|i| i.lot().unwrap_or(f64::NAN)).collect::<Vec<_>>())?;
        Ok(columns)
    }

    /// Columns of the tier table of one instrument, by name or alias.
    fn tiers<'py>(&self, py: Python<'py>, instrument: &str) -> PyResult<Bound<'py, PyDict>> {
        let unknown = || argument(py, "instrument", format!("was {instrument:?}, which this market does not have"));
        let index = self.0.instrument_index(instrument).ok_or_else(unknown)?;
        let table = self.0.instruments().get(index).ok_or_else(unknown)?.tiers();
        let (floors, n) = (table.floors(), table.floors().len());
        let mut caps = floors.get(1..).unwrap_or_default().to_vec();
        caps.push(table.cap().unwrap_or(f64::INFINITY));
        let columns = PyDict::new(py);
        columns.set_item("tier", (1..=n).collect::<Vec<_>>())?;
        columns.set_item("floor", floors)?;
        columns.set_item("cap", caps)?;
        columns.set_item("maintenance_rate", table.maintenance_rates())?;
        columns.set_item("max_leverage", table.max_leverage())?;
        columns.set_item("deduction", table.deductions())?;
        columns.set_item("law", vec![law(table.law()); n])?;
        columns.set_item("bounds", vec![word(table.bounds()); n])?;
        Ok(columns)
    }

    /// Other names of the instruments, by name.
    fn aliases<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let aliases = PyDict::new(py);
        for instrument in self.0.instruments() {
            aliases.set_item(instrument.name(), instrument.aliases())?;
        }
        Ok(aliases)
    }

    /// The rules by name.
    fn rules<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let rules = self.0.rules();
        let summary = PyDict::new(py);
        let valuation =
            rules.valuation_asset().and_then(|at| self.0.assets().get(at)).map(crossmargin::market::Asset::name);
        summary.set_item("cross_pool", word(rules.cross_pool()))?;
        summary.set_item("isolated_allowed", rules.isolated_allowed())?;
        summary.set_item("valuation_asset", valuation)?;
        summary.set_item("trigger_level", rules.trigger_level())?;
        summary.set_item("zero_fails", rules.zero_fails())?;
        summary.set_item("maintenance_price", word(rules.maintenance_price()))?;
        summary.set_item("initial_price", word(rules.initial_price()))?;
        summary.set_item("venue_ratio", word(rules.venue_ratio()))?;
        summary.set_item("available", word(rules.available()))?;
        summary.set_item("withdrawable", word(rules.withdrawable()))?;
        summary.set_item("amount_decimals", rules.amount_decimals())?;
        summary.set_item("amount_rounding", word(rules.amount_rounding()))?;
        Ok(summary)
    }

    /// Columns of the sources of the rules.
    fn sources<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let columns = PyDict::new(py);
        let all = || self.0.sources();
        let evidence = |evidence: Evidence| word(evidence);
        columns.set_item("rule", all().map(|(rule, _)| rule).collect::<Vec<_>>())?;
        columns.set_item("text", all().map(|(_, source)| source.text.as_str()).collect::<Vec<_>>())?;
        columns.set_item("url", all().map(|(_, source)| source.url.as_deref()).collect::<Vec<_>>())?;
        let retrieved = |day: Option<String>| day;
        let days = all().map(|(_, source)| retrieved(source.retrieved.as_ref().map(ToString::to_string)));
        columns.set_item("retrieved", days.collect::<Vec<_>>())?;
        columns.set_item("evidence", all().map(|(_, source)| evidence(source.evidence)).collect::<Vec<_>>())?;
        columns.set_item("note", all().map(|(_, source)| source.note.as_deref()).collect::<Vec<_>>())?;
        Ok(columns)
    }

    /// Whether two markets say the same.
    fn equals(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0 == other.0
    }
}

fn tier_rows(py: Python<'_>, tiers: &Bound<'_, PyAny>) -> PyResult<Vec<TierRow>> {
    let mut table = Table::new(tiers, &TIERS)?;
    let instrument: KeyColumn<'_> = table.keys("instrument")?;
    let instrument = instrument.as_keys();
    let (floor, rate) = (table.reals("floor")?, table.reals("maintenance_rate")?);
    let cap = table.optional_reals("cap")?;
    let max_leverage = table.optional_reals("max_leverage")?;
    let deduction = table.optional_reals("deduction")?;
    let n = instrument.len();
    let optional = [("cap", &cap), ("max_leverage", &max_leverage), ("deduction", &deduction)];
    let lengths = optional.iter().filter_map(|(name, column)| column.as_ref().map(|c| (*name, c.as_slice().len())));
    let required = [("floor", floor.as_slice().len()), ("maintenance_rate", rate.as_slice().len())];
    for (name, got) in required.into_iter().chain(lengths) {
        if got != n {
            let message = format!("had {got} rows, expected {n} as in the instrument column");
            return Err(argument(py, &format!("tiers.{name}"), message));
        }
    }
    if matches!(instrument, Keys::Int(keys) if !keys.is_empty()) {
        return Err(argument(py, "tiers.instrument", "had integers, expected names"));
    }
    let given = |column: &Option<crate::columns::RealColumn<'_>>, row: usize| {
        column.as_ref().and_then(|column| column.as_slice().get(row).copied()).filter(|x| !x.is_nan())
    };
    let row = |(row, (&floor, &maintenance_rate)): (usize, (&f64, &f64))| TierRow {
        instrument: instrument.show(row),
        floor,
        cap: given(&cap, row),
        maintenance_rate,
        max_leverage: given(&max_leverage, row),
        deduction: given(&deduction, row),
    };
    Ok(floor.as_slice().iter().zip(rate.as_slice()).enumerate().map(row).collect())
}
