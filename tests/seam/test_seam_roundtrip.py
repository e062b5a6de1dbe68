"""Books, markets and prices taken apart and put together again: through their tables, Arrow and pickle."""

import copy
import pickle
import random
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import crossmargin as xm
from crossmargin.testing import Workload, reference_workload, retail_book
from crossmargin.testing.cases import TABLES, FullCase
from crossmargin.testing.holdings import full_cases

SHIPPED = xm.presets()
PRESETS = list(zip(SHIPPED["preset"].tolist(), SHIPPED["as_of"].tolist(), strict=True))


def bits(book: xm.Book, prices: xm.Prices) -> tuple[Any, dict[str, bytes]]:
    scores = xm.score(book, prices, "all", missing="null")
    positions = scores.positions.to_dict()
    del positions["row"]  # of other tables
    everything = scores.table.to_dict() | {f"position {name}": column for name, column in positions.items()}
    shown = {name: column.tolist() for name, column in everything.items() if column.dtype == object}
    return shown, {name: column.tobytes() for name, column in everything.items() if column.dtype != object}


def assert_the_same(book: xm.Book, again: xm.Book, prices: xm.Prices) -> None:
    assert again == book
    assert again.accounts.tolist() == book.accounts.tolist()
    assert bits(again, prices) == bits(book, prices)


def through_arrow(tables: dict[str, Any]) -> dict[str, Any]:
    return {name: pa.table(value) if isinstance(value, xm.Table) else value for name, value in tables.items()}


def opened(case: FullCase, seed: int) -> tuple[xm.Book, xm.Prices]:
    """The case's book of rows in any order, and its prices."""
    market = xm.Market.from_toml(case.market)
    shuffle = random.Random(seed)
    rows = {name: shuffle.sample(getattr(case, name), len(getattr(case, name))) for name in TABLES}
    book = xm.Book(market, **rows, quantity_unit=case.quantity_unit)
    return book, market.prices(mark=case.marks, index=case.index, last=case.last)


@given(full_cases(), st.integers(0, 2**32))
def test_roundtrip_random_book_through_its_tables_is_the_same(case: FullCase, seed: int) -> None:
    book, prices = opened(case, seed)
    assert_the_same(book, xm.Book(book.market, **book.tables()), prices)
    assert_the_same(book, xm.Book(book.market, **through_arrow(book.tables())), prices)


@given(full_cases(), st.integers(0, 2**32))
def test_roundtrip_random_account_of_a_book_is_that_account_alone(case: FullCase, seed: int) -> None:
    book, prices = opened(case, seed)
    both = xm.score(book, prices, "all", missing="null").table.to_dict()
    for account in book.accounts.tolist():
        alone = xm.Book(book.market, **book.tables(account=account))
        got = xm.score(alone, prices, "all", missing="null").table.to_dict()
        own = both["account"] == account
        for name, column in got.items():
            assert column.tolist() == both[name][own].tolist() or column.tobytes() == both[name][own].tobytes()


@pytest.mark.parametrize("kind", ["R1", "R2", "R3", "retail"])
def test_roundtrip_workload_is_the_same(kind: str, usdm: xm.Market) -> None:
    workload: Workload
    if kind == "retail":
        market, workload = usdm, retail_book(usdm.to_toml(), 2_000, seed=1)
    else:
        workload = reference_workload(kind, n_pools=2_000, n_instruments=30, seed=2)
        market = xm.Market.from_toml(workload.market_toml)
    given = {name: getattr(workload, name, None) for name in ("balances", "positions", "orders")}
    book = xm.Book(market, **given)
    index = getattr(workload, "index", None)
    prices = market.prices(mark=workload.marks, index=index)
    for again in (
        xm.Book(market, **book.tables()),
        xm.Book(market, **through_arrow(book.tables())),
        pickle.loads(pickle.dumps(book)),
        copy.deepcopy(book),
    ):
        assert_the_same(book, again, prices)


def one(**more: Any) -> dict[str, Any]:
    return {"account": "a", "instrument": "BTCUSDT", "quantity": 1.0} | more


