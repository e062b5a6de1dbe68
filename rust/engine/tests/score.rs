//! Scores are the same bits whatever computes them: instruction sets, windows, threads, under every law of tiers.
#![expect(clippy::unwrap_used, reason = "what cannot be built fails the test")]

use std::sync::Arc;

use crossmargin::book::{Balances, Keys, OnError, Positions, Tables, TextKeys};
use crossmargin::score::{Buffers, Column, Missing, Options, Summary, score};
use crossmargin::{Book, Isa, Market, Prices};

/// A small generator of pseudo-random numbers: properties need variety, not quality.
struct Draw(u64);

impl Draw {
    fn below(&mut self, n: u32) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        u32::try_from(self.0 >> 33).unwrap() % n
    }

    /// A magnitude with all its digits, from 2^-4 to 2^24.
    fn magnitude(&mut self) -> f64 {
        (1.0 + f64::from(self.below(1 << 30)) / f64::from(1 << 30)) * f64::from(1_u32 << self.below(28)) / 16.0
    }
}

const N_INSTRUMENTS: usize = 12;

/// A market of one asset whose tables are of one law, charged at one price.
fn market(law: &str, price: &str) -> Arc<Market> {
    let deduction = if law == "list" { "deduction = [0, 1.5, 900, 2e5]" } else { "" };
    let mut text = format!(
        r#"
schema = 1
preset = "made-up"
as_of = 2024-10-01
title = "Made-up rules for a test"
venue = "None"
[pools]
cross = "per_asset"
isolated = true
[valuation]
asset = "USDT"
[trigger]
level = 1.1
zero_fails = true
price = "mark"
[maintenance_margin]
price = "{price}"
legs = "each"
[initial_margin]
price = "{price}"
[display]
venue_ratio = "maintenance_over_equity"
[[asset]]
name = "USDT"
quantum = "1e-8"
[tiers.all]
law = "{law}"
bounds = "quote"
floor = [0, 100, 5e4, 5e6]
maintenance_rate = [0.01, 0.02, 0.1, 0.3]
{deduction}
"#
    );
    let instrument = |at: usize| {
        format!(
            r#"
[[instrument]]
name = "I{at}"
base = "B{at}"
quote = "USDT"
settle = "USDT"
payoff = "linear"
contract_size = 0.01
tiers = "all"
"#
        )
    };
    text.extend((0..N_INSTRUMENTS).map(instrument));
    Arc::new(Market::from_toml(&text).unwrap())
}

/// The columns of a book.
#[derive(Default)]
struct Columns {
    holder: Vec<i64>,
    wallet: Vec<f64>,
    account: Vec<i64>,
    instrument: Vec<i64>,
    quantity: Vec<f64>,
    entry: Vec<f64>,
    leverage: Vec<f64>,
    mode: Vec<u32>,
}

impl Columns {
    /// Accounts of up to twelve positions, some of them isolated, some without any, some without a leverage.
    fn draw(n_accounts: i64, marks: &[f64]) -> Self {
        let mut draw = Draw(7);
        let mut columns = Self::default();
        for account in 0..n_accounts {
            let mut gross = 1.0;
            let n = draw.below(13).min(draw.below(13));
            for (instrument, mark) in (0..).zip(marks).take(n as usize) {
                let isolated = draw.below(8) == 0;
                let sign = if draw.below(2) == 0 { 1.0 } else { -1.0 };
                let entry = mark * (0.9 + 0.2 * f64::from(draw.below(1_000)) / 1e3);
                let quantity = sign * draw.magnitude();
                gross += quantity.abs() * entry * 0.01;
                columns.account.push(account);
                columns.instrument.push(instrument);
                columns.quantity.push(quantity);
                columns.entry.push(entry);
                let unknown = !isolated && draw.below(9) == 0;
                columns.leverage.push(if unknown { f64::NAN } else { f64::from(1 + draw.below(50)) });
                columns.mode.push(u32::from(isolated));
            }
            columns.holder.push(account);
            // A wallet of nothing too.
            columns.wallet.push(if draw.below(20) == 0 { 0.0 } else { gross / f64::from(1 + draw.below(30)) });
        }
        columns
    }

    fn book(&self, market: &Arc<Market>, window: Option<usize>) -> Book {
        let assets = vec![0; self.holder.len()];
        let modes = ["cross", "isolated"].map(str::to_owned);
        let tables = Tables {
            balances: Balances {
                account: Keys::Int(&self.holder),
                asset: Keys::Int(&assets),
                wallet_balance: &self.wallet,
                ..Balances::default()
            },
            positions: Positions {
                account: Keys::Int(&self.account),
                instrument: Keys::Int(&self.instrument),
                quantity: &self.quantity,
                entry_price: &self.entry,
                leverage: Some(&self.leverage),
                margin_mode: Some(TextKeys { codes: &self.mode, names: &modes }),
                ..Positions::default()
            },
            ..Tables::default()
        };
        let market = Arc::clone(market);
        let built = match window {
            None => Book::build(market, tables, OnError::Refuse),
            Some(window) => Book::build_in_windows(market, tables, OnError::Refuse, window),
        };
        built.unwrap().0
    }
}

/// Every figure of a score, as bits.
#[derive(Debug, PartialEq)]
struct Result {
    figures: Vec<(Column, Vec<u64>)>,
    liquidatable: Vec<bool>,
    unpriced: Vec<bool>,
    summary: Summary,
}

