"""Orders that raised margins which they do not raise at a venue, or took margin that is not there; worked by hand."""

from collections.abc import Mapping
from typing import Any

import pytest

from crossmargin.testing.markets import InstrumentSpec, RuleSpec, market_toml
from crossmargin.testing.oracle import PoolRow, Scorer, engine_rows, reference_rows

both = pytest.mark.parametrize("scorer", [engine_rows, reference_rows])


def near(value: float) -> Any:
    """A hand-worked number, up to a few roundings."""
    return pytest.approx(value, rel=1e-12, abs=1e-12)


def figures(row: PoolRow, *names: str) -> list[float]:
    return [float(row[name]) for name in names]


def held(quantity: float, price: float, **more: Any) -> dict[str, Any]:
    return {"account": 1, "instrument": "X", "quantity": quantity, "entry_price": price, "leverage": 10.0} | more


def order(quantity: float, price: float, **more: Any) -> dict[str, Any]:
    return {"account": 1, "instrument": "X", "quantity": quantity, "price": price, "leverage": 10.0} | more


def pools(
    scorer: Scorer,
    wallet: float,
    rows: tuple[list[dict[str, Any]], list[dict[str, Any]]],
    mark: float,
    rules: Mapping[str, Mapping[str, object]],
    rate: float = 0.005,
) -> list[PoolRow]:
    market = market_toml([InstrumentSpec("X", maintenance_rate=(rate,))], RuleSpec(), rules)
    cash = [{"account": 1, "asset": "USDT", "wallet_balance": wallet}]
    positions, orders = rows
    return scorer(market, cash, positions, {"X": mark}, orders=orders)


FEES_INSIDE = {
    "fees": {"taker": 0.00055},
    "maintenance_margin": {"price": "mark", "closing_fee": "bankruptcy_at_mark"},
    "initial_margin": {"price": "mark", "closing_fee": "bankruptcy_at_mark"},
    "orders": {
        "initial_margin": "worst_fill",
        "maintenance_margin": "worst_fill",
        "tier_basis": "larger_side",
        "opening_fee": True,
        "closing_fee": True,
    },
}


@both
@pytest.mark.parametrize("placed", [[], [order(-1, 61_000)], [order(-0.4, 61_000), order(-0.6, 62_000)]])
def test_regression_take_profit_adds_no_fee_and_cannot_liquidate(scorer: Scorer, placed: list[Any]) -> None:
    """Long 1 at 60,000: 300 and 0.00055 of 54,000, 329.70 of a wallet of 350. The fees of the sell made it 396.61."""
    (pool,) = pools(scorer, 350, ([held(1, 60_000)], placed), 60_000, FEES_INSIDE)
    assert figures(pool, "maintenance_margin", "initial_margin", "excess") == [near(329.7), near(6_029.7), near(20.3)]
    assert not pool["liquidatable"]


@both
def test_regression_order_that_closes_a_side_of_a_hedge_reserves_nothing(scorer: Scorer) -> None:
    """A sell of the long side closes, however large and whether it says so or not."""
    legs = [held(1, 60_000, position_side="long"), held(-0.5, 60_000, position_side="short")]
    alone = pools(scorer, 350, (legs, []), 60_000, FEES_INSIDE)
    for closing in (order(-3, 61_000, position_side="long"), order(3, 59_000, position_side="short")):
        assert pools(scorer, 350, (legs, [closing]), 60_000, FEES_INSIDE) == alone


ISOLATED = {"margin_mode": "isolated"}


@both
@pytest.mark.parametrize(("quantity", "reserved"), [(-10.0, 0), (-25.0, 75), (5.0, 55)])
def test_regression_isolated_take_profit_reserves_only_what_exceeds(
    scorer: Scorer, quantity: float, reserved: float
) -> None:
    """Long 10 at 100, ten-fold. A sell of 10 at 110 took 110 from the cross wallet; 25 are |1,000 - 2,750|, 75 more."""
    rows = [held(10, 100, **ISOLATED)], [order(quantity, 110, **ISOLATED)]
    cross, alone = pools(scorer, 1_000, rows, 100, {"orders": {"initial_margin": "worst_fill"}})
    assert figures(cross, "initial_margin", "available") == [near(reserved), near(900 - reserved)]
    assert figures(alone, "initial_margin", "available") == [near(100), 0]


@both
@pytest.mark.parametrize(("frozen", "excess"), [("none", 45), ("isolated_orders_and_fees", 4.1), ("all", -45.9)])
def test_regression_frozen_margin_brings_liquidation_nearer(scorer: Scorer, frozen: str, excess: float) -> None:
    """50 against 5; an isolated buy of 400 freezes 40.40, a cross buy of 500 its fee of 0.50, or 50.50 in all."""
    rules = {
        "fees": {"taker": 0.001},
        "orders": {"initial_margin": "sum", "opening_fee": True, "frozen": frozen},
    }
    rows = [held(10, 100)], [order(5, 100), order(4, 100, **ISOLATED)]
    (pool,) = pools(scorer, 50, rows, 100, rules)
    assert figures(pool, "equity", "initial_margin", "excess") == [near(50), near(190.9), near(excess)]
    assert float(pool["free_margin"]) == near(-140.9)
    assert pool["liquidatable"] is (excess < 0)


@both
def test_regression_positions_and_orders_have_margin_by_their_own_leverage(scorer: Scorer) -> None:
    """1,000 at ten-fold and 500 at five-fold are 200; the lower leverage for both made it 300."""
    rows = [held(10, 100)], [order(5, 100, leverage=5.0)]
    (pool,) = pools(scorer, 1_000, rows, 100, {"orders": {"initial_margin": "worst_fill"}})
    assert float(pool["initial_margin"]) == near(200)
