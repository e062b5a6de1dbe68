//! A pool as it would be with more orders, cash or fenced margin than the book holds: what a decision is made of.

use std::sync::Arc;

use crate::book::{Holdings, MarginClass, PoolKind, Side};
use crate::exact::{Exact, Number};
use crate::market::{CrossPool, OrderPrice, Prices};

use super::Book;
use super::charge::Pool;
use super::collateral::Counting;
use super::evaluate::{Layer, Parts, PoolValue, Wanted};
use super::judge::{Priced, Verdict, verdict_of};
use super::legs::{Leg, Order, Said};
use super::moment::Moment;
use super::tables::{ClassTable, Constant};

/// A pool, or the cross pool that an account without one of the asset would get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) account: usize,
    pub(crate) pool: Option<usize>,
    pub(crate) asset: u16,
}

impl Place {
    /// A pool of the book.
    pub(crate) fn of_pool(book: &Book, pool: usize) -> Self {
        let holdings = book.holdings();
        Self { account: holdings.account_of(pool), pool: Some(pool), asset: holdings.pool_asset[pool] }
    }

    /// The cross pool of an account that what settles in an asset belongs to.
    pub(crate) fn cross(book: &Book, account: usize, settle: usize) -> Self {
        let holdings = book.holdings();
        let joint = book.market().rules().cross_pool() == CrossPool::PerAccount;
        let own = |pool: &usize| holdings.kind(*pool) == PoolKind::Cross && (joint || holdings.asset(*pool) == settle);
        let pool = holdings.pools_of(account).find(own);
        let asset = pool.map_or_else(|| u16::try_from(settle).unwrap_or(u16::MAX), |pool| holdings.pool_asset[pool]);
        Self { account, pool, asset }
    }

    /// Whether an order of the account belongs here: all do where one pool spans the assets, else those that settle in its own.
    fn takes(self, book: &Book, row: &OrderRow) -> bool {
        let market = book.market();
        market.rules().cross_pool() == CrossPool::PerAccount
            || market.instruments()[row.instrument as usize].settle() == usize::from(self.asset)
    }
}

/// What an open order says once everything that it leaves out is known.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct OrderRow {
    pub(crate) instrument: u32,
    pub(crate) side: Side,
    pub(crate) isolated: bool,
    /// Signed, in the book's unit.
    pub(crate) quantity: f64,
    /// NaN: at the market.
    pub(crate) price: f64,
    /// NaN where unknown.
    pub(crate) leverage: f64,
}

impl OrderRow {
    /// An order of the book.
    pub(crate) fn of(holdings: &Holdings, order: usize) -> Self {
        let orders = &holdings.orders;
        Self {
            instrument: holdings.classes[usize::from(orders.class[order])].instrument,
            side: orders.side[order],
            isolated: orders.isolated[order],
            quantity: orders.quantity[order],
            price: orders.price[order],
            leverage: orders.leverage[order],
        }
    }

    /// What orders are sorted by in a book.
    fn key(&self, book: &Book) -> (bool, usize, u32, Side, [u64; 3]) {
        let settle = book.market().instruments()[self.instrument as usize].settle();
        let said = [self.price, self.quantity, self.leverage].map(f64::to_bits);
        (self.isolated, settle, self.instrument, self.side, said)
    }
}

/// What there would be beside what the book holds.
#[derive(Debug, Clone, Default)]
pub(crate) struct Overlay {
    /// More open orders of the account that count, those of other pools' assets too.
    pub(crate) orders: Vec<OrderRow>,
    /// An order that is looked at as if it filled.
    pub(crate) fill: Option<OrderRow>,
    /// What is added to the wallet of an asset.
    pub(crate) cash: Vec<(u16, Exact)>,
    /// What is added to the margin of an isolated pool, and so taken off the cross pool.
    pub(crate) fence: Vec<(usize, Exact)>,
    /// The entry price of a position, of which the book has the nearest double.
    pub(crate) entry: Option<(usize, Exact)>,
    /// What filling would lose of an asset at once: taken off the collateral, at full value.
    pub(crate) lost: Vec<(u16, Exact)>,
}

