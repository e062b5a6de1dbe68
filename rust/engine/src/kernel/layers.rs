//! The figures of a window's pools under all kinds of rules: sums asset by asset, then what is decided by them.

use crate::pool::{AssetRow, Bucket, LANES, LaneRow, Layered, OWN};

use super::figures::spread;
use super::lanes::Lanes;

/// How many slots ahead quantities are fetched.
const AHEAD: usize = 48 * LANES;

/// What the figures are made of.
#[derive(Clone, Copy)]
pub(crate) struct LayerTerms<'a> {
    pub(crate) layered: &'a Layered,
    /// The classes at the present marks.
    pub(crate) rows: &'a [LaneRow],
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
    pub(crate) fn new(n: usize) -> Self {
        let n = n.next_multiple_of(LANES);
        let column = || vec![0.0; n];
        Self {
            collateral: column(),
            maintenance: column(),
            excess: column(),
            margin_ratio: column(),
            liquidatable: vec![0; n],
            near: vec![0; n / LANES],
        }
    }

    /// Evaluates the window that begins with group `first` and has `n` groups; says whether some pool is near.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "compiled anew inside a function of each instruction set")]
    pub(crate) fn evaluate<L: Lanes>(&mut self, terms: &LayerTerms<'_>, first: usize, n: usize) -> bool {
        let layered = terms.layered;
        let last = layered.layers[first + n] as usize;
        // What the pointers below rely on; that codes and classes point at rows is the fold's word.
        assert!(layered.steps[last] as usize * LANES <= layered.quantity.len().min(layered.class.len()));
        assert!(layered.form_steps[last] as usize * LANES <= layered.form_class.len());
        assert!(layered.form_class.len() * 4 <= layered.form.len());
        assert!(last * LANES <= layered.constant.len().min(layered.doubt.len()));
        assert!(layered.fixed.is_empty() || last * LANES <= layered.fixed.len());
        assert!(n * LANES <= self.collateral.len() && first + n <= layered.slow.len().min(layered.exposed.len()));
        let mut any_near = 0;
        for group in 0..n {
            let layers = layered.layers[first + group] as usize..layered.layers[first + group + 1] as usize;
            // SAFETY: layers below `last` lie in the columns (asserted above), the figures have room for `n` groups;
            // `L` was chosen by `dispatch`, inside whose function this is inlined.
            unsafe {
                let zero = L::zero();
                let near = layered.slow[first + group];
                let mut sums = Sums { collateral: zero, required: zero, bound: zero, near };
                for layer in layers {
                    layer_sums::<L>(terms, layer, &mut sums);
                }
                any_near |= self.decide::<L>(terms, group, layered.exposed[first + group], &sums);
            }
        }
        any_near != 0
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
        let [floor, rate, slope, minus] = L::rows(buckets, L::find(codes, amount));
        let past = L::past(amount, floor, L::mul(above_floor, floor));
        let near = L::above(L::mul(doubt, amount), L::abs(L::sub(amount, floor)));
        (L::add(L::sub(L::mul(rate, amount), minus), L::mul(slope, past)), near)
    }
}

