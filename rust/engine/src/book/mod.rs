//! What is held: the accounts' tables, checked and grouped into pools.
//!
//! [`Tables`] are the caller's columns; [`Holdings`] are the canonical ones that everything else reads. A book that
//! exists is consistent: kernels check nothing.

mod accounts;
mod builder;
mod checked;
mod choices;
mod holdings;
mod kept;
mod merge;
mod proposed;
mod reject;
mod sorting;
mod tables;
mod validate;
mod validate_late;
mod validate_orders;
mod waiting;

pub use accounts::AccountKeys;
pub use checked::Side;
pub use holdings::{Holdings, MarginClass, PoolKind, Rejected};
pub use tables::{
    Accounts, Balances, Duplicates, Keys, NO_KEY, OnError, Orders, Positions, QuantityUnit, Settings, Tables, TextKeys,
};

pub(crate) use choices::{Known, Setting};
pub(crate) use holdings::coordinate_size;
pub(crate) use proposed::{ProposedRows, Said, number_faults};
pub(crate) use validate::{Faults, Part, in_range};
pub(crate) use validate_late::OrderNeeds;
