//! Tests of snapshots: what comes back is what was, and other bytes are refused.

use std::sync::Arc;

use crate::book::{Balances, Keys, OnError, Tables, TextKeys};
use crate::market::Market;
use crate::pool::Book;

use super::tests::{ledger, market, names};
use super::tests_agree::{Draw, agree, drawn, operate, priced};
use super::{Key, Ledger, Transfers};

fn bytes_of(ledger: &Ledger) -> Vec<u8> {
    let mut bytes = Vec::new();
    ledger.write(&mut bytes);
    bytes
}

fn restored(ledger: &Ledger) -> Ledger {
    let bytes = bytes_of(ledger);
    let mut rest = bytes.as_slice();
    let back = Ledger::read(&mut rest).unwrap();
    assert!(rest.is_empty());
    assert_eq!(bytes_of(&back), bytes);
    back
}

#[test]
fn test_snapshot_operations_go_on_as_without_it() {
    let mut markets = vec![market()];
    for (name, _) in crate::market::preset_names() {
        markets.push(Arc::new(Market::preset(name, None).unwrap()));
    }
    for (seed, market) in (100..).zip(markets.iter().filter(|market| !market.instruments().is_empty())) {
        let mut draw = Draw::new(seed);
        let mut ledger = drawn(market, &mut draw);
        operate(&mut ledger, market, &mut draw, 12);
        let mut back = restored(&ledger);
        let prices = priced(market, &mut draw);
        agree(&back, &prices);
        let mut same = draw.clone();
        operate(&mut ledger, market, &mut draw, 8);
        operate(&mut back, market, &mut same, 8);
        assert_eq!(bytes_of(&back), bytes_of(&ledger));
    }
}

#[test]
fn test_snapshot_keeps_closed_accounts_names_and_long_amounts() {
    let keys = names(["a", "c", "b"]);
    let account = Keys::Text(TextKeys { codes: &[0, 1, 2], names: &keys });
    let balances =
        Balances { account, asset: Keys::Int(&[0, 0, 0]), wallet_balance: &[9e10, 2.0, 3.0], ..Balances::default() };
    let tables = Tables { balances, ..Tables::default() };
    let mut ledger = Ledger::new(Arc::new(Book::build(market(), tables, OnError::Refuse).unwrap().0));
    let staged = ledger.close(&Keys::Text(TextKeys { codes: &[1], names: &keys })).unwrap();
    ledger.commit(staged).unwrap();
    let one = |amount| Transfers {
        account: Keys::Text(TextKeys { codes: &[0], names: &keys }),
        asset: Keys::Int(&[0]),
        amount,
        round: None,
    };
    let staged = ledger.transfers(&one(&[1e-8])).unwrap();
    ledger.commit(staged).unwrap();
    let mut back = restored(&ledger);
    assert_eq!((back.n_accounts(), back.is_open(1), back.find(Key::Text("b"))), (3, false, Some(2)));
    assert_eq!(back.key(1), Key::Text("c"));
    assert_eq!(back.held(2).0.holdings().layer_wallet(back.held(2).1.start).to_bits(), 3.0_f64.to_bits());
    let staged = back.transfers(&one(&[0.999_999_99])).unwrap();
    back.commit(staged).unwrap();
    assert!(back.beside.is_empty());
    let account = Keys::Text(TextKeys { codes: &[1], names: &keys });
    let balances = Balances { account, asset: Keys::Int(&[0]), wallet_balance: &[5.0], ..Balances::default() };
    let staged = back.open(&Tables { balances, ..Tables::default() }).unwrap();
    assert_eq!(back.commit(staged).unwrap(), [1]);
    assert!(back.is_open(1));
    restored(&back);
}

#[test]
fn test_snapshot_cut_off_or_foreign_is_refused() {
    let bytes = bytes_of(&ledger());
    for n in 0..bytes.len() {
        assert!(Ledger::read(&mut &bytes[..n]).is_err(), "{n}");
    }
    assert_eq!(
        Ledger::read(&mut &b"PK\x03\x04 something else"[..]).unwrap_err().to_string(),
        "snapshot is not one of this program, or was changed: it begins otherwise, or is of another version; take another one"
    );
}

#[test]
fn test_snapshot_of_changed_bytes_never_panics() {
    let mut draw = Draw::new(5);
    let market = market();
    let mut ledger = drawn(&market, &mut draw);
    operate(&mut ledger, &market, &mut draw, 6);
    let bytes = bytes_of(&ledger);
    // Beyond the text of the market, which its own reader checks.
    let first = bytes.len() - 3_000.min(bytes.len() - 100);
    for at in (first..bytes.len()).step_by(3) {
        let mut changed = bytes.clone();
        changed[at] ^= 1 << draw.below(8);
        // What is still an account is one; nothing else is asked here.
        if let Ok(back) = Ledger::read(&mut changed.as_slice()) {
            assert!(back.to_book().is_ok() || back.n_accounts() > 0);
        }
    }
}
