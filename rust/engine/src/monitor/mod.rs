//! A question asked again and again: which pools' flags changed, as prices come.
//!
//! A [`Monitor`] holds for each pool a box of prices around the present ones in which none of its flags can change, and follows
//! those that are near a flag from price to price. A frame of prices looks only at pools whose box it leaves, or that it brings to
//! a flag. The flags after each frame are those that a full scan would find, always: boxes and distances are proven, and who is
//! looked at is decided anew, without rounding where rounding matters.

mod accounts;
mod alerts;
mod arm;
mod build;
mod change;
mod event;
mod follow;
mod followed;
mod frame;
mod line;
mod pools;
mod queue;
mod report;
mod rows;
mod snapshot;
mod state;
mod stats;
mod touch;
mod verdict;
mod watches;
mod why;

use std::sync::Arc;

use crate::environment;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::market::Prices;
use crate::pool::Book;

pub use alerts::{Alert, Alerts, Liquidation};
pub use event::{Cause, Event, NO_TIME, Operation, PoolKey};
pub use frame::{Frames, Quote, Tick};
pub use stats::{Counts, Stats};
pub use why::{Flags, Side, Why};

use report::{Moved, When};
use state::{State, valued_at};

/// Watches a book while prices come and accounts change.
#[derive(Debug)]
pub struct Monitor {
    state: State,
    stats: Arc<Stats>,
    frame: u64,
    time: i64,
    operations: u64,
    moved: Vec<Moved>,
}

impl Monitor {
    /// Watches a book from these prices on. The events are the flags that are set at them.
    ///
    /// `references` are what the soft stops of accounts are relative to, one per account in the valuation asset; NaN, or no
    /// column: the equity now.
    ///
    /// # Errors
    /// [`Error::MissingPrice`] naming all that is held and has no price; [`Error::Argument`] for alerts that are none, or
    /// a column of another length.
    pub fn new(
        book: Arc<Book>,
        prices: Prices,
        alerts: Alerts,
        references: Option<&[f64]>,
    ) -> Result<(Self, Vec<Event>)> {
        environment::check()?;
        let alerts = alerts.checked(book.market().assets().len())?;
        check_references(references, book.holdings().accounts().len())?;
        let valuation = alerts.soft_stop.map(|_| valuation_of(&book, &alerts)).transpose()?;
        let reference = |account: usize| references.map_or(f64::NAN, |references| references[account]);
        let state = State::begun(Ledger::new(book), prices, (alerts, valuation), (reference, |_| false))?;
        let mut monitor =
            Self { state, stats: Arc::default(), frame: 0, time: NO_TIME, operations: 0, moved: Vec::new() };
        let events = monitor.present(Operation::Construction)?;
        monitor.count();
        Ok((monitor, events))
    }

    /// The events of all flags that are set.
    fn present(&mut self, operation: Operation) -> Result<Vec<Event>> {
        let when = When { frame: self.frame, time: self.time, operation: Some(operation) };
        let mut events = Vec::new();
        for slot in 0..self.state.pools.slots.len() {
            if self.state.pools.slots[slot].bits != 0 {
                let slot = u32::try_from(slot).unwrap_or(u32::MAX);
                let sums = self.state.sums(slot);
                self.state.report(slot, 0, sums.as_ref(), (&when, &[]), &mut events)?;
            }
        }
        let stopped: Vec<u32> = self.state.watches.stopped().collect();
        for account in stopped {
            self.state.report_stop(account, true, (&when, &[]), &mut events)?;
        }
        events.sort_by(Event::in_order);
        self.state.counts.events += events.len() as u64;
        Ok(events)
    }

    /// Applies a frame: prices that hold at once. Flags that changed by its end go to `events`.
    ///
    /// # Errors
    /// [`Error::Price`] for what is no price, [`Error::Argument`] for a place that there is not; nothing has changed then.
    pub fn update(&mut self, ticks: &[Tick], time: i64, events: &mut Vec<Event>) -> Result<()> {
        ticks.iter().try_for_each(|tick| frame::check(self.state.ledger.market(), tick))?;
        let outcome = self.apply(ticks, time, events);
        self.stats.show(&self.state.counts);
        outcome
    }

