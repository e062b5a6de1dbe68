//! The largest order: worked cases, and against the gate asked about every size of small accounts.
#![expect(clippy::unwrap_used, reason = "what cannot be built fails the test")]

use std::sync::Arc;

use crossmargin::book::{Balances, Keys, OnError, Orders, Positions, Side, Tables, TextKeys};
use crossmargin::order::{Asked, Assume, FillFee, Gate, Largest, Proposed, Reason, applied, check_order, max_orders};
use crossmargin::pool::judge_exactly;
use crossmargin::price::{PositionBuffers, liquidation_prices};
use crossmargin::score::Options;
use crossmargin::{Book, Market, Prices};

const NONE: f64 = f64::NAN;

/// Numbers by chance, the same each time.
struct Chance(u64);

impl Chance {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % n
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[usize::try_from(self.below(all.len() as u64)).unwrap()]
    }

    /// From a number to another in halves.
    fn between(&mut self, low: i32, high: i32) -> f64 {
        let steps = u64::try_from(2 * (high - low) + 1).unwrap();
        f64::from(low) + f64::from(u32::try_from(self.below(steps)).unwrap()) / 2.0
    }

    fn whether(&mut self, one_in: u64) -> bool {
        self.below(one_in) == 0
    }
}

/// Rules drawn, of instruments in lots of one with tiers of a few hundred units of money; `None` where they contradict.
fn drawn_market(chance: &mut Chance) -> Option<Arc<Market>> {
    let modes = ["none", "sum", "worst_fill", "larger_side"];
    let legs = ["each", "net", "long_plus_short", "larger_side"];
    let initial = chance.of(&modes);
    let text = format!(
        r#"
schema = 1
preset = "made-up"
as_of = 2024-10-01
[pools]
cross = "per_asset"
isolated = true
hedge_mode = true
[trigger]
zero_fails = {zero_fails}
[maintenance_margin]
price = "{maintenance_price}"
legs = "{maintenance_legs}"
closing_fee = "{closing_fee}"
[initial_margin]
price = "{initial_price}"
legs = "{initial_legs}"
source = "{source}"
[orders]
initial_margin = "{initial}"
maintenance_margin = "{maintenance}"
tier_basis = "{tier_basis}"
order_loss = "{order_loss}"
frozen = "{frozen}"
price = "{order_price}"
opening_fee = {opening_fee}
[admission]
test = "{test}"
reduce_only = "{reduce_only}"
[available]
rule = "{available}"
[withdrawable]
rule = "cash_less_loss_and_initial"
[display]
venue_ratio = "maintenance_over_equity"
[fees]
taker = 0.001
[[asset]]
name = "USDT"
quantum = "1e-8"
[[instrument]]
name = "AAAUSDT"
base = "AAA"
quote = "USDT"
settle = "USDT"
lot = 1
{bounds}
tiers = "T"
[[instrument]]
name = "BBBUSDT"
base = "BBB"
quote = "USDT"
settle = "USDT"
lot = 1
tiers = "T"
[tiers.T]
law = "{law}"
bounds = "{unit}"
at_floor = "{at_floor}"
floor = [0, {floors}]
maintenance_rate = [0.01, 0.03, 0.08]
max_leverage = [50, 20, 5]
{cap}
"#,
        zero_fails = chance.whether(2),
        maintenance_price = chance.of(&["mark", "entry"]),
        maintenance_legs = chance.of(&legs),
        closing_fee = chance.of(&["none", "mark"]),
        initial_price = chance.of(&["mark", "entry"]),
        initial_legs = chance.of(&legs),
        source = chance.of(&["usual", "usual", "table"]),
        maintenance = chance.of(&["none", "none", initial]),
        tier_basis = chance.of(&["none", initial]),
        order_loss = chance.of(&["none", "admission", "equity"]),
        frozen = chance.of(&["none", "none", "all"]),
        order_price = chance.of(&["limit", "mark", "worse"]),
        opening_fee = chance.whether(2),
        test = chance.of(&["available", "free_margin"]),
        reduce_only = chance.of(&["free", "checked"]),
        available = chance.of(&["equity_less_initial", "cash_less_loss_and_initial", "cash_less_initial"]),
        bounds = chance.of(&["", "", "min_quantity = 5\nmax_quantity = 90", "min_notional = 400"]),
        law = chance.of(&["marginal", "flat"]),
        unit = chance.of(&["quote", "contracts", "settle"]),
        at_floor = chance.of(&["higher", "lower"]),
        floors = chance.of(&["20, 60", "1_000, 6_000", "2_500, 4_000"]),
        cap = chance.of(&["", "cap = 12_000"]),
    );
    Market::from_toml(&text).ok().map(Arc::new)
}

