"""What a published number claims: a small book in canonical tables, and a figure of it or of an order in it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

Row = Mapping[str, Any]


@dataclass(frozen=True)
class VectorBook:
    """Arguments of a scorer: the text of a market, tables, and prices."""

    market: str
    balances: Sequence[Row] = ()
    positions: Sequence[Row] = ()
    marks: Mapping[str, float] = field(default_factory=dict)
    orders: Sequence[Row] = ()
    accounts: Sequence[Row] = ()
    settings: Sequence[Row] = ()
    index: Mapping[str, float] = field(default_factory=dict)
    last: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Claim:
    """A figure of the last pool of a book: its value within a tolerance, or as the venue shows it (``shown``).

    ``per`` divides the figure first: an amount valued in one asset, stated in another. A ``bare`` claim is about a part
    of the rules (a margin without its fees); it holds under the table of its builder only, under no preset.
    """

    book: VectorBook
    output: str
    expected: Any
    tolerance: Fraction = Fraction(0)
    shown: bool = False
    per: Fraction = Fraction(1)
    bare: bool = False


@dataclass(frozen=True)
class PriceClaim:
    """A price as the venue shows it, at the tick of an instrument."""

    market: str
    instrument: str
    price: Fraction
    side: str
    expected: Fraction


@dataclass(frozen=True)
class PositionClaim:
    """A price of the last position of a book, from the marks there: within a tolerance, or as the venue shows it.

    ``output`` is ``liquidation_price`` or ``bankruptcy_price``; ``bare`` as of `Claim`.
    """

    book: VectorBook
    output: str
    expected: Fraction
    tolerance: Fraction = Fraction(0)
    shown: bool = False
    bare: bool = False


@dataclass(frozen=True)
class OrderClaim:
    """A figure of one more order, or the gate's word on it, after the open orders of a book: within a tolerance.

    ``order`` is proposed; ``output`` is ``cost``, ``available``, ``short`` or ``reason``. ``per`` and ``bare`` as of
    `Claim`.
    """

    book: VectorBook
    order: Row
    output: str
    expected: Any
    tolerance: Fraction = Fraction(0)
    per: Fraction = Fraction(1)
    bare: bool = False


AnyClaim = Claim | PriceClaim | PositionClaim | OrderClaim
Claims = list[AnyClaim]
Vector = Mapping[str, Any]


def number(value: float) -> Fraction:
    """The decimal that a published number was written as."""
    return Fraction(repr(value))


def decimal(value: Fraction) -> float:
    """A float that denotes the value exactly; a builder must not round its facts."""
    result = float(value)
    assert number(result) == value, value
    return result


def balance(wallet: float, asset: str = "USDT", **more: Any) -> Row:
    return {"account": "vector", "asset": asset, "wallet_balance": wallet, **more}


def position(name: str, quantity: float, entry: float, **more: Any) -> Row:
    return {"account": "vector", "instrument": name, "quantity": quantity, "entry_price": entry, **more}


def order(name: str, quantity: float, price: float, **more: Any) -> Row:
    return {"account": "vector", "instrument": name, "quantity": quantity, "price": price, **more}


def fits_exactly(book_of: Callable[[float], VectorBook], order: Row, cost: Fraction) -> Claims:
    """A wallet of what an order costs is enough for it, and one that has a quantum less is not.

    What is missing is the difference of two amounts of the size of the cost, so it has their precision.
    """
    quantum, precision = Fraction(1, 10**8), cost / 2**48
    lacks = book_of(decimal(cost - quantum))
    return [
        OrderClaim(book_of(decimal(cost)), order, "reason", "accepted"),
        OrderClaim(lacks, order, "reason", "margin"),
        OrderClaim(lacks, order, "short", quantum, precision),
    ]


def leverage_limits(
    book: VectorBook, name: str, tiers: Iterable[tuple[float, float]], cap: float | None = None
) -> Claims:
    """An order of a size may have the leverage of its tier and no higher one; above the last bound there is none.

    ``tiers`` are sizes at a price of 1 with the largest leverage of each, the last of them up to the ``cap``.
    """
    rows = [
        (size, leverage + more, word) for size, leverage in tiers for more, word in ((0, "accepted"), (1, "leverage"))
    ]
    if cap is not None:
        lowest = rows[-2][1]
        rows += [(cap, lowest, "accepted"), (cap + 1, lowest, "cap")]
    return [OrderClaim(book, order(name, size, 1, leverage=leverage), "reason", word) for size, leverage, word in rows]


def isolated(margin: float | None = None, **more: Any) -> Row:
    """Columns of an isolated position; without a margin, it is that of the leverage at entry."""
    given = {} if margin is None else {"isolated_margin": margin}
    return {"margin_mode": "isolated", **given, **more}


def flips(
    book_at: Callable[[float], VectorBook],
    price: Fraction,
    tolerance: Fraction,
    side: int,
    *,
    now: float,
    output: str = "liquidation_price",
) -> Claims:
    """The verdict flips at a price: liquidatable one tolerance towards the loss, safe one towards the profit.

    Seen from a present mark it is the liquidation price, or another output that is the same there.
    """
    return [
        PositionClaim(book_at(now), output, price, tolerance),
        Claim(book_at(float(price - side * tolerance)), "liquidatable", True),
        Claim(book_at(float(price + side * tolerance)), "liquidatable", False),
    ]
