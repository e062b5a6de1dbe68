"""Equal bits whatever computes them: on books drawn to break the engine, and on many pools under every law.

The knobs are hidden arguments that change how a call is done: the instruction set, the pools per window, the windows
per claim, the number of threads.
"""

import itertools
import re
import tomllib
from typing import Any

import numpy as np
import pytest
from hypothesis import given

import crossmargin as xm
from crossmargin import _core
from crossmargin.testing import Workload, reference_workload
from crossmargin.testing.markets import CAP, InstrumentSpec, RuleSpec, market_toml
from crossmargin.testing.oracle import BALANCES, POSITIONS, columns
from crossmargin.testing.strategies import Case, edge_cases
from differential.test_score import drawn

WINDOWS = (8, None)
CALLS = [{"n_threads": n, "_windows_per_claim": claim} for n, claim in itertools.product((1, 2, 7), (1, None))]


def bits(scores: xm.Scores) -> dict[str, bytes]:
    return {name: scores[name].tobytes() for name in scores.outputs} | {"n_exact": str(scores.n_exact).encode()}


def assert_one_result(market: xm.Market, tables: dict[str, Any], prices: xm.Prices, **options: Any) -> xm.Scores:
    """Score under every setting of the knobs; every result must be the first to the last bit."""
    wanted = xm.score(xm.Book(market, **tables), prices, "all", n_threads=1, **options)
    expected = bits(wanted)
    for window, isa in itertools.product(WINDOWS, _core.ISAS):
        book = xm.Book(market, **tables, _window=window)
        for call in CALLS:
            got = bits(xm.score(book, prices, "all", _isa=isa, **call, **options))
            assert got == expected, (window, isa, call, [name for name in expected if got[name] != expected[name]])
    return wanted


@drawn(50)
@given(edge_cases())
def test_determinism_book_on_the_edge_has_the_same_bits_under_every_knob(case: Case) -> None:
    market = xm.Market.from_toml(case.market)
    tables = {"balances": columns(case.balances, BALANCES), "positions": columns(case.positions, POSITIONS)}
    assert_one_result(market, tables, market.prices(mark=dict(case.marks)))


@pytest.fixture(scope="module")
def many() -> Workload:
    """Pools of all lengths, tier tables of many floors."""
    return reference_workload("R1", n_pools=20_000, n_instruments=60, seed=4)


def market_under(law: str, price: str, workload: Workload) -> xm.Market:
    """The instruments of a workload, with their tables under another law and price."""
    specs = []
    for name, table in tomllib.loads(workload.market_toml)["tiers"].items():
        floors, rates = table["floor"], table["maintenance_rate"]
        deductions = [0.3 * rate * floor for rate, floor in zip(rates, floors, strict=True)] if law == "list" else None
        specs.append(InstrumentSpec(name, floors, rates, cap=CAP, law=law, deduction=deductions))
    return xm.Market.from_toml(market_toml(specs, RuleSpec(level=1.1, maintenance_price=price, initial_price=price)))


@pytest.mark.parametrize("price", ["mark", "entry"])
@pytest.mark.parametrize("law", ["marginal", "flat", "list"])
def test_determinism_many_pools_have_the_same_bits_under_every_knob(law: str, price: str, many: Workload) -> None:
    market = market_under(law, price, many)
    tables = {"balances": many.balances, "positions": many.positions}
    scores = assert_one_result(market, tables, market.prices(mark=many.marks * 0.93))
    assert scores.liquidatable.any()
    assert not scores.liquidatable.all()


def test_determinism_unpriced_pools_have_the_same_bits_under_every_knob(many: Workload) -> None:
    market = market_under("marginal", "mark", many)
    marks = np.where(np.arange(len(many.marks)) % 9 == 4, np.nan, many.marks)
    tables = {"balances": many.balances, "positions": many.positions}
    scores = assert_one_result(market, tables, market.prices(mark=marks), missing="null")
    assert 0 < scores.n_unpriced == int(scores.unpriced.sum()) < len(scores)
    assert np.isnan(scores.excess[scores.unpriced]).all()
    assert not scores.liquidatable[scores.unpriced].any()


def test_determinism_pools_in_company_of_unpriced_ones_keep_their_bits(many: Workload) -> None:
    market = market_under("flat", "mark", many)
    marks = np.where(np.arange(len(many.marks)) % 9 == 4, np.nan, many.marks)
    book = xm.Book(market, balances=many.balances, positions=many.positions)
    whole = xm.score(book, market.prices(mark=many.marks), "all")
    part = xm.score(book, market.prices(mark=marks), "all", missing="null")
    for name in whole.outputs:
        assert whole[name][~part.unpriced].tobytes() == part[name][~part.unpriced].tobytes()


@drawn(40)
@given(edge_cases("decimal"))
def test_determinism_base_units_are_contracts_of_size_one(case: Case) -> None:
    single = xm.Market.from_toml(re.sub(r"contract_size = \S+", "contract_size = 1", case.market))
    market = xm.Market.from_toml(case.market)
    tables = {"balances": columns(case.balances, BALANCES), "positions": columns(case.positions, POSITIONS)}
    in_base = xm.Book(market, **tables, quantity_unit="base")
    in_contracts = xm.Book(single, **tables)
    marks = dict(case.marks)
    scores = [xm.score(book, book.market.prices(mark=marks), "all") for book in (in_base, in_contracts)]
    assert bits(scores[0]) == bits(scores[1])
