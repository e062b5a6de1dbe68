//! What a monitor has done so far, to be read while it goes on.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts, each read by itself; no thread waits for another.
#[derive(Debug, Default)]
pub struct Stats {
    frames: AtomicU64,
    ticks: AtomicU64,
    touches: AtomicU64,
    steps: AtomicU64,
    exact: AtomicU64,
    events: AtomicU64,
    bytes: AtomicU64,
}

/// What was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Frames that were applied.
    pub frames: u64,
    /// Prices in them that were not what they had been.
    pub ticks: u64,
    /// Times that a pool, or the equity of an account, was evaluated because some price had left its box, or had brought it, followed, to a flag.
    pub touches: u64,
    /// Steps of positions whose pools are followed: one product and sum each.
    pub steps: u64,
    /// Touches in which only exact arithmetic could tell.
    pub exact: u64,
    /// Flags that changed.
    pub events: u64,
    /// Bytes that the monitor holds beside the book, when last counted.
    pub bytes: u64,
}

impl Stats {
    /// The counts now.
    #[must_use]
    pub fn read(&self) -> Counts {
        let read = |of: &AtomicU64| of.load(Ordering::Relaxed);
        Counts {
            frames: read(&self.frames),
            ticks: read(&self.ticks),
            touches: read(&self.touches),
            steps: read(&self.steps),
            exact: read(&self.exact),
            events: read(&self.events),
            bytes: read(&self.bytes),
        }
    }

    /// Shows counts of who alone changes them.
    pub(super) fn show(&self, counts: &Counts) {
        let show = |of: &AtomicU64, count: u64| of.store(count, Ordering::Relaxed);
        show(&self.frames, counts.frames);
        show(&self.ticks, counts.ticks);
        show(&self.touches, counts.touches);
        show(&self.steps, counts.steps);
        show(&self.exact, counts.exact);
        show(&self.events, counts.events);
        show(&self.bytes, counts.bytes);
    }
}
