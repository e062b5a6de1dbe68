//! What markets accept and refuse, with the exact words.

use super::*;

pub(super) const BASE: &str = r#"
schema = 1
preset = "made-up"
as_of = 2024-10-01

[pools]
cross = "per_asset"
isolated = true

[trigger]
zero_fails = false

[maintenance_margin]
price = "mark"

[initial_margin]
price = "mark"

[display]
venue_ratio = "equity_over_maintenance"

[[asset]]
name = "USDT"

[[instrument]]
name = "AAAUSDT"
aliases = ["AAA/USDT:USDT"]
base = "AAA"
quote = "USDT"
settle = "USDT"

[tiers.AAAUSDT]
law = "marginal"
bounds = "quote"
floor = [0, 50_000, 500_000]
maintenance_rate = [0.004, "0.005", 0.01]
max_leverage = [125, 100, 50]
cap = 1_000_000
"#;

pub(super) fn message(text: &str) -> String {
    Market::from_toml(text).unwrap_err().to_string()
}

/// The base file with one line replaced.
pub(super) fn with(old: &str, new: &str) -> String {
    assert!(BASE.contains(old), "{old}");
    BASE.replacen(old, new, 1)
}

fn tiers(market: &Market, name: &str) -> TierTable {
    market.instruments()[market.instrument_index(name).unwrap()].tiers().clone()
}

#[test]
fn test_market_from_toml_reads_rules_with_defaults() {
    let market = Market::from_toml(BASE).unwrap();
    assert_eq!(market.id(), "made-up/2024-10-01");
    let rules = market.rules();
    assert_eq!((rules.trigger_level(), rules.zero_fails(), rules.valuation_asset()), (1.0, false, None));
    assert_eq!(rules.available(), AvailableRule::EquityLessInitial);
    assert_eq!(rules.withdrawable(), WithdrawableRule::CashLessLossAndInitial);
    assert_eq!((rules.amount_decimals(), rules.amount_rounding()), (None, Rounding::Truncate));
}

#[test]
fn test_market_from_toml_reads_instruments_with_defaults() {
    let market = Market::from_toml(BASE).unwrap();
    let instrument = &market.instruments()[0];
    assert_eq!((instrument.payoff(), instrument.contract_size(), instrument.settle()), (Payoff::Linear, 1.0, 0));
    assert_eq!((instrument.tick(), instrument.lot()), (None, None));
    assert_eq!(market.instrument_index("AAA/USDT:USDT"), Some(0));
    assert_eq!(market.asset_index("USDC"), None);
    assert_eq!(market.assets()[0].quantum().to_bits(), 1e-8_f64.to_bits());
}

#[test]
fn test_market_from_toml_reads_tiers_and_derives_deductions() {
    let table = tiers(&Market::from_toml(BASE).unwrap(), "AAAUSDT");
    assert_eq!((table.law(), table.bounds(), table.cap()), (TierLaw::Marginal, BoundUnit::Quote, Some(1e6)));
    assert_eq!(table.floors(), [0.0, 50_000.0, 500_000.0]);
    assert_eq!(table.maintenance_rates(), [0.004, 0.005, 0.01]);
    assert_eq!(table.deductions(), [0.0, 50.0, 2550.0]);
    assert_eq!(table.max_leverage(), [125.0, 100.0, 50.0]);
}

