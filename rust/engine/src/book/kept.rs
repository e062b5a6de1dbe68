//! Copies of the rows of tables that are kept when accounts are dropped.

use super::tables::{Accounts, Balances, Keys, Orders, Positions, Settings, TextKeys};

/// The rows of a table that are kept, copied column by column.
pub(super) struct Kept {
    pub(super) rows: Vec<u32>,
}

impl Kept {
    fn reals(&self, column: &[f64]) -> Vec<f64> {
        self.rows.iter().map(|&row| column[row as usize]).collect()
    }

    fn optional(&self, column: Option<&[f64]>) -> Option<Vec<f64>> {
        column.map(|column| self.reals(column))
    }

    fn flags(&self, column: Option<&[bool]>) -> Option<Vec<bool>> {
        column.map(|column| self.rows.iter().map(|&row| column[row as usize]).collect())
    }

    fn codes(&self, keys: Option<TextKeys<'_>>) -> Option<Vec<u32>> {
        keys.map(|keys| self.rows.iter().map(|&row| keys.codes[row as usize]).collect())
    }

    fn keys(&self, keys: &Keys<'_>) -> OwnedKeys {
        match keys {
            Keys::Int(keys) => OwnedKeys::Int(self.rows.iter().map(|&row| keys[row as usize]).collect()),
            Keys::Text(keys) => OwnedKeys::Text(self.rows.iter().map(|&row| keys.codes[row as usize]).collect()),
        }
    }
}

enum OwnedKeys {
    Int(Vec<i64>),
    Text(Vec<u32>),
}

impl OwnedKeys {
    fn as_keys<'a>(&'a self, like: &Keys<'a>) -> Keys<'a> {
        match (self, like) {
            (Self::Int(keys), _) => Keys::Int(keys),
            (Self::Text(codes), Keys::Text(keys)) => Keys::Text(TextKeys { codes, names: keys.names }),
            (Self::Text(codes), Keys::Int(_)) => Keys::Text(TextKeys { codes, names: &[] }),
        }
    }
}

/// Codes of kept rows under the names of the original column.
fn named<'a>(like: Option<TextKeys<'a>>, codes: Option<&'a [u32]>) -> Option<TextKeys<'a>> {
    like.zip(codes).map(|(keys, codes)| TextKeys { codes, names: keys.names })
}

/// Kept rows of a table, and how they are lent as one.
pub(super) struct OwnedBalances {
    account: OwnedKeys,
    asset: OwnedKeys,
    wallet: Vec<f64>,
    bonus: Option<Vec<f64>>,
    borrowed: Option<Vec<f64>>,
}

impl OwnedBalances {
    pub(super) fn new(kept: &Kept, of: &Balances<'_>) -> Self {
        Self {
            account: kept.keys(&of.account),
            asset: kept.keys(&of.asset),
            wallet: kept.reals(of.wallet_balance),
            bonus: kept.optional(of.bonus),
            borrowed: kept.optional(of.borrowed),
        }
    }

    pub(super) fn lend<'a>(&'a self, of: &Balances<'a>) -> Balances<'a> {
        Balances {
            account: self.account.as_keys(&of.account),
            asset: self.asset.as_keys(&of.asset),
            wallet_balance: &self.wallet,
            bonus: self.bonus.as_deref(),
            borrowed: self.borrowed.as_deref(),
        }
    }
}

/// As [`OwnedBalances`].
pub(super) struct OwnedPositions {
    account: OwnedKeys,
    instrument: OwnedKeys,
    quantity: Vec<f64>,
    entry_price: Vec<f64>,
    leverage: Option<Vec<f64>>,
    margin: Option<Vec<f64>>,
    tier: Option<Vec<f64>>,
    mode: Option<Vec<u32>>,
    side: Option<Vec<u32>>,
    version: Option<Vec<u32>>,
}

impl OwnedPositions {
    pub(super) fn new(kept: &Kept, of: &Positions<'_>) -> Self {
        Self {
            account: kept.keys(&of.account),
            instrument: kept.keys(&of.instrument),
            quantity: kept.reals(of.quantity),
            entry_price: kept.reals(of.entry_price),
            leverage: kept.optional(of.leverage),
            margin: kept.optional(of.isolated_margin),
            tier: kept.optional(of.tier),
            mode: kept.codes(of.margin_mode),
            side: kept.codes(of.position_side),
            version: kept.codes(of.tier_version),
        }
    }

