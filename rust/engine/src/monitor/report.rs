//! From flags that changed to events.

use crate::book::{Holdings, PoolKind};
use crate::error::Result;
use crate::market::Prices;
use crate::pool::{Book, Source, judge};

use super::alerts::Alert;
use super::event::{Cause, Event, Operation, PoolKey};
use super::pools::{How, Sums};
use super::state::{Shown, State, rate};

/// When and why flags change.
#[derive(Debug, Clone, Copy)]
pub(super) struct When {
    pub(super) frame: u64,
    pub(super) time: i64,
    /// What was done; `None`: prices came.
    pub(super) operation: Option<Operation>,
}

/// A price that a frame moved, and what it was before.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moved {
    pub(super) line: u32,
    pub(super) before: f64,
}

/// What tells a pool of a book from the others of its account.
fn key_of(book: &Book, pool: usize) -> PoolKey {
    let holdings: &Holdings = book.holdings();
    let position = holdings.positions_of(pool).start;
    let isolated = holdings.kind(pool) == PoolKind::Isolated;
    let number = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    PoolKey {
        kind: holdings.kind(pool),
        asset: number(holdings.asset(pool)),
        instrument: isolated.then(|| number(holdings.instrument(position))),
        side: isolated.then(|| holdings.side(position)),
    }
}

impl State {
    /// The alerts whose bits are set.
    pub(super) fn alerts_of(&self, bits: u32) -> impl Iterator<Item = Alert> + use<> {
        let n = u8::try_from(self.levels.ratio.len()).unwrap_or(u8::MAX);
        let (liquidatable, stopped) = (self.levels.liquidatable, self.levels.stopped);
        let levels = (0..n).filter(move |level| bits >> level & 1 == 1).map(Alert::Level);
        let liquidation = (bits & liquidatable != 0).then_some(Alert::Liquidation);
        let stop = (bits & stopped != 0).then_some(Alert::SoftStop);
        levels.chain(liquidation).chain(stop)
    }

    /// Reports what changed about a pool whose flags were `before`.
    pub(super) fn report(
        &self,
        slot: u32,
        before: u32,
        sums: Option<&Sums>,
        (when, moved): (&When, &[Moved]),
        events: &mut Vec<Event>,
    ) -> Result<()> {
        let pool = &self.pools.slots[slot as usize];
        let changed = (pool.bits ^ before) & !self.levels.stopped;
        if changed != 0 {
            let shown = self.shown(slot, sums)?;
            let key = self.key(slot);
            for alert in self.alerts_of(changed) {
                let entered = pool.bits & self.alerts.bit(alert) != 0;
                let cause = self.cause(Some(slot), pool.account, entered, (when, moved));
                events.push(event(when, (pool.account, Some((pool.order, key))), (alert, entered, cause), &shown));
            }
        }
        if (pool.bits ^ before) & self.levels.stopped != 0 {
            let entered = pool.bits & self.levels.stopped != 0;
            self.report_stop(pool.account, entered, (when, moved), events)?;
        }
        Ok(())
    }

    /// What tells a pool from the others of its account.
    pub(super) fn key(&self, slot: u32) -> PoolKey {
        let pool = &self.pools.slots[slot as usize];
        if pool.is_cross {
            return PoolKey { kind: PoolKind::Cross, asset: u32::from(pool.asset), instrument: None, side: None };
        }
        let (book, of) = self.source(slot);
        key_of(book, of)
    }

    /// Reports that an account was stopped, or is no more.
    pub(super) fn report_stop(
        &self,
        account: u32,
        entered: bool,
        (when, moved): (&When, &[Moved]),
        events: &mut Vec<Event>,
    ) -> Result<()> {
        let shown = Shown { margin_ratio: f64::NAN, excess: f64::NAN, equity: self.equity(account)? };
        let cause = self.cause(None, account, entered, (when, moved));
        events.push(event(when, (account, None), (Alert::SoftStop, entered, cause), &shown));
        Ok(())
    }

    /// Reports the flags of a pool that is no more.
    pub(super) fn report_gone(
        &self,
        (account, order, key): (u32, u32, PoolKey),
        bits: u32,
        when: &When,
        events: &mut Vec<Event>,
    ) {
        let nothing = Shown { margin_ratio: f64::NAN, excess: f64::NAN, equity: f64::NAN };
        let cause = Cause::Operation(when.operation.unwrap_or(Operation::Close));
        for alert in self.alerts_of(bits) {
            events.push(event(when, (account, Some((order, key))), (alert, false, cause), &nothing));
        }
    }

