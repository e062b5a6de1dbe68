//! An account as it would be once an order has filled, and what is asked of it: a margin ratio, or a liquidation price that is
//! far enough away.

use crate::book::{Holdings, PoolKind, coordinate_size};
use crate::exact::{Bounded, Exact, Number};
use crate::ledger::{Alone, Changed};
use crate::market::{FeeReserve, Instrument, Payoff, Prices};
use crate::pool::{
    Book, ClassTable, Moves, Overlaid, Overlay, Place, Road, Wanted, evaluate_over, fence, moment_of, verdict_over,
};
use crate::price::{PositionBuffers, liquidation_prices};
use crate::score::{Missing, Options};

use super::largest::Asked;
use super::reason::Reason;
use super::row::Row;

/// What is asked of the account once the order has filled, beside that the order is let in.
pub(super) struct Conditions {
    /// The least margin ratio.
    ratio: Option<Exact>,
    /// The price up to which the pool is not to be liquidatable, and all prices with it.
    beyond: Option<(f64, Prices)>,
}

impl Conditions {
    /// What is asked, if anything is; the instrument has a mark.
    pub(super) fn new(asked: &Asked, prices: &Prices) -> Option<Self> {
        let instrument = asked.order.instrument as usize;
        let said = |x: f64| Some(x).filter(|x| !x.is_nan());
        let at = |price: f64| {
            let mut moved = prices.clone();
            moved.set_mark(instrument, price);
            if let Some(last) = prices.last().get(instrument).filter(|last| !last.is_nan()) {
                // In proportion to the mark.
                let scaled = Exact::from_f64(*last) * Exact::from_f64(price);
                let scaled = scaled.checked_div(&Exact::from_f64(prices.mark()[instrument]));
                moved.set_last(instrument, scaled.map_or(*last, |last| last.to_f64()));
            }
            (price, moved)
        };
        let ratio = said(asked.target_ratio).map(Exact::from_f64);
        let beyond = said(asked.liquidation_beyond).map(at);
        (ratio.is_some() || beyond.is_some()).then_some(Self { ratio, beyond })
    }
}

/// An account that an order fills in.
pub(super) struct Filling<'a> {
    book: &'a Book,
    prices: &'a Prices,
    conditions: &'a Conditions,
    table: &'a ClassTable,
    /// The position that it meets.
    held: Option<usize>,
    alone: Alone,
    /// The wallet of the settlement asset.
    wallet: Exact,
    /// What is fenced for an isolated position that it meets.
    fence: Exact,
}

/// An account once an order has filled: the pool that the position is in.
struct After {
    book: Book,
    over: Overlaid,
}

/// What becomes of a position.
enum Then {
    /// There can be no such account.
    Nothing,
    /// Its pool is gone with it.
    Closed,
    Held(Box<After>),
}

impl Then {
    /// Whether something holds of the pool; of one that is gone it does.
    fn holds(&self, of: impl FnOnce(&After) -> bool) -> bool {
        match self {
            Self::Nothing => false,
            Self::Closed => true,
            Self::Held(after) => of(after),
        }
    }
}

/// What trading does to a position.
struct Trade {
    quantity: Exact,
    entry: Exact,
    /// What is left of the old position, and what of the order opens.
    left: Exact,
    opened: Exact,
}

impl<'a> Filling<'a> {
    pub(super) fn new(
        (book, prices): (&'a Book, &'a Prices),
        (account, row, held): (usize, &Row, Option<usize>),
        conditions: &'a Conditions,
        table: &'a ClassTable,
    ) -> Self {
        let holdings = book.holdings();
        let settle = book.market().instruments()[row.instrument as usize].settle();
        let cross = Place::cross(book, account, settle).pool.map_or(0..0, |pool| holdings.layers_of(pool));
        let wallet = cross.into_iter().find(|&layer| holdings.layer_asset(layer) == settle);
        let own = holdings
            .pools_of(account)
            .filter(|_| row.isolated)
            .find(|&pool| holdings.kind(pool) == PoolKind::Isolated && Some(holdings.positions_of(pool).start) == held);
        Self {
            book,
            prices,
            conditions,
            table,
            held,
            alone: Alone::new(book, account),
            wallet: wallet.map_or_else(Exact::zero, |layer| Exact::from_f64(holdings.layer_wallet(layer))),
            fence: own.map_or_else(Exact::zero, |pool| fence(book, pool)),
        }
    }

