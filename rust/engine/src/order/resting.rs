//! A book with more open orders.

use std::sync::Arc;

use crate::book::{Keys, NO_KEY, OnError, Orders, Side, Tables, TextKeys};
use crate::error::Result;
use crate::market::Market;
use crate::pool::{Book, KnownTables};

use super::row::Row;

/// An order that is added to those of an account.
#[derive(Debug, Clone, Copy)]
pub(super) struct Resting<'a> {
    /// The account's number.
    pub(super) account: u32,
    pub(super) row: Row,
    pub(super) kind: Option<&'a str>,
}

/// A column of names, which some may be added to.
struct Named {
    codes: Vec<u32>,
    names: Vec<String>,
}

impl Named {
    fn of(keys: Option<TextKeys<'_>>, n: usize) -> Self {
        match keys {
            Some(keys) => Self { codes: keys.codes.to_vec(), names: keys.names.to_vec() },
            None => Self { codes: vec![NO_KEY; n], names: Vec::new() },
        }
    }

    fn push(&mut self, name: Option<&str>) {
        let Some(name) = name else { return self.codes.push(NO_KEY) };
        let at = self.names.iter().position(|known| known == name).unwrap_or_else(|| {
            self.names.push(name.to_owned());
            self.names.len() - 1
        });
        self.codes.push(u32::try_from(at).unwrap_or(NO_KEY));
    }

    fn lend(&self) -> TextKeys<'_> {
        TextKeys { codes: &self.codes, names: &self.names }
    }
}

/// The columns of a table of orders with more rows.
struct Columns {
    accounts: Vec<i64>,
    codes: Vec<u32>,
    instrument: Vec<i64>,
    /// Quantity, price, leverage and trigger.
    reals: [Vec<f64>; 4],
    reduce_only: Vec<bool>,
    side: Named,
    mode: Named,
    kind: Named,
}

impl Columns {
    fn of(market: &Market, orders: &Orders<'_>) -> Self {
        let n = orders.quantity.len();
        let reals = |column: Option<&[f64]>| column.map_or_else(|| vec![f64::NAN; n], <[f64]>::to_vec);
        let (accounts, codes) = match orders.account {
            Keys::Int(keys) => (keys.to_vec(), Vec::new()),
            Keys::Text(keys) => (Vec::new(), keys.codes.to_vec()),
        };
        let place = |name: &String| market.instrument_index(name).and_then(|at| i64::try_from(at).ok()).unwrap_or(-1);
        let instrument = match orders.instrument {
            Keys::Int(keys) => keys.to_vec(),
            Keys::Text(keys) => {
                keys.codes.iter().map(|&code| keys.names.get(code as usize).map_or(-1, place)).collect()
            }
        };
        Self {
            accounts,
            codes,
            instrument,
            reals: [Some(orders.quantity), Some(orders.price), orders.leverage, orders.trigger_price].map(reals),
            reduce_only: orders.reduce_only.map_or_else(|| vec![false; n], <[bool]>::to_vec),
            side: Named::of(orders.position_side, n),
            mode: Named::of(orders.margin_mode, n),
            kind: Named::of(orders.kind, n),
        }
    }

    /// Adds an order of an account with a key, or a number among names.
    fn push(&mut self, key: i64, resting: &Resting<'_>) {
        let row = &resting.row;
        self.accounts.push(key);
        self.codes.push(resting.account);
        self.instrument.push(i64::from(row.instrument));
        let said = [row.quantity, row.price, row.leverage, row.trigger_price];
        self.reals.iter_mut().zip(said).for_each(|(column, x)| column.push(x));
        self.reduce_only.push(row.reduce_only);
        self.side.push((row.side != Side::Net).then(|| row.side.name()));
        self.mode.push(Some(if row.isolated { "isolated" } else { "cross" }));
        self.kind.push(resting.kind);
    }

    fn lend<'a>(&'a self, account: Keys<'a>) -> Orders<'a> {
        let [quantity, price, leverage, trigger] = &self.reals;
        Orders {
            account,
            instrument: Keys::Int(&self.instrument),
            quantity,
            price,
            leverage: Some(leverage),
            trigger_price: Some(trigger),
            reduce_only: Some(&self.reduce_only),
            position_side: Some(self.side.lend()),
            margin_mode: Some(self.mode.lend()),
            kind: Some(self.kind.lend()),
        }
    }
}

/// A book of tables, whose accounts have the numbers and keys of another book's, with more orders.
pub(super) fn with_orders(book: &Book, tables: &Tables<'_>, resting: &[Resting<'_>]) -> Result<Book> {
    let market = book.market();
    if resting.is_empty() {
        return Ok(Book::build(Arc::clone(market), *tables, OnError::Refuse)?.0);
    }
    let mut columns = Columns::of(market, &tables.orders);
    for one in resting {
        let key = match book.holdings().accounts() {
            crate::book::AccountKeys::Int(keys) => keys[one.account as usize],
            crate::book::AccountKeys::Text(_) => 0,
        };
        columns.push(key, one);
    }
    let account = match tables.balances.account {
        Keys::Text(keys) => Keys::Text(TextKeys { codes: &columns.codes, names: keys.names }),
        Keys::Int(_) => Keys::Int(&columns.accounts),
    };
    let tables = Tables { orders: columns.lend(account), ..*tables };
    Ok(Book::build(Arc::clone(market), tables, OnError::Refuse)?.0)
}

/// A book of one account, which tables have under the key 0, with more orders.
pub(super) fn alone_with_orders(
    market: &Arc<Market>,
    tables: &Tables<'_>,
    rows: impl Iterator<Item = Row>,
    shared: &KnownTables,
) -> Result<Book> {
    let mut columns = Columns::of(market, &tables.orders);
    rows.for_each(|row| columns.push(0, &Resting { account: 0, row, kind: None }));
    let tables = Tables { orders: columns.lend(Keys::Int(&columns.accounts)), ..*tables };
    Book::build_sharing(Arc::clone(market), &tables, shared)
}
