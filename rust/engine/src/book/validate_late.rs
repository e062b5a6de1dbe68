//! Checks that wait until it is known what the account chose: its mode and leverage, and its coefficient.

use crate::error::FaultKind;
use crate::market::{ClosingFee, MarginSource, Market, OrdersIn, Required, UserCoefficient};

use super::checked::Checked;
use super::validate::{BEYOND_CAP, Faults, Part, exceeds_cap, show};

/// What must be checked late.
#[derive(Debug, Clone, Copy)]
pub(super) struct Needs {
    /// Whether anything must.
    pub(super) any: bool,
    /// Whether a cross, and whether an isolated position cannot be charged without its leverage.
    leverage: [bool; 2],
    /// Whether a cross order cannot.
    order_leverage: bool,
    cap: bool,
}

fn is_at_bankruptcy(fee: ClosingFee) -> bool {
    matches!(fee, ClosingFee::BankruptcyAtEntry | ClosingFee::BankruptcyAtMark)
}

impl Needs {
    pub(super) fn new(market: &Market, checked: &Checked<'_>) -> Self {
        let (rules, tables) = (market.rules(), &checked.tables);
        let by_initial = rules.constraints().iter().any(|constraint| constraint.required == Required::Initial);
        let leverage = [false, true].map(|isolated| {
            let (maintenance, initial) = (rules.maintenance(isolated), rules.initial(isolated));
            let initial_needs = initial.source == MarginSource::Usual || is_at_bankruptcy(initial.closing_fee);
            is_at_bankruptcy(maintenance.closing_fee)
                || (by_initial && initial_needs)
                || (maintenance.source == MarginSource::ShareOfInitial && initial.source == MarginSource::Usual)
        });
        let orders = rules.orders();
        let order_leverage = (orders.closing_fee
            && orders.maintenance_margin != OrdersIn::None
            && is_at_bankruptcy(rules.maintenance(false).closing_fee))
            || (by_initial && orders.initial_margin != OrdersIn::None);
        let cap = tables.accounts.tier_coefficient.is_some()
            && rules.margin_class().user_coefficient == UserCoefficient::Bounds;
        let modes = tables.positions.margin_mode.is_some()
            || tables.positions.isolated_margin.is_some()
            || tables.settings.margin_mode.is_some();
        let any = modes || leverage[0] || leverage[1] || order_leverage || cap;
        Self { any, leverage, order_leverage, cap }
    }
}

/// Faults of a position or order whose mode, leverage and account's coefficient are known.
pub(super) fn late_faults(
    market: &Market,
    checked: &Checked<'_>,
    needs: Needs,
    (part, row): (Part, usize),
    (isolated, leverage, coefficient): (bool, f64, f64),
    faults: &mut Faults,
) {
    const MISSING: (FaultKind, &str) =
        (FaultKind::Missing, "what this market requires depends on the leverage; give it here or in settings");
    if part == Part::Orders {
        if needs.order_leverage && leverage.is_nan() && checked.order_counts(market, row) {
            faults.add(part, row, "leverage", "null".into(), MISSING);
        }
        return;
    }
    let margin = checked.isolated_margin(row);
    if isolated && margin.is_nan() && leverage.is_nan() {
        let what = (FaultKind::Missing, "give the isolated margin, or the leverage that it follows from");
        faults.position(row, "isolated_margin", "null".into(), what);
    } else if !isolated && !margin.is_nan() && margin != 0.0 {
        let what = (FaultKind::Inconsistent, "a cross position has no isolated margin; leave it out");
        faults.position(row, "isolated_margin", show(margin), what);
    } else if needs.leverage[usize::from(isolated)] && leverage.is_nan() {
        faults.position(row, "leverage", "null".into(), MISSING);
    }
    let positions = &checked.tables.positions;
    let held = (positions.quantity[row], positions.entry_price[row]);
    if needs.cap && exceeds_cap(market, checked, row, held, coefficient) {
        faults.position(row, "quantity", show(held.0), BEYOND_CAP);
    }
}
