//! A table of orders, account by account: each meets what those before it left.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::book::{NO_KEY, ProposedRows};
use crate::pool::KnownTables;

use super::after::After;
use super::gate::{DecisionBuffers, Gate};
use super::ground::Ground;
use super::reason::Reason;
use super::room::Room;
use super::row::Row;
use super::rule::{Decision, decide_said};

/// What deciding about a table reads.
pub(super) struct Table<'a> {
    pub(super) ground: &'a Ground<'a>,
    pub(super) gate: Gate,
    pub(super) rows: &'a ProposedRows<'a>,
    /// The account of each row.
    pub(super) accounts: &'a [u32],
    /// The rows by account; `None`: as they are.
    pub(super) order: Option<&'a [u32]>,
    pub(super) after: After,
    pub(super) shared: Arc<KnownTables>,
}

/// Counts of what was decided.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) accepted: AtomicUsize,
    pub(super) exact: AtomicUsize,
    pub(super) unpriced: AtomicUsize,
    pub(super) malformed: AtomicUsize,
}

/// How many rows ahead what lanes have is fetched: some microseconds of work.
const AHEAD: usize = 24;

/// Rows that a thread claims at once, about.
const AT_ONCE: usize = 1 << 13;

impl Table<'_> {
    fn row(&self, place: usize) -> usize {
        self.order.map_or(place, |order| order[place] as usize)
    }

    fn account(&self, place: usize) -> u32 {
        self.accounts[self.row(place)]
    }

    /// The places, cut between accounts.
    pub(super) fn parts(&self) -> Vec<Range<usize>> {
        let n = self.rows.len();
        let (mut parts, mut first) = (Vec::new(), 0);
        while first < n {
            let mut end = n.min(first + AT_ONCE);
            while end < n && self.account(end) == self.account(end - 1) {
                end += 1;
            }
            parts.push(first..end);
            first = end;
        }
        parts
    }

    /// Decides about the rows at some places; buffers are as long.
    pub(super) fn decide(&self, places: Range<usize>, mut out: DecisionBuffers<'_>, counts: &Counts) {
        let mut n = [0; 4];
        let mut at = places.start;
        while at < places.end {
            let account = self.account(at);
            let alike = (at..places.end).take_while(|&place| self.account(place) == account).count();
            let run = at..at + alike;
            if let Some(&ahead) =
                self.accounts.get(at + AHEAD).filter(|&&ahead| ahead != NO_KEY && self.order.is_none())
            {
                self.ground.fetch(ahead as usize);
            }
            if account == NO_KEY {
                run.for_each(|place| malformed(&mut out, place - places.start, &mut n));
            } else {
                self.account_run(account as usize, run, (&mut out, places.start), &mut n);
            }
            at += alike;
        }
        let columns = [&counts.accepted, &counts.exact, &counts.unpriced, &counts.malformed];
        for (count, n) in columns.into_iter().zip(n) {
            count.fetch_add(n, Ordering::Relaxed);
        }
    }

    fn account_run(
        &self,
        account: usize,
        run: Range<usize>,
        (out, first): (&mut DecisionBuffers<'_>, usize),
        n: &mut [usize; 4],
    ) {
        let mut room = Room::new(self.ground, account);
        let last = run.end - 1;
        for place in run {
            let (row, at) = (self.row(place), place - first);
            if !self.rows.is_well(row) {
                malformed(out, at, n);
                After::nothing(out, at);
                continue;
            }
            let (row, mut decision) = decide_said(&room, &self.rows.said(row));
            if self.after.is_wanted() {
                self.after.write(self, &room, (&row, &decision), (out, at));
            }
            if decision.accepted() {
                self.accept(&mut room, &row, &mut decision, place == last);
            }
            put(out, at, &decision);
            n[0] += usize::from(decision.accepted());
            n[1] += usize::from(decision.exact);
            n[2] += usize::from(decision.is_unpriced());
        }
    }

    /// Puts an accepted order into the room, where another follows, or where it may turn out that it cannot fill.
    fn accept(&self, room: &mut Room<'_>, row: &Row, decision: &mut Decision, is_last: bool) {
        if !self.gate.assume.fills(row.price, row.trigger_price) {
            if !is_last {
                room.rest(row);
            }
            return;
        }
        match room.with_fill(row, self.gate, &self.shared) {
            Ok(filled) => room.filled = Some(Box::new(filled)),
            Err(reason) => decision.bits |= reason.bit(),
        }
    }
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "what is passed on would go through memory, which takes longer than the work")]
fn put(out: &mut DecisionBuffers<'_>, at: usize, decision: &Decision) {
    out.accepted[at] = decision.accepted();
    out.reason[at] = decision.reason().code();
    if let Some(pool) = &mut out.pool {
        pool[at] = decision.pool.and_then(|pool| u32::try_from(pool).ok()).unwrap_or(NO_KEY);
    }
    let columns = [
        (&mut out.cost, decision.cost),
        (&mut out.available, decision.available),
        (&mut out.short, decision.missing()),
        (&mut out.opening, decision.opening),
    ];
    for (column, value) in columns {
        if let Some(column) = column {
            column[at] = value;
        }
    }
    if let Some(violations) = &mut out.violations {
        violations[at] = decision.bits;
    }
}

