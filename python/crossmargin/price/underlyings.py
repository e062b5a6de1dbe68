"""Liquidation prices along an underlying: all that is priced by it moves together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crossmargin import _core as engine
from crossmargin.price.results import MISREAD, Result, check_call, column, pool_keys

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from crossmargin.book import Book
    from crossmargin.prices import Prices


def underlying_prices(book: Book, prices: Prices, missing: str, n_threads: int | None) -> UnderlyingPrices:
    """Find where each pool fails along each underlying that it depends on; see `liquidation_prices`."""
    try:
        columns, n_exact, n_unpriced = engine.underlying_prices(book._core, prices._core, missing, n_threads)
    except MISREAD:
        check_call(book, prices, missing, n_threads)
        raise
    found = object.__new__(UnderlyingPrices)
    found._pools = columns.pop("pool")
    unpriced = columns.pop("unpriced")
    found._begin(book, prices, missing, columns, unpriced)
    found.n_exact, found.n_unpriced = n_exact, n_unpriced
    return found


class UnderlyingPrices(Result):
    """Where each pool fails as an underlying moves: what ``liquidation_prices(..., along="underlying")`` found.

    A row per pool and underlying of what it holds and orders, and, of pools that hold several assets, per asset whose
    index price counts. Every mark of the underlying and the index price of the asset of its name move in proportion.
    Every column is an item, and those here are attributes. Exports ``__arrow_c_stream__``: the keys of the pools, then
    these.

    Attributes
    ----------
    n_exact : int
        How many rows only exact arithmetic could decide.
    n_unpriced : int
        How many pools hold something without a price.
    book, prices
        What was asked about.
    missing : str
        What was asked for missing prices: ``"raise"`` or ``"null"``.
    """

    __slots__ = ("_pools", "n_exact", "n_unpriced")
    _pools: NDArray[np.int64]
    n_exact: int
    n_unpriced: int

    underlying = column("underlying", "What moves: the name of an underlying, or of an asset that is collateral.")
    price = column("price", "Its present price: the index price, or the first mark where there is none.")
    below = column("below", "The last price under the present one up to which the pool is safe; NaN: safe to the end.")
    above = column("above", "The last price over the present one up to which the pool is safe; NaN: safe to the end.")
    liquidatable = column("liquidatable", "Whether the venue may liquidate the pool now; exact.")

    @property
    def pool(self) -> NDArray[np.int64]:
        """The place of each row's pool in ``book.pools``."""
        return self._pools

    def _keys(self) -> dict[str, NDArray[Any]]:
        return pool_keys(self._then, self._pools)
