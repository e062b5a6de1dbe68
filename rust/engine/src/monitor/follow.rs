//! Pools so near to a flag that boxes around them would be left at once: they are followed.
//!
//! Of a pool that is followed, how far its equity and what is required of it went is kept up from price to price, by one product
//! each, as long as every position stays within its fence: its tier, and a quarter of where it was. That costs a few
//! nanoseconds; the pool is looked at only where a flag may have changed.
//!
//! The farther it is from its flags, the less often it has to be told of a price: there are tiers of followers, and those of
//! tier `t` are told when the price is farther than [`HOPS`]`[t]` typical steps from where they were told last, of all that it
//! went since. What was not told yet is taken off the distances beforehand.

use crate::memory::{will_read, with_room};

use super::arm::{Ahead, Guard};
use super::followed::{AWAY, Followed, Follower, HOPS, Kept, MOST_TICKS, Prospect, TIERS, above};
use super::line::FREE;
use super::pools::{ALONE, Held, Sums};
use super::rows::Rows;
use super::state::State;

/// What has to be left beyond what may be untold, in parts of the tier's hop, to enter a tier and to stay in it.
const ENTER: f64 = 1.0;
const STAY: f64 = 0.1;

/// A pool that was not followed is from so many hops of the boxes on.
const BACK: f64 = 1.5;

/// A typical step counts as another from so many times on, and is then taken for somewhat larger than it is, as it may be growing.
const GROWN: f64 = 2.0;
const AMPLE: f64 = 1.5;

/// The most that the last hop may be of a coordinate.
const MOST_HOP: f64 = 0.125;

/// How many followers of nobody a list may have beside twice those of pools.
const MOST_DEAD: usize = 16;

/// Of so many followers that are told one may belong to nobody.
const DEAD_PARTS: usize = 8;

/// Room for so many pools at least.
const LEAST_ROOM: usize = 1 << 6;

/// How many followers ahead pools are fetched.
const AHEAD: usize = 20;

/// The followers of a row, of one tier.
#[derive(Debug, Clone, Default)]
struct Followers {
    of: Vec<Follower>,
    /// How many of them belong to pools that are still followed so.
    live: usize,
    /// Where the coordinate was when they were told.
    told: f64,
}

/// A row as followers know it.
#[derive(Debug, Clone, Default)]
struct Course {
    tiers: [Followers; TIERS],
    /// What a typical step is, in its coordinate.
    step: f64,
}

impl Course {
    /// A row that nobody follows yet.
    fn new(x: f64, step: f64) -> Self {
        let mut course = Self { step: step_of(x, step), ..Self::default() };
        course.tiers.iter_mut().for_each(|followers| followers.told = x);
        course
    }
}

/// A step of a coordinate for one of its price.
fn step_of(x: f64, step: f64) -> f64 {
    const MOST: f64 = MOST_HOP / HOPS[TIERS - 1];
    x.abs() * if step < MOST { step } else { MOST }
}

/// All pools that are followed, and their positions by row and tier.
#[derive(Debug, Clone)]
pub(super) struct Following {
    pools: Vec<Followed>,
    courses: Vec<Course>,
    /// Places of pools that are followed no more.
    free: Vec<u32>,
    /// No typical step is a larger part of its coordinate, or was.
    widest: f64,
    /// How many prices moved, and the place of the pool whose age was seen last.
    ticks: u32,
    seen: usize,
    /// What the positions of a pool do ahead: room that is used again.
    ahead: Vec<Ahead>,
}

impl Following {
    pub(super) const fn new() -> Self {
        Self {
            pools: Vec::new(),
            courses: Vec::new(),
            free: Vec::new(),
            widest: 0.0,
            ticks: 0,
            seen: 0,
            ahead: Vec::new(),
        }
    }

    /// Makes room for the rows that there are; steps are of their prices.
    pub(super) fn know(&mut self, rows: &Rows, step: impl Fn(u32) -> f64) {
        for row in &rows.of[self.courses.len()..] {
            let step = step(row.line);
            self.courses.push(Course::new(row.x, step));
            self.widest = if step > self.widest { step } else { self.widest };
        }
    }

    /// Fetches a pool that will be read soon.
    #[inline]
    pub(super) fn fetch(&self, at: u32) {
        will_read(&self.pools, at as usize);
    }

    /// A place for a pool, and the generation of its followers.
    fn place(&mut self) -> (u32, u32) {
        if let Some(at) = self.free.pop() {
            return (at, self.pools[at as usize].generation);
        }
        if self.pools.len() == self.pools.capacity() {
            // On large pages, once it is large: it is read in no order.
            let mut more = with_room(2 * self.pools.len() + LEAST_ROOM);
            more.append(&mut self.pools);
            self.pools = more;
        }
        self.pools.push(Followed::vacant(0));
        (u32::try_from(self.pools.len() - 1).unwrap_or(ALONE), 0)
    }

