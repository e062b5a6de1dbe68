//! `Book`: accounts, built from tables and asked for their keys and positions.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use crossmargin::Error;
use crossmargin::book::{AccountKeys, Duplicates, Holdings, Keys, OnError, QuantityUnit, Rejected, Tables};
use crossmargin::error::MissingPrices;
use crossmargin::market::{Asset, Instrument};
use crossmargin::score as question;
use numpy::{PyArray1, PyArrayMethods};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::accounts::Places;
use super::arrays::{account_column, row_column, text_column};
use super::given;
use super::joining::{Placed, joined, left};
use super::kept::KeptTable;
use super::market::Market;
use super::options::{choice, missing};
use super::prices::Prices;
use super::scoring::check_market;
use super::tables::{Columns, Given};
use crate::columns::{KeyColumn, Raw};
use crate::door::{guarded, through};
use crate::errors::{argument, fault_columns, raise};

/// The accounts of a market; immutable.
#[pyclass(frozen, module = "crossmargin._core")]
pub(crate) struct Book {
    pub(crate) engine: Arc<crossmargin::Book>,
    rejected: Rejected,
    /// Accounts dropped, in the order of their rows.
    dropped: Vec<String>,
    dropped_are_ints: bool,
    /// Orders, accounts and settings as they came.
    pub(super) kept: [Arc<KeptTable>; 3],
    pub(super) unit: QuantityUnit,
    /// Accounts by their keys, once one is looked for.
    places: OnceLock<Places>,
}

#[pymethods]
impl Book {
    #[new]
    #[expect(clippy::too_many_arguments, reason = "private: the Python package passes all of them, by place")]
    fn new(
        py: Python<'_>,
        market: &Market,
        balances: &Bound<'_, PyAny>,
        positions: &Bound<'_, PyAny>,
        orders: &Bound<'_, PyAny>,
        accounts: &Bound<'_, PyAny>,
        settings: &Bound<'_, PyAny>,
        quantity_unit: &str,
        duplicates: &str,
        on_error: &str,
        window: Option<usize>,
    ) -> PyResult<Self> {
        let units = [("contracts", QuantityUnit::Contracts), ("base", QuantityUnit::Base)];
        let unit = choice(py, "quantity_unit", quantity_unit, &units)?;
        let repeated = [("raise", Duplicates::Refuse), ("merge", Duplicates::Merge)];
        let repeated = choice(py, "duplicates", duplicates, &repeated)?;
        let on_error = choice(py, "on_error", on_error, &[("raise", OnError::Refuse), ("reject", OnError::Reject)])?;
        let given = Given { balances, positions, orders, accounts, settings };
        let columns = guarded(py, || Columns::new(py, &given))?;
        let tables = columns.tables(unit, repeated);
        let market = Arc::clone(&market.0);
        let built = through(py, || {
            Ok(match window {
                None => crossmargin::Book::build(market, tables, on_error),
                Some(window) => crossmargin::Book::build_in_windows(market, tables, on_error, window),
            })
        })?;
        let (engine, mut rejected) = built.map_err(|mut error| {
            if let Error::Book(faults) = &mut error {
                columns.relabel(faults);
            }
            raise(py, error)
        })?;
        if let Some(faults) = &mut rejected.faults {
            columns.relabel(faults);
        }
        let dropped = dropped(&rejected, &tables);
        let kept = columns.kept();
        Ok(Self {
            engine: Arc::new(engine),
            rejected,
            dropped,
            dropped_are_ints: columns.accounts_are_ints(),
            kept: kept.map(Arc::new),
            unit,
            places: OnceLock::new(),
        })
    }

