//! The question why: the terms of a pool's figures.

use crossmargin::explain::{Term, Token, Unit, explain as terms_of};
use crossmargin::market::Instrument;
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyTuple};

use super::book::{Book, SIDES, market_names};
use super::prices::Prices;
use super::scoring::check_market;
use crate::door::through;

/// The terms of a pool's figures, a list for each of their attributes.
///
/// A formula is a list of symbols (text), places of terms (integers), and pairs of a word and a number.
#[pyfunction]
pub(crate) fn explain<'py>(py: Python<'py>, book: &Book, prices: &Prices, pool: usize) -> PyResult<Bound<'py, PyDict>> {
    check_market(py, book, prices)?;
    let terms = through(py, || terms_of(&book.engine, &prices.prices, pool))?;
    let (assets, instruments) = market_names(book.engine.market());
    let quotes: Vec<&str> = book.engine.market().instruments().iter().map(Instrument::quote).collect();
    let name = |names: &[&str], at: usize| names.get(at).map(|&name| name.to_owned());
    let unit = |term: &Term| match term.unit {
        Unit::None => None,
        Unit::Asset(asset) => name(&assets, asset),
        Unit::Quote(instrument) => name(&quotes, instrument),
        Unit::Contracts => Some("contracts".to_owned()),
    };
    let formulas = terms.iter().map(|term| formula(py, &term.formula)).collect::<PyResult<Vec<_>>>()?;
    let columns = PyDict::new(py);
    columns.set_item("term", column(&terms, |term| term.word))?;
    columns.set_item("constraint", column(&terms, |term| term.constraint.clone()))?;
    columns.set_item("level", column(&terms, |term| term.level))?;
    columns.set_item("parent", column(&terms, |term| term.parent))?;
    columns.set_item("value", column(&terms, |term| term.value))?;
    columns.set_item("formula", formulas)?;
    columns.set_item("unit", column(&terms, unit))?;
    columns.set_item("asset", column(&terms, |term| term.asset.and_then(|at| name(&assets, at))))?;
    columns.set_item("instrument", column(&terms, |term| term.instrument.and_then(|at| name(&instruments, at))))?;
    columns.set_item("side", column(&terms, |term| term.side.map(|side| SIDES[usize::from(side as u8)])))?;
    columns.set_item("position", column(&terms, |term| term.position))?;
    columns.set_item("rule", column(&terms, |term| term.rule.clone()))?;
    columns.set_item("repeats", column(&terms, |term| term.repeats))?;
    Ok(columns)
}

fn column<T>(terms: &[Term], of: impl Fn(&Term) -> T) -> Vec<T> {
    terms.iter().map(of).collect()
}

fn formula<'py>(py: Python<'py>, tokens: &[Token]) -> PyResult<Bound<'py, PyList>> {
    let token = |token: &Token| match token {
        Token::Term(at) => at.into_bound_py_any(py),
        Token::Number { word, value } => {
            Ok(PyTuple::new(py, [word.into_bound_py_any(py)?, value.into_bound_py_any(py)?])?.into_any())
        }
        Token::Symbol(symbol) => symbol.into_bound_py_any(py),
        _ => "".into_bound_py_any(py),
    };
    PyList::new(py, tokens.iter().map(token).collect::<PyResult<Vec<_>>>()?)
}
