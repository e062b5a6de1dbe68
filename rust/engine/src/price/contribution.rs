//! What each position gives to its pool's excess and takes from it, now and where the pool is liquidated.

use crate::environment;
use crate::error::Result;
use crate::market::{Prices, TriggerPrice};
use crate::parallel::{self, Stop};
use crate::pool::{Book, Moves, PositionValue, Question, Road, is_priced, position_values};
use crate::score::{Options, check_prices};

use super::distance::{Distance, Shock, distance};
use super::ends::Ends;
use super::positions::{places, position_keys};
use super::shares::{shares_of_positions, threads};
use super::underlyings::Underlyings;

/// A row per position, in the order of the input rows; amounts are in the asset that the pool is valued in.
#[derive(Debug, Clone, Default)]
pub struct Contributions {
    /// Input row of each position; of merged rows the first.
    pub row: Vec<u32>,
    /// The position's pool.
    pub pool: Vec<u32>,
    /// `unrealized_pnl - level * maintenance_margin` of the position now.
    pub excess: Vec<f64>,
    /// The same where the pool is liquidated; NaN where it never is.
    pub excess_at: Vec<f64>,
    /// `excess_at - excess`.
    pub change: Vec<f64>,
    /// What the position loses on the way there.
    pub loss: Vec<f64>,
    /// What it would have lost on the same way had it been isolated with its initial margin; NaN where that is unknown.
    pub loss_isolated: Vec<f64>,
    /// The position of its pool that takes most.
    pub dragged: Vec<bool>,
}

#[derive(Debug, Clone, Copy)]
struct Row {
    excess: f64,
    excess_at: f64,
    loss: f64,
    loss_isolated: f64,
    dragged: bool,
}

impl Row {
    const UNKNOWN: Self =
        Self { excess: f64::NAN, excess_at: f64::NAN, loss: f64::NAN, loss_isolated: f64::NAN, dragged: false };
}

/// What each position of `book` gives and takes now, and where its pool is liquidated: along `shock` at the nearer of both
/// sides, or without one along that underlying of the pool whose smallest relative move does it.
///
/// # Errors
/// As [`crate::score::score`].
pub fn contribution(book: &Book, prices: &Prices, shock: Option<&Shock>, options: &Options) -> Result<Contributions> {
    environment::check()?;
    check_prices(book, prices, options.missing)?;
    let (stop, underlyings) = (Stop::new(options.stop), Underlyings::new(book.market()));
    let mut rows = vec![Row::UNKNOWN; book.holdings().n_positions()];
    parallel::for_each(
        threads(book, options),
        shares_of_positions(book, &mut rows),
        || (),
        |(), (pools, mut rows)| {
            for pool in pools {
                if stop.now() {
                    return;
                }
                let (of_pool, rest) = rows.split_at_mut(book.holdings().positions_of(pool).len());
                rows = rest;
                if !of_pool.is_empty() && is_priced(book, pool, prices) {
                    let point = match shock {
                        Some(shock) => Point::along(book, pool, prices, shock),
                        None => Point::critical(book, pool, prices, &underlyings),
                    };
                    fill(book, pool, prices, &point, of_pool);
                }
            }
        },
    );
    stop.unless_said(table(book, &rows))
}

/// Where a pool is liquidated.
enum Point {
    Now,
    Never,
    /// Where marks (or last prices, whichever the first constraint looks at) and index prices are these.
    At(Vec<f64>, Vec<f64>),
}

impl Point {
    fn along(book: &Book, pool: usize, prices: &Prices, shock: &Shock) -> Self {
        let Distance { nearest: [below, above], fails, .. } = distance(book, pool, prices, shock);
        if fails {
            return Self::Now;
        }
        let t = if below.is_nan() || above < -below { above } else { below };
        if t.is_nan() {
            return Self::Never;
        }
        let moved = |column: &[f64], by: &[f64]| column.iter().zip(by).map(|(x, by)| x * (1.0 + t * by)).collect();
        Self::At(moved(looked_at(book, prices), shock.instruments()), moved(prices.index(), shock.assets()))
    }

