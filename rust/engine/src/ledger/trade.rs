//! What trades do to an account: positions that meet fills, fences and fees, in exact numbers.

use crate::book::{QuantityUnit, coordinate_size};
use crate::error::{FaultKind, shown};
use crate::exact::Exact;
use crate::market::{Instrument, Payoff};

use super::Ledger;
use super::amount::{Amount, Direction, Fixed, NoSteps, Steps, in_steps};
use super::bonus::Flow;
use super::staged::{Movement, Wrong};
use super::state::{Leg, Position, State, fence_by_rule};

type Outcome<T> = Result<T, Wrong>;

/// The smallest step of a quantity where the market states none: `10^-8` contracts.
const USUAL_LOT: Fixed = Fixed { digits: 1, exponent: -8 };

/// An instrument as money sees it.
pub(super) struct Contract<'a> {
    pub(super) instrument: &'a Instrument,
    pub(super) settle: usize,
    pub(super) quantum: Fixed,
    size: Exact,
}

impl Contract<'_> {
    /// What a unit of quantity is worth at a price, signed so that profit is quantity times its change; in the settlement
    /// asset.
    pub(super) fn value(&self, price: &Exact) -> Exact {
        match self.instrument.payoff() {
            Payoff::Inverse => -self.size.checked_div(price).unwrap_or_else(Exact::zero),
            Payoff::Linear | Payoff::Quanto { .. } => self.size.clone() * price.clone(),
        }
    }

    /// The price at which a position that was added to has the profit of both parts.
    fn average(&self, (quantity, price): (&Exact, &Exact), (added, at): (&Exact, &Exact)) -> f64 {
        let whole = quantity.clone() + added.clone();
        let average = if self.instrument.payoff() == Payoff::Inverse {
            let over = |a: &Exact, b: &Exact| a.checked_div(b).unwrap_or_else(Exact::zero);
            whole.checked_div(&(over(quantity, price) + over(added, at)))
        } else {
            (quantity.clone() * price.clone() + added.clone() * at.clone()).checked_div(&whole)
        };
        average.map_or(f64::NAN, |average| average.to_f64())
    }
}

/// Where an account is changed: its state, and how money is rounded.
pub(super) struct Desk<'a> {
    pub(super) ledger: &'a Ledger,
    /// The number of the account.
    pub(super) account: usize,
    pub(super) state: &'a mut State,
    pub(super) direction: Option<Direction>,
    pub(super) moved: Movement,
}

/// What a trade opens: its price, leverage (NaN: as chosen for the instrument), and what is to be fenced (NaN: by rule).
#[derive(Debug, Clone, Copy)]
pub(super) struct Opening {
    pub(super) price: f64,
    pub(super) leverage: f64,
    pub(super) fence: f64,
}

pub(super) fn too_large(column: &'static str) -> Wrong {
    let cure = "the amount has more digits than can be counted; check the unit";
    Wrong::new(column, "a larger number".to_owned(), FaultKind::OutOfRange, cure)
}

impl Ledger {
    pub(super) fn contract(&self, at: usize) -> Contract<'_> {
        let instrument = &self.market.instruments()[at];
        let unit = self.places.base().holdings().quantity_unit;
        let size = Exact::from_f64(coordinate_size(instrument, unit));
        let size = match instrument.payoff() {
            Payoff::Quanto { multiplier } => size * Exact::from_f64(multiplier),
            Payoff::Linear | Payoff::Inverse => size,
        };
        let settle = instrument.settle();
        Contract { instrument, settle, quantum: self.quanta[settle], size }
    }

    /// The step of an instrument's quantities.
    fn lot(&self, instrument: &Instrument) -> Option<Fixed> {
        let lot = instrument.lot().map_or(USUAL_LOT, Fixed::of);
        match self.places.base().holdings().quantity_unit {
            QuantityUnit::Contracts => Some(lot),
            QuantityUnit::Base => {
                let size = Fixed::of(instrument.contract_size());
                let lot = lot.times(size.digits)?;
                Some(Fixed { exponent: lot.exponent + size.exponent, ..lot })
            }
        }
    }

    /// An amount that the owner gets, in steps of an asset.
    pub(super) fn in_quanta(
        &self,
        amount: &Exact,
        asset: usize,
        direction: Option<Direction>,
        column: &'static str,
    ) -> Outcome<Steps> {
        let quantum = self.quanta[asset];
        in_steps(amount, quantum, direction).map_err(|why| match why {
            NoSteps::TooLarge => too_large(column),
            NoSteps::NotMultiple => {
                let name = self.market.assets()[asset].name();
                let cure = format!(
                    "it is no multiple of {} {name}; give a multiple, or say where to round: down, up or nearest",
                    shown(quantum.to_f64())
                );
                Wrong::new(column, shown(amount.to_f64()), FaultKind::NotMultiple, cure)
            }
        })
    }
}

