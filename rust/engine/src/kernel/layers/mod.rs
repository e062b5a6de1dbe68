//! The figures of a window's pools under all kinds of rules: sums asset by asset, then what is decided by them.

mod groups;
mod sums;

use crate::pool::{AssetRow, Bucket, Classes, LANES, LaneTables, Layered, Rows};

use super::figures::spread;
use super::lanes::{Lanes, RowIndex};
use groups::{EightForms, Forms};
use sums::{Columns, convert, far_charges, layer_sums};

/// What the figures are made of.
#[derive(Clone, Copy)]
pub(crate) struct LayerTerms<'a> {
    pub(crate) layered: &'a Layered,
    pub(crate) classes: &'a Classes,
    /// The rows at the present marks.
    pub(crate) tables: &'a LaneTables,
    pub(crate) buckets: &'a [Bucket],
    /// How the assets of the market count.
    pub(crate) assets: &'a [AssetRow],
    pub(crate) level: f64,
    pub(crate) zero_fails: bool,
    /// Whether collateral and maintenance are asked for.
    pub(crate) keeps_amounts: bool,
    /// Whether pools that fail are near: other constraints are to be looked at.
    pub(crate) failing_is_near: bool,
}

/// The figures of a window's pools, by place; reused from window to window.
#[derive(Debug)]
pub(crate) struct LayerFigures {
    /// Empty unless amounts are kept, as is `maintenance`.
    pub(crate) collateral: Vec<f64>,
    pub(crate) maintenance: Vec<f64>,
    pub(crate) excess: Vec<f64>,
    pub(crate) margin_ratio: Vec<f64>,
    pub(crate) liquidatable: Vec<u8>,
    /// By group, a bit for each pool that must be evaluated by itself.
    pub(crate) near: Vec<u8>,
    /// Amounts and charges of the groups of a window, and whether a tier is in doubt: eight a layer; empty where there
    /// are no groups.
    groups: Vec<[f64; LANES]>,
    group_charges: Vec<[f64; LANES]>,
    group_doubts: Vec<u8>,
    forms: Vec<EightForms>,
}

/// What a group of pools adds up to, in the asset that each is valued in.
#[derive(Clone, Copy)]
struct Sums<V> {
    collateral: V,
    required: V,
    /// A bound of the error of the excess.
    bound: V,
    /// Pools with an amount too near to where its charge jumps.
    near: u8,
}

impl LayerFigures {
    /// Room for windows of up to `n` pools.
    pub(crate) fn new(n: usize, terms: &LayerTerms<'_>) -> Self {
        let n = n.next_multiple_of(LANES);
        let layered = terms.layered;
        let column = || vec![0.0; n];
        let kept = || vec![0.0; if terms.keeps_amounts { n } else { 0 }];
        let n_layers = if layered.form_row.is_empty() { 0 } else { layered.most_layers() };
        Self {
            collateral: kept(),
            maintenance: kept(),
            excess: column(),
            margin_ratio: column(),
            liquidatable: vec![0; n],
            near: vec![0; n / LANES],
            groups: vec![[0.0; LANES]; n_layers],
            group_charges: vec![[0.0; LANES]; n_layers],
            group_doubts: vec![0; n_layers],
            forms: vec![EightForms::default(); layered.most_forms()],
        }
    }

