//! Tables, prices and buffers of anything: refused by a typed error, or scored; never a panic.

use std::sync::Arc;

use crossmargin::book::{
    Accounts, Balances, Duplicates, Keys, NO_KEY, OnError, Orders, Positions, QuantityUnit, Settings, Tables, TextKeys,
};
use crossmargin::score::{Buffers, Column, Missing, Options, score, score_positions};
use crossmargin::{Book, Error, Market, Prices};
use proptest::prelude::*;

use super::{PRESETS, config};

/// The ends of the numbers, and what no number of a book may be.
const EXTREMES: [f64; 16] = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    f64::NAN,
    f64::INFINITY,
    f64::NEG_INFINITY,
    f64::MIN_POSITIVE,
    5e-324,
    f64::MAX,
    1e-77,
    -1e-77,
    1e-78,
    1.1e77,
    -1.1e77,
    1.2e77,
];

fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        80 => (1..10_000_u32).prop_map(|n| f64::from(n) / 16.0),
        3 => prop::sample::select(EXTREMES.to_vec()),
        1 => any::<u64>().prop_map(f64::from_bits),
    ]
}

/// Names that a market has, and others.
const NAMES: [&str; 12] =
    ["BTCUSDT", "USDT", "cross", "isolated", "net", "long", "short", "limit", "one_way", "hedge", "", "\u{0}ü"];

/// Columns of a table whose rows are `n`, but for an accident.
#[derive(Debug, Clone)]
struct Columns {
    keys: Vec<Vec<i64>>,
    codes: Vec<Vec<u32>>,
    numbers: Vec<Vec<f64>>,
    flags: Vec<bool>,
    /// Which columns are given, by bit.
    given: u16,
    /// Whether keys are names.
    named: bool,
}

fn columns() -> impl Strategy<Value = Columns> {
    (0..5_usize, prop::bool::weighted(0.02)).prop_flat_map(|(n, accident)| {
        let length = if accident { 0..n + 2 } else { n..n + 1 };
        let key = || prop_oneof![60 => 0..3_i64, 1 => any::<i64>()];
        let last = u32::try_from(NAMES.len()).unwrap();
        let code = || prop_oneof![2 => 0..last, 20 => Just(NO_KEY), 1 => any::<u32>()];
        let column = || prop::collection::vec(number(), length.clone());
        (
            prop::collection::vec(prop::collection::vec(key(), length.clone()), 2),
            prop::collection::vec(prop::collection::vec(code(), length.clone()), 3),
            prop::collection::vec(column(), 5),
            prop::collection::vec(any::<bool>(), length.clone()),
            prop_oneof![Just(0_u16), any::<u16>()],
            prop::bool::weighted(0.1),
        )
            .prop_map(|(keys, codes, numbers, flags, given, named)| Columns {
                keys,
                codes,
                numbers,
                flags,
                given,
                named,
            })
    })
}

impl Columns {
    fn key<'a>(&'a self, at: usize, names: &'a [String]) -> Keys<'a> {
        if self.named { Keys::Text(TextKeys { codes: &self.codes[at], names }) } else { Keys::Int(&self.keys[at]) }
    }

    fn has(&self, bit: u16) -> bool {
        self.given >> bit & 1 == 1
    }

    fn number(&self, at: usize, bit: u16) -> Option<&[f64]> {
        self.has(bit).then_some(&self.numbers[at])
    }

    fn text<'a>(&'a self, at: usize, bit: u16, names: &'a [String]) -> Option<TextKeys<'a>> {
        self.has(bit).then_some(TextKeys { codes: &self.codes[at], names })
    }
}

/// Five tables and the ways to read them.
#[derive(Debug, Clone)]
struct Given {
    tables: Vec<Columns>,
    in_base: bool,
    merges: bool,
}

fn given() -> impl Strategy<Value = Given> {
    (prop::collection::vec(columns(), 5), any::<bool>(), any::<bool>()).prop_map(|(tables, in_base, merges)| Given {
        tables,
        in_base,
        merges,
    })
}

