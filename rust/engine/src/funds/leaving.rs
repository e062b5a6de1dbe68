//! What can leave each pool, asset by asset, in whole quanta.

use crate::error::{Error, Result};
use crate::market::Prices;
use crate::pool::Book;
use crate::score::Options;

/// What keeps one quantum more from leaving.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Binding {
    /// Nothing of the owner's own is left.
    OwnMoney,
    /// The venue's rule of what can be taken out.
    Rule,
    /// The pool would be liquidatable.
    Trigger,
    /// Not a single quantum can leave.
    Nothing,
    /// Something that the pool holds has no price.
    Unpriced,
    /// The rule asks for a leverage that nobody says.
    LeverageUnknown,
}

impl Binding {
    /// The word of tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::OwnMoney => "own_money",
            Self::Rule => "rule",
            Self::Trigger => "trigger",
            Self::Nothing => "nothing",
            Self::Unpriced => "unpriced",
            Self::LeverageUnknown => "leverage_unknown",
        }
    }
}

/// The most of an asset that can leave a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leaving {
    /// The pool.
    pub pool: u32,
    /// The part of the pool that holds the asset: see [`crate::book::Holdings::layer_asset`].
    pub layer: u32,
    /// How much, in quanta of the asset; 0 where it is unknown.
    pub quanta: i128,
    /// What keeps more from leaving.
    pub binding: Binding,
}

/// What can leave each pool: a row per cross pool and asset, and one per isolated pool, in the order of the pools.
///
/// # Errors
/// As [`crate::score::score`].
pub fn withdrawable(_book: &Book, _prices: &Prices, _options: &Options) -> Result<Vec<Leaving>> {
    Err(Error::argument("withdrawable", "is not there yet"))
}
