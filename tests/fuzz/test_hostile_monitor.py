"""A monitor that is given anything: errors of ours only, and a refused call changes nothing."""

import io
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import crossmargin as xm
from fuzz.junk import MARKET, answered_or_refused, columns, junk, numbers, plain, scalars, words

NAMES = st.sampled_from(["BTCUSDT", "ETHUSDT", "USDT", "BTC/USDT:USDT", "NONE", "mark", "index"])
prices = st.one_of(junk, st.dictionaries(st.one_of(NAMES, plain), scalars))


@cache
def state() -> bytes:
    """The state that every monitor here begins with."""
    cash = {"account": [1, 2], "asset": ["USDT", "USDT"], "wallet_balance": [500.0, 60.0]}
    held = {
        "account": [1, 2],
        "instrument": ["BTCUSDT", "BTCUSDT"],
        "quantity": [0.1, -0.02],
        "entry_price": [60_000.0, 61_000.0],
        "margin_mode": ["cross", "isolated"],
        "isolated_margin": [None, 50.0],
    }
    book = xm.Book(MARKET, balances=cash, positions=held)
    return xm.Monitor(book, MARKET.prices(mark={"BTCUSDT": 60_000.0, "ETHUSDT": 2_500.0})).snapshot()


def watched() -> xm.Monitor:
    return xm.Monitor.restore(state())


def check(monitor: xm.Monitor, call: Any) -> None:
    """Make a call: it is refused and changes nothing, or leaves a monitor like one of its book."""
    before = monitor.snapshot()
    try:
        call()
    except xm.InternalError:
        raise
    except xm.CrossmarginError:
        assert monitor.snapshot() == before
        return
    built = xm.Monitor(monitor.book, monitor.prices, xm.Alerts(soft_stop=None))
    assert built.flags == monitor.flags


@given(mark=prices, index=prices, last=prices, time=st.one_of(st.none(), plain, junk))
def test_monitor_update_of_anything_is_applied_or_refused(mark: Any, index: Any, last: Any, time: Any) -> None:
    monitor = watched()
    check(monitor, lambda: monitor.update(mark, index=index, last=last, time=time))


@given(data=st.data())
def test_monitor_update_many_with_a_hostile_column_is_applied_or_refused(data: st.DataObject) -> None:
    frames: dict[str, Any] = {"name": ["BTCUSDT", "ETHUSDT"], "price": [59_000.0, 2_600.0]}
    for name in data.draw(st.lists(st.sampled_from(["name", "price", "quote", "frame", "time"]), max_size=3)):
        frames[name] = data.draw(st.one_of(st.lists(scalars, min_size=2, max_size=2), columns, junk))
    ends, time = (data.draw(st.one_of(st.none(), columns, junk)) for _ in range(2))
    monitor = watched()
    check(monitor, lambda: monitor.update_many(frames, ends=ends, time=time))


@given(frames=junk)
def test_monitor_update_many_of_anything_is_applied_or_refused(frames: Any) -> None:
    monitor = watched()
    check(monitor, lambda: monitor.update_many(frames))


SOUND: dict[str, dict[str, Any]] = {
    "apply_fills": {
        "account": [1, 2],
        "instrument": ["BTCUSDT", "ETHUSDT"],
        "quantity": [-0.05, 0.1],
        "price": [60_000.0, 2_500.0],
        "fee": [1.0, None],
        "maker": [None, None],
        "leverage": [None, 10.0],
        "isolated_margin": [None, None],
        "margin_mode": ["cross", None],
        "position_side": ["net", None],
    },
    "apply_transfers": {"account": [1, 2], "asset": ["USDT", "USDT"], "amount": [5.0, -1.0]},
    "apply_funding": {"instrument": ["BTCUSDT", "ETHUSDT"], "rate": [0.0001, -0.001], "price": [None, 2_500.0]},
}


