"""The tables beside balances and positions: columns of any kind give the same bits, and each says what it says."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import crossmargin as xm
from seam.test_seam_containers import NAMES, REALS, TABLES

Refused = Callable[..., str]
Columns = dict[str, Any]
Convert = Callable[[Any], Any]

MARKET = """
extends = "textbook/2020-01-01"
preset = "orders"
as_of = 2024-10-01
[pools]
cross = "per_account"
[valuation]
asset = "USDT"
[bonus]
counts_as_margin = true
[fees]
taker = 0.001
maker = 0
[fees.profile.vip]
taker = 0
maker = 0
[margin_class]
user_coefficient = "bounds"
tier = "static"
table_version = "kept_by_open_positions"
[maintenance_margin]
closing_fee = "mark"
[orders]
initial_margin = "sum"
[[asset]]
name = "USDC"
[[instrument]]
name = "BTCUSDT"
tiers = "BTCUSDT"
old_tiers = { old = "older" }
[tiers.BTCUSDT]
law = "marginal"
bounds = "quote"
floor = [0, 100000]
maintenance_rate = [0.01, 0.02]
[tiers.older]
law = "flat"
bounds = "quote"
floor = [0, 100000]
maintenance_rate = [0.05, 0.06]
"""

CASH: Columns = {
    "account": [1, 2, 3],
    "asset": ["USDT", "USDT", "USDC"],
    "wallet_balance": [1_000.0, 2_000.0, 3_000.0],
    "bonus": [0.0, 8.0, 16.0],
    "borrowed": [1.0, 0.0, 2.0],
}
HELD: Columns = {
    "account": [1, 2, 3],
    "instrument": ["BTCUSDT", "BTCUSDT", "ETHUSDT"],
    "quantity": [1.0, 2.0, 3.0],
    "entry_price": [8.0, 16.0, 31.0],
    "tier_version": ["old", None, None],
    "tier": [1.0, 2.0, 1.0],
}
PLACED: Columns = {
    "account": [1, 2, 3],
    "instrument": ["BTCUSDT", "SOLUSDT", "ETHUSDT"],
    "quantity": [1.0, -2.0, 3.0],
    "price": [8.0, 16.0, 32.0],
    "leverage": [2.0, 4.0, 8.0],
    "trigger_price": [None, None, 64.0],
    "reduce_only": [False, True, False],
    "position_side": ["net", "net", "net"],
    "margin_mode": ["cross", "cross", "cross"],
    "order_id": ["a", "b", "c"],
}
KNOWN: Columns = {"account": [1, 2, 3], "profile": ["vip", None, "vip"], "tier_coefficient": [1.0, 2.0, 4.0]}
CHOSEN: Columns = {
    "account": [1, 2, 3],
    "instrument": ["BTCUSDT", "BTCUSDT", "ETHUSDT"],
    "leverage": [2.0, 4.0, 8.0],
    "margin_mode": ["cross", "cross", "cross"],
}
GIVEN: dict[str, Columns] = {
    "balances": CASH,
    "positions": HELD,
    "orders": PLACED,
    "accounts": KNOWN,
    "settings": CHOSEN,
}
EXTRA = ("orders", "accounts", "settings")


@pytest.fixture(scope="module")
def market() -> xm.Market:
    return xm.Market.from_toml(MARKET)


def bits(market: xm.Market, **tables: Any) -> list[bytes]:
    book = xm.Book(market, **(GIVEN | tables))
    prices = market.prices(mark=dict.fromkeys(("BTCUSDT", "ETHUSDT", "SOLUSDT"), 20.0), index={"USDC": 0.5})
    scores = xm.score(book, prices, "all")
    return [column.tobytes() for name, column in scores.table.to_dict().items() if name in scores.outputs]


def test_tables_each_column_changes_a_figure(market: xm.Market) -> None:
    # one row of each column is changed to what must show; order_id changes none
    plain = bits(market)
    changes = {
        "balances": {"bonus": 9.0, "borrowed": 3.0},
        "positions": {"tier_version": None, "tier": 2.0},
        "orders": {
            "quantity": 5.0,
            "price": 9.0,
            "leverage": 1.0,
            "trigger_price": 7.0,
            "reduce_only": True,
            "margin_mode": "isolated",
        },
        "accounts": {"profile": None},
        "settings": {"leverage": 1.0},
    }
    for table, columns in changes.items():
        for column, value in columns.items():
            changed = GIVEN[table] | {column: [value, *GIVEN[table][column][1:]]}
            if (table, column) == ("orders", "margin_mode"):
                assert bits(market, **{table: changed}) == plain  # it reserves the same
            else:
                assert bits(market, **{table: changed}) != plain, (table, column)
    assert bits(market, orders=PLACED | {"order_id": [7, 8, 9]}) == plain


@pytest.mark.parametrize("kind", REALS)
def test_tables_reals_of_any_kind_give_the_same_bits(kind: str, market: xm.Market) -> None:
    convert = REALS[kind]
    columns = {
        "balances": ("bonus", "borrowed"),
        "positions": ("tier",),
        "orders": ("quantity", "price", "leverage"),
        "accounts": ("tier_coefficient",),
        "settings": ("leverage",),
    }
    if kind == "arrow uint64":  # which has no signs
        columns["orders"] = ("price", "leverage")
    tables = {
        table: GIVEN[table] | {name: convert(GIVEN[table][name]) for name in names} for table, names in columns.items()
    }
    assert bits(market, **tables) == bits(market)


@pytest.mark.parametrize("kind", NAMES)
def test_tables_names_of_any_kind_give_the_same_bits(kind: str, market: xm.Market) -> None:
    convert = NAMES[kind]
    columns = {
        "balances": ("asset",),
        "positions": ("instrument",),
        "orders": ("instrument", "position_side", "margin_mode"),
        "accounts": (),
        "settings": ("instrument", "margin_mode"),
    }
    tables = {}
    for table, names in columns.items():
        tables[table] = GIVEN[table] | {name: convert(GIVEN[table][name]) for name in names}
        tables[table]["account"] = convert(["a", "b", "c"])
    tables["accounts"]["profile"] = convert(["vip", "default", "vip"])
    assert bits(market, **tables) == bits(market)


FLAGS: dict[str, Convert] = {
    "list": list,
    "tuple": tuple,
    "nulls": lambda v: [flag or None for flag in v],
    "bool": np.asarray,
    "strided": lambda v: np.repeat(v, 2)[::2],
    "reversed": lambda v: np.asarray(v)[::-1].copy()[::-1],
    "any byte": lambda v: np.array([2 * flag for flag in v], dtype=np.uint8).view(np.bool_),
    "object": lambda v: np.asarray(v, dtype=object),
    "scalars": lambda v: [np.bool_(flag) for flag in v],
    "masked": lambda v: np.ma.masked_array([True] * len(v), mask=[not flag for flag in v]),
    "arrow": pa.array,
    "arrow nulls": lambda v: pa.array([flag or None for flag in v], pa.bool_()),
    "arrow sliced": lambda v: pa.array([True, *v])[1:],
    "arrow chunked": lambda v: pa.chunked_array([[flag] for flag in v]),
}


@pytest.mark.parametrize("kind", FLAGS)
def test_tables_flags_of_any_kind_give_the_same_bits(kind: str, market: xm.Market) -> None:
    column = FLAGS[kind](PLACED["reduce_only"])
    assert bits(market, orders=PLACED | {"reduce_only": column}) == bits(market)


def test_tables_flags_absent_mean_false(market: xm.Market) -> None:
    without = {name: column for name, column in PLACED.items() if name != "reduce_only"}
    for column in ([None] * 3, pa.nulls(3), [False] * 3):
        assert bits(market, orders=PLACED | {"reduce_only": column}) == bits(market, orders=without)


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ([1, 0, 0], "[0] was 1, expected True or False"),
        (["true", None, None], "[0] was 'true', expected True or False"),
        (np.zeros(3), " had dtype float64, expected bool"),
        (np.zeros(3, dtype=np.int8), " had dtype int8, expected bool"),
        (np.zeros((3, 1), dtype=np.bool_), " had 2 dimensions, expected a column: one dimension"),
        (pa.array([1, 0, 0]), " had Arrow type Int64, expected true or false"),
        (pa.array(["true", None, None]), " had Arrow type Utf8, expected true or false"),
        ([True], " had 1 rows, expected 3 as in the account column"),
        (None, " was None, expected a column: a NumPy array, a list, or an Arrow array"),
    ],
)
def test_tables_flags_that_are_none_are_refused(column: Any, message: str, market: xm.Market, refused: Refused) -> None:
    got = refused(xm.ArgumentError, xm.Book, market, **(GIVEN | {"orders": PLACED | {"reduce_only": column}}))
    assert got == f"orders.reduce_only{message}"


def rows_without_nulls(table: Columns) -> list[Columns]:
    """Rows as JSON has them: what is absent is not there."""
    rows = [dict(zip(table, row, strict=True)) for row in zip(*table.values(), strict=True)]
    return json.loads(json.dumps([{name: value for name, value in row.items() if value is not None} for row in rows]))


@pytest.mark.parametrize("kind", [*TABLES, "rows without nulls"])
def test_tables_of_any_kind_give_the_same_bits(kind: str, market: xm.Market) -> None:
    convert = TABLES.get(kind, rows_without_nulls)
    tables = {}
    for name, table in GIVEN.items():
        if kind == "structured":  # which has no absent values
            table = {key: column for key, column in table.items() if None not in column}  # noqa: PLW2901
        tables[name] = convert(table)
    plain = {name: dict(table) for name, table in GIVEN.items()}
    if kind == "structured":
        plain = {
            name: {key: column for key, column in table.items() if None not in column} for name, table in plain.items()
        }
    assert bits(market, **tables) == bits(market, **plain)


def test_tables_null_bonus_and_debt_are_zero(market: xm.Market) -> None:
    for nothing in ([None, 8.0, 16.0], pa.array([None, 8.0, 16.0])):
        assert bits(market, balances=CASH | {"bonus": nothing}) == bits(market)
    with pytest.raises(xm.BookError) as caught:
        bits(market, balances=CASH | {"bonus": [np.nan, 8.0, 16.0]})
    assert caught.value.faults.rows()[0]["column"] == "bonus"


def test_tables_null_quantity_of_an_order_is_missing(market: xm.Market) -> None:
    with pytest.raises(xm.BookError) as caught:
        bits(market, orders=PLACED | {"quantity": [None, -2.0, 3.0]})
    assert str(caught.value) == "orders.quantity[0] was null: give a finite number"


def test_tables_without_rows_are_as_none(market: xm.Market) -> None:
    empty: list[Any] = [[], {}, None, pa.table({"account": pa.array([], pa.string())})]
    plain = bits(market, orders=None, accounts=None, settings=None)
    for nothing in empty[:3]:
        assert bits(market, orders=nothing, accounts=nothing, settings=nothing) == plain
    assert bits(market, orders=None, settings=None, accounts=empty[3]) == plain


def test_tables_order_of_rows_changes_nothing(market: xm.Market) -> None:
    turned = {name: {key: column[::-1] for key, column in GIVEN[name].items()} for name in EXTRA}
    assert bits(market, **turned) == bits(market)


def test_tables_rows_of_the_same_account_are_found_by_number_and_name(market: xm.Market) -> None:
    named = {name: GIVEN[name] | {"account": ["1", "2", "3"]} for name in EXTRA}
    assert bits(market, **named) == bits(market)
