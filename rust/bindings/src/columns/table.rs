//! A table taken apart into named columns, whose names are checked.

use arrow_array::ArrayRef;
use numpy::PyUntypedArray;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyMapping};

use super::{KeyColumn, Named, Raw, RealColumn, TextColumn, arrow, arrow_chunks, flags, scalars};
use crate::errors::argument;

/// The columns that a table has.
pub(crate) struct Schema {
    /// Name of the table.
    pub(crate) name: &'static str,
    /// Columns that must be there.
    pub(crate) required: &'static [&'static str],
    /// Columns that may be there.
    pub(crate) optional: &'static [&'static str],
    /// Columns that have a meaning which this version does not compute, and what they will say.
    pub(crate) later: &'static [(&'static str, &'static str)],
}

/// A column that is not looked at yet.
enum Unread<'py> {
    Object(Bound<'py, PyAny>),
    Arrow(Vec<ArrayRef>),
}

/// The columns of one table.
pub(crate) struct Table<'py> {
    py: Python<'py>,
    schema: &'static Schema,
    columns: Vec<(String, Unread<'py>)>,
    /// A table without columns: one of no rows.
    empty: bool,
}

impl<'py> Table<'py> {
    /// Takes a table apart: a mapping of columns, an object that exports Arrow, or a structured array.
    pub(crate) fn new(object: &Bound<'py, PyAny>, schema: &'static Schema) -> PyResult<Self> {
        let py = object.py();
        let columns = if object.is_none() { Vec::new() } else { columns_of(object, schema.name)? };
        let table = Self { py, schema, empty: columns.is_empty(), columns };
        table.check_names()?;
        Ok(table)
    }

    fn check_names(&self) -> PyResult<()> {
        let Schema { name: table, required, optional, later } = self.schema;
        let mut seen: Vec<&str> = Vec::with_capacity(self.columns.len());
        for (name, _) in &self.columns {
            let name = name.as_str();
            let place = format!("{table}.{name}");
            if seen.contains(&name) {
                return Err(argument(self.py, &place, "came twice; give each column once"));
            }
            seen.push(name);
            if let Some((_, what)) = later.iter().find(|(known, _)| *known == name) {
                let message = format!("is not read by this version; it will say {what}: leave the column out");
                return Err(argument(self.py, &place, message));
            }
            let known = || required.iter().chain(*optional);
            if !known().any(|known| *known == name) {
                let all = known().copied().collect::<Vec<_>>().join(", ");
                let guess =
                    closest(name, known().copied()).map_or_else(String::new, |at| format!("did you mean {at}? "));
                return Err(argument(self.py, &place, format!("is no column of this table; {guess}it has {all}")));
            }
        }
        match required.iter().find(|name| !seen.contains(name)) {
            Some(absent) if !self.empty => {
                let message = format!("is missing; {table} needs {}", required.join(", "));
                Err(argument(self.py, &format!("{table}.{absent}"), message))
            }
            _ => Ok(()),
        }
    }