/// An overlay on one pool, ready to be evaluated in any arithmetic.
#[derive(Debug, Clone)]
pub(crate) struct Overlaid {
    pub(crate) place: Place,
    /// The orders of the overlay, each with how many of the book's come before it, ascending.
    orders: Vec<(usize, Said)>,
    fill: Option<Said>,
    cash: Vec<(u16, Constant)>,
    fence: Vec<(usize, Constant)>,
    entry: Option<(usize, Constant)>,
    lost: Vec<(u16, Constant)>,
    /// Tables of classes beyond those of the book.
    more: Vec<Arc<ClassTable>>,
    /// Assets of orders of which the pool has nothing yet, ascending.
    assets: Vec<u16>,
}

impl Overlaid {
    /// An overlay on a pool, of which orders are in the order in which a book that has them would have them.
    pub(crate) fn new(book: &Book, place: Place, overlay: &Overlay) -> Self {
        let holdings = book.holdings();
        let mut this = Self {
            place,
            orders: Vec::with_capacity(overlay.orders.len()),
            fill: None,
            cash: overlay.cash.iter().map(|(asset, more)| (*asset, Constant::new(more.clone()))).collect(),
            fence: overlay.fence.iter().map(|(pool, more)| (*pool, Constant::new(more.clone()))).collect(),
            entry: overlay.entry.as_ref().map(|(position, entry)| (*position, Constant::new(entry.clone()))),
            lost: overlay.lost.iter().map(|(asset, loss)| (*asset, Constant::new(loss.clone()))).collect(),
            more: Vec::new(),
            assets: Vec::new(),
        };
        let held = place.pool.map_or(0..0, |pool| holdings.orders_of(pool));
        let mut rows: Vec<OrderRow> = overlay.orders.iter().copied().filter(|row| place.takes(book, row)).collect();
        rows.sort_by_key(|row| row.key(book));
        for (k, row) in rows.into_iter().enumerate() {
            let key = row.key(book);
            let before = held.clone().take_while(|&order| OrderRow::of(holdings, order).key(book) <= key).count();
            let class = this.class(book, row.instrument);
            this.orders.push((before, Said { at: holdings.orders.quantity.len() + k, class, row }));
        }
        this.fill = overlay.fill.map(|row| {
            let at = holdings.orders.quantity.len() + overlay.orders.len();
            Said { at, class: this.class(book, row.instrument), row }
        });
        this.note_assets(book);
        this
    }

    /// The class of an order: one of the book's, or one beyond.
    fn class(&mut self, book: &Book, instrument: u32) -> u32 {
        let holdings = book.holdings();
        let (known, _) = holdings.chosen.of(self.place.account);
        let class =
            MarginClass { coefficient: known.coefficient, profile: known.profile, ..MarginClass::plain(instrument) };
        // Plain classes come first, in the order of what is held. Others are many: the tables are found by what they are.
        let plain = holdings.held.binary_search(&instrument).ok().filter(|&at| holdings.classes[at] == class);
        let at = plain.unwrap_or_else(|| {
            let table = book.known_table(&class);
            let known = self.more.iter().position(|other| Arc::ptr_eq(other, &table));
            holdings.classes.len()
                + known.unwrap_or_else(|| {
                    self.more.push(table);
                    self.more.len() - 1
                })
        });
        u32::try_from(at).unwrap_or(u32::MAX)
    }

    /// Notes the assets of orders that the pool has no layer for.
    fn note_assets(&mut self, book: &Book) {
        let Some(pool) = self.place.pool else { return self.assets.push(self.place.asset) };
        if !book.is_joint(pool) {
            return;
        }
        let holdings = book.holdings();
        let rows = self.orders.iter().map(|(_, said)| said).chain(&self.fill);
        let settles = rows.map(|said| book.market().instruments()[said.row.instrument as usize].settle());
        let assets = settles.chain(self.cash.iter().chain(&self.lost).map(|(asset, _)| usize::from(*asset)));
        let missing =
            assets.filter(|&asset| holdings.layers_of(pool).all(|layer| holdings.layer_asset(layer) != asset));
        self.assets = missing.filter_map(|asset| u16::try_from(asset).ok()).collect();
        self.assets.sort_unstable();
        self.assets.dedup();
    }

