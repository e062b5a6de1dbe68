"""The result of `explain`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crossmargin._arguments import is_whole, shown, text
from crossmargin.errors import ArgumentError
from crossmargin.explanation.layout import html_of, text_of
from crossmargin.explanation.rows import COLUMNS
from crossmargin.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray


class Explanation:
    """Why the figures of an account are what they are: a tree of terms, each before its parts.

    ``print(explanation)`` shows the tree, with the sources of the rules below it; notebooks show a table. It exports
    ``__arrow_c_stream__``, and its columns are items (``explanation["value"]``).

    Columns: ``pool`` (place in ``Book.pools``), ``level`` (depth, from 0), ``term``, ``instrument`` and
    ``position_side`` (of what it is about, else ``None``), ``constraint`` (which is tested, of an ``excess``),
    ``formula`` (with the numbers), ``value`` (NaN where unknown), ``asset`` (that it is an amount of; ``None`` of
    ratios, tiers and verdicts), ``rule`` (its path in the market's file), ``source``, ``retrieved`` and ``evidence``
    (of that rule, see `Market.sources`), ``row`` (of a position's input table), ``parent`` (row of the term that it is
    part of) and ``repeats`` (row of the earlier term that is the same number, whose parts stand there); -1 where there
    is no such row.

    Examples
    --------
    >>> import crossmargin as xm
    >>> market = xm.load_market("textbook")
    >>> cash = {"account": [7], "asset": ["USDT"], "wallet_balance": [1_000.0]}
    >>> held = {"account": [7], "instrument": ["BTCUSDT"], "quantity": [0.1], "entry_price": [60_000.0]}
    >>> book = xm.Book(market, balances=cash, positions=held)
    >>> explanation = xm.explain(book, market.prices(mark={"BTCUSDT": 50_000.0}))
    >>> for row in explanation.only("maintenance_margin").rows():
    ...     print("  " * row["level"] + row["term"], row["formula"], sep=": ")
    maintenance_margin: 150
      charge: 2.5 % x 6,000 - 0 = 150
        entry_notional: 0.1 x 60,000 = 6,000
        tier: tier 1
          tier_notional: 0.1 x 60,000 = 6,000
    """

    __slots__ = ("_rows", "_titles")
    _rows: list[dict[str, Any]]
    _titles: dict[int, str]

    def __init__(self) -> None:
        raise ArgumentError("Explanation has no terms of its own; make it with explain()")

    @classmethod
    def _of(cls, rows: list[dict[str, Any]], titles: dict[int, str]) -> Explanation:
        made = object.__new__(cls)
        made._rows = rows
        made._titles = titles
        return made

    @property
    def table(self) -> Table:
        """The rows as a table of columns."""
        return Table({name: [row[name] for row in self._rows] for name in COLUMNS})

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns, in order."""
        return COLUMNS

    def rows(self) -> list[dict[str, Any]]:
        """Give the rows, each a dict by column.

        Returns
        -------
        list of dict
            In the order of reading; the caller's own.
        """
        return [dict(row) for row in self._rows]

    def only(self, term: str, pool: int | None = None) -> Explanation:
        """Take one term out, with all that it is made of.

        Parameters
        ----------
        term : str
            A term of the explanation, such as ``"maintenance_margin"``; of several the first in each pool.
        pool : int, optional
            The place of one pool in ``Book.pools``.

        Returns
        -------
        Explanation
            The term at level 0, and its parts.

        Raises
        ------
        ArgumentError
            For a term that is not there.
        """
        text(term, "term")
        if pool is not None and not is_whole(pool):
            raise ArgumentError(f"pool was {shown(pool)}, expected a place in book.pools")
        found: dict[int, int] = {}
        for at, row in enumerate(self._rows):
            if row["term"] == term and pool in (None, row["pool"]):
                found.setdefault(row["pool"], at)
        if not found:
            known = ", ".join(dict.fromkeys(row["term"] for row in self._rows))
            raise ArgumentError(f"term was {term!r}, which is not explained here; there are {known}")
        made: list[dict[str, Any]] = []
        for at in found.values():
            self._copy(at, level=0, parent=-1, into=made, seen={})
        return Explanation._of(made, self._titles)

    def _copy(self, at: int, *, level: int, parent: int, into: list[dict[str, Any]], seen: dict[int, int]) -> None:
        """Copy a row and its parts; the parts of what stood above are copied where they are first needed."""
        row = self._rows[at]
        origin = at if row["repeats"] < 0 else row["repeats"]
        place = len(into)
        into.append({**row, "level": level, "parent": parent, "repeats": seen.get(origin, -1)})
        if origin in seen:
            return
        seen[origin] = place
        for part in self._parts(origin):
            self._copy(part, level=level + 1, parent=place, into=into, seen=seen)

    def _parts(self, at: int) -> Iterator[int]:
        level = self._rows[at]["level"]
        for part in range(at + 1, len(self._rows)):
            if self._rows[part]["level"] <= level:
                return
            if self._rows[part]["parent"] == at:
                yield part

    def __getitem__(self, name: str) -> NDArray[np.generic]:
        return self.table[name]

    def __len__(self) -> int:
        return len(self._rows)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Explanation):
            return NotImplemented
        return self.table == other.table

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> tuple[Any, tuple[list[dict[str, Any]], dict[int, str]]]:
        return Explanation._of, (self._rows, self._titles)

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Export the columns as one Arrow record batch; NaN and ``None`` become null."""
        return self.table.__arrow_c_stream__(requested_schema)

    def __repr__(self) -> str:
        return text_of(self._rows, self._titles)

    def _repr_html_(self) -> str:
        return html_of(self._rows, self._titles)
