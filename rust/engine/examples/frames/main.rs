//! What frames cost: a book is watched along paths of prices, and every frame is timed by itself.
//!
//! `frames FOLDER` reads a market, the tables of a book and its marks from files of plain numbers, and the cases from
//! `cases.txt`: on each line the name of a case, the file of its path, what is watched, and how many identical runs are made.
//! It writes a line of JSON per case. `benches/python/bench_monitor.py` makes the folder and reads the lines.
#![allow(clippy::print_stdout, reason = "a program may print; the engine does not")]

mod case;
mod columns;
mod spread;

use std::env;
use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use crossmargin::book::{Balances, Keys, OnError, Positions, Tables};
use crossmargin::{Book, Market, Prices};

use case::Case;
use columns::{integers, reals};

type Failure = Box<dyn Error>;

fn main() -> Result<(), Failure> {
    let folder = PathBuf::from(env::args().nth(1).ok_or("expected the folder with the book and the cases")?);
    let market = Arc::new(Market::from_toml(&std::fs::read_to_string(folder.join("market.toml"))?)?);
    let begin = Instant::now();
    let book = Arc::new(read_book(&folder, &market)?);
    let seconds = begin.elapsed().as_secs_f64();
    let prices = Prices::new(&market, reals(&folder, "mark")?, vec![f64::NAN; market.assets().len()])?;
    let n_pools = book.holdings().n_pools();
    println!("{{\"n_pools\": {n_pools}, \"read_seconds\": {seconds}, \"clock_ns\": {}}}", spread::clock());
    for line in std::fs::read_to_string(folder.join("cases.txt"))?.lines() {
        println!("{}", Case::parse(line)?.run(&folder, &book, &prices)?);
    }
    Ok(())
}

/// Builds the book; its tables are dropped.
fn read_book(folder: &std::path::Path, market: &Arc<Market>) -> Result<Book, Failure> {
    let (holder, asset) = (integers(folder, "balances.account")?, integers(folder, "balances.asset")?);
    let wallet_balance = reals(folder, "balances.wallet_balance")?;
    let (account, instrument) = (integers(folder, "positions.account")?, integers(folder, "positions.instrument")?);
    let (quantity, entry_price) = (reals(folder, "positions.quantity")?, reals(folder, "positions.entry_price")?);
    let tables = Tables {
        balances: Balances {
            account: Keys::Int(&holder),
            asset: Keys::Int(&asset),
            wallet_balance: &wallet_balance,
            ..Balances::default()
        },
        positions: Positions {
            account: Keys::Int(&account),
            instrument: Keys::Int(&instrument),
            quantity: &quantity,
            entry_price: &entry_price,
            ..Positions::default()
        },
        ..Tables::default()
    };
    Ok(Book::build(Arc::clone(market), tables, OnError::Refuse)?.0)
}
