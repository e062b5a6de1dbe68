"""The strategies themselves: what they claim to draw, they draw; and the oracle finds a fault that is put in."""

import math
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from crossmargin.reference import load_market, score
from crossmargin.testing.markets import BINANCE_LIKE, InstrumentSpec, market_toml
from crossmargin.testing.oracle import AMOUNTS, KEYS, RATIOS, documented_bound, faults, reference_rows, scales
from crossmargin.testing.strategies import STYLES, Case, cases, markets, topped_up

drawn = settings(
    max_examples=25, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)

MARKET = market_toml([InstrumentSpec("X", maintenance_rate=(0.01,))], BINANCE_LIKE)
HELD = [{"account": 1, "instrument": "X", "quantity": 0.7, "entry_price": 0.1, "leverage": 3}]
MARKS = {"X": 0.3}


def excess_after(ulps: int) -> Fraction:
    rows = topped_up(MARKET, [], HELD, MARKS, ulps)
    return score(load_market(MARKET), rows, HELD, MARKS)[0].excess


@pytest.mark.parametrize("ulps", [-2, -1, 0, 1, 2])
def test_topped_up_decimal_tie_has_the_sign_of_its_step(ulps: int) -> None:
    excess = excess_after(ulps)
    assert (excess > 0) - (excess < 0) == (ulps > 0) - (ulps < 0)


def test_topped_up_tie_is_one_that_plain_doubles_miss() -> None:
    wallet = topped_up(MARKET, [], HELD, MARKS)
    (exact,) = score(load_market(MARKET), wallet, HELD, MARKS)
    (plain,) = score(load_market(MARKET), wallet, HELD, MARKS, float)
    assert exact.excess == 0 != plain.excess


@drawn
@given(markets())
def test_markets_every_one_loads(text: str) -> None:
    assert load_market(text).instruments


@pytest.mark.parametrize("style", STYLES)
def test_cases_amounts_in_plain_doubles_are_within_the_documented_bound(style: str) -> None:
    @drawn
    @given(cases(style))
    def scored(case: Case) -> None:
        scale = scales(*case.arguments())
        market, *book = case.arguments()
        loaded = load_market(market)
        wanted = {pool.key: pool for pool in score(loaded, *book)}
        for plain in score(loaded, *book, number=float):
            exact = wanted[plain.key]
            if [leg.tier for leg in plain.positions] != [leg.tier for leg in exact.positions]:
                continue  # plain doubles take the wrong tier next to a floor, and charges may jump there
            for name in ("equity", "notional", "maintenance_margin", "excess"):
                bound = documented_bound(scale[plain.key].n_legs, scale[plain.key].absolute)
                assert abs(Fraction(getattr(plain, name)) - getattr(exact, name)) <= bound

    scored()


def key_of(row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in KEYS)


def rounded(row: dict[str, Any]) -> dict[str, Any]:
    """The exact row as a perfect engine would report it."""

    def double(value: Any) -> float:
        return math.nan if value is None else float(value)

    return row | {name: double(row[name]) for name in (*AMOUNTS, *RATIOS)}


@pytest.mark.parametrize(
    ("name", "wrong"),
    [("liquidatable", True), ("excess", -1e-300), ("equity", 1.0001), ("margin_ratio", 7.0), ("side", "net")],
)
def test_faults_names_what_is_wrong_and_nothing_else(name: str, wrong: Any) -> None:
    cash = [{"account": 1, "asset": "USDT", "wallet_balance": 1}]
    (row,) = reference_rows(MARKET, cash, HELD, MARKS)
    (scale,) = scales(MARKET, cash, HELD, MARKS).values()
    assert faults(rounded(row), row, scale, "maintenance_over_equity") == []
    found = faults(rounded(row) | {name: wrong}, row, scale, "maintenance_over_equity")
    assert any(name in text for text in found)
    assert all(name in text for text in found)


def test_documented_bound_grows_with_legs_and_terms() -> None:
    assert documented_bound(4, Fraction(2**53)) == 24
