//! Columns of keys: integers as they are, names by code.

use std::sync::Arc;

use arrow_buffer::ScalarBuffer;
use crossmargin::book::{Keys, TextKeys};
use numpy::{PyArray1, PyArrayDescrMethods, PyArrayMethods, PyReadonlyArray1, PyUntypedArray, PyUntypedArrayMethods};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyList;

use super::coder::{Coder, Names};
use super::{Named, Raw, arrow, scalars};
use crate::errors::argument;

/// A column of integers or names.
pub(crate) enum KeyColumn<'py> {
    Borrowed(PyReadonlyArray1<'py, i64>),
    Ints(Vec<i64>),
    Arrow(ScalarBuffer<i64>),
    Text(Vec<u32>, Arc<Names>),
}

/// A column of keys that no longer needs what it was read from.
#[derive(Clone)]
pub(crate) enum OwnedKeys {
    Ints(Vec<i64>),
    Text(Vec<u32>, Arc<Names>),
}

impl Default for OwnedKeys {
    fn default() -> Self {
        Self::Ints(Vec::new())
    }
}

impl OwnedKeys {
    /// A copy of keys; names must be distinct.
    pub(crate) fn of(keys: &Keys<'_>) -> Self {
        match keys {
            Keys::Int(keys) => Self::Ints(keys.to_vec()),
            Keys::Text(keys) => Self::Text(keys.codes.to_vec(), Arc::new(Names::of(keys.names))),
        }
    }

    /// A column of names, row by row.
    pub(crate) fn of_names<'a>(rows: impl Iterator<Item = Option<&'a str>>) -> Self {
        let TextColumn { codes, names } = TextColumn::of_names(rows);
        Self::Text(codes, names)
    }

    pub(crate) fn as_keys(&self) -> Keys<'_> {
        match self {
            Self::Ints(keys) => Keys::Int(keys),
            Self::Text(codes, names) => Keys::Text(TextKeys { codes, names: names.as_slice() }),
        }
    }
}

/// A column of names.
#[derive(Default, Clone)]
pub(crate) struct TextColumn {
    codes: Vec<u32>,
    names: Arc<Names>,
}

/// What a column turned out to hold; codes are those of the names that it was read with.
enum Read<'py> {
    Ints(KeyColumn<'py>),
    Codes(Vec<u32>),
}

impl Default for KeyColumn<'_> {
    fn default() -> Self {
        Self::Ints(Vec::new())
    }
}

impl TextColumn {
    /// A copy of names, which must be distinct.
    pub(crate) fn of(keys: TextKeys<'_>) -> Self {
        Self { codes: keys.codes.to_vec(), names: Arc::new(Names::of(keys.names)) }
    }

    /// Names, row by row.
    pub(crate) fn of_names<'a>(rows: impl Iterator<Item = Option<&'a str>>) -> Self {
        let mut names = Names::default();
        let mut coder = Coder::new(&mut names, rows.size_hint().0);
        rows.for_each(|name| match name {
            Some(name) => coder.push(name),
            None => coder.push_null(),
        });
        Self { codes: coder.codes, names: Arc::new(names) }
    }

    pub(crate) fn as_keys(&self) -> TextKeys<'_> {
        TextKeys { codes: &self.codes, names: self.names.as_slice() }
    }

    /// Reads a column that must hold names.
    pub(crate) fn new(py: Python<'_>, raw: Raw<'_>, name: &str) -> PyResult<Self> {
        match KeyColumn::new(py, raw, name)? {
            KeyColumn::Text(codes, names) => Ok(Self { codes, names }),
            other if other.as_keys().is_empty() => Ok(Self::default()),
            _ => Err(argument(py, name, "had integers, expected names")),
        }
    }
}

