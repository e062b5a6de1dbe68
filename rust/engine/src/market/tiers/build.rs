//! Tier tables read from a file: what is checked, and what follows from what is written.

use super::{TierLaw, TierTable, decimals};
use crate::error::{Error, Result, shown};
use crate::exact::Exact;
use crate::market::number::Number;
use crate::market::schema::{self, ArithmeticEntry, AtFloor, LawKind, TiersEntry};

/// How far a published deduction may lie from the derived one, relatively.
const DEDUCTION_TOLERANCE: f64 = 1e-12;
/// How far it may lie from a derived zero.
const ZERO_TOLERANCE: f64 = 1e-9;
/// More levels than any venue has; a bound on what a file can make the engine allocate.
const MOST_LEVELS: u32 = 10_000;

impl TierTable {
    /// Checks a table and derives what follows from it; `path` is `tiers.<name>`.
    pub(in crate::market) fn build(entry: &TiersEntry, path: &str) -> Result<Self> {
        let written = match (entry.law, &entry.arithmetic) {
            (LawKind::Arithmetic, Some(levels)) => written_out(entry, levels, path)?,
            (LawKind::Arithmetic, None) => {
                let message = "is missing, expected the levels of law \"arithmetic\"";
                return Err(Error::market(format!("{path}.arithmetic"), message));
            }
            (law, Some(_)) => {
                let message =
                    format!("was given, expected only under law \"arithmetic\", not {}", schema::name_of(&law));
                return Err(Error::market(format!("{path}.arithmetic"), message));
            }
            (_, None) => entry.clone(),
        };
        check_shape(&written, path)?;
        check_columns(&written, path)?;
        Self::of_columns(&written, path)
    }

    /// The table of checked columns.
    fn of_columns(entry: &TiersEntry, path: &str) -> Result<Self> {
        let floors = schema::floats(&entry.floor);
        let max_leverage = if entry.max_leverage.is_empty() {
            vec![f64::INFINITY; floors.len()]
        } else {
            schema::floats(&entry.max_leverage)
        };
        let halved = entry.law == LawKind::HalfOfMaxLeverage;
        let rates = if halved {
            check_falling(&max_leverage, path)?;
            max_leverage.iter().map(|&leverage| half_of_inverse(leverage)).collect()
        } else {
            decimals(&schema::floats(&entry.maintenance_rate))
        };
        let (law, deductions) = choose_deductions(entry, &floors, &rates, path)?;
        let has_initial_rates = !entry.initial_rate.is_empty();
        let initial_rates = if has_initial_rates {
            schema::floats(&entry.initial_rate)
        } else {
            max_leverage.iter().map(|&leverage| inverse(leverage).to_f64()).collect()
        };
        Ok(Self {
            law,
            bounds: entry.bounds,
            at_floor: entry.at_floor.unwrap_or(AtFloor::Higher),
            maintenance_rates: rates.iter().map(Exact::to_f64).collect(),
            initial_rates,
            deductions,
            max_leverage,
            cap: entry.cap.map(Number::get),
            floors,
            halved,
            has_initial_rates,
        })
    }

    /// The entry that says the same, without deductions that follow from the rest.
    pub(in crate::market) fn canonical(&self, entry: &TiersEntry) -> TiersEntry {
        let (law, deduction) = match self.law {
            TierLaw::List => (LawKind::List, self.deductions.iter().map(|&d| Number::new(d)).collect()),
            _ => (entry.law, vec![]),
        };
        TiersEntry { law, deduction, ..entry.clone() }
    }
}

/// `1 / x`, zero for an infinite `x`.
pub(super) fn inverse(x: f64) -> Exact {
    let decimal = x.is_finite().then(|| Exact::from_f64(x));
    decimal.and_then(|x| Exact::from_f64(1.0).checked_div(&x)).unwrap_or_else(Exact::zero)
}

/// `1 / (2 * x)`.
pub(super) fn half_of_inverse(x: f64) -> Exact {
    Exact::from_f64(0.5) * inverse(x)
}

/// The deductions that make a marginal table continuous, exactly.
pub(super) fn derived_deductions(floors: &[f64], rates: &[Exact]) -> Vec<Exact> {
    let mut deduction = Exact::zero();
    let mut all = vec![deduction.clone()];
    for (pair, &floor) in rates.windows(2).zip(floors.iter().skip(1)) {
        deduction = deduction + Exact::from_f64(floor) * (pair[1].clone() - pair[0].clone());
        all.push(deduction.clone());
    }
    all
}

