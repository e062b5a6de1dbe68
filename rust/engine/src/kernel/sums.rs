//! The sums over the positions of a window's pools.

use crate::pool::{ClassRow, Classes, Folded, LANES};

use super::lanes::Lanes;

/// How many slots ahead quantities are fetched: some hundreds of nanoseconds of work.
const AHEAD: usize = 48 * LANES;

/// What a window's sums are made of.
#[derive(Clone, Copy)]
pub(crate) struct Terms<'a> {
    pub(crate) folded: &'a Folded,
    pub(crate) classes: &'a Classes,
    /// The classes at the present marks: `classes.len() + 1` rows.
    pub(crate) table: &'a [ClassRow],
    /// Eight leverages a step, where initial margin is asked for.
    pub(crate) leverage: Option<&'a [f64]>,
}

/// The sums of a window's pools, by place; reused from window to window.
#[derive(Debug, Default)]
pub(crate) struct Sums {
    /// `sum q * x`.
    pub(crate) value: Vec<f64>,
    /// Maintenance on the notional at mark.
    pub(crate) maintenance: Vec<f64>,
    /// `sum |q * x|`.
    pub(crate) notional: Vec<f64>,
    /// `sum |q * x| / leverage`; empty unless leverages are given.
    pub(crate) initial: Vec<f64>,
    /// Magnitudes beyond the notional whose rounding counts, infinite where a tier is in doubt; empty unless a class
    /// jumps.
    pub(crate) guard: Vec<f64>,
}

impl Sums {
    /// Room for windows of up to `n` pools.
    pub(crate) fn new(n: usize, terms: &Terms<'_>) -> Self {
        let n = n.next_multiple_of(LANES);
        let some = |wanted: bool| vec![0.0; if wanted { n } else { 0 }];
        Self {
            value: vec![0.0; n],
            maintenance: vec![0.0; n],
            notional: vec![0.0; n],
            initial: some(terms.leverage.is_some()),
            guard: some(terms.classes.jumps()),
        }
    }
}

/// Sums the groups of the window that begins with group `first` and has `n` groups.
#[inline(always)]
#[expect(clippy::inline_always, reason = "compiled anew inside a function of each instruction set")]
pub(crate) fn sum_window<L: Lanes>(terms: &Terms<'_>, first: usize, n: usize, sums: &mut Sums) {
    let steps = &terms.folded.steps[first..=first + n];
    let last = steps[n] as usize * LANES;
    // What the pointers below rely on.
    assert!(last <= terms.folded.quantity.len() && last <= terms.folded.class.len());
    assert!(terms.table.len() == terms.classes.len() + 1);
    assert!(n * LANES <= sums.value.len().min(sums.maintenance.len()).min(sums.notional.len()));
    sums.guard.fill(0.0);
    match terms.leverage {
        // SAFETY: slots below `last` lie in the columns; classes of a fold are rows of its table; the sums have room
        // for `n` groups (all asserted above). `L` was chosen by `dispatch`, inside whose function this is inlined.
        None => unsafe { groups::<L, false>(terms, steps, sums) },
        Some(leverage) => {
            assert!(last <= leverage.len() && n * LANES <= sums.initial.len());
            // SAFETY: as above, with leverages for every slot and room for their sums.
            unsafe { groups::<L, true>(terms, steps, sums) }
        }
    }
}

/// # Safety
/// Every slot of `steps` lies in the columns (with `INITIAL`, of leverages too), every class is a row of the table, and
/// the sums have room for all groups; `L` may run here.
#[inline(always)]
#[expect(clippy::inline_always, reason = "compiled anew inside a function of each instruction set")]
unsafe fn groups<L: Lanes, const INITIAL: bool>(terms: &Terms<'_>, steps: &[u32], sums: &mut Sums) {
    let (quantity, class) = (terms.folded.quantity.as_ptr(), terms.folded.class.as_ptr());
    let (table, leverage) = (terms.table.as_ptr(), terms.leverage.unwrap_or_default().as_ptr());
    // SAFETY: the caller's word.
    unsafe {
        let reach = L::splat(terms.classes.reach());
        for (group, bounds) in steps.windows(2).enumerate() {
            let (mut value, mut notional) = (L::zero(), L::zero());
            let (mut base, mut beyond) = (L::zero(), L::zero());
            let mut initial = L::zero();
            for step in bounds[0] as usize..bounds[1] as usize {
                let slot = step * LANES;
                L::prefetch(quantity.wrapping_add(slot + AHEAD));
                L::prefetch(class.wrapping_add(slot + 4 * AHEAD));
                let rows = L::gather(table, class.add(slot));
                let v = L::mul(L::load(quantity.add(slot)), rows.x);
                let u = L::abs(v);
                value = L::add(value, v);
                notional = L::add(notional, u);
                base = L::add(base, L::mul(rows.rate, u));
                let mut charge = L::mul(rows.slope, L::over(u, rows.floor));
                let above = L::above(u, L::mul(rows.floor, reach));
                if above != 0 {
                    let (mut notionals, mut charges) = ([0.0; LANES], [0.0; LANES]);
                    L::store(notionals.as_mut_ptr(), u);
                    L::store(charges.as_mut_ptr(), charge);
                    let guard = sums.guard.get_mut(group * LANES..(group + 1) * LANES);
                    charge_beyond(terms, slot, above, (&notionals, &mut charges), guard);
                    charge = L::load(charges.as_ptr());
                }
                beyond = L::add(beyond, charge);
                if INITIAL {
                    initial = L::add(initial, L::div(u, L::load(leverage.add(slot))));
                }
            }
            let at = group * LANES;
            L::store(sums.value.as_mut_ptr().add(at), value);
            L::store(sums.notional.as_mut_ptr().add(at), notional);
            L::store(sums.maintenance.as_mut_ptr().add(at), L::add(base, beyond));
            if INITIAL {
                L::store(sums.initial.as_mut_ptr().add(at), initial);
            }
        }
    }
}

/// Replaces what the second tier charges by what the tiers above it do, for the lanes in `above`.
#[cold]
#[inline(never)]
fn charge_beyond(
    terms: &Terms<'_>,
    slot: usize,
    above: u8,
    (notionals, charges): (&[f64; LANES], &mut [f64; LANES]),
    mut guard: Option<&mut [f64]>,
) {
    let mut rest = above;
    while rest != 0 {
        let lane = rest.trailing_zeros() as usize;
        rest &= rest - 1;
        let (charge, doubt) = terms.classes.beyond_first(terms.folded.class[slot + lane], notionals[lane]);
        charges[lane] = charge;
        if let Some(guard) = &mut guard {
            guard[lane] += doubt;
        }
    }
}

/// Puts a window's values from the order of places into that of pools.
pub(crate) fn by_pool(values: &[f64], place: &[u16], out: &mut [f64]) {
    assert!(place.len() <= values.len() && out.len() == place.len());
    for (out, &place) in out.iter_mut().zip(place) {
        // SAFETY: the places of a window's pools are a permutation of its first places, by construction of the fold.
        *out = unsafe { *values.get_unchecked(usize::from(place)) };
    }
}
