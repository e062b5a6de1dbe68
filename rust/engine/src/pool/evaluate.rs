//! A pool's value at given prices, from the original columns, by the rules as they are written.
//!
//! Generic over the arithmetic: without rounding it decides what doubles cannot, in doubles with a running bound it
//! evaluates pools whose rules have no lanes.

use std::cmp::Ordering;

use crate::book::{PoolKind, coordinate_size};
use crate::exact::Number;
use crate::market::{CrossPool, FeeReserve, MarginSource, OrderLoss, OrdersIn, Payoff};

use super::Book;
use super::charge::{Margin, Pool, at_bankruptcy};
use super::legs::{Leg, Order, contract_value};
use super::total::total;

/// Prices of one moment: a mark (or last price) by instrument, an index price by asset.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment<'a> {
    pub(crate) mark: &'a [f64],
    pub(crate) index: &'a [f64],
}

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
    pub(crate) withdrawable: Option<N>,
    /// Whether there is anything to liquidate for: a position, a debt, an order that counts.
    pub(crate) exposed: bool,
    /// Whether rounding left open what the figures depend on.
    pub(crate) open: bool,
}

impl<N: Number> PoolValue<N> {
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
}

/// Adds a term; unknown where one of both is.
pub(super) fn add<N: Number>(sum: &mut Option<N>, term: Option<&N>) {
    *sum = sum.as_ref().zip(term).map(|(sum, term)| sum.plus(term));
}

/// Evaluates a pool; everything that it holds must have a price.
pub(crate) fn evaluate<N: Number>(book: &Book, pool: usize, at: Moment<'_>) -> PoolValue<N> {
    let holdings = book.holdings();
    let isolated = holdings.kind(pool) == PoolKind::Isolated;
    let joint = !isolated && book.market().rules().cross_pool() == CrossPool::PerAccount;
    let mut layers: Vec<Layer<N>> = holdings.layers_of(pool).map(|layer| Layer::new(book, pool, layer)).collect();
    let legs: Vec<Leg<N>> = holdings.positions_of(pool).map(|at_| Leg::new(book, at_, at.mark)).collect();
    let mut orders: Vec<Order<N>> = holdings.orders_of(pool).map(|at_| Order::new(book, at_, at.mark)).collect();
    // Orders of isolated positions come last.
    let to_isolate = orders.split_off(orders.iter().take_while(|order| !order.isolated).count());
    let pool_of = Pool { book, isolated, legs: &legs, orders: &orders };
    let fence = layers.first().map_or_else(N::zero, |layer| layer.wallet.clone());
    let open = charge_layers(&pool_of, &mut layers, &fence);
    reserve(&pool_of, &to_isolate, &mut layers);
    let (exposed, exposed_open) = exposed(&pool_of, &layers, joint);
    let mut value = total(book, &layers, joint, at);
    value.exposed = exposed;
    value.open = open | exposed_open;
    value
}

fn layer_of<'a, N>(book: &Book, layers: &'a mut [Layer<N>], instrument: usize) -> &'a mut Layer<N> {
    let settle = book.market().instruments()[instrument].settle();
    let at = layers.iter().position(|layer| layer.asset == settle).unwrap_or(0);
    &mut layers[at]
}

/// Adds profit, notional, charges and fees of positions and cross orders; says whether a tier was left open.
fn charge_layers<N: Number>(pool: &Pool<'_, N>, layers: &mut [Layer<N>], fence: &N) -> bool {
    let book = pool.book;
    let rules = book.market().rules();
    for leg in pool.legs {
        let instrument = &book.market().instruments()[leg.instrument];
        let layer = layer_of(book, layers, leg.instrument);
        layer.pnl = layer.pnl.plus(&leg.unrealized_pnl(instrument));
        layer.notional = layer.notional.plus(&leg.at_mark);
        if let Some(fee) = pool.closing_fee(Margin::Maintenance, leg, fence) {
            layer.maintenance = layer.maintenance.plus(&fee);
        }
        add(&mut layer.initial, pool.closing_fee(Margin::Initial, leg, fence).as_ref());
    }
    for order in pool.orders {
        let instrument = &book.market().instruments()[order.instrument];
        let layer = layer_of(book, layers, order.instrument);
        if let Some(fees) = pool.order_fees(Margin::Maintenance, order) {
            layer.maintenance = layer.maintenance.plus(&fees);
        }
        add(&mut layer.initial, pool.order_fees(Margin::Initial, order).as_ref());
        if rules.orders().order_loss == OrderLoss::Equity {
            layer.order_loss = layer.order_loss.plus(&order.loss(instrument));
        }
    }
    let mut open = false;
    for margin in [Margin::Maintenance, Margin::Initial] {
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
                (Margin::Initial, amount) => add(&mut layer.initial, amount.as_ref()),
            }
        }
    }
    open
}

