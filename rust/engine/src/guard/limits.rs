//! What a trader allows himself, and the bits under which it is told that he is beyond it.

use crate::error::{Error, Result};
use crate::monitor::{Alerts, Liquidation};

/// What a trader allows himself.
///
/// A limit that is `None`, or a level that is not there, is not looked at. Every limit is told by a bit; where it is of a
/// position or an account it is told of those.
///
/// # Examples
/// ```
/// use crossmargin::guard::Limits;
/// let limits = Limits { max_leverage: Some(10.0), ..Limits::default() };
/// assert_eq!(limits.maintenance_share, Some(0.02));
/// assert_eq!(limits.alerts().levels, [2.0, 1.5, 1.2]);
/// assert_eq!(Limits::word(Limits::MAX_LEVERAGE), Some("max_leverage"));
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Limits {
    /// Levels of the margin ratio: passed where `collateral_value < level * maintenance_margin` and something is required.
    pub levels: Vec<f64>,
    /// The share of an account's reference whose loss stops it: `equity <= (1 - soft_stop) * reference`.
    pub soft_stop: Option<f64>,
    /// The most of an account's equity that one position may require as maintenance margin.
    pub maintenance_share: Option<f64>,
    /// The most that an account's gross notional may be of its equity.
    pub max_leverage: Option<f64>,
    /// The most that the gross notional of one underlying may be of that of all.
    pub concentration: Option<f64>,
    /// Whether pools that are liquidatable are told.
    pub liquidation: bool,
    /// The asset that accounts are valued in, in the market's order; `None`: that of the market, or the one that all pools
    /// settle in.
    pub valuation: Option<usize>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            levels: vec![2.0, 1.5, 1.2],
            soft_stop: Some(0.15),
            maintenance_share: Some(0.02),
            max_leverage: None,
            concentration: None,
            liquidation: true,
            valuation: None,
        }
    }
}

impl Limits {
    /// Of pools: the venue may liquidate it. The bits before it are those of the levels, in descending order.
    pub const LIQUIDATABLE: u32 = 1 << 16;
    /// Of accounts: as much of the reference is lost as stops it.
    pub const SOFT_STOP: u32 = 1 << 17;
    /// Of positions: its maintenance margin is more than its share of the account's equity, or there is none.
    pub const MAINTENANCE_SHARE: u32 = 1 << 18;
    /// Of accounts: the notional of what it holds is more than it may be of the equity, or there is none.
    pub const MAX_LEVERAGE: u32 = 1 << 19;
    /// Of accounts: one underlying is more than its share of the whole notional.
    pub const CONCENTRATION: u32 = 1 << 20;
    /// Of pools, accounts and positions: something that it is judged by has no price; no other bit is told.
    pub const UNPRICED: u32 = 1 << 21;

    /// The word of a bit; `None` for those of levels and for what is no bit.
    #[must_use]
    pub const fn word(bit: u32) -> Option<&'static str> {
        match bit {
            Self::LIQUIDATABLE => Some("liquidatable"),
            Self::SOFT_STOP => Some("soft_stop"),
            Self::MAINTENANCE_SHARE => Some("maintenance_share"),
            Self::MAX_LEVERAGE => Some("max_leverage"),
            Self::CONCENTRATION => Some("concentration"),
            Self::UNPRICED => Some("unpriced"),
            _ => None,
        }
    }

    /// The part of the limits that a monitor watches for: levels, liquidation and soft stop.
    #[must_use]
    pub fn alerts(&self) -> Alerts {
        Alerts {
            liquidation: if self.liquidation { Liquidation::Watched } else { Liquidation::Off },
            levels: self.levels.clone(),
            soft_stop: self.soft_stop,
            valuation: self.valuation,
        }
    }

    /// The same with levels in descending order.
    pub(super) fn checked(&self, n_assets: usize) -> Result<Self> {
        let alerts = self.alerts().checked(n_assets)?;
        if let Some(share) = self.maintenance_share
            && !(share > 0.0 && share.is_finite())
        {
            let message = format!("was {share}, expected a positive share of the equity, such as 0.02");
            return Err(Error::argument("maintenance_share", message));
        }
        if let Some(most) = self.max_leverage
            && !(most > 0.0 && most.is_finite())
        {
            return Err(Error::argument("max_leverage", format!("was {most}, expected a positive number, such as 10")));
        }
        if let Some(share) = self.concentration
            && !(share > 0.0 && share <= 1.0)
        {
            let message = format!("was {share}, expected a share of the notional above 0 and at most 1, such as 0.5");
            return Err(Error::argument("concentration", message));
        }
        Ok(Self { levels: alerts.levels, ..self.clone() })
    }

    /// Whether something is asked of whole accounts, or of what positions are of their account.
    pub(super) const fn asks_of_accounts(&self) -> bool {
        self.soft_stop.is_some()
            || self.maintenance_share.is_some()
            || self.max_leverage.is_some()
            || self.concentration.is_some()
    }
}
