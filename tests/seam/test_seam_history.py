"""Many rows of prices in one call: the bits of a loop, in blocks, whatever the prices come in."""

import math
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import crossmargin as xm
from crossmargin.testing import reference_workload, retail_book

Refused = Callable[..., str]
N_ROWS = 23


@pytest.fixture(scope="module", params=["R1", "R2", "R3", "retail"])
def made(request: pytest.FixtureRequest, usdm: xm.Market) -> tuple[xm.Book, xm.PriceHistory]:
    if request.param == "retail":
        market, workload = usdm, retail_book(usdm.to_toml(), 300, seed=1)
    else:
        workload = reference_workload(request.param, n_pools=500, n_instruments=20, seed=2)
        market = xm.Market.from_toml(workload.market_toml)
    given = {name: getattr(workload, name, None) for name in ("balances", "positions", "orders")}
    first = market.prices(mark=workload.marks, index=getattr(workload, "index", None))
    moves = np.exp(np.random.default_rng(3).normal(0.0, 0.05, (N_ROWS, len(first.mark))).cumsum(axis=0))
    index = np.repeat(first.index[np.newaxis], N_ROWS, axis=0)
    history = market.price_history(mark=first.mark * moves, index=index, last=first.mark * moves[::-1])
    return xm.Book(market, **given), history


def bits(scores: Any) -> dict[str, bytes]:
    return {name: scores[name].tobytes() for name in scores.outputs}


def test_history_has_the_bits_of_a_loop(made: tuple[xm.Book, xm.PriceHistory]) -> None:
    book, history = made
    for n_threads in (None, 1, 3):
        run = xm.score_history(book, history, "all", n_threads=n_threads, rows_per_block=7)
        rows = 0
        for block in run:
            assert block.start == rows
            for row, prices in enumerate(history[at] for at in range(block.start, block.start + len(block))):
                scores = xm.score(book, prices, "all")
                assert {name: block[name][row].tobytes() for name in block.outputs} == bits(scores)
            rows += len(block)
        assert rows == len(run) == N_ROWS


@pytest.mark.parametrize("rows_per_block", [1, 5, N_ROWS, 1_000, None])
def test_history_does_not_depend_on_blocks(rows_per_block: int | None, made: tuple[xm.Book, xm.PriceHistory]) -> None:
    book, history = made
    expected = xm.score_history(book, history, "all", rows_per_block=N_ROWS).collect()
    got = xm.score_history(book, history, "all", rows_per_block=rows_per_block).collect()
    assert bits(got) == bits(expected)
    assert got.n_exact == expected.n_exact
    assert got["excess"].shape == (N_ROWS, book.n_pools)


def test_history_says_how_far_it_is(made: tuple[xm.Book, xm.PriceHistory]) -> None:
    book, history = made
    seen: list[tuple[int, int]] = []
    run = xm.score_history(book, history, "excess", rows_per_block=10, progress=lambda *done: seen.append(done))
    assert seen == []
    for _ in run:
        pass
    assert seen == [(10, N_ROWS), (20, N_ROWS), (N_ROWS, N_ROWS)]


@pytest.fixture
def one(textbook: xm.Market) -> xm.Book:
    return xm.Book(
        textbook,
        balances={"account": [7], "asset": ["USDT"], "wallet_balance": [1_000.0]},
        positions={"account": [7], "instrument": ["BTCUSDT"], "quantity": [0.1], "entry_price": [60_000.0]},
    )


MARKS = [60_000.0, 52_000.0, 50_000.0]
TIMES = np.array(["2024-10-01T00", "2024-10-01T01", "2024-10-01T02"], dtype="datetime64[ns]")
WIDE = {"time": TIMES, "BTCUSDT": MARKS, "ETHUSDT": [3_000.0, None, 2_900.0]}
LONG = {
    "time": TIMES[[2, 0, 0, 1, 2]],
    "instrument": ["ETHUSDT", "BTCUSDT", "ETHUSDT", "BTCUSDT", "BTCUSDT"],
    "mark": [2_900.0, 60_000.0, 3_000.0, 52_000.0, 50_000.0],
}


def frame(name: str) -> Callable[[Any], Any]:
    return lambda columns: pytest.importorskip(name).DataFrame(columns)


