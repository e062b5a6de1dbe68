//! What is wrong with rows of proposed orders.

use crate::book::{Faults, Keys, NO_KEY, Part, ProposedRows};
use crate::error::{BookFaults, Error, FaultKind, Result};

/// The faults of a table of orders; `None` where there are none.
pub(super) fn faults_of(rows: &ProposedRows<'_>, accounts: &[u32], keys: &Keys<'_>) -> Option<BookFaults> {
    let mut faults = Faults::default();
    for (row, &account) in accounts.iter().enumerate() {
        let named = !keys.show(row).is_empty();
        if account == NO_KEY && named {
            let what = (FaultKind::Unknown, "the book has no such account; add it to the book first");
            faults.add(Part::Orders, row, "account", keys.show(row), what);
        }
        if !rows.is_well(row) || (account == NO_KEY && !named) {
            rows.faults(row, &mut faults);
        }
    }
    match faults.into_error() {
        Error::Book(found) if found.n_faults > 0 => Some(*found),
        _ => None,
    }
}

/// Refuses a table with faults.
pub(super) fn refuse(rows: &ProposedRows<'_>, accounts: &[u32], keys: &Keys<'_>) -> Result<()> {
    let well = |(row, &account): (usize, &u32)| account != NO_KEY && rows.is_well(row);
    if accounts.iter().enumerate().all(well) {
        return Ok(());
    }
    faults_of(rows, accounts, keys).map_or(Ok(()), |faults| Err(Error::Book(Box::new(faults))))
}
