"""Constraints, what can be used and withdrawn, and rounding at the edge, by the reference. Expected values by hand."""

from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from crossmargin.reference import (
    PoolScore,
    ReferenceInputError,
    load_market,
    round_amount,
    round_price,
    score_account,
)
from crossmargin.testing.markets import InstrumentSpec, RuleSpec, market_toml

SPEC = InstrumentSpec("X", (0,), (0.01,))


def held(quantity: float = 10, **more: Any) -> dict[str, Any]:
    return {"account": 1, "instrument": "X", "quantity": quantity, "entry_price": 100, "leverage": 10, **more}


def pool_of(
    wallet: float,
    *positions: dict[str, Any],
    mark: float = 100,
    last: float | None = None,
    rules: RuleSpec | None = None,
    credit: float = 0,
    borrowed: float = 0,
    **sections: Any,
) -> PoolScore[Fraction]:
    market = load_market(market_toml([SPEC], rules or RuleSpec(), sections))
    cash = {"account": 1, "asset": "USDT", "wallet_balance": wallet, "bonus": credit, "borrowed": borrowed}
    prices = {} if last is None else {"X": last}
    return score_account(market, [cash], positions, {"X": mark}, last=prices)[-1]


# BingX: both mark and last have to reach the level. Wallet 100, 10 contracts entered at 100 need 1 % of the notional:
# the pool fails at 90 and below (0 against 9), and at 91 has 10 against 9.1.
DUAL = [{"name": "mark", "price": "mark"}, {"name": "last", "price": "last"}]


@pytest.mark.parametrize(
    ("combine", "mark", "last", "verdict"),
    [
        ("all", 90, 90, True),
        ("all", 90, 91, False),
        ("all", 91, 90, False),
        ("any", 90, 91, True),
        ("any", 91, 90, True),
        ("any", 91, 91, False),
    ],
)
def test_constraints_any_or_all_on_mark_and_last(combine: str, mark: float, last: float, verdict: bool) -> None:
    sections = {"trigger": {"combine": combine}, "trigger.constraint": DUAL}
    pool = pool_of(100, held(), mark=mark, last=last, **sections)
    assert pool.liquidatable is verdict
    assert pool.excess == 10 * mark - 900 - Fraction(mark, 10)


def test_constraint_on_last_needs_a_last_price() -> None:
    with pytest.raises(ReferenceInputError, match=r"^prices.last was absent, expected a last price for X$"):
        pool_of(100, held(), **{"trigger.constraint": DUAL})


def test_constraints_have_their_own_level_and_strictness() -> None:
    # Equity 10.5 against 10: 1.05 times is met exactly; the second is strict, the first is not.
    strict = {"name": "strict", "level": 1.05, "zero_fails": True}
    loose = {"name": "loose", "level": 1.05}
    for listed, verdict in (([loose], False), ([strict], True), ([loose, strict], True)):
        pool = pool_of(10.5, held(), **{"trigger.constraint": listed})
        assert (pool.excess, pool.liquidatable) == (0, verdict)


def test_constraint_on_the_initial_margin_needs_the_leverage() -> None:
    sections = {"trigger.constraint": [{"name": "initial", "required": "initial"}]}
    pool = pool_of(99, held(), **sections)
    assert (pool.excess, pool.liquidatable, pool.margin_ratio) == (-1, True, Fraction("9.9"))
    with pytest.raises(ReferenceInputError, match=r"^positions.leverage\[0\] was absent"):
        pool_of(99, held(leverage=None), **sections)


@pytest.mark.parametrize(
    ("rule", "gain", "loss"),
    [
        ("equity_less_initial", 990, 410),
        ("cash_less_loss_and_initial", 900, 410),
        ("cash_less_initial", 900, 900),
    ],
)
def test_available_by_rule_at_a_gain_and_a_loss(rule: str, gain: int, loss: int) -> None:
    # Entered at 100 with leverage 10 on entry: margin 100, and plus 90 or minus 490.
    sections = {"available": {"rule": rule}, "initial_margin": {"price": "entry"}}
    assert pool_of(1_000, held(), mark=109, **sections).available == gain
    assert pool_of(1_000, held(), mark=51, **sections).available == loss


def test_available_is_never_below_zero() -> None:
    assert pool_of(50, held()).available == 0


# Wallet 1,000 and a bonus of 200; margin on entry 100; at 109 plus 90, at 51 minus 490; maintenance 10.9 and 5.1.
@pytest.mark.parametrize(
    ("rule", "gain", "loss"),
    [
        ({"rule": "equity_less_initial"}, "1090", "510"),
        ({"rule": "cash_less_loss_and_initial"}, "1000", "610"),
        ({"rule": "cash_less_initial"}, "1000", "1000"),
        ({"rule": "equity_less_maintenance", "factor": 1.2}, "1000", "703.88"),
        ({"rule": "equity_less_initial_or_notional_share", "notional_share": 0.1}, "1090", "510"),
    ],
)
def test_withdrawable_by_rule_never_holds_the_bonus(rule: dict[str, Any], gain: str, loss: str) -> None:
    sections = {"withdrawable": rule, "initial_margin": {"price": "entry"}, "bonus": {"counts_as_margin": True}}
    above = pool_of(1_000, held(), mark=109, credit=200, **sections)
    below = pool_of(1_000, held(), mark=51, credit=200, **sections)
    assert (above.equity, above.wallet_balance, above.available) == (1_290, 1_000, 1_190)
    assert (above.withdrawable, below.withdrawable) == (Fraction(gain), Fraction(loss))


