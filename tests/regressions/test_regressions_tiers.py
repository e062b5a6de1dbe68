"""Notionals on a floor of a table whose charge jumps there, which in doubles came out below it."""

import pytest

from crossmargin.testing.markets import InstrumentSpec, RuleSpec, market_toml
from crossmargin.testing.oracle import engine_rows

# 0.7 * 0.1 is the floor, and 0.06999999999999999 in doubles; above the floor half of the notional is required.
JUMP = InstrumentSpec("X", floor=(0.0, 0.07), maintenance_rate=(0.01, 0.5), law="flat")
HELD = [{"account": 1, "instrument": "X", "quantity": 0.7, "entry_price": 0.1}]


@pytest.mark.parametrize("price", ["mark", "entry"])
def test_regression_notional_on_a_floor_that_jumps_is_charged_by_the_upper_tier(price: str) -> None:
    """At entry the lower tier was charged, and decided by; at mark the margin shown was the lower tier's."""
    market = market_toml([JUMP], RuleSpec(maintenance_price=price))
    cash = [{"account": 1, "asset": "USDT", "wallet_balance": 0.03}]
    (pool,) = engine_rows(market, cash, HELD, {"X": 0.1})
    assert pool["liquidatable"]
    assert pool["maintenance_margin"] == pytest.approx(0.035, rel=1e-15)
    assert pool["excess"] == pytest.approx(-0.005, rel=1e-12)
    assert pool["margin_ratio"] == pytest.approx(6 / 7, rel=1e-15)


@pytest.mark.parametrize(("cross", "isolated"), [("entry", "mark"), ("mark", "entry"), ("mark", "mark")])
def test_regression_isolated_position_at_a_price_of_its_own_is_charged_by_its_tier(cross: str, isolated: str) -> None:
    """50,000 under 1, 2 and 5 % from 0, 1,000 and 10,000: 2,500 less 310. Charged by the first tier it was 500."""
    table = InstrumentSpec("X", floor=(0, 1_000, 10_000), maintenance_rate=(0.01, 0.02, 0.05))
    rules = {"maintenance_margin": {"price": cross}, "maintenance_margin.isolated": {"price": isolated}}
    held = [{"account": 1, "instrument": "X", "quantity": 500.0, "entry_price": 100.0, "leverage": 10.0}]
    cash = [{"account": 1, "asset": "USDT", "wallet_balance": 10_000.0}]
    for mode in ("cross", "isolated"):
        rows = [{**held[0], "margin_mode": mode}]
        pool = engine_rows(market_toml([table], RuleSpec(), rules), cash, rows, {"X": 100.0})[-1]
        assert pool["maintenance_margin"] == pytest.approx(2_190, rel=1e-15)
