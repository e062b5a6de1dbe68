//! Columns as Python gives them, made into what the engine reads.
//!
//! [`Table`] takes a table apart into named [`Raw`] columns; [`Keys`](keys::KeyColumn) and
//! [`Reals`](reals::RealColumn) make slices of them, without a copy where the memory allows it.

mod arrow;
mod coder;
mod flags;
mod keys;
mod nested;
mod reals;
mod scalars;
mod series;
mod table;

pub(crate) use keys::{KeyColumn, OwnedKeys, TextColumn};
pub(crate) use nested::{ArrowColumn, unnest};
pub(crate) use reals::{RealColumn, named_prices, vector};
pub(crate) use scalars::{kind_of, real, shown};
pub(crate) use series::arrow_columns;
pub(crate) use table::{Schema, Table};

use arrow_array::ArrayRef;
use numpy::{PyUntypedArray, PyUntypedArrayMethods};
use pyo3::exceptions::PyImportError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes, PyList, PyMapping, PyString, PyTuple};

use crate::errors::argument;

/// A column with its `table.column`, for messages.
pub(crate) type Named<'py> = (Raw<'py>, String);

/// A column before anything is known of its contents.
pub(crate) enum Raw<'py> {
    /// A one-dimensional NumPy array.
    Array(Bound<'py, PyUntypedArray>),
    /// Python objects.
    List(Bound<'py, PyList>),
    /// Chunks of Arrow.
    Arrow(Vec<ArrayRef>),
}

impl<'py> Raw<'py> {
    /// Recognises a column; `name` is `table.column`, for messages.
    pub(crate) fn new(object: &Bound<'py, PyAny>, name: &str) -> PyResult<Self> {
        let py = object.py();
        if let Ok(list) = object.cast::<PyList>() {
            return Ok(Self::List(list.clone()));
        }
        if let Ok(tuple) = object.cast::<PyTuple>() {
            return Ok(Self::List(tuple.to_list()));
        }
        if let Ok(array) = object.cast_exact::<PyUntypedArray>() {
            return Self::array(array.clone(), name);
        }
        if let Ok(column) = object.cast_exact::<ArrowColumn>() {
            return Ok(Self::Arrow(column.get().0.clone()));
        }
        if object.is_none() || refused(object) {
            return Err(not_a_column(object, name));
        }
        // Of a masked array the mask is data too: what is masked is absent.
        if object.hasattr(intern!(py, "mask"))? && object.hasattr(intern!(py, "filled"))? {
            let list = object.call_method0(intern!(py, "tolist"))?;
            return list.cast_into::<PyList>().map(Self::List).map_err(|_| not_a_column(object, name));
        }
        if let Some(chunks) = arrow_chunks(object, name)? {
            return Ok(Self::Arrow(chunks));
        }
        let numpy = py.import(intern!(py, "numpy"))?;
        let protocol = intern!(py, "__dlpack__");
        let array = if object.hasattr(protocol)? && !object.hasattr(intern!(py, "__array__"))? {
            numpy.call_method1(intern!(py, "from_dlpack"), (object,))?
        } else {
            numpy.call_method1(intern!(py, "asarray"), (object,))?
        };
        Self::array(array.cast_into::<PyUntypedArray>().map_err(|_| not_a_column(object, name))?, name)
    }

    fn array(array: Bound<'py, PyUntypedArray>, name: &str) -> PyResult<Self> {
        if array.ndim() == 1 {
            return Ok(Self::Array(array));
        }
        let n = array.ndim();
        Err(argument(array.py(), name, format!("had {n} dimensions, expected a column: one dimension")))
    }
}

/// What NumPy would make an array of, but is no column.
fn refused(object: &Bound<'_, PyAny>) -> bool {
    object.is_instance_of::<PyString>()
        || object.is_instance_of::<PyBytes>()
        || object.is_instance_of::<PyByteArray>()
        || object.cast::<PyMapping>().is_ok()
}

#[cold]
fn not_a_column(object: &Bound<'_, PyAny>, name: &str) -> PyErr {
    let expected = "expected a column: a NumPy array, a list, or an Arrow array";
    argument(object.py(), name, format!("was {}, {expected}", kind_of(object)))
}

/// The chunks of an object that exports Arrow; `None` for one that does not, or cannot for want of pyarrow.
fn arrow_chunks(object: &Bound<'_, PyAny>, name: &str) -> PyResult<Option<Vec<ArrayRef>>> {
    match arrow::chunks(object, name) {
        Err(error) if error.is_instance_of::<PyImportError>(object.py()) => Ok(None),
        other => other,
    }
}
