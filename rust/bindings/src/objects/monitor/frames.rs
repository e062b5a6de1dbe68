//! Frames as Python gives them: prices by name, or columns of many.

use crossmargin::book::Keys;
use crossmargin::error::PriceFault;
use crossmargin::monitor::{Frames, NO_TIME, Quote, Tick};
use crossmargin::{Error, Market};
use numpy::{PyArray1, PyArrayMethods, PyReadonlyArray1};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyFloat, PyString};

use crate::columns::{KeyColumn, RealColumn, Schema, Table, named_prices, real, shown, vector};
use crate::door::is_stopped;
use crate::errors::{argument, raise};

const FRAMES: Schema = Schema {
    name: "frames",
    required: &["name", "price"],
    optional: &["quote", "frame"],
    later: &[("bid", "what closing a position would sell at"), ("ask", "what closing a position would buy at")],
};

const QUOTES: [Quote; 3] = [Quote::Mark, Quote::Index, Quote::Last];

/// The place of a name in the market's order.
fn place(market: &Market, quote: Quote, name: &str) -> Option<u32> {
    let found = match quote {
        Quote::Index => market.asset_index(name),
        Quote::Mark | Quote::Last => market.instrument_index(name),
    };
    found.and_then(|at| u32::try_from(at).ok())
}

/// The names that a place of a price of this kind has.
fn n_places(market: &Market, quote: Quote) -> usize {
    match quote {
        Quote::Index => market.assets().len(),
        Quote::Mark | Quote::Last => market.instruments().len(),
    }
}

#[cold]
fn unknown(py: Python<'_>, quote: Quote, name: &str, price: f64) -> PyErr {
    let expected = if quote == Quote::Index { "the name of an asset" } else { "the name of an instrument" };
    let fault = PriceFault { column: quote.name(), name: name.to_owned(), value: price, expected };
    raise(py, Error::Price(Box::new(fault)))
}

/// Adds the prices of one kind to a frame: a mapping by name, or prices in market order with NaN for those without news.
pub(super) fn read(market: &Market, quote: Quote, given: &Bound<'_, PyAny>, ticks: &mut Vec<Tick>) -> PyResult<()> {
    if let Ok(dict) = given.cast_exact::<PyDict>() {
        for (name, price) in dict.iter() {
            ticks.push(named(market, quote, &name, &price)?);
        }
        return Ok(());
    }
    if let Some(named) = named_prices(given, quote.name())? {
        for (name, price) in named {
            let at = place(market, quote, &name).ok_or_else(|| unknown(given.py(), quote, &name, price))?;
            ticks.push(Tick { quote, at, price });
        }
        return Ok(());
    }
    let prices = vector(given, quote.name())?;
    let n = n_places(market, quote);
    if prices.len() != n {
        let message = format!("had {} values, expected {n} in market order, NaN where there is no news", prices.len());
        return Err(argument(given.py(), quote.name(), message));
    }
    let news = (0..).zip(prices).filter(|(_, price)| !price.is_nan());
    ticks.extend(news.map(|(at, price)| Tick { quote, at, price }));
    Ok(())
}

fn named(market: &Market, quote: Quote, name: &Bound<'_, PyAny>, price: &Bound<'_, PyAny>) -> PyResult<Tick> {
    let py = name.py();
    let text = name.cast::<PyString>().ok().and_then(|name| name.to_str().ok());
    let Some(text) = text else {
        return Err(argument(py, quote.name(), format!("had the key {}, expected a name", shown(name))));
    };
    let price = match price.cast_exact::<PyFloat>() {
        Ok(price) => price.value(),
        Err(_) => real(price, || format!("{}[{text}]", quote.name()))?.unwrap_or(f64::NAN),
    };
    let at = place(market, quote, text).ok_or_else(|| unknown(py, quote, text, price))?;
    Ok(Tick { quote, at, price })
}

/// Many frames.
pub(super) struct Many {
    ticks: Vec<Tick>,
    ends: Option<Vec<u32>>,
    times: Option<Vec<i64>>,
}

