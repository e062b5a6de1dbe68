//! Safe regions: how far each price may move, all at once, while what is known of a pool or an account stays as it is.
//!
//! The rules are evaluated once at the present prices, where their slopes say how far to try, and once over the box that
//! is tried, by numbers that enclose all they can be there ([`crate::exact::Enclosed`]). What follows from that is
//! certain: a function that is on its side of zero now, and loses less than what it has left, stays there. Where the box
//! turns out to be too large a smaller one is tried, with tiers kept as they are if it is their jumps that take the slack.

use std::rc::Rc;

use crate::exact::{Axis, Bounded, Centre, Enclosed, Exact, Interval, Number, Region};
use crate::market::{Combine, Constraint, Payoff, Prices, TriggerPrice};

use super::Book;
use super::evaluate::{PoolValue, Wanted, evaluate};
use super::flags::{LeftOf, equity_left};
use super::judge::excess;
use super::moment::{Moment, Moves, Source};
use super::room::Guard;
use super::search::{Ask, Search};

/// The prices of one source that a region allows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Bounds {
    pub(crate) source: Source,
    /// At most the present price; 0 where it may fall as it likes.
    pub(crate) low: f64,
    /// At least the present price; infinite where it may rise as it likes.
    pub(crate) high: f64,
}

/// What is asked of a pool.
pub(super) struct OfPool<'a> {
    pub(super) book: &'a Book,
    pub(super) pool: usize,
    pub(super) prices: &'a Prices,
    pub(super) sources: &'a [Source],
    pub(super) levels: &'a [f64],
    pub(super) bits: u32,
    pub(super) guarded: u32,
}

/// What is asked of an account.
struct OfAccount<'a> {
    of: LeftOf<'a>,
    prices: &'a Prices,
    sources: &'a [Source],
    flag: bool,
}

/// How far each price may move while the flags of a pool that are `guarded` stay as they are in `bits`.
///
/// A row is pushed for each price that the pool looks at, with `low <= present <= high`; at every vector of prices within
/// all bounds at once [`super::flags::flags`] gives the guarded bits as they are. `bits` must be those at the present
/// prices, and everything that the pool holds must have a price. `weight` says how far a price moves, relatively, in
/// proportion to the others. A price that is not known now is not in the region.
#[expect(clippy::too_many_arguments, reason = "a question of so many parts")]
pub(crate) fn region(
    book: &Book,
    pool: usize,
    prices: &Prices,
    levels: &[f64],
    bits: u32,
    guarded: u32,
    weight: impl Fn(Source) -> f64,
    out: &mut Vec<Bounds>,
) {
    let sources = sources(book, pool, prices, false);
    let ask = OfPool { book, pool, prices, sources: &sources, levels, bits, guarded };
    answer(&ask, book, prices, &sources, weight, out);
}

/// As [`region`], while the soft stop of an account stays `flag`: whether no more than `(1 - loss) * reference` is left of
/// the equities of its pools.
#[expect(clippy::too_many_arguments, reason = "a question of so many parts")]
pub(crate) fn account_region(
    pools: &[(&Book, usize)],
    prices: &Prices,
    valuation: usize,
    loss: f64,
    reference: f64,
    flag: bool,
    weight: impl Fn(Source) -> f64,
    out: &mut Vec<Bounds>,
) {
    let Some(&(book, _)) = pools.first() else { return };
    let mut sources: Vec<Source> = Vec::new();
    for &(book, pool) in pools {
        sources.extend(self::sources(book, pool, prices, true));
    }
    let of = LeftOf { pools, valuation, loss, reference };
    if of.converts() {
        let assets = pools.iter().map(|&(book, pool)| book.holdings().asset(pool)).chain([valuation]);
        let priced = assets.filter(|&asset| prices.index().get(asset).is_some_and(|price| !price.is_nan()));
        sources.extend(priced.filter_map(|asset| u16::try_from(asset).ok()).map(Source::Index));
    }
    sources.sort_unstable();
    sources.dedup();
    answer(&OfAccount { of, prices, sources: &sources, flag }, book, prices, &sources, weight, out);
}

/// The prices that a pool looks at, ascending: with `equity`, those that its equity depends on.
fn sources(book: &Book, pool: usize, prices: &Prices, equity: bool) -> Vec<Source> {
    let (market, holdings) = (book.market(), book.holdings());
    let looks_at = |last: bool| {
        let mut constraints = market.rules().constraints().iter();
        if equity {
            return constraints.next().is_some_and(|of| (of.price == TriggerPrice::Last) == last);
        }
        constraints.any(|of| (of.price == TriggerPrice::Last) == last)
    };
    let orders = holdings.orders_of(pool).filter(|_| !equity);
    let of_orders = orders.map(|order| holdings.classes[usize::from(holdings.orders.class[order])].instrument);
    let of_positions = holdings.positions_of(pool).map(|position| holdings.instrument(position));
    let instruments: Vec<u32> =
        of_positions.filter_map(|instrument| u32::try_from(instrument).ok()).chain(of_orders).collect();
    let (marks, lasts) = (looks_at(false), looks_at(true));
    let mut sources: Vec<Source> = Vec::with_capacity(instruments.len() + 4);
    sources.extend(instruments.iter().filter(|_| marks).map(|&at| Source::Mark(at)));
    sources.extend(instruments.iter().filter(|_| lasts).map(|&at| Source::Last(at)));
    if book.is_joint(pool) {
        let assets = holdings.layers_of(pool).map(|layer| holdings.layer_asset(layer));
        sources.extend(assets.filter_map(|asset| u16::try_from(asset).ok()).map(Source::Index));
    }
    sources.sort_unstable();
    sources.dedup();
    sources.retain(|&source| !present(prices, source).is_nan());
    sources
}

