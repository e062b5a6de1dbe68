//! How large a position can be: against the arithmetic of each limit, done by hand or over all sizes.
#![expect(clippy::unwrap_used, reason = "what cannot be built fails the test")]
#![expect(clippy::float_cmp, reason = "sizes are the doubles of their decimals")]

use std::sync::Arc;

use crossmargin::book::{Accounts, Balances, Keys, OnError, Positions, Tables, TextKeys};
use crossmargin::order::{FillFee, SizeLimit, SizeRows, Sized, size_position};
use crossmargin::{Book, Market, Prices};

/// Two instruments that settle in what they are quoted in or in their base, with jumps and leverages by tier.
fn market(at_floor: &str) -> Market {
    let text = format!(
        r#"
schema = 1
preset = "made-up"
as_of = 2024-10-01
[pools]
cross = "per_asset"
isolated = false
[trigger]
zero_fails = true
[maintenance_margin]
price = "mark"
[initial_margin]
price = "mark"
[display]
venue_ratio = "maintenance_over_equity"
[fees]
taker = 0.0005
maker = -0.0001
discount = 0.2
[fees.profile.friend]
taker = 0.001
discounted = true
[[asset]]
name = "USDT"
[[asset]]
name = "BTC"
[[instrument]]
name = "AAAUSDT"
base = "AAA"
quote = "USDT"
settle = "USDT"
lot = 1
[[instrument]]
name = "BTCUSD"
base = "BTC"
quote = "USD"
settle = "BTC"
payoff = "inverse"
contract_size = 100
lot = 1
tiers = "COIN"
[tiers.AAAUSDT]
law = "flat"
bounds = "quote"
at_floor = "{at_floor}"
floor = [0, 100_000, 500_000]
maintenance_rate = [0.01, 0.02, 0.05]
max_leverage = [50, 20, 5]
cap = 1_000_000
[tiers.COIN]
law = "marginal"
bounds = "settle"
floor = [0, 10]
maintenance_rate = [0.005, 0.01]
"#
    );
    Market::from_toml(&text).unwrap()
}

/// One row that is limited by its leverage and its tier alone; `change` gives it more.
fn sized(market: &Market, change: impl FnOnce(&mut Row)) -> Sized {
    let mut row = Row::default();
    change(&mut row);
    row.size(market).unwrap()
}

#[derive(Clone)]
struct Row {
    instrument: u32,
    buy: bool,
    equity: f64,
    max_loss: f64,
    amount: bool,
    entry: f64,
    stop: f64,
    slippage: f64,
    leverage: f64,
    share: f64,
    fees: [FillFee; 2],
    profile: u16,
    coefficient: f64,
}

impl Default for Row {
    fn default() -> Self {
        Self {
            instrument: 0,
            buy: true,
            equity: 100_000.0,
            max_loss: 0.01,
            amount: false,
            entry: 100.0,
            stop: f64::NAN,
            slippage: 0.0,
            leverage: f64::NAN,
            share: f64::NAN,
            fees: [FillFee::None, FillFee::None],
            profile: 0,
            coefficient: 1.0,
        }
    }
}

impl Row {
    fn size(&self, market: &Market) -> crossmargin::Result<Sized> {
        self.size_in(market, None)
    }

    fn size_in(&self, market: &Market, room: Option<(&Book, &Prices, &[u32])>) -> crossmargin::Result<Sized> {
        let rows = SizeRows {
            instrument: &[self.instrument],
            buy: &[self.buy],
            equity: &[self.equity],
            max_loss: &[self.max_loss],
            loss_is_amount: self.amount,
            entry_price: &[self.entry],
            stop_price: &[self.stop],
            slippage: &[self.slippage],
            leverage: &[self.leverage],
            maintenance_share: &[self.share],
            fee: self.fees[0],
            exit_fee: self.fees[1],
            profile: self.profile,
            tier_coefficient: self.coefficient,
            isolated: None,
        };
        Ok(size_position(market, &rows, room)?[0])
    }
}

