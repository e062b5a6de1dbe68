//! The checks that rows pass before they become a book. Kernels assume them.
//!
//! Each check has two forms: one pass over a column that only says whether all is well, and, if not, a slow one that
//! says what is wrong where.

use crate::error::{Error, Fault, FaultKind, MAX_FAULTS, Result};
use crate::market::Market;

use super::tables::{Keys, NO_KEY, Positions, Tables, TextKeys};

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

/// Faults found so far: the first ones whole, of all of them the row.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    pub(crate) kept: Vec<Fault>,
    pub(crate) balance_rows: Vec<u32>,
    pub(crate) position_rows: Vec<u32>,
}

impl Faults {
    pub(crate) const fn is_empty(&self) -> bool {
        self.balance_rows.is_empty() && self.position_rows.is_empty()
    }

    pub(crate) fn n_faults(&self) -> u64 {
        (self.balance_rows.len() + self.position_rows.len()) as u64
    }

    pub(crate) fn balance(&mut self, row: usize, column: &'static str, value: String, what: (FaultKind, &str)) {
        self.balance_rows.push(super::accounts::row32(row));
        self.keep("balances", row, column, value, what);
    }

    pub(crate) fn position(&mut self, row: usize, column: &'static str, value: String, what: (FaultKind, &str)) {
        self.position_rows.push(super::accounts::row32(row));
        self.keep("positions", row, column, value, what);
    }

    fn keep(&mut self, table: &'static str, row: usize, column: &'static str, value: String, what: (FaultKind, &str)) {
        if self.kept.len() < MAX_FAULTS {
            let (kind, cure) = what;
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
}

/// A column of few names, resolved; an absent key means the first.
#[derive(Debug)]
pub(crate) struct Choice<'a> {
    codes: Option<&'a [u32]>,
    values: Vec<u8>,
}

const UNKNOWN: u8 = u8::MAX;

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
        match self.codes {
            None => 0,
            Some(codes) if codes[row] == NO_KEY => 0,
            Some(codes) => self.values.get(codes[row] as usize).copied().unwrap_or(UNKNOWN),
        }
    }
}

/// The tables with their keys resolved.
#[derive(Debug)]
pub(crate) struct Checked<'a> {
    pub(crate) tables: Tables<'a>,
    pub(crate) asset: Lookup<'a>,
    pub(crate) instrument: Lookup<'a>,
    mode: Choice<'a>,
    side: Choice<'a>,
}

impl Checked<'_> {
    pub(crate) fn is_isolated(&self, row: usize) -> bool {
        self.mode.get(row) == 1
    }

    pub(crate) fn side(&self, row: usize) -> Side {
        match self.side.get(row) {
            1 => Side::Long,
            2 => Side::Short,
            _ => Side::Net,
        }
    }

    /// Leverage of a row; NaN when unknown.
    pub(crate) fn leverage(&self, row: usize) -> f64 {
        self.tables.positions.leverage.map_or(f64::NAN, |column| column[row])
    }

    /// Cash fenced for a row; NaN when not given.
    pub(crate) fn isolated_margin(&self, row: usize) -> f64 {
        self.tables.positions.isolated_margin.map_or(f64::NAN, |column| column[row])
    }
}

/// Refuses columns of different lengths, and more rows than can be numbered.
fn check_lengths(tables: &Tables<'_>) -> Result<()> {
    let (b, p) = (&tables.balances, &tables.positions);
    let of = |column: Option<&[f64]>, n: usize| column.map_or(n, <[f64]>::len);
    let texts = |column: Option<TextKeys<'_>>, n: usize| column.map_or(n, |keys| keys.codes.len());
    let (n, m) = (b.account.len(), p.account.len());
    let columns = [
        ("balances.asset", b.asset.len(), n),
        ("balances.wallet_balance", b.wallet_balance.len(), n),
        ("positions.instrument", p.instrument.len(), m),
        ("positions.quantity", p.quantity.len(), m),
        ("positions.entry_price", p.entry_price.len(), m),
        ("positions.leverage", of(p.leverage, m), m),
        ("positions.isolated_margin", of(p.isolated_margin, m), m),
        ("positions.margin_mode", texts(p.margin_mode, m), m),
        ("positions.position_side", texts(p.position_side, m), m),
    ];
    for (name, got, expected) in columns {
        if got != expected {
            return Err(Error::argument(name, format!("had {got} rows, expected {expected} as in the account column")));
        }
    }
    for (name, n) in [("balances", n), ("positions", m)] {
        if u32::try_from(n).map_or(true, |n| n == NO_KEY) {
            return Err(Error::argument(
                name,
                format!("had {n} rows, at most 4294967294 are possible: split the book"),
            ));
        }
    }
    Ok(())
}

