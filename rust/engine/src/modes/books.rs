//! A variant as a book of its own, scored.

use std::ops::Range;

use crate::book::PoolKind;
use crate::error::Result;
use crate::kernel::ALIKE;
use crate::market::Prices;
use crate::pool::Book;
use crate::score::{Buffers, Column, Options, Summary, score};

use super::columns::ModeColumn;

/// The figures that columns are made of, by pool.
pub(super) struct Scored<'a> {
    book: &'a Book,
    /// What an asset is worth in the valuation asset.
    rates: &'a [f64],
    figures: Columns,
    liquidatable: Vec<bool>,
    unpriced: Vec<bool>,
    pub(super) summary: Summary,
}

/// What is scored of every pool.
const SCORED: [Column; 7] = [
    Column::WalletBalance,
    Column::Equity,
    Column::Notional,
    Column::InitialMargin,
    Column::MarginRatio,
    Column::FreeMargin,
    Column::Available,
];

type Columns = Vec<(Column, Vec<f64>)>;

/// Scores columns of a book.
fn scored(
    book: &Book,
    prices: &Prices,
    columns: &[Column],
    (liquidatable, unpriced): (&mut [bool], &mut [bool]),
    options: &Options,
) -> Result<(Columns, Summary)> {
    let mut figures: Columns = columns.iter().map(|&column| (column, vec![0.0; book.holdings().n_pools()])).collect();
    let buffers = Buffers {
        columns: figures.iter_mut().map(|(column, values)| (*column, values.as_mut_slice())).collect(),
        liquidatable: Some(liquidatable),
        unpriced: Some(unpriced),
    };
    let summary = score(book, prices, buffers, options)?;
    Ok((figures, summary))
}

/// What every pool of a book is worth.
pub(super) fn equities(book: &Book, prices: &Prices, options: &Options) -> Result<Vec<f64>> {
    let n = book.holdings().n_pools();
    let (mut liquidatable, mut unpriced) = (vec![false; n], vec![false; n]);
    let (mut figures, _) = scored(book, prices, &[Column::Equity], (&mut liquidatable, &mut unpriced), options)?;
    Ok(figures.pop().map(|(_, values)| values).unwrap_or_default())
}

impl<'a> Scored<'a> {
    pub(super) fn new(book: &'a Book, prices: &Prices, rates: &'a [f64], options: &Options) -> Result<Self> {
        let n = book.holdings().n_pools();
        let (mut liquidatable, mut unpriced) = (vec![false; n], vec![false; n]);
        let (figures, summary) = scored(book, prices, &SCORED, (&mut liquidatable, &mut unpriced), options)?;
        Ok(Self { book, rates, figures, liquidatable, unpriced, summary })
    }

    fn of(&self, column: Column, pool: usize) -> f64 {
        let found = self.figures.iter().find(|(of, _)| *of == column);
        found.map_or(f64::NAN, |(_, values)| values[pool])
    }

    /// A figure of a pool in the valuation asset.
    fn valued(&self, column: Column, pool: usize) -> f64 {
        self.of(column, pool) * self.rates[self.book.holdings().asset(pool)]
    }

    fn pools(&self, account: usize) -> Range<usize> {
        self.book.holdings().pools_of(account)
    }

    fn cross(&self, account: usize) -> impl Iterator<Item = usize> {
        self.pools(account).filter(|&pool| self.book.holdings().kind(pool) == PoolKind::Cross)
    }

    /// The pools that hold positions.
    fn holding(&self, account: usize) -> impl Iterator<Item = usize> {
        self.pools(account).filter(|&pool| !self.book.holdings().positions_of(pool).is_empty())
    }

    /// Whether everything that an account holds has a price.
    pub(super) fn is_priced(&self, account: usize) -> bool {
        !self.pools(account).any(|pool| self.unpriced[pool])
    }

    /// What is tied up.
    pub(super) fn locked(&self, account: usize) -> f64 {
        let tied = |pool: usize| match self.book.holdings().kind(pool) {
            PoolKind::Cross => self.valued(Column::InitialMargin, pool),
            PoolKind::Isolated => self.valued(Column::WalletBalance, pool),
        };
        self.pools(account).map(tied).fold(0.0, |sum, x| sum + x)
    }

    /// The initial margin of all pools.
    fn initial(&self, account: usize) -> f64 {
        self.pools(account).fold(0.0, |sum, pool| sum + self.valued(Column::InitialMargin, pool))
    }

