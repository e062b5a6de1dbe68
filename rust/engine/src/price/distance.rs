//! Along a joint move of all prices: how far a pool is from its liquidation.

use std::sync::atomic::{AtomicUsize, Ordering as Sequence};

use crate::environment;
use crate::error::{Error, Result};
use crate::exact::{Exact, Number, Wide};
use crate::market::{Market, Prices};
use crate::parallel::{self, Stop};
use crate::pool::{Book, Moves, Question, Road, is_priced};
use crate::score::{Options, Summary, check_prices};

use super::ends::state;
use super::shares::{shares, threads};
use super::underlyings::instruments_of;
use super::walk::{LEAST, MOST, Open, Walk};

/// A direction in which all prices move: each becomes `price * (1 + t * shock)`.
#[derive(Debug, Clone, PartialEq)]
pub struct Shock {
    instruments: Vec<f64>,
    assets: Vec<f64>,
}

impl Shock {
    /// Shocks in the market's order: of the marks of instruments, of the index prices of assets. The valuation asset's price
    /// does not move.
    ///
    /// # Errors
    /// [`Error::Argument`] for a column of another length, and for a shock that is not finite or whose magnitude is outside
    /// `2^-256 ..= 2^256`.
    pub fn new(market: &Market, instruments: Vec<f64>, mut assets: Vec<f64>) -> Result<Self> {
        let columns = [
            ("shock", &instruments, market.instruments().len(), "instrument"),
            ("assets", &assets, market.assets().len(), "asset"),
        ];
        for (name, column, n, what) in columns {
            if column.len() != n {
                let message = format!("had {} elements, the market has {n} {what}s: give one for each", column.len());
                return Err(Error::argument(name, message));
            }
            let is_sound = |by: &&f64| **by == 0.0 || (by.is_finite() && (LEAST..=MOST).contains(&by.abs()));
            if let Some(by) = column.iter().find(|by| !is_sound(by)) {
                let message =
                    format!("was {by}: give moves per unit of t, such as -1.0, of magnitudes within 2^-256 and 2^256");
                return Err(Error::argument(name, message));
            }
        }
        if let Some(asset) = market.rules().valuation_asset() {
            assets[asset] = 0.0;
        }
        Ok(Self { instruments, assets })
    }

    /// By instrument.
    #[must_use]
    pub fn instruments(&self) -> &[f64] {
        &self.instruments
    }

    /// By asset.
    #[must_use]
    pub fn assets(&self) -> &[f64] {
        &self.assets
    }

    pub(super) fn moves(&self) -> Moves<'_> {
        Moves::Shock { instruments: &self.instruments, assets: &self.assets }
    }

    /// How far `t` can go down and up until a price of the pool is no longer positive: the last doubles.
    fn bounds(&self, book: &Book, pool: usize) -> [f64; 2] {
        let holdings = book.holdings();
        let of_instruments = instruments_of(book, pool).map(|at| self.instruments[at]);
        let layers = if book.is_joint(pool) { holdings.layers_of(pool) } else { 0..0 };
        let of_assets = layers.map(|layer| self.assets[holdings.layer_asset(layer)]);
        let (mut up, mut down) = (0.0, 0.0);
        for by in of_instruments.chain(of_assets) {
            (up, down) = (larger(up, by), larger(down, -by));
        }
        [last_below_inverse(up), last_below_inverse(down)]
    }
}

fn larger(a: f64, b: f64) -> f64 {
    if a > b { a } else { b }
}

/// The last double, `MOST` at most, whose product with `by` is below 1.
fn last_below_inverse(by: f64) -> f64 {
    if by <= 1.0 / MOST {
        return MOST;
    }
    let is_below = |t: f64| Exact::from_f64(t) * Exact::from_f64(by) < Exact::from_f64(1.0);
    let mut t = (1.0 / by).next_up().next_up();
    while !is_below(t) {
        t = t.next_down();
    }
    if t > MOST { MOST } else { t }
}

