//! One account's orders, sized for others that follow it.

use std::sync::Arc;

use crate::book::{AccountKeys, Keys, NO_KEY, Orders, ProposedRows, Said, Side, TextKeys};
use crate::environment;
use crate::error::{Error, Result, shown};
use crate::exact::Exact;
use crate::market::Prices;
use crate::parallel::{self, Stop};
use crate::pool::{Book, KnownTables};
use crate::score::Options;

use super::equity::equity_of;
use super::faults;
use super::filled::{Applied, applied};
use super::gate::Gate;
use super::ground::Ground;
use super::largest::{Asked, Question};
use super::pieces::Ladder;
use super::reason::Reason;
use super::room::Room;
use super::row::{Met, Row};
use super::rule::decide_said;

/// What a follower's orders are in proportion to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MirrorBy {
    /// Its equity over that of the leader, times its factor.
    Equity,
    /// Its factor alone.
    Factor,
}

impl MirrorBy {
    /// All, under [`Self::name`].
    pub const ALL: [Self; 2] = [Self::Equity, Self::Factor];

    /// The word in options.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Equity => "equity",
            Self::Factor => "factor",
        }
    }
}

/// Who follows whom, and how.
#[derive(Debug, Clone, Copy)]
pub struct Followers<'a> {
    /// The number of the leading account in the book.
    pub leader: u32,
    /// The numbers of the accounts that follow.
    pub accounts: &'a [u32],
    /// What their orders are in proportion to.
    pub by: MirrorBy,
    /// A factor for each of them.
    pub factor: &'a [f64],
    /// Whether an order that does not fit is cut to the largest that does, instead of refused.
    pub cut: bool,
}

/// One of the leader's orders, for one follower.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MirroredRow {
    /// The row of the leader's orders.
    pub leader_row: u32,
    /// The number of the follower in the book.
    pub account: u32,
    /// What it would be in proportion, signed, down to the lot.
    pub wanted: f64,
    /// What is let in of it, signed; 0 where nothing is.
    pub quantity: f64,
    /// Whether it was cut.
    pub cut: bool,
    /// [`Reason::Accepted`] where all of it is let in; why no more, or nothing, is, else. [`Reason::Lot`]: it rounds to nothing.
    pub reason: Reason,
    /// What it takes of the initial margin, in the pool's asset; 0 where nothing is let in.
    pub cost: f64,
}

/// The leader's orders for each follower, by order, and within it in the order of the followers.
#[derive(Debug, Clone, PartialEq)]
pub struct Mirrored {
    /// A row for each order and follower.
    pub rows: Vec<MirroredRow>,
}

