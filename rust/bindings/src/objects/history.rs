//! The question asked of many moments in one call.

use std::sync::{Mutex, PoisonError};

use crossmargin::Error;
use crossmargin::market::Prices;
use crossmargin::score::{self as engine, Buffers, Missing, Options};
use numpy::{PyReadonlyArray2, PyUntypedArrayMethods};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::book::Book;
use super::buffers::{Outputs, targets};
use super::market::Market;
use super::options::{missing, threads};
use super::scoring::check_same;
use crate::door::through;
use crate::errors::{argument, raise};

/// About this many positions are scored between two looks at Ctrl-C: some ten milliseconds.
const POSITIONS_AT_ONCE: usize = 1 << 21;
/// A book of so many positions keeps several threads busy by itself.
const POSITIONS_PER_THREAD: usize = 1 << 16;

/// Prices of some moments, row by row; a table without columns is one that was not given.
struct Table<'a>(PyReadonlyArray2<'a, f64>);

/// Names, arrays of a row after the other, flags of unpriced pools, pools decided exactly, unpriced pools of each row.
type Scored<'py> = (Bound<'py, PyTuple>, Bound<'py, PyTuple>, Option<Bound<'py, PyAny>>, usize, Vec<usize>);

/// One row: its prices, and where its figures go.
struct Row<'a> {
    number: usize,
    mark: &'a [f64],
    index: &'a [f64],
    last: &'a [f64],
    buffers: Buffers<'a>,
    summary: &'a mut engine::Summary,
}

/// Scores every pool of a book at each row of prices.
#[pyfunction]
#[expect(clippy::too_many_arguments, reason = "private: the Python package passes all of them, by place")]
pub(crate) fn score_rows<'py>(
    py: Python<'py>,
    book: &Book,
    market: &Market,
    mark: PyReadonlyArray2<'py, f64>,
    index: PyReadonlyArray2<'py, f64>,
    last: PyReadonlyArray2<'py, f64>,
    outputs: &Bound<'py, PyAny>,
    missing_word: &str,
    n_threads: Option<&Bound<'py, PyAny>>,
) -> PyResult<Scored<'py>> {
    check_same(py, book, &market.0)?;
    let outputs = Outputs::new(outputs)?;
    let options =
        Options { missing: missing(py, missing_word)?, threads: threads(py, n_threads)?, ..Options::default() };
    let n_rows = mark.shape()[0];
    let tables = [Table(mark), Table(index), Table(last)];
    let columns: Vec<&[f64]> = tables.iter().map(|table| table.rows(py, n_rows)).collect::<PyResult<_>>()?;
    let n_pools = book.engine.holdings().n_pools();
    let (mut targets, arrays, unpriced) = targets(&outputs, None, n_rows * n_pools, options.missing == Missing::Null)?;
    let mut summaries = vec![engine::Summary::default(); n_rows];
    let mut rows = split(targets.as_buffers(), n_pools, n_rows).into_iter().zip(&mut summaries).enumerate().map(
        |(number, (buffers, summary))| Row {
            number,
            mark: row_of(columns[0], number, n_rows),
            index: row_of(columns[1], number, n_rows),
            last: row_of(columns[2], number, n_rows),
            buffers,
            summary,
        },
    );
    let size = book.engine.holdings().n_positions() + n_pools;
    let at_once = (POSITIONS_AT_ONCE / size.max(1)).max(1);
    loop {
        let batch: Vec<Row<'_>> = rows.by_ref().take(at_once).collect();
        if batch.is_empty() {
            break;
        }
        let failed = through(py, || Ok(score_batch(&book.engine, batch, &options)))?;
        if let Some((number, error)) = failed {
            let error = raise(py, error);
            error.value(py).call_method1("add_note", (format!("in row {number} of the history"),))?;
            return Err(error);
        }
    }
    drop(rows);
    drop(targets);
    let n_exact = summaries.iter().map(|summary| summary.n_exact).sum();
    let n_unpriced = summaries.iter().map(|summary| summary.n_unpriced).collect();
    Ok((outputs.names, arrays, unpriced, n_exact, n_unpriced))
}

