//! What a venue says: assets, instruments, tier tables and rules, read once from dated data and then immutable.
//!
//! A [`Market`] comes from a preset shipped with the crate or from a user's own file of the same schema. No venue is
//! named in code: a rule is a kind of rule, chosen in the file. Here is nothing about accounts or prices.

mod admission;
mod bonus;
mod collateral;
mod fees;
mod instrument;
mod number;
mod presets;
mod prices;
mod rules;
mod schema;
mod stated;
mod supported;
mod symbol;
mod tier_rows;
mod tiers;
mod write;

#[cfg(test)]
mod schema_page;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_admission;
#[cfg(test)]
mod tests_presets;
#[cfg(test)]
mod tests_rules;

use std::collections::BTreeMap;

pub use admission::{Admission, LimitRule};
pub use bonus::BonusRule;
pub use collateral::{AssetCollateral, LiabilityTiers};
pub use fees::Profile;
pub use instrument::{Asset, Instrument, Payoff};
pub use presets::preset_names;
pub use prices::Prices;
pub(crate) use prices::check_tick;
pub use rules::{CollateralRules, Constraint, MarginClassRules, OrderRules, RequirementRule, Rules};
pub use schema::{
    AdmissionBasis, AdmissionTest, AmountUnit, AtFloor, AvailableRule, BoundUnit, ClosingFee, CollateralValue, Combine,
    CrossPool, Evidence, FeeReserve, Frozen, HaircutBase, HaircutLevels, Legs, LiabilityRequirement, MarginSource,
    Negative, OrderLoss, OrderPrice, OrdersIn, PriceBasis, ReduceOnlyRule, Required, RequirementConversion, Rounding,
    Source, TableVersion, TierChoice, TierLegs, TriggerPrice, UserCoefficient, VenueRatio, WithdrawableRule,
};
pub use tier_rows::TierRow;
pub use tiers::{TierLaw, TierTable};

use crate::error::{Error, Result};
use schema::Document;
use toml::Value;

/// The assets, instruments and rules of a venue on a date, checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Market {
    id: String,
    rules: Rules,
    profiles: Vec<Profile>,
    assets: Vec<Asset>,
    instruments: Vec<Instrument>,
    asset_names: BTreeMap<String, usize>,
    instrument_names: BTreeMap<String, usize>,
    document: Document,
}

impl Market {
    /// Reads a market file, whose keys `docs/schema.md` lists; `extends` names a shipped preset to build on.
    ///
    /// # Errors
    /// `Market`, with the path of the key, for text that is not TOML, an unknown or missing key, a value out of range,
    /// a name given twice, a rule that this version does not compute, and for text under the id of a shipped preset
    /// that differs from it.
    ///
    /// # Examples
    /// ```
    /// use crossmargin::market::Market;
    /// let market = Market::from_toml(r#"
    /// extends = "textbook/2020-01-01"
    /// preset = "strict"
    /// as_of = 2024-10-01
    /// [trigger]
    /// zero_fails = true
    /// "#)?;
    /// assert_eq!(market.id(), "strict/2024-10-01");
    /// assert!(market.rules().zero_fails());
    /// # Ok::<(), crossmargin::error::Error>(())
    /// ```
    pub fn from_toml(text: &str) -> Result<Self> {
        let market = Self::read(text)?;
        match presets::by_id(&market.id) {
            Some(shipped) if Self::read(shipped.text)? != market => {
                let message = format!(
                    "was {:?}, whose shipped file of that date says otherwise; give another name, or an edition",
                    shipped.name
                );
                Err(Error::market("preset", message))
            }
            _ => Ok(market),
        }
    }

    /// The newest shipped file of a preset that is dated at most `as_of` (`YYYY-MM-DD`), or the newest of all.
    ///
    /// # Errors
    /// `Market` for a name that is not shipped (the message lists those that are), for an `as_of` that is no date, and
    /// for one before the preset's first file.
    ///
    /// # Examples
    /// ```
    /// use crossmargin::market::Market;
    /// let market = Market::preset("binance-usdm", Some("2024-12-31"))?;
    /// assert_eq!(market.id(), "binance-usdm/2024-10-01");
    /// # Ok::<(), crossmargin::error::Error>(())
    /// ```
    pub fn preset(name: &str, as_of: Option<&str>) -> Result<Self> {
        Self::read(presets::newest(name, as_of)?.text)
    }

