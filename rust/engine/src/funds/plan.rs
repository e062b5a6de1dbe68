//! What has to move within one account.

use std::cmp::Ordering;

use crate::book::PoolKind;
use crate::exact::Exact;
use crate::pool::{flags, is_priced};

use super::rebalance::{PoolMove, Sweep, Target, Transfer};
use super::scene::{Asked, Moved, Scene, Standing, Take};
use super::search::{MOST, Probe, ceiling, floor, least, most};

/// What is asked of every account.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plan<'a> {
    pub(super) scene: Scene<'a>,
    pub(super) target: &'a Target<'a>,
    /// Margin ratios of all pools before.
    pub(super) ratios: &'a [f64],
}

/// What has to move in one account.
#[derive(Debug, Default)]
pub(super) struct Planned {
    pub(super) transfers: Vec<Transfer>,
    pub(super) pools: Vec<PoolMove>,
    pub(super) n_exact: usize,
}

/// An account on its way to the target.
struct Way {
    account: usize,
    moved: Moved,
    out: Planned,
    /// What each pool has and needs before money of an asset moves, from the first pool of the account on.
    before: Vec<Standing>,
    /// Whether something may have to move.
    looked: bool,
}

/// A pool that lacks something, and how much.
#[derive(Debug, Clone, Copy)]
struct Need {
    pool: usize,
    quanta: i128,
}

