//! Operations: accounts that change while they are watched.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::book::{Keys, Tables};
use crate::error::Result;
use crate::ledger::{Fills, Funding, Grants, Outcome, Staged, Transfers};
use crate::score::{Missing, check_prices};

use super::accounts::NONE;
use super::event::{Event, Operation, PoolKey};
use super::line::FREE;
use super::pools::{ALONE, How};
use super::report::{When, stop_gone};
use super::state::State;
use super::{Monitor, valued_at};

/// A pool as it was before an operation.
#[derive(Debug, Clone, Copy)]
struct Old {
    order: u32,
    key: PoolKey,
    bits: u32,
}

/// An account as it was before an operation.
#[derive(Debug, Clone, Default)]
struct Before {
    pools: Vec<Old>,
    stopped: bool,
    reference: f64,
}

impl Monitor {
    /// Applies fills; see [`crate::ledger::Ledger::fills`]. Flags that changed go to `events`.
    ///
    /// # Errors
    /// As there; and [`crate::Error::MissingPrice`] for what would be held and has no price. Nothing has changed then.
    pub fn apply_fills(&mut self, fills: &Fills<'_>, events: &mut Vec<Event>) -> Result<Outcome> {
        let staged = self.state.ledger.fills(fills)?;
        self.operate(Operation::Fills, staged, events)
    }

    /// Moves money to accounts and from them; see [`crate::ledger::Ledger::transfers`]. What the soft stop of an account is
    /// relative to moves by as much, valued at the present index price.
    ///
    /// # Errors
    /// As there. Nothing has changed then.
    pub fn apply_transfers(&mut self, transfers: &Transfers<'_>, events: &mut Vec<Event>) -> Result<Outcome> {
        let staged = self.state.ledger.transfers(transfers)?;
        self.operate(Operation::Transfers, staged, events)
    }

    /// Pays funding between the holders of instruments; see [`crate::ledger::Ledger::funding`].
    ///
    /// # Errors
    /// As there. Nothing has changed then.
    pub fn apply_funding(&mut self, funding: &Funding<'_>, events: &mut Vec<Event>) -> Result<Outcome> {
        let staged = self.state.ledger.funding(funding, &self.state.prices)?;
        self.operate(Operation::Funding, staged, events)
    }

    /// Grants vouchers of bonuses; see [`crate::ledger::Ledger::grant`].
    ///
    /// # Errors
    /// As there. Nothing has changed then.
    pub fn apply_grants(&mut self, grants: &Grants<'_>, events: &mut Vec<Event>) -> Result<Outcome> {
        let staged = self.state.ledger.grant(grants)?;
        self.operate(Operation::Grants, staged, events)
    }

    /// Lets vouchers go that are void at a time; see [`crate::ledger::Ledger::expire`].
    ///
    /// # Errors
    /// As there. Nothing has changed then.
    pub fn expire(&mut self, now: i64, events: &mut Vec<Event>) -> Result<Outcome> {
        let staged = self.state.ledger.expire(now)?;
        self.operate(Operation::Expire, staged, events)
    }

    /// Brings new accounts under watch. Their soft stops are relative to their equity now.
    ///
    /// # Errors
    /// As [`crate::ledger::Ledger::open`]; and [`crate::Error::MissingPrice`]. Nothing has changed then.
    pub fn open_accounts(&mut self, tables: &Tables<'_>, events: &mut Vec<Event>) -> Result<Outcome> {
        let staged = self.state.ledger.open(tables)?;
        self.operate(Operation::Open, staged, events)
    }

    /// Lets accounts leave with all that they hold. Flags of theirs that are set, latched or not, are left.
    ///
    /// # Errors
    /// As [`crate::ledger::Ledger::close`]. Nothing has changed then.
    pub fn close_accounts(&mut self, accounts: &Keys<'_>, events: &mut Vec<Event>) -> Result<Outcome> {
        let staged = self.state.ledger.close(accounts)?;
        self.operate(Operation::Close, staged, events)
    }

    /// Gives accounts exactly these rows, whatever they held before. Latches and what soft stops are relative to stay.
    ///
    /// # Errors
    /// As [`crate::ledger::Ledger::replace`]; and [`crate::Error::MissingPrice`]. Nothing has changed then.
    pub fn replace_accounts(&mut self, tables: &Tables<'_>, events: &mut Vec<Event>) -> Result<Outcome> {
        let staged = self.state.ledger.replace(tables)?;
        self.operate(Operation::Replace, staged, events)
    }

    /// Opens latches: flags of these accounts are what they are now, and what their soft stops are relative to is their equity
    /// now.
    ///
    /// # Errors
    /// [`crate::Error::Argument`] for a number of no account that is open. Nothing has changed then.
    pub fn reset(&mut self, accounts: &[u32], events: &mut Vec<Event>) -> Result<()> {
        for &account in accounts {
            if !self.state.ledger.is_open(account as usize) {
                let message = format!("had {account}, expected numbers of accounts that are open");
                return Err(crate::Error::argument("accounts", message));
            }
        }
        let (when, first) = (self.now(Operation::Reset), events.len());
        let mut outcome = Ok(());
        for &account in accounts {
            let before = self.state.before(account);
            self.state.forget(account);
            let again = self.state.watch(account, f64::NAN, &Before::default());
            outcome = outcome.and(again).and(self.state.report_changes(account, &before, &when, events));
        }
        self.close_operation(first, events);
        outcome
    }

    fn now(&self, operation: Operation) -> When {
        When { frame: self.frame, time: self.time, operation: Some(operation) }
    }

    fn close_operation(&mut self, first: usize, events: &mut [Event]) {
        events[first..].sort_by(Event::in_order);
        self.operations += 1;
        self.state.counts.events += (events.len() - first) as u64;
        self.count_changes();
    }

