//! Columns of numbers, as doubles.

use arrow_array::ArrayRef;
use arrow_buffer::ScalarBuffer;
use numpy::{
    Element, PyArray1, PyArrayDescrMethods, PyArrayMethods, PyReadonlyArray1, PyUntypedArray, PyUntypedArrayMethods,
};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyList;

use super::{Raw, arrow, scalars};
use crate::errors::argument;

/// A column of doubles and which of its rows had no value (they hold NaN).
pub(crate) struct RealColumn<'py> {
    values: Values<'py>,
    pub(crate) nulls: Vec<usize>,
}

enum Values<'py> {
    Borrowed(PyReadonlyArray1<'py, f64>),
    Arrow(ScalarBuffer<f64>),
    Owned(Vec<f64>),
}

impl Default for RealColumn<'_> {
    fn default() -> Self {
        Self { values: Values::Owned(Vec::new()), nulls: Vec::new() }
    }
}

/// Borrows an array of exactly this type; `None` where it has another, or a layout that is no slice.
pub(super) fn borrow<'py, T: Element>(array: &Bound<'py, PyUntypedArray>) -> Option<PyReadonlyArray1<'py, T>> {
    let array = array.cast::<PyArray1<T>>().ok()?.try_readonly().ok()?;
    array.as_slice().is_ok().then_some(array)
}

impl<'py> RealColumn<'py> {
    pub(crate) fn as_slice(&self) -> &[f64] {
        match &self.values {
            // Contiguity was checked when it was borrowed.
            Values::Borrowed(array) => array.as_slice().unwrap_or_default(),
            Values::Arrow(values) => values,
            Values::Owned(values) => values,
        }
    }

    /// The column with 0 in rows that have no value. A NaN that was written stays one, for the book to refuse.
    pub(super) fn or_zero(self) -> Self {
        if self.nulls.is_empty() {
            return self;
        }
        let mut values = self.as_slice().to_vec();
        for &row in &self.nulls {
            values[row] = 0.0;
        }
        Self::owned(values)
    }

    fn owned(values: Vec<f64>) -> Self {
        Self { values: Values::Owned(values), nulls: Vec::new() }
    }

    /// Reads a column; `name` is `table.column`, for messages.
    pub(crate) fn new(py: Python<'py>, raw: Raw<'py>, name: &str) -> PyResult<Self> {
        match raw {
            Raw::Array(array) => Self::from_array(&array, name),
            Raw::List(list) => Self::from_list(&list, name),
            Raw::Arrow(chunks) => Self::from_arrow(py, &chunks, name),
        }
    }

    fn from_array(array: &Bound<'py, PyUntypedArray>, name: &str) -> PyResult<Self> {
        let py = array.py();
        let dtype = array.dtype();
        match dtype.kind() {
            b'f' if dtype.itemsize() <= 8 => {
                if let Some(borrowed) = borrow::<f64>(array) {
                    return Ok(Self { values: Values::Borrowed(borrowed), nulls: Vec::new() });
                }
                let values = Values::Borrowed(converted::<f64>(array, "float64")?);
                Ok(Self { values, nulls: Vec::new() })
            }
            b'i' => {
                let wide = converted::<i64>(array, "int64")?;
                exact_all(py, name, wide.as_slice()?, exact_i64).map(Self::owned)
            }
            b'u' => {
                let wide = converted::<u64>(array, "uint64")?;
                exact_all(py, name, wide.as_slice()?, exact_u64).map(Self::owned)
            }
            b'O' | b'U' | b'T' => {
                let list = array.call_method0(intern!(py, "tolist"))?.cast_into::<PyList>()?;
                Self::from_list(&list, name)
            }
            _ if array.is_empty() => Ok(Self::default()),
            _ => Err(argument(py, name, format!("had dtype {dtype}, expected numbers"))),
        }
    }

    fn from_list(list: &Bound<'py, PyList>, name: &str) -> PyResult<Self> {
        let mut values = Vec::with_capacity(list.len());
        let mut nulls = Vec::new();
        for (row, object) in list.iter().enumerate() {
            let value = scalars::real(&object, || format!("{name}[{row}]"))?;
            if value.is_none() {
                nulls.push(row);
            }
            values.push(value.unwrap_or(f64::NAN));
        }
        Ok(Self { values: Values::Owned(values), nulls })
    }