impl Many {
    /// All of them as the engine takes them.
    pub(super) fn as_frames(&self) -> Frames<'_> {
        let stop = Some(is_stopped as fn() -> bool);
        Frames { ticks: &self.ticks, ends: self.ends.as_deref(), times: self.times.as_deref(), stop }
    }

    /// Reads columns; `ends` are those of frames where there is no column `frame`.
    pub(super) fn new(
        market: &Market,
        columns: &Bound<'_, PyAny>,
        ends: Option<&Bound<'_, PyAny>>,
        row_times: Option<&Bound<'_, PyAny>>,
        times: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let py = columns.py();
        let mut table = Table::new(columns, &FRAMES)?;
        let names = table.keys("name")?;
        let prices = table.reals("price")?;
        let quotes = table.optional_keys("quote")?;
        let numbers = table.optional_keys("frame")?;
        let rows = names.as_keys().len();
        let lengths = [
            ("price", Some(prices.as_slice().len())),
            ("quote", quotes.as_ref().map(|column| column.as_keys().len())),
            ("frame", numbers.as_ref().map(|column| column.as_keys().len())),
        ];
        for (name, length) in lengths {
            if let Some(length) = length.filter(|&length| length != rows) {
                let message = format!("had {length} rows, expected {rows} as in frames.name");
                return Err(argument(py, &format!("frames.{name}"), message));
            }
        }
        let quotes = Quotes::new(py, quotes.as_ref())?;
        let ticks = Places::new(py, market, &names.as_keys())?.ticks(py, &quotes, &prices)?;
        let ends = match (ends, &numbers) {
            (Some(ends), _) => Some(given_ends(ends, rows)?),
            (None, Some(numbers)) => Some(ends_of(py, &numbers.as_keys())?),
            (None, None) => None,
        };
        let mut many = Self { ticks, ends, times: None };
        many.times = many.times_of(py, row_times, times)?;
        Ok(many)
    }

    fn times_of(
        &self,
        py: Python<'_>,
        row_times: Option<&Bound<'_, PyAny>>,
        times: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Option<Vec<i64>>> {
        if let Some(times) = times {
            return int_column(times, "time").map(Some);
        }
        let Some(rows) = row_times else { return Ok(None) };
        let rows = int_column(rows, "frames.time")?;
        if rows.len() != self.ticks.len() {
            let message = format!("had {} rows, expected {} as in frames.name", rows.len(), self.ticks.len());
            return Err(argument(py, "frames.time", message));
        }
        let Some(ends) = &self.ends else { return Ok(Some(rows)) };
        // A frame has the time of its last price; one without prices has none.
        let last = |end: u32| (end as usize).checked_sub(1).and_then(|row| rows.get(row)).copied();
        let mut before = 0;
        let time = |&end: &u32| {
            let empty = end == before;
            before = end;
            last(end).filter(|_| !empty).unwrap_or(NO_TIME)
        };
        Ok(Some(ends.iter().map(time).collect()))
    }
}

fn int_column(object: &Bound<'_, PyAny>, name: &str) -> PyResult<Vec<i64>> {
    let refuse = |_| argument(object.py(), name, "was no column of 64-bit integers");
    let array: PyReadonlyArray1<'_, i64> = object.cast::<PyArray1<i64>>().map_err(refuse)?.try_readonly()?;
    Ok(array.as_array().to_vec())
}

/// Where frames end, as they were given.
fn given_ends(ends: &Bound<'_, PyAny>, rows: usize) -> PyResult<Vec<u32>> {
    let py = ends.py();
    let ends = int_column(ends, "ends")?;
    let mut before = 0;
    for (at, &end) in ends.iter().enumerate() {
        if end < before || usize::try_from(end).is_ok_and(|end| end > rows) {
            let message = format!("was {end}, expected rows that ascend up to {rows}");
            return Err(argument(py, &format!("ends[{at}]"), message));
        }
        before = end;
    }
    if usize::try_from(before).is_ok_and(|last| last != rows) {
        return Err(argument(py, "ends", format!("ended at row {before}, expected all {rows} rows to be in frames")));
    }
    Ok(ends.into_iter().map(|end| u32::try_from(end).unwrap_or(u32::MAX)).collect())
}