FORMS: dict[str, Callable[[Any], Any]] = {
    "dict": dict,
    "rows": lambda columns: pa.table(columns).to_pylist(),
    "table": lambda columns: xm.Table(
        {k: np.asarray(v, dtype=float) if k not in ("time", "instrument") else v for k, v in columns.items()}
    ),
    "pyarrow": pa.table,
    "pandas": frame("pandas"),
    "polars": frame("polars"),
}


@pytest.mark.parametrize("layout", ["wide", "long"])
@pytest.mark.parametrize("form", FORMS)
def test_history_of_any_container_is_the_same(form: str, layout: str, one: xm.Book) -> None:
    history = one.market.price_history(mark=FORMS[form](WIDE if layout == "wide" else LONG))
    assert history.time is not None
    assert [np.datetime64(moment, "ns") for moment in history.time.tolist()] == TIMES.tolist() or (
        history.time.astype("datetime64[ns]").tolist() == TIMES.tolist()
    )
    expected = np.array([[60_000.0, 3_000.0, np.nan], [52_000.0, np.nan, np.nan], [50_000.0, 2_900.0, np.nan]])
    np.testing.assert_array_equal([prices.mark for prices in (history[0], history[1], history[2])], expected)
    block = xm.score_history(one, history).collect()
    assert block["excess"][:, 0].tolist() == [850.0, 50.0, -150.0]
    assert block["liquidatable"][:, 0].tolist() == [False, False, True]


def test_history_of_array_and_names_is_the_same(one: xm.Book) -> None:
    market = one.market
    rows = [[mark, math.nan, math.nan] for mark in MARKS]
    for mark in (np.array(rows), np.array(rows, order="F"), rows, np.array(rows)[::-1][::-1]):
        assert xm.score_history(one, market.price_history(mark=mark)).collect()["excess"][:, 0].tolist() == [
            850.0,
            50.0,
            -150.0,
        ]
    alias = next(iter(market.aliases["BTCUSDT"]), None)
    if alias is not None:
        history = market.price_history(mark={alias: MARKS}, time=["a", "b", "c"])
        assert history[1].mark[0] == 52_000.0


def test_history_block_is_a_table_with_times(one: xm.Book) -> None:
    history = one.market.price_history(mark=WIDE)
    block = xm.score_history(one, history, ("excess", "liquidatable")).collect()
    table = pa.table(block)
    assert table.column_names == [
        "row",
        "time",
        "account",
        "kind",
        "asset",
        "instrument",
        "side",
        "excess",
        "liquidatable",
    ]
    assert table["time"].to_numpy().tolist() == TIMES.tolist()
    assert table["excess"].to_pylist() == [850.0, 50.0, -150.0]
    assert block.table["row"].tolist() == [0, 1, 2]


def test_history_missing_prices_are_named_with_their_row_or_unpriced(one: xm.Book) -> None:
    history = one.market.price_history(mark={"BTCUSDT": [60_000.0, 52_000.0, None, None]})
    run = xm.score_history(one, history, "excess", rows_per_block=2)
    blocks = iter(run)
    assert next(blocks)["excess"][:, 0].tolist() == [850.0, 50.0]
    with pytest.raises(xm.MissingPriceError) as caught:
        next(blocks)
    assert caught.value.mark == ("BTCUSDT",) or list(caught.value.mark) == ["BTCUSDT"]
    assert caught.value.__notes__ == ["in row 2 of the history"]
    block = xm.score_history(one, history, "excess", missing="null").collect()
    assert block.n_unpriced.tolist() == [0, 0, 1, 1]
    assert block.unpriced is not None
    assert block.unpriced[:, 0].tolist() == [False, False, True, True]
    assert np.isnan(block["excess"][2:]).all()


def test_history_price_that_is_none_is_refused_with_its_row(one: xm.Book) -> None:
    history = one.market.price_history(mark={"BTCUSDT": [60_000.0, -1.0]})
    with pytest.raises(xm.PriceError) as caught:
        xm.score_history(one, history).collect()
    assert caught.value.__notes__ == ["in row 1 of the history"]


