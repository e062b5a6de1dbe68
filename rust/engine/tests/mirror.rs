//! A leader's orders for followers: sizes in proportion, what is cut, what is closed, and the book with them.
#![expect(clippy::unwrap_used, reason = "what cannot be built fails the test")]

use std::sync::Arc;

use crossmargin::book::{Balances, Keys, OnError, Orders, Positions, Tables};
use crossmargin::order::{
    Asked, Assume, FillFee, Followers, Gate, Largest, MirrorBy, Mirrored, Proposed, Reason, check_order, max_orders,
    mirror,
};
use crossmargin::score::Options;
use crossmargin::{Book, Market, Prices};

/// At 60,000 and leverage 10 a coin takes 6,000.
const MARK: f64 = 60_000.0;

/// Accounts by wallet and position.
fn book(accounts: &[(f64, f64)]) -> (Book, Prices) {
    let market = Arc::new(Market::preset("binance-usdm", None).unwrap());
    let index = |found: Option<usize>| i64::try_from(found.unwrap()).unwrap();
    let (usdt, btc) = (index(market.asset_index("USDT")), index(market.instrument_index("BTCUSDT")));
    let keys: Vec<i64> = (100..).take(accounts.len()).collect();
    let wallets: Vec<f64> = accounts.iter().map(|account| account.0).collect();
    let held: Vec<(i64, f64)> =
        keys.iter().zip(accounts).map(|(key, of)| (*key, of.1)).filter(|of| of.1 != 0.0).collect();
    let (holders, quantity): (Vec<i64>, Vec<f64>) = held.into_iter().unzip();
    let tables = Tables {
        balances: Balances {
            account: Keys::Int(&keys),
            asset: Keys::Int(&vec![usdt; keys.len()]),
            wallet_balance: &wallets,
            ..Balances::default()
        },
        positions: Positions {
            account: Keys::Int(&holders),
            instrument: Keys::Int(&vec![btc; quantity.len()]),
            entry_price: &vec![MARK; quantity.len()],
            leverage: Some(&vec![10.0; quantity.len()]),
            quantity: &quantity,
            ..Positions::default()
        },
        ..Tables::default()
    };
    let prices = Prices::by_name(&market, &[("BTCUSDT", MARK)], &[]).unwrap();
    (Book::build(market, tables, OnError::Refuse).unwrap().0, prices)
}

/// What the leader, the first account, does at the market: quantities, and whether they only reduce.
struct Rows {
    account: Vec<i64>,
    instrument: Vec<i64>,
    quantity: Vec<f64>,
    price: Vec<f64>,
    leverage: Vec<f64>,
    reduce_only: Vec<bool>,
}

impl Rows {
    fn new(book: &Book, rows: &[(f64, bool)]) -> Self {
        let btc = i64::try_from(book.market().instrument_index("BTCUSDT").unwrap()).unwrap();
        let n = rows.len();
        Self {
            account: vec![100; n],
            instrument: vec![btc; n],
            quantity: rows.iter().map(|row| row.0).collect(),
            price: vec![f64::NAN; n],
            leverage: vec![10.0; n],
            reduce_only: rows.iter().map(|row| row.1).collect(),
        }
    }

    fn lend(&self) -> Orders<'_> {
        Orders {
            account: Keys::Int(&self.account),
            instrument: Keys::Int(&self.instrument),
            quantity: &self.quantity,
            price: &self.price,
            leverage: Some(&self.leverage),
            reduce_only: Some(&self.reduce_only),
            ..Orders::default()
        }
    }
}

fn follow(of: &(Book, Prices), rows: &Rows, followers: &Followers<'_>, gate: Gate) -> Mirrored {
    mirror(&of.0, &of.1, &rows.lend(), followers, &gate, &Options::default()).unwrap()
}

/// Wanted, let in, cut, and why.
fn said(mirrored: &Mirrored) -> Vec<(f64, f64, bool, Reason)> {
    mirrored.rows.iter().map(|row| (row.wanted, row.quantity, row.cut, row.reason)).collect()
}

#[test]
fn test_mirror_by_equity_is_in_proportion_down_to_the_lot() {
    let of = book(&[(10_000.0, 0.0), (2_500.0, 0.0), (3.0, 0.0), (0.0001, 0.0), (-1.0, 0.0)]);
    let rows = Rows::new(&of.0, &[(0.5, false), (-0.1, false)]);
    let followers = Followers {
        leader: 0,
        accounts: &[1, 2, 3, 4],
        by: MirrorBy::Equity,
        factor: &[1.0, 1.0, 1.0, 1.0],
        cut: true,
    };
    let mirrored = follow(&of, &rows, &followers, Gate::default());
    // 0.5 * 3 / 10,000 is 0.00015, which takes 0.9 of 3; a ten-thousandth of a dollar follows with nothing.
    assert_eq!(
        said(&mirrored),
        [
            (0.125, 0.125, false, Reason::Accepted),
            (0.000_15, 0.000_15, false, Reason::Accepted),
            (0.0, 0.0, false, Reason::Lot),
            (0.0, 0.0, false, Reason::Margin),
            (-0.025, -0.025, false, Reason::Accepted),
            (-0.000_03, -0.000_03, false, Reason::Accepted),
            (0.0, 0.0, false, Reason::Lot),
            (0.0, 0.0, false, Reason::Margin),
        ]
    );
    let order: Vec<(u32, u32)> = mirrored.rows.iter().map(|row| (row.leader_row, row.account)).collect();
    assert_eq!(order, [(0, 1), (0, 2), (0, 3), (0, 4), (1, 1), (1, 2), (1, 3), (1, 4)]);
    // Sells that the buys could turn around take nothing more.
    assert_eq!((mirrored.rows[0].cost, mirrored.rows[4].cost), (750.0, 0.0));
}

