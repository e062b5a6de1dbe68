"""Groups: which legs and orders are charged together, what they amount to, and the tier that this puts them into."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from crossmargin.reference import filling, rules
from crossmargin.reference.book import Position
from crossmargin.reference.filling import Fill, Opening, Sides
from crossmargin.reference.market import Instrument
from crossmargin.reference.orders import Order
from crossmargin.reference.pools import Pool, place
from crossmargin.reference.run import Run
from crossmargin.reference.switches import RequirementRule
from crossmargin.reference.tiers import TierTable
from crossmargin.reference.values import N


@dataclass(frozen=True)
class Group:
    """What is charged together: the legs and orders of one instrument, or those of one side of it."""

    instrument: Instrument
    positions: tuple[Position, ...]
    orders: tuple[Order, ...] = ()

    @property
    def table(self) -> TierTable:
        """The table of the first position; a group of orders alone is under the newest."""
        return self.positions[0].table if self.positions else self.instrument.table

    def without_orders(self) -> "Group":
        """Return the positions alone."""
        return Group(self.instrument, self.positions)


def groups(pool: Pool, run: Run[N], legs: str) -> list[Group]:
    """Divide the positions and orders of a pool into groups, in canonical order.

    Formula: a group per instrument and position side where each leg is charged by itself (``legs = "each"``), else a
    group per instrument.
    """
    found: dict[tuple[Any, ...], list[Any]] = {}
    entries: tuple[Position | Order, ...] = (*pool.positions, *pool.orders)
    for entry in entries:
        where = place(run.market, entry.instrument, entry.position_side)
        found.setdefault(where if legs == "each" else where[:2], []).append(entry)
    return [
        Group(
            members[0].instrument,
            tuple(entry for entry in members if isinstance(entry, Position)),
            tuple(entry for entry in members if isinstance(entry, Order)),
        )
        for _, members in sorted(found.items(), key=lambda pair: pair[0])
    ]


def fills(  # noqa: PLR0913 - by keyword only
    run: Run[N],
    positions: Sequence[Position],
    orders: Sequence[Order],
    *,
    legs: str,
    mode: str,
    price: str,
    bounds: str = "settle",
    per_leverage: bool = False,
    tier: bool = False,
) -> list[Fill[N]]:
    """Return what legs and orders could amount to, in a unit (see `filling.fills`).

    With ``per_leverage`` each position and each order is divided by its own leverage before they are put together.
    With ``tier`` it is for a tier: on the larger side orders then count whole, also those that close.

    Source: Bybit, "Risk Limit" (tier of the larger of position and orders of either side); Binance FAQ
    4f83b65d83654b5e933f85ef12bf769d (requirement over leverage); that unlike leverages divide one by one follows from
    the venues' initial margin per position and per order; read 2026-11-22.
    """
    orders = orders if mode != "none" else ()
    full = _sides(run, positions, orders, price, bounds, per_leverage=False)
    over = _sides(run, positions, orders, price, bounds, per_leverage=True) if per_leverage else None
    entries: tuple[Position | Order, ...] = (*positions, *orders)
    hedged = any(entry.position_side != "net" for entry in entries)
    whole = tier and mode == "larger_side"
    opens = Opening(run.one, run.one) if whole else _opening(run, positions, orders)
    return filling.fills(legs, mode, hedged, full, opens, run.one, over)


def _sides(  # noqa: PLR0913 - by keyword where it matters
    run: Run[N],
    positions: Iterable[Position],
    orders: Iterable[Order],
    price: str,
    bounds: str,
    *,
    per_leverage: bool,
) -> Sides[N]:
    long = short = buys = sells = run.zero
    for position in positions:
        size = run.size(position.instrument, position.quantity, run.basis_price(position, price), bounds)
        size = _over_leverage(run, position, size) if per_leverage else size
        if position.sign > 0:
            long = long + size
        else:
            short = short + size
    for order in orders:
        size = run.order_size(order, bounds)
        size = _over_leverage(run, order, size) if per_leverage else size
        if order.quantity > 0:
            buys = buys + size
        else:
            sells = sells + size
    return Sides(long, short, buys, sells)


def _opening(run: Run[N], positions: Iterable[Position], orders: Sequence[Order]) -> Opening[N]:
    """Parts of buys and of sells that open, by quantity: what an order closes does not hang on a price."""
    held = sum((position.quantity for position in positions), Fraction(0))
    buys = sum((order.quantity for order in orders if order.quantity > 0), Fraction(0))
    sells = sum((-order.quantity for order in orders if order.quantity < 0), Fraction(0))
    shares = filling.opening_share(-held, buys), filling.opening_share(held, sells)
    return Opening(*map(run.cast, shares))


def _over_leverage(run: Run[N], entry: Position | Order, size: N) -> N:
    margin = rules.initial_margin(size, None if entry.leverage is None else run.cast(entry.leverage))
    assert margin is not None
    return margin


def tier_of(run: Run[N], pool: Pool, group: Group, rule: RequirementRule) -> int:
    """Return the tier of a group (from 1).

    By the basis of the rule: the same amount that is charged, another arrangement of the instrument's legs, or the
    sum over all instruments on the underlying; or the tier that the owner chose, or the higher of both.

    Formula: `rules.tier_number` of the amount in the unit of the table, floors times the account's coefficient.

    Source: WEEX support 5491591989785 (long and short added in cross); OKX help 360020411711 (expiries of one
    underlying summed); Bybit, "Risk Limit" (larger side with its orders); Binance ``notionalCoef``; MEXC contract API
    (the level in force); read 2026-11-22.
    """
    how = run.market.rules.margin_class.tier
    table = group.table
    # Legs may be under tables of different lengths; the group is charged by that of its first leg.
    chosen = [min(position.tier, len(table.tiers)) for position in group.positions if position.tier is not None]
    if how == "static" and chosen:
        return max(chosen)
    floors = [run.cast(tier.floor * pool.terms.coefficient) for tier in table.tiers]
    by_basis = rules.tier_number(_tier_basis(run, pool, group, rule, table.bounds), floors, table.at_floor)
    return max(by_basis, *chosen) if how == "higher_of_both" and chosen else by_basis


def _tier_basis(run: Run[N], pool: Pool, group: Group, rule: RequirementRule, bounds: str) -> N:
    mode = run.market.rules.orders.tier_basis

    def of(legs: str, positions: Sequence[Position], orders: Sequence[Order]) -> N:
        found = fills(run, positions, orders, legs=legs, mode=mode, price=rule.tier_price, bounds=bounds, tier=True)
        return max(fill.amount for fill in found)

    if rule.tier_legs == "same":
        return of(rule.legs, group.positions, group.orders)
    instrument = group.instrument
    if rule.tier_legs == "underlying":
        total = run.zero
        for other in groups(pool, run, rule.legs):
            if (other.instrument.underlying, other.instrument.settle) == (instrument.underlying, instrument.settle):
                total = total + of(rule.legs, other.positions, other.orders)
        return total
    positions = [position for position in pool.positions if position.instrument is instrument]
    orders = [order for order in pool.orders if order.instrument is instrument]
    return of(rule.tier_legs, positions, orders)