/// What replaces a line of the base file, and what is said of it.
const MALFORMED: &[(&str, &str, &str)] = &[
    ("schema = 1", "schema = 2", "schema: was 2, expected 1, the schema that this version reads"),
    ("schema = 1", "", "schema: is missing and has no default"),
    ("\"made-up\"", "\"a/b\"", "preset: was \"a/b\", expected letters, digits, hyphens, underscores and dots"),
    ("2024-10-01", "2024-10-01T00:00:00", "as_of: was 2024-10-01T00:00:00, expected a day such as 2024-10-01"),
    ("zero_fails = false", "", "trigger.zero_fails: is missing and has no default"),
    ("zero_fails = false", "zero_fails = false\nlevel = 0", "trigger.level: was 0, expected a number above zero"),
    ("zero_fails = false", "zero_fails = 1", "trigger.zero_fails: was integer 1, expected a boolean"),
    (
        "isolated = true",
        "isolated = true\nisolates = 1",
        "pools.isolates: is not a key of the schema; known here: cross, isolated, hedge_mode, designated",
    ),
    ("price = \"mark\"", "price = \"last\"", "maintenance_margin.price: was \"last\", expected one of mark, entry"),
    (
        "base = \"AAA\"",
        "base = \"AAA\"\ntic = 1",
        "instrument[0].tic: is not a key of the schema; known here: name, aliases, base, quote, settle, payoff, \
             contract_size, multiplier, underlying, expiry, tiers, old_tiers, tick, lot, min_quantity, max_quantity, \
             min_notional, liquidation_fee",
    ),
    ("base = \"AAA\"", "base = 1", "instrument[0].base: was integer 1, expected a string"),
    ("base = \"AAA\"", "base = \"AAA\"\ntick = -1", "instrument[0].tick: was -1, expected a number above zero"),
    ("base = \"AAA\"", "base = \"AAA\"\nlot = inf", "instrument[0].lot: was inf, expected a finite number"),
    (
        "base = \"AAA\"",
        "base = \"AAA \"",
        "instrument[0].base: was \"AAA \", expected a name without blanks around it or control characters",
    ),
    (
        "settle = \"USDT\"",
        "settle = \"USDC\"",
        "instrument[0].settle: was \"USDC\", expected the name of an [[asset]]; add it",
    ),
    (
        "quote = \"USDT\"",
        "quote = \"USD\"",
        "instrument[0].settle: was \"USDT\", expected \"USD\": a linear contract settles in its quote asset",
    ),
    (
        "[tiers.AAAUSDT]",
        "[tiers.AAA]",
        "instrument[0].tiers: was \"AAAUSDT\", expected the name of a [tiers.<name>] table; add it",
    ),
    (
        "[\"AAA/USDT:USDT\"]",
        "[\"AAA\", \"AAAUSDT\"]",
        "instrument[0].aliases[1]: was \"AAAUSDT\" a second time; names and aliases occur once",
    ),
    (
        "name = \"USDT\"",
        "name = \"USDT\"\n[[asset]]\nname = \"USDT\"",
        "asset[1].name: was \"USDT\" a second time; names and aliases occur once",
    ),
    ("name = \"USDT\"", "name = \"USDT\"\nquantum = 0", "asset[0].quantum: was 0, expected a number above zero"),
    (
        "[[asset]]",
        "[valuation]\nasset = \"EUR\"\n[[asset]]",
        "valuation.asset: was \"EUR\", expected the name of an [[asset]]",
    ),
    (
        "[display]",
        "[fees]\ntaker = 5\nmaker = 0\n[display]",
        "fees.taker: was 5, expected a fraction within 0 and 1 (5 % is 0.05)",
    ),
    (
        "[display]",
        "[fees]\ntaker = 0\nmaker = -2\n[display]",
        "fees.maker: was -2, expected a fraction within -1 and 1 (0.02 % is 0.0002)",
    ),
    (
        "[display]",
        "[warnings]\nmargin_ratio = [3, 0]\n[display]",
        "warnings.margin_ratio[1]: was 0, expected a number above zero",
    ),
    ("schema = 1", "schema = = 1", "line 2: is not TOML: extra `=`, expected nothing"),
];

#[test]
fn test_market_from_toml_malformed_names_the_path() {
    for (old, new, expected) in MALFORMED {
        assert_eq!(message(&with(old, new)), *expected, "{new}");
    }
}