    #[getter]
    fn quantity_unit(&self) -> &'static str {
        match self.unit {
            QuantityUnit::Contracts => "contracts",
            QuantityUnit::Base => "base",
        }
    }

    #[getter]
    fn n_accounts(&self) -> usize {
        self.engine.holdings().accounts().len()
    }

    #[getter]
    fn n_pools(&self) -> usize {
        self.engine.holdings().n_pools()
    }

    #[getter]
    fn n_positions(&self) -> usize {
        self.engine.holdings().n_positions()
    }

    /// What was dropped: faults, their number, accounts, rows of both tables; `None` where nothing was.
    fn rejected<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyDict>>> {
        let Some(faults) = &self.rejected.faults else { return Ok(None) };
        let report = PyDict::new(py);
        report.set_item("faults", fault_columns(py, faults)?)?;
        report.set_item("n_faults", faults.n_faults)?;
        if self.dropped_are_ints {
            let accounts: Vec<i64> = self.dropped.iter().filter_map(|account| account.parse().ok()).collect();
            report.set_item("accounts", PyArray1::from_vec(py, accounts))?;
        } else {
            let names: Vec<&str> = self.dropped.iter().map(String::as_str).collect();
            report.set_item("accounts", text_column(py, &names, (0..names.len()).map(Some)))?;
        }
        report.set_item("balance_rows", row_column(py, self.rejected.balance_rows.iter().copied()))?;
        report.set_item("position_rows", row_column(py, self.rejected.position_rows.iter().copied()))?;
        report.set_item("order_rows", row_column(py, self.rejected.order_rows.iter().copied()))?;
        Ok(Some(report))
    }

    /// Key columns of the pools.
    fn pools<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let holdings = self.engine.holdings();
        let market = self.engine.market();
        let pools = || 0..holdings.n_pools();
        let (assets, instruments) = market_names(market);
        let position = |pool: usize| {
            let isolated = holdings.kind(pool) == crossmargin::book::PoolKind::Isolated;
            isolated.then(|| holdings.positions_of(pool).start)
        };
        let of_accounts = (0..holdings.accounts().len()).flat_map(|a| holdings.pools_of(a).map(move |_| a));
        let columns = PyDict::new(py);
        columns.set_item("account", account_column(py, holdings.accounts(), of_accounts))?;
        let kinds = pools().map(|pool| Some(usize::from(position(pool).is_some())));
        columns.set_item("kind", text_column(py, &["cross", "isolated"], kinds))?;
        columns.set_item("asset", text_column(py, &assets, pools().map(|pool| Some(holdings.asset(pool)))))?;
        let instrument = pools().map(|pool| position(pool).map(|at| holdings.instrument(at)));
        columns.set_item("instrument", text_column(py, &instruments, instrument))?;
        let side = pools().map(|pool| position(pool).map(|at| side_code(holdings, at)));
        columns.set_item("side", text_column(py, &SIDES, side))?;
        Ok(columns)
    }

    /// Columns of tables that make an equal book; of one account, by its key, or of all.
    fn tables<'py>(&self, py: Python<'py>, account: Option<&Bound<'py, PyAny>>) -> PyResult<Bound<'py, PyDict>> {
        given::tables(py, self, account)
    }

    /// The accounts in order.
    fn accounts<'py>(&self, py: Python<'py>) -> Bound<'py, PyAny> {
        let accounts = self.engine.holdings().accounts();
        account_column(py, accounts, 0..accounts.len())
    }

    /// The place of an account, by its key.
    fn account_place(&self, py: Python<'_>, key: &Bound<'_, PyAny>) -> PyResult<usize> {
        self.place_of(py, Some(key))
    }

    /// Whether each pool is an isolated one.
    fn isolated<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<bool>> {
        let holdings = self.engine.holdings();
        let isolated = |pool| holdings.kind(pool) == crossmargin::book::PoolKind::Isolated;
        PyArray1::from_vec(py, (0..holdings.n_pools()).map(isolated).collect())
    }

    /// The first pool of each account.
    fn first_pools<'py>(&self, py: Python<'py>) -> Bound<'py, PyAny> {
        let holdings = self.engine.holdings();
        let first = |account| u32::try_from(holdings.pools_of(account).start).unwrap_or(u32::MAX);
        row_column(py, (0..holdings.accounts().len()).map(first))
    }

    /// Key columns of the positions, in the order of the input rows.
    fn position_keys<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let (rows, pools) = crossmargin::price::position_keys(&self.engine);
        self.key_columns(py, &rows, &pools, &input_order(self.engine.holdings()))
    }

    /// The pool and the instrument of each position, by their places, in the order of the input rows.
    fn position_places<'py>(&self, py: Python<'py>) -> (Bound<'py, PyAny>, Bound<'py, PyAny>) {
        let holdings = self.engine.holdings();
        let (_, pools) = crossmargin::price::position_keys(&self.engine);
        let instrument = |at: usize| u32::try_from(holdings.instrument(at)).unwrap_or(u32::MAX);
        let instruments = input_order(holdings).into_iter().map(instrument);
        (row_column(py, pools.into_iter()), row_column(py, instruments))
    }

    /// Columns of the positions at given prices, in the order of the input rows.
    fn positions<'py>(&self, py: Python<'py>, prices: &Prices, missing_word: &str) -> PyResult<Bound<'py, PyDict>> {
        check_market(py, self, prices)?;
        let missing = missing(py, missing_word)?;
        let figures = through(py, || question::score_positions(&self.engine, &prices.prices, missing))?;
        let holdings = self.engine.holdings();
        let order = input_order(holdings);
        let market = self.engine.market();
        let (assets, _) = market_names(market);
        let reals = |of: &dyn Fn(usize) -> f64| PyArray1::from_vec(py, order.iter().map(|&at| of(at)).collect());
        let columns = self.key_columns(py, &figures.row, &figures.pool, &order)?;
        columns.set_item("entry_price", reals(&|at| holdings.entry_price(at)))?;
        let settle = |at: usize| market.instruments().get(holdings.instrument(at)).map(Instrument::settle);
        columns.set_item("asset", text_column(py, &assets, order.iter().map(|&at| settle(at))))?;
        columns.set_item("notional", PyArray1::from_slice(py, &figures.notional))?;
        columns.set_item("unrealized_pnl", PyArray1::from_slice(py, &figures.unrealized_pnl))?;
        columns.set_item("initial_margin", PyArray1::from_slice(py, &figures.initial_margin))?;
        columns.set_item("maintenance_margin", PyArray1::from_slice(py, &figures.maintenance_margin))?;
        columns.set_item("tier", row_column(py, figures.tier.iter().copied()))?;
        Ok(columns)
    }

    /// Sums a column of pools by account, at a rate per asset of the market.
    #[expect(clippy::needless_pass_by_value, reason = "arguments of Python are extracted by value")]
    fn sum_by_account<'py>(
        &self,
        py: Python<'py>,
        column: &Bound<'py, PyArray1<f64>>,
        rates: Vec<f64>,
    ) -> PyResult<Bound<'py, PyArray1<f64>>> {
        let column = column.try_readonly()?;
        let column = column.as_slice()?;
        if column.len() != self.n_pools() || rates.len() != self.engine.market().assets().len() {
            return Err(argument(py, "column", "was not of this book"));
        }
        let sums = through(py, || Ok(question::sum_by_account(&self.engine, column, &rates)))?;
        Ok(PyArray1::from_vec(py, sums))
    }

    /// The value of one unit of each asset of the market in `valuation`; 0 for assets that are not held.
    fn rates(&self, py: Python<'_>, prices: &Prices, valuation: &str, missing_word: &str) -> PyResult<Vec<f64>> {
        let market = self.engine.market();
        let holdings = self.engine.holdings();
        let unknown = || argument(py, "valuation", format!("was {valuation:?}, which is no asset of the market"));
        let target = market.asset_index(valuation).ok_or_else(unknown)?;
        let mut held = vec![false; market.assets().len()];
        for pool in 0..holdings.n_pools() {
            held[holdings.asset(pool)] = true;
        }
        let unit = market.rules().valuation_asset().unwrap_or(target);
        let price = |asset: usize| match prices.prices.index().get(asset).copied().filter(|price| !price.is_nan()) {
            Some(price) => price,
            None if asset == unit => 1.0,
            None => f64::NAN,
        };
        let others = || (0..held.len()).filter(|&asset| held[asset] && asset != target);
        let needed = others().chain(others().next().map(|_| target));
        let mut absent: Vec<usize> = needed.filter(|&asset| price(asset).is_nan()).collect();
        absent.sort_unstable();
        if !absent.is_empty() && missing(py, missing_word)? == question::Missing::Refuse {
            let name = |asset: usize| market.assets().get(asset).map(|asset| asset.name().to_owned());
            let assets = absent.into_iter().filter_map(name).collect();
            return Err(raise(py, Error::MissingPrice(Box::new(MissingPrices { assets, ..MissingPrices::default() }))));
        }
        let rate = |asset: usize| match asset {
            _ if asset == target => 1.0,
            _ if held[asset] => price(asset) / price(target),
            _ => 0.0,
        };
        Ok((0..held.len()).map(rate).collect())
    }
}

