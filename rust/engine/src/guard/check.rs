//! Limits looked at over a whole book.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::environment;
use crate::error::{Error, Result};
use crate::exact::{Bounded, Exact};
use crate::market::Prices;
use crate::parallel;
use crate::pool::{AccountLimits, Book, account_limits, flags, is_priced};
use crate::score::{Missing, Options, Summary, check_prices};

use super::limits::Limits;

/// Where the bits go; no bit: within every limit.
#[derive(Debug)]
pub struct BreachBuffers<'a> {
    /// Of each pool: levels, [`Limits::LIQUIDATABLE`].
    pub pools: &'a mut [u32],
    /// Of each position, in the order of the book's holdings: [`Limits::MAINTENANCE_SHARE`].
    pub positions: &'a mut [u32],
    /// Of each account: [`Limits::SOFT_STOP`], [`Limits::MAX_LEVERAGE`], [`Limits::CONCENTRATION`].
    pub accounts: &'a mut [u32],
}

/// Says which limits the pools, positions and accounts of a book are beyond at given prices.
///
/// Every bit is that of exact arithmetic on the decimals that the inputs denote. Equality is within a limit, but for the soft
/// stop, whose loss it is. Equity, notional and maintenance margin are those of the prices of the first constraint, at full
/// value in the valuation asset at index prices. With no equity left every position is beyond its share. Accounts whose
/// reference is NaN or not positive, or all where there is none, have no soft stop.
///
/// # Errors
/// [`Error::Argument`] for limits out of range, buffers or references of another length, and pools of several assets without
/// a valuation asset; [`Error::MissingPrice`] unless missing prices are allowed.
///
/// # Examples
/// ```
/// use std::sync::Arc;
/// use crossmargin::book::{Balances, Keys, OnError, Positions, Tables};
/// use crossmargin::guard::{BreachBuffers, Limits, check_limits};
/// use crossmargin::{Book, Market, Prices};
///
/// let market = Arc::new(Market::preset("binance-usdm", None)?);
/// let (usdt, btc) = (market.asset_index("USDT").unwrap() as i64, market.instrument_index("BTCUSDT").unwrap() as i64);
/// let balances =
///     Balances { account: Keys::Int(&[7]), asset: Keys::Int(&[usdt]), wallet_balance: &[1_000.0], ..Balances::default() };
/// let positions = Positions {
///     account: Keys::Int(&[7]),
///     instrument: Keys::Int(&[btc]),
///     quantity: &[0.2],
///     entry_price: &[60_000.0],
///     ..Positions::default()
/// };
/// let (book, _) = Book::build(market, Tables { balances, positions, ..Tables::default() }, OnError::Refuse)?;
/// let prices = Prices::by_name(book.market(), &[("BTCUSDT", 60_000.0)], &[])?;
///
/// let (mut pools, mut positions, mut accounts) = ([0], [0], [0]);
/// let out = BreachBuffers { pools: &mut pools, positions: &mut positions, accounts: &mut accounts };
/// let limits = Limits { max_leverage: Some(10.0), ..Limits::default() };
/// check_limits(&book, &prices, &limits, &[], out, &Default::default())?;
/// // 12,000 of notional on 1,000 of equity, of which it requires 48: 4.8 %.
/// assert_eq!((pools[0], positions[0], accounts[0]), (0, Limits::MAINTENANCE_SHARE, Limits::MAX_LEVERAGE));
/// # Ok::<(), crossmargin::Error>(())
/// ```
pub fn check_limits(
    book: &Book,
    prices: &Prices,
    limits: &Limits,
    references: &[f64],
    out: BreachBuffers<'_>,
    options: &Options,
) -> Result<Summary> {
    environment::check()?;
    let limits = limits.checked(book.market().assets().len())?;
    check_prices(book, prices, options.missing)?;
    out.check(book)?;
    check_references(references, book.holdings().accounts().len())?;
    let valuation = if limits.asks_of_accounts() { book.valuation_of(limits.valuation)? } else { None };
    if let (Some(valuation), Missing::Refuse) = (valuation, options.missing) {
        book.check_valuation(prices, valuation)?;
    }
    let question = Question { book, prices, limits: &limits, references, valuation };
    let (n_exact, n_unpriced) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let parts = out.parts(book);
    let threads = match options.threads.filter(|&n| n > 0) {
        Some(threads) => threads,
        None => parallel::threads_or_all(None).min(parts.len().div_ceil(4)),
    };
    parallel::for_each(
        threads,
        parts,
        || (),
        |(), part| {
            let summary = question.part(part);
            n_exact.fetch_add(summary.n_exact, Ordering::Relaxed);
            n_unpriced.fetch_add(summary.n_unpriced, Ordering::Relaxed);
        },
    );
    Ok(Summary { n_exact: n_exact.into_inner(), n_unpriced: n_unpriced.into_inner() })
}

fn check_references(references: &[f64], n: usize) -> Result<()> {
    if !references.is_empty() && references.len() != n {
        let message = format!("had {} elements, expected {n}, one per account", references.len());
        return Err(Error::argument("references", message));
    }
    match references.iter().find(|reference| reference.is_infinite()) {
        Some(reference) => {
            Err(Error::argument("references", format!("had {reference}, expected finite amounts or NaN")))
        }
        None => Ok(()),
    }
}

/// Accounts that a thread claims at once.
const ACCOUNTS_AT_ONCE: usize = 512;

/// The bits of a run of accounts.
struct Part<'a> {
    accounts: Range<usize>,
    out: BreachBuffers<'a>,
}