impl Table<'_> {
    /// All rows, one after the other.
    fn rows(&self, py: Python<'_>, n_rows: usize) -> PyResult<&[f64]> {
        let refuse = |_| argument(py, "history", "was no contiguous table");
        if self.0.shape()[0] != n_rows && self.0.shape()[1] != 0 {
            return Err(argument(py, "history", "had tables of unequal length"));
        }
        self.0.as_slice().map_err(refuse)
    }
}

fn row_of(table: &[f64], row: usize, n_rows: usize) -> &[f64] {
    let width = table.len() / n_rows.max(1);
    &table[row * width..(row + 1) * width]
}

/// Buffers of rows that lie one after the other.
fn split(buffers: Buffers<'_>, n_pools: usize, n_rows: usize) -> Vec<Buffers<'_>> {
    let mut rest = buffers;
    let mut rows = Vec::with_capacity(n_rows);
    for _ in 0..n_rows {
        let (columns, columns_rest) = (rest.columns.into_iter())
            .map(|(column, buffer)| {
                let (head, tail) = buffer.split_at_mut(n_pools);
                ((column, head), (column, tail))
            })
            .unzip();
        let (liquidatable, liquidatable_rest) = rest.liquidatable.map(|flags| flags.split_at_mut(n_pools)).unzip();
        let (unpriced, unpriced_rest) = rest.unpriced.map(|flags| flags.split_at_mut(n_pools)).unzip();
        rows.push(Buffers { columns, liquidatable, unpriced });
        rest = Buffers { columns: columns_rest, liquidatable: liquidatable_rest, unpriced: unpriced_rest };
    }
    rows
}

/// Scores rows; gives the first that fails, with why.
///
/// A small book is scored by one thread at a time, and the rows are shared among threads; a large one by all of them.
fn score_batch(book: &crossmargin::Book, rows: Vec<Row<'_>>, options: &Options) -> Option<(usize, Error)> {
    let positions = book.holdings().n_positions();
    let all = crossmargin::threads_or_all(options.threads);
    let paying = (positions * rows.len()) / POSITIONS_PER_THREAD;
    let threads = if options.threads.is_some() { all } else { all.min(paying.max(1)) }.min(rows.len());
    let by_rows = threads > 1 && positions < 2 * POSITIONS_PER_THREAD;
    let each = if by_rows { Options { threads: Some(1), ..*options } } else { *options };
    let queue = Mutex::new(rows.into_iter());
    let failed: Mutex<Option<(usize, Error)>> = Mutex::new(None);
    let work = || {
        // Rows are claimed in order, so that when one has failed all before it are claimed, and finish.
        while failed.lock().unwrap_or_else(PoisonError::into_inner).is_none() {
            let Some(row) = ({ queue.lock().unwrap_or_else(PoisonError::into_inner).next() }) else { break };
            let number = row.number;
            if let Err(error) = score_row(book, row, &each) {
                let mut failed = failed.lock().unwrap_or_else(PoisonError::into_inner);
                if failed.as_ref().is_none_or(|(first, _)| number < *first) {
                    *failed = Some((number, error));
                }
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..if by_rows { threads } else { 1 } {
            scope.spawn(work);
        }
        work();
    });
    failed.into_inner().unwrap_or_else(PoisonError::into_inner)
}

fn score_row(book: &crossmargin::Book, row: Row<'_>, options: &Options) -> crossmargin::Result<()> {
    let mut prices = Prices::new(book.market(), row.mark.to_vec(), row.index.to_vec())?;
    if !row.last.is_empty() {
        prices = prices.with_last(book.market(), row.last.to_vec())?;
    }
    *row.summary = engine::score(book, &prices, row.buffers, options)?;
    Ok(())
}
