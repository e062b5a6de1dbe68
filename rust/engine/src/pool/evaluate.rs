//! A pool's value at given prices, from the original columns, by the rules as they are written.
//!
//! Generic over the arithmetic: without rounding it decides what doubles cannot, in doubles with a running bound it
//! evaluates pools whose rules have no lanes.

use std::cmp::Ordering;
use std::sync::Arc;

use crate::book::{Holdings, PoolKind, Side, coordinate_size};
use crate::exact::{Name, Number};
use crate::market::{
    CrossPool, FeeReserve, Frozen, MarginSource, OrderLoss, OrderPrice, OrdersIn, Payoff, PriceBasis, Required,
};

use super::Book;
use super::charge::{Margin, Pool, at_bankruptcy};
use super::legs::{Leg, Order, contract_value, quantity_and_size};
use super::moment::Moment;
use super::tables::ClassTable;
use super::total::{Kept, total};

/// A pool's figures; amounts in the pool's asset.
#[derive(Debug, Clone)]
pub(crate) struct PoolValue<N> {
    pub(crate) wallet_balance: N,
    pub(crate) unrealized_pnl: N,
    pub(crate) equity: N,
    pub(crate) collateral_value: N,
    pub(crate) notional: N,
    pub(crate) maintenance_margin: N,
    /// `None` where a leverage is unknown.
    pub(crate) initial_margin: Option<N>,
    pub(crate) free_margin: Option<N>,
    pub(crate) available: Option<N>,
    /// What can back new positions less what the pool requires: below zero where something is missing.
    pub(crate) spare: Option<N>,
    /// What the rules let leave less what stays back: below zero where something is missing.
    pub(crate) left: Option<N>,
    pub(crate) withdrawable: Option<N>,
    /// Whether there is anything to liquidate for: a position, a debt, an order that counts.
    pub(crate) exposed: bool,
    /// Whether rounding left open what the figures depend on.
    pub(crate) open: bool,
}

impl<N: Number> PoolValue<N> {
    /// The figures under their names.
    pub(super) fn named(self) -> Self {
        let name = |amount: N, word, rule| amount.named(|| Name::term(word).rule(rule));
        Self {
            wallet_balance: name(self.wallet_balance, "wallet_balance", ""),
            unrealized_pnl: name(self.unrealized_pnl, "unrealized_pnl", ""),
            equity: name(self.equity, "equity", ""),
            collateral_value: name(self.collateral_value, "collateral_value", "collateral"),
            notional: name(self.notional, "notional", ""),
            maintenance_margin: name(self.maintenance_margin, "maintenance_margin", "maintenance_margin"),
            initial_margin: self.initial_margin.map(|initial| name(initial, "initial_margin", "initial_margin")),
            ..self
        }
    }

    pub(super) fn zero() -> Self {
        let zero = N::zero;
        Self {
            wallet_balance: zero(),
            unrealized_pnl: zero(),
            equity: zero(),
            collateral_value: zero(),
            notional: zero(),
            maintenance_margin: zero(),
            initial_margin: Some(zero()),
            free_margin: None,
            available: None,
            spare: None,
            left: None,
            withdrawable: None,
            exposed: false,
            open: false,
        }
    }
}

/// One asset of a pool, in that asset.
pub(super) struct Layer<N> {
    pub(super) asset: usize,
    /// The wallet less what is fenced.
    pub(super) wallet: N,
    /// The wallet less debts: without bonus.
    pub(super) own: N,
    pub(super) bonus: N,
    pub(super) pnl: N,
    pub(super) notional: N,
    pub(super) maintenance: N,
    pub(super) initial: Option<N>,
    pub(super) order_loss: N,
    /// What orders freeze: it is no collateral.
    pub(super) frozen: N,
}

/// Adds a term; unknown where one of both is.
pub(super) fn add<N: Number>(sum: &mut Option<N>, term: Option<&N>) {
    *sum = sum.as_ref().zip(term).map(|(sum, term)| sum.plus(term));
}

/// Which figures of a pool are evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    All,
    /// What constraints look at; the others are left out.
    Tested,
}

/// A pool as it is, or as it would be with something more, at one moment.
pub(super) struct Parts<'a, N> {
    pub(super) account: usize,
    pub(super) isolated: bool,
    pub(super) layers: Vec<Layer<N>>,
    pub(super) legs: Vec<Leg<N>>,
    /// Its open orders: those of isolated positions come last.
    pub(super) orders: Vec<Order<N>>,
    /// An order that is looked at as if it filled.
    pub(super) filling: Option<Order<N>>,
    /// Tables of classes beyond those of the book.
    pub(super) more: &'a [Arc<ClassTable>],
}

