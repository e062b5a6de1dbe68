"""Threads of Python beside threads of the engine: no lock held, no bits changed, no trouble after a fork."""

import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

import crossmargin as xm
from crossmargin.testing import Workload, reference_workload


@pytest.fixture(scope="module")
def made() -> tuple[xm.Book, xm.Prices, Workload]:
    workload = reference_workload("R1", n_pools=60_000, n_instruments=50, seed=3)
    market = xm.Market.from_toml(workload.market_toml)
    book = xm.Book(market, balances=workload.balances, positions=workload.positions)
    return book, market.prices(mark=workload.marks), workload


def test_seam_threads_of_python_run_while_the_engine_works(made: tuple[xm.Book, xm.Prices, Workload]) -> None:
    book, prices, _ = made
    for _ in range(200):
        seen: list[float] = []
        span: list[float] = []
        stop = threading.Event()

        def watch(seen: list[float] = seen, stop: threading.Event = stop) -> None:
            while not stop.is_set():
                seen.append(time.perf_counter())

        watcher = threading.Thread(target=watch)
        watcher.start()
        span.append(time.perf_counter())
        xm.score(book, prices, "all", n_threads=1)
        span.append(time.perf_counter())
        stop.set()
        watcher.join()
        length = span[1] - span[0]
        if any(span[0] + 0.25 * length < at < span[0] + 0.75 * length for at in seen):
            return
    pytest.fail("no other thread of Python ran while a call of the engine did")


def test_seam_threads_share_a_book(made: tuple[xm.Book, xm.Prices, Workload]) -> None:
    book, prices, workload = made
    expected = xm.score(book, prices, n_threads=1).excess.tobytes()

    def work(n_threads: int) -> bool:
        market = book.market
        own = xm.Book(market, balances=workload.balances, positions=workload.positions)
        return all(xm.score(each, prices, n_threads=n_threads).excess.tobytes() == expected for each in (own, book))

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(work, [1, 2, 3, 1, 2, 3]))


def test_seam_threads_cannot_share_a_buffer(made: tuple[xm.Book, xm.Prices, Workload]) -> None:
    book, prices, _ = made
    out = xm.score(book, prices, "all")
    expected = {name: out[name].tobytes() for name in xm.OUTPUTS}
    refusals: list[str] = []
    start = threading.Barrier(2)
    deadline = time.monotonic() + 60

    def work(_: int) -> None:
        start.wait()
        # both write the same buffers, over and over, until one finds them in use
        while not refusals and time.monotonic() < deadline:
            try:
                xm.score(book, prices, "all", out=out, n_threads=1)
            except xm.ArgumentError as error:
                refusals.append(str(error))

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(work, range(2)))
    assert refusals, "two threads wrote the same buffers for a minute and neither was refused"
    assert all("is in use by another call" in message for message in refusals)
    assert {name: out[name].tobytes() for name in xm.OUTPUTS} == expected


FORK = """
import os
import crossmargin as xm
from crossmargin.testing import reference_workload

workload = reference_workload("R1", n_pools=70_000, n_instruments=20, seed=3)
market = xm.Market.from_toml(workload.market_toml)
book = xm.Book(market, balances=workload.balances, positions=workload.positions)
prices = market.prices(mark=workload.marks)
bits = xm.score(book, prices, n_threads=2).excess.tobytes()
child = os.fork()
if child == 0:
    os._exit(0 if xm.score(book, prices, n_threads=2).excess.tobytes() == bits else 1)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no fork there")
def test_seam_threads_work_after_a_fork() -> None:
    done = subprocess.run([sys.executable, "-c", FORK], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.strip() == "0"
