//! Limits of whole accounts, and of what positions are of their account, looked at in one arithmetic.

use std::cmp::Ordering;

use crate::book::PoolKind;
use crate::error::{Error, MissingPrices, Result};
use crate::exact::{Exact, Number};
use crate::market::{Prices, TriggerPrice};

use super::Book;
use super::charge::{Margin, Pool};
use super::evaluate::{equity, fence};
use super::judge::moment_of;
use super::legs::{Leg, Order};
use super::moment::Moment;

/// What an account is asked; what is `None` is not.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AccountLimits {
    /// The asset that it is valued in.
    pub(crate) valuation: usize,
    /// The share of a reference that may not be lost, and that.
    pub(crate) stop: Option<(f64, f64)>,
    pub(crate) maintenance_share: Option<f64>,
    pub(crate) max_leverage: Option<f64>,
    pub(crate) concentration: Option<f64>,
}

/// What an account is beyond.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Beyond {
    pub(crate) stopped: bool,
    pub(crate) overleveraged: bool,
    pub(crate) concentrated: bool,
    /// By position of the account; empty where it was not asked.
    pub(crate) too_large: Vec<bool>,
}

/// What amounts are brought into: index prices are of one unit, so that comparing them there needs no division.
struct Unit<'a, N: Number> {
    at: Moment<'a, N>,
    /// Whether some pool is in another asset than the account is valued in.
    converts: bool,
}

impl<N: Number> Unit<'_, N> {
    fn of(&self, asset: usize, amount: N, converts: bool) -> N {
        match self.at.index(asset).filter(|_| converts) {
            Some(rate) => rate.times(&amount),
            None => amount,
        }
    }
}

/// What an account whose pools have prices is beyond; `None` where this arithmetic cannot tell.
pub(crate) fn account_limits<N: Number>(
    book: &Book,
    account: usize,
    prices: &Prices,
    asked: &AccountLimits,
) -> Option<Beyond> {
    let holdings = book.holdings();
    let first = book.market().rules().constraints().first();
    let at: Moment<'_, N> = moment_of(prices, first.map_or(TriggerPrice::Mark, |constraint| constraint.price));
    let converts = holdings.pools_of(account).any(|pool| holdings.asset(pool) != asked.valuation);
    let unit = Unit { at, converts };
    let mut whole = N::zero();
    for pool in holdings.pools_of(account) {
        whole = whole.plus(&unit.of(holdings.asset(pool), equity(book, pool, at), converts));
    }
    let mut beyond = Beyond::default();
    if let Some((loss, reference)) = asked.stop {
        let least = N::of(1.0).minus(&N::of(loss)).times(&N::of(reference));
        let left = whole.minus(&unit.of(asked.valuation, least, converts));
        beyond.stopped = left.sign()? != Ordering::Greater;
    }
    if asked.max_leverage.is_some() || asked.concentration.is_some() {
        let (leverage, concentration) = notionals(book, account, &unit, &whole, asked)?;
        (beyond.overleveraged, beyond.concentrated) = (leverage, concentration);
    }
    if let Some(share) = asked.maintenance_share {
        let some = whole.sign()? == Ordering::Greater;
        let most = N::of(share).times(&whole);
        for pool in holdings.pools_of(account) {
            for (position, margin) in holdings.positions_of(pool).zip(maintenances(book, pool, at)?) {
                let margin = unit.of_position(book, pool, position, margin);
                beyond.too_large.push(!some || is_above(&margin, &most)?);
            }
        }
    }
    Some(beyond)
}

impl<N: Number> Unit<'_, N> {
    /// An amount of a position, which is in its settlement asset.
    fn of_position(&self, book: &Book, pool: usize, position: usize, amount: N) -> N {
        let settle = book.market().instruments()[book.holdings().instrument(position)].settle();
        self.of(settle, amount, self.converts || book.is_joint(pool))
    }
}

