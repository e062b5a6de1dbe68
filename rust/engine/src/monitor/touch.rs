//! Frames: who has to be looked at, and what has become of them.

use crate::error::Result;
use crate::memory::will_read;
use crate::pool::Source;

use super::event::Event;
use super::frame::{Quote, Tick};
use super::line::FREE;
use super::pools::Pool;
use super::report::{Moved, When};
use super::state::{State, Touched};
use super::watches::{Owner, watch_of};

/// How many pools ahead are fetched.
const AHEAD: usize = 4;

impl State {
    /// Applies the prices of a frame, and reports what changed by it.
    pub(super) fn apply(
        &mut self,
        ticks: &[Tick],
        when: &When,
        moved: &mut Vec<Moved>,
        events: &mut Vec<Event>,
    ) -> Result<()> {
        self.counts.frames += 1;
        moved.clear();
        for tick in ticks {
            self.go(tick, moved);
        }
        if self.scratch.fired.is_empty() && self.scratch.touched.is_empty() {
            return Ok(());
        }
        if moved.len() > 1 {
            // A price that came back is none that moved; of one that came twice the first is what it was.
            moved.sort_by_key(|moved| moved.line);
            moved.dedup_by_key(|moved| moved.line);
            let lines = &self.lines;
            moved.retain(|moved| moved.before.to_bits() != lines[moved.line as usize].price.to_bits());
        }
        self.gather();
        let first = events.len();
        let outcome = self.look(when, moved, events);
        if events.len() - first > 1 {
            events[first..].sort_by(Event::in_order);
        }
        self.counts.events += (events.len() - first) as u64;
        outcome
    }

    /// Moves a price.
    #[inline]
    fn go(&mut self, tick: &Tick, moved: &mut Vec<Moved>) {
        let (at, price) = (tick.at, tick.price);
        let source = match tick.quote {
            Quote::Mark => Source::Mark(at),
            Quote::Index => Source::Index(u16::try_from(at).unwrap_or(u16::MAX)),
            Quote::Last => Source::Last(at),
        };
        let line = self.places.line(source);
        let before = self.lines[line as usize].price;
        if before.to_bits() == price.to_bits() {
            return;
        }
        self.counts.ticks += 1;
        moved.push(Moved { line, before });
        match tick.quote {
            Quote::Mark => {
                self.prices.set_mark(at as usize, price);
                self.rows.go(line as usize, price);
                self.step(line as usize);
            }
            Quote::Index => {
                self.prices.set_index(at as usize, price);
                if before.is_nan() {
                    self.touch_all_nodes();
                }
            }
            Quote::Last => self.prices.set_last(at as usize, price),
        }
        self.lines[line as usize].go(price, &mut self.arena, &mut self.scratch.fired);
    }

    /// Notes all that is watched by the rules: an index price that there was none of counts from now on.
    #[cold]
    fn touch_all_nodes(&mut self) {
        for node in 0..self.watches.nodes.len() {
            if self.watches.is_watching(node) {
                self.scratch.touched.push(Touched { who: self.watches.nodes[node].owner, only: None });
            }
        }
    }

    /// Takes the step of a price with all pools that are followed.
    #[inline]
    fn step(&mut self, line: usize) {
        let (touched, pools) = (&mut self.scratch.touched, &self.pools);
        let look = |slot, first| {
            pools.fetch(slot, first);
            touched.push(Touched { who: Owner::Pool(slot), only: None });
        };
        self.counts.steps += self.following.go(line, &self.rows, self.lines[line].step, look);
    }

