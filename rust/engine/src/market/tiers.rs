//! Tier tables: what a position of a given notional must hold as maintenance.

use super::number::Number;
use super::schema::{self, BoundUnit, LawKind, TiersEntry};
use crate::error::{Error, Result};
use crate::exact::Exact;

/// How far a published deduction may lie from the derived one, relatively.
const DEDUCTION_TOLERANCE: f64 = 1e-12;
/// How far it may lie from a derived zero.
const ZERO_TOLERANCE: f64 = 1e-9;

/// How a table turns a notional `u` in tier `k` into a requirement.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum TierLaw {
    /// Each slice pays its own tier's rate: `rate_k * u - deduction_k`, continuous and, as rates rise, convex.
    Marginal,
    /// The whole notional pays the tier's rate: `rate_k * u`, which jumps at floors.
    Flat,
    /// `rate_k * u - deduction_k` with deductions as published, which need not be continuous.
    List,
    /// Levels at regular distances, each with the rate on the whole: see [`Arithmetic`].
    Arithmetic(Arithmetic),
    /// Marginal, with half of one over the tier's largest leverage as its rate.
    HalfOfMaxLeverage,
}

/// Levels at `base + (k - 1) * increment`, whose rates rise by `maintenance_step` each.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Arithmetic {
    /// Upper end of the first level.
    pub base: f64,
    /// Width of each further level.
    pub increment: f64,
    /// Maintenance rate of the first level.
    pub maintenance_rate: f64,
    /// What each further level adds to the rate.
    pub maintenance_step: f64,
    /// Number of levels.
    pub levels: u32,
}

/// A maintenance table: columns of equal length, a row per tier, floors rising from 0 and inclusive.
#[derive(Debug, Clone, PartialEq)]
pub struct TierTable {
    law: TierLaw,
    bounds: BoundUnit,
    floors: Vec<f64>,
    maintenance_rates: Vec<f64>,
    deductions: Vec<f64>,
    max_leverage: Vec<f64>,
    cap: Option<f64>,
}

impl TierTable {
    /// The law of the table.
    #[must_use]
    pub const fn law(&self) -> TierLaw {
        self.law
    }

    /// What the floors and the cap are written in.
    #[must_use]
    pub const fn bounds(&self) -> BoundUnit {
        self.bounds
    }

    /// Lower ends of the tiers, inclusive; the first is 0.
    #[must_use]
    pub fn floors(&self) -> &[f64] {
        &self.floors
    }

    /// Maintenance rates, fractions of the notional.
    #[must_use]
    pub fn maintenance_rates(&self) -> &[f64] {
        &self.maintenance_rates
    }

