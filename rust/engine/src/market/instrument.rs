//! Assets and instruments, checked.

use super::collateral::AssetCollateral;
use super::number::Number;
use super::schema::{AssetCollateralEntry, AssetEntry, InstrumentEntry, PayoffKind};
use super::tiers::TierTable;
use crate::error::{Error, Result, shown};
use crate::exact::Exact;

/// Something that can be held as cash.
#[derive(Debug, Clone, PartialEq)]
pub struct Asset {
    name: String,
    quantum: f64,
    collateral: Option<AssetCollateral>,
}

impl Asset {
    pub(super) fn build(entry: &AssetEntry, collateral: Option<&AssetCollateralEntry>, path: &str) -> Result<Self> {
        check_name(&entry.name, || format!("{path}.name"))?;
        let quantum = entry.quantum.positive(|| format!("{path}.quantum"))?;
        let build = |collateral| AssetCollateral::build(collateral, &format!("collateral.asset.{}", entry.name));
        Ok(Self { name: entry.name.clone(), quantum, collateral: collateral.map(build).transpose()? })
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

    /// How the asset counts as collateral, where the file says so.
    #[must_use]
    pub const fn collateral(&self) -> Option<&AssetCollateral> {
        self.collateral.as_ref()
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
    underlying: String,
    tiers: TierTable,
    old_tiers: Vec<(String, TierTable)>,
    tick: Option<f64>,
    lot: Option<f64>,
    min_quantity: Option<f64>,
    max_quantity: Option<f64>,
    min_notional: Option<f64>,
}

impl Instrument {
    pub(super) fn build(
        entry: &InstrumentEntry,
        settle: usize,
        tiers: TierTable,
        old_tiers: Vec<(String, TierTable)>,
        path: &str,
    ) -> Result<Self> {
        let underlying = entry.underlying.as_ref().unwrap_or(&entry.base);
        let names = [("name", &entry.name), ("base", &entry.base), ("quote", &entry.quote), ("underlying", underlying)];
        for (key, name) in names {
            check_name(name, || format!("{path}.{key}"))?;
        }
        for (i, alias) in entry.aliases.iter().enumerate() {
            check_name(alias, || format!("{path}.aliases[{i}]"))?;
        }
        let payoff = payoff_of(entry, path)?;
        let positive = |key: &str, number: Number| number.positive(|| format!("{path}.{key}"));
        let stated = |key: &str, number: Option<Number>| number.map(|number| positive(key, number)).transpose();
        let lot = stated("lot", entry.lot)?;
        let (least, most) = (stated("min_quantity", entry.min_quantity)?, stated("max_quantity", entry.max_quantity)?);
        check_sizes(lot, [least, most], path)?;
        Ok(Self {
            name: entry.name.clone(),
            aliases: entry.aliases.clone(),
            base: entry.base.clone(),
            quote: entry.quote.clone(),
            settle,
            payoff,
            contract_size: positive("contract_size", entry.contract_size)?,
            underlying: underlying.clone(),
            tiers,
            old_tiers,
            tick: stated("tick", entry.tick)?,
            lot,
            min_quantity: least,
            max_quantity: most,
            min_notional: stated("min_notional", entry.min_notional)?,
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

    /// Base units per contract; quote units of an inverse one.
    #[must_use]
    pub const fn contract_size(&self) -> f64 {
        self.contract_size
    }

    /// What a sum over expiries is a sum of.
    #[must_use]
    pub fn underlying(&self) -> &str {
        &self.underlying
    }

    /// The newest tier table.
    #[must_use]
    pub const fn tiers(&self) -> &TierTable {
        &self.tiers
    }

    /// Tables that open positions may still be under, by name.
    #[must_use]
    pub fn old_tiers(&self) -> &[(String, TierTable)] {
        &self.old_tiers
    }

    /// The place in [`Self::old_tiers`] of a version.
    #[must_use]
    pub fn tier_version_index(&self, name: &str) -> Option<usize> {
        self.old_tiers.iter().position(|(version, _)| version == name)
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

    /// The smallest order in contracts, where a source states it.
    #[must_use]
    pub const fn min_quantity(&self) -> Option<f64> {
        self.min_quantity
    }

    /// The largest order in contracts, where a source states it.
    #[must_use]
    pub const fn max_quantity(&self) -> Option<f64> {
        self.max_quantity
    }

    /// The smallest worth of an order in the quote asset (the settlement asset of an inverse contract), where a source
    /// states it.
    #[must_use]
    pub const fn min_notional(&self) -> Option<f64> {
        self.min_notional
    }
}

/// Orders can be of the sizes that bound them: multiples of the lot, the smallest not above the largest.
fn check_sizes(lot: Option<f64>, [least, most]: [Option<f64>; 2], path: &str) -> Result<()> {
    if let Some((least, most)) = least.zip(most)
        && least > most
    {
        let message = format!("was {}, above the largest order of {}", shown(least), shown(most));
        return Err(Error::market(format!("{path}.min_quantity"), message));
    }
    for (key, size) in [("min_quantity", least), ("max_quantity", most)] {
        if let Some((lot, size)) = lot.zip(size)
            && Exact::from_f64(size).in_steps(&Exact::from_f64(lot)).1
        {
            let message = format!("was {}, which is no multiple of the lot of {}", shown(size), shown(lot));
            return Err(Error::market(format!("{path}.{key}"), message));
        }
    }
    Ok(())
}

/// How a contract pays, and that it settles in what it pays.
fn payoff_of(entry: &InstrumentEntry, path: &str) -> Result<Payoff> {
    let (settles_in, word) = match entry.payoff {
        PayoffKind::Linear => (&entry.quote, "a linear contract settles in its quote asset"),
        PayoffKind::Inverse => (&entry.base, "an inverse contract settles in its base asset"),
        PayoffKind::Quanto => {
            let path = || format!("{path}.multiplier");
            let missing = || Error::market(path(), "is missing: the settlement asset per unit of quote of a quanto");
            let multiplier = entry.multiplier.ok_or_else(missing)?.positive(path)?;
            return Ok(Payoff::Quanto { multiplier });
        }
    };
    if &entry.settle != settles_in {
        let message = format!("was {:?}, expected {settles_in:?}: {word}", entry.settle);
        return Err(Error::market(format!("{path}.settle"), message));
    }
    if entry.multiplier.is_some() {
        let message = "was given, expected only with payoff = \"quanto\"";
        return Err(Error::market(format!("{path}.multiplier"), message));
    }
    Ok(if entry.payoff == PayoffKind::Linear { Payoff::Linear } else { Payoff::Inverse })
}

/// Names are not empty and hold no blanks at their ends or control characters.
pub(super) fn check_name(name: &str, path: impl FnOnce() -> String) -> Result<()> {
    if name.is_empty() || name.trim() != name || name.chars().any(char::is_control) {
        let message = format!("was {name:?}, expected a name without blanks around it or control characters");
        return Err(Error::market(path(), message));
    }
    Ok(())
}
