//! Tables of tiers that a user brings: rows grouped by instrument, laid over a market.

use std::collections::BTreeMap;

use super::Market;
use super::number::Number;
use super::schema::{
    AssetEntry, BoundUnit, Document, InstrumentEntry, LawKind, PayoffKind, TiersEntry, default_quantum,
};
use super::symbol::Symbol;
use crate::error::{Error, Result};

/// One row of a table of tiers.
#[derive(Debug, Clone, PartialEq)]
pub struct TierRow {
    /// Name or alias of the instrument, or a ccxt symbol that the market does not have yet.
    pub instrument: String,
    /// Lower end of the tier, inclusive, in the unit said with the table.
    pub floor: f64,
    /// Upper end of the tier.
    pub cap: Option<f64>,
    /// Maintenance rate, a fraction.
    pub maintenance_rate: f64,
    /// Largest leverage.
    pub max_leverage: Option<f64>,
    /// The deduction ("maintenance amount", `cum`) as published; checked against the derived one.
    pub deduction: Option<f64>,
}

/// What [`Market::with_tiers`] adds to the edition.
const EDITION: &str = "tiers";

impl Market {
    /// A market with other tier tables.
    ///
    /// The rows of an instrument, in any order, replace its table. A ccxt symbol that the market does not know adds a
    /// linear instrument of one base unit per contract, named by the preset's `[naming]`, with the symbol as its
    /// alias; its settlement asset is added where it is new. The id gains `+tiers`.
    ///
    /// # Errors
    /// `Market` for a malformed table (with its path), for tiers that leave a gap, for a name that is neither known
    /// nor a ccxt symbol, and for a symbol of a contract that is not linear.
    ///
    /// # Examples
    /// ```
    /// use crossmargin::market::{BoundUnit, Market, TierRow};
    /// let row = |floor, maintenance_rate| TierRow {
    ///     instrument: "BTC/USDT:USDT".into(), floor, cap: None, maintenance_rate, max_leverage: None, deduction: None,
    /// };
    /// let market = Market::preset("binance-usdm", None)?;
    /// let market = market.with_tiers(&[row(0.0, 0.01), row(1e6, 0.02)], BoundUnit::Quote)?;
    /// let btc = market.instrument_index("BTCUSDT").map(|i| &market.instruments()[i]);
    /// assert_eq!(btc.map(|i| i.tiers().deductions().to_vec()), Some(vec![0.0, 10_000.0]));
    /// assert_eq!(market.id(), "binance-usdm/2024-10-01+tiers");
    /// # Ok::<(), crossmargin::error::Error>(())
    /// ```
    pub fn with_tiers(&self, rows: &[TierRow], bounds: BoundUnit) -> Result<Self> {
        let mut document = self.document.clone();
        let mut replaced: Vec<usize> = vec![];
        for (name, rows) in grouped(rows) {
            let at = match self.instrument_index(name) {
                Some(at) => at,
                None => add_instrument(&mut document, name)?,
            };
            if replaced.contains(&at) {
                let message = "came under two names of one instrument; use one of them";
                return Err(Error::market(format!("tiers.{name}"), message));
            }
            replaced.push(at);
            let key = table_key(&document, at);
            document.instrument[at].tiers = (key != document.instrument[at].name).then(|| key.clone());
            let entry = table_of(&rows, bounds, &format!("tiers.{key}"))?;
            document.tiers.insert(key, entry);
        }
        drop_unused(&mut document);
        let edition = document.edition.take();
        document.edition = Some(match edition {
            None => EDITION.to_owned(),
            Some(old) if old.split('+').any(|part| part == EDITION) => old,
            Some(old) => format!("{old}+{EDITION}"),
        });
        Self::build(document)
    }
}

/// The rows of each instrument, in order of first appearance, sorted by floor.
fn grouped(rows: &[TierRow]) -> Vec<(&str, Vec<&TierRow>)> {
    let mut index: BTreeMap<&str, usize> = BTreeMap::new();
    let mut groups: Vec<(&str, Vec<&TierRow>)> = vec![];
    for row in rows {
        let name = row.instrument.as_str();
        let at = *index.entry(name).or_insert(groups.len());
        if at == groups.len() {
            groups.push((name, vec![]));
        }
        groups[at].1.push(row);
    }
    for (_, rows) in &mut groups {
        rows.sort_by(|a, b| a.floor.total_cmp(&b.floor));
    }
    groups
}

