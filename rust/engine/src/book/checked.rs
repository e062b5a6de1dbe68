//! The tables with their keys resolved, and what a row of them says.

use crate::market::Market;

use super::tables::{Keys, NO_KEY, Tables, TextKeys};

/// A key column resolved to positions in the market's order.
#[derive(Debug)]
pub(crate) enum Lookup<'a> {
    Int(&'a [i64]),
    Text { codes: &'a [u32], indices: Vec<u32> },
}

impl Lookup<'_> {
    /// The index of a row's key; [`NO_KEY`] or a number beyond the market's for an unknown one.
    pub(crate) fn get(&self, row: usize) -> u32 {
        match self {
            Self::Int(keys) => u32::try_from(keys[row]).unwrap_or(NO_KEY),
            Self::Text { codes, indices } => indices.get(codes[row] as usize).copied().unwrap_or(NO_KEY),
        }
    }

    pub(super) fn all_below(&self, n: usize) -> bool {
        let n = super::accounts::row32(n);
        match self {
            Self::Int(keys) => keys.iter().all(|&key| (0..i64::from(n)).contains(&key)),
            Self::Text { codes, indices } => {
                codes.iter().all(|&code| indices.get(code as usize).is_some_and(|&index| index < n))
            }
        }
    }
}

fn lookup<'a>(keys: &Keys<'a>, index_of: impl Fn(&str) -> Option<usize>) -> Lookup<'a> {
    match keys {
        Keys::Int(keys) => Lookup::Int(keys),
        Keys::Text(TextKeys { codes, names }) => Lookup::Text {
            codes,
            indices: names.iter().map(|name| index_of(name).map_or(NO_KEY, super::accounts::row32)).collect(),
        },
    }
}

/// The side of a hedge leg, or `Net` in one-way mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Side {
    /// The one position of an instrument in one-way mode, long or short by its sign.
    Net = 0,
    /// The long leg of hedge mode.
    Long = 1,
    /// The short leg of hedge mode.
    Short = 2,
}

impl Side {
    /// The name in tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Net => "net",
            Self::Long => "long",
            Self::Short => "short",
        }
    }

    const fn of_code(code: u8) -> Self {
        match code {
            1 => Self::Long,
            2 => Self::Short,
            _ => Self::Net,
        }
    }
}

/// A column of few names, resolved; an absent key means the first.
#[derive(Debug)]
pub(crate) struct Choice<'a> {
    codes: Option<&'a [u32]>,
    values: Vec<u8>,
}

pub(super) const UNKNOWN: u8 = u8::MAX;

impl<'a> Choice<'a> {
    fn new(keys: Option<TextKeys<'a>>, names: &[&str]) -> Self {
        let value = |name: &String| {
            names.iter().position(|known| name == known).and_then(|i| u8::try_from(i).ok()).unwrap_or(UNKNOWN)
        };
        Self {
            codes: keys.map(|k| k.codes),
            values: keys.map_or_else(Vec::new, |k| k.names.iter().map(value).collect()),
        }
    }

    pub(crate) fn get(&self, row: usize) -> u8 {
        self.said(row).unwrap_or(0)
    }

    /// The choice of a row that makes one.
    pub(crate) fn said(&self, row: usize) -> Option<u8> {
        let code = self.codes.map_or(NO_KEY, |codes| codes[row]);
        (code != NO_KEY).then(|| self.values.get(code as usize).copied().unwrap_or(UNKNOWN))
    }
}

/// The tables with their keys resolved.
#[derive(Debug)]
pub(crate) struct Checked<'a> {
    pub(crate) tables: Tables<'a>,
    pub(crate) asset: Lookup<'a>,
    pub(crate) instrument: Lookup<'a>,
    pub(crate) order_instrument: Lookup<'a>,
    pub(crate) setting_instrument: Lookup<'a>,
    pub(super) mode: Choice<'a>,
    pub(super) side: Choice<'a>,
    pub(super) order_mode: Choice<'a>,
    pub(super) order_side: Choice<'a>,
    pub(super) setting_mode: Choice<'a>,
    pub(super) order_kind: Choice<'a>,
    pub(super) account_mode: Choice<'a>,
    pub(super) position_mode: Choice<'a>,
    /// The profile of each name of the column; `None` for an unknown one.
    pub(super) profiles: Vec<Option<u16>>,
    market: &'a Market,
}

pub(super) const MODES: [&str; 2] = ["cross", "isolated"];
pub(super) const SIDES: [&str; 3] = ["net", "long", "short"];
pub(super) const KINDS: [&str; 4] = ["limit", "market", "stop", "take_profit"];
pub(super) const POSITION_MODES: [&str; 2] = ["one_way", "hedge"];

/// More tiers than a table has: what a tier's number is looked up in.
const MOST_TIERS: u16 = 4096;

/// Reads a number of a column that may be absent.
fn number(column: Option<&[f64]>, row: usize) -> f64 {
    column.map_or(f64::NAN, |column| column[row])
}

