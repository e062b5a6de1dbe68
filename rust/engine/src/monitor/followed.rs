//! A pool that is followed, and its positions, as small as they can be told of prices.
//!
//! What is kept differs from the sums of all positions by what the additions lose: of twice [`MOST_TICKS`] steps (a price moves
//! both legs of a hedge; how old a pool's sums are is seen once in as many ticks as there are pools), each by at most `2^-51` of
//! the magnitudes added, which grow by less than a half, and by what quantities, rates and levels lose as shorter
//! numbers: `2^-24` of what the coordinates went, which is less than the magnitudes. [`Followed::new`] takes that off the distance to
//! the flags.

use super::arm::{Guard, MOST_GUARDS};
use super::pools::{ALONE, Sums};

/// Tiers of followers.
pub(super) const TIERS: usize = 4;

/// How many typical steps a price may go before the followers of a tier are told; beyond the last there are boxes.
pub(super) const HOPS: [f64; TIERS + 1] = [0.0, 2.0, 8.0, 32.0, 96.0];

/// How many hops of the next tier a pool has to be away to be moved on.
pub(super) const AWAY: f64 = 4.0;

/// After so many ticks the sums of a pool are made anew.
pub(super) const MOST_TICKS: u32 = 1 << 24;

/// More than what all steps lose of the magnitudes.
const LOST: f64 = f64::from_bits((1023 - 23) << 52);

/// More than what a distance loses as a shorter number.
const SHORT: f64 = f64::from_bits((1023 - 22) << 52);

/// A pool that is followed, in one line of a cache.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
pub(super) struct Followed {
    /// How far equity, and what is required, went since the sums were made, as far as was told.
    equity: f64,
    required: f64,
    /// How far it was then from where it has to be looked at: for the flag that is not to rise, the one that is not to fall and the soft
    /// stop; infinite where there is none.
    left: [f32; MOST_GUARDS],
    /// The levels of the first two.
    levels: [f32; 2],
    /// Farther than this from all flags it need not be followed so closely.
    leave: f32,
    /// That of its followers: others with its place are those of who had it before.
    pub(super) generation: u32,
    pub(super) kept: Kept,
}

/// What is seldom asked of a pool that is followed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kept {
    /// Which pool, and its first position; [`ALONE`] where nobody has the place.
    pub(super) slot: u32,
    pub(super) first: u32,
    /// The number of the tick at which its sums were made.
    pub(super) since: u32,
    /// What is taken of its flags in a typical step of all prices.
    pub(super) steps: f32,
    pub(super) tier: u8,
    /// Whether a position left its fence.
    pub(super) outside: bool,
}

/// A position of a pool that is followed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Follower {
    quantity: f32,
    /// What its coordinate adds to what is required, while it is within the fence.
    rate: f32,
    low: f32,
    high: f32,
    /// The pool's place among those that are followed, and its generation.
    pub(super) at: u32,
    pub(super) generation: u32,
}

/// What a pool would be told by the rows of its positions, by tier.
#[derive(Debug, Clone, Copy)]
pub(super) struct Prospect {
    /// What equity, and what is required, went since the followers of a tier were told.
    pub(super) equity: [f64; TIERS],
    pub(super) required: [f64; TIERS],
    /// How much of each guard all prices take in a typical step, at most.
    pub(super) steps: [f64; MOST_GUARDS],
    /// Whether the rates of all positions hold where the followers of a tier were told, and as far as they may go untold.
    pub(super) fits: [bool; TIERS],
}

impl Prospect {
    pub(super) const fn new() -> Self {
        Self { equity: [0.0; TIERS], required: [0.0; TIERS], steps: [0.0; MOST_GUARDS], fits: [true; TIERS] }
    }

    /// The most that is taken of a guard in a typical step of all prices.
    pub(super) fn most(&self) -> f32 {
        above(self.steps.into_iter().fold(0.0, |a, b| if b > a { b } else { a }))
    }

    /// Whether each guard has more left than so many typical steps, once followers of a tier were told all.
    pub(super) fn has_left(&self, guards: &[Guard], tier: usize, enough: f64) -> bool {
        guards.iter().zip(self.steps).all(|(guard, steps)| {
            let untold = self.equity[tier] - guard.level * self.required[tier];
            guard.slack - if guard.falls { untold } else { -untold } > (HOPS[tier] + enough) * steps
        })
    }
}

