//! Orders that cannot open anything now: those that only reduce, and those that wait for a trigger.

use super::accounts::row32;
use super::checked::{Checked, Side};
use super::sorting::{Leg, leg_instrument, leg_is_isolated, leg_side};

/// Orders that only reduce or wait for a trigger, by account; within an account in the order of their rows.
#[derive(Debug, Clone, Default)]
pub(crate) struct Waiting {
    /// The accounts that have some, ascending.
    accounts: Vec<u32>,
    /// Where the orders of each of them end.
    ends: Vec<u32>,
    pub(crate) instrument: Vec<u32>,
    pub(crate) side: Vec<Side>,
    pub(crate) isolated: Vec<bool>,
    /// Whether it takes a profit: it fires on the other side of its trigger than a stop.
    pub(crate) take_profit: Vec<bool>,
    pub(crate) reduce_only: Vec<bool>,
    /// Whether it counts as an open order all the same, and is among those.
    pub(crate) counts: Vec<bool>,
    pub(crate) quantity: Vec<f64>,
    /// NaN: at the market.
    pub(crate) price: Vec<f64>,
    /// NaN: it waits for none.
    pub(crate) trigger_price: Vec<f64>,
    /// NaN where unknown.
    pub(crate) leverage: Vec<f64>,
    /// The input row.
    pub(crate) row: Vec<u32>,
}

impl Waiting {
    /// The accounts that have some, ascending.
    pub(crate) fn accounts(&self) -> &[u32] {
        &self.accounts
    }

    /// The orders of an account.
    #[inline]
    pub(crate) fn of(&self, account: usize) -> std::ops::Range<usize> {
        match self.accounts.binary_search_by(|known| (*known as usize).cmp(&account)) {
            Ok(at) => at.checked_sub(1).map_or(0, |before| self.ends[before]) as usize..self.ends[at] as usize,
            Err(_) => 0..0,
        }
    }

