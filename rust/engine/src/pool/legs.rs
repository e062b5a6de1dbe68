//! Positions and orders of a pool as rules see them, and the groups that are charged together.

use std::cmp::Ordering;
use std::ops::Range;

use crate::book::{Holdings, Side, coordinate_size};
use crate::exact::{Name, Number};
use crate::market::{BoundUnit, Instrument, Legs, OrderPrice, OrdersIn, Payoff, PriceBasis};

use super::Book;
use super::moment::Moment;
use super::overlay::OrderRow;

/// What a contract is worth at a price, in its settlement asset: the magnitude of its coordinate.
pub(super) fn contract_value<N: Number>(instrument: &Instrument, size: &N, price: &N) -> N {
    match instrument.payoff() {
        Payoff::Linear => size.times(price),
        Payoff::Inverse => size.over(price),
        Payoff::Quanto { multiplier } => size.times(&multiplier_of(multiplier)).times(price),
    }
}

/// The settlement asset per unit of quote of a quanto.
pub(super) fn multiplier_of<N: Number>(multiplier: f64) -> N {
    N::of(multiplier).named(|| Name::operand("multiplier").rule("instrument"))
}

/// Contracts without sign, and their size.
pub(super) fn quantity_and_size<N: Number>(quantity: f64, size: f64) -> (N, N) {
    let quantity = N::of(quantity.abs()).named(|| Name::operand("quantity"));
    (quantity, N::of(size).named(|| Name::operand("contract_size").rule("instrument").optional()))
}

/// One position at one moment.
#[derive(Debug, Clone)]
pub(super) struct Leg<N> {
    /// Its place among the positions.
    pub(super) at: usize,
    pub(super) class: u16,
    pub(super) instrument: usize,
    pub(super) side: Side,
    pub(super) long: bool,
    /// Contracts, without sign.
    pub(super) quantity: N,
    pub(super) size: N,
    pub(super) mark: N,
    pub(super) entry: N,
    /// Notional at mark and at entry, in the settlement asset.
    pub(super) at_mark: N,
    pub(super) at_entry: N,
    /// NaN where unknown.
    pub(super) leverage: f64,
}

impl<N: Number> Leg<N> {
    pub(super) fn new(book: &Book, position: usize, moment: Moment<'_, N>) -> Self {
        let holdings = book.holdings();
        let at = holdings.instrument(position);
        let instrument = &book.market().instruments()[at];
        let size = coordinate_size(instrument, holdings.quantity_unit);
        let (quantity, size): (N, N) = quantity_and_size(holdings.quantity(position), size);
        let mark = moment.mark(at).named(|| Name::operand("mark_price").of("instrument", at));
        let entry = N::of(holdings.entry_price(position)).named(|| Name::operand("entry_price"));
        let notional = |price: &N, word| {
            let value = quantity.times(&contract_value(instrument, &size, price));
            value.named(|| Name::term(word).rule("instrument").of("position", position))
        };
        Self {
            at: position,
            class: holdings.class[position],
            instrument: at,
            side: holdings.side(position),
            long: holdings.quantity(position) > 0.0,
            at_mark: notional(&mark, "notional"),
            at_entry: notional(&entry, "entry_notional"),
            quantity,
            size,
            mark,
            entry,
            leverage: holdings.leverage(position),
        }
    }

    /// The same position entered at another price.
    pub(super) fn entered_at(self, book: &Book, entry: &N) -> Self {
        let instrument = &book.market().instruments()[self.instrument];
        let at_entry = self.quantity.times(&contract_value(instrument, &self.size, entry));
        Self { at_entry, entry: entry.clone(), ..self }
    }

    pub(super) const fn notional(&self, basis: PriceBasis) -> &N {
        match basis {
            PriceBasis::Mark => &self.at_mark,
            PriceBasis::Entry => &self.at_entry,
        }
    }

    pub(super) const fn price(&self, basis: PriceBasis) -> &N {
        match basis {
            PriceBasis::Mark => &self.mark,
            PriceBasis::Entry => &self.entry,
        }
    }

