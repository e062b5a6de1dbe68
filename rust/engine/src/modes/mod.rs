//! A question asked before a margin mode is chosen: the same positions isolated, cross and as they are.

mod books;
mod columns;
mod compare;
mod fences;
mod sweep;

pub use columns::{Allot, Compare, ModeBuffers, ModeColumn, Variant};
pub use compare::compare_modes;
