//! The largest number of quanta of which something holds that holds of all smaller ones.

use num_bigint::BigInt;

use crate::exact::Exact;

/// The largest count that is told: what is more is told as this.
pub(super) const MOST: i128 = 10_i128.pow(37) - 1;

/// Whether something holds of a count, and how far it is from not holding: below zero where it does not.
#[derive(Debug, Clone, Copy)]
pub(super) struct Probe {
    pub(super) holds: bool,
    pub(super) slack: f64,
}

/// The largest count up to `end` of which something holds, where it holds of every count below one that it holds of; 0 where
/// it holds of none.
///
/// `slack` only says where to look next: what it is of made of few straight pieces is found in a few steps, anything else by
/// halving.
pub(super) fn most(end: i128, mut probe: impl FnMut(i128) -> Probe) -> i128 {
    if end <= 0 {
        return 0;
    }
    let last = probe(end);
    if last.holds {
        return end;
    }
    let first = probe(0);
    if !first.holds {
        return 0;
    }
    let mut between = Between { low: (0, first.slack), high: (end, last.slack) };
    let mut halve = false;
    while between.width() > 1 {
        let width = between.width();
        let guess = between.guess(halve);
        let found = probe(guess);
        between.note(guess, found);
        // The neighbour of a good guess ends the search.
        let next = if found.holds { guess + 1 } else { guess - 1 };
        if between.low.0 < next && next < between.high.0 {
            between.note(next, probe(next));
        }
        halve = between.width() > width / 2;
    }
    between.low.0
}

/// Two counts with their slacks: something holds of the lower one, and not of the other.
struct Between {
    low: (i128, f64),
    high: (i128, f64),
}

impl Between {
    const fn width(&self) -> i128 {
        self.high.0 - self.low.0
    }

    /// A count between, where the slack is zero if it is straight.
    fn guess(&self, halve: bool) -> i128 {
        let share = self.low.1 / (self.low.1 - self.high.1);
        let straight = !halve && share > 0.0 && share < 1.0;
        let step = if straight { part(self.width(), share) } else { self.width() / 2 };
        self.low.0 + step.clamp(1, self.width() - 1)
    }

    const fn note(&mut self, at: i128, found: Probe) {
        if found.holds {
            self.low = (at, found.slack);
        } else {
            self.high = (at, found.slack);
        }
    }
}

/// The least count of which something does not hold that holds of nothing, with a count to begin with; [`MOST`] where it is more,
/// `None` where no count is enough.
pub(super) fn least(start: i128, mut probe: impl FnMut(i128) -> Probe) -> Option<i128> {
    let mut end = start.clamp(1, MOST);
    loop {
        let found = probe(end);
        if !found.holds {
            return Some(most(end, probe) + 1);
        }
        if end == MOST {
            // What more changes nothing of, such as an asset that counts up to a cap, is never enough.
            return (found.slack < probe(MOST / 2).slack).then_some(MOST);
        }
        end = end.saturating_mul(16).min(MOST);
    }
}

/// A share of a count, cut.
fn part(width: i128, share: f64) -> i128 {
    let exact = Exact::from_digits(width, 0) * Exact::from_f64(share);
    floor(&exact, &Exact::from_digits(1, 0)).unwrap_or(width / 2)
}

/// How many whole steps are in an amount; `None` beyond what is counted.
pub(super) fn floor(amount: &Exact, step: &Exact) -> Option<i128> {
    counted(&amount.in_steps(step).0)
}

/// The least number of steps that an amount is not above; `None` beyond what is counted.
pub(super) fn ceiling(amount: &Exact, step: &Exact) -> Option<i128> {
    let (whole, rest, _) = amount.in_steps(step);
    counted(&whole).map(|whole| whole + i128::from(rest))
}

fn counted(count: &BigInt) -> Option<i128> {
    i128::try_from(count).ok().filter(|count| count.unsigned_abs() <= MOST.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::cast_precision_loss, reason = "a slack is a guide")]
    fn near(count: i128) -> f64 {
        count as f64
    }

    #[test]
    fn test_search_of_a_bend_gives_the_last_that_holds() {
        for last in [0, 1, 2, 999, 1_000, 123_456_789_012_345_678, MOST - 1] {
            for bend in [1, 3, 1_000_000] {
                let mut asked = 0;
                let slack = |at: i128| if at > last { near(last - at) * near(bend) - 0.5 } else { near(last - at) };
                let found = most(MOST, |at| {
                    asked += 1;
                    Probe { holds: at <= last, slack: slack(at) }
                });
                assert_eq!(found, last, "{bend}");
                assert!(asked < 600, "{asked} {last} {bend}");
            }
        }
    }

    #[test]
    fn test_search_whose_slack_says_nothing_halves() {
        let found = most(1_000_000, |at| Probe { holds: at <= 777, slack: f64::NAN });
        assert_eq!(found, 777);
        assert_eq!(most(0, |_| Probe { holds: true, slack: 1.0 }), 0);
        assert_eq!(most(5, |_| Probe { holds: false, slack: -1.0 }), 0);
        assert_eq!(most(5, |_| Probe { holds: true, slack: -1.0 }), 5);
    }

    #[test]
    fn test_search_for_the_least_goes_beyond_its_beginning() {
        let at = |first: i128| move |at: i128| Probe { holds: at < first, slack: near(first - at) };
        assert_eq!(least(3, at(1)), Some(1));
        assert_eq!(least(0, at(70_000)), Some(70_000));
        assert_eq!(least(1, |_| Probe { holds: true, slack: 1.0 }), None);
        assert_eq!(least(1, |at| Probe { holds: true, slack: -near(at) }), Some(MOST));
        assert_eq!(least(1, |at| Probe { holds: true, slack: 9.0 - near(at.min(5)) }), None);
    }

    #[test]
    fn test_counts_of_steps_are_cut_and_filled_up() {
        let cents = Exact::from_f64(0.01);
        assert_eq!(floor(&Exact::from_f64(1.239), &cents), Some(123));
        assert_eq!(ceiling(&Exact::from_f64(1.231), &cents), Some(124));
        assert_eq!(ceiling(&Exact::from_f64(1.23), &cents), Some(123));
        assert_eq!(floor(&Exact::from_f64(-0.001), &cents), Some(-1));
        assert_eq!(floor(&Exact::from_f64(1e60), &cents), None);
    }
}
