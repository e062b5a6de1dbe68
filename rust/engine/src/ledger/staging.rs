//! What operations share: finding what rows name, and building books of what came out.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::book::{Keys, NO_KEY, in_range};
use crate::error::{Error, Fault, FaultKind, Result, shown};
use crate::pool::Book;

use super::Ledger;
use super::keys::key_at;
use super::rows::{Naming, Rows};
use super::staged::{Faulty, NewKey, Outcome, Staged, Working, Wrong};
use super::state::State;

/// Accounts that are built into a book together.
const TOGETHER: usize = 256;

/// Refuses columns of another length than the first.
pub(super) fn check_lengths(columns: &[(&str, usize)], n: usize) -> Result<()> {
    for &(name, got) in columns {
        if got != n {
            return Err(Error::argument(name, format!("had {got} rows, expected {n} as in the first column")));
        }
    }
    if u32::try_from(n).map_or(true, |n| n == NO_KEY) {
        return Err(Error::argument("rows", format!("were {n}, at most 4294967294 are possible: split the batch")));
    }
    Ok(())
}

/// A number that rows must give.
pub(super) fn number(column: &'static str, x: f64) -> std::result::Result<f64, Wrong> {
    if !x.is_finite() {
        return Err(Wrong::new(column, shown(x), FaultKind::NotFinite, "give a finite number"));
    }
    if !in_range(x) {
        let cure = "give 0 or a magnitude within 2^-256 and 2^256; check the unit";
        return Err(Wrong::new(column, shown(x), FaultKind::OutOfRange, cure));
    }
    Ok(x)
}

/// A number above zero that rows must give.
pub(super) fn positive(column: &'static str, x: f64) -> std::result::Result<f64, Wrong> {
    if number(column, x)? > 0.0 {
        return Ok(x);
    }
    Err(Wrong::new(column, shown(x), FaultKind::NotPositive, "give a positive number"))
}

