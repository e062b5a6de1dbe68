//! The same positions isolated, cross and as they are: figures are those of books in which they are held so.
#![expect(clippy::unwrap_used, reason = "what cannot be built fails the test")]

use std::sync::Arc;

use crossmargin::book::{Balances, Keys, OnError, PoolKind, Positions, Tables, TextKeys};
use crossmargin::modes::{Allot, Compare, ModeBuffers, ModeColumn, Variant, compare_modes};
use crossmargin::price::Shock;
use crossmargin::score::{Buffers, Column, Missing, Options, Summary, score};
use crossmargin::{Book, Error, Isa, Market, Prices};

/// A small generator of pseudo-random numbers: properties need variety, not quality.
struct Draw(u64);

impl Draw {
    fn below(&mut self, n: u32) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        u32::try_from(self.0 >> 33).unwrap() % n
    }

    /// A magnitude with all its digits, from 2^-4 to 2^12.
    fn magnitude(&mut self) -> f64 {
        (1.0 + f64::from(self.below(1 << 30)) / f64::from(1 << 30)) * f64::from(1_u32 << self.below(16)) / 16.0
    }
}

const N_INSTRUMENTS: usize = 8;

/// A market of one asset whose table is of one law, charged at one price.
fn market(law: &str, price: &str, isolated: bool) -> Arc<Market> {
    let mut text = format!(
        r#"
schema = 1
preset = "made-up"
as_of = 2024-10-01
title = "Made-up rules for a test"
venue = "None"
[pools]
cross = "per_asset"
isolated = {isolated}
[valuation]
asset = "USDT"
[trigger]
level = 1
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
floor = [0, 1000, 5e4, 5e6]
maintenance_rate = [0.01, 0.02, 0.1, 0.3]
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
contract_size = 1
tiers = "all"
"#
        )
    };
    text.extend((0..N_INSTRUMENTS).map(instrument));
    Arc::new(Market::from_toml(&text).unwrap())
}

/// The columns of a book.
#[derive(Default, Clone)]
struct Rows {
    holder: Vec<i64>,
    wallet: Vec<f64>,
    account: Vec<i64>,
    instrument: Vec<i64>,
    quantity: Vec<f64>,
    entry: Vec<f64>,
    leverage: Vec<f64>,
    isolated: Vec<u32>,
    fence: Vec<f64>,
}

impl Rows {
    fn hold(&mut self, account: i64, instrument: i64, quantity: f64, entry: f64, leverage: f64) {
        self.account.push(account);
        self.instrument.push(instrument);
        self.quantity.push(quantity);
        self.entry.push(entry);
        self.leverage.push(leverage);
        self.isolated.push(0);
        self.fence.push(f64::NAN);
    }

    fn own(&mut self, account: i64, wallet: f64) {
        self.holder.push(account);
        self.wallet.push(wallet);
    }

    /// Accounts of up to eight positions, one in `isolated` of them isolated (0: none).
    fn draw(n_accounts: i64, marks: &[f64], isolated: u32) -> Self {
        let mut draw = Draw(11);
        let mut rows = Self::default();
        for account in 0..n_accounts {
            let mut gross = 1.0;
            let n = draw.below(9);
            for (instrument, mark) in (0..).zip(marks).take(n as usize) {
                let sign = if draw.below(2) == 0 { 1.0 } else { -1.0 };
                let entry = mark * (0.9 + 0.2 * f64::from(draw.below(1_000)) / 1e3);
                let quantity = sign * draw.magnitude();
                gross += quantity.abs() * entry;
                rows.hold(account, instrument, quantity, entry, f64::from(1 + draw.below(25)));
                *rows.isolated.last_mut().unwrap() = u32::from(isolated > 0 && draw.below(isolated) == 0);
            }
            rows.own(account, gross / f64::from(1 + draw.below(30)));
        }
        rows
    }

    fn book(&self, market: &Arc<Market>) -> Book {
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
                margin_mode: Some(TextKeys { codes: &self.isolated, names: &modes }),
                isolated_margin: Some(&self.fence),
                ..Positions::default()
            },
            ..Tables::default()
        };
        Book::build(Arc::clone(market), tables, OnError::Refuse).unwrap().0
    }

    /// The same in one mode.
    fn all(&self, isolated: bool) -> Self {
        let n = self.account.len();
        Self { isolated: vec![u32::from(isolated); n], fence: vec![f64::NAN; n], ..self.clone() }
    }
}

