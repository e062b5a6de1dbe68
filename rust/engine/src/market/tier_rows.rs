//! Tables of tiers that a user brings: rows grouped by instrument, laid over a market.

use std::collections::BTreeMap;

use super::Market;
use super::number::Number;
use super::schema::{
    AssetEntry, BoundUnit, BroughtLaw, Document, InstrumentEntry, LawKind, PayoffKind, TierDefaults, TiersEntry,
    default_quantum,
};
use super::symbol::Symbol;
use crate::error::{Error, Result, shown};

/// One row of a table of tiers.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TierRow {
    /// Name or alias of the instrument, or a ccxt symbol that the market does not have yet.
    pub instrument: String,
    /// Lower end of the tier, in the unit said with the table.
    pub floor: f64,
    /// Upper end of the tier.
    pub cap: Option<f64>,
    /// Maintenance rate, a fraction.
    pub maintenance_rate: f64,
    /// Initial rate, a fraction.
    pub initial_rate: Option<f64>,
    /// Largest leverage.
    pub max_leverage: Option<f64>,
    /// The deduction ("maintenance amount", `cum`) as published; checked against the derived one.
    pub deduction: Option<f64>,
    /// Base units per contract, quote units of an inverse one: what an instrument has that the table adds.
    pub contract_size: Option<f64>,
}

/// What [`Market::with_tiers`] adds to the edition.
const EDITION: &str = "tiers";

impl Market {
    /// A market with other tier tables.
    ///
    /// The rows of an instrument, in any order, replace its table. A ccxt symbol that the market does not know adds an
    /// instrument, linear or inverse by its settlement asset, named by the preset's `[naming]`, with the symbol as its
    /// alias; its settlement asset is added where it is new. Law and lookup at a floor are those of the preset's
    /// `[tier_defaults]`, a table with deductions is marginal or a list. The contract size of a new instrument is that
    /// of its rows, of `[tier_defaults]`, or one base unit for a linear contract with bounds in money. The id gains
    /// `+tiers`.
    ///
    /// # Errors
    /// `Market` for a malformed table (with its path), for tiers that leave a gap, for a name that is neither known
    /// nor a ccxt symbol, for a symbol of a contract that is neither linear nor inverse, and for a contract size that
    /// is missing, or that contradicts itself or the market.
    ///
    /// # Examples
    /// ```
    /// use crossmargin::market::{BoundUnit, Market, TierRow};
    /// let row = |floor, maintenance_rate| TierRow {
    ///     instrument: "BTC/USDT:USDT".into(), floor, maintenance_rate, ..TierRow::default()
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
            let size = size_of(&rows, &format!("tiers.{name}"))?;
            let at = match self.instrument_index(name) {
                Some(at) => same_size(&document, at, size, name)?,
                None => add_instrument(&mut document, name, size, bounds)?,
            };
            if replaced.contains(&at) {
                let message = "came under two names of one instrument; use one of them";
                return Err(Error::market(format!("tiers.{name}"), message));
            }
            replaced.push(at);
            let key = table_key(&document, at);
            document.instrument[at].tiers = (key != document.instrument[at].name).then(|| key.clone());
            let entry = table_of(&rows, bounds, &document.tier_defaults, &format!("tiers.{key}"))?;
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

/// The contract size that the rows of an instrument say, one for all.
fn size_of(rows: &[&TierRow], path: &str) -> Result<Option<f64>> {
    let mut sizes = rows.iter().filter_map(|row| row.contract_size.map(Number::new));
    let Some(size) = sizes.next() else { return Ok(None) };
    match sizes.find(|other| *other != size) {
        None => Ok(Some(size.get())),
        Some(other) => {
            let message = format!(
                "was {} beside {}, expected one for all tiers of an instrument",
                shown(other.get()),
                shown(size.get())
            );
            Err(Error::market(format!("{path}.contract_size"), message))
        }
    }
}

/// The index of a known instrument, whose contract size rows may repeat and not change.
fn same_size(document: &Document, at: usize, size: Option<f64>, name: &str) -> Result<usize> {
    let known = document.instrument[at].contract_size;
    match size {
        Some(size) if Number::new(size) != known => {
            let message =
                format!("was {}, expected {}, that of the market's instrument", shown(size), shown(known.get()));
            Err(Error::market(format!("tiers.{name}.contract_size"), message))
        }
        _ => Ok(at),
    }
}

/// The contract size of an instrument that a table adds.
fn new_size(defaults: &TierDefaults, size: Option<f64>, payoff: PayoffKind, bounds: BoundUnit) -> Option<Number> {
    let plain = payoff == PayoffKind::Linear && bounds != BoundUnit::Contracts;
    let fallback = || plain.then(|| Number::new(1.0));
    size.map(Number::new).or(defaults.contract_size).or_else(fallback)
}

/// Adds the instrument of a ccxt symbol, and its assets; the index of the instrument.
fn add_instrument(document: &mut Document, name: &str, size: Option<f64>, bounds: BoundUnit) -> Result<usize> {
    let path = || format!("tiers.{name}");
    let symbol = Symbol::parse(name).ok_or_else(|| {
        let message = "is no instrument of this market; give its name or alias, or add it by a symbol such as \
                       \"BTC/USDT:USDT\"";
        Error::market(path(), message)
    })?;
    let payoff = match symbol.settle {
        settle if settle == symbol.quote => PayoffKind::Linear,
        settle if settle == symbol.base => PayoffKind::Inverse,
        _ => {
            let message = "is the symbol of neither a linear contract, which settles in its quote asset, nor an inverse \
                           one, which settles in its base asset; add the instrument in a market file";
            return Err(Error::market(path(), message));
        }
    };
    let contract_size = new_size(&document.tier_defaults, size, payoff, bounds).ok_or_else(|| {
        let message = "is missing: an inverse contract, and bounds in contracts, need it; add the column";
        Error::market(format!("tiers.{name}.contract_size"), message)
    })?;
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
        payoff,
        contract_size,
        multiplier: None,
        underlying: None,
        expiry,
        tiers: None,
        old_tiers: BTreeMap::new(),
        tick: None,
        lot: None,
        min_quantity: None,
        max_quantity: None,
        min_notional: None,
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
        let old = |other: &InstrumentEntry| other.old_tiers.values().any(|table| table == key);
        old(&document.instrument[at])
            || others.into_iter().any(|(_, other)| other.tiers.as_deref().unwrap_or(&other.name) == key || old(other))
    };
    let mut key = name.clone();
    while shared(&key) {
        key.push_str("+tiers");
    }
    key
}

