//! Arrays that results are written to: new ones, or the caller's.

use crossmargin::score::{Buffers, Column};
use numpy::{Element, PyArray1, PyArrayMethods, PyReadwriteArray1, PyUntypedArray, PyUntypedArrayMethods};
use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple};

use crate::columns::{kind_of, shown};
use crate::errors::argument;

/// The output that is a flag.
const FLAG: &str = "liquidatable";

/// The numbers that a question can be asked for; beside them there is the flag.
pub(crate) trait Figure: Copy + PartialEq + 'static {
    const ALL: &'static [Self];

    fn name(self) -> &'static str;
}

impl Figure for Column {
    const ALL: &'static [Self] = &Self::ALL;

    fn name(self) -> &'static str {
        Self::name(self)
    }
}

/// What is asked for, in order: figures, and the flag as `None`.
pub(crate) struct Outputs<'py, F> {
    pub(crate) names: Bound<'py, PyTuple>,
    columns: Vec<Option<F>>,
}

fn name_of<F: Figure>(output: Option<F>) -> &'static str {
    output.map_or(FLAG, F::name)
}

/// Names of all outputs, in order.
pub(crate) fn all_names<F: Figure>() -> Vec<&'static str> {
    F::ALL.iter().map(|&figure| figure.name()).chain([FLAG]).collect()
}

impl<'py, F: Figure> Outputs<'py, F> {
    /// Reads `outputs`: names in a sequence, one name, or `all`.
    pub(crate) fn new(outputs: &Bound<'py, PyAny>) -> PyResult<Self> {
        let py = outputs.py();
        let names = match (outputs.cast::<PyTuple>(), outputs.cast::<PyString>()) {
            (Ok(names), _) => names.clone(),
            (_, Ok(word)) if word == "all" => PyTuple::new(py, all_names::<F>())?,
            (_, Ok(name)) => PyTuple::new(py, [name])?,
            _ => {
                if let Ok(names) = outputs.try_iter() {
                    PyTuple::new(py, names.collect::<PyResult<Vec<_>>>()?)?
                } else {
                    let message = format!("was {}, expected names of outputs, or \"all\"", kind_of(outputs));
                    return Err(argument(py, "outputs", message));
                }
            }
        };
        let mut columns: Vec<Option<F>> = Vec::with_capacity(names.len());
        for name in names.iter_borrowed() {
            let column = output(&name)?;
            if columns.contains(&column) {
                return Err(argument(py, "outputs", format!("named {:?} twice", name_of(column))));
            }
            columns.push(column);
        }
        Ok(Self { names, columns })
    }
}

fn output<F: Figure>(name: &Bound<'_, PyAny>) -> PyResult<Option<F>> {
    let word = name.cast::<PyString>().ok().and_then(|word| word.to_str().ok());
    match word {
        Some(FLAG) => return Ok(None),
        Some(word) => {
            if let Some(&figure) = F::ALL.iter().find(|figure| figure.name() == word) {
                return Ok(Some(figure));
            }
        }
        None => {}
    }
    let message = format!("named {}, which is no output; there are {}", shown(name), all_names::<F>().join(", "));
    Err(argument(name.py(), "outputs", message))
}

/// One array being written to.
pub(crate) enum Target<'py, F> {
    Figure(F, PyReadwriteArray1<'py, f64>),
    Flag(PyReadwriteArray1<'py, bool>),
    Unpriced(PyReadwriteArray1<'py, bool>),
}

/// The arrays of one call.
pub(crate) struct Targets<'py, F>(pub(crate) Vec<Target<'py, F>>);

/// The arrays to write to, those that the caller gets, and flags of what is unpriced where they are wanted.
type Made<'py, F> = (Targets<'py, F>, Bound<'py, PyTuple>, Option<Bound<'py, PyAny>>);

/// New arrays for the outputs, or those in `out`; the second are what the caller gets.
pub(crate) fn targets<'py, F: Figure>(
    outputs: &Outputs<'py, F>,
    out: Option<&Bound<'py, PyAny>>,
    n_rows: usize,
    unpriced: bool,
) -> PyResult<Made<'py, F>> {
    let py = outputs.names.py();
    let mut targets = Vec::with_capacity(outputs.columns.len() + 1);
    let mut arrays = Vec::with_capacity(outputs.columns.len());
    for &column in &outputs.columns {
        let array = match (out, column) {
            (Some(out), _) => given(out, name_of(column))?,
            (None, Some(_)) => PyArray1::<f64>::zeros(py, n_rows, false).into_any(),
            (None, None) => PyArray1::<bool>::zeros(py, n_rows, false).into_any(),
        };
        targets.push(match column {
            Some(column) => Target::Figure(column, writable(&array, column.name(), "float64")?),
            None => Target::Flag(writable_flags(&array)?),
        });
        arrays.push(array);
    }
    let mut flags = None;
    if unpriced {
        let array = PyArray1::<bool>::zeros(py, n_rows, false).into_any();
        targets.push(Target::Unpriced(writable(&array, "unpriced", "bool")?));
        flags = Some(array);
    }
    let mut targets = Targets(targets);
    if out.is_some() {
        targets.check_apart(py)?;
    }
    Ok((targets, PyTuple::new(py, arrays)?, flags))
}