/// Sizes a leader's orders for its followers and puts each through the gate.
///
/// A follower's quantity is `|dq| * r * factor` down to the lot, where `r` is the ratio of its equity to that of the leader, or
/// 1 by factor. Equities are those of all pools in the valuation asset. A row with which the leader only closes is at most the
/// follower's own position against it, all of that too where it is no multiple of the lot. Rows are let in one after the other in the
/// leader's order, as [`super::check_orders`] lets them in; followers do not see each other. A row that is refused for margin, for
/// leverage or beyond the last tier is cut to the largest that fits, as [`super::max_orders`] finds it, where that is asked for.
/// The account column of `orders` is not looked at.
///
/// # Errors
/// [`Error::Book`] with faults of the leader's rows; [`Error::Argument`] for an unknown account, factors that are not positive
/// or not one for each follower, a leader without equity where that is the measure, and a fee that the market does not state;
/// [`Error::MissingPrice`] where an equity depends on a price that is missing.
///
/// # Examples
/// ```
/// use std::sync::Arc;
/// use crossmargin::book::{Balances, Keys, OnError, Orders, Tables};
/// use crossmargin::order::{Followers, Gate, MirrorBy, mirror};
/// use crossmargin::{Book, Market, Prices};
///
/// let market = Arc::new(Market::preset("binance-usdm", None)?);
/// let (usdt, btc) = (market.asset_index("USDT").unwrap() as i64, market.instrument_index("BTCUSDT").unwrap() as i64);
/// let balances = Balances {
///     account: Keys::Int(&[1, 2]),
///     asset: Keys::Int(&[usdt, usdt]),
///     wallet_balance: &[10_000.0, 2_500.0],
///     ..Balances::default()
/// };
/// let (book, _) = Book::build(market, Tables { balances, ..Tables::default() }, OnError::Refuse)?;
/// let prices = Prices::by_name(book.market(), &[("BTCUSDT", 60_000.0)], &[])?;
/// let orders = Orders {
///     account: Keys::Int(&[1]),
///     instrument: Keys::Int(&[btc]),
///     quantity: &[0.5],
///     price: &[f64::NAN],
///     leverage: Some(&[10.0]),
///     ..Orders::default()
/// };
/// let followers = Followers { leader: 0, accounts: &[1], by: MirrorBy::Equity, factor: &[1.0], cut: true };
/// let mirrored = mirror(&book, &prices, &orders, &followers, &Gate::default(), &Default::default())?;
/// assert_eq!((mirrored.rows[0].wanted, mirrored.rows[0].quantity), (0.125, 0.125));
/// # Ok::<(), crossmargin::Error>(())
/// ```
pub fn mirror(
    book: &Book,
    prices: &Prices,
    orders: &Orders<'_>,
    followers: &Followers<'_>,
    gate: &Gate,
    options: &Options,
) -> Result<Mirrored> {
    environment::check()?;
    check(book, followers)?;
    gate.check(book)?;
    let rows = ProposedRows::new(book.market(), orders, book.holdings().quantity_unit)?;
    faults::refuse(&rows, &vec![followers.leader; rows.len()], &orders.account)?;
    let said: Vec<Said> = (0..rows.len()).map(|row| rows.said(row)).collect();
    let (ground, stop) = (Ground::new(book, prices), Stop::new(options.stop));
    let leading = Leading::new(&ground, followers, &said, *gate)?;
    let mut found: Vec<Result<Vec<MirroredRow>>> = followers.accounts.iter().map(|_| Ok(Vec::new())).collect();
    let items: Vec<_> = found.iter_mut().enumerate().collect();
    let threads = parallel::threads_or_all(options.threads).min(items.len().div_ceil(64));
    let shared = Arc::new(KnownTables::default());
    parallel::for_each(
        threads,
        items,
        || (),
        |(), (place, found)| {
            if !stop.now() {
                *found = leading.follow(place, *gate, &shared);
            }
        },
    );
    let by_follower = stop.unless_said(found)?.into_iter().collect::<Result<Vec<_>>>()?;
    let in_order = (0..said.len()).flat_map(|row| by_follower.iter().map(move |rows| rows[row]));
    Ok(Mirrored { rows: in_order.collect() })
}

/// Refuses what is no question.
fn check(book: &Book, followers: &Followers<'_>) -> Result<()> {
    let n = book.holdings().accounts().len();
    let known = |account: u32| (account as usize) < n;
    if !known(followers.leader) {
        return Err(Error::argument("leader", format!("was {}, expected a number below {n}", followers.leader)));
    }
    if let Some(unknown) = followers.accounts.iter().find(|account| !known(**account)) {
        return Err(Error::argument("followers", format!("had {unknown}, expected numbers below {n}")));
    }
    if followers.factor.len() != followers.accounts.len() {
        let (had, expected) = (followers.factor.len(), followers.accounts.len());
        return Err(Error::argument(
            "factor",
            format!("had {had} elements, expected {expected}, one for each follower"),
        ));
    }
    let wrong = |factor: &&f64| !(**factor > 0.0 && crate::book::in_range(**factor));
    match followers.factor.iter().find(wrong) {
        None => Ok(()),
        Some(factor) => Err(Error::argument("factor", format!("was {}, expected a positive number", shown(*factor)))),
    }
}

/// The leader's orders.
struct Leading<'a> {
    ground: &'a Ground<'a>,
    followers: &'a Followers<'a>,
    said: &'a [Said],
    /// Whether the leader only closes with each.
    closes: Vec<bool>,
    /// What the leader is worth, by order; none where nothing is in proportion to it.
    equity: Vec<Exact>,
}

impl<'a> Leading<'a> {
    fn new(ground: &'a Ground<'a>, followers: &'a Followers<'a>, said: &'a [Said], gate: Gate) -> Result<Self> {
        let leader = followers.leader as usize;
        let mut equity = Vec::new();
        if followers.by == MirrorBy::Equity {
            for said in said {
                let settle = ground.instrument(said.instrument).settle();
                let worth = equity_of(ground.book, ground.prices, leader, settle)?;
                if worth <= Exact::zero() {
                    let message = format!("has an equity of {}, nothing to be in proportion to", shown(worth.to_f64()));
                    return Err(Error::argument("leader", message));
                }
                equity.push(worth);
            }
        }
        let closes = closing(ground, leader, said, gate);
        Ok(Self { ground, followers, said, closes, equity })
    }

