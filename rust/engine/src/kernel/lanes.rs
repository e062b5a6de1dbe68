//! Eight doubles at once, on each instruction set.

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{
    __m256d, __m512d, _CMP_EQ_OQ, _CMP_GT_OQ, _MM_HINT_T0, _mm_loadu_si128, _mm_prefetch, _mm256_add_pd, _mm256_and_pd,
    _mm256_and_si256, _mm256_andnot_pd, _mm256_blendv_pd, _mm256_castsi256_pd, _mm256_cmp_pd, _mm256_cvtepu32_epi64,
    _mm256_div_pd, _mm256_load_pd, _mm256_loadu_pd, _mm256_loadu_si256, _mm256_movemask_pd, _mm256_mul_pd,
    _mm256_permute2f128_pd, _mm256_set1_epi64x, _mm256_set1_pd, _mm256_setzero_pd, _mm256_slli_epi64, _mm256_storeu_pd,
    _mm256_sub_pd, _mm256_unpackhi_pd, _mm256_unpacklo_pd, _mm512_abs_pd, _mm512_add_pd, _mm512_and_si512,
    _mm512_castpd256_pd512, _mm512_castsi512_pd, _mm512_cmp_pd_mask, _mm512_cvtepu32_epi64, _mm512_div_pd,
    _mm512_insertf64x4, _mm512_loadu_pd, _mm512_mask_blend_pd, _mm512_maskz_sub_pd, _mm512_mul_pd, _mm512_set1_epi64,
    _mm512_set1_pd, _mm512_setzero_pd, _mm512_shuffle_f64x2, _mm512_slli_epi64, _mm512_storeu_pd, _mm512_sub_pd,
    _mm512_unpackhi_pd, _mm512_unpacklo_pd,
};

use crate::pool::{ClassRow, decode};

/// Eight class rows, column by column.
pub(crate) struct Gathered<V> {
    pub(crate) x: V,
    pub(crate) floor: V,
    pub(crate) rate: V,
    pub(crate) slope: V,
}

