//! What a bonus pays, and when it ends.

use super::number::Number;
use super::schema::{Bonus, BonusOrder, BonusPays};

/// Credit that counts and cannot leave: what of losses, funding and fees it pays.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
#[expect(clippy::struct_excessive_bools, reason = "keys of the file, each of which may be true")]
pub struct BonusRule {
    /// Whether it counts as margin.
    pub counts: bool,
    /// Whether it pays losses, funding, fees.
    pub pays: [bool; 3],
    /// Whether own money pays first.
    pub own_first: bool,
    /// The share that it pays of what it may pay: 1 where the file says none.
    pub paid_share: f64,
    /// Whether it pays losses only as far as earlier profit does not cover them.
    pub beyond_profit: bool,
    /// Whether a transfer out voids what is left.
    pub forfeited: bool,
    /// Days after which what is left is void.
    pub expires_days: Option<u32>,
}

impl BonusRule {
    /// The rule of a section, whose numbers are checked.
    pub(super) fn build(bonus: &Bonus) -> Self {
        let pays = |what| bonus.pays.contains(&what);
        Self {
            counts: bonus.counts_as_margin,
            pays: [pays(BonusPays::Losses), pays(BonusPays::Funding), pays(BonusPays::Fees)],
            own_first: bonus.spent == BonusOrder::OwnFirst,
            paid_share: bonus.paid_share.map_or(1.0, Number::get),
            beyond_profit: bonus.only_losses_beyond_profit,
            forfeited: bonus.forfeited_on_transfer,
            expires_days: bonus.expires_days,
        }
    }
}
