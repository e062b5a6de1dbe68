"""The zoo of containers and types that columns come in: same numbers in, same bits out."""

import array
import decimal
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import crossmargin as xm

Refused = Callable[..., str]
Columns = dict[str, Any]
Convert = Callable[[Any], Any]


class Arrayish:
    """Something that NumPy can read, and nothing more."""

    def __init__(self, values: Any) -> None:
        self.values = np.asarray(values)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return self.values if dtype is None else self.values.astype(dtype)


class Dlpackish:
    def __init__(self, values: Any) -> None:
        self.values = np.asarray(values, dtype=np.float64)

    def __dlpack__(self, **options: Any) -> Any:
        return self.values.__dlpack__(**options)

    def __dlpack_device__(self) -> Any:
        return self.values.__dlpack_device__()


class OneArray:
    """An Arrow producer without streams."""

    def __init__(self, values: Any) -> None:
        self.values = values

    def __arrow_c_array__(self, requested_schema: Any = None) -> Any:
        return self.values.__arrow_c_array__(requested_schema)


class Broken:
    """An Arrow producer whose own dependency is absent."""

    def __init__(self, values: Any) -> None:
        self.values = values

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        raise ImportError("pyarrow")

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.asarray(self.values, dtype=dtype)


def strided(values: Any) -> np.ndarray:
    wide = np.zeros(2 * len(values), dtype=np.asarray(values).dtype)
    wide[::2] = values
    return wide[::2]


def misaligned(values: Any) -> np.ndarray:
    flat = np.asarray(values, dtype=np.float64)
    raw = np.zeros(flat.nbytes + 1, dtype=np.uint8)
    raw[1:] = flat.view(np.uint8)
    return raw[1:].view(np.float64)


REALS: dict[str, Convert] = {
    "float64": lambda v: np.asarray(v, dtype=np.float64),
    "float32": lambda v: np.asarray(v, dtype=np.float32),
    "float16": lambda v: np.asarray(v, dtype=np.float16),
    "big-endian": lambda v: np.asarray(v, dtype=">f8"),
    "int8": lambda v: np.asarray(v, dtype=np.int8),
    "int64": lambda v: np.asarray(v, dtype=np.int64),
    "big-endian int": lambda v: np.asarray(v, dtype=">i4"),
    "object": lambda v: np.asarray(v, dtype=object),
    "strided": strided,
    "misaligned": misaligned,
    "reversed": lambda v: np.asarray(v)[::-1].copy()[::-1],
    "read-only": lambda v: np.frombuffer(np.asarray(v, dtype=np.float64).tobytes()),
    "list": list,
    "tuple": tuple,
    "ints": lambda v: [int(x) for x in v],
    "scalars": lambda v: [np.float32(x) for x in v],
    "decimals": lambda v: [decimal.Decimal(x) for x in v],
    "array.array": lambda v: array.array("d", v),
    "memoryview": lambda v: memoryview(array.array("d", v)),
    "__array__": Arrayish,
    "__dlpack__": Dlpackish,
    "masked": np.ma.masked_array,
    "subclass": lambda v: np.asarray(v).view(np.recarray),
    "arrow float64": lambda v: pa.array(v, pa.float64()),
    "arrow float32": lambda v: pa.array(v, pa.float32()),
    "arrow int16": lambda v: pa.array([int(x) for x in v], pa.int16()),
    "arrow int64": lambda v: pa.array([int(x) for x in v], pa.int64()),
    "arrow uint64": lambda v: pa.array([abs(int(x)) for x in v], pa.uint64()),
    "arrow decimal": lambda v: pa.array([decimal.Decimal(x) for x in v], pa.decimal128(20, 4)),
    "arrow decimal256": lambda v: pa.array([decimal.Decimal(x) for x in v], pa.decimal256(50, 4)),
    "arrow sliced": lambda v: pa.array([0.0, *v, 0.0])[1:-1],
    "arrow chunked": lambda v: pa.chunked_array([[x] for x in v], pa.float64()),
    "arrow one array": lambda v: OneArray(pa.array(v, pa.float64())),
    "arrow for want of pyarrow": Broken,
    "arrow dictionary": lambda v: pa.array(v, pa.float64()).dictionary_encode(),
    "text": lambda v: [str(x) for x in v],
    "text padded": lambda v: [f" {x:+} " for x in v],
    "text of exponents": lambda v: [f"{x:.20e}" for x in v],
    "fixed text": lambda v: np.array([str(x) for x in v]),
    "object text": lambda v: np.array([str(x) for x in v], dtype=object),
    "arrow text": lambda v: pa.array([str(x) for x in v]),
    "arrow large text": lambda v: pa.array([str(x) for x in v], pa.large_string()),
    "arrow text view": lambda v: pa.array([str(x) for x in v], pa.string_view()),
    "arrow text dictionary": lambda v: pa.array([str(x) for x in v]).dictionary_encode(),
    "arrow text chunks": lambda v: pa.chunked_array([[str(x)] for x in v]),
}

