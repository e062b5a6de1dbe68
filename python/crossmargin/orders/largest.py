"""The largest order that fits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from crossmargin import _core as engine
from crossmargin._arguments import one_of
from crossmargin.errors import CrossmarginError
from crossmargin.orders.given import MODES, POSITION_SIDES, SIDES, accounts_of, check_asked, frozen
from crossmargin.orders.results import Found
from crossmargin.price.results import MISREAD, column

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from crossmargin.book import Book
    from crossmargin.prices import Prices


def max_order(  # noqa: PLR0913 - options by keyword only
    book: Book,
    prices: Prices,
    instrument: str | int,
    side: str,
    price: float | None = None,
    *,
    accounts: ArrayLike | int | str | None = None,
    leverage: float | None = None,
    margin_mode: str | None = None,
    position_side: str | None = None,
    target_ratio: float | None = None,
    liquidation_beyond: float | None = None,
    missing: str = "raise",
    n_threads: int | None = None,
) -> LargestOrders:
    """Find the largest order that `check_orders` accepts, for each account, exactly.

    The largest accepted multiple of the lot, which one lot more is not. Accepted sizes need not begin at one lot, nor
    be all of those between: an order may have to be large enough for the market, or large enough to hedge; one that
    closes fits where one that opens a little beyond does not. `LargestOrders.smallest` is the least accepted one, and
    `LargestOrders.contiguous` says whether all between them are accepted.

    Parameters
    ----------
    book : Book
        The accounts. It is not changed.
    prices : Prices
        Made by ``book.market.prices``.
    instrument : str or int
        Name or alias, or place in the market's order.
    side : {"buy", "sell"}
        Which way.
    price : float, optional
        Its limit, quote per base; without one it is an order at the market.
    accounts : array-like of keys, or one key, optional
        Which accounts; by default all, in the order of ``book.accounts``.
    leverage, margin_mode, position_side : optional
        As of `check_order`.
    target_ratio : float, optional
        The margin ratio that the pool must keep with the order filled: ``collateral_value >= target_ratio *
        maintenance_margin``. Filled at the worse of limit and mark: its loss counts, a profit does not, nor a fee.
    liquidation_beyond : float, optional
        A price of the instrument, above 0: with the order filled the pool must not be liquidatable at any mark between
        the present one and this one, all else as it is.
    missing : {"raise", "null"}
        What to do where a price is missing: refuse, naming all that are, or give nothing to accounts that need them.
    n_threads : int, optional
        Threads to use, as of `score`. Results are the same bits for any number.

    Returns
    -------
    LargestOrders
        A row per account.

    Raises
    ------
    MissingPriceError
        For prices that are needed and missing; ``.mark``, ``.last`` and ``.index`` list them.
    ArgumentError
        For unknown accounts, instruments and words, and numbers that are none.

    Notes
    -----
    Where the market states no lot, it is 1e-8 contracts. What closes a leg of hedge mode is looked at up to the
    position that it meets, as `check_orders` fills no more of it: ``nothing_to_reduce`` binds then. Between the sizes
    where a rule changes (positions closed, tiers reached, sides outweighed) every condition is linear in the size, so
    an end of what is accepted is found there by solving, and settled in exact arithmetic.

    Examples
    --------
    10,000 USDT, long 0.5 BTC at 60,000 with leverage 10. Selling closes the 0.5 first, and may then open as much as
    the margin that this sets free and what is left allow:

    >>> import crossmargin as xm
    >>> market = xm.load_market("binance-usdm")
    >>> held = {"instrument": "BTCUSDT", "quantity": 0.5, "entry_price": 60_000.0, "leverage": 10.0}
    >>> cash = {"account": 1, "asset": "USDT", "wallet_balance": 10_000.0}
    >>> book = xm.Book(market, balances=[cash], positions=[held | {"account": 1}])
    >>> prices = market.prices(mark={"BTCUSDT": 60_000.0})
    >>> for side in ("buy", "sell"):
    ...     found = xm.max_order(book, prices, "BTCUSDT", side)
    ...     print(found.quantity[0], found.binding[0], found.contiguous[0])
    1.16666666 margin True
    -2.16666666 margin True
    """
    try:
        core = book._core
        columns, n_exact, n_unpriced = engine.max_orders(
            core,
            prices._core,
            instrument,
            side,
            price,
            leverage,
            target_ratio,
            liquidation_beyond,
            (position_side, margin_mode),
            accounts_of(accounts),
            missing,
            n_threads,
        )
    except CrossmarginError:
        raise
    except MISREAD:
        check_asked(book, prices, missing, n_threads)
        one_of(side, "side", SIDES)
        if margin_mode is not None:
            one_of(margin_mode, "margin_mode", MODES)
        if position_side is not None:
            one_of(position_side, "position_side", POSITION_SIDES)
        raise
    found = object.__new__(LargestOrders)
    found._account = columns.pop("account")
    columns["found"] = columns["quantity"] != 0.0
    found._begin(book, prices, missing, frozen(columns), np.array(columns["binding"] == "unpriced", dtype=np.bool_))
    found._core = core
    found.n_exact, found.n_unpriced = n_exact, n_unpriced
    return found


class LargestOrders(Found):
    """The largest order that fits, account by account: what `max_order` found.

    A row per account. Every column is an item, and those here are attributes. Exports ``__arrow_c_stream__``:
    ``account``, then these.

    Attributes
    ----------
    n_exact : int
        How many accounts only exact arithmetic could decide.
    n_unpriced : int
        Of how many accounts something has no price.
    book, prices
        What was asked about.
    missing : str
        What was asked for missing prices: ``"raise"`` or ``"null"``.
    """

    __slots__ = ("_account", "n_exact", "n_unpriced")
    _account: NDArray[Any]
    n_exact: int
    n_unpriced: int

    quantity = column("quantity", "The largest accepted size, in the unit of the book; sells negative, 0: none.")
    smallest = column("smallest", "The least accepted size, of the same sign.")
    contiguous = column("contiguous", "Whether every multiple of the lot between the two is accepted.")
    binding = column("binding", "Why one lot more is not: the word of a reason, see `REASONS`.")
    cost = column("cost", "What the largest takes: the ``cost`` of `check_orders`, in the asset of the pool.")
    found = column("found", "Whether any size is accepted.")

    @property
    def account(self) -> NDArray[Any]:
        """The keys of the accounts."""
        return self._account

    def _keys(self) -> dict[str, NDArray[Any]]:
        return {"account": self._account}

    def _noun(self) -> str:
        return "account"

    def _counted(self) -> str:
        return f"{int(self._found['found'].sum()):,} with an order"
