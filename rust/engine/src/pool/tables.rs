//! The tables of a margin class, ready for evaluation in doubles and without rounding.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::book::MarginClass;
use crate::exact::{Exact, Number, binary};
use crate::market::{AtFloor, BoundUnit, Market, TierLaw, TierTable};

/// A number that is used in both arithmetics.
#[derive(Debug, Clone)]
pub(crate) struct Constant {
    exact: Exact,
    near: f64,
    /// What rounding lost.
    rest: f64,
}

impl Constant {
    pub(crate) fn new(exact: Exact) -> Self {
        let near = exact.to_f64();
        let rest = (exact.clone() - binary(near)).to_f64();
        Self { exact, near, rest }
    }

    pub(crate) fn get<N: Number>(&self) -> N {
        N::derived(&self.exact, self.near, self.rest)
    }

    pub(crate) const fn near(&self) -> f64 {
        self.near
    }

    pub(crate) const fn exact(&self) -> &Exact {
        &self.exact
    }
}

/// What the tiers of a table charge beyond the first, or the second, exactly, each rounded once.
#[derive(Debug, Clone, Default)]
pub(crate) struct Beyond {
    /// The second rate less the first.
    pub(crate) second: f64,
    /// The rates less that of the line that the kernel continues: of marginal tables the second, of flat ones the first.
    pub(crate) slopes: Vec<f64>,
    /// The deductions less that of the second tier, of marginal tables.
    pub(crate) constants: Vec<f64>,
}

impl Beyond {
    fn new(law: TierLaw, rates: &[Constant], deductions: &[Constant]) -> Self {
        let difference = |a: &Constant, b: &Constant| (a.exact.clone() - b.exact.clone()).to_f64();
        let from = |all: &[Constant], k: usize| all.iter().map(|of| difference(of, &all[k])).collect();
        match law {
            TierLaw::Marginal if rates.len() > 1 => Self {
                second: difference(&rates[1], &rates[0]),
                slopes: from(rates, 1),
                constants: from(deductions, 1),
            },
            TierLaw::Flat => Self { slopes: from(rates, 0), ..Self::default() },
            _ => Self::default(),
        }
    }
}

/// The tier table of a margin class, its bounds multiplied with the account's coefficient.
#[derive(Debug, Clone)]
pub(crate) struct ClassTable {
    pub(crate) bounds: BoundUnit,
    pub(crate) at_floor: AtFloor,
    pub(crate) floors: Vec<Constant>,
    pub(crate) rates: Vec<Constant>,
    pub(crate) initial_rates: Vec<Constant>,
    /// In the unit of the bounds.
    pub(crate) deductions: Vec<Constant>,
    pub(crate) beyond: Beyond,
    /// The tier that is fixed, from 1; 0 where the basis decides.
    pub(crate) tier: u16,
    /// The taker rate of the class's fee profile.
    pub(crate) taker: f64,
    /// The rate of closing fees inside requirements.
    pub(crate) closing: f64,
    /// The end of the last tier.
    pub(crate) cap: Option<Constant>,
    /// Infinite where the table says none.
    pub(crate) max_leverage: Vec<f64>,
    /// Whether what is charged for maintenance does not jump at floors.
    pub(super) continuous: bool,
}

/// Whether `rate * amount - deduction` is the same on both sides of every floor.
fn is_continuous(floors: &[Constant], rates: &[Constant], deductions: &[Constant]) -> bool {
    (1..floors.len()).all(|k| {
        let rise = rates[k].exact().clone() - rates[k - 1].exact().clone();
        let taken = deductions[k].exact().clone() - deductions[k - 1].exact().clone();
        (rise * floors[k].exact().clone() - taken).is_zero()
    })
}

/// What tells margin classes apart.
type Key = (u32, Option<u16>, u16, u64, u16);

/// Tables of margin classes that books of one market share: to make one takes longer than a small book.
#[derive(Debug, Default)]
pub(crate) struct KnownTables {
    known: Mutex<BTreeMap<Key, Arc<ClassTable>>>,
}

impl KnownTables {
    /// More than a book has; coefficients are the user's, so that there is no end to classes.
    const MOST: usize = 1 << 16;