impl Given {
    fn tables<'a>(&'a self, names: &'a [String]) -> Tables<'a> {
        let [balances, positions, orders, accounts, settings] = [0, 1, 2, 3, 4].map(|at| &self.tables[at]);
        Tables {
            balances: Balances {
                account: balances.key(0, names),
                asset: balances.key(1, names),
                wallet_balance: &balances.numbers[0],
                bonus: balances.number(1, 0),
                borrowed: balances.number(2, 1),
            },
            positions: Positions {
                account: positions.key(0, names),
                instrument: positions.key(1, names),
                quantity: &positions.numbers[0],
                entry_price: &positions.numbers[1],
                leverage: positions.number(2, 0),
                isolated_margin: positions.number(3, 1),
                margin_mode: positions.text(0, 2, names),
                position_side: positions.text(1, 3, names),
                tier_version: positions.text(2, 4, names),
                tier: positions.number(4, 5),
            },
            orders: Orders {
                account: orders.key(0, names),
                instrument: orders.key(1, names),
                quantity: &orders.numbers[0],
                price: &orders.numbers[1],
                leverage: orders.number(2, 0),
                trigger_price: orders.number(3, 1),
                reduce_only: orders.has(2).then_some(&orders.flags),
                position_side: orders.text(0, 3, names),
                margin_mode: orders.text(1, 4, names),
                kind: orders.text(2, 5, names),
            },
            accounts: Accounts {
                account: accounts.key(0, names),
                profile: accounts.text(0, 0, names),
                tier_coefficient: accounts.number(0, 1),
                margin_mode: accounts.text(1, 2, names),
                position_mode: accounts.text(2, 3, names),
            },
            settings: Settings {
                account: settings.key(0, names),
                instrument: settings.key(1, names),
                leverage: settings.number(0, 0),
                margin_mode: settings.text(0, 1, names),
            },
            quantity_unit: if self.in_base { QuantityUnit::Base } else { QuantityUnit::Contracts },
            duplicates: if self.merges { Duplicates::Merge } else { Duplicates::Refuse },
        }
    }
}

/// Prices of anything that a price may be, the ends of the range included.
fn usable(market: &Market, marks: &[f64]) -> Prices {
    let price = |at: usize| marks.get(at).copied().filter(|mark| (1e-77..=1.1e77).contains(mark)).unwrap_or(f64::NAN);
    let marks: Vec<f64> = (0..market.instruments().len()).map(price).collect();
    let index = (0..market.assets().len()).map(price).collect();
    let last = marks.clone();
    Prices::new(market, marks, index).unwrap().with_last(market, last).unwrap()
}

/// Scores all that can be asked of a book; figures of priced pools are no infinities but where a ratio has no bound.
fn score_all(book: &Book, prices: &Prices) -> Result<(), TestCaseError> {
    let n = book.holdings().n_pools();
    let mut columns = Column::ALL.map(|_| vec![f64::MAX; n]);
    let (mut liquidatable, mut unpriced) = (vec![true; n], vec![true; n]);
    let buffers = Buffers {
        columns: Column::ALL.into_iter().zip(columns.iter_mut().map(Vec::as_mut_slice)).collect(),
        liquidatable: Some(&mut liquidatable),
        unpriced: Some(&mut unpriced),
    };
    let options = Options { missing: Missing::Null, threads: Some(2), ..Options::default() };
    let summary = score(book, prices, buffers, &options);
    prop_assert_eq!(summary.map(|s| s.n_unpriced), Ok(unpriced.iter().filter(|&&flag| flag).count()));
    for (column, figures) in Column::ALL.iter().zip(&columns) {
        if !matches!(column, Column::MarginRatio | Column::VenueRatio) {
            prop_assert!(!figures.iter().any(|x| x.is_infinite()), "{column:?} {figures:?}");
        }
        prop_assert!(!figures.contains(&f64::MAX), "{column:?} was not written");
    }
    prop_assert!(score_positions(book, prices, Missing::Null).is_ok());
    let found = score_positions(book, prices, Missing::Refuse).map(drop);
    prop_assert!(matches!(found, Ok(()) | Err(Error::MissingPrice(_))), "{found:?}");
    Ok(())
}

fn check(market: &Arc<Market>, given: &Given, prices: &Prices) -> Result<(), TestCaseError> {
    let names = NAMES.map(str::to_owned);
    let refusing = Book::build(Arc::clone(market), given.tables(&names), OnError::Refuse);
    let rejecting = Book::build(Arc::clone(market), given.tables(&names), OnError::Reject);
    match (&refusing, &rejecting) {
        (Ok((book, _)), Ok((other, rejected))) => {
            prop_assert_eq!(rejected, &crossmargin::book::Rejected::default());
            prop_assert_eq!(book.holdings().n_pools(), other.holdings().n_pools());
            score_all(book, prices)
        }
        (Err(Error::Book(faults)), Ok((book, rejected))) => {
            prop_assert!(faults.n_faults >= 1 && faults.faults.len() as u64 <= faults.n_faults);
            prop_assert!(rejected.faults.is_some());
            score_all(book, prices)
        }
        (Err(Error::Argument(_)), Err(Error::Argument(_))) => Ok(()),
        (refusing, rejecting) => {
            let (a, b) = (refusing.as_ref().map(drop), rejecting.as_ref().map(drop));
            Err(TestCaseError::fail(format!("refusing: {a:?}, rejecting: {b:?}")))
        }
    }
}

