"""What frames cost a monitor of R1, beside what a user would do instead, and how that grows with the number of pools.

Flags and events are compared first. Then a program in Rust times every frame, with one thread, and the others are
timed in the same run. Prints the tables and writes the record. Run by ``make bench``; ``--help`` lists the options for
shorter runs.
"""

from __future__ import annotations

import argparse
import gc
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import crossmargin as xm
import ours
from crossmargin.testing import Workload, reference_workload
from harness import machine, report
from watching import cases, figures, growth, program, rivals, tables
from watching.paths import RANKED, Track, standstill, walk
from watching.program import Case

CHECKED_FRAMES, CHECKED_MOVE = 5_000, 10.0  # of the comparison, in basis points: enough that some pools fail
HOLDER_FRAMES = {RANKED: 1_000}
HOLDER_FRAMES_ALIKE = 5_000
QUIET_FRAMES = 1_000_000
PYTHON_FRAMES, PYTHON_ROUNDS = 200_000, 5
STRESS_MOVE = 0.93


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; returns the exit status."""
    options = _parse(arguments)
    load = machine.load()
    _say("compiling the program that times frames")
    binary = program.build()
    with tempfile.TemporaryDirectory() as name:
        record = _measured(Path(name), binary, options)
    sizes = [size for size in growth.SIZES if size <= options.most_pools]
    record["growth"] = growth.measure(sizes, options.frames // 10, options.seed, binary, _say)
    record["load"] = {"before": load, "after": machine.load()}
    record["figures"] = [figure.record() for figure in figures.judge(record)]
    sys.stdout.write(tables.markdown(record))
    if options.record:
        paths = report.write(record, options.record, tables.markdown)
        _say("wrote " + " and ".join(path.name for path in paths))
    return int(options.strict and any(figure["passed"] is False for figure in record["figures"]))


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="benchmark of the monitor on frames")
    parser.add_argument("--pools", type=int, default=1_000_000, help="pools of R1 (default 1,000,000)")
    parser.add_argument("--frames", type=int, default=2_000_000, help="frames of a row at 1 bp (default 2,000,000)")
    parser.add_argument("--runs", type=int, default=3, help="identical runs of each row (default 3)")
    parser.add_argument("--seed", type=int, default=20_241_001, help="seed of the workload and the paths")
    parser.add_argument("--most-pools", type=int, default=10_000_000, help="the largest size of the growth; 0: none")
    parser.add_argument("--record", type=Path, nargs="?", const=report.RECORDS, help="write the record, there or here")
    parser.add_argument("--strict", action="store_true", help="fail where a figure was measured and missed")
    return parser.parse_args(arguments)


def _say(text: str) -> None:
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {text}\n")


def _measured(folder: Path, binary: Path, options: argparse.Namespace) -> dict[str, Any]:
    _say(f"drawing R1 with {options.pools:,} pools")
    workload = reference_workload("R1", n_pools=options.pools, seed=options.seed)
    program.lay_book(folder, workload)
    tracks = _paths(workload, options)
    for name, track in tracks.items():
        program.lay_path(folder, name, track)
    _say("checking that flags and events are equal")
    _check(workload, folder, binary, options.seed)
    _say("timing frames")
    rows = cases.rows(options.runs)
    program.lay_path(folder, "quiet", standstill(workload, QUIET_FRAMES))
    quiet = Case("quiet", "quiet", "watched", options.runs)
    book, told = program.run(binary, folder, [quiet, *(row.case for row in rows)])
    _say("timing what else there is")
    peers, asked = _peers(workload, folder, tracks, options.runs)
    return {
        "format": report.FORMAT,
        "benchmark": "monitor",
        "date": machine.today(),
        "host_kind": machine.host_kind(),
        "commit": machine.describe_commit(),
        "machine": machine.describe_machine(),
        "versions": machine.describe_versions() | {peer["name"]: peer.get("version", "absent") for peer in asked},
        "n_runs": options.runs,
        "clock_ns": book["clock_ns"],
        "workload": {
            "name": workload.name,
            "seed": workload.seed,
            "n_pools": options.pools,
            "n_positions": workload.n_positions,
            "n_instruments": len(workload.instruments),
        },
        "rows": [row.told(told[row.case.name], book["clock_ns"], options.pools) for row in rows],
        "memory": {name: told["quiet"][name] / options.pools for name in ("bytes", "resident_bytes")},
        "python": _from_python(workload, told["quiet"]),
        "peers": peers,
        "asked": asked,
    }


def _paths(workload: Workload, options: argparse.Namespace) -> dict[str, Track]:
    """Paths of all rows, each of its own seed; those of other moves than the main one have fewer frames."""
    tracks = {}
    for basis_points in cases.BASIS_POINTS:
        n_frames = max(1, options.frames // cases.FEWER.get(basis_points, 1))
        for instruments in cases.PATHS:
            name, seed = cases.path_name(instruments, basis_points), options.seed + len(tracks)
            tracks[name] = walk(workload, n_frames, instruments, basis_points, seed)
    return tracks


def _check(workload: Workload, folder: Path, binary: Path, seed: int) -> None:
    """Compare what the program says at the end of short paths with `score`, and with Numba.

    Raises
    ------
    ValueError
        If a flag or a number of events differs, or nothing failed.
    """
    book, _ = ours.build(workload)
    for instruments in cases.PATHS:
        track = walk(workload, CHECKED_FRAMES, instruments, CHECKED_MOVE, seed)
        program.lay_path(folder, "checked", track)
        both = [Case(f"checked.{watched}", "checked", watched, 1) for watched in ("watched", "levels")]
        _, told = program.run(binary, folder, both)
        prices = book.market.prices(mark=track.marks_after(workload.marks))
        expected = np.asarray(xm.score(book, prices, ("liquidatable",))["liquidatable"])
        if not expected.any():
            raise ValueError("the path liquidated no pool, so flags were not compared")
        for case in both:
            if not np.array_equal(program.flags(folder, case.name), expected):
                raise ValueError(f"{case.name}, {instruments}: flags at the end are not those of a full scan")
        events = told["checked.watched"]["events"], told["checked.levels"]["events"]
        rivals.check_holders(workload, track, expected, events)


def _peers(
    workload: Workload, folder: Path, tracks: dict[str, Track], runs: int
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    book, _ = ours.build(workload)
    at_main = {instruments: tracks[cases.path_name(instruments, cases.MAIN)] for instruments in cases.PATHS}
    rows: list[dict[str, Any]] = []

    def row(name: str, instruments: str, beside: str, found: dict[str, float]) -> None:
        filled: dict[str, Any] = {"touches_per_frame": workload.n_accounts, "events_per_frame": None} | found
        rows.append({"name": name, "instruments": instruments, "beside": beside} | filled)

    gc.collect()
    for instruments, track in at_main.items():
        row("full scan by score, liquidatable alone", instruments, "watched", rivals.scan(workload, book, track))
        some = track.first(HOLDER_FRAMES.get(instruments, HOLDER_FRAMES_ALIKE))
        for levels, beside in ((False, "watched"), (True, "levels")):
            found = rivals.holders(workload, some, levels=levels, rounds=runs)
            row(f"Numba, all holders, {cases.WATCHED[beside]}", instruments, beside, found)
    del book
    asked = rivals.asked_of_lrvx(workload, folder, at_main, workload.marks * STRESS_MOVE, _say)
    for instruments, found in asked.get("paths", {}).items():
        row("lrvx, liquidation alone", instruments, "watched", found)
    return rows, [{name: value for name, value in asked.items() if name != "paths"}]


def _from_python(workload: Workload, quiet: dict[str, Any]) -> dict[str, float] | None:
    """Microseconds of a frame that touches nobody, from Python and in Rust; None while Python has no monitor."""
    if not hasattr(xm, "Monitor"):
        return None
    book, prices = ours.build(workload)
    monitor = xm.Monitor(book, prices, xm.Alerts(liquidation=True, levels=(), soft_stop=None), n_threads=1)
    track = standstill(workload, PYTHON_FRAMES)
    name, marks = workload.instruments[int(track.at[0])], track.price.tolist()
    update, least = monitor.update, float("inf")
    for _ in range(PYTHON_ROUNDS):
        begin = time.perf_counter()
        for mark in marks:
            update({name: mark})
        least = min(least, time.perf_counter() - begin)
    return {"python": least / len(marks) * 1e6, "rust": quiet["whole_seconds"] / quiet["frames"] * 1e6}


if __name__ == "__main__":
    raise SystemExit(main())
