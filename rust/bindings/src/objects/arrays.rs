//! Columns of results as NumPy arrays.

use crossmargin::book::AccountKeys;
use numpy::{IntoPyArray, PyArray1};
use pyo3::prelude::*;
use pyo3::types::PyString;

/// A column of text: an object array whose elements are shared `str` objects, or `None`.
pub(crate) fn text_column<'py>(
    py: Python<'py>,
    names: &[&str],
    codes: impl Iterator<Item = Option<usize>>,
) -> Bound<'py, PyAny> {
    let names: Vec<Py<PyAny>> = names.iter().map(|name| PyString::new(py, name).into_any().unbind()).collect();
    let none = py.None();
    let object = |code: Option<usize>| code.and_then(|code| names.get(code)).unwrap_or(&none).clone_ref(py);
    codes.map(object).collect::<Vec<_>>().into_pyarray(py).into_any()
}

/// The accounts at given places as the caller wrote them: `int64`, or text.
pub(crate) fn account_column<'py>(
    py: Python<'py>,
    accounts: &AccountKeys,
    at: impl Iterator<Item = usize>,
) -> Bound<'py, PyAny> {
    match accounts {
        AccountKeys::Int(keys) => {
            let keys = at.map(|account| keys.get(account).copied().unwrap_or_default());
            PyArray1::from_vec(py, keys.collect()).into_any()
        }
        AccountKeys::Text(keys) => {
            let names: Vec<&str> = keys.iter().map(String::as_str).collect();
            text_column(py, &names, at.map(Some))
        }
    }
}

/// Row numbers as `int64`.
pub(crate) fn row_column(py: Python<'_>, rows: impl Iterator<Item = u32>) -> Bound<'_, PyAny> {
    PyArray1::from_vec(py, rows.map(i64::from).collect()).into_any()
}
