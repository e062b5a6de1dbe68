"""Frames in every form: what a monitor takes as prices, that one by one and many are equal, and what is refused."""

import datetime
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import crossmargin as xm

FRAMES = [
    {"BTCUSDT": 57_000.0},
    {"BTCUSDT": 52_000.0, "SOLUSDT": 125.0},
    {"ETHUSDT": 3_450.0},
    {},
    {"BTCUSDT": 58_000.0, "ETHUSDT": 3_100.0, "SOLUSDT": 140.0},
]


@pytest.fixture
def monitor(book: xm.Book, prices: xm.Prices) -> xm.Monitor:
    return xm.Monitor(book, prices)


@pytest.fixture
def wanted(book: xm.Book, prices: xm.Prices) -> xm.Table:
    """The events of the frames, one by one."""
    monitor = xm.Monitor(book, prices)
    parts = [monitor.update(frame, time=at).to_dict() for at, frame in enumerate(FRAMES)]
    return xm.Table({name: np.concatenate([part[name] for part in parts]) for name in parts[0]})


def rows() -> dict[str, list[Any]]:
    flat = [(at, name, price) for at, frame in enumerate(FRAMES) for name, price in frame.items()]
    frame, name, price = zip(*flat, strict=True)
    return {"frame": list(frame), "name": list(name), "price": list(price), "time": list(frame)}


ENDS = np.cumsum([len(frame) for frame in FRAMES])


def test_monitor_frames_wanted_are_some(wanted: xm.Table) -> None:
    assert set(wanted["change"]) == {"entered", "left"}
    assert set(wanted["alert"]) == {"margin_ratio", "liquidation", "soft_stop"}
    assert set(wanted["frame"]) == {1, 2, 3, 5}


# one frame


def test_monitor_update_by_alias_array_and_table_is_equal(book: xm.Book, prices: xm.Prices, usdm: xm.Market) -> None:
    mark = np.full(len(usdm.instruments), np.nan)
    mark[usdm.instruments["instrument"] == "BTCUSDT"] = 52_000.0
    forms = [
        {"BTCUSDT": 52_000.0},
        {"BTC/USDT:USDT": 52_000},
        {"BTCUSDT": "52000.0"},
        mark,
        {"instrument": ["BTCUSDT"], "mark_price": [52_000.0]},
        [{"instrument": "BTCUSDT", "mark_price": 52_000.0}],
    ]
    found = [xm.Monitor(book, prices).update(form) for form in forms]
    assert len(found[0]) > 0
    assert all(events == found[0] for events in found)


def test_monitor_update_without_change_gives_one_empty_object(monitor: xm.Monitor) -> None:
    first, second = monitor.update({"BTCUSDT": 57_999.0}), monitor.update({})
    assert first is second
    assert not first
    assert (len(first), list(first), monitor.frame) == (0, [], 2)
    assert first["account"].dtype == np.int64
    assert first.table.columns == xm.Event._fields


def test_monitor_update_of_what_nobody_holds_is_taken(monitor: xm.Monitor) -> None:
    assert not monitor.update({"XRPUSDT": 0.5}, index={"USDC": 0.999}, last={"BTCUSDT": 58_000.0})
    assert monitor.prices.index.tolist()[1] == 0.999


