//! What one account holds, as operations see it: read out of a book, changed, and laid down as rows again.

use crate::book::{Holdings, Known, PoolKind, Setting, Side};
use crate::pool::{Book, fence};

use super::amount::{Amount, Fixed};
use super::bonus::Vouchers;

/// The cash of an asset.
#[derive(Debug, Clone)]
pub(super) struct Cash {
    pub(super) asset: u16,
    pub(super) wallet: Amount,
    pub(super) bonus: Amount,
    /// What is left of each voucher; `None` where the bonus is one of the share that the rules name, which does not expire.
    pub(super) vouchers: Option<Box<Vouchers>>,
    pub(super) borrowed: f64,
}

/// What tells the positions of an account apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Leg {
    pub(super) instrument: u32,
    pub(super) side: Side,
    pub(super) isolated: bool,
}

/// A position.
#[derive(Debug, Clone)]
pub(super) struct Position {
    pub(super) leg: Leg,
    pub(super) quantity: Amount,
    pub(super) entry: f64,
    /// NaN where unknown.
    pub(super) leverage: f64,
    /// Cash fenced; its double is NaN for a cross position, and where it follows from entry and leverage.
    pub(super) fence: Amount,
    pub(super) version: Option<u16>,
    pub(super) tier: u16,
    /// The pool that the position was read from.
    pub(super) pool: Option<u32>,
}

/// An open order.
#[derive(Debug, Clone)]
pub(super) struct Order {
    pub(super) leg: Leg,
    pub(super) quantity: f64,
    pub(super) price: f64,
    pub(super) leverage: f64,
}

impl Order {
    fn is(&self, other: &Self) -> bool {
        let said = |of: &Self| [of.quantity, of.price, of.leverage].map(f64::to_bits);
        self.leg == other.leg && said(self) == said(other)
    }
}

/// An order that only reduces, or waits for a trigger.
#[derive(Debug, Clone)]
pub(super) struct Waiting {
    pub(super) order: Order,
    /// NaN: it waits for none.
    pub(super) trigger: f64,
    pub(super) take_profit: bool,
    pub(super) reduce_only: bool,
}

/// What an amount of an account is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Item {
    /// The wallet of an asset.
    Wallet(u16),
    /// The bonus in an asset.
    Bonus(u16),
    /// The size of a position.
    Quantity(Leg),
    /// What is fenced for one.
    Fence(Leg),
}

/// What books do not keep of an account.
#[derive(Debug, Clone, Default)]
pub(super) struct Beside {
    /// Amounts that doubles do not denote.
    pub(super) exact: Vec<(Item, Fixed)>,
    /// The vouchers of a bonus, by asset.
    pub(super) vouchers: Vec<(u16, Vouchers)>,
}

impl Beside {
    pub(super) const NONE: Self = Self { exact: Vec::new(), vouchers: Vec::new() };

    pub(super) const fn is_empty(&self) -> bool {
        self.exact.is_empty() && self.vouchers.is_empty()
    }
}

/// An account.
#[derive(Debug, Clone, Default)]
pub(super) struct State {
    pub(super) cash: Vec<Cash>,
    pub(super) positions: Vec<Position>,
    pub(super) orders: Vec<Order>,
    pub(super) waiting: Vec<Waiting>,
    pub(super) known: Known,
    pub(super) settings: Vec<Setting>,
}

impl State {
    /// Reads an account of a book; `beside` gives what books do not keep.
    pub(super) fn read(holdings: &Holdings, account: usize, beside: &Beside) -> Self {
        let (known, settings) = holdings.chosen.of(account);
        let mut state = Self { known, settings: settings.to_vec(), ..Self::default() };
        for pool in holdings.pools_of(account) {
            let isolated = holdings.kind(pool) == PoolKind::Isolated;
            if !isolated {
                state.cash.extend(holdings.layers_of(pool).map(|layer| cash_of(holdings, layer)));
            }
            let fence = if isolated { holdings.pool_wallet[pool] } else { f64::NAN };
            let position = |at| position_of(holdings, at, (pool, isolated, fence));
            state.positions.extend(holdings.positions_of(pool).map(position));
            state.orders.extend(holdings.orders_of(pool).map(|at| order_of(holdings, at)));
        }
        state.read_waiting(holdings, account);
        for &(item, amount) in &beside.exact {
            if let Some(of) = state.amount(item) {
                of.exact = Some(amount);
            }
        }
        for (asset, vouchers) in &beside.vouchers {
            if let Some(cash) = state.cash.iter_mut().find(|cash| cash.asset == *asset) {
                cash.vouchers = Some(Box::new(vouchers.clone()));
            }
        }
        state
    }

    /// Reads the orders that only reduce or wait; those that count all the same are among the open ones too.
    fn read_waiting(&mut self, holdings: &Holdings, account: usize) {
        let waiting = &holdings.waiting;
        for at in waiting.of(account) {
            let (instrument, side, isolated) = (waiting.instrument[at], waiting.side[at], waiting.isolated[at]);
            let order = Order {
                leg: Leg { instrument, side, isolated },
                quantity: waiting.quantity[at],
                price: waiting.price[at],
                leverage: waiting.leverage[at],
            };
            if waiting.counts[at]
                && let Some(open) = self.orders.iter().position(|open| open.is(&order))
            {
                self.orders.remove(open);
            }
            let (trigger, take_profit) = (waiting.trigger_price[at], waiting.take_profit[at]);
            self.waiting.push(Waiting { order, trigger, take_profit, reduce_only: waiting.reduce_only[at] });
        }
    }

