"""Single positions and equal bits, under every kind of rule: the positions report, and every knob of a call."""

import itertools
import math
from fractions import Fraction
from typing import Any

from hypothesis import given

import crossmargin as xm
from crossmargin import _core
from crossmargin.reference import load_market, position_scores, score
from crossmargin.testing.cases import FullCase
from crossmargin.testing.edges import edge_cases, floor_cases
from crossmargin.testing.magnitude import Magnitude
from crossmargin.testing.oracle import engine_book, general_bound
from differential.test_determinism import CALLS, WINDOWS, bits
from differential.test_score import drawn

FIGURES = ("notional", "unrealized_pnl", "initial_margin", "maintenance_margin")


def is_right(got: float, want: Magnitude | None, largest: Fraction, n_terms: int) -> bool:
    """Whether a figure is that of the reference, within the bound of the account's positions."""
    if want is None:
        return math.isnan(got)
    return abs(Fraction(got) - want.value) <= general_bound(n_terms, max(want.size, largest))


@drawn(120)
@given(floor_cases())
def test_kinds_positions_agree_with_exact_arithmetic_and_tiers_are_exact(case: FullCase) -> None:
    number: Any = Magnitude
    market, *book = case.arguments()
    legs = position_scores(score(load_market(market), *book, number, **case.options()))
    held, prices = engine_book(*case.arguments(), **case.options())
    table = xm.score(held, prices).positions
    assert table["row"].tolist() == [leg.row for leg in legs]
    if load_market(market).rules.maintenance.source != "share_of_initial":
        assert table["tier"].tolist() == [leg.tier for leg in legs]  # a share of the initial margin has no tier
    n_terms = len(case.positions) + len(case.orders)
    for name in FIGURES:
        wanted = [getattr(leg, name) for leg in legs]
        # a leg's part of a group's charge has the rounding of the charge
        largest = max((want.size for want in wanted if want is not None), default=Fraction(0))
        for got, want in zip(table[name].tolist(), wanted, strict=True):
            assert is_right(got, want, largest, n_terms), (name, got, want)


@drawn(60)
@given(edge_cases())
def test_kinds_book_on_the_edge_has_the_same_bits_under_every_knob(case: FullCase) -> None:
    book, prices = engine_book(*case.arguments(), **case.options())
    expected = bits(xm.score(book, prices, "all", n_threads=1))
    for window, isa in itertools.product(WINDOWS, _core.ISAS):
        again, at = engine_book(*case.arguments(), **case.options(), _window=window)
        for call in CALLS:
            got = bits(xm.score(again, at, "all", _isa=isa, **call))
            assert got == expected, (window, isa, call, [name for name in expected if got[name] != expected[name]])


@drawn(60)
@given(edge_cases())
def test_kinds_fewer_outputs_have_the_bits_of_all(case: FullCase) -> None:
    book, prices = engine_book(*case.arguments(), **case.options())
    everything = xm.score(book, prices, "all")
    for names in (("excess", "margin_ratio", "liquidatable"), ("liquidatable",), ("available", "withdrawable")):
        some = xm.score(book, prices, names)
        assert {name: some[name].tobytes() for name in names} == {name: everything[name].tobytes() for name in names}
