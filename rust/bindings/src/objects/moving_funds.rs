//! The questions asked before money moves: what can leave, and what has to move for every pool to be at a target.

use crossmargin::Market;
use crossmargin::book::{Holdings, PoolKind};
use crossmargin::exact::{Decimal, Exact};
use crossmargin::funds::{self as engine, Binding, Leaving, PoolMove, Rebalance, Sweep, Target, Transfer};
use crossmargin::market::Asset;
use numpy::{IntoPyArray, PyArray1, PyReadonlyArray1};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::arrays::{account_column, text_column};
use super::book::{Book, SIDES, market_names, side_code};
use super::options::{choice, options};
use super::prices::Prices;
use super::scoring::check_market;
use crate::door::through;

/// Columns, quanta where they are known, and how many pools are unpriced.
type Found<'py> = (Bound<'py, PyDict>, Vec<Option<i128>>, usize);

/// Transfers, what becomes of pools, and the quanta of the transfers.
type Moved<'py> = (Bound<'py, PyDict>, Bound<'py, PyDict>, Vec<i128>);

/// What can leave each pool, by asset.
#[pyfunction]
pub(crate) fn withdrawable<'py>(
    py: Python<'py>,
    book: &Book,
    prices: &Prices,
    missing_word: &str,
    n_threads: Option<&Bound<'py, PyAny>>,
) -> PyResult<Found<'py>> {
    check_market(py, book, prices)?;
    let options = options(py, missing_word, n_threads, None, None)?;
    let rows = through(py, || engine::withdrawable(&book.engine, &prices.prices, &options))?;
    let holdings = book.engine.holdings();
    let market = book.engine.market();
    let keys: Vec<(usize, usize)> =
        rows.iter().map(|row| (row.pool as usize, holdings.layer_asset(row.layer as usize))).collect();
    let columns = pool_columns(py, book, &keys)?;
    let known = |row: &Leaving| !matches!(row.binding, Binding::Unpriced | Binding::LeverageUnknown);
    let amount = |(row, key): (&Leaving, &(usize, usize))| {
        if known(row) { in_asset(market, key.1, row.quanta) } else { f64::NAN }
    };
    let amounts: Vec<f64> = rows.iter().zip(&keys).map(amount).collect();
    columns.set_item("withdrawable", PyArray1::from_vec(py, amounts))?;
    let words = BINDINGS.map(Binding::name);
    let word = |row: &Leaving| BINDINGS.iter().position(|known| *known == row.binding);
    columns.set_item("binding", text_column(py, &words, rows.iter().map(word)))?;
    let unpriced: Vec<bool> = rows.iter().map(|row| row.binding == Binding::Unpriced).collect();
    let mut pools: Vec<u32> = rows.iter().zip(&unpriced).filter(|(_, is)| **is).map(|(row, _)| row.pool).collect();
    pools.dedup();
    columns.set_item("unpriced", unpriced.into_pyarray(py))?;
    let quanta = rows.iter().map(|row| known(row).then_some(row.quanta)).collect();
    Ok((columns, quanta, pools.len()))
}

const BINDINGS: [Binding; 6] =
    [Binding::OwnMoney, Binding::Rule, Binding::Trigger, Binding::Nothing, Binding::Unpriced, Binding::LeverageUnknown];

/// The least money to move for every pool to be at a target.
#[pyfunction]
#[expect(clippy::too_many_arguments, reason = "private: the Python package passes all of them, by place")]
#[expect(clippy::needless_pass_by_value, reason = "arguments of Python are extracted by value")]
pub(crate) fn rebalance<'py>(
    py: Python<'py>,
    book: &Book,
    prices: &Prices,
    ratio: f64,
    sweep_word: &str,
    reference: Option<PyReadonlyArray1<'py, f64>>,
    accounts: Option<Vec<u32>>,
    missing_word: &str,
    n_threads: Option<&Bound<'py, PyAny>>,
) -> PyResult<Moved<'py>> {
    check_market(py, book, prices)?;
    let options = options(py, missing_word, n_threads, None, None)?;
    let sweeps = [("none", Sweep::None), ("surplus", Sweep::Surplus), ("profit", Sweep::Profit)];
    let sweep = choice(py, "sweep", sweep_word, &sweeps)?;
    let reference = reference.map(|reference| reference.as_array().to_vec()).unwrap_or_default();
    let made = through(py, || {
        let target = Target { ratio, sweep, reference: &reference, accounts: accounts.as_deref() };
        engine::rebalance(&book.engine, &prices.prices, &target, &options)
    })?;
    let quanta = made.transfers.iter().map(|transfer| transfer.quanta).collect();
    Ok((transfers(py, book, &made)?, pools(py, book, &made.pools)?, quanta))
}

/// The pool at one end of a transfer.
type End = fn(&Transfer) -> Option<usize>;

