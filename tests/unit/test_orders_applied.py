"""A book that changes: by decisions about its present state alone; answers stay those of the state they are about."""

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import crossmargin as xm

Refused = Callable[..., str]


def order(**said: Any) -> dict[str, Any]:
    return {"account": 7, "instrument": "BTCUSDT", "quantity": 0.01, "price": 58_000.0} | said


def test_applied_orders_rest_with_all_their_columns(book: xm.Book, prices: xm.Prices) -> None:
    rows = [
        order(order_id=4),
        order(order_id=5, quantity=-0.5, reduce_only=True),
        order(order_id=6, price=None, trigger_price=70_000.0, kind="stop"),
        order(order_id=7, quantity=1_000.0, leverage=5.0),
    ]
    decision = xm.check_orders(book, prices, rows)
    assert decision.reasons.tolist() == ["accepted", "accepted", "accepted", "margin"]
    assert book.apply_orders(decision) is book
    kept = book.tables()["orders"]
    assert kept["order_id"].tolist() == [4, 5, 6]
    assert kept["quantity"].tolist() == [0.01, -0.5, 0.01]
    assert kept["reduce_only"].tolist() == [False, True, False]
    assert kept["kind"].tolist() == [None, None, "stop"]
    np.testing.assert_array_equal(kept["trigger_price"], [np.nan, np.nan, 70_000.0])
    assert xm.Book(book.market, **book.tables()) == book


@pytest.mark.parametrize("assume", ["resting", "filled"])
def test_applied_decision_with_a_malformed_row_puts_the_accepted_ones_in(assume: str, usdm: xm.Market) -> None:
    book = xm.Book(usdm, balances=[{"account": 7, "asset": "USDT", "wallet_balance": 1_000.0}])
    rows = [order(leverage=10.0), order(instrument="NOPE", leverage=10.0)]
    prices = usdm.prices(mark={"BTCUSDT": 58_000.0})
    decision = xm.check_orders(book, prices, rows, on_error="reject", assume=assume, fee="none")
    assert decision.reasons.tolist() == ["accepted", "malformed"]
    book.apply_orders(decision)
    table = "positions" if assume == "filled" else "orders"
    assert book.tables()[table]["quantity"].tolist() == [0.01]


def test_applied_orders_come_after_those_that_there_are(usdm: xm.Market) -> None:
    cash = {"account": ["b", "a"], "asset": ["USDT"] * 2, "wallet_balance": [1_000.0] * 2}
    before = [{"account": "a", "instrument": "ETHUSDT", "quantity": 0.1, "price": 2_900.0, "leverage": 5.0}]
    book = xm.Book(usdm, balances=cash, orders=before)
    prices = usdm.prices(mark={"BTCUSDT": 60_000.0, "ETHUSDT": 3_000.0})
    book.apply_orders(xm.check_orders(book, prices, [order(account="b", leverage=10.0, order_id="x")]))
    kept = book.tables()["orders"]
    assert kept["account"].tolist() == ["a", "b"]
    assert kept["instrument"].tolist() == ["ETHUSDT", "BTCUSDT"]
    assert kept["order_id"].tolist() == [None, "x"]
    assert xm.Book(usdm, **book.tables()) == book
    assert xm.score(book, prices, "initial_margin").initial_margin.tolist() == [58.0, 58.0]


@pytest.mark.parametrize("assume", ["resting", "filled"])
def test_applied_decision_that_accepts_nothing_leaves_the_book_as_it_was(assume: str, usdm: xm.Market) -> None:
    cash = [{"account": name, "asset": "USDT", "wallet_balance": 1_000.0} for name in "ab"]
    held = {"instrument": "BTCUSDT", "quantity": 0.01, "entry_price": 60_000.0, "leverage": 10.0}
    rows = [held | {"account": "b"}, held | {"account": "a", "instrument": "ETHUSDT"}, held | {"account": "a"}]
    book, prices = xm.Book(usdm, balances=cash, positions=rows), usdm.prices(mark={"BTCUSDT": 60_000.0, "ETHUSDT": 3e3})
    before, columns = book.copy(), book.tables()["positions"].columns
    for orders in ([], [order(account="b", quantity=1_000.0, leverage=10.0)]):
        decision = xm.check_orders(book, prices, orders, assume=assume)
        assert not decision["accepted"].any()
        book.apply_orders(decision)
        assert book == before
        assert book.tables()["positions"].columns == columns
        assert book.tables()["positions"]["account"].tolist() == ["b", "a", "a"]


def test_applied_orders_of_decimal_numbers_meet_ones_without(usdm: xm.Market) -> None:
    cash = [{"account": 7, "asset": "USDT", "wallet_balance": 1_000.0}]
    book, prices = xm.Book(usdm, balances=cash), usdm.prices(mark={"BTCUSDT": 60_000.0})
    book.apply_orders(xm.check_orders(book, prices, [order(leverage=10.0, order_id=3)]))
    assert book.tables()["orders"]["order_id"].tolist() == [3]
    book.apply_orders(xm.check_orders(book, prices, [order(leverage=10.0)]))
    assert book.tables()["orders"]["order_id"].tolist() == ["3", None]


FEES = """
extends = "textbook/2020-01-01"
preset = "with-fees"
as_of = 2024-10-01
[orders]
initial_margin = "sum"
[fees]
taker = 0.0005
maker = 0.0002
"""