impl Book {
    /// The book that a ledger is of.
    pub(super) fn of_ledger(ledger: &crossmargin::ledger::Ledger) -> crossmargin::Result<Self> {
        let (engine, kept) = ledger.tables(|tables| {
            let built = crossmargin::Book::build(Arc::clone(ledger.market()), *tables, OnError::Refuse);
            built.map(|(engine, _)| (engine, KeptTable::of(tables)))
        })?;
        Ok(Self {
            dropped_are_ints: matches!(engine.holdings().accounts(), AccountKeys::Int(_)),
            engine: Arc::new(engine),
            rejected: Rejected::default(),
            dropped: Vec::new(),
            kept: kept.map(Arc::new),
            unit: ledger.quantity_unit(),
            places: OnceLock::new(),
        })
    }

    /// The book that comes after this one where orders fired, by row and whether they rest.
    pub(super) fn after_stops(&self, engine: crossmargin::Book, fired: &BTreeMap<usize, bool>) -> Self {
        let [orders, accounts, settings] = &self.kept;
        Self {
            dropped_are_ints: self.dropped_are_ints,
            engine: Arc::new(engine),
            rejected: Rejected::default(),
            dropped: Vec::new(),
            kept: [Arc::new(left(orders, fired)), Arc::clone(accounts), Arc::clone(settings)],
            unit: self.unit,
            places: OnceLock::new(),
        }
    }

