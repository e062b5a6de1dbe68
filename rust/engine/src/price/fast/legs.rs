//! Several legs of one instrument in one pool, which move together.
//!
//! # What rounding does to it
//!
//! As in `kernel/roots`: the excess of the pool is within `e = 2^-86 (1 + n 2^-10) G`, so is what is left of it without the
//! instrument, and what the piece adds is within `2^-86 M z`, where `M` is the sum of the magnitudes that its slope `S` is made
//! of. So is `S` within `2^-86 M`, and the root within `8 (e + 2^-86 M z) / |S|`.

use crate::exact::Twofold;
use crate::kernel::SettledRoots;
use crate::pool::{Curve, Piece};

use super::along::{Ahead, Along, Leg, MOST_LEGS, Place, is_clear};
use super::pieces::{ERROR, Present, Root, Row};

/// A leg at the present prices.
#[derive(Clone, Copy)]
pub(super) struct Held<'a> {
    pub(super) quantity: Twofold,
    /// `quantity * x`.
    pub(super) value: Twofold,
    /// What its tier requires, in the asset of the pool.
    pub(super) charge: Twofold,
    pub(super) tiers: &'a [Piece],
    pub(super) tier: u32,
}

/// The legs of an instrument in a pool.
pub(super) struct Hedge<'a, 'b> {
    pub(super) legs: &'b [Held<'a>],
    pub(super) curve: &'a Curve,
    /// The piece of the curve that the pool is on.
    pub(super) stretch: u32,
    /// The equity of the asset, and the excess without what it counts.
    pub(super) equity: Twofold,
    pub(super) others: Twofold,
    /// What multiplies the price; negative where it divides by it.
    pub(super) size: Twofold,
    pub(super) x: Twofold,
    pub(super) present: Present,
}

/// How near to zero, of the quantities of its legs, a net quantity is left open: more than their sum can lose.
const NEARLY_FLAT: f64 = 1e-20;

impl<'a> Hedge<'a, '_> {
    fn sum(&self, part: fn(&Held<'_>) -> Twofold) -> Twofold {
        self.legs.iter().fold(Twofold::ZERO, |sum, leg| sum.plus(part(leg)))
    }

    /// Finds the roots in both directions.
    pub(super) fn roots(&self, row: &mut Row, roots: &mut SettledRoots) {
        let net = self.sum(|leg| leg.quantity);
        let gross: f64 = self.legs.iter().map(|leg| leg.quantity.hi.abs()).sum();
        row.net = net.hi;
        if net.hi != 0.0 && !is_clear(net.hi, gross * NEARLY_FLAT) {
            return;
        }
        let inverse = self.size.hi < 0.0;
        let lean = if inverse { net.negated() } else { net };
        let equity = self.equity.minus(self.sum(|leg| leg.value));
        let rest = self.others.plus(self.sum(|leg| leg.charge));
        let leg = |of: &Held<'a>| Leg::new(of.quantity.hi.abs(), of.tiers, of.tier);
        let mut legs = [leg(&self.legs[0]); MOST_LEGS];
        for (to, of) in legs.iter_mut().zip(self.legs) {
            *to = leg(of);
        }
        let along = Along {
            legs: &legs[..self.legs.len()],
            curve: self.curve,
            stretch: self.stretch,
            z: self.x.hi.abs(),
            lean: lean.hi,
            per_lean: 1.0 / lean.hi,
            equity_rest: equity.hi,
            excess: self.present.excess.hi,
            rest: rest.hi,
            magnitude: self.present.magnitude,
        };
        row.open = false;
        let mut add = |ahead: Ahead, rising: bool| match ahead {
            Ahead::Nothing => Root::None,
            Ahead::Open => {
                row.open = true;
                Root::None
            }
            Ahead::Root(place) => {
                let (price, error) = self.solve(place, [lean, equity, rest]);
                Root::Hedge(u32::try_from(roots.push(price, error, rising)).unwrap_or(u32::MAX))
            }
        };
        // Down, pools are safe above the root unless they fail at present; up it is the other way round.
        let (down, up) = (add(along.look(inverse), !row.fails), add(along.look(!inverse), row.fails));
        (row.down, row.up) = (down, up);
    }

    /// The root on a piece as a price, and a bound of its error.
    fn solve(&self, place: Place, [lean, equity, rest]: [Twofold; 3]) -> (Twofold, f64) {
        let curve = self.curve;
        let stretch = &curve.stretches[place.stretch as usize];
        let mut constant = rest.plus(stretch.value(equity));
        let mut slope = stretch.slope.times(lean);
        let mut size = slope.hi.abs();
        for (leg, &tier) in self.legs.iter().zip(&place.tiers) {
            let tier = &leg.tiers[tier as usize];
            let charge = curve.requirement.times(tier.rate.times(leg.quantity.abs()));
            constant = constant.plus(curve.requirement.times(tier.deduction));
            slope = slope.minus(charge);
            size += charge.hi;
        }
        let root = constant.over(slope).negated();
        let price = if self.size.hi < 0.0 { self.size.abs().over(root) } else { root.over(self.size) };
        let off = self.present.error + ERROR * size * root.hi.abs();
        (price, 8.0 * off / (slope.hi * root.hi).abs() * price.hi)
    }
}
