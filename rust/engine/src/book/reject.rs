//! Dropping whole accounts instead of refusing a book: an account without one of its legs has a wrong margin.

use std::collections::BTreeSet;

use crate::error::{BookFaults, MAX_FAULTS, Result};
use crate::market::Market;

use super::accounts::row32;
use super::holdings::{Holdings, Rejected};
use super::tables::{Accounts, Balances, Keys, Orders, Positions, Settings, Tables, TextKeys};
use super::validate::{Faults, Part};

/// The rows of a table that are kept, copied column by column.
struct Kept {
    rows: Vec<u32>,
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

/// The account of a row as text: the same for an integer and the name it is written as. `None` for a nameless row.
fn account_text(keys: &Keys<'_>, row: usize) -> Option<String> {
    match keys {
        Keys::Int(keys) => Some(keys[row].to_string()),
        Keys::Text(keys) => keys.names.get(keys.codes[row] as usize).cloned(),
    }
}

impl Tables<'_> {
    /// The account column of a table.
    pub(super) const fn account_of(&self, part: Part) -> &Keys<'_> {
        match part {
            Part::Balances => &self.balances.account,
            Part::Positions => &self.positions.account,
            Part::Orders => &self.orders.account,
            Part::Accounts => &self.accounts.account,
            Part::Settings => &self.settings.account,
        }
    }
}

impl Holdings {
    /// Builds what can be built, dropping each account that has a fault.
    ///
    /// # Errors
    /// [`crate::error::Error::Argument`] for columns of unequal length.
    pub fn build_rejecting(market: &Market, tables: &Tables<'_>) -> Result<(Self, Rejected)> {
        let mut rejected = Rejected::default();
        let mut dropped: BTreeSet<String> = BTreeSet::new();
        let mut kept = Part::ALL.map(|part| all_rows(tables.account_of(part)));
        loop {
            match build_rows(market, tables, &kept)? {
                Ok(mut holdings) => {
                    for row in &mut holdings.rows {
                        *row = kept[Part::Positions as usize].rows[*row as usize];
                    }
                    let others = |part: Part| others(&kept[part as usize], tables.account_of(part).len());
                    rejected.balance_rows = others(Part::Balances);
                    rejected.position_rows = others(Part::Positions);
                    rejected.order_rows = others(Part::Orders);
                    return Ok((holdings, rejected));
                }
                Err(faults) => {
                    note(&mut rejected, &faults, &kept);
                    let nameless = drop_accounts(&mut dropped, tables, &faults, &kept);
                    for part in Part::ALL {
                        keep(&mut kept[part as usize], tables.account_of(part), &dropped, &nameless[part as usize]);
                    }
                }
            }
        }
    }
}

fn all_rows(keys: &Keys<'_>) -> Kept {
    Kept { rows: (0..keys.len()).map(row32).collect() }
}

fn others(kept: &Kept, n: usize) -> Vec<u32> {
    let mut next = kept.rows.iter().copied().peekable();
    (0..n).map(row32).filter(|&row| next.next_if_eq(&row).is_none()).collect()
}

/// Adds faults to the report, with the rows as they were given.
fn note(rejected: &mut Rejected, faults: &Faults, kept: &[Kept; 5]) {
    let report = rejected.faults.get_or_insert(BookFaults { faults: Vec::new(), n_faults: 0 });
    report.n_faults += faults.n_faults();
    for fault in &faults.kept {
        if report.faults.len() == MAX_FAULTS {
            break;
        }
        let kept = &kept[Part::of_name(fault.table) as usize];
        let row = usize::try_from(fault.row).ok().and_then(|row| kept.rows.get(row));
        report.faults.push(crate::error::Fault { row: row.map_or(fault.row, |&row| u64::from(row)), ..fault.clone() });
    }
    report.faults.sort_by_key(|fault| (Part::of_name(fault.table) as usize, fault.row));
}

/// Adds the accounts of faulty rows to `dropped`; returns the rows that have no account to drop.
fn drop_accounts(
    dropped: &mut BTreeSet<String>,
    tables: &Tables<'_>,
    faults: &Faults,
    kept: &[Kept; 5],
) -> [BTreeSet<u32>; 5] {
    Part::ALL.map(|part| {
        let mut nameless = BTreeSet::new();
        for &row in &faults.rows[part as usize] {
            let row = kept[part as usize].rows[row as usize];
            match account_text(tables.account_of(part), row as usize) {
                Some(account) => {
                    dropped.insert(account);
                }
                None => {
                    nameless.insert(row);
                }
            }
        }
        nameless
    })
}

