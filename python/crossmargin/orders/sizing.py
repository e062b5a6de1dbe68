"""How large a position may be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from crossmargin import _core as engine
from crossmargin._arguments import of_type, one_of, shown, text
from crossmargin.book import Book
from crossmargin.errors import ArgumentError
from crossmargin.market import Market
from crossmargin.orders.given import FEES, MODES, SIDES, accounts_of, frozen
from crossmargin.price.results import Columns, column
from crossmargin.prices import Prices

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


def size_position(  # noqa: PLR0913 - options by keyword only
    market: Market,
    instrument: str | ArrayLike,
    side: str | ArrayLike,
    *,
    entry_price: ArrayLike,
    equity: ArrayLike | None = None,
    max_loss: ArrayLike | None = None,
    max_loss_amount: ArrayLike | None = None,
    stop_price: ArrayLike | None = None,
    slippage: ArrayLike = 0.0,
    fee: str | None = None,
    exit_fee: str | None = None,
    leverage: ArrayLike | None = None,
    maintenance_share: ArrayLike | None = 0.02,
    margin_mode: str | None = None,
    profile: str | None = None,
    tier_coefficient: float = 1.0,
    book: Book | None = None,
    prices: Prices | None = None,
    accounts: Any = None,
) -> Sizing:
    """Find how large a position may be under limits on its loss, its margin and its leverage, and which limit binds.

    With prices made worse by slippage, ``entry' = entry * (1 + d * slippage)`` and
    ``stop' = stop * (1 - d * slippage)`` (``d`` is 1 for a buy, -1 for a sell), a unit loses
    ``|value(entry') - value(stop')| + fee * |value(entry')| + exit_fee * |value(stop')|``. The size is the largest
    multiple of the lot for which the loss is at most ``max_loss``, the maintenance margin at the entry at most
    ``maintenance_share`` of the equity, the leverage within its tier, the size within the last tier and, with a book,
    the order one that `check_orders` accepts. One lot more breaks the limit that binds; this is found without rounding.

    Parameters
    ----------
    market : Market
        The rules, tiers and fees.
    instrument : str or array-like of str
        Names or aliases. Arrays and single values among the arguments are spread over each other, as NumPy does.
    side : {"buy", "sell"} or array-like
        Which way.
    entry_price : array-like of float
        Where it is opened, quote per base.
    equity : array-like of float, optional
        Total equity, in the settlement asset; by default that of the account in the book.
    max_loss : array-like of float, optional
        The most that the stop may lose, a fraction of the equity: 0.01 is 1 %.
    max_loss_amount : array-like of float, optional
        The same as an amount in the settlement asset; give one of the two.
    stop_price : array-like of float, optional
        Where it is closed at a loss; without one the loss is no limit.
    slippage : array-like of float
        How much worse both fills are, a fraction of their prices.
    fee, exit_fee : {"taker", "maker", "none"}, optional
        What opening and closing pay, rates of the profile; by default the taker rate where the market states fees. What
        closing pays is by default what opening does.
    leverage : array-like of float, optional
        By default that of the account in the book; without one it is no limit, and initial margin is unknown.
    maintenance_share : array-like of float, or None
        The most that the maintenance margin may be of the equity; ``None``: no limit.
    margin_mode : {"cross", "isolated"}, optional
        By default as the account chose, cross without a book.
    profile : str, optional
        Fee profile, one of ``market.profiles``; with a book the account's own.
    tier_coefficient : float
        Multiple of the tier bounds, where the venue grants such; with a book the account's own.
    book, prices : Book and Prices, optional
        The accounts that are to hold the positions, each on top of what there is: as legs in accounts in hedge mode,
        and of instruments of which the account has legs.
    accounts : array-like of keys, or one key, optional
        The account of each row; not needed where the book has one.

    Returns
    -------
    Sizing
        A row per row of the arguments.

    Raises
    ------
    MissingPriceError
        For prices that the equity or the margin of an account needs.
    ArgumentError
        For numbers out of range, a stop on the winning side, unknown names, and rows that nothing limits.

    Examples
    --------
    1 % of 10,000 is lost between 60,000 and 58,800 with the taker fee of 0.055 % on both ways by
    ``100 / (1,200 + 0.00055 * (60,000 + 58,800))``; and twice as far away by about half of it:

    >>> import crossmargin as xm
    >>> market = xm.load_market("bybit-uta")
    >>> asked = {"equity": 10_000.0, "max_loss": 0.01, "entry_price": 60_000.0}
    >>> sized = xm.size_position(market, "BTCUSDT", "buy", **asked, stop_price=[58_800.0, 57_600.0])
    >>> sized.quantity.tolist(), sized.binding.tolist()
    ([0.07903014, 0.04057321], ['loss', 'loss'])
    """
    if not isinstance(market, Market):
        raise of_type(market, "market", "a Market")
    if max_loss is not None and max_loss_amount is not None:
        raise ArgumentError("max_loss was given with max_loss_amount: give one of the two")
    is_amount = max_loss_amount is not None
    given = {
        "equity": equity,
        "max_loss": max_loss_amount if is_amount else max_loss,
        "entry_price": entry_price,
        "stop_price": stop_price,
        "slippage": slippage,
        "leverage": leverage,
        "maintenance_share": maintenance_share,
    }
    if given["max_loss"] is None:
        if stop_price is not None:
            raise ArgumentError("max_loss was not given, and stop_price was: say how much the stop may lose")
        given["max_loss"] = 1.0  # of a stop that there is not
    room = _room(market, book, prices, accounts)
    keys, numbers = _rows(instrument, side, given, None if room is None else room[2])
    terms = (
        is_amount,
        *_fees(fee, exit_fee),
        None if profile is None else text(profile, "profile"),
        _coefficient(tier_coefficient),
        _mode(margin_mode),
    )
    found = object.__new__(Sizing)
    found.market, found.book, found.prices = market, book, prices
    whose = None if room is None else (*room[:2], keys["account"])
    buys = np.array(keys["side"] == "buy", dtype=np.bool_)
    columns = engine.size_position(market._core, keys["instrument"], buys, numbers, terms, whose)
    found._given = keys | {"entry_price": numbers[2], "stop_price": numbers[3]}
    found._found = frozen(columns)
    return found


def _room(market: Market, book: Any, prices: Any, accounts: Any) -> tuple[engine.Book, engine.Prices, Any] | None:
    """Check what the positions are put on top of; with it the accounts, of rows or of all."""
    if book is None and prices is None:
        if accounts is not None:
            raise ArgumentError("accounts was given without a book: give book= and prices=")
        return None
    if not isinstance(book, Book):
        raise of_type(book, "book", "Book: with a book go its prices")
    if not isinstance(prices, Prices):
        raise of_type(prices, "prices", "Prices: with a book go its prices")
    if book.market != market:
        raise ArgumentError(f"book was of market {book.market.id!r}, the sizes are of {market.id!r}")
    if accounts is None and book.n_accounts != 1:
        raise ArgumentError(f"accounts was not given, and the book has {book.n_accounts:,}: say whose each row is")
    return book._core, prices._core, book.accounts if accounts is None else accounts_of(accounts)


def _rows(instrument: Any, side: Any, given: dict[str, Any], accounts: Any) -> tuple[dict[str, Any], Any]:
    """Spread names and numbers over each other: a row for each."""
    names = {"instrument": _words(instrument, "instrument"), "side": _words(side, "side")}
    if accounts is not None:
        names["account"] = _words(accounts, "accounts")
    numbers = {name: _numbers(value, name) for name, value in given.items()}
    try:
        spread = np.broadcast_arrays(*names.values(), *numbers.values())
    except ValueError:
        shapes = {name: value.shape for name, value in (names | numbers).items() if value.shape != ()}
        raise ArgumentError(f"arguments were of shapes {shapes}, expected single values and columns alike") from None
    if spread[0].ndim > 1:
        raise ArgumentError(f"arguments were of {spread[0].ndim} dimensions, expected columns: one dimension")
    rows = [np.ascontiguousarray(each.reshape(-1)) for each in spread]
    keys = dict(zip(names, rows, strict=False))
    for at, word in enumerate(keys["side"].tolist()):
        one_of(word, f"side[{at}]" if np.ndim(side) else "side", SIDES)
    return keys, rows[len(names) :]


def _words(value: Any, name: str) -> NDArray[Any]:
    if hasattr(value, "__len__") and not isinstance(value, str):
        made = np.empty(len(value), dtype=object)
        made[:] = list(value)
    else:
        made = np.array(value, dtype=object)
    if made.ndim > 1:
        raise ArgumentError(f"{name} had {made.ndim} dimensions, expected a column: one dimension")
    return made


def _numbers(value: Any, name: str) -> NDArray[np.float64]:
    if value is None:
        return np.array(np.nan)
    try:
        return np.array(value, dtype=np.float64)
    except (OverflowError, TypeError, ValueError):
        raise ArgumentError(f"{name} was {shown(value)}, expected numbers") from None


def _fees(fee: Any, exit_fee: Any) -> tuple[str | None, str | None]:
    for word, name in ((fee, "fee"), (exit_fee, "exit_fee")):
        if word is not None:
            one_of(word, name, FEES, ", or None")
    return fee, fee if exit_fee is None else exit_fee


def _coefficient(value: Any) -> float:
    number = _numbers(value, "tier_coefficient")
    if number.ndim or not 0.0 < number < np.inf:
        raise ArgumentError(f"tier_coefficient was {shown(value)}, expected a positive number")
    return float(number)


def _mode(mode: Any) -> str | None:
    if mode is not None:
        one_of(mode, "margin_mode", MODES, ", or None")
    return mode  # type: ignore[no-any-return]


class Sizing(Columns):
    """How large positions may be, and which limit binds: what `size_position` found.

    A row per row of its arguments; amounts in the settlement asset, NaN where unknown or not limited. Every column is
    an item, and those here are attributes. Exports ``__arrow_c_stream__``: instrument, side, account where a book was
    given, entry and stop, then these, and ``by_loss``, ``by_maintenance``, ``by_leverage``, ``by_cap`` and
    ``by_margin``: the largest size within each limit, without sign.

    Attributes
    ----------
    market : Market
        Whose rules were applied.
    book, prices
        What the positions were put on top of; ``None`` where nothing was.
    """

    __slots__ = ("_found", "_given", "book", "market", "prices")
    _given: dict[str, NDArray[Any]]
    market: Market
    book: Book | None
    prices: Prices | None

    quantity = column("quantity", "The largest size within every limit; sells negative, 0 where not one lot is.")
    binding = column(
        "binding",
        'The limit that one lot more breaks: ``"loss"``, ``"maintenance"``, ``"leverage"``, ``"cap"`` or ``"margin"``; '
        "of several the first.",
    )
    notional = column("notional", "``|quantity| * |value(entry)|``.")
    loss = column("loss", "What the stop loses, with slippage and fees; NaN without a stop.")
    maintenance_margin = column("maintenance_margin", "Of the position at its entry.")
    initial_margin = column("initial_margin", "Of the position at its entry; NaN where the leverage is unknown.")
    leverage_used = column("leverage_used", "``notional / equity``.")
    risk_share = column("risk_share", "``loss / equity``.")

    @property
    def market_id(self) -> str:
        """The id of the rules that were applied."""
        return self.market.id

    def _keys(self) -> dict[str, NDArray[Any]]:
        return self._given

    def _noun(self) -> str:
        return "position"
