"""Contagion: what each position gives to and takes from its pool."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crossmargin import _core as engine
from crossmargin.errors import ArgumentError
from crossmargin.price.results import MISREAD, Result, check_call, column
from crossmargin.price.shocks import moves_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    from crossmargin.book import Book
    from crossmargin.prices import Prices


def contribution(  # noqa: PLR0913 - options by keyword only
    book: Book,
    prices: Prices,
    shock: str | Mapping[str, float] | ArrayLike | None = None,
    *,
    assets: Mapping[str, float] | None = None,
    missing: str = "raise",
    n_threads: int | None = None,
) -> Contributions:
    """Say what each position gives to and takes from its pool: now, and where the pool fails.

    A position gives its unrealised profit and takes its share of the maintenance margin, times the trigger level. Where
    the pool fails is along ``shock`` the nearer end, and without one the nearest price of the underlying that kills it
    with the smallest relative move.

    Parameters
    ----------
    book : Book
        The accounts.
    prices : Prices
        Made by ``book.market.prices``; what is needed is what `score` needs.
    shock, assets : optional
        A joint move of all prices, as of `liquidation_distance`.
    missing : {"raise", "null"}
        What to do where a price is missing: refuse, naming all that are, or leave the pools that need them out.
    n_threads : int, optional
        Threads to use, as of `score`. Results are the same bits for any number.

    Returns
    -------
    Contributions
        A row per position in the order of the input rows.

    Raises
    ------
    MissingPriceError
        For prices that are needed and missing; ``.mark``, ``.last`` and ``.index`` list them.
    ArgumentError
        For names that the market does not have, and moves that are no finite numbers.

    Examples
    --------
    The long of BTC drags the pool under, and costs more than the 600 that it would have lost by itself:

    >>> import crossmargin as xm
    >>> market = xm.load_market("textbook")
    >>> book = xm.Book(
    ...     market,
    ...     balances={"account": [7], "asset": ["USDT"], "wallet_balance": [1_000.0]},
    ...     positions={
    ...         "account": [7, 7],
    ...         "instrument": ["BTCUSDT", "ETHUSDT"],
    ...         "quantity": [0.1, -1.0],
    ...         "entry_price": [60_000.0, 2_500.0],
    ...         "leverage": [10.0, 10.0],
    ...     },
    ... )
    >>> prices = market.prices(mark={"BTCUSDT": 60_000.0, "ETHUSDT": 2_500.0})
    >>> found = xm.contribution(book, prices)
    >>> found.dragged.tolist(), found.loss.round(2).tolist(), found.loss_isolated.round(2).tolist()
    ([True, False], [787.5, 0.0], [600.0, 0.0])
    """
    try:
        moves = None if shock is None and assets is None else moves_of(book.market, _given(shock), assets)
        columns = engine.contribution(book._core, prices._core, moves, missing, n_threads)
    except ArgumentError:
        raise
    except MISREAD:
        check_call(book, prices, missing, n_threads)
        raise
    found = object.__new__(Contributions)
    found._pools = columns.pop("pool")
    unpriced = None
    if missing == "null":
        unpriced = columns["excess"] != columns["excess"]
    found._begin(book, prices, missing, columns, unpriced)
    return found


def _given(shock: Any) -> Any:
    if shock is None:
        raise ArgumentError("assets was given without a shock: give the moves of instruments too")
    return shock


class Contributions(Result):
    """What each position gives to and takes from its pool: what `contribution` found.

    A row per position, in the order of the input rows; amounts in the pool's asset. Every column is an item, and those
    here are attributes. Exports ``__arrow_c_stream__``: the keys of the positions, ``pool``, then these.

    Attributes
    ----------
    book, prices
        What was asked about.
    missing : str
        What was asked for missing prices: ``"raise"`` or ``"null"``.
    """

    __slots__ = ("_pools",)
    _pools: NDArray[np.int64]

    excess = column("excess", "``unrealized_pnl - trigger_level * maintenance_margin`` of the position, now.")
    excess_at = column("excess_at", "The same where the pool fails; NaN where it does not.")
    change = column("change", "``excess_at - excess``: what the move gives, or below zero takes.")
    loss = column("loss", "What the position loses on the way: ``max(0, unrealized_pnl - unrealized_pnl there)``.")
    loss_isolated = column(
        "loss_isolated",
        "What it could have lost with its initial margin alone: ``min(loss, initial_margin + unrealized_pnl)``, not "
        "below 0; NaN where the leverage is unknown.",
    )
    dragged = column("dragged", "Whether the position takes most from the pool on the way: it drags the pool under.")

    @property
    def pool(self) -> NDArray[np.int64]:
        """The place of each position's pool in ``book.pools``."""
        return self._pools

    def _keys(self) -> dict[str, NDArray[Any]]:
        keys: dict[str, NDArray[Any]] = self._core.position_keys()
        del keys["entry_price"]
        return keys | {"pool": self._pools, "asset": self._then.pools["asset"][self._pools]}

    def _noun(self) -> str:
        return "position"