/// Eight doubles, and the few operations that kernels are made of.
///
/// # Safety
/// Callers run on a processor that has the instructions, inside a function compiled for them. Pointers are valid for
/// eight elements, and every class index is a row of the table.
pub(crate) trait Lanes {
    type V: Copy;
    unsafe fn zero() -> Self::V;
    unsafe fn splat(x: f64) -> Self::V;
    unsafe fn load(from: *const f64) -> Self::V;
    unsafe fn store(to: *mut f64, v: Self::V);
    unsafe fn add(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn mul(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn div(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn abs(a: Self::V) -> Self::V;
    unsafe fn sub(a: Self::V, b: Self::V) -> Self::V;
    /// `a` in lanes where `x` is zero, else `b`.
    unsafe fn if_zero(x: Self::V, a: Self::V, b: Self::V) -> Self::V;
    /// A bit for each lane in which `x` is zero.
    unsafe fn zeros(x: Self::V) -> u8;
    /// The two magnitudes that each of eight codes holds, see [`crate::pool::decode`].
    unsafe fn decode(codes: *const u32) -> (Self::V, Self::V);
    /// `a - b` where `a > b`, else 0.
    unsafe fn over(a: Self::V, b: Self::V) -> Self::V;
    /// A bit for each lane in which `a > b`.
    unsafe fn above(a: Self::V, b: Self::V) -> u8;
    unsafe fn gather(table: *const ClassRow, class: *const u16) -> Gathered<Self::V>;
    /// Asks for the cache line at an address, which need not be readable.
    fn prefetch<T>(at: *const T);
}

/// Plain loops over eight doubles: whatever the compiler makes of them for the baseline.
pub(crate) struct Plain;

macro_rules! each {
    ($f:expr) => {{
        let mut out = [0.0; 8];
        let mut i = 0;
        while i < 8 {
            out[i] = $f(i);
            i += 1;
        }
        out
    }};
}

impl Lanes for Plain {
    type V = [f64; 8];

    #[inline(always)]
    unsafe fn zero() -> [f64; 8] {
        [0.0; 8]
    }

    #[inline(always)]
    unsafe fn splat(x: f64) -> [f64; 8] {
        [x; 8]
    }

    #[inline(always)]
    unsafe fn over(a: [f64; 8], b: [f64; 8]) -> [f64; 8] {
        each!(|i: usize| if a[i] > b[i] { a[i] - b[i] } else { 0.0 })
    }

    #[inline(always)]
    unsafe fn load(from: *const f64) -> [f64; 8] {
        // SAFETY: the trait's contract: eight elements are readable.
        unsafe { from.cast::<[f64; 8]>().read() }
    }

    #[inline(always)]
    unsafe fn store(to: *mut f64, v: [f64; 8]) {
        // SAFETY: the trait's contract: eight elements are writable.
        unsafe { to.cast::<[f64; 8]>().write(v) }
    }

    #[inline(always)]
    unsafe fn add(a: [f64; 8], b: [f64; 8]) -> [f64; 8] {
        each!(|i: usize| a[i] + b[i])
    }

    #[inline(always)]
    unsafe fn mul(a: [f64; 8], b: [f64; 8]) -> [f64; 8] {
        each!(|i: usize| a[i] * b[i])
    }

    #[inline(always)]
    unsafe fn div(a: [f64; 8], b: [f64; 8]) -> [f64; 8] {
        each!(|i: usize| a[i] / b[i])
    }

    #[inline(always)]
    unsafe fn sub(a: [f64; 8], b: [f64; 8]) -> [f64; 8] {
        each!(|i: usize| a[i] - b[i])
    }

    #[inline(always)]
    unsafe fn if_zero(x: [f64; 8], a: [f64; 8], b: [f64; 8]) -> [f64; 8] {
        each!(|i: usize| if x[i] == 0.0 { a[i] } else { b[i] })
    }

    #[inline(always)]
    unsafe fn zeros(x: [f64; 8]) -> u8 {
        (0..8).fold(0, |mask, i| mask | (u8::from(x[i] == 0.0) << i))
    }

    #[inline(always)]
    unsafe fn decode(codes: *const u32) -> ([f64; 8], [f64; 8]) {
        // SAFETY: the trait's contract: eight elements are readable.
        let codes = unsafe { codes.cast::<[u32; 8]>().read() };
        (each!(|i: usize| decode(codes[i]).0), each!(|i: usize| decode(codes[i]).1))
    }

    #[inline(always)]
    unsafe fn abs(a: [f64; 8]) -> [f64; 8] {
        each!(|i: usize| a[i].abs())
    }

    #[inline(always)]
    unsafe fn above(a: [f64; 8], b: [f64; 8]) -> u8 {
        let mut mask = 0;
        let mut i = 0;
        while i < 8 {
            mask |= u8::from(a[i] > b[i]) << i;
            i += 1;
        }
        mask
    }

    #[inline(always)]
    fn prefetch<T>(_at: *const T) {}

    #[inline(always)]
    unsafe fn gather(table: *const ClassRow, class: *const u16) -> Gathered<[f64; 8]> {
        let zeros = [0.0; 8];
        let mut out = Gathered { x: zeros, floor: zeros, rate: zeros, slope: zeros };
        for lane in 0..8 {
            // SAFETY: the trait's contract: eight indices are readable, each a row of the table.
            let row = unsafe { &*table.add(usize::from(*class.add(lane))) };
            out.x[lane] = row.x;
            out.floor[lane] = row.floor;
            out.rate[lane] = row.rate;
            out.slope[lane] = row.slope;
        }
        out
    }
}

/// Two registers of four.
#[cfg(target_arch = "x86_64")]
pub(crate) struct Avx2;

#[cfg(target_arch = "x86_64")]
impl Avx2 {
    /// Rows of four positions, transposed.
    #[inline(always)]
    unsafe fn gather4(table: *const ClassRow, class: *const u16) -> [__m256d; 4] {
        // SAFETY: the trait's contract; rows are 32 bytes, aligned to 32.
        unsafe {
            let row = |lane: usize| _mm256_load_pd(table.add(usize::from(*class.add(lane))).cast());
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

#[cfg(target_arch = "x86_64")]
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
            let over = |a, b| _mm256_and_pd(_mm256_cmp_pd::<_CMP_GT_OQ>(a, b), _mm256_sub_pd(a, b));
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
}

/// One register of eight.
#[cfg(target_arch = "x86_64")]
pub(crate) struct Avx512;

#[cfg(target_arch = "x86_64")]
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

    /// Loads eight rows and transposes them: several times faster than gather instructions, which take a load and
    /// several operations a lane for each of the three values.
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
