//! What the assets of a pool count as collateral, and what its debts require.

use crate::exact::{Name, Number};
use crate::market::{
    AmountUnit, AssetCollateral, CollateralRules, CollateralValue, HaircutBase, HaircutLevels, LiabilityRequirement,
    LiabilityTiers, Market, Negative, RequirementConversion,
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
    /// Its place among the assets.
    at: usize,
    asset: Option<&'a AssetCollateral>,
    pub(super) price: N,
}

/// One and the ask buffer.
fn at_ask<N: Number>(asset: &AssetCollateral) -> N {
    N::of(1.0).plus(&N::of(asset.ask_buffer).named(|| Name::operand("ask_buffer").optional()))
}

impl<'a, N: Number> Counting<'a, N> {
    /// The way in which an asset counts at an index price; none for the valuation asset means 1.
    pub(super) fn new(market: &'a Market, asset: usize, index: Option<N>) -> Self {
        let price = index.unwrap_or_else(|| N::of(1.0));
        let price = price.named(|| Name::operand("index_price").of("asset", asset).optional());
        Self { rules: market.rules().collateral(), at: asset, asset: market.assets()[asset].collateral(), price }
    }

    /// What cash and unrealised profit count as, in the valuation asset.
    pub(super) fn value(&self, cash: &N, pnl: &N, weights: Weights) -> N {
        if weights == Weights::Risk && self.rules.levels == HaircutLevels::Initial {
            let name = || Name::group("counted").rule("collateral.levels").of("asset", self.at).of("valued", 0);
            return self.price.times(&cash.plus(pnl)).named(name);
        }
        let (amount, rest) = match self.rules.base {
            HaircutBase::Cash => (cash.clone(), pnl.times(&self.price)),
            HaircutBase::Equity => (cash.plus(pnl).named(|| Name::group("equity").of("asset", self.at)), N::zero()),
        };
        let held = amount.positive();
        let full = self.rules.value == CollateralValue::Full;
        let counted = if full { self.price.times(&held) } else { self.after_haircut(&held, weights) };
        let name = || Name::group("counted").rule("collateral.value").of("asset", self.at).of("valued", 0);
        counted.plus(&self.owed(&amount.negative())).plus(&rest).named(name)
    }

    fn after_haircut(&self, held: &N, weights: Weights) -> N {
        let Some(asset) = self.asset else { return N::zero() };
        let heights = if weights == Weights::Availability { &asset.availability } else { &asset.weights };
        let value = match asset.unit {
            AmountUnit::Quantity => {
                self.price.times(&self.slices(("haircut_slice", "weight"), (&asset.floors, heights), held))
            }
            AmountUnit::Value => {
                self.slices(("haircut_slice", "weight"), (&asset.floors, heights), &self.price.times(held))
            }
        };
        let buffer = N::of(asset.bid_buffer).named(|| Name::operand("bid_buffer").optional());
        value.times(&N::of(1.0).minus(&buffer))
    }

    /// `sum height_k * slice_k` over the slices of an amount between floors: the integral of a step function from 0.
    fn slices(
        &self,
        (word, height): (&'static str, &'static str),
        (floors, heights): (&[f64], &[f64]),
        amount: &N,
    ) -> N {
        let mut sum = N::zero();
        for (k, (&floor, &of)) in floors.iter().zip(heights).enumerate() {
            let below = floors.get(k + 1).map_or_else(|| amount.clone(), |&cap| amount.smaller(&N::of(cap)));
            let from = || N::of(floor).named(|| Name::operand("floor"));
            let slice = if k == 0 { below } else { below.minus(&from()).positive() };
            let counted = N::of(of).named(|| Name::operand(height)).times(&slice);
            let name = || Name::term(word).rule("collateral.asset").of("asset", self.at).of("slice", k + 1);
            sum = sum.plus(&if k == 0 { counted.named(name) } else { counted.named(|| name().optional()) });
        }
        sum
    }

    /// The value of a negative amount.
    fn owed(&self, amount: &N) -> N {
        let value = self.price.times(amount);
        let owed = match (self.rules.negative, self.asset) {
            (Negative::Ask, Some(asset)) => value.times(&at_ask(asset)),
            (Negative::LiabilityFactor, Some(asset)) => {
                value.times(&N::of(asset.liability_factor).named(|| Name::operand("liability_factor")))
            }
            _ => value,
        };
        owed.named(|| Name::group("debt").rule("collateral.negative").of("asset", self.at).of("valued", 0))
    }

