//! The questions where pools fail: prices of instruments and underlyings, joint moves, and what positions do to pools.

use crossmargin::price::{self as engine, PositionBuffers, Shock};
use crossmargin::score::{Missing, Summary};
use numpy::{PyArray1, PyReadonlyArray1};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use super::arrays::{row_column, text_column};
use super::book::Book;
use super::buffers::{Figure, Outputs, Target, Targets, all_names, targets};
use super::options::options;
use super::prices::Prices;
use super::scoring::check_market;
use crate::door::through;

/// A price that is found for each position.
#[derive(Clone, Copy, PartialEq)]
enum PositionPrice {
    Below,
    Above,
    Liquidation,
    Bankruptcy,
}

impl Figure for PositionPrice {
    const ALL: &'static [Self] = &[Self::Below, Self::Above, Self::Liquidation, Self::Bankruptcy];

    fn name(self) -> &'static str {
        match self {
            Self::Below => "below",
            Self::Above => "above",
            Self::Liquidation => "liquidation_price",
            Self::Bankruptcy => "bankruptcy_price",
        }
    }
}

/// Names of all that is found for each position, in order.
pub(crate) fn position_price_names() -> Vec<&'static str> {
    all_names::<PositionPrice>()
}

/// Names, arrays in their order, flags of unpriced positions, pools decided exactly, pools unpriced.
type Priced<'py> = (Bound<'py, PyTuple>, Bound<'py, PyTuple>, Option<Bound<'py, PyAny>>, usize, usize);

/// Columns, pools decided exactly, pools unpriced.
type Columns<'py> = (Bound<'py, PyDict>, usize, usize);

/// Moves of instruments and of assets, in market order.
type Moves<'py> = (PyReadonlyArray1<'py, f64>, PyReadonlyArray1<'py, f64>);

/// Where the pool of each position fails as its instrument moves.
#[pyfunction]
#[expect(clippy::too_many_arguments, reason = "private: the Python package passes all of them, by place")]
pub(crate) fn liquidation_prices<'py>(
    py: Python<'py>,
    book: &Book,
    prices: &Prices,
    outputs: &Bound<'py, PyAny>,
    out: Option<&Bound<'py, PyAny>>,
    missing_word: &str,
    n_threads: Option<&Bound<'py, PyAny>>,
    isa_word: Option<&str>,
    windows_per_claim: Option<usize>,
) -> PyResult<Priced<'py>> {
    check_market(py, book, prices)?;
    let outputs: Outputs<'_, PositionPrice> = Outputs::new(outputs)?;
    let options = options(py, missing_word, n_threads, isa_word, windows_per_claim)?;
    let n_positions = book.engine.holdings().n_positions();
    let (mut targets, arrays, unpriced) = targets(&outputs, out, n_positions, options.missing == Missing::Null)?;
    let buffers = buffers(&mut targets);
    let summary = through(py, || engine::liquidation_prices(&book.engine, &prices.prices, buffers, &options))?;
    Ok((outputs.names, arrays, unpriced, summary.n_exact, summary.n_unpriced))
}

/// The arrays as the engine's buffers.
fn buffers<'a>(targets: &'a mut Targets<'_, PositionPrice>) -> PositionBuffers<'a> {
    let mut buffers = PositionBuffers::default();
    for target in &mut targets.0 {
        match target {
            Target::Figure(price, array) => {
                let array = array.as_slice_mut().ok();
                match price {
                    PositionPrice::Below => buffers.below = array,
                    PositionPrice::Above => buffers.above = array,
                    PositionPrice::Liquidation => buffers.liquidation_price = array,
                    PositionPrice::Bankruptcy => buffers.bankruptcy_price = array,
                }
            }
            Target::Flag(array) => buffers.liquidatable = array.as_slice_mut().ok(),
            Target::Unpriced(array) => buffers.unpriced = array.as_slice_mut().ok(),
        }
    }
    buffers
}

