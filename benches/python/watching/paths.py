"""Paths of marks: which instrument moves at each frame, and to what price.

A path is drawn from its own seed, so that a record names enough to draw it again.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crossmargin.testing import Workload
from crossmargin.testing.drawing import draw_popular
from harness.contender import Floats

Index = NDArray[np.uint32]

BASIS_POINT = 1e-4
UNIFORM, RANKED = "uniform", "ranked"
CRASH_FRAMES = 1_000
CRASH_SHARE = 1.0 / 3.0


@dataclass(frozen=True)
class Track:
    """Frames in a row.

    Parameters
    ----------
    at : ndarray of uint32
        The instrument of each price.
    price : ndarray of float64
        The new marks.
    ends : ndarray of uint32 or None
        Where each frame ends in them; None: each price is a frame.
    """

    at: Index
    price: Floats
    ends: Index | None = None

    def first(self, n_frames: int) -> Track:
        """The beginning of a path whose frames are single prices."""
        return Track(self.at[:n_frames], self.price[:n_frames])

    def marks_after(self, marks: Floats) -> Floats:
        """Marks at the end of the path."""
        end = marks.copy()
        end[self.at] = self.price  # of an instrument that comes up often, NumPy keeps the last
        return end


def walk(workload: Workload, n_frames: int, instruments: str, basis_points: float, seed: int) -> Track:
    """Single-instrument frames: ``mark * (1 + basis_points * 1e-4 * z)`` with standard normal ``z``.

    Instruments are drawn alike (`UNIFORM`), or by the popularity that positions of R1 are
    drawn with (`RANKED`).
    """
    rng = np.random.Generator(np.random.PCG64(seed))
    n_instruments = len(workload.instruments)
    if instruments == RANKED:
        at = draw_popular(rng, n_frames, n_instruments)
    else:
        at = rng.integers(0, n_instruments, n_frames)
    factor = 1.0 + basis_points * BASIS_POINT * rng.standard_normal(n_frames)
    price = np.empty(n_frames)
    for instrument in range(n_instruments):
        rows = np.flatnonzero(at == instrument)
        price[rows] = np.cumprod(np.concatenate([workload.marks[instrument : instrument + 1], factor[rows]]))[1:]
    return Track(at.astype(np.uint32), price)


def standstill(workload: Workload, n_frames: int) -> Track:
    """Frames of one instrument whose mark goes to and fro by a millionth: nobody is touched after the first ones."""
    mark = float(workload.marks[-1])
    pair = np.array([mark * (1.0 + 1e-6), mark])
    at = np.full(n_frames, len(workload.marks) - 1, dtype=np.uint32)
    return Track(at, np.resize(pair, n_frames))


def crash(workload: Workload, last: float, seed: int) -> Track:
    """All marks fall to a share of what they were, in `CRASH_FRAMES` frames that each have a price of every instrument.

    A frame goes ``last ** (1 / CRASH_FRAMES)`` down with a noise of a basis point that is gone at the end.
    """
    rng = np.random.Generator(np.random.PCG64(seed))
    n_instruments = len(workload.instruments)
    steps = np.arange(1, CRASH_FRAMES + 1)[:, np.newaxis] / CRASH_FRAMES
    noise = 1.0 + BASIS_POINT * rng.standard_normal((CRASH_FRAMES, n_instruments))
    noise[-1] = 1.0
    price = workload.marks * last**steps * noise
    at = np.tile(np.arange(n_instruments, dtype=np.uint32), CRASH_FRAMES)
    ends = np.arange(1, CRASH_FRAMES + 1, dtype=np.uint32) * np.uint32(n_instruments)
    return Track(at, price.ravel(), ends)
