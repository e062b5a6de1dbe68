"""What a venue displays: figures and prices in its own rounding."""

from collections.abc import Callable

import numpy as np
import pytest

import crossmargin as xm

Refused = Callable[..., str]

MARKET = """
extends = "textbook/2020-01-01"
preset = "display"
as_of = 2024-10-01
[display]
amount_decimals = 2
amount_rounding = "half_up"
ratio_decimals = 4
price_rounding = "{rounding}"
[[instrument]]
name = "BTCUSDT"
tick = 0.5
"""
CASH = [{"account": 1, "asset": "USDT", "wallet_balance": 1_000.005}]
HELD = [{"account": 1, "instrument": "BTCUSDT", "quantity": 0.1, "entry_price": 60_000.0, "leverage": 7.0}]


def market_of(rounding: str = "truncate") -> xm.Market:
    return xm.Market.from_toml(MARKET.format(rounding=rounding))


def test_venue_rounded_rounds_what_the_market_says(refused: Refused) -> None:
    market = market_of()
    book = xm.Book(market, balances=CASH, positions=HELD)
    scores = xm.score(book, market.prices(mark={"BTCUSDT": 52_000.0}), "all")
    shown = scores.venue_rounded()
    assert shown.columns == scores.table.columns
    row = shown.rows()[0]
    # half of a cent is up; 6,000 / 7 = 857.142857...; 200.005 / 150
    assert (row["wallet_balance"], row["equity"], row["initial_margin"]) == (1_000.01, 200.01, 857.14)
    assert row["margin_ratio"] == 1.3334
    assert row["liquidatable"] is False
    assert scores.equity.tolist() != shown["equity"].tolist()


def test_venue_rounded_without_decimals_leaves_the_figures(textbook: xm.Market) -> None:
    book = xm.Book(textbook, balances=CASH, positions=HELD)
    scores = xm.score(book, textbook.prices(mark={"BTCUSDT": 52_000.0}), "all")
    assert scores.venue_rounded() == scores.table


def test_venue_rounded_keeps_unpriced_pools_unknown() -> None:
    market = market_of()
    book = xm.Book(market, balances=CASH, positions=HELD)
    shown = xm.score(book, market.prices(mark={}), missing="null").venue_rounded()
    assert np.isnan(shown["excess"]).tolist() == shown["unpriced"].tolist() == [True]


def test_round_price_adverse_is_against_the_side() -> None:
    market = market_of("adverse")
    assert market.round_price("BTCUSDT", 7735.372549, side="long") == 7735.5
    assert market.round_price("BTC/USDT:USDT", 7735.372549, side="short") == 7735.0
    assert market.round_price("BTCUSDT", 7735.5, side="long") == market.round_price("BTCUSDT", 7735.5, side="short")
    many = market.round_price("BTCUSDT", [7735.1, np.nan], side="long")
    assert many.tobytes() == np.array([7735.5, np.nan]).tobytes()


def test_round_price_takes_a_tick_that_is_given() -> None:
    # Bybit: a long's 7735.372549 is shown as 7735.5 where the tick is 0.5
    market = xm.load_market("bybit-inverse")
    name = market.instruments["instrument"][0]
    assert market.round_price(name, 7735.372549, side="long", tick=0.5) == 7735.5
    assert market.round_price(name, 7735.372549, side="long", tick=1) == 7736.0


@pytest.mark.parametrize(("rounding", "price"), [("truncate", 7735.0), ("ceiling", 7735.5), ("half_even", 7735.5)])
def test_round_price_without_a_side_goes_the_markets_way(rounding: str, price: float) -> None:
    market = market_of(rounding)
    assert market.round_price("BTCUSDT", 7735.372549) == price
    assert market.round_price("BTCUSDT", 7735.372549, side="short") == price


def test_round_price_that_cannot_be_is_refused(refused: Refused) -> None:
    market = market_of("adverse")

    def message(*arguments: object) -> str:
        return refused(xm.ArgumentError, market.round_price, *arguments)

    assert message("BTCUSDT", 1.0) == "side was None, expected 'long' or 'short'"
    assert message("BTCUSDT", 1.0, "net") == "side was 'net', expected 'long' or 'short'"
    assert message("BTCUSDX", 1.0, "long") == 'instrument was "BTCUSDX", which this market does not have'
    assert message("BTCUSDT", "much", "long") == "price was of type str, expected numbers"
    assert message("ETHUSDT", 1.0, "long") == "tick was None, and the market states none for 'ETHUSDT': give one"
    for tick in (0.0, -0.5, np.inf, np.nan, "0.5"):
        assert message("ETHUSDT", 1.0, "long", tick) == f"tick was {tick!r}, expected a positive number"
    assert message(3, 1.0, "long") == "instrument was of type int, expected text"
