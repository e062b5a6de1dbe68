//! Numbers of a market file: TOML integers, floats or decimal strings, each denoting a decimal exactly.

use std::fmt;

use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use toml::Value;

use crate::error::{Error, Result, shown};

/// Largest magnitude accepted: `2^256`.
pub(super) const MAX_MAGNITUDE: f64 = f64::from_bits((1023 + 256) << 52);
/// Smallest non-zero magnitude accepted: `2^-256`.
pub(super) const MIN_MAGNITUDE: f64 = f64::from_bits((1023 - 256) << 52);
/// Integers up to here are all representable: `2^53`.
const MAX_EXACT_FLOAT: f64 = f64::from_bits((1023 + 53) << 52);

/// A number of a market file. It denotes the shortest decimal that round-trips to its `f64`, so a file is refused
/// where it writes a decimal that is another one.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub(super) struct Number(f64);

impl Number {
    /// The number; `-0.0` becomes `+0.0`.
    pub(super) fn new(value: f64) -> Self {
        Self(if value == 0.0 { 0.0 } else { value })
    }

    /// The number as a float.
    pub(super) const fn get(self) -> f64 {
        self.0
    }

    /// The number, which must be above zero.
    pub(super) fn positive(self, path: impl FnOnce() -> String) -> Result<f64> {
        let value = self.0;
        if value > 0.0 {
            Ok(value)
        } else {
            Err(Error::market(path(), format!("was {}, expected a number above zero", shown(value))))
        }
    }

    /// The number, which must lie within 0 and 1.
    pub(super) fn rate(self, path: impl FnOnce() -> String) -> Result<f64> {
        let value = self.0;
        if (0.0..=1.0).contains(&value) {
            Ok(value)
        } else {
            let message = format!("was {}, expected a fraction within 0 and 1 (5 % is 0.05)", shown(value));
            Err(Error::market(path(), message))
        }
    }
}

/// Refuses numbers that are not finite, or of a magnitude that the engine does not compute with, anywhere in a file.
pub(super) fn check_magnitudes(value: &Value, path: &str) -> Result<()> {
    let fault = |message: String| Err(Error::market(path, message));
    match value {
        Value::Float(x) if !x.is_finite() => fault(format!("was {}, expected a finite number", shown(*x))),
        Value::Float(x) if *x != 0.0 && !(MIN_MAGNITUDE..=MAX_MAGNITUDE).contains(&x.abs()) => {
            fault(format!("was {}, expected zero or a magnitude within 2^-256 and 2^256", shown(*x)))
        }
        Value::Array(items) => {
            items.iter().enumerate().try_for_each(|(i, item)| check_magnitudes(item, &format!("{path}[{i}]")))
        }
        Value::Table(table) => table.iter().try_for_each(|(key, item)| {
            let dot = if path.is_empty() { "" } else { "." };
            check_magnitudes(item, &format!("{path}{dot}{key}"))
        }),
        _ => Ok(()),
    }
}

/// The value as an integer, where it is one that `i64` and `f64` both hold.
pub(super) fn as_integer(value: f64) -> Option<i64> {
    if value.abs() > MAX_EXACT_FLOAT {
        return None;
    }
    // Rust prints floats of whole value below 1e16 without a fraction or an exponent.
    format!("{value}").parse().ok()
}

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        match as_integer(self.0) {
            Some(integer) => serializer.serialize_i64(integer),
            None => serializer.serialize_f64(self.0),
        }
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        deserializer.deserialize_any(NumberVisitor)
    }
}

struct NumberVisitor;

