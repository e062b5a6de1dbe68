//! Columns and tables that come through the Arrow PyCapsule interface.

use arrow_array::cast::AsArray;
use arrow_array::ffi::{FFI_ArrowArray, FFI_ArrowSchema, from_ffi};
use arrow_array::ffi_stream::{ArrayStreamReader, FFI_ArrowArrayStream};
use arrow_array::types::{
    ArrowPrimitiveType, Decimal128Type, Decimal256Type, Float16Type, Float32Type, Float64Type, Int8Type, Int16Type,
    Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, StructArray, make_array};
use arrow_buffer::ScalarBuffer;
use arrow_schema::DataType;
use crossmargin::book::NO_KEY;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyTuple};

use super::coder::{Coder, Names};
use super::keys::{beyond_i64, null_in_integers};
use super::reals::{exact_i64, exact_u64};
use super::scalars::number_of;
use crate::door::caught;
use crate::errors::argument;

/// The chunks of an object that exports Arrow; `None` for one that does not.
pub(super) fn chunks(object: &Bound<'_, PyAny>, name: &str) -> PyResult<Option<Vec<ArrayRef>>> {
    let py = object.py();
    if object.hasattr(intern!(py, "__arrow_c_stream__"))? {
        let capsule = object.call_method0(intern!(py, "__arrow_c_stream__"))?;
        return read(py, name, || from_stream(&capsule, name)).map(Some);
    }
    if object.hasattr(intern!(py, "__arrow_c_array__"))? {
        let pair = object.call_method0(intern!(py, "__arrow_c_array__"))?;
        return read(py, name, || from_pair(&pair, name)).map(Some);
    }
    Ok(None)
}

/// Reads chunks and checks all that they claim of their contents: offsets, codes, that text is text.
fn read(py: Python<'_>, name: &str, from: impl FnOnce() -> PyResult<Vec<ArrayRef>>) -> PyResult<Vec<ArrayRef>> {
    let check = |chunk: &ArrayRef| chunk.to_data().validate_full().map_err(|error| broken(py, name, error));
    let chunks = caught(|| from().and_then(|chunks| chunks.iter().try_for_each(check).map(|()| chunks)));
    chunks.unwrap_or_else(|said| Err(broken(py, name, said)))
}

/// What came instead of Arrow.
#[cold]
fn broken(py: Python<'_>, name: &str, what: impl std::fmt::Display) -> PyErr {
    argument(py, name, format!("had Arrow data that cannot be read: {what}"))
}

fn from_stream(capsule: &Bound<'_, PyAny>, name: &str) -> PyResult<Vec<ArrayRef>> {
    let py = capsule.py();
    let pointer = capsule
        .cast::<PyCapsule>()
        .map_err(|_| broken(py, name, "__arrow_c_stream__ gave no capsule"))?
        .pointer_checked(Some(c"arrow_array_stream"))?;
    #[expect(unsafe_code, reason = "the capsule protocol passes pointers")]
    // SAFETY: a capsule of that name holds a valid stream, which the protocol lets the consumer move out.
    let reader = unsafe { ArrayStreamReader::from_raw(pointer.cast::<FFI_ArrowArrayStream>().as_ptr()) };
    let reader = reader.map_err(|error| broken(py, name, error))?;
    reader.map(|chunk| chunk.map_err(|error| broken(py, name, error))).collect()
}

fn from_pair(pair: &Bound<'_, PyAny>, name: &str) -> PyResult<Vec<ArrayRef>> {
    let py = pair.py();
    let not_a_pair = || broken(py, name, "__arrow_c_array__ gave no pair of capsules");
    let pair = pair.cast::<PyTuple>().map_err(|_| not_a_pair())?;
    let capsule = |at: usize| -> PyResult<Bound<'_, PyCapsule>> {
        pair.get_item(at).map_err(|_| not_a_pair())?.cast_into::<PyCapsule>().map_err(|_| not_a_pair())
    };
    let (schema, array) = (capsule(0)?, capsule(1)?);
    let schema_pointer = schema.pointer_checked(Some(c"arrow_schema"))?.cast::<FFI_ArrowSchema>();
    let array_pointer = array.pointer_checked(Some(c"arrow_array"))?.cast::<FFI_ArrowArray>();
    #[expect(unsafe_code, reason = "the capsule protocol passes pointers")]
    // SAFETY: a capsule of that name holds a valid schema, borrowed here while the capsule is alive.
    let schema = unsafe { schema_pointer.as_ref() };
    #[expect(unsafe_code, reason = "the capsule protocol passes pointers")]
    // SAFETY: a capsule of that name holds a valid array, which the protocol lets the consumer move out.
    let array = unsafe { FFI_ArrowArray::from_raw(array_pointer.as_ptr()) };
    if array.is_released() {
        return Err(broken(py, name, "the array is already released"));
    }
    #[expect(unsafe_code, reason = "the capsule protocol passes pointers")]
    // SAFETY: array and schema were exported together by one producer.
    let data = unsafe { from_ffi(array, schema) };
    Ok(vec![make_array(data.map_err(|error| broken(py, name, error))?)])
}

