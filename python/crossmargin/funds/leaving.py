"""What can leave: of each asset, as much as the venue lets go without the account being liquidated for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crossmargin import _core as engine
from crossmargin.errors import ArgumentError
from crossmargin.price.results import MISREAD, Result, check_call, column

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from crossmargin.book import Book
    from crossmargin.prices import Prices


def withdrawable(book: Book, prices: Prices, *, missing: str = "raise", n_threads: int | None = None) -> Withdrawable:
    """Say how much of each asset can leave each account, and how much each isolated position can give back.

    The largest whole number of quanta of the asset with which the account is still within the venue's rule
    (``market.rules["withdrawable"]``), gives away nothing but own money, and is not liquidatable: one quantum more is
    not. Decided exactly, on the decimals that the inputs denote.

    Parameters
    ----------
    book : Book
        The accounts.
    prices : Prices
        Made by ``book.market.prices``; what is needed is what `score` needs.
    missing : {"raise", "null"}
        What to do where a price is missing: refuse, naming all that are, or leave the pools that need them out.
    n_threads : int, optional
        Threads to use, as of `score`. Results are the same for any number.

    Returns
    -------
    Withdrawable
        A row per cross pool and asset in it, and per isolated pool, in the order of ``book.pools``.

    Raises
    ------
    MissingPriceError
        For prices that are needed and missing; ``.mark``, ``.last`` and ``.index`` list them.
    ArgumentError
        For prices of another market.

    Notes
    -----
    Two assets of a pool that spans them are each answered alone: what the other could give is not taken. Where haircuts
    come in tiers, the part that counts least leaves first. What leaves an isolated pool goes to the account's cash.
    `score` gives ``withdrawable`` as well, the venue's formula for a whole pool, which does not ask who is liquidated.

    Examples
    --------
    >>> import crossmargin as xm
    >>> market = xm.load_market("textbook")
    >>> book = xm.Book(
    ...     market,
    ...     balances={"account": [7, 8], "asset": ["USDT", "USDT"], "wallet_balance": [1_000.0, 50.0]},
    ...     positions=[
    ...         {"account": 7, "instrument": "BTCUSDT", "quantity": 0.1, "entry_price": 60_000.0, "leverage": 10.0}
    ...     ],
    ... )
    >>> xm.withdrawable(book, market.prices(mark={"BTCUSDT": 61_000.0}))
    Withdrawable(2 rows, market 'textbook/2020-01-01')
    account  kind   asset  instrument  side  withdrawable  binding
          7  cross  USDT   -           -              400  rule
          8  cross  USDT   -           -               50  own_money
    (2 rows)
    """
    try:
        columns, quanta, n_unpriced = engine.withdrawable(book._core, prices._core, missing, n_threads)
    except ArgumentError:
        raise
    except MISREAD:
        check_call(book, prices, missing, n_threads)
        raise
    found = object.__new__(Withdrawable)
    keys = {name: columns.pop(name) for name in ("account", "kind", "asset", "instrument", "side")}
    found._begin(book, prices, missing, columns, columns.pop("unpriced"))
    found._pool_keys, found.quanta, found.n_unpriced = keys, quanta, n_unpriced
    return found


class Withdrawable(Result):
    """How much of each asset can leave: what `withdrawable` found.

    A row per cross pool and asset in it, and per isolated pool. Every column is an item, and those here are attributes.
    Exports ``__arrow_c_stream__``: the keys, then these.

    Attributes
    ----------
    quanta : list of int or None
        What can leave as a number of the asset's quanta (see ``market.assets``), exactly; ``None`` where it is unknown.
    n_unpriced : int
        How many pools hold something without a price.
    book, prices
        What was asked about.
    missing : str
        What was asked for missing prices: ``"raise"`` or ``"null"``.
    """

    __slots__ = ("_pool_keys", "n_unpriced", "quanta")
    _pool_keys: dict[str, NDArray[Any]]
    quanta: list[int | None]
    n_unpriced: int

    account = column("account", "The key of the account.")
    asset = column("asset", "What would leave.")
    withdrawable = column("withdrawable", "How much of it: the double nearest to ``quanta``; NaN where it is unknown.")
    binding = column(
        "binding",
        "Why no more: ``own_money`` (all that is one's own), ``rule`` (of the venue), ``trigger`` (liquidation), "
        "``nothing`` (can leave at all), ``unpriced``, ``leverage_unknown``.",
    )

    def of(self, account: Any, asset: str) -> float:
        """Give what can leave an account's cross pool of one asset.

        Parameters
        ----------
        account : int or str
            The key of the account.
        asset : str
            Of the market.

        Returns
        -------
        float
            In the asset; 0 where the account has no cash of it.
        """
        keys = self._pool_keys
        rows: NDArray[np.bool_] = (keys["kind"] == "cross") & (keys["asset"] == asset) & (keys["account"] == account)
        found = self._found["withdrawable"][rows]
        return float(found[0]) if len(found) else 0.0

    def _keys(self) -> dict[str, NDArray[Any]]:
        return dict(self._pool_keys)
