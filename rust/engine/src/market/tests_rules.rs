//! What each kind of rule becomes, and which rules are refused.

use super::tests::{BASE, message, with};
use super::*;

/// What replaces a line of the base file, and what is said of it.
const REFUSED: &[(&str, &str, &str)] = &[
    (
        "cross = \"per_asset\"",
        "cross = \"per_pair\"",
        "pools.cross: was \"per_pair\", which is not supported by this version; it computes \"per_asset\", \
         \"per_account\"",
    ),
    (
        "cross = \"per_asset\"",
        "cross = \"per_account\"",
        "valuation.asset: is missing: pools.cross = \"per_account\" values each account in one asset; name it",
    ),
    (
        "isolated = true",
        "isolated = true\ndesignated = true",
        "pools.designated: was true, which is not supported by this version; it computes false",
    ),
    (
        "zero_fails = false",
        "zero_fails = false\nprice = \"index\"",
        "trigger.price: was \"index\", which is not supported by this version; it computes \"mark\", \"last\"",
    ),
    (
        "zero_fails = false",
        "zero_fails = false\n[[trigger.constraint]]\nname = \"a\"\nprice = \"index\"",
        "trigger.constraint[0].price: was \"index\", which is not supported by this version; it computes \"mark\", \
         \"last\"",
    ),
    (
        "[display]",
        "[portfolio_margin]\nprice_move = [0.1]\n[display]",
        "portfolio_margin: was given, which is not supported by this version; leave it out",
    ),
    (
        "[initial_margin]",
        "[initial_margin]\nsource = \"share_of_initial\"\nshare = 0.5",
        "initial_margin.source: was \"share_of_initial\", which is not supported by this version; it computes \
         \"usual\", \"table\"",
    ),
    (
        "[initial_margin]",
        "closing_fee = \"bankruptcy_of_margin\"\n[initial_margin]",
        "maintenance_margin.closing_fee: was \"bankruptcy_of_margin\", which only isolated positions have; write it in \
         [maintenance_margin.isolated]",
    ),
    (
        "[display]",
        "[fees]\ntaker = 0.0001\nclosing = \"liquidation\"\n[display]",
        "fees.liquidation: is missing: fees.closing = \"liquidation\" charges it inside requirements; give it",
    ),
    (
        "[display]",
        "[collateral]\nvalue = \"haircut\"\n[display]",
        "collateral.value: was \"haircut\", which needs pools.cross = \"per_account\"",
    ),
    (
        "[display]",
        "[collateral]\nnegative = \"ask\"\n[display]",
        "collateral.negative: was \"ask\", which needs pools.cross = \"per_account\"",
    ),
    (
        "[display]",
        "[liabilities]\nrequirement = \"tiers\"\n[display]",
        "liabilities.requirement: was \"tiers\", which needs pools.cross = \"per_account\"",
    ),
    (
        "[display]",
        "[collateral.asset.USDT]\nweight = 0.95\n[display]",
        "collateral.asset.USDT: was given, which needs pools.cross = \"per_account\"; leave it out",
    ),
];

#[test]
fn test_market_rule_not_computed_is_refused_by_name() {
    for (old, new, expected) in REFUSED {
        assert_eq!(message(&with(old, new)), *expected, "{new}");
    }
}

/// A market of several assets, one pool per account, with sections added.
fn per_account(sections: &str) -> String {
    let text = with("cross = \"per_asset\"", "cross = \"per_account\"");
    let text = text.replace("[[asset]]", "[valuation]\nasset = \"USDT\"\n[[asset]]\nname = \"BTC\"\n[[asset]]");
    format!("{text}\n{sections}")
}

fn market(text: &str) -> Market {
    let market = Market::from_toml(text).unwrap();
    assert_eq!(Market::from_toml(&market.to_toml()).unwrap(), market, "{text}");
    market
}

#[test]
fn test_rules_of_a_plain_file_are_the_plain_ones() {
    let market = market(BASE);
    let rules = market.rules();
    assert_eq!(rules.constraints().len(), 1);
    let only = &rules.constraints()[0];
    assert_eq!((only.price, only.required, only.zero_fails), (TriggerPrice::Mark, Required::Maintenance, false));
    assert_eq!(rules.maintenance(false), rules.maintenance(true));
    let rule = rules.maintenance(false);
    assert_eq!((rule.price, rule.legs, rule.tier_price), (PriceBasis::Mark, Legs::Each, PriceBasis::Mark));
    assert_eq!(
        (rule.tier_legs, rule.source, rule.closing_fee),
        (TierLegs::Same, MarginSource::Usual, ClosingFee::None)
    );
}

