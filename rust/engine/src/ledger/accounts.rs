//! Accounts that come, go, or get other rows.

use std::sync::Arc;

use crate::book::{AccountKeys, Keys, OnError, Tables};
use crate::error::{Error, FaultKind, Result};
use crate::pool::Book;

use super::Ledger;
use super::keys::{Key, integer, key_at};
use super::staged::{Faulty, NewKey, Staged, Wrong};
use super::state::{Beside, State};

impl Ledger {
    /// Makes new accounts ready: the accounts of tables like those of a book. Of an account that was closed the number is
    /// that which it had.
    ///
    /// # Errors
    /// As [`Book::build`]; [`Error::Book`] with faults of the table `accounts` for keys that are open already;
    /// [`Error::Argument`] for tables in another unit of quantities than the ledger, or with names where its keys are integers.
    pub fn open(&self, tables: &Tables<'_>) -> Result<Staged> {
        self.brought(tables, false)
    }

    /// Makes accounts ready to get exactly the rows of tables like those of a book, whatever they held before; those that are
    /// not open are opened.
    ///
    /// This is how orders, settings, leverages and margins behind isolated positions change. A bonus that stays as it was
    /// consists of the same vouchers; any other is one of the share that the rules name.
    ///
    /// # Errors
    /// As [`Self::open`], but for keys that are open.
    pub fn replace(&self, tables: &Tables<'_>) -> Result<Staged> {
        self.brought(tables, true)
    }

    /// Makes accounts ready to be closed: they leave with all that they hold, and nothing is settled.
    ///
    /// # Errors
    /// [`Error::Book`] with faults of the table `accounts`, for keys that are unknown, closed already, or given twice.
    ///
    /// # Examples
    /// ```
    /// # use std::sync::Arc;
    /// # use crossmargin::book::{Balances, Keys, OnError, Tables};
    /// # use crossmargin::ledger::{Key, Ledger};
    /// # use crossmargin::{Book, Market};
    /// # let market = Arc::new(Market::preset("binance-usdm", None)?);
    /// # let usdt = market.asset_index("USDT").unwrap() as i64;
    /// # let balances =
    /// #     Balances { account: Keys::Int(&[7]), asset: Keys::Int(&[usdt]), wallet_balance: &[100.0], ..Balances::default() };
    /// # let tables = Tables { balances, ..Tables::default() };
    /// # let (book, _) = Book::build(market, tables, OnError::Refuse)?;
    /// let mut ledger = Ledger::new(Arc::new(book));
    /// let staged = ledger.close(&Keys::Int(&[7]))?;
    /// assert_eq!(ledger.commit(staged)?, [0]);
    /// assert!(!ledger.is_open(0));
    /// let staged = ledger.open(&tables)?;
    /// ledger.commit(staged)?;
    /// assert_eq!((ledger.is_open(0), ledger.n_accounts()), (true, 1));
    /// # Ok::<(), crossmargin::Error>(())
    /// ```
    pub fn close(&self, accounts: &Keys<'_>) -> Result<Staged> {
        let mut faults = Faulty::new("accounts");
        let mut staged = self.nothing();
        for row in 0..accounts.len() {
            match self.account_at(accounts, row) {
                Ok(account) => staged.closed.push(u32::try_from(account).unwrap_or(u32::MAX)),
                Err(wrong) => faults.add(row, wrong),
            }
        }
        let mut faults = faults.passed()?;
        let mut rows: Vec<usize> = (0..accounts.len()).collect();
        rows.sort_by_key(|&row| staged.closed[row]);
        for pair in rows.windows(2).filter(|pair| staged.closed[pair[0]] == staged.closed[pair[1]]) {
            let cure = format!("row {} has the same account; give it once", pair[0]);
            faults.add(pair[1], Wrong::new("account", accounts.show(pair[1]), FaultKind::Duplicate, cure));
        }
        faults.passed()?;
        staged.closed.sort_unstable();
        Ok(staged)
    }

    fn brought(&self, tables: &Tables<'_>, replace: bool) -> Result<Staged> {
        let unit = self.places.base().holdings().quantity_unit;
        if tables.quantity_unit != unit {
            let message = format!("was {:?}, expected {unit:?} as in the ledger", tables.quantity_unit);
            return Err(Error::argument("quantity_unit", message));
        }
        let (book, _) = Book::build(Arc::clone(&self.market), *tables, OnError::Refuse)?;
        let (numbers, opened) = self.numbered(book.holdings().accounts(), replace, tables)?;
        let mut staged = self.nothing();
        staged.opened = opened;
        let mut places: Vec<usize> = (0..numbers.len()).collect();
        places.sort_unstable_by_key(|&at| numbers[at]);
        let state_of = |&at: &usize| {
            let mut state = State::read(book.holdings(), at, &Beside::NONE);
            if state.cash.iter().any(|cash| cash.bonus.near != 0.0) {
                state.keep_vouchers(&self.state(numbers[at] as usize));
            }
            (numbers[at], state)
        };
        let states: Vec<(u32, State)> = places.iter().map(state_of).collect();
        let beside = states.iter().map(|(account, state)| (*account, state.beside()));
        staged.beside = beside.filter(|(_, beside)| !beside.is_empty()).collect();
        staged.books = self.books(&states)?;
        Ok(staged)
    }

    /// The numbers that accounts will have, and the keys of those that are new.
    fn numbered(&self, keys: &AccountKeys, replace: bool, tables: &Tables<'_>) -> Result<(Vec<u32>, Vec<NewKey>)> {
        let (mut numbers, mut opened) = (Vec::with_capacity(keys.len()), Vec::new());
        let mut faults = Faulty::new("accounts");
        for at in 0..keys.len() {
            let key = match keys {
                AccountKeys::Int(keys) => Key::Int(keys[at]),
                AccountKeys::Text(keys) => Key::Text(&keys[at]),
            };
            let number = match self.find(key) {
                Some(account) if !replace && self.is_open(account) => {
                    let cure = "the account is open already; replace it, or leave it out";
                    let row = first_row(tables, key);
                    faults.add(row, Wrong::new("account", key.show(), FaultKind::Duplicate, cure));
                    account
                }
                Some(account) => account,
                None => {
                    opened.push(self.new_key(key)?);
                    self.n_accounts() + opened.len() - 1
                }
            };
            numbers.push(u32::try_from(number).unwrap_or(u32::MAX));
        }
        faults.passed()?;
        Ok((numbers, opened))
    }

    /// A key of the kind that the ledger has.
    fn new_key(&self, key: Key<'_>) -> Result<NewKey> {
        match (self.keys.is_text(self.first_keys()), key) {
            (Some(true), key) => Ok(NewKey::Text(key.show())),
            (_, Key::Int(key)) => Ok(NewKey::Int(key)),
            (None, Key::Text(name)) => Ok(NewKey::Text(name.to_owned())),
            (Some(false), Key::Text(name)) => integer(name).map(NewKey::Int).ok_or_else(|| {
                let message = format!("had the name {name:?}, expected integers as of the other accounts");
                Error::argument("account", message)
            }),
        }
    }
}

/// The first row of the first table that has a key.
fn first_row(tables: &Tables<'_>, key: Key<'_>) -> usize {
    let columns = [&tables.balances.account, &tables.positions.account, &tables.orders.account];
    let name = key.show();
    let has = |keys: &&Keys<'_>| (0..keys.len()).find(|&row| key_at(keys, row).is_some_and(|of| of.show() == name));
    columns.iter().find_map(has).unwrap_or(0)
}
