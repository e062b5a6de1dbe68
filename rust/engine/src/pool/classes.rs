//! Margin classes: what positions that are priced and charged alike share.

use std::sync::Arc;

use crate::book::{Holdings, coordinate_size};
use crate::market::{Market, Payoff, PriceBasis, TierLaw};

use super::tables::{ClassTable, Constant};

/// How near to a floor, relatively, a notional in doubles may be for its tier to be in doubt: more than its rounding.
pub(crate) const FLOOR_DOUBT: f64 = 16.0 * f64::EPSILON;

/// What a price becomes in a class: `size * price`, or `-size / price` for an inverse contract, so that profit is
/// `quantity * (x - x(entry))` and notional `|quantity * x|` for all of them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Coordinate {
    size: f64,
    inverse: bool,
}

impl Coordinate {
    pub(crate) fn at(self, price: f64) -> f64 {
        if self.inverse { -self.size / price } else { self.size * price }
    }

    /// Whether it is `-size / price`.
    pub(crate) const fn is_inverse(self) -> bool {
        self.inverse
    }
}

/// One tier beyond the kernel's own, relative to what the kernel charges: `slope * u - constant`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Step {
    pub(crate) floor: f64,
    pub(crate) slope: f64,
    pub(crate) constant: f64,
}

/// Whether a law's charge jumps at its floors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Continuous,
    Jumping,
}

/// What the kernel reads of a class: laid out to be loaded as one.
///
/// A notional `u` is charged `rate * u + slope * max(u - floor, 0)`, and where it is above `reach * floor` what
/// [`Classes::beyond`] says in addition.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(32))]
pub(crate) struct ClassRow {
    /// The coordinate: contract size times mark.
    pub(crate) x: f64,
    /// Where the second tier begins.
    pub(crate) floor: f64,
    /// The rate charged on the whole notional.
    pub(crate) rate: f64,
    /// What the second tier charges more.
    pub(crate) slope: f64,
}

/// The row that padding lanes point at: adds nothing whatever the prices.
pub(crate) const PADDING: ClassRow = ClassRow { x: 0.0, floor: f64::MAX, rate: 0.0, slope: 0.0 };

/// The classes of a book. Class `c` of the holdings is row `c + 1` of the kernel's table; row 0 is the padding.
#[derive(Debug, Clone)]
pub(crate) struct Classes {
    coordinates: Vec<Coordinate>,
    rows: Vec<ClassRow>,
    shapes: Vec<Shape>,
    /// Steps of class `c`: `steps[offsets[c] .. offsets[c + 1]]`, floors ascending.
    offsets: Vec<usize>,
    steps: Vec<Step>,
    jumps: bool,
    /// How far, as a multiple of the second floor, the first two tiers go in every class.
    reach: f64,
}

fn smaller(a: f64, b: f64) -> f64 {
    if a < b { a } else { b }
}

impl Classes {
    pub(crate) fn new(market: &Market, holdings: &Holdings, tables: &[Arc<ClassTable>]) -> Self {
        let at_mark = market.rules().maintenance_price() == PriceBasis::Mark;
        let mut classes = Self {
            coordinates: vec![],
            rows: vec![PADDING],
            shapes: vec![],
            offsets: vec![0],
            steps: vec![],
            jumps: false,
            reach: 1e30,
        };
        for (class, table) in holdings.classes.iter().zip(tables) {
            let instrument = &market.instruments()[class.instrument as usize];
            let size = coordinate_size(instrument, holdings.quantity_unit);
            let size = if let Payoff::Quanto { multiplier } = instrument.payoff() { size * multiplier } else { size };
            classes.coordinates.push(Coordinate { size, inverse: instrument.payoff() == Payoff::Inverse });
            let law = class.tiers(market).law();
            let (row, shape) = if at_mark { classes.push_tiers(table, law) } else { (PADDING, Shape::Continuous) };
            classes.rows.push(row);
            classes.shapes.push(shape);
            classes.offsets.push(classes.steps.len());
            classes.jumps |= shape == Shape::Jumping;
        }
        for (row, shape) in classes.rows.iter_mut().skip(1).zip(&classes.shapes) {
            if *shape == Shape::Jumping {
                row.floor /= classes.reach;
            }
        }
        classes
    }

    fn push_tiers(&mut self, table: &ClassTable, law: TierLaw) -> (ClassRow, Shape) {
        let ClassTable { floors, rates, deductions, beyond, .. } = table;
        let second = floors.get(1).map_or(f64::MAX, Constant::near);
        let rate = rates[0].near();
        match law {
            TierLaw::Marginal => self.push_marginal(table),
            TierLaw::Flat => {
                let step = |k: usize| Step { floor: floors[k].near(), slope: beyond.slopes[k], constant: 0.0 };
                self.steps.extend((1..floors.len()).map(step));
                // A notional just below the second floor may in truth be on it. All of which that is asked are far.
                (ClassRow { floor: second * (1.0 - 2.0 * FLOOR_DOUBT), rate, ..PADDING }, Shape::Jumping)
            }
            _ => {
                let step =
                    |k: usize| Step { floor: floors[k].near(), slope: rates[k].near(), constant: deductions[k].near() };
                self.steps.extend((0..floors.len()).map(step));
                (ClassRow { floor: -1.0, ..PADDING }, Shape::Jumping)
            }
        }
    }

