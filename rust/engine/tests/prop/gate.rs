//! Laws of the gate: company, order and threads change no decision, a table is its rows, equality fits and one step less does
//! not, and figures after an order are those of the book that has it.

use std::sync::Arc;

use crossmargin::book::{AccountKeys, Keys, NO_KEY, OnError, Orders, Tables, TextKeys};
use crossmargin::order::{
    AfterColumn, Assume, DecisionBuffers, Gate, OnFault, Proposed, Reason, applied, check_order, check_orders,
};
use crossmargin::score::{Buffers, Column, Missing, Options, score};
use crossmargin::{Book, Error, Market, Prices};
use proptest::prelude::*;
use proptest::sample::Index;

use super::laws::{accounts, eighths, moment, preset, prices, rows, shuffled};
use super::{PRESETS, config};

/// A row: account, instrument, quantity, limit, leverage, whether it only reduces, and whether it is isolated.
type Row = (i64, i64, f64, f64, f64, bool, Option<bool>);

/// The same before it is known what there is: which account and instrument, and eighths of a contract.
type Drawn = (Index, Index, i32, f64, f64, bool, Option<bool>);

fn proposals() -> impl Strategy<Value = Vec<Drawn>> {
    let quantity = prop_oneof![-800..0, 1..800];
    let price = prop_oneof![2 => eighths(2_000), 1 => Just(f64::NAN)];
    let leverage = prop_oneof![4 => (1..=20_u32).prop_map(f64::from), 1 => Just(f64::NAN)];
    let mode = prop_oneof![4 => Just(None), 1 => any::<bool>().prop_map(Some)];
    let row = (any::<Index>(), any::<Index>(), quantity, price, leverage, prop::bool::weighted(0.2), mode);
    prop::collection::vec(row, 1..8)
}

/// Drawn proposals as rows of the accounts of a book.
fn placed(book: &Book, drawn: &[Drawn]) -> Vec<Row> {
    let AccountKeys::Int(keys) = book.holdings().accounts() else { return Vec::new() };
    if keys.is_empty() {
        return Vec::new();
    }
    let n = book.market().instruments().len().min(6);
    let row = |&(account, instrument, quantity, price, leverage, reduces, mode): &Drawn| {
        let instrument = i64::try_from(instrument.index(n)).unwrap();
        (keys[account.index(keys.len())], instrument, f64::from(quantity) / 8.0, price, leverage, reduces, mode)
    };
    drawn.iter().map(row).collect()
}

/// What is decided about a row, as bits.
type Decided = (u32, u8, [u64; 4], Vec<u64>);

/// Columns of rows.
struct Table {
    keys: [Vec<i64>; 2],
    reals: [Vec<f64>; 3],
    reduces: Vec<bool>,
    modes: Vec<u32>,
    names: [String; 2],
}

impl Table {
    fn new(rows: &[Row]) -> Self {
        Self {
            keys: [rows.iter().map(|row| row.0).collect(), rows.iter().map(|row| row.1).collect()],
            reals: [
                rows.iter().map(|row| row.2).collect(),
                rows.iter().map(|row| row.3).collect(),
                rows.iter().map(|row| row.4).collect(),
            ],
            reduces: rows.iter().map(|row| row.5).collect(),
            modes: rows.iter().map(|row| row.6.map_or(NO_KEY, u32::from)).collect(),
            names: ["cross", "isolated"].map(str::to_owned),
        }
    }

    fn lend(&self) -> Orders<'_> {
        let [quantity, price, leverage] = &self.reals;
        Orders {
            account: Keys::Int(&self.keys[0]),
            instrument: Keys::Int(&self.keys[1]),
            quantity,
            price,
            leverage: Some(leverage),
            reduce_only: Some(&self.reduces),
            margin_mode: Some(TextKeys { codes: &self.modes, names: &self.names }),
            ..Orders::default()
        }
    }
}

const AFTER: [Column; 3] = [Column::MarginRatio, Column::InitialMargin, Column::Available];

