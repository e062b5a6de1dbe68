//! Modes compared in one pass, where every account is one pool of one asset that falls apart into its positions.
#![expect(clippy::inline_always, reason = "compiled anew inside a function of each instruction set")]

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::exact::Exact;
use crate::kernel::{AloneFigures, AloneTerms, Figures, Isa, Lanes, Task, Terms, dispatch, stream};
use crate::market::Prices;
use crate::parallel;
use crate::pool::{Book, LANES, judge_exactly, lonely};
use crate::score::{Options, Plan, Summary, available, plan};

use super::columns::{ModeBuffers, ModeColumn, Variant};
use super::fences::Allotted;

/// Whether one pass can say what is asked.
pub(super) fn can_sweep(book: &Book, valuation: Option<usize>, out: &ModeBuffers<'_>) -> bool {
    let holdings = book.holdings();
    book.folded().is_some()
        && !book.has_isolated()
        && book.special().is_empty()
        && out.returns.is_empty()
        && out.intervals.is_empty()
        && holdings.n_pools() == holdings.accounts().len()
        && (0..holdings.n_pools()).all(|pool| Some(holdings.asset(pool)) == valuation)
}

/// What one pass is about.
#[derive(Clone, Copy)]
pub(super) struct Sweep<'a> {
    pub(super) book: &'a Book,
    pub(super) prices: &'a Prices,
    /// The leverage that room is told at; NaN: that in use.
    pub(super) leverage: f64,
    pub(super) allotted: Allotted<'a>,
}

/// The buffers of a run of pools.
struct Part<'a> {
    first: usize,
    n: usize,
    out: ModeBuffers<'a>,
}

/// Cuts buffers into parts of `size` accounts.
fn parts<'a>(out: ModeBuffers<'a>, n: usize, size: usize) -> Vec<Part<'a>> {
    let (mut rest, mut parts) = (out, Vec::with_capacity(n.div_ceil(size)));
    for first in (0..n).step_by(size) {
        let n = size.min(n - first);
        let cut = |flags: Option<&'a mut [bool]>| flags.map(|flags| flags.split_at_mut(n)).unzip();
        let (affordable, more_affordable) = cut(rest.affordable);
        let (unpriced, more_unpriced) = cut(rest.unpriced);
        let (freed, more_freed) = rest.freed.map(|freed| freed.split_at_mut(n)).unzip();
        let (columns, more_columns) = (rest.columns.into_iter())
            .map(|(column, variant, buffer)| {
                let (head, tail) = buffer.split_at_mut(n);
                ((column, variant, head), (column, variant, tail))
            })
            .unzip();
        let out = ModeBuffers { columns, freed, affordable, unpriced, ..ModeBuffers::default() };
        parts.push(Part { first, n, out });
        rest = ModeBuffers {
            columns: more_columns,
            freed: more_freed,
            affordable: more_affordable,
            unpriced: more_unpriced,
            ..ModeBuffers::default()
        };
    }
    parts
}

impl Sweep<'_> {
    /// Writes what is asked.
    pub(super) fn run(self, out: ModeBuffers<'_>, options: &Options) -> Summary {
        let Self { book, prices, allotted, .. } = self;
        let (holdings, rules) = (book.holdings(), book.market().rules());
        let (Some(folded), Some(alone)) = (book.folded(), book.alone()) else { return Summary::default() };
        let table = book.classes().table(|class| prices.mark()[holdings.classes[class].instrument as usize]);
        let terms = Terms {
            folded,
            classes: book.classes(),
            table: &table,
            leverage: folded.initial.is_empty().then(|| folded.leverage(holdings)),
            level: rules.trigger_level(),
            zero_fails: rules.zero_fails(),
        };
        let given = allotted.by_position.map(|fences| folded.by_slot(holdings, 0.0, |position| fences[position]));
        let alone = AloneTerms {
            folded,
            classes: terms.classes,
            table: &table,
            alone,
            fences: given.as_deref().unwrap_or(&alone.fence),
            level: terms.level,
            zero_fails: terms.zero_fails,
        };
        let isolates = out.asks_for(Variant::Isolated) || out.affordable.is_some();
        let Plan { threads, claim, past_caches } = plan(book, options);
        let isa = options.isa.unwrap_or_else(Isa::best);
        let pass = Pass { sweep: self, terms: &terms, alone: isolates.then_some(&alone), past_caches };
        let (n_exact, n_unpriced) = (AtomicUsize::new(0), AtomicUsize::new(0));
        parallel::for_each(
            threads,
            parts(out, holdings.n_pools(), claim * folded.window),
            || State::new(folded.window.min(holdings.n_pools()), &terms),
            |state, part| {
                let summary = state.part(pass, isa, part);
                n_exact.fetch_add(summary.n_exact, Ordering::Relaxed);
                n_unpriced.fetch_add(summary.n_unpriced, Ordering::Relaxed);
            },
        );
        Summary { n_exact: n_exact.into_inner(), n_unpriced: n_unpriced.into_inner() }
    }
}

