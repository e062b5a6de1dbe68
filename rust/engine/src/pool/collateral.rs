//! What the assets of a pool count as collateral, and what its debts require.

use crate::exact::Number;
use crate::market::{
    AmountUnit, AssetCollateral, CollateralRules, CollateralValue, HaircutBase, HaircutLevels, LiabilityTiers, Market,
    Negative, RequirementConversion,
};

/// Which weights an amount is counted with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Weights {
    /// Those of the liquidation test.
    Risk,
    /// Those of the test of initial margin.
    Initial,
    /// Those of what can back new positions.
    Availability,
}

/// One asset of a pool of several: its price and how it counts.
pub(super) struct Counting<'a, N> {
    rules: CollateralRules,
    asset: Option<&'a AssetCollateral>,
    pub(super) price: N,
}

/// `sum (height_k - height_(k-1)) * max(amount - floor_k, 0)`: the integral of a step function from 0.
fn marginal<N: Number>(floors: &[f64], heights: &[f64], amount: &N) -> N {
    let mut below = N::zero();
    let mut sum = N::zero();
    for (&floor, &height) in floors.iter().zip(heights) {
        let height = N::of(height);
        sum = sum.plus(&height.minus(&below).times(&amount.minus(&N::of(floor)).positive()));
        below = height;
    }
    sum
}

impl<'a, N: Number> Counting<'a, N> {
    /// The way in which an asset counts at an index price; NaN for the valuation asset means 1.
    pub(super) fn new(market: &'a Market, asset: usize, index: f64) -> Self {
        let price = if index.is_nan() { N::of(1.0) } else { N::of(index) };
        Self { rules: market.rules().collateral(), asset: market.assets()[asset].collateral(), price }
    }

    /// What cash and unrealised profit count as, in the valuation asset.
    pub(super) fn value(&self, cash: &N, pnl: &N, weights: Weights) -> N {
        let full = self.rules.value == CollateralValue::Full
            || (weights == Weights::Risk && self.rules.levels == HaircutLevels::Initial);
        let (amount, rest) = match self.rules.base {
            HaircutBase::Cash if !full => (cash.clone(), pnl.times(&self.price)),
            _ => (cash.plus(pnl), N::zero()),
        };
        let held = amount.positive();
        let counted = if full { self.price.times(&held) } else { self.after_haircut(&held, weights) };
        counted.plus(&self.owed(&amount.negative())).plus(&rest)
    }

    fn after_haircut(&self, held: &N, weights: Weights) -> N {
        let Some(asset) = self.asset else { return N::zero() };
        let heights = if weights == Weights::Availability { &asset.availability } else { &asset.weights };
        let value = match asset.unit {
            AmountUnit::Quantity => self.price.times(&marginal(&asset.floors, heights, held)),
            AmountUnit::Value => marginal(&asset.floors, heights, &self.price.times(held)),
        };
        value.times(&N::of(1.0).minus(&N::of(asset.bid_buffer)))
    }

    /// The value of a negative amount.
    fn owed(&self, amount: &N) -> N {
        let value = self.price.times(amount);
        match (self.rules.negative, self.asset) {
            (Negative::Ask, Some(asset)) => value.times(&N::of(1.0).plus(&N::of(asset.ask_buffer))),
            (Negative::LiabilityFactor, Some(asset)) => value.times(&N::of(asset.liability_factor)),
            _ => value,
        }
    }

    /// A requirement in the asset, brought into the valuation asset.
    pub(super) fn requirement(&self, amount: &N) -> N {
        let value = self.price.times(amount);
        match (self.rules.requirement_conversion, self.asset) {
            (RequirementConversion::Ask, Some(asset)) => value.times(&N::of(1.0).plus(&N::of(asset.ask_buffer))),
            _ => value,
        }
    }

    /// What a debt of the asset requires, in the asset: maintenance and initial margin.
    pub(super) fn of_debt(&self, equity: &N) -> [N; 2] {
        let Some(LiabilityTiers { floors, maintenance_rates, initial_rates, .. }) =
            self.asset.and_then(|asset| asset.liability.as_ref())
        else {
            return [N::zero(), N::zero()];
        };
        let debt = N::zero().minus(&equity.negative());
        let initial = if initial_rates.is_empty() { maintenance_rates } else { initial_rates };
        [marginal(floors, maintenance_rates, &debt), marginal(floors, initial, &debt)]
    }
}
