//! Tests of ledgers: what trades do, what is refused, and that figures are those of a book of all accounts.

use std::sync::Arc;

use crate::book::{Accounts, Balances, Keys, OnError, Positions, Tables, TextKeys};
use crate::error::{Error, FaultKind};
use crate::market::Market;
use crate::pool::Book;

use super::{Direction, Fills, Ledger, Outcome, Staged};

/// Linear, inverse and quanto contracts with fees, hedge mode and isolated margin.
pub(super) const RULES: &str = r#"
schema = 1
preset = "ledger"
as_of = 2024-10-01
[pools]
cross = "per_asset"
isolated = true
hedge_mode = true
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
[orders]
initial_margin = "sum"
[fees]
taker = 0.0005
maker = 0.0002
[fees.profile.vip]
taker = 0.0003
maker = -0.0001
[available]
rule = "equity_less_initial"
[withdrawable]
rule = "cash_less_loss_and_initial"
[display]
venue_ratio = "equity_over_maintenance"
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
lot = 0.001
tiers = "T"
[[instrument]]
name = "ETHUSDT"
base = "ETH"
quote = "USDT"
settle = "USDT"
payoff = "linear"
contract_size = 0.01
tiers = "T"
[[instrument]]
name = "BTCUSD"
base = "BTC"
quote = "USD"
settle = "BTC"
payoff = "inverse"
contract_size = 100
lot = 1
tiers = "T"
[[instrument]]
name = "ETHBTC-Q"
base = "ETH"
quote = "USD"
settle = "BTC"
payoff = "quanto"
multiplier = 0.000001
contract_size = 1
lot = 1
tiers = "T"
[tiers.T]
law = "marginal"
bounds = "quote"
floor = [0, 100000]
maintenance_rate = [0.005, 0.01]
"#;

pub(super) const USDT: i64 = 0;
pub(super) const BTC: i64 = 1;
pub(super) const LINEAR: i64 = 0;
pub(super) const SMALL: i64 = 1;
pub(super) const INVERSE: i64 = 2;
const QUANTO: i64 = 3;

pub(super) fn market() -> Arc<Market> {
    Arc::new(Market::from_toml(RULES).unwrap())
}

/// Accounts 7 and 9 with 10,000 dollars and a bitcoin each.
pub(super) fn ledger() -> Ledger {
    ledger_of(&[10_000.0, 1.0, 10_000.0, 1.0])
}

pub(super) fn ledger_of(wallet: &[f64]) -> Ledger {
    let balances = Balances {
        account: Keys::Int(&[7, 7, 9, 9]),
        asset: Keys::Int(&[USDT, BTC, USDT, BTC]),
        wallet_balance: wallet,
        ..Balances::default()
    };
    let tables = Tables { balances, ..Tables::default() };
    Ledger::new(Arc::new(Book::build(market(), tables, OnError::Refuse).unwrap().0))
}

/// Trades of account 7.
pub(super) fn trade(
    ledger: &mut Ledger,
    instrument: i64,
    quantity: &[f64],
    price: &[f64],
    of: Fills<'_>,
) -> Result<Outcome, Error> {
    let n = quantity.len();
    let (account, instrument) = (vec![7; n], vec![instrument; n]);
    let fills = Fills { account: Keys::Int(&account), instrument: Keys::Int(&instrument), quantity, price, ..of };
    let staged = ledger.fills(&fills)?;
    Ok(done(ledger, staged))
}

pub(super) fn done(ledger: &mut Ledger, mut staged: Staged) -> Outcome {
    let outcome = staged.take_outcome();
    ledger.commit(staged).unwrap();
    outcome
}

pub(super) fn wallet(ledger: &Ledger, account: usize, asset: i64) -> f64 {
    ledger.state(account).wallet(usize::try_from(asset).unwrap()).to_f64()
}

/// Quantity, entry price, leverage and fence of an account's positions.
pub(super) fn positions(ledger: &Ledger, account: usize) -> Vec<[f64; 4]> {
    let state = ledger.state(account);
    state.positions.iter().map(|held| [held.quantity.near, held.entry, held.leverage, held.fence.near]).collect()
}

pub(super) fn names<const N: usize>(names: [&str; N]) -> [String; N] {
    names.map(str::to_owned)
}

pub(super) fn message(of: Result<Outcome, Error>) -> String {
    of.unwrap_err().to_string()
}

pub(super) fn kind(of: Result<Outcome, Error>) -> FaultKind {
    match of.unwrap_err() {
        Error::Book(found) => found.faults[0].kind,
        other => panic!("{other}"),
    }
}

