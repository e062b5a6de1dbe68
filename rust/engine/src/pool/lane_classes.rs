//! The rows that lanes of several assets read: of positions charged by slices, of positions under a rate that jumps, of
//! groups.
//!
//! A position of `q` contracts is worth `|q| |x|`, and `q` does not change: how large it is among the positions of its
//! class is known when the book is built. Where a rate jumps, positions of a class are therefore told apart by the
//! leading bits of `q`, so finely that at any price at most one floor lies among those of a row. A row then has all that
//! is charged on them, and one load finds it.

use std::collections::HashMap;

use crate::exact::Exact;
use crate::market::{BoundUnit, ClosingFee, Payoff, TierLaw};

use super::Book;
use super::buckets::{Bucket, DOUBT, FREE, Lookup, push};
use super::classes::{ClassRow, PADDING};
use super::tables::{ClassTable, Constant};

/// What a class is charged for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Use {
    /// A position by itself: its tiers, and the fee of closing at mark.
    Position,
    /// A position whose group is charged: only the fee.
    ValueOnly,
}

/// The row of a position: among those charged by slices, or those whose rate jumps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SlotRow {
    Sliced(u32),
    Jumping(u32),
}

/// What a kernel reads of a group's class: laid out to be loaded as one.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(32))]
pub(crate) struct FormRow {
    /// The coordinate.
    pub(crate) x: f64,
    /// The code of a [`Lookup`].
    pub(crate) lookup: u64,
    /// 1 where a tier charges what is above its floor, 0 where it charges the whole.
    pub(crate) above_floor: f64,
    /// How near to a floor, relatively, an amount is in doubt; negative where no charge jumps.
    pub(crate) doubt: f64,
}

const FORM_PADDING: FormRow = FormRow { x: 0.0, lookup: Lookup::NONE.code(), above_floor: 1.0, doubt: -1.0 };

/// Quantities of a class whose leading bits are alike, under a rate that jumps.
#[derive(Debug, Clone, Copy)]
struct Sizes {
    class: u16,
    /// `None`: of whatever size, charged nothing but a fee.
    ends: Option<(f64, f64)>,
}

/// How the quantities of a class are told apart: `None` where its floors lie too close.
type Fineness = Option<Cut>;

/// Groups of doubles by their leading bits.
#[derive(Debug, Clone, Copy)]
struct Cut {
    /// Bits left out.
    shift: u32,
}

impl Cut {
    /// The coarsest cut such that two floors never lie among amounts of one group, at any price.
    fn of(table: &ClassTable) -> Option<Self> {
        let floors: Vec<f64> = table.floors.iter().skip(1).map(Constant::near).collect();
        let apart =
            floors.windows(2).map(|pair| pair[1] / pair[0]).fold(f64::INFINITY, |a, b| if b < a { b } else { a });
        // Spans, as quotients of the ends of a group: 2^8, 2^4, 2^2, 2, then 1 + 2^-bits.
        let octaves = [8_u32, 4, 2, 1].into_iter().map(|octaves| (52 + octaves.ilog2(), f64::from(1_u32 << octaves)));
        let parts = (1..=6_u32).map(|bits| (52 - bits, 1.0 + 1.0 / f64::from(1_u32 << bits)));
        let fits = |&(_, span): &(u32, f64)| span * (1.0 + 1e-6) < apart;
        octaves.chain(parts).find(fits).map(|(shift, _)| Self { shift })
    }

    fn key(self, quantity: f64) -> u64 {
        quantity.to_bits() >> self.shift
    }

    fn ends(self, key: u64) -> (f64, f64) {
        (f64::from_bits(key << self.shift), f64::from_bits((key + 1) << self.shift))
    }
}

/// The rows of a book's lanes, but for prices.
#[derive(Debug, Clone)]
pub(crate) struct LaneClasses {
    /// Class of each sliced row but the first, and the row.
    sliced: Vec<(u16, ClassRow)>,
    jumping: Vec<(Sizes, f64)>,
    forms: Vec<(u16, FormRow)>,
    buckets: Vec<Bucket>,
    known: HashMap<(u16, Use), Option<u32>>,
    known_forms: HashMap<u16, Option<u32>>,
    cuts: HashMap<u16, Fineness>,
    known_sizes: HashMap<(u16, u64), u32>,
}

