//! Pools so near to a flag that boxes around them would be left at once: they are followed.
//!
//! Of a pool that is followed, how far its equity and what is required of it went is kept up from price to price, by one product
//! each, as long as every position stays within its fence: its tier, and a quarter of where it was. That costs a few
//! nanoseconds; the pool is looked at only where a flag may have changed.
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
use super::verdict::LEVELS;

/// After so many steps the sums are made anew.
const MOST_STEPS: u16 = 1 << 14;

/// After so many steps, a power of two, it is seen whether the pool still has to be followed.
const REVIEW: u16 = 1 << 5;

/// How many followers ahead pools are fetched.
const AHEAD: usize = 20;

/// More than what so many steps lose of the magnitudes.
const LOST: f64 = f64::from_bits((1023 - 36) << 52);

/// More than what a distance loses as a shorter number.
const SHORT: f64 = f64::from_bits((1023 - 22) << 52);

/// A pool that is followed, in half a line of a cache.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(32))]
struct Followed {
    /// How far equity, and what is required, went since the sums were made.
    equity: f64,
    required: f64,
    /// How far it was then from where it has to be looked at: for the flag that is not to rise, the one that is not to fall and the soft
    /// stop; infinite where there is none.
    left: [f32; MOST_GUARDS],
    /// The levels of the first two, by number.
    levels: [u8; 2],
    steps: u16,
}

/// What is seldom asked of a pool that is followed.
#[derive(Debug, Clone, Copy)]
struct Kept {
    slot: u32,
    /// Its first position.
    first: u32,
    /// Farther than this from all flags it is not followed any more.
    leave: f32,
    /// Whether a position left its fence.
    outside: bool,
}

/// A position of a pool that is followed.
#[derive(Debug, Clone, Copy)]
struct Follower {
    quantity: f64,
    /// What its coordinate adds to what is required, while it is within the fence.
    rate: f64,
    /// The pool's place among those that are followed.
    at: u32,
    row: u16,
}

/// Where a follower belongs, and between which coordinates its rate holds.
#[derive(Debug, Clone, Copy)]
struct Fenced {
    held: u32,
    fence: [f32; 2],
}

/// The followers of a line.
#[derive(Debug, Clone, Default)]
struct Followers {
    of: Vec<Follower>,
    fenced: Vec<Fenced>,
}

/// The narrowest of all fences of a row.
type Fence = [f64; 2];
const OPEN: Fence = [f64::NEG_INFINITY, f64::INFINITY];

impl Followed {
    fn new(sums: &Sums, guards: &[Guard]) -> Self {
        let mut followed =
            Self { equity: 0.0, required: 0.0, left: [f32::INFINITY; MOST_GUARDS], levels: [0; 2], steps: 0 };
        for guard in guards {
            // What the slack has lost is more than the error of the sum; where its sign tells nothing it is looked at each time.
            let lost = LOST * sums.magnitudes(guard.level) + SHORT * guard.slack;
            let place = guard.place();
            followed.left[place] =
                if guard.slack > 0.0 { -above(lost - guard.slack) } else { f32::NEG_INFINITY };
            if let Some(level) = followed.levels.get_mut(place) {
                *level = guard.number;
            }
        }
        followed
    }

    /// Takes a step; how far it is from the flags then.
    #[inline]
    fn step(&mut self, by: &Follower, dx: f64, levels: &[f64; LEVELS]) -> f64 {
        self.equity += by.quantity * dx;
        self.required += by.rate * dx;
        self.steps += 1;
        let [falls, rises, stop] = self.left.map(f64::from);
        let [a, b] = self.levels.map(|level| self.equity - levels[usize::from(level) % LEVELS] * self.required);
        let (a, b, c) = (falls + a, rises - b, stop + self.equity);
        let least = if a < b { a } else { b };
        if least < c { least } else { c }
    }
}

/// A shorter number that is not below this one.
#[expect(clippy::cast_possible_truncation, reason = "rounded, and then up")]
fn above(x: f64) -> f32 {
    let short = x as f32;
    if f64::from(short) < x { short.next_up() } else { short }
}

/// Whether a coordinate is within a fence; what is not a number is not.
fn is_within(x: f64, [low, high]: [f64; 2]) -> bool {
    low < x && x < high
}

/// All pools that are followed, and their positions by line.
#[derive(Debug, Clone, Default)]
pub(super) struct Following {
    pools: Vec<Followed>,
    kept: Vec<Kept>,
    lines: Vec<Followers>,
    /// The narrowest fence of each row.
    fences: Vec<Fence>,
    /// Levels by number.
    levels: [f64; LEVELS],
    /// Places of pools that are followed no more.
    free: Vec<u32>,
}

impl Following {
    pub(super) fn new(n_lines: usize, levels: [f64; LEVELS]) -> Self {
        Self { lines: vec![Followers::default(); n_lines], levels, ..Self::default() }
    }

    /// A place for a pool.
    fn add(&mut self, pool: Followed, kept: Kept) -> u32 {
        if let Some(at) = self.free.pop() {
            (self.pools[at as usize], self.kept[at as usize]) = (pool, kept);
            return at;
        }
        self.pools.push(pool);
        self.kept.push(kept);
        u32::try_from(self.pools.len() - 1).unwrap_or(ALONE)
    }

