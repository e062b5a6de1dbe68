//! Accounts of a book by their keys.

use std::collections::HashMap;

use crossmargin::book::{AccountKeys, Keys};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyString};

use crate::columns::shown;
use crate::errors::argument;

/// Where each account of a book stands.
pub(super) enum Places {
    Int(HashMap<i64, u32>),
    Text(HashMap<String, u32>),
}

impl Places {
    pub(super) fn new(accounts: &AccountKeys) -> Self {
        match accounts {
            AccountKeys::Int(keys) => Self::Int(keys.iter().copied().zip(0..).collect()),
            AccountKeys::Text(keys) => Self::Text(keys.iter().cloned().zip(0..).collect()),
        }
    }

    /// The place of a key, as it came from Python.
    pub(super) fn of(&self, key: &Bound<'_, PyAny>) -> PyResult<usize> {
        let place = match self {
            _ if key.is_instance_of::<PyBool>() => None,
            Self::Int(places) => key.extract::<i64>().ok().and_then(|key| places.get(&key)),
            Self::Text(places) => {
                let name = key.cast::<PyString>().ok().and_then(|name| name.to_str().ok());
                name.and_then(|name| places.get(name))
            }
        };
        place.map(|&place| place as usize).ok_or_else(|| unknown(key))
    }

    /// The place of a key in a column.
    pub(super) fn of_row(&self, keys: &Keys<'_>, row: usize) -> Option<u32> {
        match (self, keys) {
            (Self::Int(places), Keys::Int(keys)) => places.get(&keys[row]).copied(),
            (Self::Text(places), Keys::Int(keys)) => places.get(keys[row].to_string().as_str()).copied(),
            (Self::Text(places), Keys::Text(keys)) => {
                keys.names.get(keys.codes[row] as usize).and_then(|name| places.get(name)).copied()
            }
            (Self::Int(_), Keys::Text(_)) => None,
        }
    }
}

#[cold]
fn unknown(key: &Bound<'_, PyAny>) -> PyErr {
    argument(key.py(), "account", format!("was {}, which this book does not hold", shown(key)))
}
