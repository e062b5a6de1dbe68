"""Random bytes, shapes, types and values at every entry point: refused or scored, never a panic.

A panic shows as `InternalError`, or as an exception that is no `Exception`; both fail these tests.
"""

import contextlib
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import crossmargin as xm
from seam.test_seam_tables import MARKET as EVERY_TABLE

MARKET = xm.load_market("binance-usdm", as_of="2024-10-01")
PRICES = MARKET.prices(mark=np.full(len(MARKET.instruments), 1_000.0))
TEXT = MARKET.to_toml()
OTHER = xm.Market.from_toml(EVERY_TABLE)
NAMES = ("BTCUSDT", "ETHUSDC", "SOL/USDT:USDT", "DOGE", "", "\x00", "ü")
REFUSALS = (xm.CrossmarginError, TypeError, ValueError)


@contextlib.contextmanager
def refused_or_done() -> Iterator[None]:
    try:
        yield
    except xm.InternalError:
        raise
    except REFUSALS:
        pass


extremes = st.sampled_from(
    [0.0, -0.0, 1.0, -1.0, 5e-324, 1e-80, 1e-77, 1e77, 1e78, 1e308, math.inf, -math.inf, math.nan]
)
reals = st.one_of(extremes, st.floats(), st.floats(min_value=1e-3, max_value=1e6))
integers = st.one_of(
    st.integers(), st.integers(-3, 80), st.sampled_from([2**53 + 1, 2**63 - 1, 2**63, -(2**63), 2**64])
)
texts = st.one_of(st.sampled_from(NAMES), st.text(max_size=8))
scalars = st.one_of(st.none(), st.booleans(), integers, reals, texts, st.binary(max_size=4), st.complex_numbers())
dtypes = st.one_of(
    hnp.scalar_dtypes(),
    hnp.unicode_string_dtypes(max_len=4),
    hnp.byte_string_dtypes(max_len=4),
    st.just(np.dtype(object)),
    hnp.array_dtypes(max_size=2),
)
arrow_types = st.sampled_from(
    [
        *(pa.int8(), pa.int64(), pa.uint64(), pa.float32(), pa.float64(), pa.decimal128(38, 10), pa.bool_(), pa.null()),
        *(pa.string(), pa.large_string(), pa.string_view(), pa.binary(), pa.timestamp("ns"), pa.list_(pa.float64())),
        *(pa.dictionary(pa.int8(), pa.string()), pa.dictionary(pa.int32(), pa.int64())),
        pa.run_end_encoded(pa.int32(), pa.int64()),
    ]
)


@st.composite
def arrow_arrays(draw: st.DrawFn, size: int | None = None) -> Any:
    kind = draw(arrow_types)
    values = draw(st.lists(scalars, min_size=size or 0, max_size=4 if size is None else size))
    try:
        array = pa.array(values, kind)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        array = pa.nulls(len(values), kind)
    if draw(st.booleans()):
        cut = draw(st.integers(0, len(array)))
        return pa.chunked_array([array[:cut], array[cut:]], type=kind)
    return array


@st.composite
def numpy_arrays(draw: st.DrawFn, size: int | None = None) -> Any:
    dtype = draw(dtypes)
    shape = draw(hnp.array_shapes(min_dims=0, max_dims=2, min_side=0, max_side=3)) if size is None else (size,)
    array = draw(hnp.arrays(dtype, shape, elements=scalars if dtype.hasobject else None))
    if array.ndim == 1 and draw(st.booleans()):
        array = array[::-1]
    return array


def columns(size: int | None = None) -> st.SearchStrategy[Any]:
    bounds = {"min_size": 0, "max_size": 3} if size is None else {"min_size": size, "max_size": size}
    lists = [st.lists(each, **bounds) for each in (scalars, reals, integers, texts, st.one_of(texts, st.none()))]
    return st.one_of(*lists, numpy_arrays(size), arrow_arrays(size))


anything = st.one_of(
    scalars, columns(), st.dictionaries(texts, scalars, max_size=3), st.just(object()), st.just(np.ma.masked)
)
NAMED = ["account", "asset", "wallet_balance", "instrument", "quantity", "entry_price", "leverage", "margin_mode"]
NAMED += ["isolated_margin", "position_side", "bonus", "floor", "maintenance_rate", "cap", "tier_version"]
NAMED += ["price", "reduce_only", "trigger_price", "profile", "tier_coefficient", "borrowed", "tier", "order_id"]
headings = st.one_of(st.sampled_from(NAMED), texts, integers)
tables = st.one_of(
    anything,
    st.dictionaries(headings, anything, max_size=6),
    st.lists(st.dictionaries(headings, scalars, max_size=6), max_size=3),
    st.lists(anything, max_size=3),
)


