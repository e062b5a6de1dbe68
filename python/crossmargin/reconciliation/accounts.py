"""A book taken apart: each account as a book of its own, and what does not change with prices."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from crossmargin.book import Book
from crossmargin.table import Table

if TYPE_CHECKING:
    import numpy as np

Row = dict[str, Any]
Places = dict[Any, list[int]]
"""Where the rows of each account are."""


class Accounts:
    """The accounts of a book, to be looked at one by one: what is tried on one costs nothing for the others.

    The tables are taken out of the book once, when the first account is asked for.
    """

    def __init__(self, book: Book) -> None:
        self.book = book
        self._last: tuple[Any, Book] | None = None
        self._balances: dict[Any, dict[str, Row]] = {}

    @cached_property
    def rules(self) -> dict[str, Any]:
        """The rules in force, by name."""
        return self.book.market.rules

    @cached_property
    def contracts(self) -> dict[str, Row]:
        """The market's instruments by name, in its order."""
        return {row["instrument"]: row for row in self.book.market.instruments.rows()}

    @cached_property
    def order(self) -> dict[str, int]:
        """The place of each instrument in the market's order."""
        return {name: at for at, name in enumerate(self.contracts)}

    @cached_property
    def assets(self) -> frozenset[str]:
        """The names of the market's assets."""
        return frozenset(self.book.market.assets["asset"].tolist())

    @cached_property
    def _tables(self) -> dict[str, Any]:
        return self.book.tables()

    @cached_property
    def _places(self) -> dict[str, Places]:
        # Books that have text for an account in one table have text for all.
        as_text = self.book.accounts.dtype == object
        tables = {name: table for name, table in self._tables.items() if isinstance(table, Table)}
        return {name: places_of(table["account"], as_text=as_text) for name, table in tables.items()}

    def balances_of(self, account: Any) -> dict[str, Row]:
        """Give the rows of an account's balances by asset; none where nothing but zero was given."""
        if account not in self._balances:
            rows = _rows(self._tables["balances"], self._places["balances"].get(account, [])).rows()
            self._balances[account] = {row["asset"]: row for row in rows}
        return self._balances[account]

    def alone(self, account: Any) -> Book:
        """Give the book of one account, which has the figures that the account has in the whole book, bit for bit."""
        if self._last is None or self._last[0] != account:
            # Beside tables there is the unit of quantities, which is that of each account.
            made: dict[str, Any] = {name: value for name, value in self._tables.items() if isinstance(value, str)}
            for name, places in self._places.items():
                own = places.get(account, [])
                if own or name == "balances":
                    made[name] = _rows(self._tables[name], own)
            self._last = (account, Book(self.book.market, **made))
        return self._last[1]


def places_of(accounts: np.ndarray[Any, Any], *, as_text: bool = False) -> Places:
    """Find the rows of each account in a column of keys."""
    places: Places = {}
    for at, account in enumerate(accounts.tolist()):
        places.setdefault(str(account) if as_text else account, []).append(at)
    return places


def _rows(table: Table, places: list[int]) -> Table:
    return Table({name: values[places] for name, values in table.to_dict().items()})
