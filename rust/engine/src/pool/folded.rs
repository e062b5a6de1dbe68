//! The folded form: a pool is its constant and a short row of quantities, eight pools side by side.
//!
//! Pools are cut into windows of [`WINDOW`]; within a window they are sorted by their number of positions and dealt
//! to groups of eight, one pool to a lane, so that a group's pools have nearly the same length and a step over a
//! group reads eight quantities of eight pools. A pool's place decides nothing but its address: its sums have the
//! canonical order of its positions wherever it lies.
//!
//! # What is folded, and what rounding does to it
//!
//! With `x = size * mark` and `u = 2^-53`, a pool's equity is `C + sum q_i x_i` with
//! `C = cash - sum q_i * size_i * entry_i`. The stored `C` is computed in doubles, cash first, then the terms in
//! canonical order. Each input differs from the decimal that it denotes by at most `u` relatively, each term takes at
//! most 4 more roundings, and each partial sum one, so with `n` terms and `G_c` the sum of all magnitudes added
//! `|C_stored - C| <= (n + 16) u G_c`. That bound is stored with the pool ([`decode`]), rounded up to 5 bits of
//! mantissa. `docs/numeric-contract.md` has the whole proof.

use std::sync::{Arc, OnceLock};

use crate::book::{Holdings, PoolKind, coordinate_size};
use crate::exact::{Bounded, Exact, Number};
use crate::market::{Market, PriceBasis};
use crate::memory::{filled, with_room};

use super::classes::Classes;
use super::legs::contract_value;
use super::tables::ClassTable;

/// Pools per window, a multiple of eight: its sums stay in the first cache levels while they are put in order.
pub(crate) const WINDOW: usize = 1024;

/// Lanes of a group.
pub(crate) const LANES: usize = 8;

/// Half the distance between 1 and the next double: the relative error of one rounding.
const U: f64 = f64::EPSILON / 2.0;

/// The lane layout of a book. Columns are by place: the windows one after the other, the last padded to whole groups.
#[derive(Debug, Clone)]
pub(crate) struct Folded {
    /// Pools per window, a multiple of [`LANES`].
    pub(crate) window: usize,
    /// Place of each pool (in pool order) within its window: lane `place % 8` of group `place / 8`.
    pub(crate) place: Vec<u16>,
    /// Cash of the pool.
    pub(crate) cash: Vec<f64>,
    /// The folded constant.
    pub(crate) constant: Vec<f64>,
    /// The error bound of the constant and the relative one of the sums, see [`decode`].
    pub(crate) doubt: Vec<u32>,
    /// Maintenance charged at entry; empty where it is charged at mark.
    pub(crate) maintenance: Vec<f64>,
    /// Initial margin charged at entry; empty where it is charged at mark.
    pub(crate) initial: Vec<f64>,
    /// First step of each group, and the end of the last.
    pub(crate) steps: Vec<u32>,
    /// Eight quantities a step; zero in padding.
    pub(crate) quantity: Vec<f64>,
    /// Eight rows of the class table a step; zero in padding.
    pub(crate) class: Vec<u16>,
    leverage: OnceLock<Vec<f64>>,
    alone: OnceLock<Alone>,
}

/// What positions are made of by themselves, eight a step; zero in padding.
#[derive(Debug, Clone)]
pub(crate) struct Alone {
    /// `quantity * x(entry)`.
    pub(crate) cost: Vec<f64>,
    /// What they are charged at entry; empty where that is done at mark.
    pub(crate) charge: Vec<f64>,
    /// What is fenced for them by the rules when they are opened isolated: notional at entry over leverage; NaN where that is
    /// unknown.
    pub(crate) fence: Vec<f64>,
}

/// What a pool's fold yields besides its cash.
struct Fold {
    constant: f64,
    doubt: u32,
    maintenance: f64,
    initial: f64,
}

/// Rounds a magnitude up to what its upper 16 bits hold.
pub(super) fn round_up(x: f64) -> u32 {
    if x == 0.0 {
        return 0;
    }
    // Two units in the last of the 5 bits kept cover both the cut and the rounding of `x` itself.
    u32::try_from(x.to_bits() >> 48).unwrap_or(u32::MAX >> 17) + 2
}

