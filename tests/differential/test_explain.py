"""Explanations add up: every term is what its formula makes of its parts, on books of every kind of rules."""

import math
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given

import crossmargin as xm
from crossmargin import _core as engine
from crossmargin.testing.cases import FullCase, MarketText
from crossmargin.testing.edges import edge_cases, floor_cases
from crossmargin.testing.holdings import full_cases, preset_cases
from crossmargin.testing.numbers import STYLES
from crossmargin.testing.oracle import engine_book, reference_rows
from differential.test_kinds import PRESETS
from differential.test_score import drawn

ULP = Fraction(1, 2**52)
NOT_AMOUNTS = ("tier", "fixed_tier", "liquidatable", "margin_ratio", "venue_ratio")
FIGURES = tuple(name for name in xm.OUTPUTS if name != "liquidatable")


class Terms:
    """The terms of a pool, each computed anew from its formula."""

    def __init__(self, terms: dict[str, list[Any]]) -> None:
        self.terms = terms
        self.values = terms["value"]
        self.known: dict[int, Fraction] = {}
        self.magnitudes: dict[int, Fraction] = {}

    def from_parts(self, at: int) -> Fraction:
        """Compute a term from the printed values of its parts."""
        return self._compute(at, lambda part: Fraction(self.values[part]))

    def from_inputs(self, at: int) -> Fraction:
        """Compute a term from what was entered and the numbers of rules, all the way down."""
        if at not in self.known:
            origin = self.terms["repeats"][at]
            self.known[at] = self.from_inputs(origin) if origin is not None else self._compute(at, self.from_inputs)
        return self.known[at]

    def size(self, at: int) -> Fraction:
        """Add the absolute terms of a term up, all the way down: what rounding is relative to."""
        if at not in self.magnitudes:
            origin = self.terms["repeats"][at]
            size = self.size(origin) if origin is not None else self._compute(at, self.size, absolute=True)
            self.magnitudes[at] = max(size, abs(Fraction(self.values[at])))
        return self.magnitudes[at]

    def _compute(self, at: int, of: Any, *, absolute: bool = False) -> Fraction:
        names: dict[str, Any] = {"max": max, "min": max if absolute else min, "abs": abs}
        text: list[str] = []
        for i, token in enumerate(self.terms["formula"][at]):
            if isinstance(token, str):
                text.append("+" if absolute and token == "-" else token)
                continue
            # a divisor is what it is: a smaller one makes what rounding did larger
            divides = absolute and text[-1:] == ["/"] and isinstance(token, int)
            value = Fraction(self.values[token]) if divides else operand(token, of)
            names[f"x{i}"] = abs(value) if absolute else value
            text.append(f"x{i}")
        return Fraction(eval(" ".join(text), names))


def operand(token: int | tuple[str, float], of: Any) -> Fraction:
    return of(token) if isinstance(token, int) else Fraction(repr(token[1]))


def assert_adds_up(case: FullCase) -> None:
    book, prices = engine_book(*case.arguments(), **case.options())
    scores = xm.score(book, prices, "all")
    wanted = reference_rows(*case.arguments(), **case.options())
    for pool in range(book.n_pools):
        terms = Terms(engine.explain(book._core, prices._core, pool))
        assert_parents_follow(terms)
        assert_figures_are_scored(terms, {name: scores[name][pool] for name in xm.OUTPUTS}, wanted[pool])


def assert_parents_follow(terms: Terms) -> None:
    words = terms.terms["term"]
    amounts = [at for at, word in enumerate(words) if word not in NOT_AMOUNTS and terms.terms["formula"][at]]
    largest = sum(terms.size(at) for at in amounts)
    for at, formula in enumerate(terms.terms["formula"]):
        parts = {token for token in formula if isinstance(token, int)}
        assert all(terms.terms["parent"][part] == at for part in parts) or terms.terms["repeats"][at] is not None
        if at not in amounts:
            continue
        difference = abs(terms.from_parts(at) - Fraction(terms.values[at]))
        # a figure has the bits of the kernels, whose rounding is relative to all that the pool holds
        size = largest if words[at] in xm.OUTPUTS else terms.size(at)
        bound = (len(words) + 40) * ULP * size
        assert difference <= bound, (words[at], formula, terms.values[at])


def assert_figures_are_scored(terms: Terms, scored: dict[str, Any], wanted: dict[str, Any]) -> None:
    for name in FIGURES:
        at = figure(terms, name)
        assert bits(terms.values[at]) == bits(scored[name]), name
        if terms.terms["formula"][at] and wanted[name] is not None and name not in ("margin_ratio", "venue_ratio"):
            difference = abs(terms.from_inputs(at) - Fraction(wanted[name]))
            assert difference <= 8 * ULP * terms.size(at), (name, terms.values[at])
    assert terms.values[0] == float(scored["liquidatable"])
    formula = terms.terms["formula"][0]
    holds = [token if isinstance(token, str) else number(terms, token) for token in formula]
    assert bool(formula and eval(" ".join(holds), {"inf": math.inf})) == bool(scored["liquidatable"])


def figure(terms: Terms, name: str) -> int:
    """Find the row of a pool's figure; collateral and requirement stand below the ratio of both."""
    words, levels = terms.terms["term"], terms.terms["level"]
    if name == "excess":
        return 1
    if name in ("collateral_value", "maintenance_margin"):
        return words.index(name, words.index("margin_ratio"))
    return next(at for at, word in enumerate(words) if word == name and levels[at] == 0)


def number(terms: Terms, token: int | tuple[str, float]) -> str:
    return repr(terms.values[token] if isinstance(token, int) else token[1])


def bits(value: float) -> str:
    return float(value).hex()


@pytest.mark.parametrize("style", STYLES)
def test_explain_random_book_adds_up(style: str) -> None:
    @drawn(60)
    @given(full_cases(style))
    def adds_up(case: FullCase) -> None:
        assert_adds_up(case)

    adds_up()


@pytest.mark.parametrize("style", STYLES)
def test_explain_pool_on_the_trigger_adds_up(style: str) -> None:
    @drawn(40)
    @given(edge_cases(style))
    def adds_up(case: FullCase) -> None:
        assert_adds_up(case)

    adds_up()


@drawn(40)
@given(floor_cases("decimal"))
def test_explain_amount_on_a_floor_adds_up(case: FullCase) -> None:
    assert_adds_up(case)


@pytest.mark.parametrize(("preset", "as_of"), PRESETS)
def test_explain_book_under_a_shipped_preset_adds_up(preset: str, as_of: str) -> None:
    text = MarketText(xm.load_market(preset, as_of=as_of).to_toml())

    @drawn(15)
    @given(preset_cases(text))
    def adds_up(case: FullCase) -> None:
        assert_adds_up(case)

    adds_up()
