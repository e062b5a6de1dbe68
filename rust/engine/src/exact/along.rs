//! Numbers along a path: what rules compute in them are rational functions of the path's variable.
//!
//! Rules choose: the larger of two amounts, the tier that an amount is in. A number along a path chooses as it is right at
//! one point, the sample, and the path notes the function whose sign the choice depends on, a switch. Up to the next zero of
//! a switch every choice is the same, and so the results are the rules' own there, as functions, without rounding.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::cmp::Ordering;
use std::rc::Rc;

use super::polynomial::Polynomial;
use super::{Exact, Motion, Number};

/// A path: where choices are made, and what they depended on.
#[derive(Debug)]
struct Walked<C> {
    sample: C,
    switches: RefCell<Vec<Polynomial<C>>>,
    on_switch: Cell<bool>,
    open: Cell<bool>,
}

/// The variable of a path, at a sample.
#[derive(Debug, Clone)]
pub(crate) struct Path<C>(Rc<Walked<C>>);

impl<C: Number> Path<C> {
    pub(crate) fn new(sample: C) -> Self {
        let (switches, on_switch, open) = (RefCell::new(Vec::new()), Cell::new(false), Cell::new(false));
        Self(Rc::new(Walked { sample, switches, on_switch, open }))
    }

    /// The functions whose signs choices depended on, each other than zero at the sample.
    pub(crate) fn take_switches(&self) -> Vec<Polynomial<C>> {
        self.0.switches.take()
    }

    /// Whether a choice was made where it changes, so that results hold at the sample only.
    pub(crate) fn is_on_switch(&self) -> bool {
        self.0.on_switch.get()
    }

    /// Whether rounding left a choice open.
    pub(crate) fn is_open(&self) -> bool {
        self.0.open.get()
    }

    /// The sign of a function at the sample, which is noted.
    fn sign(&self, of: &Polynomial<C>) -> Ordering {
        let Some(sign) = of.sign_at(&self.0.sample) else {
            self.0.open.set(true);
            return Ordering::Equal;
        };
        if sign == Ordering::Equal {
            self.0.on_switch.set(true);
        } else if of.degree() > 0 {
            self.0.switches.borrow_mut().push(of.clone());
        }
        sign
    }
}

/// A number along a path: `top / bottom`.
#[derive(Debug, Clone)]
pub(crate) enum Along<C: Number> {
    Constant(C),
    Moving(Rc<Quotient<C>>),
}

/// A polynomial, over another if there is one; no power of the variable divides both.
#[derive(Debug)]
pub(crate) struct Quotient<C: Number> {
    top: Polynomial<C>,
    bottom: Option<Polynomial<C>>,
    path: Path<C>,
}

impl<C: Number> Quotient<C> {
    fn bottom_sign(&self) -> Ordering {
        self.bottom.as_ref().map_or(Ordering::Greater, |bottom| self.path.sign(bottom))
    }
}

impl<C: Number> Along<C> {
    /// The function above the fraction line, turned so that its sign is that of the number up to the next switch.
    pub(crate) fn oriented(&self) -> Polynomial<C> {
        match self {
            Self::Constant(c) => Polynomial::constant(c.clone()),
            Self::Moving(of) if of.bottom_sign() == Ordering::Less => of.top.scaled(|c| C::zero().minus(c)),
            Self::Moving(of) => of.top.clone(),
        }
    }

    fn quotient(top: Polynomial<C>, bottom: Option<Polynomial<C>>, path: &Path<C>) -> Self {
        let (top, bottom) = match bottom {
            Some(bottom) if !top.is_zero() => reduced(top, bottom),
            _ => (top, None),
        };
        match top.as_constant() {
            Some(constant) if bottom.is_none() => Self::Constant(constant),
            _ => Self::Moving(Rc::new(Quotient { top, bottom, path: path.clone() })),
        }
    }

    /// `self + other` or `self - other`, of which one moves.
    fn sum(&self, other: &Self, add: impl Fn(&Polynomial<C>, &Polynomial<C>) -> Polynomial<C>) -> Self {
        let ((Self::Moving(of), _) | (_, Self::Moving(of))) = (self, other) else { return Self::zero() };
        let (a, b) = (self.top(), other.top());
        let (top, bottom) = match (self.bottom(), other.bottom()) {
            (None, None) => (add(&a, &b), None),
            (Some(ours), Some(theirs)) if std::ptr::eq(ours, theirs) || ours.is(theirs) => {
                (add(&a, &b), Some(ours.clone()))
            }
            (Some(ours), Some(theirs)) => (add(&a.times(theirs), &b.times(ours)), Some(ours.times(theirs))),
            (Some(ours), None) => (add(&a, &b.times(ours)), Some(ours.clone())),
            (None, Some(theirs)) => (add(&a.times(theirs), &b), Some(theirs.clone())),
        };
        Self::quotient(top, bottom, &of.path)
    }

