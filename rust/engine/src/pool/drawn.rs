//! Books and prices that tests draw: every kind of rule, few accounts.

use std::sync::Arc;

use crate::book::{Balances, Keys, NO_KEY, OnError, Orders, Positions, Tables, TextKeys};
use crate::market::{Market, Payoff, Prices};

use super::Book;

/// A small generator of pseudo-random numbers.
pub(super) struct Draw(pub(super) u64);

impl Draw {
    pub(super) fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % n
    }

    pub(super) fn share(&mut self) -> f64 {
        f64::from(u32::try_from(self.below(1 << 20)).unwrap()) / f64::from(1 << 20)
    }

    pub(super) fn is_one_of(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    /// A number of few digits, about `least` and up to `more` above it.
    fn about(&mut self, least: f64, more: f64) -> f64 {
        let digits = if self.is_one_of(3) { 0 } else { 3 };
        let x = least + more * self.share();
        format!("{x:.digits$e}").parse().unwrap()
    }

    fn sign(&mut self) -> f64 {
        if self.is_one_of(2) { 1.0 } else { -1.0 }
    }
}

/// The shipped markets, and made-up ones with what those have not: tiers that jump, last prices, quantos.
pub(super) fn markets() -> Vec<Arc<Market>> {
    let presets = [
        "binance-usdm",
        "binance-usdm-multi",
        "binance-coinm",
        "bingx-usdm",
        "bingx-multi",
        "bingx-coinm",
        "bybit-uta",
        "bybit-inverse",
        "mexc-usdm",
        "mexc-coinm",
        "textbook",
        "weex-usdm",
    ];
    let shipped = presets.into_iter().map(|name| Market::preset(name, None).unwrap());
    let laws = ["marginal", "flat", "list"];
    let legs = ["each", "net", "larger_side", "long_plus_short"];
    let orders = ["none", "sum", "worst_fill", "larger_side"];
    let made = (0..24_usize).filter_map(|k| made(laws[k % 3], legs[k / 3 % 4], orders[k / 5 % 4], k));
    shipped.chain(made).filter(|market| !market.instruments().is_empty()).map(Arc::new).collect()
}

/// A trigger of one or two constraints.
fn trigger(k: usize) -> String {
    let combine = if (k / 2).is_multiple_of(2) { "any" } else { "all" };
    match k % 4 {
        0 => "level = 1.25".to_owned(),
        1 => format!(
            "combine = \"{combine}\"\n[[trigger.constraint]]\nname = \"a\"\nprice = \"mark\"\n[[trigger.constraint]]\nname = \"b\"\nprice = \"last\"\nlevel = 0.8"
        ),
        2 => "price = \"last\"\nzero_fails = true".to_owned(),
        _ => "[[trigger.constraint]]\nname = \"a\"\nrequired = \"initial\"\nlevel = 0.5".to_owned(),
    }
}

