//! Frames: who has to be looked at, and what has become of them.

use crate::error::Result;
use crate::pool::Source;

use super::event::Event;
use super::frame::{Quote, Tick};
use super::line::FREE;
use super::pools::Pool;
use super::report::{Moved, When};
use super::state::{State, Touched};
use super::watches::{Owner, watch_of};

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
            events[first..].sort_by_key(Event::order);
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
        self.lines[line as usize].go(price, &mut self.scratch.fired);
    }

    /// Notes all that is watched by the rules: an index price that there was none of counts from now on.
    #[cold]
    fn touch_all_nodes(&mut self) {
        for node in 0..self.watches.nodes.len() {
            if self.watches.is_watching(node) {
                self.touch(self.watches.nodes[node].owner, u32::MAX);
            }
        }
    }

    /// Takes the step of a price with all pools that are followed.
    #[inline]
    fn step(&mut self, line: usize) {
        let (pools, touched) = (&mut self.pools.slots, &mut self.scratch.touched);
        self.counts.steps += self.following.go(line, &self.rows, |slot| {
            let stamp = &mut pools[slot as usize].stamp;
            if *stamp == 0 {
                touched.push(Touched { who: Owner::Pool(slot), only: None });
                *stamp = u32::try_from(touched.len()).unwrap_or(u32::MAX);
            }
        });
    }

    /// From triggers that fired to who set them, each once.
    fn gather(&mut self) {
        let mut fired = std::mem::take(&mut self.scratch.fired);
        for trigger in fired.drain(..) {
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
                self.touch(who, trigger.who);
            }
        }
        self.scratch.fired = fired;
    }

    /// Notes that somebody has to be looked at.
    fn touch(&mut self, who: Owner, position: u32) {
        let stamp = match who {
            Owner::Pool(slot) => &mut self.pools.slots[slot as usize].stamp,
            Owner::Account(account) => {
                let node = self.accounts.of[account as usize].node;
                &mut self.watches.nodes[node as usize].stamp
            }
        };
        let touched = &mut self.scratch.touched;
        if *stamp == 0 {
            touched.push(Touched { who, only: Some(position as usize) });
            *stamp = u32::try_from(touched.len()).unwrap_or(u32::MAX);
        } else if touched[*stamp as usize - 1].only != Some(position as usize) {
            touched[*stamp as usize - 1].only = None;
        }
    }

    /// Looks at all that were noted.
    fn look(&mut self, when: &When, moved: &[Moved], events: &mut Vec<Event>) -> Result<()> {
        let mut touched = std::mem::take(&mut self.scratch.touched);
        self.counts.touches += touched.len() as u64;
        let mut outcome = Ok(());
        for Touched { who, only } in touched.drain(..) {
            let of = match who {
                Owner::Pool(slot) => self.look_at_pool(slot, only, (when, moved), events),
                Owner::Account(account) => self.look_at_account(account, (when, moved), events),
            };
            outcome = outcome.and(of);
        }
        self.scratch.touched = touched;
        outcome
    }

    #[inline]
    fn look_at_pool(
        &mut self,
        slot: u32,
        only: Option<usize>,
        why: (&When, &[Moved]),
        events: &mut Vec<Event>,
    ) -> Result<()> {
        let sums = self.sums(slot);
        let pool: &mut Pool = &mut self.pools.slots[slot as usize];
        pool.stamp = 0;
        let before = pool.bits;
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
        self.watches.nodes[node].stamp = 0;
        let mut outcome = Ok(());
        if !self.watches.nodes[node].stopped && self.is_beyond_stop(account) {
            self.watches.nodes[node].stopped = true;
            outcome = self.report_stop(account, true, why, events);
        }
        self.arm_account(account);
        outcome
    }
}
