//! AVX-512.
#![expect(clippy::inline_always, reason = "compiled anew inside a function of each instruction set")]

use std::arch::x86_64::{
    __m256d, __m512d, _CMP_EQ_OQ, _CMP_GE_OQ, _CMP_GT_OQ, _MM_HINT_T0, _mm_loadu_si128, _mm_prefetch, _mm256_load_pd,
    _mm256_loadu_si256, _mm256_storeu_si256, _mm512_abs_pd, _mm512_add_epi64, _mm512_add_pd, _mm512_and_si512,
    _mm512_castpd_si512, _mm512_castpd256_pd512, _mm512_castsi512_pd, _mm512_cmp_pd_mask, _mm512_cvtepi64_epi32,
    _mm512_cvtepu16_epi64, _mm512_cvtepu32_epi64, _mm512_div_pd, _mm512_fmsub_pd, _mm512_insertf64x4, _mm512_loadu_pd,
    _mm512_mask_blend_pd, _mm512_maskz_sub_pd, _mm512_max_epi64, _mm512_max_pd, _mm512_min_epi64, _mm512_mul_pd,
    _mm512_set1_epi64, _mm512_set1_pd, _mm512_setzero_pd, _mm512_setzero_si512, _mm512_shuffle_f64x2,
    _mm512_slli_epi64, _mm512_srli_epi64, _mm512_srlv_epi64, _mm512_storeu_pd, _mm512_sub_epi64, _mm512_sub_pd,
    _mm512_unpackhi_pd, _mm512_unpacklo_pd,
};

use crate::pool::ClassRow;

use super::{Gathered, Lanes, RowIndex};

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
        unsafe { _mm512_max_pd(_mm512_sub_pd(a, b), _mm512_setzero_pd()) }
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
    unsafe fn magnitudes(codes: *const u16) -> Self::V {
        // SAFETY: eight elements are readable.
        unsafe {
            let codes = _mm512_cvtepu16_epi64(_mm_loadu_si128(codes.cast()));
            _mm512_castsi512_pd(_mm512_slli_epi64::<48>(codes))
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
        let [x, floor, rate, slope] =
            unsafe { transposed(|lane| _mm256_load_pd(table.add(usize::from(*class.add(lane))).cast())) };
        Gathered { x, floor, rate, slope }
    }

    #[inline(always)]
    unsafe fn product(a: Self::V, b: Self::V) -> (Self::V, Self::V) {
        // SAFETY: see `zero`. What the rounding of a product loses is a double, so that this is exact as splitting is.
        unsafe {
            let product = _mm512_mul_pd(a, b);
            (product, _mm512_fmsub_pd(a, b, product))
        }
    }

    #[inline(always)]
    unsafe fn select(mask: u8, a: Self::V, b: Self::V) -> Self::V {
        // SAFETY: see `zero`.
        unsafe { _mm512_mask_blend_pd(mask, b, a) }
    }

    #[inline(always)]
    unsafe fn past(a: Self::V, floor: Self::V, base: Self::V) -> Self::V {
        // SAFETY: see `zero`.
        unsafe { _mm512_maskz_sub_pd(_mm512_cmp_pd_mask::<_CMP_GE_OQ>(a, floor), a, base) }
    }

    #[inline(always)]
    unsafe fn find(codes: Self::V, amounts: Self::V) -> [u32; 8] {
        let mut at = [0_u32; 8];
        // SAFETY: see `zero`; eight elements are written to eight.
        unsafe {
            let (code, bits) = (_mm512_castpd_si512(codes), _mm512_castpd_si512(amounts));
            let masked = |x, mask: i64| _mm512_and_si512(x, _mm512_set1_epi64(mask));
            let key = _mm512_srlv_epi64(bits, masked(code, 0xff));
            let place = _mm512_sub_epi64(key, masked(_mm512_srli_epi64::<8>(code), 0x3_ffff));
            let last = masked(_mm512_srli_epi64::<26>(code), 0x3fff);
            let place = _mm512_min_epi64(_mm512_max_epi64(place, _mm512_setzero_si512()), last);
            let row = _mm512_add_epi64(place, _mm512_srli_epi64::<40>(code));
            _mm256_storeu_si256(at.as_mut_ptr().cast(), _mm512_cvtepi64_epi32(row));
        }
        at
    }

    #[inline(always)]
    unsafe fn rows<I: RowIndex>(table: *const [f64; 4], at: *const I) -> [Self::V; 4] {
        // SAFETY: the trait's contract; rows are 32 bytes, aligned to 32.
        unsafe { transposed(|lane| _mm256_load_pd(table.add((*at.add(lane)).place()).cast())) }
    }
}

/// The columns of eight rows.
#[inline(always)]
unsafe fn transposed(row: impl Fn(usize) -> __m256d) -> [__m512d; 4] {
    // SAFETY: the callers run on a processor that has AVX-512 F.
    unsafe {
        // Lanes 0 and 2, 1 and 3, ... share a register, so that the last shuffles leave lanes in order.
        let pair = |a: usize, b: usize| _mm512_insertf64x4::<1>(_mm512_castpd256_pd512(row(a)), row(b));
        let (a, b, c, d) = (pair(0, 2), pair(1, 3), pair(4, 6), pair(5, 7));
        let (low_ab, low_cd) = (_mm512_unpacklo_pd(a, b), _mm512_unpacklo_pd(c, d));
        let (high_ab, high_cd) = (_mm512_unpackhi_pd(a, b), _mm512_unpackhi_pd(c, d));
        [
            _mm512_shuffle_f64x2::<0b10_00_10_00>(low_ab, low_cd),
            _mm512_shuffle_f64x2::<0b10_00_10_00>(high_ab, high_cd),
            _mm512_shuffle_f64x2::<0b11_01_11_01>(low_ab, low_cd),
            _mm512_shuffle_f64x2::<0b11_01_11_01>(high_ab, high_cd),
        ]
    }
}
