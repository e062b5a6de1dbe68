//! Threads for one call: scoped, so that nothing outlives it and a fork finds no pool in the way.

use std::sync::{Mutex, PoisonError};

/// Runs `work` on every item with `threads` threads, each with its own state.
///
/// Items are claimed one by one, so that which thread does what is left open: results must not depend on it.
pub(crate) fn for_each<T: Send, S>(
    threads: usize,
    items: Vec<T>,
    state: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, T) + Sync,
) {
    let threads = threads.clamp(1, items.len().max(1));
    if threads == 1 {
        let mut state = state();
        for item in items {
            work(&mut state, item);
        }
        return;
    }
    let queue = Mutex::new(items.into_iter());
    let run = || {
        let mut state = state();
        // The lock is held for the claim only; a panic elsewhere leaves the queue sound.
        while let Some(item) = { queue.lock().unwrap_or_else(PoisonError::into_inner).next() } {
            work(&mut state, item);
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(run);
        }
        run();
    });
}

/// The number of threads to use: what was asked for, or one for each processor.
#[must_use]
pub fn threads_or_all(asked: Option<usize>) -> usize {
    asked.filter(|&n| n > 0).unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from))
}
