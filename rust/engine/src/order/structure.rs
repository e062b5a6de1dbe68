//! What is wrong with an order before any money is looked at.

use std::cmp::Ordering;

use crate::book::{QuantityUnit, Side};
use crate::exact::Exact;
use crate::market::Payoff;

use super::ground::Ground;
use super::reason::Reason;
use super::room::Room;
use super::row::{Met, Row};

/// The bits of the reasons, from [`Reason::PositionSide`] to [`Reason::NothingToReduce`], that apply to an order.
#[inline]
pub(super) fn wrongs(room: &Room<'_>, row: &Row, met: &Met) -> u32 {
    let ground = room.ground();
    let mut bits = 0;
    let mut wrong = |applies: bool, reason: Reason| bits |= if applies { reason.bit() } else { 0 };
    wrong(has_wrong_side(room, row, met), Reason::PositionSide);
    wrong(row.isolated && !ground.book.market().rules().isolated_allowed(), Reason::MarginMode);
    let held = met.position(row.isolated).map_or(0.0, |position| room.book().holdings().quantity[position]);
    bits | wrongs_beside(ground, row, held)
}

/// Those from [`Reason::Lot`] on, of an order beside what is held of its key.
#[inline(always)]
#[expect(clippy::inline_always, reason = "what is passed on would go through memory, which takes longer than the work")]
pub(super) fn wrongs_beside(ground: &Ground<'_>, row: &Row, held: f64) -> u32 {
    let mut bits = 0;
    let mut wrong = |applies: bool, reason: Reason| bits |= if applies { reason.bit() } else { 0 };
    let closes_all = held.to_bits() == (-row.quantity).to_bits();
    wrong(!closes_all && !ground.is_in_lots(row.instrument, row.quantity), Reason::Lot);
    wrong(!ground.is_in_ticks(row.instrument, [row.price, row.trigger_price]), Reason::Tick);
    let against = held != 0.0 && (held > 0.0) != row.buys();
    wrong(row.only_reduces() && !against, Reason::NothingToReduce);
    bits | of_bounds(ground, row)
}

fn has_wrong_side(room: &Room<'_>, row: &Row, met: &Met) -> bool {
    let hedged = row.side != Side::Net;
    let rules = room.ground().book.market().rules();
    let (known, _) = room.book().holdings().chosen.of(room.account());
    (hedged && !rules.hedge_mode())
        || known.hedging.is_some_and(|hedging| hedging != hedged)
        || met.other_kind
        || room.accepted().any(|other| other.instrument == row.instrument && (other.side != Side::Net) != hedged)
}

/// Stated bounds of an instrument; what reduces is let out of those from below.
fn of_bounds(ground: &Ground<'_>, row: &Row) -> u32 {
    let reduces = row.only_reduces();
    let of = ground.instrument(row.instrument);
    let mut bits = 0;
    let against = |bound: f64| ground.contracts(row.instrument, row.quantity).cmp(&Exact::from_f64(bound));
    if let Some(least) = of.min_quantity().filter(|_| !reduces)
        && against(least) == Ordering::Less
    {
        bits |= Reason::MinSize.bit();
    }
    if let Some(most) = of.max_quantity()
        && against(most) == Ordering::Greater
    {
        bits |= Reason::MaxSize.bit();
    }
    if let Some(least) = of.min_notional().filter(|_| !reduces)
        && notional(ground, row) < Exact::from_f64(least)
    {
        bits |= Reason::MinNotional.bit();
    }
    bits
}

/// What an order is worth at its limit, or else at the market: in the quote asset, of an inverse contract in its settlement asset.
fn notional(ground: &Ground<'_>, row: &Row) -> Exact {
    let of = ground.instrument(row.instrument);
    let price = Exact::from_f64(if row.price.is_nan() { ground.price(row.instrument) } else { row.price });
    let size = match ground.book.holdings().quantity_unit {
        QuantityUnit::Contracts => Exact::from_f64(of.contract_size()),
        QuantityUnit::Base => Exact::from_f64(1.0),
    };
    let faces = Exact::from_f64(row.quantity).abs() * size;
    match of.payoff() {
        Payoff::Inverse => faces.checked_div(&price).unwrap_or_else(Exact::zero),
        Payoff::Linear | Payoff::Quanto { .. } => faces * price,
    }
}
