//! One account of a book as a book of its own, with one of its positions and one of its wallets as they would be.

use std::sync::Arc;

use crate::book::{QuantityUnit, Side};
use crate::error::Result;
use crate::market::Market;
use crate::pool::{Book, KnownTables};

use super::amount::Amount;
use super::rows::{Naming, Rows, Words};
use super::state::{Beside, Leg, Position, State};

/// An account of a book, to be changed again and again.
pub(crate) struct Alone {
    market: Arc<Market>,
    words: Words,
    unit: QuantityUnit,
    known: KnownTables,
    state: State,
}

/// A position as it would be, and the wallet of its settlement asset.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Changed {
    pub(crate) instrument: u32,
    pub(crate) side: Side,
    pub(crate) isolated: bool,
    /// Zero where it would be closed.
    pub(crate) quantity: f64,
    pub(crate) entry: f64,
    /// Of a new position; one that is there keeps its own.
    pub(crate) leverage: f64,
    /// NaN where it is cross, or follows from entry and leverage.
    pub(crate) fence: f64,
    pub(crate) wallet: f64,
}

impl Alone {
    pub(crate) fn new(book: &Book, account: usize) -> Self {
        let market = Arc::clone(book.market());
        Self {
            words: Words::new(&market),
            unit: book.holdings().quantity_unit,
            known: KnownTables::default(),
            state: State::read(book.holdings(), account, &Beside::NONE),
            market,
        }
    }

    /// The account with a position and a wallet as they would be.
    ///
    /// # Errors
    /// [`crate::Error::Book`] where no book can be of it, such as beyond the last tier.
    pub(crate) fn changed(&self, to: &Changed) -> Result<Book> {
        let mut state = self.state.clone();
        let leg = Leg { instrument: to.instrument, side: to.side, isolated: to.isolated };
        let settle = self.market.instruments()[to.instrument as usize].settle();
        state.cash_mut(settle).wallet = Amount::of(to.wallet);
        let held = state.find(leg).map(|at| state.positions.remove(at));
        if to.quantity != 0.0 {
            let new = Position {
                leg,
                quantity: Amount::of(to.quantity),
                entry: to.entry,
                leverage: to.leverage,
                fence: Amount::of(to.fence),
                version: None,
                tier: 0,
                pool: None,
            };
            // One that turned around is a new one.
            let kept = held.filter(|held| (held.quantity.near > 0.0) == (to.quantity > 0.0));
            state.positions.push(kept.map_or_else(
                || new.clone(),
                |held| Position { quantity: new.quantity, entry: new.entry, fence: new.fence, ..held },
            ));
        }
        let mut rows = Rows::default();
        rows.push(&self.market, &self.words, 0, &state);
        let tables = rows.lend(&self.words, self.unit, Naming::Numbers);
        Book::build_sharing(Arc::clone(&self.market), &tables, &self.known)
    }
}