    /// Gives a place back: its followers belong to nobody. Where its generations are used up it is not given to another.
    fn disown(&mut self, at: u32) {
        let next = self.pools[at as usize].generation.saturating_add(1);
        self.pools[at as usize] = Followed::vacant(next);
        if next < u32::MAX {
            self.free.push(at);
        }
    }

    /// Takes the step of a line; `look` is told the slots of pools that have to be looked at, and their first positions.
    #[inline]
    pub(super) fn go(&mut self, line: usize, rows: &Rows, step: f64, mut look: impl FnMut(u32, u32)) -> u64 {
        self.ticks = self.ticks.wrapping_add(1);
        self.age(&mut look);
        let mut n = 0;
        for &row in rows.of_line(line) {
            let (row, x) = (usize::from(row), rows.x(row));
            let (now, known) = (step_of(x, step), self.courses[row].step);
            if now < known / GROWN {
                // What was taken off for what may be untold is more than enough then; what is untold is told below.
                self.courses[row].step = now;
            }
            for (tier, hop) in HOPS.into_iter().enumerate().take(TIERS) {
                let course = &self.courses[row];
                // Written so that what is not a number is told. The nearest are told of each price: two may have one coordinate.
                let is_near = tier > 0 && (x - course.tiers[tier].told).abs() <= hop * course.step;
                if !is_near {
                    n += self.tell((row, tier), x, &mut look);
                }
            }
            if now > GROWN * known {
                self.widest = if AMPLE * step > self.widest { AMPLE * step } else { self.widest };
                self.widen(row, step_of(x, AMPLE * step), &mut look);
            }
        }
        n
    }

    /// Sees whether the sums of some pool are old. All are seen in as many ticks as there are of them.
    #[inline]
    fn age(&mut self, look: &mut impl FnMut(u32, u32)) {
        self.seen = if self.seen + 1 < self.pools.len() { self.seen + 1 } else { 0 };
        if let Some(Followed { kept, .. }) = self.pools.get(self.seen)
            && self.ticks.wrapping_sub(kept.since) > MOST_TICKS
            && kept.slot != ALONE
        {
            look(kept.slot, kept.first);
        }
    }

    /// Tells the followers of a tier where their coordinate is.
    #[inline]
    fn tell(&mut self, (row, tier): (usize, usize), x: f64, look: &mut impl FnMut(u32, u32)) -> u64 {
        let Followers { of, told, .. } = &mut self.courses[row].tiers[tier];
        let dx = x - std::mem::replace(told, x);
        let shorter = [above(x), -above(-x)];
        let pools = &mut self.pools;
        let mut n_dead = 0;
        let mut tell = |pools: &mut Vec<Followed>, follower: &Follower| {
            let pool = &mut pools[follower.at as usize];
            if pool.generation != follower.generation {
                n_dead += 1;
                return;
            }
            let (stays, is_within) = (pool.step(follower, dx), follower.is_within(shorter));
            if !(stays && is_within) {
                pool.kept.outside |= !is_within;
                look(pool.kept.slot, pool.kept.first);
            }
        };
        of.iter().take(AHEAD).for_each(|follower| will_read(pools, follower.at as usize));
        let (first, last) = of.split_at(of.len().saturating_sub(AHEAD));
        for (follower, next) in first.iter().zip(of.iter().skip(AHEAD)) {
            will_read(pools, next.at as usize);
            tell(pools, follower);
        }
        for follower in last {
            tell(pools, follower);
        }
        let n = of.len() as u64;
        if n_dead * DEAD_PARTS > of.len() {
            of.retain(|of| pools[of.at as usize].generation == of.generation);
        }
        n
    }

    /// Takes a larger step for typical: all followers have less left.
    #[cold]
    fn widen(&mut self, row: usize, step: f64, look: &mut impl FnMut(u32, u32)) {
        let course = &mut self.courses[row];
        course.step = step;
        for follower in course.tiers[1..].iter().flat_map(|followers| &followers.of) {
            let pool = &self.pools[follower.at as usize];
            if pool.generation == follower.generation {
                look(pool.kept.slot, pool.kept.first);
            }
        }
    }

    /// Whether a pool is so far from all flags that a box does, whatever its positions.
    fn is_far(&self, sums: &Sums, guards: &[Guard]) -> bool {
        let steps = BACK * HOPS[TIERS] * self.widest * sums.notional;
        guards.iter().all(|guard| guard.slack > (1.0 + guard.level) * steps)
    }

    /// What a pool would be told.
    fn prospect(&mut self, held: &[Held], rows: &Rows, guards: &[Guard]) -> Prospect {
        let mut prospect = Prospect::new();
        self.ahead.clear();
        for position in held {
            let course = &self.courses[usize::from(position.row)];
            let ahead = Ahead::new(position, rows, HOPS[TIERS - 1] * course.step);
            let x = rows.x(position.row);
            for (tier, followers) in course.tiers.iter().enumerate().skip(1) {
                let untold = x - followers.told;
                prospect.equity[tier] += position.quantity * untold;
                prospect.required[tier] += ahead.rate * untold;
                // Else the rate here does not say what was charged there.
                let [low, high] = ahead.fence(HOPS[tier] * course.step);
                prospect.fits[tier] &= low < followers.told && followers.told < high;
            }
            for (steps, guard) in prospect.steps.iter_mut().zip(guards) {
                *steps += ahead.steepest(position.quantity, guard.level) * course.step;
            }
            self.ahead.push(ahead);
        }
        prospect
    }

