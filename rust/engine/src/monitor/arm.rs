//! How far prices may go until a pool has to be looked at again.
//!
//! A flag is the sign of `f = equity - level * required - threshold`. Along the coordinate of one position `f` has the slope
//! `quantity * (1 - level * rate)`, or `1 + level * rate` where notional falls as value rises; rates are those of the tiers
//! that are passed. So what a position can take from `f` (or give to it, where the flag is set) on its way to a bound is known,
//! and as long as these amounts add up to less than what `f` is away from zero, the flag stays as it is whatever prices do
//! within their bounds, all at once.
//!
//! The distance is reduced by the error of `f`, which is larger than all that rounding does to the bounds.

use super::line::{EDGES, Edge, FREE, Line};
use super::pools::{Held, Pool};
use super::queue::Trigger;
use super::rows::{Row, Rows, Segment};
use super::watches::{Watch, watch_of};

/// A flag that must not change unseen.
#[derive(Debug, Clone, Copy)]
pub(super) struct Guard {
    pub(super) level: f64,
    pub(super) threshold: f64,
    /// How far `f` is from zero, beyond doubt; 0 where its sign does not tell the flag.
    pub(super) slack: f64,
    /// More than the error of `f`.
    pub(super) bound: f64,
    /// Whether it must not fall, or else not rise.
    pub(super) falls: bool,
}

/// The most guards that a pool needs: the nearest flag that is set, the nearest that is not, and a soft stop.
pub(super) const MOST_GUARDS: usize = 3;

/// How much of the slack is left to who comes first.
const RESERVE: f64 = 0.25;

/// How far, as a part of it, a coordinate may go while its position is followed.
const FENCE: f64 = 0.25;

/// A trigger stays where it is if it lies at least this far of what is allowed.
const STAYS: f64 = 0.5;

/// A position with what its bounds depend on.
#[derive(Debug, Clone, Copy)]
struct Leg {
    x: f64,
    quantity: f64,
    notional: f64,
    segment: Segment,
}

/// What a position does to a flag.
#[derive(Debug, Clone, Copy)]
struct Pull {
    /// Whether it does harm on its way to lower prices, and to higher ones.
    harms: [bool; 2],
    /// What it does for each unit of its coordinate: in its present tier, and at most in others.
    here: f64,
    beyond: f64,
}

impl Leg {
    fn new(held: &Held, rows: &Rows) -> Self {
        let x = rows.of[usize::from(held.row)].x;
        let notional = (held.quantity * x).abs();
        Self { x, quantity: held.quantity, notional, segment: rows.segment(held.row, notional) }
    }

    fn pull(&self, row: &Row, guard: &Guard) -> Pull {
        let size = self.quantity.abs();
        let opposed = (self.quantity > 0.0) == (self.x > 0.0);
        let factor = |rate: f64| if opposed { 1.0 - guard.level * rate } else { 1.0 + guard.level * rate };
        let (a, b) = (factor(row.least), factor(row.most));
        let (least, most) = if a < b { (a, b) } else { (b, a) };
        if least > 0.0 {
            let lower = (self.quantity > 0.0) == guard.falls;
            return Pull { harms: [lower, !lower], here: size * factor(self.segment.rate), beyond: size * most };
        }
        let most = size * if -least > most { -least } else { most };
        Pull { harms: [true, true], here: most, beyond: most }
    }

    /// How far the coordinate may go within the present tier.
    fn room(&self, edge: Edge) -> f64 {
        let shrinks = (self.x > 0.0) == (edge == Edge::Low);
        let room = if shrinks { self.notional - self.segment.from } else { self.segment.to - self.notional };
        room / self.quantity.abs()
    }

    /// How far the coordinate may go until it has taken an amount.
    fn reach(&self, pull: &Pull, edge: Edge, amount: f64) -> f64 {
        let (here, room) = (amount / pull.here, self.room(edge));
        if here <= room { here } else { room + (amount - pull.here * room) / pull.beyond }
    }

