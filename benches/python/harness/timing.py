"""Interleaved timing: every contender once per round, so that drift meets them all.

A round times each contender in turn, beginning with another one each time. A stretch
that takes under a millisecond is repeated until it lasts, and its time divided; of a
longer one the median of a few calls is taken. One call before each stretch is not
timed: it wakes threads and touches the pages. The result of a contender is the median
over rounds.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from harness.contender import Contender

SHORT_CALL_SECONDS = 1e-3
STRETCH_SECONDS = 0.05
MOST_CALLS = 5


@dataclass(frozen=True)
class Timing:
    """Seconds per call, one number a round."""

    rounds: tuple[float, ...]

    @property
    def median(self) -> float:
        """The result that is reported."""
        return statistics.median(self.rounds)

    @property
    def least(self) -> float:
        """The best round: what the machine can do when left alone."""
        return min(self.rounds)

    @property
    def most(self) -> float:
        """The worst round: how disturbed the machine was."""
        return max(self.rounds)


def interleave(
    contenders: Sequence[Contender],
    n_rounds: int,
    say: Callable[[str], None] = lambda _: None,
) -> dict[str, Timing]:
    """Time contenders in interleaved rounds.

    Parameters
    ----------
    contenders : sequence of Contender
        With unique names, already found to agree.
    n_rounds : int
        How many numbers each median is taken of.
    say : callable
        Told which round begins.

    Returns
    -------
    dict of str to Timing
        By name, in the order given.
    """
    seconds: dict[str, list[float]] = {contender.name: [] for contender in contenders}
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        for number in range(n_rounds):
            say(f"round {number + 1} of {n_rounds}")
            first = number % len(contenders)
            for contender in [*contenders[first:], *contenders[:first]]:
                contender.before()
                seconds[contender.name].append(time_stretch(contender.run))
            gc.collect()
    finally:
        if was_enabled:
            gc.enable()
    return {name: Timing(tuple(rounds)) for name, rounds in seconds.items()}


def time_stretch(run: Callable[[], object]) -> float:
    """Seconds per call of one stretch."""
    once = _seconds(run, 1)
    if once < SHORT_CALL_SECONDS:
        once = _seconds(run, 1)
        return _seconds(run, max(1, round(STRETCH_SECONDS / max(once, 1e-7))))
    n_calls = min(MOST_CALLS, max(1, round(STRETCH_SECONDS / once)))
    return statistics.median(_seconds(run, 1) for _ in range(n_calls))


def _seconds(run: Callable[[], object], n_calls: int) -> float:
    calls = range(n_calls)
    begin = time.perf_counter()
    for _ in calls:
        run()
    return (time.perf_counter() - begin) / n_calls
