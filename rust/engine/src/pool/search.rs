//! The search for a safe region: which boxes are tried, and which is taken.

use crate::exact::{Axis, Centre, Enclosed, Interval, Region, larger};

use super::room::{Guard, room};

/// Functions that must keep their sides of zero; each is not negative now, as it is known, and must not fall below what it
/// has left. `None` where rounding leaves a choice open.
pub(super) trait Ask {
    fn functions<'r, C: Centre>(&self, region: &'r Region<C>) -> Option<Vec<Enclosed<'r, C>>>;

    /// What the functions are nearly at present, by a shorter way where there is one: it says where to try first.
    fn guess(&self) -> Option<Vec<Guard>>;
}

/// Looks for a box.
pub(super) struct Search<'a, A> {
    pub(super) ask: &'a A,
    pub(super) axes: &'a [Axis],
    pub(super) weights: &'a [f64],
    /// What is wanted at most.
    pub(super) limits: &'a [Interval],
}

/// A box that is left at most so many times as often as the one that is wanted ends the search: others are hardly better.
const ENOUGH: f64 = 9.0;

/// How often a box is tried.
const TRIALS: usize = 4;

impl<A: Ask> Search<'_, A> {
    /// The guards over a box; `None` where rounding leaves something open in it.
    fn guards<C: Centre>(&self, region: &mut Region<C>, moves: &[Interval], keep: bool) -> Option<Vec<Guard>> {
        region.turn_to(moves, keep);
        let region = &*region;
        let functions = self.ask.functions(region)?;
        Some(functions.iter().chain(&region.kept()).map(|function| Guard::new(function, moves.len())).collect())
    }

    /// The guards over a box, with tiers kept as they are if it is their jumps that take the slack.
    fn tried<C: Centre>(&self, region: &mut Region<C>, trial: &[Interval]) -> Option<Vec<Guard>> {
        let guards = self.guards(region, trial, false);
        if guards.as_ref().is_none_or(|guards| guards.iter().any(|guard| guard.jumps)) {
            return self.guards(region, trial, true).or(guards);
        }
        guards
    }

    /// The moves that are certain; `None` where rounding leaves open what holds now.
    pub(super) fn run<C: Centre>(&self) -> Option<Vec<Interval>> {
        let region = &mut Region::<C>::new(self.axes.to_vec());
        if let Some(found) = self.guessed(region) {
            return Some(found);
        }
        let n = self.axes.len();
        let now = vec![Interval::ZERO; n];
        let Wanted { wanted, first } = self.wanted(&self.guards(region, &now, false)?);
        let enough = ENOUGH * rate(&wanted, &wanted, self.weights);
        let (mut best, mut least) = (now, f64::INFINITY);
        let mut trial = first.clone();
        for _ in 0..TRIALS {
            let found = self.tried(region, &trial);
            let found =
                found.map_or_else(|| vec![Interval::ZERO; n], |guards| room(&guards, 1.0, self.weights, &trial));
            let of_found = rate(&found, &wanted, self.weights);
            let next = next_trial(&trial, &found, &first);
            if of_found < least {
                (best, least) = (found, of_found);
            }
            if least <= enough || next == trial {
                break;
            }
            trial = next;
        }
        Some(best)
    }

    /// What is found where a guess says to try, if it is as good as what is wanted, by the guess and by what is known then.
    fn guessed<C: Centre>(&self, region: &mut Region<C>) -> Option<Vec<Interval>> {
        let guess = self.wanted(&self.ask.guess()?);
        let guards = self.tried(region, &guess.first)?;
        let found = room(&guards, 1.0, self.weights, &guess.first);
        let good = |Wanted { wanted, .. }: Wanted| {
            rate(&found, &wanted, self.weights) <= GOOD * rate(&wanted, &wanted, self.weights)
        };
        (good(guess) && good(self.wanted(&guards))).then_some(found)
    }

    fn wanted(&self, guards: &[Guard]) -> Wanted {
        let wanted = room(guards, 1.0, self.weights, self.limits);
        let limits = self.nearer(&wanted);
        // A little more, since slopes rise along the way.
        Wanted { first: room(guards, 1.25, self.weights, &limits), wanted }
    }
}

/// How far prices could move if slopes were what guards say, and what is tried first.
struct Wanted {
    wanted: Vec<Interval>,
    first: Vec<Interval>,
}

/// A box of a guess that is left at most so many times as often as the one that is wanted is taken.
const GOOD: f64 = 6.0;

/// A side that is so many times as far away as all sides are together is left as seldom as one without an end, nearly; so is
/// one at this distance, or near it.
const SELDOM: f64 = 8.0;
const FAR_ENOUGH: f64 = 0.02;

impl<A> Search<'_, A> {
    /// What is tried at most, where it is wanted at most so much: what moves far by itself bends what others lose.
    fn nearer(&self, wanted: &[Interval]) -> Vec<Interval> {
        if wanted.len() < 2 {
            return self.limits.to_vec();
        }
        let far = larger(SELDOM / rate(wanted, wanted, self.weights).sqrt(), FAR_ENOUGH);
        let near = |weight: f64| Interval::new(-far * weight, far * weight);
        self.limits.iter().zip(self.weights).map(|(limit, &weight)| limit.and(near(weight))).collect()
    }
}

/// How far is tried where nothing says how far to try: four times as much, or a quarter.
const FAR: Interval = Interval::new(-0.75, 3.0);

/// Where to try next: nowhere without bound; then further where all that was tried was found, else nearer to what was found.
fn next_trial(trial: &[Interval], found: &[Interval], first: &[Interval]) -> Vec<Interval> {
    if trial.iter().any(|trial| trial.low < FAR.low || trial.high > FAR.high) {
        return trial.iter().map(|trial| trial.and(FAR)).collect();
    }
    let smaller = |a: f64, b: f64| if a < b { a } else { b };
    let side = |trial: f64, found: f64, first: f64| {
        let nearer = -smaller(-trial * 0.25, -found * 2.0);
        smaller(if found >= trial * 0.99 { trial * 2.0 } else { nearer }, first)
    };
    let sides = trial.iter().zip(found).zip(first);
    let next = sides.map(|((trial, found), first)| {
        Interval::new(-side(-trial.low, -found.low, -first.low), side(trial.high, found.high, first.high)).and(FAR)
    });
    next.collect()
}

/// How often prices leave a box, in proportion: they leave a side that is `z` typical moves away with `1 / z^2`. Sides where
/// nothing is wanted do not count.
fn rate(moves: &[Interval], wanted: &[Interval], weights: &[f64]) -> f64 {
    // Sides at the present price tell boxes apart by their others.
    const LEAST: f64 = 1e-6;
    let of_side = |z: f64, wanted: f64, weight: f64| {
        let moves = weight / larger(z, LEAST);
        if wanted == 0.0 { 0.0 } else { moves * moves }
    };
    let sides = moves.iter().zip(wanted).zip(weights).map(|((of, wanted), &weight)| {
        // What is far away is left seldom, however far it is.
        1.0 + of_side(-of.low, -wanted.low, weight) + of_side(of.high, wanted.high, weight)
    });
    sides.fold(0.0, |sum, of| sum + of)
}
