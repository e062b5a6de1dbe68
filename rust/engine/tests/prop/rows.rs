//! Tables as rows: rows are what is permuted, scaled and picked; columns are made of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use crossmargin::book::{Accounts, Balances, Keys, NO_KEY, OnError, Orders, PoolKind, Positions, Tables, TextKeys};
use crossmargin::score::{Buffers, Column, Missing, Options, score, score_positions};
use crossmargin::{Book, Market, Prices};

#[derive(Debug, Clone, Copy)]
pub(crate) struct BalanceRow {
    pub(crate) account: i64,
    pub(crate) asset: i64,
    pub(crate) wallet: f64,
    pub(crate) bonus: f64,
    pub(crate) borrowed: f64,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct PositionRow {
    pub(crate) account: i64,
    pub(crate) instrument: i64,
    pub(crate) quantity: f64,
    pub(crate) entry: f64,
    pub(crate) leverage: f64,
    /// NaN: what follows from entry and leverage.
    pub(crate) fence: f64,
    pub(crate) isolated: bool,
    /// Whether the account hedges: then the sign says the side.
    pub(crate) hedges: bool,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct OrderRow {
    pub(crate) account: i64,
    pub(crate) instrument: i64,
    pub(crate) quantity: f64,
    /// NaN: at the market.
    pub(crate) price: f64,
    pub(crate) leverage: f64,
    pub(crate) reduce_only: bool,
    pub(crate) isolated: bool,
    pub(crate) hedges: bool,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct AccountRow {
    pub(crate) account: i64,
    pub(crate) coefficient: f64,
}

/// The rows of a book.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rows {
    pub(crate) balances: Vec<BalanceRow>,
    pub(crate) positions: Vec<PositionRow>,
    pub(crate) orders: Vec<OrderRow>,
    pub(crate) accounts: Vec<AccountRow>,
}

fn each<Row, T>(rows: &[Row], of: impl Fn(&Row) -> T) -> Vec<T> {
    rows.iter().map(of).collect()
}

fn side(hedges: bool, quantity: f64) -> u32 {
    if hedges { u32::from(quantity < 0.0) } else { NO_KEY }
}

impl Rows {
    /// The rows of one account.
    pub(crate) fn of(&self, account: i64) -> Self {
        Self {
            balances: self.balances.iter().copied().filter(|row| row.account == account).collect(),
            positions: self.positions.iter().copied().filter(|row| row.account == account).collect(),
            orders: self.orders.iter().copied().filter(|row| row.account == account).collect(),
            accounts: self.accounts.iter().copied().filter(|row| row.account == account).collect(),
        }
    }

    fn columns(&self) -> Columns {
        let (balances, positions, orders) = (&self.balances, &self.positions, &self.orders);
        Columns {
            keys: [
                each(balances, |row| row.account),
                each(balances, |row| row.asset),
                each(positions, |row| row.account),
                each(positions, |row| row.instrument),
                each(orders, |row| row.account),
                each(orders, |row| row.instrument),
                each(&self.accounts, |row| row.account),
            ],
            numbers: [
                each(balances, |row| row.wallet),
                each(balances, |row| row.bonus),
                each(balances, |row| row.borrowed),
                each(positions, |row| row.quantity),
                each(positions, |row| row.entry),
                each(positions, |row| row.leverage),
                each(positions, |row| row.fence),
                each(orders, |row| row.quantity),
                each(orders, |row| row.price),
                each(orders, |row| row.leverage),
                each(&self.accounts, |row| row.coefficient),
            ],
            codes: [
                each(positions, |row| u32::from(row.isolated)),
                each(positions, |row| side(row.hedges, row.quantity)),
                each(orders, |row| u32::from(row.isolated)),
                each(orders, |row| side(row.hedges, row.quantity)),
            ],
            reduce_only: each(orders, |row| row.reduce_only),
            modes: ["cross", "isolated"].map(str::to_owned),
            sides: ["long", "short"].map(str::to_owned),
        }
    }

    /// The book of all accounts that the market takes.
    pub(crate) fn book(&self, market: &Arc<Market>, window: Option<usize>) -> Book {
        let window = window.unwrap_or(1 << 12);
        Book::build_in_windows(Arc::clone(market), self.columns().tables(), OnError::Reject, window).unwrap().0
    }
}

/// The rows, a column for each of their values.
struct Columns {
    keys: [Vec<i64>; 7],
    numbers: [Vec<f64>; 11],
    codes: [Vec<u32>; 4],
    reduce_only: Vec<bool>,
    modes: [String; 2],
    sides: [String; 2],
}

impl Columns {
    fn tables(&self) -> Tables<'_> {
        let [holder, asset, account, instrument, orderer, ordered, known] = self.keys.each_ref().map(|x| Keys::Int(x));
        let [wallet, bonus, borrowed, quantity, entry, leverage, fence, size, price, with, coefficient] =
            self.numbers.each_ref().map(Vec::as_slice);
        let text = |at: usize, names| Some(TextKeys { codes: &self.codes[at], names });
        Tables {
            balances: Balances {
                account: holder,
                asset,
                wallet_balance: wallet,
                bonus: Some(bonus),
                borrowed: Some(borrowed),
            },
            positions: Positions {
                account,
                instrument,
                quantity,
                entry_price: entry,
                leverage: Some(leverage),
                isolated_margin: Some(fence),
                margin_mode: text(0, &self.modes),
                position_side: text(1, &self.sides),
                ..Positions::default()
            },
            orders: Orders {
                account: orderer,
                instrument: ordered,
                quantity: size,
                price,
                leverage: Some(with),
                reduce_only: Some(&self.reduce_only),
                margin_mode: text(2, &self.modes),
                position_side: text(3, &self.sides),
                ..Orders::default()
            },
            accounts: Accounts { account: known, tier_coefficient: Some(coefficient), ..Accounts::default() },
            ..Tables::default()
        }
    }
}

/// What identifies a pool within its account.
type PoolKey = (PoolKind, usize, Vec<(usize, u64)>);

/// All of a pool: what it is, its figures, and its verdict.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Pool {
    pub(crate) key: PoolKey,
    pub(crate) figures: Vec<f64>,
    pub(crate) liquidatable: bool,
    pub(crate) unpriced: bool,
    /// Figures of its positions, in the order of the pool.
    pub(crate) positions: Vec<[u64; 5]>,
}