#[test]
fn test_rules_of_a_plain_file_leave_out_what_it_does_not_say() {
    let market = market(BASE);
    let rules = market.rules();
    let orders = rules.orders();
    assert_eq!((orders.initial_margin, orders.maintenance_margin, orders.tier_basis), Default::default());
    assert_eq!((rules.fee_reserve(), rules.bonus_counts()), (FeeReserve::None, false));
    assert_eq!((orders.frozen, rules.hedge_mode()), (Frozen::None, true));
    assert_eq!((rules.withdrawable_factor().to_bits(), rules.notional_share().to_bits()), (1_f64.to_bits(), 0));
    assert_eq!((rules.ratio_decimals(), rules.price_rounding()), (None, Rounding::Truncate));
    assert_eq!(market.profiles().len(), 1);
    assert_eq!((market.profile_index("default"), market.profile_index("vip1")), (Some(0), None));
}

/// Orders that count with the larger side, where both sides of a hedge count; what replaces `legs = "long_plus_short"`.
#[test]
fn test_market_orders_of_the_larger_side_are_refused_where_both_sides_count() {
    let refusal = |orders: &str, key: &str| {
        format!(
            "orders.{orders}: was \"larger_side\", which {key} = \"long_plus_short\" has not: it counts both sides; write \
             \"sum\" or \"worst_fill\" here, or \"larger_side\" there"
        )
    };
    let cases = [
        ("maintenance_margin", "maintenance_margin", "legs"),
        ("initial_margin", "initial_margin", "legs"),
        ("tier_basis", "maintenance_margin", "legs"),
        ("tier_basis", "maintenance_margin", "tier_legs"),
        ("tier_basis", "initial_margin", "tier_legs"),
    ];
    for (orders, section, key) in cases {
        let text = with("[display]", &format!("[orders]\n{orders} = \"larger_side\"\n[display]"));
        let heading = format!("[{section}]\n");
        let both = text.replacen(&heading, &format!("{heading}{key} = \"long_plus_short\"\n"), 1);
        assert_eq!(message(&both), refusal(orders, &format!("{section}.{key}")), "{orders}");
        market(&both.replace("\"long_plus_short\"", "\"larger_side\""));
        market(&both.replace(&format!("{orders} = \"larger_side\""), &format!("{orders} = \"worst_fill\"")));
    }
}

#[test]
fn test_market_tier_legs_of_one_side_take_orders_of_the_larger_side() {
    let text = with("[initial_margin]", "legs = \"long_plus_short\"\ntier_legs = \"larger_side\"\n[initial_margin]");
    market(&text.replace("[display]", "[orders]\ntier_basis = \"larger_side\"\n[display]"));
}

#[test]
fn test_market_decimals_that_are_none_name_the_range_and_the_cure() {
    for (given, shown) in [("-3", "-3"), ("256", "256"), ("2.5", "floating point 2.5")] {
        for key in ["amount_decimals", "ratio_decimals"] {
            let text = with("venue_ratio", &format!("{key} = {given}\nvenue_ratio"));
            let expected = format!(
                "display.{key}: was {shown}, expected a whole number from 0 to 255; leave it out where nothing is rounded"
            );
            assert_eq!(message(&text), expected);
        }
    }
    let text = with("[display]", "[bonus]\ncounts_as_margin = true\nexpires_days = -1\n[display]");
    assert_eq!(message(&text), "bonus.expires_days: was -1, expected a whole number from 0 to 4294967295");
}

#[test]
fn test_market_closing_fee_has_the_rate_of_liquidations_where_the_file_says_so() {
    let fees = "[fees]\ntaker = 0.0001\nliquidation = 0.0004\n[fees.profile.none]\ntaker = 0\n[display]";
    let text = with("[display]", fees);
    let rates = |text: &str| -> Vec<f64> { (0..3).map(|profile| market(text).closing_fee_rate(0, profile)).collect() };
    assert_eq!(rates(&text), [0.0001, 0.0, 0.0]);
    let text = text.replace("liquidation = 0.0004", "liquidation = 0.0004\nclosing = \"liquidation\"");
    assert_eq!(rates(&text), [0.0004, 0.0004, 0.0]);
    assert_eq!(rates(&text.replace("base = ", "liquidation_fee = 0.01\nbase = ")), [0.01, 0.01, 0.0]);
}

