//! The presets shipped inside the crate, and how one file builds on another.

use toml::{Table, Value};

use super::schema;
use crate::error::{Error, Result};

/// A shipped file.
pub(super) struct Shipped {
    pub(super) name: &'static str,
    pub(super) date: &'static str,
    pub(super) text: &'static str,
}

macro_rules! shipped {
    ($name:literal, $date:literal) => {
        Shipped { name: $name, date: $date, text: include_str!(concat!("../../presets/", $name, "/", $date, ".toml")) }
    };
}

/// All of them, by name and date; a test compares the list with the folder.
pub(super) const SHIPPED: &[Shipped] = &[
    shipped!("binance-coinm", "2024-10-01"),
    shipped!("binance-usdm", "2024-10-01"),
    shipped!("binance-usdm-multi", "2024-10-01"),
    shipped!("bingx-coinm", "2024-12-13"),
    shipped!("bingx-multi", "2024-12-13"),
    shipped!("bingx-multi", "2026-06-25"),
    shipped!("bingx-usdm", "2024-12-13"),
    shipped!("bingx-usdm", "2026-06-25"),
    shipped!("bybit-inverse", "2025-02-19"),
    shipped!("bybit-inverse", "2025-09-02"),
    shipped!("bybit-uta", "2025-02-19"),
    shipped!("bybit-uta", "2025-09-02"),
    shipped!("mexc-coinm", "2025-10-01"),
    shipped!("mexc-usdm", "2021-01-01"),
    shipped!("mexc-usdm", "2025-10-01"),
    shipped!("mexc-usdm", "2026-05-03"),
    shipped!("textbook", "2020-01-01"),
    shipped!("weex-usdm", "2023-01-01"),
    shipped!("weex-usdm", "2023-09-15"),
    shipped!("weex-usdm", "2024-04-01"),
    shipped!("weex-usdm", "2026-03-04"),
];

/// Names and dates of the presets that this crate ships, oldest first within a name.
///
/// # Examples
/// ```
/// assert!(crossmargin::market::preset_names().contains(&("binance-usdm", "2024-10-01")));
/// ```
#[must_use]
pub fn preset_names() -> Vec<(&'static str, &'static str)> {
    SHIPPED.iter().map(|file| (file.name, file.date)).collect()
}

/// The file of an id such as `textbook/2020-01-01`.
pub(super) fn by_id(id: &str) -> Option<&'static Shipped> {
    let (name, date) = id.split_once('/')?;
    SHIPPED.iter().find(|file| file.name == name && file.date == date)
}

/// The newest file of a preset that is dated at most `as_of`.
pub(super) fn newest(name: &str, as_of: Option<&str>) -> Result<&'static Shipped> {
    if let Some(date) = as_of {
        check_date(date)?;
    }
    let dated: Vec<&Shipped> = SHIPPED.iter().filter(|file| file.name == name).collect();
    if dated.is_empty() {
        let mut known: Vec<&str> = SHIPPED.iter().map(|file| file.name).collect();
        known.dedup();
        let message = format!("was {name:?}, expected one of {}", known.join(", "));
        return Err(Error::market("preset", message));
    }
    let in_force = |file: &&&Shipped| as_of.is_none_or(|date| file.date <= date);
    dated.iter().filter(in_force).max_by_key(|file| file.date).copied().ok_or_else(|| {
        let dates: Vec<&str> = dated.iter().map(|file| file.date).collect();
        let asked = as_of.unwrap_or_default();
        Error::market("as_of", format!("was {asked}, before the first file of {name:?}; dated {}", dates.join(", ")))
    })
}

/// Dates compare as text where they are written `YYYY-MM-DD`.
fn check_date(date: &str) -> Result<()> {
    let parsed: std::result::Result<toml::value::Datetime, _> = date.parse();
    match parsed {
        Ok(day) if day.time.is_none() && day.offset.is_none() => Ok(()),
        _ => Err(Error::market("as_of", format!("was {date:?}, expected a date such as \"2024-10-01\""))),
    }
}

/// Replaces `extends` by the contents of the file it names.
pub(super) fn extended(mut table: Table) -> Result<Table> {
    let Some(base) = table.remove("extends") else { return Ok(table) };
    let id = base.as_str().unwrap_or_default();
    let file = by_id(id).ok_or_else(|| {
        let known: Vec<String> = SHIPPED.iter().map(|file| format!("{}/{}", file.name, file.date)).collect();
        let was = base.as_str().map_or_else(|| format!("of type {}", base.type_str()), |id| format!("{id:?}"));
        Error::market("extends", format!("was {was}, expected a shipped preset with its date: {}", known.join(", ")))
    })?;
    for key in ["preset", "as_of"] {
        if !table.contains_key(key) {
            let message = format!("is missing: a file that extends {id:?} needs a name and a date of its own");
            return Err(Error::market(key, message));
        }
    }
    let mut merged = extended(schema::read_table(file.text)?)?;
    merge(&mut merged, table);
    Ok(merged)
}

/// Lays a file over its base: the keys of a section one by one, lists of named entries by name, anything else whole.
///
/// So an entry of a collection (`tiers`, `source`) is replaced whole: the columns of a table belong together.
fn merge(base: &mut Table, over: Table) {
    for (key, value) in over {
        match (base.get_mut(&key), value) {
            (Some(Value::Table(old)), Value::Table(new)) => old.extend(new),
            (Some(Value::Array(old)), Value::Array(new)) if named(old) && named(&new) => merge_named(old, new),
            (_, value) => {
                base.insert(key, value);
            }
        }
    }
}

/// Whether every item is a table with a name.
fn named(items: &[Value]) -> bool {
    items.iter().all(|item| name_of(item).is_some())
}

fn name_of(item: &Value) -> Option<&str> {
    item.get("name")?.as_str()
}

/// Lays entries over those of the same name; others are added at the end.
fn merge_named(base: &mut Vec<Value>, over: Vec<Value>) {
    let known = base.len();
    for item in over {
        let same = base[..known].iter().position(|old| name_of(old) == name_of(&item));
        match (same.and_then(|at| base[at].as_table_mut()), item) {
            (Some(old), Value::Table(new)) => old.extend(new),
            (_, item) => base.push(item),
        }
    }
}