    fn scaled(&self, by: impl Fn(&C) -> C) -> Self {
        match self {
            Self::Constant(c) => Self::Constant(by(c)),
            Self::Moving(of) => Self::quotient(of.top.scaled(by), of.bottom.clone(), &of.path),
        }
    }

    fn top(&self) -> Cow<'_, Polynomial<C>> {
        match self {
            Self::Constant(c) => Cow::Owned(Polynomial::constant(c.clone())),
            Self::Moving(of) => Cow::Borrowed(&of.top),
        }
    }

    fn bottom(&self) -> Option<&Polynomial<C>> {
        match self {
            Self::Constant(_) => None,
            Self::Moving(of) => of.bottom.as_ref(),
        }
    }
}

/// A fraction without the power of the variable that divides both, and without a divisor that is constant.
fn reduced<C: Number>(top: Polynomial<C>, bottom: Polynomial<C>) -> (Polynomial<C>, Option<Polynomial<C>>) {
    let common = top.low_zeros().min(bottom.low_zeros());
    let (top, bottom) = if common > 0 { (top.without(common), bottom.without(common)) } else { (top, bottom) };
    match bottom.as_constant() {
        Some(divisor) => (top.scaled(|c| c.over(&divisor)), None),
        None => (top, Some(bottom)),
    }
}

fn product<C: Number>(a: Option<&Polynomial<C>>, b: Option<&Polynomial<C>>) -> Option<Polynomial<C>> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.times(b)),
        (only, None) | (None, only) => only.cloned(),
    }
}

impl<C: Number> Number for Along<C> {
    type Path = Path<C>;

    fn of(x: f64) -> Self {
        Self::Constant(C::of(x))
    }

    fn derived(exact: &Exact, near: f64, rest: f64) -> Self {
        Self::Constant(C::derived(exact, near, rest))
    }

    fn binary(x: f64) -> Self {
        Self::Constant(C::binary(x))
    }

    fn zero() -> Self {
        Self::Constant(C::zero())
    }

