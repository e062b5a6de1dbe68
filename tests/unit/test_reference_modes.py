"""The same positions in three margin modes, by the reference. Expected values by hand."""

import math
from fractions import Fraction
from typing import Any

import pytest

from crossmargin.reference import Market, load_market
from crossmargin.reference.checking import Book, read_book
from crossmargin.reference.modes import Comparison, compare_modes, read_compare
from crossmargin.testing.markets import InstrumentSpec, market_toml

SPECS = [InstrumentSpec(name, (0,), (0.025,), max_leverage=[200]) for name in "BE"]
ENTRY = {"maintenance_margin": {"price": "entry"}, "initial_margin": {"price": "entry"}}
MARKET = load_market(market_toml(SPECS, sections=ENTRY))
MARKS = {"B": 60_000, "E": 3_000}


def held(name: str, quantity: Any, entry: Any, leverage: Any = 10, **more: Any) -> dict[str, Any]:
    return {"account": 1, "instrument": name, "quantity": quantity, "entry_price": entry, "leverage": leverage, **more}


def book(wallet: Any, *positions: dict[str, Any], market: Market = MARKET, **marks: Any) -> Book:
    cash = [{"account": 1, "asset": "USDT", "wallet_balance": wallet}]
    return read_book(market, cash, positions, {**MARKS, **marks})


def compared(of: Book, *args: Any, **how: Any) -> Comparison:
    (found,) = compare_modes(of, read_compare(of, *args, **how))
    return found


def test_modes_winner_backs_new_positions_in_cross_and_not_behind_a_fence() -> None:
    found = compared(book(2_000, held("B", 0.2, 50_000)))
    as_is, cross, isolated = found.variants.values()
    assert as_is == cross
    assert (cross.locked, cross.available, isolated.locked, isolated.available) == (1_000, 3_000, 1_000, 1_000)
    assert (cross.room, isolated.room) == (36_000, 12_000)  # 12,000 are on 1,000 of margin
    assert (found.freed, found.affordable) == (0, True)
    assert (cross.effective_leverage, isolated.effective_leverage) == (3, 4)
    assert (cross.loss_if_worst_fails, isolated.loss_if_worst_fails) == (4_000, 3_000)


def test_modes_hedged_pair_loses_a_leg_only_where_it_is_fenced() -> None:
    pair = [held("B", 1, 60_000, 100), held("E", -20, 3_000, 100)]
    of = book(4_000, *pair, B=59_300, E="2965")
    cross, isolated = (compared(of).variants[name] for name in ("cross", "isolated"))
    assert (cross.n_liquidatable, isolated.n_liquidatable) == (0, 2)  # 600 each are fenced, 1,500 are required
    assert cross.margin_ratio == Fraction(4, 3)
    assert isolated.margin_ratio == Fraction(-100, 1_500)


def test_modes_returns_of_a_move_are_limited_to_what_a_fence_holds() -> None:
    of = book(10_000, held("B", 1, 60_000, 50), held("E", 1, 3_000, 10))
    found = compared(of, moves=[{"B": -0.1}, {"B": 0.1}])
    cross, isolated = (found.variants[name] for name in ("cross", "isolated"))
    assert cross.returns == (Fraction(-6_000, 1_500), Fraction(6_000, 1_500))
    assert isolated.returns == (Fraction(-1_200, 1_500), Fraction(6_000, 1_500))


def test_modes_cash_is_shared_by_margin_down_to_the_quantum_and_all_of_it() -> None:
    of = book(10, held("B", 1, 60_000, 20), held("E", 1, 3_000, 20), held("E", 1, 3_000, 20, margin_mode="isolated"))
    isolated = compared(of, "pro_rata").variants["isolated"]
    assert isolated.locked == 10
    short = compared(book(-5, held("B", 1, 60_000)), "pro_rata").variants["isolated"]
    assert short.locked == 0


def test_modes_given_fences_are_taken_and_may_be_more_than_there_is() -> None:
    of = book(1_000, held("B", 0.1, 60_000), held("E", 1, 3_000))
    found = compared(of, {0: 700, 1: 301})
    assert (found.variants["isolated"].locked, found.affordable) == (1_001, False)
    assert found.freed == 1_001 - 900


def test_modes_fence_without_a_leverage_is_unknown_and_so_is_all_behind_it() -> None:
    found = compared(book(1_000, held("B", 0.1, 60_000, None)), moves=["all_down"])
    isolated = found.variants["isolated"]
    assert not found.affordable
    assert all(
        math.isnan(figure) for figure in (isolated.locked, isolated.margin_ratio, found.freed, *isolated.returns)
    )


def test_modes_position_in_both_modes_becomes_one_in_cross() -> None:
    of = book(1_000, held("E", 1, 3_000), held("E", 3, 2_000, margin_mode="isolated", isolated_margin=400))
    found = compared(of)
    assert found.variants["cross"].locked == (3_000 + 6_000) / 10
    against = book(5_000, held("E", 1, 2_900), held("E", -3, 3_300, margin_mode="isolated", isolated_margin=400))
    cross = compared(against).variants["cross"]
    assert cross.locked == Fraction(2 * 3_300, 10)
    assert cross.available == 5_000 + 100 + 300 + 600 - 660


def test_modes_intervals_reach_further_where_other_cash_helps() -> None:
    found = compared(book(2_000, held("B", 0.2, 50_000)), intervals=True)
    (cross,), (isolated,) = (found.variants[name].intervals for name in ("cross", "isolated"))
    assert cross[1] == pytest.approx(41_250)  # 2,000 + 0.2 (P - 50,000) = 250
    assert isolated[1] == pytest.approx(46_250)
    assert cross[2] is None
