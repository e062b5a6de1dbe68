//! Tables of operations: what was filled, moved, paid.

use crossmargin::book::{AccountKeys, Keys};
use crossmargin::error::{BookFaults, FaultKind};
use crossmargin::ledger::{Direction, Fills, Funding, Grants, Key, Ledger, Outcome, Transfers};
use crossmargin::{Error, Market, Result};
use numpy::PyArray1;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::super::arrays::{account_column, row_column, text_column};
use super::super::book::market_names;
use super::super::options::choice;
use super::events::keys_at;
use crate::columns::{KeyColumn, RealColumn, Schema, Table, TextColumn};

const FILLS: Schema = Schema {
    name: "fills",
    required: &["account", "instrument", "quantity", "price"],
    optional: &["fee", "maker", "leverage", "isolated_margin", "margin_mode", "position_side"],
    later: &[("venue", "which venue a row is at, in books of several")],
};

const TRANSFERS: Schema =
    Schema { name: "transfers", required: &["account", "asset", "amount"], optional: &[], later: &[] };

const FUNDING: Schema = Schema { name: "funding", required: &["instrument", "rate"], optional: &["price"], later: &[] };

const GRANTS: Schema =
    Schema { name: "grants", required: &["account", "asset", "amount"], optional: &["paid_share"], later: &[] };

/// Where to go with what is no multiple.
pub(super) fn direction(py: Python<'_>, word: Option<&str>) -> PyResult<Option<Direction>> {
    let known = [("down", Direction::Down), ("up", Direction::Up), ("nearest", Direction::Nearest)];
    word.map(|word| choice(py, "round", word, &known)).transpose()
}

/// The columns of fills.
pub(super) struct FillColumns<'py> {
    account: KeyColumn<'py>,
    instrument: KeyColumn<'py>,
    quantity: RealColumn<'py>,
    price: RealColumn<'py>,
    fee: Option<RealColumn<'py>>,
    maker: Option<Vec<bool>>,
    leverage: Option<RealColumn<'py>>,
    isolated_margin: Option<RealColumn<'py>>,
    margin_mode: Option<TextColumn>,
    position_side: Option<TextColumn>,
}

impl<'py> FillColumns<'py> {
    pub(super) fn new(table: &Bound<'py, PyAny>) -> PyResult<Self> {
        let mut table = Table::new(table, &FILLS)?;
        Ok(Self {
            account: table.keys("account")?,
            instrument: table.keys("instrument")?,
            quantity: table.reals("quantity")?,
            price: table.reals("price")?,
            fee: table.optional_reals("fee")?,
            maker: table.optional_flags("maker")?,
            leverage: table.optional_reals("leverage")?,
            isolated_margin: table.optional_reals("isolated_margin")?,
            margin_mode: table.optional_names("margin_mode")?,
            position_side: table.optional_names("position_side")?,
        })
    }

    pub(super) fn as_fills(&self, round: Option<Direction>) -> Fills<'_> {
        Fills {
            account: self.account.as_keys(),
            instrument: self.instrument.as_keys(),
            quantity: self.quantity.as_slice(),
            price: self.price.as_slice(),
            fee: reals(self.fee.as_ref()),
            maker: self.maker.as_deref(),
            leverage: reals(self.leverage.as_ref()),
            isolated_margin: reals(self.isolated_margin.as_ref()),
            margin_mode: self.margin_mode.as_ref().map(TextColumn::as_keys),
            position_side: self.position_side.as_ref().map(TextColumn::as_keys),
            round,
        }
    }

    pub(super) fn relabel(&self, faults: &mut BookFaults) {
        missing(faults, "quantity", &self.quantity);
        missing(faults, "price", &self.price);
    }
}

fn reals<'a>(column: Option<&'a RealColumn<'_>>) -> Option<&'a [f64]> {
    column.map(RealColumn::as_slice)
}

/// The columns of transfers.
pub(super) struct TransferColumns<'py> {
    account: KeyColumn<'py>,
    asset: KeyColumn<'py>,
    amount: RealColumn<'py>,
}

impl<'py> TransferColumns<'py> {
    pub(super) fn new(table: &Bound<'py, PyAny>) -> PyResult<Self> {
        let mut table = Table::new(table, &TRANSFERS)?;
        Ok(Self { account: table.keys("account")?, asset: table.keys("asset")?, amount: table.reals("amount")? })
    }

    pub(super) fn as_transfers(&self, round: Option<Direction>) -> Transfers<'_> {
        let (account, asset) = (self.account.as_keys(), self.asset.as_keys());
        Transfers { account, asset, amount: self.amount.as_slice(), round }
    }

    pub(super) fn relabel(&self, faults: &mut BookFaults) {
        missing(faults, "amount", &self.amount);
    }
}

/// The columns of funding.
pub(super) struct FundingColumns<'py> {
    instrument: KeyColumn<'py>,
    rate: RealColumn<'py>,
    price: Option<RealColumn<'py>>,
}