fn marks() -> Vec<f64> {
    let mut draw = Draw(3);
    (0..N_INSTRUMENTS).map(|_| draw.magnitude()).collect()
}

fn prices(market: &Market, marks: &[f64]) -> Prices {
    Prices::new(market, marks.to_vec(), vec![]).unwrap()
}

/// What a comparison says: a value by account for each column and variant.
struct Found {
    columns: Vec<((ModeColumn, Variant), Vec<f64>)>,
    freed: Vec<f64>,
    affordable: Vec<bool>,
    unpriced: Vec<bool>,
    summary: Summary,
}

impl Found {
    fn of(&self, column: ModeColumn, variant: Variant) -> &[f64] {
        &self.columns.iter().find(|(of, _)| *of == (column, variant)).unwrap().1
    }
}

const NULL: Options = Options { missing: Missing::Null, threads: None, isa: None, windows_per_claim: None, stop: None };

/// Everything; with `by_books`, in the way that also has intervals.
fn compared(book: &Book, prices: &Prices, compare: &Compare<'_>, by_books: bool, options: &Options) -> Found {
    let n = book.holdings().accounts().len();
    let all = ModeColumn::ALL.into_iter().flat_map(|column| Variant::ALL.map(|variant| (column, variant)));
    let mut columns: Vec<((ModeColumn, Variant), Vec<f64>)> = all.map(|of| (of, vec![-7.0; n])).collect();
    let (mut freed, mut affordable, mut unpriced) = (vec![0.0; n], vec![false; n], vec![false; n]);
    let (mut below, mut above) = (vec![0.0; book.holdings().n_positions()], vec![0.0; book.holdings().n_positions()]);
    let out = ModeBuffers {
        columns: columns.iter_mut().map(|((column, variant), buffer)| (*column, *variant, &mut buffer[..])).collect(),
        freed: Some(&mut freed),
        affordable: Some(&mut affordable),
        unpriced: Some(&mut unpriced),
        intervals: if by_books { vec![(Variant::AsIs, &mut below, &mut above)] } else { vec![] },
        ..ModeBuffers::default()
    };
    let summary = compare_modes(book, prices, compare, out, options).unwrap();
    Found { columns, freed, affordable, unpriced, summary }
}

/// The figures of a book's accounts, added up here.
fn expected(book: &Book, prices: &Prices) -> Vec<(ModeColumn, Vec<f64>)> {
    let holdings = book.holdings();
    let n = holdings.n_pools();
    let mut columns = Column::ALL.map(|_| vec![0.0; n]);
    let mut liquidatable = vec![false; n];
    let buffers = Buffers {
        columns: Column::ALL.into_iter().zip(columns.iter_mut().map(Vec::as_mut_slice)).collect(),
        liquidatable: Some(&mut liquidatable),
        unpriced: None,
    };
    score(book, prices, buffers, &NULL).unwrap();
    let figure = |column: Column, pool: usize| columns[Column::ALL.iter().position(|of| *of == column).unwrap()][pool];
    let is_cross = |pool: &usize| holdings.kind(*pool) == PoolKind::Cross;
    let holds = |pool: &usize| !holdings.positions_of(*pool).is_empty();
    let of_account = |account: usize, column: ModeColumn| -> f64 {
        let pools = || holdings.pools_of(account);
        let sum = |column: Column| pools().map(|pool| figure(column, pool)).sum::<f64>();
        let cross = |column: Column| pools().filter(is_cross).map(|pool| figure(column, pool)).sum::<f64>();
        let lever = |notional: f64, equity: f64| match (notional > 0.0, equity > 0.0) {
            (false, _) => 0.0,
            (true, true) => notional / equity,
            (true, false) => f64::INFINITY,
        };
        let working: f64 = pools().filter(holds).map(|pool| figure(Column::Equity, pool)).sum();
        match column {
            ModeColumn::Locked => {
                let fenced = pools().filter(|pool| !is_cross(pool)).map(|pool| figure(Column::WalletBalance, pool));
                fenced.sum::<f64>() + cross(Column::InitialMargin)
            }
            ModeColumn::FreeMargin => cross(Column::FreeMargin),
            ModeColumn::Available => cross(Column::Available),
            ModeColumn::Room => cross(Column::Available) * sum(Column::Notional) / sum(Column::InitialMargin),
            ModeColumn::EffectiveLeverage => lever(sum(Column::Notional), working),
            ModeColumn::LeverageWeakest => {
                let each = pools().map(|pool| lever(figure(Column::Notional, pool), figure(Column::Equity, pool)));
                each.fold(0.0, f64::max)
            }
            ModeColumn::NLiquidatable => {
                f64::from(u32::try_from(pools().filter(|&pool| liquidatable[pool]).count()).unwrap())
            }
            ModeColumn::MarginRatio => {
                pools().map(|pool| figure(Column::MarginRatio, pool)).fold(f64::INFINITY, f64::min)
            }
            _ => {
                let ratio = |pool: &usize| figure(Column::MarginRatio, *pool);
                let worst = pools().filter(holds).min_by(|a, b| ratio(a).partial_cmp(&ratio(b)).unwrap());
                worst.map_or(0.0, |pool| figure(Column::Equity, pool).max(0.0))
            }
        }
    };
    let accounts = holdings.accounts().len();
    let column = |column: ModeColumn| (column, (0..accounts).map(|account| of_account(account, column)).collect());
    ModeColumn::ALL.into_iter().map(column).collect()
}

