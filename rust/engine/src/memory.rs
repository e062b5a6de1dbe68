//! Room for columns that are larger than the caches.
#![expect(
    unsafe_code,
    reason = "hints to the operating system and the processor; nothing is read or written through them"
)]

/// Columns from this size on are worth large pages.
#[cfg(target_os = "linux")]
const LARGE: usize = 2 << 20;

/// An empty vector with room for `n` elements, on large pages where the system has them.
///
/// Streams over millions of accounts otherwise wait for address translation, and a build for the clearing of small
/// pages: DESIGN.md has what it was worth.
pub(crate) fn with_room<T>(n: usize) -> Vec<T> {
    let column: Vec<T> = Vec::with_capacity(n);
    #[cfg(target_os = "linux")]
    if n.saturating_mul(size_of::<T>()) >= LARGE {
        advise(column.as_ptr().cast::<u8>().addr(), n * size_of::<T>());
    }
    column
}

/// As [`with_room`], filled with `value`.
pub(crate) fn filled<T: Clone>(n: usize, value: T) -> Vec<T> {
    let mut column = with_room(n);
    column.resize(n, value);
    column
}

/// Says that an element will soon be read.
#[inline]
pub(crate) fn will_read<T>(column: &[T], at: usize) {
    #[cfg(target_arch = "x86_64")]
    if let Some(element) = column.get(at) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a hint; it reads nothing that a program could see, and the element is there.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(element).cast()) }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (column, at);
}

/// Asks for large pages in the whole pages of a range. A system that has none says no, which changes nothing.
#[cfg(target_os = "linux")]
fn advise(start: usize, len: usize) {
    const PAGE: usize = 4096;
    let first = start.next_multiple_of(PAGE);
    let end = (start + len) / PAGE * PAGE;
    if end > first {
        // SAFETY: the range lies within one allocation of this process; the advice changes no contents.
        unsafe {
            libc::madvise(std::ptr::with_exposed_provenance_mut(first), end - first, libc::MADV_HUGEPAGE);
        }
    }
}
