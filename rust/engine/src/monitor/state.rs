//! What a monitor knows: prices, flags, and the boxes that make most frames cheap.

use std::sync::Arc;

use crate::error::{Error, MissingPrices, Result};
use crate::ledger::Ledger;
use crate::market::Prices;
use crate::pool::{Book, Bounds, account_region, flags, region, soft_stop};
use crate::score::{Column, Missing, check_prices, score_equity, score_pool};

use super::accounts::{Accounts, NONE};
use super::alerts::Alerts;
use super::arm::{Arming, Part, ToSet};
use super::follow::Following;
use super::line::Line;
use super::pools::{ALONE, How, Pool, Pools, Sums};
use super::queue::{Arena, Trigger};
use super::rows::Rows;
use super::stats::Counts;
use super::verdict::Levels;
use super::watches::{Owner, Places, Watches};

/// Room that is used again from frame to frame.
#[derive(Debug, Clone, Default)]
pub(super) struct Scratch {
    pub(super) fired: Vec<Trigger>,
    pub(super) touched: Vec<Touched>,
    /// The number of the frame that is looked at, as far as it goes.
    pub(super) stamp: u32,
    pub(super) parts: Vec<Part>,
    pub(super) set: Vec<ToSet>,
    bounds: Vec<Bounds>,
}

/// Who has to be looked at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Touched {
    pub(super) who: Owner,
    /// The position whose trigger fired, if it was one alone.
    pub(super) only: Option<usize>,
}

/// The figures of a pool that events report.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shown {
    pub(super) margin_ratio: f64,
    pub(super) excess: f64,
    pub(super) equity: f64,
}

/// The weight of a price that does not move.
const LEAST_WEIGHT: f64 = 0.125;

/// What an asset is worth in another, at index prices; one that has none is what the others are in.
pub(super) fn rate(prices: &Prices, asset: usize, valuation: usize) -> f64 {
    if asset == valuation {
        return 1.0;
    }
    let [asset, valuation] = [asset, valuation].map(|asset| prices.index()[asset]);
    let [asset, valuation] = [asset, valuation].map(|price| if price.is_nan() { 1.0 } else { price });
    asset / valuation
}

/// Refuses a pool that cannot be valued: its asset has no index price.
pub(super) fn valued_at(valuation: Option<usize>, book: &Book, pool: usize, prices: &Prices) -> Result<()> {
    let asset = book.holdings().asset(pool);
    let Some(valuation) = valuation.filter(|&valuation| valuation != asset) else { return Ok(()) };
    let market = book.market();
    let unit = market.rules().valuation_asset().unwrap_or(valuation);
    let is_missing = |asset: &usize| *asset != unit && prices.index()[*asset].is_nan();
    let missing: Vec<usize> = [asset, valuation].into_iter().filter(is_missing).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let assets = missing.into_iter().map(|asset| market.assets()[asset].name().to_owned()).collect();
    Err(Error::MissingPrice(Box::new(MissingPrices { assets, ..MissingPrices::default() })))
}

#[derive(Debug, Clone)]
pub(super) struct State {
    pub(super) ledger: Ledger,
    pub(super) prices: Prices,
    pub(super) alerts: Alerts,
    /// The asset that accounts are valued in; `None` where nobody asks.
    pub(super) valuation: Option<usize>,
    pub(super) levels: Levels,
    pub(super) places: Places,
    pub(super) lines: Vec<Line>,
    pub(super) arena: Arena,
    pub(super) rows: Rows,
    pub(super) pools: Pools,
    pub(super) watches: Watches,
    pub(super) accounts: Accounts,
    pub(super) following: Following,
    pub(super) counts: Counts,
    pub(super) scratch: Scratch,
    /// Whether boxes are found only, and triggers set later, all at once.
    pub(super) quiet: bool,
}

impl State {
    /// Watches the accounts of a ledger from these prices on: what their soft stops are relative to (NaN: their equity now), and
    /// which are stopped.
    pub(super) fn begun(
        ledger: Ledger,
        prices: Prices,
        (alerts, valuation): (Alerts, Option<usize>),
        (reference, stopped): (impl Fn(usize) -> f64, impl Fn(usize) -> bool),
    ) -> Result<Self> {
        let market = Arc::clone(ledger.market());
        if ledger.n_accounts() > 0 {
            check_prices(ledger.base(), &prices, Missing::Refuse)?;
        }
        let (n_instruments, n_assets) = (market.instruments().len(), market.assets().len());
        let places = Places::new(n_instruments, n_assets);
        let lines = places.prices(&prices).into_iter().map(Line::new).collect();
        let levels = Levels::new(&alerts, &market);
        let mut state = Self {
            rows: Rows::new(n_instruments),
            following: Following::new(),
            levels,
            ledger,
            prices,
            alerts,
            valuation,
            places,
            lines,
            arena: Arena::default(),
            pools: Pools::default(),
            watches: Watches::default(),
            accounts: Accounts::default(),
            counts: Counts::default(),
            scratch: Scratch::default(),
            quiet: false,
        };
        state.bring_all(reference, stopped)?;
        Ok(state)
    }

