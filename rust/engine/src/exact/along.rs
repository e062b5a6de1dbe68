//! Numbers along a path: what rules compute in them are rational functions of the path's variable.
//!
//! Rules choose: the larger of two amounts, the tier that an amount is in. A number along a path chooses as it is right at
//! one point, the sample, and the path notes the function whose sign the choice depends on, a switch. Up to the next zero of
//! a switch every choice is the same, and so the results are the rules' own there, as functions, without rounding.

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

/// Two polynomials without a power of the variable in common.
#[derive(Debug)]
pub(crate) struct Quotient<C: Number> {
    top: Polynomial<C>,
    bottom: Polynomial<C>,
    path: Path<C>,
}

impl<C: Number> Along<C> {
    /// The function above the fraction line, turned so that its sign is that of the number up to the next switch.
    pub(crate) fn oriented(&self) -> Polynomial<C> {
        match self {
            Self::Constant(c) => Polynomial::constant(c.clone()),
            Self::Moving(of) if of.path.sign(&of.bottom) == Ordering::Less => of.top.scaled(|c| C::zero().minus(c)),
            Self::Moving(of) => of.top.clone(),
        }
    }

    fn quotient(top: Polynomial<C>, bottom: Polynomial<C>, path: &Path<C>) -> Self {
        if top.is_zero() {
            return Self::zero();
        }
        let common = top.low_zeros().min(bottom.low_zeros());
        let (top, bottom) = if common > 0 { (top.without(common), bottom.without(common)) } else { (top, bottom) };
        match (top.as_constant(), bottom.as_constant()) {
            (Some(top), Some(bottom)) => Self::Constant(top.over(&bottom)),
            (None, Some(divisor)) if !bottom.is(&one()) => {
                Self::moving_as(top.scaled(|c| c.over(&divisor)), one(), path)
            }
            _ => Self::moving_as(top, bottom, path),
        }
    }

    fn moving_as(top: Polynomial<C>, bottom: Polynomial<C>, path: &Path<C>) -> Self {
        Self::Moving(Rc::new(Quotient { top, bottom, path: path.clone() }))
    }

    /// Top, bottom and path of two numbers of which one moves.
    fn both<'a>(&'a self, other: &'a Self) -> Option<(Parts<'a, C>, Parts<'a, C>, &'a Path<C>)> {
        let path = match (self, other) {
            (Self::Moving(of), _) | (_, Self::Moving(of)) => &of.path,
            (Self::Constant(_), Self::Constant(_)) => return None,
        };
        Some((Parts::of(self), Parts::of(other), path))
    }

    /// `self + other` or `self - other`, of which one moves.
    fn sum(&self, other: &Self, add: impl Fn(&Polynomial<C>, &Polynomial<C>) -> Polynomial<C>) -> Option<Self> {
        let (a, b, path) = self.both(other)?;
        let sum = match (a.bottom, b.bottom) {
            (None, None) => Self::quotient(add(&a.top(), &b.top()), one(), path),
            (Some(ours), Some(theirs)) if std::ptr::eq(ours, theirs) || ours.is(theirs) => {
                Self::quotient(add(&a.top(), &b.top()), ours.clone(), path)
            }
            (Some(ours), Some(theirs)) => {
                let top = add(&a.top().times(theirs), &b.top().times(ours));
                Self::quotient(top, ours.times(theirs), path)
            }
            (Some(ours), None) => Self::quotient(add(&a.top(), &b.top().times(ours)), ours.clone(), path),
            (None, Some(theirs)) => Self::quotient(add(&a.top().times(theirs), &b.top()), theirs.clone(), path),
        };
        Some(sum)
    }

    fn scaled(&self, by: impl Fn(&C) -> C) -> Self {
        match self {
            Self::Constant(c) => Self::Constant(by(c)),
            Self::Moving(of) => Self::quotient(of.top.scaled(by), of.bottom.clone(), &of.path),
        }
    }
}

fn one<C: Number>() -> Polynomial<C> {
    Polynomial::constant(C::of(1.0))
}

/// A number as a fraction; `None` below the line for 1.
struct Parts<'a, C: Number> {
    number: &'a Along<C>,
    bottom: Option<&'a Polynomial<C>>,
}

impl<'a, C: Number> Parts<'a, C> {
    fn of(number: &'a Along<C>) -> Self {
        let bottom = match number {
            Along::Constant(_) => None,
            Along::Moving(of) => Some(&of.bottom).filter(|bottom| bottom.degree() > 0),
        };
        Self { number, bottom }
    }

    fn top(&self) -> Polynomial<C> {
        match self.number {
            Along::Constant(c) => Polynomial::constant(c.clone()),
            Along::Moving(of) => of.top.clone(),
        }
    }
}

impl<C: Number> Number for Along<C> {
    type Path = Path<C>;

    fn of(x: f64) -> Self {
        Self::Constant(C::of(x))
    }

    fn derived(exact: &Exact, near: f64) -> Self {
        Self::Constant(C::derived(exact, near))
    }

    fn zero() -> Self {
        Self::Constant(C::zero())
    }

    fn plus(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::Constant(a), Self::Constant(b)) => Self::Constant(a.plus(b)),
            _ => self.sum(other, Polynomial::plus).unwrap_or_else(Self::zero),
        }
    }

    fn minus(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::Constant(a), Self::Constant(b)) => Self::Constant(a.minus(b)),
            _ => self.sum(other, Polynomial::minus).unwrap_or_else(Self::zero),
        }
    }

    fn times(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::Constant(a), _) => other.scaled(|c| a.times(c)),
            (_, Self::Constant(b)) => self.scaled(|c| c.times(b)),
            (Self::Moving(a), Self::Moving(b)) => {
                Self::quotient(a.top.times(&b.top), a.bottom.times(&b.bottom), &a.path)
            }
        }
    }

    fn over(&self, divisor: &Self) -> Self {
        match (self, divisor) {
            (_, Self::Constant(b)) => self.scaled(|c| c.over(b)),
            (Self::Constant(a), Self::Moving(b)) => {
                Self::quotient(b.bottom.scaled(|c| a.times(c)), b.top.clone(), &b.path)
            }
            (Self::Moving(a), Self::Moving(b)) => {
                Self::quotient(a.top.times(&b.bottom), a.bottom.times(&b.top), &a.path)
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
                let (top, bottom) = (of.path.sign(&of.top), of.path.sign(&of.bottom));
                let open = of.path.is_open();
                (!open).then(|| if bottom == Ordering::Less { top.reverse() } else { top })
            }
        }
    }

    fn to_f64(&self) -> f64 {
        match self {
            Self::Constant(c) => c.to_f64(),
            Self::Moving(of) => of.top.at(&of.path.0.sample).over(&of.bottom.at(&of.path.0.sample)).to_f64(),
        }
    }

    fn moving(x: f64, motion: Motion, path: &Path<C>) -> Self {
        let line = match motion {
            Motion::Scaled { from } if from.to_bits() == x.to_bits() => Polynomial::line(C::zero(), C::of(1.0)),
            Motion::Scaled { from } => Polynomial::line(C::zero(), C::of(x).over(&C::of(from))),
            Motion::Shocked { by } => Polynomial::line(C::of(x), C::of(x).times(&C::of(by))),
        };
        Self::quotient(line, one(), path)
    }
}
