"""How far pools are from failing: along a joint move of all prices, and by the move that needs the least."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from crossmargin import _core as engine
from crossmargin._arguments import is_among, shown
from crossmargin._tables import is_mapping
from crossmargin.errors import ArgumentError
from crossmargin.price.results import MISREAD, Result, check_call, column, pool_keys
from crossmargin.price.shocks import moves_of
from crossmargin.price.underlyings import underlying_prices

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

    from crossmargin.book import Book
    from crossmargin.price.underlyings import UnderlyingPrices
    from crossmargin.prices import Prices


def liquidation_distance(  # noqa: PLR0913 - options by keyword only
    book: Book,
    prices: Prices,
    shock: str | Mapping[str, float] | ArrayLike,
    *,
    assets: Mapping[str, float] | None = None,
    missing: str = "raise",
    n_threads: int | None = None,
) -> Distances:
    """Find how much of a joint move of all prices each pool stands.

    Every mark moves to ``mark * (1 + t * shock)``, every index price by the shock of its asset; found are the ``t``
    nearest to 0 on either side at which the pool fails, exactly, as long as all prices are above 0.

    Parameters
    ----------
    book : Book
        The accounts.
    prices : Prices
        Made by ``book.market.prices``; what is needed is what `score` needs.
    shock : {"all_down", "all_up"}, mapping of str to float, or array-like of float
        Every underlying down, or up, by 100 % at ``t = 1``; or moves by name of instruments, underlyings and assets
        (betas: ``{"BTC": -1, "ETH": -1.4}``), of which an instrument's comes before its underlying's, and what is not
        named stays; or a move of each instrument in market order.
    assets : mapping of str to float, optional
        Moves of index prices. By default an asset moves with the underlying of its name: by the shock of that name,
        else by that of the first instrument of the underlying which the shock names. The valuation asset never moves.
    missing : {"raise", "null"}
        What to do where a price is missing: refuse, naming all that are, or leave the pools that need them out.
    n_threads : int, optional
        Threads to use, as of `score`. Results are the same bits for any number.

    Returns
    -------
    Distances
        A row per pool in the order of ``book.pools``.

    Raises
    ------
    MissingPriceError
        For prices that are needed and missing; ``.mark``, ``.last`` and ``.index`` list them.
    ArgumentError
        For names that the market does not have, and moves that are no finite numbers.

    Examples
    --------
    The pool fails at 51,500, where BTC has lost 15.6 %:

    >>> import crossmargin as xm
    >>> market = xm.load_market("textbook")
    >>> book = xm.Book(
    ...     market,
    ...     balances={"account": [7], "asset": ["USDT"], "wallet_balance": [1_000.0]},
    ...     positions={"account": [7], "instrument": ["BTCUSDT"], "quantity": [0.1], "entry_price": [60_000.0]},
    ... )
    >>> found = xm.liquidation_distance(book, market.prices(mark={"BTCUSDT": 61_000.0}), "all_down")
    >>> round(float(found.above[0]), 4), float(found.below[0])
    (0.1557, nan)
    """
    moves = None
    try:
        moves = moves_of(book.market, shock, assets)
        made = engine.liquidation_distance(book._core, prices._core, moves, missing, n_threads)
    except ArgumentError:
        raise
    except MISREAD:
        check_call(book, prices, missing, n_threads)
        raise
    columns, n_exact, n_unpriced = made
    found = object.__new__(Distances)
    unpriced = columns.pop("unpriced")
    found._begin(book, prices, missing, columns, unpriced)
    found.n_exact, found.n_unpriced = n_exact, n_unpriced
    return found


class Distances(Result):
    """How much of a joint move each pool stands: what `liquidation_distance` found.

    A row per pool, in the order of ``book.pools``. Every column is an item, and those here are attributes. Exports
    ``__arrow_c_stream__``: the keys of the pools, then these.

    Attributes
    ----------
    n_exact : int
        How many pools only exact arithmetic could decide.
    n_unpriced : int
        How many pools hold something without a price.
    book, prices
        What was asked about.
    missing : str
        What was asked for missing prices: ``"raise"`` or ``"null"``.
    """

    __slots__ = ("n_exact", "n_unpriced")
    n_exact: int
    n_unpriced: int

    below = column("below", "The largest ``t`` under 0 at which the pool fails; 0 where it fails now, NaN: at none.")
    above = column("above", "The smallest ``t`` over 0 at which the pool fails; 0 where it fails now, NaN: at none.")
    liquidatable = column("liquidatable", "Whether the venue may liquidate the pool now; exact.")

    def _keys(self) -> dict[str, NDArray[Any]]:
        return pool_keys(self._then)

    def _noun(self) -> str:
        return "pool"


def critical_move(
    book: Book,
    prices: Prices,
    volatility: float | Mapping[str, float],
    *,
    missing: str = "raise",
    n_threads: int | None = None,
) -> CriticalMoves:
    """Find the single underlying whose move kills each pool with the fewest standard deviations.

    ``sigmas = |move| / volatility``, with ``move = last_safe_price / price - 1`` along each underlying (see
    `liquidation_prices`); the smallest of a pool counts.

    Parameters
    ----------
    book : Book
        The accounts.
    prices : Prices
        Made by ``book.market.prices``; what is needed is what `score` needs.
    volatility : float, or mapping of str to float
        Standard deviation of a day's relative move: one for all, or by underlying; above 0.
    missing : {"raise", "null"}
        What to do where a price is missing: refuse, naming all that are, or leave the pools that need them out.
    n_threads : int, optional
        Threads to use, as of `score`. Results are the same bits for any number.

    Returns
    -------
    CriticalMoves
        A row per pool in the order of ``book.pools``.

    Raises
    ------
    MissingPriceError
        For prices that are needed and missing; ``.mark``, ``.last`` and ``.index`` list them.
    ArgumentError
        For a volatility that is missing or not above 0, and names that are none.

    Examples
    --------
    >>> import crossmargin as xm
    >>> market = xm.load_market("textbook")
    >>> book = xm.Book(
    ...     market,
    ...     balances={"account": [7], "asset": ["USDT"], "wallet_balance": [1_000.0]},
    ...     positions={
    ...         "account": [7, 7],
    ...         "instrument": ["BTCUSDT", "ETHUSDT"],
    ...         "quantity": [0.1, 1.0],
    ...         "entry_price": [60_000.0, 2_500.0],
    ...     },
    ... )
    >>> prices = market.prices(mark={"BTCUSDT": 60_000.0, "ETHUSDT": 2_500.0})
    >>> found = xm.critical_move(book, prices, {"BTC": 0.025, "ETH": 0.035})
    >>> print(found.underlying[0], round(float(found.move[0]), 3), round(float(found.sigmas[0]), 2))
    BTC -0.131 5.25
    """
    rows = underlying_prices(book, prices, missing, n_threads)
    deviations = _deviations(volatility, rows)
    found = object.__new__(CriticalMoves)
    unpriced = np.zeros(book.n_pools, dtype=np.bool_)
    unpriced[rows.pool[rows.unpriced]] = True
    found._begin(book, prices, missing, _nearest(rows, deviations), unpriced)
    return found


def _deviations(volatility: Any, rows: UnderlyingPrices) -> NDArray[np.float64]:
    """Give the standard deviation of each row's underlying."""
    names = list(dict.fromkeys(rows.underlying.tolist()))
    if not is_mapping(volatility):
        return np.full(len(rows), _positive(volatility, "volatility"))
    market = rows.book.market
    known = {*market.instruments["underlying"].tolist(), *market.assets["asset"].tolist()}
    stated: dict[str, float] = {}
    for name, value in volatility.items():
        if not is_among(name, known):
            raise ArgumentError(f"volatility named {shown(name)}, which is no underlying of the market")
        stated[name] = _positive(value, f"volatility[{name!r}]")
    missing = [name for name in names if name not in stated]
    if missing:
        raise ArgumentError(f"volatility had none of {', '.join(missing)}: give one of each underlying that is held")
    return np.array([stated[name] for name in rows.underlying.tolist()], dtype=np.float64)


