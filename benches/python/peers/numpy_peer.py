"""NumPy: whole columns, one pass per operation.

``bincount`` sums the pools, being faster here than ``add.reduceat``; the tiers above
the first are looked up only for the few positions that reach them; indices are
``intp``, so that ``take`` need not convert them. Working in blocks that fit the cache
gained nothing.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from crossmargin.testing import Workload
from harness.contender import Contender, Outputs


def contenders(workload: Workload) -> list[Contender]:
    """NumPy from its own prepared columns, and from the tables."""
    prepared = _prepare(workload)
    return [
        Contender("NumPy", prepared, threads=1),
        Contender("NumPy, from the tables", lambda: _prepare(workload)(), 1, includes="set-up"),
    ]


def _prepare(workload: Workload) -> Callable[[], Outputs]:
    positions, wallet = workload.positions, workload.balances["wallet_balance"]
    quantity, entry_price = positions["quantity"], positions["entry_price"]
    instrument = positions["instrument"].astype(np.intp)
    pool = np.searchsorted(workload.balances["account"], positions["account"])
    marks, tiers = workload.marks, workload.tiers
    assert tiers is not None
    floor, rate, deduction = tiers.floor, tiers.rate, tiers.deduction
    first_bound, first_rate = floor[:, 1].copy(), rate[:, 0].copy()
    n_pools = len(wallet)

    def score() -> Outputs:
        pnl = marks.take(instrument)
        notional = np.abs(quantity * pnl)
        pnl -= entry_price
        pnl *= quantity
        margin = first_rate.take(instrument)
        margin *= notional
        high = np.flatnonzero(notional >= first_bound.take(instrument))
        held, reached = instrument[high], notional[high]
        tier = (reached[:, np.newaxis] >= floor[held, 1:]).sum(axis=1)
        margin[high] = rate[held, tier] * reached - deduction[held, tier]
        equity = np.bincount(pool, pnl, n_pools)
        equity += wallet
        maintenance = np.bincount(pool, margin, n_pools)
        excess = equity - maintenance
        return Outputs(excess, equity / maintenance, excess <= 0)

    return score
