//! Accounts laid down as the rows of a book's tables.

use crate::book::{
    Accounts, Balances, Duplicates, Keys, NO_KEY, Orders, Positions, QuantityUnit, Settings, Side, Tables, TextKeys,
};
use crate::market::{Instrument, Market};

use super::state::{Order, State};

/// The names that columns of few names are coded by.
#[derive(Debug, Clone, Default)]
pub(super) struct Words {
    modes: Vec<String>,
    sides: Vec<String>,
    kinds: Vec<String>,
    position_modes: Vec<String>,
    profiles: Vec<String>,
    /// Of old tables of tiers, ascending.
    versions: Vec<String>,
}

impl Words {
    pub(super) fn new(market: &Market) -> Self {
        let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        let old = market.instruments().iter().flat_map(Instrument::old_tiers);
        let mut versions: Vec<String> = old.map(|(name, _)| name.clone()).collect();
        versions.sort_unstable();
        versions.dedup();
        Self {
            modes: owned(&["cross", "isolated"]),
            sides: owned(&[Side::Net.name(), Side::Long.name(), Side::Short.name()]),
            kinds: owned(&["take_profit"]),
            position_modes: owned(&["one_way", "hedge"]),
            profiles: market.profiles().iter().map(|profile| profile.name.clone()).collect(),
            versions,
        }
    }

    /// The code of an instrument's old table of tiers.
    fn version(&self, market: &Market, instrument: u32, version: Option<u16>) -> u32 {
        let old = market.instruments().get(instrument as usize).map(Instrument::old_tiers);
        let name = version.and_then(|version| old?.get(usize::from(version)));
        let code = name.and_then(|(name, _)| self.versions.binary_search(name).ok());
        code.and_then(|code| u32::try_from(code).ok()).unwrap_or(NO_KEY)
    }
}

/// Columns of balances.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct BalanceRows {
    pub(super) account: Vec<i64>,
    pub(super) asset: Vec<i64>,
    pub(super) wallet: Vec<f64>,
    pub(super) bonus: Vec<f64>,
    pub(super) borrowed: Vec<f64>,
}

/// Columns of positions.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct PositionRows {
    pub(super) account: Vec<i64>,
    pub(super) instrument: Vec<i64>,
    pub(super) quantity: Vec<f64>,
    pub(super) entry: Vec<f64>,
    pub(super) leverage: Vec<f64>,
    pub(super) fence: Vec<f64>,
    pub(super) mode: Vec<u32>,
    pub(super) side: Vec<u32>,
    pub(super) version: Vec<u32>,
    pub(super) tier: Vec<f64>,
}

/// Columns of orders.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct OrderRows {
    pub(super) account: Vec<i64>,
    pub(super) instrument: Vec<i64>,
    pub(super) quantity: Vec<f64>,
    pub(super) price: Vec<f64>,
    pub(super) leverage: Vec<f64>,
    pub(super) mode: Vec<u32>,
    pub(super) side: Vec<u32>,
    pub(super) trigger: Vec<f64>,
    pub(super) reduce_only: Vec<bool>,
    pub(super) kind: Vec<u32>,
}

/// Columns of accounts.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct AccountRows {
    pub(super) account: Vec<i64>,
    pub(super) profile: Vec<u32>,
    pub(super) coefficient: Vec<f64>,
    pub(super) mode: Vec<u32>,
    pub(super) position_mode: Vec<u32>,
}

/// Columns of settings.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct SettingRows {
    pub(super) account: Vec<i64>,
    pub(super) instrument: Vec<i64>,
    pub(super) leverage: Vec<f64>,
    pub(super) mode: Vec<u32>,
}

/// The tables of accounts, in columns that own their values.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Rows {
    pub(super) balances: BalanceRows,
    pub(super) positions: PositionRows,
    pub(super) orders: OrderRows,
    pub(super) accounts: AccountRows,
    pub(super) settings: SettingRows,
}

/// How accounts are named in the tables that are lent.
#[derive(Debug, Clone, Copy)]
pub(super) enum Naming<'a> {
    /// By the numbers in the columns.
    Numbers,
    /// By names, of which the numbers in the columns are the places; codes by table.
    Names(&'a [String], &'a [Vec<u32>; 5]),
}

impl OrderRows {
    fn push(&mut self, account: i64, order: &Order, (trigger, reduce_only, kind): (f64, bool, u32)) {
        self.account.push(account);
        self.instrument.push(i64::from(order.leg.instrument));
        self.quantity.push(order.quantity);
        self.price.push(order.price);
        self.leverage.push(order.leverage);
        self.mode.push(u32::from(order.leg.isolated));
        self.side.push(order.leg.side as u32);
        self.trigger.push(trigger);
        self.reduce_only.push(reduce_only);
        self.kind.push(kind);
    }
}

/// A column, or none where every value is the usual one.
fn unless<T>(column: &[T], usual: impl Fn(&T) -> bool) -> Option<&[T]> {
    (!column.iter().all(usual)).then_some(column)
}

fn named<'a>(codes: Option<&'a [u32]>, names: &'a [String]) -> Option<TextKeys<'a>> {
    codes.map(|codes| TextKeys { codes, names })
}

