//! Roots on linear pieces of the excess of pools, eight at a time.
//!
//! On a piece, with the equity `E` of the asset and the excess of the pool both without the position, the excess is
//! `rest + at + (E + quantity * x - anchor) * slope - quantity * x * charge + deduction` by the stretch of the asset's curve and the
//! tier of the position, where `charge` has the sign that makes `quantity * x * charge` positive.
#![expect(clippy::inline_always, reason = "compiled anew inside a function of each instruction set")]

use crate::exact::{Quad, Twofold};
use crate::kernel::Lanes;
use crate::pool::LANES;

use super::settle::{Roots, Settled, settle};
use super::twin::Twin;
use super::{Doubles, ERROR, Settling};

/// A root to be solved.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PieceRoot {
    /// The equity of the asset without the position.
    pub(crate) equity: Twofold,
    /// The excess without what depends on the position.
    pub(crate) rest: Twofold,
    pub(crate) quantity: Twofold,
    /// A bound of what the excess is off by.
    pub(crate) error: f64,
    /// The row of the tier, and that of the stretch.
    pub(crate) tier: u32,
    pub(crate) stretch: u32,
    /// Whether the pool is safe above the root.
    pub(crate) rising: bool,
}

/// What pieces are made of.
#[derive(Clone, Copy)]
pub(crate) struct PieceTerms<'a> {
    /// By stretch: anchor and slope; what it is worth there.
    pub(crate) stretches: &'a [[Quad; 2]],
    /// By row of tiers: charge and deduction; and `1 / size`, or `-size` where the contract is inverse.
    pub(crate) tiers: &'a [[Quad; 2]],
}

/// Eight roots, column by column.
#[derive(Debug, Clone, Copy, Default)]
struct Block {
    equity: [[f64; LANES]; 2],
    rest: [[f64; LANES]; 2],
    quantity: [[f64; LANES]; 2],
    error: [f64; LANES],
    /// Places of quads: twice the row of the tier, and of the stretch.
    tier: [u32; LANES],
    stretch: [u32; LANES],
    rising: u8,
    settled: Settling,
}

/// Roots to be solved, and the doubles at them.
#[derive(Debug, Default)]
pub(crate) struct PieceRoots {
    blocks: Vec<Block>,
    n: usize,
}

impl PieceRoots {
    pub(crate) fn clear(&mut self) {
        self.n = 0;
    }

    /// Adds a root; returns its place.
    pub(crate) fn push(&mut self, root: &PieceRoot) -> usize {
        let (block, lane) = (self.n / LANES, self.n % LANES);
        if block == self.blocks.len() {
            self.blocks.push(Block::default());
        }
        let block = &mut self.blocks[block];
        let pairs =
            [(&mut block.equity, root.equity), (&mut block.rest, root.rest), (&mut block.quantity, root.quantity)];
        for (columns, number) in pairs {
            columns[0][lane] = number.hi;
            columns[1][lane] = number.lo;
        }
        block.error[lane] = root.error;
        if lane == 0 {
            // Lanes that stay empty would be of the tables of an earlier window, which may have had more rows.
            (block.tier, block.stretch, block.rising) = ([0; LANES], [0; LANES], 0);
        }
        block.tier[lane] = 2 * root.tier;
        block.stretch[lane] = 2 * root.stretch;
        block.rising |= u8::from(root.rising) << lane;
        self.n += 1;
        self.n - 1
    }

    /// The last safe double at a root and the nearest one.
    pub(crate) fn at(&self, place: usize) -> Doubles {
        self.blocks[place / LANES].settled.at(place % LANES)
    }

    /// Solves all roots.
    #[inline(always)]
    pub(crate) fn solve<L: Lanes>(&mut self, terms: &PieceTerms<'_>) {
        let n_blocks = self.n.div_ceil(LANES);
        for block in &mut self.blocks[..n_blocks] {
            // What the pointers below rely on.
            assert!(block.is_within(terms), "rows are in the tables");
            // SAFETY: rows are those of the tables, asserted above; `L` was chosen by `dispatch`, inside whose function this
            // is inlined.
            unsafe { block.solve::<L>(terms) }
        }
    }
}

/// Roots to be solved, in lanes.
pub(super) struct Solving<L: Lanes> {
    pub(super) equity: Twin<L>,
    pub(super) rest: Twin<L>,
    pub(super) quantity: Twin<L>,
    pub(super) error: L::V,
    /// Twice the row of the tier, and of the stretch.
    pub(super) tier: [u32; LANES],
    pub(super) stretch: [u32; LANES],
    pub(super) rising: u8,
}

