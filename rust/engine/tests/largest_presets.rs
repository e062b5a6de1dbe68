//! The largest order under the rules of venues: worked cases, and sizes around it.
#![expect(clippy::unwrap_used, reason = "what cannot be built fails the test")]
#![expect(clippy::float_cmp, reason = "sizes are the doubles of their decimals")]

use std::sync::Arc;

use crossmargin::book::{Balances, Keys, OnError, Orders, Positions, Tables};
use crossmargin::market::Payoff;
use crossmargin::order::{
    Asked, FillFee, Largest, Proposed, Reason, SizeLimit, SizeRows, check_order, max_orders, size_position,
};
use crossmargin::score::Options;
use crossmargin::{Book, Error, Market, Prices};

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

    /// A share from 0 to 1.
    fn share(&mut self) -> f64 {
        f64::from(u32::try_from(self.below(1 << 20)).unwrap()) / f64::from(1 << 20)
    }
}

/// An account with cash in an asset, and positions as instrument, quantity, entry; orders as instrument, quantity, limit. All at
/// one leverage.
fn book(
    market: &Arc<Market>,
    wallet: f64,
    positions: &[(usize, f64, f64)],
    orders: &[(usize, f64, f64)],
) -> Option<Book> {
    let place = |at: usize| i64::try_from(at).unwrap();
    let instruments = |rows: &[(usize, f64, f64)]| rows.iter().map(|row| place(row.0)).collect::<Vec<i64>>();
    let column =
        |rows: &[(usize, f64, f64)], of: fn(&(usize, f64, f64)) -> f64| rows.iter().map(of).collect::<Vec<f64>>();
    let tables = Tables {
        balances: Balances {
            account: Keys::Int(&[7]),
            asset: Keys::Int(&[place(market.instruments()[0].settle())]),
            wallet_balance: &[wallet],
            ..Balances::default()
        },
        positions: Positions {
            account: Keys::Int(&vec![7; positions.len()]),
            instrument: Keys::Int(&instruments(positions)),
            quantity: &column(positions, |row| row.1),
            entry_price: &column(positions, |row| row.2),
            leverage: Some(&vec![10.0; positions.len()]),
            ..Positions::default()
        },
        orders: Orders {
            account: Keys::Int(&vec![7; orders.len()]),
            instrument: Keys::Int(&instruments(orders)),
            quantity: &column(orders, |row| row.1),
            price: &column(orders, |row| row.2),
            leverage: Some(&vec![10.0; orders.len()]),
            ..Orders::default()
        },
        ..Tables::default()
    };
    Book::build(Arc::clone(market), tables, OnError::Refuse).ok().map(|(book, _)| book)
}

fn preset(name: &str) -> Arc<Market> {
    Arc::new(Market::preset(name, None).unwrap())
}

fn at(market: &Market, name: &str) -> usize {
    market.instrument_index(name).unwrap()
}

fn largest(book: &Book, prices: &Prices, asked: &Asked) -> Largest {
    let mut out = [Largest::NONE];
    max_orders(book, prices, None, asked, &mut out, &Options::default()).unwrap();
    out[0]
}

fn asked(instrument: usize, sign: f64, leverage: f64) -> Asked {
    Asked::of(Proposed { leverage, ..Proposed::market(u32::try_from(instrument).unwrap(), sign) })
}

