"""The gate for tables of orders: columns, words, figures after, and what is refused by name."""

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import crossmargin as xm

Refused = Callable[..., str]
Row = dict[str, Any]

CASH = [{"account": 1, "asset": "USDT", "wallet_balance": 1_000.0}]
MARK = {"BTCUSDT": 60_000.0, "ETHUSDT": 3_000.0}

STATED = """
extends = "textbook/2020-01-01"
preset = "stated"
as_of = 2024-10-01
[orders]
initial_margin = "sum"
[[instrument]]
name = "BTCUSDT"
tiers = "BTCUSDT"
lot = 0.01
tick = 0.5
min_quantity = 0.02
max_quantity = 5
min_notional = 1500
[tiers.BTCUSDT]
law = "marginal"
bounds = "quote"
cap = 250000
floor = [0, 100000]
maintenance_rate = [0.01, 0.02]
max_leverage = [50, 20]
"""


def order(**said: Any) -> Row:
    return {"instrument": "BTCUSDT", "quantity": 0.1, "price": 60_000.0, "leverage": 10.0} | said


@pytest.fixture
def small(usdm: xm.Market) -> xm.Book:
    """One account with 1,000 and nothing else."""
    return xm.Book(usdm, balances=CASH)


@pytest.fixture
def at(usdm: xm.Market) -> xm.Prices:
    return usdm.prices(mark=MARK)


@pytest.fixture(scope="module")
def stated() -> xm.Market:
    return xm.Market.from_toml(STATED)


def test_decision_of_rows_in_sequence_counts_the_accepted_ones(small: xm.Book, at: xm.Prices) -> None:
    # 600 of 1,000; then 600 of the 400 that are left, 200 short; then 300 of 400
    rows = [order(), order(), order(quantity=0.05)]
    decision = xm.check_orders(small, at, rows)
    assert decision.accepted.tolist() == [True, False, True]
    assert decision.reasons.tolist() == ["accepted", "margin", "accepted"]
    assert decision.cost.tolist() == [600.0, 600.0, 300.0]
    assert decision.available.tolist() == [1_000.0, 400.0, 400.0]
    assert decision.short.tolist() == [0.0, 200.0, 0.0]
    assert decision.opening.tolist() == [0.1, 0.1, 0.05]
    assert decision.pool.tolist() == [0, 0, 0]
    assert (decision.n_accepted, decision.n_unpriced, decision.faults, decision.n_faults) == (2, 0, None, 0)
    assert (decision.assume, decision.missing, decision.market_id) == ("resting", "raise", small.market.id)


def test_decision_columns_have_their_types(small: xm.Book, at: xm.Prices) -> None:
    decision = xm.check_orders(small, at, [order(order_id="a"), order(order_id=None)], violations=True)
    found = {name: values.dtype for name, values in decision.table.to_dict().items()}
    assert list(found) == [
        *("account", "order_id", "instrument", "quantity", "price", "asset", "accepted", "reason", "pool"),
        *("cost", "available", "short", "opening", "violations"),
    ]
    assert (found["accepted"], found["reason"], found["pool"], found["violations"]) == (
        np.bool_,
        np.uint8,
        np.int64,
        np.uint32,
    )
    assert decision["order_id"].tolist() == ["a", None]
    assert decision["asset"].tolist() == ["USDT", "USDT"]
    assert decision.violations.tolist() == [0, 1 << xm.REASONS.index("margin")]
    with pytest.raises(ValueError, match="read-only"):
        decision.accepted[0] = False


def test_decision_exports_arrow_with_small_integers(small: xm.Book, at: xm.Prices) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    decision = xm.check_orders(small, at, order(), violations=True)
    table = pyarrow.table(decision)
    assert table.schema.field("reason").type == pyarrow.uint8()
    assert table.schema.field("violations").type == pyarrow.uint32()
    assert table.num_rows == 1


def test_decision_of_one_dict_is_of_one_row(small: xm.Book, at: xm.Prices) -> None:
    assert len(xm.check_orders(small, at, order())) == 1
    assert len(xm.check_orders(small, at, {"instrument": 0, "quantity": 0.1, "leverage": 5.0})) == 1
    columns = {"instrument": ["BTCUSDT"], "quantity": [0.1], "leverage": [5.0]}
    assert len(xm.check_orders(small, at, columns)) == 1


def test_decision_without_price_is_at_the_market(small: xm.Book, at: xm.Prices) -> None:
    rows = [order(price=None), {"instrument": "BTCUSDT", "quantity": 0.1, "leverage": 10.0}]
    for row in rows:
        decision = xm.check_orders(small, at, row)
        assert np.isnan(decision["price"]).all()
        assert decision.cost.tolist() == [600.0]


def test_decision_of_no_orders_is_empty(small: xm.Book, at: xm.Prices) -> None:
    decision = xm.check_orders(small, at, [], after="all")
    assert (len(decision), decision.n_accepted) == (0, 0)
    assert repr(decision).startswith("Decision(0 orders, 0 accepted, market ")