/// Whether two figures are the same but for rounding, of amounts up to `scale`.
fn alike(a: f64, b: f64, scale: f64) -> bool {
    a.to_bits() == b.to_bits() || (a - b).abs() <= 1e-11 * (a.abs() + b.abs() + scale) || (a.is_nan() && b.is_nan())
}

/// Panics where a comparison is not what books of the variants say.
fn assert_is_that_of_books(found: &Found, rows: &Rows, market: &Arc<Market>, prices: &Prices, what: &str) {
    for variant in Variant::ALL {
        let book = match variant {
            Variant::AsIs => rows.book(market),
            _ => rows.all(variant == Variant::Isolated).book(market),
        };
        for (column, values) in expected(&book, prices) {
            let got = found.of(column, variant);
            for (account, (&got, &expected)) in got.iter().zip(&values).enumerate() {
                // Leverages and ratios of small equities magnify what is lost in them.
                let scale = if column == ModeColumn::NLiquidatable { 0.0 } else { 1e3 };
                let what = format!("{what} {column:?} {variant:?} of account {account}: {got} for {expected}");
                assert!(alike(got, expected, scale), "{what}");
            }
        }
    }
    let [cross, isolated] = [Variant::Cross, Variant::Isolated].map(|variant| found.of(ModeColumn::Locked, variant));
    for (account, freed) in found.freed.iter().enumerate() {
        assert!(alike(*freed, isolated[account] - cross[account], 1e3));
    }
}

#[test]
fn test_modes_of_cross_books_are_those_of_books_of_each_mode() {
    let marks = marks();
    let rows = Rows::draw(3_000, &marks, 0);
    for law in ["marginal", "flat"] {
        for price in ["mark", "entry"] {
            let market = market(law, price, true);
            let (book, prices) = (rows.book(&market), prices(&market, &marks));
            for by_books in [false, true] {
                let found = compared(&book, &prices, &Compare::default(), by_books, &NULL);
                let what = format!("{law} {price} {by_books}");
                assert_is_that_of_books(&found, &rows, &market, &prices, &what);
                let failing: f64 = found.of(ModeColumn::NLiquidatable, Variant::Isolated).iter().sum();
                assert!(failing > 500.0, "{what} {failing}");
                let n_affordable = found.affordable.iter().filter(|flag| **flag).count();
                assert!((300..2_700).contains(&n_affordable), "{n_affordable}");
            }
        }
    }
}