fn is_above<N: Number>(a: &N, b: &N) -> Option<bool> {
    Some(a.minus(b).sign()? == Ordering::Greater)
}

/// Whether an account's notional is beyond what it may be of its equity, and that of one underlying beyond its share.
fn notionals<N: Number>(
    book: &Book,
    account: usize,
    unit: &Unit<'_, N>,
    equity: &N,
    asked: &AccountLimits,
) -> Option<(bool, bool)> {
    let (holdings, instruments) = (book.holdings(), book.market().instruments());
    let mut all = N::zero();
    let mut by_underlying: Vec<(&str, N)> = Vec::new();
    for pool in holdings.pools_of(account) {
        for position in holdings.positions_of(pool) {
            let leg: Leg<N> = Leg::new(book, position, unit.at);
            let notional = unit.of_position(book, pool, position, leg.at_mark);
            all = all.plus(&notional);
            let name = instruments[leg.instrument].underlying();
            match by_underlying.iter_mut().find(|(known, _)| *known == name) {
                Some((_, sum)) => *sum = sum.plus(&notional),
                None => by_underlying.push((name, notional)),
            }
        }
    }
    if by_underlying.is_empty() {
        return Some((false, false));
    }
    let leverage = match asked.max_leverage {
        Some(most) => is_above(&all, &N::of(most).times(equity))?,
        None => false,
    };
    let mut concentrated = false;
    if let Some(share) = asked.concentration {
        let most = N::of(share).times(&all);
        for (_, notional) in by_underlying.iter().filter(|_| share < 1.0) {
            concentrated |= is_above(notional, &most)?;
        }
    }
    Some((leverage, concentrated))
}

/// The maintenance margin of each position of a pool, with its share of a group and its fee; `None` where a tier is open.
fn maintenances<N: Number>(book: &Book, pool: usize, at: Moment<'_, N>) -> Option<Vec<N>> {
    let holdings = book.holdings();
    let isolated = holdings.kind(pool) == PoolKind::Isolated;
    let legs: Vec<Leg<N>> = holdings.positions_of(pool).map(|position| Leg::new(book, position, at)).collect();
    let cross = holdings.orders_of(pool).filter(|&order| !holdings.orders.isolated[order]);
    let orders: Vec<Order<N>> = cross.map(|order| Order::new(book, order, at)).collect();
    let of = Pool { book, isolated, legs: &legs, orders: &orders, more: &[], filled: None };
    let fence = if isolated { fence(book, pool) } else { N::zero() };
    let fee = |leg| of.closing_fee(Margin::Maintenance, leg, &fence).unwrap_or_else(N::zero);
    let mut margins: Vec<N> = legs.iter().map(fee).collect();
    let (charges, open) = of.charges(Margin::Maintenance, true);
    if open {
        return None;
    }
    let price = of.charging(Margin::Maintenance).price;
    for charge in charges {
        let Some(amount) = charge.amount else { continue };
        let group = &legs[charge.group.legs.clone()];
        let whole = group.iter().fold(N::zero(), |sum, leg| sum.plus(leg.notional(price)));
        for (margin, leg) in margins[charge.group.legs.clone()].iter_mut().zip(group) {
            let share = if group.len() == 1 { amount.clone() } else { amount.times(leg.notional(price)).over(&whole) };
            *margin = margin.plus(&share);
        }
    }
    Some(margins)
}

/// What a position would be isolated behind some cash, decided without rounding.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lonely {
    pub(crate) equity: f64,
    pub(crate) margin_ratio: f64,
    pub(crate) fails: bool,
}

