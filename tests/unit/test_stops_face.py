"""Stops from Python: which fire and where they fill, what is left of the book, and what is refused."""

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import crossmargin as xm


@pytest.fixture(scope="module")
def market() -> xm.Market:
    return xm.load_market("binance-usdm")


def order(quantity: float, trigger: float | None, **of: Any) -> dict[str, Any]:
    return {
        "account": 7,
        "instrument": "BTCUSDT",
        "quantity": quantity,
        "price": None,
        "trigger_price": trigger,
        "leverage": 10.0,
        **of,
    }


def book_of(market: xm.Market, *orders: dict[str, Any], quantity: float = 0.1, cash: float = 1_000.0) -> xm.Book:
    held = {"account": 7, "instrument": "BTCUSDT", "quantity": quantity, "entry_price": 60_000.0, "leverage": 10.0}
    return xm.Book(
        market,
        balances={"account": [7], "asset": ["USDT"], "wallet_balance": [cash]},
        positions=[held],
        orders=list(orders) or None,
    )


def at(market: xm.Market, mark: float) -> xm.Prices:
    return market.prices(mark={"BTCUSDT": mark})


@pytest.mark.parametrize(
    ("quantity", "kind", "trigger", "reached", "short"),
    [
        (-0.1, None, 57_000.0, 57_000.0, 57_000.01),
        (-0.1, "stop", 57_000.0, 57_000.0, 57_000.01),
        (-0.1, "take_profit", 63_000.0, 63_000.0, 62_999.99),
        (0.1, "stop", 63_000.0, 63_000.0, 62_999.99),
        (0.1, "take_profit", 57_000.0, 57_000.0, 57_000.01),
    ],
)
def test_stop_fires_at_its_trigger_and_not_before(
    market: xm.Market, quantity: float, kind: str | None, trigger: float, reached: float, short: float
) -> None:
    given = order(quantity, trigger, **({} if kind is None else {"kind": kind}))
    book = book_of(market, given, quantity=-quantity, cash=5_000.0)
    assert len(xm.fire_stops(book, at(market, short))) == 0
    fired = xm.fire_stops(book, at(market, reached))
    assert fired.row.tolist() == [0]
    assert fired.quantity.tolist() == [quantity]
    assert fired.realized_pnl.tolist() == [-quantity * (reached - 60_000.0)]
    assert fired.reasons.tolist() == ["accepted"]


def test_stop_is_filled_at_the_mark_or_at_its_trigger(market: xm.Market) -> None:
    book = book_of(market, order(-0.1, 57_000.0, reduce_only=True))
    prices = at(market, 56_500.0)
    assert xm.fire_stops(book, prices).price.tolist() == [56_500.0]
    fired = xm.fire_stops(book, prices, fills="trigger")
    assert (fired.price.tolist(), fired.realized_pnl.tolist(), fired.fee.tolist()) == ([57_000.0], [-300.0], [0.0])


def test_stop_that_reduces_fills_no_more_than_there_is(market: xm.Market) -> None:
    book = book_of(market, order(-0.5, 57_000.0, reduce_only=True), order(-0.5, 56_900.0, reduce_only=True))
    fired = xm.fire_stops(book, at(market, 56_500.0))
    assert fired.quantity.tolist() == [-0.1, 0.0]
    assert fired["row"].tolist() == [0, 1]  # the one that was passed by more comes first
    book.apply_orders(fired)
    assert (book.n_positions, "orders" in book.tables()) == (0, False)


def test_stop_fires_before_anybody_is_liquidated(market: xm.Market) -> None:
    book = book_of(market, order(-0.1, 51_000.0, reduce_only=True))
    prices = at(market, 50_100.0)
    assert xm.score(book, prices).liquidatable.tolist() == [True]
    book.apply_orders(xm.fire_stops(book, prices))
    scores = xm.score(book, prices, ("wallet_balance", "liquidatable"))
    assert (scores.wallet_balance.tolist(), scores.liquidatable.tolist()) == ([10.0], [False])


