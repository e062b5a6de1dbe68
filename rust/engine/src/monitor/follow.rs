//! Pools so near to a flag that boxes around them would be left at once: they are followed.
//!
//! Of a pool that is followed the equity and what is required are kept up from price to price, by one product each, as long as every
//! position stays in its tier and within a quarter of where it was. That costs a few nanoseconds; the pool is looked at
//! only where a flag may have changed.
//!
//! The sums that are kept differ from those of all positions by what the additions lose: of [`MOST_STEPS`] steps, each by at most
//! `2^-51` of the magnitudes added, which grow by less than a half. [`Followed::new`] takes that off the distance to the
//! flags.

use super::arm::{Arming, Guard, MOST_GUARDS};
use super::line::FREE;
use super::pools::{ALONE, Sums};
use super::rows::Rows;
use super::state::State;

/// After so many steps the sums are made anew.
const MOST_STEPS: u32 = 1 << 12;

/// More than what so many steps lose of the magnitudes.
const LOST: f64 = f64::from_bits((1023 - 38) << 52);

/// A flag, and how near its sum may come to zero before it has to be looked at.
#[derive(Debug, Clone, Copy)]
struct Limit {
    level: f64,
    threshold: f64,
    near: f64,
    falls: bool,
}

/// A pool that is followed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Followed {
    equity: f64,
    required: f64,
    limits: [Limit; MOST_GUARDS],
    n: u8,
    steps: u32,
    /// Farther than this from all flags it is not followed any more.
    leave: f64,
    pub(super) slot: u32,
}

/// A position of a pool that is followed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Follower {
    quantity: f64,
    /// What its coordinate adds to what is required.
    rate: f64,
    /// The pool's place among those that are followed.
    pub(super) at: u32,
    pub(super) held: u32,
    row: u16,
}

impl Follower {
    pub(super) const fn new(quantity: f64, rate: f64, (at, held, row): (u32, u32, u16)) -> Self {
        Self { quantity, rate, at, held, row }
    }
}

impl Followed {
    /// A pool with these sums, which is left when it is farther from all flags than `leave`.
    pub(super) fn new(slot: u32, sums: &Sums, guards: &[Guard], leave: f64) -> Self {
        let none = Limit { level: 0.0, threshold: 0.0, near: f64::INFINITY, falls: true };
        let mut limits = [none; MOST_GUARDS];
        for (limit, guard) in limits.iter_mut().zip(guards) {
            let near =
                if guard.slack > 0.0 { guard.bound + LOST * sums.magnitudes(guard.level) } else { f64::INFINITY };
            *limit = Limit { level: guard.level, threshold: guard.threshold, near, falls: guard.falls };
        }
        let n = u8::try_from(guards.len()).unwrap_or(u8::MAX);
        Self { equity: sums.equity, required: sums.required, limits, n, steps: 0, leave, slot }
    }

    /// Takes a step; whether the pool has to be looked at.
    #[inline]
    fn step(&mut self, by: &Follower, dx: f64) -> bool {
        self.equity += by.quantity * dx;
        self.required += by.rate * dx;
        self.steps += 1;
        let (mut near, mut far) = (self.steps > MOST_STEPS, true);
        for limit in &self.limits[..usize::from(self.n)] {
            let off = self.equity - limit.level * self.required - limit.threshold;
            let off = if limit.falls { off } else { -off };
            // Written so that what is not a number is near.
            near |= !is_above(off, limit.near);
            far &= off > self.leave;
        }
        near | far
    }
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
        for follower in followers {
            let pool = &mut self.pools[follower.at as usize];
            if pool.step(follower, rows.moved(follower.row)) {
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
    /// Follows a pool, or goes on to.
    pub(super) fn follow(&mut self, slot: u32, sums: &Sums, guards: &[Guard], leave: f64) {
        let pool = &mut self.pools.slots[slot as usize];
        let followed = Followed::new(slot, sums, guards, leave);
        if pool.followed == ALONE {
            pool.followed = self.following.add(followed);
        } else {
            self.following.pools[pool.followed as usize] = followed;
        }
        let pool = *pool;
        let claims = &mut self.scratch.claims;
        let lines = &mut self.lines;
        let mut arming = Arming { rows: &self.rows, watches: &self.watches.of, lines, claims, quiet: self.quiet };
        for at in pool.held() {
            let held = self.pools.held[at];
            let is_new = held.follower == ALONE;
            if !is_new && held.armed[0] != FREE && held.armed[1] != FREE {
                continue;
            }
            let rate = arming.fence(at, &mut self.pools.held);
            let who = (pool.followed, u32::try_from(at).unwrap_or(u32::MAX), held.row);
            let line = self.rows.of[usize::from(held.row)].line as usize;
            let follower = Follower::new(held.quantity, rate, who);
            let followers = &mut self.following.lines[line];
            if is_new {
                self.pools.held[at].follower = u32::try_from(followers.len()).unwrap_or(ALONE);
                followers.push(follower);
            } else {
                followers[held.follower as usize] = follower;
            }
        }
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
