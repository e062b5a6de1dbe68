"""Copies of a leader's orders: scaled, down to lots, cut to what fits, and put into the book."""

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import crossmargin as xm

Refused = Callable[..., str]

PRICES = {"BTCUSDT": 60_000.0, "ETHUSDT": 3_000.0}


@pytest.fixture
def traders(usdm: xm.Market) -> xm.Book:
    """A leader of 10,000 and followers of 5,000, 1,000 (810 of it in use), and of nothing."""
    return xm.Book(
        usdm,
        balances={
            "account": [1, 2, 3, 4],
            "asset": ["USDT"] * 4,
            "wallet_balance": [10_000.0, 5_000.0, 1_000.0, 0.0],
        },
        positions=[
            {"account": 3, "instrument": "ETHUSDT", "quantity": 2.7, "entry_price": 3_000.0, "leverage": 10.0},
            {"account": 1, "instrument": "ETHUSDT", "quantity": 1.0, "entry_price": 3_000.0, "leverage": 10.0},
        ],
    )


@pytest.fixture
def at(usdm: xm.Market) -> xm.Prices:
    return usdm.prices(mark=PRICES)


def order(**said: Any) -> dict[str, Any]:
    return {"instrument": "BTCUSDT", "quantity": 0.4, "price": 60_000.0, "leverage": 10.0} | said


def test_mirrored_by_equity_is_in_proportion_and_cut_to_what_fits(traders: xm.Book, at: xm.Prices) -> None:
    found = xm.mirror(traders, at, order(), 1, [2, 3, 4])
    assert found.leader_row.tolist() == [0, 0, 0]
    assert found.account.tolist() == [2, 3, 4]
    # 190 of margin are left to the second: 1,900 at leverage 10
    assert found.wanted.tolist() == [0.2, 0.04, 0.0]
    assert found.quantity.tolist() == [0.2, 0.03166666, 0.0]
    assert found.cut.tolist() == [False, True, False]
    assert found.reasons.tolist()[:2] == ["accepted", "margin"]
    assert found.cost.tolist()[:2] == pytest.approx([1_200.0, 189.99996], rel=1e-12)
    assert repr(found).startswith("Mirrored(3 orders, 2 placed, 1 cut, market ")


def test_mirrored_without_cutting_refuses(traders: xm.Book, at: xm.Prices) -> None:
    found = xm.mirror(traders, at, order(), 1, [2, 3], cut=False)
    assert found.quantity.tolist() == [0.2, 0.0]
    assert (found.cut.tolist(), found.reasons.tolist()) == ([False, False], ["accepted", "margin"])


def test_mirrored_by_factor_is_multiplied(traders: xm.Book, at: xm.Prices) -> None:
    found = xm.mirror(traders, at, [order(quantity=-0.1)], 1, [2, 3], by="factor", factor=[1.5, 0.25])
    assert found.wanted.tolist() == [-0.15, -0.025]
    assert xm.mirror(traders, at, order(quantity=0.1), 1, 2, by="factor").wanted.tolist() == [0.1]


def test_mirrored_orders_that_close_are_capped_at_the_position(traders: xm.Book, at: xm.Prices) -> None:
    closing = order(instrument="ETHUSDT", quantity=-1.0, price=3_000.0, reduce_only=True)
    found = xm.mirror(traders, at, closing, 1, [2, 3], by="factor", factor=5.0)
    assert found.reasons.tolist() == ["nothing_to_reduce", "accepted"]
    assert found.quantity.tolist() == [0.0, -2.7]


def test_mirrored_rows_are_applied_with_the_followers_quantities(traders: xm.Book, at: xm.Prices) -> None:
    rows = [order(order_id=5), order(quantity=-0.1, order_id=6)]
    found = xm.mirror(traders, at, rows, 1, [2, 3])
    again = pickle.loads(pickle.dumps(found))
    assert again.table == found.table
    assert traders.apply_orders(found) is traders
    kept = traders.tables()["orders"]
    placed = found.quantity != 0.0
    assert sorted(zip(kept["account"], kept["order_id"], kept["quantity"], strict=True)) == sorted(
        zip(found.account[placed], found.leader_row[placed] + 5, found.quantity[placed], strict=True)
    )
    assert xm.Book(traders.market, **traders.tables()) == traders
    assert again.book.apply_orders(again) == traders
    with pytest.raises(xm.ArgumentError, match="made of an earlier state of the book"):
        traders.apply_orders(found)


def test_mirrored_fills_are_positions_of_the_followers(traders: xm.Book, at: xm.Prices) -> None:
    found = xm.mirror(traders, at, order(), 1, [2], assume="filled")
    traders.apply_orders(found)
    held = [row for row in traders.tables()["positions"].rows() if row["instrument"] == "BTCUSDT"]
    assert [(row["account"], row["quantity"]) for row in held] == [(2, 0.2)]
    assert "orders" not in traders.tables()


def test_mirrored_orders_of_another_account_are_refused(traders: xm.Book, at: xm.Prices, refused: Refused) -> None:
    assert len(xm.mirror(traders, at, [order(account=1)], 1, [2])) == 1
    message = refused(xm.ArgumentError, xm.mirror, traders, at, [order(account=1), order(account=2)], 1, [3])
    assert message == "orders.account[1] was 2, the leader's is 1: leave out orders of others"


def test_mirrored_rows_that_are_no_orders_are_refused(traders: xm.Book, at: xm.Prices) -> None:
    with pytest.raises(xm.BookError) as caught:
        xm.mirror(traders, at, [order(), order(quantity=None)], 1, [2])
    assert caught.value.faults["row"].tolist() == [1]


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"leader": 9}, "account was 9, which the book does not hold: name one of its 4 accounts, 1, 2, 3, 4"),
        ({"leader": None}, "leader was None, expected the key of an account"),
        ({"leader": 4}, "leader"),
        ({"followers": [2, 9]}, "followers[1] was 9, which this book does not hold"),
        ({"followers": None}, "followers was of type NoneType, expected keys of accounts"),
        ({"by": "size"}, "by was 'size', expected 'equity' or 'factor'"),
        ({"factor": "one"}, "factor was 'one', expected a number, or one for each follower"),
        ({"factor": [1.0, 2.0, 3.0]}, "factor was [1.0, 2.0, 3.0], expected a number, or one for each follower"),
        ({"factor": -1.0}, "factor"),
        ({"cut": np.zeros(2)}, "cut was array([0., 0.]), expected True or False"),
        ({"assume": "later"}, "assume was 'later', expected 'resting', 'market_filled', 'filled'"),
        ({"book": None}, "book was of type NoneType, expected Book"),
    ],
)
def test_mirrored_with_a_wrong_argument_is_refused_by_name(
    said: dict[str, Any], message: str, traders: xm.Book, at: xm.Prices, refused: Refused
) -> None:
    given = {"book": traders, "prices": at, "orders": order(), "leader": 1, "followers": [2, 3]} | said
    assert refused(xm.ArgumentError, lambda: xm.mirror(**given)).startswith(message)
