//! The accounts of a book with every position in one margin mode, as a book of its own.

use std::sync::Arc;

use crate::book::{OnError, coordinate_size};
use crate::error::Result;
use crate::exact::Exact;
use crate::market::{Payoff, Prices};
use crate::pool::Book;

use super::amount::Amount;
use super::rows::{Naming, Rows, Words};
use super::state::{Beside, Position, State};

/// A book made of another, whose accounts have the same order, and where the positions of the other are in it.
pub(crate) struct Rearranged {
    pub(crate) book: Book,
    /// The row of each position of the other book in the tables of this one; `None` where opposite ones cancelled.
    rows: Vec<Option<u32>>,
    /// The position of this book by row.
    positions: Vec<usize>,
}

impl Rearranged {
    /// Where a position of the other book is.
    pub(crate) fn position(&self, of: usize) -> Option<usize> {
        self.rows[of].and_then(|row| self.positions.get(row as usize).copied())
    }
}

/// The accounts of a book with all positions and orders cross, or all isolated behind `fences`, by position, NaN where what
/// is fenced follows from the rules.
///
/// What an account holds of one instrument and side in both modes becomes one position: the entry is weighted by quantity,
/// everything else is as of the cross one. Opposite ones are closed against each other at the mark.
pub(crate) fn rearranged(book: &Book, prices: &Prices, fences: Option<&[f64]>) -> Result<Rearranged> {
    let holdings = book.holdings();
    let market = Arc::clone(book.market());
    let words = Words::new(&market);
    let (mut all, mut rows, mut next) = (Rows::default(), vec![None; holdings.n_positions()], 0_u32);
    for account in 0..holdings.accounts().len() {
        let mut state = State::read(holdings, account, &Beside::NONE);
        for order in state.orders.iter_mut().chain(state.waiting.iter_mut().map(|waiting| &mut waiting.order)) {
            order.leg.isolated = fences.is_some();
        }
        let pools = holdings.pools_of(account);
        let first = if pools.is_empty() { 0 } else { holdings.positions_of(pools.start).start };
        let mut meeting = Meeting { book, prices, held: Vec::new(), places: Vec::new() };
        for (at, mut position) in (first..).zip(std::mem::take(&mut state.positions)) {
            position.leg.isolated = fences.is_some();
            position.fence = Amount::of(fences.map_or(f64::NAN, |fences| fences[at]));
            meeting.put(position, &mut state);
        }
        for (at, place) in (first..).zip(&meeting.places) {
            if let Some(position) = &meeting.held[*place] {
                let before = meeting.held[..*place].iter().flatten().count();
                rows[at] = u32::try_from(before).ok().and_then(|before| next.checked_add(before));
                debug_assert!(position.quantity.near != 0.0, "what cancelled is gone");
            }
        }
        state.positions = meeting.held.into_iter().flatten().collect();
        next += u32::try_from(state.positions.len()).unwrap_or(u32::MAX);
        all.push(&market, &words, i64::try_from(account).unwrap_or(i64::MAX), &state);
    }
    let tables = all.lend(&words, holdings.quantity_unit, Naming::Numbers);
    let (variant, _) = Book::build(market, tables, OnError::Refuse)?;
    let mut positions = vec![usize::MAX; variant.holdings().n_positions()];
    for position in 0..positions.len() {
        positions[variant.holdings().row(position)] = position;
    }
    Ok(Rearranged { book: variant, rows, positions })
}

/// The positions of an account, put together one by one.
struct Meeting<'a> {
    book: &'a Book,
    prices: &'a Prices,
    /// `None` where opposite ones cancelled.
    held: Vec<Option<Position>>,
    /// Where each that was put went.
    places: Vec<usize>,
}

impl Meeting<'_> {
    /// Adds a position, or merges it with that of its key.
    fn put(&mut self, position: Position, state: &mut State) {
        let same = |held: &Option<Position>| held.as_ref().is_some_and(|held| held.leg == position.leg);
        let Some(at) = self.held.iter().position(same) else {
            self.places.push(self.held.len());
            self.held.push(Some(position));
            return;
        };
        self.places.push(at);
        self.held[at] = self.held[at].take().and_then(|held| self.met(&held, &position, state));
    }

    /// One position of two: added up, or what is left when one closes the other.
    fn met(&self, held: &Position, more: &Position, state: &mut State) -> Option<Position> {
        let [a, b] = [held, more].map(|of| Exact::from_f64(of.quantity.near));
        let sum = a.clone() + b.clone();
        let fence = Amount::of(held.fence.near + more.fence.near);
        if a.sign() == b.sign() {
            let entry = self.average(held, (&a, &b, &sum), more.entry);
            return Some(Position { quantity: Amount::of(sum.to_f64()), entry, fence, ..held.clone() });
        }
        let (closed, left) = if a.clone().abs() < b.clone().abs() { (&a, more.entry) } else { (&b, held.entry) };
        let settle = self.book.market().instruments()[held.leg.instrument as usize].settle();
        let mark = self.prices.mark()[held.leg.instrument as usize];
        for (of, quantity) in [(held, &a), (more, &b)] {
            let part = if quantity.sign() == closed.sign() { closed.clone() } else { -closed.clone() };
            let gain = if mark.is_nan() { Exact::zero() } else { self.gain(of, &part, mark) };
            let cash = state.cash_mut(settle);
            cash.wallet = Amount::of((Exact::from_f64(cash.wallet.near) + gain).to_f64());
        }
        (!sum.is_zero()).then(|| Position { quantity: Amount::of(sum.to_f64()), entry: left, fence, ..held.clone() })
    }

    /// What closing a part of a position at a price gives.
    fn gain(&self, of: &Position, part: &Exact, price: f64) -> Exact {
        part.clone() * (self.value(of, price) - self.value(of, of.entry))
    }

    /// What one unit of quantity is worth at a price: profit is quantity times its change; in the settlement asset.
    fn value(&self, of: &Position, price: f64) -> Exact {
        let instrument = &self.book.market().instruments()[of.leg.instrument as usize];
        let size = Exact::from_f64(coordinate_size(instrument, self.book.holdings().quantity_unit));
        let price = Exact::from_f64(price);
        match instrument.payoff() {
            Payoff::Linear => size * price,
            Payoff::Quanto { multiplier } => size * Exact::from_f64(multiplier) * price,
            Payoff::Inverse => -size.checked_div(&price).unwrap_or_else(Exact::zero),
        }
    }

    /// The entry at which a position of both quantities has the profit of both.
    fn average(&self, held: &Position, (a, b, sum): (&Exact, &Exact, &Exact), added: f64) -> f64 {
        let [at, added] = [held.entry, added].map(Exact::from_f64);
        let instrument = &self.book.market().instruments()[held.leg.instrument as usize];
        let average = if instrument.payoff() == Payoff::Inverse {
            let over = |a: &Exact, b: &Exact| a.checked_div(b).unwrap_or_else(Exact::zero);
            sum.checked_div(&(over(a, &at) + over(b, &added)))
        } else {
            (a.clone() * at + b.clone() * added).checked_div(sum)
        };
        average.map_or(held.entry, |average| average.to_f64())
    }
}