impl Pool {
    pub(crate) fn figure(&self, column: Column) -> f64 {
        self.figures[Column::ALL.iter().position(|each| *each == column).unwrap()]
    }

    /// Everything, with numbers as bits: NaN is itself, and zeros have signs.
    pub(crate) fn bits(&self) -> (&PoolKey, Vec<u64>, bool, bool, &[[u64; 5]]) {
        let figures = self.figures.iter().map(|x| x.to_bits()).collect();
        (&self.key, figures, self.liquidatable, self.unpriced, &self.positions)
    }
}

/// The pools of every account.
pub(crate) fn scored(book: &Book, prices: &Prices, options: &Options) -> BTreeMap<i64, Vec<Pool>> {
    let holdings = book.holdings();
    let n = holdings.n_pools();
    let mut columns = Column::ALL.map(|_| vec![f64::MAX; n]);
    let (mut liquidatable, mut unpriced) = (vec![true; n], vec![true; n]);
    let buffers = Buffers {
        columns: Column::ALL.into_iter().zip(columns.iter_mut().map(Vec::as_mut_slice)).collect(),
        liquidatable: Some(&mut liquidatable),
        unpriced: Some(&mut unpriced),
    };
    score(book, prices, buffers, options).unwrap();
    let figures = score_positions(book, prices, options.missing).unwrap();
    let crossmargin::book::AccountKeys::Int(keys) = holdings.accounts() else { return BTreeMap::new() };
    let at_row = |position: usize| figures.row.iter().position(|&row| row as usize == holdings.row(position)).unwrap();
    let of_position = |position: usize| {
        let at = at_row(position);
        let tier = u64::from(figures.tier[at]);
        let amounts =
            [&figures.notional, &figures.unrealized_pnl, &figures.initial_margin, &figures.maintenance_margin];
        let [notional, pnl, initial, maintenance] = amounts.map(|column| column[at].to_bits());
        [notional, pnl, initial, maintenance, tier]
    };
    let pool = |at: usize| {
        let positions = holdings.positions_of(at);
        let held = positions.clone().map(|p| (holdings.instrument(p), holdings.quantity(p).to_bits())).collect();
        Pool {
            key: (holdings.kind(at), holdings.asset(at), held),
            figures: columns.iter().map(|column| column[at]).collect(),
            liquidatable: liquidatable[at],
            unpriced: unpriced[at],
            positions: positions.map(of_position).collect(),
        }
    };
    let of_account = |(at, key): (usize, &i64)| (*key, holdings.pools_of(at).map(pool).collect());
    keys.iter().enumerate().map(of_account).collect()
}

/// As a caller who has not all prices asks, on one thread.
pub(crate) fn plain() -> Options {
    Options { missing: Missing::Null, threads: Some(1), ..Options::default() }
}
