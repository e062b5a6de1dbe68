"""NumPy on liquidation prices: the closed form of linear contracts, a column at a time.

As in the loop of Numba, the tier is the one at the price: all positions are solved in the first one, and those whose
answer lies above it are solved again in the next. Sums by ``bincount``, indices that ``take`` need not convert.
"""

from __future__ import annotations

import numpy as np

from crossmargin.testing import Workload
from harness.contender import PRICES, Contender
from harness.prices import PriceOutputs


def contenders(workload: Workload) -> list[Contender]:
    """NumPy from its own prepared columns."""
    positions, wallet = workload.positions, workload.balances["wallet_balance"]
    quantity, instrument = positions["quantity"], positions["instrument"].astype(np.intp)
    pool = np.searchsorted(workload.balances["account"], positions["account"])
    marks, tiers = workload.marks, workload.tiers
    assert tiers is not None
    floor, rate, deduction = tiers.floor, tiers.rate, tiers.deduction
    n_tiers, first_bound, first_rate = floor.shape[1], floor[:, 1].copy(), rate[:, 0].copy()
    folded = wallet - np.bincount(pool, quantity * positions["entry_price"], len(wallet))
    size, long = np.abs(quantity), quantity > 0
    side = np.where(long, 1.0, -1.0)

    def solve() -> PriceOutputs:
        worth = marks.take(instrument)
        worth *= quantity
        notional = np.abs(worth)
        bound = first_bound.take(instrument)
        lowest = first_rate.take(instrument)
        high = np.flatnonzero(notional >= bound)
        held, reached = instrument[high], notional[high]
        tier = (reached[:, np.newaxis] >= floor[held, 1:]).sum(axis=1)
        notional *= lowest
        notional[high] = rate[held, tier] * reached - deduction[held, tier]
        worth -= notional  # what the position itself adds to the excess
        excess = np.bincount(pool, worth, len(folded))
        excess += folded
        safe = (excess > 0).take(pool)
        rest = excess.take(pool)
        rest -= worth
        lowest -= side
        solved = rest / lowest
        rows = np.flatnonzero(solved >= bound)
        for tier in range(1, n_tiers):
            held = instrument[rows]
            solved[rows] = (rest[rows] + deduction[held, tier]) / (rate[held, tier] - side[rows])
            if tier + 1 < n_tiers:
                rows = rows[solved[rows] >= floor[held, tier + 1]]
        solved[solved <= 0] = np.nan
        solved /= size
        under = long == safe
        return PriceOutputs(np.where(under, solved, np.nan), np.where(under, np.nan, solved), solved)

    return [Contender("NumPy, prices", solve, threads=1, includes="prices", outputs=PRICES)]
