"""The program that times frames, `rust/engine/examples/frames`, and the folder that it reads."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crossmargin.testing import Workload
from harness.contender import Floats
from harness.machine import ROOT
from watching.paths import Track

_EXAMPLE = "frames"
_KINDS = {"account": "<i8", "asset": "<i8", "instrument": "<i8"}


@dataclass(frozen=True)
class Case:
    """A path with what is watched along it.

    Parameters
    ----------
    name : str
        Unique in a run.
    path : str
        The name that the path was laid under.
    watched : {"latched", "watched", "levels", "stops"}
        Liquidation latched; entered and left; that and the levels 2.0, 1.5 and 1.2;
        that and a soft stop at 15 %.
    runs : int
        Identical runs: times are the least of each frame.
    """

    name: str
    path: str
    watched: str
    runs: int = 3


def build() -> Path:
    """Compile the program, as the wheel's engine is compiled; returns where it lies."""
    command = ["cargo", "build", "--quiet", "--release", "--locked", "-p", "crossmargin", "--example", _EXAMPLE]
    subprocess.run(command, cwd=ROOT, check=True)
    return ROOT / "target" / "release" / "examples" / _EXAMPLE


def lay_book(folder: Path, workload: Workload) -> None:
    """Write market, tables and marks."""
    (folder / "market.toml").write_text(workload.market_toml, encoding="utf-8")
    for table in ("balances", "positions"):
        for column, values in getattr(workload, table).items():
            _lay(folder / f"{table}.{column}", values, _KINDS.get(column, "<f8"))
    _lay(folder / "mark", workload.marks, "<f8")


def lay_path(folder: Path, name: str, track: Track) -> None:
    """Write a path of prices."""
    _lay(folder / f"{name}.at", track.at, "<u4")
    _lay(folder / f"{name}.price", track.price, "<f8")
    if track.ends is not None:
        _lay(folder / f"{name}.ends", track.ends, "<u4")


def lay_marks(folder: Path, name: str, marks: Floats) -> None:
    """Write marks beside those of the book."""
    _lay(folder / f"{name}.mark", marks, "<f8")


def _lay(path: Path, column: NDArray[Any], kind: str) -> None:
    column.astype(kind, copy=False).tofile(path)


def run(program: Path, folder: Path, cases: Sequence[Case]) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """Run cases on the book in a folder.

    Returns
    -------
    book : dict
        ``n_pools``, ``read_seconds``, and what reading the clock takes, ``clock_ns``.
    cases : dict of dict
        What the program told, by name.
    """
    lines = [f"{case.name} {case.path} {case.watched} {case.runs}" for case in cases]
    (folder / "cases.txt").write_text("\n".join(lines) + "\n", encoding="ascii")
    done = subprocess.run([program, folder], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr.strip())
    book, *told = (json.loads(line) for line in done.stdout.splitlines())
    return book, {case["case"]: case for case in told}


def flags(folder: Path, case: str) -> NDArray[np.bool_]:
    """Which pools were liquidatable at the end of a case, in the order of accounts."""
    return np.fromfile(folder / f"{case}.flags", np.uint8).astype(np.bool_)


def microseconds(told: Mapping[str, Any], clock_ns: float) -> dict[str, float]:
    """Mean and quantiles of a case, less what reading the clock takes."""
    names = {"mean": "mean_ns", "p50": "p50_ns", "p99": "p99_ns", "p999": "p999_ns", "worst": "worst_ns"}
    return {name: max(0.0, told[key] - clock_ns) / 1e3 for name, key in names.items()}
