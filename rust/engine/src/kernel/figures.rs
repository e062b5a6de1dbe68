//! The figures of a window's pools, group by group: sums over positions, then what is decided by them.

use crate::pool::{ClassRow, Classes, Folded, LANES};

use super::lanes::Lanes;

/// How many slots ahead quantities are fetched: some hundreds of nanoseconds of work.
const AHEAD: usize = 48 * LANES;

/// What the figures are made of.
#[derive(Clone, Copy)]
pub(crate) struct Terms<'a> {
    pub(crate) folded: &'a Folded,
    pub(crate) classes: &'a Classes,
    /// The classes at the present marks: `classes.len() + 1` rows.
    pub(crate) table: &'a [ClassRow],
    /// Eight leverages a step, where initial margin is asked for and charged at mark.
    pub(crate) leverage: Option<&'a [f64]>,
    /// `excess = equity - level * maintenance`.
    pub(crate) level: f64,
    /// Whether an excess of zero fails.
    pub(crate) zero_fails: bool,
}

/// The figures of a window's pools, by place; reused from window to window.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    /// Cash and unrealised profit.
    pub(crate) equity: Vec<f64>,
    pub(crate) maintenance: Vec<f64>,
    /// `sum |q * x|`.
    pub(crate) notional: Vec<f64>,
    /// `sum |q * x| / leverage`; empty unless leverages are given.
    pub(crate) initial: Vec<f64>,
    pub(crate) excess: Vec<f64>,
    pub(crate) margin_ratio: Vec<f64>,
    /// 1 where the pool is liquidatable.
    pub(crate) liquidatable: Vec<u8>,
    /// By group, a bit for each pool: whether rounding could have changed the sign of its excess.
    pub(crate) near: Vec<u8>,
    /// Room for a note for each step of a window.
    far: Vec<Note>,
    /// Magnitudes beyond the notional whose rounding counts, infinite where a tier is in doubt; empty unless a class
    /// jumps.
    guard: Vec<f64>,
}

impl Figures {
    /// Room for windows of up to `n` pools.
    pub(crate) fn new(n: usize, terms: &Terms<'_>) -> Self {
        let n = n.next_multiple_of(LANES);
        let column = || vec![0.0; n];
        let some = |wanted: bool| vec![0.0; if wanted { n } else { 0 }];
        Self {
            equity: column(),
            maintenance: column(),
            notional: column(),
            initial: some(terms.leverage.is_some()),
            excess: column(),
            margin_ratio: column(),
            liquidatable: vec![0; n],
            near: vec![0; n / LANES],
            far: vec![Note::default(); terms.folded.longest_window() + 1],
            guard: some(terms.classes.jumps()),
        }
    }

    /// Evaluates the window that begins with group `first` and has `n` groups; says whether some pool is near.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "compiled anew inside a function of each instruction set")]
    pub(crate) fn evaluate<L: Lanes>(&mut self, terms: &Terms<'_>, first: usize, n: usize) -> bool {
        let folded = terms.folded;
        let last = folded.steps[first + n] as usize * LANES;
        let places = (first + n) * LANES;
        // What the pointers below rely on.
        assert!(last <= folded.quantity.len() && last <= folded.class.len());
        assert!(places <= folded.constant.len() && places <= folded.doubt.len());
        assert!(terms.table.len() == terms.classes.len() + 1);
        assert!(((folded.steps[first + n] - folded.steps[first]) as usize) < self.far.len() && n <= self.near.len());
        assert!(n * LANES <= self.equity.len().min(self.maintenance.len()).min(self.notional.len()));
        assert!(n * LANES <= self.excess.len().min(self.margin_ratio.len()).min(self.liquidatable.len()));
        let at_entry = folded.maintenance.len();
        assert!(at_entry == 0 || places <= at_entry);
        self.guard.fill(0.0);
        match terms.leverage {
            // SAFETY: slots below `last` lie in the columns, places below `places` too; classes of a fold are rows of
            // its table; the figures have room for `n` groups (all asserted above). `L` was chosen by `dispatch`,
            // inside whose function this is inlined.
            None => unsafe { self.groups::<L, false>(terms, first, n) },
            Some(leverage) => {
                assert!(last <= leverage.len() && n * LANES <= self.initial.len());
                // SAFETY: as above, with leverages for every slot and room for their sums.
                unsafe { self.groups::<L, true>(terms, first, n) }
            }
        }
    }

