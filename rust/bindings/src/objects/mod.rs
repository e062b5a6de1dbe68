//! The classes and functions of the module.

mod arrays;
mod book;
mod buffers;
mod explaining;
mod given;
mod history;
mod kept;
mod market;
mod monitor;
mod options;
mod prices;
mod pricing;
mod scoring;
mod summary;
mod tables;

pub(crate) use book::Book;
pub(crate) use explaining::explain;
pub(crate) use history::score_rows;
pub(crate) use market::{Market, preset_names};
pub(crate) use monitor::{Events, Monitor};
pub(crate) use options::thread_count;
pub(crate) use prices::Prices;
pub(crate) use pricing::{
    contribution, liquidation_distance, liquidation_prices, position_price_names, underlying_prices,
};
pub(crate) use scoring::{score, stream_floor, total};
