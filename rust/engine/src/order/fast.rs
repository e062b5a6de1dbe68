//! The fast way: pools of one asset whose positions are charged one by one, in doubles with a bound of what rounding can do.
//!
//! With `u = 2^-53`, a pool's constant `C`, sums of notionals `A` and of initial margins `I`, and the magnitudes `K` that the
//! order adds, the slack less the need is off by at most `e_c + (n + 96) u (|C| + |cash| + 4 A + 2 I + 2 K)`: the bound of the
//! lanes' equity, 7 roundings of a term of the initial margin and `n` of its sum, at most 16 of what the order adds, rounded up.
//! Verdicts within it, or near a floor or a cap of tiers, are left to exact arithmetic.

use crate::book::{Said, Side, coordinate_size};
use crate::market::{
    AdmissionBasis, AdmissionTest, AvailableRule, LimitRule, OrderLoss, OrderPrice, OrdersIn, Payoff, PriceBasis,
    ReduceOnlyRule,
};
use crate::pool::Book;

use super::ground::Ground;
use super::opening::of_alone;
use super::reason::Reason;
use super::room::Room;
use super::row::{Met, Row};
use super::rule::Decision;
use super::structure::wrongs_beside;
use super::sums::{Sums, larger};
use super::tiered::Tiers;

/// The rules, as the fast way reads them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fast {
    level: f64,
    /// What backs orders; with the free margin as the test, the equity.
    backing: AvailableRule,
    /// Whether orders are judged as if they filled, or else whether an excess of zero fails.
    trial: Trial,
    /// How an order enters the initial margin, and at what price; and at what price limits have it.
    orders: OrdersIn,
    price: OrderPrice,
    limit_price: OrderPrice,
    /// Where positions count in the initial margin, and in maintenance.
    initial: PriceBasis,
    maintenance: PriceBasis,
    /// Whether any of that is at entry, for which the entry price must be read.
    entry: bool,
    /// Whether the loss of filling counts.
    loss: bool,
    checked: bool,
    limits: LimitRule,
}

/// How an order is in the pool when it is asked whether that is liquidatable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trial {
    /// As if it filled.
    Filled,
    /// Among the open ones, which charge nothing for maintenance here.
    Resting { zero_fails: bool },
}

/// What is looked at as filled counts at the mark, or at its limit where positions count at entry.
const fn filled_at(basis: PriceBasis) -> OrderPrice {
    match basis {
        PriceBasis::Mark => OrderPrice::Mark,
        PriceBasis::Entry => OrderPrice::Limit,
    }
}

impl Fast {
    /// The rules of a book that has a fast way.
    pub(super) fn new(book: &Book) -> Option<Self> {
        let rules = book.market().rules();
        let (orders, admission) = (rules.orders(), rules.admission());
        if book.folded().is_none_or(|folded| !folded.window.is_power_of_two()) || orders.opening_fee {
            return None;
        }
        let fills = admission.basis == AdmissionBasis::Fill;
        let free_margin = admission.test == AdmissionTest::FreeMargin;
        Some(Self {
            level: rules.trigger_level(),
            backing: if free_margin { AvailableRule::EquityLessInitial } else { rules.available() },
            trial: if fills { Trial::Filled } else { Trial::Resting { zero_fails: rules.zero_fails() } },
            orders: if fills { OrdersIn::WorstFill } else { orders.initial_margin },
            price: if fills { filled_at(rules.initial_price()) } else { orders.price },
            limit_price: orders.price,
            initial: rules.initial_price(),
            maintenance: rules.maintenance_price(),
            entry: [rules.initial_price(), rules.maintenance_price(), rules.limits(false).tier_price]
                .contains(&PriceBasis::Entry),
            loss: fills || orders.order_loss == OrderLoss::Admission,
            checked: admission.reduce_only == ReduceOnlyRule::Checked,
            limits: rules.limits(false),
        })
    }
}

/// An order beside the position that it meets; amounts in the settlement asset.
struct Pair<'a> {
    row: &'a Row,
    tiers: Tiers<'a>,
    /// Contracts held, and contracts ordered, without sign.
    held: f64,
    size: f64,
    /// Leverage of the position.
    leverage: f64,
    against: bool,
    at_mark: f64,
    at_limit: f64,
    /// The position at mark and at entry.
    own: [f64; 2],
}

