//! What is held, once it is known to be well-formed: pools in order, positions in canonical order.

use crate::error::{BookFaults, Error, Result};
use crate::market::{Instrument, Market, TierTable};

use super::accounts::{AccountKeys, group};
use super::builder::Builder;
use super::checked::Side;
use super::choices::Chosen;
use super::tables::{QuantityUnit, Tables};
use super::validate::{Faults, Part, check};
use super::waiting::Waiting;

/// How a pool came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum PoolKind {
    /// The cash of an asset with all cross positions that settle in it, or all cash of an account with all of them.
    Cross = 0,
    /// One isolated position with the cash fenced for it.
    Isolated = 1,
}

impl PoolKind {
    /// The name in tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cross => "cross",
            Self::Isolated => "isolated",
        }
    }
}

/// What positions that are priced and charged alike share: all that a requirement depends on beside the position.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MarginClass {
    /// The instrument, in the market's order.
    pub instrument: u32,
    /// The old version of the tier table that is kept, in the instrument's order.
    pub version: Option<u16>,
    /// The tier fixed by the user or the venue, from 1; 0 where the basis decides.
    pub tier: u16,
    /// What the bounds of the tiers are multiplied with.
    pub coefficient: f64,
    /// The fee profile, in the market's order.
    pub profile: u16,
}

impl MarginClass {
    /// The class of an instrument where nothing else is said.
    #[must_use]
    pub const fn plain(instrument: u32) -> Self {
        Self { instrument, version: None, tier: 0, coefficient: 1.0, profile: 0 }
    }

    /// The tier table that the class is under.
    pub(crate) fn tiers<'a>(&self, market: &'a Market) -> &'a TierTable {
        let instrument = &market.instruments()[self.instrument as usize];
        let old = self.version.and_then(|version| instrument.old_tiers().get(usize::from(version)));
        old.map_or_else(|| instrument.tiers(), |(_, table)| table)
    }
}

/// Open orders that count, by pool; within a pool by instrument, side, and then by what they say.
#[derive(Debug, Clone, Default)]
pub(crate) struct OpenOrders {
    /// Orders of pool `p`: `offsets[p] .. offsets[p + 1]`; empty when there is none at all.
    pub(crate) offsets: Vec<u32>,
    pub(crate) class: Vec<u16>,
    pub(crate) side: Vec<Side>,
    /// Whether the order would open an isolated position, and only reserves initial margin.
    pub(crate) isolated: Vec<bool>,
    pub(crate) quantity: Vec<f64>,
    /// NaN: at the market.
    pub(crate) price: Vec<f64>,
    /// NaN where unknown.
    pub(crate) leverage: Vec<f64>,
}

/// The parts of pools that hold several assets.
#[derive(Debug, Clone, Default)]
pub(crate) struct Layers {
    /// Layers of pool `p`: `offsets[p] .. offsets[p + 1]`; empty where every pool is its own one layer.
    pub(crate) offsets: Vec<u32>,
    pub(crate) asset: Vec<u16>,
    pub(crate) wallet: Vec<f64>,
}

