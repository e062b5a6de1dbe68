"""Liquidation prices and distances of the engine against the reference: equal, double for double."""

import math
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import crossmargin as xm
from crossmargin import reference
from crossmargin.testing.cases import FullCase, MarketText
from crossmargin.testing.edges import edge_cases, floor_cases
from crossmargin.testing.holdings import full_cases, preset_cases
from crossmargin.testing.numbers import STYLES
from crossmargin.testing.oracle import engine_book, engine_prices, reference_prices
from differential.test_kinds import PRESETS
from differential.test_score import drawn

DRAWN = [(cases, style) for style in STYLES for cases in (full_cases, edge_cases)] + [(floor_cases, "decimal")]


def columns(found: Any, names: Sequence[str]) -> list[tuple[Any, ...]]:
    """Rows of a result, with None for NaN and for what is absent."""
    listed = [found[name].tolist() if hasattr(found[name], "tolist") else list(found[name]) for name in names]
    return [
        tuple(None if isinstance(value, float) and math.isnan(value) else value for value in row)
        for row in zip(*listed, strict=True)
    ]


def attributes(rows: Sequence[Any], names: Sequence[str]) -> list[tuple[Any, ...]]:
    return [tuple(getattr(row, name) for name in names) for row in rows]


def specified(case: FullCase) -> tuple[Any, ...]:
    return reference.load_market(case.market), case.balances, case.positions, case.marks


def computed(case: FullCase) -> tuple[Any, Any]:
    return engine_book(*case.arguments(), **case.options())


@pytest.mark.parametrize(("cases", "style"), DRAWN)
def test_kinds_prices_along_instruments_are_those_of_exact_arithmetic(cases: Any, style: str) -> None:
    @drawn(40)
    @given(cases(style))
    def agree(case: FullCase) -> None:
        assert engine_prices(*case.arguments(), **case.options()) == reference_prices(
            *case.arguments(), **case.options()
        )

    agree()


@pytest.mark.parametrize(("preset", "as_of"), PRESETS)
def test_kinds_prices_under_a_shipped_preset_are_those_of_exact_arithmetic(preset: str, as_of: str) -> None:
    @drawn(8)
    @given(preset_cases(MarketText(xm.load_market(preset, as_of=as_of).to_toml())))
    def agree(case: FullCase) -> None:
        assert engine_prices(*case.arguments(), **case.options()) == reference_prices(
            *case.arguments(), **case.options()
        )

    agree()


@pytest.mark.parametrize(("cases", "style"), DRAWN)
def test_kinds_prices_along_underlyings_are_those_of_exact_arithmetic(cases: Any, style: str) -> None:
    names = ("underlying", "price", "below", "above", "liquidatable")

    @drawn(40)
    @given(cases(style))
    def agree(case: FullCase) -> None:
        wanted = reference.underlying_prices(*specified(case), **case.options())
        found = xm.liquidation_prices(*computed(case), along="underlying")
        assert columns(found, names) == attributes(wanted, names)

    agree()


MOVES = st.sampled_from([0.0, 1.0, -1.0, 0.5, -2.0, 0.125, 1e-3])


@st.composite
def shocked(draw: st.DrawFn, style: str) -> tuple[FullCase, Any, dict[str, float] | None]:
    """A case with a shock: a preset, an array, or by the names of instruments, underlyings and assets."""
    case = draw(full_cases(style))
    market = reference.load_market(case.market)
    names = [one.name for one in market.instruments]
    named = [*names, *(one.underlying for one in market.instruments), *case.spec.assets]
    shock = draw(
        st.sampled_from(["all_down", "all_up"])
        | st.lists(MOVES, min_size=len(names), max_size=len(names))
        | st.dictionaries(st.sampled_from(named), MOVES, max_size=4)
    )
    return case, shock, draw(st.none() | st.dictionaries(st.sampled_from(case.spec.assets), MOVES, max_size=2))


@pytest.mark.parametrize("style", STYLES)
def test_kinds_distances_are_those_of_exact_arithmetic(style: str) -> None:
    names = ("below", "above", "liquidatable")

    @drawn(60)
    @given(shocked(style))
    def agree(drew: tuple[FullCase, Any, dict[str, float] | None]) -> None:
        case, shock, assets = drew
        wanted = reference.liquidation_distance(*specified(case), shock, assets=assets, **case.options())
        found = xm.liquidation_distance(*computed(case), shock, assets=assets)
        assert columns(found, names) == attributes(wanted, names)

    agree()


@drawn(40)
@given(full_cases("decimal"), st.sampled_from([0.01, 0.05]))
def test_kinds_critical_moves_are_those_of_exact_arithmetic(case: FullCase, volatility: float) -> None:
    names = ("underlying", "price", "move", "sigmas")
    wanted = reference.critical_move(*specified(case), volatility, **case.options())
    assert columns(xm.critical_move(*computed(case), volatility), names) == attributes(wanted, names)


@drawn(40)
@given(shocked("decimal"), st.booleans())
def test_kinds_contributions_are_those_of_exact_arithmetic(
    drew: tuple[FullCase, Any, dict[str, float] | None], along_shock: bool
) -> None:
    """Amounts are doubles beside the exact ones; who dragged a pool under is decided exactly."""
    case, shock, assets = drew
    given_shock = (shock,) if along_shock else ()
    options = {"assets": assets} if along_shock else {}
    wanted = reference.contribution(*specified(case), *given_shock, **options, **case.options())
    found = xm.contribution(*computed(case), *given_shock, **options)
    assert columns(found, ("dragged",)) == attributes(wanted, ("dragged",))
    for name in ("excess", "excess_at", "change", "loss", "loss_isolated"):
        for (got,), (want,) in zip(columns(found, (name,)), attributes(wanted, (name,)), strict=True):
            assert (got is None) == (want is None), name
            assert got is None or got == pytest.approx(float(want), rel=1e-9, abs=1e-9), name