def test_stop_with_a_limit_beyond_the_mark_rests_with_its_number(market: xm.Market) -> None:
    rows = [order(-0.1, 57_000.0, price=56_900.0, kind="stop", order_id=11), order(-0.05, None, order_id=12)]
    rows.append(order(-0.05, 55_000.0, kind="stop", order_id=13))
    rows[1]["price"] = 64_000.0
    book = book_of(market, *rows)
    fired = xm.fire_stops(book, at(market, 56_500.0))
    assert (fired.rests.tolist(), fired.quantity.tolist()) == ([True], [0.0])
    assert np.isnan(fired.price).all()
    book.apply_orders(fired)
    left = {row["order_id"]: row for row in book.tables()["orders"].rows()}
    assert sorted(left) == [11, 12, 13]
    assert (left[11]["price"], left[11]["kind"]) == (56_900.0, None)
    assert np.isnan(left[11]["trigger_price"])
    assert (left[13]["trigger_price"], left[13]["kind"]) == (55_000.0, "stop")
    assert len(xm.fire_stops(book, at(market, 56_500.0))) == 0
    assert xm.Book(market, **book.tables()) == book


def test_stop_that_opens_too_much_is_dropped_with_its_reason(market: xm.Market) -> None:
    book = book_of(market, order(1.0, 61_000.0))
    fired = xm.fire_stops(book, at(market, 61_000.0))
    assert (fired.reasons.tolist(), fired.quantity.tolist(), fired.rests.tolist()) == (["margin"], [0.0], [False])
    assert xm.REASONS[fired.reason[0]] == "margin"
    book.apply_orders(fired)
    assert book.tables()["positions"]["quantity"].tolist() == [0.1]
    assert "orders" not in book.tables()


def test_fired_of_another_state_is_refused(market: xm.Market, refused: Callable[..., str]) -> None:
    book, prices = book_of(market, order(-0.1, 57_000.0, reduce_only=True)), at(market, 56_500.0)
    fired = xm.fire_stops(book, prices)
    said = refused(xm.ArgumentError, book.copy().apply_transfers, fired)
    assert said == "transfers was of type Fired, expected what rebalance() found"
    before = book.copy()
    book.apply_orders(fired)
    assert "an earlier state of the book" in refused(xm.ArgumentError, book.apply_orders, fired)
    assert before.n_positions == 1
    again = pickle.loads(pickle.dumps(fired))
    assert again.table == fired.table
    assert again.book == before


def test_fired_by_nothing_leaves_the_book_equal(market: xm.Market) -> None:
    book = book_of(market, order(-0.1, 57_000.0, reduce_only=True, order_id=5))
    before = book.copy()
    assert book.apply_orders(xm.fire_stops(book, at(market, 58_000.0))) == before
    assert book.tables()["orders"]["order_id"].tolist() == [5]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"fills": "last"}, "fills was 'last', expected 'mark' or 'trigger'"),
        ({"fee": 0.1}, "fee was 0.1, expected 'taker', 'maker', 'none' or None"),
        ({"round": "x"}, "round was 'x', expected 'down', 'up', 'nearest' or None"),
    ],
)
def test_fire_stops_that_cannot_be_asked_is_refused(
    market: xm.Market, refused: Callable[..., str], options: dict[str, Any], message: str
) -> None:
    assert refused(xm.ArgumentError, xm.fire_stops, book_of(market), at(market, 1.0), **options) == message


def test_fire_stops_without_prices_or_of_other_things_is_refused(
    market: xm.Market, refused: Callable[..., str]
) -> None:
    book, prices = book_of(market, order(-0.1, 57_000.0)), at(market, 56_000.0)
    with pytest.raises(xm.MissingPriceError):
        xm.fire_stops(book, market.prices(mark={}))
    assert refused(xm.ArgumentError, xm.fire_stops, {}, prices) == "book was of type dict, expected Book"
    assert refused(xm.ArgumentError, xm.fire_stops, book, {}) == "prices was of type dict, expected Prices"
    assert "fees" in refused(xm.ArgumentError, xm.fire_stops, book, prices, fee="taker")
