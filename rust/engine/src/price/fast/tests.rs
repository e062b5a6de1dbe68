//! What is certain here against verdicts without rounding: at each price, at its neighbour, and on the way.

use std::fmt::Write as _;
use std::sync::Arc;

use crate::book::{Balances, Keys, OnError, Positions, Tables, TextKeys};
use crate::kernel::Isa;
use crate::market::{Market, Prices};
use crate::pool::{Book, Path, judge_exactly};

use super::super::positions::{Row, Wanted, position_row};
use super::{At, Columns, fill};

/// A small generator of pseudo-random numbers: books need variety, not quality.
struct Draw(u64);

impl Draw {
    fn below(&mut self, n: u32) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        u32::try_from(self.0 >> 33).unwrap() % n
    }

    fn one_of<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(u32::try_from(of.len()).unwrap()) as usize]
    }

    /// A number around `scale`: of few digits, or of all that a double has.
    fn around(&mut self, scale: f64, digits: bool) -> f64 {
        let few = scale * f64::from(10 + self.below(9_990)) / 1e3;
        if digits { few * (1.0 + f64::from(self.below(1 << 30)) / 3e9) } else { few }
    }
}

/// What a book is drawn with.
#[expect(clippy::struct_excessive_bools, reason = "each is drawn by itself")]
#[derive(Clone, Copy)]
struct Shape {
    joint: bool,
    hedged: bool,
    /// Whether numbers have all the digits of a double.
    digits: bool,
    /// Marks are around this.
    scale: f64,
    /// Wallets, as a share of what a usual pool needs.
    cash: f64,
    zero_fails: bool,
}

const COMMON: Shape = Shape { joint: false, hedged: false, digits: true, scale: 1.0, cash: 1.0, zero_fails: true };

const N_INSTRUMENTS: usize = 6;
/// Of the inverse instruments, and of a quanto.
const INVERSE: usize = 4;
const QUANTO: usize = 3;

fn market(shape: Shape, draw: &mut Draw) -> Arc<Market> {
    let mut text = String::from("schema = 1\npreset = \"drawn\"\nas_of = 2024-10-01\n");
    let cross = if shape.joint { "per_account" } else { "per_asset" };
    writeln!(text, "[pools]\ncross = \"{cross}\"\nisolated = true\n[valuation]\nasset = \"USD\"").unwrap();
    let level = draw.one_of(&["1", "1.05"]);
    writeln!(text, "[trigger]\nlevel = {level}\nzero_fails = {}", shape.zero_fails).unwrap();
    let fee = if shape.joint { draw.one_of(&["none", "mark"]) } else { "none" };
    writeln!(text, "[maintenance_margin]\nprice = \"mark\"\nlegs = \"each\"\nclosing_fee = \"{fee}\"").unwrap();
    text.push_str("[initial_margin]\nprice = \"mark\"\n[display]\nvenue_ratio = \"maintenance_over_equity\"\n");
    text.push_str("[fees]\ntaker = 0.0005\nmaker = 0.0002\n");
    if shape.joint {
        let negative = draw.one_of(&["full", "ask", "liability_factor"]);
        let conversion = draw.one_of(&["index", "ask"]);
        writeln!(text, "[collateral]\nvalue = \"haircut\"\nnegative = \"{negative}\"").unwrap();
        writeln!(text, "requirement_conversion = \"{conversion}\"").unwrap();
        text.push_str("[collateral.asset.USDT]\nweight = 0.9\nbid_buffer = 0.01\nask_buffer = 0.02\n");
        text.push_str("liability_factor = 1.1\n[collateral.asset.USD]\nweight = 1\n");
        let unit = draw.one_of(&["quantity", "value"]);
        let weights = draw.one_of(&["0.95, 0.9, 0.5", "0.95, 0.3, 0.004", "0.9, 0.95, 0.2"]);
        writeln!(text, "[collateral.asset.BTC]\nunit = \"{unit}\"\nfloor = [0, 0.5, 40]\nweights = [{weights}]")
            .unwrap();
        text.push_str("[collateral.asset.BTC.liability]\nfloor = [0, 1]\nmaintenance_rate = [0.04, 0.06]\n");
        writeln!(text, "[liabilities]\nrequirement = \"{}\"", draw.one_of(&["none", "tiers"])).unwrap();
    }
    for asset in ["USDT", "BTC", "USD"] {
        writeln!(text, "[[asset]]\nname = \"{asset}\"").unwrap();
    }
    for i in 0..N_INSTRUMENTS {
        instrument(&mut text, i, draw);
    }
    Arc::new(Market::from_toml(&text).unwrap())
}

