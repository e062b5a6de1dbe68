//! The figures of a window's pools under all kinds of rules: sums asset by asset, then what is decided by them.

use crate::pool::{AssetRow, Bucket, Classes, DOUBT, LANES, LaneTables, Layered, OWN};

use super::figures::spread;
use super::lanes::Lanes;

/// How many slots ahead quantities are fetched.
const AHEAD: usize = 48 * LANES;

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
    /// Whether pools that fail are near: other constraints are to be looked at.
    pub(crate) failing_is_near: bool,
}

/// The figures of a window's pools, by place; reused from window to window.
#[derive(Debug)]
pub(crate) struct LayerFigures {
    pub(crate) collateral: Vec<f64>,
    pub(crate) maintenance: Vec<f64>,
    pub(crate) excess: Vec<f64>,
    pub(crate) margin_ratio: Vec<f64>,
    pub(crate) liquidatable: Vec<u8>,
    /// By group, a bit for each pool that must be evaluated by itself.
    pub(crate) near: Vec<u8>,
    bound: Vec<f64>,
    /// Room for a note for each step of sliced positions of a window.
    far: Vec<Note>,
}

/// A step with positions beyond the tiers that the kernel charges itself.
#[derive(Debug, Clone, Copy, Default)]
struct Note {
    step: u32,
    layer: u32,
    /// The group within the window.
    group: usize,
    /// A bit for each lane whose position is far.
    lanes: u8,
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
    pub(crate) fn new(n: usize, layered: &Layered) -> Self {
        let n = n.next_multiple_of(LANES);
        let column = || vec![0.0; n];
        Self {
            collateral: column(),
            maintenance: column(),
            excess: column(),
            margin_ratio: column(),
            liquidatable: vec![0; n],
            near: vec![0; n / LANES],
            bound: column(),
            far: vec![Note::default(); layered.longest_window() + 1],
        }
    }

    /// Evaluates the window that begins with group `first` and has `n` groups; says whether some pool is near.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "compiled anew inside a function of each instruction set")]
    pub(crate) fn evaluate<L: Lanes>(&mut self, terms: &LayerTerms<'_>, first: usize, n: usize) -> bool {
        let layered = terms.layered;
        let (begin, last) = (layered.layers[first] as usize, layered.layers[first + n] as usize);
        // What the pointers below rely on; that rows are those of the tables is the fold's word.
        assert!(layered.steps[last] as usize * LANES <= layered.quantity.len().min(layered.row.len()));
        assert!(layered.jump_steps[last] as usize * LANES <= layered.jump_quantity.len().min(layered.jump_row.len()));
        assert!(layered.form_steps[last] as usize * LANES <= layered.form_row.len());
        assert!(layered.form_row.len() * 4 <= layered.form.len());
        assert!(last * LANES <= layered.constant.len().min(layered.doubt.len()));
        assert!(layered.fixed.is_empty() || last * LANES <= layered.fixed.len());
        assert!(n * LANES <= self.collateral.len() && first + n <= layered.slow.len().min(layered.exposed.len()));
        assert!(((layered.steps[last] - layered.steps[begin]) as usize) < self.far.len());
        let (mut any_near, mut n_far) = (0, 0);
        let (of, far) = (Columns::new(terms), self.far.as_mut_ptr());
        let ends = &layered.layers[first..=first + n];
        for group in 0..n {
            let layers = ends[group]..ends[group + 1];
            // SAFETY: layers below `last` lie in the columns (asserted above), the figures have room for `n` groups, the
            // notes for one a step; `L` was chosen by `dispatch`, inside whose function this is inlined.
            unsafe {
                let zero = L::zero();
                let near = layered.slow[first + group];
                let mut sums = Sums { collateral: zero, required: zero, bound: zero, near };
                for layer in layers {
                    let note = Note { layer, group, ..Note::default() };
                    layer_sums::<L>(of, layer as usize, &mut sums, (far, &mut n_far, note));
                }
                any_near |= self.decide::<L>(terms, group, layered.exposed[first + group], &sums);
            }
        }
        // SAFETY: as above, with the notes just written.
        any_near | unsafe { self.charge_far::<L>(terms, first, n_far) } != 0
    }

