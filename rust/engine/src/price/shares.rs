//! Work shared out to threads, for questions that take long for each pool.

use crate::parallel;
use crate::pool::Book;
use crate::score::Options;

const POOLS_AT_ONCE: usize = 64;

/// Rows of pools, and the first of the pools.
pub(super) fn shares<T>(rows: &mut [T]) -> Vec<(usize, &mut [T])> {
    rows.chunks_mut(POOLS_AT_ONCE).enumerate().map(|(at, rows)| (at * POOLS_AT_ONCE, rows)).collect()
}

/// Pools, and the rows of their positions.
pub(super) type Share<'a, T> = (std::ops::Range<usize>, &'a mut [T]);

/// Rows of positions by pools.
pub(super) fn shares_of_positions<'a, T>(book: &Book, mut rows: &'a mut [T]) -> Vec<Share<'a, T>> {
    let holdings = book.holdings();
    let mut shares = Vec::new();
    for first in (0..holdings.n_pools()).step_by(POOLS_AT_ONCE) {
        let pools = first..holdings.n_pools().min(first + POOLS_AT_ONCE);
        let n = holdings.positions_of(pools.end - 1).end - holdings.positions_of(first).start;
        let (head, tail) = std::mem::take(&mut rows).split_at_mut(n);
        shares.push((pools, head));
        rows = tail;
    }
    shares
}

/// Threads for work that takes long for each position; asking how many there are takes long as well.
pub(super) fn threads(book: &Book, options: &Options) -> usize {
    const POSITIONS_PER_THREAD: usize = 256;
    let n_positions = book.holdings().n_positions();
    match options.threads.filter(|&n| n > 0) {
        Some(threads) => threads,
        None if n_positions < 2 * POSITIONS_PER_THREAD => 1,
        None => parallel::threads_or_all(None).min(n_positions / POSITIONS_PER_THREAD),
    }
}
