"""Data frames and tables of other libraries, in and out."""

import importlib
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import crossmargin as xm
from crossmargin.testing import retail_book

pa = pytest.importorskip("pyarrow")

N_ACCOUNTS = 400
CUT = 37
"""Rows of a chunk: no multiple of anything, so that accounts lie across the edges."""


def module(name: str) -> Any:
    return pytest.importorskip(name, exc_type=ImportError)


def text(values: np.ndarray) -> bool:
    return values.dtype.kind in "OU"


def chunked(table: Any) -> Any:
    return pa.concat_tables([table[at : at + CUT] for at in range(0, len(table), CUT)])


def with_text_as(kind: Any) -> Callable[[dict[str, Any]], Any]:
    def make(columns: dict[str, Any]) -> Any:
        table = pa.table(columns)
        fields = [pa.field(f.name, kind if pa.types.is_string(f.type) else f.type) for f in table.schema]
        return chunked(table.cast(pa.schema(fields)))

    return make


def with_reals_as(kind: Any) -> Callable[[dict[str, Any]], Any]:
    def make(columns: dict[str, Any]) -> Any:
        made = {
            name: pa.array([repr(x) for x in v.tolist()]).cast(kind) if v.dtype == np.float64 else pa.array(v)
            for name, v in columns.items()
        }
        return pa.table(made)

    return make


def duck(columns: dict[str, Any]) -> Any:
    given = pa.table(columns)  # found by its name
    connection = module("duckdb").connect()
    connection.register("given", given)
    return connection.sql("select * from given")


def capsule(name: str) -> Callable[[dict[str, Any]], Any]:
    def make(columns: dict[str, Any]) -> Any:
        table = chunked(pa.table(columns))
        if name == "arro3":
            return module("arro3.core").Table.from_arrow(table)
        return module("nanoarrow").ArrayStream(table)

    return make


class Buffered:
    """Memory and nothing more: what the buffer protocol exports."""

    def __new__(cls, values: np.ndarray) -> Any:
        return memoryview(np.ascontiguousarray(values))


class Lent:
    """What only speaks DLPack."""

    def __init__(self, values: np.ndarray) -> None:
        self.values = values

    def __dlpack__(self, **options: Any) -> Any:
        return self.values.__dlpack__(**options)

    def __dlpack_device__(self) -> Any:
        return self.values.__dlpack_device__()


def each(convert: Callable[[np.ndarray], Any]) -> Callable[[dict[str, Any]], Any]:
    return lambda columns: {name: v if text(v) else convert(v) for name, v in columns.items()}


def with_index(frame: Any) -> Any:
    """Give a frame the index that a selection of rows leaves: one that counts up, but not by one."""
    return frame.set_axis([3 * row + 1 for row in range(len(frame) - 1)] + [10**6], axis=0)


CONTAINERS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "dict of arrays": dict,
    "dict of lists": lambda columns: {name: v.tolist() for name, v in columns.items()},
    "dict of fixed text": lambda columns: {name: v.astype(str) if text(v) else v for name, v in columns.items()},
    "dict of StringDType": lambda columns: {
        name: v.astype(np.dtypes.StringDType()) if text(v) else v for name, v in columns.items()
    },
    "dict of numbers as text": lambda columns: {
        name: [repr(x) for x in v.tolist()] if v.dtype == np.float64 else v for name, v in columns.items()
    },
    "dict of arrow arrays": lambda columns: {name: pa.array(v) for name, v in columns.items()},
    "buffers": each(Buffered),
    "dlpack": each(Lent),
    "table": xm.Table,
    "list of dicts": lambda columns: pa.table(columns).to_pylist(),
    "pandas": lambda columns: module("pandas").DataFrame(columns),
    "pandas with an index": lambda columns: with_index(module("pandas").DataFrame(columns)),
    "pandas of objects": lambda columns: module("pandas").DataFrame(columns).astype(object),
    "pandas of strings": lambda columns: module("pandas").DataFrame(columns).convert_dtypes(),
    "pandas of categories": lambda columns: module("pandas").DataFrame(
        {k: module("pandas").Categorical(v) if text(v) else v for k, v in columns.items()}
    ),
    "pandas of arrow": lambda columns: pa.table(columns).to_pandas(types_mapper=module("pandas").ArrowDtype),
    "polars": lambda columns: module("polars").DataFrame(columns),
    "polars in chunks": lambda columns: module("polars").from_arrow(chunked(pa.table(columns)), rechunk=False),
    "polars of categories": lambda columns: (
        module("polars")
        .DataFrame(columns)
        .with_columns(module("polars").col(module("polars").String).cast(module("polars").Categorical))
    ),
    "polars of series": lambda columns: dict(module("polars").DataFrame(columns).to_dict()),
    "pyarrow": pa.table,
    "pyarrow in chunks": lambda columns: chunked(pa.table(columns)),
    "pyarrow batch": pa.RecordBatch.from_pydict,
    "pyarrow reader": lambda columns: chunked(pa.table(columns)).to_reader(),
    "pyarrow large text": with_text_as(pa.large_string()),
    "pyarrow text view": with_text_as(pa.string_view()),
    "pyarrow dictionary": with_text_as(pa.dictionary(pa.int16(), pa.string())),
    "pyarrow dictionary of large text": with_text_as(pa.dictionary(pa.int32(), pa.large_string())),
    "pyarrow decimal": with_reals_as(pa.decimal128(38, 18)),
    "pyarrow decimal256": with_reals_as(pa.decimal256(60, 20)),
    "pyarrow numbers as text": with_reals_as(pa.string()),
    "duckdb": duck,
    "arro3": capsule("arro3"),
    "nanoarrow": capsule("nanoarrow"),
}


