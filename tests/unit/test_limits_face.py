"""Limits of one's own from Python: who is beyond them, told exactly at the tie, by how much, and what is refused."""

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import crossmargin as xm

NONE = xm.Limits(levels=(), soft_stop=None, maintenance_share=None, liquidation=False)


@pytest.fixture(scope="module")
def market() -> xm.Market:
    return xm.load_market("textbook")  # 2.5 % of maintenance margin


@pytest.fixture(scope="module")
def prices(market: xm.Market) -> xm.Prices:
    return market.prices(mark={"BTCUSDT": 60_000.0, "ETHUSDT": 2_000.0})


def book_of(market: xm.Market, cash: float, eth: float = 0.0, account: Any = 7) -> xm.Book:
    """An account with 6,000 of BTC, of which 150 is required, and some ETH at 2,000."""
    rows = [{"account": account, "instrument": "BTCUSDT", "quantity": 0.1, "entry_price": 60_000.0}]
    if eth:
        rows.append({"account": account, "instrument": "ETHUSDT", "quantity": eth, "entry_price": 2_000.0})
    return xm.Book(market, balances={"account": [account], "asset": ["USDT"], "wallet_balance": [cash]}, positions=rows)


def words(found: xm.Breaches) -> list[str]:
    return found.reasons()["word"].tolist()


@pytest.mark.parametrize(
    ("limits", "fits", "breaks", "word"),
    [
        ({"levels": (2.0,)}, 300.0, 299.99999999, "below_2"),
        ({"maintenance_share": 0.02}, 7_500.0, 7_499.99999999, "maintenance_share"),
        ({"max_leverage": 5}, 1_200.0, 1_199.99999999, "max_leverage"),
        ({"liquidation": True}, 150.0, 149.99999999, "liquidatable"),
        ({"soft_stop": 0.15}, 850.00000001, 850.0, "soft_stop"),
    ],
)
def test_limits_are_broken_beyond_the_tie_and_not_at_it(
    market: xm.Market, prices: xm.Prices, limits: dict[str, Any], fits: float, breaks: float, word: str
) -> None:
    asked = xm.Limits(**{"levels": (), "soft_stop": None, "maintenance_share": None, "liquidation": False, **limits})
    # the stop is at its tie, all else fits there
    found = xm.check_limits(book_of(market, fits), prices, asked, references={7: 1_000.0})
    assert not found
    assert words(found) == []
    found = xm.check_limits(book_of(market, breaks), prices, asked, references={7: 1_000.0})
    assert found
    assert words(found) == [word]
    assert found.has(word).tolist() == [True]


def test_limits_concentration_names_the_underlying(market: xm.Market, prices: xm.Prices) -> None:
    book = book_of(market, 9_000.0, eth=-1.0)  # 6,000 of 8,000 in BTC
    assert not xm.check_limits(book, prices, xm.Limits(concentration=0.75, maintenance_share=None))
    found = xm.check_limits(book, prices, xm.Limits(concentration=0.7499, maintenance_share=None))
    assert found.reasons().rows() == [
        {
            "account": 7,
            "instrument": None,
            "underlying": "BTC",
            "word": "concentration",
            "value": 0.75,
            "limit": 0.7499,
        }
    ]


def test_limits_without_equity_are_all_broken(market: xm.Market, prices: xm.Prices) -> None:
    found = xm.check_limits(book_of(market, -1.0), prices, xm.Limits(max_leverage=100.0))
    assert words(found) == ["below_2", "below_1.5", "below_1.2", "liquidatable", "maintenance_share", "max_leverage"]
    assert found.reasons()["value"].tolist()[-2:] == [np.inf, np.inf]
    assert (found.bits[0], found.positions["bits"][0], found.accounts["bits"][0]) == (1 << 16 | 7, 1 << 18, 1 << 19)


def test_limits_of_several_accounts_tell_each_by_its_key(market: xm.Market, prices: xm.Prices) -> None:
    rows = [
        {"account": name, "instrument": "BTCUSDT", "quantity": size, "entry_price": 60_000.0}
        for name, size in (("a", 0.1), ("b", -0.2))
    ]
    cash = {"account": ["b", "a"], "asset": ["USDT", "USDT"], "wallet_balance": [400.0, 9_000.0]}
    book = xm.Book(market, balances=cash, positions=rows)
    found = xm.check_limits(book, prices, xm.Limits(levels=(1.5,), max_leverage=20.0))
    assert found.accounts["account"].tolist() == ["b", "a"]
    assert [(row["account"], row["word"]) for row in found.reasons().rows()] == [
        ("b", "below_1.5"),
        ("b", "maintenance_share"),
        ("b", "max_leverage"),
    ]
    assert found.has("maintenance_share").tolist() == [False, True]  # in the order of the rows
    assert found.n_unpriced == 0


ETH = """
[[asset]]
name = "ETH"
quantum = 1e-8

[[instrument]]
base = "ETH"
contract_size = 10
name = "ETHUSD_PERP"
payoff = "inverse"
quote = "USD"
settle = "ETH"
tiers = "BTCUSD"
"""


