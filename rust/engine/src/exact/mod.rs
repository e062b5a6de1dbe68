//! Exact numbers: the decimals that inputs denote, rationals over them, and sums that do not depend on order.
//!
//! Kernels decide with `f64` and a proven bound; what lies inside the bound is decided here. Nothing here knows
//! about accounts or venues.

mod accumulator;
mod along;
mod decimal;
mod enclosed;
mod grid;
mod interval;
mod number;
mod polynomial;
mod rational;
mod slopes;
mod traced;
mod twofold;
mod wide;

pub use accumulator::Accumulator;
pub(crate) use along::{Along, Path};
pub use decimal::Decimal;
pub(crate) use enclosed::{Centre, Enclosed};
pub(crate) use grid::{DOUBT, FIRST, GRID, N_BINADES, binary, residual};
pub(crate) use interval::{Interval, larger};
pub(crate) use number::{Bounded, Motion, Number};
pub(crate) use polynomial::Polynomial;
pub use rational::Exact;
pub(crate) use slopes::{Axis, Region};
pub(crate) use traced::{Name, Op, Role, Traced};
pub(crate) use twofold::{Quad, Twofold, product_of};
pub(crate) use wide::Wide;
