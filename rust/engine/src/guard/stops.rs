//! Stops that prices reach: fired before anybody asks who is liquidatable.

use std::cmp::Ordering;
use std::sync::Arc;

use crate::book::{Keys, PoolKind, Side, TextKeys};
use crate::environment;
use crate::error::{Error, MissingPrices, Result};
use crate::exact::Exact;
use crate::ledger::{Direction, Fills, Ledger};
use crate::market::Prices;
use crate::order::{FillFee, Gate, OneKey, Proposed, Reason, check_order, reason_of};
use crate::pool::Book;
use crate::score::{Missing, check_prices};

/// The price that a stop without a limit fills at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StopFill {
    /// The mark, with the gap behind its trigger.
    #[default]
    Mark,
    /// Its trigger.
    Trigger,
}

/// How stops are fired.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stops {
    /// The price of fills without a limit.
    pub fills: StopFill,
    /// What fills pay; `None`: the taker rate where the market states fees, else nothing.
    pub fee: Option<FillFee>,
    /// Where fills go with amounts that are no multiple of the quantum; `None` refuses such fills.
    pub round: Option<Direction>,
}

impl Default for Stops {
    fn default() -> Self {
        Self { fills: StopFill::Mark, fee: None, round: Some(Direction::Nearest) }
    }
}

/// A stop that fired.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FiredOrder {
    /// Its row of the orders table.
    pub row: u32,
    /// Whose: the number of the account.
    pub account: u32,
    /// The instrument, in the market's order.
    pub instrument: u32,
    /// The price that it waited for.
    pub trigger_price: f64,
    /// What filled; 0 where it rests, or is dropped.
    pub quantity: f64,
    /// The price of the fill; NaN where nothing filled.
    pub price: f64,
    /// Profit (negative: loss) that the fill booked, without its fee, in the settlement asset.
    pub realized_pnl: f64,
    /// The fee of the fill, in the settlement asset.
    pub fee: f64,
    /// [`Reason::Accepted`], or why it was dropped.
    pub reason: Reason,
    /// Whether it is an open order now.
    pub rests: bool,
}

/// What fired, and what it left.
#[derive(Debug, Clone)]
pub struct Fired {
    /// By account, in the order in which they fired.
    pub orders: Vec<FiredOrder>,
    /// The accounts after.
    pub ledger: Ledger,
}

/// An order that waits for a trigger.
#[derive(Debug, Clone, Copy)]
struct Waiting {
    row: u32,
    instrument: u32,
    side: Side,
    isolated: bool,
    take_profit: bool,
    reduce_only: bool,
    quantity: f64,
    price: f64,
    trigger: f64,
    leverage: f64,
}

/// Fires every stop that the marks have reached, and gives the accounts after that.
///
/// Formula: a stop, or a conditional order that does not say what it is, fires where `mark >= trigger` (buys) or `mark <=
/// trigger` (sells), a take-profit the other way round; equality fires. Without a limit it fills at the mark or at its trigger,
/// as asked; with one it fills at that where the mark is as good, else it rests as an open order. What only reduces fills no
/// more than there is; anything else goes through [`check_order`] when it fires, and is dropped where it does not fit. No path
/// of prices is known: of an account the stop fires first whose trigger is the furthest behind the mark, relative to the
/// trigger, of equal ones that of the lower row. Each meets what those before it left.
///
/// # Errors
/// [`Error::MissingPrice`] where something that an account with a fired stop holds, or an instrument that a stop waits for, has
/// no price; [`Error::Argument`] for prices of another market, or a fee that the market does not state. The book stays as it is.
///
/// # Examples
/// ```
/// use std::sync::Arc;
/// use crossmargin::book::{Balances, Keys, OnError, Orders, Positions, Tables};
/// use crossmargin::guard::{Stops, fire_stops};
/// use crossmargin::order::FillFee;
/// use crossmargin::{Book, Market, Prices};
///
/// let market = Arc::new(Market::preset("binance-usdm", None)?);
/// let (usdt, btc) = (market.asset_index("USDT").unwrap() as i64, market.instrument_index("BTCUSDT").unwrap() as i64);
/// let balances =
///     Balances { account: Keys::Int(&[7]), asset: Keys::Int(&[usdt]), wallet_balance: &[1_000.0], ..Balances::default() };
/// let positions = Positions {
///     account: Keys::Int(&[7]),
///     instrument: Keys::Int(&[btc]),
///     quantity: &[0.1],
///     entry_price: &[60_000.0],
///     ..Positions::default()
/// };
/// let orders = Orders {
///     account: Keys::Int(&[7]),
///     instrument: Keys::Int(&[btc]),
///     quantity: &[-0.5],
///     price: &[f64::NAN],
///     trigger_price: Some(&[58_000.0]),
///     reduce_only: Some(&[true]),
///     ..Orders::default()
/// };
/// let tables = Tables { balances, positions, orders, ..Tables::default() };
/// let (book, _) = Book::build(Arc::clone(&market), tables, OnError::Refuse)?;
/// let prices = Prices::by_name(&market, &[("BTCUSDT", 57_500.0)], &[])?;
///
/// let stops = Stops { fee: Some(FillFee::None), ..Stops::default() };
/// let fired = fire_stops(&book, &prices, &stops)?;
/// // No more than there is: 0.1 at the mark, 2,500 below its entry.
/// assert_eq!((fired.orders[0].quantity, fired.orders[0].realized_pnl), (-0.1, -250.0));
/// assert_eq!(fired.ledger.to_book()?.holdings().n_positions(), 0);
/// # Ok::<(), crossmargin::Error>(())
/// ```
pub fn fire_stops(book: &Book, prices: &Prices, stops: &Stops) -> Result<Fired> {
    environment::check()?;
    check_prices(book, prices, Missing::Null)?;
    let gate = Gate { fee: stops.fee, round: stops.round, ..Gate::default() };
    gate.check(book)?;
    let waiting = &book.holdings().waiting;
    check_marks(book, prices)?;
    let mut firing = Firing { prices, stops, gate, ledger: Ledger::new(Arc::new(book.clone())), orders: Vec::new() };
    for &account in waiting.accounts() {
        firing.account(book, account)?;
    }
    Ok(Fired { orders: firing.orders, ledger: firing.ledger })
}

