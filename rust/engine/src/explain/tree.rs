//! Derivations as a tree of terms: each number once with its parts, later by its name alone.

use std::collections::BTreeMap;

use crate::book::Holdings;
use crate::exact::{Name, Number, Op, Role, Traced};
use crate::market::BoundUnit;
use crate::pool::Book;
use crate::score::{Column, Figures};

use super::formula::{Piece, Token, choice, formula};
use super::{Term, Unit};

/// The terms written so far.
pub(super) struct Tree<'a> {
    book: &'a Book,
    pool: usize,
    scored: &'a Figures,
    pub(super) terms: Vec<Term>,
    /// Numbers by what they are and how they came about.
    numbers: BTreeMap<Key, usize>,
    /// Numbers by where they lie: none of them ends before the tree.
    places: BTreeMap<*const (), usize>,
    /// The term of a number.
    written: BTreeMap<usize, usize>,
    /// Whether the figures are those that are reported; other constraints may look at other prices.
    reported: bool,
    /// What the price that positions are valued at is called.
    price: &'static str,
}

/// What a number is and how it came about.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    name: Option<(&'static str, Name)>,
    value: u64,
    op: u8,
    parts: Vec<(bool, usize)>,
}

/// Where a term is written.
#[derive(Clone, Copy)]
pub(super) struct Under {
    pub(super) level: usize,
    pub(super) parent: Option<usize>,
    unit: Unit,
    /// Whether amounts are in the unit of a tier table's bounds.
    bounds: bool,
}

impl Under {
    /// Below another term.
    pub(super) const fn below(self, parent: usize) -> Self {
        Self { level: self.level + 1, parent: Some(parent), ..self }
    }
}

impl<'a> Tree<'a> {
    pub(super) fn new(book: &'a Book, pool: usize, scored: &'a Figures) -> Self {
        Self {
            book,
            pool,
            scored,
            terms: Vec::new(),
            numbers: BTreeMap::new(),
            places: BTreeMap::new(),
            written: BTreeMap::new(),
            reported: true,
            price: "mark_price",
        }
    }

    pub(super) fn top(&self) -> Under {
        Under { level: 0, parent: None, unit: self.pool_unit(), bounds: false }
    }

    fn pool_unit(&self) -> Unit {
        Unit::Asset(self.book.holdings().asset(self.pool))
    }

    /// From here on figures are those of a constraint: whether the reported ones, and what their prices are.
    pub(super) const fn turn_to(&mut self, reported: bool, price: &'static str) {
        self.reported = reported;
        self.price = price;
    }

    /// A term without parts, ready to be filled in.
    pub(super) fn blank(word: &'static str, under: Under) -> Term {
        Term {
            word,
            constraint: String::new(),
            level: under.level,
            parent: under.parent,
            value: f64::NAN,
            formula: Vec::new(),
            unit: under.unit,
            asset: None,
            instrument: None,
            side: None,
            position: None,
            rule: String::new(),
            repeats: None,
        }
    }

    /// Writes a named number and its parts; gives the place of its term.
    pub(super) fn write(&mut self, number: &Traced, under: Under) -> usize {
        let at = self.terms.len();
        let Some(name) = number.name() else { return at };
        let under = Under { unit: self.unit_of(name, under), ..under };
        let mut term = Self::blank(self.called(name.word), under);
        self.describe(&mut term, name, number);
        let id = self.number(number);
        term.repeats = self.written.get(&id).copied();
        let repeats = term.repeats;
        self.terms.push(term);
        if let Some(earlier) = repeats {
            let formula = self.terms[earlier].formula.clone();
            self.terms[at].formula = formula;
            return at;
        }
        self.written.insert(id, at);
        let is_tier = name.word == "tier";
        // What has its name from its one part is that part.
        let source = match number.op() {
            Op::Same(one) if one.name().is_some_and(|of| of.word == name.word) => one,
            _ => number,
        };
        let pieces = if is_tier { choice(source) } else { formula(source) };
        let below = Under {
            level: under.level + 1,
            parent: Some(at),
            unit: if is_tier { self.unit_of_bounds(name) } else { under.unit },
            bounds: under.bounds || is_tier,
        };
        let formula = self.place(pieces, below);
        self.terms[at].formula = formula;
        if !is_tier {
            for reason in source.reasons() {
                self.write(reason, below);
            }
        }
        at
    }