    /// What the overlay adds to the wallet of an asset of the pool, or to its fence.
    fn more_cash<N: Number>(&self, book: &Book, asset: usize) -> Option<N> {
        let holdings = book.holdings();
        let isolated = self.place.pool.filter(|&pool| holdings.kind(pool) == PoolKind::Isolated);
        let sum = |terms: &mut dyn Iterator<Item = N>| terms.reduce(|sum, term| sum.plus(&term));
        if let Some(own) = isolated {
            return sum(&mut self.fence.iter().filter(|(pool, _)| *pool == own).map(|(_, more)| more.get()));
        }
        let cash = self.cash.iter().filter(|(of, _)| usize::from(*of) == asset).map(|(_, more)| more.get());
        let fenced = self
            .fence
            .iter()
            .filter(|(pool, _)| holdings.asset(*pool) == asset && holdings.pools_of(self.place.account).contains(pool));
        sum(&mut cash.chain(fenced.map(|(_, more)| N::zero().minus(&more.get()))))
    }

    /// The layers of the pool, by asset.
    pub(super) fn layers<N: Number>(&self, book: &Book) -> Vec<Layer<N>> {
        let held = self.place.pool.map_or(0..0, |pool| book.holdings().layers_of(pool));
        let of_book = held.filter_map(|layer| self.place.pool.map(|pool| Layer::new(book, pool, layer)));
        let empty = self.assets.iter().map(|&asset| Layer::of_wallet(usize::from(asset), N::zero()));
        let mut layers: Vec<Layer<N>> = of_book.chain(empty).collect();
        layers.sort_by_key(|layer| layer.asset);
        for layer in &mut layers {
            if let Some(more) = self.more_cash::<N>(book, layer.asset) {
                layer.wallet = layer.wallet.plus(&more);
                layer.own = layer.own.plus(&more);
            }
            for (_, loss) in self.lost.iter().filter(|(asset, _)| usize::from(*asset) == layer.asset) {
                layer.order_loss = layer.order_loss.minus(&loss.get());
            }
        }
        layers
    }

    /// What open orders of the pool say, those of the book and those of the overlay, as a book would have them.
    pub(super) fn said(&self, book: &Book) -> Vec<Said> {
        let holdings = book.holdings();
        let held = self.place.pool.map_or(0..0, |pool| holdings.orders_of(pool));
        let mut said = Vec::with_capacity(held.len() + self.orders.len());
        let mut more = self.orders.iter().peekable();
        for (k, order) in held.enumerate() {
            while let Some((_, new)) = more.next_if(|(before, _)| *before <= k) {
                said.push(*new);
            }
            said.push(Said {
                at: order,
                class: u32::from(holdings.orders.class[order]),
                row: OrderRow::of(holdings, order),
            });
        }
        said.extend(more.map(|(_, new)| *new));
        said
    }

    /// A position, at its entry price as it is.
    fn leg<N: Number>(&self, book: &Book, position: usize, at: Moment<'_, N>) -> Leg<N> {
        let leg = Leg::new(book, position, at);
        match &self.entry {
            Some((of, entry)) if *of == position => leg.entered_at(book, &entry.get()),
            _ => leg,
        }
    }

    /// What orders of one key the pool would have, with the one that fills.
    pub(super) fn alike(&self, book: &Book, own: impl Fn(&OrderRow) -> bool) -> Vec<Said> {
        self.said(book).into_iter().chain(self.fill).filter(|said| own(&said.row)).collect()
    }

    /// The tables of classes beyond the book's.
    pub(super) fn more(&self) -> &[Arc<ClassTable>] {
        &self.more
    }