#[cold]
fn malformed(out: &mut DecisionBuffers<'_>, at: usize, n: &mut [usize; 4]) {
    n[3] += 1;
    put(out, at, &Decision::unknown(Reason::Malformed, None));
}

/// Buffers of a thread's own, for rows that are not in the order of accounts.
#[derive(Debug, Default)]
pub(super) struct Own {
    accepted: Vec<bool>,
    reason: Vec<u8>,
    pool: Option<Vec<u32>>,
    reals: [Option<Vec<f64>>; 4],
    violations: Option<Vec<u32>>,
    after: Vec<Vec<f64>>,
    liquidatable: Option<Vec<bool>>,
}

impl Own {
    /// Buffers like others.
    pub(super) fn like(out: &DecisionBuffers<'_>) -> Self {
        let n = out.accepted.len();
        let reals = |column: &Option<&mut [f64]>| column.as_ref().map(|_| vec![0.0; n]);
        Self {
            accepted: vec![false; n],
            reason: vec![0; n],
            pool: out.pool.as_ref().map(|_| vec![0; n]),
            reals: [&out.cost, &out.available, &out.short, &out.opening].map(reals),
            violations: out.violations.as_ref().map(|_| vec![0; n]),
            after: out.after.iter().map(|_| vec![0.0; n]).collect(),
            liquidatable: out.after_liquidatable.as_ref().map(|_| vec![false; n]),
        }
    }

    pub(super) fn lend<'b>(&'b mut self, like: &DecisionBuffers<'_>) -> DecisionBuffers<'b> {
        let [cost, available, short, opening] = &mut self.reals;
        let after = like.after.iter().zip(&mut self.after).map(|((column, _), own)| (*column, own.as_mut_slice()));
        DecisionBuffers {
            accepted: &mut self.accepted,
            reason: &mut self.reason,
            pool: self.pool.as_deref_mut(),
            cost: cost.as_deref_mut(),
            available: available.as_deref_mut(),
            short: short.as_deref_mut(),
            opening: opening.as_deref_mut(),
            violations: self.violations.as_deref_mut(),
            after: after.collect(),
            after_liquidatable: self.liquidatable.as_deref_mut(),
        }
    }

    /// Writes what is at each place to its row.
    pub(super) fn scatter(&self, order: &[u32], out: &mut DecisionBuffers<'_>) {
        scatter(order, Some(&self.accepted), Some(out.accepted));
        scatter(order, Some(&self.reason), Some(out.reason));
        scatter(order, self.pool.as_deref(), out.pool.as_deref_mut());
        let reals = [&mut out.cost, &mut out.available, &mut out.short, &mut out.opening];
        for (own, column) in self.reals.iter().zip(reals) {
            scatter(order, own.as_deref(), column.as_deref_mut());
        }
        scatter(order, self.violations.as_deref(), out.violations.as_deref_mut());
        for (own, (_, column)) in self.after.iter().zip(&mut out.after) {
            scatter(order, Some(own), Some(column));
        }
        scatter(order, self.liquidatable.as_deref(), out.after_liquidatable.as_deref_mut());
    }
}

fn scatter<T: Copy>(order: &[u32], from: Option<&[T]>, to: Option<&mut [T]>) {
    if let (Some(from), Some(to)) = (from, to) {
        for (&row, &value) in order.iter().zip(from) {
            to[row as usize] = value;
        }
    }
}

/// Cuts buffers into parts that follow each other.
pub(super) fn cut<'a>(out: DecisionBuffers<'a>, parts: &[Range<usize>]) -> Vec<(Range<usize>, DecisionBuffers<'a>)> {
    let mut rest = out;
    let mut all = Vec::with_capacity(parts.len());
    for part in parts {
        let (first, others) = rest.split_at(part.len());
        all.push((part.clone(), first));
        rest = others;
    }
    all
}

impl DecisionBuffers<'_> {
    fn split_at(self, at: usize) -> (Self, Self) {
        fn two<T>(column: Option<&mut [T]>, at: usize) -> (Option<&mut [T]>, Option<&mut [T]>) {
            column.map_or((None, None), |column| {
                let (first, rest) = column.split_at_mut(at);
                (Some(first), Some(rest))
            })
        }
        let (accepted, reason) = (self.accepted.split_at_mut(at), self.reason.split_at_mut(at));
        let (pool, violations) = (two(self.pool, at), two(self.violations, at));
        let (cost, available) = (two(self.cost, at), two(self.available, at));
        let (short, opening) = (two(self.short, at), two(self.opening, at));
        let liquidatable = two(self.after_liquidatable, at);
        let after = self.after.into_iter().map(|(column, buffer)| {
            let (first, rest) = buffer.split_at_mut(at);
            ((column, first), (column, rest))
        });
        let after: (Vec<_>, Vec<_>) = after.unzip();
        let first = Self {
            accepted: accepted.0,
            reason: reason.0,
            pool: pool.0,
            cost: cost.0,
            available: available.0,
            short: short.0,
            opening: opening.0,
            violations: violations.0,
            after: after.0,
            after_liquidatable: liquidatable.0,
        };
        let rest = Self {
            accepted: accepted.1,
            reason: reason.1,
            pool: pool.1,
            cost: cost.1,
            available: available.1,
            short: short.1,
            opening: opening.1,
            violations: violations.1,
            after: after.1,
            after_liquidatable: liquidatable.1,
        };
        (first, rest)
    }
}
