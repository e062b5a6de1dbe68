//! What a monitor reports: flags that changed.

use std::cmp::Ordering;

use crate::book::{PoolKind, Side};

use super::alerts::Alert;

/// The time of a frame that has none.
pub const NO_TIME: i64 = i64::MIN;

/// What a monitor did other than apply a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    /// It was made.
    Construction,
    /// Fills were applied.
    Fills,
    /// Money came or went.
    Transfers,
    /// Funding was paid.
    Funding,
    /// Vouchers of bonuses were granted.
    Grants,
    /// Vouchers became void.
    Expire,
    /// Accounts came.
    Open,
    /// Accounts left.
    Close,
    /// Accounts were given other rows.
    Replace,
    /// Latches were opened.
    Reset,
}

impl Operation {
    /// The name in tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Construction => "construction",
            Self::Fills => "fills",
            Self::Transfers => "transfers",
            Self::Funding => "funding",
            Self::Grants => "grants",
            Self::Expire => "expire",
            Self::Open => "open",
            Self::Close => "close",
            Self::Replace => "replace",
            Self::Reset => "reset",
        }
    }
}

/// Why a flag changed.
///
/// Of several prices of a frame it is the one that moved the pool's excess (for a soft stop the account's equity) furthest that
/// way: down where the flag was set, up where it was cleared. What a price moved is the excess at the frame's end less the
/// excess there would be if that price alone were what it was before; the first in the order of marks, index and last prices,
/// and of the market, where several moved it as far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// The mark price of an instrument, in the market's order.
    Mark(u32),
    /// The index price of an asset, in the market's order.
    Index(u32),
    /// The last price of an instrument, in the market's order.
    Last(u32),
    /// No price.
    Operation(Operation),
}

/// What tells a pool from the others of its account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolKey {
    /// How the pool came about.
    pub kind: PoolKind,
    /// Its settlement asset, in the market's order.
    pub asset: u32,
    /// Of an isolated pool, its instrument, in the market's order.
    pub instrument: Option<u32>,
    /// Of an isolated pool, the side of its position.
    pub side: Option<Side>,
}

/// A flag that changed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Event {
    /// The frame at whose end it had changed; an operation has the number of the last frame.
    pub frame: u64,
    /// The time of that frame, [`NO_TIME`] where it had none.
    pub time: i64,
    /// The account's number.
    pub account: u32,
    /// The pool's place among those of its account, and what it is; `None`: the event is the account's.
    pub pool: Option<(u32, PoolKey)>,
    /// Which flag.
    pub alert: Alert,
    /// Whether it was set, or else cleared.
    pub entered: bool,
    /// Why.
    pub cause: Cause,
    /// The pool's margin ratio; NaN for an account, and for a pool that is no more.
    pub margin_ratio: f64,
    /// The pool's excess, in its asset; NaN likewise.
    pub excess: f64,
    /// The pool's equity in its asset, or the account's in the asset that it is valued in.
    pub equity: f64,
}

impl Event {
    /// The order of the events of one frame: owners in order, the account after its pools. Pools of an account are in the order of
    /// what they are, so that one that is no more has a place among the others.
    pub(super) fn in_order(&self, other: &Self) -> Ordering {
        let owner = |of: &Self| (of.account, of.pool.is_none());
        let pool = |of: &Self| of.pool.map(|(_, key)| (key.kind, key.asset, key.instrument, key.side));
        owner(self).cmp(&owner(other)).then_with(|| pool(self).cmp(&pool(other))).then(self.alert.cmp(&other.alert))
    }
}
