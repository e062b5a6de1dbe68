"""What a market of every kind of rule tells of itself, and what its pools need prices of."""

import math
import pickle
from collections.abc import Callable

import numpy as np
import pytest

import crossmargin as xm

Refused = Callable[..., str]

MARKET = """
extends = "textbook/2020-01-01"
preset = "every"
as_of = 2024-10-01
[pools]
cross = "per_account"
[valuation]
asset = "USDT"
[trigger]
combine = "all"
[[trigger.constraint]]
name = "by mark"
[[trigger.constraint]]
name = "by last"
price = "last"
level = 1.5
zero_fails = true
[maintenance_margin]
price = "mark"
closing_fee = "mark"
[maintenance_margin.isolated]
price = "entry"
[margin_class]
table_version = "kept_by_open_positions"
[fees]
taker = 0.0005
maker = -0.0001
discount = 0.1
[fees.profile.vip]
taker = 0.0002
maker = -0.0002
discounted = true
[admission]
test = "free_margin"
reduce_only = "checked"
[limits]
legs = "long_plus_short"
orders = "sum"
leverage = "none"
[limits.isolated]
legs = "same"
[bonus]
counts_as_margin = true
spent = "own_first"
pays = ["fees", "losses"]
paid_share = 0.5
only_losses_beyond_profit = true
forfeited_on_transfer = true
expires_days = 15
[collateral]
value = "haircut"
negative = "ask"
[collateral.asset.BTC]
unit = "quantity"
floor = [0, 10]
weights = [0.95, 0.9]
cap = 50
ask_buffer = 0.02
[collateral.asset.USDT]
weight = 1
[collateral.asset.USDT.liability]
floor = [0, 1000]
maintenance_rate = [0.02, 0.04]
initial_rate = [0.1, 0.2]
[liabilities]
requirement = "tiers"
[[asset]]
name = "BTC"
[[instrument]]
name = "BTCUSDT"
old_tiers = { y2023 = "older" }
lot = "0.001"
min_quantity = "0.002"
max_quantity = 500
min_notional = 5
[tiers.older]
law = "flat"
at_floor = "lower"
bounds = "contracts"
floor = [0, 1000]
maintenance_rate = [0.05, 0.06]
initial_rate = [0.1, 0.2]
cap = 5000
"""


@pytest.fixture(scope="module")
def market() -> xm.Market:
    return xm.Market.from_toml(MARKET)


def test_market_collateral_has_a_row_per_asset_and_tier(market: xm.Market, textbook: xm.Market) -> None:
    rows = market.collateral.rows()
    assert [(row["asset"], row["floor"], row["collateral_weight"]) for row in rows] == [
        ("USDT", 0.0, 1.0),
        ("BTC", 0.0, 0.95),
        ("BTC", 10.0, 0.9),
        ("BTC", 50.0, 0.0),
    ]
    assert rows[1] | {"unit": "quantity", "bid_buffer": 0.0, "ask_buffer": 0.02, "liability_factor": 1.0} == rows[1]
    assert len(textbook.collateral) == 0


def test_market_liabilities_have_a_row_per_tier(market: xm.Market) -> None:
    assert market.liabilities.rows() == [
        {"asset": "USDT", "floor": 0.0, "maintenance_rate": 0.02, "initial_rate": 0.1},
        {"asset": "USDT", "floor": 1000.0, "maintenance_rate": 0.04, "initial_rate": 0.2},
    ]


def test_market_profiles_begin_with_the_default(market: xm.Market) -> None:
    assert market.profiles.rows() == [
        {"profile": "default", "taker": 0.0005, "maker": -0.0001, "discount": 0.0},
        {"profile": "vip", "taker": 0.0002, "maker": -0.0002, "discount": 0.1},
    ]


