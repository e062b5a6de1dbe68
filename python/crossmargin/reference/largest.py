"""The largest order that the gate accepts: exactly, lot by lot, whatever holes there are below it."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from crossmargin.reference.book import Position
from crossmargin.reference.checking import REASONS, Admission, Book, Way, judge, read_proposal
from crossmargin.reference.funds import at_target, key_of, with_cash
from crossmargin.reference.ledger import USUAL_LOT, ZERO, Holding, average
from crossmargin.reference.moving import Course
from crossmargin.reference.orders import Order, closes_leg
from crossmargin.reference.paths import along_instrument
from crossmargin.reference.polynomials import Polynomial, Roots
from crossmargin.reference.pools import Layer, Pool, fenced_cash
from crossmargin.reference.rows import Row
from crossmargin.reference.score import Situation
from crossmargin.reference.values import exact
from crossmargin.reference.walking import DOWN, UP, denoted, first_other, first_place_from

MOST_LOTS = 2**62
"""More lots than any order has."""

Accepts = Callable[[Any], bool]
"""Whether so many lots are accepted; the number can be one that moves."""


@dataclass(frozen=True)
class Asked:
    """What is asked beside the gate: a margin ratio to be kept, and a mark up to which the pool shall not fail."""

    target_ratio: Fraction | None = None
    liquidation_beyond: Fraction | None = None


@dataclass(frozen=True)
class Largest:
    """The largest accepted quantity (signed contracts, 0 if none) and the smallest; ``contiguous`` if all between are.

    ``binding`` is the first reason against one lot more, ``cost`` that of the quantity.
    """

    quantity: Fraction
    smallest: Fraction
    contiguous: bool
    binding: str
    cost: Fraction | None


def largest_order(book: Book, account: Any, row: Row, asked: Asked | None = None, most: int = MOST_LOTS) -> Largest:
    """Return the largest order that the gate accepts in the direction of a row's quantity.

    What is accepted can have holes: what closes may be, and what opens at once beyond it not. So the accepted numbers
    of lots are found piece by piece: between two numbers at which a comparison of the rules changes its sign nothing
    else does. With a price that the liquidation is to stay beyond, every number up to ``most`` is looked at.

    Parameters
    ----------
    book : Book
        What there is.
    account : object
        Whose order.
    row : mapping
        As of `check_orders`; of ``quantity`` the sign counts.
    asked : Asked, optional
        Further conditions, on the pool that holds the position once the order is filled at its price.
    most : int
        The most lots that are looked at.

    Returns
    -------
    Largest
        With 0 where not one lot is accepted.
    """
    asked = asked or Asked()
    holding = book.holdings[account]
    order = read_proposal(book.market, holding, {**row, "account": account}, 0)
    step = (order.instrument.lot or USUAL_LOT) * (1 if order.quantity > 0 else -1)

    def said(lots: Any) -> Admission:
        return judge(book, holding, replace(order, quantity=step * lots), Way())

    def reason(lots: Any) -> str:
        found = said(lots)
        if not found.accepted:
            return found.reason
        return _beyond(book, holding, replace(order, quantity=step * lots), asked)

    def accepts(lots: Any) -> bool:
        return reason(lots) == REASONS[0]

    there = _reducible(holding, order)
    if there is not None:
        most = min(most, math.floor(there / abs(step)))
    found = scanned(accepts, most) if asked.liquidation_beyond is not None else walked(accepts, most)
    low, high, contiguous = (0, 0, False) if found is None else found
    binding = reason(Fraction(high + 1))
    if there is not None and binding == REASONS[0]:
        binding = "nothing_to_reduce"
    cost = said(Fraction(high)).cost if high else ZERO
    return Largest(step * high, step * low, contiguous=contiguous, binding=binding, cost=cost)


def _reducible(holding: Holding, order: Order) -> Fraction | None:
    """Return how much there is to reduce for an order that can do no more; None for others, and where it is nothing.

    The gate lets larger ones in, which fill no more than that.
    """
    held = next((one.quantity for one in holding.tabled_positions() if _same(one, order)), ZERO)
    against = held * order.quantity < 0
    return abs(held) if against and (order.reduce_only or closes_leg(order)) else None


def scanned(accepts: Accepts, most: int) -> tuple[int, int, bool] | None:
    """Look at every number of lots: the least and the largest that are accepted, and whether all between are."""
    taken = [lots for lots in range(1, most + 1) if accepts(Fraction(lots))]
    return (taken[0], taken[-1], len(taken) == taken[-1] - taken[0] + 1) if taken else None


def walked(accepts: Accepts, most: int) -> tuple[int, int, bool] | None:
    """Find the same piece by piece, with a number of lots that remembers what it was compared with."""
    low = first_with(accepts, 1, most, wanted=True) if most >= 1 else None
    if low is None:
        return None
    high = first_with(accepts, most, 1, wanted=True)
    assert high is not None
    hole = first_with(accepts, low, high, wanted=False)
    return low, high, hole is None


def first_with(accepts: Accepts, start: int, end: int, *, wanted: bool) -> int | None:
    """Return the first whole number on the way from a start to an end, both included, with an answer; None without."""
    step, at = (1 if start <= end else -1), start
    while (end - at) * step >= 0:
        course = Course(Fraction(at))
        if accepts(course.variable) == wanted:
            return at
        at = _next_number(course.polynomials, at, end, step)
    return None


def _next_number(signs: Mapping[Polynomial, int], at: int, end: int, step: int) -> int:
    """Return a number such that at all before it every polynomial has the sign that it has at the given one."""
    found = end + step
    for polynomial, sign in signs.items():
        if sign == 0:
            return at + step
        roots, near, far = Roots(polynomial), at, found - step

        def between(last: int, roots: Roots = roots) -> bool:
            return roots.between(*map(Fraction, sorted((at, last))))

        if far == at or not between(far):
            continue
        while abs(far - near) > 1:
            middle = (near + far) // 2
            near, far = (near, middle) if between(middle) else (middle, far)
        found = far
    return found


def _beyond(book: Book, holding: Holding, order: Order, asked: Asked) -> str:
    """Return which of the further conditions an accepted order breaks, or that it breaks none.

    Formula: ``collateral_value >= target_ratio * maintenance_margin``; no failing test at any mark of the instrument
    from the present one to ``liquidation_beyond``, both included, everything else as it is.
    """
    if asked.target_ratio is None and asked.liquidation_beyond is None:
        return REASONS[0]
    pool = filled_exactly(book, holding, order)
    if pool is None:
        return REASONS[0]
    if asked.target_ratio is not None and not at_target(book.quotes.run, pool, asked.target_ratio):
        return "target_ratio"
    if asked.liquidation_beyond is not None and not _safe_up_to(book, pool, order, asked.liquidation_beyond):
        return "liquidation_beyond"
    return REASONS[0]


def _safe_up_to(book: Book, pool: Pool, order: Order, mark: Fraction) -> bool:
    runs, quotes = book.quotes.runs(), book.quotes
    last = quotes.last if "last" in runs else None
    now = Situation(book.market, (pool,), quotes.mark, runs["mark"].index, last)
    failing = along_instrument(now, order.instrument).failing(pool)
    start = quotes.mark[order.instrument.name]
    if failing(start) or failing(mark):
        return False
    way = DOWN if mark < start else UP
    place = first_other(failing, known=False, place=first_place_from(start, way), way=way)
    return place is None or (denoted(place) - mark) * way.step > 0


def filled_exactly(book: Book, holding: Holding, order: Order) -> Pool | None:
    """Return the pool that holds the position once an order is filled at its price; None where nothing is left.

    Nothing is rounded and no fee is paid; a profit of the fill against the mark does not count, a loss does.

    Source: the definition of this library.
    """
    run, instrument = book.quotes.run, order.instrument
    price = run.price(instrument) if order.price is None else order.price
    settle = instrument.settle
    held = next((one for one in holding.tabled_positions() if _same(one, order)), None)
    quantity = order.quantity
    if held is not None and (order.reduce_only or closes_leg(order)) and abs(quantity) > abs(held.quantity):
        quantity = -held.quantity
    mark, at = run.value(instrument, run.price(instrument)), run.value(instrument, price)
    profit = max(ZERO, quantity * (mark - at))
    after, realized, fence = _netted(book, holding, replace(order, quantity=quantity, price=price))
    pools = {key_of(pool): pool for pool in holding.paid(settle, ZERO).pools(book.market)}
    if order.margin_mode == "isolated":
        if after is None:
            return None
        isolated = Pool(
            account=holding.account,
            kind="isolated",
            asset=settle,
            instrument=instrument.name,
            side=order.position_side,
            layers=(Layer(settle, fence),),
            positions=(replace(after, isolated_margin=fence),),
            terms=holding.terms,
        )
        return with_cash(isolated, settle, -profit)
    (cross,) = [pool for pool in pools.values() if pool.kind == "cross" and _has(pool, settle)]
    others = tuple(one for one in cross.positions if held is None or one.key != held.key)
    positions = (*others, replace(after, row=len(holding.positions))) if after is not None else others
    return with_cash(replace(cross, positions=positions), settle, realized - profit)


def _same(position: Position, order: Order) -> bool:
    keys = ("instrument", "position_side", "margin_mode")
    return all(getattr(position, key) == getattr(order, key) for key in keys)


def _has(pool: Pool, asset: str) -> bool:
    return asset in {layer.asset for layer in pool.layers}


def _netted(book: Book, holding: Holding, order: Order) -> tuple[Position | None, Fraction, Fraction]:
    """Return the position after a fill, the profit that it closed, and what is fenced for it."""
    run, instrument = book.quotes.run, order.instrument
    assert order.price is not None
    opened = _position(holding, order)
    held = next((one for one in holding.tabled_positions() if _same(one, order)), None)
    if held is None:
        return opened, ZERO, _fence(book, holding, opened)
    fenced = _fence(book, holding, held)
    if (held.quantity > 0) == (order.quantity > 0):
        entry = average(instrument.payoff, held, opened)
        added = replace(held, quantity=held.quantity + order.quantity, entry_price=entry)
        more = _fence(book, holding, replace(opened, leverage=held.leverage))
        return added, ZERO, fenced + more
    turned = abs(order.quantity) > abs(held.quantity)
    part = held.quantity if turned else -order.quantity
    values = (run.value(instrument, price) for price in (order.price, held.entry_price))
    realized = part * (next(values) - next(values))
    left = held.quantity + order.quantity
    if turned:
        opened = replace(opened, quantity=left)
        return opened, realized, _fence(book, holding, opened)
    kept = replace(held, quantity=left) if left != 0 else None
    return kept, realized, fenced - fenced * part / held.quantity


def _position(holding: Holding, order: Order) -> Position:
    assert order.price is not None
    return Position(
        account=holding.account,
        instrument=order.instrument,
        quantity=order.quantity,
        entry_price=order.price,
        leverage=order.leverage,
        margin_mode=order.margin_mode,
        position_side=order.position_side,
    )


def _fence(book: Book, holding: Holding, position: Position) -> Fraction:
    if position.margin_mode != "isolated":
        return ZERO
    if position.isolated_margin is None and position.leverage is None:
        return ZERO
    return fenced_cash(book.market, position, holding.terms)


def read_asked(target_ratio: Any = None, liquidation_beyond: Any = None) -> Asked:
    """Read the further conditions as a caller gives them."""
    return Asked(
        None if target_ratio is None else exact(target_ratio, "target_ratio"),
        None if liquidation_beyond is None else exact(liquidation_beyond, "liquidation_beyond"),
    )
