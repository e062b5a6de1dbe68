//! A question asked before a trade: does this order fit, and what is the largest that does?
//!
//! An order is judged by what it needs: the initial margin that it takes beyond what is taken already, and its loss at the
//! present mark where the rules count it. It fits where it needs nothing, or no more than what is there. Who opens must also
//! stay clear of liquidation, of the leverage that the tier allows and of the last tier's end. Verdicts are those of exact
//! arithmetic on the decimals that inputs denote.

mod accounts;
mod after;
mod beyond;
mod equity;
mod exactly;
mod fast;
mod faults;
mod filled;
mod gate;
mod ground;
mod largest;
mod lots;
mod mirror;
mod opening;
mod pieces;
mod reason;
mod resting;
mod room;
mod row;
mod rule;
mod runs;
mod sequence;
mod single;
mod size;
mod structure;
mod sums;
mod table;
mod tiered;
mod turns;
mod worth;

pub use filled::{Applied, applied};
pub(crate) use filled::{OneKey, reason_of};
pub use gate::{AfterColumn, Assume, Decided, DecisionBuffers, FillFee, Gate, OnFault, Proposed, Verdict};
pub use largest::{Asked, Largest, max_orders};
pub use mirror::{Followers, MirrorBy, Mirrored, MirroredRow, mirror};
pub use reason::Reason;
pub use single::check_order;
pub use size::{SizeLimit, SizeRows, Sized, size_position};
pub use table::check_orders;