NAMES: dict[str, Convert] = {
    "list": list,
    "tuple": tuple,
    "fixed": np.asarray,
    "fixed wide": lambda v: np.asarray(v, dtype="U40"),
    "fixed big-endian": lambda v: np.asarray(v, dtype=">U12"),
    "fixed strided": strided,
    "object": lambda v: np.asarray(v, dtype=object),
    "np.str_": lambda v: [np.str_(x) for x in v],
    "copies": lambda v: [f"{x[:1]}{x[1:]}" for x in v],
    "__array__": Arrayish,
    "masked": np.ma.masked_array,
    "arrow": pa.array,
    "arrow large": lambda v: pa.array(v, pa.large_string()),
    "arrow view": lambda v: pa.array(v, pa.string_view()),
    "arrow dictionary": lambda v: pa.array(v).dictionary_encode(),
    "arrow dictionary chunks": lambda v: pa.chunked_array([pa.array([x, x]).dictionary_encode()[1:] for x in v]),
    "arrow chunked": lambda v: pa.chunked_array([[x] for x in v]),
    "arrow sliced": lambda v: pa.array(["x", *v])[1:],
}

INTS: dict[str, Convert] = {
    "list": list,
    "bytes": lambda v: np.asarray(v, dtype=np.int8),
    "int64": lambda v: np.asarray(v, dtype=np.int64),
    "big-endian": lambda v: np.asarray(v, dtype=">i8"),
    "uint8": lambda v: np.asarray(v, dtype=np.uint8),
    "uint64": lambda v: np.asarray(v, dtype=np.uint64),
    "strided": strided,
    "object": lambda v: np.asarray(v, dtype=object),
    "scalars": lambda v: [np.int16(x) for x in v],
    "range": lambda v: range(v[0], v[-1] + 1),
    "array.array": lambda v: array.array("q", v),
    "__array__": Arrayish,
    "arrow int64": lambda v: pa.array(v, pa.int64()),
    "arrow int8": lambda v: pa.array(v, pa.int8()),
    "arrow uint64": lambda v: pa.array(v, pa.uint64()),
    "arrow chunked": lambda v: pa.chunked_array([pa.array([x], pa.uint32()) for x in v]),
}

CASH: Columns = {"account": [1, 2, 3], "asset": ["USDT", "USDC", "USDT"], "wallet_balance": [100.0, 25.0, 6.0]}
HELD: Columns = {
    "account": [1, 2, 3],
    "instrument": ["BTCUSDT", "BTCUSDC", "SOLUSDT"],
    "quantity": [1.0, 2.0, 3.0],
    "entry_price": [8.0, 16.0, 31.0],
    "leverage": [2.0, 4.0, 8.0],
    "margin_mode": ["cross", "isolated", "cross"],
    "position_side": ["net", "long", "net"],
}


def bits(market: xm.Market, cash: Any, held: Any) -> list[bytes]:
    book = xm.Book(market, balances=cash, positions=held)
    scores = xm.score(book, market.prices(mark=dict.fromkeys(("BTCUSDT", "BTCUSDC", "SOLUSDT"), 20.0)), "all")
    return [column.tobytes() for name, column in scores.table.to_dict().items() if name in scores.outputs]


@pytest.fixture(scope="module")
def plain(usdm: xm.Market) -> list[bytes]:
    return bits(usdm, CASH, HELD)


@pytest.mark.parametrize("kind", REALS)
def test_seam_reals_of_any_kind_give_the_same_bits(kind: str, usdm: xm.Market, plain: list[bytes]) -> None:
    convert = REALS[kind]
    cash = CASH | {"wallet_balance": convert(CASH["wallet_balance"])}
    held = HELD | {name: convert(HELD[name]) for name in ("quantity", "entry_price", "leverage")}
    assert bits(usdm, cash, held) == plain


@pytest.mark.parametrize("kind", NAMES)
def test_seam_names_of_any_kind_give_the_same_bits(kind: str, usdm: xm.Market, plain: list[bytes]) -> None:
    convert = NAMES[kind]
    cash = CASH | {"asset": convert(CASH["asset"]), "account": convert(["a", "b", "c"])}
    held = HELD | {name: convert(HELD[name]) for name in ("instrument", "margin_mode", "position_side")}
    held["account"] = convert(["a", "b", "c"])
    assert bits(usdm, cash, held) == plain
    assert xm.Book(usdm, balances=cash, positions=held).accounts.tolist() == ["a", "b", "c"]


