//! Margin and liquidation of cross-collateralised accounts.
//!
//! A margin mode is a partition of an account's positions and balances into collateral pools; a pool is a
//! function of prices. This crate holds the rules ([`market`]), the accounts ([`book`]) and the questions asked
//! about their pools ([`score`]). It has no Python, no files, no sockets and no global state.
#![deny(unsafe_code)]
#![warn(missing_docs)]

pub mod book;
mod environment;
pub mod error;
pub mod exact;
pub mod explain;
pub mod funds;
pub mod guard;
mod kernel;
pub mod ledger;
pub mod market;
mod memory;
pub mod modes;
pub mod monitor;
pub mod order;
mod parallel;
pub mod pool;
pub mod price;
pub mod score;

pub use error::{Error, Result};
pub use kernel::Isa;
pub use ledger::Ledger;
pub use market::{Market, Prices};
pub use parallel::threads_or_all;
pub use pool::Book;
