"""A table that is drawn anew as frames come: the nearest pools, and what was done."""

from __future__ import annotations

from collections import deque
from time import monotonic
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from rich.console import Console, Group
from rich.live import Live as Screen
from rich.table import Table as Grid
from rich.text import Text

import crossmargin as xm
from crossmargin.cli.report import pool_name

if TYPE_CHECKING:
    from collections.abc import Iterator

_SECONDS = 0.25
"""How seldom it is drawn: the book is scored for it."""
_EVENTS = 6
_FIGURES = ("margin_ratio", "excess", "liquidatable")
_STYLES = {"entered": "red", "left": "green"}


class Live:
    """Draws a monitor on a terminal.

    Parameters
    ----------
    monitor : Monitor
        What is drawn.
    rows : int
        How many pools.
    console : rich.console.Console, optional
        Where; standard output by default.
    """

    def __init__(self, monitor: xm.Monitor, rows: int, console: Console | None = None) -> None:
        self._monitor = monitor
        self._rows = rows
        self._recent: deque[xm.Event] = deque(maxlen=_EVENTS)
        self._screen = Screen(console=console or Console(), auto_refresh=False, transient=False)
        self._before = monitor.stats(), monotonic()
        self._drawn = float("-inf")

    def __enter__(self) -> Self:
        self._screen.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._draw()
        self._screen.stop()

    def show(self, events: xm.Events) -> None:
        """Take note of events, and draw if that was some time ago."""
        for event in _last(events):
            self._recent.append(event)
        if monotonic() - self._drawn >= _SECONDS:
            self._draw()

    def _draw(self) -> None:
        self._screen.update(Group(self._head(), self._nearest(), *self._events()), refresh=True)
        self._drawn = monotonic()

    def _head(self) -> Text:
        stats, now = self._monitor.stats(), monotonic()
        before, then = self._before
        self._before = stats, now
        frames = stats.frames - before.frames
        rate = f"{frames / max(now - then, 1e-9):,.0f} frames a second"
        touches = (stats.touches - before.touches) / max(frames, 1)
        events = (stats.events - before.events) / max(frames, 1)
        each = f"{touches:.2f} touches and {events:.2f} events a frame"
        return Text(f"{self._monitor.market.id}  frame {self._monitor.frame:,}  {rate}, {each}")

    def _nearest(self) -> Grid:
        scores = xm.score(self._monitor.book, self._monitor.prices, _FIGURES)
        grid = Grid(box=None, header_style="bold")
        for name in ("account", "pool"):
            grid.add_column(name)
        for name in ("margin ratio", "excess"):
            grid.add_column(name, justify="right")
        grid.add_column("state")
        for at in nearest(scores.margin_ratio, self._rows):
            pool = {name: values[at] for name, values in scores.pools.to_dict().items()}
            failing = bool(scores.liquidatable[at])
            figures = f"{scores.margin_ratio[at]:,.4f}", f"{scores.excess[at]:,.2f} {pool['asset']}"
            row = (str(pool["account"]), pool_name(pool), *figures, "liquidatable" if failing else "")
            grid.add_row(*row, style="red" if failing else None)
        return grid

    def _events(self) -> Iterator[Text]:
        yield Text(f"the last of {self._monitor.stats().events:,} events", style="bold")
        for event in self._recent:
            what = event.alert if event.level != event.level else f"{event.alert} {event.level:g}"
            cause = event.cause if event.cause_name is None else f"{event.cause} {event.cause_name}"
            text = f"frame {event.frame:,}  account {event.account}  {what} {event.change}  by {cause}"
            yield Text(text, style=_STYLES[event.change])


def nearest(ratios: Any, count: int) -> list[int]:
    """Find the places of the lowest margin ratios, lowest first, without those that require nothing.

    Examples
    --------
    >>> nearest(np.array([3.0, np.inf, 0.5, 1.5]), 2)
    [2, 3]
    """
    some = np.flatnonzero(np.isfinite(ratios))
    if len(some) > count:
        some = some[np.argpartition(ratios[some], count - 1)[:count]]
    return some[np.argsort(ratios[some], kind="stable")].tolist()  # type: ignore[no-any-return]


def _last(events: xm.Events) -> list[xm.Event]:
    """Give the last few events."""
    if not events:
        return []
    columns = {name: values[-_EVENTS:].tolist() for name, values in events.to_dict().items()}
    return [xm.Event._make(row) for row in zip(*columns.values(), strict=True)]
