"""The engine against the reference in exact fractions, on books drawn to break one of them.

``CROSSMARGIN_EXAMPLES=5000`` draws that many new cases per test; without it the same cases are drawn every time.
"""

import os
import random
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crossmargin.testing.oracle import KEYS, OUTPUTS, PoolRow, engine_rows, faults, reference_rows, scales
from crossmargin.testing.strategies import STYLES, Case, cases, cases_under, edge_cases, topped_up_case

Test = TypeVar("Test", bound=Callable[..., None])
EXAMPLES = os.environ.get("CROSSMARGIN_EXAMPLES")


def drawn(examples: int) -> Callable[[Test], Test]:
    """Settings of a property: fixed cases by default, as many fresh ones as asked for."""
    return settings(
        max_examples=int(EXAMPLES or examples),
        derandomize=EXAMPLES is None,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


def assert_agrees(case: Case) -> None:
    wanted = reference_rows(*case.arguments())
    got = engine_rows(*case.arguments())
    scale = scales(*case.arguments())
    assert len(got) == len(wanted)
    for row, want in zip(got, wanted, strict=True):
        found = faults(row, want, scale[key_of(want)], case.rules.venue_ratio)
        assert not found, (key_of(want), found)


def preset_text(name: str) -> str:
    """The newest file of a preset."""
    folder = Path(__file__).parents[2] / "rust" / "engine" / "presets" / name
    return max(folder.glob("*.toml")).read_text(encoding="utf-8")


def key_of(row: PoolRow) -> tuple[Any, ...]:
    return tuple(row[name] for name in KEYS)


def bits_by_key(rows: list[PoolRow]) -> dict[tuple[Any, ...], tuple[bytes, ...]]:
    """The outputs of each pool as bytes, so that equal means equal to the last bit."""
    return {key_of(row): tuple(struct.pack("<d", row[name]) for name in OUTPUTS) for row in rows}


@pytest.mark.parametrize("style", STYLES)
def test_score_random_book_agrees_with_exact_arithmetic(style: str) -> None:
    @drawn(60)
    @given(cases(style))
    def agrees(case: Case) -> None:
        assert_agrees(case)

    agrees()


@pytest.mark.parametrize("style", STYLES)
def test_score_pool_on_the_trigger_is_decided_as_in_exact_arithmetic(style: str) -> None:
    @drawn(60)
    @given(edge_cases(style))
    def agrees(case: Case) -> None:
        assert_agrees(case)

    agrees()


@pytest.mark.parametrize("preset", ["textbook", "binance-usdm"])
@pytest.mark.parametrize("ulps", [None, 0])
def test_score_under_a_shipped_preset_agrees_with_exact_arithmetic(preset: str, ulps: int | None) -> None:
    @drawn(25)
    @given(cases_under(preset_text(preset)))
    def agrees(case: Case) -> None:
        assert_agrees(case if ulps is None else topped_up_case(case, ulps))

    agrees()


@drawn(40)
@given(cases("decimal"))
def test_score_decimal_tie_and_its_neighbours_are_told_apart(case: Case) -> None:
    for ulps in (-1, 0, 1):
        assert_agrees(topped_up_case(case, ulps))


@drawn(60)
@given(cases(), st.integers(0, 2**32))
def test_score_shuffled_rows_and_accounts_give_the_same_bits(case: Case, seed: int) -> None:
    shuffler = random.Random(seed)
    shuffled = replace(
        case,
        balances=tuple(shuffler.sample(case.balances, len(case.balances))),
        positions=tuple(shuffler.sample(case.positions, len(case.positions))),
    )
    assert bits_by_key(engine_rows(*shuffled.arguments())) == bits_by_key(engine_rows(*case.arguments()))


@drawn(60)
@given(cases())
def test_score_batch_gives_the_bits_of_its_singles(case: Case) -> None:
    singles: dict[tuple[Any, ...], tuple[bytes, ...]] = {}
    for account in {row["account"] for row in (*case.balances, *case.positions)}:
        alone = replace(
            case,
            balances=tuple(row for row in case.balances if row["account"] == account),
            positions=tuple(row for row in case.positions if row["account"] == account),
        )
        singles |= bits_by_key(engine_rows(*alone.arguments()))
    assert bits_by_key(engine_rows(*case.arguments())) == singles
