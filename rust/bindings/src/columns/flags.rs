//! Columns of truth values.

use numpy::{PyArrayDescrMethods, PyUntypedArray, PyUntypedArrayMethods};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyList};

use super::{Raw, arrow, reals, scalars};
use crate::errors::argument;

/// What every row must hold.
const EXPECTED: &str = "expected True or False";

/// Reads a column, false where a row has no value; `name` is `table.column`, for messages.
pub(super) fn read(py: Python<'_>, raw: Raw<'_>, name: &str) -> PyResult<Vec<bool>> {
    match raw {
        Raw::Array(array) => from_array(&array, name),
        Raw::List(list) => from_list(&list, name),
        Raw::Arrow(chunks) => arrow::flags(py, &chunks, name),
    }
}

fn from_array(array: &Bound<'_, PyUntypedArray>, name: &str) -> PyResult<Vec<bool>> {
    let py = array.py();
    match array.dtype().kind() {
        // NumPy lets an array of booleans hold any bytes, which none of Rust's may: they are read as bytes.
        b'b' => {
            let numpy = py.import(intern!(py, "numpy"))?;
            let contiguous = numpy.call_method1(intern!(py, "ascontiguousarray"), (array,))?;
            let bytes = contiguous.call_method1(intern!(py, "view"), (intern!(py, "uint8"),))?;
            let bytes = bytes.cast_into::<PyUntypedArray>()?;
            let refuse = || argument(py, name, format!("was no plain array, {EXPECTED} in each row"));
            let bytes = reals::borrow::<u8>(&bytes).ok_or_else(refuse)?;
            Ok(bytes.as_slice()?.iter().map(|&byte| byte != 0).collect())
        }
        b'O' => {
            let list = array.call_method0(intern!(py, "tolist"))?.cast_into::<PyList>()?;
            from_list(&list, name)
        }
        _ if array.is_empty() => Ok(Vec::new()),
        _ => Err(argument(py, name, format!("had dtype {}, expected bool", array.dtype()))),
    }
}

fn from_list(list: &Bound<'_, PyList>, name: &str) -> PyResult<Vec<bool>> {
    let flag = |(row, object): (usize, Bound<'_, PyAny>)| {
        if let Ok(flag) = object.cast::<PyBool>() {
            return Ok(flag.is_true());
        }
        if scalars::is_null(&object) {
            return Ok(false);
        }
        // NumPy's own truth values are no bool of Python's.
        if object.get_type().name().is_ok_and(|name| name == "bool" || name == "bool_") {
            return object.is_truthy();
        }
        let place = format!("{name}[{row}]");
        Err(argument(list.py(), &place, format!("was {}, {EXPECTED}", scalars::shown(&object))))
    };
    list.iter().enumerate().map(flag).collect()
}