#[test]
fn test_modes_of_mixed_books_are_those_of_books_of_each_mode() {
    let marks = marks();
    let rows = Rows::draw(500, &marks, 3);
    for price in ["mark", "entry"] {
        let market = market("marginal", price, true);
        let (book, prices) = (rows.book(&market), prices(&market, &marks));
        let found = compared(&book, &prices, &Compare::default(), false, &NULL);
        assert_is_that_of_books(&found, &rows, &market, &prices, price);
    }
}

#[test]
fn test_modes_have_the_same_bits_under_every_knob() {
    let marks = marks();
    let market = market("marginal", "mark", true);
    let (book, prices) = (Rows::draw(3_000, &marks, 0).book(&market), prices(&market, &marks));
    let bits = |found: &Found| -> Vec<u64> {
        found.columns.iter().flat_map(|(_, values)| values.iter().map(|x| x.to_bits())).collect()
    };
    let first = bits(&compared(&book, &prices, &Compare::default(), false, &NULL));
    for isa in Isa::ALL.into_iter().filter(|isa| isa.is_available()) {
        for (threads, windows_per_claim) in [(1, None), (2, Some(1)), (3, Some(2))] {
            let options = Options { threads: Some(threads), isa: Some(isa), windows_per_claim, ..NULL };
            assert!(bits(&compared(&book, &prices, &Compare::default(), false, &options)) == first, "{options:?}");
        }
    }
}

/// Both ways of comparing one book.
fn both(rows: &Rows, marks: &[f64], compare: &Compare<'_>) -> [Found; 2] {
    let market = market("marginal", "mark", true);
    let (book, prices) = (rows.book(&market), prices(&market, marks));
    [false, true].map(|by_books| compared(&book, &prices, compare, by_books, &NULL))
}

#[test]
fn test_modes_position_exactly_at_its_trigger_is_counted() {
    // 0.3 at 100 with leverage 10: fence 3. At 91 a loss of 2.7 leaves 0.3, which is no more than 0.273 is required; at
    // 90.90909... both meet. A fence that leaves exactly what is required, and one quantum more:
    let mut rows = Rows::default();
    for account in 0..2 {
        rows.own(account, 10.0);
        rows.hold(account, 0, 0.3, 100.0, 10.0);
    }
    let mut marks = vec![1.0; N_INSTRUMENTS];
    marks[0] = 91.0;
    // 2.7 + 0.3 * 91 * 0.01 = 2.973.
    let fences = [2.973, 2.973_000_01];
    for found in both(&rows, &marks, &Compare { allot: Allot::Given(&fences), ..Compare::default() }) {
        assert_eq!(found.of(ModeColumn::NLiquidatable, Variant::Isolated), [1.0, 0.0]);
        assert_eq!(found.of(ModeColumn::NLiquidatable, Variant::Cross), [0.0, 0.0]);
        assert!(found.summary.n_exact > 0);
    }
}

#[test]
fn test_modes_equal_ratios_lose_the_first_position() {
    // The second is the first doubled, so that no ratio is less, whatever doubles make of it.
    let mut rows = Rows::default();
    rows.own(0, 100.0);
    rows.hold(0, 0, 0.1, 0.7, 3.0);
    rows.hold(0, 1, 0.3, 0.7, 3.0);
    let mut marks = vec![1.0; N_INSTRUMENTS];
    (marks[0], marks[1]) = (0.61, 0.61);
    for found in both(&rows, &marks, &Compare::default()) {
        let loss = found.of(ModeColumn::LossIfWorstFails, Variant::Isolated)[0];
        // 0.07 / 3 - 0.009
        assert!((loss - 0.043 / 3.0).abs() < 1e-15, "{loss}");
    }
}

#[test]
fn test_modes_unpriced_account_is_unknown_and_leaves_the_others_alone() {
    let mut marks = marks();
    let rows = Rows::draw(300, &marks, 0);
    let whole = both(&rows, &marks, &Compare::default());
    marks[4] = f64::NAN;
    let part = both(&rows, &marks, &Compare::default());
    for (whole, part) in whole.iter().zip(&part) {
        let n_unpriced = part.unpriced.iter().filter(|flag| **flag).count();
        assert!(n_unpriced > 50 && n_unpriced < 250);
        for ((_, whole), (_, part_values)) in whole.columns.iter().zip(&part.columns) {
            for (account, unpriced) in part.unpriced.iter().enumerate() {
                if *unpriced {
                    assert!(part_values[account].is_nan());
                } else {
                    assert!(part_values[account].to_bits() == whole[account].to_bits());
                }
            }
        }
    }
}