/// What every window is evaluated by.
#[derive(Clone, Copy)]
struct Pass<'a> {
    sweep: Sweep<'a>,
    terms: &'a Terms<'a>,
    /// `None` where nobody asks what is isolated.
    alone: Option<&'a AloneTerms<'a>>,
    past_caches: bool,
}

/// A thread's working memory: figures by place.
struct State {
    cross: Figures,
    alone: AloneFigures,
    derived: Vec<f64>,
    summary: Summary,
}

struct Window<'a, 'b, 'c> {
    pass: Pass<'a>,
    state: &'b mut State,
    part: &'b mut Part<'c>,
    /// First pool within the part.
    offset: usize,
    n: usize,
}

impl Task for Window<'_, '_, '_> {
    #[inline(always)]
    fn run<L: Lanes>(self) {
        let Window { pass, state, part, offset, n } = self;
        let first = part.first + offset;
        let groups = (first / LANES, n.div_ceil(LANES));
        if state.cross.evaluate::<L>(pass.terms, groups.0, groups.1) {
            state.settle(pass, first..first + n);
        }
        if let Some(alone) = pass.alone
            && state.alone.evaluate::<L>(alone, groups.0, groups.1)
        {
            state.settle_alone(pass, first..first + n);
        }
        state.write(pass, part, offset..offset + n);
    }
}

impl State {
    fn new(window: usize, terms: &Terms<'_>) -> Self {
        let cross = Figures::new(window, terms);
        Self {
            alone: AloneFigures::new(window),
            derived: vec![0.0; cross.equity.len()],
            summary: Summary::default(),
            cross,
        }
    }

    /// Evaluates the accounts of a part, which begins with a window.
    fn part(&mut self, pass: Pass<'_>, isa: Isa, mut part: Part<'_>) -> Summary {
        let window = pass.terms.folded.window;
        self.summary = Summary::default();
        for offset in (0..part.n).step_by(window) {
            let n = window.min(part.n - offset);
            dispatch(isa, Window { pass, state: self, part: &mut part, offset, n });
        }
        stream::finish(pass.past_caches);
        self.summary
    }

    /// Decides exactly what rounding left in doubt of whole pools.
    #[cold]
    fn settle(&mut self, pass: Pass<'_>, pools: Range<usize>) {
        let (figures, Sweep { book, prices, .. }) = (&mut self.cross, pass.sweep);
        for pool in pools.clone() {
            let at = usize::from(pass.terms.folded.place[pool]);
            if figures.near[at / LANES] >> (at % LANES) & 1 == 0 {
                continue;
            }
            if figures.equity[at].is_nan() {
                self.summary.n_unpriced += 1;
                continue;
            }
            let judged = judge_exactly(book, pool, prices);
            figures.equity[at] = judged.equity;
            figures.margin_ratio[at] = judged.margin_ratio;
            figures.liquidatable[at] = u8::from(judged.liquidatable);
            self.summary.n_exact += 1;
        }
    }