    /// The book that has a pool, and its number there.
    pub(super) fn source(&self, slot: u32) -> (&Book, usize) {
        let pool = &self.pools.slots[slot as usize];
        let (book, pools) = self.ledger.held(pool.account as usize);
        (book, pools.start + pool.order as usize)
    }

    /// The pools of an account.
    fn pools_of(&self, account: u32) -> Vec<(&Book, usize)> {
        let (book, pools) = self.ledger.held(account as usize);
        pools.map(|pool| (&**book, pool)).collect()
    }

    /// The flags of a pool now: those of it by itself, and the soft stop of its account where it is by this pool alone.
    pub(super) fn bits(&mut self, slot: u32, sums: Option<&Sums>) -> u32 {
        let Some(sums) = sums else {
            let (book, pool) = self.source(slot);
            let flags = flags(book, pool, &self.prices, &self.levels.ratio, self.levels.watched);
            self.counts.exact += u64::from(flags.exact);
            return flags.bits & self.levels.watched;
        };
        let verdict = self.levels.verdict(&self.pools.slots[slot as usize], sums);
        if verdict.open == 0 { verdict.bits } else { verdict.bits | self.settle(slot, verdict.open) }
    }

    /// Decides without rounding what rounding left open.
    #[cold]
    fn settle(&mut self, slot: u32, open: u32) -> u32 {
        self.counts.exact += 1;
        let (book, pool) = self.source(slot);
        let asked = open & self.levels.watched;
        let mut bits = flags(book, pool, &self.prices, &self.levels.ratio, asked).bits & asked;
        let account = self.pools.slots[slot as usize].account;
        if open & self.levels.stopped != 0 && self.is_beyond_stop(account) {
            bits |= self.levels.stopped;
        }
        bits
    }

    /// Whether an account has lost what stops it.
    pub(super) fn is_beyond_stop(&self, account: u32) -> bool {
        let reference = self.accounts.of[account as usize].reference;
        let (Some(loss), Some(valuation)) = (self.alerts.soft_stop, self.valuation) else { return false };
        reference > 0.0 && soft_stop(&self.pools_of(account), &self.prices, valuation, loss, reference).0
    }

    /// Sets the box of a pool.
    pub(super) fn arm(&mut self, slot: u32, sums: Option<&Sums>, only: Option<usize>) {
        let Some(sums) = sums else {
            self.arm_by_rules(slot);
            return;
        };
        let pool = self.pools.slots[slot as usize];
        let guards = self.levels.guards(&pool, sums);
        if pool.n > 0 && self.follow(slot, sums, guards.as_slice()) {
            return;
        }
        if pool.followed != ALONE {
            self.leave(slot);
        }
        let only = only.filter(|_| pool.followed == ALONE);
        let arming = Arming {
            rows: &self.rows,
            watches: &self.watches.of,
            lines: &mut self.lines,
            arena: &mut self.arena,
            parts: &mut self.scratch.parts,
            set: &mut self.scratch.set,
            quiet: self.quiet,
        };
        arming.arm(&pool, &mut self.pools.held, guards.as_slice(), only);
    }

    fn arm_by_rules(&mut self, slot: u32) {
        let pool = self.pools.slots[slot as usize];
        let mut bounds = std::mem::take(&mut self.scratch.bounds);
        bounds.clear();
        let (book, of) = self.source(slot);
        let (places, lines) = (self.places, &self.lines);
        let guarded = self.levels.watched & !(pool.bits & self.levels.latched);
        let weight = |source| lines[places.line(source) as usize].weight;
        region(
            book,
            of,
            &self.prices,
            &self.levels.ratio,
            pool.bits & self.levels.watched,
            guarded,
            weight,
            &mut bounds,
        );
        self.watches.arm(pool.first, &bounds, places, (&mut self.lines, &mut self.arena, &self.pools.held));
        self.scratch.bounds = bounds;
    }

    /// Sets the box of an account's soft stop.
    pub(super) fn arm_account(&mut self, account: u32) {
        let of = self.accounts.of[account as usize];
        let (Some(loss), Some(valuation)) = (self.alerts.soft_stop, self.valuation) else { return };
        let mut bounds = std::mem::take(&mut self.scratch.bounds);
        bounds.clear();
        if !self.watches.nodes[of.node as usize].stopped {
            let (places, lines) = (self.places, &self.lines);
            let weight = |source| lines[places.line(source) as usize].weight;
            let pools = self.pools_of(account);
            account_region(&pools, &self.prices, valuation, loss, of.reference, false, weight, &mut bounds);
        }
        self.watches.arm(of.node, &bounds, self.places, (&mut self.lines, &mut self.arena, &self.pools.held));
        self.scratch.bounds = bounds;
    }

    /// The figures of a pool in doubles, where it is watched by them.
    pub(super) fn sums(&self, slot: u32) -> Option<Sums> {
        let of = &self.pools.slots[slot as usize];
        (of.how == How::Lanes).then(|| self.pools.sums(slot as usize, &self.rows))
    }