#[test]
fn test_largest_order_of_a_long_position_can_turn_it_around() {
    // 10,000 with 0.5 at 60,000 and leverage 10: 7,000 are left for 1.16666666 more. Sells are free until the position is as
    // short as it was long, and 7,000 more beyond.
    let market = preset("binance-usdm");
    let btc = at(&market, "BTCUSDT");
    let book = book(&market, 10_000.0, &[(btc, 0.5, 60_000.0)], &[]).unwrap();
    let prices = Prices::by_name(&market, &[("BTCUSDT", 60_000.0)], &[]).unwrap();
    let buys = largest(&book, &prices, &asked(btc, 1.0, 10.0));
    assert_eq!(
        (buys.quantity, buys.smallest, buys.contiguous, buys.binding),
        (1.166_666_66, 1e-8, true, Reason::Margin)
    );
    let sells = largest(&book, &prices, &asked(btc, -1.0, 10.0));
    assert_eq!((sells.quantity, sells.smallest), (-2.166_666_66, -1e-8));
    assert_eq!((sells.contiguous, sells.binding), (true, Reason::Margin));
    // At 126x no tier allows what opens; what closes needs no leverage of its own.
    let high = largest(&book, &prices, &asked(btc, -1.0, 126.0));
    assert_eq!((high.quantity, high.binding), (-0.5, Reason::Leverage));
    assert_eq!(
        largest(&book, &prices, &asked(btc, 1.0, 126.0)),
        Largest { binding: Reason::Leverage, ..Largest::NONE }
    );
}

#[test]
fn test_largest_order_keeps_the_ratio_and_the_distance_that_are_asked_for() {
    // Cash 2,000 and a long of 0.2 from 50,000 at 60,000, which counts 2,000 and requires 250 at 2.5 % of the entry. More at
    // 60,000 requires 1,500 each: twice what is required is 4,000 at 1.16666666 more.
    let market = preset("textbook");
    let btc = at(&market, "BTCUSDT");
    let book = book(&market, 2_000.0, &[(btc, 0.2, 50_000.0)], &[]).unwrap();
    let prices = Prices::by_name(&market, &[("BTCUSDT", 60_000.0)], &[]).unwrap();
    let ratio = Asked { target_ratio: 2.0, ..asked(btc, 1.0, 100.0) };
    let found = largest(&book, &prices, &ratio);
    assert_eq!((found.quantity, found.binding, found.contiguous), (1.166_666_66, Reason::TargetRatio, true));
    // At 54,000, 4,000 - 6,000 * (0.2 + q) is what 250 + 1,500 q requires at q = 2,550 / 7,500 = 0.34.
    let distance = Asked { liquidation_beyond: 54_000.0, ..asked(btc, 1.0, 100.0) };
    let found = largest(&book, &prices, &distance);
    assert_eq!((found.quantity, found.binding), (0.34, Reason::LiquidationBeyond));
    // A fill at 61,000 loses 1,000 of each: 4,000 - 1,000 q is 2 * (250 + 1,525 q) at 3,500 / 4,050.
    let mut loses = ratio;
    loses.order.price = 61_000.0;
    assert_eq!(largest(&book, &prices, &loses).quantity, 0.864_197_53);
    // At 59,000 it would win 1,000 of each, which is not counted: 4,000 is 2 * (250 + 1,475 q) at 3,500 / 2,950.
    let mut gains = ratio;
    gains.order.price = 59_000.0;
    assert_eq!(largest(&book, &prices, &gains).quantity, 1.186_440_67);
    // Where even the position is below the ratio, sales are asked to bring it there: at 20 times, of 250 * (1 - s / 0.2) no more
    // than 200 may be left, from 0.04 on. Of a short that is opened 1,500 each are required.
    let hedge = Asked { target_ratio: 20.0, ..asked(btc, -1.0, 100.0) };
    let found = largest(&book, &prices, &hedge);
    assert_eq!((found.quantity, found.smallest, found.contiguous), (-0.333_333_33, -0.04, true));
    assert_eq!(found.binding, Reason::TargetRatio);
}

