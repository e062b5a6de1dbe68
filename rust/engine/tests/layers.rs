//! The lanes of several assets, groups and orders against the same pools evaluated without rounding.

#![expect(
    clippy::unwrap_used,
    clippy::too_many_lines,
    clippy::cognitive_complexity,
    reason = "a test draws its own data, in one place"
)]

use std::fmt::Write as _;
use std::sync::Arc;

use crossmargin::book::{Balances, Keys, OnError, Orders, Positions, Tables, TextKeys};
use crossmargin::pool::judge_exactly;
use crossmargin::score::{Buffers, Column, Options, score};
use crossmargin::{Book, Isa, Market, Prices};

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

    /// A number of two to five digits around `scale`.
    fn around(&mut self, scale: f64) -> f64 {
        scale * f64::from(10 + self.below(99_990)) / 1e4
    }
}

const ASSETS: [&str; 3] = ["USDT", "BTC", "USD"];
const SIDES: [&str; 3] = ["net", "long", "short"];

/// A market of six instruments with rules drawn at random.
fn market(draw: &mut Draw) -> String {
    let joint = draw.below(2) == 0;
    let mut text = String::from("schema = 1\npreset = \"drawn\"\nas_of = 2024-10-01\n");
    let cross = if joint { "per_account" } else { "per_asset" };
    writeln!(text, "[pools]\ncross = \"{cross}\"\nisolated = true\n[valuation]\nasset = \"USD\"").unwrap();
    writeln!(text, "[trigger]\nlevel = {}\nzero_fails = {}", draw.one_of(&["1", "1.05", "0.8"]), draw.below(2) == 0)
        .unwrap();
    let legs = draw.one_of(&["each", "each", "net", "long_plus_short", "larger_side"]);
    let (price, fee) = (
        draw.one_of(&["mark", "mark", "mark", "entry"]),
        draw.one_of(&["none", "none", "mark", "bankruptcy_at_entry"]),
    );
    writeln!(text, "[maintenance_margin]\nprice = \"{price}\"\nlegs = \"{legs}\"\nclosing_fee = \"{fee}\"").unwrap();
    text.push_str("[initial_margin]\nprice = \"mark\"\n[display]\nvenue_ratio = \"maintenance_over_equity\"\n");
    text.push_str("[fees]\ntaker = 0.0005\nmaker = 0.0002\n");
    let modes = ["none", "sum", "worst_fill", "larger_side"];
    let mode = draw.one_of(if legs == "long_plus_short" { &modes[..3] } else { &modes });
    let priced = draw.one_of(&["limit", "limit", "mark"]);
    writeln!(text, "[orders]\nmaintenance_margin = \"{mode}\"\ntier_basis = \"{mode}\"\nprice = \"{priced}\"").unwrap();
    writeln!(text, "closing_fee = {}\ninitial_margin = \"worst_fill\"", draw.below(2) == 0).unwrap();
    writeln!(text, "frozen = \"{}\"", draw.one_of(&["none", "none", "isolated_orders_and_fees", "all"])).unwrap();
    if joint {
        let negative = draw.one_of(&["full", "ask", "liability_factor"]);
        let conversion = draw.one_of(&["index", "ask"]);
        writeln!(
            text,
            "[collateral]\nvalue = \"haircut\"\nnegative = \"{negative}\"\nrequirement_conversion = \"{conversion}\""
        )
        .unwrap();
        text.push_str(
            "[collateral.asset.USDT]\nweight = 0.9\nbid_buffer = 0.01\nask_buffer = 0.02\nliability_factor = 1.1\n",
        );
        let unit = draw.one_of(&["quantity", "value"]);
        writeln!(
            text,
            "[collateral.asset.BTC]\nunit = \"{unit}\"\nfloor = [0, 0.5, 40000]\nweights = [0.95, 0.9, 0.5]"
        )
        .unwrap();
        text.push_str("[collateral.asset.BTC.liability]\nfloor = [0, 1]\nmaintenance_rate = [0.04, 0.06]\n");
        writeln!(text, "[liabilities]\nrequirement = \"{}\"", draw.one_of(&["none", "tiers"])).unwrap();
    }
    for asset in ASSETS {
        writeln!(text, "[[asset]]\nname = \"{asset}\"").unwrap();
    }
    for i in 0..6 {
        let inverse = i >= 4;
        let base = if inverse { "BTC".to_owned() } else { format!("B{i}") };
        let (quote, settle, payoff) = if inverse { ("USD", "BTC", "inverse") } else { ("USDT", "USDT", "linear") };
        let size = draw.one_of(&["1", "0.01", "100"]);
        writeln!(
            text,
            "[[instrument]]\nname = \"I{i}\"\nbase = \"{base}\"\nquote = \"{quote}\"\nsettle = \"{settle}\""
        )
        .unwrap();
        writeln!(text, "payoff = \"{payoff}\"\ncontract_size = {size}").unwrap();
        let (law, floors) =
            (draw.one_of(&["marginal", "flat"]), draw.one_of(&["0", "0, 50", "0, 50, 60, 500, 501", "0, 1, 32, 64"]));
        let rates = floors.split(',').enumerate().map(|(k, _)| format!("{}", 0.004 * f64::from(1 << k)));
        let rates = rates.collect::<Vec<_>>().join(", ");
        let at_floor = draw.one_of(&["higher", "lower"]);
        writeln!(text, "[tiers.I{i}]\nlaw = \"{law}\"\nbounds = \"settle\"\nat_floor = \"{at_floor}\"").unwrap();
        writeln!(text, "floor = [{floors}]\nmaintenance_rate = [{rates}]").unwrap();
    }
    text
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
    orderer: Vec<i64>,
    ordered: Vec<i64>,
    order_quantity: Vec<f64>,
    order_price: Vec<f64>,
    order_leverage: Vec<f64>,
    order_side: Vec<u32>,
}

