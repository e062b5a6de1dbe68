//! The largest order: worked cases, and against the gate asked about every size of small accounts.
#![expect(clippy::unwrap_used, reason = "what cannot be built fails the test")]
#![expect(clippy::float_cmp, reason = "sizes are the doubles of their decimals")]

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

/// How margins are charged, drawn.
fn drawn_margins(chance: &mut Chance) -> String {
    let legs = ["each", "net", "long_plus_short", "larger_side"];
    format!(
        r#"
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
"#,
        zero_fails = chance.whether(2),
        maintenance_price = chance.of(&["mark", "entry"]),
        maintenance_legs = chance.of(&legs),
        closing_fee = chance.of(&["none", "mark"]),
        initial_price = chance.of(&["mark", "entry"]),
        initial_legs = chance.of(&legs),
        source = chance.of(&["usual", "usual", "table"]),
    )
}

/// How orders enter, and what admits them, drawn.
fn drawn_orders(chance: &mut Chance) -> String {
    let initial = chance.of(&["none", "sum", "worst_fill", "larger_side"]);
    format!(
        r#"
[orders]
initial_margin = "{initial}"
maintenance_margin = "{maintenance}"
tier_basis = "{tier_basis}"
order_loss = "{order_loss}"
frozen = "{frozen}"
price = "{price}"
opening_fee = {opening_fee}
[admission]
test = "{test}"
reduce_only = "{reduce_only}"
[available]
rule = "{available}"
"#,
        maintenance = chance.of(&["none", "none", initial]),
        tier_basis = chance.of(&["none", initial]),
        order_loss = chance.of(&["none", "admission", "equity"]),
        frozen = chance.of(&["none", "none", "all"]),
        price = chance.of(&["limit", "mark", "worse"]),
        opening_fee = chance.whether(2),
        test = chance.of(&["available", "free_margin"]),
        reduce_only = chance.of(&["free", "checked"]),
        available = chance.of(&["equity_less_initial", "cash_less_loss_and_initial", "cash_less_initial"]),
    )
}

/// Rules drawn, of instruments in lots of one with tiers of a few hundred units of money; `None` where they contradict.
fn drawn_market(chance: &mut Chance) -> Option<Arc<Market>> {
    let text = format!(
        r#"
schema = 1
preset = "made-up"
as_of = 2024-10-01
[pools]
cross = "per_asset"
isolated = true
hedge_mode = true
{margins}{orders}
[withdrawable]
rule = "cash_less_loss_and_initial"
[display]
venue_ratio = "maintenance_over_equity"
[fees]
taker = 0.001
[[asset]]
name = "USDT"
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
        margins = drawn_margins(chance),
        orders = drawn_orders(chance),
        bounds = chance.of(&["", "", "min_quantity = 5\nmax_quantity = 90", "min_notional = 400"]),
        law = chance.of(&["marginal", "flat"]),
        unit = chance.of(&["quote", "contracts", "settle"]),
        at_floor = chance.of(&["higher", "lower"]),
        floors = chance.of(&["20, 60", "1_000, 6_000", "2_500, 4_000"]),
        cap = chance.of(&["", "cap = 12_000"]),
    );
    Market::from_toml(&text).ok().map(Arc::new)
}

/// Columns of positions or of orders.
#[derive(Default)]
struct Columns {
    instrument: Vec<i64>,
    quantity: Vec<f64>,
    price: Vec<f64>,
    leverage: Vec<f64>,
    side: Vec<u32>,
    isolated: Vec<u32>,
}

impl Columns {
    fn push(&mut self, instrument: i64, (quantity, price): (f64, f64), leverage: f64, side: u32, isolated: bool) {
        self.instrument.push(instrument);
        self.quantity.push(quantity);
        self.price.push(price);
        self.leverage.push(leverage);
        self.side.push(side);
        self.isolated.push(u32::from(isolated));
    }
}

fn leverage(chance: &mut Chance) -> f64 {
    chance.of(&[2.0, 5.0, 10.0, 20.0])
}

