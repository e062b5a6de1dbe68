//! The pool function at given prices: margin, ratios and who is liquidatable, for every pool.

mod accounts;
mod columns;
mod floor;
mod judged;
mod layers;
mod one;
mod positions;
mod window;

pub use accounts::{sum_by_account, total};
pub use columns::{Buffers, Column};
#[doc(hidden)]
pub use floor::stream_floor;
pub(crate) use one::{Figures, score_equity, score_pool};
pub use positions::{PositionFigures, score_positions};

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::environment;
use crate::error::{Error, MissingPrices, Result};
use crate::kernel::{Isa, LayerTerms, Terms};
use crate::market::{Prices, TriggerPrice};
use crate::parallel;
use crate::pool::{AssetRow, Book, Layered};

use layers::{LayerChunk, LayerState};
pub(crate) use window::available;
use window::{Chunk, State};

/// What to do with held instruments that have no price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Missing {
    /// Refuse, naming all of them.
    #[default]
    Refuse,
    /// Score the rest; pools that hold them are unpriced: their figures are NaN.
    Null,
}

/// How to score: none of it changes a result.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Missing prices.
    pub missing: Missing,
    /// Threads; `None` or 0: one for each processor, fewer where there is little to do.
    pub threads: Option<usize>,
    /// Instruction set; `None`: the widest of the processor.
    pub isa: Option<Isa>,
    /// Windows that a thread claims at once; `None` or 0: by the size of the book.
    pub windows_per_claim: Option<usize>,
    /// Asked every now and then by calls that can take long, from each of their threads: whether to stop. The call then
    /// ends with [`Error::Stopped`]. Scoring itself is short and does not ask.
    pub stop: Option<fn() -> bool>,
}

/// What a call of [`score`] did besides filling the buffers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Summary {
    /// Pools that only exact arithmetic could decide.
    pub n_exact: usize,
    /// Pools without a price of something that they hold.
    pub n_unpriced: usize,
}

/// Fewer positions than this are not worth a second thread.
const POSITIONS_PER_THREAD: usize = 1 << 16;

/// From this many pools on, results are larger than the caches of most processors.
const POOLS_PAST_CACHES: usize = 1 << 18;

/// Evaluates every pool of `book` at `prices` into `buffers`.
///
/// `excess = collateral_value - trigger * maintenance_margin`; a pool with positions is liquidatable when its excess is
/// below zero, or zero where the rules say so. That decision, and the sign of the excess, are those of exact arithmetic
/// on the decimals that the inputs denote; values are doubles within the bound that `docs/numeric-contract.md` derives. Results do not
/// depend on `options`.
///
/// # Errors
/// [`Error::MissingPrice`] naming every held instrument without a mark, unless [`Missing::Null`];
/// [`Error::Argument`] for a buffer of another length than the number of pools, or prices of another market.
pub fn score(book: &Book, prices: &Prices, buffers: Buffers<'_>, options: &Options) -> Result<Summary> {
    let holdings = book.holdings();
    environment::check()?;
    check_prices(book, prices, options.missing)?;
    buffers.check(holdings.n_pools())?;
    Ok(score_range(book, prices, buffers, 0..holdings.n_pools(), options))
}

/// Evaluates the pools of a range that begins with a window; `buffers` are as long as the range.
fn score_range(book: &Book, prices: &Prices, buffers: Buffers<'_>, pools: Range<usize>, options: &Options) -> Summary {
    let holdings = book.holdings();
    let Some(folded) = book.folded() else {
        return match book.layered() {
            Some(layered) => score_layers(book, layered, prices, (buffers, pools), options),
            None => score_by_pool(book, prices, (buffers, pools), options),
        };
    };
    let table = book.classes().table(|class| prices.mark()[holdings.classes[class].instrument as usize]);
    let leverage = buffers.wants_initial().then(|| folded.leverage(holdings));
    let at_mark = folded.initial.is_empty();
    let terms = Terms {
        folded,
        classes: book.classes(),
        table: &table,
        leverage: leverage.filter(|_| at_mark),
        level: book.market().rules().trigger_level(),
        zero_fails: book.market().rules().zero_fails(),
    };
    let window = folded.window;
    let Plan { threads, claim, past_caches } = plan(book, options);
    let isa = options.isa.unwrap_or_else(Isa::best);
    let (n_exact, n_unpriced) = (AtomicUsize::new(0), AtomicUsize::new(0));
    parallel::for_each(
        threads,
        buffers.chunks(pools.clone(), claim * window),
        || State::new(window.min(pools.len()), &terms),
        |state, buffers| {
            let summary = state.chunk(Chunk { book, terms: &terms, prices, isa, past_caches }, buffers);
            n_exact.fetch_add(summary.n_exact, Ordering::Relaxed);
            n_unpriced.fetch_add(summary.n_unpriced, Ordering::Relaxed);
        },
    );
    Summary { n_exact: n_exact.into_inner(), n_unpriced: n_unpriced.into_inner() }
}

/// Buffers, and the range of pools that they are of.
type Asked<'a> = (Buffers<'a>, Range<usize>);

