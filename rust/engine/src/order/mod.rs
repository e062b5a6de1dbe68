//! A question asked before a trade: does this order fit, and what is the largest that does?
//!
//! An order is judged by what it needs: the initial margin that it takes beyond what is taken already, and its loss at the
//! present mark where the rules count it. It fits where it needs nothing, or no more than what is there. Who opens must also
//! stay clear of liquidation, of the leverage that the tier allows and of the last tier's end. Verdicts are those of exact
//! arithmetic on the decimals that inputs denote.

mod gate;
mod reason;

pub use gate::{AfterColumn, Assume, Decided, DecisionBuffers, FillFee, Gate, OnFault, Proposed, Verdict};
pub use reason::Reason;

use crate::book::Orders;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::market::Prices;
use crate::pool::Book;
use crate::score::Options;

/// Decides about a table of orders.
pub fn check_orders(
    _book: &Book,
    _prices: &Prices,
    _orders: &Orders<'_>,
    _gate: &Gate,
    _out: DecisionBuffers<'_>,
    _options: &Options,
) -> Result<Decided> {
    Err(Error::argument("orders", "cannot be checked yet"))
}

/// Decides about one order of an account.
pub fn check_order(_book: &Book, _prices: &Prices, _account: usize, _order: &Proposed) -> Result<Verdict> {
    Err(Error::argument("order", "cannot be checked yet"))
}

/// A book with accepted orders in it.
#[derive(Debug, Clone)]
pub struct Applied {
    /// The book: the same accounts in the same order.
    pub book: Book,
    /// Accounts that filled, ascending.
    pub changed: Vec<u32>,
    /// The accounts after the fills, without the orders that rest.
    pub ledger: Ledger,
}

/// Puts accepted orders in place.
pub fn applied(
    _book: &Book,
    _orders: &Orders<'_>,
    _accepted: &[bool],
    _gate: &Gate,
    _prices: &Prices,
) -> Result<Applied> {
    Err(Error::argument("orders", "cannot be applied yet"))
}