#[test]
fn test_largest_isolated_order_is_by_its_own_pool() {
    // Isolated at leverage 10 a fence of 6,000 a coin holds until 54,000 less 2.5 %: 55,500 is not beyond, whatever the size.
    let market = preset("textbook");
    let btc = at(&market, "BTCUSDT");
    let book = book(&market, 2_000.0, &[], &[]).unwrap();
    let prices = Prices::by_name(&market, &[("BTCUSDT", 60_000.0)], &[]).unwrap();
    let mut isolated = asked(btc, 1.0, 10.0);
    isolated.order.isolated = Some(true);
    assert_eq!(largest(&book, &prices, &isolated).quantity, 0.333_333_33);
    let ratio = |target_ratio: f64| largest(&book, &prices, &Asked { target_ratio, ..isolated });
    assert_eq!((ratio(4.0).quantity, ratio(4.0).binding), (0.333_333_33, Reason::Margin));
    assert_eq!((ratio(4.000_001).quantity, ratio(4.000_001).binding), (0.0, Reason::TargetRatio));
    let beyond = |price: f64| largest(&book, &prices, &Asked { liquidation_beyond: price, ..isolated }).quantity;
    assert_eq!((beyond(55_500.0), beyond(55_499.99)), (0.333_333_33, 0.0));
}

#[test]
fn test_size_with_an_account_is_bounded_by_its_margin() {
    let market = preset("binance-usdm");
    let btc = at(&market, "BTCUSDT");
    let book = book(&market, 10_000.0, &[(btc, 0.5, 60_000.0)], &[]).unwrap();
    let prices = Prices::by_name(&market, &[("BTCUSDT", 60_000.0)], &[]).unwrap();
    let rows = SizeRows {
        instrument: &[u32::try_from(btc).unwrap()],
        buy: &[true],
        equity: &[NONE],
        max_loss: &[0.5],
        loss_is_amount: false,
        entry_price: &[60_000.0],
        stop_price: &[58_000.0],
        slippage: &[0.0],
        leverage: &[10.0],
        maintenance_share: &[NONE],
        fee: FillFee::None,
        exit_fee: FillFee::None,
        profile: 0,
        tier_coefficient: 1.0,
        isolated: None,
    };
    let sized = size_position(&market, &rows, Some((&book, &prices, &[0]))).unwrap()[0];
    // Half of 10,000 at 2,000 a coin is 2.5; there is margin for 1.16666666.
    assert_eq!((sized.quantity, sized.binding, sized.by[0]), (1.166_666_66, SizeLimit::Margin, 2.5));
    let unpriced = Prices::by_name(&market, &[], &[]).unwrap();
    let refused = size_position(&market, &rows, Some((&book, &unpriced, &[0]))).unwrap_err();
    assert!(matches!(refused, Error::MissingPrice(_)));
}

#[test]
fn test_largest_order_of_no_question_is_refused() {
    let market = preset("binance-usdm");
    let btc = at(&market, "BTCUSDT");
    let book = book(&market, 10_000.0, &[(btc, 0.5, 60_000.0)], &[]).unwrap();
    let prices = Prices::by_name(&market, &[("BTCUSDT", 60_000.0)], &[]).unwrap();
    let good = asked(btc, 1.0, 10.0);
    let refused = |asked: &Asked, accounts: Option<&[u32]>, n: usize| {
        let mut out = vec![Largest::NONE; n];
        max_orders(&book, &prices, accounts, asked, &mut out, &Options::default()).unwrap_err().to_string()
    };
    assert_eq!(refused(&good, None, 2), "out had 2 elements, expected 1, one for each account");
    assert_eq!(refused(&good, Some(&[1]), 1), "accounts had 1, expected numbers below 1");
    let wrong = Asked { target_ratio: 0.0, ..good };
    assert_eq!(refused(&wrong, None, 1), "target_ratio was 0, expected a positive number, or none");
    let wrong = Asked { liquidation_beyond: -1.0, ..good };
    assert_eq!(refused(&wrong, None, 1), "liquidation_beyond was -1, expected a positive number, or none");
    let n = market.instruments().len();
    let wrong = asked(n, 1.0, 10.0);
    assert_eq!(refused(&wrong, None, 1), format!("instrument was {n}, expected a number below {n}"));
    let other = asked(at(&market, "ETHUSDT"), 1.0, 10.0);
    assert!(refused(&other, None, 1).starts_with("no mark price for held instruments: ETHUSDT"));
    let mut out = [Largest::NONE];
    let null = Options { missing: crossmargin::score::Missing::Null, ..Options::default() };
    let summary = max_orders(&book, &prices, None, &other, &mut out, &null).unwrap();
    assert_eq!((summary.n_unpriced, out[0].binding, out[0].quantity), (1, Reason::Unpriced, 0.0));
}