    pub(super) fn unrealized_pnl(&self, instrument: &Instrument) -> N {
        let rises = self.at_mark.minus(&self.at_entry);
        let gain = if self.long == (instrument.payoff() != Payoff::Inverse) { rises } else { N::zero().minus(&rises) };
        gain.named(|| Name::term("unrealized_pnl").rule("instrument").of("position", self.at))
    }
}

/// One open order at one moment.
#[derive(Debug, Clone)]
pub(super) struct Order<N> {
    /// Its place among the orders.
    pub(super) at: usize,
    pub(super) class: u32,
    pub(super) instrument: usize,
    pub(super) side: Side,
    pub(super) isolated: bool,
    pub(super) buy: bool,
    inverse: bool,
    pub(super) quantity: N,
    pub(super) size: N,
    pub(super) mark: N,
    /// `None`: at the market.
    pub(super) limit: Option<N>,
    pub(super) at_mark: N,
    pub(super) at_limit: Option<N>,
    pub(super) leverage: f64,
}

/// What an order says, with its place among the orders and its class.
#[derive(Debug, Clone, Copy)]
pub(super) struct Said {
    pub(super) at: usize,
    /// Beyond those of the book: of its own tables.
    pub(super) class: u32,
    pub(super) row: OrderRow,
}

impl<N: Number> Order<N> {
    pub(super) fn new(book: &Book, order: usize, moment: Moment<'_, N>) -> Self {
        let holdings: &Holdings = book.holdings();
        Self::said(
            book,
            Said { at: order, class: u32::from(holdings.orders.class[order]), row: OrderRow::of(holdings, order) },
            moment,
        )
    }

    /// An order that says this, whether the book holds it or not.
    pub(super) fn said(book: &Book, Said { at: order, class, row }: Said, moment: Moment<'_, N>) -> Self {
        let at = row.instrument as usize;
        let instrument = &book.market().instruments()[at];
        let size = coordinate_size(instrument, book.holdings().quantity_unit);
        let (quantity, size): (N, N) = quantity_and_size(row.quantity, size);
        let mark = moment.mark(at).named(|| Name::operand("mark_price").of("instrument", at));
        let limit = Some(row.price).filter(|price| !price.is_nan());
        let limit = limit.map(|price| N::of(price).named(|| Name::operand("limit_price")));
        let notional = |price: &N| {
            let value = quantity.times(&contract_value(instrument, &size, price));
            value.named(|| Name::term("order_value").rule("orders.price").of("order", order))
        };
        Self {
            at: order,
            class,
            instrument: at,
            side: row.side,
            isolated: row.isolated,
            buy: row.quantity > 0.0,
            inverse: instrument.payoff() == Payoff::Inverse,
            at_mark: notional(&mark),
            at_limit: limit.as_ref().map(notional),
            quantity,
            size,
            mark,
            limit,
            leverage: row.leverage,
        }
    }

    /// The value of the order, in the settlement asset, and the price that it is valued at.
    pub(super) fn value(&self, basis: OrderPrice) -> (N, N) {
        match (basis, &self.at_limit, &self.limit) {
            (OrderPrice::Limit, Some(value), Some(price)) => (value.clone(), price.clone()),
            (OrderPrice::Worse, Some(value), Some(price)) => {
                let at_limit = if self.inverse { !price.exceeds(&self.mark) } else { !self.mark.exceeds(price) };
                (value.larger_if(&self.at_mark, at_limit), price.either(&self.mark, at_limit))
            }
            _ => (self.at_mark.clone(), self.mark.clone()),
        }
    }

    /// What filling it at its price would lose at once: zero or less.
    pub(super) fn loss(&self, instrument: &Instrument) -> N {
        let Some((limit, price)) = self.at_limit.as_ref().zip(self.limit.as_ref()) else { return N::zero() };
        let rises = self.at_mark.minus(limit);
        let gain = if self.buy == (instrument.payoff() != Payoff::Inverse) { rises } else { N::zero().minus(&rises) };
        let loses = if self.buy { price.exceeds(&self.mark) } else { self.mark.exceeds(price) };
        gain.negative_if(loses)
            .named(|| Name::term("order_loss").rule("orders.order_loss").of("order", self.at).optional())
    }
}