    /// The market as canonical TOML, complete in itself: [`Self::from_toml`] makes an equal market of it.
    #[must_use]
    pub fn to_toml(&self) -> String {
        // A document that was built has already been written as a table once, in `build`.
        self.document.to_table().map(|table| write::write_table(&table)).unwrap_or_default()
    }

    /// Preset, date and edition, such as `binance-usdm/2024-10-01+tiers`: what reports carry.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What the file calls itself.
    #[must_use]
    pub fn title(&self) -> Option<&str> {
        self.document.title.as_deref()
    }

    /// The rules.
    #[must_use]
    pub const fn rules(&self) -> &Rules {
        &self.rules
    }

    /// The fee profiles; the first is the default one, that of `[fees]` itself.
    #[must_use]
    pub fn profiles(&self) -> &[Profile] {
        &self.profiles
    }

    /// Whether the file states trading fees; the profile of one that does not is of zeros.
    #[must_use]
    pub const fn states_fees(&self) -> bool {
        self.document.fees.is_some()
    }

    /// The index of a fee profile.
    #[must_use]
    pub fn profile_index(&self, name: &str) -> Option<usize> {
        self.profiles.iter().position(|profile| profile.name == name)
    }

    /// The rate of the fee of closing that is inside the requirements of an instrument, for accounts of a profile: its
    /// taker rate, or that of liquidations where `fees.closing` says so. Zero for an unknown profile.
    #[must_use]
    pub fn closing_fee_rate(&self, instrument: usize, profile: usize) -> f64 {
        self.profiles.get(profile).map_or(0.0, |profile| fees::closing_rate(&self.document, instrument, profile))
    }

    /// The assets, in the order of the file.
    #[must_use]
    pub fn assets(&self) -> &[Asset] {
        &self.assets
    }

    /// The instruments, in the order of the file.
    #[must_use]
    pub fn instruments(&self) -> &[Instrument] {
        &self.instruments
    }

    /// Where the rules come from, by rule.
    pub fn sources(&self) -> impl Iterator<Item = (&str, &Source)> {
        self.document.source.iter().map(|(rule, source)| (rule.as_str(), source))
    }

    /// The index of an asset.
    #[must_use]
    pub fn asset_index(&self, name: &str) -> Option<usize> {
        self.asset_names.get(name).copied()
    }

    /// The index of an instrument, by its name or an alias.
    #[must_use]
    pub fn instrument_index(&self, name: &str) -> Option<usize> {
        self.instrument_names.get(name).copied()
    }

    /// Reads a file without regard to what is shipped under its id.
    fn read(text: &str) -> Result<Self> {
        let table = presets::extended(schema::read_table(text)?)?;
        Self::build(Document::from_table(&table)?)
    }

    /// Checks a document and derives what follows from it.
    fn build(mut document: Document) -> Result<Self> {
        number::check_magnitudes(&Value::Table(document.to_table()?), "")?;
        let id = id_of(&document)?;
        supported::check(&document)?;
        stated::check(&document)?;
        admission::complete(&mut document);
        let (assets, asset_names) = build_assets(&document)?;
        let rules = Rules::build(&document, |name| asset_names.get(name).copied())?;
        let mut tables = BTreeMap::new();
        for (name, entry) in &mut document.tiers {
            let table = TierTable::build(entry, &format!("tiers.{name}"))?;
            *entry = table.canonical(entry);
            tables.insert(name.clone(), table);
        }
        let (instruments, instrument_names) = build_instruments(&document, &asset_names, &tables)?;
        let profiles = fees::profiles(&document)?;
        Ok(Self { id, rules, profiles, assets, instruments, asset_names, instrument_names, document })
    }
}

