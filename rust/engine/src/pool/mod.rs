//! The one function: a pool's excess over prices, in two forms.
//!
//! The folded form is what kernels evaluate: constants folded, positions as lanes, a bound on what rounding can do.
//! [`judge`] evaluates the same function without rounding, from the original columns. [`Book`] holds both with what
//! they were made from.

mod along;
mod buckets;
mod charge;
mod classes;
mod collateral;
mod curves;
mod derived;
#[cfg(test)]
mod drawn;
mod evaluate;
mod fills;
mod flags;
mod folded;
mod forms;
mod guess;
mod judge;
mod lane_classes;
mod layered;
mod leaving;
mod legs;
mod limited;
mod limits;
mod moment;
mod overlay;
#[cfg(test)]
mod overlay_tests;
mod pieces;
mod positions;
mod program;
mod refined;
mod region;
#[cfg(test)]
mod region_tests;
mod room;
mod search;
mod shape;
mod simple;
mod tables;
mod tiering;
mod total;

use std::sync::Arc;

use crate::book::{Holdings, MarginClass, OnError, PoolKind, QuantityUnit, Rejected, Side, Tables};
use crate::environment;
use crate::error::Result;
use crate::exact::Number;
use crate::market::{Instrument, Market};

pub(crate) use classes::{ClassRow, Classes, FLOOR_DOUBT, OwnClass};
pub use judge::{Judged, is_priced, judge, judge_exactly};
pub use positions::{PositionValue, position_values};

pub(crate) use along::{Question, Road, Section, Test};
pub(crate) use buckets::{Bucket, DOUBT, Lookup};
pub(crate) use collateral::AssetRow;
pub(crate) use curves::{Curve, Owed, Stretch};
pub(crate) use derived::{Tested, derive};
pub(crate) use evaluate::{PoolValue, Wanted, fence, fence_at_entry};
#[cfg(test)]
pub(crate) use flags::Flags;
pub(crate) use flags::{flags, soft_stop};
use folded::Sources;
pub(crate) use folded::{Alone, Folded, LANES, decode};
pub(crate) use judge::UNKNOWN;
pub(crate) use judge::{Verdict, moment_of};
pub(crate) use lane_classes::LaneTables;
pub(crate) use layered::{Layered, OF_SUMS, OWN, Rows};
pub(crate) use leaving::own_money;
pub(crate) use limited::{AccountLimits, account_limits, lonely};
pub(crate) use limits::limit_of;
pub(crate) use moment::Moves;
pub(crate) use moment::{Moment, Source};
pub(crate) use overlay::{
    OrderRow, Overlaid, Overlay, Place, evaluate_over, in_valuation, is_priced_over, order_loss, verdict_over,
};
pub(crate) use pieces::{Piece, Pieces, TierRows};
pub(crate) use refined::{Path, Refined};
pub(crate) use region::{Bounds, account_region, region};
pub(crate) use tables::{ClassTable, Constant, KnownTables};

/// The accounts, grouped once into pools and folded for the kernels; owns its copy and never changes.
///
/// # Examples
/// ```
/// use std::sync::Arc;
/// use crossmargin::book::{Balances, Keys, OnError, Positions, Tables};
/// use crossmargin::{Book, Market};
///
/// let market = Arc::new(Market::preset("binance-usdm", None)?);
/// let (usdt, btc) = (market.asset_index("USDT").unwrap() as i64, market.instrument_index("BTCUSDT").unwrap() as i64);
/// let tables = Tables {
///     balances: Balances {
///         account: Keys::Int(&[7]),
///         asset: Keys::Int(&[usdt]),
///         wallet_balance: &[10_000.0],
///         ..Balances::default()
///     },
///     positions: Positions {
///         account: Keys::Int(&[7]),
///         instrument: Keys::Int(&[btc]),
///         quantity: &[0.5],
///         entry_price: &[60_000.0],
///         ..Positions::default()
///     },
///     ..Tables::default()
/// };
/// let (book, _) = Book::build(market, tables, OnError::Refuse)?;
/// assert_eq!(book.holdings().n_pools(), 1);
/// # Ok::<(), crossmargin::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Book {
    market: Arc<Market>,
    holdings: Holdings,
    tables: Vec<Arc<ClassTable>>,
    /// Tables of classes that are not held, as far as somebody asked.
    beyond: Arc<KnownTables>,
    classes: Classes,
    /// The one-asset lanes; `None` where the rules need others.
    folded: Option<Folded>,
    /// The lanes of other rules; `None` where the one-asset lanes do, or none.
    layered: Option<Layered>,
    /// Pools, ascending, with orders, credit or debts, whose cash and initial margin are not those of the lanes.
    special: Vec<u32>,
    /// The assets of pools that hold several, ascending.
    joint_assets: Vec<usize>,
    any_isolated: bool,
    any_legs: bool,
    /// Some price for every instrument, while the book is built.
    any_marks: Vec<f64>,
    refined: refined::Lazy,
}

