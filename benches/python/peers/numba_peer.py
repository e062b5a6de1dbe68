"""Numba: a compiled loop over pools, ``@njit(parallel=True)``.

*Plain* is the loop that one writes first: the tables as they are. *Folded* is the one
that an expert writes: entry costs are folded into one constant per pool in a set-up
step, what a position needs of its instrument lies in one row, indices are narrow, and
only positions above their first tier look further. Writing positions of a block to a
buffer first, so that the gathers become vector instructions, was slower. Outputs are
passed one by one: through a tuple, Numba 0.68 drops the writes as dead.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numba
import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

from crossmargin.testing import Workload
from harness.contender import Contender, Floats, Outputs

THREADS = (1, 2)


@njit(parallel=True, fastmath=True, error_model="numpy")
def _score_plain(
    offsets: NDArray[np.int64],
    positions: tuple[NDArray[np.int32], Floats, Floats],
    wallet: Floats,
    marks: Floats,
    tiers: tuple[Floats, Floats, Floats],
    excess: Floats,
    margin_ratio: Floats,
    liquidatable: NDArray[np.bool_],
) -> None:
    instrument, quantity, entry_price = positions
    floor, rate, deduction = tiers
    n_tiers = floor.shape[1]
    for pool in prange(len(wallet)):
        equity = wallet[pool]
        maintenance = 0.0
        for row in range(offsets[pool], offsets[pool + 1]):
            held = instrument[row]
            equity += quantity[row] * (marks[held] - entry_price[row])
            notional = abs(quantity[row] * marks[held])
            tier = 0
            while tier + 1 < n_tiers and notional >= floor[held, tier + 1]:
                tier += 1
            maintenance += rate[held, tier] * notional - deduction[held, tier]
        left = equity - maintenance
        excess[pool] = left
        margin_ratio[pool] = equity / maintenance if maintenance > 0 else np.inf
        liquidatable[pool] = left <= 0


@njit
def fold(offsets: NDArray[np.uint32], quantity: Floats, entry_price: Floats, wallet: Floats) -> Floats:
    folded = wallet.copy()
    for pool in range(len(wallet)):
        for row in range(offsets[pool], offsets[pool + 1]):
            folded[pool] -= quantity[row] * entry_price[row]
    return folded


@njit(parallel=True, fastmath=True, error_model="numpy")
def _score_folded(
    offsets: NDArray[np.uint32],
    positions: tuple[NDArray[np.uint16], Floats],
    folded: Floats,
    packed: Floats,
    tiers: tuple[Floats, Floats, Floats],
    excess: Floats,
    margin_ratio: Floats,
    liquidatable: NDArray[np.bool_],
) -> None:
    instrument, quantity = positions
    floor, rate, deduction = tiers
    n_tiers = floor.shape[1]
    for pool in prange(len(folded)):
        equity = folded[pool]
        maintenance = 0.0
        for row in range(offsets[pool], offsets[pool + 1]):
            held = instrument[row]
            worth = quantity[row] * packed[held, 0]
            equity += worth
            notional = abs(worth)
            if notional < packed[held, 1]:
                maintenance += packed[held, 2] * notional
            else:
                tier = 1
                while tier + 1 < n_tiers and notional >= floor[held, tier + 1]:
                    tier += 1
                maintenance += rate[held, tier] * notional - deduction[held, tier]
        left = equity - maintenance
        excess[pool] = left
        margin_ratio[pool] = equity / maintenance if maintenance > 0 else np.inf
        liquidatable[pool] = left <= 0


def contenders(workload: Workload) -> list[Contender]:
    """Both loops on one and on two threads, and the folded one from the tables."""
    plain, folded = _prepare_plain(workload), _prepare_folded(workload)
    rows = []
    for threads in THREADS:
        limit = partial(numba.set_num_threads, min(threads, numba.config.NUMBA_NUM_THREADS))
        shared: dict[str, Any] = {"threads": threads, "before": limit}
        rows += [
            Contender(f"Numba plain, {threads} thr", plain, buffers="reused", **shared),
            Contender(f"Numba folded, {threads} thr", folded, buffers="reused", **shared),
        ]
    limit = partial(numba.set_num_threads, 1)
    build = Contender(
        "Numba folded, from the tables",
        lambda: _prepare_folded(workload)(),
        threads=1,
        includes="set-up",
        before=limit,
    )
    return [*rows, build]


def small(workload: Workload) -> Contender:
    """Set up the folded loop on one thread, for books too small to share."""
    limit = partial(numba.set_num_threads, 1)
    return Contender("Numba folded", _prepare_folded(workload), 1, "reused", before=limit)


def _tiers(workload: Workload) -> tuple[Floats, Floats, Floats]:
    tiers = workload.tiers
    assert tiers is not None
    return tiers.floor, tiers.rate, tiers.deduction


def _buffers(workload: Workload) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    n_pools = len(workload.balances["account"])
    return np.empty(n_pools), np.empty(n_pools), np.empty(n_pools, dtype=np.bool_)


def _prepare_plain(workload: Workload) -> Callable[[], Outputs]:
    columns = ("instrument", "quantity", "entry_price")
    positions = tuple(workload.positions[name] for name in columns)
    wallet, marks = workload.balances["wallet_balance"], workload.marks
    offsets, tiers, out = workload.offsets(), _tiers(workload), _buffers(workload)
    result = Outputs(*out)

    def score() -> Outputs:
        _score_plain(offsets, positions, wallet, marks, tiers, *out)
        return result

    return score


def _prepare_folded(workload: Workload) -> Callable[[], Outputs]:
    columns, marks = workload.positions, workload.marks
    offsets = workload.offsets().astype(np.uint32)
    wallet = workload.balances["wallet_balance"]
    folded = fold(offsets, columns["quantity"], columns["entry_price"], wallet)
    positions = columns["instrument"].astype(np.uint16), columns["quantity"]
    tiers, out = _tiers(workload), _buffers(workload)
    packed = np.zeros((len(marks), 4))  # four wide, so that a row is half a cache line
    packed[:, 0], packed[:, 1], packed[:, 2] = marks, tiers[0][:, 1], tiers[1][:, 0]
    result = Outputs(*out)

    def score() -> Outputs:
        _score_folded(offsets, positions, folded, packed, tiers, *out)
        return result

    return score
