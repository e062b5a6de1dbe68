"""freqtrade and driftpy: per position, on a few hundred positions of R1, each in an environment of its own.

Their packages do not go with ours, so a process of that environment holds the cases and computes all of them whenever
it is told to; a line to it and back is within the timing, which is a few hundredths of it. Between its turns it waits
and takes no time. Each is asked for positions that it can answer, which are picked by what its rules leave out, and
found right before it is timed; how many of the first positions of the workload it answers right is counted besides.
"""

from __future__ import annotations

import atexit
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from crossmargin.testing import Workload
from harness.contender import ONE_PRICE, Contender, Floats
from harness.prices import Precision, PriceOutputs

N_ASKED = 300
INTEGERS = 1e-5  # relative, of the amounts that enter: driftpy counts in millionths
_LEAST_MARK, _LEAST_SIZE = 1.0, 1e-2  # smaller ones are few of its units
_WORKERS = Path(__file__).resolve().parents[1] / "workers"
_RIGHT = 1e-6  # relative, of a price that is counted as right

Rows = NDArray[np.intp]


@dataclass(frozen=True)
class Asked:
    """A program that was asked.

    Parameters
    ----------
    contender : Contender
        Times the positions that it can answer.
    rows : ndarray of intp
        Those positions' rows.
    limits : Precision
        What its prices are compared within.
    summary : mapping
        For the record: ``name``, ``version``, ``n_positions``, and how many of so
        many positions, taken as they come, were ``right``.
    """

    contender: Contender
    rows: Rows
    limits: Precision
    summary: Mapping[str, Any]


def asked(workload: Workload, prices: Floats, limits: Precision) -> tuple[list[Asked], dict[str, str]]:
    """Ask both programs; returns those that answer, and by name why one does not.

    Parameters
    ----------
    workload : Workload
        R1.
    prices : ndarray of float64
        Liquidation price of every position, already found right.
    limits : Precision
        What plain doubles tell of them.
    """
    legs = _Legs(workload, prices)
    found, missing = [], {}
    for name, able in (("freqtrade", legs.of_long_others()), ("driftpy", legs.of_first_tier())):
        rows = np.flatnonzero(able & ~limits.undecided)[:N_ASKED]
        first = np.arange(min(N_ASKED, workload.n_positions))
        try:
            process = Process(name, legs.job({"able": rows, "any": first}))
        except (OSError, ValueError) as reason:
            missing[name] = str(reason)
            continue
        scale = INTEGERS / 1e-9 if name == "driftpy" else 1.0
        theirs, ours = process.tell("any"), prices[first]
        with np.errstate(invalid="ignore"):
            right = (np.isnan(theirs) & np.isnan(ours)) | (np.abs(theirs / ours - 1.0) <= _RIGHT)
        contender = Contender(
            f"{name}, prices",
            process.time,
            threads=1,
            includes="a position a call",
            outputs=ONE_PRICE,
            read=process.read,
            n_positions=len(rows),
        )
        summary = {"name": name, "version": process.version, "n_positions": len(first), "right": int(right.sum())}
        close = Precision(limits.prices[rows] * scale, limits.undecided[rows])
        found.append(Asked(contender, rows, close, summary))
    return found, missing


