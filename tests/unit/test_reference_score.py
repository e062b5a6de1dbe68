"""The reference: partition, order, tiers, ratios, number types. Expected values by hand."""

import math
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Any

import pytest

from crossmargin.reference import PoolScore, load_market, position_scores, score, score_account, truncate
from crossmargin.testing.markets import BINANCE_LIKE, InstrumentSpec, RuleSpec, market_toml

TIERS = InstrumentSpec("X", (0, 1_000, 10_000), (0.01, 0.02, 0.05))
TWO_ASSETS = market_toml([TIERS, InstrumentSpec("Y", settle="USDC"), InstrumentSpec("Z")])


def row(
    instrument: str = "X", quantity: float = 1, entry: float = 100, account: Any = 1, **more: Any
) -> dict[str, Any]:
    return {"account": account, "instrument": instrument, "quantity": quantity, "entry_price": entry, **more}


def cash(wallet: float, asset: str = "USDT", account: Any = 1) -> dict[str, Any]:
    return {"account": account, "asset": asset, "wallet_balance": wallet}


def one_pool(
    wallet: float, *positions: dict[str, Any], market: str = TWO_ASSETS, **marks: float
) -> PoolScore[Fraction]:
    (pool,) = score_account(load_market(market), [cash(wallet)], positions, marks)
    return pool


@pytest.mark.parametrize(
    ("quantity", "requirement", "tier"),
    [(1, 1, 1), (9, 9, 1), (10, 10, 2), (-10, 10, 2), (99, 188, 2), (100, 190, 3), (200, 690, 3)],
)
def test_maintenance_margin_each_slice_pays_its_own_rate(quantity: float, requirement: int, tier: int) -> None:
    (leg,) = one_pool(0, row(quantity=quantity), X=100).positions
    assert (leg.maintenance_margin, leg.tier) == (requirement, tier)


def test_deduction_given_and_equal_is_replaced_by_the_derived_one() -> None:
    spec = InstrumentSpec("X", TIERS.floor, TIERS.maintenance_rate, deduction=(0, 10.000000000001, 310))
    table = load_market(market_toml([spec])).instruments[0].table
    assert (table.law, [tier.deduction for tier in table.tiers]) == ("marginal", [0, 10, 310])


def test_deduction_given_and_different_makes_a_list() -> None:
    spec = InstrumentSpec("X", TIERS.floor, TIERS.maintenance_rate, deduction=(0, 5, 310))
    assert load_market(market_toml([spec])).instruments[0].table.law == "list"
    (leg,) = one_pool(0, row(quantity=10), market=market_toml([spec]), X=100).positions
    assert leg.maintenance_margin == 15


def test_flat_tiers_apply_one_rate_to_the_whole_position() -> None:
    spec = InstrumentSpec("X", TIERS.floor, TIERS.maintenance_rate, law="flat")
    (leg,) = one_pool(0, row(quantity=10), market=market_toml([spec]), X=100).positions
    assert leg.maintenance_margin == 20


def test_hedge_legs_are_not_netted() -> None:
    legs = [row(quantity=10, position_side="long"), row(quantity=-10, position_side="short")]
    pool = one_pool(100, *legs, X=100)
    assert (pool.notional, pool.maintenance_margin, pool.unrealized_pnl) == (2_000, 20, 0)


def test_partition_pools_come_in_canonical_order() -> None:
    positions = [
        row("Z", account="b", margin_mode="isolated", isolated_margin=3),
        row("Y", account="a", margin_mode="isolated", isolated_margin=2),
        row("X", -1, account="a", margin_mode="isolated", isolated_margin=1, position_side="short"),
        row("X", 1, account="a", margin_mode="isolated", isolated_margin=1, position_side="long"),
        row("X", 1, account="b", margin_mode="isolated", isolated_margin=1),
        row("Z", account="c"),
    ]
    balances = [cash(10, account="c"), cash(5, "USDC", "a")]
    pools = score(load_market(TWO_ASSETS), balances, positions, dict.fromkeys("XYZ", 100))
    assert [pool.key for pool in pools] == [
        ("c", "cross", "USDT", None, None),
        ("a", "cross", "USDT", None, None),
        ("a", "cross", "USDC", None, None),
        ("a", "isolated", "USDT", "X", "long"),
        ("a", "isolated", "USDT", "X", "short"),
        ("a", "isolated", "USDC", "Y", "net"),
        ("b", "cross", "USDT", None, None),
        ("b", "isolated", "USDT", "X", "net"),
        ("b", "isolated", "USDT", "Z", "net"),
    ]
    assert [pool.wallet_balance for pool in pools] == [10, -2, 3, 1, 1, 2, -4, 1, 3]
    assert [leg.row for leg in position_scores(pools)] == list(range(6))


