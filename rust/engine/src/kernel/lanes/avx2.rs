//! AVX2.
#![expect(clippy::inline_always, reason = "compiled anew inside a function of each instruction set")]

use std::arch::x86_64::{
    __m256d, _CMP_EQ_OQ, _CMP_GE_OQ, _CMP_GT_OQ, _MM_HINT_T0, _mm_loadu_si128, _mm_prefetch, _mm_srli_si128,
    _mm256_add_pd, _mm256_and_pd, _mm256_and_si256, _mm256_andnot_pd, _mm256_blendv_pd, _mm256_castsi256_pd,
    _mm256_cmp_pd, _mm256_cmpeq_epi64, _mm256_cvtepu16_epi64, _mm256_cvtepu32_epi64, _mm256_div_pd, _mm256_load_pd,
    _mm256_loadu_pd, _mm256_max_pd, _mm256_movemask_pd, _mm256_mul_pd, _mm256_permute2f128_pd, _mm256_set1_epi64x,
    _mm256_set1_pd, _mm256_setr_epi64x, _mm256_setzero_pd, _mm256_slli_epi64, _mm256_storeu_pd, _mm256_sub_pd,
    _mm256_unpackhi_pd, _mm256_unpacklo_pd,
};

use crate::pool::{ClassRow, Lookup};

use super::{Gathered, Lanes, RowIndex};

/// Two registers of four.
pub(crate) struct Avx2;

impl Avx2 {
    /// Numbers as two of half their digits each.
    #[inline(always)]
    unsafe fn halves(a: [__m256d; 2]) -> ([__m256d; 2], [__m256d; 2]) {
        // SAFETY: the trait's contract.
        unsafe {
            let scaled = Self::mul(Self::splat(134_217_729.0), a);
            let high = Self::sub(scaled, Self::sub(scaled, a));
            (high, Self::sub(a, high))
        }
    }

    /// Rows of four positions, transposed.
    #[inline(always)]
    unsafe fn gather4(table: *const ClassRow, class: *const u16) -> [__m256d; 4] {
        // SAFETY: the trait's contract; rows are 32 bytes, aligned to 32.
        unsafe { Self::transposed(|lane| _mm256_load_pd(table.add(usize::from(*class.add(lane))).cast())) }
    }

    /// The columns of four rows.
    #[inline(always)]
    unsafe fn transposed(row: impl Fn(usize) -> __m256d) -> [__m256d; 4] {
        // SAFETY: the trait's contract.
        unsafe {
            let (a, b, c, d) = (row(0), row(1), row(2), row(3));
            let (low_ab, low_cd) = (_mm256_unpacklo_pd(a, b), _mm256_unpacklo_pd(c, d));
            let (high_ab, high_cd) = (_mm256_unpackhi_pd(a, b), _mm256_unpackhi_pd(c, d));
            [
                _mm256_permute2f128_pd::<0x20>(low_ab, low_cd),
                _mm256_permute2f128_pd::<0x20>(high_ab, high_cd),
                _mm256_permute2f128_pd::<0x31>(low_ab, low_cd),
                _mm256_permute2f128_pd::<0x31>(high_ab, high_cd),
            ]
        }
    }
}

impl Lanes for Avx2 {
    type V = [__m256d; 2];

    #[inline(always)]
    unsafe fn zero() -> Self::V {
        // SAFETY: the trait's contract: the processor has AVX2 (here and in all methods below).
        unsafe { [_mm256_setzero_pd(), _mm256_setzero_pd()] }
    }

    #[inline(always)]
    unsafe fn splat(x: f64) -> Self::V {
        // SAFETY: see `zero`.
        unsafe { [_mm256_set1_pd(x), _mm256_set1_pd(x)] }
    }

    #[inline(always)]
    unsafe fn over(a: Self::V, b: Self::V) -> Self::V {
        // SAFETY: see `zero`.
        unsafe {
            let over = |a, b| _mm256_max_pd(_mm256_sub_pd(a, b), _mm256_setzero_pd());
            [over(a[0], b[0]), over(a[1], b[1])]
        }
    }

