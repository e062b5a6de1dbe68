//! Exact numbers that remember how they came about: what a formula computes in them is the result and its derivation.

use std::cmp::Ordering;
use std::rc::Rc;

use super::number::moved;
use super::{Exact, Motion, Number};

/// What a number is to those who read how another came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Role {
    /// Something to be read by itself, with how it came about.
    Term,
    /// As a term; where it is nothing but one other named number it is that one.
    Group,
    /// A number inside the formula of another.
    Operand,
}

/// What a number is called, which rule it follows, and the places of what it is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Name {
    pub(crate) word: &'static str,
    pub(crate) role: Role,
    /// Path of the rule that it follows.
    pub(crate) rule: String,
    /// Places by kind; what they are places in, the giver of the name knows.
    pub(crate) about: Vec<(&'static str, usize)>,
    /// Whether it is left out where it changes nothing: 0 in a sum, 1 in a product.
    optional: bool,
}

impl Name {
    fn new(word: &'static str, role: Role) -> Self {
        Self { word, role, rule: String::new(), about: Vec::new(), optional: false }
    }

    pub(crate) fn term(word: &'static str) -> Self {
        Self::new(word, Role::Term)
    }

    pub(crate) fn group(word: &'static str) -> Self {
        Self::new(word, Role::Group)
    }

    pub(crate) fn operand(word: &'static str) -> Self {
        Self::new(word, Role::Operand)
    }

    pub(crate) fn rule(mut self, path: impl Into<String>) -> Self {
        self.rule = path.into();
        self
    }

    pub(crate) fn of(mut self, kind: &'static str, place: usize) -> Self {
        self.about.push((kind, place));
        self
    }

    pub(crate) const fn optional(mut self) -> Self {
        self.optional = true;
        self
    }

    /// The place of a kind.
    pub(crate) fn place(&self, kind: &str) -> Option<usize> {
        self.about.iter().find(|(of, _)| *of == kind).map(|&(_, place)| place)
    }
}

/// The last step of how a number came about.
#[derive(Debug, Clone)]
pub(crate) enum Op {
    Input,
    /// Another number under one more name.
    Same(Traced),
    /// Terms, each taken off where the flag says so.
    Sum(Vec<(bool, Traced)>),
    Product(Vec<Traced>),
    Quotient(Traced, Traced),
    Abs(Traced),
    Larger(Traced, Traced),
    Smaller(Traced, Traced),
}

#[derive(Debug, Clone)]
struct Node {
    value: Exact,
    op: Op,
    name: Option<Name>,
    reasons: Vec<Traced>,
}

/// An exact number with its derivation. What changes nothing is not remembered: zeros in sums, ones in products, the
/// magnitude of what is positive.
#[derive(Debug, Clone)]
pub(crate) struct Traced(Rc<Node>);

impl Traced {
    fn new(value: Exact, op: Op) -> Self {
        Self(Rc::new(Node { value, op, name: None, reasons: Vec::new() }))
    }

    pub(crate) fn value(&self) -> &Exact {
        &self.0.value
    }

    pub(crate) fn op(&self) -> &Op {
        &self.0.op
    }

    pub(crate) fn name(&self) -> Option<&Name> {
        self.0.name.as_ref()
    }

    pub(crate) fn reasons(&self) -> &[Self] {
        &self.0.reasons
    }

    /// Whether two are one and the same number, not only equal.
    pub(crate) fn key(&self) -> *const () {
        Rc::as_ptr(&self.0).cast()
    }

    /// Whether the number is left out where it changes nothing.
    fn is_optional(&self) -> bool {
        self.name().is_none_or(|name| name.optional)
    }

    fn is_nothing(&self) -> bool {
        self.is_optional() && self.value().is_zero()
    }

    fn is_one(&self) -> bool {
        self.is_optional() && matches!(self.op(), Op::Input) && self.value().minus(&Exact::of(1.0)).is_zero()
    }

    /// A sum of both, the second taken off where `less`.
    fn sum(&self, other: &Self, less: bool) -> Self {
        let value = if less { self.value().minus(other.value()) } else { self.value().plus(other.value()) };
        let mut terms = self.terms(false);
        terms.extend(other.terms(less));
        match terms.as_slice() {
            [] => Self::zero(),
            [(false, only)] => only.clone(),
            _ => Self::new(value, Op::Sum(terms)),
        }
    }

