//! Columns of Arrow as NumPy arrays, for tables whose columns are not known beforehand.

use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, Date64Type, TimestampMicrosecondType, TimestampMillisecondType};
use arrow_array::types::{TimestampNanosecondType, TimestampSecondType};
use arrow_array::{Array, ArrayRef, ArrowPrimitiveType};
use arrow_schema::{DataType, TimeUnit};
use crossmargin::book::Keys;
use numpy::{IntoPyArray, PyArray1};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use super::{ArrowColumn, KeyColumn, Raw, RealColumn, arrow, arrow_chunks, flags};
use crate::door::guarded;
use crate::errors::argument;

/// The columns of a table that exports Arrow; `None` for one that does not.
#[pyfunction]
pub(crate) fn arrow_columns<'py>(
    py: Python<'py>,
    table: &Bound<'py, PyAny>,
    name: &str,
) -> PyResult<Option<Bound<'py, PyDict>>> {
    guarded(py, || {
        let Some(chunks) = arrow_chunks(table, name)? else { return Ok(None) };
        let columns = PyDict::new(py);
        for (column, chunks) in arrow::columns(py, &chunks, name)? {
            columns.set_item(column, Py::new(py, ArrowColumn(chunks))?)?;
        }
        Ok(Some(columns))
    })
}

#[pymethods]
impl ArrowColumn {
    /// The column as doubles, NaN for null.
    fn numbers<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
        let column = guarded(py, || RealColumn::new(py, Raw::Arrow(self.0.clone()), name))?;
        Ok(PyArray1::from_slice(py, column.as_slice()).into_any())
    }

    /// The column as integers or text.
    fn keys<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
        let column = guarded(py, || KeyColumn::new(py, Raw::Arrow(self.0.clone()), name))?;
        Ok(match column.as_keys() {
            Keys::Int(keys) => PyArray1::from_slice(py, keys).into_any(),
            Keys::Text(keys) => {
                let texts: Vec<Py<PyAny>> =
                    keys.names.iter().map(|text| PyString::new(py, text).into_any().unbind()).collect();
                let none = py.None();
                let object = |&code: &u32| texts.get(code as usize).unwrap_or(&none).clone_ref(py);
                keys.codes.iter().map(object).collect::<Vec<_>>().into_pyarray(py).into_any()
            }
        })
    }

    /// The column as truth values, false for null.
    fn flags(&self, py: Python<'_>, name: &str) -> PyResult<Vec<bool>> {
        guarded(py, || flags::read(py, Raw::Arrow(self.0.clone()), name))
    }

    /// The column as moments, `datetime64`; what is no time comes as keys or numbers.
    fn times<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
        let Some(kind) = self.0.first().map(Array::data_type) else { return self.keys(py, name) };
        let (values, unit) = match kind {
            DataType::Timestamp(TimeUnit::Second, _) => (whole::<TimestampSecondType>(&self.0), "s"),
            DataType::Timestamp(TimeUnit::Millisecond, _) => (whole::<TimestampMillisecondType>(&self.0), "ms"),
            DataType::Timestamp(TimeUnit::Microsecond, _) => (whole::<TimestampMicrosecondType>(&self.0), "us"),
            DataType::Timestamp(TimeUnit::Nanosecond, _) => (whole::<TimestampNanosecondType>(&self.0), "ns"),
            DataType::Date32 => (whole::<Date32Type>(&self.0), "D"),
            DataType::Date64 => (whole::<Date64Type>(&self.0), "ms"),
            kind if kind.is_floating() => return self.numbers(py, name),
            _ => return self.keys(py, name),
        };
        let Some(values) = values else { return Err(argument(py, name, "had a null, expected a time in every row")) };
        PyArray1::from_vec(py, values).call_method1("view", (format!("datetime64[{unit}]"),))
    }
}

/// The integers of all chunks; `None` where one is null.
fn whole<T: ArrowPrimitiveType>(chunks: &[ArrayRef]) -> Option<Vec<i64>>
where
    T::Native: Into<i64>,
{
    let mut values = Vec::with_capacity(chunks.iter().map(Array::len).sum());
    for chunk in chunks {
        let chunk = chunk.as_primitive_opt::<T>().filter(|chunk| chunk.null_count() == 0)?;
        values.extend(chunk.values().iter().map(|&x| x.into()));
    }
    Some(values)
}
