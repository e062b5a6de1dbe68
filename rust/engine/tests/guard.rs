//! Limits over whole books, and stops that prices reach: at equality and one step beyond it.
#![expect(clippy::unwrap_used, reason = "what cannot be built fails the test")]

use std::sync::Arc;

use crossmargin::book::{Balances, Keys, OnError, Orders, Positions, Tables, TextKeys};
use crossmargin::guard::{BreachBuffers, Fired, Limits, StopFill, Stops, check_limits, fire_stops};
use crossmargin::order::{FillFee, Reason};
use crossmargin::score::{Missing, Options, Summary};
use crossmargin::{Book, Error, Market, Prices};

const BTC: i64 = 0;
const ETH: i64 = 1;
const NO: f64 = f64::NAN;

/// Tables under the neutral rules: one asset, 2.5 % of entry notional required, no fees.
#[derive(Default)]
struct Rows {
    wallet: Vec<f64>,
    held: Vec<(i64, i64, f64, f64)>,
    isolated: bool,
    orders: Vec<Order>,
}

/// Account, instrument, quantity, limit, trigger, kind (`stop`, `take_profit`), reduce-only.
type Order = (i64, i64, f64, f64, f64, &'static str, bool);

impl Rows {
    fn book(&self) -> Book {
        let market = Arc::new(Market::preset("textbook", None).unwrap());
        let accounts: Vec<i64> = (0..).take(self.wallet.len()).collect();
        let assets = vec![0; accounts.len()];
        let held: Vec<i64> = self.held.iter().map(|of| of.0).collect();
        let instruments: Vec<i64> = self.held.iter().map(|of| of.1).collect();
        let quantity: Vec<f64> = self.held.iter().map(|of| of.2).collect();
        let entry: Vec<f64> = self.held.iter().map(|of| of.3).collect();
        let leverage = vec![10.0; held.len()];
        let modes = ["cross", "isolated"].map(str::to_owned);
        let mode = vec![u32::from(self.isolated); held.len()];
        let names = ["stop", "take_profit"].map(str::to_owned);
        let codes: Vec<u32> = self.orders.iter().map(|of| u32::from(of.5 == "take_profit")).collect();
        let of: Vec<i64> = self.orders.iter().map(|of| of.0).collect();
        let at: Vec<i64> = self.orders.iter().map(|of| of.1).collect();
        let sizes: Vec<f64> = self.orders.iter().map(|of| of.2).collect();
        let limits: Vec<f64> = self.orders.iter().map(|of| of.3).collect();
        let triggers: Vec<f64> = self.orders.iter().map(|of| of.4).collect();
        let reduce: Vec<bool> = self.orders.iter().map(|of| of.6).collect();
        let order_modes = vec![u32::from(self.isolated); of.len()];
        let leverages = vec![10.0; of.len()];
        let tables = Tables {
            balances: Balances {
                account: Keys::Int(&accounts),
                asset: Keys::Int(&assets),
                wallet_balance: &self.wallet,
                ..Balances::default()
            },
            positions: Positions {
                account: Keys::Int(&held),
                instrument: Keys::Int(&instruments),
                quantity: &quantity,
                entry_price: &entry,
                leverage: Some(&leverage),
                margin_mode: Some(TextKeys { codes: &mode, names: &modes }),
                ..Positions::default()
            },
            orders: Orders {
                account: Keys::Int(&of),
                instrument: Keys::Int(&at),
                quantity: &sizes,
                price: &limits,
                leverage: Some(&leverages),
                trigger_price: Some(&triggers),
                reduce_only: Some(&reduce),
                margin_mode: Some(TextKeys { codes: &order_modes, names: &modes }),
                kind: Some(TextKeys { codes: &codes, names: &names }),
                ..Orders::default()
            },
            ..Tables::default()
        };
        Book::build(market, tables, OnError::Refuse).unwrap().0
    }
}

fn prices(book: &Book, btc: f64, eth: f64) -> Prices {
    let mut mark = vec![f64::NAN; book.market().instruments().len()];
    (mark[0], mark[1]) = (btc, eth);
    Prices::new(book.market(), mark, vec![]).unwrap()
}

/// Bits of pools, positions and accounts.
#[derive(Debug, PartialEq)]
struct Bits {
    pools: Vec<u32>,
    positions: Vec<u32>,
    accounts: Vec<u32>,
    summary: Summary,
}

fn checked(book: &Book, prices: &Prices, limits: &Limits, references: &[f64], options: &Options) -> Bits {
    let holdings = book.holdings();
    let (mut pools, mut positions) = (vec![7; holdings.n_pools()], vec![7; holdings.n_positions()]);
    let mut accounts = vec![7; holdings.accounts().len()];
    let out = BreachBuffers { pools: &mut pools, positions: &mut positions, accounts: &mut accounts };
    let summary = check_limits(book, prices, limits, references, out, options).unwrap();
    Bits { pools, positions, accounts, summary }
}

const NONE: Limits = Limits {
    levels: Vec::new(),
    soft_stop: None,
    maintenance_share: None,
    max_leverage: None,
    concentration: None,
    liquidation: false,
    valuation: None,
};

#[test]
fn test_limits_of_pools_are_passed_just_beyond_equality() {
    // One bitcoin at 50,000 requires 1,250.
    let cases = [
        (2_500.0, 0),
        (2_499.999_999_99, 0b1),
        (1_875.0, 0b1),
        (1_874.999_999_99, 0b11),
        (1_500.0, 0b11),
        (1_250.0, 0b111),
        (1_249.999_999_99, 0b111 | Limits::LIQUIDATABLE),
        (-5.0, 0b111 | Limits::LIQUIDATABLE),
    ];
    let wallet = cases.iter().map(|(wallet, _)| *wallet).collect();
    let held = (0..8).map(|account| (account, BTC, 1.0, 50_000.0)).collect();
    let book = Rows { wallet, held, ..Rows::default() }.book();
    // In any order of levels.
    for levels in [vec![2.0, 1.5, 1.2], vec![1.2, 2.0, 1.5]] {
        let limits = Limits { levels, liquidation: true, ..NONE };
        let found = checked(&book, &prices(&book, 50_000.0, 1.0), &limits, &[], &Options::default());
        assert_eq!(found.pools, cases.map(|(_, bits)| bits));
        assert_eq!((found.positions, found.accounts), (vec![0; 8], vec![0; 8]));
        assert!(found.summary.n_exact >= 4);
    }
    let off = checked(&book, &prices(&book, 50_000.0, 1.0), &NONE, &[], &Options::default());
    assert_eq!(off.pools, [0; 8]);
}

#[test]
fn test_limits_of_accounts_are_passed_just_beyond_equality() {
    // 50,000 of each; ETH moves by a cent in the second account's prices only through its quantity.
    let held = vec![
        (0, BTC, 1.0, 50_000.0),
        (0, ETH, 20.0, 2_500.0),
        (1, BTC, 1.0, 50_000.0),
        (1, ETH, 19.999, 2_500.0),
        (2, BTC, 1.0, 50_000.0),
    ];
    let wallet = vec![10_000.0, 9_999.749_999_99, 8_500.0];
    let book = Rows { wallet, held, ..Rows::default() }.book();
    let limits = Limits {
        soft_stop: Some(0.15),
        maintenance_share: Some(0.125),
        max_leverage: Some(10.0),
        concentration: Some(0.5),
        ..NONE
    };
    let references = [f64::NAN, -1.0, 10_000.0];
    let found = checked(&book, &prices(&book, 50_000.0, 2_500.0), &limits, &references, &Options::default());
    // 100,000 is ten times 10,000; 99,997.5 is more than ten times 9,999.74999999; half of less is less than one of both.
    let second = Limits::MAX_LEVERAGE | Limits::CONCENTRATION;
    assert_eq!(found.accounts, [0, second, Limits::SOFT_STOP | Limits::CONCENTRATION]);
    // 1,250 is an eighth of 10,000, and more than an eighth of less.
    let share = Limits::MAINTENANCE_SHARE;
    assert_eq!(found.positions, [0, 0, share, 0, share]);
}

#[test]
fn test_limits_with_no_equity_are_passed_where_something_is_held() {
    let wallet = vec![1_000.0, -3.0];
    let book = Rows { wallet, held: vec![(0, BTC, 1.0, 50_000.0)], ..Rows::default() }.book();
    let limits = Limits { maintenance_share: Some(1.0), max_leverage: Some(1e6), ..NONE };
    let found = checked(&book, &prices(&book, 49_000.0, 1.0), &limits, &[], &Options::default());
    assert_eq!(found.positions, [Limits::MAINTENANCE_SHARE]);
    assert_eq!(found.accounts, [Limits::MAX_LEVERAGE, 0]);
}

#[test]
fn test_limits_unpriced_account_says_so_and_nothing_else() {
    let held = vec![(0, BTC, 1.0, 50_000.0), (1, ETH, 1.0, 50_000.0)];
    let book = Rows { wallet: vec![1_000.0, 1_000.0], held, ..Rows::default() }.book();
    let prices = prices(&book, 50_000.0, f64::NAN);
    let options = Options { missing: Missing::Null, ..Options::default() };
    let found = checked(&book, &prices, &Limits::default(), &[], &options);
    assert_eq!(found.pools, [0b111 | Limits::LIQUIDATABLE, Limits::UNPRICED]);
    assert_eq!(found.positions, [Limits::MAINTENANCE_SHARE, Limits::UNPRICED]);
    assert_eq!((found.accounts, found.summary.n_unpriced), (vec![0, Limits::UNPRICED], 1));
}

#[test]
fn test_limits_have_the_same_bits_with_any_number_of_threads() {
    let n = 3_000_u32;
    let wallet = (0..n).map(|account| f64::from(account % 977) * 4.0).collect();
    let held = (0..n).map(|account| (i64::from(account), i64::from(account % 2), 1.0, 50_000.0)).collect();
    let book = Rows { wallet, held, ..Rows::default() }.book();
    let limits = Limits { max_leverage: Some(20.0), concentration: Some(0.9), ..Limits::default() };
    let references: Vec<f64> = (0..n).map(|account| f64::from(account % 5) * 700.0).collect();
    let with = |threads| {
        let options = Options { threads: Some(threads), ..Options::default() };
        checked(&book, &prices(&book, 50_000.0, 50_100.0), &limits, &references, &options)
    };
    let one = with(1);
    assert!(one.accounts.iter().any(|bits| bits & Limits::SOFT_STOP != 0));
    assert_eq!(one, with(3));
}

/// What is said of a call on a book of one pool, with so many elements for the pools.
fn refused(limits: &Limits, references: &[f64], n: usize, btc: f64) -> Error {
    let book = Rows { wallet: vec![1.0], held: vec![(0, BTC, 1.0, 50_000.0)], ..Rows::default() }.book();
    let (mut pools, mut positions, mut accounts) = (vec![0; n], [0], [0]);
    let out = BreachBuffers { pools: &mut pools, positions: &mut positions, accounts: &mut accounts };
    check_limits(&book, &prices(&book, btc, 1.0), limits, references, out, &Options::default()).unwrap_err()
}

#[test]
fn test_limits_that_cannot_be_are_refused_by_name() {
    let text = |limits: Limits| refused(&limits, &[], 1, 1.0).to_string();
    assert!(text(Limits { levels: vec![0.0], ..NONE }).starts_with("levels had 0"));
    assert!(text(Limits { soft_stop: Some(1.0), ..NONE }).starts_with("soft_stop was 1"));
    let share = Limits { maintenance_share: Some(f64::NAN), ..NONE };
    assert_eq!(text(share), "maintenance_share was NaN, expected a positive share of the equity, such as 0.02");
    let most = Limits { max_leverage: Some(-1.0), ..NONE };
    assert_eq!(text(most), "max_leverage was -1, expected a positive number, such as 10");
    let share = Limits { concentration: Some(1.5), ..NONE };
    assert!(text(share).starts_with("concentration was 1.5, expected a share of the notional"));
    assert!(text(Limits { valuation: Some(99), ..NONE }).starts_with("valuation was 99"));
}

#[test]
fn test_limits_of_a_call_that_does_not_fit_its_book_are_refused_by_name() {
    let found = refused(&NONE, &[1.0, 2.0], 1, 1.0).to_string();
    assert_eq!(found, "references had 2 elements, expected 1, one per account");
    assert_eq!(refused(&NONE, &[], 2, 1.0).to_string(), "out.pools had 2 elements, expected 1");
    assert!(matches!(refused(&NONE, &[], 1, f64::NAN), Error::MissingPrice(_)));
}

fn fired(book: &Book, prices: &Prices, stops: Stops) -> Fired {
    fire_stops(book, prices, &stops).unwrap()
}

/// What the accounts own and owe after, at marks; orders that are left; positions that are left.
fn left(fired: &Fired) -> (Vec<f64>, usize, usize) {
    fired.ledger.tables(|tables| {
        (tables.balances.wallet_balance.to_vec(), tables.orders.quantity.len(), tables.positions.quantity.len())
    })
}

#[test]
fn test_stops_fire_at_their_trigger_and_not_before() {
    // Sells below, buys above; take-profits the other way round. All of one bitcoin at 50,000, long or short.
    let held = (0..4).map(|account| (account, BTC, if account % 2 == 0 { 1.0 } else { -1.0 }, 50_000.0)).collect();
    let orders = vec![
        (0, BTC, -1.0, NO, 49_000.0, "stop", true),
        (1, BTC, 1.0, NO, 51_000.0, "stop", true),
        (2, BTC, -1.0, NO, 51_000.0, "take_profit", true),
        (3, BTC, 1.0, NO, 49_000.0, "take_profit", true),
    ];
    let book = Rows { wallet: vec![9_000.0; 4], held, orders, ..Rows::default() }.book();
    let rows = |btc: f64| -> Vec<u32> {
        fired(&book, &prices(&book, btc, 1.0), Stops::default()).orders.iter().map(|of| of.row).collect()
    };
    assert_eq!(rows(49_000.01), [] as [u32; 0]);
    assert_eq!(rows(49_000.0), [0, 3]);
    assert_eq!(rows(50_999.99), [] as [u32; 0]);
    assert_eq!(rows(51_000.0), [1, 2]);
    let after = fired(&book, &prices(&book, 51_000.0, 1.0), Stops::default());
    assert_eq!(after.orders.iter().map(|of| of.realized_pnl).collect::<Vec<_>>(), [-1_000.0, 1_000.0]);
    assert_eq!(left(&after), (vec![9_000.0, 8_000.0, 10_000.0, 9_000.0], 2, 2));
}

#[test]
fn test_stops_fire_the_furthest_behind_first_and_reduce_no_more_than_there_is() {
    let orders = vec![
        (0, BTC, -0.6, NO, 48_000.0, "stop", true),
        (0, BTC, -0.7, NO, 49_000.0, "stop", true),
        (0, BTC, -0.5, NO, 47_500.0, "stop", true),
        (0, BTC, -0.1, NO, 46_000.0, "stop", true),
    ];
    let held = vec![(0, BTC, 1.0, 50_000.0)];
    let book = Rows { wallet: vec![9_000.0], held, orders, ..Rows::default() }.book();
    let found = fired(&book, &prices(&book, 47_000.0, 1.0), Stops::default());
    let said: Vec<_> = found.orders.iter().map(|of| (of.row, of.quantity, of.reason)).collect();
    assert_eq!(said, [(1, -0.7, Reason::Accepted), (0, -0.3, Reason::Accepted), (2, 0.0, Reason::NothingToReduce)]);
    // 3,000 lost on one bitcoin; the stop that was not reached is left.
    assert_eq!(left(&found), (vec![6_000.0], 1, 0));
}

#[test]
fn test_stops_fill_at_their_trigger_where_asked() {
    let orders = vec![(0, BTC, -1.0, NO, 49_000.0, "stop", true)];
    let held = vec![(0, BTC, 1.0, 50_000.0)];
    let book = Rows { wallet: vec![9_000.0], held, orders, ..Rows::default() }.book();
    let stops = Stops { fills: StopFill::Trigger, ..Stops::default() };
    let found = fired(&book, &prices(&book, 40_000.0, 1.0), stops);
    assert_eq!((found.orders[0].price, left(&found).0[0]), (49_000.0, 8_000.0));
}

#[test]
fn test_stops_with_a_limit_fill_at_it_or_rest() {
    let orders = vec![
        (0, BTC, -1.0, 47_800.0, 48_000.0, "stop", true),
        (1, BTC, -1.0, 47_400.0, 48_000.0, "stop", true),
        (2, BTC, 0.5, 47_400.0, 48_000.0, "take_profit", false),
    ];
    let held = vec![(0, BTC, 1.0, 50_000.0), (1, BTC, 1.0, 50_000.0)];
    let book = Rows { wallet: vec![9_000.0; 3], held, orders, ..Rows::default() }.book();
    let found = fired(&book, &prices(&book, 47_500.0, 1.0), Stops::default());
    let said: Vec<_> = found.orders.iter().map(|of| (of.rests, of.quantity, of.realized_pnl)).collect();
    assert_eq!(said, [(true, 0.0, 0.0), (false, -1.0, -2_600.0), (true, 0.0, 0.0)]);
    assert!(found.orders[0].price.is_nan());
    assert_eq!(found.orders[1].price.to_bits(), 47_400.0_f64.to_bits());
    assert_eq!(left(&found), (vec![9_000.0, 6_400.0, 9_000.0], 2, 1));
    // Those that rest wait for nothing any more.
    let book = found.ledger.to_book().unwrap();
    assert!(fired(&book, &prices(&book, 47_500.0, 1.0), Stops::default()).orders.is_empty());
}

#[test]
fn test_stops_that_open_go_through_the_gate_when_they_fire() {
    // 1 bitcoin at 52,000 takes 5,200 at ten times; the second finds the first's margin gone.
    let orders = vec![
        (0, BTC, 1.0, NO, 51_000.0, "stop", false),
        (0, BTC, 1.0, NO, 51_500.0, "stop", false),
        (0, BTC, 0.25, NO, 51_600.0, "stop", false),
    ];
    let book = Rows { wallet: vec![7_000.0], orders, ..Rows::default() }.book();
    let found = fired(&book, &prices(&book, 52_000.0, 1.0), Stops::default());
    let said: Vec<_> = found.orders.iter().map(|of| (of.row, of.quantity, of.reason)).collect();
    assert_eq!(said, [(0, 1.0, Reason::Accepted), (1, 0.0, Reason::Margin), (2, 0.25, Reason::Accepted)]);
    assert_eq!(left(&found), (vec![7_000.0], 0, 1));
}

#[test]
fn test_stops_of_isolated_positions_lose_no_more_than_is_fenced() {
    let orders = vec![(0, BTC, -1.0, NO, 46_000.0, "stop", true), (1, BTC, -1.0, NO, 46_000.0, "stop", true)];
    let held = vec![(0, BTC, 1.0, 50_000.0), (1, BTC, 1.0, 50_000.0)];
    let book = Rows { wallet: vec![9_000.0; 2], held, isolated: true, orders }.book();
    let found = fired(&book, &prices(&book, 45_500.0, 1.0), Stops::default());
    assert_eq!((found.orders[0].realized_pnl, left(&found).0[0]), (-4_500.0, 4_500.0));
    // A loss of 5,500 is more than the 5,000 that are fenced: nothing is booked, and the stop is gone.
    let found = fired(&book, &prices(&book, 44_500.0, 1.0), Stops::default());
    assert_eq!((found.orders[1].reason, found.orders[1].quantity), (Reason::Fill, 0.0));
    assert_eq!(left(&found), (vec![9_000.0; 2], 0, 2));
}

#[test]
fn test_stops_without_prices_or_fees_are_refused_by_name() {
    let orders = vec![(0, ETH, 1.0, NO, 51_000.0, "stop", false)];
    let book = Rows { wallet: vec![7_000.0], orders, ..Rows::default() }.book();
    let found = fire_stops(&book, &prices(&book, 52_000.0, f64::NAN), &Stops::default()).unwrap_err();
    let Error::MissingPrice(missing) = found else { panic!("{found}") };
    assert_eq!(missing.instruments, ["ETHUSDT"]);
    let stops = Stops { fee: Some(FillFee::Taker), ..Stops::default() };
    let found = fire_stops(&book, &prices(&book, 52_000.0, 1.0), &stops).unwrap_err();
    assert!(found.to_string().starts_with("fee was \"taker\", and the market states no trading fees"), "{found}");
}
