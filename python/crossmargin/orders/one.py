"""The gate for one order: the same decision without tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from crossmargin import _core as engine
from crossmargin._arguments import no_account, of_type, shown, text
from crossmargin.book import Book
from crossmargin.errors import ArgumentError, CrossmarginError
from crossmargin.price.results import MISREAD
from crossmargin.prices import Prices

if TYPE_CHECKING:
    from typing import NoReturn

_check = engine.check_order
_made = tuple.__new__


class Verdict(NamedTuple):
    """What `check_order` decided: whether the order fits, and why not. True where it fits.

    Amounts are in the asset of the pool that the order meets; NaN means unknown.
    """

    accepted: bool
    """Whether it fits; exact."""
    reason: str
    """The first reason that applies, one of `REASONS`; ``"accepted"`` where it fits."""
    cost: float
    """What it takes: initial margin after less before, not below 0, with its loss where the venue counts it."""
    available: float
    """What could back it before."""
    short: float
    """How much more it would take; 0 where margin does not refuse it."""
    opening: float
    """How many contracts of it open something."""
    exact: bool
    """Whether only exact arithmetic could tell."""

    def __bool__(self) -> bool:
        return self.accepted


def check_order(  # noqa: PLR0913 - an order
    book: Book,
    prices: Prices,
    instrument: str | int,
    quantity: float,
    price: float | None = None,
    *,
    account: int | str | None = None,
    leverage: float | None = None,
    margin_mode: str | None = None,
    position_side: str | None = None,
    reduce_only: bool = False,
    trigger_price: float | None = None,
) -> Verdict:
    """Decide whether one order fits, by the venue's own rule, exactly: a row of `check_orders` at once.

    Parameters
    ----------
    book : Book
        The accounts. It is not changed.
    prices : Prices
        Made by ``book.market.prices``.
    instrument : str or int
        Name or alias, or place in the market's order.
    quantity : float
        In the unit of the book; bought positive, sold negative.
    price : float, optional
        Its limit, quote per base; without one it is an order at the market.
    account : int or str, optional
        Whose it is; not needed where the book has one account.
    leverage : float, optional
        By default that of the account's setting, or of its position.
    margin_mode : {"cross", "isolated"}, optional
        By default that of the account's setting, its position, or the account.
    position_side : {"net", "long", "short"}, optional
        The leg that it trades.
    reduce_only : bool
        Whether it may only reduce.
    trigger_price : float, optional
        The price that it waits for; without one it is active.

    Returns
    -------
    Verdict
        True where it fits.

    Raises
    ------
    MissingPriceError
        For prices that are needed and missing.
    ArgumentError
        For what is no order, an unknown account, instrument or word, and prices of another market.

    Examples
    --------
    >>> import crossmargin as xm
    >>> market = xm.load_market("binance-usdm")
    >>> book = xm.Book(market, balances={"account": [1], "asset": ["USDT"], "wallet_balance": [500.0]})
    >>> prices = market.prices(mark={"BTCUSDT": 60_000.0})
    >>> verdict = xm.check_order(book, prices, "BTCUSDT", 0.1, 59_000.0, leverage=10.0)
    >>> verdict.accepted, verdict.reason, verdict.cost, verdict.short
    (False, 'margin', 590.0, 90.0)
    >>> bool(xm.check_order(book, prices, "BTCUSDT", 0.1, 59_000.0, leverage=20.0))
    True
    """
    try:
        made = _check(
            book._core,
            prices._core,
            instrument,
            quantity,
            price,
            account,
            leverage,
            margin_mode,
            position_side,
            reduce_only,
            trigger_price,
        )
    except MISREAD as error:
        words = {"margin_mode": margin_mode, "position_side": position_side}
        _refuse(error, book, prices, account, words, reduce_only)
    return _made(Verdict, made)


def _refuse(  # noqa: PLR0913, PLR0917 - what was given
    error: Exception, book: Any, prices: Any, account: Any, words: dict[str, Any], reduce_only: Any
) -> NoReturn:
    """Say which argument the compiled half could not read."""
    for value, name, expected in ((book, "book", Book), (prices, "prices", Prices)):
        if not isinstance(value, expected):
            raise of_type(value, name, expected.__name__) from None
    for name, word in words.items():
        if word is not None:
            text(word, name)
    if isinstance(error, ArgumentError) and str(error).startswith(f"account was {shown(account)[:20]}"):
        raise no_account(account, book.accounts) from None
    if isinstance(error, CrossmarginError):
        raise error
    if not isinstance(reduce_only, bool):
        raise of_type(reduce_only, "reduce_only", "True or False") from None
    raise error