    /// The book that comes after this one: of the same accounts, with orders placed.
    pub(super) fn after(&self, engine: Arc<crossmargin::Book>, placed: &Placed<'_>) -> Self {
        let [orders, accounts, settings] = &self.kept;
        let joined = joined(orders, placed, engine.holdings().accounts(), engine.market());
        Self {
            dropped_are_ints: self.dropped_are_ints,
            engine,
            rejected: Rejected::default(),
            dropped: Vec::new(),
            kept: [Arc::new(joined), Arc::clone(accounts), Arc::clone(settings)],
            unit: self.unit,
            places: OnceLock::new(),
        }
    }

    /// The place of an account by its key, which may be left out where there is one account.
    pub(super) fn place_of(&self, py: Python<'_>, key: Option<&Bound<'_, PyAny>>) -> PyResult<usize> {
        let accounts = self.engine.holdings().accounts();
        match key {
            Some(key) => self.places.get_or_init(|| Places::new(accounts)).of(key),
            None if accounts.len() == 1 => Ok(0),
            None => {
                let message = format!("was not given, and the book has {} accounts: name one", accounts.len());
                Err(argument(py, "account", message))
            }
        }
    }

    /// The places of accounts by their keys; `name` is the argument that they are.
    pub(super) fn places_of(&self, py: Python<'_>, keys: &Bound<'_, PyAny>, name: &str) -> PyResult<Vec<u32>> {
        let column = guarded(py, || KeyColumn::new(py, Raw::new(keys, name)?, name))?;
        let places = self.places.get_or_init(|| Places::new(self.engine.holdings().accounts()));
        let keys = column.as_keys();
        let unknown = |row: usize| {
            let message = format!("was {}, which this book does not hold", keys.show(row));
            argument(py, &format!("{name}[{row}]"), message)
        };
        (0..keys.len()).map(|row| places.of_row(&keys, row).ok_or_else(|| unknown(row))).collect()
    }