CASH = {"account": "a", "asset": "USDT", "wallet_balance": 100.0}
HELD = one(entry_price=50.0)
WANTED = one(price=40.0)
NOTHING = CASH | {"wallet_balance": 0.0}
ORDERS_OF_ACCOUNTS: dict[str, dict[str, list[Any]]] = {
    "a zero balance keeps its place": {
        "balances": [NOTHING, CASH | {"account": "b"}],
        "positions": [HELD],
    },
    "a zero balance alone is a pool": {"balances": [NOTHING], "positions": []},
    "a position comes before an order": {
        "balances": [],
        "positions": [HELD | {"account": "p"}],
        "orders": [WANTED | {"account": "o"}],
    },
    "a zero balance with an order comes before a position": {
        "balances": [NOTHING],
        "positions": [HELD | {"account": "p"}],
        "orders": [WANTED],
    },
    "zero balances against the order of positions": {
        "balances": [NOTHING, NOTHING | {"account": "b"}],
        "positions": [HELD | {"account": "c"}, HELD | {"account": "b"}, HELD],
    },
    "zero balances against the order of orders": {
        "balances": [NOTHING],
        "orders": [WANTED | {"account": "c"}, WANTED],
    },
    "an isolated position without a cross pool": {
        "balances": [CASH],
        "positions": [
            HELD | {"account": "i", "margin_mode": "isolated", "isolated_margin": 20.0},
            HELD | {"account": "x"},
        ],
    },
    "an order that does not count makes a pool": {"balances": [], "orders": [WANTED | {"reduce_only": True}]},
}


@pytest.mark.parametrize("told", ORDERS_OF_ACCOUNTS)
def test_roundtrip_keeps_the_order_of_accounts(told: str, usdm: xm.Market) -> None:
    book = xm.Book(usdm, **ORDERS_OF_ACCOUNTS[told])
    assert_the_same(book, xm.Book(usdm, **book.tables()), usdm.prices(mark={"BTCUSDT": 45.0}))


def test_roundtrip_tables_say_what_was_entered(usdm: xm.Market) -> None:
    book = xm.Book(
        usdm,
        balances=[CASH, CASH | {"asset": "USDC", "wallet_balance": -0.1}],
        positions=[
            one(entry_price=0.3, quantity=-2.0),
            {"account": "a", "instrument": "ETH/USDT:USDT", "quantity": 1.0, "entry_price": 2.0, "leverage": 5.0},
        ],
        orders=[WANTED | {"trigger_price": None, "order_id": "x"}, WANTED | {"price": None, "trigger_price": 7.0}],
        accounts=[{"account": "a"}, {"account": "nobody"}],
        settings=[
            {"account": "a", "instrument": "BTC/USDT:USDT", "leverage": 3.0, "margin_mode": "isolated"},
            {"account": "nobody", "instrument": "BTCUSDT", "leverage": 4.0, "margin_mode": None},
        ],
    )
    tables = book.tables()
    assert tables["balances"].rows() == [
        {"account": "a", "asset": "USDT", "wallet_balance": 100.0},
        {"account": "a", "asset": "USDC", "wallet_balance": -0.1},
    ]
    common = {"account": "a", "position_side": "net"}
    assert tables["positions"].rows() == [
        one(entry_price=0.3, quantity=-2.0, leverage=3.0, margin_mode="isolated") | common,
        one(instrument="ETHUSDT", entry_price=2.0, leverage=5.0, margin_mode="cross") | common,
    ]
    assert tables["orders"].columns == ("account", "instrument", "quantity", "price", "trigger_price", "order_id")
    assert tables["orders"]["order_id"].tolist() == ["x", None]
    np.testing.assert_array_equal(tables["orders"]["price"], [40.0, np.nan])
    np.testing.assert_array_equal(tables["orders"]["trigger_price"], [np.nan, 7.0])
    assert tables["accounts"].rows() == [{"account": "a"}]
    assert tables["settings"].rows() == [
        {"account": "a", "instrument": "BTCUSDT", "leverage": 3.0, "margin_mode": "isolated"}
    ]
    assert list(tables) == ["balances", "positions", "orders", "accounts", "settings"]


def test_roundtrip_tables_of_a_book_without_rows_are_left_out(usdm: xm.Market) -> None:
    book = xm.Book(usdm, balances=[CASH])
    assert list(book.tables()) == ["balances"]
    assert list(xm.Book(usdm, balances=[CASH], positions=[HELD]).tables()) == ["balances", "positions"]
    copied = {name: pa.table(table) for name, table in book.tables().items()}
    assert xm.Book(usdm, **copied) == book


