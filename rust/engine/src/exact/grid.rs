//! How far a double is from the shortest decimal that rounds to it, by arithmetic in doubles alone.
//!
//! Within a binade doubles are one unit in the last place `s` apart, so that the decimals that round to one of them lie in an
//! interval of length `s` around it. Let `g` be the largest power of ten below `s`. Of the multiples of `10 g >= s` at
//! most one lies in the interval, and if one does it has fewer digits than any other decimal there, or is that
//! decimal with zeros at its end: it is the one denoted. Otherwise it is the multiple of `g` that is nearest; there is one,
//! since `g < s`. With `P = x / g`, which is between `2^52` and `10 * 2^53`, and `f` what is left of `P` modulo 10, both cases
//! are decided by `f` alone: `-f` is the way to the multiple of `10 g`, and `round(f) - f` that to the multiple of `g`.
//!
//! # What rounding does to it
//!
//! `1 / g` is stored as a twofold number, exact up to `10^22`, else within `2^-98` relatively (four products or a
//! quotient). `P` is its product with `x`, exact but for `2^-98 P < 2^-41` and the rounding of what lies beyond the last place
//! of a double, which is at most 16 and so costs less than `2^-48`. Everything that follows is exact for the part that is an
//! integer, and rounds numbers below 32: `f` is off by less than `2^-40`. Comparisons within [`DOUBT`] of a tie are
//! left open, and so are powers of two, whose interval is shorter below, unless `f` is small in it.

use std::num::FpCategory;

use super::{Exact, Quad, Twofold};

/// How near, in units of the grid, a tie may be for a comparison to be open: four times what `f` is off by.
pub(crate) const DOUBT: f64 = f64::from_bits((1023 - 38) << 52);

/// The biased exponent of the first binade.
pub(crate) const FIRST: u32 = 1023 - 256;
pub(crate) const N_BINADES: u32 = 513;

/// By binade, from `2^-256` to `2^256`: `1 / g` as two doubles, half of `s / g`, and the power of two that the binade begins
/// with.
pub(crate) static GRID: [Quad; N_BINADES as usize] = grid();

/// Powers of ten from `10^0` on.
const POWERS: [Twofold; 94] = powers();
const EXACT: usize = 22;

const fn powers() -> [Twofold; 94] {
    let mut all = [Twofold::ONE; 94];
    let mut at = 1;
    while at < all.len() {
        all[at] = if at <= EXACT { Twofold::of(all[at - 1].hi * 10.0) } else { all[at - EXACT].times(all[EXACT]) };
        at += 1;
    }
    all
}

/// `10^at`.
const fn power(at: i32) -> Twofold {
    let size = POWERS[at.unsigned_abs() as usize];
    if at < 0 { Twofold::ONE.over(size) } else { size }
}

#[expect(clippy::large_stack_arrays, reason = "evaluated by the compiler")]
const fn grid() -> [Quad; N_BINADES as usize] {
    let mut rows = [Quad([0.0; 4]); N_BINADES as usize];
    // The unit of the first binade is 2^-308, the largest power of ten below it 10^-93.
    let mut fine = 93;
    let mut at = 0;
    while at < rows.len() {
        let begins = f64::from_bits((FIRST as u64 + at as u64) << 52);
        let unit = begins * f64::EPSILON;
        while power(1 - fine).hi < unit {
            fine -= 1;
        }
        let scale = power(fine);
        rows[at] = Quad([scale.hi, scale.lo, 0.5 * unit * scale.hi, begins]);
        at += 1;
    }
    rows
}

/// The nearest integer of a number below `2^51`, of two the even one.
fn rounded(x: f64) -> f64 {
    const MAGIC: f64 = 6_755_399_441_055_744.0;
    (x + MAGIC) - MAGIC
}