#[test]
fn test_size_by_loss_is_the_amount_over_the_loss_of_a_unit() {
    let market = market("higher");
    // 1,000 of loss at 2 a unit.
    let plain = sized(&market, |row| row.stop = 98.0);
    assert_eq!((plain.quantity, plain.binding), (500.0, SizeLimit::Loss));
    assert_eq!((plain.notional, plain.loss, plain.risk_share, plain.leverage_used), (50_000.0, 1_000.0, 0.01, 0.5));
    // Fills at 101 and 97.02, so 3.98 a unit: 251.25.
    assert_eq!(sized(&market, |row| (row.stop, row.slippage) = (98.0, 0.01)).quantity, 251.0);
    // Fees of 0.05 % of 100 and 98: 2.099 a unit, 476.4.
    let fees = sized(&market, |row| (row.stop, row.fees) = (98.0, [FillFee::Taker; 2]));
    assert_eq!((fees.quantity, fees.loss), (476.0, 999.124));
    // A rebate of 0.01 % of 100 and a fee of 0.05 % of 98: 2.039 a unit, 490.4.
    let rebate = |row: &mut Row| (row.stop, row.fees) = (98.0, [FillFee::Maker, FillFee::Taker]);
    assert_eq!(sized(&market, rebate).quantity, 490.0);
    // A friend's taker rate is 0.1 % less a fifth: 2.1584 a unit, 463.3; what makers are paid is not cut.
    let friend = |row: &mut Row| (row.stop, row.fees, row.profile) = (98.0, [FillFee::Taker; 2], 1);
    assert_eq!(sized(&market, friend).quantity, 463.0);
    let amount = |row: &mut Row| (row.stop, row.max_loss, row.amount, row.buy) = (101.0, 50.0, true, false);
    assert_eq!(sized(&market, amount).quantity, -50.0);
}

#[test]
fn test_size_by_loss_of_an_inverse_short_is_in_coin() {
    // A hundredth of a coin over 100 / 50,000 - 100 / 51,000 is 255, exactly.
    let row = |row: &mut Row| {
        (row.instrument, row.buy, row.amount) = (1, false, true);
        (row.max_loss, row.entry, row.stop) = (0.01, 50_000.0, 51_000.0);
    };
    let short = sized(&market("higher"), row);
    assert_eq!((short.quantity, short.binding, short.loss), (-255.0, SizeLimit::Loss, 0.01));
    assert_eq!((short.notional, short.maintenance_margin), (0.51, 0.00255));
}

#[test]
fn test_size_by_leverage_ends_where_the_tier_does() {
    // At 20x the second tier is the last that is allowed, to 5,000 units: the floor itself is in the tier that it belongs to.
    for (at_floor, expected) in [("higher", 4_999.0), ("lower", 5_000.0)] {
        let found = sized(&market(at_floor), |row| row.leverage = 20.0);
        assert_eq!((found.quantity, found.binding, found.by[2]), (expected, SizeLimit::Leverage, expected));
        assert_eq!((found.by[3], found.initial_margin), (10_000.0, expected * 100.0 / 20.0));
    }
    let wide = sized(&market("higher"), |row| (row.leverage, row.coefficient) = (20.0, 2.0));
    assert_eq!((wide.quantity, wide.by[3]), (9_999.0, 20_000.0));
    let low = sized(&market("higher"), |row| row.leverage = 5.0);
    assert_eq!((low.quantity, low.binding, low.by[2].is_nan()), (10_000.0, SizeLimit::Cap, true));
    let high = sized(&market("higher"), |row| row.leverage = 51.0);
    assert_eq!((high.quantity, high.binding, high.notional), (0.0, SizeLimit::Leverage, 0.0));
}

#[test]
fn test_size_by_maintenance_is_the_largest_of_all_sizes_within_the_share() {
    // Rates in hundredths, tiers in units.
    let charged = |size: u32, lower: bool| {
        let tier = [1_000, 5_000].iter().filter(|&&floor| size > floor || (size == floor && !lower)).count();
        size * [1, 2, 5][tier]
    };
    for at_floor in ["higher", "lower"] {
        let market = market(at_floor);
        for share in [5, 10, 19, 20, 21, 40, 99, 100, 101, 249, 250, 251, 300] {
            let limit = 100 * share;
            let expected = (0..=10_000_u32).filter(|&size| charged(size, at_floor == "lower") <= limit).max().unwrap();
            let found = sized(&market, |row| row.share = f64::from(share) / 1_000.0);
            assert_eq!(found.quantity, f64::from(expected), "{at_floor} at {share} thousandths");
            assert_eq!(found.maintenance_margin, f64::from(charged(expected, at_floor == "lower")));
        }
    }
}

#[test]
fn test_size_of_equity_that_is_gone_is_none() {
    let none = sized(&market("higher"), |row| (row.equity, row.stop, row.share) = (-1.0, 98.0, 0.02));
    assert_eq!((none.quantity, none.binding, none.by[1]), (0.0, SizeLimit::Loss, 0.0));
    let nothing = sized(&market("higher"), |row| (row.equity, row.stop) = (0.0, 98.0));
    assert_eq!((nothing.quantity, nothing.leverage_used.is_nan()), (0.0, true));
}

