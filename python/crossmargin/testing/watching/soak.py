"""The monitor against a full scan, for long: ``python -m crossmargin.testing.watching.soak``.

Every kind of book is driven along every kind of path. After each frame all flags are compared with a full scan by
`crossmargin.score`, and the events with the flags that changed; what lies on a threshold is decided by the reference in
fractions. Most frames are those of large books of which a scan is cheap. Beside it, small books live: fills, transfers,
funding, accounts that come and go, step by step by the engine and by the reference.
"""

# ruff: noqa: T201 - a program that shows what it does

from __future__ import annotations

import argparse
import sys
import time
from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from crossmargin.testing.watching.books import LANES, book_kinds
from crossmargin.testing.watching.check import Counts, check_batches, check_monitor
from crossmargin.testing.watching.paths import PATHS, started_again
from crossmargin.testing.watching.sequences import Sequence
from crossmargin.testing.watching.thresholds import ON_EDGE, on_thresholds
from crossmargin.testing.watching.ticks import Ticks, joined

if TYPE_CHECKING:
    from crossmargin.testing.watching.watched import Watched

LARGE = {"R1": 100_000, "R2": 400, "R3": 400, "retail": 30_000}
"""Pools of a large book at most; boxes of several assets and of legs with orders take long to find."""

SMALL, IN_BATCHES, ON_THRESHOLDS, LIVING = 150, 40, 12, 6
"""Accounts of a small book, of one whose frames come many at once, of one on thresholds, and of one that lives."""

_SHARES = {
    "quiet": 0.3,
    "ranked": 0.3,
    "hovering": 0.04,
    "lively": 0.2,
    "jumpy": 0.06,
    "ulps": 0.06,
    "back": 0.02,
    "upward": 0.005,
    "on triggers": 0.005,
    "on levels": 0.005,
    "on kinks": 0.002,
    "index only": 0.001,
    "together": 0.001,
    "crash": 0.001,
}
"""Shares of the frames of large books by path: those in which much happens at once take longer."""

_OFTEN = {"quiet": 4.0, "ranked": 4.0, "hovering": 3.0, "ulps": 2.0, "lively": 1.0, "jumpy": 0.6}
_SELDOM = {"on triggers": 0.3, "on levels": 0.3, "on soft stops": 0.3, "on kinks": 0.3, "together": 0.25, "crash": 0.12}
_ELSE = 0.4
"""Frames of small books by path, in proportion."""

_OF_LANES = {"R1": 0.8, "R2": 0.001, "R3": 0.001, "retail": 0.198}
_SMALL_SHARE = 0.04
_STEPS = 60

_LONG, _LONG_FRAMES = {"R1": 2_000, "R2": 20, "R3": 20, "retail": 1_000}, 17_000
"""Accounts of a book that is watched for long, and frames until what a monitor expects of prices was weighed anew."""

_LONG_SMALL = 12
_WIDE = 46
"""Characters of the longest name of a kind of book."""


