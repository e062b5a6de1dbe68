"""What the gate has to answer on R1, by NumPy: one order an account, judged as if it filled.

R1's orders reserve nothing, so an order that opens needs the margin of what it adds at the mark, and what it loses at
once against the mark. Doubles tell it but where two sides are within their rounding: those rows are counted apart, and
the reference decides a sample of all rows besides.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crossmargin.testing import Workload
from harness.contender import Floats

_ROUNDING = 1e-9  # relative, of what is added up

Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Expected:
    """Which orders are accepted, where doubles can tell.

    Parameters
    ----------
    accepted : ndarray of bool
        A row per order.
    decided : ndarray of bool
        Where nothing is within rounding of its limit.
    """

    accepted: Flags
    decided: Flags


class Gate:
    """The tables of R1 as arrays, ready to be asked for every order at once."""

    def __init__(self, workload: Workload, orders: dict[str, NDArray[np.generic]]) -> None:
        assert workload.tiers is not None
        self._tiers, marks = workload.tiers, workload.marks
        held, self._quantity = workload.positions["instrument"], workload.positions["quantity"]
        self._held, self._mark = held, marks[held]
        self._gain = self._mark - workload.positions["entry_price"]
        self._leverage, self._n = workload.positions["leverage"], workload.n_accounts
        self._pool = np.repeat(np.arange(self._n), np.diff(workload.pool_offsets()))
        self._wallet = workload.balances["wallet_balance"]
        self._asked, self._delta = orders["instrument"].astype(np.intp), orders["quantity"].astype(np.float64)
        self._price, self._at = orders["price"].astype(np.float64), marks[self._asked]
        self._by = orders["leverage"].astype(np.float64)
        same = held == self._asked[self._pool]
        self._before = np.bincount(self._pool, np.where(same, self._quantity, 0.0), self._n)

    def answer(self) -> Expected:
        """Decide every order."""
        value = np.abs(self._quantity) * self._mark
        equity = self._wallet + self._of_pool(self._quantity * self._gain)
        initial = self._of_pool(value / self._leverage)
        maintenance = self._of_pool(self._tiers.maintenance_margin(self._held, value))
        after = np.maximum(np.abs(self._before + self._delta), np.abs(self._before))
        loss = np.maximum(0.0, -self._delta * (self._at - self._price))
        opens = np.abs(self._delta) > np.maximum(0.0, -np.sign(self._delta) * self._before)
        added = (after - np.abs(self._before)) * self._at / self._by
        need = added + loss
        short = np.where(need > 0.0, need - (equity - initial), -1.0)
        charged = self._tiers.maintenance_margin(self._asked, after * self._at) - self._tiers.maintenance_margin(
            self._asked, np.abs(self._before) * self._at
        )
        fails = maintenance + charged - (equity - loss)
        scale = _ROUNDING * (1.0 + np.abs(equity) + initial + maintenance + charged + added + loss)
        near = opens & (((need > 0.0) & (np.abs(short) <= scale)) | (np.abs(fails) <= scale))
        near |= np.abs(self._delta + self._before) <= _ROUNDING * np.abs(self._delta)
        return Expected(~opens | ((short <= 0.0) & (fails < 0.0)), ~near)

    def _of_pool(self, values: Floats) -> Floats:
        return np.bincount(self._pool, values, self._n)


def check(expected: Expected, accepted: Flags) -> None:
    """Compare decisions where doubles can tell.

    Raises
    ------
    ValueError
        If one differs, or all are alike; the text names the first row.
    """
    wrong = expected.decided & (expected.accepted != accepted)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise ValueError(f"accepted[{row}] was {accepted[row]}, expected otherwise; {int(wrong.sum())} rows differ")
    if accepted.all() or not accepted.any():
        raise ValueError("all orders were decided alike, so nothing was compared")
