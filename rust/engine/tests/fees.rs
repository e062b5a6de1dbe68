//! Fees inside requirements: the account's taker rate, or for closing that of liquidations.
#![expect(clippy::unwrap_used, reason = "what cannot be built fails the test")]

use std::sync::Arc;

use crossmargin::book::{Accounts, Balances, Keys, OnError, Positions, Tables, TextKeys};
use crossmargin::score::{Buffers, Column, Options, score};
use crossmargin::{Book, Market, Prices};

/// 1 % of the notional at mark and a fee of closing; an isolated margin reserves the fee of opening.
fn market(closing: &str, closing_fee: &str) -> Arc<Market> {
    let text = format!(
        r#"
schema = 1
preset = "made-up"
as_of = 2024-10-01
[pools]
cross = "per_asset"
isolated = true
[trigger]
zero_fails = true
[maintenance_margin]
price = "mark"
closing_fee = "{closing_fee}"
[initial_margin]
price = "mark"
[isolated]
fee_reserve = "opening_notional"
[display]
venue_ratio = "maintenance_over_equity"
[fees]
taker = 0.001
liquidation = 0.004
closing = "{closing}"
[fees.profile.free]
taker = 0
[[asset]]
name = "USDT"
[[instrument]]
name = "AAAUSDT"
base = "AAA"
quote = "USDT"
settle = "USDT"
[tiers.AAAUSDT]
law = "flat"
bounds = "quote"
floor = [0]
maintenance_rate = [0.01]
"#
    );
    Arc::new(Market::from_toml(&text).unwrap())
}

/// Fence and maintenance margin of ten units bought at 100 with leverage 10, at a mark of 100.
fn isolated(market: &Arc<Market>, profile: &str) -> (f64, f64) {
    let (names, modes) = ([profile.to_owned()], ["isolated".to_owned()]);
    let tables = Tables {
        balances: Balances {
            account: Keys::Int(&[1]),
            asset: Keys::Int(&[0]),
            wallet_balance: &[1_000.0],
            ..Balances::default()
        },
        positions: Positions {
            account: Keys::Int(&[1]),
            instrument: Keys::Int(&[0]),
            quantity: &[10.0],
            entry_price: &[100.0],
            leverage: Some(&[10.0]),
            margin_mode: Some(TextKeys { codes: &[0], names: &modes }),
            ..Positions::default()
        },
        accounts: Accounts {
            account: Keys::Int(&[1]),
            profile: Some(TextKeys { codes: &[0], names: &names }),
            ..Accounts::default()
        },
        ..Tables::default()
    };
    let (book, _) = Book::build(Arc::clone(market), tables, OnError::Refuse).unwrap();
    let prices = Prices::new(market, vec![100.0], vec![]).unwrap();
    let (mut wallet, mut maintenance) = ([0.0; 2], [0.0; 2]);
    let columns = vec![(Column::WalletBalance, &mut wallet[..]), (Column::MaintenanceMargin, &mut maintenance[..])];
    let buffers = Buffers { columns, liquidatable: None, unpriced: None };
    score(&book, &prices, buffers, &Options::default()).unwrap();
    (wallet[1], maintenance[1])
}

#[test]
fn test_fees_closing_at_mark_has_the_rate_that_the_file_says() {
    // 1,000 over 10, with 0.1 % of 1,000 reserved; 1 % of 1,000, with the fee of closing.
    let (taker, liquidation) = (market("taker", "mark"), market("liquidation", "mark"));
    assert_eq!(isolated(&taker, "default"), (101.0, 11.0));
    assert_eq!(isolated(&taker, "free"), (100.0, 10.0));
    assert_eq!(isolated(&liquidation, "default"), (101.0, 14.0));
    assert_eq!(isolated(&liquidation, "free"), (100.0, 14.0));
}

#[test]
fn test_fees_closing_at_bankruptcy_has_the_rate_that_the_file_says() {
    // The position is bankrupt at 90: fees on 900.
    let (taker, liquidation) = (market("taker", "bankruptcy_at_entry"), market("liquidation", "bankruptcy_at_entry"));
    assert_eq!(isolated(&taker, "free"), (100.0, 10.0));
    assert_eq!(isolated(&taker, "default"), (101.0, 10.9));
    assert_eq!(isolated(&liquidation, "free"), (100.0, 13.6));
}
