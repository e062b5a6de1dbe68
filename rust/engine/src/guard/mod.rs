//! A question asked of one's own rules: which accounts are beyond their limits, and which stops do these prices fire?

mod check;
mod limits;

pub use check::{BreachBuffers, check_limits};
pub use limits::Limits;
