//! What assets of pools count by their equity, eight at a time.
#![expect(clippy::inline_always, reason = "compiled anew inside a function of each instruction set")]

use crate::exact::{Quad, Twofold};
use crate::kernel::Lanes;
use crate::pool::{Curve, LANES};

use super::lanes;
use super::settle::numbers;
use super::twin::Twin;

/// The assets of a window of pools, padded to whole groups.
#[derive(Debug, Default)]
pub(crate) struct Counted {
    /// By what curve each counts.
    pub(super) curve: Vec<u32>,
    /// Its equity, and what it counts.
    pub(super) states: Vec<Quad>,
    /// The row of the piece of the curve that it is on.
    pub(super) stretch: Vec<u32>,
}

/// The curves of a market.
#[derive(Clone, Copy)]
pub(crate) struct CurveTerms<'a> {
    pub(crate) curves: &'a [Curve],
    /// By curve: where the second to fifth piece begin, infinite where there are fewer.
    pub(crate) begins: &'a [Quad],
    /// By curve: the row of its first piece.
    pub(crate) first: &'a [u32],
    /// By row: anchor and slope; what it is worth there.
    pub(crate) stretches: &'a [[Quad; 2]],
}

const IN_ORDER: [u32; LANES] = [0, 1, 2, 3, 4, 5, 6, 7];

/// How near to the beginning of a piece, relatively, an equity may be for twofold numbers to decide.
const NEAR: f64 = 1e-12;

impl Counted {
    pub(crate) fn clear(&mut self) {
        self.curve.clear();
        self.states.clear();
    }

    /// Adds an asset.
    pub(crate) fn push(&mut self, curve: u32, equity: Twofold) {
        self.curve.push(curve);
        self.states.push(Quad([equity.hi, equity.lo, 0.0, 0.0]));
    }

    /// By what curve an asset counts.
    pub(crate) fn curve(&self, at: usize) -> u32 {
        self.curve[at]
    }

    pub(crate) fn set_curve(&mut self, at: usize, curve: u32) {
        self.curve[at] = curve;
    }

    pub(crate) fn equity(&self, at: usize) -> Twofold {
        let Quad([hi, lo, ..]) = self.states[at];
        Twofold { hi, lo }
    }

    pub(crate) fn set_equity(&mut self, at: usize, equity: Twofold) {
        self.states[at] = Quad([equity.hi, equity.lo, 0.0, 0.0]);
    }

    pub(crate) fn value(&self, at: usize) -> Twofold {
        let Quad([.., hi, lo]) = self.states[at];
        Twofold { hi, lo }
    }

    /// The row of the piece that an asset is on.
    pub(crate) fn stretch(&self, at: usize) -> u32 {
        self.stretch[at]
    }

    /// Evaluates all assets.
    #[inline(always)]
    pub(crate) fn evaluate<L: Lanes>(&mut self, terms: &CurveTerms<'_>) {
        let room = self.states.len().next_multiple_of(LANES);
        self.curve.resize(room, 0);
        self.stretch.resize(room, 0);
        self.states.resize(room, Quad::default());
        // What the pointers below rely on.
        assert!(terms.begins.len() == terms.curves.len() && terms.first.len() == terms.curves.len());
        for at in (0..room).step_by(LANES) {
            // SAFETY: columns have room for whole groups; curves have rows, by the word of who made them; `L` was chosen by
            // `dispatch`, inside whose function this is inlined.
            unsafe { self.group::<L>(terms, at) }
        }
    }

    /// # Safety
    /// As [`Lanes`]; the columns have room for whole groups, and every curve a row in the tables.
    #[inline(always)]
    unsafe fn group<L: Lanes>(&mut self, terms: &CurveTerms<'_>, at: usize) {
        // SAFETY: the caller's word.
        unsafe {
            let [equity, equity_rest, ..] = L::rows(numbers(&self.states).add(at), IN_ORDER.as_ptr());
            let equity = Twin::<L>::new(equity, equity_rest);
            let begins = L::rows(numbers(terms.begins), self.curve.as_ptr().add(at));
            let mut row = [0_u32; LANES];
            for (row, &curve) in row.iter_mut().zip(&self.curve[at..at + LANES]) {
                *row = terms.first[curve as usize];
            }
            let margin = L::mul(L::abs(equity.hi), L::splat(NEAR));
            let mut near = 0;
            for begins in begins {
                let past = L::above(equity.hi, begins);
                near |= !L::above(L::abs(L::sub(equity.hi, begins)), margin);
                for (lane, row) in row.iter_mut().enumerate() {
                    *row += u32::from(past >> lane & 1);
                }
            }
            // Beyond the fifth piece too.
            near |= L::above(equity.hi, begins[3]);
            for lane in lanes(near) {
                let curve = self.curve[at + lane] as usize;
                row[lane] = terms.first[curve] + terms.curves[curve].find(self.equity(at + lane));
            }
            for row in &mut row {
                *row *= 2;
            }
            let table: *const [f64; 4] = terms.stretches.as_ptr().cast();
            let [anchor, anchor_rest, slope, slope_rest] = L::rows(table, row.as_ptr());
            let [value, value_rest, ..] = L::rows(table.add(1), row.as_ptr());
            let over = equity.minus(Twin::new(anchor, anchor_rest)).times(Twin::new(slope, slope_rest));
            let value = Twin::<L>::new(value, value_rest).plus(over);
            let mut values = [[0.0; LANES]; 2];
            L::store(values[0].as_mut_ptr(), value.hi);
            L::store(values[1].as_mut_ptr(), value.lo);
            for (lane, Quad([.., hi, lo])) in self.states[at..at + LANES].iter_mut().enumerate() {
                (*hi, *lo) = (values[0][lane], values[1][lane]);
            }
            for (stretch, row) in self.stretch[at..at + LANES].iter_mut().zip(row) {
                *stretch = row / 2;
            }
        }
    }
}
