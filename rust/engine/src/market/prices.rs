//! Prices of one moment: a mark per instrument, an index price per asset, and the last trades where they count; all in
//! market order.

use super::Market;
use super::number::{MAX_MAGNITUDE, MIN_MAGNITUDE};
use crate::error::{Error, PriceFault, Result};

/// What every price must be.
const EXPECTED: &str = "a positive number within 2^-256 and 2^256";

/// Checked prices of a market; NaN where there is none.
#[derive(Debug, Clone)]
pub struct Prices {
    mark: Vec<f64>,
    index: Vec<f64>,
    last: Vec<f64>,
}

impl Prices {
    /// Prices in the market's order of instruments and of assets; NaN says that one is missing, an empty `index` that
    /// all are.
    ///
    /// # Errors
    /// `Argument` for a column of another length; `Price` for a price that is not positive, not finite, or of a
    /// magnitude outside `2^-256 ..= 2^256`.
    ///
    /// # Examples
    /// ```
    /// use crossmargin::market::{Market, Prices};
    /// let market = Market::preset("textbook", None)?;
    /// let prices = Prices::new(&market, vec![64_000.0, 3_200.0, f64::NAN], vec![])?;
    /// assert_eq!(prices.mark()[0], 64_000.0);
    /// assert!(prices.index().iter().all(|p| p.is_nan()));
    /// # Ok::<(), crossmargin::error::Error>(())
    /// ```
    pub fn new(market: &Market, mark: Vec<f64>, mut index: Vec<f64>) -> Result<Self> {
        let (instruments, assets) = (market.instruments(), market.assets());
        if index.is_empty() {
            index = vec![f64::NAN; assets.len()];
        }
        check_length("mark", mark.len(), instruments.len(), "instrument")?;
        check_length("index", index.len(), assets.len(), "asset")?;
        for (&price, instrument) in mark.iter().zip(instruments) {
            check_price("mark", instrument.name(), price, price.is_nan())?;
        }
        for (&price, asset) in index.iter().zip(assets) {
            check_price("index", asset.name(), price, price.is_nan())?;
        }
        Ok(Self { mark, index, last: vec![] })
    }

    /// Prices by name: instruments by name or alias, assets by name; what is not named is missing.
    ///
    /// # Errors
    /// `Price` for an unknown name, a name given twice, or a price that is not a positive number.
    ///
    /// # Examples
    /// ```
    /// use crossmargin::market::{Market, Prices};
    /// let market = Market::preset("binance-usdm", None)?;
    /// let prices = Prices::by_name(&market, &[("BTC/USDT:USDT", 64_000.0)], &[("USDC", 0.9998)])?;
    /// assert_eq!(market.instrument_index("BTCUSDT").map(|i| prices.mark()[i]), Some(64_000.0));
    /// # Ok::<(), crossmargin::error::Error>(())
    /// ```
    pub fn by_name(market: &Market, mark: &[(&str, f64)], index: &[(&str, f64)]) -> Result<Self> {
        let instrument = |name: &str| market.instrument_index(name);
        let asset = |name: &str| market.asset_index(name);
        let mark = placed("mark", mark, market.instruments().len(), instrument, "the name of an instrument")?;
        let index = placed("index", index, market.assets().len(), asset, "the name of an asset")?;
        Ok(Self { mark, index, last: vec![] })
    }

    /// The same prices with those of the last trades, in the market's order of instruments; NaN says that one is
    /// missing.
    ///
    /// # Errors
    /// As [`Self::new`].
    ///
    /// # Examples
    /// ```
    /// use crossmargin::market::{Market, Prices};
    /// let market = Market::preset("textbook", None)?;
    /// let prices = Prices::new(&market, vec![64_000.0; 3], vec![])?;
    /// assert!(prices.last().is_empty());
    /// let prices = prices.with_last(&market, vec![64_010.0; 3])?;
    /// assert_eq!(prices.last()[0], 64_010.0);
    /// # Ok::<(), crossmargin::error::Error>(())
    /// ```
    pub fn with_last(mut self, market: &Market, last: Vec<f64>) -> Result<Self> {
        check_length("last", last.len(), market.instruments().len(), "instrument")?;
        for (&price, instrument) in last.iter().zip(market.instruments()) {
            check_price("last", instrument.name(), price, price.is_nan())?;
        }
        self.last = last;
        Ok(self)
    }

    /// The same prices with those of the last trades by name or alias; what is not named is missing.
    ///
    /// # Errors
    /// As [`Self::by_name`].
    pub fn last_by_name(mut self, market: &Market, last: &[(&str, f64)]) -> Result<Self> {
        let instrument = |name: &str| market.instrument_index(name);
        self.last = placed("last", last, market.instruments().len(), instrument, "the name of an instrument")?;
        Ok(self)
    }

    /// Mark prices, one per instrument of the market, quote per base; NaN where missing.
    #[must_use]
    pub fn mark(&self) -> &[f64] {
        &self.mark
    }

    /// Index prices, one per asset of the market, in the valuation asset; NaN where missing.
    #[must_use]
    pub fn index(&self) -> &[f64] {
        &self.index
    }

    /// Moves a mark price that was checked.
    pub(crate) fn set_mark(&mut self, instrument: usize, price: f64) {
        self.mark[instrument] = price;
    }

    /// Moves an index price that was checked.
    pub(crate) fn set_index(&mut self, asset: usize, price: f64) {
        self.index[asset] = price;
    }

