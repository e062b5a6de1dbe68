"""The reference workload R1 has the distribution that its definition states."""

from __future__ import annotations

import tomllib
from fractions import Fraction

import numpy as np
import pytest

from crossmargin.testing import Workload, reference_workload

N_POOLS = 20_000


@pytest.fixture(scope="module")
def workload() -> Workload:
    return reference_workload("R1", n_pools=N_POOLS, seed=11)


def _counts(workload: Workload) -> np.ndarray:
    return np.diff(workload.offsets())


def _requirement(workload: Workload) -> np.ndarray:
    """Maintenance by the deductions, where the generator adds slices."""
    held = workload.positions["instrument"]
    notional = np.abs(workload.positions["quantity"] * workload.marks[held])
    tiers = workload.tiers
    assert tiers is not None
    tier = (notional[:, None] >= tiers.floor[held]).sum(axis=1) - 1
    each = tiers.rate[held, tier] * notional - tiers.deduction[held, tier]
    return np.add.reduceat(each, workload.offsets()[:-1])


def test_reference_workload_margin_ratios_are_at_least_the_least(workload: Workload) -> None:
    positions = workload.positions
    moved = workload.marks[positions["instrument"]] - positions["entry_price"]
    pnl = np.add.reduceat(positions["quantity"] * moved, workload.offsets()[:-1])
    ratio = (workload.balances["wallet_balance"] + pnl) / _requirement(workload)
    assert ratio.min() >= 1.05 * (1 - 1e-9)
    assert ratio.min() < 1.06


def test_reference_workload_counts_follow_the_geometric_draws(workload: Workload) -> None:
    counts = _counts(workload)
    assert counts.min() == 1
    assert counts.max() <= 60
    assert 3.4 < counts.mean() < 3.7
    assert 0.2 < np.mean(counts == 1) < 0.3


def test_reference_workload_popular_instruments_are_held_most(workload: Workload) -> None:
    held = np.bincount(workload.positions["instrument"], minlength=300)
    assert held[0] > 1.5 * held[1] > 1.5 * held[3]
    assert held.min() > 0


def test_reference_workload_keys_are_sorted_and_unique(workload: Workload) -> None:
    accounts = workload.balances["account"]
    positions = workload.positions
    keys = np.searchsorted(accounts, positions["account"]) * 300 + positions["instrument"]
    assert np.all(np.diff(accounts) > 0)
    assert np.all(np.diff(keys) > 0)
    assert np.array_equal(np.unique(positions["account"]), accounts)


def test_reference_workload_sizes_and_sides_follow_their_laws(workload: Workload) -> None:
    positions = workload.positions
    mark = workload.marks[positions["instrument"]]
    log_notional = np.log(np.abs(positions["quantity"]) * mark)
    # pools drawn again shift both laws a little
    assert log_notional.mean() == pytest.approx(7, abs=0.15)
    assert log_notional.std() == pytest.approx(2, abs=0.1)
    assert np.mean(positions["quantity"] > 0) == pytest.approx(0.55, abs=0.01)
    assert np.log(positions["entry_price"] / mark).std() == pytest.approx(0.05, abs=0.003)


def test_reference_workload_leverage_is_of_the_pool_and_whole(workload: Workload) -> None:
    leverage = workload.positions["leverage"]
    starts = workload.offsets()[:-1]
    assert np.array_equal(leverage, np.floor(leverage))
    assert leverage.min() == 1
    assert leverage.max() <= 49
    assert np.array_equal(np.minimum.reduceat(leverage, starts), np.maximum.reduceat(leverage, starts))


def test_reference_workload_tiers_step_to_the_highest_rate(workload: Workload) -> None:
    tiers = workload.tiers
    assert tiers is not None
    assert tiers.floor.shape == tiers.rate.shape == (300, 12)
    assert np.all(tiers.floor[:, 0] == 0)
    assert tiers.floor[:, 2:] / tiers.floor[:, 1:-1] == pytest.approx(5.0, rel=1e-12)
    assert np.median(tiers.floor[:, 1]) == pytest.approx(50_000, rel=0.1)
    assert tiers.rate[0, :3].tolist() == [0.004, 0.0064, 0.01024]
    assert tiers.rate[0, -1] == 0.5


def test_reference_workload_market_text_has_the_same_numbers(workload: Workload) -> None:
    market = tomllib.loads(workload.market_toml)
    tiers = workload.tiers
    assert tiers is not None
    assert tuple(each["name"] for each in market["instrument"]) == workload.instruments
    for row, name in enumerate(workload.instruments):
        assert market["tiers"][name]["floor"] == tiers.floor[row].tolist()
        assert market["tiers"][name]["maintenance_rate"] == tiers.rate[row].tolist()
    assert market["trigger"] == {"level": 1, "zero_fails": True, "price": "mark"}


def test_tier_table_margin_of_a_notional_equals_exact_slices(workload: Workload) -> None:
    tiers = workload.tiers
    assert tiers is not None
    notional = 3_456_789.0
    exact = Fraction(0)
    floors = [Fraction(repr(value)) for value in tiers.floor[0].tolist()]
    rates = [Fraction(repr(value)) for value in tiers.rate[0].tolist()]
    for floor, ceiling, rate in zip(floors, [*floors[1:], None], rates, strict=True):
        top = Fraction(notional) if ceiling is None else min(Fraction(notional), ceiling)
        exact += rate * max(top - floor, Fraction(0))
    margin = tiers.maintenance_margin(np.array([0]), np.array([notional]))
    assert margin[0] == pytest.approx(float(exact), rel=1e-14)


def test_reference_workload_same_seed_gives_the_same_bytes(workload: Workload) -> None:
    again = reference_workload("R1", n_pools=N_POOLS, seed=11)
    assert again.market_toml == workload.market_toml
    assert again.marks.tobytes() == workload.marks.tobytes()
    for table in ("balances", "positions"):
        ours, theirs = getattr(workload, table), getattr(again, table)
        assert list(ours) == list(theirs)
        for column in ours:
            assert ours[column].dtype == theirs[column].dtype
            assert ours[column].tobytes() == theirs[column].tobytes()


def test_reference_workload_other_seed_gives_another_book(workload: Workload) -> None:
    other = reference_workload("R1", n_pools=N_POOLS, seed=12)
    assert other.marks.tobytes() != workload.marks.tobytes()


def test_reference_workload_one_pool_and_one_instrument_is_a_book() -> None:
    tiny = reference_workload("R1", n_pools=1, n_instruments=1, seed=3)
    assert (tiny.n_accounts, tiny.n_positions) == (1, 1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "R9"}, "name was 'R9', expected 'R1', 'R2' or 'R3'"),
        ({"n_pools": 0}, "n_pools was 0, expected at least 1"),
        ({"n_instruments": -2}, "n_instruments was -2, expected at least 1"),
    ],
)
def test_reference_workload_faulty_argument_is_refused(arguments: dict[str, int | str], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}$"):
        reference_workload(**arguments)  # type: ignore[arg-type]
