"""What questions about orders are given, checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crossmargin import _core as engine
from crossmargin._arguments import is_whole, of_type, one_of, shown, text
from crossmargin._tables import is_mapping, table_input
from crossmargin.book import Book
from crossmargin.errors import ArgumentError
from crossmargin.prices import Prices
from crossmargin.scores import check_options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

ASSUMPTIONS = ("resting", "market_filled", "filled")
FEES = ("taker", "maker", "none")
DIRECTIONS = ("down", "up", "nearest")
SIDES = ("buy", "sell")
MODES = ("cross", "isolated")
POSITION_SIDES = ("net", "long", "short")

Words = tuple[str, str | None, str | None]
"""What an accepted order is, what fills pay, and where amounts go that are no multiple of the quantum."""


def check_asked(book: object, prices: object, missing: object = "raise", n_threads: object = None) -> None:
    """Refuse arguments that every question has."""
    for value, name, expected in ((book, "book", Book), (prices, "prices", Prices)):
        if not isinstance(value, expected):
            raise of_type(value, name, expected.__name__)
    one_of(missing, "missing", ("raise", "null"))
    check_options((), missing, n_threads)


def words_of(assume: object, fee: object, direction: object) -> Words:
    """Check the words that say how fills are made."""
    one_of(assume, "assume", ASSUMPTIONS)
    if fee is not None:
        one_of(fee, "fee", FEES, ", or None")
    if direction is not None:
        one_of(direction, "round", DIRECTIONS, ", or None")
    return assume, fee, direction  # type: ignore[return-value]


def names_of(given: Any, name: str, known: Sequence[str]) -> tuple[str, ...]:
    """Check names of columns, ``"all"`` among them, each given once."""
    if isinstance(given, str):
        given = known if given == "all" else (given,)
    try:
        names = tuple(given)
    except TypeError:
        raise of_type(given, name, 'names of columns, or "all"') from None
    for at, each in enumerate(names):
        if text(each, f"{name}[{at}]") not in known:
            raise ArgumentError(f"{name} named {shown(each)}, which is not found; there are {', '.join(known)}")
        if each in names[:at]:
            raise ArgumentError(f"{name} named {each!r} twice")
    return names


def proposed(book: Book, orders: Any, account: Any = None) -> engine.Proposed:
    """Read a table of orders; one mapping of single values is a table of one row. ``account`` is whose all are."""
    if is_mapping(orders) and "instrument" in orders:
        instrument = orders["instrument"]
        if isinstance(instrument, str) or is_whole(instrument):
            orders = [orders]
    if orders is None:
        raise ArgumentError("orders was None, expected a table; give one without rows if there are no orders")
    return engine.Proposed(book._core, table_input(orders, "orders"), account)


def accounts_of(accounts: Any) -> Any:
    """Take keys of accounts: a sequence, or one key."""
    return [accounts] if isinstance(accounts, str) or is_whole(accounts) else accounts


def flag(value: object, name: str) -> bool:
    """Take a truth value; an array of several has none."""
    try:
        return bool(value)
    except (TypeError, ValueError):
        raise ArgumentError(f"{name} was {shown(value)}, expected True or False") from None


def frozen(columns: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Make columns that cannot be written to."""
    for values in columns.values():
        values.flags.writeable = False
    return columns