/// The caller's array for an output.
fn given<'py>(out: &Bound<'py, PyAny>, name: &str) -> PyResult<Bound<'py, PyAny>> {
    out.get_item(name).map_err(|_| {
        let message = format!("was {} without {name:?}, expected an array for each output", kind_of(out));
        argument(out.py(), "out", message)
    })
}

/// Borrows an array for writing, or says why it cannot be.
fn writable<'py, T: Element>(
    array: &Bound<'py, PyAny>,
    name: &str,
    dtype: &str,
) -> PyResult<PyReadwriteArray1<'py, T>> {
    let mut borrowed = borrow(array, name, dtype)?;
    match borrowed.as_slice_mut() {
        Ok(_) => Ok(borrowed),
        Err(_) => Err(refusal(array, name, dtype, "was not aligned")),
    }
}

/// Borrows the flags; NumPy lets an array of booleans hold any bytes, a slice of Rust's must not.
fn writable_flags<'py>(array: &Bound<'py, PyAny>) -> PyResult<PyReadwriteArray1<'py, bool>> {
    let borrowed = borrow::<bool>(array, FLAG, "bool")?;
    let n_bytes = borrowed.len();
    let together = if n_bytes == 0 {
        0
    } else {
        // SAFETY: `borrow` has checked that the array is contiguous, so its `n_bytes` elements of one byte each lie at
        // `data`; they are read as bytes, which need no alignment and have no invalid values; they are only read, and
        // the borrow keeps other calls from writing to them.
        #[expect(unsafe_code, reason = "only a pointer leads to the bytes of an array of booleans")]
        let bytes = unsafe { std::slice::from_raw_parts(borrowed.data().cast::<u8>(), n_bytes) };
        bytes.iter().fold(0, |together, byte| together | byte)
    };
    if together > 1 {
        let message = "held bytes that are no truth values: fill it with False";
        return Err(argument(array.py(), &format!("out[{FLAG}]"), message));
    }
    Ok(borrowed)
}

fn refusal(array: &Bound<'_, PyAny>, name: &str, dtype: &str, what: &str) -> PyErr {
    let message = format!("{what}, expected a writable C-contiguous {dtype} array of one dimension");
    argument(array.py(), &format!("out[{name}]"), message)
}

/// Borrows an array of the right type and layout, whatever its elements hold.
fn borrow<'py, T: Element>(array: &Bound<'py, PyAny>, name: &str, dtype: &str) -> PyResult<PyReadwriteArray1<'py, T>> {
    let refuse = |what: &str| refusal(array, name, dtype, what);
    let Ok(array) = array.cast::<PyArray1<T>>() else {
        let what = array.cast::<PyUntypedArray>().map_or_else(
            |_| format!("was {}", kind_of(array)),
            |array| format!("had dtype {} and {} dimensions", array.dtype(), array.ndim()),
        );
        return Err(refuse(&what));
    };
    if !array.is_c_contiguous() {
        return Err(refuse("was not contiguous"));
    }
    array.try_readwrite().map_err(|error| match error {
        numpy::BorrowError::AlreadyBorrowed => refuse("was given twice, or is in use by another call"),
        _ => refuse("was read-only"),
    })
}

impl<F: Figure> Targets<'_, F> {
    /// Refuses arrays that share memory: their figures would overwrite each other.
    fn check_apart(&mut self, py: Python<'_>) -> PyResult<()> {
        let mut ranges: Vec<(usize, usize, &'static str)> = Vec::with_capacity(self.0.len());
        for target in &mut self.0 {
            let (start, bytes, name) = match target {
                Target::Figure(column, array) => place(array, column.name()),
                Target::Flag(array) => place(array, FLAG),
                Target::Unpriced(array) => place(array, "unpriced"),
            };
            for (other_start, other_bytes, other) in &ranges {
                if start < other_start + other_bytes && *other_start < start + bytes {
                    return Err(argument(py, &format!("out[{name}]"), format!("shares memory with out[{other}]")));
                }
            }
            ranges.push((start, bytes, name));
        }
        Ok(())
    }
}

impl Targets<'_, Column> {
    /// The arrays as the buffers of scoring.
    pub(crate) fn as_buffers(&mut self) -> Buffers<'_> {
        let mut buffers = Buffers::default();
        for target in &mut self.0 {
            match target {
                Target::Figure(column, array) => {
                    buffers.columns.push((*column, array.as_slice_mut().unwrap_or_default()));
                }
                Target::Flag(array) => buffers.liquidatable = array.as_slice_mut().ok(),
                Target::Unpriced(array) => buffers.unpriced = array.as_slice_mut().ok(),
            }
        }
        buffers
    }
}

fn place<T: Element>(array: &PyReadwriteArray1<'_, T>, name: &'static str) -> (usize, usize, &'static str) {
    (array.data().addr(), array.len() * size_of::<T>(), name)
}
