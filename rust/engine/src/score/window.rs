//! A window of pools: figures by lane, what rounding left in doubt decided exactly, then every column in pool order.
#![expect(clippy::inline_always, reason = "compiled anew inside a function of each instruction set")]

use crate::book::PoolKind;
use crate::kernel::{Figures, Isa, Lanes, Task, Terms, dispatch, stream};
use crate::market::Prices;
use crate::market::{AvailableRule, VenueRatio, WithdrawableRule};
use crate::pool::{Book, LANES, judge_exactly};

use super::Summary;
use super::columns::{Column, Part};
use super::judged::overwrite_special;

/// What scoring a chunk reads.
#[derive(Clone, Copy)]
pub(super) struct Chunk<'a> {
    pub(super) book: &'a Book,
    pub(super) terms: &'a Terms<'a>,
    pub(super) prices: &'a Prices,
    pub(super) isa: Isa,
    /// Whether the buffers are too large to stay in the caches.
    pub(super) past_caches: bool,
}

/// A thread's working memory.
pub(super) struct State {
    figures: Figures,
    /// A column that follows from the figures, by place.
    derived: Vec<f64>,
}

impl State {
    pub(super) fn new(window: usize, terms: &Terms<'_>) -> Self {
        let figures = Figures::new(window, terms);
        Self { derived: vec![0.0; figures.equity.len()], figures }
    }

    /// Scores the pools of a chunk, which begins with a window.
    pub(super) fn chunk(&mut self, chunk: Chunk<'_>, mut part: Part<'_>) -> Summary {
        let window = chunk.terms.folded.window;
        let mut summary = Summary::default();
        for offset in (0..part.n).step_by(window) {
            let n = window.min(part.n - offset);
            let task = Window { chunk, state: self, part: &mut part, offset, n, summary: &mut summary };
            dispatch(chunk.isa, task);
        }
        stream::finish(chunk.past_caches);
        overwrite_special(chunk.book, chunk.prices, &mut part);
        summary
    }
}

struct Window<'a, 'b, 'c> {
    chunk: Chunk<'a>,
    state: &'b mut State,
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
        if state.figures.evaluate::<L>(chunk.terms, first / LANES, n.div_ceil(LANES)) {
            state.settle(chunk, first, n, summary);
        }
        state.write(chunk, part, offset, n);
    }
}

impl State {
    /// Decides exactly what rounding left in doubt.
    #[cold]
    fn settle(&mut self, chunk: Chunk<'_>, first: usize, n: usize, summary: &mut Summary) {
        let figures = &mut self.figures;
        for (i, &place) in chunk.terms.folded.place[first..first + n].iter().enumerate() {
            let at = usize::from(place);
            if figures.near[at / LANES] >> (at % LANES) & 1 == 0 {
                continue;
            }
            if figures.equity[at].is_nan() {
                summary.n_unpriced += 1;
                figures.excess[at] = f64::NAN;
                figures.margin_ratio[at] = f64::NAN;
                figures.liquidatable[at] = 0;
                // What is charged at entry needs no mark.
                if let Some(&at_entry) = chunk.terms.folded.maintenance.get(first + at) {
                    figures.maintenance[at] = at_entry;
                }
                continue;
            }
            let pool = judge_exactly(chunk.book, first + i, chunk.prices);
            figures.equity[at] = pool.equity;
            figures.maintenance[at] = pool.maintenance_margin;
            figures.excess[at] = pool.excess;
            figures.margin_ratio[at] = pool.margin_ratio;
            figures.liquidatable[at] = u8::from(pool.liquidatable);
            summary.n_exact += 1;
        }
    }

    /// Writes the columns asked for.
    #[inline(always)]
    fn write(&mut self, chunk: Chunk<'_>, part: &mut Part<'_>, offset: usize, n: usize) {
        let first = part.first + offset;
        let folded = chunk.terms.folded;
        let place = &folded.place[first..first + n];
        for (column, buffer) in &mut part.columns {
            let values = self.column(*column, chunk, first, n);
            stream::by_pool(values, place, &mut buffer[offset..offset + n], chunk.past_caches);
            if *column == Column::Available && chunk.book.has_isolated() {
                self.nothing_of_isolated(chunk, first, place, &mut buffer[offset..offset + n]);
            }
        }
        if let Some(flags) = &mut part.liquidatable {
            stream::flags_by_pool(&self.figures.liquidatable, place, &mut flags[offset..offset + n]);
        }
        if let Some(flags) = &mut part.unpriced {
            for (flag, &place) in flags[offset..offset + n].iter_mut().zip(place) {
                *flag = self.figures.equity[usize::from(place)].is_nan();
            }
        }
    }

    /// What is fenced for a position backs no other.
    #[cold]
    fn nothing_of_isolated(&self, chunk: Chunk<'_>, first: usize, place: &[u16], available: &mut [f64]) {
        let isolated = |pool: usize| chunk.book.holdings().kind(pool) == PoolKind::Isolated;
        for (i, (available, &place)) in available.iter_mut().zip(place).enumerate() {
            if isolated(first + i) && !self.figures.equity[usize::from(place)].is_nan() {
                *available = 0.0;
            }
        }
    }