impl<'py> KeyColumn<'py> {
    pub(crate) fn as_keys(&self) -> Keys<'_> {
        match self {
            // Contiguity was checked when it was borrowed.
            Self::Borrowed(array) => Keys::Int(array.as_slice().unwrap_or_default()),
            Self::Ints(keys) => Keys::Int(keys),
            Self::Arrow(keys) => Keys::Int(keys),
            Self::Text(codes, names) => Keys::Text(TextKeys { codes, names: names.as_slice() }),
        }
    }

    /// A copy of the keys; names are shared.
    pub(crate) fn owned(&self) -> OwnedKeys {
        match self {
            Self::Text(codes, names) => OwnedKeys::Text(codes.clone(), Arc::clone(names)),
            other => match other.as_keys() {
                Keys::Int(keys) => OwnedKeys::Ints(keys.to_vec()),
                Keys::Text(_) => OwnedKeys::default(),
            },
        }
    }

    /// Reads a column; `name` is `table.column`, for messages.
    pub(crate) fn new(py: Python<'py>, raw: Raw<'py>, name: &str) -> PyResult<Self> {
        let mut names = Names::default();
        let read = Self::read(py, raw, name, &mut names)?;
        Ok(Self::with_names(read, &Arc::new(names)))
    }

    /// Reads columns of the same keys, each of another table: those that hold names with one set of codes.
    ///
    /// An empty column holds what the others hold, so that a table without rows does not make two kinds of one.
    pub(crate) fn alike<const N: usize>(py: Python<'py>, columns: [Option<Named<'py>>; N]) -> PyResult<[Self; N]> {
        let mut names = Names::default();
        let mut reads = Vec::with_capacity(N);
        for column in columns {
            reads.push(match column {
                Some((raw, name)) => Self::read(py, raw, &name, &mut names)?,
                None => Read::Ints(Self::default()),
            });
        }
        let named = reads.iter().any(|read| matches!(read, Read::Codes(_)));
        let names = Arc::new(names);
        let mut reads = reads.into_iter();
        Ok(std::array::from_fn(|_| match reads.next() {
            Some(Read::Ints(column)) if named && column.as_keys().is_empty() => {
                Self::Text(Vec::new(), Arc::clone(&names))
            }
            Some(read) => Self::with_names(read, &names),
            None => Self::default(),
        }))
    }

    fn with_names(read: Read<'py>, names: &Arc<Names>) -> Self {
        match read {
            Read::Ints(column) => column,
            Read::Codes(codes) => Self::Text(codes, Arc::clone(names)),
        }
    }

    fn read(py: Python<'py>, raw: Raw<'py>, name: &str, names: &mut Names) -> PyResult<Read<'py>> {
        match raw {
            Raw::Array(array) => Self::from_array(&array, name, names),
            Raw::List(list) => Self::from_list(&list, name, names),
            Raw::Arrow(chunks) => match arrow::ints(py, &chunks, name)? {
                Some(keys) => Ok(Read::Ints(Self::Arrow(keys))),
                None => arrow::names(py, &chunks, name, names).map(Read::Codes),
            },
        }
    }

    fn from_array(array: &Bound<'py, PyUntypedArray>, name: &str, names: &mut Names) -> PyResult<Read<'py>> {
        let py = array.py();
        match array.dtype().kind() {
            b'i' => {
                let borrowed = super::reals::borrow::<i64>(array);
                let keys = borrowed.map_or_else(|| super::reals::converted::<i64>(array, "int64"), Ok)?;
                Ok(Read::Ints(Self::Borrowed(keys)))
            }
            b'u' => {
                let wide = super::reals::converted::<u64>(array, "uint64")?;
                let narrow = |(row, &key): (usize, &u64)| {
                    i64::try_from(key).map_err(|_| beyond_i64(py, &format!("{name}[{row}]"), key))
                };
                let keys = wide.as_slice()?.iter().enumerate().map(narrow).collect::<PyResult<_>>()?;
                Ok(Read::Ints(Self::Ints(keys)))
            }
            b'U' => fixed_text(array, name, names).map(Read::Codes),
            b'O' | b'T' => {
                let list = array.call_method0(intern!(py, "tolist"))?.cast_into::<PyList>()?;
                Self::from_list(&list, name, names)
            }
            _ if array.is_empty() => Ok(Read::Ints(Self::default())),
            _ => {
                let message = format!("had dtype {}, expected integers or names", array.dtype());
                Err(argument(py, name, message))
            }
        }
    }

    fn from_list(list: &Bound<'py, PyList>, name: &str, names: &mut Names) -> PyResult<Read<'py>> {
        let rows = list.len();
        let mut ints = Vec::new();
        let mut coder = Coder::new(names, 0);
        let (mut first_null, mut named) = (None, false);
        let mut previous: Option<Bound<'py, PyAny>> = None;
        for (row, object) in list.iter().enumerate() {
            if named && previous.as_ref().is_some_and(|previous| previous.is(&object)) {
                coder.repeat();
                continue;
            }
            let place = || format!("{name}[{row}]");
            match scalars::key(&object, place)? {
                scalars::Key::Int(key) if !named => ints.push(key),
                scalars::Key::Name(text) if ints.is_empty() => {
                    coder.push(scalars::text(text, place)?);
                    named = true;
                }
                scalars::Key::Null if ints.is_empty() => {
                    first_null.get_or_insert(row);
                    coder.push_null();
                    previous = None;
                    continue;
                }
                scalars::Key::Null => return Err(null_in_integers(list.py(), name, row)),
                _ => {
                    let what = scalars::shown(&object);
                    let message = format!("was {what}, expected integers in all rows or names in all");
                    return Err(argument(list.py(), &place(), message));
                }
            }
            previous = Some(object);
        }
        match first_null {
            Some(row) if !ints.is_empty() => Err(null_in_integers(list.py(), name, row)),
            _ if ints.len() == rows => Ok(Read::Ints(Self::Ints(ints))),
            _ => Ok(Read::Codes(coder.codes)),
        }
    }
}

#[cold]
pub(super) fn beyond_i64(py: Python<'_>, place: &str, key: u64) -> PyErr {
    argument(py, place, format!("was {key}, expected at most 9223372036854775807: give such keys as text"))
}

#[cold]
pub(super) fn null_in_integers(py: Python<'_>, name: &str, row: usize) -> PyErr {
    argument(py, &format!("{name}[{row}]"), "was null among integers: give every row a key")
}

/// Names of a NumPy array of fixed width: four bytes a character, padded with zeros.
fn fixed_text(array: &Bound<'_, PyUntypedArray>, name: &str, names: &mut Names) -> PyResult<Vec<u32>> {
    let py = array.py();
    let rows = array.len();
    let width = array.dtype().itemsize() / 4;
    let mut coder = Coder::new(names, rows);
    if width == 0 || rows == 0 {
        (0..rows).for_each(|_| coder.push(""));
        return Ok(coder.codes);
    }
    let native = array.dtype().call_method1(intern!(py, "newbyteorder"), (intern!(py, "="),))?;
    let numpy = py.import(intern!(py, "numpy"))?;
    let contiguous = numpy.call_method1(intern!(py, "ascontiguousarray"), (array, native))?;
    let points = contiguous.call_method1(intern!(py, "view"), (intern!(py, "uint32"),))?;
    let points: PyReadonlyArray1<'_, u32> = points.cast::<PyArray1<u32>>()?.try_readonly()?;
    let points = points.as_slice()?;
    let mut text = String::new();
    let mut previous: &[u32] = &[];
    for (row, padded) in points.chunks_exact(width).enumerate() {
        if row > 0 && padded == previous {
            coder.repeat();
            continue;
        }
        previous = padded;
        let end = padded.iter().rposition(|&point| point != 0).map_or(0, |last| last + 1);
        text.clear();
        for &point in &padded[..end] {
            let place = || argument(py, &format!("{name}[{row}]"), "was no valid text");
            text.push(char::from_u32(point).ok_or_else(place)?);
        }
        coder.push(&text);
    }
    Ok(coder.codes)
}