/// The rows at given marks; the first of each kind is the padding's.
#[derive(Debug)]
pub(crate) struct LaneTables {
    pub(crate) sliced: Vec<ClassRow>,
    pub(crate) jumping: Vec<ClassRow>,
    pub(crate) forms: Vec<FormRow>,
}

/// A class has no rows.
pub(super) struct NoRows;

impl LaneClasses {
    pub(super) fn new() -> Self {
        Self {
            sliced: vec![],
            jumping: vec![],
            forms: vec![],
            buckets: vec![FREE],
            known: HashMap::new(),
            known_forms: HashMap::new(),
            cuts: HashMap::new(),
            known_sizes: HashMap::new(),
        }
    }

    pub(crate) fn buckets(&self) -> &[Bucket] {
        &self.buckets
    }

    /// The margin class of a sliced row.
    pub(crate) fn class_of(&self, row: usize) -> u16 {
        self.sliced[row - 1].0
    }

    /// The most rows that one table has.
    pub(super) fn n_rows(&self) -> usize {
        1 + self.sliced.len().max(self.jumping.len())
    }

    /// The rows at given marks (by instrument; NaN where missing).
    pub(crate) fn tables(&self, book: &Book, mark: &[f64]) -> LaneTables {
        let x = |class: u16| {
            let instrument = book.holdings().classes[usize::from(class)].instrument;
            book.classes().coordinate(class).at(mark[instrument as usize])
        };
        let sliced = self.sliced.iter().map(|(class, row)| ClassRow { x: x(*class), ..*row });
        let jumping = self.jumping.iter().map(|(sizes, fee)| {
            let x = x(sizes.class);
            let free = ClassRow { x, rate: *fee, ..PADDING };
            sizes.ends.map_or(free, |ends| jumping_row(book.class_table(sizes.class), x, ends, *fee))
        });
        let forms = self.forms.iter().map(|(class, row)| FormRow { x: x(*class), ..*row });
        LaneTables {
            sliced: std::iter::once(PADDING).chain(sliced).collect(),
            jumping: std::iter::once(PADDING).chain(jumping).collect(),
            forms: std::iter::once(FORM_PADDING).chain(forms).collect(),
        }
    }

    /// The row of a position.
    pub(super) fn position(&mut self, book: &Book, class: u16, quantity: f64) -> Result<SlotRow, NoRows> {
        let key = &book.holdings().classes[usize::from(class)];
        match key.tiers(book.market()).law() {
            TierLaw::Marginal => self.sliced(book, class, Use::Position).map(SlotRow::Sliced),
            TierLaw::Flat => self.jumping(book, class, quantity.abs()).map(SlotRow::Jumping),
            TierLaw::List => Err(NoRows),
        }
    }

    /// The row of a position whose group is charged, beside those of positions under the same law.
    pub(super) fn value_only(&mut self, book: &Book, class: u16) -> Result<SlotRow, NoRows> {
        let law = book.holdings().classes[usize::from(class)].tiers(book.market()).law();
        if law != TierLaw::Flat {
            return self.sliced(book, class, Use::ValueOnly).map(SlotRow::Sliced);
        }
        self.sized(class, u64::MAX, None, fee(book, book.class_table(class))).map(SlotRow::Jumping)
    }

    fn sliced(&mut self, book: &Book, class: u16, used: Use) -> Result<u32, NoRows> {
        if let Some(known) = self.known.get(&(class, used)) {
            return known.ok_or(NoRows);
        }
        let table = book.class_table(class);
        let fee = fee(book, table);
        let row = match used {
            Use::ValueOnly => Some(ClassRow { rate: fee, ..PADDING }),
            Use::Position if !is_in_notional(book, class) => None,
            Use::Position => Some(ClassRow { rate: with_fee(&table.rates[0], fee), ..book.classes().sliced(class) }),
        };
        let place = row.and_then(|row| {
            self.sliced.push((class, row));
            u32::try_from(self.sliced.len()).ok()
        });
        self.known.insert((class, used), place);
        place.ok_or(NoRows)
    }

