//! What a pool is with something more, beside the book that has it.

use std::sync::Arc;

use crate::book::{AccountKeys, Accounts, Balances, Keys, OnError, PoolKind, Positions, Side, Tables, TextKeys};
use crate::exact::{Bounded, Exact, Number};
use crate::market::{Market, Prices, TriggerPrice};

use super::drawn::{Draw, Given, markets};
use super::evaluate::{PoolValue, Wanted, evaluate};
use super::judge::moment_of;
use super::limits::Limit;
use super::overlay::{OrderRow, Overlaid, Overlay, Place, evaluate_over, is_priced_over, order_loss, verdict_over};
use super::{Book, judge_exactly, limit_of};

const NO: f64 = f64::NAN;

fn key(at: Option<usize>) -> i64 {
    i64::try_from(at.unwrap()).unwrap()
}

/// The figures of a pool, in order.
fn figures<N: Number>(value: &PoolValue<N>) -> [u64; 11] {
    let known = |x: &Option<N>| x.as_ref().map_or(NO, N::to_f64);
    [
        value.wallet_balance.to_f64(),
        value.unrealized_pnl.to_f64(),
        value.equity.to_f64(),
        value.collateral_value.to_f64(),
        value.notional.to_f64(),
        value.maintenance_margin.to_f64(),
        known(&value.initial_margin),
        known(&value.free_margin),
        known(&value.available),
        known(&value.spare),
        known(&value.withdrawable),
    ]
    .map(f64::to_bits)
}

fn rows(book: &Book, pool: Option<usize>) -> Vec<OrderRow> {
    let holdings = book.holdings();
    pool.map_or(0..0, |pool| holdings.orders_of(pool)).map(|order| OrderRow::of(holdings, order)).collect()
}

/// The rows of `all` that `some` has not.
fn beyond(all: Vec<OrderRow>, mut some: Vec<OrderRow>) -> Vec<OrderRow> {
    let said = |row: &OrderRow| {
        let numbers = [row.quantity, row.price, row.leverage].map(f64::to_bits);
        (row.instrument, row.side, row.isolated, numbers)
    };
    let mut more = all;
    more.retain(|row| match some.iter().position(|other| said(other) == said(row)) {
        Some(at) => {
            some.swap_remove(at);
            false
        }
        None => true,
    });
    more
}

fn keys(book: &Book) -> &[i64] {
    match book.holdings().accounts() {
        AccountKeys::Int(keys) => keys,
        AccountKeys::Text(_) => &[],
    }
}

/// Compares the pools of an account with more orders with those of the book that has them; says how many orders there were.
fn compare(before: &Book, after: &Book, accounts: [usize; 2], prices: &Prices) -> usize {
    let (holdings, mut n) = (after.holdings(), 0);
    for pool in holdings.pools_of(accounts[1]).filter(|&pool| holdings.kind(pool) == PoolKind::Cross) {
        let place = Place::cross(before, accounts[0], holdings.asset(pool));
        let mut orders = beyond(rows(after, Some(pool)), rows(before, place.pool));
        orders.reverse();
        n += orders.len();
        let over = Overlaid::new(before, place, &Overlay { orders, ..Overlay::default() });
        assert!(is_priced_over(before, &over, prices));
        let price = after.market().rules().constraints()[0].price;
        let asked = [Wanted::All, Wanted::Tested];
        for wanted in asked {
            let near: PoolValue<Bounded> = evaluate(after, pool, moment_of(prices, price), wanted);
            let of_over: PoolValue<Bounded> = evaluate_over(before, &over, moment_of(prices, price), wanted);
            assert_eq!(figures(&of_over), figures(&near), "{}", after.market().id());
            assert_eq!((of_over.exposed, of_over.open), (near.exposed, near.open));
        }
        let exact = verdict_over::<Exact>(before, &over, prices, Wanted::All).unwrap();
        let judged = judge_exactly(after, pool, prices);
        assert_eq!(exact.fails, judged.liquidatable);
        assert_eq!(exact.excess.to_f64().to_bits(), judged.excess.to_bits());
        assert_eq!(figures(&exact.value)[6], judged.initial_margin.to_bits());
    }
    n
}