impl<'a> Checked<'a> {
    pub(super) fn new(market: &'a Market, tables: &Tables<'a>) -> Self {
        let instrument = |name: &str| market.instrument_index(name);
        let profile = |name: &String| market.profile_index(name).and_then(|index| u16::try_from(index).ok());
        Self {
            asset: lookup(&tables.balances.asset, |name| market.asset_index(name)),
            instrument: lookup(&tables.positions.instrument, instrument),
            order_instrument: lookup(&tables.orders.instrument, instrument),
            setting_instrument: lookup(&tables.settings.instrument, instrument),
            mode: Choice::new(tables.positions.margin_mode, &MODES),
            side: Choice::new(tables.positions.position_side, &SIDES),
            order_mode: Choice::new(tables.orders.margin_mode, &MODES),
            order_side: Choice::new(tables.orders.position_side, &SIDES),
            setting_mode: Choice::new(tables.settings.margin_mode, &MODES),
            order_kind: Choice::new(tables.orders.kind, &KINDS),
            account_mode: Choice::new(tables.accounts.margin_mode, &MODES),
            position_mode: Choice::new(tables.accounts.position_mode, &POSITION_MODES),
            profiles: tables.accounts.profile.map_or_else(Vec::new, |keys| keys.names.iter().map(profile).collect()),
            tables: *tables,
            market,
        }
    }

    /// Whether a position's own row isolates it; `None` where it does not say.
    pub(crate) fn isolated(&self, row: usize) -> Option<bool> {
        self.mode.said(row).map(|mode| mode == 1)
    }

    pub(crate) fn side(&self, row: usize) -> Side {
        Side::of_code(self.side.get(row))
    }

    /// Leverage of a row; NaN when unknown.
    pub(crate) fn leverage(&self, row: usize) -> f64 {
        number(self.tables.positions.leverage, row)
    }

    /// Cash fenced for a row; NaN when not given.
    pub(crate) fn isolated_margin(&self, row: usize) -> f64 {
        number(self.tables.positions.isolated_margin, row)
    }

    /// The old table that a position keeps, in its instrument's order. Asked of well-formed rows only.
    pub(crate) fn tier_version(&self, row: usize) -> Option<u16> {
        let keys = self.tables.positions.tier_version?;
        let name = keys.names.get(keys.codes[row] as usize)?;
        let instrument = &self.market.instruments()[self.instrument.get(row) as usize];
        instrument.tier_version_index(name).and_then(|index| u16::try_from(index).ok())
    }

    /// The tier that a position was put into, from 1; 0 when by its basis.
    pub(crate) fn tier(&self, row: usize) -> u16 {
        let bits = number(self.tables.positions.tier, row).to_bits();
        (1..=MOST_TIERS).find(|&known| f64::from(known).to_bits() == bits).unwrap_or(0)
    }

    /// As [`Self::isolated`], of an order.
    pub(crate) fn order_isolated(&self, row: usize) -> Option<bool> {
        self.order_mode.said(row).map(|mode| mode == 1)
    }

    pub(crate) fn order_side(&self, row: usize) -> Side {
        Side::of_code(self.order_side.get(row))
    }

    /// Leverage of an order; NaN when unknown.
    pub(crate) fn order_leverage(&self, row: usize) -> f64 {
        number(self.tables.orders.leverage, row)
    }

    /// Whether an order counts at all: it can open something, now. In hedge mode a sale of the long leg, and a purchase of
    /// the short one, only close.
    pub(crate) fn order_counts(&self, market: &Market, row: usize) -> bool {
        let orders = &self.tables.orders;
        let closes = match self.order_side(row) {
            Side::Net => false,
            Side::Long => orders.quantity[row] < 0.0,
            Side::Short => orders.quantity[row] > 0.0,
        };
        let reduces = closes || orders.reduce_only.is_some_and(|column| column[row]);
        !reduces && (self.trigger(row).is_nan() || market.rules().orders().conditional)
    }

    /// The price that makes an order active; NaN where it waits for none.
    pub(crate) fn trigger(&self, row: usize) -> f64 {
        number(self.tables.orders.trigger_price, row)
    }

    /// Whether an order is to take a profit.
    pub(crate) fn takes_profit(&self, row: usize) -> bool {
        self.order_kind.said(row).is_some_and(|kind| KINDS.get(usize::from(kind)) == Some(&"take_profit"))
    }

    /// The fee profile of a row of `accounts`.
    pub(crate) fn profile(&self, row: usize) -> u16 {
        let code = self.tables.accounts.profile.map_or(NO_KEY, |keys| keys.codes[row]);
        self.profiles.get(code as usize).copied().flatten().unwrap_or(0)
    }

    /// What the tier bounds of a row of `accounts` are multiplied with.
    pub(crate) fn tier_coefficient(&self, row: usize) -> f64 {
        let coefficient = number(self.tables.accounts.tier_coefficient, row);
        if coefficient.is_nan() { 1.0 } else { coefficient }
    }

    /// Leverage (NaN when unknown) of a row of `settings`, and whether it isolates; `None` where it does not say.
    pub(crate) fn setting(&self, row: usize) -> (f64, Option<bool>) {
        (number(self.tables.settings.leverage, row), self.setting_mode.said(row).map(|mode| mode == 1))
    }

    /// Whether a row of `accounts` isolates what does not say otherwise.
    pub(crate) fn account_isolates(&self, row: usize) -> bool {
        self.account_mode.get(row) == 1
    }

    /// Whether a row of `accounts` says that the account is in hedge mode, or that it is not.
    pub(crate) fn is_hedging(&self, row: usize) -> Option<bool> {
        self.position_mode.said(row).map(|mode| mode == 1)
    }

    /// Whether some row can have a side: else all are net, and nothing can contradict them.
    pub(crate) const fn has_sides(&self) -> bool {
        let Tables { positions, orders, accounts, .. } = &self.tables;
        positions.position_side.is_some() || orders.position_side.is_some() || accounts.position_mode.is_some()
    }
}
