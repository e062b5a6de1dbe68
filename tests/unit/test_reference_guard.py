"""Limits that are broken and stops that are reached, by the reference. Expected values by hand."""

from fractions import Fraction
from typing import Any

import pytest

from crossmargin.reference import Market, load_market
from crossmargin.reference.checking import Book, read_book
from crossmargin.reference.guard import BITS, Limits, breaches, fire_stops
from crossmargin.testing.markets import InstrumentSpec, market_toml

SPECS = [InstrumentSpec(name, (0,), (0.05,), max_leverage=[100], underlying=name) for name in "XY"]
MARKET = load_market(market_toml(SPECS, sections={"orders": {"initial_margin": "worst_fill"}}))


def book(
    wallet: Any, positions: list[dict[str, Any]], *orders: dict[str, Any], market: Market = MARKET, **marks: Any
) -> Book:
    cash = [{"account": 1, "asset": "USDT", "wallet_balance": wallet}]
    tables = [[{"account": 1, **row} for row in rows] for rows in (positions, orders)]
    return read_book(market, cash, tables[0], {"X": 100, "Y": 100, **marks}, orders=tables[1])


def held(name: str, quantity: Any, **more: Any) -> dict[str, Any]:
    return {"instrument": name, "quantity": quantity, "entry_price": 100, "leverage": 10, **more}


def stop(quantity: Any, trigger: Any, **more: Any) -> dict[str, Any]:
    return {"instrument": "X", "quantity": quantity, "trigger_price": trigger, "kind": "stop", **more}


def words(bits: int) -> set[str]:
    return {word for word, bit in BITS.items() if bits & bit} | {str(place) for place in range(16) if bits >> place & 1}


def test_guard_levels_are_bits_from_the_highest_and_hold_at_equality() -> None:
    of = book(150, [held("X", 20)])  # 100 are required
    found = breaches(of, Limits(levels=(1.2, 2.0, 1.5), soft_stop=None, maintenance_share=None))
    assert [words(bits) for bits in found.pools.values()] == [{"0"}]
    low = breaches(book(99, [held("X", 20)]), Limits(soft_stop=None, maintenance_share=None))
    assert [words(bits) for bits in low.pools.values()] == [{"0", "1", "2", "liquidatable"}]


def test_guard_account_limits_hold_at_equality_but_the_soft_stop() -> None:
    of = book(100, [held("X", 3), held("Y", -1)])
    loose = Limits(levels=(), maintenance_share=0.15, max_leverage=4, concentration=0.75)
    found = breaches(of, loose, {1: 117})
    assert words(found.accounts[1]) == set()
    assert [words(bits) for bits in found.positions.values()] == [set(), set()]
    tight = Limits(levels=(), soft_stop="0.1", maintenance_share=0.149, max_leverage=3.9, concentration=0.74)
    found = breaches(of, tight, {1: Fraction(1000, 9)})
    assert words(found.accounts[1]) == {"soft_stop", "max_leverage", "concentration"}
    assert [words(bits) for bits in found.positions.values()] == [{"maintenance_share"}, set()]


def test_guard_account_without_equity_breaks_what_is_relative_to_it() -> None:
    found = breaches(book(0, [held("X", 1)]), Limits(levels=(), max_leverage=1000))
    assert words(found.accounts[1]) == {"max_leverage"}
    assert words(found.positions[1, 0]) == {"maintenance_share"}


@pytest.mark.parametrize(
    ("order", "mark", "fires"),
    [
        (stop(-1, 95), 95, True),
        (stop(-1, 95), 96, False),
        (stop(1, 105), 105, True),
        (stop(1, 105), 104, False),
        (stop(-1, 105, kind="take_profit"), 105, True),
        (stop(-1, 105, kind="take_profit"), 104, False),
        (stop(1, 95, kind="take_profit"), 95, True),
        (stop(-1, 95, kind=None), 94, True),
    ],
)
def test_stops_fire_at_their_trigger_and_beyond(order: dict[str, Any], mark: int, fires: bool) -> None:
    of = book(1_000, [held("X", 2)], {**order, "leverage": 10}, X=mark)
    fired, after = fire_stops(of)
    assert len(fired) == fires
    assert len(after[1].orders) == (not fires)


def test_stops_fill_at_the_mark_with_its_gap_or_at_the_trigger() -> None:
    of = book(1_000, [held("X", 2)], stop(-2, 95, reduce_only=True), X=90)
    (at_mark,), after = fire_stops(of)
    assert (at_mark.price, at_mark.quantity, at_mark.realized_pnl) == (90, -2, -20)
    assert (after[1].positions, after[1].wallet("USDT"), after[1].orders) == ((), 980, ())
    (at_trigger,), after = fire_stops(of, "trigger")
    assert (at_trigger.price, after[1].wallet("USDT")) == (95, 990)


def test_stops_that_reduce_fill_no_more_than_there_is() -> None:
    first = stop(-5, 95, reduce_only=True)
    of = book(1_000, [held("X", 2)], first, stop(-1, 94, reduce_only=True), X=90)
    fired, after = fire_stops(of)
    assert [(one.row, one.quantity, one.reason) for one in fired] == [
        (0, -2, "accepted"),
        (1, 0, "nothing_to_reduce"),
    ]
    assert not after[1].positions


def test_stops_the_one_furthest_behind_the_mark_is_first() -> None:
    of = book(1_000, [held("X", 2)], stop(-2, 92, reduce_only=True), stop(-2, 98, reduce_only=True), X=90)
    assert [one.row for one in fire_stops(of)[0]] == [1, 0]


def test_stops_that_open_go_through_the_gate_when_they_trigger() -> None:
    of = book(20, [], stop(1, 100, leverage=10), stop(5, 100, leverage=10))
    fired, after = fire_stops(of)
    assert [(one.quantity, one.reason) for one in fired] == [(1, "accepted"), (0, "margin")]
    assert [one.quantity for one in after[1].positions] == [1]
    assert not after[1].orders


def test_stops_with_a_limit_fill_at_it_or_rest() -> None:
    rows = [stop(-1, 95, price=93, reduce_only=True), stop(-1, 95, price=91, reduce_only=True)]
    fired, after = fire_stops(book(1_000, [held("X", 2)], *rows, X=92))
    assert [(one.rests, one.price, one.quantity) for one in fired] == [(True, None, 0), (False, 91, -1)]
    (resting,) = after[1].orders
    assert (resting.price, resting.trigger_price, resting.reduce_only) == (93, None, True)