@pytest.mark.parametrize("kind", INTS)
def test_seam_integers_of_any_kind_give_the_same_bits(kind: str, usdm: xm.Market, plain: list[bytes]) -> None:
    convert = INTS[kind]
    assets, instruments = usdm.assets["asset"].tolist(), usdm.instruments["instrument"].tolist()
    cash = CASH | {"account": convert([1, 2, 3])}
    held = HELD | {"account": convert([1, 2, 3])}
    if kind != "range":
        cash["asset"] = convert([assets.index(name) for name in CASH["asset"]])
        held["instrument"] = convert([instruments.index(name) for name in HELD["instrument"]])
    assert bits(usdm, cash, held) == plain


def rows_of(table: Columns) -> list[Columns]:
    return [dict(zip(table, row, strict=True)) for row in zip(*table.values(), strict=True)]


def structured(table: Columns) -> np.ndarray:
    made = np.zeros(3, dtype=[(name, np.asarray(column).dtype) for name, column in table.items()])
    for name, column in table.items():
        made[name] = column
    return made


TABLES: dict[str, Callable[[Columns], Any]] = {
    "dict": dict,
    "rows": rows_of,
    "tuple of rows": lambda table: tuple(rows_of(table)),
    "structured": structured,
    "table": xm.Table,
    "arrow table": pa.table,
    "arrow batch": pa.RecordBatch.from_pydict,
    "arrow reader": lambda table: pa.table(table).to_reader(max_chunksize=1),
    "arrow chunks": lambda table: pa.concat_tables(pa.table(table)[i : i + 1] for i in range(3)),
    "arrow struct": lambda table: OneArray(pa.table(table).to_struct_array().combine_chunks()),
}


@pytest.mark.parametrize("kind", TABLES)
def test_seam_tables_of_any_kind_give_the_same_bits(kind: str, usdm: xm.Market, plain: list[bytes]) -> None:
    convert = TABLES[kind]
    assert bits(usdm, convert(CASH), convert(HELD)) == plain


def test_seam_inputs_are_copied_into_the_book(usdm: xm.Market, plain: list[bytes]) -> None:
    cash = {name: np.array(column) for name, column in CASH.items()}
    book = xm.Book(usdm, balances=cash, positions=HELD)
    cash["wallet_balance"][:] = 0.0
    scores = xm.score(book, usdm.prices(mark=dict.fromkeys(("BTCUSDT", "BTCUSDC", "SOLUSDT"), 20.0)), "all")
    assert scores.wallet_balance.tobytes() == plain[0]


NULLS: dict[str, Convert] = {
    "None": list,
    "object": lambda v: np.array(v, dtype=object),
    "masked": lambda v: np.ma.masked_array([x or 0.0 for x in v], mask=[x is None for x in v]),
    "arrow": lambda v: pa.array(v, pa.float64()),
    "arrow ints": lambda v: pa.array([x and int(x) for x in v], pa.int64()),
    "arrow chunks": lambda v: pa.chunked_array([[x] for x in v], pa.float64()),
    "arrow decimal": lambda v: pa.array([x and decimal.Decimal(x) for x in v], pa.decimal128(10, 2)),
    "arrow dictionary": lambda v: pa.array(v, pa.float64()).dictionary_encode(),
    "empty text": lambda v: ["" if x is None else str(x) for x in v],
    "empty fixed text": lambda v: np.array(["" if x is None else str(x) for x in v]),
    "arrow text": lambda v: pa.array([None if x is None else str(x) for x in v]),
    "arrow empty text": lambda v: pa.array(["" if x is None else str(x) for x in v]),
    "arrow empty text in chunks": lambda v: pa.chunked_array([["" if x is None else str(x)] for x in v]),
    "arrow text dictionary": lambda v: pa.array(["" if x is None else str(x) for x in v]).dictionary_encode(),
}


@pytest.mark.parametrize("kind", NULLS)
def test_seam_null_is_unknown_where_it_may_be_and_missing_where_not(kind: str, usdm: xm.Market) -> None:
    convert = NULLS[kind]
    book = xm.Book(usdm, balances=CASH, positions=HELD | {"leverage": convert([2.0, 4.0, None])})
    prices = usdm.prices(mark=dict.fromkeys(("BTCUSDT", "BTCUSDC", "SOLUSDT"), 20.0))
    assert np.isnan(xm.score(book, prices).positions["initial_margin"]).tolist() == [False, False, True]
    with pytest.raises(xm.BookError) as caught:
        xm.Book(usdm, balances=CASH | {"wallet_balance": convert([1.0, None, 3.0])})
    assert str(caught.value) == "balances.wallet_balance[1] was null: give a finite number"


