//! Orders that are placed, after those that a book has.

use std::collections::BTreeMap;

use crossmargin::book::{AccountKeys, Keys, TextKeys};

use super::kept::{Kept, KeptTable};
use crate::columns::{OwnedKeys, TextColumn};

/// Orders that come after those of a book: rows of a table, each for an account by its place, with a quantity.
pub(super) struct Placed<'a> {
    pub(super) orders: &'a KeptTable,
    /// Row, account and quantity of each.
    pub(super) rows: Vec<(usize, usize, f64)>,
}

/// The columns of orders, in their order.
const COLUMNS: [&str; 9] = [
    "quantity",
    "price",
    "trigger_price",
    "reduce_only",
    "position_side",
    "margin_mode",
    "leverage",
    "kind",
    "order_id",
];

/// The orders of a book's accounts, those that it has before those that are placed.
pub(super) fn joined(
    before: &KeptTable,
    placed: &Placed<'_>,
    accounts: &AccountKeys,
    market: &crossmargin::Market,
) -> KeptTable {
    let held: Vec<(usize, usize)> =
        before.places(accounts).into_iter().enumerate().filter_map(|(row, place)| Some((row, place?))).collect();
    let places: Vec<usize> = held.iter().map(|&(_, place)| place).chain(placed.rows.iter().map(|row| row.1)).collect();
    let (old, new) = (before.instruments(market), placed.orders.instruments(market));
    let instruments = held.iter().map(|&(row, _)| old[row]).chain(placed.rows.iter().map(|&(row, ..)| new[row]));
    let instruments = instruments.map(|at| i64::try_from(at).unwrap_or(i64::MAX)).collect();
    let table = KeptTable::of_keys(keys_at(accounts, &places), OwnedKeys::Ints(instruments));
    let rows = Rows {
        held: held.into_iter().map(|(row, _)| row).collect(),
        placed: placed.rows.iter().map(|&(row, ..)| row).collect(),
    };
    COLUMNS.into_iter().fold(table, |table, name| {
        let column = match name {
            "quantity" => Some(Kept::Reals(rows.quantities(before, placed))),
            _ => rows.joined(before.column(name), placed.orders.column(name)),
        };
        table.with(name, column)
    })
}

/// The orders that are left after some fired, by row and whether they rest: those are open orders from then on.
pub(super) fn left(before: &KeptTable, fired: &BTreeMap<usize, bool>) -> KeptTable {
    let stays = |row: &usize| fired.get(row).copied().unwrap_or(true);
    let rows: Vec<usize> = (0..before.len()).filter(stays).collect();
    let waits = |row: usize| !fired.contains_key(&row);
    let table = before.keys_of_rows(|keys| picked(keys, &rows));
    COLUMNS.into_iter().fold(table, |table, name| {
        let column = before.column(name).map(|column| match column {
            Kept::Reals(values) if name == "trigger_price" => {
                Kept::Reals(rows.iter().map(|&row| if waits(row) { values[row] } else { f64::NAN }).collect())
            }
            Kept::Reals(values) => Kept::Reals(rows.iter().map(|&row| values[row]).collect()),
            Kept::Flags(values) => Kept::Flags(rows.iter().map(|&row| values[row]).collect()),
            Kept::Names(texts) => {
                let said = |row: usize| name != "kind" || waits(row);
                let text = |&row: &usize| name_of(texts.as_keys(), row).filter(|_| said(row));
                Kept::Names(TextColumn::of_names(rows.iter().map(text)))
            }
            Kept::Keys(keys) => Kept::Keys(picked(keys, &rows)),
        });
        table.with(name, column)
    })
}

/// The rows that are taken of two tables.
struct Rows {
    held: Vec<usize>,
    placed: Vec<usize>,
}

impl Rows {
    fn quantities(&self, before: &KeptTable, placed: &Placed<'_>) -> Vec<f64> {
        let old = before.as_orders().quantity;
        self.held.iter().map(|&row| old[row]).chain(placed.rows.iter().map(|&(.., quantity)| quantity)).collect()
    }