    /// How closely a pool has to be followed; `None` where a box does as well.
    fn tier(&self, prospect: &Prospect, guards: &[Guard], followed: u32) -> Option<usize> {
        let now = (followed != ALONE).then(|| usize::from(self.pools[followed as usize].kept.tier));
        let hops = HOPS[TIERS] * if now.is_some() { AWAY } else { BACK };
        if guards.iter().zip(prospect.steps).all(|(guard, steps)| guard.slack > hops * steps) {
            return None;
        }
        let has_room = |tier: &usize| {
            let enough = HOPS[*tier] * if now == Some(*tier) { STAY } else { ENTER };
            prospect.fits[*tier] && prospect.has_left(guards, *tier, enough)
        };
        Some((1..TIERS).rev().find(has_room).unwrap_or(0))
    }

    /// Goes on following a pool that is told of each price, where it is as near to a flag as ever; no, where that is not so.
    fn goes_on(&mut self, at: u32, sums: &Sums, guards: &[Guard]) -> bool {
        let Some(pool) = self.pools.get_mut(at as usize) else { return false };
        let near = HOPS[1] * (1.0 + ENTER) * f64::from(pool.kept.steps);
        let stays = pool.kept.tier == 0 && !pool.kept.outside && guards.iter().any(|guard| guard.slack < near);
        if stays {
            let kept = Kept { since: self.ticks, ..pool.kept };
            *pool = Followed::new(sums, guards, &Prospect::new(), kept, pool.generation);
        }
        stays
    }

    /// Adds a follower of a position to a tier.
    fn add(&mut self, position: &Held, ahead: usize, who: (u32, u32), tier: usize) {
        let course = &mut self.courses[usize::from(position.row)];
        let ahead = &self.ahead[ahead];
        let fence = ahead.fence(HOPS[tier] * course.step);
        let followers = &mut course.tiers[tier];
        followers.of.push(Follower::new((position.quantity, ahead.rate), fence, who));
        followers.live += 1;
        if followers.of.len() > 2 * followers.live + MOST_DEAD {
            let pools = &self.pools;
            followers.of.retain(|of| pools[of.at as usize].generation == of.generation);
        }
    }

    pub(super) fn bytes(&self) -> usize {
        let tiers = self.courses.iter().flat_map(|course| &course.tiers);
        self.pools.capacity() * size_of::<Followed>()
            + self.courses.capacity() * size_of::<Course>()
            + tiers.map(|followers| followers.of.capacity() * size_of::<Follower>()).sum::<usize>()
    }
}

impl State {
    /// Follows a pool as closely as its flags are near; no, where a box does as well.
    pub(super) fn follow(&mut self, slot: u32, sums: &Sums, guards: &[Guard]) -> bool {
        let pool = self.pools.slots[slot as usize];
        if pool.followed == ALONE && self.following.is_far(sums, guards) {
            return false;
        }
        if self.following.goes_on(pool.followed, sums, guards) {
            return true;
        }
        let prospect = self.following.prospect(&self.pools.held[pool.held()], &self.rows, guards);
        let Some(tier) = self.following.tier(&prospect, guards, pool.followed) else { return false };
        let (since, steps, tier) = (self.following.ticks, prospect.most(), u8::try_from(tier).unwrap_or(0));
        let kept = Kept { slot, first: pool.first, since, steps, tier, outside: false };
        if pool.followed != ALONE {
            let old = &mut self.following.pools[pool.followed as usize];
            // The fences of other tiers are of what could go untold when they were set.
            if tier == 0 && old.kept.tier == tier && !old.kept.outside {
                *old = Followed::new(sums, guards, &prospect, kept, old.generation);
                return true;
            }
            self.leave(slot);
        }
        let (at, generation) = self.following.place();
        self.following.pools[at as usize] = Followed::new(sums, guards, &prospect, kept, generation);
        self.pools.slots[slot as usize].followed = at;
        for (ahead, held) in self.pools.held[pool.held()].iter_mut().enumerate() {
            held.armed = [FREE; 2];
            self.following.add(held, ahead, (at, generation), usize::from(tier));
        }
        true
    }

    /// Follows a pool no more.
    pub(super) fn leave(&mut self, slot: u32) {
        let pool = self.pools.slots[slot as usize];
        self.pools.slots[slot as usize].followed = ALONE;
        let tier = usize::from(self.following.pools[pool.followed as usize].kept.tier);
        for held in &self.pools.held[pool.held()] {
            self.following.courses[usize::from(held.row)].tiers[tier].live -= 1;
        }
        self.following.disown(pool.followed);
    }
}
