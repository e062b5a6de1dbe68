//! The baseline.
#![expect(clippy::inline_always, reason = "compiled anew inside a function of each instruction set")]

use crate::exact::{Twofold, product_of};
use crate::pool::{ClassRow, Lookup, decode};

use super::{Gathered, Lanes, RowIndex};

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
    unsafe fn magnitudes(codes: *const u16) -> [f64; 8] {
        // SAFETY: the trait's contract: eight elements are readable.
        let codes = unsafe { codes.cast::<[u16; 8]>().read_unaligned() };
        each!(|i: usize| f64::from_bits(u64::from(codes[i]) << 48))
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

    #[inline(always)]
    unsafe fn past(a: [f64; 8], floor: [f64; 8], base: [f64; 8]) -> [f64; 8] {
        each!(|i: usize| if a[i] >= floor[i] { a[i] - base[i] } else { 0.0 })
    }

    #[inline(always)]
    unsafe fn product(a: [f64; 8], b: [f64; 8]) -> ([f64; 8], [f64; 8]) {
        let products: [Twofold; 8] = std::array::from_fn(|i| product_of(a[i], b[i]));
        (each!(|i: usize| products[i].hi), each!(|i: usize| products[i].lo))
    }

    #[inline(always)]
    unsafe fn select(mask: u8, a: [f64; 8], b: [f64; 8]) -> [f64; 8] {
        each!(|i: usize| if mask >> i & 1 == 1 { a[i] } else { b[i] })
    }

    #[inline(always)]
    unsafe fn find(codes: [f64; 8], amounts: [f64; 8]) -> [u32; 8] {
        std::array::from_fn(|i| Lookup::row(codes[i].to_bits(), amounts[i]))
    }

    #[inline(always)]
    unsafe fn rows<I: RowIndex>(table: *const [f64; 4], at: *const I) -> [[f64; 8]; 4] {
        let mut out = [[0.0; 8]; 4];
        for lane in 0..8 {
            // SAFETY: the trait's contract: each place is that of a row of the table.
            let row = unsafe { *table.add((*at.add(lane)).place()) };
            for (column, number) in out.iter_mut().zip(row) {
                column[lane] = number;
            }
        }
        out
    }
}
