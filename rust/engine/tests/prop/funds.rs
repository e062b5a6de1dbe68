//! Money that may leave may leave, and not a quantum more; pools that are brought to a target are there.

use std::sync::Arc;

use crossmargin::book::PoolKind;
use crossmargin::funds::{Binding, Leaving, Rebalance, Sweep, Target, rebalance, withdrawable};
use crossmargin::score::Column;
use crossmargin::{Book, Market, Prices};
use proptest::prelude::*;

use super::laws::{accounts, moment, preset, prices, rows};
use super::rows::{Rows, plain, scored};
use super::{PRESETS, config};

/// What cannot be told apart in doubles of figures.
const NEAR: f64 = 1e-11;

fn near(x: f64) -> f64 {
    NEAR * x.abs().max(1e6)
}

/// A count of quanta as an amount: the decimal that the double nearest to it denotes.
fn amount(quanta: i128, quantum: f64) -> f64 {
    let decimals = format!("{quantum:e}").split_once('e').map_or(0, |(_, power)| power.parse::<i32>().unwrap());
    format!("{quanta}e{decimals}").parse().unwrap()
}

/// The rows after quanta of an asset have left the wallet of an account, and what that makes void.
fn without(rows: &Rows, market: &Market, (account, asset, quanta): (i64, i64, i128)) -> Rows {
    let quantum = market.assets()[usize::try_from(asset).unwrap()].quantum();
    let mut rows = rows.clone();
    for row in rows.balances.iter_mut().filter(|row| row.account == account) {
        if row.asset == asset {
            row.wallet = minus(row.wallet, quanta, quantum);
        }
        if market.rules().bonus_forfeited() {
            row.bonus = 0.0;
        }
    }
    rows
}

/// A short decimal less a count of quanta, without rounding.
fn minus(x: f64, quanta: i128, quantum: f64) -> f64 {
    let scale = (1.0 / quantum).round();
    // Eighths are whole thousandths, and sums stay far below 2^53.
    let whole = (x * 1_000.0).round() * (scale / 1_000.0);
    #[expect(clippy::cast_possible_truncation, reason = "whole, and below 2^53")]
    let left = whole as i128 - quanta;
    amount(left, quantum)
}

fn key(book: &Book, pool: u32) -> (i64, usize) {
    let holdings = book.holdings();
    let account = holdings.account_of(pool as usize);
    let crossmargin::book::AccountKeys::Int(keys) = holdings.accounts() else { return (0, 0) };
    (keys[account], pool as usize - holdings.pools_of(account).start)
}

/// What is found of the same part of the same pool in another book.
fn again(book: &Book, other: &Book, prices: &Prices, row: &Leaving) -> Leaving {
    let (account, at) = key(book, row.pool);
    let layer = row.layer as usize - book.holdings().layers_of(row.pool as usize).start;
    let found = withdrawable(other, prices, &plain()).unwrap();
    let same = |of: &&Leaving| {
        let own = of.layer as usize - other.holdings().layers_of(of.pool as usize).start;
        key(other, of.pool) == (account, at) && own == layer
    };
    *found.iter().find(same).unwrap()
}

fn check_cross(
    (rows, market, prices): (&Rows, &Arc<Market>, &Prices),
    book: &Book,
    row: &Leaving,
) -> Result<(), TestCaseError> {
    let (account, at) = key(book, row.pool);
    let asset = book.holdings().layer_asset(row.layer as usize);
    let number = i64::from(u16::try_from(asset).unwrap_or(u16::MAX));
    let before = &scored(book, prices, &plain())[&account][at];
    let left = without(rows, market, (account, number, row.quanta));
    let after = left.book(market, None);
    if row.quanta > 0 {
        prop_assert!(!scored(&after, prices, &plain())[&account][at].liquidatable);
        prop_assert_eq!(again(book, &after, prices, row).quanta, 0);
    }
    if market.rules().cross_pool() == crossmargin::market::CrossPool::PerAccount {
        return Ok(());
    }
    let quantum = market.assets()[asset].quantum();
    let (some, more) = (amount(row.quanta, quantum), amount(row.quanta + 1, quantum));
    let told = before.figure(Column::Withdrawable);
    prop_assert!(some <= told + near(told), "{some} of {told}");
    if matches!(row.binding, Binding::Rule | Binding::OwnMoney) {
        prop_assert!(more > told - near(told), "{some} of {told}");
    } else if row.binding == Binding::Trigger {
        let left = without(rows, market, (account, number, row.quanta + 1));
        prop_assert!(scored(&left.book(market, None), prices, &plain())[&account][at].liquidatable);
    }
    Ok(())
}

