//! The largest order that fits, account by account.

use crossmargin::order::{self as engine, Asked, Largest, Reason};
use numpy::PyArray1;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::arrays::{account_column, text_column};
use super::book::Book;
use super::deciding::{Legs, number, proposal};
use super::options::{choice, options};
use super::prices::Prices;
use super::scoring::check_market;
use crate::door::through;
use crate::errors::argument;

/// Price, leverage, ratio to stay above and price to stay clear of: each may be absent.
type Numbers<'a, 'py> = [Option<&'a Bound<'py, PyAny>>; 4];

/// Columns, accounts decided exactly, accounts unpriced.
type Found<'py> = (Bound<'py, PyDict>, usize, usize);

/// The largest order of an instrument and a side that each account may place.
#[pyfunction]
#[expect(clippy::too_many_arguments, reason = "private: the Python package passes all of them, by place")]
pub(crate) fn max_orders<'py>(
    py: Python<'py>,
    book: &Book,
    prices: &Prices,
    instrument: &Bound<'py, PyAny>,
    side: &str,
    price: Option<&Bound<'py, PyAny>>,
    leverage: Option<&Bound<'py, PyAny>>,
    target_ratio: Option<&Bound<'py, PyAny>>,
    liquidation_beyond: Option<&Bound<'py, PyAny>>,
    legs: Legs<'_>,
    accounts: Option<&Bound<'py, PyAny>>,
    missing_word: &str,
    n_threads: Option<&Bound<'py, PyAny>>,
) -> PyResult<Found<'py>> {
    check_market(py, book, prices)?;
    let direction = choice(py, "side", side, &[("buy", 1.0), ("sell", -1.0)])?;
    let asked = asked(py, book, instrument, direction, legs, [price, leverage, target_ratio, liquidation_beyond])?;
    let accounts = accounts.map(|accounts| book.places_of(py, accounts, "accounts")).transpose()?;
    let options = options(py, missing_word, n_threads, None, None)?;
    let n = accounts.as_ref().map_or_else(|| book.engine.holdings().accounts().len(), Vec::len);
    let mut found = vec![Largest::NONE; n];
    let summary = through(py, || {
        engine::max_orders(&book.engine, &prices.prices, accounts.as_deref(), &asked, &mut found, &options)
    })?;
    let columns = columns(py, book, accounts.as_deref(), &found)?;
    Ok((columns, summary.n_exact, summary.n_unpriced))
}

fn asked(
    py: Python<'_>,
    book: &Book,
    instrument: &Bound<'_, PyAny>,
    direction: f64,
    legs: Legs<'_>,
    [price, leverage, target_ratio, liquidation_beyond]: Numbers<'_, '_>,
) -> PyResult<Asked> {
    let order = engine::Proposed {
        quantity: direction,
        price: number(price, "price")?,
        leverage: number(leverage, "leverage")?,
        ..proposal(py, book, instrument, legs)?
    };
    Ok(Asked {
        order,
        target_ratio: condition(py, target_ratio, "target_ratio")?,
        liquidation_beyond: condition(py, liquidation_beyond, "liquidation_beyond")?,
    })
}

/// A number that is asked for; within the engine NaN stands for none, so that NaN itself is refused here.
fn condition(py: Python<'_>, given: Option<&Bound<'_, PyAny>>, name: &str) -> PyResult<f64> {
    match number(given, name)? {
        value if value.is_nan() && given.is_some() => {
            Err(argument(py, name, "was NaN, expected a positive number, or none"))
        }
        value => Ok(value),
    }
}

fn columns<'py>(
    py: Python<'py>,
    book: &Book,
    accounts: Option<&[u32]>,
    found: &[Largest],
) -> PyResult<Bound<'py, PyDict>> {
    let keys = book.engine.holdings().accounts();
    let at = |row: usize| accounts.map_or(row, |accounts| accounts[row] as usize);
    let reals = |of: &dyn Fn(&Largest) -> f64| PyArray1::from_vec(py, found.iter().map(of).collect());
    let columns = PyDict::new(py);
    columns.set_item("account", account_column(py, keys, (0..found.len()).map(at)))?;
    columns.set_item("quantity", reals(&|each| each.quantity))?;
    columns.set_item("smallest", reals(&|each| each.smallest))?;
    columns.set_item("contiguous", PyArray1::from_vec(py, found.iter().map(|each| each.contiguous).collect()))?;
    let binding = found.iter().map(|each| Some(usize::from(each.binding.code())));
    columns.set_item("binding", text_column(py, &Reason::ALL.map(Reason::name), binding))?;
    columns.set_item("cost", reals(&|each| each.cost))?;
    Ok(columns)
}
