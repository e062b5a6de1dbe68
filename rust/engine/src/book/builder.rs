//! From checked rows, account by account, to pools in order.

use crate::error::{Error, FaultKind, Result};
use crate::market::{CrossPool, Market};
use crate::memory::with_room;

use super::accounts::{AccountKeys, Grouped, RowsByAccount, row32};
use super::checked::{Checked, Side};
use super::choices::{Choices, Chosen};
use super::holdings::{Holdings, Layers, MarginClass, OpenOrders, PoolKind};
use super::merge::{merged_cash, merged_margin, merged_position};
use super::sorting::{ClassIndex, Leg, leg_asset, leg_instrument, leg_is_isolated, leg_key, leg_side};
use super::tables::Duplicates;
use super::validate::{Faults, Part};
use super::validate_late::{Known, Needs, late_faults, side_faults};
use super::waiting::Waiting;

pub(super) struct Builder<'a> {
    market: &'a Market,
    checked: &'a Checked<'a>,
    grouped: &'a Grouped,
    orders: &'a RowsByAccount,
    accounts: &'a RowsByAccount,
    settings: &'a RowsByAccount,
    merge: bool,
    /// Whether a position's class may be another than its instrument's.
    special: bool,
    /// Whether one pool holds all cross assets.
    joint: bool,
    needs: Needs,
    settle: Vec<u16>,
    index: ClassIndex,
    legs: Vec<Leg>,
    cash: Vec<(u16, u32)>,
    order_legs: Vec<Leg>,
    assets: Vec<u16>,
    /// What the account at hand chose.
    choices: Choices,
    out: Holdings,
}

impl<'a> Builder<'a> {
    pub(super) fn new(
        market: &'a Market,
        checked: &'a Checked<'a>,
        grouped: &'a Grouped,
        [orders, accounts, settings]: [&'a RowsByAccount; 3],
    ) -> Result<Self> {
        let tables = &checked.tables;
        let n = tables.positions.account.len();
        let held = held(market, checked);
        let settle = market.instruments().iter().map(|i| u16::try_from(i.settle()));
        let settle = settle.collect::<std::result::Result<Vec<u16>, _>>();
        let settle = settle.map_err(|_| Error::argument("market", "had more than 65536 assets"))?;
        let n_accounts = grouped.accounts.len();
        let leverage = tables.positions.leverage.is_some() || tables.settings.leverage.is_some();
        let index = ClassIndex::new(&held, market.instruments().len());
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
            leverage: with_room(if leverage { n } else { 0 }),
            rows: with_room(n),
            classes: Vec::new(),
            held,
            layers: Layers::default(),
            bonus: Vec::new(),
            borrowed: Vec::new(),
            orders: OpenOrders::default(),
            waiting: Waiting::default(),
            chosen: Chosen::default(),
            quantity_unit: tables.quantity_unit,
        };
        Ok(Self {
            market,
            checked,
            grouped,
            orders,
            accounts,
            settings,
            merge: tables.duplicates == Duplicates::Merge,
            special: tables.positions.tier.is_some()
                || tables.positions.tier_version.is_some()
                || !tables.accounts.account.is_empty(),
            joint: market.rules().cross_pool() == CrossPool::PerAccount,
            needs: Needs::new(market, checked),
            settle,
            index,
            legs: Vec::new(),
            cash: Vec::new(),
            order_legs: Vec::new(),
            choices: Choices::default(),
            assets: Vec::new(),
            out,
        })
    }