    /// Charges what was noted, and decides its groups anew.
    ///
    /// # Safety
    /// The first `n` notes are of this window, whose figures are written; `L` may run here.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "compiled anew inside a function of each instruction set")]
    unsafe fn charge_far<L: Lanes>(&mut self, terms: &LayerTerms<'_>, first: usize, n: usize) -> u8 {
        let mut any_near = 0;
        let mut next = 0;
        while next < n {
            let group = self.far[next].group;
            let mut charges = [0.0; LANES];
            while next < n && self.far[next].group == group {
                charge_note(terms, &self.far[next], &mut charges);
                next += 1;
            }
            // SAFETY: the caller's word.
            unsafe {
                let at = |column: &[f64]| L::load(column.as_ptr().add(group * LANES));
                let required = L::add(at(&self.maintenance), L::load(charges.as_ptr()));
                let (collateral, bound, near) = (at(&self.collateral), at(&self.bound), self.near[group]);
                // What was near stays so: a tier in doubt is still in doubt.
                let sums = Sums { collateral, required, bound, near };
                any_near |= self.decide::<L>(terms, group, terms.layered.exposed[first + group], &sums);
            }
        }
        any_near
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
            L::store(self.bound.as_mut_ptr().add(at), sums.bound);
            L::store(self.collateral.as_mut_ptr().add(at), sums.collateral);
            L::store(self.maintenance.as_mut_ptr().add(at), sums.required);
            L::store(self.excess.as_mut_ptr().add(at), excess);
            L::store(self.margin_ratio.as_mut_ptr().add(at), ratio);
            self.liquidatable.as_mut_ptr().add(at).cast::<[u8; 8]>().write(spread(fails));
            *self.near.get_unchecked_mut(group) = near;
            near
        }
    }
}

/// What a row charges on an amount, and which lanes are too near to a jump.
///
/// # Safety
/// Codes find rows of the table; `L` may run here.
#[inline(always)]
#[expect(clippy::inline_always, reason = "part of the innermost loops")]
unsafe fn charge<L: Lanes>(
    buckets: *const [f64; 4],
    amount: L::V,
    [codes, above_floor, doubt]: [L::V; 3],
) -> (L::V, u8) {
    // SAFETY: the caller's word.
    unsafe {
        let [floor, rate, slope, minus] = L::rows(buckets, L::find(codes, amount).as_ptr());
        let past = L::past(amount, floor, L::mul(above_floor, floor));
        let near = L::above(L::mul(doubt, amount), L::abs(L::sub(amount, floor)));
        (L::add(L::sub(L::mul(rate, amount), minus), L::mul(slope, past)), near)
    }
}

/// Adds what the far positions of a step are charged beyond, by lane, as the asset of their layer is converted.
fn charge_note(terms: &LayerTerms<'_>, note: &Note, charges: &mut [f64; LANES]) {
    let layered = terms.layered;
    let slot = note.step as usize * LANES;
    let asset = layered.asset[note.layer as usize];
    let mut rest = note.lanes;
    while rest != 0 {
        let lane = rest.trailing_zeros() as usize;
        rest &= rest - 1;
        let row = layered.row[slot + lane];
        let notional = (layered.quantity[slot + lane] * terms.tables.sliced[row as usize].x).abs();
        let (charge, _) = terms.classes.beyond(layered.classes.class_of(row) + 1, notional);
        charges[lane] += if asset == OWN { charge } else { charge * terms.assets[usize::from(asset)].requirement };
    }
}