/// The rows once transfers are done.
fn moved(rows: &Rows, book: &Book, found: &Rebalance) -> Rows {
    let (holdings, market) = (book.holdings(), book.market());
    let mut rows = rows.clone();
    for transfer in &found.transfers {
        let quantum = market.assets()[transfer.asset as usize].quantum();
        for (pool, quanta) in [(Some(transfer.from), transfer.quanta), (transfer.to, -transfer.quanta)] {
            let Some(pool) = pool.filter(|&pool| holdings.kind(pool as usize) == PoolKind::Isolated) else { continue };
            let row = holdings.row(holdings.positions_of(pool as usize).start);
            // Rows of refused accounts are counted too.
            let fence = &mut rows.positions[row].fence;
            *fence = minus(*fence, quanta, quantum);
        }
        if transfer.to.is_none() {
            let asset = i64::from(transfer.asset);
            let (account, _) = key(book, transfer.from);
            rows = without(&rows, market, (account, asset, transfer.quanta));
        }
    }
    rows
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn test_withdrawable_to_the_quantum_leaves_a_legal_pool(
        preset in preset(), drawn in accounts(), moment in moment()
    ) {
        let market = &PRESETS[preset];
        let (rows, prices) = (rows(&drawn, market), prices(market, &moment));
        let book = rows.book(market, None);
        for row in withdrawable(&book, &prices, &plain()).unwrap() {
            let known = !matches!(row.binding, Binding::Unpriced | Binding::LeverageUnknown);
            prop_assert!(row.quanta >= 0 && (row.quanta == 0) == (row.binding == Binding::Nothing || !known));
            if known && book.holdings().kind(row.pool as usize) == PoolKind::Cross {
                check_cross((&rows, market, &prices), &book, &row)?;
            }
        }
    }

    #[test]
    fn test_withdrawable_whatever_the_threads_is_the_same(
        preset in preset(), drawn in accounts(), moment in moment(), threads in 1..4_usize
    ) {
        let market = &PRESETS[preset];
        let (rows, prices) = (rows(&drawn, market), prices(market, &moment));
        let book = rows.book(market, Some(1));
        let options = crossmargin::score::Options { threads: Some(threads), ..plain() };
        let found = withdrawable(&book, &prices, &options).unwrap();
        prop_assert_eq!(&found, &withdrawable(&rows.book(market, None), &prices, &plain()).unwrap());
    }

    #[test]
    fn test_rebalance_brings_pools_to_the_target_and_loses_nothing(
        preset in preset(), drawn in accounts(), moment in moment(), ratio in 1..60_u32, sweeps in any::<bool>()
    ) {
        let market = &PRESETS[preset];
        let (mut rows, prices) = (rows(&drawn, market), prices(market, &moment));
        // What follows from the rules is no short decimal.
        rows.positions.retain(|row| !row.isolated || !row.fence.is_nan());
        let book = rows.book(market, None);
        let sweep = if sweeps { Sweep::Surplus } else { Sweep::None };
        let target = Target { ratio: f64::from(ratio) / 4.0, sweep, ..Target::default() };
        let found = rebalance(&book, &prices, &target, &plain()).unwrap();
        for transfer in &found.transfers {
            prop_assert!(transfer.quanta > 0);
        }
        for pool in &found.pools {
            let own = |of: Option<u32>| of == Some(pool.pool);
            let of_asset = found.transfers.iter().filter(|transfer| transfer.asset == pool.asset);
            let flow = |transfer: &crossmargin::funds::Transfer| {
                let signed = i128::from(own(transfer.to)) - i128::from(own(Some(transfer.from)));
                signed * transfer.quanta
            };
            prop_assert_eq!(pool.moved, of_asset.map(flow).sum::<i128>());
        }
        if rows.positions.len() != book.holdings().n_positions() {
            return Ok(());
        }
        let after = moved(&rows, &book, &found).book(market, None);
        prop_assert_eq!(after.holdings().n_pools(), book.holdings().n_pools());
        let none = Target { sweep: Sweep::None, ..target };
        let rest = rebalance(&after, &prices, &none, &plain()).unwrap();
        for (pool, rest) in found.pools.iter().zip(&rest.pools) {
            prop_assert_eq!(pool.short, rest.short);
            if pool.short == 0 {
                prop_assert_eq!(rest.moved, 0);
            }
            let (a, b) = (pool.margin_ratio_after, rest.margin_ratio);
            prop_assert!((a - b).abs() <= near(b) || a.to_bits() == b.to_bits() || a.is_nan(), "{a} {b}");
        }
    }
}
