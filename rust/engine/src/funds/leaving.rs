//! What can leave each pool, asset by asset, in whole quanta.

use crate::environment;
use crate::error::Result;
use crate::exact::Exact;
use crate::market::Prices;
use crate::parallel;
use crate::pool::{Book, is_priced};
use crate::score::{Options, check_prices};

use super::scene::{Asked, Moved, Scene, Take};
use super::search::most;

/// What keeps one quantum more from leaving.
///
/// # Examples
/// ```
/// use crossmargin::funds::Binding;
/// assert_eq!(Binding::OwnMoney.name(), "own_money");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Binding {
    /// Nothing of the owner's own is left.
    OwnMoney,
    /// The venue's rule of what can be taken out.
    Rule,
    /// The pool would be liquidatable.
    Trigger,
    /// Not a single quantum can leave.
    Nothing,
    /// Something that the pool holds has no price.
    Unpriced,
    /// The rule asks for a leverage that nobody says.
    LeverageUnknown,
}

impl Binding {
    /// The word of tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::OwnMoney => "own_money",
            Self::Rule => "rule",
            Self::Trigger => "trigger",
            Self::Nothing => "nothing",
            Self::Unpriced => "unpriced",
            Self::LeverageUnknown => "leverage_unknown",
        }
    }
}

/// The most of an asset that can leave a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leaving {
    /// The pool.
    pub pool: u32,
    /// The part of the pool that holds the asset: see [`crate::book::Holdings::layer_asset`].
    pub layer: u32,
    /// How much, in quanta of the asset, of more than 10^37 - 1 as many; 0 where it is unknown.
    pub quanta: i128,
    /// What keeps more from leaving.
    pub binding: Binding,
}

/// What can leave each pool: a row per cross pool and asset, and one per isolated pool, in the order of the pools.
///
/// The answer is the largest whole number of quanta that leaves a legal pool, exactly: own money (never a bonus), the venue's
/// rule of what can be taken out on the pool as it is then, and, whatever that rule says, a pool that is not liquidatable at
/// these prices. `quanta` can leave, one more cannot. Of several assets of one pool each is answered as if it alone left. From
/// an isolated pool it goes back to the account's cash.
///
/// # Errors
/// As [`crate::score::score`].
///
/// # Examples
/// 10,000 USDT with half a bitcoin at ten times: all but the initial margin.
/// ```
/// # use std::sync::Arc;
/// # use crossmargin::book::{Balances, Keys, OnError, Positions, Tables};
/// # use crossmargin::funds::{Binding, withdrawable};
/// # use crossmargin::score::Options;
/// # use crossmargin::{Book, Market, Prices};
/// # let market = Arc::new(Market::preset("binance-usdm", None)?);
/// # let (usdt, btc) = (market.asset_index("USDT").unwrap() as i64, market.instrument_index("BTCUSDT").unwrap() as i64);
/// # let tables = Tables {
/// #     balances: Balances {
/// #         account: Keys::Int(&[7]), asset: Keys::Int(&[usdt]), wallet_balance: &[10_000.0], ..Balances::default()
/// #     },
/// #     positions: Positions {
/// #         account: Keys::Int(&[7]), instrument: Keys::Int(&[btc]), quantity: &[0.5], entry_price: &[60_000.0],
/// #         leverage: Some(&[10.0]), ..Positions::default()
/// #     },
/// #     ..Tables::default()
/// # };
/// # let (book, _) = Book::build(Arc::clone(&market), tables, OnError::Refuse)?;
/// let prices = Prices::by_name(&market, &[("BTCUSDT", 60_000.0)], &[])?;
/// let leaving = withdrawable(&book, &prices, &Options::default())?;
/// assert_eq!((leaving[0].quanta, leaving[0].binding), (700_000_000_000, Binding::Rule));
/// # Ok::<(), crossmargin::Error>(())
/// ```
pub fn withdrawable(book: &Book, prices: &Prices, options: &Options) -> Result<Vec<Leaving>> {
    const POOLS_AT_ONCE: usize = 256;
    environment::check()?;
    check_prices(book, prices, options.missing)?;
    let quanta = quanta_of(book);
    let scene = Scene { book, prices, quanta: &quanta };
    let mut rows = empty_rows(book);
    let stop = parallel::Stop::new(options.stop);
    parallel::for_each(
        threads(options, rows.len()),
        rows.chunks_mut(POOLS_AT_ONCE).collect(),
        || (),
        |(), part| {
            for row in part.iter_mut().take_while(|_| !stop.now()) {
                (row.quanta, row.binding) = leaving(scene, row.pool as usize, row.layer as usize);
            }
        },
    );
    stop.unless_said(rows)
}

/// How many threads are worth their start.
pub(super) fn threads(options: &Options, rows: usize) -> usize {
    const ROWS_PER_THREAD: usize = 1 << 10;
    let most = (rows / ROWS_PER_THREAD).max(1);
    options.threads.filter(|&n| n > 0).unwrap_or_else(|| parallel::threads_or_all(None).min(most))
}

/// The quanta of a book's assets.
pub(super) fn quanta_of(book: &Book) -> Vec<Exact> {
    book.market().assets().iter().map(|asset| Exact::from_f64(asset.quantum())).collect()
}

fn empty_rows(book: &Book) -> Vec<Leaving> {
    let holdings = book.holdings();
    let number = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    let rows = (0..holdings.n_pools()).flat_map(|pool| holdings.layers_of(pool).map(move |layer| (pool, layer)));
    let row =
        |(pool, layer)| Leaving { pool: number(pool), layer: number(layer), quanta: 0, binding: Binding::Nothing };
    rows.map(row).collect()
}

/// What can leave one part of a pool, and what keeps more from leaving.
fn leaving(scene: Scene<'_>, pool: usize, layer: usize) -> (i128, Binding) {
    if !is_priced(scene.book, pool, scene.prices) {
        return (0, Binding::Unpriced);
    }
    let take = Take { pool, asset: scene.book.holdings().layer_asset(layer) };
    let (moved, asked) = (Moved::default(), Asked { rule: true, safe: true, ..Asked::default() });
    let (_, own) = scene.own(&moved, take);
    let after = |quanta| scene.after(&moved, (take, quanta), asked, &mut 0);
    if after(0).rule.is_none() {
        return (0, Binding::LeverageUnknown);
    }
    let quanta = most(own, |quanta| after(quanta).probe());
    let binding = if quanta == 0 {
        Binding::Nothing
    } else if quanta == own {
        Binding::OwnMoney
    } else if after(quanta + 1).rule == Some(true) {
        Binding::Trigger
    } else {
        Binding::Rule
    };
    (quanta, binding)
}
