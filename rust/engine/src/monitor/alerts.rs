//! What is watched for: liquidation, levels of the margin ratio, a soft stop.

use crate::error::{Error, Result};

/// Whether liquidations are watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Liquidation {
    /// Not at all.
    Off,
    /// Entered and left.
    #[default]
    Watched,
    /// Once entered it stays so, until it is reset.
    Latched,
}

/// What a monitor watches for.
///
/// # Examples
/// ```
/// use crossmargin::monitor::{Alerts, Liquidation};
/// let alerts = Alerts { liquidation: Liquidation::Latched, levels: vec![], soft_stop: None, valuation: None };
/// assert_eq!(Alerts::default().levels, [2.0, 1.5, 1.2]);
/// assert_ne!(alerts, Alerts::default());
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Alerts {
    /// Whether pools are watched for what makes them liquidatable.
    pub liquidation: Liquidation,
    /// Levels of the margin ratio: passed where `collateral_value < level * maintenance_margin` and something is required.
    pub levels: Vec<f64>,
    /// The share of an account's reference whose loss stops it: `equity <= (1 - soft_stop) * reference`; `None`: no stop.
    pub soft_stop: Option<f64>,
    /// The asset that accounts are valued in for their soft stop, in the market's order; `None`: that of the market, or the one that
    /// all pools settle in.
    pub valuation: Option<usize>,
}

impl Default for Alerts {
    fn default() -> Self {
        Self { liquidation: Liquidation::Watched, levels: vec![2.0, 1.5, 1.2], soft_stop: Some(0.15), valuation: None }
    }
}

/// The most levels that there can be.
pub(super) const MOST_LEVELS: usize = 16;

/// What changed about a pool or an account. In the order in which events of one owner are reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Alert {
    /// A level of the margin ratio: its place in [`Alerts::levels`] in descending order.
    Level(u8),
    /// Whether the pool is liquidatable.
    Liquidation,
    /// The soft stop of the account.
    SoftStop,
}

impl Alerts {
    /// The same with levels in descending order.
    pub(crate) fn checked(mut self, n_assets: usize) -> Result<Self> {
        const POSITIVE: &str = "expected positive numbers";
        for &level in &self.levels {
            if !(level.is_finite() && level > 0.0) {
                return Err(Error::argument("levels", format!("had {level}, {POSITIVE}")));
            }
        }
        self.levels.sort_by(|a, b| b.total_cmp(a));
        let pairs = self.levels.iter().zip(self.levels.iter().skip(1));
        if let Some((twice, _)) = pairs.into_iter().find(|(a, b)| a.to_bits() == b.to_bits()) {
            return Err(Error::argument("levels", format!("had {twice} twice, expected distinct ones")));
        }
        if self.levels.len() > MOST_LEVELS {
            let message = format!("had {} elements, expected at most {MOST_LEVELS}", self.levels.len());
            return Err(Error::argument("levels", message));
        }
        if let Some(share) = self.soft_stop
            && !(share > 0.0 && share < 1.0)
        {
            let message = format!("was {share}, expected a share of the reference between 0 and 1, such as 0.15");
            return Err(Error::argument("soft_stop", message));
        }
        if let Some(asset) = self.valuation
            && asset >= n_assets
        {
            return Err(Error::argument(
                "valuation",
                format!("was {asset}, expected an asset of the market's {n_assets}"),
            ));
        }
        Ok(self)
    }

    /// The bit of an alert in the flags of a pool.
    pub(super) fn bit(&self, alert: Alert) -> u32 {
        match alert {
            Alert::Level(level) => 1 << level,
            Alert::Liquidation => self.liquidatable(),
            Alert::SoftStop => self.stopped(),
        }
    }

    /// The bit of being liquidatable.
    pub(super) const fn liquidatable(&self) -> u32 {
        1 << self.levels.len()
    }

    /// The bit of an account's soft stop, kept with its first pool.
    pub(super) const fn stopped(&self) -> u32 {
        2 << self.levels.len()
    }

    /// The bits that are watched of a pool by itself.
    pub(super) fn watched(&self) -> u32 {
        let levels = self.liquidatable() - 1;
        if self.liquidation == Liquidation::Off { levels } else { levels | self.liquidatable() }
    }
}