/// The error bound of a pool's constant, and the factor that times the magnitudes added bounds the error of its sums.
#[inline]
pub(crate) fn decode(doubt: u32) -> (f64, f64) {
    let bits = u64::from(doubt);
    (f64::from_bits((bits >> 16) << 48), f64::from_bits((bits & 0xffff) << 48))
}

impl Folded {
    /// Folds a book, in windows of `window` pools (rounded to whole groups; 65,536 at most).
    pub(crate) fn new(of: Sources<'_>, window: usize) -> Self {
        let Sources { market, holdings, classes, .. } = of;
        let window = window.clamp(1, 1 << 16).next_multiple_of(LANES);
        let n_pools = holdings.n_pools();
        let n = n_pools.next_multiple_of(LANES);
        let (cash, fences) = cash(holdings, classes);
        let at_entry = |basis: PriceBasis| if basis == PriceBasis::Entry { n } else { 0 };
        let room = holdings.n_positions() + holdings.n_positions() / 16 + n_pools.min(64) * LANES;
        let mut folded = Self {
            window,
            place: filled(n_pools, 0),
            cash: filled(n, 0.0),
            constant: filled(n, 0.0),
            doubt: filled(n, 0),
            maintenance: filled(at_entry(market.rules().maintenance_price()), 0.0),
            initial: filled(at_entry(market.rules().initial_price()), 0.0),
            steps: with_room(n / LANES + 1),
            quantity: with_room(room),
            class: with_room(room),
            leverage: OnceLock::new(),
            alone: OnceLock::new(),
        };
        folded.steps.push(0);
        let mut order = Vec::with_capacity(window);
        for first in (0..n_pools).step_by(window) {
            let pools = first..n_pools.min(first + window);
            by_length(holdings, classes, pools.clone(), &mut order);
            folded.deal(holdings, first, &order);
            for pool in pools {
                let fences = fences.get(pool).copied().unwrap_or(0);
                let fold = fold(of, pool, cash[pool], fences);
                folded.put(first + usize::from(folded.place[pool]), cash[pool], &fold);
            }
        }
        folded
    }

    fn put(&mut self, place: usize, cash: f64, fold: &Fold) {
        self.cash[place] = cash;
        self.constant[place] = fold.constant;
        self.doubt[place] = fold.doubt;
        if let Some(maintenance) = self.maintenance.get_mut(place) {
            *maintenance = fold.maintenance;
        }
        if let Some(initial) = self.initial.get_mut(place) {
            *initial = fold.initial;
        }
    }

    /// Deals the pools `first + order[..]` to the lanes of a window.
    fn deal(&mut self, holdings: &Holdings, first: usize, order: &[u16]) {
        for (group, pools) in order.chunks(LANES).enumerate() {
            let length = pools.iter().map(|&p| holdings.positions_of(first + usize::from(p)).len()).max().unwrap_or(0);
            let start = self.quantity.len();
            self.quantity.resize(start + length * LANES, 0.0);
            self.class.resize(start + length * LANES, 0);
            self.steps.push(u32::try_from(self.quantity.len() / LANES).unwrap_or(u32::MAX));
            for (lane, &p) in pools.iter().enumerate() {
                let pool = first + usize::from(p);
                self.place[pool] = u16::try_from(group * LANES + lane).unwrap_or(u16::MAX);
                for (step, position) in holdings.positions_of(pool).enumerate() {
                    let slot = start + step * LANES + lane;
                    self.quantity[slot] = holdings.quantity[position];
                    self.class[slot] = holdings.class[position] + 1;
                }
            }
        }
    }

    /// The most steps that a window has.
    pub(crate) fn longest_window(&self) -> usize {
        let groups = self.window / LANES;
        let ends = self.steps.iter().step_by(groups).skip(1).chain(self.steps.last());
        let steps = self.steps.iter().step_by(groups).zip(ends).map(|(start, end)| (end - start) as usize);
        steps.max().unwrap_or(0)
    }