    /// From triggers that fired to who set them.
    fn gather(&mut self) {
        let mut fired = std::mem::take(&mut self.scratch.fired);
        for at in 0..fired.len() {
            if let Some(next) = fired.get(at + 2 * AHEAD).filter(|next| watch_of(next.who).is_none()) {
                will_read(&self.pools.held, next.who as usize);
            }
            let trigger = fired[at];
            let (armed, who) = match watch_of(trigger.who) {
                None => {
                    let held = &mut self.pools.held[trigger.who as usize];
                    (&mut held.armed, Owner::Pool(held.pool))
                }
                Some(watch) => {
                    let watch = &mut self.watches.of[watch];
                    (&mut watch.armed, self.watches.nodes[watch.node as usize].owner)
                }
            };
            let mut live = false;
            for edge in armed {
                if *edge == trigger.at {
                    (*edge, live) = (FREE, true);
                }
            }
            if live {
                self.scratch.touched.push(Touched { who, only: Some(trigger.who as usize) });
            }
        }
        fired.clear();
        self.scratch.fired = fired;
    }

    /// Looks at all that were noted.
    fn look(&mut self, when: &When, moved: &[Moved], events: &mut Vec<Event>) -> Result<()> {
        let mut touched = std::mem::take(&mut self.scratch.touched);
        self.next_stamp();
        let mut outcome = Ok(());
        for at in 0..touched.len() {
            self.fetch(&touched, at);
            let Touched { who, only } = touched[at];
            let of = match who {
                Owner::Pool(slot) => self.look_at_pool(slot, only, (when, moved), events),
                Owner::Account(account) => self.look_at_account(account, (when, moved), events),
            };
            outcome = outcome.and(of);
        }
        touched.clear();
        self.scratch.touched = touched;
        outcome
    }

    /// Another number than who was looked at before has.
    fn next_stamp(&mut self) {
        let (stamp, wrapped) = self.scratch.stamp.overflowing_add(1);
        self.scratch.stamp = stamp;
        if wrapped {
            for pool in &mut self.pools.slots {
                pool.stamp = 0;
            }
            for node in &mut self.watches.nodes {
                node.stamp = 0;
            }
            self.scratch.stamp = 1;
        }
    }

    /// Fetches what will be looked at soon.
    #[inline]
    fn fetch(&self, touched: &[Touched], at: usize) {
        let slot = |at: usize| match touched.get(at) {
            Some(Touched { who: Owner::Pool(slot), .. }) => Some(*slot as usize),
            _ => None,
        };
        if let Some(slot) = slot(at + 2 * AHEAD) {
            will_read(&self.pools.slots, slot);
        }
        if let Some(slot) = slot(at + AHEAD) {
            let pool = &self.pools.slots[slot];
            let first = pool.first as usize;
            will_read(&self.pools.held, first);
            will_read(&self.pools.held, first + 2);
            self.following.fetch(pool.followed);
        }
    }

    #[inline]
    fn look_at_pool(
        &mut self,
        slot: u32,
        only: Option<usize>,
        why: (&When, &[Moved]),
        events: &mut Vec<Event>,
    ) -> Result<()> {
        let pool: &mut Pool = &mut self.pools.slots[slot as usize];
        // Who was looked at in this frame is not again.
        if std::mem::replace(&mut pool.stamp, self.scratch.stamp) == self.scratch.stamp {
            return Ok(());
        }
        self.counts.touches += 1;
        let before = pool.bits;
        let sums = self.sums(slot);
        let bits = self.bits(slot, sums.as_ref()) | before & self.levels.latched;
        let mut outcome = Ok(());
        if bits != before {
            self.pools.slots[slot as usize].bits = bits;
            outcome = self.report(slot, before, sums.as_ref(), why, events);
        }
        self.arm(slot, sums.as_ref(), only);
        outcome
    }

    fn look_at_account(&mut self, account: u32, why: (&When, &[Moved]), events: &mut Vec<Event>) -> Result<()> {
        let node = self.accounts.of[account as usize].node as usize;
        if std::mem::replace(&mut self.watches.nodes[node].stamp, self.scratch.stamp) == self.scratch.stamp {
            return Ok(());
        }
        self.counts.touches += 1;
        let mut outcome = Ok(());
        if !self.watches.nodes[node].stopped && self.is_beyond_stop(account) {
            self.watches.nodes[node].stopped = true;
            outcome = self.report_stop(account, true, why, events);
        }
        self.arm_account(account);
        outcome
    }
}