    /// Decides exactly what rounding left in doubt of single positions.
    #[cold]
    fn settle_alone(&mut self, pass: Pass<'_>, pools: Range<usize>) {
        let (figures, Sweep { book, prices, allotted, .. }) = (&mut self.alone, pass.sweep);
        for pool in pools {
            let at = usize::from(pass.terms.folded.place[pool]);
            let positions = book.holdings().positions_of(pool);
            let near = figures.near[at / LANES] >> (at % LANES) & 1 == 1;
            if !near || figures.equity[at].is_nan() || positions.is_empty() {
                continue;
            }
            let of: Vec<(usize, Exact)> =
                positions.map(|position| (position, allotted.fence(book, position))).collect();
            let (all, worst) = lonely(book, &of, prices);
            figures.failing[at] = all.iter().filter(|of| of.fails).fold(0.0, |n, _| n + 1.0);
            figures.margin_ratio[at] = all[worst].margin_ratio;
            figures.worst[at] = all[worst].equity;
            self.summary.n_exact += 1;
        }
    }

    /// Writes what is asked of a window.
    #[inline(always)]
    fn write(&mut self, pass: Pass<'_>, part: &mut Part<'_>, accounts: Range<usize>) {
        let (n, first) = (accounts.len(), part.first + accounts.start);
        let place = &pass.terms.folded.place[first..first + n];
        let padded = first..first + n.next_multiple_of(LANES);
        for (column, variant, buffer) in &mut part.out.columns {
            if *variant == Variant::Isolated {
                self.isolated(pass, *column, padded.clone());
            } else {
                self.cross(pass, *column, padded.clone());
            }
            stream::by_pool(&self.derived, place, &mut buffer[accounts.clone()], pass.past_caches);
        }
        if let Some(freed) = &mut part.out.freed {
            let (initial, fences) = (initial(pass.terms, &self.cross, &padded), &self.alone.fences);
            masked(&mut self.derived[..padded.len()], &self.alone.equity, |at| fences[at] - initial[at]);
            stream::by_pool(&self.derived, place, &mut freed[accounts.clone()], pass.past_caches);
        }
        if let Some(flags) = &mut part.out.affordable {
            let first = part.first;
            for (flag, account) in flags[accounts.clone()].iter_mut().zip(accounts.clone()) {
                *flag = self.is_affordable(pass, first + account);
            }
        }
        if let Some(flags) = &mut part.out.unpriced {
            for (flag, &place) in flags[accounts].iter_mut().zip(place) {
                *flag = self.cross.equity[usize::from(place)].is_nan();
            }
        }
    }

    /// A column of accounts whose positions stay together, by place.
    #[inline(always)]
    fn cross(&mut self, pass: Pass<'_>, column: ModeColumn, places: Range<usize>) {
        let (figures, n, most) = (&self.cross, places.len(), pass.sweep.leverage);
        let (equity, notional) = (&figures.equity[..n], &figures.notional[..n]);
        let initial = initial(pass.terms, figures, &places);
        let out = &mut self.derived[..n];
        match column {
            ModeColumn::Locked => masked(out, equity, |at| initial[at]),
            ModeColumn::FreeMargin => masked(out, equity, |at| equity[at] - initial[at]),
            ModeColumn::Available | ModeColumn::Room => {
                let rule = pass.sweep.book.market().rules().available();
                available(rule, out, [equity, &pass.terms.folded.cash[places], initial]);
                // What is unknown is not zero.
                masked_in_place(out, equity);
                masked_in_place(out, initial);
                if column == ModeColumn::Room {
                    room(out, most, notional, initial);
                }
            }
            ModeColumn::EffectiveLeverage | ModeColumn::LeverageWeakest => {
                masked(out, equity, |at| over_equity(notional[at], equity[at]));
            }
            ModeColumn::NLiquidatable => masked(out, equity, |at| f64::from(figures.liquidatable[at])),
            ModeColumn::MarginRatio => masked(out, equity, |at| figures.margin_ratio[at]),
            ModeColumn::LossIfWorstFails => {
                masked(out, equity, |at| if notional[at] > 0.0 { at_least_zero(equity[at]) } else { 0.0 });
            }
        }
    }

