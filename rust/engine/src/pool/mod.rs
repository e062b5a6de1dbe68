//! The one function: a pool's excess over prices, in two forms.
//!
//! The folded form is what kernels evaluate: constants folded, positions as lanes, a bound on what rounding can do.
//! [`exact`] evaluates the same function without rounding, from the original columns. [`Book`] holds both with what
//! they were made from.

mod classes;
pub mod exact;
mod folded;

use std::sync::Arc;

use crate::book::{Holdings, OnError, Rejected, Tables};
use crate::environment;
use crate::error::Result;
use crate::market::Market;

pub(crate) use classes::{ClassRow, Classes};
use folded::WINDOW;
pub(crate) use folded::{Folded, LANES, decode};

/// The accounts, grouped once into pools and folded for the kernels; owns its copy and never changes.
///
/// # Examples
/// ```
/// use std::sync::Arc;
/// use crossmargin::book::{Balances, Keys, OnError, Positions, Tables};
/// use crossmargin::{Book, Market};
///
/// let market = Arc::new(Market::preset("binance-usdm", None)?);
/// let (usdt, btc) = (market.asset_index("USDT").unwrap() as i64, market.instrument_index("BTCUSDT").unwrap() as i64);
/// let tables = Tables {
///     balances: Balances {
///         account: Keys::Int(&[7]),
///         asset: Keys::Int(&[usdt]),
///         wallet_balance: &[10_000.0],
///         ..Balances::default()
///     },
///     positions: Positions {
///         account: Keys::Int(&[7]),
///         instrument: Keys::Int(&[btc]),
///         quantity: &[0.5],
///         entry_price: &[60_000.0],
///         ..Positions::default()
///     },
///     ..Tables::default()
/// };
/// let (book, _) = Book::build(market, tables, OnError::Refuse)?;
/// assert_eq!(book.holdings().n_pools(), 1);
/// # Ok::<(), crossmargin::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Book {
    market: Arc<Market>,
    holdings: Holdings,
    classes: Classes,
    folded: Folded,
}

impl Book {
    /// Checks the tables, groups them into pools and folds them.
    ///
    /// With [`OnError::Reject`], whole accounts with a fault are dropped and said in [`Rejected`].
    ///
    /// # Errors
    /// [`crate::Error::Book`] with every fault; [`crate::Error::Argument`] for columns that do not fit together.
    pub fn build(market: Arc<Market>, tables: Tables<'_>, on_error: OnError) -> Result<(Self, Rejected)> {
        Self::build_in_windows(market, tables, on_error, WINDOW)
    }

    /// As [`Self::build`], with another number of pools per window; it changes no result.
    ///
    /// # Errors
    /// As [`Self::build`].
    #[doc(hidden)]
    pub fn build_in_windows(
        market: Arc<Market>,
        tables: Tables<'_>,
        on_error: OnError,
        window: usize,
    ) -> Result<(Self, Rejected)> {
        environment::check()?;
        let (holdings, rejected) = match on_error {
            OnError::Refuse => (Holdings::build(&market, &tables)?, Rejected::default()),
            OnError::Reject => Holdings::build_rejecting(&market, &tables)?,
        };
        let classes = Classes::new(&market, &holdings);
        let folded = Folded::new(&market, &holdings, &classes, window);
        Ok((Self { market, holdings, classes, folded }, rejected))
    }

    /// The rules.
    #[must_use]
    pub const fn market(&self) -> &Arc<Market> {
        &self.market
    }

    /// What is held.
    #[must_use]
    pub const fn holdings(&self) -> &Holdings {
        &self.holdings
    }

    pub(crate) const fn classes(&self) -> &Classes {
        &self.classes
    }

    pub(crate) const fn folded(&self) -> &Folded {
        &self.folded
    }
}