/// The columns that sums read, as pointers: what is written beside them cannot change these, which the compiler must be
/// able to see.
#[derive(Clone, Copy)]
struct Columns {
    steps: *const u32,
    jump_steps: *const u32,
    form_steps: *const u32,
    quantity: *const f64,
    row: *const u32,
    jump_quantity: *const f64,
    jump_row: *const u32,
    form: *const f64,
    form_row: *const u32,
    constant: *const f64,
    /// Null where nothing is fixed.
    fixed: *const f64,
    doubt: *const u32,
    asset: *const u16,
    holders: *const u8,
    sliced: *const [f64; 4],
    jumping: *const [f64; 4],
    forms: *const [f64; 4],
    buckets: *const [f64; 4],
    assets: *const AssetRow,
    reach: f64,
    /// What an amount counts in the bound: twice for its value and for what it requires.
    weight: f64,
}

impl Columns {
    fn new(terms: &LayerTerms<'_>) -> Self {
        let LayerTerms { layered, tables, .. } = terms;
        Self {
            steps: layered.steps.as_ptr(),
            jump_steps: layered.jump_steps.as_ptr(),
            form_steps: layered.form_steps.as_ptr(),
            quantity: layered.quantity.as_ptr(),
            row: layered.row.as_ptr(),
            jump_quantity: layered.jump_quantity.as_ptr(),
            jump_row: layered.jump_row.as_ptr(),
            form: layered.form.as_ptr(),
            form_row: layered.form_row.as_ptr(),
            constant: layered.constant.as_ptr(),
            fixed: if layered.fixed.is_empty() { std::ptr::null() } else { layered.fixed.as_ptr() },
            doubt: layered.doubt.as_ptr(),
            asset: layered.asset.as_ptr(),
            holders: layered.holders.as_ptr(),
            sliced: tables.sliced.as_ptr().cast(),
            jumping: tables.jumping.as_ptr().cast(),
            forms: tables.forms.as_ptr().cast(),
            buckets: terms.buckets.as_ptr().cast(),
            assets: terms.assets.as_ptr(),
            reach: terms.classes.reach(),
            weight: 2.0 * (1.0 + terms.level),
        }
    }
}

/// Adds up a layer, noting far positions.
///
/// # Safety
/// The layer's steps lie in the columns, its rows are those of the tables, there is room for a note a step; `L` may run
/// here.
#[inline(always)]
#[expect(clippy::inline_always, reason = "part of the innermost loops")]
unsafe fn layer_sums<L: Lanes>(
    of: Columns,
    layer: usize,
    sums: &mut Sums<L::V>,
    (far, n_far, note): (*mut Note, &mut usize, Note),
) {
    // SAFETY: the caller's word.
    unsafe {
        let reach = L::splat(of.reach);
        let (mut value, mut gross, mut required) = (L::zero(), L::zero(), L::zero());
        let mut beyond = L::zero();
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
            // Noted without a branch: few positions are far, and a wrong guess costs more than many notes.
            let lanes = L::above(amount, L::mul(floor, reach));
            far.add(*n_far).write(Note { step, lanes, ..note });
            *n_far += usize::from(lanes != 0);
        }
        let mut amounts = [value, gross, L::add(required, beyond)];
        let jumps = *of.jump_steps.add(layer)..*of.jump_steps.add(layer + 1);
        if !jumps.is_empty() {
            jump_sums::<L>(of, jumps, &mut amounts, &mut sums.near);
        }
        let forms = *of.form_steps.add(layer)..*of.form_steps.add(layer + 1);
        if !forms.is_empty() {
            form_sums::<L>(of, forms, &mut amounts, &mut sums.near);
        }
        convert::<L>(of, layer, amounts, sums);
    }
}