    /// A column of accounts whose positions are isolated, by place.
    #[inline(always)]
    fn isolated(&mut self, pass: Pass<'_>, column: ModeColumn, places: Range<usize>) {
        let (figures, n, most) = (&self.alone, places.len(), pass.sweep.leverage);
        let (equity, notional) = (&figures.equity[..n], &self.cross.notional[..n]);
        let initial = initial(pass.terms, &self.cross, &places);
        let (cash, fences) = (&pass.terms.folded.cash[places], &figures.fences[..n]);
        let out = &mut self.derived[..n];
        match column {
            ModeColumn::Locked => masked(out, equity, |at| fences[at]),
            ModeColumn::FreeMargin => masked(out, equity, |at| cash[at] - fences[at]),
            ModeColumn::Available | ModeColumn::Room => {
                masked(out, equity, |at| at_least_zero(cash[at] - fences[at]));
                if column == ModeColumn::Room {
                    room(out, most, notional, initial);
                }
            }
            ModeColumn::EffectiveLeverage => masked(out, equity, |at| over_equity(notional[at], equity[at])),
            ModeColumn::LeverageWeakest => masked(out, equity, |at| figures.leverage[at]),
            ModeColumn::NLiquidatable => masked(out, equity, |at| figures.failing[at]),
            ModeColumn::MarginRatio => masked(out, equity, |at| figures.margin_ratio[at]),
            ModeColumn::LossIfWorstFails => masked(out, equity, |at| at_least_zero(figures.worst[at])),
        }
    }

    /// Whether the fences of an account are within its cash.
    fn is_affordable(&self, pass: Pass<'_>, pool: usize) -> bool {
        let Sweep { book, allotted, .. } = pass.sweep;
        let at = usize::from(pass.terms.folded.place[pool]);
        let (n, fences) = (book.holdings().positions_of(pool).len(), self.alone.fences[at]);
        let cash = book.holdings().layer_wallet(pool);
        if fences.is_nan() {
            return false;
        }
        // A fence has eight roundings, and each sum one more.
        let doubt = (f64::from(u32::try_from(n).unwrap_or(u32::MAX)) + 8.0) * f64::EPSILON * fences;
        if (cash - fences).abs() > doubt {
            return cash > fences;
        }
        allotted.is_affordable(book, pool)
    }
}

/// The initial margin of some places: folded where it is charged at entry.
#[inline(always)]
fn initial<'a>(terms: &Terms<'a>, figures: &'a Figures, places: &Range<usize>) -> &'a [f64] {
    terms.folded.initial.get(places.clone()).or(figures.initial.get(..places.len())).unwrap_or_default()
}

/// Writes `of(i)`, or NaN where `known[i]` is.
#[inline(always)]
fn masked(out: &mut [f64], known: &[f64], of: impl Fn(usize) -> f64) {
    let known = &known[..out.len()];
    for at in 0..out.len() {
        let value = of(at);
        out[at] = if known[at].is_nan() { f64::NAN } else { value };
    }
}

#[inline(always)]
fn masked_in_place(out: &mut [f64], known: &[f64]) {
    for (value, known) in out.iter_mut().zip(known) {
        *value = if known.is_nan() { f64::NAN } else { *value };
    }
}

/// Turns what is available into the notional that it is enough for.
#[inline(always)]
fn room(out: &mut [f64], leverage: f64, notional: &[f64], initial: &[f64]) {
    for ((out, notional), initial) in out.iter_mut().zip(notional).zip(initial) {
        *out *= if leverage.is_nan() { notional / initial } else { leverage };
    }
}

#[inline(always)]
fn over_equity(notional: f64, equity: f64) -> f64 {
    let ratio = if equity > 0.0 { notional / equity } else { f64::INFINITY };
    if notional == 0.0 { 0.0 } else { ratio }
}

#[inline(always)]
fn at_least_zero(x: f64) -> f64 {
    if x > 0.0 { x } else { 0.0 }
}