def test_roundtrip_tables_in_base_units_say_so() -> None:
    market = xm.load_market("mexc-usdm")
    held = HELD | {"instrument": "BTC_USDT", "leverage": 10.0}
    book = xm.Book(market, balances=[CASH], positions=[held], quantity_unit="base")
    tables = book.tables()
    assert (tables["quantity_unit"], tables["positions"]["quantity"].tolist()) == ("base", [1.0])
    assert (book.quantity_unit, xm.Book(market, balances=[CASH]).quantity_unit) == ("base", "contracts")
    prices = market.prices(mark={"BTC_USDT": 45.0})
    assert_the_same(book, xm.Book(market, **tables), prices)
    unit = tables.pop("quantity_unit")
    copied = {name: pa.table(table) for name, table in tables.items()}
    assert_the_same(book, xm.Book(market, **copied, quantity_unit=unit), prices)
    # the unit counts: a contract is of 0.0001
    contracts = market.instruments["contract_size"][market.instruments["instrument"] == "BTC_USDT"].item()
    assert xm.score(book, prices, "notional")["notional"].tolist() == [45.0]
    assert xm.score(xm.Book(market, **copied), prices, "notional")["notional"].tolist() == [45.0 * contracts]


def test_roundtrip_of_rejected_accounts_leaves_them_out(usdm: xm.Market) -> None:
    book = xm.Book(
        usdm,
        balances=[CASH, CASH | {"account": "b"}],
        positions=[HELD, HELD | {"account": "b", "quantity": 0.0}],
        settings=[
            {"account": "a", "instrument": "BTCUSDT", "leverage": 3.0},
            {"account": "b", "instrument": "nothing", "leverage": 3.0},
        ],
        on_error="reject",
    )
    again = pickle.loads(pickle.dumps(book))
    assert again == book
    assert again.accounts.tolist() == ["a"]
    assert again.rejected is not None
    assert book.rejected is not None
    assert again.rejected.faults == book.rejected.faults
    assert again.rejected.accounts.tolist() == ["b"]


def test_roundtrip_of_merged_rows_is_one_row(usdm: xm.Market) -> None:
    book = xm.Book(usdm, balances=[CASH], positions=[HELD, HELD | {"entry_price": 60.0}], duplicates="merge")
    assert book.tables()["positions"]["entry_price"].tolist() == [55.0]
    assert xm.Book(usdm, **book.tables()) == book


@pytest.mark.parametrize("key", ["b", 1, True, None.__class__, 1.0, b"a"])
def test_roundtrip_of_an_account_that_is_not_there_is_refused(key: Any, usdm: xm.Market) -> None:
    for account in ("a", 7):
        book = xm.Book(usdm, balances=[CASH | {"account": account}])
        with pytest.raises(xm.ArgumentError, match=r"which the book does not hold: its one account is ('a'|7)$"):
            book.tables(account=key)


def test_roundtrip_books_that_differ_are_not_equal(usdm: xm.Market, textbook: xm.Market) -> None:
    book = xm.Book(usdm, balances=[CASH], positions=[HELD])
    assert book == xm.Book(usdm, balances=[CASH], positions=[HELD])
    assert hash(book) == hash(xm.Book(usdm, balances=[CASH], positions=[HELD]))
    others = [
        xm.Book(usdm, balances=[CASH]),
        xm.Book(usdm, balances=[CASH], positions=[HELD | {"entry_price": 50.5}]),
        xm.Book(usdm, balances=[CASH], positions=[HELD], orders=[WANTED]),
        xm.Book(usdm, balances=[CASH], positions=[HELD], quantity_unit="base"),
        xm.Book(usdm, balances=[CASH | {"account": 1}], positions=[HELD | {"account": 1}]),
        xm.Book(textbook, balances=[CASH], positions=[HELD]),
        "a book",
    ]
    assert all(book != other for other in others)


@pytest.mark.parametrize(("name", "as_of"), PRESETS)
def test_roundtrip_of_a_market_through_pickle_is_the_same(name: str, as_of: str) -> None:
    market = xm.load_market(name, as_of=as_of)
    assert pickle.loads(pickle.dumps(market)) == market


def test_roundtrip_of_prices_through_pickle_is_the_same(usdm: xm.Market) -> None:
    prices = usdm.prices(mark={"BTCUSDT": 45.25}, index={"USDC": 0.75}, last={"BTCUSDT": 45.5})
    again = pickle.loads(pickle.dumps(prices))
    assert again.market == prices.market
    for name in ("mark", "index", "last"):
        assert getattr(again, name).tobytes() == getattr(prices, name).tobytes()