    /// The instruments and assets whose prices are looked at beside those of the book's pool.
    pub(super) fn looks_at(&self) -> (impl Iterator<Item = usize>, &[u16]) {
        let rows = self.orders.iter().map(|(_, said)| said).chain(&self.fill);
        (rows.map(|said| said.row.instrument as usize), &self.assets)
    }
}

/// Evaluates a pool with what an overlay adds; everything that they hold must have a price. Figures with more orders are the
/// bits of those of a book that has the orders.
pub(crate) fn evaluate_over<N: Number>(
    book: &Book,
    over: &Overlaid,
    at: Moment<'_, N>,
    wanted: Wanted,
) -> PoolValue<N> {
    let holdings = book.holdings();
    let positions = over.place.pool.map_or(0..0, |pool| holdings.positions_of(pool));
    let parts = Parts {
        account: over.place.account,
        isolated: over.place.pool.is_some_and(|pool| holdings.kind(pool) == PoolKind::Isolated),
        layers: over.layers(book),
        legs: positions.map(|position| over.leg(book, position, at)).collect(),
        orders: over.said(book).into_iter().map(|said| Order::said(book, said, at)).collect(),
        filling: over.fill.map(|said| Order::said(book, said, at)),
        more: &over.more,
    };
    parts.evaluate(book, at, wanted)
}

/// The verdict on a pool with what an overlay adds, or `None` where this arithmetic cannot decide.
pub(crate) fn verdict_over<N: Number>(
    book: &Book,
    over: &Overlaid,
    prices: &Prices,
    wanted: Wanted,
) -> Option<Verdict<N>> {
    verdict_of(book, prices, wanted, |at, wanted| evaluate_over(book, over, at, wanted))
}

/// Whether everything that a pool holds with what an overlay adds has the prices that the rules look at.
pub(crate) fn is_priced_over(book: &Book, over: &Overlaid, prices: &Prices) -> bool {
    let priced = Priced::new(book, prices);
    let (mut instruments, assets) = over.looks_at();
    let joint = book.market().rules().cross_pool() == CrossPool::PerAccount;
    over.place.pool.is_none_or(|pool| priced.pool(pool))
        && instruments.all(|at| priced.instrument(at))
        && (!joint || assets.iter().all(|&asset| priced.asset(usize::from(asset))))
}

/// What filling an order at its limit would lose at once, in its settlement asset: at least zero.
pub(crate) fn order_loss<N: Number>(book: &Book, row: &OrderRow, at: Moment<'_, N>) -> N {
    let order = Order::said(book, Said { at: 0, class: 0, row: *row }, at);
    N::zero().minus(&order.loss(&book.market().instruments()[row.instrument as usize]))
}

/// A requirement in an asset, brought into what a cross pool is valued in.
pub(crate) fn in_valuation<N: Number>(book: &Book, asset: usize, amount: &N, at: Moment<'_, N>) -> N {
    if book.market().rules().cross_pool() != CrossPool::PerAccount {
        return amount.clone();
    }
    Counting::new(book.market(), asset, at.index(asset)).requirement(amount)
}

impl<N: Number> Pool<'_, N> {
    /// The table of a class beyond those of the book.
    fn table_beyond(&self, class: u32) -> Option<&Arc<ClassTable>> {
        (class as usize).checked_sub(self.book.holdings().classes.len()).and_then(|at| self.more.get(at))
    }

    /// The table of a class, of the book or beyond.
    pub(super) fn table(&self, class: u32) -> &ClassTable {
        self.table_beyond(class).map_or_else(|| self.book.class_table(of_book(class)), AsRef::as_ref)
    }

    /// As [`Self::table`], to keep.
    pub(super) fn shared_table(&self, class: u32) -> Arc<ClassTable> {
        self.table_beyond(class).map_or_else(|| self.book.shared_table(of_book(class)), Arc::clone)
    }

    /// The price that orders are valued at.
    pub(super) fn order_price(&self) -> OrderPrice {
        self.filled.unwrap_or_else(|| self.book.market().rules().orders().price)
    }
}

/// A class that the book has.
fn of_book(class: u32) -> u16 {
    u16::try_from(class).unwrap_or(u16::MAX)
}