    /// The table of a class.
    pub(crate) fn get(&self, market: &Market, class: &MarginClass) -> Arc<ClassTable> {
        let key = (class.instrument, class.version, class.tier, class.coefficient.to_bits(), class.profile);
        // What another thread left half done is a table less.
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= Self::MOST {
            known.clear();
        }
        Arc::clone(known.entry(key).or_insert_with(|| Arc::new(ClassTable::new(market, class))))
    }
}

impl ClassTable {
    pub(crate) fn new(market: &Market, class: &MarginClass) -> Self {
        let table: &TierTable = class.tiers(market);
        let coefficient = Exact::from_f64(class.coefficient);
        let scaled = |x: Exact| Constant::new(x * coefficient.clone());
        let floors: Vec<Constant> = table.floors().iter().map(|&floor| scaled(Exact::from_f64(floor))).collect();
        let rates: Vec<Constant> = table.exact_rates().into_iter().map(Constant::new).collect();
        let deductions: Vec<Constant> = table.exact_deductions().into_iter().map(scaled).collect();
        Self {
            continuous: is_continuous(&floors, &rates, &deductions),
            beyond: Beyond::new(table.law(), &rates, &deductions),
            bounds: table.bounds(),
            at_floor: table.at_floor(),
            floors,
            rates,
            initial_rates: table.exact_initial_rates().into_iter().map(Constant::new).collect(),
            deductions,
            cap: table.cap().map(|cap| scaled(Exact::from_f64(cap))),
            max_leverage: table.max_leverage().to_vec(),
            tier: class.tier,
            taker: market.profiles().get(usize::from(class.profile)).map_or(0.0, |profile| profile.taker),
            closing: market.closing_fee_rate(class.instrument as usize, usize::from(class.profile)),
        }
    }

    /// The tier, from 0, that a basis is in at present, and whether rounding left it open.
    pub(crate) fn tier_of<N: Number>(&self, basis: &N) -> (usize, bool) {
        let mut open = false;
        let mut reaches = |k: usize| {
            let above = basis.minus(&self.floors[k].get());
            let sign = above.sign_now().unwrap_or_else(|| {
                open = true;
                above.to_f64().partial_cmp(&0.0).unwrap_or(Ordering::Less)
            });
            sign == Ordering::Greater || (sign == Ordering::Equal && self.at_floor == AtFloor::Higher)
        };
        // Nearly, from doubles; then as it is: the fewest comparisons, since numbers remember what they were compared with.
        let near = basis.to_f64();
        let mut tier = self.floors.iter().skip(1).take_while(|floor| near >= floor.near).count();
        while tier > 0 && !reaches(tier) {
            tier -= 1;
        }
        while tier + 1 < self.floors.len() && reaches(tier + 1) {
            tier += 1;
        }
        (tier, open)
    }

    /// The lowest and the highest tier, from 0, that a basis gets to from a tier that it is in at present. Where tiers jump,
    /// as `jumps` says, a basis may be kept in its tier instead.
    pub(super) fn reach_of<N: Number>(&self, basis: &N, tier: usize, jumps: bool) -> (usize, usize) {
        let Some(within) = basis.within() else { return (tier, tier) };
        // The double next to that of a floor is beyond the floor.
        let begun = |at: &dyn Fn(f64) -> bool| self.floors.iter().skip(1).take_while(|floor| at(floor.near)).count();
        let lowest = if within.falls { begun(&|floor| floor.next_up() < within.range.low).min(tier) } else { tier };
        let highest =
            if within.rises { begun(&|floor| floor.next_down() <= within.range.high).max(tier) } else { tier };
        if jumps && (lowest, highest) != (tier, tier) {
            let kept_above = lowest == tier || basis.minus(&self.floors[tier].get()).keep();
            let kept_below = highest == tier || self.floors[tier + 1].get::<N>().minus(basis).keep();
            return (if kept_above { tier } else { lowest }, if kept_below { tier } else { highest });
        }
        (lowest, highest)
    }

    /// What is charged on an amount in the unit of the bounds, and whether rounding left its tier open.
    pub(crate) fn charge<N: Number>(&self, amount: &N) -> (N, bool) {
        let (tier, open) = self.tier_of(amount);
        (amount.times(&self.rates[tier].get()).minus(&self.deductions[tier].get()).positive(), open)
    }
}
