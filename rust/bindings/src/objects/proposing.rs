//! `Proposed`: a table of orders that may be placed, read once and asked about.

use crossmargin::book::{AccountKeys, Keys, Orders};
use crossmargin::error::{BookFaults, FaultKind};
use crossmargin::market::{Asset, CrossPool, Instrument};
use numpy::PyArray1;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::arrays::text_column;
use super::book::Book;
use super::kept::{self, Kept, KeptTable, keys_of};
use crate::columns::{KeyColumn, OwnedKeys, RealColumn, Schema, Table, TextColumn};
use crate::door::guarded;
use crate::errors::argument;

const PROPOSED: Schema = Schema {
    name: "orders",
    required: &["instrument", "quantity"],
    optional: &[
        "account",
        "price",
        "order_id",
        "trigger_price",
        "reduce_only",
        "position_side",
        "margin_mode",
        "leverage",
        "kind",
    ],
    later: &super::tables::LATER,
};

/// Orders that may be placed; immutable.
#[pyclass(frozen, module = "crossmargin._core")]
pub(crate) struct Proposed {
    pub(super) orders: KeptTable,
    /// Rows whose quantity was absent.
    nulls: Vec<usize>,
}

#[pymethods]
impl Proposed {
    /// Reads a table; its accounts are keys of a book. Where it does not say them, all rows are of the one that is named.
    #[new]
    #[pyo3(signature = (book, table, account=None))]
    fn new(
        py: Python<'_>,
        book: &Book,
        table: &Bound<'_, PyAny>,
        account: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let account = account.map(|key| book.place_of(py, Some(key))).transpose()?;
        guarded(py, || Self::read(py, book, table, account))
    }

    fn __len__(&self) -> usize {
        self.as_orders().quantity.len()
    }

    /// What tells the rows apart: accounts, numbers, instruments, and how much is bought at which price.
    fn keys<'py>(&self, py: Python<'py>, book: &Book) -> PyResult<Bound<'py, PyDict>> {
        let orders = self.as_orders();
        let rows: Vec<usize> = (0..orders.quantity.len()).collect();
        let columns = PyDict::new(py);
        columns.set_item("account", keys_of(py, &orders.account, &rows))?;
        if let Some(Kept::Keys(keys)) = self.orders.column("order_id") {
            columns.set_item("order_id", keys_of(py, &keys.as_keys(), &rows))?;
        }
        columns.set_item("instrument", instruments(py, book.engine.market(), &orders.instrument))?;
        columns.set_item("quantity", PyArray1::from_slice(py, orders.quantity))?;
        columns.set_item("price", PyArray1::from_slice(py, orders.price))?;
        columns.set_item("asset", self.assets(py, book.engine.market()))?;
        Ok(columns)
    }

    /// All columns, as they would be given again.
    fn table<'py>(&self, py: Python<'py>, book: &Book) -> PyResult<Bound<'py, PyDict>> {
        let orders = self.as_orders();
        let rows: Vec<usize> = (0..orders.quantity.len()).collect();
        let columns = self.orders.columns(py, book.engine.market(), &rows)?;
        columns.set_item("instrument", instruments(py, book.engine.market(), &orders.instrument))?;
        Ok(columns)
    }
}

/// The columns while they are read.
struct ReadColumns<'py> {
    account: Option<KeyColumn<'py>>,
    instrument: KeyColumn<'py>,
    quantity: RealColumn<'py>,
    price: Option<RealColumn<'py>>,
    leverage: Option<RealColumn<'py>>,
    trigger_price: Option<RealColumn<'py>>,
    reduce_only: Option<Vec<bool>>,
    position_side: Option<TextColumn>,
    margin_mode: Option<TextColumn>,
    kind: Option<TextColumn>,
    order_id: Option<KeyColumn<'py>>,
}

impl<'py> ReadColumns<'py> {
    fn new(mut table: Table<'py>) -> PyResult<Self> {
        Ok(Self {
            account: table.optional_keys("account")?,
            instrument: table.keys("instrument")?,
            quantity: table.reals("quantity")?,
            price: table.optional_reals("price")?,
            leverage: table.optional_reals("leverage")?,
            trigger_price: table.optional_reals("trigger_price")?,
            reduce_only: table.optional_flags("reduce_only")?,
            position_side: table.optional_names("position_side")?,
            margin_mode: table.optional_names("margin_mode")?,
            kind: table.optional_names("kind")?,
            order_id: table.optional_keys("order_id")?,
        })
    }

    /// Number of rows, the same of all columns.
    fn rows(&self, py: Python<'_>) -> PyResult<usize> {
        let keys = |column: &KeyColumn<'_>| column.as_keys().len();
        let reals = |column: &RealColumn<'_>| column.as_slice().len();
        let texts = |column: &TextColumn| column.as_keys().codes.len();
        let (first, rows) = match &self.account {
            Some(account) => ("account", keys(account)),
            None => ("instrument", keys(&self.instrument)),
        };
        let lengths = [
            ("instrument", Some(keys(&self.instrument))),
            ("quantity", Some(reals(&self.quantity))),
            ("price", self.price.as_ref().map(reals)),
            ("leverage", self.leverage.as_ref().map(reals)),
            ("trigger_price", self.trigger_price.as_ref().map(reals)),
            ("reduce_only", self.reduce_only.as_ref().map(Vec::len)),
            ("position_side", self.position_side.as_ref().map(texts)),
            ("margin_mode", self.margin_mode.as_ref().map(texts)),
            ("kind", self.kind.as_ref().map(texts)),
            ("order_id", self.order_id.as_ref().map(keys)),
        ];
        match lengths.into_iter().find(|(_, length)| length.is_some_and(|length| length != rows)) {
            None => Ok(rows),
            Some((name, length)) => {
                let got = length.unwrap_or_default();
                let message = format!("had {got} rows, expected {rows} as in the {first} column");
                Err(argument(py, &format!("orders.{name}"), message))
            }
        }
    }

