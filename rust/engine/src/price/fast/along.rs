//! The excess of a pool along the price of one of its instruments: a walk over its linear pieces, in doubles.
//!
//! With `z` the magnitude of the coordinate (`size * price`, or `size / price`), the pool's excess is
//! `rest + curve(equity_rest + lean * z) - requirement * sum T(|q| z)`, over the legs of the instrument: continuous, and
//! linear between the floors of the tiers and the kinks of the curve. A walk away from the present `z` looks at the
//! excess at each kink. Where its sign is not that of the present one, and every excess on the way was further from zero than
//! [`NEAR`] of all magnitudes (ten thousand times what doubles lose), the first change of sign lies inside the last piece,
//! and no other before it.

use crate::pool::{Curve, Piece};

/// A share of all magnitudes that is more than doubles can lose on the way.
const NEAR: f64 = 1e-10;

/// Most legs of one instrument in one pool: one to a side, and some to spare.
pub(super) const MOST_LEGS: usize = 4;

/// A leg of the instrument.
#[derive(Debug, Clone, Copy)]
pub(super) struct Leg<'a> {
    /// Without sign.
    pub(super) quantity: f64,
    /// One over it.
    pub(super) per_quantity: f64,
    pub(super) tiers: &'a [Piece],
    /// The tier that it is in.
    pub(super) tier: u32,
}

/// A pool at a price of the instrument, and what depends on it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Along<'a> {
    pub(super) legs: &'a [Leg<'a>],
    pub(super) curve: &'a Curve,
    /// The piece of the curve that the pool is on.
    pub(super) stretch: u32,
    /// The magnitude of the coordinate.
    pub(super) z: f64,
    /// What the equity rises with `z`.
    pub(super) lean: f64,
    /// One over it; infinite where it does not rise.
    pub(super) per_lean: f64,
    /// The equity of the asset without the instrument.
    pub(super) equity_rest: f64,
    /// The excess, and without what depends on the instrument.
    pub(super) excess: f64,
    pub(super) rest: f64,
    /// A bound of the magnitudes added.
    pub(super) magnitude: f64,
}

/// A piece: of the curve, and the tier of each leg.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) stretch: u32,
    pub(super) tiers: [u32; MOST_LEGS],
}

/// What lies in one direction.
#[derive(Debug, Clone, Copy)]
pub(super) enum Ahead {
    /// No change.
    Nothing,
    /// A root on a piece.
    Root(Place),
    /// More than doubles can tell.
    Open,
}

/// The next kink.
#[derive(Debug, Clone, Copy)]
enum Kink {
    Stretch(u32),
    Tier(usize, u32),
}

/// The place of the last of some.
fn last_of(n: usize) -> u32 {
    u32::try_from(n - 1).unwrap_or(u32::MAX)
}

/// Whether a number is further from zero than a bound.
pub(super) fn is_clear(x: f64, bound: f64) -> bool {
    x.abs() > bound
}

impl Leg<'_> {
    pub(super) fn new(quantity: f64, tiers: &[Piece], tier: u32) -> Leg<'_> {
        Leg { quantity, per_quantity: 1.0 / quantity, tiers, tier }
    }
}

impl Along<'_> {
    /// Looks for the first change of sign as `z` rises, or falls.
    #[inline]
    pub(super) fn look(&self, up: bool) -> Ahead {
        let mut place = Place { stretch: self.stretch, tiers: [0; MOST_LEGS] };
        for (tier, leg) in place.tiers.iter_mut().zip(self.legs) {
            *tier = leg.tier;
        }
        let (mut z, mut excess) = (self.z, self.excess);
        let fails = excess < 0.0;
        if self.curve.is_concave && self.never_turns(place, up, fails) {
            return Ahead::Nothing;
        }
        loop {
            let (slope, size) = self.slope(place);
            let kink = self.next(place, z, up);
            if up && kink.is_none() {
                // To infinity.
                return match is_clear(slope, NEAR * size) {
                    false if size == 0.0 => Ahead::Nothing,
                    false => Ahead::Open,
                    true if (slope < 0.0) == fails => Ahead::Nothing,
                    true => Ahead::Root(place),
                };
            }
            let end = kink.map_or(0.0, |kink| kink.0);
            excess += slope * (end - z);
            z = end;
            if !is_clear(excess, NEAR * (self.magnitude + size * z)) {
                return Ahead::Open;
            }
            if (excess < 0.0) != fails {
                return Ahead::Root(place);
            }
            match kink {
                Some((_, Kink::Stretch(stretch))) => place.stretch = stretch,
                Some((_, Kink::Tier(leg, tier))) => place.tiers[leg] = tier,
                None => return Ahead::Nothing,
            }
        }
    }

    /// Whether a concave excess has no root in a direction, by its slopes and its ends alone.
    fn never_turns(&self, place: Place, up: bool, fails: bool) -> bool {
        if fails {
            // It falls further where it falls here.
            let (slope, size) = self.slope(place);
            return is_clear(slope, NEAR * size) && (slope < 0.0) == up;
        }
        if !up {
            return self.rest + self.curve.near(self.equity_rest) > NEAR * self.magnitude;
        }
        // It rises everywhere if it rises in the end.
        let last = if self.lean < 0.0 { 0 } else { last_of(self.curve.stretches.len()) };
        let mut end = Place { stretch: last, ..place };
        for (tier, leg) in end.tiers.iter_mut().zip(self.legs) {
            *tier = last_of(leg.tiers.len());
        }
        let (slope, size) = self.slope(end);
        slope > NEAR * size
    }

    /// The slope of the excess, and the magnitudes that it is made of.
    fn slope(&self, place: Place) -> (f64, f64) {
        let gain = self.curve.stretches[place.stretch as usize].slope.hi * self.lean;
        let (mut slope, mut size) = (gain, gain.abs());
        for (leg, &tier) in self.legs.iter().zip(&place.tiers) {
            let charge = self.curve.requirement.hi * leg.tiers[tier as usize].rate.hi * leg.quantity;
            slope -= charge;
            size += charge;
        }
        (slope, size)
    }

    /// The nearest kink ahead of `z`, and which it is.
    fn next(&self, place: Place, z: f64, up: bool) -> Option<(f64, Kink)> {
        let mut nearest: Option<(f64, Kink)> = None;
        let mut offer = |at: f64, kink: Kink| {
            // What rounding puts behind is here.
            let at = if (at < z) == up { z } else { at };
            if nearest.is_none_or(|(best, _)| (at < best) == up) {
                nearest = Some((at, kink));
            }
        };
        for (leg, (of, &tier)) in self.legs.iter().zip(&place.tiers).enumerate() {
            if up && (tier as usize) + 1 < of.tiers.len() {
                offer(of.tiers[tier as usize + 1].floor.hi * of.per_quantity, Kink::Tier(leg, tier + 1));
            } else if !up && tier > 0 {
                offer(of.tiers[tier as usize].floor.hi * of.per_quantity, Kink::Tier(leg, tier - 1));
            }
        }
        let rises = (self.lean > 0.0) == up;
        let stretches = &self.curve.stretches;
        let ahead = if rises { place.stretch + 1 } else { place.stretch };
        if self.lean != 0.0 && ahead > 0 && (ahead as usize) < stretches.len() {
            let at = (stretches[ahead as usize].begins.hi - self.equity_rest) * self.per_lean;
            if at > 0.0 {
                offer(at, Kink::Stretch(if rises { ahead } else { ahead - 1 }));
            }
        }
        nearest
    }
}
