//! Where a pool's excess changes sign: along one instrument's price, one underlying's, or a joint move of all.

mod contribution;
mod distance;
mod ends;
mod fast;
mod positions;
mod shares;
mod underlyings;
mod walk;

pub use contribution::{Contributions, contribution};
pub use distance::{Distances, Shock, liquidation_distance};
pub use positions::{PositionBuffers, liquidation_prices, position_keys};
pub use underlyings::{UnderlyingPrices, underlying_prices};

#[cfg(test)]
mod tests;
