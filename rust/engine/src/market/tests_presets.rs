//! What the shipped presets say, against the numbers of their sources.

use super::*;

fn preset(name: &str, as_of: &str) -> Market {
    Market::preset(name, Some(as_of)).unwrap()
}

fn table(market: &Market, instrument: &str) -> TierTable {
    market.instruments()[market.instrument_index(instrument).unwrap()].tiers().clone()
}

/// The collateral weights of an asset.
fn collateral(market: &Market, asset: &str) -> AssetCollateral {
    market.assets()[market.asset_index(asset).unwrap()].collateral().unwrap().clone()
}

#[test]
fn test_presets_every_section_that_changes_numbers_has_a_source() {
    for (name, date) in preset_names() {
        let market = preset(name, date);
        let text = market.to_toml();
        let sections = [
            "pools",
            "trigger",
            "margin_class",
            "collateral",
            "liabilities",
            "isolated",
            "fees",
            "orders",
            "admission",
            "limits",
            "bonus",
        ];
        for section in sections {
            let given = text.contains(&format!("[{section}]\n"));
            let changes = !matches!(section, "margin_class" | "collateral" | "liabilities" | "isolated" | "pools")
                || !plain(&market, section);
            if given && changes {
                assert!(
                    market.sources().any(|(rule, _)| rule == section),
                    "{name}/{date} names no source of {section}"
                );
            }
        }
    }
}

/// Whether a section of defaults is all that a preset has.
fn plain(market: &Market, section: &str) -> bool {
    let rules = market.rules();
    match section {
        "margin_class" => {
            let class = rules.margin_class();
            (class.user_coefficient, class.table_version, class.tier)
                == (UserCoefficient::None, TableVersion::Newest, TierChoice::ByBasis)
        }
        "collateral" => rules.collateral().value == CollateralValue::Full,
        "liabilities" => rules.liability_requirement() == LiabilityRequirement::None,
        "isolated" => rules.fee_reserve() == FeeReserve::None,
        _ => market.id().starts_with("textbook/"),
    }
}

#[test]
fn test_preset_binance_multi_values_assets_at_bid_and_requirements_at_ask() {
    let market = preset("binance-usdm-multi", "2024-10-01");
    let rules = market.rules();
    assert_eq!((rules.cross_pool(), rules.isolated_allowed()), (CrossPool::PerAccount, false));
    let collateral_rules = rules.collateral();
    assert_eq!(
        (collateral_rules.negative, collateral_rules.requirement_conversion),
        (Negative::Ask, RequirementConversion::Ask)
    );
    // The example of Binance FAQ c983a9268cfa4e70a4916c276bb3b7bc.
    let usdt = collateral(&market, "USDT");
    assert_eq!((usdt.bid_buffer, usdt.ask_buffer), (0.01, 0.005));
    assert_eq!(market.instruments().len(), 78);
    assert_eq!(rules.valuation_asset(), market.asset_index("USD"));
    assert!(!rules.bonus_counts());
}

#[test]
fn test_preset_binance_coinm_has_the_published_maintenance_amounts() {
    let market = preset("binance-coinm", "2024-10-01");
    let instrument = &market.instruments()[market.instrument_index("BTC/USD:BTC").unwrap()];
    assert_eq!((instrument.payoff(), instrument.contract_size()), (Payoff::Inverse, 100.0));
    let btc = instrument.tiers();
    // Binance FAQ ceccfcfb4e3a45e3b48b0b1bb1a8ae46: 300 BTC is charged 12.5 % less 11.605.
    assert_eq!((btc.bounds(), btc.maintenance_rates()[btc.tier_at(300.0)]), (BoundUnit::Settle, 0.125));
    assert_eq!(btc.deductions()[..7].last(), Some(&11.605));
    assert_eq!(btc.tier_at(300.0), 6);
}

#[test]
fn test_preset_bybit_uta_moves_from_entry_to_mark() {
    let (old, new) = (preset("bybit-uta", "2025-09-01"), preset("bybit-uta", "2025-09-02"));
    assert_eq!((old.id(), new.id()), ("bybit-uta/2025-02-19", "bybit-uta/2025-09-02"));
    assert_eq!(
        (old.rules().maintenance_price(), new.rules().maintenance_price()),
        (PriceBasis::Entry, PriceBasis::Mark)
    );
    for isolated in [false, true] {
        assert_eq!(old.rules().maintenance(isolated).closing_fee, ClosingFee::BankruptcyAtEntry);
        assert_eq!(new.rules().initial(isolated).closing_fee, ClosingFee::BankruptcyAtEntry);
    }
    assert_eq!(new.rules().maintenance(true).closing_fee, ClosingFee::BankruptcyOfMargin);
    assert_eq!(
        (new.rules().initial(false).price, new.rules().initial(true).price),
        (PriceBasis::Mark, PriceBasis::Entry)
    );
    // Risk limits follow the position since 2024-03-12, before both files.
    assert_eq!(
        (old.rules().margin_class().tier, new.rules().margin_class().tier),
        (TierChoice::ByBasis, TierChoice::ByBasis)
    );
    assert!(old.instruments().is_empty());
}