impl Book {
    /// Checks the tables, groups them into pools and folds them.
    ///
    /// With [`OnError::Reject`], whole accounts with a fault are dropped and said in [`Rejected`].
    ///
    /// # Errors
    /// [`crate::Error::Book`] with every fault; [`crate::Error::Argument`] for columns that do not fit together.
    pub fn build(market: Arc<Market>, tables: Tables<'_>, on_error: OnError) -> Result<(Self, Rejected)> {
        Self::build_with(market, &tables, on_error, None, &KnownTables::default())
    }

    /// As [`Self::build`], with another number of pools per window; it changes no result.
    ///
    /// # Errors
    /// As [`Self::build`].
    #[doc(hidden)]
    pub fn build_in_windows(
        market: Arc<Market>,
        tables: Tables<'_>,
        on_error: OnError,
        window: usize,
    ) -> Result<(Self, Rejected)> {
        Self::build_with(market, &tables, on_error, Some(window), &KnownTables::default())
    }

    /// As [`Self::build`], with tables of margin classes that books of the market share.
    pub(crate) fn build_sharing(market: Arc<Market>, tables: &Tables<'_>, shared: &KnownTables) -> Result<Self> {
        Ok(Self::build_with(market, tables, OnError::Refuse, None, shared)?.0)
    }

    fn build_with(
        market: Arc<Market>,
        tables: &Tables<'_>,
        on_error: OnError,
        window: Option<usize>,
        shared: &KnownTables,
    ) -> Result<(Self, Rejected)> {
        environment::check()?;
        let (holdings, rejected) = match on_error {
            OnError::Refuse => (Holdings::build(&market, tables)?, Rejected::default()),
            OnError::Reject => Holdings::build_rejecting(&market, tables)?,
        };
        let tables = holdings.classes.iter().map(|class| shared.get(&market, class)).collect::<Vec<_>>();
        let simple = simple::is_simple(&market);
        let classes = Classes::new(&market, &holdings, &tables);
        let sources = Sources { market: &market, holdings: &holdings, tables: &tables, classes: &classes };
        let folded = simple.then(|| Folded::new(sources, window.unwrap_or(folded::WINDOW)));
        let (special, joint_assets) = (special(&holdings), joint_assets(&holdings, &market));
        let any_isolated = holdings.pool_kind.contains(&PoolKind::Isolated);
        let any_legs = market.rules().hedge_mode() && has_legs(&holdings.side);
        let any_marks = if simple { Vec::new() } else { vec![1.0; market.instruments().len()] };
        let mut book = Self {
            market,
            holdings,
            tables,
            beyond: Arc::default(),
            classes,
            folded,
            layered: None,
            special,
            joint_assets,
            any_isolated,
            any_legs,
            any_marks,
            refined: refined::Lazy::default(),
        };
        if !simple && simple::has_lanes(&book.market) {
            book.layered =
                Some(Layered::new(&book, window.unwrap_or(layered::WINDOW))).filter(|layered| !layered.is_all_slow());
            book.any_marks = Vec::new();
        }
        Ok((book, rejected))
    }