#[test]
fn test_rules_one_way_market_freezes_what_its_orders_take() {
    let text = with("isolated = true", "isolated = true\nhedge_mode = false");
    for (name, frozen) in [("isolated_orders_and_fees", Frozen::IsolatedOrdersAndFees), ("all", Frozen::All)] {
        let market = market(&text.replace("[display]", &format!("[orders]\nfrozen = \"{name}\"\n[display]")));
        assert_eq!((market.rules().orders().frozen, market.rules().hedge_mode()), (frozen, false));
    }
}

#[test]
fn test_rules_isolated_takes_what_it_leaves_out_from_cross() {
    let section = "price = \"mark\"\nlegs = \"larger_side\"\ntier_legs = \"long_plus_short\"\n\
                   closing_fee = \"bankruptcy_at_entry\"\n[maintenance_margin.isolated]\nprice = \"entry\"\n\
                   closing_fee = \"bankruptcy_of_margin\"";
    let market = market(&with("price = \"mark\"", section));
    let (cross, isolated) = (market.rules().maintenance(false), market.rules().maintenance(true));
    assert_eq!((cross.price, cross.tier_price), (PriceBasis::Mark, PriceBasis::Mark));
    assert_eq!((isolated.price, isolated.tier_price), (PriceBasis::Entry, PriceBasis::Entry));
    assert_eq!((isolated.legs, isolated.tier_legs), (Legs::LargerSide, TierLegs::LongPlusShort));
    assert_eq!(cross.closing_fee, ClosingFee::BankruptcyAtEntry);
    assert_eq!(isolated.closing_fee, ClosingFee::BankruptcyOfMargin);
    assert_eq!(market.rules().maintenance_price(), PriceBasis::Mark);
}

#[test]
fn test_rules_constraints_take_what_they_leave_out_from_the_trigger() {
    let section = "zero_fails = true\nlevel = 1.5\ncombine = \"all\"\n[[trigger.constraint]]\nname = \"mark\"\n\
                   [[trigger.constraint]]\nname = \"last\"\nprice = \"last\"\nlevel = 1\nzero_fails = false\n\
                   required = \"initial\"";
    let market = market(&with("zero_fails = false", section));
    let rules = market.rules();
    assert_eq!((rules.combine(), rules.trigger_level().to_bits()), (Combine::All, 1.5_f64.to_bits()));
    assert!(rules.zero_fails());
    let second = &rules.constraints()[1];
    assert_eq!((second.name.as_str(), second.price, second.required), ("last", TriggerPrice::Last, Required::Initial));
    assert_eq!((second.level.to_bits(), second.zero_fails), (1_f64.to_bits(), false));
}

#[test]
fn test_profiles_have_the_default_first_and_the_taker_rate_for_a_missing_maker() {
    let fees = "[fees]\ntaker = 0.0005\n[fees.profile.vip1]\ntaker = 0.0004\nmaker = -0.0001\n[display]";
    let market = market(&with("[display]", fees));
    let rates: Vec<(&str, f64, f64)> = market.profiles().iter().map(|p| (p.name.as_str(), p.taker, p.maker)).collect();
    assert_eq!(rates, [("default", 0.0005, 0.0005), ("vip1", 0.0004, -0.0001)]);
    assert_eq!(market.profile_index("vip1"), Some(1));
}

#[test]
fn test_collateral_is_read_as_tiers() {
    let market = market(&per_account(
        "[collateral]\nvalue = \"haircut\"\n[collateral.asset.USDT]\nweight = 0.95\navailability_weight = 0.9\n\
         cap = 10\nunit = \"value\"\nbid_buffer = 0.01\n[collateral.asset.BTC]\nunit = \"quantity\"\n\
         floor = [0, 10]\nweights = [0.98, 0.5]\ncap = 20\nliability_factor = 1.1\n\
         [collateral.asset.BTC.liability]\nfloor = [0, 390]\nmaintenance_rate = [0.04, 0.05]\n",
    ));
    let of = |name: &str| market.assets()[market.asset_index(name).unwrap()].collateral().unwrap().clone();
    let (usdt, btc) = (of("USDT"), of("BTC"));
    assert_eq!((usdt.floors, usdt.weights, usdt.availability), (vec![0.0, 10.0], vec![0.95, 0.0], vec![0.9, 0.0]));
    assert_eq!((usdt.unit, usdt.bid_buffer.to_bits()), (AmountUnit::Value, 0.01_f64.to_bits()));
    assert_eq!((btc.floors, btc.weights.clone()), (vec![0.0, 10.0, 20.0], vec![0.98, 0.5, 0.0]));
    assert_eq!((btc.availability, btc.liability_factor.to_bits()), (btc.weights, 1.1_f64.to_bits()));
    let debt = btc.liability.unwrap();
    assert_eq!((debt.floors, debt.maintenance_rates), (vec![0.0, 390.0], vec![0.04, 0.05]));
    assert_eq!(debt.initial_rates, [0.04, 0.05]);
}