/// The id under which results of the market are reported.
fn id_of(document: &Document) -> Result<String> {
    if document.schema != schema::SCHEMA {
        let message =
            format!("was {}, expected {}, the schema that this version reads", document.schema, schema::SCHEMA);
        return Err(Error::market("schema", message));
    }
    let word = |text: &str, extra: &str| {
        !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c) || extra.contains(c))
    };
    let expected = "expected letters, digits, hyphens, underscores and dots";
    if !word(&document.preset, "") {
        return Err(Error::market("preset", format!("was {:?}, {expected}", document.preset)));
    }
    check_day(&document.as_of, || "as_of".to_owned())?;
    let id = format!("{}/{}", document.preset, document.as_of);
    match &document.edition {
        None => Ok(id),
        Some(edition) if word(edition, "+") => Ok(format!("{id}+{edition}")),
        Some(edition) => Err(Error::market("edition", format!("was {edition:?}, {expected}"))),
    }
}

/// Dates are days.
fn check_day(day: &toml::value::Datetime, path: impl FnOnce() -> String) -> Result<()> {
    if day.date.is_some() && day.time.is_none() && day.offset.is_none() {
        return Ok(());
    }
    Err(Error::market(path(), format!("was {day}, expected a day such as 2024-10-01")))
}

/// The index of each name, once.
fn claim(names: &mut BTreeMap<String, usize>, name: &str, at: usize, path: impl FnOnce() -> String) -> Result<()> {
    match names.insert(name.to_owned(), at) {
        None => Ok(()),
        Some(_) => Err(Error::market(path(), format!("was {name:?} a second time; names and aliases occur once"))),
    }
}

type Named<T> = (Vec<T>, BTreeMap<String, usize>);

fn build_assets(document: &Document) -> Result<Named<Asset>> {
    let (mut assets, mut names) = (vec![], BTreeMap::new());
    for (i, entry) in document.asset.iter().enumerate() {
        assets.push(Asset::build(entry, document.collateral.asset.get(&entry.name), &format!("asset[{i}]"))?);
        claim(&mut names, &entry.name, i, || format!("asset[{i}].name"))?;
    }
    if let Some(name) = document.collateral.asset.keys().find(|&name| !names.contains_key(name)) {
        let message = "is the name of no [[asset]]; add it";
        return Err(Error::market(format!("collateral.asset.{name}"), message));
    }
    Ok((assets, names))
}

fn build_instruments(
    document: &Document,
    assets: &BTreeMap<String, usize>,
    tables: &BTreeMap<String, TierTable>,
) -> Result<Named<Instrument>> {
    let (mut instruments, mut names) = (vec![], BTreeMap::new());
    for (i, entry) in document.instrument.iter().enumerate() {
        let path = format!("instrument[{i}]");
        let settle = *assets.get(&entry.settle).ok_or_else(|| {
            let message = format!("was {:?}, expected the name of an [[asset]]; add it", entry.settle);
            Error::market(format!("{path}.settle"), message)
        })?;
        let table = |key: &String, at: &str| {
            let found: Option<&TierTable> = tables.get(key);
            found.cloned().ok_or_else(|| {
                let message = format!("was {key:?}, expected the name of a [tiers.<name>] table; add it");
                Error::market(format!("{path}.{at}"), message)
            })
        };
        let newest = table(entry.tiers.as_ref().unwrap_or(&entry.name), "tiers")?;
        let old = entry
            .old_tiers
            .iter()
            .map(|(version, key)| Ok((version.clone(), table(key, &format!("old_tiers.{version}"))?)));
        let old = old.collect::<Result<Vec<_>>>()?;
        check_initial_rates(document, &newest, &path)?;
        old.iter().try_for_each(|(_, table)| check_initial_rates(document, table, &path))?;
        if let Some(day) = &entry.expiry {
            check_day(day, || format!("{path}.expiry"))?;
        }
        instruments.push(Instrument::build(entry, settle, newest, old, &path)?);
        claim(&mut names, &entry.name, i, || format!("{path}.name"))?;
        for (j, alias) in entry.aliases.iter().enumerate() {
            claim(&mut names, alias, i, || format!("{path}.aliases[{j}]"))?;
        }
    }
    Ok((instruments, names))
}

/// An initial margin that is the table's needs a table that has one.
fn check_initial_rates(document: &Document, table: &TierTable, path: &str) -> Result<()> {
    if document.initial_margin.source != MarginSource::Table || table.states_initial_rates() {
        return Ok(());
    }
    let message = "has neither initial_rate nor max_leverage, which initial_margin.source = \"table\" needs";
    Err(Error::market(format!("{path}.tiers"), message))
}
