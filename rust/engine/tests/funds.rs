//! Worked cases of money that leaves and moves, with numbers of the sources or by hand.

#![expect(clippy::unwrap_used, reason = "what cannot be built fails the test")]

use std::sync::Arc;

use crossmargin::book::{Balances, Keys, OnError, Positions, Tables, TextKeys};
use crossmargin::funds::{Binding, Sweep, Target, Transfer, rebalance, withdrawable};
use crossmargin::score::{Missing, Options};
use crossmargin::{Book, Market, Prices};

/// Two assets in one pool; a bitcoin counts 98 % up to ten of them, 90 % beyond.
const JOINT: &str = r#"
schema = 1
preset = "joint"
as_of = 2025-02-19
[pools]
cross = "per_account"
isolated = true
[valuation]
asset = "USD"
[trigger]
level = 1
zero_fails = true
price = "mark"
[maintenance_margin]
price = "mark"
legs = "each"
[initial_margin]
price = "mark"
legs = "each"
[available]
rule = "equity_less_initial"
[withdrawable]
rule = "equity_less_initial"
[display]
venue_ratio = "maintenance_over_equity"
[collateral]
value = "haircut"
[collateral.asset.USDT]
weight = 1
[collateral.asset.BTC]
floor = [0, 10]
weights = [0.98, 0.9]
[[asset]]
name = "USD"
[[asset]]
name = "USDT"
quantum = "1e-8"
[[asset]]
name = "BTC"
quantum = "1e-8"
[[instrument]]
name = "BTCUSDT"
base = "BTC"
quote = "USDT"
settle = "USDT"
payoff = "linear"
contract_size = 1
tiers = "T"
[tiers.T]
law = "marginal"
bounds = "quote"
floor = [0]
maintenance_rate = [0.005]
"#;

/// Cash, and positions of `(instrument, quantity, entry, leverage, fence)`; a fence isolates.
fn book(market: &Arc<Market>, cash: &[(&str, f64, f64)], positions: &[(&str, f64, f64, f64, f64)]) -> Book {
    let column = |of: fn(&(&str, f64, f64, f64, f64)) -> f64| positions.iter().map(of).collect::<Vec<f64>>();
    let (quantity, entry, leverage, fence) =
        (column(|row| row.1), column(|row| row.2), column(|row| row.3), column(|row| row.4));
    let assets: Vec<i64> = cash.iter().map(|row| i64::try_from(market.asset_index(row.0).unwrap()).unwrap()).collect();
    let instruments: Vec<i64> =
        positions.iter().map(|row| i64::try_from(market.instrument_index(row.0).unwrap()).unwrap()).collect();
    let (wallet, bonus): (Vec<f64>, Vec<f64>) = cash.iter().map(|row| (row.1, row.2)).unzip();
    let (owner, holder) = (vec![7; cash.len()], vec![7; positions.len()]);
    let modes = ["cross".to_owned(), "isolated".to_owned()];
    let codes: Vec<u32> = fence.iter().map(|fence| u32::from(!fence.is_nan())).collect();
    let tables = Tables {
        balances: Balances {
            account: Keys::Int(&owner),
            asset: Keys::Int(&assets),
            wallet_balance: &wallet,
            bonus: Some(&bonus),
            ..Balances::default()
        },
        positions: Positions {
            account: Keys::Int(&holder),
            instrument: Keys::Int(&instruments),
            quantity: &quantity,
            entry_price: &entry,
            leverage: Some(&leverage),
            isolated_margin: Some(&fence),
            margin_mode: Some(TextKeys { codes: &codes, names: &modes }),
            ..Positions::default()
        },
        ..Tables::default()
    };
    Book::build(Arc::clone(market), tables, OnError::Refuse).unwrap().0
}

fn preset(name: &str) -> Arc<Market> {
    Arc::new(Market::preset(name, None).unwrap())
}

fn leaving(book: &Book, prices: &Prices) -> Vec<(i128, Binding)> {
    let found = withdrawable(book, prices, &Options::default()).unwrap();
    found.iter().map(|row| (row.quanta, row.binding)).collect()
}

/// A whole number of units as quanta of 10^-8.
fn units(amount: i128) -> i128 {
    amount * 100_000_000
}

/// What a preset lets out of an account with cash, a bonus and a position, at a mark.
fn out_of(
    name: &str,
    (cash, bonus): (f64, f64),
    (quantity, entry, leverage): (f64, f64, f64),
    mark: f64,
) -> (i128, Binding) {
    let market = preset(name);
    let book = book(&market, &[("USDT", cash, bonus)], &[("BTCUSDT", quantity, entry, leverage, f64::NAN)]);
    leaving(&book, &Prices::by_name(&market, &[("BTCUSDT", mark)], &[]).unwrap())[0]
}

