//! The roots of concave excesses by their tangents, eight positions at a time.
//!
//! Let a pool be safe, all its curves concave, and the instrument have one leg. By `u`, the position's notional, its excess
//! is `rest + curve(equity +- u) - requirement * T(u)`: concave, linear in pieces. A position with the sign `-` loses as `u`
//! rises, everywhere: it has a root above, and none below. One with the sign `+` has a root below if the excess is
//! below zero at `u = 0`, else none; and none above if the excess still rises on the last piece.
//!
//! The line of any piece lies above a concave excess. So where the line of the present piece is zero the excess is not above
//! zero, and from there on the lines lead back, to the root at last: when the line of a piece is zero on that piece
//! itself, further from its ends than doubles can be wrong. That root is then solved as a twofold number. Where any of this is in
//! doubt, and for other pools, nothing is said.
#![expect(clippy::inline_always, reason = "compiled anew inside a function of each instruction set")]

use crate::exact::Quad;
use crate::kernel::Lanes;
use crate::pool::LANES;

use super::charges::Charges;
use super::counted::Counted;
use super::settle::numbers;
use super::solve::{PieceTerms, Solving};
use super::twin::Twin;
use super::{Eight, Padded, RootFigures, RootTerms, lanes};

/// What tangents are made of.
#[derive(Clone, Copy)]
pub(crate) struct TangentTerms<'a> {
    pub(crate) root: &'a RootTerms<'a>,
    pub(crate) pieces: &'a PieceTerms<'a>,
    /// By class and side: the rate of the last tier.
    pub(crate) last_rate: &'a [f64],
    /// By row of tiers: rate, deduction, where it begins and ends (infinite where it does not).
    pub(crate) tiers: &'a [Quad],
    /// By curve: the slope of the last piece, the row of the first, and what multiplies a rate; NaN where it is not concave.
    pub(crate) curves: &'a [Quad],
    /// By curve: where its second to fifth piece begin.
    pub(crate) begins: &'a [Quad],
    /// By row of stretches: anchor, slope, what it is worth there.
    pub(crate) stretches: &'a [Quad],
}

/// The positions of a window, and what they are part of.
#[derive(Debug, Default)]
pub(crate) struct Parts {
    /// By position: the place of its asset; of its pool, 0 where it is left to others.
    pub(crate) layer: Vec<u32>,
    pub(crate) pool: Vec<u32>,
    /// By place: excess, a bound of its error, and of the magnitudes that it is made of. The first is unknown.
    pub(crate) pools: Vec<Quad>,
}

/// A share of all magnitudes that is more than doubles can lose.
const NEAR: f64 = 1e-10;

/// How often lines are followed: usual roots are found in two or three.
const MOST_LINES: usize = 6;

/// Eight positions of pools at the present prices.
struct Way<L: Lanes> {
    /// Lanes that gain as the notional rises.
    gains: u8,
    /// The excess of the pool, a bound of its error, and of the magnitudes that it is made of.
    excess: L::V,
    error: L::V,
    magnitude: L::V,
    /// The equity of the asset without the position, and the excess without what depends on the position.
    equity: Twin<L>,
    rest: Twin<L>,
    /// Of the curve: the slope of its last piece, the row of its first, what multiplies a rate, and where others begin.
    last_slope: L::V,
    first_stretch: L::V,
    requirement: L::V,
    begins: [L::V; 4],
    /// The pieces that they are on.
    pieces: Pieces,
}

/// What lies ahead of eight positions.
struct Outlook {
    /// Lanes of pools that are safe, and cannot fail the other way.
    known: u8,
    /// Lanes in which the excess stays above zero.
    none: u8,
    /// Lanes in which it does not.
    crosses: u8,
}

/// A line of eight positions: where it is zero, what it rises with, and the magnitudes that that is made of.
#[derive(Clone, Copy)]
struct Line<V> {
    zero: V,
    rises: V,
    size: V,
}

/// Rows of the pieces of eight positions.
#[derive(Clone, Copy, PartialEq)]
struct Pieces {
    tier: [u32; LANES],
    stretch: [u32; LANES],
}

/// A number that counts rows, as one.
#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "the lower half of the digits is the integer")]
unsafe fn integers<L: Lanes>(x: L::V) -> [u32; LANES] {
    let mut doubles = [0.0; LANES];
    // SAFETY: the caller's word; eight elements are writable.
    unsafe { L::store(doubles.as_mut_ptr(), L::add(x, L::splat(4_503_599_627_370_496.0))) };
    doubles.map(|x| x.to_bits() as u32)
}

