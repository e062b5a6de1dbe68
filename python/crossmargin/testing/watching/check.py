"""A monitor driven along a path, and compared with a full scan after every frame.

What must hold: the flags after each frame are those of the scan; the events of each frame are the flags that changed,
in order, each with a price of that frame for its cause and with the very figures of `crossmargin.score`.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from crossmargin.testing.watching.scan import Scan, State
from crossmargin.testing.watching.ticks import MARK, QUOTES, Ticks

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    import crossmargin as xm
    from crossmargin.testing.watching.watched import Watched

_ALONE = 1_000
"""An account that is scored alone, for the figures of its events, takes as long as so many of a whole book."""

_CAUSES = 40
"""Events of a frame of many prices whose causes are looked at."""

_FIRST_TIME = 1_700_000_000_000_000_000


class DisagreementError(AssertionError):
    """A monitor and the scan, or two monitors, do not say the same."""


@dataclass
class Counts:
    """What was compared.

    Examples
    --------
    >>> total = Counts(frames=1, pool_frames=100)
    >>> total += Counts(frames=2, pool_frames=200, events=5)
    >>> total
    Counts(frames=3, pool_frames=300, events=5, touches=0, exact=0)
    """

    frames: int = 0
    pool_frames: int = 0
    events: int = 0
    touches: int = 0
    exact: int = 0

    def __iadd__(self, other: Counts) -> Self:
        for one in fields(self):
            setattr(self, one.name, getattr(self, one.name) + getattr(other, one.name))
        return self


def check_monitor(
    watched: Watched, ticks: Ticks, *, everything: bool = False, progress: Callable[[int], None] | None = None
) -> Counts:
    """Drive a monitor along a path and compare it with a full scan after every frame.

    Parameters
    ----------
    watched : Watched
        The book.
    ticks : Ticks
        The path.
    everything : bool
        Whether the reference decides every flag of every frame too: for books of a few accounts.
    progress : callable, optional
        Is told how many frames were compared, now and then.

    Returns
    -------
    Counts
        How much was compared.

    Raises
    ------
    DisagreementError
        With what differed, and where.

    Examples
    --------
    >>> import numpy as np
    >>> from crossmargin.testing.watching.books import book_kinds
    >>> from crossmargin.testing.watching.paths import PATHS
    >>> watched = book_kinds()["flat tiers"](20, 7)
    >>> check_monitor(watched, PATHS["upward"](watched, np.random.default_rng(7), 50)).frames
    51
    """
    return _Drive(watched, everything=everything).along(ticks, progress)


def alerts_of(watched: Watched) -> Any:
    """Return the alerts that a book is watched for."""
    import crossmargin as xm

    liquidation: Any = watched.liquidation
    return xm.Alerts(
        liquidation=liquidation,
        levels=watched.ratios,
        soft_stop=watched.soft_stop,
        valuation=None if watched.soft_stop is None else watched.valuation,
    )


def monitor_of(watched: Watched) -> Any:
    """Return a monitor of a book at its first prices."""
    import crossmargin as xm

    levels = watched.levels
    prices = watched.book.market.prices(levels.mark, levels.index, levels.last)
    references = None if watched.soft_stop is None else watched.references
    return xm.Monitor(watched.book, prices, alerts_of(watched), references=references)


class _Drive:
    """One monitor, and the scan beside it."""

    def __init__(self, watched: Watched, *, everything: bool) -> None:
        self.watched = watched
        self.levels = watched.levels.copy()
        self.scan = Scan(watched, everything=everything)
        self.monitor = monitor_of(watched)
        self.state = State(
            np.zeros((watched.book.n_pools, len(watched.ratios) + 1), dtype=np.bool_),
            np.zeros(watched.book.n_accounts, dtype=np.bool_),
        )
        self.counts = Counts()
        self.held: dict[int, set[str]] = {}

    def along(self, ticks: Ticks, progress: Callable[[int], None] | None) -> Counts:
        self._compare(self.monitor.events, 0, None)
        times = ticks.times(_FIRST_TIME)
        for number in range(len(ticks)):
            frame = ticks.frame(number)
            self.levels.apply(frame)
            time = int(times[number]) if number % 3 else None
            events = self._update(frame, time, by_name=number % 4 > 0)
            self._compare(events, number + 1, time, frame)
            if progress is not None and number % 16 == 0:
                progress(number)
        self._look_at_tables(len(ticks))
        self.counts.touches = int(self.monitor.stats().touches)
        self.counts.exact = self.scan.n_exact
        return self.counts

    def _update(self, frame: tuple[Any, Any, Any], time: int | None, *, by_name: bool) -> xm.Events:
        """Apply a frame by the call for one or by that for many, which alone takes a price twice."""
        quote, at, price = frame
        if by_name and len(set(zip(quote.tolist(), at.tolist(), strict=True))) == len(price):
            found: xm.Events = self.monitor.update(**self._named(frame), time=time)
            return found
        table = {"quote": quote, "name": at, "price": price}
        times = None if time is None else np.array([time])
        return self.monitor.update_many(table, ends=[len(price)], time=times)  # type: ignore[no-any-return]

    def _named(self, frame: tuple[Any, Any, Any]) -> dict[str, dict[str, float]]:
        """Return a frame as `update` takes it."""
        found: dict[str, dict[str, float]] = {}
        instruments, assets = self.watched.names
        for quote, at, price in zip(*(column.tolist() for column in frame), strict=True):
            named = found.setdefault(QUOTES[quote], {})
            named[(assets if QUOTES[quote] == "index" else instruments)[at]] = price
        return found

    def _compare(
        self, events: xm.Events, number: int, time: int | None, frame: tuple[Any, Any, Any] | None = None
    ) -> None:
        before = self.state
        latch = self.watched.liquidation == "latched"
        self.state = self.scan.at(self.levels).latched(before if number else None, liquidation=latch)
        self.counts.frames += 1
        self.counts.pool_frames += len(self.state.pools)
        self.counts.events += len(events)
        expected = self._changes(before, self.state)
        if len(expected) != len(events):
            self._disagree(number, f"{len(events)} events, expected {len(expected)}", events, expected)
        if len(events):
            self._compare_events(events, expected, number, time, frame)
        self._look(number)

    def _changes(self, before: State, after: State) -> NDArray[np.int64]:
        """Return what changed, a row each, in the order of events: account, pool or -1, level."""
        pool, level = np.nonzero(before.pools != after.pools)
        account = np.flatnonzero(before.accounts != after.accounts)
        owner = self.scan.account_of[pool]
        rows = np.concatenate(
            [
                np.stack([owner, pool, level], axis=1),
                np.stack([account, np.full(len(account), -1), np.zeros(len(account), dtype=np.int64)], axis=1),
            ]
        )
        last = np.where(rows[:, 1] < 0, np.iinfo(np.int64).max, rows[:, 1])
        found: NDArray[np.int64] = rows[np.lexsort((rows[:, 2], last, rows[:, 0]))]
        return found

    def _compare_events(
        self, events: xm.Events, rows: NDArray[np.int64], number: int, time: int | None, frame: Any
    ) -> None:
        got = {name: events[name] for name in _COMPARED}
        for name, values in self._expected(rows, number, time).items():
            same = _same(got[name], values)
            if not same.all():
                at = int(np.flatnonzero(~same)[0])
                self._disagree(number, f"{name} was {got[name][at]!r}, expected {values[at]!r}", events, rows)
        if frame is None:
            if (events["cause"] != "construction").any():
                self._disagree(number, "a cause was no construction", events, rows)
            return
        self._compare_causes(events, rows, number, frame)

    def _expected(self, rows: NDArray[np.int64], number: int, time: int | None) -> dict[str, NDArray[Any]]:
        """Return the columns that events must have."""
        watched = self.watched
        account, pool, level = rows.T
        of_account = pool < 0
        keys = watched.book.pools
        liquidation = ~of_account & (level == len(watched.ratios))
        ratios = np.array([*watched.ratios, np.nan])
        entered = np.where(of_account, self.state.accounts[account], self.state.pools[pool, level])
        share = np.nan if watched.soft_stop is None else watched.soft_stop
        return {
            "frame": np.full(len(rows), number),
            "time": np.full(len(rows), np.datetime64("NaT" if time is None else time, "ns")),
            "account": watched.book.accounts[account],
            "kind": np.where(of_account, "account", keys["kind"][pool].astype(object)),
            "asset": np.where(of_account, watched.valuation, keys["asset"][pool].astype(object)),
            "instrument": np.where(of_account, None, keys["instrument"][pool].astype(object)),
            "side": np.where(of_account, None, keys["side"][pool].astype(object)),
            "alert": np.where(of_account, "soft_stop", np.where(liquidation, "liquidation", "margin_ratio")),
            "level": np.where(of_account, share, ratios[level]),
            "change": np.where(entered, "entered", "left"),
            **self._figures(account, pool),
        }

    def _figures(self, account: NDArray[np.int64], pool: NDArray[np.int64]) -> dict[str, NDArray[np.float64]]:
        """Return the figures of events: of pools and of accounts, as `score` gives them at these prices."""
        found = {name: np.full(len(pool), np.nan) for name in ("margin_ratio", "excess", "equity")}
        owners = np.unique(account)
        if len(owners) * _ALONE <= self.watched.book.n_accounts:
            for owner in owners.tolist():
                self._fill(found, np.flatnonzero(account == owner), pool, self._alone(owner))
        else:
            scores = self.scan.score(self.levels, ("margin_ratio", "excess", "equity"))
            self._fill(found, np.arange(len(pool)), pool, (scores, 0, account))
        return found

    def _alone(self, owner: int) -> tuple[Any, int, NDArray[np.int64]]:
        import crossmargin as xm

        watched = self.watched
        tables = watched.book.tables(watched.book.accounts[owner])
        unit = tables.pop("quantity_unit", "contracts")
        book = xm.Book(watched.book.market, **tables, quantity_unit=unit)
        prices = book.market.prices(self.levels.mark, self.levels.index, self.levels.last)
        scores = xm.score(book, prices, ("margin_ratio", "excess", "equity"))
        return scores, int(self.scan.first_pools[owner]), np.zeros(0, dtype=np.int64)

    def _fill(
        self,
        found: dict[str, NDArray[np.float64]],
        rows: NDArray[np.int64],
        pool: NDArray[np.int64],
        scored: tuple[Any, int, NDArray[np.int64]],
    ) -> None:
        scores, first, account = scored
        of_pool = rows[pool[rows] >= 0]
        for name, column in found.items():
            column[of_pool] = scores[name][pool[of_pool] - first]
        of_account = rows[pool[rows] < 0]
        if len(of_account):
            equity = scores.accounts(self.watched.valuation)["equity"]
            found["equity"][of_account] = equity[account[of_account] if len(account) else 0]

    def _compare_causes(self, events: xm.Events, rows: NDArray[np.int64], number: int, frame: Any) -> None:
        """Every cause is a price of the frame that its owner looks at."""
        instruments, assets = self.watched.names
        quote, at, _ = frame
        named = [
            (QUOTES[kind], (assets if QUOTES[kind] == "index" else instruments)[place])
            for kind, place in zip(quote.tolist(), at.tolist(), strict=True)
        ]
        causes = list(zip(events["cause"].tolist(), events["cause_name"].tolist(), strict=True))
        if len(named) == 1:
            wrong = [cause for cause in causes if cause != named[0]]
            if wrong:
                self._disagree(number, f"cause was {wrong[0]}, expected {named[0]}", events, rows)
            return
        for cause, account in zip(causes[:_CAUSES], rows[:_CAUSES, 0].tolist(), strict=True):
            if cause not in named or not self._looks_at(account, cause):
                self._disagree(number, f"cause was {cause}, which is none of the frame's or owner's", events, rows)

    def _looks_at(self, account: int, cause: tuple[str, str]) -> bool:
        quote, name = cause
        if quote == "index":
            return True
        if account not in self.held:
            tables = self.watched.book.tables(self.watched.book.accounts[account])
            listed = [tables[table]["instrument"].tolist() for table in ("positions", "orders") if table in tables]
            self.held[account] = {held for names in listed for held in names}
        return name in self.held[account] and (quote == QUOTES[MARK] or bool(self.watched.quoted[2]))

    def _look(self, number: int) -> None:
        """Compare the flags of all pools and accounts."""
        liquidation, levels, stopped = self.monitor._core.flag_columns()
        got = np.stack([*levels, liquidation] if liquidation is not None else levels, axis=1)
        wanted = self.state.pools[:, : got.shape[1]]
        if got.shape[1] != len(self.watched.ratios) + bool(self.watched.liquidation) or (got != wanted).any():
            where = np.argwhere(got != wanted)[:5].tolist()
            self._disagree(number, f"flags differ at pool and level {where}", self.monitor.flags, None)
        if self.watched.soft_stop is not None and (stopped != self.state.accounts).any():
            where = np.flatnonzero(stopped != self.state.accounts)[:5].tolist()
            self._disagree(number, f"soft stops differ at accounts {where}", self.monitor.soft_stops, None)

    def _look_at_tables(self, number: int) -> None:
        """Compare the tables of flags, which are the same under names."""
        flags, stops = self.monitor.flags, self.monitor.soft_stops
        got = [flags[name] for name in flags.columns if name.startswith("below_")]
        got += [flags["liquidation"]] if self.watched.liquidation else []
        if (np.stack(got, axis=1) != self.state.pools[:, : len(got)]).any():
            self._disagree(number, "the table of flags differs", flags, None)
        if self.watched.soft_stop is not None and (stops["soft_stop"] != self.state.accounts).any():
            self._disagree(number, "the table of soft stops differs", stops, None)

    def _disagree(self, number: int, what: str, got: Any, rows: Any) -> None:
        shown = "" if rows is None else f"\nexpected account, pool, level:\n{rows[:10]}"
        raise DisagreementError(f"{self.watched.kind}, frame {number}: {what}\ngot: {got!r}{shown}")


_COMPARED = (
    *("frame", "time", "account", "kind", "asset", "instrument", "side", "alert", "level", "change"),
    *("margin_ratio", "excess", "equity"),
)


def _same(got: NDArray[Any], wanted: NDArray[Any]) -> NDArray[np.bool_]:
    """Compare columns; doubles by their bits, any NaN as another."""
    same: NDArray[np.bool_]
    if wanted.dtype.kind == "f":
        got = np.asarray(got, dtype=np.float64)
        same = (got.view(np.int64) == wanted.view(np.int64)) | (np.isnan(got) & np.isnan(wanted))
    elif wanted.dtype.kind == "M":
        same = got.astype(np.int64) == wanted.astype(np.int64)
    else:
        same = np.asarray(got == wanted, dtype=np.bool_)
    return same


def check_batches(watched: Watched, ticks: Ticks, rng: np.random.Generator) -> int:
    """Drive a monitor frame by frame, one by many frames at once, and one that is restored in between.

    Parameters
    ----------
    watched : Watched
        The book.
    ticks : Ticks
        The path.
    rng : numpy.random.Generator
        Draws how the path is cut.

    Returns
    -------
    int
        Events that all three gave, bit for bit.

    Raises
    ------
    DisagreementError
        Where they do not.
    """
    import crossmargin as xm

    single, many, restored = (monitor_of(watched) for _ in range(3))
    found: list[list[Any]] = [[], [], []]
    start = 0
    while start < len(ticks):
        end = min(len(ticks), start + int(rng.choice([1, 2, 3, 17, 200])))
        part = ticks.part(start, end)
        table = {"quote": part.quote, "name": part.at, "price": part.price}
        for number in range(len(part)):
            quote, at, price = part.frame(number)
            ends = [len(quote)]
            found[0].append(single.update_many({"quote": quote, "name": at, "price": price}, ends=ends))
        found[1].append(many.update_many(table, ends=part.ends))
        found[2].append(restored.update_many(table, ends=part.ends))
        if rng.random() < 0.5:
            restored = xm.Monitor.restore(restored.snapshot())
        start = end
    events = [_rows(parts) for parts in found]
    for other, what in zip(events[1:], ("many at once", "restored"), strict=True):
        if other != events[0]:
            raise DisagreementError(f"{watched.kind}: events of {what} differ")
    if not (single.snapshot() == many.snapshot() == restored.snapshot()):
        raise DisagreementError(f"{watched.kind}: snapshots differ after the same frames")
    return len(events[0])


def _rows(parts: Sequence[Any]) -> list[tuple[Any, ...]]:
    return [tuple(_bits(value) for value in event) for part in parts if len(part) for event in part]


def _bits(value: Any) -> Any:
    return value.hex() if isinstance(value, float) else value
