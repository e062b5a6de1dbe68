//! The largest order that fits.

use std::sync::{Arc, Mutex, PoisonError};

use crate::book::{Said, number_faults};
use crate::environment;
use crate::error::{Error, Result, shown};
use crate::exact::{Bounded, Exact};
use crate::market::{AdmissionBasis, MarginSource, OrdersIn, Prices};
use crate::parallel::{self, Stop};
use crate::pool::{Book, ClassTable, Moment, Overlay, limit_of};
use crate::score::{Missing, Options, Summary, check_prices};

use super::beyond::{Conditions, Filling};
use super::gate::Proposed;
use super::ground::Ground;
use super::pieces::Ladder;
use super::reason::Reason;
use super::room::Room;
use super::row::{Met, Row};
use super::rule::{Decision, decide};
use super::runs::{Probe, Search};
use super::single::missing;
use super::turns::Beside;

/// An order whose largest quantity is asked for, and what has to hold once it has filled. Numbers that are NaN are not asked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Asked {
    /// The order; of its quantity the sign counts alone.
    pub order: Proposed,
    /// The least margin ratio of the pool once the order has filled.
    pub target_ratio: f64,
    /// The price of the instrument up to which the pool is not to be liquidatable once the order has filled.
    pub liquidation_beyond: f64,
}

impl Asked {
    /// The largest order that the gate lets in.
    ///
    /// # Examples
    /// ```
    /// use crossmargin::order::{Asked, Proposed};
    /// let asked = Asked { target_ratio: 2.0, ..Asked::of(Proposed::market(0, 1.0)) };
    /// assert!(asked.liquidation_beyond.is_nan());
    /// ```
    #[must_use]
    pub const fn of(order: Proposed) -> Self {
        Self { order, target_ratio: f64::NAN, liquidation_beyond: f64::NAN }
    }
}

/// The largest order that fits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Largest {
    /// The largest multiple of the lot that is accepted, signed; 0 where none is.
    pub quantity: f64,
    /// The smallest one, signed; 0 where none is.
    pub smallest: f64,
    /// Whether all multiples between are accepted; not where none is.
    pub contiguous: bool,
    /// Why one lot more than the quantity is refused; [`Reason::Unpriced`] where something has no price.
    pub binding: Reason,
    /// What the quantity takes of the initial margin, in the pool's asset; NaN where unknown, 0 where there is none.
    pub cost: f64,
}

impl Largest {
    /// That nothing is accepted.
    pub const NONE: Self =
        Self { quantity: 0.0, smallest: 0.0, contiguous: false, binding: Reason::Accepted, cost: 0.0 };
}