/// Rules of one or several assets that are not those of a preset.
fn made(law: &str, legs: &str, orders: &str, k: usize) -> Option<Market> {
    let pick = |words: [&'static str; 2], by: usize| words[k / by % 2];
    let (price, fee, at_floor) = (pick(["mark", "entry"], 7), pick(["none", "mark"], 2), pick(["higher", "lower"], 2));
    let deduction = if law == "list" { "deduction = [0, 8, 1500]" } else { "" };
    let trigger = trigger(k);
    let text = format!(
        r#"
extends = "{}"
preset = "made-up-{k}"
as_of = 2026-10-01
[trigger]
{trigger}
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
price = "{}"
[tiers.MADE]
law = "{law}"
at_floor = "{at_floor}"
bounds = "quote"
floor = [0, 1000, 50000]
maintenance_rate = [0.01, 0.02, 0.05]
initial_rate = [0.02, 0.04, 0.1]
{deduction}
[[instrument]]
name = "ONEUSDT"
base = "ONE"
quote = "USDT"
settle = "USDT"
payoff = "linear"
tiers = "MADE"
[[instrument]]
name = "QTOUSD"
base = "QTO"
quote = "USD"
settle = "USDT"
payoff = "quanto"
multiplier = 0.01
tiers = "MADE"
"#,
        if (k / 4).is_multiple_of(2) { "textbook/2020-01-01" } else { "bybit-uta/2025-02-19" },
        if orders == "worst_fill" { "worse" } else { "limit" },
    );
    // Some rules do not go together.
    Market::from_toml(&text).ok()
}

fn key(at: usize) -> i64 {
    i64::try_from(at).unwrap()
}

/// Columns of positions or of orders.
#[derive(Default)]
struct Rows {
    account: Vec<i64>,
    instrument: Vec<i64>,
    quantity: Vec<f64>,
    price: Vec<f64>,
    leverage: Vec<f64>,
    isolated: Vec<u32>,
    side: Vec<u32>,
}

/// A book of `accounts` in a market, and prices.
pub(super) fn book(draw: &mut Draw, market: &Arc<Market>, accounts: usize) -> (Book, Prices) {
    let (given, prices) = Given::draw(draw, market, accounts);
    (given.build(market), prices)
}

/// The tables of a book.
#[derive(Default)]
pub(super) struct Given {
    holder: Vec<i64>,
    asset: Vec<i64>,
    wallet: Vec<f64>,
    positions: Rows,
    orders: Rows,
}

impl Given {
    /// Tables of `accounts` in a market, and prices.
    pub(super) fn draw(draw: &mut Draw, market: &Arc<Market>, accounts: usize) -> (Self, Prices) {
        let marks: Vec<f64> = market.instruments().iter().map(|_| draw.about(0.05, 2_000.0)).collect();
        let last =
            marks.iter().map(|&mark| if draw.is_one_of(2) { mark } else { draw.about(mark, mark * 0.02) }).collect();
        let index = market.assets().iter().map(|_| draw.about(0.5, 1.0)).collect();
        let prices = Prices::new(market, marks.clone(), index).unwrap().with_last(market, last).unwrap();
        let mut of = Drawn { market, marks: &marks, positions: Rows::default(), orders: Rows::default() };
        let mut given = Self::default();
        for account in 0..accounts {
            for (at, settled) in of.account(draw, account).into_iter().enumerate() {
                let share = draw.share();
                let has = if settled > 0.0 { settled * (0.02 + 0.6 * share) } else { 500.0 * share };
                if settled > 0.0 || draw.is_one_of(3) {
                    let has = draw.about(has, 0.0);
                    given.holder.push(key(account));
                    given.asset.push(key(at));
                    given.wallet.push(if draw.is_one_of(10) { -has } else { has });
                }
            }
        }
        (given.positions, given.orders) = (of.positions, of.orders);
        (given, prices)
    }

    /// Adds an order of any instrument to some accounts.
    pub(super) fn add_orders(&mut self, draw: &mut Draw, prices: &Prices, accounts: usize) {
        for account in 0..accounts {
            for _ in 0..draw.below(4) {
                let held = self.positions.account.iter().position(|&of| of == key(account));
                let near = held.map_or(0, |row| usize::try_from(self.positions.instrument[row]).unwrap());
                let at = (near + draw.below(3)) % prices.mark().len();
                let mark = prices.mark()[at];
                let limit = if draw.is_one_of(4) { f64::NAN } else { draw.about(mark * 0.9, mark * 0.2) };
                let size = draw.sign() * draw.about(1.0, 3_000.0) / mark;
                let size = draw.about(size, 0.0);
                let hedges = held.is_some_and(|row| self.positions.side[row] != NO_KEY);
                self.orders.push(account, at, (size, limit), (false, hedges));
            }
        }
    }

    /// The book of those accounts that have no fault.
    pub(super) fn build(&self, market: &Arc<Market>) -> Book {
        let balances = Balances {
            account: Keys::Int(&self.holder),
            asset: Keys::Int(&self.asset),
            wallet_balance: &self.wallet,
            ..Balances::default()
        };
        build(market, balances, &self.positions, &self.orders)
    }
}

/// The positions and orders that are drawn.
struct Drawn<'a> {
    market: &'a Market,
    marks: &'a [f64],
    positions: Rows,
    orders: Rows,
}