    /// Sorts an account's rows into pools.
    pub(super) fn account(&mut self, account: usize, faults: &mut Faults) {
        self.out.account_pools.push(row32(self.out.pool_kind.len()));
        self.choices.read(self.checked, self.accounts.rows(account), self.settings.rows(account), faults);
        self.out.chosen.note(row32(account), &self.choices);
        self.legs.clear();
        for row in self.grouped.positions.rows(account) {
            let at = row as usize;
            let instrument = self.checked.instrument.get(at);
            let asset = usize::from(self.settle[instrument as usize]);
            let isolated = self.checked.isolated(at).unwrap_or_else(|| self.choices.isolates(instrument));
            let key = leg_key(isolated, asset, instrument, self.checked.side(at));
            self.legs.push((key, row));
        }
        self.cash.clear();
        for row in self.grouped.balances.rows(account) {
            self.cash.push((u16::try_from(self.checked.asset.get(row as usize)).unwrap_or(u16::MAX), row));
        }
        self.order_legs.clear();
        for row in self.orders.rows(account) {
            let at = row as usize;
            let instrument = self.checked.order_instrument.get(at);
            let asset = usize::from(self.settle[instrument as usize]);
            let side = self.checked.order_side(at);
            let chosen = || self.choices.said(instrument).or_else(|| self.mode_of_position(instrument, side));
            let isolated = self.checked.order_isolated(at).or_else(chosen);
            let isolated = isolated.unwrap_or_else(|| self.choices.isolates(instrument));
            self.order_legs.push((leg_key(isolated, asset, instrument, side), row));
        }
        self.legs.sort_unstable();
        self.cash.sort_unstable();
        self.sort_orders();
        self.duplicates(faults);
        if self.checked.has_sides() {
            side_faults(self.checked, (&self.legs, &self.order_legs), self.choices.hedging, faults);
        }
        if self.needs.any {
            self.late(faults);
        }
        if self.joint {
            self.joint_pools(faults);
        } else {
            self.pools(faults);
        }
        self.waiting_orders(row32(account));
    }

    /// Notes the orders of an account that cannot open anything now.
    fn waiting_orders(&mut self, account: u32) {
        let (checked, market) = (self.checked, self.market);
        let counts = |row: u32| checked.order_counts(market, row as usize);
        let waits = |row: u32| !counts(row) || !checked.trigger(row as usize).is_nan();
        let mut waiting: Vec<Leg> = self.order_legs.iter().filter(|leg| waits(leg.1)).copied().collect();
        waiting.sort_unstable_by_key(|leg| leg.1);
        for leg in waiting {
            let leverage = self.order_leverage(&self.legs, leg.0, leg.1 as usize);
            self.out.waiting.push(account, checked, leg, leverage, counts(leg.1));
        }
    }

    /// Whether the account's positions of an instrument and side are isolated; `None` where there are none, or both.
    fn mode_of_position(&self, instrument: u32, side: Side) -> Option<bool> {
        let alike = |key: u64| leg_instrument(key) == instrument && leg_side(key) == side;
        let mut modes = self.legs.iter().filter(|(key, _)| alike(*key)).map(|(key, _)| leg_is_isolated(*key));
        let first = modes.next()?;
        modes.all(|mode| mode == first).then_some(first)
    }

    /// Leverage of an order: its own, or the account's for the instrument, or that of the position that it belongs to; NaN
    /// where all are unknown.
    fn order_leverage(&self, positions: &[Leg], key: u64, row: usize) -> f64 {
        let leverage = self.choices.leverage(self.checked.order_leverage(row), leg_instrument(key));
        if !leverage.is_nan() {
            return leverage;
        }
        let position = positions.iter().find(|(other, _)| *other == key);
        position.map_or(f64::NAN, |&(_, row)| self.checked.leverage(row as usize))
    }