/// Evaluates a pool; everything that it holds must have a price.
pub(crate) fn evaluate<N: Number>(book: &Book, pool: usize, at: Moment<'_, N>, wanted: Wanted) -> PoolValue<N> {
    let holdings = book.holdings();
    let parts = Parts {
        // Looked for only where an order reserves for an isolated position; those come last.
        account: if reserves(holdings, pool) { holdings.account_of(pool) } else { 0 },
        isolated: holdings.kind(pool) == PoolKind::Isolated,
        layers: holdings.layers_of(pool).map(|layer| Layer::new(book, pool, layer)).collect(),
        legs: holdings.positions_of(pool).map(|at_| Leg::new(book, at_, at)).collect(),
        orders: holdings.orders_of(pool).map(|at_| Order::new(book, at_, at)).collect(),
        filling: None,
        more: &[],
    };
    parts.evaluate(book, at, wanted)
}

/// Whether some order of a pool belongs to an isolated position.
fn reserves(holdings: &Holdings, pool: usize) -> bool {
    holdings.orders_of(pool).last().is_some_and(|order| holdings.orders.isolated[order])
}

impl<N: Number> Parts<'_, N> {
    pub(super) fn evaluate(self, book: &Book, at: Moment<'_, N>, wanted: Wanted) -> PoolValue<N> {
        let Self { account, isolated, mut layers, legs, mut orders, filling, more } = self;
        let rules = book.market().rules();
        let joint = !isolated && rules.cross_pool() == CrossPool::PerAccount;
        let to_isolate = orders.split_off(orders.iter().take_while(|order| !order.isolated).count());
        let pool_of = Pool { book, isolated, legs: &legs, orders: &orders, more, filled: None };
        let fence = layers.first().map_or_else(N::zero, |layer| layer.wallet.clone());
        let whole = wanted == Wanted::All
            || rules.orders().frozen != Frozen::None
            || rules.constraints().iter().any(|constraint| constraint.required == Required::Initial);
        let margins = if whole { [Margin::Maintenance, Margin::Initial].as_slice() } else { &[Margin::Maintenance] };
        let mut open = charge_layers(&pool_of, &mut layers, &fence, margins);
        let of = Reserving { book, account, at, more };
        if whole && !to_isolate.is_empty() {
            open |= of.reserve(&to_isolate, &mut layers);
        }
        let (mut exposed, mut exposed_open) = exposed(&pool_of, &layers, joint);
        if let Some(order) = filling {
            open |= of.fill(&pool_of, order, margins, &mut layers);
            (exposed, exposed_open) = (true, false);
        }
        let kept = if isolated && wanted == Wanted::All { kept_for_fees(&pool_of, &fence) } else { Some(N::zero()) };
        let layers: Vec<Layer<N>> = layers.into_iter().map(|layer| if joint { layer.named() } else { layer }).collect();
        let kept = if wanted == Wanted::All { Kept::Back(kept) } else { Kept::Unasked };
        let mut value = total(book, &layers, (joint, &kept), at);
        if isolated {
            // What is fenced for a position backs no other.
            value.available = Some(N::zero().named(|| Name::term("available").rule("pools.isolated")));
        }
        value.exposed = exposed;
        value.open = open | exposed_open;
        value
    }
}

/// What an isolated pool keeps back for the fees of its position, beyond what its initial margin has of them; `None` where
/// the leverage that it depends on is unknown.
fn kept_for_fees<N: Number>(pool: &Pool<'_, N>, fence: &N) -> Option<N> {
    if pool.book.market().rules().fee_reserve() == FeeReserve::None {
        return Some(N::zero());
    }
    let leg = pool.legs.first()?;
    let reserved: N = fee_reserve(pool.book, leg.at)?;
    let fee = pool.closing_fee(Margin::Initial, leg, fence)?;
    let name = || Name::group("kept_for_fees").rule("isolated.fee_reserve");
    Some(reserved.minus(&fee).positive().named(name))
}

fn layer_of<'a, N>(book: &Book, layers: &'a mut [Layer<N>], instrument: usize) -> &'a mut Layer<N> {
    let settle = book.market().instruments()[instrument].settle();
    let at = layers.iter().position(|layer| layer.asset == settle).unwrap_or(0);
    &mut layers[at]
}

