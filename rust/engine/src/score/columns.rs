//! The figures of a pool, and the buffers that they are written to.

use crate::error::{Error, Result};

/// A figure of a pool. Amounts are in the pool's settlement asset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Column {
    /// The pool's cash, realised only: of a cross pool the wallet less what is fenced, of an isolated one the fence.
    WalletBalance,
    /// `sum quantity * size * (mark - entry)`.
    UnrealizedPnl,
    /// `wallet_balance + unrealized_pnl`.
    Equity,
    /// What the venue counts of the equity.
    CollateralValue,
    /// `sum |quantity| * size * mark`, nothing netted.
    Notional,
    /// `sum notional / leverage`; NaN where a leverage is unknown.
    InitialMargin,
    /// What must be covered for the pool to be left alone.
    MaintenanceMargin,
    /// `collateral_value - trigger * maintenance_margin`, with the sign of exact arithmetic.
    Excess,
    /// `collateral_value / maintenance_margin`; infinite where nothing is required.
    MarginRatio,
    /// The margin ratio as the venue displays it.
    VenueRatio,
    /// `collateral_value - initial_margin`.
    FreeMargin,
    /// What can back new positions by the venue's rule.
    Available,
    /// What can leave the pool by the venue's rule.
    Withdrawable,
}

impl Column {
    /// All, in the order of reports.
    pub const ALL: [Self; 13] = [
        Self::WalletBalance,
        Self::UnrealizedPnl,
        Self::Equity,
        Self::CollateralValue,
        Self::Notional,
        Self::InitialMargin,
        Self::MaintenanceMargin,
        Self::Excess,
        Self::MarginRatio,
        Self::VenueRatio,
        Self::FreeMargin,
        Self::Available,
        Self::Withdrawable,
    ];

    /// The name in every language and file.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::WalletBalance => "wallet_balance",
            Self::UnrealizedPnl => "unrealized_pnl",
            Self::Equity => "equity",
            Self::CollateralValue => "collateral_value",
            Self::Notional => "notional",
            Self::InitialMargin => "initial_margin",
            Self::MaintenanceMargin => "maintenance_margin",
            Self::Excess => "excess",
            Self::MarginRatio => "margin_ratio",
            Self::VenueRatio => "venue_ratio",
            Self::FreeMargin => "free_margin",
            Self::Available => "available",
            Self::Withdrawable => "withdrawable",
        }
    }

    /// The column of a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|column| column.name() == name)
    }

    /// Whether the pool's cash is needed for it.
    pub(super) const fn needs_cash(self) -> bool {
        matches!(self, Self::WalletBalance | Self::UnrealizedPnl | Self::Available | Self::Withdrawable)
    }

    /// Whether initial margin is needed for it.
    pub(super) const fn needs_initial(self) -> bool {
        matches!(self, Self::InitialMargin | Self::FreeMargin | Self::Available | Self::Withdrawable)
    }
}

/// Where the figures go: one element per pool in each buffer. What is not asked for is not computed.
#[derive(Debug, Default)]
pub struct Buffers<'a> {
    /// Figures by column; a column may be asked for more than once.
    pub columns: Vec<(Column, &'a mut [f64])>,
    /// Whether each pool is liquidatable; false for unpriced ones.
    pub liquidatable: Option<&'a mut [bool]>,
    /// Whether each pool holds something without a price.
    pub unpriced: Option<&'a mut [bool]>,
}

/// The buffers of a run of pools.
#[derive(Debug)]
pub(super) struct Part<'a> {
    pub(super) first: usize,
    pub(super) n: usize,
    pub(super) columns: Vec<(Column, &'a mut [f64])>,
    pub(super) liquidatable: Option<&'a mut [bool]>,
    pub(super) unpriced: Option<&'a mut [bool]>,
}

impl<'a> Buffers<'a> {
    pub(super) fn wants_initial(&self) -> bool {
        self.columns.iter().any(|(column, _)| column.needs_initial())
    }

    /// Whether collateral or maintenance is asked for, or what is made of both.
    pub(super) fn wants_amounts(&self) -> bool {
        let made_of_them =
            |column| matches!(column, Column::CollateralValue | Column::MaintenanceMargin | Column::VenueRatio);
        self.columns.iter().any(|(column, _)| made_of_them(*column))
    }

    /// Refuses buffers of another length than the number of pools.
    pub(super) fn check(&self, n_pools: usize) -> Result<()> {
        let flags = [("liquidatable", &self.liquidatable), ("unpriced", &self.unpriced)];
        let lengths = (self.columns.iter().map(|(column, buffer)| (column.name(), buffer.len())))
            .chain(flags.iter().filter_map(|(name, buffer)| buffer.as_ref().map(|buffer| (*name, buffer.len()))));
        for (name, length) in lengths {
            if length != n_pools {
                let message = format!("had {length} elements, expected {n_pools}, one for each pool");
                return Err(Error::argument(format!("out[{name}]"), message));
            }
        }
        Ok(())
    }

    /// Cuts the buffers of the pools of a range into parts of `size` pools.
    pub(super) fn chunks(self, pools: std::ops::Range<usize>, size: usize) -> Vec<Part<'a>> {
        let mut rest = self;
        let mut parts = Vec::with_capacity(pools.len().div_ceil(size));
        let mut first = pools.start;
        while first < pools.end {
            let n = size.min(pools.end - first);
            let cut = |buffer: Option<&'a mut [bool]>| buffer.map(|buffer| buffer.split_at_mut(n)).unzip();
            let (liquidatable, liquidatable_rest) = cut(rest.liquidatable);
            let (unpriced, unpriced_rest) = cut(rest.unpriced);
            let (columns, columns_rest) = (rest.columns.into_iter())
                .map(|(column, buffer)| {
                    let (head, tail) = buffer.split_at_mut(n);
                    ((column, head), (column, tail))
                })
                .unzip();
            parts.push(Part { first, n, columns, liquidatable, unpriced });
            rest = Self { columns: columns_rest, liquidatable: liquidatable_rest, unpriced: unpriced_rest };
            first += n;
        }
        parts
    }
}
