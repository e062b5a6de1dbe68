"""What ``crossmargin demo`` prints: a scored book for a reader, in lines of at most 100 characters.

Everything is computed from the scores; nothing here draws, scores or writes files.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from crossmargin.cli.presets import NOTICE
from crossmargin.cli.terminal import digits, duration

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from crossmargin import Scores

_QUANTILES = ((0.01, "1 %"), (0.05, "5 %"), (0.25, "25 %"), (0.5, "50 %"), (0.75, "75 %"), (0.95, "95 %"), (0.99, "99 %"))
_EDGES = (1.0, 1.1, 1.25, 1.5, 2.0, 3.0, 5.0, 10.0, 20.0, 50.0, 100.0)
_BAR = 50
_NEAREST = 10
_LEGS_SHOWN = 4
_TOTALS = ("equity", "unrealized_pnl", "notional", "initial_margin", "maintenance_margin")


@dataclass(frozen=True)
class Run:
    """A scored book and how it came about.

    Attributes
    ----------
    scores : Scores
        With all outputs.
    seed : int
        Seed of the draw.
    build_seconds, score_seconds : float
        What it took to build the book, and to score the default outputs into buffers.
    threads : int or None
        Threads asked for; None where the engine chose.
    isa : str
        The instruction set that the engine runs on here.
    file : str
        Where the scores are.
    """

    scores: Scores
    seed: int
    build_seconds: float
    score_seconds: float
    threads: int | None
    isa: str
    file: str


def report(run: Run) -> Iterator[str]:
    """Describe a scored book.

    Parameters
    ----------
    run : Run
        What was scored.

    Yields
    ------
    str
        Lines of at most 100 characters.
    """
    yield ""
    yield from _head(run)
    yield ""
    yield from _ratios(run.scores)
    yield ""
    yield from _totals(run.scores)
    yield ""
    yield from _nearest(run.scores)
    yield ""
    yield f"All {len(run.scores.outputs)} outputs of all pools are in {run.file}"


def _head(run: Run) -> Iterator[str]:
    scores = run.scores
    book = scores.book
    each = run.score_seconds / max(book.n_positions, 1) * 1e9
    threads = "threads chosen by the engine" if run.threads is None else f"{run.threads} thread{'s' * (run.threads > 1)}"
    liquidatable = int(scores.liquidatable.sum())
    lines = {
        "rules": f"{scores.market_id}: {book.market.title}",
        "": NOTICE,
        "book": f"retail accounts drawn from seed {run.seed}, at round prices of early October 2024",
        "accounts": f"{book.n_accounts:>12,}",
        "positions": f"{book.n_positions:>12,}",
        "pools": f"{book.n_pools:>12,}   cross per asset, isolated per position",
        "liquidatable": f"{liquidatable:>12,}   {liquidatable / max(len(scores), 1):.3%} of the pools",
        "exact path": f"{scores.n_exact:>12,}   too close to call in floating point, decided in exact arithmetic",
        "book built": f"{duration(run.build_seconds):>12}   checked, sorted and grouped into pools",
        "scored": f"{duration(run.score_seconds):>12}   {digits(each)} ns per position; {threads}; {run.isa};",
    }
    for label, text in lines.items():
        yield f"{label:<14}{text}"
    yield f"{'':<29}excess, margin ratio and verdict of every pool, best of repeated runs"


def _ratios(scores: Scores) -> Iterator[str]:
    """Quantiles and a histogram of the margin ratios of pools that require something."""
    ratios = scores.margin_ratio
    due = np.isfinite(ratios)
    yield "Margin ratio of the pools (collateral over maintenance margin; liquidation at 1)"
    if not due.any():
        yield "  nothing requires margin"
        return
    values = np.quantile(ratios[due], [share for share, _ in _QUANTILES], method="inverted_cdf")
    yield "  quantile" + "".join(f"{name:>12}" for _, name in _QUANTILES)
    yield "  ratio   " + "".join(f"{value:>12,.3f}" for value in values)
    yield ""
    yield from _histogram(ratios, scores.liquidatable)


def _histogram(ratios: NDArray[np.float64], liquidatable: NDArray[np.bool_]) -> Iterator[str]:
    # by verdict and not by the rounded ratio: the verdict is exact
    living = ratios[~liquidatable & np.isfinite(ratios)]
    bins = [("liquidatable", int(liquidatable.sum()))]
    for low, high in pairwise((*_EDGES, np.inf)):
        # a ratio that rounds to 1 belongs to a pool above it
        above = living >= low if low > _EDGES[0] else np.ones(len(living), dtype=np.bool_)
        label = f"{low:g} to {high:g}" if high < np.inf else f"{low:g} and more"
        bins.append((label, int((above & (living < high)).sum())))
    bins.append(("nothing due", int(np.isinf(ratios).sum())))
    longest = max(count for _, count in bins)
    block = _block()
    for label, count in bins:
        length = round(_BAR * count / longest)
        bar = block * length or ("." if count else "")
        yield f"  {label:>14} {count:>11,} {count / len(ratios):>7.2%}  {bar}".rstrip()


def _block() -> str:
    """Give a block to draw bars of, where the terminal can show one."""
    try:
        "█".encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return "#"
    return "█"


def _totals(scores: Scores) -> Iterator[str]:
    """Totals per asset: amounts of different assets are not added."""
    yield f"Totals{'':<8}" + "".join(f"{name.replace('_', ' '):>20}" for name in _TOTALS[:4]) + "  maintenance"
    assets = scores.pools["asset"]
    for asset in scores.book.market.assets["asset"].tolist():
        held = assets == asset
        if held.any():
            sums = [_total(scores[name][held]) for name in _TOTALS]
            cells = "".join(f"{amount(value):>15}" for value in sums)
            yield f"  {asset:<12}{cells}"


def _total(values: NDArray[np.float64]) -> float:
    from crossmargin import _core  # noqa: PLC0415

    return _core.total(np.ascontiguousarray(values))


def amount(value: float) -> str:
    """Write an amount with its magnitude in words that are short.

    Examples
    --------
    >>> amount(1_234_567.0), amount(-12.5), amount(9.87e9)
    ('1.23 M', '-12.50', '9.87 bn')
    """
    for size, unit in ((1e12, "tn"), (1e9, "bn"), (1e6, "M")):
        if abs(value) >= size:
            return f"{digits(value / size)} {unit}"
    return f"{value:,.2f}"


def _nearest(scores: Scores) -> Iterator[str]:
    del scores
    yield "..."


def _unused(x: Any) -> Any:
    return x