    fn critical(book: &Book, pool: usize, prices: &Prices, underlyings: &Underlyings) -> Self {
        let mut nearest: Option<(f64, f64, u32)> = None;
        for underlying in underlyings.of_pool(book, pool) {
            let from = underlyings.price(book, pool, underlying, prices);
            let moves =
                Moves::Underlying { market: book.market(), name: &underlyings.names[underlying as usize], from };
            let road = Road { book, pool, prices, moves };
            let ends = Ends::new(&road, Question::Liquidatable, from);
            if ends.fails {
                return Self::Now;
            }
            for end in [ends.down, ends.up].into_iter().flatten().map(|turn| turn.after) {
                let away = (end / from - 1.0).abs();
                if nearest.is_none_or(|(other, ..)| away < other) {
                    nearest = Some((away, end / from, underlying));
                }
            }
        }
        let Some((_, factor, underlying)) = nearest else { return Self::Never };
        let name = &underlyings.names[underlying as usize];
        let instruments = book.market().instruments().iter().zip(looked_at(book, prices));
        let assets = book.market().assets().iter().zip(prices.index()).enumerate();
        let valuation = book.market().rules().valuation_asset();
        let moved = |hit: bool, price: f64| if hit { price * factor } else { price };
        Self::At(
            instruments.map(|(instrument, &price)| moved(instrument.underlying() == name, price)).collect(),
            assets.map(|(at, (asset, &price))| moved(asset.name() == name && valuation != Some(at), price)).collect(),
        )
    }
}

/// The prices that the figures of pools are at: those that the first constraint looks at.
fn looked_at<'a>(book: &Book, prices: &'a Prices) -> &'a [f64] {
    let first = book.market().rules().constraints().first();
    let at_last = first.is_some_and(|constraint| constraint.price == TriggerPrice::Last);
    if at_last { prices.last() } else { prices.mark() }
}

/// Fills the rows of a pool's positions.
fn fill(book: &Book, pool: usize, prices: &Prices, point: &Point, rows: &mut [Row]) {
    let now = Valued::new(book, pool, looked_at(book, prices), prices.index());
    let then = match point {
        Point::Never => None,
        Point::Now => Some(Valued::new(book, pool, looked_at(book, prices), prices.index())),
        Point::At(mark, index) => Some(Valued::new(book, pool, mark, index)),
    };
    for (at, row) in rows.iter_mut().enumerate() {
        row.excess = now.excess[at];
        let Some(then) = &then else { continue };
        row.excess_at = then.excess[at];
        let lost = now.pnl[at] - then.pnl[at];
        row.loss = if lost > 0.0 { lost } else { 0.0 };
        let backed = now.initial[at] + now.pnl[at];
        let most = if backed < 0.0 { 0.0 } else { backed };
        row.loss_isolated = if row.loss > most { most } else { row.loss };
        if backed.is_nan() {
            row.loss_isolated = f64::NAN;
        }
    }
    let taken = |row: &Row| if matches!(point, Point::Now) { row.excess } else { row.excess_at - row.excess };
    let most = rows.iter().map(taken).fold(0.0, |most, taken| if taken < most { taken } else { most });
    if let Some(row) = rows.iter_mut().find(|row| most < 0.0 && taken(row).to_bits() == most.to_bits()) {
        row.dragged = true;
    }
}

/// The positions of a pool, in the asset that it is valued in.
struct Valued {
    excess: Vec<f64>,
    pnl: Vec<f64>,
    initial: Vec<f64>,
}

impl Valued {
    fn new(book: &Book, pool: usize, mark: &[f64], index: &[f64]) -> Self {
        let (market, holdings) = (book.market(), book.holdings());
        let level = market.rules().trigger_level();
        let values = position_values(book, pool, mark);
        let price = |position: usize| {
            let asset = market.instruments()[holdings.instrument(position)].settle();
            let index = index.get(asset).copied().unwrap_or(f64::NAN);
            if book.is_joint(pool) && !index.is_nan() { index } else { 1.0 }
        };
        let priced: Vec<(f64, PositionValue)> = holdings.positions_of(pool).map(price).zip(values).collect();
        Self {
            excess: priced.iter().map(|(p, v)| p * (v.unrealized_pnl - level * v.maintenance_margin)).collect(),
            pnl: priced.iter().map(|(p, v)| p * v.unrealized_pnl).collect(),
            initial: priced.iter().map(|(p, v)| p * v.initial_margin).collect(),
        }
    }
}

fn table(book: &Book, rows: &[Row]) -> Contributions {
    let (row, pool) = position_keys(book);
    let mut ordered = vec![Row::UNKNOWN; rows.len()];
    for (of, place) in rows.iter().zip(places(book.holdings())) {
        ordered[place as usize] = *of;
    }
    let column = |of: &dyn Fn(&Row) -> f64| ordered.iter().map(of).collect();
    Contributions {
        row,
        pool,
        excess: column(&|row| row.excess),
        excess_at: column(&|row| row.excess_at),
        change: column(&|row| row.excess_at - row.excess),
        loss: column(&|row| row.loss),
        loss_isolated: column(&|row| row.loss_isolated),
        dragged: ordered.iter().map(|row| row.dragged).collect(),
    }
}