#[test]
fn test_book_columns_of_unequal_length_are_refused_where_accounts_may_be_dropped() {
    let settings = Settings { account: Keys::Int(&[1]), ..Settings::default() };
    let tables = Tables { settings, ..Tables::default() };
    for on_error in [OnError::Refuse, OnError::Reject] {
        let found = Book::build(Arc::clone(&PRESETS[0]), tables, on_error).map(drop);
        assert!(matches!(found, Err(Error::Argument(_))), "{found:?}");
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn test_book_tables_of_anything_are_scored_or_refused_by_name(
        market in 0..PRESETS.len(), given in given(), marks in prop::collection::vec(number(), 4)
    ) {
        let market = &PRESETS[market];
        check(market, &given, &usable(market, &marks))?;
    }

    #[test]
    fn test_prices_of_anything_are_taken_or_refused_by_name(
        market in 0..PRESETS.len(), prices in prop::collection::vec(number(), 0..5), cut in 0..3_usize,
        names in prop::collection::vec(prop::sample::select(NAMES.to_vec()), 5),
    ) {
        let market = &PRESETS[market];
        let refused = |found: &Result<Prices, Error>| matches!(found, Ok(_) | Err(Error::Price(_) | Error::Argument(_)));
        let n = (market.instruments().len() + 1).saturating_sub(cut);
        let marks: Vec<f64> = (0..n).map(|at| prices.get(at).copied().unwrap_or(1.0)).collect();
        let by_place = Prices::new(market, marks.clone(), prices.clone());
        prop_assert!(refused(&by_place), "{by_place:?}");
        let named: Vec<(&str, f64)> = names.into_iter().zip(prices).collect();
        let by_name = Prices::by_name(market, &named, &named);
        prop_assert!(refused(&by_name), "{by_name:?}");
        let taken = Prices::by_name(market, &[], &[]).unwrap();
        prop_assert!(refused(&taken.clone().with_last(market, marks)));
        prop_assert!(refused(&taken.last_by_name(market, &named)));
        if let Ok(found) = by_place {
            prop_assert!(found.mark().iter().all(|mark| mark.is_nan() || (*mark > 0.0 && mark.is_finite())));
        }
    }

    #[test]
    fn test_score_buffers_of_anything_are_filled_or_left_alone(
        lengths in prop::collection::vec(0..4_usize, 4), which in prop::collection::vec(0..Column::ALL.len(), 2),
        others in any::<bool>(), threads in prop_oneof![Just(0_usize), Just(1), Just(9)], claim in 0..3_usize,
    ) {
        let market = &PRESETS[0];
        let keys = [1, 2];
        let balances = Balances {
            account: Keys::Int(&keys), asset: Keys::Int(&[0, 0]), wallet_balance: &[1.0, 2.0], ..Balances::default()
        };
        let tables = Tables { balances, ..Tables::default() };
        let (book, _) = Book::build(Arc::clone(market), tables, OnError::Refuse).unwrap();
        let priced = if others { &PRESETS[1] } else { market };
        let prices = Prices::new(priced, vec![1.0; priced.instruments().len()], vec![]).unwrap();
        let mut columns: Vec<Vec<f64>> = lengths[..2].iter().map(|&n| vec![f64::MAX; n]).collect();
        let (mut first, mut second) = (vec![true; lengths[2]], vec![true; lengths[3]]);
        let buffers = Buffers {
            columns: which.iter().map(|&at| Column::ALL[at]).zip(columns.iter_mut().map(Vec::as_mut_slice)).collect(),
            liquidatable: Some(&mut first),
            unpriced: Some(&mut second),
        };
        let options = Options { threads: Some(threads), windows_per_claim: Some(claim), ..Options::default() };
        match score(&book, &prices, buffers, &options) {
            Ok(_) => {
                prop_assert!(lengths.iter().all(|&n| n == 2));
                prop_assert_eq!((first, second), (vec![false; 2], vec![false; 2]));
            }
            Err(Error::Argument(_)) => {
                prop_assert!(columns.iter().flatten().all(|&x| x.to_bits() == f64::MAX.to_bits()));
                prop_assert!(first.iter().chain(&second).all(|&flag| flag));
            }
            Err(other) => return Err(TestCaseError::fail(format!("{other:?}"))),
        }
    }
}
