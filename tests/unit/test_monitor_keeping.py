"""What outlives a process: snapshots, files that are whole or not there, logs and what replays them."""

import copy
import io
import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import crossmargin as xm
from crossmargin.monitor import files

FRAMES = [{"BTCUSDT": 56_000.0}, {"BTCUSDT": 50_600.0, "SOLUSDT": 120.0}, {"ETHUSDT": 3_000.0}, {"BTCUSDT": 60_000.0}]


@pytest.fixture
def monitor(book: xm.Book, prices: xm.Prices) -> xm.Monitor:
    return xm.Monitor(book, prices, xm.Alerts("latched", valuation="USDT"), references={9: 450.0})


def drive(monitor: xm.Monitor) -> list[xm.Events]:
    """Use a monitor in every way."""
    return [
        monitor.update(FRAMES[0], time=1),
        monitor.apply_transfers({"account": [7], "asset": ["USDT"], "amount": [-12.5]}),
        monitor.update(FRAMES[1], time=2, index={"USDC": 0.99}, last={"BTCUSDT": 1.0}),
        monitor.apply_fills({"account": [9], "instrument": ["ETHUSDT"], "quantity": [0.1], "price": [3_090.0]}),
        monitor.update_many({"name": ["ETHUSDT", "BTCUSDT"], "price": [3_000.0, 60_000.0]}),
        monitor.apply_funding({"BTCUSDT": 0.0001}),
        monitor.reset([7]),
        monitor.close_accounts([9]),
        monitor.open_accounts(balances={"account": [8], "asset": ["USDT"], "wallet_balance": [7.0]}),
        monitor.replace_accounts(balances={"account": [8], "asset": ["USDT"], "wallet_balance": [1.0]}),
        monitor.update(FRAMES[0], time=np.datetime64("2024-10-01")),
    ]


class Both:
    """A monitor and, from a call on, one that was restored then: everything is done to both."""

    def __init__(self, one: xm.Monitor, cut: int) -> None:
        self.one, self.cut, self.calls = one, cut, 0
        self.restored: xm.Monitor | None = None

    def __getattr__(self, name: str) -> Any:
        def call(*args: Any, **kwargs: Any) -> xm.Events:
            if self.calls == self.cut:
                self.restored = xm.Monitor.restore(self.one.snapshot())
            self.calls += 1
            events = getattr(self.one, name)(*args, **kwargs)
            if self.restored is not None:
                again = getattr(self.restored, name)(*args, **kwargs)
                assert again == events
                assert again.outcome == events.outcome
            return events

        return call


# snapshots


def test_monitor_restored_at_any_moment_goes_on_as_the_other(monitor: xm.Monitor) -> None:
    n = len(drive(copy.deepcopy(monitor)))
    for cut in range(n):
        both = Both(copy.deepcopy(monitor), cut)
        drive(both)  # type: ignore[arg-type]
        assert both.restored is not None
        assert both.restored.snapshot() == both.one.snapshot()
        assert both.restored.flags == both.one.flags
        assert both.restored.soft_stops == both.one.soft_stops


def test_monitor_restored_knows_its_rules_and_alerts(monitor: xm.Monitor) -> None:
    monitor.update(FRAMES[1], time=5)
    again = xm.Monitor.restore(memoryview(monitor.snapshot()), n_threads=1)
    assert again.market == monitor.market
    assert again.alerts == monitor.alerts
    assert again.frame == monitor.frame == 1
    assert again.book == monitor.book
    assert len(again.events) == 0
    assert again.stats().frames == 0
    for name in ("mark", "index", "last"):
        assert np.array_equal(getattr(again.prices, name), getattr(monitor.prices, name), equal_nan=True)


@pytest.mark.parametrize("liquidation", [True, False, "latched"])
@pytest.mark.parametrize("stop", [None, 0.25])
def test_monitor_restored_has_the_alerts_that_were_chosen(
    book: xm.Book, prices: xm.Prices, liquidation: Any, stop: float | None
) -> None:
    alerts = xm.Alerts(liquidation, (1.3, 4.5), stop)
    assert xm.Monitor.restore(xm.Monitor(book, prices, alerts).snapshot()).alerts == alerts


def test_monitor_pickled_and_copied_is_equal(monitor: xm.Monitor) -> None:
    monitor.update(FRAMES[1])
    for again in (pickle.loads(pickle.dumps(monitor)), copy.copy(monitor), copy.deepcopy(monitor)):
        assert again.snapshot() == monitor.snapshot()
        assert again.update(FRAMES[3]) == xm.Monitor.restore(monitor.snapshot()).update(FRAMES[3])