fn decided(book: &Book, prices: &Prices, rows: &[Row], assume: Assume, threads: usize) -> Vec<Decided> {
    let (table, n) = (Table::new(rows), rows.len());
    let (mut accepted, mut reason, mut violations) = (vec![false; n], vec![0; n], vec![0; n]);
    let mut reals = [(); 4].map(|()| vec![0.0; n]);
    let mut after = AFTER.map(|_| vec![0.0; n]);
    let [cost, available, short, opening] = &mut reals;
    let out = DecisionBuffers {
        cost: Some(cost),
        available: Some(available),
        short: Some(short),
        opening: Some(opening),
        violations: Some(&mut violations),
        after: AFTER.into_iter().map(AfterColumn::Figure).zip(after.iter_mut().map(Vec::as_mut_slice)).collect(),
        ..DecisionBuffers::new(&mut accepted, &mut reason)
    };
    let gate = Gate { assume, on_fault: OnFault::Reject, violations: true, ..Gate::default() };
    let options = Options { missing: Missing::Null, threads: Some(threads), ..Options::default() };
    check_orders(book, prices, &table.lend(), &gate, out, &options).unwrap();
    let row = |at: usize| {
        let after = after.iter().map(|column| column[at].to_bits()).collect();
        (violations[at], reason[at], [0, 1, 2, 3].map(|k| reals[k][at].to_bits()), after)
    };
    (0..n).map(row).collect()
}

fn assume() -> impl Strategy<Value = Assume> {
    prop::sample::select(Assume::ALL.to_vec())
}