#[test]
fn test_mirror_beyond_the_margin_is_cut_to_the_largest_or_refused() {
    let of = book(&[(10_000.0, 0.0), (100.0, 0.0)]);
    let rows = Rows::new(&of.0, &[(0.01, false), (0.5, false), (0.5, false)]);
    let mut followers = Followers { leader: 0, accounts: &[1], by: MirrorBy::Factor, factor: &[1.0], cut: true };
    // 60 of 100 are taken; of the second row 40 / 6,000 are left, of the third nothing.
    let cut = follow(&of, &rows, &followers, Gate::default());
    assert_eq!(
        said(&cut),
        [
            (0.01, 0.01, false, Reason::Accepted),
            (0.5, 0.006_666_66, true, Reason::Margin),
            (0.5, 0.0, false, Reason::Margin),
        ]
    );
    followers.cut = false;
    let refused = follow(&of, &rows, &followers, Gate::default());
    assert_eq!(said(&refused)[1..], [(0.5, 0.0, false, Reason::Margin), (0.5, 0.0, false, Reason::Margin)]);
    // What is cut is what the largest order is of the book with the rows before.
    let first = Mirrored { rows: cut.rows[..1].to_vec() };
    let before = first.applied(&of.0, &of.1, &rows.lend(), &Gate::default()).unwrap().book;
    let order = Proposed { leverage: 10.0, ..Proposed::market(u32::try_from(rows.instrument[0]).unwrap(), 1.0) };
    let mut found = [Largest::NONE];
    max_orders(&before, &of.1, Some(&[1]), &Asked::of(order), &mut found, &Options::default()).unwrap();
    assert_eq!((found[0].quantity, found[0].binding), (cut.rows[1].quantity, cut.rows[1].reason));
    let same = check_order(&before, &of.1, 1, &Proposed { quantity: 0.006_666_66, ..order }).unwrap();
    assert_eq!((same.reason, same.cost.to_bits()), (Reason::Accepted, cut.rows[1].cost.to_bits()));
}

#[test]
fn test_mirror_of_what_only_closes_is_at_most_the_position() {
    let of = book(&[(10_000.0, 1.0), (10_000.0, 0.3), (10_000.0, 0.0), (100_000.0, 5.0), (10_000.0, 0.123_456_789_1)]);
    let followers =
        Followers { leader: 0, accounts: &[1, 2, 3, 4], by: MirrorBy::Factor, factor: &[1.0; 4], cut: true };
    let gate = Gate { assume: Assume::Filled, fee: Some(FillFee::None), ..Gate::default() };
    for reduces in [false, true] {
        let rows = Rows::new(&of.0, &[(-1.0, reduces)]);
        let closed = follow(&of, &rows, &followers, gate);
        assert_eq!(
            said(&closed),
            [
                (-0.3, -0.3, false, Reason::Accepted),
                (0.0, 0.0, false, Reason::NothingToReduce),
                (-1.0, -1.0, false, Reason::Accepted),
                (-0.123_456_789_1, -0.123_456_789_1, false, Reason::Accepted),
            ]
        );
        let after = closed.applied(&of.0, &of.1, &rows.lend(), &gate).unwrap();
        assert_eq!(after.changed, [1, 3, 4]);
        let holdings = after.book.holdings();
        let left: Vec<f64> = (0..holdings.n_positions()).map(|at| holdings.quantity(at)).collect();
        assert_eq!(left, [1.0, 4.0]);
    }
    // What turns the leader around opens for those who have nothing.
    let turned = follow(&of, &Rows::new(&of.0, &[(-1.5, false)]), &followers, gate);
    assert_eq!(said(&turned)[..2], [(-1.5, -1.5, false, Reason::Accepted), (-1.5, -1.5, false, Reason::Accepted)]);
    // After half of it was sold, another one turns around.
    let rows = Rows::new(&of.0, &[(-0.5, false), (-1.0, false)]);
    let both = follow(&of, &rows, &followers, gate);
    assert_eq!(said(&both)[..2], [(-0.3, -0.3, false, Reason::Accepted), (0.0, 0.0, false, Reason::NothingToReduce)]);
    assert_eq!(said(&both)[4..6], [(-1.0, -1.0, false, Reason::Accepted); 2]);
}

#[test]
fn test_mirror_of_no_question_is_refused() {
    let of = book(&[(-10.0, 0.0), (100.0, 0.0)]);
    let rows = Rows::new(&of.0, &[(0.01, false)]);
    let good = Followers { leader: 0, accounts: &[1], by: MirrorBy::Factor, factor: &[1.0], cut: true };
    let refused = |followers: Followers<'_>| {
        let found = mirror(&of.0, &of.1, &rows.lend(), &followers, &Gate::default(), &Options::default());
        found.unwrap_err().to_string()
    };
    assert_eq!(refused(Followers { leader: 2, ..good }), "leader was 2, expected a number below 2");
    assert_eq!(refused(Followers { accounts: &[7], ..good }), "followers had 7, expected numbers below 2");
    let expected = "factor had 0 elements, expected 1, one for each follower";
    assert_eq!(refused(Followers { factor: &[], ..good }), expected);
    assert_eq!(refused(Followers { factor: &[0.0], ..good }), "factor was 0, expected a positive number");
    let expected = "leader has an equity of -10, nothing to be in proportion to";
    assert_eq!(refused(Followers { by: MirrorBy::Equity, ..good }), expected);
}