/// Where each pool fails as an underlying moves with all that is priced by it: a row per pool and underlying.
#[pyfunction]
pub(crate) fn underlying_prices<'py>(
    py: Python<'py>,
    book: &Book,
    prices: &Prices,
    missing_word: &str,
    n_threads: Option<&Bound<'py, PyAny>>,
) -> PyResult<Columns<'py>> {
    check_market(py, book, prices)?;
    let options = options(py, missing_word, n_threads, None, None)?;
    let found = through(py, || engine::underlying_prices(&book.engine, &prices.prices, &options))?;
    let names: Vec<&str> = found.names.iter().map(String::as_str).collect();
    let columns = PyDict::new(py);
    columns.set_item("pool", row_column(py, found.pool.into_iter()))?;
    let underlying = found.underlying.iter().map(|&at| Some(at as usize));
    columns.set_item("underlying", text_column(py, &names, underlying))?;
    columns.set_item("price", PyArray1::from_vec(py, found.price))?;
    ends(py, &columns, (found.below, found.above), (found.liquidatable, found.unpriced))?;
    Ok(counted(columns, found.summary))
}

/// How far each pool is from failing along a joint move of all prices.
#[pyfunction]
#[expect(clippy::needless_pass_by_value, reason = "arguments of Python are extracted by value")]
pub(crate) fn liquidation_distance<'py>(
    py: Python<'py>,
    book: &Book,
    prices: &Prices,
    shock: Moves<'py>,
    missing_word: &str,
    n_threads: Option<&Bound<'py, PyAny>>,
) -> PyResult<Columns<'py>> {
    check_market(py, book, prices)?;
    let options = options(py, missing_word, n_threads, None, None)?;
    let moves = of_moves(&shock);
    let found = through(py, || {
        let shock = Shock::new(book.engine.market(), moves.0, moves.1)?;
        engine::liquidation_distance(&book.engine, &prices.prices, &shock, &options)
    })?;
    let columns = PyDict::new(py);
    ends(py, &columns, (found.below, found.above), (found.liquidatable, found.unpriced))?;
    Ok(counted(columns, found.summary))
}

/// What each position gives to and takes from its pool, now and where the pool fails.
#[pyfunction]
#[expect(clippy::needless_pass_by_value, reason = "arguments of Python are extracted by value")]
pub(crate) fn contribution<'py>(
    py: Python<'py>,
    book: &Book,
    prices: &Prices,
    shock: Option<Moves<'py>>,
    missing_word: &str,
    n_threads: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyDict>> {
    check_market(py, book, prices)?;
    let options = options(py, missing_word, n_threads, None, None)?;
    let moves = shock.as_ref().map(of_moves);
    let found = through(py, || {
        let shock = moves.map(|moves| Shock::new(book.engine.market(), moves.0, moves.1)).transpose()?;
        engine::contribution(&book.engine, &prices.prices, shock.as_ref(), &options)
    })?;
    let columns = PyDict::new(py);
    columns.set_item("pool", row_column(py, found.pool.into_iter()))?;
    columns.set_item("excess", PyArray1::from_vec(py, found.excess))?;
    columns.set_item("excess_at", PyArray1::from_vec(py, found.excess_at))?;
    columns.set_item("change", PyArray1::from_vec(py, found.change))?;
    columns.set_item("loss", PyArray1::from_vec(py, found.loss))?;
    columns.set_item("loss_isolated", PyArray1::from_vec(py, found.loss_isolated))?;
    columns.set_item("dragged", PyArray1::from_vec(py, found.dragged))?;
    Ok(columns)
}

fn of_moves(shock: &Moves<'_>) -> (Vec<f64>, Vec<f64>) {
    let copied = |moves: &PyReadonlyArray1<'_, f64>| moves.as_array().to_vec();
    (copied(&shock.0), copied(&shock.1))
}

/// Both ends of where pools are safe, and what is said of them.
fn ends(
    py: Python<'_>,
    columns: &Bound<'_, PyDict>,
    (below, above): (Vec<f64>, Vec<f64>),
    (liquidatable, unpriced): (Vec<bool>, Vec<bool>),
) -> PyResult<()> {
    columns.set_item("below", PyArray1::from_vec(py, below))?;
    columns.set_item("above", PyArray1::from_vec(py, above))?;
    columns.set_item("liquidatable", PyArray1::from_vec(py, liquidatable))?;
    columns.set_item("unpriced", PyArray1::from_vec(py, unpriced))
}

fn counted(columns: Bound<'_, PyDict>, summary: Summary) -> Columns<'_> {
    (columns, summary.n_exact, summary.n_unpriced)
}