/// Resolves the keys and checks each row by itself.
pub(crate) fn check<'a>(market: &Market, tables: &Tables<'a>, faults: &mut Faults) -> Result<Checked<'a>> {
    check_lengths(tables)?;
    let checked = Checked {
        asset: lookup(&tables.balances.asset, |name| market.asset_index(name)),
        instrument: lookup(&tables.positions.instrument, |name| market.instrument_index(name)),
        mode: Choice::new(tables.positions.margin_mode, &["cross", "isolated"]),
        side: Choice::new(tables.positions.position_side, &["net", "long", "short"]),
        tables: *tables,
    };
    if !balances_are_well(market, &checked) {
        balance_faults(market, &checked, faults);
    }
    if !positions_are_well(market, &checked) {
        for row in 0..tables.positions.account.len() {
            position_faults(market, &checked, row, faults);
        }
    }
    Ok(checked)
}

fn accounts_are_well(keys: &Keys<'_>) -> bool {
    match keys {
        Keys::Int(_) => true,
        Keys::Text(keys) => keys.codes.iter().all(|&code| (code as usize) < keys.names.len()),
    }
}

fn account_is_missing(keys: &Keys<'_>, row: usize) -> bool {
    matches!(keys, Keys::Text(keys) if keys.codes[row] as usize >= keys.names.len())
}

fn balances_are_well(market: &Market, checked: &Checked<'_>) -> bool {
    let balances = &checked.tables.balances;
    accounts_are_well(&balances.account)
        && checked.asset.all_below(market.assets().len())
        && balances.wallet_balance.iter().fold(true, |well, &x| well & in_range(x))
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
    }
}

fn unknown_key(keys: &Keys<'_>, row: usize, expected: &str) -> (FaultKind, String) {
    match keys {
        Keys::Text(keys) if keys.codes[row] == NO_KEY => (FaultKind::Missing, format!("give the name of {expected}")),
        Keys::Text(_) => (FaultKind::Unknown, format!("give the name of {expected}, or add it to the market")),
        Keys::Int(_) => (FaultKind::Unknown, format!("give the position, from 0, of {expected}")),
    }
}

/// A number as messages show it.
fn show(x: f64) -> String {
    if x.is_nan() { "NaN".to_owned() } else { format!("{x:?}") }
}

fn number_fault(x: f64) -> Option<(FaultKind, &'static str)> {
    if !x.is_finite() {
        return Some((FaultKind::NotFinite, "give a finite number"));
    }
    (!in_range(x)).then_some((FaultKind::OutOfRange, "give 0 or a magnitude within 2^-256 and 2^256; check the unit"))
}

fn positive_fault(x: f64) -> Option<(FaultKind, &'static str)> {
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
        && caps_hold(market, checked)
}

/// Whether every position is cross and net for lack of columns, so that nothing can contradict them.
fn modes_are_plain(positions: &Positions<'_>) -> bool {
    positions.margin_mode.is_none() && positions.position_side.is_none() && positions.isolated_margin.is_none()
}

fn caps_hold(market: &Market, checked: &Checked<'_>) -> bool {
    if market.instruments().iter().all(|instrument| instrument.tiers().cap().is_none()) {
        return true;
    }
    (0..checked.tables.positions.account.len()).all(|row| !is_beyond_cap(market, checked, row))
}

/// Whether the position was larger at entry than its instrument's last tier allows. Asked of well-formed rows only.
fn is_beyond_cap(market: &Market, checked: &Checked<'_>, row: usize) -> bool {
    let positions = &checked.tables.positions;
    exceeds_cap(market, checked, row, (positions.quantity[row], positions.entry_price[row]))
}

pub(crate) const BEYOND_CAP: (FaultKind, &str) = (
    FaultKind::BeyondCap,
    "the notional at entry exceeds the last tier's cap; check the unit or bring the table with_tiers",
);

/// Whether a quantity at an entry price is larger than the last tier of a row's instrument allows.
pub(crate) fn exceeds_cap(market: &Market, checked: &Checked<'_>, row: usize, (quantity, entry): (f64, f64)) -> bool {
    let Some(instrument) = market.instruments().get(checked.instrument.get(row) as usize) else { return false };
    let Some(cap) = instrument.tiers().cap() else { return false };
    let size = super::holdings::coordinate_size(instrument, checked.tables.quantity_unit);
    // Within rounding of the cap counts as at the cap: who stands exactly on it is let in.
    quantity.abs() * size * entry > cap * (1.0 + 8.0 * f64::EPSILON)
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
    if faults.n_faults() == before && is_beyond_cap(market, checked, row) {
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
    if mode == 1 && margin.is_nan() && checked.leverage(row).is_nan() {
        let what = (FaultKind::Missing, "give the isolated margin, or the leverage that it follows from");
        faults.position(row, "isolated_margin", "null".into(), what);
    } else if !margin.is_nan() {
        if let Some(what) = number_fault(margin) {
            faults.position(row, "isolated_margin", show(margin), what);
        } else if margin < 0.0 {
            let what = (FaultKind::Negative, "give the cash fenced for the position, without unrealised profit");
            faults.position(row, "isolated_margin", show(margin), what);
        } else if mode == 0 && margin != 0.0 {
            let what = (FaultKind::Inconsistent, "a cross position has no isolated margin; leave it out");
            faults.position(row, "isolated_margin", show(margin), what);
        }
    }
}