impl Drawn<'_> {
    /// Draws an account, and gives what its positions are worth in each asset.
    fn account(&mut self, draw: &mut Draw, account: usize) -> Vec<f64> {
        let mut settled = vec![0.0; self.market.assets().len()];
        let hedges = draw.is_one_of(4);
        let first = draw.below(self.marks.len());
        for k in 0..=draw.below(4) {
            let at = (first + k) % self.marks.len();
            let (instrument, mark) = (&self.market.instruments()[at], self.marks[at]);
            let most = 60_000.0 * draw.share();
            let per = match instrument.payoff() {
                Payoff::Linear => instrument.contract_size() * mark,
                Payoff::Inverse => instrument.contract_size(),
                Payoff::Quanto { multiplier } => instrument.contract_size() * multiplier * mark,
            };
            let quantity = draw.about(10.0, most) / per;
            let quantity = draw.about(quantity, 0.0);
            settled[instrument.settle()] +=
                quantity * per / if instrument.payoff() == Payoff::Inverse { mark } else { 1.0 };
            self.rows(draw, (account, at), quantity, hedges);
        }
        settled
    }

    /// A position, perhaps one of the other side, and perhaps an order.
    fn rows(&mut self, draw: &mut Draw, (account, at): (usize, usize), quantity: f64, hedges: bool) {
        let (mark, signed) = (self.marks[at], draw.sign() * quantity);
        let entry = draw.about(mark * 0.9, mark * 0.2);
        self.positions.push(account, at, (signed, entry), (draw.is_one_of(8), hedges));
        if hedges && draw.is_one_of(2) {
            self.positions.push(account, at, (-signed * 0.5, entry), (draw.is_one_of(8), hedges));
        }
        if draw.is_one_of(3) {
            let limit = if draw.is_one_of(5) { f64::NAN } else { draw.about(mark * 0.9, mark * 0.2) };
            let size = draw.sign() * draw.about(quantity * 0.01, quantity * 2.0);
            self.orders.push(account, at, (size, limit), (false, hedges));
        }
    }
}

fn build(market: &Arc<Market>, balances: Balances<'_>, positions: &Rows, orders: &Rows) -> Book {
    let (modes, sides) = (["cross", "isolated"].map(str::to_owned), ["long", "short"].map(str::to_owned));
    let modes = |codes| Some(TextKeys { codes, names: &modes });
    let sides = |codes| Some(TextKeys { codes, names: &sides });
    let tables = Tables {
        balances,
        positions: Positions {
            account: Keys::Int(&positions.account),
            instrument: Keys::Int(&positions.instrument),
            quantity: &positions.quantity,
            entry_price: &positions.price,
            leverage: Some(&positions.leverage),
            margin_mode: modes(&positions.isolated),
            position_side: sides(&positions.side),
            ..Positions::default()
        },
        orders: Orders {
            account: Keys::Int(&orders.account),
            instrument: Keys::Int(&orders.instrument),
            quantity: &orders.quantity,
            price: &orders.price,
            leverage: Some(&orders.leverage),
            position_side: sides(&orders.side),
            ..Orders::default()
        },
        ..Tables::default()
    };
    Book::build(Arc::clone(market), tables, OnError::Reject).unwrap().0
}

impl Rows {
    fn push(&mut self, account: usize, at: usize, (quantity, price): (f64, f64), (isolated, hedges): (bool, bool)) {
        self.account.push(key(account));
        self.instrument.push(key(at));
        self.quantity.push(quantity);
        self.price.push(price);
        self.leverage.push(10.0);
        self.isolated.push(u32::from(isolated));
        self.side.push(if hedges { u32::from(quantity < 0.0) } else { NO_KEY });
    }
}
