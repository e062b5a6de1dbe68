//! `docs/schema.md` lists exactly the keys that the schema has, section by section.

use std::collections::BTreeMap;

use toml::{Table, Value};

use super::schema::{self, Document};

/// Headings of the page and the place of such a section in the example.
const SECTIONS: &[(&str, &[&str])] = &[
    ("Head", &[]),
    ("[naming]", &["naming"]),
    ("[tier_defaults]", &["tier_defaults"]),
    ("[pools]", &["pools"]),
    ("[valuation]", &["valuation"]),
    ("[trigger]", &["trigger"]),
    ("[[trigger.constraint]]", &["trigger", "constraint"]),
    ("[maintenance_margin]", &["maintenance_margin"]),
    ("[maintenance_margin.isolated]", &["maintenance_margin", "isolated"]),
    ("[initial_margin]", &["initial_margin"]),
    ("[isolated]", &["isolated"]),
    ("[margin_class]", &["margin_class"]),
    ("[collateral]", &["collateral"]),
    ("[collateral.asset.<name>]", &["collateral", "asset", "BTC"]),
    ("[collateral.asset.<name>.liability]", &["collateral", "asset", "BTC", "liability"]),
    ("[liabilities]", &["liabilities"]),
    ("[available]", &["available"]),
    ("[withdrawable]", &["withdrawable"]),
    ("[display]", &["display"]),
    ("[fees]", &["fees"]),
    ("[fees.profile.<name>]", &["fees", "profile", "vip1"]),
    ("[orders]", &["orders"]),
    ("[admission]", &["admission"]),
    ("[limits]", &["limits"]),
    ("[limits.isolated]", &["limits", "isolated"]),
    ("[bonus]", &["bonus"]),
    ("[warnings]", &["warnings"]),
    ("[liquidation]", &["liquidation"]),
    ("[insurance_fund]", &["insurance_fund"]),
    ("[adl]", &["adl"]),
    ("[portfolio_margin]", &["portfolio_margin"]),
    ("[[asset]]", &["asset"]),
    ("[[instrument]]", &["instrument"]),
    ("[tiers.<name>]", &["tiers", "coin"]),
    ("[tiers.<name>.arithmetic]", &["tiers", "levels", "arithmetic"]),
    ("[source.<rule>]", &["source", "tiers"]),
];

/// The section at a path; of a list the first entry.
fn at<'a>(table: &'a mut Table, path: &[&str]) -> &'a mut Table {
    let mut here = table;
    for key in path {
        here = match here.get_mut(*key).unwrap() {
            Value::Array(items) => items[0].as_table_mut().unwrap(),
            value => value.as_table_mut().unwrap(),
        };
    }
    here
}

/// The keys that the schema knows there, as its refusal of another one lists them.
fn known(example: &Table, path: &[&str]) -> Vec<String> {
    let mut table = example.clone();
    at(&mut table, path).insert("not_a_key".to_owned(), Value::Integer(1));
    let refused = Document::from_table(&table).unwrap_err().to_string();
    let (_, keys) = refused.split_once("known here: ").unwrap_or_else(|| panic!("{path:?}: {refused}"));
    let mut keys: Vec<String> = keys.split(", ").map(str::to_owned).collect();
    keys.sort();
    keys
}

/// The keys of the page's tables, by heading.
fn page() -> BTreeMap<String, Vec<String>> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/schema.md");
    let text = std::fs::read_to_string(path).unwrap();
    let mut sections: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut heading = String::new();
    for line in text.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            heading = title.trim_matches('`').to_owned();
        } else if let Some(row) = line.strip_prefix("| `") {
            let key = row.split('`').next().unwrap().to_owned();
            assert_eq!(line.matches('|').count(), 7, "{line}");
            sections.entry(heading.clone()).or_default().push(key);
        }
    }
    for keys in sections.values_mut() {
        keys.sort();
    }
    sections
}

fn example() -> Table {
    schema::read_table(include_str!("schema/example.toml")).unwrap()
}

#[test]
fn test_schema_page_lists_the_keys_of_each_section() {
    let (example, page) = (example(), page());
    for (heading, path) in SECTIONS {
        let mut keys = known(&example, path);
        if path.is_empty() {
            // Sections are keys of the file too; the page gives each a heading.
            keys.retain(|key| ["schema", "preset", "as_of", "edition", "title", "venue"].contains(&key.as_str()));
        }
        assert_eq!(page.get(*heading), Some(&keys), "{heading}");
    }
}

#[test]
fn test_schema_page_has_a_heading_for_each_section() {
    let page = page();
    for section in known(&example(), &[]) {
        let titles =
            [format!("[{section}]"), format!("[[{section}]]"), format!("[{section}.<name>]"), "Head".to_owned()];
        let own = |title: &String| page.contains_key(title) && title != "Head";
        let in_head = page["Head"].contains(&section) || section == "source";
        assert!(titles.iter().any(own) || in_head, "{section}");
    }
}

#[test]
fn test_schema_page_lists_the_keys_of_liquidation_steps() {
    let example = example();
    let steps = example["liquidation"]["step"].as_array().unwrap();
    let mut keys: Vec<String> = steps.iter().flat_map(|step| step.as_table().unwrap().keys().cloned()).collect();
    keys.sort();
    keys.dedup();
    assert_eq!(page().get("[[liquidation.step]]"), Some(&keys));
}
