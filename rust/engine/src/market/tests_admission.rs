//! What admits and limits orders, what discounts fees and what a bonus pays, as files say it and by default.

use super::tests::{BASE, message, with};
use super::*;

/// The base file with sections in front of `[display]`.
fn sections(text: &str) -> String {
    with("[display]", &format!("{text}\n[display]"))
}

fn rules(text: &str) -> Rules {
    Market::from_toml(text).unwrap().rules().clone()
}

/// Sections, and what of them is refused.
const REFUSED: &[(&str, &str)] = &[
    (
        "[admission]\nbasis = \"reserve\"",
        "admission.basis: was \"reserve\", and orders reserve nothing; write \"fill\", or say in orders.initial_margin \
         what they reserve",
    ),
    (
        "[limits]\nlegs = \"long_plus_short\"\norders = \"larger_side\"",
        "limits.orders: was \"larger_side\", which limits.legs = \"long_plus_short\" has not: it counts both sides; write \
         \"sum\" or \"worst_fill\" here, or \"larger_side\" there",
    ),
    (
        "[limits]\norders = \"larger_side\"\n[limits.isolated]\nlegs = \"long_plus_short\"",
        "limits.orders: was \"larger_side\", which limits.isolated.legs = \"long_plus_short\" has not: it counts both \
         sides; write \"sum\" or \"worst_fill\" here, or \"larger_side\" there",
    ),
    ("[limits]\nlegs = \"each\"", "limits.legs: was \"each\", expected one of same, net, long_plus_short, larger_side"),
    (
        "[fees]\ntaker = 0.001\n[fees.profile.vip]\ntaker = 0.001\ndiscounted = true",
        "fees.profile.vip.discounted: was true, and [fees] has no discount; give fees.discount, or leave it out",
    ),
];

/// Keys of an instrument, and what of them is refused.
const REFUSED_SIZES: &[(&str, &str)] = &[
    ("min_quantity = 0", "instrument[0].min_quantity: was 0, expected a number above zero"),
    ("min_notional = -5", "instrument[0].min_notional: was -5, expected a number above zero"),
    (
        "lot = \"0.001\"\nmin_quantity = \"0.0015\"",
        "instrument[0].min_quantity: was 0.0015, which is no multiple of the lot of 0.001",
    ),
    (
        "lot = \"0.1\"\nmax_quantity = \"0.35\"",
        "instrument[0].max_quantity: was 0.35, which is no multiple of the lot of 0.1",
    ),
    ("min_quantity = 2\nmax_quantity = 1", "instrument[0].min_quantity: was 2, above the largest order of 1"),
];

#[test]
fn test_admission_rules_that_contradict_others_are_refused_with_their_path() {
    for (text, said) in REFUSED {
        assert_eq!(message(&sections(text)), *said, "{text}");
    }
    for (keys, said) in REFUSED_SIZES {
        let text = with("base = \"AAA\"", &format!("base = \"AAA\"\n{keys}"));
        assert_eq!(message(&text), *said, "{keys}");
    }
}

#[test]
fn test_admission_by_default_is_of_a_fill_where_orders_reserve_nothing() {
    let plain = rules(BASE).admission();
    let default = (AdmissionBasis::Fill, AdmissionTest::Available, ReduceOnlyRule::Free);
    assert_eq!((plain.basis, plain.test, plain.reduce_only), default);
    let orders = sections("[orders]\ninitial_margin = \"sum\"");
    assert_eq!(rules(&orders).admission().basis, AdmissionBasis::Reserve);
    let filled = sections(
        "[orders]\ninitial_margin = \"sum\"\n[admission]\nbasis = \"fill\"\ntest = \"free_margin\"\n\
                           reduce_only = \"checked\"",
    );
    let filled = rules(&filled).admission();
    let stated = (AdmissionBasis::Fill, AdmissionTest::FreeMargin, ReduceOnlyRule::Checked);
    assert_eq!((filled.basis, filled.test, filled.reduce_only), stated);
}

