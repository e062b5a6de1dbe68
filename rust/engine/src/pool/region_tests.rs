//! Tests of safe regions: whatever the rules are, no flag changes inside, and the regions have room.

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
    for _ in 0..12 {
        let at = draw_within(draw, book, prices, &rows);
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
