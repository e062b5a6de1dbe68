//! What a pool is to lanes of several assets: constants, plain positions, and groups with their forms.

use crate::book::{PoolKind, Side};
use crate::exact::{Bounded, Exact, Number};
use crate::market::{
    ClosingFee, Frozen, Legs, MarginSource, OrderLoss, OrderPrice, OrdersIn, Payoff, PriceBasis, RequirementRule,
    TierChoice, TierLegs,
};

use super::Book;
use super::buckets::MOST_ORDERS;
use super::charge::{Margin, Pool};
use super::evaluate::layer_cash;
use super::forms::{Affine, AffineSides, Form};
use super::lane_classes::{LaneClasses, SlotRow, is_in_notional};
use super::legs::{Group, Leg, Order, groups};
use super::moment::Moment;

/// A position: its row, and its signed quantity.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slot {
    pub(super) row: SlotRow,
    pub(super) quantity: f64,
}

/// A group: `|q x + m| + k x + h` is charged, with `x` the value of a contract.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub(super) row: u32,
    /// `q, m, k, h`.
    pub(super) form: [f64; 4],
}

/// One asset of a pool.
#[derive(Debug, Clone)]
pub(super) struct LayerProgram {
    /// `None`: the pool's own asset, counted in full.
    pub(super) asset: Option<usize>,
    /// Cash less the value of positions at entry.
    pub(super) constant: f64,
    /// What is required whatever the prices.
    pub(super) fixed: f64,
    /// A bound of the error of both, and of the constants of the forms, as one of the excess in the asset.
    pub(super) error: f64,
    pub(super) slots: Vec<Slot>,
    pub(super) entries: Vec<Entry>,
}

impl LayerProgram {
    /// Positions charged by slices.
    pub(super) fn n_sliced(&self) -> usize {
        self.slots.iter().filter(|slot| matches!(slot.row, SlotRow::Sliced(_))).count()
    }

    /// Positions whose rate jumps.
    pub(super) fn n_jumping(&self) -> usize {
        self.slots.len() - self.n_sliced()
    }
}

/// A pool, or why it has no lanes.
#[derive(Debug, Clone)]
pub(super) struct Program {
    pub(super) layers: Vec<LayerProgram>,
    /// Whether the pool must be evaluated by itself.
    pub(super) slow: bool,
    /// Whether there is anything to liquidate it for.
    pub(super) exposed: bool,
    /// Positions and orders.
    pub(super) n_terms: usize,
}

/// Something that lanes do not compute.
struct NoLanes;

/// Constants of a layer while they are added up.
struct Sums {
    asset: usize,
    constant: Bounded,
    fixed: Bounded,
    /// Error of the constants of forms.
    of_forms: f64,
    slots: Vec<Slot>,
    entries: Vec<Entry>,
}

impl Program {
    pub(super) fn new(book: &Book, classes: &mut LaneClasses, pool: usize) -> Self {
        let holdings = book.holdings();
        let joint = book.is_joint(pool);
        let n_terms = holdings.positions_of(pool).len() + holdings.orders_of(pool).len();
        let level = book.market().rules().trigger_level();
        let mut sums: Vec<Sums> = holdings
            .layers_of(pool)
            .map(|layer| Sums {
                asset: holdings.layer_asset(layer),
                constant: layer_cash(book, pool, layer),
                fixed: Bounded::zero(),
                of_forms: 0.0,
                slots: Vec::new(),
                entries: Vec::new(),
            })
            .collect();
        let exposed = exposed(book, pool, joint, &sums);
        let slow = fill(book, classes, pool, &mut sums).is_err();
        let layers = sums.into_iter().map(|sum| LayerProgram {
            asset: joint.then_some(sum.asset),
            constant: if slow { 0.0 } else { sum.constant.to_f64() },
            fixed: if slow { 0.0 } else { sum.fixed.to_f64() },
            // Twice for the roundings of what it is added to.
            error: sum.constant.error() + 2.0 * level * (2.0 * sum.fixed.error() + sum.of_forms),
            slots: if slow { Vec::new() } else { sum.slots },
            entries: if slow { Vec::new() } else { sum.entries },
        });
        Self { layers: layers.collect(), slow, exposed, n_terms }
    }
}

