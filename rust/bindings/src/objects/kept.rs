//! Rows of tables that a book reads but does not hold, kept as they came so that the book can give them back.

use std::collections::BTreeSet;

use crossmargin::book::{AccountKeys, Keys, Orders, Tables, TextKeys};
use numpy::{IntoPyArray, PyArray1};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::arrays::text_column;
use crate::columns::{KeyColumn, OwnedKeys, RealColumn, TextColumn};

/// A column of a kept table.
#[derive(Clone)]
pub(super) enum Kept {
    Reals(Vec<f64>),
    Flags(Vec<bool>),
    Names(TextColumn),
    Keys(OwnedKeys),
}

/// A table whose rows are of accounts.
#[derive(Default, Clone)]
pub(super) struct KeptTable {
    account: OwnedKeys,
    instrument: Option<OwnedKeys>,
    columns: Vec<(&'static str, Kept)>,
}

impl KeptTable {
    /// Copies the keys of a table that has rows; of one without nothing is kept.
    pub(super) fn new(account: &KeyColumn<'_>, instrument: Option<&KeyColumn<'_>>) -> Self {
        if account.as_keys().is_empty() {
            return Self::default();
        }
        Self { account: account.owned(), instrument: instrument.map(KeyColumn::owned), columns: Vec::new() }
    }

    /// A table of orders with these keys; of one without rows nothing is kept.
    pub(super) fn of_keys(account: OwnedKeys, instrument: OwnedKeys) -> Self {
        if account.as_keys().is_empty() {
            return Self::default();
        }
        Self { account, instrument: Some(instrument), columns: Vec::new() }
    }

    /// Adds a column that was given.
    pub(super) fn with(mut self, name: &'static str, column: Option<Kept>) -> Self {
        if !self.is_empty() {
            self.columns.extend(column.map(|column| (name, column)));
        }
        self
    }

    /// The tables of accounts that nobody gave as tables: orders, accounts and settings.
    pub(super) fn of(tables: &Tables<'_>) -> [Self; 3] {
        let (orders, accounts, settings) = (&tables.orders, &tables.accounts, &tables.settings);
        let table = |account: &Keys<'_>, instrument: Option<&Keys<'_>>| {
            let empty = account.is_empty();
            let kept = Self { account: OwnedKeys::of(account), ..Self::default() };
            Self { instrument: instrument.filter(|_| !empty).map(OwnedKeys::of), ..kept }
        };
        let reals = |column: Option<&[f64]>| column.map(|column| Kept::Reals(column.to_vec()));
        let names = |column: Option<TextKeys<'_>>| column.map(|column| Kept::Names(TextColumn::of(column)));
        [
            table(&orders.account, Some(&orders.instrument))
                .with("quantity", reals(Some(orders.quantity)))
                .with("price", reals(Some(orders.price)))
                .with("trigger_price", reals(orders.trigger_price))
                .with("reduce_only", orders.reduce_only.map(|column| Kept::Flags(column.to_vec())))
                .with("position_side", names(orders.position_side))
                .with("margin_mode", names(orders.margin_mode))
                .with("leverage", reals(orders.leverage))
                .with("kind", names(orders.kind)),
            table(&accounts.account, None)
                .with("profile", names(accounts.profile))
                .with("tier_coefficient", reals(accounts.tier_coefficient))
                .with("margin_mode", names(accounts.margin_mode))
                .with("position_mode", names(accounts.position_mode)),
            table(&settings.account, Some(&settings.instrument))
                .with("leverage", reals(settings.leverage))
                .with("margin_mode", names(settings.margin_mode)),
        ]
    }

    /// A table of some rows, whose keys are picked, without other columns.
    pub(super) fn keys_of_rows(&self, pick: impl Fn(&OwnedKeys) -> OwnedKeys) -> Self {
        let account = pick(&self.account);
        if account.as_keys().is_empty() {
            return Self::default();
        }
        Self { account, instrument: self.instrument.as_ref().map(pick), columns: Vec::new() }
    }

    /// Number of rows.
    pub(super) fn len(&self) -> usize {
        self.account.as_keys().len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.account.as_keys().is_empty()
    }

    /// The instrument of each row, in the market's order.
    pub(super) fn instruments(&self, market: &crossmargin::Market) -> Vec<usize> {
        match self.instrument.as_ref().map(OwnedKeys::as_keys) {
            Some(Keys::Int(keys)) => keys.iter().map(|&key| usize::try_from(key).unwrap_or(usize::MAX)).collect(),
            Some(Keys::Text(keys)) => {
                let known: Vec<usize> =
                    keys.names.iter().map(|name| market.instrument_index(name).unwrap_or(usize::MAX)).collect();
                keys.codes.iter().map(|&code| known.get(code as usize).copied().unwrap_or(usize::MAX)).collect()
            }
            None => Vec::new(),
        }
    }