impl<L: Lanes> Way<L> {
    /// The row of the stretch that a notional brings the asset to: one of its curve, also where that is infinite or unknown,
    /// since nothing is above the infinite beginnings of pieces that a curve does not have.
    #[inline(always)]
    unsafe fn stretch(&self, notional: L::V) -> [u32; LANES] {
        // SAFETY: the caller's word.
        unsafe {
            let equity = self.equity_at(notional);
            let one = L::splat(1.0);
            let mut row = self.first_stretch;
            for begins in self.begins {
                row = L::add(row, L::select(L::above(equity, begins), one, L::zero()));
            }
            integers::<L>(row)
        }
    }

    #[inline(always)]
    unsafe fn equity_at(&self, notional: L::V) -> L::V {
        // SAFETY: the caller's word.
        unsafe { L::select(self.gains, L::add(self.equity.hi, notional), L::sub(self.equity.hi, notional)) }
    }

    /// The pieces that notionals are on.
    #[inline(always)]
    unsafe fn pieces(&self, terms: &TangentTerms<'_>, of: Eight<'_>, notional: L::V) -> Pieces {
        // SAFETY: the caller's word; rows of classes are in the tables.
        unsafe {
            let mut tier = of.rows();
            let [_, second, ..] = L::rows(numbers(terms.root.first), tier.as_ptr());
            let far = L::above(notional, second);
            if far != 0 {
                let mut notionals = [0.0; LANES];
                L::store(notionals.as_mut_ptr(), notional);
                for lane in lanes(far) {
                    tier[lane] = terms.root.rows.tier_near(tier[lane], notionals[lane]);
                }
            }
            Pieces { tier, stretch: self.stretch(notional) }
        }
    }

    /// What an asset counts without the position, on a stretch.
    #[inline(always)]
    unsafe fn counted(&self, terms: &TangentTerms<'_>, stretch: &[u32; LANES]) -> (L::V, L::V) {
        // SAFETY: the caller's word.
        unsafe {
            let [anchor, slope, value, _] = L::rows(numbers(terms.stretches), stretch.as_ptr());
            (L::add(value, L::mul(L::sub(self.equity.hi, anchor), slope)), slope)
        }
    }

    /// The line of pieces.
    #[inline(always)]
    unsafe fn line(&self, terms: &TangentTerms<'_>, at: &Pieces) -> Line<L::V> {
        debug_assert!(at.tier.iter().all(|&row| (row as usize) < terms.tiers.len()));
        debug_assert!(at.stretch.iter().all(|&row| (row as usize) < terms.stretches.len()));
        // SAFETY: the caller's word.
        unsafe {
            let [rate, off, ..] = L::rows(numbers(terms.tiers), at.tier.as_ptr());
            let (rate, off) = (L::mul(rate, self.requirement), L::mul(off, self.requirement));
            let (counted, slope) = self.counted(terms, &at.stretch);
            let constant = L::add(L::add(self.rest.hi, off), counted);
            let lean = L::select(self.gains, slope, L::sub(L::zero(), slope));
            let rises = L::sub(lean, rate);
            let zero = L::div(L::sub(L::zero(), constant), rises);
            Line { zero, rises, size: L::add(L::abs(slope), rate) }
        }
    }

    /// Whether there is a root, as far as the ends of the excess say.
    #[inline(always)]
    unsafe fn outlook(&self, terms: &TangentTerms<'_>, first: &[u32; LANES]) -> Outlook {
        let mut last_rate = [0.0; LANES];
        for (rate, &row) in last_rate.iter_mut().zip(first) {
            *rate = terms.last_rate[row as usize];
        }
        // SAFETY: the caller's word.
        unsafe {
            let near = L::splat(NEAR);
            let last_rate = L::mul(L::load(last_rate.as_ptr()), self.requirement);
            let size = L::add(self.last_slope, last_rate);
            let rises = L::above(L::sub(self.last_slope, last_rate), L::mul(near, size)) & self.gains;
            let falls = L::above(self.last_slope, L::splat(-1.0)) & !self.gains;
            let known = L::above(self.excess, self.error) & (rises | falls);
            // The excess where nothing is left of the position.
            let (counted, _) = self.counted(terms, &self.stretch(L::zero()));
            let (at_zero, bound) = (L::add(self.rest.hi, counted), L::mul(near, self.magnitude));
            let none = L::above(at_zero, bound) & self.gains;
            let crosses = L::above(L::sub(L::zero(), bound), at_zero) | !self.gains;
            Outlook { known, none, crosses }
        }
    }

