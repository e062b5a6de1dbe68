//! Tests of safe regions: whatever the rules are, no flag changes inside, and the regions have room.

use std::sync::Arc;

use crate::book::{Balances, Keys, OnError, Positions, Tables};
use crate::market::{Market, Prices};

use super::drawn::{Draw, book, markets};
use super::{Book, Bounds, Flags, Source, account_region, flags, is_priced, judge_exactly, region, soft_stop};

const LEVELS: [f64; 3] = [2.0, 1.5, 1.2];
const LIQUIDATION: u32 = 1 << 3;
const ALL: u32 = 0b1111;

fn present(prices: &Prices, source: Source) -> f64 {
    match source {
        Source::Mark(at) => prices.mark()[at as usize],
        Source::Last(at) => prices.last()[at as usize],
        Source::Index(at) => prices.index()[usize::from(at)],
    }
}

/// The prices with those of some rows replaced.
fn moved(market: &Market, prices: &Prices, to: &[(Source, f64)]) -> Prices {
    let (mut mark, mut index, mut last) = (prices.mark().to_vec(), prices.index().to_vec(), prices.last().to_vec());
    for &(source, price) in to {
        match source {
            Source::Mark(at) => mark[at as usize] = price,
            Source::Last(at) => last[at as usize] = price,
            Source::Index(at) => index[usize::from(at)] = price,
        }
    }
    let prices = Prices::new(market, mark, index).unwrap();
    if last.is_empty() { prices } else { prices.with_last(market, last).unwrap() }
}

/// A price within bounds: at an end, as it is, or somewhere.
fn within(draw: &mut Draw, bounds: &Bounds, present: f64) -> f64 {
    let far = |draw: &mut Draw| (0..draw.below(40)).fold(1.0, |x, _| x * 2.0);
    let low = if bounds.low == 0.0 { present / far(draw) } else { bounds.low };
    let high = if bounds.high.is_infinite() { present * far(draw) } else { bounds.high };
    let price = match draw.below(6) {
        0 | 1 => low,
        2 | 3 => high,
        4 => present,
        _ => low + (high - low) * draw.share(),
    };
    price.clamp(low, high)
}

fn draw_within(draw: &mut Draw, book: &Book, prices: &Prices, rows: &[Bounds]) -> Prices {
    let to: Vec<(Source, f64)> =
        rows.iter().map(|of| (of.source, within(draw, of, present(prices, of.source)))).collect();
    moved(book.market(), prices, &to)
}

/// All corners of a region, or some of so many that there are too many.
fn corners(draw: &mut Draw, book: &Book, prices: &Prices, rows: &[Bounds]) -> Vec<Prices> {
    let n = rows.len();
    let corner = |which: usize| {
        let end = |(k, of): (usize, &Bounds)| {
            let now = present(prices, of.source);
            // Without a bound, somewhere far away.
            let [low, high] = [if of.low == 0.0 { now / 1e6 } else { of.low }, of.high.min(now * 1e6)];
            (of.source, if which >> k & 1 == 0 { low } else { high })
        };
        moved(book.market(), prices, &rows.iter().enumerate().map(end).collect::<Vec<_>>())
    };
    if n <= 4 {
        (0..1 << n).map(corner).collect()
    } else {
        (0..16).map(|_| corner(draw.below(1 << n.min(30)))).collect()
    }
}

/// How far the nearest end of any row is, relatively.
fn nearest(prices: &Prices, rows: &[Bounds]) -> f64 {
    rows.iter().fold(f64::INFINITY, |nearest, of| {
        let now = present(prices, of.source);
        nearest.min((now - of.low) / now).min((of.high - now) / now)
    })
}

