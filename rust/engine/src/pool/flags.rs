//! Which levels of its margin ratio a pool has passed, whether it is liquidatable, and whether an account has lost as much as
//! its soft stop says: as in exact arithmetic.

use std::cmp::Ordering;

use crate::exact::{Bounded, Exact, Number};
use crate::market::{Prices, TriggerPrice};

use super::Book;
use super::evaluate::{Wanted, equity};
use super::judge::{moment_of, verdict};
use super::moment::Moment;

/// What holds of a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Flags {
    /// Bit `k`: level `k` is passed; the bit after those of the levels: liquidatable.
    pub(crate) bits: u32,
    /// Whether only exact arithmetic could tell.
    pub(crate) exact: bool,
}

/// The flags of a pool at given prices; everything that it holds must have a price.
///
/// A level of the margin ratio is passed where there is something to liquidate, something is required, and
/// `collateral_value < level * maintenance_margin`, at the prices of the first constraint. Bits that are not `wanted` are 0.
pub(crate) fn flags(book: &Book, pool: usize, prices: &Prices, levels: &[f64], wanted: u32) -> Flags {
    let near = attempt::<Bounded>(book, pool, prices, levels, wanted).map(|bits| Flags { bits, exact: false });
    let exactly = || attempt::<Exact>(book, pool, prices, levels, wanted).map(|bits| Flags { bits, exact: true });
    near.or_else(exactly).unwrap_or_default()
}

fn attempt<N: Number>(book: &Book, pool: usize, prices: &Prices, levels: &[f64], wanted: u32) -> Option<u32> {
    let liquidation = 1_u32 << levels.len();
    let (value, fails) = if wanted & liquidation == 0 {
        let first = book.market().rules().constraints().first()?;
        let value = super::evaluate::evaluate::<N>(book, pool, moment_of(prices, first.price), Wanted::Tested);
        (value, false)
    } else {
        let verdict = verdict::<N>(book, pool, prices, Wanted::Tested)?;
        (verdict.value, verdict.fails)
    };
    if value.open {
        return None;
    }
    let mut bits = if fails { liquidation } else { 0 };
    if !value.exposed {
        return Some(bits);
    }
    let required = &value.maintenance_margin;
    for (k, &level) in levels.iter().enumerate().filter(|(k, _)| wanted >> k & 1 != 0) {
        let left = value.collateral_value.minus(&N::of(level).times(required));
        let passed = left.sign()? == Ordering::Less && required.sign()? == Ordering::Greater;
        bits |= u32::from(passed) << k;
    }
    Some(bits)
}

/// An account whose equity is compared with what it was.
#[derive(Debug, Clone, Copy)]
pub(super) struct LeftOf<'a> {
    pub(super) pools: &'a [(&'a Book, usize)],
    pub(super) valuation: usize,
    pub(super) loss: f64,
    pub(super) reference: f64,
}

impl LeftOf<'_> {
    /// The prices that equity is reported at: those of the first constraint.
    pub(super) fn price(&self) -> TriggerPrice {
        let first = self.pools.first().and_then(|(book, _)| book.market().rules().constraints().first());
        first.map_or(TriggerPrice::Mark, |constraint| constraint.price)
    }

    /// Whether some pool is in another asset than the account is valued in, so that index prices count.
    pub(super) fn converts(&self) -> bool {
        self.pools.iter().any(|&(book, pool)| book.holdings().asset(pool) != self.valuation)
    }
}

/// Whether `loss` or more of a reference is gone: the equities of an account's pools, at full value in the asset `valuation`,
/// add up to `(1 - loss) * reference` or less. Also whether only exact arithmetic could tell.
///
/// A pool's equity in its asset, of several assets in the rules' own valuation asset, counts with the index price of that
/// asset over that of `valuation`, as it is where all are in `valuation`; what has no index price is what the others are in.
pub(crate) fn soft_stop(
    pools: &[(&Book, usize)],
    prices: &Prices,
    valuation: usize,
    loss: f64,
    reference: f64,
) -> (bool, bool) {
    let of = LeftOf { pools, valuation, loss, reference };
    let stopped = |sign: Ordering| sign != Ordering::Greater;
    let near = equity_left::<Bounded>(of, moment_of(prices, of.price()));
    if let Some(sign) = Number::sign(&near) {
        return (stopped(sign), false);
    }
    let exactly = equity_left::<Exact>(of, moment_of(prices, of.price()));
    (stopped(Number::sign(&exactly).unwrap_or(Ordering::Greater)), true)
}

/// What is left of an account's equity above its soft stop.
pub(super) fn equity_left<N: Number>(of: LeftOf<'_>, at: Moment<'_, N>) -> N {
    let converts = of.converts();
    let valued = |asset: usize, amount: N| match at.index(asset).filter(|_| converts) {
        Some(rate) => rate.times(&amount),
        None => amount,
    };
    let sum = of
        .pools
        .iter()
        .fold(N::zero(), |sum, &(book, pool)| sum.plus(&valued(book.holdings().asset(pool), equity(book, pool, at))));
    let least = N::of(1.0).minus(&N::of(of.loss)).times(&N::of(of.reference));
    sum.minus(&valued(of.valuation, least))
}