@dataclass
class Record:
    """What was done so far, by kind of book and by path."""

    by_kind: dict[str, Counts] = field(default_factory=lambda: defaultdict(Counts))
    by_path: dict[str, Counts] = field(default_factory=lambda: defaultdict(Counts))
    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    steps: int = 0
    begun: float = field(default_factory=time.monotonic)

    def add(self, kind: str, path: str, counts: Counts, seconds: float) -> None:
        """Add what a book along a path has given."""
        self.by_kind[kind] += counts
        self.by_path[path] += counts
        self.seconds[kind] += seconds
        self.seconds[path] += seconds

    @property
    def total(self) -> Counts:
        """All of it."""
        total = Counts()
        for counts in self.by_kind.values():
            total += counts
        return total

    def __str__(self) -> str:
        least = [min(listed.items(), key=lambda one: one[1].pool_frames) for listed in (self._kinds(), self.by_path)]
        (kind, of_kind), (path, of_path) = ((name, counts.pool_frames) for name, counts in least)
        return (
            f"{self.total.pool_frames:,} pool-frames of {len(self._kinds())} kinds of books along {len(self.by_path)} "
            f"kinds of paths, of {kind} the fewest, {of_kind:,}, and of paths {path}, {of_path:,}"
        )

    def _kinds(self) -> dict[str, Counts]:
        """Return what was compared by kind of book, with those of its books that are on thresholds."""
        found: dict[str, Counts] = defaultdict(Counts)
        for name, counts in self.by_kind.items():
            found[name.removesuffix(ON_EDGE)] += counts
        return found

    def table(self) -> str:
        """Return the summary, a line per kind of book and a line per kind of path."""
        head = f"{'':{_WIDE}}{'frames':>10}{'pool-frames':>16}{'events':>12}{'touches':>13}{'in fractions':>14}{'s':>8}"
        lines = [head, "-" * len(head)]
        for listed in (self.by_kind, self.by_path):
            lines += [self._line(name, counts, self.seconds[name]) for name, counts in listed.items()]
            lines.append("-" * len(head))
        lines.append(self._line("all", self.total, time.monotonic() - self.begun))
        return "\n".join(lines)

    @staticmethod
    def _line(name: str, counts: Counts, seconds: float) -> str:
        figures = f"{counts.frames:>10,}{counts.pool_frames:>16,}{counts.events:>12,}{counts.touches:>13,}"
        return f"{name:{_WIDE}}{figures}{counts.exact:>14,}{seconds:>8.1f}"


def soak(pool_frames: int, seed: int, *, only: str | None = None, quiet: bool = False) -> Record:
    """Compare so many pool-frames, and the rest in proportion.

    Parameters
    ----------
    pool_frames : int
        Pools times frames, in all.
    seed : int
        Of all that is drawn.
    only : str, optional
        A part of the names of the kinds of books that are drawn.
    quiet : bool
        Whether nothing is shown while it runs.

    Returns
    -------
    Record
        What was compared; where something differs, `crossmargin.testing.watching.check.DisagreementError` is raised.

    Examples
    --------
    >>> soak(20_000, 1, only="quanto", quiet=True).total.frames > 100
    True
    """
    record = Record()
    show = (lambda _: None) if quiet else _show
    kinds = {name: draw for name, draw in book_kinds().items() if only is None or only in name}
    for at, (name, draw) in enumerate(kinds.items()):
        rng = np.random.Generator(np.random.PCG64([seed, at]))
        if name in LANES:
            _large(record, draw, name, pool_frames, rng, show)
            continue
        small = [other for other in kinds if other not in LANES]
        share = pool_frames if only else pool_frames * _SMALL_SHARE
        _small(record, draw, name, share / len(small), rng, show)
    return record