fn instrument(text: &mut String, i: usize, draw: &mut Draw) {
    let base = if i >= INVERSE { "BTC".to_owned() } else { format!("B{i}") };
    let (quote, settle, payoff) = match i {
        QUANTO => ("USD", "USDT", "quanto"),
        INVERSE.. => ("USD", "BTC", "inverse"),
        _ => ("USDT", "USDT", "linear"),
    };
    writeln!(text, "[[instrument]]\nname = \"I{i}\"\nbase = \"{base}\"\nquote = \"{quote}\"").unwrap();
    writeln!(text, "settle = \"{settle}\"\npayoff = \"{payoff}\"").unwrap();
    writeln!(text, "contract_size = {}", draw.one_of(&["1", "0.01", "10"])).unwrap();
    if i == QUANTO {
        text.push_str("multiplier = 0.001\n");
    }
    let floors = draw.one_of(&["0", "0, 50", "0, 50, 60, 500, 501", "0, 1, 32, 64", "0, 0.3, 7.7, 1000"]);
    let rates = floors.split(',').enumerate().map(|(k, _)| format!("{}", 0.004 * f64::from(1 << (k + 1))));
    let rates = rates.collect::<Vec<_>>().join(", ");
    writeln!(text, "[tiers.I{i}]\nlaw = \"marginal\"\nbounds = \"settle\"").unwrap();
    writeln!(text, "floor = [{floors}]\nmaintenance_rate = [{rates}]").unwrap();
}

#[derive(Default)]
struct Rows {
    holder: Vec<i64>,
    asset: Vec<i64>,
    wallet: Vec<f64>,
    account: Vec<i64>,
    instrument: Vec<i64>,
    quantity: Vec<f64>,
    entry: Vec<f64>,
    leverage: Vec<f64>,
    side: Vec<u32>,
    mode: Vec<u32>,
}

impl Rows {
    fn draw(shape: Shape, draw: &mut Draw, n_accounts: i64, marks: &[f64]) -> Self {
        let mut rows = Self::default();
        for account in 0..n_accounts {
            for asset in 0..2 {
                rows.holder.push(account);
                rows.asset.push(asset);
                let sign = if shape.joint && draw.below(5) == 0 { -1.0 } else { 1.0 };
                rows.wallet.push(sign * draw.around(shape.cash, shape.digits));
            }
            let n = draw.below(5);
            for _ in 0..n {
                let instrument = draw.below(6);
                let held = rows.account.iter().zip(&rows.instrument);
                if held.rev().take(12).any(|(&of, &at)| (of, at) == (account, i64::from(instrument))) {
                    continue;
                }
                let both = shape.hedged && draw.below(3) > 0;
                let isolated = !both && draw.below(6) == 0;
                for short in [false, true] {
                    if both || short == (draw.below(2) == 0) {
                        rows.hold(shape, draw, (account, instrument, marks), (short, isolated));
                        if !both {
                            break;
                        }
                    }
                }
            }
        }
        rows
    }

