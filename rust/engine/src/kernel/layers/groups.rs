//! Groups of positions and orders, eight at a time.

use crate::pool::LANES;

use super::super::lanes::Lanes;
use super::LayerTerms;

/// The columns of groups, as pointers (see [`super::sums::Columns`]).
#[derive(Clone, Copy)]
pub(super) struct Forms {
    form: *const f64,
    form_row: *const u32,
    rows: *const [f64; 4],
    buckets: *const [f64; 4],
}

impl Forms {
    pub(super) fn new(terms: &LayerTerms<'_>) -> Self {
        Self {
            form: terms.layered.form.as_ptr(),
            form_row: terms.layered.form_row.as_ptr(),
            rows: terms.tables.forms.as_ptr().cast(),
            buckets: terms.buckets.as_ptr().cast(),
        }
    }
}

/// Eight groups on their way to a charge.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct EightForms {
    pub(super) amount: [f64; LANES],
    above_floor: [f64; LANES],
    doubt: [f64; LANES],
    pub(super) charge: [f64; LANES],
    row: [u32; LANES],
    /// A bit for each whose tier is in doubt.
    pub(super) doubtful: u8,
}

impl EightForms {
    /// Forms the amounts and finds their rows.
    ///
    /// # Safety
    /// The slots lie in the columns, rows are those of the tables; `L` may run here.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "part of the innermost loops")]
    pub(super) unsafe fn find<L: Lanes>(&mut self, of: Forms, slot: usize) {
        // SAFETY: the caller's word.
        unsafe {
            let form = of.form.add(slot * 4);
            for line in 0..4 {
                L::prefetch(form.wrapping_add(96 * LANES + line * LANES));
            }
            L::prefetch(of.form_row.wrapping_add(slot + 64 * LANES));
            let [x, codes, above_floor, doubt] = L::rows(of.rows, of.form_row.add(slot));
            let worth = L::abs(x);
            let part = |k: usize| L::load(form.add(k * LANES));
            let inner = L::abs(L::add(L::mul(part(0), worth), part(1)));
            let amount = L::add(inner, L::add(L::mul(part(2), worth), part(3)));
            L::store(self.amount.as_mut_ptr(), amount);
            L::store(self.above_floor.as_mut_ptr(), above_floor);
            L::store(self.doubt.as_mut_ptr(), doubt);
            self.row = L::find(codes, amount);
        }
    }

    /// Charges what was found.
    ///
    /// # Safety
    /// Rows are those of the tables; `L` may run here.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "part of the innermost loops")]
    pub(super) unsafe fn charge<L: Lanes>(&mut self, of: Forms) {
        // SAFETY: the caller's word.
        unsafe {
            let [floor, rate, slope, minus] = L::rows(of.buckets, self.row.as_ptr());
            let amount = L::load(self.amount.as_ptr());
            let past = L::past(amount, floor, L::mul(L::load(self.above_floor.as_ptr()), floor));
            let charged = L::add(L::sub(L::mul(rate, amount), minus), L::mul(slope, past));
            L::store(self.charge.as_mut_ptr(), charged);
            let near = L::mul(L::load(self.doubt.as_ptr()), amount);
            self.doubtful = L::above(near, L::abs(L::sub(amount, floor)));
        }
    }
}
