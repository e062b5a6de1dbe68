"""Paths of prices, of every kind that a monitor can be wrong on.

A path is drawn for a book: from where its prices are, over what is held. `PATHS` has them by name; those that go to
the very prices at which pools change state are in `crossmargin.testing.watching.edges`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from crossmargin.testing.watching.edges import along_kink, along_level, along_soft_stop, along_trigger, ulps_away
from crossmargin.testing.watching.ticks import INDEX, LAST, QUOTES, Ticks, Writer

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from crossmargin.testing.watching.watched import Watched

Random = np.random.Generator
Draw = Callable[["Watched", Random, int], Ticks]

_QUIET = 1e-4
_JUMP = 0.02
_TOGETHER = 0.003
_FAR = (0.3, 3.0)
_CRASH = 0.4


def quiet(watched: Watched, rng: Random, n_frames: int, *, ranked: bool = False, spread: float = _QUIET) -> Ticks:
    """Draw frames of one mark each that moves by N(0, 1 bp); instruments alike, or by how many hold them.

    Where rules look at last prices, these move too, or alone.
    """
    weights = np.bincount(watched.positions_in, minlength=len(watched.levels.mark))[watched.held] if ranked else None
    chosen = rng.choice(watched.held, n_frames, p=None if weights is None else weights / weights.sum())
    return _walks(watched, rng, chosen, rng.normal(0.0, spread, n_frames))


def ranked(watched: Watched, rng: Random, n_frames: int) -> Ticks:
    """Draw as `quiet`, popular instruments more often."""
    return quiet(watched, rng, n_frames, ranked=True)


def lively(watched: Watched, rng: Random, n_frames: int) -> Ticks:
    """Draw as `quiet`, of N(0, 10 bp)."""
    return quiet(watched, rng, n_frames, spread=10 * _QUIET)


def jumpy(watched: Watched, rng: Random, n_frames: int) -> Ticks:
    """Draw frames of one mark each that jumps, now and then far, and is drawn back to where it began."""
    jumps = _JUMP * rng.standard_t(2.0, n_frames)
    return _walks(watched, rng, rng.choice(watched.held, n_frames), jumps, kept=0.8)


def hovering(watched: Watched, rng: Random, n_frames: int) -> Ticks:
    """Draw as `quiet`, drawn back to where it began: what is near a flag stays there for as long as it goes on."""
    moves = rng.normal(0.0, _QUIET, n_frames)
    return _walks(watched, rng, rng.choice(watched.held, n_frames), moves, kept=0.98)


def _walks(
    watched: Watched, rng: Random, chosen: NDArray[np.int64], moves: NDArray[np.float64], kept: float = 1.0
) -> Ticks:
    """Return one tick a frame; each price is its start times the exponential of what is kept of its own moves."""
    quotes = rng.choice(watched.moving, len(chosen))
    place = np.zeros((len(QUOTES), len(watched.levels.mark)))
    prices = np.empty(len(chosen))
    low, high = (math.log(bound) for bound in _FAR)
    drawn = zip(quotes.tolist(), chosen.tolist(), moves.tolist(), strict=True)
    for frame, (quote, at, move) in enumerate(drawn):
        place[quote, at] = min(max(place[quote, at] * kept + move, low), high)
        prices[frame] = watched.levels.column(quote)[at] * math.exp(place[quote, at])
    return Ticks(
        quotes.astype(np.int8),
        chosen.astype(np.int32),
        prices,
        np.arange(1, len(chosen) + 1, dtype=np.int64),
    )


def crash(watched: Watched, rng: Random, n_frames: int) -> Ticks:
    """Fall by 60 % in all prices at once, stay there, rise in steps, and fall again."""
    writer = Writer(watched.levels)
    start = watched.levels.copy()
    factor = 1.0
    while len(writer) < n_frames:
        step = rng.random()
        if step < 0.3 or factor > 1.5:
            factor = _CRASH if factor > _CRASH else 0.5 * _CRASH
        elif step < 0.5:
            factor = 1.0
        else:
            factor *= float(rng.uniform(0.9, 1.25))
        _all(watched, writer, lambda price, factor=factor: price * factor, start.column)  # type: ignore[misc]
    return writer.ticks(n_frames)


def together(watched: Watched, rng: Random, n_frames: int) -> Ticks:
    """Move all prices in each frame, by a common part and one of their own."""
    writer = Writer(watched.levels)
    while len(writer) < n_frames:
        common = rng.normal(0.0, _TOGETHER)

        def moved(price: float, common: float = common) -> float:
            return price * math.exp(common + rng.normal(0.0, _TOGETHER))

        _all(watched, writer, moved)
    return writer.ticks(n_frames)


def _all(
    watched: Watched,
    writer: Writer,
    moved: Callable[[float], float],
    of: Callable[[int], NDArray[np.float64]] | None = None,
) -> None:
    """Write a frame in which every price that is looked at moves."""
    column = writer.now.column if of is None else of
    for quote, places in enumerate(watched.quoted):
        for at in places:
            writer.put(quote, at, moved(float(column(quote)[at])))
    writer.end()


def started_again(watched: Watched) -> Ticks:
    """Return one frame, in which every price that is looked at is again what it was at the start."""
    writer = Writer(watched.levels)
    _all(watched, writer, float)
    return writer.ticks()


def back(watched: Watched, rng: Random, n_frames: int) -> Ticks:
    """Go away and come back: in the next frame, some frames later, and within a frame."""
    writer = Writer(watched.levels)
    while len(writer) < n_frames:
        quote, at = _some(watched, rng)
        price = float(writer.now.column(quote)[at])
        away = price * float(rng.choice([0.3, 0.5, 0.8, 0.95, 0.999, 1.001, 1.05, 1.3, 2.0, 3.0]))
        kind = rng.integers(3)
        writer.put(quote, at, away)
        if kind == 0:
            writer.put(quote, at, price)  # within the frame: nothing has moved when it ends
            writer.end()
            continue
        writer.end()
        for _ in range(int(rng.integers(3)) if kind == 1 else 0):
            other, place = _some(watched, rng)
            if (other, place) != (quote, at):
                writer.one(other, place, float(writer.now.column(other)[place]) * float(rng.uniform(0.998, 1.002)))
        writer.one(quote, at, price)
    return writer.ticks(n_frames)


def ulps(watched: Watched, rng: Random, n_frames: int) -> Ticks:
    """Move prices by one double, up and down, alone and together."""
    writer = Writer(watched.levels)
    while len(writer) < n_frames:
        for _ in range(int(rng.integers(1, 4))):
            quote, at = _some(watched, rng)
            writer.put(quote, at, ulps_away(float(writer.now.column(quote)[at]), int(rng.choice([-1, 1]))))
        writer.end()
    return writer.ticks(n_frames)


def index_only(watched: Watched, rng: Random, n_frames: int) -> Ticks:
    """Move index prices alone: by a little, by much, by a double."""
    return _only(watched, rng, n_frames, INDEX)


def last_only(watched: Watched, rng: Random, n_frames: int) -> Ticks:
    """Move last prices alone."""
    return _only(watched, rng, n_frames, LAST)


def _only(watched: Watched, rng: Random, n_frames: int, quote: int) -> Ticks:
    places = watched.quoted[quote] or [0]
    start = watched.levels.column(quote)
    writer = Writer(watched.levels)
    while len(writer) < n_frames:
        at = int(rng.choice(places))
        price = float(writer.now.column(quote)[at])
        if not float(start[at]) > 0:
            writer.one(quote, at, float(rng.uniform(0.5, 2.0)))  # one that nobody looks at
            continue
        kind = rng.integers(4)
        spread = (0.001, 0.05, 0.3)[kind] if kind < 3 else 0.0
        moved = price * math.exp(rng.normal(0.0, spread)) if spread else ulps_away(price, int(rng.choice([-1, 1])))
        low, high = _FAR[0] * float(start[at]), _FAR[1] * float(start[at])
        writer.one(quote, at, moved if low < moved < high else float(start[at]))
    return writer.ticks(n_frames)


def upward(watched: Watched, rng: Random, n_frames: int) -> Ticks:
    """Rise: what fails pools that are short, hedged, or under tiers whose charge jumps; then begin again."""
    writer = Writer(watched.levels)
    while len(writer) < n_frames:
        quote, at = int(rng.choice(watched.moving)), int(rng.choice(watched.held))
        start = float(watched.levels.column(quote)[at])
        price = float(writer.now.column(quote)[at]) * float(rng.uniform(1.0, 1.4))
        writer.one(quote, at, price if price < 20 * start else start)
    return writer.ticks(n_frames)


def _some(watched: Watched, rng: Random) -> tuple[int, int]:
    """Pick a price that is looked at; mostly one that is tested."""
    quotes = [quote for quote, places in enumerate(watched.quoted) if places]
    quote = int(rng.choice(quotes if rng.random() < 0.3 else watched.moving))
    return quote, int(rng.choice(watched.quoted[quote]))


PATHS: dict[str, Draw] = {
    "quiet": quiet,
    "ranked": ranked,
    "lively": lively,
    "hovering": hovering,
    "jumpy": jumpy,
    "crash": crash,
    "together": together,
    "back": back,
    "ulps": ulps,
    "index only": index_only,
    "last only": last_only,
    "upward": upward,
    "on triggers": along_trigger,
    "on levels": along_level,
    "on soft stops": along_soft_stop,
    "on kinks": along_kink,
}
"""Every kind of path by name."""