    pub(super) fn lend<'a>(&'a self, of: &Positions<'a>) -> Positions<'a> {
        Positions {
            account: self.account.as_keys(&of.account),
            instrument: self.instrument.as_keys(&of.instrument),
            quantity: &self.quantity,
            entry_price: &self.entry_price,
            leverage: self.leverage.as_deref(),
            isolated_margin: self.margin.as_deref(),
            margin_mode: named(of.margin_mode, self.mode.as_deref()),
            position_side: named(of.position_side, self.side.as_deref()),
            tier_version: named(of.tier_version, self.version.as_deref()),
            tier: self.tier.as_deref(),
        }
    }
}

/// As [`OwnedBalances`].
pub(super) struct OwnedOrders {
    account: OwnedKeys,
    instrument: OwnedKeys,
    quantity: Vec<f64>,
    price: Vec<f64>,
    leverage: Option<Vec<f64>>,
    trigger: Option<Vec<f64>>,
    reduce_only: Option<Vec<bool>>,
    side: Option<Vec<u32>>,
    mode: Option<Vec<u32>>,
    kind: Option<Vec<u32>>,
}

impl OwnedOrders {
    pub(super) fn new(kept: &Kept, of: &Orders<'_>) -> Self {
        Self {
            account: kept.keys(&of.account),
            instrument: kept.keys(&of.instrument),
            quantity: kept.reals(of.quantity),
            price: kept.reals(of.price),
            leverage: kept.optional(of.leverage),
            trigger: kept.optional(of.trigger_price),
            reduce_only: kept.flags(of.reduce_only),
            side: kept.codes(of.position_side),
            mode: kept.codes(of.margin_mode),
            kind: kept.codes(of.kind),
        }
    }

    pub(super) fn lend<'a>(&'a self, of: &Orders<'a>) -> Orders<'a> {
        Orders {
            account: self.account.as_keys(&of.account),
            instrument: self.instrument.as_keys(&of.instrument),
            quantity: &self.quantity,
            price: &self.price,
            leverage: self.leverage.as_deref(),
            trigger_price: self.trigger.as_deref(),
            reduce_only: self.reduce_only.as_deref(),
            position_side: named(of.position_side, self.side.as_deref()),
            margin_mode: named(of.margin_mode, self.mode.as_deref()),
            kind: named(of.kind, self.kind.as_deref()),
        }
    }
}

/// As [`OwnedBalances`].
pub(super) struct OwnedAccounts {
    account: OwnedKeys,
    profile: Option<Vec<u32>>,
    coefficient: Option<Vec<f64>>,
    mode: Option<Vec<u32>>,
    position_mode: Option<Vec<u32>>,
}

impl OwnedAccounts {
    pub(super) fn new(kept: &Kept, of: &Accounts<'_>) -> Self {
        Self {
            account: kept.keys(&of.account),
            profile: kept.codes(of.profile),
            coefficient: kept.optional(of.tier_coefficient),
            mode: kept.codes(of.margin_mode),
            position_mode: kept.codes(of.position_mode),
        }
    }

    pub(super) fn lend<'a>(&'a self, of: &Accounts<'a>) -> Accounts<'a> {
        Accounts {
            account: self.account.as_keys(&of.account),
            profile: named(of.profile, self.profile.as_deref()),
            tier_coefficient: self.coefficient.as_deref(),
            margin_mode: named(of.margin_mode, self.mode.as_deref()),
            position_mode: named(of.position_mode, self.position_mode.as_deref()),
        }
    }
}

/// As [`OwnedBalances`].
pub(super) struct OwnedSettings {
    account: OwnedKeys,
    instrument: OwnedKeys,
    leverage: Option<Vec<f64>>,
    mode: Option<Vec<u32>>,
}

impl OwnedSettings {
    pub(super) fn new(kept: &Kept, of: &Settings<'_>) -> Self {
        Self {
            account: kept.keys(&of.account),
            instrument: kept.keys(&of.instrument),
            leverage: kept.optional(of.leverage),
            mode: kept.codes(of.margin_mode),
        }
    }

    pub(super) fn lend<'a>(&'a self, of: &Settings<'a>) -> Settings<'a> {
        Settings {
            account: self.account.as_keys(&of.account),
            instrument: self.instrument.as_keys(&of.instrument),
            leverage: self.leverage.as_deref(),
            margin_mode: named(of.margin_mode, self.mode.as_deref()),
        }
    }
}
