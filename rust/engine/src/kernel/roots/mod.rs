//! Where pools fail along the price of each of their positions, eight positions at a time.
//!
//! What a position adds to the excess, `value = v * slope + constant` (see `pool/pieces`), is a matter of its own price
//! alone. With `W` the excess of its pool, the price at which the pool changes state is that at which the value is
//! `target = value - W`: `v = (target - constant) / slope` by the tier that the target is in, and the price is `v` over
//! quantity and size. All of it is computed to twice the precision of doubles, see [`settle`] for what becomes of it.
//!
//! # What rounding does to it
//!
//! With `u = 2^-53`: inputs are within `2^-92` of their decimals, coordinates and rates within `2^-90`, so that a value is off by
//! less than `2^-88` times the magnitudes that it is made of, and a value by a neighbouring tier by no more, since
//! values are continuous at floors and tiers are told apart as twofold numbers. A sum of `n` terms adds `8 n u^2` of the
//! magnitudes. So with `G` the magnitudes of a pool, constant and values, its excess is off by less than `e = 2^-86 (1 + n 2^-10)
//! G`, and the target by less than `2 e`. The price is proportional to `target - constant`, or to its inverse: `2 e` changes it
//! by `2 e / |target - constant|` relatively, and what divides it by less than `2^-84` (slopes are not below `2^-4`). The
//! error given to [`settle`] is `8 e / |target - constant|` of the price, and `|target - constant| <= 2 G`, so that both
//! are in it.
#![expect(clippy::inline_always, reason = "compiled anew inside a function of each instruction set")]

mod charges;
mod counted;
mod list;
mod settle;
mod solve;
mod tangents;
mod twin;

use std::ops::Range;

use crate::exact::{Quad, Twofold};
use crate::pool::{LANES, TierRows};

use super::lanes::Lanes;
pub(crate) use charges::Charges;
pub(crate) use counted::{Counted, CurveTerms};
pub(crate) use list::SettledRoots;
use settle::{Roots, numbers, settle};
pub(crate) use solve::{PieceRoot, PieceRoots, PieceTerms};
pub(crate) use tangents::{Parts, TangentTerms};
use twin::Twin;

/// What roots are made of: the columns of a book, and its tables at the present prices.
#[derive(Clone, Copy)]
pub(crate) struct RootTerms<'a> {
    /// First position of each pool, and the end of the last.
    pub(crate) starts: &'a [u32],
    pub(crate) quantity: &'a [f64],
    pub(crate) rest: &'a [f64],
    pub(crate) class: &'a [u16],
    /// By layer.
    pub(crate) constant: &'a [Twofold],
    pub(crate) magnitude: &'a [f64],
    pub(crate) rows: &'a TierRows,
    /// By class: the coordinate of its price.
    pub(crate) x: &'a [Twofold],
    /// By class and side: the coordinate, where the second tier begins or a little before (as a notional and as a value),
    /// and the rest of the coordinate.
    pub(crate) first: &'a [Quad],
    /// By row: what multiplies a quantity, and what is added.
    pub(crate) value: &'a [Quad],
}

/// Results of a window of positions.
#[derive(Debug, Default)]
pub(crate) struct RootFigures {
    pub(crate) below: Vec<f64>,
    pub(crate) above: Vec<f64>,
    pub(crate) nearest: Vec<f64>,
    /// By position: the sign of the excess of its pool, if that is certain; else NaN.
    pub(crate) excess: Vec<f64>,
    /// Positions of the window that only exact arithmetic can decide, ascending.
    pub(crate) open: Vec<u32>,
    columns: Columns,
}

/// Columns of a window, padded to whole groups.
#[derive(Debug, Default)]
struct Columns {
    limit: Vec<f64>,
    value_hi: Vec<f64>,
    value_lo: Vec<f64>,
    magnitude: Vec<f64>,
    excess_lo: Vec<f64>,
    error: Vec<f64>,
}

