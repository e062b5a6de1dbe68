"""What an account refuses for want of money."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crossmargin.errors import CrossmarginError

if TYPE_CHECKING:
    from decimal import Decimal


class FundsError(CrossmarginError, ValueError):
    """An operation of an `Account` asks for more money than may move; nothing was changed.

    Raised by `Account.withdraw` beyond what is withdrawable, by `Account.add_margin` beyond what is available, by
    `Account.remove_margin` beyond what the position can spare, by opening an isolated position beyond the cash that is
    not fenced yet, and by closing one at a loss beyond its margin.

    Attributes
    ----------
    asset : str
        What was asked for.
    asked : decimal.Decimal
        How much of it.
    limit : decimal.Decimal
        How much may move.
    """

    def __init__(self, message: str, asset: str, asked: Decimal, limit: Decimal) -> None:
        super().__init__(message, asset, asked, limit)
        self.asset = asset
        self.asked = asked
        self.limit = limit

    def __str__(self) -> str:
        return str(self.args[0])
