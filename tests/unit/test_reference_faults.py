"""What the reference refuses, with the exact words."""

import re
from typing import Any

import pytest

from crossmargin.reference import ReferenceInputError, load_market, score, score_account
from crossmargin.testing.markets import InstrumentSpec, market_toml

SPEC = InstrumentSpec("X", (0, 1_000), (0.01, 0.02), cap=5_000)
MARKET = market_toml([SPEC])
GOOD: dict[str, Any] = {"account": 1, "instrument": "X", "quantity": 1, "entry_price": 100}


def refused(text: str) -> Any:
    return pytest.raises(ReferenceInputError, match="^" + re.escape(text) + "$")


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"quantity": 0}, "positions.quantity[1] was 0, expected a number other than 0; leave the row out"),
        ({"quantity": float("nan")}, "positions.quantity[1] was NaN, expected a finite number"),
        ({"quantity": True}, "positions.quantity[1] was True, expected a number"),
        ({"quantity": "one"}, "positions.quantity[1] was 'one', expected a number"),
        ({"quantity": [1]}, "positions.quantity[1] was [1], expected a number"),
        (
            {"quantity": 1e-80},
            "positions.quantity[1] was 1e-80, expected zero or a magnitude between 2^-256 and 2^256",
        ),
        ({"quantity": None}, "positions.quantity[1] was absent, expected a value"),
        ({"entry_price": -1.5}, "positions.entry_price[1] was -1.5, expected a number above 0"),
        ({"leverage": 0}, "positions.leverage[1] was 0, expected a number above 0"),
        ({"account": 1.5}, "positions.account[1] was 1.5, expected an integer or a string"),
        (
            {"instrument": "W"},
            "positions.instrument[1] was 'W', expected an instrument of the market; load a market that lists it",
        ),
        ({"margin_mode": "both"}, "positions.margin_mode[1] was 'both', expected 'cross' or 'isolated'"),
        ({"position_side": "up"}, "positions.position_side[1] was 'up', expected 'net' or 'long' or 'short'"),
        (
            {"position_side": "long", "quantity": -1},
            "positions.quantity[1] was -1, expected a number above 0 for side 'long'",
        ),
        ({"position_side": "short"}, "positions.quantity[1] was 1, expected a number below 0 for side 'short'"),
        (
            {"isolated_margin": 5, "position_side": "long"},
            "positions.isolated_margin[1] was 5, expected absent or 0 for a cross position",
        ),
        (
            {"margin_mode": "isolated"},
            "positions.isolated_margin[1] was absent, expected a number, or a leverage to derive it from",
        ),
        (
            {"margin_mode": "isolated", "isolated_margin": -1},
            "positions.isolated_margin[1] was -1, expected a number not below 0",
        ),
        (
            {"position_side": "long", "quantity": 51},
            "positions.quantity[1] was 51, expected an entry notional of at most 5000, where the last tier of X ends; "
            "load tiers that reach further",
        ),
        (
            {},
            "positions.instrument[1] was (1, 'X', 'net', 'cross'), expected a key that occurs once; "
            "pass duplicates='merge'",
        ),
    ],
)
def test_position_faulty_is_refused(change: dict[str, Any], text: str) -> None:
    with refused(text):
        score(load_market(MARKET), [], [GOOD, {**GOOD, **change}], {"X": 100})


def test_position_entry_notional_on_the_cap_is_accepted() -> None:
    score(load_market(MARKET), [], [{**GOOD, "quantity": 50}], {"X": 200})


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"asset": "EUR"}, "balances.asset[1] was 'EUR', expected an asset of the market; load a market that lists it"),
        ({"wallet_balance": float("inf")}, "balances.wallet_balance[1] was inf, expected a finite number"),
        ({}, "balances.asset[1] was (1, 'USDT'), expected a key that occurs once; pass duplicates='merge'"),
    ],
)
def test_balance_faulty_is_refused(change: dict[str, Any], text: str) -> None:
    good = {"account": 1, "asset": "USDT", "wallet_balance": 5}
    with refused(text):
        score(load_market(MARKET), [good, {**good, **change}], [], {})