/// From one lot to some.
fn lots(chance: &mut Chance, most: u64) -> f64 {
    f64::from(1 + u32::try_from(chance.below(most)).unwrap())
}

fn drawn_positions(chance: &mut Chance, hedged: bool) -> Columns {
    let mut columns = Columns::default();
    let mut add = |chance: &mut Chance, quantity: f64, side: u32, isolated: bool| {
        let entry = chance.between(80, 120);
        columns.push(0, (quantity, entry), leverage(chance), side, isolated);
    };
    if hedged {
        for (side, sign) in [(1, 1.0), (2, -1.0)] {
            if !chance.whether(3) {
                let quantity = sign * lots(chance, 40);
                add(chance, quantity, side, false);
            }
        }
    } else if !chance.whether(4) {
        let quantity = lots(chance, 60) * chance.of(&[1.0, -1.0]);
        let isolated = chance.whether(5);
        add(chance, quantity, 0, isolated);
    }
    if chance.whether(2) {
        let (quantity, entry) = (chance.of(&[-30.0, -5.0, 8.0, 20.0]), chance.between(45, 55));
        columns.push(1, (quantity, entry), leverage(chance), 0, false);
    }
    columns
}

fn drawn_open_orders(chance: &mut Chance, hedged: bool) -> Columns {
    let mut columns = Columns::default();
    for _ in 0..chance.below(4) {
        let (quantity, buys) = (lots(chance, 30), chance.whether(2));
        let price = if chance.whether(3) { NONE } else { chance.between(85, 115) };
        let side = if !hedged {
            0
        } else if buys {
            1
        } else {
            2
        };
        columns.push(0, (if buys { quantity } else { -quantity }, price), leverage(chance), side, false);
    }
    columns
}

