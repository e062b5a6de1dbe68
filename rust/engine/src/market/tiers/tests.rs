//! Laws of tier tables on random ones.

use super::*;
use crate::market::number::Number;
use crate::market::schema::{LawKind, TiersEntry};

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
