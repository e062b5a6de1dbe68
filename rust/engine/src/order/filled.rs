//! Accepted orders that fill: what they make of an account, and of a whole book.

use std::sync::Arc;

use crate::book::{Keys, NO_KEY, Orders, ProposedRows, Said, Side, TextKeys};
use crate::error::{Error, Result};
use crate::ledger::{Fills, Key, Ledger};
use crate::market::Prices;
use crate::pool::{Book, KnownTables};

use super::accounts::accounts_of;
use super::faults::refuse;
use super::gate::{FillFee, Gate};
use super::reason::Reason;
use super::resting::{Resting, with_orders};
use super::room::{Filled, Room};
use super::row::{Met, Row, complete};

/// The names that modes and sides are coded by.
struct Words {
    modes: [String; 2],
    sides: [String; 3],
}

impl Words {
    fn new() -> Self {
        Self {
            modes: ["cross", "isolated"].map(str::to_owned),
            sides: [Side::Net, Side::Long, Side::Short].map(|side| side.name().to_owned()),
        }
    }
}

/// What an order fills: what only reduces fills no more than there is.
fn quantity_of(row: &Row, held: f64) -> f64 {
    if row.only_reduces() && row.quantity.abs() > held.abs() { -held } else { row.quantity }
}

impl Gate {
    /// Whether fills make (true) or take; `None` where they pay nothing.
    pub(crate) fn makes(self, book: &Book) -> Option<bool> {
        match self.fee {
            None => book.market().states_fees().then_some(false),
            Some(FillFee::None) => None,
            Some(FillFee::Taker) => Some(false),
            Some(FillFee::Maker) => Some(true),
        }
    }

    /// Refuses a fee that the market does not state.
    pub(crate) fn check(self, book: &Book) -> Result<()> {
        let states = book.market().states_fees();
        match self.fee {
            Some(fee @ (FillFee::Taker | FillFee::Maker)) if !states => {
                let message = format!("was {:?}, and the market states no trading fees: give \"none\"", fee.name());
                Err(Error::argument("fee", message))
            }
            _ => Ok(()),
        }
    }
}

/// Fills a completed order of the account with a key in a ledger, at its limit or else at the mark.
fn fill(ledger: &mut Ledger, key: &Keys<'_>, row: &Row, (held, mark): (f64, f64), gate: Gate) -> Result<()> {
    let words = Words::new();
    let makes = gate.makes(ledger.base()).map(|makes| [makes]);
    let (mode, side) = ([u32::from(row.isolated)], [row.side as u32]);
    let fills = Fills {
        account: *key,
        instrument: Keys::Int(&[i64::from(row.instrument)]),
        quantity: &[quantity_of(row, held)],
        price: &[if row.price.is_nan() { mark } else { row.price }],
        maker: makes.as_ref().map(<[bool; 1]>::as_slice),
        leverage: Some(&[row.leverage]),
        margin_mode: Some(TextKeys { codes: &mode, names: &words.modes }),
        position_side: Some(TextKeys { codes: &side, names: &words.sides }),
        round: gate.round,
        ..Fills::default()
    };
    let staged = ledger.fills(&fills)?;
    ledger.commit(staged).map(|_changed| ())
}

/// Why a fill was refused.
pub(crate) fn reason_of(error: &Error) -> Reason {
    match error {
        Error::Book(faults) if faults.faults.iter().any(|fault| fault.column == "leverage") => Reason::LeverageMismatch,
        _ => Reason::Fill,
    }
}

impl Room<'_> {
    /// The account with an order filled; or why it cannot fill.
    pub(super) fn with_fill(
        &self,
        row: &Row,
        gate: Gate,
        shared: &Arc<KnownTables>,
    ) -> std::result::Result<Filled, Reason> {
        let met = Met::new(self.book(), self.account(), row.instrument, row.side);
        let position = met.position(row.isolated);
        let held = position.map_or(0.0, |at| self.book().holdings().quantity(at));
        let leverage = position.map_or(f64::NAN, |at| self.book().holdings().leverage(at));
        let adds = held != 0.0 && (held > 0.0) == row.buys();
        if adds && leverage.to_bits() != row.leverage.to_bits() && !(leverage.is_nan() && row.leverage.is_nan()) {
            return Err(Reason::LeverageMismatch);
        }
        let ledger = self.filled.as_ref().map(|filled| Ok(filled.ledger.clone()));
        let ledger = ledger.unwrap_or_else(|| Ledger::single(self.book(), self.account(), shared));
        let mut ledger = ledger.map_err(|error| reason_of(&error))?;
        let mark = self.ground().mark(row.instrument);
        fill(&mut ledger, &Keys::Int(&[0]), row, (held, mark), gate).map_err(|error| reason_of(&error))?;
        let book = Arc::clone(ledger.held(0).0);
        Ok(Filled { ledger, book })
    }
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

