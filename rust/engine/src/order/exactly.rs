//! The exact way: the rules as they are written, over the pool with the orders accepted before and the order itself; in doubles
//! with a running bound where that decides, else without rounding.

use std::cmp::Ordering;

use crate::book::{OrderNeeds, Side};
use crate::exact::{Bounded, Exact, Number};
use crate::market::{AdmissionBasis, AdmissionTest, Combine, Constraint, CrossPool, Legs, OrderLoss, Required};
use crate::pool::{
    Moment, OrderRow, Overlaid, Overlay, Place, PoolValue, Wanted, evaluate_over, in_valuation, is_priced_over,
    limit_of, moment_of, order_loss, verdict_over,
};

use super::opening::{Opening, of_row};
use super::reason::Reason;
use super::room::Room;
use super::row::{Met, Row};
use super::rule::Decision;

/// A pool before an order and with it.
struct Asked<'a> {
    room: &'a Room<'a>,
    /// The order as it is judged: one that only reduces and opens nevertheless as if it did not.
    order: OrderRow,
    opening: Opening,
    /// Whether it enters what is required at all.
    counts: bool,
    /// Whether a leverage is missing without which no book could have the order.
    lacks: bool,
    before: Overlaid,
    /// With the order resting, or as if it filled.
    with: Overlaid,
    fills: bool,
    /// The orders accepted before and the order.
    resting: Overlay,
}

/// Decides about an order. Of a `foreign` one, which is none of the market's, only what is available is said.
pub(super) fn decide(room: &Room<'_>, row: &Row, met: &Met, foreign: bool) -> Decision {
    let pool = room.first_pool(row.instrument);
    let opening = of_row(room, row, met);
    let asked = Asked::new(room, row, opening);
    let priced =
        is_priced_over(room.book(), &asked.with, room.ground().prices) && !room.ground().price(row.instrument).is_nan();
    if !priced {
        return Decision { opening: opening.quantity, ..Decision::unknown(Reason::Unpriced, pool) };
    }
    let exactly = || asked.decide::<Exact>(foreign).map(|decision| Decision { exact: true, ..decision });
    let decided = asked.decide::<Bounded>(foreign).or_else(exactly);
    let decision = decided.unwrap_or_else(|| Decision::unknown(Reason::LeverageUnknown, pool));
    Decision { pool, opening: opening.quantity, ..decision }
}

fn known<N: Number>(x: Option<&N>) -> f64 {
    x.map_or(f64::NAN, N::to_f64)
}

impl<'a> Asked<'a> {
    fn new(room: &'a Room<'a>, row: &Row, opening: Opening) -> Self {
        let (book, account) = (room.book(), room.account());
        let rules = book.market().rules();
        let settle = book.market().instruments()[row.instrument as usize].settle();
        let place = Place::cross(book, account, settle);
        let counts = row.counts(room.ground().conditional) || opening.opens;
        let fills = rules.admission().basis == AdmissionBasis::Fill;
        let order = row.as_order();
        let mut resting = Overlay { orders: room.orders(), ..Overlay::default() };
        let before = Overlaid::new(book, place, &resting);
        let mut with = resting.clone();
        resting.orders.push(order);
        if counts && fills {
            with.fill = Some(order);
        } else if counts {
            with.orders.push(order);
        }
        let with = Overlaid::new(book, place, &with);
        let lacks = counts && lacks_leverage(room, &order);
        Self { room, order, opening, counts, lacks, before, with, fills, resting }
    }