@pytest.mark.parametrize(
    ("time", "nanoseconds"),
    [
        (5, 5),
        (np.int64(5), 5),
        ("2024-10-01T08:00Z", 1_727_769_600_000_000_000),
        ("2024-10-01T08:00:00.000000001", 1_727_769_600_000_000_001),
        (np.datetime64("2024-10-01"), 1_727_740_800_000_000_000),
        (datetime.datetime(2024, 10, 1, 8, tzinfo=datetime.UTC), 1_727_769_600_000_000_000),
        (datetime.datetime(2024, 10, 1, 8), 1_727_769_600_000_000_000),  # noqa: DTZ001 - a bare one is UTC
        (
            datetime.datetime(2024, 10, 1, 10, tzinfo=datetime.timezone(datetime.timedelta(hours=2))),
            1_727_769_600_000_000_000,
        ),
        (-1, -1),
    ],
    ids=str,
)
def test_monitor_update_time_of_any_kind_is_kept(monitor: xm.Monitor, time: Any, nanoseconds: int) -> None:
    events = monitor.update({"BTCUSDT": 52_000.0}, time=time)
    assert events.time.dtype == np.dtype("datetime64[ns]")
    assert set(events.time.astype(np.int64).tolist()) == {nanoseconds}
    assert next(iter(events)).time == np.datetime64(nanoseconds, "ns")


def test_monitor_update_without_time_has_none(monitor: xm.Monitor) -> None:
    events = monitor.update({"BTCUSDT": 52_000.0})
    assert np.isnat(events.time).all()
    assert next(iter(events)).time is None


EXPECTED_TIME = "expected nanoseconds since 1970 as an integer, a datetime, or text in ISO 8601"


@pytest.mark.parametrize(
    ("kind", "given", "message"),
    [
        (
            xm.PriceError,
            {"mark": {"BTCUSDT": 0.0}},
            "mark[BTCUSDT] was 0, expected a positive number within 2^-256 and 2^256",
        ),
        (
            xm.PriceError,
            {"last": {"BTCUSDT": np.inf}},
            "last[BTCUSDT] was inf, expected a positive number within 2^-256 and 2^256",
        ),
        (
            xm.PriceError,
            {"index": {"USDT": None}},
            "index[USDT] was NaN, expected a positive number within 2^-256 and 2^256",
        ),
        (xm.PriceError, {"mark": {"X": 1.0}}, "mark[X] was 1, expected the name of an instrument"),
        (xm.PriceError, {"index": {"BTCUSDT": 1.0}}, "index[BTCUSDT] was 1, expected the name of an asset"),
        (xm.ArgumentError, {"mark": {7: 1.0}}, "mark had the key 7, expected a name"),
        (xm.ArgumentError, {"mark": {"BTCUSDT": "x"}}, "mark[BTCUSDT] was 'x', expected a number"),
        (xm.ArgumentError, {"mark": {"BTCUSDT": True}}, "mark[BTCUSDT] was True, expected a number"),
        (
            xm.ArgumentError,
            {"index": [1.0]},
            "index had 1 values, expected 2 in market order, NaN where there is no news",
        ),
        (xm.ArgumentError, {"time": "noon"}, f"time was 'noon', {EXPECTED_TIME}"),
        (xm.ArgumentError, {"time": 1.5}, f"time was 1.5, {EXPECTED_TIME}"),
        (xm.ArgumentError, {"time": True}, f"time was True, {EXPECTED_TIME}"),
        (xm.ArgumentError, {"time": "2024-10-01T08:00+02:00"}, f"time was '2024-10-01T08:00+02:00', {EXPECTED_TIME}"),
        (
            xm.ArgumentError,
            {"time": 2**63},
            "time was 9223372036854775808, which is beyond what 64 bits of nanoseconds hold",
        ),
        (
            xm.ArgumentError,
            {"time": np.datetime64("3000-01-01")},
            "time was np.datetime64('3000-01-01'), which is beyond what 64 bits of nanoseconds hold",
        ),
    ],
    ids=str,
)
def test_monitor_update_that_is_refused_changes_nothing(
    monitor: xm.Monitor, refused: Callable[..., str], kind: type[Exception], given: dict[str, Any], message: str
) -> None:
    before = monitor.prices.mark, monitor.events
    mark = {"BTCUSDT": 1.0} | (given.get("mark", {}) if isinstance(given.get("mark", {}), dict) else {})
    assert refused(kind, monitor.update, **({"mark": mark} | given)) == message
    assert monitor.frame == 0
    assert np.array_equal(monitor.prices.mark, before[0], equal_nan=True)
    assert monitor.events == before[1]
    assert monitor.stats().frames == 0