/// An account drawn under the rules of a market, and what is asked of it.
fn drawn(chance: &mut Chance, market: &Arc<Market>, marks: &[f64]) -> Option<(Book, Asked)> {
    let contract = &market.instruments()[0];
    let in_coin = contract.payoff() == Payoff::Inverse;
    let unit = if in_coin { 100.0 } else { 0.1 / contract.contract_size() };
    let near = |chance: &mut Chance| marks[0] * (0.95 + 0.1 * chance.share());
    let some = |chance: &mut Chance| (unit * chance.of(&[-7.0_f64, -1.0, 2.0, 5.0]) * 10.0).round() / 10.0;
    let mut positions = vec![];
    if chance.below(4) > 0 {
        positions.push((0, some(chance), near(chance)));
    }
    let orders: Vec<_> = (0..chance.below(3)).map(|_| (0, some(chance), near(chance))).collect();
    let wallets = if in_coin { [0.01, 0.1, 3.0] } else { [500.0, 5_000.0, 20_000.0] };
    let book = book(market, chance.of(&wallets), &positions, &orders)?;
    let mut question = asked(0, chance.of(&[1.0, -1.0]), 10.0);
    let limit = (near(chance) * 2.0).round() / 2.0;
    question.order.price = chance.of(&[NONE, limit]);
    Some((book, question))
}

#[test]
fn test_largest_order_under_the_rules_of_venues_has_none_above_it() {
    let names = [
        "textbook",
        "binance-usdm",
        "binance-usdm-multi",
        "binance-coinm",
        "bybit-uta",
        "bybit-inverse",
        "bingx-usdm",
        "bingx-multi",
        "bingx-coinm",
        "weex-usdm",
        "mexc-usdm",
        "mexc-coinm",
    ];
    let (mut chance, mut found_some) = (Chance(0x9e37_79b9_7f4a_7c15), 0);
    for market in names.map(preset).iter().filter(|market| !market.instruments().is_empty()) {
        let marks: Vec<f64> = (0..market.instruments().len()).map(|at| [60_000.0, 3_000.0, 150.0][at % 3]).collect();
        let prices = Prices::new(market, marks.clone(), vec![1.0; market.assets().len()]).unwrap();
        let prices = prices.with_last(market, marks.clone()).unwrap();
        let lot = market.instruments()[0].lot().unwrap_or(1e-8);
        let in_lots = |size: f64| (size / lot).round() / (1.0 / lot).round();
        for _ in 0..12 {
            let Some((book, question)) = drawn(&mut chance, market, &marks) else { continue };
            let answer = largest(&book, &prices, &question);
            let reason = |size: f64| {
                let order = Proposed { quantity: question.order.quantity * size, ..question.order };
                check_order(&book, &prices, 0, &order).unwrap().reason
            };
            let (size, smallest) = (answer.quantity.abs(), answer.smallest.abs());
            let case = || format!("{question:?} {answer:?} of {}", market.id());
            assert_ne!(reason(in_lots(size + lot)), Reason::Accepted, "{}", case());
            if size > 0.0 {
                found_some += 1;
                assert_eq!((reason(size), reason(smallest)), (Reason::Accepted, Reason::Accepted), "{}", case());
            }
            for _ in 0..20 {
                let other = in_lots((size + lot) * 3.0 * chance.share() + lot);
                let accepted = reason(other) == Reason::Accepted;
                let within = other >= smallest && other <= size;
                assert!(within || !accepted, "{other}: {}", case());
                assert!(accepted || !within || !answer.contiguous, "{other}: {}", case());
            }
        }
    }
    assert!(found_some > 60, "{found_some} orders");
}