    fn amount(&mut self, item: Item) -> Option<&mut Amount> {
        match item {
            Item::Wallet(asset) => self.cash.iter_mut().find(|cash| cash.asset == asset).map(|cash| &mut cash.wallet),
            Item::Bonus(asset) => self.cash.iter_mut().find(|cash| cash.asset == asset).map(|cash| &mut cash.bonus),
            Item::Quantity(leg) => {
                self.positions.iter_mut().find(|held| held.leg == leg).map(|held| &mut held.quantity)
            }
            Item::Fence(leg) => self.positions.iter_mut().find(|held| held.leg == leg).map(|held| &mut held.fence),
        }
    }

    /// What books do not keep of it.
    pub(super) fn beside(&self) -> Beside {
        let vouchers = self.cash.iter().filter_map(|cash| Some((cash.asset, (**cash.vouchers.as_ref()?).clone())));
        Beside { exact: self.exact(), vouchers: vouchers.collect() }
    }

    /// The amounts that doubles do not denote.
    fn exact(&self) -> Vec<(Item, Fixed)> {
        let mut all = Vec::new();
        all.extend(self.cash.iter().filter_map(|cash| Some((Item::Wallet(cash.asset), cash.wallet.exact?))));
        all.extend(self.cash.iter().filter_map(|cash| Some((Item::Bonus(cash.asset), cash.bonus.exact?))));
        all.extend(self.positions.iter().filter_map(|held| Some((Item::Quantity(held.leg), held.quantity.exact?))));
        all.extend(self.positions.iter().filter_map(|held| Some((Item::Fence(held.leg), held.fence.exact?))));
        all
    }

    /// The cash of an asset; a row of none where there was none.
    pub(super) fn cash_mut(&mut self, asset: usize) -> &mut Cash {
        let asset = u16::try_from(asset).unwrap_or(u16::MAX);
        let at = self.cash.iter().position(|cash| cash.asset == asset).unwrap_or_else(|| {
            let (wallet, bonus) = (Amount::of(0.0), Amount::of(0.0));
            self.cash.push(Cash { asset, wallet, bonus, vouchers: None, borrowed: 0.0 });
            self.cash.len() - 1
        });
        &mut self.cash[at]
    }

    /// The wallet of an asset; zero where there is none.
    pub(super) fn wallet(&self, asset: usize) -> Fixed {
        let found = self.cash.iter().find(|cash| usize::from(cash.asset) == asset);
        found.map_or(Fixed::ZERO, |cash| cash.wallet.fixed())
    }

    pub(super) fn find(&self, leg: Leg) -> Option<usize> {
        self.positions.iter().position(|held| held.leg == leg)
    }

    fn setting(&self, instrument: u32) -> Option<&Setting> {
        self.settings.iter().find(|setting| setting.instrument == instrument)
    }

    /// The leverage chosen for an instrument; NaN where unknown.
    pub(super) fn chosen_leverage(&self, instrument: u32) -> f64 {
        self.setting(instrument).map_or(f64::NAN, |setting| setting.leverage)
    }

    /// Whether the account isolates what it opens in an instrument.
    pub(super) fn isolates(&self, instrument: u32) -> bool {
        self.setting(instrument).and_then(|setting| setting.isolated).unwrap_or(self.known.isolates)
    }
}

fn cash_of(holdings: &Holdings, layer: usize) -> Cash {
    Cash {
        asset: u16::try_from(holdings.layer_asset(layer)).unwrap_or(u16::MAX),
        wallet: Amount::of(holdings.layer_wallet(layer)),
        bonus: Amount::of(holdings.bonus(layer)),
        vouchers: None,
        borrowed: holdings.borrowed(layer),
    }
}

fn position_of(holdings: &Holdings, at: usize, (pool, isolated, fence): (usize, bool, f64)) -> Position {
    let class = holdings.margin_class(at);
    Position {
        leg: Leg { instrument: class.instrument, side: holdings.side(at), isolated },
        quantity: Amount::of(holdings.quantity(at)),
        entry: holdings.entry_price(at),
        leverage: holdings.leverage(at),
        fence: Amount::of(fence),
        version: class.version,
        tier: class.tier,
        pool: u32::try_from(pool).ok(),
    }
}

fn order_of(holdings: &Holdings, at: usize) -> Order {
    let orders = &holdings.orders;
    Order {
        leg: Leg {
            instrument: holdings.classes[usize::from(orders.class[at])].instrument,
            side: orders.side[at],
            isolated: orders.isolated[at],
        },
        quantity: orders.quantity[at],
        price: orders.price[at],
        leverage: orders.leverage[at],
    }
}

/// The cash that an isolated pool of a book has by the rules when nobody said how much: the multiple of the quantum that it
/// is, or the next above it. `None` where it depends on a leverage that is unknown, or cannot be counted.
pub(super) fn fence_by_rule(book: &Book, pool: usize, quantum: Fixed) -> Option<Fixed> {
    let holdings = book.holdings();
    let leverage = holdings.leverage(holdings.positions_of(pool).start);
    if holdings.pool_wallet[pool].is_nan() && leverage.is_nan() {
        return None;
    }
    let fence = fence::<crate::exact::Exact>(book, pool);
    let steps = super::amount::in_steps(&fence, quantum, Some(super::amount::Direction::Up)).ok()?;
    quantum.times(steps.count)
}