/// What a group is charged on: amounts of its long and short positions and of its orders to buy and to sell.
#[derive(Debug, Clone)]
pub(super) struct Sides<N> {
    pub(super) long: N,
    pub(super) short: N,
    pub(super) buys: N,
    pub(super) sells: N,
    /// Whether longs and shorts are legs of their own, which orders of the other side do not close.
    pub(super) hedged: bool,
    /// Of the contracts of its orders, those that open.
    pub(super) opening: [Opens<N>; 2],
}

/// How much of the orders of one side opens something, instead of closing what is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Opens<N> {
    None,
    All,
    /// `open` of the amount `of`.
    Part {
        open: N,
        of: N,
    },
}

impl<N: Number> Opens<N> {
    /// All of a side's orders; none where there are none.
    fn all(side: &N) -> Self {
        if side.to_f64() == 0.0 { Self::None } else { Self::All }
    }

    /// What is left of a side's orders once they have closed what they are against.
    pub(super) fn beyond(side: &N, against: &N) -> Self {
        if side.to_f64() == 0.0 {
            return Self::None;
        }
        if against.sign() == Some(Ordering::Equal) {
            return Self::All;
        }
        let open = side.minus(against).positive().named(|| Name::group("opening_part"));
        Self::Part { open, of: side.clone() }
    }

    /// The part of an amount of the side.
    pub(super) fn part(&self, amount: &N) -> N {
        match self {
            Self::None => N::zero(),
            Self::All => amount.clone(),
            Self::Part { open, of } => amount.times(open).over(of),
        }
    }
}

/// One way in which the orders of a group can fill: what it then amounts to, and what of the orders opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fill<N> {
    pub(super) amount: N,
    pub(super) buys: Opens<N>,
    pub(super) sells: Opens<N>,
}

impl<N> Fill<N> {
    /// What filling like this is called.
    pub(super) const fn word(&self) -> &'static str {
        match (&self.buys, &self.sells) {
            (Opens::None, Opens::None) => "no_fees",
            (_, Opens::None) => "if_buys_fill",
            (Opens::None, _) => "if_sells_fill",
            _ => "with_orders",
        }
    }
}

impl<N: Number> Sides<N> {
    pub(super) fn none(hedged: bool, opening: [Opens<N>; 2]) -> Self {
        Self { long: N::zero(), short: N::zero(), buys: N::zero(), sells: N::zero(), hedged, opening }
    }

    /// The amounts under their names.
    pub(super) fn named(self) -> Self {
        let name = |amount: N, word| amount.named(|| Name::group(word));
        Self {
            long: name(self.long, "long"),
            short: name(self.short, "short"),
            buys: name(self.buys, "orders_to_buy"),
            sells: name(self.sells, "orders_to_sell"),
            ..self
        }
    }

    /// Whether longs and shorts are looked at as one.
    pub(super) fn is_one_way(&self, legs: Legs) -> bool {
        !self.hedged || legs == Legs::Net
    }

    /// The amount of the positions alone.
    fn held(&self, legs: Legs) -> N {
        match legs {
            Legs::Each | Legs::Net => self.long.minus(&self.short).abs(),
            Legs::LongPlusShort => self.long.plus(&self.short),
            Legs::LargerSide => self.long.larger(&self.short),
        }
    }

