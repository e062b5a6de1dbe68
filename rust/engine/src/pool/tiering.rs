//! The tier that a group is charged by, and what picked it.

use crate::exact::{Name, Number};
use crate::market::AtFloor;

use super::tables::ClassTable;

/// A tier, and what picked it.
pub(super) struct Tier<N> {
    /// From 0.
    pub(super) at: usize,
    /// The lowest and the highest that it may become.
    pub(super) reach: (usize, usize),
    /// Where it is picked by what it charges, in a table that does not jump at its floors: the tiers with the least and the
    /// greatest rate that it may become.
    pub(super) slopes: Option<[usize; 2]>,
    /// The amount that the tier was looked up by.
    pub(super) basis: Option<N>,
    /// The tier that is fixed, from 1; 0 where none is.
    pub(super) fixed: usize,
}

impl<N: Number> Tier<N> {
    /// Of what is charged by no table.
    pub(super) const fn none() -> Self {
        Self::of(0, 0)
    }

    /// A tier that stays, and the one that is fixed, from 1.
    pub(super) const fn of(at: usize, fixed: usize) -> Self {
        Self { at, reach: (at, at), slopes: None, basis: None, fixed }
    }

    /// A number by the tier: what it is in each that the tier may become. Of maintenance, which a table says so that it does not
    /// jump, the least and the greatest rate say what is between.
    pub(super) fn choose(&self, is_maintenance: bool, of: impl Fn(usize) -> N) -> N {
        let now = of(self.at);
        if self.reach == (self.at, self.at) {
            return now;
        }
        if let Some(slopes) = self.slopes.filter(|_| is_maintenance) {
            return slopes.into_iter().fold(now, |number, tier| number.or(&of(tier), true));
        }
        let others = (self.reach.0..=self.reach.1).filter(|&tier| tier != self.at);
        others.fold(now, |number, tier| number.or(&of(tier), false))
    }

    /// The tier as a number, with the bounds that its basis lies within.
    pub(super) fn reasons(&self, table: &ClassTable, instrument: usize) -> Vec<N> {
        if self.basis.is_none() && self.fixed == 0 {
            return Vec::new();
        }
        let picked = |word, tier: usize| {
            let tier = N::of(f64::from(u32::try_from(tier).unwrap_or(u32::MAX)));
            tier.named(|| Name::term(word).rule("tiers").of("instrument", instrument))
        };
        let fixed = (self.fixed > 0).then(|| picked("fixed_tier", self.fixed));
        let bounds = || {
            let words = match table.at_floor {
                AtFloor::Higher => ["floor", "below"],
                AtFloor::Lower => ["above", "cap"],
            };
            let at = self.basis.as_ref().map_or(0, |basis| table.tier_of(basis).0);
            let bound =
                |k: usize, word| table.floors.get(k).map(|floor| floor.get::<N>().named(|| Name::operand(word)));
            let lower = if at == 0 { None } else { bound(at, words[0]) };
            self.basis.clone().into_iter().chain(lower).chain(bound(at + 1, words[1])).chain(fixed).collect()
        };
        vec![picked("tier", self.at + 1).because(bounds)]
    }
}

impl ClassTable {
    /// Of some tiers, those with the least and the greatest rate. Rates that round to one double are as one: numbers know them
    /// no better.
    pub(super) fn slopes(&self, (lowest, highest): (usize, usize)) -> [usize; 2] {
        let rates = || (lowest..=highest).map(|tier| (self.rates[tier].near(), tier));
        let least = rates().fold((f64::INFINITY, lowest), |least, rate| if rate.0 < least.0 { rate } else { least });
        let most = rates().fold((f64::NEG_INFINITY, lowest), |most, rate| if rate.0 > most.0 { rate } else { most });
        [least.1, most.1]
    }

    /// The rate of a tier.
    pub(super) fn rate<N: Number>(&self, tier: usize) -> N {
        self.rates[tier].get::<N>().named(|| Name::operand("maintenance_rate").rule("tiers"))
    }

    /// The initial rate of a tier.
    pub(super) fn initial_rate<N: Number>(&self, tier: usize) -> N {
        self.initial_rates[tier].get::<N>().named(|| Name::operand("initial_rate").rule("tiers"))
    }

    /// What a tier takes off, in the unit of the bounds.
    pub(super) fn deduction<N: Number>(&self, tier: usize) -> N {
        self.deductions[tier].get::<N>().named(|| Name::operand("deduction").rule("tiers"))
    }

    /// The rate of fees to open.
    pub(super) fn taker_rate<N: Number>(&self) -> N {
        N::of(self.taker).named(|| Name::operand("taker_rate").rule("fees.taker"))
    }

    /// The rate of closing fees inside requirements.
    pub(super) fn closing_rate<N: Number>(&self) -> N {
        N::of(self.closing).named(|| Name::operand("closing_rate").rule("fees.closing"))
    }
}
