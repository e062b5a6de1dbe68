"""What the command shows while it works: steps with their times, on standard error.

With ``rich`` installed and a terminal at the other end a spinner turns during a step; otherwise each step is one plain
line when it is done. Results never come this way.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager, nullcontext
from time import perf_counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from typing import TextIO

_LABEL_WIDTH = 24


class Step:
    """One step of the work: its label, what came of it, and how long it took."""

    def __init__(self, label: str) -> None:
        self.label = label
        self.detail = ""
        self.seconds = 0.0


class Progress:
    """Reports steps as they end.

    Parameters
    ----------
    quiet : bool
        Report nothing.
    stream : text file, optional
        Where to; standard error as it is at the time of the call by default.
    """

    def __init__(self, *, quiet: bool = False, stream: TextIO | None = None) -> None:
        self.quiet = quiet
        self.stream = sys.stderr if stream is None else stream

    @contextmanager
    def step(self, label: str) -> Iterator[Step]:
        """Time a step and report it when it has succeeded.

        Parameters
        ----------
        label : str
            What is being done.

        Yields
        ------
        Step
            Its ``detail`` is set by the caller; ``seconds`` is set at the end.
        """
        step = Step(label)
        start = perf_counter()
        with self._spinner(label):
            yield step
        step.seconds = perf_counter() - start
        self.say(f"{step.label:<{_LABEL_WIDTH}} {step.detail} in {duration(step.seconds)}")

    def say(self, line: str) -> None:
        """Write one line."""
        if not self.quiet:
            print(line, file=self.stream, flush=True)

    def update(self, line: str) -> None:
        """Show how far a step is, on a line that the next one takes the place of; on terminals only."""
        if not self.quiet and self.stream.isatty():
            print(f"\r\x1b[K{line}", end="", file=self.stream, flush=True)

    def _spinner(self, label: str) -> AbstractContextManager[object]:
        if self.quiet or not self.stream.isatty():
            return nullcontext()
        try:
            from rich.console import Console  # noqa: PLC0415 - optional, and only a terminal wants it
        except ImportError:
            return nullcontext()
        return Console(file=self.stream).status(label)


def duration(seconds: float) -> str:
    """Write a duration with three digits and a unit that suits it.

    Examples
    --------
    >>> duration(0.01234), duration(12.345), duration(2.5e-6)
    ('12.3 ms', '12.3 s', '2.50 us')
    """
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= size:
            return f"{digits(seconds / size)} {unit}"
    return f"{digits(seconds / 1e-9)} ns"


def digits(value: float) -> str:
    """Write a number below 1,000 with three digits.

    Examples
    --------
    >>> digits(1.234), digits(12.34), digits(123.4)
    ('1.23', '12.3', '123')
    """
    decimals = 2 if abs(value) < 10 else 1 if abs(value) < 100 else 0
    return f"{value:.{decimals}f}"


def plural(count: int, noun: str) -> str:
    """Write a count with its noun.

    Examples
    --------
    >>> plural(1, "pool"), plural(12_000, "pool")
    ('1 pool', '12,000 pools')
    """
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
