"""Several assets in one pool, by the reference: weights, caps, buffers, debts. Expected values by hand."""

from fractions import Fraction
from typing import Any

import pytest

from crossmargin.reference import PoolScore, ReferenceInputError, load_market, score_account
from crossmargin.testing.markets import InstrumentSpec, RuleSpec, market_toml

PERP = InstrumentSpec("PERP", (0,), (0.01,))
COIN = InstrumentSpec("COIN", (0,), (0.01,), settle="BTC", payoff="inverse", contract_size=100)

# Bybit: the first 10 BTC count 98 %, the next 10 95 %, then 90 %, 85 %, 80 %, above 50 nothing.
BTC_TIERS = {"floor": [0, 10, 20, 30, 40, 50], "weights": [0.98, 0.95, 0.9, 0.85, 0.8, 0]}


def cash(wallet: float, asset: str = "USDT", **more: float) -> dict[str, Any]:
    return {"account": 1, "asset": asset, "wallet_balance": wallet, **more}


def held(quantity: float, instrument: str = "PERP", entry: float = 1_000, **more: Any) -> dict[str, Any]:
    return {"account": 1, "instrument": instrument, "quantity": quantity, "entry_price": entry, **more}


def pool_of(
    balances: list[dict[str, Any]],
    positions: list[dict[str, Any]] | None = None,
    *,
    btc: dict[str, Any] | None = None,
    usdt: dict[str, Any] | None = None,
    index: float = 50_000,
    mark: float = 1_000,
    rules: RuleSpec | None = None,
    sections: dict[str, Any] | None = None,
    **collateral: Any,
) -> PoolScore[Fraction]:
    sections = {
        "pools": {"cross": "per_account"},
        "valuation": {"asset": "USDT"},
        "collateral": {"value": "haircut", **collateral},
        "collateral.asset.USDT": usdt or {"weight": 1},
        **({} if btc is None else {"collateral.asset.BTC": btc}),
        **(sections or {}),
    }
    market = load_market(market_toml([PERP, COIN], rules or RuleSpec(), sections))
    marks = {"PERP": mark, "COIN": index}
    return score_account(market, balances, positions or [], marks, index={"BTC": index})[0]


@pytest.mark.parametrize(
    ("coins", "counted"), [(5, "4.9"), (10, "9.8"), (25, "23.8"), (50, "44.8"), (80, "44.8"), (-25, "-25")]
)
def test_weights_by_quantity_are_marginal_and_never_discount_a_debt(coins: float, counted: str) -> None:
    pool = pool_of([cash(coins, "BTC")], btc=BTC_TIERS)
    assert pool.asset == "USDT"
    assert pool.equity == coins * 50_000
    assert pool.collateral_value == Fraction(counted) * 50_000


def test_weights_two_coins_count_one_and_seven_tenths() -> None:
    # MEXC: one BTC at 90 %, the next at 80 %: 2 BTC count 1.7.
    pool = pool_of([cash(2, "BTC")], btc={"floor": [0, 1], "weights": [0.9, 0.8]})
    assert pool.collateral_value == Fraction("1.7") * 50_000


def test_cap_counts_nothing_above() -> None:
    # BingX: BTC 95 % with a cap of 10 BTC.
    assert pool_of([cash(12, "BTC")], btc={"weight": 0.95, "cap": 10}).collateral_value == 475_000


def test_weights_by_value_follow_the_price() -> None:
    # OKX, BETH from 2024-07-18: 95 % of 2 million USD, 85 % up to 4, 50 % up to 8, nothing above.
    tiers = {"unit": "value", "floor": [0, 2e6, 4e6, 8e6], "weights": [0.95, 0.85, 0.5, 0]}
    assert pool_of([cash(1_000, "BTC")], btc=tiers, index=3_000).collateral_value == 1_900_000 + 850_000
    assert pool_of([cash(1_000, "BTC")], btc=tiers, index=9_000).collateral_value == 1_900_000 + 1_700_000 + 2_000_000


def test_profit_is_weighed_with_its_coin() -> None:
    # 10 BTC and 25 contracts of 100 USD from 25,000 to 50,000: 0.1 - 0.05 BTC of profit, in the second tier.
    pool = pool_of([cash(10, "BTC")], [held(25, "COIN", 25_000)], btc=BTC_TIERS)
    assert pool.unrealized_pnl == 2_500
    assert pool.collateral_value == 490_000 + Fraction("0.95") * 2_500
    assert pool.maintenance_margin == 25


def test_base_cash_leaves_profit_outside_of_the_weights() -> None:
    pool = pool_of([cash(10, "BTC")], [held(25, "COIN", 25_000)], btc={"weight": 0.9}, base="cash")
    assert pool.collateral_value == 450_000 + 2_500


BUFFERS = {"bid_buffer": 0.05, "ask_buffer": 0.04}


