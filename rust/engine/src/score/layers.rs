//! A window of pools under rules beyond the one-asset ones: figures by lane, near pools by themselves, then the columns.
#![expect(clippy::inline_always, reason = "compiled anew inside a function of each instruction set")]

use crate::kernel::{Isa, Lanes, LayerFigures, LayerTerms, Task, dispatch, stream};
use crate::market::{Prices, VenueRatio};
use crate::pool::{Book, Judged, LANES, UNKNOWN, is_priced, judge};

use super::Summary;
use super::columns::{Column, Part};
use super::judged::figure;

/// What scoring a chunk reads.
#[derive(Clone, Copy)]
pub(super) struct LayerChunk<'a> {
    pub(super) book: &'a Book,
    pub(super) terms: &'a LayerTerms<'a>,
    pub(super) prices: &'a Prices,
    pub(super) isa: Isa,
    pub(super) past_caches: bool,
}

/// A thread's working memory.
pub(super) struct LayerState {
    figures: LayerFigures,
    derived: Vec<f64>,
    /// By place, whether the pool has no price of something that it holds.
    unpriced: Vec<bool>,
}

impl LayerState {
    pub(super) fn new(window: usize, terms: &LayerTerms<'_>) -> Self {
        let figures = LayerFigures::new(window, terms);
        let n = figures.excess.len();
        Self { derived: vec![0.0; n], unpriced: vec![false; n], figures }
    }

    /// Scores the pools of a part, which begins with a window.
    pub(super) fn chunk(&mut self, chunk: LayerChunk<'_>, mut part: Part<'_>) -> Summary {
        let window = chunk.terms.layered.window;
        let mut summary = Summary::default();
        for offset in (0..part.n).step_by(window) {
            let n = window.min(part.n - offset);
            dispatch(chunk.isa, Window { chunk, state: self, part: &mut part, offset, n, summary: &mut summary });
        }
        stream::finish(chunk.past_caches);
        by_itself(chunk, &mut part);
        summary
    }
}

/// Whether lanes have a column.
pub(super) const fn is_in_lanes(column: Column) -> bool {
    matches!(
        column,
        Column::CollateralValue | Column::MaintenanceMargin | Column::Excess | Column::MarginRatio | Column::VenueRatio
    )
}

/// Writes the columns that lanes do not have.
fn by_itself(chunk: LayerChunk<'_>, part: &mut Part<'_>) {
    if part.columns.iter().all(|(column, _)| is_in_lanes(*column)) {
        return;
    }
    let ratio = chunk.book.market().rules().venue_ratio();
    for i in 0..part.n {
        let pool = part.first + i;
        let judged =
            if is_priced(chunk.book, pool, chunk.prices) { judge(chunk.book, pool, chunk.prices) } else { UNKNOWN };
        for (column, buffer) in part.columns.iter_mut().filter(|(column, _)| !is_in_lanes(*column)) {
            buffer[i] = figure(&judged, *column, ratio);
        }
    }
}

struct Window<'a, 'b, 'c> {
    chunk: LayerChunk<'a>,
    state: &'b mut LayerState,
    part: &'b mut Part<'c>,
    /// First pool within the part.
    offset: usize,
    n: usize,
    summary: &'b mut Summary,
}

impl Task for Window<'_, '_, '_> {
    #[inline(always)]
    fn run<L: Lanes>(self) {
        let Window { chunk, state, part, offset, n, summary } = self;
        let first = part.first + offset;
        state.unpriced[..n].fill(false);
        if state.figures.evaluate::<L>(chunk.terms, first / LANES, n.div_ceil(LANES)) {
            state.settle(chunk, first, n, summary);
        }
        state.write(chunk, part, offset, n);
    }
}

impl LayerState {
    /// Evaluates near pools by themselves.
    #[cold]
    fn settle(&mut self, chunk: LayerChunk<'_>, first: usize, n: usize, summary: &mut Summary) {
        for (i, &place) in chunk.terms.layered.place[first..first + n].iter().enumerate() {
            let at = usize::from(place);
            if self.figures.near[at / LANES] >> (at % LANES) & 1 == 0 {
                continue;
            }
            let priced = is_priced(chunk.book, first + i, chunk.prices);
            let judged = if priced { judge(chunk.book, first + i, chunk.prices) } else { UNKNOWN };
            self.unpriced[at] = !priced;
            summary.n_unpriced += usize::from(!priced);
            summary.n_exact += usize::from(judged.exact);
            self.put(at, &judged);
        }
    }

    fn put(&mut self, at: usize, judged: &Judged) {
        if let (Some(collateral), Some(maintenance)) =
            (self.figures.collateral.get_mut(at), self.figures.maintenance.get_mut(at))
        {
            (*collateral, *maintenance) = (judged.collateral_value, judged.maintenance_margin);
        }
        self.figures.excess[at] = judged.excess;
        self.figures.margin_ratio[at] = judged.margin_ratio;
        self.figures.liquidatable[at] = u8::from(judged.liquidatable);
    }

    /// Writes the columns that lanes have.
    #[inline(always)]
    fn write(&mut self, chunk: LayerChunk<'_>, part: &mut Part<'_>, offset: usize, n: usize) {
        let first = part.first + offset;
        let place = &chunk.terms.layered.place[first..first + n];
        for (column, buffer) in part.columns.iter_mut().filter(|(column, _)| is_in_lanes(*column)) {
            let values = self.column(*column, chunk, n);
            stream::by_pool(values, place, &mut buffer[offset..offset + n], chunk.past_caches);
        }
        if let Some(flags) = &mut part.liquidatable {
            stream::flags_by_pool(&self.figures.liquidatable, place, &mut flags[offset..offset + n]);
        }
        if let Some(flags) = &mut part.unpriced {
            for (flag, &place) in flags[offset..offset + n].iter_mut().zip(place) {
                *flag = self.unpriced[usize::from(place)];
            }
        }
    }

    /// A column by place.
    #[inline(always)]
    fn column(&mut self, column: Column, chunk: LayerChunk<'_>, n: usize) -> &[f64] {
        let figures = &self.figures;
        match column {
            Column::CollateralValue => &figures.collateral,
            Column::MaintenanceMargin => &figures.maintenance,
            Column::Excess => &figures.excess,
            Column::VenueRatio if chunk.book.market().rules().venue_ratio() == VenueRatio::MaintenanceOverEquity => {
                for at in 0..n.next_multiple_of(LANES) {
                    self.derived[at] = super::judged::share_used(figures.collateral[at], figures.maintenance[at]);
                }
                &self.derived
            }
            _ => &figures.margin_ratio,
        }
    }
}
