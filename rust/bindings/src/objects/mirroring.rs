//! The orders of one account, placed for others.

use std::sync::Arc;

use crossmargin::order::{self as engine, Followers, MirrorBy, Mirrored, MirroredRow, Reason};
use numpy::{PyArray1, PyReadonlyArray1};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::arrays::{account_column, row_column};
use super::book::Book;
use super::deciding::{Words, fills, gate, relabelled};
use super::joining::Placed;
use super::options::{choice, options};
use super::prices::Prices;
use super::proposing::Proposed;
use super::scoring::check_market;
use crate::door::through;

/// The leader, its followers, what the sizes go by, how much of it, and whether what does not fit is cut.
type Asked<'py> = (Bound<'py, PyAny>, Bound<'py, PyAny>, String, Vec<f64>, bool);

/// What each follower places of each order of a leader.
#[pyfunction]
#[expect(clippy::too_many_arguments, reason = "private: the Python package passes all of them, by place")]
pub(crate) fn mirror<'py>(
    py: Python<'py>,
    book: &Book,
    prices: &Prices,
    proposed: &Proposed,
    asked: Asked<'py>,
    words: Words<'py>,
    missing_word: &str,
    n_threads: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyDict>> {
    check_market(py, book, prices)?;
    let (leader, followers, by, factor, cut) = asked;
    let gate = gate(py, words)?;
    let options = options(py, missing_word, n_threads, None, None)?;
    let accounts = book.places_of(py, &followers, "followers")?;
    let followers = Followers {
        leader: u32::try_from(book.place_of(py, Some(&leader))?).unwrap_or(u32::MAX),
        accounts: &accounts,
        by: choice(py, "by", &by, &MirrorBy::ALL.map(|by| (by.name(), by)))?,
        factor: &factor,
        cut,
    };
    let orders = proposed.as_orders();
    let made = through(py, || Ok(engine::mirror(&book.engine, &prices.prices, &orders, &followers, &gate, &options)))?;
    let mirrored = made.map_err(|error| relabelled(py, proposed, error))?;
    columns(py, book, &mirrored.rows)
}

fn columns<'py>(py: Python<'py>, book: &Book, rows: &[MirroredRow]) -> PyResult<Bound<'py, PyDict>> {
    let keys = book.engine.holdings().accounts();
    let reals = |of: &dyn Fn(&MirroredRow) -> f64| PyArray1::from_vec(py, rows.iter().map(of).collect());
    let columns = PyDict::new(py);
    columns.set_item("leader_row", row_column(py, rows.iter().map(|row| row.leader_row)))?;
    columns.set_item("place", row_column(py, rows.iter().map(|row| row.account)))?;
    columns.set_item("account", account_column(py, keys, rows.iter().map(|row| row.account as usize)))?;
    columns.set_item("wanted", reals(&|row| row.wanted))?;
    columns.set_item("quantity", reals(&|row| row.quantity))?;
    columns.set_item("cut", PyArray1::from_vec(py, rows.iter().map(|row| row.cut).collect()))?;
    columns.set_item("reason", PyArray1::from_vec(py, rows.iter().map(|row| row.reason.code()).collect()))?;
    columns.set_item("cost", reals(&|row| row.cost))?;
    Ok(columns)
}

/// The book with what the followers place: rows of the leader's orders, accounts by their places, and quantities.
#[pyfunction]
#[expect(clippy::needless_pass_by_value, reason = "arguments of Python are extracted by value")]
pub(crate) fn apply_mirrored(
    py: Python<'_>,
    book: &Book,
    prices: &Prices,
    proposed: &Proposed,
    rows: (PyReadonlyArray1<'_, i64>, PyReadonlyArray1<'_, i64>, PyReadonlyArray1<'_, f64>),
    words: Words<'_>,
) -> PyResult<Book> {
    check_market(py, book, prices)?;
    let gate = gate(py, words)?;
    let orders = proposed.as_orders();
    let number = |value: i64| u32::try_from(value).unwrap_or(u32::MAX);
    let row = |((leader_row, account), quantity): ((&i64, &i64), &f64)| MirroredRow {
        leader_row: number(*leader_row),
        account: number(*account),
        wanted: *quantity,
        quantity: *quantity,
        cut: false,
        reason: Reason::Accepted,
        cost: f64::NAN,
    };
    let (leader_rows, accounts, quantities) = (rows.0.as_slice()?, rows.1.as_slice()?, rows.2.as_slice()?);
    let mirrored = Mirrored { rows: leader_rows.iter().zip(accounts).zip(quantities).map(row).collect() };
    let made = through(py, || Ok(mirrored.applied(&book.engine, &prices.prices, &orders, &gate)))?;
    let applied = made.map_err(|error| relabelled(py, proposed, error))?;
    let trigger = |row: usize| orders.trigger_price.map_or(f64::NAN, |column| column[row]);
    let rests = |row: &&MirroredRow| {
        let at = row.leader_row as usize;
        row.quantity != 0.0 && !fills(gate.assume, orders.price[at], trigger(at))
    };
    let placed = mirrored.rows.iter().filter(rests);
    let placed = placed.map(|row| (row.leader_row as usize, row.account as usize, row.quantity)).collect();
    Ok(book.after(Arc::new(applied.book), &Placed { orders: &proposed.orders, rows: placed }))
}
