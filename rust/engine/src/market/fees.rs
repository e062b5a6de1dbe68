//! Fee rates, by profile.

use super::number::Number;
use super::schema::{ClosingRate, Document};
use crate::error::{Error, Result};

/// The name of the profile that accounts have unless they name another.
const DEFAULT: &str = "default";

/// The fee rates of a kind of account.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Profile {
    /// What accounts name it by; `default` is `[fees]` itself.
    pub name: String,
    /// Rate of orders that take.
    pub taker: f64,
    /// Rate of orders that make, negative where they are paid; the taker rate where the file says none.
    pub maker: f64,
    /// The share of its fees that the account does not pay: 0 without a discount. Rebates are paid in full.
    pub discount: f64,
}

/// The rate of the fee of closing that is inside the requirements of an instrument, for accounts of a profile.
pub(super) fn closing_rate(document: &Document, instrument: usize, profile: &Profile) -> f64 {
    match &document.fees {
        Some(fees) if fees.closing == ClosingRate::Liquidation => {
            let own = document.instrument.get(instrument).and_then(|entry| entry.liquidation_fee);
            own.or(fees.liquidation).map_or(profile.taker, Number::get)
        }
        _ => profile.taker,
    }
}

/// The profiles of a market, the default one first; without `[fees]` it has rates of zero.
///
/// Their ranges are checked with those of the other stated numbers.
pub(super) fn profiles(document: &Document) -> Result<Vec<Profile>> {
    let rates = |taker: Number, maker: Option<Number>| (taker.get(), maker.unwrap_or(taker).get());
    let (taker, maker) = document.fees.as_ref().map_or((0.0, 0.0), |fees| rates(fees.taker, fees.maker));
    let discount = document.fees.as_ref().and_then(|fees| fees.discount);
    let mut all = vec![Profile { name: DEFAULT.to_owned(), taker, maker, discount: 0.0 }];
    for (name, profile) in document.fees.iter().flat_map(|fees| &fees.profile) {
        if name == DEFAULT {
            let message = "is the name of the rates in [fees] itself; give the profile another";
            return Err(Error::market(format!("fees.profile.{name}"), message));
        }
        let (taker, maker) = rates(profile.taker, profile.maker);
        let discount = match discount {
            Some(discount) if profile.discounted => discount.get(),
            None if profile.discounted => {
                let message = "was true, and [fees] has no discount; give fees.discount, or leave it out";
                return Err(Error::market(format!("fees.profile.{name}.discounted"), message));
            }
            _ => 0.0,
        };
        all.push(Profile { name: name.clone(), taker, maker, discount });
    }
    Ok(all)
}
