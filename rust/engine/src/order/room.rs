//! The state that an account's next order meets: what the book has of it, and the orders accepted before.

use std::sync::Arc;

use crate::book::{PoolKind, Said};
use crate::ledger::Ledger;
use crate::market::CrossPool;
use crate::pool::{Book, OrderRow};

use super::ground::Ground;
use super::row::{Met, Row, complete};

/// An account by itself after something filled.
#[derive(Debug, Clone)]
pub(super) struct Filled {
    pub(super) ledger: Ledger,
    pub(super) book: Arc<Book>,
}

/// One account before its next order.
#[derive(Debug)]
pub(crate) struct Room<'a> {
    ground: &'a Ground<'a>,
    /// The account's number in the book that was asked about.
    first: usize,
    /// The account alone, once something has filled, with the ledger that it filled in.
    pub(super) filled: Option<Box<Filled>>,
    /// Accepted orders that rest and count.
    resting: Vec<Row>,
    /// Accepted orders that rest and do not count: that wait, or only reduce.
    beside: Vec<Row>,
}

impl<'a> Room<'a> {
    /// An account as the book has it.
    pub(crate) const fn new(ground: &'a Ground<'a>, account: usize) -> Self {
        Self { ground, first: account, filled: None, resting: Vec::new(), beside: Vec::new() }
    }

    pub(crate) const fn ground(&self) -> &'a Ground<'a> {
        self.ground
    }

    /// The book that has the account as it is.
    pub(crate) fn book(&self) -> &Book {
        self.filled.as_ref().map_or(self.ground.book, |filled| &filled.book)
    }

    /// The account's number in [`Self::book`].
    pub(crate) const fn account(&self) -> usize {
        if self.filled.is_some() { 0 } else { self.first }
    }

    /// The account's number in the book that was asked about.
    pub(crate) const fn first_account(&self) -> usize {
        self.first
    }

    /// Whether the account is as the book that was asked about has it, but for orders that do not count.
    pub(super) fn is_untouched(&self) -> bool {
        self.filled.is_none() && self.resting.is_empty()
    }

    /// Whether it is as the book that was asked about has it.
    pub(super) fn is_new(&self) -> bool {
        self.is_untouched() && self.beside.is_empty()
    }

    /// The orders accepted before that rest.
    pub(crate) fn accepted(&self) -> impl Iterator<Item = &Row> {
        self.resting.iter().chain(&self.beside)
    }

    /// Those of them that count.
    pub(crate) fn resting(&self) -> &[Row] {
        &self.resting
    }

    /// Those of them that count, as open orders.
    pub(crate) fn orders(&self) -> Vec<OrderRow> {
        self.resting.iter().map(Row::as_order).collect()
    }

    /// What an order says, complete, and what it meets.
    pub(crate) fn row(&self, said: &Said) -> (Row, Met) {
        let met = Met::new(self.book(), self.account(), said.instrument, said.side);
        (complete(self.book().holdings(), self.account(), said, &met), met)
    }

    /// Adds an accepted order that rests.
    pub(crate) fn rest(&mut self, row: &Row) {
        let counts = row.counts(self.ground.conditional);
        if counts { &mut self.resting } else { &mut self.beside }.push(*row);
    }

    /// The cross pool of the book that was asked about which an order of an instrument meets.
    pub(crate) fn first_pool(&self, instrument: u32) -> Option<usize> {
        cross_pool(self.ground.book, self.first, instrument)
    }
}

/// The cross pool of an account that orders of an instrument meet; `None` where there is none yet.
pub(crate) fn cross_pool(book: &Book, account: usize, instrument: u32) -> Option<usize> {
    let holdings = book.holdings();
    let pools = holdings.pools_of(account);
    // Of an account without isolated positions under one asset the one pool is all that there is.
    if pools.len() == 1 && !book.has_isolated() && book.market().assets().len() == 1 {
        return Some(pools.start);
    }
    let joint = book.market().rules().cross_pool() == CrossPool::PerAccount;
    let settle = book.market().instruments()[instrument as usize].settle();
    let mut pools = pools;
    pools.find(|&pool| {
        holdings.pool_kind[pool] == PoolKind::Cross && (joint || usize::from(holdings.pool_asset[pool]) == settle)
    })
}