/// How far each pool of a book is from its liquidation along a move of all prices.
#[derive(Debug, Clone, Default)]
pub struct Distances {
    /// The nearest `t < 0` at which the pool is liquidatable; NaN where there is none while prices are positive; 0 for a pool
    /// that is liquidatable already.
    pub below: Vec<f64>,
    /// The nearest `t > 0`, likewise.
    pub above: Vec<f64>,
    /// Whether the pool is liquidatable at present.
    pub liquidatable: Vec<bool>,
    /// Whether the pool holds something without a price: figures are NaN.
    pub unpriced: Vec<bool>,
    /// What was done.
    pub summary: Summary,
}

/// How far a pool is from its liquidation.
#[derive(Debug, Clone, Copy)]
pub(super) struct Distance {
    /// The nearest `t` below and above zero; zero for a pool that fails already.
    pub(super) nearest: [f64; 2],
    pub(super) fails: bool,
    pub(super) exact: bool,
    pub(super) priced: bool,
}

impl Distance {
    const UNKNOWN: Self = Self { nearest: [f64::NAN; 2], fails: false, exact: false, priced: false };
}

/// How far a priced pool is from its liquidation.
pub(super) fn distance(book: &Book, pool: usize, prices: &Prices, shock: &Shock) -> Distance {
    let road = Road { book, pool, prices, moves: shock.moves() };
    let bounds = shock.bounds(book, pool);
    let found = attempt::<Wide>(&road, bounds).map(|found| (found, false));
    // Without rounding nothing is open.
    let found = found.or_else(|Open| attempt::<Exact>(&road, bounds).map(|found| (found, true)));
    found.map_or(Distance::UNKNOWN, |((nearest, fails), exact)| Distance { nearest, fails, exact, priced: true })
}

/// The nearest `t` down and up, and whether the pool fails already.
fn attempt<C: Number>(road: &Road<'_>, [down, up]: [f64; 2]) -> std::result::Result<([f64; 2], bool), Open> {
    let (_, fails) = state::<C>(road, Question::Liquidatable, &C::zero())?;
    if fails {
        return Ok(([0.0; 2], true));
    }
    let nearest = |to: f64, negative: bool| {
        if to < LEAST {
            return Ok(f64::NAN);
        }
        // From the smallest double on: if the pool fails there, that is the nearest.
        let walk = Walk::between(LEAST, to).negative(negative);
        let (first, fails) = state::<C>(road, Question::Liquidatable, &walk.value(0))?;
        let t = if fails {
            LEAST
        } else {
            let at = |v| road.piece(Question::Liquidatable, v);
            let turn = if road.is_safe_on_one_stretch() {
                walk.only_change(at)?
            } else {
                walk.first_change(fails, &first, at)?
            };
            turn.map_or(f64::NAN, |turn| turn.after)
        };
        Ok(if negative { -t } else { t })
    };
    Ok(([nearest(down, true)?, nearest(up, false)?], false))
}

/// How far every pool of `book` is from its liquidation when each price becomes `price * (1 + t * shock)`, exactly.
///
/// # Errors
/// As [`crate::score::score`].
pub fn liquidation_distance(book: &Book, prices: &Prices, shock: &Shock, options: &Options) -> Result<Distances> {
    environment::check()?;
    check_prices(book, prices, options.missing)?;
    let stop = Stop::new(options.stop);
    let n_unpriced = AtomicUsize::new(0);
    let mut rows = vec![Distance::UNKNOWN; book.holdings().n_pools()];
    parallel::for_each(
        threads(book, options),
        shares(&mut rows),
        || (),
        |(), (first, rows)| {
            for (pool, row) in (first..).zip(rows) {
                if stop.now() {
                    return;
                }
                if is_priced(book, pool, prices) {
                    *row = distance(book, pool, prices, shock);
                } else {
                    n_unpriced.fetch_add(1, Sequence::Relaxed);
                }
            }
        },
    );
    stop.unless_said(Distances {
        below: rows.iter().map(|row| row.nearest[0]).collect(),
        above: rows.iter().map(|row| row.nearest[1]).collect(),
        liquidatable: rows.iter().map(|row| row.fails).collect(),
        unpriced: rows.iter().map(|row| !row.priced).collect(),
        summary: Summary { n_exact: rows.iter().filter(|row| row.exact).count(), n_unpriced: n_unpriced.into_inner() },
    })
}
