"""Buffers that the caller brings, and tables that leave."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import crossmargin as xm

Refused = Callable[..., str]
NAMES = ("excess", "margin_ratio", "liquidatable")


def buffers(n: int = 3) -> dict[str, np.ndarray]:
    return {"excess": np.full(n, 7.0), "margin_ratio": np.full(n, 7.0), "liquidatable": np.ones(n, dtype=bool)}


def test_seam_out_is_written_and_handed_back(book: xm.Book, prices: xm.Prices) -> None:
    out = buffers()
    scores = xm.score(book, prices, out=out)
    fresh = xm.score(book, prices)
    for name in NAMES:
        assert scores[name] is out[name]
        assert out[name].tobytes() == fresh[name].tobytes()


def test_seam_out_may_be_earlier_scores(book: xm.Book, prices: xm.Prices, usdm: xm.Market) -> None:
    first = xm.score(book, prices, outputs="all")
    excess = first.excess
    later = usdm.prices(mark={"BTCUSDT": 50_000.0, "ETHUSDT": 3_000.0, "SOLUSDT": 100.0})
    second = xm.score(book, later, out=first)
    assert second.excess is excess
    assert excess.tobytes() == xm.score(book, later).excess.tobytes()


def test_seam_out_of_larger_array_may_be_a_slice(book: xm.Book, prices: xm.Prices) -> None:
    whole = np.zeros((2, 3))
    out = {"excess": whole[0], "margin_ratio": whole[1], "liquidatable": np.zeros(3, dtype=bool)}
    xm.score(book, prices, out=out)
    assert whole.tobytes() == b"".join(xm.score(book, prices)[name].tobytes() for name in NAMES[:2])


def shared() -> dict[str, Any]:
    memory = bytearray(48)
    return {
        "excess": np.frombuffer(memory, dtype=np.float64)[:3],
        "margin_ratio": np.frombuffer(memory, dtype=np.float64, offset=16)[:3],
    }


def same() -> dict[str, Any]:
    one = np.zeros(3)
    return {"excess": one, "margin_ratio": one}


def read_only() -> np.ndarray:
    array = np.zeros(3)
    array.flags.writeable = False
    return array


EXPECTED = "expected a writable C-contiguous float64 array of one dimension"
CASES: list[tuple[str, Callable[[], dict[str, Any]], str]] = [
    ("too short", lambda: {"excess": np.zeros(2)}, "out[excess] had 2 elements, expected 3, one for each pool"),
    ("no flags", lambda: {"liquidatable": np.zeros(3)}, "had dtype float64 and 1 dimensions"),
    (
        "float32",
        lambda: {"excess": np.zeros(3, dtype=np.float32)},
        f"out[excess] had dtype float32 and 1 dimensions, {EXPECTED}",
    ),
    (
        "big-endian",
        lambda: {"excess": np.zeros(3, dtype=">f8")},
        f"out[excess] had dtype >f8 and 1 dimensions, {EXPECTED}",
    ),
    ("matrix", lambda: {"excess": np.zeros((3, 1))}, f"out[excess] had dtype float64 and 2 dimensions, {EXPECTED}"),
    ("strided", lambda: {"excess": np.zeros(6)[::2]}, f"out[excess] was not contiguous, {EXPECTED}"),
    ("read-only", lambda: {"excess": read_only()}, f"out[excess] was read-only, {EXPECTED}"),
    ("list", lambda: {"excess": [0.0] * 3}, f"out[excess] was of type list, {EXPECTED}"),
    (
        "misaligned",
        lambda: {"excess": np.zeros(25, dtype=np.uint8)[1:].view(np.float64)},
        f"out[excess] was not aligned, {EXPECTED}",
    ),
    ("same", same, f"out[margin_ratio] was given twice, or is in use by another call, {EXPECTED}"),
    ("shared", shared, "out[margin_ratio] shares memory with out[excess]"),
]


@pytest.mark.parametrize(("name", "change", "message"), CASES, ids=[case[0] for case in CASES])
def test_seam_out_that_does_not_fit_is_refused(
    name: str, change: Callable[[], dict[str, Any]], message: str, book: xm.Book, prices: xm.Prices, refused: Refused
) -> None:
    got = refused(xm.ArgumentError, xm.score, book, prices, out=buffers() | change())
    assert message in got


def test_seam_out_without_an_output_is_refused(book: xm.Book, prices: xm.Prices, refused: Refused) -> None:
    message = refused(xm.ArgumentError, xm.score, book, prices, out={"excess": np.zeros(3)})
    assert message == 'out was of type dict without "margin_ratio", expected an array for each output'
    message = refused(xm.ArgumentError, xm.score, book, prices, out=3)
    assert message == 'out was of type int without "excess", expected an array for each output'


def test_seam_out_with_bytes_that_are_no_truth_values_is_refused(
    book: xm.Book, prices: xm.Prices, refused: Refused
) -> None:
    flags = np.array([0, 1, 7], dtype=np.uint8)
    message = refused(xm.ArgumentError, xm.score, book, prices, "liquidatable", out={"liquidatable": flags.view(bool)})
    assert message == "out[liquidatable] held bytes that are no truth values: fill it with False"
    assert flags.tolist() == [0, 1, 7]
    flags[:] = (0, 1, 1)
    xm.score(book, prices, "liquidatable", out={"liquidatable": flags.view(bool)})
    assert flags.view(bool).tolist() == xm.score(book, prices).liquidatable.tolist()


def test_seam_out_of_a_refused_call_is_untouched(book: xm.Book, usdm: xm.Market) -> None:
    out = buffers()
    with pytest.raises(xm.MissingPriceError):
        xm.score(book, usdm.prices(mark={}), out=out)
    assert all(out[name].tobytes() == buffers()[name].tobytes() for name in NAMES)


def test_seam_scores_leave_as_arrow(book: xm.Book, usdm: xm.Market) -> None:
    scores = xm.score(book, usdm.prices(mark={"BTCUSDT": 58_000.0, "ETHUSDT": 3_100.0}), missing="null")
    table = pa.table(scores)
    assert table.column_names == [*scores.pools.columns, *NAMES, "unpriced"]
    assert table["account"].type == pa.int64()
    assert table["liquidatable"].type == pa.bool_()
    assert table["excess"].to_pylist()[2] is None
    assert table["excess"].to_pylist()[:2] == scores.excess[:2].tolist()
    assert table["instrument"].to_pylist() == [None, None, "SOLUSDT"]
    assert pa.table(scores.accounts())["account"].to_pylist() == [7, 9]
    assert pa.table(book.pools).num_rows == 3


def test_seam_tables_leave_as_arrow() -> None:
    table = xm.Table(
        {"name": ["a", None, "ü"], "number": [1.0, np.nan, 3.0], "flag": [True, False, True], "n": [1, 2, 3]}
    )
    assert pa.table(table).to_pydict() == {
        "name": ["a", None, "ü"],
        "number": [1.0, None, 3.0],
        "flag": [True, False, True],
        "n": [1, 2, 3],
    }
    assert pa.table(xm.Table({})).num_rows == 0


def test_seam_stream_that_nobody_takes_is_freed(book: xm.Book) -> None:
    for _ in range(3):
        book.pools.__arrow_c_stream__()
