//! The tables of a book as it would be given them again.

use std::collections::BTreeSet;

use crossmargin::book::{AccountKeys, Holdings, PoolKind, QuantityUnit};
use numpy::PyArray1;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyString};

use super::arrays::{account_column, text_column};
use super::book::{Book, SIDES, market_names, side_code};
use crate::columns::shown;
use crate::errors::argument;

/// Names of the tables that are kept as they came, in the order of [`Book::kept`].
const KEPT: [&str; 3] = ["orders", "accounts", "settings"];

/// Columns of all tables, and the unit of quantities; a table without rows is `None`, but for `balances`.
pub(super) fn tables<'py>(
    py: Python<'py>,
    book: &Book,
    account: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyDict>> {
    let holdings = book.engine.holdings();
    let only = account.map(|key| find(holdings.accounts(), key)).transpose()?;
    let places: Vec<Vec<Option<usize>>> = book.kept.iter().map(|table| table.places(holdings.accounts())).collect();
    let layers = match only {
        Some(account) => layers_of(holdings, account).map(|layer| (account, layer)).collect(),
        None => cash_rows(book, &places[0]),
    };
    let given = PyDict::new(py);
    given.set_item("balances", balances(py, book, &layers)?)?;
    given.set_item("positions", positions(py, book, only)?)?;
    for ((name, table), places) in KEPT.into_iter().zip(&book.kept).zip(&places) {
        let wanted = |place: Option<usize>| place.is_some_and(|account| only.is_none_or(|only| only == account));
        let rows: Vec<usize> = (0..places.len()).filter(|&row| wanted(places[row])).collect();
        let columns = (!rows.is_empty()).then(|| table.columns(py, book.engine.market(), &rows)).transpose()?;
        given.set_item(name, columns)?;
    }
    let unit = match book.unit {
        QuantityUnit::Contracts => "contracts",
        QuantityUnit::Base => "base",
    };
    given.set_item("quantity_unit", unit)?;
    Ok(given)
}

/// An account by its key.
fn find(accounts: &AccountKeys, key: &Bound<'_, PyAny>) -> PyResult<usize> {
    let place = match accounts {
        _ if key.is_instance_of::<PyBool>() => None,
        AccountKeys::Int(keys) => key.extract::<i64>().ok().and_then(|key| keys.iter().position(|known| *known == key)),
        AccountKeys::Text(keys) => {
            let name = key.cast::<PyString>().ok().and_then(|name| name.to_str().ok());
            name.and_then(|name| keys.iter().position(|known| known == name))
        }
    };
    place.ok_or_else(|| argument(key.py(), "account", format!("was {}, which this book does not hold", shown(key))))
}

/// The layers of an account's cross pools.
fn layers_of(holdings: &Holdings, account: usize) -> impl Iterator<Item = usize> + '_ {
    let cross = holdings.pools_of(account).filter(|&pool| holdings.kind(pool) == PoolKind::Cross);
    cross.flat_map(|pool| holdings.layers_of(pool))
}

/// Rows of `balances`, by account and layer, that make the accounts come in the order that they have.
///
/// A layer without cash may have come from a row that says so, or from a position or an order; the book is the same but
/// for the order of accounts: those with balances come first, then by first position, then by first order. Hence the rows
/// are written for all accounts up to the last that cannot be at its place without.
fn cash_rows(book: &Book, order_places: &[Option<usize>]) -> Vec<(usize, usize)> {
    let holdings = book.engine.holdings();
    let market = book.engine.market();
    let n = holdings.accounts().len();
    let instruments = book.kept[0].instruments(market);
    let mut ordered: BTreeSet<(usize, usize)> = BTreeSet::new();
    let mut first_order = vec![usize::MAX; if order_places.is_empty() { 0 } else { n }];
    for (row, account) in order_places.iter().enumerate().filter_map(|(row, place)| place.map(|a| (row, a))) {
        first_order[account] = first_order[account].min(row);
        if let Some(instrument) = instruments.get(row).and_then(|&at| market.instruments().get(at)) {
            ordered.insert((account, instrument.settle()));
        }
    }
    let needs_row = |account: usize, layer: usize| {
        let amounts = [holdings.layer_wallet(layer), holdings.bonus(layer), holdings.borrowed(layer)];
        let asset = holdings.layer_asset(layer);
        amounts.iter().any(|amount| amount.abs() > 0.0)
            || !(ordered.contains(&(account, asset)) || has_position(book, account, asset))
    };
    // What an account without balances is ordered by.
    let place = |account: usize| {
        let positions = holdings.pools_of(account).flat_map(|pool| holdings.positions_of(pool));
        let order = first_order.get(account).copied().unwrap_or(usize::MAX);
        positions.map(|position| holdings.row(position)).min().map_or((1, order), |row| (0, row))
    };
    let mut last = None;
    let mut previous = (0, 0);
    let mut needed = Vec::with_capacity(n);
    for account in 0..n {
        let here = place(account);
        if account > 0 && here < previous {
            last = Some(account - 1);
        }
        previous = here;
        if layers_of(holdings, account).any(|layer| needs_row(account, layer)) {
            last = Some(account);
        }
    }
    for account in 0..last.map_or(0, |last| last + 1) {
        needed.extend(layers_of(holdings, account).map(|layer| (account, layer)));
    }
    needed
}

