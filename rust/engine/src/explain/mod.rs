//! Why a pool's figures are what they are: the evaluation itself, written down as terms that add up.

mod figures;
mod formula;
mod tree;

pub use formula::Token;

use crate::book::Side;
use crate::error::{Error, MissingPrices, Result};
use crate::market::{Prices, TriggerPrice};
use crate::pool::{Book, derive, is_priced};
use crate::score::{Missing, check_prices, score_pool};

use figures::Figures;

/// One number of an explanation: what it is, how it follows from others, and which rule says so.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Term {
    /// What the number is: a figure of the pool (`maintenance_margin`), or one that it is made of (`notional`).
    pub word: &'static str,
    /// The constraint that is tested, of an `excess`; empty elsewhere.
    pub constraint: String,
    /// How deep in the tree it is, from 0.
    pub level: usize,
    /// The term that it is a part of.
    pub parent: Option<usize>,
    /// The number: of a figure of the pool the one that scoring gives, else the double nearest to the exact one; NaN where
    /// unknown.
    pub value: f64,
    /// How it follows: from terms, and from numbers that were entered or are rules. Empty where it is unknown.
    pub formula: Vec<Token>,
    /// The asset that it is an amount of.
    pub unit: Unit,
    /// What it is about: an asset, by its place in the market.
    pub asset: Option<usize>,
    /// An instrument, by its place in the market.
    pub instrument: Option<usize>,
    /// A side of the instrument, of a position or an order.
    pub side: Option<Side>,
    /// The row of a position in its input table.
    pub position: Option<u32>,
    /// Path of the rule that it follows in the market's file; empty where it is what the word says.
    pub rule: String,
    /// The earlier term that is the same number: its parts are there.
    pub repeats: Option<usize>,
}

/// What a term is an amount of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Nothing: a ratio, a tier, a verdict.
    None,
    /// An asset, by its place in the market.
    Asset(usize),
    /// The quote of an instrument, by its place in the market.
    Quote(usize),
    /// Contracts.
    Contracts,
}

/// Explains the figures of a pool: a tree of terms in the order of reading, each before its parts.
///
/// The terms are those that the pool's evaluation makes, without rounding: a term is exactly what its formula makes of
/// others. What adds nothing is left out.
///
/// # Errors
/// [`Error::Argument`] for a pool that the book has not and prices of another market; [`Error::MissingPrice`] naming what
/// the pool holds without a price.
///
/// # Examples
/// ```
/// use std::sync::Arc;
/// use crossmargin::book::{Balances, Keys, OnError, Positions, Tables};
/// use crossmargin::explain::explain;
/// use crossmargin::{Book, Market, Prices};
///
/// let market = Arc::new(Market::preset("textbook", None)?);
/// let (usdt, btc) = (market.asset_index("USDT").unwrap() as i64, market.instrument_index("BTCUSDT").unwrap() as i64);
/// let account = Keys::Int(&[7]);
/// let balances = Balances { account, asset: Keys::Int(&[usdt]), wallet_balance: &[10_000.0], ..Balances::default() };
/// let (quantity, entry_price): (&[f64], &[f64]) = (&[0.5], &[60_000.0]);
/// let positions = Positions { account, instrument: Keys::Int(&[btc]), quantity, entry_price, ..Positions::default() };
/// let tables = Tables { balances, positions, ..Tables::default() };
/// let (book, _) = Book::build(Arc::clone(&market), tables, OnError::Refuse)?;
/// let prices = Prices::by_name(&market, &[("BTCUSDT", 64_000.0)], &[])?;
/// let terms = explain(&book, &prices, 0)?;
/// let maintenance = terms.iter().find(|term| term.word == "maintenance_margin").unwrap();
/// assert_eq!(maintenance.value, 750.0);
/// # Ok::<(), crossmargin::Error>(())
/// ```
pub fn explain(book: &Book, prices: &Prices, pool: usize) -> Result<Vec<Term>> {
    check_prices(book, prices, Missing::Null)?;
    let n_pools = book.holdings().n_pools();
    if pool >= n_pools {
        return Err(Error::argument("pool", format!("was {pool}, expected the place of one of {n_pools} pools")));
    }
    if !is_priced(book, pool, prices) {
        return Err(Error::MissingPrice(Box::new(missing(book, pool, prices))));
    }
    let figures = Figures { scored: score_pool(book, prices, pool)?, tested: derive(book, pool, prices) };
    Ok(figures.terms(book, pool))
}

/// What a pool holds that has no price.
fn missing(book: &Book, pool: usize, prices: &Prices) -> MissingPrices {
    let (market, holdings) = (book.market(), book.holdings());
    let of_orders = holdings.orders_of(pool).map(|order| tree::order_instrument(holdings, order));
    let mut held: Vec<usize> = holdings.positions_of(pool).map(|at| holdings.instrument(at)).chain(of_orders).collect();
    held.sort_unstable();
    held.dedup();
    let is_absent = |column: &[f64], at: usize| column.get(at).is_none_or(|price| price.is_nan());
    let names = |column: &[f64]| {
        let absent = held.iter().filter(|&&at| is_absent(column, at));
        absent.map(|&at| market.instruments()[at].name().to_owned()).collect()
    };
    let looks_at_last = market.rules().constraints().iter().any(|constraint| constraint.price == TriggerPrice::Last);
    let assets = holdings.layers_of(pool).map(|layer| holdings.layer_asset(layer));
    let valued = |asset: &usize| book.is_joint(pool) && market.rules().valuation_asset() != Some(*asset);
    let assets = assets.filter(valued).filter(|&asset| is_absent(prices.index(), asset));
    MissingPrices {
        instruments: names(prices.mark()),
        last: if looks_at_last { names(prices.last()) } else { Vec::new() },
        assets: assets.map(|asset| market.assets()[asset].name().to_owned()).collect(),
    }
}