def test_monitor_snapshot_that_was_changed_is_refused(monitor: xm.Monitor) -> None:
    state = monitor.snapshot()
    for cut in (0, 1, 7, 12, len(state) // 2, len(state) - 1):
        with pytest.raises(xm.SnapshotError):
            xm.Monitor.restore(state[:cut])
    for at in (0, 9, 20, 30, len(state) // 2, len(state) - 1):
        changed = bytearray(state)
        changed[at] ^= 1
        with pytest.raises(xm.SnapshotError):
            xm.Monitor.restore(changed)
    with pytest.raises(xm.SnapshotError):
        xm.Monitor.restore(state + b"\0")


def test_monitor_snapshot_of_another_kind_is_refused(refused: Callable[..., str]) -> None:
    assert refused(xm.ArgumentError, xm.Monitor.restore, "text") == "state was of type str, expected bytes"
    message = refused(xm.SnapshotError, xm.Monitor.restore, b"PK\x03\x04" + bytes(100))
    assert message.startswith("snapshot is not one of this program, or was changed: ")
    assert issubclass(xm.SnapshotError, xm.CrossmarginError)


# files


def test_monitor_persisted_and_loaded_is_equal(monitor: xm.Monitor, tmp_path: Path) -> None:
    file = tmp_path / "a" / "monitor.state"
    file.parent.mkdir()
    monitor.persist(str(file))
    assert file.read_bytes() == monitor.snapshot()
    monitor.update(FRAMES[1])
    monitor.persist(file)
    assert xm.Monitor.load(str(file), n_threads=1).snapshot() == monitor.snapshot()
    assert [found.name for found in file.parent.iterdir()] == ["monitor.state"]


def test_monitor_persisted_through_a_link_keeps_the_link(monitor: xm.Monitor, tmp_path: Path) -> None:
    (tmp_path / "state").write_bytes(b"")
    (tmp_path / "link").symlink_to("state")
    monitor.persist(tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "state").read_bytes() == monitor.snapshot()


@pytest.mark.parametrize("call", ["write", "fsync", "replace"])
def test_monitor_persist_that_fails_leaves_the_old_file(
    monitor: xm.Monitor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    file = tmp_path / "state"
    monitor.persist(file)
    before = file.read_bytes()
    monitor.update(FRAMES[1])

    def fail(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path if call == "replace" else os, call, fail)
        with pytest.raises(OSError, match="No space left"):
            monitor.persist(file)
    assert file.read_bytes() == before
    assert [found.name for found in tmp_path.iterdir()] == ["state"]


def test_monitor_persist_goes_over_what_a_crash_left(monitor: xm.Monitor, tmp_path: Path) -> None:
    (tmp_path / ".state.partial").write_bytes(bytes(10**6))
    monitor.persist(tmp_path / "state")
    assert (tmp_path / "state").read_bytes() == monitor.snapshot()
    assert [found.name for found in tmp_path.iterdir()] == ["state"]


@pytest.mark.skipif(files.fcntl is None, reason="no such locks there")
def test_monitor_persist_beside_another_writer_is_refused(
    monitor: xm.Monitor, tmp_path: Path, refused: Callable[..., str]
) -> None:
    import fcntl

    with (tmp_path / ".state.partial").open("wb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        message = refused(xm.SnapshotError, monitor.persist, tmp_path / "state")
        assert message.endswith(".state.partial is being written by another process or thread; wait for it")
    monitor.persist(tmp_path / "state")


def test_monitor_load_of_no_snapshot_names_the_file(tmp_path: Path) -> None:
    file = tmp_path / "other"
    file.write_bytes(b"other")
    with pytest.raises(xm.SnapshotError) as caught:
        xm.Monitor.load(file)
    assert caught.value.__notes__ == [f"in {file}"]
    with pytest.raises(FileNotFoundError):
        xm.Monitor.load(tmp_path / "none")


@pytest.mark.parametrize("path", [None, 3, b"state", "a\0b"])
def test_monitor_persist_to_no_path_is_refused(monitor: xm.Monitor, refused: Callable[..., str], path: Any) -> None:
    assert refused(xm.ArgumentError, monitor.persist, path) == f"path was {path!r}, expected a path"
    assert refused(xm.ArgumentError, xm.Monitor.load, path) == f"path was {path!r}, expected a path"


# the log


def test_monitor_replayed_from_a_log_is_equal(monitor: xm.Monitor, tmp_path: Path) -> None:
    again = copy.deepcopy(monitor)
    monitor.log_to(tmp_path / "log")
    events = drive(monitor)
    monitor.log_to(None)
    replayed = again.replay(tmp_path / "log")
    assert replayed.table == xm.Table(
        {name: np.concatenate([part[name] for part in events]) for name in replayed.columns}
    )
    assert again.snapshot() == monitor.snapshot()
    assert again.events == replayed


def test_monitor_replayed_after_any_snapshot_skips_what_it_has(monitor: xm.Monitor) -> None:
    log = io.StringIO()
    states = [monitor.snapshot()]
    monitor.log_to(log)

    class Photographed:
        """Has its state kept after each call."""

        def __getattr__(self, name: str) -> Any:
            def call(*args: Any, **kwargs: Any) -> xm.Events:
                events = getattr(monitor, name)(*args, **kwargs)
                states.append(monitor.snapshot())
                return events

            return call

    events = drive(Photographed())  # type: ignore[arg-type]
    assert len(states) == len(events) + 1
    for state in states:
        again = xm.Monitor.restore(state)
        again.replay(log.getvalue().splitlines(keepends=True))
        assert again.snapshot() == states[-1]


def test_monitor_log_has_the_lines_that_are_documented(monitor: xm.Monitor) -> None:
    log = io.StringIO()
    monitor.log_to(log)
    monitor.update({"BTC/USDT:USDT": 57_000.0}, time=1, index={"USDT": 1})
    monitor.apply_transfers([{"account": 7, "asset": "USDT", "amount": np.float64(2.5)}], round="down")
    monitor.update({})
    monitor.update_many({"name": ["BTCUSDT", "ETHUSDT"], "price": [1e22, 2.5e-7]}, ends=[2])
    monitor.close_accounts(np.array([9]))
    assert [json.loads(line) for line in log.getvalue().splitlines()] == [
        {"log": "crossmargin monitor", "version": 1, "market": "binance-usdm/2024-10-01"},
        {"frame": 1, "time": 1, "mark": {"BTCUSDT": 57_000.0}, "index": {"USDT": 1.0}},
        {
            "operation": 1,
            "frame": 1,
            "transfers": {"transfers": {"account": [7], "asset": ["USDT"], "amount": [2.5]}, "round": "down"},
        },
        {"frame": 2},
        {"frame": 3, "mark": {"BTCUSDT": 1e22, "ETHUSDT": 2.5e-7}},
        {"operation": 2, "frame": 3, "close": {"accounts": [9]}},
    ]


def test_monitor_log_goes_on_where_it_ended(monitor: xm.Monitor, tmp_path: Path) -> None:
    begun = copy.deepcopy(monitor)
    for frame in FRAMES:
        monitor.log_to(tmp_path / "log", sync=True)
        monitor.update(frame)
        monitor.log_to(None)
    text = (tmp_path / "log").read_text(encoding="utf-8")
    assert text.count('"version"') == 1
    begun.replay(tmp_path / "log")
    assert begun.snapshot() == monitor.snapshot()


@pytest.mark.parametrize(("tail", "kept"), [('{"frame": 2, "ma', False), ('{"frame": 2}', True), ("", True)])
def test_monitor_log_that_was_cut_off_is_mended(monitor: xm.Monitor, tmp_path: Path, tail: str, kept: bool) -> None:
    file = tmp_path / "log"
    begun = copy.deepcopy(monitor)
    monitor.log_to(file)
    monitor.update(FRAMES[0])
    monitor.log_to(None)
    whole = file.read_text(encoding="utf-8")
    file.write_text(whole + tail, encoding="utf-8")
    begun.replay(file)
    assert begun.frame == 1 + int(kept and bool(tail))
    begun.log_to(file)
    begun.log_to(None)
    assert file.read_text(encoding="utf-8") == whole + (tail + "\n" if kept and tail else "")


def test_monitor_log_of_something_else_is_refused(
    monitor: xm.Monitor, textbook: xm.Market, tmp_path: Path, refused: Callable[..., str]
) -> None:
    file = tmp_path / "log"
    file.write_text('{"frame": 1}\n', encoding="utf-8")
    message = "was no log of a monitor; give another file, or take it away"
    assert refused(xm.ArgumentError, monitor.log_to, file).endswith(message)
    file.unlink()
    other = xm.Monitor(xm.Book(textbook, balances=[]), textbook.prices(mark={}))
    other.log_to(file)
    other.log_to(None)
    message = "was of the market 'textbook/2020-01-01', expected 'binance-usdm/2024-10-01'"
    assert refused(xm.ArgumentError, monitor.log_to, file).endswith(message)
    assert refused(xm.ArgumentError, monitor.replay, file) == f"log[1] {message}"
    assert refused(xm.ArgumentError, monitor.log_to, 3) == "to was 3, expected a path"


def test_monitor_replay_of_lines_without_numbers_takes_them_all(monitor: xm.Monitor) -> None:
    lines = [
        '{"mark": {"BTCUSDT": "57000"}, "time": "2024-10-01T08:00Z"}',
        b'{"mark": {"BTCUSDT": 56000}}',
        {"transfers": {"transfers": [{"account": 7, "asset": "USDT", "amount": 1}]}},
        "",
        {"index": {"USDT": 1.0}},
    ]
    monitor.replay(lines)
    assert monitor.frame == 3
    assert monitor._core.operations() == 1
    assert not monitor.replay([])


@pytest.mark.parametrize(
    ("kind", "line", "message"),
    [
        (xm.ArgumentError, "{\n", "log[2] was not JSON: "),
        (xm.ArgumentError, "[1]\n", "log[2] was [1], expected an object"),
        (xm.ArgumentError, None, "log[2] was of type NoneType, expected a line: text, bytes or a dict"),
        (xm.ArgumentError, {"marks": {}}, "log[2] had 'marks', expected frame, time, mark, index, last, or one "),
        (xm.ArgumentError, {"mark": [1]}, "log[2].mark was [1], expected an object of name to price"),
        (xm.ArgumentError, {"time": 1.5}, "log[2].time was 1.5, expected nanoseconds since 1970"),
        (xm.ArgumentError, {"frame": -1}, "log[2].frame was -1, expected a number of it, from 0"),
        (xm.ArgumentError, {"frame": 7}, "log[2] was frame 7, and the monitor is at 1: lines are missing"),
        (xm.ArgumentError, {"operation": 2, "reset": {}}, "log[2] was operation 2, and the monitor is at 0: lines are"),
        (
            xm.ArgumentError,
            {"operation": 1, "frame": 3, "reset": {}},
            "log[2] came after frame 3, and the monitor is at 1: lines are missing",
        ),
        (xm.ArgumentError, {"reset": 1}, "log[2].reset was 1, expected an object"),
        (xm.ArgumentError, {"reset": {}, "mark": {}}, "log[2] had 'mark' beside reset, expected operation and frame"),
        (xm.ArgumentError, {"reset": {"x": 1}}, "reset had 'x', expected accounts"),
        (xm.ArgumentError, {"fills": {}}, "fills had no fills"),
        (
            xm.ArgumentError,
            {"log": "other", "version": 1},
            "log[2] was of 'other', version 1, expected 'crossmargin monitor', version 1",
        ),
        (xm.PriceError, {"mark": {"BTCUSDT": -1.0}}, "mark[BTCUSDT] was -1, expected a positive number"),
        (xm.BookError, {"close": {"accounts": [8]}}, "accounts.account[0] was 8: "),
    ],
    ids=str,
)
def test_monitor_replay_of_a_faulty_line_applies_what_is_before_it(
    monitor: xm.Monitor, refused: Callable[..., str], kind: type[Exception], line: Any, message: str
) -> None:
    lines = [{"mark": {"BTCUSDT": 50_600.0}}, line, {"mark": {"BTCUSDT": 1.0}}]
    assert refused(kind, monitor.replay, lines).startswith(message)
    assert monitor.frame == 1
    assert monitor.prices.mark[monitor.market.instruments["instrument"] == "BTCUSDT"].tolist() == [50_600.0]
    assert monitor.events.account.tolist().count(7) > 0


def test_monitor_replay_of_a_cut_line_in_the_middle_is_refused(
    monitor: xm.Monitor, refused: Callable[..., str], tmp_path: Path
) -> None:
    lines = ['{"mark": {"BTCUSDT": 57000}}', '{"mark": {"BTC', '{"mark": {"BTCUSDT": 56000}}']
    assert refused(xm.ArgumentError, monitor.replay, lines).startswith("log[2] was not JSON: ")
    assert monitor.frame == 1
    monitor.replay(lines[:2])
    assert monitor.frame == 2
    (tmp_path / "log").write_bytes(b'{"frame": 3}\n\xff\n{"frame": 4}\n')
    assert refused(xm.ArgumentError, monitor.replay, tmp_path / "log").startswith("log[2] was not JSON: ")
    assert monitor.frame == 3


def test_monitor_replay_says_the_line_of_a_price_that_is_refused(monitor: xm.Monitor) -> None:
    with pytest.raises(xm.PriceError) as caught:
        monitor.replay([{"mark": {"BTCUSDT": 57_000.0}}, {"mark": {"NONE": 1.0}}], line=40)
    assert caught.value.__notes__ == ["in log[41]"]
    assert monitor.frame == 1


@pytest.mark.parametrize("log", [None, 3])
def test_monitor_replay_of_no_log_is_refused(monitor: xm.Monitor, refused: Callable[..., str], log: Any) -> None:
    message = f"log was of type {type(log).__name__}, expected a path, a file, or lines"
    assert refused(xm.ArgumentError, monitor.replay, log) == message
