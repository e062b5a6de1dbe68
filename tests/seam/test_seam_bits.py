"""Determinism: equal bits whatever computes them, in whatever order and company."""

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import crossmargin as xm
from crossmargin import _core
from crossmargin.testing import Workload, reference_workload, retail_book

Columns = dict[str, Any]


@pytest.fixture(scope="module")
def cross() -> tuple[xm.Market, Workload]:
    """One-asset cross pools of all lengths, on full doubles."""
    workload = reference_workload("R1", n_pools=3_000, n_instruments=40, seed=11)
    return xm.Market.from_toml(workload.market_toml), workload


@pytest.fixture(scope="module")
def retail(usdm: xm.Market) -> tuple[xm.Market, Workload]:
    """Hedge legs, isolated positions, two assets, round numbers."""
    return usdm, retail_book(usdm.to_toml(), 2_000, seed=12)


@pytest.fixture(params=["cross", "retail"])
def made(request: pytest.FixtureRequest) -> tuple[xm.Market, Workload]:
    pair: tuple[xm.Market, Workload] = request.getfixturevalue(request.param)
    return pair


def build(market: xm.Market, workload: Workload, **options: Any) -> xm.Book:
    return xm.Book(market, balances=workload.balances, positions=workload.positions, **options)


def bits(scores: xm.Scores) -> dict[str, bytes]:
    return {name: scores[name].tobytes() for name in scores.outputs}


def test_seam_bits_do_not_depend_on_threads_or_claims(made: tuple[xm.Market, Workload]) -> None:
    market, workload = made
    book, prices = build(market, workload, _window=64), market.prices(mark=workload.marks)
    expected = bits(xm.score(book, prices, "all", n_threads=1))
    for n_threads, claim in itertools.product((1, 2, 7), (None, 1, 3)):
        assert bits(xm.score(book, prices, "all", n_threads=n_threads, _windows_per_claim=claim)) == expected


@pytest.mark.parametrize("isa", _core.ISAS)
@pytest.mark.parametrize("window", [None, 1, 8, 1024, 10_000_000])
def test_seam_bits_do_not_depend_on_processor_or_window(
    isa: str, window: int | None, made: tuple[xm.Market, Workload]
) -> None:
    market, workload = made
    prices = market.prices(mark=workload.marks)
    expected = bits(xm.score(build(market, workload), prices, "all", n_threads=1))
    book = build(market, workload, _window=window)
    assert bits(xm.score(book, prices, "all", n_threads=2, _isa=isa)) == expected


def test_seam_bits_do_not_depend_on_outputs(made: tuple[xm.Market, Workload]) -> None:
    market, workload = made
    book, prices = build(market, workload), market.prices(mark=workload.marks)
    everything = bits(xm.score(book, prices, "all"))
    for name in xm.OUTPUTS:
        assert bits(xm.score(book, prices, [name])) == {name: everything[name]}
    assert bits(xm.score(book, prices)) == {name: everything[name] for name in xm.DEFAULT_OUTPUTS}


def by_key(market: xm.Market, balances: Columns, positions: Columns, marks: Any) -> dict[Any, bytes]:
    scores = xm.score(xm.Book(market, balances=balances, positions=positions), market.prices(mark=marks), "all")
    keys = zip(*(scores.pools[name].tolist() for name in scores.pools), strict=True)
    values = np.stack([scores[name].astype(np.float64) for name in scores.outputs], axis=1)
    return {key: row.tobytes() for key, row in zip(keys, values, strict=True)}


def taken(table: Any, rows: Any) -> Columns:
    return {name: np.asarray(column)[rows] for name, column in table.items()}


def test_seam_bits_do_not_depend_on_the_order_of_rows(made: tuple[xm.Market, Workload]) -> None:
    market, workload = made
    expected = by_key(market, dict(workload.balances), dict(workload.positions), workload.marks)
    rng = np.random.default_rng(5)
    for _ in range(3):
        balances = taken(workload.balances, rng.permutation(len(workload.balances["account"])))
        positions = taken(workload.positions, rng.permutation(len(workload.positions["account"])))
        assert by_key(market, balances, positions, workload.marks) == expected


def test_seam_bits_of_a_batch_are_those_of_its_singles(made: tuple[xm.Market, Workload]) -> None:
    market, workload = made
    expected = by_key(market, dict(workload.balances), dict(workload.positions), workload.marks)
    singles: dict[Any, bytes] = {}
    accounts = np.unique(np.concatenate([workload.balances["account"], workload.positions["account"]]))
    chosen = accounts[:: max(1, len(accounts) // 150)]
    for account in chosen:
        balances = taken(workload.balances, np.asarray(workload.balances["account"]) == account)
        positions = taken(workload.positions, np.asarray(workload.positions["account"]) == account)
        singles |= by_key(market, balances, positions, workload.marks)
    wanted = set(chosen.tolist())
    assert singles == {key: row for key, row in expected.items() if key[0] in wanted}


def test_seam_bits_do_not_depend_on_kind_of_keys(made: tuple[xm.Market, Workload]) -> None:
    market, workload = made
    names: Callable[[Any], np.ndarray] = lambda column: np.asarray(column).astype(str)  # noqa: E731
    book, prices = build(market, workload), market.prices(mark=workload.marks)
    renamed = xm.Book(
        market,
        balances=dict(workload.balances) | {"account": names(workload.balances["account"])},
        positions=dict(workload.positions) | {"account": names(workload.positions["account"])},
    )
    assert bits(xm.score(renamed, prices, "all")) == bits(xm.score(book, prices, "all"))


def test_seam_bits_of_accounts_do_not_depend_on_order(made: tuple[xm.Market, Workload]) -> None:
    market, workload = made
    prices = market.prices(mark=workload.marks, index=dict.fromkeys(market.assets["asset"].tolist(), 1.25))
    rng = np.random.default_rng(6)
    order = rng.permutation(len(workload.balances["account"]))
    shuffled = xm.Book(market, balances=taken(workload.balances, order), positions=workload.positions)
    table, other = (xm.score(book, prices).accounts() for book in (build(market, workload), shuffled))
    place = {account: at for at, account in enumerate(other["account"].tolist())}
    rows = [place[account] for account in table["account"].tolist()]
    for name in table:
        assert other[name][rows].tobytes() == table[name].tobytes()
    totals = [xm.score(book, prices, "all").totals() for book in (build(market, workload), shuffled)]
    assert totals[0] == totals[1]
