//! The rows that lanes of several assets read of a class.

use std::collections::HashMap;

use crate::market::{BoundUnit, ClosingFee, Payoff, TierLaw};

use super::Book;
use super::buckets::{Bucket, DOUBT, FREE, Lookup, push};
use super::classes::Coordinate;

/// What a class is charged for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Use {
    /// A position by itself: its tiers, and the fee of closing at mark.
    Position,
    /// A position whose group is charged: only the fee.
    ValueOnly,
    /// A group: only tiers.
    Group,
}

/// What a kernel reads of a class: laid out to be loaded as one.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(32))]
pub(crate) struct LaneRow {
    /// The coordinate.
    pub(crate) x: f64,
    /// The code of a [`Lookup`].
    pub(crate) lookup: u64,
    /// 1 where a tier charges what is above its floor, 0 where it charges the whole.
    pub(crate) above_floor: f64,
    /// How near to a floor, relatively, an amount is in doubt; negative where no charge jumps.
    pub(crate) doubt: f64,
}

/// The row that padding lanes point at.
const PADDING: LaneRow = LaneRow { x: 0.0, lookup: Lookup::NONE.code(), above_floor: 1.0, doubt: -1.0 };

/// The classes of a book as lanes know them.
#[derive(Debug, Clone)]
pub(crate) struct LaneClasses {
    rows: Vec<LaneRow>,
    /// Class and coordinate of each row but the first.
    coordinates: Vec<(u16, Coordinate)>,
    buckets: Vec<Bucket>,
    known: HashMap<(u16, Use), Option<u16>>,
}

/// A class has no rows.
pub(super) struct NoRows;

impl LaneClasses {
    pub(super) fn new() -> Self {
        Self { rows: vec![PADDING], coordinates: vec![], buckets: vec![FREE], known: HashMap::new() }
    }

    pub(crate) fn buckets(&self) -> &[Bucket] {
        &self.buckets
    }

    /// The kernel's table at given marks (by instrument; NaN where missing).
    pub(crate) fn table(&self, book: &Book, mark: &[f64]) -> Vec<LaneRow> {
        let mut rows = self.rows.clone();
        for (row, (class, coordinate)) in rows.iter_mut().skip(1).zip(&self.coordinates) {
            let instrument = book.holdings().classes[usize::from(*class)].instrument;
            row.x = coordinate.at(mark[instrument as usize]);
        }
        rows
    }

    /// The row of a class in a use.
    pub(super) fn get(&mut self, book: &Book, class: u16, used: Use) -> Result<u16, NoRows> {
        if let Some(known) = self.known.get(&(class, used)) {
            return known.ok_or(NoRows);
        }
        let row = self.make(book, class, used);
        self.known.insert((class, used), row);
        row.ok_or(NoRows)
    }

    fn make(&mut self, book: &Book, class: u16, used: Use) -> Option<u16> {
        let table = book.class_table(class);
        let key = &book.holdings().classes[usize::from(class)];
        let instrument = &book.market().instruments()[key.instrument as usize];
        let law = key.tiers(book.market()).law();
        let at_mark = book.market().rules().maintenance(false).closing_fee == ClosingFee::Mark;
        let fee = if at_mark && used != Use::Group { table.taker } else { 0.0 };
        let lookup = if used == Use::ValueOnly {
            self.buckets.push(Bucket { rate: fee, ..FREE });
            Lookup::of_one(self.buckets.len() - 1)?
        } else {
            let in_notional = match table.bounds {
                BoundUnit::Settle => true,
                BoundUnit::Quote => instrument.payoff() == Payoff::Linear,
                BoundUnit::Contracts => false,
            };
            if !in_notional {
                return None;
            }
            push(&mut self.buckets, table, law, fee)?
        };
        let jumps = law == TierLaw::Flat && used != Use::ValueOnly;
        let row = u16::try_from(self.rows.len()).ok()?;
        self.rows.push(LaneRow {
            x: 0.0,
            lookup: lookup.code(),
            above_floor: if jumps { 0.0 } else { 1.0 },
            doubt: if jumps { DOUBT } else { -1.0 },
        });
        self.coordinates.push((class, book.classes().coordinate(class)));
        Some(row)
    }
}