/// The largest order of each account that the gate lets in, down to the lot.
///
/// A quantity `k * lot` is accepted as [`super::check_order`] accepts it and, where they are asked for, if once it has filled at
/// its price the pool's `collateral_value >= target_ratio * maintenance_margin`, and if the pool is then liquidatable at no mark
/// of the instrument from the present one to `liquidation_beyond`. Filled it pays no fee; its loss at the present mark counts, its
/// profit does not. What is accepted need not begin at one lot, nor have no holes: small orders can be below the least size, and
/// an order that closes a position can be accepted where one that turns it around is not. The answer is found without rounding:
/// the quantity is accepted, and none above it is. What can only reduce (a reduce-only order, one that closes a leg) is looked at
/// up to the position that it meets: the gate lets more in, which fills no more, so that [`Reason::NothingToReduce`] binds.
///
/// With `accounts`, by their numbers in the book, `out` has an element for each of them, else for every account.
///
/// # Errors
/// [`Error::Argument`] for an unknown instrument or account, numbers out of range, and an `out` of another length;
/// [`Error::MissingPrice`] where an account's answer depends on a price that is missing, unless [`Missing::Null`].
///
/// # Examples
/// Of 10,000 a long position of 0.5 at 60,000 takes 3,000 at leverage 10. The rest has room for 1.16666666 more.
/// ```
/// use std::sync::Arc;
/// use crossmargin::book::{Balances, Keys, OnError, Positions, Tables};
/// use crossmargin::order::{Asked, Largest, Proposed, Reason, max_orders};
/// use crossmargin::{Book, Market, Prices};
///
/// let market = Arc::new(Market::preset("binance-usdm", None)?);
/// let (usdt, btc) = (market.asset_index("USDT").unwrap() as i64, market.instrument_index("BTCUSDT").unwrap() as i64);
/// let balances =
///     Balances { account: Keys::Int(&[7]), asset: Keys::Int(&[usdt]), wallet_balance: &[10_000.0], ..Balances::default() };
/// let positions = Positions {
///     account: Keys::Int(&[7]),
///     instrument: Keys::Int(&[btc]),
///     quantity: &[0.5],
///     entry_price: &[60_000.0],
///     leverage: Some(&[10.0]),
///     ..Positions::default()
/// };
/// let (book, _) = Book::build(market, Tables { balances, positions, ..Tables::default() }, OnError::Refuse)?;
/// let prices = Prices::by_name(book.market(), &[("BTCUSDT", 60_000.0)], &[])?;
///
/// let mut out = [Largest::NONE];
/// let asked = Asked::of(Proposed::market(btc as u32, 1.0));
/// max_orders(&book, &prices, None, &asked, &mut out, &Default::default())?;
/// assert_eq!((out[0].quantity, out[0].contiguous, out[0].binding), (1.16666666, true, Reason::Margin));
/// # Ok::<(), crossmargin::Error>(())
/// ```
pub fn max_orders(
    book: &Book,
    prices: &Prices,
    accounts: Option<&[u32]>,
    asked: &Asked,
    out: &mut [Largest],
    options: &Options,
) -> Result<Summary> {
    /// Accounts that a thread claims at once.
    const TOGETHER: usize = 256;
    environment::check()?;
    let n_accounts = book.holdings().accounts().len();
    check(book, prices, asked)?;
    let n = accounts.map_or(n_accounts, <[u32]>::len);
    if out.len() != n {
        return Err(Error::argument("out", format!("had {} elements, expected {n}, one for each account", out.len())));
    }
    if let Some(unknown) = accounts.into_iter().flatten().find(|&&account| account as usize >= n_accounts) {
        return Err(Error::argument("accounts", format!("had {unknown}, expected numbers below {n_accounts}")));
    }
    let (ground, stop) = (Ground::new(book, prices), Stop::new(options.stop));
    let question = Question::new(&ground, asked);
    let account_of = |row: usize| accounts.map_or(row, |accounts| accounts[row] as usize);
    let counted = Mutex::new((0_usize, 0_usize));
    let items: Vec<(usize, &mut [Largest])> =
        out.chunks_mut(TOGETHER).enumerate().map(|(k, chunk)| (k * TOGETHER, chunk)).collect();
    let threads = parallel::threads_or_all(options.threads).min(items.len());
    parallel::for_each(
        threads,
        items,
        || (),
        |(), (first, chunk)| {
            let (mut n_exact, mut n_unpriced) = (0, 0);
            for (row, found) in (first..).zip(chunk) {
                if stop.now() {
                    break;
                }
                let exact;
                (*found, exact) = question.answer(account_of(row));
                n_exact += usize::from(exact);
                n_unpriced += usize::from(found.binding == Reason::Unpriced);
            }
            let mut counted = counted.lock().unwrap_or_else(PoisonError::into_inner);
            *counted = (counted.0 + n_exact, counted.1 + n_unpriced);
        },
    );
    let (n_exact, n_unpriced) = counted.into_inner().unwrap_or_else(PoisonError::into_inner);
    if n_unpriced > 0 && options.missing == Missing::Refuse {
        return Err(missing(book, prices, &[asked.order.instrument]));
    }
    stop.unless_said(Summary { n_exact, n_unpriced })
}