def _show(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _large(  # noqa: PLR0913, PLR0917
    record: Record, draw: Any, name: str, pool_frames: float, rng: np.random.Generator, show: Any
) -> None:
    """Drive a large book along all paths, and a smaller one with soft stops."""
    budget = pool_frames * (1 - _SMALL_SHARE) * _OF_LANES[name]
    n_pools = int(min(LARGE[name], max(1_000, budget / 100)))
    watched = draw(n_pools, int(rng.integers(2**31)))
    for path, share in _SHARES.items():
        frames = int(budget * share / watched.book.n_pools) + 1
        latched = replace(watched, liquidation="latched") if rng.random() < 0.25 else watched
        _along(record, latched, path, frames, rng, show)
    stopped = draw(max(100, n_pools // 20), int(rng.integers(2**31)))
    for path in ("lively", "together", "on soft stops"):
        _along(record, stopped, path, 20, rng, show)
    _batches(record, stopped, rng, show)
    _long(record, draw(_LONG[name], int(rng.integers(2**31))), budget, rng, show)


def _small(  # noqa: PLR0913, PLR0917
    record: Record, draw: Any, name: str, budget: float, rng: np.random.Generator, show: Any
) -> None:
    """Drive a small book along all paths, one on thresholds along those that go there, and let one live."""
    watched = draw(int(min(SMALL, max(20, budget / 1_000))), int(rng.integers(2**31)))
    often = {path: _OFTEN.get(path) or _SELDOM.get(path) or _ELSE for path in PATHS}
    one = budget / sum(often.values()) / watched.book.n_pools
    for path, times in often.items():
        latched = replace(watched, liquidation="latched") if rng.random() < 0.25 else watched
        _along(record, latched, path, int(times * one) + 4, rng, show)
    frames = int(min(100, one)) + 4
    edge = on_thresholds(draw(ON_THRESHOLDS, int(rng.integers(2**31))), int(rng.integers(2**31)))
    for path in ("ulps", "back", "on triggers", "on levels"):
        _along(record, edge, path, frames, rng, show)
    _batches(record, draw(IN_BATCHES, int(rng.integers(2**31))), rng, show)
    _long(record, draw(_LONG_SMALL, int(rng.integers(2**31))), budget, rng, show)
    begun = time.monotonic()
    living = Sequence(draw(LIVING, int(rng.integers(2**31))), int(rng.integers(2**31)))
    for _ in range(_STEPS):
        living.step()
    record.steps += _STEPS
    show(f"{name:{_WIDE}} lives: {dict(living.done)}, {living.n_events} events, {time.monotonic() - begun:.1f} s")


def _long(record: Record, watched: Watched, budget: float, rng: np.random.Generator, show: Any) -> None:
    """Watch a book until all that a monitor does now and then was done, and go everywhere with it then."""
    frames = min(_LONG_FRAMES, budget / watched.book.n_pools / 3)
    hovering = PATHS["hovering"](watched, rng, int(frames) + 1)
    after = [PATHS[name](watched, rng, 21) for name in (*_SELDOM, "jumpy", "back")]
    _drive(record, watched, "for long", joined([hovering, started_again(watched), *after]), show)


def _along(  # noqa: PLR0913, PLR0917
    record: Record, watched: Watched, path: str, frames: int, rng: np.random.Generator, show: Any
) -> None:
    _drive(record, watched, path, PATHS[path](watched, rng, frames), show)


def _drive(record: Record, watched: Watched, path: str, ticks: Ticks, show: Any) -> None:
    begun = time.monotonic()
    counts = check_monitor(watched, ticks)
    seconds = time.monotonic() - begun
    record.add(watched.kind, path, counts, seconds)
    done = f"{counts.frames:>8,} frames {counts.pool_frames:>14,} pool-frames {counts.events:>9,} events"
    total, elapsed = record.total.pool_frames, time.monotonic() - record.begun
    show(f"{watched.kind:{_WIDE}} {path:13} {done} {seconds:6.1f} s | {total:,} in all after {elapsed:,.0f} s")


def _batches(record: Record, watched: Watched, rng: np.random.Generator, show: Any) -> None:
    begun = time.monotonic()
    names = [name for name in PATHS if name not in ("crash", "together")]
    ticks = joined([PATHS[name](watched, rng, 40) for name in names])
    events = check_batches(watched, ticks, rng)
    show(f"{watched.kind:{_WIDE}} in batches, and restored: {events} events, {time.monotonic() - begun:.1f} s")
    record.seconds[watched.kind] += time.monotonic() - begun


def main(arguments: list[str] | None = None) -> int:
    """Run as a program.

    Returns
    -------
    int
        0 where nothing differed; what differs is raised.
    """
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--pool-frames", type=float, default=1.1e9, help="pools times frames, in all")
    parser.add_argument("--seed", type=int, default=20_241_001)
    parser.add_argument("--only", help="kinds of books whose names have this in them")
    given = parser.parse_args(arguments)
    record = soak(int(given.pool_frames), given.seed, only=given.only)
    print(record.table())
    print(record)
    print(f"{record.steps:,} operations and frames by the engine and the reference, step by step")
    print(f"seed {given.seed}: no flag, no event and no figure differed")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