    fn jumping(&mut self, book: &Book, class: u16, quantity: f64) -> Result<u32, NoRows> {
        let table = book.class_table(class);
        let cut =
            *self.cuts.entry(class).or_insert_with(|| is_in_notional(book, class).then(|| Cut::of(table)).flatten());
        let cut = cut.ok_or(NoRows)?;
        let key = cut.key(quantity);
        self.sized(class, key, Some(cut.ends(key)), fee(book, table))
    }

    /// The row of some quantities of a class.
    fn sized(&mut self, class: u16, key: u64, ends: Option<(f64, f64)>, fee: f64) -> Result<u32, NoRows> {
        if let Some(&known) = self.known_sizes.get(&(class, key)) {
            return Ok(known);
        }
        self.jumping.push((Sizes { class, ends }, fee));
        let place = u32::try_from(self.jumping.len()).map_err(|_| NoRows)?;
        self.known_sizes.insert((class, key), place);
        Ok(place)
    }

    /// The row of a group.
    pub(super) fn form(&mut self, book: &Book, class: u16) -> Result<u32, NoRows> {
        if let Some(known) = self.known_forms.get(&class) {
            return known.ok_or(NoRows);
        }
        let place = self.make_form(book, class);
        self.known_forms.insert(class, place);
        place.ok_or(NoRows)
    }

    fn make_form(&mut self, book: &Book, class: u16) -> Option<u32> {
        let law = book.holdings().classes[usize::from(class)].tiers(book.market()).law();
        if !is_in_notional(book, class) {
            return None;
        }
        let lookup = push(&mut self.buckets, book.class_table(class), law)?;
        let jumps = law == TierLaw::Flat;
        let (above_floor, doubt) = if jumps { (0.0, DOUBT) } else { (1.0, -1.0) };
        self.forms.push((class, FormRow { x: 0.0, lookup: lookup.code(), above_floor, doubt }));
        u32::try_from(self.forms.len()).ok()
    }
}

/// The fee of closing at mark, where the maintenance margin has one.
fn fee(book: &Book, table: &ClassTable) -> f64 {
    let at_mark = book.market().rules().maintenance(false).closing_fee == ClosingFee::Mark;
    if at_mark { table.closing } else { 0.0 }
}

/// A rate with a fee added, rounded once.
fn with_fee(rate: &Constant, fee: f64) -> f64 {
    if fee == 0.0 { rate.near() } else { (rate.exact().clone() + Exact::from_f64(fee)).to_f64() }
}

/// Whether the bounds of a class's table are written in what its notional is in.
pub(super) fn is_in_notional(book: &Book, class: u16) -> bool {
    let instrument = &book.market().instruments()[book.holdings().classes[usize::from(class)].instrument as usize];
    match book.class_table(class).bounds {
        BoundUnit::Settle => true,
        BoundUnit::Quote => instrument.payoff() == Payoff::Linear,
        BoundUnit::Contracts => false,
    }
}

/// The row of quantities between two ends: from a floor among their amounts on, `slope * u` is charged more.
fn jumping_row(table: &ClassTable, x: f64, (from, to): (f64, f64), fee: f64) -> ClassRow {
    // Floors count as among them when rounding could bring an amount to them.
    let (lowest, highest) = (from * x.abs() * (1.0 - 1e-9), to * x.abs() * (1.0 + 1e-9));
    let tier = table.floors.iter().take_while(|floor| floor.near() < lowest).count().saturating_sub(1);
    let rate = with_fee(&table.rates[tier], fee);
    match table.floors.get(tier + 1).map(Constant::near).filter(|&floor| floor <= highest) {
        None => ClassRow { x, rate, ..PADDING },
        Some(floor) => {
            // The difference of two sums of decimals, each rounded once.
            let slope = (table.rates[tier + 1].exact().clone() - table.rates[tier].exact().clone()).to_f64();
            ClassRow { x, floor, rate, slope }
        }
    }
}
