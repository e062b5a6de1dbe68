//! Whether orders fit: of a table, and of one; and the book with those in it that do.

use std::sync::Arc;

use crossmargin::Error;
use crossmargin::book::Side;
use crossmargin::error::BookFaults;
use crossmargin::ledger::Direction;
use crossmargin::order::{self as engine, AfterColumn, Assume, DecisionBuffers, FillFee, Gate, OnFault, Reason};
use crossmargin::score::Column;
use numpy::{PyArray1, PyArrayMethods, PyReadonlyArray1, PyReadwriteArray1};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};

use super::book::Book;
use super::buffers::{Figure, Outputs, Target, Targets, targets};
use super::joining::Placed;
use super::options::{choice, options};
use super::prices::Prices;
use super::proposing::Proposed;
use super::scoring::check_market;
use crate::columns::{real, shown};
use crate::door::through;
use crate::errors::{argument, fault_columns, raise};

const N_AFTER: usize = Column::ALL.len() + 3;

/// All figures that a pool can have with an order in it.
const AFTER: [AfterColumn; N_AFTER] = {
    let mut all = [AfterColumn::Above; N_AFTER];
    let mut at = 0;
    while at < Column::ALL.len() {
        all[at] = AfterColumn::Figure(Column::ALL[at]);
        at += 1;
    }
    all[at] = AfterColumn::LiquidationPrice;
    all[at + 1] = AfterColumn::Below;
    all
};

impl Figure for AfterColumn {
    const ALL: &'static [Self] = &AFTER;

    fn name(self) -> &'static str {
        Self::name(self)
    }
}

/// Names of what `after` can ask for, in order.
pub(crate) fn after_names() -> Vec<&'static str> {
    super::buffers::all_names::<AfterColumn>()
}

/// The word of each reason, by its code.
pub(crate) fn reason_names() -> Vec<&'static str> {
    Reason::ALL.map(Reason::name).to_vec()
}

/// How fills are made: what accepted orders are, what fills pay, and where amounts go that are no multiple.
pub(super) type Words<'a> = (&'a str, Option<&'a str>, Option<&'a str>);

/// The gate that words ask for.
pub(super) fn gate(py: Python<'_>, (assume, fee, round): Words<'_>) -> PyResult<Gate> {
    let assume = choice(py, "assume", assume, &Assume::ALL.map(|assume| (assume.name(), assume)))?;
    let fee = fee.map(|word| fill_fee(py, "fee", word)).transpose()?;
    let directions = [("down", Direction::Down), ("up", Direction::Up), ("nearest", Direction::Nearest)];
    let round = round.map(|word| choice(py, "round", word, &directions)).transpose()?;
    Ok(Gate { assume, fee, round, ..Gate::default() })
}

/// What fills pay, by its word.
pub(super) fn fill_fee(py: Python<'_>, name: &str, word: &str) -> PyResult<FillFee> {
    choice(py, name, word, &FillFee::ALL.map(|fee| (fee.name(), fee)))
}

/// The columns that are found beside the verdict, and flags of which are wanted.
#[derive(Default)]
struct Wanted<'py> {
    pool: Option<Vec<u32>>,
    reals: Vec<(&'static str, PyReadwriteArray1<'py, f64>)>,
    violations: Option<Vec<u32>>,
}

/// Names of the columns of numbers beside a verdict.
const REALS: [&str; 4] = ["cost", "available", "short", "opening"];

impl<'py> Wanted<'py> {
    fn new(py: Python<'py>, n: usize, names: &[String], violations: bool) -> Self {
        let is_named = |name: &str| names.iter().any(|asked| asked == name);
        let reals = REALS.into_iter().filter(|name| is_named(name));
        Self {
            pool: is_named("pool").then(|| vec![u32::MAX; n]),
            reals: reals.map(|name| (name, PyArray1::zeros(py, n, false).readwrite())).collect(),
            violations: violations.then(|| vec![0; n]),
        }
    }

    fn give<'a>(&'a mut self, out: &mut DecisionBuffers<'a>) {
        out.pool = self.pool.as_deref_mut();
        out.violations = self.violations.as_deref_mut();
        for (name, array) in &mut self.reals {
            let slot = match *name {
                "cost" => &mut out.cost,
                "available" => &mut out.available,
                "short" => &mut out.short,
                _ => &mut out.opening,
            };
            *slot = array.as_slice_mut().ok();
        }
    }

    fn set(self, py: Python<'py>, columns: &Bound<'py, PyDict>) -> PyResult<()> {
        if let Some(pool) = self.pool {
            let places = pool.into_iter().map(|pool| if pool == u32::MAX { -1 } else { i64::from(pool) });
            columns.set_item("pool", PyArray1::from_vec(py, places.collect()))?;
        }
        for (name, array) in self.reals {
            columns.set_item(name, &**array)?;
        }
        self.violations.map_or(Ok(()), |bits| columns.set_item("violations", PyArray1::from_vec(py, bits)))
    }
}