/// Adds up positions whose rate jumps.
///
/// # Safety
/// As [`layer_sums`].
#[inline(always)]
#[expect(clippy::inline_always, reason = "part of the innermost loops")]
unsafe fn jump_sums<L: Lanes>(of: Columns, steps: std::ops::Range<u32>, amounts: &mut [L::V; 3], near: &mut u8) {
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

/// Adds up groups.
///
/// # Safety
/// As [`layer_sums`].
#[inline(always)]
#[expect(clippy::inline_always, reason = "part of the innermost loops")]
unsafe fn form_sums<L: Lanes>(of: Columns, steps: std::ops::Range<u32>, amounts: &mut [L::V; 3], near: &mut u8) {
    // SAFETY: the caller's word.
    unsafe {
        let [value, mut gross, mut required] = *amounts;
        for step in steps {
            let slot = step as usize * LANES;
            let form = of.form.add(slot * 4);
            let [x, codes, above_floor, doubt] = L::rows(of.forms, of.form_row.add(slot));
            let worth = L::abs(x);
            let part = |k: usize| L::load(form.add(k * LANES));
            let inner = L::abs(L::add(L::mul(part(0), worth), part(1)));
            let amount = L::add(inner, L::add(L::mul(part(2), worth), part(3)));
            let (charged, doubtful) = charge::<L>(of.buckets, amount, [codes, above_floor, doubt]);
            gross = L::add(gross, amount);
            required = L::add(required, charged);
            *near |= doubtful;
        }
        *amounts = [value, gross, required];
    }
}

/// Adds the sums of a layer to those of its pools: as the asset counts, in the asset that the pools are valued in.
///
/// # Safety
/// The layer is one of the fold's; `L` may run here.
#[inline(always)]
#[expect(clippy::inline_always, reason = "part of the innermost loops")]
unsafe fn convert<L: Lanes>(of: Columns, layer: usize, [value, gross, mut required]: [L::V; 3], sums: &mut Sums<L::V>) {
    // SAFETY: the caller's word.
    unsafe {
        let at = layer * LANES;
        // Read once a layer or later in the window: too rarely for the processor to guess.
        L::prefetch(of.constant.wrapping_add(at + 48 * LANES));
        L::prefetch(of.doubt.wrapping_add(at + 48 * LANES));
        let constant = L::load(of.constant.add(at));
        let equity = L::add(constant, value);
        if !of.fixed.is_null() {
            required = L::add(required, L::load(of.fixed.add(at)));
        }
        let (of_constants, of_sums) = L::decode(of.doubt.add(at));
        let magnitude = L::add(L::abs(constant), L::mul(L::splat(of.weight), gross));
        let bound = L::add(of_constants, L::mul(of_sums, magnitude));
        let asset = *of.asset.add(layer);
        if asset == OWN {
            sums.collateral = L::add(sums.collateral, equity);
            sums.required = L::add(sums.required, required);
            sums.bound = L::add(sums.bound, bound);
            return;
        }
        let asset = &*of.assets.add(usize::from(asset));
        if asset.reach.is_nan() {
            // Without a price: unknown for those that hold it, nothing for the others.
            sums.near |= *of.holders.add(layer);
            return;
        }
        let held = L::over(equity, L::zero());
        let owed = L::sub(equity, held);
        let amount = L::mul(held, L::splat(asset.scales[0]));
        let mut counted = L::mul(amount, L::splat(asset.first));
        for &(floor, slope) in &asset.steps {
            counted = L::add(counted, L::mul(L::splat(slope), L::over(amount, L::splat(floor))));
        }
        counted = L::add(L::mul(counted, L::splat(asset.scales[1])), L::mul(owed, L::splat(asset.negative)));
        let debt = L::abs(owed);
        for &(floor, slope) in &asset.debt {
            required = L::add(required, L::mul(L::splat(slope), L::over(debt, L::splat(floor))));
        }
        sums.collateral = L::add(sums.collateral, counted);
        sums.required = L::add(sums.required, L::mul(required, L::splat(asset.requirement)));
        sums.bound = L::add(sums.bound, L::mul(bound, L::splat(asset.reach)));
    }
}
