//! The least money to move so that every pool is at a target.

use crate::environment;
use crate::error::{Error, Result, shown};
use crate::market::Prices;
use crate::parallel;
use crate::pool::Book;
use crate::score::{Buffers, Column, Options, Summary, check_prices, score};

use super::leaving::{quanta_of, threads};
use super::plan::{Plan, Planned};
use super::scene::Scene;

/// What leaves the account beside.
///
/// # Examples
/// ```
/// use crossmargin::funds::Sweep;
/// assert_eq!(Sweep::of_name("profit"), Some(Sweep::Profit));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sweep {
    /// Nothing.
    #[default]
    None,
    /// All that can leave cross pools which stay at the target.
    Surplus,
    /// No more of that than the equity is above a reference.
    Profit,
}

impl Sweep {
    /// The sweep of a name: `none`, `surplus` or `profit`.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        match name {
            "none" => Some(Self::None),
            "surplus" => Some(Self::Surplus),
            "profit" => Some(Self::Profit),
            _ => None,
        }
    }
}

/// Where every pool is to be.
#[derive(Debug, Clone, Copy, Default)]
pub struct Target<'a> {
    /// `collateral_value >= ratio * maintenance_margin` is asked of every pool that requires anything.
    pub ratio: f64,
    /// What leaves beside.
    pub sweep: Sweep,
    /// Under [`Sweep::Profit`] the equity that each account of the book began with, in the valuation asset; NaN for accounts
    /// that nothing leaves.
    pub reference: &'a [f64],
    /// Of which accounts; `None` for all.
    pub accounts: Option<&'a [u32]>,
}

/// Money that moves from a pool to another of its account, or out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transfer {
    /// The account, by its place in the book.
    pub account: u32,
    /// The asset, in the market's order.
    pub asset: u32,
    /// The pool that pays.
    pub from: u32,
    /// The pool that gets it; `None` where it leaves the account.
    pub to: Option<u32>,
    /// How much, in quanta of the asset.
    pub quanta: i128,
}

/// What becomes of a pool.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PoolMove {
    /// The pool.
    pub pool: u32,
    /// The asset, in the market's order; a cross pool of several has a row of each.
    pub asset: u32,
    /// What came in (positive) or went out, in quanta of the asset.
    pub moved: i128,
    /// What it still lacks, in quanta of the asset, of more than 10^37 - 1 as many; of a cross pool of several assets what it
    /// lacks of each if it alone is paid in.
    pub short: i128,
    /// `collateral_value / maintenance_margin` before; NaN where unknown.
    pub margin_ratio: f64,
    /// The same after.
    pub margin_ratio_after: f64,
}

/// What has to move.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rebalance {
    /// The transfers, in the order of the accounts and such that they can be done one after the other.
    pub transfers: Vec<Transfer>,
    /// Every pool of the accounts asked about.
    pub pools: Vec<PoolMove>,
    /// Questions that only exact arithmetic could decide, and pools without a price.
    pub summary: Summary,
}