@pytest.mark.parametrize("convert", [list, pa.array, lambda v: pa.array(v).dictionary_encode(), pa.chunked_array])
def test_seam_null_names_mean_the_default(convert: Convert, usdm: xm.Market, plain: list[bytes]) -> None:
    sides = [None, "long", None]
    column = convert([sides]) if convert is pa.chunked_array else convert(sides)
    assert bits(usdm, CASH, HELD | {"position_side": column}) == plain
    nothing = pa.nulls(3) if convert is pa.array else [None] * 3
    assert xm.Book(usdm, balances=CASH, positions=HELD | {"position_side": nothing}).n_positions == 3


def test_seam_float32_is_taken_at_its_value(textbook: xm.Market) -> None:
    cash = {"account": [1], "asset": ["USDT"], "wallet_balance": np.array([0.1], dtype=np.float32)}
    scores = xm.score(xm.Book(textbook, balances=cash), textbook.prices(mark={}), "equity")
    assert scores.equity.tolist() == [float(np.float32(0.1))]


BIG = 2**53 + 1
REFUSED: list[tuple[str, Any, str]] = [
    ("wallet_balance", np.array([True]), "had dtype bool, expected numbers"),
    ("wallet_balance", np.array([1j]), "had dtype complex128, expected numbers"),
    ("wallet_balance", np.array(["1,0"]), "[0] was '1,0', expected a number"),
    ("wallet_balance", np.array(["2024-01-01"], dtype="M8[D]"), "had dtype datetime64[D], expected numbers"),
    ("wallet_balance", np.array([b"1"]), "had dtype |S1, expected numbers"),
    ("wallet_balance", ["nan"], "[0] was 'nan', expected a number"),
    ("wallet_balance", ["inf"], "[0] was 'inf', expected a number"),
    ("wallet_balance", ["1e999"], "[0] was '1e999', expected a number"),
    ("wallet_balance", ["1_0"], "[0] was '1_0', expected a number"),
    ("wallet_balance", ["."], "[0] was '.', expected a number"),
    ("wallet_balance", [True], "[0] was True, expected a number"),
    ("wallet_balance", [1j], "[0] was 1j, expected a number"),
    ("wallet_balance", [[1.0]], "[0] was [1.0], expected a number"),
    ("wallet_balance", [10**400], f"[0] was {str(10**400)[:60]}..., expected a number"),
    (
        "wallet_balance",
        [BIG],
        f"[0] was {BIG}, which no double is equal to: give a number of at most 15 digits, or as a float",
    ),
    (
        "wallet_balance",
        np.array([BIG]),
        f"[0] was {BIG}, which no double is equal to: give a number of at most 15 digits, or as a float",
    ),
    (
        "wallet_balance",
        np.array([2**64 - 1], dtype=np.uint64),
        f"[0] was {2**64 - 1}, which no double is equal to: give a number of at most 15 digits, or as a float",
    ),
    (
        "wallet_balance",
        pa.array([BIG]),
        f"[0] was {BIG}, which no double is equal to: give a number of at most 15 digits, or as a float",
    ),
    ("wallet_balance", pa.array(["1.0 USDT"]), "[0] was '1.0 USDT', expected a number"),
    ("wallet_balance", pa.array(["NaN"]).dictionary_encode(), "[0] was 'NaN', expected a number"),
    ("wallet_balance", pa.array([True]), "had Arrow type Boolean, expected numbers"),
    ("wallet_balance", np.ones((1, 1)), "had 2 dimensions, expected a column: one dimension"),
    ("wallet_balance", np.float64(1.0), "had 0 dimensions, expected a column: one dimension"),
    ("wallet_balance", 1.0, "had 0 dimensions, expected a column: one dimension"),
    ("wallet_balance", {1.0}, "had 0 dimensions, expected a column: one dimension"),
    ("wallet_balance", None, "was None, expected a column: a NumPy array, a list, or an Arrow array"),
    ("wallet_balance", "1.0", "was of type str, expected a column: a NumPy array, a list, or an Arrow array"),
    ("wallet_balance", b"1.0", "was of type bytes, expected a column: a NumPy array, a list, or an Arrow array"),
    ("wallet_balance", {"a": 1}, "was of type dict, expected a column: a NumPy array, a list, or an Arrow array"),
    ("account", np.array([1.0]), "had dtype float64, expected integers or names"),
    ("account", np.array([True]), "had dtype bool, expected integers or names"),
    ("account", np.array([b"a"]), "had dtype |S1, expected integers or names"),
    ("account", [1.0], "[0] was 1.0, expected a name or a 64-bit integer"),
    ("account", [True], "[0] was True, expected a name or a 64-bit integer"),
    ("account", [2**63], f"[0] was {2**63}, expected a name or a 64-bit integer"),
    ("account", ["\ud800"], "[0] was '\\ud800', which is no valid text"),
    ("account", np.array(["\ud800"]), "[0] was no valid text"),
    (
        "account",
        np.array([2**63], dtype=np.uint64),
        f"[0] was {2**63}, expected at most 9223372036854775807: give such keys as text",
    ),
    (
        "account",
        pa.array([2**63], pa.uint64()),
        f"[0] was {2**63}, expected at most 9223372036854775807: give such keys as text",
    ),
    ("account", pa.array([None], pa.int64()), "[0] was null among integers: give every row a key"),
    ("account", pa.array([1.0]), "had Arrow type Float64, expected integers or names"),
]


