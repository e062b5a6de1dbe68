//! `Market`: the rules of a venue.

use std::sync::Arc;

use crossmargin::market::{Asset, BoundUnit, Evidence, Instrument, TierRow, preset_names as shipped};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::options::choice;
use super::summary::{self, word};
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
    optional: &["cap", "initial_rate", "max_leverage", "deduction", "contract_size"],
    later: &[],
};

/// Names and dates of the presets in this build.
#[pyfunction]
pub(crate) fn preset_names() -> Vec<(&'static str, &'static str)> {
    shipped()
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
        columns.set_item("asset", assets.iter().map(Asset::name).collect::<Vec<_>>())?;
        columns.set_item("quantum", assets.iter().map(Asset::quantum).collect::<Vec<_>>())?;
        Ok(columns)
    }

    /// Columns of the instruments.
    fn instruments<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        summary::instruments(py, &self.0)
    }

    /// The price step of an instrument.
    fn tick(&self, py: Python<'_>, instrument: &str) -> PyResult<Option<f64>> {
        Ok(self.instrument(py, instrument)?.tick())
    }

    /// How displayed prices are rounded.
    fn price_rounding(&self) -> String {
        word(self.0.rules().price_rounding())
    }

    /// Columns of a tier table of one instrument, by name or alias: the present one, or an older version.
    fn tiers<'py>(&self, py: Python<'py>, instrument: &str, version: Option<&str>) -> PyResult<Bound<'py, PyDict>> {
        let instrument = self.instrument(py, instrument)?;
        let Some(version) = version else { return summary::tiers(py, instrument.tiers()) };
        let old = instrument.old_tiers();
        let Some((_, table)) = old.iter().find(|(name, _)| name == version) else {
            let known: Vec<&str> = old.iter().map(|(name, _)| name.as_str()).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            let message = format!("was {version:?}, which {} does not have; it has {known}", instrument.name());
            return Err(argument(py, "version", message));
        };
        summary::tiers(py, table)
    }

    /// Names of older tier tables, by instrument.
    fn tier_versions<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        summary::tier_versions(py, &self.0)
    }

    /// Columns of the haircuts.
    fn collateral<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        summary::collateral(py, &self.0)
    }

    /// Columns of what debts require.
    fn liabilities<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        summary::liabilities(py, &self.0)
    }

    /// Columns of the fee profiles.
    fn profiles<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        summary::profiles(py, &self.0)
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
        summary::rules(py, &self.0)
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

impl Market {
    /// An instrument by name or alias.
    fn instrument(&self, py: Python<'_>, name: &str) -> PyResult<&Instrument> {
        let unknown = || argument(py, "instrument", format!("was {name:?}, which this market does not have"));
        self.0.instrument_index(name).and_then(|at| self.0.instruments().get(at)).ok_or_else(unknown)
    }
}

fn tier_rows(py: Python<'_>, tiers: &Bound<'_, PyAny>) -> PyResult<Vec<TierRow>> {
    let mut table = Table::new(tiers, &TIERS)?;
    let instrument: KeyColumn<'_> = table.keys("instrument")?;
    let instrument = instrument.as_keys();
    let (floor, rate) = (table.reals("floor")?, table.reals("maintenance_rate")?);
    let cap = table.optional_reals("cap")?;
    let initial_rate = table.optional_reals("initial_rate")?;
    let max_leverage = table.optional_reals("max_leverage")?;
    let deduction = table.optional_reals("deduction")?;
    let contract_size = table.optional_reals("contract_size")?;
    let n = instrument.len();
    let optional = [
        ("cap", &cap),
        ("initial_rate", &initial_rate),
        ("max_leverage", &max_leverage),
        ("deduction", &deduction),
        ("contract_size", &contract_size),
    ];
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
        initial_rate: given(&initial_rate, row),
        max_leverage: given(&max_leverage, row),
        deduction: given(&deduction, row),
        contract_size: given(&contract_size, row),
    };
    Ok(floor.as_slice().iter().zip(rate.as_slice()).enumerate().map(row).collect())
}
