//! Rows of one key made into one, where the caller asks for it.

use crate::error::FaultKind;
use crate::exact::Exact;
use crate::market::{Market, Payoff};

use super::checked::Checked;
use super::validate::{BEYOND_CAP, Faults, exceeds_cap, in_range};

/// The exact sum of numbers, rounded once; NaN if one is unknown.
fn sum(mut terms: impl Iterator<Item = f64>) -> f64 {
    terms
        .try_fold(Exact::zero(), |sum, x| (!x.is_nan()).then(|| sum + Exact::from_f64(x)))
        .map_or(f64::NAN, |sum| sum.to_f64())
}

/// Quantity and entry price of several rows of one position: the sum, and the entry weighted by quantity, so that the
/// profit is that of the rows together. Each is rounded once and from then on an input like any other.
pub(crate) fn merged_position(
    market: &Market,
    checked: &Checked<'_>,
    rows: &[usize],
    coefficient: f64,
    faults: &mut Faults,
) -> (f64, f64) {
    let positions = &checked.tables.positions;
    let inverse = market
        .instruments()
        .get(checked.instrument.get(rows[0]) as usize)
        .is_some_and(|instrument| instrument.payoff() == Payoff::Inverse);
    let quantities = || rows.iter().map(|&row| Exact::from_f64(positions.quantity[row]));
    // An inverse contract pays by one over the price, so that its entries are averaged by that.
    let weighted = |quantity: Exact, entry: Exact| {
        if inverse { quantity.checked_div(&entry).unwrap_or_else(Exact::zero) } else { quantity * entry }
    };
    let cost = (rows.iter().zip(quantities())).fold(Exact::zero(), |cost, (&row, quantity)| {
        cost + weighted(quantity, Exact::from_f64(positions.entry_price[row]))
    });
    let total = quantities().fold(Exact::zero(), |sum, quantity| sum + quantity);
    for &row in &rows[1..] {
        disagreements(checked, rows[0], row, faults);
    }
    let price = if inverse { total.checked_div(&cost) } else { cost.checked_div(&total) };
    let (quantity, entry) = (total.to_f64(), price.map_or(f64::NAN, |price| price.to_f64()));
    if entry > 0.0 && !(in_range(quantity) && in_range(entry)) {
        faults.position(rows[0], "quantity", format!("{quantity:?}"), BEYOND_RANGE);
    } else if exceeds_cap(market, checked, rows[0], (quantity, entry), coefficient) {
        faults.position(rows[0], "quantity", format!("{quantity:?}"), BEYOND_CAP);
    }
    (quantity, entry)
}

/// The amount that rows of one account and asset add up to.
pub(crate) fn merged_cash(
    amounts: &[f64],
    column: &'static str,
    rows: impl Iterator<Item = usize>,
    faults: &mut Faults,
) -> f64 {
    let mut first = None;
    let amount = sum(rows.map(|row| {
        first.get_or_insert(row);
        amounts[row]
    }));
    if !in_range(amount) {
        faults.balance(first.unwrap_or(0), column, format!("{amount:?}"), BEYOND_RANGE);
    }
    amount
}

/// The cash that rows of one isolated position fence; NaN where it is unknown.
pub(crate) fn merged_margin(checked: &Checked<'_>, rows: impl Iterator<Item = usize>, faults: &mut Faults) -> f64 {
    let mut first = None;
    let margin = sum(rows.map(|row| {
        first.get_or_insert(row);
        checked.isolated_margin(row)
    }));
    if !margin.is_nan() && !in_range(margin) {
        faults.position(first.unwrap_or(0), "isolated_margin", format!("{margin:?}"), BEYOND_RANGE);
    }
    margin
}

const BEYOND_RANGE: (FaultKind, &str) =
    (FaultKind::OutOfRange, "the rows to be merged add up to a magnitude beyond 2^256; check the unit");

/// Faults of a row that contradicts the first of its key.
fn disagreements(checked: &Checked<'_>, first: usize, row: usize, faults: &mut Faults) {
    let differ = |a: f64, b: f64| a.to_bits() != b.to_bits() && !(a.is_nan() && b.is_nan());
    let quantity = checked.tables.positions.quantity;
    if (quantity[row] > 0.0) != (quantity[first] > 0.0) {
        let cure = format!("row {first} has the same key and the opposite sign; give the position that is left");
        faults.position(row, "quantity", format!("{:?}", quantity[row]), (FaultKind::Inconsistent, &cure));
    }
    if differ(checked.leverage(first), checked.leverage(row)) {
        let cure = format!("row {first} has the same key and another leverage; give one leverage");
        faults.position(row, "leverage", format!("{:?}", checked.leverage(row)), (FaultKind::Inconsistent, &cure));
    }
    if (checked.tier_version(first), checked.tier(first)) != (checked.tier_version(row), checked.tier(row)) {
        let cure = format!("row {first} has the same key and another tier or version of tiers; give one");
        let value = checked.tables.positions.instrument.show(row);
        faults.position(row, "instrument", value, (FaultKind::Inconsistent, &cure));
    }
    if checked.isolated_margin(first).is_nan() != checked.isolated_margin(row).is_nan() {
        let cure = format!("of this row and row {first}, of one key, only one has it; give both or neither");
        let value = format!("{:?}", checked.isolated_margin(row));
        faults.position(row, "isolated_margin", value, (FaultKind::Inconsistent, &cure));
    }
}
