//! Threads for one call: scoped, so that nothing outlives it and a fork finds no pool in the way.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::error::{Error, Result};

/// Whether the caller has stopped a call, asked between parts of work that takes long.
pub(crate) struct Stop {
    ask: Option<fn() -> bool>,
    said: AtomicBool,
}

impl Stop {
    pub(crate) const fn new(ask: Option<fn() -> bool>) -> Self {
        Self { ask, said: AtomicBool::new(false) }
    }

    /// Whether what is left is to be left undone.
    pub(crate) fn now(&self) -> bool {
        if !self.said.load(Ordering::Relaxed) && self.ask.is_some_and(|ask| ask()) {
            self.said.store(true, Ordering::Relaxed);
        }
        self.said.load(Ordering::Relaxed)
    }

    /// What was made, if nothing was left undone.
    pub(crate) fn unless_said<T>(self, made: T) -> Result<T> {
        if self.said.into_inner() { Err(Error::Stopped) } else { Ok(made) }
    }
}

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
