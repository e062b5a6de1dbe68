//! Canonical TOML text of a table: sorted keys, lists of numbers on one line, numbers as short as they can be.

use std::fmt::Write;

use toml::{Table, Value};

/// Writes a table; what is written parses back to an equal one.
pub(super) fn write_table(table: &Table) -> String {
    let mut text = String::new();
    section(&mut text, "", table);
    text
}

/// Whether a value is written as sections of its own.
fn is_section(value: &Value) -> bool {
    match value {
        Value::Table(_) => true,
        Value::Array(items) => !items.is_empty() && items.iter().all(Value::is_table),
        _ => false,
    }
}

/// Writes the keys of a table, then its sections.
fn section(text: &mut String, path: &str, table: &Table) {
    for (name, value) in table.iter().filter(|(_, value)| !is_section(value)) {
        text.push_str(&key(name));
        text.push_str(" = ");
        inline(text, value);
        text.push('\n');
    }
    for (name, value) in table.iter().filter(|(_, value)| is_section(value)) {
        let dot = if path.is_empty() { "" } else { "." };
        let path = format!("{path}{dot}{}", key(name));
        match value {
            // What is empty is left to its defaults.
            Value::Table(inner) if inner.is_empty() => {}
            Value::Table(inner) => header(text, &format!("[{path}]"), &path, inner),
            Value::Array(items) => {
                for item in items.iter().filter_map(Value::as_table) {
                    header(text, &format!("[[{path}]]"), &path, item);
                }
            }
            _ => {}
        }
    }
}

/// Writes one section under its header.
fn header(text: &mut String, head: &str, path: &str, table: &Table) {
    if !text.is_empty() {
        text.push('\n');
    }
    text.push_str(head);
    text.push('\n');
    section(text, path, table);
}

/// A key, bare where it may be.
fn key(name: &str) -> String {
    let bare = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    if bare { name.to_owned() } else { quoted(name) }
}

/// A string in quotes.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if c.is_control() => {
                // Writing to a string cannot fail.
                let _ = write!(out, "\\u{:04X}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// Writes a value on one line.
fn inline(text: &mut String, value: &Value) {
    match value {
        Value::String(s) => text.push_str(&quoted(s)),
        Value::Integer(i) => text.push_str(&i.to_string()),
        // Rust's debug form is the shortest that reads back, and has a fraction or an exponent as TOML wants.
        Value::Float(x) => text.push_str(&format!("{x:?}").to_lowercase()),
        Value::Boolean(b) => text.push_str(&b.to_string()),
        Value::Datetime(d) => text.push_str(&d.to_string()),
        Value::Array(items) => {
            text.push('[');
            for (i, item) in items.iter().enumerate() {
                text.push_str(if i == 0 { "" } else { ", " });
                inline(text, item);
            }
            text.push(']');
        }
        Value::Table(table) => {
            text.push_str("{ ");
            for (i, (name, item)) in table.iter().enumerate() {
                text.push_str(if i == 0 { "" } else { ", " });
                text.push_str(&key(name));
                text.push_str(" = ");
                inline(text, item);
            }
            text.push_str(" }");
        }
    }
}
