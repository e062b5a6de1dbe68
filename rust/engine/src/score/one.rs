//! The figures of one pool of a book, the same bits as among all.

use crate::environment;
use crate::error::Result;
use crate::market::Prices;
use crate::pool::{Book, judge};

use super::judged::figure;
use super::layers::is_in_lanes;
use super::{Buffers, Column, Options, score_range};

/// Every figure of a pool, and whether it is liquidatable.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Figures {
    by_column: [f64; Column::ALL.len()],
    pub(crate) liquidatable: bool,
}

impl Figures {
    pub(crate) fn get(&self, column: Column) -> f64 {
        Column::ALL.iter().position(|of| *of == column).map_or(f64::NAN, |at| self.by_column[at])
    }
}

/// Scores one pool, which must be priced: the window that it is in, and of that the pool; what lanes do not have of it is
/// evaluated for the pool alone.
pub(crate) fn score_pool(book: &Book, prices: &Prices, pool: usize) -> Result<Figures> {
    environment::check()?;
    let window = book.folded().map(|folded| folded.window).or(book.layered().map(|layered| layered.window));
    let window = window.unwrap_or(1);
    let first = pool / window * window;
    let pools = first..book.holdings().n_pools().min(first + window);
    let in_lanes = |column: &Column| book.layered().is_none() || is_in_lanes(*column);
    let scored: Vec<Column> = Column::ALL.into_iter().filter(in_lanes).collect();
    let mut columns: Vec<Vec<f64>> = scored.iter().map(|_| vec![0.0; pools.len()]).collect();
    let mut liquidatable = vec![false; pools.len()];
    let buffers = Buffers {
        columns: scored.iter().copied().zip(columns.iter_mut().map(Vec::as_mut_slice)).collect(),
        liquidatable: Some(&mut liquidatable),
        unpriced: None,
    };
    let _summary = score_range(book, prices, buffers, pools, &Options { threads: Some(1), ..Options::default() });
    let at = pool - first;
    let alone = (scored.len() < Column::ALL.len()).then(|| judge(book, pool, prices));
    let ratio = book.market().rules().venue_ratio();
    let figure = |column: Column| match scored.iter().position(|of| *of == column) {
        Some(place) => columns[place][at],
        None => alone.map_or(f64::NAN, |judged| figure(&judged, column, ratio)),
    };
    Ok(Figures { by_column: Column::ALL.map(figure), liquidatable: liquidatable[at] })
}

/// The equity of one pool, which must be priced, as [`score_pool`] has it. Beyond the one-asset rules no lane is asked.
pub(crate) fn score_equity(book: &Book, prices: &Prices, pool: usize) -> Result<f64> {
    if book.folded().is_some() {
        return Ok(score_pool(book, prices, pool)?.get(Column::Equity));
    }
    environment::check()?;
    Ok(judge(book, pool, prices).equity)
}