    fn leverage_of(notional: f64, equity: f64) -> f64 {
        if notional == 0.0 {
            0.0
        } else if equity <= 0.0 {
            f64::INFINITY
        } else {
            notional / equity
        }
    }

    /// The notional and the equity of the pools that hold positions.
    fn working(&self, account: usize) -> (f64, f64) {
        self.holding(account).fold((0.0, 0.0), |(notional, equity), pool| {
            (notional + self.valued(Column::Notional, pool), equity + self.valued(Column::Equity, pool))
        })
    }

    /// The pool with positions that has the least margin ratio, of equal ones the first.
    fn worst(&self, account: usize) -> Option<usize> {
        let ratio = |pool: usize| self.of(Column::MarginRatio, pool);
        self.holding(account).reduce(|worst, pool| {
            let alike = ALIKE * (1.0 + ratio(pool).abs());
            if ratio(worst) > ratio(pool) + alike { pool } else { worst }
        })
    }

    /// A figure of an account that is priced; room is told at a leverage, NaN: that in use.
    pub(super) fn figure(&self, account: usize, column: ModeColumn, leverage: f64) -> f64 {
        let of_cross = |column| self.cross(account).fold(0.0, |sum, pool| sum + self.valued(column, pool));
        match column {
            ModeColumn::Locked => self.locked(account),
            ModeColumn::FreeMargin => of_cross(Column::FreeMargin),
            ModeColumn::Available => of_cross(Column::Available),
            ModeColumn::Room => {
                let (notional, _) = self.working(account);
                let in_use = if notional == 0.0 { f64::NAN } else { notional / self.initial(account) };
                of_cross(Column::Available) * if leverage.is_nan() { in_use } else { leverage }
            }
            ModeColumn::EffectiveLeverage => {
                let (notional, equity) = self.working(account);
                Self::leverage_of(notional, equity)
            }
            ModeColumn::LeverageWeakest => self
                .holding(account)
                .map(|pool| Self::leverage_of(self.of(Column::Notional, pool), self.of(Column::Equity, pool)))
                .fold(0.0, |a, b| if b > a { b } else { a }),
            ModeColumn::NLiquidatable => {
                self.pools(account).filter(|&pool| self.liquidatable[pool]).fold(0.0, |n, _| n + 1.0)
            }
            ModeColumn::MarginRatio => {
                let ratios = self.pools(account).map(|pool| self.of(Column::MarginRatio, pool));
                ratios.fold(f64::INFINITY, |a, b| if b < a { b } else { a })
            }
            ModeColumn::LossIfWorstFails => self.worst(account).map_or(0.0, |pool| {
                let equity = self.valued(Column::Equity, pool);
                if equity > 0.0 { equity } else { 0.0 }
            }),
        }
    }

    /// What an account gains by a move that leaves its pools worth `after`, at rates after it: no pool loses more than it has.
    pub(super) fn gain(&self, account: usize, after: &[f64], rates: &[f64]) -> f64 {
        self.pools(account).fold(0.0, |sum, pool| {
            let before = self.valued(Column::Equity, pool);
            let gain = after[pool] * rates[self.book.holdings().asset(pool)] - before;
            let most = if before > 0.0 { before } else { 0.0 };
            sum + if gain < -most { -most } else { gain }
        })
    }
}

/// What every asset is worth in the valuation asset; all 1 where nothing is converted.
pub(super) fn rates(book: &Book, prices: &Prices, valuation: Option<usize>) -> Vec<f64> {
    let n = book.market().assets().len();
    let Some(valuation) = valuation else { return vec![1.0; n] };
    let index = |asset: usize| Some(prices.index()[asset]).filter(|price| !price.is_nan()).unwrap_or(1.0);
    (0..n).map(|asset| if asset == valuation { 1.0 } else { index(asset) / index(valuation) }).collect()
}

/// Prices with every mark and index price moved.
pub(super) fn moved(book: &Book, prices: &Prices, shock: &crate::price::Shock) -> Result<Prices> {
    let by = |prices: &[f64], shocks: &[f64]| -> Vec<f64> {
        prices.iter().zip(shocks).map(|(price, shock)| price * (1.0 + shock)).collect()
    };
    let mark = by(prices.mark(), shock.instruments());
    let index = by(prices.index(), shock.assets());
    let moved = Prices::new(book.market(), mark, index)?;
    if prices.last().is_empty() {
        return Ok(moved);
    }
    let last = by(prices.last(), shock.instruments());
    moved.with_last(book.market(), last)
}
