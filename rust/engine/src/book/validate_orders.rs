//! The checks of orders, of what is known of accounts, and of the tiers that positions keep.

use crate::error::FaultKind;
use crate::market::{Market, Payoff, TableVersion, TierChoice, UserCoefficient};

use super::checked::{Checked, UNKNOWN};
use super::tables::{Keys, QuantityUnit, TextKeys};
use super::validate::{Faults, Part, account_is_missing, number_fault, positive_fault, show, unknown_key};

pub(super) const UNKNOWN_MODE: (FaultKind, &str) = (FaultKind::Unknown, "give cross or isolated");
pub(super) const UNKNOWN_SIDE: (FaultKind, &str) = (FaultKind::Unknown, "give net, long or short");
pub(super) const ONE_WAY: (FaultKind, &str) =
    (FaultKind::Inconsistent, "this market has no hedge mode; leave the column out, or give net");
const CROSS_ONLY: (FaultKind, &str) = (FaultKind::Inconsistent, "this market has cross margin only");
pub(super) const IN_BASE: (FaultKind, &str) = (
    FaultKind::Inconsistent,
    "the face of an inverse contract is in its quote asset; pass quantity_unit=\"contracts\"",
);

/// Checks the rows of the tables beside balances and positions.
pub(super) fn check(market: &Market, checked: &Checked<'_>, faults: &mut Faults) {
    for row in 0..checked.tables.orders.account.len() {
        order_faults(market, checked, row, faults);
    }
    for row in 0..checked.tables.accounts.account.len() {
        account_faults(market, checked, row, faults);
    }
    for row in 0..checked.tables.settings.account.len() {
        setting_faults(market, checked, row, faults);
    }
}

pub(super) fn shown(keys: Option<TextKeys<'_>>, row: usize) -> String {
    keys.map_or_else(String::new, |keys| Keys::Text(keys).show(row))
}

/// A fault of a number that may be absent and is positive where it is not.
pub(super) fn known_positive(part: Part, row: usize, column: &'static str, x: f64, faults: &mut Faults) {
    if !x.is_nan()
        && let Some(what) = positive_fault(x)
    {
        faults.add(part, row, column, show(x), what);
    }
}

fn order_faults(market: &Market, checked: &Checked<'_>, row: usize, faults: &mut Faults) {
    let orders = &checked.tables.orders;
    let part = Part::Orders;
    if account_is_missing(&orders.account, row) {
        faults.add(part, row, "account", "null".into(), (FaultKind::Missing, "name the account"));
    }
    let instrument = checked.order_instrument.get(row) as usize;
    if instrument >= market.instruments().len() {
        let what = unknown_key(&orders.instrument, row, "an instrument of the market");
        faults.add(part, row, "instrument", orders.instrument.show(row), (what.0, &what.1));
    } else if is_inverse_in_base(market, checked, instrument) {
        faults.add(part, row, "instrument", orders.instrument.show(row), IN_BASE);
    }
    let quantity = orders.quantity[row];
    if let Some(what) = number_fault(quantity) {
        faults.add(part, row, "quantity", show(quantity), what);
    } else if quantity == 0.0 {
        faults.add(part, row, "quantity", show(quantity), (FaultKind::Zero, "leave filled orders out"));
    }
    known_positive(part, row, "price", orders.price[row], faults);
    known_positive(part, row, "leverage", checked.order_leverage(row), faults);
    known_positive(part, row, "trigger_price", orders.trigger_price.map_or(f64::NAN, |column| column[row]), faults);
    match checked.order_mode.get(row) {
        UNKNOWN => faults.add(part, row, "margin_mode", shown(orders.margin_mode, row), UNKNOWN_MODE),
        1 if !market.rules().isolated_allowed() => {
            faults.add(part, row, "margin_mode", shown(orders.margin_mode, row), CROSS_ONLY);
        }
        _ => {}
    }
    let side = checked.order_side.get(row);
    if side == UNKNOWN {
        faults.add(part, row, "position_side", shown(orders.position_side, row), UNKNOWN_SIDE);
    } else if side != 0 && !market.rules().hedge_mode() {
        faults.add(part, row, "position_side", shown(orders.position_side, row), ONE_WAY);
    }
    kind_faults(checked, row, faults);
}

/// Faults of an order whose kind is not what its prices say.
pub(super) fn kind_faults(checked: &Checked<'_>, row: usize, faults: &mut Faults) {
    let orders = &checked.tables.orders;
    let Some(kind) = checked.order_kind.said(row) else { return };
    let price = orders.price[row];
    let trigger = orders.trigger_price.map_or(f64::NAN, |column| column[row]);
    let (column, value, what) = match kind {
        0 if price.is_nan() => ("price", price, (FaultKind::Missing, "give the limit price, or kind market")),
        1 if !price.is_nan() => {
            ("price", price, (FaultKind::Inconsistent, "a market order has no price; leave it out, or give kind limit"))
        }
        0 | 1 if !trigger.is_nan() => {
            let what = "an order of this kind waits for no price; leave it out, or give kind stop or take_profit";
            ("trigger_price", trigger, (FaultKind::Inconsistent, what))
        }
        2 | 3 if trigger.is_nan() => {
            ("trigger_price", trigger, (FaultKind::Missing, "give the price that makes the order active"))
        }
        UNKNOWN => {
            let what = (FaultKind::Unknown, "give limit, market, stop or take_profit");
            return faults.add(Part::Orders, row, "kind", shown(orders.kind, row), what);
        }
        _ => return,
    };
    let value = if value.is_nan() { "null".to_owned() } else { show(value) };
    faults.add(Part::Orders, row, column, value, what);
}