@pytest.fixture(scope="module", params=["integer keys", "text keys", "text keys in no order"])
def made(request: pytest.FixtureRequest, usdm: xm.Market) -> Any:
    """A market, its marks, two tables as arrays, and the bits that they give."""
    workload = retail_book(usdm.to_toml(), N_ACCOUNTS, seed=4)
    tables = {}
    rng = np.random.default_rng(9)
    for name in ("balances", "positions"):
        table = {key: np.asarray(column) for key, column in getattr(workload, name).items()}
        table = {key: column.astype(object) if text(column) else column for key, column in table.items()}
        if request.param != "integer keys":
            table["account"] = np.array([f"account {key}" for key in table["account"].tolist()], dtype=object)
        if request.param == "text keys in no order":
            order = rng.permutation(len(table["account"]))
            table = {key: column[order] for key, column in table.items()}
        # Decimals and text of the same numbers: few digits behind the point.
        table = {key: np.round(v, 6) if v.dtype == np.float64 else v for key, v in table.items()}
        tables[name] = table
    return SimpleNamespace(market=usdm, marks=workload.marks, tables=tables, bits=bits(usdm, workload.marks, tables))


def bits(market: xm.Market, marks: Any, tables: dict[str, Any]) -> dict[str, Any]:
    scores = xm.score(xm.Book(market, **tables), market.prices(mark=marks), "all")
    columns = scores.table.to_dict() | {f"position {name}": v for name, v in scores.positions.to_dict().items()}
    return {name: column.tolist() if column.dtype == object else column.tobytes() for name, column in columns.items()}


@pytest.mark.parametrize("kind", CONTAINERS)
def test_frames_of_every_kind_give_the_same_bits(kind: str, made: Any) -> None:
    convert = CONTAINERS[kind]
    assert bits(made.market, made.marks, {name: convert(table) for name, table in made.tables.items()}) == made.bits


@pytest.mark.parametrize(("one", "other"), [("pandas", "pyarrow in chunks"), ("polars", "dict of lists")])
def test_frames_of_two_kinds_meet_in_one_book(one: str, other: str, made: Any) -> None:
    tables = {
        "balances": CONTAINERS[one](made.tables["balances"]),
        "positions": CONTAINERS[other](made.tables["positions"]),
    }
    assert bits(made.market, made.marks, tables) == made.bits


def lists_by_account(tables: dict[str, Any]) -> Iterator[dict[str, Any]]:
    rows: dict[Any, dict[str, Any]] = {}
    for name, table in tables.items():
        for row in pa.table(table).to_pylist():
            own = rows.setdefault(row["account"], {"account": row["account"], "balances": [], "positions": []})
            own[name].append({key: value for key, value in row.items() if key != "account"})
    yield from rows.values()


def nested_table(rows: list[dict[str, Any]]) -> Any:
    """The nested form as Arrow, in chunks of a few accounts."""
    return pa.concat_tables(
        [pa.Table.from_pylist(rows[at : at + 7]) for at in range(0, len(rows), 7)], promote_options="permissive"
    )


