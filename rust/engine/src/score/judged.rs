//! Pools evaluated one by one: those whose rules have no lanes.

use crate::market::{Prices, VenueRatio};
use crate::pool::{Book, Judged, UNKNOWN, is_priced, judge};

use super::Summary;
use super::columns::{Column, Part};

/// A figure of a pool.
pub(super) fn figure(judged: &Judged, column: Column, ratio: VenueRatio) -> f64 {
    match column {
        Column::WalletBalance => judged.wallet_balance,
        Column::UnrealizedPnl => judged.unrealized_pnl,
        Column::Equity => judged.equity,
        Column::CollateralValue => judged.collateral_value,
        Column::Notional => judged.notional,
        Column::InitialMargin => judged.initial_margin,
        Column::MaintenanceMargin => judged.maintenance_margin,
        Column::Excess => judged.excess,
        Column::MarginRatio => judged.margin_ratio,
        Column::VenueRatio => match ratio {
            VenueRatio::EquityOverMaintenance => judged.margin_ratio,
            VenueRatio::MaintenanceOverEquity => share_used(judged.collateral_value, judged.maintenance_margin),
        },
        Column::FreeMargin => judged.free_margin,
        Column::Available => judged.available,
        Column::Withdrawable => judged.withdrawable,
    }
}

/// `required / counted`: 0 where nothing is required, infinite where something is and nothing is left.
pub(super) fn share_used(counted: f64, required: f64) -> f64 {
    if required == 0.0 {
        0.0
    } else if counted <= 0.0 {
        f64::INFINITY
    } else {
        required / counted
    }
}

/// Scores the pools of a part one by one.
pub(super) fn score_each(book: &Book, prices: &Prices, mut part: Part<'_>) -> Summary {
    let ratio = book.market().rules().venue_ratio();
    let mut summary = Summary::default();
    for i in 0..part.n {
        let pool = part.first + i;
        let priced = is_priced(book, pool, prices);
        let judged = if priced { judge(book, pool, prices) } else { UNKNOWN };
        summary.n_unpriced += usize::from(!priced);
        summary.n_exact += usize::from(judged.exact);
        for (column, buffer) in &mut part.columns {
            buffer[i] = figure(&judged, *column, ratio);
        }
        if let Some(flags) = &mut part.liquidatable {
            flags[i] = judged.liquidatable;
        }
        if let Some(flags) = &mut part.unpriced {
            flags[i] = !priced;
        }
    }
    summary
}

/// Writes the columns of a part's pools that have orders, credit or debts: their cash and initial margin are not those
/// of the lanes.
pub(super) fn overwrite_special(book: &Book, prices: &Prices, part: &mut Part<'_>) {
    let of_cash = |column: Column| column.needs_cash() || column.needs_initial();
    if book.special().is_empty() || !part.columns.iter().any(|(column, _)| of_cash(*column)) {
        return;
    }
    let ratio = book.market().rules().venue_ratio();
    let from = book.special().partition_point(|&pool| (pool as usize) < part.first);
    for &pool in book.special()[from..].iter().take_while(|&&pool| (pool as usize) < part.first + part.n) {
        let pool = pool as usize;
        let judged = if is_priced(book, pool, prices) { judge(book, pool, prices) } else { UNKNOWN };
        for (column, buffer) in part.columns.iter_mut().filter(|(column, _)| of_cash(*column)) {
            buffer[pool - part.first] = figure(&judged, *column, ratio);
        }
    }
}