/// The columns of levels at regular distances.
///
/// Level `k` is `1` up to the base, else `ceil((u - base) / increment) + 1`: an amount on a bound is in the level that
/// ends there, and the last level ends at a cap.
fn written_out(entry: &TiersEntry, levels: &ArithmeticEntry, path: &str) -> Result<TiersEntry> {
    let columns = [("floor", &entry.floor), ("maintenance_rate", &entry.maintenance_rate)];
    let columns = columns.into_iter().chain([("initial_rate", &entry.initial_rate), ("deduction", &entry.deduction)]);
    for (column, values) in columns {
        if !values.is_empty() {
            let message = "was given, expected none under law \"arithmetic\", whose section has it";
            return Err(Error::market(format!("{path}.{column}"), message));
        }
    }
    if entry.at_floor == Some(AtFloor::Higher) {
        let message = "was \"higher\", expected \"lower\": a level of law \"arithmetic\" includes its upper end";
        return Err(Error::market(format!("{path}.at_floor"), message));
    }
    let at = |key: &str| format!("{path}.arithmetic.{key}");
    levels.base.positive(|| at("base"))?;
    levels.increment.positive(|| at("increment"))?;
    levels.maintenance_rate.rate(|| at("maintenance_rate"))?;
    if !(1..=MOST_LEVELS).contains(&levels.levels) {
        let message = format!("was {}, expected a number of levels within 1 and {MOST_LEVELS}", levels.levels);
        return Err(Error::market(at("levels"), message));
    }
    let ends = series(levels.base, levels.increment, levels.levels, || at("increment"))?;
    let mut floor = vec![Number::new(0.0)];
    floor.extend_from_slice(&ends[..ends.len() - 1]);
    let rates = series(levels.maintenance_rate, levels.maintenance_step, levels.levels, || at("maintenance_step"))?;
    let initial_rate = match (levels.initial_rate, levels.initial_step) {
        (Some(first), Some(step)) => series(first, step, levels.levels, || at("initial_step"))?,
        (None, None) => vec![],
        (Some(_), None) => return Err(Error::market(at("initial_step"), "is missing beside initial_rate")),
        (None, Some(_)) => return Err(Error::market(at("initial_rate"), "is missing beside initial_step")),
    };
    Ok(TiersEntry {
        floor,
        cap: entry.cap.or(ends.last().copied()),
        maintenance_rate: rates,
        initial_rate,
        at_floor: Some(AtFloor::Lower),
        ..entry.clone()
    })
}

/// `first + k * step` for each `k` below `n`, exactly.
fn series(first: Number, step: Number, n: u32, path: impl Fn() -> String) -> Result<Vec<Number>> {
    let (first, step) = (Exact::from_f64(first.get()), Exact::from_f64(step.get()));
    let value = |k: u32| {
        let exact = first.clone() + Exact::from_f64(f64::from(k)) * step.clone();
        let nearest = exact.to_f64();
        if Exact::from_f64(nearest) == exact {
            return Ok(Number::new(nearest));
        }
        let message = format!("makes a value at level {} that has more digits than a float holds", k + 1);
        Err(Error::market(path(), message))
    };
    (0..n).map(value).collect()
}

/// Checks that the columns are there and equally long.
fn check_shape(entry: &TiersEntry, path: &str) -> Result<()> {
    let n = entry.floor.len();
    if n == 0 {
        return Err(Error::market(format!("{path}.floor"), "was empty, expected the floors of the tiers, from 0"));
    }
    if entry.law == LawKind::HalfOfMaxLeverage {
        if !entry.maintenance_rate.is_empty() {
            let message = "was given, expected none under law \"half_of_max_leverage\", which derives it";
            return Err(Error::market(format!("{path}.maintenance_rate"), message));
        }
        if entry.max_leverage.is_empty() {
            let message = "was empty, expected a leverage per floor under law \"half_of_max_leverage\"";
            return Err(Error::market(format!("{path}.max_leverage"), message));
        }
    } else if entry.maintenance_rate.is_empty() {
        return Err(Error::market(format!("{path}.maintenance_rate"), "was empty, expected a rate per floor"));
    }
    let columns = [
        ("maintenance_rate", entry.maintenance_rate.len()),
        ("initial_rate", entry.initial_rate.len()),
        ("max_leverage", entry.max_leverage.len()),
        ("deduction", entry.deduction.len()),
    ];
    for (column, len) in columns {
        if len != 0 && len != n {
            let message = format!("had {len} values, expected {n}, one per floor");
            return Err(Error::market(format!("{path}.{column}"), message));
        }
    }
    Ok(())
}

/// Checks the values of the columns.
fn check_columns(entry: &TiersEntry, path: &str) -> Result<()> {
    check_floors(&entry.floor, path)?;
    for (column, rates) in [("maintenance_rate", &entry.maintenance_rate), ("initial_rate", &entry.initial_rate)] {
        for (k, rate) in rates.iter().enumerate() {
            rate.rate(|| format!("{path}.{column}[{k}]"))?;
        }
    }
    for (k, leverage) in entry.max_leverage.iter().enumerate() {
        if leverage.get() < 1.0 {
            let message = format!("was {}, expected at least 1", shown(leverage.get()));
            return Err(Error::market(format!("{path}.max_leverage[{k}]"), message));
        }
    }
    let last = entry.floor[entry.floor.len() - 1].get();
    check_cap(entry.cap, last, path)
}