def with_lists_as(make: Callable[[Any], Any]) -> Callable[[list[dict[str, Any]]], Any]:
    def cast(rows: list[dict[str, Any]]) -> Any:
        table = nested_table(rows)
        fields = [
            pa.field(f.name, make(f.type.value_type) if pa.types.is_list(f.type) else f.type) for f in table.schema
        ]
        return table.cast(pa.schema(fields))

    return cast


NESTED: dict[str, Callable[[list[dict[str, Any]]], Any]] = {
    "list of dicts": list,
    "dict of lists": lambda rows: {name: [row[name] for row in rows] for name in rows[0]},
    "pyarrow": nested_table,
    "pyarrow large lists": with_lists_as(pa.large_list),
    "pyarrow sliced": lambda rows: nested_table([rows[0], *rows, rows[0]]).slice(1, len(rows)),
    "polars": lambda rows: module("polars").from_arrow(nested_table(rows)),
    "pandas": lambda rows: module("pandas").DataFrame(rows),
    "pandas with an index": lambda rows: with_index(module("pandas").DataFrame(rows)),
    "duckdb": lambda rows: duck({name: nested_table(rows)[name] for name in rows[0]}),
}


@pytest.mark.parametrize("kind", NESTED)
def test_frames_nested_give_the_bits_of_the_tables(kind: str, made: Any) -> None:
    rows = list(lists_by_account(made.tables))
    tables = {name: {} for name in ("balances", "positions")}
    for name in tables:
        flat = [{"account": row["account"], **inner} for row in rows for inner in row[name]]
        tables[name] = {key: [row[key] for row in flat] for key in flat[0]}
    expected = bits(made.market, made.marks, tables)
    book = xm.Book.from_nested(made.market, NESTED[kind](rows))
    scores = xm.score(book, made.market.prices(mark=made.marks), "all")
    assert {name: v.tolist() if v.dtype == object else v.tobytes() for name, v in scores.table.to_dict().items()} == {
        name: value for name, value in expected.items() if not name.startswith("position ")
    }


ACCOUNT_ROWS = [
    {"account": "a", "balances": [{"asset": "USDT", "wallet_balance": 5.0}], "orders": None, "profile": "default"},
    {
        "account": "b",
        "balances": [],
        "orders": [{"instrument": "BTCUSDT", "quantity": 1.0, "price": 9.0, "leverage": None}],
        "settings": [{"instrument": "BTCUSDT", "leverage": 4.0}],
        "profile": None,
    },
    {"account": "c", "balances": [{"asset": "USDT", "wallet_balance": 7.0}], "profile": None},
]


def test_frames_nested_read_orders_settings_and_what_is_said_of_the_account(usdm: xm.Market) -> None:
    profile = usdm.profiles["profile"][0]
    rows = [row | {"profile": row["profile"] and profile} for row in ACCOUNT_ROWS]
    flat = xm.Book(
        usdm,
        balances=[
            {"account": "a", "asset": "USDT", "wallet_balance": 5.0},
            {"account": "c", "asset": "USDT", "wallet_balance": 7.0},
        ],
        orders=[{"account": "b", "instrument": "BTCUSDT", "quantity": 1.0, "price": 9.0, "leverage": None}],
        settings=[{"account": "b", "instrument": "BTCUSDT", "leverage": 4.0}],
        accounts=[{"account": row["account"], "profile": row["profile"]} for row in rows],
    )
    assert flat.accounts.tolist() == ["a", "c", "b"]
    everything = dict.fromkeys(name for row in rows for name in row)
    for nested in (rows, pa.Table.from_pylist([everything | row for row in rows])):
        book = xm.Book.from_nested(usdm, nested)
        assert book.accounts.tolist() == ["a", "c", "b"]
        assert xm.score(book, usdm.prices(mark={"BTCUSDT": 10.0}), "all").table == (
            xm.score(flat, usdm.prices(mark={"BTCUSDT": 10.0}), "all").table
        )


def test_frames_nested_lists_that_are_null_have_no_rows(usdm: xm.Market) -> None:
    # Elements may lie under a list that is null: they are not of it.
    cash = pa.array([{"asset": "USDT", "wallet_balance": x} for x in (1.0, 2.0, 3.0)])
    lists = pa.ListArray.from_arrays(pa.array([0, 1, 2, 3]), cash, mask=pa.array([False, True, False]))
    table = pa.table({"account": ["a", "b", "c"], "balances": lists})
    book = xm.Book.from_nested(usdm, table)
    assert book.tables()["balances"].rows() == [
        {"account": "a", "asset": "USDT", "wallet_balance": 1.0},
        {"account": "c", "asset": "USDT", "wallet_balance": 3.0},
    ]
    assert xm.Book.from_nested(usdm, []).n_accounts == 0
    assert xm.Book.from_nested(usdm, pa.table({"account": ["a"], "balances": pa.nulls(1)})).n_accounts == 0


