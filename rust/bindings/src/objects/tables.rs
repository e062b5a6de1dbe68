//! The tables that a book is made of, as Python gives them.

use crossmargin::book::{
    Accounts, Balances, Duplicates, Keys, Orders, Positions, QuantityUnit, Settings, Tables, TextKeys,
};
use crossmargin::error::{BookFaults, FaultKind};
use pyo3::prelude::*;

use super::kept::{self, Kept, KeptTable};
use crate::columns::{KeyColumn, RealColumn, Schema, Table, TextColumn};
use crate::errors::argument;

const VENUE: (&str, &str) = ("venue", "which venue a row is at, in books of several");
const POOL: (&str, &str) = ("pool", "which pool of several a row is in");
/// Columns of orders that are not read yet.
pub(super) const LATER: [(&str, &str); 2] = [POOL, VENUE];

const BALANCES: Schema = Schema {
    name: "balances",
    required: &["account", "asset", "wallet_balance"],
    optional: &["bonus", "borrowed"],
    later: &[VENUE],
};

const POSITIONS: Schema = Schema {
    name: "positions",
    required: &["account", "instrument", "quantity", "entry_price"],
    optional: &["leverage", "margin_mode", "isolated_margin", "position_side", "tier_version", "tier"],
    later: &[POOL, VENUE],
};

const ORDERS: Schema = Schema {
    name: "orders",
    required: &["account", "instrument", "quantity", "price"],
    optional: &["order_id", "trigger_price", "reduce_only", "position_side", "margin_mode", "leverage", "kind"],
    later: &LATER,
};

const ACCOUNTS: Schema = Schema {
    name: "accounts",
    required: &["account"],
    optional: &["profile", "tier_coefficient", "margin_mode", "position_mode"],
    later: &[
        ("reference_equity", "the equity that losses of a trading account are measured from"),
        ("parent", "which account a sub-account belongs to"),
        VENUE,
    ],
};

const SETTINGS: Schema = Schema {
    name: "settings",
    required: &["account", "instrument"],
    optional: &["leverage", "margin_mode"],
    later: &[("position_mode", "whether an instrument is held in hedge mode; say it in accounts"), VENUE],
};

/// The tables of one call, as objects; `None` for one that was not given.
pub(super) struct Given<'a, 'py> {
    pub(super) balances: &'a Bound<'py, PyAny>,
    pub(super) positions: &'a Bound<'py, PyAny>,
    pub(super) orders: &'a Bound<'py, PyAny>,
    pub(super) accounts: &'a Bound<'py, PyAny>,
    pub(super) settings: &'a Bound<'py, PyAny>,
}

/// The columns of all tables while the engine reads them.
pub(super) struct Columns<'py> {
    balances: BalanceColumns<'py>,
    positions: PositionColumns<'py>,
    orders: OrderColumns<'py>,
    accounts: AccountColumns<'py>,
    settings: SettingColumns<'py>,
}

struct BalanceColumns<'py> {
    account: KeyColumn<'py>,
    asset: KeyColumn<'py>,
    wallet_balance: RealColumn<'py>,
    bonus: Option<RealColumn<'py>>,
    borrowed: Option<RealColumn<'py>>,
}

struct PositionColumns<'py> {
    account: KeyColumn<'py>,
    instrument: KeyColumn<'py>,
    quantity: RealColumn<'py>,
    entry_price: RealColumn<'py>,
    leverage: Option<RealColumn<'py>>,
    isolated_margin: Option<RealColumn<'py>>,
    margin_mode: Option<TextColumn>,
    position_side: Option<TextColumn>,
    tier_version: Option<TextColumn>,
    tier: Option<RealColumn<'py>>,
}

struct OrderColumns<'py> {
    account: KeyColumn<'py>,
    instrument: KeyColumn<'py>,
    quantity: RealColumn<'py>,
    price: RealColumn<'py>,
    leverage: Option<RealColumn<'py>>,
    trigger_price: Option<RealColumn<'py>>,
    reduce_only: Option<Vec<bool>>,
    position_side: Option<TextColumn>,
    margin_mode: Option<TextColumn>,
    kind: Option<TextColumn>,
    order_id: Option<KeyColumn<'py>>,
}

struct AccountColumns<'py> {
    account: KeyColumn<'py>,
    profile: Option<TextColumn>,
    tier_coefficient: Option<RealColumn<'py>>,
    margin_mode: Option<TextColumn>,
    position_mode: Option<TextColumn>,
}

struct SettingColumns<'py> {
    account: KeyColumn<'py>,
    instrument: KeyColumn<'py>,
    leverage: Option<RealColumn<'py>>,
    margin_mode: Option<TextColumn>,
}

fn reals<'a>(column: Option<&'a RealColumn<'_>>) -> Option<&'a [f64]> {
    column.map(RealColumn::as_slice)
}