    fn hold(
        &mut self,
        shape: Shape,
        draw: &mut Draw,
        (account, instrument, marks): (i64, u32, &[f64]),
        (short, isolated): (bool, bool),
    ) {
        let mark = marks[instrument as usize];
        // Worth about ten times the wallet.
        let scale = draw.one_of(&[1.0, 10.0, 100.0]);
        let worth = draw.around(scale, shape.digits);
        let quantity = if instrument as usize >= INVERSE { worth * mark } else { worth / mark };
        let quantity = if shape.digits { quantity } else { format!("{quantity:.2e}").parse().unwrap() };
        self.account.push(account);
        self.instrument.push(i64::from(instrument));
        self.quantity.push(if short { -quantity } else { quantity });
        let entry = mark * (0.9 + f64::from(draw.below(200)) / 1e3);
        self.entry.push(if shape.digits { entry } else { format!("{entry:.3e}").parse().unwrap() });
        self.leverage.push(f64::from(2 + draw.below(40)));
        let side = if short { 2 } else { 1 };
        self.side.push(if shape.hedged { side } else { 0 });
        self.mode.push(u32::from(isolated));
    }

    fn book(&self, market: &Arc<Market>) -> Book {
        let sides = ["net", "long", "short"].map(str::to_owned);
        let modes = ["cross", "isolated"].map(str::to_owned);
        let tables = Tables {
            balances: Balances {
                account: Keys::Int(&self.holder),
                asset: Keys::Int(&self.asset),
                wallet_balance: &self.wallet,
                ..Balances::default()
            },
            positions: Positions {
                account: Keys::Int(&self.account),
                instrument: Keys::Int(&self.instrument),
                quantity: &self.quantity,
                entry_price: &self.entry,
                leverage: Some(&self.leverage),
                position_side: Some(TextKeys { codes: &self.side, names: &sides }),
                margin_mode: Some(TextKeys { codes: &self.mode, names: &modes }),
                ..Positions::default()
            },
            ..Tables::default()
        };
        Book::build(Arc::clone(market), tables, OnError::Refuse).unwrap().0
    }
}

/// What was found for each position; of those left open, nothing.
#[derive(PartialEq, Debug, Default)]
struct Columned {
    below: Vec<f64>,
    above: Vec<f64>,
    price: Vec<f64>,
    bankruptcy: Vec<f64>,
    fails: Vec<bool>,
}

const OPEN: f64 = -1.0;

fn is_open(price: f64) -> bool {
    price < 0.0
}

/// Fills columns with a search that finds nothing, and counts what it is asked for.
fn fill_open(book: &Book, prices: &Prices, columns: Columns<'_>, knobs: (Isa, usize)) -> usize {
    let (isa, threads) = knobs;
    let row = Row { below: OPEN, above: OPEN, liquidation_price: OPEN, bankruptcy_price: OPEN, liquidatable: false };
    fill(book.refined().unwrap(), columns, At { book, prices, isa, threads }, |_, _, _| (row, true))
}

fn empty(book: &Book) -> Columned {
    let n = book.holdings().n_positions();
    let column = || vec![0.0; n];
    Columned { below: column(), above: column(), price: column(), bankruptcy: column(), fails: vec![false; n] }
}

/// As [`filled`], with all columns asked for at once: a thread's working memory goes from one question to the other.
fn filled_at_once(book: &Book, prices: &Prices, knobs: (Isa, usize)) -> Columned {
    let mut all = empty(book);
    let columns = Columns {
        below: Some(&mut all.below),
        above: Some(&mut all.above),
        liquidation_price: Some(&mut all.price),
        bankruptcy_price: Some(&mut all.bankruptcy),
        liquidatable: Some(&mut all.fails),
    };
    fill_open(book, prices, columns, knobs);
    all
}

fn filled(book: &Book, prices: &Prices, knobs: (Isa, usize)) -> (Columned, [usize; 2]) {
    let mut all = empty(book);
    let columns = Columns {
        below: Some(&mut all.below),
        above: Some(&mut all.above),
        liquidation_price: Some(&mut all.price),
        liquidatable: Some(&mut all.fails),
        ..Columns::default()
    };
    let open = fill_open(book, prices, columns, knobs);
    let columns = Columns { bankruptcy_price: Some(&mut all.bankruptcy), ..Columns::default() };
    let open_bankruptcies = fill_open(book, prices, columns, knobs);
    (all, [open, open_bankruptcies])
}

