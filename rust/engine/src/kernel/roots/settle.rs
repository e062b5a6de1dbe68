//! From roots to the doubles that are reported.
//!
//! A root `r` is known as `hi + lo`, `hi` the double nearest to it, within an error. With `d` what is to be added to `hi` for
//! the decimal that it denotes, the decimal lies above the root where `d > lo`, and those of its neighbours lie on their
//! own sides of it: a decimal is within half a unit of its double, as `r` is of `hi`. So where pools are safe above the root, the
//! last safe double is `hi` if `d > lo`, else the next above; where they are safe below it, `hi` if `d < lo`, else the next
//! below. The binary middle between the two doubles around the root lies on the far side of it from `hi`, so that the double
//! nearest to the change is `hi`.
//!
//! `d` is found as in [`crate::exact`]'s grid, by the same operations; what is open there, or within the error of the root of
//! changing an answer, is left to exact arithmetic.
#![expect(clippy::inline_always, reason = "compiled anew inside a function of each instruction set")]

use crate::exact::{DOUBT, FIRST, GRID, N_BINADES, Quad};
use crate::kernel::Lanes;
use crate::pool::LANES;

use super::twin::Twin;

/// Roots of eight positions.
pub(super) struct Roots<L: Lanes> {
    pub(super) root: Twin<L>,
    /// A bound of their errors.
    pub(super) error: L::V,
    /// Lanes in which the pool is safe above the root.
    pub(super) rising: u8,
}

/// The doubles at the roots.
pub(super) struct Settled<L: Lanes> {
    pub(super) safe: L::V,
    pub(super) nearest: L::V,
    /// Lanes in which both are certain, and those in which the nearest is.
    pub(super) certain: u8,
    pub(super) near: u8,
}

/// The nearest integers of numbers below `2^51`.
#[inline(always)]
unsafe fn rounded<L: Lanes>(x: L::V) -> L::V {
    // SAFETY: the caller's word.
    unsafe {
        let magic = L::splat(6_755_399_441_055_744.0);
        L::sub(L::add(x, magic), magic)
    }
}

/// Lanes in which two numbers differ by more than a bound.
#[inline(always)]
unsafe fn apart<L: Lanes>(a: L::V, b: L::V, bound: L::V) -> u8 {
    // SAFETY: the caller's word.
    unsafe { L::above(L::abs(L::sub(a, b)), bound) }
}

/// Prices beyond these are left to exact arithmetic: they are near the ends of what a price may be.
const LEAST: f64 = f64::from_bits((1023 - 250) << 52);
const MOST: f64 = f64::from_bits((1023 + 250) << 52);

/// The biased exponent of a double.
#[inline(always)]
fn exponent(x: f64) -> u32 {
    (x.to_bits() >> 52 & 0x7ff) as u32
}

/// The places of the rows of the grid.
#[inline(always)]
unsafe fn binades<L: Lanes>(x: L::V) -> [u32; LANES] {
    let mut doubles = [0.0; LANES];
    // SAFETY: the caller's word; eight elements are writable.
    unsafe { L::store(doubles.as_mut_ptr(), x) };
    let mut at = [0; LANES];
    for (at, x) in at.iter_mut().zip(doubles) {
        let place = exponent(x).wrapping_sub(FIRST);
        *at = if place < N_BINADES { place } else { 0 };
    }
    at
}

/// # Safety
/// As [`Lanes`].
#[inline(always)]
pub(super) unsafe fn settle<L: Lanes>(of: &Roots<L>) -> Settled<L> {
    let Roots { root: Twin { hi, lo }, error, rising } = *of;
    // SAFETY: the caller's word; places lie in the grid, whose rows are aligned.
    unsafe {
        let at = binades::<L>(hi);
        let [scale, rest, half, begins] = L::rows(GRID.as_ptr().cast::<[f64; 4]>(), at.as_ptr());
        let (places, lost) = L::product(hi, scale);
        let beyond = L::add(lost, L::mul(hi, rest));
        let large = L::splat(4_503_599_627_370_496.0);
        let tens = L::sub(L::add(L::mul(places, L::splat(0.1)), large), large);
        let left = L::sub(L::sub(places, L::mul(L::splat(8.0), tens)), L::mul(L::splat(2.0), tens));
        let left = L::add(left, beyond);
        let left = L::sub(left, L::mul(L::splat(10.0), rounded::<L>(L::mul(L::splat(0.1), left))));
        let to_fine = L::sub(rounded::<L>(left), left);
        let size = L::abs(left);
        let coarse = L::above(half, size);
        let to_decimal = L::select(coarse, L::sub(L::zero(), left), to_fine);
        // All in units of the grid from here on.
        let to_root = L::mul(lo, scale);
        let doubt = L::splat(DOUBT);
        let error = L::add(doubt, L::mul(error, scale));
        let gap = L::sub(to_decimal, to_root);
        let off = L::abs(to_root);
        let is_inside = L::above(hi, begins);
        // Below a power of two units are half as long.
        let near = (is_inside | L::above(L::sub(L::mul(half, L::splat(0.5)), error), off))
            & L::above(L::sub(half, error), off)
            & L::above(hi, L::splat(LEAST))
            & L::above(L::splat(MOST), hi);
        let certain = near
            & is_inside
            & L::above(L::abs(gap), error)
            & apart::<L>(size, half, doubt)
            & (coarse | apart::<L>(L::abs(to_fine), L::splat(0.5), doubt));
        let decimal_above = L::above(gap, L::zero());
        // More than half a unit in the last place, and less than one and a half.
        let step = L::mul(hi, L::splat(f64::EPSILON * 0.5 * (1.0 + f64::EPSILON)));
        let up = L::select(decimal_above, hi, L::add(hi, step));
        let down = L::select(decimal_above, L::sub(hi, step), hi);
        Settled { safe: L::select(rising, up, down), nearest: hi, certain, near }
    }
}

/// The rows of a table as lanes read them.
#[inline(always)]
pub(super) const fn numbers(rows: &[Quad]) -> *const [f64; 4] {
    rows.as_ptr().cast()
}