def test_decision_outputs_are_those_asked_for(small: xm.Book, at: xm.Prices, refused: Refused) -> None:
    decision = xm.check_orders(small, at, order(), outputs="cost")
    assert [name for name in decision.columns if name not in decision._keys()] == ["accepted", "reason", "cost"]
    message = refused(xm.ArgumentError, lambda: decision.short)
    assert message.startswith("there is no column 'short'; there are account, instrument, quantity, price, asset")
    assert refused(xm.ArgumentError, lambda: decision.violations).endswith("ask for them with violations=True")


@pytest.mark.parametrize("assume", ["resting", "market_filled", "filled"])
def test_decision_figures_after_are_those_of_the_applied_book(assume: str, small: xm.Book, at: xm.Prices) -> None:
    for row in (order(quantity=-0.1), order(price=None, quantity=0.07), order(trigger_price=61_000.0, kind="stop")):
        book = small.copy()
        decision = xm.check_orders(book, at, row, "all", assume=assume)
        assert decision.accepted.all(), decision
        book.apply_orders(decision)
        scores = xm.score(book, at, "all")
        for name in scores.outputs:
            assert decision[f"after_{name}"].tobytes() == scores[name].tobytes(), name
        if book.n_positions:
            ends = xm.liquidation_prices(book, at)
            for name in ("liquidation_price", "below", "above"):
                assert decision[f"after_{name}"].tobytes() == ends[name].tobytes(), name


def test_decision_figures_after_a_refused_order_are_what_they_would_be(small: xm.Book, at: xm.Prices) -> None:
    decision = xm.check_orders(small, at, order(quantity=0.2), after=("initial_margin", "free_margin"))
    assert decision["after_initial_margin"].tolist() == [1_200.0]
    assert decision["after_free_margin"].tolist() == [-200.0]


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({}, "accepted"),
        ({"position_side": "long"}, "position_side"),
        ({"quantity": 0.105}, "lot"),
        ({"price": 60_000.25}, "tick"),
        ({"quantity": 0.01}, "min_size"),
        ({"quantity": 5.01}, "max_size"),
        ({"quantity": 0.02}, "min_notional"),
        ({"reduce_only": True}, "nothing_to_reduce"),
        ({"leverage": None}, "leverage_unknown"),
        ({"leverage": 50.5}, "leverage"),
        ({"quantity": 4.17}, "cap"),
        ({"quantity": 1.0, "leverage": 5.0}, "margin"),
    ],
)
def test_decision_reason_is_the_first_that_applies(stated: xm.Market, said: Row, reason: str) -> None:
    book = xm.Book(
        stated,
        balances=[CASH[0] | {"wallet_balance": 10_000.0}],
        accounts=[{"account": 1, "position_mode": "one_way"}],
    )
    decision = xm.check_orders(book, stated.prices(mark=MARK), order() | said, violations=True)
    assert decision.reasons.tolist() == [reason], decision
    bit = 1 << xm.REASONS.index(reason)
    assert (decision.violations[0] & bit > 0) == (reason != "accepted")
    assert decision.accepted[0] == (reason == "accepted")


def test_decision_of_an_isolated_order_without_isolated_pools_is_margin_mode() -> None:
    market = xm.Market.from_toml(STATED + "[pools]\nisolated = false\n")
    book = xm.Book(market, balances=[CASH[0] | {"wallet_balance": 10_000.0}])
    decision = xm.check_orders(book, market.prices(mark=MARK), order(margin_mode="isolated"))
    assert decision.reasons.tolist() == ["margin_mode"]


def test_decision_refuses_who_would_be_liquidatable(textbook: xm.Market) -> None:
    # 0.5 BTC from 60,000 at 51,000: equity 500 of 5,000, maintenance 2.5 % of 25,500 = 637.5
    held = {"account": 1, "instrument": "BTCUSDT", "quantity": 0.5, "entry_price": 60_000.0, "leverage": 100.0}
    book = xm.Book(textbook, balances=[CASH[0] | {"wallet_balance": 5_000.0}], positions=[held])
    prices = textbook.prices(mark={"BTCUSDT": 51_000.0})
    decision = xm.check_orders(book, prices, [order(quantity=0.001, leverage=100.0), order(quantity=-0.1)])
    assert decision.reasons.tolist() == ["liquidatable", "accepted"]


def test_decision_of_rows_that_are_no_orders_is_refused_with_their_faults(
    small: xm.Book, at: xm.Prices, refused: Refused
) -> None:
    rows = [order(), order(quantity=0.0), order(quantity=None), order(price=-1.0), order(instrument="nothing")]
    before = small._core
    with pytest.raises(xm.BookError) as caught:
        xm.check_orders(small, at, rows)
    faults = caught.value.faults
    assert faults["row"].tolist() == [1, 2, 3, 4]
    assert faults["column"].tolist() == ["quantity", "quantity", "price", "instrument"]
    assert faults["value"].tolist() == ["0.0", "null", "-1.0", "nothing"]
    assert small._core is before
    decision = xm.check_orders(small, at, rows, on_error="reject")
    assert decision.reasons.tolist() == ["accepted", *["malformed"] * 4]
    assert decision.faults == faults
    assert decision.n_faults == 4
    assert decision["instrument"].tolist()[-1] == "nothing"