def test_history_without_rows_or_pools_is_empty(one: xm.Book, textbook: xm.Market) -> None:
    empty = textbook.price_history(mark=np.zeros((0, 3)))
    assert xm.score_history(one, empty).collect()["excess"].shape == (0, 1)
    assert list(xm.score_history(one, empty)) == []
    nobody = xm.Book(textbook, balances=[])
    block = xm.score_history(nobody, textbook.price_history(mark={"BTCUSDT": MARKS}), missing="null").collect()
    assert block["excess"].shape == (3, 0)


def test_history_pickles(one: xm.Book) -> None:
    history = one.market.price_history(mark=WIDE, index=np.ones((3, 1)))
    again = pickle.loads(pickle.dumps(history))
    assert repr(again) == repr(history) == "PriceHistory('textbook/2020-01-01', 3 rows, 2 of 3 instruments)"
    assert [again[row].mark.tobytes() for row in range(3)] == [history[row].mark.tobytes() for row in range(3)]
    assert again.time.tolist() == history.time.tolist()


NO_HISTORY: list[tuple[type[Exception], dict[str, Any], str]] = [
    (xm.PriceError, {"mark": {"DOGE": [1.0]}}, "mark named 'DOGE', which this market does not have"),
    (
        xm.ArgumentError,
        {"mark": np.zeros((2, 2))},
        "mark had shape (2, 2), expected a row per moment of 3 prices in market order",
    ),
    (
        xm.ArgumentError,
        {"mark": np.zeros(3)},
        "mark had shape (3,), expected a row per moment of 3 prices in market order",
    ),
    (xm.ArgumentError, {"mark": 3.0}, "mark had shape (), expected a row per moment of 3 prices in market order"),
    (
        xm.ArgumentError,
        {"mark": {"BTCUSDT": [1.0], "ETHUSDT": [1.0, 2.0]}},
        "mark had columns of [1, 2] rows, expected columns of one length",
    ),
    (xm.ArgumentError, {"mark": {"BTCUSDT": ["x"]}}, "mark.BTCUSDT was of type list, expected a column of numbers"),
    (xm.ArgumentError, {"mark": np.ones((2, 3)), "index": np.ones((1, 1))}, "index had 1 rows, expected 2 as in mark"),
    (xm.ArgumentError, {"mark": np.ones((2, 3)), "time": [1]}, "time had 1 rows, expected 2 as in mark"),
    (
        xm.ArgumentError,
        {"mark": {"instrument": ["BTCUSDT"], "mark": [1.0]}},
        "mark.time is missing; a table with a row per price needs the time of each",
    ),
    (
        xm.PriceError,
        {"mark": {"time": [1, 1], "instrument": ["BTCUSDT"] * 2, "mark": [1.0, 2.0]}},
        "mark named 'BTCUSDT' twice at 1; give one price of each at a time",
    ),
]


@pytest.mark.parametrize(("kind", "arguments", "message"), NO_HISTORY)
def test_history_that_is_none_is_refused(
    kind: type[Exception], arguments: dict[str, Any], message: str, textbook: xm.Market, refused: Refused
) -> None:
    assert refused(kind, textbook.price_history, **arguments) == message


def test_history_options_that_are_none_are_refused_at_once(one: xm.Book, usdm: xm.Market, refused: Refused) -> None:
    history = one.market.price_history(mark=WIDE)
    assert refused(xm.ArgumentError, xm.score_history, one, 3) == "history was of type int, expected PriceHistory"
    assert refused(xm.ArgumentError, xm.score_history, 3, history) == "book was of type int, expected Book"
    assert refused(xm.ArgumentError, xm.score_history, one, history, "loss").startswith("outputs named 'loss'")
    assert refused(xm.ArgumentError, xm.score_history, one, history, rows_per_block=0) == (
        "rows_per_block was 0, expected a positive integer"
    )
    assert refused(xm.ArgumentError, xm.score_history, one, history, n_threads=0).startswith("n_threads was 0")
    other = usdm.price_history(mark={"BTCUSDT": MARKS})
    assert refused(xm.ArgumentError, xm.score_history, one, other).startswith("prices were made for market")
    with pytest.raises(xm.ArgumentError, match="make one with"):
        xm.PriceHistory()
    with pytest.raises(xm.ArgumentError, match="score_history"):
        xm.HistoryScores()
    with pytest.raises(xm.ArgumentError, match="the block has no 'equity'"):
        xm.score_history(one, history).collect()["equity"]
