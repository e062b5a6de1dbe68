"""Numba on liquidation prices: the closed form of linear contracts, a compiled loop over pools.

Entry costs are folded into one constant per pool beforehand, indices are narrow, and what a position needs of its
instrument lies in one row, as in the folded loop that scores. With every other mark fixed, the excess is ``rest +
quantity * mark - margin``, and the margin at a notional is that of its tier: one division gives the mark at which it is
zero, and where that lies above the tier the next one is taken, so that the tier is the one at the price. The price and
both sides are written, in plain doubles.
"""

from __future__ import annotations

from functools import partial

import numba
import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

from crossmargin.testing import Workload
from harness.contender import PRICES, Contender, Floats
from harness.prices import PriceOutputs
from peers.numba_peer import fold

THREADS = (1, 2)
_FAST = {"reassoc", "contract", "arcp", "nsz"}  # not those that do without NaN


@njit(inline="always")
def _margin(notional: float, held: int, packed: Floats, floor: Floats, rate: Floats, deduction: Floats) -> float:
    if notional < packed[held, 1]:
        return packed[held, 2] * notional
    tier = 1
    while tier + 1 < floor.shape[1] and notional >= floor[held, tier + 1]:
        tier += 1
    return rate[held, tier] * notional - deduction[held, tier]


@njit(inline="always")
def _notional_at_zero(
    rest: float, side: float, held: int, packed: Floats, floor: Floats, rate: Floats, deduction: Floats
) -> float:
    """Notional at which the excess is zero, not positive where there is none."""
    notional = rest / (packed[held, 2] - side)
    if notional < packed[held, 1]:
        return notional
    tier = 1
    while True:
        notional = (rest + deduction[held, tier]) / (rate[held, tier] - side)
        if tier + 1 == floor.shape[1] or notional < floor[held, tier + 1]:
            return notional
        tier += 1


@njit(parallel=True, fastmath=_FAST, error_model="numpy")
def _prices(
    offsets: NDArray[np.uint32],
    positions: tuple[NDArray[np.uint16], Floats],
    folded: Floats,
    packed: Floats,
    tiers: tuple[Floats, Floats, Floats],
    below: Floats,
    above: Floats,
    price: Floats,
) -> None:
    instrument, quantity = positions
    floor, rate, deduction = tiers
    for pool in prange(len(folded)):
        first, last = offsets[pool], offsets[pool + 1]
        excess = folded[pool]
        for row in range(first, last):
            held = instrument[row]
            worth = quantity[row] * packed[held, 0]
            excess += worth - _margin(abs(worth), held, packed, floor, rate, deduction)
        for row in range(first, last):
            held, amount = instrument[row], quantity[row]
            worth = amount * packed[held, 0]
            rest = excess - worth + _margin(abs(worth), held, packed, floor, rate, deduction)
            side = 1.0 if amount > 0 else -1.0
            notional = _notional_at_zero(rest, side, held, packed, floor, rate, deduction)
            found = notional / abs(amount) if notional > 0 else np.nan
            under = (amount > 0) == (excess > 0)
            below[row] = found if under else np.nan
            above[row] = np.nan if under else found
            price[row] = found


def contenders(workload: Workload) -> list[Contender]:
    """The loop on one and on two threads."""
    offsets = workload.offsets().astype(np.uint32)
    columns, tiers = workload.positions, workload.tiers
    assert tiers is not None
    folded = fold(offsets, columns["quantity"], columns["entry_price"], workload.balances["wallet_balance"])
    positions = columns["instrument"].astype(np.uint16), columns["quantity"]
    table = tiers.floor, tiers.rate, tiers.deduction
    packed = np.zeros((len(workload.marks), 4))  # four wide, so that a row is half a cache line
    packed[:, 0], packed[:, 1], packed[:, 2] = workload.marks, tiers.floor[:, 1], tiers.rate[:, 0]
    out = tuple(np.empty(workload.n_positions) for _ in range(3))
    result = PriceOutputs(*out)

    def solve() -> PriceOutputs:
        _prices(offsets, positions, folded, packed, table, *out)
        return result

    rows = []
    for threads in THREADS:
        limit = partial(numba.set_num_threads, min(threads, numba.config.NUMBA_NUM_THREADS))
        name = f"Numba, prices, {threads} thr"
        rows.append(Contender(name, solve, threads, "reused", "prices", PRICES, before=limit))
    return rows