#[test]
fn test_collateral_malformed_names_the_path() {
    let btc = |keys: &str| format!("[collateral.asset.BTC]\n{keys}");
    let debt = |keys: &str| format!("[collateral.asset.BTC.liability]\nfloor = [0, 1]\n{keys}");
    let cases = [
        ("[collateral.asset.ETH]".to_owned(), "ETH: is the name of no [[asset]]; add it"),
        (btc("weight = 95"), "BTC.weight: was 95, expected a fraction within 0 and 1 (5 % is 0.05)"),
        (
            btc("availability_weight = 2"),
            "BTC.availability_weight: was 2, expected a fraction within 0 and 1 (5 % is 0.05)",
        ),
        (btc("bid_buffer = 5"), "BTC.bid_buffer: was 5, expected a fraction within 0 and 1 (5 % is 0.05)"),
        (
            btc("exchange_ask_buffer = 5"),
            "BTC.exchange_ask_buffer: was 5, expected a fraction within 0 and 1 (5 % is 0.05)",
        ),
        (btc("cap = 0"), "BTC.cap: was 0, expected a number above zero"),
        (btc("liability_factor = 0.9"), "BTC.liability_factor: was 0.9, expected at least 1"),
        (btc("floor = [1]\nweights = [1]"), "BTC.floor[0]: was 1, expected 0"),
        (btc("weights = [1]"), "BTC.floor: was empty, expected the floors of the tiers, from 0"),
        (btc("floor = [0, 2]\nweights = [1]"), "BTC.weights: had 1 values, expected 2, one per floor"),
        (btc("floor = [0]\nweights = [2]"), "BTC.weights[0]: was 2, expected a fraction within 0 and 1 (5 % is 0.05)"),
        (btc("floor = [0, 2]\nweights = [1, 0.5]\ncap = 2"), "BTC.cap: was 2, expected more than the last floor, 2"),
        (
            btc("floor = [0]\nweights = [1]\nweight = 1"),
            "BTC.weight: was given, expected none beside the tiers of floor and weights",
        ),
        (debt("maintenance_rate = [0.04]"), "BTC.liability.maintenance_rate: had 1 values, expected 2, one per floor"),
        (
            debt("maintenance_rate = [0.04, 0.03]"),
            "BTC.liability.maintenance_rate[1]: was 0.03, below the rate before it, 0.04",
        ),
        (
            debt("maintenance_rate = [0.04, 0.05]\ninitial_rate = [0.2, 2]"),
            "BTC.liability.initial_rate[1]: was 2, expected a fraction within 0 and 1 (5 % is 0.05)",
        ),
    ];
    for (section, expected) in cases {
        assert_eq!(message(&per_account(&section)), format!("collateral.asset.{expected}"), "{section}");
    }
}

#[test]
fn test_collateral_that_changes_nothing_is_read_without_a_pool_of_assets() {
    let neutral = "[collateral.asset.USDT]\nweight = 1\nexchange_bid_buffer = 0.01\n[display]";
    assert!(Market::from_toml(&with("[display]", neutral)).is_ok());
}

