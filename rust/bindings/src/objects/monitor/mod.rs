//! `Monitor`: a book that is watched.
//!
//! The engine's monitor is behind a lock that is taken without the interpreter's, so that threads of Python wait for each
//! other without keeping others from running; what it has counted is read beside the lock.

mod events;
mod frames;
mod log;
mod looking;
mod operations;
mod state;

pub(crate) use events::Events;

use std::cell::{Cell, RefCell};
use std::sync::{Arc, Mutex};

use crossmargin::book::{Duplicates, QuantityUnit};
use crossmargin::error::BookFaults;
use crossmargin::market::Asset;
use crossmargin::monitor::{self as engine, Alerts, Event, Liquidation, Quote, Stats, Tick};
use crossmargin::{Error, Result};
use numpy::{PyArray1, PyReadonlyArray1};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

use super::arrays::account_column;
use super::book::Book;
use super::market::Market;
use super::options::{choice, threads};
use super::prices::Prices;
use super::scoring::check_market;
use super::tables::{Columns, Given};
use crate::columns::{KeyColumn, Raw};
use crate::door::{guarded, through};
use crate::errors::{argument, internal, raise};
use events::{Terms, keys_at, keys_of};
use frames::Many;
use looking::FlagColumns;
use operations::{FillColumns, FundingColumns, GrantColumns, Moved, TransferColumns, direction};
use state::{Brought, State};

const LIQUIDATION: [(&str, Liquidation); 3] =
    [("off", Liquidation::Off), ("watched", Liquidation::Watched), ("latched", Liquidation::Latched)];

/// A monitor, shared by threads that take turns.
#[pyclass(frozen, module = "crossmargin._core")]
pub(crate) struct Monitor {
    state: Mutex<State>,
    stats: Arc<Stats>,
    terms: Arc<Terms>,
    unit: QuantityUnit,
}

/// Keys of accounts that are no table.
fn keys_from<'py>(py: Python<'py>, accounts: &Bound<'py, PyAny>) -> PyResult<KeyColumn<'py>> {
    guarded(py, || KeyColumn::new(py, Raw::new(accounts, "accounts")?, "accounts"))
}

thread_local! {
    /// The ticks of one frame, so that a quiet frame allocates nothing.
    static TICKS: RefCell<Vec<Tick>> = const { RefCell::new(Vec::new()) };
    /// The monitor that this thread is at: a handler of Ctrl-C that runs meanwhile must not wait for itself.
    static AT: Cell<usize> = const { Cell::new(0) };
}

/// Says where this thread is for as long as it lives.
struct Being(usize);

impl Being {
    fn at(place: usize) -> Self {
        Self(AT.replace(place))
    }
}

impl Drop for Being {
    fn drop(&mut self) {
        AT.set(self.0);
    }
}

impl Monitor {
    /// Does what needs the monitor, without the interpreter's lock.
    fn locked<T: Send>(&self, py: Python<'_>, work: impl FnOnce(&mut State) -> Result<T> + Send) -> PyResult<T> {
        let place = std::ptr::from_ref(self).addr();
        if AT.get() == place {
            let message = "is at work in this thread: what handles a signal must not call it";
            return Err(argument(py, "monitor", message));
        }
        let made = through(py, || {
            let Ok(mut state) = self.state.lock() else { return Ok(None) };
            let _being = Being::at(place);
            work(&mut state).map(Some)
        })?;
        made.ok_or_else(|| internal(py, "the monitor was left half changed; restore it from a snapshot"))
    }