/// A small account drawn: positions of both instruments and open orders.
fn drawn_book(chance: &mut Chance, market: &Arc<Market>, hedged: bool) -> Option<Book> {
    let (mut instrument, mut quantity, mut entry, mut leverage) = (vec![], vec![], vec![], vec![]);
    let (mut side, mut mode) = (vec![], vec![]);
    let mut add = |of: i64, size: f64, entered: f64, times: f64, leg: u32, isolated: u32| {
        instrument.push(of);
        quantity.push(size);
        entry.push(entered);
        leverage.push(times);
        side.push(leg);
        mode.push(isolated);
    };
    let times = |chance: &mut Chance| chance.of(&[2.0, 5.0, 10.0, 20.0]);
    if hedged {
        for (leg, sign) in [(1, 1.0), (2, -1.0)] {
            if !chance.whether(3) {
                let size = sign * f64::from(1 + i32::try_from(chance.below(40)).unwrap());
                add(0, size, chance.between(80, 120), times(chance), leg, 0);
            }
        }
    } else if !chance.whether(4) {
        let size = f64::from(1 + i32::try_from(chance.below(60)).unwrap()) * chance.of(&[1.0, -1.0]);
        let isolated = u32::from(chance.whether(5));
        add(0, size, chance.between(80, 120), times(chance), 0, isolated);
    }
    if chance.whether(2) {
        add(1, chance.of(&[-30.0, -5.0, 8.0, 20.0]), chance.between(45, 55), times(chance), 0, 0);
    }
    let (mut order_instrument, mut order_quantity, mut order_price, mut order_leverage) =
        (vec![], vec![], vec![], vec![]);
    let mut order_side = vec![];
    for _ in 0..chance.below(4) {
        let size = f64::from(1 + i32::try_from(chance.below(30)).unwrap());
        order_instrument.push(0);
        order_price.push(if chance.whether(3) { NONE } else { chance.between(85, 115) });
        order_leverage.push(times(chance));
        let buys = chance.whether(2);
        order_quantity.push(if buys { size } else { -size });
        order_side.push(if hedged { if buys { 1 } else { 2 } } else { 0 });
    }
    let names = ["net", "long", "short"].map(str::to_owned);
    let modes = ["cross", "isolated"].map(str::to_owned);
    let n_orders = order_quantity.len();
    let wallet = chance.of(&[150.0, 400.0, 1_000.0, 2_500.0]) + chance.between(0, 50);
    let tables = Tables {
        balances: Balances {
            account: Keys::Int(&[7]),
            asset: Keys::Int(&[0]),
            wallet_balance: &[wallet],
            ..Balances::default()
        },
        positions: Positions {
            account: Keys::Int(&vec![7; quantity.len()]),
            instrument: Keys::Int(&instrument),
            quantity: &quantity,
            entry_price: &entry,
            leverage: Some(&leverage),
            position_side: Some(TextKeys { codes: &side, names: &names }),
            margin_mode: Some(TextKeys { codes: &mode, names: &modes }),
            ..Positions::default()
        },
        orders: Orders {
            account: Keys::Int(&vec![7; n_orders]),
            instrument: Keys::Int(&order_instrument),
            quantity: &order_quantity,
            price: &order_price,
            leverage: Some(&order_leverage),
            position_side: Some(TextKeys { codes: &order_side, names: &names }),
            ..Orders::default()
        },
        ..Tables::default()
    };
    Book::build(Arc::clone(market), tables, OnError::Refuse).ok().map(|(book, _)| book)
}

fn largest(book: &Book, prices: &Prices, asked: &Asked) -> Largest {
    let mut out = [Largest::NONE];
    max_orders(book, prices, None, asked, &mut out, &Options::default()).unwrap();
    out[0]
}