@pytest.mark.parametrize(("column", "values", "message"), REFUSED)
def test_seam_column_that_is_none_is_refused(
    column: str, values: Any, message: str, textbook: xm.Market, refused: Refused
) -> None:
    cash = {"account": [1], "asset": ["USDT"], "wallet_balance": [1.0]} | {column: values}
    got = refused(xm.ArgumentError, xm.Book, textbook, balances=cash)
    separator = "" if message.startswith("[") else " "
    assert got == f"balances.{column}{separator}{message}"


def test_seam_keys_of_two_kinds_in_one_column_are_refused(textbook: xm.Market, refused: Refused) -> None:
    def message(accounts: list[Any]) -> str:
        cash = {"account": accounts, "asset": ["USDT"] * 3, "wallet_balance": [1.0] * 3}
        return refused(xm.ArgumentError, xm.Book, textbook, balances=cash)

    assert message([1, "b", 3]) == "balances.account[1] was 'b', expected integers in all rows or names in all"
    assert message(["a", 2, "c"]) == "balances.account[1] was 2, expected integers in all rows or names in all"
    assert message([1, None, 3]) == "balances.account[1] was null among integers: give every row a key"
    assert message([None, 2, 3]) == "balances.account[0] was null among integers: give every row a key"


def test_seam_arrow_that_is_broken_is_refused(textbook: xm.Market, refused: Refused) -> None:
    class NoCapsule:
        def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
            return 3

    class NoPair:
        def __arrow_c_array__(self, requested_schema: Any = None) -> Any:
            return (1, 2)

    used = pa.table(CASH).to_reader()
    used.read_all()

    def message(table: Any) -> str:
        return refused(xm.ArgumentError, xm.Book, textbook, balances=table)

    prefix = "balances had Arrow data that cannot be read: "
    assert message(NoCapsule()) == prefix + "__arrow_c_stream__ gave no capsule"
    assert message(NoPair()) == prefix + "__arrow_c_array__ gave no pair of capsules"
    assert message(pa.array([1.0])) == "balances was an Arrow column, expected a table of columns"
    assert message(pa.array([{"account": 1}, None])) == (
        "balances had rows that are null as a whole, expected rows of columns"
    )


def falsified(kind: str) -> Any:
    """Arrow columns of two rows whose contents are not what they claim."""
    if kind == "codes":
        return pa.DictionaryArray.from_arrays(pa.array([0, 7], pa.int8()), pa.array(["USDT"]), safe=False)
    offsets = np.array([0, 2, 4] if kind == "text" else [0, 9, 4], dtype=np.int32)
    return pa.StringArray.from_buffers(2, pa.py_buffer(offsets), pa.py_buffer(b"\xff\xfe\xff\xfe"))


@pytest.mark.parametrize("kind", ["text", "offsets", "codes"])
@pytest.mark.parametrize("whole", [True, False])
def test_seam_arrow_that_lies_is_refused(kind: str, whole: bool, textbook: xm.Market, refused: Refused) -> None:
    cash = {"account": pa.array([1, 2]), "asset": falsified(kind), "wallet_balance": pa.array([1.0, 2.0])}
    message = refused(xm.ArgumentError, xm.Book, textbook, balances=pa.table(cash) if whole else cash)
    assert message.startswith("balances" + ("" if whole else ".asset") + " had Arrow data that cannot be read: ")


def test_seam_column_named_twice_is_refused(textbook: xm.Market, refused: Refused) -> None:
    table = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["account", "account"])
    message = refused(xm.ArgumentError, xm.Book, textbook, balances=table)
    assert message == "balances.account came twice; give each column once"
