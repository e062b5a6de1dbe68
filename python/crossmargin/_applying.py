"""What changes a book: decisions that were made of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crossmargin._arguments import of_type
from crossmargin._asked import Applicable, Asked
from crossmargin.errors import ArgumentError

if TYPE_CHECKING:
    from typing import Self

    from crossmargin import _core as engine


class Applying:
    """How a book comes from one state to the next: another one is put in the place of what it holds."""

    __slots__ = ()
    _core: engine.Book

    def _put(self, core: engine.Book) -> None:
        """Hold another state from now on."""
        raise NotImplementedError

    def apply_orders(self, decision: Any) -> Self:
        """Put the accepted orders of a decision into the book: as open orders, or filled, as it was decided.

        The book holds another state then; what was asked of it before stays what it was. Nothing else puts orders
        into a book, and what is refused leaves it as it was.

        Parameters
        ----------
        decision : Decision
            What `check_orders` decided about this book as it is now, or what other decisions about orders came to.

        Returns
        -------
        Book
            This book.

        Raises
        ------
        ArgumentError
            For what is no decision about orders, and for one that was made of another book, or of an earlier state of
            this one.
        BookError
            Where what comes after cannot be, such as a position that grew beyond what a book can hold.

        Examples
        --------
        >>> import crossmargin as xm
        >>> market = xm.load_market("binance-usdm")
        >>> book = xm.Book(market, balances={"account": [1], "asset": ["USDT"], "wallet_balance": [1_000.0]})
        >>> prices = market.prices(mark={"BTCUSDT": 60_000.0})
        >>> order = {"instrument": "BTCUSDT", "quantity": 0.1, "price": 59_000.0, "leverage": 10.0}
        >>> decision = xm.check_orders(book, prices, order)
        >>> book.apply_orders(decision)
        Book(1 account, 1 pool, 0 positions, market 'binance-usdm/2024-10-01')
        >>> book.tables()["orders"].rows()[0]["price"]
        59000.0
        """
        return self._apply(decision, "decision", "orders", "check the orders again")

    def _apply(self, change: Any, name: str, moves: str, cure: str) -> Self:
        if not isinstance(change, Asked) or not isinstance(change, Applicable) or change._moves != moves:
            raise of_type(change, name, f"a decision about {moves}")
        if change._core is not self._core:
            earlier = "an earlier state of the book" if change.book is self else "another book"
            raise ArgumentError(f"{name} was made of {earlier}: {cure}")
        self._put(change._applied())
        return self
