//! What is charged on a notional, piece by piece, to twice the precision of doubles.
//!
//! A class that is charged by itself, on its own notional at mark, by rising marginal tiers, requires
//! `rate * u - deduction` of a notional `u`, by the tier that `u` is in. With `v = quantity * x`, where `x` is the coordinate of
//! its price (`size * price`, or `-size / price` for an inverse contract), what a position adds to the excess is
//! `v - level * (rate * |v| - deduction) = v * slope + constant`, continuous and rising in `v`.

use crate::book::coordinate_size;
use crate::exact::{Quad, Twofold};
use crate::market::{BoundUnit, ClosingFee, Legs, MarginSource, Market, Payoff, PriceBasis, TierLaw, TierLegs};

use super::Book;

/// One tier: what it requires of a notional, times the level of the trigger.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Piece {
    pub(crate) floor: Twofold,
    pub(crate) rate: Twofold,
    pub(crate) deduction: Twofold,
}

/// The tiers of a book's classes.
#[derive(Debug, Clone)]
pub(crate) struct Pieces {
    /// Tiers of class `c`: `offsets[c] .. offsets[c + 1]`; none where it is not charged in pieces.
    offsets: Vec<u32>,
    tiers: Vec<Piece>,
    /// What a price is multiplied with, by class; negative, and divided by the price, where the contract is inverse.
    size: Vec<Twofold>,
    pub(crate) rows: TierRows,
}

/// The tiers as rows of tables that lanes read.
///
/// Row `2 * class` is of long positions of a class, `2 * class + 1` of short ones. These are of the first tier; the others of
/// row `r` are `more[r] .. more[r + 1]`.
#[derive(Debug, Clone, Default)]
pub(crate) struct TierRows {
    pub(crate) more: Vec<u32>,
    /// Where the tier begins, as a notional and as what a position of it adds to the excess (both without sign); of first
    /// tiers 0.
    pub(crate) floor: Vec<Twofold>,
    pub(crate) limit: Vec<Twofold>,
    /// What a value is multiplied with.
    pub(crate) slope: Vec<Twofold>,
    /// `1 / (slope * size)`, or `-slope * size` where the contract is inverse; and what is added.
    pub(crate) root: Vec<Quad>,
}

/// A slope is known to `2^-90`: a price that is divided by one that is no less than this, to `2^-86`.
const LEAST_SLOPE: f64 = 1.0 / 16.0;

/// Whether the requirement of every position of a market depends on nothing but the position and its mark.
pub(super) fn has_pieces(market: &Market) -> bool {
    let rules = market.rules();
    let (cross, isolated) = (rules.maintenance(false), rules.maintenance(true));
    cross == isolated
        && cross.legs == Legs::Each
        && cross.source == MarginSource::Usual
        && matches!(cross.closing_fee, ClosingFee::None | ClosingFee::Mark)
        && cross.tier_legs == TierLegs::Same
        && cross.price == PriceBasis::Mark
        && cross.tier_price == PriceBasis::Mark
}

impl Pieces {
    pub(super) fn new(book: &Book) -> Self {
        let market = book.market();
        let mut pieces = Self { offsets: vec![0], tiers: vec![], size: vec![], rows: TierRows::default() };
        for class in 0..book.holdings().classes.len() {
            pieces.push(book, class);
            pieces.offsets.push(u32::try_from(pieces.tiers.len()).unwrap_or(u32::MAX));
            pieces.size.push(size(market, book, class));
        }
        pieces.rows = TierRows::new(&pieces);
        pieces
    }

    /// The same classes with nothing required of them.
    pub(crate) fn free(&self) -> Self {
        let nothing = Piece { floor: Twofold::ZERO, rate: Twofold::ZERO, deduction: Twofold::ZERO };
        let mut free = Self { offsets: vec![0], tiers: vec![], size: self.size.clone(), rows: TierRows::default() };
        for tiers in self.offsets.windows(2) {
            free.tiers.extend((tiers[0] < tiers[1]).then_some(nothing));
            free.offsets.push(u32::try_from(free.tiers.len()).unwrap_or(u32::MAX));
        }
        free.rows = TierRows::new(&free);
        free
    }

    /// Adds the tiers of a class, if it has any.
    fn push(&mut self, book: &Book, class: usize) {
        let (market, class) = (book.market(), &book.holdings().classes[class]);
        let table = class.tiers(market);
        let instrument = &market.instruments()[class.instrument as usize];
        let in_notional = match table.bounds() {
            BoundUnit::Settle => true,
            BoundUnit::Quote => instrument.payoff() == Payoff::Linear,
            BoundUnit::Contracts => false,
        };
        if table.law() != TierLaw::Marginal || class.tier > 0 || !in_notional {
            return;
        }
        let level = Twofold::decimal(market.rules().trigger_level());
        let fee = match market.rules().maintenance(false).closing_fee {
            ClosingFee::Mark => {
                let rate = market.closing_fee_rate(class.instrument as usize, usize::from(class.profile));
                level.times(Twofold::decimal(rate))
            }
            _ => Twofold::ZERO,
        };
        let coefficient = Twofold::decimal(class.coefficient);
        let rates = table.twofold_rates();
        let (mut rate_below, mut deduction) = (rates[0], Twofold::ZERO);
        for (&floor, &rate) in table.floors().iter().zip(&rates) {
            let floor = Twofold::decimal(floor).times(coefficient);
            deduction = deduction.plus(floor.times(rate.minus(rate_below)));
            rate_below = rate;
            let rate = level.times(rate).plus(fee);
            self.tiers.push(Piece { floor, rate, deduction: level.times(deduction) });
        }
    }

