//! Laws that hold whatever the rules are: order, company and units change nothing, and cash never hurts.

use std::collections::BTreeMap;
use std::sync::Arc;

use crossmargin::book::PoolKind;
use crossmargin::score::{Column, Missing, Options};
use crossmargin::{Isa, Market, Prices};
use proptest::prelude::*;
use proptest::sample::Index;

use super::rows::{AccountRow, BalanceRow, OrderRow, Pool, PositionRow, Rows, plain, scored};
use super::{PRESETS, config};

/// Instruments and assets that rows are drawn of: the first ones of the market.
const INSTRUMENTS: usize = 6;
const ASSETS: usize = 3;

/// Eighths up to a bound: their decimals are short, so that they denote what the doubles are.
pub(crate) fn eighths(most: u32) -> impl Strategy<Value = f64> + Clone {
    (1..=most * 8).prop_map(|n| f64::from(n) / 8.0)
}

fn known(strategy: impl Strategy<Value = f64>) -> impl Strategy<Value = f64> {
    prop_oneof![8 => strategy, 1 => Just(f64::NAN)]
}

#[derive(Debug, Clone)]
pub(crate) struct Drawn {
    wallets: Vec<(f64, bool, f64, f64)>,
    positions: Vec<(Index, f64, f64, f64, f64, bool)>,
    orders: Vec<(Index, f64, f64, f64, bool, bool)>,
    hedges: bool,
    coefficient: f64,
}

fn account() -> impl Strategy<Value = Drawn> {
    let signed = |most| (eighths(most), any::<bool>()).prop_map(|(x, buys)| if buys { x } else { -x });
    let leverage = || known((1..=20_u32).prop_map(f64::from));
    let isolated = || prop::bool::weighted(0.2);
    let credit = || prop_oneof![6 => Just(0.0), 1 => eighths(1_000)];
    let wallet = (eighths(100_000), prop::bool::weighted(0.1), credit(), credit());
    let position = (any::<Index>(), signed(200), eighths(2_000), leverage(), known(eighths(5_000)), isolated());
    let order = (any::<Index>(), signed(200), known(eighths(2_000)), leverage(), any::<bool>(), isolated());
    let coefficient = prop_oneof![3 => Just(f64::NAN), 1 => (1..=8_u32).prop_map(f64::from)];
    let lists = (
        prop::collection::vec(wallet, 0..=ASSETS),
        prop::collection::vec(position, 0..5),
        prop::collection::vec(order, 0..3),
    );
    (lists, prop::bool::weighted(0.3), coefficient).prop_map(|((wallets, positions, orders), hedges, coefficient)| {
        Drawn { wallets, positions, orders, hedges, coefficient }
    })
}

/// The rows of drawn accounts in a market of so many instruments and assets.
pub(crate) fn rows(drawn: &[Drawn], market: &Market) -> Rows {
    let instruments = market.instruments().len().min(INSTRUMENTS);
    let mut rows = Rows::default();
    for (account, drawn) in (0..).zip(drawn) {
        for (asset, &(wallet, owes, bonus, borrowed)) in (0..).zip(drawn.wallets.iter().take(market.assets().len())) {
            let wallet = if owes { -wallet } else { wallet };
            rows.balances.push(BalanceRow { account, asset, wallet, bonus, borrowed });
        }
        // One position of a key, or the book is malformed.
        let mut held = BTreeMap::new();
        for &(instrument, quantity, entry, leverage, fence, isolated) in &drawn.positions {
            let at = instrument.index(instruments);
            let (hedges, instrument) = (drawn.hedges, i64::try_from(at).unwrap());
            let fence = if isolated { fence } else { f64::NAN };
            let row = PositionRow { account, instrument, quantity, entry, leverage, fence, isolated, hedges };
            held.insert((at, hedges && quantity < 0.0), row);
        }
        rows.positions.extend(held.into_values());
        for &(instrument, quantity, price, leverage, reduce_only, isolated) in &drawn.orders {
            let (hedges, instrument) = (drawn.hedges, i64::try_from(instrument.index(instruments)).unwrap());
            let row = OrderRow { account, instrument, quantity, price, leverage, reduce_only, isolated, hedges };
            rows.orders.push(row);
        }
        rows.accounts.push(AccountRow { account, coefficient: drawn.coefficient });
    }
    rows
}

/// Marks of the instruments that are drawn, and prices of the assets.
pub(crate) type Moment = (Vec<f64>, Vec<f64>);

pub(crate) fn moment() -> impl Strategy<Value = Moment> {
    let column = |n| prop::collection::vec(prop_oneof![20 => eighths(2_000), 1 => Just(f64::NAN)], n);
    (column(INSTRUMENTS), column(ASSETS))
}

