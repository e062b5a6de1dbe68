//! A whole file of leverage tiers, as ccxt and freqtrade keep them, loads over the preset, and each published
//! maintenance amount (`cum`) is the derived deduction.
//!
//! Set `CROSSMARGIN_TIER_FILE` to the path of such a file; without it a small sample is read.
use crossmargin::market::{BoundUnit, Market, TierLaw, TierRow};

/// Two symbols as the file writes them: published brackets of October 2024.
const SAMPLE: &str = r#"{
 "1000BONK/USDC:USDC": [
  {"tier": 1.0, "currency": "USDC", "minNotional": 0.0, "maxNotional": 5000.0, "maintenanceMarginRate": 0.01,
   "maxLeverage": 50.0, "info": {"notionalCap": "5000", "maintMarginRatio": "0.01", "cum": "0.0"}},
  {"tier": 2.0, "currency": "USDC", "minNotional": 5000.0, "maxNotional": 50000.0, "maintenanceMarginRate": 0.02,
   "maxLeverage": 25.0, "info": {"notionalCap": "50000", "maintMarginRatio": "0.02", "cum": "50.0"}}
 ],
 "BTC/USDT:USDT": [
  {"tier": 1.0, "currency": "USDT", "minNotional": 0.0, "maxNotional": 50000.0, "maintenanceMarginRate": 0.004,
   "maxLeverage": 125.0, "info": {"cum": "0.0"}},
  {"tier": 2.0, "currency": "USDT", "minNotional": 50000.0, "maxNotional": 600000.0, "maintenanceMarginRate": 0.005,
   "maxLeverage": 100.0, "info": {"cum": "50.0"}},
  {"tier": 3.0, "currency": "USDT", "minNotional": 600000.0, "maxNotional": 3e6, "maintenanceMarginRate": 0.0065,
   "maxLeverage": 75.0, "info": {"cum": "950.0"}}
 ]
}"#;

/// The quoted strings and bare numbers of a JSON text, in order: all that a file of tiers needs.
fn words(text: &str) -> Vec<&str> {
    let mut words = vec![];
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c == '"' || c == '-' || c.is_ascii_digit()) {
        rest = &rest[at..];
        let quoted = rest.starts_with('"');
        let body = &rest[usize::from(quoted)..];
        let end = body.find(|c: char| if quoted { c == '"' } else { c == ',' || c == '}' || c.is_whitespace() });
        let (word, after) = body.split_at(end.unwrap_or(body.len()));
        words.push(word);
        rest = &after[usize::from(quoted && !after.is_empty())..];
    }
    words
}

/// The rows of a file of tiers, or what is wrong with it.
fn read(text: &str) -> Result<Vec<TierRow>, String> {
    let mut rows: Vec<TierRow> = vec![];
    let mut symbol = "";
    let words = words(text);
    for pair in words.windows(2) {
        let number = || pair[1].parse::<f64>().map_err(|e| format!("{}: {e}", pair[1]));
        if pair[0].contains('/') {
            symbol = pair[0];
        }
        if pair[0] == "minNotional" {
            rows.push(TierRow {
                instrument: symbol.to_owned(),
                floor: number()?,
                cap: None,
                maintenance_rate: 0.0,
                max_leverage: None,
                deduction: None,
                ..TierRow::default()
            });
        }
        let Some(row) = rows.last_mut() else { continue };
        match pair[0] {
            "maxNotional" => row.cap = Some(number()?),
            "maintenanceMarginRate" => row.maintenance_rate = number()?,
            "maxLeverage" => row.max_leverage = Some(number()?),
            "cum" => row.deduction = Some(number()?),
            _ => {}
        }
    }
    Ok(rows)
}

#[test]
fn test_tier_file_loads_and_each_cum_is_the_derived_deduction() {
    let text = match std::env::var("CROSSMARGIN_TIER_FILE") {
        Ok(path) => std::fs::read_to_string(path).expect("CROSSMARGIN_TIER_FILE names a file that can be read"),
        Err(_) => SAMPLE.to_owned(),
    };
    let rows = read(&text).expect("a file of tiers");
    assert!(!rows.is_empty() && rows.iter().all(|row| row.deduction.is_some()));
    let preset = Market::preset("binance-usdm", None).expect("the preset");
    let market = preset.with_tiers(&rows, BoundUnit::Quote).expect("tables that the market takes");
    let mut symbols: Vec<&str> = rows.iter().map(|row| row.instrument.as_str()).collect();
    symbols.dedup();
    for symbol in &symbols {
        let at = market.instrument_index(symbol).expect("an instrument per symbol");
        let table = market.instruments()[at].tiers();
        // Law `marginal` says that every published amount agreed; otherwise the table would be a list.
        assert_eq!(table.law(), TierLaw::Marginal, "{symbol}");
        let own: Vec<&TierRow> = rows.iter().filter(|row| row.instrument == **symbol).collect();
        assert_eq!(table.floors().len(), own.len(), "{symbol}");
        assert_eq!(table.cap(), own.last().and_then(|row| row.cap), "{symbol}");
    }
    let again = Market::from_toml(&market.to_toml()).expect("canonical text");
    assert_eq!(again, market);
}

#[test]
fn test_tier_file_preset_has_the_tables_of_the_file() {
    let rows = read(SAMPLE).expect("the sample");
    let preset = Market::preset("binance-usdm", None).expect("the preset");
    let at = preset.instrument_index("BTC/USDT:USDT").expect("listed");
    for row in rows.iter().filter(|row| row.instrument == "BTC/USDT:USDT") {
        let table = preset.instruments()[at].tiers();
        let tier = table.tier_at(row.floor);
        let listed = (table.floors()[tier], table.maintenance_rates()[tier], Some(table.deductions()[tier]));
        assert_eq!(listed, (row.floor, row.maintenance_rate, row.deduction));
    }
}
