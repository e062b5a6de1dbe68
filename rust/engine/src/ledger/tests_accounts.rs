//! Tests of cash that moves, of funding, and of accounts that come and go.

use std::sync::Arc;

use crate::book::{Accounts, Balances, Keys, Orders, Settings, Tables, TextKeys};
use crate::error::{Error, FaultKind};
use crate::market::Prices;

use super::tests::{
    BTC, INVERSE, LINEAR, SMALL, USDT, done, kind, ledger, ledger_of, message, names, positions, trade, wallet,
};
use super::{Direction, Fills, Funding, Key, Ledger, Outcome, Transfers};

/// A fill of an account.
fn fill_of(account: i64) -> Fills<'static> {
    const KEYS: [i64; 10] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
    let at = usize::try_from(account).unwrap();
    Fills {
        account: Keys::Int(&KEYS[at..=at]),
        instrument: Keys::Int(&[LINEAR]),
        quantity: &[0.001],
        price: &[60_000.0],
        ..Fills::default()
    }
}

fn transfer(ledger: &mut Ledger, amount: f64, round: Option<Direction>) -> Result<Outcome, Error> {
    let transfers = Transfers { account: Keys::Int(&[7]), asset: Keys::Int(&[USDT]), amount: &[amount], round };
    let staged = ledger.transfers(&transfers)?;
    Ok(done(ledger, staged))
}

#[test]
fn test_transfers_move_quanta_of_what_is_free() {
    let mut ledger = ledger();
    let outcome = transfer(&mut ledger, 0.1, None).unwrap();
    assert_eq!((outcome.amount[0].to_bits(), outcome.moved[0]), (0.1_f64.to_bits(), 10_000_000));
    assert_eq!(wallet(&ledger, 0, USDT).to_bits(), 10_000.1_f64.to_bits());
    assert_eq!(kind(transfer(&mut ledger, 1e-9, None)), FaultKind::NotMultiple);
    assert_eq!(transfer(&mut ledger, -1e-9, Some(Direction::Down)).unwrap().moved, [-1]);
    let modes = names(["isolated"]);
    let of = Fills {
        margin_mode: Some(TextKeys { codes: &[0], names: &modes }),
        leverage: Some(&[10.0]),
        ..Fills::default()
    };
    trade(&mut ledger, LINEAR, &[0.5], &[60_000.0], of).unwrap();
    assert_eq!(
        message(transfer(&mut ledger, -7_000.1, None)),
        "transfers.amount[0] was -7000.1: account 7 has 7000.09999999 USDT that are free; take out no more than that"
    );
    transfer(&mut ledger, -7_000.099_999_99, None).unwrap();
    assert_eq!(wallet(&ledger, 0, USDT).to_bits(), 3_000.0_f64.to_bits());
    assert_eq!(kind(transfer(&mut ledger, 0.0, None)), FaultKind::Zero);
    assert_eq!(kind(transfer(&mut ledger, f64::NAN, None)), FaultKind::NotFinite);
}

#[test]
fn test_transfers_of_many_digits_lose_none() {
    let mut ledger = ledger_of(&[90_000_000_000.0, 1.0, 1.0, 1.0]);
    transfer(&mut ledger, 1e-8, None).unwrap();
    // Of 90,000,000,000.00000001 the nearest double denotes less; a hundred million more quanta make a dollar all the same.
    assert_eq!(wallet(&ledger, 0, USDT).to_bits(), 90_000_000_000.0_f64.to_bits());
    transfer(&mut ledger, 0.999_999_99, None).unwrap();
    assert_eq!(wallet(&ledger, 0, USDT).to_bits(), 90_000_000_001.0_f64.to_bits());
    assert!(ledger.beside.is_empty());
}

#[test]
fn test_funding_longs_pay_shorts_and_of_inverse_contracts_too() {
    let mut ledger = ledger();
    trade(&mut ledger, LINEAR, &[0.5], &[60_000.0], Fills::default()).unwrap();
    trade(&mut ledger, INVERSE, &[-100.0], &[50_000.0], Fills::default()).unwrap();
    let market = Arc::clone(ledger.market());
    let prices = Prices::by_name(&market, &[("BTCUSDT", 64_000.0)], &[]).unwrap();
    let funding = Funding {
        instrument: Keys::Int(&[LINEAR, INVERSE]),
        rate: &[0.0001, 0.0003],
        price: Some(&[f64::NAN, 64_000.0]),
        ..Funding::default()
    };
    let staged = ledger.funding(&funding, &prices).unwrap();
    assert_eq!(staged.outcome().row, [0, 1]);
    assert_eq!(staged.outcome().account, [0, 0]);
    // 100 contracts of 100 dollars at 64,000: 0.15625 bitcoins, of which 0.0003 are 0.000046875, rounded down.
    assert_eq!(staged.outcome().moved, [-320_000_000, 4_687]);
    assert_eq!(staged.outcome().amount[0].to_bits(), (-3.2_f64).to_bits());
    let strict = Funding { round: None, ..funding };
    assert!(
        ledger.funding(&strict, &prices).unwrap_err().to_string().starts_with("funding.rate[1] was 0.000046875: it is")
    );
    assert_eq!(ledger.commit(staged).unwrap(), [0]);
    let twice = Funding { instrument: Keys::Int(&[LINEAR, LINEAR]), ..funding };
    assert_eq!(
        ledger.funding(&twice, &prices).unwrap_err().to_string(),
        "funding.instrument[1] was 0: row 0 has the same instrument; give it once"
    );
    let unpriced = Funding { price: None, ..funding };
    assert_eq!(
        ledger.funding(&unpriced, &prices).unwrap_err().to_string(),
        "funding.price[1] was null: give the price of the notional, or the mark"
    );
}

