//! A walk over neighbouring doubles, and where along it something changes, decided by exact signs.

use std::cmp::Ordering;

use crate::exact::{Number, Polynomial};
use crate::pool::{Section, Test};

/// The smallest and the largest magnitude that a price can have.
pub(super) const LEAST: f64 = f64::from_bits((1023 - 256) << 52);
pub(super) const MOST: f64 = f64::from_bits((1023 + 256) << 52);

/// Rounding left open what is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Open;

/// Two neighbouring doubles between which a pool's state changes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Turn {
    /// The last with the state that it is walked from.
    pub(super) before: f64,
    /// The first with the other.
    pub(super) after: f64,
    /// Whether the pool fails in the middle of both, where that is known.
    pub(super) fails_between: Option<bool>,
}

/// The middle of two doubles, as binary numbers.
pub(super) fn middle<C: Number>(a: f64, b: f64) -> C {
    C::binary(a).plus(&C::binary(b)).times(&C::of(0.5))
}

/// Neighbouring doubles, from one to another, each read as its decimal; the variable of a path is that, or its negative.
#[derive(Debug, Clone, Copy)]
pub(super) struct Walk {
    from: u64,
    up: bool,
    negative: bool,
    /// The last step.
    steps: u64,
}

impl Walk {
    /// From a positive double down or up to another.
    pub(super) fn between(from: f64, to: f64) -> Self {
        let (from, to) = (from.to_bits(), to.to_bits());
        Self { from, up: to >= from, negative: false, steps: from.abs_diff(to) }
    }

    /// The same doubles with the sign turned.
    pub(super) const fn negative(self, negative: bool) -> Self {
        Self { negative, ..self }
    }

    /// The magnitude at a step.
    pub(super) const fn double(&self, step: u64) -> f64 {
        f64::from_bits(if self.up { self.from + step } else { self.from - step })
    }

    /// The variable at a step.
    pub(super) fn value<C: Number>(&self, step: u64) -> C {
        let v = C::of(self.double(step));
        if self.negative { C::zero().minus(&v) } else { v }
    }

    /// The step that is nearest to a value of the variable.
    fn nearest(&self, v: f64) -> u64 {
        let magnitude = if self.negative { -v } else { v };
        let bits = if magnitude > 0.0 { magnitude.to_bits() } else { 0 };
        let steps = if self.up { bits.saturating_sub(self.from) } else { self.from.saturating_sub(bits) };
        steps.min(self.steps)
    }

    /// The first change of a pool's state after step 0, where it `fails` or not and `first` is what holds there; `None` where
    /// there is none.
    pub(super) fn first_change<C: Number>(
        &self,
        fails: bool,
        first: &Section<C>,
        piece_at: impl Fn(C) -> Option<Section<C>>,
    ) -> Result<Option<Turn>, Open> {
        let mut step = 0;
        let mut later: Option<Section<C>> = None;
        loop {
            let piece = later.as_ref().unwrap_or(first);
            if !piece.on_switch {
                let change = self.change_of_piece(piece, fails, step)?;
                let end = self.end_of_piece(piece, step, change.unwrap_or(self.steps))?;
                if let Some(change) = change.filter(|change| *change <= end) {
                    return Ok(Some(self.turn(change, Some(piece))));
                }
                step = end;
            }
            if step == self.steps {
                return Ok(None);
            }
            step += 1;
            let v: C = self.value(step);
            let next = piece_at(v.clone()).ok_or(Open)?;
            if next.fails_at(&v).ok_or(Open)? != fails {
                return Ok(Some(self.turn::<C>(step, None)));
            }
            later = Some(next);
        }
    }

    /// As [`Self::first_change`] from where a pool is safe, if it is safe on one stretch of the walk only: from the end of the
    /// walk back, each time to where the piece there ends to be safe, which is never too far.
    pub(super) fn only_change<C: Number>(
        &self,
        piece_at: impl Fn(C) -> Option<Section<C>>,
    ) -> Result<Option<Turn>, Open> {
        let state = |step: u64| {
            let v: C = self.value(step);
            let piece = piece_at(v.clone()).ok_or(Open)?;
            let fails = piece.fails_at(&v).ok_or(Open)?;
            Ok((piece, fails))
        };
        if self.steps == 0 {
            return Ok(None);
        }
        let mut failing = self.steps;
        let (mut piece, fails) = state(failing)?;
        if !fails {
            return Ok(None);
        }
        loop {
            // A piece that is safe nowhere says nothing but that the step before is the next to try.
            let change = self.change_of_piece(&piece, false, 0)?.unwrap_or(failing).min(failing);
            if change == 1 {
                return Ok(Some(self.turn::<C>(change, None)));
            }
            let (before, fails) = state(change - 1)?;
            if !fails {
                return Ok(Some(self.turn(change, Some(&before).filter(|before| self.is_on(before, change)))));
            }
            (piece, failing) = (before, change - 1);
        }
    }

