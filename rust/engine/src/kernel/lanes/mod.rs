//! Eight doubles at once: the operations, and a file for each instruction set.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod plain;

#[cfg(target_arch = "x86_64")]
pub(crate) use avx2::Avx2;
#[cfg(target_arch = "x86_64")]
pub(crate) use avx512::Avx512;
pub(crate) use plain::Plain;

use crate::pool::ClassRow;

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
    /// The magnitudes whose upper 16 bits eight codes are.
    unsafe fn magnitudes(codes: *const u16) -> Self::V;
    /// `a - b` where `a > b`, else 0.
    unsafe fn over(a: Self::V, b: Self::V) -> Self::V;
    /// A bit for each lane in which `a > b`.
    unsafe fn above(a: Self::V, b: Self::V) -> u8;
    unsafe fn gather(table: *const ClassRow, class: *const u16) -> Gathered<Self::V>;
    /// `a - base` where `a >= floor`, else 0.
    unsafe fn past(a: Self::V, floor: Self::V, base: Self::V) -> Self::V;
    /// The places, see [`crate::pool::Lookup`], of the rows that codes (as bits) find for amounts.
    unsafe fn find(codes: Self::V, amounts: Self::V) -> [u32; 8];
    /// Eight rows of four numbers, column by column. Rows are aligned to 32 bytes.
    unsafe fn rows<I: RowIndex>(table: *const [f64; 4], at: *const I) -> [Self::V; 4];
    /// `a * b` as its rounding and what that lost.
    unsafe fn product(a: Self::V, b: Self::V) -> (Self::V, Self::V);
    /// `a` in the lanes of a mask, else `b`.
    unsafe fn select(mask: u8, a: Self::V, b: Self::V) -> Self::V;
    /// Asks for the cache line at an address, which need not be readable.
    fn prefetch<T>(at: *const T);
}

/// The number of a row, narrow or wide.
pub(crate) trait RowIndex: Copy {
    fn place(self) -> usize;
}

impl RowIndex for u16 {
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "part of the innermost loops")]
    fn place(self) -> usize {
        usize::from(self)
    }
}

impl RowIndex for u32 {
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "part of the innermost loops")]
    fn place(self) -> usize {
        self as usize
    }
}
