"""Prices: what a venue quotes at one moment, checked against its market."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crossmargin.errors import ArgumentError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from crossmargin import _core as engine
    from crossmargin.market import Market


class Prices:
    """Checked prices of a market at one moment, made by `Market.prices`. Immutable."""

    __slots__ = ("_core", "market")
    _core: engine.Prices
    market: Market

    def __init__(self) -> None:
        raise ArgumentError("Prices has no market of its own; make them with market.prices()")

    @classmethod
    def _of(cls, made: engine.Prices, market: Market) -> Prices:
        prices = object.__new__(cls)
        prices._core = made
        prices.market = market
        return prices

    @property
    def mark(self) -> NDArray[np.float64]:
        """Mark prices in the order of ``market.instruments``, quote per base; NaN where there is none; a copy."""
        return self._core.mark()

    @property
    def index(self) -> NDArray[np.float64]:
        """Index prices in the order of ``market.assets``, in the valuation asset; NaN where there is none; a copy."""
        return self._core.index()

    @property
    def last(self) -> NDArray[np.float64]:
        """Last traded prices in the order of ``market.instruments``; NaN where there is none; a copy."""
        return self._core.last()

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return type(self.market).prices, (self.market, self.mark, self.index, self.last)

    def __repr__(self) -> str:
        mark = self.mark
        return f"Prices({self.market.id!r}, {int((mark == mark).sum())} of {len(mark)} instruments priced)"  # noqa: PLR0124
