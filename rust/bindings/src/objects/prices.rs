//! `Prices`: marks and index prices of one moment.

use std::sync::Arc;

use numpy::PyArray1;
use pyo3::prelude::*;

use super::market::Market;
use crate::columns::{named_prices, vector};
use crate::door::{guarded, through};

/// Checked prices of a market; immutable.
#[pyclass(frozen, module = "crossmargin._core")]
pub(crate) struct Prices {
    pub(crate) market: Arc<crossmargin::Market>,
    pub(crate) prices: crossmargin::Prices,
}

/// Prices by name, or in market order.
enum Column {
    Named(Vec<(String, f64)>),
    Ordered(Vec<f64>),
}

impl Column {
    fn new(object: &Bound<'_, PyAny>, name: &str) -> PyResult<Self> {
        if object.is_none() {
            return Ok(Self::Named(Vec::new()));
        }
        if let Some(named) = named_prices(object, name)? {
            return Ok(Self::Named(named));
        }
        vector(object, name).map(Self::Ordered)
    }
}

#[pymethods]
impl Prices {
    #[new]
    fn new(
        py: Python<'_>,
        market: &Market,
        mark: &Bound<'_, PyAny>,
        index: &Bound<'_, PyAny>,
        last: &Bound<'_, PyAny>,
    ) -> PyResult<Self> {
        let read = || Ok((Column::new(mark, "mark")?, Column::new(index, "index")?, Column::new(last, "last")?));
        let (mark, index, last) = guarded(py, read)?;
        let market = Arc::clone(&market.0);
        let prices = through(py, || of_columns(&market, &mark, &index, &last))?;
        Ok(Self { market, prices })
    }

    /// Marks in market order.
    fn mark<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        PyArray1::from_slice(py, self.prices.mark())
    }

    /// Index prices in market order.
    fn index<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        PyArray1::from_slice(py, self.prices.index())
    }

    /// Last prices in market order.
    fn last<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        match self.prices.last() {
            [] => PyArray1::from_vec(py, vec![f64::NAN; self.prices.mark().len()]),
            last => PyArray1::from_slice(py, last),
        }
    }
}

impl Column {
    fn by_name(&self) -> Vec<(&str, f64)> {
        match self {
            Self::Named(named) => named.iter().map(|(name, price)| (name.as_str(), *price)).collect(),
            Self::Ordered(_) => Vec::new(),
        }
    }

    fn in_order(&self, named: &[f64]) -> Vec<f64> {
        match self {
            Self::Named(_) => named.to_vec(),
            Self::Ordered(values) => values.clone(),
        }
    }
}

/// Each column by name where it came by name, else in order.
fn of_columns(
    market: &crossmargin::Market,
    mark: &Column,
    index: &Column,
    last: &Column,
) -> crossmargin::Result<crossmargin::Prices> {
    let named = crossmargin::Prices::by_name(market, &mark.by_name(), &index.by_name())?;
    let prices = crossmargin::Prices::new(market, mark.in_order(named.mark()), index.in_order(named.index()))?;
    match last {
        Column::Named(named) if named.is_empty() => Ok(prices),
        Column::Named(_) => prices.last_by_name(market, &last.by_name()),
        Column::Ordered(values) => prices.with_last(market, values.clone()),
    }
}