def test_market_rules_of_orders_and_bonus_are_named(market: xm.Market, textbook: xm.Market) -> None:
    told = {
        name: value for name, value in market.rules.items() if name.split("_")[0] in ("admission", "limit", "bonus")
    }
    assert told == {
        "admission_basis": "fill",
        "admission_test": "free_margin",
        "admission_reduce_only": "checked",
        "limit_legs": "long_plus_short",
        "limit_legs_isolated": "each",
        "limit_orders": "sum",
        "limit_leverage": "none",
        "bonus_counts": True,
        "bonus_pays": "losses, fees",
        "bonus_spent": "own_first",
        "bonus_paid_share": 0.5,
        "bonus_only_losses_beyond_profit": True,
        "bonus_forfeited_on_transfer": True,
        "bonus_expires_days": 15,
    }
    plain = textbook.rules
    assert {plain[name] for name in told if name.startswith("bonus_")} == {False, None}
    assert (plain["admission_basis"], plain["limit_legs"], plain["limit_leverage"]) == ("fill", "each", "tier")
    nothing = "[bonus]\ncounts_as_margin = true\n"
    extends = 'extends = "textbook/2020-01-01"\npreset = "a"\nas_of = 2024-10-01\n'
    assert xm.Market.from_toml(extends + nothing).rules["bonus_pays"] == "none"


def test_market_instruments_have_the_sizes_that_are_stated(market: xm.Market, textbook: xm.Market) -> None:
    sizes = ("min_quantity", "max_quantity", "min_notional")
    assert [market.instruments[name][0] for name in sizes] == [0.002, 500.0, 5.0]
    assert all(math.isnan(textbook.instruments[name][0]) for name in sizes)


def test_market_tiers_of_a_version_are_the_older_ones(market: xm.Market, refused: Refused) -> None:
    assert market.tier_versions == {"BTCUSDT": ["y2023"]}
    old = market.tiers("BTCUSDT", version="y2023")
    assert old["law"].tolist() == ["flat", "flat"]
    assert old["bounds"].tolist() == ["contracts", "contracts"]
    assert old["at_floor"].tolist() == ["lower", "lower"]
    assert old["initial_rate"].tolist() == [0.1, 0.2]
    assert old["cap"].tolist() == [1000.0, 5000.0]
    assert old != market.tiers("BTCUSDT")
    message = refused(xm.ArgumentError, market.tiers, "BTCUSDT", "y2022")
    assert message == 'version was "y2022", which BTCUSDT does not have; it has y2023'
    message = refused(xm.ArgumentError, market.tiers, "ETHUSDT", "y2023")
    assert message == 'version was "y2023", which ETHUSDT does not have; it has none'
    assert refused(xm.ArgumentError, market.tiers, "BTCUSDT", 3) == "version was of type int, expected text"


def test_market_rules_say_what_the_file_says(market: xm.Market) -> None:
    rules = market.rules
    assert rules["constraints"] == [
        {"name": "by mark", "level": 1.0, "zero_fails": False, "price": "mark", "required": "maintenance"},
        {"name": "by last", "level": 1.5, "zero_fails": True, "price": "last", "required": "maintenance"},
    ]
    assert (rules["cross_pool"], rules["combine"], rules["negative_value"]) == ("per_account", "all", "ask")
    assert (rules["maintenance_price"], rules["maintenance_price_isolated"]) == ("mark", "entry")
    assert rules["maintenance_closing_fee"] == "mark"
    assert "maintenance_closing_fee_isolated" not in rules
    assert rules["liability_requirement"] == "tiers"
    assert pickle.loads(pickle.dumps(market)).rules == rules


def test_market_instruments_tell_underlying_and_multiplier(market: xm.Market) -> None:
    assert market.instruments["underlying"].tolist() == ["BTC", "ETH", "SOL"]
    assert np.isnan(market.instruments["multiplier"]).all()


HELD = [
    {"account": 1, "instrument": "BTCUSDT", "quantity": 0.1, "entry_price": 60_000.0, "leverage": 10.0},
    {"account": 2, "instrument": "ETHUSDT", "quantity": 1.0, "entry_price": 3_000.0, "leverage": 10.0},
]
CASH = [
    {"account": 1, "asset": "USDT", "wallet_balance": 1_000.0},
    {"account": 1, "asset": "BTC", "wallet_balance": 0.5},
    {"account": 2, "asset": "USDT", "wallet_balance": 500.0},
]


def test_score_missing_prices_of_each_kind_are_named(market: xm.Market) -> None:
    book = xm.Book(market, balances=CASH, positions=HELD)
    with pytest.raises(xm.MissingPriceError) as caught:
        xm.score(book, market.prices(mark={"ETHUSDT": 3_000.0}, last={"BTCUSDT": 60_000.0}))
    error = caught.value
    assert (error.mark, error.last, error.index) == (("BTCUSDT",), ("ETHUSDT",), ("BTC",))
    assert error.names == ("BTCUSDT", "ETHUSDT", "BTC")
    assert str(error) == (
        "no mark price for held instruments: BTCUSDT; no last price for held instruments: ETHUSDT; no index price for "
        'held assets: BTC; give them, or score the rest with missing="null"'
    )
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.names, again.index) == (str(error), error.names, error.index)