    fn take(&mut self, name: &str) -> PyResult<Option<Named<'py>>> {
        let Some(at) = self.columns.iter().position(|(column, _)| column == name) else { return Ok(None) };
        let place = format!("{}.{name}", self.schema.name);
        let raw = match self.columns.swap_remove(at).1 {
            Unread::Object(object) => Raw::new(&object, &place)?,
            Unread::Arrow(chunks) => Raw::Arrow(chunks),
        };
        Ok(Some((raw, place)))
    }

    /// A column of integers or names.
    pub(crate) fn keys(&mut self, name: &str) -> PyResult<KeyColumn<'py>> {
        self.take(name)?.map_or_else(|| Ok(KeyColumn::default()), |(raw, place)| KeyColumn::new(self.py, raw, &place))
    }

    /// A column of integers or names that may be absent.
    pub(crate) fn optional_keys(&mut self, name: &str) -> PyResult<Option<KeyColumn<'py>>> {
        self.take(name)?.map(|(raw, place)| KeyColumn::new(self.py, raw, &place)).transpose()
    }

    /// The `account` columns of tables, coded alike.
    pub(crate) fn accounts<const N: usize>(py: Python<'py>, tables: [&mut Self; N]) -> PyResult<[KeyColumn<'py>; N]> {
        let mut columns = [const { None }; N];
        for (column, table) in columns.iter_mut().zip(tables) {
            *column = table.take("account")?;
        }
        KeyColumn::alike(py, columns)
    }

    /// A column of numbers that must be there.
    pub(crate) fn reals(&mut self, name: &str) -> PyResult<RealColumn<'py>> {
        Ok(self.optional_reals(name)?.unwrap_or_default())
    }

    /// A column of numbers.
    pub(crate) fn optional_reals(&mut self, name: &str) -> PyResult<Option<RealColumn<'py>>> {
        self.take(name)?.map(|(raw, place)| RealColumn::new(self.py, raw, &place)).transpose()
    }

    /// A column of numbers, 0 where a row has none.
    pub(crate) fn reals_or_zero(&mut self, name: &str) -> PyResult<Option<RealColumn<'py>>> {
        Ok(self.optional_reals(name)?.map(RealColumn::or_zero))
    }

    /// A column of truth values, false where a row has none.
    pub(crate) fn optional_flags(&mut self, name: &str) -> PyResult<Option<Vec<bool>>> {
        self.take(name)?.map(|(raw, place)| flags::read(self.py, raw, &place)).transpose()
    }

    /// A column of names.
    pub(crate) fn optional_names(&mut self, name: &str) -> PyResult<Option<TextColumn>> {
        self.take(name)?.map(|(raw, place)| TextColumn::new(self.py, raw, &place)).transpose()
    }
}

fn columns_of<'py>(object: &Bound<'py, PyAny>, name: &str) -> PyResult<Vec<(String, Unread<'py>)>> {
    let py = object.py();
    if let Ok(dict) = object.cast::<PyDict>() {
        return dict.iter().map(|(key, column)| Ok((name_of(&key, name)?, Unread::Object(column)))).collect();
    }
    if let Some(chunks) = arrow_chunks(object, name)? {
        let columns = arrow::columns(py, &chunks, name)?;
        return Ok(columns.into_iter().map(|(column, chunks)| (column, Unread::Arrow(chunks))).collect());
    }
    let keys = if object.cast::<PyMapping>().is_ok() || object.hasattr(intern!(py, "keys"))? {
        object.call_method0(intern!(py, "keys"))?
    } else if object.cast::<PyUntypedArray>().is_ok() {
        object.getattr(intern!(py, "dtype"))?.getattr(intern!(py, "names"))?
    } else {
        py.None().into_bound(py)
    };
    if keys.is_none() {
        let expected = "expected a table: a dict of columns, a list of dicts, or anything that exports Arrow";
        return Err(argument(py, name, format!("was {}, {expected}", scalars::kind_of(object))));
    }
    let mut columns = Vec::new();
    for key in keys.try_iter()? {
        let key = key?;
        columns.push((name_of(&key, name)?, Unread::Object(object.get_item(&key)?)));
    }
    Ok(columns)
}

fn name_of(key: &Bound<'_, PyAny>, table: &str) -> PyResult<String> {
    key.extract::<String>().map_err(|_| {
        let message = format!("had a column named {}, expected names of columns as text", scalars::shown(key));
        argument(key.py(), table, message)
    })
}

/// The name that was likely meant.
fn closest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let part = |known: &str| !name.is_empty() && (known.contains(name) || name.contains(known));
    let near = known.map(|known| if part(known) { (0, known) } else { (distance(known, name), known) }).min();
    near.filter(|(letters, _)| *letters <= 1 + name.len() / 3).map(|(_, known)| known)
}

/// How many letters must change to make one word of the other.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().take(64).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, &y) in b.iter().enumerate() {
            let changed = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row.last().copied().unwrap_or_default()
}
