//! One case: a path, what is watched, and identical runs of it.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use crossmargin::monitor::{Alerts, Counts, Event, Liquidation, Monitor, NO_TIME, Quote, Tick};
use crossmargin::{Book, Prices};

use crate::Failure;
use crate::columns::{places, reals, write_bytes};
use crate::spread::{members, nanoseconds};

/// What is timed.
pub(crate) struct Case {
    name: String,
    path: String,
    watched: String,
    runs: usize,
}

/// A path of prices, frame after frame.
struct Track {
    ticks: Vec<Tick>,
    ends: Vec<u32>,
}

/// What one run along a path gave.
struct Run {
    build: f64,
    seconds: f64,
    events: u64,
    monitor: Monitor,
}

impl Case {
    /// Reads a line: name, path, what is watched, number of runs.
    pub(crate) fn parse(line: &str) -> Result<Self, Failure> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [name, path, watched, runs] = words[..] else { return Err(format!("case {line:?}").into()) };
        let [name, path, watched] = [name, path, watched].map(String::from);
        Ok(Self { name, path, watched, runs: runs.parse()? })
    }

    /// Runs it: every frame by itself, then a whole run without a clock in it. Returns a line of JSON.
    pub(crate) fn run(&self, folder: &Path, book: &Arc<Book>, prices: &Prices) -> Result<String, Failure> {
        let track = Track::read(folder, &self.path)?;
        let alerts = alerts(&self.watched)?;
        let resident = resident_bytes()?;
        let mut least = vec![u32::MAX; track.ends.len()];
        let mut builds = Vec::new();
        let first = timed(book, prices, &alerts, &track, &mut least)?;
        builds.push(first.build);
        let held = resident_bytes()?.saturating_sub(resident);
        write_flags(folder, &self.name, &first.monitor)?;
        let (frames, events) = (track.ends.len(), first.events);
        let Counts { touches, exact, bytes, .. } = first.monitor.stats().read();
        drop(first);
        for _ in 1..self.runs {
            let run = timed(book, prices, &alerts, &track, &mut least)?;
            builds.push(run.build);
            same(&self.name, events, run.events)?;
        }
        let run = untimed(book, prices, &alerts, &track)?;
        builds.push(run.build);
        same(&self.name, events, run.events)?;
        builds.sort_by(f64::total_cmp);
        Ok(format!(
            "{{\"case\": \"{}\", \"frames\": {frames}, \"runs\": {}, {}, \"whole_seconds\": {}, \"events\": {events}, \
             \"touches\": {touches}, \"exact\": {exact}, \"build_seconds\": {}, \"build_least\": {}, \"bytes\": {bytes}, \
             \"resident_bytes\": {held}}}",
            self.name,
            self.runs,
            members(&least),
            run.seconds,
            builds[builds.len() / 2],
            builds[0],
        ))
    }
}

impl Track {
    fn read(folder: &Path, name: &str) -> Result<Self, Failure> {
        let at = places(folder, &format!("{name}.at"))?;
        let price = reals(folder, &format!("{name}.price"))?;
        let ticks: Vec<Tick> =
            at.into_iter().zip(price).map(|(at, price)| Tick { quote: Quote::Mark, at, price }).collect();
        let each = format!("{name}.ends");
        let ends = if folder.join(&each).exists() {
            places(folder, &each)?
        } else {
            (1..=u32::try_from(ticks.len())?).collect()
        };
        Ok(Self { ticks, ends })
    }
}

fn same(name: &str, first: u64, events: u64) -> Result<(), Failure> {
    if first == events {
        return Ok(());
    }
    Err(format!("{name}: identical runs gave {first} and {events} events").into())
}

fn alerts(watched: &str) -> Result<Alerts, Failure> {
    let plain = Alerts { liquidation: Liquidation::Watched, levels: Vec::new(), soft_stop: None, valuation: None };
    Ok(match watched {
        "latched" => Alerts { liquidation: Liquidation::Latched, ..plain },
        "watched" => plain,
        "levels" => Alerts { soft_stop: None, ..Alerts::default() },
        "stops" => Alerts { soft_stop: Alerts::default().soft_stop, ..plain },
        other => return Err(format!("nothing is known as {other:?}").into()),
    })
}

fn start(book: &Arc<Book>, prices: &Prices, alerts: &Alerts) -> Result<(Monitor, f64), Failure> {
    let begin = Instant::now();
    let (monitor, _) = Monitor::new(Arc::clone(book), prices.clone(), alerts.clone(), None)?;
    Ok((monitor, begin.elapsed().as_secs_f64()))
}

/// Applies the frames of a path with the clock read after each, and keeps the least time of each frame.
fn timed(book: &Arc<Book>, prices: &Prices, alerts: &Alerts, track: &Track, least: &mut [u32]) -> Result<Run, Failure> {
    let (mut monitor, build) = start(book, prices, alerts)?;
    let (mut found, mut events, mut from) = (Vec::<Event>::with_capacity(1 << 20), 0, 0);
    let begin = Instant::now();
    let mut last = begin;
    for (least, &end) in least.iter_mut().zip(&track.ends) {
        found.clear();
        monitor.update(&track.ticks[from..end as usize], NO_TIME, &mut found)?;
        let now = Instant::now();
        *least = (*least).min(nanoseconds(last, now));
        last = now;
        events += found.len() as u64;
        from = end as usize;
    }
    Ok(Run { build, seconds: begin.elapsed().as_secs_f64(), events, monitor })
}

/// Applies the frames of a path as a program that reads no clock does.
fn untimed(book: &Arc<Book>, prices: &Prices, alerts: &Alerts, track: &Track) -> Result<Run, Failure> {
    let (mut monitor, build) = start(book, prices, alerts)?;
    let (mut found, mut events, mut from) = (Vec::<Event>::with_capacity(1 << 20), 0, 0);
    let begin = Instant::now();
    for &end in &track.ends {
        found.clear();
        monitor.update(&track.ticks[from..end as usize], NO_TIME, &mut found)?;
        events += found.len() as u64;
        from = end as usize;
    }
    Ok(Run { build, seconds: begin.elapsed().as_secs_f64(), events, monitor })
}

/// Writes the flags of every pool at the end, a byte each: 1 where it is liquidatable.
fn write_flags(folder: &Path, name: &str, monitor: &Monitor) -> Result<(), Failure> {
    let levels = monitor.alerts().levels.len();
    let column: Vec<u8> = monitor.flags().pool_bits.iter().map(|bits| u8::from(bits >> levels & 1 == 1)).collect();
    write_bytes(folder, &format!("{name}.flags"), &column)
}

/// Bytes of this process that are in memory.
fn resident_bytes() -> Result<u64, Failure> {
    let pages: u64 = fs::read_to_string("/proc/self/statm")?.split_whitespace().nth(1).ok_or("statm")?.parse()?;
    Ok(pages * 4096)
}