    /// The account of each row, by its place in the book; `None` for those that the book does not hold.
    pub(super) fn places(&self, accounts: &AccountKeys) -> Vec<Option<usize>> {
        match (self.account.as_keys(), accounts) {
            (Keys::Int(keys), AccountKeys::Int(accounts)) => {
                let sorted = sorted_places(accounts.iter().copied());
                keys.iter().map(|key| place(&sorted, key)).collect()
            }
            (Keys::Int(keys), AccountKeys::Text(accounts)) => {
                let sorted = sorted_places(accounts.iter().map(String::as_str));
                keys.iter().map(|key| place(&sorted, &key.to_string().as_str())).collect()
            }
            (Keys::Text(keys), AccountKeys::Text(accounts)) => {
                let sorted = sorted_places(accounts.iter().map(String::as_str));
                let known: Vec<Option<usize>> = keys.names.iter().map(|name| place(&sorted, &name.as_str())).collect();
                keys.codes.iter().map(|&code| known.get(code as usize).copied().flatten()).collect()
            }
            // The accounts of a book are names as soon as one table has names for them.
            (Keys::Text(keys), AccountKeys::Int(_)) => vec![None; keys.codes.len()],
        }
    }

    /// The columns of some rows.
    pub(super) fn columns<'py>(
        &self,
        py: Python<'py>,
        market: &crossmargin::Market,
        rows: &[usize],
    ) -> PyResult<Bound<'py, PyDict>> {
        let columns = PyDict::new(py);
        columns.set_item("account", keys_of(py, &self.account.as_keys(), rows))?;
        if self.instrument.is_some() {
            let names: Vec<&str> = market.instruments().iter().map(crossmargin::market::Instrument::name).collect();
            let instruments = self.instruments(market);
            let codes = rows.iter().map(|&row| instruments.get(row).copied());
            columns.set_item("instrument", text_column(py, &names, codes))?;
        }
        for (name, column) in &self.columns {
            let made = match column {
                Kept::Reals(values) => {
                    PyArray1::from_vec(py, rows.iter().map(|&row| values[row]).collect::<Vec<_>>()).into_any()
                }
                Kept::Flags(values) => {
                    rows.iter().map(|&row| values[row]).collect::<Vec<_>>().into_pyarray(py).into_any()
                }
                Kept::Names(texts) => keys_of(py, &Keys::Text(texts.as_keys()), rows),
                Kept::Keys(keys) => keys_of(py, &keys.as_keys(), rows),
            };
            columns.set_item(*name, made)?;
        }
        Ok(columns)
    }
}

impl KeptTable {
    /// The rows as a table of orders.
    pub(super) fn as_orders(&self) -> Orders<'_> {
        let column = |name: &str| self.columns.iter().find(|(known, _)| *known == name).map(|(_, column)| column);
        let reals = |name: &str| match column(name) {
            Some(Kept::Reals(values)) => Some(values.as_slice()),
            _ => None,
        };
        let names = |name: &str| match column(name) {
            Some(Kept::Names(texts)) => Some(texts.as_keys()),
            _ => None,
        };
        let reduce_only = match column("reduce_only") {
            Some(Kept::Flags(flags)) => Some(flags.as_slice()),
            _ => None,
        };
        Orders {
            account: self.account.as_keys(),
            instrument: self.instrument.as_ref().map(OwnedKeys::as_keys).unwrap_or_default(),
            quantity: reals("quantity").unwrap_or_default(),
            price: reals("price").unwrap_or_default(),
            leverage: reals("leverage"),
            trigger_price: reals("trigger_price"),
            reduce_only,
            position_side: names("position_side"),
            margin_mode: names("margin_mode"),
            kind: names("kind"),
        }
    }

    /// A column that was given.
    pub(super) fn column(&self, name: &str) -> Option<&Kept> {
        self.columns.iter().find(|(known, _)| *known == name).map(|(_, column)| column)
    }
}

/// Keys with their places, sorted to be found.
fn sorted_places<K: Ord>(keys: impl Iterator<Item = K>) -> Vec<(K, usize)> {
    let mut sorted: Vec<(K, usize)> = keys.zip(0..).collect();
    sorted.sort_unstable();
    sorted
}

fn place<K: Ord>(sorted: &[(K, usize)], key: &K) -> Option<usize> {
    sorted.binary_search_by(|(known, _)| known.cmp(key)).ok().map(|at| sorted[at].1)
}

/// Keys of some rows as the caller wrote them.
pub(super) fn keys_of<'py>(py: Python<'py>, keys: &Keys<'_>, rows: &[usize]) -> Bound<'py, PyAny> {
    match keys {
        Keys::Int(keys) => PyArray1::from_vec(py, rows.iter().map(|&row| keys[row]).collect::<Vec<_>>()).into_any(),
        Keys::Text(keys) => {
            // Objects are made for the names that occur, which may be few of many.
            let used: BTreeSet<u32> = rows.iter().map(|&row| keys.codes[row]).collect();
            let used: Vec<u32> = used.into_iter().filter(|&code| (code as usize) < keys.names.len()).collect();
            let names: Vec<&str> = used.iter().map(|&code| keys.names[code as usize].as_str()).collect();
            text_column(py, &names, rows.iter().map(|&row| used.binary_search(&keys.codes[row]).ok()))
        }
    }
}

/// A copy of a column of numbers that was given.
pub(super) fn reals(column: Option<&RealColumn<'_>>) -> Option<Kept> {
    column.map(|column| Kept::Reals(column.as_slice().to_vec()))
}
