//! What it costs to ask whether an order fits: one at a time in a shuffled order, and a table at once.
//!
//! `gate FOLDER` reads a market, the tables of a book, its marks and proposed orders from files of plain numbers. It prints a
//! line of JSON, and writes the code of each order's reason into the folder. `benches/python/bench_decide.py` makes the folder.
#![allow(clippy::print_stdout, reason = "a program may print; the engine does not")]

mod columns;

use std::env;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use crossmargin::book::{Balances, Keys, OnError, Orders, Positions, Tables};
use crossmargin::order::{Decided, DecisionBuffers, Gate, Proposed, check_order, check_orders};
use crossmargin::score::Options;
use crossmargin::{Book, Market, Prices};

use columns::{integers, reals, reals_or_none};

type Failure = Box<dyn Error>;

/// Times that everything is done; the median counts.
const ROUNDS: usize = 3;

/// Proposed orders as columns.
struct Proposals {
    account: Vec<i64>,
    instrument: Vec<i64>,
    quantity: Vec<f64>,
    price: Vec<f64>,
    leverage: Option<Vec<f64>>,
}

fn main() -> Result<(), Failure> {
    let folder = PathBuf::from(env::args().nth(1).ok_or("expected the folder with the book and the orders")?);
    let market = Arc::new(Market::from_toml(&std::fs::read_to_string(folder.join("market.toml"))?)?);
    let book = read_book(&folder, &market)?;
    let prices = Prices::new(&market, reals(&folder, "mark")?, vec![f64::NAN; market.assets().len()])?;
    let proposals = Proposals::read(&folder)?;
    let n = proposals.account.len();
    let (mut accepted, mut reason) = (vec![false; n], vec![0; n]);
    let mut batch = |threads| -> Result<(f64, Decided), Failure> {
        let mut rounds = Vec::new();
        let mut decided = Decided::default();
        for _ in 0..ROUNDS {
            let out = DecisionBuffers::new(&mut accepted, &mut reason);
            let options = Options { threads: Some(threads), ..Options::default() };
            let begin = Instant::now();
            decided = check_orders(&book, &prices, &proposals.lend(), &Gate::default(), out, &options)?;
            rounds.push(per_order(begin, n));
        }
        Ok((median(&rounds), decided))
    };
    let ((one, _), (two, decided)) = (batch(1)?, batch(2)?);
    std::fs::write(folder.join("gate.reason"), &reason)?;
    let rounds = singles(&book, &prices, &proposals, &reason)?;
    println!(
        "{{\"n\": {n}, \"ns\": {}, \"rounds_ns\": [{}], \"n_accepted\": {}, \"n_exact\": {}, \"batch_ns_1\": {one}, \
         \"batch_ns_2\": {two}}}",
        median(&rounds),
        rounds.iter().map(f64::to_string).collect::<Vec<_>>().join(", "),
        decided.n_accepted,
        decided.n_exact
    );
    Ok(())
}

/// Nanoseconds an order since a moment.
#[expect(clippy::cast_precision_loss, reason = "orders are fewer than doubles count")]
fn per_order(begin: Instant, n: usize) -> f64 {
    begin.elapsed().as_secs_f64() * 1e9 / n as f64
}

fn median(rounds: &[f64]) -> f64 {
    let mut sorted = rounds.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

/// Asks about every order by itself, in a shuffled order; each must be decided as in the table.
fn singles(book: &Book, prices: &Prices, proposals: &Proposals, reason: &[u8]) -> Result<Vec<f64>, Failure> {
    let numbers: std::collections::BTreeMap<i64, usize> = match book.holdings().accounts() {
        crossmargin::book::AccountKeys::Int(keys) => keys.iter().enumerate().map(|(at, &key)| (key, at)).collect(),
        crossmargin::book::AccountKeys::Text(_) => return Err("accounts are integers here".into()),
    };
    let rows = shuffled(proposals.account.len());
    let asked: Vec<(usize, Proposed, u8)> = rows
        .into_iter()
        .map(|row| Ok((numbers[&proposals.account[row]], proposals.proposed(row)?, reason[row])))
        .collect::<Result<_, Failure>>()?;
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        let begin = Instant::now();
        let mut other = 0;
        for (account, order, reason) in &asked {
            other += usize::from(check_order(book, prices, *account, order)?.reason.code() != *reason);
        }
        rounds.push(per_order(begin, asked.len()));
        if other > 0 {
            return Err(format!("{other} orders are decided otherwise by themselves").into());
        }
    }
    Ok(rounds)
}

/// Rows in a random order, the same in every run.
fn shuffled(n: usize) -> Vec<usize> {
    let mut rows: Vec<usize> = (0..n).collect();
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for last in (1..n).rev() {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        rows.swap(last, usize::try_from(state % (last as u64 + 1)).unwrap_or(0));
    }
    rows
}

impl Proposals {
    fn read(folder: &Path) -> Result<Self, Failure> {
        Ok(Self {
            account: integers(folder, "orders.account")?,
            instrument: integers(folder, "orders.instrument")?,
            quantity: reals(folder, "orders.quantity")?,
            price: reals(folder, "orders.price")?,
            leverage: reals_or_none(folder, "orders.leverage")?,
        })
    }

    fn lend(&self) -> Orders<'_> {
        Orders {
            account: Keys::Int(&self.account),
            instrument: Keys::Int(&self.instrument),
            quantity: &self.quantity,
            price: &self.price,
            leverage: self.leverage.as_deref(),
            ..Orders::default()
        }
    }

    fn proposed(&self, row: usize) -> Result<Proposed, Failure> {
        let leverage = self.leverage.as_ref().map_or(f64::NAN, |column| column[row]);
        let order = Proposed::market(u32::try_from(self.instrument[row])?, self.quantity[row]);
        Ok(Proposed { price: self.price[row], leverage, ..order })
    }
}

/// Builds the book; its tables are dropped.
fn read_book(folder: &Path, market: &Arc<Market>) -> Result<Book, Failure> {
    let (holder, asset) = (integers(folder, "balances.account")?, integers(folder, "balances.asset")?);
    let wallet_balance = reals(folder, "balances.wallet_balance")?;
    let (account, instrument) = (integers(folder, "positions.account")?, integers(folder, "positions.instrument")?);
    let (quantity, entry_price) = (reals(folder, "positions.quantity")?, reals(folder, "positions.entry_price")?);
    let leverage = reals_or_none(folder, "positions.leverage")?;
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
            leverage: leverage.as_deref(),
            ..Positions::default()
        },
        ..Tables::default()
    };
    Ok(Book::build(Arc::clone(market), tables, OnError::Refuse)?.0)
}
