//! The questions asked of one's own rules: who is beyond limits, and which stops fire.

use crossmargin::guard::{self as engine, BreachBuffers, Limits};
use numpy::{IntoPyArray, PyArray1, PyReadonlyArray1};
use pyo3::prelude::*;

use super::book::{Book, input_order};
use super::options::options;
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
#[expect(clippy::needless_pass_by_value, reason = "arguments of Python are extracted by value")]
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
