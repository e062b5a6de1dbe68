"""``crossmargin check``: proposed orders in, which of them the venue would accept out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import crossmargin as xm
from crossmargin.cli.errors import UsageError
from crossmargin.cli.formats import STANDARD
from crossmargin.cli.readers import align_accounts, read_table
from crossmargin.cli.score import (
    INPUTS,
    build_book,
    check_inputs,
    heading,
    read_inputs,
    rejects_of,
    result_formats,
    rules_of,
)
from crossmargin.cli.terminal import Progress, plural
from crossmargin.cli.writers import write_table

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from crossmargin.cli.readers import InputTable
    from crossmargin.cli.score import Inputs

ACCEPTED, REFUSED = 0, 3
"""Exit codes: all orders are accepted, or some are not."""

PRICES_AFTER = ("liquidation_price", "below", "above")
_RESULTS = ("out", "positions_out", "rejects")
_INPUTS = (*INPUTS, "proposed")


def run(args: argparse.Namespace) -> int:
    """Read, judge, write, and summarise on standard error; returns the exit code."""
    after = _after(args.after)
    check_inputs(args, _INPUTS)
    formats = result_formats(args, _RESULTS)
    progress = Progress(quiet=args.quiet)
    inputs = read_inputs(args, progress)
    proposed = _read_proposed(args, inputs, progress)
    with progress.step("group into pools") as step:
        book = build_book(args, inputs)
        step.detail = plural(book.n_pools, "pool")
    head = heading(rules_of(args, inputs), book.n_accounts, book.n_pools, book.n_positions)
    prices = inputs.market.prices(mark=inputs.marks, index=inputs.index, last=inputs.last)
    with progress.step("judge orders") as step:
        decision = xm.check_orders(
            book,
            prices,
            proposed.columns,
            after,
            assume=args.assume,
            fee=args.fee,
            violations=args.violations,
            missing=args.missing,
            n_threads=args.threads,
        )
        step.detail = plural(len(decision), "order")
    tables = {"out": _in_words(decision), "positions_out": None, "rejects": None}
    if book.rejected is not None:
        tables["rejects"] = rejects_of(inputs, book.rejected.faults, book.rejected)
    if args.positions_out is not None:
        tables["positions_out"] = book.apply_orders(decision).tables()["positions"]
    for option, table in tables.items():
        if table is not None and option in formats:
            _write(table, getattr(args, option), formats[option], progress)
    for line in (*head, _summary(decision)):
        progress.say(line)
    return ACCEPTED if decision.n_accepted == len(decision) else REFUSED


def _read_proposed(args: argparse.Namespace, inputs: Inputs, progress: Progress) -> InputTable:
    with progress.step("read proposed orders") as step:
        table = read_table(args.proposed, "proposed", args.input_format)
        step.detail = plural(len(table), "row")
    align_accounts(*inputs.tables.values(), table)
    return table


def _write(table: xm.Table, file: str, format_: str, progress: Progress) -> None:
    with progress.step("write " + ("standard output" if file == STANDARD else Path(file).name)) as step:
        write_table(table, file, format_)
        step.detail = plural(len(table), "row")


def _after(names: str | None) -> Sequence[str]:
    known = (*xm.OUTPUTS, *PRICES_AFTER)
    if names in (None, "all"):
        return () if names is None else known
    asked = [name.strip() for name in names.split(",") if name.strip()]
    unknown = [name for name in asked if name not in known]
    if unknown:
        raise UsageError(f"--after: {unknown[0]!r} is no figure; there are {', '.join(known)}, or all")
    if len(set(asked)) < len(asked) or not asked:
        raise UsageError(f"--after was {names!r}, expected names that occur once, separated by commas")
    return asked


def _in_words(decision: xm.Decision) -> xm.Table:
    """Give the rows with the word of each reason in place of its code."""
    columns: dict[str, Any] = decision.table.to_dict()
    columns["reason"] = decision.reasons
    return xm.Table(columns)


def _summary(decision: xm.Decision) -> str:
    """Say how many are accepted, and why others are not."""
    words, counts = np.unique(decision.reasons[~decision.accepted], return_counts=True)
    refused = [f"{count:,} {word}" for word, count in zip(words.tolist(), counts.tolist(), strict=True)]
    said = "; ".join([f"{plural(len(decision), 'order')}, {decision.n_accepted:,} accepted", *refused])
    return f"orders  {said}; {decision.n_exact:,} decided by exact arithmetic"
