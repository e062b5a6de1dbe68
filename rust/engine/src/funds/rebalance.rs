//! The least money to move so that every pool is at a target.

use crate::error::{Error, Result};
use crate::market::Prices;
use crate::pool::Book;
use crate::score::{Options, Summary};

/// What leaves the account beside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sweep {
    /// Nothing.
    #[default]
    None,
    /// All that can leave with every pool at the target.
    Surplus,
    /// No more of that than the equity is above a reference.
    Profit,
}

impl Sweep {
    /// The sweep of a name: `none`, `surplus` or `profit`.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        match name {
            "none" => Some(Self::None),
            "surplus" => Some(Self::Surplus),
            "profit" => Some(Self::Profit),
            _ => None,
        }
    }
}

/// Where every pool is to be.
#[derive(Debug, Clone, Copy, Default)]
pub struct Target<'a> {
    /// `collateral_value >= ratio * maintenance_margin` is asked of every pool that requires anything.
    pub ratio: f64,
    /// What leaves beside.
    pub sweep: Sweep,
    /// Under [`Sweep::Profit`] the equity that each account of the book began with, in the valuation asset; NaN for none.
    pub reference: &'a [f64],
    /// Of which accounts; `None` for all.
    pub accounts: Option<&'a [u32]>,
}

/// Money that moves from a pool to another of its account, or out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transfer {
    /// The account, by its place in the book.
    pub account: u32,
    /// The asset, in the market's order.
    pub asset: u32,
    /// The pool that pays.
    pub from: u32,
    /// The pool that gets it; `None` where it leaves the account.
    pub to: Option<u32>,
    /// How much, in quanta of the asset.
    pub quanta: i128,
}

/// What becomes of a pool.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PoolMove {
    /// The pool.
    pub pool: u32,
    /// The asset, in the market's order; a cross pool of several has a row of each.
    pub asset: u32,
    /// What came in (positive) or went out, in quanta of the asset.
    pub moved: i128,
    /// What it still lacks, in quanta of the asset.
    pub short: i128,
    /// `collateral_value / maintenance_margin` before; NaN where unknown.
    pub margin_ratio: f64,
    /// The same after.
    pub margin_ratio_after: f64,
}

/// What has to move.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rebalance {
    /// The transfers, by account and asset, in the order in which they can be done.
    pub transfers: Vec<Transfer>,
    /// Every pool of the accounts asked about.
    pub pools: Vec<PoolMove>,
    /// Pools that only exact arithmetic could decide, and pools without a price.
    pub summary: Summary,
}

/// The least money to move within each account so that its pools are at a target.
///
/// # Errors
/// As [`crate::score::score`]; [`Error::Argument`] for a target that is no positive number, references of another length and
/// accounts that the book does not hold.
pub fn rebalance(_book: &Book, _prices: &Prices, _target: &Target<'_>, _options: &Options) -> Result<Rebalance> {
    Err(Error::argument("rebalance", "is not there yet"))
}