impl<'a> Pair<'a> {
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "what is passed on would go through memory, which takes longer than the work"
    )]
    fn new(ground: &Ground<'a>, (account, entry): (usize, bool), row: &'a Row, position: Option<usize>) -> Self {
        let (book, holdings) = (ground.book, ground.book.holdings());
        let instrument = ground.instrument(row.instrument);
        let unit = coordinate_size(instrument, holdings.quantity_unit);
        let unit = if let Payoff::Quanto { multiplier } = instrument.payoff() { unit * multiplier } else { unit };
        let inverse = instrument.payoff() == Payoff::Inverse;
        let worth = |price: f64| if inverse { unit / price } else { unit * price };
        let (known, _) = holdings.chosen.of(account);
        let (size, mark) = (row.quantity.abs(), worth(ground.mark(row.instrument)));
        let mut pair = Self {
            row,
            tiers: Tiers { table: instrument.tiers(), coefficient: known.coefficient },
            held: 0.0,
            size,
            leverage: 1.0,
            against: false,
            at_mark: size * mark,
            at_limit: size * if row.price.is_nan() { mark } else { worth(row.price) },
            own: [0.0; 2],
        };
        if let Some(position) = position {
            let quantity = holdings.quantity[position];
            pair.tiers.table = holdings.classes[usize::from(holdings.class[position])].tiers(book.market());
            pair.held = quantity.abs();
            pair.leverage = holdings.leverage(position);
            pair.against = row.side == Side::Net && (quantity > 0.0) != row.buys();
            pair.own[0] = pair.held * mark;
            if entry {
                pair.own[1] = pair.held * worth(holdings.entry_price[position]);
            }
        }
        pair
    }

    #[inline]
    const fn own(&self, basis: PriceBasis) -> f64 {
        self.own[matches!(basis, PriceBasis::Entry) as usize]
    }

    #[inline]
    fn value(&self, price: OrderPrice) -> f64 {
        match price {
            OrderPrice::Limit => self.at_limit,
            OrderPrice::Worse => larger(self.at_limit, self.at_mark),
            _ => self.at_mark,
        }
    }

    /// What the order requires beyond what its position does, before nothing is made of what is less; and its magnitude.
    #[inline]
    fn more(&self, fast: &Fast) -> (f64, f64) {
        let (value, own) = (self.value(fast.price), self.own(fast.initial));
        let (over, own_over) = (value / self.row.leverage, own / self.leverage);
        let share = (self.size - self.held) / self.size;
        let more = match (self.against, fast.orders) {
            (false, _) => over,
            (true, OrdersIn::WorstFill) => (value - own) / self.row.leverage - own_over,
            (true, OrdersIn::LargerSide) => over * share - own_over,
            (true, _) => over * share,
        };
        (more, over + own_over + own / self.row.leverage)
    }

    /// What filling at the limit loses at once; exactly nothing where it does not.
    #[inline]
    fn loss(&self, mark: f64) -> f64 {
        let price = self.row.price;
        let loses = if self.row.buys() { price > mark } else { price < mark };
        if loses { (self.at_limit - self.at_mark).abs() } else { 0.0 }
    }

    /// The largest of what the position is and what the order makes of it.
    #[inline]
    fn worst(&self, own: f64, value: f64) -> f64 {
        if self.against { larger((value - own).abs(), own) } else { own + value }
    }

    /// The reasons of size and leverage; `None` where rounding leaves one open.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "what is passed on would go through memory, which takes longer than the work"
    )]
    fn limits(&self, fast: &Fast) -> Option<u32> {
        if self.row.side != Side::Net {
            return None;
        }
        let (own, value) = (self.own(fast.limits.tier_price), self.value(fast.limit_price));
        let amount = match (fast.limits.orders, self.against) {
            (OrdersIn::None, _) => own,
            (OrdersIn::WorstFill, _) | (_, false) => self.worst(own, value),
            (OrdersIn::LargerSide, true) => larger(value, own),
            (OrdersIn::Sum, true) => return None,
        };
        self.tiers.wrongs(amount, own + value, fast.limits.leverage.then_some(self.row.leverage))
    }

    /// Whether the pool is liquidatable with the order in it; `None` where rounding leaves it open.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "what is passed on would go through memory, which takes longer than the work"
    )]
    fn fails(&self, fast: &Fast, sums: &Sums, loss: f64) -> Option<bool> {
        let excess = sums.equity - fast.level * sums.required;
        if let Trial::Resting { zero_fails } = fast.trial {
            let bound = sums.bound_of_excess(fast.level);
            let fails = (excess < 0.0 || (zero_fails && excess == 0.0)) && sums.notional > 0.0;
            return (excess.abs() > bound || bound == 0.0).then_some(fails);
        }
        let (own, value) = (self.own(fast.maintenance), self.value(filled_at(fast.maintenance)));
        let (alone, of_alone) = self.tiers.charge(own, own)?;
        let (with, of_both) = self.tiers.charge(self.worst(own, value), own + value)?;
        let excess = excess - loss - fast.level * (with - alone);
        let added = self.at_mark + self.at_limit + fast.level * (of_alone + of_both);
        (excess.abs() > sums.bound_of_filled(fast.level, added)).then_some(excess < 0.0)
    }
}

/// The pool that the fast way looks at; `None` where it has none.
#[inline]
fn pool_of(room: &Room<'_>, row: &Row) -> Option<usize> {
    if row.isolated || !room.is_untouched() {
        return None;
    }
    let pool = room.first_pool(row.instrument)?;
    let special = room.ground().book.special();
    let is_special = !special.is_empty() && special.binary_search(&u32::try_from(pool).unwrap_or(u32::MAX)).is_ok();
    (!is_special).then_some(pool)
}

