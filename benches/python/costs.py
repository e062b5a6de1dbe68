"""What is paid around scoring: building a book, its memory, importing, the wheel.

Figures that need a process of their own, for memory and imports, start one. Run as a
script, the module is that process: ``python costs.py memory N_POOLS SEED``.
"""

from __future__ import annotations

import gc
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from harness.machine import ROOT, python

N_IMPORT_ROUNDS = 25
_IMPORT = "import time; t = time.perf_counter(); import {name}; print(time.perf_counter() - t)"


def build_seconds(workload: Any, n_rounds: int) -> tuple[float, ...]:
    """Seconds that one thread takes to build a book of a workload, each round."""
    import crossmargin as xm

    market = xm.Market.from_toml(workload.market_toml)
    rounds = []
    for _ in range(n_rounds + 1):
        gc.collect()
        begin = time.perf_counter()
        book = xm.Book(market, balances=workload.balances, positions=workload.positions)
        rounds.append(time.perf_counter() - begin)
        del book
    return tuple(rounds[1:])


def memory_ratio(n_pools: int, seed: int) -> dict[str, float]:
    """Peak resident memory of building a book over the bytes of its tables.

    The tables are read from files in a fresh process, so that nothing of drawing them
    counts; what the interpreter and the modules hold before is taken off.
    """
    from crossmargin.testing import reference_workload

    workload = reference_workload("R1", n_pools=n_pools, seed=seed)
    with tempfile.TemporaryDirectory() as folder:
        for table in ("balances", "positions"):
            for column, values in getattr(workload, table).items():
                np.save(Path(folder, f"{table}.{column}.npy"), values)
        Path(folder, "market.toml").write_text(workload.market_toml, encoding="utf-8")
        done = subprocess.run([python(), __file__, "memory", folder], capture_output=True, text=True, check=True)
    result: dict[str, float] = json.loads(done.stdout)
    return result


def import_seconds() -> dict[str, float]:
    """Median seconds of ``import numpy`` and of ``import crossmargin``, interleaved.

    The second includes the first, since crossmargin imports NumPy.
    """
    seconds: dict[str, list[float]] = {"numpy": [], "crossmargin": []}
    for number in range(N_IMPORT_ROUNDS + 1):
        for name, rounds in seconds.items():
            command = [python(), "-c", _IMPORT.format(name=name)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            if number > 0:  # the first round fills the caches of files
                rounds.append(float(done.stdout))
    return {name: statistics.median(rounds) for name, rounds in seconds.items()}


def wheel_bytes() -> int | None:
    """Bytes of the newest wheel that make built, None where there is none."""
    wheels = sorted(ROOT.glob("target/wheels/*.whl"), key=lambda path: path.stat().st_mtime)
    return wheels[-1].stat().st_size if wheels else None


def _measure_memory(folder: str) -> dict[str, float]:
    import crossmargin as xm

    market = xm.Market.from_toml(Path(folder, "market.toml").read_text(encoding="utf-8"))
    gc.collect()
    before = _resident_bytes()
    tables: dict[str, dict[str, Any]] = {"balances": {}, "positions": {}}
    for path in sorted(Path(folder).glob("*.npy")):
        table, column = path.stem.split(".")
        tables[table][column] = np.load(path)
    tables_bytes = sum(column.nbytes for table in tables.values() for column in table.values())
    book = xm.Book(market, **tables)
    peak = _peak_bytes()
    after = _resident_bytes()
    assert book.n_pools > 0
    return {
        "tables_bytes": tables_bytes,
        "peak_bytes": peak - before,
        "held_bytes": after - before,
        "ratio": (peak - before) / tables_bytes,
    }


def _peak_bytes() -> int:
    """Most bytes resident since this program began, which is while the book was built.

    Not ``ru_maxrss``: that outlives ``exec``, so that the parent's size would be in it.
    """
    status = Path("/proc/self/status").read_text(encoding="ascii")
    kibibytes = next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))
    return int(kibibytes) * 1024


def _resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize()


if __name__ == "__main__":
    sys.stdout.write(json.dumps(_measure_memory(sys.argv[2])))