@pytest.mark.parametrize("logged", [False, True])
@pytest.mark.parametrize("method", SOUND)
@given(data=st.data())
def test_monitor_operation_with_a_hostile_column_is_applied_or_refused(
    method: str, logged: bool, data: st.DataObject
) -> None:
    table = {name: list(values) for name, values in SOUND[method].items()}
    if data.draw(st.booleans()):
        table.pop("maker", None)
    for name in data.draw(st.lists(st.sampled_from([*SOUND[method]]), max_size=2)):
        table[name] = data.draw(st.one_of(st.lists(scalars, min_size=2, max_size=2), columns, junk))
    direction = data.draw(st.one_of(st.sampled_from(["down", "up", "nearest", None]), plain))
    monitor, log = watched(), io.StringIO()
    if logged:
        monitor.log_to(log)
    check(monitor, lambda: getattr(monitor, method)(table, round=direction))
    if logged:
        again = watched()
        again.replay(log.getvalue().splitlines(keepends=True))
        assert again.snapshot() == monitor.snapshot()


@pytest.mark.parametrize("method", ["open_accounts", "replace_accounts"])
@given(
    tables=st.lists(st.one_of(st.none(), junk), min_size=4, max_size=4), cash=st.lists(scalars, min_size=2, max_size=2)
)
def test_monitor_accounts_of_anything_are_brought_or_refused(method: str, tables: list[Any], cash: list[Any]) -> None:
    monitor = watched()
    balances = {"account": [1, 3], "asset": ["USDT", "USDT"], "wallet_balance": cash}
    names = ("positions", "orders", "accounts", "settings")
    check(monitor, lambda: getattr(monitor, method)(balances=balances, **dict(zip(names, tables, strict=True))))


@pytest.mark.parametrize("method", ["close_accounts", "reset"])
@given(keys=st.one_of(junk, st.lists(st.one_of(st.just(1), scalars), max_size=2)))
def test_monitor_keys_of_anything_are_found_or_refused(method: str, keys: Any) -> None:
    monitor = watched()
    check(monitor, lambda: getattr(monitor, method)(keys))


@given(account=st.one_of(junk, st.just(1)), pool=st.one_of(st.none(), plain))
def test_monitor_why_of_anything_is_answered_or_refused(account: Any, pool: Any) -> None:
    with answered_or_refused():
        watched().why(account, pool)


@given(references=st.one_of(junk, st.dictionaries(st.sampled_from([1, 2, 3, "1"]), numbers)))
def test_monitor_references_of_anything_are_taken_or_refused(references: Any) -> None:
    monitor = watched()
    with answered_or_refused():
        xm.Monitor(monitor.book, monitor.prices, references=references)


@given(liquidation=plain, levels=junk, stop=plain, valuation=plain)
def test_alerts_of_anything_are_made_or_refused(liquidation: Any, levels: Any, stop: Any, valuation: Any) -> None:
    monitor = watched()
    with answered_or_refused():
        xm.Monitor(monitor.book, monitor.prices, xm.Alerts(liquidation, levels, stop, valuation))


entries = st.one_of(
    junk,
    st.text(max_size=20),
    st.binary(max_size=20),
    st.dictionaries(
        st.sampled_from(["frame", "time", "mark", "index", "operation", "fills", "reset", "close", "log", "version"]),
        st.one_of(plain, st.dictionaries(words, plain, max_size=2)),
        max_size=3,
    ),
)


@given(lines=st.lists(entries, max_size=3))
def test_monitor_replay_of_anything_is_applied_or_refused(lines: list[Any]) -> None:
    monitor = watched()
    with answered_or_refused():
        monitor.replay(lines)
    built = xm.Monitor(monitor.book, monitor.prices, xm.Alerts(soft_stop=None))
    assert built.flags == monitor.flags


@given(data=st.data())
def test_monitor_restored_of_bytes_that_changed_is_refused(data: st.DataObject) -> None:
    good = bytearray(state())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(good) - 1))
        good[at] ^= data.draw(st.integers(1, 255))
    if bytes(good) != state():
        with pytest.raises(xm.SnapshotError):
            xm.Monitor.restore(bytes(good))


@given(junk=st.one_of(junk, st.binary()))
def test_monitor_restored_of_anything_else_is_refused(junk: Any) -> None:
    with pytest.raises((xm.SnapshotError, xm.ArgumentError)):
        xm.Monitor.restore(junk)