impl<'py> FundingColumns<'py> {
    pub(super) fn new(table: &Bound<'py, PyAny>) -> PyResult<Self> {
        let mut table = Table::new(table, &FUNDING)?;
        let (instrument, rate) = (table.keys("instrument")?, table.reals("rate")?);
        Ok(Self { instrument, rate, price: table.optional_reals("price")? })
    }

    pub(super) fn as_funding(&self, round: Option<Direction>) -> Funding<'_> {
        Funding {
            instrument: self.instrument.as_keys(),
            rate: self.rate.as_slice(),
            price: reals(self.price.as_ref()),
            round,
        }
    }

    pub(super) fn relabel(&self, faults: &mut BookFaults) {
        missing(faults, "rate", &self.rate);
    }
}

/// The columns of grants.
pub(super) struct GrantColumns<'py> {
    account: KeyColumn<'py>,
    asset: KeyColumn<'py>,
    amount: RealColumn<'py>,
    paid_share: Option<RealColumn<'py>>,
    expires: Option<Vec<Option<i64>>>,
}

impl<'py> GrantColumns<'py> {
    /// Reads a table; times when vouchers are void come beside it.
    pub(super) fn new(table: &Bound<'py, PyAny>, expires: Option<Vec<Option<i64>>>) -> PyResult<Self> {
        let mut table = Table::new(table, &GRANTS)?;
        let (account, asset) = (table.keys("account")?, table.keys("asset")?);
        let (amount, paid_share) = (table.reals("amount")?, table.optional_reals("paid_share")?);
        Ok(Self { account, asset, amount, paid_share, expires })
    }

    pub(super) fn as_grants(&self, round: Option<Direction>) -> Grants<'_> {
        Grants {
            account: self.account.as_keys(),
            asset: self.asset.as_keys(),
            amount: self.amount.as_slice(),
            paid_share: reals(self.paid_share.as_ref()),
            expires: self.expires.as_deref(),
            round,
        }
    }

    pub(super) fn relabel(&self, faults: &mut BookFaults) {
        missing(faults, "amount", &self.amount);
    }
}

/// Says of values that were absent that they are missing: the engine saw NaN.
fn missing(faults: &mut BookFaults, name: &str, values: &RealColumn<'_>) {
    for fault in &mut faults.faults {
        let row = usize::try_from(fault.row).unwrap_or(usize::MAX);
        if fault.column == name && values.nulls.binary_search(&row).is_ok() {
            fault.kind = FaultKind::Missing;
            "null".clone_into(&mut fault.value);
            "give a finite number".clone_into(&mut fault.cure);
        }
    }
}

/// The numbers of accounts by their keys; of all that are open where no keys are given.
pub(super) fn numbers(ledger: &Ledger, keys: Option<&Keys<'_>>) -> Result<Vec<u32>> {
    let number = |account: usize| u32::try_from(account).unwrap_or(u32::MAX);
    let Some(keys) = keys else {
        return Ok((0..ledger.n_accounts()).filter(|&account| ledger.is_open(account)).map(number).collect());
    };
    let key = |row: usize| match keys {
        Keys::Int(keys) => Some(Key::Int(keys[row])),
        Keys::Text(keys) => keys.names.get(keys.codes[row] as usize).map(|name| Key::Text(name)),
    };
    let find = |row: usize| {
        let found = key(row).and_then(|key| ledger.find(key)).filter(|&account| ledger.is_open(account));
        let cure = "which is no account that is open: give keys of the monitor's book";
        found
            .map(number)
            .ok_or_else(|| Error::argument(format!("accounts[{row}]"), format!("was {}, {cure}", keys.show(row))))
    };
    (0..keys.len()).map(find).collect()
}

/// What an operation moved, with the keys of the accounts.
pub(super) struct Moved {
    outcome: Outcome,
    accounts: AccountKeys,
}

impl Moved {
    pub(super) fn new(ledger: &Ledger, outcome: Outcome) -> Self {
        let accounts = keys_at(ledger, outcome.account.iter().map(|&account| account as usize));
        Self { outcome, accounts }
    }

    /// The columns; those of figures that the operation does not have are left out.
    pub(super) fn columns<'py>(self, py: Python<'py>, market: &Market, fills: bool) -> PyResult<Bound<'py, PyDict>> {
        let outcome = self.outcome;
        let n = outcome.row.len();
        let (assets, _) = market_names(market);
        let columns = PyDict::new(py);
        columns.set_item("row", row_column(py, outcome.row.into_iter()))?;
        columns.set_item("account", account_column(py, &self.accounts, 0..n))?;
        columns.set_item("asset", text_column(py, &assets, outcome.asset.iter().map(|&asset| Some(asset as usize))))?;
        if fills {
            columns.set_item("realized_pnl", PyArray1::from_vec(py, outcome.realized_pnl))?;
            columns.set_item("fee", PyArray1::from_vec(py, outcome.fee))?;
        } else {
            columns.set_item("amount", PyArray1::from_vec(py, outcome.amount))?;
        }
        columns.set_item("bonus", PyArray1::from_vec(py, outcome.bonus))?;
        columns.set_item("remainder", PyArray1::from_vec(py, outcome.remainder))?;
        Ok(columns)
    }
}
