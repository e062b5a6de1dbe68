//! Checks that wait until it is known what the account chose: its mode and leverage, and its coefficient.

use crate::error::FaultKind;
use crate::market::{ClosingFee, Frozen, MarginSource, Market, OrdersIn, Required, Rules, UserCoefficient};

use super::checked::{Checked, Side};
use super::sorting::{Leg, leg_instrument, leg_side};
use super::tables::Keys;
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
    /// Whether what orders freeze cannot be known without the leverage of cross, and of isolated orders, and without that
    /// of the positions that they belong to.
    frozen: [Freezing; 2],
    cap: bool,
}

#[derive(Debug, Clone, Copy)]
struct Freezing {
    order: bool,
    position: bool,
}

/// What frozen margin of cross or isolated orders depends on.
fn freezing(rules: &Rules, isolated: bool) -> Freezing {
    let (orders, initial) = (rules.orders(), rules.initial(isolated));
    let fees = orders.opening_fee || (orders.closing_fee && initial.closing_fee != ClosingFee::None);
    // Fees are what the requirement is larger by: it must be known.
    let position = (isolated || fees || orders.frozen == Frozen::All) && initial.source == MarginSource::Usual;
    let any = orders.frozen != Frozen::None && orders.initial_margin != OrdersIn::None;
    let by_fee = orders.closing_fee && is_at_bankruptcy(initial.closing_fee);
    Freezing { order: any && (position || by_fee), position: any && position }
}

fn is_at_bankruptcy(fee: ClosingFee) -> bool {
    matches!(fee, ClosingFee::BankruptcyAtEntry | ClosingFee::BankruptcyAtMark)
}

/// Whether a cross order cannot be charged without its leverage.
fn order_needs_leverage(rules: &Rules, by_initial: bool) -> bool {
    let orders = rules.orders();
    (orders.closing_fee
        && orders.maintenance_margin != OrdersIn::None
        && is_at_bankruptcy(rules.maintenance(false).closing_fee))
        || (by_initial && orders.initial_margin != OrdersIn::None)
}

/// Which leverages a book must have so that an order can stand in it: its own, and those of the positions that it belongs to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OrderNeeds {
    pub(crate) order: bool,
    pub(crate) position: bool,
}

impl OrderNeeds {
    /// Of cross orders and of isolated ones.
    pub(crate) fn of(rules: &Rules) -> [Self; 2] {
        let by_initial = rules.constraints().iter().any(|constraint| constraint.required == Required::Initial);
        let order = order_needs_leverage(rules, by_initial);
        [false, true].map(|isolated| {
            let frozen = freezing(rules, isolated);
            Self { order: order || frozen.order, position: frozen.position }
        })
    }
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
        let order_leverage = order_needs_leverage(rules, by_initial);
        let cap = tables.accounts.tier_coefficient.is_some()
            && rules.margin_class().user_coefficient == UserCoefficient::Bounds;
        let modes = tables.positions.margin_mode.is_some()
            || tables.positions.isolated_margin.is_some()
            || tables.settings.margin_mode.is_some()
            || tables.accounts.margin_mode.is_some();
        let frozen = [false, true].map(|isolated| freezing(rules, isolated));
        let freezes = !tables.orders.account.is_empty() && frozen.iter().any(|of| of.order);
        let any = modes || leverage[0] || leverage[1] || order_leverage || freezes || cap;
        Self { any, leverage, order_leverage, frozen, cap }
    }

    /// Whether a position must have its leverage if it has orders.
    pub(super) const fn of_position_with_orders(self, isolated: bool) -> bool {
        self.frozen[isolated as usize].position
    }
}

/// What is known of a row once its account's choices are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known {
    pub(super) isolated: bool,
    /// NaN where it is not known.
    pub(super) leverage: f64,
    pub(super) coefficient: f64,
    /// Whether orders that count belong to the position.
    pub(super) with_orders: bool,
}

/// Faults of a position or order whose mode, leverage and account's coefficient are known.
pub(super) fn late_faults(
    market: &Market,
    checked: &Checked<'_>,
    needs: Needs,
    (part, row): (Part, usize),
    Known { isolated, leverage, coefficient, with_orders }: Known,
    faults: &mut Faults,
) {
    const MISSING: (FaultKind, &str) =
        (FaultKind::Missing, "what this market requires depends on the leverage; give it here or in settings");
    if part == Part::Orders {
        let needed = needs.order_leverage || needs.frozen[usize::from(isolated)].order;
        if needed && leverage.is_nan() && checked.order_counts(market, row) {
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
    } else if leverage.is_nan()
        && (needs.leverage[usize::from(isolated)] || (with_orders && needs.of_position_with_orders(isolated)))
    {
        faults.position(row, "leverage", "null".into(), MISSING);
    }
    let positions = &checked.tables.positions;
    let held = (positions.quantity[row], positions.entry_price[row]);
    if needs.cap && exceeds_cap(market, checked, row, held, coefficient) {
        faults.position(row, "quantity", show(held.0), BEYOND_CAP);
    }
}

/// Faults of an account's rows whose sides cannot be together: an instrument is either net or in hedge mode, and so is an
/// account that says which.
pub(super) fn side_faults(
    checked: &Checked<'_>,
    (legs, orders): (&[Leg], &[Leg]),
    hedging: Option<bool>,
    faults: &mut Faults,
) {
    let rows = |legs: &[Leg], part: Part| -> Vec<(u32, Part, u32, bool)> {
        let row = |&(key, row): &Leg| (leg_instrument(key), part, row, leg_side(key) != Side::Net);
        legs.iter().map(row).collect()
    };
    let mut all = rows(legs, Part::Positions);
    all.extend(rows(orders, Part::Orders));
    all.sort_by_key(|&(instrument, part, row, _)| (instrument, part as usize, row));
    let mut first = None;
    for (instrument, part, row, hedged) in all {
        let (of, side) = *first.get_or_insert((instrument, hedged));
        if of != instrument {
            first = Some((instrument, hedged));
        }
        let cure = match hedging {
            Some(true) if !hedged => "the account is in hedge mode; give long or short",
            Some(false) if hedged => "the account is in one-way mode; give net, or leave the side out",
            _ if of == instrument && side != hedged => {
                "another row of the account has the instrument net, or in hedge mode: give all rows a side, or none"
            }
            _ => continue,
        };
        let keys = match part {
            Part::Orders => checked.tables.orders.position_side,
            _ => checked.tables.positions.position_side,
        };
        let named = keys.map(|keys| Keys::Text(keys).show(row as usize)).filter(|side| !side.is_empty());
        let shown = named.unwrap_or_else(|| "net".to_owned());
        faults.add(part, row as usize, "position_side", shown, (FaultKind::Inconsistent, cure));
    }
}