fn check_pool(draw: &mut Draw, book: &Book, pool: usize, prices: &Prices, guarded: u32) -> f64 {
    let Flags { bits, .. } = flags(book, pool, prices, &LEVELS, ALL);
    let mut rows = Vec::new();
    region(book, pool, prices, &LEVELS, bits, guarded, |_| 1.0, &mut rows);
    for of in &rows {
        let now = present(prices, of.source);
        assert!(of.low <= now && now <= of.high, "{of:?} at {now}");
    }
    let corners = corners(draw, book, prices, &rows);
    let inside: Vec<Prices> = (0..12).map(|_| draw_within(draw, book, prices, &rows)).collect();
    for at in corners.into_iter().chain(inside) {
        let found = flags(book, pool, &at, &LEVELS, ALL).bits;
        let context = || format!("{} pool {pool}: {bits:b}, {found:b} in {rows:?}\n{at:?}", book.market().id());
        assert_eq!(found & guarded, bits & guarded, "{}", context());
        assert_eq!(found & LIQUIDATION != 0, judge_exactly(book, pool, &at).liquidatable, "{}", context());
    }
    nearest(prices, &rows)
}

#[test]
fn prop_region_flags_stay_as_they_are_within() {
    let mut draw = Draw(11);
    let (mut seen, mut entered) = (0, 0);
    for market in markets() {
        let mut rooms = Vec::new();
        for _ in 0..4 {
            let (book, prices) = book(&mut draw, &market, 6);
            for pool in (0..book.holdings().n_pools()).filter(|&pool| is_priced(&book, pool, &prices)) {
                let bits = flags(&book, pool, &prices, &LEVELS, ALL).bits;
                let guarded = [ALL, ALL, LIQUIDATION, 0b111][draw.below(4)];
                rooms.push(check_pool(&mut draw, &book, pool, &prices, guarded));
                seen += 1;
                entered += usize::from(bits & LIQUIDATION != 0);
            }
        }
        rooms.sort_by(f64::total_cmp);
        let median = rooms.get(rooms.len() / 2).copied().unwrap_or(f64::INFINITY);
        assert!(median > 1e-3, "{} {rooms:?}", market.id());
    }
    assert!(seen > 300 && entered > 20, "{seen} {entered}");
}

#[test]
fn prop_region_of_an_account_keeps_its_soft_stop() {
    let mut draw = Draw(5);
    let mut stops = [0, 0];
    for market in markets() {
        let (book, prices) = book(&mut draw, &market, 6);
        let valuation = market.rules().valuation_asset().unwrap_or(0);
        for account in 0..book.holdings().accounts().len() {
            let pools: Vec<(&Book, usize)> = book.holdings().pools_of(account).map(|pool| (&book, pool)).collect();
            let reference = 30_000.0 * draw.share();
            let (flag, _) = soft_stop(&pools, &prices, valuation, 0.15, reference);
            stops[usize::from(flag)] += 1;
            let mut rows = Vec::new();
            account_region(&pools, &prices, valuation, 0.15, reference, flag, |_| 1.0, &mut rows);
            for _ in 0..12 {
                let at = draw_within(&mut draw, &book, &prices, &rows);
                assert_eq!(soft_stop(&pools, &at, valuation, 0.15, reference).0, flag, "{rows:?} {at:?}");
            }
        }
    }
    assert!(stops.iter().all(|&n| n > 20), "{stops:?}");
}

/// One account with cash and positions in a market.
fn held(market: &str, cash: (&str, f64), positions: &[(&str, f64, f64)]) -> Book {
    let market = Arc::new(Market::from_toml(market).unwrap());
    let asset = i64::try_from(market.asset_index(cash.0).unwrap()).unwrap();
    let at = |name: &str| i64::try_from(market.instrument_index(name).unwrap()).unwrap();
    let column = |of: fn(&(&str, f64, f64)) -> f64| positions.iter().map(of).collect::<Vec<f64>>();
    let instruments: Vec<i64> = positions.iter().map(|of| at(of.0)).collect();
    let tables = Tables {
        balances: Balances {
            account: Keys::Int(&[7]),
            asset: Keys::Int(&[asset]),
            wallet_balance: &[cash.1],
            ..Balances::default()
        },
        positions: Positions {
            account: Keys::Int(&vec![7; positions.len()]),
            instrument: Keys::Int(&instruments),
            quantity: &column(|of| of.1),
            entry_price: &column(|of| of.2),
            ..Positions::default()
        },
        ..Tables::default()
    };
    Book::build(market, tables, OnError::Refuse).unwrap().0
}

