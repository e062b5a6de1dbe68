//! The figures of one pool and the verdict on it: in doubles where their bound decides, else without rounding.

use std::cmp::Ordering;

use crate::exact::{Bounded, Exact, Name, Number};
use crate::market::{Combine, Constraint};
use crate::market::{CrossPool, Prices, Required, TriggerPrice};

use super::Book;
use super::evaluate::{PoolValue, Wanted, evaluate};
use super::moment::Moment;

/// A pool's figures; amounts in the pool's asset, NaN where unknown.
#[derive(Debug, Clone, Copy)]
pub struct Judged {
    /// Cash, realised only.
    pub wallet_balance: f64,
    /// Profit and loss of open positions.
    pub unrealized_pnl: f64,
    /// Cash, credit and unrealised profit at full value.
    pub equity: f64,
    /// What the venue counts.
    pub collateral_value: f64,
    /// Notional of all positions.
    pub notional: f64,
    /// What positions and orders are to be covered with when opened.
    pub initial_margin: f64,
    /// What they must be covered with.
    pub maintenance_margin: f64,
    /// `collateral_value - level * required` of the first constraint, with its exact sign.
    pub excess: f64,
    /// `collateral_value / maintenance_margin`.
    pub margin_ratio: f64,
    /// `collateral_value - initial_margin`.
    pub free_margin: f64,
    /// What can back new positions.
    pub available: f64,
    /// What can leave.
    pub withdrawable: f64,
    /// Whether the pool is liquidatable.
    pub liquidatable: bool,
    /// Whether only exact arithmetic could tell.
    pub exact: bool,
}

/// Evaluates a pool and decides about it; everything that it holds must have a price.
#[must_use]
pub fn judge(book: &Book, pool: usize, prices: &Prices) -> Judged {
    attempt::<Bounded>(book, pool, prices)
        .or_else(|| attempt::<Exact>(book, pool, prices).map(|judged| Judged { exact: true, ..judged }))
        .unwrap_or(UNKNOWN)
}

/// As [`judge`], without doubles.
#[must_use]
pub fn judge_exactly(book: &Book, pool: usize, prices: &Prices) -> Judged {
    attempt::<Exact>(book, pool, prices).map_or(UNKNOWN, |judged| Judged { exact: true, ..judged })
}

/// The figures of a pool without a price of something that it holds.
pub(crate) const UNKNOWN: Judged = Judged {
    wallet_balance: f64::NAN,
    unrealized_pnl: f64::NAN,
    equity: f64::NAN,
    collateral_value: f64::NAN,
    notional: f64::NAN,
    initial_margin: f64::NAN,
    maintenance_margin: f64::NAN,
    excess: f64::NAN,
    margin_ratio: f64::NAN,
    free_margin: f64::NAN,
    available: f64::NAN,
    withdrawable: f64::NAN,
    liquidatable: false,
    exact: false,
};

/// Whether everything that a pool holds has the prices that the rules look at.
#[must_use]
pub fn is_priced(book: &Book, pool: usize, prices: &Prices) -> bool {
    Priced::new(book, prices).pool(pool)
}

/// The prices that there are, as the rules look at them.
pub(super) struct Priced<'a> {
    book: &'a Book,
    prices: &'a Prices,
    /// Whether they look at the last trades.
    last: bool,
}

impl<'a> Priced<'a> {
    pub(super) fn new(book: &'a Book, prices: &'a Prices) -> Self {
        let constraints = book.market().rules().constraints();
        let last = constraints.iter().any(|constraint| constraint.price == TriggerPrice::Last);
        Self { book, prices, last }
    }

    /// Whether an instrument has the prices that are looked at.
    pub(super) fn instrument(&self, at: usize) -> bool {
        has(self.prices.mark(), at) && (!self.last || has(self.prices.last(), at))
    }

    /// Whether an asset has a price, or needs none.
    pub(super) fn asset(&self, asset: usize) -> bool {
        Some(asset) == self.book.market().rules().valuation_asset() || has(self.prices.index(), asset)
    }

    /// Whether all that a pool holds has prices.
    pub(super) fn pool(&self, pool: usize) -> bool {
        let holdings = self.book.holdings();
        let of_orders = holdings
            .orders_of(pool)
            .map(|order| holdings.classes[usize::from(holdings.orders.class[order])].instrument as usize);
        let mut instruments =
            holdings.positions_of(pool).map(|position| holdings.instrument(position)).chain(of_orders);
        instruments.all(|at| self.instrument(at))
            && (!self.book.is_joint(pool)
                || holdings.layers_of(pool).all(|layer| self.asset(holdings.layer_asset(layer))))
    }
}

/// Whether a column has a price at a place.
fn has(column: &[f64], at: usize) -> bool {
    column.get(at).is_some_and(|price| !price.is_nan())
}