    /// Orders by what they say, so that the order of the rows says nothing.
    fn sort_orders(&mut self) {
        let orders = &self.checked.tables.orders;
        let said = |row: u32| {
            let at = row as usize;
            let of = |column: Option<&[f64]>| column.map_or(0, |column| column[at].to_bits());
            (orders.price[at].to_bits(), orders.quantity[at].to_bits(), of(orders.leverage))
        };
        self.order_legs.sort_unstable_by_key(|&(key, row)| (key, said(row), row));
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

    /// Checks that need to know what the account chose.
    fn late(&self, faults: &mut Faults) {
        for &(key, row) in &self.legs {
            let instrument = leg_instrument(key);
            let leverage = self.choices.leverage(self.checked.leverage(row as usize), instrument);
            let isolated = leg_is_isolated(key);
            let with_orders = self.needs.of_position_with_orders(isolated) && self.has_orders(key);
            let of = Known { isolated, leverage, coefficient: self.choices.coefficient, with_orders };
            late_faults(self.market, self.checked, self.needs, (Part::Positions, row as usize), of, faults);
        }
        for &(key, row) in &self.order_legs {
            let leverage = self.order_leverage(&self.legs, key, row as usize);
            let isolated = leg_is_isolated(key);
            let of = Known { isolated, leverage, coefficient: self.choices.coefficient, with_orders: false };
            late_faults(self.market, self.checked, self.needs, (Part::Orders, row as usize), of, faults);
        }
    }

    /// Whether orders that count are charged together with a position.
    fn has_orders(&self, key: u64) -> bool {
        let alike = |other: u64| {
            let same_side = !leg_is_isolated(key) || leg_side(other) == leg_side(key);
            same_side && leg_instrument(other) == leg_instrument(key) && leg_is_isolated(other) == leg_is_isolated(key)
        };
        self.order_legs.iter().any(|&(other, row)| alike(other) && self.checked.order_counts(self.market, row as usize))
    }

    /// Writes the pools of the account whose sorted rows are in `legs`, `cash` and `order_legs`: a cross pool for every
    /// asset with cash, a position or an order, then the isolated ones.
    fn pools(&mut self, faults: &mut Faults) {
        let (legs, orders) = (std::mem::take(&mut self.legs), std::mem::take(&mut self.order_legs));
        let (mut leg, mut cash) = (0, 0);
        let cross = legs.iter().take_while(|(key, _)| !leg_is_isolated(*key)).count();
        let assets = self.assets_of(&legs, &orders);
        for &asset in &assets {
            let n = self.cash[cash..].iter().take_while(|c| c.0 == asset).count();
            let [wallet, bonus, borrowed] = self.cash_of(cash..cash + n, faults);
            cash += n;
            self.pool(PoolKind::Cross, asset, wallet);
            self.credit(self.out.pool_kind.len() - 1, bonus, borrowed);
            let n = legs[leg..cross].iter().take_while(|l| leg_asset(l.0) == asset).count();
            self.positions(&legs[leg..leg + n], faults);
            leg += n;
            self.open_orders(&legs, orders.iter().filter(|l| leg_asset(l.0) == asset));
        }
        self.isolated_pools(&legs[cross..], faults);
        (self.legs, self.order_legs, self.assets) = (legs, orders, assets);
    }

    /// As [`Self::pools`], with one cross pool for all assets.
    fn joint_pools(&mut self, faults: &mut Faults) {
        let (legs, orders) = (std::mem::take(&mut self.legs), std::mem::take(&mut self.order_legs));
        let cross = legs.iter().take_while(|(key, _)| !leg_is_isolated(*key)).count();
        let valuation = self.market.rules().valuation_asset().unwrap_or(0);
        self.pool(PoolKind::Cross, u16::try_from(valuation).unwrap_or(u16::MAX), 0.0);
        self.out.layers.offsets.push(row32(self.out.layers.asset.len()));
        let mut cash = 0;
        let assets = self.assets_of(&legs, &orders);
        for &asset in &assets {
            let n = self.cash[cash..].iter().take_while(|c| c.0 == asset).count();
            let [wallet, bonus, borrowed] = self.cash_of(cash..cash + n, faults);
            cash += n;
            self.layer(asset, wallet);
            self.credit(self.out.layers.asset.len() - 1, bonus, borrowed);
        }
        self.positions(&legs[..cross], faults);
        self.open_orders(&legs, orders.iter());
        self.isolated_pools(&legs[cross..], faults);
        (self.legs, self.order_legs, self.assets) = (legs, orders, assets);
    }

    /// The assets of the account, ascending, each once: of its cash, its positions and its orders.
    fn assets_of(&mut self, legs: &[Leg], orders: &[Leg]) -> Vec<u16> {
        let mut assets = std::mem::take(&mut self.assets);
        assets.clear();
        assets.extend(self.cash.iter().map(|c| c.0).chain(legs.iter().chain(orders).map(|l| leg_asset(l.0))));
        assets.sort_unstable();
        assets.dedup();
        assets
    }

    fn isolated_pools(&mut self, legs: &[Leg], faults: &mut Faults) {
        let mut leg = 0;
        while leg < legs.len() {
            let (key, row) = legs[leg];
            let n = self.run(&legs[leg..]);
            let margin = match &legs[leg..leg + n] {
                [_] => self.checked.isolated_margin(row as usize),
                several => merged_margin(self.checked, several.iter().map(|l| l.1 as usize), faults),
            };
            self.pool(PoolKind::Isolated, leg_asset(key), margin);
            if self.joint {
                self.out.layers.offsets.push(row32(self.out.layers.asset.len()));
                self.layer(leg_asset(key), margin);
            }
            self.positions(&legs[leg..leg + n], faults);
            self.open_orders(&[], std::iter::empty());
            leg += n;
        }
    }

    /// Wallet, bonus and debt of rows of `cash`.
    fn cash_of(&self, rows: std::ops::Range<usize>, faults: &mut Faults) -> [f64; 3] {
        let balances = &self.checked.tables.balances;
        let columns = [Some(balances.wallet_balance), balances.bonus, balances.borrowed];
        match &self.cash[rows] {
            [] => [0.0; 3],
            [(_, row)] => columns.map(|column| column.map_or(0.0, |column| column[*row as usize])),
            several => {
                let names = ["wallet_balance", "bonus", "borrowed"];
                let mut at = 0;
                columns.map(|column| {
                    at += 1;
                    let rows = several.iter().map(|c| c.1 as usize);
                    column.map_or(0.0, |column| merged_cash(column, names[at - 1], rows, faults))
                })
            }
        }
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

    fn layer(&mut self, asset: u16, wallet: f64) {
        self.out.layers.asset.push(asset);
        self.out.layers.wallet.push(wallet + 0.0);
    }

    /// Notes bonus and debt of a layer; the columns are filled up to it when there is the first.
    fn credit(&mut self, layer: usize, bonus: f64, borrowed: f64) {
        for (column, amount) in [(&mut self.out.bonus, bonus), (&mut self.out.borrowed, borrowed)] {
            if amount != 0.0 {
                column.resize(layer, 0.0);
                column.push(amount);
            }
        }
    }

    /// Writes the positions of a pool's legs.
    fn positions(&mut self, legs: &[Leg], faults: &mut Faults) {
        if self.merge || self.special || self.choices.has_settings() {
            let mut rest = legs;
            while !rest.is_empty() {
                let (one, others) = rest.split_at(self.run(rest));
                self.position(one, faults);
                rest = others;
            }
            return;
        }
        let positions = &self.checked.tables.positions;
        let out = &mut self.out;
        let rows = || legs.iter().map(|leg| leg.1 as usize);
        out.class.extend(legs.iter().map(|leg| self.index.plain[leg_instrument(leg.0) as usize]));
        out.side.extend(legs.iter().map(|leg| leg_side(leg.0)));
        out.quantity.extend(rows().map(|row| positions.quantity[row]));
        out.entry_price.extend(rows().map(|row| positions.entry_price[row]));
        if let Some(column) = positions.leverage {
            out.leverage.extend(rows().map(|row| column[row]));
        } else if self.checked.tables.settings.leverage.is_some() {
            out.leverage.extend(rows().map(|_| f64::NAN));
        }
        out.rows.extend(legs.iter().map(|leg| leg.1));
    }

    /// The class of a row's position.
    fn class(&mut self, row: usize, instrument: u32) -> u16 {
        let (version, tier) = (self.checked.tier_version(row), self.checked.tier(row));
        let (coefficient, profile) = (self.choices.coefficient, self.choices.profile);
        self.index.get(MarginClass { instrument, version, tier, coefficient, profile })
    }

    /// Writes the one position that legs of one key make.
    fn position(&mut self, legs: &[Leg], faults: &mut Faults) {
        let (key, row) = legs[0];
        let positions = &self.checked.tables.positions;
        let (mut quantity, mut entry) = (positions.quantity[row as usize], positions.entry_price[row as usize]);
        if legs.len() > 1 {
            let rows: Vec<usize> = legs.iter().map(|leg| leg.1 as usize).collect();
            (quantity, entry) = merged_position(self.market, self.checked, &rows, self.choices.coefficient, faults);
        }
        let instrument = leg_instrument(key);
        let class = self.class(row as usize, instrument);
        let leverage = self.choices.leverage(self.checked.leverage(row as usize), instrument);
        let out = &mut self.out;
        out.class.push(class);
        out.side.push(leg_side(key));
        out.quantity.push(quantity);
        out.entry_price.push(entry);
        if positions.leverage.is_some() || self.checked.tables.settings.leverage.is_some() {
            out.leverage.push(leverage);
        }
        out.rows.push(row);
    }

    /// Writes those orders of the pool begun last that count.
    fn open_orders<'b>(&mut self, positions: &[Leg], legs: impl Iterator<Item = &'b Leg>) {
        if self.checked.tables.orders.account.is_empty() {
            return;
        }
        let orders = &self.checked.tables.orders;
        let first = row32(self.out.orders.quantity.len());
        self.out.orders.offsets.push(first);
        for &(key, row) in legs {
            let row = row as usize;
            if !self.checked.order_counts(self.market, row) {
                continue;
            }
            let instrument = leg_instrument(key);
            let (coefficient, profile) = (self.choices.coefficient, self.choices.profile);
            let class = MarginClass { coefficient, profile, ..MarginClass::plain(instrument) };
            let class = self.index.get(class);
            let leverage = self.order_leverage(positions, key, row);
            let out = &mut self.out.orders;
            out.class.push(class);
            out.side.push(leg_side(key));
            out.isolated.push(leg_is_isolated(key));
            out.quantity.push(orders.quantity[row]);
            out.price.push(orders.price[row]);
            out.leverage.push(leverage);
        }
    }

    /// The columns, but for the keys of the accounts.
    pub(super) fn finish(mut self) -> Result<Holdings> {
        let out = &mut self.out;
        out.classes = self.index.classes;
        if out.classes.len() > usize::from(u16::MAX) {
            let message = "had more than 65535 distinct instruments, tiers and profiles together: split the book";
            return Err(Error::argument("positions", message));
        }
        out.account_pools.push(row32(out.pool_kind.len()));
        out.pool_positions.push(row32(out.quantity.len()));
        if !out.orders.offsets.is_empty() {
            out.orders.offsets.push(row32(out.orders.quantity.len()));
        }
        let n_layers = if self.joint { out.layers.asset.len() } else { out.pool_kind.len() };
        if self.joint {
            out.layers.offsets.push(row32(n_layers));
        }
        for column in [&mut out.bonus, &mut out.borrowed] {
            if !column.is_empty() {
                column.resize(n_layers, 0.0);
            }
        }
        Ok(self.out)
    }
}

/// The instruments of positions and orders, ascending.
fn held(market: &Market, checked: &Checked<'_>) -> Vec<u32> {
    let mut held = vec![false; market.instruments().len()];
    for row in 0..checked.tables.positions.account.len() {
        held[checked.instrument.get(row) as usize] = true;
    }
    for row in 0..checked.tables.orders.account.len() {
        held[checked.order_instrument.get(row) as usize] = true;
    }
    (0..held.len()).filter(|&at| held[at]).map(row32).collect()
}
