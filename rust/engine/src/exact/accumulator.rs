//! A sum of doubles that does not depend on the order of its terms.

use num_bigint::{BigInt, Sign};

use super::Exact;

/// Places of 32 bits from `2^-1088` up to beyond `2^1024`, with room for carries.
const LIMBS: usize = 68;
/// The weight of limb 0 is `2^LOWEST`.
const LOWEST: i32 = -1088;
/// Each addition moves a limb by less than `2^32`; after this many the carries are propagated.
const ADDS_BEFORE_CARRY: u32 = 1 << 30;

/// An exact sum of doubles: the same bits for any order, grouping or partition of the terms.
///
/// Totals over accounts go through it, so that 1, 2 or 16 partitions of a book give the same total.
///
/// # Examples
/// ```
/// use crossmargin::exact::Accumulator;
/// let mut sum = Accumulator::new();
/// for x in [1e100, 1.0, -1e100] {
///     sum.add(x);
/// }
/// assert_eq!(sum.total(), 1.0);
/// ```
#[derive(Debug, Clone)]
pub struct Accumulator {
    limbs: [i64; LIMBS],
    adds: u32,
    /// Sum of the terms that are not finite; zero while all are.
    not_finite: f64,
}

impl Default for Accumulator {
    fn default() -> Self {
        Self::new()
    }
}

impl Accumulator {
    /// An empty sum.
    #[must_use]
    pub const fn new() -> Self {
        Self { limbs: [0; LIMBS], adds: 0, not_finite: 0.0 }
    }

    /// Adds one term. Infinities and NaN follow the rules of addition.
    pub fn add(&mut self, x: f64) {
        if !x.is_finite() {
            self.not_finite += x;
            return;
        }
        let bits = x.to_bits();
        let biased = (bits >> 52) & 0x7ff;
        let fraction = bits & ((1 << 52) - 1);
        // A subnormal has no hidden bit and the place of the lowest normal.
        let (mantissa, place) = if biased == 0 { (fraction, 1) } else { (fraction | 1 << 52, biased) };
        let offset = place + u64::from((LOWEST + 1075).unsigned_abs());
        let limb = usize::try_from(offset / 32).unwrap_or(0);
        let wide = u128::from(mantissa) << (offset % 32);
        for (k, limb) in self.limbs.iter_mut().skip(limb).take(3).enumerate() {
            let part = i64::from(u32::try_from((wide >> (32 * k)) & 0xffff_ffff).unwrap_or(u32::MAX));
            *limb += if x < 0.0 { -part } else { part };
        }
        self.adds += 1;
        if self.adds == ADDS_BEFORE_CARRY {
            self.carry();
        }
    }

    /// Adds another sum.
    pub fn merge(&mut self, other: &Self) {
        self.carry();
        let mut other = other.clone();
        other.carry();
        for (a, b) in self.limbs.iter_mut().zip(other.limbs) {
            *a += b;
        }
        self.adds = 2;
        self.not_finite += other.not_finite;
    }

    /// Moves what exceeds 32 bits of a limb into the next.
    fn carry(&mut self) {
        let mut carry = 0_i64;
        let last = LIMBS - 1;
        for limb in &mut self.limbs[..last] {
            let value = *limb + carry;
            carry = value >> 32;
            *limb = value - (carry << 32);
        }
        self.limbs[last] += carry;
        self.adds = 1;
    }

    /// The sum, rounded once to the nearest double.
    #[must_use]
    pub fn total(&self) -> f64 {
        if self.not_finite != 0.0 {
            return self.not_finite;
        }
        let mut sum = BigInt::new(Sign::NoSign, Vec::new());
        for &limb in self.limbs.iter().rev() {
            sum = (sum << 32_u8) + limb;
        }
        Exact::from_binary(sum, LOWEST).to_f64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(terms: &[f64]) -> f64 {
        let mut sum = Accumulator::new();
        for &x in terms {
            sum.add(x);
        }
        sum.total()
    }

    #[test]
    fn test_accumulator_cancellation_is_exact() {
        assert_eq!(sum(&[1e300, 1.0, -1e300, 5e-324]).to_bits(), 1.0_f64.to_bits());
        assert_eq!(sum(&[5e-324, 5e-324]).to_bits(), 1e-323_f64.to_bits());
        assert_eq!(sum(&[f64::MAX, -f64::MAX, -2.5]).to_bits(), (-2.5_f64).to_bits());
    }

    #[test]
    fn test_accumulator_partitions_give_the_same_bits() {
        let terms: Vec<f64> = (0..1000_i32)
            .map(|i| (f64::from(i) - 499.5) * f64::from_bits(u64::from(900 + i.unsigned_abs() % 200) << 52))
            .collect();
        let whole = sum(&terms);
        let mut parts = Accumulator::new();
        for chunk in terms.chunks(7).rev() {
            let mut part = Accumulator::new();
            for &x in chunk {
                part.add(x);
            }
            parts.merge(&part);
        }
        assert_eq!(parts.total().to_bits(), whole.to_bits());
    }

    #[test]
    fn test_accumulator_infinite_term_shows() {
        assert!(sum(&[f64::INFINITY, 1.0]).is_infinite());
        assert!(sum(&[f64::INFINITY, f64::NEG_INFINITY]).is_nan());
    }
}
