//! The question of margin modes: the same positions isolated, cross and as they are.

use crossmargin::modes::{self as engine, Allot, Compare, ModeBuffers, ModeColumn, Variant};
use crossmargin::price::Shock;
use crossmargin::score::Missing;
use numpy::{IntoPyArray, PyReadonlyArray1};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::book::Book;
use super::guarding::asset;
use super::options::{choice, options};
use super::prices::Prices;
use super::scoring::check_market;
use crate::door::through;

/// A label, and moves of instruments and of assets, in market order.
type Move<'py> = (String, PyReadonlyArray1<'py, f64>, PyReadonlyArray1<'py, f64>);

/// Columns by account, columns by position, flags of unpriced accounts, pools decided exactly, pools unpriced.
type Compared<'py> = (Bound<'py, PyDict>, Bound<'py, PyDict>, Option<Bound<'py, PyAny>>, usize, usize);

/// Names of the figures, in order.
pub(crate) fn mode_column_names() -> Vec<&'static str> {
    ModeColumn::ALL.iter().map(|column| column.name()).collect()
}

/// What is written for each account and position.
#[derive(Default)]
struct Columns {
    figures: Vec<(ModeColumn, Variant, Vec<f64>)>,
    freed: Option<Vec<f64>>,
    affordable: Option<Vec<bool>>,
    returns: Vec<(usize, Variant, Vec<f64>)>,
    intervals: Vec<(Variant, Vec<f64>, Vec<f64>)>,
    unpriced: Option<Vec<bool>>,
}

impl Columns {
    /// Columns of accounts for some variants; returns of so many moves, and intervals of so many positions.
    fn new(variants: &[Variant], n: usize, n_moves: usize, positions: Option<usize>) -> Self {
        let has = |variant| variants.contains(&variant);
        let of_variant = |&variant: &Variant| ModeColumn::ALL.map(|column| (column, variant, vec![0.0; n]));
        let moved = |at: usize| variants.iter().map(move |&variant| (at, variant, vec![0.0; n]));
        Self {
            figures: variants.iter().flat_map(of_variant).collect(),
            freed: (has(Variant::Isolated) && has(Variant::Cross)).then(|| vec![0.0; n]),
            affordable: has(Variant::Isolated).then(|| vec![false; n]),
            returns: (0..n_moves).flat_map(moved).collect(),
            intervals: positions.map_or_else(Vec::new, |n| {
                variants.iter().map(|&variant| (variant, vec![0.0; n], vec![0.0; n])).collect()
            }),
            unpriced: None,
        }
    }

    fn as_buffers(&mut self) -> ModeBuffers<'_> {
        ModeBuffers {
            columns: self
                .figures
                .iter_mut()
                .map(|(column, variant, values)| (*column, *variant, &mut **values))
                .collect(),
            freed: self.freed.as_deref_mut(),
            affordable: self.affordable.as_deref_mut(),
            returns: self.returns.iter_mut().map(|(at, variant, values)| (*at, *variant, &mut **values)).collect(),
            intervals: self
                .intervals
                .iter_mut()
                .map(|(variant, low, high)| (*variant, &mut **low, &mut **high))
                .collect(),
            unpriced: self.unpriced.as_deref_mut(),
        }
    }

    /// Columns by account: each figure in its variants, then what there is one of, then returns by move.
    fn by_account<'py>(self, py: Python<'py>, labels: &[String]) -> PyResult<Bound<'py, PyDict>> {
        let columns = PyDict::new(py);
        let mut figures = self.figures;
        figures.sort_by_key(|(column, ..)| ModeColumn::ALL.iter().position(|known| known == column));
        for (column, variant, values) in figures {
            columns.set_item(format!("{}_{}", column.name(), variant.name()), values.into_pyarray(py))?;
        }
        if let Some(freed) = self.freed {
            columns.set_item("freed", freed.into_pyarray(py))?;
        }
        if let Some(affordable) = self.affordable {
            columns.set_item("affordable", affordable.into_pyarray(py))?;
        }
        for (at, variant, values) in self.returns {
            let label = labels.get(at).map_or("", String::as_str);
            columns.set_item(format!("return_{label}_{}", variant.name()), values.into_pyarray(py))?;
        }
        Ok(columns)
    }

    /// Columns by position, in the order of the input rows.
    fn by_position<'py>(&mut self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let columns = PyDict::new(py);
        for (variant, below, above) in std::mem::take(&mut self.intervals) {
            columns.set_item(format!("below_{}", variant.name()), below.into_pyarray(py))?;
            columns.set_item(format!("above_{}", variant.name()), above.into_pyarray(py))?;
        }
        Ok(columns)
    }
}

/// Compares the margin modes of every account.
#[pyfunction]
#[expect(clippy::too_many_arguments, reason = "private: the Python package passes all of them, by place")]
#[expect(clippy::needless_pass_by_value, reason = "arguments of Python are extracted by value")]
pub(crate) fn compare_modes<'py>(
    py: Python<'py>,
    book: &Book,
    prices: &Prices,
    allot_word: &str,
    given: Option<PyReadonlyArray1<'py, f64>>,
    moves: Vec<Move<'py>>,
    variant_words: Vec<String>,
    leverage: f64,
    intervals: bool,
    valuation: Option<&str>,
    missing_word: &str,
    n_threads: Option<&Bound<'py, PyAny>>,
) -> PyResult<Compared<'py>> {
    check_market(py, book, prices)?;
    let options = options(py, missing_word, n_threads, None, None)?;
    let known = Variant::ALL.map(|variant| (variant.name(), variant));
    let variants = variant_words.iter().map(|word| choice(py, "modes", word, &known)).collect::<PyResult<Vec<_>>>()?;
    let given = given.map(|given| given.as_array().to_vec());
    let allots = [("initial_margin", Allot::InitialMargin), ("pro_rata", Allot::ProRata)];
    let allot = match &given {
        Some(cash) => Allot::Given(cash),
        None => choice(py, "allot", allot_word, &allots)?,
    };
    let valuation = asset(py, book, valuation)?;
    let labels: Vec<String> = moves.iter().map(|(label, ..)| label.clone()).collect();
    let moves: Vec<(Vec<f64>, Vec<f64>)> =
        moves.iter().map(|(_, marks, index)| (marks.as_array().to_vec(), index.as_array().to_vec())).collect();
    let holdings = book.engine.holdings();
    let n = holdings.accounts().len();
    let positions = intervals.then(|| holdings.n_positions());
    let mut columns = Columns::new(&variants, n, moves.len(), positions);
    columns.unpriced = (options.missing == Missing::Null).then(|| vec![false; n]);
    let summary = through(py, || {
        let shocks = moves.into_iter().map(|(marks, index)| Shock::new(book.engine.market(), marks, index));
        let shocks = shocks.collect::<crossmargin::Result<Vec<_>>>()?;
        let asked = Compare { allot, leverage, moves: &shocks, valuation };
        engine::compare_modes(&book.engine, &prices.prices, &asked, columns.as_buffers(), &options)
    })?;
    let by_position = columns.by_position(py)?;
    let unpriced = columns.unpriced.take().map(|flags| flags.into_pyarray(py).into_any());
    Ok((columns.by_account(py, &labels)?, by_position, unpriced, summary.n_exact, summary.n_unpriced))
}
