//! Pools so near to a flag that boxes around them would be left at once: they are followed.
//!
//! Of a pool that is followed the distance to each flag is kept up from price to price, by one product each, as long as every
//! position stays in its tier and within a quarter of where it was. That costs a few nanoseconds; the pool is looked at
//! only where a flag may have changed.
//!
//! What is kept differs from the sums of all positions by what the additions lose: of [`MOST_STEPS`] steps, each by at most
//! `2^-51` of the magnitudes added, which grow by less than a half. [`Followed::new`] takes that off the distance to the
//! flags.

use crate::memory::will_read;

use super::arm::{Guard, MOST_GUARDS, fence};
use super::line::FREE;
use super::pools::{ALONE, Held, Sums};
use super::rows::Rows;
use super::state::State;

/// After so many steps the sums are made anew.
const MOST_STEPS: u32 = 1 << 12;

/// How many followers ahead pools are fetched.
const AHEAD: usize = 20;

/// More than what so many steps lose of the magnitudes.
const LOST: f64 = f64::from_bits((1023 - 38) << 52);

/// A pool that is followed, in one line of a cache.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
pub(super) struct Followed {
    /// How far each flag is from where it has to be looked at; infinite where there is none.
    left: [f64; MOST_GUARDS],
    /// Farther than this from all flags it is not followed any more.
    leave: f64,
    /// What followers were told of: the level of each flag, negative for one that must not rise; NaN where there is none.
    told: [f32; MOST_GUARDS],
    steps: u32,
    pub(super) slot: u32,
    /// Whether a position left its fence.
    outside: bool,
}

/// A position of a pool that is followed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Follower {
    /// What its coordinate adds to what is left of each flag, while it is within the fence.
    slopes: [f64; MOST_GUARDS],
    fence: [f32; 2],
    /// The pool's place among those that are followed.
    pub(super) at: u32,
    pub(super) held: u32,
    row: u16,
}

impl Follower {
    fn new(position: &Held, rows: &Rows, guards: &[Guard], (at, held): (u32, u32)) -> Self {
        let (rate, [low, high]) = fence(position, rows);
        let slope = |guard: &Guard| {
            let slope = position.quantity - guard.level * rate;
            if guard.falls { slope } else { -slope }
        };
        let mut slopes = [0.0; MOST_GUARDS];
        slopes.iter_mut().zip(guards).for_each(|(of, guard)| *of = slope(guard));
        Self { slopes, fence: [above(low), -above(-high)], at, held, row: position.row }
    }
}

impl Followed {
    /// A pool with these sums, which is left when it is farther from all flags than `leave`.
    pub(super) fn new(slot: u32, sums: &Sums, guards: &[Guard], leave: f64) -> Self {
        let mut followed = Self {
            left: [f64::INFINITY; MOST_GUARDS],
            leave,
            told: [f32::NAN; MOST_GUARDS],
            steps: 0,
            slot,
            outside: false,
        };
        for (k, guard) in guards.iter().enumerate() {
            // What the slack has lost is more than the error of the sum; where its sign tells nothing it is looked at each time.
            let lost = LOST * sums.magnitudes(guard.level);
            followed.left[k] = if guard.slack > 0.0 { guard.slack - lost } else { f64::NEG_INFINITY };
            let level = above(guard.level);
            followed.told[k] = if guard.falls { level } else { -level };
        }
        followed
    }

    /// Whether followers were told of the same flags.
    fn is_told(&self, other: &Self) -> bool {
        self.told.map(f32::to_bits) == other.told.map(f32::to_bits)
    }

    /// Takes a step; whether the pool has to be looked at.
    #[inline]
    fn step(&mut self, by: &Follower, x: f64, dx: f64) -> bool {
        for (left, slope) in self.left.iter_mut().zip(by.slopes) {
            *left += slope * dx;
        }
        self.steps += 1;
        let [a, b, c] = self.left;
        let least = if a < b { a } else { b };
        let least = if least < c { least } else { c };
        let is_fenced = is_above(x, f64::from(by.fence[0])) & is_above(f64::from(by.fence[1]), x);
        self.outside |= !is_fenced;
        let is_between = is_above(least, 0.0) && least <= self.leave;
        !is_between || self.outside || self.steps >= MOST_STEPS
    }
}

