//! The figures of a pool in the order of reading.

use std::cmp::Ordering;

use crate::exact::Traced;
use crate::market::{Combine, Rules, TriggerPrice, VenueRatio};
use crate::pool::{Book, PoolValue, Tested};
use crate::score::{self, Column};

use super::formula::Token;
use super::tree::Tree;
use super::{Term, Unit};

/// A pool's figures as scored, and as derived for each constraint.
pub(super) struct Figures {
    pub(super) scored: score::Figures,
    pub(super) tested: Vec<Tested>,
}

impl Figures {
    /// The terms of all figures: the verdict first, then what it is made of, then the rest.
    pub(super) fn terms(&self, book: &Book, pool: usize) -> Vec<Term> {
        let mut tree = Tree::new(book, pool, &self.scored);
        self.write_verdict(&mut tree, book.market().rules());
        if let Some(Tested { value, .. }) = self.tested.first() {
            tree.turn_to(true, price_of(book.market().rules(), 0));
            self.write_ratios(&mut tree, book.market().rules(), value);
            for (word, number) in rest(value) {
                let top = tree.top();
                if let Some(number) = number {
                    tree.write(number, top);
                } else {
                    tree.terms.push(Tree::blank(word, top));
                }
            }
        }
        tree.terms
    }

    /// Writes whether the pool is liquidatable, and the excess of every constraint.
    fn write_verdict(&self, tree: &mut Tree<'_>, rules: &Rules) {
        let verdict = Tree::blank("liquidatable", tree.top());
        tree.terms.push(Term {
            value: f64::from(u8::from(self.scored.liquidatable)),
            unit: Unit::None,
            rule: "trigger".to_owned(),
            ..verdict
        });
        let mut formula = Vec::new();
        for (k, (constraint, tested)) in rules.constraints().iter().zip(&self.tested).enumerate() {
            if k > 0 {
                formula.push(Token::Symbol(if rules.combine() == Combine::Any { "or" } else { "and" }));
            }
            tree.turn_to(k == 0, price_of(rules, k));
            let top = tree.top();
            let at = tree.write(&tested.excess, top.below(0));
            if rules.constraints().len() > 1 {
                tree.terms[at].constraint.clone_from(&constraint.name);
            }
            let zero = Token::Number { word: "", value: 0.0 };
            formula.extend([Token::Term(at), Token::Symbol(if constraint.zero_fails { "<=" } else { "<" }), zero]);
        }
        let exposed = self.tested.first().is_some_and(|tested| tested.value.exposed);
        tree.terms[0].formula = if exposed { formula } else { Vec::new() };
    }

    /// Writes the ratios of collateral to what is required.
    fn write_ratios(&self, tree: &mut Tree<'_>, rules: &Rules, value: &PoolValue<Traced>) {
        let inverted = rules.venue_ratio() == VenueRatio::MaintenanceOverEquity;
        let (collateral, maintenance) = (&value.collateral_value, &value.maintenance_margin);
        for (column, above, below) in [
            (Column::MarginRatio, collateral, maintenance),
            if inverted {
                (Column::VenueRatio, maintenance, collateral)
            } else {
                (Column::VenueRatio, collateral, maintenance)
            },
        ] {
            let at = tree.terms.len();
            let mut term = Tree::blank(column.name(), tree.top());
            term.value = self.scored.get(column);
            term.unit = Unit::None;
            term.rule = if column == Column::VenueRatio { "display.venue_ratio".to_owned() } else { String::new() };
            tree.terms.push(term);
            let under = tree.top().below(at);
            let above = tree.write(above, under);
            let is_defined = below.value().sign() == Ordering::Greater;
            let below = tree.write(below, under);
            if is_defined {
                tree.terms[at].formula = vec![Token::Term(above), Token::Symbol("/"), Token::Term(below)];
            }
        }
    }
}

/// What the price that a constraint looks at is called.
fn price_of(rules: &Rules, constraint: usize) -> &'static str {
    let price = rules.constraints().get(constraint).map(|constraint| constraint.price);
    if price == Some(TriggerPrice::Last) { "last_price" } else { "mark_price" }
}

/// The figures that no verdict is made of.
fn rest(value: &PoolValue<Traced>) -> [(&'static str, Option<&Traced>); 8] {
    [
        ("initial_margin", value.initial_margin.as_ref()),
        ("free_margin", value.free_margin.as_ref()),
        ("available", value.available.as_ref()),
        ("withdrawable", value.withdrawable.as_ref()),
        ("equity", Some(&value.equity)),
        ("wallet_balance", Some(&value.wallet_balance)),
        ("unrealized_pnl", Some(&value.unrealized_pnl)),
        ("notional", Some(&value.notional)),
    ]
}
