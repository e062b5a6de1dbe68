//! How orders are asked about, and what comes back.

use crate::book::Side;
use crate::error::{BookFaults, Error, Result};
use crate::ledger::Direction;
use crate::score::Column;

use super::reason::Reason;

/// What an accepted order is for the rows after it, and for the figures after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Assume {
    /// An open order, market orders too.
    #[default]
    Resting,
    /// Without a limit a fill at the mark, else an open order.
    MarketFilled,
    /// A fill at its limit, or else at the mark. What waits for a trigger rests.
    Filled,
}

impl Assume {
    /// All, under [`Self::name`].
    pub const ALL: [Self; 3] = [Self::Resting, Self::MarketFilled, Self::Filled];

    /// The word in options.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Resting => "resting",
            Self::MarketFilled => "market_filled",
            Self::Filled => "filled",
        }
    }

    /// Whether an order with these prices (NaN: none) fills.
    pub(crate) const fn fills(self, price: f64, trigger: f64) -> bool {
        match self {
            Self::Resting => false,
            Self::MarketFilled => price.is_nan() && trigger.is_nan(),
            Self::Filled => trigger.is_nan(),
        }
    }
}

/// What a fill pays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FillFee {
    /// Nothing.
    None,
    /// The account's taker rate.
    Taker,
    /// The account's maker rate.
    Maker,
}

impl FillFee {
    /// All, under [`Self::name`].
    pub const ALL: [Self; 3] = [Self::None, Self::Taker, Self::Maker];

    /// The word in options.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Taker => "taker",
            Self::Maker => "maker",
        }
    }
}

/// What to do with rows that are no orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnFault {
    /// Refuse the call.
    #[default]
    Refuse,
    /// Refuse the row as [`Reason::Malformed`].
    Reject,
}

/// How orders are checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gate {
    /// What an accepted order is for the rows after it.
    pub assume: Assume,
    /// What fills pay; `None`: the taker rate where the market states fees, else nothing.
    pub fee: Option<FillFee>,
    /// Where fills go with amounts that are no multiple of the quantum; `None` refuses such fills.
    pub round: Option<Direction>,
    /// Rows that are no orders.
    pub on_fault: OnFault,
    /// Whether every reason that applies is wanted, not only the first.
    pub violations: bool,
}

impl Default for Gate {
    fn default() -> Self {
        Self {
            assume: Assume::default(),
            fee: None,
            round: Some(Direction::Nearest),
            on_fault: OnFault::default(),
            violations: false,
        }
    }
}

/// A figure of the pool with the order in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterColumn {
    /// A figure of the pool.
    Figure(Column),
    /// Where the pool that holds the order's position is liquidated, of the two the nearer one: of the instrument's price.
    LiquidationPrice,
    /// The next price below at which it is.
    Below,
    /// The next price above.
    Above,
}

impl AfterColumn {
    /// All, in the order of reports.
    pub const ALL: [Self; Column::ALL.len() + 3] = {
        let mut all = [Self::LiquidationPrice; Column::ALL.len() + 3];
        let mut at = 0;
        while at < Column::ALL.len() {
            all[at] = Self::Figure(Column::ALL[at]);
            at += 1;
        }
        (all[at + 1], all[at + 2]) = (Self::Below, Self::Above);
        all
    };

    /// The name in tables, without `after_`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Figure(column) => column.name(),
            Self::LiquidationPrice => "liquidation_price",
            Self::Below => "below",
            Self::Above => "above",
        }
    }

    /// The column of a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|column| column.name() == name)
    }
}

/// Where decisions are written to: one element a row of the orders, in their order.
#[derive(Debug)]
pub struct DecisionBuffers<'a> {
    /// Whether the order fits.
    pub accepted: &'a mut [bool],
    /// The code of the [`Reason`].
    pub reason: &'a mut [u8],
    /// The pool that the order meets; `u32::MAX` where there is none yet.
    pub pool: Option<&'a mut [u32]>,
    /// What the order takes of the initial margin, with its loss where that counts; in the pool's asset.
    pub cost: Option<&'a mut [f64]>,
    /// What could back it before, in the pool's asset.
    pub available: Option<&'a mut [f64]>,
    /// What is missing; 0 where nothing is.
    pub short: Option<&'a mut [f64]>,
    /// How many contracts open something, without sign.
    pub opening: Option<&'a mut [f64]>,
    /// A bit for each reason that applies.
    pub violations: Option<&'a mut [u32]>,
    /// Figures of the pool with the order in it, of refused ones as it would be.
    pub after: Vec<(AfterColumn, &'a mut [f64])>,
    /// Whether the pool with the order in it is liquidatable.
    pub after_liquidatable: Option<&'a mut [bool]>,
}

