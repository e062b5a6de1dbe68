//! The checks that rows pass before they become a book. Kernels assume them.
//!
//! Each check has two forms: one pass over a column that only says whether all is well, and, if not, a slow one that
//! says what is wrong where.

use crate::error::{Error, Fault, FaultKind, MAX_FAULTS, Result};
use crate::market::{BoundUnit, Market, Payoff};

use super::checked::{Checked, UNKNOWN};
use super::tables::{Keys, NO_KEY, Positions, QuantityUnit, Tables, TextKeys};
use super::validate_orders;

/// The smallest non-zero magnitude accepted: products of two stay normal, so that error bounds are relative.
pub(crate) const SMALLEST: f64 = f64::from_bits((1023 - 256) << 52);
/// The largest magnitude accepted.
pub(crate) const LARGEST: f64 = f64::from_bits((1023 + 256) << 52);

/// Whether a number is positive and can be stored. One comparison of the bits, which columns are checked by at speed.
pub(super) fn is_positive(x: f64) -> bool {
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

/// Refuses columns of different lengths, and more rows than can be numbered.
pub(super) fn check_lengths(tables: &Tables<'_>) -> Result<()> {
    let Tables { balances, positions, orders, accounts, settings, .. } = tables;
    let of = |column: Option<&[f64]>, n: usize| column.map_or(n, <[f64]>::len);
    let texts = |column: Option<TextKeys<'_>>, n: usize| column.map_or(n, |keys| keys.codes.len());
    let [of_balances, of_positions, of_orders, of_accounts, of_settings] =
        Part::ALL.map(|part| tables.account_of(part).len());
    let columns = [
        ("balances.asset", balances.asset.len(), of_balances),
        ("balances.wallet_balance", balances.wallet_balance.len(), of_balances),
        ("balances.bonus", of(balances.bonus, of_balances), of_balances),
        ("balances.borrowed", of(balances.borrowed, of_balances), of_balances),
        ("positions.instrument", positions.instrument.len(), of_positions),
        ("positions.quantity", positions.quantity.len(), of_positions),
        ("positions.entry_price", positions.entry_price.len(), of_positions),
        ("positions.leverage", of(positions.leverage, of_positions), of_positions),
        ("positions.isolated_margin", of(positions.isolated_margin, of_positions), of_positions),
        ("positions.margin_mode", texts(positions.margin_mode, of_positions), of_positions),
        ("positions.position_side", texts(positions.position_side, of_positions), of_positions),
        ("positions.tier_version", texts(positions.tier_version, of_positions), of_positions),
        ("positions.tier", of(positions.tier, of_positions), of_positions),
        ("orders.instrument", orders.instrument.len(), of_orders),
        ("orders.quantity", orders.quantity.len(), of_orders),
        ("orders.price", orders.price.len(), of_orders),
        ("orders.leverage", of(orders.leverage, of_orders), of_orders),
        ("orders.trigger_price", of(orders.trigger_price, of_orders), of_orders),
        ("orders.reduce_only", orders.reduce_only.map_or(of_orders, <[bool]>::len), of_orders),
        ("orders.position_side", texts(orders.position_side, of_orders), of_orders),
        ("orders.margin_mode", texts(orders.margin_mode, of_orders), of_orders),
        ("orders.kind", texts(orders.kind, of_orders), of_orders),
        ("accounts.profile", texts(accounts.profile, of_accounts), of_accounts),
        ("accounts.tier_coefficient", of(accounts.tier_coefficient, of_accounts), of_accounts),
        ("accounts.margin_mode", texts(accounts.margin_mode, of_accounts), of_accounts),
        ("accounts.position_mode", texts(accounts.position_mode, of_accounts), of_accounts),
        ("settings.instrument", settings.instrument.len(), of_settings),
        ("settings.leverage", of(settings.leverage, of_settings), of_settings),
        ("settings.margin_mode", texts(settings.margin_mode, of_settings), of_settings),
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
    } else if side != 0 && !market.rules().hedge_mode() {
        faults.position(row, "position_side", shown(positions.position_side), validate_orders::ONE_WAY);
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
