//! Polynomials of one variable.

use std::cmp::Ordering;

use smallvec::{SmallVec, smallvec};

use super::Number;

/// `sum coefficients[k] * v^k`; the highest coefficient is not known to be zero, zero has none.
#[derive(Debug, Clone)]
pub(crate) struct Polynomial<C> {
    coefficients: Coefficients<C>,
}

/// Nearly all functions of rules are lines and parabolas.
type Coefficients<C> = SmallVec<[C; 3]>;

impl<C: Number> Polynomial<C> {
    pub(crate) fn constant(c: C) -> Self {
        Self::trimmed(smallvec![c])
    }

    /// `constant + slope * v`.
    pub(super) fn line(constant: C, slope: C) -> Self {
        Self::trimmed(smallvec![constant, slope])
    }

    fn trimmed(mut coefficients: Coefficients<C>) -> Self {
        while coefficients.last().is_some_and(is_zero) {
            coefficients.pop();
        }
        Self { coefficients }
    }

    /// The highest power of `v`.
    pub(crate) fn degree(&self) -> usize {
        self.coefficients.len().saturating_sub(1)
    }

    pub(super) fn is_zero(&self) -> bool {
        self.coefficients.is_empty()
    }

    /// The value, if there is no power of `v`.
    pub(super) fn as_constant(&self) -> Option<C> {
        match self.coefficients.as_slice() {
            [] => Some(C::zero()),
            [only] => Some(only.clone()),
            _ => None,
        }
    }

    /// The value at a point.
    pub(crate) fn at(&self, v: &C) -> C {
        let mut terms = self.coefficients.iter().rev();
        let Some(highest) = terms.next() else { return C::zero() };
        terms.fold(highest.clone(), |sum, c| sum.times(v).plus(c))
    }

    /// The sign at a point; `None` where rounding leaves it open.
    pub(crate) fn sign_at(&self, v: &C) -> Option<Ordering> {
        self.at(v).sign()
    }

    pub(crate) fn derivative(&self) -> Self {
        let mut power = 0.0;
        let coefficients = self.coefficients.iter().skip(1).map(|c| {
            power += 1.0;
            c.times(&C::of(power))
        });
        Self::trimmed(coefficients.collect())
    }

    /// Where a line crosses zero, nearly.
    pub(crate) fn near_root(&self) -> Option<f64> {
        match self.coefficients.as_slice() {
            [constant, slope] => Some(C::zero().minus(constant).over(slope).to_f64()),
            _ => None,
        }
    }

    pub(super) fn plus(&self, other: &Self) -> Self {
        self.combined(other, C::plus, Clone::clone)
    }

    pub(super) fn minus(&self, other: &Self) -> Self {
        self.combined(other, C::minus, |c| C::zero().minus(c))
    }

    fn combined(&self, other: &Self, both: impl Fn(&C, &C) -> C, alone: impl Fn(&C) -> C) -> Self {
        let (ours, theirs) = (&self.coefficients, &other.coefficients);
        let term = |k: usize| match (ours.get(k), theirs.get(k)) {
            (Some(a), Some(b)) => both(a, b),
            (Some(a), None) => a.clone(),
            (None, Some(b)) => alone(b),
            (None, None) => C::zero(),
        };
        Self::trimmed((0..ours.len().max(theirs.len())).map(term).collect())
    }

    pub(super) fn times(&self, other: &Self) -> Self {
        let (ours, theirs) = (&self.coefficients, &other.coefficients);
        if ours.is_empty() || theirs.is_empty() {
            return Self { coefficients: SmallVec::new() };
        }
        let mut product: Coefficients<C> = smallvec![C::zero(); ours.len() + theirs.len() - 1];
        for (i, a) in ours.iter().enumerate() {
            for (j, b) in theirs.iter().enumerate() {
                product[i + j] = product[i + j].plus(&a.times(b));
            }
        }
        Self::trimmed(product)
    }

    pub(super) fn scaled(&self, by: impl Fn(&C) -> C) -> Self {
        Self::trimmed(self.coefficients.iter().map(by).collect())
    }

    /// How many of the lowest coefficients are zero: the power of `v` that divides it.
    pub(super) fn low_zeros(&self) -> usize {
        self.coefficients.iter().take_while(|c| is_zero(*c)).count()
    }

    /// Without the power `v^k` that divides it.
    pub(super) fn without(&self, k: usize) -> Self {
        Self { coefficients: self.coefficients[k..].iter().cloned().collect() }
    }

    /// Whether both are the same beyond doubt.
    pub(super) fn is(&self, other: &Self) -> bool {
        let same = |(a, b): (&C, &C)| is_zero(&a.minus(b));
        self.coefficients.len() == other.coefficients.len()
            && self.coefficients.iter().zip(&other.coefficients).all(same)
    }
}

fn is_zero<C: Number>(c: &C) -> bool {
    c.sign() == Some(Ordering::Equal)
}
