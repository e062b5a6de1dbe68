//! The positions of a window's pools, each as if it were isolated behind cash of its own: what its pools come to together.
#![expect(clippy::inline_always, reason = "compiled anew inside a function of each instruction set")]

use crate::pool::{Alone, ClassRow, Classes, Folded, LANES};

use super::lanes::Lanes;

/// What the figures are made of.
#[derive(Clone, Copy)]
pub(crate) struct AloneTerms<'a> {
    pub(crate) folded: &'a Folded,
    pub(crate) classes: &'a Classes,
    /// The classes at the present marks: `classes.len() + 1` rows.
    pub(crate) table: &'a [ClassRow],
    /// What each position costs, is charged at entry, and is fenced with, by slot.
    pub(crate) alone: &'a Alone,
    pub(crate) fences: &'a [f64],
    /// `excess = equity - level * maintenance`.
    pub(crate) level: f64,
    /// Whether an excess of zero fails.
    pub(crate) zero_fails: bool,
}

/// Figures of what a window's pools fall apart into, by place; reused from window to window.
#[derive(Debug, Default)]
pub(crate) struct AloneFigures {
    /// `sum fence`: NaN where one is unknown.
    pub(crate) fences: Vec<f64>,
    /// `sum equity`.
    pub(crate) equity: Vec<f64>,
    /// How many are liquidatable.
    pub(crate) failing: Vec<f64>,
    /// The least margin ratio, infinite without positions, and the equity that goes with it.
    pub(crate) margin_ratio: Vec<f64>,
    pub(crate) worst: Vec<f64>,
    /// The largest notional over equity, infinite where no equity is left.
    pub(crate) leverage: Vec<f64>,
    /// By group, a bit for each pool: whether rounding could have changed who fails.
    pub(crate) near: Vec<u8>,
}

/// A bound of what rounding does to an excess, relative to the magnitudes added: more than the 50 units of the fold of one
/// position, which is what a book of it alone has.
const DOUBT: f64 = 32.0 * f64::EPSILON;

/// Ratios nearer to each other than this, relative to themselves and 1, are equal: the first of them is the least.
pub(crate) const ALIKE: f64 = 1e-9;

/// Sums and extremes over the steps of a group.
struct Group<L: Lanes> {
    fences: L::V,
    equity: L::V,
    failing: L::V,
    leverage: L::V,
    ratio: L::V,
    /// The equity that goes with the first of the least ratios, and that ratio.
    worst: L::V,
    of_worst: L::V,
    /// In which lanes there was a position.
    begun: u8,
    near: u8,
}

/// The charge and the doubt of far positions of a step.
struct Far {
    charge: [f64; LANES],
    doubt: [f64; LANES],
}

impl AloneFigures {
    /// Room for windows of up to `n` pools.
    pub(crate) fn new(n: usize) -> Self {
        let n = n.next_multiple_of(LANES);
        let column = || vec![0.0; n];
        Self {
            fences: column(),
            equity: column(),
            failing: column(),
            margin_ratio: column(),
            worst: column(),
            leverage: column(),
            near: vec![0; n / LANES],
        }
    }

    /// Evaluates the window that begins with group `first` and has `n` groups; says whether some pool is near.
    #[inline(always)]
    pub(crate) fn evaluate<L: Lanes>(&mut self, terms: &AloneTerms<'_>, first: usize, n: usize) -> bool {
        let folded = terms.folded;
        let last = folded.steps[first + n] as usize * LANES;
        // What the pointers below rely on.
        assert!(last <= folded.quantity.len() && last <= folded.class.len());
        assert!(last <= terms.alone.cost.len() && last <= terms.fences.len());
        assert!(terms.alone.charge.is_empty() || last <= terms.alone.charge.len());
        assert!(terms.table.len() == terms.classes.len() + 1 && n <= self.near.len());
        assert!(n * LANES <= self.fences.len().min(self.equity.len()).min(self.failing.len()));
        assert!(n * LANES <= self.margin_ratio.len().min(self.worst.len()).min(self.leverage.len()));
        let mut any_near = 0;
        for group in 0..n {
            let steps = folded.steps[first + group]..folded.steps[first + group + 1];
            // SAFETY: slots below `last` lie in the columns, classes of a fold are rows of its table, and the figures have
            // room for `n` groups (all asserted above). `L` was chosen by `dispatch`, inside whose function this is inlined.
            unsafe {
                let of = Group::<L>::new().over(terms, steps);
                let at = group * LANES;
                L::store(self.fences.as_mut_ptr().add(at), of.fences);
                L::store(self.equity.as_mut_ptr().add(at), of.equity);
                L::store(self.failing.as_mut_ptr().add(at), of.failing);
                L::store(self.margin_ratio.as_mut_ptr().add(at), of.ratio);
                L::store(self.worst.as_mut_ptr().add(at), of.worst);
                L::store(self.leverage.as_mut_ptr().add(at), of.leverage);
                let near = of.near;
                *self.near.get_unchecked_mut(group) = near;
                any_near |= near;
            }
        }
        any_near != 0
    }
}

