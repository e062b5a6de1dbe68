"""Numba on R3: one compiled loop over pools, with what does not move folded by hand.

An order's value is at its limit, so only the worth of positions moves. Legs without orders are charged by their worth
alone; legs with orders are kept apart, behind the others of their pool, with the sum of the orders that add to them;
orders on nothing held are charged once, in the set-up, and their charge is a constant of the pool. Entry costs are
folded into the other constant. Most legs lie above their first tier, so the tier is found by halving, without a branch,
in rows of sixteen floors: about a third of the time of a scan, and less than counting all floors or choosing all
rates.
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
from peers.expected import Groups, opening_value

THREADS = (1, 2)
N_FLOORS = 16


@njit(inline="always")
def _charge(basis: float, held: int, floor: Floats, rate: Floats) -> float:
    tier = 8 if basis >= floor[held, 8] else 0
    tier += 4 if basis >= floor[held, tier + 4] else 0
    tier += 2 if basis >= floor[held, tier + 2] else 0
    tier += 1 if basis >= floor[held, tier + 1] else 0
    return rate[held, tier] * basis


@njit(parallel=True, fastmath=True, error_model="numpy")
def _score(
    offsets: NDArray[np.uint32],
    ordered_offsets: NDArray[np.uint32],
    legs: tuple[NDArray[np.uint16], Floats],
    ordered: tuple[NDArray[np.uint16], Floats, Floats],
    constants: Floats,
    marks: Floats,
    tiers: tuple[Floats, Floats],
    excess: Floats,
    margin_ratio: Floats,
    liquidatable: NDArray[np.bool_],
) -> None:
    instrument, quantity = legs
    instrument_of, quantity_of, opening = ordered
    floor, rate = tiers
    for pool in prange(len(constants)):
        equity = constants[pool, 0]
        maintenance = constants[pool, 1]
        for row in range(offsets[pool], offsets[pool + 1]):
            held = instrument[row]
            worth = quantity[row] * marks[held]
            equity += worth
            maintenance += _charge(abs(worth), held, floor, rate)
        for row in range(ordered_offsets[pool], ordered_offsets[pool + 1]):
            held = instrument_of[row]
            worth = quantity_of[row] * marks[held]
            equity += worth
            maintenance += _charge(abs(worth) + opening[row], held, floor, rate)
        left = equity - maintenance
        excess[pool] = left
        margin_ratio[pool] = equity / maintenance if maintenance > 0 else np.inf
        liquidatable[pool] = left <= 0


def contenders(workload: Workload) -> list[Contender]:
    """The loop on one and on two threads."""
    prepared = _prepare(workload)
    rows = []
    for threads in THREADS:
        limit = partial(numba.set_num_threads, min(threads, numba.config.NUMBA_NUM_THREADS))
        shared: dict[str, Any] = {"threads": threads, "before": limit, "buffers": "reused", "workload": workload.name}
        rows.append(Contender(f"Numba folded, R3, {threads} thr", prepared, **shared))
    return rows


def _prepare(workload: Workload) -> Callable[[], Outputs]:
    tiers, marks, orders = workload.tiers, workload.marks, workload.orders
    assert tiers is not None
    assert orders is not None
    table = _padded(tiers.floor, np.inf), _padded(tiers.rate, 0.0)
    groups, n_pools = Groups(workload), workload.n_accounts
    opening = np.bincount(groups.of_order, opening_value(orders), groups.n)
    held, quantity = workload.positions["instrument"], workload.positions["quantity"]
    pool = groups.pool[groups.of_position]
    cost = np.bincount(pool, quantity * workload.positions["entry_price"], n_pools)
    alone = np.bincount(groups.of_position, minlength=groups.n) == 0
    fixed_charge = tiers.maintenance_margin(groups.instrument[alone], opening[alone])
    constants = np.zeros((n_pools, 2))
    constants[:, 0] = workload.balances["wallet_balance"] - cost
    constants[:, 1] = np.bincount(groups.pool[alone], fixed_charge, n_pools)
    with_orders = opening[groups.of_position] > 0
    plain = held[~with_orders].astype(np.uint16), quantity[~with_orders]
    own = groups.of_position[with_orders]
    ordered = held[with_orders].astype(np.uint16), quantity[with_orders], opening[own]
    offsets = _offsets(pool[~with_orders], n_pools), _offsets(pool[with_orders], n_pools)
    out = np.empty(n_pools), np.empty(n_pools), np.empty(n_pools, dtype=np.bool_)
    result = Outputs(*out)

    def score() -> Outputs:
        _score(*offsets, plain, ordered, constants, marks, table, *out)
        return result

    return score


def _padded(table: Floats, value: float) -> Floats:
    """Fill rows up to sixteen, which the halving reads."""
    padded = np.full((len(table), N_FLOORS), value)
    padded[:, : table.shape[1]] = table
    return padded


def _offsets(pool: NDArray[np.int64], n_pools: int) -> NDArray[np.uint32]:
    counts = np.bincount(pool, minlength=n_pools)
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.uint32)
