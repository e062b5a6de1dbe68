"""The figures that are promised of the monitor, and whether a run reached them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from figures import Figure
from watching import growth
from watching.cases import MAIN, PATHS, WATCHED
from watching.paths import UNIFORM

_LATCHED_MEAN = {UNIFORM: 0.1}
_LATCHED_MEAN_RANKED = 0.7
_QUIET, _PER_EVENT = 0.1, 0.25  # microseconds a frame may take, and more for each event
_TOUCHES_PER_EVENT = 2.0
_GROWING = {"uniform.watched": "instruments alike", "ranked.watched": "by rank", "crash": "crash"}


def judge(record: Mapping[str, Any]) -> list[Figure]:
    """All figures of a run."""
    rows = {(row["instruments"], row["watched"]): row for row in record["rows"] if row["basis_points"] == MAIN}
    figures = []
    for instruments, words in PATHS.items():
        for watched in WATCHED:
            if (instruments, watched) in rows:
                figures += _of_row(rows[instruments, watched], words)
    builds = [row["build_seconds"] for row in rows.values() if row["watched"] == "latched"]
    slowest = max((row["build_seconds"] for row in rows.values()), default=None)
    figures += [
        Figure("build, liquidation latched", 0.5, "at most", "s", max(builds, default=None)),
        Figure("build, the slowest alert set", 0.5, "at most", "s", slowest),
        Figure("a quiet frame from Python over one in Rust", 1.0, "at most", "us", _over(record["python"])),
    ]
    return figures + _growth(record["growth"])


def _of_row(row: Mapping[str, Any], words: str) -> list[Figure]:
    spent, events = row["microseconds"], row["events_per_frame"]
    name = f"{WATCHED[row['watched']]}, {words}"
    if row["watched"] == "latched":
        mean = _LATCHED_MEAN.get(row["instruments"], _LATCHED_MEAN_RANKED)
        return [
            Figure(f"{name}: mean", mean, "at most", "us", spent["mean"]),
            Figure(f"{name}: p99.9", 20.0, "at most", "us", spent["p999"]),
            Figure(f"{name}: worst", 2_000.0, "at most", "us", spent["worst"]),
        ]
    each = None if events == 0 else row["touches_per_frame"] / events
    return [
        Figure(f"{name}: mean", _QUIET + _PER_EVENT * events, "at most", "us", spent["mean"]),
        Figure(f"{name}: touches per event", _TOUCHES_PER_EVENT, "at most", "x", each),
    ]


def _over(python: Mapping[str, float] | None) -> float | None:
    return None if python is None else python["python"] - python["rust"]


def _growth(rows: Sequence[Mapping[str, Any]]) -> list[Figure]:
    sizes = [row["n_pools"] for row in rows if "left_out" not in row]
    between = f"{min(sizes):,} to {max(sizes):,} pools" if sizes else "all sizes"
    figures = []
    for case, words in _GROWING.items():
        promised = 2.0 if case == "crash" else None
        name = f"time per event, {words}, most over least, {between}"
        figures.append(Figure(name, promised, "at most", "x", growth.spread(rows, case)))
    return figures
