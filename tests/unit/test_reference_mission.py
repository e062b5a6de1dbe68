"""The four worked examples that every margin engine must get right, by the reference.

Neutral rules: one flat maintenance rate per instrument on the notional at entry, liquidation only *below*
maintenance. Expected values are
those of the examples and of arithmetic that can be done in the head.
"""

from fractions import Fraction
from typing import Any

from crossmargin.reference import PoolScore, load_market, score_account
from crossmargin.testing.markets import TEXTBOOK_LIKE, InstrumentSpec, market_toml

TEXTBOOK = market_toml(
    [InstrumentSpec("A", maintenance_rate=(0.01,)), InstrumentSpec("B", maintenance_rate=(0.01,))], TEXTBOOK_LIKE
)

# "2.5 % of entry notional": the requirement does not move with the price. In a market file this is
# [maintenance_margin] price = "entry", one of the neutral rules.
ON_ENTRY = market_toml(
    [InstrumentSpec("BTCUSDT", maintenance_rate=(0.025,)), InstrumentSpec("ETHUSDT", maintenance_rate=(0.025,))],
    TEXTBOOK_LIKE,
)


def pools_of(market: str, wallet: float, positions: list[dict[str, Any]], **marks: float) -> list[PoolScore[Fraction]]:
    rows = [{"account": "trader", **position} for position in positions]
    cash = [{"account": "trader", "asset": "USDT", "wallet_balance": wallet}]
    return score_account(load_market(market), cash, rows, marks)


def position(instrument: str, quantity: float, entry: float, **more: Any) -> dict[str, Any]:
    return {"instrument": instrument, "quantity": quantity, "entry_price": entry, **more}


def test_example_one_cross_profit_of_one_carries_the_loss_of_the_other() -> None:
    held = [position("A", 100, 100, leverage=10), position("B", 50, 100, leverage=10)]
    (before,) = pools_of(TEXTBOOK, 10_000, held, A=100, B=100)
    assert [leg.initial_margin for leg in before.positions] == [1_000, 500]
    assert (before.equity, before.initial_margin, before.free_margin) == (10_000, 1_500, 8_500)

    (after,) = pools_of(TEXTBOOK, 10_000, held, A=92, B=106)
    assert [leg.unrealized_pnl for leg in after.positions] == [-800, 300]
    assert (after.unrealized_pnl, after.equity) == (-500, 9_500)


def test_example_one_isolated_sets_the_margins_apart() -> None:
    held = [
        position("A", 100, 100, leverage=10, margin_mode="isolated"),
        position("B", 50, 100, leverage=10, margin_mode="isolated"),
    ]
    cross, a, b = pools_of(TEXTBOOK, 10_000, held, A=92, B=106)
    assert (a.wallet_balance, b.wallet_balance, cross.wallet_balance) == (1_000, 500, 8_500)
    assert (a.equity, b.equity, cross.equity) == (200, 800, 8_500)
    assert a.equity + b.equity + cross.equity == 9_500


def test_example_two_isolated_position_is_lost_beside_nine_thousand() -> None:
    held = position("A", 100, 100, leverage=10, margin_mode="isolated", isolated_margin=1_000)
    cross, alone = pools_of(TEXTBOOK, 10_000, [held], A=90)
    assert (alone.equity, alone.liquidatable) == (0, True)
    assert (cross.equity, cross.liquidatable) == (9_000, False)


def test_example_two_cross_position_is_saved_by_the_nine_thousand() -> None:
    (pool,) = pools_of(TEXTBOOK, 10_000, [position("A", 100, 100, leverage=10)], A=90)
    assert (pool.equity, pool.maintenance_margin, pool.liquidatable) == (9_000, 100, False)


BTC_LONG = position("BTCUSDT", 2, 50_000)
ETH_SHORT = position("ETHUSDT", -20, 3_000)


def test_example_three_btc_down_five_percent_is_safe() -> None:
    (pool,) = pools_of(ON_ENTRY, 10_000, [BTC_LONG, ETH_SHORT], BTCUSDT=47_500, ETHUSDT=3_000)
    assert (pool.maintenance_margin, pool.equity, pool.excess) == (4_000, 5_000, 1_000)
    assert pool.margin_ratio == Fraction(5, 4)
    assert not pool.liquidatable


def test_example_three_btc_down_nine_percent_takes_the_whole_account() -> None:
    (pool,) = pools_of(ON_ENTRY, 10_000, [BTC_LONG, ETH_SHORT], BTCUSDT=45_500, ETHUSDT=3_000)
    assert (pool.maintenance_margin, pool.equity, pool.excess) == (4_000, 1_000, -3_000)
    assert pool.liquidatable
    assert {leg.instrument for leg in pool.positions} == {"BTCUSDT", "ETHUSDT"}


def test_example_three_isolated_eth_lives() -> None:
    held = [
        {**BTC_LONG, "margin_mode": "isolated", "isolated_margin": 5_000},
        {**ETH_SHORT, "margin_mode": "isolated", "isolated_margin": 5_000},
    ]
    _, btc, eth = pools_of(ON_ENTRY, 10_000, held, BTCUSDT=45_500, ETHUSDT=3_000)
    assert (btc.liquidatable, eth.liquidatable) == (True, False)


def test_example_three_exactly_at_maintenance_is_safe_by_the_neutral_rules() -> None:
    (pool,) = pools_of(ON_ENTRY, 10_000, [BTC_LONG, ETH_SHORT], BTCUSDT=47_000, ETHUSDT=3_000)
    assert (pool.excess, pool.margin_ratio, pool.liquidatable) == (0, 1, False)


def test_example_four_isolated_gain_leaves_the_margin_locked() -> None:
    held = position("A", 100, 100, leverage=10, margin_mode="isolated")
    cross, alone = pools_of(TEXTBOOK, 2_000, [held], A=120)
    assert (alone.wallet_balance, alone.equity) == (1_000, 3_000)
    assert (cross.free_margin, cross.available) == (1_000, 1_000)


def test_example_four_cross_gain_backs_new_trades() -> None:
    (pool,) = pools_of(TEXTBOOK, 2_000, [position("A", 100, 100, leverage=10)], A=120)
    assert (pool.equity, pool.initial_margin) == (4_000, 1_000)
    assert (pool.free_margin, pool.available) == (3_000, 3_000)
