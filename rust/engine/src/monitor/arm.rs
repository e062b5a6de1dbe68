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
use super::queue::{Arena, Trigger};
use super::rows::{Row, Rows, Segment};
use super::watches::{Watch, watch_of};

/// A flag that must not change unseen.
#[derive(Debug, Clone, Copy)]
pub(super) struct Guard {
    pub(super) level: f64,
    /// How far `f` is from zero, beyond doubt; 0 where its sign does not tell the flag.
    pub(super) slack: f64,
    /// Whether it must not fall, or else not rise.
    pub(super) falls: bool,
    /// Whether it is a soft stop.
    pub(super) stops: bool,
}

/// The most guards that a pool needs: the nearest flag that is set, the nearest that is not, and a soft stop.
pub(super) const MOST_GUARDS: usize = 3;

/// A position gets what the others leave if that is at least this part of what it would get of all.
const ENOUGH: f64 = 0.25;

/// How far, as a part of it, a coordinate may go while its position is followed.
const FENCE: f64 = 0.25;

/// A trigger stays where it is if it lies at least this far of what is allowed.
const STAYS: f64 = 0.8;

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

    /// What the coordinate adds to what is required at a rate.
    fn adds(&self, rate: f64) -> f64 {
        rate * self.quantity.abs() * if self.x > 0.0 { 1.0 } else { -1.0 }
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
    (pull.here * leg.x.abs() * weight).sqrt()
}

/// A position with what it does to each flag.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part {
    leg: Leg,
    pulls: [Pull; MOST_GUARDS],
    claims: [f64; MOST_GUARDS],
    line: u32,
    jumps: bool,
    inverse: bool,
}

/// A trigger that is to be set.
#[derive(Debug, Clone, Copy)]
pub(super) struct ToSet {
    line: u32,
    edge: Edge,
    trigger: Trigger,
}

/// Where triggers are set, and what sets them.
pub(super) struct Arming<'a> {
    pub(super) rows: &'a Rows,
    pub(super) watches: &'a [Watch],
    pub(super) lines: &'a mut [Line],
    pub(super) arena: &'a mut Arena,
    pub(super) parts: &'a mut Vec<Part>,
    /// What is to be set.
    pub(super) set: &'a mut Vec<ToSet>,
    /// Whether triggers are noted only, and set later, all at once.
    pub(super) quiet: bool,
}