    /// Evaluates the window that begins with group `first` and has `n` groups; says whether some pool is near.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "compiled anew inside a function of each instruction set")]
    pub(crate) fn evaluate<L: Lanes>(&mut self, terms: &LayerTerms<'_>, first: usize, n: usize) -> bool {
        match (&terms.layered.row, &terms.layered.jump_row) {
            (Rows::Narrow(row), Rows::Narrow(jump_row)) => self.window::<L, u16>(terms, (row, jump_row), first, n),
            (Rows::Wide(row), Rows::Wide(jump_row)) => self.window::<L, u32>(terms, (row, jump_row), first, n),
            // Both are made narrow together.
            _ => false,
        }
    }

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "compiled anew inside a function of each instruction set")]
    fn window<L: Lanes, I: RowIndex>(
        &mut self,
        terms: &LayerTerms<'_>,
        (row, jump_row): (&[I], &[I]),
        first: usize,
        n: usize,
    ) -> bool {
        let layered = terms.layered;
        let (begin, last) = (layered.layers[first] as usize, layered.layers[first + n] as usize);
        // What the pointers below rely on; that rows are those of the tables is the fold's word.
        assert!(layered.steps[last] as usize * LANES <= layered.quantity.len().min(row.len()));
        assert!(layered.jump_steps[last] as usize * LANES <= layered.jump_quantity.len().min(jump_row.len()));
        assert!(last * LANES <= layered.constant.len().min(layered.doubt.len()));
        assert!(layered.fixed.is_empty() || last * LANES <= layered.fixed.len());
        assert!(n * LANES <= self.excess.len() && first + n <= layered.slow.len().min(layered.exposed.len()));
        assert!(!terms.keeps_amounts || n * LANES <= self.collateral.len().min(self.maintenance.len()));
        let mut any_near = 0;
        let of = Columns::new(terms, row, jump_row);
        // SAFETY: `L` was chosen by `dispatch`, inside whose function this is inlined.
        let groups = unsafe { self.charge_groups::<L>(terms, first, last - begin) };
        let ends = &layered.layers[first..=first + n];
        for group in 0..n {
            let layers = ends[group]..ends[group + 1];
            // SAFETY: layers below `last` lie in the columns (asserted above), the figures have room for `n` groups; `L`
            // was chosen by `dispatch`, inside whose function this is inlined.
            unsafe {
                let sums = self.sum::<L, I>(terms, of, (layers, begin, groups), layered.slow[first + group]);
                any_near |= self.decide::<L>(terms, group, layered.exposed[first + group], &sums);
            }
        }
        any_near != 0
    }

    /// What the layers of a group of pools add up to; with `groups`, what was charged on groups as well.
    ///
    /// # Safety
    /// The layers lie in the columns; `L` may run here.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "compiled anew inside a function of each instruction set")]
    unsafe fn sum<L: Lanes, I: RowIndex>(
        &self,
        terms: &LayerTerms<'_>,
        of: Columns<I>,
        (layers, begin, groups): (std::ops::Range<u32>, usize, bool),
        near: u8,
    ) -> Sums<L::V> {
        // SAFETY: the caller's word.
        unsafe {
            let zero = L::zero();
            let mut sums = Sums { collateral: zero, required: zero, bound: zero, near };
            for layer in layers {
                let at = layer as usize;
                let (mut amounts, far) = layer_sums::<L, I>(of, at, &mut sums.near);
                if far != 0 {
                    let charges = far_charges::<L, I>(terms, of, at);
                    amounts[2] = L::add(amounts[2], L::load(charges.as_ptr()));
                }
                if groups {
                    let at = at - begin;
                    amounts[1] = L::add(amounts[1], L::load(self.groups[at].as_ptr()));
                    amounts[2] = L::add(amounts[2], L::load(self.group_charges[at].as_ptr()));
                    sums.near |= self.group_doubts[at];
                }
                convert::<L, I>(of, at, amounts, &mut sums);
            }
            sums
        }
    }

    /// Charges the groups of the window that begins with group `first` and has `n_layers` layers, if it has some.
    ///
    /// # Safety
    /// Rows are those of the tables; `L` may run here.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "compiled anew inside a function of each instruction set")]
    unsafe fn charge_groups<L: Lanes>(&mut self, terms: &LayerTerms<'_>, first: usize, n_layers: usize) -> bool {
        let layered = terms.layered;
        let of = Forms::new(terms);
        if layered.form_row.is_empty() {
            return false;
        }
        self.groups[..n_layers].fill([0.0; LANES]);
        self.group_charges[..n_layers].fill([0.0; LANES]);
        self.group_doubts[..n_layers].fill(0);
        let window = first * LANES / layered.window;
        let steps = layered.form_steps[window] as usize..layered.form_steps[window + 1] as usize;
        let (slot, n) = (steps.start * LANES, steps.len());
        assert!(steps.end * LANES <= layered.form_row.len() && layered.form_row.len() * 4 <= layered.form.len());
        assert!(n <= self.forms.len() && steps.end * LANES <= layered.form_lane.len());
        // In three passes: each step is a long chain, and only short ones overlap.
        for (step, form) in self.forms[..n].iter_mut().enumerate() {
            // SAFETY: steps below the last lie in the columns (asserted above); the caller's word.
            unsafe { form.find::<L>(of, slot + step * LANES) }
        }
        let mut doubtful = 0;
        for form in &mut self.forms[..n] {
            // SAFETY: the rows were just found.
            unsafe { form.charge::<L>(of) }
            doubtful |= form.doubtful;
        }
        let lanes = layered.form_lane[slot..slot + n * LANES].chunks_exact(LANES);
        for (form, lanes) in self.forms[..n].iter().zip(lanes) {
            for (at, &lane) in lanes.iter().enumerate() {
                let (layer, lane) = (lane as usize / LANES, lane as usize % LANES);
                self.groups[layer][lane] += form.amount[at];
                self.group_charges[layer][lane] += form.charge[at];
            }
        }
        if doubtful != 0 {
            self.note_doubts(&layered.form_lane[slot..slot + n * LANES]);
        }
        true
    }

    /// Marks the lanes of groups whose tier is in doubt.
    #[cold]
    fn note_doubts(&mut self, lanes: &[u32]) {
        for (at, &lane) in lanes.iter().enumerate() {
            let doubtful = self.forms[at / LANES].doubtful >> (at % LANES) & 1;
            self.group_doubts[lane as usize / LANES] |= doubtful << (lane as usize % LANES);
        }
    }

    /// # Safety
    /// The figures have room for the group; `L` may run here.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "compiled anew inside a function of each instruction set")]
    unsafe fn decide<L: Lanes>(&mut self, terms: &LayerTerms<'_>, group: usize, exposed: u8, sums: &Sums<L::V>) -> u8 {
        let at = group * LANES;
        // SAFETY: the caller's word.
        unsafe {
            let excess = L::sub(sums.collateral, L::mul(L::splat(terms.level), sums.required));
            let ratio = L::if_zero(sums.required, L::splat(f64::INFINITY), L::div(sums.collateral, sums.required));
            // Written so that NaN is near; where nothing was added up, nothing was rounded.
            let mut near = sums.near | (!L::above(L::abs(excess), sums.bound) & !L::zeros(sums.bound));
            let zero_fails = if terms.zero_fails { L::zeros(excess) } else { 0 };
            let fails = (L::above(L::zero(), excess) | zero_fails) & exposed;
            if terms.failing_is_near {
                near |= fails;
            }
            if terms.keeps_amounts {
                L::store(self.collateral.as_mut_ptr().add(at), sums.collateral);
                L::store(self.maintenance.as_mut_ptr().add(at), sums.required);
            }
            L::store(self.excess.as_mut_ptr().add(at), excess);
            L::store(self.margin_ratio.as_mut_ptr().add(at), ratio);
            self.liquidatable.as_mut_ptr().add(at).cast::<[u8; 8]>().write(spread(fails));
            *self.near.get_unchecked_mut(group) = near;
            near
        }
    }
}
