//! Dropping whole accounts instead of refusing a book: an account without one of its legs has a wrong margin.

use std::collections::BTreeSet;

use crate::error::{BookFaults, MAX_FAULTS, Result};
use crate::market::Market;

use super::holdings::{Holdings, Rejected};
use super::tables::{Balances, Keys, Positions, Tables, TextKeys};

/// The rows of a table that are kept, copied column by column.
struct Kept {
    rows: Vec<u32>,
}

impl Kept {
    fn reals(&self, column: &[f64]) -> Vec<f64> {
        self.rows.iter().map(|&row| column[row as usize]).collect()
    }

    fn codes(&self, keys: Option<TextKeys<'_>>) -> Option<Vec<u32>> {
        keys.map(|keys| self.rows.iter().map(|&row| keys.codes[row as usize]).collect())
    }

    fn keys(&self, keys: &Keys<'_>) -> OwnedKeys {
        match keys {
            Keys::Int(keys) => OwnedKeys::Int(self.rows.iter().map(|&row| keys[row as usize]).collect()),
            Keys::Text(keys) => OwnedKeys::Text(self.rows.iter().map(|&row| keys.codes[row as usize]).collect()),
        }
    }
}

enum OwnedKeys {
    Int(Vec<i64>),
    Text(Vec<u32>),
}

impl OwnedKeys {
    fn as_keys<'a>(&'a self, like: &Keys<'a>) -> Keys<'a> {
        match (self, like) {
            (Self::Int(keys), _) => Keys::Int(keys),
            (Self::Text(codes), Keys::Text(keys)) => Keys::Text(TextKeys { codes, names: keys.names }),
            (Self::Text(codes), Keys::Int(_)) => Keys::Text(TextKeys { codes, names: &[] }),
        }
    }
}

/// The account of a row as text: the same for an integer and the name it is written as. `None` for a nameless row.
fn account_text(keys: &Keys<'_>, row: usize) -> Option<String> {
    match keys {
        Keys::Int(keys) => Some(keys[row].to_string()),
        Keys::Text(keys) => keys.names.get(keys.codes[row] as usize).cloned(),
    }
}

impl Holdings {
    /// Builds what can be built, dropping each account that has a fault.
    ///
    /// # Errors
    /// [`crate::error::Error::Argument`] for columns of unequal length.
    pub fn build_rejecting(market: &Market, tables: &Tables<'_>) -> Result<(Self, Rejected)> {
        let mut rejected = Rejected::default();
        let mut dropped: BTreeSet<String> = BTreeSet::new();
        let (mut balances, mut positions) = (all_rows(&tables.balances.account), all_rows(&tables.positions.account));
        loop {
            match build_rows(market, tables, &balances, &positions)? {
                Ok(mut holdings) => {
                    for row in &mut holdings.rows {
                        *row = positions.rows[*row as usize];
                    }
                    rejected.balance_rows = others(&balances, tables.balances.account.len());
                    rejected.position_rows = others(&positions, tables.positions.account.len());
                    return Ok((holdings, rejected));
                }
                Err(faults) => {
                    note(&mut rejected, &faults, &balances, &positions);
                    let nameless = drop_accounts(&mut dropped, tables, &faults, (&balances, &positions));
                    keep(&mut balances, &tables.balances.account, &dropped, &nameless.0);
                    keep(&mut positions, &tables.positions.account, &dropped, &nameless.1);
                }
            }
        }
    }
}

use super::accounts::row32;
use super::validate::Faults;

fn all_rows(keys: &Keys<'_>) -> Kept {
    Kept { rows: (0..keys.len()).map(row32).collect() }
}

fn others(kept: &Kept, n: usize) -> Vec<u32> {
    let mut next = kept.rows.iter().copied().peekable();
    (0..n).map(row32).filter(|&row| next.next_if_eq(&row).is_none()).collect()
}

/// Adds faults to the report, with the rows as they were given.
fn note(rejected: &mut Rejected, faults: &Faults, balances: &Kept, positions: &Kept) {
    let report = rejected.faults.get_or_insert(BookFaults { faults: Vec::new(), n_faults: 0 });
    report.n_faults += faults.n_faults();
    for fault in &faults.kept {
        if report.faults.len() == MAX_FAULTS {
            break;
        }
        let kept = if fault.table == "balances" { balances } else { positions };
        let row = usize::try_from(fault.row).ok().and_then(|row| kept.rows.get(row));
        report.faults.push(crate::error::Fault { row: row.map_or(fault.row, |&row| u64::from(row)), ..fault.clone() });
    }
    report.faults.sort_by(|a, b| (a.table, a.row).cmp(&(b.table, b.row)));
}

/// Adds the accounts of faulty rows to `dropped`; returns the rows that have no account to drop.
fn drop_accounts(
    dropped: &mut BTreeSet<String>,
    tables: &Tables<'_>,
    faults: &Faults,
    kept: (&Kept, &Kept),
) -> (BTreeSet<u32>, BTreeSet<u32>) {
    let mut nameless = (BTreeSet::new(), BTreeSet::new());
    let mut each = |keys: &Keys<'_>, rows: &[u32], kept: &Kept, without: &mut BTreeSet<u32>| {
        for &row in rows {
            let row = kept.rows[row as usize];
            match account_text(keys, row as usize) {
                Some(account) => {
                    dropped.insert(account);
                }
                None => {
                    without.insert(row);
                }
            }
        }
    };
    each(&tables.balances.account, &faults.balance_rows, kept.0, &mut nameless.0);
    each(&tables.positions.account, &faults.position_rows, kept.1, &mut nameless.1);
    nameless
}

fn keep(kept: &mut Kept, keys: &Keys<'_>, dropped: &BTreeSet<String>, nameless: &BTreeSet<u32>) {
    kept.rows.retain(|row| {
        !nameless.contains(row) && account_text(keys, *row as usize).is_none_or(|account| !dropped.contains(&account))
    });
}

fn build_rows(
    market: &Market,
    tables: &Tables<'_>,
    balances: &Kept,
    positions: &Kept,
) -> Result<std::result::Result<Holdings, Faults>> {
    let (b, p) = (&tables.balances, &tables.positions);
    let (b_account, b_asset, wallet) =
        (balances.keys(&b.account), balances.keys(&b.asset), balances.reals(b.wallet_balance));
    let (p_account, p_instrument) = (positions.keys(&p.account), positions.keys(&p.instrument));
    let (quantity, entry) = (positions.reals(p.quantity), positions.reals(p.entry_price));
    let leverage = p.leverage.map(|column| positions.reals(column));
    let margin = p.isolated_margin.map(|column| positions.reals(column));
    let (mode, side) = (positions.codes(p.margin_mode), positions.codes(p.position_side));
    let kept = Tables {
        balances: Balances {
            account: b_account.as_keys(&b.account),
            asset: b_asset.as_keys(&b.asset),
            wallet_balance: &wallet,
            ..Balances::default()
        },
        positions: Positions {
            account: p_account.as_keys(&p.account),
            instrument: p_instrument.as_keys(&p.instrument),
            quantity: &quantity,
            entry_price: &entry,
            leverage: leverage.as_deref(),
            isolated_margin: margin.as_deref(),
            margin_mode: p.margin_mode.zip(mode.as_deref()).map(|(k, codes)| TextKeys { codes, names: k.names }),
            position_side: p.position_side.zip(side.as_deref()).map(|(k, codes)| TextKeys { codes, names: k.names }),
            ..Positions::default()
        },
        ..*tables
    };
    Holdings::build_or_faults(market, &kept)
}
