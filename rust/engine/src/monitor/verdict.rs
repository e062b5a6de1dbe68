//! Which flags of a pool are set, by its figures in doubles where their bound decides.

use crate::market::{Market, TierLaw};

use super::alerts::{Alerts, Liquidation};
use super::arm::{Guard, MOST_GUARDS};
use super::pools::{Pool, Sums};

/// What is watched of every pool.
#[derive(Debug, Clone)]
pub(super) struct Levels {
    /// Levels of the margin ratio, descending.
    pub(super) ratio: Vec<f64>,
    trigger: f64,
    /// Bits that are watched, and that of being liquidatable.
    pub(super) watched: u32,
    pub(super) liquidatable: u32,
    /// The bit of a soft stop.
    pub(super) stopped: u32,
    /// Bits that stay once they are set.
    pub(super) latched: u32,
}

/// What the figures say.
#[derive(Debug, Clone, Copy)]
pub(super) struct Verdict {
    pub(super) bits: u32,
    /// Bits that only exact arithmetic can tell.
    pub(super) open: u32,
}

/// Guards in a row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Guards {
    guards: [Guard; MOST_GUARDS],
    n: usize,
}

impl Guards {
    const fn new() -> Self {
        let none = Guard { level: 0.0, slack: 0.0, falls: true, stops: false };
        Self { guards: [none; MOST_GUARDS], n: 0 }
    }

    fn push(&mut self, guard: Guard) {
        self.guards[self.n] = guard;
        self.n += 1;
    }

    pub(super) fn as_slice(&self) -> &[Guard] {
        &self.guards[..self.n]
    }
}

/// The slack of a flag that is off zero by `off`. Its error is a quarter of `bound`; the rest is more than what rounding adds
/// later.
fn slack(off: f64, bound: f64) -> f64 {
    let slack = off.abs() - bound;
    // Written so that what is not a number is none.
    if slack > 0.0 { slack } else { 0.0 }
}

impl Levels {
    pub(super) fn new(alerts: &Alerts, market: &Market) -> Self {
        let stopped = alerts.stopped();
        let latched = if alerts.liquidation == Liquidation::Latched { alerts.liquidatable() } else { 0 };
        Self {
            ratio: alerts.levels.clone(),
            trigger: market.rules().trigger_level(),
            watched: alerts.watched(),
            liquidatable: alerts.liquidatable(),
            stopped,
            latched: latched | stopped,
        }
    }

    /// The flags by level, each with its bit, that are watched.
    fn each(&self) -> impl Iterator<Item = (u32, f64)> + '_ {
        let ratio = self.ratio.iter().enumerate().map(|(k, &level)| (1 << k, level));
        let trigger = (self.watched & self.liquidatable != 0).then_some((self.liquidatable, self.trigger));
        ratio.chain(trigger)
    }

    /// Which flags of a pool are set.
    #[inline]
    pub(super) fn verdict(&self, pool: &Pool, sums: &Sums) -> Verdict {
        let (mut bits, mut open) = (0, 0);
        let requires = sums.requires();
        for (bit, level) in self.each() {
            let (off, bound) = (sums.equity - level * sums.required, sums.bound(level));
            // Written so that what is not a number is open; without positions nothing was rounded that counts.
            if sums.notional == 0.0 {
                continue;
            }
            let of_ratio = bit != self.liquidatable;
            let is_certain = off.abs() > bound && !(of_ratio && requires.is_none());
            if !is_certain {
                open |= bit;
            } else if off < 0.0 {
                bits |= bit;
            }
        }
        if !pool.stop.is_nan() {
            let (off, bound) = Self::off_stop(pool, sums);
            if off.abs() > bound {
                bits |= if off < 0.0 { self.stopped } else { 0 };
            } else {
                open |= self.stopped;
            }
        }
        Verdict { bits, open }
    }

    /// How far the equity of a pool is above where its account is stopped, and a bound of the error.
    fn off_stop(pool: &Pool, sums: &Sums) -> (f64, f64) {
        (sums.equity - pool.stop, sums.bound(0.0) + 8.0 * f64::EPSILON * pool.stop.abs())
    }

    /// Whether rounding could have changed the sign of a pool's excess.
    #[inline]
    pub(super) fn is_near_trigger(&self, sums: &Sums) -> bool {
        let bound = sums.bound(self.trigger);
        // Written so that what is not a number is near; where nothing was added up, nothing was rounded.
        let is_certain = self.excess(sums).abs() > bound || bound == 0.0;
        !is_certain
    }

    /// `equity - level * required`, by the level that makes a pool liquidatable.
    pub(super) fn excess(&self, sums: &Sums) -> f64 {
        sums.equity - self.trigger * sums.required
    }

    /// The level that makes a pool liquidatable.
    pub(super) const fn trigger(&self) -> f64 {
        self.trigger
    }

    /// What must not change unseen while `bits` are the flags of a pool.
    #[inline]
    pub(super) fn guards(&self, pool: &Pool, sums: &Sums) -> Guards {
        let mut guards = Guards::new();
        let (mut set, mut unset) = (None::<(u32, f64)>, None::<(u32, f64)>);
        for (bit, level) in self.each() {
            let is_set = pool.bits & bit != 0;
            if is_set && self.latched & bit != 0 {
                continue;
            }
            // Of flags that are set the nearest to be cleared is that of the least level, of the others the reverse.
            if is_set && set.is_none_or(|(_, least)| level < least) {
                set = Some((bit, level));
            } else if !is_set && unset.is_none_or(|(_, most)| level > most) {
                unset = Some((bit, level));
            }
        }
        for ((bit, level), falls) in unset.map(|of| (of, true)).into_iter().chain(set.map(|of| (of, false))) {
            let off = sums.equity - level * sums.required;
            // Where a flag is not what the sign says, it is so because nothing is required.
            let by_sign = (off < 0.0) != falls && (sums.always_requires || bit == self.liquidatable || falls);
            let bound = 4.0 * sums.bound(level);
            let slack = if by_sign { slack(off, bound) } else { 0.0 };
            guards.push(Guard { level, slack, falls, stops: false });
        }
        if !pool.stop.is_nan() && pool.bits & self.stopped == 0 {
            let (off, bound) = Self::off_stop(pool, sums);
            let bound = 4.0 * bound;
            let slack = if off > 0.0 { slack(off, bound) } else { 0.0 };
            guards.push(Guard { level: 0.0, slack, falls: true, stops: true });
        }
        guards
    }
}

/// Whether what positions add decides every pool of a market: charges that follow from rates alone.
pub(super) fn has_plain_tiers(market: &Market) -> bool {
    let is_plain = |law: TierLaw| matches!(law, TierLaw::Marginal | TierLaw::Flat);
    market.instruments().iter().all(|instrument| {
        is_plain(instrument.tiers().law()) && instrument.old_tiers().iter().all(|(_, table)| is_plain(table.law()))
    })
}