fn scored(book: &Book, prices: &Prices, options: &Options) -> Result {
    let n = book.holdings().n_pools();
    let mut columns = Column::ALL.map(|_| vec![f64::MAX; n]);
    let (mut liquidatable, mut unpriced) = (vec![true; n], vec![true; n]);
    let buffers = Buffers {
        columns: Column::ALL.into_iter().zip(columns.iter_mut().map(Vec::as_mut_slice)).collect(),
        liquidatable: Some(&mut liquidatable),
        unpriced: Some(&mut unpriced),
    };
    let summary = score(book, prices, buffers, options).unwrap();
    let bits = |column: &Vec<f64>| column.iter().map(|x| x.to_bits()).collect();
    let figures = Column::ALL.into_iter().zip(columns.iter().map(bits)).collect();
    Result { figures, liquidatable, unpriced, summary }
}

fn marks() -> Vec<f64> {
    let mut draw = Draw(3);
    (0..N_INSTRUMENTS).map(|_| draw.magnitude()).collect()
}

/// Scores under every setting of the knobs; panics where one has other bits than the first.
fn one_result(market: &Arc<Market>, columns: &Columns, prices: &Prices) -> Result {
    let first = Options { missing: Missing::Null, threads: Some(1), ..Options::default() };
    let expected = scored(&columns.book(market, None), prices, &first);
    for window in [Some(8), Some(64), None] {
        let book = columns.book(market, window);
        for isa in Isa::ALL.into_iter().filter(|isa| isa.is_available()) {
            for (threads, claim) in [(1, None), (2, None), (7, None), (2, Some(1)), (7, Some(3))] {
                let knobs = Options { threads: Some(threads), isa: Some(isa), windows_per_claim: claim, ..first };
                assert!(scored(&book, prices, &knobs) == expected, "window {window:?}, {knobs:?}");
            }
        }
    }
    expected
}

#[test]
fn test_score_every_law_has_the_same_bits_under_every_knob() {
    let marks = marks();
    let columns = Columns::draw(3_000, &marks);
    for law in ["marginal", "flat", "list"] {
        for price in ["mark", "entry"] {
            let market = market(law, price);
            let prices = Prices::new(&market, marks.clone(), vec![]).unwrap();
            let result = one_result(&market, &columns, &prices);
            let n_liquidatable = result.liquidatable.iter().filter(|&&flag| flag).count();
            assert!((100..result.liquidatable.len() - 100).contains(&n_liquidatable), "{law} {price} {n_liquidatable}");
            assert_eq!(result.summary.n_unpriced, 0);
        }
    }
}

#[test]
fn test_score_unpriced_pools_have_the_same_bits_under_every_knob() {
    let mut marks = marks();
    let columns = Columns::draw(3_000, &marks);
    marks[5] = f64::NAN;
    for law in ["marginal", "flat", "list"] {
        let market = market(law, "mark");
        let prices = Prices::new(&market, marks.clone(), vec![]).unwrap();
        let result = one_result(&market, &columns, &prices);
        let n_unpriced = result.unpriced.iter().filter(|&&flag| flag).count();
        assert!(n_unpriced > 100 && n_unpriced == result.summary.n_unpriced);
        for (column, bits) in result.figures.iter().filter(|(column, _)| *column != Column::WalletBalance) {
            let is_nan = |at: usize| f64::from_bits(bits[at]).is_nan();
            assert!((0..bits.len()).filter(|&at| result.unpriced[at]).all(is_nan), "{law} {column:?}");
        }
        assert!(!result.unpriced.iter().zip(&result.liquidatable).any(|(unpriced, flag)| *unpriced && *flag));
    }
}

#[test]
fn test_score_unpriced_pools_leave_the_others_alone() {
    let all = marks();
    let columns = Columns::draw(500, &all);
    let market = market("flat", "mark");
    let book = columns.book(&market, None);
    let mut some = all.clone();
    some[5] = f64::NAN;
    let options = Options { missing: Missing::Null, ..Options::default() };
    let whole = scored(&book, &Prices::new(&market, all, vec![]).unwrap(), &options);
    let part = scored(&book, &Prices::new(&market, some, vec![]).unwrap(), &options);
    for ((_, whole), (_, part)) in whole.figures.iter().zip(&part.figures).filter(|(w, _)| w.0 != Column::WalletBalance)
    {
        let same = |at: usize| part[at] == whole[at] || f64::from_bits(part[at]).is_nan();
        assert!((0..whole.len()).all(same));
    }
}

#[test]
fn test_score_small_books_have_the_same_bits_under_every_knob() {
    let marks = marks();
    let market = market("marginal", "mark");
    let prices = Prices::new(&market, marks.clone(), vec![]).unwrap();
    let nobody = one_result(&market, &Columns::default(), &prices);
    assert!(nobody.liquidatable.is_empty());
    let one = Columns {
        account: vec![4],
        instrument: vec![0],
        quantity: vec![-2.5],
        entry: vec![marks[0]],
        leverage: vec![f64::NAN],
        mode: vec![0],
        ..Columns::default()
    };
    let result = one_result(&market, &one, &prices);
    // No wallet: nothing stands behind the position, which requires something.
    assert_eq!(result.liquidatable, [true]);
    let figure = |wanted| result.figures.iter().find(|(c, _)| *c == wanted).map(|(_, bits)| f64::from_bits(bits[0]));
    assert_eq!(figure(Column::Equity), Some(0.0));
    assert!(figure(Column::InitialMargin).is_some_and(f64::is_nan));
    let idle = Columns { holder: vec![1], wallet: vec![0.0], ..Columns::default() };
    let result = one_result(&market, &idle, &prices);
    assert_eq!((&result.liquidatable[..], result.summary), (&[false][..], Summary::default()));
}
