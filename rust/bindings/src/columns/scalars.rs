//! Single Python objects as numbers and names.

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyComplex, PyFloat, PyInt, PyString};

use crate::errors::argument;

/// Whether an object says that there is no value: `None`, and what pandas writes for it.
pub(crate) fn is_null(object: &Bound<'_, PyAny>) -> bool {
    object.is_none() || object.get_type().name().is_ok_and(|name| name == "NAType" || name == "NaTType")
}

/// An object's type as messages name it.
pub(crate) fn kind_of(object: &Bound<'_, PyAny>) -> String {
    if object.is_none() {
        return "None".to_owned();
    }
    object.get_type().name().map_or_else(|_| "an object".to_owned(), |name| format!("of type {name}"))
}

/// An object as messages show it.
pub(crate) fn shown(object: &Bound<'_, PyAny>) -> String {
    const LONGEST: usize = 60;
    let text = object.repr().map_or_else(|_| kind_of(object), |text| text.to_string_lossy().into_owned());
    if text.chars().count() <= LONGEST { text } else { text.chars().take(LONGEST).chain("...".chars()).collect() }
}

/// Text that is not that of a number.
pub(crate) struct NoNumber;

/// The double nearest to a number that is written as text; `None` for text without anything in it, which is how
/// venues write that there is no value.
pub(crate) fn number_of(text: &str) -> Result<Option<f64>, NoNumber> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    // Words such as "inf" and "nan" are no numbers here.
    let is_digits = text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.' | b'e' | b'E'));
    let number = text.parse::<f64>().ok().filter(|number| is_digits && number.is_finite());
    number.map(Some).ok_or(NoNumber)
}

/// A number as the nearest double; `None` for an absent one. `place` names the element.
pub(crate) fn real(object: &Bound<'_, PyAny>, place: impl Fn() -> String) -> PyResult<Option<f64>> {
    if let Ok(number) = object.cast_exact::<PyFloat>() {
        return Ok(Some(number.value()));
    }
    if is_null(object) {
        return Ok(None);
    }
    let refuse = |expected: &str| Err(argument(object.py(), &place(), format!("was {}, {expected}", shown(object))));
    if let Ok(text) = object.cast::<PyString>() {
        let number = text.to_str().map_err(|_| NoNumber).and_then(number_of);
        return number.or_else(|NoNumber| refuse("expected a number"));
    }
    if object.is_instance_of::<PyBool>() || object.is_instance_of::<PyComplex>() {
        return refuse("expected a number");
    }
    let Ok(value) = object.extract::<f64>() else { return refuse("expected a number") };
    if object.is_instance_of::<PyInt>() && !PyFloat::new(object.py(), value).as_any().eq(object)? {
        return refuse("which no double is equal to: give a number of at most 15 digits, or as a float");
    }
    Ok(Some(value))
}

/// A key of a row.
pub(crate) enum Key<'a, 'py> {
    Int(i64),
    Name(&'a Bound<'py, PyString>),
    Null,
}

/// An object as a key.
pub(crate) fn key<'a, 'py>(object: &'a Bound<'py, PyAny>, place: impl Fn() -> String) -> PyResult<Key<'a, 'py>> {
    if let Ok(name) = object.cast::<PyString>() {
        return Ok(Key::Name(name));
    }
    if is_null(object) {
        return Ok(Key::Null);
    }
    let is_number = !object.is_instance_of::<PyBool>() && !object.is_instance_of::<PyFloat>();
    if is_number && let Ok(key) = object.extract::<i64>() {
        return Ok(Key::Int(key));
    }
    Err(argument(object.py(), &place(), format!("was {}, expected a name or a 64-bit integer", shown(object))))
}

/// The text of a string; surrogates that stand alone have none.
pub(crate) fn text<'a>(name: &'a Bound<'_, PyString>, place: impl Fn() -> String) -> PyResult<&'a str> {
    name.to_str().map_err(|_| argument(name.py(), &place(), format!("was {}, which is no valid text", shown(name))))
}
