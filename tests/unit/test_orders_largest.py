"""The largest order that fits: accepted by the gate, one lot more not; by account; and words that are refused."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import crossmargin as xm

Refused = Callable[..., str]

LOTS = """
extends = "textbook/2020-01-01"
preset = "lots"
as_of = 2024-10-01
[orders]
initial_margin = "worst_fill"
[[instrument]]
name = "BTCUSDT"
lot = 0.01
min_quantity = 0.03
"""


@pytest.fixture(scope="module")
def lots() -> xm.Market:
    return xm.Market.from_toml(LOTS)


def one(market: xm.Market, cash: float, *positions: dict[str, Any]) -> xm.Book:
    balances = [{"account": 1, "asset": "USDT", "wallet_balance": cash}]
    return xm.Book(market, balances=balances, positions=[{"account": 1} | each for each in positions])


LONG = {"instrument": "BTCUSDT", "quantity": 0.5, "entry_price": 60_000.0, "leverage": 10.0}


def test_largest_order_is_accepted_and_one_lot_more_is_not(book: xm.Book, prices: xm.Prices) -> None:
    for side, sign in (("buy", 1.0), ("sell", -1.0)):
        found = xm.max_order(book, prices, "BTCUSDT", side, 57_900.0)
        assert found.account.tolist() == [7, 9]
        assert found.found.tolist() == [True, side == "sell"]  # account 9 has lost all that is not fenced
        for row, (account, quantity) in enumerate(zip(found.account.tolist(), found.quantity.tolist(), strict=True)):
            more = xm.check_order(book, prices, "BTCUSDT", quantity + sign * 1e-8, 57_900.0, account=account)
            assert not more, (side, account, quantity)
            assert found.binding[row] == more.reason
            if quantity:
                verdict = xm.check_order(book, prices, "BTCUSDT", quantity, 57_900.0, account=account)
                assert verdict.accepted, (side, account, quantity)
                assert found.cost[row] == verdict.cost
                assert quantity * sign > 0


def test_largest_order_says_where_accepted_sizes_begin_and_whether_all_between_are(lots: xm.Market) -> None:
    # 100 at leverage 10 and 60,000: 0.0166 of a BTC, under the least size; what sells is so, unless it only reduces
    prices = lots.prices(mark={"BTCUSDT": 60_000.0})
    found = xm.max_order(one(lots, 100.0), prices, "BTCUSDT", "buy", leverage=10.0)
    assert (found.quantity.tolist(), found.found.tolist(), found.smallest.tolist()) == ([0.0], [False], [0.0])
    assert not found.contiguous[0]
    found = xm.max_order(one(lots, 10_000.0), prices, "BTCUSDT", "buy", leverage=10.0)
    assert (found.quantity.tolist(), found.smallest.tolist()) == ([1.66], [0.03])
    assert found.contiguous.tolist() == [True]
    found = xm.max_order(one(lots, 3_100.0, LONG), prices, "BTCUSDT", "sell")
    assert (found.quantity.tolist(), found.smallest.tolist()) == ([-1.01], [-0.03])


def test_largest_order_is_the_largest_of_all_sizes_tried(lots: xm.Market) -> None:
    prices = lots.prices(mark={"BTCUSDT": 60_000.0})
    book = one(lots, 4_000.0, LONG)
    for side, sign in (("buy", 1), ("sell", -1)):
        for price in (None, 59_000.0, 61_000.0):
            found = xm.max_order(book, prices, "BTCUSDT", side, price)
            sizes = [sign * round(0.01 * k, 2) for k in range(1, 200)]
            fitting = [size for size in sizes if xm.check_order(book, prices, "BTCUSDT", size, price)]
            assert found.quantity[0] == max(fitting, key=abs, default=0.0)
            assert found.smallest[0] == min(fitting, key=abs, default=0.0)
            between = [size for size in sizes if abs(found.smallest[0]) <= abs(size) <= abs(found.quantity[0])]
            assert found.contiguous[0] == (fitting == between)


def test_largest_order_keeps_the_ratio_that_is_asked_for(textbook: xm.Market) -> None:
    # 10,000 of equity must be 20 times 2.5 % of 60,000 q: q = 1/3
    prices = textbook.prices(mark={"BTCUSDT": 60_000.0})
    found = xm.max_order(one(textbook, 10_000.0), prices, "BTCUSDT", "buy", leverage=50.0, target_ratio=20.0)
    assert found.quantity.tolist() == [0.33333333]
    assert found.binding.tolist() == ["target_ratio"]


def test_largest_order_keeps_clear_of_a_price(textbook: xm.Market) -> None:
    # at 50,000: 10,000 - 10,000 q = 2.5 % of the entry value 60,000 q, so q = 10,000 / 11,500
    prices = textbook.prices(mark={"BTCUSDT": 60_000.0})
    book = one(textbook, 10_000.0)
    found = xm.max_order(book, prices, "BTCUSDT", "buy", leverage=50.0, liquidation_beyond=50_000.0)
    assert found.quantity.tolist() == [0.86956521]
    assert found.binding.tolist() == ["liquidation_beyond"]
    book.apply_orders(
        xm.check_orders(book, prices, {"instrument": 0, "quantity": 0.86956521, "leverage": 50.0}, assume="filled")
    )
    assert xm.liquidation_prices(book, prices).below[0] <= 50_000.0


def test_largest_order_of_some_accounts_is_in_their_order(book: xm.Book, prices: xm.Prices) -> None:
    every = xm.max_order(book, prices, "BTCUSDT", "buy")
    some = xm.max_order(book, prices, "BTCUSDT", "buy", accounts=[9, 7, 9])
    assert some.account.tolist() == [9, 7, 9]
    assert some.quantity.tolist() == every.quantity[[1, 0, 1]].tolist()
    assert xm.max_order(book, prices, "BTCUSDT", "buy", accounts=9).quantity.tolist() == every.quantity[[1]].tolist()
    assert len(xm.max_order(book, prices, "BTCUSDT", "buy", accounts=[])) == 0


def test_largest_order_without_a_price_is_refused_or_unpriced(book: xm.Book, prices: xm.Prices) -> None:
    with pytest.raises(xm.MissingPriceError) as caught:
        xm.max_order(book, prices, "BNBUSDT", "buy", leverage=5.0)
    assert caught.value.mark == ("BNBUSDT",)
    found = xm.max_order(book, prices, "BNBUSDT", "buy", leverage=5.0, missing="null")
    assert found.unpriced.all()
    assert found.found.tolist() == [False, False]
    assert found.n_unpriced == 2


def test_largest_order_that_closes_a_leg_is_the_leg(usdm: xm.Market) -> None:
    leg = {"account": 1, "instrument": "BTCUSDT", "entry_price": 60_000.0, "leverage": 10.0}
    legs = [leg | {"position_side": side, "quantity": size} for side, size in (("long", 0.1), ("short", -0.25))]
    book, prices = one(usdm, 5_000.0, *legs), usdm.prices(mark={"BTCUSDT": 60_000.0})
    for side, position_side, size in (("sell", "long", -0.1), ("buy", "short", 0.25)):
        found = xm.max_order(book, prices, "BTCUSDT", side, position_side=position_side)
        assert found.quantity.tolist() == [size]
        assert (found.binding.tolist(), found.contiguous.tolist()) == (["nothing_to_reduce"], [True])


def test_largest_order_is_a_table_that_says_what_it_is(book: xm.Book, prices: xm.Prices) -> None:
    found = xm.max_order(book, prices, "BTCUSDT", "sell")
    assert found.columns == ("account", "quantity", "smallest", "contiguous", "binding", "cost", "found")
    assert repr(found).startswith("LargestOrders(2 accounts, 2 with an order, market 'binance-usdm/2024-10-01')")
    assert found.quantity.dtype == found.cost.dtype == np.float64


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"side": "up"}, 'side was "up", expected "buy" or "sell"'),
        ({"side": 1}, "side was 1, expected 'buy' or 'sell'"),
        ({"instrument": "nothing"}, "instrument was 'nothing', which this market does not have"),
        ({"price": -1.0}, "price was -1"),
        ({"leverage": "ten"}, "leverage was 'ten', expected a number"),
        ({"margin_mode": "both"}, 'margin_mode was "both", expected "cross" or "isolated"'),
        ({"margin_mode": 3}, "margin_mode was 3, expected 'cross' or 'isolated'"),
        ({"position_side": "up"}, 'position_side was "up", expected "net" or "long" or "short"'),
        ({"accounts": [7, 8]}, "accounts[1] was 8, which this book does not hold"),
        ({"accounts": "seven"}, "accounts[0] was seven, which this book does not hold"),
        ({"target_ratio": -1.0}, "target_ratio was -1"),
        ({"liquidation_beyond": 0.0}, "liquidation_beyond was 0"),
        ({"target_ratio": float("nan")}, "target_ratio was NaN, expected a positive number, or none"),
        ({"liquidation_beyond": np.float64("nan")}, "liquidation_beyond was NaN, expected a positive number, or none"),
        ({"missing": "skip"}, 'missing was "skip", expected "raise" or "null"'),
        ({"n_threads": -1}, "n_threads was -1, expected an integer from 1 to 1024, or None"),
        ({"book": {}}, "book was of type dict, expected Book"),
        ({"prices": 1}, "prices was of type int, expected Prices"),
    ],
)
def test_largest_order_of_a_wrong_argument_is_refused_by_name(
    said: dict[str, Any], message: str, book: xm.Book, prices: xm.Prices, refused: Refused
) -> None:
    given = {"book": book, "prices": prices, "instrument": "BTCUSDT", "side": "buy"} | said
    assert refused(xm.ArgumentError, lambda: xm.max_order(**given)).startswith(message)


def test_account_largest_order_is_that_of_its_book(usdm: xm.Market) -> None:
    account = xm.Account(usdm, {"USDT": 10_000})
    account.set_leverage("BTCUSDT", 10)
    account.mark({"BTCUSDT": 60_000})
    assert account.max_order("BTC/USDT:USDT", "buy").quantity.tolist() == [1.66666666]
    assert account.max_order("BTCUSDT", "sell", leverage=5).quantity.tolist() == [-0.83333333]
