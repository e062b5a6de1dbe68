"""The liquidation ladder: how much notional fails as the price of one underlying moves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from crossmargin._arguments import is_among, of_type, shown, text
from crossmargin.book import Book
from crossmargin.errors import ArgumentError
from crossmargin.price import liquidation_prices
from crossmargin.scores import score
from crossmargin.table import Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from crossmargin.prices import Prices

MOVES = (-0.5, -0.3, -0.2, -0.1, -0.05, 0.05, 0.1, 0.2, 0.3, 0.5)
"""Moves of the price that a page lists."""


def ladder(  # noqa: PLR0913 - options by keyword only
    book: Book,
    prices: Prices,
    underlying: str,
    *,
    valuation: str | None = None,
    missing: str = "raise",
    n_threads: int | None = None,
) -> Ladder:
    """Add up the notional of the pools that fail as the price of one underlying moves.

    A pool is counted with all that it holds, at its present marks, from the price on past which it is not safe (see
    `crossmargin.liquidation_prices` along an underlying). What the liquidations would do to prices is not in it.

    Parameters
    ----------
    book : Book
        The accounts.
    prices : Prices
        Made by ``book.market.prices``; what is needed is what `score` needs.
    underlying : str
        What moves: an underlying of the market, or an asset that is collateral.
    valuation : str, optional
        The asset to state notionals in; by default the market's valuation asset, or the only one.
    missing : {"raise", "null"}
        What to do where a price is missing: refuse, naming all that are, or leave the pools that need them out.
    n_threads : int, optional
        Threads to use, as of `score`.

    Returns
    -------
    Ladder
        The steps, as a table and as a picture.

    Raises
    ------
    MissingPriceError
        For prices that are needed and missing.
    ArgumentError
        For an underlying that no priced pool depends on, and a valuation that is no asset.

    Examples
    --------
    >>> import crossmargin as xm
    >>> market = xm.load_market("textbook")
    >>> book = xm.Book(
    ...     market,
    ...     balances={"account": [1, 2], "asset": ["USDT", "USDT"], "wallet_balance": [1_000.0, 900.0]},
    ...     positions={
    ...         "account": [1, 2],
    ...         "instrument": ["BTCUSDT", "BTCUSDT"],
    ...         "quantity": [0.1, -0.1],
    ...         "entry_price": [60_000.0, 60_000.0],
    ...     },
    ... )
    >>> steps = xm.report.ladder(book, market.prices(mark={"BTCUSDT": 60_000.0}), "BTC")
    >>> steps.table
     side   price  pool  notional  cumulative
    below  51,500     0     6,000       6,000
    above  67,500     1     6,000       6,000
    (2 rows)
    >>> steps.svg()[:38]
    '<svg xmlns="http://www.w3.org/2000/svg'
    """
    if not isinstance(book, Book):
        raise of_type(book, "book", "Book")
    text(underlying, "underlying")
    found = liquidation_prices(book, prices, "underlying", missing=missing, n_threads=n_threads)
    rows = np.flatnonzero(found.underlying == underlying)
    if not len(rows):
        known = ", ".join(dict.fromkeys(found.underlying.tolist())) or "none"
        raise ArgumentError(f"underlying was {shown(underlying)}, on which no pool depends; there are {known}")
    pools = found.pool[rows]
    asset, rates = _rates(book, prices, pools, valuation, missing)
    notional = score(book, prices, "notional", missing=missing, n_threads=n_threads).notional[pools] * rates
    known_notional = ~np.isnan(notional)
    rows, pools, notional = rows[known_notional], pools[known_notional], notional[known_notional]
    if not len(rows):
        raise ArgumentError(f"underlying was {underlying!r}, and every pool that depends on it lacks a price")
    failing = found.liquidatable[rows]
    present = found.price[rows]
    price = float(present[0])
    scale = np.where(failing, np.nan, price / present)  # pools that hold another contract of it first have its mark
    steps = {
        side: _steps(ends[rows] * scale, pools, notional, downward=side == "below")
        for side, ends in (("below", found.below), ("above", found.above))
    }
    return Ladder(underlying, price, asset, steps, (int(failing.sum()), float(notional[failing].sum())), book.market.id)


def _rates(
    book: Book, prices: Prices, pools: NDArray[np.int64], valuation: str | None, missing: str
) -> tuple[str, NDArray[np.float64]]:
    """Give the asset that notionals are stated in, and what one unit of each pool's asset is worth in it."""
    assets = book.pools["asset"][pools].tolist()
    asset = valuation if valuation is not None else book.market.rules["valuation_asset"]
    if asset is None:
        if len(set(assets)) > 1:
            raise ArgumentError("valuation was not given, and the market has no valuation asset: name one")
        asset = assets[0]
    if set(assets) == {asset}:
        return asset, np.ones(len(assets))
    places = {name: at for at, name in enumerate(book.market.assets["asset"].tolist())}
    rates = book._core.rates(prices._core, text(asset, "valuation"), missing)
    return asset, np.array([rates[places[name]] for name in assets], dtype=np.float64)