    /// Makes an operation, with its line of the log: its word, and what it was given as JSON.
    fn operate<T: Send>(
        &self,
        py: Python<'_>,
        (word, logged): (&str, Option<&str>),
        work: impl FnOnce(&mut engine::Monitor, &mut Vec<Event>) -> Result<T> + Send,
        relabel: impl FnOnce(&mut BookFaults),
    ) -> PyResult<(Option<Events>, T)> {
        let made = self.locked(py, |state| {
            Ok(state.change(work).map(|made| {
                if let (Some(lines), Some(given)) = (&mut state.lines, logged) {
                    log::operation(lines, state.engine.operations(), state.engine.frame(), word, given);
                }
                (state.brought(), made)
            }))
        })?;
        let (brought, made) = made.map_err(|mut error| {
            if let Error::Book(faults) = &mut error {
                relabel(faults);
            }
            raise(py, error)
        })?;
        Ok((brought.map(|brought| self.events_of(brought)), made))
    }

    fn events_of(&self, brought: Brought) -> Events {
        Events { rows: brought.events, accounts: brought.accounts, terms: Arc::clone(&self.terms) }
    }

    fn of(engine: engine::Monitor, last: Vec<Event>) -> Self {
        let terms = Terms {
            market: Arc::clone(engine.ledger().market()),
            alerts: engine.alerts().clone(),
            valuation: engine.valuation(),
        };
        let (stats, unit) = (engine.stats(), engine.ledger().quantity_unit());
        let state = Mutex::new(State { engine, last, next: Vec::new(), lines: None });
        Self { state, stats, terms: Arc::new(terms), unit }
    }
}

#[pymethods]
impl Monitor {
    #[new]
    #[expect(clippy::too_many_arguments, reason = "private: the Python package passes all of them, by place")]
    fn new(
        py: Python<'_>,
        book: &Book,
        prices: &Prices,
        liquidation: &str,
        levels: Vec<f64>,
        soft_stop: Option<f64>,
        valuation: Option<&str>,
        references: Option<PyReadonlyArray1<'_, f64>>,
        n_threads: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        check_market(py, book, prices)?;
        threads(py, n_threads)?;
        let market = book.engine.market();
        let unknown = |name: &str| argument(py, "valuation", format!("was {name:?}, which is no asset of the market"));
        let valuation = valuation.map(|name| market.asset_index(name).ok_or_else(|| unknown(name))).transpose()?;
        let liquidation = choice(py, "liquidation", liquidation, &LIQUIDATION)?;
        let alerts = Alerts { liquidation, levels, soft_stop, valuation };
        let references = references.map(|references| references.as_array().to_vec());
        let (book, prices) = (Arc::clone(&book.engine), prices.prices.clone());
        let (engine, events) = through(py, || engine::Monitor::new(book, prices, alerts, references.as_deref()))?;
        Ok(Self::of(engine, events))
    }

    /// The monitor that a snapshot was taken of.
    #[staticmethod]
    fn restore(py: Python<'_>, state: &[u8], n_threads: Option<&Bound<'_, PyAny>>) -> PyResult<Self> {
        threads(py, n_threads)?;
        let engine = through(py, || engine::Monitor::restore(state))?;
        Ok(Self::of(engine, Vec::new()))
    }