fn next(x: f64, up: bool) -> f64 {
    f64::from_bits(if up { x.to_bits() + 1 } else { x.to_bits() - 1 })
}

/// A state of a pool along the price of an instrument.
struct Along<'a> {
    book: &'a Book,
    prices: &'a Prices,
    pool: usize,
    instrument: usize,
    bankrupt: bool,
}

impl Along<'_> {
    fn fails(&self, price: f64) -> bool {
        let mut marks = self.prices.mark().to_vec();
        marks[self.instrument] = price;
        let prices = Prices::new(self.book.market(), marks, self.prices.index().to_vec()).unwrap();
        let judged = judge_exactly(self.book, self.pool, &prices);
        if self.bankrupt { judged.collateral_value <= 0.0 } else { judged.liquidatable }
    }

    fn mark(&self) -> f64 {
        self.prices.mark()[self.instrument]
    }

    /// Whether `price` is the last safe one in a direction, or the first safe one of a pool that fails; NaN: there is none.
    fn is_last(&self, price: f64, up: bool) -> bool {
        let (mark, now) = (self.mark(), self.fails(self.mark()));
        if price.is_nan() {
            let scales = [1.000_001, 1.01, 1.1, 1.5, 2.0, 5.0, 20.0, 1e3, 1e6, 1e12, 1e30];
            return scales.iter().all(|scale| self.fails(if up { mark * scale } else { mark / scale }) == now);
        }
        let toward = (1..12).map(|k| mark + (price - mark) * f64::from(k) / 12.0);
        // Away of a safe one, back of one that became safe.
        !self.fails(price)
            && self.fails(next(price, up != now))
            && toward.filter(|&on_the_way| on_the_way > 0.0 && on_the_way.is_finite()).all(|x| self.fails(x) == now)
    }
}

/// Checks what is certain of a book against the search by the rules themselves.
fn check_search(book: &Book, prices: &Prices, found: &Columned) {
    let holdings = book.holdings();
    let wanted = Wanted { liquidation: true, bankruptcy: true };
    for pool in 0..holdings.n_pools() {
        for position in holdings.positions_of(pool) {
            let (row, _) = position_row(book, pool, position, prices, wanted);
            let same = |x: f64, y: f64| is_open(x) || x.to_bits() == y.to_bits() || (x.is_nan() && y.is_nan());
            let pairs = [
                (found.below[position], row.below),
                (found.above[position], row.above),
                (found.price[position], row.liquidation_price),
                (found.bankruptcy[position], row.bankruptcy_price),
            ];
            for (at, (x, y)) in pairs.into_iter().enumerate() {
                assert!(same(x, y), "{position} of {pool}: {at}: {x:e}, not {y:e}; {row:?}");
            }
        }
    }
}

/// Checks what is certain of a book against exact verdicts.
fn check(book: &Book, prices: &Prices, found: &Columned) {
    let holdings = book.holdings();
    for pool in 0..holdings.n_pools() {
        for position in holdings.positions_of(pool) {
            let instrument = holdings.instrument(position);
            let along = Along { book, prices, pool, instrument, bankrupt: false };
            let (below, above, price) = (found.below[position], found.above[position], found.price[position]);
            if !is_open(below) {
                assert_eq!(along.fails(along.mark()), found.fails[position]);
                assert!(along.is_last(below, false) && along.is_last(above, true), "{position}: {below} {above}");
                let near = |x: f64| [x, next(x, true), next(x, false)].iter().any(|x| x.to_bits() == price.to_bits());
                assert!(price.is_nan() && (below.is_nan() || above.is_nan()) || near(below) || near(above));
            }
            let price = found.bankruptcy[position];
            let along = Along { bankrupt: true, ..along };
            if price > 0.0 {
                let changes = [next(price, false), next(price, true)].map(|x| along.fails(x));
                assert!(changes[0] != changes[1], "{position}: bankrupt at {price}");
            }
        }
    }
}