    /// A column by place.
    #[inline(always)]
    fn column<'a>(&'a mut self, column: Column, chunk: Chunk<'a>, first: usize, n: usize) -> &'a [f64] {
        let n = n.next_multiple_of(LANES);
        let folded = chunk.terms.folded;
        let rules = chunk.book.market().rules();
        let cash = &folded.cash[first..first + n];
        let figures = &self.figures;
        let equity = &figures.equity[..n];
        // Initial margin charged at entry is folded, at mark it is summed; where neither is asked for, neither is read.
        let initial = folded.initial.get(first..first + n).or(figures.initial.get(..n)).unwrap_or_default();
        let out = &mut self.derived[..n];
        match column {
            Column::WalletBalance => return cash,
            Column::Equity | Column::CollateralValue => return &figures.equity,
            Column::Notional => return &figures.notional,
            Column::InitialMargin => return initial,
            Column::MaintenanceMargin => return &figures.maintenance,
            Column::Excess => return &figures.excess,
            Column::MarginRatio => return &figures.margin_ratio,
            Column::UnrealizedPnl => zip(out, equity, cash, |equity, cash| equity - cash),
            Column::FreeMargin => zip(out, equity, initial, |equity, initial| equity - initial),
            Column::VenueRatio => match rules.venue_ratio() {
                VenueRatio::EquityOverMaintenance => return &figures.margin_ratio,
                VenueRatio::MaintenanceOverEquity => venue_ratio(out, equity, &figures.maintenance),
            },
            Column::Available => available(rules.available(), out, [equity, cash, initial]),
            Column::Withdrawable => match rules.withdrawable() {
                WithdrawableRule::EquityLessMaintenance => {
                    less_maintenance(rules.withdrawable_factor(), out, [equity, cash, &figures.maintenance]);
                }
                WithdrawableRule::EquityLessInitialOrNotionalShare => {
                    less_notional_share(rules.notional_share(), out, [equity, initial, &figures.notional]);
                }
                rule => withdrawable(rule, out, [equity, cash, initial]),
            },
        }
        &self.derived
    }
}

/// Writes `f(a, b)` of each pair; all of one length.
#[inline(always)]
fn zip(out: &mut [f64], a: &[f64], b: &[f64], f: impl Fn(f64, f64) -> f64) {
    let n = out.len();
    let (a, b) = (&a[..n], &b[..n]);
    for i in 0..n {
        out[i] = f(a[i], b[i]);
    }
}

/// Writes `f(a, b, c)` of each triple; all of one length.
#[inline(always)]
fn zip3(out: &mut [f64], of: [&[f64]; 3], f: impl Fn(f64, f64, f64) -> f64) {
    let n = out.len();
    let of = of.map(|column| &column[..n]);
    for i in 0..n {
        out[i] = f(of[0][i], of[1][i], of[2][i]);
    }
}

/// The larger; the second where one is NaN.
#[inline(always)]
fn larger(a: f64, b: f64) -> f64 {
    if a > b { a } else { b }
}

/// The smaller; the second where one is NaN.
#[inline(always)]
fn smaller(a: f64, b: f64) -> f64 {
    if a < b { a } else { b }
}

/// `maintenance / equity`: 0 where nothing is required, infinite where something is and nothing is left.
#[inline(always)]
fn venue_ratio(out: &mut [f64], equity: &[f64], maintenance: &[f64]) {
    zip(out, equity, maintenance, |equity, required| {
        let ratio = required / equity;
        let ratio = if equity <= 0.0 { f64::INFINITY } else { ratio };
        if required == 0.0 { 0.0 } else { ratio }
    });
}

/// What can back new positions by a rule, of each pool: all of one length.
#[inline(always)]
pub(crate) fn available(rule: AvailableRule, out: &mut [f64], [equity, cash, initial]: [&[f64]; 3]) {
    match rule {
        AvailableRule::EquityLessInitial => {
            zip(out, equity, initial, |equity, initial| larger(0.0, equity - initial));
        }
        // The lesser of cash and equity is cash with losses but without gains.
        AvailableRule::CashLessLossAndInitial => {
            zip3(out, [equity, cash, initial], |equity, cash, initial| larger(0.0, smaller(cash, equity) - initial));
        }
        AvailableRule::CashLessInitial => {
            zip(out, cash, initial, |cash, initial| larger(0.0, cash - initial));
        }
    }
}

#[inline(always)]
fn withdrawable(rule: WithdrawableRule, out: &mut [f64], [equity, cash, initial]: [&[f64]; 3]) {
    match rule {
        WithdrawableRule::EquityLessInitial => {
            zip(out, equity, initial, |equity, initial| larger(0.0, equity - initial));
        }
        WithdrawableRule::CashLessLossAndInitial => zip3(out, [equity, cash, initial], |equity, cash, initial| {
            larger(0.0, smaller(cash, smaller(cash, equity) - initial))
        }),
        // The others have parameters.
        _ => zip(out, cash, initial, |cash, initial| larger(0.0, smaller(cash, cash - initial))),
    }
}

#[inline(always)]
fn less_maintenance(factor: f64, out: &mut [f64], of: [&[f64]; 3]) {
    zip3(out, of, |equity, cash, required| larger(0.0, smaller(cash, equity - factor * required)));
}

#[inline(always)]
fn less_notional_share(share: f64, out: &mut [f64], of: [&[f64]; 3]) {
    zip3(out, of, |equity, initial, notional| larger(0.0, equity - larger(share * notional, initial)));
}
