"""Orders that wait for a price: which of them fire, and what they do."""

# ruff: noqa: A002 - `round` is the word of the numeric contract

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from crossmargin import _core as engine
from crossmargin._arguments import one_of
from crossmargin._asked import Applicable
from crossmargin.book import Book
from crossmargin.errors import ArgumentError
from crossmargin.orders.results import reason_words
from crossmargin.price.results import MISREAD, Result, check_call, column

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from crossmargin.prices import Prices


def fire_stops(
    book: Book, prices: Prices, *, fills: str = "mark", fee: str | None = None, round: str | None = "nearest"
) -> Fired:
    """Say which conditional orders these prices fire, and what becomes of them.

    A stop (an order with a trigger that says nothing else is one) fires where the mark is at its trigger or beyond:
    ``mark >= trigger_price`` of a buy, ``mark <= trigger_price`` of a sell; a ``take_profit`` the other way round.
    Asked before any verdict of liquidation: a stop that the price has passed is one that has fired.

    Parameters
    ----------
    book : Book
        The accounts, with their conditional orders.
    prices : Prices
        Made by ``book.market.prices``.
    fills : {"mark", "trigger"}
        Where an order without a limit is filled: at the mark, which is beyond its trigger where the price has jumped,
        or at its trigger.
    fee : {"taker", "maker", "none"}, optional
        What the fills cost; by default the taker's rate of the account where the market states fees, else nothing.
    round : {"down", "up", "nearest"} or None
        Where profits and fees go that are no multiple of the asset's quantum; ``None`` refuses them.

    Returns
    -------
    Fired
        A row per order that fired. `Book.apply_orders` makes the book that of afterwards; nothing else changes it.

    Raises
    ------
    MissingPriceError
        For prices that are needed and missing; ``.mark``, ``.last`` and ``.index`` list them.
    ArgumentError
        For words that are none of these, and prices of another market.

    Notes
    -----
    An order with a limit becomes an open order, and is filled at its limit where the mark is at least as good. One that
    reduces or closes fills no more than there is, and is gone. Any other goes through `check_orders` when it fires, and
    is dropped with its reason where it is refused. Of several of an account, the one whose trigger was passed by the
    largest relative distance comes first, then the one whose row does: no path between the prices is known.

    Examples
    --------
    A stop at 57,000 that the mark has jumped over costs 50 more than it was meant to:

    >>> import crossmargin as xm
    >>> market = xm.load_market("textbook")
    >>> book = xm.Book(
    ...     market,
    ...     balances={"account": [7], "asset": ["USDT"], "wallet_balance": [1_000.0]},
    ...     positions={"account": [7], "instrument": ["BTCUSDT"], "quantity": [0.1], "entry_price": [60_000.0]},
    ...     orders=[
    ...         {
    ...             "account": 7,
    ...             "instrument": "BTCUSDT",
    ...             "quantity": -0.1,
    ...             "price": None,
    ...             "trigger_price": 57_000.0,
    ...             "reduce_only": True,
    ...         }
    ...     ],
    ... )
    >>> prices = market.prices(mark={"BTCUSDT": 56_500.0})
    >>> fired = xm.fire_stops(book, prices)
    >>> fired.price.tolist(), fired.realized_pnl.tolist()
    ([56500.0], [-350.0])
    >>> xm.score(book.apply_orders(fired), prices, "wallet_balance")["wallet_balance"].tolist()
    [650.0]
    """
    one_of(fills, "fills", ("mark", "trigger"))
    if fee is not None:
        one_of(fee, "fee", ("taker", "maker", "none"), " or None")
    if round is not None:
        one_of(round, "round", ("down", "up", "nearest"), " or None")
    try:
        columns, after = engine.fire_stops(book._core, prices._core, fills, fee, round)
    except ArgumentError:
        raise
    except MISREAD:
        check_call(book, prices, "raise", None)
        raise
    fired = object.__new__(Fired)
    fired._begin(book, prices, "raise", columns, None)
    fired._made = Book._of(after, book.market)
    return fired


class Fired(Result, Applicable):
    """The conditional orders that fired: what `fire_stops` found.

    A row per order. Every column is an item, and those here are attributes. Exports ``__arrow_c_stream__``.

    Attributes
    ----------
    book, prices
        What was asked about.
    """

    __slots__ = ("_made",)
    _moves = "orders"
    _made: Book

    row = column("row", "The row of the table of orders.")
    account = column("account", "The key of the account.")
    instrument = column("instrument", "The contract, by the venue's name.")
    trigger_price = column("trigger_price", "The price that it waited for.")
    quantity = column("quantity", "How much was filled, bought positive; 0 where it rests, or was dropped.")
    price = column("price", "The price of the fill; NaN where there was none.")
    realized_pnl = column("realized_pnl", "Profit (negative: loss) that the fill booked, without its fee.")
    fee = column("fee", "What the fill cost; negative for a rebate.")
    rests = column("rests", "Whether it is an open order now: its limit was not reached.")
    reason = column("reason", "Why it was dropped, a place in `REASONS`; 0: it was not.")

    @property
    def reasons(self) -> NDArray[Any]:
        """The word of each row's reason: ``"accepted"``, ``"margin"`` and so on, see `REASONS`."""
        return reason_words(self._found["reason"])

    def _keys(self) -> dict[str, NDArray[Any]]:
        return {}

    def _applied(self) -> engine.Book:
        return self._made._core

    @property
    def unpriced(self) -> NDArray[np.bool_]:
        """All false: what has no price is refused."""
        return np.zeros(len(self), dtype=np.bool_)

    def _noun(self) -> str:
        return "order"