/// Adds what orders of isolated positions reserve of the cross pool.
fn reserve<N: Number>(pool: &Pool<'_, N>, orders: &[Order<N>], layers: &mut [Layer<N>]) {
    let rules = pool.book.market().rules().orders();
    if rules.initial_margin == OrdersIn::None {
        return;
    }
    for order in orders {
        let margin = (!order.leverage.is_nan()).then(|| order.value(rules.price).0.over(&N::of(order.leverage)));
        let layer = layer_of(pool.book, layers, order.instrument);
        add(&mut layer.initial, margin.as_ref());
        let alone = Pool { isolated: true, ..*pool };
        add(&mut layer.initial, alone.order_fees(Margin::Initial, order).as_ref());
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

/// The cash of a layer: its wallet less fences and debts, and its credit.
pub(super) fn layer_cash<N: Number>(book: &Book, pool: usize, layer: usize) -> N {
    let layer: Layer<N> = Layer::new(book, pool, layer);
    layer.cash()
}

impl<N: Number> Layer<N> {
    /// What is there without profit and loss: own money and bonus.
    pub(super) fn cash(&self) -> N {
        self.own.plus(&self.bonus)
    }

    fn new(book: &Book, pool: usize, layer: usize) -> Self {
        let holdings = book.holdings();
        let asset = holdings.layer_asset(layer);
        let wallet = if holdings.kind(pool) == PoolKind::Isolated {
            fence(book, pool)
        } else if !book.has_isolated() {
            N::of(holdings.layer_wallet(layer))
        } else {
            let account = holdings.pools_of(holdings.account_of(pool));
            account
                .filter(|&other| holdings.kind(other) == PoolKind::Isolated && holdings.asset(other) == asset)
                .fold(N::of(holdings.layer_wallet(layer)), |cash, other| cash.minus(&fence(book, other)))
        };
        Self {
            asset,
            own: wallet.minus(&N::of(holdings.borrowed(layer))),
            wallet,
            bonus: N::of(holdings.bonus(layer)),
            pnl: N::zero(),
            notional: N::zero(),
            maintenance: N::zero(),
            initial: Some(N::zero()),
            order_loss: N::zero(),
        }
    }
}

/// What is fenced for an isolated pool: as given, or its initial margin at entry with what is reserved for fees.
pub(super) fn fence<N: Number>(book: &Book, pool: usize) -> N {
    let holdings = book.holdings();
    let given = holdings.pool_wallet[pool];
    if !given.is_nan() {
        return N::of(given);
    }
    let position = holdings.positions_of(pool).start;
    let instrument = &book.market().instruments()[holdings.instrument(position)];
    let size = N::of(coordinate_size(instrument, holdings.quantity_unit));
    let value = contract_value(instrument, &size, &N::of(holdings.entry_price(position)));
    let notional = N::of(holdings.quantity(position).abs()).times(&value);
    let leverage = holdings.leverage(position);
    let margin = notional.over(&N::of(leverage));
    let taker = || N::of(book.class_table(holdings.class[position]).taker);
    match book.market().rules().fee_reserve() {
        FeeReserve::None => margin,
        FeeReserve::OpeningNotional => margin.plus(&taker().times(&notional)),
        FeeReserve::ClosingAtBankruptcy => {
            let shrinks = (holdings.quantity(position) > 0.0) != (instrument.payoff() == Payoff::Inverse);
            margin.plus(&taker().times(&at_bankruptcy(&notional, leverage, shrinks)))
        }
    }
}
