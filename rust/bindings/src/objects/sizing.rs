//! How large positions can be.

use crossmargin::order::{FillFee, SizeLimit, SizeRows, Sized, size_position as sized};
use numpy::{PyArray1, PyReadonlyArray1};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::arrays::text_column;
use super::book::Book;
use super::deciding::fill_fee;
use super::market::Market;
use super::options::choice;
use super::prices::Prices;
use super::scoring::check_market;
use crate::columns::{KeyColumn, Raw};
use crate::door::{guarded, through};
use crate::errors::argument;

/// Equity, largest loss, entry, stop, slippage, leverage and share of maintenance margin, a column each.
type Numbers<'py> = [PyReadonlyArray1<'py, f64>; 7];

/// What holds for all rows: whether losses are amounts, fees of entry and exit, profile, coefficient and mode.
type Terms<'a> = (bool, Option<&'a str>, Option<&'a str>, Option<&'a str>, f64, Option<&'a str>);

/// A book, its prices and the account of each row.
type Room<'py> = (Py<Book>, Py<Prices>, Bound<'py, PyAny>);

/// The largest size of each row within every limit.
#[pyfunction]
#[expect(clippy::needless_pass_by_value, reason = "arguments of Python are extracted by value")]
pub(crate) fn size_position<'py>(
    py: Python<'py>,
    market: &Market,
    instruments: &Bound<'py, PyAny>,
    buys: PyReadonlyArray1<'py, bool>,
    numbers: Numbers<'py>,
    terms: Terms<'py>,
    room: Option<Room<'py>>,
) -> PyResult<Bound<'py, PyDict>> {
    let instrument = places_of(py, market, instruments)?;
    let (loss_is_amount, fee, exit_fee, profile, tier_coefficient, mode) = terms;
    let unknown = |name: &str| argument(py, "profile", format!("was {name:?}, which this market does not have"));
    let profile = profile.map_or(Ok(0), |name| market.0.profile_index(name).ok_or_else(|| unknown(name)))?;
    let usual = if market.0.states_fees() { FillFee::Taker } else { FillFee::None };
    let pays = |name: &str, word: Option<&str>| word.map_or(Ok(usual), |word| fill_fee(py, name, word));
    let modes = [("cross", false), ("isolated", true)];
    let [equity, max_loss, entry_price, stop_price, slippage, leverage, maintenance_share] = &numbers;
    let rows = SizeRows {
        instrument: &instrument,
        buy: buys.as_slice()?,
        equity: equity.as_slice()?,
        max_loss: max_loss.as_slice()?,
        loss_is_amount,
        entry_price: entry_price.as_slice()?,
        stop_price: stop_price.as_slice()?,
        slippage: slippage.as_slice()?,
        leverage: leverage.as_slice()?,
        maintenance_share: maintenance_share.as_slice()?,
        fee: pays("fee", fee)?,
        exit_fee: pays("exit_fee", exit_fee)?,
        profile: u16::try_from(profile).unwrap_or(u16::MAX),
        tier_coefficient,
        isolated: mode.map(|word| choice(py, "margin_mode", word, &modes)).transpose()?,
    };
    let found = match &room {
        None => through(py, || sized(&market.0, &rows, None))?,
        Some((book, prices, accounts)) => {
            let (book, prices) = (book.get(), prices.get());
            check_market(py, book, prices)?;
            let accounts = book.places_of(py, accounts, "accounts")?;
            through(py, || sized(&market.0, &rows, Some((&book.engine, &prices.prices, &accounts))))?
        }
    };
    columns(py, &found)
}

/// Instruments by name, in the market's order.
fn places_of(py: Python<'_>, market: &Market, names: &Bound<'_, PyAny>) -> PyResult<Vec<u32>> {
    let column = guarded(py, || KeyColumn::new(py, Raw::new(names, "instrument")?, "instrument"))?;
    let keys = column.as_keys();
    let place = |row: usize| {
        let place = match &keys {
            crossmargin::book::Keys::Int(keys) => {
                usize::try_from(keys[row]).ok().filter(|&at| at < market.0.instruments().len())
            }
            crossmargin::book::Keys::Text(_) => market.0.instrument_index(&keys.show(row)),
        };
        let unknown = || {
            let message = format!("was {:?}, which this market does not have", keys.show(row));
            argument(py, &format!("instrument[{row}]"), message)
        };
        place.and_then(|at| u32::try_from(at).ok()).ok_or_else(unknown)
    };
    (0..keys.len()).map(place).collect()
}

fn columns<'py>(py: Python<'py>, found: &[Sized]) -> PyResult<Bound<'py, PyDict>> {
    let reals = |of: &dyn Fn(&Sized) -> f64| PyArray1::from_vec(py, found.iter().map(of).collect());
    let columns = PyDict::new(py);
    columns.set_item("quantity", reals(&|each| each.quantity))?;
    let binding = found.iter().map(|each| Some(each.binding as usize));
    columns.set_item("binding", text_column(py, &SizeLimit::ALL.map(SizeLimit::name), binding))?;
    columns.set_item("notional", reals(&|each| each.notional))?;
    columns.set_item("loss", reals(&|each| each.loss))?;
    columns.set_item("maintenance_margin", reals(&|each| each.maintenance_margin))?;
    columns.set_item("initial_margin", reals(&|each| each.initial_margin))?;
    columns.set_item("leverage_used", reals(&|each| each.leverage_used))?;
    columns.set_item("risk_share", reals(&|each| each.risk_share))?;
    for (at, limit) in SizeLimit::ALL.into_iter().enumerate() {
        columns.set_item(format!("by_{}", limit.name()), reals(&|each| each.by[at]))?;
    }
    Ok(columns)
}