NOT_NESTED: list[tuple[Any, str]] = [
    (
        3,
        "nested was of type int, expected a table with a row per account: a list of dicts, or anything that exports "
        "Arrow",
    ),
    ([3], "nested[0] was of type int, expected a row: a dict with an account"),
    ([{"balances": []}], "nested[0] was a dict without an account, expected a row: a dict with an account"),
    (
        [{"account": 1, "balances": {"asset": "USDT"}}],
        "nested[0].balances was a dict without an account, expected a list of rows",
    ),
    ([{"account": 1, "balances": [3]}], "nested[0].balances[0] was of type int, expected a row: a dict by column"),
    (
        [{"account": 1, "balances": [{"account": 1}]}],
        "nested[0].balances[0] says an account, which is said once, for the row; leave it out of the list",
    ),
    (pa.table({"balances": pa.nulls(1)}), "nested.account is missing; every row needs the key of its account"),
    (
        pa.table({"account": [1], "balances": [1.0]}),
        "nested.balances had Arrow type Float64, expected lists of structs",
    ),
    (
        pa.table({"account": [1], "balances": [[1.0]]}),
        "nested.balances was an Arrow column, expected a table of columns",
    ),
    (
        pa.Table.from_pylist([{"account": 1, "balances": [{"account": 1}]}]),
        "nested.balances.account is said once, for the row; leave it out of the list",
    ),
    ({"account": [1, 2], "balances": [[]]}, "nested had columns of unequal length"),
]


@pytest.mark.parametrize(("table", "message"), NOT_NESTED)
def test_frames_that_are_not_nested_are_refused(
    table: Any, message: str, usdm: xm.Market, refused: Callable[..., str]
) -> None:
    assert refused(xm.ArgumentError, xm.Book.from_nested, usdm, table) == message


RESULTS: dict[str, Callable[[xm.Book, xm.Prices], Any]] = {
    "scores": lambda book, prices: xm.score(book, prices, "all"),
    "table": lambda book, prices: xm.score(book, prices, "all").table,
    "accounts": lambda book, prices: xm.score(book, prices).accounts("USDT"),
    "positions": lambda book, prices: xm.score(book, prices).positions,
    "tables": lambda book, prices: book.tables()["positions"],
    "pools": lambda book, prices: book.pools,
    "presets": lambda book, prices: xm.presets(),
}


@pytest.mark.parametrize("kind", RESULTS)
def test_frames_are_made_of_results_by_their_usual_constructors(kind: str, made: Any) -> None:
    book = xm.Book(made.market, **made.tables)
    prices = made.market.prices(mark=made.marks, index={"USDC": 1.0})
    result = RESULTS[kind](book, prices)
    table = result if isinstance(result, xm.Table) else result.table
    expected = {
        name: [None if x is None or x != x else x for x in column.tolist()]  # noqa: PLR0124 - NaN is null
        for name, column in table.to_dict().items()
    }
    assert pa.table(result).to_pydict() == expected
    polars, pandas = module("polars"), module("pandas")
    assert polars.DataFrame(result).to_dict(as_series=False) == expected
    assert polars.from_arrow(pa.table(result)).columns == list(expected)
    duckdb = module("duckdb")
    connection = duckdb.connect()
    connection.register("found", pa.table(result))
    assert connection.execute("select count(*) from found").fetchall() == [(len(table),)]
    assert module("arro3.core").Table.from_arrow(result).num_rows == len(table)
    assert len(module("nanoarrow").ArrayStream(result).read_all()) == len(table)
    frame = pandas.DataFrame(table.to_dict())
    assert list(frame.columns) == list(expected)
    for name, column in table.to_dict().items():
        if column.dtype != object:
            assert frame[name].to_numpy().tobytes() == column.tobytes()
    if hasattr(pandas.DataFrame, "from_arrow"):
        assert pandas.DataFrame.from_arrow(result).columns.tolist() == list(expected)


@pytest.mark.parametrize("name", ["pandas", "polars", "duckdb", "arro3.core", "nanoarrow"])
def test_frames_are_tested_with_the_libraries_that_are_locked(name: str) -> None:
    assert importlib.import_module(name)
