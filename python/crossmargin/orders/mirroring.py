"""Copy trading: the orders of one account, placed for others."""

# ruff: noqa: A002 - `round` is the word of the numeric contract

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from crossmargin import _core as engine
from crossmargin._arguments import is_key, no_account, of_type, one_of, shown
from crossmargin._asked import Applicable
from crossmargin.errors import ArgumentError
from crossmargin.orders.given import accounts_of, check_asked, flag, frozen, proposed, words_of
from crossmargin.orders.results import Found, reason_words
from crossmargin.price.results import column

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from crossmargin.book import Book
    from crossmargin.orders.given import Words
    from crossmargin.prices import Prices

_BY = ("equity", "factor")


def mirror(  # noqa: PLR0913 - options by keyword only
    book: Book,
    prices: Prices,
    orders: Any,
    leader: int | str,
    followers: ArrayLike | int | str,
    *,
    by: str = "equity",
    factor: ArrayLike = 1.0,
    cut: bool = True,
    assume: str = "resting",
    fee: str | None = None,
    round: str | None = "nearest",
    missing: str = "raise",
    n_threads: int | None = None,
) -> Mirrored:
    """Scale a leader's orders to followers, each through the gate, and say what was refused or cut.

    ``quantity = sign * floor_to_lot(|leader's quantity| * ratio * factor)``, where the ratio is ``follower's equity /
    leader's equity`` by equity and 1 by factor. An order that closes for the leader closes no more than the follower
    has. Every order goes through the gate of `check_orders` in the order of the leader's rows; one that it refuses for
    margin, leverage or the last tier is cut to the largest that fits (see `max_order`).

    Parameters
    ----------
    book : Book
        The accounts, the leader among them. It is not changed: see `Book.apply_orders`.
    prices : Prices
        Made by ``book.market.prices``.
    orders : table
        The leader's orders, as of `check_orders`; ``account`` may be left out.
    leader : int or str
        The key of the leader's account.
    followers : array-like of keys, or one key
        The accounts that follow; the leader is not among them, and none twice.
    by : {"equity", "factor"}
        What sizes go by.
    factor : float or array-like of float
        What they are multiplied with; one for all, or one for each follower.
    cut : bool
        Whether to place the largest that fits of what does not; else it is refused.
    assume, fee, round
        As of `check_orders`.
    missing, n_threads
        As of `check_orders`.

    Returns
    -------
    Mirrored
        A row per order of the leader and follower.

    Raises
    ------
    BookError
        For rows that are no orders, with all faults in ``.faults``.
    MissingPriceError
        For prices that are needed and missing.
    ArgumentError
        For unknown accounts and words, factors that are not positive, and a leader without equity to go by.

    Examples
    --------
    One follower has half the leader's equity, the other a tenth and a position that takes nearly all of it:

    >>> import crossmargin as xm
    >>> market = xm.load_market("binance-usdm")
    >>> book = xm.Book(
    ...     market,
    ...     balances={"account": [1, 2, 3], "asset": ["USDT"] * 3, "wallet_balance": [10_000.0, 5_000.0, 1_000.0]},
    ...     positions=[
    ...         {"account": 3, "instrument": "ETHUSDT", "quantity": 2.7, "entry_price": 3_000.0, "leverage": 10.0}
    ...     ],
    ... )
    >>> prices = market.prices(mark={"BTCUSDT": 60_000.0, "ETHUSDT": 3_000.0})
    >>> order = {"instrument": "BTCUSDT", "quantity": 0.4, "price": 60_000.0, "leverage": 10.0}
    >>> found = xm.mirror(book, prices, order, leader=1, followers=[2, 3])
    >>> found.wanted.tolist(), found.quantity.round(8).tolist(), found.cut.tolist()
    ([0.2, 0.04], [0.2, 0.03166666], [False, True])
    """
    check_asked(book, prices, missing, n_threads)
    one_of(by, "by", _BY)
    words = words_of(assume, fee, round)
    if not is_key(leader):
        raise ArgumentError(f"leader was {shown(leader)}, expected the key of an account")
    places = _place_of(book, leader), _followers(followers)
    core, given = book._core, proposed(book, orders, places[0])
    _check_owner(given, core, places[0])
    factors = _factors(factor, len(places[1]))
    columns = engine.mirror(
        core, prices._core, given, (*places, by, factors, flag(cut, "cut")), words, missing, n_threads
    )
    found = object.__new__(Mirrored)
    found._begin(book, prices, missing, frozen(columns), columns["reason"] == engine.REASONS.index("unpriced"))
    found._core = core
    found._place, found._leader_row, found._account = (columns.pop(name) for name in ("place", "leader_row", "account"))
    found._proposed, found._words, found.leader = given, words, leader
    return found


