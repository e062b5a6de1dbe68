//! Figures of the pool with an order in it.

use crate::book::Side;
use crate::ledger::Ledger;
use crate::market::{OrderLoss, OrdersIn, Prices};
use crate::pool::{Book, is_priced};
use crate::price::{PositionBuffers, liquidation_prices};
use crate::score::{Buffers, Column, Missing, Options, score, score_pool};

use super::gate::{AfterColumn, DecisionBuffers};
use super::ground::Ground;
use super::resting::alone_with_orders;
use super::room::{Room, cross_pool};
use super::row::Row;
use super::rule::Decision;
use super::sequence::Table;

/// What is asked for of pools with orders in them.
#[derive(Debug, Default)]
pub(super) struct After {
    wanted: bool,
    /// Figures of the book's own pools, where orders that rest leave them as they are.
    own: Option<Own>,
}

/// Figures of all pools of a book.
#[derive(Debug)]
struct Own {
    columns: Vec<(Column, Vec<f64>)>,
    liquidatable: Vec<bool>,
}

/// Whether orders that rest change no figure of any pool.
fn leave_all(book: &Book) -> bool {
    let orders = book.market().rules().orders();
    let modes = [orders.initial_margin, orders.maintenance_margin];
    book.folded().is_some()
        && modes.iter().all(|mode| *mode == OrdersIn::None)
        && orders.order_loss != OrderLoss::Equity
}

impl After {
    /// What buffers ask for, of a book at prices.
    pub(super) fn new(ground: &Ground<'_>, out: &DecisionBuffers<'_>, options: &Options) -> crate::error::Result<Self> {
        let wanted = !out.after.is_empty() || out.after_liquidatable.is_some();
        let figures = out.after.iter().filter_map(|(column, _)| match column {
            AfterColumn::Figure(column) => Some(*column),
            _ => None,
        });
        let plain = wanted && leave_all(ground.book) && out.after.len() == figures.clone().count();
        let own = plain.then(|| Own::new(ground, figures.collect(), options)).transpose()?;
        Ok(Self { wanted, own })
    }

    pub(super) const fn is_wanted(&self) -> bool {
        self.wanted
    }

    /// Writes that nothing is known.
    pub(super) fn nothing(out: &mut DecisionBuffers<'_>, at: usize) {
        out.after.iter_mut().for_each(|(_, column)| column[at] = f64::NAN);
        if let Some(flags) = &mut out.after_liquidatable {
            flags[at] = false;
        }
    }

    /// Writes the figures of the pool with an order in it, accepted or not.
    pub(super) fn write(
        &self,
        table: &Table<'_>,
        room: &Room<'_>,
        (row, decision): (&Row, &Decision),
        (out, at): (&mut DecisionBuffers<'_>, usize),
    ) {
        let fills = table.gate.assume.fills(row.price, row.trigger_price);
        if let (Some(own), Some(pool), false, true) = (&self.own, decision.pool, fills, room.filled.is_none()) {
            return own.write(pool, out, at);
        }
        let wanted = if decision.is_unpriced() { None } else { with_row(table, room, row, fills) };
        let prices = room.ground().prices;
        let found = wanted.and_then(|book| {
            let pool = cross_pool(&book, 0, row.instrument)?;
            is_priced(&book, pool, prices).then_some((book, pool))
        });
        let Some((book, pool)) = found else { return Self::nothing(out, at) };
        write_pool((&book, prices), pool, row, (out, at));
    }
}

/// The account alone with an order in it; `None` where it cannot be.
fn with_row(table: &Table<'_>, room: &Room<'_>, row: &Row, fills: bool) -> Option<Book> {
    let shared = &table.shared;
    let (resting, filled) = if fills {
        (room.resting().to_vec(), Some(room.with_fill(row, table.gate, shared).ok()?.ledger))
    } else {
        let counts = row.counts(room.ground().conditional).then_some(*row);
        (room.resting().iter().copied().chain(counts).collect(), None)
    };
    let ledger = match filled {
        Some(ledger) => ledger,
        None => Ledger::single(room.book(), room.account(), shared).ok()?,
    };
    let market = room.ground().book.market();
    ledger.tables(|tables| alone_with_orders(market, tables, resting.into_iter(), shared)).ok()
}

fn write_pool((book, prices): (&Book, &Prices), pool: usize, row: &Row, (out, at): (&mut DecisionBuffers<'_>, usize)) {
    let Ok(figures) = score_pool(book, prices, pool) else { return After::nothing(out, at) };
    let priced = out.after.iter().any(|(column, _)| !matches!(column, AfterColumn::Figure(_)));
    let [liquidation, below, above] = if priced { prices_of(book, prices, row) } else { [f64::NAN; 3] };
    for (column, buffer) in &mut out.after {
        buffer[at] = match column {
            AfterColumn::Figure(column) => figures.get(*column),
            AfterColumn::LiquidationPrice => liquidation,
            AfterColumn::Below => below,
            AfterColumn::Above => above,
        };
    }
    if let Some(flags) = &mut out.after_liquidatable {
        flags[at] = figures.liquidatable;
    }
}

/// The liquidation price and the ends of the interval around the mark, of the position of an order's key; NaN where there is
/// none.
fn prices_of(book: &Book, prices: &Prices, row: &Row) -> [f64; 3] {
    let holdings = book.holdings();
    let n = holdings.n_positions();
    let own = |&at: &usize| {
        let isolated = holdings.kind(pool_of(book, at)) == crate::book::PoolKind::Isolated;
        let side: Side = holdings.side(at);
        holdings.margin_class(at).instrument == row.instrument && side == row.side && isolated == row.isolated
    };
    let Some(position) = (0..n).find(own) else { return [f64::NAN; 3] };
    let mut columns = [vec![f64::NAN; n], vec![f64::NAN; n], vec![f64::NAN; n]];
    let [liquidation, below, above] = &mut columns;
    let buffers = PositionBuffers {
        below: Some(below),
        above: Some(above),
        liquidation_price: Some(liquidation),
        ..PositionBuffers::default()
    };
    let options = Options { threads: Some(1), missing: Missing::Null, ..Options::default() };
    if liquidation_prices(book, prices, buffers, &options).is_err() {
        return [f64::NAN; 3];
    }
    columns.map(|column| column[holdings.row(position)])
}

fn pool_of(book: &Book, position: usize) -> usize {
    let holdings = book.holdings();
    (0..holdings.n_pools()).find(|&pool| holdings.positions_of(pool).contains(&position)).unwrap_or(0)
}

impl Own {
    fn new(ground: &Ground<'_>, wanted: Vec<Column>, options: &Options) -> crate::error::Result<Self> {
        let n = ground.book.holdings().n_pools();
        let mut columns: Vec<(Column, Vec<f64>)> = wanted.into_iter().map(|column| (column, vec![0.0; n])).collect();
        let mut liquidatable = vec![false; n];
        let buffers = Buffers {
            columns: columns.iter_mut().map(|(column, values)| (*column, values.as_mut_slice())).collect(),
            liquidatable: Some(&mut liquidatable),
            unpriced: None,
        };
        score(ground.book, ground.prices, buffers, &Options { missing: Missing::Null, ..*options })?;
        Ok(Self { columns, liquidatable })
    }

    fn write(&self, pool: usize, out: &mut DecisionBuffers<'_>, at: usize) {
        for ((_, values), (_, buffer)) in self.columns.iter().zip(&mut out.after) {
            buffer[at] = values[pool];
        }
        if let Some(flags) = &mut out.after_liquidatable {
            flags[at] = self.liquidatable[pool];
        }
    }
}