    /// A column of both; of a table that does not have it there is nothing.
    fn joined(&self, first: Option<&Kept>, second: Option<&Kept>) -> Option<Kept> {
        Some(match (first, second) {
            (Some(Kept::Reals(_)), _) | (_, Some(Kept::Reals(_))) => Kept::Reals(self.both(real, first, second)),
            (Some(Kept::Flags(_)), _) | (_, Some(Kept::Flags(_))) => Kept::Flags(self.both(flag, first, second)),
            (Some(Kept::Names(_)), _) | (_, Some(Kept::Names(_))) => {
                let names = self.both(|table, row| name(table, row).map(str::to_owned), first, second);
                Kept::Names(TextColumn::of_names(names.iter().map(Option::as_deref)))
            }
            (Some(Kept::Keys(OwnedKeys::Ints(_))), Some(Kept::Keys(OwnedKeys::Ints(_)))) => {
                let ints = self.both(int, first, second);
                Kept::Keys(OwnedKeys::Ints(ints))
            }
            (None, Some(Kept::Keys(keys))) if self.held.is_empty() => Kept::Keys(picked(keys, &self.placed)),
            (Some(Kept::Keys(keys)), None) if self.placed.is_empty() => Kept::Keys(picked(keys, &self.held)),
            (Some(Kept::Keys(_)), _) | (_, Some(Kept::Keys(_))) => {
                let names = self.both(label, first, second);
                Kept::Keys(OwnedKeys::of_names(names.iter().map(Option::as_deref)))
            }
            (None, None) => return None,
        })
    }

    fn both<T>(&self, of: impl Fn(Option<&Kept>, usize) -> T, first: Option<&Kept>, second: Option<&Kept>) -> Vec<T> {
        let held = self.held.iter().map(|&row| of(first, row));
        held.chain(self.placed.iter().map(|&row| of(second, row))).collect()
    }
}

fn real(column: Option<&Kept>, row: usize) -> f64 {
    match column {
        Some(Kept::Reals(values)) => values[row],
        _ => f64::NAN,
    }
}

fn flag(column: Option<&Kept>, row: usize) -> bool {
    matches!(column, Some(Kept::Flags(values)) if values[row])
}

fn int(column: Option<&Kept>, row: usize) -> i64 {
    match column {
        Some(Kept::Keys(OwnedKeys::Ints(keys))) => keys[row],
        _ => 0,
    }
}

fn name(column: Option<&Kept>, row: usize) -> Option<&str> {
    match column {
        Some(Kept::Names(texts)) => name_of(texts.as_keys(), row),
        _ => None,
    }
}

/// A key as text: integers and names have no other form in common.
fn label(column: Option<&Kept>, row: usize) -> Option<String> {
    let Some(Kept::Keys(keys)) = column else { return None };
    match keys.as_keys() {
        Keys::Int(keys) => Some(keys[row].to_string()),
        Keys::Text(keys) => name_of(keys, row).map(str::to_owned),
    }
}

fn picked(keys: &OwnedKeys, rows: &[usize]) -> OwnedKeys {
    match keys.as_keys() {
        Keys::Int(keys) => OwnedKeys::Ints(rows.iter().map(|&row| keys[row]).collect()),
        Keys::Text(keys) => OwnedKeys::of_names(rows.iter().map(|&row| name_of(keys, row))),
    }
}

fn name_of(keys: TextKeys<'_>, row: usize) -> Option<&str> {
    keys.names.get(keys.codes[row] as usize).map(String::as_str)
}

/// The keys of accounts at given places.
fn keys_at(accounts: &AccountKeys, places: &[usize]) -> OwnedKeys {
    match accounts {
        AccountKeys::Int(keys) => OwnedKeys::Ints(places.iter().map(|&at| keys[at]).collect()),
        AccountKeys::Text(keys) => OwnedKeys::of_names(places.iter().map(|&at| Some(keys[at].as_str()))),
    }
}
