"""What ``crossmargin demo`` prints: a scored book for a reader, in lines of at most 100 characters.

Everything is computed from the scores; nothing here draws, scores or writes files.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from itertools import pairwise
from math import fsum
from typing import TYPE_CHECKING, Any

import numpy as np

from crossmargin.cli.presets import NOTICE
from crossmargin.cli.terminal import digits, duration, plural

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from crossmargin import Scores

_QUANTILES = (
    (0.01, "1 %"),
    (0.05, "5 %"),
    (0.25, "25 %"),
    (0.5, "50 %"),
    (0.75, "75 %"),
    (0.95, "95 %"),
    (0.99, "99 %"),
)
_EDGES = (1.0, 1.1, 1.25, 1.5, 2.0, 3.0, 5.0, 10.0, 20.0, 50.0, 100.0)
_BAR = 50
NEAREST = 10
_LEGS_SHOWN = 4
_TOTAL_WIDTH = 20
_TOTALS = ("equity", "unrealized_pnl", "notional", "maintenance_margin")


@dataclass(frozen=True)
class Run:
    """A scored book and how it came about.

    Attributes
    ----------
    scores : Scores
        With all outputs.
    nearest : Scores
        A book of the accounts nearest to liquidation alone, scored alike.
    seed : int
        Seed of the draw.
    build_seconds, score_seconds : float
        What it took to build the book, and to score the default outputs into buffers.
    threads : int
        Threads that scoring may use.
    isa : str
        The instruction set that the engine runs on here.
    file : str
        Where the scores are.
    """

    scores: Scores
    nearest: Scores
    seed: int
    build_seconds: float
    score_seconds: float
    threads: int
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
    book = run.scores.book
    yield ""
    yield f"{plural(book.n_accounts, 'account')} scored in {duration(run.score_seconds)}"
    yield ""
    yield from _head(run)
    yield ""
    yield from _ratios(run.scores)
    yield ""
    yield from _totals(run.scores)
    yield ""
    yield from _nearest(run.nearest)
    yield ""
    yield f"All {len(run.scores.outputs)} outputs of all pools are in {run.file}"


def _head(run: Run) -> Iterator[str]:
    scores = run.scores
    book = scores.book
    each = run.score_seconds / max(book.n_positions, 1) * 1e9
    with_ = f"{digits(each)} ns per position; up to {plural(run.threads, 'thread')}, {run.isa}"
    liquidatable = int(scores.liquidatable.sum())
    rows = {
        "rules": f"{scores.market_id}: {book.market.title}",
        "": NOTICE,
        "book": f"retail accounts drawn from seed {run.seed}, at round prices of early October 2024",
        "accounts": f"{book.n_accounts:>12,}",
        "positions": f"{book.n_positions:>12,}",
        "pools": f"{book.n_pools:>12,}   cross per asset, isolated per position",
        "liquidatable": f"{liquidatable:>12,}   {liquidatable / max(len(scores), 1):.3%} of the pools",
        "exact path": f"{scores.n_exact:>12,}   too close to call in floating point, decided in exact arithmetic",
        "book built": f"{duration(run.build_seconds):>12}   checked, sorted and grouped into pools",
        "scored": f"{duration(run.score_seconds):>12}   {with_}",
    }
    for label, text in rows.items():
        yield f"{label:<14}{text}"
    yield f"{'':<29}excess, margin ratio and verdict of every pool; best of repeated runs"


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
    yield f"{'Totals':<14}" + "".join(f"{name.replace('_', ' '):>{_TOTAL_WIDTH}}" for name in _TOTALS)
    assets = scores.pools["asset"]
    for asset in scores.book.market.assets["asset"].tolist():
        held = assets == asset
        if held.any():
            # fsum rounds once, so the order of the pools does not matter
            sums = [fsum(scores[name][held].tolist()) for name in _TOTALS]
            yield f"  {asset:<12}" + "".join(f"{amount(value):>{_TOTAL_WIDTH}}" for value in sums)


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
    """Show the pools nearest to liquidation, one per account, with the positions that they back."""
    yield "Nearest to liquidation: the accounts with the lowest margin ratio above it"
    yield f"  {'account':<14}{'pool':<26}{'margin ratio':>14}{'excess':>14}{'notional':>18}"
    pools, positions = scores.pools.rows(), scores.positions.rows()
    settle = scores.book.market.instruments
    assets = dict(zip(settle["instrument"].tolist(), settle["settle"].tolist(), strict=True))
    marks = dict(zip(settle["instrument"].tolist(), scores.prices.mark.tolist(), strict=True))
    for at in nearest_pools(scores, NEAREST):
        pool = pools[at]
        yield (
            f"  {pool['account']:<14}{pool_name(pool):<26}{scores.margin_ratio[at]:>14.6f}"
            f"{scores.excess[at]:>14,.4g}{scores.notional[at]:>13,.2f} {pool['asset']}"
        )
        legs = [leg for leg in positions if _backs(pool, leg, assets)]
        for leg in legs[:_LEGS_SHOWN]:
            side = leg["position_side"] if leg["position_side"] != "net" else "long" if leg["quantity"] > 0 else "short"
            yield (
                f"{'':<8}{leg['instrument']:<15}{side:<6}{leg['quantity']:>14,.10g}"
                f"   entry {leg['entry_price']:>12,.8g}   mark {marks[leg['instrument']]:>12,.8g}"
            )
        if len(legs) > _LEGS_SHOWN:
            yield f"{'':<8}and {len(legs) - _LEGS_SHOWN} more"


def nearest_pools(scores: Scores, count: int) -> list[int]:
    """Find the pools nearest to liquidation: the lowest margin ratios that are not liquidatable.

    Parameters
    ----------
    scores : Scores
        With ``margin_ratio`` and ``liquidatable``.
    count : int
        How many, at most.

    Returns
    -------
    list of int
        Places of the pools, nearest first, one per account.
    """
    ratios = np.where(scores.liquidatable, np.inf, scores.margin_ratio)
    accounts = scores.pools["account"]
    nearest: dict[Any, int] = {}
    for at in np.argsort(ratios, kind="stable").tolist():
        if len(nearest) == count or not np.isfinite(ratios[at]):
            break
        nearest.setdefault(accounts[at], at)
    return list(nearest.values())


def pool_name(pool: dict[str, Any]) -> str:
    """Name a pool beside its account."""
    if pool["kind"] == "cross":
        return f"cross {pool['asset']}"
    side = "" if pool["side"] == "net" else f" {pool['side']}"
    return f"isolated {pool['instrument']}{side}"


def _backs(pool: dict[str, Any], leg: dict[str, Any], assets: dict[str, str]) -> bool:
    """Say whether a pool backs a position."""
    if (leg["account"], leg["margin_mode"]) != (pool["account"], pool["kind"]):
        return False
    if pool["kind"] == "cross":
        return bool(assets[leg["instrument"]] == pool["asset"])
    same = leg["instrument"] == pool["instrument"] and leg["position_side"] == pool["side"]
    return bool(same)