/// A small account drawn: positions of both instruments and open orders.
fn drawn_book(chance: &mut Chance, market: &Arc<Market>, hedged: bool) -> Option<Book> {
    let (held, open) = (drawn_positions(chance, hedged), drawn_open_orders(chance, hedged));
    let names = ["net", "long", "short"].map(str::to_owned);
    let modes = ["cross", "isolated"].map(str::to_owned);
    let wallet = chance.of(&[150.0, 400.0, 1_000.0, 2_500.0]) + chance.between(0, 50);
    let tables = Tables {
        balances: Balances {
            account: Keys::Int(&[7]),
            asset: Keys::Int(&[0]),
            wallet_balance: &[wallet],
            ..Balances::default()
        },
        positions: Positions {
            account: Keys::Int(&vec![7; held.quantity.len()]),
            instrument: Keys::Int(&held.instrument),
            quantity: &held.quantity,
            entry_price: &held.price,
            leverage: Some(&held.leverage),
            position_side: Some(TextKeys { codes: &held.side, names: &names }),
            margin_mode: Some(TextKeys { codes: &held.isolated, names: &modes }),
            ..Positions::default()
        },
        orders: Orders {
            account: Keys::Int(&vec![7; open.quantity.len()]),
            instrument: Keys::Int(&open.instrument),
            quantity: &open.quantity,
            price: &open.price,
            leverage: Some(&open.leverage),
            position_side: Some(TextKeys { codes: &open.side, names: &names }),
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
    (last < most).then(|| (last, first, (first..=last).eq(accepted)))
}

fn drawn_order(chance: &mut Chance, hedged: bool) -> Proposed {
    let buys = chance.whether(2);
    let price = if chance.whether(3) { NONE } else { chance.between(85, 115) };
    let closes = hedged && chance.whether(4);
    let side = if !hedged {
        Side::Net
    } else if buys != closes {
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

/// The most that an order can do: of one that only reduces what is held of its side, where it is against that.
fn most_of(book: &Book, order: &Proposed) -> f64 {
    let holdings = book.holdings();
    let own = (0..holdings.n_positions()).find(|&at| holdings.instrument(at) == 0 && holdings.side(at) == order.side);
    let held = own.map_or(0.0, |at| holdings.quantity(at));
    let closes = match order.side {
        Side::Net => false,
        Side::Long => order.quantity < 0.0,
        Side::Short => order.quantity > 0.0,
    };
    if (closes || order.reduce_only) && held * order.quantity < 0.0 { held.abs() } else { f64::INFINITY }
}

#[test]
fn test_largest_order_that_closes_a_leg_is_what_there_is_of_it() {
    let market = Arc::new(Market::preset("binance-usdm", None).unwrap());
    let (usdt, btc) = (market.asset_index("USDT").unwrap(), market.instrument_index("BTCUSDT").unwrap());
    let (instrument, names) = ([i64::try_from(btc).unwrap(); 2], ["long", "short"].map(str::to_owned));
    let tables = Tables {
        balances: Balances {
            account: Keys::Int(&[7]),
            asset: Keys::Int(&[i64::try_from(usdt).unwrap()]),
            wallet_balance: &[1_000.0],
            ..Balances::default()
        },
        positions: Positions {
            account: Keys::Int(&[7, 7]),
            instrument: Keys::Int(&instrument),
            quantity: &[0.1, -0.000_000_001],
            entry_price: &[60_000.0, 60_000.0],
            leverage: Some(&[10.0, 10.0]),
            position_side: Some(TextKeys { codes: &[0, 1], names: &names }),
            ..Positions::default()
        },
        ..Tables::default()
    };
    let book = Book::build(Arc::clone(&market), tables, OnError::Refuse).unwrap().0;
    let prices = Prices::by_name(&market, &[("BTCUSDT", 60_000.0)], &[]).unwrap();
    let of = |side: Side, sign: f64| {
        let order = Proposed { side, ..Proposed::market(u32::try_from(btc).unwrap(), sign) };
        let found = largest(&book, &prices, &Asked::of(order));
        (found.quantity, found.contiguous, found.binding)
    };
    assert_eq!(of(Side::Long, -1.0), (-0.1, true, Reason::NothingToReduce));
    // Less than a lot of 1e-8 is closed by its own quantity, which is no multiple of it.
    assert_eq!(of(Side::Short, 1.0), (0.0, false, Reason::NothingToReduce));
    assert_eq!(of(Side::Long, 1.0).2, Reason::Margin);
}

#[test]
fn test_largest_order_is_that_of_every_size_asked_for() {
    /// Sizes that are asked for one by one.
    const MOST: u32 = 200;
    let mut chance = Chance(0x9e37_79b9_7f4a_7c15);
    let (mut n, mut holed, mut none) = (0, 0, 0);
    while n < 300 {
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
        let reason = |size: f64| match at(size).reason {
            Reason::Accepted if size > most_of(&book, &order) => Reason::NothingToReduce,
            reason => reason,
        };
        let Some((last, first, contiguous)) = by_every_size(MOST, |size| reason(size) == Reason::Accepted) else {
            assert!(found.quantity.abs() >= f64::from(MOST), "{found:?} of {}", case());
            continue;
        };
        let expected = (f64::from(last), f64::from(first), contiguous);
        assert_eq!((found.quantity.abs(), found.smallest.abs(), found.contiguous), expected, "{}", case());
        assert_eq!(found.binding, reason(f64::from(last + 1)), "{}", case());
        let cost = if last == 0 { 0.0 } else { at(f64::from(last)).cost };
        assert_eq!(found.cost.to_bits(), cost.to_bits(), "{}", case());
        holed += u32::from(last > 0 && (!contiguous || first > 1));
        none += u32::from(last == 0);
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
    while n < 100 {
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
            let fits = check_order(&book, &prices, 0, &order).unwrap().reason == Reason::Accepted;
            if !fits || size > most_of(&book, &order) {
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
    assert!(bound[0] > 2 && bound[1] > 2 && holed > 2, "{n} cases bound {bound:?}, {holed} with holes");
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
