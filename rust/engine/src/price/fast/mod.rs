//! Liquidation prices along one instrument, where doubles of twice the precision decide them.
//!
//! Of most pools what a position adds to the excess is a piecewise linear function of its own price. Its root is
//! found as a twofold number with a bound of its error, and the doubles next to it by the decimals that they denote:
//! `kernel/roots` has the arguments. What that leaves open, and pools of other rules, go to the search of the caller, which
//! is exact.

mod along;
mod lanes;
mod legs;
mod pieces;
mod tables;
#[cfg(test)]
mod tests;

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::kernel::{Isa, RootFigures, stream};
use crate::market::Prices;
use crate::memory::filled;
use crate::parallel;
use crate::pool::{Book, Path, Pieces, Refined};

use crate::score::Options;

use super::positions::{Row, Wanted};

use lanes::LaneState;
use pieces::PieceState;
use tables::Tables;

/// Columns to fill, an element a position, in the order of positions.
#[derive(Debug, Default)]
pub(super) struct Columns<'a> {
    pub(super) below: Option<&'a mut [f64]>,
    pub(super) above: Option<&'a mut [f64]>,
    pub(super) liquidation_price: Option<&'a mut [f64]>,
    pub(super) bankruptcy_price: Option<&'a mut [f64]>,
    pub(super) liquidatable: Option<&'a mut [bool]>,
}

/// What columns are filled for, and how: the latter changes no result.
#[derive(Clone, Copy)]
pub(super) struct At<'a> {
    pub(super) book: &'a Book,
    pub(super) prices: &'a Prices,
    pub(super) isa: Isa,
    pub(super) threads: usize,
}

/// The columns of the positions of some pools.
struct Share<'a> {
    pools: Range<usize>,
    /// The first position.
    first: usize,
    columns: Columns<'a>,
}

/// Which change of state is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    /// Of the excess.
    Liquidation,
    /// Of what counts as collateral.
    Bankruptcy,
}

/// What every share needs.
#[derive(Clone, Copy)]
struct Question<'a> {
    what: What,
    /// What is wanted in all.
    wanted: Wanted,
    book: &'a Book,
    refined: &'a Refined,
    pieces: &'a Pieces,
    tables: &'a Tables,
    prices: &'a Prices,
    isa: Isa,
    /// Whether the columns are too large to stay in the caches.
    past_caches: bool,
}

/// Positions that are computed together, and that a thread claims together.
const WINDOW: usize = 1024;
const SHARE: usize = 1 << 15;
/// The same where some are always searched for.
const SLOW_SHARE: usize = 1 << 8;

/// From this many positions on, columns are larger than the caches of most processors.
const PAST_CACHES: usize = 1 << 18;

/// As [`fill`], with columns in the order of the input rows; `places` says where each position is in it, and is asked only
/// where that is not the order of positions.
pub(super) fn fill_in_row_order(
    refined: &Refined,
    columns: Columns<'_>,
    at: At<'_>,
    places: impl FnOnce() -> Vec<u32>,
    search: impl Fn(usize, usize, Wanted) -> (Row, bool) + Sync,
) -> usize {
    if refined.in_order {
        return fill(refined, columns, at, search);
    }
    let n = at.book.holdings().n_positions();
    let Columns { below, above, liquidation_price, bankruptcy_price, liquidatable } = columns;
    let mut reals = [below, above, liquidation_price, bankruptcy_price]
        .map(|column| (filled(if column.is_some() { n } else { 0 }, 0.0), column));
    let mut flags = (vec![false; if liquidatable.is_some() { n } else { 0 }], liquidatable);
    let [below, above, liquidation_price, bankruptcy_price] =
        reals.each_mut().map(|(own, column)| column.is_some().then_some(&mut own[..]));
    let liquidatable = flags.1.is_some().then_some(&mut flags.0[..]);
    let own = Columns { below, above, liquidation_price, bankruptcy_price, liquidatable };
    let n_exact = fill(refined, own, at, search);
    let places = places();
    for (own, column) in &mut reals {
        put_in_place(own, column, &places);
    }
    put_in_place(&flags.0, &mut flags.1, &places);
    n_exact
}