/// The accounts of a book in canonical columns.
///
/// Pools are in order: account as first seen, cross before isolated, asset, instrument, side. Positions are in the
/// order of their pools and, within a pool, of asset, instrument and side, so that sums over a pool have one order
/// whatever the order of the rows was. Invariants: every index is in range, every number in range and not NaN (but where NaN
/// means unknown), quantities are not zero, offsets ascend.
#[derive(Debug, Clone)]
pub struct Holdings {
    pub(crate) accounts: AccountKeys,
    /// Pools of account `a`: `account_pools[a] .. account_pools[a + 1]`.
    pub(crate) account_pools: Vec<u32>,
    pub(crate) pool_kind: Vec<PoolKind>,
    pub(crate) pool_asset: Vec<u16>,
    /// Positions of pool `p`: `pool_positions[p] .. pool_positions[p + 1]`.
    pub(crate) pool_positions: Vec<u32>,
    /// Cross: the wallet balance. Isolated: the margin fenced, NaN where it follows from entry and leverage.
    pub(crate) pool_wallet: Vec<f64>,
    pub(crate) class: Vec<u16>,
    pub(crate) side: Vec<Side>,
    pub(crate) quantity: Vec<f64>,
    pub(crate) entry_price: Vec<f64>,
    /// NaN where unknown; empty when no position has one.
    pub(crate) leverage: Vec<f64>,
    /// The input row that each position came from; of merged rows the first.
    pub(crate) rows: Vec<u32>,
    pub(crate) classes: Vec<MarginClass>,
    /// The instruments of positions and orders, ascending.
    pub(crate) held: Vec<u32>,
    /// The parts of pools with several assets; none where a pool has one.
    pub(crate) layers: Layers,
    /// Credit by layer; empty when there is none.
    pub(crate) bonus: Vec<f64>,
    /// Debt by layer; empty when there is none.
    pub(crate) borrowed: Vec<f64>,
    pub(crate) orders: OpenOrders,
    /// Orders that only reduce or wait for a trigger.
    pub(crate) waiting: Waiting,
    /// What accounts chose; none where the tables say nothing of it.
    pub(crate) chosen: Chosen,
    pub(crate) quantity_unit: QuantityUnit,
}

/// What multiplies a price into a position's coordinate: the contract size, or 1 where quantities count base units.
pub(crate) fn coordinate_size(instrument: &Instrument, unit: QuantityUnit) -> f64 {
    match unit {
        QuantityUnit::Contracts => instrument.contract_size(),
        QuantityUnit::Base => 1.0,
    }
}

/// Input rows of accounts that were dropped.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rejected {
    /// What was wrong with them.
    pub faults: Option<BookFaults>,
    /// Rows of `balances`, ascending.
    pub balance_rows: Vec<u32>,
    /// Rows of `positions`, ascending.
    pub position_rows: Vec<u32>,
    /// Rows of `orders`, ascending.
    pub order_rows: Vec<u32>,
}

impl Holdings {
    /// Builds the canonical columns, or says everything that is wrong with the tables.
    ///
    /// # Errors
    /// [`Error::Book`] with the faults; [`Error::Argument`] for columns of unequal length.
    pub fn build(market: &Market, tables: &Tables<'_>) -> Result<Self> {
        Self::build_or_faults(market, tables)?.map_err(Faults::into_error)
    }

    /// As [`Self::build`], with the faults as a value.
    pub(crate) fn build_or_faults(market: &Market, tables: &Tables<'_>) -> Result<std::result::Result<Self, Faults>> {
        let mut faults = Faults::default();
        let checked = check(market, tables, &mut faults)?;
        if !faults.is_empty() {
            return Ok(Err(faults));
        }
        let mut grouped = group(&tables.balances.account, &tables.positions.account);
        let orders = grouped.attach(&tables.orders.account, true);
        let accounts = grouped.attach(&tables.accounts.account, false);
        let settings = grouped.attach(&tables.settings.account, false);
        let mut builder = Builder::new(market, &checked, &grouped, [&orders, &accounts, &settings])?;
        for account in 0..grouped.accounts.len() {
            builder.account(account, &mut faults);
        }
        if !faults.is_empty() {
            return Ok(Err(faults));
        }
        let out = builder.finish()?;
        Ok(Ok(Self { accounts: grouped.accounts, ..out }))
    }

    /// Number of pools.
    #[must_use]
    pub const fn n_pools(&self) -> usize {
        self.pool_kind.len()
    }

    /// Number of positions.
    #[must_use]
    pub const fn n_positions(&self) -> usize {
        self.quantity.len()
    }

    /// The accounts' keys, in order.
    #[must_use]
    pub const fn accounts(&self) -> &AccountKeys {
        &self.accounts
    }

    /// The pools of an account.
    #[must_use]
    pub fn pools_of(&self, account: usize) -> std::ops::Range<usize> {
        // Every account has a pool: with as many pools as accounts, each its own, and nothing need be looked up.
        if self.account_pools.len() == self.pool_kind.len() + 1 && account < self.pool_kind.len() {
            return account..account + 1;
        }
        self.account_pools[account] as usize..self.account_pools[account + 1] as usize
    }

