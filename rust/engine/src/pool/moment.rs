//! Prices of one moment, or of a path of moments.

use crate::exact::{Motion, Number};
use crate::market::Market;

/// A price of the market.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Source {
    /// The mark of an instrument.
    Mark(u32),
    /// The price of its last trade.
    Last(u32),
    /// The index price of an asset.
    Index(u16),
}

/// What moves along a path; everything else stays.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Moves<'a> {
    /// The prices of an instrument, in proportion to `v / from`.
    Instrument { at: usize, from: f64 },
    /// Every price of an underlying, and the index price of the asset of its name, in proportion to `v / from`.
    Underlying { market: &'a Market, name: &'a str, from: f64 },
    /// Prices of a list, each by itself; `last`: what instruments are valued at are prices of the last trades.
    Each { sources: &'a [Source], last: bool },
    /// Each price by `1 + v * shock`.
    Shock { instruments: &'a [f64], assets: &'a [f64] },
}

impl Moves<'_> {
    /// How the prices of an instrument move; `None` where they stay.
    fn of_instrument(&self, instrument: usize) -> Option<Motion> {
        match *self {
            Self::Instrument { at, from } => (at == instrument).then_some(Motion::Scaled { from }),
            Self::Underlying { market, name, from } => {
                (market.instruments()[instrument].underlying() == name).then_some(Motion::Scaled { from })
            }
            Self::Shock { instruments, .. } => shocked(instruments, instrument),
            Self::Each { sources, last } => {
                let at = u32::try_from(instrument).ok()?;
                free(sources, if last { Source::Last(at) } else { Source::Mark(at) })
            }
        }
    }

    /// How the index price of an asset moves; `None` where it stays.
    fn of_asset(&self, asset: usize) -> Option<Motion> {
        match *self {
            Self::Instrument { .. } => None,
            Self::Underlying { market, name, from } => {
                let moves = market.assets()[asset].name() == name && market.rules().valuation_asset() != Some(asset);
                moves.then_some(Motion::Scaled { from })
            }
            Self::Shock { assets, .. } => shocked(assets, asset),
            Self::Each { sources, .. } => free(sources, Source::Index(u16::try_from(asset).ok()?)),
        }
    }
}

fn free(sources: &[Source], source: Source) -> Option<Motion> {
    let axis = u32::try_from(sources.binary_search(&source).ok()?).ok()?;
    Some(Motion::Free { axis })
}

fn shocked(shocks: &[f64], at: usize) -> Option<Motion> {
    shocks.get(at).filter(|&&by| by != 0.0).map(|&by| Motion::Shocked { by })
}

/// A mark (or last price) by instrument, an index price by asset; some of them may move along a path.
pub(crate) struct Moment<'a, N: Number> {
    mark: &'a [f64],
    index: &'a [f64],
    path: Option<(Moves<'a>, &'a N::Path)>,
}

#[expect(clippy::expl_impl_clone_on_copy, reason = "derived, it would ask numbers and their paths to be copied")]
impl<N: Number> Clone for Moment<'_, N> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<N: Number> Copy for Moment<'_, N> {}

impl<'a, N: Number> Moment<'a, N> {
    pub(crate) const fn still(mark: &'a [f64], index: &'a [f64]) -> Self {
        Self { mark, index, path: None }
    }

    /// The moments of a path, or one of them, as `path` says.
    pub(crate) const fn along(mark: &'a [f64], index: &'a [f64], moves: Moves<'a>, path: &'a N::Path) -> Self {
        Self { mark, index, path: Some((moves, path)) }
    }

    /// The mark (or last price) of an instrument.
    pub(super) fn mark(&self, instrument: usize) -> N {
        self.price(self.mark[instrument], |moves| moves.of_instrument(instrument))
    }

    /// The index price of an asset; `None` where there is none.
    pub(super) fn index(&self, asset: usize) -> Option<N> {
        let price = self.index.get(asset).copied().filter(|price| !price.is_nan())?;
        Some(self.price(price, |moves| moves.of_asset(asset)))
    }

    fn price(&self, price: f64, motion: impl FnOnce(&Moves<'_>) -> Option<Motion>) -> N {
        let moving = self.path.as_ref().and_then(|(moves, path)| Some((motion(moves)?, *path)));
        moving.map_or_else(|| N::of(price), |(motion, path)| N::moving(price, motion, path))
    }
}