fn put_in_place<T: Copy>(own: &[T], column: &mut Option<&mut [T]>, places: &[u32]) {
    if let Some(column) = column {
        for (&value, &place) in own.iter().zip(places) {
            column[place as usize] = value;
        }
    }
}

/// Fills the columns of all positions: those that are left open by `search`, which is given a pool, a position and what is
/// wanted of it, and says whether only exact arithmetic could tell. Returns how often that was.
pub(super) fn fill(
    refined: &Refined,
    columns: Columns<'_>,
    at: At<'_>,
    search: impl Fn(usize, usize, Wanted) -> (Row, bool) + Sync,
) -> usize {
    let At { book, prices, isa, threads } = at;
    let wanted = columns.wanted();
    let free = wanted.bankruptcy.then(|| refined.pieces.free());
    let asked = [
        wanted.liquidation.then_some((What::Liquidation, &refined.pieces)),
        free.as_ref().map(|free| (What::Bankruptcy, free)),
    ];
    let asked: Vec<_> = asked.into_iter().flatten().collect();
    let tables: Vec<Tables> =
        asked.iter().map(|&(what, pieces)| Tables::new(book, refined, pieces, (prices, what))).collect();
    let past_caches = book.holdings().n_positions() >= PAST_CACHES;
    let question =
        |(&(what, pieces), tables)| Question { what, wanted, book, refined, pieces, tables, prices, isa, past_caches };
    let questions: Vec<Question<'_>> = asked.iter().zip(&tables).map(question).collect();
    let n_exact = AtomicUsize::new(0);
    let most = if refined.path.contains(&Path::Rules) { SLOW_SHARE } else { SHARE };
    parallel::for_each(threads, shares(book, columns, most), State::default, |state, mut share| {
        for (at, question) in questions.iter().enumerate() {
            n_exact.fetch_add(question.share(state, &mut share, at == 0, &search), Ordering::Relaxed);
        }
    });
    n_exact.into_inner()
}

/// Fewer positions than this are not worth a second thread.
const POSITIONS_PER_THREAD: usize = 1 << 13;

/// Threads for a book; asking how many there are takes long as well.
pub(super) fn threads(book: &Book, options: &Options) -> usize {
    let n_positions = book.holdings().n_positions();
    match options.threads.filter(|&n| n > 0) {
        Some(threads) => threads,
        None if n_positions < 2 * POSITIONS_PER_THREAD => 1,
        None => parallel::threads_or_all(None).min(n_positions / POSITIONS_PER_THREAD),
    }
}

impl Share<'_> {
    /// Copies the figures of `n` positions from `first` on.
    fn copy(&mut self, of: Question<'_>, figures: &RootFigures, first: usize, n: usize) {
        let columns = &mut self.columns;
        let at = first - self.first..first - self.first + n;
        let copy = |column: &mut Option<&mut [f64]>, values: &[f64]| {
            if let Some(column) = column {
                stream::copy(&values[..n], &mut column[at.clone()], of.past_caches);
            }
        };
        if of.what == What::Bankruptcy {
            copy(&mut columns.bankruptcy_price, &figures.nearest);
        } else {
            copy(&mut columns.below, &figures.below);
            copy(&mut columns.above, &figures.above);
            copy(&mut columns.liquidation_price, &figures.nearest);
            if let Some(flags) = &mut columns.liquidatable {
                for (flag, &excess) in flags[at.clone()].iter_mut().zip(&figures.excess) {
                    *flag = excess < 0.0;
                }
            }
        }
        stream::finish(of.past_caches);
    }
}

/// Cuts the columns into shares of whole pools.
fn shares<'a>(book: &Book, mut columns: Columns<'a>, most: usize) -> Vec<Share<'a>> {
    let starts = &book.holdings().pool_positions;
    let n_pools = book.holdings().n_pools();
    let mut shares = Vec::new();
    let mut pool = 0;
    while pool < n_pools {
        let first = starts[pool];
        let most = first.saturating_add(u32::try_from(most).unwrap_or(u32::MAX));
        let end = starts.partition_point(|&start| start <= most).saturating_sub(1).clamp(pool + 1, n_pools);
        let part = columns.take(starts[end] as usize - first as usize);
        shares.push(Share { pools: pool..end, first: first as usize, columns: part });
        pool = end;
    }
    shares
}