    #[inline(always)]
    unsafe fn load(from: *const f64) -> Self::V {
        // SAFETY: eight elements are readable.
        unsafe { [_mm256_loadu_pd(from), _mm256_loadu_pd(from.add(4))] }
    }

    #[inline(always)]
    unsafe fn store(to: *mut f64, v: Self::V) {
        // SAFETY: eight elements are writable.
        unsafe {
            _mm256_storeu_pd(to, v[0]);
            _mm256_storeu_pd(to.add(4), v[1]);
        }
    }

    #[inline(always)]
    unsafe fn add(a: Self::V, b: Self::V) -> Self::V {
        // SAFETY: see `zero`.
        unsafe { [_mm256_add_pd(a[0], b[0]), _mm256_add_pd(a[1], b[1])] }
    }

    #[inline(always)]
    unsafe fn mul(a: Self::V, b: Self::V) -> Self::V {
        // SAFETY: see `zero`.
        unsafe { [_mm256_mul_pd(a[0], b[0]), _mm256_mul_pd(a[1], b[1])] }
    }

    #[inline(always)]
    unsafe fn div(a: Self::V, b: Self::V) -> Self::V {
        // SAFETY: see `zero`.
        unsafe { [_mm256_div_pd(a[0], b[0]), _mm256_div_pd(a[1], b[1])] }
    }

    #[inline(always)]
    unsafe fn sub(a: Self::V, b: Self::V) -> Self::V {
        // SAFETY: see `zero`.
        unsafe { [_mm256_sub_pd(a[0], b[0]), _mm256_sub_pd(a[1], b[1])] }
    }

    #[inline(always)]
    unsafe fn if_zero(x: Self::V, a: Self::V, b: Self::V) -> Self::V {
        // SAFETY: see `zero`.
        unsafe {
            let zero = _mm256_setzero_pd();
            let pick = |x, a, b| _mm256_blendv_pd(b, a, _mm256_cmp_pd::<_CMP_EQ_OQ>(x, zero));
            [pick(x[0], a[0], b[0]), pick(x[1], a[1], b[1])]
        }
    }

    #[inline(always)]
    unsafe fn zeros(x: Self::V) -> u8 {
        // SAFETY: see `zero`.
        let (low, high) = unsafe {
            let zero = _mm256_setzero_pd();
            let zeros = |x| _mm256_movemask_pd(_mm256_cmp_pd::<_CMP_EQ_OQ>(x, zero));
            (zeros(x[0]), zeros(x[1]))
        };
        u8::try_from(low | high << 4).unwrap_or(u8::MAX)
    }

    #[inline(always)]
    unsafe fn magnitudes(codes: *const u16) -> Self::V {
        // SAFETY: eight elements are readable.
        unsafe {
            let codes = _mm_loadu_si128(codes.cast());
            let half = |codes| _mm256_castsi256_pd(_mm256_slli_epi64::<48>(_mm256_cvtepu16_epi64(codes)));
            [half(codes), half(_mm_srli_si128::<8>(codes))]
        }
    }

    #[inline(always)]
    unsafe fn decode(codes: *const u32) -> (Self::V, Self::V) {
        // SAFETY: eight elements are readable.
        unsafe {
            let upper = _mm256_set1_epi64x(0xffff << 48);
            let half = |at: *const u32| {
                let codes = _mm256_cvtepu32_epi64(_mm_loadu_si128(at.cast()));
                let first = _mm256_and_si256(_mm256_slli_epi64::<32>(codes), upper);
                (_mm256_castsi256_pd(first), _mm256_castsi256_pd(_mm256_slli_epi64::<48>(codes)))
            };
            let (low, high) = (half(codes), half(codes.add(4)));
            ([low.0, high.0], [low.1, high.1])
        }
    }

    #[inline(always)]
    unsafe fn abs(a: Self::V) -> Self::V {
        // SAFETY: see `zero`.
        unsafe {
            let sign = _mm256_set1_pd(-0.0);
            [_mm256_andnot_pd(sign, a[0]), _mm256_andnot_pd(sign, a[1])]
        }
    }

