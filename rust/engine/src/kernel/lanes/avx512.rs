//! AVX-512.
#![expect(clippy::inline_always, reason = "compiled anew inside a function of each instruction set")]

use std::arch::x86_64::{
    __m512d, _CMP_EQ_OQ, _CMP_GT_OQ, _MM_HINT_T0, _mm_prefetch, _mm256_load_pd, _mm256_loadu_si256, _mm512_abs_pd,
    _mm512_add_pd, _mm512_and_si512, _mm512_castpd256_pd512, _mm512_castsi512_pd, _mm512_cmp_pd_mask,
    _mm512_cvtepu32_epi64, _mm512_div_pd, _mm512_insertf64x4, _mm512_loadu_pd, _mm512_mask_blend_pd,
    _mm512_maskz_sub_pd, _mm512_mul_pd, _mm512_set1_epi64, _mm512_set1_pd, _mm512_setzero_pd, _mm512_shuffle_f64x2,
    _mm512_slli_epi64, _mm512_storeu_pd, _mm512_sub_pd, _mm512_unpackhi_pd, _mm512_unpacklo_pd,
};

use crate::pool::ClassRow;

use super::{Gathered, Lanes};

/// One register of eight.
pub(crate) struct Avx512;

impl Lanes for Avx512 {
    type V = __m512d;

    #[inline(always)]
    unsafe fn zero() -> Self::V {
        // SAFETY: the trait's contract: the processor has AVX-512 F (here and in all methods below).
        unsafe { _mm512_setzero_pd() }
    }

    #[inline(always)]
    unsafe fn splat(x: f64) -> Self::V {
        // SAFETY: see `zero`.
        unsafe { _mm512_set1_pd(x) }
    }

    #[inline(always)]
    unsafe fn over(a: Self::V, b: Self::V) -> Self::V {
        // SAFETY: see `zero`.
        unsafe { _mm512_maskz_sub_pd(_mm512_cmp_pd_mask::<_CMP_GT_OQ>(a, b), a, b) }
    }

    #[inline(always)]
    unsafe fn load(from: *const f64) -> Self::V {
        // SAFETY: eight elements are readable.
        unsafe { _mm512_loadu_pd(from) }
    }

    #[inline(always)]
    unsafe fn store(to: *mut f64, v: Self::V) {
        // SAFETY: eight elements are writable.
        unsafe { _mm512_storeu_pd(to, v) }
    }

    #[inline(always)]
    unsafe fn add(a: Self::V, b: Self::V) -> Self::V {
        // SAFETY: see `zero`.
        unsafe { _mm512_add_pd(a, b) }
    }

    #[inline(always)]
    unsafe fn mul(a: Self::V, b: Self::V) -> Self::V {
        // SAFETY: see `zero`.
        unsafe { _mm512_mul_pd(a, b) }
    }

    #[inline(always)]
    unsafe fn div(a: Self::V, b: Self::V) -> Self::V {
        // SAFETY: see `zero`.
        unsafe { _mm512_div_pd(a, b) }
    }

    #[inline(always)]
    unsafe fn sub(a: Self::V, b: Self::V) -> Self::V {
        // SAFETY: see `zero`.
        unsafe { _mm512_sub_pd(a, b) }
    }

    #[inline(always)]
    unsafe fn if_zero(x: Self::V, a: Self::V, b: Self::V) -> Self::V {
        // SAFETY: see `zero`.
        unsafe { _mm512_mask_blend_pd(_mm512_cmp_pd_mask::<_CMP_EQ_OQ>(x, _mm512_setzero_pd()), b, a) }
    }

    #[inline(always)]
    unsafe fn zeros(x: Self::V) -> u8 {
        // SAFETY: see `zero`.
        unsafe { _mm512_cmp_pd_mask::<_CMP_EQ_OQ>(x, _mm512_setzero_pd()) }
    }

    #[inline(always)]
    unsafe fn decode(codes: *const u32) -> (Self::V, Self::V) {
        // SAFETY: eight elements are readable.
        unsafe {
            let codes = _mm512_cvtepu32_epi64(_mm256_loadu_si256(codes.cast()));
            let first = _mm512_and_si512(_mm512_slli_epi64::<32>(codes), _mm512_set1_epi64(0xffff << 48));
            (_mm512_castsi512_pd(first), _mm512_castsi512_pd(_mm512_slli_epi64::<48>(codes)))
        }
    }

    #[inline(always)]
    unsafe fn abs(a: Self::V) -> Self::V {
        // SAFETY: see `zero`.
        unsafe { _mm512_abs_pd(a) }
    }

    #[inline(always)]
    unsafe fn above(a: Self::V, b: Self::V) -> u8 {
        // SAFETY: see `zero`.
        unsafe { _mm512_cmp_pd_mask::<_CMP_GT_OQ>(a, b) }
    }

    #[inline(always)]
    fn prefetch<T>(at: *const T) {
        // SAFETY: a hint: it never faults.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(at.cast()) }
    }

    /// Loads eight rows and transposes them: with four gather instructions instead, a whole pass takes twice as long
    /// (DESIGN.md).
    #[inline(always)]
    unsafe fn gather(table: *const ClassRow, class: *const u16) -> Gathered<Self::V> {
        // SAFETY: the trait's contract; rows are 32 bytes, aligned to 32.
        unsafe {
            let row = |lane: usize| _mm256_load_pd(table.add(usize::from(*class.add(lane))).cast());
            // Lanes 0 and 2, 1 and 3, ... share a register, so that the last shuffles leave lanes in order.
            let pair = |a: usize, b: usize| _mm512_insertf64x4::<1>(_mm512_castpd256_pd512(row(a)), row(b));
            let (a, b, c, d) = (pair(0, 2), pair(1, 3), pair(4, 6), pair(5, 7));
            let (low_ab, low_cd) = (_mm512_unpacklo_pd(a, b), _mm512_unpacklo_pd(c, d));
            let (high_ab, high_cd) = (_mm512_unpackhi_pd(a, b), _mm512_unpackhi_pd(c, d));
            Gathered {
                x: _mm512_shuffle_f64x2::<0b10_00_10_00>(low_ab, low_cd),
                floor: _mm512_shuffle_f64x2::<0b10_00_10_00>(high_ab, high_cd),
                rate: _mm512_shuffle_f64x2::<0b11_01_11_01>(low_ab, low_cd),
                slope: _mm512_shuffle_f64x2::<0b11_01_11_01>(high_ab, high_cd),
            }
        }
    }
}