/// Columns, faults with their number, orders decided exactly, orders unpriced.
type Decided<'py> = (Bound<'py, PyDict>, Option<(Bound<'py, PyDict>, u64)>, usize, usize);

/// Whether proposed orders fit, each after those before it.
#[pyfunction]
#[expect(clippy::too_many_arguments, reason = "private: the Python package passes all of them, by place")]
#[expect(clippy::needless_pass_by_value, reason = "arguments of Python are extracted by value")]
pub(crate) fn check_orders<'py>(
    py: Python<'py>,
    book: &Book,
    prices: &Prices,
    proposed: &Proposed,
    after: &Bound<'py, PyTuple>,
    outputs: Vec<String>,
    words: Words<'py>,
    violations: bool,
    reject: bool,
    missing_word: &str,
    n_threads: Option<&Bound<'py, PyAny>>,
) -> PyResult<Decided<'py>> {
    check_market(py, book, prices)?;
    let on_fault = if reject { OnFault::Reject } else { OnFault::Refuse };
    let gate = Gate { on_fault, violations, ..gate(py, words)? };
    let options = options(py, missing_word, n_threads, None, None)?;
    let orders = proposed.as_orders();
    let n = orders.quantity.len();
    let after: Outputs<'_, AfterColumn> = Outputs::new(after)?;
    let (mut after_targets, after_arrays, _) = targets(&after, None, n, false)?;
    let mut wanted = Wanted::new(py, n, &outputs, violations);
    let (accepted, reason) = (PyArray1::<bool>::zeros(py, n, false), PyArray1::<u8>::zeros(py, n, false));
    let (mut accepted_view, mut reason_view) = (accepted.try_readwrite()?, reason.try_readwrite()?);
    let mut out = DecisionBuffers::new(accepted_view.as_slice_mut()?, reason_view.as_slice_mut()?);
    wanted.give(&mut out);
    give_after(&mut after_targets, &mut out);
    let made = through(py, || Ok(engine::check_orders(&book.engine, &prices.prices, &orders, &gate, out, &options)))?;
    let decided = made.map_err(|error| relabelled(py, proposed, error))?;
    let columns = PyDict::new(py);
    columns.set_item("accepted", accepted)?;
    columns.set_item("reason", reason)?;
    wanted.set(py, &columns)?;
    for (name, array) in after.names.iter().zip(after_arrays.iter()) {
        columns.set_item(format!("after_{}", name.cast::<PyString>()?.to_str()?), array)?;
    }
    let faults = decided.faults.map(|faults| faults_of(py, proposed, faults)).transpose()?;
    Ok((columns, faults, decided.n_exact, decided.n_unpriced))
}

fn give_after<'a>(targets: &'a mut Targets<'_, AfterColumn>, out: &mut DecisionBuffers<'a>) {
    for target in &mut targets.0 {
        match target {
            Target::Figure(column, array) => out.after.push((*column, array.as_slice_mut().unwrap_or_default())),
            Target::Flag(array) => out.after_liquidatable = array.as_slice_mut().ok(),
            Target::Unpriced(_) => {}
        }
    }
}

/// The exception of an error about proposed orders.
pub(super) fn relabelled(py: Python<'_>, proposed: &Proposed, mut error: Error) -> PyErr {
    if let Error::Book(faults) = &mut error {
        proposed.relabel(faults);
    }
    raise(py, error)
}

fn faults_of<'py>(py: Python<'py>, proposed: &Proposed, mut faults: BookFaults) -> PyResult<(Bound<'py, PyDict>, u64)> {
    proposed.relabel(&mut faults);
    Ok((fault_columns(py, &faults)?, faults.n_faults))
}