impl Rows {
    /// Adds the rows of an account.
    pub(super) fn push(&mut self, market: &Market, words: &Words, account: i64, state: &State) {
        for cash in &state.cash {
            self.balances.account.push(account);
            self.balances.asset.push(i64::from(cash.asset));
            self.balances.wallet.push(cash.wallet.near);
            self.balances.bonus.push(cash.bonus.near);
            self.balances.borrowed.push(cash.borrowed);
        }
        for held in &state.positions {
            let rows = &mut self.positions;
            rows.account.push(account);
            rows.instrument.push(i64::from(held.leg.instrument));
            rows.quantity.push(held.quantity.near);
            rows.entry.push(held.entry);
            rows.leverage.push(held.leverage);
            rows.fence.push(held.fence.near);
            rows.mode.push(u32::from(held.leg.isolated));
            rows.side.push(held.leg.side as u32);
            rows.version.push(words.version(market, held.leg.instrument, held.version));
            rows.tier.push(if held.tier == 0 { f64::NAN } else { f64::from(held.tier) });
        }
        for order in &state.orders {
            self.orders.push(account, order, (f64::NAN, false, NO_KEY));
        }
        for waiting in &state.waiting {
            let kind = if waiting.take_profit { 0 } else { NO_KEY };
            self.orders.push(account, &waiting.order, (waiting.trigger, waiting.reduce_only, kind));
        }
        self.push_choices(account, state);
    }

    fn push_choices(&mut self, account: i64, state: &State) {
        if state.known != crate::book::Known::default() {
            let rows = &mut self.accounts;
            rows.account.push(account);
            rows.profile.push(u32::from(state.known.profile));
            rows.coefficient.push(state.known.coefficient);
            rows.mode.push(u32::from(state.known.isolates));
            rows.position_mode.push(state.known.hedging.map_or(NO_KEY, u32::from));
        }
        for setting in &state.settings {
            let rows = &mut self.settings;
            rows.account.push(account);
            rows.instrument.push(i64::from(setting.instrument));
            rows.leverage.push(setting.leverage);
            rows.mode.push(setting.isolated.map_or(NO_KEY, u32::from));
        }
    }

    /// The account columns in the order of the tables.
    pub(super) const fn account_columns(&self) -> [&Vec<i64>; 5] {
        let Self { balances, positions, orders, accounts, settings } = self;
        [&balances.account, &positions.account, &orders.account, &accounts.account, &settings.account]
    }

    /// The rows as the tables that a book is built from.
    pub(super) fn lend<'a>(&'a self, words: &'a Words, unit: QuantityUnit, naming: Naming<'a>) -> Tables<'a> {
        let account = |table: usize| match naming {
            Naming::Numbers => Keys::Int(self.account_columns()[table]),
            Naming::Names(names, codes) => Keys::Text(TextKeys { codes: &codes[table], names }),
        };
        Tables {
            balances: Balances {
                account: account(0),
                asset: Keys::Int(&self.balances.asset),
                wallet_balance: &self.balances.wallet,
                bonus: unless(&self.balances.bonus, |x| *x == 0.0),
                borrowed: unless(&self.balances.borrowed, |x| *x == 0.0),
            },
            positions: self.lend_positions(words, account(1)),
            orders: Orders {
                account: account(2),
                instrument: Keys::Int(&self.orders.instrument),
                quantity: &self.orders.quantity,
                price: &self.orders.price,
                leverage: unless(&self.orders.leverage, |x| x.is_nan()),
                margin_mode: named(Some(&self.orders.mode), &words.modes),
                position_side: named(unless(&self.orders.side, |side| *side == 0), &words.sides),
                trigger_price: unless(&self.orders.trigger, |x| x.is_nan()),
                reduce_only: unless(&self.orders.reduce_only, |only| !only),
                kind: named(unless(&self.orders.kind, |code| *code == NO_KEY), &words.kinds),
            },
            accounts: Accounts {
                account: account(3),
                profile: named(unless(&self.accounts.profile, |code| *code == 0), &words.profiles),
                tier_coefficient: unless(&self.accounts.coefficient, |x| x.to_bits() == 1.0_f64.to_bits()),
                margin_mode: named(unless(&self.accounts.mode, |mode| *mode == 0), &words.modes),
                position_mode: named(
                    unless(&self.accounts.position_mode, |code| *code == NO_KEY),
                    &words.position_modes,
                ),
            },
            settings: Settings {
                account: account(4),
                instrument: Keys::Int(&self.settings.instrument),
                leverage: unless(&self.settings.leverage, |x| x.is_nan()),
                margin_mode: named(unless(&self.settings.mode, |mode| *mode == NO_KEY), &words.modes),
            },
            quantity_unit: unit,
            duplicates: Duplicates::Refuse,
        }
    }

    fn lend_positions<'a>(&'a self, words: &'a Words, account: Keys<'a>) -> Positions<'a> {
        let rows = &self.positions;
        // Where accounts or settings isolate, a cross position has to say that it is one.
        let plain = self.accounts.mode.iter().all(|mode| *mode == 0) && self.settings.mode.iter().all(|m| *m == NO_KEY);
        let mode = if plain { unless(&rows.mode, |mode| *mode == 0) } else { Some(rows.mode.as_slice()) };
        Positions {
            account,
            instrument: Keys::Int(&rows.instrument),
            quantity: &rows.quantity,
            entry_price: &rows.entry,
            leverage: unless(&rows.leverage, |x| x.is_nan()),
            isolated_margin: unless(&rows.fence, |x| x.is_nan()),
            margin_mode: named(mode, &words.modes),
            position_side: named(unless(&rows.side, |side| *side == 0), &words.sides),
            tier_version: named(unless(&rows.version, |code| *code == NO_KEY), &words.versions),
            tier: unless(&rows.tier, |x| x.is_nan()),
        }
    }
}
