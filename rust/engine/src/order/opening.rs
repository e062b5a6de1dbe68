//! How much of an order opens something.

use crate::book::Side;
use crate::exact::Exact;
use crate::market::ReduceOnlyRule;

use super::room::{Room, cross_pool};
use super::row::{Met, Row};

/// Whether an order opens, and how much of its quantity, without sign.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Opening {
    pub(super) opens: bool,
    pub(super) quantity: f64,
}

impl Opening {
    /// Of an order that opens nothing.
    pub(super) const NOTHING: Self = Self { opens: false, quantity: 0.0 };
}

const NOTHING: Opening = Opening::NOTHING;

/// Of an order that opens whatever is held; `None` where that depends.
fn plain(conditional: bool, row: &Row, checked: bool) -> Option<Opening> {
    if row.waits(conditional) || row.closes_leg() || (row.reduce_only && !checked) {
        return Some(NOTHING);
    }
    match row.side {
        Side::Net => None,
        _ if row.reduce_only => Some(NOTHING),
        _ => Some(Opening { opens: true, quantity: row.quantity.abs() }),
    }
}

/// Of an order beside which no other counts, and what is held.
#[inline]
pub(super) fn of_alone(conditional: bool, row: &Row, held: f64, checked: bool) -> Opening {
    if let Some(known) = plain(conditional, row, checked) {
        return known;
    }
    let against = if (held > 0.0) == row.buys() { 0.0 } else { held.abs() };
    let size = row.quantity.abs();
    // Of decimals of doubles the order is that of the doubles.
    if size > against { Opening { opens: true, quantity: beyond(size, against) } } else { NOTHING }
}

/// What a size exceeds another by: of decimals of few digits as in exact arithmetic, rounded once, of others within the last
/// place of the larger.
fn beyond(size: f64, against: f64) -> f64 {
    /// Decimals of at most 15 digits in these steps are told apart by their doubles, and their differences round once.
    const STEPS: f64 = 1e8;
    const MOST: f64 = 1e15;
    if against == 0.0 {
        return size;
    }
    let (whole, part) = ((size * STEPS).round(), (against * STEPS).round());
    let denoted = |steps: f64, x: f64| steps < MOST && (steps / STEPS).to_bits() == x.to_bits();
    if denoted(whole, size) && denoted(part, against) {
        return (whole - part) / STEPS;
    }
    size - against
}

/// Of an order beside those of the book and those accepted before.
pub(super) fn of_row(room: &Room<'_>, row: &Row, met: &Met) -> Opening {
    let checked = room.ground().book.market().rules().admission().reduce_only == ReduceOnlyRule::Checked;
    let conditional = room.ground().conditional;
    let held = met.position(row.isolated).map_or(0.0, |position| room.book().holdings().quantity[position]);
    let before = beside(room, row);
    let Some(before) = before.filter(|sum| !sum.is_zero()) else { return of_alone(conditional, row, held, checked) };
    if let Some(known) = plain(conditional, row, checked) {
        return known;
    }
    let against = if (held > 0.0) == row.buys() { Exact::zero() } else { Exact::from_f64(held).abs() };
    let size = Exact::from_f64(row.quantity).abs();
    let open = before + size.clone() - against;
    if open <= Exact::zero() {
        return NOTHING;
    }
    Opening { opens: true, quantity: if open < size { open.to_f64() } else { row.quantity.abs() } }
}

/// The quantities of the orders of an order's key and direction that count; `None` where there are none.
fn beside(room: &Room<'_>, row: &Row) -> Option<Exact> {
    let (book, holdings) = (room.book(), room.book().holdings());
    let pool = cross_pool(book, room.account(), row.instrument);
    let orders = pool.map_or(0..0, |pool| holdings.orders_of(pool));
    let of_book = orders.filter(|&order| {
        let of = &holdings.orders;
        holdings.classes[usize::from(of.class[order])].instrument == row.instrument
            && of.side[order] == row.side
            && of.isolated[order] == row.isolated
            && (of.quantity[order] > 0.0) == row.buys()
    });
    let of_book = of_book.map(|order| holdings.orders.quantity[order]);
    let alike = |other: &&Row| {
        other.instrument == row.instrument
            && other.side == row.side
            && other.isolated == row.isolated
            && other.buys() == row.buys()
    };
    let before = room.resting().iter().filter(alike).map(|other| other.quantity);
    of_book.chain(before).map(|quantity| Exact::from_f64(quantity).abs()).reduce(|sum, quantity| sum + quantity)
}