@given(
    balances=tables, positions=tables, market=st.one_of(st.just(MARKET), anything), words=st.lists(texts, max_size=3)
)
def test_fuzz_tables_of_anything_find_no_panic(balances: Any, positions: Any, market: Any, words: list[str]) -> None:
    options = dict(zip(("quantity_unit", "duplicates", "on_error"), words, strict=False))
    with refused_or_done():
        xm.Book(market, balances=balances, positions=positions, **options)


def well_named(name: str, size: int) -> st.SearchStrategy[Any]:
    """A column that is mostly right."""
    right: dict[str, st.SearchStrategy[Any]] = {
        "account": st.integers(0, 2),
        "asset": st.sampled_from(["USDT", "USDC"]),
        "instrument": st.sampled_from([*NAMES[:3], "ETHUSDT"]),
        "margin_mode": st.sampled_from(["cross", "isolated", None]),
        "position_side": st.sampled_from(["net", "long", "short", None]),
        "leverage": st.one_of(st.none(), st.floats(1, 125)),
        "isolated_margin": st.one_of(st.none(), st.floats(0, 1e6)),
        "quantity": st.floats(-100, 100).filter(bool),
        "entry_price": st.floats(1e-3, 1e4),
        "price": st.one_of(st.none(), st.floats(1e-3, 1e4)),
        "trigger_price": st.one_of(st.none(), st.floats(1e-3, 1e4)),
        "reduce_only": st.one_of(st.none(), st.booleans()),
        "bonus": st.one_of(st.none(), st.floats(0, 1e6)),
        "borrowed": st.one_of(st.none(), st.floats(0, 1e6)),
        "tier": st.sampled_from([None, 1.0, 2.0]),
        "tier_version": st.sampled_from([None, "old"]),
        "profile": st.sampled_from([None, "vip"]),
        "tier_coefficient": st.one_of(st.none(), st.floats(0.5, 10)),
    }
    return st.lists(right.get(name, st.floats(-1e6, 1e6)), min_size=size, max_size=size)


@st.composite
def plausible(draw: st.DrawFn, required: list[str], optional: list[str]) -> dict[str, Any]:
    size = draw(st.integers(0, 4))
    names = required + draw(st.lists(st.sampled_from(optional), unique=True) if optional else st.just([]))
    table = {name: draw(well_named(name, size)) for name in names}
    odd = draw(st.sampled_from([None, None, *names]))
    if odd is not None and size > 0:
        spoilt = list(table[odd])
        spoilt[draw(st.integers(0, size - 1))] = draw(scalars)
        table[odd] = draw(st.one_of(columns(size), st.just(spoilt)))
    return table


BALANCES = plausible(["account", "asset", "wallet_balance"], [])
POSITIONS = plausible(
    ["account", "instrument", "quantity", "entry_price"],
    ["leverage", "margin_mode", "isolated_margin", "position_side"],
)
KNOWN = plausible(["account"], ["profile", "tier_coefficient"])
HELD = plausible(
    ["account", "instrument", "quantity", "entry_price"],
    ["leverage", "margin_mode", "isolated_margin", "position_side", "tier", "tier_version"],
)
CASH = plausible(["account", "asset", "wallet_balance"], ["bonus", "borrowed"])
PLACED = plausible(
    ["account", "instrument", "quantity", "price"],
    ["leverage", "margin_mode", "trigger_price", "position_side", "reduce_only", "order_id"],
)
CHOSEN = plausible(["account", "instrument"], ["leverage", "margin_mode"])
marks = st.one_of(
    st.just(None),
    st.lists(reals, min_size=len(MARKET.instruments), max_size=len(MARKET.instruments)),
    st.dictionaries(texts, reals, max_size=4),
)


@given(
    balances=BALANCES,
    positions=POSITIONS,
    mark=marks,
    on_error=st.sampled_from(["raise", "reject"]),
    duplicates=st.sampled_from(["raise", "merge"]),
    window=st.one_of(st.none(), st.integers(0, 2**20)),
)
def test_fuzz_plausible_books_find_no_panic(
    balances: Any, positions: Any, mark: Any, on_error: str, duplicates: str, window: int | None
) -> None:
    with refused_or_done():
        book = xm.Book(
            MARKET, balances=balances, positions=positions, on_error=on_error, duplicates=duplicates, _window=window
        )
        prices = PRICES if mark is None else MARKET.prices(mark=mark, index={"USDC": 1.0})
        scores = xm.score(book, prices, "all", missing="null", n_threads=2)
        assert len(scores.table.rows()) == len(scores.positions) * 0 + book.n_pools
        assert len(scores.accounts()) == book.n_accounts
        assert pa.table(scores).num_rows == book.n_pools
        assert set(scores.totals()) <= set(xm.OUTPUTS)
        assert repr(scores)


