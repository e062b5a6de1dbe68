//! Formulas as symbols and numbers, in the order of writing.

use crate::exact::{Op, Role, Traced};

/// A piece of a formula.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Token {
    /// One of `+ - * / ( ) , < <= and or max( min( abs(`.
    Symbol(&'static str),
    /// A number that was entered, or is a rule.
    Number {
        /// What it is; empty of a plain constant.
        word: &'static str,
        /// The number.
        value: f64,
    },
    /// Another term, by its place.
    Term(usize),
}

/// A formula whose terms are not placed yet.
pub(super) enum Piece {
    Symbol(&'static str),
    Number { word: &'static str, value: f64 },
    Term(Traced),
}

/// How tightly a formula holds together: what is looser than its surroundings needs brackets.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Binding {
    Sum,
    Product,
    Divisor,
}

/// The formula of a named number: its last step, and the steps before it up to other named ones.
pub(super) fn formula(number: &Traced) -> Vec<Piece> {
    let mut pieces = Vec::new();
    write(number, Binding::Sum, &mut pieces);
    pieces
}

/// Writes a number into the formula of another.
fn write_part(part: &Traced, around: Binding, pieces: &mut Vec<Piece>) {
    let value = || crate::exact::Number::to_f64(part);
    match part.name() {
        Some(name) if name.role == Role::Operand => pieces.push(Piece::Number { word: name.word, value: value() }),
        Some(_) => pieces.push(Piece::Term(part.clone())),
        None => write(part, around, pieces),
    }
}

fn write(number: &Traced, around: Binding, pieces: &mut Vec<Piece>) {
    let bracketed = match number.op() {
        Op::Sum(_) => around > Binding::Sum,
        Op::Product(_) | Op::Quotient(..) => around > Binding::Product,
        _ => false,
    };
    if bracketed {
        pieces.push(Piece::Symbol("("));
    }
    match number.op() {
        Op::Input => {
            let word = number.name().map_or("", |name| name.word);
            pieces.push(Piece::Number { word, value: crate::exact::Number::to_f64(number) });
        }
        Op::Same(one) => write_part(one, around, pieces),
        Op::Sum(terms) => write_sum(terms, pieces),
        Op::Product(factors) => {
            for (i, factor) in factors.iter().enumerate() {
                if i > 0 {
                    pieces.push(Piece::Symbol("*"));
                }
                write_part(factor, Binding::Product, pieces);
            }
        }
        Op::Quotient(above, below) => {
            write_part(above, Binding::Product, pieces);
            pieces.push(Piece::Symbol("/"));
            write_part(below, Binding::Divisor, pieces);
        }
        Op::Abs(one) => write_call("abs(", &[one], pieces),
        Op::Larger(a, b) => write_call("max(", &[a, b], pieces),
        Op::Smaller(a, b) => write_call("min(", &[a, b], pieces),
    }
    if bracketed {
        pieces.push(Piece::Symbol(")"));
    }
}

fn write_sum(terms: &[(bool, Traced)], pieces: &mut Vec<Piece>) {
    for (i, (less, term)) in terms.iter().enumerate() {
        if *less {
            pieces.push(Piece::Symbol("-"));
        } else if i > 0 {
            pieces.push(Piece::Symbol("+"));
        }
        write_part(term, if *less { Binding::Product } else { Binding::Sum }, pieces);
    }
}

fn write_call(open: &'static str, arguments: &[&Traced], pieces: &mut Vec<Piece>) {
    pieces.push(Piece::Symbol(open));
    for (i, argument) in arguments.iter().enumerate() {
        if i > 0 {
            pieces.push(Piece::Symbol(","));
        }
        write_part(argument, Binding::Sum, pieces);
    }
    pieces.push(Piece::Symbol(")"));
}

/// What picked a tier: the bounds that its basis lies within, or that it is fixed.
pub(super) fn choice(tier: &Traced) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let word = |reason: &Traced| reason.name().map_or("", |name| name.word);
    let bound = |words: [&str; 2]| tier.reasons().iter().find(|reason| words.contains(&word(reason)));
    let basis = tier.reasons().iter().find(|reason| !BOUNDS.contains(&word(reason)));
    if let Some(basis) = basis {
        if let Some(lower) = bound(["floor", "above"]) {
            write_part(lower, Binding::Sum, &mut pieces);
            pieces.push(Piece::Symbol(if word(lower) == "floor" { "<=" } else { "<" }));
        }
        write_part(basis, Binding::Sum, &mut pieces);
        if let Some(upper) = bound(["below", "cap"]) {
            pieces.push(Piece::Symbol(if word(upper) == "below" { "<" } else { "<=" }));
            write_part(upper, Binding::Sum, &mut pieces);
        }
    }
    if let Some(fixed) = bound(["fixed_tier", "fixed_tier"]) {
        if basis.is_some() {
            pieces.push(Piece::Symbol("or"));
        }
        write_part(fixed, Binding::Sum, &mut pieces);
    }
    pieces
}

const BOUNDS: [&str; 5] = ["floor", "above", "below", "cap", "fixed_tier"];