/// What the answer is, by asking about every size up to one; `None` where even that is accepted.
fn by_every_size(most: u32, accepts: impl Fn(f64) -> bool) -> Option<(u32, u32, bool)> {
    let accepted: Vec<u32> = (1..=most).filter(|&size| accepts(f64::from(size))).collect();
    let (Some(&first), Some(&last)) = (accepted.first(), accepted.last()) else { return Some((0, 0, false)) };
    (last < most).then(|| (last, first, accepted.len() as u32 == last - first + 1))
}

fn drawn_order(chance: &mut Chance, hedged: bool) -> Proposed {
    let buys = chance.whether(2);
    let price = if chance.whether(3) { NONE } else { chance.between(85, 115) };
    let side = if !hedged {
        Side::Net
    } else if buys {
        Side::Long
    } else {
        Side::Short
    };
    let isolated = if hedged { Some(false) } else { chance.of(&[None, Some(false), Some(false), Some(true)]) };
    let leverage = chance.of(&[2.0, 5.0, 10.0, 20.0]);
    let reduce_only = !hedged && chance.whether(8);
    let sign = if buys { 1.0 } else { -1.0 };
    Proposed { price, leverage, side, isolated, reduce_only, ..Proposed::market(0, sign) }
}

#[test]
fn test_largest_order_is_that_of_every_size_asked_for() {
    /// Sizes that are asked for one by one.
    const MOST: u32 = 200;
    let mut chance = Chance(0x9e37_79b9_7f4a_7c15);
    let (mut n, mut holed, mut none) = (0, 0, 0);
    while n < 500 {
        let Some(market) = drawn_market(&mut chance) else { continue };
        let hedged = chance.whether(3);
        let Some(book) = drawn_book(&mut chance, &market, hedged) else { continue };
        let prices = Prices::by_name(&market, &[("AAAUSDT", 100.0), ("BBBUSDT", chance.between(45, 55))], &[]).unwrap();
        let order = drawn_order(&mut chance, hedged);
        let found = largest(&book, &prices, &Asked::of(order));
        let at =
            |size: f64| check_order(&book, &prices, 0, &Proposed { quantity: size * order.quantity, ..order }).unwrap();
        let case = || format!("{order:?} of {} with {:?}", market.to_toml(), book.holdings());
        n += 1;
        match by_every_size(MOST, |size| at(size).reason == Reason::Accepted) {
            None => assert!(found.quantity.abs() >= f64::from(MOST), "{found:?} of {}", case()),
            Some((last, first, contiguous)) => {
                let expected = (f64::from(last), f64::from(first), contiguous);
                let answer = (found.quantity.abs(), found.smallest.abs(), found.contiguous);
                assert_eq!(answer, expected, "{}", case());
                assert_eq!(found.binding, at(f64::from(last + 1)).reason, "{}", case());
                let cost = if last == 0 { 0.0 } else { at(f64::from(last)).cost };
                assert_eq!(found.cost.to_bits(), cost.to_bits(), "{}", case());
                holed += u32::from(last > 0 && (!contiguous || first > 1));
                none += u32::from(last == 0);
            }
        }
        let sign = if found.quantity == 0.0 { 0.0 } else { order.quantity };
        assert_eq!(found.quantity, sign * found.quantity.abs());
    }
    assert!(holed > 10 && none > 10 && none < n / 2, "{n} cases, {none} without an order, {holed} with holes");
}

/// The book with an order filled at the mark, or at its limit.
fn filled(book: &Book, prices: &Prices, order: &Proposed) -> Option<Book> {
    let names = ["net", "long", "short"].map(str::to_owned);
    let modes = ["cross", "isolated"].map(str::to_owned);
    let side = [order.side as u32];
    let mode = [order.isolated.map_or(crossmargin::book::NO_KEY, u32::from)];
    let orders = Orders {
        account: Keys::Int(&[7]),
        instrument: Keys::Int(&[i64::from(order.instrument)]),
        quantity: &[order.quantity],
        price: &[order.price],
        leverage: Some(&[order.leverage]),
        reduce_only: Some(&[order.reduce_only]),
        position_side: Some(TextKeys { codes: &side, names: &names }),
        margin_mode: Some(TextKeys { codes: &mode, names: &modes }),
        ..Orders::default()
    };
    let gate = Gate { assume: Assume::Filled, fee: Some(FillFee::None), ..Gate::default() };
    applied(book, &orders, &[true], &gate, prices).ok().map(|applied| applied.book)
}

