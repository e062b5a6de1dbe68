//! Along one underlying's price: a row per pool and underlying.

use std::sync::atomic::{AtomicUsize, Ordering as Sequence};

use crate::environment;
use crate::error::Result;
use crate::market::{Market, Prices};
use crate::parallel::{self, Stop};
use crate::pool::{Book, Moves, Question, Road, is_priced};
use crate::score::{Options, Summary, check_prices};

use super::ends::Ends;
use super::shares::{shares, threads};

/// A row per pool and underlying that it depends on.
#[derive(Debug, Clone, Default)]
pub struct UnderlyingPrices {
    /// Names of underlyings; rows point at them.
    pub names: Vec<String>,
    /// The pool.
    pub pool: Vec<u32>,
    /// Its underlying, a place in `names`.
    pub underlying: Vec<u32>,
    /// The present price: the index price of the asset of that name, or else the mark of the pool's first instrument of it.
    pub price: Vec<f64>,
    /// The last price, going down, up to which the pool stays safe; NaN where it stays safe all the way. Of a pool that fails
    /// already, the nearest below at which it becomes safe.
    pub below: Vec<f64>,
    /// The same, going up.
    pub above: Vec<f64>,
    /// Whether the pool fails at present.
    pub liquidatable: Vec<bool>,
    /// Whether the pool holds something without a price: figures are NaN.
    pub unpriced: Vec<bool>,
    /// What was done.
    pub summary: Summary,
}

/// One underlying of a pool.
#[derive(Debug, Clone, Copy)]
struct Row {
    pool: usize,
    underlying: u32,
    price: f64,
    below: f64,
    above: f64,
    liquidatable: bool,
    priced: bool,
    exact: bool,
}

/// Underlyings of a market: instruments' in market order, then those of assets that are none of these.
pub(super) struct Underlyings {
    pub(super) names: Vec<String>,
    pub(super) of_instrument: Vec<u32>,
    /// By asset; of the valuation asset `None`.
    of_asset: Vec<Option<u32>>,
}

impl Underlyings {
    pub(super) fn new(market: &Market) -> Self {
        let mut names: Vec<String> = Vec::new();
        let mut place = |name: &str| {
            let at = names.iter().position(|other| other == name).unwrap_or_else(|| {
                names.push(name.to_owned());
                names.len() - 1
            });
            u32::try_from(at).unwrap_or(u32::MAX)
        };
        let of_instrument = market.instruments().iter().map(|instrument| place(instrument.underlying())).collect();
        let valuation = market.rules().valuation_asset();
        let assets = market.assets().iter().enumerate();
        let of_asset = assets.map(|(at, asset)| (valuation != Some(at)).then(|| place(asset.name()))).collect();
        Self { names, of_instrument, of_asset }
    }

    /// The underlyings that a pool depends on, ascending.
    pub(super) fn of_pool(&self, book: &Book, pool: usize) -> Vec<u32> {
        let holdings = book.holdings();
        let mut found: Vec<u32> = instruments_of(book, pool).map(|at| self.of_instrument[at]).collect();
        if book.is_joint(pool) {
            found.extend(holdings.layers_of(pool).filter_map(|layer| self.of_asset[holdings.layer_asset(layer)]));
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    /// The price that stands for an underlying in a pool; NaN where there is none.
    pub(super) fn price(&self, book: &Book, pool: usize, underlying: u32, prices: &Prices) -> f64 {
        let asset = self.of_asset.iter().position(|of| *of == Some(underlying));
        let index = asset.and_then(|asset| prices.index().get(asset)).copied().unwrap_or(f64::NAN);
        if !index.is_nan() {
            return index;
        }
        let of_it = instruments_of(book, pool).filter(|&at| self.of_instrument[at] == underlying);
        of_it.min().map_or(f64::NAN, |at| prices.mark()[at])
    }
}

/// The instruments of a pool's positions and orders.
pub(super) fn instruments_of(book: &Book, pool: usize) -> impl Iterator<Item = usize> {
    let holdings = book.holdings();
    let orders = holdings.orders_of(pool);
    let of_orders = orders.map(|order| holdings.classes[usize::from(holdings.orders.class[order])].instrument as usize);
    holdings.positions_of(pool).map(|position| holdings.instrument(position)).chain(of_orders)
}

/// The prices of every underlying at which the pools of `book` change their state, when every mark of the underlying, and
/// the index price of the asset of its name, move together, in exact proportion; all else stays.
///
/// # Errors
/// As [`crate::score::score`].
pub fn underlying_prices(book: &Book, prices: &Prices, options: &Options) -> Result<UnderlyingPrices> {
    environment::check()?;
    check_prices(book, prices, options.missing)?;
    let underlyings = Underlyings::new(book.market());
    let stop = Stop::new(options.stop);
    let (n_exact, n_unpriced) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let mut rows: Vec<Vec<Row>> = vec![Vec::new(); book.holdings().n_pools()];
    parallel::for_each(
        threads(book, options),
        shares(&mut rows),
        || (),
        |(), (first, rows)| {
            for (pool, rows) in (first..).zip(rows) {
                if stop.now() {
                    return;
                }
                let priced = is_priced(book, pool, prices);
                n_unpriced.fetch_add(usize::from(!priced), Sequence::Relaxed);
                let all = underlyings.of_pool(book, pool).into_iter();
                *rows = all.map(|underlying| row(book, pool, (&underlyings, underlying), prices, priced)).collect();
                n_exact.fetch_add(rows.iter().filter(|row| row.exact).count(), Sequence::Relaxed);
            }
        },
    );
    let summary = Summary { n_exact: n_exact.into_inner(), n_unpriced: n_unpriced.into_inner() };
    stop.unless_said(table(underlyings.names, &rows.concat(), summary))
}

fn row(book: &Book, pool: usize, (all, underlying): (&Underlyings, u32), prices: &Prices, priced: bool) -> Row {
    let price = all.price(book, pool, underlying, prices);
    let unknown = f64::NAN;
    let row =
        Row { pool, underlying, price, below: unknown, above: unknown, liquidatable: false, priced, exact: false };
    if !priced {
        return row;
    }
    let moves = Moves::Underlying { market: book.market(), name: &all.names[underlying as usize], from: price };
    let road = Road { book, pool, prices, moves };
    let ends = Ends::new(&road, Question::Liquidatable, price);
    Row {
        below: ends.reported(ends.down),
        above: ends.reported(ends.up),
        liquidatable: ends.fails,
        exact: ends.exact,
        ..row
    }
}

fn table(names: Vec<String>, rows: &[Row], summary: Summary) -> UnderlyingPrices {
    UnderlyingPrices {
        names,
        pool: rows.iter().map(|row| u32::try_from(row.pool).unwrap_or(u32::MAX)).collect(),
        underlying: rows.iter().map(|row| row.underlying).collect(),
        price: rows.iter().map(|row| row.price).collect(),
        below: rows.iter().map(|row| row.below).collect(),
        above: rows.iter().map(|row| row.above).collect(),
        liquidatable: rows.iter().map(|row| row.liquidatable).collect(),
        unpriced: rows.iter().map(|row| !row.priced).collect(),
        summary,
    }
}
