//! How pools come under watch, and leave it.

use std::sync::Arc;

use crate::book::PoolKind;
use crate::error::Result;
use crate::memory::with_room;
use crate::pool::Book;

use super::accounts::NONE;
use super::line::{EDGES, FREE};
use super::pools::How;
use super::queue::{Arena, Trigger};
use super::state::State;
use super::verdict::has_plain_tiers;
use super::watches::Owner;

/// How many positions ahead buckets are fetched.
const AHEAD: usize = 16;

impl State {
    /// Brings all accounts of the ledger under watch, with what their soft stops are relative to (NaN: their equity now), and
    /// whether they are stopped already.
    pub(super) fn bring_all(
        &mut self,
        reference: impl Fn(usize) -> f64,
        stopped: impl Fn(usize) -> bool,
    ) -> Result<()> {
        let number = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        let n_accounts = self.ledger.n_accounts();
        self.accounts.of = with_room(n_accounts);
        let mut last: Option<(Arc<Book>, Option<Vec<u16>>)> = None;
        for account in 0..n_accounts {
            let (book, pools) = self.ledger.held(account);
            if last.as_ref().is_none_or(|(last, _)| !Arc::ptr_eq(last, book)) {
                let book = Arc::clone(book);
                let rows = self.rows_of(&book);
                self.pools.reserve(&book, rows.is_some());
                last = Some((book, rows));
            }
            let Some((book, rows)) = &last else { continue };
            self.accounts.push(number(self.pools.slots.len()), number(pools.len()));
            for (order, pool) in pools.enumerate() {
                let slot = self.pools.slot(Self::vacant(number(account), number(order)));
                self.bring(book, pool, rows.as_deref(), slot);
            }
        }
        self.quiet = true;
        for account in 0..self.accounts.of.len() {
            if self.ledger.is_open(account) {
                self.begin(number(account), reference(account), stopped(account))?;
            }
        }
        self.quiet = false;
        self.fill();
        self.arm_all_nodes();
        Ok(())
    }

    /// The rows of a book's classes; `None` where its pools are watched by the rules.
    pub(super) fn rows_of(&mut self, book: &Book) -> Option<Vec<u16>> {
        if book.folded().is_none() || !has_plain_tiers(book.market()) {
            return None;
        }
        let rows = self.rows.add(book, self.prices.mark());
        self.following.know(&self.rows, |line| self.lines[line as usize].step);
        rows
    }

    /// Puts a pool of a book into a slot.
    pub(super) fn bring(&mut self, book: &Book, pool: usize, rows: Option<&[u16]>, slot: u32) {
        let holdings = book.holdings();
        let n = holdings.positions_of(pool).len();
        let of = &mut self.pools.slots[slot as usize];
        of.is_cross = holdings.kind(pool) == PoolKind::Cross;
        of.asset = u16::try_from(holdings.asset(pool)).unwrap_or(u16::MAX);
        match rows {
            Some(rows) if u16::try_from(n).is_ok() => {
                let first = self.pools.room(n);
                self.pools.put(book, pool, rows, (slot, first));
            }
            _ => {
                let node = self.watches.add(Owner::Pool(slot));
                let of = &mut self.pools.slots[slot as usize];
                (of.how, of.first, of.n) = (How::Rules, node, 0);
            }
        }
    }

    /// Sets all triggers of positions at once.
    fn fill(&mut self) {
        let mut n = vec![[0, 0]; self.lines.len()];
        for held in &self.pools.held {
            let line = self.rows.of[usize::from(held.row)].line as usize;
            for edge in EDGES {
                n[line][edge as usize] += usize::from(held.armed[edge as usize] != FREE);
            }
        }
        self.arena = Arena::new(n.iter().flatten().copied());
        let mut first = 0;
        for (line, n) in self.lines.iter_mut().zip(n) {
            first = line.make_room(n, first);
        }
        for (who, held) in self.pools.held.iter().enumerate() {
            let later = self.pools.held.get(who + AHEAD);
            for edge in EDGES {
                if let Some(later) = later.filter(|later| later.armed[edge as usize] != FREE) {
                    let line = self.rows.of[usize::from(later.row)].line as usize;
                    self.lines[line].will_set(&self.arena, edge, later.armed[edge as usize]);
                }
                let at = held.armed[edge as usize];
                if at != FREE {
                    let trigger = Trigger { at, who: u32::try_from(who).unwrap_or(u32::MAX) };
                    let line = self.rows.of[usize::from(held.row)].line as usize;
                    self.lines[line].lay(&mut self.arena, edge, trigger);
                }
            }
        }
    }

    /// Finds the boxes of all that is watched by the rules.
    fn arm_all_nodes(&mut self) {
        for node in 0..self.watches.nodes.len() {
            match self.watches.nodes[node].owner {
                Owner::Pool(slot) => self.arm(slot, None, None),
                Owner::Account(account) => self.arm_account(account),
            }
        }
    }

    /// Finds the flags of an account and watches them. A reference that is NaN is the equity now.
    pub(super) fn begin(&mut self, account: u32, reference: f64, was_stopped: bool) -> Result<()> {
        if self.alerts.soft_stop.is_some() {
            self.check_valued(account)?;
            let of = if reference.is_nan() { self.equity(account)? } else { reference };
            self.accounts.of[account as usize].reference = of;
            self.watch_stop(account, was_stopped);
        }
        for order in 0..self.accounts.n_slots(account) {
            let Some(slot) = self.accounts.slot(account, order) else { continue };
            let sums = self.sums(slot);
            let latched = self.pools.slots[slot as usize].bits & self.levels.stopped;
            self.pools.slots[slot as usize].bits = self.bits(slot, sums.as_ref()) | latched;
            if sums.is_some() || !self.quiet {
                self.arm(slot, sums.as_ref(), None);
            }
        }
        let node = self.accounts.of[account as usize].node;
        if node != NONE {
            self.watches.nodes[node as usize].stopped = was_stopped || self.is_beyond_stop(account);
            if !self.quiet {
                self.arm_account(account);
            }
        }
        Ok(())
    }
}