#[test]
fn test_fills_in_sequence_open_add_reduce_turn_over_and_close() {
    let mut ledger = ledger();
    let of = Fills { fee: Some(&[1.0, 0.5, f64::NAN, -0.25, 0.0]), leverage: Some(&[10.0; 5]), ..Fills::default() };
    let quantity = [0.5, 0.25, -0.5, -0.5, 0.25];
    let price = [60_000.0, 63_000.0, 62_000.0, 59_000.0, 60_000.0];
    let outcome = trade(&mut ledger, LINEAR, &quantity, &price, of).unwrap();
    // The average of 0.5 at 60,000 and 0.25 at 63,000 is 61,000.
    assert_eq!(outcome.realized_pnl, [0.0, 0.0, 500.0, -500.0, -250.0]);
    assert_eq!(outcome.fee, [1.0, 0.5, 0.0, -0.25, 0.0]);
    assert_eq!(outcome.moved.iter().sum::<i128>(), -25_125_000_000);
    assert!(positions(&ledger, 0).is_empty());
    assert_eq!(wallet(&ledger, 0, USDT).to_bits(), 9_748.75_f64.to_bits());
    assert_eq!(wallet(&ledger, 1, USDT).to_bits(), 10_000.0_f64.to_bits());
}

#[test]
fn test_fills_entry_price_is_the_double_nearest_to_the_average() {
    let mut ledger = ledger();
    trade(&mut ledger, LINEAR, &[0.001, 0.002], &[100.0, 101.0], Fills::default()).unwrap();
    assert_eq!(positions(&ledger, 0)[0][1].to_bits(), (302.0_f64 / 3.0).to_bits());
    // The decimal of that double is the entry price: 302/3 would have no profit of 1e-8 at a multiple.
    let message = message(trade(&mut ledger, LINEAR, &[-0.003], &[101.0], Fills::default()));
    assert!(message.contains("realized_pnl[0] was 0.00099999999999999"), "{message}");
    assert!(
        message.ends_with(
            "it is no multiple of 0.00000001 USDT; give a multiple, or say where to round: down, up or nearest"
        ),
        "{message}"
    );
    let round = Fills { round: Some(Direction::Nearest), ..Fills::default() };
    let outcome = trade(&mut ledger, LINEAR, &[-0.003], &[101.0], round).unwrap();
    assert_eq!((outcome.moved[0], outcome.realized_pnl[0].to_bits()), (100_000, 0.001_f64.to_bits()));
    assert!(outcome.remainder[0] != 0.0 && outcome.remainder[0].abs() < 1e-15);
}

#[test]
fn test_fills_of_inverse_and_quanto_contracts_settle_in_the_coin() {
    let mut ledger = ledger();
    let of = Fills { round: Some(Direction::Down), ..Fills::default() };
    let outcome = trade(&mut ledger, INVERSE, &[10.0, 10.0, -20.0], &[50_000.0, 62_500.0, 60_000.0], of).unwrap();
    // 100 dollars each: the harmonic average is 55,555.5...; 2000 * (1 / entry - 1 / 60,000) = 0.036 - 0.0333...
    let booked = outcome.moved[2];
    assert!((266_665..=266_667).contains(&booked), "{booked}");
    assert!(outcome.remainder[2] > 0.0 && outcome.remainder[2] < 1e-8);
    let outcome = trade(&mut ledger, QUANTO, &[-100.0, 100.0], &[2_000.0, 1_900.0], Fills::default()).unwrap();
    assert_eq!(outcome.realized_pnl[1].to_bits(), 0.01_f64.to_bits());
}

