//! The one door between Python and the engine.
//!
//! Nothing else releases the interpreter's lock, catches panics, or turns an engine's error into an exception.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use crossmargin::{Error, Result};
use pyo3::prelude::*;

use crate::errors;

/// Calls the engine without the interpreter's lock, then looks whether Ctrl-C was pressed.
///
/// A panic becomes `InternalError`: kernels read immutable views, so nothing is left half changed but the caller's own
/// output buffers.
pub(crate) fn through<T: Send>(py: Python<'_>, work: impl FnOnce() -> Result<T> + Send) -> PyResult<T> {
    LOOKED.set(Some(Instant::now()));
    #[expect(clippy::disallowed_methods, reason = "this is the door")]
    let outcome = py.detach(|| caught(work));
    LOOKED.set(None);
    match outcome {
        Ok(Ok(value)) => {
            py.check_signals()?;
            Ok(value)
        }
        Ok(Err(Error::Stopped)) => Err(PRESSED.take().unwrap_or_else(|| errors::raise(py, Error::Stopped))),
        Ok(Err(error)) => Err(errors::raise(py, error)),
        Err(said) => Err(errors::internal(py, &said)),
    }
}

/// How long a call may go on without looking whether Ctrl-C was pressed.
const SELDOM: Duration = Duration::from_millis(40);

thread_local! {
    /// When the call of this thread last looked; `None` in threads that made none.
    static LOOKED: Cell<Option<Instant>> = const { Cell::new(None) };
    /// What pressing it raised.
    static PRESSED: RefCell<Option<PyErr>> = const { RefCell::new(None) };
}

/// Whether Ctrl-C was pressed since the call of this thread last looked; it looks every now and then.
pub(crate) fn is_stopped() -> bool {
    if LOOKED.get().is_none_or(|at| at.elapsed() < SELDOM) {
        return false;
    }
    let pressed = Python::attach(|py| {
        let looked = py.check_signals();
        looked.err()
    });
    LOOKED.set(Some(Instant::now()));
    let stopped = pressed.is_some();
    PRESSED.set(pressed);
    stopped
}

/// Runs what must hold the lock while it reads data that others made; a panic becomes `InternalError`.
pub(crate) fn guarded<T>(py: Python<'_>, work: impl FnOnce() -> PyResult<T>) -> PyResult<T> {
    caught(work).unwrap_or_else(|said| Err(errors::internal(py, &said)))
}

/// Runs what may panic on data that others made; the error is what it said.
pub(crate) fn caught<T>(work: impl FnOnce() -> T) -> std::result::Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| text_of(panic.as_ref()))
}

/// What a panic said.
fn text_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default()
}