impl RootFigures {
    fn resize(&mut self, n: usize) {
        let n = n.next_multiple_of(LANES);
        let Columns { limit, value_hi, value_lo, magnitude, excess_lo, error } = &mut self.columns;
        let own = [&mut self.below, &mut self.above, &mut self.nearest, &mut self.excess];
        for column in own.into_iter().chain([limit, value_hi, value_lo, magnitude, excess_lo, error]) {
            if column.len() < n {
                column.resize(n, 0.0);
            }
        }
        self.open.clear();
    }

    /// Evaluates the positions of some pools, each of one layer, of which `layer` is the first; with `NEAREST`, only
    /// [`Self::nearest`] need be certain.
    #[inline(always)]
    pub(crate) fn evaluate<L: Lanes, const NEAREST: bool>(
        &mut self,
        terms: &RootTerms<'_>,
        pools: Range<usize>,
        layer: usize,
    ) {
        let positions = terms.starts[pools.start] as usize..terms.starts[pools.end] as usize;
        let n = positions.len();
        self.resize(n);
        // What the pointers below rely on; that classes have rows, and rows values, is the word of who made them.
        assert!(positions.end <= terms.quantity.len().min(terms.rest.len()).min(terms.class.len()));
        assert!(terms.first.len() + 1 == terms.rows.more.len());
        assert!(terms.value.len() == terms.rows.root.len() && terms.x.len() * 2 == terms.first.len());
        let mut room = Padded::default();
        for at in (0..n).step_by(LANES) {
            let eight = Eight::load(terms, positions.start + at, n - at, &mut room);
            // SAFETY: `L` was chosen by `dispatch`, inside whose function this is inlined; columns have room for whole
            // groups.
            unsafe { self.columns.values::<L>(terms, eight, at) }
        }
        self.sums(terms, pools, layer);
        let mut room = Padded::default();
        for at in (0..n).step_by(LANES) {
            let eight = Eight::load(terms, positions.start + at, n - at, &mut room);
            // SAFETY: as above.
            unsafe { self.roots::<L, NEAREST>(terms, eight, (at, n)) }
        }
    }

    /// Adds up what positions add to their pools, and tells each position the sum.
    #[inline(always)]
    fn sums(&mut self, terms: &RootTerms<'_>, pools: Range<usize>, layer: usize) {
        let start = terms.starts[pools.start];
        let Columns { value_hi, value_lo, magnitude, excess_lo, error, .. } = &mut self.columns;
        let constants = terms.constant[layer..].iter().zip(&terms.magnitude[layer..]);
        for (pool, (&constant, &magnitude_of_constant)) in pools.zip(constants) {
            let of = (terms.starts[pool] - start) as usize..(terms.starts[pool + 1] - start) as usize;
            let (mut sum, mut size) = (constant, magnitude_of_constant);
            for at in of.clone() {
                sum = sum.plus(Twofold { hi: value_hi[at], lo: value_lo[at] });
                size += magnitude[at];
            }
            let doubt = size * (ERROR + f64::from(u32::try_from(of.len()).unwrap_or(u32::MAX)) * ERROR_PER_TERM);
            let doubt = if sum.hi.abs() > doubt { doubt } else { f64::INFINITY };
            for at in of {
                (self.excess[at], excess_lo[at], error[at]) = (sum.hi, sum.lo, doubt);
            }
        }
    }

