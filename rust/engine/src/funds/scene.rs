//! The pools of an account once money has moved between them.

use crate::exact::{Bounded, Exact, Number};
use crate::market::{Prices, TriggerPrice};
use crate::pool::{
    Book, Moment, Overlaid, Overlay, Place, Verdict, Wanted, evaluate_over, moment_of, own_money, verdict_over,
};

use super::search::{MOST, Probe, floor};

/// Money that has moved: quanta behind isolated positions, out of the account's cash, and cash that left.
#[derive(Debug, Clone, Default)]
pub(super) struct Moved {
    /// By pool, more (positive) or less behind it.
    pub(super) fences: Vec<(usize, i128)>,
    /// By asset, what left the account.
    pub(super) out: Vec<(u16, i128)>,
}

impl Moved {
    /// What is behind an isolated pool more than before.
    pub(super) fn behind(&self, pool: usize) -> i128 {
        self.fences.iter().filter(|(of, _)| *of == pool).map(|(_, quanta)| quanta).sum()
    }

    /// Counts more behind a pool.
    pub(super) fn fence(&mut self, pool: usize, quanta: i128) {
        self.fences.push((pool, quanta));
    }
}

/// What one more movement is of: out of a pool (negative: into it).
#[derive(Debug, Clone, Copy)]
pub(super) struct Take {
    pub(super) pool: usize,
    pub(super) asset: usize,
}

/// A book at prices.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scene<'a> {
    pub(super) book: &'a Book,
    pub(super) prices: &'a Prices,
    /// The quanta of assets.
    pub(super) quanta: &'a [Exact],
}

/// What is asked of a pool after a movement.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Asked {
    /// That the venue's rule lets it leave.
    pub(super) rule: bool,
    /// That what is left can back what is there.
    pub(super) spare: bool,
    /// That it is at a target ratio.
    pub(super) target: Option<f64>,
    /// That the pool is not liquidatable.
    pub(super) safe: bool,
}

/// What holds after a movement; `None` where it was not asked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Held {
    /// The venue's rule, or the rule for what can back; `None` where it needs a leverage that is unknown.
    pub(super) rule: Option<bool>,
    pub(super) safe: bool,
    pub(super) target: bool,
    pub(super) slack: f64,
}

impl Held {
    pub(super) fn probe(self) -> Probe {
        Probe { holds: self.rule == Some(true) && self.safe && self.target, slack: self.slack }
    }
}

/// What a pool has and needs for a ratio, without rounding.
#[derive(Debug, Clone)]
pub(super) struct Standing {
    pub(super) collateral: Exact,
    pub(super) maintenance: Exact,
    /// Whether there is anything to liquidate it for.
    pub(super) exposed: bool,
}

impl Standing {
    /// What is missing to a ratio; `None` where nothing is.
    pub(super) fn lack(&self, ratio: f64) -> Option<Exact> {
        let lack = Exact::from_f64(ratio) * self.maintenance.clone() - self.collateral.clone();
        (self.exposed && !self.maintenance.is_zero() && Exact::sign(&lack).is_gt()).then_some(lack)
    }

    /// The margin ratio, as a double.
    pub(super) fn ratio(&self) -> f64 {
        self.collateral.checked_div(&self.maintenance).map_or(f64::INFINITY, |ratio| ratio.to_f64())
    }
}

impl<'a> Scene<'a> {
    fn overlay(&self, moved: &Moved, more: Option<(Take, i128)>) -> Overlay {
        let holdings = self.book.holdings();
        let amount = |asset: usize, quanta: i128| Exact::from_digits(quanta, 0) * self.quanta[asset].clone();
        let mut overlay = Overlay {
            fence: moved.fences.iter().map(|&(pool, by)| (pool, amount(holdings.asset(pool), by))).collect(),
            cash: moved.out.iter().map(|&(asset, out)| (asset, amount(usize::from(asset), -out))).collect(),
            ..Overlay::default()
        };
        if let Some((take, quanta)) = more {
            if holdings.kind(take.pool) == crate::book::PoolKind::Isolated {
                overlay.fence.push((take.pool, amount(take.asset, -quanta)));
            } else {
                let asset = u16::try_from(take.asset).unwrap_or(u16::MAX);
                overlay.cash.push((asset, amount(take.asset, -quanta)));
            }
        }
        overlay
    }

    fn over(&self, moved: &Moved, take: Take, quanta: i128) -> Overlaid {
        let overlay = self.overlay(moved, Some((take, quanta)));
        Overlaid::new(self.book, Place::of_pool(self.book, take.pool), &overlay)
    }