    /// Takes the step of a line; `look` is told the slots of pools that have to be looked at, and their first positions.
    #[inline]
    pub(super) fn go(&mut self, line: usize, rows: &Rows, mut look: impl FnMut(u32, u32)) -> u64 {
        let Some(followers) = self.lines.get(line).filter(|followers| !followers.of.is_empty()) else { return 0 };
        for (k, follower) in followers.of.iter().enumerate() {
            if let Some(next) = followers.of.get(k + AHEAD) {
                will_read(&self.pools, next.at as usize);
            }
            let pool = &mut self.pools[follower.at as usize];
            let least = pool.step(follower, rows.moved(follower.row), &self.levels);
            let is_left = pool.steps.is_multiple_of(REVIEW) && {
                let kept = &self.kept[follower.at as usize];
                least > f64::from(kept.leave) || pool.steps >= MOST_STEPS
            };
            // Written so that what is not a number is looked at.
            let stays = least > 0.0 && !is_left;
            if !stays {
                let kept = &self.kept[follower.at as usize];
                look(kept.slot, kept.first);
            }
        }
        let n = followers.of.len() as u64;
        let fence = |row: &u16| self.fences.get(usize::from(*row)).copied().unwrap_or(OPEN);
        if !rows.of_line(line).iter().all(|row| is_within(rows.x(*row), fence(row))) {
            self.leave_fences(line, rows, look);
        }
        n
    }

    /// Looks for followers that have left their fences.
    #[cold]
    fn leave_fences(&mut self, line: usize, rows: &Rows, mut look: impl FnMut(u32, u32)) {
        for &row in rows.of_line(line) {
            if let Some(fence) = self.fences.get_mut(usize::from(row)) {
                *fence = OPEN;
            }
        }
        let followers = &self.lines[line];
        for (follower, fenced) in followers.of.iter().zip(&followers.fenced) {
            let fence = fenced.fence.map(f64::from);
            if is_within(rows.x(follower.row), fence) {
                narrow(&mut self.fences[usize::from(follower.row)], fence);
            } else {
                let kept = &mut self.kept[follower.at as usize];
                kept.outside = true;
                look(kept.slot, kept.first);
            }
        }
    }

    /// A follower of a position, and its fence, which the row takes note of.
    fn follower(&mut self, position: &Held, rows: &Rows, (at, held): (u32, u32)) -> (Follower, Fenced) {
        let (rate, [low, high]) = fence(position, rows);
        let fence = [above(low), -above(-high)];
        let row = usize::from(position.row);
        if self.fences.len() <= row {
            self.fences.resize(row + 1, OPEN);
        }
        narrow(&mut self.fences[row], fence.map(f64::from));
        (Follower { quantity: position.quantity, rate, at, row: position.row }, Fenced { held, fence })
    }

    pub(super) fn bytes(&self) -> usize {
        let of: usize = self.lines.iter().map(|followers| followers.of.capacity()).sum();
        self.pools.capacity() * (size_of::<Followed>() + size_of::<Kept>())
            + of * (size_of::<Follower>() + size_of::<Fenced>())
    }
}

/// Makes a fence as narrow as another.
fn narrow(of: &mut Fence, [low, high]: [f64; 2]) {
    of[0] = if low > of[0] { low } else { of[0] };
    of[1] = if high < of[1] { high } else { of[1] };
}

impl State {
    /// Follows a pool that was not.
    pub(super) fn follow(&mut self, slot: u32, sums: &Sums, guards: &[Guard], leave: f64) {
        let pool = &mut self.pools.slots[slot as usize];
        let kept = Kept { slot, first: pool.first, leave: above(leave), outside: false };
        pool.followed = self.following.add(Followed::new(sums, guards), kept);
        let pool = *pool;
        for at in pool.held() {
            let held = &mut self.pools.held[at];
            held.armed = [FREE; 2];
            let who = (pool.followed, u32::try_from(at).unwrap_or(u32::MAX));
            let line = self.rows.of[usize::from(held.row)].line as usize;
            let (follower, fenced) = self.following.follower(held, &self.rows, who);
            let followers = &mut self.following.lines[line];
            held.follower = u32::try_from(followers.of.len()).unwrap_or(ALONE);
            followers.of.push(follower);
            followers.fenced.push(fenced);
        }
    }

    /// Goes on following a pool, with sums that were made anew; no, where it is too far from all flags.
    pub(super) fn go_on(&mut self, slot: u32, sums: &Sums, guards: &[Guard], least: f64) -> bool {
        let pool = self.pools.slots[slot as usize];
        let kept = &mut self.following.kept[pool.followed as usize];
        if least >= f64::from(kept.leave) {
            return false;
        }
        self.following.pools[pool.followed as usize] = Followed::new(sums, guards);
        if std::mem::take(&mut kept.outside) {
            for at in pool.held() {
                let held = &self.pools.held[at];
                let who = (pool.followed, u32::try_from(at).unwrap_or(u32::MAX));
                let line = self.rows.of[usize::from(held.row)].line as usize;
                let place = held.follower as usize;
                let (follower, fenced) = self.following.follower(held, &self.rows, who);
                let followers = &mut self.following.lines[line];
                (followers.of[place], followers.fenced[place]) = (follower, fenced);
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
            let place = std::mem::replace(&mut held.follower, ALONE) as usize;
            let line = self.rows.of[usize::from(held.row)].line as usize;
            let followers = &mut self.following.lines[line];
            followers.of.swap_remove(place);
            followers.fenced.swap_remove(place);
            if let Some(moved) = followers.fenced.get(place) {
                self.pools.held[moved.held as usize].follower = u32::try_from(place).unwrap_or(ALONE);
            }
        }
    }
}