fn exposed(book: &Book, pool: usize, joint: bool, sums: &[Sums]) -> bool {
    let holdings = book.holdings();
    let orders = book.market().rules().orders();
    let orders_count = orders.maintenance_margin != OrdersIn::None || orders.order_loss == OrderLoss::Equity;
    let has_orders = || holdings.orders_of(pool).any(|order| !holdings.orders.isolated[order]);
    if !holdings.positions_of(pool).is_empty() || (orders_count && has_orders()) {
        return true;
    }
    let owes = |(layer, sum): (usize, &Sums)| {
        let sign = sum.constant.sign().or_else(|| Number::sign(&layer_cash::<Exact>(book, pool, layer)));
        sign == Some(std::cmp::Ordering::Less)
    };
    joint && holdings.layers_of(pool).zip(sums).any(owes)
}

fn layer_of<'a>(book: &Book, sums: &'a mut [Sums], instrument: usize) -> &'a mut Sums {
    let settle = book.market().instruments()[instrument].settle();
    let at = sums.iter().position(|sum| sum.asset == settle).unwrap_or(0);
    &mut sums[at]
}

/// Adds what a pool holds to its layers.
fn fill(book: &Book, classes: &mut LaneClasses, pool: usize, sums: &mut [Sums]) -> Result<(), NoLanes> {
    let holdings = book.holdings();
    let isolated = holdings.kind(pool) == PoolKind::Isolated;
    let rules = book.market().rules();
    let rule = rules.maintenance(isolated);
    let orders = holdings.orders_of(pool);
    let plain = orders.is_empty()
        && rule.price == PriceBasis::Mark
        && rule.legs == Legs::Each
        && is_on_own_amount(rule)
        && matches!(rule.closing_fee, ClosingFee::None | ClosingFee::Mark);
    if plain {
        for position in holdings.positions_of(pool) {
            let class = holdings.class[position];
            fits(book, class)?;
            let sum = layer_of(book, sums, holdings.instrument(position));
            let quantity = holdings.quantity(position);
            sum.constant = sum.constant.minus(&book.cost(position));
            sum.slots.push(Slot { row: classes.position(book, class, quantity)?, quantity });
        }
        return Ok(());
    }
    fill_groups(book, classes, pool, sums)
}

/// Whether what picks the tier of a group is what it is charged on, but for orders.
fn is_on_own_amount(rule: &RequirementRule) -> bool {
    rule.tier_legs == TierLegs::Same && rule.tier_price == rule.price && rule.source == MarginSource::Usual
}

/// Refuses classes whose tier is fixed.
fn fits(book: &Book, class: u16) -> Result<(), NoLanes> {
    let by_basis = book.market().rules().margin_class().tier == TierChoice::ByBasis;
    if by_basis || book.class_table(class).tier == 0 { Ok(()) } else { Err(NoLanes) }
}

/// As [`fill`], for pools with orders, and rules that charge legs together or at entry.
fn fill_groups(book: &Book, classes: &mut LaneClasses, pool: usize, sums: &mut [Sums]) -> Result<(), NoLanes> {
    let (holdings, rules) = (book.holdings(), book.market().rules());
    let isolated = holdings.kind(pool) == PoolKind::Isolated;
    let rule = *rules.maintenance(isolated);
    // No mark is known yet; what depends on one is not read.
    let moment = Moment::still(book.any_marks(), &[]);
    let legs: Vec<Leg<Bounded>> = holdings.positions_of(pool).map(|at| Leg::new(book, at, moment)).collect();
    let cross = holdings.orders_of(pool).filter(|&order| !holdings.orders.isolated[order]);
    let orders: Vec<Order<Bounded>> = cross.map(|at| Order::new(book, at, moment)).collect();
    let parts = Pool { book, isolated, legs: &legs, orders: &orders, more: &[], filled: None };
    let mode = rules.orders().maintenance_margin;
    let freezes = rules.orders().frozen != Frozen::None && !holdings.orders_of(pool).is_empty();
    if freezes || (rules.orders().order_loss == OrderLoss::Equity && !orders.is_empty()) {
        return Err(NoLanes);
    }
    let at_limit = rules.orders().price == OrderPrice::Limit && orders.iter().all(|order| order.limit.is_some());
    let fence = if isolated { sums[0].constant } else { Bounded::zero() };
    for (leg, position) in legs.iter().zip(holdings.positions_of(pool)) {
        let sum = layer_of(book, sums, leg.instrument);
        sum.constant = sum.constant.minus(&book.cost(position));
        match rule.closing_fee {
            ClosingFee::None | ClosingFee::Mark => {}
            ClosingFee::BankruptcyAtMark => return Err(NoLanes),
            _ => {
                let fee = parts.closing_fee(Margin::Maintenance, leg, &fence).ok_or(NoLanes)?;
                sum.fixed = sum.fixed.plus(&fee);
            }
        }
    }
    if rule.price == PriceBasis::Entry {
        let counts = mode != OrdersIn::None || rules.orders().tier_basis != OrdersIn::None;
        return at_entry(&parts, classes, &rule, (at_limit || orders.is_empty() || !counts, pool), sums);
    }
    fixed_fees(&parts, &rule, at_limit, sums)?;
    let settle = |instrument: usize| book.market().instruments()[instrument].settle();
    let mut first = holdings.positions_of(pool).start;
    for group in groups(&legs, &orders, settle, rule.legs == Legs::Each) {
        let positions = first..first + group.legs.len();
        first = positions.end;
        add_group(&parts, classes, &rule, (group, positions), sums)?;
    }
    Ok(())
}