    /// What tells positions apart, and how large they are.
    fn key_columns<'py>(
        &self,
        py: Python<'py>,
        rows: &[u32],
        pools: &[u32],
        order: &[usize],
    ) -> PyResult<Bound<'py, PyDict>> {
        let holdings = self.engine.holdings();
        let mut account_of = vec![0; holdings.n_pools()];
        for account in 0..holdings.accounts().len() {
            account_of[holdings.pools_of(account)].fill(account);
        }
        let pools = || pools.iter().map(|&pool| pool as usize);
        let (_, instruments) = market_names(self.engine.market());
        let columns = PyDict::new(py);
        columns.set_item("row", row_column(py, rows.iter().copied()))?;
        let accounts = pools().map(|pool| account_of.get(pool).copied().unwrap_or_default());
        columns.set_item("account", account_column(py, holdings.accounts(), accounts))?;
        let instrument = order.iter().map(|&at| Some(holdings.instrument(at)));
        columns.set_item("instrument", text_column(py, &instruments, instrument))?;
        let side = order.iter().map(|&at| Some(side_code(holdings, at)));
        columns.set_item("position_side", text_column(py, &SIDES, side))?;
        let mode = pools().map(|pool| Some(usize::from(holdings.kind(pool) as u8)));
        columns.set_item("margin_mode", text_column(py, &["cross", "isolated"], mode))?;
        let reals = |of: &dyn Fn(usize) -> f64| PyArray1::from_vec(py, order.iter().map(|&at| of(at)).collect());
        columns.set_item("quantity", reals(&|at| holdings.quantity(at)))?;
        columns.set_item("entry_price", reals(&|at| holdings.entry_price(at)))?;
        Ok(columns)
    }
}

/// Places of the positions, in the order of the input rows.
pub(super) fn input_order(holdings: &Holdings) -> Vec<usize> {
    let mut order: Vec<usize> = (0..holdings.n_positions()).collect();
    order.sort_unstable_by_key(|&position| holdings.row(position));
    order
}

pub(super) const SIDES: [&str; 3] = ["net", "long", "short"];

pub(super) fn side_code(holdings: &Holdings, position: usize) -> usize {
    usize::from(holdings.side(position) as u8)
}

pub(super) fn market_names(market: &crossmargin::Market) -> (Vec<&str>, Vec<&str>) {
    let assets = market.assets().iter().map(Asset::name).collect();
    (assets, market.instruments().iter().map(Instrument::name).collect())
}

/// The accounts of dropped rows, each once, in the order of the rows.
fn dropped(rejected: &Rejected, tables: &Tables<'_>) -> Vec<String> {
    let rows = |keys: &Keys<'_>, rows: &[u32]| rows.iter().map(|&row| keys.show(row as usize)).collect::<Vec<_>>();
    let balances = rows(&tables.balances.account, &rejected.balance_rows);
    let positions = rows(&tables.positions.account, &rejected.position_rows);
    let orders = rows(&tables.orders.account, &rejected.order_rows);
    let mut seen = std::collections::BTreeSet::new();
    let all = balances.into_iter().chain(positions).chain(orders);
    all.filter(|account| !account.is_empty() && seen.insert(account.clone())).collect()
}
