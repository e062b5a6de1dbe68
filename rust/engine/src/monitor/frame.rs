//! Frames: prices that apply at once.

use crate::error::{Error, Result};
use crate::market::{Market, check_tick};

/// Which price of an instrument or asset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Quote {
    /// The mark price of an instrument.
    Mark,
    /// The index price of an asset.
    Index,
    /// The price of the last trade of an instrument.
    Last,
}

impl Quote {
    /// The name in tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mark => "mark",
            Self::Index => "index",
            Self::Last => "last",
        }
    }
}

/// A price that came.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tick {
    /// Which price.
    pub quote: Quote,
    /// Of which instrument, or asset for an index price: its place in the market's order.
    pub at: u32,
    /// Quote per base; of an asset in the valuation asset.
    pub price: f64,
}

/// Frames in a row.
#[derive(Debug, Clone, Copy, Default)]
pub struct Frames<'a> {
    /// The prices of all frames, frame after frame. Where one frame has a price twice, the later one counts.
    pub ticks: &'a [Tick],
    /// Where each frame ends in them; ascending, the last is their number. `None`: each price is a frame.
    pub ends: Option<&'a [u32]>,
    /// The time of each frame, in nanoseconds; `None`: they have none.
    pub times: Option<&'a [i64]>,
    /// Asked now and then, between frames: whether to stop there. The frames so far stay applied.
    pub stop: Option<fn() -> bool>,
}

impl<'a> Frames<'a> {
    /// Number of frames.
    #[must_use]
    pub const fn len(&self) -> usize {
        match self.ends {
            Some(ends) => ends.len(),
            None => self.ticks.len(),
        }
    }

    /// Whether there is no frame.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The prices of a frame.
    pub(super) fn ticks_of(&self, frame: usize) -> &'a [Tick] {
        let Some(ends) = self.ends else { return &self.ticks[frame..=frame] };
        let start = if frame == 0 { 0 } else { ends[frame - 1] as usize };
        &self.ticks[start..ends[frame] as usize]
    }

    /// Refuses frames that do not fit together, and prices that are none.
    pub(super) fn check(&self, market: &Market) -> Result<()> {
        if let Some(ends) = self.ends {
            let last = ends.last().map_or(0, |&end| end as usize);
            if !ends.is_sorted() || last != self.ticks.len() {
                let message = format!("ended at {last}, expected ascending ends up to {} prices", self.ticks.len());
                return Err(Error::argument("ends", message));
            }
        }
        if let Some(times) = self.times
            && times.len() != self.len()
        {
            let message = format!("had {} elements, expected {}, one per frame", times.len(), self.len());
            return Err(Error::argument("times", message));
        }
        self.ticks.iter().try_for_each(|tick| check(market, tick))
    }
}

/// Refuses a price that is none, or of nothing.
pub(super) fn check(market: &Market, tick: &Tick) -> Result<()> {
    let n = if tick.quote == Quote::Index { market.assets().len() } else { market.instruments().len() };
    let at = tick.at as usize;
    if at >= n {
        let what = if tick.quote == Quote::Index { "asset" } else { "instrument" };
        return Err(Error::argument("at", format!("was {at}, expected the place of an {what} below {n}")));
    }
    let name = || {
        if tick.quote == Quote::Index { market.assets()[at].name() } else { market.instruments()[at].name() }
    };
    check_tick(tick.quote.name(), name, tick.price)
}