    /// The pool without the bonuses that are void when something leaves it; `None` where that is the pool as it is.
    fn voided(&self, moved: &Moved, take: Take, quanta: i128) -> Option<Overlaid> {
        let holdings = self.book.holdings();
        if !self.book.market().rules().bonus_forfeited() {
            return None;
        }
        let layers = holdings.layers_of(take.pool).filter(|&layer| holdings.bonus(layer) != 0.0);
        let bonuses = layers.map(|layer| (holdings.layer_asset(layer), holdings.bonus(layer)));
        let void = bonuses.map(|(asset, bonus)| (u16::try_from(asset).unwrap_or(u16::MAX), -Exact::from_f64(bonus)));
        let mut overlay = self.overlay(moved, Some((take, quanta)));
        let before = overlay.cash.len();
        overlay.cash.extend(void);
        let changed = overlay.cash.len() > before;
        changed.then(|| Overlaid::new(self.book, Place::of_pool(self.book, take.pool), &overlay))
    }

    fn moment<N: Number>(&self) -> Moment<'a, N> {
        let first = self.book.market().rules().constraints().first();
        moment_of(self.prices, first.map_or(TriggerPrice::Mark, |constraint| constraint.price))
    }

    /// Whole quanta of own money that a pool has of an asset: cash, and what could leave by that alone.
    pub(super) fn own(&self, moved: &Moved, take: Take) -> (i128, i128) {
        let own = own_money::<Exact>(self.book, &self.over(moved, take, 0), take.asset, self.moment());
        let none = |amount: &Exact| if Exact::sign(amount).is_gt() { MOST } else { 0 };
        let count = |amount: &Exact| floor(amount, &self.quanta[take.asset]).unwrap_or_else(|| none(amount)).max(0);
        (count(&own.cash), count(&own.leaving))
    }

    /// What a pool has and needs.
    pub(super) fn standing(&self, moved: &Moved, take: Take, quanta: i128) -> Standing {
        let left = moved.out.iter().any(|(asset, _)| usize::from(*asset) == take.asset);
        let voided = if left { self.voided(moved, take, quanta) } else { None };
        let over = voided.unwrap_or_else(|| self.over(moved, take, quanta));
        let value = evaluate_over::<Exact>(self.book, &over, self.moment(), Wanted::Tested);
        let (collateral, maintenance) = (value.collateral_value, value.maintenance_margin);
        Standing { collateral, maintenance, exposed: value.exposed }
    }

    /// The equity of a pool, in its asset.
    pub(super) fn equity(&self, moved: &Moved, take: Take) -> Exact {
        evaluate_over::<Exact>(self.book, &self.over(moved, take, 0), self.moment(), Wanted::All).equity
    }

    /// What holds of a pool once quanta have left it; whether only exact arithmetic could tell is added to the count.
    pub(super) fn after(&self, moved: &Moved, (take, quanta): (Take, i128), asked: Asked, n_exact: &mut usize) -> Held {
        let over = self.over(moved, take, quanta);
        // Nothing is void where cash only goes from a pool of the account to another.
        let voided = if asked.rule { self.voided(moved, take, quanta) } else { None };
        let near = self.attempt::<Bounded>(&over, voided.as_ref(), asked);
        near.or_else(|| {
            *n_exact += 1;
            self.attempt::<Exact>(&over, voided.as_ref(), asked)
        })
        .unwrap_or(Held { rule: None, safe: false, target: false, slack: f64::NAN })
    }

    fn attempt<N: Number>(&self, over: &Overlaid, voided: Option<&Overlaid>, asked: Asked) -> Option<Held> {
        let first: Verdict<N> = verdict_over(self.book, over, self.prices, Wanted::All)?;
        let (mut rule, mut slack) = (Some(true), f64::INFINITY);
        let left = if asked.rule { &first.value.left } else { &first.value.spare };
        if asked.rule || asked.spare {
            rule = match left {
                None => None,
                Some(left) => Some(left.sign()?.is_ge()),
            };
            slack = left.as_ref().map_or(f64::NAN, N::to_f64);
        }
        let other = match voided {
            Some(voided) => Some(verdict_over(self.book, voided, self.prices, Wanted::Tested)?),
            None => None,
        };
        let verdict = other.as_ref().unwrap_or(&first);
        if asked.safe && verdict.value.exposed {
            slack = slack.min(verdict.excess.to_f64());
        }
        let mut target = true;
        if let Some(ratio) = asked.target.filter(|_| verdict.value.exposed) {
            let required = &verdict.value.maintenance_margin;
            let above = verdict.value.collateral_value.minus(&N::of(ratio).times(required));
            target = above.sign()?.is_ge() || required.sign()?.is_eq();
            slack = slack.min(above.to_f64());
        }
        Some(Held { rule, safe: !asked.safe || !verdict.fails, target, slack })
    }
}
