//! A proposed order once everything that it leaves out is known, and what it meets of the account.

use crate::book::{Holdings, PoolKind, Said, Setting, Side};
use crate::pool::{Book, OrderRow};

/// A proposed order, complete.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row {
    pub(crate) instrument: u32,
    pub(crate) side: Side,
    pub(crate) isolated: bool,
    pub(crate) reduce_only: bool,
    /// Signed, in the book's unit.
    pub(crate) quantity: f64,
    /// NaN: at the market.
    pub(crate) price: f64,
    /// NaN where unknown.
    pub(crate) leverage: f64,
    /// NaN: it waits for nothing.
    pub(crate) trigger_price: f64,
}

impl Row {
    /// Of an account that chose nothing, in one-way mode, with what it meets.
    #[inline]
    pub(super) fn plain(holdings: &Holdings, said: &Said, position: Option<usize>) -> Self {
        let of_position = || position.map_or(f64::NAN, |position| holdings.leverage(position));
        Self {
            instrument: said.instrument,
            side: said.side,
            isolated: false,
            reduce_only: said.reduce_only,
            quantity: said.quantity,
            price: said.price,
            leverage: if said.leverage.is_nan() { of_position() } else { said.leverage },
            trigger_price: said.trigger_price,
        }
    }

    pub(crate) const fn buys(&self) -> bool {
        self.quantity > 0.0
    }

    /// Whether it closes a leg of hedge mode: a sale of the long one, a purchase of the short one.
    pub(crate) const fn closes_leg(&self) -> bool {
        match self.side {
            Side::Net => false,
            Side::Long => self.quantity < 0.0,
            Side::Short => self.quantity > 0.0,
        }
    }

    /// Whether it can only reduce.
    pub(crate) const fn only_reduces(&self) -> bool {
        self.reduce_only || self.closes_leg()
    }

    /// Whether it waits for a trigger, under rules by which such orders do not count yet.
    pub(crate) const fn waits(&self, conditional: bool) -> bool {
        !self.trigger_price.is_nan() && !conditional
    }

    /// Whether it counts among the open orders.
    pub(crate) const fn counts(&self, conditional: bool) -> bool {
        !self.only_reduces() && !self.waits(conditional)
    }

    /// As an open order.
    pub(crate) const fn as_order(&self) -> OrderRow {
        OrderRow {
            instrument: self.instrument,
            side: self.side,
            isolated: self.isolated,
            quantity: self.quantity,
            price: self.price,
            leverage: self.leverage,
        }
    }
}

/// The positions that an order meets: those of its instrument and side, and whether some other row has the other kind of side.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Met {
    cross: Option<usize>,
    isolated: Option<usize>,
    pub(crate) other_kind: bool,
}

impl Met {
    /// Looks through an account's positions, and its open and waiting orders.
    pub(crate) fn new(book: &Book, account: usize, instrument: u32, side: Side) -> Self {
        let holdings = book.holdings();
        let mut met = Self::default();
        let hedged = side != Side::Net;
        for pool in holdings.pools_of(account) {
            for position in holdings.positions_of(pool) {
                if holdings.classes[usize::from(holdings.class[position])].instrument != instrument {
                    continue;
                }
                met.other_kind |= (holdings.side[position] != Side::Net) != hedged;
                if holdings.side[position] == side {
                    let of =
                        if holdings.pool_kind[pool] == PoolKind::Cross { &mut met.cross } else { &mut met.isolated };
                    *of = Some(position);
                }
            }
            for order in holdings.orders_of(pool) {
                let own = holdings.classes[usize::from(holdings.orders.class[order])].instrument == instrument;
                met.other_kind |= own && (holdings.orders.side[order] != Side::Net) != hedged;
            }
        }
        for order in holdings.waiting.of(account) {
            let own = holdings.waiting.instrument[order] == instrument;
            met.other_kind |= own && (holdings.waiting.side[order] != Side::Net) != hedged;
        }
        met
    }

    /// The position of the key of an order.
    pub(crate) const fn position(&self, isolated: bool) -> Option<usize> {
        if isolated { self.isolated } else { self.cross }
    }

    /// The mode of the positions of the instrument and side; `None` where there are none, or both.
    const fn mode(&self) -> Option<bool> {
        match (self.cross, self.isolated) {
            (Some(_), None) => Some(false),
            (None, Some(_)) => Some(true),
            _ => None,
        }
    }
}

fn setting_of(settings: &[Setting], instrument: u32) -> Option<&Setting> {
    settings.iter().find(|setting| setting.instrument == instrument)
}

/// Completes what an order of an account says: its mode is that of the account's setting for the instrument, of the positions
/// of its instrument and side, or of the account; its leverage that of the setting, or of the position.
pub(crate) fn complete(holdings: &Holdings, account: usize, said: &Said, met: &Met) -> Row {
    let (known, settings) = holdings.chosen.of(account);
    let setting = setting_of(settings, said.instrument);
    let chosen = || setting.and_then(|setting| setting.isolated).or_else(|| met.mode());
    let isolated = said.isolated.or_else(chosen).unwrap_or(known.isolates);
    let mut leverage = said.leverage;
    if leverage.is_nan() {
        leverage = setting.map_or(f64::NAN, |setting| setting.leverage);
    }
    if leverage.is_nan() {
        leverage = met.position(isolated).map_or(f64::NAN, |position| holdings.leverage(position));
    }
    Row {
        instrument: said.instrument,
        side: said.side,
        isolated,
        reduce_only: said.reduce_only,
        quantity: said.quantity,
        price: said.price,
        leverage,
        trigger_price: said.trigger_price,
    }
}