@pytest.mark.parametrize(
    ("other", "text"),
    [
        (
            {"quantity": -1},
            "positions.quantity[1] was -1, expected the sign of the row it is merged with; "
            "close the part against it first",
        ),
        ({"leverage": 5}, "positions.leverage[1] was 5, expected the leverage of the row it is merged with"),
        (
            {"isolated_margin": 0},
            "positions.isolated_margin[1] was 0, expected present in all rows that are merged, or in none",
        ),
    ],
)
def test_merge_of_unlike_rows_is_refused(other: dict[str, Any], text: str) -> None:
    with refused(text):
        score(load_market(MARKET), [], [GOOD, {**GOOD, **other}], {"X": 1}, duplicates="merge")


def test_mark_missing_is_refused_never_replaced() -> None:
    with refused("prices.mark was absent, expected a mark price for X"):
        score(load_market(MARKET), [], [GOOD], {})


def test_mark_zero_is_refused() -> None:
    with refused("prices.mark['X'] was 0.0, expected a number above 0"):
        score(load_market(MARKET), [], [GOOD], {"X": 0.0})


def test_score_account_of_two_accounts_is_refused() -> None:
    with refused("account was ['1', '2'], expected one account; call score for many"):
        score_account(load_market(MARKET), [], [GOOD, {**GOOD, "account": 2}], {"X": 1})


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        (
            'payoff = "linear"',
            'payoff = "power"',
            "instrument[0].payoff was 'power', expected 'linear' or 'inverse' or 'quanto'; "
            "not supported by the reference",
        ),
        (
            'cross = "per_asset"',
            'cross = "per_pair"',
            "pools.cross was 'per_pair', expected 'per_asset' or 'per_account'; not supported by the reference",
        ),
        (
            'legs = "each"',
            'legs = "all"',
            "maintenance_margin.legs was 'all', expected 'each' or 'net' or 'long_plus_short' or 'larger_side'; "
            "not supported by the reference",
        ),
        ("floor = [0, 1000]", "floor = [0, 0]", "tiers.X.floor[1] was 0, expected floors that rise"),
        ("floor = [0, 1000]", "floor = [1, 1000]", "tiers.X.floor was 1, expected a first floor of 0"),
        (
            "floor = [0, 1000]",
            "floor = [0]",
            "tiers.X.max_leverage was '2 values', expected 1 values, one per floor",
        ),
        ("0.02]", "1.02]", "tiers.X.maintenance_rate[1] was 51/50, expected a fraction between 0 and 1"),
        ("cap = 5000", "cap = 1000", "tiers.X.cap was 1000, expected a number above the last floor"),
        ("zero_fails = false", "zero_fails = 0", "trigger.zero_fails was 0, expected true or false"),
        (
            'settle = "USDT"',
            'settle = "BTC"',
            "instrument[0].settle was 'BTC', expected the quote asset 'USDT' of a linear contract",
        ),
        ('tiers = "X"', 'tiers = "W"', "instrument[0].tiers was 'W', expected the name of a [tiers.<name>] table"),
        ("schema = 1", "schema = 2", "schema was 2, expected 1; not supported by the reference"),
        (
            "schema = 1",
            'schema = 1\nextends = "x"',
            "extends was 'x', expected a market complete in itself; merge the two files first",
        ),
        (
            'law = "marginal"',
            'law = "list"',
            "tiers.X.deduction was absent, expected a deduction per tier for law 'list'",
        ),
        (
            'law = "marginal"',
            'law = "list"\ndeduction = [1, 0]',
            "tiers.X.deduction[0] was 1, expected a deduction not above rate times floor",
        ),
    ],
)
def test_market_faulty_is_refused(old: str, new: str, text: str) -> None:
    assert old in MARKET
    with refused(text):
        load_market(MARKET.replace(old, new))


def test_market_not_toml_is_refused() -> None:
    with pytest.raises(ReferenceInputError, match=r"^market was not TOML: "):
        load_market("= 1")
