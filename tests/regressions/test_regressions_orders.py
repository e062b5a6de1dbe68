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


FEES_INSIDE: dict[str, dict[str, object]] = {
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


@both
def test_regression_take_profit_of_a_net_position_freezes_nothing(scorer: Scorer) -> None:
    """Long 1,000 contracts at 100,000, two-fold, and the sell of all at 110,000, as MEXC: 5,500 of it were frozen."""
    rules = {
        "fees": {"taker": 0.0004},
        "maintenance_margin": {"price": "entry", "closing_fee": "bankruptcy_at_entry"},
        "initial_margin": {"price": "entry"},
        "orders": {"initial_margin": "sum", "opening_fee": True, "frozen": "all"},
    }
    market = market_toml([InstrumentSpec("X", maintenance_rate=(0.004,), contract_size=0.0001)], RuleSpec(), rules)
    cash = [{"account": 1, "asset": "USDT", "wallet_balance": 6_000}]
    position = held(1_000, 100_000, leverage=2.0)
    for waiting in ([], [order(-1_000, 110_000, leverage=2.0)], [order(-1_000, 110_000)]):
        (pool,) = scorer(market, cash, [position], {"X": 100_000}, orders=waiting)
        assert figures(pool, "initial_margin", "maintenance_margin") == [near(5_000), near(42)]
        assert figures(pool, "collateral_value", "free_margin") == [near(6_000), near(1_000)]


@both
def test_regression_take_profit_of_a_net_position_raises_no_summed_margin(scorer: Scorer) -> None:
    """Long 10 at 3,000, five-fold, and the sell of all at 3,100, as BingX: it added 6,200, 155 and its fees."""
    rules = {
        "fees": {"taker": 0.0005},
        "maintenance_margin": {"price": "mark", "closing_fee": "mark"},
        "initial_margin": {"price": "entry"},
        "orders": {
            "initial_margin": "sum",
            "maintenance_margin": "sum",
            "tier_basis": "sum",
            "opening_fee": True,
            "closing_fee": True,
            "frozen": "isolated_orders_and_fees",
        },
    }
    position = held(10, 3_000, leverage=5.0)
    for waiting in ([], [order(-10, 3_100, leverage=5.0)], [order(-4, 3_100, leverage=5.0)]):
        (pool,) = pools(scorer, 7_000, ([position], waiting), 3_000, rules)
        assert figures(pool, "initial_margin", "maintenance_margin") == [near(6_000), near(165)]
        assert figures(pool, "collateral_value", "excess") == [near(7_000), near(6_835)]


@both
@pytest.mark.parametrize(("quantity", "maintenance", "initial"), [(-1.0, 274.75, 5_024.75), (-3.0, 1257.85, 22_278.85)])
def test_regression_orders_of_the_larger_side_count_as_far_as_they_open(
    scorer: Scorer, quantity: float, maintenance: float, initial: float
) -> None:
    """Long 1 at 50,000, ten-fold, as Bybit: 250, 5,000 and 24.75 to close; a sell at 110,000 that closes adds nothing.

    Of 3 to sell 2 open: 1,100 and 22,000, with 0.00055 of 220,000 to open, 121, and of 1.1 times that to close,
    133.10.
    """
    margins = dict.fromkeys(("initial_margin", "maintenance_margin"), "larger_side")
    rules = {**FEES_INSIDE, "orders": {**FEES_INSIDE["orders"], **margins}}
    for waiting in ([order(quantity, 110_000)], [order(quantity / 2, 110_000)] * 2):
        (pool,) = pools(scorer, 30_000, ([held(1, 50_000)], waiting), 50_000, rules)
        assert figures(pool, "maintenance_margin", "initial_margin") == [near(maintenance), near(initial)]


# Long 1 at 10,000, twenty-fold, as Binance: 500.
@both
@pytest.mark.parametrize(
    ("waiting", "margin"),
    [
        (order(-1, 10_000, leverage=1.0), 500),  # closes at any leverage; it was 10,000 less 500
        (order(-0.5, 10_000, leverage=2.0), 500),
        (order(-3, 10_000, leverage=2.0), 10_000),  # 20,000 short of the orders' leverage
        (order(1, 9_000, leverage=None), 950),  # at the position's leverage; it was unknown
    ],
)
def test_regression_orders_turn_a_position_at_full_value(
    scorer: Scorer, waiting: dict[str, Any], margin: float
) -> None:
    rules = {"orders": {"initial_margin": "worst_fill"}}
    rows = [held(1, 10_000, leverage=20.0)], [waiting]
    (pool,) = pools(scorer, 30_000, rows, 10_000, rules)
    assert float(pool["initial_margin"]) == near(margin)
    fenced = [held(1, 10_000, leverage=20.0, **ISOLATED)], [waiting | ISOLATED]
    cross, alone = pools(scorer, 30_000, fenced, 10_000, rules)
    assert [float(pool["initial_margin"]) for pool in (cross, alone)] == [near(margin - 500), near(500)]


@both
def test_regression_order_without_a_mode_is_in_that_of_its_position(scorer: Scorer) -> None:
    """Isolated long 10 at 100, ten-fold, and a buy of 5: 50 at the leverage of the position, frozen as isolated."""
    rules = {"orders": {"initial_margin": "sum", "frozen": "isolated_orders_and_fees"}}
    rows = [held(10, 100, **ISOLATED)], [order(5, 100, leverage=None)]
    cross, _ = pools(scorer, 1_000, rows, 100, rules)
    assert figures(cross, "initial_margin", "collateral_value") == [near(50), near(850)]
    both_modes = [held(10, 100, **ISOLATED), held(10, 100, margin_mode="cross")], rows[1]
    cross, _ = pools(scorer, 1_000, both_modes, 100, rules)
    assert figures(cross, "initial_margin", "collateral_value") == [near(150), near(900)]
