"""What can leave and how cash moves between pools, by the reference. Expected values by hand."""

import itertools
from fractions import Fraction
from typing import Any

import pytest

from crossmargin.reference import Market, load_market
from crossmargin.reference.checking import Book, read_book
from crossmargin.reference.funds import (
    Leaving,
    at_target,
    pools_of,
    read_target,
    rebalance,
    with_cash,
    withdrawable_quanta,
)
from crossmargin.reference.pools import Pool
from crossmargin.testing.markets import InstrumentSpec, market_toml

UNIT = 10**8
FLAT = InstrumentSpec("X", (0,), (0.05,), max_leverage=[100])
TIERS = {"floor": [0, 10, 20], "weights": [0.98, 0.95, 0.9]}


def made(*specs: InstrumentSpec, assets: tuple[str, ...] = (), **sections: Any) -> Market:
    named = {name.replace("__", "."): section for name, section in sections.items()}
    return load_market(market_toml(specs or [FLAT], sections=named, assets=assets))


def held(name: str, quantity: Any, entry: Any, leverage: Any = None, fence: Any = None) -> dict[str, Any]:
    row = {"account": 1, "instrument": name, "quantity": quantity, "entry_price": entry, "leverage": leverage}
    return row if fence is None else {**row, "margin_mode": "isolated", "isolated_margin": fence}


def book(
    market: Market, cash: dict[str, Any], positions: list[dict[str, Any]], marks: dict[str, Any], **more: Any
) -> Book:
    rows = [{"account": 1, "asset": asset, "wallet_balance": amount} for asset, amount in cash.items()]
    return read_book(market, rows, positions, marks, **more)


def quanta(found: list[Leaving]) -> list[tuple[str, str, int, str]]:
    return [(one.pool[0], one.asset, one.quanta, one.binding) for one in found]


@pytest.mark.parametrize(("required", "coins"), [(588_000, 5), (529_200, 6)])
def test_funds_coins_leave_from_the_tier_that_counts_least(required: int, coins: int) -> None:
    # 10 BTC at 98 % and 5 at 95 % of 60,000; what stays must count 588,000: 10 coins, or 529,200: 9
    market = made(
        InstrumentSpec("X", (0,), (0.001,)),
        assets=("USD", "USDT", "BTC"),
        pools={"cross": "per_account"},
        valuation={"asset": "USD"},
        collateral={"value": "haircut"},
        collateral__asset__BTC=TIERS,
    )
    of = book(market, {"BTC": 15}, [held("X", required, 10, 10)], {"X": 10}, index={"BTC": 60_000, "USDT": 1})
    assert ("cross", "BTC", coins * UNIT, "rule") in quanta(withdrawable_quanta(of))


def test_funds_profit_stays_where_the_rule_lets_only_cash_leave() -> None:
    position = held("X", 10, 100, 10)
    of = book(made(withdrawable={"rule": "cash_less_loss_and_initial"}), {"USDT": 300}, [position], {"X": 120})
    assert quanta(withdrawable_quanta(of)) == [("cross", "USDT", 180 * UNIT, "rule")]
    of = book(made(withdrawable={"rule": "equity_less_initial"}), {"USDT": 300}, [position], {"X": 120})
    assert quanta(withdrawable_quanta(of)) == [("cross", "USDT", 380 * UNIT, "rule")]


def test_funds_nobody_withdraws_into_liquidation() -> None:
    # initial margin is 1 % at a hundredfold, and 5 % is required: 50, at which the pool is not yet liquidated
    of = book(made(), {"USDT": 300}, [held("X", 10, 100, 100)], {"X": 100})
    assert quanta(withdrawable_quanta(of)) == [("cross", "USDT", 250 * UNIT, "trigger")]
    of = book(made(trigger={"zero_fails": True}), {"USDT": 300}, [held("X", 10, 100, 100)], {"X": 100})
    assert quanta(withdrawable_quanta(of)) == [("cross", "USDT", 250 * UNIT - 1, "trigger")]


def test_funds_without_positions_all_own_money_leaves_and_nothing_of_a_debt() -> None:
    of = book(made(), {"USDT": "12.345678915"}, [], {})
    assert quanta(withdrawable_quanta(of)) == [("cross", "USDT", 1_234_567_891, "own_money")]
    of = book(made(), {"USDT": -5}, [], {})
    assert quanta(withdrawable_quanta(of)) == [("cross", "USDT", 0, "nothing")]


def test_funds_bonus_backs_what_stays_unless_it_is_forfeited() -> None:
    rows = [{"account": 1, "asset": "USDT", "wallet_balance": 100, "bonus": 50}]
    for forfeited, left in ((False, 50), (True, 0)):
        market = made(bonus={"counts_as_margin": True, "forfeited_on_transfer": forfeited})
        of = read_book(market, rows, [held("X", 10, 100, 10)], {"X": 100})
        assert [one.quanta for one in withdrawable_quanta(of)] == [left * UNIT]


def test_funds_fence_gives_back_what_it_holds_beyond_the_initial_margin() -> None:
    of = book(made(), {"USDT": 500}, [held("X", 10, 100, 10, fence=130)], {"X": 95})
    assert quanta(withdrawable_quanta(of)) == [
        ("cross", "USDT", 370 * UNIT, "own_money"),
        ("isolated", "USDT", 0, "nothing"),  # 130 and a loss of 50 are less than 95
    ]
    of = book(made(), {"USDT": 500}, [held("X", 10, 100, 10, fence=200)], {"X": 95})
    assert quanta(withdrawable_quanta(of))[1] == ("isolated", "USDT", 55 * UNIT, "rule")


