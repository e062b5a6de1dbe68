//! Along one instrument's price: a row per position.

use std::cmp::Ordering;
use std::sync::atomic::{AtomicUsize, Ordering as Sequence};

use crate::book::Holdings;
use crate::environment;
use crate::error::{Error, Result};
use crate::exact::Exact;
use crate::kernel::Isa;
use crate::market::Prices;
use crate::parallel::{self, Stop};
use crate::pool::{Book, Moves, Question, Refined, Road, is_priced};
use crate::score::{Missing, Options, Summary, check_prices};

use super::ends::Ends;
use super::fast::{self, At, Columns};
use super::shares::{shares_of_positions, threads};
use super::walk::Turn;

/// Columns to fill, each with an element per position, in the order of the input rows; what is `None` is not computed.
#[derive(Debug, Default)]
pub struct PositionBuffers<'a> {
    /// The last mark, going down, up to which the position's pool stays safe; NaN where it stays safe all the way. Of a pool
    /// that fails already, the nearest below at which it becomes safe.
    pub below: Option<&'a mut [f64]>,
    /// The same, going up.
    pub above: Option<&'a mut [f64]>,
    /// The double nearest to where the pool's state changes, on the side that the venue shows.
    pub liquidation_price: Option<&'a mut [f64]>,
    /// The double nearest to where nothing is left of what counts as collateral, on that side.
    pub bankruptcy_price: Option<&'a mut [f64]>,
    /// Whether the pool fails at the present marks.
    pub liquidatable: Option<&'a mut [bool]>,
    /// Whether the pool holds something without a price: its other elements are NaN.
    pub unpriced: Option<&'a mut [bool]>,
}

/// The prices of a position.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    pub(super) below: f64,
    pub(super) above: f64,
    pub(super) liquidation_price: f64,
    pub(super) bankruptcy_price: f64,
    pub(super) liquidatable: bool,
}

const UNKNOWN: Row = Row {
    below: f64::NAN,
    above: f64::NAN,
    liquidation_price: f64::NAN,
    bankruptcy_price: f64::NAN,
    liquidatable: false,
};

/// What is asked for of a position.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    pub(super) liquidation: bool,
    pub(super) bankruptcy: bool,
}

impl PositionBuffers<'_> {
    fn check(&self, n: usize) -> Result<()> {
        let reals = [
            ("below", &self.below),
            ("above", &self.above),
            ("liquidation_price", &self.liquidation_price),
            ("bankruptcy_price", &self.bankruptcy_price),
        ];
        let lengths = reals.into_iter().filter_map(|(name, column)| Some((name, column.as_ref()?.len())));
        let flags = [("liquidatable", &self.liquidatable), ("unpriced", &self.unpriced)];
        let mut lengths =
            lengths.chain(flags.into_iter().filter_map(|(name, column)| Some((name, column.as_ref()?.len()))));
        lengths.find(|&(_, length)| length != n).map_or(Ok(()), |(name, length)| {
            Err(Error::argument(name, format!("had {length} elements for {n} positions: give one for each")))
        })
    }

    fn wanted(&self) -> Wanted {
        let liquidation = self.below.is_some()
            || self.above.is_some()
            || self.liquidation_price.is_some()
            || self.liquidatable.is_some();
        Wanted { liquidation, bankruptcy: self.bankruptcy_price.is_some() }
    }

    fn write(&mut self, at: usize, row: &Row, priced: bool) {
        let reals = [
            (&mut self.below, row.below),
            (&mut self.above, row.above),
            (&mut self.liquidation_price, row.liquidation_price),
            (&mut self.bankruptcy_price, row.bankruptcy_price),
        ];
        for (column, value) in reals {
            if let Some(column) = column {
                column[at] = value;
            }
        }
        for (column, value) in [(&mut self.liquidatable, row.liquidatable), (&mut self.unpriced, !priced)] {
            if let Some(column) = column {
                column[at] = value;
            }
        }
    }
}

/// The prices of every position of `book` at which its pool's state changes when the price of its instrument moves alone.
///
/// `below` and `above` are the last doubles, moving away from the present mark, up to which the pool is not liquidatable, in
/// exact arithmetic on the decimals that inputs denote: at the next double it is. All legs and orders of the instrument in
/// the pool move with it, and its last price in proportion; everything else stays.
///
/// # Errors
/// As [`crate::score::score`]; [`Error::Argument`] for a buffer of another length than the number of positions.
pub fn liquidation_prices(
    book: &Book,
    prices: &Prices,
    mut buffers: PositionBuffers<'_>,
    options: &Options,
) -> Result<Summary> {
    environment::check()?;
    check_prices(book, prices, options.missing)?;
    buffers.check(book.holdings().n_positions())?;
    let stop = Stop::new(options.stop);
    if let Some(refined) = book.refined() {
        let summary = by_pieces(refined, book, prices, buffers, (options, &stop));
        return stop.unless_said(summary);
    }
    let wanted = buffers.wanted();
    let places = places(book.holdings());
    let (n_exact, n_unpriced) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let mut rows = vec![(UNKNOWN, false); book.holdings().n_positions()];
    parallel::for_each(
        threads(book, options),
        shares_of_positions(book, &mut rows),
        || (),
        |(), (pools, rows)| {
            let mut rows = rows.iter_mut();
            for pool in pools {
                let priced = is_priced(book, pool, prices);
                n_unpriced.fetch_add(usize::from(!priced), Sequence::Relaxed);
                for (position, row) in book.holdings().positions_of(pool).zip(&mut rows) {
                    if priced && !stop.now() {
                        let (prices, exact) = position_row(book, pool, position, prices, wanted);
                        *row = (prices, true);
                        n_exact.fetch_add(usize::from(exact), Sequence::Relaxed);
                    }
                }
            }
        },
    );
    for ((row, priced), at) in rows.iter().zip(places) {
        buffers.write(at as usize, row, *priced);
    }
    stop.unless_said(Summary { n_exact: n_exact.into_inner(), n_unpriced: n_unpriced.into_inner() })
}