fn texts(column: Option<&TextColumn>) -> Option<TextKeys<'_>> {
    column.map(TextColumn::as_keys)
}

impl<'py> BalanceColumns<'py> {
    fn new(account: KeyColumn<'py>, mut table: Table<'py>) -> PyResult<Self> {
        Ok(Self {
            account,
            asset: table.keys("asset")?,
            wallet_balance: table.reals("wallet_balance")?,
            bonus: table.reals_or_zero("bonus")?,
            borrowed: table.reals_or_zero("borrowed")?,
        })
    }

    fn as_table(&self) -> Balances<'_> {
        Balances {
            account: self.account.as_keys(),
            asset: self.asset.as_keys(),
            wallet_balance: self.wallet_balance.as_slice(),
            bonus: reals(self.bonus.as_ref()),
            borrowed: reals(self.borrowed.as_ref()),
        }
    }
}

impl<'py> PositionColumns<'py> {
    fn new(account: KeyColumn<'py>, mut table: Table<'py>) -> PyResult<Self> {
        Ok(Self {
            account,
            instrument: table.keys("instrument")?,
            quantity: table.reals("quantity")?,
            entry_price: table.reals("entry_price")?,
            leverage: table.optional_reals("leverage")?,
            isolated_margin: table.optional_reals("isolated_margin")?,
            margin_mode: table.optional_names("margin_mode")?,
            position_side: table.optional_names("position_side")?,
            tier_version: table.optional_names("tier_version")?,
            tier: table.optional_reals("tier")?,
        })
    }

    fn as_table(&self) -> Positions<'_> {
        Positions {
            account: self.account.as_keys(),
            instrument: self.instrument.as_keys(),
            quantity: self.quantity.as_slice(),
            entry_price: self.entry_price.as_slice(),
            leverage: reals(self.leverage.as_ref()),
            isolated_margin: reals(self.isolated_margin.as_ref()),
            margin_mode: texts(self.margin_mode.as_ref()),
            position_side: texts(self.position_side.as_ref()),
            tier_version: texts(self.tier_version.as_ref()),
            tier: reals(self.tier.as_ref()),
        }
    }
}

impl<'py> OrderColumns<'py> {
    fn new(py: Python<'py>, account: KeyColumn<'py>, mut table: Table<'py>) -> PyResult<Self> {
        let order_id = table.optional_keys("order_id")?;
        if let Some(got) = order_id.as_ref().map(|id| id.as_keys().len()).filter(|&got| got != account.as_keys().len())
        {
            let message = format!("had {got} rows, expected {} as in the account column", account.as_keys().len());
            return Err(argument(py, "orders.order_id", message));
        }
        Ok(Self {
            account,
            instrument: table.keys("instrument")?,
            quantity: table.reals("quantity")?,
            price: table.reals("price")?,
            leverage: table.optional_reals("leverage")?,
            trigger_price: table.optional_reals("trigger_price")?,
            reduce_only: table.optional_flags("reduce_only")?,
            position_side: table.optional_names("position_side")?,
            margin_mode: table.optional_names("margin_mode")?,
            kind: table.optional_names("kind")?,
            order_id,
        })
    }

    fn as_table(&self) -> Orders<'_> {
        Orders {
            account: self.account.as_keys(),
            instrument: self.instrument.as_keys(),
            quantity: self.quantity.as_slice(),
            price: self.price.as_slice(),
            leverage: reals(self.leverage.as_ref()),
            trigger_price: reals(self.trigger_price.as_ref()),
            reduce_only: self.reduce_only.as_deref(),
            position_side: texts(self.position_side.as_ref()),
            margin_mode: texts(self.margin_mode.as_ref()),
            kind: texts(self.kind.as_ref()),
        }
    }
}

impl OrderColumns<'_> {
    fn kept(&self) -> KeptTable {
        KeptTable::new(&self.account, Some(&self.instrument))
            .with("quantity", kept::reals(Some(&self.quantity)))
            .with("price", kept::reals(Some(&self.price)))
            .with("trigger_price", kept::reals(self.trigger_price.as_ref()))
            .with("reduce_only", self.reduce_only.clone().map(Kept::Flags))
            .with("position_side", self.position_side.clone().map(Kept::Names))
            .with("margin_mode", self.margin_mode.clone().map(Kept::Names))
            .with("leverage", kept::reals(self.leverage.as_ref()))
            .with("kind", self.kind.clone().map(Kept::Names))
            .with("order_id", self.order_id.as_ref().map(KeyColumn::owned).map(Kept::Keys))
    }
}

impl<'py> AccountColumns<'py> {
    fn new(account: KeyColumn<'py>, mut table: Table<'py>) -> PyResult<Self> {
        Ok(Self {
            account,
            profile: table.optional_names("profile")?,
            tier_coefficient: table.optional_reals("tier_coefficient")?,
            margin_mode: table.optional_names("margin_mode")?,
            position_mode: table.optional_names("position_mode")?,
        })
    }

