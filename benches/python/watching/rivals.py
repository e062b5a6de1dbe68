"""What a user would do instead at every frame: scan everything, touch all holders, ask lrvx."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import crossmargin as xm
from crossmargin.testing import Workload
from harness.contender import RELATIVE_TOLERANCE, Floats
from peers.holders_numba import Holders
from watching.paths import Track
from watching.program import lay_marks, lay_path

LEVELS = np.array([2.0, 1.5, 1.2])
N_SCANS = 60
N_FRAMES_OF_LRVX = 12
_WORKER = Path(__file__).resolve().parents[1] / "workers" / "lrvx_worker.py"


def scan(workload: Workload, book: Any, track: Track) -> dict[str, float]:
    """Score every pool at every frame: ``liquidatable`` alone, on one thread, into an array that is reused."""
    market, marks = book.market, workload.marks.copy()
    out = xm.score(book, market.prices(mark=marks), ("liquidatable",), n_threads=1)
    times = []
    for instrument, mark in zip(track.at[:N_SCANS].tolist(), track.price[:N_SCANS].tolist(), strict=True):
        marks[instrument] = mark
        begin = time.perf_counter_ns()
        xm.score(book, market.prices(mark=marks), ("liquidatable",), out=out, n_threads=1)
        times.append(time.perf_counter_ns() - begin)
    return _summary(times)


def holders(workload: Workload, track: Track, *, levels: bool, rounds: int) -> dict[str, float]:
    """Numba over all holders of each frame's instrument; the least of identical runs, whole."""
    least, events = float("inf"), 0
    for _ in range(rounds + 1):  # the first compiles
        fresh = Holders(workload)
        begin = time.perf_counter()
        events = fresh.levels(track.at, track.price, LEVELS) if levels else fresh.liquidation(track.at, track.price)
        least = min(least, time.perf_counter() - begin)
    touched = int(fresh.per_instrument[track.at].sum())
    n_frames = len(track.at)
    return {
        "frames": n_frames,
        "mean": least / n_frames * 1e6,
        "events_per_frame": events / n_frames,
        "touches_per_frame": touched / n_frames,
    }


def check_holders(workload: Workload, track: Track, flags: NDArray[np.bool_], events: tuple[int, int]) -> None:
    """Compare Numba's flags and numbers of events with ours: of liquidation, and with levels.

    Raises
    ------
    ValueError
        If a flag differs whose pool is not within rounding of its limit, or numbers of
        events by more than such pools explain.
    """
    fresh = Holders(workload)
    found = fresh.liquidation(track.at, track.price), Holders(workload).levels(track.at, track.price, LEVELS)
    close = np.abs(fresh.excess) <= RELATIVE_TOLERANCE * np.abs(workload.balances["wallet_balance"])
    if ((fresh.liquidatable != flags) & ~close).any():
        raise ValueError("touching all holders gave other flags than watching")
    for theirs, ours in zip(found, events, strict=True):
        if abs(theirs - ours) > 2 + 1e-5 * ours:
            raise ValueError(f"touching all holders gave {theirs} events, watching gave {ours}")


def asked_of_lrvx(
    workload: Workload, folder: Path, tracks: dict[str, Track], stressed: Floats, say: Callable[[str], None]
) -> dict[str, Any]:
    """Ask lrvx in its own process, on all pools; ``left_out`` says why it is not there.

    Raises
    ------
    ValueError
        If it finds other accounts failing than the rules say, among pools that it can
        answer for: all positions in their first tier, before and after.
    """
    python = Path(sys.prefix, "peers", "lrvx", "bin", "python")
    if not python.exists():
        return {"name": "lrvx", "left_out": "it could not be installed"}
    lay_marks(folder, "stressed", stressed)
    for name, track in tracks.items():
        lay_path(folder, f"lrvx.{name}", track.first(N_FRAMES_OF_LRVX))
    (folder / "lrvx.paths").write_text(" ".join(f"lrvx.{name}" for name in tracks), encoding="ascii")
    done = subprocess.run([python, _WORKER, folder], capture_output=True, text=True, check=False)
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["it ended without a word"])[-1]
        say(f"lrvx is left out: {reason}")
        return {"name": "lrvx", "left_out": reason}
    told = json.loads(done.stdout)
    return {
        "name": "lrvx",
        "version": told["version"],
        "n_checked": told["n_checked"],
        "right": _right(workload, stressed, told),
        "build_seconds": told["build_seconds"],
        "paths": {name: _summary(told["times_ns"][f"lrvx.{name}"]) for name in tracks},
    }


def _right(workload: Workload, stressed: Floats, told: dict[str, Any]) -> int:
    """How many of the pools that it was asked for it decides as the rules do; an error where it should and does not."""
    tiers, columns = workload.tiers, workload.positions
    assert tiers is not None
    n_pools = told["n_checked"]
    rows = slice(0, workload.pool_offsets()[n_pools])
    pool = np.repeat(np.arange(n_pools), np.diff(workload.pool_offsets()[: n_pools + 1]))
    held, quantity = columns["instrument"][rows], columns["quantity"][rows]
    notional = np.abs(quantity) * stressed[held]
    margin = np.bincount(pool, tiers.maintenance_margin(held, notional), n_pools)
    pnl = np.bincount(pool, quantity * (stressed[held] - columns["entry_price"][rows]), n_pools)
    excess = workload.balances["wallet_balance"][:n_pools] + pnl - margin
    failing = np.zeros(n_pools, dtype=np.bool_)
    failing[told["failing"]] = True
    right: NDArray[np.bool_] = failing == (excess <= 0)
    able = np.bincount(pool, notional >= tiers.floor[held, 1], n_pools) == 0
    wrong = able & ~right & (np.abs(excess) > RELATIVE_TOLERANCE * margin)
    if wrong.any():
        raise ValueError(f"lrvx decided {int(wrong.sum())} of {int(able.sum())} pools otherwise than the rules do")
    return int(right.sum())


def _summary(times_ns: list[int]) -> dict[str, float]:
    return {
        "frames": len(times_ns),
        "mean": statistics.fmean(times_ns) / 1e3,
        "p50": statistics.median(times_ns) / 1e3,
        "worst": max(times_ns) / 1e3,
    }
