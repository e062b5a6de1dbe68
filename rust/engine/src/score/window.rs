//! A window of pools: sums by lane, put in pool order, then every figure asked for.

use crate::kernel::{Isa, Lanes, Sums, Task, Terms, by_pool, dispatch, sum_window};
use crate::market::{AvailableRule, VenueRatio, WithdrawableRule};
use crate::pool::{Book, LANES, decode, exact};

use super::Summary;
use super::columns::{Column, Part};

/// What scoring a chunk reads.
#[derive(Clone, Copy)]
pub(super) struct Chunk<'a> {
    pub(super) book: &'a Book,
    pub(super) terms: &'a Terms<'a>,
    pub(super) mark: &'a [f64],
    pub(super) isa: Isa,
}

/// A thread's working memory: the figures of one window, in pool order.
pub(super) struct State {
    sums: Sums,
    equity: Vec<f64>,
    maintenance: Vec<f64>,
    notional: Vec<f64>,
    initial: Vec<f64>,
    excess: Vec<f64>,
    margin_ratio: Vec<f64>,
    guard: Vec<f64>,
    /// Whether rounding could have changed the sign of the excess.
    near: Vec<bool>,
}

impl State {
    pub(super) fn new(window: usize, terms: &Terms<'_>) -> Self {
        let sums = Sums::new(window, terms);
        let n = sums.value.len();
        let initial = vec![0.0; if sums.initial.is_empty() && terms.folded.initial.is_empty() { 0 } else { n }];
        let column = || vec![0.0; n];
        Self {
            equity: column(),
            maintenance: column(),
            notional: column(),
            initial,
            excess: column(),
            margin_ratio: column(),
            guard: vec![0.0; sums.guard.len()],
            near: vec![false; n],
            sums,
        }
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
        sum_window::<L>(chunk.terms, first / LANES, n.div_ceil(LANES), &mut state.sums);
        state.order(chunk, first, n);
        state.decide(chunk, first, n);
        if state.near[..n].iter().fold(false, |any, &near| any | near) {
            state.settle(chunk, first, n, summary);
        }
        state.write(chunk, part, offset, n);
    }
}

impl State {
    /// Puts the sums in pool order and adds what is folded.
    fn order(&mut self, chunk: Chunk<'_>, first: usize, n: usize) {
        let folded = chunk.terms.folded;
        let place = &folded.place[first..first + n];
        by_pool(&self.sums.value, place, &mut self.equity[..n]);
        by_pool(&self.sums.maintenance, place, &mut self.maintenance[..n]);
        by_pool(&self.sums.notional, place, &mut self.notional[..n]);
        if let Some(at_entry) = folded.initial.get(first..first + n) {
            self.initial[..n].copy_from_slice(at_entry);
        } else if !self.sums.initial.is_empty() {
            by_pool(&self.sums.initial, place, &mut self.initial[..n]);
        }
        if !self.sums.guard.is_empty() {
            by_pool(&self.sums.guard, place, &mut self.guard[..n]);
        }
    }

    /// Excess, ratio, and whether rounding leaves the sign of the excess in doubt.
    #[inline(always)]
    fn decide(&mut self, chunk: Chunk<'_>, first: usize, n: usize) {
        let level = chunk.book.market().rules().trigger_level();
        let weight = 2.0 * (1.0 + level);
        let folded = chunk.terms.folded;
        let (constant, doubt) = (&folded.constant[first..first + n], &folded.doubt[first..first + n]);
        let (equity, required, gross) = (&mut self.equity[..n], &mut self.maintenance[..n], &self.notional[..n]);
        let (excess, ratio, near) = (&mut self.excess[..n], &mut self.margin_ratio[..n], &mut self.near[..n]);
        if let Some(at_entry) = folded.maintenance.get(first..first + n) {
            for i in 0..n {
                required[i] += at_entry[i];
            }
        }
        for i in 0..n {
            equity[i] += constant[i];
            excess[i] = equity[i] - level * required[i];
            ratio[i] = if required[i] == 0.0 { f64::INFINITY } else { equity[i] / required[i] };
        }
        let is_near = |i: usize, magnitude: f64| {
            let (of_constant, of_sums) = decode(doubt[i]);
            let bound = of_constant + of_sums * (constant[i].abs() + weight * magnitude);
            // Written so that NaN is near; where nothing was added up, nothing was rounded.
            !(excess[i].abs() > bound) & !(bound == 0.0)
        };
        if let Some(guard) = self.guard.get(..n) {
            for i in 0..n {
                near[i] = is_near(i, gross[i] + guard[i]);
            }
        } else {
            for i in 0..n {
                near[i] = is_near(i, gross[i]);
            }
        }
    }