impl<'a> BreachBuffers<'a> {
    fn check(&self, book: &Book) -> Result<()> {
        let holdings = book.holdings();
        let lengths = [
            ("out.pools", self.pools.len(), holdings.n_pools()),
            ("out.positions", self.positions.len(), holdings.n_positions()),
            ("out.accounts", self.accounts.len(), holdings.accounts().len()),
        ];
        match lengths.into_iter().find(|(_, length, expected)| length != expected) {
            Some((name, length, expected)) => {
                Err(Error::argument(name, format!("had {length} elements, expected {expected}")))
            }
            None => Ok(()),
        }
    }

    /// Cuts the buffers at accounts.
    fn parts(self, book: &Book) -> Vec<Part<'a>> {
        let holdings = book.holdings();
        let (n, mut rest, mut parts) = (holdings.accounts().len(), self, Vec::new());
        for first in (0..n).step_by(ACCOUNTS_AT_ONCE) {
            let accounts = first..n.min(first + ACCOUNTS_AT_ONCE);
            let pools = holdings.pools_of(first).start..holdings.pools_of(accounts.end - 1).end;
            let positions = pools.clone().map(|pool| holdings.positions_of(pool).len()).sum();
            let (pools, more_pools) = rest.pools.split_at_mut(pools.len());
            let (held, more_held) = rest.positions.split_at_mut(positions);
            let (owners, more_owners) = rest.accounts.split_at_mut(accounts.len());
            parts.push(Part { accounts, out: BreachBuffers { pools, positions: held, accounts: owners } });
            rest = BreachBuffers { pools: more_pools, positions: more_held, accounts: more_owners };
        }
        parts
    }
}

/// What is asked of every account.
#[derive(Clone, Copy)]
struct Question<'a> {
    book: &'a Book,
    prices: &'a Prices,
    limits: &'a Limits,
    references: &'a [f64],
    /// `None` where nothing is asked of accounts, or there is no pool.
    valuation: Option<usize>,
}

impl Question<'_> {
    fn part(&self, part: Part<'_>) -> Summary {
        let holdings = self.book.holdings();
        let Part { accounts, out: BreachBuffers { mut pools, mut positions, accounts: owners } } = part;
        let mut summary = Summary::default();
        for (account, owner) in accounts.zip(owners) {
            let of = holdings.pools_of(account);
            let held = of.clone().map(|pool| holdings.positions_of(pool).len()).sum();
            let (some, rest) = pools.split_at_mut(of.len());
            let (some_held, rest_held) = positions.split_at_mut(held);
            let out = BreachBuffers { pools: some, positions: some_held, accounts: std::slice::from_mut(owner) };
            self.account(account, out, &mut summary);
            (pools, positions) = (rest, rest_held);
        }
        summary
    }

    fn account(&self, account: usize, out: BreachBuffers<'_>, summary: &mut Summary) {
        let mut known = true;
        for (pool, bits) in self.book.holdings().pools_of(account).zip(out.pools) {
            let priced = is_priced(self.book, pool, self.prices);
            summary.n_unpriced += usize::from(!priced);
            known &= priced && self.valuation.is_none_or(|asset| self.book.is_valued(pool, self.prices, asset));
            *bits = if priced { self.pool(pool, summary) } else { Limits::UNPRICED };
        }
        let nothing = if known { 0 } else { Limits::UNPRICED };
        out.accounts.fill(nothing);
        out.positions.fill(nothing);
        if let (Some(valuation), true) = (self.valuation, known) {
            self.whole(account, valuation, (&mut out.accounts[0], out.positions), summary);
        }
    }

    fn pool(&self, pool: usize, summary: &mut Summary) -> u32 {
        let liquidatable = 1 << self.limits.levels.len();
        let wanted = if self.limits.liquidation { 2 * liquidatable - 1 } else { liquidatable - 1 };
        if wanted == 0 {
            return 0;
        }
        let found = flags(self.book, pool, self.prices, &self.limits.levels, wanted);
        summary.n_exact += usize::from(found.exact);
        let fails = if found.bits & liquidatable == 0 { 0 } else { Limits::LIQUIDATABLE };
        found.bits & (liquidatable - 1) | fails
    }

    fn whole(
        &self,
        account: usize,
        valuation: usize,
        (owner, positions): (&mut u32, &mut [u32]),
        summary: &mut Summary,
    ) {
        let limits = self.limits;
        let reference = self.references.get(account).copied().filter(|reference| *reference > 0.0);
        let asked = AccountLimits {
            valuation,
            stop: limits.soft_stop.zip(reference),
            maintenance_share: limits.maintenance_share,
            max_leverage: limits.max_leverage,
            concentration: limits.concentration,
        };
        let mut found = account_limits::<Bounded>(self.book, account, self.prices, &asked);
        if found.is_none() {
            summary.n_exact += 1;
            found = account_limits::<Exact>(self.book, account, self.prices, &asked);
        }
        let found = found.unwrap_or_default();
        let bit = |fails: bool, bit: u32| if fails { bit } else { 0 };
        *owner |= bit(found.stopped, Limits::SOFT_STOP)
            | bit(found.overleveraged, Limits::MAX_LEVERAGE)
            | bit(found.concentrated, Limits::CONCENTRATION);
        for (bits, fails) in positions.iter_mut().zip(found.too_large) {
            *bits |= bit(fails, Limits::MAINTENANCE_SHARE);
        }
    }
}