pub(crate) fn prices(market: &Market, (mark, index): &Moment) -> Prices {
    let fitted = |column: &[f64], n: usize| {
        let mut fitted = column.to_vec();
        fitted.resize(n, f64::NAN);
        fitted
    };
    let marks = fitted(mark, market.instruments().len());
    let last = marks.clone();
    let prices = Prices::new(market, marks, fitted(index, market.assets().len())).unwrap();
    prices.with_last(market, last).unwrap()
}

pub(crate) fn accounts() -> impl Strategy<Value = Vec<Drawn>> {
    prop::collection::vec(account(), 1..5)
}

pub(crate) fn preset() -> impl Strategy<Value = usize> {
    0..PRESETS.len()
}

/// Rules of one asset that are not those of a preset, with every amount of money times `2^power`.
fn made((law, price, legs, orders, fee): Kind, power: i32) -> Arc<Market> {
    let unit = scale(power);
    let floors = [0.0, 1_000.0 * unit, 50_000.0 * unit];
    let deduction =
        if law == "list" { format!("deduction = {:?}", [0.0, 8.0 * unit, 1_500.0 * unit]) } else { String::new() };
    let text = format!(
        r#"
extends = "textbook/2020-01-01"
preset = "made-up"
as_of = 2024-10-01
[trigger]
level = 1.25
[maintenance_margin]
price = "{price}"
legs = "{legs}"
closing_fee = "{fee}"
[initial_margin]
price = "mark"
legs = "{legs}"
[fees]
taker = 0.0005
[orders]
maintenance_margin = "{orders}"
initial_margin = "{orders}"
tier_basis = "{orders}"
order_loss = "equity"
[tiers.FLAT]
law = "{law}"
bounds = "quote"
floor = {floors:?}
maintenance_rate = [0.01, 0.02, 0.05]
{deduction}
"#
    );
    Arc::new(Market::from_toml(&text).unwrap())
}

type Kind = (&'static str, &'static str, &'static str, &'static str, &'static str);

fn kind() -> impl Strategy<Value = Kind> {
    let laws = prop::sample::select(vec!["marginal", "flat", "list"]);
    let prices = prop::sample::select(vec!["mark", "entry"]);
    let legs = prop::sample::select(vec!["each", "net", "larger_side"]);
    let orders = prop::sample::select(vec!["none", "sum", "worst_fill"]);
    (laws, prices, legs, orders, prop::sample::select(vec!["none", "mark"]))
}

fn scale(power: i32) -> f64 {
    (0..power.abs()).fold(1.0, |unit, _| if power < 0 { unit / 2.0 } else { unit * 2.0 })
}

/// The rows with every amount of money times `unit`, by way of the quantities or of the prices.
fn scaled(rows: &Rows, unit: f64, by_quantity: bool) -> Rows {
    let (quantity, price) = if by_quantity { (unit, 1.0) } else { (1.0, unit) };
    let mut rows = rows.clone();
    for row in &mut rows.balances {
        (row.wallet, row.bonus, row.borrowed) = (row.wallet * unit, row.bonus * unit, row.borrowed * unit);
    }
    for row in &mut rows.positions {
        (row.quantity, row.entry, row.fence) = (row.quantity * quantity, row.entry * price, row.fence * unit);
    }
    for row in &mut rows.orders {
        (row.quantity, row.price) = (row.quantity * quantity, row.price * price);
    }
    rows
}

fn same(found: &[Pool], expected: &[Pool]) -> Result<(), TestCaseError> {
    prop_assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        prop_assert_eq!(found.bits(), expected.bits());
    }
    Ok(())
}

fn is_ratio(column: Column) -> bool {
    matches!(column, Column::MarginRatio | Column::VenueRatio)
}

/// Whether two figures have the same bits. Under laws that jump at a floor, pools near one are evaluated another way than
/// the others, and which are near is seen by a code of the floor that knows its power of two: then figures agree within
/// the contract's bound.
fn agree(a: f64, b: f64, jumps: bool) -> bool {
    const ROUNDINGS: f64 = 64.0;
    let near = jumps && (a - b).abs() <= ROUNDINGS * f64::EPSILON * a.abs().max(b.abs());
    near || a.to_bits() == b.to_bits()
}

/// The rows with more cash in every wallet, or behind every isolated position that says what it has.
fn richer(rows: &Rows, more: f64, fences: bool) -> Rows {
    let mut rows = rows.clone();
    if fences {
        rows.positions.iter_mut().for_each(|row| row.fence += more);
    } else {
        rows.balances.iter_mut().for_each(|row| row.wallet += more);
    }
    rows
}

fn no_worse(before: &Pool, after: &Pool) -> Result<(), TestCaseError> {
    for column in [Column::Equity, Column::CollateralValue, Column::Excess, Column::MarginRatio] {
        let (old, new) = (before.figure(column), after.figure(column));
        prop_assert!(new >= old || (new.is_nan() && old.is_nan()), "{:?} was {old}, is {new}", column);
    }
    prop_assert!(before.liquidatable || !after.liquidatable);
    Ok(())
}