/// Draws a book, and holds every setting of the knobs to the same bits and them to exact verdicts. Returns the number of
/// positions, and how many were left open.
fn holds(shape: Shape, seed: u64, n_accounts: i64) -> (usize, [usize; 2]) {
    let mut draw = Draw(seed);
    let market = market(shape, &mut draw);
    let mut mark = || draw.around(shape.scale, shape.digits);
    let marks: Vec<f64> = (0..N_INSTRUMENTS).map(|_| mark()).collect();
    let index = vec![0.999, if shape.digits { 1.0 / 3.0 } else { 0.4 }, f64::NAN];
    let rows = Rows::draw(shape, &mut draw, n_accounts, &marks);
    let book = rows.book(&market);
    let prices = Prices::new(&market, marks, index).unwrap();
    let (found, open) = filled(&book, &prices, (Isa::Baseline, 1));
    let bits = |of: &[f64]| of.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
    let columns = |of: &Columned| [&of.below, &of.above, &of.price, &of.bankruptcy].map(|column| bits(column));
    for isa in Isa::ALL.into_iter().filter(|isa| isa.is_available()) {
        let (other, _) = filled(&book, &prices, (isa, 3));
        assert_eq!((columns(&found), &found.fails), (columns(&other), &other.fails), "{isa:?}");
        let at_once = filled_at_once(&book, &prices, (isa, 1));
        assert_eq!((columns(&found), &found.fails), (columns(&at_once), &at_once.fails), "{isa:?}");
    }
    let path = |path: Path| book.refined().unwrap().path.iter().filter(|&&of| of == path).count();
    assert_eq!(path(Path::Rules), 0);
    check(&book, &prices, &found);
    check_search(&book, &prices, &found);
    (book.holdings().n_positions(), open)
}

#[test]
fn prop_lanes_hold_exact_verdicts() {
    assert_eq!(holds(COMMON, 1, 60).1, [0, 0]);
    assert_eq!(holds(Shape { zero_fails: false, cash: 8.0, ..COMMON }, 2, 60).1, [0, 0]);
}

#[test]
fn prop_tiny_and_huge_prices_hold_exact_verdicts() {
    for (seed, scale) in [(3, 1e-13), (4, 1e-6), (5, 3e9), (6, 1e17), (7, 1e40)] {
        let (_, open) = holds(Shape { scale, ..COMMON }, seed, 15);
        assert_eq!(open, [0, 0], "{scale}");
    }
}

#[test]
fn prop_pools_under_water_hold_exact_verdicts() {
    assert_eq!(holds(Shape { cash: 0.05, ..COMMON }, 8, 50).1, [0, 0]);
    assert_eq!(holds(Shape { cash: 0.05, joint: true, ..COMMON }, 9, 30).1, [0, 0]);
}

#[test]
fn prop_legs_of_one_instrument_hold_exact_verdicts() {
    for seed in 10..13 {
        assert_eq!(holds(Shape { hedged: true, joint: seed > 10, ..COMMON }, seed, 40).1, [0, 0]);
    }
}

#[test]
fn prop_pools_of_several_assets_hold_exact_verdicts() {
    for seed in 13..21 {
        let cash = if seed % 2 == 0 { 1.0 } else { 20.0 };
        assert_eq!(holds(Shape { joint: true, cash, ..COMMON }, seed, 25).1, [0, 0]);
    }
}

#[test]
fn prop_round_numbers_hold_exact_verdicts() {
    for seed in 21..27 {
        let (joint, hedged, zero_fails) = (seed % 2 == 0, seed % 3 == 0, seed % 4 > 1);
        let shape = Shape { digits: false, joint, hedged, zero_fails, ..COMMON };
        let (all, [open, _]) = holds(shape, seed, 30);
        // Roots on decimals are left open.
        assert!(open * 10 < all, "{open} of {all}");
    }
}
