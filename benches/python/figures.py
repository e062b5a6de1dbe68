"""The figures that the project promises, and whether a run reached them.

A target is fixed here, before the run, with its limit and its direction. Ratios are of
medians of one run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from harness.machine import widest_isa

# nanoseconds per position on one thread, by the widest instruction set of the machine
_POSITION_TARGETS = {"avx512": 1.5, "avx2": 2.2}

# below this, noise alone does not explain that a run beat its memory floor
_LEAST_OVER_FLOOR = 0.9


@dataclass(frozen=True)
class Figure:
    """One promised figure.

    Parameters
    ----------
    name : str
        What is measured.
    target : float or None
        The limit; None where the figure is told and nothing is promised.
    direction : {"at most", "at least"}
        On which side of the limit it is reached.
    unit : str
        Of target and reached value.
    reached : float or None
        The value of this run; None where it could not be measured.
    """

    name: str
    target: float | None
    direction: str
    unit: str
    reached: float | None

    @property
    def passed(self) -> bool | None:
        """Whether the target is met; None where nothing was measured or promised."""
        if self.reached is None or self.target is None:
            return None
        if self.direction == "at most":
            return self.reached <= self.target
        return self.reached >= self.target

    def record(self) -> dict[str, Any]:
        """For the record file."""
        return asdict(self) | {"passed": self.passed}


def judge(
    seconds: Mapping[str, float], costs: Mapping[str, float | None], n_positions: Mapping[str, int]
) -> list[Figure]:
    """All figures of a run.

    Parameters
    ----------
    seconds : mapping of str to float
        Median seconds per call by name of the contender.
    costs : mapping of str to float
        The figures that are no contenders, by name.
    n_positions : mapping of str to int
        Positions of each workload.
    """
    return [
        *_speed(seconds, n_positions["R1"]),
        *_others(seconds, n_positions),
        *_prices(seconds, n_positions, costs),
        *_costs(costs),
    ]


def _others(seconds: Mapping[str, float], n_positions: Mapping[str, int]) -> list[Figure]:
    """Give the figures of R2 and R3: time per position against that of R1, and Numba's time against ours."""
    figures = []
    for name in ("R2", "R3"):
        ours, theirs = seconds.get(f"crossmargin, {name}, 1 thr"), seconds.get(f"Numba folded, {name}, 1 thr")
        plain = seconds.get("crossmargin, 1 thr")
        over = _each(ours, n_positions.get(name), plain, n_positions["R1"])
        ahead = None if ours is None or theirs is None else theirs / ours
        figures += [
            Figure(f"{name} over R1, per position, 1 thread", 3.0, "at most", "x", over),
            Figure(f"Numba over ours on {name}, 1 thread", 3.0, "at least", "x", ahead),
        ]
    return figures


def _each(other: float | None, n_other: int | None, plain: float | None, n_plain: int) -> float | None:
    """Time per position of one workload over that of another."""
    return None if other is None or n_other is None or plain is None else (other / n_other) / (plain / n_plain)


def _prices(
    seconds: Mapping[str, float], n_positions: Mapping[str, int], costs: Mapping[str, float | None]
) -> list[Figure]:
    """Give the figures of liquidation prices."""
    figures = []
    for threads, target in ((1, 30.0), (2, None)):
        ours = seconds.get(f"crossmargin, prices, {threads} thr")
        each = None if ours is None else ours / n_positions["R1"] * 1e9
        name = f"liquidation prices, {threads} thr"
        figures.append(Figure(name, target, "at most", "ns per position", each))
    plain = seconds.get("crossmargin, prices, 1 thr")
    other = seconds.get("crossmargin, prices, R2, 1 thr")
    over = _each(other, n_positions.get("R2"), plain, n_positions["R1"])
    figures.append(Figure("liquidation prices, R2 over R1, per position, 1 thread", 4.0, "at most", "x", over))
    for threads in (1, 2):
        ours, theirs = (seconds.get(f"{who}, prices, {threads} thr") for who in ("crossmargin", "Numba"))
        ahead = None if ours is None or theirs is None else theirs / ours
        figures.append(Figure(f"Numba over ours, liquidation prices, {threads} thr", None, "at least", "x", ahead))
    return [
        *figures,
        Figure("new mark and liquidation price through Account", 10.0, "at most", "us", costs.get("one_price")),
        Figure("the same by exact arithmetic", None, "at most", "us", costs.get("one_exact_price")),
    ]


def _speed(seconds: Mapping[str, float], n_positions: int) -> list[Figure]:
    def ratio(slow: tuple[str, ...], fast: str) -> float | None:
        known = [seconds[name] for name in slow if name in seconds]
        return min(known) / seconds[fast] if known and fast in seconds else None

    def over(slow: str, floor: str) -> float | None:
        times = ratio((slow,), floor)
        # Nothing is faster than its floor: the floor was disturbed, and the comparison says nothing.
        return None if times is None or times < _LEAST_OVER_FLOOR else times

    def numba(threads: int) -> float | None:
        names = (f"Numba plain, {threads} thr", f"Numba folded, {threads} thr")
        return ratio(names, f"crossmargin, {threads} thr")

    rows = []
    for isa, target in _POSITION_TARGETS.items():
        median = seconds.get(f"crossmargin, {isa}, 1 thr")
        if isa == "avx2" or widest_isa() == isa:
            reached = None if median is None else median / n_positions * 1e9
            rows.append(Figure(f"three outputs, 1 thread, {isa}", target, "at most", "ns per position", reached))
    ours = "crossmargin, 2 thr"
    frames = tuple(name for name in seconds if name.startswith(("Polars, 2", "DuckDB, 2")))
    built = tuple(name for name in seconds if name.startswith(("Polars, from", "DuckDB, from")))
    rows += [
        Figure("better Numba over ours, 1 thread", 3.0, "at least", "x", numba(1)),
        Figure("better Numba over ours, 2 threads", 1.7, "at least", "x", numba(2)),
        Figure("ours over its memory floor, 2 threads", 1.2, "at most", "x", over(ours, "memory floor, 2 thr")),
        Figure(
            "ours over the memory floor by Numba, 2 threads",
            1.2,
            "at most",
            "x",
            over(ours, "memory floor by Numba, 2 thr"),
        ),
        Figure("better of Polars and DuckDB over ours, 2 threads", 10.0, "at least", "x", ratio(frames, ours)),
        Figure("the same with their frames built, 2 threads", 10.0, "at least", "x", ratio(built, ours)),
    ]
    for threads in (1, 2):
        everything = f"crossmargin, all columns, {threads} thr"
        for by in ("", " by Numba"):
            floor = f"memory floor{by}, all columns, {threads} thr"
            name = f"all columns over their memory floor{by}, {threads} thr"
            rows.append(Figure(name, 1.3, "at most", "x", over(everything, floor)))
    return rows


def _costs(costs: Mapping[str, float | None]) -> list[Figure]:
    return [
        Figure(
            "book from sorted arrays, integer keys, 1 thread",
            15.0,
            "at least",
            "M positions/s",
            costs.get("build"),
        ),
        Figure("peak memory of that over its tables", 3.0, "at most", "x", costs.get("memory")),
        Figure("score of one account, three outputs", 3.0, "at most", "us", costs.get("one_account")),
        Figure("import crossmargin over import numpy", 40.0, "at most", "ms", costs.get("import")),
        Figure("wheel", 3.0, "at most", "MB", costs.get("wheel")),
    ]
