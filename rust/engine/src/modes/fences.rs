//! What is fenced for each position when all are isolated.

use crate::book::{PoolKind, coordinate_size, in_range};
use crate::error::{Error, Result};
use crate::exact::Exact;
use crate::market::Payoff;
use crate::pool::{Book, fence_at_entry};

use super::columns::Allot;

/// What is fenced by position of a book; NaN, or none at all: what follows from the rules.
#[derive(Debug, Clone, Copy)]
pub(super) struct Allotted<'a> {
    pub(super) by_position: Option<&'a [f64]>,
    /// Whether it is shares of the cash that is there.
    shared: bool,
}

impl Allotted<'_> {
    /// What the rules fence.
    pub(super) const BY_RULE: Self = Self { by_position: None, shared: false };

    /// What is fenced for a position, of which it is known.
    pub(super) fn fence(&self, book: &Book, position: usize) -> Exact {
        let given = self.by_position.map(|fences| fences[position]).filter(|fence| !fence.is_nan());
        given.map_or_else(|| fence_at_entry(book, position), Exact::from_f64)
    }

    /// Whether the fences of an account, which are known, are within the cash of each of its assets.
    pub(super) fn is_affordable(&self, book: &Book, account: usize) -> bool {
        let (holdings, instruments) = (book.holdings(), book.market().instruments());
        let cross = holdings.pools_of(account).filter(|&pool| holdings.kind(pool) == PoolKind::Cross);
        let assets = cross.flat_map(|pool| holdings.layers_of(pool)).map(|layer| holdings.layer_asset(layer));
        let mut left: Vec<(usize, Exact)> = assets.map(|asset| (asset, cash_of(book, account, asset))).collect();
        // What was shared is all of the cash, but for the rounding of the shares to doubles.
        for position in positions_of(book, account).filter(|_| !self.shared) {
            let asset = instruments[holdings.instrument(position)].settle();
            if let Some((_, left)) = left.iter_mut().find(|(of, _)| *of == asset) {
                *left = left.clone() - self.fence(book, position);
            }
        }
        left.iter().all(|(_, left)| *left >= Exact::zero())
    }
}

/// Fences by position of a book: NaN where what is fenced follows from the rules.
pub(super) struct Fences {
    by_position: Vec<f64>,
    /// By account: whether what is fenced for some position is unknown.
    pub(super) unknown: Vec<bool>,
    /// Whether they are shares of the cash that is there.
    shared: bool,
}

/// The positions of a book in the order of their input rows.
pub(super) fn in_input_order(book: &Book) -> Vec<usize> {
    let holdings = book.holdings();
    let mut order: Vec<usize> = (0..holdings.n_positions()).collect();
    order.sort_unstable_by_key(|&position| holdings.row(position));
    order
}

/// The positions of an account.
pub(super) fn positions_of(book: &Book, account: usize) -> std::ops::Range<usize> {
    let holdings = book.holdings();
    let pools = holdings.pools_of(account);
    if pools.is_empty() {
        return 0..0;
    }
    holdings.positions_of(pools.start).start..holdings.positions_of(pools.end - 1).end
}

