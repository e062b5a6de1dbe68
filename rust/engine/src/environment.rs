//! Whether this thread's floating-point arithmetic is the one that all bounds are proven for.

use std::hint::black_box;

use crate::error::{Error, Result};

/// Refuses arithmetic that flushes small numbers to zero or does not round to nearest.
///
/// Some libraries switch a thread to such modes for speed; results would then differ between threads and machines.
///
/// # Errors
/// [`Error::Argument`] naming the mode.
pub(crate) fn check() -> Result<()> {
    const EXPECTED: &str = "restore the processor's default modes in this thread before calling";
    let half = black_box(f64::MIN_POSITIVE) * 0.5;
    if half == 0.0 || black_box(half) + 0.0 == 0.0 {
        let message = format!("flushed subnormal numbers to zero: {EXPECTED}");
        return Err(Error::argument("floating-point arithmetic", message));
    }
    let (one, little) = (black_box(1.0_f64), black_box(f64::EPSILON / 2.0));
    // A tie goes to the even neighbour on both sides of zero, more than a tie goes on.
    let rounded = [one + little, -(-one - little), one + little * 1.5].map(f64::to_bits);
    if rounded != [one, one, one + f64::EPSILON].map(f64::to_bits) {
        let message = format!("did not round to nearest: {EXPECTED}");
        return Err(Error::argument("floating-point arithmetic", message));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_environment_by_default_is_accepted() {
        assert_eq!(check(), Ok(()));
    }

    #[test]
    #[cfg(target_arch = "x86_64")]
    #[expect(unsafe_code, deprecated, reason = "sets the mode that the check is for, and restores it")]
    fn test_environment_flushing_to_zero_is_refused() {
        use std::arch::x86_64::{_mm_getcsr, _mm_setcsr};
        const FLUSH_TO_ZERO: u32 = 0x8000;
        // SAFETY: the mode of this thread only, restored before anything else is computed.
        let refused = unsafe {
            let before = _mm_getcsr();
            _mm_setcsr(before | FLUSH_TO_ZERO);
            let refused = check();
            _mm_setcsr(before);
            refused
        };
        assert_eq!(
            refused.map_err(|error| error.to_string()),
            Err("floating-point arithmetic flushed subnormal numbers to zero: restore the processor's default modes \
                 in this thread before calling"
                .to_owned())
        );
    }
}