    /// What the number adds to a sum.
    fn terms(&self, less: bool) -> Vec<(bool, Self)> {
        match (self.op(), self.name()) {
            _ if self.is_nothing() => Vec::new(),
            (Op::Sum(terms), None) => terms.iter().map(|(off, term)| (*off != less, term.clone())).collect(),
            _ => vec![(less, self.clone())],
        }
    }

    fn factors(&self) -> Vec<Self> {
        match (self.op(), self.name()) {
            _ if self.is_one() => Vec::new(),
            (Op::Product(factors), None) => factors.clone(),
            _ => vec![self.clone()],
        }
    }

    /// Another number that both are compared to be.
    fn either(&self, other: &Self, takes: Ordering, op: fn(Self, Self) -> Op) -> Self {
        let first = self.value().cmp_to(other.value()) != takes.reverse();
        let taken = if first { self } else { other };
        let left = if first { other } else { self };
        // Two numbers of one name that are equal are one.
        if taken.name().is_some() && taken.name() == left.name() && self.value().cmp_to(other.value()).is_eq() {
            return taken.clone();
        }
        // Nothing is said of a limit that is unnamed and not reached.
        if left.name().is_none() && matches!(left.op(), Op::Input) {
            return taken.clone();
        }
        Self::new(taken.value().clone(), op(self.clone(), other.clone()))
    }
}

impl Exact {
    fn cmp_to(&self, other: &Self) -> Ordering {
        self.minus(other).sign()
    }
}

impl Number for Traced {
    type Path = Self;

    fn of(x: f64) -> Self {
        Self::new(Exact::from_f64(x), Op::Input)
    }

    fn derived(exact: &Exact, _near: f64, _rest: f64) -> Self {
        Self::new(exact.clone(), Op::Input)
    }

    fn binary(x: f64) -> Self {
        Self::new(super::binary(x), Op::Input)
    }

    fn zero() -> Self {
        Self::new(Exact::zero(), Op::Input)
    }

    fn plus(&self, other: &Self) -> Self {
        self.sum(other, false)
    }

    fn minus(&self, other: &Self) -> Self {
        self.sum(other, true)
    }

    fn times(&self, other: &Self) -> Self {
        if [self, other].iter().any(|factor| factor.name().is_none() && factor.value().is_zero()) {
            return Self::zero();
        }
        let value = self.value().times(other.value());
        let mut factors = self.factors();
        factors.extend(other.factors());
        match factors.as_slice() {
            [] => Self::of(1.0),
            [only] => only.clone(),
            _ => Self::new(value, Op::Product(factors)),
        }
    }

    fn over(&self, divisor: &Self) -> Self {
        if divisor.is_one() || self.is_nothing() {
            return self.clone();
        }
        let value = self.value().over(divisor.value());
        Self::new(value, Op::Quotient(self.clone(), divisor.clone()))
    }

    fn abs(&self) -> Self {
        if let (Op::Sum(terms), None) = (self.op(), self.name())
            && let [(true, only)] = terms.as_slice()
        {
            return only.abs();
        }
        if self.value().sign() == Ordering::Less {
            Self::new(self.value().clone().abs(), Op::Abs(self.clone()))
        } else {
            self.clone()
        }
    }

    fn larger(&self, other: &Self) -> Self {
        self.either(other, Ordering::Greater, Op::Larger)
    }

    fn smaller(&self, other: &Self) -> Self {
        self.either(other, Ordering::Less, Op::Smaller)
    }

    fn sign(&self) -> Option<Ordering> {
        Some(self.value().sign())
    }

    fn to_f64(&self) -> f64 {
        self.value().to_f64()
    }

    fn moving(x: f64, motion: Motion, path: &Self) -> Self {
        moved(x, motion, path)
    }

    fn named(self, name: impl FnOnce() -> Name) -> Self {
        let name = name();
        let is_plain_zero = self.value().is_zero() && matches!(self.op(), Op::Input);
        match self.name() {
            None if name.role == Role::Group && is_plain_zero => self,
            None => {
                let mut node = Rc::unwrap_or_clone(self.0);
                node.name = Some(name);
                Self(Rc::new(node))
            }
            Some(_) if name.role == Role::Group => self,
            Some(_) => {
                let value = self.value().clone();
                Self(Rc::new(Node { value, op: Op::Same(self), name: Some(name), reasons: Vec::new() }))
            }
        }
    }

