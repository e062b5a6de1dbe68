"""Numba on R2: one compiled loop over pools, with what does not move folded by hand.

Everything is in the valuation asset: a position's worth is its quantity times the coordinate (mark, or minus one over
it) times the index price of its settlement asset, and entry costs are folded into one constant per pool and asset. A
position adds its worth to all three assets, times one or zero, which was faster than a branch and than rows sorted by
asset with a loop each. Haircuts of falling weights are the least of their affine pieces, and what is owed in full is
the least of them too: no branch per asset. An instrument's data fill one cache line.
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
N_ASSETS = 3


@njit(inline="always")
def _charge(worth: float, held: int, packed: Floats, floor: Floats, rate: Floats, deduction: Floats) -> float:
    notional = abs(worth)
    if notional < packed[held, 1]:
        return packed[held, 2] * notional
    tier = 1
    while tier + 1 < floor.shape[1] and notional >= floor[held, tier + 1]:
        tier += 1
    return rate[held, tier] * notional - deduction[held, tier]


@njit(inline="always")
def _counted(value: float, weight: Floats, gain: Floats) -> float:
    return min(value, weight[0] * value, weight[1] * value + gain[1], weight[2] * value + gain[2])


@njit(parallel=True, fastmath=True, error_model="numpy")
def _score(
    offsets: NDArray[np.uint32],
    positions: tuple[NDArray[np.uint16], Floats],
    folded: Floats,
    packed: Floats,
    tiers: tuple[Floats, Floats, Floats],
    haircuts: tuple[Floats, Floats],
    excess: Floats,
    margin_ratio: Floats,
    liquidatable: NDArray[np.bool_],
) -> None:
    instrument, quantity = positions
    floor, rate, deduction = tiers
    weight, gain = haircuts
    for pool in prange(len(folded)):
        first, second, third = folded[pool, 0], folded[pool, 1], folded[pool, 2]
        maintenance = 0.0
        for row in range(offsets[pool], offsets[pool + 1]):
            held = instrument[row]
            worth = quantity[row] * packed[held, 0]
            first += worth * packed[held, 3]
            second += worth * packed[held, 4]
            third += worth * packed[held, 5]
            maintenance += _charge(worth, held, packed, floor, rate, deduction)
        collateral = _counted(first, weight[0], gain[0])
        collateral += _counted(second, weight[1], gain[1])
        collateral += _counted(third, weight[2], gain[2])
        left = collateral - maintenance
        excess[pool] = left
        margin_ratio[pool] = collateral / maintenance if maintenance > 0 else np.inf
        liquidatable[pool] = left <= 0


def contenders(workload: Workload) -> list[Contender]:
    """The loop on one and on two threads."""
    prepared = _prepare(workload)
    rows = []
    for threads in THREADS:
        limit = partial(numba.set_num_threads, min(threads, numba.config.NUMBA_NUM_THREADS))
        shared: dict[str, Any] = {"threads": threads, "before": limit, "buffers": "reused", "workload": workload.name}
        rows.append(Contender(f"Numba folded, R2, {threads} thr", prepared, **shared))
    return rows


def _prepare(workload: Workload) -> Callable[[], Outputs]:
    contracts, index, haircuts = workload.contracts, workload.index, workload.haircuts
    assert contracts is not None
    assert index is not None
    assert haircuts is not None
    coordinate = np.where(contracts.inverse, -1.0 / workload.marks, workload.marks) * contracts.size
    price = index[contracts.settle]
    tiers = _in_valuation(workload, price)
    packed = np.zeros((len(price), 8))  # eight wide, so that a row is one cache line
    packed[:, 0], packed[:, 1], packed[:, 2] = coordinate * price, tiers[0][:, 1], tiers[1][:, 0]
    packed[:, 3 : 3 + N_ASSETS] = contracts.settle[:, np.newaxis] == np.arange(N_ASSETS)
    held, quantity = workload.positions["instrument"], workload.positions["quantity"]
    entry, offsets = workload.positions["entry_price"], workload.pool_offsets()
    layer = np.repeat(np.arange(workload.n_accounts), np.diff(offsets)) * N_ASSETS + contracts.settle[held]
    cost = np.where(contracts.inverse[held], -1.0 / entry, entry) * contracts.size[held] * price[held] * quantity
    cash = workload.balances["wallet_balance"].reshape(-1, N_ASSETS) * index[:N_ASSETS]
    folded = cash - np.bincount(layer, cost, cash.size).reshape(cash.shape)
    steps = np.diff(haircuts.weight, axis=1, prepend=haircuts.weight[:, :1])
    gain = np.cumsum(-haircuts.floor_values(index[:N_ASSETS]) * steps, axis=1)
    pieces, narrow = (haircuts.weight.copy(), gain), offsets.astype(np.uint32)
    positions = held.astype(np.uint16), quantity
    out = np.empty(len(cash)), np.empty(len(cash)), np.empty(len(cash), dtype=np.bool_)
    result = Outputs(*out)

    def score() -> Outputs:
        _score(narrow, positions, folded, packed, tiers, pieces, *out)
        return result

    return score


def _in_valuation(workload: Workload, price: Floats) -> tuple[Floats, Floats, Floats]:
    """Tiers of the notional in the valuation asset."""
    tiers = workload.tiers
    assert tiers is not None
    return tiers.floor * price[:, np.newaxis], tiers.rate, tiers.deduction * price[:, np.newaxis]