    /// # Safety
    /// Every slot of the groups lies in the columns (with `INITIAL`, of leverages too), every class is a row of the
    /// table, every place lies in the columns by place, the figures have room for `n` groups, the notes for one a step;
    /// `L` may run here.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "compiled anew inside a function of each instruction set")]
    unsafe fn groups<L: Lanes, const INITIAL: bool>(&mut self, terms: &Terms<'_>, first: usize, n: usize) -> bool {
        let (quantity, class) = (terms.folded.quantity.as_ptr(), terms.folded.class.as_ptr());
        let (table, leverage) = (terms.table.as_ptr(), terms.leverage.unwrap_or_default().as_ptr());
        let steps = &terms.folded.steps[first..=first + n];
        let far = self.far.as_mut_ptr();
        let (mut n_far, mut any_near) = (0, 0);
        for group in 0..n {
            // SAFETY: the caller's word; notes are written for one step each and counted at most once.
            unsafe {
                let reach = L::splat(terms.classes.reach());
                let (mut value, mut notional) = (L::zero(), L::zero());
                let (mut base, mut beyond) = (L::zero(), L::zero());
                let mut initial = L::zero();
                for step in steps[group]..steps[group + 1] {
                    let slot = step as usize * LANES;
                    L::prefetch(quantity.wrapping_add(slot + AHEAD));
                    L::prefetch(class.wrapping_add(slot + 4 * AHEAD));
                    let rows = L::gather(table, class.add(slot));
                    let v = L::mul(L::load(quantity.add(slot)), rows.x);
                    let u = L::abs(v);
                    value = L::add(value, v);
                    notional = L::add(notional, u);
                    base = L::add(base, L::mul(rows.rate, u));
                    beyond = L::add(beyond, L::mul(rows.slope, L::over(u, rows.floor)));
                    // Noted without a branch: few positions are far, and a wrong guess costs more than many notes.
                    let lanes = L::above(u, L::mul(rows.floor, reach));
                    far.add(n_far).write(Note { step, group, lanes });
                    n_far += usize::from(lanes != 0);
                    if INITIAL {
                        initial = L::add(initial, L::div(u, L::load(leverage.add(slot))));
                    }
                }
                if INITIAL {
                    L::store(self.initial.as_mut_ptr().add(group * LANES), initial);
                }
                let place = (first + group) * LANES;
                // Read once a group or later in the window: too rarely for the processor to guess.
                L::prefetch(terms.folded.constant.as_ptr().wrapping_add(place + 32 * LANES));
                L::prefetch(terms.folded.doubt.as_ptr().wrapping_add(place + 32 * LANES));
                L::prefetch(terms.folded.place.as_ptr().wrapping_add(place));
                let equity = L::add(L::load(terms.folded.constant.as_ptr().add(place)), value);
                let mut required = L::add(base, beyond);
                if !terms.folded.maintenance.is_empty() {
                    required = L::add(required, L::load(terms.folded.maintenance.as_ptr().add(place)));
                }
                L::store(self.equity.as_mut_ptr().add(group * LANES), equity);
                L::store(self.notional.as_mut_ptr().add(group * LANES), notional);
                any_near |= self.decide::<L>(terms, place, group, [equity, required, notional]);
            }
        }
        // SAFETY: the caller's word.
        any_near | unsafe { self.charge_far::<L>(terms, first, n_far) } != 0
    }

    /// Charges what was noted, and decides its groups anew.
    ///
    /// # Safety
    /// As [`Self::groups`], whose first `n` notes these are.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "compiled anew inside a function of each instruction set")]
    unsafe fn charge_far<L: Lanes>(&mut self, terms: &Terms<'_>, first: usize, n: usize) -> u8 {
        let mut any_near = 0;
        let mut next = 0;
        while next < n {
            let group = self.far[next].group;
            let mut charges = [0.0; LANES];
            while next < n && self.far[next].group == group {
                let guard = self.guard.get_mut(group * LANES..(group + 1) * LANES);
                charge(terms, &self.far[next], &mut charges, guard);
                next += 1;
            }
            // SAFETY: the caller's word.
            unsafe {
                let at = |column: &[f64]| L::load(column.as_ptr().add(group * LANES));
                let required = L::add(at(&self.maintenance), L::load(charges.as_ptr()));
                let figures = [at(&self.equity), required, at(&self.notional)];
                any_near |= self.decide::<L>(terms, (first + group) * LANES, group, figures);
            }
        }
        any_near
    }