impl Rows {
    fn new(draw: &mut Draw, n_accounts: i64, mark: &[f64]) -> Self {
        let mut rows = Self::default();
        for account in 0..n_accounts {
            for asset in 0..2 {
                if draw.below(4) > 0 {
                    rows.holder.push(account);
                    rows.asset.push(asset);
                    let sign = if draw.below(5) == 0 { -1.0 } else { 1.0 };
                    rows.wallet.push(sign * draw.around(if asset == 0 { 30.0 } else { 0.3 }));
                }
            }
            let hedged = draw.below(2) == 0;
            for instrument in 0..6_u32 {
                let price = mark[instrument as usize];
                for side in if hedged { 1..3 } else { 0..1_u32 } {
                    if draw.below(3) > 0 {
                        continue;
                    }
                    let long = if side == 0 { draw.below(2) == 0 } else { side == 1 };
                    rows.account.push(account);
                    rows.instrument.push(i64::from(instrument));
                    let size = draw.one_of(&[1.0, 50.0, 0.5, 20.0]);
                    rows.quantity.push(if long { size } else { -size } * draw.around(1.0));
                    rows.entry.push(price * draw.one_of(&[1.0, 0.9, 1.1, 0.999]));
                    rows.leverage.push(f64::from(1 + draw.below(50)));
                    rows.side.push(side);
                    rows.mode.push(u32::from(draw.below(6) == 0));
                }
                for _ in 0..draw.below(12).saturating_sub(9) {
                    rows.orderer.push(account);
                    rows.ordered.push(i64::from(instrument));
                    let sign = if draw.below(2) == 0 { 1.0 } else { -1.0 };
                    rows.order_quantity.push(sign * draw.around(2.0));
                    rows.order_price.push(if draw.below(5) == 0 {
                        f64::NAN
                    } else {
                        price * draw.one_of(&[1.0, 0.98, 1.05])
                    });
                    rows.order_leverage.push(f64::from(1 + draw.below(50)));
                    rows.order_side.push(if hedged { 1 + draw.below(2) } else { 0 });
                }
            }
        }
        rows
    }