/// Adds profit, notional, charges and fees of positions and cross orders; says whether a tier was left open.
fn charge_layers<N: Number>(pool: &Pool<'_, N>, layers: &mut [Layer<N>], fence: &N, margins: &[Margin]) -> bool {
    let book = pool.book;
    let rules = book.market().rules();
    for leg in pool.legs {
        let instrument = &book.market().instruments()[leg.instrument];
        let layer = layer_of(book, layers, leg.instrument);
        layer.pnl = layer.pnl.plus(&leg.unrealized_pnl(instrument));
        if let Some(fee) = pool.closing_fee(Margin::Maintenance, leg, fence) {
            layer.maintenance = layer.maintenance.plus(&fee);
        }
        if margins.contains(&Margin::Initial) {
            layer.notional = layer.notional.plus(&leg.at_mark);
            add(&mut layer.initial, pool.closing_fee(Margin::Initial, leg, fence).as_ref());
        } else {
            layer.initial = None;
        }
    }
    if rules.orders().order_loss == OrderLoss::Equity {
        for order in pool.orders {
            let layer = layer_of(book, layers, order.instrument);
            layer.order_loss = layer.order_loss.plus(&order.loss(&book.market().instruments()[order.instrument]));
        }
    }
    let mut open = false;
    for &margin in margins {
        let (charges, left_open) = pool.charges(margin, false);
        open |= left_open;
        for charge in charges {
            let leg = pool.legs.get(charge.group.legs.start).filter(|_| !charge.group.legs.is_empty());
            let instrument =
                leg.map_or_else(|| pool.orders[charge.group.orders.start].instrument, |leg| leg.instrument);
            let layer = layer_of(book, layers, instrument);
            match (margin, &charge.amount) {
                (Margin::Maintenance, Some(amount)) => layer.maintenance = layer.maintenance.plus(amount),
                (Margin::Maintenance, None) => {}
                (Margin::Initial, amount) => {
                    add(&mut layer.initial, amount.as_ref());
                    layer.frozen = layer.frozen.plus(&pool.frozen(&charge.group, &mut open));
                }
            }
        }
    }
    open
}

/// Orders that a pool pays for whose positions are not in it.
struct Reserving<'a, N: Number> {
    book: &'a Book,
    account: usize,
    at: Moment<'a, N>,
    more: &'a [Arc<ClassTable>],
}

impl<N: Number> Reserving<'_, N> {
    /// The isolated position of an instrument and side, where there is one.
    fn isolated_leg(&self, instrument: usize, side: Side) -> Vec<Leg<N>> {
        let holdings = self.book.holdings();
        let isolated = holdings.pools_of(self.account).filter(|&of| holdings.kind(of) == PoolKind::Isolated);
        let mut positions = isolated.map(|of| holdings.positions_of(of).start);
        let own = positions.find(|&of| holdings.instrument(of) == instrument && holdings.side(of) == side);
        own.map(|of| Leg::new(self.book, of, self.at)).into_iter().collect()
    }

    /// Adds what orders of isolated positions reserve of the cross pool: what they and the position that they belong to would
    /// require together, beyond what the position requires alone. Says whether a tier was left open.
    fn reserve(&self, orders: &[Order<N>], layers: &mut [Layer<N>]) -> bool {
        let (book, rules) = (self.book, self.book.market().rules().orders());
        if rules.initial_margin == OrdersIn::None {
            return false;
        }
        let mut open = false;
        for order in orders.chunk_by(|a, b| (a.instrument, a.side) == (b.instrument, b.side)) {
            let instrument = order[0].instrument;
            let legs = self.isolated_leg(instrument, order[0].side);
            let pool = Pool { book, isolated: true, legs: &legs, orders: order, more: self.more, filled: None };
            let with = pool.sum_of_charges(Margin::Initial, &mut open);
            let without = Pool { orders: &[], ..pool }.sum_of_charges(Margin::Initial, &mut open);
            let name = || Name::group("reserved").rule("orders.initial_margin").of("instrument", instrument);
            let more = with.zip(without).map(|(with, without)| with.minus(&without).positive().named(name));
            let layer = layer_of(book, layers, instrument);
            if let (Some(more), true) = (&more, rules.frozen != Frozen::None) {
                layer.frozen = layer.frozen.plus(more);
            }
            add(&mut layer.initial, more.as_ref());
        }
        open
    }

    /// Adds what an order, once filled, and the positions that it belongs to would require, beyond what those require alone:
    /// what is not the pool's own is only to be opened with its money. Says whether a tier was left open.
    fn fill(&self, pool: &Pool<'_, N>, order: Order<N>, margins: &[Margin], layers: &mut [Layer<N>]) -> bool {
        let (instrument, isolated) = (order.instrument, order.isolated);
        let own = if isolated { self.isolated_leg(instrument, order.side) } else { Vec::new() };
        let legs = if isolated { own.as_slice() } else { pool.legs };
        let orders = [order];
        let mut open = false;
        for &margin in margins.iter().filter(|&&margin| margin == Margin::Initial || !isolated) {
            let pool = Pool { isolated, legs, orders: &[], ..*pool };
            let price = match pool.charging(margin).price {
                PriceBasis::Mark => OrderPrice::Mark,
                PriceBasis::Entry => OrderPrice::Limit,
            };
            let with = Pool { orders: &orders, filled: Some(price), ..pool }.sum_of_charges(margin, &mut open);
            let without = pool.sum_of_charges(margin, &mut open);
            let more = with.zip(without).map(|(with, without)| with.minus(&without));
            let layer = layer_of(self.book, layers, instrument);
            match (margin, &more) {
                (Margin::Maintenance, Some(more)) => layer.maintenance = layer.maintenance.plus(more),
                // A maintenance margin needs no leverage but that of a closing fee: nothing is known to fail.
                (Margin::Maintenance, None) => {}
                (Margin::Initial, more) => add(&mut layer.initial, more.as_ref()),
            }
        }
        open
    }
}