/// The largest order of one account.
pub(super) fn largest(book: &Book, prices: &Prices, account: usize, asked: &Asked) -> Result<Largest> {
    check(book, prices, asked)?;
    let ground = Ground::new(book, prices);
    let (found, _) = Question::new(&ground, asked).answer(account);
    if found.binding == Reason::Unpriced {
        return Err(missing(book, prices, &[asked.order.instrument]));
    }
    Ok(found)
}

/// Refuses what is no question.
fn check(book: &Book, prices: &Prices, asked: &Asked) -> Result<()> {
    let Asked { order, target_ratio, liquidation_beyond } = *asked;
    check_prices(book, prices, Missing::Null)?;
    let n = book.market().instruments().len();
    if order.instrument as usize >= n {
        return Err(Error::argument("instrument", format!("was {}, expected a number below {n}", order.instrument)));
    }
    if let Some((column, value, cure)) = number_faults(book.market(), book.holdings().quantity_unit, &said_of(&order)) {
        return Err(Error::argument(column, format!("was {}: {cure}", shown(value))));
    }
    let numbers = [("target_ratio", target_ratio), ("liquidation_beyond", liquidation_beyond)];
    let wrong = |x: f64| !(x.is_nan() || (x > 0.0 && crate::book::in_range(x)));
    match numbers.into_iter().find(|&(_, x)| wrong(x)) {
        None => Ok(()),
        Some((name, x)) => Err(Error::argument(name, format!("was {}, expected a positive number, or none", shown(x)))),
    }
}

const fn said_of(order: &Proposed) -> Said {
    Said {
        instrument: order.instrument,
        side: order.side,
        isolated: order.isolated,
        quantity: order.quantity,
        price: order.price,
        leverage: order.leverage,
        trigger_price: order.trigger_price,
        reduce_only: order.reduce_only,
    }
}

/// What is asked of every account.
pub(super) struct Question<'a> {
    ground: &'a Ground<'a>,
    asked: &'a Asked,
    ladder: Ladder,
    conditions: Option<Conditions>,
    /// Whether something that the gate looks at has tiers where amounts fall.
    tiers: bool,
}

impl<'a> Question<'a> {
    pub(super) fn new(ground: &'a Ground<'a>, asked: &'a Asked) -> Self {
        let (book, prices) = (ground.book, ground.prices);
        let rules = book.market().rules();
        let instrument = ground.instrument(asked.order.instrument);
        let priced = !ground.mark(asked.order.instrument).is_nan();
        let conditions = if priced { Conditions::new(asked, prices) } else { None };
        let by_table = [false, true].into_iter().any(|of| rules.initial(of).source != MarginSource::Usual);
        let in_maintenance =
            rules.orders().maintenance_margin != OrdersIn::None || rules.admission().basis == AdmissionBasis::Fill;
        Self {
            ground,
            asked,
            ladder: Ladder::new(instrument, book.holdings().quantity_unit),
            tiers: by_table || in_maintenance || conditions.is_some(),
            conditions,
        }
    }

    /// The largest order of an account, and whether only exact arithmetic could tell.
    fn answer(&self, account: usize) -> (Largest, bool) {
        self.in_room(&Room::new(self.ground, account), &said_of(&self.asked.order), None)
    }

    /// As [`Self::answer`], of an account with orders before, and what is not more than `most`.
    pub(super) fn in_room(&self, room: &Room<'_>, said: &Said, most: Option<&Exact>) -> (Largest, bool) {
        let (prices, ladder) = (self.ground.prices, &self.ladder);
        let (row, met) = room.row(said);
        let sign = if row.quantity > 0.0 { 1.0 } else { -1.0 };
        let row = Row { quantity: sign * ladder.quantity(1), ..row };
        if decide(room, &row, &met).reason() == Reason::Unpriced {
            return (Largest { binding: Reason::Unpriced, cost: f64::NAN, ..Largest::NONE }, false);
        }
        let (book, account) = (room.book(), room.account());
        let table = table(book, prices, account, &row);
        let filling = self.conditions.as_ref().map(|conditions| {
            let held = met.position(row.isolated);
            Filling::new((book, prices), (account, &row, held), conditions, &table)
        });
        let resting = room.orders();
        let beside = Beside::new((book, prices), account, &row.as_order(), &resting);
        let highest = most.map_or_else(|| ladder.highest(), |most| ladder.below(most)).max(1);
        let held = most.is_none().then(|| reducible(book, &row, &met)).flatten();
        let reducible = held.map(|held| ladder.below(&held));
        let mut asking = Asking { room, met: &met, row, sign, ladder, filling, reducible, exact: false };
        if reducible == Some(0) {
            return (Largest { binding: asking.refusal(1), ..Largest::NONE }, asking.exact);
        }
        let highest = reducible.map_or(highest, |rung| rung.min(highest));
        asking.search(&beside.ends(ladder, &table, self.tiers, highest))
    }
}