#[test]
fn test_instrument_payoffs_are_checked() {
    let inverse = |settle: &str| {
        let text =
            with("settle = \"USDT\"", &format!("settle = \"{settle}\"\npayoff = \"inverse\"\ncontract_size = 100"));
        text.replace("[[asset]]", "[[asset]]\nname = \"AAA\"\n[[asset]]")
    };
    let read = market(&inverse("AAA"));
    assert_eq!((read.instruments()[0].payoff(), read.instruments()[0].underlying()), (Payoff::Inverse, "AAA"));
    assert_eq!(
        message(&inverse("USDT")),
        "instrument[0].settle: was \"USDT\", expected \"AAA\": an inverse contract settles in its base asset"
    );
    let quanto = |keys: &str| {
        let text = with("settle = \"USDT\"", &format!("settle = \"BTC\"\npayoff = \"quanto\"\n{keys}"));
        text.replace("[[asset]]", "[[asset]]\nname = \"BTC\"\n[[asset]]")
    };
    let read = market(&quanto("multiplier = 1e-6\nunderlying = \"A\""));
    assert_eq!(
        (read.instruments()[0].payoff(), read.instruments()[0].underlying()),
        (Payoff::Quanto { multiplier: 1e-6 }, "A")
    );
    assert_eq!(
        message(&quanto("")),
        "instrument[0].multiplier: is missing: the settlement asset per unit of quote of a quanto"
    );
    assert_eq!(message(&quanto("multiplier = 0")), "instrument[0].multiplier: was 0, expected a number above zero");
    assert_eq!(
        message(&with("settle = \"USDT\"", "settle = \"USDT\"\nmultiplier = 2")),
        "instrument[0].multiplier: was given, expected only with payoff = \"quanto\""
    );
}

#[test]
fn test_instrument_old_tiers_are_tables_by_version() {
    let old =
        "[tiers.OLD]\nlaw = \"flat\"\nbounds = \"contracts\"\nfloor = [0]\nmaintenance_rate = [0.5]\n[tiers.AAAUSDT]";
    let text = with("base = \"AAA\"", "base = \"AAA\"\nold_tiers = { 2023 = \"OLD\" }");
    let read = market(&text.replace("[tiers.AAAUSDT]", old));
    let instrument = &read.instruments()[0];
    assert_eq!((instrument.tier_version_index("2023"), instrument.tier_version_index("2024")), (Some(0), None));
    let table = &instrument.old_tiers()[0].1;
    assert_eq!(
        (table.law(), table.bounds(), table.maintenance_rates()),
        (TierLaw::Flat, BoundUnit::Contracts, [0.5].as_slice())
    );
    assert_eq!(
        message(&text),
        "instrument[0].old_tiers.2023: was \"OLD\", expected the name of a [tiers.<name>] table; add it"
    );
    let row = TierRow { instrument: "AAAUSDT".into(), maintenance_rate: 0.1, ..TierRow::default() };
    let changed = read.with_tiers(&[row], BoundUnit::Quote).unwrap();
    assert_eq!(changed.instruments()[0].old_tiers(), instrument.old_tiers());
}

#[test]
fn test_rule_numbers_that_contradict_are_refused() {
    let cases = [
        (
            "[initial_margin]",
            "source = \"share_of_initial\"\n[initial_margin]",
            "maintenance_margin.share: is missing, expected the fraction of source = \"share_of_initial\"",
        ),
        (
            "[initial_margin]",
            "share = 0.5\n[initial_margin]",
            "maintenance_margin.share: was given, expected only with source = \"share_of_initial\"",
        ),
        (
            "[initial_margin]",
            "source = \"share_of_initial\"\nshare = 5\n[initial_margin]",
            "maintenance_margin.share: was 5, expected a fraction within 0 and 1 (5 % is 0.05)",
        ),
        (
            "zero_fails = false",
            "zero_fails = false\n[[trigger.constraint]]\nname = \"a\"\n[[trigger.constraint]]\nname = \"a\"",
            "trigger.constraint[1].name: was \"a\" a second time; names and aliases occur once",
        ),
        (
            "zero_fails = false",
            "zero_fails = false\n[[trigger.constraint]]\nname = \"a\"\nlevel = 0",
            "trigger.constraint[0].level: was 0, expected a number above zero",
        ),
        (
            "[display]",
            "[fees]\ntaker = 0\n[fees.profile.default]\ntaker = 0\n[display]",
            "fees.profile.default: is the name of the rates in [fees] itself; give the profile another",
        ),
    ];
    for (old, new, expected) in cases {
        assert_eq!(message(&with(old, new)), expected, "{new}");
    }
}

#[test]
fn test_initial_margin_of_the_table_needs_a_table_that_has_one() {
    let text = with("[initial_margin]", "[initial_margin]\nsource = \"table\"");
    let read = market(&text);
    assert_eq!(read.instruments()[0].tiers().initial_rates(), [1.0 / 125.0, 1.0 / 100.0, 1.0 / 50.0]);
    assert_eq!(
        message(&text.replace("max_leverage = [125, 100, 50]\n", "")),
        "instrument[0].tiers: has neither initial_rate nor max_leverage, which initial_margin.source = \"table\" needs"
    );
    let own = text.replace("max_leverage = [125, 100, 50]", "initial_rate = [0.1, 0.2, 0.3]");
    assert_eq!(market(&own).instruments()[0].tiers().initial_rates(), [0.1, 0.2, 0.3]);
}