#[test]
fn test_preset_bybit_uta_has_the_table_and_the_collateral_tiers() {
    let new = preset("bybit-uta", "2025-09-02");
    let btc = table(&new, "BTCUSDT");
    assert_eq!((btc.floors().len(), btc.cap(), btc.at_floor()), (35, Some(1.2e9), AtFloor::Lower));
    // 2,000,000 at 0.5 % and the rest of 2,600,000 at 0.56 %: 13,360 = 0.0056 * 2,600,000 - 1,200.
    assert_eq!(btc.deductions()[..2], [0.0, 1_200.0]);
    let (btc, usdt) = (collateral(&new, "BTC"), collateral(&new, "USDT"));
    assert_eq!((btc.floors.last(), btc.weights.last(), usdt.weights), (Some(&50.0), Some(&0.0), vec![1.0]));
}

#[test]
fn test_preset_bybit_orders_count_where_they_increase_a_position() {
    for name in ["bybit-uta", "bybit-inverse"] {
        for day in ["2025-02-19", "2025-09-02"] {
            let rules = preset(name, day).rules().clone();
            let orders = rules.orders();
            assert_eq!(
                (orders.initial_margin, orders.maintenance_margin),
                (OrdersIn::LargerSide, OrdersIn::LargerSide)
            );
            assert_eq!((orders.tier_basis, orders.frozen), (OrdersIn::LargerSide, Frozen::None));
            assert_eq!(rules.hedge_mode(), name == "bybit-uta");
        }
    }
}

#[test]
fn test_preset_bybit_uta_debts_have_the_tiers_of_the_sample() {
    // API docs, spot-margin-uta position-tiers: BTC to 390, 391, 392 and 393.
    let debts = collateral(&preset("bybit-uta", "2025-09-02"), "BTC").liability.unwrap();
    assert_eq!(debts.floors, [0.0, 390.0, 391.0, 392.0]);
    assert_eq!(debts.maintenance_rates, [0.04; 4]);
    assert_eq!(debts.initial_rates, [0.2, 0.25, 0.333_333_33, 0.5]);
}

#[test]
fn test_preset_bybit_inverse_has_the_first_tier_and_takes_symbols() {
    let market = preset("bybit-inverse", "2026-01-01");
    let btc = table(&market, "BTCUSD");
    assert_eq!(
        (btc.bounds(), btc.cap(), btc.maintenance_rates()),
        (BoundUnit::Settle, Some(150.0), [0.005].as_slice())
    );
    let row = TierRow { instrument: "ETH/USD:ETH".into(), maintenance_rate: 0.01, ..TierRow::default() };
    let eth = market.with_tiers(&[row], BoundUnit::Settle).unwrap();
    let eth = &eth.instruments()[eth.instrument_index("ETHUSD").unwrap()];
    assert_eq!((eth.payoff(), eth.contract_size(), eth.tiers().at_floor()), (Payoff::Inverse, 1.0, AtFloor::Lower));
}

#[test]
fn test_preset_bingx_needs_both_prices_and_has_the_published_amounts() {
    let market = preset("bingx-usdm", "2024-12-13");
    let rules = market.rules();
    let prices: Vec<TriggerPrice> = rules.constraints().iter().map(|constraint| constraint.price).collect();
    assert_eq!((prices, rules.combine()), (vec![TriggerPrice::Mark, TriggerPrice::Last], Combine::All));
    // ccxt, ts/src/test/static/response/bingx.json: maintAmount of the first rows.
    assert_eq!(table(&market, "ETH/USDT:USDT").deductions()[..4], [0.0, 2_070.0, 2_910.0, 3_510.0]);
    let multi = preset("bingx-multi", "2024-12-13");
    let btc = collateral(&multi, "BTC");
    assert_eq!((btc.floors, btc.weights, btc.availability), (vec![0.0, 10.0], vec![0.95, 0.0], vec![0.95, 0.0]));
    assert_eq!(multi.rules().constraints(), rules.constraints());
    // Support 11263299509391: what isolated orders and the fees of cross orders freeze comes off the equity.
    for name in ["bingx-usdm", "bingx-multi", "bingx-coinm"] {
        let rules = preset(name, "2026-11-22").rules().clone();
        assert_eq!((rules.orders().frozen, rules.hedge_mode()), (Frozen::IsolatedOrdersAndFees, true), "{name}");
    }
    assert!(preset("bingx-coinm", "2024-12-13").instruments().is_empty());
}