def test_isolated_margin_absent_is_the_initial_margin_at_entry() -> None:
    held = row(quantity=7, entry=10, leverage=3, margin_mode="isolated")
    cross, alone = score_account(load_market(TWO_ASSETS), [cash(100)], [held], {"X": 9})
    assert (alone.wallet_balance, alone.initial_margin) == (Fraction(70, 3), 21)
    assert cross.wallet_balance == 100 - Fraction(70, 3)


def test_leverage_absent_leaves_the_initial_margin_unknown() -> None:
    pool = one_pool(100, row(leverage=10), row("Z"), X=100, Z=100)
    unknown = (pool.initial_margin, pool.free_margin, pool.available, pool.withdrawable)
    assert unknown == (None, None, None, None)
    assert pool.positions[0].initial_margin == 10


@pytest.mark.parametrize(("zero_fails", "wallet", "fails"), [(True, 1, True), (False, 1, False), (False, 0.999, True)])
def test_liquidatable_at_zero_excess_follows_the_rule(zero_fails: bool, wallet: float, fails: bool) -> None:
    market = market_toml([TIERS], RuleSpec(zero_fails=zero_fails))
    assert one_pool(wallet, row(), market=market, X=100).liquidatable is fails


def test_liquidatable_without_positions_is_false_even_when_cash_is_owed() -> None:
    pool = one_pool(-5, market=market_toml([TIERS], BINANCE_LIKE))
    assert (pool.excess, pool.margin_ratio, pool.venue_ratio, pool.liquidatable) == (-5, math.inf, 0, False)


def test_trigger_level_scales_the_requirement() -> None:
    pool = one_pool(1.05, row(), market=market_toml([TIERS], RuleSpec(level=1.05)), X=100)
    assert (pool.excess, pool.margin_ratio) == (0, Fraction(21, 20))


@pytest.mark.parametrize(("wallet", "shown"), [(4, Fraction(1, 4)), (1, 1), (0, math.inf), (-1, math.inf)])
def test_venue_ratio_of_maintenance_over_equity(wallet: float, shown: float) -> None:
    assert one_pool(wallet, row(), market=market_toml([TIERS], BINANCE_LIKE), X=100).venue_ratio == shown


@pytest.mark.parametrize(("mark", "amount"), [(110, 89), (90, 81), (200, 80), (1, Fraction(9, 10))])
def test_withdrawable_keeps_a_profit_and_counts_a_loss(mark: float, amount: float) -> None:
    assert one_pool(100, row(leverage=10), X=mark).withdrawable == amount


def test_withdrawable_is_never_below_zero() -> None:
    assert one_pool(100, row(quantity=-1, leverage=10), X=201).withdrawable == 0


def test_decimal_and_fraction_agree_where_decimals_are_exact() -> None:
    held = [row(quantity=0.3, entry=0.1, leverage=4), row("Z", -7, 1.1)]
    with localcontext() as context:
        context.prec = 60
        market, marks = load_market(TWO_ASSETS), {"X": 0.7, "Z": 1.3}
        (exact,) = score_account(market, [cash(0.1)], held, marks)
        (digits,) = score_account(market, [cash(0.1)], held, marks, Decimal)
    assert Fraction(digits.excess) == exact.excess == Fraction("-1.3496")
    assert isinstance(digits.margin_ratio, Decimal)


def test_float_run_is_plain_arithmetic_on_the_doubles_given() -> None:
    (pool,) = score_account(load_market(TWO_ASSETS), [cash(0.1)], [row(quantity=0.3, entry=0.1)], {"X": 0.7}, float)
    assert pool.unrealized_pnl == 0.3 * 1.0 * (0.7 - 0.1)


def test_alias_names_the_same_instrument() -> None:
    text = market_toml([TIERS]).replace('name = "X"', 'name = "X"\naliases = ["X/USDT:USDT"]')
    assert one_pool(10, row("X/USDT:USDT"), market=text, X=100).positions[0].instrument == "X"


def test_merge_keeps_the_profit_at_every_price() -> None:
    market = load_market(TWO_ASSETS)
    held = [row(quantity=1, entry=100), row(quantity=2, entry=130)]
    (pool,) = score_account(market, [cash(1), cash(2)], held, {"X": 110}, duplicates="merge")
    assert (pool.wallet_balance, pool.unrealized_pnl, len(pool.positions)) == (3, 10 - 40, 1)


@pytest.mark.parametrize(("value", "shown"), [(-0.129, "-0.12"), (0.129, "0.12"), (5, "5.00"), (-0.001, "0.00")])
def test_truncate_cuts_toward_zero(value: float, shown: str) -> None:
    assert abs(truncate(value, 2)) == abs(Decimal(shown))
    assert truncate(value, 2) == Decimal(shown)