    /// The ways to fill that a requirement looks at, of which the one that requires most counts.
    pub(super) fn fills(&self, legs: Legs, orders: OrdersIn) -> (Fill<N>, Option<Fill<N>>) {
        let Self { long, short, buys, sells, .. } = self;
        let (all_buys, all_sells) = (Opens::all(buys), Opens::all(sells));
        let amount_of = |amount: N| amount.named(|| Name::group("amount"));
        let up = |amount: N, buys: Opens<N>| Fill { amount: amount_of(amount), buys, sells: Opens::None };
        let down = |amount: N, sells: Opens<N>| Fill { amount: amount_of(amount), buys: Opens::None, sells };
        let both = |amount: N, [buys, sells]: [Opens<N>; 2]| Fill { amount: amount_of(amount), buys, sells };
        let one_way = self.is_one_way(legs);
        match orders {
            OrdersIn::None => (up(self.held(legs), Opens::None), None),
            OrdersIn::Sum => {
                let [opening_buys, opening_sells] = &self.opening;
                let amount = self.held(legs).plus(&opening_buys.part(buys)).plus(&opening_sells.part(sells));
                (both(amount, self.opening.clone()), None)
            }
            OrdersIn::WorstFill if one_way => {
                let net = long.minus(short);
                let bought = up(net.plus(buys).abs(), Opens::beyond(buys, &N::zero().minus(&net).positive()));
                (bought, Some(down(net.minus(sells).abs(), Opens::beyond(sells, &net.positive()))))
            }
            OrdersIn::WorstFill if legs != Legs::LargerSide => {
                (both(long.plus(short).plus(buys).plus(sells), [all_buys, all_sells]), None)
            }
            OrdersIn::LargerSide if one_way => {
                let net = long.minus(short);
                let [opening_buys, opening_sells] = self.opening.clone();
                let bought = net.positive().plus(&opening_buys.part(buys));
                let sold = N::zero().minus(&net).positive().plus(&opening_sells.part(sells));
                (up(bought, opening_buys), Some(down(sold, opening_sells)))
            }
            OrdersIn::WorstFill | OrdersIn::LargerSide => {
                (up(long.plus(buys), all_buys), Some(down(short.plus(sells), all_sells)))
            }
        }
    }

    /// The amount under a way to look at legs and at orders, as it picks a tier: of the larger side all orders count, those
    /// that close as well.
    pub(super) fn amount(&self, legs: Legs, orders: OrdersIn) -> N {
        if orders == OrdersIn::LargerSide && self.is_one_way(legs) {
            let net = self.long.minus(&self.short);
            let bought = net.positive().plus(&self.buys);
            return bought.larger(&N::zero().minus(&net).positive().plus(&self.sells)).named(|| Name::group("amount"));
        }
        match self.fills(legs, orders) {
            (fill, None) => fill.amount,
            (one, Some(other)) => one.amount.larger(&other.amount).named(|| Name::group("amount")),
        }
    }
}

/// What an amount of contracts is in the unit of a table's bounds.
pub(super) fn in_unit<N: Number>(
    bounds: BoundUnit,
    instrument: &Instrument,
    contracts_per_quantity: &N,
    (quantity, size, price): (&N, &N, &N),
) -> N {
    match bounds {
        BoundUnit::Contracts => quantity.times(contracts_per_quantity),
        BoundUnit::Quote => match instrument.payoff() {
            Payoff::Inverse => quantity.times(size),
            Payoff::Linear | Payoff::Quanto { .. } => quantity.times(size).times(price),
        },
        BoundUnit::Settle => quantity.times(&contract_value(instrument, size, price)),
    }
}

/// A group of legs and orders that is charged together: places in the pool's lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Group {
    pub(super) legs: Range<usize>,
    pub(super) orders: Range<usize>,
}

/// The groups of a pool, whose legs and cross orders are sorted by asset, instrument and side.
///
/// `settle` gives an instrument's settlement asset; `by_side` keeps the sides of an instrument apart.
pub(super) fn groups<N>(
    legs: &[Leg<N>],
    orders: &[Order<N>],
    settle: impl Fn(usize) -> usize,
    by_side: bool,
) -> Vec<Group> {
    let key = |instrument: usize, side: Side| (settle(instrument), instrument, if by_side { side as u8 } else { 0 });
    let (mut leg, mut order) = (0, 0);
    let mut all = Vec::new();
    loop {
        let of_leg = legs.get(leg).map(|leg| key(leg.instrument, leg.side));
        let of_order = orders.get(order).map(|order| key(order.instrument, order.side));
        let Some(next) = of_leg.into_iter().chain(of_order).min() else { return all };
        let legs_end = leg + legs[leg..].iter().take_while(|leg| key(leg.instrument, leg.side) == next).count();
        let orders_end = order + orders[order..].iter().take_while(|o| key(o.instrument, o.side) == next).count();
        all.push(Group { legs: leg..legs_end, orders: order..orders_end });
        (leg, order) = (legs_end, orders_end);
    }
}
