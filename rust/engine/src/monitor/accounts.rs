//! Accounts: where their pools are, and what stops them.

use std::collections::HashMap;

/// No node.
pub(super) const NONE: u32 = u32::MAX;

/// An account.
#[derive(Debug, Clone, Copy)]
pub(super) struct Account {
    /// The slots of its pools are one after the other from here on, unless they are listed.
    first: u32,
    n: u32,
    /// The node that watches its soft stop; [`NONE`] where its only pool does, or nobody.
    pub(super) node: u32,
    /// What its soft stop is relative to; NaN where there is none.
    pub(super) reference: f64,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Accounts {
    pub(super) of: Vec<Account>,
    listed: HashMap<u32, Vec<u32>>,
}

impl Accounts {
    /// An account whose pools are in slots one after the other.
    pub(super) fn push(&mut self, first: u32, n: u32) {
        self.of.push(Account { first, n, node: NONE, reference: f64::NAN });
    }

    /// The slot of a pool by its place in the account.
    pub(super) fn slot(&self, account: u32, order: u32) -> Option<u32> {
        let of = self.of.get(account as usize)?;
        if order >= of.n {
            return None;
        }
        Some(self.listed.get(&account).map_or(of.first + order, |slots| slots[order as usize]))
    }

    /// What the soft stop of an account is relative to; NaN where there is none.
    pub(super) fn reference(&self, account: u32) -> f64 {
        self.of.get(account as usize).map_or(f64::NAN, |of| of.reference)
    }

    /// Number of an account's pools.
    pub(super) fn n_slots(&self, account: u32) -> u32 {
        self.of[account as usize].n
    }

    /// The slots of an account's pools.
    pub(super) fn slots(&self, account: u32) -> impl Iterator<Item = u32> + '_ {
        let of = self.of[account as usize];
        let listed = self.listed.get(&account);
        (0..of.n).map(move |order| listed.map_or(of.first + order, |slots| slots[order as usize]))
    }

    /// Gives an account other slots.
    pub(super) fn list(&mut self, account: u32, slots: Vec<u32>) {
        self.of[account as usize].n = u32::try_from(slots.len()).unwrap_or(u32::MAX);
        self.listed.insert(account, slots);
    }

    pub(super) fn bytes(&self) -> usize {
        self.of.capacity() * size_of::<Account>() + self.listed.len() * 64
    }
}