/// Decides about an order that meets an untouched cross pool; `None` where exact arithmetic must.
#[inline]
pub(super) fn decide(room: &Room<'_>, row: &Row, met: &Met) -> Option<Decision> {
    let ground = room.ground();
    let fast = ground.fast.as_ref()?;
    let pool = pool_of(room, row)?;
    let (sums, _) = Sums::new(ground, fast.initial == PriceBasis::Entry, pool, row.instrument)?;
    decide_in(ground, fast, (room.first_account(), pool), (row, met.position(false)), &sums)
}

/// Decides about an order of an account as the book has it, where all are plain: what there is is read once.
#[inline(always)]
#[expect(clippy::inline_always, reason = "what is passed on would go through memory, which takes longer than the work")]
pub(super) fn decide_plain(room: &Room<'_>, said: &Said) -> Option<(Row, Decision)> {
    let ground = room.ground();
    let fast = ground.fast.as_ref()?;
    if !ground.plain || said.side != Side::Net || said.isolated == Some(true) || !room.is_new() {
        return None;
    }
    // Each account is its one pool.
    let (pool, holdings) = (room.first_account(), ground.book.holdings());
    let (sums, position) = Sums::new(ground, fast.initial == PriceBasis::Entry, pool, said.instrument)?;
    let row = Row::plain(holdings, said, position);
    let decision = decide_in(ground, fast, (pool, pool), (&row, position), &sums)?;
    let held = position.map_or(0.0, |position| holdings.quantity[position]);
    Some((row, decision.with(ground, &row, wrongs_beside(ground, &row, held))))
}

/// Decides about an order in a pool of an account.
#[inline(always)]
#[expect(clippy::inline_always, reason = "what is passed on would go through memory, which takes longer than the work")]
fn decide_in(
    ground: &Ground<'_>,
    fast: &Fast,
    (account, pool): (usize, usize),
    (row, position): (&Row, Option<usize>),
    sums: &Sums,
) -> Option<Decision> {
    let held = position.map_or(0.0, |position| ground.book.holdings().quantity[position]);
    let opening = of_alone(ground.conditional, row, held, fast.checked);
    let mark = ground.mark(row.instrument);
    let mut decision = Decision { pool: Some(pool), opening: opening.quantity, ..Decision::free() };
    if sums.equity.is_nan() || mark.is_nan() {
        return Some(Decision { opening: opening.quantity, ..Decision::unknown(Reason::Unpriced, Some(pool)) });
    }
    let slack = sums.backing(fast.backing) - sums.initial;
    decision.available = if slack.is_nan() { slack } else { larger(0.0, slack) };
    if !row.counts(ground.conditional) && !opening.opens {
        decision.short = if slack.is_nan() { slack } else { 0.0 };
        return Some(decision);
    }
    let pair = Pair::new(ground, (account, fast.entry), row, position);
    let loss = if fast.loss && opening.opens { pair.loss(mark) } else { 0.0 };
    judged(fast, sums, &pair, (slack, loss, opening.opens), decision)
}

/// Completes the decision about an order that counts or opens.
#[inline(always)]
#[expect(clippy::inline_always, reason = "what is passed on would go through memory, which takes longer than the work")]
fn judged(
    fast: &Fast,
    sums: &Sums,
    pair: &Pair<'_>,
    (slack, loss, opens): (f64, f64, bool),
    mut decision: Decision,
) -> Option<Decision> {
    let (more, magnitude) = pair.more(fast);
    let unknown = (more + sums.initial).is_nan();
    let need = if unknown { f64::NAN } else { larger(0.0, more) + loss };
    decision.cost = need;
    decision.short = if unknown { need } else { larger(0.0, need - decision.available) };
    if !opens {
        return Some(decision);
    }
    decision.bits |= if pair.fails(fast, sums, loss)? { Reason::Liquidatable.bit() } else { 0 };
    decision.bits |= pair.limits(fast)?;
    let bound = sums.bound_of_slack(magnitude + pair.at_mark + pair.at_limit);
    decision.bits |= match exceeds(unknown, (slack - need, more, loss), bound)? {
        _ if unknown => Reason::LeverageUnknown.bit(),
        true => Reason::Margin.bit(),
        false => 0,
    };
    Some(decision)
}

/// Whether a need is more than nothing and more than what is there; `None` where rounding leaves it open.
#[inline]
fn exceeds(unknown: bool, (left, more, loss): (f64, f64, f64), bound: f64) -> Option<bool> {
    let needs_nothing = loss == 0.0 && more < -bound;
    if unknown || left > bound || needs_nothing {
        return Some(false);
    }
    (left < -bound && (loss > 0.0 || more > bound)).then_some(true)
}
