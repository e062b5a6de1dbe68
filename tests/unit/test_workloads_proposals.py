"""The orders proposed on a workload have the distribution that their definition states."""

from __future__ import annotations

import numpy as np
import pytest

from crossmargin.testing import Workload, proposed_orders, reference_workload

N_POOLS = 20_000


@pytest.fixture(scope="module")
def workload() -> Workload:
    return reference_workload("R1", n_pools=N_POOLS, seed=11)


def test_proposed_orders_are_one_an_account_with_its_leverage(workload: Workload) -> None:
    orders = proposed_orders(workload)
    assert np.array_equal(orders["account"], workload.balances["account"])
    assert np.array_equal(orders["leverage"], workload.positions["leverage"][workload.offsets()[:-1]])
    assert all(np.array_equal(orders[name], column) for name, column in proposed_orders(workload, 7).items())


def test_proposed_orders_are_mostly_in_what_is_held_and_buy_more_than_they_sell(workload: Workload) -> None:
    orders = proposed_orders(workload)
    n_instruments = len(workload.instruments)
    held = workload.positions["account"] * n_instruments + workload.positions["instrument"]
    inside = np.isin(orders["account"] * n_instruments + orders["instrument"], held).mean()
    assert 0.7 < inside < 0.85  # 70 % on purpose, some of the others by popularity
    assert abs((orders["quantity"] > 0).mean() - 0.55) < 0.015


def test_proposed_orders_have_sizes_and_prices_as_said(workload: Workload) -> None:
    orders = proposed_orders(workload)
    mark = workload.marks[orders["instrument"]]
    notional = np.log(np.abs(orders["quantity"]) * mark)
    assert abs(notional.mean() - 7) < 0.06
    assert abs(notional.std() - 2) < 0.05
    away = np.log(orders["price"] / mark)
    assert abs(away.mean()) < 1e-4
    assert abs(away.std() - 0.002) < 1e-4


def test_proposed_orders_of_inverse_contracts_are_counted_by_their_face() -> None:
    workload = reference_workload("R2", n_pools=5_000, seed=3)
    orders = proposed_orders(workload)
    assert workload.contracts is not None
    inverse = workload.contracts.inverse[orders["instrument"]]
    assert 0.1 < inverse.mean() < 0.4
    face = workload.contracts.size[orders["instrument"]][inverse]
    assert abs(np.log(np.abs(orders["quantity"][inverse]) * face).mean() - 7) < 0.25


def test_proposed_orders_in_hedge_mode_open_their_own_side() -> None:
    orders = proposed_orders(reference_workload("R3", n_pools=500, seed=3))
    assert np.array_equal(orders["position_side"] == "long", orders["quantity"] > 0)