/// Whether an account has a cross position that settles in an asset.
fn has_position(book: &Book, account: usize, asset: usize) -> bool {
    let (holdings, market) = (book.engine.holdings(), book.engine.market());
    let settles = |position: usize| {
        market.instruments().get(holdings.instrument(position)).is_some_and(|instrument| instrument.settle() == asset)
    };
    let cross = holdings.pools_of(account).filter(|&pool| holdings.kind(pool) == PoolKind::Cross);
    cross.flat_map(|pool| holdings.positions_of(pool)).any(settles)
}

fn balances<'py>(py: Python<'py>, book: &Book, rows: &[(usize, usize)]) -> PyResult<Bound<'py, PyDict>> {
    let holdings = book.engine.holdings();
    let (assets, _) = market_names(book.engine.market());
    let columns = PyDict::new(py);
    columns.set_item("account", account_column(py, holdings.accounts(), rows.iter().map(|row| row.0)))?;
    let codes = rows.iter().map(|row| Some(holdings.layer_asset(row.1)));
    columns.set_item("asset", text_column(py, &assets, codes))?;
    let reals = |of: &dyn Fn(usize) -> f64| PyArray1::from_vec(py, rows.iter().map(|row| of(row.1)).collect());
    columns.set_item("wallet_balance", reals(&|layer| holdings.layer_wallet(layer)))?;
    for (name, of) in [
        ("bonus", &(|layer| holdings.bonus(layer)) as &dyn Fn(usize) -> f64),
        ("borrowed", &|layer| holdings.borrowed(layer)),
    ] {
        if rows.iter().any(|row| of(row.1) > 0.0) {
            columns.set_item(name, reals(of))?;
        }
    }
    Ok(columns)
}

/// Columns of the positions in the order of the rows that they came from; `None` where there is none.
fn positions<'py>(py: Python<'py>, book: &Book, only: Option<usize>) -> PyResult<Option<Bound<'py, PyDict>>> {
    let holdings = book.engine.holdings();
    let accounts = only.map_or(0..holdings.accounts().len(), |account| account..account + 1);
    let of_account = |account: usize| holdings.pools_of(account).map(move |pool| (account, pool));
    let of_pool = |(account, pool)| holdings.positions_of(pool).map(move |position| (position, account, pool));
    let mut rows: Vec<(usize, usize, usize)> = accounts.flat_map(of_account).flat_map(of_pool).collect();
    if rows.is_empty() {
        return Ok(None);
    }
    rows.sort_unstable_by_key(|row| holdings.row(row.0));
    let rows = &rows;
    let isolated = |pool: usize| holdings.kind(pool) == PoolKind::Isolated;
    let (_, instruments) = market_names(book.engine.market());
    let columns = PyDict::new(py);
    columns.set_item("account", account_column(py, holdings.accounts(), rows.iter().map(|row| row.1)))?;
    let codes = rows.iter().map(|row| Some(holdings.instrument(row.0)));
    columns.set_item("instrument", text_column(py, &instruments, codes))?;
    let reals = |of: &dyn Fn(usize, usize) -> f64| {
        PyArray1::from_vec(py, rows.iter().map(|row| of(row.0, row.2)).collect::<Vec<f64>>())
    };
    columns.set_item("quantity", reals(&|position, _| holdings.quantity(position)))?;
    columns.set_item("entry_price", reals(&|position, _| holdings.entry_price(position)))?;
    if rows.iter().any(|row| !holdings.leverage(row.0).is_nan()) {
        columns.set_item("leverage", reals(&|position, _| holdings.leverage(position)))?;
    }
    let modes = rows.iter().map(|row| Some(usize::from(isolated(row.2))));
    columns.set_item("margin_mode", text_column(py, &["cross", "isolated"], modes))?;
    let fence =
        |pool: usize| if isolated(pool) { holdings.layer_wallet(holdings.layers_of(pool).start) } else { f64::NAN };
    if rows.iter().any(|row| !fence(row.2).is_nan()) {
        columns.set_item("isolated_margin", reals(&|_, pool| fence(pool)))?;
    }
    let sides = rows.iter().map(|row| Some(side_code(holdings, row.0)));
    columns.set_item("position_side", text_column(py, &SIDES, sides))?;
    special(py, book, rows, &columns)?;
    Ok(Some(columns))
}

/// The columns of positions under a table or tier that was chosen.
fn special(py: Python<'_>, book: &Book, rows: &[(usize, usize, usize)], columns: &Bound<'_, PyDict>) -> PyResult<()> {
    let holdings = book.engine.holdings();
    let class = |row: &(usize, usize, usize)| holdings.margin_class(row.0);
    if rows.iter().any(|row| class(row).version.is_some()) {
        let mut names: Vec<&str> = Vec::new();
        let mut codes = Vec::with_capacity(rows.len());
        for row in rows {
            let instrument = book.engine.market().instruments().get(holdings.instrument(row.0));
            let version = class(row).version.and_then(|at| instrument?.old_tiers().get(usize::from(at)));
            codes.push(version.map(|(name, _)| {
                names.iter().position(|known| known == name).unwrap_or_else(|| {
                    names.push(name);
                    names.len() - 1
                })
            }));
        }
        columns.set_item("tier_version", text_column(py, &names, codes.into_iter()))?;
    }
    if rows.iter().any(|row| class(row).tier > 0) {
        let tier = |tier: u16| if tier > 0 { f64::from(tier) } else { f64::NAN };
        columns.set_item("tier", PyArray1::from_vec(py, rows.iter().map(|row| tier(class(row).tier)).collect()))?;
    }
    Ok(())
}
