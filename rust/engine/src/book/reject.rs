//! Dropping whole accounts instead of refusing a book: an account without one of its legs has a wrong margin.

use std::collections::BTreeSet;

use crate::error::{BookFaults, MAX_FAULTS, Result};
use crate::market::Market;

use super::accounts::row32;
use super::holdings::{Holdings, Rejected};
use super::kept::{Kept, OwnedAccounts, OwnedBalances, OwnedOrders, OwnedPositions, OwnedSettings};
use super::tables::{Keys, Tables};
use super::validate::{Faults, Part, check_lengths};

/// The account of a row as text: the same for an integer and the name it is written as. `None` for a nameless row.
fn account_text(keys: &Keys<'_>, row: usize) -> Option<String> {
    match keys {
        Keys::Int(keys) => Some(keys[row].to_string()),
        Keys::Text(keys) => keys.names.get(keys.codes[row] as usize).cloned(),
    }
}

impl Tables<'_> {
    /// The account column of a table.
    pub(super) const fn account_of(&self, part: Part) -> &Keys<'_> {
        match part {
            Part::Balances => &self.balances.account,
            Part::Positions => &self.positions.account,
            Part::Orders => &self.orders.account,
            Part::Accounts => &self.accounts.account,
            Part::Settings => &self.settings.account,
        }
    }
}

impl Holdings {
    /// Builds what can be built, dropping each account that has a fault.
    ///
    /// # Errors
    /// [`crate::error::Error::Argument`] for columns of unequal length.
    pub fn build_rejecting(market: &Market, tables: &Tables<'_>) -> Result<(Self, Rejected)> {
        check_lengths(tables)?;
        let mut rejected = Rejected::default();
        let mut dropped: BTreeSet<String> = BTreeSet::new();
        let mut kept = Part::ALL.map(|part| all_rows(tables.account_of(part)));
        loop {
            match build_rows(market, tables, &kept)? {
                Ok(mut holdings) => {
                    for row in &mut holdings.rows {
                        *row = kept[Part::Positions as usize].rows[*row as usize];
                    }
                    let others = |part: Part| others(&kept[part as usize], tables.account_of(part).len());
                    rejected.balance_rows = others(Part::Balances);
                    rejected.position_rows = others(Part::Positions);
                    rejected.order_rows = others(Part::Orders);
                    return Ok((holdings, rejected));
                }
                Err(faults) => {
                    note(&mut rejected, &faults, &kept);
                    let nameless = drop_accounts(&mut dropped, tables, &faults, &kept);
                    for part in Part::ALL {
                        keep(&mut kept[part as usize], tables.account_of(part), &dropped, &nameless[part as usize]);
                    }
                }
            }
        }
    }
}

fn all_rows(keys: &Keys<'_>) -> Kept {
    Kept { rows: (0..keys.len()).map(row32).collect() }
}

fn others(kept: &Kept, n: usize) -> Vec<u32> {
    let mut next = kept.rows.iter().copied().peekable();
    (0..n).map(row32).filter(|&row| next.next_if_eq(&row).is_none()).collect()
}

/// Adds faults to the report, with the rows as they were given.
fn note(rejected: &mut Rejected, faults: &Faults, kept: &[Kept; 5]) {
    let report = rejected.faults.get_or_insert(BookFaults { faults: Vec::new(), n_faults: 0 });
    report.n_faults += faults.n_faults();
    for fault in &faults.kept {
        if report.faults.len() == MAX_FAULTS {
            break;
        }
        let kept = &kept[Part::of_name(fault.table) as usize];
        let row = usize::try_from(fault.row).ok().and_then(|row| kept.rows.get(row));
        report.faults.push(crate::error::Fault { row: row.map_or(fault.row, |&row| u64::from(row)), ..fault.clone() });
    }
    report.faults.sort_by_key(|fault| (Part::of_name(fault.table) as usize, fault.row));
}

/// Adds the accounts of faulty rows to `dropped`; returns the rows that have no account to drop.
fn drop_accounts(
    dropped: &mut BTreeSet<String>,
    tables: &Tables<'_>,
    faults: &Faults,
    kept: &[Kept; 5],
) -> [BTreeSet<u32>; 5] {
    Part::ALL.map(|part| {
        let mut nameless = BTreeSet::new();
        for &row in &faults.rows[part as usize] {
            let row = kept[part as usize].rows[row as usize];
            match account_text(tables.account_of(part), row as usize) {
                Some(account) => {
                    dropped.insert(account);
                }
                None => {
                    nameless.insert(row);
                }
            }
        }
        nameless
    })
}

fn keep(kept: &mut Kept, keys: &Keys<'_>, dropped: &BTreeSet<String>, nameless: &BTreeSet<u32>) {
    kept.rows.retain(|row| {
        !nameless.contains(row) && account_text(keys, *row as usize).is_none_or(|account| !dropped.contains(&account))
    });
}

fn build_rows(market: &Market, tables: &Tables<'_>, kept: &[Kept; 5]) -> Result<std::result::Result<Holdings, Faults>> {
    let [balances, positions, orders, accounts, settings] = kept;
    let balances = OwnedBalances::new(balances, &tables.balances);
    let positions = OwnedPositions::new(positions, &tables.positions);
    let orders = OwnedOrders::new(orders, &tables.orders);
    let accounts = OwnedAccounts::new(accounts, &tables.accounts);
    let settings = OwnedSettings::new(settings, &tables.settings);
    let kept = Tables {
        balances: balances.lend(&tables.balances),
        positions: positions.lend(&tables.positions),
        orders: orders.lend(&tables.orders),
        accounts: accounts.lend(&tables.accounts),
        settings: settings.lend(&tables.settings),
        ..*tables
    };
    Holdings::build_or_faults(market, &kept)
}