    /// The leader's orders for a follower.
    fn follow(&self, place: usize, gate: Gate, shared: &Arc<KnownTables>) -> Result<Vec<MirroredRow>> {
        let account = self.followers.accounts[place];
        let mut room = Room::new(self.ground, account as usize);
        let mut rows = Vec::with_capacity(self.said.len());
        for (at, said) in self.said.iter().enumerate() {
            let mut row = MirroredRow {
                leader_row: u32::try_from(at).unwrap_or(NO_KEY),
                account,
                wanted: 0.0,
                quantity: 0.0,
                cut: false,
                reason: Reason::Lot,
                cost: 0.0,
            };
            match self.wanted(at, place, &room)? {
                Ok(wanted) => row.wanted = wanted,
                Err(reason) => row.reason = reason,
            }
            if row.wanted != 0.0 {
                self.let_in(&mut room, &Said { quantity: row.wanted, ..*said }, &mut row, (gate, shared));
            }
            rows.push(row);
        }
        Ok(rows)
    }

    /// What an order would be in proportion; or why it is nothing.
    fn wanted(&self, at: usize, place: usize, room: &Room<'_>) -> Result<std::result::Result<f64, Reason>> {
        let said = &self.said[at];
        let instrument = self.ground.instrument(said.instrument);
        let ladder = Ladder::new(instrument, self.ground.book.holdings().quantity_unit);
        let mut amount = Exact::from_f64(said.quantity).abs() * Exact::from_f64(self.followers.factor[place]);
        if let Some(leader) = self.equity.get(at) {
            let account = self.followers.accounts[place] as usize;
            let own = equity_of(self.ground.book, self.ground.prices, account, instrument.settle())?;
            if own <= Exact::zero() {
                return Ok(Err(Reason::Margin));
            }
            amount = (amount * own).checked_div(leader).unwrap_or_else(Exact::zero);
        }
        let mut size = ladder.quantity(ladder.below(&amount));
        if self.closes[at] {
            let (row, met) = room.row(said);
            let held = met.position(row.isolated).map_or(0.0, |of| room.book().holdings().quantity(of));
            if held == 0.0 || (held > 0.0) == row.buys() {
                return Ok(Err(Reason::NothingToReduce));
            }
            if amount >= Exact::from_f64(held).abs() {
                size = held.abs();
            }
        }
        if size == 0.0 {
            return Ok(Err(Reason::Lot));
        }
        Ok(Ok(if said.quantity > 0.0 { size } else { -size }))
    }

    /// Puts an order through the gate, cut where that is asked for.
    fn let_in(
        &self,
        room: &mut Room<'_>,
        said: &Said,
        out: &mut MirroredRow,
        (gate, shared): (Gate, &Arc<KnownTables>),
    ) {
        let (mut row, decision) = decide_said(room, said);
        (out.reason, out.cost) = (decision.reason(), decision.cost);
        out.quantity = if decision.accepted() { out.wanted } else { 0.0 };
        let by_size = matches!(out.reason, Reason::Margin | Reason::Leverage | Reason::Cap);
        if by_size && self.followers.cut {
            let found = self.largest(room, said);
            out.cut = found.quantity != 0.0;
            if out.cut {
                (out.quantity, out.reason, out.cost) = (found.quantity, found.binding, found.cost);
                row.quantity = found.quantity;
            }
        }
        if out.quantity == 0.0 {
            out.cost = 0.0;
            return;
        }
        if let Err(reason) = accept(room, &row, gate, shared) {
            (out.quantity, out.cut, out.reason, out.cost) = (0.0, false, reason, 0.0);
        }
    }

    /// The largest that fits of an order that does not.
    fn largest(&self, room: &Room<'_>, said: &Said) -> super::largest::Largest {
        let asked = Asked::of(super::gate::Proposed::market(said.instrument, said.quantity));
        let question = Question::new(self.ground, &asked);
        question.in_room(room, said, Some(&Exact::from_f64(said.quantity).abs())).0
    }
}

