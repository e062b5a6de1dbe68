"""The reference workload R2 has the assets, contracts and haircuts that its definition states."""

from __future__ import annotations

import tomllib
from typing import Any

import numpy as np
import pytest

from crossmargin.testing import Haircuts, Workload, reference_workload

N_POOLS = 20_000


@pytest.fixture(scope="module")
def workload() -> Workload:
    return reference_workload("R2", n_pools=N_POOLS, seed=11)


def _margin_ratio(workload: Workload, market: dict[str, Any], pool: int) -> float:
    """One pool by loops over its rows, every slice on its own."""
    terms = {each["name"]: each for each in market["instrument"]}
    price = dict(zip(workload.assets, workload.index.tolist(), strict=True))
    account = np.unique(workload.balances["account"])[pool]
    own = workload.balances["account"] == account
    equity = dict.fromkeys(workload.assets, 0.0)
    for asset, cash in zip(
        workload.balances["asset"][own].tolist(), workload.balances["wallet_balance"][own].tolist(), strict=True
    ):
        equity[workload.assets[asset]] += cash
    required = 0.0
    for row in np.flatnonzero(workload.positions["account"] == account).tolist():
        held = int(workload.positions["instrument"][row])
        term = terms[workload.instruments[held]]
        size = float(workload.positions["quantity"][row]) * term["contract_size"]
        mark, entry = float(workload.marks[held]), float(workload.positions["entry_price"][row])
        inverse = term["payoff"] == "inverse"
        notional = abs(size) / mark if inverse else abs(size) * mark
        equity[term["settle"]] += size * ((1 / entry - 1 / mark) if inverse else mark - entry)
        tiers = market["tiers"][term["name"]]
        assert tiers["bounds"] == ("settle" if inverse else "quote")
        tops = [*tiers["floor"][1:], float("inf")]
        for floor, top, rate in zip(tiers["floor"], tops, tiers["maintenance_rate"], strict=True):
            required += rate * max(min(notional, top) - floor, 0.0) * price[term["settle"]]
    counted = 0.0
    for asset, entry in market["collateral"]["asset"].items():
        worth = equity[asset] * price[asset]
        if worth < 0:
            counted += worth
            continue
        tops = [*entry["floor"][1:], float("inf")]
        unit = 1.0 if entry["unit"] == "value" else price[asset]
        for floor, top, weight in zip(entry["floor"], tops, entry["weights"], strict=True):
            counted += weight * max(min(worth, top * unit) - floor * unit, 0.0)
    return counted / required


def test_multi_asset_workload_pools_are_alive_by_the_rules_of_its_market(workload: Workload) -> None:
    market = tomllib.loads(workload.market_toml)
    ratios = [_margin_ratio(workload, market, pool) for pool in range(200)]
    assert min(ratios) >= 1.05 * (1 - 1e-9)


def test_multi_asset_workload_fifth_of_instruments_and_positions_is_inverse(workload: Workload) -> None:
    inverse = workload.contracts.inverse
    assert (inverse.sum(), len(inverse)) == (60, 300)
    assert inverse[workload.positions["instrument"]].mean() == pytest.approx(0.2, abs=0.01)
    assert np.bincount(workload.contracts.settle, minlength=3).tolist() == [240, 30, 30]
    assert np.all(workload.contracts.settle[~inverse] == 0)


def test_multi_asset_workload_inverse_contracts_are_priced_near_their_coin(workload: Workload) -> None:
    inverse = workload.contracts.inverse
    basis = np.log(workload.marks / workload.index[workload.contracts.settle])[inverse]
    assert np.abs(basis).max() < 0.05
    assert basis.std() == pytest.approx(0.01, rel=0.3)


def test_multi_asset_workload_notionals_keep_the_law_of_r1_in_dollars(workload: Workload) -> None:
    held, contracts = workload.positions["instrument"], workload.contracts
    size = np.abs(workload.positions["quantity"]) * contracts.size[held]
    dollars = np.where(contracts.inverse[held], size, size * workload.marks[held])
    for own in (contracts.inverse[held], ~contracts.inverse[held]):
        assert np.log(dollars[own]).mean() == pytest.approx(7, abs=0.2)
        assert np.log(dollars[own]).std() == pytest.approx(2, abs=0.1)


def test_multi_asset_workload_every_pool_holds_three_assets_mostly_the_first(workload: Workload) -> None:
    balances = workload.balances
    assert balances["asset"].reshape(N_POOLS, 3).tolist() == [[0, 1, 2]] * N_POOLS
    worth = balances["wallet_balance"].reshape(N_POOLS, 3) * workload.index[:3]
    shares = worth / worth.sum(axis=1, keepdims=True)
    assert worth.min() > 0
    assert shares[:, 0].min() >= 0.6 - 1e-12
    assert shares[:, 0].max() <= 0.9 + 1e-12
    assert np.all(balances["account"].reshape(N_POOLS, 3) == np.unique(balances["account"])[:, None])


def test_multi_asset_workload_uses_every_slice_of_every_haircut(workload: Workload) -> None:
    amounts = workload.balances["wallet_balance"].reshape(N_POOLS, 3)
    worth = np.where(workload.haircuts.by_value, amounts * workload.index[:3], amounts)
    reached = (worth[:, :, None] >= workload.haircuts.floor).sum(axis=(0, 2))
    assert workload.haircuts.floor.shape == (3, 3)
    assert np.all(reached > N_POOLS * 1.03)


def test_haircuts_value_of_amounts_is_that_of_their_slices() -> None:
    haircuts = Haircuts(
        floor=np.array([[0.0, 100.0], [0.0, 2.0]]),
        weight=np.array([[1.0, 0.5], [0.9, 0.8]]),
        by_value=np.array([True, False]),
    )
    index = np.array([2.0, 10.0])
    # 2 * 60 = 120 of value: 100 + 0.5 * 20; three units: (0.9 * 2 + 0.8 * 1) * 10; owed in full: -4 * 10
    amounts = np.array([[60.0, 3.0], [60.0, -4.0]])
    assert haircuts.collateral_value(amounts, index) == pytest.approx([110.0 + 26.0, 110.0 - 40.0], rel=1e-15)


def test_multi_asset_workload_same_seed_gives_the_same_bytes(workload: Workload) -> None:
    again = reference_workload("R2", n_pools=N_POOLS, seed=11)
    assert again.market_toml == workload.market_toml
    for table in ("balances", "positions"):
        ours, theirs = getattr(workload, table), getattr(again, table)
        assert {name: column.tobytes() for name, column in ours.items()} == {
            name: column.tobytes() for name, column in theirs.items()
        }


def test_multi_asset_workload_one_pool_and_one_instrument_is_a_book() -> None:
    tiny = reference_workload("R2", n_pools=1, n_instruments=1, seed=3)
    assert (tiny.n_accounts, tiny.n_positions, len(tiny.balances["account"])) == (1, 1, 3)