impl Arming<'_> {
    /// Arms a pool so that none of its guards can break unseen.
    ///
    /// `only` is the position whose trigger fired, if all others still have theirs.
    pub(super) fn arm(mut self, pool: &Pool, held: &mut [Held], guards: &[Guard], only: Option<usize>) {
        self.find(pool, held, guards, only);
        self.set_all(held);
    }

    fn find(&mut self, pool: &Pool, held: &mut [Held], guards: &[Guard], only: Option<usize>) {
        let range = pool.held();
        let totals = self.take_apart(&held[range.clone()], guards);
        if let Some(only) = only.filter(|_| range.len() > 1)
            && self.rearm(only, range.clone(), held, (guards, &totals))
        {
            return;
        }
        let mut each = [0.0; MOST_GUARDS];
        for (k, guard) in guards.iter().enumerate() {
            each[k] = if totals[k] > 0.0 { guard.slack / totals[k] } else { 0.0 };
        }
        for at in range.clone() {
            let part = self.parts[at - range.start];
            let shares = std::array::from_fn(|guard| each[guard] * part.claims[guard]);
            self.bound(at, held, &part, (guards.len(), &shares));
        }
    }

    fn take_apart(&mut self, held: &[Held], guards: &[Guard]) -> [f64; MOST_GUARDS] {
        self.parts.clear();
        let mut totals = [0.0; MOST_GUARDS];
        for position in held {
            let leg = Leg::new(position, self.rows);
            let row = &self.rows.of[usize::from(position.row)];
            let weight = self.lines[row.line as usize].weight;
            let none = Pull { harms: [false; 2], here: 0.0, beyond: 0.0 };
            let (mut claims, mut pulls) = ([0.0; MOST_GUARDS], [none; MOST_GUARDS]);
            for (k, guard) in guards.iter().enumerate() {
                pulls[k] = leg.pull(row, guard);
                claims[k] = claim(&pulls[k], &leg, weight);
                totals[k] += claims[k];
            }
            self.parts.push(Part { leg, pulls, claims, line: row.line, jumps: row.jumps, inverse: row.inverse });
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
        let part = self.parts[at - range.start];
        let mut left = [0.0; MOST_GUARDS];
        for (k, guard) in guards.iter().enumerate() {
            left[k] = guard.slack - self.taken(at - range.start, &held[range.clone()], k);
            let fair = guard.slack * if totals[k] > 0.0 { part.claims[k] / totals[k] } else { 0.0 };
            // Written so that what is not a number is not enough.
            let is_enough = left[k] >= ENOUGH * fair && left[k] > 0.0;
            if !is_enough {
                return false;
            }
        }
        self.bound(at, held, &part, (guards.len(), &left));
        true
    }

    /// What all positions of a pool but one can take of a guard within their bounds.
    fn taken(&self, except: usize, held: &[Held], guard: usize) -> f64 {
        let mut taken = 0.0;
        for (at, (part, position)) in self.parts.iter().zip(held).enumerate() {
            if at == except {
                continue;
            }
            let pull = &part.pulls[guard];
            let mut most = 0.0;
            for edge in EDGES {
                let (harms, trigger) = (pull.harms[edge as usize], position.armed[edge as usize]);
                if trigger == FREE && (harms || (part.jumps && part.leg.room(edge) < f64::INFINITY)) {
                    return f64::INFINITY;
                }
                let to = self.coordinate(part, edge, trigger);
                // It may have come over a floor since: what it charges before the trigger jumps then.
                if part.jumps && trigger != FREE && (to - part.leg.x).abs() > part.leg.room(edge) {
                    return f64::INFINITY;
                }
                if harms {
                    let takes = part.leg.takes(pull, edge, to);
                    most = if takes > most { takes } else { most };
                }
            }
            taken += most;
        }
        taken
    }

    /// The coordinate of a position at a trigger.
    fn coordinate(&self, part: &Part, edge: Edge, trigger: u32) -> f64 {
        let line = &self.lines[part.line as usize];
        let bound = line.bound(edge, trigger);
        part.leg.x * if part.inverse { line.price / bound } else { bound / line.price }
    }

    /// Sets the triggers of a position that may take these amounts.
    fn bound(&mut self, at: usize, held: &mut [Held], part: &Part, (n, shares): (usize, &[f64; MOST_GUARDS])) {
        for edge in EDGES {
            let mut reach = if part.jumps { part.leg.room(edge) } else { f64::INFINITY };
            for (pull, &share) in part.pulls[..n].iter().zip(shares) {
                if pull.harms[edge as usize] {
                    let of_guard = part.leg.reach(pull, edge, share);
                    reach = if of_guard < reach { of_guard } else { reach };
                }
            }
            let trigger = self.trigger(part, edge, reach);
            self.replace(held, (at, part.line, edge), trigger);
        }
    }

    /// The trigger of a bound.
    fn trigger(&self, part: &Part, edge: Edge, reach: f64) -> u32 {
        /// More than the roundings from here to a price.
        const INWARD: f64 = 32.0 * f64::EPSILON;
        if reach == f64::INFINITY {
            return FREE;
        }
        let (line, leg) = (&self.lines[part.line as usize], &part.leg);
        let x = if edge == Edge::Low { leg.x - reach } else { leg.x + reach };
        // A coordinate that comes to zero has no price there: beyond it are none, or all.
        if (x > 0.0) != (leg.x > 0.0) || x == 0.0 {
            return FREE;
        }
        let price = line.price * if part.inverse { leg.x / x } else { x / leg.x };
        let bound = if edge == Edge::Low { price * (1.0 + INWARD) } else { price * (1.0 - INWARD) };
        line.trigger(edge, bound)
    }

    /// Sets a trigger, unless the one that is there does as well.
    fn replace(&mut self, held: &mut [Held], (at, of, edge): (usize, u32, Edge), trigger: u32) {
        let line = &self.lines[of as usize];
        let old = held[at].armed[edge as usize];
        if old == trigger || (old > trigger && trigger != FREE && line.is_near(edge, (old, trigger), STAYS)) {
            return;
        }
        held[at].armed[edge as usize] = trigger;
        if trigger != FREE && !self.quiet {
            line.will_set(self.arena, edge, trigger);
            let trigger = Trigger { at: trigger, who: u32::try_from(at).unwrap_or(u32::MAX) };
            self.set.push(ToSet { line: of, edge, trigger });
        }
    }

    /// Sets what is to be set, after it was fetched.
    fn set_all(&mut self, held: &[Held]) {
        for ToSet { line, edge, trigger } in self.set.drain(..) {
            let is_live = |trigger| is_live(held, self.watches, edge, trigger);
            self.lines[line as usize].set(self.arena, edge, trigger, is_live);
        }
    }
}

/// What a position that is followed may do, some of which it is not told at once.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ahead {
    /// What its coordinate adds to what is required, here, and at least and at most as far as it may go untold.
    pub(super) rate: f64,
    rates: [f64; 2],
    /// Between which coordinates the rate holds; they are at most a good part away.
    fence: [f64; 2],
    /// Whether it may go beyond untold, because all rates are reckoned with.
    is_open: bool,
}

impl Ahead {
    /// A position whose coordinate may go `untold`, at most.
    pub(super) fn new(held: &Held, rows: &Rows, untold: f64) -> Self {
        let (leg, row) = (Leg::new(held, rows), &rows.of[usize::from(held.row)]);
        let [low, high] = EDGES.map(|edge| leg.room(edge));
        let least = if low < high { low } else { high };
        let most = FENCE * leg.x.abs();
        let [below, above] = [low, high].map(|room| if room < most { room } else { most });
        let is_open = !row.jumps && least <= 2.0 * untold;
        let rates = if is_open { [row.least, row.most] } else { [leg.segment.rate; 2] };
        Self {
            rate: leg.adds(leg.segment.rate),
            rates: rates.map(|rate| leg.adds(rate)),
            fence: [leg.x - below, leg.x + above],
            is_open,
        }
    }

    /// The most that a unit of the coordinate takes of a guard.
    pub(super) fn steepest(&self, quantity: f64, level: f64) -> f64 {
        let [a, b] = self.rates.map(|rate| (quantity - level * rate).abs());
        if a > b { a } else { b }
    }

    /// Between which coordinates it may be told that it is, if it goes so far untold.
    pub(super) fn fence(&self, untold: f64) -> [f64; 2] {
        let untold = if self.is_open { 0.0 } else { untold };
        let [low, high] = self.fence;
        [low + untold, high - untold]
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
