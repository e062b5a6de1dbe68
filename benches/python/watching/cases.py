"""What the monitor is timed on: alert sets, paths, and how many frames they have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from watching import program
from watching.paths import RANKED, UNIFORM
from watching.program import Case

WATCHED: Mapping[str, str] = {
    "latched": "liquidation, latched",
    "watched": "liquidation, entered and left",
    "levels": "liquidation and levels 2.0, 1.5, 1.2",
    "stops": "liquidation and a soft stop at 15 %",
}
PATHS: Mapping[str, str] = {UNIFORM: "instruments alike", RANKED: "instruments by rank"}
BASIS_POINTS = (0.1, 1.0, 10.0)
MAIN = 1.0
"""The move, in basis points, of the eight rows."""

FEWER = {0.1: 10, 10.0: 20}
"""By how much fewer frames the others have: at ten basis points there are some hundred events in each."""


@dataclass(frozen=True)
class Row:
    """A row of the table: a case, and what is said of it."""

    case: Case
    instruments: str
    basis_points: float

    def told(self, result: Mapping[str, Any], clock_ns: float, n_pools: int) -> dict[str, Any]:
        """For the record."""
        n_frames = result["frames"]
        return {
            "name": self.case.name,
            "watched": self.case.watched,
            "instruments": self.instruments,
            "basis_points": self.basis_points,
            "frames": n_frames,
            "runs": self.case.runs,
            "microseconds": program.microseconds(result, clock_ns),
            "whole_run": result["whole_seconds"] / n_frames * 1e6,
            "touches_per_frame": result["touches"] / n_frames,
            "events_per_frame": result["events"] / n_frames,
            "exact_per_frame": result["exact"] / n_frames,
            "build_seconds": result["build_seconds"],
            "build_least": result["build_least"],
            "bytes_per_pool": result["bytes"] / n_pools,
        }


def path_name(instruments: str, basis_points: float) -> str:
    """Name the files of a path."""
    return f"{instruments}.{basis_points:g}bp"


def rows(runs: int) -> Sequence[Row]:
    """The eight rows at one basis point, and those at the other moves."""
    found: list[Row] = []
    for basis_points in sorted(BASIS_POINTS, key=lambda move: move != MAIN):
        for instruments in PATHS:
            path = path_name(instruments, basis_points)
            made = (Case(f"{path}.{watched}", path, watched, runs) for watched in WATCHED)
            found += [Row(case, instruments, basis_points) for case in made]
    return found