impl Book {
    /// Whether a pool has a position or an order of an instrument.
    pub(crate) fn looks_at_instrument(&self, pool: usize, instrument: u32) -> bool {
        let holdings = self.holdings();
        let mut classes = (holdings.positions_of(pool).map(|position| holdings.class[position]))
            .chain(holdings.orders_of(pool).map(|order| holdings.orders.class[order]));
        classes.any(|class| holdings.classes[usize::from(class)].instrument == instrument)
    }

    /// Whether a pool holds several assets, valued in one.
    pub(crate) fn is_joint(&self, pool: usize) -> bool {
        self.market().rules().cross_pool() == CrossPool::PerAccount
            && self.holdings().kind(pool) == crate::book::PoolKind::Cross
    }
}

/// A pool's figures, what the first constraint leaves, and whether the pool is liquidatable.
pub(crate) struct Verdict<N> {
    pub(crate) value: PoolValue<N>,
    pub(crate) excess: N,
    pub(crate) fails: bool,
}

/// The prices that a constraint looks at.
pub(crate) fn moment_of<N: Number>(prices: &Prices, price: TriggerPrice) -> Moment<'_, N> {
    let mark = if price == TriggerPrice::Last { prices.last() } else { prices.mark() };
    Moment::still(mark, prices.index())
}

/// The verdict on a pool, or `None` where this arithmetic cannot decide.
pub(super) fn verdict<N: Number>(book: &Book, pool: usize, prices: &Prices, wanted: Wanted) -> Option<Verdict<N>> {
    verdict_of(book, prices, wanted, |at, wanted| evaluate(book, pool, at, wanted))
}

/// As [`verdict`], of what `evaluate` says at the prices of a constraint.
pub(super) fn verdict_of<N: Number>(
    book: &Book,
    prices: &Prices,
    wanted: Wanted,
    evaluate: impl Fn(Moment<'_, N>, Wanted) -> PoolValue<N>,
) -> Option<Verdict<N>> {
    let rules = book.market().rules();
    let (first, rest) = rules.constraints().split_first()?;
    let value = evaluate(moment_of(prices, first.price), wanted);
    if value.open {
        return None;
    }
    let excess = excess(first, &value);
    let mut fails = fails(first, excess.sign()?) && value.exposed;
    for constraint in rest {
        let decided = match rules.combine() {
            Combine::Any => fails,
            Combine::All => !fails,
        };
        if decided || !value.exposed {
            break;
        }
        let other =
            (constraint.price != first.price).then(|| evaluate(moment_of(prices, constraint.price), Wanted::Tested));
        let other = other.as_ref().unwrap_or(&value);
        if other.open {
            return None;
        }
        fails = self::fails(constraint, self::excess(constraint, other).sign()?);
    }
    Some(Verdict { value, excess, fails })
}

/// The figures, or `None` where this arithmetic cannot decide.
fn attempt<N: Number>(book: &Book, pool: usize, prices: &Prices) -> Option<Judged> {
    let Verdict { value, excess, fails } = verdict::<N>(book, pool, prices, Wanted::All)?;
    let known = |x: &Option<N>| x.as_ref().map_or(f64::NAN, N::to_f64);
    let required = &value.maintenance_margin;
    let nothing_required = required.to_f64() == 0.0;
    Some(Judged {
        wallet_balance: value.wallet_balance.to_f64(),
        unrealized_pnl: value.unrealized_pnl.to_f64(),
        equity: value.equity.to_f64(),
        collateral_value: value.collateral_value.to_f64(),
        notional: value.notional.to_f64(),
        initial_margin: known(&value.initial_margin),
        maintenance_margin: required.to_f64(),
        excess: excess.to_f64(),
        margin_ratio: if nothing_required { f64::INFINITY } else { value.collateral_value.over(required).to_f64() },
        free_margin: known(&value.free_margin),
        available: known(&value.available),
        withdrawable: known(&value.withdrawable),
        liquidatable: fails,
        exact: false,
    })
}

/// `collateral_value - level * required`; of an initial margin that is unknown nothing is required.
pub(super) fn excess<N: Number>(constraint: &Constraint, value: &PoolValue<N>) -> N {
    let zero = N::zero();
    let required = match constraint.required {
        Required::Maintenance => &value.maintenance_margin,
        Required::Initial => value.initial_margin.as_ref().unwrap_or(&zero),
    };
    let level = N::of(constraint.level).named(|| Name::operand("level").rule("trigger.level").optional());
    value.collateral_value.minus(&level.times(required)).named(|| Name::term("excess").rule("trigger"))
}

/// Whether an excess of this sign fails a constraint.
pub(super) fn fails(constraint: &Constraint, sign: Ordering) -> bool {
    match sign {
        Ordering::Less => true,
        Ordering::Equal => constraint.zero_fails,
        Ordering::Greater => false,
    }
}
