"""The program that times single checks in Rust, `rust/engine/examples/gate`, and the folder that it reads."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crossmargin.testing import Workload
from harness.machine import ROOT
from watching import program as frames

_EXAMPLE = "gate"
_KINDS = {"account": "<i8", "instrument": "<i8"}


def build() -> Path:
    """Compile the program, as the wheel's engine is compiled; returns where it lies."""
    command = ["cargo", "build", "--quiet", "--release", "--locked", "-p", "crossmargin", "--example", _EXAMPLE]
    subprocess.run(command, cwd=ROOT, check=True)
    return ROOT / "target" / "release" / "examples" / _EXAMPLE


def lay(folder: Path, workload: Workload, orders: dict[str, NDArray[Any]]) -> None:
    """Write market, tables, marks and proposed orders."""
    frames.lay_book(folder, workload)
    for column, values in orders.items():
        values.astype(_KINDS.get(column, "<f8"), copy=False).tofile(folder / f"orders.{column}")


def run(program: Path, folder: Path) -> dict[str, Any]:
    """Time it; returns what the program told."""
    done = subprocess.run([program, folder], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr.strip())
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def reasons(folder: Path) -> NDArray[np.uint8]:
    """Read the reason of each order, a check at a time."""
    return np.fromfile(folder / "gate.reason", np.uint8)
