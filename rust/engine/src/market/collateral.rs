//! How an asset counts as collateral, checked.

use super::number::Number;
use super::schema::{self, AmountUnit, AssetCollateralEntry, LiabilityEntry};
use super::tiers::{check_cap, check_floors};
use crate::error::{Error, Result, shown};

/// How an asset counts: marginal tiers of weights, buffers around the index, and what a debt costs.
///
/// A flat weight is one tier. A cap is a last tier of weight 0.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct AssetCollateral {
    /// Lower ends of the tiers, rising from 0, in [`Self::unit`].
    pub floors: Vec<f64>,
    /// Weight of the slice in each tier.
    pub weights: Vec<f64>,
    /// What the floors are written in.
    pub unit: AmountUnit,
    /// The weights for what can back new positions.
    pub availability: Vec<f64>,
    /// Positive amounts count at `index * (1 - bid_buffer)`.
    pub bid_buffer: f64,
    /// Negative amounts and requirements count at `index * (1 + ask_buffer)`, where a rule says so.
    pub ask_buffer: f64,
    /// Multiple at which a negative amount counts, where a rule says so.
    pub liability_factor: f64,
    /// What a negative amount requires, where a rule says so.
    pub liability: Option<LiabilityTiers>,
}

/// What a debt requires, by marginal tiers of its quantity.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct LiabilityTiers {
    /// Lower ends of the tiers, rising from 0, in units of the asset.
    pub floors: Vec<f64>,
    /// Maintenance rate of each slice.
    pub maintenance_rates: Vec<f64>,
    /// Initial rate of each slice; the maintenance rates where the file has none.
    pub initial_rates: Vec<f64>,
}

impl AssetCollateral {
    /// Checks an entry; `path` is `collateral.asset.<name>`.
    pub(super) fn build(entry: &AssetCollateralEntry, path: &str) -> Result<Self> {
        let (floors, weights, availability) =
            if entry.floor.is_empty() && entry.weights.is_empty() { flat(entry, path)? } else { tiered(entry, path)? };
        exchange_buffers(entry, path)?;
        Ok(Self {
            floors,
            weights,
            unit: entry.unit.unwrap_or(AmountUnit::Quantity),
            availability,
            bid_buffer: buffer(entry.bid_buffer, || format!("{path}.bid_buffer"))?,
            ask_buffer: buffer(entry.ask_buffer, || format!("{path}.ask_buffer"))?,
            liability_factor: factor(entry.liability_factor, || format!("{path}.liability_factor"))?,
            liability: entry.liability.as_ref().map(|l| liability(l, &format!("{path}.liability"))).transpose()?,
        })
    }

    /// Whether the entry changes no number.
    pub(super) fn is_neutral(&self) -> bool {
        let plain = |weights: &[f64]| weights.iter().all(|&weight| weight.total_cmp(&1.0).is_eq());
        let buffers = [self.bid_buffer, self.ask_buffer, self.liability_factor - 1.0];
        plain(&self.weights)
            && plain(&self.availability)
            && buffers.iter().all(|&x| x == 0.0)
            && self.liability.is_none()
    }
}

/// One weight, up to a cap where there is one.
fn flat(entry: &AssetCollateralEntry, path: &str) -> Result<(Vec<f64>, Vec<f64>, Vec<f64>)> {
    let weight = weight_of(entry.weight, 1.0, || format!("{path}.weight"))?;
    let availability = weight_of(entry.availability_weight, weight, || format!("{path}.availability_weight"))?;
    match entry.cap {
        None => Ok((vec![0.0], vec![weight], vec![availability])),
        Some(cap) => {
            let cap = cap.positive(|| format!("{path}.cap"))?;
            Ok((vec![0.0, cap], vec![weight, 0.0], vec![availability, 0.0]))
        }
    }
}

/// Marginal tiers, up to a cap where there is one.
fn tiered(entry: &AssetCollateralEntry, path: &str) -> Result<(Vec<f64>, Vec<f64>, Vec<f64>)> {
    for (key, given) in [("weight", entry.weight), ("availability_weight", entry.availability_weight)] {
        if given.is_some() {
            let message = "was given, expected none beside the tiers of floor and weights";
            return Err(Error::market(format!("{path}.{key}"), message));
        }
    }
    check_floors(&entry.floor, path)?;
    if entry.weights.len() != entry.floor.len() {
        let message = format!("had {} values, expected {}, one per floor", entry.weights.len(), entry.floor.len());
        return Err(Error::market(format!("{path}.weights"), message));
    }
    let mut floors = schema::floats(&entry.floor);
    let each = entry.weights.iter().enumerate().map(|(k, weight)| weight.rate(|| format!("{path}.weights[{k}]")));
    let mut weights = each.collect::<Result<Vec<f64>>>()?;
    check_cap(entry.cap, floors[floors.len() - 1], path)?;
    if let Some(cap) = entry.cap {
        floors.push(cap.get());
        weights.push(0.0);
    }
    let availability = weights.clone();
    Ok((floors, weights, availability))
}

/// The tiers of a debt.
fn liability(entry: &LiabilityEntry, path: &str) -> Result<LiabilityTiers> {
    check_floors(&entry.floor, path)?;
    let rates = |key: &str, rates: &[Number]| -> Result<Vec<f64>> {
        if rates.len() != entry.floor.len() {
            let message = format!("had {} values, expected {}, one per floor", rates.len(), entry.floor.len());
            return Err(Error::market(format!("{path}.{key}"), message));
        }
        let each = rates.iter().enumerate().map(|(k, rate)| rate.rate(|| format!("{path}.{key}[{k}]")));
        let rates = each.collect::<Result<Vec<f64>>>()?;
        match rates.windows(2).position(|pair| pair[1] < pair[0]) {
            None => Ok(rates),
            Some(k) => {
                let message = format!("was {}, below the rate before it, {}", shown(rates[k + 1]), shown(rates[k]));
                Err(Error::market(format!("{path}.{key}[{}]", k + 1), message))
            }
        }
    };
    let maintenance_rates = rates("maintenance_rate", &entry.maintenance_rate)?;
    let initial_rates = if entry.initial_rate.is_empty() {
        maintenance_rates.clone()
    } else {
        rates("initial_rate", &entry.initial_rate)?
    };
    Ok(LiabilityTiers { floors: schema::floats(&entry.floor), maintenance_rates, initial_rates })
}

/// What the venue converts at is stated and not computed with.
fn exchange_buffers(entry: &AssetCollateralEntry, path: &str) -> Result<()> {
    buffer(entry.exchange_bid_buffer, || format!("{path}.exchange_bid_buffer"))?;
    buffer(entry.exchange_ask_buffer, || format!("{path}.exchange_ask_buffer"))?;
    Ok(())
}

fn weight_of(given: Option<Number>, default: f64, path: impl FnOnce() -> String) -> Result<f64> {
    given.map_or(Ok(default), |weight| weight.rate(path))
}

fn buffer(given: Option<Number>, path: impl FnOnce() -> String) -> Result<f64> {
    given.map_or(Ok(0.0), |buffer| buffer.rate(path))
}

/// A debt counts at least in full.
fn factor(given: Option<Number>, path: impl FnOnce() -> String) -> Result<f64> {
    match given.map(Number::get) {
        None => Ok(1.0),
        Some(factor) if factor >= 1.0 => Ok(factor),
        Some(factor) => Err(Error::market(path(), format!("was {}, expected at least 1", shown(factor)))),
    }
}