#[test]
fn test_funding_of_an_isolated_position_is_of_its_fence_first() {
    let mut ledger = ledger();
    let modes = names(["isolated"]);
    let of = Fills {
        margin_mode: Some(TextKeys { codes: &[0], names: &modes }),
        leverage: Some(&[100.0]),
        ..Fills::default()
    };
    trade(&mut ledger, LINEAR, &[0.5], &[60_000.0], of).unwrap();
    let market = Arc::clone(ledger.market());
    let prices = Prices::by_name(&market, &[("BTCUSDT", 60_000.0)], &[]).unwrap();
    for (rate, fence, wallet_after) in [(0.001, 270.0, 9_970.0), (-0.001, 300.0, 10_000.0), (0.02, 0.0, 9_400.0)] {
        let funding = Funding { instrument: Keys::Int(&[LINEAR]), rate: &[rate], ..Funding::default() };
        let staged = ledger.funding(&funding, &prices).unwrap();
        ledger.commit(staged).unwrap();
        assert_eq!(positions(&ledger, 0)[0][3].to_bits(), f64::to_bits(fence));
        assert_eq!(wallet(&ledger, 0, USDT).to_bits(), f64::to_bits(wallet_after));
    }
}

#[test]
fn test_accounts_open_close_and_get_other_rows() {
    let mut ledger = ledger();
    let balances = Balances {
        account: Keys::Int(&[5, 9]),
        asset: Keys::Int(&[USDT, USDT]),
        wallet_balance: &[50.0, 90.0],
        ..Balances::default()
    };
    let settings = Settings {
        account: Keys::Int(&[5]),
        instrument: Keys::Int(&[LINEAR]),
        leverage: Some(&[25.0]),
        ..Settings::default()
    };
    let tables = Tables { balances, settings, ..Tables::default() };
    assert_eq!(
        ledger.open(&tables).unwrap_err().to_string(),
        "accounts.account[1] was 9: the account is open already; replace it, or leave it out"
    );
    let staged = ledger.replace(&tables).unwrap();
    assert_eq!(staged.changes().iter().map(|of| of.account).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(ledger.commit(staged).unwrap(), [1, 2]);
    assert_eq!((ledger.n_accounts(), ledger.find(Key::Int(5)), ledger.key(2)), (3, Some(2), Key::Int(5)));
    assert_eq!((wallet(&ledger, 1, USDT), wallet(&ledger, 1, BTC), wallet(&ledger, 2, USDT)), (90.0, 0.0, 50.0));
    let staged = ledger.fills(&fill_of(5)).unwrap();
    let stale = ledger.close(&Keys::Int(&[7])).unwrap();
    ledger.commit(staged).unwrap();
    assert_eq!(positions(&ledger, 2)[0][2].to_bits(), 25.0_f64.to_bits());
    assert_eq!(
        ledger.commit(stale).unwrap_err().to_string(),
        "staged was made of an earlier state; stage the operation again"
    );
}

#[test]
fn test_accounts_that_are_closed_are_gone_but_for_their_numbers() {
    let mut ledger = ledger();
    assert_eq!(
        ledger.close(&Keys::Int(&[7, 9, 7])).unwrap_err().to_string(),
        "accounts.account[2] was 7: row 0 has the same account; give it once"
    );
    let staged = ledger.close(&Keys::Int(&[7])).unwrap();
    assert_eq!(ledger.commit(staged).unwrap(), [0]);
    assert!(ledger.held(0).1.is_empty() && !ledger.is_open(0) && ledger.is_open(1));
    assert_eq!(ledger.to_book().unwrap().holdings().accounts().len(), 1);
    let text = names(["five"]);
    let account = Keys::Text(TextKeys { codes: &[0], names: &text });
    let balances = Balances { account, asset: Keys::Int(&[USDT]), wallet_balance: &[50.0], ..Balances::default() };
    assert_eq!(
        ledger.open(&Tables { balances, ..Tables::default() }).unwrap_err().to_string(),
        "account had the name \"five\", expected integers as of the other accounts"
    );
}

#[test]
fn test_accounts_keep_orders_and_choices_through_fills() {
    let mut ledger = ledger();
    let modes = names(["isolated"]);
    let balances = Balances {
        account: Keys::Int(&[7]),
        asset: Keys::Int(&[USDT]),
        wallet_balance: &[5_000.0],
        ..Balances::default()
    };
    let orders = Orders {
        account: Keys::Int(&[7, 7]),
        instrument: Keys::Int(&[SMALL, SMALL]),
        quantity: &[10.0, -20.0],
        price: &[2_900.0, f64::NAN],
        leverage: Some(&[5.0, 5.0]),
        ..Orders::default()
    };
    let accounts = Accounts {
        account: Keys::Int(&[7]),
        margin_mode: Some(TextKeys { codes: &[0], names: &modes }),
        ..Accounts::default()
    };
    let staged = ledger.replace(&Tables { balances, orders, accounts, ..Tables::default() }).unwrap();
    ledger.commit(staged).unwrap();
    trade(&mut ledger, LINEAR, &[0.1], &[60_000.0], Fills { leverage: Some(&[20.0]), ..Fills::default() }).unwrap();
    let state = ledger.state(0);
    assert_eq!((state.orders.len(), state.positions[0].leg.isolated, state.positions[0].fence.near), (2, true, 300.0));
    assert!(state.orders.iter().all(|order| order.leg.isolated && order.leverage.to_bits() == 5.0_f64.to_bits()));
}
