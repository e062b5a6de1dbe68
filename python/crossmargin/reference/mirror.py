"""Orders of one account repeated by others, each to its measure: copy trading."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from crossmargin.reference.checking import Admission, Book, Way, fills_at_once, judge, read_proposal
from crossmargin.reference.figures import score_pool
from crossmargin.reference.largest import largest_order
from crossmargin.reference.ledger import USUAL_LOT, ZERO, Holding
from crossmargin.reference.orders import Order, closes_leg
from crossmargin.reference.rows import Row
from crossmargin.reference.values import exact, refuse

CUTTABLE = ("margin", "leverage", "cap")
"""Reasons for which a smaller order may do."""


@dataclass(frozen=True)
class Mirrored:
    """One row of the leader for one follower: what was wanted, and what is placed (0 where it is refused or skipped).

    ``cut`` says that it is less than wanted; the reason is then what kept it from being more.
    """

    leader_row: int
    account: Any
    wanted: Fraction
    quantity: Fraction
    cut: bool
    reason: str


@dataclass(frozen=True)
class Copying:
    """Who follows whom, and by which measure: the ratio of equities, or a factor for each follower.

    ``equities`` are those to be compared, by account; without them the exact ones, each to the nearest double.
    """

    leader: Any
    followers: Sequence[Any]
    by: str = "equity"
    factors: Mapping[Any, Fraction] | None = None
    cut: bool = True
    equities: Mapping[Any, Any] | None = None


def mirror(book: Book, orders: Iterable[Row], copying: Copying, way: Way | None = None) -> list[Mirrored]:
    """Repeat the orders of a leader in the accounts of followers, each after those before it.

    A follower gets the leader's quantity times the ratio of their equities and its factor, or times its factor alone,
    down to whole lots. What closes for the leader closes no more than the follower has. Each order goes through the
    gate; one that is too large for the margin, the leverage or the cap is cut to the largest that fits.

    Formula: ``sign * floor(|q| * r * factor / lot) * lot``.

    Source: the definition of this library.
    """
    way = way or Way()
    now = dict(book.holdings)
    found: list[Mirrored] = []
    before: list[Order] = []
    for index, row in enumerate(orders):
        order = read_proposal(
            book.market, book.holdings[copying.leader], {**row, "account": copying.leader}, index, way.quantity_unit
        )
        closing = _closes(book.holdings[copying.leader], order, before)
        before += [order] if fills_at_once(order, way.assume) else []
        for account in copying.followers:
            ratio = _ratio(book, copying, account, order)
            said, now[account] = _followed(
                book, now[account], row, order, ratio, closing=closing, cut=copying.cut, way=way
            )
            found.append(said)
    return found


def _closes(holding: Holding, order: Order, before: Sequence[Order]) -> bool:
    """Whether an order closes for the leader: it says so, or stays within the position that earlier rows left."""
    if order.reduce_only or closes_leg(order):
        return True
    if order.position_side != "net":
        return False
    rows: list[Any] = [*holding.positions, *before]
    left = sum((one.quantity for one in rows if _key(one) == _key(order)), ZERO)
    return left * order.quantity < 0 and abs(order.quantity) <= abs(left)


def _key(entry: Any) -> tuple[str, str, str]:
    return (entry.instrument.name, entry.position_side, entry.margin_mode)


def _ratio(book: Book, copying: Copying, account: Any, order: Order) -> Fraction:
    """Return by what a follower multiplies; 0 where it has no equity."""
    factor = (copying.factors or {}).get(account, Fraction(1))
    if copying.by == "factor":
        return factor
    own, leading = (_equity(book, copying, one, order) for one in (account, copying.leader))
    if leading <= 0:
        raise refuse("leader", copying.leader, "an account with equity")
    return max(ZERO, own / leading) * factor


def _equity(book: Book, copying: Copying, account: Any, order: Order) -> Fraction:
    """Return the equity of an account: all pools in the valuation asset, or those in what the order settles in."""
    if copying.equities is not None:
        return exact(copying.equities[account], "equity")
    target, runs = book.market.rules.valuation_asset, book.quotes.runs()
    total = ZERO
    for pool in book.holdings[account].pools(book.market):
        if target is None and pool.asset != order.instrument.settle:
            continue
        rate = Fraction(1) if target in (None, pool.asset) else book.quotes.index.get(pool.asset, Fraction(1))
        total += rate * exact(float(score_pool(runs, pool).equity))
    return total


def _followed(  # noqa: PLR0913 - by keyword where it matters
    book: Book, holding: Holding, row: Row, order: Order, ratio: Fraction, *, closing: bool, cut: bool, way: Way
) -> tuple[Mirrored, Holding]:
    account, sign = holding.account, 1 if order.quantity > 0 else -1
    said = Mirrored(order.row, account, ZERO, ZERO, cut=False, reason="margin")
    if not ratio:
        return said, holding
    lot = order.instrument.lot or USUAL_LOT
    own = read_proposal(book.market, holding, {**row, "account": account}, order.row, way.quantity_unit)
    lots = math.floor(abs(order.quantity) * ratio / lot)
    wanted = sign * lots * lot
    if closing:
        against = next((one for one in holding.positions if _key(one) == _key(own)), None)
        if against is None or against.quantity * sign > 0:
            return replace(said, reason="nothing_to_reduce"), holding
        if abs(against.quantity) <= abs(wanted):
            wanted = -against.quantity
    if not wanted:
        return replace(said, reason="lot"), holding
    found = judge(book, holding, replace(own, quantity=wanted), way)
    said = replace(said, wanted=wanted, reason=found.reason)
    if found.accepted:
        return replace(said, quantity=wanted), found.after or holding
    if cut and found.reason in CUTTABLE:
        return _cut(book, holding, row, replace(own, quantity=wanted), said, way)
    return said, holding


def _cut(  # noqa: PLR0913, PLR0917 - what is cut, and of what
    book: Book, holding: Holding, row: Row, order: Order, said: Mirrored, way: Way
) -> tuple[Mirrored, Holding]:
    lot = order.instrument.lot or USUAL_LOT
    there = replace(book, holdings={**book.holdings, holding.account: holding})
    most = math.floor(abs(order.quantity) / lot)
    found = largest_order(there, holding.account, {**row, "quantity": 1 if order.quantity > 0 else -1}, None, most)
    if not found.quantity:
        return said, holding
    placed: Admission = judge(book, holding, replace(order, quantity=found.quantity), way)
    if not placed.accepted:
        return said, holding
    return replace(said, quantity=found.quantity, cut=True, reason=found.binding), placed.after or holding