/// Adds up a layer.
///
/// # Safety
/// The layer's steps lie in the columns, its classes are rows of the table; `L` may run here.
#[inline(always)]
#[expect(clippy::inline_always, reason = "part of the innermost loops")]
unsafe fn layer_sums<L: Lanes>(terms: &LayerTerms<'_>, layer: usize, sums: &mut Sums<L::V>) {
    let layered = terms.layered;
    let (quantity, class) = (layered.quantity.as_ptr(), layered.class.as_ptr());
    let (rows, buckets) = (terms.rows.as_ptr().cast::<[f64; 4]>(), terms.buckets.as_ptr().cast::<[f64; 4]>());
    // SAFETY: the caller's word.
    unsafe {
        let (mut value, mut gross, mut required) = (L::zero(), L::zero(), L::zero());
        for step in layered.steps[layer]..layered.steps[layer + 1] {
            let slot = step as usize * LANES;
            L::prefetch(quantity.wrapping_add(slot + AHEAD));
            L::prefetch(class.wrapping_add(slot + 4 * AHEAD));
            let [x, codes, above_floor, doubt] = L::rows(rows, widen(class.add(slot)));
            let v = L::mul(L::load(quantity.add(slot)), x);
            let amount = L::abs(v);
            let (charged, near) = charge::<L>(buckets, amount, [codes, above_floor, doubt]);
            value = L::add(value, v);
            gross = L::add(gross, amount);
            required = L::add(required, charged);
            sums.near |= near;
        }
        for step in layered.form_steps[layer]..layered.form_steps[layer + 1] {
            let slot = step as usize * LANES;
            let form = layered.form.as_ptr().add(slot * 4);
            let [x, codes, above_floor, doubt] = L::rows(rows, widen(layered.form_class.as_ptr().add(slot)));
            let worth = L::abs(x);
            let part = |k: usize| L::load(form.add(k * LANES));
            let inner = L::abs(L::add(L::mul(part(0), worth), part(1)));
            let amount = L::add(inner, L::add(L::mul(part(2), worth), part(3)));
            let (charged, near) = charge::<L>(buckets, amount, [codes, above_floor, doubt]);
            gross = L::add(gross, amount);
            required = L::add(required, charged);
            sums.near |= near;
        }
        convert::<L>(terms, layer, [value, gross, required], sums);
    }
}

/// Adds the sums of a layer to those of its pools: as the asset counts, in the asset that the pools are valued in.
///
/// # Safety
/// The layer is one of the fold's; `L` may run here.
#[inline(always)]
#[expect(clippy::inline_always, reason = "part of the innermost loops")]
unsafe fn convert<L: Lanes>(
    terms: &LayerTerms<'_>,
    layer: usize,
    [value, gross, mut required]: [L::V; 3],
    sums: &mut Sums<L::V>,
) {
    let layered = terms.layered;
    // SAFETY: the caller's word.
    unsafe {
        let at = layer * LANES;
        L::prefetch(layered.constant.as_ptr().wrapping_add(at + 32 * LANES));
        L::prefetch(layered.doubt.as_ptr().wrapping_add(at + 32 * LANES));
        let constant = L::load(layered.constant.as_ptr().add(at));
        let equity = L::add(constant, value);
        if !layered.fixed.is_empty() {
            required = L::add(required, L::load(layered.fixed.as_ptr().add(at)));
        }
        let (of_constants, of_sums) = L::decode(layered.doubt.as_ptr().add(at));
        let magnitude = L::add(L::abs(constant), L::mul(L::splat(2.0 * (1.0 + terms.level)), gross));
        let bound = L::add(of_constants, L::mul(of_sums, magnitude));
        let asset = layered.asset[layer];
        if asset == OWN {
            sums.collateral = L::add(sums.collateral, equity);
            sums.required = L::add(sums.required, required);
            sums.bound = L::add(sums.bound, bound);
            return;
        }
        let asset = &terms.assets[usize::from(asset)];
        if asset.reach.is_nan() {
            // Without a price: unknown for those that hold it, nothing for the others.
            sums.near |= layered.holders[layer];
            return;
        }
        let held = L::over(equity, L::zero());
        let owed = L::sub(equity, held);
        let amount = L::mul(held, L::splat(asset.scales[0]));
        let mut counted = L::zero();
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

/// Eight class numbers.
///
/// # Safety
/// Eight elements are readable.
#[inline(always)]
#[expect(clippy::inline_always, reason = "part of the innermost loops")]
unsafe fn widen(class: *const u16) -> [u32; 8] {
    // SAFETY: the caller's word.
    std::array::from_fn(|lane| u32::from(unsafe { *class.add(lane) }))
}
