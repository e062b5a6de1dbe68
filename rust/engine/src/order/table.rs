//! A table of orders of many accounts.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::book::{Orders, ProposedRows};
use crate::environment;
use crate::error::{BookFaults, Error, Result};
use crate::market::Prices;
use crate::parallel::{self, Stop};
use crate::pool::Book;
use crate::score::{Missing, Options, check_prices};

use super::accounts::{accounts_of, by_account};
use super::after::After;
use super::faults::faults_of;
use super::gate::{Decided, DecisionBuffers, Gate, OnFault};
use super::ground::Ground;
use super::reason::Reason;
use super::sequence::{Counts, Own, Table, cut};
use super::single::missing;

/// Fewer orders than this are not worth a second thread.
const ORDERS_PER_THREAD: usize = 1 << 13;

/// Decides about a table of orders: each meets its account with the orders accepted before it in the table.
///
/// What an order needs is said at [`super::check_order`]; what an accepted one is for those after it, by [`Gate::assume`].
/// Accounts do not see each other. Results are in the order of the rows, and depend neither on threads nor on the order of the accounts.
///
/// # Errors
/// [`Error::Book`] with the faults of rows that are no orders, unless [`OnFault::Reject`]; [`Error::MissingPrice`] unless
/// [`Missing::Null`]; [`Error::Argument`] for buffers or columns of unequal length, prices of another market, or a fee that the
/// market does not state.
///
/// # Examples
/// ```
/// # use std::sync::Arc;
/// # use crossmargin::book::{Balances, Keys, OnError, Orders, Tables};
/// # use crossmargin::{Book, Market, Prices};
/// # use crossmargin::score::Options;
/// use crossmargin::order::{DecisionBuffers, Gate, Reason, check_orders};
///
/// let market = Arc::new(Market::preset("binance-usdm", None)?);
/// let (usdt, btc) = (market.asset_index("USDT").unwrap() as i64, market.instrument_index("BTCUSDT").unwrap() as i64);
/// let balances =
///     Balances { account: Keys::Int(&[7]), asset: Keys::Int(&[usdt]), wallet_balance: &[900.0], ..Balances::default() };
/// let (book, _) = Book::build(Arc::clone(&market), Tables { balances, ..Tables::default() }, OnError::Refuse)?;
/// let prices = Prices::by_name(&market, &[("BTCUSDT", 60_000.0)], &[])?;
///
/// // Of two orders that cost 600 each, the second meets what the first has left.
/// let orders = Orders {
///     account: Keys::Int(&[7, 7]),
///     instrument: Keys::Int(&[btc, btc]),
///     quantity: &[0.1, 0.1],
///     price: &[60_000.0, 60_000.0],
///     leverage: Some(&[10.0, 10.0]),
///     ..Orders::default()
/// };
/// let (mut accepted, mut reason, mut short) = ([false; 2], [0; 2], [0.0; 2]);
/// let out = DecisionBuffers { short: Some(&mut short), ..DecisionBuffers::new(&mut accepted, &mut reason) };
/// check_orders(&book, &prices, &orders, &Gate::default(), out, &Options::default())?;
/// assert_eq!((accepted, reason[1], short[1]), ([true, false], Reason::Margin.code(), 300.0));
/// # Ok::<(), crossmargin::Error>(())
/// ```
pub fn check_orders(
    book: &Book,
    prices: &Prices,
    orders: &Orders<'_>,
    gate: &Gate,
    mut out: DecisionBuffers<'_>,
    options: &Options,
) -> Result<Decided> {
    environment::check()?;
    check_prices(book, prices, options.missing)?;
    gate.check(book)?;
    let rows = ProposedRows::new(book.market(), orders, book.holdings().quantity_unit)?;
    out.check(rows.len())?;
    let accounts = accounts_of(book.holdings().accounts(), &orders.account);
    let order = by_account(&accounts);
    let ground = Ground::of_many(book, prices);
    let after = After::new(&ground, &out, options)?;
    let shared = Arc::default();
    let order_of = order.as_deref();
    let table =
        Table { ground: &ground, gate: *gate, rows: &rows, accounts: &accounts, order: order_of, after, shared };
    let counts = Counts::default();
    let stop = Stop::new(options.stop);
    match &order {
        None => run(&table, lent(&mut out), &counts, (options, &stop)),
        Some(order) => {
            let mut own = Own::like(&out);
            run(&table, own.lend(&out), &counts, (options, &stop));
            own.scatter(order, &mut out);
        }
    }
    let faults = (counts.malformed.into_inner() > 0).then(|| faults_of(&rows, &accounts, &orders.account)).flatten();
    let n_unpriced = counts.unpriced.load(Ordering::Relaxed);
    refuse(&ground, *gate, (options, faults.as_ref()), n_unpriced, &unpriced(&rows, &out, n_unpriced))?;
    stop.unless_said(Decided {
        n_accepted: counts.accepted.into_inner(),
        n_exact: counts.exact.into_inner(),
        n_unpriced,
        faults,
    })
}

/// The same buffers, for a while.
fn lent<'b>(out: &'b mut DecisionBuffers<'_>) -> DecisionBuffers<'b> {
    DecisionBuffers {
        accepted: out.accepted,
        reason: out.reason,
        pool: out.pool.as_deref_mut(),
        cost: out.cost.as_deref_mut(),
        available: out.available.as_deref_mut(),
        short: out.short.as_deref_mut(),
        opening: out.opening.as_deref_mut(),
        violations: out.violations.as_deref_mut(),
        after: out.after.iter_mut().map(|(column, buffer)| (*column, &mut **buffer)).collect(),
        after_liquidatable: out.after_liquidatable.as_deref_mut(),
    }
}

fn run(table: &Table<'_>, out: DecisionBuffers<'_>, counts: &Counts, (options, stop): (&Options, &Stop)) {
    let n = table.rows.len();
    let threads = match options.threads.filter(|&n| n > 0) {
        Some(threads) => threads,
        None => parallel::threads_or_all(None).min(n / ORDERS_PER_THREAD).max(1),
    };
    let parts = table.parts();
    let work = |(): &mut (), (places, out)| {
        if !stop.now() {
            table.decide(places, out, counts);
        }
    };
    parallel::for_each(threads, cut(out, &parts), || (), work);
}

/// The instruments of rows that something has no price for, each once.
fn unpriced(rows: &ProposedRows<'_>, out: &DecisionBuffers<'_>, n: usize) -> Vec<u32> {
    if n == 0 {
        return Vec::new();
    }
    let found = out.reason.iter().enumerate().filter(|(_, reason)| **reason == Reason::Unpriced.code());
    let mut instruments: Vec<u32> = found.map(|(row, _)| rows.said(row).instrument).collect();
    instruments.sort_unstable();
    instruments.dedup();
    instruments
}

/// Refuses rows that are no orders, and missing prices, as far as the call does not let them be reasons.
fn refuse(
    ground: &Ground<'_>,
    gate: Gate,
    (options, faults): (&Options, Option<&BookFaults>),
    n_unpriced: usize,
    instruments: &[u32],
) -> Result<()> {
    match faults {
        Some(faults) if gate.on_fault == OnFault::Refuse => return Err(Error::Book(Box::new(faults.clone()))),
        _ => {}
    }
    if n_unpriced > 0 && options.missing == Missing::Refuse {
        return Err(missing(ground.book, ground.prices, instruments));
    }
    Ok(())
}
