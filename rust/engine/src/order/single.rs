//! One order of one account.

use crate::book::{Said, number_faults};
use crate::environment;
use crate::error::{Error, MissingPrices, Result, shown};
use crate::market::{CrossPool, Prices, TriggerPrice};
use crate::memory::will_read;
use crate::pool::Book;
use crate::score::{Missing, check_prices};

use super::gate::{Proposed, Verdict};
use super::ground::Ground;
use super::reason::Reason;
use super::room::Room;
use super::rule::{Decision, decide_said};

/// Decides about one order of an account, by its number in the book.
///
/// Formula: with the slack of the cross pool that the order meets, what the venue's rule lets back new orders less the initial
/// margin, `need = slack without - slack with the order + loss`; the order fits where `need <= 0` or `need <= slack`. Orders that
/// open must leave the pool safe, and be within the leverage and the cap of their tier. Where orders reserve nothing
/// they are looked at as if they filled.
///
/// # Errors
/// [`Error::Argument`] for an account or instrument that is not there, numbers that no order has, or prices of another market;
/// [`Error::MissingPrice`] where something that the pool holds, or the instrument, has no price.
///
/// # Examples
/// ```
/// # use std::sync::Arc;
/// # use crossmargin::book::{Balances, Keys, OnError, Tables};
/// # use crossmargin::{Book, Market, Prices};
/// use crossmargin::order::{Proposed, Reason, check_order};
///
/// let market = Arc::new(Market::preset("binance-usdm", None)?);
/// let (usdt, btc) = (market.asset_index("USDT").unwrap() as i64, market.instrument_index("BTCUSDT").unwrap() as u32);
/// let balances =
///     Balances { account: Keys::Int(&[7]), asset: Keys::Int(&[usdt]), wallet_balance: &[600.0], ..Balances::default() };
/// let (book, _) = Book::build(Arc::clone(&market), Tables { balances, ..Tables::default() }, OnError::Refuse)?;
/// let prices = Prices::by_name(&market, &[("BTCUSDT", 60_000.0)], &[])?;
///
/// let order = |quantity| Proposed { leverage: 10.0, ..Proposed::market(btc, quantity) };
/// let fits = check_order(&book, &prices, 0, &order(0.1))?;
/// assert_eq!((fits.reason, fits.cost, fits.available), (Reason::Accepted, 600.0, 600.0));
/// let larger = check_order(&book, &prices, 0, &order(0.125))?;
/// assert_eq!((larger.reason, larger.short), (Reason::Margin, 150.0));
/// # Ok::<(), crossmargin::Error>(())
/// ```
pub fn check_order(book: &Book, prices: &Prices, account: usize, order: &Proposed) -> Result<Verdict> {
    // Asked for first: it is waited for longest.
    fetch(book, account);
    environment::check()?;
    let decision = decide(book, prices, account, order)?;
    if decision.is_unpriced() {
        return Err(missing(book, prices, &[order.instrument]));
    }
    Ok(decision.verdict())
}

/// As [`check_order`], with every reason that applies; what has no price is a reason.
pub(crate) fn decide(book: &Book, prices: &Prices, account: usize, order: &Proposed) -> Result<Decision> {
    let n = book.holdings().accounts().len();
    if account >= n {
        return Err(Error::argument("account", format!("was {account}, expected the number of one of {n} accounts")));
    }
    let said = said_of(book, order)?;
    if prices.mark().len() != book.market().instruments().len() {
        check_prices(book, prices, Missing::Null)?;
    }
    let ground = Ground::new(book, prices);
    Ok(decide_said(&Room::new(&ground, account), &said).1)
}

/// Fetches what will be read of an account, all at once: one order waits for memory more than for anything else.
#[inline]
fn fetch(book: &Book, account: usize) {
    let (holdings, Some(folded)) = (book.holdings(), book.folded()) else { return };
    if account >= holdings.accounts().len() {
        return;
    }
    let pool = holdings.pools_of(account).start;
    // Both are waited for at once.
    will_read(&folded.place, pool);
    let positions = holdings.positions_of(pool);
    for position in [positions.start, positions.end.saturating_sub(1)] {
        will_read(&holdings.quantity, position);
        will_read(&holdings.leverage, position);
    }
    will_read(&holdings.class, positions.start);
    if book.has_legs() {
        will_read(&holdings.side, positions.start);
    }
    let place = pool - (pool & (folded.window - 1)) + usize::from(folded.place[pool]);
    will_read(&folded.constant, place);
    will_read(&folded.doubt, place);
    will_read(&folded.cash, place);
}

/// What an order says, if it is one.
fn said_of(book: &Book, order: &Proposed) -> Result<Said> {
    let said = Said {
        instrument: order.instrument,
        side: order.side,
        isolated: order.isolated,
        quantity: order.quantity,
        price: order.price,
        leverage: order.leverage,
        trigger_price: order.trigger_price,
        reduce_only: order.reduce_only,
    };
    let n = book.market().instruments().len();
    if order.instrument as usize >= n {
        let message = format!("was {}, expected the position of one of {n} instruments", order.instrument);
        return Err(Error::argument("instrument", message));
    }
    match number_faults(book.market(), book.holdings().quantity_unit, &said) {
        None => Ok(said),
        Some((column, value, cure)) => Err(Error::argument(column, format!("was {}: {cure}", shown(value)))),
    }
}

/// What has no price of what a book holds and of instruments that orders are of.
#[cold]
pub(super) fn missing(book: &Book, prices: &Prices, instruments: &[u32]) -> Error {
    let market = book.market();
    let mut found = match check_prices(book, prices, Missing::Refuse) {
        Err(Error::MissingPrice(missing)) => *missing,
        Err(other) => return other,
        Ok(()) => MissingPrices::default(),
    };
    let joint = market.rules().cross_pool() == CrossPool::PerAccount;
    let looks_at_last = market.rules().constraints().iter().any(|constraint| constraint.price == TriggerPrice::Last);
    let absent = |column: &[f64], at: usize| column.get(at).is_none_or(|price| price.is_nan());
    for &at in instruments {
        let instrument = &market.instruments()[at as usize];
        let settle = instrument.settle();
        let needs_index = joint && market.rules().valuation_asset() != Some(settle);
        let lacks = [
            (absent(prices.mark(), at as usize), &mut found.instruments, instrument.name()),
            (looks_at_last && absent(prices.last(), at as usize), &mut found.last, instrument.name()),
            (needs_index && absent(prices.index(), settle), &mut found.assets, market.assets()[settle].name()),
        ];
        for (lacks, names, name) in lacks {
            if lacks && !names.iter().any(|known| known == name) {
                names.push(name.to_owned());
            }
        }
    }
    Error::MissingPrice(Box::new(found))
}

impl Decision {
    pub(crate) const fn is_unpriced(&self) -> bool {
        self.bits == Reason::Unpriced.bit()
    }
}