    /// Whether a piece holds from a step before to this one.
    fn is_on<C: Number>(&self, piece: &Section<C>, step: u64) -> bool {
        !piece.on_switch && self.end_of_piece(piece, step - 1, step) == Ok(step)
    }

    /// The change at a step, and what a piece, which holds on both sides of it, says between both.
    fn turn<C: Number>(&self, step: u64, piece: Option<&Section<C>>) -> Turn {
        let (before, after) = (self.double(step - 1), self.double(step));
        // Other switches may turn back between two neighbours.
        let is_plain = |piece: &&Section<C>| piece.switches.iter().all(|switch| switch.degree() <= 1);
        let between = piece.filter(is_plain).and_then(|piece| piece.fails_at(&middle(before, after)));
        Turn { before, after, fails_between: between }
    }

    /// The first step after `from` where a piece, if it held so far, would have another state than `fails`.
    fn change_of_piece<C: Number>(&self, piece: &Section<C>, fails: bool, from: u64) -> Result<Option<u64>, Open> {
        let mut step = from;
        loop {
            let mut next: Option<u64> = None;
            for test in &piece.tests {
                let until = Stretch { from: step, to: next.unwrap_or(self.steps) };
                next = self.flip(&test.function, &|sign| Test::fails(test, sign), until)?.or(next);
            }
            let Some(at) = next else { return Ok(None) };
            if piece.fails_at(&self.value(at)).ok_or(Open)? != fails {
                return Ok(Some(at));
            }
            step = at;
        }
    }

    /// The last step, `to` at most, up to which no switch changes its sign.
    fn end_of_piece<C: Number>(&self, piece: &Section<C>, from: u64, to: u64) -> Result<u64, Open> {
        let mut end = to;
        for switch in &piece.switches {
            let sign = switch.sign_at(&self.value(from)).ok_or(Open)?;
            if let Some(at) = self.flip(switch, &|other| other == sign, Stretch { from, to: end })? {
                end = at - 1;
            }
        }
        Ok(end)
    }

    /// The first step of a stretch after its first where what holds of a function's sign is not as at the first; what holds
    /// changes once where the function rises or falls.
    fn flip<C: Number>(
        &self,
        function: &Polynomial<C>,
        holds: &dyn Fn(Ordering) -> bool,
        Stretch { from, to }: Stretch,
    ) -> Result<Option<u64>, Open> {
        if function.degree() == 0 || from == to {
            return Ok(None);
        }
        let at = |step: u64| function.sign_at(&self.value(step)).ok_or(Open).map(holds);
        let first = at(from)?;
        if function.degree() == 1 {
            return self.flip_of_monotone(function, &at, first, Stretch { from, to });
        }
        let slope = function.derivative();
        let mut step = from;
        loop {
            let rises = slope.sign_at(&self.value(step)).ok_or(Open)?;
            // Between two neighbouring doubles a function may turn.
            let turn = match rises {
                Ordering::Equal => Some(step + 1),
                _ => self.flip(&slope, &|sign| sign == rises, Stretch { from: step, to })?,
            };
            let end = turn.map_or(to, |turn| turn - 1);
            if let Some(found) = self.flip_of_monotone(function, &at, first, Stretch { from: step, to: end })? {
                return Ok(Some(found));
            }
            if end == to {
                return Ok(None);
            }
            step = end + 1;
            if at(step)? != first {
                return Ok(Some(step));
            }
        }
    }

    /// As [`Self::flip`], of a stretch where the function rises or falls throughout.
    fn flip_of_monotone<C: Number>(
        &self,
        function: &Polynomial<C>,
        at: &dyn Fn(u64) -> Result<bool, Open>,
        first: bool,
        Stretch { from, to }: Stretch,
    ) -> Result<Option<u64>, Open> {
        if from == to || at(to)? == first {
            return Ok(None);
        }
        let (mut before, mut after) = (from, to);
        if let Some(root) = function.near_root() {
            // The root is known nearly: gallop from there to a step on its other side.
            let near = self.nearest(root).clamp(before, after);
            let mut stride = 1;
            let mut probe = near;
            loop {
                if at(probe)? == first {
                    before = before.max(probe);
                    if probe < near || probe == after {
                        break;
                    }
                    probe = probe.saturating_add(stride).min(after);
                } else {
                    after = after.min(probe);
                    if probe > near || probe == before {
                        break;
                    }
                    probe = probe.saturating_sub(stride).max(before);
                }
                stride *= 2;
            }
        }
        while after - before > 1 {
            let middle = before + (after - before) / 2;
            if at(middle)? == first { before = middle } else { after = middle }
        }
        Ok(Some(after))
    }
}

/// Steps of a walk from one to another.
#[derive(Debug, Clone, Copy)]
struct Stretch {
    from: u64,
    to: u64,
}