    /// # Safety
    /// As [`Lanes`]; the columns have room for whole groups.
    #[inline(always)]
    unsafe fn roots<L: Lanes, const NEAREST: bool>(
        &mut self,
        terms: &RootTerms<'_>,
        of: Eight<'_>,
        (at, n): (usize, usize),
    ) {
        let columns = &self.columns;
        // SAFETY: the caller's word.
        unsafe {
            let load = |column: &[f64]| L::load(column.as_ptr().add(at));
            let quantity = Twin::<L>::new(L::load(of.quantity.as_ptr()), L::load(of.rest.as_ptr()));
            let value = Twin::<L>::new(load(&columns.value_hi), load(&columns.value_lo));
            let excess = Twin::<L>::new(load(&self.excess), load(&columns.excess_lo));
            let error = load(&columns.error);
            let target = value.minus(excess);
            // The sign of a value is that of all values of the position.
            let positive = L::above(value.hi, L::zero());
            let size = L::select(positive, target.hi, L::sub(L::zero(), target.hi));
            let double = L::add(error, error);
            let none = L::above(L::sub(L::zero(), double), size);
            let mut row = of.rows();
            let far = L::above(size, load(&columns.limit));
            if far != 0 {
                let (mut hi, mut lo) = ([0.0; LANES], [0.0; LANES]);
                L::store(hi.as_mut_ptr(), target.hi);
                L::store(lo.as_mut_ptr(), target.lo);
                for lane in lanes(far) {
                    let target = Twofold { hi: hi[lane], lo: lo[lane] };
                    row[lane] = terms.rows.tier_of_value(row[lane], target.abs());
                }
            }
            let [root, root_rest, constant, constant_rest] = L::rows(numbers(&terms.rows.root), row.as_ptr());
            let above_constant = target.minus(Twin::new(constant, constant_rest));
            let inverse = L::above(L::zero(), root);
            let top = Twin::select(inverse, quantity, above_constant).times(Twin::new(root, root_rest));
            let price = top.over(Twin::select(inverse, above_constant, quantity));
            let share = L::div(L::mul(L::splat(8.0), error), L::abs(above_constant.hi));
            let rising = L::above(quantity.hi, L::zero());
            let settled = settle(&Roots::<L> { root: price, error: L::mul(price.hi, share), rising });
            let unknown = L::splat(f64::NAN);
            let fails = L::above(L::zero(), excess.hi);
            let (safe, nearest) = (L::select(none, unknown, settled.safe), L::select(none, unknown, settled.nearest));
            let below = rising ^ fails;
            L::store(self.below.as_mut_ptr().add(at), L::select(below, safe, unknown));
            L::store(self.above.as_mut_ptr().add(at), L::select(below, unknown, safe));
            L::store(self.nearest.as_mut_ptr().add(at), nearest);
            let decided = if NEAREST { settled.near } else { settled.certain };
            self.leave(!(decided | none), (at, n));
        }
    }

    /// Leaves the lanes of a mask open, of the eight positions from `at` on of `n`.
    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "windows are short")]
    fn leave(&mut self, mask: u8, (at, n): (usize, usize)) {
        let held = if n - at < LANES { (1 << (n - at)) - 1 } else { u8::MAX };
        if mask & held != 0 {
            self.open.extend(lanes(mask & held).map(|lane| (at + lane) as u32));
        }
    }
}

/// What the excess of a pool of few positions is off by, of the magnitudes that it is made of, and what each term adds.
const ERROR: f64 = f64::from_bits((1023 - 86) << 52);
const ERROR_PER_TERM: f64 = f64::from_bits((1023 - 96) << 52);

/// The doubles at eight roots.
#[derive(Debug, Clone, Copy, Default)]
struct Settling {
    safe: [f64; LANES],
    nearest: [f64; LANES],
    certain: u8,
    near: u8,
}

/// The doubles at a root.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Doubles {
    /// The last safe one, and the one nearest to the root.
    pub(crate) safe: f64,
    pub(crate) nearest: f64,
    /// Whether both are certain, and whether the nearest is.
    pub(crate) certain: bool,
    pub(crate) near: bool,
}

impl Doubles {
    /// Where there is no root.
    pub(crate) const NONE: Self = Self { safe: f64::NAN, nearest: f64::NAN, certain: true, near: true };
}

impl Settling {
    fn at(&self, lane: usize) -> Doubles {
        let Self { safe, nearest, certain, near } = self;
        Doubles {
            safe: safe[lane],
            nearest: nearest[lane],
            certain: certain >> lane & 1 == 1,
            near: near >> lane & 1 == 1,
        }
    }
}