    /// The prices that figures are at.
    fn at<N: Number>(&self) -> Moment<'a, N> {
        moment_of(self.room.ground().prices, self.room.ground().looks_at)
    }

    fn value<N: Number>(&self, over: &Overlaid) -> Option<PoolValue<N>> {
        let value: PoolValue<N> = evaluate_over(self.room.book(), over, self.at(), Wanted::All);
        (!value.open).then_some(value)
    }

    /// What backs orders beyond what is required already; `None` where a leverage is unknown.
    fn slack<N: Number>(&self, value: &PoolValue<N>) -> Option<N> {
        match self.room.book().market().rules().admission().test {
            AdmissionTest::FreeMargin => value.free_margin.clone(),
            _ => value.spare.clone(),
        }
    }

    fn settle(&self) -> usize {
        self.room.book().market().instruments()[self.order.instrument as usize].settle()
    }

    /// The loss of filling the order at its limit, where it counts beside the initial margin.
    fn loss<N: Number>(&self) -> N {
        let rules = self.room.book().market().rules();
        let counts = self.fills || rules.orders().order_loss == OrderLoss::Admission;
        if !counts || !self.opening.opens {
            return N::zero();
        }
        let loss: N = order_loss(self.room.book(), &self.order, self.at());
        in_valuation(self.room.book(), self.settle(), &loss, self.at())
    }

    /// The decision, or `None` where this arithmetic leaves something open.
    fn decide<N: Number>(&self, foreign: bool) -> Option<Decision> {
        let before = self.value::<N>(&self.before)?;
        let slack = self.slack(&before);
        let available = slack.as_ref().map(N::positive);
        let mut decision = Decision { available: known(available.as_ref()), ..Decision::free() };
        if foreign {
            return Some(Decision { cost: f64::NAN, short: f64::NAN, ..decision });
        }
        if !self.counts {
            decision.short = if decision.available.is_nan() { f64::NAN } else { 0.0 };
            return Some(decision);
        }
        let (cost, need) = if self.lacks { (None, None) } else { self.cost_and_need(&before)? };
        decision.cost = known(cost.as_ref());
        let missing = need.as_ref().zip(available.as_ref()).map(|(need, available)| need.minus(available).positive());
        decision.short = known(missing.as_ref());
        decision.bits |= if self.lacks { Reason::LeverageUnknown.bit() } else { 0 };
        if self.opening.opens {
            decision.bits |= self.wrongs(need.as_ref(), slack.as_ref())?;
        }
        Some(decision)
    }

    /// The reasons against an order that opens.
    fn wrongs<N: Number>(&self, need: Option<&N>, slack: Option<&N>) -> Option<u32> {
        let mut bits = self.limits::<N>()?;
        if !self.lacks && self.fails::<N>()? {
            bits |= Reason::Liquidatable.bit();
        }
        match need.zip(slack) {
            None => bits |= Reason::LeverageUnknown.bit(),
            Some((need, slack)) if exceeds(need, slack)? => bits |= Reason::Margin.bit(),
            Some(_) => {}
        }
        Some(bits)
    }

    /// What the order adds to the initial margin, with its loss, not below zero; and what it takes of the slack. Each is `None`
    /// where a leverage is unknown.
    fn cost_and_need<N: Number>(&self, before: &PoolValue<N>) -> Option<(Option<N>, Option<N>)> {
        let (with, loss) = (self.value::<N>(&self.with)?, self.loss::<N>());
        let initial = before.initial_margin.as_ref().zip(with.initial_margin.as_ref());
        let more = initial.map(|(before, with)| with.minus(before).plus(&loss));
        let cost = more.as_ref().map(N::positive);
        if self.fills {
            return Some((cost, more));
        }
        let slacks = self.slack(before).zip(self.slack(&with));
        Some((cost, slacks.map(|(before, with)| before.minus(&with).plus(&loss))))
    }

    /// Whether the pool with the order in it is liquidatable.
    fn fails<N: Number>(&self) -> Option<bool> {
        let (book, prices) = (self.room.book(), self.room.ground().prices);
        if !self.fills {
            return verdict_over::<N>(book, &self.with, prices, Wanted::Tested).map(|verdict| verdict.fails);
        }
        let rules = book.market().rules();
        let mut failing = false;
        for (k, constraint) in rules.constraints().iter().enumerate() {
            let decided = k > 0 && failing == (rules.combine() == Combine::Any);
            if !decided {
                failing = self.fails_filled::<N>(constraint)?;
            }
        }
        Some(failing)
    }

    /// Whether a pool that the order fills in fails a constraint: with the loss of filling at the limit off its collateral.
    fn fails_filled<N: Number>(&self, constraint: &Constraint) -> Option<bool> {
        let (book, prices) = (self.room.book(), self.room.ground().prices);
        let at = moment_of::<N>(prices, constraint.price);
        let value = evaluate_over(book, &self.with, at, Wanted::All);
        if value.open {
            return None;
        }
        // What is isolated is nothing to liquidate the cross pool for.
        if self.order.isolated && !evaluate_over::<N>(book, &self.before, at, Wanted::Tested).exposed {
            return Some(false);
        }
        let required = match constraint.required {
            Required::Maintenance => Some(&value.maintenance_margin),
            Required::Initial => value.initial_margin.as_ref(),
        };
        let Some(required) = required else { return Some(false) };
        let loss = if self.order.isolated { N::zero() } else { self.valued(&order_loss::<N>(book, &self.order, at)) };
        let excess = value.collateral_value.minus(&loss).minus(&N::of(constraint.level).times(required));
        Some(match excess.sign()? {
            Ordering::Less => true,
            Ordering::Equal => constraint.zero_fails,
            Ordering::Greater => false,
        })
    }

    /// An amount in the settlement asset at full value in what the pool is valued in.
    fn valued<N: Number>(&self, amount: &N) -> N {
        let joint = self.room.book().market().rules().cross_pool() == CrossPool::PerAccount;
        let price =
            self.room.ground().prices.index().get(self.settle()).copied().filter(|price| joint && !price.is_nan());
        price.map_or_else(|| amount.clone(), |price| N::of(price).times(amount))
    }

    fn limits<N: Number>(&self) -> Option<u32> {
        let (book, account) = (self.room.book(), self.room.account());
        let limit = limit_of::<N>(book, account, &self.order, &self.resting, self.at());
        let cap = if limit.within_cap()? { 0 } else { Reason::Cap.bit() };
        let leverage = self.order.leverage;
        if !leverage.is_nan() {
            return Some(cap | if limit.allows(leverage)? { 0 } else { Reason::Leverage.bit() });
        }
        // A tier that limits no leverage allows any.
        let unlimited = limit.allows(f64::MAX)?;
        Some(cap | if unlimited { 0 } else { Reason::LeverageUnknown.bit() })
    }
}