    /// The rules.
    #[must_use]
    pub const fn market(&self) -> &Arc<Market> {
        &self.market
    }

    /// What is held.
    #[must_use]
    pub const fn holdings(&self) -> &Holdings {
        &self.holdings
    }

    /// Pools, ascending, with orders, credit or debts.
    pub(crate) fn special(&self) -> &[u32] {
        &self.special
    }

    /// The lanes of rules beyond the one-asset ones.
    pub(crate) const fn layered(&self) -> Option<&Layered> {
        self.layered.as_ref()
    }

    /// Whether some position is isolated.
    pub(crate) const fn has_isolated(&self) -> bool {
        self.any_isolated
    }

    /// Whether some position is a leg of hedge mode.
    pub(crate) const fn has_legs(&self) -> bool {
        self.any_legs
    }

    /// Some price for every instrument, for what does not depend on prices.
    fn any_marks(&self) -> &[f64] {
        &self.any_marks
    }

    /// The assets of pools that hold several, ascending.
    pub(crate) fn joint_assets(&self) -> &[usize] {
        &self.joint_assets
    }

    /// The tables of a margin class.
    pub(crate) fn class_table(&self, class: u16) -> &ClassTable {
        &self.tables[usize::from(class)]
    }

    /// As [`Self::class_table`], to keep.
    pub(crate) fn shared_table(&self, class: u16) -> Arc<ClassTable> {
        Arc::clone(&self.tables[usize::from(class)])
    }

    /// The tables of a class that is none of the book's.
    pub(crate) fn known_table(&self, class: &MarginClass) -> Arc<ClassTable> {
        self.beyond.get(&self.market, class)
    }

    /// Contracts per unit of quantity.
    pub(crate) fn contracts_per_quantity<N: Number>(&self, instrument: &Instrument) -> N {
        match self.holdings.quantity_unit {
            QuantityUnit::Contracts => N::of(1.0),
            QuantityUnit::Base => N::of(1.0).over(&N::of(instrument.contract_size())),
        }
    }

    /// Constants to twice the precision of doubles, made when first asked for; `None` where the rules have no use for them.
    pub(crate) fn refined(&self) -> Option<&Refined> {
        self.refined.get(self)
    }

    pub(crate) const fn classes(&self) -> &Classes {
        &self.classes
    }

    /// What the positions of the one-asset lanes are made of by themselves.
    pub(crate) fn alone(&self) -> Option<&Alone> {
        let Self { market, holdings, tables, classes, .. } = self;
        Some(self.folded.as_ref()?.alone(Sources { market, holdings, tables, classes }))
    }

    /// The one-asset lanes.
    pub(crate) const fn folded(&self) -> Option<&Folded> {
        self.folded.as_ref()
    }
}

fn has_legs(sides: &[Side]) -> bool {
    sides.iter().any(|&side| side != Side::Net)
}

fn special(holdings: &Holdings) -> Vec<u32> {
    if holdings.orders.offsets.is_empty() && holdings.bonus.is_empty() && holdings.borrowed.is_empty() {
        return Vec::new();
    }
    let credited = |pool: usize| {
        holdings.layers_of(pool).any(|layer| holdings.bonus(layer) != 0.0 || holdings.borrowed(layer) != 0.0)
    };
    let is_special = |pool: &usize| !holdings.orders_of(*pool).is_empty() || credited(*pool);
    (0..holdings.n_pools()).filter(is_special).map(|pool| u32::try_from(pool).unwrap_or(u32::MAX)).collect()
}

fn joint_assets(holdings: &Holdings, market: &Market) -> Vec<usize> {
    let mut held = vec![false; market.assets().len()];
    if !holdings.layers.offsets.is_empty() {
        for pool in (0..holdings.n_pools()).filter(|&pool| holdings.kind(pool) == PoolKind::Cross) {
            for layer in holdings.layers_of(pool) {
                held[holdings.layer_asset(layer)] = true;
            }
        }
    }
    (0..held.len()).filter(|&asset| held[asset]).collect()
}
