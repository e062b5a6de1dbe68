//! Whether orders fit: worked cases, each reason, sequences, and that all ways to ask agree.
#![expect(clippy::unwrap_used, reason = "what cannot be built fails the test")]

use std::sync::Arc;

use crossmargin::book::{Accounts, Balances, Keys, OnError, Orders, Positions, Side, Tables, TextKeys};
use crossmargin::order::{
    Assume, DecisionBuffers, Gate, OnFault, Proposed, Reason, Verdict, check_order, check_orders,
};
use crossmargin::score::Options;
use crossmargin::{Book, Error, Market, Prices};

const NONE: f64 = f64::NAN;

/// An account: cash, and positions as instrument, quantity, entry, leverage and whether isolated.
fn book(market: &Arc<Market>, wallet: f64, positions: &[(&str, f64, f64, f64, bool)]) -> Book {
    let asset = market.instruments()[0].settle();
    let column = |of: fn(&(&str, f64, f64, f64, bool)) -> f64| positions.iter().map(of).collect::<Vec<f64>>();
    let instruments: Vec<i64> =
        positions.iter().map(|row| i64::try_from(market.instrument_index(row.0).unwrap()).unwrap()).collect();
    let (quantity, entry, leverage) = (column(|row| row.1), column(|row| row.2), column(|row| row.3));
    let modes: Vec<u32> = positions.iter().map(|row| u32::from(row.4)).collect();
    let tables = Tables {
        balances: Balances {
            account: Keys::Int(&[7]),
            asset: Keys::Int(&[i64::try_from(asset).unwrap()]),
            wallet_balance: &[wallet],
            ..Balances::default()
        },
        positions: Positions {
            account: Keys::Int(&vec![7; positions.len()]),
            instrument: Keys::Int(&instruments),
            quantity: &quantity,
            entry_price: &entry,
            leverage: Some(&leverage),
            margin_mode: Some(TextKeys { codes: &modes, names: &["cross".to_owned(), "isolated".to_owned()] }),
            ..Positions::default()
        },
        ..Tables::default()
    };
    Book::build(Arc::clone(market), tables, OnError::Refuse).unwrap().0
}

fn preset(name: &str) -> Arc<Market> {
    Arc::new(Market::preset(name, None).unwrap())
}

fn order(market: &Market, instrument: &str, quantity: f64, price: f64, leverage: f64) -> Proposed {
    let at = u32::try_from(market.instrument_index(instrument).unwrap()).unwrap();
    Proposed { price, leverage, ..Proposed::market(at, quantity) }
}

fn check(book: &Book, marks: &[(&str, f64)], order: &Proposed) -> Verdict {
    let prices = Prices::by_name(book.market(), marks, &[]).unwrap();
    check_order(book, &prices, 0, order).unwrap()
}

fn is_near(found: f64, expected: f64) -> bool {
    (found - expected).abs() <= 1e-9 * expected.abs()
}

#[test]
fn test_gate_orders_up_to_the_slack_fit_and_one_lot_more_does_not() {
    let market = preset("binance-usdm");
    let book = book(&market, 10_000.0, &[("BTCUSDT", 0.5, 60_000.0, 10.0, false)]);
    let marks = [("BTCUSDT", 60_000.0)];
    // 10,000 less 3,000 back 70,000 at ten times: 1.1666... to buy, and to sell what the position is more.
    for (quantity, reason) in [
        (1.166_666_66, Reason::Accepted),
        (1.166_666_67, Reason::Margin),
        (-2.166_666_66, Reason::Accepted),
        (-2.166_666_67, Reason::Margin),
        (-1.0, Reason::Accepted),
    ] {
        let verdict = check(&book, &marks, &order(&market, "BTCUSDT", quantity, 60_000.0, NONE));
        assert_eq!(verdict.reason, reason, "{quantity}");
        assert!(is_near(verdict.available, 7_000.0));
    }
    let turned = check(&book, &marks, &order(&market, "BTCUSDT", -1.0, 60_000.0, NONE));
    assert_eq!((turned.cost, turned.opening), (0.0, 0.5));
}

#[test]
fn test_gate_cost_has_the_fees_that_the_venue_reserves() {
    let market = preset("bybit-uta");
    let book = book(&market, 10_000.0, &[]);
    let verdict = check_order(
        &book,
        &Prices::by_name(&market, &[("BTCUSDT", 60_000.0)], &[("USDT", 1.0)]).unwrap(),
        0,
        &order(&market, "BTCUSDT", 0.5, 60_000.0, 10.0),
    )
    .unwrap();
    assert_eq!(verdict.reason, Reason::Accepted);
    // 30,000 / 10, taker 0.055 % to open, and to close at 27,000.
    assert!(is_near(verdict.cost, 3_031.35), "{}", verdict.cost);
}