#[test]
fn test_preset_bingx_trial_fund_pays_no_fees_since_the_day_of_the_notice() {
    // Support 11494211324943: from 2026-06-25 losses beyond cumulative profit and funding, not trading fees.
    for name in ["bingx-usdm", "bingx-multi"] {
        let (old, new) = (preset(name, "2026-06-24").to_toml(), preset(name, "2026-06-25").to_toml());
        assert!(old.contains("only_losses_beyond_profit = false\npays = [\"losses\", \"funding\", \"fees\"]"), "{old}");
        assert!(new.contains("only_losses_beyond_profit = true\npays = [\"losses\", \"funding\"]\n"), "{new}");
    }
}

#[test]
fn test_preset_weex_rates_follow_the_announcements() {
    // Announcement 23006169884185: contracts, largest leverage and rate, before and after.
    let cases = [
        ("2023-09-14", 5_000.0, 25.0, 0.015),
        ("2023-09-14", 5_001.0, 20.0, 0.025),
        ("2023-09-14", 25_000.0, 20.0, 0.025),
        ("2023-09-14", 6_000_001.0, 1.0, 0.5),
        ("2023-09-15", 25_000.0, 5.0, 0.05),
        ("2026-11-22", 400_000.0, 3.0, 0.1),
        ("2023-09-15", 1_000_001.0, 1.0, 0.5),
    ];
    for (day, contracts, leverage, rate) in cases {
        let trb = table(&preset("weex-usdm", day), "TRBUSDT");
        let tier = trb.tier_at(contracts);
        assert_eq!((trb.max_leverage()[tier], trb.maintenance_rates()[tier]), (leverage, rate), "{day} {contracts}");
        assert_eq!((trb.law(), trb.bounds(), trb.deductions()[tier]), (TierLaw::Flat, BoundUnit::Contracts, 0.0));
    }
    let (legacy, pro) = (preset("weex-usdm", "2024-03-31"), preset("weex-usdm", "2024-04-01"));
    assert_eq!(legacy.rules().maintenance(false).tier_legs, TierLegs::LongPlusShort);
    assert_eq!((legacy.rules().maintenance(false).closing_fee, legacy.rules().zero_fails()), (ClosingFee::Mark, true));
    assert_eq!((pro.rules().maintenance(false).legs, pro.rules().zero_fails()), (Legs::Net, false));
    assert_eq!(pro.rules().maintenance(true).legs, Legs::Each);
}

#[test]
fn test_preset_mexc_levels_are_those_of_the_samples() {
    let old = table(&preset("mexc-usdm", "2021-06-01"), "BTC_USDT");
    // Base 10,000, increment 200,000 contracts; 0.4 % + 0.4 %, initial 0.8 % + 0.4 %, 5 levels.
    assert_eq!(old.floors(), [0.0, 10_000.0, 210_000.0, 410_000.0, 610_000.0]);
    assert_eq!(old.maintenance_rates(), [0.004, 0.008, 0.012, 0.016, 0.02]);
    assert_eq!(old.initial_rates(), [0.008, 0.012, 0.016, 0.02, 0.024]);
    assert_eq!((old.cap(), old.tier_at(10_000.0), old.tier_at(10_001.0)), (Some(810_000.0), 0, 1));
}

#[test]
fn test_preset_mexc_lists_are_those_of_their_time() {
    // Contract info, samples of October 2025 and of May 2026: the ends of the six levels, in contracts.
    let ends = [
        ("2025-10-01", [50_000.0, 60_000.0, 250_000.0, 1_200_000.0, 3_000_000.0, 4_500_000.0]),
        ("2026-05-03", [50_000.0, 120_000.0, 320_000.0, 2_280_000.0, 15_500_000.0, 17_000_000.0]),
    ];
    for (day, ends) in ends {
        let new = preset("mexc-usdm", day);
        let btc = table(&new, "BTC/USDT:USDT");
        assert_eq!(ends.map(|end| btc.tier_at(end)), [0, 1, 2, 3, 4, 5], "{day}");
        assert_eq!(btc.maintenance_rates(), [0.001, 0.004, 0.005, 0.01, 0.02, 0.05]);
        assert_eq!(btc.initial_rates(), [0.002, 0.005, 0.01, 0.02, 0.05, 0.1]);
        assert_eq!((btc.max_leverage()[5], btc.cap()), (10.0, Some(ends[5])));
    }
    assert!(preset("mexc-coinm", "2026-01-01").instruments().is_empty());
}