def _steps(
    ends: NDArray[np.float64], pools: NDArray[np.int64], notional: NDArray[np.float64], *, downward: bool
) -> dict[str, NDArray[Any]]:
    """Sort the pools that fail on one side by how near that is, and add them up."""
    fails = np.flatnonzero(~np.isnan(ends))
    order = fails[np.argsort(-ends[fails] if downward else ends[fails], kind="stable")]
    return {
        "price": ends[order],
        "pool": pools[order],
        "notional": notional[order],
        "cumulative": np.cumsum(notional[order]),
    }


class Ladder:
    """Notional that fails against the price of one underlying: what `ladder` found.

    Exports ``__arrow_c_stream__``: the columns of `table`. Notebooks show the picture.

    Attributes
    ----------
    underlying : str
        What moves.
    price : float
        Its present price.
    valuation : str
        The asset that notionals are in.
    n_liquidatable : int
        How many pools fail at the present price.
    liquidatable_notional : float
        Their notional, which is in no step.
    market_id : str
        The id of the rules that were applied.
    """

    __slots__ = ("_steps", "liquidatable_notional", "market_id", "n_liquidatable", "price", "underlying", "valuation")

    def __init__(  # noqa: PLR0913, PLR0917 - made by `ladder` alone
        self,
        underlying: str,
        price: float,
        valuation: str,
        steps: dict[str, dict[str, NDArray[Any]]],
        failing: tuple[int, float],
        market_id: str,
    ) -> None:
        self.underlying = underlying
        self.price = price
        self.valuation = valuation
        self._steps = steps
        self.n_liquidatable, self.liquidatable_notional = failing
        self.market_id = market_id

    @property
    def table(self) -> Table:
        """A row per pool that fails: ``side`` of the price, ``price``, ``pool``, ``notional`` and ``cumulative``.

        Nearest first; ``price`` is the last at which the pool is safe, ``pool`` its place in ``book.pools``, and
        ``cumulative`` the notional of this pool and those before it on its side.
        """
        below, above = self._steps["below"], self._steps["above"]
        side = np.array(["below"] * len(below["price"]) + ["above"] * len(above["price"]), dtype=object)
        return Table({"side": side} | {name: np.concatenate((below[name], above[name])) for name in below})

    def side(self, name: str) -> Table:
        """Give the steps under the present price, or those over it.

        Parameters
        ----------
        name : {"below", "above"}
            Which.

        Returns
        -------
        Table
            The rows of `table` without ``side``.
        """
        if not is_among(name, self._steps):
            raise ArgumentError(f"name was {shown(name)}, expected 'below' or 'above'")
        return Table(self._steps[name])

    def at(self, moves: Sequence[float] = MOVES) -> Table:
        """Say what has failed when the price has moved.

        Parameters
        ----------
        moves : sequence of float
            Moves as a share of the present price, above -1.

        Returns
        -------
        Table
            ``move``, ``price``, ``n_pools`` and ``notional``, without what fails at the present price.
        """
        given = np.asarray(moves, dtype=np.float64)
        price = self.price * (1.0 + given)
        counts = np.array([self._count(value) for value in price.tolist()], dtype=np.int64)
        totals = [self._total(value, count) for value, count in zip(price.tolist(), counts.tolist(), strict=True)]
        return Table({"move": given, "price": price, "n_pools": counts, "notional": np.array(totals, dtype=np.float64)})

    def _count(self, price: float) -> int:
        if price < self.price:
            return int(np.searchsorted(-self._steps["below"]["price"], -price, side="left"))
        return int(np.searchsorted(self._steps["above"]["price"], price, side="left"))

    def _total(self, price: float, count: int) -> float:
        cumulative = self._steps["below" if price < self.price else "above"]["cumulative"]
        return float(cumulative[count - 1]) if count else 0.0

    def svg(self) -> str:
        """Draw the ladder.

        Returns
        -------
        str
            An SVG document of its own: no script, no font or style from elsewhere.
        """
        from crossmargin.report.drawing import drawn  # noqa: PLC0415 - tables do without

        return drawn(self)

    def html(self) -> str:
        """Lay the picture out on a page, with a table of what fails at round moves.

        Returns
        -------
        str
            An HTML document of its own.
        """
        from crossmargin.report.drawing import page  # noqa: PLC0415 - tables do without

        return page(self)

    def __len__(self) -> int:
        return sum(len(steps["price"]) for steps in self._steps.values())

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Export `table` as one Arrow record batch."""
        return self.table.__arrow_c_stream__(requested_schema)

    def __repr__(self) -> str:
        below, above = (len(self._steps[side]["price"]) for side in ("below", "above"))
        words = f"{self.underlying} at {self.price:,.10g}: {below:,} pools fail below, {above:,} above"
        return f"Ladder({words}, {self.n_liquidatable:,} fail now; notional in {self.valuation})"

    def _repr_svg_(self) -> str:
        return self.svg()
