//! The question: every pool at given prices.

use std::sync::Arc;

use crossmargin::score::{self as engine, Missing, Options};
use numpy::{PyArray1, PyArrayMethods};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::book::Book;
use super::buffers::{Outputs, targets};
use super::options::{options, threads};
use super::prices::Prices;
use crate::door::through;
use crate::errors::argument;

/// Names, arrays in their order, flags of unpriced pools, pools decided exactly, pools unpriced.
type Scored<'py> = (Bound<'py, PyTuple>, Bound<'py, PyTuple>, Option<Bound<'py, PyAny>>, usize, usize);

/// Scores every pool of a book.
#[pyfunction]
#[expect(clippy::too_many_arguments, reason = "private: the Python package passes all of them, by place")]
pub(crate) fn score<'py>(
    py: Python<'py>,
    book: &Book,
    prices: &Prices,
    outputs: &Bound<'py, PyAny>,
    out: Option<&Bound<'py, PyAny>>,
    missing_word: &str,
    n_threads: Option<&Bound<'py, PyAny>>,
    isa_word: Option<&str>,
    windows_per_claim: Option<usize>,
) -> PyResult<Scored<'py>> {
    check_market(py, book, prices)?;
    let outputs = Outputs::new(outputs)?;
    let options = options(py, missing_word, n_threads, isa_word, windows_per_claim)?;
    let n_pools = book.engine.holdings().n_pools();
    let (mut targets, arrays, unpriced) = targets(&outputs, out, n_pools, options.missing == Missing::Null)?;
    let buffers = targets.as_buffers();
    let summary = through(py, || engine::score(&book.engine, &prices.prices, buffers, &options))?;
    Ok((outputs.names, arrays, unpriced, summary.n_exact, summary.n_unpriced))
}

/// Reads and writes as many bytes as scoring into `out` does, and computes nothing: what benchmarks compare with.
#[pyfunction]
pub(crate) fn stream_floor<'py>(
    py: Python<'py>,
    book: &Book,
    outputs: &Bound<'py, PyAny>,
    out: &Bound<'py, PyAny>,
    n_threads: Option<&Bound<'py, PyAny>>,
) -> PyResult<()> {
    let outputs = Outputs::new(outputs)?;
    let options = Options { threads: threads(py, n_threads)?, ..Options::default() };
    let (mut targets, ..) = targets(&outputs, Some(out), book.engine.holdings().n_pools(), false)?;
    let buffers = targets.as_buffers();
    through(py, || engine::stream_floor(&book.engine, buffers, &options))
}

/// Refuses prices of another market, whose instruments may be other ones.
pub(crate) fn check_market(py: Python<'_>, book: &Book, prices: &Prices) -> PyResult<()> {
    check_same(py, book, &prices.market)
}

/// Refuses a market of prices that is not the book's.
pub(super) fn check_same(py: Python<'_>, book: &Book, theirs: &Arc<crossmargin::Market>) -> PyResult<()> {
    let ours = book.engine.market();
    if Arc::ptr_eq(ours, theirs) || **ours == **theirs {
        return Ok(());
    }
    let message = format!(
        "were made for market {:?}, the book's is {:?}: make them with that market's prices()",
        theirs.id(),
        ours.id()
    );
    Err(argument(py, "prices", message))
}

/// The total of a column, the same bits for any order of it; NaN elements are left out.
#[pyfunction]
pub(crate) fn total(py: Python<'_>, column: &Bound<'_, PyArray1<f64>>) -> PyResult<f64> {
    let column = column.try_readonly()?;
    let column = column.as_slice()?;
    through(py, || Ok(engine::total(column)))
}
