//! Tier tables: what a position of a given size must hold.

mod build;
#[cfg(test)]
mod tests;

pub(super) use build::{check_cap, check_floors};

use super::schema::{AtFloor, BoundUnit};
use crate::exact::{Exact, Twofold};

/// How a table turns a basis `u` in tier `k` into a requirement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TierLaw {
    /// Each slice pays its own tier's rate: `rate_k * u - deduction_k`, continuous and, as rates rise, convex.
    Marginal,
    /// The whole pays the tier's rate: `rate_k * u`, which jumps at floors.
    Flat,
    /// `rate_k * u - deduction_k` with deductions as published, which need not be continuous.
    List,
}

/// A tier table: columns of equal length, a row per tier, floors rising from 0.
#[derive(Debug, Clone, PartialEq)]
pub struct TierTable {
    law: TierLaw,
    bounds: BoundUnit,
    at_floor: AtFloor,
    floors: Vec<f64>,
    maintenance_rates: Vec<f64>,
    initial_rates: Vec<f64>,
    deductions: Vec<f64>,
    max_leverage: Vec<f64>,
    cap: Option<f64>,
    /// Maintenance rates are half of one over the largest leverage, and are no decimals.
    halved: bool,
    /// Initial rates are a column of the file, not one over the largest leverage.
    has_initial_rates: bool,
}

impl TierTable {
    /// The law of the table. A file's `half_of_max_leverage` is a marginal table, its `arithmetic` levels a flat one.
    #[must_use]
    pub const fn law(&self) -> TierLaw {
        self.law
    }

    /// What the floors, the cap and the deductions are written in.
    #[must_use]
    pub const fn bounds(&self) -> BoundUnit {
        self.bounds
    }

    /// Which tier has an amount that lies exactly on a floor.
    #[must_use]
    pub const fn at_floor(&self) -> AtFloor {
        self.at_floor
    }

    /// Lower ends of the tiers; the first is 0.
    #[must_use]
    pub fn floors(&self) -> &[f64] {
        &self.floors
    }

    /// Maintenance rates, fractions of the notional: under law `half_of_max_leverage` rounded once, see
    /// [`Self::exact_rates`].
    #[must_use]
    pub fn maintenance_rates(&self) -> &[f64] {
        &self.maintenance_rates
    }

    /// The maintenance rates unrounded: `1 / (2 * max_leverage_k)`, or the decimals of
    /// [`Self::maintenance_rates`].
    #[must_use]
    pub fn exact_rates(&self) -> Vec<Exact> {
        if self.halved {
            self.max_leverage.iter().map(|&leverage| build::half_of_inverse(leverage)).collect()
        } else {
            decimals(&self.maintenance_rates)
        }
    }

    /// The maintenance rates to twice the precision of doubles.
    pub(crate) fn twofold_rates(&self) -> Vec<Twofold> {
        let half = Twofold::of(0.5);
        let of_leverage = |&leverage: &f64| match leverage {
            f64::INFINITY => Twofold::ZERO,
            leverage => half.over(Twofold::decimal(leverage)),
        };
        if self.halved {
            self.max_leverage.iter().map(of_leverage).collect()
        } else {
            self.maintenance_rates.iter().map(|&rate| Twofold::decimal(rate)).collect()
        }
    }

    /// Initial rates, fractions of the notional: the table's column, or one over the largest leverage rounded once;
    /// 0 where the table has neither.
    #[must_use]
    pub fn initial_rates(&self) -> &[f64] {
        &self.initial_rates
    }

    /// The initial rates unrounded: the decimals of the column, or `1 / max_leverage_k`.
    #[must_use]
    pub fn exact_initial_rates(&self) -> Vec<Exact> {
        if self.has_initial_rates {
            decimals(&self.initial_rates)
        } else {
            self.max_leverage.iter().map(|&leverage| build::inverse(leverage)).collect()
        }
    }

    /// Whether the table says what an initial margin is: by a column of rates or of largest leverages.
    pub(super) fn states_initial_rates(&self) -> bool {
        self.has_initial_rates || self.max_leverage.iter().all(|leverage| leverage.is_finite())
    }

    /// What is taken off `rate * u`, in the unit of [`Self::bounds`].
    ///
    /// For law `marginal` derived: `d_0 = 0`, `d_k = d_(k-1) + floor_k * (rate_k - rate_(k-1))`, exact from the
    /// decimals and then rounded once; [`Self::exact_deductions`] has them unrounded. For law `list` as published,
    /// for law `flat` zero.
    #[must_use]
    pub fn deductions(&self) -> &[f64] {
        &self.deductions
    }

    /// The deductions unrounded.
    #[must_use]
    pub fn exact_deductions(&self) -> Vec<Exact> {
        match self.law {
            TierLaw::Marginal => build::derived_deductions(&self.floors, &self.exact_rates()),
            _ => decimals(&self.deductions),
        }
    }

    /// Largest leverage per tier; infinite where the table has none.
    #[must_use]
    pub fn max_leverage(&self) -> &[f64] {
        &self.max_leverage
    }

    /// Upper end of the last tier: no position may exceed it.
    #[must_use]
    pub const fn cap(&self) -> Option<f64> {
        self.cap
    }

    /// The tier of an amount `u >= 0`, counted from 0: the last whose floor is not above it, or is below it, as
    /// [`Self::at_floor`] says.
    #[must_use]
    pub fn tier_at(&self, u: f64) -> usize {
        let reached = match self.at_floor {
            AtFloor::Higher => self.floors.partition_point(|&floor| floor <= u),
            AtFloor::Lower => self.floors.partition_point(|&floor| floor < u),
        };
        reached.saturating_sub(1)
    }
}

/// The decimals that a column denotes.
fn decimals(column: &[f64]) -> Vec<Exact> {
    column.iter().map(|&x| Exact::from_f64(x)).collect()
}