    /// Applies frames one after the other.
    ///
    /// # Errors
    /// As [`Self::update`], before the first frame is applied; [`Error::Argument`] for columns that do not fit together;
    /// [`Error::Stopped`] where [`Frames::stop`] said so: [`Self::frame`] tells how far it came, and the events are those so far.
    pub fn update_many(&mut self, frames: &Frames<'_>, events: &mut Vec<Event>) -> Result<()> {
        frames.check(self.state.ledger.market())?;
        for frame in 0..frames.len() {
            let time = frames.times.map_or(NO_TIME, |times| times[frame]);
            self.apply(frames.ticks_of(frame), time, events)?;
            if frame % LOOK_EVERY == 0 {
                self.stats.show(&self.state.counts);
                if frames.stop.is_some_and(|stop| stop()) {
                    return Err(Error::Stopped);
                }
            }
        }
        self.stats.show(&self.state.counts);
        Ok(())
    }

    fn apply(&mut self, ticks: &[Tick], time: i64, events: &mut Vec<Event>) -> Result<()> {
        self.frame += 1;
        self.time = time;
        if self.frame.is_multiple_of(WEIGH_EVERY) {
            self.state.weigh();
        }
        let when = When { frame: self.frame, time, operation: None };
        self.state.apply(ticks, &when, &mut self.moved, events)
    }

    /// Takes stock of what is held.
    fn count(&mut self) {
        self.state.counts.bytes = self.state.bytes() as u64;
        self.stats.show(&self.state.counts);
    }

    /// Shows what was counted; now and then what is held.
    fn count_changes(&mut self) {
        if self.operations.is_multiple_of(1024) {
            self.count();
        }
        self.stats.show(&self.state.counts);
    }

    /// Counts that another thread may read while this one goes on.
    #[must_use]
    pub fn stats(&self) -> Arc<Stats> {
        Arc::clone(&self.stats)
    }

    /// The number of the last frame.
    #[must_use]
    pub const fn frame(&self) -> u64 {
        self.frame
    }

    /// How many operations were applied since the monitor was made.
    #[must_use]
    pub const fn operations(&self) -> u64 {
        self.operations
    }

    /// The asset that accounts are valued in for their soft stops, in the market's order; `None` where there are none.
    #[must_use]
    pub const fn valuation(&self) -> Option<usize> {
        self.state.valuation
    }

    /// The present prices.
    #[must_use]
    pub const fn prices(&self) -> &Prices {
        &self.state.prices
    }

    /// What is watched for, levels in descending order.
    #[must_use]
    pub const fn alerts(&self) -> &Alerts {
        &self.state.alerts
    }

    /// The accounts as they are now.
    #[must_use]
    pub const fn ledger(&self) -> &Ledger {
        &self.state.ledger
    }
}

/// After how many frames counts are shown, and whether to stop is asked.
const LOOK_EVERY: usize = 256;

/// After how many frames the sharing of slack takes the measure of how far prices move.
const WEIGH_EVERY: u64 = 1 << 14;

fn check_references(references: Option<&[f64]>, n: usize) -> Result<()> {
    let Some(references) = references else { return Ok(()) };
    if references.len() != n {
        let message = format!("had {} elements, expected {n}, one per account", references.len());
        return Err(Error::argument("references", message));
    }
    match references.iter().find(|reference| reference.is_infinite()) {
        Some(reference) => {
            Err(Error::argument("references", format!("had {reference}, expected finite amounts or NaN")))
        }
        None => Ok(()),
    }
}

/// The asset that accounts are valued in.
fn valuation_of(book: &Book, alerts: &Alerts) -> Result<usize> {
    let market = book.market();
    if let Some(asset) = alerts.valuation.or_else(|| market.rules().valuation_asset()) {
        return Ok(asset);
    }
    let holdings = book.holdings();
    let mut assets = (0..holdings.n_pools()).map(|pool| holdings.asset(pool));
    let first = assets.next().unwrap_or(0);
    if assets.all(|asset| asset == first) {
        return Ok(first);
    }
    let message =
        "is missing, and pools settle in several assets: say in which one accounts are valued, or turn soft stops off";
    Err(Error::argument("valuation", message))
}
