"""The workloads by whole columns of NumPy: what the others are held against, not timed.

Written from the definition of the workloads, with nothing folded, so that a slip in a folded loop shows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from crossmargin.testing import Workload
from harness.contender import Floats, Outputs


def expected(workload: Workload) -> Outputs:
    """Score R2 or R3."""
    equity, maintenance = equity_and_margin(workload, workload.marks[workload.positions["instrument"]])
    excess = equity - maintenance
    return Outputs(excess, equity / maintenance, excess <= 0)


def equity_and_margin(workload: Workload, mark: Floats) -> tuple[Floats, Floats]:
    """Give what counts as collateral of every pool and what it must hold, at a mark of each row of the positions."""
    return {"R1": _plain, "R2": _multi_asset, "R3": _hedged}[workload.name](workload, mark)


def _plain(workload: Workload, mark: Floats) -> tuple[Floats, Floats]:
    tiers, positions = workload.tiers, workload.positions
    assert tiers is not None
    pool = np.repeat(np.arange(workload.n_accounts), np.diff(workload.pool_offsets()))
    pnl = positions["quantity"] * (mark - positions["entry_price"])
    required = tiers.maintenance_margin(positions["instrument"], np.abs(positions["quantity"]) * mark)
    return workload.balances["wallet_balance"] + np.bincount(pool, pnl), np.bincount(pool, required)


def _multi_asset(workload: Workload, mark: Floats) -> tuple[Floats, Floats]:
    contracts, tiers, haircuts, index = workload.contracts, workload.tiers, workload.haircuts, workload.index
    assert contracts is not None
    assert tiers is not None
    assert haircuts is not None
    assert index is not None
    held, entry = workload.positions["instrument"], workload.positions["entry_price"]
    quantity = workload.positions["quantity"] * contracts.size[held]
    inverse, settle = contracts.inverse[held], contracts.settle[held]
    pnl = quantity * np.where(inverse, 1.0 / entry - 1.0 / mark, mark - entry)
    notional = np.abs(quantity) * np.where(inverse, 1.0 / mark, mark)
    required = tiers.maintenance_margin(held, notional) * index[settle]
    pool = np.repeat(np.arange(workload.n_accounts), np.diff(workload.pool_offsets()))
    n_assets = len(haircuts.floor)
    amounts = workload.balances["wallet_balance"].reshape(-1, n_assets)
    amounts = amounts + np.bincount(pool * n_assets + settle, pnl, amounts.size).reshape(amounts.shape)
    return haircuts.collateral_value(amounts, index[:n_assets]), np.bincount(pool, required)


def _hedged(workload: Workload, mark: Floats) -> tuple[Floats, Floats]:
    tiers, orders, positions = workload.tiers, workload.orders, workload.positions
    assert tiers is not None
    assert orders is not None
    pnl = positions["quantity"] * (mark - positions["entry_price"])
    groups = Groups(workload)
    worth = np.bincount(groups.of_position, positions["quantity"] * mark, groups.n)
    opening = np.bincount(groups.of_order, opening_value(orders), groups.n)
    basis = np.abs(worth) + opening
    reached = (basis[:, np.newaxis] >= tiers.floor[groups.instrument]).sum(axis=1) - 1
    required = np.bincount(groups.pool, tiers.rate[groups.instrument, reached] * basis)
    pool = np.repeat(np.arange(workload.n_accounts), np.diff(workload.pool_offsets()))
    return workload.balances["wallet_balance"] + np.bincount(pool, pnl), required


def opening_value(orders: Mapping[str, Any]) -> Floats:
    """What each order of R3 adds to its leg: nothing where it sells of a long one or buys back of a short one."""
    value = orders["quantity"] * orders["price"]
    return np.maximum(np.where(orders["position_side"] == "long", value, -value), 0.0)


class Groups:
    """What R3 charges: an instrument's leg of a pool with its orders.

    Attributes
    ----------
    n : int
        How many.
    pool, instrument : ndarray of int64
        Of each group; sorted by pool.
    of_position, of_order : ndarray of int64
        The group of each row.
    """

    def __init__(self, workload: Workload) -> None:
        assert workload.orders is not None
        n_instruments = len(workload.instruments)
        tables = workload.positions, workload.orders
        keys = []
        for table, offsets in zip(tables, (workload.pool_offsets(), workload.order_offsets()), strict=True):
            pool = np.repeat(np.arange(workload.n_accounts), np.diff(offsets))
            keys.append((pool * n_instruments + table["instrument"]) * 2 + (table["position_side"] == "long"))
        groups, place = np.unique(np.concatenate(keys), return_inverse=True)
        self.n = len(groups)
        self.pool, self.instrument = np.divmod(groups // 2, n_instruments)
        self.of_position, self.of_order = np.split(place, [workload.n_positions])
