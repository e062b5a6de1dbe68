//! Books drawn, what a comparison says of them, and the figures of books of each mode added up.

use std::sync::Arc;

use crossmargin::book::{Balances, Keys, OnError, PoolKind, Positions, Tables, TextKeys};
use crossmargin::modes::{Compare, ModeBuffers, ModeColumn, Variant, compare_modes};
use crossmargin::score::{Buffers, Column, Missing, Options, Summary, score};
use crossmargin::{Book, Market, Prices};

/// A small generator of pseudo-random numbers: properties need variety, not quality.
pub(crate) struct Draw(u64);

impl Draw {
    pub(crate) fn below(&mut self, n: u32) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        u32::try_from(self.0 >> 33).unwrap() % n
    }

    /// A magnitude with all its digits, from 2^-4 to 2^12.
    pub(crate) fn magnitude(&mut self) -> f64 {
        (1.0 + f64::from(self.below(1 << 30)) / f64::from(1 << 30)) * f64::from(1_u32 << self.below(16)) / 16.0
    }
}

pub(crate) const N_INSTRUMENTS: usize = 8;

/// A market of one asset whose table is of one law, charged at one price.
pub(crate) fn market(law: &str, price: &str, isolated: bool) -> Arc<Market> {
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
pub(crate) struct Rows {
    pub(crate) holder: Vec<i64>,
    pub(crate) wallet: Vec<f64>,
    pub(crate) account: Vec<i64>,
    pub(crate) instrument: Vec<i64>,
    pub(crate) quantity: Vec<f64>,
    pub(crate) entry: Vec<f64>,
    pub(crate) leverage: Vec<f64>,
    pub(crate) isolated: Vec<u32>,
    pub(crate) fence: Vec<f64>,
}

impl Rows {
    pub(crate) fn hold(&mut self, account: i64, instrument: i64, quantity: f64, entry: f64, leverage: f64) {
        self.account.push(account);
        self.instrument.push(instrument);
        self.quantity.push(quantity);
        self.entry.push(entry);
        self.leverage.push(leverage);
        self.isolated.push(0);
        self.fence.push(f64::NAN);
    }

    pub(crate) fn own(&mut self, account: i64, wallet: f64) {
        self.holder.push(account);
        self.wallet.push(wallet);
    }

    /// Accounts of up to eight positions, one in `isolated` of them isolated (0: none).
    pub(crate) fn draw(n_accounts: i64, marks: &[f64], isolated: u32) -> Self {
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

    pub(crate) fn book(&self, market: &Arc<Market>) -> Book {
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
    pub(crate) fn all(&self, isolated: bool) -> Self {
        let n = self.account.len();
        Self { isolated: vec![u32::from(isolated); n], fence: vec![f64::NAN; n], ..self.clone() }
    }
}

pub(crate) fn marks() -> Vec<f64> {
    let mut draw = Draw(3);
    (0..N_INSTRUMENTS).map(|_| draw.magnitude()).collect()
}

pub(crate) fn prices(market: &Market, marks: &[f64]) -> Prices {
    Prices::new(market, marks.to_vec(), vec![]).unwrap()
}

/// What a comparison says: a value by account for each column and variant.
pub(crate) struct Found {
    pub(crate) columns: Vec<((ModeColumn, Variant), Vec<f64>)>,
    pub(crate) freed: Vec<f64>,
    pub(crate) affordable: Vec<bool>,
    pub(crate) unpriced: Vec<bool>,
    pub(crate) summary: Summary,
}

impl Found {
    pub(crate) fn of(&self, column: ModeColumn, variant: Variant) -> &[f64] {
        &self.columns.iter().find(|(of, _)| *of == (column, variant)).unwrap().1
    }
}

pub(crate) const NULL: Options =
    Options { missing: Missing::Null, threads: None, isa: None, windows_per_claim: None, stop: None };

/// Everything; with `by_books`, in the way that also has intervals.
pub(crate) fn compared(
    book: &Book,
    prices: &Prices,
    compare: &Compare<'_>,
    by_books: bool,
    options: &Options,
) -> Found {
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
pub(crate) fn expected(book: &Book, prices: &Prices) -> Vec<(ModeColumn, Vec<f64>)> {
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
pub(crate) fn alike(a: f64, b: f64, scale: f64) -> bool {
    a.to_bits() == b.to_bits() || (a - b).abs() <= 1e-11 * (a.abs() + b.abs() + scale) || (a.is_nan() && b.is_nan())
}

/// Panics where a comparison is not what books of the variants say.
pub(crate) fn assert_is_that_of_books(found: &Found, rows: &Rows, market: &Arc<Market>, prices: &Prices, what: &str) {
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
