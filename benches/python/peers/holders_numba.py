"""Numba on frames: every holder of the instrument is touched, what the pool has left is kept up to date by differences.

An index by instrument lists the holders in the order of pools, with the size of the position, the notional bound of
its first tier over that size, and what the position gives per unit of the mark while it stays below: a holder costs one
comparison, one product, and one addition to its pool. *Liquidation* keeps the excess alone; *levels* keeps what counts
as collateral and the maintenance margin, and compares their ratio with each level. The sums are of plain doubles and
are added to for as long as the program runs, so their rounding grows with the number of frames; nothing here is exact.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from crossmargin.testing import Workload
from harness.contender import Floats

Index = NDArray[np.uint32]
_FAST = {"reassoc", "contract", "arcp", "nsz"}


@njit(inline="always")
def _margin(notional: float, held: int, floor: Floats, rate: Floats, deduction: Floats) -> float:
    tier = 0
    while tier + 1 < floor.shape[1] and notional >= floor[held, tier + 1]:
        tier += 1
    return rate[held, tier] * notional - deduction[held, tier]


@njit(fastmath=_FAST, error_model="numpy")
def _liquidation(
    at: Index,
    price: Floats,
    marks: Floats,
    starts: NDArray[np.int64],
    holders: tuple[Index, Floats, Floats, Floats],
    tiers: tuple[Floats, Floats, Floats],
    excess: Floats,
    liquidatable: NDArray[np.bool_],
) -> int:
    pools, quantity, bound, slope = holders
    floor, rate, deduction = tiers
    events = 0
    for frame in range(len(at)):
        held, new = at[frame], price[frame]
        old = marks[held]
        marks[held] = new
        move, higher = new - old, max(new, old)
        for row in range(starts[held], starts[held + 1]):
            pool = pools[row]
            if higher < bound[row]:
                left = excess[pool] + slope[row] * move
            else:
                size = abs(quantity[row])
                margin = _margin(size * new, held, floor, rate, deduction)
                margin -= _margin(size * old, held, floor, rate, deduction)
                left = excess[pool] + quantity[row] * move - margin
            excess[pool] = left
            now = left <= 0
            if now != liquidatable[pool]:
                liquidatable[pool] = now
                events += 1
    return events


@njit(fastmath=_FAST, error_model="numpy")
def _levels(
    at: Index,
    price: Floats,
    marks: Floats,
    starts: NDArray[np.int64],
    holders: tuple[Index, Floats, Floats, Floats],
    tiers: tuple[Floats, Floats, Floats],
    state: Floats,
    passed: NDArray[np.uint8],
    levels: Floats,
) -> int:
    pools, quantity, bound, _ = holders
    floor, rate, deduction = tiers
    events = 0
    for frame in range(len(at)):
        held, new = at[frame], price[frame]
        old = marks[held]
        marks[held] = new
        move, higher, first = new - old, max(new, old), rate[held, 0]
        for row in range(starts[held], starts[held + 1]):
            pool, size = pools[row], abs(quantity[row])
            if higher < bound[row]:
                margin = first * size * move
            else:
                margin = _margin(size * new, held, floor, rate, deduction)
                margin -= _margin(size * old, held, floor, rate, deduction)
            equity = state[pool, 0] + quantity[row] * move
            required = state[pool, 1] + margin
            state[pool, 0], state[pool, 1] = equity, required
            now = np.uint8(equity <= required)
            for level in range(len(levels)):
                now += equity < levels[level] * required
            if now != passed[pool]:
                events += abs(np.int64(now) - np.int64(passed[pool]))
                passed[pool] = now
    return events


@dataclass
class Holders:
    """The index by instrument, and the state of every pool.

    Parameters
    ----------
    workload : Workload
        R1, at whose marks the state begins.
    """

    workload: Workload

    def __post_init__(self) -> None:
        workload = self.workload
        tiers = workload.tiers
        assert tiers is not None
        columns = workload.positions
        n_pools, n_instruments = workload.n_accounts, len(workload.instruments)
        pool = np.repeat(np.arange(n_pools, dtype=np.uint32), np.diff(workload.pool_offsets()))
        order = np.argsort(columns["instrument"], kind="stable")  # holders of one instrument stay in the order of pools
        held, quantity = columns["instrument"][order], columns["quantity"][order]
        size = np.abs(quantity)
        slope = quantity - tiers.rate[held, 0] * size
        counts = np.bincount(held, minlength=n_instruments)
        self._starts = np.concatenate([[0], np.cumsum(counts)])
        self._holders = pool[order], quantity, tiers.floor[held, 1] / size, slope
        self._tiers = tiers.floor, tiers.rate, tiers.deduction
        self._marks = workload.marks.copy()
        mark = workload.marks[columns["instrument"]]
        pnl = columns["quantity"] * (mark - columns["entry_price"])
        equity = workload.balances["wallet_balance"] + np.bincount(pool, pnl, n_pools)
        margin = tiers.maintenance_margin(columns["instrument"], np.abs(columns["quantity"]) * mark)
        self._state = np.stack([equity, np.bincount(pool, margin, n_pools)], axis=1)
        self.excess = self._state[:, 0] - self._state[:, 1]
        self.liquidatable = self.excess <= 0
        self.per_instrument = counts

    def liquidation(self, at: Index, price: Floats) -> int:
        """Apply frames and keep who is liquidatable; returns how many flags changed."""
        state = self.excess, self.liquidatable
        return _liquidation(at, price, self._marks, self._starts, self._holders, self._tiers, *state)

    def levels(self, at: Index, price: Floats, levels: Floats) -> int:
        """Apply frames and keep who is liquidatable and below each level; returns how many flags changed."""
        equity, required = self._state.T
        passed = (equity <= required).astype(np.uint8)
        for level in levels:
            passed += equity < level * required
        return _levels(at, price, self._marks, self._starts, self._holders, self._tiers, self._state, passed, levels)