/// The place of a name, or of a number, in the market's order.
fn place(
    keys: &Keys<'_>,
    row: usize,
    n: usize,
    (column, expected): (&'static str, &str),
    of_name: impl Fn(&str) -> Option<usize>,
) -> std::result::Result<usize, Wrong> {
    let (found, cure) = match keys {
        Keys::Int(keys) => {
            (usize::try_from(keys[row]).ok().filter(|&at| at < n), format!("give the position, from 0, of {expected}"))
        }
        Keys::Text(texts) => {
            let Some(name) = texts.names.get(texts.codes[row] as usize) else {
                let cure = format!("give the name of {expected}");
                return Err(Wrong::new(column, "null".to_owned(), FaultKind::Missing, cure));
            };
            (of_name(name), format!("give the name of {expected}, or add it to the market"))
        }
    };
    found.ok_or_else(|| Wrong::new(column, keys.show(row), FaultKind::Unknown, cure))
}

impl Ledger {
    pub(super) fn instrument_at(&self, keys: &Keys<'_>, row: usize) -> std::result::Result<usize, Wrong> {
        let n = self.market.instruments().len();
        place(keys, row, n, ("instrument", "an instrument of the market"), |name| self.market.instrument_index(name))
    }

    pub(super) fn asset_at(&self, keys: &Keys<'_>, row: usize) -> std::result::Result<usize, Wrong> {
        let n = self.market.assets().len();
        place(keys, row, n, ("asset", "an asset of the market"), |name| self.market.asset_index(name))
    }

    /// The open account of a row.
    pub(super) fn account_at(&self, keys: &Keys<'_>, row: usize) -> std::result::Result<usize, Wrong> {
        let unknown = |cure: &str| Wrong::new("account", keys.show(row), FaultKind::Unknown, cure);
        let Some(key) = key_at(keys, row) else {
            return Err(Wrong::new("account", "null".to_owned(), FaultKind::Missing, "name the account"));
        };
        let account = self.find(key).ok_or_else(|| unknown("there is no such account; open it first"))?;
        if self.is_open(account) { Ok(account) } else { Err(unknown("the account was closed; open it again first")) }
    }

    /// Does a row to the account that it is of; nothing where a row before it was refused.
    pub(super) fn row(
        &self,
        (working, faults): (&mut BTreeMap<u32, Working>, &mut Faulty),
        keys: &Keys<'_>,
        row: usize,
        act: impl FnOnce(usize, &mut Working) -> std::result::Result<(), Wrong>,
    ) {
        let account = match self.account_at(keys, row) {
            Ok(account) => account,
            Err(wrong) => return faults.add(row, wrong),
        };
        let number = u32::try_from(account).unwrap_or(NO_KEY);
        let of = working.entry(number).or_insert_with(|| Working { state: self.state(account), ..Working::default() });
        if of.refused {
            return;
        }
        if let Err(wrong) = act(account, of) {
            of.refused = true;
            faults.add(row, wrong);
        }
    }

    /// The books of accounts that changed, unless something is wrong with them.
    pub(super) fn stage(&self, working: BTreeMap<u32, Working>, faults: Faulty, outcome: Outcome) -> Result<Staged> {
        let mut faults = faults.passed()?;
        let mut staged = self.nothing();
        staged.outcome = outcome;
        let all: Vec<(u32, Working)> = working.into_iter().collect();
        for some in all.chunks(TOGETHER) {
            let rows = self.rows(some.iter().map(|(account, working)| (*account, &working.state)));
            match self.build(&rows) {
                Ok(book) => staged.books.push((book, some.iter().map(|(account, _)| *account).collect())),
                Err(Error::Book(found)) => {
                    for fault in found.faults {
                        faults.add(row_of(&rows, some, &fault), Wrong::from(fault));
                    }
                }
                Err(other) => return Err(other),
            }
        }
        faults.passed()?;
        let beside = all.iter().map(|(account, working)| (*account, working.state.beside()));
        staged.beside = beside.filter(|(_, beside)| !beside.is_empty()).collect();
        Ok(staged)
    }

    /// An outcome that changes nothing.
    pub(super) const fn nothing(&self) -> Staged {
        Staged {
            epoch: self.epoch,
            books: Vec::new(),
            beside: BTreeMap::new(),
            closed: Vec::new(),
            opened: Vec::<NewKey>::new(),
            outcome: Outcome::NONE,
        }
    }

    /// The rows of accounts under their numbers.
    fn rows<'a>(&self, states: impl Iterator<Item = (u32, &'a State)>) -> Rows {
        let mut rows = Rows::default();
        for (account, state) in states {
            rows.push(&self.market, &self.words, i64::from(account), state);
        }
        rows
    }

    fn build(&self, rows: &Rows) -> Result<Arc<Book>> {
        let unit = self.places.base().holdings().quantity_unit;
        let tables = rows.lend(&self.words, unit, Naming::Numbers);
        Ok(Arc::new(Book::build_sharing(Arc::clone(&self.market), &tables, &self.shared)?))
    }

    /// A book of one account that is none of the ledger's.
    pub(super) fn alone(&self, state: &State) -> std::result::Result<Arc<Book>, Wrong> {
        let refused = |error| match error {
            Error::Book(found) => found.faults.into_iter().next().map(Wrong::from),
            _ => None,
        };
        let unknown =
            || Wrong::new("isolated_margin", "null".to_owned(), FaultKind::Missing, "give the isolated margin");
        self.build(&self.rows([(0, state)].into_iter())).map_err(|error| refused(error).unwrap_or_else(unknown))
    }

    /// Books of accounts, in their order.
    pub(super) fn books(&self, states: &[(u32, State)]) -> Result<Vec<(Arc<Book>, Vec<u32>)>> {
        let book_of = |some: &[(u32, State)]| {
            let book = self.build(&self.rows(some.iter().map(|(account, state)| (*account, state))))?;
            Ok((book, some.iter().map(|(account, _)| *account).collect()))
        };
        states.chunks(TOGETHER).map(book_of).collect()
    }

    /// Books of accounts as they are, where they can be built.
    pub(super) fn rebuilt(&self, accounts: &[u32]) -> Vec<(Arc<Book>, Vec<u32>)> {
        let states: Vec<(u32, State)> =
            accounts.iter().map(|&account| (account, self.state(account as usize))).collect();
        self.books(&states).unwrap_or_default()
    }
}

/// The row of an operation that a fault of the rows that came out of it is due to: the last that touched what is faulty.
fn row_of(rows: &Rows, some: &[(u32, Working)], fault: &Fault) -> usize {
    let at = usize::try_from(fault.row).unwrap_or(usize::MAX);
    let (accounts, instruments) = match fault.table {
        "balances" => (&rows.balances.account, None),
        "positions" => (&rows.positions.account, Some(&rows.positions.instrument)),
        "orders" => (&rows.orders.account, Some(&rows.orders.instrument)),
        "accounts" => (&rows.accounts.account, None),
        _ => (&rows.settings.account, Some(&rows.settings.instrument)),
    };
    let account = accounts.get(at).and_then(|&account| u32::try_from(account).ok());
    let instrument =
        instruments.and_then(|column| column.get(at)).and_then(|&instrument| u32::try_from(instrument).ok());
    let found = some.iter().find(|(number, _)| Some(*number) == account);
    found.map_or(0, |(_, working)| working.row_of(instrument))
}