    /// Why flags of a pool, or the stop of an account, changed: the price that moved it furthest that way.
    fn cause(&self, slot: Option<u32>, account: u32, entered: bool, (when, moved): (&When, &[Moved])) -> Cause {
        if let Some(operation) = when.operation {
            return Cause::Operation(operation);
        }
        let named = |moved: &Moved| match self.places.source(moved.line) {
            Source::Mark(at) => Cause::Mark(at),
            Source::Index(at) => Cause::Index(u32::from(at)),
            Source::Last(at) => Cause::Last(at),
        };
        if let [only] = moved {
            return named(only);
        }
        let mut furthest: Option<(f64, &Moved)> = None;
        let mut without = None;
        for of in moved {
            let by = self.moved_by(slot, account, of, &mut without);
            let by = if entered && by != f64::NEG_INFINITY { -by } else { by };
            if furthest.is_none_or(|(most, _)| by > most) {
                furthest = Some((by, of));
            }
        }
        furthest.map_or(Cause::Operation(Operation::Reset), |(_, of)| named(of))
    }

    /// What one price of the frame did to the excess of a pool, or to the equity of an account; minus infinity where it is none of
    /// theirs. By the sums of positions where pools are watched by them, else by the rules: the present prices against the same
    /// with that one as it was.
    fn moved_by(&self, slot: Option<u32>, account: u32, moved: &Moved, without: &mut Option<Prices>) -> f64 {
        if let (Some(slot), Source::Mark(at)) = (slot, self.places.source(moved.line))
            && self.pools.slots[slot as usize].how == How::Lanes
        {
            return self.moved_in_lanes(slot, at, moved.before);
        }
        let pools: Vec<u32> = slot.map_or_else(|| self.accounts.slots(account).collect(), |slot| vec![slot]);
        if !pools.iter().any(|&pool| self.looks_at(pool, moved.line, slot.is_none())) {
            return f64::NEG_INFINITY;
        }
        let without = without.get_or_insert_with(|| self.prices.clone());
        let put = |prices: &mut Prices, price: f64| match self.places.source(moved.line) {
            Source::Mark(at) => prices.set_mark(at as usize, price),
            Source::Index(at) => prices.set_index(usize::from(at), price),
            Source::Last(at) => prices.set_last(at as usize, price),
        };
        let figure = |prices: &Prices| {
            pools.iter().fold(0.0, |sum, &pool| {
                let (book, of) = self.source(pool);
                let judged = judge(book, of, prices);
                if slot.is_some() {
                    return judged.excess;
                }
                let asset = book.holdings().asset(of);
                sum + judged.equity * self.valuation.map_or(f64::NAN, |valuation| rate(prices, asset, valuation))
            })
        };
        let now = figure(without);
        put(without, moved.before);
        let by = now - figure(without);
        put(without, self.lines[moved.line as usize].price);
        by
    }

    fn moved_in_lanes(&self, slot: u32, line: u32, before: f64) -> f64 {
        let pool = &self.pools.slots[slot as usize];
        let mut by = f64::NEG_INFINITY;
        for held in &self.pools.held[pool.held()] {
            if self.rows.of[usize::from(held.row)].line == line {
                let [now, then] = [self.lines[line as usize].price, before].map(|price| {
                    let (value, charge) = self.rows.part(held.row, held.quantity, price);
                    value - self.levels.trigger() * charge
                });
                by = now - then + if by == f64::NEG_INFINITY { 0.0 } else { by };
            }
        }
        by
    }

    /// Whether a price is one that a pool looks at, or its account's valuation does.
    fn looks_at(&self, slot: u32, line: u32, valued: bool) -> bool {
        let (book, pool) = self.source(slot);
        let holdings = book.holdings();
        match self.places.source(line) {
            Source::Mark(at) | Source::Last(at) => book.looks_at_instrument(pool, at),
            Source::Index(at) => {
                let asset = usize::from(at);
                (book.is_joint(pool) && holdings.layers_of(pool).any(|layer| holdings.layer_asset(layer) == asset))
                    || (valued && (holdings.asset(pool) == asset || self.valuation == Some(asset)))
            }
        }
    }
}

/// The event of a stop that left with its account.
pub(super) fn stop_gone(account: u32, when: &When) -> Event {
    let nothing = Shown { margin_ratio: f64::NAN, excess: f64::NAN, equity: f64::NAN };
    let cause = Cause::Operation(when.operation.unwrap_or(Operation::Close));
    event(when, (account, None), (Alert::SoftStop, false, cause), &nothing)
}

fn event(
    when: &When,
    (account, pool): (u32, Option<(u32, PoolKey)>),
    (alert, entered, cause): (Alert, bool, Cause),
    shown: &Shown,
) -> Event {
    Event {
        frame: when.frame,
        time: when.time,
        account,
        pool,
        alert,
        entered,
        cause,
        margin_ratio: shown.margin_ratio,
        excess: shown.excess,
        equity: shown.equity,
    }
}
