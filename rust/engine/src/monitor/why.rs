//! What a monitor knows, to be looked at: flags, and the present box of a pool.

use crate::error::{Error, Result};
use crate::pool::{Book, Source};

use super::event::PoolKey;
use super::line::Edge;
use super::pools::{ALONE, How};
use super::{Monitor, Quote};

/// The flags of all pools and accounts, in the order of [`Monitor::to_book`].
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Flags {
    /// The numbers of the accounts that are open.
    pub accounts: Vec<u32>,
    /// Whether each of them is stopped.
    pub stopped: Vec<bool>,
    /// What the soft stop of each is relative to, in the valuation asset; NaN where there is none.
    pub references: Vec<f64>,
    /// For each pool the number of its account.
    pub pool_account: Vec<u32>,
    /// For each pool a bit for each level that is passed, in the order of [`super::Alerts::levels`], then one for being liquidatable.
    pub pool_bits: Vec<u32>,
}

/// One side of a box: how far a price may go.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Side {
    /// Which price.
    pub quote: Quote,
    /// Of which instrument or asset, in the market's order.
    pub at: u32,
    /// The price now.
    pub present: f64,
    /// While the price is at or above this, and below `high`, the pool is not looked at for it; 0 where it may fall as it likes.
    pub low: f64,
    /// Infinite where it may rise as it likes.
    pub high: f64,
}

/// How a pool is watched now.
#[derive(Debug, Clone, PartialEq)]
pub struct Why {
    /// Which pool.
    pub key: PoolKey,
    /// Its flags, as in [`Flags::pool_bits`].
    pub bits: u32,
    /// Whether it is so near to a flag that it is followed from price to price; it has no box then, and its sides are NaN.
    pub followed: bool,
    /// Its box: none of its flags changes while all prices are within their sides.
    pub sides: Vec<Side>,
}

impl Monitor {
    /// The flags now.
    #[must_use]
    pub fn flags(&self) -> Flags {
        let (state, mut flags) = (&self.state, Flags::default());
        let watched = state.levels.watched;
        for account in 0..u32::try_from(state.ledger.n_accounts()).unwrap_or(u32::MAX) {
            if !state.ledger.is_open(account as usize) {
                continue;
            }
            flags.accounts.push(account);
            flags.stopped.push(state.is_stopped(account));
            flags.references.push(state.accounts.reference(account));
            for slot in state.accounts.slots(account) {
                flags.pool_account.push(account);
                flags.pool_bits.push(state.pools.slots[slot as usize].bits & watched);
            }
        }
        flags
    }

    /// The present box of a pool, by the number of its account and its place among the account's pools.
    ///
    /// # Errors
    /// [`Error::Argument`] for a pool that there is not.
    pub fn why(&self, account: u32, pool: u32) -> Result<Why> {
        let state = &self.state;
        let slot = state.accounts.slot(account, pool).ok_or_else(|| {
            Error::argument("pool", format!("was {pool} of account {account}, expected one of the account's pools"))
        })?;
        let of = &state.pools.slots[slot as usize];
        let side = |line: u32, armed: [u32; 2]| {
            let (quote, at) = match state.places.source(line) {
                Source::Mark(at) => (Quote::Mark, at),
                Source::Index(at) => (Quote::Index, u32::from(at)),
                Source::Last(at) => (Quote::Last, at),
            };
            let line = &state.lines[line as usize];
            let bound = |edge: Edge| line.bound(edge, armed[edge as usize]);
            let [low, high] =
                [Edge::Low, Edge::High].map(|edge| if of.followed == ALONE { bound(edge) } else { f64::NAN });
            Side { quote, at, present: line.price, low, high }
        };
        let sides = if of.how == How::Rules {
            state.watches.of_node(of.first).iter().map(|watch| side(watch.line, watch.armed)).collect()
        } else {
            let line = |row: u16| state.rows.of[usize::from(row)].line;
            state.pools.held[of.held()].iter().map(|held| side(line(held.row), held.armed)).collect()
        };
        Ok(Why { key: state.key(slot), bits: of.bits & state.levels.watched, followed: of.followed != ALONE, sides })
    }

    /// All accounts that are open in one book, as they are now.
    ///
    /// # Errors
    /// As [`crate::ledger::Ledger::to_book`].
    pub fn to_book(&self) -> Result<Book> {
        self.state.ledger.to_book()
    }
}