    fn as_table(&self) -> Accounts<'_> {
        Accounts {
            account: self.account.as_keys(),
            profile: texts(self.profile.as_ref()),
            tier_coefficient: reals(self.tier_coefficient.as_ref()),
            margin_mode: texts(self.margin_mode.as_ref()),
            position_mode: texts(self.position_mode.as_ref()),
        }
    }
}

impl AccountColumns<'_> {
    fn kept(&self) -> KeptTable {
        KeptTable::new(&self.account, None)
            .with("profile", self.profile.clone().map(Kept::Names))
            .with("tier_coefficient", kept::reals(self.tier_coefficient.as_ref()))
            .with("margin_mode", self.margin_mode.clone().map(Kept::Names))
            .with("position_mode", self.position_mode.clone().map(Kept::Names))
    }
}

impl<'py> SettingColumns<'py> {
    fn new(account: KeyColumn<'py>, mut table: Table<'py>) -> PyResult<Self> {
        Ok(Self {
            account,
            instrument: table.keys("instrument")?,
            leverage: table.optional_reals("leverage")?,
            margin_mode: table.optional_names("margin_mode")?,
        })
    }

    fn as_table(&self) -> Settings<'_> {
        Settings {
            account: self.account.as_keys(),
            instrument: self.instrument.as_keys(),
            leverage: reals(self.leverage.as_ref()),
            margin_mode: texts(self.margin_mode.as_ref()),
        }
    }
}

impl SettingColumns<'_> {
    fn kept(&self) -> KeptTable {
        KeptTable::new(&self.account, Some(&self.instrument))
            .with("leverage", kept::reals(self.leverage.as_ref()))
            .with("margin_mode", self.margin_mode.clone().map(Kept::Names))
    }
}

impl<'py> Columns<'py> {
    pub(super) fn new(py: Python<'py>, given: &Given<'_, 'py>) -> PyResult<Self> {
        let mut balances = Table::new(given.balances, &BALANCES)?;
        let mut positions = Table::new(given.positions, &POSITIONS)?;
        let mut orders = Table::new(given.orders, &ORDERS)?;
        let mut accounts = Table::new(given.accounts, &ACCOUNTS)?;
        let mut settings = Table::new(given.settings, &SETTINGS)?;
        let tables = [&mut balances, &mut positions, &mut orders, &mut accounts, &mut settings];
        let [of_balances, of_positions, of_orders, of_accounts, of_settings] = Table::accounts(py, tables)?;
        Ok(Self {
            balances: BalanceColumns::new(of_balances, balances)?,
            positions: PositionColumns::new(of_positions, positions)?,
            orders: OrderColumns::new(py, of_orders, orders)?,
            accounts: AccountColumns::new(of_accounts, accounts)?,
            settings: SettingColumns::new(of_settings, settings)?,
        })
    }

    pub(super) fn tables(&self, quantity_unit: QuantityUnit, duplicates: Duplicates) -> Tables<'_> {
        Tables {
            balances: self.balances.as_table(),
            positions: self.positions.as_table(),
            orders: self.orders.as_table(),
            accounts: self.accounts.as_table(),
            settings: self.settings.as_table(),
            quantity_unit,
            duplicates,
        }
    }

    /// Copies of the tables that a book reads and does not hold: orders, accounts and settings.
    pub(super) fn kept(&self) -> [KeptTable; 3] {
        [self.orders.kept(), self.accounts.kept(), self.settings.kept()]
    }

    /// Whether the accounts of every table are integers.
    pub(super) fn accounts_are_ints(&self) -> bool {
        let columns = [
            &self.balances.account,
            &self.positions.account,
            &self.orders.account,
            &self.accounts.account,
            &self.settings.account,
        ];
        columns.into_iter().all(|column| matches!(column.as_keys(), Keys::Int(_)))
    }

    /// Says of values that were absent that they are missing: the engine saw NaN.
    pub(super) fn relabel(&self, faults: &mut BookFaults) {
        let required = [
            ("balances", "wallet_balance", &self.balances.wallet_balance),
            ("positions", "quantity", &self.positions.quantity),
            ("positions", "entry_price", &self.positions.entry_price),
            ("orders", "quantity", &self.orders.quantity),
        ];
        for fault in &mut faults.faults {
            let was_null = required.iter().any(|(table, column, values)| {
                let row = usize::try_from(fault.row).unwrap_or(usize::MAX);
                (*table, *column) == (fault.table, fault.column) && values.nulls.binary_search(&row).is_ok()
            });
            if was_null {
                fault.kind = FaultKind::Missing;
                "give a finite number".clone_into(&mut fault.cure);
            }
            if fault.kind == FaultKind::Missing {
                "null".clone_into(&mut fault.value);
            }
        }
    }
}
