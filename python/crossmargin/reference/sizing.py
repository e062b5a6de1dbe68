"""How large a position may be: by what a stop may lose, by what may be required, by its tier, and by the gate."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from crossmargin.reference import rules
from crossmargin.reference.accounts import Terms
from crossmargin.reference.book import Position
from crossmargin.reference.checking import Book
from crossmargin.reference.largest import MOST_LOTS, first_with, largest_order
from crossmargin.reference.ledger import USUAL_LOT, ZERO, Holding
from crossmargin.reference.limits import largest_leverage
from crossmargin.reference.market import Instrument, Market
from crossmargin.reference.pools import Layer, Pool, fenced_cash
from crossmargin.reference.requirement import required
from crossmargin.reference.run import Run
from crossmargin.reference.values import refuse

LIMITS = ("loss", "maintenance", "leverage", "cap", "margin")
"""What can limit a size, in the order in which equal limits are named."""


@dataclass(frozen=True)
class Ask:
    """What a position shall be: its prices and the risk that is allowed, each number exact; None is off or unknown.

    ``max_loss`` is an amount of the settlement asset, as is ``equity``; ``side`` is 1 to buy, -1 to sell. ``slippage``
    makes both fills worse by that fraction.
    """

    instrument: Instrument
    side: int
    equity: Fraction
    max_loss: Fraction
    entry_price: Fraction
    stop_price: Fraction | None = None
    slippage: Fraction = ZERO
    fee: Fraction = ZERO
    exit_fee: Fraction = ZERO
    leverage: Fraction | None = None
    maintenance_share: Fraction | None = Fraction(1, 50)
    margin_mode: str = "cross"


@dataclass(frozen=True)
class Sized:
    """A size and what limits it; ``by`` has the largest size of each limit in contracts, None where it is off."""

    quantity: Fraction
    binding: str
    notional: Fraction
    loss: Fraction | None
    maintenance_margin: Fraction | None
    initial_margin: Fraction | None
    leverage_used: Fraction | None
    risk_share: Fraction | None
    by: dict[str, Fraction | None]


def loss_per_contract(market: Market, ask: Ask) -> Fraction | None:
    """Return what one contract loses from entry to stop, with slippage and both fees; None without a stop.

    Formula: ``dir * (X(e') - X(t')) + fee_in * |x(e')| + fee_out * |x(t')|`` with ``e' = e * (1 + dir * s)`` and
    ``t' = t * (1 - dir * s)``.

    Source: the definition of this library.
    """
    if ask.stop_price is None:
        return None
    entry = _value(market, ask.instrument, ask.entry_price * (1 + ask.side * ask.slippage))
    stop = _value(market, ask.instrument, ask.stop_price * (1 - ask.side * ask.slippage))
    return ask.side * (entry - stop) + ask.fee * abs(entry) + ask.exit_fee * abs(stop)


def _value(market: Market, instrument: Instrument, price: Fraction) -> Fraction:
    run: Run[Fraction] = Run(market, Fraction, {}, {})
    return run.value(instrument, price)


def size_position(market: Market, ask: Ask, terms: Terms | None = None, room: tuple[Book, Any] | None = None) -> Sized:
    """Return the largest position that keeps every limit: one lot more breaks the binding one.

    Parameters
    ----------
    market : Market
        The rules.
    ask : Ask
        What is wanted.
    terms : Terms, optional
        Taker rate and coefficient of the account; the market's usual ones without them.
    room : tuple of Book and account, optional
        Where the order must fit as well, at its entry price as a limit.

    Returns
    -------
    Sized
        Quantities in contracts, signed by the side.
    """
    _check(ask)
    terms = terms or Terms(market.rules.taker)
    lot = ask.instrument.lot or USUAL_LOT
    per_contract = loss_per_contract(market, ask)
    lots: dict[str, int | None] = {
        "loss": None if per_contract is None else _steps(ask.max_loss, per_contract * lot),
        "maintenance": _within_share(market, ask, terms, lot),
        "leverage": _of_tiers(market, ask, terms, lot, cap=False),
        "cap": _of_tiers(market, ask, terms, lot, cap=True),
        "margin": None if room is None else _fitting(room, ask, lot),
    }
    known = {name: count for name, count in lots.items() if count is not None}
    if not known:
        raise refuse("size", None, "something that limits it", "give a stop price or a maintenance share")
    binding = min(known, key=lambda name: (known[name], LIMITS.index(name)))
    quantity = known[binding] * lot
    pool = _pool(market, ask, terms, quantity)
    notional = quantity * abs(_value(market, ask.instrument, ask.entry_price))
    loss = None if per_contract is None else quantity * per_contract
    return Sized(
        quantity=ask.side * quantity,
        binding=binding,
        notional=notional,
        loss=loss,
        maintenance_margin=_required(market, ask, pool, "maintenance"),
        initial_margin=_required(market, ask, pool, "initial"),
        leverage_used=notional / ask.equity if ask.equity > 0 else None,
        risk_share=loss / ask.equity if loss is not None and ask.equity > 0 else None,
        by={name: None if count is None else count * lot for name, count in lots.items()},
    )


def _check(ask: Ask) -> None:
    if ask.stop_price is not None and (ask.entry_price - ask.stop_price) * ask.side <= 0:
        side = "below" if ask.side > 0 else "above"
        raise refuse("stop_price", ask.stop_price, f"a price {side} the entry price {ask.entry_price}")


def _steps(amount: Fraction, step: Fraction) -> int:
    return max(0, math.floor(amount / step))


def _within_share(market: Market, ask: Ask, terms: Terms, lot: Fraction) -> int | None:
    """Return the most lots whose maintenance margin at the entry price is within its share of the equity."""
    if ask.maintenance_share is None:
        return None
    allowed = ask.maintenance_share * ask.equity
    if _required(market, ask, _pool(market, ask, terms, lot), "maintenance") is None:
        return None

    def holds(lots: Any) -> bool:
        needed = _required(market, ask, _pool(market, ask, terms, lots * lot), "maintenance")
        return needed is not None and bool(needed <= allowed)

    return _bounded(_most(holds))


def _bounded(lots: int) -> int | None:
    """Return a number of lots, or None where nothing bounds it."""
    return None if lots == MOST_LOTS else lots


def _of_tiers(market: Market, ask: Ask, terms: Terms, lot: Fraction, *, cap: bool) -> int | None:
    """Return the most lots of a tier that allows the leverage, or within the cap; None where nothing is limited."""
    table = ask.instrument.table
    run: Run[Fraction] = Run(market, Fraction, {}, {})
    limited = market.rules.limit(ask.margin_mode).leverage == "tier" and ask.leverage is not None
    leverages = [largest_leverage(tier) for tier in table.tiers]
    if (cap and table.cap is None) or (not cap and (not limited or all(one is None for one in leverages))):
        return None
    floors = [tier.floor * terms.coefficient for tier in table.tiers]

    def holds(lots: Any) -> bool:
        size = run.size(ask.instrument, lots * lot, ask.entry_price, table.bounds)
        if cap:
            return bool(size <= (table.cap or ZERO) * terms.coefficient)
        allowed = leverages[rules.tier_number(size, floors, table.at_floor) - 1]
        return allowed is None or bool((ask.leverage or ZERO) <= allowed)

    return _bounded(_most(holds))


def _most(holds: Callable[[Any], bool]) -> int:
    return first_with(holds, MOST_LOTS, 1, wanted=True) or 0


def _fitting(room: tuple[Book, Any], ask: Ask, lot: Fraction) -> int:
    book, account = room
    row = {
        "instrument": ask.instrument.name,
        "quantity": ask.side,
        "price": ask.entry_price,
        "leverage": ask.leverage,
        "margin_mode": ask.margin_mode,
        "position_side": ("long" if ask.side > 0 else "short")
        if _hedges(book.holdings[account], ask.instrument)
        else "net",
    }
    found = largest_order(book, account, row)
    return int(abs(found.quantity) / lot)


def _hedges(holding: Holding, instrument: Instrument) -> bool:
    """Say whether an account holds legs: as it says, or else as its rows of the instrument are."""
    mode = holding.terms.position_mode
    if mode is not None:
        return mode == "hedge"
    sides = {one.position_side for one in holding.positions if one.instrument.name == instrument.name}
    sides |= {one.position_side for one in holding.orders if one.instrument.name == instrument.name}
    return bool(sides - {"net"})


def _pool(market: Market, ask: Ask, terms: Terms, quantity: Fraction) -> Pool:
    """Return a pool of the position alone, at its entry price."""
    settle = ask.instrument.settle
    position = Position(
        account=None,
        instrument=ask.instrument,
        quantity=ask.side * quantity,
        entry_price=ask.entry_price,
        leverage=ask.leverage,
        margin_mode=ask.margin_mode,
    )
    if ask.margin_mode == "isolated" and ask.leverage is not None:
        position = replace(position, isolated_margin=fenced_cash(market, position, terms))
    return Pool(
        account=None,
        kind=ask.margin_mode,
        asset=settle,
        instrument=None,
        side=None,
        layers=(Layer(settle, ZERO),),
        positions=(position,),
        terms=terms,
    )


def _required(market: Market, ask: Ask, pool: Pool, level: str) -> Fraction | None:
    """Return what the position alone requires at its entry price; None where a leverage is missing for it."""
    run: Run[Fraction] = Run(market, Fraction, {ask.instrument.name: ask.entry_price}, {})
    rule = market.rules.requirement(level, ask.margin_mode)
    if ask.leverage is None and (rule.closing_fee.startswith("bankruptcy") or rule.source == "share_of_initial"):
        return None
    return required(run, pool, level)[ask.instrument.settle]
