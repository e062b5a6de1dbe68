//! What the positions of a layer add up to, and how that is converted.

use crate::pool::{AssetRow, DOUBT, LANES, OF_SUMS, OWN};

use super::super::lanes::{Lanes, RowIndex};
use super::{LayerTerms, Sums};

/// How many slots ahead quantities are fetched.
const AHEAD: usize = 48 * LANES;

/// The columns that sums read, as pointers: what is written beside them cannot change these, which the compiler must be
/// able to see.
#[derive(Clone, Copy)]
pub(super) struct Columns<I> {
    steps: *const u32,
    jump_steps: *const u32,
    quantity: *const f64,
    row: *const I,
    /// Whether some position's rate jumps.
    jumps: bool,
    jump_quantity: *const f64,
    jump_row: *const I,
    constant: *const f64,
    /// Null where nothing is fixed.
    fixed: *const f64,
    doubt: *const u16,
    asset: *const u16,
    holders: *const u8,
    sliced: *const [f64; 4],
    jumping: *const [f64; 4],
    assets: *const AssetRow,
    reach: f64,
    /// What an amount adds to the bound: twice for its value and for what it requires.
    weight: f64,
}

impl<I: RowIndex> Columns<I> {
    pub(super) fn new(terms: &LayerTerms<'_>, row: &[I], jump_row: &[I]) -> Self {
        let LayerTerms { layered, tables, .. } = terms;
        Self {
            steps: layered.steps.as_ptr(),
            jump_steps: layered.jump_steps.as_ptr(),
            quantity: layered.quantity.as_ptr(),
            row: row.as_ptr(),
            jumps: !layered.jump_quantity.is_empty(),
            jump_quantity: layered.jump_quantity.as_ptr(),
            jump_row: jump_row.as_ptr(),
            constant: layered.constant.as_ptr(),
            fixed: if layered.fixed.is_empty() { std::ptr::null() } else { layered.fixed.as_ptr() },
            doubt: layered.doubt.as_ptr(),
            asset: layered.asset.as_ptr(),
            holders: layered.holders.as_ptr(),
            sliced: tables.sliced.as_ptr().cast(),
            jumping: tables.jumping.as_ptr().cast(),
            assets: terms.assets.as_ptr(),
            reach: terms.classes.reach(),
            weight: OF_SUMS * 2.0 * (1.0 + terms.level),
        }
    }
}

/// What the positions of a layer add up to (value, amounts, charges), and a bit for each pool with a position beyond the
/// tiers that are charged here.
///
/// # Safety
/// The layer's steps lie in the columns, its rows are those of the tables; `L` may run here.
#[inline(always)]
#[expect(clippy::inline_always, reason = "part of the innermost loops")]
pub(super) unsafe fn layer_sums<L: Lanes, I: RowIndex>(of: Columns<I>, layer: usize, near: &mut u8) -> ([L::V; 3], u8) {
    // SAFETY: the caller's word.
    unsafe {
        let reach = L::splat(of.reach);
        let (mut value, mut gross, mut required) = (L::zero(), L::zero(), L::zero());
        let (mut beyond, mut far) = (L::zero(), 0);
        for step in *of.steps.add(layer)..*of.steps.add(layer + 1) {
            let slot = step as usize * LANES;
            L::prefetch(of.quantity.wrapping_add(slot + AHEAD));
            L::prefetch(of.row.wrapping_add(slot + 2 * AHEAD));
            let [x, floor, rate, slope] = L::rows(of.sliced, of.row.add(slot));
            let v = L::mul(L::load(of.quantity.add(slot)), x);
            let amount = L::abs(v);
            value = L::add(value, v);
            gross = L::add(gross, amount);
            required = L::add(required, L::mul(rate, amount));
            beyond = L::add(beyond, L::mul(slope, L::over(amount, floor)));
            far |= L::above(amount, L::mul(floor, reach));
        }
        let mut amounts = [value, gross, L::add(required, beyond)];
        if of.jumps {
            let steps = *of.jump_steps.add(layer)..*of.jump_steps.add(layer + 1);
            jump_sums::<L, I>(of, steps, &mut amounts, near);
        }
        (amounts, far)
    }
}

/// What the far positions of a layer are charged beyond, by lane.
///
/// # Safety
/// As [`layer_sums`].
#[cold]
#[inline(always)]
#[expect(clippy::inline_always, reason = "compiled anew inside a function of each instruction set")]
pub(super) unsafe fn far_charges<L: Lanes, I: RowIndex>(
    terms: &LayerTerms<'_>,
    of: Columns<I>,
    layer: usize,
) -> [f64; LANES] {
    let mut charges = [0.0; LANES];
    // SAFETY: the caller's word.
    unsafe {
        for step in *of.steps.add(layer)..*of.steps.add(layer + 1) {
            let slot = step as usize * LANES;
            let [x, floor, ..] = L::rows(of.sliced, of.row.add(slot));
            let amount = L::abs(L::mul(L::load(of.quantity.add(slot)), x));
            let mut rest = L::above(amount, L::mul(floor, L::splat(of.reach)));
            let mut amounts = [0.0; LANES];
            L::store(amounts.as_mut_ptr(), amount);
            while rest != 0 {
                let lane = rest.trailing_zeros() as usize;
                rest &= rest - 1;
                let row = (*of.row.add(slot + lane)).place();
                charges[lane] += terms.classes.beyond(terms.layered.classes.class_of(row) + 1, amounts[lane]).0;
            }
        }
    }
    charges
}