#[test]
fn test_largest_order_with_conditions_is_that_of_every_size_filled() {
    const MOST: u32 = 120;
    let mut chance = Chance(0x2545_f491_4f6c_dd1d);
    let (mut n, mut bound, mut holed) = (0, [0, 0], 0);
    while n < 150 {
        let Some(market) = drawn_market(&mut chance) else { continue };
        let hedged = chance.whether(3);
        let Some(book) = drawn_book(&mut chance, &market, hedged) else { continue };
        let prices = Prices::by_name(&market, &[("AAAUSDT", 100.0), ("BBBUSDT", chance.between(45, 55))], &[]).unwrap();
        let mut order = drawn_order(&mut chance, hedged);
        // At prices that do not gain, in cross pools, and under the leverage that is there, the ledger books what is asked about.
        let gains = if order.quantity > 0.0 { order.price < 100.0 } else { order.price > 100.0 };
        let holdings = book.holdings();
        let own =
            (0..holdings.n_positions()).find(|&at| holdings.instrument(at) == 0 && holdings.side(at) == order.side);
        if gains
            || own.is_some_and(|at| {
                holdings.kind(0) != holdings.kind(holdings.n_pools() - 1) || at > holdings.n_positions()
            })
        {
            continue;
        }
        order.isolated = Some(false);
        order.leverage = own.map_or(order.leverage, |at| holdings.leverage(at));
        let target_ratio = chance.of(&[NONE, 1.5, 2.0, 4.0]);
        let beyond = chance.of(&[NONE, 70.0, 90.0, 97.0, 103.0, 110.0, 140.0]);
        let asked = Asked { order, target_ratio, liquidation_beyond: beyond };
        let accepts = |size: f64| {
            let order = Proposed { quantity: size * order.quantity, ..order };
            if check_order(&book, &prices, 0, &order).unwrap().reason != Reason::Accepted {
                return false;
            }
            let Some(after) = filled(&book, &prices, &order) else { return false };
            holds(&after, &prices, (target_ratio, beyond))
        };
        let found = largest(&book, &prices, &asked);
        n += 1;
        let Some((last, first, contiguous)) = by_every_size(MOST, accepts) else {
            assert!(found.quantity.abs() >= f64::from(MOST), "{found:?}");
            continue;
        };
        let expected = (f64::from(last), f64::from(first), contiguous);
        let answer = (found.quantity.abs(), found.smallest.abs(), found.contiguous);
        assert_eq!(answer, expected, "{asked:?} {found:?} of {} with {:?}", market.to_toml(), book.holdings());
        bound[0] += u32::from(found.binding == Reason::TargetRatio);
        bound[1] += u32::from(found.binding == Reason::LiquidationBeyond);
        holed += u32::from(last > 0 && (!contiguous || first > 1));
    }
    assert!(bound[0] > 5 && bound[1] > 5 && holed > 2, "{n} cases bound {bound:?}, {holed} with holes");
}

/// Whether the first pool is at a ratio and safe up to a price, as its figures say.
fn holds(after: &Book, prices: &Prices, (ratio, beyond): (f64, f64)) -> bool {
    let judged = judge_exactly(after, 0, prices);
    let holds = ratio.is_nan() || judged.maintenance_margin == 0.0 || judged.margin_ratio >= ratio;
    if beyond.is_nan() || !holds {
        return holds;
    }
    if judged.liquidatable {
        return false;
    }
    let mut moved = prices.mark().to_vec();
    moved[0] = beyond;
    let there = Prices::new(after.market(), moved, vec![]).unwrap();
    let n = after.holdings().n_positions();
    let (mut below, mut above) = (vec![0.0; n], vec![0.0; n]);
    let buffers = PositionBuffers { below: Some(&mut below), above: Some(&mut above), ..PositionBuffers::default() };
    liquidation_prices(after, prices, buffers, &Options::default()).unwrap();
    let place = (0..n).find(|&at| after.holdings().instrument(at) == 0).map(|at| after.holdings().row(at));
    let Some(place) = place else { return !judge_exactly(after, 0, &there).liquidatable };
    if beyond < 100.0 {
        below[place].is_nan() || below[place] <= beyond
    } else {
        above[place].is_nan() || above[place] >= beyond
    }
}
