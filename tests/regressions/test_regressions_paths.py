"""Faults of moving prices: what must not move, and choices that doubles leave open."""

from fractions import Fraction
from typing import Any

import crossmargin as xm

RULES = """
schema = 1
preset = "paths"
title = "Rules of one test"
venue = "None"
as_of = 2024-10-01

[pools]
{pools}

[valuation]
asset = "{valuation}"

[trigger]
level = 1
zero_fails = true
price = "mark"

[maintenance_margin]
price = "mark"
legs = "each"

[initial_margin]
price = "mark"
legs = "each"
{initial}

[available]
rule = "equity_less_initial"

[withdrawable]
rule = "cash_less_loss_and_initial"

[display]
venue_ratio = "equity_over_maintenance"
{more}

[[asset]]
name = "BTC"
quantum = "1e-8"

[[asset]]
name = "USDT"
quantum = "1e-8"

[[instrument]]
name = "BTCUSDT"
base = "BTC"
quote = "USDT"
settle = "USDT"
payoff = "linear"
contract_size = 1
tiers = "one"

[[instrument]]
name = "ETHUSDT"
base = "ETH"
quote = "USDT"
settle = "USDT"
payoff = "linear"
contract_size = 1
tiers = "two"

[tiers.one]
law = "marginal"
bounds = "quote"
cap = 1e12
floor = [0]
max_leverage = [100]
maintenance_rate = [0.01]
initial_rate = [0.1]

[tiers.two]
law = "flat"
bounds = "quote"
cap = 1e12
floor = [0, 49.53]
max_leverage = [10, 5]
maintenance_rate = [0.01, 0.02]
initial_rate = [0.1, 0.5]
at_floor = "lower"
"""


def held(quantity: float, **more: Any) -> list[dict[str, Any]]:
    return [{"account": 1, "instrument": "BTCUSDT", "quantity": quantity, "entry_price": 60_000.0, **more}]


def test_regression_along_an_underlying_the_valuation_asset_keeps_its_index_of_one() -> None:
    """0.5 + (v - 60,000) / 64,000 = 0.01 v / 64,000, whether or not somebody says that a bitcoin is worth one."""
    joint = 'cross = "per_account"\nisolated = true'
    text = RULES.format(pools=joint, valuation="BTC", initial="", more='[collateral]\nvalue = "full"')
    market = xm.Market.from_toml(text)
    book = xm.Book(market, balances=[{"account": 1, "asset": "BTC", "wallet_balance": 0.5}], positions=held(1.0))
    expected = float(Fraction(28_000) / Fraction("0.99"))
    for index in ({"USDT": 1 / 64_000}, {"USDT": 1 / 64_000, "BTC": 1.0}):
        prices = market.prices(mark={"BTCUSDT": 60_000.0}, index=index)
        found = xm.liquidation_prices(book, prices, along="underlying")
        below = dict(zip(found["underlying"], found["below"].tolist(), strict=True))
        assert abs(below["BTC"] / expected - 1) < 1e-15


def test_regression_bankruptcy_price_beside_an_order_on_a_floor_is_that_of_its_tier() -> None:
    """The order is worth 12.7 * 3.9, exactly the floor, and so freezes a tenth: 100,000 + 7 (v - 60,000) = 4.953."""
    orders = '[orders]\ninitial_margin = "sum"\ntier_basis = "sum"\nfrozen = "all"'
    text = RULES.format(
        pools='cross = "per_asset"\nisolated = true', valuation="USDT", initial='source = "table"', more=orders
    )
    market = xm.Market.from_toml(text)
    book = xm.Book(
        market,
        balances=[{"account": 1, "asset": "USDT", "wallet_balance": 100_000.0}],
        positions=held(7.0, leverage=10.0),
        orders=[{"account": 1, "instrument": "ETHUSDT", "quantity": 12.7, "price": 3.9, "leverage": 5.0}],
    )
    found = xm.liquidation_prices(book, market.prices(mark={"BTCUSDT": 60_000.0, "ETHUSDT": 3.9}))
    assert found.bankruptcy_price[0] == float(Fraction("320004.953") / 7)
