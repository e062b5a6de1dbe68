//! A ledger of one account that a book has, for what is only tried.

use std::sync::Arc;

use crate::error::Result;
use crate::pool::{Book, KnownTables};

use super::Ledger;
use super::rows::{Naming, Rows, Words};
use super::state::{Beside, State};

impl Ledger {
    /// One account of a book, under the key 0, with tables that it shares with others.
    pub(crate) fn single(book: &Book, account: usize, shared: &Arc<KnownTables>) -> Result<Self> {
        let (market, holdings) = (book.market(), book.holdings());
        let (mut rows, words) = (Rows::default(), Words::new(market));
        rows.push(market, &words, 0, &State::read(holdings, account, &Beside::default()));
        let tables = rows.lend(&words, holdings.quantity_unit, Naming::Numbers);
        let alone = Book::build_sharing(Arc::clone(market), &tables, shared)?;
        Ok(Self { shared: Arc::clone(shared), ..Self::new(Arc::new(alone)) })
    }

    /// The book that an account is in, and which of its accounts it is; `None` for a closed one.
    pub(crate) fn place(&self, account: usize) -> Option<(&Arc<Book>, usize)> {
        self.places.get(account)
    }
}
