//! What an operation will have done: made ready without changing anything, then put in place at once.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use crate::error::{BookFaults, Error, Fault, FaultKind, MAX_FAULTS, Result};
use crate::pool::Book;

use super::amount::Fixed;
use super::keys::Key;
use super::state::{Beside, State};

/// What moved, a row per movement, in the order of the rows that it comes from.
///
/// Amounts are in the asset of their row. `moved` is the change of the wallet, exactly: a count of the asset's quanta.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Outcome {
    /// The row of the table.
    pub row: Vec<u32>,
    /// Whose: the number of the account.
    pub account: Vec<u32>,
    /// Of which asset, in the market's order.
    pub asset: Vec<u32>,
    /// Profit (negative: loss) that a fill booked, without its fee.
    pub realized_pnl: Vec<f64>,
    /// Fee of a fill; negative for a rebate.
    pub fee: Vec<f64>,
    /// What a transfer or funding moved; positive for what the owner got.
    pub amount: Vec<f64>,
    /// The change of the bonus: negative where it paid for what is in the other columns, so that the wallet did not, and
    /// where it became void; positive where it was granted.
    pub bonus: Vec<f64>,
    /// What rounding took from the owner (negative: gave): with it the amounts are what prices and rates say.
    pub remainder: Vec<f64>,
    /// The change of the wallet in quanta of the asset.
    pub moved: Vec<i128>,
}

impl Outcome {
    /// Nothing moved.
    pub(super) const NONE: Self = Self {
        row: Vec::new(),
        account: Vec::new(),
        asset: Vec::new(),
        realized_pnl: Vec::new(),
        fee: Vec::new(),
        amount: Vec::new(),
        bonus: Vec::new(),
        remainder: Vec::new(),
        moved: Vec::new(),
    };

    /// Number of movements.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.row.len()
    }

    /// Whether nothing moved.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.row.is_empty()
    }

    pub(super) fn push(&mut self, (row, account, asset): (usize, usize, usize), quantum: Fixed, of: Movement) {
        let real = |count: i128| quantum.times(count).map_or(f64::NAN, Fixed::to_f64) + 0.0;
        let short = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        self.row.push(short(row));
        self.account.push(short(account));
        self.asset.push(short(asset));
        self.realized_pnl.push(real(of.realized));
        self.fee.push(real(of.fee));
        self.amount.push(real(of.amount));
        self.bonus.push(real(of.granted - of.paid));
        self.remainder.push(of.remainder + 0.0);
        self.moved.push(of.realized - of.fee + of.amount + of.paid);
    }
}

/// What one row moved, in quanta.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Movement {
    pub(super) realized: i128,
    pub(super) fee: i128,
    pub(super) amount: i128,
    /// What the bonus paid of these.
    pub(super) paid: i128,
    /// Bonus that was granted, less what became void.
    pub(super) granted: i128,
    pub(super) remainder: f64,
}

/// The outcome of an operation that was not put in place yet.
///
/// Made by the operations of [`super::Ledger`], put in place by [`super::Ledger::commit`]; dropping it changes nothing.
#[derive(Debug, Clone)]
pub struct Staged {
    pub(super) epoch: u64,
    /// Books of the accounts that changed, each with their numbers, ascending throughout.
    pub(super) books: Vec<(Arc<Book>, Vec<u32>)>,
    /// What books do not keep of these accounts.
    pub(super) beside: BTreeMap<u32, Beside>,
    /// Accounts that are closed, ascending.
    pub(super) closed: Vec<u32>,
    /// Keys of accounts that are new, in the order of their numbers.
    pub(super) opened: Vec<NewKey>,
    pub(super) outcome: Outcome,
}

/// The key of a new account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NewKey {
    Int(i64),
    Text(String),
}

impl NewKey {
    pub(super) fn as_key(&self) -> Key<'_> {
        match self {
            Self::Int(key) => Key::Int(*key),
            Self::Text(key) => Key::Text(key),
        }
    }
}

impl Staged {
    /// What moved.
    #[must_use]
    pub const fn outcome(&self) -> &Outcome {
        &self.outcome
    }

    /// Takes what moved, such as before [`super::Ledger::commit`].
    #[must_use]
    pub fn take_outcome(&mut self) -> Outcome {
        std::mem::take(&mut self.outcome)
    }

    /// The accounts that are to change, by number, ascending.
    #[must_use]
    pub fn changes(&self) -> Vec<Change<'_>> {
        let closed = |&account: &u32| Change { account, book: None, pools: 0..0 };
        let mut all: Vec<Change<'_>> = self.closed.iter().map(closed).collect();
        for (book, accounts) in &self.books {
            let change = |(at, &account)| Change { account, book: Some(book), pools: book.holdings().pools_of(at) };
            all.extend(accounts.iter().enumerate().map(change));
        }
        all.sort_unstable_by_key(|change| change.account);
        all
    }
}

/// What an account is to become.
#[derive(Debug, Clone)]
pub struct Change<'a> {
    /// The number of the account; of a new one the number that it will have.
    pub account: u32,
    /// The book that it will be in; `None` where it is closed.
    pub book: Option<&'a Arc<Book>>,
    /// Its pools there.
    pub pools: Range<usize>,
}

/// An account on its way through an operation.
#[derive(Debug, Clone, Default)]
pub(super) struct Working {
    pub(super) state: State,
    /// The rows that touched it, and which instrument each was about.
    pub(super) touched: Vec<(usize, Option<u32>)>,
    /// Whether a row of it was refused, so that those after it mean nothing.
    pub(super) refused: bool,
}

impl Working {
    /// The last row that touched an instrument of the account, or anything of it.
    pub(super) fn row_of(&self, instrument: Option<u32>) -> usize {
        let alike = self.touched.iter().rev().find(|(_, of)| instrument.is_some() && *of == instrument);
        alike.or(self.touched.last()).map_or(0, |(row, _)| *row)
    }
}

/// What is wrong with a row: the column, its value, the kind and the cure.
#[derive(Debug, Clone)]
pub(super) struct Wrong {
    pub(super) column: &'static str,
    pub(super) value: String,
    pub(super) kind: FaultKind,
    pub(super) cure: String,
}

impl Wrong {
    pub(super) fn new(column: &'static str, value: String, kind: FaultKind, cure: impl Into<String>) -> Self {
        Self { column, value, kind, cure: cure.into() }
    }
}

impl From<Fault> for Wrong {
    fn from(fault: Fault) -> Self {
        let Fault { column, value, kind, cure, .. } = fault;
        Self { column, value, kind, cure }
    }
}

/// The faults of a table, by row.
#[derive(Debug)]
pub(super) struct Faulty {
    table: &'static str,
    faults: Vec<Fault>,
    n_faults: u64,
}

impl Faulty {
    pub(super) const fn new(table: &'static str) -> Self {
        Self { table, faults: Vec::new(), n_faults: 0 }
    }

    pub(super) fn add(&mut self, row: usize, wrong: Wrong) {
        self.n_faults += 1;
        if self.faults.len() < MAX_FAULTS {
            let Wrong { column, value, kind, cure } = wrong;
            self.faults.push(Fault { table: self.table, row: row as u64, column, value, kind, cure });
        }
    }

    /// The list, for further faults, where there is none in it; else they are the error.
    pub(super) fn passed(mut self) -> Result<Self> {
        if self.n_faults == 0 {
            return Ok(self);
        }
        self.faults.sort_by_key(|fault| fault.row);
        Err(Error::Book(Box::new(BookFaults { faults: self.faults, n_faults: self.n_faults })))
    }
}
