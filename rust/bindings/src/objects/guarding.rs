//! The questions asked of one's own rules: who is beyond limits, and which stops fire.

use crossmargin::guard::{self as engine, BreachBuffers, FiredOrder, Limits, StopFill, Stops};
use crossmargin::ledger::Direction;
use numpy::{IntoPyArray, PyArray1, PyReadonlyArray1};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::arrays::{account_column, row_column, text_column};
use super::book::{Book, input_order, market_names};
use super::deciding::fill_fee;
use super::options::{choice, options};
use super::prices::Prices;
use super::scoring::check_market;
use crate::door::through;
use crate::errors::argument;

/// Levels, soft stop, share of maintenance, leverage, concentration, liquidation and valuation.
type Given<'a> = (Vec<f64>, Option<f64>, Option<f64>, Option<f64>, Option<f64>, bool, Option<&'a str>);

type Bits<'py> = Bound<'py, PyArray1<u32>>;

/// Bits of pools, of positions in the order of the input rows, of accounts; pools decided exactly, pools unpriced.
type Breaches<'py> = (Bits<'py>, Bits<'py>, Bits<'py>, usize, usize);

/// Which limits are broken.
#[pyfunction]
pub(crate) fn check_limits<'py>(
    py: Python<'py>,
    book: &Book,
    prices: &Prices,
    limits: Given<'py>,
    references: Option<PyReadonlyArray1<'py, f64>>,
    missing_word: &str,
    n_threads: Option<&Bound<'py, PyAny>>,
) -> PyResult<Breaches<'py>> {
    check_market(py, book, prices)?;
    let options = options(py, missing_word, n_threads, None, None)?;
    let (levels, soft_stop, maintenance_share, max_leverage, concentration, liquidation, valuation) = limits;
    let valuation = asset(py, book, valuation)?;
    let limits = Limits { levels, soft_stop, maintenance_share, max_leverage, concentration, liquidation, valuation };
    let references = references.map(|references| references.as_array().to_vec()).unwrap_or_default();
    let holdings = book.engine.holdings();
    let mut pools = vec![0; holdings.n_pools()];
    let mut positions = vec![0; holdings.n_positions()];
    let mut accounts = vec![0; holdings.accounts().len()];
    let summary = through(py, || {
        let out = BreachBuffers { pools: &mut pools, positions: &mut positions, accounts: &mut accounts };
        engine::check_limits(&book.engine, &prices.prices, &limits, &references, out, &options)
    })?;
    let positions: Vec<u32> = input_order(holdings).into_iter().map(|at| positions[at]).collect();
    let [pools, positions, accounts] = [pools, positions, accounts].map(|bits| bits.into_pyarray(py));
    Ok((pools, positions, accounts, summary.n_exact, summary.n_unpriced))
}

/// An asset by its name.
pub(super) fn asset(py: Python<'_>, book: &Book, name: Option<&str>) -> PyResult<Option<usize>> {
    let market = book.engine.market();
    let unknown = |name: &str| argument(py, "valuation", format!("was {name:?}, which is no asset of the market"));
    name.map(|name| market.asset_index(name).ok_or_else(|| unknown(name))).transpose()
}

/// Which stops fire, and the accounts after that.
#[pyfunction]
pub(crate) fn fire_stops<'py>(
    py: Python<'py>,
    book: &Book,
    prices: &Prices,
    fills_word: &str,
    fee_word: Option<&str>,
    round_word: Option<&str>,
) -> PyResult<(Bound<'py, PyDict>, Book)> {
    check_market(py, book, prices)?;
    let fills = choice(py, "fills", fills_word, &[("mark", StopFill::Mark), ("trigger", StopFill::Trigger)])?;
    let fee = fee_word.map(|word| fill_fee(py, "fee", word)).transpose()?;
    let directions = [("down", Direction::Down), ("up", Direction::Up), ("nearest", Direction::Nearest)];
    let round = round_word.map(|word| choice(py, "round", word, &directions)).transpose()?;
    let (orders, after) = through(py, || {
        let fired = engine::fire_stops(&book.engine, &prices.prices, &Stops { fills, fee, round })?;
        Ok((fired.orders, fired.ledger.to_book()?))
    })?;
    let rows = orders.iter().map(|order| (order.row as usize, order.rests)).collect();
    Ok((fired(py, book, &orders)?, book.after_stops(after, &rows)))
}

/// Columns of the orders that fired.
fn fired<'py>(py: Python<'py>, book: &Book, orders: &[FiredOrder]) -> PyResult<Bound<'py, PyDict>> {
    let (_, instruments) = market_names(book.engine.market());
    let reals = |of: &dyn Fn(&FiredOrder) -> f64| PyArray1::from_vec(py, orders.iter().map(of).collect());
    let columns = PyDict::new(py);
    columns.set_item("row", row_column(py, orders.iter().map(|order| order.row)))?;
    let accounts = orders.iter().map(|order| order.account as usize);
    columns.set_item("account", account_column(py, book.engine.holdings().accounts(), accounts))?;
    let names = orders.iter().map(|order| Some(order.instrument as usize));
    columns.set_item("instrument", text_column(py, &instruments, names))?;
    columns.set_item("trigger_price", reals(&|order| order.trigger_price))?;
    columns.set_item("quantity", reals(&|order| order.quantity))?;
    columns.set_item("price", reals(&|order| order.price))?;
    columns.set_item("realized_pnl", reals(&|order| order.realized_pnl))?;
    columns.set_item("fee", reals(&|order| order.fee))?;
    columns.set_item("rests", orders.iter().map(|order| order.rests).collect::<Vec<_>>().into_pyarray(py))?;
    columns.set_item("reason", PyArray1::from_vec(py, orders.iter().map(|order| order.reason as u8).collect()))?;
    Ok(columns)
}