    /// Follows lines until those of the lanes wanted are zero on their own pieces; returns these lanes with the pieces.
    #[inline(always)]
    unsafe fn follow(&self, terms: &TangentTerms<'_>, of: Eight<'_>, wanted: u8) -> (Pieces, Line<L::V>, u8) {
        let (mut pieces, mut stays) = (self.pieces, 0);
        // SAFETY: the caller's word.
        unsafe {
            let mut line = self.line(terms, &pieces);
            if wanted != 0 {
                for _ in 0..MOST_LINES {
                    let here = self.pieces(terms, of, L::over(line.zero, L::zero()));
                    stays = same(&pieces, &here);
                    if wanted & !stays == 0 {
                        break;
                    }
                    pieces = here;
                    line = self.line(terms, &pieces);
                }
            }
            (pieces, line, stays & wanted)
        }
    }

    /// Lanes in which a line is zero further from the ends of its pieces than doubles can be wrong.
    #[inline(always)]
    unsafe fn inside(&self, terms: &TangentTerms<'_>, pieces: &Pieces, line: Line<L::V>) -> u8 {
        // SAFETY: the caller's word.
        unsafe {
            let Line { zero, rises, size } = line;
            let [.., begins, ends] = L::rows(numbers(terms.tiers), pieces.tier.as_ptr());
            let (near, steep) = (L::splat(NEAR), L::abs(rises));
            let bound = L::mul(near, L::add(self.magnitude, L::mul(size, zero)));
            let above_floor = L::above(L::mul(L::sub(zero, begins), steep), bound);
            let mut inside = above_floor & L::above(L::mul(L::sub(ends, zero), steep), bound);
            let equity = self.equity_at(zero);
            for begins in self.begins {
                inside &= L::above(L::mul(L::abs(L::sub(equity, begins)), steep), bound);
            }
            inside & L::above(steep, L::mul(near, size)) & L::above(zero, L::zero())
        }
    }
}

impl Charges {
    /// Finds what tangents find of `n` positions from `first` on; the others are left in `figures.open`.
    #[inline(always)]
    pub(crate) fn tangents<L: Lanes, const NEAREST: bool>(
        &self,
        terms: &TangentTerms<'_>,
        (counted, parts): (&Counted, &mut Parts),
        figures: &mut RootFigures,
        (first, n): (usize, usize),
    ) {
        figures.resize(n);
        let room = n.next_multiple_of(LANES);
        parts.layer.resize(room, 0);
        parts.pool.resize(room, 0);
        // What the pointers below rely on, with the word of who made the tables and the parts.
        assert!(self.row.len() >= room && self.value[0].len() >= room && self.charge[0].len() >= room);
        assert!(!counted.states.is_empty() && !parts.pools.is_empty());
        let mut padded = Padded::default();
        for at in (0..n).step_by(LANES) {
            let eight = Eight::load(terms.root, first + at, n - at, &mut padded);
            // SAFETY: columns have room for whole groups, asserted above; `L` was chosen by `dispatch`, inside whose function
            // this is inlined.
            unsafe {
                let way = self.way::<L>(terms, (counted, parts), at);
                figures.put::<L, NEAREST>(terms, &way, (eight, at, n));
            }
        }
    }

