"""Prices: by name and in order, and what is no price."""

import math
import pickle
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import crossmargin as xm

Refused = Callable[..., str]


def test_prices_by_name_and_in_order_are_one(textbook: xm.Market) -> None:
    named = textbook.prices(mark={"BTC/USDT:USDT": 64_000, "SOLUSDT": np.float64(150.0)}, index={"USDT": 1.0})
    ordered = textbook.prices(mark=[64_000.0, math.nan, 150.0], index=np.array([1.0]))
    assert named.mark.tobytes() == ordered.mark.tobytes()
    assert named.index.tobytes() == ordered.index.tobytes()
    assert repr(named) == "Prices('textbook/2020-01-01', 2 of 3 instruments priced)"


def test_prices_of_an_object_with_names_go_by_its_names(textbook: xm.Market) -> None:
    items = {"SOLUSDT": 150.0, "BTCUSDT": 64_000.0}
    series = SimpleNamespace(keys=items.keys, items=items.items, __array__=lambda: np.array([150.0, 64_000.0]))
    assert textbook.prices(mark=series).mark.tolist()[::2] == [64_000.0, 150.0]


def test_prices_are_copies(textbook: xm.Market) -> None:
    mark = np.array([1.0, 2.0, 3.0])
    prices = textbook.prices(mark=mark)
    mark[0] = 9.0
    prices.mark[1] = 9.0
    assert prices.mark.tolist() == [1.0, 2.0, 3.0]


def test_prices_pickle(textbook: xm.Market) -> None:
    prices = textbook.prices(mark={"BTCUSDT": 64_000.0})
    again = pickle.loads(pickle.dumps(prices))
    assert again.mark.tobytes() == prices.mark.tobytes()
    assert again.market == prices.market


def test_prices_last_by_name_and_in_order_are_one(textbook: xm.Market) -> None:
    named = textbook.prices(mark={}, last={"BTC/USDT:USDT": 64_001.0})
    ordered = textbook.prices(mark={}, last=[64_001.0, math.nan, math.nan])
    assert named.last.tobytes() == ordered.last.tobytes()
    assert pickle.loads(pickle.dumps(named)).last.tobytes() == named.last.tobytes()
    assert np.isnan(textbook.prices(mark={"BTCUSDT": 1.0}).last).all()


LATER = " is not read by this version; it will be what closing a position sells or buys at: leave it out"
CASES: list[tuple[type[Exception], dict[str, Any], str]] = [
    (
        xm.PriceError,
        {"mark": {"BTCUSDT": 0.0}},
        "mark[BTCUSDT] was 0, expected a positive number within 2^-256 and 2^256",
    ),
    (
        xm.PriceError,
        {"mark": [1.0, -2.0, 3.0]},
        "mark[ETHUSDT] was -2, expected a positive number within 2^-256 and 2^256",
    ),
    (
        xm.PriceError,
        {"mark": {"BTCUSDT": math.inf}},
        "mark[BTCUSDT] was inf, expected a positive number within 2^-256 and 2^256",
    ),
    (
        xm.PriceError,
        {"mark": {"BTCUSDT": None}},
        "mark[BTCUSDT] was NaN, expected a positive number within 2^-256 and 2^256",
    ),
    (xm.PriceError, {"mark": {"DOGE": 1.0}}, "mark[DOGE] was 1, expected the name of an instrument"),
    (
        xm.PriceError,
        {"mark": {"BTCUSDT": 1.0, "BTC/USDT:USDT": 2.0}},
        "mark[BTC/USDT:USDT] was 2, expected one price per name",
    ),
    (xm.PriceError, {"mark": {}, "index": {"BTC": 1.0}}, "index[BTC] was 1, expected the name of an asset"),
    (xm.PriceError, {"mark": {}, "last": {"DOGE": 1.0}}, "last[DOGE] was 1, expected the name of an instrument"),
    (
        xm.PriceError,
        {"mark": {}, "last": {"BTCUSDT": -1.0}},
        "last[BTCUSDT] was -1, expected a positive number within 2^-256 and 2^256",
    ),
    (
        xm.ArgumentError,
        {"mark": {}, "last": [1.0]},
        "last had 1 values, expected 3, one per instrument in market order",
    ),
    (xm.ArgumentError, {"mark": {}, "last": 1.0}, "last had 0 dimensions, expected a column: one dimension"),
    (xm.ArgumentError, {"mark": [1.0]}, "mark had 1 values, expected 3, one per instrument in market order"),
    (
        xm.ArgumentError,
        {"mark": {}, "index": [1.0, 2.0]},
        "index had 2 values, expected 1, one per asset in market order",
    ),
    (xm.ArgumentError, {"mark": {"BTCUSDT": "64,000"}}, "mark[BTCUSDT] was '64,000', expected a number"),
    (xm.ArgumentError, {"mark": {}, "bid": {"BTCUSDT": 64_000.0}}, "bid" + LATER),
    (xm.ArgumentError, {"mark": {}, "ask": [1.0]}, "ask" + LATER),
    (xm.ArgumentError, {"mark": {"BTCUSDT": True}}, "mark[BTCUSDT] was True, expected a number"),
    (xm.ArgumentError, {"mark": {3: 1.0}}, "mark had the key 3, expected a name"),
    (xm.ArgumentError, {"mark": 64_000.0}, "mark had 0 dimensions, expected a column: one dimension"),
    (
        xm.ArgumentError,
        {"mark": "BTCUSDT"},
        "mark was of type str, expected a column: a NumPy array, a list, or an Arrow array",
    ),
    (xm.ArgumentError, {"mark": np.ones((3, 1))}, "mark had 2 dimensions, expected a column: one dimension"),
]


@pytest.mark.parametrize(("kind", "arguments", "message"), CASES)
def test_prices_that_are_none_are_refused(
    kind: type[Exception], arguments: dict[str, Any], message: str, textbook: xm.Market, refused: Refused
) -> None:
    assert refused(kind, textbook.prices, **arguments) == message
