//! Laws of tier tables on random ones.

use super::*;
use crate::market::number::Number;
use crate::market::schema::{ArithmeticEntry, LawKind, TiersEntry};

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
            at_floor: None,
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

/// A table of falling leverages, which may repeat.
fn half(draw: &mut Draw) -> TiersEntry {
    let entry = draw.table();
    let mut leverage = 500.0;
    let mut next = || {
        leverage -= f64::from(draw.below(40)) / 100.0;
        Number::new(leverage)
    };
    let max_leverage = entry.floor.iter().map(|_| next()).collect();
    TiersEntry { law: LawKind::HalfOfMaxLeverage, maintenance_rate: vec![], max_leverage, ..entry }
}

#[test]
fn prop_half_of_max_leverage_is_a_continuous_table_of_exact_halves() {
    let mut draw = Draw(5);
    for _ in 0..300 {
        let entry = half(&mut draw);
        let table = TierTable::build(&entry, "tiers.X").unwrap();
        assert_eq!((table.law(), table.at_floor()), (TierLaw::Marginal, AtFloor::Higher));
        let (rates, deductions) = (table.exact_rates(), table.exact_deductions());
        for (k, rate) in rates.iter().enumerate() {
            assert_eq!(rate.clone() * exact(2.0) * exact(table.max_leverage()[k]), exact(1.0), "{table:?}");
            assert_eq!(rate.to_f64().to_bits(), table.maintenance_rates()[k].to_bits());
            assert_eq!(table.exact_initial_rates()[k], rate.clone() * exact(2.0));
        }
        for (k, &floor) in table.floors().iter().enumerate().skip(1) {
            let charge = |k: usize| rates[k].clone() * exact(floor) - deductions[k].clone();
            assert_eq!(charge(k - 1), charge(k), "{table:?}");
        }
        assert_eq!(table.canonical(&entry), entry);
    }
}

/// Levels whose columns are decimals of few digits.
fn levels(draw: &mut Draw) -> TiersEntry {
    let arithmetic = ArithmeticEntry {
        base: Number::new(f64::from(1 + draw.below(100_000))),
        increment: Number::new(f64::from(1 + draw.below(10_000_000)) / 10.0),
        maintenance_rate: Number::new(f64::from(1 + draw.below(100)) / 1e4),
        maintenance_step: Number::new(f64::from(draw.below(100)) / 1e4),
        initial_rate: Some(Number::new(f64::from(1 + draw.below(200)) / 1e4)),
        initial_step: Some(Number::new(f64::from(draw.below(200)) / 1e4)),
        levels: 1 + draw.below(40),
    };
    TiersEntry {
        law: LawKind::Arithmetic,
        floor: vec![],
        maintenance_rate: vec![],
        arithmetic: Some(arithmetic),
        ..draw.table()
    }
}

#[test]
fn prop_arithmetic_level_is_the_published_formula() {
    let mut draw = Draw(6);
    for _ in 0..300 {
        let entry = levels(&mut draw);
        let table = TierTable::build(&entry, "tiers.X").unwrap();
        let written = entry.arithmetic.clone().unwrap();
        let (base, increment) = (exact(written.base.get()), exact(written.increment.get()));
        assert_eq!((table.law(), table.at_floor()), (TierLaw::Flat, AtFloor::Lower));
        for _ in 0..20 {
            // Bounds themselves and amounts a tenth beside them: the smallest step that the columns have.
            let k = draw.below(written.levels);
            let beside = exact(f64::from(draw.below(3)) / 10.0 - 0.1);
            let u = base.clone() + increment.clone() * exact(f64::from(k)) + beside;
            // level = 1 if u <= base else ceil((u - base) / increment) + 1
            let mut level = 1_u32;
            while level < written.levels && u > base.clone() + increment.clone() * exact(f64::from(level - 1)) {
                level += 1;
            }
            let tier = table.tier_at(u.to_f64());
            assert_eq!(tier + 1, usize::try_from(level).unwrap(), "{table:?}");
            let steps = exact(f64::from(level - 1));
            let rate = exact(written.maintenance_rate.get()) + steps.clone() * exact(written.maintenance_step.get());
            assert_eq!(table.exact_rates()[tier], rate);
            let initial =
                exact(written.initial_rate.unwrap().get()) + steps * exact(written.initial_step.unwrap().get());
            assert_eq!(table.exact_initial_rates()[tier], initial);
        }
        let last = exact(f64::from(written.levels - 1));
        assert_eq!(table.cap().map(exact), Some(base + increment * last));
        assert_eq!(table.canonical(&entry), entry);
    }
}

#[test]
fn prop_tier_at_lower_gives_a_floor_to_the_tier_below() {
    let mut draw = Draw(7);
    for _ in 0..200 {
        let entry = TiersEntry { at_floor: Some(AtFloor::Lower), ..draw.table() };
        let table = TierTable::build(&entry, "tiers.X").unwrap();
        for (k, &floor) in table.floors().iter().enumerate() {
            assert_eq!(table.tier_at(floor), k.saturating_sub(1));
            assert_eq!(table.tier_at(floor.next_up()), k);
        }
    }
}

#[test]
fn test_tiers_initial_rates_without_leverage_are_zero() {
    let table = TierTable::build(&Draw(8).table(), "tiers.X").unwrap();
    assert!(!table.states_initial_rates());
    assert!(table.initial_rates().iter().all(|&rate| rate == 0.0));
    assert!(table.exact_initial_rates().iter().all(Exact::is_zero));
}