    /// Eight leverages a step; 1 in padding, NaN where unknown. Made when first asked for.
    pub(crate) fn leverage(&self, holdings: &Holdings) -> &[f64] {
        self.leverage.get_or_init(|| self.by_slot(holdings, 1.0, |position| holdings.leverage(position)))
    }

    /// What positions are made of by themselves. Made when first asked for.
    pub(crate) fn alone(&self, of: Sources<'_>) -> &Alone {
        self.alone.get_or_init(|| {
            let Sources { holdings, classes, .. } = of;
            let cost = |position: usize| {
                let coordinate = classes.coordinate(holdings.class[position]);
                holdings.quantity[position] * coordinate.at(holdings.entry_price[position])
            };
            let charge = |position: usize| of.charge_at_entry(position, cost(position).abs());
            let fence = |position: usize| cost(position).abs() / holdings.leverage(position);
            let at_entry = !self.maintenance.is_empty();
            Alone {
                cost: self.by_slot(holdings, 0.0, cost),
                charge: if at_entry { self.by_slot(holdings, 0.0, charge) } else { Vec::new() },
                fence: self.by_slot(holdings, 0.0, fence),
            }
        })
    }

    /// A number of every position, eight a step.
    pub(crate) fn by_slot(&self, holdings: &Holdings, padding: f64, of: impl Fn(usize) -> f64) -> Vec<f64> {
        let mut column = filled(self.quantity.len(), padding);
        for pool in 0..holdings.n_pools() {
            let place = pool / self.window * self.window + usize::from(self.place[pool]);
            let start = self.steps[place / LANES] as usize * LANES + place % LANES;
            for (step, position) in holdings.positions_of(pool).enumerate() {
                column[start + step * LANES] = of(position);
            }
        }
        column
    }
}

/// The pools of a window by falling number of positions; of equal ones first those with a far position, so that few
/// groups have one. Stable, but for pools of [`LONG`] positions and more.
fn by_length(holdings: &Holdings, classes: &Classes, pools: std::ops::Range<usize>, order: &mut Vec<u16>) {
    let first = pools.start;
    let length = |p: usize| holdings.positions_of(first + p).len();
    let is_far =
        |position: usize| entry_notional(holdings, classes, position) > classes.end_of_reach(holdings.class[position]);
    let key = |p: usize| 2 * (LONG - length(p).min(LONG)) + usize::from(!holdings.positions_of(first + p).any(is_far));
    let mut starts = [0_usize; 2 * LONG + 3];
    let keys: Vec<u8> = (0..pools.len()).map(|p| u8::try_from(key(p)).unwrap_or(u8::MAX)).collect();
    for &key in &keys {
        starts[usize::from(key) + 1] += 1;
    }
    for k in 0..starts.len() - 1 {
        starts[k + 1] += starts[k];
    }
    let long = starts[2];
    order.clear();
    order.resize(pools.len(), 0);
    for (p, &key) in keys.iter().enumerate() {
        let start = &mut starts[usize::from(key)];
        order[*start] = u16::try_from(p).unwrap_or(u16::MAX);
        *start += 1;
    }
    order[..long].sort_by_key(|&p| std::cmp::Reverse(length(usize::from(p))));
}

/// Pools of this many positions are sorted by comparison, shorter ones by counting.
const LONG: usize = 64;

/// The notional of a position at entry, from the original columns.
fn entry_notional(holdings: &Holdings, classes: &Classes, position: usize) -> f64 {
    let x = classes.coordinate(holdings.class[position]).at(holdings.entry_price[position]);
    (holdings.quantity[position] * x).abs()
}

