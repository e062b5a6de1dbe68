//! What is compared, and the buffers that it is written to.

use crate::error::{Error, Result};
use crate::pool::Book;
use crate::price::Shock;

/// How the positions of an account are held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Variant {
    /// As the book says.
    AsIs,
    /// All in cross pools.
    Cross,
    /// Each isolated, behind what it is allotted.
    Isolated,
}

impl Variant {
    /// All, in the order of reports.
    pub const ALL: [Self; 3] = [Self::AsIs, Self::Cross, Self::Isolated];

    /// The name in every language and file.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AsIs => "as_is",
            Self::Cross => "cross",
            Self::Isolated => "isolated",
        }
    }
}

/// A figure of an account in a variant. Amounts are in the valuation asset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ModeColumn {
    /// What is tied up: `sum of fences + initial margin of the cross pools`; NaN where a leverage is unknown.
    Locked,
    /// The free margin of the cross pools.
    FreeMargin,
    /// What can back new positions: `available` of the cross pools.
    Available,
    /// The largest notional that can be added: `available * leverage`, by default at the leverage in use, `sum notional / sum
    /// initial margin`.
    Room,
    /// `sum notional / sum equity` of the pools that hold positions; infinite where no equity is left, 0 without positions.
    EffectiveLeverage,
    /// The largest effective leverage of a pool.
    LeverageWeakest,
    /// How many pools are liquidatable, as exact arithmetic says.
    NLiquidatable,
    /// The least margin ratio of a pool.
    MarginRatio,
    /// The equity, at least 0, of the pool of the least margin ratio: what is lost if it fails. Ratios that differ by less than
    /// `1e-9 * (1 + ratio)` are equal, and of equal ones it is the first in the order of pools.
    LossIfWorstFails,
}

impl ModeColumn {
    /// All, in the order of reports.
    pub const ALL: [Self; 9] = [
        Self::Locked,
        Self::FreeMargin,
        Self::Available,
        Self::Room,
        Self::EffectiveLeverage,
        Self::LeverageWeakest,
        Self::NLiquidatable,
        Self::MarginRatio,
        Self::LossIfWorstFails,
    ];

    /// The name in every language and file.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Locked => "locked",
            Self::FreeMargin => "free_margin",
            Self::Available => "available",
            Self::Room => "room",
            Self::EffectiveLeverage => "effective_leverage",
            Self::LeverageWeakest => "leverage_weakest",
            Self::NLiquidatable => "n_liquidatable",
            Self::MarginRatio => "margin_ratio",
            Self::LossIfWorstFails => "loss_if_worst_fails",
        }
    }
}

/// What is fenced for the positions of [`Variant::Isolated`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Allot<'a> {
    /// What the market fences at entry: initial margin at entry, with what it reserves for fees.
    InitialMargin,
    /// All cash of the settlement asset, shared by entry notional over leverage (by entry notional where a leverage of the
    /// account is unknown), down to the quantum; the rest goes to the first.
    ProRata,
    /// Cash per position, in the order of the input rows.
    Given(&'a [f64]),
}

/// What is asked of every account.
#[derive(Debug, Clone, Copy)]
pub struct Compare<'a> {
    /// What is fenced when everything is isolated.
    pub allot: Allot<'a>,
    /// The leverage that [`ModeColumn::Room`] is told at; NaN: that in use.
    pub leverage: f64,
    /// Moves of prices that the return on what is locked is told of.
    pub moves: &'a [Shock],
    /// The asset that accounts are valued in, in the market's order; `None`: that of the market, or the one that all pools
    /// settle in.
    pub valuation: Option<usize>,
}

impl Default for Compare<'_> {
    fn default() -> Self {
        Self { allot: Allot::InitialMargin, leverage: f64::NAN, moves: &[], valuation: None }
    }
}

/// Where the figures go: one element per account in each buffer, but for intervals. What is not asked for is not computed.
#[derive(Debug, Default)]
pub struct ModeBuffers<'a> {
    /// Figures by column and variant.
    pub columns: Vec<(ModeColumn, Variant, &'a mut [f64])>,
    /// What isolating everything locks more than cross: `locked` of the one less that of the other.
    pub freed: Option<&'a mut [f64]>,
    /// Whether the fences of [`Variant::Isolated`] are within the cash of every asset, less its debt.
    pub affordable: Option<&'a mut [bool]>,
    /// Returns by the place of a move in [`Compare::moves`]: profit of the move, of no pool less than its equity is lost, over
    /// what is locked.
    pub returns: Vec<(usize, Variant, &'a mut [f64])>,
    /// The last marks down and up to which a position's pool stays safe, as [`crate::price::PositionBuffers`] has them: an
    /// element per position, in the order of the input rows.
    pub intervals: Vec<(Variant, &'a mut [f64], &'a mut [f64])>,
    /// Whether each account holds something without a price: its other elements are NaN or false.
    pub unpriced: Option<&'a mut [bool]>,
}

impl ModeBuffers<'_> {
    /// Whether a variant is asked for.
    pub(super) fn asks_for(&self, variant: Variant) -> bool {
        let of_two = self.freed.is_some() && variant != Variant::AsIs;
        of_two
            || self.columns.iter().any(|(_, of, _)| *of == variant)
            || self.returns.iter().any(|(_, of, _)| *of == variant)
            || self.intervals.iter().any(|(of, _, _)| *of == variant)
    }

    /// Refuses buffers of another length than there are accounts or positions, and returns of moves that are not there.
    pub(super) fn check(&self, book: &Book, n_moves: usize) -> Result<()> {
        let (n, n_positions) = (book.holdings().accounts().len(), book.holdings().n_positions());
        let columns = self.columns.iter().map(|(column, _, buffer)| (column.name(), buffer.len(), n));
        let returns = self.returns.iter().map(|(_, _, buffer)| ("returns", buffer.len(), n));
        let below = self.intervals.iter().map(|(_, below, _)| ("below", below.len(), n_positions));
        let above = self.intervals.iter().map(|(_, _, above)| ("above", above.len(), n_positions));
        let freed = self.freed.iter().map(|buffer| ("freed", buffer.len(), n));
        let flags = [("affordable", &self.affordable), ("unpriced", &self.unpriced)];
        let flags = flags.into_iter().filter_map(|(name, buffer)| Some((name, buffer.as_ref()?.len(), n)));
        let mut all = columns.chain(returns).chain(below).chain(above).chain(freed).chain(flags);
        if let Some((name, length, expected)) = all.find(|(_, length, expected)| length != expected) {
            return Err(Error::argument(format!("out[{name}]"), format!("had {length} elements, expected {expected}")));
        }
        match self.returns.iter().find(|(of, _, _)| *of >= n_moves) {
            Some((of, _, _)) => {
                Err(Error::argument("out[returns]", format!("were asked of move {of}, there are {n_moves}")))
            }
            None => Ok(()),
        }
    }
}