pub(crate) fn shuffled<Row: Clone>(rows: &[Row], order: &[u64]) -> Vec<Row> {
    let mut keyed: Vec<_> = rows.iter().enumerate().map(|(at, row)| (order[at % order.len()], row.clone())).collect();
    keyed.sort_by_key(|(key, _)| *key);
    keyed.into_iter().map(|(_, row)| row).collect()
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn test_score_rows_in_any_order_have_the_same_bits(
        preset in preset(), drawn in accounts(), moment in moment(), order in prop::collection::vec(any::<u64>(), 24)
    ) {
        let market = &PRESETS[preset];
        let (rows, prices) = (rows(&drawn, market), prices(market, &moment));
        let expected = scored(&rows.book(market, None), &prices, &plain());
        let other = Rows {
            balances: shuffled(&rows.balances, &order),
            positions: shuffled(&rows.positions, &order),
            orders: shuffled(&rows.orders, &order),
            accounts: shuffled(&rows.accounts, &order),
        };
        let found = scored(&other.book(market, None), &prices, &plain());
        prop_assert_eq!(found.len(), expected.len());
        for (account, pools) in &expected {
            same(&found[account], pools)?;
        }
    }

    #[test]
    fn test_score_a_batch_has_the_bits_of_its_singles(
        preset in preset(), drawn in accounts(), moment in moment()
    ) {
        let market = &PRESETS[preset];
        let (rows, prices) = (rows(&drawn, market), prices(market, &moment));
        let batch = scored(&rows.book(market, None), &prices, &plain());
        for account in (0..).take(drawn.len()) {
            let single = scored(&rows.of(account).book(market, None), &prices, &plain());
            prop_assert_eq!(single.contains_key(&account), batch.contains_key(&account));
            if let (Some(found), Some(expected)) = (single.get(&account), batch.get(&account)) {
                same(found, expected)?;
            }
        }
    }

    #[test]
    fn test_score_knobs_change_no_bit(
        preset in preset(), drawn in accounts(), moment in moment(), threads in 0..5_usize, window in 1..3_usize
    ) {
        let market = &PRESETS[preset];
        let (rows, prices) = (rows(&drawn, market), prices(market, &moment));
        let expected = scored(&rows.book(market, None), &prices, &plain());
        let book = rows.book(market, Some(window * 8));
        for isa in Isa::ALL.into_iter().filter(|isa| isa.is_available()) {
            let threads = Some(threads);
            let options = Options { missing: Missing::Null, threads, isa: Some(isa), windows_per_claim: Some(1), ..Options::default() };
            for (account, pools) in &scored(&book, &prices, &options) {
                same(pools, &expected[account])?;
            }
        }
    }

    #[test]
    fn test_score_money_in_another_unit_scales_figures_exactly(
        kind in kind(), drawn in accounts(), moment in moment(), power in -4..20_i32, by_quantity in any::<bool>()
    ) {
        let unit = scale(power);
        let (market, other) = (made(kind, 0), made(kind, power));
        let rows = rows(&drawn, &market);
        let (marks, index) = moment;
        let price = if by_quantity { 1.0 } else { unit };
        let others = marks.iter().map(|mark| mark * price).collect();
        let before = scored(&rows.book(&market, None), &prices(&market, &(marks, index.clone())), &plain());
        let book = scaled(&rows, unit, by_quantity).book(&other, None);
        let after = scored(&book, &prices(&other, &(others, index)), &plain());
        prop_assert_eq!(before.len(), after.len());
        for (before, after) in before.values().flatten().zip(after.values().flatten()) {
            prop_assert_eq!(before.liquidatable, after.liquidatable);
            for column in Column::ALL {
                let times = if is_ratio(column) { 1.0 } else { unit };
                let (expected, found) = (before.figure(column) * times, after.figure(column));
                prop_assert!(agree(expected, found, kind.0 != "marginal"), "{column:?}: {expected} {found}");
            }
        }
    }

    #[test]
    fn test_score_more_cash_never_lowers_a_ratio(
        kind in kind(), preset in preset(), made_up in any::<bool>(), drawn in accounts(), moment in moment(),
        more in eighths(50_000), fences in any::<bool>()
    ) {
        let market = if made_up { made(kind, 0) } else { Arc::clone(&PRESETS[preset]) };
        let rows = rows(&drawn, &market);
        let prices = prices(&market, &moment);
        let before = scored(&rows.book(&market, None), &prices, &plain());
        let after = scored(&richer(&rows, more, fences).book(&market, None), &prices, &plain());
        for (account, pools) in &before {
            // What is fenced comes out of the wallet, so that cross pools have less by it.
            let mut grown = pools.iter().zip(&after[account]).filter(|(pool, _)| !fences || pool.key.0 == PoolKind::Isolated);
            grown.try_for_each(|(before, after)| no_worse(before, after))?;
        }
    }
}
