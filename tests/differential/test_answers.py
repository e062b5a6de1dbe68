"""Funds and limits: the engine against the reference in exact fractions, under every kind of rule."""

from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from crossmargin.reference import Limits
from crossmargin.testing.answers import (
    limits_faults,
    rebalance_faults,
    withdrawable_faults,
)
from crossmargin.testing.cases import FullCase
from crossmargin.testing.gating import GateCase, bookable, edge_gate_cases, gate_cases
from differential.test_score import drawn

STYLES = ["decimal", None]


def countable(case: GateCase) -> FullCase:
    """Leave out books that hold more quanta than are counted, and give every asset a price."""
    assume(case.case.holders())
    assume(bookable(replace(case, assume="filled")).assume == "filled")
    full = case.case
    return replace(full, index={asset: full.index.get(asset, 1.0) for asset in full.spec.assets})


@pytest.mark.parametrize("style", STYLES)
def test_funds_random_book_lets_the_same_quanta_leave(style: str | None) -> None:
    @drawn(40)
    @given(gate_cases(style))
    def agrees(case: GateCase) -> None:
        assert not withdrawable_faults(countable(case))

    agrees()


@pytest.mark.parametrize("style", STYLES)
def test_funds_random_book_is_rebalanced_by_the_same_transfers(style: str | None) -> None:
    @drawn(40)
    @given(gate_cases(style), st.sampled_from([1.0, 1.5, 2.0, 4.0]), st.sampled_from(["none", "surplus"]))
    def agrees(case: GateCase, ratio: float, sweep: str) -> None:
        assert not rebalance_faults(countable(case), ratio, sweep)

    agrees()


@drawn(60)
@given(
    edge_gate_cases(),
    st.sampled_from([(2.0, 1.5), (1.0,), ()]),
    st.sampled_from([None, 0.02, 0.5]),
    st.sampled_from([None, 1.0, 20.0]),
    st.sampled_from([None, 0.5, 1.0]),
)
def test_guard_random_book_breaks_the_same_limits(
    case: GateCase, levels: tuple[float, ...], share: float | None, leverage: float | None, part: float | None
) -> None:
    limits = Limits(levels=levels, maintenance_share=share, max_leverage=leverage, concentration=part)
    full = countable(case)
    assert not limits_faults(full, limits, dict.fromkeys(full.holders(), 1_000.0))