def _place_of(book: Book, leader: Any) -> Any:
    """Take the key of the leader, of the kind of the book's keys."""
    try:
        book._core.account_place(leader)
    except ArgumentError:
        raise no_account(leader, book.accounts) from None
    return leader


def _followers(followers: Any) -> Any:
    followers = accounts_of(followers)
    if not hasattr(followers, "__len__"):
        raise of_type(followers, "followers", "keys of accounts")
    return followers


def _check_owner(given: engine.Proposed, core: engine.Book, leader: Any) -> None:
    """Refuse orders that the table says are another's."""
    accounts = given.keys(core)["account"]
    others = np.flatnonzero(accounts != (leader if accounts.dtype != object else str(leader)))
    if len(others):
        row = int(others[0])
        cure = f"the leader's is {shown(leader)}: leave out orders of others"
        raise ArgumentError(f"orders.account[{row}] was {shown(accounts.tolist()[row])}, {cure}")


def _factors(factor: Any, n: int) -> list[float]:
    try:
        spread: list[float] = np.broadcast_to(np.asarray(factor, dtype=np.float64), (n,)).tolist()
    except (OverflowError, TypeError, ValueError):
        raise ArgumentError(f"factor was {shown(factor)}, expected a number, or one for each follower") from None
    return spread


class Mirrored(Found, Applicable):
    """What followers place of a leader's orders: what `mirror` found. `Book.apply_orders` puts it into the book.

    A row per order of the leader and follower, in this order. Every column is an item, and those here are attributes.
    Exports ``__arrow_c_stream__``: ``leader_row``, ``account``, then these.

    Attributes
    ----------
    leader : int or str
        Whose orders they are.
    book, prices
        What was asked about.
    missing : str
        What was asked for missing prices: ``"raise"`` or ``"null"``.
    """

    __slots__ = ("_account", "_leader_row", "_place", "_proposed", "_words", "leader")
    _account: NDArray[Any]
    _leader_row: NDArray[np.int64]
    _place: NDArray[np.int64]
    _proposed: engine.Proposed
    _words: Words
    _moves = "orders"
    leader: int | str

    wanted = column("wanted", "What the leader's order comes to, in lots; what closes no more than there is.")
    quantity = column("quantity", "What is placed of it; 0 where nothing is.")
    cut = column("cut", "Whether less is placed than wanted.")
    reason = column("reason", "Why not all of it, the code of a reason; 0 where all is placed.")
    cost = column("cost", "What it takes, in the asset of the follower's pool.")

    @property
    def leader_row(self) -> NDArray[np.int64]:
        """The row of the leader's order."""
        return self._leader_row

    @property
    def account(self) -> NDArray[Any]:
        """The keys of the followers."""
        return self._account

    @property
    def reasons(self) -> NDArray[Any]:
        """The word of each row's reason: ``"accepted"``, ``"margin"`` and so on, see `REASONS`."""
        return reason_words(self._found["reason"])

    def _keys(self) -> dict[str, NDArray[Any]]:
        return {"leader_row": self._leader_row, "account": self._account}

    def _noun(self) -> str:
        return "order"

    def _counted(self) -> str:
        placed, cut = (self._found["quantity"] != 0.0).sum(), self._found["cut"].sum()
        return f"{int(placed):,} placed, {int(cut):,} cut"

    def _applied(self) -> engine.Book:
        if not self._found["quantity"].any():
            return self._core
        rows = (self._leader_row, self._place, self._found["quantity"])
        return engine.apply_mirrored(self._core, self.prices._core, self._proposed, rows, self._words)

    def __getstate__(self) -> dict[str, Any]:
        return super().__getstate__() | {"_proposed": self._proposed.table(self._core)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._proposed = engine.Proposed(self._core, state["_proposed"])
