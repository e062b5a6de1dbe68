//! A question asked before money moves: what can leave, and what has to move for every pool to be where it should be?

mod leaving;
mod plan;
mod rebalance;
mod scene;
mod search;

pub use leaving::{Binding, Leaving, withdrawable};
pub use rebalance::{PoolMove, Rebalance, Sweep, Target, Transfer, rebalance};
