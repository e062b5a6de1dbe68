//! Where accounts are: in the book that a ledger began with, or in small books of those that changed.

use std::ops::Range;
use std::sync::Arc;

use crate::pool::Book;

/// An account that is where it was at first.
const FIRST: u32 = 0;
/// An account that is closed.
const CLOSED: u32 = u32::MAX;
/// Of a small book, one in so many accounts must still be in use, or they are taken out of it.
const SPARSE: usize = 4;

/// A small book of accounts that changed together.
#[derive(Debug, Clone)]
struct Small {
    book: Arc<Book>,
    accounts: Vec<u32>,
    in_use: usize,
}

/// The place of every account.
#[derive(Debug, Clone)]
pub(super) struct Places {
    base: Arc<Book>,
    /// By number: [`FIRST`], [`CLOSED`], or one more than a slot.
    of: Vec<u32>,
    /// Small book, and the place in it.
    slots: Vec<(u32, u32)>,
    free_slots: Vec<u32>,
    small: Vec<Option<Small>>,
    free_small: Vec<u32>,
    /// Numbers, ascending, that the first book has no account for.
    absent: Vec<u32>,
}

fn short(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

impl Places {
    /// The accounts of a book, with further numbers, ascending, that are closed.
    pub(super) fn new(base: Arc<Book>, absent: Vec<u32>) -> Self {
        // Zeros from the system: no page is touched until an account of it changes.
        let mut of = vec![FIRST; base.holdings().accounts().len() + absent.len()];
        for &account in &absent {
            of[account as usize] = CLOSED;
        }
        Self { base, of, slots: Vec::new(), free_slots: Vec::new(), small: Vec::new(), free_small: Vec::new(), absent }
    }

    pub(super) const fn base(&self) -> &Arc<Book> {
        &self.base
    }

    pub(super) const fn len(&self) -> usize {
        self.of.len()
    }

    pub(super) fn is_open(&self, account: usize) -> bool {
        self.of.get(account).is_some_and(|&place| place != CLOSED)
    }

    /// The book that an account is in, and which of its accounts it is; `None` for a closed one.
    pub(super) fn get(&self, account: usize) -> Option<(&Arc<Book>, usize)> {
        match *self.of.get(account)? {
            CLOSED => None,
            FIRST if self.absent.is_empty() => Some((&self.base, account)),
            FIRST => {
                let before = self.absent.partition_point(|&absent| (absent as usize) < account);
                Some((&self.base, account - before))
            }
            place => {
                let (small, at) = *self.slots.get(place as usize - 1)?;
                let small = self.small.get(small as usize)?.as_ref()?;
                Some((&small.book, at as usize))
            }
        }
    }

    /// The book that an account is in, and its pools there; none of a closed one.
    pub(super) fn pools(&self, account: usize) -> (&Arc<Book>, Range<usize>) {
        self.get(account).map_or((&self.base, 0..0), |(book, at)| (book, book.holdings().pools_of(at)))
    }

    /// Numbers a new account, which is closed at first.
    pub(super) fn push(&mut self) {
        self.of.push(CLOSED);
    }

    pub(super) fn close(&mut self, account: u32) {
        self.release(account);
        self.of[account as usize] = CLOSED;
    }

    /// Puts accounts, in this order, into a book.
    pub(super) fn put(&mut self, book: Arc<Book>, accounts: Vec<u32>) {
        for &account in &accounts {
            self.release(account);
        }
        let in_use = accounts.len();
        let numbers = accounts.clone();
        let new = Some(Small { book, accounts, in_use });
        let small = self.free_small.pop().unwrap_or_else(|| {
            self.small.push(None);
            short(self.small.len() - 1)
        });
        self.small[small as usize] = new;
        for (at, account) in numbers.into_iter().enumerate() {
            let slot = self.slot((small, short(at)));
            self.of[account as usize] = slot + 1;
        }
    }

    fn slot(&mut self, of: (u32, u32)) -> u32 {
        if let Some(slot) = self.free_slots.pop() {
            self.slots[slot as usize] = of;
            return slot;
        }
        self.slots.push(of);
        short(self.slots.len() - 1)
    }

    /// Leaves the small book that an account is in.
    fn release(&mut self, account: u32) {
        let place = self.of[account as usize];
        if place == FIRST || place == CLOSED {
            return;
        }
        self.free_slots.push(place - 1);
        let (small, _) = self.slots[place as usize - 1];
        if let Some(of) = &mut self.small[small as usize] {
            of.in_use -= 1;
            if of.in_use == 0 {
                self.small[small as usize] = None;
                self.free_small.push(small);
            }
        }
    }

    /// Of the small books that accounts are about to leave, the accounts that would stay behind among too few.
    pub(super) fn stragglers(&self, leaving: &[u32]) -> Vec<u32> {
        let mut left: Vec<(u32, u32)> = leaving.iter().filter_map(|&account| self.small_of(account)).collect();
        left.sort_unstable();
        left.dedup();
        let mut all = Vec::new();
        for of in left.chunk_by(|a, b| a.0 == b.0) {
            let Some(small) = &self.small[of[0].0 as usize] else { continue };
            let rest = small.in_use - of.len();
            if rest > 0 && rest * SPARSE < small.accounts.len() {
                let stays = |account: &&u32| {
                    self.small_of(**account)
                        .is_some_and(|found| found.0 == of[0].0 && of.binary_search(&found).is_err())
                };
                all.extend(small.accounts.iter().filter(stays));
            }
        }
        all.sort_unstable();
        all
    }

    /// The small book that an account is in, with the account.
    fn small_of(&self, account: u32) -> Option<(u32, u32)> {
        match *self.of.get(account as usize)? {
            FIRST | CLOSED => None,
            place => Some((self.slots[place as usize - 1].0, account)),
        }
    }

    /// How many small books there are, and how many accounts they have room for.
    #[cfg(test)]
    pub(super) fn n_small(&self) -> (usize, usize) {
        let small = || self.small.iter().flatten();
        (small().count(), small().map(|small| small.accounts.len()).sum())
    }
}
