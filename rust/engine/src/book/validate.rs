//! The checks that rows pass before they become a book. Kernels assume them.
//!
//! Each check has two forms: one pass over a column that only says whether all is well, and, if not, a slow one that
//! says what is wrong where.

use crate::error::{Error, Fault, FaultKind, MAX_FAULTS, Result};
use crate::market::{BoundUnit, Market, Payoff};

use super::tables::{Keys, NO_KEY, Positions, QuantityUnit, Tables, TextKeys};
use super::validate_orders;

/// The smallest non-zero magnitude accepted: products of two stay normal, so that error bounds are relative.
pub(crate) const SMALLEST: f64 = f64::from_bits((1023 - 256) << 52);
/// The largest magnitude accepted.
pub(crate) const LARGEST: f64 = f64::from_bits((1023 + 256) << 52);

/// Whether a number is positive and can be stored. One comparison of the bits, which columns are checked by at speed.
fn is_positive(x: f64) -> bool {
    let (smallest, largest) = (SMALLEST.to_bits(), LARGEST.to_bits());
    x.to_bits().wrapping_sub(smallest) <= largest - smallest
}

/// Whether a number can be stored: zero, or of a magnitude within [`SMALLEST`] and [`LARGEST`]. False for NaN.
pub(crate) fn in_range(x: f64) -> bool {
    is_positive(x.abs()) || x == 0.0
}

/// The tables of a book, in the order of reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Balances,
    Positions,
    Orders,
    Accounts,
    Settings,
}

impl Part {
    pub(crate) const ALL: [Self; 5] = [Self::Balances, Self::Positions, Self::Orders, Self::Accounts, Self::Settings];

    /// The name in reports.
    pub(crate) const fn name(self) -> &'static str {
        ["balances", "positions", "orders", "accounts", "settings"][self as usize]
    }

    pub(crate) fn of_name(name: &str) -> Self {
        Self::ALL.into_iter().find(|part| part.name() == name).unwrap_or(Self::Balances)
    }
}

/// Faults found so far: the first ones whole, of all of them the row.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    pub(crate) kept: Vec<Fault>,
    /// Faulty rows by table.
    pub(crate) rows: [Vec<u32>; 5],
}

impl Faults {
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.iter().all(Vec::is_empty)
    }

    pub(crate) fn n_faults(&self) -> u64 {
        self.rows.iter().map(|rows| rows.len() as u64).sum()
    }

    pub(crate) fn balance(&mut self, row: usize, column: &'static str, value: String, what: (FaultKind, &str)) {
        self.add(Part::Balances, row, column, value, what);
    }

    pub(crate) fn position(&mut self, row: usize, column: &'static str, value: String, what: (FaultKind, &str)) {
        self.add(Part::Positions, row, column, value, what);
    }

    pub(crate) fn add(&mut self, part: Part, row: usize, column: &'static str, value: String, what: (FaultKind, &str)) {
        self.rows[part as usize].push(super::accounts::row32(row));
        if self.kept.len() < MAX_FAULTS {
            let (kind, cure) = what;
            let table = part.name();
            self.kept.push(Fault { table, row: row as u64, column, value, kind, cure: cure.to_owned() });
        }
    }
}

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

    fn all_below(&self, n: usize) -> bool {
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
    /// The profile of each name of the column; `None` for an unknown one.
    pub(super) profiles: Vec<Option<u16>>,
    market: &'a Market,
}

pub(super) const MODES: [&str; 2] = ["cross", "isolated"];
pub(super) const SIDES: [&str; 3] = ["net", "long", "short"];

/// Reads a number of a column that may be absent.
fn number(column: Option<&[f64]>, row: usize) -> f64 {
    column.map_or(f64::NAN, |column| column[row])
}

