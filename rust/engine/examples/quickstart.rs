//! One account at three prices: the rules of a venue, what is held, what it is worth, and whether it may be liquidated.
#![allow(clippy::print_stdout, reason = "a program may print; the engine does not")]

use std::sync::Arc;

use crossmargin::book::{Balances, Keys, OnError, Positions, Tables, TextKeys};
use crossmargin::score::{Buffers, Column, Options, score};
use crossmargin::{Book, Error, Market, Prices};

fn main() -> Result<(), Error> {
    // What the venue says: a preset is in the program, no file is read.
    let market = Arc::new(Market::preset("binance-usdm", Some("2024-10-01"))?);

    // What is held: columns, borrowed for the call; names are codes into a list. Cash of 10,000, long 1 BTC, short 10 ETH.
    let names = ["USDT", "BTCUSDT", "ETHUSDT"].map(String::from);
    let named = |codes| Keys::Text(TextKeys { codes, names: &names });
    let tables = Tables {
        balances: Balances {
            account: Keys::Int(&[7]),
            asset: named(&[0]),
            wallet_balance: &[10_000.0],
            ..Balances::default()
        },
        positions: Positions {
            account: Keys::Int(&[7, 7]),
            instrument: named(&[1, 2]),
            quantity: &[1.0, -10.0],
            entry_price: &[60_000.0, 2_500.0],
            leverage: Some(&[20.0, 10.0]),
            ..Positions::default()
        },
        ..Tables::default()
    };
    let (book, _) = Book::build(Arc::clone(&market), tables, OnError::Refuse)?;

    // A question: these columns at these prices. The buffers are the caller's; nothing else is allocated per pool.
    let mut equity = vec![0.0; book.holdings().n_pools()];
    let mut maintenance = equity.clone();
    let mut liquidatable = vec![false; equity.len()];
    println!("{:>8} {:>10} {:>12} {:>13}", "BTC", "equity", "maintenance", "liquidatable");
    for price in [59_000.0, 54_000.0, 49_700.0] {
        let prices = Prices::by_name(&market, &[("BTCUSDT", price), ("ETHUSDT", 2_450.0)], &[])?;
        let buffers = Buffers {
            columns: vec![(Column::Equity, &mut equity[..]), (Column::MaintenanceMargin, &mut maintenance[..])],
            liquidatable: Some(&mut liquidatable),
            unpriced: None,
        };
        score(&book, &prices, buffers, &Options::default())?;
        println!("{price:>8} {:>10.2} {:>12.2} {:>13}", equity[0], maintenance[0], liquidatable[0]);
    }
    Ok(())
}
