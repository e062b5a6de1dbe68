//! What a monitor knows, as Python sees it: flags, and the box of a pool.

use std::collections::BTreeMap;

use crossmargin::Result;
use crossmargin::book::PoolKind;
use crossmargin::error::Error;
use crossmargin::ledger::Key;
use crossmargin::monitor::{Alerts, Flags, Liquidation, Monitor, Quote, Why};
use numpy::{IntoPyArray, PyArray1};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyString};

use super::super::arrays::text_column;
use super::super::book::{SIDES, market_names};
use super::events::Terms;

/// A column of flags.
type Flag<'py> = Bound<'py, PyArray1<bool>>;

/// Whether pools are liquidatable, where that is watched; below each level; whether accounts are stopped.
pub(super) type FlagColumns<'py> = (Option<Flag<'py>>, Vec<Flag<'py>>, Flag<'py>);

/// What tells the pool, whether it is followed, whether it is liquidatable, below each level, and the box.
pub(super) type Found<'py> = (Bound<'py, PyDict>, bool, Option<bool>, Vec<bool>, Bound<'py, PyDict>);

pub(super) fn flags<'py>(py: Python<'py>, flags: &Flags, alerts: &Alerts) -> FlagColumns<'py> {
    let n = alerts.levels.len();
    let column = |bit: usize| {
        let set: Vec<bool> = flags.pool_bits.iter().map(|bits| bits >> bit & 1 == 1).collect();
        set.into_pyarray(py)
    };
    let liquidation = (alerts.liquidation != Liquidation::Off).then(|| column(n));
    (liquidation, (0..n).map(column).collect(), flags.stopped.clone().into_pyarray(py))
}

/// The key of an account that does not need the interpreter.
pub(super) enum OwnedKey {
    Int(i64),
    Text(String),
}

/// An object as a key; `None` for what is none.
pub(super) fn key_of(account: &Bound<'_, PyAny>) -> Option<OwnedKey> {
    if let Ok(name) = account.cast::<PyString>() {
        return name.to_str().ok().map(|name| OwnedKey::Text(name.to_owned()));
    }
    let is_number = !account.is_instance_of::<PyBool>() && !account.is_instance_of::<PyFloat>();
    account.extract().ok().filter(|_| is_number).map(OwnedKey::Int)
}

/// The box of a pool; `None` for an account that there is not.
pub(super) fn why(monitor: &Monitor, key: &OwnedKey, pool: Option<u32>) -> Result<Option<Why>> {
    let key = match key {
        OwnedKey::Int(key) => Key::Int(*key),
        OwnedKey::Text(key) => Key::Text(key),
    };
    let ledger = monitor.ledger();
    let Some(account) = ledger.find(key).filter(|&account| ledger.is_open(account)) else { return Ok(None) };
    let n = ledger.held(account).1.len();
    let pool = match pool {
        None if n > 1 => {
            let message = format!("was not given, and the account has {n}: give its place among them, from 0");
            return Err(Error::argument("pool", message));
        }
        None => 0,
        Some(pool) => pool,
    };
    if usize::try_from(pool).map_or(true, |pool| pool >= n) {
        let most = n.saturating_sub(1);
        let message = format!("was {pool}, expected a place among the {n} of the account, 0 to {most}");
        return Err(Error::argument("pool", message));
    }
    monitor.why(u32::try_from(account).unwrap_or(u32::MAX), pool).map(Some)
}

pub(super) fn found<'py>(py: Python<'py>, terms: &Terms, why: &Why) -> PyResult<Found<'py>> {
    let (assets, instruments) = market_names(&terms.market);
    let name = |names: &[&str], at: Option<u32>| at.and_then(|at| names.get(at as usize)).map(|&name| name.to_owned());
    let key = PyDict::new(py);
    key.set_item("kind", if why.key.kind == PoolKind::Cross { "cross" } else { "isolated" })?;
    key.set_item("asset", name(&assets, Some(why.key.asset)))?;
    key.set_item("instrument", name(&instruments, why.key.instrument))?;
    key.set_item("side", why.key.side.map(|side| SIDES[usize::from(side as u8)]))?;
    let n = terms.alerts.levels.len();
    let is_set = |bit: usize| why.bits >> bit & 1 == 1;
    let liquidation = (terms.alerts.liquidation != Liquidation::Off).then(|| is_set(n));
    let levels = (0..n).map(is_set).collect();
    // Several positions may look at one price; what is left is where all of them are.
    let mut sides: BTreeMap<(Quote, u32), (f64, f64, f64)> = BTreeMap::new();
    for side in &why.sides {
        let of = sides.entry((side.quote, side.at)).or_insert((side.present, 0.0, f64::INFINITY));
        of.1 = if side.low > of.1 { side.low } else { of.1 };
        of.2 = if side.high < of.2 { side.high } else { of.2 };
    }
    let quotes: Vec<&str> = [Quote::Mark, Quote::Index, Quote::Last].map(Quote::name).to_vec();
    let names: Vec<&str> = instruments.iter().chain(&assets).copied().collect();
    let place = |&(quote, at): &(Quote, u32)| {
        Some(if quote == Quote::Index { instruments.len() + at as usize } else { at as usize })
    };
    let columns = PyDict::new(py);
    let quote = |&(quote, _): &(Quote, u32)| quotes.iter().position(|known| *known == quote.name());
    columns.set_item("quote", text_column(py, &quotes, sides.keys().map(quote)))?;
    columns.set_item("name", text_column(py, &names, sides.keys().map(place)))?;
    columns.set_item("price", PyArray1::from_vec(py, sides.values().map(|side| side.0).collect()))?;
    columns.set_item("low", PyArray1::from_vec(py, sides.values().map(|side| side.1).collect()))?;
    columns.set_item("high", PyArray1::from_vec(py, sides.values().map(|side| side.2).collect()))?;
    Ok((key, why.followed, liquidation, levels, columns))
}