/// The columns of a table whose chunks are structs, less indexes without a name that pandas exports with a frame.
pub(super) fn columns(py: Python<'_>, chunks: &[ArrayRef], name: &str) -> PyResult<Vec<(String, Vec<ArrayRef>)>> {
    let structs: Option<Vec<&StructArray>> = chunks.iter().map(|chunk| chunk.as_struct_opt()).collect();
    let structs = structs.ok_or_else(|| argument(py, name, "was an Arrow column, expected a table of columns"))?;
    if structs.iter().any(|chunk| chunk.null_count() > 0) {
        return Err(argument(py, name, "had rows that are null as a whole, expected rows of columns"));
    }
    let Some(first) = structs.first() else { return Ok(Vec::new()) };
    let of = |at: usize| structs.iter().map(|chunk| ArrayRef::clone(chunk.column(at))).collect();
    let named = first.column_names().into_iter().enumerate().filter(|(_, column)| !is_unnamed_index(column));
    Ok(named.map(|(at, column)| (column.to_owned(), of(at))).collect())
}

/// Whether a column is the index of a frame that has no name: where its rows came from, which says nothing of them.
fn is_unnamed_index(column: &str) -> bool {
    let level = column.strip_prefix("__index_level_").and_then(|rest| rest.strip_suffix("__"));
    level.is_some_and(|level| !level.is_empty() && level.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The doubles of a column that is one chunk without nulls: no copy.
pub(super) fn whole(chunks: &[ArrayRef]) -> Option<ScalarBuffer<f64>> {
    let [chunk] = chunks else { return None };
    let chunk = chunk.as_primitive_opt::<Float64Type>()?;
    (chunk.null_count() == 0).then(|| chunk.values().clone())
}

/// Rows of several chunks with their number in the column.
fn numbered(chunks: &[ArrayRef]) -> impl Iterator<Item = (usize, &ArrayRef)> {
    chunks.iter().scan(0, |first, chunk| {
        let here = *first;
        *first += chunk.len();
        Some((here, chunk))
    })
}

#[cold]
fn unreadable(py: Python<'_>, name: &str, chunk: &ArrayRef, expected: &str) -> PyErr {
    argument(py, name, format!("had Arrow type {}, expected {expected}", chunk.data_type()))
}

/// The integers of a column of keys; `None` where it has another type.
pub(super) fn ints(py: Python<'_>, chunks: &[ArrayRef], name: &str) -> PyResult<Option<ScalarBuffer<i64>>> {
    if !chunks.first().is_some_and(|chunk| chunk.data_type().is_integer()) {
        return Ok(None);
    }
    if let [chunk] = chunks
        && let Some(chunk) = chunk.as_primitive_opt::<Int64Type>()
        && chunk.null_count() == 0
    {
        return Ok(Some(chunk.values().clone()));
    }
    let mut keys = Vec::new();
    for (first, chunk) in numbered(chunks) {
        if let Some(row) = (0..chunk.len()).find(|&row| chunk.is_null(row)) {
            return Err(null_in_integers(py, name, first + row));
        }
        match chunk.data_type() {
            DataType::Int8 => widen::<Int8Type, i64>(chunk, &mut keys),
            DataType::Int16 => widen::<Int16Type, i64>(chunk, &mut keys),
            DataType::Int32 => widen::<Int32Type, i64>(chunk, &mut keys),
            DataType::Int64 => widen::<Int64Type, i64>(chunk, &mut keys),
            DataType::UInt8 => widen::<UInt8Type, i64>(chunk, &mut keys),
            DataType::UInt16 => widen::<UInt16Type, i64>(chunk, &mut keys),
            DataType::UInt32 => widen::<UInt32Type, i64>(chunk, &mut keys),
            DataType::UInt64 => {
                for (row, &key) in chunk.as_primitive::<UInt64Type>().values().iter().enumerate() {
                    let place = || beyond_i64(py, &format!("{name}[{}]", first + row), key);
                    keys.push(i64::try_from(key).map_err(|_| place())?);
                }
            }
            _ => return Err(unreadable(py, name, chunk, "integers in every chunk")),
        }
    }
    Ok(Some(ScalarBuffer::from(keys)))
}

fn widen<T: ArrowPrimitiveType, U: From<T::Native>>(chunk: &ArrayRef, out: &mut Vec<U>) {
    out.extend(chunk.as_primitive::<T>().values().iter().map(|&x| U::from(x)));
}

/// The names of a column.
pub(super) fn names(py: Python<'_>, chunks: &[ArrayRef], name: &str, names: &mut Names) -> PyResult<Vec<u32>> {
    let mut coder = Coder::new(names, chunks.iter().map(Array::len).sum());
    for chunk in chunks {
        match chunk.data_type() {
            DataType::Utf8 => chunk.as_string::<i32>().iter().for_each(|text| push(&mut coder, text)),
            DataType::LargeUtf8 => chunk.as_string::<i64>().iter().for_each(|text| push(&mut coder, text)),
            DataType::Utf8View => chunk.as_string_view().iter().for_each(|text| push(&mut coder, text)),
            DataType::Null => (0..chunk.len()).for_each(|_| coder.push_null()),
            DataType::Dictionary(_, _) => coded(py, chunk, name, &mut coder)?,
            _ => return Err(unreadable(py, name, chunk, "integers or names")),
        }
    }
    Ok(coder.codes)
}

fn push(coder: &mut Coder<'_>, text: Option<&str>) {
    match text {
        Some(text) => coder.push(text),
        None => coder.push_null(),
    }
}

/// Rows of a dictionary-coded chunk: one look-up per distinct name that occurs.
fn coded(py: Python<'_>, chunk: &ArrayRef, name: &str, coder: &mut Coder<'_>) -> PyResult<()> {
    let dictionary = chunk.as_any_dictionary();
    if dictionary.values().is_empty() {
        (0..chunk.len()).for_each(|_| coder.push_null());
        return Ok(());
    }
    let mut texts = Names::default();
    let values = names(py, &[ArrayRef::clone(dictionary.values())], name, &mut texts)?;
    let text = |key: usize| values.get(key).and_then(|&code| texts.as_slice().get(code as usize));
    let mut codes: Vec<Option<u32>> = vec![None; values.len()];
    let keys = dictionary.normalized_keys();
    for (row, &key) in keys.iter().enumerate() {
        match (dictionary.keys().is_null(row), text(key)) {
            (false, Some(text)) => {
                let last = coder.codes.last().copied().unwrap_or(NO_KEY);
                let code = *codes[key].get_or_insert_with(|| coder.names.code(text, last));
                coder.codes.push(code);
            }
            _ => coder.push_null(),
        }
    }
    Ok(())
}

/// Truth values of a column, false for nulls.
pub(super) fn flags(py: Python<'_>, chunks: &[ArrayRef], name: &str) -> PyResult<Vec<bool>> {
    let mut values = Vec::new();
    for chunk in chunks {
        match chunk.data_type() {
            DataType::Boolean => values.extend(chunk.as_boolean().iter().map(|flag| flag == Some(true))),
            DataType::Null => values.resize(values.len() + chunk.len(), false),
            _ => return Err(unreadable(py, name, chunk, "true or false")),
        }
    }
    Ok(values)
}

/// Doubles of a column of numbers, NaN for nulls, and the rows that are null.
pub(super) fn reals(py: Python<'_>, chunks: &[ArrayRef], name: &str) -> PyResult<(Vec<f64>, Vec<usize>)> {
    let mut values = Vec::new();
    let mut nulls = Vec::new();
    for (first, chunk) in numbered(chunks) {
        match chunk.data_type() {
            DataType::Utf8 => text_reals(py, chunk.as_string::<i32>().iter(), name, &mut values, &mut nulls)?,
            DataType::LargeUtf8 => text_reals(py, chunk.as_string::<i64>().iter(), name, &mut values, &mut nulls)?,
            DataType::Utf8View => text_reals(py, chunk.as_string_view().iter(), name, &mut values, &mut nulls)?,
            DataType::Dictionary(_, _) => coded_reals(py, chunk, name, &mut values, &mut nulls)?,
            _ => push_reals(py, chunk, name, first, &mut values)?,
        }
        if !is_told(chunk) && chunk.logical_null_count() > 0 {
            let absent = chunk.logical_nulls();
            for row in (0..chunk.len()).filter(|&row| absent.as_ref().is_some_and(|nulls| nulls.is_null(row))) {
                values[first + row] = f64::NAN;
                nulls.push(first + row);
            }
        }
    }
    Ok((values, nulls))
}

/// Whether the nulls of a chunk are known once its rows are read.
fn is_told(chunk: &ArrayRef) -> bool {
    chunk.data_type().is_string() || matches!(chunk.data_type(), DataType::Dictionary(_, _))
}

/// Numbers that are written as text; text without anything in it is null.
fn text_reals<'a>(
    py: Python<'_>,
    texts: impl Iterator<Item = Option<&'a str>>,
    name: &str,
    values: &mut Vec<f64>,
    nulls: &mut Vec<usize>,
) -> PyResult<()> {
    for text in texts {
        let row = values.len();
        let Ok(number) = text.map_or(Ok(None), number_of) else {
            let text: String = text.unwrap_or_default().chars().take(60).collect();
            return Err(argument(py, &format!("{name}[{row}]"), format!("was '{text}', expected a number")));
        };
        if number.is_none() {
            nulls.push(row);
        }
        values.push(number.unwrap_or(f64::NAN));
    }
    Ok(())
}

/// Numbers of a dictionary-coded chunk.
fn coded_reals(
    py: Python<'_>,
    chunk: &ArrayRef,
    name: &str,
    values: &mut Vec<f64>,
    nulls: &mut Vec<usize>,
) -> PyResult<()> {
    let dictionary = chunk.as_any_dictionary();
    let (known, absent) = reals(py, &[ArrayRef::clone(dictionary.values())], name)?;
    let keys = if known.is_empty() { vec![0; chunk.len()] } else { dictionary.normalized_keys() };
    for (row, &key) in keys.iter().enumerate() {
        let is_null = dictionary.keys().is_null(row) || absent.binary_search(&key).is_ok();
        if is_null {
            nulls.push(values.len());
        }
        values.push(if is_null { f64::NAN } else { known.get(key).copied().unwrap_or(f64::NAN) });
    }
    Ok(())
}

fn push_reals(py: Python<'_>, chunk: &ArrayRef, name: &str, first: usize, out: &mut Vec<f64>) -> PyResult<()> {
    match chunk.data_type() {
        DataType::Float64 => widen::<Float64Type, f64>(chunk, out),
        DataType::Float32 => widen::<Float32Type, f64>(chunk, out),
        DataType::Float16 => widen::<Float16Type, f64>(chunk, out),
        DataType::Int8 => widen::<Int8Type, f64>(chunk, out),
        DataType::Int16 => widen::<Int16Type, f64>(chunk, out),
        DataType::Int32 => widen::<Int32Type, f64>(chunk, out),
        DataType::UInt8 => widen::<UInt8Type, f64>(chunk, out),
        DataType::UInt16 => widen::<UInt16Type, f64>(chunk, out),
        DataType::UInt32 => widen::<UInt32Type, f64>(chunk, out),
        DataType::Int64 => return exact::<Int64Type>(py, chunk, name, first, out, exact_i64),
        DataType::UInt64 => return exact::<UInt64Type>(py, chunk, name, first, out, exact_u64),
        DataType::Decimal128(_, _) => {
            let chunk = chunk.as_primitive::<Decimal128Type>();
            out.extend((0..chunk.len()).map(|row| decimal(chunk.is_valid(row), || chunk.value_as_string(row))));
        }
        DataType::Decimal256(_, _) => {
            let chunk = chunk.as_primitive::<Decimal256Type>();
            out.extend((0..chunk.len()).map(|row| decimal(chunk.is_valid(row), || chunk.value_as_string(row))));
        }
        DataType::Null => out.extend((0..chunk.len()).map(|_| f64::NAN)),
        _ => return Err(unreadable(py, name, chunk, "numbers")),
    }
    Ok(())
}

/// The double nearest to a decimal.
fn decimal(valid: bool, text: impl FnOnce() -> String) -> f64 {
    if valid { text().parse().unwrap_or(f64::NAN) } else { f64::NAN }
}

fn exact<T: ArrowPrimitiveType>(
    py: Python<'_>,
    chunk: &ArrayRef,
    name: &str,
    first: usize,
    out: &mut Vec<f64>,
    exact: impl Fn(T::Native) -> Option<f64>,
) -> PyResult<()>
where
    T::Native: std::fmt::Display,
{
    for (row, &x) in chunk.as_primitive::<T>().values().iter().enumerate() {
        let value = if chunk.is_null(row) { Some(f64::NAN) } else { exact(x) };
        out.push(value.ok_or_else(|| super::reals::not_exact(py, &format!("{name}[{}]", first + row), x))?);
    }
    Ok(())
}
