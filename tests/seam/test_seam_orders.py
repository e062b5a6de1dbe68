"""Orders before they are placed, from any container, by any number of threads, in any order of accounts: same bits."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import crossmargin as xm
from crossmargin.testing import reference_workload
from seam.test_seam_containers import NAMES, REALS, TABLES

Columns = dict[str, Any]
Convert = Callable[[Any], Any]

CASH = {"account": [1, 2, 3], "asset": ["USDT"] * 3, "wallet_balance": [1_000.0, 2_000.0, 3_000.0]}
ORDERS: Columns = {
    "account": [3, 1, 2],
    "instrument": ["BTCUSDT", "ETHUSDT", "BTCUSDT"],
    "quantity": [1.0, -2.0, 3.0],
    "price": [100.0, 10.0, 105.0],
    "leverage": [2.0, 4.0, 1.0],
    "order_id": ["a", "b", "c"],
}


@pytest.fixture(scope="module")
def held(textbook: xm.Market) -> tuple[xm.Book, xm.Prices]:
    return xm.Book(textbook, balances=CASH), textbook.prices(mark={"BTCUSDT": 101.0, "ETHUSDT": 10.0})


def bits(held: tuple[xm.Book, xm.Prices], orders: Any, **options: Any) -> list[bytes]:
    decision = xm.check_orders(*held, orders, ("equity", "initial_margin"), violations=True, **options)
    assert decision["account"].tolist() == ORDERS["account"]
    return [column.tobytes() for column in decision._found.values()]


@pytest.mark.parametrize("kind", REALS)
def test_orders_numbers_of_any_type_give_the_same_bits(kind: str, held: tuple[xm.Book, xm.Prices]) -> None:
    plain = bits(held, ORDERS)
    for column in ("quantity", "price", "leverage"):
        if "uint" not in kind or column != "quantity":  # which has a sale
            assert bits(held, ORDERS | {column: REALS[kind](ORDERS[column])}) == plain, column


@pytest.mark.parametrize("kind", NAMES)
def test_orders_names_of_any_type_give_the_same_bits(kind: str, held: tuple[xm.Book, xm.Prices]) -> None:
    assert bits(held, ORDERS | {"instrument": NAMES[kind](ORDERS["instrument"])}) == bits(held, ORDERS)


@pytest.mark.parametrize("kind", TABLES)
def test_orders_tables_of_any_kind_give_the_same_bits(kind: str, held: tuple[xm.Book, xm.Prices]) -> None:
    assert bits(held, TABLES[kind](ORDERS)) == bits(held, ORDERS)


def test_orders_rows_are_read_as_columns(held: tuple[xm.Book, xm.Prices]) -> None:
    rows = [dict(zip(ORDERS, row, strict=True)) for row in zip(*ORDERS.values(), strict=True)]
    assert bits(held, rows) == bits(held, ORDERS)


def test_orders_are_copied_before_they_are_judged(held: tuple[xm.Book, xm.Prices]) -> None:
    quantity = np.array(ORDERS["quantity"])
    book = held[0].copy()
    decision = xm.check_orders(book, held[1], ORDERS | {"quantity": quantity})
    quantity[:] = 1e6
    book.apply_orders(decision)
    assert set(book.tables()["orders"]["quantity"].tolist()) <= set(ORDERS["quantity"])


def drawn(seed: int) -> tuple[xm.Book, xm.Prices, Columns]:
    """Draw some orders of each of many accounts, some of which do not fit."""
    workload = reference_workload("R1", n_pools=2_000, n_instruments=40, seed=seed)
    market = xm.Market.from_toml(workload.market_toml)
    book = xm.Book(market, balances=workload.balances, positions=workload.positions)
    draw = np.random.default_rng(seed)
    n = 5_000
    instrument = draw.integers(0, 40, n)
    orders = {
        "account": draw.choice(book.accounts, n),
        "instrument": instrument,
        "quantity": draw.normal(0.0, 1.0, n) * draw.lognormal(7.0, 2.0, n) / np.asarray(workload.marks)[instrument],
        "price": np.asarray(workload.marks)[instrument] * np.exp(draw.normal(0.0, 0.002, n)),
        "leverage": np.full(n, 10.0),
    }
    return book, market.prices(mark=workload.marks), orders


@pytest.fixture(scope="module")
def many() -> tuple[xm.Book, xm.Prices, Columns]:
    return drawn(5)


def found(decision: xm.Decision) -> list[bytes]:
    return [column.tobytes() for column in decision._found.values()]


def test_orders_by_any_number_of_threads_give_the_same_bits(many: tuple[xm.Book, xm.Prices, Columns]) -> None:
    one = xm.check_orders(*many, "excess", n_threads=1)
    assert 0 < one.n_accepted < len(one)
    for threads in (2, 3, 7):
        assert found(xm.check_orders(*many, "excess", n_threads=threads)) == found(one)


def test_orders_in_another_order_of_accounts_give_the_same_rows(many: tuple[xm.Book, xm.Prices, Columns]) -> None:
    book, prices, orders = many
    one = xm.check_orders(book, prices, orders)
    # a stable sort keeps the sequence within each account
    order = np.argsort(orders["account"], kind="stable")
    other = xm.check_orders(book, prices, {name: column[order] for name, column in orders.items()})
    for name, column in one._found.items():
        assert column[order].tobytes() == other[name].tobytes(), name


def test_orders_one_by_one_are_the_rows_of_the_batch(many: tuple[xm.Book, xm.Prices, Columns]) -> None:
    book, prices, orders = many
    first = np.unique(orders["account"], return_index=True)[1][:300]
    batch = xm.check_orders(book, prices, {name: column[first] for name, column in orders.items()})
    for row, at in enumerate(first.tolist()):
        verdict = xm.check_order(
            book,
            prices,
            int(orders["instrument"][at]),
            orders["quantity"][at],
            orders["price"][at],
            account=orders["account"][at],
            leverage=10.0,
        )
        expected = (batch.accepted[row], batch.reasons[row], batch.cost[row], batch.available[row])
        assert verdict[:4] == expected, (row, verdict)


def test_orders_in_threads_of_python_are_decided_alike(many: tuple[xm.Book, xm.Prices, Columns]) -> None:
    expected = found(xm.check_orders(*many))
    start = threading.Barrier(4)

    def work(_: int) -> list[bytes]:
        start.wait()
        return found(xm.check_orders(*many, n_threads=1))

    with ThreadPoolExecutor(4) as pool:
        assert all(each == expected for each in pool.map(work, range(4)))


def test_orders_decision_through_arrow_says_the_same(held: tuple[xm.Book, xm.Prices]) -> None:
    decision = xm.check_orders(*held, ORDERS, "equity")
    table = pa.table(decision)
    assert table.column_names == list(decision.columns)
    assert table["reason"].to_pylist() == decision.reason.tolist()
    assert table["account"].to_pylist() == ORDERS["account"]
