"""crossmargin itself, as contenders: through its public face, as a user calls it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

import crossmargin as xm
from crossmargin import _core as engine
from crossmargin.testing import Workload
from harness.contender import THREE, Contender, Outputs
from harness.machine import widest_isa

THREADS = (1, 2)
THREE_OUTPUTS = ("excess", "margin_ratio", "liquidatable")
# every float64 figure of a pool; with the flag they are what outputs="all" names
FIGURES = (
    "wallet_balance",
    "unrealized_pnl",
    "equity",
    "collateral_value",
    "notional",
    "initial_margin",
    "maintenance_margin",
    "excess",
    "margin_ratio",
    "venue_ratio",
    "free_margin",
    "available",
    "withdrawable",
)
ALL_OUTPUTS = (*FIGURES, "liquidatable")
ALL = "all columns"
_WIDTHS = ("baseline", "avx2", "avx512")


def build(workload: Workload, market: Any = None) -> tuple[Any, Any]:
    """Book and prices of a workload, under its market or one that was loaded before."""
    market = market or xm.Market.from_toml(workload.market_toml)
    tables = {"balances": workload.balances, "positions": workload.positions}
    if workload.orders is not None:
        tables["orders"] = workload.orders
    prices = {"mark": workload.marks}
    if workload.index is not None:
        prices["index"] = workload.index
    return xm.Book(market, **tables), market.prices(**prices)


def isas() -> tuple[str, ...]:
    """List the instruction sets that this processor can be forced to, the narrowest first."""
    return _WIDTHS[: _WIDTHS.index(widest_isa()) + 1]


def contenders(workload: Workload) -> list[Contender]:
    """All rows of crossmargin on R1: outputs, buffers, threads, instruction sets."""
    book, prices = build(workload)
    rows = []
    for threads in THREADS:
        suffix = f"{threads} thr"
        rows.append(_row(f"crossmargin, {suffix}", book, prices, threads))
        rows.append(_row(f"crossmargin, new arrays, {suffix}", book, prices, threads, reuse=False))
        rows += [_row(f"crossmargin, {isa}, {suffix}", book, prices, threads, isa=isa) for isa in isas()]
        rows.append(_row(f"crossmargin, all columns, {suffix}", book, prices, threads, outputs=ALL_OUTPUTS))
        rows.append(_floor(f"memory floor, {suffix}", book, prices, threads, THREE_OUTPUTS))
        rows.append(_floor(f"memory floor, all columns, {suffix}", book, prices, threads, ALL_OUTPUTS))

    def from_tables() -> Any:
        # the market is loaded already, as the peers have their tier tables
        fresh, at = build(workload, book.market)
        return xm.score(fresh, at, THREE_OUTPUTS, n_threads=1)

    rows.append(Contender("crossmargin, from the tables", from_tables, 1, includes="book", read=read))
    return rows


def contenders_of(workload: Workload) -> list[Contender]:
    """Rows on R2 or R3: three outputs and all columns."""
    book, prices = build(workload)
    rows = []
    for threads in THREADS:
        suffix = f"{workload.name}, {threads} thr"
        rows.append(_row(f"crossmargin, {suffix}", book, prices, threads))
        rows.append(_row(f"crossmargin, all columns, {suffix}", book, prices, threads, outputs=ALL_OUTPUTS))
    return [replace(row, workload=workload.name) for row in rows]


def small(workload: Workload) -> Contender:
    """Three outputs on one thread, for books too small to share."""
    book, prices = build(workload)
    return _row("crossmargin", book, prices, 1)


def one_account(workload: Workload) -> Callable[[], Any]:
    """Score a book of one account into new arrays, as a trading system does."""
    book, prices = build(workload)
    return partial(xm.score, book, prices, THREE_OUTPUTS)


def read(scores: Any) -> Outputs:
    """Take the three outputs of a result."""
    return Outputs(*(np.asarray(scores[name]) for name in THREE_OUTPUTS))


def _row(
    name: str,
    book: Any,
    prices: Any,
    threads: int,
    *,
    outputs: Sequence[str] = THREE_OUTPUTS,
    isa: str | None = None,
    reuse: bool = True,
) -> Contender:
    options: dict[str, Any] = {"n_threads": threads}
    if isa is not None:
        options["_isa"] = isa
    if reuse:
        options["out"] = xm.score(book, prices, outputs, n_threads=threads)
    return Contender(
        name,
        partial(xm.score, book, prices, outputs, **options),
        threads,
        buffers="reused" if reuse else "new",
        outputs=THREE if outputs is THREE_OUTPUTS else ALL,
        isa=isa or "run-time",
        read=read,
    )


def _floor(name: str, book: Any, prices: Any, threads: int, outputs: Sequence[str]) -> Contender:
    """A pass of the engine over the bytes that it reads and writes for these outputs, with nothing computed."""
    out = xm.score(book, prices, outputs, n_threads=threads)
    return Contender(
        name,
        partial(engine.stream_floor, book._core, tuple(outputs), out, threads),
        threads,
        buffers="reused",
        includes="same bytes",
        outputs=THREE if outputs is THREE_OUTPUTS else ALL,
        read=None,
    )