def test_decision_of_unknown_accounts_is_refused(small: xm.Book, at: xm.Prices) -> None:
    with pytest.raises(xm.BookError, match=r"orders.account\[0\] was 9: the book has no such account"):
        xm.check_orders(small, at, [order(account=9)])


def test_decision_where_whose_is_not_said_is_refused(book: xm.Book, prices: xm.Prices, refused: Refused) -> None:
    message = refused(xm.ArgumentError, xm.check_orders, book, prices, order())
    assert message == "orders.account is missing; the book has 2 accounts: say whose each order is"


def test_decision_without_prices_is_refused_or_unpriced(small: xm.Book, at: xm.Prices) -> None:
    rows = [order(instrument="SOLUSDT", price=150.0), order()]
    with pytest.raises(xm.MissingPriceError) as caught:
        xm.check_orders(small, at, rows)
    assert caught.value.mark == ("SOLUSDT",)
    decision = xm.check_orders(small, at, rows, missing="null")
    assert decision.reasons.tolist() == ["unpriced", "accepted"]
    assert (decision.unpriced.tolist(), decision.n_unpriced) == ([True, False], 1)
    assert np.isnan(decision.cost[0])


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"assume": "later"}, "assume was 'later', expected 'resting', 'market_filled', 'filled'"),
        ({"fee": "half"}, "fee was 'half', expected 'taker', 'maker', 'none', or None"),
        ({"round": "away"}, "round was 'away', expected 'down', 'up', 'nearest', or None"),
        ({"on_error": "drop"}, "on_error was 'drop', expected 'raise' or 'reject'"),
        ({"missing": None}, "missing was None, expected 'raise' or 'null'"),
        ({"n_threads": 0}, "n_threads was 0, expected an integer from 1 to 1024, or None"),
        ({"outputs": "price"}, "outputs named 'price', which is not found; there are pool, cost, available, short, "),
        ({"outputs": ("cost", "cost")}, "outputs named 'cost' twice"),
        ({"after": 3}, 'after was of type int, expected names of columns, or "all"'),
        ({"after": ["profit"]}, "after named 'profit', which is not found; there are wallet_balance, "),
        ({"orders": None}, "orders was None, expected a table; give one without rows if there are no orders"),
        ({"orders": {"instrument": ["BTCUSDT"]}}, "orders.quantity is missing; orders needs instrument, quantity"),
        ({"orders": [{"quantity": 1.0, "instrument": "BTCUSDT", "side": 1}]}, "orders.side is no column of this table"),
        (
            {"orders": {"instrument": ["BTCUSDT"], "quantity": [1.0, 2.0]}},
            "orders.quantity had 2 rows, expected 1 as in the instrument column",
        ),
        ({"book": None}, "book was of type NoneType, expected Book"),
        ({"prices": {}}, "prices was of type dict, expected Prices"),
    ],
)
def test_decision_with_a_wrong_argument_is_refused_by_name(
    option: dict[str, Any], message: str, small: xm.Book, at: xm.Prices, refused: Refused
) -> None:
    given = {"book": small, "prices": at, "orders": order()} | option
    assert refused(xm.ArgumentError, lambda: xm.check_orders(**given)).startswith(message)


def test_decision_with_prices_of_another_market_is_refused(
    small: xm.Book, textbook: xm.Market, refused: Refused
) -> None:
    message = refused(xm.ArgumentError, xm.check_orders, small, textbook.prices(mark=MARK), order())
    assert message.startswith('prices were made for market "textbook/2020-01-01"')


def test_decision_of_text_accounts_takes_integers_as_text(usdm: xm.Market, at: xm.Prices) -> None:
    cash = [{"account": "7", "asset": "USDT", "wallet_balance": 1_000.0}]
    decision = xm.check_orders(xm.Book(usdm, balances=cash), at, [order(account=7)])
    assert decision["account"].tolist() == ["7"]
    assert decision.accepted.all()


def test_decision_pickled_is_the_same_and_applies_to_its_book(small: xm.Book, at: xm.Prices) -> None:
    decision = xm.check_orders(small, at, [order(order_id=4), order(order_id=5)], "excess", on_error="reject")
    again = pickle.loads(pickle.dumps(decision))
    assert again.table == decision.table
    assert again.book.apply_orders(again) == small.apply_orders(decision)


def test_decision_lists_what_there_is(small: xm.Book, at: xm.Prices) -> None:
    decision = xm.check_orders(small, at, [order(), order()])
    assert repr(decision).splitlines()[0] == "Decision(2 orders, 1 accepted, market 'binance-usdm/2024-10-01')"
    assert decision._repr_html_().startswith("<table>")
    with pytest.raises(xm.ArgumentError, match="Decision has no figures of its own"):
        xm.Decision()
    assert xm.REASONS[0] == "accepted"
    assert len(set(xm.REASONS)) == len(xm.REASONS) == 20