@given(table=tables, name=st.sampled_from(["orders", "accounts", "settings"]))
def test_fuzz_further_tables_of_anything_find_no_panic(table: Any, name: str) -> None:
    cash = {"account": [1], "asset": ["USDT"], "wallet_balance": [1.0]}
    with refused_or_done():
        xm.Book(OTHER, balances=cash, **{name: table})


@given(
    given=st.fixed_dictionaries(
        {"balances": CASH, "positions": HELD, "orders": PLACED}, optional={"accounts": KNOWN, "settings": CHOSEN}
    ),
    index=st.one_of(st.just({"USDC": 0.5}), st.dictionaries(st.sampled_from(["USDT", "USDC"]), reals)),
    on_error=st.sampled_from(["raise", "reject"]),
    duplicates=st.sampled_from(["raise", "merge"]),
    unit=st.sampled_from(["contracts", "base"]),
)
def test_fuzz_plausible_books_of_every_table_find_no_panic(
    given: dict[str, Any], index: Any, on_error: str, duplicates: str, unit: str
) -> None:
    with refused_or_done():
        book = xm.Book(OTHER, **given, on_error=on_error, duplicates=duplicates, quantity_unit=unit)
        prices = OTHER.prices(mark=dict.fromkeys(("BTCUSDT", "ETHUSDT", "SOLUSDT"), 1_000.0), index=index)
        scores = xm.score(book, prices, "all", missing="null", n_threads=2)
        assert len(scores.accounts()) == book.n_accounts
        assert len(scores.positions) == book.n_positions
        assert len(scores.venue_rounded()) == book.n_pools
        assert repr(book.rejected)


@given(mark=anything, index=anything, last=anything)
def test_fuzz_prices_of_anything_find_no_panic(mark: Any, index: Any, last: Any) -> None:
    with refused_or_done():
        MARKET.prices(mark=mark, index=index, last=last)


@given(price=anything, side=st.one_of(st.sampled_from(["long", "short", None]), anything), tick=anything)
def test_fuzz_displayed_prices_of_anything_find_no_panic(price: Any, side: Any, tick: Any) -> None:
    with refused_or_done():
        MARKET.round_price("BTCUSDT", price, side=side, tick=tick)


@given(
    outputs=st.one_of(anything, st.lists(st.sampled_from(xm.OUTPUTS), max_size=3)),
    out=st.one_of(st.none(), anything, st.dictionaries(st.sampled_from(xm.OUTPUTS), columns(), max_size=4)),
    missing=st.one_of(st.just("null"), anything),
    n_threads=st.one_of(st.none(), anything),
    isa=st.one_of(st.none(), anything),
    claim=st.one_of(st.none(), anything),
)
def test_fuzz_options_of_anything_find_no_panic(
    outputs: Any, out: Any, missing: Any, n_threads: Any, isa: Any, claim: Any
) -> None:
    book = xm.Book(MARKET, balances={"account": [1], "asset": ["USDT"], "wallet_balance": [1.0]})
    with refused_or_done(), contextlib.suppress(OverflowError):
        xm.score(
            book, PRICES, outputs, out=out, missing=missing, n_threads=n_threads, _isa=isa, _windows_per_claim=claim
        )


@given(tiers=st.one_of(tables, st.dictionaries(texts, st.lists(tables, max_size=2), max_size=2)), bounds=texts)
def test_fuzz_tiers_of_anything_find_no_panic(tiers: Any, bounds: str) -> None:
    if isinstance(tiers, str):
        return
    with refused_or_done():
        MARKET.with_tiers(tiers, bounds)
    with refused_or_done():
        MARKET.with_tiers(tiers)


TIER = st.fixed_dictionaries(
    {"minNotional": reals, "maintenanceMarginRate": reals},
    optional={
        "maxNotional": st.one_of(reals, st.none()),
        "maxLeverage": reals,
        "info": st.fixed_dictionaries({"cum": texts}),
    },
)


@given(tiers=st.dictionaries(st.sampled_from(["XRP/USDT:USDT", "BTCUSDT", "A/B:C-240101"]), st.lists(TIER, max_size=3)))
def test_fuzz_plausible_tiers_find_no_panic(tiers: Any) -> None:
    with refused_or_done():
        market = MARKET.with_tiers(tiers)
        assert xm.Market.from_toml(market.to_toml()) == market