    fn plus(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::Constant(a), Self::Constant(b)) => Self::Constant(a.plus(b)),
            _ => self.sum(other, Polynomial::plus),
        }
    }

    fn minus(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::Constant(a), Self::Constant(b)) => Self::Constant(a.minus(b)),
            _ => self.sum(other, Polynomial::minus),
        }
    }

    fn times(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::Constant(a), _) => other.scaled(|c| a.times(c)),
            (_, Self::Constant(b)) => self.scaled(|c| c.times(b)),
            (Self::Moving(a), Self::Moving(b)) => {
                Self::quotient(a.top.times(&b.top), product(a.bottom.as_ref(), b.bottom.as_ref()), &a.path)
            }
        }
    }

    fn over(&self, divisor: &Self) -> Self {
        match (self, divisor) {
            (_, Self::Constant(b)) => self.scaled(|c| c.over(b)),
            (_, Self::Moving(b)) => {
                let top = self.top();
                let top = b.bottom.as_ref().map_or_else(|| top.clone().into_owned(), |bottom| top.times(bottom));
                Self::quotient(top, product(self.bottom(), Some(&b.top)), &b.path)
            }
        }
    }

    fn abs(&self) -> Self {
        if self.sign() == Some(Ordering::Less) { Self::zero().minus(self) } else { self.clone() }
    }

    fn larger(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::Constant(a), Self::Constant(b)) => Self::Constant(a.larger(b)),
            _ => {
                if self.exceeds(other) {
                    self.clone()
                } else {
                    other.clone()
                }
            }
        }
    }

    fn smaller(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::Constant(a), Self::Constant(b)) => Self::Constant(a.smaller(b)),
            _ => {
                if self.exceeds(other) {
                    other.clone()
                } else {
                    self.clone()
                }
            }
        }
    }

    fn larger_if(&self, other: &Self, this: bool) -> Self {
        if this { self.clone() } else { other.clone() }
    }

    fn negative_if(&self, is_negative: bool) -> Self {
        if is_negative { self.clone() } else { Self::zero() }
    }

    fn exceeds(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Constant(a), Self::Constant(b)) => a.exceeds(b),
            _ => self.minus(other).sign() == Some(Ordering::Greater),
        }
    }

    fn sign(&self) -> Option<Ordering> {
        match self {
            Self::Constant(c) => c.sign(),
            Self::Moving(of) => {
                let (top, bottom) = (of.path.sign(&of.top), of.bottom_sign());
                let open = of.path.is_open();
                (!open).then(|| if bottom == Ordering::Less { top.reverse() } else { top })
            }
        }
    }

    fn to_f64(&self) -> f64 {
        match self {
            Self::Constant(c) => c.to_f64(),
            Self::Moving(of) => {
                let sample = &of.path.0.sample;
                let top = of.top.at(sample);
                of.bottom.as_ref().map_or_else(|| top.clone(), |bottom| top.over(&bottom.at(sample))).to_f64()
            }
        }
    }

    fn moving(x: f64, motion: Motion, path: &Path<C>) -> Self {
        let line = match motion {
            Motion::Free { .. } => return Self::of(x),
            Motion::Scaled { from } if from.to_bits() == x.to_bits() => Polynomial::line(C::zero(), C::of(1.0)),
            Motion::Scaled { from } => Polynomial::line(C::zero(), C::of(x).over(&C::of(from))),
            Motion::Shocked { by } => Polynomial::line(C::of(x), C::of(x).times(&C::of(by))),
        };
        Self::quotient(line, None, path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exact::Wide;

    const MOVES: Motion = Motion::Scaled { from: 2.0 };

    /// A piecewise function of `v`: with two tiers, an inverse price, and an amount that is not negative.
    fn formula<N: Number>(path: &N::Path) -> N {
        let price = N::moving(2.0, MOVES, path);
        let other = N::moving(3.0, MOVES, path);
        let basis = price.times(&N::of(0.7)).minus(&N::of(1.3)).abs();
        let above = basis.minus(&N::of(2.5)).sign() != Some(Ordering::Less);
        let rate = if above { N::of(0.05) } else { N::of(0.01) };
        let inverse = N::of(100.0).over(&price).minus(&N::of(20.0)).positive();
        basis.times(&rate).plus(&inverse).minus(&other.smaller(&N::of(7.1))).over(&other.plus(&N::of(0.3)))
    }

    /// The sign that the piece around one point gives for another, if the other is on the piece.
    fn sign_by_piece<C: Number>(sample: f64, at: f64) -> Option<Ordering> {
        let path = Path::new(C::of(sample));
        let function = formula::<Along<C>>(&path).oriented();
        let v = C::of(at);
        let here = |switch: &Polynomial<C>| switch.sign_at(&C::of(sample)) == switch.sign_at(&v);
        let holds = !path.is_on_switch() && path.take_switches().iter().all(here);
        holds.then(|| function.sign_at(&v)).flatten()
    }

    #[test]
    fn prop_along_sign_on_a_piece_is_that_of_the_formula_itself() {
        let points: Vec<f64> = (1..160).map(|k| 0.1 * f64::from(k) + 0.03).collect();
        let mut seen = [0, 0];
        for &sample in &points {
            for &at in &points {
                let expected = formula::<Exact>(&Exact::from_f64(at)).sign();
                let found = [sign_by_piece::<Exact>(sample, at), sign_by_piece::<Wide>(sample, at)];
                for sign in found.into_iter().flatten() {
                    assert_eq!(sign, expected, "{sample} {at}");
                    seen[usize::from(sign == Ordering::Less)] += 1;
                }
            }
        }
        assert!(seen.iter().all(|&n| n > 1_000), "{seen:?}");
    }

    #[test]
    fn test_along_what_cancels_is_a_constant() {
        let path = Path::new(Exact::from_f64(5.0));
        let price = Along::<Exact>::moving(2.0, MOVES, &path);
        let nothing = price.minus(&price);
        assert!(matches!(nothing, Along::Constant(zero) if zero.is_zero()));
        let one = price.over(&price);
        assert!(matches!(one, Along::Constant(one) if one == Exact::from_f64(1.0)));
    }

    #[test]
    fn test_along_a_choice_at_its_zero_holds_at_the_sample_only() {
        let path = Path::new(Exact::from_f64(5.0));
        let price = Along::<Exact>::moving(2.0, MOVES, &path);
        assert_eq!(price.minus(&Along::of(5.0)).sign(), Some(Ordering::Equal));
        assert!(path.is_on_switch());
    }
}