    /// Eight positions of a window, from `at` on.
    ///
    /// # Safety
    /// As [`Lanes`]; the columns have room for whole groups, and places are in the tables.
    #[inline(always)]
    unsafe fn way<L: Lanes>(
        &self,
        terms: &TangentTerms<'_>,
        (counted, parts): (&Counted, &Parts),
        at: usize,
    ) -> Way<L> {
        let mut curve = [0; LANES];
        let mut pieces = Pieces { tier: [0; LANES], stretch: [0; LANES] };
        pieces.tier.copy_from_slice(&self.row[at..at + LANES]);
        for (lane, &layer) in parts.layer[at..at + LANES].iter().enumerate() {
            curve[lane] = counted.curve[layer as usize];
            pieces.stretch[lane] = counted.stretch[layer as usize];
        }
        // SAFETY: the caller's word.
        unsafe {
            let load = |column: &[f64]| L::load(column.as_ptr().add(at));
            let value = Twin::<L>::new(load(&self.value[0]), load(&self.value[1]));
            let charge = Twin::<L>::new(load(&self.charge[0]), load(&self.charge[1]));
            let [excess, excess_rest, error, magnitude] = L::rows(numbers(&parts.pools), parts.pool.as_ptr().add(at));
            let [equity, equity_rest, worth, worth_rest] =
                L::rows(numbers(&counted.states), parts.layer.as_ptr().add(at));
            let [last_slope, first_stretch, requirement, _] = L::rows(numbers(terms.curves), curve.as_ptr());
            let others = Twin::<L>::new(excess, excess_rest).minus(Twin::new(worth, worth_rest));
            Way {
                gains: L::above(value.hi, L::zero()),
                excess,
                error,
                magnitude,
                equity: Twin::<L>::new(equity, equity_rest).minus(value),
                rest: others.plus(charge),
                last_slope,
                first_stretch,
                requirement,
                begins: L::rows(numbers(terms.begins), curve.as_ptr()),
                pieces,
            }
        }
    }
}

impl RootFigures {
    /// # Safety
    /// As [`Lanes`]; the columns have room for whole groups, and places are in the tables.
    #[inline(always)]
    unsafe fn put<L: Lanes, const NEAREST: bool>(
        &mut self,
        terms: &TangentTerms<'_>,
        way: &Way<L>,
        (of, at, n): (Eight<'_>, usize, usize),
    ) {
        // SAFETY: the caller's word.
        unsafe {
            let Outlook { known, none, crosses } = way.outlook(terms, &of.rows());
            let (pieces, line, stays) = way.follow(terms, of, known & crosses & !none);
            let quantity = Twin::<L>::new(L::load(of.quantity.as_ptr()), L::load(of.rest.as_ptr()));
            let rising = L::above(quantity.hi, L::zero());
            let solving = Solving::<L> {
                equity: way.equity,
                rest: way.rest,
                quantity,
                error: way.error,
                tier: pieces.tier.map(|row| 2 * row),
                stretch: pieces.stretch.map(|row| 2 * row),
                rising,
            };
            let settled = solving.solve(terms.pieces);
            let certain = if NEAREST { settled.near } else { settled.certain };
            let found = stays & way.inside(terms, &pieces, line) & certain;
            let unknown = L::splat(f64::NAN);
            let safe = L::select(found, settled.safe, unknown);
            L::store(self.below.as_mut_ptr().add(at), L::select(rising, safe, unknown));
            L::store(self.above.as_mut_ptr().add(at), L::select(rising, unknown, safe));
            L::store(self.nearest.as_mut_ptr().add(at), L::select(found, settled.nearest, unknown));
            L::store(self.excess.as_mut_ptr().add(at), way.excess);
            self.leave(!(found | (known & none)), (at, n));
        }
    }
}

/// Lanes in which two are the same.
#[inline(always)]
fn same(a: &Pieces, b: &Pieces) -> u8 {
    let mut mask = 0;
    for lane in 0..LANES {
        mask |= u8::from(a.tier[lane] == b.tier[lane] && a.stretch[lane] == b.stretch[lane]) << lane;
    }
    mask
}

#[cfg(test)]
mod tests {
    use crate::kernel::lanes::Plain;

    use super::*;

    #[test]
    fn no_notional_leads_past_the_last_piece_of_a_curve() {
        let twin = |hi: f64| Twin::<Plain>::new([hi; LANES], [0.0; LANES]);
        let begins = [10.0, f64::INFINITY, f64::INFINITY, f64::INFINITY];
        let way = Way::<Plain> {
            gains: 0b0101_0101,
            excess: [1.0; LANES],
            error: [0.0; LANES],
            magnitude: [1.0; LANES],
            equity: twin(5.0),
            rest: twin(0.0),
            last_slope: [0.0; LANES],
            first_stretch: [3.0; LANES],
            requirement: [1.0; LANES],
            begins: begins.map(|begins| [begins; LANES]),
            pieces: Pieces { tier: [0; LANES], stretch: [3; LANES] },
        };
        let notional = [0.0, 0.0, 6.0, 6.0, f64::INFINITY, f64::INFINITY, f64::NAN, f64::NAN];
        // SAFETY: plain lanes need no instructions.
        let rows = unsafe { way.stretch(notional) };
        assert_eq!(rows[..6], [3, 3, 4, 3, 4, 3]);
        assert!(rows[6..].iter().all(|row| (3..5).contains(row)));
    }
}
