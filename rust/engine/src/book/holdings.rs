//! What is held, once it is known to be well-formed: pools in order, positions in canonical order.

use crate::error::{BookFaults, Error, FaultKind, Result};
use crate::market::{Instrument, Market};
use crate::memory::with_room;

use super::accounts::{AccountKeys, Grouped, group, row32};
use super::merge::{merged_balance, merged_margin, merged_position};
use super::tables::{Duplicates, QuantityUnit, Tables};
use super::validate::{Checked, Faults, Side, check};

/// How a pool came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum PoolKind {
    /// The cash of an asset with all cross positions that settle in it.
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

/// The accounts of a book in canonical columns.
///
/// Pools are in order: account as first seen, cross before isolated, asset, instrument, side. Positions are in the
/// order of their pools and, within a pool, of instrument and side, so that sums over a pool have one order whatever
/// the order of the rows was. Invariants: every index is in range, every number in range and not NaN (but where NaN
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
    /// The instrument of each margin class.
    pub(crate) classes: Vec<u32>,
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
        let grouped = group(&tables.balances.account, &tables.positions.account);
        let mut builder = Builder::new(market, &checked, &grouped)?;
        for account in 0..grouped.accounts.len() {
            builder.account(account, &grouped, &mut faults);
        }
        if !faults.is_empty() {
            return Ok(Err(faults));
        }
        Ok(Ok(builder.finish(grouped.accounts)))
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
        self.classes[usize::from(self.class[position])] as usize
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

    /// The instruments held, ascending.
    #[must_use]
    pub fn held(&self) -> &[u32] {
        &self.classes
    }
}

impl Faults {
    pub(crate) fn into_error(mut self) -> Error {
        // Balances before positions, each by row: the order of a report, not of discovery.
        self.kept.sort_by(|a, b| (a.table, a.row).cmp(&(b.table, b.row)));
        let n_faults = self.n_faults();
        Error::Book(Box::new(BookFaults { faults: self.kept, n_faults }))
    }
}

/// One position on its way into an account: what it is sorted by, and its row.
type Leg = (u64, u32);

/// The sort key: cross before isolated, then asset, instrument, side.
fn leg_key(isolated: bool, asset: usize, instrument: u32, side: Side) -> u64 {
    u64::from(isolated) << 50 | (asset as u64) << 34 | u64::from(instrument) << 2 | side as u64
}

const fn leg_asset(key: u64) -> u16 {
    ((key >> 34) & 0xffff) as u16
}

const fn leg_instrument(key: u64) -> u32 {
    ((key >> 2) & 0xffff_ffff) as u32
}

const fn leg_side(key: u64) -> Side {
    match key & 3 {
        1 => Side::Long,
        2 => Side::Short,
        _ => Side::Net,
    }
}

const fn leg_is_isolated(key: u64) -> bool {
    key >> 50 != 0
}

struct Builder<'a> {
    market: &'a Market,
    checked: &'a Checked<'a>,
    merge: bool,
    settle: Vec<u16>,
    class_of: Vec<u16>,
    legs: Vec<Leg>,
    cash: Vec<(u16, u32)>,
    out: Holdings,
}