impl<L: Lanes> Solving<L> {
    /// # Safety
    /// As [`Lanes`]; places are those of rows of the tables.
    #[inline(always)]
    pub(super) unsafe fn solve(&self, terms: &PieceTerms<'_>) -> Settled<L> {
        let (tiers, stretches) = (terms.tiers.as_ptr().cast::<[f64; 4]>(), terms.stretches.as_ptr().cast::<[f64; 4]>());
        // SAFETY: the caller's word; the second quad of a pair follows the first.
        unsafe {
            let [anchor, anchor_rest, slope, slope_rest] = L::rows(stretches, self.stretch.as_ptr());
            let [at, at_rest, ..] = L::rows(stretches.add(1), self.stretch.as_ptr());
            let [charge, charge_rest, off, off_rest] = L::rows(tiers, self.tier.as_ptr());
            let [root, root_rest, ..] = L::rows(tiers.add(1), self.tier.as_ptr());
            let (slope, charge) = (Twin::<L>::new(slope, slope_rest), Twin::new(charge, charge_rest));
            let over_anchor = self.equity.minus(Twin::new(anchor, anchor_rest));
            let constant = self.rest.plus(Twin::new(at, at_rest)).plus(Twin::new(off, off_rest));
            let constant = constant.plus(over_anchor.times(slope));
            let missing = Twin::new(L::sub(L::zero(), constant.hi), L::sub(L::zero(), constant.lo));
            let steep = slope.minus(charge);
            let per_x = self.quantity.times(steep);
            let inverse = L::above(L::zero(), root);
            let top = Twin::select(inverse, per_x, missing).times(Twin::new(root, root_rest));
            let price = top.over(Twin::select(inverse, missing, per_x));
            let of_slopes = L::div(L::add(L::abs(slope.hi), L::abs(charge.hi)), L::abs(steep.hi));
            let share = L::add(L::div(self.error, L::abs(missing.hi)), L::mul(of_slopes, L::splat(ERROR)));
            let error = L::mul(L::mul(L::splat(8.0), share), price.hi);
            settle(&Roots::<L> { root: price, error, rising: self.rising })
        }
    }
}

impl Block {
    /// Whether the places of all lanes, empty ones too, are those of rows of the tables.
    fn is_within(&self, terms: &PieceTerms<'_>) -> bool {
        let last = |places: &[u32; LANES]| places.iter().fold(0, |last, &place| last.max(place)) as usize;
        last(&self.tier) < 2 * terms.tiers.len() && last(&self.stretch) < 2 * terms.stretches.len()
    }

    /// # Safety
    /// As [`Lanes`]; places are those of rows of the tables.
    #[inline(always)]
    unsafe fn solve<L: Lanes>(&mut self, terms: &PieceTerms<'_>) {
        // SAFETY: the caller's word.
        unsafe {
            let load = |of: &[[f64; LANES]; 2]| Twin::<L>::new(L::load(of[0].as_ptr()), L::load(of[1].as_ptr()));
            let solving = Solving::<L> {
                equity: load(&self.equity),
                rest: load(&self.rest),
                quantity: load(&self.quantity),
                error: L::load(self.error.as_ptr()),
                tier: self.tier,
                stretch: self.stretch,
                rising: self.rising,
            };
            let settled = solving.solve(terms);
            L::store(self.settled.safe.as_mut_ptr(), settled.safe);
            L::store(self.settled.nearest.as_mut_ptr(), settled.nearest);
            self.settled.certain = settled.certain;
            self.settled.near = settled.near;
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::kernel::lanes::Plain;

    use super::*;

    fn root(tier: u32, stretch: u32) -> PieceRoot {
        let one = Twofold::ONE;
        PieceRoot { equity: one, rest: one, quantity: one, error: 0.0, tier, stretch, rising: true }
    }

    fn solve(roots: &mut PieceRoots, n_tiers: usize, n_stretches: usize) {
        let row = [Quad([1.0, 0.0, 0.5, 0.0]), Quad([1.0, 0.0, 0.0, 0.0])];
        let (tiers, stretches) = (vec![row; n_tiers], vec![row; n_stretches]);
        roots.solve::<Plain>(&PieceTerms { stretches: &stretches, tiers: &tiers });
    }

    #[test]
    fn nothing_is_left_of_roots_on_larger_tables() {
        let mut roots = PieceRoots::default();
        for _ in 0..2 * LANES {
            roots.push(&root(9, 4));
        }
        solve(&mut roots, 10, 5);
        roots.clear();
        for _ in 0..=LANES {
            roots.push(&root(1, 0));
        }
        solve(&mut roots, 2, 1);
    }

    #[test]
    #[should_panic(expected = "rows are in the tables")]
    fn a_tier_beyond_its_table_is_not_read() {
        let mut roots = PieceRoots::default();
        roots.push(&root(2, 0));
        solve(&mut roots, 2, 1);
    }

    #[test]
    #[should_panic(expected = "rows are in the tables")]
    fn a_stretch_beyond_its_table_is_not_read() {
        let mut roots = PieceRoots::default();
        roots.push(&root(1, 1));
        solve(&mut roots, 2, 1);
    }
}