/// Adds the fees of orders where they are the same whatever fills.
fn fixed_fees(
    parts: &Pool<'_, Bounded>,
    rule: &RequirementRule,
    at_limit: bool,
    sums: &mut [Sums],
) -> Result<(), NoLanes> {
    let rules = parts.book.market().rules().orders();
    let mode = rules.maintenance_margin;
    if mode == OrdersIn::None || !rules.closing_fee || rule.closing_fee == ClosingFee::None {
        return Ok(());
    }
    for order in parts.orders {
        let of_all = match mode {
            OrdersIn::WorstFill => order.side != Side::Net && matches!(rule.legs, Legs::Each | Legs::LongPlusShort),
            mode => mode == OrdersIn::Sum,
        };
        if !at_limit || !of_all || rule.closing_fee == ClosingFee::BankruptcyAtMark {
            return Err(NoLanes);
        }
        let fees = parts.order_fees(Margin::Maintenance, order).ok_or(NoLanes)?;
        let sum = layer_of(parts.book, sums, order.instrument);
        sum.fixed = sum.fixed.plus(&fees);
    }
    Ok(())
}

/// Everything that is required is required at entry: a constant.
fn at_entry(
    parts: &Pool<'_, Bounded>,
    classes: &mut LaneClasses,
    rule: &RequirementRule,
    (constant_orders, pool): (bool, usize),
    sums: &mut [Sums],
) -> Result<(), NoLanes> {
    let book = parts.book;
    let holdings = book.holdings();
    if rule.tier_price != PriceBasis::Entry || !constant_orders || rule.source != MarginSource::Usual {
        return Err(NoLanes);
    }
    let (charges, open) = parts.charges(Margin::Maintenance, false);
    if open {
        return Err(NoLanes);
    }
    for charge in charges {
        if charge.group.legs.is_empty() && !charge.group.orders.is_empty() {
            // What its deductions are worth depends on the mark.
            return Err(NoLanes);
        }
        let instrument = match parts.legs.get(charge.group.legs.clone()) {
            Some([leg, ..]) => leg.instrument,
            _ => parts.orders[charge.group.orders.start].instrument,
        };
        let sum = layer_of(book, sums, instrument);
        sum.fixed = sum.fixed.plus(&charge.amount.ok_or(NoLanes)?);
    }
    for (leg, position) in parts.legs.iter().zip(holdings.positions_of(pool)) {
        let row = classes.value_only(book, leg.class)?;
        layer_of(book, sums, leg.instrument).slots.push(Slot { row, quantity: holdings.quantity(position) });
    }
    Ok(())
}