impl Columns<'_> {
    /// Splits off the first `n` elements.
    fn take(&mut self, n: usize) -> Self {
        fn first<'a, T>(column: &mut Option<&'a mut [T]>, n: usize) -> Option<&'a mut [T]> {
            let (head, tail) = column.take()?.split_at_mut(n);
            *column = Some(tail);
            Some(head)
        }
        Self {
            below: first(&mut self.below, n),
            above: first(&mut self.above, n),
            liquidation_price: first(&mut self.liquidation_price, n),
            bankruptcy_price: first(&mut self.bankruptcy_price, n),
            liquidatable: first(&mut self.liquidatable, n),
        }
    }

    fn wanted(&self) -> Wanted {
        let liquidation = self.below.is_some()
            || self.above.is_some()
            || self.liquidation_price.is_some()
            || self.liquidatable.is_some();
        Wanted { liquidation, bankruptcy: self.bankruptcy_price.is_some() }
    }

    /// Puts what was wanted of a position.
    fn put(&mut self, at: usize, row: &Row, wanted: Wanted) {
        let reals = [
            (&mut self.below, row.below, wanted.liquidation),
            (&mut self.above, row.above, wanted.liquidation),
            (&mut self.liquidation_price, row.liquidation_price, wanted.liquidation),
            (&mut self.bankruptcy_price, row.bankruptcy_price, wanted.bankruptcy),
        ];
        for (column, value, _) in reals.into_iter().filter(|&(.., wanted)| wanted) {
            if let Some(column) = column {
                column[at] = value;
            }
        }
        if let Some(flags) = self.liquidatable.as_mut().filter(|_| wanted.liquidation) {
            flags[at] = row.liquidatable;
        }
    }
}

/// A thread's working memory.
#[derive(Default)]
struct State {
    lanes: LaneState,
    pieces: PieceState,
    /// Positions left open, ascending.
    open: Vec<u32>,
}

impl Question<'_> {
    /// Fills a share; returns how often only exact arithmetic could tell. Unless it is the first question about them,
    /// positions that are always searched for have been already.
    fn share(
        &self,
        state: &mut State,
        share: &mut Share<'_>,
        is_first: bool,
        search: &(impl Fn(usize, usize, Wanted) -> (Row, bool) + Sync),
    ) -> usize {
        let starts = &self.book.holdings().pool_positions;
        let own = Wanted { liquidation: self.what == What::Liquidation, bankruptcy: self.what == What::Bankruptcy };
        let mut n_exact = 0;
        let mut pool = share.pools.start;
        while pool < share.pools.end {
            let path = self.refined.path[pool];
            let ends = (starts[pool] as usize).saturating_add(WINDOW);
            let joins = |&next: &usize| self.refined.path[next] == path && (starts[next] as usize) < ends;
            let end = pool + 1 + (pool + 1..share.pools.end).take_while(joins).count();
            state.open.clear();
            match path {
                Path::Lanes => state.lanes.window(*self, pool..end, share, &mut state.open),
                Path::Pieces => state.pieces.window(*self, (pool..end, &self.tables.plain), share, &mut state.open),
                Path::Joint => state.pieces.window(*self, (pool..end, &self.tables.joint), share, &mut state.open),
                Path::Rules if is_first => state.open.extend(starts[pool]..starts[end]),
                Path::Rules => {}
            }
            let wanted = if path == Path::Rules { self.wanted } else { own };
            for &position in &state.open {
                while starts[pool + 1] <= position {
                    pool += 1;
                }
                let position = position as usize;
                let (row, exact) = search(pool, position, wanted);
                n_exact += usize::from(exact);
                share.columns.put(position - share.first, &row, wanted);
            }
            pool = end;
        }
        n_exact
    }
}
