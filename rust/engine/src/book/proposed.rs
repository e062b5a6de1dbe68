//! Orders that are proposed to accounts which are there: what their rows say, and what is wrong with them by themselves.

use crate::error::{FaultKind, Result};
use crate::market::{Market, Payoff};

use super::checked::{Checked, Side, UNKNOWN};
use super::tables::{Orders, QuantityUnit, Tables};
use super::validate::{
    Faults, Part, account_is_missing, check_lengths, is_positive, number_fault, positive_fault, show, unknown_key,
};
use super::validate_orders::{IN_BASE, UNKNOWN_MODE, UNKNOWN_SIDE, kind_faults, known_positive, shown};

/// What a row says; numbers are NaN where it does not.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Said {
    pub(crate) instrument: u32,
    pub(crate) side: Side,
    pub(crate) isolated: Option<bool>,
    pub(crate) quantity: f64,
    pub(crate) price: f64,
    pub(crate) leverage: f64,
    pub(crate) trigger_price: f64,
    pub(crate) reduce_only: bool,
}

/// A table of proposed orders with its keys resolved.
#[derive(Debug)]
pub(crate) struct ProposedRows<'a> {
    market: &'a Market,
    checked: Checked<'a>,
    n_instruments: u32,
    /// Whether some word can be unknown.
    has_words: bool,
}

impl<'a> ProposedRows<'a> {
    /// Resolves the keys of a table.
    pub(crate) fn new(market: &'a Market, orders: &Orders<'a>, quantity_unit: QuantityUnit) -> Result<Self> {
        let tables = Tables { orders: *orders, quantity_unit, ..Tables::default() };
        check_lengths(&tables)?;
        let n_instruments = u32::try_from(market.instruments().len()).unwrap_or(u32::MAX);
        let has_words = orders.position_side.is_some() || orders.margin_mode.is_some() || orders.kind.is_some();
        Ok(Self { market, checked: Checked::new(market, &tables), n_instruments, has_words })
    }

    /// Number of rows.
    pub(crate) const fn len(&self) -> usize {
        self.checked.tables.orders.quantity.len()
    }

    /// What a row says, which has a known instrument and known words.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "what is passed on would go through memory, which takes longer than the work"
    )]
    pub(crate) fn said(&self, row: usize) -> Said {
        let orders = &self.checked.tables.orders;
        Said {
            instrument: self.checked.order_instrument.get(row),
            side: self.checked.order_side(row),
            isolated: self.checked.order_isolated(row),
            quantity: orders.quantity[row],
            price: orders.price[row],
            leverage: self.checked.order_leverage(row),
            trigger_price: self.trigger(row),
            reduce_only: orders.reduce_only.is_some_and(|column| column[row]),
        }
    }

    /// The kind that a row names; `None` where it names none.
    pub(crate) fn kind(&self, row: usize) -> Option<&'a str> {
        let keys = self.checked.tables.orders.kind?;
        keys.names.get(keys.codes[row] as usize).map(String::as_str)
    }

    fn trigger(&self, row: usize) -> f64 {
        self.checked.tables.orders.trigger_price.map_or(f64::NAN, |column| column[row])
    }

    /// Whether nothing is wrong with a row, its account apart.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "what is passed on would go through memory, which takes longer than the work"
    )]
    pub(crate) fn is_well(&self, row: usize) -> bool {
        let orders = &self.checked.tables.orders;
        let may_be = |x: f64| x.is_nan() || is_positive(x);
        let instrument = self.checked.order_instrument.get(row);
        instrument < self.n_instruments
            && !self.is_inverse_in_base(instrument as usize)
            && is_positive(orders.quantity[row].abs())
            && may_be(orders.price[row])
            && may_be(self.checked.order_leverage(row))
            && may_be(self.trigger(row))
            && !(self.has_words && self.has_wrong_words(row))
    }

    fn has_wrong_words(&self, row: usize) -> bool {
        let mut faults = Faults::default();
        self.word_faults(row, &mut faults);
        !faults.is_empty()
    }

    fn is_inverse_in_base(&self, instrument: usize) -> bool {
        self.checked.tables.quantity_unit == QuantityUnit::Base
            && self.market.instruments().get(instrument).is_some_and(|of| of.payoff() == Payoff::Inverse)
    }

    /// Notes what is wrong with a row.
    pub(crate) fn faults(&self, row: usize, faults: &mut Faults) {
        let (orders, part) = (&self.checked.tables.orders, Part::Orders);
        if account_is_missing(&orders.account, row) {
            faults.add(part, row, "account", "null".into(), (FaultKind::Missing, "name the account"));
        }
        let instrument = self.checked.order_instrument.get(row);
        if instrument >= self.n_instruments {
            let what = unknown_key(&orders.instrument, row, "an instrument of the market");
            faults.add(part, row, "instrument", orders.instrument.show(row), (what.0, &what.1));
        } else if self.is_inverse_in_base(instrument as usize) {
            faults.add(part, row, "instrument", orders.instrument.show(row), IN_BASE);
        }
        let quantity = orders.quantity[row];
        if let Some(what) = number_fault(quantity) {
            faults.add(part, row, "quantity", show(quantity), what);
        } else if quantity == 0.0 {
            let what = (FaultKind::Zero, "leave out what buys and sells nothing");
            faults.add(part, row, "quantity", show(quantity), what);
        }
        known_positive(part, row, "price", orders.price[row], faults);
        known_positive(part, row, "leverage", self.checked.order_leverage(row), faults);
        known_positive(part, row, "trigger_price", self.trigger(row), faults);
        self.word_faults(row, faults);
    }

    fn word_faults(&self, row: usize, faults: &mut Faults) {
        let orders = &self.checked.tables.orders;
        if self.checked.order_mode.said(row) == Some(UNKNOWN) {
            faults.add(Part::Orders, row, "margin_mode", shown(orders.margin_mode, row), UNKNOWN_MODE);
        }
        if self.checked.order_side.said(row) == Some(UNKNOWN) {
            faults.add(Part::Orders, row, "position_side", shown(orders.position_side, row), UNKNOWN_SIDE);
        }
        kind_faults(&self.checked, row, faults);
    }
}

/// What is wrong with one order that is no row of a table: what of it, and what to do.
#[inline]
pub(crate) fn number_faults(
    market: &Market,
    unit: QuantityUnit,
    said: &Said,
) -> Option<(&'static str, f64, &'static str)> {
    let inverse = || market.instruments()[said.instrument as usize].payoff() == Payoff::Inverse;
    if unit == QuantityUnit::Base && inverse() {
        return Some(("instrument", f64::from(said.instrument), IN_BASE.1));
    }
    if !is_positive(said.quantity.abs()) {
        let zero = (FaultKind::Zero, "give a quantity that is not 0");
        return Some(("quantity", said.quantity, number_fault(said.quantity).unwrap_or(zero).1));
    }
    let numbers = [("price", said.price), ("leverage", said.leverage), ("trigger_price", said.trigger_price)];
    let mut wrong = numbers.into_iter().filter(|(_, x)| !x.is_nan() && !is_positive(*x));
    wrong.next().and_then(|(column, x)| Some((column, x, positive_fault(x)?.1)))
}