def test_withdrawable_of_a_forfeited_bonus_backs_nothing_that_stays() -> None:
    # 1,000 of one's own less 100 of initial margin, and less a loss of 490.
    sections = {
        "withdrawable": {"rule": "cash_less_loss_and_initial"},
        "initial_margin": {"price": "entry"},
        "bonus": {"counts_as_margin": True, "forfeited_on_transfer": True},
    }
    above = pool_of(1_000, held(), mark=109, credit=200, **sections)
    below = pool_of(1_000, held(), mark=51, credit=200, **sections)
    assert (above.withdrawable, below.withdrawable) == (Fraction(900), Fraction(410))


def test_withdrawable_of_a_debt_is_what_is_left_after_it() -> None:
    pool = pool_of(1_000, borrowed=300)
    assert (pool.wallet_balance, pool.equity, pool.available, pool.withdrawable) == (1_000, 700, 700, 700)


def test_bonus_is_refused_where_it_does_not_count() -> None:
    text = r"^balances.bonus\[0\] was 5, expected absent or 0 in a market without a bonus$"
    with pytest.raises(ReferenceInputError, match=text):
        pool_of(1_000, credit=5)


def test_withdrawable_of_several_assets_is_limited_by_own_cash() -> None:
    # 1 coin at 100 counts 90; 50 of the other, with a profit of 90 that does not leave: 150 of own cash at most.
    sections = {
        "pools": {"cross": "per_account"},
        "collateral": {"value": "haircut"},
        "collateral.asset.USDT": {"weight": 1},
        "collateral.asset.COIN": {"weight": 0.9},
        "withdrawable": {"rule": "equity_less_initial"},
        "initial_margin": {"price": "entry"},
    }
    market = load_market(market_toml([SPEC], RuleSpec(), sections, assets=("USDT", "COIN")))
    cash = [
        {"account": 1, "asset": "COIN", "wallet_balance": 1},
        {"account": 1, "asset": "USDT", "wallet_balance": 50},
    ]
    for mark, amount in ((109, 130), (100, 40), (119, 150)):
        (pool,) = score_account(market, cash, [held()], {"X": mark}, index={"COIN": 100})
        assert pool.collateral_value == 140 + 10 * (mark - 100)
        assert pool.withdrawable == amount


@pytest.mark.parametrize(
    ("rounding", "up", "down"),
    [
        ("truncate", "0.12", "-0.12"),
        ("floor", "0.12", "-0.13"),
        ("ceiling", "0.13", "-0.12"),
        ("half_up", "0.13", "-0.13"),
        ("half_even", "0.12", "-0.12"),
    ],
)
def test_round_amount_of_a_half(rounding: str, up: str, down: str) -> None:
    assert round_amount(Fraction("0.125"), 2, rounding) == Decimal(up)
    assert round_amount(Fraction("-0.125"), 2, rounding) == Decimal(down)


# Bybit's shown prices of longs: 913.105 at a tick of 0.05, 5739.08 and 7735.372549 at 0.5.
@pytest.mark.parametrize(
    ("price", "tick", "long", "short"),
    [("913.105", 0.05, "913.15", "913.1"), ("5739.08", 0.5, "5739.5", "5739"), ("7735.5", 0.5, "7735.5", "7735.5")],
)
def test_round_price_adverse_is_up_for_longs_and_down_for_shorts(
    price: str, tick: float, long: str, short: str
) -> None:
    assert round_price(Fraction(price), tick, "adverse", "long") == Fraction(long)
    assert round_price(Fraction(price), tick, "adverse", "short") == Fraction(short)


BASE = market_toml([SPEC], RuleSpec(level=1.5))
CHANGE = """
extends = "base/2020-01-01"
preset = "change"
as_of = 2021-01-01
[trigger]
zero_fails = true
[[instrument]]
name = "X"
contract_size = 5
[[asset]]
name = "EUR"
[tiers.X]
floor = [0]
maintenance_rate = [0.5]
"""


def test_extends_lays_a_file_over_the_one_it_names(tmp_path: Path) -> None:
    for name, day, text in (("base", "2020-01-01", BASE), ("change", "2021-01-01", CHANGE)):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"{day}.toml").write_text(text, encoding="utf-8")
    changed = load_market(tmp_path / "change" / "2021-01-01.toml")
    assert (changed.rules.trigger_level, changed.rules.zero_fails) == (Fraction("1.5"), True)
    (instrument,) = changed.instruments
    assert (instrument.contract_size, instrument.settle) == (5, "USDT")
    assert instrument.table.tiers[0].maintenance_rate == Fraction("0.5")
    assert [asset.name for asset in changed.assets] == ["USDT", "EUR"]
    assert load_market(CHANGE, presets=tmp_path).preset == "change"