/// The cash of each pool, of an isolated one what is fenced, of a cross one what the fences leave; and how many fences
/// each cross pool paid for (empty when there is none).
fn cash(holdings: &Holdings, classes: &Classes) -> (Vec<f64>, Vec<u32>) {
    let mut cash = with_room(holdings.n_pools());
    cash.extend_from_slice(&holdings.pool_wallet);
    for (cash, bonus) in cash.iter_mut().zip(&holdings.bonus) {
        *cash += bonus;
    }
    for (cash, borrowed) in cash.iter_mut().zip(&holdings.borrowed) {
        *cash -= borrowed;
    }
    if !holdings.pool_kind.contains(&PoolKind::Isolated) {
        return (cash, Vec::new());
    }
    let mut fences = vec![0; cash.len()];
    for account in 0..holdings.accounts.len() {
        let pools = holdings.pools_of(account);
        let mut cross = pools.start;
        for pool in pools.filter(|&pool| holdings.kind(pool) == PoolKind::Isolated) {
            if cash[pool].is_nan() {
                let position = holdings.positions_of(pool).start;
                cash[pool] = entry_notional(holdings, classes, position) / holdings.leverage(position);
            }
            // Isolated pools ascend by asset as cross ones do, and each has a cross pool of its asset.
            while holdings.pool_asset[cross] != holdings.pool_asset[pool] {
                cross += 1;
            }
            cash[cross] -= cash[pool];
            fences[cross] += 1;
        }
    }
    (cash, fences)
}

/// A bound of the sum of magnitudes that went into a pool's cash.
fn cash_magnitude(holdings: &Holdings, pool: usize, cash: f64, fences: u32) -> f64 {
    let credit = holdings.bonus(pool) + holdings.borrowed(pool);
    if fences == 0 && credit == 0.0 {
        return cash.abs();
    }
    // Fences only take out, so that their sum is what came in less what is left.
    2.0 * (holdings.pool_wallet[pool].abs() + credit) + cash.abs()
}

/// What a fold is made from.
#[derive(Clone, Copy)]
pub(crate) struct Sources<'a> {
    pub(crate) market: &'a Market,
    pub(crate) holdings: &'a Holdings,
    pub(crate) tables: &'a [Arc<ClassTable>],
    pub(crate) classes: &'a Classes,
}

impl Sources<'_> {
    /// What a position is charged at entry: in doubles, by the tier of exact arithmetic.
    fn charge_at_entry(self, position: usize, notional: f64) -> f64 {
        let table = &self.tables[usize::from(self.holdings.class[position])];
        let tier = match table.tier_of(&self.notional_at_entry::<Bounded>(position)) {
            (tier, false) => tier,
            (_, true) => table.tier_of(&self.notional_at_entry::<Exact>(position)).0,
        };
        table.rates[tier].near() * notional - table.deductions[tier].near()
    }

    fn notional_at_entry<N: Number>(self, position: usize) -> N {
        let instrument = &self.market.instruments()[self.holdings.instrument(position)];
        let size = N::of(coordinate_size(instrument, self.holdings.quantity_unit));
        let entry = N::of(self.holdings.entry_price(position));
        N::of(self.holdings.quantity(position).abs()).times(&contract_value(instrument, &size, &entry))
    }
}

fn fold(of: Sources<'_>, pool: usize, cash: f64, fences: u32) -> Fold {
    let Sources { market, holdings, classes, .. } = of;
    let mut magnitude = cash_magnitude(holdings, pool, cash, fences);
    let rules = market.rules();
    let mut fold = Fold { constant: cash, doubt: 0, maintenance: 0.0, initial: 0.0 };
    let (at_entry, initial_at_entry) =
        (rules.maintenance_price() == PriceBasis::Entry, rules.initial_price() == PriceBasis::Entry);
    let positions = holdings.positions_of(pool);
    for position in positions.clone() {
        let coordinate = classes.coordinate(holdings.class[position]);
        let cost = holdings.quantity[position] * coordinate.at(holdings.entry_price[position]);
        fold.constant -= cost;
        magnitude += cost.abs();
        if at_entry {
            let charge = of.charge_at_entry(position, cost.abs());
            fold.maintenance += charge;
            magnitude += 2.0 * rules.trigger_level() * (cost.abs() + charge.abs());
        }
        if initial_at_entry {
            fold.initial += cost.abs() / holdings.leverage(position);
        }
    }
    let n = f64::from(u32::try_from(positions.len()).unwrap_or(u32::MAX)) + f64::from(fences);
    fold.doubt = round_up((n + 16.0) * U * magnitude) << 16 | round_up((n + 32.0) * U);
    fold
}