impl<L: Lanes> Group<L> {
    /// # Safety
    /// `L` may run here.
    #[inline(always)]
    unsafe fn new() -> Self {
        // SAFETY: the caller's word.
        let (zero, most) = unsafe { (L::zero(), L::splat(f64::INFINITY)) };
        Self {
            fences: zero,
            equity: zero,
            failing: zero,
            leverage: zero,
            ratio: most,
            worst: zero,
            of_worst: most,
            begun: 0,
            near: 0,
        }
    }

    /// Takes in the positions of some steps.
    ///
    /// # Safety
    /// Every slot of the steps lies in the columns, every class is a row of the table; `L` may run here.
    #[inline(always)]
    unsafe fn over(mut self, terms: &AloneTerms<'_>, steps: std::ops::Range<u32>) -> Self {
        let (quantity, class) = (terms.folded.quantity.as_ptr(), terms.folded.class.as_ptr());
        let (cost, fences) = (terms.alone.cost.as_ptr(), terms.fences.as_ptr());
        for step in steps {
            let slot = step as usize * LANES;
            // SAFETY: the caller's word.
            unsafe {
                L::prefetch(cost.wrapping_add(slot + 48 * LANES));
                L::prefetch(fences.wrapping_add(slot + 48 * LANES));
                let rows = L::gather(terms.table.as_ptr(), class.add(slot));
                let v = L::mul(L::load(quantity.add(slot)), rows.x);
                let u = L::abs(v);
                let (cost, fence) = (L::load(cost.add(slot)), L::load(fences.add(slot)));
                let equity = L::add(L::sub(fence, cost), v);
                let mut required = L::add(L::mul(rows.rate, u), L::mul(rows.slope, L::over(u, rows.floor)));
                let mut magnitude = L::add(fence, L::add(L::abs(cost), u));
                let lanes = L::above(u, L::mul(rows.floor, L::splat(terms.classes.reach())));
                if lanes != 0 {
                    let far = far(terms, slot, lanes);
                    required = L::add(required, L::load(far.charge.as_ptr()));
                    magnitude = L::add(magnitude, L::load(far.doubt.as_ptr()));
                }
                if !terms.alone.charge.is_empty() {
                    let charge = L::load(terms.alone.charge.as_ptr().add(slot));
                    required = L::add(required, charge);
                    magnitude = L::add(magnitude, L::abs(charge));
                }
                self.take(terms, [u, fence, equity, required, magnitude]);
            }
        }
        self
    }

    /// Takes in a position of each lane.
    ///
    /// # Safety
    /// `L` may run here.
    #[inline(always)]
    unsafe fn take(&mut self, terms: &AloneTerms<'_>, of: [L::V; 5]) {
        let [u, fence, equity, required, magnitude] = of;
        // SAFETY: the caller's word.
        unsafe {
            let (zero, most) = (L::zero(), L::splat(f64::INFINITY));
            let held = L::above(u, zero);
            self.fences = L::add(self.fences, fence);
            self.equity = L::add(self.equity, equity);
            let excess = L::sub(equity, L::mul(L::splat(terms.level), required));
            let bound = L::mul(L::splat(2.0 * DOUBT * (1.0 + terms.level)), magnitude);
            // Written so that NaN is near; padding adds up nothing.
            self.near |= !L::above(L::abs(excess), bound) & !L::zeros(bound);
            let zero_fails = if terms.zero_fails { L::zeros(excess) } else { 0 };
            let fails = (L::above(zero, excess) | zero_fails) & held;
            self.failing = L::add(self.failing, L::select(fails, L::splat(1.0), zero));
            let some = L::above(equity, zero);
            let leverage = L::select(some, L::div(u, equity), L::select(held, most, zero));
            self.leverage = L::select(L::above(leverage, self.leverage), leverage, self.leverage);
            let ratio = L::if_zero(required, most, L::div(equity, required));
            self.ratio = L::select(L::above(self.ratio, ratio), ratio, self.ratio);
            let alike = L::mul(L::splat(ALIKE), L::add(L::splat(1.0), L::abs(ratio)));
            let worse = L::above(self.of_worst, L::add(ratio, alike)) | held & !self.begun;
            self.worst = L::select(worse, equity, self.worst);
            self.of_worst = L::select(worse, ratio, self.of_worst);
            self.begun |= held;
        }
    }
}

/// What the far positions of a step are charged beyond, by lane.
#[cold]
fn far(terms: &AloneTerms<'_>, slot: usize, lanes: u8) -> Far {
    let mut far = Far { charge: [0.0; LANES], doubt: [0.0; LANES] };
    for lane in (0..LANES).filter(|lane| lanes >> lane & 1 == 1) {
        let row = terms.folded.class[slot + lane];
        let notional = (terms.folded.quantity[slot + lane] * terms.table[usize::from(row)].x).abs();
        (far.charge[lane], far.doubt[lane]) = terms.classes.beyond(row, notional);
    }
    far
}