class _Legs:
    """The positions of R1 with what decides whether a program can answer."""

    def __init__(self, workload: Workload, prices: Floats) -> None:
        assert workload.tiers is not None
        self._workload, self._tiers = workload, workload.tiers
        self._offsets, columns = workload.pool_offsets(), workload.positions
        self._held, self._quantity = columns["instrument"], columns["quantity"]
        self._mark = workload.marks[self._held]
        self._pool = np.repeat(np.arange(workload.n_accounts), np.diff(self._offsets))
        self._now = self._tier(np.abs(self._quantity) * self._mark)
        there = np.where(np.isnan(prices), 0.0, prices) * np.abs(self._quantity)
        self._then = self._tier(there)

    def _tier(self, notional: Floats) -> Rows:
        bounds = self._tiers.floor[:, 1:]
        tier = np.zeros(len(notional), dtype=np.intp)
        for column in range(bounds.shape[1]):
            tier += notional >= bounds[self._held, column]
        return tier

    def _all(self, which: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Where it holds for all legs of the pool."""
        return (np.bincount(self._pool, ~which, self._workload.n_accounts) == 0)[self._pool]

    def of_long_others(self) -> NDArray[np.bool_]:
        """Tell where all other legs are long, and the tier at the price is that at the mark."""
        short = self._quantity < 0
        shorts = np.bincount(self._pool, short, self._workload.n_accounts)[self._pool]
        found: NDArray[np.bool_] = (shorts - short == 0) & (self._now == self._then)
        return found

    def of_first_tier(self) -> NDArray[np.bool_]:
        """Tell where all legs are in their first tier, at the price too, and of many integer units."""
        plain = (self._now == 0) & (self._mark >= _LEAST_MARK) & (np.abs(self._quantity) >= _LEAST_SIZE)
        found: NDArray[np.bool_] = self._all(plain) & (self._then == 0)
        return found

    def job(self, samples: Mapping[str, Rows]) -> str:
        """Write the cases as a line."""
        tiers = np.stack([self._tiers.floor, self._tiers.rate, self._tiers.deduction], axis=-1)
        names = self._workload.instruments
        cases = {name: [self._case(int(row)) for row in rows] for name, rows in samples.items()}
        return json.dumps({"tiers": dict(zip(names, tiers.tolist(), strict=True)), "samples": cases})

    def _case(self, row: int) -> dict[str, Any]:
        pool = int(self._pool[row])
        columns, first = self._workload.positions, int(self._offsets[pool])
        legs = [
            [
                self._workload.instruments[self._held[leg]],
                float(self._quantity[leg]),
                float(columns["entry_price"][leg]),
                float(self._mark[leg]),
            ]
            for leg in range(first, int(self._offsets[pool + 1]))
        ]
        wallet = float(self._workload.balances["wallet_balance"][pool])
        return {"wallet": wallet, "legs": legs, "asked": row - first}


class Process:
    """A program that holds cases and answers a line with a line.

    Parameters
    ----------
    name : str
        Of its environment.
    job : str
        The line with the cases.
    worker : str or None
        Of the script that it runs; None: that of the same name.
    """

    def __init__(self, name: str, job: str, worker: str | None = None) -> None:
        python = Path(sys.prefix, "peers", name, "bin", "python")
        if not python.exists():
            raise ValueError("it could not be installed")
        with tempfile.TemporaryFile("w+") as errors:
            self._process = subprocess.Popen(
                [str(python), str(_WORKERS / f"{worker or name}_worker.py")],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
            atexit.register(self._close)
            try:
                ready = self._ask(job)
            except BrokenPipeError:
                ready = ""
            if not ready:
                self._process.wait()
                errors.seek(0)
                raise ValueError((errors.read().strip().splitlines() or ["it ended without a word"])[-1])
        self.version: str = json.loads(ready)["version"]

    def _ask(self, line: str) -> str:
        pipes: tuple[IO[str] | None, ...] = (self._process.stdin, self._process.stdout)
        into, out = pipes
        assert into is not None
        assert out is not None
        into.write(line + "\n")
        into.flush()
        return out.readline()

    def _close(self) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait()

    def time(self) -> None:
        """Have the cases computed that it can answer."""
        if not self._ask("time able"):
            raise ValueError("the process ended")

    def tell(self, sample: str) -> Floats:
        """Fetch prices, NaN where there is none."""
        return np.array([np.nan if price is None else price for price in json.loads(self._ask(f"tell {sample}"))])

    def read(self, _: object) -> PriceOutputs:
        """Fetch the prices of what is timed."""
        price = self.tell("able")
        return PriceOutputs(price, price, price)


def only(expected: PriceOutputs, rows: Rows) -> PriceOutputs:
    """Take some rows."""
    return PriceOutputs(expected.below[rows], expected.above[rows], expected.liquidation_price[rows])
