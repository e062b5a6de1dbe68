//! What an account is worth in all, without regard to how its pools are cut.

use crate::error::{Error, MissingPrices, Result};
use crate::exact::Exact;
use crate::market::{Market, Prices};
use crate::pool::{Book, is_priced, judge};

use super::single::missing;

/// The equity of all pools of an account in the valuation asset, each in its own asset times the index price of that; without a
/// valuation asset that of the pools which settle in `settle`. The doubles that are reported of pools are taken as the decimals
/// that they denote.
pub(super) fn equity_of(book: &Book, prices: &Prices, account: usize, settle: usize) -> Result<Exact> {
    let holdings = book.holdings();
    let valuation = book.market().rules().valuation_asset();
    let mut sum = Exact::zero();
    for pool in holdings.pools_of(account) {
        let asset = holdings.asset(pool);
        if valuation.is_none() && asset != settle {
            continue;
        }
        if !is_priced(book, pool, prices) {
            return Err(missing(book, prices, &[]));
        }
        let equity = Exact::from_f64(judge(book, pool, prices).equity);
        let valued = valuation.is_none_or(|valuation| valuation == asset) || book.is_joint(pool);
        sum = sum + if valued { equity } else { equity * index(book.market(), prices, asset)? };
    }
    Ok(sum)
}

/// As [`equity_of`], in an asset.
pub(super) fn equity_in(book: &Book, prices: &Prices, account: usize, settle: usize) -> Result<Exact> {
    let equity = equity_of(book, prices, account, settle)?;
    let valuation = book.market().rules().valuation_asset();
    if valuation.is_none_or(|valuation| valuation == settle) {
        return Ok(equity);
    }
    Ok(equity.checked_div(&index(book.market(), prices, settle)?).unwrap_or_else(Exact::zero))
}

fn index(market: &Market, prices: &Prices, asset: usize) -> Result<Exact> {
    let price = prices.index().get(asset).copied().filter(|price| !price.is_nan());
    price.map(Exact::from_f64).ok_or_else(|| {
        let assets = vec![market.assets()[asset].name().to_owned()];
        Error::MissingPrice(Box::new(MissingPrices { assets, ..MissingPrices::default() }))
    })
}