#[test]
fn test_gate_profit_of_a_cross_position_backs_orders_and_of_an_isolated_one_does_not() {
    let market = preset("textbook");
    let marks = [("BTCUSDT", 60_000.0), ("ETHUSDT", 3_000.0)];
    let of = |isolated| book(&market, 2_000.0, &[("BTCUSDT", 0.2, 50_000.0, 10.0, isolated)]);
    let asked = order(&market, "ETHUSDT", 5.0, 3_000.0, 10.0);
    let cross = check(&of(false), &marks, &asked);
    assert_eq!((cross.reason, cross.cost, cross.available), (Reason::Accepted, 1_500.0, 3_000.0));
    let isolated = check(&of(true), &marks, &asked);
    assert_eq!((isolated.reason, isolated.short), (Reason::Margin, 500.0));
}

#[test]
fn test_gate_orders_equal_to_the_slack_fit_by_exact_arithmetic() {
    let market = preset("textbook");
    let marks = [("ETHUSDT", 0.3)];
    let exactly = book(&market, 0.03, &[]);
    let verdict = check(&exactly, &marks, &order(&market, "ETHUSDT", 1.0, NONE, 10.0));
    assert_eq!((verdict.reason, verdict.exact), (Reason::Accepted, true));
    let less = book(&market, 0.03_f64.next_down(), &[]);
    let verdict = check(&less, &marks, &order(&market, "ETHUSDT", 1.0, NONE, 10.0));
    assert_eq!((verdict.reason, verdict.exact), (Reason::Margin, true));
}

#[test]
fn test_gate_what_would_be_liquidated_at_once_is_refused_though_margin_is_there() {
    let market = preset("textbook");
    let book = book(&market, 1_000.0, &[]);
    // 2.5 % of maintenance margin against 1 % of initial margin.
    let verdict = check(&book, &[("ETHUSDT", 1_000.0)], &order(&market, "ETHUSDT", 41.0, NONE, 100.0));
    assert_eq!(verdict.reason, Reason::Liquidatable);
    let verdict = check(&book, &[("ETHUSDT", 1_000.0)], &order(&market, "ETHUSDT", 40.0, NONE, 100.0));
    assert_eq!(verdict.reason, Reason::Accepted);
}

#[test]
fn test_gate_leverage_that_nobody_says_is_a_reason() {
    let market = preset("textbook");
    let book = book(&market, 1_000.0, &[]);
    let verdict = check(&book, &[("ETHUSDT", 1_000.0)], &order(&market, "ETHUSDT", 1.0, NONE, NONE));
    assert_eq!(verdict.reason, Reason::LeverageUnknown);
    assert!(verdict.cost.is_nan() && verdict.short.is_nan());
}

/// A market of one contract with lots, ticks, bounds and tiers.
fn tiered() -> Arc<Market> {
    let text = r#"
schema = 1
preset = "tiered"
as_of = 2026-11-23
[pools]
cross = "per_asset"
isolated = true
hedge_mode = false
[trigger]
level = 1
zero_fails = true
price = "mark"
[maintenance_margin]
price = "mark"
legs = "each"
[initial_margin]
price = "mark"
[available]
rule = "equity_less_initial"
[withdrawable]
rule = "equity_less_initial"
[display]
venue_ratio = "equity_over_maintenance"
[[asset]]
name = "USDT"
quantum = "1e-8"
[[instrument]]
name = "X"
base = "X"
quote = "USDT"
settle = "USDT"
payoff = "linear"
contract_size = 1
lot = 0.1
tick = 0.5
min_quantity = 0.3
max_quantity = 500
min_notional = 5
tiers = "T"
[tiers.T]
law = "marginal"
bounds = "quote"
floor = [0, 1000]
cap = 4000
maintenance_rate = [0.01, 0.02]
max_leverage = [50, 20]
"#;
    Arc::new(Market::from_toml(text).unwrap())
}

