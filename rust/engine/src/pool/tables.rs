//! The tables of a margin class, ready for evaluation in doubles and without rounding.

use crate::book::MarginClass;
use crate::exact::{Exact, Number};
use crate::market::{AtFloor, BoundUnit, Market, TierTable};

/// A number that is used in both arithmetics.
#[derive(Debug, Clone)]
pub(crate) struct Constant {
    exact: Exact,
    near: f64,
}

impl Constant {
    pub(crate) fn new(exact: Exact) -> Self {
        Self { near: exact.to_f64(), exact }
    }

    pub(crate) fn get<N: Number>(&self) -> N {
        N::derived(&self.exact, self.near)
    }

    pub(crate) const fn near(&self) -> f64 {
        self.near
    }

    pub(crate) const fn exact(&self) -> &Exact {
        &self.exact
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
    /// The tier that is fixed, from 1; 0 where the basis decides.
    pub(crate) tier: u16,
    /// The taker rate of the class's fee profile.
    pub(crate) taker: f64,
    /// The rate of closing fees inside requirements.
    pub(crate) closing: f64,
}

impl ClassTable {
    pub(crate) fn new(market: &Market, class: &MarginClass) -> Self {
        let table: &TierTable = class.tiers(market);
        let coefficient = Exact::from_f64(class.coefficient);
        let scaled = |x: Exact| Constant::new(x * coefficient.clone());
        Self {
            bounds: table.bounds(),
            at_floor: table.at_floor(),
            floors: table.floors().iter().map(|&floor| scaled(Exact::from_f64(floor))).collect(),
            rates: table.exact_rates().into_iter().map(Constant::new).collect(),
            initial_rates: table.exact_initial_rates().into_iter().map(Constant::new).collect(),
            deductions: table.exact_deductions().into_iter().map(scaled).collect(),
            tier: class.tier,
            taker: market.profiles().get(usize::from(class.profile)).map_or(0.0, |profile| profile.taker),
            closing: market.closing_fee_rate(class.instrument as usize, usize::from(class.profile)),
        }
    }

    /// The tier, from 0, that a basis is in, and whether rounding left it open.
    pub(crate) fn tier_of<N: Number>(&self, basis: &N) -> (usize, bool) {
        let (mut tier, mut open) = (0, false);
        for (k, floor) in self.floors.iter().enumerate().skip(1) {
            let above = basis.minus(&floor.get());
            let reaches = match (above.sign(), self.at_floor) {
                (Some(std::cmp::Ordering::Greater), _) => true,
                (Some(std::cmp::Ordering::Less), _) => false,
                (Some(std::cmp::Ordering::Equal), at_floor) => at_floor == AtFloor::Higher,
                (None, at_floor) => {
                    open = true;
                    let above = above.to_f64();
                    above > 0.0 || (above == 0.0 && at_floor == AtFloor::Higher)
                }
            };
            if !reaches {
                break;
            }
            tier = k;
        }
        (tier, open)
    }

    /// What is charged on an amount in the unit of the bounds, and whether rounding left its tier open.
    pub(crate) fn charge<N: Number>(&self, amount: &N) -> (N, bool) {
        let (tier, open) = self.tier_of(amount);
        (amount.times(&self.rates[tier].get()).minus(&self.deductions[tier].get()).positive(), open)
    }
}