/// How much there is to reduce for an order that can do no more; `None` for others, and where that is nothing.
fn reducible(book: &Book, row: &Row, met: &Met) -> Option<Exact> {
    let held = met.position(row.isolated).map_or(0.0, |position| book.holdings().quantity(position));
    let against = held != 0.0 && (held > 0.0) != row.buys();
    (row.only_reduces() && against).then(|| Exact::from_f64(held).abs())
}

/// The table that the position of an order is under.
fn table(book: &Book, prices: &Prices, account: usize, row: &Row) -> Arc<ClassTable> {
    let order = row.as_order();
    let overlay = Overlay { orders: vec![order], ..Overlay::default() };
    let at = Moment::still(prices.mark(), prices.index());
    limit_of::<Bounded>(book, account, &order, &overlay, at).table
}

/// One account's order, by size.
struct Asking<'a> {
    room: &'a Room<'a>,
    met: &'a Met,
    row: Row,
    sign: f64,
    ladder: &'a Ladder,
    filling: Option<Filling<'a>>,
    /// The last rung that does not exceed what there is to reduce.
    reducible: Option<u64>,
    exact: bool,
}

impl Asking<'_> {
    fn decide(&mut self, rung: u64) -> Decision {
        let row = Row { quantity: self.sign * self.ladder.quantity(rung), ..self.row };
        let mut decision = decide(self.room, &row, self.met);
        self.exact |= decision.exact;
        if let Some(filling) = &self.filling {
            decision.bits |= filling.bits(&row);
        }
        decision
    }

    /// Why a rung is not the answer.
    fn refusal(&mut self, rung: u64) -> Reason {
        let reason = self.decide(rung).reason();
        let exceeds = self.reducible.is_some_and(|most| rung > most);
        if exceeds && reason == Reason::Accepted { Reason::NothingToReduce } else { reason }
    }

    fn search(&mut self, ends: &[u64]) -> (Largest, bool) {
        let ladder = *self.ladder;
        let mut ask = |rung: u64| {
            let decision = self.decide(rung);
            let left = decision.cost - decision.available;
            Probe { bits: decision.bits, gap: if decision.short > 0.0 { decision.short } else { left } }
        };
        let (size, rung) = (|rung| ladder.quantity(rung), |size: f64| ladder.below(&Exact::from_f64(size)));
        let runs = Search::new(&mut ask, &size, &rung).runs(ends);
        let last = ends.last().copied().unwrap_or(1);
        let (smallest, quantity) = match (runs.first(), runs.last()) {
            (Some(first), Some(last)) => (first.0, last.1),
            _ => (0, 0),
        };
        let is_end = quantity >= last && self.reducible != Some(last);
        let binding = if is_end { Reason::MaxSize } else { self.refusal(quantity + 1) };
        let signed = |rung: u64| if rung == 0 { 0.0 } else { self.sign * ladder.quantity(rung) };
        let found = Largest {
            quantity: signed(quantity),
            smallest: signed(smallest),
            contiguous: runs.len() == 1,
            binding,
            cost: if quantity == 0 { 0.0 } else { self.decide(quantity).cost },
        };
        (found, self.exact)
    }
}
