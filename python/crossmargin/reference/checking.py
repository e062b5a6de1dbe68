"""The gate, row by row: every reason against an order, in the order in which a venue asks, and what comes after it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from crossmargin.reference import ledger
from crossmargin.reference.accounts import Accounts, Setting, read_accounts
from crossmargin.reference.admission import (
    FILLED,
    Judged,
    Quotes,
    cost_and_need,
    opening_part,
    read_quotes,
    slack,
    would_fail,
)
from crossmargin.reference.beside import check_frozen, check_sides
from crossmargin.reference.ledger import ZERO, Holding, read_holdings
from crossmargin.reference.limits import limit_of
from crossmargin.reference.market import Instrument, Market
from crossmargin.reference.orders import Around, Order, closes_leg, counts, lacks_leverage, read_order
from crossmargin.reference.paths import held_instruments
from crossmargin.reference.rows import Row
from crossmargin.reference.values import ReferenceInputError, refuse

REASONS = (
    "accepted",
    "malformed",
    "unpriced",
    "position_side",
    "margin_mode",
    "lot",
    "tick",
    "min_size",
    "max_size",
    "min_notional",
    "nothing_to_reduce",
    "liquidatable",
    "leverage_unknown",
    "leverage",
    "cap",
    "margin",
    "leverage_mismatch",
    "fill",
    "target_ratio",
    "liquidation_beyond",
)
"""Why an order is refused, in the order in which reasons are given; the place is the code.