impl Followed {
    /// A pool with these sums; `generation` is that of its followers.
    pub(super) fn new(sums: &Sums, guards: &[Guard], prospect: &Prospect, kept: Kept, generation: u32) -> Self {
        let tier = usize::from(kept.tier);
        let mut followed = Self {
            equity: -prospect.equity[tier],
            required: -prospect.required[tier],
            left: [f32::INFINITY; MOST_GUARDS],
            levels: [0.0; 2],
            leave: above((AWAY * HOPS[tier + 1] - HOPS[tier]) * f64::from(kept.steps)),
            generation,
            kept,
        };
        for (guard, steps) in guards.iter().zip(prospect.steps) {
            // What the slack has lost is more than the error of the sum; where its sign tells nothing, or its level has
            // no shorter number, it is looked at each time.
            let lost = LOST * sums.magnitudes(guard.level) + SHORT * guard.slack + (1.0 + SHORT) * HOPS[tier] * steps;
            let level = short(guard.level);
            let is_told = guard.slack > 0.0 && !level.is_nan();
            let place = if guard.stops { 2 } else { usize::from(!guard.falls) };
            followed.left[place] = if is_told { -above(lost - guard.slack) } else { f32::NEG_INFINITY };
            if let Some(of) = followed.levels.get_mut(place).filter(|_| is_told) {
                *of = level;
            }
        }
        followed
    }

    /// A place that nobody has, whose next followers are of this generation.
    pub(super) const fn vacant(generation: u32) -> Self {
        let kept = Kept { slot: ALONE, first: 0, since: 0, steps: 0.0, tier: 0, outside: false };
        let (left, levels) = ([f32::INFINITY; MOST_GUARDS], [0.0; 2]);
        Self { equity: 0.0, required: 0.0, left, levels, leave: f32::INFINITY, generation, kept }
    }

    /// Takes a step; whether the flags are as they were, and near enough that it has to be followed so closely.
    #[inline]
    pub(super) fn step(&mut self, by: &Follower, dx: f64) -> bool {
        self.equity += f64::from(by.quantity) * dx;
        self.required += f64::from(by.rate) * dx;
        let [falls, rises, stop] = self.left.map(f64::from);
        let [a, b] = self.levels.map(|level| self.equity - f64::from(level) * self.required);
        let (a, b, c) = (falls + a, rises - b, stop + self.equity);
        let least = if a < b { a } else { b };
        let least = if least < c { least } else { c };
        // Written so that what is not a number is not.
        least > 0.0 && least <= f64::from(self.leave)
    }
}

impl Follower {
    /// A follower for a pool with this place and generation.
    pub(super) fn new((quantity, rate): (f64, f64), [low, high]: [f64; 2], (at, generation): (u32, u32)) -> Self {
        let [quantity, rate] = [quantity, rate].map(short);
        // What has no shorter number is looked at each time.
        let [low, high] = if (quantity + rate).is_nan() { [f32::NAN; 2] } else { [above(low), -above(-high)] };
        Self { quantity, rate, low, high, at, generation }
    }

    /// Whether its rate holds at a coordinate, of which these are the shorter numbers not below and not above.
    #[inline]
    #[expect(clippy::needless_bitwise_bool, reason = "one branch instead of two that nobody can foresee")]
    pub(super) fn is_within(&self, [above, below]: [f32; 2]) -> bool {
        (self.low < below) & (above < self.high)
    }
}

/// The shorter number nearest to one; NaN where it is not near.
#[expect(clippy::cast_possible_truncation, reason = "rounded")]
fn short(x: f64) -> f32 {
    let short = x as f32;
    if short.is_normal() || x == 0.0 { short } else { f32::NAN }
}

/// A shorter number that is not below this one.
#[expect(clippy::cast_possible_truncation, reason = "rounded, and then up")]
pub(super) fn above(x: f64) -> f32 {
    let short = x as f32;
    if f64::from(short) < x { short.next_up() } else { short }
}
