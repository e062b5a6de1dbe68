//! Pools as they are watched: a constant and a short row of quantities, all of one pool together.
//!
//! The figures are those of the lanes (`kernel/figures`), by the same operations in the same order, so that they have the
//! same bits; that holds for the bound on their errors too.

use std::collections::BTreeMap;

use crate::memory::{will_read, with_room};
use crate::pool::{Book, decode};

use super::line::FREE;
use super::rows::{Row, Rows};

/// A position.
#[derive(Debug, Clone, Copy)]
pub(super) struct Held {
    pub(super) quantity: f64,
    pub(super) pool: u32,
    pub(super) row: u16,
    /// The triggers that are live, below and above the price.
    pub(super) armed: [u32; 2],
}

/// The place of who is not followed.
pub(super) const ALONE: u32 = u32::MAX;

/// How a pool is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum How {
    /// Nobody is there.
    Gone,
    /// By what its positions add.
    Lanes,
    /// By the rules: its positions are prices.
    Rules,
}

/// A pool.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pool {
    pub(super) constant: f64,
    /// Of what is charged at entry.
    pub(super) required: f64,
    /// The equity at or below which the account is stopped; NaN where it is not by this pool alone.
    pub(super) stop: f64,
    pub(super) doubt: u32,
    pub(super) first: u32,
    pub(super) n: u16,
    pub(super) how: How,
    /// Whether it is cross, and the asset that it settles in.
    pub(super) is_cross: bool,
    pub(super) asset: u16,
    /// Its place among the pools of the account.
    pub(super) order: u32,
    pub(super) account: u32,
    /// Its place among those that are followed; [`ALONE`] where it is not.
    pub(super) followed: u32,
    /// When it was last touched, so that it is touched once a frame.
    pub(super) stamp: u32,
    /// The flags that are set.
    pub(super) bits: u32,
}

impl Pool {
    pub(super) fn held(&self) -> std::ops::Range<usize> {
        self.first as usize..self.first as usize + usize::from(self.n)
    }
}

/// The figures of a pool in doubles, and what bounds their errors.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sums {
    pub(super) equity: f64,
    pub(super) required: f64,
    pub(super) notional: f64,
    /// Magnitudes whose rounding counts; infinite where a tier is in doubt.
    magnitude: f64,
    absolute: f64,
    relative: f64,
    constant: f64,
    /// Whether something is required wherever prices go.
    pub(super) always_requires: bool,
}

impl Sums {
    #[inline]
    pub(super) fn new(pool: &Pool, held: &[Held], rows: &Rows) -> Self {
        let (mut value, mut notional) = (0.0, 0.0);
        let (mut base, mut beyond) = (0.0, 0.0);
        let (mut far, mut guard) = (0.0, 0.0);
        let mut always_requires = false;
        for position in held {
            let row: &Row = &rows.of[usize::from(position.row)];
            let v = position.quantity * row.x;
            let u = v.abs();
            value += v;
            notional += u;
            always_requires |= row.least > 0.0;
            base += row.rate * u;
            beyond += row.slope * if u > row.floor { u - row.floor } else { 0.0 };
            if u > row.far {
                let (charge, doubt) = rows.beyond(position.row, u);
                far += charge;
                guard += doubt;
            }
        }
        let equity = pool.constant + value;
        let required = base + beyond + pool.required + far;
        let (absolute, relative) = decode(pool.doubt);
        Self {
            equity,
            required,
            notional,
            magnitude: notional + guard,
            absolute,
            relative,
            constant: pool.constant.abs(),
            always_requires,
        }
    }

    /// A bound of the error of `equity - level * required`.
    #[inline]
    pub(super) fn bound(&self, level: f64) -> f64 {
        self.absolute + self.relative * (self.constant + 2.0 * (1.0 + level) * self.magnitude)
    }

    /// The magnitudes that are added for `equity - level * required`, or more.
    pub(super) fn magnitudes(&self, level: f64) -> f64 {
        self.constant + self.equity.abs() + 2.0 * (1.0 + level) * (self.magnitude + self.required)
    }