impl<'a> Builder<'a> {
    fn new(market: &'a Market, checked: &'a Checked<'a>, grouped: &Grouped) -> Result<Self> {
        let n = checked.tables.positions.account.len();
        let mut held = vec![false; market.instruments().len()];
        for row in 0..n {
            held[checked.instrument.get(row) as usize] = true;
        }
        let classes: Vec<u32> = (0..held.len()).filter(|&i| held[i]).map(row32).collect();
        let mut class_of = vec![0_u16; held.len()];
        for (class, &instrument) in classes.iter().enumerate() {
            // Class 0 of the kernel's tables is the padding's, hence one less than u16 counts.
            class_of[instrument as usize] = u16::try_from(class).ok().filter(|&c| c < u16::MAX).ok_or_else(|| {
                Error::argument("positions.instrument", "had more than 65535 distinct instruments: split the book")
            })?;
        }
        let settle = market.instruments().iter().map(|i| u16::try_from(i.settle()));
        let settle = settle.collect::<std::result::Result<Vec<u16>, _>>();
        let settle = settle.map_err(|_| Error::argument("market", "had more than 65536 assets"))?;
        let n_accounts = grouped.accounts.len();
        let leverage = if checked.tables.positions.leverage.is_some() { n } else { 0 };
        let out = Holdings {
            accounts: AccountKeys::Int(Vec::new()),
            account_pools: with_room(n_accounts + 1),
            pool_kind: with_room(n_accounts),
            pool_asset: with_room(n_accounts),
            pool_positions: with_room(n_accounts + 1),
            pool_wallet: with_room(n_accounts),
            class: with_room(n),
            side: with_room(n),
            quantity: with_room(n),
            entry_price: with_room(n),
            leverage: with_room(leverage),
            rows: with_room(n),
            classes,
            quantity_unit: checked.tables.quantity_unit,
        };
        let merge = checked.tables.duplicates == Duplicates::Merge;
        Ok(Self { market, checked, merge, settle, class_of, legs: Vec::new(), cash: Vec::new(), out })
    }

    /// Sorts an account's rows into pools.
    fn account(&mut self, account: usize, grouped: &Grouped, faults: &mut Faults) {
        self.out.account_pools.push(row32(self.out.pool_kind.len()));
        self.legs.clear();
        for row in grouped.positions.rows(account) {
            let at = row as usize;
            let instrument = self.checked.instrument.get(at);
            let asset = usize::from(self.settle[instrument as usize]);
            let key = leg_key(self.checked.is_isolated(at), asset, instrument, self.checked.side(at));
            self.legs.push((key, row));
        }
        self.cash.clear();
        for row in grouped.balances.rows(account) {
            self.cash.push((u16::try_from(self.checked.asset.get(row as usize)).unwrap_or(u16::MAX), row));
        }
        self.legs.sort_unstable();
        self.cash.sort_unstable();
        self.duplicates(faults);
        self.pools(faults);
    }

    fn duplicates(&self, faults: &mut Faults) {
        if self.merge {
            return;
        }
        for pair in self.cash.windows(2) {
            if pair[0].0 == pair[1].0 {
                let row = pair[1].1 as usize;
                let value = self.checked.tables.balances.asset.show(row);
                let cure = format!(
                    "row {} has the same account and asset; add them up or pass duplicates=\"merge\"",
                    pair[0].1
                );
                faults.balance(row, "asset", value, (FaultKind::Duplicate, &cure));
            }
        }
        for pair in self.legs.windows(2) {
            if pair[0].0 == pair[1].0 {
                let row = pair[1].1 as usize;
                let value = self.checked.tables.positions.instrument.show(row);
                let cure = format!(
                    "row {} has the same account, instrument, side and mode; add them up or pass duplicates=\"merge\"",
                    pair[0].1
                );
                faults.position(row, "instrument", value, (FaultKind::Duplicate, &cure));
            }
        }
    }