#[test]
fn test_market_tiers_malformed_names_the_path() {
    let floor = "floor = [0, 50_000, 500_000]";
    let rate = "maintenance_rate = [0.004, \"0.005\", 0.01]";
    let leverage = "max_leverage = [125, 100, 50]";
    let cases = [
        (floor, "floor = []", "floor: was empty, expected the floors of the tiers, from 0"),
        (floor, "floor = [0, 50_000]", "maintenance_rate: had 3 values, expected 2, one per floor"),
        (floor, "floor = [1, 50_000, 500_000]", "floor[0]: was 1, expected 0"),
        (floor, "floor = [0, 50_000, 50_000]", "floor[2]: was 50000, expected more than the floor before it, 50000"),
        (floor, "floor = [0, 1e70, 1e70]", "floor[2]: was 1e70, expected more than the floor before it, 1e70"),
        (
            floor,
            "floor = [0, 1e-90, 500_000]",
            "floor[1]: was 1e-90, expected zero or a magnitude within 2^-256 and 2^256",
        ),
        (floor, "floor = [0, nan, 500_000]", "floor[1]: was NaN, expected a finite number"),
        (floor, "floor = [0, 50_000, \"5e5x\"]", "floor: was \"5e5x\", expected a decimal number"),
        (
            rate,
            "maintenance_rate = [0.004, 5, 0.01]",
            "maintenance_rate[1]: was 5, expected a fraction within 0 and 1 (5 % is 0.05)",
        ),
        (
            rate,
            "maintenance_rate = [0.004, 0.005, 0.001]",
            "maintenance_rate[2]: was 0.001, below the rate before it, 0.005; write law = \"list\" with its deductions",
        ),
        (rate, "", "maintenance_rate: was empty, expected a rate per floor"),
        (leverage, "max_leverage = [125, 100, 0.5]", "max_leverage[2]: was 0.5, expected at least 1"),
        ("cap = 1_000_000", "cap = 500_000", "cap: was 500000, expected more than the last floor, 500000"),
        (
            "cap = 1_000_000",
            "deduction = [0, 50, 9999]",
            "deduction[2]: was 9999, expected no more than rate * floor, 5000",
        ),
        (
            "law = \"marginal\"",
            "law = \"list\"",
            "deduction: was missing, expected a value per floor under law \"list\"",
        ),
        (
            "law = \"marginal\"",
            "law = \"flat\"\ndeduction = [0, 50, 2550]",
            "deduction[1]: was 50, expected none under law \"flat\"; write law = \"list\"",
        ),
    ];
    for (old, new, expected) in cases {
        assert_eq!(message(&with(old, new)), format!("tiers.AAAUSDT.{expected}"), "{new}");
    }
}

#[test]
fn test_market_deduction_that_agrees_is_dropped() {
    let plain = Market::from_toml(BASE).unwrap();
    for deduction in ["[0, 50, 2550]", "[1e-10, 50.00000000001, 2550.000000001]"] {
        let text = with("cap = 1_000_000", &format!("cap = 1_000_000\ndeduction = {deduction}"));
        assert_eq!(Market::from_toml(&text).unwrap(), plain, "{deduction}");
    }
}

#[test]
fn test_market_deduction_that_disagrees_makes_a_list() {
    let text = with("cap = 1_000_000", "cap = 1_000_000\ndeduction = [0, 50, 2550.1]");
    let market = Market::from_toml(&text).unwrap();
    let table = tiers(&market, "AAAUSDT");
    assert_eq!(table.law(), TierLaw::List);
    assert_eq!(table.deductions(), [0.0, 50.0, 2550.1]);
    assert_eq!(Market::from_toml(&market.to_toml()).unwrap(), market);
}

#[test]
fn test_market_flat_table_has_no_deductions() {
    let market = Market::from_toml(&with("law = \"marginal\"", "law = \"flat\"")).unwrap();
    let table = tiers(&market, "AAAUSDT");
    assert_eq!((table.law(), table.deductions()), (TierLaw::Flat, [0.0; 3].as_slice()));
}

#[test]
fn test_market_schema_reads_every_kind_of_rule() {
    let text = include_str!("schema/example.toml");
    let table = schema::read_table(text).unwrap();
    let document = Document::from_table(&table).unwrap();
    let written = write::write_table(&document.to_table().unwrap());
    let again = Document::from_table(&schema::read_table(&written).unwrap()).unwrap();
    assert_eq!(again, document);
}

