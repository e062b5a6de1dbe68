"""Reading rows of a table: what is required, what may be absent, which key occurs once.

A row is a mapping from column name to value. A row that is refused names its table, column, number and value.
"""

import math
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any, TypeVar

from crossmargin.reference.values import exact, refuse

SIDES = ("net", "long", "short")
"""Sides in canonical order: one position of either sign, or the two legs of hedge mode."""

MODES = ("cross", "isolated")
"""Margin modes in canonical order."""

Row = Mapping[str, Any]
Kept = TypeVar("Kept")


def collect(  # noqa: PLR0913 - by keyword only
    entries: list[Kept],
    *,
    key: Callable[[Kept], Any],
    duplicates: str,
    merge: Callable[[Kept, Kept], Kept],
    settle: Callable[[Kept], Kept],
    table: str,
    column: str,
) -> list[Kept]:
    """Keep one entry per key, in the order first seen; a repeated key is refused or merged, and then settled."""
    if duplicates not in ("raise", "merge"):
        raise refuse("duplicates", duplicates, "'raise' or 'merge'")
    kept: dict[Any, Kept] = {}
    merged: set[Any] = set()
    for index, entry in enumerate(entries):
        name = key(entry)
        if name not in kept:
            kept[name] = entry
        elif duplicates == "merge":
            kept[name] = merge(kept[name], entry)
            merged.add(name)
        else:
            raise refuse(f"{table}.{column}[{index}]", name, "a key that occurs once", "pass duplicates='merge'")
    return [settle(entry) if name in merged else entry for name, entry in kept.items()]


def stored(value: Fraction) -> Fraction:
    """Round to the double that a merged table holds: a book keeps doubles, and the decimal of one is its input."""
    return exact(float(value))


def account_of(row: Row, where: str) -> Any:
    """Read the account: an integer or a string."""
    account = required(row, "account", where)
    if isinstance(account, float):
        raise refuse(where.format("account"), account, "an integer or a string")
    return account


def required(row: Row, column: str, where: str) -> Any:
    """Read a value that must be there."""
    value = row.get(column)
    if value is None:
        raise refuse(where.format(column), None, "a value")
    return value


def optional(row: Row, column: str, where: str, read: Callable[[Any, str], Fraction]) -> Fraction | None:
    """Read a number if it is there."""
    value = row.get(column)
    return None if value is None else read(value, where.format(column))


def optional_or_nan(row: Row, column: str, where: str, read: Callable[[Any, str], Fraction]) -> Fraction | None:
    """Read a number if it is there; NaN says absent, as in a column of doubles."""
    value = row.get(column)
    if isinstance(value, float) and math.isnan(value):
        return None
    return optional(row, column, where, read)


def choice(row: Row, column: str, where: str, choices: tuple[str, ...], default: str | None = None) -> str:
    """Read one of the choices; absent, it is the default, or else the first."""
    value = row.get(column)
    if value is None:
        return default or choices[0]
    if value not in choices:
        raise refuse(where.format(column), value, " or ".join(repr(choice) for choice in choices))
    return str(value)


def named(row: Row, column: str, where: str, choices: tuple[str, ...]) -> str | None:
    """Read one of the choices if it is there."""
    return None if row.get(column) is None else choice(row, column, where, choices)