#[test]
fn test_limits_by_default_follow_what_picks_the_tier() {
    use {Legs as L, OrdersIn as O};
    let limits = |text: &str| {
        let rules = rules(text);
        [rules.limits(false), rules.limits(true)].map(|limit| (limit.legs, limit.orders))
    };
    assert_eq!(limits(BASE), [(L::Each, O::WorstFill); 2]);
    let tiers = with("[initial_margin]", "tier_legs = \"long_plus_short\"\n[initial_margin]");
    assert_eq!(limits(&tiers), [(L::LongPlusShort, O::WorstFill), (L::Each, O::WorstFill)]);
    let underlying = with("[initial_margin]", "legs = \"net\"\ntier_legs = \"underlying\"\n[initial_margin]");
    assert_eq!(limits(&underlying), [(L::Net, O::WorstFill), (L::Each, O::WorstFill)]);
    let sum = sections("[orders]\ninitial_margin = \"sum\"\ntier_basis = \"larger_side\"");
    assert_eq!(limits(&sum), [(L::Each, O::LargerSide); 2]);
    // The larger side has no meaning where both are added.
    let added = sections(
        "[orders]\ninitial_margin = \"sum\"\ntier_basis = \"larger_side\"\n[limits]\n\
                          legs = \"long_plus_short\"",
    );
    assert_eq!(limits(&added), [(L::LongPlusShort, O::WorstFill); 2]);
    let apart = sections("[limits]\nlegs = \"larger_side\"\norders = \"none\"\n[limits.isolated]\nlegs = \"same\"");
    assert_eq!(limits(&apart), [(L::LargerSide, O::None), (L::Each, O::None)]);
    assert!(rules(BASE).limits(false).leverage);
    assert!(!rules(&sections("[limits]\nleverage = \"none\"")).limits(false).leverage);
}

#[test]
fn test_limits_written_out_are_those_that_were_derived() {
    for text in ["", "[limits]\nlegs = \"net\"", "[limits.isolated]\nlegs = \"net\"", "[limits.isolated]"] {
        let market = Market::from_toml(&sections(text)).unwrap();
        let again = Market::from_toml(&market.to_toml()).unwrap();
        assert_eq!(again, market, "{text}");
        assert_eq!(again.to_toml(), market.to_toml(), "{text}");
    }
}

#[test]
fn test_fee_discount_is_that_of_discounted_profiles() {
    let fees = "[fees]\ntaker = 0.001\ndiscount = 0.1\n[fees.profile.coin]\ntaker = 0.001\ndiscounted = true\n\
                [fees.profile.vip]\ntaker = 0.0005";
    let market = Market::from_toml(&sections(fees)).unwrap();
    let discounts: Vec<(&str, f64)> = market.profiles().iter().map(|p| (p.name.as_str(), p.discount)).collect();
    assert_eq!(discounts, [("default", 0.0), ("coin", 0.1), ("vip", 0.0)]);
}

#[test]
fn test_bonus_rule_has_what_the_file_says() {
    assert_eq!(rules(BASE).bonus(), None);
    let bonus = rules(&sections("[bonus]\ncounts_as_margin = true")).bonus().unwrap();
    assert!(bonus.counts && !bonus.own_first && !bonus.beyond_profit && !bonus.forfeited);
    assert_eq!((bonus.pays, bonus.paid_share, bonus.expires_days), ([false; 3], 1.0, None));
    let stated = "[bonus]\ncounts_as_margin = false\nspent = \"own_first\"\npays = [\"fees\", \"losses\"]\n\
                  paid_share = 0.5\nonly_losses_beyond_profit = true\nforfeited_on_transfer = true\nexpires_days = 15";
    let bonus = rules(&sections(stated)).bonus().unwrap();
    assert!(!bonus.counts && bonus.own_first && bonus.beyond_profit && bonus.forfeited);
    assert_eq!((bonus.pays, bonus.paid_share, bonus.expires_days), ([true, false, true], 0.5, Some(15)));
}

#[test]
fn test_instrument_sizes_are_those_stated() {
    let market = Market::from_toml(BASE).unwrap();
    let sizes = |market: &Market| {
        let of = &market.instruments()[0];
        [of.min_quantity(), of.max_quantity(), of.min_notional()]
    };
    assert_eq!(sizes(&market), [None; 3]);
    let keys = "base = \"AAA\"\nlot = \"0.001\"\nmin_quantity = \"0.002\"\nmax_quantity = 1_000\nmin_notional = 5";
    let market = Market::from_toml(&with("base = \"AAA\"", keys)).unwrap();
    assert_eq!(sizes(&market), [Some(0.002), Some(1000.0), Some(5.0)]);
}
