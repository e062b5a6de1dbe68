//! Roots that were found one by one.
#![expect(clippy::inline_always, reason = "compiled anew inside a function of each instruction set")]

use crate::exact::Twofold;
use crate::kernel::Lanes;
use crate::pool::LANES;

use super::settle::{Roots, settle};
use super::twin::Twin;
use super::{Doubles, Settling};

/// Roots, and the doubles at them.
#[derive(Debug, Default)]
pub(crate) struct SettledRoots {
    hi: Vec<f64>,
    lo: Vec<f64>,
    error: Vec<f64>,
    /// By group, a bit for each root above which the pool is safe.
    rising: Vec<u8>,
    settled: Vec<Settling>,
    n: usize,
}

impl SettledRoots {
    pub(crate) fn clear(&mut self) {
        let Self { hi, lo, error, rising, n, .. } = self;
        for column in [hi, lo, error] {
            column.clear();
        }
        rising.clear();
        *n = 0;
    }

    /// Adds a root with a bound of its error; returns its place.
    pub(crate) fn push(&mut self, root: Twofold, error: f64, rising: bool) -> usize {
        if self.n.is_multiple_of(LANES) {
            self.rising.push(0);
        }
        self.hi.push(root.hi);
        self.lo.push(root.lo);
        self.error.push(error);
        if let Some(mask) = self.rising.last_mut() {
            *mask |= u8::from(rising) << (self.n % LANES);
        }
        self.n += 1;
        self.n - 1
    }

    /// The last safe double at a root and the nearest one.
    pub(crate) fn at(&self, place: usize) -> Doubles {
        self.settled[place / LANES].at(place % LANES)
    }

    /// Finds the doubles at all roots.
    #[inline(always)]
    pub(crate) fn settle<L: Lanes>(&mut self) {
        let room = self.n.next_multiple_of(LANES);
        let Self { hi, lo, error, settled, .. } = self;
        for column in [&mut *hi, lo, error] {
            column.resize(room, 1.0);
        }
        settled.resize(room / LANES, Settling::default());
        for (group, (&rising, to)) in self.rising.iter().zip(settled).enumerate() {
            let at = group * LANES;
            // SAFETY: columns have room for whole groups; `L` was chosen by `dispatch`, inside whose function this is
            // inlined.
            unsafe {
                let load = |column: &[f64]| L::load(column.as_ptr().add(at));
                let root = Twin::new(load(hi), load(lo));
                let settled = settle(&Roots::<L> { root, error: load(error), rising });
                L::store(to.safe.as_mut_ptr(), settled.safe);
                L::store(to.nearest.as_mut_ptr(), settled.nearest);
                (to.certain, to.near) = (settled.certain, settled.near);
            }
        }
    }
}