#[test]
fn test_modes_unknown_leverage_leaves_the_isolated_variant_unknown() {
    let marks = marks();
    let mut rows = Rows::draw(50, &marks, 0);
    let at = rows.account.iter().position(|&account| account == 20).unwrap();
    rows.leverage[at] = f64::NAN;
    for found in both(&rows, &marks, &Compare::default()) {
        for column in ModeColumn::ALL {
            assert!(found.of(column, Variant::Isolated)[20].is_nan(), "{column:?}");
        }
        assert!(!found.affordable[20] && found.freed[20].is_nan() && !found.unpriced[20]);
        assert!(!found.of(ModeColumn::MarginRatio, Variant::Cross)[20].is_nan());
        assert!(found.of(ModeColumn::Available, Variant::Cross)[20].is_nan());
        assert!(!found.of(ModeColumn::Available, Variant::Isolated)[21].is_nan());
    }
}

#[test]
fn test_modes_pro_rata_shares_all_cash_by_initial_margin() {
    let mut rows = Rows::default();
    rows.own(0, 100.0);
    rows.hold(0, 0, 3.0, 10.0, 10.0);
    rows.hold(0, 1, -6.0, 10.0, 10.0);
    let mut marks = vec![10.0; N_INSTRUMENTS];
    marks[1] = 15.0;
    for found in both(&rows, &marks, &Compare { allot: Allot::ProRata, ..Compare::default() }) {
        // 33.33333334 and 66.66666666, of which the short has lost 30.
        assert_eq!(found.of(ModeColumn::Locked, Variant::Isolated), [100.0]);
        assert_eq!(found.affordable, [true]);
        let loss = found.of(ModeColumn::LossIfWorstFails, Variant::Isolated)[0];
        assert!((loss - 36.666_666_66).abs() < 1e-12, "{loss}");
        let available = found.of(ModeColumn::Available, Variant::Isolated)[0];
        assert!(available.abs() < 1e-12);
    }
}

#[test]
fn test_modes_one_instrument_in_both_modes_becomes_one_position() {
    // 2 long cross at 100 and 1 short isolated at 130, mark 110: closed against each other at 110, 1 long at 100 is left and
    // 10 + 20 are realised.
    let mut rows = Rows::default();
    rows.own(0, 500.0);
    rows.hold(0, 0, 2.0, 100.0, 10.0);
    rows.hold(0, 0, -1.0, 130.0, 10.0);
    rows.isolated[1] = 1;
    // The same way round they are one position of 3 at 110.
    rows.own(1, 500.0);
    rows.hold(1, 0, 2.0, 100.0, 10.0);
    rows.hold(1, 0, 1.0, 130.0, 10.0);
    rows.isolated[3] = 1;
    let mut marks = vec![1.0; N_INSTRUMENTS];
    marks[0] = 110.0;
    for found in both(&rows, &marks, &Compare::default()) {
        // Initial margin at mark: 11 and 33; of equity 540 and 500.
        assert_eq!(found.of(ModeColumn::Locked, Variant::Cross), [11.0, 33.0]);
        assert_eq!(found.of(ModeColumn::FreeMargin, Variant::Cross), [529.0, 467.0]);
        // Fenced at entry: 10 and 33.
        assert_eq!(found.of(ModeColumn::Locked, Variant::Isolated), [10.0, 33.0]);
        assert_eq!(found.of(ModeColumn::FreeMargin, Variant::Isolated), [520.0, 467.0]);
    }
}

