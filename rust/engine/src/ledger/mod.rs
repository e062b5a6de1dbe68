//! The book that lives: accounts that trade, are paid and charged, come and go.
//!
//! A [`Ledger`] begins with a [`Book`], which stays as it is, and keeps small books of the accounts that changed since. An
//! operation costs time in proportion to the accounts that it touches: each of them is read out of its book, changed, and
//! built into a book again, by the same checks and with the same figures, bit for bit, as a book of all accounts would
//! have. No figure is carried from one state to the next.
//!
//! Money moves in whole quanta of its asset and positions in lots, counted in 128-bit integers. A wallet is the decimal
//! that its first double denotes and the quanta that moved since, exactly; books have the double nearest to it. What is no
//! multiple is refused unless a [`Direction`] says where to go; how much that took from the owner is in [`Outcome`].
//! Entry prices are no money: the average of a position that was added to is the double nearest to the exact one, and the
//! decimal of that double is the entry price from then on.
//!
//! Operations leave the ledger as it is and give a [`Staged`] outcome, which [`Ledger::commit`] puts in place; a refused
//! one has changed nothing. A batch is all or nothing.
//!
//! Where the rules have a bonus, losses, funding and fees are paid by it as [`Purse`] says. A book keeps of a bonus its amount:
//! which vouchers it consists of, and what was realised since one paid, the ledger keeps.
//!
//! What a book does not keep of its tables a ledger does not know: `order_id` of an order, a `kind` that its prices say, and
//! balances of zero that were not given. Leverage and mode of a row that followed from settings are the row's own from then on.
//! Fills leave orders as they are, those that wait for a trigger too: [`Ledger::replace`] takes away what was filled.

mod accounts;
mod alone;
mod amount;
mod bonus;
pub(crate) mod bytes;
mod fills;
mod funding;
mod grants;
mod keys;
mod places;
mod rows;
mod single;
mod snapshot;
mod staged;
mod staging;
mod state;
mod trade;
mod transfers;
mod triggered;
mod variant;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_accounts;
#[cfg(test)]
mod tests_agree;
#[cfg(test)]
mod tests_bonus;
#[cfg(test)]
mod tests_orders;
#[cfg(test)]
mod tests_snapshot;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use crate::book::{AccountKeys, NO_KEY, OnError, QuantityUnit, Tables};
use crate::error::{Error, Result};
use crate::market::Market;
use crate::pool::{Book, KnownTables};

pub(crate) use alone::{Alone, Changed};
pub use amount::Direction;
pub use bonus::{Flow, Payment, Purse, Voucher};
pub use fills::Fills;
pub use funding::Funding;
pub use grants::Grants;
pub use keys::Key;
pub use staged::{Change, Outcome, Staged};
pub use transfers::Transfers;
pub(crate) use variant::{Rearranged, rearranged};

use amount::Fixed;
use keys::Directory;
use places::Places;
use rows::{Naming, Rows, Words};
use state::{Beside, State};

/// Accounts whose holdings change by operations.
///
/// Accounts are numbered as they are first seen: those of the book that it begins with, then those that are opened. A number
/// stays with its key: an account that was closed and is opened again has the number that it had.
///
/// # Examples
/// ```
/// use std::sync::Arc;
/// use crossmargin::book::{Balances, Keys, OnError, Tables};
/// use crossmargin::ledger::{Fills, Ledger};
/// use crossmargin::{Book, Market};
///
/// let market = Arc::new(Market::preset("binance-usdm", None)?);
/// let (usdt, btc) = (market.asset_index("USDT").unwrap() as i64, market.instrument_index("BTCUSDT").unwrap() as i64);
/// let balances =
///     Balances { account: Keys::Int(&[7]), asset: Keys::Int(&[usdt]), wallet_balance: &[1_000.0], ..Balances::default() };
/// let (book, _) = Book::build(market, Tables { balances, ..Tables::default() }, OnError::Refuse)?;
/// let mut ledger = Ledger::new(Arc::new(book));
///
/// let fills = Fills {
///     account: Keys::Int(&[7, 7]),
///     instrument: Keys::Int(&[btc, btc]),
///     quantity: &[0.5, -0.2],
///     price: &[60_000.0, 61_000.0],
///     fee: Some(&[3.0, 1.22]),
///     ..Fills::default()
/// };
/// let staged = ledger.fills(&fills)?;
/// assert_eq!(staged.outcome().realized_pnl, [0.0, 200.0]);
/// ledger.commit(staged)?;
///
/// let (book, pools) = ledger.held(0);
/// assert_eq!(book.holdings().layer_wallet(pools.start), 1_195.78);
/// assert_eq!(book.holdings().quantity(book.holdings().positions_of(pools.start).start), 0.3);
/// # Ok::<(), crossmargin::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Ledger {
    market: Arc<Market>,
    places: Places,
    keys: Directory,
    words: Words,
    quanta: Vec<Fixed>,
    /// The market as text, which takes long to write: made when first asked for.
    text: OnceLock<String>,
    /// What books of the market share.
    shared: Arc<KnownTables>,
    /// What books do not keep.
    beside: BTreeMap<u32, Beside>,
    /// Counts commits, so that what was staged on an earlier state is told.
    epoch: u64,
}

impl Ledger {
    /// A ledger that begins with the accounts of a book.
    #[must_use]
    pub fn new(base: Arc<Book>) -> Self {
        Self::with(base, Vec::new(), Directory::default())
    }