/// The least money to move within each account so that its pools are at a target, and what can leave beside.
///
/// Money moves between the cross pool of an asset and the isolated pools that settle in it, as venues let it: out of an isolated
/// pool what [`super::withdrawable`] says, out of the cross pool what is available, no more than keeps the payer at the target
/// and from being liquidatable. The cross pool pays first; what it cannot pay comes out of the isolated pools with the highest
/// margin ratio, of as few as possible. Where all is not enough, pools are served from the lowest margin ratio up. Nothing is
/// converted: each asset of an account is by itself, in the market's order.
///
/// All amounts are whole quanta, and least: a quantum less leaves some pool below the target. In an account with something that
/// has no price nothing moves.
///
/// # Errors
/// As [`crate::score::score`]; [`Error::Argument`] for a target that is no positive number, references of another length and
/// accounts that the book does not hold.
///
/// # Examples
/// 2 BTC isolated behind 3,000 USDT, after a fall of 500 a coin, to a margin ratio of 2:
/// ```
/// # use std::sync::Arc;
/// # use crossmargin::book::{Balances, Keys, OnError, Positions, Tables, TextKeys};
/// # use crossmargin::funds::{Target, rebalance};
/// # use crossmargin::score::Options;
/// # use crossmargin::{Book, Market, Prices};
/// # let market = Arc::new(Market::preset("binance-usdm", None)?);
/// # let (usdt, btc) = (market.asset_index("USDT").unwrap() as i64, market.instrument_index("BTCUSDT").unwrap() as i64);
/// # let isolated = ["isolated".to_owned()];
/// # let tables = Tables {
/// #     balances: Balances {
/// #         account: Keys::Int(&[7]), asset: Keys::Int(&[usdt]), wallet_balance: &[10_000.0], ..Balances::default()
/// #     },
/// #     positions: Positions {
/// #         account: Keys::Int(&[7]), instrument: Keys::Int(&[btc]), quantity: &[2.0], entry_price: &[50_000.0],
/// #         leverage: Some(&[50.0]), isolated_margin: Some(&[1_500.0]),
/// #         margin_mode: Some(TextKeys { codes: &[0], names: &isolated }), ..Positions::default()
/// #     },
/// #     ..Tables::default()
/// # };
/// # let (book, _) = Book::build(Arc::clone(&market), tables, OnError::Refuse)?;
/// let prices = Prices::by_name(&market, &[("BTCUSDT", 49_500.0)], &[])?;
/// let moves = rebalance(&book, &prices, &Target { ratio: 2.0, ..Target::default() }, &Options::default())?;
/// // 99,000 of notional require 0.4 % of 50,000 and 0.5 % of the rest: 445. Twice that is 890; 500 are left.
/// assert_eq!(moves.transfers[0].quanta, 39_000_000_000);
/// assert_eq!((moves.transfers[0].from, moves.transfers[0].to), (0, Some(1)));
/// assert_eq!(moves.pools[1].margin_ratio_after, 2.0);
/// # Ok::<(), crossmargin::Error>(())
/// ```
pub fn rebalance(book: &Book, prices: &Prices, target: &Target<'_>, options: &Options) -> Result<Rebalance> {
    environment::check()?;
    check_prices(book, prices, options.missing)?;
    let accounts = check(book, target)?;
    let mut ratios = vec![f64::NAN; book.holdings().n_pools()];
    let buffers = Buffers { columns: vec![(Column::MarginRatio, &mut ratios)], ..Buffers::default() };
    let before = score(book, prices, buffers, options)?;
    let quanta = quanta_of(book);
    let plan = Plan { scene: Scene { book, prices, quanta: &quanta }, target, ratios: &ratios };
    let mut planned: Vec<Planned> = accounts.iter().map(|_| Planned::default()).collect();
    let stop = parallel::Stop::new(options.stop);
    let items: Vec<(&usize, &mut Planned)> = accounts.iter().zip(&mut planned).collect();
    parallel::for_each(
        threads(options, accounts.len()),
        items,
        || (),
        |(), (&account, into)| {
            if !stop.now() {
                *into = plan.account(account);
            }
        },
    );
    let mut all = Rebalance { summary: before, ..Rebalance::default() };
    for Planned { transfers, pools, n_exact } in planned {
        all.transfers.extend(transfers);
        all.pools.extend(pools);
        all.summary.n_exact += n_exact;
    }
    stop.unless_said(all)
}

/// The accounts that are asked about, once a target is known to be one.
fn check(book: &Book, target: &Target<'_>) -> Result<Vec<usize>> {
    let n = book.holdings().accounts().len();
    if !(target.ratio > 0.0 && target.ratio.is_finite()) {
        let message = format!("was {}, expected a positive number such as 2", shown(target.ratio));
        return Err(Error::argument("target_ratio", message));
    }
    let lengths = if target.sweep == Sweep::Profit { n } else { target.reference.len() };
    if target.reference.len() != lengths {
        let message = format!("had {} numbers, expected {n}, one for each account", target.reference.len());
        return Err(Error::argument("reference", message));
    }
    let Some(asked) = target.accounts else { return Ok((0..n).collect()) };
    for (row, &account) in asked.iter().enumerate() {
        if account as usize >= n {
            let message = format!("was {account}, the book has {n} accounts: give their places, from 0");
            return Err(Error::argument(format!("accounts[{row}]"), message));
        }
    }
    Ok(asked.iter().map(|&account| account as usize).collect())
}
