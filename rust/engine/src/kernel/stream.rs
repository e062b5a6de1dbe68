//! Results put from the order of places into that of pools.
//!
//! A result column that is larger than the caches is not read again soon; ordinary stores would first read every line
//! of it from memory. Such columns are written past the caches.

/// Writes `values[place[i]]` to `out[i]`.
///
/// With `past_caches`, whole aligned pairs are written with stores that bypass the caches; [`finish`] must follow before
/// another thread reads them. `place` is that of a window's pools in a fold whose places all lie in `values`.
pub(crate) fn by_pool(values: &[f64], place: &[u16], out: &mut [f64], past_caches: bool) {
    // The places of a window's pools are a permutation of its first places, by construction of the fold.
    assert!(place.len() <= values.len() && out.len() == place.len());
    debug_assert!(place.iter().all(|&place| usize::from(place) < values.len()));
    #[cfg(target_arch = "x86_64")]
    if past_caches {
        past_caches_by_pool(values, place, out);
        return;
    }
    let _ = past_caches;
    for (out, &place) in out.iter_mut().zip(place) {
        // SAFETY: places lie in `values`, see above.
        *out = unsafe { *values.get_unchecked(usize::from(place)) };
    }
}

/// Writes whether the flag at `place[i]` is set to `out[i]`.
pub(crate) fn flags_by_pool(flags: &[u8], place: &[u16], out: &mut [bool]) {
    assert!(place.len() <= flags.len() && out.len() == place.len());
    debug_assert!(place.iter().all(|&place| usize::from(place) < flags.len()));
    // SAFETY: the same bytes; only 0 and 1, which are truth values, are written.
    let out = unsafe { std::slice::from_raw_parts_mut(out.as_mut_ptr().cast::<u8>(), out.len()) };
    for (out, &place) in out.iter_mut().zip(place) {
        // SAFETY: places lie in `flags`, as in `by_pool`.
        *out = unsafe { *flags.get_unchecked(usize::from(place)) } & 1;
    }
}

/// Makes all stores of this thread visible.
pub(crate) fn finish(past_caches: bool) {
    #[cfg(target_arch = "x86_64")]
    if past_caches {
        // SAFETY: a fence; SSE is part of the target.
        unsafe { std::arch::x86_64::_mm_sfence() }
    }
    let _ = past_caches;
}

#[cfg(target_arch = "x86_64")]
fn past_caches_by_pool(values: &[f64], place: &[u16], out: &mut [f64]) {
    use std::arch::x86_64::{_mm_set_pd, _mm_stream_pd};
    let n = out.len();
    // SAFETY: places lie in `values`, as in `by_pool`; `i < n` below.
    let value = |i: usize| unsafe { *values.get_unchecked(usize::from(*place.get_unchecked(i))) };
    let head = out.as_ptr().align_offset(16).min(n);
    let tail = head + (n - head) / 2 * 2;
    for i in (0..head).chain(tail..n) {
        out[i] = value(i);
    }
    for i in (head..tail).step_by(2) {
        // SAFETY: `i + 1 < tail <= n`, and `out[i]` is aligned to 16 bytes from `head` on.
        unsafe { _mm_stream_pd(out.as_mut_ptr().add(i), _mm_set_pd(value(i + 1), value(i))) }
    }
}

/// Copies `from` to `to`, of equal lengths, in the way of [`by_pool`].
pub(crate) fn copy(from: &[f64], to: &mut [f64], past_caches: bool) {
    #[cfg(target_arch = "x86_64")]
    if past_caches {
        use std::arch::x86_64::{_mm_loadu_pd, _mm_stream_pd};
        let n = to.len();
        assert_eq!(from.len(), n);
        let head = to.as_ptr().align_offset(16).min(n);
        let tail = head + (n - head) / 2 * 2;
        to[..head].copy_from_slice(&from[..head]);
        to[tail..].copy_from_slice(&from[tail..]);
        for i in (head..tail).step_by(2) {
            // SAFETY: `i + 1 < tail <= n`, both have `n` elements, and `to[i]` is aligned to 16 bytes from `head` on.
            unsafe { _mm_stream_pd(to.as_mut_ptr().add(i), _mm_loadu_pd(from.as_ptr().add(i))) }
        }
        return;
    }
    let _ = past_caches;
    to.copy_from_slice(from);
}