    /// Whether something is required, where that is certain.
    #[inline]
    pub(super) fn requires(&self) -> Option<bool> {
        if self.notional == 0.0 {
            return Some(false);
        }
        let certain = self.required > self.absolute + self.relative * 4.0 * self.magnitude;
        certain.then_some(true)
    }
}

/// The positions and pools that are watched by what positions add, one after the other.
#[derive(Debug, Clone, Default)]
pub(super) struct Pools {
    pub(super) slots: Vec<Pool>,
    pub(super) held: Vec<Held>,
    /// Slots of pools that are gone, and by number of positions where room is that they had.
    vacant: Vec<u32>,
    left: BTreeMap<usize, Vec<u32>>,
}

impl Pools {
    /// Makes room for what a book holds.
    pub(super) fn reserve(&mut self, book: &Book, by_lanes: bool) {
        let holdings = book.holdings();
        if self.slots.is_empty() {
            self.slots = with_room(holdings.n_pools());
            self.held = with_room(if by_lanes { holdings.n_positions() } else { 0 });
        }
    }

    /// A slot for a pool.
    pub(super) fn slot(&mut self, pool: Pool) -> u32 {
        if let Some(slot) = self.vacant.pop() {
            self.slots[slot as usize] = pool;
            return slot;
        }
        self.slots.push(pool);
        u32::try_from(self.slots.len() - 1).unwrap_or(u32::MAX)
    }

    /// Room for positions.
    pub(super) fn room(&mut self, n: usize) -> u32 {
        if let Some(first) = self.left.get_mut(&n).and_then(Vec::pop) {
            return first;
        }
        let first = self.held.len();
        self.held.resize(first + n, Held { quantity: 0.0, pool: 0, row: 0, armed: [FREE; 2] });
        u32::try_from(first).unwrap_or(u32::MAX)
    }

    /// Empties a slot, whose positions have no triggers any more.
    pub(super) fn vacate(&mut self, slot: u32) {
        let pool = &mut self.slots[slot as usize];
        if pool.how == How::Lanes && pool.n > 0 {
            self.left.entry(usize::from(pool.n)).or_default().push(pool.first);
        }
        (pool.how, pool.n, pool.bits, pool.stop) = (How::Gone, 0, 0, f64::NAN);
        self.vacant.push(slot);
    }

    /// Fetches a pool and its first positions, which will be read soon.
    #[inline]
    pub(super) fn fetch(&self, slot: u32, first: u32) {
        will_read(&self.slots, slot as usize);
        will_read(&self.held, first as usize);
        will_read(&self.held, first as usize + 2);
    }

    /// The figures of a pool.
    #[inline]
    pub(super) fn sums(&self, slot: usize, rows: &Rows) -> Sums {
        let pool = &self.slots[slot];
        Sums::new(pool, &self.held[pool.held()], rows)
    }

    /// Writes a pool of a book, and its positions from `first` on.
    pub(super) fn put(&mut self, book: &Book, pool: usize, rows: &[u16], (slot, first): (u32, u32)) {
        let (holdings, Some(folded)) = (book.holdings(), book.folded()) else { return };
        let place = pool / folded.window * folded.window + usize::from(folded.place[pool]);
        let positions = holdings.positions_of(pool);
        let of = &mut self.slots[slot as usize];
        of.constant = folded.constant[place];
        of.required = folded.maintenance.get(place).copied().unwrap_or(0.0);
        of.doubt = folded.doubt[place];
        of.first = first;
        of.n = u16::try_from(positions.len()).unwrap_or(u16::MAX);
        of.how = How::Lanes;
        for (held, position) in self.held[first as usize..].iter_mut().zip(positions) {
            *held = Held {
                quantity: holdings.quantity[position],
                pool: slot,
                row: rows[usize::from(holdings.class[position])],
                armed: [FREE; 2],
            };
        }
    }

    pub(super) fn bytes(&self) -> usize {
        self.slots.capacity() * size_of::<Pool>() + self.held.capacity() * size_of::<Held>()
    }
}