    /// The state as bytes.
    fn snapshot<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let bytes = self.locked(py, |state| Ok(state.engine.snapshot()))?;
        Ok(PyBytes::new(py, &bytes))
    }

    /// The rules.
    fn market(&self) -> Market {
        Market(Arc::clone(&self.terms.market))
    }

    /// What is watched for, as it was asked for.
    fn alerts(&self) -> (&'static str, Vec<f64>, Option<f64>, Option<&str>) {
        let alerts = &self.terms.alerts;
        let word = LIQUIDATION.iter().find(|(_, known)| *known == alerts.liquidation).map_or("", |(word, _)| word);
        let asset = |at: usize| self.terms.market.assets().get(at).map(Asset::name);
        (word, alerts.levels.clone(), alerts.soft_stop, alerts.valuation.and_then(asset))
    }

    /// The flags: of the pools whether they are liquidatable and below each level, of the accounts whether they are stopped.
    fn flag_columns<'py>(&self, py: Python<'py>) -> PyResult<FlagColumns<'py>> {
        let flags = self.locked(py, |state| Ok(state.engine.flags()))?;
        Ok(looking::flags(py, &flags, &self.terms.alerts))
    }

    /// What the soft stop of each account is relative to; NaN where there is none.
    fn references<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray1<f64>>> {
        let flags = self.locked(py, |state| Ok(state.engine.flags()))?;
        Ok(PyArray1::from_vec(py, flags.references))
    }

    /// The present box of a pool of an account, which may be left out where it has one; `None` for no account.
    fn why<'py>(
        &self,
        py: Python<'py>,
        account: &Bound<'py, PyAny>,
        pool: Option<u32>,
    ) -> PyResult<Option<looking::Found<'py>>> {
        let Some(key) = looking::key_of(account) else { return Ok(None) };
        let found = self.locked(py, |state| looking::why(&state.engine, &key, pool))?;
        found.map(|why| looking::found(py, &self.terms, &why)).transpose()
    }

    /// Applies a frame; `None` where no flag changed.
    fn update(
        &self,
        py: Python<'_>,
        mark: Option<&Bound<'_, PyAny>>,
        index: Option<&Bound<'_, PyAny>>,
        last: Option<&Bound<'_, PyAny>>,
        time: i64,
    ) -> PyResult<Option<Events>> {
        let mut ticks = TICKS.take();
        ticks.clear();
        let given = [(Quote::Mark, mark), (Quote::Index, index), (Quote::Last, last)];
        let market = &self.terms.market;
        let read = guarded(py, || {
            given.into_iter().try_for_each(|(quote, given)| {
                given.map_or(Ok(()), |given| frames::read(market, quote, given, &mut ticks))
            })
        });
        let brought = read.and_then(|()| {
            self.locked(py, |state| {
                state.change(|engine, events| engine.update(&ticks, time, events))?;
                if let Some(lines) = &mut state.lines {
                    log::frame(lines, market, state.engine.frame(), time, &ticks);
                }
                Ok(state.brought())
            })
        });
        TICKS.set(ticks);
        Ok(brought?.map(|brought| self.events_of(brought)))
    }

    /// Applies frames in columns; `None` where no flag changed.
    fn update_many(
        &self,
        py: Python<'_>,
        columns: &Bound<'_, PyAny>,
        ends: Option<&Bound<'_, PyAny>>,
        row_times: Option<&Bound<'_, PyAny>>,
        times: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Option<Events>> {
        let many = guarded(py, || Many::new(&self.terms.market, columns, ends, row_times, times))?;
        let brought = self.locked(py, |state| {
            let before = state.engine.frame();
            let made = state.change(|engine, events| engine.update_many(&many.as_frames(), events));
            state.log_frames(before, &many.as_frames());
            made.map(|()| state.brought())
        })?;
        Ok(brought.map(|brought| self.events_of(brought)))
    }

    /// What the last call brought.
    fn events(&self, py: Python<'_>) -> PyResult<Events> {
        let brought = self.locked(py, |state| Ok(state.all_brought()))?;
        Ok(self.events_of(brought))
    }

    /// Events of nothing.
    fn no_events(&self, py: Python<'_>) -> PyResult<Events> {
        let accounts = self.locked(py, |state| Ok(keys_of(state.engine.ledger(), &[])))?;
        Ok(self.events_of(Brought { events: Vec::new(), accounts }))
    }

    /// The number of the last frame.
    fn frame(&self, py: Python<'_>) -> PyResult<u64> {
        self.locked(py, |state| Ok(state.engine.frame()))
    }

    /// The number of operations that were applied.
    fn operations(&self, py: Python<'_>) -> PyResult<u64> {
        self.locked(py, |state| Ok(state.engine.operations()))
    }

    /// The accounts as they are now, and the number of operations until then.
    fn book(&self, py: Python<'_>) -> PyResult<(u64, Book)> {
        self.locked(py, |state| Ok((state.engine.operations(), Book::of_ledger(state.engine.ledger())?)))
    }

    /// Keys of the open accounts, in the order of the book.
    fn accounts<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let keys = self.locked(py, |state| {
            let ledger = state.engine.ledger();
            Ok(keys_at(ledger, (0..ledger.n_accounts()).filter(|&account| ledger.is_open(account))))
        })?;
        Ok(account_column(py, &keys, 0..keys.len()))
    }

    /// Numbers of open accounts and of their pools.
    fn sizes(&self, py: Python<'_>) -> PyResult<(usize, usize)> {
        self.locked(py, |state| {
            let ledger = state.engine.ledger();
            let open = (0..ledger.n_accounts()).filter(|&account| ledger.is_open(account));
            Ok(open.fold((0, 0), |(accounts, pools), account| (accounts + 1, pools + ledger.held(account).1.len())))
        })
    }

    /// The present prices.
    fn prices(&self, py: Python<'_>) -> PyResult<Prices> {
        let prices = self.locked(py, |state| Ok(state.engine.prices().clone()))?;
        Ok(Prices { market: Arc::clone(&self.terms.market), prices })
    }

    /// Frames, touches, runs without rounding, events and bytes so far; waits for no call.
    fn stats(&self) -> (u64, u64, u64, u64, u64) {
        let counts = self.stats.read();
        (counts.frames, counts.touches, counts.exact, counts.events, counts.bytes)
    }

    /// Applies fills; gives what they brought, and what they moved.
    fn apply_fills<'py>(
        &self,
        py: Python<'py>,
        table: &Bound<'py, PyAny>,
        round_word: Option<&str>,
        logged: Option<&str>,
    ) -> PyResult<(Option<Events>, Bound<'py, PyDict>)> {
        let columns = guarded(py, || FillColumns::new(table))?;
        let fills = columns.as_fills(direction(py, round_word)?);
        let (events, moved) = self.operate(
            py,
            ("fills", logged),
            |engine, events| engine.apply_fills(&fills, events).map(|outcome| Moved::new(engine.ledger(), outcome)),
            |faults| columns.relabel(faults),
        )?;
        Ok((events, moved.columns(py, &self.terms.market, true)?))
    }

    /// Applies transfers; gives what they brought, and what they moved.
    fn apply_transfers<'py>(
        &self,
        py: Python<'py>,
        table: &Bound<'py, PyAny>,
        round_word: Option<&str>,
        logged: Option<&str>,
    ) -> PyResult<(Option<Events>, Bound<'py, PyDict>)> {
        let columns = guarded(py, || TransferColumns::new(table))?;
        let transfers = columns.as_transfers(direction(py, round_word)?);
        let (events, moved) = self.operate(
            py,
            ("transfers", logged),
            |engine, events| {
                engine.apply_transfers(&transfers, events).map(|outcome| Moved::new(engine.ledger(), outcome))
            },
            |faults| columns.relabel(faults),
        )?;
        Ok((events, moved.columns(py, &self.terms.market, false)?))
    }

    /// Applies funding; gives what it brought, and what it moved.
    fn apply_funding<'py>(
        &self,
        py: Python<'py>,
        table: &Bound<'py, PyAny>,
        round_word: Option<&str>,
        logged: Option<&str>,
    ) -> PyResult<(Option<Events>, Bound<'py, PyDict>)> {
        let columns = guarded(py, || FundingColumns::new(table))?;
        let funding = columns.as_funding(direction(py, round_word)?);
        let (events, moved) = self.operate(
            py,
            ("funding", logged),
            |engine, events| engine.apply_funding(&funding, events).map(|outcome| Moved::new(engine.ledger(), outcome)),
            |faults| columns.relabel(faults),
        )?;
        Ok((events, moved.columns(py, &self.terms.market, false)?))
    }

    /// Grants vouchers; times when they are void come beside the table.
    fn apply_grants<'py>(
        &self,
        py: Python<'py>,
        table: &Bound<'py, PyAny>,
        expires: Option<Vec<Option<i64>>>,
        round_word: Option<&str>,
        logged: Option<&str>,
    ) -> PyResult<(Option<Events>, Bound<'py, PyDict>)> {
        let columns = guarded(py, || GrantColumns::new(table, expires))?;
        let grants = columns.as_grants(direction(py, round_word)?);
        let (events, moved) = self.operate(
            py,
            ("grants", logged),
            |engine, events| engine.apply_grants(&grants, events).map(|outcome| Moved::new(engine.ledger(), outcome)),
            |faults| columns.relabel(faults),
        )?;
        Ok((events, moved.columns(py, &self.terms.market, false)?))
    }

    /// Lets vouchers go that are void at a time.
    fn expire<'py>(
        &self,
        py: Python<'py>,
        now: i64,
        logged: Option<&str>,
    ) -> PyResult<(Option<Events>, Bound<'py, PyDict>)> {
        let expire = |engine: &mut engine::Monitor, events: &mut Vec<Event>| {
            engine.expire(now, events).map(|outcome| Moved::new(engine.ledger(), outcome))
        };
        let (events, moved) = self.operate(py, ("expire", logged), expire, |_| ())?;
        Ok((events, moved.columns(py, &self.terms.market, false)?))
    }

    /// Opens accounts, or replaces what they hold.
    #[expect(clippy::too_many_arguments, reason = "private: the Python package passes all of them, by place")]
    fn bring_accounts(
        &self,
        py: Python<'_>,
        replace: bool,
        balances: &Bound<'_, PyAny>,
        positions: &Bound<'_, PyAny>,
        orders: &Bound<'_, PyAny>,
        accounts: &Bound<'_, PyAny>,
        settings: &Bound<'_, PyAny>,
        logged: Option<&str>,
    ) -> PyResult<Option<Events>> {
        let given = Given { balances, positions, orders, accounts, settings };
        let columns = guarded(py, || Columns::new(py, &given))?;
        let tables = columns.tables(self.unit, Duplicates::Refuse);
        let made = self.operate(
            py,
            (if replace { "replace" } else { "open" }, logged),
            |engine, events| {
                if replace { engine.replace_accounts(&tables, events) } else { engine.open_accounts(&tables, events) }
            },
            |faults| columns.relabel(faults),
        )?;
        Ok(made.0)
    }

    /// Closes accounts.
    fn close_accounts(
        &self,
        py: Python<'_>,
        accounts: &Bound<'_, PyAny>,
        logged: Option<&str>,
    ) -> PyResult<Option<Events>> {
        let keys = keys_from(py, accounts)?;
        let keys = keys.as_keys();
        let made =
            self.operate(py, ("close", logged), |engine, events| engine.close_accounts(&keys, events), |_| ())?;
        Ok(made.0)
    }

    /// Opens the latches of accounts, of all where none are given.
    fn reset(
        &self,
        py: Python<'_>,
        accounts: Option<&Bound<'_, PyAny>>,
        logged: Option<&str>,
    ) -> PyResult<Option<Events>> {
        let keys = accounts.map(|accounts| keys_from(py, accounts)).transpose()?;
        let keys = keys.as_ref().map(KeyColumn::as_keys);
        let reset = |engine: &mut engine::Monitor, events: &mut Vec<Event>| {
            let numbers = operations::numbers(engine.ledger(), keys.as_ref())?;
            engine.reset(&numbers, events)
        };
        Ok(self.operate(py, ("reset", logged), reset, |_| ())?.0)
    }

    /// Keeps lines of the log for [`Self::take_lines`] from now on, or no longer.
    fn keep_lines(&self, py: Python<'_>, keep: bool) -> PyResult<()> {
        self.locked(py, |state| {
            state.lines = keep.then(String::new);
            Ok(())
        })
    }

    /// The lines of what was applied since they were last taken.
    fn take_lines(&self, py: Python<'_>) -> PyResult<String> {
        self.locked(py, |state| Ok(state.lines.as_mut().map(std::mem::take).unwrap_or_default()))
    }
}