/// Adds up positions whose rate jumps.
///
/// # Safety
/// As [`layer_sums`].
#[inline(always)]
#[expect(clippy::inline_always, reason = "part of the innermost loops")]
unsafe fn jump_sums<L: Lanes, I: RowIndex>(
    of: Columns<I>,
    steps: std::ops::Range<u32>,
    amounts: &mut [L::V; 3],
    near: &mut u8,
) {
    // SAFETY: the caller's word.
    unsafe {
        let (zero, doubt) = (L::zero(), L::splat(DOUBT));
        let [mut value, mut gross, mut required] = *amounts;
        let mut beyond = zero;
        let mut doubtful = 0;
        for step in steps {
            let slot = step as usize * LANES;
            L::prefetch(of.jump_quantity.wrapping_add(slot + AHEAD));
            L::prefetch(of.jump_row.wrapping_add(slot + 2 * AHEAD));
            let [x, floor, rate, slope] = L::rows(of.jumping, of.jump_row.add(slot));
            let v = L::mul(L::load(of.jump_quantity.add(slot)), x);
            let amount = L::abs(v);
            value = L::add(value, v);
            gross = L::add(gross, amount);
            required = L::add(required, L::mul(rate, amount));
            beyond = L::add(beyond, L::mul(slope, L::past(amount, floor, zero)));
            doubtful |= L::above(L::mul(doubt, amount), L::abs(L::sub(amount, floor)));
        }
        *near |= doubtful;
        *amounts = [value, gross, L::add(required, beyond)];
    }
}

/// Adds the sums of a layer to those of its pools: as the asset counts, in the asset that the pools are valued in.
///
/// # Safety
/// The layer is one of the fold's; `L` may run here.
#[inline(always)]
#[expect(clippy::inline_always, reason = "part of the innermost loops")]
pub(super) unsafe fn convert<L: Lanes, I: RowIndex>(
    of: Columns<I>,
    layer: usize,
    [value, gross, mut required]: [L::V; 3],
    sums: &mut Sums<L::V>,
) {
    // SAFETY: the caller's word.
    unsafe {
        let at = layer * LANES;
        // Read once a layer or later in the window: too rarely for the processor to guess.
        L::prefetch(of.constant.wrapping_add(at + 48 * LANES));
        L::prefetch(of.doubt.wrapping_add(at + 48 * LANES));
        let constant = L::load(of.constant.add(at));
        let equity = L::add(constant, value);
        if !of.fixed.is_null() {
            L::prefetch(of.fixed.wrapping_add(at + 48 * LANES));
            required = L::add(required, L::load(of.fixed.add(at)));
        }
        let bound = L::add(L::magnitudes(of.doubt.add(at)), L::mul(L::splat(of.weight), gross));
        let asset = *of.asset.add(layer);
        if asset == OWN {
            sums.collateral = L::add(sums.collateral, equity);
            sums.required = L::add(sums.required, required);
            sums.bound = L::add(sums.bound, bound);
            return;
        }
        let asset = &*of.assets.add(usize::from(asset));
        let held = L::over(equity, L::zero());
        let owed = L::sub(equity, held);
        let mut counted = L::add(L::mul(held, L::splat(asset.first)), L::mul(owed, L::splat(asset.negative)));
        for (floor, slope) in asset.next {
            counted = L::add(counted, L::mul(L::splat(slope), L::over(equity, L::splat(floor))));
        }
        if !asset.plain {
            if asset.reach.is_nan() {
                // Without a price: unknown for those that hold it, nothing for the others.
                sums.near |= *of.holders.add(layer);
                return;
            }
            for &(floor, slope) in &asset.rest {
                counted = L::add(counted, L::mul(L::splat(slope), L::over(equity, L::splat(floor))));
            }
            for &(floor, slope) in &asset.debt {
                required = L::add(required, L::mul(L::splat(slope), L::over(L::abs(owed), L::splat(floor))));
            }
        }
        sums.collateral = L::add(sums.collateral, counted);
        sums.required = L::add(sums.required, L::mul(required, L::splat(asset.requirement)));
        sums.bound = L::add(sums.bound, L::mul(bound, L::splat(asset.reach)));
    }
}