/// What is said of a question that is none.
fn refused(change: &dyn Fn(&mut Row)) -> String {
    let mut row = Row::default();
    change(&mut row);
    row.size(&market("higher")).unwrap_err().to_string()
}

#[test]
fn test_size_with_a_stop_on_the_winning_side_is_refused() {
    let expected =
        "stop_price was 100 in row 0, expected a price below entry_price, where a long position loses, or none";
    assert_eq!(refused(&|row| row.stop = 100.0), expected);
    let expected =
        "stop_price was 99 in row 0, expected a price above entry_price, where a short position loses, or none";
    assert_eq!(refused(&|row| (row.stop, row.buy) = (99.0, false)), expected);
}

#[test]
fn test_size_of_numbers_that_are_none_is_refused() {
    assert_eq!(refused(&|row| row.max_loss = 0.0), "max_loss was 0 in row 0, expected a positive number");
    assert_eq!(refused(&|row| row.entry = f64::NAN), "entry_price was NaN in row 0, expected a positive price");
    assert_eq!(refused(&|row| row.slippage = 1.0), "slippage was 1 in row 0, expected a fraction from 0 to below 1");
    assert_eq!(refused(&|row| row.leverage = -1.0), "leverage was -1 in row 0, expected a positive number, or none");
    let expected = "equity was NaN in row 0, expected a finite number, or an account that has it";
    assert_eq!(refused(&|row| row.equity = f64::NAN), expected);
}

#[test]
fn test_size_of_what_the_market_does_not_have_is_refused() {
    assert_eq!(refused(&|row| row.instrument = 7), "instrument was 7 in row 0, expected a number below 2");
    assert_eq!(refused(&|row| row.profile = 2), "profile was 2, expected a number below 2");
    assert_eq!(refused(&|row| row.coefficient = 0.0), "tier_coefficient was 0, expected a positive number");
    let unlimited =
        "stop_price was not given in row 0, and nothing else limits the size: give it, or maintenance_share";
    assert_eq!(refused(&|row| row.instrument = 1), unlimited);
}

/// Cash of 1,000, of which legs of 0.02 and 0.03 at 60,000 and leverage 10 take 300, as its account says or does not say.
fn with_legs(market: &Arc<Market>, hedging: Option<&str>) -> Book {
    let place = |at: Option<usize>| i64::try_from(at.unwrap()).unwrap();
    let (usdt, btc) = (place(market.asset_index("USDT")), place(market.instrument_index("BTCUSDT")));
    let (sides, modes) =
        (["long", "short"].map(str::to_owned), hedging.map(str::to_owned).into_iter().collect::<Vec<_>>());
    let balances = Balances {
        account: Keys::Int(&[7]),
        asset: Keys::Int(&[usdt]),
        wallet_balance: &[1_000.0],
        ..Balances::default()
    };
    let positions = Positions {
        account: Keys::Int(&[7, 7]),
        instrument: Keys::Int(&[btc, btc]),
        quantity: &[0.02, -0.03],
        entry_price: &[60_000.0, 60_000.0],
        leverage: Some(&[10.0, 10.0]),
        position_side: Some(TextKeys { codes: &[0, 1], names: &sides }),
        ..Positions::default()
    };
    let accounts = Accounts {
        account: Keys::Int(&[7]),
        position_mode: hedging.map(|_| TextKeys { codes: &[0], names: &modes }),
        ..Accounts::default()
    };
    let tables = Tables { balances, positions, accounts, ..Tables::default() };
    Book::build(Arc::clone(market), tables, OnError::Refuse).unwrap().0
}

#[test]
fn test_size_in_an_account_with_legs_is_of_the_leg_that_it_opens() {
    let market = Arc::new(Market::preset("binance-usdm", None).unwrap());
    let prices = Prices::by_name(&market, &[("BTCUSDT", 60_000.0)], &[]).unwrap();
    let instrument = u32::try_from(market.instrument_index("BTCUSDT").unwrap()).unwrap();
    for (hedging, buy) in [(None, true), (None, false), (Some("hedge"), true), (Some("hedge"), false)] {
        let book = with_legs(&market, hedging);
        let row = Row { instrument, buy, entry: 60_000.0, leverage: 10.0, ..Row::default() };
        let sized = row.size_in(&market, Some((&book, &prices, &[0]))).unwrap();
        assert_eq!((sized.quantity.abs(), sized.binding), (0.116_666_66, SizeLimit::Margin), "{hedging:?} {buy}");
    }
}