/// The textbook with one account of so much cash.
fn alone(wallet: f64) -> Book {
    let market = Arc::new(Market::preset("textbook", None).unwrap());
    let balances = crossmargin::book::Balances {
        account: Keys::Int(&[1]),
        asset: Keys::Int(&[0]),
        wallet_balance: &[wallet],
        ..crossmargin::book::Balances::default()
    };
    Book::build(market, Tables { balances, ..Tables::default() }, OnError::Refuse).unwrap().0
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn test_gate_neither_company_nor_order_nor_threads_change_a_decision(
        preset in preset(), drawn in accounts(), moment in moment(), asked in proposals(), how in assume(),
        order in prop::collection::vec(any::<u64>(), 24)
    ) {
        let market = &PRESETS[preset];
        let (held, prices) = (rows(&drawn, market), prices(market, &moment));
        let book = held.book(market, Some(8));
        let asked = placed(&book, &asked);
        let all = decided(&book, &prices, &asked, how, 1);
        // Accounts in another order, those of one account in their own.
        let mut accounts: Vec<i64> = asked.iter().map(|row| row.0).collect();
        accounts.sort_unstable();
        accounts.dedup();
        let mut by_account: Vec<(Row, Decided)> = Vec::new();
        for account in shuffled(&accounts, &order) {
            let of = |at: &usize| asked[*at].0 == account;
            by_account.extend((0..asked.len()).filter(of).map(|at| (asked[at], all[at].clone())));
            let own: Vec<Row> = asked.iter().copied().filter(|row| row.0 == account).collect();
            let expected: Vec<Decided> = (0..asked.len()).filter(of).map(|at| all[at].clone()).collect();
            let one = held.of(account).book(market, None);
            prop_assert_eq!(&decided(&one, &prices, &own, how, 1), &expected);
        }
        let (other, expected): (Vec<Row>, Vec<Decided>) = by_account.into_iter().unzip();
        prop_assert_eq!(&decided(&book, &prices, &other, how, 3), &expected);
    }

    #[test]
    fn test_gate_one_order_is_the_row_of_a_table(
        preset in preset(), drawn in accounts(), moment in moment(), asked in proposals()
    ) {
        let market = &PRESETS[preset];
        let prices = prices(market, &moment);
        let book = rows(&drawn, market).book(market, None);
        for row in placed(&book, &asked) {
            let (bits, _, reals, _) = decided(&book, &prices, &[row], Assume::Resting, 1).remove(0);
            let AccountKeys::Int(keys) = book.holdings().accounts() else { continue };
            let account = keys.iter().position(|&key| key == row.0).unwrap();
            let order = Proposed {
                price: row.3,
                leverage: row.4,
                reduce_only: row.5,
                isolated: row.6,
                ..Proposed::market(u32::try_from(row.1).unwrap(), row.2)
            };
            match check_order(&book, &prices, account, &order) {
                Ok(verdict) => {
                    prop_assert_eq!(verdict.reason, Reason::ALL[bits.trailing_zeros() as usize % 32 % Reason::ALL.len()]);
                    let of = [verdict.cost, verdict.available, verdict.short, verdict.opening].map(f64::to_bits);
                    prop_assert_eq!(of, reals);
                }
                Err(Error::MissingPrice(_)) => prop_assert_eq!(bits, Reason::Unpriced.bit()),
                Err(other) => return Err(TestCaseError::fail(other.to_string())),
            }
        }
    }

    #[test]
    fn test_gate_figures_after_an_order_are_those_of_the_book_that_has_it(
        preset in preset(), drawn in accounts(), moment in moment(), asked in proposals(), how in assume()
    ) {
        let market = &PRESETS[preset];
        let prices = prices(market, &moment);
        let book = rows(&drawn, market).book(market, None);
        for row in placed(&book, &asked) {
            let (bits, _, _, after) = decided(&book, &prices, &[row], how, 1).remove(0);
            if bits != 0 {
                continue;
            }
            let gate = Gate { assume: how, ..Gate::default() };
            let with = applied(&book, &Table::new(&[row]).lend(), &[true], &gate, &prices).unwrap().book;
            let n = with.holdings().n_pools();
            let mut columns = AFTER.map(|_| vec![0.0; n]);
            let columns_of = AFTER.into_iter().zip(columns.iter_mut().map(Vec::as_mut_slice)).collect();
            let buffers = Buffers { columns: columns_of, liquidatable: None, unpriced: None };
            score(&with, &prices, buffers, &Options { missing: Missing::Null, ..Options::default() }).unwrap();
            let AccountKeys::Int(keys) = with.holdings().accounts() else { continue };
            let account = keys.iter().position(|&key| key == row.0).unwrap();
            let settle = market.instruments()[usize::try_from(row.1).unwrap()].settle();
            let joint = market.rules().cross_pool() == crossmargin::market::CrossPool::PerAccount;
            let own = |pool: &usize| {
                with.holdings().kind(*pool) == crossmargin::book::PoolKind::Cross
                    && (joint || with.holdings().asset(*pool) == settle)
            };
            let pool = with.holdings().pools_of(account).find(own).unwrap();
            let expected: Vec<u64> = columns.iter().map(|column| column[pool].to_bits()).collect();
            prop_assert_eq!(after, expected);
        }
    }

    #[test]
    fn test_gate_an_order_of_exactly_what_is_there_fits_and_of_a_step_more_does_not(
        quantity in 1_u32..800, price in 1_u32..800, over in prop::sample::select(vec![1.0, 2.0, 4.0, 5.0, 8.0, 10.0, 16.0, 20.0])
    ) {
        // Eighths times eighths over such leverages have few digits: this double denotes the cost itself.
        let cost = f64::from(quantity) * f64::from(price) / (64.0 * over);
        let of = |wallet: f64| {
            let book = alone(wallet);
            let prices = Prices::by_name(book.market(), &[("ETHUSDT", f64::from(price) / 8.0)], &[]).unwrap();
            let at = u32::try_from(book.market().instrument_index("ETHUSDT").unwrap()).unwrap();
            let order = Proposed { leverage: over, ..Proposed::market(at, f64::from(quantity) / 8.0) };
            check_order(&book, &prices, 0, &order).unwrap()
        };
        let (less, exactly, more) = (of(cost.next_down()), of(cost), of(cost.next_up()));
        prop_assert_eq!((less.reason, less.exact), (Reason::Margin, true));
        prop_assert_eq!((exactly.reason, exactly.exact, exactly.short), (Reason::Accepted, true, 0.0));
        prop_assert_eq!((more.reason, more.exact), (Reason::Accepted, true));
    }
}