    /// Writes the pools of the account whose sorted rows are in `legs` and `cash`.
    fn pools(&mut self, faults: &mut Faults) {
        let legs = std::mem::take(&mut self.legs);
        let (mut leg, mut cash) = (0, 0);
        let cross = legs.iter().take_while(|(key, _)| !leg_is_isolated(*key)).count();
        // Every asset with cash, a cross position or an isolated one has a cross pool; isolated legs ascend by asset.
        let mut isolated = cross;
        while let Some(asset) = [
            self.cash.get(cash).map(|c| c.0),
            legs[..cross].get(leg).map(|l| leg_asset(l.0)),
            legs.get(isolated).map(|l| leg_asset(l.0)),
        ]
        .into_iter()
        .flatten()
        .min()
        {
            let n = self.cash[cash..].iter().take_while(|c| c.0 == asset).count();
            let wallet = match &self.cash[cash..cash + n] {
                [] => 0.0,
                [(_, row)] => self.checked.tables.balances.wallet_balance[*row as usize],
                several => merged_balance(self.checked, several.iter().map(|c| c.1 as usize), faults),
            };
            cash += n;
            self.pool(PoolKind::Cross, asset, wallet);
            let n = legs[leg..cross].iter().take_while(|l| leg_asset(l.0) == asset).count();
            self.positions(&legs[leg..leg + n], faults);
            leg += n;
            while legs.get(isolated).is_some_and(|l| leg_asset(l.0) == asset) {
                isolated += 1;
            }
        }
        leg = cross;
        while leg < legs.len() {
            let (key, row) = legs[leg];
            let n = self.run(&legs[leg..]);
            let margin = match &legs[leg..leg + n] {
                [_] => self.checked.isolated_margin(row as usize),
                several => merged_margin(self.checked, several.iter().map(|l| l.1 as usize), faults),
            };
            self.pool(PoolKind::Isolated, leg_asset(key), margin);
            self.positions(&legs[leg..leg + n], faults);
            leg += n;
        }
        self.legs = legs;
    }

    /// How many legs at the front have one key.
    fn run(&self, legs: &[Leg]) -> usize {
        if self.merge { legs.iter().take_while(|l| l.0 == legs[0].0).count() } else { 1 }
    }

    fn pool(&mut self, kind: PoolKind, asset: u16, wallet: f64) {
        self.out.pool_kind.push(kind);
        self.out.pool_asset.push(asset);
        self.out.pool_wallet.push(wallet + 0.0);
        self.out.pool_positions.push(row32(self.out.quantity.len()));
    }

    /// Writes the positions of a pool's legs.
    fn positions(&mut self, legs: &[Leg], faults: &mut Faults) {
        if self.merge {
            let mut rest = legs;
            while !rest.is_empty() {
                let (one, others) = rest.split_at(self.run(rest));
                self.merged_position(one, faults);
                rest = others;
            }
            return;
        }
        let positions = &self.checked.tables.positions;
        let out = &mut self.out;
        let rows = || legs.iter().map(|leg| leg.1 as usize);
        out.class.extend(legs.iter().map(|leg| self.class_of[leg_instrument(leg.0) as usize]));
        out.side.extend(legs.iter().map(|leg| leg_side(leg.0)));
        out.quantity.extend(rows().map(|row| positions.quantity[row]));
        out.entry_price.extend(rows().map(|row| positions.entry_price[row]));
        if let Some(column) = positions.leverage {
            out.leverage.extend(rows().map(|row| column[row]));
        }
        out.rows.extend(legs.iter().map(|leg| leg.1));
    }

    /// Writes the one position that legs of one key make.
    fn merged_position(&mut self, legs: &[Leg], faults: &mut Faults) {
        let (key, row) = legs[0];
        let positions = &self.checked.tables.positions;
        let (mut quantity, mut entry) = (positions.quantity[row as usize], positions.entry_price[row as usize]);
        if legs.len() > 1 {
            let rows: Vec<usize> = legs.iter().map(|leg| leg.1 as usize).collect();
            (quantity, entry) = merged_position(self.market, self.checked, &rows, faults);
        }
        let out = &mut self.out;
        out.class.push(self.class_of[leg_instrument(key) as usize]);
        out.side.push(leg_side(key));
        out.quantity.push(quantity);
        out.entry_price.push(entry);
        if let Some(column) = positions.leverage {
            out.leverage.push(column[row as usize]);
        }
        out.rows.push(row);
    }

    fn finish(mut self, accounts: AccountKeys) -> Holdings {
        self.out.accounts = accounts;
        self.out.account_pools.push(row32(self.out.pool_kind.len()));
        self.out.pool_positions.push(row32(self.out.quantity.len()));
        self.out
    }
}