/// The table of one instrument's rows.
fn table_of(rows: &[&TierRow], bounds: BoundUnit, defaults: &TierDefaults, path: &str) -> Result<TiersEntry> {
    for (k, pair) in rows.windows(2).enumerate() {
        if let Some(cap) = pair[0].cap
            && Number::new(cap) != Number::new(pair[1].floor)
        {
            let message = format!(
                "was {}, expected the cap of the tier below it, {}; give tiers without gaps, or leave out the caps",
                shown(pair[1].floor),
                shown(cap)
            );
            return Err(Error::market(format!("{path}.floor[{}]", k + 1), message));
        }
    }
    let deduction = column(rows, "deduction", path, |row| row.deduction)?;
    // Deductions tell a marginal table from a list; a flat one has none.
    let flat = defaults.law == BroughtLaw::Flat && deduction.is_empty();
    Ok(TiersEntry {
        law: if flat { LawKind::Flat } else { LawKind::Marginal },
        bounds,
        at_floor: defaults.at_floor,
        floor: rows.iter().map(|row| Number::new(row.floor)).collect(),
        cap: rows.last().and_then(|row| row.cap).map(Number::new),
        maintenance_rate: rows.iter().map(|row| Number::new(row.maintenance_rate)).collect(),
        initial_rate: column(rows, "initial_rate", path, |row| row.initial_rate)?,
        max_leverage: column(rows, "max_leverage", path, |row| row.max_leverage)?,
        deduction,
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
    let newest = document.instrument.iter().map(|i| i.tiers.clone().unwrap_or_else(|| i.name.clone()));
    let old = document.instrument.iter().flat_map(|i| i.old_tiers.values().cloned());
    let used: Vec<String> = newest.chain(old).collect();
    document.tiers.retain(|name, _| used.contains(name));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::market::{AtFloor, Payoff, TierLaw};

    fn row(instrument: &str, floor: f64, cap: Option<f64>, maintenance_rate: f64) -> TierRow {
        TierRow { instrument: instrument.to_owned(), floor, cap, maintenance_rate, ..TierRow::default() }
    }

    fn base() -> Market {
        Market::preset("textbook", None).unwrap()
    }

    fn refused(rows: &[TierRow]) -> String {
        base().with_tiers(rows, BoundUnit::Quote).unwrap_err().to_string()
    }

    #[test]
    fn test_with_tiers_known_instrument_gets_a_table_of_its_own() {
        let rows = [row("BTC/USDT:USDT", 1e5, Some(1e6), 0.02), row("BTC/USDT:USDT", 0.0, Some(1e5), 0.01)];
        let market = base().with_tiers(&rows, BoundUnit::Quote).unwrap();
        assert_eq!(market.id(), "textbook/2020-01-01+tiers");
        let instruments = market.instruments();
        assert_eq!(instruments.len(), 3);
        assert_eq!(instruments[0].tiers().floors(), [0.0, 1e5]);
        assert_eq!((instruments[0].tiers().cap(), instruments[0].tiers().deductions()[1]), (Some(1e6), 1e3));
        assert_eq!(instruments[1].tiers(), base().instruments()[1].tiers());
        assert_eq!(Market::from_toml(&market.to_toml()).unwrap(), market);
        let again = market.with_tiers(&rows, BoundUnit::Quote).unwrap();
        assert_eq!(again, market);
    }

    #[test]
    fn test_with_tiers_unknown_symbol_adds_a_linear_instrument() {
        let rows = [row("XRP/USDC:USDC", 0.0, None, 0.01), row("BTC/USDT:USDT-241227", 0.0, None, 0.01)];
        let market = base().with_tiers(&rows, BoundUnit::Quote).unwrap();
        let xrp = &market.instruments()[market.instrument_index("XRPUSDC").unwrap()];
        assert_eq!((xrp.base(), xrp.quote(), xrp.aliases()), ("XRP", "USDC", ["XRP/USDC:USDC".to_owned()].as_slice()));
        assert_eq!(market.assets()[xrp.settle()].name(), "USDC");
        assert_eq!(market.instrument_index("BTCUSDT_241227"), market.instrument_index("BTC/USDT:USDT-241227"));
        assert_eq!(Market::from_toml(&market.to_toml()).unwrap(), market);
    }

    #[test]
    fn test_with_tiers_table_shared_by_name_leaves_the_other_alone() {
        let text = base().to_toml().replace("preset = \"textbook\"", "preset = \"mine\"").replace("FLAT", "BTCUSDT");
        let market = Market::from_toml(&text).unwrap();
        let changed = market.with_tiers(&[row("BTCUSDT", 0.0, None, 0.1)], BoundUnit::Quote).unwrap();
        assert_eq!(changed.instruments()[0].tiers().maintenance_rates(), [0.1]);
        assert_eq!(changed.instruments()[1].tiers().maintenance_rates(), [0.025]);
        assert_eq!(Market::from_toml(&changed.to_toml()).unwrap(), changed);
    }

    #[test]
    fn test_with_tiers_deduction_that_disagrees_makes_a_list() {
        let tier = |floor, rate, deduction| TierRow { deduction: Some(deduction), ..row("BTCUSDT", floor, None, rate) };
        let rows = [tier(0.0, 0.01, 0.0), tier(1e4, 0.02, 99.0)];
        let market = base().with_tiers(&rows, BoundUnit::Quote).unwrap();
        assert_eq!(market.instruments()[0].tiers().law(), TierLaw::List);
    }

    #[test]
    fn test_with_tiers_malformed_is_refused() {
        let unknown = "is no instrument of this market; give its name or alias, or add it by a symbol such as \
                       \"BTC/USDT:USDT\"";
        let neither = "is the symbol of neither a linear contract, which settles in its quote asset, nor an inverse one, \
                       which settles in its base asset; add the instrument in a market file";
        let sizeless = "is missing: an inverse contract, and bounds in contracts, need it; add the column";
        let gap = "was 200000, expected the cap of the tier below it, 100000; give tiers without gaps, or leave out \
                   the caps";
        let btc = |floor, cap| row("BTCUSDT", floor, cap, 0.01);
        let leverage = TierRow { max_leverage: Some(10.0), ..btc(0.0, None) };
        let cases = [
            (vec![row("XRP", 0.0, None, 0.01)], format!("tiers.XRP: {unknown}")),
            (vec![row("BTC/USD:ETH", 0.0, None, 0.01)], format!("tiers.BTC/USD:ETH: {neither}")),
            (vec![row("BTC/USD:BTC", 0.0, None, 0.01)], format!("tiers.BTC/USD:BTC.contract_size: {sizeless}")),
            (
                vec![row("BTC/USDT:USDT-241399", 0.0, None, 0.01)],
                "tiers.BTC/USDT:USDT-241399: ends in no date, expected YYMMDD".to_owned(),
            ),
            (vec![btc(0.0, Some(1e5)), btc(2e5, None)], format!("tiers.BTCUSDT.floor[1]: {gap}")),
            (vec![btc(1.0, None)], "tiers.BTCUSDT.floor[0]: was 1, expected 0".to_owned()),
            (vec![btc(f64::NAN, None)], "tiers.BTCUSDT.floor[0]: was NaN, expected a finite number".to_owned()),
            (
                vec![leverage, btc(1e5, None)],
                "tiers.BTCUSDT.max_leverage[1]: was missing, while other tiers of the instrument have it; give it for \
                 all or none"
                    .to_owned(),
            ),
            (
                vec![btc(0.0, None), row("BTC/USDT:USDT", 0.0, None, 0.01)],
                "tiers.BTC/USDT:USDT: came under two names of one instrument; use one of them".to_owned(),
            ),
        ];
        for (rows, expected) in cases {
            assert_eq!(refused(&rows), expected);
        }
    }

    #[test]
    fn test_with_tiers_bounds_are_kept_in_their_unit() {
        for bounds in [BoundUnit::Quote, BoundUnit::Settle, BoundUnit::Contracts] {
            let market = base().with_tiers(&[row("BTCUSDT", 0.0, None, 0.01)], bounds).unwrap();
            assert_eq!(market.instruments()[0].tiers().bounds(), bounds);
        }
    }

    fn sized(instrument: &str, floor: f64, contract_size: f64) -> TierRow {
        TierRow { contract_size: Some(contract_size), ..row(instrument, floor, None, 0.01) }
    }

    #[test]
    fn test_with_tiers_inverse_symbol_adds_an_inverse_instrument() {
        let market = base().with_tiers(&[sized("ETH/USD:ETH", 0.0, 10.0)], BoundUnit::Settle).unwrap();
        let eth = &market.instruments()[market.instrument_index("ETHUSD").unwrap()];
        assert_eq!((eth.payoff(), eth.contract_size().to_bits()), (Payoff::Inverse, 10_f64.to_bits()));
        assert_eq!(market.assets()[eth.settle()].name(), "ETH");
        assert_eq!(Market::from_toml(&market.to_toml()).unwrap(), market);
    }

    #[test]
    fn test_with_tiers_contract_size_that_contradicts_is_refused() {
        let cases = [
            (
                vec![sized("BTCUSDT", 0.0, 2.0)],
                "tiers.BTCUSDT.contract_size: was 2, expected 1, that of the market's instrument",
            ),
            (
                vec![sized("ETH/USD:ETH", 0.0, 1.0), sized("ETH/USD:ETH", 5.0, 2.0)],
                "tiers.ETH/USD:ETH.contract_size: was 2 beside 1, expected one for all tiers of an instrument",
            ),
            (vec![sized("ETH/USD:ETH", 0.0, 0.0)], "instrument[3].contract_size: was 0, expected a number above zero"),
        ];
        for (rows, expected) in cases {
            assert_eq!(refused(&rows), expected);
        }
        assert!(base().with_tiers(&[sized("BTCUSDT", 0.0, 1.0)], BoundUnit::Quote).is_ok());
        let in_contracts = base().with_tiers(&[row("XRP/USDT:USDT", 0.0, None, 0.01)], BoundUnit::Contracts);
        assert!(in_contracts.unwrap_err().to_string().starts_with("tiers.XRP/USDT:USDT.contract_size: is missing"));
    }

    #[test]
    fn test_with_tiers_law_is_the_presets_default_unless_deductions_say_otherwise() {
        let market = Market::from_toml(
            "extends = \"textbook/2020-01-01\"\npreset = \"mine\"\nas_of = 2024-10-01\n\
             [tier_defaults]\nlaw = \"flat\"\nat_floor = \"lower\"\n",
        )
        .unwrap();
        let flat = market.with_tiers(&[row("BTCUSDT", 0.0, None, 0.01)], BoundUnit::Quote).unwrap();
        let table = flat.instruments()[0].tiers();
        assert_eq!((table.law(), table.at_floor()), (TierLaw::Flat, AtFloor::Lower));
        let tier = |floor, rate, deduction| TierRow { deduction: Some(deduction), ..row("BTCUSDT", floor, None, rate) };
        let rows = [tier(0.0, 0.01, 0.0), tier(1e4, 0.02, 100.0)];
        let marginal = market.with_tiers(&rows, BoundUnit::Quote).unwrap();
        assert_eq!(marginal.instruments()[0].tiers().law(), TierLaw::Marginal);
    }

    #[test]
    fn test_with_tiers_without_naming_is_refused() {
        let text = base().to_toml().replace("preset = \"textbook\"", "preset = \"mine\"");
        let text = text.replace("instrument = \"{base}{quote}\"\n", "");
        let market = Market::from_toml(&text).unwrap();
        let refused = market.with_tiers(&[row("XRP/USDT:USDT", 0.0, None, 0.01)], BoundUnit::Quote).unwrap_err();
        let expected = "naming.instrument: is missing, so \"XRP/USDT:USDT\" has no name; add it or the instrument";
        assert_eq!(refused.to_string(), expected);
    }
}