    /// What is taken off `rate * notional`, in the settlement asset.
    ///
    /// For law `marginal` derived: `d_0 = 0`, `d_k = d_(k-1) + floor_k * (rate_k - rate_(k-1))`, exact from the
    /// decimals and then rounded once; [`Self::exact_deductions`] has them unrounded. For law `list` as published,
    /// for law `flat` zero.
    #[must_use]
    pub fn deductions(&self) -> &[f64] {
        &self.deductions
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

    /// The tier of a notional `u >= 0`: the last whose floor is not above it.
    #[must_use]
    pub fn tier_at(&self, u: f64) -> usize {
        self.floors.partition_point(|&floor| floor <= u).saturating_sub(1)
    }

    /// What a tier, counted from 0, charges on a notional `u >= 0`, in doubles: `rate * u - deduction`.
    pub(crate) fn charge_in(&self, tier: usize, u: f64) -> f64 {
        self.maintenance_rates[tier] * u - self.deductions[tier]
    }

    /// The deductions unrounded.
    #[must_use]
    pub fn exact_deductions(&self) -> Vec<Exact> {
        match self.law {
            TierLaw::Marginal => derived_deductions(&self.floors, &self.maintenance_rates),
            _ => self.deductions.iter().map(|&d| Exact::from_f64(d)).collect(),
        }
    }

    /// Checks a table and derives what follows from it; `path` is `tiers.<name>`.
    pub(super) fn build(entry: &TiersEntry, path: &str) -> Result<Self> {
        check_shape(entry, path)?;
        let floors = schema::floats(&entry.floor);
        let maintenance_rates = schema::floats(&entry.maintenance_rate);
        check_columns(entry, path)?;
        let (law, deductions) = choose_deductions(entry, &floors, &maintenance_rates, path)?;
        let max_leverage = if entry.max_leverage.is_empty() {
            vec![f64::INFINITY; floors.len()]
        } else {
            schema::floats(&entry.max_leverage)
        };
        let cap = entry.cap.map(Number::get);
        Ok(Self { law, bounds: entry.bounds, floors, maintenance_rates, deductions, max_leverage, cap })
    }

    /// The entry that says the same, without deductions that follow from the rest.
    pub(super) fn canonical(&self, entry: &TiersEntry) -> TiersEntry {
        let (law, deduction) = match self.law {
            TierLaw::List => (LawKind::List, self.deductions.iter().map(|&d| Number::new(d)).collect()),
            TierLaw::Flat => (LawKind::Flat, vec![]),
            _ => (entry.law, vec![]),
        };
        TiersEntry { law, deduction, ..entry.clone() }
    }
}

/// The deductions that make a marginal table continuous, exactly.
fn derived_deductions(floors: &[f64], rates: &[f64]) -> Vec<Exact> {
    let mut deduction = Exact::zero();
    let mut all = vec![deduction.clone()];
    for (pair, &floor) in rates.windows(2).zip(floors.iter().skip(1)) {
        let step = Exact::from_f64(pair[1]) - Exact::from_f64(pair[0]);
        deduction = deduction + Exact::from_f64(floor) * step;
        all.push(deduction.clone());
    }
    all
}

/// Checks that the columns are there and equally long.
fn check_shape(entry: &TiersEntry, path: &str) -> Result<()> {
    let n = entry.floor.len();
    if n == 0 {
        return Err(Error::market(format!("{path}.floor"), "was empty, expected the floors of the tiers, from 0"));
    }
    if entry.maintenance_rate.is_empty() {
        return Err(Error::market(format!("{path}.maintenance_rate"), "was empty, expected a rate per floor"));
    }
    let columns = [
        ("maintenance_rate", entry.maintenance_rate.len()),
        ("initial_rate", entry.initial_rate.len()),
        ("max_leverage", entry.max_leverage.len()),
        ("deduction", entry.deduction.len()),
    ];
    for (column, len) in columns {
        if len != 0 && len != n {
            let message = format!("had {len} values, expected {n}, one per floor");
            return Err(Error::market(format!("{path}.{column}"), message));
        }
    }
    Ok(())
}

/// Checks the values of the columns.
fn check_columns(entry: &TiersEntry, path: &str) -> Result<()> {
    let first = entry.floor[0].get();
    if first != 0.0 {
        return Err(Error::market(format!("{path}.floor[0]"), format!("was {first}, expected 0")));
    }
    for (k, pair) in entry.floor.windows(2).enumerate() {
        let (lower, upper) = (pair[0].get(), pair[1].get());
        if upper <= lower {
            let message = format!("was {upper}, expected more than the floor before it, {lower}");
            return Err(Error::market(format!("{path}.floor[{}]", k + 1), message));
        }
    }
    for (column, rates) in [("maintenance_rate", &entry.maintenance_rate), ("initial_rate", &entry.initial_rate)] {
        for (k, rate) in rates.iter().enumerate() {
            rate.rate(|| format!("{path}.{column}[{k}]"))?;
        }
    }
    for (k, leverage) in entry.max_leverage.iter().enumerate() {
        if leverage.get() < 1.0 {
            let message = format!("was {}, expected at least 1", leverage.get());
            return Err(Error::market(format!("{path}.max_leverage[{k}]"), message));
        }
    }
    let last = entry.floor[entry.floor.len() - 1].get();
    match entry.cap.map(Number::get) {
        Some(cap) if cap <= last => {
            Err(Error::market(format!("{path}.cap"), format!("was {cap}, expected more than the last floor, {last}")))
        }
        _ => Ok(()),
    }
}

/// The deductions that count, and the law under which they do.
fn choose_deductions(entry: &TiersEntry, floors: &[f64], rates: &[f64], path: &str) -> Result<(TierLaw, Vec<f64>)> {
    let given = schema::floats(&entry.deduction);
    match entry.law {
        LawKind::Flat => {
            if let Some(k) = given.iter().position(|&d| d != 0.0) {
                let message = format!("was {}, expected none under law \"flat\"; write law = \"list\"", given[k]);
                return Err(Error::market(format!("{path}.deduction[{k}]"), message));
            }
            Ok((TierLaw::Flat, vec![0.0; floors.len()]))
        }
        LawKind::List => {
            if given.is_empty() {
                let message = "was missing, expected a value per floor under law \"list\"";
                return Err(Error::market(format!("{path}.deduction"), message));
            }
            listed(floors, rates, given, path)
        }
        LawKind::Marginal | LawKind::HalfOfMaxLeverage | LawKind::Arithmetic => {
            let derived = derived_deductions(floors, rates);
            if !given.is_empty() && !given.iter().zip(&derived).all(|(&g, d)| agrees(g, d)) {
                return listed(floors, rates, given, path);
            }
            check_rising(rates, path)?;
            Ok((TierLaw::Marginal, derived.iter().map(Exact::to_f64).collect()))
        }
    }
}

/// Whether a published deduction is the derived one.
fn agrees(given: f64, derived: &Exact) -> bool {
    let distance = (Exact::from_f64(given) - derived.clone()).abs();
    let allowed = if derived.is_zero() {
        Exact::from_f64(ZERO_TOLERANCE)
    } else {
        Exact::from_f64(DEDUCTION_TOLERANCE) * derived.clone().abs()
    };
    distance <= allowed
}

/// A table whose rates fall would be continuous yet not convex: its deductions must be listed.
fn check_rising(rates: &[f64], path: &str) -> Result<()> {
    match rates.windows(2).position(|pair| pair[1] < pair[0]) {
        None => Ok(()),
        Some(k) => {
            let message = format!(
                "was {}, below the rate before it, {}; write law = \"list\" with its deductions",
                rates[k + 1],
                rates[k]
            );
            Err(Error::market(format!("{path}.maintenance_rate[{}]", k + 1), message))
        }
    }
}

/// A table with deductions as published; no tier may require less than nothing.
fn listed(floors: &[f64], rates: &[f64], given: Vec<f64>, path: &str) -> Result<(TierLaw, Vec<f64>)> {
    for (k, &deduction) in given.iter().enumerate() {
        let charged = Exact::from_f64(rates[k]) * Exact::from_f64(floors[k]);
        if charged < Exact::from_f64(deduction) {
            let message = format!("was {deduction}, expected no more than rate * floor, {}", charged.to_f64());
            return Err(Error::market(format!("{path}.deduction[{k}]"), message));
        }
    }
    Ok((TierLaw::List, given))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A small generator of pseudo-random numbers: properties need variety, not quality.
    struct Draw(u64);

    impl Draw {
        fn below(&mut self, n: u32) -> u32 {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            u32::try_from(self.0 >> 33).unwrap() % n
        }

        /// A marginal table of one to twelve tiers, with floors of 1 to 7 digits after it and rates in 1e-5.
        fn table(&mut self) -> TiersEntry {
            let (mut floor, mut rate) = (0.0, f64::from(1 + self.below(500)));
            let (mut floors, mut rates) = (vec![], vec![]);
            for _ in 0..=self.below(12) {
                floors.push(Number::new(floor));
                rates.push(Number::new(rate / 1e5));
                floor += f64::from(1 + self.below(90_000_000)) / 100.0;
                rate += f64::from(self.below(4_000));
            }
            TiersEntry {
                law: LawKind::Marginal,
                bounds: BoundUnit::Quote,
                floor: floors,
                cap: None,
                maintenance_rate: rates,
                initial_rate: vec![],
                max_leverage: vec![],
                deduction: vec![],
                arithmetic: None,
            }
        }
    }

    fn exact(x: f64) -> Exact {
        Exact::from_f64(x)
    }

    #[test]
    fn prop_deductions_make_the_requirement_continuous() {
        let mut draw = Draw(1);
        for _ in 0..500 {
            let table = TierTable::build(&draw.table(), "tiers.X").unwrap();
            let deductions = table.exact_deductions();
            let charge = |k: usize, u: f64| exact(table.maintenance_rates()[k]) * exact(u) - deductions[k].clone();
            for (k, &floor) in table.floors().iter().enumerate().skip(1) {
                assert_eq!(charge(k - 1, floor), charge(k, floor), "{table:?}");
            }
            let rounded: Vec<f64> = deductions.iter().map(Exact::to_f64).collect();
            assert_eq!(rounded, table.deductions());
        }
    }

    #[test]
    fn prop_deductions_published_in_doubles_agree_and_are_dropped() {
        let mut draw = Draw(2);
        for _ in 0..500 {
            let entry = draw.table();
            let table = TierTable::build(&entry, "tiers.X").unwrap();
            let published =
                TiersEntry { deduction: table.deductions().iter().map(|&d| Number::new(d)).collect(), ..entry.clone() };
            let again = TierTable::build(&published, "tiers.X").unwrap();
            assert_eq!(again, table);
            assert_eq!(again.canonical(&published), entry);
        }
    }

    #[test]
    fn prop_tier_at_is_the_last_floor_not_above() {
        let mut draw = Draw(3);
        for _ in 0..200 {
            let table = TierTable::build(&draw.table(), "tiers.X").unwrap();
            for (k, &floor) in table.floors().iter().enumerate() {
                assert_eq!(table.tier_at(floor), k);
                assert_eq!(table.tier_at(floor.next_up()), k);
                assert_eq!(table.tier_at(floor.next_down()), k.saturating_sub(1));
            }
            assert_eq!(table.tier_at(f64::INFINITY), table.floors().len() - 1);
        }
    }

    #[test]
    fn test_tiers_deduction_at_the_tolerance_decides_the_law() {
        let mut draw = Draw(4);
        let entry = TiersEntry {
            floor: [0.0, 50_000.0].map(Number::new).to_vec(),
            maintenance_rate: [0.004, 0.024].map(Number::new).to_vec(),
            ..draw.table()
        };
        let law = |deductions: [f64; 2]| {
            let entry = TiersEntry { deduction: deductions.map(Number::new).to_vec(), ..entry.clone() };
            TierTable::build(&entry, "tiers.X").unwrap().law()
        };
        assert_eq!(law([0.0, 1_000.0]), TierLaw::Marginal);
        assert_eq!(law([0.0, 1_000.000_000_001]), TierLaw::Marginal);
        assert_eq!(law([1e-9, 999.999_999_999]), TierLaw::Marginal);
        assert_eq!(law([0.0, 1_000.000_000_001_1]), TierLaw::List);
        assert_eq!(law([-1.1e-9, 1_000.0]), TierLaw::List);
    }
}
