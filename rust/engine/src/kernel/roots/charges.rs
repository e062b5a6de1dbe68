//! What positions are worth and what they require, eight at a time.
#![expect(clippy::inline_always, reason = "compiled anew inside a function of each instruction set")]

use std::ops::Range;

use crate::exact::{Quad, Twofold};
use crate::kernel::Lanes;
use crate::pool::LANES;

use super::settle::numbers;
use super::twin::Twin;
use super::{Eight, Padded, RootTerms, lanes};

/// Columns of a window of positions, padded to whole groups.
#[derive(Debug, Default)]
pub(crate) struct Charges {
    pub(super) value: [Vec<f64>; 2],
    pub(super) charge: [Vec<f64>; 2],
    pub(super) row: Vec<u32>,
}

impl Charges {
    /// `quantity * x`.
    pub(crate) fn value(&self, at: usize) -> Twofold {
        Twofold { hi: self.value[0][at], lo: self.value[1][at] }
    }

    /// What the tier requires, in the asset of the pool.
    pub(crate) fn charge(&self, at: usize) -> Twofold {
        Twofold { hi: self.charge[0][at], lo: self.charge[1][at] }
    }

    /// The row of the tier.
    pub(crate) fn row(&self, at: usize) -> u32 {
        self.row[at]
    }

    /// Evaluates some positions; `charge` has, by row, what multiplies a quantity and what is taken off.
    #[inline(always)]
    pub(crate) fn evaluate<L: Lanes>(&mut self, terms: &RootTerms<'_>, charge: &[Quad], positions: Range<usize>) {
        let n = positions.len();
        let room = n.next_multiple_of(LANES);
        for column in self.value.iter_mut().chain(&mut self.charge) {
            if column.len() < room {
                column.resize(room, 0.0);
            }
        }
        if self.row.len() < room {
            self.row.resize(room, 0);
        }
        // What the pointers below rely on; that classes have rows is the word of who made them.
        assert!(terms.first.len() + 1 == terms.rows.more.len() && charge.len() == terms.rows.root.len());
        let mut room = Padded::default();
        for at in (0..n).step_by(LANES) {
            let eight = Eight::load(terms, positions.start + at, n - at, &mut room);
            // SAFETY: `L` was chosen by `dispatch`, inside whose function this is inlined; columns have room for whole
            // groups.
            unsafe { self.group::<L>(terms, charge, eight, at) }
        }
    }

    /// # Safety
    /// As [`Lanes`]; the columns have room for whole groups.
    #[inline(always)]
    unsafe fn group<L: Lanes>(&mut self, terms: &RootTerms<'_>, charge: &[Quad], of: Eight<'_>, at: usize) {
        // SAFETY: the caller's word; rows of classes are in the tables, which are aligned.
        unsafe {
            let quantity = Twin::<L>::new(L::load(of.quantity.as_ptr()), L::load(of.rest.as_ptr()));
            let mut row = of.rows();
            let [x, floor, _, x_rest] = L::rows(numbers(terms.first), row.as_ptr());
            let value = quantity.times(Twin::new(x, x_rest));
            let far = L::above(L::abs(value.hi), floor);
            if far != 0 {
                for lane in lanes(far) {
                    row[lane] = terms.tier(of, lane, row[lane]);
                }
            }
            let [factor, factor_rest, off, off_rest] = L::rows(numbers(charge), row.as_ptr());
            let charge = quantity.times(Twin::new(factor, factor_rest)).minus(Twin::new(off, off_rest));
            L::store(self.value[0].as_mut_ptr().add(at), value.hi);
            L::store(self.value[1].as_mut_ptr().add(at), value.lo);
            L::store(self.charge[0].as_mut_ptr().add(at), charge.hi);
            L::store(self.charge[1].as_mut_ptr().add(at), charge.lo);
            self.row[at..at + LANES].copy_from_slice(&row);
        }
    }
}
