//! Orders that waited for a trigger and were reached: what becomes of them in their account.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::error::Result;
use crate::pool::Book;

use super::Ledger;
use super::staged::{Faulty, Outcome, Staged, Working};
use super::state::State;

impl Ledger {
    /// Makes ready that an order that waits, by its place among those of its account, is gone.
    pub(crate) fn without_waiting(&self, account: usize, at: usize) -> Result<Staged> {
        self.with_waiting(account, |state| {
            if at < state.waiting.len() {
                state.waiting.remove(at);
            }
        })
    }

    /// Makes ready that an order that waits, by its place among those of its account, waits for no trigger any more.
    pub(crate) fn with_triggered(&self, account: usize, at: usize) -> Result<Staged> {
        self.with_waiting(account, |state| {
            if let Some(waiting) = state.waiting.get_mut(at) {
                (waiting.trigger, waiting.take_profit) = (f64::NAN, false);
            }
        })
    }

    fn with_waiting(&self, account: usize, change: impl FnOnce(&mut State)) -> Result<Staged> {
        let mut of = Working { state: self.state(account), ..Working::default() };
        change(&mut of.state);
        let number = u32::try_from(account).unwrap_or(u32::MAX);
        self.stage(BTreeMap::from([(number, of)]), Faulty::new("orders"), Outcome::default())
    }
}

impl Staged {
    /// The book that a changed account will be in, and which of its accounts it is.
    pub(crate) fn place(&self, account: u32) -> Option<(&Arc<Book>, usize)> {
        let mut places = self.books.iter().filter_map(|(book, accounts)| {
            let at = accounts.iter().position(|&of| of == account)?;
            Some((book, at))
        });
        places.next()
    }
}