    /// Puts an operation in place that can be, and reports what changed by it.
    fn operate(&mut self, operation: Operation, mut staged: Staged, events: &mut Vec<Event>) -> Result<Outcome> {
        for change in staged.changes() {
            let Some(book) = change.book else { continue };
            check_prices(book, &self.state.prices, Missing::Refuse)?;
            for pool in change.pools {
                valued_at(self.state.valuation, book, pool, &self.state.prices)?;
            }
        }
        let mut before: BTreeMap<u32, Before> = BTreeMap::new();
        for change in staged.changes() {
            before.insert(change.account, self.state.before(change.account));
        }
        let outcome = staged.take_outcome();
        if operation == Operation::Transfers {
            self.state.move_references(&outcome, &mut before);
        }
        let changed = self.state.ledger.commit(staged)?;
        let (when, first) = (self.now(operation), events.len());
        let mut result = Ok(());
        for account in changed {
            let was = before.remove(&account).unwrap_or_default();
            self.state.forget(account);
            let again = if self.state.ledger.is_open(account as usize) {
                self.state.watch(account, was.reference, &was)
            } else {
                Ok(())
            };
            result = result.and(again).and(self.state.report_changes(account, &was, &when, events));
        }
        self.close_operation(first, events);
        result.map(|()| outcome)
    }
}

impl State {
    /// What an account is before an operation.
    fn before(&self, account: u32) -> Before {
        if account as usize >= self.accounts.of.len() || !self.ledger.is_open(account as usize) {
            return Before { reference: f64::NAN, ..Before::default() };
        }
        let old = |slot: u32| {
            let of = &self.pools.slots[slot as usize];
            Old { order: of.order, key: self.key(slot), bits: of.bits & !self.levels.stopped }
        };
        Before {
            pools: self.accounts.slots(account).map(old).collect(),
            stopped: self.is_stopped(account),
            reference: self.accounts.of[account as usize].reference,
        }
    }

    /// Moves what soft stops are relative to by what was transferred.
    fn move_references(&self, outcome: &Outcome, before: &mut BTreeMap<u32, Before>) {
        let Some(valuation) = self.valuation else { return };
        for (at, account) in outcome.account.iter().enumerate() {
            let value = outcome.amount[at] * self.rate(outcome.asset[at] as usize, valuation);
            if let Some(before) = before.get_mut(account) {
                before.reference += value;
            }
        }
    }

    /// Takes an account out of watch.
    fn forget(&mut self, account: u32) {
        if account as usize >= self.accounts.of.len() {
            return;
        }
        let slots: Vec<u32> = self.accounts.slots(account).collect();
        for slot in slots {
            self.forget_pool(slot);
        }
        let node = std::mem::replace(&mut self.accounts.of[account as usize].node, NONE);
        if node != NONE {
            self.watches.remove(node);
        }
        self.accounts.list(account, Vec::new());
        self.accounts.of[account as usize].reference = f64::NAN;
    }

    fn forget_pool(&mut self, slot: u32) {
        if self.pools.slots[slot as usize].followed != ALONE {
            self.leave(slot);
        }
        let pool = self.pools.slots[slot as usize];
        match pool.how {
            How::Rules => self.watches.remove(pool.first),
            How::Lanes => self.pools.held[pool.held()].iter_mut().for_each(|held| held.armed = [FREE; 2]),
            How::Gone => {}
        }
        self.pools.vacate(slot);
    }

    /// Watches an account of the ledger; latches are as they were. A reference that is NaN is the equity now.
    fn watch(&mut self, account: u32, reference: f64, was: &Before) -> Result<()> {
        let (book, pools) = self.ledger.held(account as usize);
        let (book, mut slots) = (Arc::clone(book), Vec::with_capacity(pools.len()));
        let rows = self.rows_of(&book);
        for (order, pool) in pools.enumerate() {
            let slot = self.pools.slot(Self::vacant(account, u32::try_from(order).unwrap_or(u32::MAX)));
            self.bring(&book, pool, rows.as_deref(), slot);
            slots.push(slot);
        }
        while self.accounts.of.len() <= account as usize {
            self.accounts.push(0, 0);
        }
        self.accounts.list(account, slots.clone());
        self.begin(account, reference, was.stopped)?;
        for slot in slots {
            let key = self.key(slot);
            let old = was.pools.iter().find(|old| old.key == key).map_or(0, |old| old.bits & self.levels.latched);
            if old & !self.pools.slots[slot as usize].bits != 0 {
                self.pools.slots[slot as usize].bits |= old;
                let sums = self.sums(slot);
                self.arm(slot, sums.as_ref(), None);
            }
        }
        Ok(())
    }

    /// Reports how an account differs from what it was.
    fn report_changes(&self, account: u32, was: &Before, when: &When, events: &mut Vec<Event>) -> Result<()> {
        let mut gone: Vec<&Old> = was.pools.iter().collect();
        for slot in self.accounts.slots(account) {
            let key = self.key(slot);
            let at = gone.iter().position(|old| old.key == key);
            let before = at.map_or(0, |at| gone.remove(at).bits);
            let stopped = self.pools.slots[slot as usize].bits & self.levels.stopped;
            self.report(slot, before | stopped, self.sums(slot).as_ref(), (when, &[]), events)?;
        }
        for old in gone {
            self.report_gone((account, old.order, old.key), old.bits, when, events);
        }
        if !self.ledger.is_open(account as usize) {
            if was.stopped {
                events.push(stop_gone(account, when));
            }
            return Ok(());
        }
        let stopped = self.is_stopped(account);
        if stopped == was.stopped { Ok(()) } else { self.report_stop(account, stopped, (when, &[]), events) }
    }
}