    /// The bits of the conditions that do not hold once an order has filled.
    pub(super) fn bits(&self, row: &Row) -> u32 {
        let Conditions { ratio, beyond } = self.conditions;
        let mut bits = 0;
        let after = self.after(row);
        let fails = |holds: bool, reason: Reason| if holds { 0 } else { reason.bit() };
        if let Some(ratio) = ratio {
            let holds = after.holds(|after| self.holds_ratio(after, ratio));
            bits |= fails(holds, Reason::TargetRatio);
        }
        if let Some((price, moved)) = beyond {
            let holds = after.holds(|after| self.is_safe(after, row, (*price, moved)));
            bits |= fails(holds, Reason::LiquidationBeyond);
        }
        bits
    }

    fn instrument(&self, row: &Row) -> &'a Instrument {
        &self.book.market().instruments()[row.instrument as usize]
    }

    /// What a unit of quantity is worth at a price, signed so that profit is quantity times its change.
    fn coordinate(&self, row: &Row, price: &Exact) -> Exact {
        let instrument = self.instrument(row);
        let size = Exact::from_f64(coordinate_size(instrument, self.book.holdings().quantity_unit));
        match instrument.payoff() {
            Payoff::Linear => size * price.clone(),
            Payoff::Quanto { multiplier } => size * Exact::from_f64(multiplier) * price.clone(),
            Payoff::Inverse => -size.checked_div(price).unwrap_or_else(Exact::zero),
        }
    }

    /// Quantity and entry price of the position that the order meets.
    fn before(&self) -> (Exact, Exact) {
        let holdings = self.book.holdings();
        let of = |at: usize| (Exact::from_f64(holdings.quantity(at)), Exact::from_f64(holdings.entry_price(at)));
        self.held.map_or((Exact::zero(), Exact::zero()), of)
    }

    fn trade(&self, row: &Row, price: Exact) -> Trade {
        let (held, entry) = self.before();
        let mut traded = Exact::from_f64(row.quantity);
        if row.only_reduces() && traded.clone().abs() > held.clone().abs() {
            traded = -held.clone();
        }
        let quantity = held.clone() + traded.clone();
        let zero = Exact::zero;
        if held.is_zero() {
            return Trade { quantity, entry: price, left: zero(), opened: traded };
        }
        if held.sign() == traded.sign() {
            let entry = self.average(row, (&held, &entry), (&traded, &price));
            return Trade { quantity, entry, left: held, opened: traded };
        }
        if quantity.is_zero() || quantity.sign() == held.sign() {
            return Trade { left: quantity.clone(), quantity, entry, opened: zero() };
        }
        Trade { opened: quantity.clone(), quantity, entry: price, left: zero() }
    }

    /// The price at which a position that was added to has the profit of both parts.
    fn average(&self, row: &Row, (held, entry): (&Exact, &Exact), (added, price): (&Exact, &Exact)) -> Exact {
        let whole = held.clone() + added.clone();
        let over = |a: &Exact, b: &Exact| a.checked_div(b).unwrap_or_else(Exact::zero);
        match self.instrument(row).payoff() {
            Payoff::Inverse => over(&whole, &(over(held, entry) + over(added, price))),
            Payoff::Linear | Payoff::Quanto { .. } => {
                over(&(held.clone() * entry.clone() + added.clone() * price.clone()), &whole)
            }
        }
    }

    /// The pool of the position once the order has filled.
    fn after(&self, row: &Row) -> Then {
        let mark = Exact::from_f64(self.prices.mark()[row.instrument as usize]);
        let price = &if row.price.is_nan() { mark.clone() } else { Exact::from_f64(row.price) };
        let at = |price: &Exact| self.coordinate(row, price);
        // Without a quantity there is no entry.
        let gain = |quantity: &Exact, entry: &Exact| {
            if quantity.is_zero() { Exact::zero() } else { quantity.clone() * (at(&mark) - at(entry)) }
        };
        let (held, entry) = self.before();
        let trade = self.trade(row, price.clone());
        let traded = trade.quantity.clone() - held.clone();
        let own = gain(&trade.quantity, &trade.entry);
        let loss = |gain: Exact| if gain < Exact::zero() { gain } else { Exact::zero() };
        let (wallet, fenced);
        if row.isolated {
            let closed = held.clone() - trade.left.clone();
            let realized = if closed.is_zero() { Exact::zero() } else { closed * (at(price) - at(&entry)) };
            wallet = self.wallet.clone() + realized;
            let kept = self.fence.clone() * trade.left.checked_div(&held).unwrap_or_else(Exact::zero);
            let profit = gain(&trade.left, &entry) + gain(&trade.opened, price);
            let traded = gain(&traded, price);
            let uncounted = if traded > Exact::zero() { traded } else { Exact::zero() };
            let Some(margin) = self.margin_at(row, &trade.opened, price) else { return Then::Nothing };
            fenced = kept + margin + profit - uncounted - own;
        } else {
            // Cash is what is left of the equity, so that this is what it was, less the loss.
            wallet = self.wallet.clone() + gain(&held, &entry) + loss(gain(&traded, price)) - own;
            fenced = Exact::zero();
        }
        self.account_with(row, &trade, (wallet, fenced))
    }

    /// The account with a trade done and with this wallet and margin.
    fn account_with(&self, row: &Row, trade: &Trade, (wallet, fenced): (Exact, Exact)) -> Then {
        let near = fenced.to_f64();
        let near = if near > 0.0 { near } else { 0.0 };
        let changed = Changed {
            instrument: row.instrument,
            side: row.side,
            isolated: row.isolated,
            quantity: trade.quantity.to_f64(),
            entry: trade.entry.to_f64(),
            leverage: row.leverage,
            fence: if row.isolated { near } else { f64::NAN },
            wallet: wallet.to_f64(),
        };
        let Ok(book) = self.alone.changed(&changed) else { return Then::Nothing };
        let settle = self.instrument(row).settle();
        let place = if row.isolated {
            let Some(pool) = isolated_pool(book.holdings(), row) else { return Then::Closed };
            Place::of_pool(&book, pool)
        } else {
            Place::cross(&book, 0, settle)
        };
        // What doubles do not hold of both.
        let mut overlay = Overlay::default();
        if let Some(pool) = place.pool.filter(|_| row.isolated) {
            overlay.fence.push((pool, fenced - Exact::from_f64(near)));
        } else {
            overlay.cash.push((u16::try_from(settle).unwrap_or(u16::MAX), wallet - Exact::from_f64(changed.wallet)));
        }
        overlay.entry = position_of(&book, place.pool, row).map(|position| (position, trade.entry.clone()));
        let over = Overlaid::new(&book, place, &overlay);
        Then::Held(Box::new(After { book, over }))
    }

    /// The margin that the venue fences for what is opened; `None` where it depends on a leverage that is unknown.
    fn margin_at(&self, row: &Row, opened: &Exact, price: &Exact) -> Option<Exact> {
        if opened.is_zero() {
            return Some(Exact::zero());
        }
        // What is added to has the leverage of what is there.
        let added = self.held.filter(|&at| (self.book.holdings().quantity(at) > 0.0) == row.buys());
        let leverage = added.map_or(row.leverage, |at| self.book.holdings().leverage(at));
        let leverage = Some(leverage).filter(|leverage| !leverage.is_nan())?;
        let notional = (opened.clone() * self.coordinate(row, price)).abs();
        let margin = notional.checked_div(&Exact::from_f64(leverage))?;
        let reserve = match self.book.market().rules().fee_reserve() {
            FeeReserve::None => Exact::zero(),
            FeeReserve::OpeningNotional => Exact::from_f64(self.table.taker) * notional.clone(),
            FeeReserve::ClosingAtBankruptcy => {
                // What is left of the notional where its margin is lost, or what it has grown to.
                let shrinks = row.buys() != (self.instrument(row).payoff() == Payoff::Inverse);
                let lost = if shrinks { notional - margin.clone() } else { notional + margin.clone() };
                Exact::from_f64(self.table.closing) * if lost < Exact::zero() { Exact::zero() } else { lost }
            }
        };
        Some(margin + reserve)
    }

    /// Whether `collateral_value >= ratio * maintenance_margin`; of nothing that is required always.
    fn holds_ratio(&self, after: &After, ratio: &Exact) -> bool {
        let near = ratio.to_f64();
        let by_doubles = self.attempt_ratio::<Bounded>(after, &Bounded::of(near));
        by_doubles.or_else(|| self.attempt_ratio::<Exact>(after, ratio)).unwrap_or(false)
    }

    fn attempt_ratio<N: Number>(&self, after: &After, ratio: &N) -> Option<bool> {
        let first = after.book.market().rules().constraints().first()?;
        let value = evaluate_over::<N>(&after.book, &after.over, moment_of(self.prices, first.price), Wanted::Tested);
        if value.open {
            return None;
        }
        if value.maintenance_margin.sign()?.is_eq() {
            return Some(true);
        }
        Some(value.collateral_value.minus(&ratio.times(&value.maintenance_margin)).sign()?.is_ge())
    }

    /// Whether the pool is liquidatable neither at the mark nor at a price, nor between.
    fn is_safe(&self, after: &After, row: &Row, (price, moved): (f64, &Prices)) -> bool {
        let fails = |prices: &Prices| {
            let by_doubles = verdict_over::<Bounded>(&after.book, &after.over, prices, Wanted::Tested);
            let fails = by_doubles.map(|verdict| verdict.fails);
            fails.or_else(|| {
                verdict_over::<Exact>(&after.book, &after.over, prices, Wanted::Tested).map(|verdict| verdict.fails)
            })
        };
        if fails(self.prices) != Some(false) || fails(moved) != Some(false) {
            return false;
        }
        let Some(pool) = after.over.place.pool else { return true };
        let at = row.instrument as usize;
        let mark = self.prices.mark()[at];
        let moves = Moves::Instrument { at, from: mark };
        let road = Road { book: &after.book, pool, prices: self.prices, moves };
        road.is_safe_on_one_stretch() || self.keeps_safe(after, (pool, row), price)
    }

    /// Whether a pool keeps safe from the mark to a price, where it need not be one stretch.
    fn keeps_safe(&self, after: &After, (pool, row): (usize, &Row), price: f64) -> bool {
        let holdings = after.book.holdings();
        let own = |&at: &usize| holdings.margin_class(at).instrument == row.instrument;
        let Some(position) = holdings.positions_of(pool).find(own) else { return true };
        let n = holdings.n_positions();
        let (mut below, mut above) = (vec![0.0; n], vec![0.0; n]);
        let buffers =
            PositionBuffers { below: Some(&mut below), above: Some(&mut above), ..PositionBuffers::default() };
        let options = Options { missing: Missing::Null, threads: Some(1), ..Options::default() };
        if liquidation_prices(&after.book, self.prices, buffers, &options).is_err() {
            return false;
        }
        let place = holdings.row(position);
        let mark = self.prices.mark()[row.instrument as usize];
        // No such price: it is safe all the way.
        if price < mark {
            below.get(place).is_some_and(|below| below.is_nan() || *below <= price)
        } else {
            above.get(place).is_some_and(|above| above.is_nan() || *above >= price)
        }
    }
}

/// The position of an order in a pool.
fn position_of(book: &Book, pool: Option<usize>, row: &Row) -> Option<usize> {
    let holdings = book.holdings();
    let own = |at: &usize| holdings.margin_class(*at).instrument == row.instrument && holdings.side(*at) == row.side;
    holdings.positions_of(pool?).find(own)
}

/// The pool of an isolated position.
fn isolated_pool(holdings: &Holdings, row: &Row) -> Option<usize> {
    (0..holdings.n_pools()).filter(|&pool| holdings.kind(pool) == PoolKind::Isolated).find(|&pool| {
        let position = holdings.positions_of(pool).start;
        holdings.margin_class(position).instrument == row.instrument && holdings.side(position) == row.side
    })
}