/// Columns of transfers.
fn transfers<'py>(py: Python<'py>, book: &Book, made: &Rebalance) -> PyResult<Bound<'py, PyDict>> {
    let holdings = book.engine.holdings();
    let market = book.engine.market();
    let (assets, instruments) = market_names(market);
    let rows = &made.transfers;
    let columns = PyDict::new(py);
    let accounts = rows.iter().map(|row| row.account as usize);
    columns.set_item("account", account_column(py, holdings.accounts(), accounts))?;
    columns.set_item("asset", text_column(py, &assets, rows.iter().map(|row| Some(row.asset as usize))))?;
    let ends: [(&str, End); 2] =
        [("from", |row| Some(row.from as usize)), ("to", |row| row.to.map(|pool| pool as usize))];
    for (end, of) in ends {
        let kind = |row: &Transfer| Some(of(row).map_or(2, |pool| usize::from(isolated(holdings, pool).is_some())));
        let names = ["cross", "isolated", "out"];
        columns.set_item(format!("{end}_kind"), text_column(py, &names, rows.iter().map(kind)))?;
        let held = |row: &Transfer| of(row).and_then(|pool| isolated(holdings, pool));
        let instrument = rows.iter().map(|row| held(row).map(|at| holdings.instrument(at)));
        columns.set_item(format!("{end}_instrument"), text_column(py, &instruments, instrument))?;
        let side = rows.iter().map(|row| held(row).map(|at| side_code(holdings, at)));
        columns.set_item(format!("{end}_side"), text_column(py, &SIDES, side))?;
    }
    let amounts: Vec<f64> = rows.iter().map(|row| in_asset(market, row.asset as usize, row.quanta)).collect();
    columns.set_item("amount", PyArray1::from_vec(py, amounts))?;
    Ok(columns)
}

/// Columns of what becomes of pools.
fn pools<'py>(py: Python<'py>, book: &Book, rows: &[PoolMove]) -> PyResult<Bound<'py, PyDict>> {
    let market = book.engine.market();
    let keys: Vec<(usize, usize)> = rows.iter().map(|row| (row.pool as usize, row.asset as usize)).collect();
    let columns = pool_columns(py, book, &keys)?;
    let reals = |of: &dyn Fn(&PoolMove) -> f64| PyArray1::from_vec(py, rows.iter().map(of).collect());
    columns.set_item("moved", reals(&|row| in_asset(market, row.asset as usize, row.moved)))?;
    columns.set_item("short", reals(&|row| in_asset(market, row.asset as usize, row.short)))?;
    columns.set_item("margin_ratio", reals(&|row| row.margin_ratio))?;
    columns.set_item("margin_ratio_after", reals(&|row| row.margin_ratio_after))?;
    Ok(columns)
}

/// The double nearest to a number of quanta of an asset.
fn in_asset(market: &Market, asset: usize, quanta: i128) -> f64 {
    /// Integers below it are doubles.
    const WHOLE: u128 = 1 << 53;
    /// Powers of ten that doubles hold.
    const TENS: [f64; 23] = [
        1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19,
        1e20, 1e21, 1e22,
    ];
    let quantum = market.assets().get(asset).map_or(f64::NAN, Asset::quantum);
    let step = Decimal::from_f64(quantum);
    let count = quanta.checked_mul(i128::from(step.digits())).filter(|count| count.unsigned_abs() < WHOLE);
    let ten = usize::try_from(-step.exponent()).ok().and_then(|power| TENS.get(power));
    match (count, ten) {
        // Both are exact, so that one operation rounds once.
        (Some(count), Some(ten)) => whole(count) / ten,
        _ => (exactly(quanta) * Exact::from_f64(quantum)).to_f64(),
    }
}

/// A double of an integer that is one.
fn whole(count: i128) -> f64 {
    const HALF: f64 = 4_294_967_296.0;
    let size = u64::try_from(count.unsigned_abs()).unwrap_or(u64::MAX);
    let (high, low) = (u32::try_from(size >> 32).unwrap_or(0), u32::try_from(size & 0xffff_ffff).unwrap_or(0));
    let magnitude = f64::from(high) * HALF + f64::from(low);
    if count < 0 { -magnitude } else { magnitude }
}

/// An integer of any size.
fn exactly(count: i128) -> Exact {
    const PART: i128 = 1_000_000_000_000_000;
    let (high, low) = (count / PART, count % PART);
    let low = Exact::from_f64(whole(low));
    if high == 0 { low } else { exactly(high) * Exact::from_f64(whole(PART)) + low }
}

/// The position of an isolated pool.
fn isolated(holdings: &Holdings, pool: usize) -> Option<usize> {
    (holdings.kind(pool) == PoolKind::Isolated).then(|| holdings.positions_of(pool).start)
}

/// Key columns of pools and assets.
fn pool_columns<'py>(py: Python<'py>, book: &Book, keys: &[(usize, usize)]) -> PyResult<Bound<'py, PyDict>> {
    let holdings = book.engine.holdings();
    let (assets, instruments) = market_names(book.engine.market());
    let mut account_of = vec![0; holdings.n_pools()];
    for account in 0..holdings.accounts().len() {
        account_of[holdings.pools_of(account)].fill(account);
    }
    let held = || keys.iter().map(|key| isolated(holdings, key.0));
    let columns = PyDict::new(py);
    let accounts = keys.iter().map(|key| account_of.get(key.0).copied().unwrap_or_default());
    columns.set_item("account", account_column(py, holdings.accounts(), accounts))?;
    let kinds = held().map(|position| Some(usize::from(position.is_some())));
    columns.set_item("kind", text_column(py, &["cross", "isolated"], kinds))?;
    columns.set_item("asset", text_column(py, &assets, keys.iter().map(|key| Some(key.1))))?;
    let instrument = held().map(|position| position.map(|at| holdings.instrument(at)));
    columns.set_item("instrument", text_column(py, &instruments, instrument))?;
    let side = held().map(|position| position.map(|at| side_code(holdings, at)));
    columns.set_item("side", text_column(py, &SIDES, side))?;
    Ok(columns)
}