/// Refuses prices without the mark of an instrument that a stop waits for.
fn check_marks(book: &Book, prices: &Prices) -> Result<()> {
    let waiting = &book.holdings().waiting;
    let of = waiting.instrument.iter().zip(&waiting.trigger_price);
    let mut missing: Vec<u32> = of
        .filter(|&(&at, trigger)| !trigger.is_nan() && prices.mark()[at as usize].is_nan())
        .map(|(&at, _)| at)
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    missing.sort_unstable();
    missing.dedup();
    let name = |at: u32| book.market().instruments()[at as usize].name().to_owned();
    let instruments = missing.into_iter().map(name).collect();
    Err(Error::MissingPrice(Box::new(MissingPrices { instruments, ..MissingPrices::default() })))
}

impl Waiting {
    fn read(book: &Book, at: usize) -> Self {
        let of = &book.holdings().waiting;
        Self {
            row: of.row[at],
            instrument: of.instrument[at],
            side: of.side[at],
            isolated: of.isolated[at],
            take_profit: of.take_profit[at],
            reduce_only: of.reduce_only[at],
            quantity: of.quantity[at],
            price: of.price[at],
            trigger: of.trigger_price[at],
            leverage: of.leverage[at],
        }
    }

    /// Whether a mark fires it; never where it waits for none.
    fn is_fired(&self, mark: f64) -> bool {
        let rising = (self.quantity > 0.0) != self.take_profit;
        if rising { mark >= self.trigger } else { mark <= self.trigger }
    }

    /// Whether it can only reduce a position: it says so, or closes a leg.
    fn only_reduces(&self) -> bool {
        let closes = match self.side {
            Side::Net => false,
            Side::Long => self.quantity < 0.0,
            Side::Short => self.quantity > 0.0,
        };
        self.reduce_only || closes
    }

    /// What it fills of a position that is there.
    fn reduction(&self, held: f64) -> f64 {
        if held == 0.0 || (held > 0.0) == (self.quantity > 0.0) {
            return 0.0;
        }
        if self.quantity.abs() > held.abs() { -held } else { self.quantity }
    }

    /// How the distances of two marks from their triggers compare, relative to the triggers.
    fn compare_distance(&self, mark: f64, (other, other_mark): (&Self, f64)) -> Ordering {
        let [a, b] = [(self, mark), (other, other_mark)].map(|(of, mark)| {
            let trigger = Exact::from_f64(of.trigger);
            ((Exact::from_f64(mark) - trigger.clone()).abs(), trigger)
        });
        (a.0 * b.1).cmp(&(b.0 * a.1))
    }
}

/// Stops being fired, one after the other.
struct Firing<'a> {
    prices: &'a Prices,
    stops: &'a Stops,
    gate: Gate,
    ledger: Ledger,
    orders: Vec<FiredOrder>,
}