#[test]
fn test_gate_each_reason_of_an_orders_own() {
    let market = tiered();
    let held = book(&market, 1_000.0, &[("X", 1.05, 10.0, 10.0, false)]);
    let of = |quantity, price, leverage| order(&market, "X", quantity, price, leverage);
    let reducing = Proposed { reduce_only: true, ..of(0.1, 10.0, NONE) };
    let hedged = Proposed { side: Side::Long, ..of(1.0, 10.0, NONE) };
    let cases = [
        (of(1.0, 10.0, NONE), Reason::Accepted),
        (of(1.05, 10.0, NONE), Reason::Lot),
        (of(-1.05, 10.0, NONE), Reason::Accepted),
        (of(1.0, 10.25, NONE), Reason::Tick),
        (Proposed { trigger_price: 10.1, ..of(1.0, 10.0, NONE) }, Reason::Tick),
        (of(0.2, 100.0, NONE), Reason::MinSize),
        (of(500.1, 10.0, NONE), Reason::MaxSize),
        (of(0.4, 10.0, NONE), Reason::MinNotional),
        (of(0.5, 10.0, NONE), Reason::Accepted),
        (reducing, Reason::NothingToReduce),
        (Proposed { quantity: -0.1, ..reducing }, Reason::Accepted),
        (hedged, Reason::PositionSide),
        (of(100.0, 10.0, 50.0), Reason::Leverage),
        (of(98.9, 10.0, 50.0), Reason::Accepted),
        (of(399.0, 10.0, 10.0), Reason::Cap),
    ];
    for (asked, reason) in cases {
        let verdict = check(&held, &[("X", 10.0)], &asked);
        assert_eq!(verdict.reason, reason, "{asked:?}");
    }
}

/// Orders of the one account of a book as a table.
fn decide(book: &Book, prices: &Prices, rows: &[Proposed], gate: Gate) -> (Vec<u8>, Vec<f64>, Vec<u32>) {
    let n = rows.len();
    let of = |value: fn(&Proposed) -> f64| rows.iter().map(value).collect::<Vec<f64>>();
    let instruments: Vec<i64> = rows.iter().map(|row| i64::from(row.instrument)).collect();
    let orders = Orders {
        account: Keys::Int(&vec![7; n]),
        instrument: Keys::Int(&instruments),
        quantity: &of(|row| row.quantity),
        price: &of(|row| row.price),
        leverage: Some(&of(|row| row.leverage)),
        trigger_price: Some(&of(|row| row.trigger_price)),
        reduce_only: Some(&rows.iter().map(|row| row.reduce_only).collect::<Vec<bool>>()),
        ..Orders::default()
    };
    let (mut accepted, mut reason) = (vec![false; n], vec![0; n]);
    let (mut cost, mut violations) = (vec![0.0; n], vec![0; n]);
    let out = DecisionBuffers {
        cost: Some(&mut cost),
        violations: Some(&mut violations),
        ..DecisionBuffers::new(&mut accepted, &mut reason)
    };
    check_orders(book, prices, &orders, &gate, out, &Options::default()).unwrap();
    (reason, cost, violations)
}

#[test]
fn test_gate_later_orders_meet_what_earlier_ones_left() {
    let market = preset("binance-usdm");
    let book = book(&market, 1_000.0, &[]);
    let prices = Prices::by_name(&market, &[("BTCUSDT", 60_000.0)], &[]).unwrap();
    let of = |quantity, price| order(&market, "BTCUSDT", quantity, price, 10.0);
    let rows = [of(0.1, 60_000.0), of(0.1, 60_000.0), of(-0.1, 60_000.0), of(0.066, 60_000.0)];
    let codes = |reasons: [Reason; 4]| reasons.map(Reason::code).to_vec();
    // The sale is the smaller of two worst fills until it is the larger one.
    let (reason, cost, _) = decide(&book, &prices, &rows, Gate::default());
    assert_eq!(reason, codes([Reason::Accepted, Reason::Margin, Reason::Accepted, Reason::Accepted]));
    assert_eq!(cost, [600.0, 600.0, 0.0, 396.0]);
    let filled = Gate { assume: Assume::Filled, fee: None, ..Gate::default() };
    let (reason, _, _) = decide(&book, &prices, &rows, filled);
    assert_eq!(reason, codes([Reason::Accepted, Reason::Margin, Reason::Accepted, Reason::Accepted]));
}

