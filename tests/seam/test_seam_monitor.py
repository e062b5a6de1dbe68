"""A monitor among threads: counts that wait for nobody, the lock let go, turns that are taken; forks; Ctrl-C."""

import _thread
import gc
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import crossmargin as xm
from crossmargin.testing import reference_workload

Frames = dict[str, np.ndarray]


@pytest.fixture(scope="module")
def book() -> tuple[xm.Book, xm.Prices]:
    workload = reference_workload("R1", n_pools=3_000, n_instruments=50, seed=3)
    market = xm.Market.from_toml(workload.market_toml)
    return xm.Book(market, balances=workload.balances, positions=workload.positions), market.prices(mark=workload.marks)


@pytest.fixture
def monitor(book: tuple[xm.Book, xm.Prices]) -> xm.Monitor:
    return xm.Monitor(*book)


def path(book: tuple[xm.Book, xm.Prices], n: int, seed: int = 1) -> Frames:
    """Draw a walk of marks, one instrument at a time."""
    draw = np.random.default_rng(seed)
    mark = book[1].mark
    name = draw.integers(0, len(mark), n)
    return {"name": name, "price": mark[name] * np.exp(draw.normal(0.0, 0.002, n))}


def test_seam_monitor_stats_are_read_while_a_call_runs(book: tuple[xm.Book, xm.Prices], monitor: xm.Monitor) -> None:
    frames = path(book, 200_000)
    begun = threading.Event()

    def work() -> None:
        begun.set()
        while not done.is_set():
            monitor.update_many(frames)

    done = threading.Event()
    thread = threading.Thread(target=work)
    thread.start()
    begun.wait()
    seen, slowest = set(), 0.0
    deadline = time.monotonic() + 60
    # the counts of one call are seen to grow while it runs: no other call begins or ends in between
    while len([frames for frames in seen if frames % 200_000]) < 3 and time.monotonic() < deadline:
        at = time.perf_counter()
        seen.add(monitor.stats().frames)
        slowest = max(slowest, time.perf_counter() - at)
    done.set()
    thread.join()
    assert len([frames for frames in seen if frames % 200_000]) >= 3
    assert monitor.stats().frames == monitor.frame


def test_seam_monitor_calls_let_other_threads_of_python_run(
    book: tuple[xm.Book, xm.Prices], monitor: xm.Monitor
) -> None:
    frames = path(book, 50_000)
    for _ in range(50):
        seen: list[float] = []
        stop = threading.Event()

        def watch(seen: list[float] = seen, stop: threading.Event = stop) -> None:
            while not stop.is_set():
                seen.append(time.perf_counter())

        watcher = threading.Thread(target=watch)
        watcher.start()
        begun = time.perf_counter()
        monitor.update_many(frames)
        ended = time.perf_counter()
        stop.set()
        watcher.join()
        if any(begun + 0.25 * (ended - begun) < at < begun + 0.75 * (ended - begun) for at in seen):
            return
    pytest.fail("no other thread of Python ran while frames were applied")


def test_seam_monitor_of_several_threads_takes_turns(book: tuple[xm.Book, xm.Prices], monitor: xm.Monitor) -> None:
    names = book[0].market.instruments["instrument"].tolist()
    mark = dict(zip(names, book[1].mark.tolist(), strict=True))

    def work(part: int) -> int:
        brought = 0
        for step in range(300):
            price = {name: mark[name] * (1 + 0.05 * np.sin(step)) for name in names[part::4]}
            brought += len(monitor.update(price))
            if step % 50 == part:
                monitor.flags, monitor.why(int(book[0].accounts[step])), monitor.snapshot()
        return brought

    begun = monitor.stats().events
    with ThreadPoolExecutor(4) as pool:
        brought = list(pool.map(work, range(4)))
    assert monitor.frame == 1_200
    assert monitor.stats().events == begun + sum(brought)
    built = xm.Monitor(monitor.book, monitor.prices, xm.Alerts(soft_stop=None))
    assert built.flags == monitor.flags


def test_seam_monitor_log_of_several_threads_is_in_their_order(
    book: tuple[xm.Book, xm.Prices], monitor: xm.Monitor, tmp_path
) -> None:
    begun = xm.Monitor.restore(monitor.snapshot())
    names = book[0].market.instruments["instrument"].tolist()
    accounts = book[0].accounts.tolist()
    monitor.log_to(tmp_path / "log")

    def work(part: int) -> None:
        for step in range(100):
            monitor.update({names[part]: 100.0 + step})
            monitor.apply_transfers({"account": [accounts[step]], "asset": ["USDT"], "amount": [1.0]})

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(work, range(3)))
    monitor.log_to(None)
    begun.replay(tmp_path / "log")
    assert begun.snapshot() == monitor.snapshot()


@pytest.fixture
def heard() -> Iterator[None]:
    """Ctrl-C raises, also where whoever started the tests has it ignored; not in what others hang on the collector."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    gc.disable()
    yield
    gc.enable()
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heard")
@pytest.mark.parametrize("call", ["update_many", "replay"])
def test_seam_monitor_that_is_interrupted_loses_no_event(
    book: tuple[xm.Book, xm.Prices], monitor: xm.Monitor, call: str
) -> None:
    frames = path(book, 200_000)
    if call == "replay":
        names = book[0].market.instruments["instrument"].tolist()
        pairs = zip(frames["name"].tolist(), frames["price"].tolist(), strict=True)
        lines = [{"mark": {names[at]: price}} for at, price in pairs]
    other = xm.Monitor.restore(monitor.snapshot())
    for delay in (0.02, 0.05, 0.1):
        one = xm.Monitor.restore(monitor.snapshot())
        pressed = threading.Timer(delay, _thread.interrupt_main, (signal.SIGINT,))
        try:
            pressed.start()
            if call == "replay":
                one.replay(lines)
            else:
                while True:
                    one.update_many(frames)
        except KeyboardInterrupt:
            pass
        finally:
            pressed.join()
        if 0 < one.frame <= len(frames["name"]):
            part = {name: column[: one.frame] for name, column in frames.items()}
            assert other.update_many(part) == one.events
            assert other.flags == one.flags
            return
    pytest.skip("it was never interrupted in the middle")


FORK = """
import os
import numpy as np
import crossmargin as xm
from crossmargin.testing import reference_workload

workload = reference_workload("R1", n_pools=70_000, n_instruments=20, seed=3)
market = xm.Market.from_toml(workload.market_toml)
book = xm.Book(market, balances=workload.balances, positions=workload.positions)
monitor = xm.Monitor(book, market.prices(mark=workload.marks), n_threads=2)
down = market.prices(mark=workload.marks).mark * 0.97
child = os.fork()
events = monitor.update(down)
if child == 0:
    again = xm.Monitor(book, market.prices(mark=workload.marks), n_threads=2).update(down)
    os._exit(0 if len(events) > 0 and again == events else 1)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), len(events) > 0)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no fork there")
def test_seam_monitor_works_after_a_fork() -> None:
    done = subprocess.run([sys.executable, "-c", FORK], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.strip() == "0 True"