#[test]
fn test_modes_returns_are_cut_at_what_each_pool_has() {
    // Long 1 at 100 and short 1 at 100, ten times levered: both rise by 20 %.
    let mut rows = Rows::default();
    rows.own(0, 100.0);
    rows.hold(0, 0, 1.0, 100.0, 10.0);
    rows.hold(0, 1, -1.0, 100.0, 10.0);
    let market = market("marginal", "mark", true);
    let mut marks = vec![1.0; N_INSTRUMENTS];
    (marks[0], marks[1]) = (100.0, 100.0);
    let (book, prices) = (rows.book(&market), prices(&market, &marks));
    let moves = [Shock::new(&market, vec![0.2; N_INSTRUMENTS], vec![0.0]).unwrap()];
    let (mut cross, mut isolated) = ([7.0], [7.0]);
    let out = ModeBuffers {
        returns: vec![(0, Variant::Cross, &mut cross), (0, Variant::Isolated, &mut isolated)],
        ..ModeBuffers::default()
    };
    compare_modes(&book, &prices, &Compare { moves: &moves, ..Compare::default() }, out, &NULL).unwrap();
    // Cross they cancel; isolated the long earns 20 and the short loses its fence of 10, on 20 that are fenced.
    assert_eq!((cross, isolated), ([0.0], [0.5]));
}

#[test]
fn test_modes_intervals_are_those_of_the_pools_of_each_variant() {
    let mut rows = Rows::default();
    rows.own(0, 1_000.0);
    rows.hold(0, 0, 1.0, 100.0, 10.0);
    rows.hold(0, 1, 1.0, 100.0, 10.0);
    let market = market("marginal", "mark", true);
    let mut marks = vec![1.0; N_INSTRUMENTS];
    (marks[0], marks[1]) = (100.0, 100.0);
    let (book, prices) = (rows.book(&market), prices(&market, &marks));
    let mut columns = [[0.0; 2]; 6];
    let [a, b, c, d, e, f] = &mut columns;
    let out = ModeBuffers {
        intervals: vec![(Variant::AsIs, a, b), (Variant::Cross, c, d), (Variant::Isolated, e, f)],
        ..ModeBuffers::default()
    };
    compare_modes(&book, &prices, &Compare::default(), out, &NULL).unwrap();
    assert_eq!(columns[0].map(f64::to_bits), columns[2].map(f64::to_bits));
    // Cross nothing can fail one; isolated 10 + p - 100 = 0.01 p at 90.9090...
    assert!(columns[2].iter().all(|below| below.is_nan()));
    assert!(columns[4].iter().all(|below| (below - 90.0 / 0.99).abs() < 1e-10), "{:?}", columns[4]);
    assert!(columns[5].iter().all(|above| above.is_nan()));
}

#[test]
fn test_modes_what_cannot_be_asked_is_refused_by_name() {
    let marks = marks();
    let rows = Rows::draw(3, &marks, 0);
    let refused = |market: &Arc<Market>, compare: &Compare<'_>, n: usize, marks: &[f64]| {
        let mut column = vec![0.0; n];
        let columns = vec![(ModeColumn::Locked, Variant::Isolated, &mut column[..])];
        let out = ModeBuffers { columns, ..ModeBuffers::default() };
        let options = Options::default();
        compare_modes(&rows.book(market), &prices(market, marks), compare, out, &options).unwrap_err()
    };
    let (usual, no_isolated) = (market("marginal", "mark", true), market("marginal", "mark", false));
    let text = |error: Error| error.to_string();
    let default = Compare::default();
    let found = text(refused(&no_isolated, &default, 3, &marks));
    assert_eq!(found, "modes was isolated, and the market has no isolated positions: leave this variant out");
    let found = text(refused(&usual, &default, 4, &marks));
    assert_eq!(found, "out[locked] had 4 elements, expected 3");
    let given = Compare { allot: Allot::Given(&[1.0]), ..default };
    let n = rows.account.len();
    let found = text(refused(&usual, &given, 3, &marks));
    assert_eq!(found, format!("allot had 1 elements, expected {n}, one per position"));
    let mut fences = vec![1.0; n];
    fences[1] = -0.5;
    let found = text(refused(&usual, &Compare { allot: Allot::Given(&fences), ..default }, 3, &marks));
    assert_eq!(found, "allot had -0.5 at 1, expected cash of at least 0 for each position");
    let found = text(refused(&usual, &Compare { leverage: -1.0, ..default }, 3, &marks));
    assert_eq!(found, "leverage was -1, expected a positive number");
    let mut some = marks.clone();
    some[0] = f64::NAN;
    assert!(matches!(refused(&usual, &default, 3, &some), Error::MissingPrice(_)));
}
