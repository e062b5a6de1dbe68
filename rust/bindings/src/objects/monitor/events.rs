//! Events as columns.

use std::sync::Arc;

use crossmargin::Market;
use crossmargin::book::{AccountKeys, PoolKind};
use crossmargin::ledger::{Key, Ledger};
use crossmargin::monitor::{Alert, Alerts, Cause, Event, NO_TIME};
use numpy::PyArray1;
use numpy::datetime::{Datetime, units::Nanoseconds};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::super::arrays::{account_column, text_column};
use super::super::book::{SIDES, market_names};

/// What the events of a monitor refer to.
pub(super) struct Terms {
    pub(super) market: Arc<Market>,
    pub(super) alerts: Alerts,
    /// The asset that accounts are valued in.
    pub(super) valuation: Option<usize>,
}

/// Events of one call, with what names them: they outlive what they are of.
#[pyclass(frozen, module = "crossmargin._core")]
pub(crate) struct Events {
    pub(super) rows: Vec<Event>,
    /// The account of each.
    pub(super) accounts: AccountKeys,
    pub(super) terms: Arc<Terms>,
}

const KINDS: [&str; 3] = ["cross", "isolated", "account"];
const ALERTS: [&str; 3] = ["margin_ratio", "liquidation", "soft_stop"];
const CHANGES: [&str; 2] = ["entered", "left"];
const CAUSES: [&str; 13] = [
    "mark",
    "index",
    "last",
    "construction",
    "fills",
    "transfers",
    "funding",
    "grants",
    "expire",
    "open",
    "close",
    "replace",
    "reset",
];

fn cause_code(cause: Cause) -> usize {
    let word = match cause {
        Cause::Mark(_) => "mark",
        Cause::Index(_) => "index",
        Cause::Last(_) => "last",
        Cause::Operation(operation) => operation.name(),
    };
    CAUSES.iter().position(|known| *known == word).unwrap_or(usize::MAX)
}

#[pymethods]
impl Events {
    fn __len__(&self) -> usize {
        self.rows.len()
    }

    /// All columns, in their order.
    fn columns<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let events = &self.rows;
        let (assets, instruments) = market_names(&self.terms.market);
        let alerts = &self.terms.alerts;
        let text = |names: &[&str], of: &dyn Fn(&Event) -> Option<usize>| text_column(py, names, events.iter().map(of));
        let reals = |of: &dyn Fn(&Event) -> f64| PyArray1::from_vec(py, events.iter().map(of).collect());
        let columns = PyDict::new(py);
        let frames = events.iter().map(|event| i64::try_from(event.frame).unwrap_or(i64::MAX)).collect();
        columns.set_item("frame", PyArray1::from_vec(py, frames))?;
        let times = events.iter().map(|event| Datetime::<Nanoseconds>::from(event.time)).collect();
        columns.set_item("time", PyArray1::from_vec(py, times))?;
        columns.set_item("account", account_column(py, &self.accounts, 0..events.len()))?;
        let kind = |event: &Event| Some(event.pool.map_or(2, |(_, key)| usize::from(key.kind == PoolKind::Isolated)));
        columns.set_item("kind", text(&KINDS, &kind))?;
        let asset = |event: &Event| event.pool.map_or(self.terms.valuation, |(_, key)| Some(key.asset as usize));
        columns.set_item("asset", text(&assets, &asset))?;
        let instrument = |event: &Event| event.pool.and_then(|(_, key)| key.instrument).map(|at| at as usize);
        columns.set_item("instrument", text(&instruments, &instrument))?;
        let side = |event: &Event| event.pool.and_then(|(_, key)| key.side).map(|side| usize::from(side as u8));
        columns.set_item("side", text(&SIDES, &side))?;
        let alert = |event: &Event| {
            Some(match event.alert {
                Alert::Level(_) => 0,
                Alert::Liquidation => 1,
                Alert::SoftStop => 2,
            })
        };
        columns.set_item("alert", text(&ALERTS, &alert))?;
        let level = |event: &Event| match event.alert {
            Alert::Level(level) => alerts.levels.get(usize::from(level)).copied().unwrap_or(f64::NAN),
            Alert::Liquidation => f64::NAN,
            Alert::SoftStop => alerts.soft_stop.unwrap_or(f64::NAN),
        };
        columns.set_item("level", reals(&level))?;
        columns.set_item("change", text(&CHANGES, &|event| Some(usize::from(!event.entered))))?;
        columns.set_item("cause", text(&CAUSES, &|event| Some(cause_code(event.cause))))?;
        let names: Vec<&str> = instruments.iter().chain(&assets).copied().collect();
        let cause_name = |event: &Event| match event.cause {
            Cause::Mark(at) | Cause::Last(at) => Some(at as usize),
            Cause::Index(at) => Some(instruments.len() + at as usize),
            Cause::Operation(_) => None,
        };
        columns.set_item("cause_name", text(&names, &cause_name))?;
        columns.set_item("margin_ratio", reals(&|event| event.margin_ratio))?;
        columns.set_item("excess", reals(&|event| event.excess))?;
        columns.set_item("equity", reals(&|event| event.equity))?;
        Ok(columns)
    }
}

// NumPy writes the least integer for a time that there is not, and so does the engine.
const _: () = assert!(NO_TIME == i64::MIN);

/// The account of each event.
pub(super) fn keys_of(ledger: &Ledger, events: &[Event]) -> AccountKeys {
    keys_at(ledger, events.iter().map(|event| event.account as usize))
}

/// The keys of accounts by their numbers, whether they are open or closed.
pub(super) fn keys_at(ledger: &Ledger, accounts: impl Iterator<Item = usize>) -> AccountKeys {
    let is_text = ledger.n_accounts() > 0 && matches!(ledger.key(0), Key::Text(_));
    if is_text {
        return AccountKeys::Text(accounts.map(|account| ledger.key(account).show()).collect());
    }
    let int = |account| match ledger.key(account) {
        Key::Int(key) => key,
        Key::Text(_) => i64::MIN,
    };
    AccountKeys::Int(accounts.map(int).collect())
}