fn present(prices: &Prices, source: Source) -> f64 {
    let price = match source {
        Source::Mark(at) => prices.mark().get(at as usize),
        Source::Last(at) => prices.last().get(at as usize),
        Source::Index(at) => prices.index().get(usize::from(at)),
    };
    price.copied().unwrap_or(f64::NAN)
}

fn answer(
    ask: &impl Ask,
    book: &Book,
    prices: &Prices,
    sources: &[Source],
    weight: impl Fn(Source) -> f64,
    out: &mut Vec<Bounds>,
) {
    let inverse = |source| match source {
        Source::Mark(at) | Source::Last(at) => {
            book.market().instruments().get(at as usize).is_some_and(|of| of.payoff() == Payoff::Inverse)
        }
        Source::Index(_) => false,
    };
    let axis =
        |&source: &Source| Axis { from: present(prices, source), inverse: inverse(source), moves: Interval::ZERO };
    let axes: Vec<Axis> = sources.iter().map(axis).collect();
    let least = f64::MIN_POSITIVE;
    let weights: Vec<f64> =
        sources.iter().map(|&source| weight(source)).map(|w| if w > least { w } else { least }).collect();
    let settles = |asset: usize| {
        sources.iter().any(|source| match *source {
            Source::Mark(at) | Source::Last(at) => book.market().instruments()[at as usize].settle() == asset,
            Source::Index(_) => false,
        })
    };
    let coupled = |source| matches!(source, Source::Index(at) if settles(usize::from(at)));
    let limits: Vec<Interval> =
        sources.iter().map(|&source| if coupled(source) { COUPLED } else { EVERYTHING }).collect();
    let search = Search { ask, axes: &axes, weights: &weights, limits: &limits };
    let moves = search.run::<Bounded>().or_else(|| search.run::<Exact>());
    let moves = moves.unwrap_or_else(|| vec![Interval::ZERO; axes.len()]);
    let rows = sources.iter().zip(axes).zip(moves);
    out.extend(rows.map(|((&source, axis), moves)| {
        let (low, high) = bounds(axis, moves);
        Bounds { source, low, high }
    }));
}

/// Everything: a price that falls to nothing, or rises without end.
const EVERYTHING: Interval = Interval::new(-1.0, f64::INFINITY);

/// What is tried of an index price that multiplies profits, which change their sign: of both not more than one can be free.
const COUPLED: Interval = Interval::new(-0.25, 0.5);

/// The prices, in doubles, whose decimals move by no more than `moves`.
///
/// With `P` the present double and `x` another, both off their decimals by at most `u = 2^-53` of them, `x >= P (1 + t + d)`
/// has a decimal that moves by `t` or more if `d >= u (2 + t)`, for `t <= 0`; the same above, and for one over the price.
/// Rounding of the bounds below takes less than `4 u (1 + t)`.
fn bounds(Axis { from, inverse, .. }: Axis, moves: Interval) -> (f64, f64) {
    const MARGIN: f64 = 8.0 * f64::EPSILON;
    let (less, more) = (1.0 + moves.low + MARGIN, (1.0 + moves.high) * (1.0 - MARGIN));
    let (low, high) = match (inverse, moves.low <= -1.0) {
        (false, true) => (0.0, from * more),
        (false, false) => (from * less, from * more),
        (true, true) => (from / more, f64::INFINITY),
        (true, false) => (from / more, from / less),
    };
    (if low < from { low } else { from }, if high > from { high } else { from })
}

