//! Margin classes at the present marks: what positions look up.

use crate::book::MarginClass;
use crate::pool::{Book, Constant, OwnClass};

/// How near to a floor, relatively, a notional counts as on it: more than rounding can move it.
const ON_FLOOR: f64 = 64.0 * f64::EPSILON;

/// What a position looks up.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
pub(super) struct Row {
    /// The coordinate of the mark: see [`crate::pool::ClassRow`].
    pub(super) x: f64,
    /// Where the second tier begins, the rate of the first, and what the second charges more.
    pub(super) floor: f64,
    pub(super) rate: f64,
    pub(super) slope: f64,
    /// From this notional on there is more to charge.
    pub(super) far: f64,
    /// The least and the largest rate of all tiers.
    pub(super) least: f64,
    pub(super) most: f64,
    /// The price that the coordinate is of.
    pub(super) line: u32,
    /// Whether the charge jumps at floors.
    pub(super) jumps: bool,
    /// Whether the coordinate is `-size / price`.
    pub(super) inverse: bool,
}

/// A stretch of notionals that are charged at one rate.
#[derive(Debug, Clone, Copy)]
pub(super) struct Segment {
    pub(super) from: f64,
    pub(super) to: f64,
    pub(super) rate: f64,
}

#[derive(Debug, Clone)]
struct Class {
    key: MarginClass,
    own: OwnClass,
    /// Floors of the tiers and their rates, from the first on.
    tiers: Vec<(f64, f64)>,
}

/// The classes of all books that a monitor has seen; those of a book are added when it comes.
#[derive(Debug, Clone, Default)]
pub(super) struct Rows {
    pub(super) of: Vec<Row>,
    classes: Vec<Class>,
    /// The rows of each line.
    of_line: Vec<Vec<u16>>,
}

impl Rows {
    pub(super) fn new(n_lines: usize) -> Self {
        Self { of_line: vec![Vec::new(); n_lines], ..Self::default() }
    }

    /// The row of each class of a book at marks; rows of unknown classes are added. `None` where there are more than a row's number can say.
    pub(super) fn add(&mut self, book: &Book, mark: &[f64]) -> Option<Vec<u16>> {
        let classes = &book.holdings().classes;
        let rows = classes.iter().enumerate().map(|(class, key)| {
            let known =
                self.of_line[key.instrument as usize].iter().find(|&&row| self.classes[usize::from(row)].key == *key);
            known.copied().or_else(|| self.push(book, u16::try_from(class).ok()?, mark))
        });
        rows.collect()
    }

    fn push(&mut self, book: &Book, class: u16, mark: &[f64]) -> Option<u16> {
        let at = u16::try_from(self.of.len()).ok()?;
        let key = book.holdings().classes[usize::from(class)];
        let own = book.classes().own(class);
        let table = book.class_table(class);
        let near = |of: &[Constant]| of.iter().map(Constant::near).collect::<Vec<f64>>();
        let at_entry = book.folded().is_some_and(|folded| !folded.maintenance.is_empty());
        let tiers: Vec<(f64, f64)> =
            if at_entry { vec![(0.0, 0.0)] } else { near(&table.floors).into_iter().zip(near(&table.rates)).collect() };
        let rates = || tiers.iter().map(|&(_, rate)| rate);
        let least = rates().fold(f64::INFINITY, |a, b| if b < a { b } else { a });
        let most = rates().fold(0.0, |a, b| if b > a { b } else { a });
        self.of.push(Row {
            x: own.coordinate.at(mark[key.instrument as usize]),
            floor: own.row.floor,
            rate: own.row.rate,
            slope: own.row.slope,
            far: own.far,
            least,
            most,
            line: key.instrument,
            jumps: own.jumps(),
            inverse: own.coordinate.is_inverse(),
        });
        self.classes.push(Class { key, own, tiers });
        self.of_line[key.instrument as usize].push(at);
        Some(at)
    }

    /// Moves the mark of an instrument.
    #[inline]
    pub(super) fn go(&mut self, line: usize, price: f64) {
        for &row in &self.of_line[line] {
            let at = usize::from(row);
            self.of[at].x = self.classes[at].own.coordinate.at(price);
        }
    }

    /// Where the coordinate of a row is.
    #[inline]
    pub(super) fn x(&self, row: u16) -> f64 {
        self.of[usize::from(row)].x
    }

    /// The rows of a line.
    #[inline]
    pub(super) fn of_line(&self, line: usize) -> &[u16] {
        &self.of_line[line]
    }

    /// What is charged on a notional beyond the first two tiers, and the doubt that adds.
    #[cold]
    pub(super) fn beyond(&self, row: u16, notional: f64) -> (f64, f64) {
        self.classes[usize::from(row)].own.beyond(notional)
    }

    /// What a quantity is worth at a price, and what is charged on it.
    pub(super) fn part(&self, row: u16, quantity: f64, price: f64) -> (f64, f64) {
        let of = &self.of[usize::from(row)];
        let value = quantity * self.x_at(row, price);
        let notional = value.abs();
        let over = if notional > of.floor { notional - of.floor } else { 0.0 };
        let far = if notional > of.far { self.beyond(row, notional).0 } else { 0.0 };
        (value, of.rate * notional + of.slope * over + far)
    }

    /// The coordinate of a row at a price.
    pub(super) fn x_at(&self, row: u16, price: f64) -> f64 {
        self.classes[usize::from(row)].own.coordinate.at(price)
    }

    /// The stretch that a notional lies in. Where charges jump it ends before what may count as its floors, and has no length
    /// where the notional is on one.
    #[inline]
    pub(super) fn segment(&self, row: u16, notional: f64) -> Segment {
        let of = &self.of[usize::from(row)];
        if !of.jumps && notional < of.floor {
            return Segment { from: 0.0, to: of.floor, rate: of.rate };
        }
        self.later_segment(row, notional)
    }

    #[cold]
    fn later_segment(&self, row: u16, notional: f64) -> Segment {
        let class = &self.classes[usize::from(row)];
        let at = class.tiers.iter().skip(1).take_while(|&&(floor, _)| notional >= floor).count();
        let (from, rate) = class.tiers[at];
        let to = class.tiers.get(at + 1).map_or(f64::INFINITY, |&(floor, _)| floor);
        if !class.own.jumps() {
            return Segment { from, to, rate };
        }
        let (from, to) = (from * (1.0 + ON_FLOOR), to * (1.0 - ON_FLOOR));
        if notional <= from && from > 0.0 || notional >= to {
            return Segment { from: notional, to: notional, rate };
        }
        Segment { from, to, rate }
    }

    pub(super) fn bytes(&self) -> usize {
        let tiers: usize = self.classes.iter().map(|class| class.tiers.capacity()).sum();
        self.of.capacity() * size_of::<Row>()
            + self.classes.capacity() * size_of::<Class>()
            + tiers * size_of::<(f64, f64)>()
    }
}