/// Puts accepted orders in place: those that [`Gate::assume`] fills fill, in their order, the others rest.
///
/// Formula: fills as [`Ledger::fills`], at the limit or else at the mark, with the fee and the rounding of the gate; resting
/// orders are added to the open ones. The book that is given stays as it is.
///
/// # Errors
/// [`Error::Book`] with faults of rows that are no orders, or cannot fill; [`Error::Argument`] for columns of unequal length,
/// or a fee that the market does not state.
///
/// # Examples
/// ```
/// # use std::sync::Arc;
/// # use crossmargin::book::{Balances, Keys, OnError, Orders, Tables};
/// # use crossmargin::{Book, Market, Prices};
/// use crossmargin::order::{Assume, Gate, applied};
///
/// let market = Arc::new(Market::preset("binance-usdm", None)?);
/// let (usdt, btc) = (market.asset_index("USDT").unwrap() as i64, market.instrument_index("BTCUSDT").unwrap() as i64);
/// let balances =
///     Balances { account: Keys::Int(&[7]), asset: Keys::Int(&[usdt]), wallet_balance: &[1_000.0], ..Balances::default() };
/// let (book, _) = Book::build(Arc::clone(&market), Tables { balances, ..Tables::default() }, OnError::Refuse)?;
/// let prices = Prices::by_name(&market, &[("BTCUSDT", 60_000.0)], &[])?;
/// let orders = Orders {
///     account: Keys::Int(&[7]),
///     instrument: Keys::Int(&[btc]),
///     quantity: &[0.1],
///     price: &[f64::NAN],
///     leverage: Some(&[10.0]),
///     ..Orders::default()
/// };
/// let gate = Gate { assume: Assume::Filled, ..Gate::default() };
/// let after = applied(&book, &orders, &[true], &gate, &prices)?;
/// assert_eq!((after.book.holdings().n_positions(), after.changed), (1, vec![0]));
/// # Ok::<(), crossmargin::Error>(())
/// ```
pub fn applied(book: &Book, orders: &Orders<'_>, accepted: &[bool], gate: &Gate, prices: &Prices) -> Result<Applied> {
    let rows = ProposedRows::new(book.market(), orders, book.holdings().quantity_unit)?;
    if accepted.len() != rows.len() {
        let message = format!("had {} elements, expected {}, one for each order", accepted.len(), rows.len());
        return Err(Error::argument("accepted", message));
    }
    gate.check(book)?;
    let accounts = accounts_of(book.holdings().accounts(), &orders.account);
    let wrong = |row: usize| accepted[row] && (accounts[row] == NO_KEY || !rows.is_well(row));
    if (0..rows.len()).any(wrong) {
        refuse(&rows, &accounts, &orders.account)?;
    }
    let mut ledger = Ledger::new(Arc::new(book.clone()));
    let (mut changed, mut resting) = (Vec::new(), Vec::new());
    for row in (0..rows.len()).filter(|&row| accepted[row]) {
        let (said, account) = (rows.said(row), accounts[row] as usize);
        let Some((row_of, held)) = completed(&ledger, account, &said) else { continue };
        if gate.assume.fills(said.price, said.trigger_price) {
            let key = OneKey::of(ledger.key(account));
            let mark = prices.mark()[said.instrument as usize];
            fill(&mut ledger, &key.lend(), &row_of, (held, mark), *gate)?;
            changed.push(accounts[row]);
        } else {
            resting.push(Resting { account: accounts[row], row: row_of, kind: rows.kind(row) });
        }
    }
    changed.sort_unstable();
    changed.dedup();
    let book = ledger.tables(|tables| with_orders(book, tables, &resting))?;
    Ok(Applied { book, changed, ledger })
}

/// An order of an account of a ledger, complete, and what is held of its key.
fn completed(ledger: &Ledger, account: usize, said: &Said) -> Option<(Row, f64)> {
    let (book, at) = ledger.place(account)?;
    let met = Met::new(book, at, said.instrument, said.side);
    let row = complete(book.holdings(), at, said, &met);
    let held = met.position(row.isolated).map_or(0.0, |at| book.holdings().quantity(at));
    Some((row, held))
}

/// The key of one account, as a column.
pub(crate) enum OneKey {
    Int([i64; 1]),
    Text([String; 1]),
}

impl OneKey {
    pub(crate) fn of(key: Key<'_>) -> Self {
        match key {
            Key::Int(key) => Self::Int([key]),
            Key::Text(name) => Self::Text([name.to_owned()]),
        }
    }

    pub(crate) fn lend(&self) -> Keys<'_> {
        match self {
            Self::Int(key) => Keys::Int(key),
            Self::Text(names) => Keys::Text(TextKeys { codes: &[0], names }),
        }
    }
}
