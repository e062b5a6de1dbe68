//! What an asset of a pool counts, less what its debt requires, as a function of its equity: linear pieces, to twice the
//! precision of doubles.

use crate::exact::Twofold;
use crate::market::{
    AmountUnit, AssetCollateral, CollateralValue, HaircutBase, HaircutLevels, LiabilityRequirement, Market, Negative,
    RequirementConversion,
};

/// One linear piece: from `begins` on, `at + (equity - anchor) * slope`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stretch {
    pub(crate) begins: Twofold,
    pub(crate) anchor: Twofold,
    pub(crate) at: Twofold,
    pub(crate) slope: Twofold,
}

/// The pieces, ascending; the first begins at minus infinity.
#[derive(Debug, Clone)]
pub(crate) struct Curve {
    pub(crate) stretches: Vec<Stretch>,
    /// What multiplies a requirement in the asset.
    pub(crate) requirement: Twofold,
    /// Whether slopes fall.
    pub(crate) is_concave: bool,
    /// The largest slope, or what multiplies a requirement.
    pub(crate) reach: f64,
}

/// How what is owed counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owed {
    /// Less what it requires.
    Charged,
    /// By itself.
    Counted,
    /// As what is held does: where only the sign is asked for of an asset that is all there is.
    AsHeld,
}

/// Whether assets of a market are counted by their equity alone.
pub(super) fn has_curves(market: &Market) -> bool {
    let how = market.rules().collateral();
    how.base == HaircutBase::Equity || how.levels == HaircutLevels::Initial
}

/// One of a decimal above or below 1.
fn one_and(rate: f64) -> Twofold {
    Twofold::ONE.plus(Twofold::decimal(rate))
}

fn larger(a: f64, b: f64) -> f64 {
    if a > b { a } else { b }
}

impl Curve {
    /// Of an asset that is in the pool's own already.
    pub(crate) fn plain() -> Self {
        Self::new(&[(Twofold::ZERO, Twofold::ONE)], &[(Twofold::ZERO, Twofold::ONE)], Twofold::ONE)
    }

    /// Of an asset at an index price (NaN where there is none), in pools of several.
    pub(crate) fn of_asset(market: &Market, asset: usize, index: f64, owed: Owed) -> Self {
        let rules = market.rules();
        let is_valuation = rules.valuation_asset() == Some(asset);
        let price = if index.is_nan() && is_valuation { Twofold::ONE } else { Twofold::decimal(index) };
        let collateral = market.assets()[asset].collateral();
        let how = rules.collateral();
        let unseen = how.levels == HaircutLevels::Initial;
        let negative = match (how.negative, collateral) {
            _ if unseen => price,
            (Negative::Ask, Some(asset)) => price.times(one_and(asset.ask_buffer)),
            (Negative::LiabilityFactor, Some(asset)) => price.times(Twofold::decimal(asset.liability_factor)),
            _ => price,
        };
        let requirement = match (how.requirement_conversion, collateral) {
            (RequirementConversion::Ask, Some(asset)) => price.times(one_and(asset.ask_buffer)),
            _ => price,
        };
        let held = match collateral {
            _ if unseen || how.value == CollateralValue::Full => vec![(Twofold::ZERO, price)],
            None => vec![(Twofold::ZERO, Twofold::ZERO)],
            Some(asset) => counted(asset, price),
        };
        let liability = collateral.and_then(|asset| asset.liability.as_ref());
        let liability =
            liability.filter(|_| owed == Owed::Charged && rules.liability_requirement() == LiabilityRequirement::Tiers);
        let charged = requirement.times(Twofold::decimal(rules.trigger_level()));
        let negative = if owed == Owed::AsHeld { held[0].1 } else { negative };
        let owed = liability.map_or_else(
            || vec![(Twofold::ZERO, negative)],
            |tiers| {
                let rows = tiers.floors.iter().zip(&tiers.maintenance_rates);
                let row = |(&floor, &rate): (&f64, &f64)| {
                    (Twofold::decimal(floor), negative.plus(charged.times(Twofold::decimal(rate))))
                };
                rows.map(row).collect()
            },
        );
        Self::new(&held, &owed, requirement)
    }

    /// From what each further unit counts from an amount held, and from an amount owed, on; both begin at 0.
    fn new(held: &[(Twofold, Twofold)], owed: &[(Twofold, Twofold)], requirement: Twofold) -> Self {
        let mut stretches = Vec::with_capacity(held.len() + owed.len());
        let mut at = Twofold::ZERO;
        for (k, &(amount, slope)) in owed.iter().enumerate() {
            let ends = owed.get(k + 1).map(|next| next.0);
            let begins = ends.map_or(Twofold::of(f64::NEG_INFINITY), Twofold::negated);
            stretches.push(Stretch { begins, anchor: amount.negated(), at, slope });
            at = ends.map_or(at, |ends| at.minus(ends.minus(amount).times(slope)));
        }
        stretches.reverse();
        let mut at = Twofold::ZERO;
        for (k, &(amount, slope)) in held.iter().enumerate() {
            // What is linear through zero has no kink there.
            if k > 0 || slope != owed[0].1 {
                stretches.push(Stretch { begins: amount, anchor: amount, at, slope });
            }
            at = held.get(k + 1).map_or(at, |next| at.plus(next.0.minus(amount).times(slope)));
        }
        let reach = stretches.iter().fold(requirement.hi, |reach, stretch| larger(stretch.slope.hi.abs(), reach));
        let is_concave = stretches.windows(2).all(|pair| pair[0].slope.hi >= pair[1].slope.hi);
        Self { stretches, requirement, is_concave, reach }
    }

    /// The value of an equity in doubles.
    pub(crate) fn near(&self, equity: f64) -> f64 {
        let above: usize = self.stretches[1..].iter().map(|stretch| usize::from(equity >= stretch.begins.hi)).sum();
        let Stretch { anchor, at, slope, .. } = &self.stretches[above];
        at.hi + (equity - anchor.hi) * slope.hi
    }

    /// The place of the piece that an equity is in.
    pub(crate) fn find(&self, equity: Twofold) -> u32 {
        let mut at = 0;
        for stretch in &self.stretches[1..] {
            at += u32::from(equity.reaches(stretch.begins));
        }
        at
    }
}

impl Stretch {
    pub(crate) const fn value(&self, equity: Twofold) -> Twofold {
        self.at.plus(equity.minus(self.anchor).times(self.slope))
    }
}

/// What each further unit of an asset counts, from which amount on.
fn counted(asset: &AssetCollateral, price: Twofold) -> Vec<(Twofold, Twofold)> {
    let scale = price.times(one_and(-asset.bid_buffer));
    let rows = asset.floors.iter().zip(&asset.weights);
    let row = |(&floor, &weight): (&f64, &f64)| {
        let floor = Twofold::decimal(floor);
        let amount = match asset.unit {
            AmountUnit::Quantity => floor,
            AmountUnit::Value => floor.over(price),
        };
        (amount, scale.times(Twofold::decimal(weight)))
    };
    rows.map(row).collect()
}