/// Floors rise from 0.
pub(in crate::market) fn check_floors(floors: &[Number], path: &str) -> Result<()> {
    match floors.first().map(|floor| floor.get()) {
        None => {
            return Err(Error::market(format!("{path}.floor"), "was empty, expected the floors of the tiers, from 0"));
        }
        Some(first) if first != 0.0 => {
            return Err(Error::market(format!("{path}.floor[0]"), format!("was {}, expected 0", shown(first))));
        }
        Some(_) => {}
    }
    for (k, pair) in floors.windows(2).enumerate() {
        let (lower, upper) = (pair[0].get(), pair[1].get());
        if upper <= lower {
            let message = format!("was {}, expected more than the floor before it, {}", shown(upper), shown(lower));
            return Err(Error::market(format!("{path}.floor[{}]", k + 1), message));
        }
    }
    Ok(())
}

/// The last tier is not empty.
pub(in crate::market) fn check_cap(cap: Option<Number>, last: f64, path: &str) -> Result<()> {
    match cap.map(Number::get) {
        Some(cap) if cap <= last => Err(Error::market(
            format!("{path}.cap"),
            format!("was {}, expected more than the last floor, {}", shown(cap), shown(last)),
        )),
        _ => Ok(()),
    }
}

/// The deductions that count, and the law under which they do.
fn choose_deductions(entry: &TiersEntry, floors: &[f64], rates: &[Exact], path: &str) -> Result<(TierLaw, Vec<f64>)> {
    let given = schema::floats(&entry.deduction);
    match entry.law {
        LawKind::Flat | LawKind::Arithmetic => {
            if let Some(k) = given.iter().position(|&d| d != 0.0) {
                let message =
                    format!("was {}, expected none under law \"flat\"; write law = \"list\"", shown(given[k]));
                return Err(Error::market(format!("{path}.deduction[{k}]"), message));
            }
            Ok((TierLaw::Flat, vec![0.0; floors.len()]))
        }
        LawKind::List => {
            if given.is_empty() {
                let message = "was missing, expected a value per floor under law \"list\"";
                return Err(Error::market(format!("{path}.deduction"), message));
            }
            listed(floors, rates, given, path)
        }
        LawKind::Marginal | LawKind::HalfOfMaxLeverage => {
            let derived = derived_deductions(floors, rates);
            let differs = given.iter().zip(&derived).position(|(&g, d)| !agrees(g, d));
            match differs {
                Some(k) if entry.law == LawKind::HalfOfMaxLeverage => {
                    let message =
                        format!("was {}, expected the derived one, {}", shown(given[k]), shown(derived[k].to_f64()));
                    return Err(Error::market(format!("{path}.deduction[{k}]"), message));
                }
                Some(_) => return listed(floors, rates, given, path),
                None => {}
            }
            check_rising(&schema::floats(&entry.maintenance_rate), path)?;
            Ok((TierLaw::Marginal, derived.iter().map(Exact::to_f64).collect()))
        }
    }
}

/// Whether a published deduction is the derived one.
fn agrees(given: f64, derived: &Exact) -> bool {
    let distance = (Exact::from_f64(given) - derived.clone()).abs();
    let allowed = if derived.is_zero() {
        Exact::from_f64(ZERO_TOLERANCE)
    } else {
        Exact::from_f64(DEDUCTION_TOLERANCE) * derived.clone().abs()
    };
    distance <= allowed
}

/// A table whose rates fall would be continuous yet not convex: its deductions must be listed.
fn check_rising(rates: &[f64], path: &str) -> Result<()> {
    match rates.windows(2).position(|pair| pair[1] < pair[0]) {
        None => Ok(()),
        Some(k) => {
            let message = format!(
                "was {}, below the rate before it, {}; write law = \"list\" with its deductions",
                shown(rates[k + 1]),
                shown(rates[k])
            );
            Err(Error::market(format!("{path}.maintenance_rate[{}]", k + 1), message))
        }
    }
}

/// Rates that are half of one over the leverage rise as it falls.
fn check_falling(leverages: &[f64], path: &str) -> Result<()> {
    match leverages.windows(2).position(|pair| pair[1] > pair[0]) {
        None => Ok(()),
        Some(k) => {
            let message = format!(
                "was {}, above the leverage before it, {}, under law \"half_of_max_leverage\"",
                shown(leverages[k + 1]),
                shown(leverages[k])
            );
            Err(Error::market(format!("{path}.max_leverage[{}]", k + 1), message))
        }
    }
}

/// A table with deductions as published; no tier may require less than nothing.
fn listed(floors: &[f64], rates: &[Exact], given: Vec<f64>, path: &str) -> Result<(TierLaw, Vec<f64>)> {
    for (k, &deduction) in given.iter().enumerate() {
        let charged = rates[k].clone() * Exact::from_f64(floors[k]);
        if charged < Exact::from_f64(deduction) {
            let message =
                format!("was {}, expected no more than rate * floor, {}", shown(deduction), shown(charged.to_f64()));
            return Err(Error::market(format!("{path}.deduction[{k}]"), message));
        }
    }
    Ok((TierLaw::List, given))
}
