"""What changes a book: decisions that were made of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crossmargin._arguments import of_type
from crossmargin._asked import Applicable, Asked
from crossmargin.errors import ArgumentError

if TYPE_CHECKING:
    from typing import Self

    from crossmargin import _core as engine


_EXPECTED = {"orders": "a decision about orders", "transfers": "what rebalance() found"}


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

    def apply_transfers(self, transfers: Any) -> Self:
        """Move the cash that is to move between the pools of the accounts, and out of them.

        The book holds another state then; what was asked of it before stays what it was. Amounts move exactly, in whole
        quanta; the tables have the double nearest to what is then there.

        Parameters
        ----------
        transfers : Rebalance
            What `rebalance` found of this book as it is now.

        Returns
        -------
        Book
            This book.

        Raises
        ------
        ArgumentError
            For what is no such answer, and for one that was made of another book, or of an earlier state of this one.

        Examples
        --------
        >>> import crossmargin as xm
        >>> market = xm.load_market("textbook")
        >>> held = {"account": 7, "instrument": "BTCUSDT", "quantity": 0.2, "entry_price": 50_000.0, "leverage": 20.0}
        >>> book = xm.Book(
        ...     market,
        ...     balances={"account": [7], "asset": ["USDT"], "wallet_balance": [2_000.0]},
        ...     positions=[held | {"margin_mode": "isolated", "isolated_margin": 500.0}],
        ... )
        >>> moves = xm.rebalance(book, market.prices(mark={"BTCUSDT": 50_000.0}), target_ratio=3.0)
        >>> book.apply_transfers(moves).tables()["positions"]["isolated_margin"].tolist()
        [750.0]
        """
        return self._apply(transfers, "transfers", "transfers", "ask for them again")

    def _apply(self, change: Any, name: str, moves: str, cure: str) -> Self:
        if not isinstance(change, Asked) or not isinstance(change, Applicable) or change._moves != moves:
            raise of_type(change, name, _EXPECTED[moves])
        if change._core is not self._core:
            earlier = "an earlier state of the book" if change.book is self else "another book"
            raise ArgumentError(f"{name} was made of {earlier}: {cure}")
        self._put(change._applied())
        return self
