"""The reference workload R3 has the legs, orders and tiers that its definition states."""

from __future__ import annotations

import tomllib
from collections import defaultdict
from typing import Any

import numpy as np
import pytest

from crossmargin.testing import Workload, reference_workload

N_POOLS = 20_000


@pytest.fixture(scope="module")
def workload() -> Workload:
    return reference_workload("R3", n_pools=N_POOLS, seed=11)


def _margin_ratio(workload: Workload, market: dict[str, Any], pool: int) -> float:
    """One pool by loops: legs and orders grouped by hand, each group at the rate of its whole."""
    legs = slice(*workload.pool_offsets()[pool : pool + 2].tolist())
    placed = slice(*workload.order_offsets()[pool : pool + 2].tolist())
    equity = float(workload.balances["wallet_balance"][pool])
    position, opening = defaultdict(float), defaultdict(float)
    table = {name: column[legs].tolist() for name, column in workload.positions.items()}
    for held, side, quantity, entry in zip(
        table["instrument"], table["position_side"], table["quantity"], table["entry_price"], strict=True
    ):
        mark = float(workload.marks[held])
        equity += quantity * (mark - entry)
        position[held, side] += quantity * mark
    table = {name: column[placed].tolist() for name, column in workload.orders.items()}
    for held, side, quantity, price in zip(
        table["instrument"], table["position_side"], table["quantity"], table["price"], strict=True
    ):
        if (quantity > 0) == (side == "long"):
            opening[held, side] += abs(quantity) * price
    required = 0.0
    for held, side in {*position, *opening}:
        basis = abs(position[held, side]) + opening[held, side]
        tiers = market["tiers"][workload.instruments[held]]
        reached = [
            rate for floor, rate in zip(tiers["floor"], tiers["maintenance_rate"], strict=True) if floor <= basis
        ]
        required += reached[-1] * basis
    return equity / required


def test_hedged_workload_pools_are_alive_by_the_rules_of_its_market(workload: Workload) -> None:
    market = tomllib.loads(workload.market_toml)
    ordering = np.flatnonzero(np.diff(workload.order_offsets()) > 0)[:200].tolist()
    ratios = [_margin_ratio(workload, market, pool) for pool in [*range(200), *ordering]]
    assert min(ratios) >= 1.05 * (1 - 1e-9)


def test_hedged_workload_half_of_the_positions_are_two_legs_of_one_instrument(workload: Workload) -> None:
    positions = workload.positions
    account = np.searchsorted(workload.balances["account"], positions["account"])
    keys = account * 300 + positions["instrument"]
    same = np.diff(keys) == 0
    assert np.all(np.diff(keys) >= 0)
    assert 2 * same.mean() == pytest.approx(0.5, abs=0.02)
    assert np.all(positions["position_side"][:-1][same] == "long")
    assert np.all(positions["position_side"][1:][same] == "short")
    assert np.array_equal(positions["position_side"] == "long", positions["quantity"] > 0)


def test_hedged_workload_notionals_are_a_hundred_times_those_of_r1(workload: Workload) -> None:
    positions = workload.positions
    dollars = np.abs(positions["quantity"]) * workload.marks[positions["instrument"]]
    # the largest are drawn again more often, as their rates are high
    assert np.log(dollars).mean() == pytest.approx(7 + np.log(100), abs=0.3)
    tiers = workload.tiers
    assert tiers is not None
    reached = (dollars[:, None] >= tiers.floor[positions["instrument"]]).sum(axis=1)
    assert np.mean(reached > 1) > 0.5


def test_hedged_workload_third_of_the_pools_place_one_to_three_orders(workload: Workload) -> None:
    placed = np.diff(workload.order_offsets())
    assert np.mean(placed > 0) == pytest.approx(1 / 3, abs=0.05)
    assert np.bincount(placed)[1:].shape == (3,)
    assert placed.sum() == workload.n_orders
    assert np.all(np.diff(workload.orders["account"]) >= 0)


def test_hedged_workload_orders_wait_on_the_passive_side_of_the_mark(workload: Workload) -> None:
    orders = workload.orders
    distance = np.log(orders["price"] / workload.marks[orders["instrument"]]) * np.sign(orders["quantity"])
    assert distance.max() <= 0
    assert np.sqrt(np.mean(distance**2)) == pytest.approx(0.02, rel=0.05)


def test_hedged_workload_half_of_the_orders_are_on_legs_held_and_some_close(workload: Workload) -> None:
    def keys(table: dict[str, np.ndarray]) -> np.ndarray:
        account = np.searchsorted(workload.balances["account"], table["account"])
        return (account * 300 + table["instrument"]) * 2 + (table["position_side"] == "long")

    orders = workload.orders
    held = np.isin(keys(orders), keys(workload.positions))
    closing = (orders["quantity"] > 0) != (orders["position_side"] == "long")
    assert 0.5 < held.mean() < 0.75
    assert 0.1 < closing.mean() < 0.2
    assert np.all(held[closing])


def test_hedged_workload_market_states_flat_tiers_and_worst_fill(workload: Workload) -> None:
    market = tomllib.loads(workload.market_toml)
    assert {table["law"] for table in market["tiers"].values()} == {"flat"}
    assert market["orders"] == {
        "initial_margin": "worst_fill",
        "maintenance_margin": "worst_fill",
        "tier_basis": "worst_fill",
        "price": "limit",
    }


def test_hedged_workload_flat_tiers_charge_the_whole_at_the_rate_reached(workload: Workload) -> None:
    tiers = workload.tiers
    assert tiers is not None
    floor = tiers.floor[0, 2]
    assert tiers.maintenance_margin(np.array([0, 0]), np.array([floor, floor * (1 - 1e-12)])) == pytest.approx(
        [floor * 0.01024, floor * 0.0064], rel=1e-9
    )
    assert not tiers.deduction.any()


def test_hedged_workload_same_seed_gives_the_same_bytes(workload: Workload) -> None:
    again = reference_workload("R3", n_pools=N_POOLS, seed=11)
    for table in ("balances", "positions", "orders"):
        ours, theirs = getattr(workload, table), getattr(again, table)
        assert {name: column.tobytes() for name, column in ours.items()} == {
            name: column.tobytes() for name, column in theirs.items()
        }


def test_hedged_workload_one_pool_and_one_instrument_is_a_book() -> None:
    tiny = reference_workload("R3", n_pools=1, n_instruments=1, seed=3)
    assert (tiny.n_accounts, len(tiny.balances["account"])) == (1, 1)
    assert tiny.n_positions in (1, 2)