impl Visitor<'_> for NumberVisitor {
    type Value = Number;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number (integer, float, or decimal in quotes)")
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> std::result::Result<Number, E> {
        self.visit_str(&value.to_string())
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> std::result::Result<Number, E> {
        self.visit_str(&value.to_string())
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> std::result::Result<Number, E> {
        Ok(Number::new(value))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> std::result::Result<Number, E> {
        parse_decimal(text).map(Number::new).map_err(E::custom)
    }
}

/// Reads a decimal; refuses one that the `f64` nearest to it does not denote.
fn parse_decimal(text: &str) -> std::result::Result<f64, String> {
    let written = Digits::read(text).ok_or_else(|| format!("was {text:?}, expected a decimal number"))?;
    let value: f64 = text.parse().map_err(|_| format!("was {text:?}, expected a decimal number"))?;
    if !value.is_finite() {
        return Err(format!("was {text:?}, expected a finite number"));
    }
    let denoted = format!("{value:e}");
    if Digits::read(&denoted).is_some_and(|digits| digits == written) {
        Ok(value)
    } else {
        Err(format!("was {text}, which has more digits than a float holds; write {value:?}"))
    }
}

/// Sign, significant digits and exponent of a decimal: equal exactly where the decimals are.
#[derive(PartialEq, Eq)]
struct Digits {
    negative: bool,
    significant: String,
    exponent: i64,
}

impl Digits {
    fn read(text: &str) -> Option<Self> {
        let (negative, rest) = match text.as_bytes().first()? {
            b'-' => (true, &text[1..]),
            b'+' => (false, &text[1..]),
            _ => (false, text),
        };
        let (mantissa, exponent) = match rest.find(['e', 'E']) {
            Some(at) => (&rest[..at], rest[at + 1..].parse::<i32>().ok()?),
            None => (rest, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all_digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() || !all_digits(whole) || !all_digits(fraction) {
            return None;
        }
        let joined = format!("{whole}{fraction}");
        let led = joined.trim_start_matches('0');
        let digits = led.trim_end_matches('0');
        if digits.is_empty() {
            return Some(Self { negative: false, significant: String::new(), exponent: 0 });
        }
        let dropped = i64::try_from(led.len() - digits.len()).ok()?;
        let exponent = i64::from(exponent) - i64::try_from(fraction.len()).ok()? + dropped;
        Some(Self { negative, significant: digits.to_owned(), exponent })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Holder {
        x: Number,
    }

    fn read(text: &str) -> std::result::Result<f64, String> {
        let holder: std::result::Result<Holder, toml::de::Error> = toml::from_str(&format!("x = {text}"));
        holder.map(|h| h.x.get()).map_err(|e| e.message().to_owned())
    }

    #[test]
    fn test_number_written_three_ways_is_the_same() {
        for text in ["0.004", "\"0.004\"", "\"4e-3\"", "\"+0.00400\"", "4.0e-3"] {
            assert_eq!(read(text), Ok(0.004), "{text}");
        }
        for text in ["50_000", "\"50000\"", "5e4", "\"50000.000\""] {
            assert_eq!(read(text), Ok(50_000.0), "{text}");
        }
        assert_eq!(read("-0.0").map(f64::to_bits), Ok(0));
        assert_eq!(read("\"-0\"").map(f64::to_bits), Ok(0));
    }

    #[test]
    fn test_number_with_more_digits_than_a_float_is_refused() {
        let message = "was 9007199254740993, which has more digits than a float holds; write 9007199254740992.0";
        assert_eq!(read("9007199254740993"), Err(message.to_owned()));
        assert!(read("\"0.1000000000000000055\"").is_err());
        assert_eq!(read("\"9223372036854776000\""), Ok(MAX_EXACT_FLOAT * 1024.0));
    }

    #[test]
    fn test_number_of_another_kind_is_refused() {
        assert_eq!(read("\"abc\""), Err("was \"abc\", expected a decimal number".to_owned()));
        assert_eq!(read("\"inf\""), Err("was \"inf\", expected a decimal number".to_owned()));
        assert_eq!(read("\"1e999\""), Err("was \"1e999\", expected a finite number".to_owned()));
        assert!(read("true").is_err_and(|m| m.contains("expected a number")));
    }

    #[test]
    fn test_number_magnitude_outside_the_range_is_refused() {
        let check = |x: f64| check_magnitudes(&Value::Array(vec![Value::Float(0.0), Value::Float(x)]), "p");
        assert!(check(MAX_MAGNITUDE).is_ok());
        assert!(check(-MIN_MAGNITUDE).is_ok());
        let message = |x: f64| check(x).unwrap_err().to_string();
        let range = "expected zero or a magnitude within 2^-256 and 2^256";
        assert_eq!(message(1e78), format!("p[1]: was 1e78, {range}"));
        assert_eq!(message(-1e-78), format!("p[1]: was -1e-78, {range}"));
        assert_eq!(message(f64::NAN), "p[1]: was NaN, expected a finite number");
    }

    #[test]
    fn test_number_as_integer_only_where_whole_and_exact() {
        assert_eq!(as_integer(1_800_000_000.0), Some(1_800_000_000));
        assert_eq!(as_integer(0.5), None);
        assert_eq!(as_integer(9.223_372_036_854_776e18), None);
        assert_eq!(as_integer(MAX_EXACT_FLOAT), Some(1 << 53));
    }
}