fn add_group(
    parts: &Pool<'_, Bounded>,
    classes: &mut LaneClasses,
    rule: &RequirementRule,
    (group, positions): (Group, std::ops::Range<usize>),
    sums: &mut [Sums],
) -> Result<(), NoLanes> {
    let book = parts.book;
    let holdings = book.holdings();
    let of_orders = book.market().rules().orders();
    let mode = of_orders.maintenance_margin;
    let (legs, orders) = (&parts.legs[group.legs.clone()], &parts.orders[group.orders]);
    let counted = !orders.is_empty() && mode != OrdersIn::None;
    // A single leg without orders is the same amount however orders enter.
    let basis_differs = (legs.len() > 1 || !orders.is_empty()) && of_orders.tier_basis != mode;
    if !is_on_own_amount(rule) || basis_differs || orders.len() > MOST_ORDERS || closes(legs, orders, mode) {
        return Err(NoLanes);
    }
    for leg in legs {
        fits(book, leg.class)?;
    }
    let (class, instrument) = match (legs, orders) {
        ([leg, ..], _) => (leg.class, leg.instrument),
        (_, [order, ..]) => (holdings.orders.class[order.at], order.instrument),
        _ => return Ok(()),
    };
    let sum = layer_of(book, sums, instrument);
    if let ([_], false) = (legs, counted) {
        let quantity = holdings.quantity(positions.start);
        sum.slots.push(Slot { row: classes.position(book, class, quantity)?, quantity });
        return Ok(());
    }
    for (leg, position) in legs.iter().zip(positions) {
        let row = classes.value_only(book, leg.class)?;
        sum.slots.push(Slot { row, quantity: holdings.quantity(position) });
    }
    if legs.is_empty() && !counted {
        return Ok(());
    }
    // Legs may cancel: what is left of them must be near relatively, for it decides tiers.
    let form = if legs.len() > 1 {
        let exact = sides::<Exact>(book, legs, orders, of_orders.price)?.form(rule.legs, mode);
        let near = |affine: &Affine<Exact>| {
            let derived = |x: &Exact| Bounded::derived(x, x.to_f64(), 0.0);
            Affine { slope: derived(&affine.slope), constant: derived(&affine.constant) }
        };
        Form { inner: near(&exact.inner), outer: near(&exact.outer) }
    } else {
        sides::<Bounded>(book, legs, orders, of_orders.price)?.form(rule.legs, mode)
    };
    if legs.is_empty() && form.inner.slope.to_f64() == 0.0 && form.outer.slope.to_f64() == 0.0 {
        // Orders at their limits: whatever the price, they require the same.
        let (inner, outer) = (&form.inner.constant, &form.outer.constant);
        let (charge, open) = book.class_table(class).charge(&inner.abs().plus(outer));
        if open || !is_in_notional(book, class) {
            return Err(NoLanes);
        }
        sum.fixed = sum.fixed.plus(&charge);
        return Ok(());
    }
    sum.of_forms += form.inner.constant.error() + form.outer.constant.error();
    let row = classes.form(book, class)?;
    let Form { inner, outer } = form;
    let form = [&inner.slope, &inner.constant, &outer.slope, &outer.constant].map(Number::to_f64);
    sum.entries.push(Entry { row, form });
    Ok(())
}

/// Whether some order closes in a way that enters the amount: only what it opens beyond counts.
fn closes(legs: &[Leg<Bounded>], orders: &[Order<Bounded>], mode: OrdersIn) -> bool {
    let against = |leg: &Leg<Bounded>| leg.side == Side::Net && orders.iter().any(|order| order.buy != leg.long);
    matches!(mode, OrdersIn::Sum | OrdersIn::LargerSide) && legs.iter().any(against)
}

/// The sides of a group as functions of the value of a contract.
fn sides<N: Number>(
    book: &Book,
    legs: &[Leg<Bounded>],
    orders: &[Order<Bounded>],
    price: OrderPrice,
) -> Result<AffineSides<N>, NoLanes> {
    let side = legs.first().map(|leg| leg.side).or(orders.first().map(|order| order.side));
    let mut sides = AffineSides::<N>::none(side.is_some_and(|side| side != Side::Net));
    for leg in legs {
        let side = if leg.long { &mut sides.long } else { &mut sides.short };
        side.slope = side.slope.plus(&N::of(leg.quantity.to_f64()));
    }
    for order in orders {
        let quantity = N::of(order.quantity.to_f64());
        let amount = match (price, &order.limit) {
            (OrderPrice::Limit, Some(limit)) => {
                let instrument = &book.market().instruments()[order.instrument];
                let (size, limit) = (N::of(order.size.to_f64()), N::of(limit.to_f64()));
                let value = super::legs::contract_value(instrument, &size, &limit);
                Affine { slope: N::zero(), constant: quantity.times(&value) }
            }
            // At the larger of two prices, neither of which is known to be.
            (OrderPrice::Worse, Some(_)) => return Err(NoLanes),
            _ => Affine { slope: quantity, constant: N::zero() },
        };
        let side = if order.buy { &mut sides.buys } else { &mut sides.sells };
        *side = side.plus(&amount);
    }
    Ok(sides)
}

impl Book {
    /// The value of a position at entry, signed like its profit: `quantity * x(entry)`.
    pub(super) fn cost(&self, position: usize) -> Bounded {
        let holdings = self.holdings();
        let instrument = &self.market().instruments()[holdings.instrument(position)];
        let size = Bounded::of(crate::book::coordinate_size(instrument, holdings.quantity_unit));
        let value = super::legs::contract_value(instrument, &size, &Bounded::of(holdings.entry_price(position)));
        let cost = Bounded::of(holdings.quantity(position)).times(&value);
        if instrument.payoff() == Payoff::Inverse { Bounded::zero().minus(&cost) } else { cost }
    }
}

impl From<super::lane_classes::NoRows> for NoLanes {
    fn from(_: super::lane_classes::NoRows) -> Self {
        Self
    }
}
