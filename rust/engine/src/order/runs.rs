//! Which sizes are accepted, where each condition on its own holds up to some size of a piece, or from some size of it on.

use std::collections::BTreeMap;

/// What is said of one size.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Probe {
    /// A bit for each condition that fails; none: it is accepted.
    pub(super) bits: u32,
    /// Nearly what is missing, or less than zero what is left, of the condition that sizes mostly end at; NaN where unknown.
    pub(super) gap: f64,
}

/// Sizes, by rung, and what was asked of them already.
pub(super) struct Search<'a> {
    ask: &'a mut dyn FnMut(u64) -> Probe,
    /// The size of a rung, nearly.
    size: &'a dyn Fn(u64) -> f64,
    /// The last rung of at most a size, nearly.
    rung: &'a dyn Fn(f64) -> u64,
    known: BTreeMap<u64, Probe>,
}

impl<'a> Search<'a> {
    pub(super) const fn new(
        ask: &'a mut dyn FnMut(u64) -> Probe,
        size: &'a dyn Fn(u64) -> f64,
        rung: &'a dyn Fn(f64) -> u64,
    ) -> Self {
        Self { ask, size, rung, known: BTreeMap::new() }
    }

    pub(super) fn at(&mut self, rung: u64) -> Probe {
        if let Some(known) = self.known.get(&rung) {
            return *known;
        }
        let probe = (self.ask)(rung);
        self.known.insert(rung, probe);
        probe
    }

    /// The accepted rungs from 1 to the last of `ends`, as runs, rising; `ends` are where pieces end, rising.
    pub(super) fn runs(&mut self, ends: &[u64]) -> Vec<(u64, u64)> {
        let mut runs: Vec<(u64, u64)> = Vec::new();
        let mut first = 1;
        for &end in ends {
            if let Some((from, to)) = self.of_piece(first, end) {
                match runs.last_mut() {
                    Some(run) if run.1 + 1 == from => run.1 = to,
                    _ => runs.push((from, to)),
                }
            }
            first = end + 1;
        }
        runs
    }

    /// The accepted rungs of a piece: of conditions that fail at one of its ends each changes once between, those that fail at
    /// both hold nowhere.
    fn of_piece(&mut self, first: u64, last: u64) -> Option<(u64, u64)> {
        let (at_first, at_last) = (self.at(first).bits, self.at(last).bits);
        if at_first & at_last != 0 {
            return None;
        }
        let to = if at_last == 0 { last } else { self.turn(at_last, first, last) - 1 };
        if at_first == 0 || to < first {
            return (first <= to).then_some((first, to));
        }
        let from = self.turn(at_first, first, last);
        (from <= to).then_some((from, to))
    }

    /// The first rung of a piece at which whether one of some conditions fails is as at its end.
    fn turn(&mut self, bits: u32, first: u64, last: u64) -> u64 {
        /// As many guesses before halving; of what is linear the first is right, or next to it.
        const GUESSES: u32 = 8;
        let at_end = self.at(last).bits & bits != 0;
        let (mut before, mut after, mut tries) = (first, last, 0);
        while after - before > 1 {
            let middle = before + (after - before) / 2;
            let guess = if tries < GUESSES { self.guess(before, after) } else { None };
            tries += 1;
            let at = guess.unwrap_or(middle).clamp(before + 1, after - 1);
            if (self.at(at).bits & bits != 0) == at_end { after = at } else { before = at }
        }
        after
    }

    /// Where the gap would be zero if it were linear between two rungs.
    fn guess(&mut self, before: u64, after: u64) -> Option<u64> {
        let (low, high) = (self.at(before).gap, self.at(after).gap);
        let share = low / (low - high);
        if !(0.0..=1.0).contains(&share) {
            return None;
        }
        let (from, to) = ((self.size)(before), (self.size)(after));
        Some((self.rung)(from + (to - from) * share))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::cast_precision_loss, reason = "sizes of a test")]
    const fn size_of(rung: u64) -> f64 {
        rung as f64
    }

    /// The runs of a rule, and how often it was asked.
    fn found(rule: impl Fn(u64) -> (u32, f64), ends: &[u64]) -> (Vec<(u64, u64)>, usize) {
        let mut n = 0;
        let mut ask = |rung| {
            n += 1;
            let (bits, gap) = rule(rung);
            Probe { bits, gap }
        };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "sizes of a test")]
        let rung = |size: f64| size as u64;
        let runs = Search::new(&mut ask, &size_of, &rung).runs(ends);
        (runs, n)
    }

    #[test]
    fn test_runs_of_a_linear_gap_are_found_in_a_few_questions() {
        let last = 1 << 61;
        let (runs, n) = found(|k| (u32::from(k > 123_456_789), size_of(k) - 123_456_789.5), &[last]);
        assert_eq!(runs, [(1, 123_456_789)]);
        assert!(n < 8, "{n} questions");
    }

    #[test]
    fn test_runs_of_conditions_without_a_gap_are_found_by_halves() {
        let rule = |k: u64| (u32::from(k > 1_000) | u32::from(k < 300) << 1 | u32::from(k > 800) << 2, f64::NAN);
        assert_eq!(found(rule, &[1 << 40]).0, [(300, 800)]);
        assert_eq!(found(|k| (u32::from(k != 7), f64::NAN), &[6, 7, 100]).0, [(7, 7)]);
        assert_eq!(found(|_| (0, f64::NAN), &[5, 9]).0, [(1, 9)]);
        assert_eq!(found(|_| (4, f64::NAN), &[5, 9]).0, []);
        let holed = |k: u64| (u32::from((4..=6).contains(&k)), f64::NAN);
        assert_eq!(found(holed, &[3, 4, 6, 50]).0, [(1, 3), (7, 50)]);
        assert_eq!(found(|k| (u32::from(k == 1), f64::NAN), &[1]).0, []);
    }
}