/// Where frames end that are told by their number: rows beside each other are one while it stays.
fn ends_of(py: Python<'_>, numbers: &Keys<'_>) -> PyResult<Vec<u32>> {
    let Keys::Int(numbers) = numbers else {
        return Err(argument(py, "frames.frame", "had names, expected integers"));
    };
    let row = |end: usize| u32::try_from(end).unwrap_or(u32::MAX);
    let inner = (1..numbers.len()).filter(|&at| numbers[at] != numbers[at - 1]).map(row);
    Ok(inner.chain((!numbers.is_empty()).then(|| row(numbers.len()))).collect())
}

/// The kind of price of each row.
enum Quotes<'a> {
    Marks,
    Codes(&'a [i64]),
    Words(&'a [u32], Vec<Quote>),
}

impl<'a> Quotes<'a> {
    fn new(py: Python<'_>, column: Option<&'a KeyColumn<'_>>) -> PyResult<Self> {
        let wrong = |row: usize, was: String| {
            argument(py, &format!("frames.quote[{row}]"), format!("was {was}, expected mark, index or last"))
        };
        match column.map(KeyColumn::as_keys) {
            None => Ok(Self::Marks),
            Some(Keys::Int(codes)) => {
                let bad = codes.iter().position(|&code| usize::try_from(code).map_or(true, |code| code > 2));
                bad.map_or(Ok(Self::Codes(codes)), |row| Err(wrong(row, codes[row].to_string())))
            }
            Some(Keys::Text(keys)) => {
                let kind = |name: &String| QUOTES.into_iter().find(|quote| quote.name() == name);
                let known: Vec<Option<Quote>> = keys.names.iter().map(kind).collect();
                let of = |code: u32| known.get(code as usize).copied().flatten();
                if let Some(row) = keys.codes.iter().position(|&code| of(code).is_none()) {
                    let was = keys.names.get(keys.codes[row] as usize).map_or("null", String::as_str);
                    return Err(wrong(row, was.to_owned()));
                }
                Ok(Self::Words(keys.codes, known.into_iter().map(|quote| quote.unwrap_or(Quote::Mark)).collect()))
            }
        }
    }

    fn of(&self, row: usize) -> Quote {
        match self {
            Self::Marks => Quote::Mark,
            Self::Codes(codes) => usize::try_from(codes[row]).map_or(Quote::Mark, |code| QUOTES[code]),
            Self::Words(codes, known) => known[codes[row] as usize],
        }
    }
}

/// The place of each row's name in the market's order.
enum Places<'a> {
    Ints(&'a [i64]),
    Codes { codes: &'a [u32], names: &'a [String], instruments: Vec<u32>, assets: Vec<u32> },
}

impl<'a> Places<'a> {
    fn new(py: Python<'_>, market: &Market, names: &Keys<'a>) -> PyResult<Self> {
        match names {
            Keys::Int(places) => {
                let beyond = |&place: &i64| u32::try_from(place).is_err();
                if let Some(row) = places.iter().position(beyond) {
                    let message = format!("was {}, expected a name, or a place in the market's order", places[row]);
                    return Err(argument(py, &format!("frames.name[{row}]"), message));
                }
                Ok(Self::Ints(places))
            }
            Keys::Text(keys) => {
                let all =
                    |quote| keys.names.iter().map(|name| place(market, quote, name).unwrap_or(u32::MAX)).collect();
                Ok(Self::Codes {
                    codes: keys.codes,
                    names: keys.names,
                    instruments: all(Quote::Mark),
                    assets: all(Quote::Index),
                })
            }
        }
    }

    fn ticks(&self, py: Python<'_>, quotes: &Quotes<'_>, prices: &RealColumn<'_>) -> PyResult<Vec<Tick>> {
        let tick = |(row, &price): (usize, &f64)| {
            let quote = quotes.of(row);
            let at = match self {
                Self::Ints(places) => u32::try_from(places[row]).unwrap_or(u32::MAX),
                Self::Codes { codes, names, instruments, assets } => {
                    let code = codes[row] as usize;
                    let known = if quote == Quote::Index { assets } else { instruments };
                    let found = known.get(code).copied().filter(|&at| at != u32::MAX);
                    found.ok_or_else(|| unknown(py, quote, names.get(code).map_or("null", String::as_str), price))?
                }
            };
            Ok(Tick { quote, at, price })
        };
        prices.as_slice().iter().enumerate().map(tick).collect()
    }
}
