//! One table with a row per account, whose lists of structs are the tables of the accounts.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::UInt32Type;
use arrow_array::{Array, ArrayRef, DictionaryArray, Int64Array, UInt32Array, make_array};
use arrow_data::transform::MutableArrayData;
use arrow_schema::DataType;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::{arrow, arrow_chunks, scalars};
use crate::door::guarded;
use crate::errors::argument;

/// What messages call the table.
const NAME: &str = "nested";
/// The tables that a row may hold lists of.
const TABLES: [&str; 4] = ["balances", "positions", "orders", "settings"];

/// A column of Arrow, passed from one call to another.
#[pyclass(frozen, module = "crossmargin._core")]
pub(crate) struct ArrowColumn(pub(super) Vec<ArrayRef>);

/// Takes a nested table apart: columns of each table by its name; what is no list is of `accounts`.
#[pyfunction]
pub(crate) fn unnest<'py>(py: Python<'py>, table: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyDict>> {
    guarded(py, || {
        let Some(chunks) = arrow_chunks(table, NAME)? else {
            let expected = "expected a table with a row per account: a list of dicts, or anything that exports Arrow";
            return Err(argument(py, NAME, format!("was {}, {expected}", scalars::kind_of(table))));
        };
        let mut columns = arrow::columns(py, &chunks, NAME)?;
        let Some(at) = columns.iter().position(|(name, _)| name == "account") else {
            return Err(argument(py, &format!("{NAME}.account"), "is missing; every row needs the key of its account"));
        };
        let (_, account) = columns.remove(at);
        let tables = PyDict::new(py);
        let of_accounts = PyDict::new(py);
        for (name, chunks) in columns {
            if TABLES.contains(&name.as_str()) {
                tables.set_item(&name, flattened(py, &name, &account, &chunks)?)?;
            } else {
                of_accounts.set_item(name, Py::new(py, ArrowColumn(chunks))?)?;
            }
        }
        if !of_accounts.is_empty() {
            of_accounts.set_item("account", Py::new(py, ArrowColumn(account))?)?;
            tables.set_item("accounts", of_accounts)?;
        }
        Ok(tables)
    })
}

/// The columns of the structs in lists, with the account of the row that each is from.
fn flattened<'py>(
    py: Python<'py>,
    name: &str,
    account: &[ArrayRef],
    lists: &[ArrayRef],
) -> PyResult<Bound<'py, PyDict>> {
    let place = format!("{NAME}.{name}");
    let mut accounts = Vec::with_capacity(lists.len());
    let mut structs = Vec::with_capacity(lists.len());
    for (keys, lists) in account.iter().zip(lists) {
        if lists.data_type() == &DataType::Null {
            continue; // no row has a list
        }
        let (rows, ends) = rows_of(py, lists, &place)?;
        if rows.is_empty() {
            continue;
        }
        accounts.push(repeated(py, keys, &ends)?);
        structs.push(rows);
    }
    let columns = PyDict::new(py);
    for (column, chunks) in arrow::columns(py, &structs, &place)? {
        if column == "account" {
            return Err(argument(
                py,
                &format!("{place}.account"),
                "is said once, for the row; leave it out of the list",
            ));
        }
        columns.set_item(column, Py::new(py, ArrowColumn(chunks))?)?;
    }
    if !structs.is_empty() {
        columns.set_item("account", Py::new(py, ArrowColumn(accounts))?)?;
    }
    Ok(columns)
}

/// The elements of lists one after the other, and where those of each list end.
fn rows_of(py: Python<'_>, lists: &ArrayRef, place: &str) -> PyResult<(ArrayRef, Vec<usize>)> {
    let (values, bounds) = match lists.data_type() {
        DataType::List(_) => {
            let lists = lists.as_list::<i32>();
            let bounds = lists.value_offsets().windows(2).map(|ends| (index(ends[0]), index(ends[1])));
            (ArrayRef::clone(lists.values()), bounds.collect::<Vec<_>>())
        }
        DataType::LargeList(_) => {
            let lists = lists.as_list::<i64>();
            let bounds = lists.value_offsets().windows(2).map(|ends| (index(ends[0]), index(ends[1])));
            (ArrayRef::clone(lists.values()), bounds.collect())
        }
        DataType::FixedSizeList(_, _) => {
            let lists = lists.as_fixed_size_list();
            let bounds =
                (0..lists.len()).map(|row| (index(lists.value_offset_at(row)), index(lists.value_offset_at(row + 1))));
            (ArrayRef::clone(lists.values()), bounds.collect())
        }
        other => return Err(argument(py, place, format!("had Arrow type {other}, expected lists of structs"))),
    };
    // A list that is null has no rows, whatever its bounds say.
    let none = |row: usize| lists.is_null(row);
    let bounds: Vec<(usize, usize)> = bounds
        .into_iter()
        .enumerate()
        .map(|(row, (start, end))| (start, if none(row) { start } else { end }))
        .collect();
    let mut n = 0;
    let ends = bounds.iter().map(|(start, end)| {
        n += end - start;
        n
    });
    let ends: Vec<usize> = ends.collect();
    let first = bounds.first().map_or(0, |bound| bound.0);
    if bounds.windows(2).all(|pair| pair[0].1 == pair[1].0) {
        return Ok((values.slice(first, n), ends));
    }
    let data = values.to_data();
    let mut kept = MutableArrayData::new(vec![&data], false, n);
    for (start, end) in bounds {
        kept.try_extend(0, start, end).map_err(|error| argument(py, place, error.to_string()))?;
    }
    Ok((make_array(kept.freeze()), ends))
}

/// A checked offset.
fn index<T: TryInto<usize>>(offset: T) -> usize {
    offset.try_into().unwrap_or_default()
}

/// Keys of rows, each as often as its list is long.
fn repeated(py: Python<'_>, keys: &ArrayRef, ends: &[usize]) -> PyResult<ArrayRef> {
    let mut start = 0;
    let lengths = ends.iter().map(|&end| end - std::mem::replace(&mut start, end));
    let lengths: Vec<usize> = lengths.collect();
    if let Some(ints) = arrow::ints(py, std::slice::from_ref(keys), "nested.account")? {
        let all = ints.iter().zip(&lengths).flat_map(|(&key, &n)| std::iter::repeat_n(key, n));
        return Ok(Arc::new(all.collect::<Int64Array>()));
    }
    let rows = (0_u32..).zip(&lengths).flat_map(|(row, &n)| std::iter::repeat_n(row, n));
    let rows: UInt32Array = rows.collect();
    let coded = DictionaryArray::<UInt32Type>::try_new(rows, ArrayRef::clone(keys));
    Ok(Arc::new(coded.map_err(|error| argument(py, "nested.account", error.to_string()))?))
}