    /// A ledger of a book and of numbers, ascending, that are closed.
    fn with(base: Arc<Book>, closed: Vec<u32>, keys: Directory) -> Self {
        let market = Arc::clone(base.market());
        let quanta = market.assets().iter().map(|asset| Fixed::of(asset.quantum())).collect();
        let (words, places) = (Words::new(&market), Places::new(base, closed));
        let shared = Arc::default();
        Self { market, places, keys, words, quanta, text: OnceLock::new(), shared, beside: BTreeMap::new(), epoch: 0 }
    }

    /// The rules.
    #[must_use]
    pub const fn market(&self) -> &Arc<Market> {
        &self.market
    }

    /// The book that it began with.
    pub(crate) fn base(&self) -> &Arc<Book> {
        self.places.base()
    }

    /// What quantities count.
    #[must_use]
    pub fn quantity_unit(&self) -> QuantityUnit {
        self.places.base().holdings().quantity_unit
    }

    /// Number of accounts ever seen, those that are closed among them.
    #[must_use]
    pub const fn n_accounts(&self) -> usize {
        self.places.len()
    }

    /// Whether an account is there, and not closed.
    #[must_use]
    pub fn is_open(&self, account: usize) -> bool {
        self.places.is_open(account)
    }

    /// The key of an account, closed or not.
    #[must_use]
    pub fn key(&self, account: usize) -> Key<'_> {
        self.keys.key(self.first_keys(), account)
    }

    /// The number of the account with a key, closed or not; an integer is also the name that it is written as.
    #[must_use]
    pub fn find(&self, key: Key<'_>) -> Option<usize> {
        self.keys.find(self.first_keys(), key)
    }

    /// The book that an account is in, and its pools in that book; none of a closed one.
    ///
    /// The accounts of that book have numbers of this ledger, or other keys, as theirs: see [`Self::key`]. A commit may move
    /// further accounts to other books, where their pools are the same in the same order.
    #[must_use]
    pub fn held(&self, account: usize) -> (&Arc<Book>, Range<usize>) {
        self.places.pools(account)
    }

    /// Puts an outcome in place; gives the numbers of the accounts that changed, ascending.
    ///
    /// # Errors
    /// [`Error::Argument`] for an outcome that was staged before another one was put in place: stage it again.
    pub fn commit(&mut self, staged: Staged) -> Result<Vec<u32>> {
        if staged.epoch != self.epoch {
            return Err(Error::argument("staged", "was made of an earlier state; stage the operation again"));
        }
        self.epoch += 1;
        let base = Arc::clone(self.places.base());
        for key in &staged.opened {
            self.keys.push(base.holdings().accounts(), key.as_key());
            self.places.push();
        }
        let mut changed: Vec<u32> = staged.closed.clone();
        changed.extend(staged.books.iter().flat_map(|(_, accounts)| accounts));
        changed.sort_unstable();
        // Those that would be the last few of a larger book move out of it; where they cannot, they stay.
        let moved = self.rebuilt(&self.places.stragglers(&changed));
        for &account in &changed {
            self.beside.remove(&account);
        }
        self.beside.extend(staged.beside);
        for &account in &staged.closed {
            self.places.close(account);
        }
        for (book, accounts) in staged.books.into_iter().chain(moved) {
            self.places.put(book, accounts);
        }
        Ok(changed)
    }

    /// All open accounts in one book, in the order of their numbers, under their keys.
    ///
    /// # Errors
    /// As [`Book::build`], for what one book cannot hold, such as more than 65,535 margin classes.
    pub fn to_book(&self) -> Result<Book> {
        self.tables(|tables| Ok(Book::build(Arc::clone(&self.market), *tables, OnError::Refuse)?.0))
    }

    /// Lends the tables that [`Self::to_book`] makes a book of: all open accounts, in the order of their numbers.
    pub fn tables<T>(&self, read: impl FnOnce(&Tables<'_>) -> T) -> T {
        let mut rows = Rows::default();
        let text = self.keys.is_text(self.first_keys()) == Some(true);
        for account in (0..self.n_accounts()).filter(|&account| self.is_open(account)) {
            let name = match self.key(account) {
                Key::Int(key) => key,
                Key::Text(_) => i64::try_from(account).unwrap_or(i64::MAX),
            };
            rows.push(&self.market, &self.words, name, &self.state(account));
        }
        let unit = self.quantity_unit();
        if !text {
            return read(&rows.lend(&self.words, unit, Naming::Numbers));
        }
        let names: Vec<String> = (0..self.n_accounts()).map(|account| self.key(account).show()).collect();
        let code = |&account: &i64| u32::try_from(account).unwrap_or(NO_KEY);
        let codes = rows.account_columns().map(|column| column.iter().map(code).collect());
        read(&rows.lend(&self.words, unit, Naming::Names(&names, &codes)))
    }

    fn first_keys(&self) -> &AccountKeys {
        self.places.base().holdings().accounts()
    }

    /// What an open account holds; nothing of a closed one.
    fn state(&self, account: usize) -> State {
        let beside = u32::try_from(account).ok().and_then(|account| self.beside.get(&account));
        let beside = beside.unwrap_or(const { &Beside::NONE });
        self.places.get(account).map_or_else(State::default, |(book, at)| State::read(book.holdings(), at, beside))
    }
}