#[test]
fn test_fills_of_an_isolated_position_move_its_fence() {
    let mut ledger = ledger();
    let modes = names(["isolated"]);
    let isolated = |codes: &'static [u32]| Some(TextKeys { codes, names: &modes });
    let of = Fills { margin_mode: isolated(&[0]), leverage: Some(&[10.0]), ..Fills::default() };
    trade(&mut ledger, LINEAR, &[0.5], &[60_000.0], of).unwrap();
    assert_eq!(positions(&ledger, 0), [[0.5, 60_000.0, 10.0, 3_000.0]]);
    // Adding, with a margin of its own; then a fifth is closed with a profit.
    let of = Fills { isolated_margin: Some(&[1_000.0]), ..Fills::default() };
    trade(&mut ledger, LINEAR, &[0.5], &[60_000.0], of).unwrap();
    let outcome = trade(&mut ledger, LINEAR, &[-0.2], &[61_000.0], Fills::default()).unwrap();
    assert_eq!(outcome.realized_pnl, [200.0]);
    assert_eq!(positions(&ledger, 0), [[0.8, 60_000.0, 10.0, 3_200.0]]);
    // A loss larger than the share: the fence pays it.
    trade(&mut ledger, LINEAR, &[-0.4], &[56_000.0], Fills::default()).unwrap();
    assert_eq!(positions(&ledger, 0), [[0.4, 60_000.0, 10.0, 1_600.0]]);
    trade(&mut ledger, LINEAR, &[-0.2], &[55_000.0], Fills::default()).unwrap();
    assert_eq!(positions(&ledger, 0), [[0.2, 60_000.0, 10.0, 600.0]]);
    assert_eq!(
        message(trade(&mut ledger, LINEAR, &[-0.2], &[56_000.0], Fills::default())),
        "fills.realized_pnl[0] was -800: 600 USDT is fenced for the position, which can lose no more than that; give it more \
         margin first"
    );
    assert_eq!(wallet(&ledger, 0, USDT).to_bits(), 7_600.0_f64.to_bits());
    let of = Fills { margin_mode: isolated(&[0]), leverage: Some(&[2.0]), ..Fills::default() };
    assert_eq!(
        message(trade(&mut ledger, SMALL, &[500.0], &[3_000.0], of)),
        "fills.isolated_margin[0] was 7500: 7000 USDT are not fenced yet; deposit first"
    );
}

#[test]
fn test_fills_fee_is_by_the_rate_of_the_account_s_profile() {
    let mut ledger = ledger();
    let of = Fills { maker: Some(&[false, true]), ..Fills::default() };
    let outcome = trade(&mut ledger, LINEAR, &[0.5, 0.5], &[60_000.0; 2], of).unwrap();
    assert_eq!(outcome.fee, [15.0, 6.0]);
    let profiles = names(["vip"]);
    let balances = Balances {
        account: Keys::Int(&[7]),
        asset: Keys::Int(&[USDT]),
        wallet_balance: &[1_000.0],
        ..Balances::default()
    };
    let accounts = Accounts {
        account: Keys::Int(&[7]),
        profile: Some(TextKeys { codes: &[0], names: &profiles }),
        ..Accounts::default()
    };
    let staged = ledger.replace(&Tables { balances, accounts, ..Tables::default() }).unwrap();
    ledger.commit(staged).unwrap();
    let outcome = trade(&mut ledger, LINEAR, &[0.5, 0.5], &[60_000.0; 2], of).unwrap();
    assert_eq!(outcome.fee, [9.0, -3.0]);
}

#[test]
fn test_fills_what_cannot_be_is_refused_and_changes_nothing() {
    let mut ledger = ledger();
    trade(&mut ledger, LINEAR, &[0.5], &[60_000.0], Fills { leverage: Some(&[10.0]), ..Fills::default() }).unwrap();
    let plain = Fills::default();
    let refused = [
        (0.0, 60_000.0, FaultKind::Zero, "fills.quantity[0] was 0: leave out what was not traded"),
        (f64::NAN, 60_000.0, FaultKind::NotFinite, "fills.quantity[0] was NaN: give a finite number"),
        (1.0, 0.0, FaultKind::NotPositive, "fills.price[0] was 0: give a positive number"),
        (1.0, f64::INFINITY, FaultKind::NotFinite, "fills.price[0] was inf: give a finite number"),
        (
            0.0005,
            60_000.0,
            FaultKind::NotMultiple,
            "fills.quantity[0] was 0.0005: it is no multiple of the lot 0.001; give a multiple, or all of the position",
        ),
    ];
    for (quantity, price, expected, text) in refused {
        assert_eq!(kind(trade(&mut ledger, LINEAR, &[quantity], &[price], plain)), expected);
        assert_eq!(message(trade(&mut ledger, LINEAR, &[quantity], &[price], plain)), text);
    }
}