/// Whether a need is more than nothing and more than what is there.
fn exceeds<N: Number>(need: &N, slack: &N) -> Option<bool> {
    let beyond = need.minus(slack).sign();
    if beyond.is_some_and(Ordering::is_le) {
        return Some(false);
    }
    Some(need.sign()?.is_gt() && beyond?.is_gt())
}

/// Whether a book could not have an order for want of its leverage, or of that of a position that it belongs to.
fn lacks_leverage(room: &Room<'_>, order: &OrderRow) -> bool {
    let (holdings, rules) = (room.book().holdings(), room.book().market().rules());
    let OrderNeeds { order: own, position } = OrderNeeds::of(rules)[usize::from(order.isolated)];
    if own && order.leverage.is_nan() {
        return true;
    }
    let each = order.isolated || rules.initial(false).legs == Legs::Each;
    let side = |side: Side| !each || side == order.side;
    position
        && holdings.pools_of(room.account()).flat_map(|pool| holdings.positions_of(pool).map(move |at| (pool, at))).any(
            |(pool, at)| {
                let isolated = holdings.kind(pool) == crate::book::PoolKind::Isolated;
                holdings.margin_class(at).instrument == order.instrument
                    && isolated == order.isolated
                    && side(holdings.side(at))
                    && holdings.leverage(at).is_nan()
            },
        )
}