    /// The tiers of a class; none where it is not charged in pieces.
    pub(crate) fn of(&self, class: u16) -> &[Piece] {
        let class = usize::from(class);
        &self.tiers[self.offsets[class] as usize..self.offsets[class + 1] as usize]
    }

    /// The coordinate of a price.
    pub(crate) fn coordinate(&self, class: u16, price: Twofold) -> Twofold {
        let size = self.size[usize::from(class)];
        if size.hi < 0.0 { size.over(price) } else { size.times(price) }
    }

    /// What multiplies the price; negative where it divides by it.
    pub(crate) fn size(&self, class: u16) -> Twofold {
        self.size[usize::from(class)]
    }

    /// Number of classes.
    pub(crate) const fn len(&self) -> usize {
        self.size.len()
    }
}

/// What a price is multiplied with, negative where the contract is inverse.
fn size(market: &Market, book: &Book, class: usize) -> Twofold {
    let instrument = &market.instruments()[book.holdings().classes[class].instrument as usize];
    let size = Twofold::decimal(coordinate_size(instrument, book.holdings().quantity_unit));
    match instrument.payoff() {
        Payoff::Inverse => size.negated(),
        Payoff::Quanto { multiplier } => size.times(Twofold::decimal(multiplier)),
        Payoff::Linear => size,
    }
}

impl TierRows {
    fn new(of: &Pieces) -> Self {
        let classes = 0..u16::try_from(of.len()).unwrap_or(u16::MAX);
        let mut rows = Self::default();
        let both = |class| [(class, false), (class, true)];
        for (class, short) in classes.clone().flat_map(both) {
            match of.of(class).first() {
                Some(tier) => rows.push(tier, of.size(class), short),
                // Nothing follows from it.
                None => rows.push_unknown(),
            }
        }
        for (class, short) in classes.flat_map(both) {
            rows.more.push(rows.n());
            for tier in of.of(class).iter().skip(1) {
                rows.push(tier, of.size(class), short);
            }
        }
        rows.more.push(rows.n());
        rows
    }

    /// Number of rows.
    fn n(&self) -> u32 {
        u32::try_from(self.slope.len()).unwrap_or(u32::MAX)
    }

    fn push(&mut self, tier: &Piece, size: Twofold, short: bool) {
        let &Piece { floor, rate, deduction } = tier;
        // The value of a short position is below zero, that of an inverse one above.
        let is_negative = short != (size.hi < 0.0);
        let (slope, limit) = if is_negative {
            let slope = Twofold::ONE.plus(rate);
            (slope, floor.times(slope).minus(deduction))
        } else {
            let slope = Twofold::ONE.minus(rate);
            (slope, floor.times(slope).plus(deduction))
        };
        let scaled = slope.times(size);
        let root = if size.hi < 0.0 { scaled } else { Twofold::ONE.over(scaled) };
        self.floor.push(floor);
        self.limit.push(limit);
        self.slope.push(slope);
        self.root.push(Quad([root.hi, root.lo, deduction.hi, deduction.lo]));
    }

    fn push_unknown(&mut self) {
        let none = Twofold::of(f64::NAN);
        self.floor.push(none);
        self.limit.push(none);
        self.slope.push(none);
        self.root.push(Quad([f64::NAN; 4]));
    }

    /// The row of the tier that a notional is in, given that of the first.
    pub(crate) fn tier_of_notional(&self, row: u32, notional: Twofold) -> u32 {
        self.last_below(row, &self.floor, notional)
    }

    /// The row of the tier that a notional in doubles is in, given that of the first.
    pub(crate) fn tier_near(&self, row: u32, notional: f64) -> u32 {
        let others = self.more[row as usize]..self.more[row as usize + 1];
        others.take_while(|&next| notional >= self.floor[next as usize].hi).last().unwrap_or(row)
    }

    /// As [`Self::tier_of_notional`], given what a position of it adds to the excess, without sign.
    pub(crate) fn tier_of_value(&self, row: u32, value: Twofold) -> u32 {
        self.last_below(row, &self.limit, value)
    }

    /// The row of a tier, given that of the first.
    pub(crate) fn row_of_tier(&self, first: u32, tier: u32) -> u32 {
        if tier == 0 { first } else { self.more[first as usize] + tier - 1 }
    }

    /// The tier that a row is of, given that of the first.
    pub(crate) fn tier_of_row(&self, first: u32, row: u32) -> u32 {
        if row == first { 0 } else { row - self.more[first as usize] + 1 }
    }

    fn last_below(&self, row: u32, begins: &[Twofold], amount: Twofold) -> u32 {
        let mut last = row;
        for next in self.more[row as usize]..self.more[row as usize + 1] {
            if !amount.reaches(begins[next as usize]) {
                break;
            }
            last = next;
        }
        last
    }

    /// Whether what a position adds to the excess rises with its notional in every tier of a row.
    pub(crate) fn rises(&self, row: usize) -> bool {
        let others = self.more[row] as usize..self.more[row + 1] as usize;
        let rises = |slope: &Twofold| slope.hi > LEAST_SLOPE;
        rises(&self.slope[row]) && self.slope[others].iter().all(rises)
    }
}