#[test]
fn test_market_to_toml_is_canonical() {
    let text = Market::from_toml(BASE).unwrap().to_toml();
    assert!(
        text.starts_with("as_of = 2024-10-01\npreset = \"made-up\"\nschema = 1\n\n[admission]\nbasis = \"fill\"\n"),
        "{text}"
    );
    let table = "[tiers.AAAUSDT]\nbounds = \"quote\"\ncap = 1000000\nfloor = [0, 50000, 500000]\nlaw = \"marginal\"\n\
                 maintenance_rate = [0.004, 0.005, 0.01]\nmax_leverage = [125, 100, 50]\n";
    assert!(text.contains(table), "{text}");
    let every = schema::read_table(include_str!("schema/example.toml")).unwrap();
    let written = write::write_table(&Document::from_table(&every).unwrap().to_table().unwrap());
    assert!(!written.contains("private") && written.contains("expiry = 2024-12-27\n"), "{written}");
}

#[test]
fn test_market_presets_listed_are_those_in_the_folder() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/presets");
    let list = |path: &std::path::Path| -> Vec<String> {
        let entries = std::fs::read_dir(path).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    };
    let root = std::path::Path::new(root);
    let mut found: Vec<String> = vec![];
    for folder in list(root) {
        found.extend(list(&root.join(&folder)).into_iter().map(|file| format!("{folder}/{file}")));
    }
    found.sort();
    let names = preset_names();
    assert!(names.is_sorted(), "{names:?}");
    let mut listed: Vec<String> = names.iter().map(|(name, date)| format!("{name}/{date}.toml")).collect();
    listed.sort();
    assert_eq!(found, listed);
}

#[test]
fn test_market_presets_are_named_as_their_files_and_round_trip() {
    for (name, date) in preset_names() {
        let market = Market::preset(name, Some(date)).unwrap();
        assert_eq!(market.id(), format!("{name}/{date}"));
        let text = market.to_toml();
        assert_eq!(Market::from_toml(&text).unwrap(), market);
        assert_eq!(Market::from_toml(&text).unwrap().to_toml(), text);
        for rule in ["trigger", "maintenance_margin", "initial_margin", "withdrawable", "tiers"] {
            assert!(market.sources().any(|(named, _)| named == rule), "{name} names no source of {rule}");
        }
    }
}

#[test]
fn test_market_preset_unknown_or_too_early_is_refused() {
    let refused = |name, as_of| Market::preset(name, as_of).unwrap_err().to_string();
    let names = "binance-coinm, binance-usdm, binance-usdm-multi, bingx-coinm, bingx-multi, bingx-usdm, bybit-inverse, \
                 bybit-uta, mexc-coinm, mexc-usdm, textbook, weex-usdm";
    assert_eq!(refused("binance", None), format!("preset: was \"binance\", expected one of {names}"));
    assert_eq!(
        refused("binance-usdm", Some("2024-09-30")),
        "as_of: was 2024-09-30, before the first file of \"binance-usdm\"; dated 2024-10-01"
    );
    assert_eq!(refused("textbook", Some("today")), "as_of: was \"today\", expected a date such as \"2024-10-01\"");
    assert_eq!(Market::preset("textbook", Some("2024-10-01")).unwrap().id(), "textbook/2020-01-01");
}

#[test]
fn test_market_text_under_a_shipped_id_must_be_the_shipped_one() {
    let text = Market::preset("textbook", None).unwrap().to_toml();
    let changed = text.replace("maintenance_rate = [0.025]", "maintenance_rate = [0.02]");
    assert_ne!(changed, text);
    assert_eq!(
        message(&changed),
        "preset: was \"textbook\", whose shipped file of that date says otherwise; give another name, or an edition"
    );
    let edition = changed.replacen("schema = 1", "schema = 1\nedition = \"mine\"", 1);
    assert_eq!(Market::from_toml(&edition).unwrap().id(), "textbook/2020-01-01+mine");
}

