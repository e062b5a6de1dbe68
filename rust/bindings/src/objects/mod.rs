//! The classes and functions of the module.

mod accounts;
mod arrays;
mod book;
mod buffers;
mod comparing;
mod deciding;
mod explaining;
mod given;
mod guarding;
mod history;
mod joining;
mod kept;
mod largest;
mod market;
mod mirroring;
mod monitor;
mod moving_funds;
mod options;
mod prices;
mod pricing;
mod proposing;
mod purse;
mod scoring;
mod sizing;
mod summary;
mod tables;

pub(crate) use book::Book;
pub(crate) use comparing::{compare_modes, mode_column_names};
pub(crate) use deciding::{after_names, apply_orders, check_order, check_orders, reason_names};
pub(crate) use explaining::explain;
pub(crate) use guarding::{check_limits, fire_stops};
pub(crate) use history::score_rows;
pub(crate) use largest::max_orders;
pub(crate) use market::{Market, preset_names};
pub(crate) use mirroring::{apply_mirrored, mirror};
pub(crate) use monitor::{Events, Monitor};
pub(crate) use moving_funds::{rebalance, withdrawable};
pub(crate) use options::thread_count;
pub(crate) use prices::Prices;
pub(crate) use pricing::{
    contribution, liquidation_distance, liquidation_prices, position_price_names, underlying_prices,
};
pub(crate) use proposing::Proposed;
pub(crate) use purse::Purse;
pub(crate) use scoring::{score, stream_floor, total};
pub(crate) use sizing::size_position;
