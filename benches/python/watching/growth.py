"""How the cost of frames grows with the number of pools, in quiet times and in a crash.

Ten times as many pools have ten times as many events along the same path, so that what must not grow is the time per
event: what frames take beyond one that touches nobody, over the events. In the crash all marks fall, in a thousand
frames that each have a price of every instrument, until a third of the pools are liquidatable; all of its time counts.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

import crossmargin as xm
import ours
from crossmargin.testing import Workload, reference_workload
from watching import program
from watching.paths import CRASH_SHARE, RANKED, UNIFORM, crash, standstill, walk
from watching.program import Case

SIZES = (10_000, 100_000, 1_000_000, 10_000_000)
BYTES_PER_POOL = 1_200  # of memory while a workload is drawn and watched, with room
LARGE = 10_000_000
_HALVINGS = 30
_WALKS = (UNIFORM, RANKED)


def measure(
    sizes: Sequence[int], n_frames: int, seed: int, binary: Path, say: Callable[[str], None]
) -> list[dict[str, Any]]:
    """Time quiet frames and a crash at each size; what does not fit into memory is left out, and said."""
    rows = []
    for n_pools in sizes:
        if n_pools * BYTES_PER_POOL > available_bytes():
            rows.append({"n_pools": n_pools, "left_out": f"{available_bytes() / 2**30:.0f} GiB of memory are free"})
            say(f"{n_pools:,} pools are left out: {rows[-1]['left_out']}")
            continue
        say(f"growth: {n_pools:,} pools")
        rows.append(_at(n_pools, n_frames, seed, binary))
    return rows


def _at(n_pools: int, n_frames: int, seed: int, binary: Path) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        last = _lay(folder, n_pools, n_frames, seed)  # the workload is gone before the program starts
        cases = [Case(f"{kind}.{watched}", kind, watched) for kind in _WALKS for watched in ("latched", "watched")]
        runs = 3 if n_pools < LARGE else 1  # a frame of the crash is long there, and little disturbed
        cases += [Case("crash", "crash", "watched", runs), Case("quiet", "quiet", "watched")]
        book, told = program.run(binary, folder, cases)
    clock = book["clock_ns"]
    quiet = program.microseconds(told.pop("quiet"), clock)["mean"]
    row: dict[str, Any] = {"n_pools": n_pools, "crash_factor": last, "clock_ns": clock, "quiet": quiet}
    for case, result in told.items():
        events = result["events"]
        spent = program.microseconds(result, clock)
        more = spent["mean"] if case == "crash" else spent["mean"] - quiet
        row[case] = {
            "frames": result["frames"],
            "events": events,
            "touches": result["touches"],
            **spent,
            "build_seconds": result["build_least"],
            "bytes_per_pool": result["bytes"] / n_pools,
            "per_event": more * result["frames"] / events if events else None,
        }
    return row


def _lay(folder: Path, n_pools: int, n_frames: int, seed: int) -> float:
    """Write book and paths; returns the share of its mark to which every instrument falls in the crash."""
    workload = reference_workload("R1", n_pools=n_pools, seed=seed)
    program.lay_book(folder, workload)
    for kind in _WALKS:
        program.lay_path(folder, kind, walk(workload, n_frames, kind, 1.0, seed))
    program.lay_path(folder, "quiet", standstill(workload, n_frames))
    last = _bottom(workload)
    program.lay_path(folder, "crash", crash(workload, last, seed))
    return last


def _bottom(workload: Workload) -> float:
    """The share of their marks at which a third of the pools are liquidatable."""
    book, prices = ours.build(workload)
    out = xm.score(book, prices, ("liquidatable",), n_threads=1)
    enough, low, high = CRASH_SHARE * book.n_pools, 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2.0
        at = book.market.prices(mark=workload.marks * middle)
        xm.score(book, at, ("liquidatable",), out=out, n_threads=1)
        if np.count_nonzero(np.asarray(out["liquidatable"])) > enough:
            low = middle
        else:
            high = middle
    return low


def available_bytes() -> int:
    """Memory that a program can still have."""
    fields = dict(line.split(":") for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines())
    return int(fields["MemAvailable"].split()[0]) * 1024


def spread(rows: Sequence[Mapping[str, Any]], case: str) -> float | None:
    """The most over the least time per event of a case over the sizes that were measured."""
    found = [row[case]["per_event"] for row in rows if case in row and row[case]["per_event"]]
    return max(found) / min(found) if len(found) > 1 else None


_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 720, 400, 70, 170, 44, 48
_FONT = 'font-family="sans-serif"'
_CURVES = (
    ("uniform.watched", "mean", "frame, instruments alike", "#2471a3"),
    ("ranked.watched", "mean", "frame, by rank", "#117864"),
    ("uniform.watched", "per_event", "event, instruments alike", "#af7ac5"),
    ("ranked.watched", "per_event", "event, by rank", "#b9770e"),
    ("crash", "per_event", "event, crash", "#c0392b"),
)


def picture(rows: Sequence[Mapping[str, Any]]) -> str:
    """Draw microseconds against the number of pools, both by powers of ten, as SVG."""
    points = {
        label: (colour, [(row["n_pools"], row[case][key]) for row in rows if case in row and row[case][key]])
        for case, key, label, colour in _CURVES
    }
    pools = [pool for _, curve in points.values() for pool, _ in curve]
    times = [time for _, curve in points.values() for _, time in curve]
    if not pools:
        return ""
    west, east = math.floor(math.log10(min(pools))), math.ceil(math.log10(max(pools)))
    south, north = math.floor(math.log10(min(times))), math.ceil(math.log10(max(times)))

    def place(pool: float, time: float) -> tuple[float, float]:
        across = (math.log10(pool) - west) / max(1, east - west) * (_WIDTH - _LEFT - _RIGHT)
        up = (math.log10(time) - south) / max(1, north - south) * (_HEIGHT - _TOP - _BOTTOM)
        return _LEFT + across, _HEIGHT - _BOTTOM - up

    drawn = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" {_FONT} role="img">',
        "<title>Time of a frame and of an event by the number of pools</title>",
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#fff"/>',
        _text(_LEFT, 24, "Microseconds by the number of pools", anchor="start", size=15),
    ]
    for power in range(west, east + 1):
        x, y = place(10**power, 10**south)
        drawn.append(f'<path d="M{x:.1f} {_TOP}V{y:.1f}" stroke="#ddd"/>')
        drawn.append(_text(x, y + 20, f"{10**power:,}"))
    for power in range(south, north + 1):
        x, y = place(10**west, 10**power)
        drawn.append(f'<path d="M{x:.1f} {y:.1f}H{_WIDTH - _RIGHT}" stroke="#ddd"/>')
        drawn.append(_text(x - 8, y + 4, f"{10**power:g}", anchor="end"))
    drawn += _lines(points, place)
    return "\n".join([*drawn, "</svg>", ""])


def _lines(
    points: Mapping[str, tuple[str, Sequence[tuple[float, float]]]],
    place: Callable[[float, float], tuple[float, float]],
) -> list[str]:
    drawn, lowest = [], -math.inf
    for label, (colour, curve) in sorted(points.items(), key=lambda item: -item[1][1][-1][1] if item[1][1] else 0.0):
        places = [place(*point) for point in curve]
        if not places:
            continue
        path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
        drawn.append(f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        drawn += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in places]
        x, y = places[-1]
        lowest = max(y + 4, lowest + 15)
        drawn.append(_text(x + 10, lowest, label, anchor="start", colour=colour))
    return drawn


def _text(x: float, y: float, words: str, *, anchor: str = "middle", size: int = 12, colour: str = "#333") -> str:
    style = f'font-size="{size}" fill="{colour}" text-anchor="{anchor}"'
    return f'<text x="{x:.1f}" y="{y:.1f}" {style}>{escape(words)}</text>'