    fn because(self, reasons: impl FnOnce() -> Vec<Self>) -> Self {
        let mut node = Rc::unwrap_or_clone(self.0);
        node.reasons.extend(reasons());
        Self(Rc::new(node))
    }
}

impl Node {
    /// Moves what the number came about from into a list.
    fn take_parts(&mut self, into: &mut Vec<Traced>) {
        into.append(&mut self.reasons);
        match std::mem::replace(&mut self.op, Op::Input) {
            Op::Input => {}
            Op::Same(one) | Op::Abs(one) => into.push(one),
            Op::Sum(terms) => into.extend(terms.into_iter().map(|(_, term)| term)),
            Op::Product(factors) => into.extend(factors),
            Op::Quotient(a, b) | Op::Larger(a, b) | Op::Smaller(a, b) => into.extend([a, b]),
        }
    }
}

impl Drop for Node {
    /// By a list instead of by recursion: derivations may be deep.
    fn drop(&mut self) {
        let mut rest = Vec::new();
        self.take_parts(&mut rest);
        while let Some(part) = rest.pop() {
            if let Ok(mut node) = Rc::try_unwrap(part.0) {
                node.take_parts(&mut rest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The number computed anew from the inputs of its derivation.
    fn again(number: &Traced) -> Exact {
        match number.op() {
            Op::Input => number.value().clone(),
            Op::Same(one) => again(one),
            Op::Sum(terms) => {
                terms.iter().fold(
                    Exact::zero(),
                    |sum, (less, term)| {
                        if *less { sum.minus(&again(term)) } else { sum.plus(&again(term)) }
                    },
                )
            }
            Op::Product(factors) => {
                factors.iter().fold(Exact::of(1.0), |product, factor| product.times(&again(factor)))
            }
            Op::Quotient(above, below) => again(above).over(&again(below)),
            Op::Abs(one) => again(one).abs(),
            Op::Larger(a, b) => again(a).larger(&again(b)),
            Op::Smaller(a, b) => again(a).smaller(&again(b)),
        }
    }

    fn named(x: f64, word: &'static str) -> Traced {
        Traced::of(x).named(|| Name::term(word))
    }

    #[test]
    fn test_derivation_computed_anew_gives_the_number() {
        let (a, b, c) = (named(0.1, "a"), named(-0.3, "b"), named(7.0, "c"));
        let sum = a.minus(&b.minus(&c)).plus(&Traced::of(0.0));
        let numbers = [
            sum.clone(),
            sum.times(&b).over(&c),
            b.abs().minus(&a),
            Traced::zero().minus(&c).abs(),
            a.larger(&b).smaller(&c),
            b.positive().plus(&b.negative()),
            sum.named(|| Name::group("sum")).times(&Traced::of(1.0)),
        ];
        for number in &numbers {
            assert!(again(number).minus(number.value()).is_zero(), "{number:?}");
        }
    }

    #[test]
    fn test_what_changes_nothing_is_not_in_the_derivation() {
        let (a, optional) = (named(2.0, "a"), Traced::of(0.0).named(|| Name::term("none").optional()));
        assert_eq!(a.plus(&Traced::zero()).key(), a.key());
        assert_eq!(a.minus(&optional).key(), a.key());
        assert_eq!(a.times(&Traced::of(1.0)).key(), a.key());
        assert_eq!(a.positive().key(), a.key());
        assert!(matches!(a.plus(&named(0.0, "kept")).op(), Op::Sum(terms) if terms.len() == 2));
    }

    #[test]
    fn test_a_group_of_one_named_number_is_that_number() {
        let a = named(2.0, "a");
        assert_eq!(a.clone().named(|| Name::group("all")).key(), a.key());
        assert!(matches!(a.clone().named(|| Name::term("figure")).op(), Op::Same(one) if one.key() == a.key()));
    }

    #[test]
    fn test_a_long_derivation_ends_without_recursion() {
        let mut number = named(1.0, "a");
        for _ in 0..100_000 {
            number = number.named(|| Name::term("again"));
        }
        assert!(number.minus(&Traced::of(1.0)).value().is_zero());
    }
}