    /// Writes the terms of a formula, each once, and puts their places in.
    pub(super) fn place(&mut self, pieces: Vec<Piece>, under: Under) -> Vec<Token> {
        let mut here = BTreeMap::new();
        let mut tokens = Vec::with_capacity(pieces.len());
        for piece in pieces {
            tokens.push(match piece {
                Piece::Symbol(symbol) => Token::Symbol(symbol),
                Piece::Number { word, value } => Token::Number { word: self.called(word), value },
                Piece::Term(part) => {
                    let id = self.number(&part);
                    let at = here.get(&id).copied().unwrap_or_else(|| self.write(&part, under));
                    here.insert(id, at);
                    Token::Term(at)
                }
            });
        }
        tokens
    }

    fn called(&self, word: &'static str) -> &'static str {
        if word == "mark_price" { self.price } else { word }
    }

    /// Fills in what a term is about.
    fn describe(&self, term: &mut Term, name: &Name, number: &Traced) {
        let holdings: &Holdings = self.book.holdings();
        term.value = self.figure(name).unwrap_or_else(|| number.to_f64());
        term.rule.clone_from(&name.rule);
        term.asset = name.place("asset");
        term.instrument = name.place("instrument");
        if let Some(position) = name.place("position") {
            term.instrument = Some(holdings.instrument(position));
            term.side = Some(holdings.side(position));
            term.position = u32::try_from(holdings.row(position)).ok();
        }
        if let Some(order) = name.place("order") {
            term.instrument = Some(order_instrument(holdings, order));
            term.side = Some(holdings.orders.side[order]);
        }
    }

    /// What scoring gives for a figure of the pool.
    fn figure(&self, name: &Name) -> Option<f64> {
        let of_pool = self.reported && name.about.is_empty() && name.role == Role::Term;
        Column::from_name(name.word).filter(|_| of_pool).map(|column| self.scored.get(column))
    }

    fn unit_of(&self, name: &Name, under: Under) -> Unit {
        let settle = |instrument: usize| Unit::Asset(self.book.market().instruments()[instrument].settle());
        let holdings = self.book.holdings();
        let instrument = (name.place("position").map(|at| holdings.instrument(at)))
            .or(name.place("order").map(|at| order_instrument(holdings, at)))
            .or(name.place("instrument"));
        match name.word {
            "tier" | "fixed_tier" => Unit::None,
            _ if under.bounds => under.unit,
            _ if name.place("valued").is_some() => self.pool_unit(),
            _ => name.place("asset").map(Unit::Asset).or(instrument.map(settle)).unwrap_or(under.unit),
        }
    }

    /// What the bounds of the table of a tier are amounts of.
    fn unit_of_bounds(&self, name: &Name) -> Unit {
        let Some(instrument) = name.place("instrument") else { return Unit::None };
        let contract = &self.book.market().instruments()[instrument];
        match contract.tiers().bounds() {
            BoundUnit::Quote => Unit::Quote(instrument),
            BoundUnit::Settle => Unit::Asset(contract.settle()),
            BoundUnit::Contracts => Unit::Contracts,
        }
    }

    /// A number's own number: the same for all that are called alike and came about alike.
    fn number(&mut self, of: &Traced) -> usize {
        if let Some(&known) = self.places.get(&of.key()) {
            return known;
        }
        let (op, parts): (u8, Vec<(bool, &Traced)>) = match of.op() {
            Op::Input => (0, Vec::new()),
            Op::Same(one) => (1, vec![(false, one)]),
            Op::Abs(one) => (2, vec![(false, one)]),
            Op::Sum(terms) => (3, terms.iter().map(|(less, term)| (*less, term)).collect()),
            Op::Product(factors) => (4, factors.iter().map(|factor| (false, factor)).collect()),
            Op::Quotient(a, b) => (5, vec![(false, a), (false, b)]),
            Op::Larger(a, b) => (6, vec![(false, a), (false, b)]),
            Op::Smaller(a, b) => (7, vec![(false, a), (false, b)]),
        };
        let parts = parts.into_iter().chain(of.reasons().iter().map(|reason| (false, reason)));
        let key = Key {
            name: of.name().map(|name| (self.called(name.word), name.clone())),
            value: of.value().to_f64().to_bits(),
            op,
            parts: parts.map(|(less, part)| (less, self.number(part))).collect(),
        };
        let next = self.numbers.len();
        let id = *self.numbers.entry(key).or_insert(next);
        self.places.insert(of.key(), id);
        id
    }
}

/// The instrument of an order, by its place in the market.
pub(super) fn order_instrument(holdings: &Holdings, order: usize) -> usize {
    holdings.classes[usize::from(holdings.orders.class[order])].instrument as usize
}
