"""The memory floor: how long the same bytes take when nothing is computed with them.

A kernel cannot be faster than the memory that it reads and writes. The floor reads as
many bytes as the kernel reads, in one stream, adding them up, and writes as many as it
writes, with the same number of threads, in the same run. This one is compiled by Numba and
measures the bandwidth without any code of ours; the engine brings a pass of its own, over
the very columns that it reads (`ours`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numba
import numpy as np
from numba import njit, prange

from harness.contender import Contender, Floats

# What the lane layout reads. Per position: a quantity of 8 bytes and a class of 2. Per
# pool: a constant of 8, its error bound of 4, its place of 2, its share of a step offset.
POSITION_BYTES, POOL_BYTES = 10.0, 14.5
LEVERAGE_BYTES, CASH_BYTES = 8.0, 8.0  # read besides, where all columns are asked for

_BLOCK = 4_096


@dataclass(frozen=True)
class Traffic:
    """Bytes that one call of a kernel moves at least once."""

    read: int
    written: int


def traffic(n_positions: int, n_pools: int, n_columns: int, *, everything: bool) -> Traffic:
    """Bytes of one call.

    Parameters
    ----------
    n_positions, n_pools : int
        Size of the book.
    n_columns : int
        How many float64 outputs are written, beside the flag.
    everything : bool
        Whether initial margin and cash are read as well.
    """
    position, pool = POSITION_BYTES, POOL_BYTES
    if everything:
        position, pool = position + LEVERAGE_BYTES, pool + CASH_BYTES
    read = round(n_positions * position + n_pools * pool)
    return Traffic(read=read, written=n_pools * (8 * n_columns + 1))


@njit(fastmath=True)
def _total(values: Floats) -> float:
    total = 0.0
    for index in range(len(values)):
        total += values[index]
    return total


@njit
def _fill(values: Floats, value: float) -> None:
    for index in range(len(values)):
        values[index] = value


@njit(parallel=True)
def _stream(source: Floats, sink: Floats, n_blocks: int) -> float:
    total = 0.0
    for block in prange(n_blocks):
        # slices, so that the inner loops start at 0 and become vector instructions
        first, last = block * len(source) // n_blocks, (block + 1) * len(source) // n_blocks
        subtotal = _total(source[first:last])
        first, last = block * len(sink) // n_blocks, (block + 1) * len(sink) // n_blocks
        _fill(sink[first:last], subtotal)
        total += subtotal
    return total


def contender(name: str, bytes_moved: Traffic, threads: int, outputs: str) -> Contender:
    """Make a row of the table of a streaming pass over so many bytes."""
    source = np.ones(bytes_moved.read // 8)
    sink = np.zeros(bytes_moved.written // 8)
    n_blocks = max(1, len(source) // _BLOCK)
    run: Callable[[], float] = partial(_stream, source, sink, n_blocks)
    limit = partial(numba.set_num_threads, min(threads, numba.config.NUMBA_NUM_THREADS))
    return Contender(
        name,
        run,
        threads,
        buffers="reused",
        includes=f"reads {bytes_moved.read:,} B, writes {bytes_moved.written:,} B",
        outputs=outputs,
        read=None,
        before=limit,
    )