/// A shorter number that is not below this one.
#[expect(clippy::cast_possible_truncation, reason = "rounded, and then up")]
fn above(x: f64) -> f32 {
    let short = x as f32;
    if f64::from(short) < x { short.next_up() } else { short }
}

/// Whether a number is above another; what is not a number is not.
fn is_above(a: f64, b: f64) -> bool {
    a > b
}

/// All pools that are followed, and their positions by line.
#[derive(Debug, Clone, Default)]
pub(super) struct Following {
    pub(super) pools: Vec<Followed>,
    pub(super) lines: Vec<Vec<Follower>>,
    /// Places of pools that are followed no more.
    free: Vec<u32>,
}

impl Following {
    pub(super) fn new(n_lines: usize) -> Self {
        Self { pools: Vec::new(), lines: vec![Vec::new(); n_lines], free: Vec::new() }
    }

    /// A place for a pool.
    fn add(&mut self, pool: Followed) -> u32 {
        if let Some(at) = self.free.pop() {
            self.pools[at as usize] = pool;
            return at;
        }
        self.pools.push(pool);
        u32::try_from(self.pools.len() - 1).unwrap_or(ALONE)
    }

    /// Takes the step of a line; `look` is told the slots of pools that have to be looked at.
    #[inline]
    pub(super) fn go(&mut self, line: usize, rows: &Rows, mut look: impl FnMut(u32)) -> u64 {
        let Some(followers) = self.lines.get(line) else { return 0 };
        for (k, follower) in followers.iter().enumerate() {
            if let Some(next) = followers.get(k + AHEAD) {
                will_read(&self.pools, next.at as usize);
            }
            let pool = &mut self.pools[follower.at as usize];
            let (x, dx) = rows.step(follower.row);
            if pool.step(follower, x, dx) {
                look(pool.slot);
            }
        }
        followers.len() as u64
    }

    pub(super) fn bytes(&self) -> usize {
        let followers: usize = self.lines.iter().map(Vec::capacity).sum();
        self.pools.capacity() * size_of::<Followed>() + followers * size_of::<Follower>()
    }
}

impl State {
    /// Follows a pool that was not.
    pub(super) fn follow(&mut self, slot: u32, sums: &Sums, guards: &[Guard], leave: f64) {
        let followed = Followed::new(slot, sums, guards, leave);
        let pool = &mut self.pools.slots[slot as usize];
        pool.followed = self.following.add(followed);
        let pool = *pool;
        for at in pool.held() {
            let held = &mut self.pools.held[at];
            held.armed = [FREE; 2];
            let who = (pool.followed, u32::try_from(at).unwrap_or(u32::MAX));
            let line = self.rows.of[usize::from(held.row)].line as usize;
            let followers = &mut self.following.lines[line];
            held.follower = u32::try_from(followers.len()).unwrap_or(ALONE);
            followers.push(Follower::new(held, &self.rows, guards, who));
        }
    }

    /// Goes on following a pool, with sums that were made anew; no, where it is too far from all flags.
    pub(super) fn go_on(&mut self, slot: u32, sums: &Sums, guards: &[Guard], least: f64) -> bool {
        let pool = self.pools.slots[slot as usize];
        let old = self.following.pools[pool.followed as usize];
        if least >= old.leave {
            return false;
        }
        let followed = Followed::new(slot, sums, guards, old.leave);
        self.following.pools[pool.followed as usize] = followed;
        if old.outside || !old.is_told(&followed) {
            for at in pool.held() {
                let held = &self.pools.held[at];
                let who = (pool.followed, u32::try_from(at).unwrap_or(u32::MAX));
                let line = self.rows.of[usize::from(held.row)].line as usize;
                self.following.lines[line][held.follower as usize] = Follower::new(held, &self.rows, guards, who);
            }
        }
        true
    }

    /// Follows a pool no more.
    pub(super) fn leave(&mut self, slot: u32) {
        let pool = &mut self.pools.slots[slot as usize];
        self.following.free.push(pool.followed);
        pool.followed = ALONE;
        for at in pool.held() {
            let held = &mut self.pools.held[at];
            let place = std::mem::replace(&mut held.follower, ALONE);
            let line = self.rows.of[usize::from(held.row)].line as usize;
            let followers = &mut self.following.lines[line];
            followers.swap_remove(place as usize);
            if let Some(moved) = followers.get(place as usize) {
                self.pools.held[moved.held as usize].follower = place;
            }
        }
    }
}