The last two are reasons only where the largest order is asked for.
"""

ASSUMPTIONS = ("resting", "market_filled", "filled")
"""What an accepted row is for the rows after it: an open order; filled where it has no limit; filled."""


@dataclass(frozen=True)
class Way:
    """How accepted rows go on: what they are taken to be, and with which fee and rounding they fill."""

    assume: str = "resting"
    fee: str = "taker"
    direction: str | None = "nearest"
    quantity_unit: str = "contracts"


@dataclass(frozen=True)
class Admission:
    """What the gate says of one row.

    Parameters
    ----------
    row : int
        Its place in the table.
    order : Order
        The row, completed by what its account holds.
    reasons : tuple of str
        Every reason against it, in the order of `REASONS`; none where it is accepted.
    cost : Fraction or None
        What it adds to the initial margin, with the loss that counts; None is unknown. Amounts are in the pool's asset.
    available : Fraction or None
        What there was for it, not below zero.
    need : Fraction or None
        What it takes off what there is to spare.
    opening : Fraction
        How many of its contracts open.
    after : Holding or None
        The account with the row in it as is assumed, accepted or not; None where there can be none.
    """

    row: int
    order: Order
    reasons: tuple[str, ...]
    cost: Fraction | None
    available: Fraction | None
    need: Fraction | None
    opening: Fraction
    after: Holding | None

    @property
    def accepted(self) -> bool:
        """Whether there is no reason against it."""
        return not self.reasons

    @property
    def reason(self) -> str:
        """The first reason."""
        return self.reasons[0] if self.reasons else REASONS[0]

    @property
    def violations(self) -> int:
        """Every reason as a bit at the place of its code."""
        return sum(1 << REASONS.index(reason) for reason in self.reasons)

    @property
    def short(self) -> Fraction | None:
        """What is missing for it: the need beyond what was available; nothing where it is accepted."""
        if self.accepted or (self.need is not None and self.need <= 0):
            return ZERO
        if self.need is None or self.available is None:
            return None
        return max(ZERO, self.need - self.available)


@dataclass(frozen=True)
class Book:
    """Accounts with the rules that they are under, and the prices that they are at."""

    market: Market
    quotes: Quotes
    holdings: Mapping[Any, Holding]
    accounts: Accounts


def read_book(  # noqa: PLR0913 - a table each
    market: Market,
    balances: Iterable[Row],
    positions: Iterable[Row],
    marks: Mapping[str, Any],
    *,
    index: Mapping[str, Any] | None = None,
    last: Mapping[str, Any] | None = None,
    **tables: Any,
) -> Book:
    """Read tables and prices; parameters as `crossmargin.reference.score`."""
    quotes = read_quotes(market, {"mark": marks, "index": index or {}, "last": last or {}})
    accounts = read_accounts(market, tables.get("accounts", ()))
    return Book(market, quotes, read_holdings(market, balances, positions, **tables), accounts)


def check_orders(
    book: Book, proposed: Iterable[Row], way: Way | None = None, missing: str = "raise"
) -> list[Admission]:
    """Judge orders in their order, each on the account with those accepted before it.

    Parameters
    ----------
    book : Book
        What is there before.
    proposed : iterable of mappings
        Rows as `crossmargin.reference.read_orders` takes them; accounts that are there.
    way : Way, optional
        What accepted rows are for those after them; resting orders unless it says else.
    missing : {"raise", "null"}
        What to do where a price is missing: refuse all, or the row with the reason ``unpriced``.

    Returns
    -------
    list of Admission
        One for each row.
    """
    way = way or Way()
    now = dict(book.holdings)
    found = []
    for index, row in enumerate(proposed):
        account = row.get("account", next(iter(now)) if len(now) == 1 else None)
        if account not in now:
            raise refuse(f"orders.account[{index}]", account, "an account of the book")
        said = admit(book, now[account], {**row, "account": account}, index, way, missing)
        if said.accepted and said.after is not None:
            now[account] = said.after
        found.append(said)
    return found


def read_proposal(market: Market, holding: Holding, row: Row, index: int, unit: str = "contracts") -> Order:
    """Read a proposed order: what it leaves out is said as of an open one (`read_orders`)."""

    def around(_: Any, instrument: Instrument) -> Around:
        held = [one for one in holding.positions if one.instrument is instrument]
        return Around(holding.terms, holding.settings.get(instrument.name, Setting()), held)

    return read_order(market, row, index, unit, around)


def admit(  # noqa: PLR0913, PLR0917 - a row among others
    book: Book, holding: Holding, row: Row, index: int, way: Way, missing: str = "raise"
) -> Admission:
    """Judge one order of an account; parameters as `check_orders`."""
    return judge(book, holding, read_proposal(book.market, holding, row, index, way.quantity_unit), way, missing)


def judge(book: Book, holding: Holding, order: Order, way: Way, missing: str = "raise") -> Admission:
    """Judge one order that is read.

    An order that does not open is not asked whether there is margin for it, nor one that waits for a trigger; one of
    a side or mode that cannot be is not asked about money at all. Where a leverage is missing that a requirement
    needs, that is the reason, and what hangs on it is not asked. Whether it can fill is asked last, of what else is
    accepted.
    """
    market = book.market
    opening = opening_part(market, holding, order)
    judged = Judged(book.quotes, holding, replace(order, reduce_only=False) if opening else order, opening)
    if not is_priced(judged):
        if missing == "raise":
            raise refuse("prices", None, f"the prices that an order in {order.instrument.name} needs")
        return Admission(order.row, order, ("unpriced",), None, None, None, opening, None)
    reasons = list(structure(book, holding, order))
    if {"position_side", "margin_mode"} & set(reasons):
        return Admission(order.row, order, tuple(reasons), None, _available(judged), None, opening, None)
    without = lacking(judged)
    cost, need = (None, None) if without else cost_and_need(judged)
    reasons += _money(judged, need, without=without)
    after, refused = _after(book, holding, order, way)
    return Admission(
        row=order.row,
        order=order,
        reasons=tuple(sorted(set(reasons), key=REASONS.index)) or tuple(refused),
        cost=cost,
        available=_available(judged),
        need=need,
        opening=opening,
        after=after,
    )


def is_priced(judged: Judged) -> bool:
    """Whether the prices are there that the order and the pool that it meets need."""
    pool = judged.before()
    names = {one.name for one in held_instruments(judged.market, pool)}
    names |= {position.instrument.name for part in pool.enlarged for position in part.positions}
    return judged.quotes.has({*names, judged.order.instrument.name}, [layer.asset for layer in pool.layers])


def structure(book: Book, holding: Holding, order: Order) -> Iterator[str]:
    """Give the reasons against an order that hang on no money: side, mode, steps, sizes, and something to reduce.

    Source: steps and sizes are the instrument's as its file states them; a reducing order is exempt from the smallest
    sizes and needs a position against it (inferred from the venues' order rules).
    """
    market, instrument, quantity = book.market, order.instrument, abs(order.quantity)
    held = next((one for one in holding.positions if _met(one, order)), None)
    reducing = order.reduce_only or closes_leg(order)
    if not _sides_fit(book, holding, order):
        yield "position_side"
    if order.margin_mode == "isolated" and not market.rules.isolated:
        yield "margin_mode"
    whole = held is not None and held.quantity + order.quantity == 0
    if not whole and not _on_steps(quantity, instrument.lot):
        yield "lot"
    prices = [price for price in (order.price, order.trigger_price) if price is not None]
    if not all(_on_steps(price, instrument.tick) for price in prices):
        yield "tick"
    if instrument.min_quantity is not None and quantity < instrument.min_quantity and not reducing:
        yield "min_size"
    if instrument.max_quantity is not None and quantity > instrument.max_quantity:
        yield "max_size"
    if instrument.min_notional is not None and not reducing and _worth(book, order) < instrument.min_notional:
        yield "min_notional"
    if reducing and (held is None or (held.quantity > 0) == (order.quantity > 0)):
        yield "nothing_to_reduce"


def _on_steps(value: Any, step: Fraction | None) -> bool:
    """Whether a number is whole steps; one that moves (`moving.Moving`) is counted in them."""
    return step is None or not isinstance(value, Fraction) or (value / step).denominator == 1


def _met(position: Any, order: Order) -> bool:
    keys = ("instrument", "position_side", "margin_mode")
    return all(getattr(position, key) == getattr(order, key) for key in keys)


def _sides_fit(book: Book, holding: Holding, order: Order) -> bool:
    try:
        check_sides(book.market, book.accounts, holding.positions, (*holding.orders, order))
    except ReferenceInputError:
        return False
    return True


def _worth(book: Book, order: Order) -> Fraction:
    """Return what an order is worth at its limit or the mark: in quote, of an inverse contract in the coin."""
    run = book.quotes.run
    price = run.price(order.instrument) if order.price is None else order.price
    unit = "settle" if order.instrument.payoff == "inverse" else "quote"
    return run.size(order.instrument, order.quantity, price, unit)


def lacking(judged: Judged) -> bool:
    """Whether an order that counts is without a leverage, or stands beside one, that a requirement must know."""
    market, order = judged.market, judged.order
    if not counts(order, market.rules.orders):
        return False
    try:
        check_frozen(market, judged.holding.positions, judged.with_order().orders)
    except ReferenceInputError:
        return True
    how = market.rules.orders
    if market.rules.admission.basis == "fill":
        how = FILLED
    return lacks_leverage(replace(market.rules, orders=how), order)


def _money(judged: Judged, need: Fraction | None, *, without: bool) -> Iterator[str]:
    """Give the reasons of liquidation, leverage, size and margin: opening orders only, but for a missing leverage."""
    if without:
        yield "leverage_unknown"
    if not judged.opening:
        return
    limit = limit_of(judged.quotes.run, judged.with_order(), judged.order)
    spare = slack(judged.quotes.run, judged.before())
    if not without and would_fail(judged):
        yield "liquidatable"
    if need is None or spare is None or (limit.leverage is not None and judged.order.leverage is None):
        yield "leverage_unknown"
    if not limit.allows(judged.order.leverage):
        yield "leverage"
    if not limit.within_cap:
        yield "cap"
    if need is not None and spare is not None and need > 0 and need > spare:
        yield "margin"


def _available(judged: Judged) -> Fraction | None:
    spare = slack(judged.quotes.run, judged.before())
    return None if spare is None else max(ZERO, spare)


def _after(book: Book, holding: Holding, order: Order, way: Way) -> tuple[Holding | None, list[str]]:
    """Return the account with an order as is assumed, and the reasons why it cannot fill."""
    if not fills_at_once(order, way.assume):
        resting = replace(order, row=max((one.row for one in holding.orders), default=-1) + 1)
        return replace(holding, orders=(*holding.orders, resting)), []
    price = book.quotes.mark[order.instrument.name] if order.price is None else order.price
    held = next((one for one in holding.positions if _met(one, order)), None)
    adds = held is not None and (held.quantity > 0) == (order.quantity > 0)
    if held is not None and adds and held.leverage != order.leverage:
        return None, ["leverage_mismatch"]
    try:
        return filled(book, holding, order, price, way), []
    except ReferenceInputError:
        return None, ["fill"]


def fills_at_once(order: Order, assume: str) -> bool:
    """Whether an accepted order is taken to fill; one that waits for a trigger never is."""
    if assume not in ASSUMPTIONS:
        raise refuse("assume", assume, " or ".join(map(repr, ASSUMPTIONS)))
    if order.trigger_price is not None:
        return False
    return assume == "filled" or (assume == "market_filled" and order.price is None)


def filled(book: Book, holding: Holding, order: Order, price: Fraction, way: Way) -> Holding:
    """Return the account with an order filled at a price; one that can only reduce fills no more than there is."""
    quantity = order.quantity
    held = next((one for one in holding.positions if _met(one, order)), None)
    if held is not None and (order.reduce_only or closes_leg(order)):
        quantity = min(abs(quantity), abs(held.quantity)) * (1 if quantity > 0 else -1)
    row: dict[str, Any] = {
        "instrument": order.instrument.name,
        "quantity": quantity,
        "price": price,
        "leverage": order.leverage,
        "margin_mode": order.margin_mode,
        "position_side": order.position_side,
    }
    if way.fee != "none":
        row["maker"] = way.fee == "maker"
    return ledger.filled(book.market, book.accounts, holding, [row], way.direction)
