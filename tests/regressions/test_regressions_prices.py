"""Faults that liquidation prices are known for, each with numbers worked by hand, through engine and reference."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import pytest

from crossmargin.testing.markets import PLAIN, InstrumentSpec, market_toml
from crossmargin.testing.oracle import PriceRow, engine_prices, reference_prices

both = pytest.mark.parametrize("pricer", [engine_prices, reference_prices])

Row = Mapping[str, Any]


def held(instrument: str, quantity: float, price: float, **more: Any) -> dict[str, Any]:
    return {"account": 1, "instrument": instrument, "quantity": quantity, "entry_price": price} | more


def cash(amount: float, asset: str = "USDT") -> Sequence[Row]:
    return [{"account": 1, "asset": asset, "wallet_balance": amount}]


def assert_nearest(price: float, root: Fraction) -> None:
    """The price is the double nearest to the root, up to the decimal that a double denotes."""
    assert price == pytest.approx(float(root), rel=2**-52)


ETH = InstrumentSpec("ETHUSDT", maintenance_rate=(0.004,))
BTC = InstrumentSpec("BTCUSDT", floor=(0, 50_000), maintenance_rate=(0.004, 0.005))  # above 50,000 half a % less 50


@both
@pytest.mark.parametrize(("side", "root", "printed"), [(1, "23235/9.96", 2332.83), (-1, "17235/9.96", 1730.42)])
def test_regression_price_in_cross_looks_at_the_direction_of_the_other_legs(
    pricer: Any, side: int, root: str, printed: float
) -> None:
    """At 57,000 one bitcoin has lost or gained 3,000 and requires 235: 9.96 v = 30,000 + 235 - 10,000 +- 3,000."""
    positions = [held("ETHUSDT", 10, 3_000), held("BTCUSDT", side, 60_000)]
    marks = {"ETHUSDT": 3_000.0, "BTCUSDT": 57_000.0}
    eth, _ = pricer(market_toml([ETH, BTC]), cash(10_000), positions, marks)
    above, below = map(Fraction, root.split("/"))
    assert_nearest(eth["liquidation_price"], above / below)
    assert round(eth["liquidation_price"], 2) == printed
    assert (eth["above"], eth["liquidatable"]) == (None, False)


STEP = InstrumentSpec("X", floor=(0, 60_000), maintenance_rate=(0.004, 0.01))  # one % less 360 above


@both
@pytest.mark.parametrize(
    ("quantity", "entry", "root"),
    [
        # 10,000 are staked for 100,000: 10,000 + 2 v - 100,000 = 0.02 v - 360, and not 0.008 v as for the stake.
        (2, 50_000, Fraction(89_640 * 100, 198)),
        # 62,000 now are 56,024 at the price: 6,200 + 2 v - 62,000 = 0.008 v, and not 0.02 v - 360 as at the mark.
        (2, 31_000, Fraction(55_800 * 1_000, 1_992)),
    ],
)
def test_regression_price_is_in_the_tier_of_the_notional_there(
    pricer: Any, quantity: float, entry: float, root: Fraction
) -> None:
    positions = [held("X", quantity, entry, margin_mode="isolated", leverage=10)]
    (found,) = pricer(market_toml([STEP]), cash(100_000), positions, {"X": float(entry)})
    assert_nearest(found["liquidation_price"], root)


FEE_OF_MARGIN = {
    "fees": {"taker": 0.001},
    "maintenance_margin": {"price": "mark", "isolated": {"closing_fee": "bankruptcy_of_margin"}},
}


@both
@pytest.mark.parametrize("with_fee", [False, True])
@pytest.mark.parametrize("side", [1, -1])
def test_regression_margin_added_moves_the_price_away(pricer: Any, with_fee: bool, side: int) -> None:
    """One from 10,000 with m behind it: a long ends at (10,000 - m) / 0.995, a short at (10,000 + m) / 1.005.

    With a fee of 0.1 % where the margin is used up that is divided by 0.999 and 1.001 too.
    """
    spec = InstrumentSpec("X", maintenance_rate=(0.005,))
    market = market_toml([spec], PLAIN, FEE_OF_MARGIN if with_fee else None)
    kept = (1 - Fraction("0.005") * side) * (1 - Fraction("0.001") * side if with_fee else 1)
    last = None
    for margin in (500.0, 1_000.0, 1_500.0):
        positions = [held("X", side, 10_000, margin_mode="isolated", isolated_margin=margin)]
        (found,) = pricer(market, cash(10_000), positions, {"X": 10_000.0})
        assert_nearest(found["liquidation_price"], (10_000 - side * Fraction(margin)) / kept)
        assert last is None or (last - found["liquidation_price"]) * side > 0
        last = found["liquidation_price"]


@both
@pytest.mark.parametrize("mode", ["cross", "isolated"])
def test_regression_short_is_liquidated_above_its_entry(pricer: Any, mode: str) -> None:
    """10 behind a short of 100: 10 + 100 - v = 0.01 v at 110 / 1.01; the long's formula would say 90.9."""
    margin = {} if mode == "cross" else {"isolated_margin": 10}
    market = market_toml([InstrumentSpec("X", maintenance_rate=(0.01,))])
    (found,) = pricer(market, cash(10), [held("X", -1, 100, margin_mode=mode, **margin)], {"X": 100.0})
    assert_nearest(found["liquidation_price"], Fraction(11_000, 101))
    assert (found["below"], found["bankruptcy_price"]) == (None, 110.0)


@both
def test_regression_inverse_short_is_liquidated_above_its_entry(pricer: Any) -> None:
    """One coin behind 1,000 dollars from 100: 1 + 1,000 / v - 10 = 10 / v at 110, and nothing is left at 1,000 / 9."""
    market = market_toml([InstrumentSpec("X", maintenance_rate=(0.01,), payoff="inverse", settle="BTC")])
    (found,) = pricer(market, cash(1, "BTC"), [held("X", -1_000, 100)], {"X": 100.0})
    assert (found["liquidation_price"], found["above"], found["below"]) == (110.0, 110.0, None)
    assert_nearest(found["bankruptcy_price"], Fraction(1_000, 9))


@both
@pytest.mark.parametrize(
    ("orders", "root"),
    [
        ({}, Fraction(8_000, 99)),  # 20 + v - 100 = 0.01 v: nothing of the order counts
        ({"maintenance_margin": "worst_fill", "price": "limit"}, Fraction(8_090, 99)),  # 0.01 (v + 90)
        ({"order_loss": "equity"}, Fraction(17_000, 199)),  # filled at 90 it would lose 90 - v: 2 v - 170 = 0.01 v
        ({"initial_margin": "sum", "price": "limit", "frozen": "all"}, Fraction(8_900, 99)),  # its margin of 9 is gone
    ],
)
def test_regression_price_counts_resting_orders_where_the_rules_do(
    pricer: Any, orders: dict[str, object], root: Fraction
) -> None:
    """Long one from 100 on 20, and an order to buy one more at 90, ten-fold."""
    market = market_toml([InstrumentSpec("X", maintenance_rate=(0.01,))], PLAIN, {"orders": orders})
    waiting = [{"account": 1, "instrument": "X", "quantity": 1, "price": 90, "leverage": 10}]
    rows: list[PriceRow] = pricer(market, cash(20), [held("X", 1, 100, leverage=10)], {"X": 100.0}, orders=waiting)
    assert_nearest(rows[0]["liquidation_price"], root)