    fn from_arrow(py: Python<'py>, chunks: &[ArrayRef], name: &str) -> PyResult<Self> {
        if let Some(values) = arrow::whole(chunks) {
            return Ok(Self { values: Values::Arrow(values), nulls: Vec::new() });
        }
        let (values, nulls) = arrow::reals(py, chunks, name)?;
        Ok(Self { values: Values::Owned(values), nulls })
    }
}

/// A copy of an array as numbers of the widest type of its kind.
pub(super) fn converted<'py, T: Element>(
    array: &Bound<'py, PyUntypedArray>,
    dtype: &str,
) -> PyResult<PyReadonlyArray1<'py, T>> {
    let py = array.py();
    let numpy = py.import(intern!(py, "numpy"))?;
    let array = numpy.call_method1(intern!(py, "array"), (array, dtype))?;
    let array = array.cast::<PyUntypedArray>()?;
    borrow::<T>(array).ok_or_else(|| argument(py, dtype, "conversion by NumPy gave no plain array"))
}

/// The double equal to an integer.
pub(super) fn exact_i64(x: i64) -> Option<f64> {
    exact_u64(x.unsigned_abs()).map(|magnitude| if x < 0 { -magnitude } else { magnitude })
}

/// The double equal to an integer.
pub(super) fn exact_u64(x: u64) -> Option<f64> {
    // Two halves, each exact; their sum is exact if it has at most 53 bits from first to last.
    let (high, low) = (u32::try_from(x >> 32).ok()?, u32::try_from(x & 0xffff_ffff).ok()?);
    let bits = u64::BITS - x.leading_zeros() - x.trailing_zeros().min(u64::BITS - x.leading_zeros());
    (bits <= 53).then(|| f64::from(high) * 4_294_967_296.0 + f64::from(low))
}

/// Integers as doubles; refuses the first that no double is equal to.
pub(super) fn exact_all<T: Copy + std::fmt::Display>(
    py: Python<'_>,
    name: &str,
    wide: &[T],
    exact: impl Fn(T) -> Option<f64>,
) -> PyResult<Vec<f64>> {
    let each = |(row, &x): (usize, &T)| exact(x).ok_or_else(|| not_exact(py, &format!("{name}[{row}]"), x));
    wide.iter().enumerate().map(each).collect()
}

#[cold]
pub(super) fn not_exact(py: Python<'_>, place: &str, x: impl std::fmt::Display) -> PyErr {
    let message = format!("was {x}, which no double is equal to: give a number of at most 15 digits, or as a float");
    argument(py, place, message)
}

/// A bare vector of numbers, such as prices in market order; what has no value is NaN.
pub(crate) fn vector(object: &Bound<'_, PyAny>, name: &str) -> PyResult<Vec<f64>> {
    let raw = Raw::new(object, name)?;
    Ok(RealColumn::new(object.py(), raw, name)?.as_slice().to_vec())
}

/// Prices by name of an object with names (a mapping, a pandas series); `None` for one without.
///
/// Whatever has names is read by them: taken in order, prices could land on the wrong instruments.
pub(crate) fn named_prices(object: &Bound<'_, PyAny>, name: &str) -> PyResult<Option<Vec<(String, f64)>>> {
    let py = object.py();
    let items = intern!(py, "items");
    if !object.hasattr(items)? || !object.hasattr(intern!(py, "keys"))? {
        return Ok(None);
    }
    let mut named = Vec::new();
    for item in object.call_method0(items)?.try_iter()? {
        let (key, value): (Bound<'_, PyAny>, Bound<'_, PyAny>) = item?.extract()?;
        let Ok(key) = key.extract::<String>() else {
            return Err(argument(py, name, format!("had the key {}, expected a name", scalars::shown(&key))));
        };
        let price = scalars::real(&value, || format!("{name}[{key}]"))?;
        named.push((key, price.unwrap_or(f64::NAN)));
    }
    Ok(Some(named))
}