    /// What it takes on its way to a coordinate.
    fn takes(&self, pull: &Pull, edge: Edge, to: f64) -> f64 {
        let (way, room) = ((to - self.x).abs(), self.room(edge));
        if way <= room { pull.here * way } else { pull.here * room + pull.beyond * (way - room) }
    }
}

/// How much of the slack a position gets: between a share by what its price moves it, and equal ones.
fn claim(pull: &Pull, leg: &Leg, weight: f64) -> f64 {
    let moved = pull.here * leg.x.abs() * weight;
    (moved * moved.sqrt()).sqrt()
}

/// Where triggers are set, and what sets them.
pub(super) struct Arming<'a> {
    pub(super) rows: &'a Rows,
    pub(super) watches: &'a [Watch],
    pub(super) lines: &'a mut [Line],
    pub(super) claims: &'a mut Vec<[f64; MOST_GUARDS]>,
    /// Whether triggers are noted only, and set later, all at once.
    pub(super) quiet: bool,
}

impl Arming<'_> {
    /// Arms a pool so that none of its guards can break unseen.
    ///
    /// `only` is the position whose trigger fired, if all others still have theirs.
    pub(super) fn arm(&mut self, pool: &Pool, held: &mut [Held], guards: &[Guard], only: Option<usize>) {
        let range = pool.held();
        let totals = self.claim_all(&held[range.clone()], guards);
        if let Some(only) = only
            && self.rearm(only, range.clone(), held, (guards, &totals))
        {
            return;
        }
        for at in range.clone() {
            let claims = self.claims[at - range.start];
            let share = |guard: usize| {
                (1.0 - RESERVE)
                    * guards[guard].slack
                    * if totals[guard] > 0.0 { claims[guard] / totals[guard] } else { 0.0 }
            };
            let shares: [f64; MOST_GUARDS] =
                std::array::from_fn(|guard| if guard < guards.len() { share(guard) } else { 0.0 });
            self.set(at, held, guards, &shares);
        }
    }

    fn claim_all(&mut self, held: &[Held], guards: &[Guard]) -> [f64; MOST_GUARDS] {
        self.claims.clear();
        let mut totals = [0.0; MOST_GUARDS];
        for position in held {
            let leg = Leg::new(position, self.rows);
            let row = &self.rows.of[usize::from(position.row)];
            let weight = self.lines[row.line as usize].weight;
            let mut claims = [0.0; MOST_GUARDS];
            for (k, guard) in guards.iter().enumerate() {
                claims[k] = claim(&leg.pull(row, guard), &leg, weight);
                totals[k] += claims[k];
            }
            self.claims.push(claims);
        }
        totals
    }

    /// Gives one position what the bounds of the others leave, if that is enough.
    fn rearm(
        &mut self,
        at: usize,
        range: std::ops::Range<usize>,
        held: &mut [Held],
        (guards, totals): (&[Guard], &[f64; MOST_GUARDS]),
    ) -> bool {
        let mut left = [0.0; MOST_GUARDS];
        for (k, guard) in guards.iter().enumerate() {
            left[k] = guard.slack - self.taken(at, range.clone(), held, guard);
            let fair = guard.slack * if totals[k] > 0.0 { self.claims[at - range.start][k] / totals[k] } else { 0.0 };
            // Written so that what is not a number is not enough.
            if !(left[k] >= RESERVE * fair && left[k] > 0.0) {
                return false;
            }
            left[k] *= 1.0 - RESERVE * 0.5;
        }
        self.set(at, held, guards, &left);
        true
    }

    /// What all positions but one can take of a guard within their bounds.
    fn taken(&self, except: usize, range: std::ops::Range<usize>, held: &[Held], guard: &Guard) -> f64 {
        let mut taken = 0.0;
        for at in range.filter(|&at| at != except) {
            let position = &held[at];
            let row = &self.rows.of[usize::from(position.row)];
            let leg = Leg::new(position, self.rows);
            let pull = leg.pull(row, guard);
            let mut most = 0.0;
            for edge in EDGES {
                if !pull.harms[edge as usize] {
                    continue;
                }
                let trigger = position.armed[edge as usize];
                if trigger == FREE {
                    return f64::INFINITY;
                }
                let bound = self.lines[row.line as usize].bound(edge, trigger);
                let takes = leg.takes(&pull, edge, self.rows.x_at(position.row, bound));
                most = if takes > most { takes } else { most };
            }
            taken += most;
        }
        taken
    }

    /// Sets the triggers of a position that may take these amounts.
    fn set(&mut self, at: usize, held: &mut [Held], guards: &[Guard], shares: &[f64; MOST_GUARDS]) {
        let position = held[at];
        let row = &self.rows.of[usize::from(position.row)];
        let leg = Leg::new(&position, self.rows);
        for edge in EDGES {
            let mut reach = if row.jumps { leg.room(edge) } else { f64::INFINITY };
            for (guard, &share) in guards.iter().zip(shares) {
                let pull = leg.pull(row, guard);
                if pull.harms[edge as usize] {
                    let of_guard = leg.reach(&pull, edge, share);
                    reach = if of_guard < reach { of_guard } else { reach };
                }
            }
            let trigger = self.trigger(&position, row, &leg, (edge, reach));
            self.replace(held, (at, row.line as usize, edge), trigger);
        }
    }

    /// Sets the triggers of a position that is followed: where its tier ends, or a good part away. Gives its rate there.
    pub(super) fn fence(&mut self, at: usize, held: &mut [Held]) -> f64 {
        let position = held[at];
        let row = &self.rows.of[usize::from(position.row)];
        let leg = Leg::new(&position, self.rows);
        for edge in EDGES {
            let (room, most) = (leg.room(edge), FENCE * leg.x.abs());
            let trigger = self.trigger(&position, row, &leg, (edge, if room < most { room } else { most }));
            self.replace(held, (at, row.line as usize, edge), trigger);
        }
        leg.segment.rate * position.quantity.abs() * if leg.x > 0.0 { 1.0 } else { -1.0 }
    }

    /// The trigger of a bound.
    fn trigger(&self, position: &Held, row: &Row, leg: &Leg, (edge, reach): (Edge, f64)) -> u32 {
        /// More than the roundings from here to a price.
        const INWARD: f64 = 32.0 * f64::EPSILON;
        if reach == f64::INFINITY {
            return FREE;
        }
        let line = &self.lines[row.line as usize];
        let x = if edge == Edge::Low { leg.x - reach } else { leg.x + reach };
        // A coordinate that comes to zero has no price there: beyond it are none, or all.
        if (x > 0.0) != (leg.x > 0.0) || x == 0.0 {
            return FREE;
        }
        let price = self.rows.price(position.row, x);
        let bound = if edge == Edge::Low { price * (1.0 + INWARD) } else { price * (1.0 - INWARD) };
        line.trigger(edge, bound)
    }

    /// Sets a trigger, unless the one that is there does as well.
    fn replace(&mut self, held: &mut [Held], (at, line, edge): (usize, usize, Edge), trigger: u32) {
        let line = &mut self.lines[line];
        let old = held[at].armed[edge as usize];
        if old == trigger || (old > trigger && trigger != FREE && line.is_near(edge, (old, trigger), STAYS)) {
            return;
        }
        held[at].armed[edge as usize] = trigger;
        line.unset(edge, old);
        if trigger != FREE && !self.quiet {
            let who = u32::try_from(at).unwrap_or(u32::MAX);
            let held = &*held;
            line.set(edge, Trigger { at: trigger, who }, |trigger| is_live(held, self.watches, edge, trigger));
        }
    }
}

/// Whether a trigger is that of who set it.
pub(super) fn is_live(held: &[Held], watches: &[Watch], edge: Edge, trigger: Trigger) -> bool {
    let armed = match watch_of(trigger.who) {
        None => &held[trigger.who as usize].armed,
        Some(watch) => &watches[watch].armed,
    };
    armed[edge as usize] == trigger.at
}