    fn book(&self, market: &Arc<Market>, window: usize) -> Book {
        let sides = SIDES.map(str::to_owned);
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
                margin_mode: Some(TextKeys { codes: &self.mode, names: &modes }),
                position_side: Some(TextKeys { codes: &self.side, names: &sides }),
                ..Positions::default()
            },
            orders: Orders {
                account: Keys::Int(&self.orderer),
                instrument: Keys::Int(&self.ordered),
                quantity: &self.order_quantity,
                price: &self.order_price,
                leverage: Some(&self.order_leverage),
                position_side: Some(TextKeys { codes: &self.order_side, names: &sides }),
                ..Orders::default()
            },
            ..Tables::default()
        };
        Book::build_in_windows(Arc::clone(market), tables, OnError::Refuse, window).unwrap().0
    }
}

struct Scored {
    collateral: Vec<f64>,
    maintenance: Vec<f64>,
    excess: Vec<f64>,
    liquidatable: Vec<bool>,
}

fn scored(book: &Book, prices: &Prices, isa: Isa, threads: usize) -> Scored {
    let n = book.holdings().n_pools();
    let column = || vec![0.0; n];
    let mut out =
        Scored { collateral: column(), maintenance: column(), excess: column(), liquidatable: vec![false; n] };
    let buffers = Buffers {
        columns: vec![
            (Column::CollateralValue, &mut out.collateral[..]),
            (Column::MaintenanceMargin, &mut out.maintenance[..]),
            (Column::Excess, &mut out.excess[..]),
        ],
        liquidatable: Some(&mut out.liquidatable),
        unpriced: None,
    };
    score(book, prices, buffers, &Options { isa: Some(isa), threads: Some(threads), ..Options::default() }).unwrap();
    out
}

#[test]
fn prop_layers_agree_with_exact_evaluation_under_drawn_rules() {
    let mut draw = Draw(20_241_001);
    let mut worst = 0.0_f64;
    for case in 0..120 {
        let text = market(&mut draw);
        let market = Arc::new(Market::from_toml(&text).unwrap_or_else(|error| panic!("{error}\n{text}")));
        let mark: Vec<f64> = (0..6).map(|_| draw.one_of(&[1.0, 50.0, 0.02, 2_000.0])).collect();
        let rows = Rows::new(&mut draw, 40, &mark);
        let prices = Prices::new(&market, mark, vec![0.999, 60_000.0, f64::NAN]).unwrap();
        let book = rows.book(&market, 2048);
        let ours = scored(&book, &prices, Isa::best(), 1);
        for pool in 0..book.holdings().n_pools() {
            let exact = judge_exactly(&book, pool, &prices);
            let scale =
                1.0 + exact.notional + exact.equity.abs() + exact.collateral_value.abs() + exact.maintenance_margin;
            let of = format!("case {case} pool {pool}: {exact:?}\n{text}");
            assert_eq!(ours.liquidatable[pool], exact.liquidatable, "verdict, {of}");
            assert_eq!(ours.excess[pool] > 0.0, exact.excess > 0.0, "sign {}, {of}", ours.excess[pool]);
            for (ours, exact) in [
                (ours.collateral[pool], exact.collateral_value),
                (ours.maintenance[pool], exact.maintenance_margin),
                (ours.excess[pool], exact.excess),
            ] {
                let distance = (ours - exact).abs() / scale;
                assert!(distance < 1e-11, "{ours} for {exact}, {of}");
                worst = if distance > worst { distance } else { worst };
            }
        }
        for (isa, threads, window) in [(Isa::Baseline, 1, 8), (Isa::Avx2, 2, 64), (Isa::Avx512, 1, 16)] {
            let other = scored(&rows.book(&market, window), &prices, isa, threads);
            let bits = |column: &[f64]| column.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
            assert_eq!(bits(&other.excess), bits(&ours.excess), "{isa:?}");
            assert_eq!(bits(&other.maintenance), bits(&ours.maintenance), "{isa:?}");
            assert_eq!(other.liquidatable, ours.liquidatable, "{isa:?}");
        }
    }
    assert!(worst > 0.0, "nothing was ever rounded: the comparison compares nothing");
}