def test_buffers_bid_for_what_is_there_and_ask_for_what_is_owed() -> None:
    above = pool_of([cash(2, "BTC")], btc=BUFFERS, negative="ask")
    below = pool_of([cash(-2, "BTC")], btc=BUFFERS, negative="ask")
    assert (above.collateral_value, below.collateral_value) == (95_000, -104_000)


@pytest.mark.parametrize(("rule", "maintenance"), [("index", 25), ("ask", 26)])
def test_requirement_is_converted_at_index_or_ask(rule: str, maintenance: int) -> None:
    pool = pool_of([], [held(25, "COIN", 50_000, leverage=10)], btc=BUFFERS, requirement_conversion=rule)
    assert (pool.maintenance_margin, pool.initial_margin) == (maintenance, 10 * maintenance)


def test_liability_factor_makes_a_debt_dearer() -> None:
    pool = pool_of([cash(-2, "BTC")], btc={"liability_factor": 1.1}, negative="liability_factor")
    assert pool.collateral_value == -110_000


def test_asset_without_an_entry_counts_nothing_but_is_owed_in_full() -> None:
    assert pool_of([cash(3, "BTC")]).collateral_value == 0
    assert pool_of([cash(-3, "BTC")]).collateral_value == -150_000


def test_loss_in_one_asset_is_covered_by_another_once() -> None:
    pool = pool_of([cash(1, "BTC"), cash(100)], [held(10)], btc={"weight": 0.9}, mark=990)
    assert (pool.equity, pool.collateral_value) == (50_000, 45_000)


def test_levels_initial_lets_the_maintenance_test_see_full_value() -> None:
    # Deribit: haircuts apply to initial margin only.
    pool = pool_of([cash(1, "BTC")], [held(10, leverage=10)], btc={"weight": 0.8}, levels="initial")
    assert (pool.collateral_value, pool.excess) == (50_000, 49_900)
    assert (pool.free_margin, pool.available) == (39_000, 39_000)


def test_availability_weight_is_for_new_positions_only() -> None:
    pool = pool_of([cash(1, "BTC")], btc={"weight": 0.95, "availability_weight": 0.9})
    assert (pool.collateral_value, pool.free_margin, pool.available) == (47_500, 47_500, 45_000)


LOANS = {"floor": [0, 390], "maintenance_rate": [0.04, 0.05], "initial_rate": [0.2, 0.25]}


def test_liability_requires_margin_by_marginal_tiers_of_its_quantity() -> None:
    # 400 BTC owed: 4 % of 390 and 5 % of 10; initially 20 % and 25 %.
    sections = {"liabilities": {"requirement": "tiers"}, "collateral.asset.BTC.liability": LOANS}
    pool = pool_of([cash(-400, "BTC")], btc={"weight": 1}, sections=sections)
    assert pool.maintenance_margin == Fraction("16.1") * 50_000
    assert pool.initial_margin == Fraction("80.5") * 50_000
    assert pool.liquidatable


def test_debt_alone_is_liquidatable_but_only_when_it_fails() -> None:
    safe = pool_of([cash(-1, "BTC"), cash(60_000)], btc={"weight": 1})
    under = pool_of([cash(-1, "BTC"), cash(40_000)], btc={"weight": 1})
    assert (safe.liquidatable, under.liquidatable) == (False, True)


def test_borrowed_cash_is_given_back_before_anything_counts() -> None:
    pool = pool_of([cash(1, "BTC", borrowed=3)], btc=BTC_TIERS)
    assert (pool.wallet_balance, pool.equity, pool.collateral_value) == (50_000, -100_000, -100_000)


def test_isolated_position_keeps_its_own_asset_without_a_haircut() -> None:
    position = held(25, "COIN", 50_000, margin_mode="isolated", isolated_margin=0.01)
    market = load_market(
        market_toml(
            [PERP, COIN],
            RuleSpec(),
            {
                "pools": {"cross": "per_account"},
                "valuation": {"asset": "USDT"},
                "collateral": {"value": "haircut"},
                "collateral.asset.BTC": {"weight": 0.5},
            },
        )
    )
    cross, alone = score_account(market, [cash(1, "BTC")], [position], {"COIN": 50_000}, index={"BTC": 50_000})
    assert (alone.asset, alone.collateral_value) == ("BTC", Fraction("0.01"))
    assert cross.collateral_value == Fraction("0.99") * 25_000


def test_index_missing_is_refused_never_taken_from_a_mark() -> None:
    sections = {"pools": {"cross": "per_account"}, "valuation": {"asset": "USDT"}}
    market = load_market(market_toml([PERP, COIN], RuleSpec(), sections))
    with pytest.raises(ReferenceInputError, match=r"^prices.index was absent, expected an index price for BTC$"):
        score_account(market, [], [held(25, "COIN", 50_000)], {"COIN": 50_000})
    assert score_account(market, [cash(5)], [], {})[0].equity == 5