    /// Moves a last price that was checked.
    pub(crate) fn set_last(&mut self, instrument: usize, price: f64) {
        if self.last.is_empty() {
            self.last = vec![f64::NAN; self.mark.len()];
        }
        self.last[instrument] = price;
    }

    /// Prices of the last trades, one per instrument of the market, NaN where missing; empty if none were given.
    #[must_use]
    pub fn last(&self) -> &[f64] {
        &self.last
    }
}

/// Refuses what is no price.
pub(crate) fn check_tick<'a>(column: &'static str, name: impl Fn() -> &'a str, value: f64) -> Result<()> {
    if (MIN_MAGNITUDE..=MAX_MAGNITUDE).contains(&value) {
        return Ok(());
    }
    Err(fault(column, name(), value, EXPECTED))
}

fn check_length(column: &'static str, len: usize, expected: usize, what: &str) -> Result<()> {
    if len == expected {
        return Ok(());
    }
    Err(Error::argument(column, format!("had {len} values, expected {expected}, one per {what} in market order")))
}

fn check_price(column: &'static str, name: &str, value: f64, missing: bool) -> Result<()> {
    if missing || (MIN_MAGNITUDE..=MAX_MAGNITUDE).contains(&value) {
        return Ok(());
    }
    Err(fault(column, name, value, EXPECTED))
}

fn fault(column: &'static str, name: &str, value: f64, expected: &'static str) -> Error {
    Error::Price(Box::new(PriceFault { column, name: name.to_owned(), value, expected }))
}

/// The column of named prices.
fn placed(
    column: &'static str,
    named: &[(&str, f64)],
    len: usize,
    index_of: impl Fn(&str) -> Option<usize>,
    expected: &'static str,
) -> Result<Vec<f64>> {
    let mut prices = vec![f64::NAN; len];
    for &(name, price) in named {
        let at = index_of(name).ok_or_else(|| fault(column, name, price, expected))?;
        if !prices[at].is_nan() {
            return Err(fault(column, name, price, "one price per name"));
        }
        check_price(column, name, price, false)?;
        prices[at] = price;
    }
    Ok(prices)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn market() -> Market {
        Market::preset("textbook", None).unwrap()
    }

    fn message(result: Result<Prices>) -> String {
        result.unwrap_err().to_string()
    }

    #[test]
    fn test_prices_new_of_wrong_length_is_refused() {
        let refused = message(Prices::new(&market(), vec![1.0], vec![]));
        assert_eq!(refused, "mark had 1 values, expected 3, one per instrument in market order");
        let refused = message(Prices::new(&market(), vec![1.0; 3], vec![1.0; 2]));
        assert_eq!(refused, "index had 2 values, expected 1, one per asset in market order");
    }

    #[test]
    fn test_prices_last_is_checked_as_marks_are() {
        let prices = || Prices::new(&market(), vec![1.0; 3], vec![]).unwrap();
        assert!(prices().last().is_empty());
        let refused = message(prices().with_last(&market(), vec![1.0]));
        assert_eq!(refused, "last had 1 values, expected 3, one per instrument in market order");
        let refused = message(prices().with_last(&market(), vec![1.0, 0.0, 1.0]));
        assert_eq!(refused, format!("last[ETHUSDT] was 0, expected {EXPECTED}"));
        let refused = message(prices().last_by_name(&market(), &[("XRPUSDT", 1.0)]));
        assert_eq!(refused, "last[XRPUSDT] was 1, expected the name of an instrument");
        let named = prices().last_by_name(&market(), &[("BTC/USDT:USDT", 7.0)]).unwrap();
        assert_eq!(named.last().iter().filter(|p| !p.is_nan()).collect::<Vec<_>>(), [&7.0]);
    }

    #[test]
    fn test_prices_that_are_no_prices_are_refused() {
        let words = [
            (0.0, "0"),
            (-1.0, "-1"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
            (1e-300, "1e-300"),
            (1e300, "1e300"),
        ];
        for (value, word) in words {
            let refused = message(Prices::new(&market(), vec![1.0, value, 1.0], vec![]));
            let expected = format!("mark[ETHUSDT] was {word}, expected {EXPECTED}");
            assert_eq!(refused, expected);
        }
        let refused = message(Prices::by_name(&market(), &[("BTCUSDT", f64::NAN)], &[]));
        assert_eq!(refused, format!("mark[BTCUSDT] was NaN, expected {EXPECTED}"));
    }

    #[test]
    fn test_prices_by_name_unknown_or_repeated_is_refused() {
        let refused = message(Prices::by_name(&market(), &[("XRPUSDT", 1.0)], &[]));
        assert_eq!(refused, "mark[XRPUSDT] was 1, expected the name of an instrument");
        let refused = message(Prices::by_name(&market(), &[("BTCUSDT", 1.0), ("BTC/USDT:USDT", 1.0)], &[]));
        assert_eq!(refused, "mark[BTC/USDT:USDT] was 1, expected one price per name");
        let refused = message(Prices::by_name(&market(), &[], &[("BTC", 1.0)]));
        assert_eq!(refused, "index[BTC] was 1, expected the name of an asset");
    }

    #[test]
    fn test_prices_new_keeps_missing_as_nan() {
        let prices = Prices::new(&market(), vec![f64::NAN, 2.0, 3.0], vec![1.0]).unwrap();
        assert!(prices.mark()[0].is_nan());
        assert_eq!((prices.mark()[1], prices.index()[0]), (2.0, 1.0));
    }
}