    /// What events report of a pool: the bits that scoring gives.
    pub(super) fn shown(&self, slot: u32, sums: Option<&Sums>) -> Result<Shown> {
        if let Some(sums) = sums
            && !self.levels.is_near_trigger(sums)
        {
            let ratio = if sums.required == 0.0 { f64::INFINITY } else { sums.equity / sums.required };
            return Ok(Shown { margin_ratio: ratio, excess: self.levels.excess(sums), equity: sums.equity });
        }
        let (book, pool) = self.source(slot);
        let figures = score_pool(book, &self.prices, pool)?;
        let [margin_ratio, excess, equity] =
            [Column::MarginRatio, Column::Excess, Column::Equity].map(|column| figures.get(column));
        Ok(Shown { margin_ratio, excess, equity })
    }

    /// The equity of an account, in the asset that it is valued in.
    pub(super) fn equity(&self, account: u32) -> Result<f64> {
        let Some(valuation) = self.valuation else { return Ok(f64::NAN) };
        self.accounts.slots(account).try_fold(0.0, |sum, slot| {
            let rate = self.rate(usize::from(self.pools.slots[slot as usize].asset), valuation);
            let equity = if let Some(sums) = self.sums(slot) {
                self.shown(slot, Some(&sums))?.equity
            } else {
                let (book, pool) = self.source(slot);
                score_equity(book, &self.prices, pool)?
            };
            Ok(sum + equity * rate)
        })
    }

    /// What an asset is worth in the one that accounts are valued in.
    pub(super) fn rate(&self, asset: usize, valuation: usize) -> f64 {
        rate(&self.prices, asset, valuation)
    }

    /// Refuses what cannot be valued: an asset of a pool without an index price.
    pub(super) fn check_valued(&self, account: u32) -> Result<()> {
        self.pools_of(account)
            .into_iter()
            .try_for_each(|(book, pool)| valued_at(self.valuation, book, pool, &self.prices))
    }

    /// Decides how an account's soft stop is watched, given its reference, and watches it.
    pub(super) fn watch_stop(&mut self, account: u32, was_stopped: bool) {
        let at = account as usize;
        let Some(loss) = self.alerts.soft_stop else { return };
        let reference = self.accounts.of[at].reference;
        let has_stop = reference > 0.0;
        // Who is stopped stays so, also where there is nothing left to lose.
        if !has_stop && !was_stopped {
            return;
        }
        if has_stop
            && self.accounts.n_slots(account) == 1
            && let Some(slot) = self.accounts.slot(account, 0)
            && self.pools.slots[slot as usize].how == How::Lanes
            && Some(usize::from(self.pools.slots[slot as usize].asset)) == self.valuation
        {
            let pool = &mut self.pools.slots[slot as usize];
            pool.stop = (1.0 - loss) * reference;
            pool.bits |= if was_stopped { self.levels.stopped } else { 0 };
            return;
        }
        if self.accounts.of[at].node == NONE {
            self.accounts.of[at].node = self.watches.add(Owner::Account(account));
        }
        let node = self.accounts.of[at].node as usize;
        self.watches.nodes[node].stopped = was_stopped;
    }

    /// Whether an account is stopped.
    pub(super) fn is_stopped(&self, account: u32) -> bool {
        let of = self.accounts.of[account as usize];
        if of.node != NONE {
            return self.watches.nodes[of.node as usize].stopped;
        }
        let bits = |slot: u32| self.pools.slots[slot as usize].bits;
        self.accounts.slots(account).any(|slot| bits(slot) & self.levels.stopped != 0)
    }

    /// Takes the measure of how far prices move: what moves further gets more of the slack.
    pub(super) fn weigh(&mut self) {
        let moved: Vec<f64> = self.lines.iter_mut().map(Line::take_moved).collect();
        let known = moved.iter().filter(|&&moved| moved > 0.0).count();
        let total: f64 = moved.iter().fold(0.0, |sum, moved| sum + moved);
        let mean = total / f64::from(u32::try_from(known).unwrap_or(u32::MAX));
        for (line, moved) in self.lines.iter_mut().zip(moved) {
            let weight = (moved / mean).sqrt();
            line.weight = if weight > LEAST_WEIGHT { weight } else { LEAST_WEIGHT };
        }
    }

    /// A slot for a pool of an account.
    pub(super) fn vacant(account: u32, order: u32) -> Pool {
        Pool {
            constant: 0.0,
            required: 0.0,
            stop: f64::NAN,
            doubt: 0,
            first: 0,
            n: 0,
            how: How::Gone,
            is_cross: false,
            asset: 0,
            order,
            account,
            followed: ALONE,
            stamp: 0,
            bits: 0,
        }
    }

    /// Bytes that are held beside the books.
    pub(super) fn bytes(&self) -> usize {
        let lines: usize = self.lines.iter().map(Line::bytes).sum();
        lines
            + self.arena.bytes()
            + self.following.bytes()
            + self.rows.bytes()
            + self.pools.bytes()
            + self.watches.bytes()
            + self.accounts.bytes()
    }
}