@given(
    edits=st.lists(
        st.tuples(st.integers(0, len(TEXT)), st.integers(0, 40), st.text(max_size=6)), min_size=1, max_size=3
    )
)
def test_fuzz_damaged_market_files_find_no_panic(edits: list[tuple[int, int, str]]) -> None:
    text = TEXT
    for at, cut, put in edits:
        text = text[:at] + put + text[at + cut :]
    with refused_or_done():
        xm.Market.from_toml(text + "\n")


@given(text=st.text(), name=anything, as_of=anything)
def test_fuzz_names_and_texts_of_anything_find_no_panic(text: str, name: Any, as_of: Any) -> None:
    with refused_or_done():
        xm.Market.from_toml(text + "\n")
    with refused_or_done():
        xm.load_market(name, as_of)
    with refused_or_done():
        MARKET.tiers(name)


@given(columns=st.dictionaries(texts, columns(2), max_size=3))
def test_fuzz_results_of_anything_find_no_panic(columns: dict[str, Any]) -> None:
    with refused_or_done():
        table = xm.Table(columns)
        with contextlib.suppress(*REFUSALS):
            pa.table(table)
        assert repr(table)
        assert table._repr_html_()


METHODS: list[Callable[[xm.Scores, Any], Any]] = [
    lambda scores, any_: scores.accounts(any_),
    lambda scores, any_: scores[any_],
    lambda scores, any_: scores.pools[any_],
]


@pytest.mark.parametrize("method", METHODS)
@given(argument=anything)
def test_fuzz_questions_of_anything_find_no_panic(method: Callable[[xm.Scores, Any], Any], argument: Any) -> None:
    book = xm.Book(MARKET, balances={"account": [1], "asset": ["USDC"], "wallet_balance": [1.0]})
    scores = xm.score(book, PRICES)
    with refused_or_done(), contextlib.suppress(xm.MissingPriceError):
        method(scores, argument)


inner_rows = st.lists(
    st.dictionaries(
        st.sampled_from(["asset", "wallet_balance", "instrument", "quantity", "account"]), scalars, max_size=4
    ),
    max_size=3,
)
nested_rows = st.lists(
    st.dictionaries(
        st.sampled_from(["account", "balances", "positions", "orders", "settings", "profile", "x"]),
        st.one_of(inner_rows, scalars, st.lists(scalars, max_size=2)),
        max_size=5,
    ),
    max_size=4,
)


@given(nested_rows)
def test_fuzz_nested_rows_are_refused_or_read(rows: Any) -> None:
    with refused_or_done():
        xm.Book.from_nested(MARKET, rows)
    with contextlib.suppress(pa.ArrowException, TypeError, ValueError, OverflowError):
        table = pa.Table.from_pylist(rows)
        with refused_or_done():
            xm.Book.from_nested(MARKET, table)


@given(st.integers(0, 6), st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=4), st.booleans())
def test_fuzz_nested_lists_of_any_bounds_are_refused_or_read(
    n: int, bounds: list[tuple[int, int]], fixed: bool
) -> None:
    cash = pa.array(
        [{"asset": "USDT", "wallet_balance": float(x)} for x in range(n)],
        pa.struct({"asset": pa.string(), "wallet_balance": pa.float64()}),
    )
    with contextlib.suppress(pa.ArrowException, ValueError):
        if fixed:
            lists = pa.FixedSizeListArray.from_arrays(cash, 2)
        else:
            # Offsets that may descend or point behind the end: what a careless producer exports.
            offsets = np.array([at for pair in bounds for at in pair], dtype=np.int32)
            kind = pa.list_(cash.type)
            lists = pa.Array.from_buffers(
                kind, max(0, len(offsets) - 1), [None, pa.py_buffer(offsets)], children=[cash]
            )
        table = pa.table({"account": np.arange(len(lists)), "balances": lists})
        with refused_or_done():
            xm.Book.from_nested(MARKET, table)


@given(
    st.dictionaries(
        st.one_of(st.sampled_from(["time", "instrument", "mark", *NAMES]), texts),
        st.lists(scalars, max_size=3),
        max_size=4,
    )
)
def test_fuzz_histories_are_refused_or_scored(columns: Any) -> None:
    book = xm.Book(MARKET, balances=[], positions=None)
    tables = [columns]
    with contextlib.suppress(pa.ArrowException, TypeError, ValueError, OverflowError):
        tables.append(pa.table(columns))
    for table in tables:
        with refused_or_done():
            xm.score_history(book, MARKET.price_history(mark=table), "all", missing="null").collect()
