//! The comparison of a whole book.

use crate::environment;
use crate::error::{Error, Result};
use crate::ledger::{Rearranged, rearranged};
use crate::market::Prices;
use crate::pool::Book;
use crate::price::{PositionBuffers, liquidation_prices};
use crate::score::{Missing, Options, Summary, check_prices};

use super::books::{Scored, equities, moved, rates};
use super::columns::{Allot, Compare, ModeBuffers, Variant};
use super::fences::{Allotted, Fences, in_input_order, positions_of};
use super::sweep::{Sweep, can_sweep};

/// Compares what every account of a book would be with its positions as they are, all cross, and each isolated, at the same
/// prices.
///
/// Cash and positions are the same in each variant; what differs is what stands behind what. Amounts are in the valuation
/// asset. The counts of liquidatable pools are those of exact arithmetic; everything else is within the bound of the figures of
/// [`crate::score::score`] that it is made of. Where isolating needs a leverage that nobody says, the figures of
/// [`Variant::Isolated`] are NaN for the account.
///
/// # Errors
/// [`Error::Argument`] for buffers of another length, an allotment that is not one of cash per position, a market without
/// isolated positions where [`Variant::Isolated`] is asked for, and pools of several assets without a valuation asset;
/// [`Error::MissingPrice`] unless missing prices are allowed; [`Error::Book`] for what no book of a variant can be of.
///
/// # Examples
/// ```
/// use std::sync::Arc;
/// use crossmargin::book::{Balances, Keys, OnError, Positions, Tables};
/// use crossmargin::modes::{Compare, ModeBuffers, ModeColumn, Variant, compare_modes};
/// use crossmargin::{Book, Market, Prices};
///
/// let market = Arc::new(Market::preset("textbook", None)?);
/// let usdt = market.asset_index("USDT").unwrap() as i64;
/// let (btc, eth) = (market.instrument_index("BTCUSDT").unwrap() as i64, market.instrument_index("ETHUSDT").unwrap() as i64);
/// let balances =
///     Balances { account: Keys::Int(&[7]), asset: Keys::Int(&[usdt]), wallet_balance: &[2_000.0], ..Balances::default() };
/// let positions = Positions {
///     account: Keys::Int(&[7, 7]),
///     instrument: Keys::Int(&[btc, eth]),
///     quantity: &[0.2, -1.0],
///     entry_price: &[50_000.0, 3_000.0],
///     leverage: Some(&[10.0, 10.0]),
///     ..Positions::default()
/// };
/// let (book, _) = Book::build(market, Tables { balances, positions, ..Tables::default() }, OnError::Refuse)?;
/// let prices = Prices::by_name(book.market(), &[("BTCUSDT", 60_000.0), ("ETHUSDT", 3_000.0)], &[])?;
///
/// let (mut cross, mut isolated) = ([0.0], [0.0]);
/// let columns = vec![
///     (ModeColumn::LossIfWorstFails, Variant::Cross, &mut cross[..]),
///     (ModeColumn::LossIfWorstFails, Variant::Isolated, &mut isolated[..]),
/// ];
/// let out = ModeBuffers { columns, ..ModeBuffers::default() };
/// compare_modes(&book, &prices, &Compare::default(), out, &Default::default())?;
/// // Cross, all 4,000 of equity stand behind both; isolated, the short loses the 300 that are fenced for it.
/// assert_eq!((cross[0], isolated[0]), (4_000.0, 300.0));
/// # Ok::<(), crossmargin::Error>(())
/// ```
pub fn compare_modes(
    book: &Book,
    prices: &Prices,
    compare: &Compare<'_>,
    mut out: ModeBuffers<'_>,
    options: &Options,
) -> Result<Summary> {
    environment::check()?;
    check_prices(book, prices, options.missing)?;
    out.check(book, compare.moves.len())?;
    check_leverage(compare.leverage)?;
    let isolates = out.asks_for(Variant::Isolated) || out.affordable.is_some();
    if isolates && !book.market().rules().isolated_allowed() {
        let message = "was isolated, and the market has no isolated positions: leave this variant out";
        return Err(Error::argument("modes", message));
    }
    let valuation = book.valuation_of(compare.valuation)?;
    if let (Some(valuation), Missing::Refuse) = (valuation, options.missing) {
        book.check_valuation(prices, valuation)?;
    }
    let by_rule = compare.allot == Allot::InitialMargin;
    let sweeps = can_sweep(book, valuation, &out);
    let fences = if isolates && !(by_rule && sweeps) { Some(Fences::new(book, compare.allot)?) } else { None };
    if sweeps {
        let allotted = fences.as_ref().map_or(Allotted::BY_RULE, Fences::allotted);
        return Ok(Sweep { book, prices, leverage: compare.leverage, allotted }.run(out, options));
    }
    let rates = rates(book, prices, valuation);
    let question = Question { book, prices, compare, valuation, options, rates: &rates };
    let summary = question.by_books(fences.as_ref(), &mut out)?;
    if let (Some(flags), Some(fences)) = (&mut out.affordable, &fences) {
        for (account, flag) in flags.iter_mut().enumerate() {
            *flag = !fences.unknown[account] && fences.allotted().is_affordable(book, account);
        }
    }
    Ok(summary)
}

fn check_leverage(leverage: f64) -> Result<()> {
    if leverage.is_nan() || (leverage > 0.0 && leverage.is_finite()) {
        return Ok(());
    }
    Err(Error::argument("leverage", format!("was {leverage}, expected a positive number")))
}