# many


def columns(*names: str) -> dict[str, Any]:
    return {name: values for name, values in rows().items() if name in names}


def test_monitor_update_many_with_ends_is_equal(monitor: xm.Monitor, wanted: xm.Table) -> None:
    events = monitor.update_many(columns("name", "price"), ends=ENDS, time=np.arange(len(FRAMES)))
    assert events.table == wanted
    assert monitor.frame == len(FRAMES)


def test_monitor_update_many_with_a_column_of_frames_skips_empty_ones(monitor: xm.Monitor, wanted: xm.Table) -> None:
    events = monitor.update_many(rows())
    assert monitor.frame == len(FRAMES) - 1
    differing = [name for name in wanted.columns if xm.Table({"_": events[name]}) != xm.Table({"_": wanted[name]})]
    assert differing == ["frame"]


@pytest.mark.parametrize("form", ["places", "arrow", "rows", "table", "codes", "words", "times"])
def test_monitor_update_many_in_any_form_is_equal(
    monitor: xm.Monitor, wanted: xm.Table, usdm: xm.Market, form: str
) -> None:
    given: Any = columns("name", "price")
    places = {name: at for at, name in enumerate(usdm.instruments["instrument"].tolist())}
    if form == "places":
        given = {"name": np.array([places[name] for name in given["name"]]), "price": np.array(given["price"])}
    elif form == "arrow":
        given = pytest.importorskip("pyarrow").table(given)
    elif form == "rows":
        given = [{"name": name, "price": price} for name, price in zip(*given.values(), strict=True)]
    elif form == "table":
        given = xm.Table(given)
    elif form == "codes":
        given["quote"] = np.zeros(len(given["name"]), dtype=np.int8)
    elif form == "words":
        given["quote"] = ["mark"] * len(given["name"])
    times: Any = np.arange(len(FRAMES))
    if form == "times":
        times = [np.datetime64(int(at), "ns") for at in times]
    assert monitor.update_many(given, ends=ENDS.tolist(), time=times).table == wanted


def test_monitor_update_many_of_a_history_takes_its_rows(
    monitor: xm.Monitor, wanted: xm.Table, usdm: xm.Market
) -> None:
    names = ("BTCUSDT", "ETHUSDT", "SOLUSDT")
    mark: dict[str, Any] = {name: [frame.get(name) for frame in FRAMES] for name in names}
    mark = {name: np.array(prices, dtype=np.float64) for name, prices in mark.items()}
    history = usdm.price_history(mark=mark, time=np.arange(len(FRAMES)))
    assert monitor.update_many(history).table == wanted


def test_monitor_update_many_of_every_kind_of_price_is_equal(book: xm.Book, prices: xm.Prices) -> None:
    one, many = xm.Monitor(book, prices), xm.Monitor(book, prices)
    events = one.update({"BTCUSDT": 52_000.0}, index={"USDC": 0.99}, last={"BTCUSDT": 51_000.0})
    ticks = {
        "quote": ["last", "index", "mark"],
        "name": ["BTCUSDT", "USDC", "BTCUSDT"],
        "price": [51_000.0, 0.99, 52_000.0],
    }
    assert many.update_many(ticks, ends=[3]) == events
    for name in ("mark", "index", "last"):
        assert np.array_equal(getattr(one.prices, name), getattr(many.prices, name), equal_nan=True)


def test_monitor_update_many_of_nothing_gives_nothing(monitor: xm.Monitor) -> None:
    assert not monitor.update_many({"name": [], "price": []})
    assert not monitor.update_many({})
    assert monitor.frame == 0


def test_monitor_update_many_with_times_of_rows_takes_the_last_of_each_frame(monitor: xm.Monitor) -> None:
    ticks = {"name": ["BTCUSDT", "ETHUSDT"], "price": [52_000.0, 3_100.0], "time": [3, 4]}
    assert set(monitor.update_many(ticks, ends=[2]).time.astype(np.int64).tolist()) == {4}


