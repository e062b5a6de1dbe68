"""A book that is watched, with the prices that it is watched from and what the monitor is asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from crossmargin.reference import load_market
from crossmargin.testing.watching.ticks import INDEX, LAST, MARK, Floats, Levels

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    import crossmargin as xm
    from crossmargin.testing.cases import FullCase

LEVELS = (2.0, 1.5, 1.2)
SOFT_STOP = 0.15
"""What a monitor warns of unless it is told otherwise."""


@dataclass(frozen=True)
class Watched:
    """A book, the prices at the start, and what is asked of the monitor.

    Parameters
    ----------
    kind : str
        What it is called in a summary.
    book : crossmargin.Book
        What is held.
    levels : Levels
        Prices at the start.
    ratios : tuple of float
        Levels of the margin ratio, falling.
    soft_stop : float or None
        Share of loss that stops an account.
    liquidation : bool or str
        As of `crossmargin.Alerts`.
    references : ndarray of float64, optional
        What losses are relative to, by account; NaN for the equity at the start.
    """

    kind: str
    book: xm.Book
    levels: Levels = field(repr=False)
    ratios: tuple[float, ...] = LEVELS
    soft_stop: float | None = SOFT_STOP
    liquidation: bool | str = True
    references: Floats | None = field(default=None, repr=False)

    @cached_property
    def market_text(self) -> str:
        """The market as text, complete in itself."""
        return self.book.market.to_toml()

    @cached_property
    def specified(self) -> Any:
        """The market of the reference."""
        return load_market(self.market_text)

    @property
    def valuation(self) -> str:
        """The asset that accounts are valued in: the market's, else the one that all pools have."""
        return str(self.book.market.rules["valuation_asset"] or self.book.pools["asset"][0])

    @cached_property
    def tables(self) -> dict[str, Any]:
        """The tables of the book."""
        return self.book.tables()

    @cached_property
    def names(self) -> tuple[list[str], list[str]]:
        """Names of instruments and of assets, in market order."""
        market = self.book.market
        return market.instruments["instrument"].tolist(), market.assets["asset"].tolist()

    @cached_property
    def places(self) -> dict[str, int]:
        """Places of instruments by name."""
        return {name: at for at, name in enumerate(self.names[0])}

    @cached_property
    def positions_in(self) -> NDArray[np.int64]:
        """The instrument of each position, by its place."""
        return self._places_in("positions")

    def _places_in(self, table: str) -> NDArray[np.int64]:
        if table not in self.tables:
            return np.zeros(0, dtype=np.int64)
        return coded(self.tables[table]["instrument"], self.names[0])

    @cached_property
    def held(self) -> NDArray[np.int64]:
        """Places of the instruments that are held or ordered."""
        return np.unique(np.concatenate([self.positions_in, self._places_in("orders")]))

    @cached_property
    def quoted(self) -> tuple[list[int], list[int], list[int]]:
        """Places of the prices that pools may hang on: marks, index prices, last prices.

        Where pools span assets, the price of the asset that they are valued in is its unit, and stays as it is.
        """
        rules = self.book.market.rules
        unit = rules["valuation_asset"] if rules["cross_pool"] == "per_account" else None
        held = self.held.tolist()
        found: list[list[int]] = [[], [], []]
        found[MARK] = held
        priced = zip(self.names[1], self.levels.index.tolist(), strict=True)
        found[INDEX] = [at for at, (name, price) in enumerate(priced) if price > 0 and name != unit]
        found[LAST] = held if LAST in self.moving else []
        return found[0], found[1], found[2]

    @cached_property
    def moving(self) -> list[int]:
        """The prices of instruments that a test of the rules looks at: marks, last prices, or both."""
        return [MARK if price == "mark" else LAST for price in self._tested]

    @cached_property
    def _tested(self) -> list[str]:
        """The prices that the tests of the rules name, each once."""
        return list(dict.fromkeys(constraint["price"] for constraint in self.book.market.rules["constraints"]))

    def rows(self, account: Any) -> dict[str, Any]:
        """Return the rows of an account, as the reference reads them."""
        return reference_rows(self.book.tables(account))

    def sample(self, market: xm.Market, most: int) -> xm.Book:
        """Return the first accounts of the book, under another market."""
        import crossmargin as xm

        tables = dict(self.tables)
        unit = tables.pop("quantity_unit", "contracts")
        known = self.book.accounts[:most]
        kept: dict[str, Any] = {
            name: {column: table[column][np.isin(table["account"], known)] for column in table.columns}
            for name, table in tables.items()
        }
        return xm.Book(market, **kept, quantity_unit=unit)


def coded(names: NDArray[Any], known: list[str]) -> NDArray[np.int64]:
    """Return the places of names."""
    unique, inverse = np.unique(names.astype(str), return_inverse=True)
    places: NDArray[np.int64] = np.array([known.index(name) for name in unique.tolist()], dtype=np.int64)
    return places[inverse]


def reference_rows(tables: Mapping[str, Any]) -> dict[str, Any]:
    """Return tables as the reference reads them: lists of rows, what is absent left out."""
    return {
        name: table if isinstance(table, str) else [_told(row) for row in table.rows()]
        for name, table in tables.items()
    }


def _told(row: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in row.items() if value is not None and value == value}  # noqa: PLR0124 - NaN


def watched_case(case: FullCase, kind: str = "drawn case") -> Watched:
    """Return a case of a differential test as a book to watch; index prices of assets that have none are 1."""
    from crossmargin.testing.oracle import engine_book

    book, prices = engine_book(*case.arguments(), **case.options())
    index = prices.index
    index[np.isnan(index)] = 1.0
    return Watched(kind, book, Levels(prices.mark, index, prices.last))