def test_limits_in_several_assets_are_valued_in_one(refused: Callable[..., str]) -> None:
    market = xm.Market.from_toml(xm.load_market("binance-coinm").to_toml().replace("binance-coinm", "coins") + ETH)
    rows = [
        {"account": 1, "instrument": name, "quantity": size, "entry_price": price, "leverage": 10.0}
        for name, size, price in (("BTCUSD_PERP", 60.0, 60_000.0), ("ETHUSD_PERP", 600.0, 3_000.0))
    ]
    cash = {"account": [1, 1], "asset": ["BTC", "ETH"], "wallet_balance": [0.1, 2.0]}
    book = xm.Book(market, balances=cash, positions=rows)
    marks = {"BTCUSD_PERP": 60_000.0, "ETHUSD_PERP": 3_000.0}
    prices = market.prices(mark=marks, index={"BTC": 60_000.0, "ETH": 3_000.0})
    asked = {"maintenance_share": None, "max_leverage": 0.999, "concentration": 0.499}
    found = xm.check_limits(book, prices, xm.Limits(**asked, valuation="BTC"))  # 6,000 of each, notional and equity
    values = {row["word"]: row["value"] for row in found.reasons().rows()}
    assert values == {"max_leverage": pytest.approx(1.0), "concentration": pytest.approx(0.5)}
    assert "valuation" in refused(xm.ArgumentError, xm.check_limits, book, prices, xm.Limits(**asked))


def test_limits_of_unpriced_pools_say_nothing_else(market: xm.Market) -> None:
    book, prices = book_of(market, -5.0), market.prices(mark={"ETHUSDT": 2_000.0})
    with pytest.raises(xm.MissingPriceError):
        xm.check_limits(book, prices)
    found = xm.check_limits(book, prices, missing="null")
    assert found.unpriced.tolist() == [True]
    assert words(found) == ["unpriced"]
    assert np.isnan(found.reasons()["value"][0])


def test_limits_of_a_book_that_changed_are_those_it_had(market: xm.Market, prices: xm.Prices) -> None:
    book = book_of(market, 300.0)
    found = xm.check_limits(book, prices)
    before = found.reasons()
    book._put(book_of(market, 9_000.0)._core)
    assert found.reasons() == before
    again = pickle.loads(pickle.dumps(found))
    assert again.reasons() == before
    assert again.table == found.table


def test_limits_watched_by_a_monitor_are_the_same_flags(market: xm.Market, prices: xm.Prices) -> None:
    limits = xm.Limits(levels=(3, 1.1), max_leverage=2)
    book = book_of(market, 400.0)
    monitor = xm.Monitor(book, prices, limits, references={7: 1_000.0})
    assert monitor.alerts == xm.Alerts(levels=(3.0, 1.1))
    for mark in (60_000.0, 58_000.0, 57_000.0, 75_000.0):
        monitor.update({"BTCUSDT": mark})
        found = xm.check_limits(book, market.prices(mark={"BTCUSDT": mark, "ETHUSDT": 2_000.0}), limits)
        flags = monitor.flags
        assert flags["below_3"].tolist() == found.has("below_3").tolist()
        assert flags["below_1.1"].tolist() == found.has("below_1.1").tolist()
        assert flags["liquidation"].tolist() == found.has("liquidatable").tolist()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"liquidation": "on"}, "liquidation was 'on', expected True or False"),
        ({"levels": [2.0, 2]}, "levels had 2.0 twice, expected distinct ones"),
        ({"soft_stop": 1}, "soft_stop was 1, expected a share of the reference between 0 and 1, such as 0.15"),
        ({"maintenance_share": 0}, "maintenance_share was 0, expected a positive number, or None"),
        ({"max_leverage": np.inf}, "max_leverage was inf, expected a positive number, or None"),
        ({"max_leverage": "x"}, "max_leverage was of type str, expected a number"),
        ({"concentration": 1.5}, "concentration was 1.5, expected a share of at most 1"),
        ({"valuation": 1}, "valuation was of type int, expected text"),
    ],
)
def test_limits_that_are_none_are_refused(refused: Callable[..., str], given: dict[str, Any], message: str) -> None:
    assert refused(xm.ArgumentError, xm.Limits, **given) == message


def test_limits_calls_that_cannot_be_are_refused(
    market: xm.Market, prices: xm.Prices, refused: Callable[..., str]
) -> None:
    book = book_of(market, 300.0)

    def said(*given: Any, **options: Any) -> str:
        return refused(xm.ArgumentError, xm.check_limits, *given, **options)

    assert said(book, prices, xm.Alerts()) == "limits was of type Alerts, expected Limits"
    assert said({}, prices) == "book was of type dict, expected Book"
    assert said(book, {}) == "prices was of type dict, expected Prices"
    assert said(book, prices, references={8: 1.0}).startswith("references: account was 8, which the book does not hold")
    assert said(book, prices, xm.Limits(valuation="X")) == 'valuation was "X", which is no asset of the market'
    assert said(book, prices, missing="x") == 'missing was "x", expected "raise" or "null"'
    assert said(book, prices, n_threads=0) == "n_threads was 0, expected an integer from 1 to 1024, or None"
    other = xm.load_market("binance-usdm").prices(mark={})
    assert "were made for market" in said(book, other)
    found = xm.check_limits(book, prices)
    assert refused(xm.ArgumentError, found.has, "below_9").startswith("word was 'below_9', expected one of below_2")


def test_account_limits_are_those_of_its_book(market: xm.Market) -> None:
    account = xm.Account(market, {"USDT": 400})
    account.open("BTCUSDT", 0.1, entry_price=60_000, leverage=20)
    with pytest.raises(xm.MissingPriceError, match=r"call account.mark"):
        account.limits()
    account.mark({"BTCUSDT": 59_000})
    found = account.limits(xm.Limits(max_leverage=10), reference=400)
    assert words(found) == ["maintenance_share", "soft_stop", "max_leverage"]
    assert found.reasons()["value"].tolist() == [150 / 300, 300.0, 5_900 / 300]