/// What positions of one-asset rules would be, each isolated behind its cash; and the place of the one of least margin ratio,
/// of equal ones the first. Everything must have a price, and cash be known.
pub(crate) fn lonely(book: &Book, of: &[(usize, Exact)], prices: &Prices) -> (Vec<Lonely>, usize) {
    let mut all: Vec<Lonely> = Vec::with_capacity(of.len());
    let (mut worst, mut least): (usize, Option<(Exact, Exact)>) = (0, None);
    let rules = book.market().rules();
    for (at, (position, cash)) in of.iter().enumerate() {
        let moment: Moment<'_, Exact> = moment_of(prices, TriggerPrice::Mark);
        let legs = [Leg::new(book, *position, moment)];
        let pool = Pool { book, isolated: true, legs: &legs, orders: &[], more: &[], filled: None };
        let (charges, _) = pool.charges(Margin::Maintenance, false);
        let required = charges.into_iter().filter_map(|charge| charge.amount).fold(Exact::zero(), |sum, x| sum + x);
        let instrument = &book.market().instruments()[legs[0].instrument];
        let equity = cash.clone() + legs[0].unrealized_pnl(instrument);
        let excess = equity.clone() - Exact::from_f64(rules.trigger_level()) * required.clone();
        let ratio = equity.checked_div(&required).map_or(f64::INFINITY, |ratio| ratio.to_f64());
        let is_less = least.as_ref().is_none_or(|(other, of_other)| {
            let (this, that) = (equity.clone() * of_other.clone(), other.clone() * required.clone());
            !required.is_zero() && (of_other.is_zero() || this < that)
        });
        let fails = excess < Exact::zero() || (rules.zero_fails() && excess.is_zero());
        all.push(Lonely { equity: equity.to_f64(), margin_ratio: ratio, fails });
        if is_less {
            (worst, least) = (at, Some((equity, required)));
        }
    }
    (all, worst)
}

impl Book {
    /// The asset that accounts are valued in: what is asked for, that of the market, or the one that all pools settle in;
    /// `None` without pools.
    ///
    /// # Errors
    /// [`Error::Argument`] where pools settle in several and nobody says.
    pub(crate) fn valuation_of(&self, asked: Option<usize>) -> Result<Option<usize>> {
        let holdings = self.holdings();
        if let Some(asset) = asked.or_else(|| self.market().rules().valuation_asset()) {
            return Ok(Some(asset));
        }
        let mut assets = (0..holdings.n_pools()).map(|pool| holdings.asset(pool));
        let Some(first) = assets.next() else { return Ok(None) };
        if assets.all(|asset| asset == first) {
            return Ok(Some(first));
        }
        let message = "is missing, and pools settle in several assets: say in which one accounts are valued";
        Err(Error::argument("valuation", message))
    }

    /// Whether what a pool is worth can be said in an asset: whether it and the pool's own have index prices, or are one.
    pub(crate) fn is_valued(&self, pool: usize, prices: &Prices, valuation: usize) -> bool {
        let of = self.holdings().asset(pool);
        let unit = self.market().rules().valuation_asset().unwrap_or(valuation);
        of == valuation || [of, valuation].iter().all(|&asset| asset == unit || !prices.index()[asset].is_nan())
    }

    /// Refuses prices without the index prices that accounts are valued with.
    ///
    /// # Errors
    /// [`Error::MissingPrice`] naming the assets.
    pub(crate) fn check_valuation(&self, prices: &Prices, valuation: usize) -> Result<()> {
        let pools = (0..self.holdings().n_pools()).filter(|&pool| !self.is_valued(pool, prices, valuation));
        let mut assets: Vec<usize> = pools.map(|pool| self.holdings().asset(pool)).collect();
        if assets.is_empty() {
            return Ok(());
        }
        assets.push(valuation);
        assets.sort_unstable();
        assets.dedup();
        let unit = self.market().rules().valuation_asset().unwrap_or(valuation);
        assets.retain(|&asset| asset != unit && prices.index()[asset].is_nan());
        let names = assets.into_iter().map(|asset| self.market().assets()[asset].name().to_owned());
        let assets = names.collect();
        Err(Error::MissingPrice(Box::new(MissingPrices { assets, ..MissingPrices::default() })))
    }
}