impl<'a> Checked<'a> {
    fn new(market: &'a Market, tables: &Tables<'a>) -> Self {
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
        let tier = number(self.tables.positions.tier, row);
        (1..=u16::MAX).find(|&known| f64::from(known) == tier || tier.is_nan()).filter(|_| !tier.is_nan()).unwrap_or(0)
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

    /// Whether an order counts at all: it can open something, now.
    pub(crate) fn order_counts(&self, market: &Market, row: usize) -> bool {
        let orders = &self.tables.orders;
        let reduces = orders.reduce_only.is_some_and(|column| column[row]);
        let waits = !number(orders.trigger_price, row).is_nan();
        !reduces && (!waits || market.rules().orders().conditional)
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

    /// Leverage (NaN when unknown) and mode of a row of `settings`.
    pub(crate) fn setting(&self, row: usize) -> (f64, bool) {
        (number(self.tables.settings.leverage, row), self.setting_mode.get(row) == 1)
    }
}

/// Refuses columns of different lengths, and more rows than can be numbered.
fn check_lengths(tables: &Tables<'_>) -> Result<()> {
    let Tables { balances: b, positions: p, orders: o, accounts: a, settings: s, .. } = tables;
    let of = |column: Option<&[f64]>, n: usize| column.map_or(n, <[f64]>::len);
    let texts = |column: Option<TextKeys<'_>>, n: usize| column.map_or(n, |keys| keys.codes.len());
    let (n, m, k) = (b.account.len(), p.account.len(), o.account.len());
    let (na, ns) = (a.account.len(), s.account.len());
    let columns = [
        ("balances.asset", b.asset.len(), n),
        ("balances.wallet_balance", b.wallet_balance.len(), n),
        ("balances.bonus", of(b.bonus, n), n),
        ("balances.borrowed", of(b.borrowed, n), n),
        ("positions.instrument", p.instrument.len(), m),
        ("positions.quantity", p.quantity.len(), m),
        ("positions.entry_price", p.entry_price.len(), m),
        ("positions.leverage", of(p.leverage, m), m),
        ("positions.isolated_margin", of(p.isolated_margin, m), m),
        ("positions.margin_mode", texts(p.margin_mode, m), m),
        ("positions.position_side", texts(p.position_side, m), m),
        ("positions.tier_version", texts(p.tier_version, m), m),
        ("positions.tier", of(p.tier, m), m),
        ("orders.instrument", o.instrument.len(), k),
        ("orders.quantity", o.quantity.len(), k),
        ("orders.price", o.price.len(), k),
        ("orders.leverage", of(o.leverage, k), k),
        ("orders.trigger_price", of(o.trigger_price, k), k),
        ("orders.reduce_only", o.reduce_only.map_or(k, <[bool]>::len), k),
        ("orders.position_side", texts(o.position_side, k), k),
        ("orders.margin_mode", texts(o.margin_mode, k), k),
        ("accounts.profile", texts(a.profile, na), na),
        ("accounts.tier_coefficient", of(a.tier_coefficient, na), na),
        ("settings.instrument", s.instrument.len(), ns),
        ("settings.leverage", of(s.leverage, ns), ns),
        ("settings.margin_mode", texts(s.margin_mode, ns), ns),
    ];
    for (name, got, expected) in columns {
        if got != expected {
            return Err(Error::argument(name, format!("had {got} rows, expected {expected} as in the account column")));
        }
    }
    for part in Part::ALL {
        let n = tables.account_of(part).len();
        if u32::try_from(n).map_or(true, |n| n == NO_KEY) {
            let message = format!("had {n} rows, at most 4294967294 are possible: split the book");
            return Err(Error::argument(part.name(), message));
        }
    }
    Ok(())
}

/// Resolves the keys and checks each row by itself.
pub(crate) fn check<'a>(market: &'a Market, tables: &Tables<'a>, faults: &mut Faults) -> Result<Checked<'a>> {
    check_lengths(tables)?;
    let checked = Checked::new(market, tables);
    if !balances_are_well(market, &checked) {
        balance_faults(market, &checked, faults);
    }
    if !positions_are_well(market, &checked) {
        for row in 0..tables.positions.account.len() {
            position_faults(market, &checked, row, faults);
        }
    }
    validate_orders::check(market, &checked, faults);
    Ok(checked)
}

fn accounts_are_well(keys: &Keys<'_>) -> bool {
    match keys {
        Keys::Int(_) => true,
        Keys::Text(keys) => keys.codes.iter().all(|&code| (code as usize) < keys.names.len()),
    }
}

pub(super) fn account_is_missing(keys: &Keys<'_>, row: usize) -> bool {
    matches!(keys, Keys::Text(keys) if keys.codes[row] as usize >= keys.names.len())
}

fn balances_are_well(market: &Market, checked: &Checked<'_>) -> bool {
    let balances = &checked.tables.balances;
    accounts_are_well(&balances.account)
        && checked.asset.all_below(market.assets().len())
        && balances.wallet_balance.iter().fold(true, |well, &x| well & in_range(x))
        && balances.bonus.is_none()
        && balances.borrowed.is_none()
}

fn balance_faults(market: &Market, checked: &Checked<'_>, faults: &mut Faults) {
    let balances = &checked.tables.balances;
    for row in 0..balances.account.len() {
        if account_is_missing(&balances.account, row) {
            faults.balance(row, "account", "null".into(), (FaultKind::Missing, "name the account"));
        }
        if checked.asset.get(row) as usize >= market.assets().len() {
            let what = unknown_key(&balances.asset, row, "an asset of the market");
            faults.balance(row, "asset", balances.asset.show(row), (what.0, &what.1));
        }
        let x = balances.wallet_balance[row];
        if let Some(what) = number_fault(x) {
            faults.balance(row, "wallet_balance", show(x), what);
        }
        for (column, values) in [("bonus", balances.bonus), ("borrowed", balances.borrowed)] {
            let x = values.map_or(0.0, |values| values[row]);
            if let Some(what) = number_fault(x) {
                faults.balance(row, column, show(x), what);
            } else if x < 0.0 {
                faults.balance(row, column, show(x), (FaultKind::Negative, "give an amount of at least 0"));
            } else if x > 0.0 && column == "bonus" && !market.rules().bonus_counts() {
                let what = (FaultKind::Inconsistent, "this market has no bonus that counts as margin; leave it out");
                faults.balance(row, column, show(x), what);
            }
        }
    }
}

pub(super) fn unknown_key(keys: &Keys<'_>, row: usize, expected: &str) -> (FaultKind, String) {
    match keys {
        Keys::Text(keys) if keys.codes[row] == NO_KEY => (FaultKind::Missing, format!("give the name of {expected}")),
        Keys::Text(_) => (FaultKind::Unknown, format!("give the name of {expected}, or add it to the market")),
        Keys::Int(_) => (FaultKind::Unknown, format!("give the position, from 0, of {expected}")),
    }
}

/// A number as messages show it.
pub(super) fn show(x: f64) -> String {
    if x.is_nan() { "NaN".to_owned() } else { format!("{x:?}") }
}

pub(super) fn number_fault(x: f64) -> Option<(FaultKind, &'static str)> {
    if !x.is_finite() {
        return Some((FaultKind::NotFinite, "give a finite number"));
    }
    (!in_range(x)).then_some((FaultKind::OutOfRange, "give 0 or a magnitude within 2^-256 and 2^256; check the unit"))
}

pub(super) fn positive_fault(x: f64) -> Option<(FaultKind, &'static str)> {
    number_fault(x).or_else(|| (x <= 0.0).then_some((FaultKind::NotPositive, "give a positive number")))
}

fn positions_are_well(market: &Market, checked: &Checked<'_>) -> bool {
    let positions = &checked.tables.positions;
    let known_positive = |column: Option<&[f64]>| {
        column.is_none_or(|column| column.iter().fold(true, |well, &x| well & (x.is_nan() | is_positive(x))))
    };
    accounts_are_well(&positions.account)
        && checked.instrument.all_below(market.instruments().len())
        && positions.quantity.iter().fold(true, |well, &x| well & is_positive(x.abs()))
        && positions.entry_price.iter().fold(true, |well, &x| well & is_positive(x))
        && known_positive(positions.leverage)
        && modes_are_plain(positions)
        && positions.tier_version.is_none()
        && positions.tier.is_none()
        && (checked.tables.quantity_unit == QuantityUnit::Contracts || !has_inverse(market))
        && caps_hold(market, checked)
}

fn has_inverse(market: &Market) -> bool {
    market.instruments().iter().any(|instrument| instrument.payoff() == Payoff::Inverse)
}

/// Whether every position is cross and net for lack of columns, so that nothing can contradict them.
fn modes_are_plain(positions: &Positions<'_>) -> bool {
    positions.margin_mode.is_none() && positions.position_side.is_none() && positions.isolated_margin.is_none()
}

fn caps_hold(market: &Market, checked: &Checked<'_>) -> bool {
    if checked.tables.accounts.tier_coefficient.is_some()
        || market.instruments().iter().all(|instrument| instrument.tiers().cap().is_none())
    {
        return true;
    }
    (0..checked.tables.positions.account.len()).all(|row| !is_beyond_cap(market, checked, row))
}

/// Whether the position was larger at entry than its table's last tier allows. Asked of well-formed rows only.
fn is_beyond_cap(market: &Market, checked: &Checked<'_>, row: usize) -> bool {
    let positions = &checked.tables.positions;
    exceeds_cap(market, checked, row, (positions.quantity[row], positions.entry_price[row]), 1.0)
}

pub(crate) const BEYOND_CAP: (FaultKind, &str) = (
    FaultKind::BeyondCap,
    "the notional at entry exceeds the last tier's cap; check the unit or bring the table with_tiers",
);

/// Whether a quantity at an entry price is larger than the last tier of a row's table allows, with bounds multiplied by
/// the account's coefficient.
pub(crate) fn exceeds_cap(
    market: &Market,
    checked: &Checked<'_>,
    row: usize,
    (quantity, entry): (f64, f64),
    coefficient: f64,
) -> bool {
    let Some(instrument) = market.instruments().get(checked.instrument.get(row) as usize) else { return false };
    let old = checked.tier_version(row).and_then(|version| instrument.old_tiers().get(usize::from(version)));
    let table = old.map_or_else(|| instrument.tiers(), |(_, table)| table);
    let Some(cap) = table.cap() else { return false };
    let unit = checked.tables.quantity_unit;
    let size = super::holdings::coordinate_size(instrument, unit);
    let basis = match (table.bounds(), instrument.payoff()) {
        (BoundUnit::Contracts, _) if unit == QuantityUnit::Base => quantity.abs() / instrument.contract_size(),
        (BoundUnit::Contracts, _) => quantity.abs(),
        (BoundUnit::Quote, Payoff::Inverse) => quantity.abs() * size,
        (BoundUnit::Settle, Payoff::Inverse) => quantity.abs() * size / entry,
        (BoundUnit::Settle, Payoff::Quanto { multiplier }) => quantity.abs() * size * multiplier * entry,
        _ => quantity.abs() * size * entry,
    };
    // Within rounding of the cap counts as at the cap: who stands exactly on it is let in.
    basis > cap * coefficient * (1.0 + 8.0 * f64::EPSILON)
}

fn position_faults(market: &Market, checked: &Checked<'_>, row: usize, faults: &mut Faults) {
    let positions = &checked.tables.positions;
    let before = faults.n_faults();
    if account_is_missing(&positions.account, row) {
        faults.position(row, "account", "null".into(), (FaultKind::Missing, "name the account"));
    }
    if checked.instrument.get(row) as usize >= market.instruments().len() {
        let what = unknown_key(&positions.instrument, row, "an instrument of the market");
        faults.position(row, "instrument", positions.instrument.show(row), (what.0, &what.1));
    }
    let quantity = positions.quantity[row];
    if let Some(what) = number_fault(quantity) {
        faults.position(row, "quantity", show(quantity), what);
    } else if quantity == 0.0 {
        faults.position(row, "quantity", show(quantity), (FaultKind::Zero, "leave closed positions out"));
    }
    let entry = positions.entry_price[row];
    if let Some(what) = positive_fault(entry) {
        faults.position(row, "entry_price", show(entry), what);
    }
    let leverage = checked.leverage(row);
    if !leverage.is_nan()
        && let Some(what) = positive_fault(leverage)
    {
        faults.position(row, "leverage", show(leverage), what);
    }
    mode_faults(market, checked, row, faults);
    if faults.n_faults() == before {
        validate_orders::class_faults(market, checked, row, faults);
    }
    if faults.n_faults() == before
        && checked.tables.accounts.tier_coefficient.is_none()
        && is_beyond_cap(market, checked, row)
    {
        faults.position(row, "quantity", show(quantity), BEYOND_CAP);
    }
}

fn mode_faults(market: &Market, checked: &Checked<'_>, row: usize, faults: &mut Faults) {
    let positions = &checked.tables.positions;
    let shown = |keys: Option<TextKeys<'_>>| keys.map_or_else(String::new, |keys| Keys::Text(keys).show(row));
    let (mode, side) = (checked.mode.get(row), checked.side.get(row));
    if mode == UNKNOWN {
        let what = (FaultKind::Unknown, "give cross or isolated");
        faults.position(row, "margin_mode", shown(positions.margin_mode), what);
    }
    if mode == 1 && !market.rules().isolated_allowed() {
        let what = (FaultKind::Inconsistent, "this market has cross margin only");
        faults.position(row, "margin_mode", shown(positions.margin_mode), what);
    }
    let quantity = positions.quantity[row];
    if side == UNKNOWN {
        let what = (FaultKind::Unknown, "give net, long or short");
        faults.position(row, "position_side", shown(positions.position_side), what);
    } else if (side == 1 && quantity < 0.0) || (side == 2 && quantity > 0.0) {
        let what = (FaultKind::Inconsistent, "a long leg has a positive quantity, a short leg a negative one");
        faults.position(row, "position_side", shown(positions.position_side), what);
    }
    let margin = checked.isolated_margin(row);
    if !margin.is_nan() {
        if let Some(what) = number_fault(margin) {
            faults.position(row, "isolated_margin", show(margin), what);
        } else if margin < 0.0 {
            let what = (FaultKind::Negative, "give the cash fenced for the position, without unrealised profit");
            faults.position(row, "isolated_margin", show(margin), what);
        }
    }
}