    /// Adds an order of an account beyond those that have been added, with what it leaves out.
    pub(super) fn push(&mut self, account: u32, checked: &Checked<'_>, (key, row): Leg, leverage: f64, counts: bool) {
        let at = row as usize;
        let orders = &checked.tables.orders;
        self.instrument.push(leg_instrument(key));
        self.side.push(leg_side(key));
        self.isolated.push(leg_is_isolated(key));
        self.take_profit.push(checked.takes_profit(at));
        self.reduce_only.push(orders.reduce_only.is_some_and(|column| column[at]));
        self.counts.push(counts);
        self.quantity.push(orders.quantity[at]);
        self.price.push(orders.price[at]);
        self.trigger_price.push(checked.trigger(at));
        self.leverage.push(leverage);
        self.row.push(row);
        let end = row32(self.row.len());
        match self.accounts.last() {
            Some(&last) if last == account => {
                self.ends.pop();
            }
            _ => self.accounts.push(account),
        }
        self.ends.push(end);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::book::{Keys, OnError, Orders, Settings, Side, Tables, TextKeys};
    use crate::market::Market;
    use crate::pool::Book;

    const NO: f64 = f64::NAN;

    fn key(at: Option<usize>) -> i64 {
        i64::try_from(at.unwrap()).unwrap()
    }

    fn bits(column: &[f64]) -> Vec<u64> {
        column.iter().map(|x| x.to_bits()).collect()
    }

    /// A book of three accounts of which the first and the third have orders, in mixed rows.
    fn book() -> Book {
        let market = Arc::new(Market::preset("binance-usdm", None).unwrap());
        let btc = key(market.instrument_index("BTCUSDT"));
        let eth = key(market.instrument_index("ETHUSDT"));
        let usdt = key(market.asset_index("USDT"));
        let sides = [String::from("net"), String::from("long")];
        let kinds = [String::from("stop"), String::from("take_profit"), String::from("limit")];
        let tables = Tables {
            balances: crate::book::Balances {
                account: Keys::Int(&[1, 2, 3]),
                asset: Keys::Int(&[usdt, usdt, usdt]),
                wallet_balance: &[100.0, 100.0, 100.0],
                ..crate::book::Balances::default()
            },
            orders: Orders {
                account: Keys::Int(&[3, 1, 1, 1, 3]),
                instrument: Keys::Int(&[eth, eth, btc, btc, btc]),
                quantity: &[-1.0, -2.0, 3.0, 4.0, 5.0],
                price: &[NO, 10.0, 20.0, 30.0, 40.0],
                position_side: Some(TextKeys { codes: &[0, 1, 1, 1, 0], names: &sides }),
                reduce_only: Some(&[true, false, false, false, false]),
                trigger_price: Some(&[11.0, NO, 21.0, NO, 41.0]),
                kind: Some(TextKeys { codes: &[0, 2, 1, 2, 0], names: &kinds }),
                leverage: Some(&[NO, NO, 7.0, 8.0, NO]),
                ..Orders::default()
            },
            settings: Settings {
                account: Keys::Int(&[3]),
                instrument: Keys::Int(&[btc]),
                leverage: Some(&[9.0]),
                ..Settings::default()
            },
            ..Tables::default()
        };
        Book::build(market, tables, OnError::Refuse).unwrap().0
    }

    #[test]
    fn test_waiting_orders_are_those_that_open_nothing_now_in_the_order_of_rows() {
        let book = book();
        let (holdings, market) = (book.holdings(), book.market());
        let waiting = &holdings.waiting;
        assert_eq!([waiting.of(0), waiting.of(1), waiting.of(2)], [0..2, 0..0, 2..4]);
        // The sale of the long leg closes; row 3 is a limit order that counts, and is not here.
        assert_eq!(waiting.row, [1, 2, 0, 4]);
        assert_eq!(waiting.take_profit, [false, true, false, false]);
        assert_eq!(waiting.reduce_only, [false, false, true, false]);
        assert_eq!(waiting.quantity, [-2.0, 3.0, -1.0, 5.0]);
        assert_eq!(waiting.side, [Side::Long, Side::Long, Side::Net, Side::Net]);
        let name = |at: u32| market.instruments()[at as usize].name();
        let names: Vec<&str> = waiting.instrument.iter().map(|&at| name(at)).collect();
        assert_eq!(names, ["ETHUSDT", "BTCUSDT", "ETHUSDT", "BTCUSDT"]);
    }

    #[test]
    fn test_waiting_orders_have_what_they_leave_out() {
        let book = book();
        let waiting = &book.holdings().waiting;
        assert_eq!(bits(&waiting.trigger_price), bits(&[NO, 21.0, 11.0, 41.0]));
        assert_eq!(bits(&waiting.price), bits(&[10.0, 20.0, NO, 40.0]));
        assert_eq!(bits(&waiting.leverage), bits(&[NO, 7.0, NO, 9.0]), "an order's own, else the account's");
        assert_eq!(waiting.counts, [false; 4]);
        assert_eq!(book.holdings().orders.quantity, [4.0]);
    }

    #[test]
    fn test_waiting_orders_that_count_untriggered_are_in_both() {
        let text = "extends = \"binance-usdm/2024-10-01\"\npreset = \"untriggered\"\nas_of = 2024-10-01\n[orders]\n\
                    conditional = true";
        let market = Arc::new(Market::from_toml(text).unwrap());
        let btc = key(market.instrument_index("BTCUSDT"));
        let tables = Tables {
            orders: Orders {
                account: Keys::Int(&[5, 5]),
                instrument: Keys::Int(&[btc, btc]),
                quantity: &[1.0, 2.0],
                price: &[NO, NO],
                trigger_price: Some(&[100.0, NO]),
                leverage: Some(&[2.0, 2.0]),
                ..Orders::default()
            },
            ..Tables::default()
        };
        let (book, _) = Book::build(market, tables, OnError::Refuse).unwrap();
        let waiting = &book.holdings().waiting;
        assert_eq!((waiting.row.as_slice(), waiting.counts.as_slice()), ([0].as_slice(), [true].as_slice()));
        assert_eq!(book.holdings().orders.quantity, [1.0, 2.0]);
    }
}
