//! Why an order is refused.

/// The outcome of an order, and why where it is refused: the first that applies, in this order.
///
/// # Examples
/// ```
/// use crossmargin::order::Reason;
/// assert_eq!((Reason::Margin.code(), Reason::Margin.name()), (15, "margin"));
/// assert_eq!(Reason::ALL[9], Reason::MinNotional);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Reason {
    /// It fits.
    Accepted = 0,
    /// The row is no order: see the faults.
    Malformed = 1,
    /// Something that the pool or the row needs has no price.
    Unpriced = 2,
    /// The market, the account or the instrument's other rows are of the other kind of side: a leg, or net.
    PositionSide = 3,
    /// Isolated, where the market has cross margin only.
    MarginMode = 4,
    /// The quantity is no multiple of the lot that the market states.
    Lot = 5,
    /// The limit or the trigger is no multiple of the tick that the market states.
    Tick = 6,
    /// Smaller than the market lets an order be.
    MinSize = 7,
    /// Larger than the market lets an order be.
    MaxSize = 8,
    /// Worth less than the market lets an order be.
    MinNotional = 9,
    /// It only reduces, and there is nothing to reduce.
    NothingToReduce = 10,
    /// With it the pool is liquidatable at the present prices.
    Liquidatable = 11,
    /// What it needs depends on a leverage that nobody says.
    LeverageUnknown = 12,
    /// Its leverage is above what the tier allows.
    Leverage = 13,
    /// Beyond the last tier.
    Cap = 14,
    /// It needs more margin than there is.
    Margin = 15,
    /// It fills, and the position has another leverage.
    LeverageMismatch = 16,
    /// It fills, and the fill cannot be booked.
    Fill = 17,
    /// Filled, it takes the margin ratio below the target. Of largest orders only.
    TargetRatio = 18,
    /// Filled, it brings the liquidation price nearer than asked. Of largest orders only.
    LiquidationBeyond = 19,
}

impl Reason {
    /// All, by code.
    pub const ALL: [Self; 20] = [
        Self::Accepted,
        Self::Malformed,
        Self::Unpriced,
        Self::PositionSide,
        Self::MarginMode,
        Self::Lot,
        Self::Tick,
        Self::MinSize,
        Self::MaxSize,
        Self::MinNotional,
        Self::NothingToReduce,
        Self::Liquidatable,
        Self::LeverageUnknown,
        Self::Leverage,
        Self::Cap,
        Self::Margin,
        Self::LeverageMismatch,
        Self::Fill,
        Self::TargetRatio,
        Self::LiquidationBeyond,
    ];

    /// The number in columns.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The bit in columns of all reasons that apply.
    #[must_use]
    pub const fn bit(self) -> u32 {
        1 << self as u32
    }

    /// The word in tables and messages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Malformed => "malformed",
            Self::Unpriced => "unpriced",
            Self::PositionSide => "position_side",
            Self::MarginMode => "margin_mode",
            Self::Lot => "lot",
            Self::Tick => "tick",
            Self::MinSize => "min_size",
            Self::MaxSize => "max_size",
            Self::MinNotional => "min_notional",
            Self::NothingToReduce => "nothing_to_reduce",
            Self::Liquidatable => "liquidatable",
            Self::LeverageUnknown => "leverage_unknown",
            Self::Leverage => "leverage",
            Self::Cap => "cap",
            Self::Margin => "margin",
            Self::LeverageMismatch => "leverage_mismatch",
            Self::Fill => "fill",
            Self::TargetRatio => "target_ratio",
            Self::LiquidationBeyond => "liquidation_beyond",
        }
    }

    /// The first of the reasons whose bits are set.
    pub(super) fn first(bits: u32) -> Self {
        Self::ALL.get(bits.trailing_zeros() as usize).copied().unwrap_or(Self::Accepted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_reasons_stand_at_their_codes() {
        for (code, reason) in Reason::ALL.into_iter().enumerate() {
            assert_eq!(usize::from(reason.code()), code);
            assert_eq!(Reason::first(reason.bit()), reason);
        }
        assert_eq!(Reason::first(0), Reason::Accepted);
        assert_eq!(Reason::first(Reason::Margin.bit() | Reason::Cap.bit()), Reason::Cap);
    }

    #[test]
    fn test_reasons_have_words_of_their_own() {
        let mut words: Vec<&str> = Reason::ALL.into_iter().map(Reason::name).collect();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), Reason::ALL.len());
    }
}