impl Fences {
    pub(super) fn allotted(&self) -> Allotted<'_> {
        Allotted { by_position: Some(&self.by_position), shared: self.shared }
    }

    pub(super) fn new(book: &Book, allot: Allot<'_>) -> Result<Self> {
        let holdings = book.holdings();
        let mut fences = Self {
            by_position: vec![f64::NAN; holdings.n_positions()],
            unknown: vec![false; holdings.accounts().len()],
            shared: allot == Allot::ProRata,
        };
        match allot {
            Allot::InitialMargin => fences.note_unknown(book),
            Allot::ProRata => {
                for account in 0..holdings.accounts().len() {
                    fences.share(book, account);
                }
            }
            Allot::Given(given) => fences.give(book, given)?,
        }
        Ok(fences)
    }

    /// Without a leverage nothing says what is fenced.
    fn note_unknown(&mut self, book: &Book) {
        for account in 0..self.unknown.len() {
            for position in positions_of(book, account) {
                if book.holdings().leverage(position).is_nan() {
                    // Any number, so that there is a book; the figures of the account are not told.
                    self.by_position[position] = 0.0;
                    self.unknown[account] = true;
                }
            }
        }
    }

    fn give(&mut self, book: &Book, given: &[f64]) -> Result<()> {
        if given.len() != self.by_position.len() {
            let message =
                format!("had {} elements, expected {}, one per position", given.len(), self.by_position.len());
            return Err(Error::argument("allot", message));
        }
        for (at, (position, &fence)) in in_input_order(book).into_iter().zip(given).enumerate() {
            if !(fence >= 0.0 && fence.is_finite() && in_range(fence)) {
                let message = format!("had {fence} at {at}, expected cash of at least 0 for each position");
                return Err(Error::argument("allot", message));
            }
            self.by_position[position] = fence;
        }
        Ok(())
    }

    /// Shares the cash of each asset of an account among its positions.
    fn share(&mut self, book: &Book, account: usize) {
        let (holdings, instruments) = (book.holdings(), book.market().instruments());
        let all = positions_of(book, account);
        let settle = |position: usize| instruments[holdings.instrument(position)].settle();
        let mut assets: Vec<usize> = all.clone().map(settle).collect();
        assets.sort_unstable();
        assets.dedup();
        for asset in assets {
            let of: Vec<usize> = all.clone().filter(|&position| settle(position) == asset).collect();
            let known = of.iter().all(|&position| !holdings.leverage(position).is_nan());
            let weights: Vec<Exact> = of.iter().map(|&position| weight(book, position, known)).collect();
            let cash = cash_of(book, account, asset);
            for (position, fence) in
                of.into_iter().zip(shares(&cash, &weights, book.market().assets()[asset].quantum()))
            {
                self.by_position[position] = fence;
            }
        }
    }
}

/// The entry notional of a position, over its leverage where that is `known`.
fn weight(book: &Book, position: usize, known: bool) -> Exact {
    let holdings = book.holdings();
    let instrument = &book.market().instruments()[holdings.instrument(position)];
    let size = Exact::from_f64(coordinate_size(instrument, holdings.quantity_unit));
    let price = Exact::from_f64(holdings.entry_price(position));
    let value = match instrument.payoff() {
        Payoff::Linear => size * price,
        Payoff::Quanto { multiplier } => size * Exact::from_f64(multiplier) * price,
        Payoff::Inverse => size.checked_div(&price).unwrap_or_else(Exact::zero),
    };
    let notional = Exact::from_f64(holdings.quantity(position)).abs() * value;
    let leverage = if known { holdings.leverage(position) } else { 1.0 };
    notional.checked_div(&Exact::from_f64(leverage)).unwrap_or_else(Exact::zero)
}

/// The cash of an asset of an account without bonus: its wallet, what is fenced in it, less what is owed.
pub(super) fn cash_of(book: &Book, account: usize, asset: usize) -> Exact {
    let holdings = book.holdings();
    let cross = holdings.pools_of(account).filter(|&pool| holdings.kind(pool) == PoolKind::Cross);
    let mut layers =
        cross.flat_map(|pool| holdings.layers_of(pool)).filter(|&layer| holdings.layer_asset(layer) == asset);
    layers.next().map_or_else(Exact::zero, |layer| {
        Exact::from_f64(holdings.layer_wallet(layer)) - Exact::from_f64(holdings.borrowed(layer))
    })
}

/// Cash shared by weight, each share down to the quantum and the rest to the first; nothing of a debt.
fn shares(cash: &Exact, weights: &[Exact], quantum: f64) -> Vec<f64> {
    let whole = weights.iter().fold(Exact::zero(), |sum, weight| sum + weight.clone());
    let quantum = Exact::from_f64(quantum);
    if *cash <= Exact::zero() || whole.is_zero() {
        return vec![0.0; weights.len()];
    }
    let mut left = cash.clone();
    let mut fences: Vec<Exact> = Vec::with_capacity(weights.len());
    for weight in weights {
        let share = (cash.clone() * weight.clone()).checked_div(&whole).unwrap_or_else(Exact::zero);
        let fence = Exact::from_binary(share.in_steps(&quantum).0, 0) * quantum.clone();
        left = left - fence.clone();
        fences.push(fence);
    }
    if let Some(first) = fences.first_mut() {
        *first = first.clone() + left;
    }
    fences.iter().map(Exact::to_f64).collect()
}