    /// A requirement in the asset, brought into the valuation asset.
    pub(super) fn requirement(&self, amount: &N) -> N {
        let value = self.price.times(amount);
        match (self.rules.requirement_conversion, self.asset) {
            (RequirementConversion::Ask, Some(asset)) => value.times(&at_ask(asset)),
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
        let words = ("debt_slice", "rate");
        [self.slices(words, (floors, maintenance_rates), &debt), self.slices(words, (floors, initial), &debt)]
    }
}

/// How an asset counts at one moment, in doubles, ready for lanes.
#[derive(Debug, Clone)]
pub(crate) struct AssetRow {
    /// Whether it has a price, and neither a rest of tiers nor debts that are charged.
    pub(crate) plain: bool,
    /// What multiplies a positive amount, and `sum slope * max(amount - floor, 0)` beyond: of the next tiers, whether
    /// there are so many or not, and of the rest.
    pub(crate) first: f64,
    pub(crate) next: [(f64, f64); NEXT],
    pub(crate) rest: Vec<(f64, f64)>,
    /// What a negative amount is multiplied with.
    pub(crate) negative: f64,
    /// What a requirement is multiplied with.
    pub(crate) requirement: f64,
    /// What a debt requires: as `steps`, of its amount.
    pub(crate) debt: Vec<(f64, f64)>,
    /// What an error of an amount, and of what it requires, becomes at most; NaN where the asset has no price.
    pub(crate) reach: f64,
}

/// Tiers of a haircut beyond the first that are computed without asking whether there are any.
const NEXT: usize = 2;

/// The differences of a step function's heights.
fn steps(floors: &[f64], heights: &[f64]) -> Vec<(f64, f64)> {
    let mut below = 0.0;
    let slopes = floors.iter().zip(heights).map(|(&floor, &height)| {
        let slope = height - below;
        below = height;
        (floor, slope)
    });
    slopes.collect()
}

impl AssetRow {
    /// The row of an asset at an index price, under rules that take haircuts on equity.
    pub(crate) fn new(market: &Market, asset: usize, index: f64) -> Self {
        let rules = market.rules();
        let is_valuation = rules.valuation_asset() == Some(asset);
        let price = if index.is_nan() && is_valuation { 1.0 } else { index };
        let collateral = market.assets()[asset].collateral();
        let how = rules.collateral();
        let unseen = how.levels == HaircutLevels::Initial;
        let full = how.value == CollateralValue::Full || unseen;
        let (scales, counted) = match collateral {
            _ if full => ([1.0, price], vec![(0.0, 1.0)]),
            None => ([1.0, price], Vec::new()),
            Some(asset) => {
                let bid = 1.0 - asset.bid_buffer;
                let scales = match asset.unit {
                    AmountUnit::Quantity => [1.0, price * bid],
                    AmountUnit::Value => [price, bid],
                };
                (scales, steps(&asset.floors, &asset.weights))
            }
        };
        let negative = match (how.negative, collateral) {
            _ if unseen => price,
            (Negative::Ask, Some(asset)) => price * (1.0 + asset.ask_buffer),
            (Negative::LiabilityFactor, Some(asset)) => price * asset.liability_factor,
            _ => price,
        };
        let requirement = match (how.requirement_conversion, collateral) {
            (RequirementConversion::Ask, Some(asset)) => price * (1.0 + asset.ask_buffer),
            _ => price,
        };
        let liability = collateral.and_then(|asset| asset.liability.as_ref());
        let debt = liability.filter(|_| rules.liability_requirement() == LiabilityRequirement::Tiers);
        let debt = debt.map_or_else(Vec::new, |tiers| steps(&tiers.floors, &tiers.maintenance_rates));
        let variation = |steps: &[(f64, f64)]| steps.iter().map(|(_, slope)| slope.abs()).sum::<f64>();
        let counted_at_most = scales[0] * scales[1] * variation(&counted);
        let with_debt = requirement * (1.0 + rules.trigger_level() * variation(&debt));
        // The number of steps counts the roundings of their sum.
        let n_steps = u32::try_from(counted.len() + debt.len()).unwrap_or(u32::MAX);
        let roundings = 1.0 + f64::from(n_steps) / 8.0;
        let reach = roundings * larger(counted_at_most, larger(negative, with_debt));
        // Compared by hand above, which lets an unknown price slip.
        let reach = if price.is_nan() { f64::NAN } else { reach };
        // In the asset itself, whatever the tiers are written in.
        let scale = scales[0] * scales[1];
        let mut counted = counted.into_iter().map(|(floor, slope)| (floor / scales[0], slope * scale));
        // The first step begins at 0, and so is on the whole.
        let first = counted.next().map_or(0.0, |(_, slope)| slope);
        let mut beyond = counted;
        let next = std::array::from_fn(|_| beyond.next().unwrap_or((f64::MAX, 0.0)));
        let rest: Vec<(f64, f64)> = beyond.collect();
        let plain = !reach.is_nan() && rest.is_empty() && debt.is_empty();
        Self { plain, first, next, rest, negative, requirement, debt, reach }
    }
}

fn larger(a: f64, b: f64) -> f64 {
    if a > b { a } else { b }
}