def _positive(value: Any, name: str) -> float:
    try:
        number = float(value)
    except (OverflowError, TypeError, ValueError):
        number = np.nan
    if not 0.0 < number < np.inf:
        raise ArgumentError(f"{name} was {shown(value)}, expected a positive number: the deviation of a day's move")
    return number


def _nearest(rows: UnderlyingPrices, deviations: NDArray[np.float64]) -> dict[str, NDArray[Any]]:
    """Choose the row and side of each pool that is fewest deviations away; of equals the first, below before above."""
    n = rows.book.n_pools
    pools, underlying = rows.pool, np.full(n, None, dtype=object)
    price, move, sigmas = np.full(n, np.nan), np.full(n, np.nan), np.full(n, np.nan)
    sides = np.stack((rows.below, rows.above), axis=1)
    moves = sides / rows.price[:, None] - 1.0
    moves[rows.liquidatable] = np.nan
    distance = np.abs(moves) / deviations[:, None]
    order = np.lexsort((np.arange(distance.size), distance.ravel(), np.repeat(pools, 2)))
    order = order[~np.isnan(distance.ravel()[order])]
    chosen, first = np.unique(np.repeat(pools, 2)[order], return_index=True)
    at = order[first]
    underlying[chosen] = rows.underlying[at // 2]
    price[chosen] = sides.ravel()[at]
    move[chosen], sigmas[chosen] = moves.ravel()[at], distance.ravel()[at]
    liquidatable = np.zeros(n, dtype=np.bool_)
    liquidatable[pools[rows.liquidatable]] = True
    move[liquidatable] = sigmas[liquidatable] = 0.0
    return {"underlying": underlying, "price": price, "move": move, "sigmas": sigmas, "liquidatable": liquidatable}


class CriticalMoves(Result):
    """Which underlying kills each pool with the fewest standard deviations: what `critical_move` found.

    A row per pool, in the order of ``book.pools``. Every column is an item, and those here are attributes. Exports
    ``__arrow_c_stream__``: the keys of the pools, then these.

    Attributes
    ----------
    book, prices
        What was asked about.
    missing : str
        What was asked for missing prices: ``"raise"`` or ``"null"``.
    """

    __slots__ = ()

    underlying = column("underlying", "The underlying; ``None`` where none kills the pool, or it fails now.")
    price = column("price", "The last price of it up to which the pool is safe; NaN where there is none.")
    move = column("move", "``price / present price - 1``; 0 where the pool fails now, NaN where nothing kills it.")
    sigmas = column("sigmas", "``|move| / volatility``: days' standard deviations.")
    liquidatable = column("liquidatable", "Whether the venue may liquidate the pool now; exact.")

    def _keys(self) -> dict[str, NDArray[Any]]:
        return pool_keys(self._then)

    def _noun(self) -> str:
        return "pool"