fn accept(room: &mut Room<'_>, row: &Row, gate: Gate, shared: &Arc<KnownTables>) -> std::result::Result<(), Reason> {
    if gate.assume.fills(row.price, row.trigger_price) {
        room.filled = Some(Box::new(room.with_fill(row, gate, shared)?));
        return Ok(());
    }
    room.rest(row);
    Ok(())
}

/// Whether the leader only closes with each order: it can but reduce, or is no more than what the leader has against it, after
/// the orders before that fill.
fn closing(ground: &Ground<'_>, leader: usize, said: &[Said], gate: Gate) -> Vec<bool> {
    let room = Room::new(ground, leader);
    let mut traded: Vec<(u32, bool, Exact)> = Vec::new();
    let each = said.iter().map(|said| {
        let (row, met): (Row, Met) = room.row(said);
        let held = met.position(row.isolated).map_or(0.0, |of| room.book().holdings().quantity(of));
        let mut position = Exact::from_f64(held);
        let own = |(instrument, isolated, _): &&(u32, bool, Exact)| {
            (*instrument, *isolated) == (row.instrument, row.isolated)
        };
        for (_, _, quantity) in traded.iter().filter(own) {
            position = position + quantity.clone();
        }
        let quantity = Exact::from_f64(row.quantity);
        let against = row.side == Side::Net && position.sign() == quantity.sign().reverse();
        let closes = row.only_reduces() || (against && quantity.clone().abs() <= position.clone().abs());
        if gate.assume.fills(row.price, row.trigger_price) {
            let more = row.only_reduces() && quantity.clone().abs() > position.clone().abs();
            traded.push((row.instrument, row.isolated, if more { -position } else { quantity }));
        }
        closes
    });
    each.collect()
}

impl Mirrored {
    /// The book with what was let in, as [`applied`] puts it in place; `orders` are those of the leader.
    ///
    /// # Errors
    /// As [`applied`].
    pub fn applied(&self, book: &Book, prices: &Prices, orders: &Orders<'_>, gate: &Gate) -> Result<Applied> {
        let rows: Vec<&MirroredRow> = self.rows.iter().filter(|row| row.quantity != 0.0).collect();
        let of = |row: &&MirroredRow| row.leader_row as usize;
        let reals =
            |column: Option<&[f64]>| column.map(|column| rows.iter().map(|row| column[of(row)]).collect::<Vec<_>>());
        let codes = |keys: Option<TextKeys<'_>>| {
            keys.map_or_else(Vec::new, |keys| rows.iter().map(|row| keys.codes[of(row)]).collect::<Vec<_>>())
        };
        let (ints, account_codes): (Vec<i64>, Vec<u32>) = match book.holdings().accounts() {
            AccountKeys::Int(keys) => (rows.iter().map(|row| keys[row.account as usize]).collect(), Vec::new()),
            AccountKeys::Text(_) => (Vec::new(), rows.iter().map(|row| row.account).collect()),
        };
        let account = match book.holdings().accounts() {
            AccountKeys::Int(_) => Keys::Int(&ints),
            AccountKeys::Text(names) => Keys::Text(TextKeys { codes: &account_codes, names }),
        };
        let known = ProposedRows::new(book.market(), orders, book.holdings().quantity_unit)?;
        let instrument: Vec<i64> = rows.iter().map(|row| i64::from(known.said(of(row)).instrument)).collect();
        let (leverage, trigger) = (reals(orders.leverage), reals(orders.trigger_price));
        let price = reals(Some(orders.price)).unwrap_or_default();
        let quantity: Vec<f64> = rows.iter().map(|row| row.quantity).collect();
        let reduces: Option<Vec<bool>> =
            orders.reduce_only.map(|column| rows.iter().map(|row| column[of(row)]).collect());
        let (sides, modes, kinds) = (codes(orders.position_side), codes(orders.margin_mode), codes(orders.kind));
        let all = Orders {
            account,
            instrument: Keys::Int(&instrument),
            quantity: &quantity,
            price: &price,
            leverage: leverage.as_deref(),
            trigger_price: trigger.as_deref(),
            reduce_only: reduces.as_deref(),
            position_side: orders.position_side.map(|keys| TextKeys { codes: &sides, ..keys }),
            margin_mode: orders.margin_mode.map(|keys| TextKeys { codes: &modes, ..keys }),
            kind: orders.kind.map(|keys| TextKeys { codes: &kinds, ..keys }),
        };
        applied(book, &all, &vec![true; rows.len()], gate, prices)
    }
}