def test_score_missing_null_leaves_out_pools_without_index_or_last(market: xm.Market) -> None:
    book = xm.Book(market, balances=CASH, positions=HELD)
    marks = {"BTCUSDT": 60_000.0, "ETHUSDT": 3_000.0}
    scores = xm.score(book, market.prices(mark=marks, last=marks), missing="null")
    assert scores.unpriced.tolist() == [True, False]
    scores = xm.score(book, market.prices(mark=marks, last={"BTCUSDT": 1.0}, index={"BTC": 1.0}), missing="null")
    assert scores.unpriced.tolist() == [False, True]


def test_scores_accounts_of_a_pool_per_account_are_its_pool(market: xm.Market) -> None:
    book = xm.Book(market, balances=CASH, positions=HELD)
    marks = {"BTCUSDT": 62_000.0, "ETHUSDT": 3_000.0}
    scores = xm.score(book, market.prices(mark=marks, last=marks, index={"BTC": 61_000.0}), "all")
    assert scores.pools["asset"].tolist() == ["USDT", "USDT"]
    # 1,000 + 0.1 * 2,000 + 0.5 BTC at 61,000, of which 95 % counts as collateral
    assert scores.equity.tolist() == [31_700.0, 500.0]
    assert scores.collateral_value.tolist() == [30_175.0, 500.0]
    accounts = scores.accounts()
    assert accounts["equity"].tolist() == [31_700.0, 500.0]
    assert accounts["n_pools"].tolist() == [1, 1]
    in_btc = scores.accounts(valuation="BTC")
    assert in_btc["equity"].tolist() == pytest.approx([31_700 / 61_000, 500 / 61_000], rel=1e-15)
    assert scores.totals()["equity"] == 32_200.0


def test_scores_accounts_add_isolated_pools_of_other_assets(market: xm.Market) -> None:
    inverse = market.to_toml() + '\n[[instrument]]\nname = "BTCUSD"\nbase = "BTC"\nquote = "USD"\nsettle = "BTC"\n'
    inverse += 'payoff = "inverse"\ncontract_size = 100\ntiers = "inverse"\n[tiers.inverse]\nlaw = "flat"\n'
    inverse += 'bounds = "settle"\nfloor = [0]\nmaintenance_rate = [0.01]\n'
    inverse = inverse.replace('preset = "every"', 'preset = "both"')
    both = xm.Market.from_toml(inverse)
    fenced = {"margin_mode": "isolated", "isolated_margin": 0.125}
    held = [{"account": 1, "instrument": "BTCUSD", "quantity": 100.0, "entry_price": 50_000.0} | fenced]
    book = xm.Book(both, balances=CASH, positions=held)
    marks = {"BTCUSD": 50_000.0}
    scores = xm.score(book, both.prices(mark=marks, last=marks, index={"BTC": 60_000.0}), "equity")
    assert scores.pools["asset"].tolist() == ["USDT", "BTC", "USDT"]
    assert scores.equity.tolist() == [1_000 + 0.375 * 60_000, 0.125, 500.0]
    assert scores.accounts()["equity"].tolist() == [1_000 + 0.5 * 60_000, 500.0]
    with pytest.raises(xm.MissingPriceError) as caught:
        xm.score(book, both.prices(mark=marks, last=marks))
    assert caught.value.index == ("BTC",)


def test_scores_unknown_leverage_leaves_the_initial_margin_unknown(market: xm.Market) -> None:
    held = [{name: value for name, value in HELD[1].items() if name != "leverage"}]
    book = xm.Book(market, balances=CASH, positions=held)
    marks = {"ETHUSDT": 3_000.0}
    scores = xm.score(book, market.prices(mark=marks, last=marks, index={"BTC": 1.0}), "all")
    assert math.isnan(scores.initial_margin[1])
    assert scores.accounts()["initial_margin"].tolist()[0] == 0.0
    with_setting = xm.Book(
        market, balances=CASH, positions=held, settings=[{"account": 2, "instrument": "ETHUSDT", "leverage": 4.0}]
    )
    assert xm.score(with_setting, scores.prices, "all").initial_margin.tolist() == [0.0, 750.0]