#[test]
fn test_market_binance_preset_states_the_published_brackets() {
    let market = Market::preset("binance-usdm", None).unwrap();
    assert_eq!(market.instruments().len(), 78);
    let rules = market.rules();
    assert!(rules.zero_fails() && rules.isolated_allowed());
    assert_eq!(rules.venue_ratio(), VenueRatio::MaintenanceOverEquity);
    assert_eq!((rules.amount_decimals(), rules.cross_pool()), (Some(8), CrossPool::PerAsset));
    assert_eq!(rules.valuation_asset(), market.asset_index("USDT"));
    let btc = tiers(&market, "BTC/USDT:USDT");
    // `cum` of the file that the preset's source names.
    assert_eq!(btc.deductions()[..4], [0.0, 50.0, 950.0, 11_450.0]);
    assert_eq!((btc.tier_at(49_999.99), btc.tier_at(50_000.0), btc.tier_at(0.0)), (0, 1, 0));
    assert_eq!(btc.cap(), Some(1.8e9));
}

#[test]
fn test_market_textbook_is_the_missions() {
    let market = Market::preset("textbook", None).unwrap();
    let rules = market.rules();
    assert_eq!((rules.maintenance_price(), rules.initial_price()), (PriceBasis::Entry, PriceBasis::Entry));
    assert!(!rules.zero_fails());
    for instrument in market.instruments() {
        assert_eq!(instrument.tiers().maintenance_rates(), [0.025]);
        assert_eq!(instrument.tiers().max_leverage(), [f64::INFINITY]);
    }
}

#[test]
fn test_market_extends_lays_over_by_key_and_by_name() {
    let market = Market::from_toml(
        r#"
        extends = "binance-usdm/2024-10-01"
        preset = "mine"
        as_of = 2024-11-01
        [trigger]
        level = 1.1
        [[instrument]]
        name = "BTCUSDT"
        tick = "0.1"
        [tiers.BTCUSDT]
        law = "marginal"
        bounds = "quote"
        floor = [0]
        maintenance_rate = [0.01]
        "#,
    )
    .unwrap();
    assert_eq!(market.id(), "mine/2024-11-01");
    assert_eq!((market.rules().trigger_level(), market.rules().zero_fails()), (1.1, true));
    let btc = &market.instruments()[market.instrument_index("BTC/USDT:USDT").unwrap()];
    assert_eq!((btc.tick(), btc.tiers().floors(), btc.tiers().cap()), (Some(0.1), [0.0].as_slice(), None));
    assert_eq!(market.instruments().len(), 78);
    assert_eq!(Market::from_toml(&market.to_toml()).unwrap(), market);
}

#[test]
fn test_market_extends_malformed_is_refused() {
    let shipped: Vec<String> = preset_names().iter().map(|(name, date)| format!("{name}/{date}")).collect();
    let shipped = format!("expected a shipped preset with its date: {}", shipped.join(", "));
    assert_eq!(message("extends = \"textbook\""), format!("extends: was \"textbook\", {shipped}"));
    assert_eq!(message("extends = 1"), format!("extends: was of type integer, {shipped}"));
    assert_eq!(
        message("extends = \"textbook/2020-01-01\"\nas_of = 2024-10-01"),
        "preset: is missing: a file that extends \"textbook/2020-01-01\" needs a name and a date of its own"
    );
}

#[test]
fn prop_market_from_toml_of_damaged_text_never_panics() {
    let shipped = |name| Market::preset(name, None).unwrap().to_toml();
    let texts = [
        BASE.to_owned(),
        include_str!("schema/example.toml").to_owned(),
        shipped("bybit-uta"),
        shipped("mexc-usdm"),
        shipped("bingx-multi"),
    ];
    let mut state = 1_u64;
    let mut below = |n: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % n
    };
    for round in 0..2_000 {
        let mut text: Vec<char> = texts[round % texts.len()].chars().collect();
        for _ in 0..=below(4) {
            let (at, from) = (below(text.len()), below(text.len()));
            match below(4) {
                0 => drop(text.remove(at)),
                1 => text[at] = ['"', '[', ']', '=', '\n', '-', '.', 'e', '9', '\u{0}', '\u{20ac}', ','][below(12)],
                2 => text.insert(at, text[from]),
                _ => text.truncate(at.max(1)),
            }
        }
        let text: String = text.into_iter().collect();
        if let Ok(market) = Market::from_toml(&text) {
            assert_eq!(Market::from_toml(&market.to_toml()), Ok(market), "{text}");
        }
    }
}