#[test]
fn test_more_orders_give_the_bits_of_the_book_that_has_them() {
    let mut draw = Draw(7);
    let mut n = 0;
    for market in markets() {
        for _ in 0..12 {
            let (mut given, prices) = Given::draw(&mut draw, &market, 3);
            let before = given.build(&market);
            given.add_orders(&mut draw, &prices, 3);
            let after = given.build(&market);
            for (one, key) in keys(&before).iter().enumerate() {
                let other = keys(&after).iter().position(|of| of == key);
                n += other.map_or(0, |other| compare(&before, &after, [one, other], &prices));
            }
        }
    }
    assert!(n > 500, "{n}");
}

/// Instrument, quantity, entry price, margin where isolated, side.
type Held<'a> = (&'a str, f64, f64, f64, &'a str);

/// One account: cash, and positions at leverage 10.
fn account(market: &Arc<Market>, cash: f64, held: &[Held<'_>]) -> Book {
    let usdt = key(market.asset_index("USDT"));
    let instrument: Vec<i64> = held.iter().map(|row| key(market.instrument_index(row.0))).collect();
    let column = |of: &dyn Fn(&Held<'_>) -> f64| held.iter().map(of).collect::<Vec<f64>>();
    let (quantity, entry, margin) = (column(&|row| row.1), column(&|row| row.2), column(&|row| row.3));
    let modes: Vec<u32> = held.iter().map(|row| u32::from(!row.3.is_nan())).collect();
    let names = ["net", "long", "short"].map(str::to_owned);
    let sides: Vec<u32> =
        held.iter().map(|row| (0..).zip(&names).find(|(_, name)| *name == row.4).unwrap().0).collect();
    let tables = Tables {
        balances: Balances {
            account: Keys::Int(&[1]),
            asset: Keys::Int(&[usdt]),
            wallet_balance: &[cash],
            ..Balances::default()
        },
        positions: Positions {
            account: Keys::Int(&vec![1; held.len()]),
            instrument: Keys::Int(&instrument),
            quantity: &quantity,
            entry_price: &entry,
            leverage: Some(&vec![10.0; held.len()]),
            isolated_margin: Some(&margin),
            margin_mode: Some(TextKeys { codes: &modes, names: &["cross", "isolated"].map(str::to_owned) }),
            position_side: Some(TextKeys { codes: &sides, names: &names }),
            ..Positions::default()
        },
        ..Tables::default()
    };
    Book::build(Arc::clone(market), tables, OnError::Refuse).unwrap().0
}

fn prices(market: &Market, marks: &[(&str, f64)]) -> Prices {
    let mut mark = vec![NO; market.instruments().len()];
    for (name, price) in marks {
        mark[market.instrument_index(name).unwrap()] = *price;
    }
    Prices::new(market, mark, vec![1.0; market.assets().len()]).unwrap()
}

fn order(market: &Market, name: &str, (quantity, price): (f64, f64), side: Side, isolated: bool) -> OrderRow {
    let instrument = u32::try_from(market.instrument_index(name).unwrap()).unwrap();
    OrderRow { instrument, side, isolated, quantity, price, leverage: 10.0 }
}

fn preset(name: &str) -> Arc<Market> {
    Arc::new(Market::preset(name, None).unwrap())
}

fn exactly(book: &Book, place: Place, overlay: &Overlay, prices: &Prices) -> PoolValue<Exact> {
    let over = Overlaid::new(book, place, overlay);
    evaluate_over(book, &over, moment_of(prices, TriggerPrice::Mark), Wanted::All)
}

fn decimal(x: f64) -> Exact {
    Exact::from_f64(x)
}

#[test]
fn test_more_cash_and_margin_are_those_of_the_book_that_has_them() {
    let market = preset("binance-usdm");
    let held = |margin| [("BTCUSDT", 0.5, 60_000.0, NO, "net"), ("ETHUSDT", -2.0, 3_000.0, margin, "net")];
    let (before, after) = (account(&market, 10_000.1, &held(700.5)), account(&market, 9_000.2, &held(730.25)));
    let prices = prices(&market, &[("BTCUSDT", 59_000.0), ("ETHUSDT", 3_100.0)]);
    let usdt = u16::try_from(market.asset_index("USDT").unwrap()).unwrap();
    let isolated = before.holdings().pools_of(0).find(|&pool| before.holdings().kind(pool) == PoolKind::Isolated);
    let overlay = Overlay {
        cash: vec![(usdt, decimal(-1_000.0)), (usdt, decimal(0.1))],
        fence: vec![(isolated.unwrap(), decimal(29.75))],
        ..Overlay::default()
    };
    let none = Overlay::default();
    for pool in before.holdings().pools_of(0) {
        let got = exactly(&before, Place::of_pool(&before, pool), &overlay, &prices);
        let want = exactly(&after, Place::of_pool(&after, pool), &none, &prices);
        assert_eq!(figures(&got), figures(&want));
        assert_eq!(got.wallet_balance, want.wallet_balance);
        assert_eq!(got.spare, want.spare);
    }
}

#[test]
fn test_a_pool_that_is_not_there_is_empty() {
    let text =
        "extends = \"binance-coinm/2024-10-01\"\npreset = \"two\"\nas_of = 2024-10-01\n[[asset]]\nname = \"ETH\"";
    let market = Arc::new(Market::from_toml(text).unwrap());
    let btc = market.asset_index("BTC").unwrap();
    let tables = Tables {
        balances: Balances {
            account: Keys::Int(&[1]),
            asset: Keys::Int(&[key(market.asset_index("ETH"))]),
            wallet_balance: &[1.0],
            ..Balances::default()
        },
        ..Tables::default()
    };
    let book = Book::build(Arc::clone(&market), tables, OnError::Refuse).unwrap().0;
    let place = Place::cross(&book, 0, btc);
    assert_eq!((place.pool, usize::from(place.asset)), (None, btc));
    let name = market.instruments().iter().find(|instrument| instrument.settle() == btc).unwrap().name();
    let prices = prices(&market, &[(name, 50_000.0)]);
    let cash = Overlay { cash: vec![(place.asset, decimal(0.25))], ..Overlay::default() };
    let value = exactly(&book, place, &cash, &prices);
    assert_eq!((value.wallet_balance, value.spare), (decimal(0.25), Some(decimal(0.25))));
    // Ten contracts of 100 USD at 10x, at 50,000: 0.02 BTC, of which a tenth is reserved.
    let more = Overlay { orders: vec![order(&market, name, (10.0, 50_000.0), Side::Net, false)], ..cash };
    let value = exactly(&book, place, &more, &prices);
    assert_eq!((value.initial_margin, value.spare), (Some(decimal(0.002)), Some(decimal(0.248))));
}

#[test]
fn test_an_order_as_a_fill_requires_what_it_adds_to_its_group() {
    let market = preset("textbook");
    let book = account(&market, 2_000.0, &[("BTCUSDT", 0.2, 50_000.0, NO, "net")]);
    let prices = prices(&market, &[("BTCUSDT", 60_000.0), ("ETHUSDT", 3_000.0)]);
    let place = Place::cross(&book, 0, market.asset_index("USDT").unwrap());
    // 10,000 of entry notional are held: 1,000 and 250 of margins, out of 2,000 of cash and 2,000 of profit.
    let cases = [
        ("ETHUSDT", (5.0, 3_000.0), false, 2_500.0, 625.0),
        ("ETHUSDT", (5.0, NO), false, 2_500.0, 625.0),
        // A position of its own: only its initial margin is this pool's.
        ("ETHUSDT", (5.0, 3_000.0), true, 2_500.0, 250.0),
        // 6,000 more of what is held.
        ("BTCUSDT", (0.1, 60_000.0), false, 1_600.0, 400.0),
        // Sells close first, and 18,000 less 10,000 is less than what is held.
        ("BTCUSDT", (-0.3, 60_000.0), false, 1_000.0, 250.0),
        ("BTCUSDT", (-0.4, 60_000.0), false, 1_400.0, 350.0),
    ];
    for (name, said, isolated, initial, maintenance) in cases {
        let fill = Some(order(&market, name, said, Side::Net, isolated));
        let value = exactly(&book, place, &Overlay { fill, ..Overlay::default() }, &prices);
        assert_eq!(value.initial_margin, Some(decimal(initial)), "{name} {said:?} {isolated}");
        assert_eq!(value.maintenance_margin, decimal(maintenance), "{name} {said:?} {isolated}");
        assert_eq!(value.spare, Some(decimal(4_000.0 - initial)));
    }
}

#[test]
fn test_what_is_lost_comes_off_the_collateral_but_is_still_available() {
    let market = preset("textbook");
    let book = account(&market, 2_000.0, &[("BTCUSDT", 0.2, 50_000.0, NO, "net")]);
    let prices = prices(&market, &[("BTCUSDT", 60_000.0)]);
    let place = Place::cross(&book, 0, market.asset_index("USDT").unwrap());
    let lost = vec![(place.asset, decimal(12.5))];
    let value = exactly(&book, place, &Overlay { lost, ..Overlay::default() }, &prices);
    assert_eq!((value.equity, value.collateral_value), (decimal(4_000.0), decimal(3_987.5)));
    assert_eq!((value.spare, value.free_margin), (Some(decimal(3_000.0)), Some(decimal(2_987.5))));
}

#[test]
fn test_a_loss_of_an_order_is_what_filling_it_loses_at_once() {
    let market = preset("textbook");
    let prices = prices(&market, &[("BTCUSDT", 60_000.0)]);
    let book = account(&market, 2_000.0, &[]);
    let at = moment_of(&prices, TriggerPrice::Mark);
    for (quantity, price, loss) in
        [(0.1, 61_000.0, 100.0), (0.1, 59_000.0, 0.0), (-0.1, 59_000.0, 100.0), (1.0, NO, 0.0)]
    {
        let row = order(&market, "BTCUSDT", (quantity, price), Side::Net, false);
        assert_eq!(order_loss::<Exact>(&book, &row, at), decimal(loss), "{quantity} at {price}");
    }
}

/// The amount that limits an order, the order being one of `orders`.
fn amount(book: &Book, row: &OrderRow, orders: Vec<OrderRow>, prices: &Prices) -> Limit<Exact> {
    limit_of(book, 0, row, &Overlay { orders, ..Overlay::default() }, moment_of(prices, TriggerPrice::Mark))
}

#[test]
fn test_limits_count_the_sides_and_orders_that_the_rules_say() {
    let text = "extends = \"binance-usdm/2024-10-01\"\npreset = \"limits\"\nas_of = 2024-10-01\n[limits]\n\
                legs = \"long_plus_short\"\norders = \"worst_fill\"\n[limits.isolated]\nlegs = \"same\"";
    let market = Arc::new(Market::from_toml(text).unwrap());
    let prices = prices(&market, &[("BTCUSDT", 60_000.0)]);
    let buy = |isolated| order(&market, "BTCUSDT", (0.2, 59_000.0), Side::Long, isolated);
    let sides = [("BTCUSDT", 1.0, 50_000.0, NO, "long"), ("BTCUSDT", -0.5, 70_000.0, NO, "short")];
    let cross = account(&market, 100_000.0, &sides);
    let row = buy(false);
    assert_eq!(amount(&cross, &row, vec![row], &prices).amount, decimal(60_000.0 + 30_000.0 + 11_800.0));
    let other = order(&market, "BTCUSDT", (-0.1, 61_000.0), Side::Short, false);
    assert_eq!(amount(&cross, &row, vec![row, other], &prices).amount, decimal(101_800.0 + 6_100.0));
    let apart = [("BTCUSDT", 1.0, 50_000.0, 6_000.0, "long"), ("BTCUSDT", -0.5, 70_000.0, 4_000.0, "short")];
    let isolated = account(&market, 100_000.0, &apart);
    let row = buy(true);
    assert_eq!(amount(&isolated, &row, vec![row], &prices).amount, decimal(71_800.0));
    // Of a net position the worse way to fill: 1 + 0.2, or 1 - 3.
    let net = account(&market, 100_000.0, &[("BTCUSDT", 1.0, 50_000.0, NO, "net")]);
    let (up, down) = ((0.2, 60_000.0), (-3.0, 60_000.0));
    let [up, down] = [up, down].map(|said| order(&market, "BTCUSDT", said, Side::Net, false));
    assert_eq!(amount(&net, &up, vec![up], &prices).amount, decimal(72_000.0));
    assert_eq!(amount(&net, &up, vec![up, down], &prices).amount, decimal(120_000.0));
}

#[test]
fn test_limits_are_inclusive_and_count_positions_at_the_price_of_tiers() {
    let text = "extends = \"textbook/2020-01-01\"\npreset = \"limits\"\nas_of = 2024-10-01\n[margin_class]\n\
                user_coefficient = \"bounds\"\n[tiers.FLAT]\nlaw = \"flat\"\nbounds = \"quote\"\nat_floor = \"lower\"\n\
                floor = [0, 1000]\ncap = 2000\nmaintenance_rate = [0.01, 0.02]\nmax_leverage = [50, 20]";
    let market = Arc::new(Market::from_toml(text).unwrap());
    let prices = prices(&market, &[("BTCUSDT", 100.0)]);
    let book = account(&market, 100_000.0, &[("BTCUSDT", 5.0, 90.0, NO, "net")]);
    for (quantity, tier, within) in [(5.0, 0, true), (5.001, 1, true), (15.0, 1, true), (15.000_001, 1, false)] {
        let row = order(&market, "BTCUSDT", (quantity, NO), Side::Net, false);
        // Positions count at entry here: 450 of the 500.
        let row = OrderRow { quantity: quantity + 0.5, ..row };
        let limit = amount(&book, &row, vec![row], &prices);
        assert_eq!((limit.tier, limit.within_cap()), (tier, Some(within)), "{quantity}");
        let most = [50.0, 20.0][tier];
        assert_eq!((limit.allows(most), limit.allows(most + 0.5)), (Some(true), Some(false)));
    }
}

#[test]
fn test_limits_and_charges_of_orders_follow_the_coefficient_of_the_account() {
    let text = "extends = \"textbook/2020-01-01\"\npreset = \"limits\"\nas_of = 2024-10-01\n[margin_class]\n\
                user_coefficient = \"bounds\"\n[initial_margin]\nsource = \"table\"\n[orders]\ninitial_margin = \"sum\"\n\
                tier_basis = \"sum\"\n[tiers.FLAT]\nlaw = \"flat\"\nbounds = \"quote\"\nfloor = [0, 1000]\ncap = 2000\n\
                maintenance_rate = [0.01, 0.02]\nmax_leverage = [50, 20]";
    let market = Arc::new(Market::from_toml(text).unwrap());
    let prices = prices(&market, &[("ETHUSDT", 100.0), ("SOLUSDT", 10.0)]);
    let tables = Tables {
        accounts: Accounts { account: Keys::Int(&[1, 2]), tier_coefficient: Some(&[3.0, 1.0]), ..Accounts::default() },
        balances: Balances {
            account: Keys::Int(&[1, 2]),
            asset: Keys::Int(&[0, 0]),
            wallet_balance: &[100.0, 100.0],
            ..Balances::default()
        },
        ..Tables::default()
    };
    let book = Book::build(Arc::clone(&market), tables, OnError::Refuse).unwrap().0;
    // 2,000 of each: in the first tier of 3,000 of the one account, in the second of the other.
    for (account, tier, initial) in [(0, 0, 80.0), (1, 1, 200.0)] {
        let orders = [("ETHUSDT", 20.0), ("SOLUSDT", 200.0)];
        let orders = orders.map(|(name, quantity)| order(&market, name, (quantity, NO), Side::Net, false)).to_vec();
        let overlay = Overlay { orders, ..Overlay::default() };
        let at = moment_of(&prices, TriggerPrice::Mark);
        let limit: Limit<Exact> = limit_of(&book, account, &overlay.orders[1], &overlay, at);
        assert_eq!((limit.tier, limit.within_cap()), (tier, Some(true)));
        let value = exactly(&book, Place::cross(&book, account, 0), &overlay, &prices);
        assert_eq!(value.initial_margin, Some(decimal(initial)));
    }
}

#[test]
fn test_limits_without_a_largest_leverage_are_one_over_the_initial_rate() {
    let text = "extends = \"textbook/2020-01-01\"\npreset = \"limits\"\nas_of = 2024-10-01\n[tiers.FLAT]\nlaw = \"flat\"\n\
                bounds = \"quote\"\nfloor = [0]\nmaintenance_rate = [0.01]\ninitial_rate = [0.03]";
    let market = Arc::new(Market::from_toml(text).unwrap());
    let prices = prices(&market, &[("BTCUSDT", 100.0)]);
    let book = account(&market, 100_000.0, &[]);
    let row = order(&market, "BTCUSDT", (1.0, NO), Side::Net, false);
    let limit = amount(&book, &row, vec![row], &prices);
    assert_eq!((limit.allows(33.0), limit.allows(33.333_333_333_333_336)), (Some(true), Some(false)));
    assert_eq!((limit.within_cap(), limit.allows(33.333_333_333_333_33)), (Some(true), Some(true)));
    let free = account(&preset("textbook"), 1.0, &[]);
    let limit = amount(&free, &row, vec![row], &prices);
    assert_eq!((limit.within_cap(), limit.allows(1e9)), (Some(true), Some(true)));
}