def test_rebalance_of_one_fence_moves_exactly_what_it_lacks() -> None:
    # textbook: 2 BTC at 50,000, fence 3,000, mark 49,500: 2,500 are required, 2,000 are there, twice asks 3,000 more
    market = made(
        InstrumentSpec("B", (0,), (0.025,)), maintenance_margin={"price": "entry"}, initial_margin={"price": "entry"}
    )
    of = book(market, {"USDT": 10_000}, [held("B", 2, 50_000, 20, fence=3_000)], {"B": 49_500})
    (transfer,), moves = rebalance(of, read_target(2))
    assert (transfer.source[0], transfer.to and transfer.to[0], transfer.quanta) == ("cross", "isolated", 3_000 * UNIT)
    assert [(one.pool[0], one.moved, one.short) for one in moves] == [
        ("cross", -3_000 * UNIT, 0),
        ("isolated", 3_000 * UNIT, 0),
    ]


SPECS = [InstrumentSpec(name, (0,), (0.05,)) for name in "XYZ"]
MARKS = dict.fromkeys("XYZ", 100)


def test_rebalance_takes_from_the_fence_with_the_largest_ratio_what_the_cross_pool_cannot_spare() -> None:
    # each requires 50 and shall have 100; X lacks 60, the cross pool spares 10, Y has 80 to give and Z 30
    of = book(
        made(*SPECS),
        {"USDT": 40 + 180 + 130 + 10},
        [held("X", 10, 100, 20, 40), held("Y", 10, 100, 20, 180), held("Z", 10, 100, 20, 130)],
        MARKS,
    )
    transfers, moves = rebalance(of, read_target(2))
    assert [(one.source[2], one.to and one.to[2], one.quanta // UNIT) for one in transfers] == [
        ("Y", None, 50),
        (None, "X", 60),
    ]
    assert not any(one.short for one in moves)


def test_rebalance_serves_the_weakest_first_where_money_does_not_reach() -> None:
    of = book(
        made(*SPECS),
        {"USDT": 40 + 60 + 110 + 25},
        [held("X", 10, 100, 20, 60), held("Y", 10, 100, 20, 40), held("Z", 10, 100, 20, 110)],
        MARKS,
    )
    transfers, moves = rebalance(of, read_target(2))
    assert [(one.source[2], one.to and one.to[2], one.quanta // UNIT) for one in transfers] == [
        ("Z", None, 10),
        (None, "Y", 35),
    ]
    assert {one.pool[2]: one.short // UNIT for one in moves} == {None: 0, "X": 40, "Y": 25, "Z": 0}


def test_rebalance_cross_pool_in_need_is_helped_by_fences() -> None:
    of = book(made(*SPECS), {"USDT": 70 + 150}, [held("X", 10, 100, 20), held("Y", 10, 100, 20, 150)], MARKS)
    (transfer,), _ = rebalance(of, read_target(2))
    assert (transfer.source[2], transfer.quanta) == ("Y", 30 * UNIT)


def test_rebalance_sweeps_the_surplus_or_the_profit_and_nothing_else() -> None:
    of = book(made(), {"USDT": 500}, [held("X", 10, 100, 50)], {"X": 101})
    (surplus,), _ = rebalance(of, read_target(4, "surplus"))
    assert (surplus.to, surplus.quanta) == (None, 308 * UNIT)  # 202 of 510 stay, of which 10 are profit
    (profit,), _ = rebalance(of, read_target(4, "profit", {1: 505}))
    assert profit.quanta == 5 * UNIT
    assert rebalance(of, read_target(4, "profit", {1: 600}))[0] == []


@pytest.mark.parametrize("fences", list(itertools.product([2, 5, 9], [2, 7], [3, 12])))
@pytest.mark.parametrize("free", [0, 2, 9])
def test_rebalance_moves_the_least_of_all_plans(fences: tuple[int, ...], free: int) -> None:
    text = market_toml(SPECS, sections={"withdrawable": {"rule": "equity_less_maintenance"}})
    rows = [held(name, 1, 40, 20, fence) for name, fence in zip("XYZ", fences, strict=True)]
    marks = dict.fromkeys("XYZ", 40)
    of = book(load_market(text.replace('"1e-8"', "1")), {"USDT": sum(fences) + free}, rows, marks)
    target = read_target(2)
    transfers, moves = rebalance(of, target)
    if any(one.short for one in moves):
        return  # 4 are asked of each: there is not enough
    cross, *isolated = pools_of(of, 1)
    run = of.quotes.run

    def legal(pool: Pool, change: int) -> bool:
        moved = with_cash(pool, "USDT", Fraction(change))
        return moved.wallet_balance >= 0 and at_target(run, moved, target.ratio)

    ways = [[change for change in range(-12, 13) if legal(pool, change)] for pool in isolated]
    least = min(sum(map(abs, plan)) for plan in itertools.product(*ways) if sum(plan) <= cross.wallet_balance)
    assert sum(one.quanta for one in transfers) == least