#[test]
fn test_withdrawable_of_haircuts_takes_what_counts_least_first() {
    let market = Arc::new(Market::from_toml(JOINT).unwrap());
    let index = [("USDT", 1.0), ("BTC", 60_000.0)];
    let prices = Prices::by_name(&market, &[("BTCUSDT", 60_000.0)], &index).unwrap();
    // 15 BTC count 588,000 for the first ten: what is required leaves five, or six.
    for (quantity, expected) in [(9.8, 5), (8.82, 6)] {
        let book =
            book(&market, &[("USDT", 0.0, 0.0), ("BTC", 15.0, 0.0)], &[("BTCUSDT", quantity, 60_000.0, 1.0, f64::NAN)]);
        assert_eq!(leaving(&book, &prices), [(0, Binding::Nothing), (units(expected), Binding::Rule)]);
    }
}

#[test]
fn test_withdrawable_never_makes_a_pool_liquidatable() {
    // The initial margin at 100x is 300, but 750 are required: 250 can leave, which is the last that does not fail.
    assert_eq!(out_of("textbook", (1_000.0, 0.0), (0.5, 60_000.0, 100.0), 60_000.0), (units(250), Binding::Trigger));
    // Under water nothing can.
    assert_eq!(out_of("textbook", (1_000.0, 0.0), (0.5, 60_000.0, 100.0), 58_000.0), (0, Binding::Nothing));
}

#[test]
fn test_withdrawable_counts_losses_and_not_profits_where_the_rule_says_so() {
    let of = |mark| out_of("binance-usdm", (10_000.0, 0.0), (0.5, 60_000.0, 10.0), mark);
    // Cash and the loss of 500 less 2,950 at the mark; cash less 3,050.
    assert_eq!(of(59_000.0), (units(6_550), Binding::Rule));
    assert_eq!(of(61_000.0), (units(6_950), Binding::Rule));
}

#[test]
fn test_withdrawable_bonus_backs_only_what_keeps_it() {
    // On Binance 2,000 of bonus back what stays; on MEXC it is void once something leaves.
    let of = |name| out_of(name, (4_000.0, 2_000.0), (0.5, 60_000.0, 10.0), 60_000.0);
    assert_eq!(of("binance-usdm"), (units(3_000), Binding::Rule));
    let all = out_of("binance-usdm", (4_000.0, 9_000.0), (0.5, 60_000.0, 10.0), 60_000.0);
    assert_eq!(all, (units(4_000), Binding::OwnMoney));
    let market = preset("mexc-usdm");
    let own = book(&market, &[("USDT", 4_000.0, 0.0)], &[]);
    let with = book(&market, &[("USDT", 4_000.0, 2_000.0)], &[]);
    let prices = Prices::by_name(&market, &[], &[]).unwrap();
    assert_eq!(leaving(&own, &prices), leaving(&with, &prices));
}

#[test]
fn test_withdrawable_of_a_fence_is_what_can_go_back() {
    let market = preset("textbook");
    let positions = [("BTCUSDT", 2.0, 50_000.0, 50.0, 3_000.0)];
    let book = book(&market, &[("USDT", 10_000.0, 0.0)], &positions);
    let prices = |mark| Prices::by_name(&market, &[("BTCUSDT", mark)], &[]).unwrap();
    // 2,000 of initial margin, and 2,500 required: 500 can go back at entry, nothing more; profit does not go.
    assert_eq!(leaving(&book, &prices(50_000.0)), [(units(7_000), Binding::OwnMoney), (units(500), Binding::Trigger)]);
    assert_eq!(leaving(&book, &prices(51_000.0))[1], (units(1_000), Binding::Rule));
}

#[test]
fn test_withdrawable_without_prices_or_leverage_says_so() {
    let market = preset("binance-usdm");
    let held = |leverage| book(&market, &[("USDT", 10.0, 0.0)], &[("BTCUSDT", 0.5, 60_000.0, leverage, f64::NAN)]);
    let prices = Prices::by_name(&market, &[], &[]).unwrap();
    let options = Options { missing: Missing::Null, ..Options::default() };
    assert_eq!(withdrawable(&held(10.0), &prices, &options).unwrap()[0].binding, Binding::Unpriced);
    assert!(withdrawable(&held(10.0), &prices, &Options::default()).is_err());
    let prices = Prices::by_name(&market, &[("BTCUSDT", 60_000.0)], &[]).unwrap();
    assert_eq!(leaving(&held(f64::NAN), &prices), [(0, Binding::LeverageUnknown)]);
}

fn target(ratio: f64) -> Target<'static> {
    Target { ratio, ..Target::default() }
}

fn moves(found: &[Transfer]) -> Vec<(u32, Option<u32>, i128)> {
    found.iter().map(|of| (of.from, of.to, of.quanta)).collect()
}