fn number(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

impl Plan<'_> {
    pub(super) fn account(&self, account: usize) -> Planned {
        let holdings = self.scene.book.holdings();
        let pools = holdings.pools_of(account);
        let mut way =
            Way { account, moved: Moved::default(), out: Planned::default(), before: Vec::new(), looked: false };
        let priced = pools.clone().all(|pool| is_priced(self.scene.book, pool, self.scene.prices));
        let n_exact = &mut way.out.n_exact;
        if priced && (self.target.sweep != Sweep::None || pools.clone().any(|pool| self.is_below(pool, n_exact))) {
            way.looked = true;
            for asset in 0..self.scene.quanta.len() {
                self.serve(&mut way, asset);
            }
            self.sweep(&mut way);
        }
        for pool in pools {
            self.report(&mut way, pool);
        }
        way.out
    }

    /// Whether a pool is below the target before anything moves.
    fn is_below(&self, pool: usize, n_exact: &mut usize) -> bool {
        let found = flags(self.scene.book, pool, self.scene.prices, &[self.target.ratio], 1);
        *n_exact += usize::from(found.exact);
        found.bits & 1 != 0
    }

    fn take(&self, pool: usize) -> Take {
        Take { pool, asset: self.scene.book.holdings().asset(pool) }
    }

    fn standing(&self, moved: &Moved, pool: usize) -> Standing {
        self.scene.standing(moved, self.take(pool), 0)
    }

    /// The isolated pools of an account that settle in an asset, and its cross pool of it.
    fn group(&self, account: usize, asset: usize) -> (Option<usize>, Vec<usize>) {
        let holdings = self.scene.book.holdings();
        let of = |pool: &usize| holdings.layers_of(*pool).any(|layer| holdings.layer_asset(layer) == asset);
        let (cross, isolated): (Vec<usize>, Vec<usize>) =
            holdings.pools_of(account).filter(of).partition(|&pool| holdings.kind(pool) == PoolKind::Cross);
        (cross.first().copied(), isolated)
    }

    /// What a pool lacks: the least number of quanta that bring it to the target, 0 where it is there, `None` where none do.
    fn need(&self, way: &mut Way, take: Take) -> Option<i128> {
        let (scene, ratio) = (self.scene, self.target.ratio);
        let lack = scene.standing(&way.moved, take, 0).lack(ratio);
        let Some(lack) = lack else { return Some(0) };
        let start = ceiling(&lack, &scene.quanta[take.asset]).unwrap_or(MOST);
        let (moved, n_exact) = (&way.moved, &mut way.out.n_exact);
        let asked = Asked { target: Some(ratio), ..Asked::default() };
        least(start, |quanta| {
            let held = scene.after(moved, (take, -quanta), asked, n_exact);
            Probe { holds: !held.target, slack: -held.slack }
        })
    }

    /// The most that can leave a pool for another of the account, up to some quanta.
    fn spare(&self, way: &mut Way, take: Take, end: i128) -> i128 {
        let isolated = self.scene.book.holdings().kind(take.pool) == PoolKind::Isolated;
        let (cash, leaving) = self.scene.own(&way.moved, take);
        let own = if isolated { leaving } else { cash };
        let asked = Asked { rule: isolated, spare: !isolated, target: Some(self.target.ratio), safe: true };
        let (moved, n_exact) = (&way.moved, &mut way.out.n_exact);
        most(own.min(end), |quanta| self.scene.after(moved, (take, quanta), asked, n_exact).probe())
    }

    /// How the margin ratios of two pools compare, before money of an asset moves.
    fn compare(&self, way: &Way, a: usize, b: usize) -> Ordering {
        let first = self.scene.book.holdings().pools_of(way.account).start;
        let [of_a, of_b] = [a, b].map(|pool| &way.before[pool - first]);
        let free = |of: &Standing| !of.exposed || of.maintenance.is_zero();
        match (free(of_a), free(of_b)) {
            (false, false) => {
                let over = |x: &Standing, y: &Standing| x.collateral.clone() * y.maintenance.clone();
                over(of_a, of_b).cmp(&over(of_b, of_a))
            }
            (a_is_free, b_is_free) => a_is_free.cmp(&b_is_free),
        }
    }

    /// Brings the pools of an asset to the target, as far as money goes.
    fn serve(&self, way: &mut Way, asset: usize) {
        let (cross, isolated) = self.group(way.account, asset);
        let Some(cross) = cross.filter(|_| !isolated.is_empty()) else { return };
        way.before =
            self.scene.book.holdings().pools_of(way.account).map(|pool| self.standing(&way.moved, pool)).collect();
        let mut needs: Vec<Need> = Vec::new();
        for pool in [cross].into_iter().chain(isolated.iter().copied()) {
            if let Some(quanta) = self.need(way, Take { pool, asset }).filter(|&quanta| quanta > 0) {
                needs.push(Need { pool, quanta });
            }
        }
        if needs.is_empty() {
            return;
        }
        let all = needs.iter().fold(0_i128, |sum, need| sum.saturating_add(need.quanta)).min(MOST);
        let of_cross = needs.iter().any(|need| need.pool == cross);
        let mut money = if of_cross { 0 } else { self.spare(way, Take { pool: cross, asset }, all) };
        let mut donors: Vec<usize> =
            isolated.into_iter().filter(|pool| needs.iter().all(|need| need.pool != *pool)).collect();
        donors.sort_by(|&a, &b| self.compare(way, b, a).then(a.cmp(&b)));
        for donor in donors {
            if money >= all {
                break;
            }
            let quanta = self.spare(way, Take { pool: donor, asset }, all - money);
            self.move_money(way, (donor, cross, asset), quanta);
            money += quanta;
        }
        // A cross pool comes before the isolated ones of its account.
        needs.sort_by(|a, b| self.compare(way, a.pool, b.pool).then(a.pool.cmp(&b.pool)));
        for need in needs {
            let quanta = need.quanta.min(money);
            money -= quanta;
            if need.pool != cross {
                self.move_money(way, (cross, need.pool, asset), quanta);
            }
        }
    }

    fn move_money(&self, way: &mut Way, (from, to, asset): (usize, usize, usize), quanta: i128) {
        if quanta <= 0 {
            return;
        }
        let holdings = self.scene.book.holdings();
        for (pool, by) in [(from, -quanta), (to, quanta)] {
            if holdings.kind(pool) == PoolKind::Isolated {
                way.moved.fence(pool, by);
            }
        }
        let (account, asset) = (number(way.account), number(asset));
        way.out.transfers.push(Transfer { account, asset, from: number(from), to: Some(number(to)), quanta });
    }

    /// Takes out of cross pools what is asked to leave, once every pool is at the target.
    fn sweep(&self, way: &mut Way) {
        let holdings = self.scene.book.holdings();
        let pools = holdings.pools_of(way.account);
        if self.target.sweep == Sweep::None
            || pools.clone().any(|pool| self.standing(&way.moved, pool).lack(self.target.ratio).is_some())
        {
            return;
        }
        let mut profit = match self.target.sweep {
            Sweep::Profit => match self.profit(way) {
                Some(profit) => Some(profit),
                None => return,
            },
            _ => None,
        };
        let asked = Asked { rule: true, target: Some(self.target.ratio), safe: true, spare: false };
        for asset in 0..self.scene.quanta.len() {
            let (Some(pool), _) = self.group(way.account, asset) else { continue };
            let take = Take { pool, asset };
            let quantum = &self.scene.quanta[asset];
            let rate = self.rate(asset);
            let (_, own) = self.scene.own(&way.moved, take);
            let end = match &profit {
                Some(left) => floor(left, &(rate.clone() * quantum.clone())).unwrap_or(MOST).min(own),
                None => own,
            };
            let (moved, n_exact) = (&way.moved, &mut way.out.n_exact);
            let quanta = most(end, |quanta| self.scene.after(moved, (take, quanta), asked, n_exact).probe());
            if quanta <= 0 {
                continue;
            }
            way.moved.out.push((u16::try_from(asset).unwrap_or(u16::MAX), quanta));
            let (account, of, from) = (number(way.account), number(asset), number(pool));
            way.out.transfers.push(Transfer { account, asset: of, from, to: None, quanta });
            profit = profit.map(|left| left - Exact::from_digits(quanta, 0) * quantum.clone() * rate);
        }
    }

    /// What one of an asset is worth in the asset that accounts are valued in, times the index price of that.
    fn rate(&self, asset: usize) -> Exact {
        let price = self.scene.prices.index().get(asset).copied().filter(|price| price.is_finite());
        Exact::from_f64(price.unwrap_or(1.0))
    }

    /// By how much the equity of an account is above its reference, times the index price of the asset that it is valued in.
    fn profit(&self, way: &Way) -> Option<Exact> {
        let reference = self.target.reference[way.account];
        if reference.is_nan() {
            return None;
        }
        let (holdings, rules) = (self.scene.book.holdings(), self.scene.book.market().rules());
        let mut equity = Exact::zero();
        for pool in holdings.pools_of(way.account) {
            let own = self.scene.equity(&way.moved, self.take(pool));
            // That of a pool of several assets is at index prices already.
            let joint = self.scene.book.is_joint(pool);
            equity = equity + if joint { own } else { own * self.rate(holdings.asset(pool)) };
        }
        let valuation = rules.valuation_asset().unwrap_or_else(|| holdings.asset(holdings.pools_of(way.account).start));
        let profit = equity - Exact::from_f64(reference) * self.rate(valuation);
        Exact::sign(&profit).is_gt().then_some(profit)
    }

    /// Adds the rows of a pool.
    fn report(&self, way: &mut Way, pool: usize) {
        let holdings = self.scene.book.holdings();
        let ratio = self.ratios[pool];
        let looked = way.looked;
        let changed = looked && (!way.moved.fences.is_empty() || !way.moved.out.is_empty());
        let after = looked.then(|| self.standing(&way.moved, pool));
        let margin_ratio_after = match &after {
            Some(after) if changed && self.has_moved(way, pool) => after.ratio(),
            _ => ratio,
        };
        let lacking = after.as_ref().is_some_and(|of| of.lack(self.target.ratio).is_some());
        for layer in holdings.layers_of(pool) {
            let asset = holdings.layer_asset(layer);
            let take = Take { pool, asset };
            let short = if lacking { self.short(way, take, after.as_ref()) } else { 0 };
            let moved = self.moved(way, take);
            let pool = number(pool);
            let row = PoolMove { pool, asset: number(asset), moved, short, margin_ratio: ratio, margin_ratio_after };
            way.out.pools.push(row);
        }
    }

    /// What a pool that is below the target lacks.
    fn short(&self, way: &mut Way, take: Take, after: Option<&Standing>) -> i128 {
        let joint = self.scene.book.is_joint(take.pool);
        let rate = if joint { self.rate(take.asset) } else { Exact::from_f64(1.0) };
        let unit = rate * self.scene.quanta[take.asset].clone();
        let now = || after.and_then(|of| ceiling(&of.lack(self.target.ratio)?, &unit)).unwrap_or(MOST);
        self.need(way, take).unwrap_or_else(now)
    }

    /// What came into a part of a pool, in quanta.
    fn moved(&self, way: &Way, take: Take) -> i128 {
        let holdings = self.scene.book.holdings();
        if holdings.kind(take.pool) == PoolKind::Isolated {
            return way.moved.behind(take.pool);
        }
        let fenced: i128 =
            way.moved.fences.iter().filter(|(pool, _)| holdings.asset(*pool) == take.asset).map(|(_, by)| by).sum();
        let out: i128 = way.moved.out.iter().filter(|(of, _)| usize::from(*of) == take.asset).map(|(_, by)| by).sum();
        -fenced - out
    }

    fn has_moved(&self, way: &Way, pool: usize) -> bool {
        let holdings = self.scene.book.holdings();
        holdings.layers_of(pool).any(|layer| self.moved(way, Take { pool, asset: holdings.layer_asset(layer) }) != 0)
    }
}
