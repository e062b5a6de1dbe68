//! Market files that somebody damaged: a market that survives being written and read, or a fault with its path.

use std::fs;
use std::path::Path;

use crossmargin::{Error, Market};
use proptest::prelude::*;

use super::config;

/// The files that are damaged: the shipped ones but the largest, and the one that has every key.
fn files() -> Vec<String> {
    const LARGEST: u64 = 8_000;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = vec![folder.join("src/market/schema/example.toml")];
    for preset in fs::read_dir(folder.join("presets")).unwrap() {
        paths.extend(fs::read_dir(preset.unwrap().path()).unwrap().map(|file| file.unwrap().path()));
    }
    paths.sort();
    paths.retain(|path| fs::metadata(path).unwrap().len() <= LARGEST);
    // Under the id of a shipped file a market must be that file.
    paths.iter().map(|path| fs::read_to_string(path).unwrap().replacen("preset = \"", "preset = \"my-", 1)).collect()
}

/// What can stand where a value stood.
const VALUES: [&str; 34] = [
    "0",
    "-0.0",
    "1",
    "-1",
    "2",
    "0.5",
    "1e-77",
    "1e77",
    "1e78",
    "5e-324",
    "1e308",
    "inf",
    "-inf",
    "nan",
    "true",
    "false",
    "\"\"",
    "\"mark\"",
    "\"entry\"",
    "\"larger_side\"",
    "\"long_plus_short\"",
    "\"net\"",
    "\"sum\"",
    "\"0.1\"",
    "\"USDT\"",
    "\"{base}{base}{x\"",
    "[]",
    "[0, 0]",
    "[0, 1, 2]",
    "{}",
    "2024-02-30",
    "2024-10-01",
    "9223372036854775807",
    "[0.1, 0.2",
];

#[derive(Debug, Clone)]
enum Damage {
    Drop(usize),
    Repeat(usize),
    Swap(usize, usize),
    Value(usize, usize),
    /// A line of another file.
    Borrow(usize, usize, usize),
    /// Bytes cut and put.
    Cut(usize, usize, String),
}

fn damage() -> impl Strategy<Value = Damage> {
    let at = || any::<u16>().prop_map(usize::from);
    prop_oneof![
        2 => at().prop_map(Damage::Drop),
        1 => at().prop_map(Damage::Repeat),
        1 => (at(), at()).prop_map(|(a, b)| Damage::Swap(a, b)),
        8 => (at(), 0..VALUES.len()).prop_map(|(a, b)| Damage::Value(a, b)),
        3 => (at(), at(), at()).prop_map(|(a, b, c)| Damage::Borrow(a, b, c)),
        1 => (at(), 0..9_usize, ".{0,4}").prop_map(|(a, n, text)| Damage::Cut(a, n, text)),
    ]
}

fn damaged(files: &[String], file: usize, damages: &[Damage]) -> String {
    let mut lines: Vec<String> = files[file % files.len()].lines().map(str::to_owned).collect();
    for damage in damages {
        let n = lines.len().max(1);
        lines.resize(n, String::new());
        match damage {
            Damage::Drop(at) => drop(lines.remove(at % n)),
            Damage::Repeat(at) => lines.insert(at % n, lines[at % n].clone()),
            Damage::Swap(a, b) => lines.swap(a % n, b % n),
            Damage::Value(at, value) => {
                let with_values: Vec<usize> = (0..n).filter(|&at| lines[at].contains(" = ")).collect();
                if let Some(&line) = with_values.get(at % with_values.len().max(1)) {
                    let key = lines[line].split(" = ").next().unwrap_or_default().to_owned();
                    lines[line] = format!("{key} = {}", VALUES[*value]);
                }
            }
            Damage::Borrow(at, file, line) => {
                let others: Vec<&str> = files[file % files.len()].lines().collect();
                lines.insert(at % n, others[line % others.len()].to_owned());
            }
            Damage::Cut(at, cut, put) => {
                let text: Vec<char> = lines.join("\n").chars().collect();
                let start = at % text.len().max(1);
                let end = (start + cut).min(text.len());
                let put = text[..start].iter().copied().chain(put.chars()).chain(text[end..].iter().copied());
                lines = put.collect::<String>().lines().map(str::to_owned).collect();
            }
        }
    }
    lines.join("\n")
}

/// Reads a text: a market that is what it writes, or a fault that says where.
fn check(text: &str) -> Result<bool, TestCaseError> {
    match Market::from_toml(text) {
        Ok(market) => {
            let written = market.to_toml();
            let again = Market::from_toml(&written).map_err(|error| TestCaseError::fail(error.to_string()))?;
            prop_assert_eq!(again.to_toml(), written);
            Ok(true)
        }
        Err(Error::Market(fault)) => {
            prop_assert!(!fault.message.is_empty());
            Ok(false)
        }
        Err(other) => Err(TestCaseError::fail(format!("an error of another kind: {other:?}"))),
    }
}

#[test]
fn test_market_files_as_they_are_survive_being_written() {
    let read: Vec<bool> = files().iter().map(|text| check(text).unwrap()).collect();
    assert!(read.iter().filter(|&&read| read).count() >= read.len() - 1, "{read:?}");
}

#[test]
fn test_market_with_an_empty_section_is_equal_when_read_again() {
    let text = "extends = \"textbook/2020-01-01\"\npreset = \"mine\"\nas_of = 2024-10-01\n[initial_margin.isolated]\n";
    let market = Market::from_toml(text).unwrap();
    assert!(Market::from_toml(&market.to_toml()).unwrap() == market);
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn test_market_damaged_files_are_markets_or_market_faults(
        file in any::<usize>(), damages in prop::collection::vec(damage(), 1..4)
    ) {
        check(&damaged(&files(), file, &damages))?;
    }

    #[test]
    fn test_market_any_text_is_a_market_or_a_market_fault(text in "(\\PC|\n){0,60}") {
        check(&text)?;
    }

    #[test]
    fn test_market_any_preset_and_day_is_a_market_or_a_market_fault(
        name in prop_oneof![Just("textbook".to_owned()), ".{0,12}"],
        day in prop::option::of(prop_oneof!["[0-9]{4}-[0-9]{2}-[0-9]{2}", ".{0,12}"]),
    ) {
        let found = Market::preset(&name, day.as_deref());
        prop_assert!(matches!(found, Ok(_) | Err(Error::Market(_))), "{found:?}");
    }
}
