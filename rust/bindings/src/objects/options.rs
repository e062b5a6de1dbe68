//! Arguments that choose how a call is done.

use crossmargin::Isa;
use crossmargin::score::{Missing, Options};
use pyo3::prelude::*;
use pyo3::types::PyBool;

use crate::columns::shown;
use crate::errors::argument;

/// More threads than this are a mistake.
const MOST_THREADS: usize = 1024;
/// Says the number of threads where `n_threads` does not.
const VARIABLE: &str = "CROSSMARGIN_NUM_THREADS";

/// The number of threads asked for by argument or, failing that, by the environment; `None` leaves it to the engine.
pub(crate) fn threads(py: Python<'_>, asked: Option<&Bound<'_, PyAny>>) -> PyResult<Option<usize>> {
    const EXPECTED: &str = "expected an integer from 1 to 1024";
    let valid = |n: &usize| (1..=MOST_THREADS).contains(n);
    if let Some(asked) = asked {
        let n = if asked.is_instance_of::<PyBool>() { None } else { asked.extract::<usize>().ok().filter(valid) };
        return match n {
            Some(n) => Ok(Some(n)),
            None => Err(argument(py, "n_threads", format!("was {}, {EXPECTED}, or None", shown(asked)))),
        };
    }
    let Some(text) = std::env::var_os(VARIABLE) else { return Ok(None) };
    let text = text.to_string_lossy();
    if text.trim().is_empty() {
        return Ok(None);
    }
    match text.trim().parse::<usize>().ok().filter(valid) {
        Some(n) => Ok(Some(n)),
        None => Err(argument(py, VARIABLE, format!("was {text:?}, {EXPECTED}"))),
    }
}

/// The number of threads that a call with this `n_threads` may use; `None` where the engine chooses by the work.
#[pyfunction]
#[pyo3(signature = (n_threads=None))]
pub(crate) fn thread_count(py: Python<'_>, n_threads: Option<&Bound<'_, PyAny>>) -> PyResult<Option<usize>> {
    threads(py, n_threads)
}

/// One of few words.
pub(crate) fn choice<T: Copy>(py: Python<'_>, name: &str, word: &str, choices: &[(&str, T)]) -> PyResult<T> {
    if let Some((_, value)) = choices.iter().find(|(known, _)| *known == word) {
        return Ok(*value);
    }
    let known: Vec<String> = choices.iter().map(|(known, _)| format!("{known:?}")).collect();
    Err(argument(py, name, format!("was {word:?}, expected {}", known.join(" or "))))
}

/// What to do with missing prices.
pub(crate) fn missing(py: Python<'_>, word: &str) -> PyResult<Missing> {
    choice(py, "missing", word, &[("raise", Missing::Refuse), ("null", Missing::Null)])
}

/// A forced instruction set; one that the processor lacks is refused, so that a test of it cannot pass by another.
fn isa(py: Python<'_>, word: Option<&str>) -> PyResult<Option<Isa>> {
    let Some(word) = word else { return Ok(None) };
    let isa = choice(py, "_isa", word, &Isa::ALL.map(|isa| (isa.name(), isa)))?;
    if isa.is_available() {
        return Ok(Some(isa));
    }
    Err(argument(py, "_isa", format!("was {word:?}, which this processor does not have")))
}

/// The options of a question.
pub(crate) fn options(
    py: Python<'_>,
    missing_word: &str,
    n_threads: Option<&Bound<'_, PyAny>>,
    isa_word: Option<&str>,
    windows_per_claim: Option<usize>,
) -> PyResult<Options> {
    Ok(Options {
        missing: missing(py, missing_word)?,
        threads: threads(py, n_threads)?,
        isa: isa(py, isa_word)?,
        windows_per_claim: windows_per_claim.map(|n| n.min(1 << 20)),
        stop: Some(crate::door::is_stopped),
    })
}
