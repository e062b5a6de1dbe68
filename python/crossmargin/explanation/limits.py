"""The prices at which pools are explained in place of the present ones: where they fail."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from crossmargin._arguments import shown, text
from crossmargin.errors import ArgumentError
from crossmargin.explanation.numbers import number
from crossmargin.price import liquidation_prices

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crossmargin.book import Book
    from crossmargin.market import Market
    from crossmargin.prices import Prices


def at_liquidation(book: Book, prices: Prices, places: Sequence[int], instrument: str) -> dict[int, tuple[Prices, str]]:
    """Give, for each pool that holds an instrument, prices at which it fails by it alone, and what to call them.

    A pool that is not priced keeps its prices: to explain it says what is missing. One that no price of the instrument
    makes fail (or safe again) is left out as long as there is another.
    """
    at = _place(book.market, instrument)
    pools, instruments = book._core.position_places()
    held = np.isin(pools, np.asarray(places, dtype=np.int64)) & (instruments == at)
    if not held.any():
        raise ArgumentError(f"liquidation_price named {instrument!r}, which the pools to explain do not hold")
    found = liquidation_prices(book, prices, outputs=("liquidation_price", "liquidatable"), missing="null")
    name = book.market.instruments["instrument"][at]
    made: dict[int, tuple[Prices, str]] = {}
    without = ""
    for row in np.flatnonzero(held).tolist():
        pool, price = int(pools[row]), float(found.liquidation_price[row])
        if found.unpriced[row]:
            made[pool] = prices, ""
            continue
        if price != price:  # noqa: PLR0124 - NaN
            state = "safe" if found.liquidatable[row] else "fail"
            without = without or f"liquidation_price named {name!r}, and no price of it makes pool {pool} {state}"
            continue
        what = "where it becomes safe" if found.liquidatable[row] else "its liquidation price"
        made[pool] = (
            _moved(prices, at, price),
            f", at {name} {number(price)}, {what} (mark {number(float(prices.mark[at]))})",
        )
    if not made:
        raise ArgumentError(without)
    return {pool: made[pool] for pool in sorted(made)}


def _place(market: Market, instrument: str) -> int:
    text(instrument, "liquidation_price")
    for at, name in enumerate(market.instruments["instrument"].tolist()):
        if instrument == name or instrument in market.aliases.get(name, ()):
            return at
    raise ArgumentError(f"liquidation_price was {shown(instrument)}, which is no instrument of the market")


def _moved(prices: Prices, at: int, price: float) -> Prices:
    """Give prices of which one mark, and the last price of that instrument in proportion, is another."""
    mark, last = prices.mark, prices.last
    last[at] *= price / mark[at]
    mark[at] = price
    return prices.market.prices(mark, prices.index, last if (last == last).any() else None)  # noqa: PLR0124 - NaN