#[test]
fn test_rebalance_of_a_lone_fence_takes_just_what_it_needs() {
    let market = preset("textbook");
    let held = book(&market, &[("USDT", 10_000.0, 0.0)], &[("BTCUSDT", 2.0, 50_000.0, 50.0, 3_000.0)]);
    let prices = Prices::by_name(&market, &[("BTCUSDT", 49_500.0)], &[]).unwrap();
    let found = rebalance(&held, &prices, &target(2.0), &Options::default()).unwrap();
    // 2,000 are left of the fence, 2 * 2,500 are asked for.
    assert_eq!(moves(&found.transfers), [(0, Some(1), units(3_000))]);
    assert_eq!((found.pools[1].margin_ratio.to_bits(), found.pools[1].short), (0.8_f64.to_bits(), 0));
    assert_eq!(found.pools[1].margin_ratio_after.to_bits(), 2.0_f64.to_bits());
    assert_eq!((found.pools[0].moved, found.pools[1].moved), (-units(3_000), units(3_000)));
    // Where all are there already nothing moves.
    assert!(rebalance(&held, &prices, &target(0.8), &Options::default()).unwrap().transfers.is_empty());
}

#[test]
fn test_rebalance_takes_from_the_highest_ratio_and_serves_the_lowest() {
    let market = preset("textbook");
    let positions = [
        ("BTCUSDT", 1.0, 40_000.0, 50.0, 4_000.0),
        ("ETHUSDT", 10.0, 4_000.0, 50.0, 3_000.0),
        ("SOLUSDT", 400.0, 100.0, 50.0, 1_500.0),
    ];
    let held = book(&market, &[("USDT", 8_500.0, 0.0)], &positions);
    let marks = [("BTCUSDT", 40_000.0), ("ETHUSDT", 4_000.0), ("SOLUSDT", 100.0)];
    let prices = Prices::by_name(&market, &marks, &[]).unwrap();
    let pool = |name: &str| {
        let holdings = held.holdings();
        let at = (0..holdings.n_positions()).find(|&at| market.instruments()[holdings.instrument(at)].name() == name);
        (0..holdings.n_pools()).find(|&pool| holdings.positions_of(pool).contains(&at.unwrap())).unwrap()
    };
    let [btc, eth, sol] = ["BTCUSDT", "ETHUSDT", "SOLUSDT"].map(|name| u32::try_from(pool(name)).unwrap());
    // Each requires 1,000: ratios 4, 3 and 1.5. To 2: 500 from bitcoin.
    let found = rebalance(&held, &prices, &target(2.0), &Options::default()).unwrap();
    assert_eq!(moves(&found.transfers), [(btc, Some(0), units(500)), (0, Some(sol), units(500))]);
    // To 2.9: bitcoin has 1,100 to give, ether 100, and 1,400 are asked for: 200 are short.
    let found = rebalance(&held, &prices, &target(2.9), &Options::default()).unwrap();
    let expected = [(btc, Some(0), units(1_100)), (eth, Some(0), units(100)), (0, Some(sol), units(1_200))];
    assert_eq!(moves(&found.transfers), expected);
    assert_eq!(found.pools[sol as usize].short, units(200));
}

#[test]
fn test_rebalance_sweeps_what_is_above_the_target_or_the_reference() {
    let market = preset("textbook");
    let held = book(&market, &[("USDT", 10_000.0, 0.0)], &[("BTCUSDT", 1.0, 40_000.0, 50.0, f64::NAN)]);
    let prices = Prices::by_name(&market, &[("BTCUSDT", 39_500.0)], &[]).unwrap();
    let swept = |target: Target<'_>| moves(&rebalance(&held, &prices, &target, &Options::default()).unwrap().transfers);
    // 9,500 of collateral, twice 1,000 are to stay.
    let all = Target { sweep: Sweep::Surplus, ..target(2.0) };
    assert_eq!(swept(all), [(0, None, units(7_500))]);
    let profit = |reference| swept(Target { sweep: Sweep::Profit, reference, ..target(2.0) });
    assert_eq!(profit(&[8_000.0]), [(0, None, units(1_500))]);
    assert_eq!(profit(&[9_500.0]), []);
    assert_eq!(profit(&[f64::NAN]), []);
    assert_eq!(profit(&[0.0]), [(0, None, units(7_500))]);
}

#[test]
fn test_rebalance_refuses_what_cannot_be_asked() {
    let market = preset("textbook");
    let held = book(&market, &[("USDT", 1.0, 0.0)], &[]);
    let prices = Prices::by_name(&market, &[], &[]).unwrap();
    let said = |target: Target<'_>| rebalance(&held, &prices, &target, &Options::default()).unwrap_err().to_string();
    assert_eq!(said(target(0.0)), "target_ratio was 0, expected a positive number such as 2");
    assert_eq!(
        said(Target { sweep: Sweep::Profit, ..target(2.0) }),
        "reference had 0 numbers, expected 1, one for each account"
    );
    assert_eq!(
        said(Target { accounts: Some(&[0, 3]), ..target(2.0) }),
        "accounts[1] was 3, the book has 1 accounts: give their places, from 0"
    );
}
