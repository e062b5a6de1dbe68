//! How far a pool keeps its state along a path, in both directions.

use crate::exact::{Exact, Number};
use crate::pool::{Question, Road};

use super::walk::{LEAST, MOST, Open, Walk};

/// Two neighbouring doubles between which a pool's state changes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Turn {
    /// The last with the state that it is walked from.
    pub(super) before: f64,
    /// The first with the other.
    pub(super) after: f64,
}

/// The state of a pool at a price, and where it changes when that falls and when it rises.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Ends {
    pub(super) fails: bool,
    pub(super) down: Option<Turn>,
    pub(super) up: Option<Turn>,
}

impl Ends {
    /// Walks from a price in both directions.
    pub(super) fn new<C: Number>(road: &Road<'_>, question: Question, price: f64) -> Result<Self, Open> {
        let start: C = C::of(price);
        let piece = road.piece(question, start.clone()).ok_or(Open)?;
        let fails = piece.fails_at(&start).ok_or(Open)?;
        let turn = |to: f64| turn::<C>(road, question, Walk::between(price, to));
        Ok(Self { fails, down: turn(LEAST)?, up: turn(MOST)? })
    }

    /// The double that is reported of a turn: the last safe one, or the first that is safe again.
    pub(super) fn reported(&self, turn: Option<Turn>) -> f64 {
        turn.map_or(f64::NAN, |turn| if self.fails { turn.after } else { turn.before })
    }

    /// The double nearest to the point of change.
    pub(super) fn nearest(&self, road: &Road<'_>, question: Question, turn: Option<Turn>) -> f64 {
        let Some(Turn { before, after }) = turn else { return f64::NAN };
        let (safe, failing) = if self.fails { (after, before) } else { (before, after) };
        let middle = Exact::middle(safe, failing);
        let fails = road.piece(question, middle.clone()).and_then(|piece| piece.fails_at(&middle));
        if fails == Some(true) { safe } else { failing }
    }
}

/// The first change of state along a walk.
pub(super) fn turn<C: Number>(road: &Road<'_>, question: Question, walk: Walk) -> Result<Option<Turn>, Open> {
    let change = walk.first_change(|v: C| road.piece(question, v))?;
    Ok(change.map(|step| Turn { before: walk.double(step - 1), after: walk.double(step) }))
}
