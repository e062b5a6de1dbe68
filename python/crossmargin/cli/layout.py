"""Tables as text for a person: aligned columns under their names, every row, nothing cut off."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_EXACT = 1e15
"""Below this, whole numbers are written out."""


def cell(value: object) -> str:
    """Write one value: numbers with separators, fractions with ten digits, a dash for what is absent.

    Examples
    --------
    >>> cell(1234.5), cell(None), cell(float("nan")), cell("USDT")
    ('1,234.5', '-', '-', 'USDT')
    """
    if value is None or value != value or value == "":  # noqa: PLR0124 - NaN is absent
        return "-"
    if not isinstance(value, float):
        return str(value)
    return f"{value:,.0f}" if value.is_integer() and abs(value) < _EXACT else f"{value:,.10g}"


def aligned(columns: Mapping[str, Sequence[object]]) -> Iterator[str]:
    """Lay columns out, numbers to the right.

    Parameters
    ----------
    columns : mapping of str to sequence
        Columns of one length by name.

    Yields
    ------
    str
        The line of names, then a line per row.

    Examples
    --------
    >>> list(aligned({"asset": ["USDT", "BTC"], "price": [1.0, 60000.0]}))
    ['asset   price', 'USDT        1', 'BTC    60,000']
    """
    texts = [[name, *map(cell, values)] for name, values in columns.items()]
    widths = [max(map(len, column)) for column in texts]
    numbers = [any(isinstance(value, float) for value in values) for values in columns.values()]
    for row in zip(*texts, strict=True):
        parts = zip(row, widths, numbers, strict=True)
        yield "  ".join(part.rjust(width) if right else part.ljust(width) for part, width, right in parts).rstrip()