def test_applied_fills_are_positions_and_pay_fees() -> None:
    market = xm.Market.from_toml(FEES)
    cash = [{"account": 7, "asset": "USDT", "wallet_balance": 1_000.0}]
    book, prices = xm.Book(market, balances=cash), market.prices(mark={"BTCUSDT": 60_000.0})
    rows = [order(leverage=10.0, price=None), order(leverage=10.0, price=59_000.0)]
    decision = xm.check_orders(book, prices, rows, assume="market_filled", fee="none")
    book.apply_orders(decision)
    tables = book.tables()
    assert tables["positions"].rows()[0]["entry_price"] == 60_000.0
    assert tables["orders"]["price"].tolist() == [59_000.0]
    assert tables["balances"]["wallet_balance"].tolist() == [1_000.0]
    book.apply_orders(xm.check_orders(book, prices, [order(price=None)], assume="filled"))
    assert book.tables()["balances"]["wallet_balance"].tolist() == [999.7]  # 600 * 0.05 % less
    assert book.tables()["positions"]["quantity"].tolist() == [0.02]
    assert xm.Book(market, **book.tables()) == book


def test_applied_decision_of_an_earlier_state_is_refused(book: xm.Book, prices: xm.Prices, refused: Refused) -> None:
    first, second = (xm.check_orders(book, prices, [order()]) for _ in range(2))
    book.apply_orders(first)
    after = book._core
    message = refused(xm.ArgumentError, book.apply_orders, second)
    assert message == "decision was made of an earlier state of the book: check the orders again"
    other = xm.Book(book.market, **book.tables())
    message = refused(xm.ArgumentError, other.apply_orders, first)
    assert message == "decision was made of another book: check the orders again"
    assert book._core is after


def test_applied_decision_of_a_copy_is_of_the_same_state(book: xm.Book, prices: xm.Prices) -> None:
    tried = book.copy()
    decision = xm.check_orders(tried, prices, [order()])
    tried.apply_orders(decision)
    assert tried != book
    book.apply_orders(decision)
    assert tried == book


@pytest.mark.parametrize("change", [None, "all", 3, {}])
def test_applied_thing_that_is_no_decision_is_refused(
    change: Any, book: xm.Book, prices: xm.Prices, refused: Refused
) -> None:
    assert refused(xm.ArgumentError, book.apply_orders, change).endswith("expected a decision about orders")
    scores = xm.score(book, prices)
    assert refused(xm.ArgumentError, book.apply_orders, scores).startswith("decision was of type Scores")


def test_copy_of_a_book_shares_nothing_that_changes(book: xm.Book, prices: xm.Prices) -> None:
    copies = (book.copy(), copy.copy(book), copy.deepcopy(book), pickle.loads(pickle.dumps(book)))
    for each in copies:
        assert each is not book
        assert each == book
        assert hash(each) == hash(book)
        each.apply_orders(xm.check_orders(each, prices, [order()]))
        assert each != book
    assert "orders" not in book.tables()


def test_book_in_a_set_is_found_after_it_changed(book: xm.Book, prices: xm.Prices) -> None:
    held = {book: 1}
    book.apply_orders(xm.check_orders(book, prices, [order(quantity=0.1)], assume="filled"))
    assert held[book] == 1


def answers(book: xm.Book, prices: xm.Prices) -> dict[str, Any]:
    history = book.market.price_history(mark=np.stack([prices.mark, prices.mark]))
    return {
        "scores": xm.score(book, prices, ("excess", "initial_margin")),
        "prices": xm.liquidation_prices(book, prices),
        "underlyings": xm.liquidation_prices(book, prices, "underlying"),
        "distances": xm.liquidation_distance(book, prices, "all_down"),
        "moves": xm.critical_move(book, prices, 0.03),
        "contributions": xm.contribution(book, prices),
        "history": xm.score_history(book, history),
        "block": xm.score_history(book, history).collect(),
        "decision": xm.check_orders(book, prices, [order()]),
    }


def told(answer: Any) -> list[Any]:
    """Everything that an answer says, read only now."""
    said: list[Any] = [repr(answer), len(answer)]
    if isinstance(answer, xm.Scores):
        said += [answer.accounts(), answer.positions, answer.pools, answer.totals()]
    if isinstance(answer, xm.HistoryScores):
        return [*said, answer.collect().table]
    return [*said, answer.table]


NAMES = ("scores", "prices", "underlyings", "distances", "moves", "contributions", "history", "block", "decision")


@pytest.mark.parametrize("name", NAMES)
def test_answer_stays_that_of_the_state_it_is_about(name: str, book: xm.Book, prices: xm.Prices) -> None:
    expected = told(answers(book, prices)[name])
    answer = answers(book, prices)[name]
    rows = [order(instrument="SOLUSDT", quantity=-3.0, price=None, leverage=5.0), order(price=None)]
    book.apply_orders(xm.check_orders(book, prices, rows, assume="filled"))
    assert book.n_positions == 5
    assert answer.book is book
    assert told(answer) == expected
    if name != "history":
        again = pickle.loads(pickle.dumps(answer))
        assert told(again) == expected
        assert again.book.n_positions == 4


def test_monitor_and_account_are_not_changed_through_the_book_that_they_give(book: xm.Book, prices: xm.Prices) -> None:
    monitor = xm.Monitor(book, prices)
    given = monitor.book
    assert monitor.book is given
    given.apply_orders(xm.check_orders(given, prices, [order()]))
    assert monitor.book == book != given
    account = book.account(7, prices)
    asked = account.book
    asked.apply_orders(xm.check_orders(asked, prices, [order()]))
    assert "orders" not in account.book.tables()
    leaked = account.liquidation_prices().book
    leaked.apply_orders(xm.check_orders(leaked, prices, [order()]))
    assert "orders" not in account.book.tables()