    /// Copies that no longer need what they were read from.
    fn kept(self, account: OwnedKeys, rows: usize) -> KeptTable {
        let price = self.price.map_or_else(|| vec![f64::NAN; rows], |price| price.as_slice().to_vec());
        KeptTable::of_keys(account, self.instrument.owned())
            .with("quantity", kept::reals(Some(&self.quantity)))
            .with("price", Some(Kept::Reals(price)))
            .with("trigger_price", kept::reals(self.trigger_price.as_ref()))
            .with("reduce_only", self.reduce_only.map(Kept::Flags))
            .with("position_side", self.position_side.map(Kept::Names))
            .with("margin_mode", self.margin_mode.map(Kept::Names))
            .with("leverage", kept::reals(self.leverage.as_ref()))
            .with("kind", self.kind.map(Kept::Names))
            .with("order_id", self.order_id.as_ref().map(KeyColumn::owned).map(Kept::Keys))
    }
}

impl Proposed {
    fn read(py: Python<'_>, book: &Book, object: &Bound<'_, PyAny>, only: Option<usize>) -> PyResult<Self> {
        let columns = ReadColumns::new(Table::new(object, &PROPOSED)?)?;
        let rows = columns.rows(py)?;
        let accounts = book.engine.holdings().accounts();
        let account = match &columns.account {
            Some(account) => of_accounts(account, accounts),
            None if rows == 0 => OwnedKeys::default(),
            None => one_account(py, accounts, only, rows)?,
        };
        let nulls = columns.quantity.nulls.clone();
        Ok(Self { orders: columns.kept(account, rows), nulls })
    }

    /// The asset of the pool that each order meets.
    fn assets<'py>(&self, py: Python<'py>, market: &crossmargin::Market) -> Bound<'py, PyAny> {
        let names: Vec<&str> = market.assets().iter().map(Asset::name).collect();
        let joint = market.rules().cross_pool() == CrossPool::PerAccount;
        let of_all = market.rules().valuation_asset().filter(|_| joint);
        let settle = |at: usize| market.instruments().get(at).map(Instrument::settle);
        let instruments = self.orders.instruments(market).into_iter();
        text_column(py, &names, instruments.map(|at| settle(at).map(|settle| of_all.unwrap_or(settle))))
    }

    /// What the engine is asked about.
    pub(super) fn as_orders(&self) -> Orders<'_> {
        self.orders.as_orders()
    }

    /// Says of quantities that were absent that they are missing: the engine saw NaN.
    pub(super) fn relabel(&self, faults: &mut BookFaults) {
        for fault in &mut faults.faults {
            let row = usize::try_from(fault.row).unwrap_or(usize::MAX);
            if fault.column == "quantity" && self.nulls.binary_search(&row).is_ok() {
                fault.kind = FaultKind::Missing;
                "give a finite number".clone_into(&mut fault.cure);
            }
            if fault.kind == FaultKind::Missing {
                "null".clone_into(&mut fault.value);
            }
        }
    }
}

/// Keys of the kind that a book's are of.
fn of_accounts(given: &KeyColumn<'_>, accounts: &AccountKeys) -> OwnedKeys {
    match (given.as_keys(), accounts) {
        (Keys::Int(keys), AccountKeys::Text(_)) => {
            let names: Vec<String> = keys.iter().map(i64::to_string).collect();
            OwnedKeys::of_names(names.iter().map(|name| Some(name.as_str())))
        }
        _ => given.owned(),
    }
}

/// The key of one account, of a book's only one where none is named, for every row.
fn one_account(py: Python<'_>, accounts: &AccountKeys, only: Option<usize>, rows: usize) -> PyResult<OwnedKeys> {
    let Some(at) = only.or_else(|| (accounts.len() == 1).then_some(0)) else {
        let message = format!("is missing; the book has {} accounts: say whose each order is", accounts.len());
        return Err(argument(py, "orders.account", message));
    };
    Ok(match accounts {
        AccountKeys::Int(keys) => OwnedKeys::Ints(vec![keys[at]; rows]),
        AccountKeys::Text(keys) => OwnedKeys::of_names((0..rows).map(|_| Some(keys[at].as_str()))),
    })
}

/// The names of instruments; what the market does not have is named as it was written.
fn instruments<'py>(py: Python<'py>, market: &crossmargin::Market, keys: &Keys<'_>) -> Bound<'py, PyAny> {
    let name = |at: usize| market.instruments().get(at).map(Instrument::name);
    match keys {
        Keys::Int(keys) => {
            let names: Vec<&str> = market.instruments().iter().map(Instrument::name).collect();
            text_column(py, &names, keys.iter().map(|&key| usize::try_from(key).ok()))
        }
        Keys::Text(keys) => {
            let known = |written: &'_ String| market.instrument_index(written).and_then(name);
            let names: Vec<&str> = keys.names.iter().map(|written| known(written).unwrap_or(written)).collect();
            text_column(py, &names, keys.codes.iter().map(|&code| Some(code as usize)))
        }
    }
}
