"""``crossmargin demo``: the main job, end to end, on a million made-up accounts.

Draws a retail book, builds and scores it under a venue's rules and real tiers, shows what came out, and writes the
scores as Arrow IPC.
"""

from __future__ import annotations

import os
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

import crossmargin as xm
from crossmargin import _core
from crossmargin.cli.formats import pyarrow_for
from crossmargin.cli.report import NEAREST, Run, nearest_pools, report
from crossmargin.cli.synth import RETAIL_PRESET
from crossmargin.cli.terminal import Progress, plural
from crossmargin.cli.writers import write_table
from crossmargin.testing import retail_book

if TYPE_CHECKING:
    import argparse

    from crossmargin.testing import Workload

_REPEATS = 5


def run(args: argparse.Namespace) -> None:
    """Draw, build, score, print and write."""
    pyarrow_for("the demo")
    progress = Progress(quiet=args.quiet)
    market = xm.load_market(RETAIL_PRESET)
    with progress.step("draw accounts") as step:
        workload = retail_book(market.to_toml(), args.accounts, seed=args.seed)
        step.detail = f"{plural(args.accounts, 'account')}, {plural(workload.n_positions, 'position')}"
    with progress.step("group into pools") as built:
        book = xm.Book(market, balances=workload.balances, positions=workload.positions)
        built.detail = plural(book.n_pools, "pool")
    prices = market.prices(mark=workload.marks)
    with progress.step("score") as step:
        scores = xm.score(book, prices, n_threads=args.threads)
        seconds = _score_again(scores, args.threads)
        step.detail = f"{plural(len(scores), 'pool')}, {1 + _REPEATS} times,"
    with progress.step("score all outputs") as step:
        scores = xm.score(book, prices, "all", n_threads=args.threads)
        step.detail = plural(len(scores), "pool")
    file = Path(args.out) / "scores.arrow"
    with progress.step("write") as step:
        write_table(scores.table, str(file), "arrow")
        step.detail = plural(len(scores), "row")
    outcome = Run(
        scores=scores,
        nearest=_nearest(scores, workload),
        seed=args.seed,
        build_seconds=built.seconds,
        score_seconds=seconds,
        threads=_core.thread_count(args.threads) or _n_cores(),
        isa=_core.ISAS[-1],
        file=str(file),
    )
    for line in report(outcome):
        print(line)


def _n_cores() -> int:
    """Count the cores that this process may use, as the engine does where it is told no number of threads."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _nearest(scores: xm.Scores, workload: Workload) -> xm.Scores:
    """Score the accounts nearest to liquidation as a book of their own: it has the same numbers, and is small."""
    accounts = scores.pools["account"][nearest_pools(scores, NEAREST)]

    def rows(table: dict[str, Any]) -> dict[str, Any]:
        kept = np.isin(table["account"], accounts)
        return {name: values[kept] for name, values in table.items()}

    book = xm.Book(scores.book.market, balances=rows(workload.balances), positions=rows(workload.positions))
    return xm.score(book, scores.prices, "all")


def _score_again(scores: xm.Scores, threads: int | None) -> float:
    """Score into buffers that are there already, as a service would, and take the best time."""
    best = float("inf")
    for _ in range(_REPEATS):
        start = perf_counter()
        xm.score(scores.book, scores.prices, out=scores, n_threads=threads)
        best = min(best, perf_counter() - start)
    return best
