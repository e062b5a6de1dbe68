"""What a monitor has done so far."""

from __future__ import annotations

from typing import NamedTuple


class Stats(NamedTuple):
    """Counts of a monitor since it was made or restored; read without waiting, also while a call of it runs.

    Attributes
    ----------
    frames : int
        Frames of prices that were applied.
    touches : int
        Times that a pool, or the equity of an account, was evaluated: because a price left the box in which its flags
        cannot change, or brought a pool that is followed to where one may.
    exact : int
        How many of those only exact arithmetic could decide.
    events : int
        Events reported, those of the construction and of operations included.
    bytes : int
        Memory that the monitor holds, about.

    Examples
    --------
    >>> import crossmargin as xm
    >>> market = xm.load_market("textbook")
    >>> book = xm.Book(market, balances={"account": [7], "asset": ["USDT"], "wallet_balance": [1_000.0]})
    >>> xm.Monitor(book, market.prices(mark={})).stats().frames
    0
    """

    frames: int
    touches: int
    exact: int
    events: int
    bytes: int
