"""Frames of prices: what changes at once, in columns."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Iterator

QUOTES = ("mark", "index", "last")
"""Kinds of prices; a tick names one by its place here."""

MARK, INDEX, LAST = range(3)

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Ticks:
    """Frames one after another: of each tick the kind of price, which one, and what it is now.

    Parameters
    ----------
    quote : ndarray of int8
        Place in `QUOTES`.
    at : ndarray of int32
        Place of the instrument in the market; of an index price that of the asset.
    price : ndarray of float64
        Above zero.
    ends : ndarray of int64
        Where each frame ends in the other columns.

    Examples
    --------
    >>> ticks = Ticks.of([[(MARK, 0, 100.0), (INDEX, 1, 1.5)], [(MARK, 0, 101.0)]])
    >>> len(ticks), [frame.tolist() for frame in ticks.frame(0)]
    (2, [[0, 1], [0, 1], [100.0, 1.5]])
    """

    quote: NDArray[np.int8]
    at: NDArray[np.int32]
    price: Floats
    ends: NDArray[np.int64]

    @classmethod
    def of(cls, frames: list[list[tuple[int, int, float]]]) -> Ticks:
        """Make columns of frames that are lists of kind, place and price."""
        flat = [tick for frame in frames for tick in frame]
        quote, at, price = zip(*flat, strict=True) if flat else ((), (), ())
        return cls(
            np.array(quote, dtype=np.int8),
            np.array(at, dtype=np.int32),
            np.array(price, dtype=np.float64),
            np.cumsum([len(frame) for frame in frames], dtype=np.int64),
        )

    def __len__(self) -> int:
        return len(self.ends)

    def frame(self, number: int) -> tuple[NDArray[np.int8], NDArray[np.int32], Floats]:
        """Return the columns of one frame, from 0."""
        start = self.ends[number - 1] if number else 0
        part = slice(start, self.ends[number])
        return self.quote[part], self.at[part], self.price[part]

    def part(self, start: int, end: int) -> Ticks:
        """Return the frames from one to before another."""
        first = int(self.ends[start - 1]) if start else 0
        last = int(self.ends[end - 1]) if end else 0
        rows = slice(first, last)
        return Ticks(self.quote[rows], self.at[rows], self.price[rows], self.ends[start:end] - first)

    def times(self, start: int, step: int = 1_000_000) -> NDArray[np.int64]:
        """Return a time for each frame, in nanoseconds."""
        return start + step * np.arange(len(self), dtype=np.int64)


@dataclass(frozen=True)
class Levels:
    """The prices of one moment: marks and last prices in the order of instruments, index prices in that of assets.

    NaN where there is none.
    """

    mark: Floats
    index: Floats
    last: Floats

    def copy(self) -> Levels:
        """Return levels of their own, to write to."""
        return replace(self, mark=self.mark.copy(), index=self.index.copy(), last=self.last.copy())

    def column(self, quote: int) -> Floats:
        """Return the prices of a kind."""
        return (self.mark, self.index, self.last)[quote]

    def apply(self, frame: tuple[NDArray[np.int8], NDArray[np.int32], Floats]) -> None:
        """Write a frame over the present prices; of several ticks of one price the last one counts."""
        quote, at, price = frame
        for kind in range(len(QUOTES)):
            rows = quote == kind
            self.column(kind)[at[rows]] = price[rows]

    def named(self, names: tuple[Any, Any]) -> dict[str, dict[str, float]]:
        """Return the prices that are there by name; ``names`` are those of instruments and of assets."""
        instruments, assets = names
        listed = ((self.mark, instruments), (self.index, assets), (self.last, instruments))
        return {
            quote: {name: price for name, price in zip(keys, prices.tolist(), strict=True) if price == price}  # noqa: PLR0124 - NaN
            for quote, (prices, keys) in zip(QUOTES, listed, strict=True)
        }


class Writer:
    """Frames as they are written, over the prices as they are then."""

    def __init__(self, start: Levels) -> None:
        self.now = start.copy()
        self._frames: list[list[tuple[int, int, float]]] = []
        self._open: list[tuple[int, int, float]] = []

    def put(self, quote: int, at: int, price: float) -> None:
        """Add a tick to the frame that is open."""
        self._open.append((quote, at, float(price)))
        self.now.column(quote)[at] = price

    def end(self) -> None:
        """End the frame, if there is a tick in it."""
        if self._open:
            self._frames.append(self._open)
            self._open = []

    def one(self, quote: int, at: int, price: float) -> None:
        """Write a frame of one tick."""
        self.put(quote, at, price)
        self.end()

    def __len__(self) -> int:
        return len(self._frames)

    def ticks(self, most: int | None = None) -> Ticks:
        """Return what was written, or the first frames of it."""
        self.end()
        return Ticks.of(self._frames if most is None else self._frames[:most])


def joined(parts: list[Ticks]) -> Ticks:
    """Put paths one after another."""
    ends: list[NDArray[np.int64]] = []
    before = 0
    for part in parts:
        ends.append(part.ends + before)
        before += len(part.price)
    return Ticks(
        np.concatenate([part.quote for part in parts]),
        np.concatenate([part.at for part in parts]),
        np.concatenate([part.price for part in parts]),
        np.concatenate(ends),
    )


def chunks(ticks: Ticks, sizes: Iterator[int]) -> Iterator[Ticks]:
    """Cut a path into parts of so many frames each."""
    start = 0
    while start < len(ticks):
        end = min(len(ticks), start + next(sizes))
        yield ticks.part(start, end)
        start = end
