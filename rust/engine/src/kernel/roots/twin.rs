//! Eight numbers of twice the precision of doubles: [`crate::exact::Twofold`] in lanes, the same operations in the same
//! order.
#![expect(clippy::inline_always, reason = "compiled anew inside a function of each instruction set")]

use crate::kernel::Lanes;

pub(super) struct Twin<L: Lanes> {
    pub(super) hi: L::V,
    pub(super) lo: L::V,
}

impl<L: Lanes> Clone for Twin<L> {
    #[inline(always)]
    fn clone(&self) -> Self {
        *self
    }
}

impl<L: Lanes> Copy for Twin<L> {}

/// # Safety
/// Of all methods: as [`Lanes`].
impl<L: Lanes> Twin<L> {
    #[inline(always)]
    pub(super) const fn new(hi: L::V, lo: L::V) -> Self {
        Self { hi, lo }
    }

    /// `a + b` where `|a| >= |b|`.
    #[inline(always)]
    unsafe fn quick_sum(a: L::V, b: L::V) -> Self {
        // SAFETY: the caller's word, here and below.
        unsafe {
            let hi = L::add(a, b);
            Self { hi, lo: L::sub(b, L::sub(hi, a)) }
        }
    }

    #[inline(always)]
    pub(super) unsafe fn plus(self, other: Self) -> Self {
        // SAFETY: see above.
        unsafe {
            let hi = L::add(self.hi, other.hi);
            let of_other = L::sub(hi, self.hi);
            let lost = L::add(L::sub(self.hi, L::sub(hi, of_other)), L::sub(other.hi, of_other));
            Self::quick_sum(hi, L::add(lost, L::add(self.lo, other.lo)))
        }
    }

    #[inline(always)]
    pub(super) unsafe fn minus(self, other: Self) -> Self {
        // SAFETY: see above. The same bits as adding the negated number.
        unsafe {
            let hi = L::sub(self.hi, other.hi);
            let of_other = L::sub(hi, self.hi);
            let lost = L::sub(L::sub(self.hi, L::sub(hi, of_other)), L::add(other.hi, of_other));
            Self::quick_sum(hi, L::add(lost, L::sub(self.lo, other.lo)))
        }
    }

    #[inline(always)]
    pub(super) unsafe fn times(self, other: Self) -> Self {
        // SAFETY: see above.
        unsafe {
            let (hi, lost) = L::product(self.hi, other.hi);
            let cross = L::add(L::mul(self.hi, other.lo), L::mul(self.lo, other.hi));
            Self::quick_sum(hi, L::add(lost, cross))
        }
    }

    #[inline(always)]
    pub(super) unsafe fn over(self, divisor: Self) -> Self {
        // SAFETY: see above.
        unsafe {
            let first = L::div(self.hi, divisor.hi);
            let (whole, lost) = L::product(first, divisor.hi);
            let rest = L::sub(L::sub(self.hi, whole), lost);
            let rest = L::add(rest, L::sub(self.lo, L::mul(first, divisor.lo)));
            Self::quick_sum(first, L::div(rest, divisor.hi))
        }
    }

    /// `a` in the lanes of a mask, else `b`.
    #[inline(always)]
    pub(super) unsafe fn select(mask: u8, a: Self, b: Self) -> Self {
        // SAFETY: see above.
        unsafe { Self { hi: L::select(mask, a.hi, b.hi), lo: L::select(mask, a.lo, b.lo) } }
    }
}