/// Adds the linear instrument of a ccxt symbol, and its assets; the index of the instrument.
fn add_instrument(document: &mut Document, name: &str) -> Result<usize> {
    let path = || format!("tiers.{name}");
    let symbol = Symbol::parse(name).ok_or_else(|| {
        let message = "is no instrument of this market; give its name or alias, or add it by a symbol such as \
                       \"BTC/USDT:USDT\"";
        Error::market(path(), message)
    })?;
    if symbol.settle != symbol.quote {
        let message = "is not the symbol of a linear contract, which settles in its quote asset; add the instrument \
                       in a market file";
        return Err(Error::market(path(), message));
    }
    let naming = &document.naming;
    let (key, pattern) = match symbol.expiry {
        None => ("instrument", &naming.instrument),
        Some(_) => ("dated_instrument", &naming.dated_instrument),
    };
    let pattern = pattern.as_deref().ok_or_else(|| {
        Error::market(format!("naming.{key}"), format!("is missing, so {name:?} has no name; add it or the instrument"))
    })?;
    let expiry = match symbol.expiry_date().map(|date| date.parse()) {
        None => None,
        Some(Ok(date)) => Some(date),
        Some(Err(_)) => return Err(Error::market(path(), "ends in no date, expected YYMMDD")),
    };
    let instrument = InstrumentEntry {
        name: symbol.named(pattern),
        aliases: vec![name.to_owned()],
        base: symbol.base.to_owned(),
        quote: symbol.quote.to_owned(),
        settle: symbol.settle.to_owned(),
        payoff: PayoffKind::Linear,
        contract_size: Number::new(1.0),
        multiplier: None,
        underlying: None,
        expiry,
        tiers: None,
        old_tiers: BTreeMap::new(),
        tick: None,
        lot: None,
        liquidation_fee: None,
    };
    if document.asset.iter().all(|asset| asset.name != symbol.settle) {
        document.asset.push(AssetEntry { name: symbol.settle.to_owned(), quantum: default_quantum() });
    }
    document.instrument.push(instrument);
    Ok(document.instrument.len() - 1)
}

/// The key of an instrument's own table: its name, unless another instrument uses the table of that name.
fn table_key(document: &Document, at: usize) -> String {
    let name = &document.instrument[at].name;
    let shared = |key: &str| {
        let others = document.instrument.iter().enumerate().filter(|(i, _)| *i != at);
        others.into_iter().any(|(_, other)| other.tiers.as_deref().unwrap_or(&other.name) == key)
    };
    let mut key = name.clone();
    while shared(&key) {
        key.push_str("+tiers");
    }
    key
}

/// The table of one instrument's rows.
fn table_of(rows: &[&TierRow], bounds: BoundUnit, path: &str) -> Result<TiersEntry> {
    for (k, pair) in rows.windows(2).enumerate() {
        if let Some(cap) = pair[0].cap
            && Number::new(cap) != Number::new(pair[1].floor)
        {
            let message = format!(
                "was {}, expected the cap of the tier below it, {cap}; give tiers without gaps, or leave out the caps",
                pair[1].floor
            );
            return Err(Error::market(format!("{path}.floor[{}]", k + 1), message));
        }
    }
    Ok(TiersEntry {
        law: LawKind::Marginal,
        bounds,
        floor: rows.iter().map(|row| Number::new(row.floor)).collect(),
        cap: rows.last().and_then(|row| row.cap).map(Number::new),
        maintenance_rate: rows.iter().map(|row| Number::new(row.maintenance_rate)).collect(),
        initial_rate: vec![],
        max_leverage: column(rows, "max_leverage", path, |row| row.max_leverage)?,
        deduction: column(rows, "deduction", path, |row| row.deduction)?,
        arithmetic: None,
    })
}

/// A column that is given for all tiers of an instrument or for none.
fn column(rows: &[&TierRow], name: &str, path: &str, of: impl Fn(&TierRow) -> Option<f64>) -> Result<Vec<Number>> {
    let values: Vec<Option<f64>> = rows.iter().map(|row| of(row)).collect();
    let given = values.iter().flatten().count();
    match values.iter().position(Option::is_none) {
        Some(k) if given > 0 => {
            let message = "was missing, while other tiers of the instrument have it; give it for all or none";
            Err(Error::market(format!("{path}.{name}[{k}]"), message))
        }
        _ => Ok(values.into_iter().flatten().map(Number::new).collect()),
    }
}

/// Drops tables that no instrument uses any more.
fn drop_unused(document: &mut Document) {
    let used: Vec<String> =
        document.instrument.iter().map(|i| i.tiers.clone().unwrap_or_else(|| i.name.clone())).collect();
    document.tiers.retain(|name, _| used.contains(name));
}
