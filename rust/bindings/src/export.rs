//! Tables of NumPy columns as streams of the Arrow PyCapsule interface.

use std::sync::Arc;

use arrow_array::builder::StringBuilder;
use arrow_array::ffi_stream::FFI_ArrowArrayStream;
use arrow_array::types::{
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
};
use arrow_array::{
    ArrayRef, ArrowPrimitiveType, BooleanArray, Float64Array, Int64Array, PrimitiveArray, RecordBatch,
    RecordBatchIterator, RecordBatchOptions, UInt8Array, UInt32Array,
};
use arrow_buffer::{NullBuffer, ScalarBuffer};
use arrow_schema::{ArrowError, Field, Schema};
use numpy::{PyArray1, PyArrayDescrMethods, PyArrayMethods, PyUntypedArray, PyUntypedArrayMethods};
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyString};

use crate::columns::kind_of;
use crate::errors::argument;

/// Copies columns into one record batch and gives it as an `arrow_array_stream` capsule.
///
/// NaN becomes null: in results it always means unknown. Text columns hold `str`, or `None` for null.
#[pyfunction]
#[expect(clippy::needless_pass_by_value, reason = "arguments of Python are extracted by value")]
pub(crate) fn arrow_stream<'py>(
    py: Python<'py>,
    names: Vec<String>,
    columns: Vec<Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyCapsule>> {
    let mut fields = Vec::with_capacity(names.len());
    let mut arrays = Vec::with_capacity(names.len());
    for (name, column) in names.iter().zip(&columns) {
        let array = array_of(column, name)?;
        fields.push(Field::new(name, array.data_type().clone(), true));
        arrays.push(array);
    }
    let broken = |error: ArrowError| argument(py, "columns", format!("could not be exported: {error}"));
    let schema = Arc::new(Schema::new(fields));
    let rows = arrays.first().map_or(0, |array| array.len());
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    let batch = RecordBatch::try_new_with_options(Arc::clone(&schema), arrays, &options).map_err(broken)?;
    let reader = RecordBatchIterator::new([Ok(batch)], schema);
    PyCapsule::new_with_value(py, FFI_ArrowArrayStream::new(Box::new(reader)), c"arrow_array_stream")
}

fn array_of(column: &Bound<'_, PyAny>, name: &str) -> PyResult<ArrayRef> {
    if let Ok(column) = column.cast::<PyArray1<f64>>() {
        let values = column.to_vec()?;
        let valid: NullBuffer = values.iter().map(|x| !x.is_nan()).collect();
        let valid = (valid.null_count() > 0).then_some(valid);
        return Ok(Arc::new(Float64Array::new(ScalarBuffer::from(values), valid)));
    }
    if let Ok(column) = column.cast::<PyArray1<i64>>() {
        return Ok(Arc::new(Int64Array::from(column.to_vec()?)));
    }
    if let Ok(column) = column.cast::<PyArray1<bool>>() {
        return Ok(Arc::new(BooleanArray::from(column.to_vec()?)));
    }
    if let Ok(column) = column.cast::<PyArray1<u8>>() {
        return Ok(Arc::new(UInt8Array::from(column.to_vec()?)));
    }
    if let Ok(column) = column.cast::<PyArray1<u32>>() {
        return Ok(Arc::new(UInt32Array::from(column.to_vec()?)));
    }
    if let Some(times) = times_of(column)? {
        return Ok(times);
    }
    let Ok(column) = column.cast::<PyArray1<Py<PyAny>>>() else {
        let message = format!("was {}, expected an array of numbers, flags or text", kind_of(column));
        return Err(argument(column.py(), name, message));
    };
    let py = column.py();
    let objects = column.try_readonly()?;
    let mut texts = StringBuilder::new();
    for object in objects.as_array() {
        match object.bind(py).cast::<PyString>() {
            Ok(text) => texts.append_value(text.to_str()?),
            Err(_) => texts.append_null(),
        }
    }
    Ok(Arc::new(texts.finish()))
}

/// A column of `datetime64` as timestamps without a zone; `None` for any other.
fn times_of(column: &Bound<'_, PyAny>) -> PyResult<Option<ArrayRef>> {
    let Some(array) = column.cast::<PyUntypedArray>().ok().filter(|array| array.dtype().kind() == b'M') else {
        return Ok(None);
    };
    let unit: String = array.dtype().str()?.extract()?;
    let wide = |unit: &str| -> PyResult<Vec<i64>> {
        let times =
            column.call_method1("astype", (format!("datetime64[{unit}]"),))?.call_method1("view", ("int64",))?;
        times.cast::<PyArray1<i64>>()?.to_vec().map_err(Into::into)
    };
    Ok(Some(match unit.trim_start_matches("datetime64") {
        "[ns]" => timestamps::<TimestampNanosecondType>(wide("ns")?),
        "[us]" => timestamps::<TimestampMicrosecondType>(wide("us")?),
        "[ms]" => timestamps::<TimestampMillisecondType>(wide("ms")?),
        _ => timestamps::<TimestampSecondType>(wide("s")?),
    }))
}

/// NumPy writes the least integer for a time that there is not.
fn timestamps<T: ArrowPrimitiveType<Native = i64>>(times: Vec<i64>) -> ArrayRef {
    Arc::new(times.into_iter().map(|time| (time != i64::MIN).then_some(time)).collect::<PrimitiveArray<T>>())
}
