"""The gate against the reference in exact fractions, on books and orders under every kind of admission and limit."""

import math
from dataclasses import replace

import pytest
from hypothesis import given

import crossmargin as xm
from crossmargin.testing.cases import MarketText
from crossmargin.testing.gating import (
    GateCase,
    decision_bound,
    decision_faults,
    edge_gate_cases,
    engine_decisions,
    gate_cases,
    preset_gate_cases,
    reference_decisions,
)
from crossmargin.testing.numbers import STYLES
from differential.test_kinds import PRESETS
from differential.test_score import drawn


def assert_agrees(case: GateCase) -> None:
    if not case.proposals:
        return
    wanted, got = reference_decisions(case), engine_decisions(case)
    assert len(got) == len(wanted)
    for row, (found, want) in enumerate(zip(got, wanted, strict=True)):
        faults = decision_faults(found, want, decision_bound(case, case.proposals[row]["account"]))
        assert not faults, (row, case.proposals[row], faults)


@pytest.mark.parametrize("style", STYLES)
def test_gate_random_orders_are_decided_as_in_exact_arithmetic(style: str) -> None:
    @drawn(100)
    @given(gate_cases(style))
    def agrees(case: GateCase) -> None:
        assert_agrees(case)

    agrees()


@pytest.mark.parametrize("style", STYLES)
def test_gate_orders_under_nearly_usual_rules_are_decided_as_in_exact_arithmetic(style: str) -> None:
    @drawn(100)
    @given(gate_cases(style, plain=True))
    def agrees(case: GateCase) -> None:
        assert_agrees(case)

    agrees()


@pytest.mark.parametrize("plain", [True, False])
def test_gate_order_that_just_fits_is_decided_as_in_exact_arithmetic(plain: bool) -> None:
    @drawn(100)
    @given(edge_gate_cases(plain=plain))
    def agrees(case: GateCase) -> None:
        assert_agrees(case)

    agrees()


@pytest.mark.parametrize(("preset", "as_of"), PRESETS)
def test_gate_orders_under_a_shipped_preset_are_decided_as_in_exact_arithmetic(preset: str, as_of: str) -> None:
    text = MarketText(xm.load_market(preset, as_of=as_of).to_toml())

    @drawn(25)
    @given(preset_gate_cases(text))
    def agrees(case: GateCase) -> None:
        assert_agrees(case)

    agrees()


@pytest.mark.parametrize("style", ["decimal", "wide"])
def test_gate_accounts_do_not_see_each_other(style: str) -> None:
    @drawn(50)
    @given(gate_cases(style))
    def agrees(case: GateCase) -> None:
        if not case.proposals:
            return
        together = engine_decisions(case)
        for account in {row["account"] for row in case.proposals}:
            rows = [row for row, one in enumerate(case.proposals) if one["account"] == account]
            alone = engine_decisions(case.alone(account))
            assert [repr(together[row]) for row in rows] == [repr(row) for row in alone]

    agrees()


@pytest.mark.parametrize("style", ["decimal", "wide"])
def test_gate_single_checks_decide_as_the_table_does(style: str) -> None:
    @drawn(50)
    @given(gate_cases(style))
    def agrees(case: GateCase) -> None:
        for row in case.proposals:
            one = replace(case, proposals=(row,), assume="resting")
            said = engine_decisions(one)[0]
            assert said["reason"] == single(one)

    agrees()


def single(case: GateCase) -> str:
    """Ask about the only order of a case by itself."""
    from crossmargin.testing.oracle import engine_book

    market, balances, positions, marks = case.case.arguments()
    book, prices = engine_book(market, balances, positions, marks, **case.case.options())
    row = dict(case.proposals[0])
    names = ("leverage", "margin_mode", "position_side", "reduce_only", "trigger_price")
    said = {name: value for name, value in row.items() if not isinstance(value, float) or not math.isnan(value)}
    given = {name: said[name] for name in names if said.get(name) is not None}
    verdict = xm.check_order(
        book, prices, row["instrument"], row["quantity"], said.get("price"), account=row["account"], **given
    )
    return str(verdict.reason)