impl OfPool<'_> {
    fn moment<'a, 'r, C: Centre>(&'a self, last: bool, region: &'a &'r Region<C>) -> Moment<'a, Enclosed<'r, C>> {
        let mark = if last { self.prices.last() } else { self.prices.mark() };
        Moment::along(mark, self.prices.index(), Moves::Each { sources: self.sources, last }, region)
    }

    /// The functions of liquidation: of several constraints, either all or one that suffices.
    fn of_liquidation<'r, C: Centre>(
        &self,
        fails: bool,
        value_at: impl Fn(&Constraint) -> Option<Rc<PoolValue<Enclosed<'r, C>>>>,
    ) -> Option<Vec<Enclosed<'r, C>>> {
        let rules = self.book.market().rules();
        let constraints = rules.constraints();
        let side = |constraint| {
            let excess = excess(constraint, &*value_at(constraint)?);
            Some(if fails { Enclosed::zero().minus(&excess) } else { excess })
        };
        if constraints.len() == 1 || (rules.combine() == Combine::Any) != fails {
            return constraints.iter().map(side).collect();
        }
        // One that holds is enough: the one that holds longest.
        let mut best: Option<(f64, Enclosed<'_, C>)> = None;
        for constraint in constraints {
            let function = side(constraint)?;
            let sign = excess(constraint, &*value_at(constraint)?).now().sign()?;
            if super::judge::fails(constraint, sign) != fails {
                continue;
            }
            let mut steepness = 0.0;
            function.each_slope(|of| steepness += of.slope.high.abs() + of.slope.low.abs());
            let lasts = function.now().interval().low / (steepness + f64::MIN_POSITIVE);
            if best.as_ref().is_none_or(|(longest, _)| lasts > *longest) {
                best = Some((lasts, function));
            }
        }
        best.map(|(_, function)| vec![function])
    }

    /// The functions of a level: `collateral_value < level * maintenance_margin`, where something is required.
    fn of_level<'r, C: Centre>(
        level: f64,
        set: bool,
        value: &PoolValue<Enclosed<'r, C>>,
    ) -> Option<Vec<Enclosed<'r, C>>> {
        let required = &value.maintenance_margin;
        let left = value.collateral_value.minus(&Enclosed::of(level).times(required));
        if set {
            let passed = Enclosed::zero().minus(&left);
            return Some(if required.range().low > 0.0 { vec![passed] } else { vec![passed, required.clone()] });
        }
        if required.now().interval().low > 0.0 || required.now().sign()? == std::cmp::Ordering::Greater {
            return Some(vec![left]);
        }
        Some(vec![Enclosed::zero().minus(required)])
    }
}

impl Ask for OfPool<'_> {
    fn functions<'r, C: Centre>(&self, region: &'r Region<C>) -> Option<Vec<Enclosed<'r, C>>> {
        let (first, _) = self.book.market().rules().constraints().split_first()?;
        let at = |last: bool| -> Rc<PoolValue<Enclosed<'r, C>>> {
            Rc::new(evaluate(self.book, self.pool, self.moment(last, &region), Wanted::Tested))
        };
        let is_last = |constraint: &Constraint| constraint.price == TriggerPrice::Last;
        let value = at(is_last(first));
        if value.open {
            return None;
        }
        if !value.exposed {
            return Some(Vec::new());
        }
        let mut functions = Vec::new();
        let liquidation = 1_u32 << self.levels.len();
        if self.guarded & liquidation != 0 {
            let other = std::cell::OnceCell::new();
            let value_at = |constraint: &Constraint| {
                let of = if is_last(constraint) == is_last(first) {
                    &value
                } else {
                    other.get_or_init(|| at(is_last(constraint)))
                };
                (!of.open).then(|| Rc::clone(of))
            };
            functions = self.of_liquidation(self.bits & liquidation != 0, value_at)?;
        }
        for (k, set) in self.levels_that_count(value.maintenance_margin.range().low >= 0.0) {
            functions.extend(Self::of_level(self.levels[k], set, &value)?);
        }
        Some(functions)
    }

    fn guess(&self) -> Option<Vec<Guard>> {
        self.nearly()
    }
}

impl OfPool<'_> {
    /// The levels to look at, and whether they are passed: as long as what is required is not negative, of those that are
    /// passed the lowest, and of the others the highest.
    pub(super) fn levels_that_count(&self, ordered: bool) -> Vec<(usize, bool)> {
        let guarded = (0..self.levels.len()).filter(|k| self.guarded >> k & 1 != 0);
        let (set, unset): (Vec<usize>, Vec<usize>) = guarded.partition(|k| self.bits >> k & 1 != 0);
        let by_level = |a: &&usize, b: &&usize| self.levels[**a].total_cmp(&self.levels[**b]);
        if !ordered {
            return set.iter().map(|&k| (k, true)).chain(unset.iter().map(|&k| (k, false))).collect();
        }
        let lowest = set.iter().min_by(by_level).map(|&k| (k, true));
        lowest.into_iter().chain(unset.iter().max_by(by_level).map(|&k| (k, false))).collect()
    }
}

impl Ask for OfAccount<'_> {
    fn functions<'r, C: Centre>(&self, region: &'r Region<C>) -> Option<Vec<Enclosed<'r, C>>> {
        let last = self.of.price() == TriggerPrice::Last;
        let moves = Moves::Each { sources: self.sources, last };
        let mark = if last { self.prices.last() } else { self.prices.mark() };
        let left: Enclosed<'r, C> = equity_left(self.of, Moment::along(mark, self.prices.index(), moves, &region));
        Some(vec![if self.flag { Enclosed::zero().minus(&left) } else { left }])
    }

    fn guess(&self) -> Option<Vec<Guard>> {
        None
    }
}
