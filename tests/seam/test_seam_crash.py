"""A process that is killed while it writes snapshots leaves the old one or the new one, whole."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pytest

import crossmargin as xm
from crossmargin.testing import reference_workload

KILLS = 200
LONGEST = 0.01
"""Seconds until a writer is killed, at most, from when it begins to write: some snapshots are written in that time."""

WRITER = """
import os, sys
import crossmargin as xm

def write(path):
    monitor = xm.Monitor.load(path)
    while True:
        frame = monitor.frame + 1
        at = frame % len(monitor.market.instruments)
        monitor.update({f"I{at:03d}": monitor.prices.mark[at] * (1 + (frame % 7 - 3) * 0.001)})
        os.write(1, b"begin %d\\n" % frame)
        monitor.persist(path)
        os.write(1, b"end %d\\n" % frame)

# One process imports what it takes; a copy of it writes, and is killed.
xm.Monitor.load(sys.argv[1])
for line in sys.stdin:
    child = os.fork()
    if child == 0:
        try:
            write(sys.argv[1])
        finally:
            os._exit(1)
    os.write(1, b"writer %d\\n" % child)
    os.waitpid(child, 0)
    os.write(1, b"dead 0\\n")
"""


@dataclass
class Writer:
    """The process that forks writers, and the file that they write."""

    process: subprocess.Popen[bytes]
    file: Path

    def kill_one(self, after: float) -> tuple[int, int]:
        """Start a writer and kill it so many seconds later; give the last frame that it began and ended to write."""
        stdin, stdout = streams(self.process)
        stdin.write(b"go\n")
        stdin.flush()
        told = self._line(stdout)
        told |= self._line(stdout)
        time.sleep(after)
        os.kill(told["writer"], signal.SIGKILL)
        while "dead" not in told:
            told |= self._line(stdout)
        return told.get("begin", -1), told.get("end", -1)

    @staticmethod
    def _line(stdout: IO[bytes]) -> dict[str, int]:
        word, number = stdout.readline().split()
        return {word.decode(): int(number)}


def streams(process: subprocess.Popen[bytes]) -> tuple[IO[bytes], IO[bytes]]:
    assert process.stdin is not None
    assert process.stdout is not None
    return process.stdin, process.stdout


def watched() -> xm.Monitor:
    workload = reference_workload("R1", n_pools=2_000, n_instruments=20, seed=5)
    market = xm.Market.from_toml(workload.market_toml)
    book = xm.Book(market, balances=workload.balances, positions=workload.positions)
    return xm.Monitor(book, market.prices(workload.marks))


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[Writer]:
    file = tmp_path / "monitor.state"
    watched().persist(file)
    command = [sys.executable, "-c", WRITER, str(file)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0) as process:
        yield Writer(process, file)
        streams(process)[0].close()


@pytest.mark.skipif(sys.platform == "win32", reason="no fork there")
def test_seam_writer_that_is_killed_leaves_the_old_snapshot_or_the_new_one(writer: Writer) -> None:
    chance = random.Random(7)
    beside = watched()  # what the writers do, without any of it being written
    within = {"old": 0, "new": 0}
    for _ in range(KILLS):
        before = beside.frame
        begun, ended = writer.kill_one(chance.uniform(0.0, LONGEST))
        state = writer.file.read_bytes()
        found = xm.Monitor.restore(state)
        assert found.frame in {max(begun, before), max(ended, before)}
        for frame in range(before + 1, found.frame + 1):
            at = frame % len(beside.market.instruments)
            beside.update({f"I{at:03d}": beside.prices.mark[at] * (1 + (frame % 7 - 3) * 0.001)})
        assert state == beside.snapshot()
        if begun != ended:
            within["new" if found.frame == begun else "old"] += 1
    assert sum(within.values()) > KILLS / 10, f"kills did not meet the writing: {within}"
