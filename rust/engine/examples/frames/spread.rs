//! Times of many frames, summed up, and what reading the clock takes.

use std::fmt::Write as _;
use std::time::Instant;

/// Readings of the clock in a stretch that its own cost is taken of, and how many stretches there are.
const READINGS: u32 = 1_000;
const STRETCHES: u32 = 1_000;

/// Nanoseconds between two readings of the clock with nothing in between: the least of many stretches, as frames are the least
/// of several runs.
pub(crate) fn clock() -> f64 {
    let stretch = |_| {
        let begin = Instant::now();
        let last = (0..READINGS).fold(begin, |_, _| std::hint::black_box(Instant::now()));
        last.duration_since(begin).as_secs_f64() * 1e9 / f64::from(READINGS)
    };
    (0..STRETCHES).map(stretch).fold(f64::INFINITY, |least, of| if of < least { of } else { least })
}

/// Nanoseconds, as many as fit.
pub(crate) fn nanoseconds(from: Instant, to: Instant) -> u32 {
    u32::try_from(to.duration_since(from).as_nanos()).unwrap_or(u32::MAX)
}

/// The mean and the quantiles of times in nanoseconds, as members of a JSON object.
pub(crate) fn members(times: &[u32]) -> String {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    let sum: u64 = sorted.iter().map(|&time| u64::from(time)).sum();
    let mut text = String::new();
    #[expect(clippy::cast_precision_loss, reason = "sums of nanoseconds stay below 2^53 for a hundred days")]
    let mean = sum as f64 / sorted.len().max(1) as f64;
    let _ = write!(text, "\"mean_ns\": {mean}");
    for (name, per_mille) in [("p50_ns", 500), ("p99_ns", 990), ("p999_ns", 999), ("worst_ns", 1000)] {
        let rank = (sorted.len() * per_mille).div_ceil(1000).max(1);
        let _ = write!(text, ", \"{name}\": {}", sorted.get(rank - 1).copied().unwrap_or(0));
    }
    text
}
