//! Assets and instruments, checked.

use super::number::Number;
use super::schema::{AssetEntry, InstrumentEntry, PayoffKind};
use super::tiers::TierTable;
use crate::error::{Error, Result};

/// Something that can be held as cash.
#[derive(Debug, Clone, PartialEq)]
pub struct Asset {
    name: String,
    quantum: f64,
}

impl Asset {
    pub(super) fn build(entry: &AssetEntry, path: &str) -> Result<Self> {
        check_name(&entry.name, || format!("{path}.name"))?;
        let quantum = entry.quantum.positive(|| format!("{path}.quantum"))?;
        Ok(Self { name: entry.name.clone(), quantum })
    }

    /// The asset's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The step in which the asset moves.
    #[must_use]
    pub const fn quantum(&self) -> f64 {
        self.quantum
    }
}

/// How a contract pays.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Payoff {
    /// `quantity * contract_size * (mark - entry)` in the quote asset.
    Linear,
    /// `quantity * contract_size * (1 / entry - 1 / mark)` in the base asset.
    Inverse,
    /// `quantity * contract_size * multiplier * (mark - entry)` in a third asset.
    Quanto {
        /// Settlement asset per unit of quote.
        multiplier: f64,
    },
}

/// A contract, with the table of its maintenance.
#[derive(Debug, Clone, PartialEq)]
pub struct Instrument {
    name: String,
    aliases: Vec<String>,
    base: String,
    quote: String,
    settle: usize,
    payoff: Payoff,
    contract_size: f64,
    tiers: TierTable,
    tick: Option<f64>,
    lot: Option<f64>,
}

impl Instrument {
    pub(super) fn build(entry: &InstrumentEntry, settle: usize, tiers: TierTable, path: &str) -> Result<Self> {
        let names = [("name", &entry.name), ("base", &entry.base), ("quote", &entry.quote)];
        for (key, name) in names {
            check_name(name, || format!("{path}.{key}"))?;
        }
        for (i, alias) in entry.aliases.iter().enumerate() {
            check_name(alias, || format!("{path}.aliases[{i}]"))?;
        }
        let payoff = match entry.payoff {
            PayoffKind::Linear if entry.settle != entry.quote => {
                let message = format!(
                    "was {:?}, expected {:?}: a linear contract settles in its quote asset",
                    entry.settle, entry.quote
                );
                return Err(Error::market(format!("{path}.settle"), message));
            }
            PayoffKind::Linear => Payoff::Linear,
            PayoffKind::Inverse => Payoff::Inverse,
            PayoffKind::Quanto => Payoff::Quanto { multiplier: entry.multiplier.map_or(1.0, Number::get) },
        };
        let positive = |key: &str, number: Number| number.positive(|| format!("{path}.{key}"));
        Ok(Self {
            name: entry.name.clone(),
            aliases: entry.aliases.clone(),
            base: entry.base.clone(),
            quote: entry.quote.clone(),
            settle,
            payoff,
            contract_size: positive("contract_size", entry.contract_size)?,
            tiers,
            tick: entry.tick.map(|tick| positive("tick", tick)).transpose()?,
            lot: entry.lot.map(|lot| positive("lot", lot)).transpose()?,
        })
    }

    /// The venue's own name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Other names that it goes by.
    #[must_use]
    pub fn aliases(&self) -> &[String] {
        &self.aliases
    }

    /// What is traded.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }

    /// What the price is written in.
    #[must_use]
    pub fn quote(&self) -> &str {
        &self.quote
    }

    /// The asset of profit and margin, as an index into [`super::Market::assets`].
    #[must_use]
    pub const fn settle(&self) -> usize {
        self.settle
    }

    /// How the contract pays.
    #[must_use]
    pub const fn payoff(&self) -> Payoff {
        self.payoff
    }

    /// Base units per contract.
    #[must_use]
    pub const fn contract_size(&self) -> f64 {
        self.contract_size
    }

    /// The maintenance table.
    #[must_use]
    pub const fn tiers(&self) -> &TierTable {
        &self.tiers
    }

    /// The price step, where a source states it.
    #[must_use]
    pub const fn tick(&self) -> Option<f64> {
        self.tick
    }

    /// The quantity step in contracts, where a source states it.
    #[must_use]
    pub const fn lot(&self) -> Option<f64> {
        self.lot
    }
}

/// Names are not empty and hold no blanks at their ends or control characters.
pub(super) fn check_name(name: &str, path: impl FnOnce() -> String) -> Result<()> {
    if name.is_empty() || name.trim() != name || name.chars().any(char::is_control) {
        let message = format!("was {name:?}, expected a name without blanks around it or control characters");
        return Err(Error::market(path(), message));
    }
    Ok(())
}