fn account_faults(market: &Market, checked: &Checked<'_>, row: usize, faults: &mut Faults) {
    let accounts = &checked.tables.accounts;
    let part = Part::Accounts;
    if account_is_missing(&accounts.account, row) {
        faults.add(part, row, "account", "null".into(), (FaultKind::Missing, "name the account"));
    }
    if let Some(keys) = accounts.profile
        && checked.profiles.get(keys.codes[row] as usize).is_some_and(Option::is_none)
    {
        let known: Vec<&str> = market.profiles().iter().map(|profile| profile.name.as_str()).collect();
        let cure = format!("give a fee profile of the market: {}", known.join(", "));
        faults.add(part, row, "profile", shown(accounts.profile, row), (FaultKind::Unknown, &cure));
    }
    let coefficient = checked.tier_coefficient(row);
    if let Some(what) = positive_fault(coefficient) {
        faults.add(part, row, "tier_coefficient", show(coefficient), what);
    } else if coefficient.to_bits() != 1.0_f64.to_bits()
        && market.rules().margin_class().user_coefficient != UserCoefficient::Bounds
    {
        let what = (FaultKind::Inconsistent, "this market's bounds are the same for all; leave the column out");
        faults.add(part, row, "tier_coefficient", show(coefficient), what);
    }
    match checked.account_mode.get(row) {
        UNKNOWN => faults.add(part, row, "margin_mode", shown(accounts.margin_mode, row), UNKNOWN_MODE),
        1 if !market.rules().isolated_allowed() => {
            faults.add(part, row, "margin_mode", shown(accounts.margin_mode, row), CROSS_ONLY);
        }
        _ => {}
    }
    match checked.position_mode.get(row) {
        UNKNOWN => {
            let what = (FaultKind::Unknown, "give one_way or hedge");
            faults.add(part, row, "position_mode", shown(accounts.position_mode, row), what);
        }
        1 if !market.rules().hedge_mode() => {
            let what = (FaultKind::Inconsistent, "this market has no hedge mode; give one_way, or leave it out");
            faults.add(part, row, "position_mode", shown(accounts.position_mode, row), what);
        }
        _ => {}
    }
}

fn setting_faults(market: &Market, checked: &Checked<'_>, row: usize, faults: &mut Faults) {
    let settings = &checked.tables.settings;
    let part = Part::Settings;
    if account_is_missing(&settings.account, row) {
        faults.add(part, row, "account", "null".into(), (FaultKind::Missing, "name the account"));
    }
    if checked.setting_instrument.get(row) as usize >= market.instruments().len() {
        let what = unknown_key(&settings.instrument, row, "an instrument of the market");
        faults.add(part, row, "instrument", settings.instrument.show(row), (what.0, &what.1));
    }
    known_positive(part, row, "leverage", checked.setting(row).0, faults);
    match checked.setting_mode.get(row) {
        UNKNOWN => faults.add(part, row, "margin_mode", shown(settings.margin_mode, row), UNKNOWN_MODE),
        1 if !market.rules().isolated_allowed() => {
            faults.add(part, row, "margin_mode", shown(settings.margin_mode, row), CROSS_ONLY);
        }
        _ => {}
    }
}

fn is_inverse_in_base(market: &Market, checked: &Checked<'_>, instrument: usize) -> bool {
    checked.tables.quantity_unit == QuantityUnit::Base
        && market.instruments().get(instrument).is_some_and(|instrument| instrument.payoff() == Payoff::Inverse)
}

/// Faults of what a position says about its tiers and its unit. Asked of rows with a known instrument.
pub(super) fn class_faults(market: &Market, checked: &Checked<'_>, row: usize, faults: &mut Faults) {
    let positions = &checked.tables.positions;
    let at = checked.instrument.get(row) as usize;
    let class = market.rules().margin_class();
    let instrument = &market.instruments()[at];
    if is_inverse_in_base(market, checked, at) {
        faults.position(row, "instrument", positions.instrument.show(row), IN_BASE);
    }
    let named = positions.tier_version.filter(|keys| keys.names.get(keys.codes[row] as usize).is_some());
    if named.is_some() {
        let known: Vec<&str> = instrument.old_tiers().iter().map(|(name, _)| name.as_str()).collect();
        if class.table_version != TableVersion::KeptByOpenPositions {
            let what =
                (FaultKind::Inconsistent, "this market puts open positions under the newest table; leave it out");
            faults.position(row, "tier_version", shown(named, row), what);
        } else if checked.tier_version(row).is_none() {
            let cure = if known.is_empty() {
                "the instrument has no old table; leave it out".to_owned()
            } else {
                format!("give one of the instrument's old tables ({}), or none", known.join(", "))
            };
            faults.position(row, "tier_version", shown(named, row), (FaultKind::Unknown, &cure));
        }
    }
    let tier = positions.tier.map_or(f64::NAN, |column| column[row]);
    if tier.is_nan() {
        return;
    }
    let old = checked.tier_version(row).and_then(|version| instrument.old_tiers().get(usize::from(version)));
    let n = old.map_or_else(|| instrument.tiers(), |(_, table)| table).floors().len();
    if class.tier == TierChoice::ByBasis {
        let what = (FaultKind::Inconsistent, "this market finds the tier itself; leave it out");
        faults.position(row, "tier", show(tier), what);
    } else if checked.tier(row) == 0 || usize::from(checked.tier(row)) > n {
        let cure = format!("give the number of a tier, from 1 to {n}");
        faults.position(row, "tier", show(tier), (FaultKind::Unknown, &cure));
    }
}
