"""Threads of Python beside threads of the engine: no lock held, no bits changed, no trouble after a fork."""

import signal
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


def test_seam_threads_of_python_run_while_a_book_is_built(made: tuple[xm.Book, xm.Prices, Workload]) -> None:
    book, _, workload = made
    for _ in range(50):
        seen: list[float] = []
        stop = threading.Event()

        def watch(seen: list[float] = seen, stop: threading.Event = stop) -> None:
            while not stop.is_set():
                seen.append(time.perf_counter())

        watcher = threading.Thread(target=watch)
        watcher.start()
        begun = time.perf_counter()
        xm.Book(book.market, balances=workload.balances, positions=workload.positions)
        ended = time.perf_counter()
        stop.set()
        watcher.join()
        if any(begun + 0.25 * (ended - begun) < at < begun + 0.75 * (ended - begun) for at in seen):
            return
    pytest.fail("no other thread of Python ran while a book was built")


INTERRUPTED = """
import signal
import time
import numpy as np
import crossmargin as xm
from crossmargin.testing import reference_workload

workload = reference_workload("R1", n_pools=20_000, n_instruments=20, seed=3)
market = xm.Market.from_toml(workload.market_toml)
book = xm.Book(market, balances=workload.balances, positions=workload.positions)
marks = np.repeat(np.asarray(workload.marks)[np.newaxis], ROWS, axis=0)
history = market.price_history(mark=marks)
out = xm.score_history(book, history, "liquidatable", rows_per_block=ROWS, n_threads=1)
signal.signal(signal.SIGINT, signal.default_int_handler)
print("ready", flush=True)
try:
    for _ in range(1_000):
        out.collect()
except KeyboardInterrupt:
    print(time.time(), flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no such signal there")
def test_seam_interrupt_ends_a_long_batch_within_100_milliseconds() -> None:
    # 20,000 pools at 4,000 rows are the better part of a second in one call, and 80 MB of results.
    script = INTERRUPTED.replace("ROWS", "4_000")
    waited = []
    for _ in range(5):
        with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            assert child.stdout.readline().strip() == "ready"
            time.sleep(0.7)
            sent = time.time()
            child.send_signal(signal.SIGINT)
            waited.append(float(child.stdout.readline()) - sent)
        if waited[-1] < 0.1:
            return
    pytest.fail(f"Ctrl-C took {waited} seconds")


FORKED = """
import multiprocessing
import os
import numpy as np
import crossmargin as xm
from crossmargin.testing import reference_workload

workload = reference_workload("R1", n_pools=70_000, n_instruments=20, seed=3)
market = xm.Market.from_toml(workload.market_toml)
book = xm.Book(market, balances=workload.balances, positions=workload.positions)
prices = market.prices(mark=workload.marks)
history = market.price_history(mark=np.repeat(prices.mark[np.newaxis], 5, axis=0))
xm.score_history(book, history, n_threads=2).collect()

def work(_):
    own = xm.Book(market, balances=workload.balances, positions=workload.positions)
    scores = xm.score_history(own, history, n_threads=2).collect()
    return scores["excess"].tobytes() == expected

expected = xm.score_history(book, history, n_threads=2).collect()["excess"].tobytes()
with multiprocessing.get_context("fork").Pool(2) as pool:
    print(all(pool.map(work, range(4))))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no fork there")
def test_seam_pool_of_forked_processes_scores_the_same() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FORKED], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.stdout.strip() == "True", done.stderr
