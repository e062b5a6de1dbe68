//! The one door between Python and the engine.
//!
//! Nothing else releases the interpreter's lock, catches panics, or turns an engine's error into an exception.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crossmargin::Result;
use pyo3::prelude::*;

use crate::errors;

/// Calls the engine without the interpreter's lock, then looks whether Ctrl-C was pressed.
///
/// A panic becomes `InternalError`: kernels read immutable views, so nothing is left half changed but the caller's own
/// output buffers.
pub(crate) fn through<T: Send>(py: Python<'_>, work: impl FnOnce() -> Result<T> + Send) -> PyResult<T> {
    #[expect(clippy::disallowed_methods, reason = "this is the door")]
    let outcome = py.detach(|| catch_unwind(AssertUnwindSafe(work)));
    match outcome {
        Ok(Ok(value)) => {
            py.check_signals()?;
            Ok(value)
        }
        Ok(Err(error)) => Err(errors::raise(py, error)),
        Err(panic) => Err(errors::internal(py, panic.as_ref())),
    }
}

/// Runs what must hold the lock and calls code that is not ours to trust with malformed data.
pub(crate) fn guarded<T>(py: Python<'_>, work: impl FnOnce() -> PyResult<T>) -> PyResult<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| Err(errors::internal(py, panic.as_ref())))
}
