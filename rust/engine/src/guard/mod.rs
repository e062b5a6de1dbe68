//! A question asked of one's own rules: which accounts are beyond their limits, and which stops do these prices fire?

mod check;
mod limits;
mod stops;

pub use check::{BreachBuffers, check_limits};
pub use limits::Limits;
pub use stops::{Fired, FiredOrder, StopFill, Stops, fire_stops};