#[test]
fn test_fills_that_contradict_the_account_are_refused() {
    let mut ledger = ledger();
    let plain = Fills::default();
    trade(&mut ledger, LINEAR, &[0.5], &[60_000.0], Fills { leverage: Some(&[10.0]), ..plain }).unwrap();
    assert_eq!(
        message(trade(&mut ledger, 9, &[1.0], &[1.0], plain)),
        "fills.instrument[0] was 9: give the position, from 0, of an instrument of the market"
    );
    let of = Fills { leverage: Some(&[20.0]), ..plain };
    assert_eq!(
        message(trade(&mut ledger, LINEAR, &[1.0], &[60_000.0], of)),
        "fills.leverage[0] was 20: the position has 10; change that of the whole position first"
    );
    let of = Fills { isolated_margin: Some(&[20.0]), ..plain };
    assert_eq!(
        message(trade(&mut ledger, LINEAR, &[1.0], &[60_000.0], of)),
        "fills.isolated_margin[0] was 20: a cross position has no isolated margin; leave it out"
    );
    let sides = names(["long", "both"]);
    let side = |codes: &'static [u32]| Some(TextKeys { codes, names: &sides });
    assert_eq!(
        message(trade(&mut ledger, LINEAR, &[1.0], &[60_000.0], Fills { position_side: side(&[1]), ..plain })),
        "fills.position_side[0] was both: give net, long or short"
    );
    assert_eq!(
        message(trade(&mut ledger, LINEAR, &[1.0], &[60_000.0], Fills { position_side: side(&[0]), ..plain })),
        "fills.position_side[0] was long: another row of the account has the instrument net, or in hedge mode: give all \
         rows a side, or none"
    );
    assert_eq!(positions(&ledger, 0)[0][..3], [0.5, 60_000.0, 10.0]);
    assert_eq!(positions(&ledger, 0).len(), 1);
}

#[test]
fn test_fills_batch_with_one_fault_changes_no_account() {
    let mut ledger = ledger();
    let fills = Fills {
        account: Keys::Int(&[7, 9, 8, 9, 9]),
        instrument: Keys::Int(&[LINEAR; 5]),
        quantity: &[1.0, 0.0, 1.0, f64::NAN, 1.0],
        price: &[60_000.0; 5],
        ..Fills::default()
    };
    let Err(Error::Book(found)) = ledger.fills(&fills) else { panic!("was not refused") };
    assert_eq!(found.faults.iter().map(|fault| fault.row).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(found.faults[1].to_string(), "fills.account[2] was 8: there is no such account; open it first");
    assert!(positions(&ledger, 0).is_empty());
    let staged = ledger.close(&Keys::Int(&[9])).unwrap();
    ledger.commit(staged).unwrap();
    let fills =
        Fills { account: Keys::Int(&[9]), instrument: Keys::Int(&[0]), quantity: &[1.0], price: &[1.0], ..fills };
    assert_eq!(
        ledger.fills(&fills).unwrap_err().to_string(),
        "fills.account[0] was 9: the account was closed; open it again first"
    );
}

#[test]
fn test_fills_of_several_legs_must_say_which() {
    let mut ledger = ledger();
    let sides = names(["long", "short"]);
    let side = Some(TextKeys { codes: &[0, 1], names: &sides });
    let of = Fills { position_side: side, ..Fills::default() };
    trade(&mut ledger, LINEAR, &[1.0, -0.5], &[60_000.0; 2], of).unwrap();
    assert_eq!(
        message(trade(&mut ledger, LINEAR, &[0.5], &[60_000.0], Fills::default())),
        "fills.position_side[0] was null: the account has several positions of the instrument; say which: give its side and \
         mode"
    );
    let side = Some(TextKeys { codes: &[1], names: &sides });
    let beyond = trade(&mut ledger, LINEAR, &[0.75], &[60_000.0], Fills { position_side: side, ..Fills::default() });
    assert_eq!(
        message(beyond),
        "fills.position_side[0] was short: a long leg has a positive quantity, a short leg a negative one"
    );
}

#[test]
fn test_fills_close_a_position_that_is_no_multiple_of_the_lot() {
    let balances = Balances {
        account: Keys::Int(&[7]),
        asset: Keys::Int(&[USDT]),
        wallet_balance: &[1_000.0],
        ..Balances::default()
    };
    let positions = Positions {
        account: Keys::Int(&[7]),
        instrument: Keys::Int(&[LINEAR]),
        quantity: &[0.0005],
        entry_price: &[60_000.0],
        ..Positions::default()
    };
    let tables = Tables { balances, positions, ..Tables::default() };
    let mut ledger = Ledger::new(Arc::new(Book::build(market(), tables, OnError::Refuse).unwrap().0));
    trade(&mut ledger, LINEAR, &[-0.0005], &[61_000.0], Fills::default()).unwrap();
    assert_eq!(wallet(&ledger, 0, USDT).to_bits(), 1_000.5_f64.to_bits());
}
