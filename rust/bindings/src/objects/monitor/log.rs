//! Lines of the log: a JSON object each, of a frame or an operation that was applied.

use std::fmt::Write;

use crossmargin::Market;
use crossmargin::monitor::{NO_TIME, Quote, Tick};

/// Writes text as JSON does.
fn quoted(text: &str, line: &mut String) {
    line.push('"');
    for letter in text.chars() {
        match letter {
            '"' | '\\' => {
                line.push('\\');
                line.push(letter);
            }
            _ if letter < ' ' => {
                let _written = write!(line, "\\u{:04x}", u32::from(letter));
            }
            _ => line.push(letter),
        }
    }
    line.push('"');
}

/// Writes the shortest decimal that reads back to the same double, with a point or an exponent, so that it is no integer.
fn decimal(x: f64, line: &mut String) {
    const PLAIN: std::ops::Range<f64> = 1e-5..1e16;
    if !PLAIN.contains(&x) {
        let _written = write!(line, "{x:e}");
        return;
    }
    let start = line.len();
    let _written = write!(line, "{x}");
    if !line[start..].contains('.') {
        line.push_str(".0");
    }
}

/// Adds the line of a frame.
pub(super) fn frame(lines: &mut String, market: &Market, number: u64, time: i64, ticks: &[Tick]) {
    let _written = write!(lines, "{{\"frame\": {number}");
    if time != NO_TIME {
        let _written = write!(lines, ", \"time\": {time}");
    }
    for quote in [Quote::Mark, Quote::Index, Quote::Last] {
        let mut separator = "{";
        for tick in ticks.iter().filter(|tick| tick.quote == quote) {
            if separator == "{" {
                let _written = write!(lines, ", \"{}\": ", quote.name());
            }
            let at = tick.at as usize;
            let name = match quote {
                Quote::Index => market.assets().get(at).map(crossmargin::market::Asset::name),
                Quote::Mark | Quote::Last => market.instruments().get(at).map(crossmargin::market::Instrument::name),
            };
            lines.push_str(separator);
            quoted(name.unwrap_or_default(), lines);
            lines.push_str(": ");
            decimal(tick.price, lines);
            separator = ", ";
        }
        if separator == ", " {
            lines.push('}');
        }
    }
    lines.push_str("}\n");
}

/// Adds the line of an operation; `given` is its tables, as JSON.
pub(super) fn operation(lines: &mut String, number: u64, frame: u64, word: &str, given: &str) {
    let _written = writeln!(lines, "{{\"operation\": {number}, \"frame\": {frame}, \"{word}\": {given}}}");
}