BOTH = {"name": ["BTCUSDT", "ETHUSDT"], "price": [50_000.0, 3_000.0]}


@pytest.mark.parametrize(
    ("kind", "given", "options", "message"),
    [
        (xm.PriceError, {"price": [50_000.0, -1.0]}, {}, "mark[ETHUSDT] was -1, expected a positive number within "),
        (xm.PriceError, {"name": ["BTCUSDT", "X"]}, {}, "mark[X] was 3000, expected the name of an instrument"),
        (xm.ArgumentError, {"name": [0, -1]}, {}, "frames.name[1] was -1, expected a name, or a place in the market's"),
        (xm.ArgumentError, {"name": [0, 999]}, {}, "at was 999, expected the place of an instrument below"),
        (xm.ArgumentError, {"price": [1.0]}, {}, "frames.price had 1 rows, expected 2 as in frames.name"),
        (xm.ArgumentError, {"quote": ["mark", "bid"]}, {}, "frames.quote[1] was bid, expected mark, index or last"),
        (xm.ArgumentError, {"quote": [0, 3]}, {}, "frames.quote[1] was 3, expected mark, index or last"),
        (xm.ArgumentError, {"frame": ["a", "b"]}, {}, "frames.frame had names, expected integers"),
        (xm.ArgumentError, {"frame": [1]}, {}, "frames.frame had 1 rows, expected 2 as in frames.name"),
        (xm.ArgumentError, {"symbol": [1]}, {}, "frames.symbol is no column of this table; it has name, price, quote"),
        (xm.ArgumentError, {"time": [1]}, {}, "frames.time had 1 rows, expected 2 as in frames.name"),
        (xm.ArgumentError, {"time": [1, 2]}, {"time": [1, 2]}, "time was given beside a column of that name"),
        (xm.ArgumentError, {"frame": [1, 2]}, {"ends": [1, 2]}, "ends was given beside the column frame: give one"),
        (xm.ArgumentError, {}, {"ends": [2, 1]}, "ends[1] was 1, expected rows that ascend up to 2"),
        (xm.ArgumentError, {}, {"ends": [1, 3]}, "ends[1] was 3, expected rows that ascend up to 2"),
        (xm.ArgumentError, {}, {"ends": [1]}, "ends ended at row 1, expected all 2 rows to be in frames"),
        (xm.ArgumentError, {}, {"ends": [0.5]}, "ends was [0.5], expected the row after the last of each frame"),
        (xm.ArgumentError, {}, {"time": [1]}, "times had 1 elements, expected 2, one per frame"),
        (xm.ArgumentError, {}, {"time": [0.5, 1.5]}, "time[0] was 0.5, expected nanoseconds since 1970"),
    ],
    ids=str,
)
def test_monitor_update_many_that_is_refused_applies_no_frame(
    monitor: xm.Monitor,
    refused: Callable[..., str],
    kind: type[Exception],
    given: dict[str, Any],
    options: dict[str, Any],
    message: str,
) -> None:
    before = monitor.prices.mark
    assert refused(kind, monitor.update_many, BOTH | given, **options).startswith(message)
    assert monitor.frame == 0
    assert np.array_equal(monitor.prices.mark, before, equal_nan=True)


def test_monitor_update_many_of_another_market_is_refused(
    monitor: xm.Monitor, refused: Callable[..., str], textbook: xm.Market
) -> None:
    history = textbook.price_history(mark={"BTCUSDT": [1.0]})
    message = "frames was a history of the market 'textbook/2020-01-01', expected one of 'binance-usdm/2024-10-01'"
    assert refused(xm.ArgumentError, monitor.update_many, history) == message
    assert refused(xm.ArgumentError, monitor.update_many, 7).startswith("frames was of type int, expected a table")