const RATE: &str = "maintenance_rate = [0.004, \"0.005\", 0.01]";
const LEVELS: &str = "{ base = 10, increment = 20, maintenance_rate = 0.01, maintenance_step = 0.01, levels = 3 }";

/// The base file with a table of levels.
fn arithmetic(levels: &str) -> String {
    let mut text = with("law = \"marginal\"", &format!("law = \"arithmetic\"\narithmetic = {levels}"));
    for column in [RATE, "floor = [0, 50_000, 500_000]\n", "max_leverage = [125, 100, 50]\n", "cap = 1_000_000"] {
        text = text.replace(column, "");
    }
    text
}

#[test]
fn test_tiers_half_of_max_leverage_malformed_names_the_path() {
    let base = || with("law = \"marginal\"", "law = \"half_of_max_leverage\"").replace(RATE, "");
    assert!(Market::from_toml(&base()).is_ok());
    let cases = [
        (
            base().replace("[125, 100, 50]", "[125, 100, 101]"),
            "max_leverage[2]: was 101, above the leverage before it, 100, under law \"half_of_max_leverage\"",
        ),
        (
            base().replace("max_leverage = [125, 100, 50]", ""),
            "max_leverage: was empty, expected a leverage per floor under law \"half_of_max_leverage\"",
        ),
        (
            base().replace("cap = 1", &format!("{RATE}\ncap = 1")),
            "maintenance_rate: was given, expected none under law \"half_of_max_leverage\", which derives it",
        ),
        (
            base().replace("cap = 1", "deduction = [0, 50, 50]\ncap = 1"),
            "deduction[2]: was 50, expected the derived one, 2550",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(message(&text), format!("tiers.AAAUSDT.{expected}"), "{text}");
    }
}

#[test]
fn test_tiers_arithmetic_malformed_names_the_path() {
    assert!(Market::from_toml(&arithmetic(LEVELS)).is_ok());
    let cases = [
        (
            with("law = \"marginal\"", "law = \"arithmetic\""),
            "arithmetic: is missing, expected the levels of law \"arithmetic\"",
        ),
        (
            with("law = \"marginal\"", &format!("law = \"flat\"\narithmetic = {LEVELS}")),
            "arithmetic: was given, expected only under law \"arithmetic\", not \"flat\"",
        ),
        (
            arithmetic(&format!("{LEVELS}\nfloor = [0, 1]")),
            "floor: was given, expected none under law \"arithmetic\", whose section has it",
        ),
        (
            arithmetic(&format!("{LEVELS}\nat_floor = \"higher\"")),
            "at_floor: was \"higher\", expected \"lower\": a level of law \"arithmetic\" includes its upper end",
        ),
        (
            arithmetic(&LEVELS.replace("levels = 3", "levels = 0")),
            "arithmetic.levels: was 0, expected a number of levels within 1 and 10000",
        ),
        (arithmetic(&LEVELS.replace("base = 10", "base = 0")), "arithmetic.base: was 0, expected a number above zero"),
        (
            arithmetic(&LEVELS.replace("increment = 20", "increment = -1")),
            "arithmetic.increment: was -1, expected a number above zero",
        ),
        (
            arithmetic(&LEVELS.replace("increment = 20", "increment = 0.1234567890123456")),
            "arithmetic.increment: makes a value at level 2 that has more digits than a float holds",
        ),
        (
            arithmetic(&LEVELS.replace("maintenance_step = 0.01", "maintenance_step = 0.6")),
            "maintenance_rate[2]: was 1.21, expected a fraction within 0 and 1 (5 % is 0.05)",
        ),
        (
            arithmetic(&LEVELS.replace("levels = 3", "levels = 3, initial_rate = 0.1")),
            "arithmetic.initial_step: is missing beside initial_rate",
        ),
        (
            arithmetic(&LEVELS.replace("levels = 3", "levels = 3, initial_step = 0.1")),
            "arithmetic.initial_rate: is missing beside initial_step",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(message(&text), format!("tiers.AAAUSDT.{expected}"), "{text}");
    }
}