fn keep(kept: &mut Kept, keys: &Keys<'_>, dropped: &BTreeSet<String>, nameless: &BTreeSet<u32>) {
    kept.rows.retain(|row| {
        !nameless.contains(row) && account_text(keys, *row as usize).is_none_or(|account| !dropped.contains(&account))
    });
}

fn build_rows(market: &Market, tables: &Tables<'_>, kept: &[Kept; 5]) -> Result<std::result::Result<Holdings, Faults>> {
    let [balances, positions, orders, accounts, settings] = kept;
    let (b, p, o, a, s) = (&tables.balances, &tables.positions, &tables.orders, &tables.accounts, &tables.settings);
    let keys = [(balances, &b.account), (positions, &p.account), (orders, &o.account)];
    let [b_account, p_account, o_account] = keys.map(|(kept, keys)| kept.keys(keys));
    let [a_account, s_account] = [(accounts, &a.account), (settings, &s.account)].map(|(kept, keys)| kept.keys(keys));
    let b_asset = balances.keys(&b.asset);
    let keys = [(positions, &p.instrument), (orders, &o.instrument), (settings, &s.instrument)];
    let [p_instrument, o_instrument, s_instrument] = keys.map(|(kept, keys)| kept.keys(keys));
    let (wallet, quantity, entry) =
        (balances.reals(b.wallet_balance), positions.reals(p.quantity), positions.reals(p.entry_price));
    let [bonus, borrowed] = [b.bonus, b.borrowed].map(|column| balances.optional(column));
    let [leverage, margin, tier] = [p.leverage, p.isolated_margin, p.tier].map(|column| positions.optional(column));
    let [mode, side, version] = [p.margin_mode, p.position_side, p.tier_version].map(|column| positions.codes(column));
    let (o_quantity, o_price) = (orders.reals(o.quantity), orders.reals(o.price));
    let [o_leverage, trigger] = [o.leverage, o.trigger_price].map(|column| orders.optional(column));
    let [o_side, o_mode] = [o.position_side, o.margin_mode].map(|column| orders.codes(column));
    let reduce_only = orders.flags(o.reduce_only);
    let (profile, coefficient) = (accounts.codes(a.profile), accounts.optional(a.tier_coefficient));
    let (s_leverage, s_mode) = (settings.optional(s.leverage), settings.codes(s.margin_mode));
    let kept = Tables {
        balances: Balances {
            account: b_account.as_keys(&b.account),
            asset: b_asset.as_keys(&b.asset),
            wallet_balance: &wallet,
            bonus: bonus.as_deref(),
            borrowed: borrowed.as_deref(),
        },
        positions: Positions {
            account: p_account.as_keys(&p.account),
            instrument: p_instrument.as_keys(&p.instrument),
            quantity: &quantity,
            entry_price: &entry,
            leverage: leverage.as_deref(),
            isolated_margin: margin.as_deref(),
            margin_mode: named(p.margin_mode, mode.as_deref()),
            position_side: named(p.position_side, side.as_deref()),
            tier_version: named(p.tier_version, version.as_deref()),
            tier: tier.as_deref(),
        },
        orders: Orders {
            account: o_account.as_keys(&o.account),
            instrument: o_instrument.as_keys(&o.instrument),
            quantity: &o_quantity,
            price: &o_price,
            leverage: o_leverage.as_deref(),
            trigger_price: trigger.as_deref(),
            reduce_only: reduce_only.as_deref(),
            position_side: named(o.position_side, o_side.as_deref()),
            margin_mode: named(o.margin_mode, o_mode.as_deref()),
        },
        accounts: Accounts {
            account: a_account.as_keys(&a.account),
            profile: named(a.profile, profile.as_deref()),
            tier_coefficient: coefficient.as_deref(),
        },
        settings: Settings {
            account: s_account.as_keys(&s.account),
            instrument: s_instrument.as_keys(&s.instrument),
            leverage: s_leverage.as_deref(),
            margin_mode: named(s.margin_mode, s_mode.as_deref()),
        },
        ..*tables
    };
    Holdings::build_or_faults(market, &kept)
}