impl Firing<'_> {
    fn mark(&self, order: &Waiting) -> f64 {
        self.prices.mark()[order.instrument as usize]
    }

    /// Fires what is reached of an account's.
    fn account(&mut self, book: &Book, account: u32) -> Result<()> {
        let all: Vec<Waiting> =
            book.holdings().waiting.of(account as usize).map(|at| Waiting::read(book, at)).collect();
        let mut reached: Vec<usize> = (0..all.len()).filter(|&at| all[at].is_fired(self.mark(&all[at]))).collect();
        reached.sort_by(|&a, &b| {
            let (a, b) = (&all[a], &all[b]);
            b.compare_distance(self.mark(b), (a, self.mark(a))).then(a.row.cmp(&b.row))
        });
        // Which of them the account still has among those that wait, in their order.
        let mut left: Vec<usize> = (0..all.len()).collect();
        for at in reached {
            let Some(place) = left.iter().position(|&of| of == at) else { continue };
            let stays = self.fire(account, place, &all[at])?;
            if !stays {
                left.remove(place);
            }
        }
        Ok(())
    }

    /// Fires an order that has a place among those of its account that wait; says whether it is still one of those.
    fn fire(&mut self, account: u32, place: usize, order: &Waiting) -> Result<bool> {
        let mut fired = FiredOrder {
            row: order.row,
            account,
            instrument: order.instrument,
            trigger_price: order.trigger,
            quantity: 0.0,
            price: f64::NAN,
            realized_pnl: 0.0,
            fee: 0.0,
            reason: Reason::Accepted,
            rests: false,
        };
        let of = account as usize;
        // What is judged is the account without it.
        let staged = self.ledger.without_waiting(of, place)?;
        let Some(without) = staged.place(account) else { return Ok(false) };
        fired.reason = self.reason(without, order)?;
        let held = held(without, order);
        let mark = self.mark(order);
        let buys = order.quantity > 0.0;
        fired.rests = fired.reason == Reason::Accepted && if buys { mark > order.price } else { mark < order.price };
        let staged = if fired.rests { self.ledger.with_triggered(of, place)? } else { staged };
        self.ledger.commit(staged)?;
        if fired.reason == Reason::Accepted && !fired.rests {
            self.fill(of, order, held, &mut fired)?;
        }
        self.orders.push(fired);
        // One that opens is an open order now, one that reduces waits on, if for nothing.
        Ok(fired.rests && order.only_reduces())
    }

    /// Why an order is dropped, unless it is not.
    fn reason(&self, (book, account): (&Arc<Book>, usize), order: &Waiting) -> Result<Reason> {
        if order.only_reduces() {
            let some = order.reduction(held((book, account), order)) != 0.0;
            return Ok(if some { Reason::Accepted } else { Reason::NothingToReduce });
        }
        let proposed = Proposed {
            price: order.price,
            leverage: order.leverage,
            side: order.side,
            isolated: Some(order.isolated),
            ..Proposed::market(order.instrument, order.quantity)
        };
        Ok(check_order(book, self.prices, account, &proposed)?.reason)
    }

    /// Fills an order, or notes why it cannot.
    fn fill(&mut self, account: usize, order: &Waiting, held: f64, fired: &mut FiredOrder) -> Result<()> {
        let at_market = match self.stops.fills {
            StopFill::Mark => self.mark(order),
            StopFill::Trigger => order.trigger,
        };
        let price = if order.price.is_nan() { at_market } else { order.price };
        let reduces = order.only_reduces();
        let quantity = if reduces { order.reduction(held) } else { order.quantity };
        let (modes, sides) = (["cross", "isolated"], [Side::Net, Side::Long, Side::Short].map(Side::name));
        let (modes, sides) = (modes.map(str::to_owned), sides.map(str::to_owned));
        let makes = self.gate.makes(self.ledger.base()).map(|makes| [makes]);
        let key = OneKey::of(self.ledger.key(account));
        let leverage = [order.leverage];
        let fills = Fills {
            account: key.lend(),
            instrument: Keys::Int(&[i64::from(order.instrument)]),
            quantity: &[quantity],
            price: &[price],
            maker: makes.as_ref().map(<[bool; 1]>::as_slice),
            leverage: (!reduces).then_some(&leverage),
            margin_mode: Some(TextKeys { codes: &[u32::from(order.isolated)], names: &modes }),
            position_side: Some(TextKeys { codes: &[order.side as u32], names: &sides }),
            round: self.gate.round,
            ..Fills::default()
        };
        match self.ledger.fills(&fills) {
            Ok(staged) => {
                let outcome = staged.outcome();
                (fired.quantity, fired.price) = (quantity, price);
                fired.realized_pnl = outcome.realized_pnl.first().copied().unwrap_or(0.0);
                fired.fee = outcome.fee.first().copied().unwrap_or(0.0);
                self.ledger.commit(staged).map(|_changed| ())
            }
            Err(error @ Error::Book(_)) => {
                fired.reason = reason_of(&error);
                Ok(())
            }
            Err(other) => Err(other),
        }
    }
}

/// The quantity of the position that an order is of; 0 where there is none.
fn held((book, account): (&Arc<Book>, usize), order: &Waiting) -> f64 {
    let holdings = book.holdings();
    let is_its = |&position: &usize| {
        holdings.instrument(position) == order.instrument as usize && holdings.side(position) == order.side
    };
    let pools =
        holdings.pools_of(account).filter(|&pool| (holdings.kind(pool) == PoolKind::Isolated) == order.isolated);
    let found = pools.flat_map(|pool| holdings.positions_of(pool)).find(is_its);
    found.map_or(0.0, |position| holdings.quantity(position))
}