    /// Excess, ratio, and which pools of a group are liquidatable or near, from their equity, maintenance and notional.
    ///
    /// # Safety
    /// As [`Self::groups`], with `place` the place of the group's first pool in the book.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "compiled anew inside a function of each instruction set")]
    unsafe fn decide<L: Lanes>(&mut self, terms: &Terms<'_>, place: usize, group: usize, of: [L::V; 3]) -> u8 {
        let [equity, required, notional] = of;
        let at = group * LANES;
        // SAFETY: the caller's word.
        unsafe {
            let excess = L::sub(equity, L::mul(L::splat(terms.level), required));
            let ratio = L::if_zero(required, L::splat(f64::INFINITY), L::div(equity, required));
            let mut magnitude = notional;
            if !self.guard.is_empty() {
                magnitude = L::add(magnitude, L::load(self.guard.as_ptr().add(at)));
            }
            let constant = L::load(terms.folded.constant.as_ptr().add(place));
            let (of_constant, of_sums) = L::decode(terms.folded.doubt.as_ptr().add(place));
            let weight = L::splat(2.0 * (1.0 + terms.level));
            let magnitudes = L::add(L::abs(constant), L::mul(weight, magnitude));
            let bound = L::add(of_constant, L::mul(of_sums, magnitudes));
            // Written so that NaN is near; where nothing was added up, nothing was rounded.
            let near = !L::above(L::abs(excess), bound) & !L::zeros(bound);
            let zero_fails = if terms.zero_fails { L::zeros(excess) } else { 0 };
            // A pool without positions is safe whatever its cash.
            let fails = (L::above(L::zero(), excess) | zero_fails) & L::above(notional, L::zero());
            L::store(self.maintenance.as_mut_ptr().add(at), required);
            L::store(self.excess.as_mut_ptr().add(at), excess);
            L::store(self.margin_ratio.as_mut_ptr().add(at), ratio);
            self.liquidatable.as_mut_ptr().add(at).cast::<[u8; 8]>().write(spread(fails));
            *self.near.get_unchecked_mut(group) = near;
            near
        }
    }
}

/// Bit `i` as byte `i`.
#[inline(always)]
#[expect(clippy::inline_always, reason = "part of the innermost loops")]
pub(super) fn spread(bits: u8) -> [u8; LANES] {
    // Seven copies, each seven places on, put bit i of the lower seven at place 8 i; the eighth goes by itself.
    let bits = u64::from(bits);
    let low = (bits & 0x7f).wrapping_mul(0x0002_0408_1020_4081) & 0x0001_0101_0101_0101;
    (low | (bits >> 7) << 56).to_le_bytes()
}

/// A step with positions beyond the tiers that the kernel charges itself.
#[derive(Debug, Clone, Copy, Default)]
struct Note {
    step: u32,
    /// The group within the window.
    group: usize,
    /// A bit for each lane whose position is far.
    lanes: u8,
}

/// Adds what the far positions of a step are charged beyond, by lane.
fn charge(terms: &Terms<'_>, note: &Note, charges: &mut [f64; LANES], mut guard: Option<&mut [f64]>) {
    let slot = note.step as usize * LANES;
    let mut rest = note.lanes;
    while rest != 0 {
        let lane = rest.trailing_zeros() as usize;
        rest &= rest - 1;
        let row = terms.folded.class[slot + lane];
        let notional = (terms.folded.quantity[slot + lane] * terms.table[usize::from(row)].x).abs();
        let (charge, doubt) = terms.classes.beyond(row, notional);
        charges[lane] += charge;
        if let Some(guard) = &mut guard {
            guard[lane] += doubt;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_spread_puts_each_bit_into_its_byte() {
        for bits in 0..=u8::MAX {
            let expected: [u8; 8] = std::array::from_fn(|i| bits >> i & 1);
            assert_eq!(spread(bits), expected);
        }
    }
}