#[test]
fn test_gate_batch_is_singles_and_says_all_reasons() {
    let market = tiered();
    let held = book(&market, 100.0, &[("X", 1.0, 10.0, 10.0, false)]);
    let prices = Prices::by_name(&market, &[("X", 10.0)], &[]).unwrap();
    let rows = [
        order(&market, "X", 399.0, 10.25, 50.0),
        order(&market, "X", 1.0, 10.0, NONE),
        order(&market, "X", 50.0, 10.0, 10.0),
    ];
    for row in &rows {
        let verdict = check_order(&held, &prices, 0, row).unwrap();
        let (reason, cost, _) = decide(&held, &prices, &[*row], Gate::default());
        assert_eq!((reason[0], cost[0].to_bits()), (verdict.reason.code(), verdict.cost.to_bits()));
    }
    let (_, _, violations) = decide(&held, &prices, &rows[..1], Gate::default());
    let expected = [Reason::Tick, Reason::Liquidatable, Reason::Leverage, Reason::Cap, Reason::Margin];
    // Filled at 10.25 it is 399 * 0.25 under water, next to 100.1 less what is required.
    assert_eq!(violations[0], expected.iter().fold(0, |bits, reason| bits | reason.bit()));
}

#[test]
fn test_gate_rows_that_are_no_orders_are_refused_or_rejected() {
    let market = preset("textbook");
    let book = book(&market, 1_000.0, &[]);
    let prices = Prices::by_name(&market, &[("ETHUSDT", 1_000.0)], &[]).unwrap();
    let orders = Orders {
        account: Keys::Int(&[7, 8, 7]),
        instrument: Keys::Int(&[1, 1, 1]),
        quantity: &[1.0, 1.0, f64::NAN],
        price: &[NONE; 3],
        leverage: Some(&[10.0; 3]),
        ..Orders::default()
    };
    let (mut accepted, mut reason) = ([false; 3], [0; 3]);
    let out = DecisionBuffers::new(&mut accepted, &mut reason);
    let refused = check_orders(&book, &prices, &orders, &Gate::default(), out, &Options::default()).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "orders.account[1] was 8: the book has no such account; add it to the book first; orders.quantity[2] was NaN: \
         give a finite number"
    );
    let gate = Gate { on_fault: OnFault::Reject, ..Gate::default() };
    let out = DecisionBuffers::new(&mut accepted, &mut reason);
    let decided = check_orders(&book, &prices, &orders, &gate, out, &Options::default()).unwrap();
    assert_eq!((accepted, reason), ([true, false, false], [0, 1, 1]));
    assert_eq!(decided.faults.unwrap().n_faults, 2);
}

#[test]
fn test_gate_one_order_that_is_none_is_an_argument() {
    let market = preset("textbook");
    let book = book(&market, 1_000.0, &[]);
    let prices = Prices::by_name(&market, &[("ETHUSDT", 1_000.0)], &[]).unwrap();
    let asked = order(&market, "ETHUSDT", 1.0, NONE, 10.0);
    let refused = |account, order: &Proposed| check_order(&book, &prices, account, order).unwrap_err().to_string();
    assert_eq!(refused(1, &asked), "account was 1, expected the number of one of 1 accounts");
    let of = Proposed { quantity: 0.0, ..asked };
    assert_eq!(refused(0, &of), "quantity was 0: give a quantity that is not 0");
    let of = Proposed { instrument: 99, ..asked };
    assert_eq!(refused(0, &of), "instrument was 99, expected the position of one of 3 instruments");
    let of = Proposed { instrument: 0, ..asked };
    assert!(
        matches!(check_order(&book, &prices, 0, &of), Err(Error::MissingPrice(missing)) if missing.instruments == ["BTCUSDT"])
    );
}

#[test]
fn test_gate_accounts_in_hedge_mode_take_legs_only() {
    let market = preset("binance-usdm");
    let usdt = i64::try_from(market.asset_index("USDT").unwrap()).unwrap();
    let tables = Tables {
        balances: Balances {
            account: Keys::Int(&[7]),
            asset: Keys::Int(&[usdt]),
            wallet_balance: &[1_000.0],
            ..Balances::default()
        },
        accounts: Accounts {
            account: Keys::Int(&[7]),
            position_mode: Some(TextKeys { codes: &[0], names: &["hedge".to_owned()] }),
            ..Accounts::default()
        },
        ..Tables::default()
    };
    let (book, _) = Book::build(Arc::clone(&market), tables, OnError::Refuse).unwrap();
    let marks = [("BTCUSDT", 60_000.0)];
    let net = order(&market, "BTCUSDT", 0.01, NONE, 10.0);
    assert_eq!(check(&book, &marks, &net).reason, Reason::PositionSide);
    let long = Proposed { side: Side::Long, ..net };
    assert_eq!(check(&book, &marks, &long).reason, Reason::Accepted);
    let closing = Proposed { quantity: -0.01, ..long };
    assert_eq!(check(&book, &marks, &closing).reason, Reason::NothingToReduce);
}