/// Whether there is anything to liquidate a pool for, and whether rounding leaves that open.
fn exposed<N: Number>(pool: &Pool<'_, N>, layers: &[Layer<N>], joint: bool) -> (bool, bool) {
    let orders = pool.book.market().rules().orders();
    let of_initial = pool.book.market().rules().maintenance(pool.isolated).source == MarginSource::ShareOfInitial;
    let orders_count = orders.maintenance_margin != OrdersIn::None
        || orders.order_loss == OrderLoss::Equity
        || (of_initial && orders.initial_margin != OrdersIn::None);
    if !pool.legs.is_empty() || (orders_count && !pool.orders.is_empty()) {
        return (true, false);
    }
    if !joint {
        return (false, false);
    }
    let debts = layers.iter().map(Layer::cash);
    debts.fold((false, false), |(owes, open), cash| match cash.sign() {
        Some(sign) => (owes || sign == Ordering::Less, open),
        None => (owes, true),
    })
}

/// The equity of a pool at full value, in its asset, or of several assets in that of the rules' valuation.
pub(super) fn equity<N: Number>(book: &Book, pool: usize, at: Moment<'_, N>) -> N {
    let holdings = book.holdings();
    let mut layers: Vec<Layer<N>> = holdings.layers_of(pool).map(|layer| Layer::new(book, pool, layer)).collect();
    for position in holdings.positions_of(pool) {
        let leg: Leg<N> = Leg::new(book, position, at);
        let layer = layer_of(book, &mut layers, leg.instrument);
        layer.pnl = layer.pnl.plus(&leg.unrealized_pnl(&book.market().instruments()[leg.instrument]));
    }
    let joint = book.is_joint(pool);
    layers.iter().fold(N::zero(), |sum, layer| {
        let equity = layer.cash().plus(&layer.pnl);
        let price = at.index(layer.asset).filter(|_| joint);
        sum.plus(&price.map_or_else(|| equity.clone(), |price| price.times(&equity)))
    })
}

/// The cash of a layer: its wallet less fences and debts, and its credit.
pub(super) fn layer_cash<N: Number>(book: &Book, pool: usize, layer: usize) -> N {
    let layer: Layer<N> = Layer::new(book, pool, layer);
    layer.cash()
}

impl<N: Number> Layer<N> {
    /// What is there without profit and loss: own money and bonus.
    pub(super) fn cash(&self) -> N {
        self.own.plus(&self.bonus).named(|| Name::group("cash").of("asset", self.asset))
    }

    /// The amounts under their names, as those of one asset of several.
    fn named(self) -> Self {
        let asset = self.asset;
        let name = |amount: N, word| amount.named(|| Name::group(word).of("asset", asset));
        Self {
            pnl: name(self.pnl, "unrealized_pnl"),
            notional: name(self.notional, "notional"),
            maintenance: name(self.maintenance, "maintenance_margin"),
            initial: self.initial.map(|initial| name(initial, "initial_margin")),
            order_loss: name(self.order_loss, "order_loss"),
            frozen: name(self.frozen, "frozen"),
            ..self
        }
    }

