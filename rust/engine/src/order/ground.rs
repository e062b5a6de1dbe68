//! What all decisions of a call share.

use crate::book::QuantityUnit;
use crate::exact::Exact;
use crate::market::{Instrument, Prices, TriggerPrice};
use crate::memory::will_read;
use crate::pool::{Book, ClassRow, Folded};

use super::fast::Fast;
use super::lots::{Step, divides};

/// A class of the book at the marks.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
pub(super) struct ClassAt {
    pub(super) row: ClassRow,
    /// The notional from which on more is charged than the row says.
    pub(super) far: f64,
    pub(super) instrument: u32,
}

/// A book at prices, and the rules in the form that orders are decided by.
#[derive(Debug)]
pub(crate) struct Ground<'a> {
    pub(crate) book: &'a Book,
    pub(crate) prices: &'a Prices,
    /// The rules of the fast way; `None` where they have none.
    pub(super) fast: Option<Fast>,
    /// What classes are at the marks, by class; empty: asked one by one.
    classes: Vec<ClassAt>,
    /// Lots and ticks by instrument; empty: asked one by one.
    steps: Vec<[Option<Step>; 2]>,
    pub(crate) conditional: bool,
    /// Whether every account is one cross pool of one-way positions without open orders, and nothing else is known of it.
    pub(super) plain: bool,
    /// The bits of a pool's number that say where it is within its window.
    within_window: usize,
    /// The prices that figures are at: those of the first constraint.
    pub(super) looks_at: TriggerPrice,
}

impl<'a> Ground<'a> {
    /// For a few orders: nothing is made beforehand.
    pub(crate) fn new(book: &'a Book, prices: &'a Prices) -> Self {
        let (rules, holdings) = (book.market().rules(), book.holdings());
        Self {
            book,
            prices,
            fast: Fast::new(book),
            classes: Vec::new(),
            steps: Vec::new(),
            conditional: rules.orders().conditional,
            plain: book.market().assets().len() == 1
                && holdings.account_pools.len() == holdings.n_pools() + 1
                && !book.has_isolated()
                && !book.has_legs()
                && holdings.waiting.accounts().is_empty()
                && book.special().is_empty()
                && holdings.chosen.is_empty(),
            within_window: book.folded().map_or(0, |folded| folded.window - 1),
            looks_at: rules.constraints().first().map_or(TriggerPrice::Mark, |constraint| constraint.price),
        }
    }

    /// For many.
    pub(crate) fn of_many(book: &'a Book, prices: &'a Prices) -> Self {
        let few = Self::new(book, prices);
        let classes = match u16::try_from(book.holdings().classes.len()) {
            Ok(n) if few.fast.is_some() => (0..n).map(|class| few.class(class)).collect(),
            _ => Vec::new(),
        };
        let instruments = book.market().instruments().iter();
        let steps = instruments.map(|of| [of.lot(), of.tick()].map(|step| step.map(Step::of)));
        Self { classes, steps: steps.collect(), ..few }
    }

    pub(crate) fn instrument(&self, instrument: u32) -> &'a Instrument {
        &self.book.market().instruments()[instrument as usize]
    }

    pub(crate) fn mark(&self, instrument: u32) -> f64 {
        self.prices.mark()[instrument as usize]
    }

    /// Where the lanes have a pool.
    #[inline]
    pub(super) fn place(&self, folded: &Folded, pool: usize) -> usize {
        pool - (pool & self.within_window) + usize::from(folded.place[pool])
    }

    /// Fetches what the lanes have of an account's first pool, which is asked about soon: pools are not in order there.
    #[inline]
    pub(super) fn fetch(&self, account: usize) {
        if let Some(folded) = self.book.folded() {
            let place = self.place(folded, self.book.holdings().pools_of(account).start);
            will_read(&folded.constant, place);
            will_read(&folded.doubt, place);
            will_read(&folded.cash, place);
        }
    }

    /// The price of an instrument that figures are at; NaN where there is none.
    pub(crate) fn price(&self, instrument: u32) -> f64 {
        let column = if self.looks_at == TriggerPrice::Last { self.prices.last() } else { self.prices.mark() };
        column.get(instrument as usize).copied().unwrap_or(f64::NAN)
    }

    /// A class of the book at the marks.
    #[inline]
    pub(super) fn class(&self, class: u16) -> ClassAt {
        self.classes.get(usize::from(class)).copied().unwrap_or_else(|| {
            let instrument = self.book.holdings().classes[usize::from(class)].instrument;
            let row = self.book.classes().row_at(class, self.mark(instrument));
            ClassAt { row, far: row.floor * self.book.classes().reach(), instrument }
        })
    }

    /// Whether a quantity is a multiple of the lot that is stated.
    pub(crate) fn is_in_lots(&self, instrument: u32, quantity: f64) -> bool {
        let of = self.instrument(instrument);
        let lot = match self.steps.get(instrument as usize) {
            Some([lot, _]) => *lot,
            None => of.lot().map(Step::of),
        };
        match (lot, self.book.holdings().quantity_unit) {
            (None, _) => true,
            (Some(lot), QuantityUnit::Contracts) => lot.divides(quantity),
            (Some(lot), QuantityUnit::Base) => divides(&lot.times(of.contract_size()), quantity),
        }
    }

    /// Whether prices, where they are given, are multiples of the tick that is stated.
    pub(crate) fn is_in_ticks(&self, instrument: u32, prices: [f64; 2]) -> bool {
        let tick = match self.steps.get(instrument as usize) {
            Some([_, tick]) => *tick,
            None => self.instrument(instrument).tick().map(Step::of),
        };
        tick.is_none_or(|tick| prices.into_iter().all(|price| price.is_nan() || tick.divides(price)))
    }

    /// Contracts in a quantity, compared with a bound.
    pub(super) fn contracts(&self, instrument: u32, quantity: f64) -> Exact {
        let quantity = Exact::from_f64(quantity).abs();
        match self.book.holdings().quantity_unit {
            QuantityUnit::Contracts => quantity,
            QuantityUnit::Base => {
                let size = Exact::from_f64(self.instrument(instrument).contract_size());
                quantity.checked_div(&size).unwrap_or_else(Exact::zero)
            }
        }
    }
}