/// What is to be added to a double for the decimal that it denotes; `None` where doubles leave that open.
fn quick_residual(x: f64) -> Option<f64> {
    let binade = u32::try_from(x.to_bits() >> 52 & 0x7ff).unwrap_or_default().checked_sub(FIRST)?;
    let Quad([scale, rest, half, begins]) = *GRID.get(binade as usize)?;
    let size = x.abs();
    let places = super::twofold::product_of(size, scale);
    let beyond = places.lo + size * rest;
    let tens = (places.hi * 0.1 + 4_503_599_627_370_496.0) - 4_503_599_627_370_496.0;
    let left = ((places.hi - 8.0 * tens) - 2.0 * tens) + beyond;
    let left = left - 10.0 * rounded(0.1 * left);
    let to_fine = rounded(left) - left;
    let coarse = left.abs() < half;
    let near = |a: f64, b: f64| (a - b).abs() <= DOUBT;
    let open = near(left.abs(), half)
        || (!coarse && near(to_fine.abs(), 0.5))
        || (size <= begins && left.abs() >= 0.5 * half - DOUBT);
    let units = if coarse { -left } else { to_fine };
    let residual = units / scale;
    (!open).then_some(if x < 0.0 { -residual } else { residual })
}

/// What is to be added to a double for the decimal that it denotes, within `2^-92` of the double relatively.
pub(crate) fn residual(x: f64) -> f64 {
    quick_residual(x).unwrap_or_else(|| match x.classify() {
        FpCategory::Zero => 0.0,
        FpCategory::Nan | FpCategory::Infinite => f64::NAN,
        _ => (Exact::from_f64(x) - binary(x)).to_f64(),
    })
}

/// A double as the binary number that it is.
pub(crate) fn binary(x: f64) -> Exact {
    let biased = i32::try_from(x.to_bits() >> 52 & 0x7ff).unwrap_or_default();
    let mantissa = x.to_bits() & ((1 << 52) - 1) | u64::from(biased > 0) << 52;
    let size = Exact::from_binary(mantissa.into(), biased.max(1) - 1075);
    if x < 0.0 { -size } else { size }
}

impl Twofold {
    /// The decimal that a double denotes, within `2^-92` relatively.
    pub(crate) fn decimal(x: f64) -> Self {
        Self { hi: x, lo: residual(x) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The distance computed from the decimal, not rounded.
    fn exact_residual(x: f64) -> Exact {
        Exact::from_f64(x) - binary(x)
    }

    fn check(x: f64) -> bool {
        let quick = quick_residual(x);
        let got = binary(quick.unwrap_or_else(|| residual(x)));
        let off = (got - exact_residual(x)).abs();
        let allowed = binary(x.abs()) * Exact::from_binary(1.into(), -92);
        assert!(off <= allowed, "{x:e}: {:e}, not {:e}", residual(x), exact_residual(x).to_f64());
        quick.is_some()
    }

    #[test]
    fn prop_residual_is_that_of_the_shortest_decimal() {
        let mut state = 11_u64;
        let mut next = move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            state ^ state >> 31
        };
        let mut quick = 0;
        for _ in 0..20_000 {
            let (bits, shape) = (next(), next());
            let exponent = 1023 - 256 + shape % 512;
            // All digits, few binary digits, few decimal digits.
            let full = f64::from_bits(exponent << 52 | bits & ((1 << 52) - 1));
            let short = f64::from_bits(exponent << 52 | bits >> 40 << 40 & ((1 << 52) - 1));
            let digits = 10_u64.pow(u32::try_from(shape >> 20 & 15).unwrap() + 1);
            let decimal: f64 = format!("{}e{}", bits % digits, (shape >> 40) % 120).parse().unwrap();
            let decimal = decimal * 1e-60;
            for x in [full, -full, short, decimal, 0.01 * f64::from(u32::try_from(bits % 1_000_000).unwrap())] {
                quick += usize::from(x == 0.0 || check(x));
            }
        }
        assert!(quick > 99_000, "{quick}");
    }

    #[test]
    fn test_residual_at_ends_of_binades_and_ties() {
        for exponent in 1023 - 256_u64..1023 + 256 {
            for mantissa in [0, 1, 2, 3, (1 << 52) - 1, (1 << 52) - 2] {
                let x = f64::from_bits(exponent << 52 | mantissa);
                check(x);
            }
        }
        for x in [1_449_954_332_091_834.0 + 0.25, 2e14 + 0.125, 4_503_599_627_370_495.5, 0.1, 1.0, 1e22, 0.3] {
            check(x);
        }
        assert_eq!(residual(0.0).to_bits(), 0);
    }
}