impl Desk<'_> {
    /// Trades as the venue nets: a fill reduces what it meets, and what is left of it opens.
    pub(super) fn fill(&mut self, leg: Leg, quantity: Fixed, opening: Opening) -> Outcome<()> {
        let contract = self.ledger.contract(leg.instrument as usize);
        self.check_lots(&contract, leg, quantity)?;
        let free = leg.isolated.then(|| self.free(contract.settle)).transpose()?;
        let (mut rest, mut opening) = (quantity, opening);
        let met = self.state.find(leg).map(|at| (at, self.state.positions[at].quantity.fixed()));
        if let Some((at, held)) = met
            && held.is_positive() != quantity.is_positive()
        {
            let all = quantity.abs().compare(held.abs()).is_ge();
            let part = if all { held } else { quantity.negated() };
            if opening.leverage.is_nan() {
                opening.leverage = self.state.positions[at].leverage;
            }
            self.close(&contract, at, part, opening.price)?;
            rest = quantity.plus(part).ok_or_else(|| too_large("quantity"))?;
        }
        if !rest.is_zero() {
            self.open(&contract, leg, rest, opening)?;
        }
        self.check_fences(&contract, free)
    }

    /// Quantities are multiples of the lot, unless they close all that there is.
    fn check_lots(&self, contract: &Contract<'_>, leg: Leg, quantity: Fixed) -> Outcome<()> {
        let lot = self.ledger.lot(contract.instrument).ok_or_else(|| too_large("quantity"))?;
        if quantity.in_steps(lot).is_some() {
            return Ok(());
        }
        let held = self.state.find(leg).map(|at| self.state.positions[at].quantity.fixed());
        if held.is_some_and(|held| held.plus(quantity).is_some_and(Fixed::is_zero)) {
            return Ok(());
        }
        let cure =
            format!("it is no multiple of the lot {}; give a multiple, or all of the position", shown(lot.to_f64()));
        Err(Wrong::new("quantity", shown(quantity.to_f64()), FaultKind::NotMultiple, cure))
    }

    /// Opens a position, or adds to it.
    fn open(&mut self, contract: &Contract<'_>, leg: Leg, quantity: Fixed, opening: Opening) -> Outcome<()> {
        let found = self.state.find(leg);
        let mut added = Position {
            leg,
            quantity: quantity.into(),
            entry: opening.price,
            leverage: opening.leverage,
            fence: Amount::of(opening.fence),
            version: None,
            tier: 0,
            pool: None,
        };
        if added.leverage.is_nan() {
            let of_instrument = || self.state.chosen_leverage(leg.instrument);
            added.leverage = found.map_or_else(of_instrument, |at| self.state.positions[at].leverage);
        }
        if leg.isolated && added.fence.near.is_nan() {
            added.fence = self.fence_alone(contract, &added)?.into();
        }
        let Some(at) = found else {
            self.state.positions.push(added);
            return Ok(());
        };
        let held = self.state.positions[at].clone();
        let same =
            held.leverage.to_bits() == added.leverage.to_bits() || (held.leverage.is_nan() && added.leverage.is_nan());
        if !same {
            let cure = format!("the position has {}; change that of the whole position first", shown(held.leverage));
            return Err(Wrong::new("leverage", shown(added.leverage), FaultKind::Inconsistent, cure));
        }
        let whole = held.quantity.fixed().plus(quantity).ok_or_else(|| too_large("quantity"))?;
        let fence = if leg.isolated {
            let fence = self.fence_of(contract, &held)?.plus(added.fence.fixed());
            fence.ok_or_else(|| too_large("isolated_margin"))?.into()
        } else {
            held.fence
        };
        let entry = contract.average(
            (&held.quantity.fixed().to_exact(), &Exact::from_f64(held.entry)),
            (&quantity.to_exact(), &Exact::from_f64(opening.price)),
        );
        self.state.positions[at] = Position { quantity: whole.into(), entry, fence, ..held };
        Ok(())
    }

    /// Closes a quantity of the sign of a position at a price.
    ///
    /// Of an isolated position the same share of what is fenced goes back to the account's cash, more where a loss asks for
    /// more; the share is cut to the quantum, what is cut stays fenced.
    fn close(&mut self, contract: &Contract<'_>, at: usize, quantity: Fixed, price: f64) -> Outcome<()> {
        let held = self.state.positions[at].clone();
        let gain = contract.value(&Exact::from_f64(price)) - contract.value(&Exact::from_f64(held.entry));
        let booked = self.book(contract.settle, &(quantity.to_exact() * gain), (Flow::Loss, "realized_pnl"))?;
        self.moved.realized += booked;
        let whole = held.quantity.fixed();
        let rest = whole.minus(quantity).ok_or_else(|| too_large("quantity"))?;
        let mut fence = held.fence;
        if held.leg.isolated {
            fence = self.fence_left(contract, &held, (quantity, rest), booked)?.into();
        }
        if rest.is_zero() {
            self.state.positions.remove(at);
        } else {
            self.state.positions[at] = Position { quantity: rest.into(), fence, ..held };
        }
        Ok(())
    }

    /// What stays fenced of a position of which a part was closed with a profit or loss.
    fn fence_left(
        &self,
        contract: &Contract<'_>,
        held: &Position,
        (part, rest): (Fixed, Fixed),
        booked: i128,
    ) -> Outcome<Fixed> {
        let fence = self.fence_of(contract, held)?;
        let loss = contract.quantum.times(-booked).ok_or_else(|| too_large("realized_pnl"))?;
        if loss.is_positive() && loss.compare(fence).is_gt() {
            let cure = format!(
                "{} {} is fenced for the position, which can lose no more than that; give it more margin first",
                shown(fence.to_f64()),
                self.asset_name(contract.settle)
            );
            return Err(Wrong::new("realized_pnl", shown(-loss.to_f64()), FaultKind::BeyondFunds, cure));
        }
        let mut back = fence;
        if !rest.is_zero() {
            let share = fence.to_exact() * part.to_exact();
            let share = share.checked_div(&held.quantity.fixed().to_exact()).unwrap_or_else(Exact::zero);
            let steps =
                in_steps(&share, contract.quantum, Some(Direction::Down)).map_err(|_| too_large("realized_pnl"))?;
            back = contract.quantum.times(steps.count).ok_or_else(|| too_large("realized_pnl"))?;
        }
        let back = if back.compare(loss).is_lt() { loss } else { back };
        fence.minus(back).ok_or_else(|| too_large("isolated_margin"))
    }

    /// Books an amount that the owner gets (negative: pays) on the cash of an asset, or its bonus; gives it in quanta.
    fn book(&mut self, asset: usize, amount: &Exact, (kind, column): (Flow, &'static str)) -> Outcome<i128> {
        let steps = self.ledger.in_quanta(amount, asset, self.direction, column)?;
        self.flow(asset, steps.count, (kind, column))?;
        self.moved.remainder += steps.remainder;
        Ok(steps.count)
    }

    /// Moves quanta into the cash of an asset.
    pub(super) fn pay(&mut self, asset: usize, quanta: i128, column: &'static str) -> Outcome<()> {
        let cash = self.state.cash_mut(asset);
        let moved = self.ledger.quanta[asset].times(quanta);
        let wallet = moved.and_then(|moved| cash.wallet.fixed().plus(moved)).ok_or_else(|| too_large(column))?;
        cash.wallet = wallet.into();
        Ok(())
    }

    /// Books a fee.
    pub(super) fn charge(&mut self, asset: usize, fee: &Exact) -> Outcome<()> {
        let booked = self.book(asset, &-fee.clone(), (Flow::Fee, "fee"))?;
        self.moved.fee -= booked;
        Ok(())
    }

    /// What is fenced for an isolated position, as a number.
    pub(super) fn fence_of(&self, contract: &Contract<'_>, held: &Position) -> Outcome<Fixed> {
        if !held.fence.near.is_nan() {
            return Ok(held.fence.fixed());
        }
        let Some((pool, (book, _))) = held.pool.zip(self.ledger.places.get(self.account)) else {
            return self.fence_alone(contract, held);
        };
        fence_by_rule(book, pool as usize, contract.quantum).ok_or_else(unknown_fence)
    }

    /// Moves quanta behind an isolated position, or from there as long as there are any.
    pub(super) fn fence_more(&mut self, contract: &Contract<'_>, at: usize, quanta: i128) -> Outcome<()> {
        let fence = self.fence_of(contract, &self.state.positions[at])?;
        let more = contract.quantum.times(quanta).and_then(|moved| fence.plus(moved));
        let more = more.ok_or_else(|| too_large("isolated_margin"))?;
        self.state.positions[at].fence = if more.is_negative() { Fixed::ZERO } else { more }.into();
        Ok(())
    }

    /// What is fenced for an isolated position by the rules when it is opened.
    fn fence_alone(&self, contract: &Contract<'_>, position: &Position) -> Outcome<Fixed> {
        if position.leverage.is_nan() {
            return Err(unknown_fence());
        }
        let fence = Amount::of(f64::NAN);
        let alone = State {
            positions: vec![Position { fence, pool: None, ..position.clone() }],
            known: self.state.known,
            ..State::default()
        };
        let book = self.ledger.alone(&alone)?;
        // The cross pool of the settlement asset comes first.
        fence_by_rule(&book, book.holdings().n_pools() - 1, contract.quantum).ok_or_else(unknown_fence)
    }

    /// The cash of an asset that is not fenced.
    pub(super) fn free(&self, asset: usize) -> Outcome<Fixed> {
        let mut free = self.state.wallet(asset);
        for held in self.state.positions.iter().filter(|held| held.leg.isolated) {
            let contract = self.ledger.contract(held.leg.instrument as usize);
            if contract.settle == asset {
                let fence = self.fence_of(&contract, held)?;
                free = free.minus(fence).ok_or_else(|| too_large("isolated_margin"))?;
            }
        }
        Ok(free)
    }

    /// Refuses fences beyond the cash that was free.
    fn check_fences(&self, contract: &Contract<'_>, free: Option<Fixed>) -> Outcome<()> {
        let Some(free) = free else { return Ok(()) };
        let left = self.free(contract.settle)?;
        let floor = if free.is_negative() { free } else { Fixed::ZERO };
        if left.compare(floor).is_ge() {
            return Ok(());
        }
        let asked = free.minus(left).map_or(f64::NAN, Fixed::to_f64);
        let name = self.asset_name(contract.settle);
        let cure = format!("{} {name} are not fenced yet; deposit first", shown(free.to_f64()));
        Err(Wrong::new("isolated_margin", shown(asked), FaultKind::BeyondFunds, cure))
    }

    pub(super) fn asset_name(&self, asset: usize) -> &str {
        self.ledger.market.assets()[asset].name()
    }
}

fn unknown_fence() -> Wrong {
    let cure = "give the isolated margin, or the leverage that it follows from";
    Wrong::new("isolated_margin", "null".to_owned(), FaultKind::Missing, cure)
}