#[test]
fn test_preset_mexc_fees_of_opening_and_closing_are_those_of_the_samples() {
    let cases = [("2021-01-01", 0.0006, 0.0006), ("2025-10-01", 0.0004, 0.0004), ("2026-05-03", 0.0001, 0.0004)];
    for (day, opening, closing) in cases {
        let market = preset("mexc-usdm", day);
        assert_eq!((market.profiles()[0].taker, market.closing_fee_rate(0, 0)), (opening, closing), "{day}");
    }
}

#[test]
fn test_preset_mexc_reserves_the_fee_of_opening_and_freezes_what_orders_take() {
    for (name, day) in [("mexc-usdm", "2021-01-01"), ("mexc-usdm", "2026-05-03"), ("mexc-coinm", "2025-10-01")] {
        let rules = preset(name, day).rules().clone();
        assert_eq!((rules.fee_reserve(), rules.orders().frozen), (FeeReserve::OpeningNotional, Frozen::All), "{name}");
    }
}

#[test]
fn test_presets_admit_and_limit_orders_as_their_venues_say() {
    use {AdmissionBasis as B, AdmissionTest as T, Legs as L, OrdersIn as O, ReduceOnlyRule as R};
    let expected = [
        ("textbook", (B::Fill, T::Available, R::Free), [L::Each, L::Each], O::WorstFill),
        ("binance-usdm", (B::Reserve, T::Available, R::Checked), [L::LongPlusShort, L::LongPlusShort], O::WorstFill),
        ("binance-usdm-multi", (B::Reserve, T::Available, R::Checked), [L::LongPlusShort; 2], O::WorstFill),
        ("binance-coinm", (B::Reserve, T::Available, R::Checked), [L::LongPlusShort; 2], O::WorstFill),
        ("bybit-uta", (B::Reserve, T::FreeMargin, R::Free), [L::LargerSide; 2], O::LargerSide),
        ("bybit-inverse", (B::Reserve, T::FreeMargin, R::Free), [L::LargerSide; 2], O::LargerSide),
        ("bingx-usdm", (B::Reserve, T::Available, R::Free), [L::Each; 2], O::Sum),
        ("bingx-multi", (B::Reserve, T::Available, R::Free), [L::Each; 2], O::Sum),
        ("bingx-coinm", (B::Reserve, T::Available, R::Free), [L::Each; 2], O::Sum),
        ("weex-usdm", (B::Reserve, T::Available, R::Free), [L::LongPlusShort, L::Each], O::Sum),
        ("mexc-usdm", (B::Reserve, T::Available, R::Free), [L::Each; 2], O::Sum),
        ("mexc-coinm", (B::Reserve, T::Available, R::Free), [L::Each; 2], O::Sum),
    ];
    for (name, date) in preset_names() {
        let market = preset(name, date);
        let rules = market.rules();
        let (admission, limits) = (rules.admission(), [rules.limits(false), rules.limits(true)]);
        let (_, tested, legs, orders) = expected.iter().find(|row| row.0 == name).unwrap();
        assert_eq!((admission.basis, admission.test, admission.reduce_only), *tested, "{name}/{date}");
        assert_eq!(limits.map(|limit| limit.legs), *legs, "{name}/{date}");
        assert!(limits.iter().all(|limit| limit.orders == *orders && limit.leverage), "{name}/{date}");
    }
}

#[test]
fn test_presets_bonus_pays_what_the_terms_say() {
    let rule = |name: &str, date: &str| preset(name, date).rules().bonus().unwrap();
    assert_eq!(rule("binance-usdm", "2024-10-01").pays, [true, false, false]);
    assert_eq!(rule("bybit-uta", "2025-02-19").pays, [true; 3]);
    assert_eq!(
        (rule("bingx-usdm", "2024-12-13").pays, rule("bingx-usdm", "2024-12-13").beyond_profit),
        ([true; 3], false)
    );
    for name in ["bingx-usdm", "bingx-multi"] {
        let newest = rule(name, "2026-06-25");
        assert_eq!((newest.pays, newest.beyond_profit), ([true, true, false], true));
    }
    let mexc = rule("mexc-usdm", "2026-05-03");
    // Payments come out of the bonus first, which is why own money counts as margin first.
    assert_eq!((mexc.pays, mexc.own_first, mexc.forfeited, mexc.expires_days), ([true; 3], false, true, Some(15)));
}
