//! How far a pool keeps its state along a path, in both directions.

use crate::exact::{Exact, Number, Wide};
use crate::pool::{Question, Road, Section};

use super::walk::{LEAST, MOST, Open, Turn, Walk, middle};

/// The state of a pool at a price, and where it changes when that falls and when it rises.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Ends {
    pub(super) fails: bool,
    pub(super) down: Option<Turn>,
    pub(super) up: Option<Turn>,
    /// Whether only exact arithmetic could tell.
    pub(super) exact: bool,
}

impl Ends {
    /// Walks from a price in both directions.
    pub(super) fn new(road: &Road<'_>, question: Question, price: f64) -> Self {
        let unknown = Self { fails: false, down: None, up: None, exact: true };
        Self::attempt::<Wide>(road, question, price).unwrap_or_else(|Open| {
            // Without rounding nothing is open.
            Self::attempt::<Exact>(road, question, price).map_or(unknown, |ends| Self { exact: true, ..ends })
        })
    }

    fn attempt<C: Number>(road: &Road<'_>, question: Question, price: f64) -> Result<Self, Open> {
        let (piece, fails) = state::<C>(road, question, &C::of(price))?;
        let one_stretch = !fails && road.is_safe_on_one_stretch();
        let turn = |to: f64| {
            let (walk, at) = (Walk::between(price, to), |v| road.piece(question, v));
            if one_stretch { walk.only_change(at) } else { walk.first_change(fails, &piece, at) }
        };
        Ok(Self { fails, down: turn(LEAST)?, up: turn(MOST)?, exact: false })
    }

    /// The double that is reported of a turn: the last safe one, or the first that is safe again.
    pub(super) fn reported(&self, turn: Option<Turn>) -> f64 {
        turn.map_or(f64::NAN, |turn| if self.fails { turn.after } else { turn.before })
    }

    /// The double nearest to the point of change.
    pub(super) fn nearest(&self, road: &Road<'_>, question: Question, turn: Option<Turn>) -> f64 {
        let Some(Turn { before, after, fails_between }) = turn else { return f64::NAN };
        let (safe, failing) = if self.fails { (after, before) } else { (before, after) };
        let fails = fails_between
            .or_else(|| state::<Wide>(road, question, &middle(before, after)).ok().map(|(_, fails)| fails))
            .or_else(|| state::<Exact>(road, question, &middle(before, after)).ok().map(|(_, fails)| fails));
        if fails == Some(true) { safe } else { failing }
    }
}

/// What holds of a pool at a point of a path, and whether it fails there.
pub(super) fn state<C: Number>(road: &Road<'_>, question: Question, v: &C) -> Result<(Section<C>, bool), Open> {
    let piece = road.piece(question, v.clone()).ok_or(Open)?;
    let fails = piece.fails_at(v).ok_or(Open)?;
    Ok((piece, fails))
}