/// Scores the pools of rules beyond the one-asset ones.
fn score_layers(
    book: &Book,
    layered: &Layered,
    prices: &Prices,
    (buffers, pools): Asked<'_>,
    options: &Options,
) -> Summary {
    let market = book.market();
    // Where a rule looks at last prices as well, an instrument without one has no price at all.
    let looks_at_last = market.rules().constraints().iter().any(|constraint| constraint.price == TriggerPrice::Last);
    let priced = |at: usize| prices.last().get(at).is_some_and(|price| !price.is_nan());
    let known = |(at, &mark): (usize, &f64)| if looks_at_last && !priced(at) { f64::NAN } else { mark };
    let marks: Vec<f64> = prices.mark().iter().enumerate().map(known).collect();
    let tables = layered.classes.tables(book, &marks);
    let assets: Vec<AssetRow> =
        (0..market.assets().len()).map(|asset| AssetRow::new(market, asset, prices.index()[asset])).collect();
    let terms = LayerTerms {
        layered,
        classes: book.classes(),
        tables: &tables,
        buckets: layered.classes.buckets(),
        assets: &assets,
        level: market.rules().trigger_level(),
        zero_fails: market.rules().zero_fails(),
        keeps_amounts: buffers.wants_amounts(),
        failing_is_near: market.rules().constraints().len() > 1,
    };
    let Plan { threads, claim, past_caches } = plan(book, options);
    let isa = options.isa.unwrap_or_else(Isa::best);
    let (n_exact, n_unpriced) = (AtomicUsize::new(0), AtomicUsize::new(0));
    parallel::for_each(
        threads,
        buffers.chunks(pools.clone(), claim * layered.window),
        || LayerState::new(layered.window.min(pools.len()), &terms),
        |state, part| {
            let summary = state.chunk(LayerChunk { book, terms: &terms, prices, isa, past_caches }, part);
            n_exact.fetch_add(summary.n_exact, Ordering::Relaxed);
            n_unpriced.fetch_add(summary.n_unpriced, Ordering::Relaxed);
        },
    );
    Summary { n_exact: n_exact.into_inner(), n_unpriced: n_unpriced.into_inner() }
}

/// Scores the pools of rules that have no lanes.
fn score_by_pool(book: &Book, prices: &Prices, (buffers, pools): Asked<'_>, options: &Options) -> Summary {
    const POOLS_AT_ONCE: usize = 256;
    let (n_exact, n_unpriced) = (AtomicUsize::new(0), AtomicUsize::new(0));
    parallel::for_each(
        plan(book, options).threads,
        buffers.chunks(pools, POOLS_AT_ONCE),
        || (),
        |(), part| {
            let summary = judged::score_each(book, prices, part);
            n_exact.fetch_add(summary.n_exact, Ordering::Relaxed);
            n_unpriced.fetch_add(summary.n_unpriced, Ordering::Relaxed);
        },
    );
    Summary { n_exact: n_exact.into_inner(), n_unpriced: n_unpriced.into_inner() }
}

/// How the windows of a book are dealt with.
pub(crate) struct Plan {
    pub(crate) threads: usize,
    /// Windows that a thread claims at once.
    pub(crate) claim: usize,
    pub(crate) past_caches: bool,
}

pub(crate) fn plan(book: &Book, options: &Options) -> Plan {
    let holdings = book.holdings();
    let window =
        book.folded().map(|folded| folded.window).or(book.layered().map(|layered| layered.window)).unwrap_or(1);
    let windows = holdings.n_pools().div_ceil(window);
    let threads = match options.threads.filter(|&n| n > 0) {
        Some(threads) => threads,
        None if holdings.n_positions() < 2 * POSITIONS_PER_THREAD => 1,
        None => parallel::threads_or_all(None).min(holdings.n_positions() / POSITIONS_PER_THREAD),
    };
    let claim = options.windows_per_claim.filter(|&n| n > 0).unwrap_or_else(|| (windows / (threads * 8)).clamp(1, 64));
    Plan { threads, claim, past_caches: holdings.n_pools() >= POOLS_PAST_CACHES }
}

/// Refuses prices of another market, and missing ones unless they are allowed.
pub(crate) fn check_prices(book: &Book, prices: &Prices, missing: Missing) -> Result<()> {
    let market = book.market();
    if prices.mark().len() != market.instruments().len() {
        let message = format!(
            "had marks for {} instruments, the book's market has {}: make them with that market's prices()",
            prices.mark().len(),
            market.instruments().len()
        );
        return Err(Error::argument("prices", message));
    }
    if missing == Missing::Null {
        return Ok(());
    }
    let names = |column: &[f64]| -> Vec<String> {
        let is_absent = |&&at: &&u32| column.get(at as usize).is_none_or(|price| price.is_nan());
        let absent = book.holdings().held().iter().filter(is_absent);
        absent.map(|&at| market.instruments()[at as usize].name().to_owned()).collect()
    };
    let looks_at_last = market.rules().constraints().iter().any(|constraint| constraint.price == TriggerPrice::Last);
    let missing = MissingPrices {
        instruments: names(prices.mark()),
        last: if looks_at_last { names(prices.last()) } else { Vec::new() },
        assets: unpriced_assets(book, prices),
    };
    if missing == MissingPrices::default() {
        return Ok(());
    }
    Err(Error::MissingPrice(Box::new(missing)))
}

/// The assets of pools of several that have no index price. The valuation asset needs none.
fn unpriced_assets(book: &Book, prices: &Prices) -> Vec<String> {
    let market = book.market();
    let valuation = market.rules().valuation_asset();
    let needed = |&&at: &&usize| prices.index()[at].is_nan() && valuation != Some(at);
    book.joint_assets().iter().filter(needed).map(|&at| market.assets()[at].name().to_owned()).collect()
}
