//! Tests of prices along paths.

use std::sync::Arc;

use crate::book::{Balances, Keys, OnError, Positions, Tables};
use crate::error::Error;
use crate::market::{Market, Prices};
use crate::pool::Book;
use crate::score::Options;

use super::{PositionBuffers, Shock, contribution, liquidation_distance, liquidation_prices, underlying_prices};

/// Ether long 10 at 3,000 beside bitcoin at 60,000, with 10,000; bitcoin's mark is 57,000.
fn pair(btc: f64) -> (Book, Prices) {
    let market = Arc::new(Market::preset("binance-usdm", None).unwrap());
    let at = |name: &str| i64::try_from(market.instrument_index(name).unwrap()).unwrap();
    let usdt = i64::try_from(market.asset_index("USDT").unwrap()).unwrap();
    let tables = Tables {
        balances: Balances {
            account: Keys::Int(&[7]),
            asset: Keys::Int(&[usdt]),
            wallet_balance: &[10_000.0],
            ..Balances::default()
        },
        positions: Positions {
            account: Keys::Int(&[7, 7]),
            instrument: Keys::Int(&[at("ETHUSDT"), at("BTCUSDT")]),
            quantity: &[10.0, btc],
            entry_price: &[3_000.0, 60_000.0],
            ..Positions::default()
        },
        ..Tables::default()
    };
    let (book, _) = Book::build(Arc::clone(&market), tables, OnError::Refuse).unwrap();
    let prices = Prices::by_name(&market, &[("ETHUSDT", 3_000.0), ("BTCUSDT", 57_000.0)], &[]).unwrap();
    (book, prices)
}

struct Found {
    below: Vec<f64>,
    above: Vec<f64>,
    shown: Vec<f64>,
    bankrupt: Vec<f64>,
}

fn found(book: &Book, prices: &Prices) -> Found {
    let column = || vec![0.0; book.holdings().n_positions()];
    let mut found = Found { below: column(), above: column(), shown: column(), bankrupt: column() };
    let buffers = PositionBuffers {
        below: Some(&mut found.below),
        above: Some(&mut found.above),
        liquidation_price: Some(&mut found.shown),
        bankruptcy_price: Some(&mut found.bankrupt),
        ..PositionBuffers::default()
    };
    liquidation_prices(book, prices, buffers, &Options::default()).unwrap();
    found
}

/// `(10_000 - 10 * 3_000 + btc * (57_000 - 60_000) - (57_000 * 0.005 - 50)) / (10 * 0.004 - 10)`.
#[test]
fn test_price_of_a_cross_pair_takes_the_direction_of_the_other_leg() {
    for (btc, expected) in [(1.0, 23_235.0 / 9.96), (-1.0, 17_235.0 / 9.96)] {
        let (book, prices) = pair(btc);
        let found = found(&book, &prices);
        assert_eq!(found.shown[0].to_bits(), f64::to_bits(expected));
        assert!(found.above[0].is_nan());
        assert_eq!(found.bankrupt[0].to_bits(), f64::to_bits(2_000.0 + btc * 300.0));
    }
}

#[test]
fn test_price_of_a_cross_pair_is_the_last_at_which_the_pool_is_safe() {
    for btc in [1.0, -1.0] {
        let (book, prices) = pair(btc);
        let (eth, below) = (book.market().instrument_index("ETHUSDT").unwrap(), found(&book, &prices).below[0]);
        let fails = |mark: f64| {
            let mut marks = prices.mark().to_vec();
            marks[eth] = mark;
            let at = Prices::new(book.market(), marks, vec![]).unwrap();
            crate::pool::judge_exactly(&book, 0, &at).liquidatable
        };
        assert!(!fails(below));
        assert!(fails(below.next_down()));
    }
}

#[test]
fn test_price_along_an_underlying_of_one_instrument_is_that_along_it() {
    let (book, prices) = pair(-1.0);
    let (found, rows) = (found(&book, &prices), underlying_prices(&book, &prices, &Options::default()).unwrap());
    let names: Vec<&str> = rows.underlying.iter().map(|&at| rows.names[at as usize].as_str()).collect();
    assert_eq!(names, ["BTC", "ETH"]);
    assert_eq!(
        [rows.below[1].to_bits(), rows.above[0].to_bits()],
        [found.below[0].to_bits(), found.above[1].to_bits()]
    );
}

/// Both marks down by `t`: `10_000 - 3_000 - 87_000 t = 10 * 3_000 * 0.004 (1 - t) + 57_000 * 0.005 (1 - t) - 50`.
#[test]
fn test_distance_of_a_pair_that_falls_together_is_that_of_its_equation() {
    let (book, prices) = pair(1.0);
    let market = book.market();
    let shock = Shock::new(market, vec![-1.0; market.instruments().len()], vec![0.0; market.assets().len()]).unwrap();
    let distances = liquidation_distance(&book, &prices, &shock, &Options::default()).unwrap();
    let expected = (7_000.0 - 120.0 - 285.0 + 50.0) / (87_000.0 - 120.0 - 285.0);
    assert!((distances.above[0] - expected).abs() < 1e-15);
    assert!(distances.below[0].is_nan());
    let given = contribution(&book, &prices, Some(&shock), &Options::default()).unwrap();
    assert_eq!(given.dragged, [false, true]);
    let left: f64 = 10_000.0 + given.excess_at.iter().sum::<f64>();
    assert!(left.abs() < 1e-9);
}

#[test]
fn test_price_calls_that_are_stopped_say_so() {
    let (book, prices) = pair(1.0);
    let options = Options { stop: Some(|| true), ..Options::default() };
    let shock = Shock::new(book.market(), vec![-1.0; prices.mark().len()], vec![0.0; prices.index().len()]).unwrap();
    assert_eq!(underlying_prices(&book, &prices, &options).unwrap_err(), Error::Stopped);
    assert_eq!(liquidation_distance(&book, &prices, &shock, &options).unwrap_err(), Error::Stopped);
    assert_eq!(contribution(&book, &prices, None, &options).unwrap_err(), Error::Stopped);
}