/// What is asked of every variant.
struct Question<'a> {
    book: &'a Book,
    prices: &'a Prices,
    compare: &'a Compare<'a>,
    valuation: Option<usize>,
    options: &'a Options,
    /// What an asset is worth in the valuation asset.
    rates: &'a [f64],
}

/// A variant as a book of its own.
struct Shape<'a> {
    variant: Variant,
    book: &'a Book,
    /// Where the positions are in it; `None`: where they were.
    places: Option<&'a Rearranged>,
    /// Accounts of which it has no figures.
    unknown: Vec<bool>,
}

impl Question<'_> {
    /// Scores a book of each variant that is asked for.
    fn by_books(&self, fences: Option<&Fences>, out: &mut ModeBuffers<'_>) -> Result<Summary> {
        let mut summary = self.variant(&self.shape(Variant::AsIs, self.book, None, None), out)?;
        for variant in [Variant::Cross, Variant::Isolated] {
            if !out.asks_for(variant) {
                continue;
            }
            let fences = fences.filter(|_| variant == Variant::Isolated);
            let by_position = fences.and_then(|fences| fences.allotted().by_position);
            let places = rearranged(self.book, self.prices, by_position)?;
            let shape = self.shape(variant, &places.book, Some(&places), fences);
            summary.n_exact += self.variant(&shape, out)?.n_exact;
        }
        Ok(summary)
    }

    fn shape<'a>(
        &self,
        variant: Variant,
        book: &'a Book,
        places: Option<&'a Rearranged>,
        fences: Option<&Fences>,
    ) -> Shape<'a> {
        let unfenced = |account: usize| fences.is_some_and(|fences| fences.unknown[account]);
        let valued = |pool: usize| self.valuation.is_none_or(|asset| book.is_valued(pool, self.prices, asset));
        let accounts = 0..book.holdings().accounts().len();
        let unknown = |account: usize| unfenced(account) || !book.holdings().pools_of(account).all(valued);
        Shape { variant, book, places, unknown: accounts.map(unknown).collect() }
    }

    /// Writes what is asked of a variant.
    fn variant(&self, shape: &Shape<'_>, out: &mut ModeBuffers<'_>) -> Result<Summary> {
        let scored = Scored::new(shape.book, self.prices, self.rates, self.options)?;
        let known = |account: usize| !shape.unknown[account] && scored.is_priced(account);
        for (column, _, buffer) in out.columns.iter_mut().filter(|(_, of, _)| *of == shape.variant) {
            write(buffer, known, |account| scored.figure(account, *column, self.compare.leverage));
        }
        if let Some(freed) = out.freed.as_deref_mut() {
            match shape.variant {
                Variant::AsIs => freed.fill(0.0),
                Variant::Cross => add(freed, known, |account| -scored.locked(account)),
                Variant::Isolated => add(freed, known, |account| scored.locked(account)),
            }
        }
        if let (Variant::AsIs, Some(flags)) = (shape.variant, &mut out.unpriced) {
            for (account, flag) in flags.iter_mut().enumerate() {
                *flag = !known(account);
            }
        }
        for (of, _, buffer) in out.returns.iter_mut().filter(|(_, of, _)| *of == shape.variant) {
            let prices = moved(shape.book, self.prices, &self.compare.moves[*of])?;
            let after = equities(shape.book, &prices, self.options)?;
            let rates = rates(shape.book, &prices, self.valuation);
            let earned = |account: usize| {
                let locked = scored.locked(account);
                if locked == 0.0 { f64::NAN } else { scored.gain(account, &after, &rates) / locked }
            };
            write(buffer, known, earned);
        }
        for (_, below, above) in out.intervals.iter_mut().filter(|(of, _, _)| *of == shape.variant) {
            self.intervals(shape, below, above)?;
        }
        Ok(scored.summary)
    }

    /// Writes how far the marks can go until the pool of a position fails.
    fn intervals(&self, shape: &Shape<'_>, below: &mut [f64], above: &mut [f64]) -> Result<()> {
        let n = shape.book.holdings().n_positions();
        let (mut lower, mut upper) = (vec![0.0; n], vec![0.0; n]);
        let buffers =
            PositionBuffers { below: Some(&mut lower), above: Some(&mut upper), ..PositionBuffers::default() };
        liquidation_prices(shape.book, self.prices, buffers, self.options)?;
        let mut rows = vec![0; n];
        for (at, position) in in_input_order(shape.book).into_iter().enumerate() {
            rows[position] = at;
        }
        let mut unknown = Vec::with_capacity(self.book.holdings().n_positions());
        for (account, &is_unknown) in shape.unknown.iter().enumerate() {
            unknown.extend(positions_of(self.book, account).map(|_| is_unknown));
        }
        for (at, position) in in_input_order(self.book).into_iter().enumerate() {
            let there = shape.places.map_or(Some(position), |places| places.position(position));
            let row = there.filter(|_| !unknown[position]).map(|position| rows[position]);
            (below[at], above[at]) = row.map_or((f64::NAN, f64::NAN), |row| (lower[row], upper[row]));
        }
        Ok(())
    }
}

/// Writes a figure of every account that is known.
fn write(buffer: &mut [f64], known: impl Fn(usize) -> bool, figure: impl Fn(usize) -> f64) {
    for (account, value) in buffer.iter_mut().enumerate() {
        *value = if known(account) { figure(account) } else { f64::NAN };
    }
}

/// Adds a figure of every account that is known.
fn add(buffer: &mut [f64], known: impl Fn(usize) -> bool, figure: impl Fn(usize) -> f64) {
    for (account, value) in buffer.iter_mut().enumerate() {
        *value += if known(account) { figure(account) } else { f64::NAN };
    }
}