    /// The kernel charges the first two tiers; the steps are what the others charge beyond the line of the second.
    fn push_marginal(&mut self, table: &ClassTable) -> (ClassRow, Shape) {
        let ClassTable { floors, rates, beyond, .. } = table;
        let Some(second) = floors.get(1).map(Constant::near) else {
            return (ClassRow { rate: rates[0].near(), ..PADDING }, Shape::Continuous);
        };
        if let Some(third) = floors.get(2) {
            // Less by more than the rounding of what it is made of and multiplied with: whatever is in the third tier is
            // far in every book, and so charged alike in every book.
            self.reach = smaller(self.reach, third.near() / second * (1.0 - 4.0 * f64::EPSILON));
        }
        self.steps.extend((2..floors.len()).map(|k| Step {
            floor: floors[k].near(),
            slope: beyond.slopes[k],
            constant: beyond.constants[k],
        }));
        let row = ClassRow { floor: second, rate: rates[0].near(), slope: beyond.second, ..PADDING };
        (row, Shape::Continuous)
    }

    /// Number of classes.
    pub(crate) const fn len(&self) -> usize {
        self.coordinates.len()
    }

    /// What a price becomes in a class.
    pub(crate) fn coordinate(&self, class: u16) -> Coordinate {
        self.coordinates[usize::from(class)]
    }

    /// Whether the charge of some class jumps, so that sums need a guard.
    pub(crate) const fn jumps(&self) -> bool {
        self.jumps
    }

    /// How far the kernel's own two tiers go, as a multiple of a row's floor.
    pub(crate) const fn reach(&self) -> f64 {
        self.reach
    }

    /// The notional from which on a position of a class is far: beyond what the kernel charges itself.
    pub(crate) fn end_of_reach(&self, class: u16) -> f64 {
        self.rows[usize::from(class) + 1].floor * self.reach
    }

    /// What the kernel reads of a class, but for its price.
    pub(super) fn sliced(&self, class: u16) -> ClassRow {
        self.rows[usize::from(class) + 1]
    }

    /// What the kernel reads of a class at a mark.
    #[inline]
    pub(crate) fn row_at(&self, class: u16, mark: f64) -> ClassRow {
        ClassRow { x: self.coordinates[usize::from(class)].at(mark), ..self.rows[usize::from(class) + 1] }
    }

    /// The kernel's table at given marks (per class; NaN where missing).
    pub(crate) fn table(&self, mark: impl Fn(usize) -> f64) -> Vec<ClassRow> {
        let mut rows = self.rows.clone();
        for (class, row) in rows.iter_mut().skip(1).enumerate() {
            row.x = self.coordinates[class].at(mark(class));
        }
        rows
    }

    /// What row `row` of the kernel's table charges on a notional beyond what the kernel does, and what doubt that adds.
    ///
    /// The doubt is a magnitude whose rounding must be covered; infinite where the tier itself is in doubt.
    pub(crate) fn beyond(&self, row: u16, u: f64) -> (f64, f64) {
        let class = usize::from(row) - 1;
        beyond(&self.steps[self.offsets[class]..self.offsets[class + 1]], self.shapes[class], u)
    }

    /// A class by itself.
    pub(crate) fn own(&self, class: u16) -> OwnClass {
        let at = usize::from(class);
        OwnClass {
            coordinate: self.coordinates[at],
            row: self.rows[at + 1],
            far: self.end_of_reach(class),
            shape: self.shapes[at],
            steps: self.steps[self.offsets[at]..self.offsets[at + 1]].to_vec(),
        }
    }
}

/// What a class charges, for who has no others beside it.
#[derive(Debug, Clone)]
pub(crate) struct OwnClass {
    pub(crate) coordinate: Coordinate,
    /// As of the kernel's table, but for the price.
    pub(crate) row: ClassRow,
    /// A notional above this is charged what [`Self::beyond`] says in addition.
    pub(crate) far: f64,
    shape: Shape,
    steps: Vec<Step>,
}

impl OwnClass {
    /// As [`Classes::beyond`].
    pub(crate) fn beyond(&self, u: f64) -> (f64, f64) {
        beyond(&self.steps, self.shape, u)
    }

    /// Whether its charge jumps at its floors.
    pub(crate) fn jumps(&self) -> bool {
        self.shape == Shape::Jumping
    }
}

fn beyond(steps: &[Step], shape: Shape, u: f64) -> (f64, f64) {
    let above = steps.iter().take_while(|step| u >= step.floor).count();
    let charge = steps[..above].last().map_or(0.0, |step| step.slope * u - step.constant);
    if shape == Shape::Continuous {
        return (charge, 0.0);
    }
    let near = |step: &Step| (u - step.floor).abs() <= FLOOR_DOUBT * u;
    let first = above.saturating_sub(1);
    if steps[first..steps.len().min(above + 1)].iter().any(near) {
        return (charge, f64::INFINITY);
    }
    (charge, steps.get(first).map_or(0.0, |step| step.constant.abs()))
}