    #[inline(always)]
    unsafe fn above(a: Self::V, b: Self::V) -> u8 {
        // SAFETY: see `zero`.
        let (low, high) = unsafe {
            (
                _mm256_movemask_pd(_mm256_cmp_pd::<_CMP_GT_OQ>(a[0], b[0])),
                _mm256_movemask_pd(_mm256_cmp_pd::<_CMP_GT_OQ>(a[1], b[1])),
            )
        };
        u8::try_from(low | high << 4).unwrap_or(u8::MAX)
    }

    #[inline(always)]
    fn prefetch<T>(at: *const T) {
        // SAFETY: a hint: it never faults.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(at.cast()) }
    }

    #[inline(always)]
    unsafe fn gather(table: *const ClassRow, class: *const u16) -> Gathered<Self::V> {
        // SAFETY: the trait's contract, for each half.
        let (low, high) = unsafe { (Self::gather4(table, class), Self::gather4(table, class.add(4))) };
        let both = |k: usize| [low[k], high[k]];
        Gathered { x: both(0), floor: both(1), rate: both(2), slope: both(3) }
    }

    #[inline(always)]
    unsafe fn product(a: Self::V, b: Self::V) -> (Self::V, Self::V) {
        // SAFETY: see `zero`.
        unsafe {
            let product = Self::mul(a, b);
            let ((a_high, a_low), (b_high, b_low)) = (Self::halves(a), Self::halves(b));
            let lost = Self::sub(product, Self::mul(a_high, b_high));
            let lost = Self::sub(Self::sub(lost, Self::mul(a_low, b_high)), Self::mul(a_high, b_low));
            (product, Self::sub(Self::mul(a_low, b_low), lost))
        }
    }

    #[inline(always)]
    unsafe fn select(mask: u8, a: Self::V, b: Self::V) -> Self::V {
        // SAFETY: see `zero`.
        unsafe {
            let wide = _mm256_set1_epi64x(i64::from(mask));
            let chosen = |bits, a, b| {
                let set = _mm256_cmpeq_epi64(_mm256_and_si256(wide, bits), bits);
                _mm256_blendv_pd(b, a, _mm256_castsi256_pd(set))
            };
            let (low, high) = (_mm256_setr_epi64x(1, 2, 4, 8), _mm256_setr_epi64x(16, 32, 64, 128));
            [chosen(low, a[0], b[0]), chosen(high, a[1], b[1])]
        }
    }

    #[inline(always)]
    unsafe fn past(a: Self::V, floor: Self::V, base: Self::V) -> Self::V {
        // SAFETY: see `zero`.
        unsafe {
            let past =
                |i: usize| _mm256_and_pd(_mm256_cmp_pd::<_CMP_GE_OQ>(a[i], floor[i]), _mm256_sub_pd(a[i], base[i]));
            [past(0), past(1)]
        }
    }

    #[inline(always)]
    unsafe fn find(codes: Self::V, amounts: Self::V) -> [u32; 8] {
        let (mut code, mut amount) = ([0.0; 8], [0.0; 8]);
        // SAFETY: both have eight elements.
        unsafe {
            Self::store(code.as_mut_ptr(), codes);
            Self::store(amount.as_mut_ptr(), amounts);
        }
        std::array::from_fn(|i| Lookup::row(code[i].to_bits(), amount[i]))
    }

    #[inline(always)]
    unsafe fn rows<I: RowIndex>(table: *const [f64; 4], at: *const I) -> [Self::V; 4] {
        // SAFETY: the trait's contract, for each half.
        unsafe {
            let low = Self::transposed(|lane| _mm256_load_pd(table.add((*at.add(lane)).place()).cast()));
            let high = Self::transposed(|lane| _mm256_load_pd(table.add((*at.add(lane + 4)).place()).cast()));
            std::array::from_fn(|k| [low[k], high[k]])
        }
    }
}