fn region_at(book: &Book, marks: &[(&str, f64)], guarded: u32) -> (u32, Vec<Bounds>) {
    let prices = Prices::by_name(book.market(), marks, &[]).unwrap();
    let Flags { bits, .. } = flags(book, 0, &prices, &LEVELS, ALL);
    let mut rows = Vec::new();
    region(book, 0, &prices, &LEVELS, bits, guarded, |_| 1.0, &mut rows);
    check_pool(&mut Draw(3), book, 0, &prices, guarded);
    (bits, rows)
}

/// Rules at the mark, whose tiers jump from 1 % to 10 % at 1,000, or do not.
fn rules(law: &str, zero_fails: bool) -> String {
    format!(
        r#"
extends = "textbook/2020-01-01"
preset = "made-up"
as_of = 2026-10-01
[trigger]
zero_fails = {zero_fails}
[maintenance_margin]
price = "mark"
[tiers.FLAT]
law = "{law}"
bounds = "quote"
floor = [0, 1000]
maintenance_rate = [0.01, 0.1]
"#
    )
}

#[test]
fn test_region_on_its_trigger_is_tight_towards_the_change_and_free_beyond() {
    // 10 long from 100 with 109 at 90: 109 - 100 = 9 = 0.01 * 900.
    let book = held(&rules("flat", false), ("USDT", 109.0), &[("BTCUSDT", 10.0, 100.0)]);
    let (bits, rows) = region_at(&book, &[("BTCUSDT", 90.0)], LIQUIDATION);
    assert_eq!((bits & LIQUIDATION, rows[0].low.to_bits()), (0, 90.0_f64.to_bits()));
    assert!(rows[0].high > 95.0, "{rows:?}");
    let book = held(&rules("flat", true), ("USDT", 109.0), &[("BTCUSDT", 10.0, 100.0)]);
    let (bits, rows) = region_at(&book, &[("BTCUSDT", 90.0)], LIQUIDATION);
    assert_eq!((bits & LIQUIDATION, rows[0].high.to_bits()), (LIQUIDATION, 90.0_f64.to_bits()));
    assert!(rows[0].low < 80.0, "{rows:?}");
}

#[test]
fn test_region_on_a_floor_that_jumps_ends_there_on_one_side() {
    // 10 short from 100 with 60: at 100 it requires 100 in the upper tier, below 10 only.
    let book = held(&rules("flat", false), ("USDT", 60.0), &[("BTCUSDT", -10.0, 100.0)]);
    let (bits, rows) = region_at(&book, &[("BTCUSDT", 100.0)], LIQUIDATION);
    assert_eq!((bits & LIQUIDATION, rows[0].low.to_bits()), (LIQUIDATION, 100.0_f64.to_bits()));
    assert!(rows[0].high.is_infinite(), "{rows:?}");
    // Below, it is safe up to the floor.
    let (bits, rows) = region_at(&book, &[("BTCUSDT", 99.5)], LIQUIDATION);
    assert_eq!((bits & LIQUIDATION, rows[0].low.to_bits()), (0, 0));
    assert!(rows[0].high > 99.9 && rows[0].high < 100.0, "{rows:?}");
}

#[test]
fn test_region_on_a_floor_that_does_not_jump_has_room_on_both_sides() {
    let book = held(&rules("marginal", false), ("USDT", 300.0), &[("BTCUSDT", 10.0, 100.0)]);
    let (bits, rows) = region_at(&book, &[("BTCUSDT", 100.0)], ALL);
    // 300 - 10 x = 2 * 0.01 (1000 - 10 x), near enough.
    assert_eq!(bits, 0);
    assert!(rows[0].low < 72.0 && rows[0].low > 71.0 && rows[0].high.is_infinite(), "{rows:?}");
}
