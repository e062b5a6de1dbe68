"""Rounding for display, by values that are plain to see."""

import math
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossmargin.rounding import displayed, round_to

EIGHT = (1, 10**8)
CENT = (1, 100)
IN_DECIMALS = {
    "truncate": ROUND_DOWN,
    "half_up": ROUND_HALF_UP,
    "half_even": ROUND_HALF_EVEN,
    "floor": ROUND_FLOOR,
    "ceiling": ROUND_CEILING,
}


@pytest.mark.parametrize(
    ("rounding", "shown"),
    [
        ("truncate", [0.12, -0.12, 0.12, -0.12, 0.13]),
        ("floor", [0.12, -0.13, 0.12, -0.13, 0.13]),
        ("ceiling", [0.13, -0.12, 0.13, -0.12, 0.14]),
        ("half_up", [0.12, -0.12, 0.13, -0.13, 0.14]),
        ("half_even", [0.12, -0.12, 0.12, -0.12, 0.14]),
    ],
)
def test_round_to_each_direction_gives_its_multiple(rounding: str, shown: list[float]) -> None:
    assert round_to([0.124, -0.124, 0.125, -0.125, 0.135], CENT, rounding).tolist() == shown


def test_round_to_adverse_is_up_where_it_is_said() -> None:
    rounded = round_to([0.124, 0.124, -0.124, -0.124], CENT, "adverse", upward=[True, False, True, False])
    assert rounded.tolist() == [0.13, 0.12, -0.12, -0.13]


def test_round_to_published_figures_come_out() -> None:
    # Binance's account sample shows 11.954764755 as 11.95476475; Bybit rounds a long's 7735.372549 up to its tick
    assert round_to(11.954764755, EIGHT, "truncate").item() == 11.95476475
    assert round_to(7735.372549, (1, 2), "adverse", upward=True).item() == 7735.5


@pytest.mark.parametrize("rounding", [*IN_DECIMALS, "adverse"])
def test_round_to_noise_beside_a_multiple_is_that_multiple(rounding: str) -> None:
    for value in (0.3, 1.1, 29.99, 41_365.07, 1_479_088.44):
        beside = [value, math.nextafter(value, 0.0), math.nextafter(value, math.inf)]
        for sign in (1.0, -1.0):
            rounded = round_to([sign * each for each in beside], CENT, rounding, upward=[True, False, True])
            assert rounded.tolist() == [sign * value] * 3


def test_round_to_what_has_no_fraction_stays() -> None:
    values = [math.nan, math.inf, -math.inf, 1e300, 2.0**60, 0.0, -0.0]
    rounded = round_to(values, EIGHT, "truncate")
    assert [repr(x) for x in rounded.tolist()] == ["nan", "inf", "-inf", "1e+300", repr(2.0**60), "0.0", "0.0"]


def test_round_to_multiples_are_the_doubles_of_their_decimals() -> None:
    # 3 * 0.1 is another double than 0.3
    assert round_to([0.3001, 0.7001, 2.9001], (1, 10), "floor").tolist() == [0.3, 0.7, 2.9]
    assert round_to([0.26, 0.51], (1, 4), "truncate").tolist() == [0.25, 0.5]
    assert round_to([17.0, 29.0], (25, 2), "floor").tolist() == [12.5, 25.0]


@given(
    st.decimals(-(10**6), 10**6, places=4),
    st.sampled_from(sorted(IN_DECIMALS)),
    st.integers(0, 3),
)
def test_round_to_agrees_with_decimal_arithmetic(value: Decimal, rounding: str, decimals: int) -> None:
    exact = value.quantize(Decimal(1).scaleb(-decimals), IN_DECIMALS[rounding])
    assert round_to(float(value), (1, 10**decimals), rounding).item() == float(exact)


def test_displayed_rounds_amounts_and_ratios_each_by_its_decimals() -> None:
    columns = {
        name: np.array([1.23456]) for name in ("equity", "maintenance_margin", "margin_ratio", "venue_ratio", "price")
    }
    columns["liquidatable"] = np.array([True])
    rules = {"amount_decimals": 2, "ratio_decimals": 4, "amount_rounding": "adverse"}
    for direction, venue_ratio in (("maintenance_over_equity", 1.2346), ("equity_over_maintenance", 1.2345)):
        shown = displayed(columns, [name for name in columns if name != "price"], rules | {"venue_ratio": direction})
        assert {name: values.tolist() for name, values in shown.items()} == {
            "equity": [1.23],
            "maintenance_margin": [1.24],
            "margin_ratio": [1.2345],
            "venue_ratio": [venue_ratio],
            "price": [1.23456],
            "liquidatable": [True],
        }
