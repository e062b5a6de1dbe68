"""The engine against the reference in exact fractions, under every kind of rule in free combination."""

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

import crossmargin as xm
from crossmargin.testing.cases import TABLES, FullCase, MarketText
from crossmargin.testing.edges import edge_cases, floor_cases, on_trigger
from crossmargin.testing.holdings import full_cases, preset_cases
from crossmargin.testing.numbers import STYLES
from crossmargin.testing.oracle import engine_rows, general_faults, reference_rows, sizes
from differential.test_score import bits_by_key, drawn, key_of

SHIPPED = xm.presets()
PRESETS = [
    (name, as_of)
    for name, as_of in zip(SHIPPED["preset"], SHIPPED["as_of"], strict=True)
    if len(xm.load_market(name, as_of=as_of).instruments)  # some bring no tables of their own
]


def assert_agrees(case: FullCase) -> None:
    wanted = reference_rows(*case.arguments(), **case.options())
    got = engine_rows(*case.arguments(), **case.options())
    assert [key_of(row) for row in got] == [key_of(row) for row in wanted]
    for row, want, size in zip(got, wanted, sizes(*case.arguments(), **case.options()), strict=True):
        found = general_faults(row, want, size, case.spec.rules.venue_ratio)
        assert not found, (key_of(want), found)


@pytest.mark.parametrize("style", STYLES)
def test_kinds_random_book_agrees_with_exact_arithmetic(style: str) -> None:
    @drawn(100)
    @given(full_cases(style))
    def agrees(case: FullCase) -> None:
        assert_agrees(case)

    agrees()


@pytest.mark.parametrize("style", STYLES)
def test_kinds_book_under_nearly_usual_rules_agrees_with_exact_arithmetic(style: str) -> None:
    @drawn(100)
    @given(full_cases(style, plain=True), st.sampled_from([None, -1, 0, 1]))
    def agrees(case: FullCase, ulps: int | None) -> None:
        assert_agrees(case if ulps is None else on_trigger(case, ulps))

    agrees()


@pytest.mark.parametrize("style", STYLES)
def test_kinds_pool_on_the_trigger_is_decided_as_in_exact_arithmetic(style: str) -> None:
    @drawn(60)
    @given(edge_cases(style))
    def agrees(case: FullCase) -> None:
        assert_agrees(case)

    agrees()


@pytest.mark.parametrize("style", ["decimal", "wide"])
def test_kinds_price_on_a_floor_and_beside_it_agrees_with_exact_arithmetic(style: str) -> None:
    @drawn(100)
    @given(floor_cases(style))
    def agrees(case: FullCase) -> None:
        assert_agrees(case)

    agrees()


@pytest.mark.parametrize(("preset", "as_of"), PRESETS)
def test_kinds_book_under_a_shipped_preset_agrees_with_exact_arithmetic(preset: str, as_of: str) -> None:
    text = MarketText(xm.load_market(preset, as_of=as_of).to_toml())

    @drawn(25)
    @given(preset_cases(text), st.sampled_from([None, -1, 0, 1]))
    def agrees(case: FullCase, ulps: int | None) -> None:
        assert_agrees(case if ulps is None else on_trigger(case, ulps))

    agrees()


@drawn(60)
@given(edge_cases(), st.integers(0, 2**32))
def test_kinds_shuffled_rows_and_accounts_give_the_same_bits(case: FullCase, seed: int) -> None:
    shuffler = random.Random(seed)
    rows = {name: tuple(shuffler.sample(getattr(case, name), len(getattr(case, name)))) for name in TABLES}
    shuffled = replace(case, **rows)
    got = engine_rows(*shuffled.arguments(), **shuffled.options())
    assert bits_by_key(got) == bits_by_key(engine_rows(*case.arguments(), **case.options()))


@drawn(60)
@given(edge_cases())
def test_kinds_batch_gives_the_bits_of_its_singles(case: FullCase) -> None:
    singles = {}
    for account in case.holders():
        alone = case.alone(account)
        singles |= bits_by_key(engine_rows(*alone.arguments(), **alone.options()))
    assert bits_by_key(engine_rows(*case.arguments(), **case.options())) == singles
