//! Tests of orders that only reduce or wait: operations and snapshots leave them as they are.

use std::sync::Arc;

use crate::book::{Balances, Keys, NO_KEY, OnError, Orders, Positions, Tables, TextKeys};
use crate::market::Market;
use crate::pool::Book;

use super::tests::{LINEAR, RULES, USDT, names};
use super::{Fills, Ledger};

/// Account 7 with a position, an open order, a stop, a profit to take at a limit, and a limit that only reduces.
fn book(conditional: bool) -> Arc<Book> {
    let text =
        RULES.replace("initial_margin = \"sum\"", &format!("initial_margin = \"sum\"\nconditional = {conditional}"));
    let market = Arc::new(Market::from_toml(&text).unwrap());
    let kinds = names(["take_profit", "stop", "limit"]);
    let orders = Orders {
        account: Keys::Int(&[7, 7, 7, 7, 7]),
        instrument: Keys::Int(&[LINEAR; 5]),
        quantity: &[-0.5, 1.0, -0.25, 1.0, 1.0],
        price: &[f64::NAN, 49_000.0, 52_000.0, 48_000.0, 49_000.0],
        trigger_price: Some(&[49_500.0, f64::NAN, 51_900.0, f64::NAN, 48_500.0]),
        reduce_only: Some(&[true, false, true, true, false]),
        kind: Some(TextKeys { codes: &[1, NO_KEY, 0, 2, NO_KEY], names: &kinds }),
        leverage: Some(&[10.0; 5]),
        ..Orders::default()
    };
    let tables = Tables {
        balances: Balances {
            account: Keys::Int(&[7]),
            asset: Keys::Int(&[USDT]),
            wallet_balance: &[10_000.0],
            ..Balances::default()
        },
        positions: Positions {
            account: Keys::Int(&[7]),
            instrument: Keys::Int(&[LINEAR]),
            quantity: &[0.5],
            entry_price: &[50_000.0],
            leverage: Some(&[10.0]),
            ..Positions::default()
        },
        orders,
        ..Tables::default()
    };
    Arc::new(Book::build(market, tables, OnError::Refuse).unwrap().0)
}

/// What waits, in its order, and how many orders count.
fn waiting(ledger: &Ledger) -> (Vec<[u64; 4]>, Vec<[bool; 3]>, usize) {
    let (book, pools) = ledger.held(0);
    let (waiting, counting) = (&book.holdings().waiting, book.holdings().orders_of(pools.start).len());
    let at = waiting.of(0);
    let said = |at: usize| {
        [waiting.quantity[at], waiting.price[at], waiting.trigger_price[at], waiting.leverage[at]].map(f64::to_bits)
    };
    let how = |at: usize| [waiting.take_profit[at], waiting.reduce_only[at], waiting.counts[at]];
    (at.clone().map(said).collect(), at.map(how).collect(), counting)
}

#[test]
fn test_ledger_orders_that_wait_stay_as_they_are() {
    for (conditional, counting) in [(false, 1), (true, 2)] {
        let mut ledger = Ledger::new(book(conditional));
        let before = waiting(&ledger);
        assert_eq!((before.0.len(), before.2), (4, counting));
        let fills = Fills {
            account: Keys::Int(&[7]),
            instrument: Keys::Int(&[LINEAR]),
            quantity: &[-0.1],
            price: &[50_000.0],
            ..Fills::default()
        };
        for _ in 0..2 {
            let staged = ledger.fills(&fills).unwrap();
            ledger.commit(staged).unwrap();
            assert_eq!(waiting(&ledger), before);
        }
        let mut bytes = Vec::new();
        ledger.write(&mut bytes);
        let back = Ledger::read(&mut bytes.as_slice()).unwrap();
        assert_eq!(waiting(&back), before);
        assert_eq!(waiting(&Ledger::new(Arc::new(ledger.to_book().unwrap()))), before);
        let (mut a, mut b) = (Vec::new(), Vec::new());
        ledger.write(&mut a);
        back.write(&mut b);
        assert_eq!(a, b);
    }
}