impl<'a> DecisionBuffers<'a> {
    /// Buffers for what must be known.
    #[must_use]
    pub const fn new(accepted: &'a mut [bool], reason: &'a mut [u8]) -> Self {
        Self {
            accepted,
            reason,
            pool: None,
            cost: None,
            available: None,
            short: None,
            opening: None,
            violations: None,
            after: Vec::new(),
            after_liquidatable: None,
        }
    }

    pub(super) fn check(&self, n: usize) -> Result<()> {
        let of = |column: &Option<&mut [f64]>| column.as_ref().map_or(n, |column| column.len());
        let mut lengths = vec![
            ("accepted", self.accepted.len()),
            ("reason", self.reason.len()),
            ("pool", self.pool.as_ref().map_or(n, |column| column.len())),
            ("cost", of(&self.cost)),
            ("available", of(&self.available)),
            ("short", of(&self.short)),
            ("opening", of(&self.opening)),
            ("violations", self.violations.as_ref().map_or(n, |column| column.len())),
            ("after_liquidatable", self.after_liquidatable.as_ref().map_or(n, |column| column.len())),
        ];
        lengths.extend(self.after.iter().map(|(column, buffer)| (column.name(), buffer.len())));
        match lengths.into_iter().find(|&(_, length)| length != n) {
            None => Ok(()),
            Some((name, length)) => {
                Err(Error::argument(name, format!("had {length} elements, expected {n}, one for each order")))
            }
        }
    }
}

/// What a call of [`super::check_orders`] did besides filling the buffers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Decided {
    /// Orders that fit.
    pub n_accepted: usize,
    /// Orders that only exact arithmetic could decide.
    pub n_exact: usize,
    /// Orders of which something has no price.
    pub n_unpriced: usize,
    /// What was wrong with rows, with [`OnFault::Reject`].
    pub faults: Option<BookFaults>,
}

/// One order that is proposed. Numbers that are NaN are not said.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Proposed {
    /// The instrument, in the market's order.
    pub instrument: u32,
    /// Signed size, in the unit of the book; buys positive, never zero.
    pub quantity: f64,
    /// Limit price, quote per base; NaN: at the market.
    pub price: f64,
    /// Leverage; NaN: as of the account's setting, or of the position.
    pub leverage: f64,
    /// Price that makes it active; NaN: it is.
    pub trigger_price: f64,
    /// The leg that it trades.
    pub side: Side,
    /// Whether it is isolated; `None`: as the account chose.
    pub isolated: Option<bool>,
    /// Whether it can only reduce a position.
    pub reduce_only: bool,
}

impl Proposed {
    /// An order at the market that says nothing more.
    ///
    /// # Examples
    /// ```
    /// use crossmargin::order::Proposed;
    /// let limit = Proposed { price: 60_000.0, ..Proposed::market(0, 0.5) };
    /// assert!(limit.leverage.is_nan() && !limit.reduce_only);
    /// ```
    #[must_use]
    pub const fn market(instrument: u32, quantity: f64) -> Self {
        Self {
            instrument,
            quantity,
            price: f64::NAN,
            leverage: f64::NAN,
            trigger_price: f64::NAN,
            side: Side::Net,
            isolated: None,
            reduce_only: false,
        }
    }
}

/// What is decided about one order; amounts in the pool's asset, NaN where unknown.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Verdict {
    /// [`Reason::Accepted`], or why not.
    pub reason: Reason,
    /// The pool that the order meets; `None` where there is none yet.
    pub pool: Option<u32>,
    /// What it takes of the initial margin, with its loss where that counts.
    pub cost: f64,
    /// What could back it before.
    pub available: f64,
    /// What is missing; 0 where nothing is.
    pub short: f64,
    /// How many contracts open something, without sign.
    pub opening: f64,
    /// Whether only exact arithmetic could tell.
    pub exact: bool,
}

impl Verdict {
    /// Whether the order fits.
    #[must_use]
    pub fn accepted(&self) -> bool {
        self.reason == Reason::Accepted
    }
}