/// As [`liquidation_prices`], of a book most of whose pools are linear in pieces.
fn by_pieces(
    refined: &Refined,
    book: &Book,
    prices: &Prices,
    buffers: PositionBuffers<'_>,
    (options, stop): (&Options, &Stop),
) -> Summary {
    let holdings = book.holdings();
    let PositionBuffers { below, above, liquidation_price, bankruptcy_price, liquidatable, unpriced } = buffers;
    let columns = Columns { below, above, liquidation_price, bankruptcy_price, liquidatable };
    let search = |pool: usize, position: usize, wanted: Wanted| {
        let priced = !stop.now() && is_priced(book, pool, prices);
        if priced { position_row(book, pool, position, prices, wanted) } else { (UNKNOWN, false) }
    };
    let at = At { book, prices, isa: options.isa.unwrap_or_else(Isa::best), threads: fast::threads(book, options) };
    let n_exact = fast::fill_in_row_order(refined, columns, at, || places(holdings), search);
    // Most books have all prices, which is quicker to find out.
    let all_priced = check_prices(book, prices, Missing::Refuse).is_ok();
    let missing = |&pool: &usize| !all_priced && !is_priced(book, pool, prices);
    if let Some(flags) = unpriced {
        flags.fill(false);
        let places = if all_priced { Vec::new() } else { places(holdings) };
        for position in (0..holdings.n_pools()).filter(missing).flat_map(|pool| holdings.positions_of(pool)) {
            flags[places[position] as usize] = true;
        }
    }
    let n_unpriced = if all_priced { 0 } else { (0..holdings.n_pools()).filter(missing).count() };
    Summary { n_exact, n_unpriced }
}

/// Input row and pool of every position, in the order of the input rows.
#[must_use]
pub fn position_keys(book: &Book) -> (Vec<u32>, Vec<u32>) {
    let holdings = book.holdings();
    let (mut row, mut pool) = (vec![0; holdings.n_positions()], vec![0; holdings.n_positions()]);
    let places = places(holdings);
    for of in 0..holdings.n_pools() {
        for position in holdings.positions_of(of) {
            let place = places[position] as usize;
            row[place] = holdings.rows[position];
            pool[place] = u32::try_from(of).unwrap_or(u32::MAX);
        }
    }
    (row, pool)
}

/// The place of each position in the order of the input rows.
pub(super) fn places(holdings: &Holdings) -> Vec<u32> {
    let n = holdings.n_positions();
    // Where no rows were merged or dropped, the row is the place.
    if holdings.rows.iter().all(|&row| (row as usize) < n) {
        return holdings.rows.clone();
    }
    let mut order: Vec<u32> = (0..u32::try_from(n).unwrap_or(u32::MAX)).collect();
    order.sort_unstable_by_key(|&position| holdings.rows[position as usize]);
    let mut places = vec![0; n];
    for (place, position) in order.into_iter().enumerate() {
        places[position as usize] = u32::try_from(place).unwrap_or(u32::MAX);
    }
    places
}

/// The prices of one position of a priced pool, and whether only exact arithmetic could tell.
pub(super) fn position_row(book: &Book, pool: usize, position: usize, prices: &Prices, wanted: Wanted) -> (Row, bool) {
    let instrument = book.holdings().instrument(position);
    let from = prices.mark()[instrument];
    let road = Road { book, pool, prices, moves: Moves::Instrument { at: instrument, from } };
    let net = net_sign(book, pool, instrument);
    let (mut row, mut exact) = (UNKNOWN, false);
    if wanted.liquidation {
        let ends = Ends::new(&road, Question::Liquidatable, from);
        row.below = ends.reported(ends.down);
        row.above = ends.reported(ends.up);
        row.liquidatable = ends.fails;
        exact |= ends.exact;
        row.liquidation_price = ends.nearest(&road, Question::Liquidatable, shown(&ends, net, from));
    }
    if wanted.bankruptcy {
        let ends = Ends::new(&road, Question::Bankrupt, from);
        exact |= ends.exact;
        row.bankruptcy_price = ends.nearest(&road, Question::Bankrupt, shown(&ends, net, from));
    }
    (row, exact)
}

/// The turn on the side that is shown: where the net position loses, or where it has gained enough to be safe again.
fn shown(ends: &Ends, net: Ordering, from: f64) -> Option<Turn> {
    match (net, ends.fails) {
        (Ordering::Greater, false) | (Ordering::Less, true) => ends.down,
        (Ordering::Less, false) | (Ordering::Greater, true) => ends.up,
        (Ordering::Equal, _) => match (ends.down, ends.up) {
            (Some(down), Some(up)) => {
                let away = |turn: Turn| (ends.reported(Some(turn)) / from - 1.0).abs();
                Some(if away(up) < away(down) { up } else { down })
            }
            (down, up) => down.or(up),
        },
    }
}

/// Whether a pool is net long, flat or short in an instrument.
fn net_sign(book: &Book, pool: usize, instrument: usize) -> Ordering {
    let holdings = book.holdings();
    let mut legs = holdings.positions_of(pool).filter(|&position| holdings.instrument(position) == instrument);
    let first = legs.next().map_or(0.0, |position| holdings.quantity(position));
    match legs.next() {
        None => first.total_cmp(&0.0),
        Some(second) => {
            let others = legs.chain([second]).map(|position| Exact::from_f64(holdings.quantity(position)));
            others.fold(Exact::from_f64(first), |sum, quantity| sum + quantity).sign()
        }
    }
}
