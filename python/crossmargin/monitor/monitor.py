"""`Monitor`: a book that is watched, one frame of prices after another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crossmargin import _core as engine
from crossmargin._arguments import is_key, is_whole, no_account, of_type, shown
from crossmargin.book import Book
from crossmargin.errors import ArgumentError
from crossmargin.monitor.alerts import Alerts
from crossmargin.monitor.keeping import Keeping
from crossmargin.monitor.references import references_of
from crossmargin.monitor.why import Why
from crossmargin.prices import Prices
from crossmargin.table import Table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike

    from crossmargin.guard import Limits

_MOST_POOLS = 2**32


class Monitor(Keeping):
    """A book that is watched: exact flags after every frame of prices, and events where they change.

    A frame is any set of mark, index and last prices that apply at once; only the ends of frames count. After each, the
    flags are those that a full scan by `score` would give, in exact arithmetic; but only pools whose flags could have
    changed are looked at. The book lives: fills, transfers, funding, accounts that come and go are operations of their
    own.

    Flags are: whether a pool is liquidatable; whether its margin ratio is below each of some levels; whether an account
    has lost a share of its reference equity (a soft stop, latched until `reset`). Each change is an event, without
    hysteresis: every level that is passed is reported.

    Several threads may use a monitor: calls that change it follow one another, `stats` waits for none. Pickles as its
    snapshot.

    Parameters
    ----------
    book : Book
        The accounts. The monitor takes a copy; `book` gives it as it has become.
    prices : Prices
        Made by ``book.market.prices``. All that is held must have its price.
    alerts : Alerts or Limits, optional
        What is watched for; by default ``Alerts()``. Of `Limits` those that `Limits.alerts` gives: levels, soft stop
        and liquidation.
    references : mapping, array-like or table, optional
        The equity that losses of accounts are measured from: by account; in the order of ``book.accounts``; or in
        columns ``account`` and ``reference_equity``. Of the others, and where it is NaN, the equity now.
    n_threads : int, optional
        Threads to use where much is to be done at once; this version uses one.

    Attributes
    ----------
    market : Market
        The rules.
    alerts : Alerts
        What is watched for.

    Raises
    ------
    MissingPriceError
        For prices that are needed and missing; ``.mark``, ``.last`` and ``.index`` list them.
    ArgumentError
        For a soft stop of accounts in several assets without a ``valuation``, and prices of another market.

    Examples
    --------
    >>> import crossmargin as xm
    >>> market = xm.load_market("textbook")
    >>> book = xm.Book(
    ...     market,
    ...     balances={"account": [7], "asset": ["USDT"], "wallet_balance": [1_000.0]},
    ...     positions={"account": [7], "instrument": ["BTCUSDT"], "quantity": [0.1], "entry_price": [60_000.0]},
    ... )
    >>> monitor = xm.Monitor(book, market.prices(mark={"BTCUSDT": 60_000.0}))
    >>> len(monitor.update({"BTCUSDT": 59_000.0}))
    0
    >>> for event in monitor.update({"BTCUSDT": 51_000.0}):
    ...     print(event.frame, event.alert, event.level, event.change)
    2 margin_ratio 2.0 entered
    2 margin_ratio 1.5 entered
    2 margin_ratio 1.2 entered
    2 liquidation nan entered
    2 soft_stop 0.15 entered
    """

    __slots__ = ()

    def __init__(
        self,
        book: Book,
        prices: Prices,
        alerts: Alerts | Limits | None = None,
        *,
        references: Mapping[Any, float] | ArrayLike | None = None,
        n_threads: int | None = None,
    ) -> None:
        for value, name, expected in ((book, "book", Book), (prices, "prices", Prices)):
            if not isinstance(value, expected):
                raise of_type(value, name, expected.__name__)
        alerts = _alerts(alerts)
        equity = None if references is None else references_of(references, book)
        self._begin(engine.Monitor(book._core, prices._core, *alerts._core(), equity, n_threads), alerts, book.market)

    @property
    def book(self) -> Book:
        """The accounts as they are now: what `Book` makes of all that was opened, traded, paid and closed."""
        number = self._core.operations()
        if self._book is None or self._book[0] != number:
            number, core = self._core.book()
            self._book = number, core, Book._of(core, self.market)
        _, core, book = self._book
        if book._core is not core:  # it was changed by who was given it
            book = Book._of(core, self.market)
            self._book = number, core, book
        return book

    @property
    def flags(self) -> Table:
        """The flags of the pools, in the order of ``book.pools``.

        Columns: the keys of the pools, ``liquidation`` where that is watched, and ``below_2`` and so on for the levels.
        """
        liquidation, levels, _ = self._core.flag_columns()
        columns = self.book.pools.to_dict()
        if liquidation is not None:
            columns["liquidation"] = liquidation
        return Table(columns | dict(zip(self._level_names(), levels, strict=True)))

    @property
    def soft_stops(self) -> Table:
        """The soft stops of the accounts, in the order of ``book.accounts``.

        Columns ``account``, ``soft_stop`` (whether it is set) and ``reference`` (what losses are measured from, in the
        asset that accounts are valued in; not above 0 where there is no stop); no rows where none is watched.
        """
        accounts = self._core.accounts()
        columns = {"account": accounts, "soft_stop": self._core.flag_columns()[2], "reference": self._core.references()}
        return Table(columns if self.alerts.soft_stop is not None else {n: v[:0] for n, v in columns.items()})

    def _level_names(self) -> list[str]:
        return [f"below_{level:.12g}" for level in self.alerts.levels]

    def why(self, account: int | str | None = None, pool: int | None = None) -> Why:
        """Say why a pool needs not be looked at: the box of prices in which its flags cannot change.

        Parameters
        ----------
        account : int or str, optional
            The key of the account; may be left out where there is one.
        pool : int, optional
            The place of the pool among those of the account, from 0; may be left out where there is one.

        Returns
        -------
        Why
            A row per price that counts, with the ends of its interval.

        Raises
        ------
        ArgumentError
            For an account that is not held, and for a pool that it does not have.

        Examples
        --------
        >>> import crossmargin as xm
        >>> market = xm.load_market("textbook")
        >>> cash = {"account": [7], "asset": ["USDT"], "wallet_balance": [1_000.0]}
        >>> held = {"account": [7], "instrument": ["BTCUSDT"], "quantity": [0.1], "entry_price": [60_000.0]}
        >>> monitor = xm.Monitor(
        ...     xm.Book(market, balances=cash, positions=held), market.prices(mark={"BTCUSDT": 60_000.0})
        ... )
        >>> why = monitor.why()
        >>> why["name"].tolist(), why["price"].tolist(), bool(why["low"][0] < 60_000.0 < why["high"][0])
        (['BTCUSDT'], [60000.0], True)
        """
        accounts = self._core.accounts()
        if account is None:
            if len(accounts) != 1:
                count = f"{len(accounts):,}"
                raise ArgumentError(f"account was not given, and the monitor has {count}: name one of book.accounts")
            account = accounts.tolist()[0]
        if pool is not None and not (is_whole(pool) and 0 <= pool < _MOST_POOLS):
            raise ArgumentError(f"pool was {shown(pool)}, expected its place among the pools of the account, from 0")
        found = self._core.why(account, pool) if is_key(account) else None
        if found is None:
            raise no_account(account, accounts)
        key, followed, liquidation, levels, columns = found
        flags: dict[str, bool] = {} if liquidation is None else {"liquidation": liquidation}
        flags |= dict(zip(self._level_names(), levels, strict=True))
        return Why._of({"account": account, **key}, (flags, followed), columns, self.market.id)

    def __repr__(self) -> str:
        accounts, pools = self._core.sizes()
        counts = f"{accounts:,} account{'s' * (accounts != 1)}, {pools:,} pool{'s' * (pools != 1)}"
        return f"Monitor({counts}, frame {self.frame:,}, market {self.market.id!r})"


def _alerts(given: Alerts | Limits | None) -> Alerts:
    """Give what is to be watched for."""
    if given is None:
        return Alerts()
    if isinstance(given, Alerts):
        return given
    from crossmargin.guard import Limits  # noqa: PLC0415 - it needs what this package is

    if isinstance(given, Limits):
        return given.alerts()
    raise of_type(given, "alerts", "Alerts or Limits")