impl RootTerms<'_> {
    /// The row of the tier that a position is in, given that of the first.
    fn tier(&self, of: Eight<'_>, lane: usize, first: u32) -> u32 {
        let quantity = Twofold { hi: of.quantity[lane], lo: of.rest[lane] };
        let notional = quantity.times(self.x[usize::from(of.class[lane])]).abs();
        self.rows.tier_of_notional(first, notional)
    }
}

/// The lanes of a mask.
#[inline(always)]
fn lanes(mask: u8) -> impl Iterator<Item = usize> {
    let mut left = mask;
    std::iter::from_fn(move || {
        let lane = left.trailing_zeros() as usize;
        left &= left.wrapping_sub(1);
        (lane < LANES).then_some(lane)
    })
}

/// The inputs of eight positions.
#[derive(Clone, Copy)]
struct Eight<'a> {
    quantity: &'a [f64; LANES],
    rest: &'a [f64; LANES],
    class: &'a [u16; LANES],
}

impl Eight<'_> {
    /// The rows of the first tiers.
    #[inline(always)]
    fn rows(&self) -> [u32; LANES] {
        std::array::from_fn(|lane| {
            2 * u32::from(self.class[lane]) + u32::from(self.quantity[lane].to_bits() >> 63 == 1)
        })
    }
}

/// The last positions of a window, with nothing of the first class after them.
#[derive(Default)]
struct Padded {
    quantity: [f64; LANES],
    rest: [f64; LANES],
    class: [u16; LANES],
}

impl<'a> Eight<'a> {
    /// Up to eight positions from `first` on, of `n`; `room` is for fewer.
    #[inline(always)]
    fn load(terms: &RootTerms<'a>, first: usize, n: usize, room: &'a mut Padded) -> Self {
        if n >= LANES
            && let Some(quantity) = terms.quantity[first..].first_chunk()
            && let Some(rest) = terms.rest[first..].first_chunk()
            && let Some(class) = terms.class[first..].first_chunk()
        {
            return Self { quantity, rest, class };
        }
        room.fill(terms, first..first + n.min(LANES));
        Self { quantity: &room.quantity, rest: &room.rest, class: &room.class }
    }
}

impl Padded {
    #[inline(never)]
    fn fill(&mut self, terms: &RootTerms<'_>, positions: Range<usize>) {
        *self = Self::default();
        let n = positions.len();
        self.quantity[..n].copy_from_slice(&terms.quantity[positions.clone()]);
        self.rest[..n].copy_from_slice(&terms.rest[positions.clone()]);
        self.class[..n].copy_from_slice(&terms.class[positions]);
    }
}

impl Columns {
    /// What eight positions add to the excess.
    ///
    /// # Safety
    /// As [`Lanes`]; the columns have room for whole groups.
    #[inline(always)]
    unsafe fn values<L: Lanes>(&mut self, terms: &RootTerms<'_>, of: Eight<'_>, at: usize) {
        // SAFETY: the caller's word; rows of classes are in the tables, which are aligned.
        unsafe {
            let quantity = Twin::<L>::new(L::load(of.quantity.as_ptr()), L::load(of.rest.as_ptr()));
            let mut row = of.rows();
            let [x, floor, limit, _] = L::rows(numbers(terms.first), row.as_ptr());
            let far = L::above(L::abs(L::mul(quantity.hi, x)), floor);
            if far != 0 {
                for lane in lanes(far) {
                    row[lane] = terms.tier(of, lane, row[lane]);
                }
            }
            let [factor, factor_rest, constant, constant_rest] = L::rows(numbers(terms.value), row.as_ptr());
            let sloped = quantity.times(Twin::new(factor, factor_rest));
            let value = sloped.plus(Twin::new(constant, constant_rest));
            let store = |column: &mut [f64], v| L::store(column.as_mut_ptr().add(at), v);
            store(&mut self.limit, limit);
            store(&mut self.value_hi, value.hi);
            store(&mut self.value_lo, value.lo);
            store(&mut self.magnitude, L::add(L::abs(sloped.hi), L::abs(constant)));
        }
    }
}
