"""Frames of prices that a monitor takes, one at a time or many."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Any

from crossmargin._price_tables import by_name
from crossmargin.errors import ArgumentError, PriceError
from crossmargin.monitor.events import Events
from crossmargin.monitor.frames import columns_of
from crossmargin.monitor.moments import NO_TIME, moment
from crossmargin.monitor.stats import Stats
from crossmargin.prices import Prices

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from crossmargin import _core as engine
    from crossmargin.book import Book
    from crossmargin.market import Market
    from crossmargin.monitor.alerts import Alerts
    from crossmargin.monitor.log import Recorder


class Updating:
    """The part of a `Monitor` that takes prices."""

    __slots__ = ("_book", "_core", "_lock", "_quiet", "_recorder", "alerts", "market")
    _book: tuple[int, engine.Book, Book] | None
    _core: engine.Monitor
    _lock: Lock
    _quiet: Events
    _recorder: Recorder | None
    alerts: Alerts
    market: Market

    def _begin(self, core: engine.Monitor, alerts: Alerts, market: Market) -> None:
        self._core = core
        self._lock = Lock()
        self._recorder = None
        self._book = None
        self._quiet = Events._of(core.no_events())
        self.alerts = alerts
        self.market = market

    def update(self, mark: Any = None, *, index: Any = None, last: Any = None, time: Any = None) -> Events:
        """Apply one frame of prices.

        Parameters
        ----------
        mark, index, last : mapping of str to float, array-like, or table, optional
            Mark prices, index prices of assets, and last prices, as of `Market.prices`: those that are new. By name; or
            in market order with NaN where there is no news. Prices of instruments that nobody holds may come too.
        time : int, datetime, datetime64 or str, optional
            When it was: nanoseconds since 1970, or what says so. It is kept with the events and means nothing else.

        Returns
        -------
        Events
            The flags that changed; without rows, which is false, where none did.

        Raises
        ------
        PriceError
            For a price that is not a positive number, and for a name that the market does not have; nothing has changed
            then.
        ArgumentError
            For what is no price and no time.

        Examples
        --------
        >>> import crossmargin as xm
        >>> market = xm.load_market("textbook")
        >>> cash = {"account": [7], "asset": ["USDT"], "wallet_balance": [1_000.0]}
        >>> held = {"account": [7], "instrument": ["BTCUSDT"], "quantity": [0.1], "entry_price": [60_000.0]}
        >>> monitor = xm.Monitor(
        ...     xm.Book(market, balances=cash, positions=held), market.prices(mark={"BTCUSDT": 60_000.0})
        ... )
        >>> if monitor.update({"BTCUSDT": 51_000.0, "ETHUSDT": 2_400.0}, time="2024-10-01T08:00Z"):
        ...     print(monitor.events.change[0], monitor.events.time[0], monitor.events.cause_name[0])
        entered 2024-10-01T08:00:00.000000000 BTCUSDT
        """
        if time is None:
            time = NO_TIME
        elif type(time) is not int:
            time = moment(time)
        if self._recorder is not None:
            return self._recorded(self._update, mark, index, last, time)
        try:
            made = self._core.update(mark, index, last, time)
        except (ArgumentError, OverflowError, PriceError):
            return self._update(mark, index, last, moment(time))
        return self._quiet if made is None else Events._of(made)

    def _update(self, mark: Any, index: Any, last: Any, time: int) -> Events:
        """Apply a frame that may come as tables."""
        mark, last = by_name(mark, "mark", "instrument"), by_name(last, "last", "instrument")
        made = self._core.update(mark, by_name(index, "index", "asset"), last, time)
        return self._quiet if made is None else Events._of(made)

    def update_many(self, frames: Any, *, ends: ArrayLike | None = None, time: ArrayLike | None = None) -> Events:
        """Apply many frames of prices, one after the other, in one call.

        Equal to calling `update` for each.

        Parameters
        ----------
        frames : table or PriceHistory
            A row per price: ``name`` (of an instrument, or of an asset for an index price; or the place in the market's
            order) and ``price``. Optional: ``quote`` (``"mark"``, ``"index"`` or ``"last"``, or 0, 1 or 2; absent means
            mark), ``frame`` (an integer: rows beside each other with the same one are a frame; absent means that each
            row is one) and ``time`` (of which a frame has that of its last row). Of a `PriceHistory` every row is a
            frame; NaN says that there is no news.
        ends : array-like of int, optional
            In place of ``frame``, the number of the row after the last one of each frame.
        time : array-like, optional
            In place of the column, the time of each frame: nanoseconds since 1970, ``datetime64``, datetimes or text.

        Returns
        -------
        Events
            The flags that changed, frame by frame.

        Raises
        ------
        PriceError
            For a price that is not a positive number, and for a name that the market does not have; no frame was
            applied then.
        ArgumentError
            For columns that do not fit together.

        Notes
        -----
        Where Ctrl-C ends the call, the frames before it were applied: `frame` says how many, `events` has what they
        brought.

        Examples
        --------
        >>> import numpy as np
        >>> import crossmargin as xm
        >>> market = xm.load_market("textbook")
        >>> cash = {"account": [7], "asset": ["USDT"], "wallet_balance": [1_000.0]}
        >>> held = {"account": [7], "instrument": ["BTCUSDT"], "quantity": [0.1], "entry_price": [60_000.0]}
        >>> monitor = xm.Monitor(
        ...     xm.Book(market, balances=cash, positions=held),
        ...     market.prices(mark={"BTCUSDT": 60_000.0}),
        ...     xm.Alerts(levels=(), soft_stop=None),
        ... )
        >>> events = monitor.update_many({"name": np.zeros(4, dtype=int), "price": [52e3, 51e3, 51.2e3, 53e3]})
        >>> events.frame.tolist(), events.change.tolist()
        ([2, 4], ['entered', 'left'])
        """
        given = columns_of(frames, ends, time, self.market)
        return self._called(lambda: self._core.update_many(*given))

    def _called(self, call: Any) -> Events:
        """Make a call of the engine that may bring events; it is logged where there is a log."""
        return self._recorded(self._made, call) if self._recorder is not None else self._made(call)

    def _made(self, call: Any) -> Events:
        made = call()
        return self._quiet if made is None else Events._of(made)

    def _recorded(self, call: Any, *given: Any) -> Events:
        """Make a call, and write what it has applied to the log, which may be part of it where Ctrl-C ended it."""
        with self._lock:
            try:
                events: Events = call(*given)
            finally:
                lines = self._core.take_lines()
                if lines and self._recorder is not None:
                    self._recorder.write(lines)
        return events

    # where it is

    @property
    def frame(self) -> int:
        """The number of the last frame; 0 before the first."""
        return self._core.frame()

    @property
    def prices(self) -> Prices:
        """The present prices."""
        return Prices._of(self._core.prices(), self.market)

    def stats(self) -> Stats:
        """Count what was done so far, without waiting for a call that runs.

        Returns
        -------
        Stats
            Frames, touches, exact runs, events, and bytes of memory.
        """
        return Stats(*self._core.stats())
