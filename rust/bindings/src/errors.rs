//! Engine errors as the exceptions of `crossmargin.errors`.

use crossmargin::Error;
use crossmargin::error::BookFaults;
use pyo3::call::PyCallArgs;
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// Makes an exception of a class of `crossmargin.errors`; looked up each time, since errors are rare.
fn exception<'py>(py: Python<'py>, class: &str, args: impl PyCallArgs<'py>) -> PyErr {
    let make = || py.import("crossmargin.errors")?.getattr(class)?.call1(args);
    make().map_or_else(|error| error, PyErr::from_value)
}

/// The exception of an engine's error, with the engine's text.
#[cold]
pub(crate) fn raise(py: Python<'_>, error: Error) -> PyErr {
    let text = error.to_string();
    match error {
        Error::Market(_) => exception(py, "MarketError", (text,)),
        Error::Book(faults) => match fault_columns(py, &faults) {
            Ok(columns) => exception(py, "BookError", (text, columns, faults.n_faults)),
            Err(error) => error,
        },
        Error::Price(_) => exception(py, "PriceError", (text,)),
        Error::MissingPrice(missing) => {
            exception(py, "MissingPriceError", (text, missing.instruments, missing.last, missing.assets))
        }
        Error::Snapshot(_) => exception(py, "SnapshotError", (text,)),
        Error::Argument(_) => exception(py, "ArgumentError", (text,)),
        _ => exception(py, "InternalError", (format!("the engine failed in a way unknown to the bindings: {text}"),)),
    }
}

/// The faults of a book as columns, in the order of their table.
pub(crate) fn fault_columns<'py>(py: Python<'py>, faults: &BookFaults) -> PyResult<Bound<'py, PyDict>> {
    let columns = PyDict::new(py);
    let faults = &faults.faults;
    columns.set_item("table", faults.iter().map(|fault| fault.table).collect::<Vec<_>>())?;
    columns.set_item("row", faults.iter().map(|fault| fault.row).collect::<Vec<_>>())?;
    columns.set_item("column", faults.iter().map(|fault| fault.column).collect::<Vec<_>>())?;
    columns.set_item("value", faults.iter().map(|fault| fault.value.as_str()).collect::<Vec<_>>())?;
    columns.set_item("kind", faults.iter().map(|fault| fault.kind.name()).collect::<Vec<_>>())?;
    columns.set_item("cure", faults.iter().map(|fault| fault.cure.as_str()).collect::<Vec<_>>())?;
    Ok(columns)
}

/// The exception of a malformed argument.
#[cold]
pub(crate) fn argument(py: Python<'_>, name: &str, message: impl Into<String>) -> PyErr {
    raise(py, Error::argument(name, message))
}

/// The exception of a panic: a bug of this package.
#[cold]
pub(crate) fn internal(py: Python<'_>, said: &str) -> PyErr {
    exception(py, "InternalError", (format!("this is a bug of crossmargin, please report it: {said}"),))
}