    /// Decides exactly what rounding left in doubt.
    #[cold]
    fn settle(&mut self, chunk: Chunk<'_>, first: usize, n: usize, summary: &mut Summary) {
        for i in (0..n).filter(|&i| self.near[i]) {
            if self.equity[i].is_nan() {
                summary.n_unpriced += 1;
                self.excess[i] = f64::NAN;
                self.margin_ratio[i] = f64::NAN;
                continue;
            }
            let pool = exact::evaluate(chunk.book, first + i, chunk.mark);
            self.excess[i] = pool.excess.to_f64();
            self.margin_ratio[i] = pool.margin_ratio();
            summary.n_exact += 1;
        }
    }

    /// Writes the columns asked for.
    #[inline(always)]
    fn write(&self, chunk: Chunk<'_>, part: &mut Part<'_>, offset: usize, n: usize) {
        let first = part.first + offset;
        let rules = chunk.book.market().rules();
        for (column, buffer) in &mut part.columns {
            let out = &mut buffer[offset..offset + n];
            let cash = &chunk.terms.folded.cash[first..first + n];
            match column {
                Column::WalletBalance => out.copy_from_slice(cash),
                Column::UnrealizedPnl => each(out, |i| self.equity[i] - cash[i]),
                Column::Equity | Column::CollateralValue => out.copy_from_slice(&self.equity[..n]),
                Column::Notional => out.copy_from_slice(&self.notional[..n]),
                Column::InitialMargin => out.copy_from_slice(&self.initial[..n]),
                Column::MaintenanceMargin => out.copy_from_slice(&self.maintenance[..n]),
                Column::Excess => out.copy_from_slice(&self.excess[..n]),
                Column::MarginRatio => out.copy_from_slice(&self.margin_ratio[..n]),
                Column::VenueRatio => self.venue_ratio(rules.venue_ratio(), out),
                Column::FreeMargin => each(out, |i| self.equity[i] - self.initial[i]),
                Column::Available => self.available(rules.available(), out, cash),
                Column::Withdrawable => self.withdrawable(rules.withdrawable(), out, cash),
            }
        }
        if let Some(flags) = &mut part.liquidatable {
            let (excess, gross) = (&self.excess[..n], &self.notional[..n]);
            let flags = &mut flags[offset..offset + n];
            // A pool without positions is safe whatever its cash.
            if rules.zero_fails() {
                for i in 0..n {
                    flags[i] = (excess[i] <= 0.0) & (gross[i] > 0.0);
                }
            } else {
                for i in 0..n {
                    flags[i] = (excess[i] < 0.0) & (gross[i] > 0.0);
                }
            }
        }
        if let Some(flags) = &mut part.unpriced {
            for (i, flag) in flags[offset..offset + n].iter_mut().enumerate() {
                *flag = self.equity[i].is_nan();
            }
        }
    }
}

/// Writes `f(i)` to each element.
#[inline(always)]
fn each(out: &mut [f64], f: impl Fn(usize) -> f64) {
    for (i, out) in out.iter_mut().enumerate() {
        *out = f(i);
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

impl State {
    #[inline(always)]
    fn venue_ratio(&self, rule: VenueRatio, out: &mut [f64]) {
        let (equity, required) = (&self.equity, &self.maintenance);
        match rule {
            VenueRatio::EquityOverMaintenance => each(out, |i| self.margin_ratio[i]),
            VenueRatio::MaintenanceOverEquity => each(out, |i| {
                if required[i] == 0.0 {
                    0.0
                } else if equity[i] <= 0.0 {
                    f64::INFINITY
                } else {
                    required[i] / equity[i]
                }
            }),
        }
    }

    #[inline(always)]
    fn available(&self, rule: AvailableRule, out: &mut [f64], cash: &[f64]) {
        let (equity, initial) = (&self.equity, &self.initial);
        match rule {
            AvailableRule::EquityLessInitial => each(out, |i| larger(0.0, equity[i] - initial[i])),
            // The lesser of cash and equity is cash with losses but without gains.
            AvailableRule::CashLessLossAndInitial => {
                each(out, |i| larger(0.0, smaller(cash[i], equity[i]) - initial[i]));
            }
            AvailableRule::CashLessInitial => each(out, |i| larger(0.0, cash[i] - initial[i])),
        }
    }

    #[inline(always)]
    fn withdrawable(&self, rule: WithdrawableRule, out: &mut [f64], cash: &[f64]) {
        let (equity, initial) = (&self.equity, &self.initial);
        match rule {
            WithdrawableRule::EquityLessInitial => each(out, |i| larger(0.0, equity[i] - initial[i])),
            WithdrawableRule::CashLessLossAndInitial => {
                each(out, |i| larger(0.0, smaller(cash[i], smaller(cash[i], equity[i]) - initial[i])));
            }
            WithdrawableRule::CashLessInitial => {
                each(out, |i| larger(0.0, smaller(cash[i], cash[i] - initial[i])));
            }
            // Refused when the market was built: their parameters are not rules of this version.
            WithdrawableRule::EquityLessMaintenance | WithdrawableRule::EquityLessInitialOrNotionalShare => {
                out.fill(f64::NAN);
            }
        }
    }
}