/// The book with accepted orders in it.
#[pyfunction]
#[expect(clippy::needless_pass_by_value, reason = "arguments of Python are extracted by value")]
pub(crate) fn apply_orders(
    py: Python<'_>,
    book: &Book,
    prices: &Prices,
    proposed: &Proposed,
    accepted: PyReadonlyArray1<'_, bool>,
    words: Words<'_>,
) -> PyResult<Book> {
    check_market(py, book, prices)?;
    let gate = gate(py, words)?;
    let orders = proposed.as_orders();
    let accepted = accepted.as_slice()?;
    let places = proposed.orders.places(book.engine.holdings().accounts());
    let made = through(py, || Ok(engine::applied(&book.engine, &orders, accepted, &gate, &prices.prices)))?;
    let applied = made.map_err(|error| relabelled(py, proposed, error))?;
    let trigger = |row: usize| orders.trigger_price.map_or(f64::NAN, |column| column[row]);
    let rests = |row: usize| !fills(gate.assume, orders.price[row], trigger(row));
    let rows = (0..accepted.len()).filter(|&row| accepted[row] && rests(row));
    let rows = rows.filter_map(|row| Some((row, places[row]?, orders.quantity[row]))).collect();
    Ok(book.after(Arc::new(applied.book), &Placed { orders: &proposed.orders, rows }))
}

/// Whether an accepted order with these prices is filled.
pub(super) const fn fills(assume: Assume, price: f64, trigger: f64) -> bool {
    match assume {
        Assume::Resting => false,
        Assume::MarketFilled => price.is_nan() && trigger.is_nan(),
        Assume::Filled => trigger.is_nan(),
    }
}

/// The leg and the mode that an order says.
pub(super) type Legs<'a> = (Option<&'a str>, Option<&'a str>);

/// One order, of an instrument that is named or numbered.
pub(super) fn proposal(
    py: Python<'_>,
    book: &Book,
    instrument: &Bound<'_, PyAny>,
    (side, mode): Legs<'_>,
) -> PyResult<engine::Proposed> {
    let market = book.engine.market();
    let place = match instrument.cast::<PyString>() {
        Ok(name) => name.to_str().ok().and_then(|name| market.instrument_index(name)),
        Err(_) => instrument.extract::<usize>().ok().filter(|&at| at < market.instruments().len()),
    };
    let Some(place) = place.and_then(|place| u32::try_from(place).ok()) else {
        let message = format!("was {}, which this market does not have", shown(instrument));
        return Err(argument(py, "instrument", message));
    };
    let sides = [("net", Side::Net), ("long", Side::Long), ("short", Side::Short)];
    let side = side.map_or(Ok(Side::Net), |word| choice(py, "position_side", word, &sides))?;
    let modes = [("cross", false), ("isolated", true)];
    let isolated = mode.map(|word| choice(py, "margin_mode", word, &modes)).transpose()?;
    Ok(engine::Proposed { side, isolated, ..engine::Proposed::market(place, 1.0) })
}

/// A number that may be absent: NaN then.
pub(super) fn number(object: Option<&Bound<'_, PyAny>>, name: &str) -> PyResult<f64> {
    Ok(object.map(|object| real(object, || name.to_owned())).transpose()?.flatten().unwrap_or(f64::NAN))
}

/// Whether the order fits, the word why not, cost, available, short, opening, whether only exact arithmetic could tell.
type One = (bool, &'static str, f64, f64, f64, f64, bool);

/// Whether one order fits.
#[pyfunction]
#[expect(clippy::too_many_arguments, reason = "private: the Python package passes all of them, by place")]
pub(crate) fn check_order(
    py: Python<'_>,
    book: &Book,
    prices: &Prices,
    instrument: &Bound<'_, PyAny>,
    quantity: &Bound<'_, PyAny>,
    price: Option<&Bound<'_, PyAny>>,
    account: Option<&Bound<'_, PyAny>>,
    leverage: Option<&Bound<'_, PyAny>>,
    margin_mode: Option<&str>,
    position_side: Option<&str>,
    reduce_only: bool,
    trigger_price: Option<&Bound<'_, PyAny>>,
) -> PyResult<One> {
    check_market(py, book, prices)?;
    let order = engine::Proposed {
        quantity: number(Some(quantity), "quantity")?,
        price: number(price, "price")?,
        leverage: number(leverage, "leverage")?,
        trigger_price: number(trigger_price, "trigger_price")?,
        reduce_only,
        ..proposal(py, book, instrument, (position_side, margin_mode))?
    };
    let account = book.place_of(py, account)?;
    let made = through(py, || engine::check_order(&book.engine, &prices.prices, account, &order))?;
    let word = made.reason.name();
    Ok((made.accepted(), word, made.cost, made.available, made.short, made.opening, made.exact))
}