    pub(super) fn new(book: &Book, pool: usize, layer: usize) -> Self {
        let holdings = book.holdings();
        let asset = holdings.layer_asset(layer);
        let wallet = if holdings.kind(pool) == PoolKind::Isolated {
            fence(book, pool)
        } else if !book.has_isolated() {
            N::of(holdings.layer_wallet(layer)).named(|| Name::term("wallet_balance").of("asset", asset))
        } else {
            let whole = N::of(holdings.layer_wallet(layer));
            let account = holdings.pools_of(holdings.account_of(pool));
            account
                .filter(|&other| holdings.kind(other) == PoolKind::Isolated && holdings.asset(other) == asset)
                .fold(whole.named(|| Name::operand("wallet_balance")), |cash, other| cash.minus(&fence(book, other)))
                .named(|| Name::term("wallet_balance").of("asset", asset))
        };
        let given = |amount: f64, word| N::of(amount).named(|| Name::term(word).of("asset", asset).optional());
        let borrowed = given(holdings.borrowed(layer), "borrowed");
        let own = wallet.minus(&borrowed).named(|| Name::group("own_cash").of("asset", asset));
        Self { own, bonus: given(holdings.bonus(layer), "bonus"), ..Self::of_wallet(asset, wallet) }
    }

    /// A layer that holds nothing but a wallet.
    pub(super) fn of_wallet(asset: usize, wallet: N) -> Self {
        Self {
            asset,
            own: wallet.clone(),
            wallet,
            bonus: N::zero(),
            pnl: N::zero(),
            notional: N::zero(),
            maintenance: N::zero(),
            initial: Some(N::zero()),
            order_loss: N::zero(),
            frozen: N::zero(),
        }
    }
}

/// What is fenced for an isolated pool: as given, or its initial margin at entry with what is reserved for fees.
pub(crate) fn fence<N: Number>(book: &Book, pool: usize) -> N {
    let holdings = book.holdings();
    let given = holdings.pool_wallet[pool];
    let position = holdings.positions_of(pool).start;
    let name = || Name::term("isolated_margin").rule("isolated").of("position", position);
    if !given.is_nan() {
        return N::of(given).named(name);
    }
    fence_at_entry::<N>(book, position).named(name)
}

/// What is fenced for a position whose leverage is known when it is opened isolated.
pub(crate) fn fence_at_entry<N: Number>(book: &Book, position: usize) -> N {
    let notional: N = entry_notional(book, position);
    let leverage = N::of(book.holdings().leverage(position)).named(|| Name::operand("leverage"));
    let reserve = fee_reserve(book, position).unwrap_or_else(N::zero);
    notional.over(&leverage).plus(&reserve)
}

fn entry_notional<N: Number>(book: &Book, position: usize) -> N {
    let holdings = book.holdings();
    let instrument = &book.market().instruments()[holdings.instrument(position)];
    let size = coordinate_size(instrument, holdings.quantity_unit);
    let (quantity, size): (N, N) = quantity_and_size(holdings.quantity(position), size);
    let entry = N::of(holdings.entry_price(position)).named(|| Name::operand("entry_price"));
    let value = quantity.times(&contract_value(instrument, &size, &entry));
    value.named(|| Name::term("entry_notional").rule("instrument").of("position", position))
}

/// What is reserved for fees beside the initial margin of an isolated position at entry; `None` where the leverage that it
/// depends on is unknown.
fn fee_reserve<N: Number>(book: &Book, position: usize) -> Option<N> {
    let holdings = book.holdings();
    let table = book.class_table(holdings.class[position]);
    let leverage = holdings.leverage(position);
    let reserved = match book.market().rules().fee_reserve() {
        FeeReserve::None => N::zero(),
        FeeReserve::OpeningNotional => table.taker_rate::<N>().times(&entry_notional(book, position)),
        FeeReserve::ClosingAtBankruptcy if leverage.is_nan() => return None,
        FeeReserve::ClosingAtBankruptcy => {
            let inverse = book.market().instruments()[holdings.instrument(position)].payoff() == Payoff::Inverse;
            let shrinks = (holdings.quantity(position) > 0.0) != inverse;
            table.closing_rate::<N>().times(&at_bankruptcy(&entry_notional(book, position), leverage, shrinks))
        }
    };
    Some(reserved.named(|| Name::group("fee_reserve").rule("isolated.fee_reserve").of("position", position)))
}
