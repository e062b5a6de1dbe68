//! The rules that this version computes, as plain choices.

use super::schema::{AvailableRule, CrossPool, Document, PriceBasis, Rounding, VenueRatio, WithdrawableRule};
use crate::error::{Error, Result};

/// The rules of a market: which pools there are, what they must hold, what is shown.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rules {
    trigger_level: f64,
    zero_fails: bool,
    maintenance_price: PriceBasis,
    initial_price: PriceBasis,
    venue_ratio: VenueRatio,
    amount_decimals: Option<u8>,
    amount_rounding: Rounding,
    available: AvailableRule,
    withdrawable: WithdrawableRule,
    isolated_allowed: bool,
    cross_pool: CrossPool,
    valuation_asset: Option<usize>,
}

impl Rules {
    pub(super) fn build(document: &Document, asset_index: impl Fn(&str) -> Option<usize>) -> Result<Self> {
        let valuation_asset = match &document.valuation.asset {
            None => None,
            Some(name) => Some(asset_index(name).ok_or_else(|| {
                Error::market("valuation.asset", format!("was {name:?}, expected the name of an [[asset]]"))
            })?),
        };
        Ok(Self {
            trigger_level: document.trigger.level.positive(|| "trigger.level".to_owned())?,
            zero_fails: document.trigger.zero_fails,
            maintenance_price: document.maintenance_margin.price,
            initial_price: document.initial_margin.price,
            venue_ratio: document.display.venue_ratio,
            amount_decimals: document.display.amount_decimals,
            amount_rounding: document.display.amount_rounding,
            available: document.available.rule,
            withdrawable: document.withdrawable.rule,
            isolated_allowed: document.pools.isolated,
            cross_pool: document.pools.cross,
            valuation_asset,
        })
    }

    /// The level of the trigger: `excess = collateral_value - trigger_level * maintenance_margin`.
    #[must_use]
    pub const fn trigger_level(&self) -> f64 {
        self.trigger_level
    }

    /// Whether a pool with an excess of exactly zero is liquidatable.
    #[must_use]
    pub const fn zero_fails(&self) -> bool {
        self.zero_fails
    }

    /// The price that the maintenance margin is charged at.
    #[must_use]
    pub const fn maintenance_price(&self) -> PriceBasis {
        self.maintenance_price
    }

    /// The price that the initial margin is charged at.
    #[must_use]
    pub const fn initial_price(&self) -> PriceBasis {
        self.initial_price
    }

    /// The direction of the displayed ratio.
    #[must_use]
    pub const fn venue_ratio(&self) -> VenueRatio {
        self.venue_ratio
    }

    /// Decimals of displayed amounts, where the venue cuts them.
    #[must_use]
    pub const fn amount_decimals(&self) -> Option<u8> {
        self.amount_decimals
    }

    /// How displayed amounts are rounded to [`Self::amount_decimals`].
    #[must_use]
    pub const fn amount_rounding(&self) -> Rounding {
        self.amount_rounding
    }

    /// What can back new positions.
    #[must_use]
    pub const fn available(&self) -> AvailableRule {
        self.available
    }

    /// What can be taken out.
    #[must_use]
    pub const fn withdrawable(&self) -> WithdrawableRule {
        self.withdrawable
    }

    /// Whether positions may be isolated.
    #[must_use]
    pub const fn isolated_allowed(&self) -> bool {
        self.isolated_allowed
    }

    /// What shares collateral in cross mode.
    #[must_use]
    pub const fn cross_pool(&self) -> CrossPool {
        self.cross_pool
    }

    /// The asset in which accounts are valued, as an index into [`super::Market::assets`].
    #[must_use]
    pub const fn valuation_asset(&self) -> Option<usize> {
        self.valuation_asset
    }
}
