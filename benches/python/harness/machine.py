"""What a figure depends on besides the program: processor, versions, commit."""

from __future__ import annotations

import datetime as dt
import importlib.metadata
import os
import platform
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
PACKAGES = ("crossmargin", "numpy", "numba", "polars", "duckdb", "pyarrow", "psutil")

# what of the processor's flags decides the width of the kernels, the widest last
_WIDTHS = (
    ("avx2", {"avx2"}),
    ("avx512", {"avx512f", "avx512dq", "avx512bw", "avx512vl"}),
)


def describe_machine() -> dict[str, str | int]:
    """Processor, its widest instruction set, cores, caches, memory, system."""
    return {
        "cpu": _cpu_field("model name") or platform.processor() or "unknown",
        "cpu_family_model": f"{_cpu_field('cpu family')}/{_cpu_field('model')}",
        "isa": widest_isa(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 0,
        "l2_cache": _cache(2),
        "l3_cache": _cache(3),
        "memory_gib": _memory_gib(),
        "system": f"{platform.system()} {platform.machine()}",
    }


def describe_versions() -> dict[str, str]:
    """Versions of Python, of the packages that were timed, and of the compiler."""
    versions = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            versions[package] = "absent"
    versions["rustc"] = _output("rustc", "--version").removeprefix("rustc ")
    return versions


def describe_commit() -> dict[str, str | bool]:
    """Tell the commit, and whether tracked files of the program differ from it."""
    changed = _output("git", "status", "--porcelain", "--untracked-files=no", "--", "rust", "python", "benches/python")
    return {"commit": _output("git", "rev-parse", "HEAD"), "changed": bool(changed)}


def host_kind() -> str:
    """Name the kind of machine without naming the machine, for the record's file name."""
    machine = describe_machine()
    return f"{platform.machine()}-{machine['isa']}-{machine['cores']}cpu".lower()


def widest_isa() -> str:
    """Find the widest instruction set that the kernels know and the processor has."""
    flags = set((_cpu_field("flags") or "").split())
    widest = "baseline"
    for name, needed in _WIDTHS:
        if needed <= flags:
            widest = name
    return widest


def today() -> str:
    """Today's date in UTC, as the record writes it."""
    return dt.datetime.now(dt.UTC).date().isoformat()


def load() -> float:
    """Tell how many processes wanted to run in the last minute: near 0 when alone."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else float("nan")


def python() -> str:
    """Name the interpreter that runs this, for subprocesses."""
    return sys.executable


def _cpu_field(name: str) -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
    found = re.search(rf"^{re.escape(name)}\s*:\s*(.*)$", text, flags=re.MULTILINE)
    return found.group(1).strip() if found else ""


def _cache(level: int) -> str:
    for index in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        try:
            if int((index / "level").read_text(encoding="ascii")) == level:
                return (index / "size").read_text(encoding="ascii").strip()
        except (OSError, ValueError):
            continue
    return "unknown"


def _memory_gib() -> int:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30)
    except (ValueError, OSError):
        return 0


def _output(*command: str) -> str:
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return done.stdout.strip()