    /// The account of a pool.
    #[must_use]
    pub fn account_of(&self, pool: usize) -> usize {
        self.account_pools.partition_point(|&first| first as usize <= pool) - 1
    }

    /// The positions of a pool.
    #[must_use]
    pub fn positions_of(&self, pool: usize) -> std::ops::Range<usize> {
        self.pool_positions[pool] as usize..self.pool_positions[pool + 1] as usize
    }

    /// How a pool came about.
    #[must_use]
    pub fn kind(&self, pool: usize) -> PoolKind {
        self.pool_kind[pool]
    }

    /// The settlement asset of a pool, in the market's order.
    #[must_use]
    pub fn asset(&self, pool: usize) -> usize {
        usize::from(self.pool_asset[pool])
    }

    /// The instrument of a position, in the market's order.
    #[must_use]
    pub fn instrument(&self, position: usize) -> usize {
        self.classes[usize::from(self.class[position])].instrument as usize
    }

    /// The margin class of a position.
    #[must_use]
    pub fn margin_class(&self, position: usize) -> &MarginClass {
        &self.classes[usize::from(self.class[position])]
    }

    /// The parts of a pool: one for each asset that it holds.
    #[must_use]
    pub fn layers_of(&self, pool: usize) -> std::ops::Range<usize> {
        match self.layers.offsets.get(pool..pool + 2) {
            Some(ends) => ends[0] as usize..ends[1] as usize,
            None => pool..pool + 1,
        }
    }

    /// The asset of a layer, in the market's order.
    #[must_use]
    pub fn layer_asset(&self, layer: usize) -> usize {
        usize::from(if self.layers.offsets.is_empty() { self.pool_asset[layer] } else { self.layers.asset[layer] })
    }

    /// The wallet of a layer: what is fenced still in it; of an isolated pool the fence, NaN where it follows.
    #[must_use]
    pub fn layer_wallet(&self, layer: usize) -> f64 {
        if self.layers.offsets.is_empty() { self.pool_wallet[layer] } else { self.layers.wallet[layer] }
    }

    /// Credit of a layer.
    #[must_use]
    pub fn bonus(&self, layer: usize) -> f64 {
        self.bonus.get(layer).copied().unwrap_or(0.0)
    }

    /// Debt of a layer.
    #[must_use]
    pub fn borrowed(&self, layer: usize) -> f64 {
        self.borrowed.get(layer).copied().unwrap_or(0.0)
    }

    /// The orders of a pool.
    pub(crate) fn orders_of(&self, pool: usize) -> std::ops::Range<usize> {
        match self.orders.offsets.get(pool..pool + 2) {
            Some(ends) => ends[0] as usize..ends[1] as usize,
            None => 0..0,
        }
    }

    /// The side of a position.
    #[must_use]
    pub fn side(&self, position: usize) -> Side {
        self.side[position]
    }

    /// The input row of a position; of merged rows the first.
    #[must_use]
    pub fn row(&self, position: usize) -> usize {
        self.rows[position] as usize
    }

    /// Signed quantity of a position.
    #[must_use]
    pub fn quantity(&self, position: usize) -> f64 {
        self.quantity[position]
    }

    /// Entry price of a position.
    #[must_use]
    pub fn entry_price(&self, position: usize) -> f64 {
        self.entry_price[position]
    }

    /// Leverage of a position; NaN when unknown.
    #[must_use]
    pub fn leverage(&self, position: usize) -> f64 {
        self.leverage.get(position).copied().unwrap_or(f64::NAN)
    }

    /// The instruments of positions and orders, ascending.
    #[must_use]
    pub fn held(&self) -> &[u32] {
        &self.held
    }
}

impl Faults {
    pub(crate) fn into_error(mut self) -> Error {
        // By table and row: the order of a report, not of discovery.
        self.kept.sort_by_key(|fault| (Part::of_name(fault.table) as usize, fault.row));
        let n_faults = self.n_faults();
        Error::Book(Box::new(BookFaults { faults: self.kept, n_faults }))
    }
}
