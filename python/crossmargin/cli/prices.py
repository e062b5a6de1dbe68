"""``crossmargin prices``: tables in, the prices at which pools fail out, and a picture of them.

As of ``score``, everything is read, found and laid out before the first file is written.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

import crossmargin as xm
from crossmargin.cli.errors import UsageError
from crossmargin.cli.formats import STANDARD
from crossmargin.cli.score import (
    build_book,
    check_inputs,
    heading,
    read_inputs,
    rejects_of,
    result_formats,
    rules_of,
)
from crossmargin.cli.terminal import Progress, plural
from crossmargin.cli.writers import write_table, write_text
from crossmargin.price.positions import OUTPUTS, displayed_prices

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from crossmargin.cli.score import Inputs

_RESULTS = ("out", "rejects")
_PICTURES = (".svg", ".html")


def run(args: argparse.Namespace) -> None:
    """Read, find prices, write, draw, and summarise on standard error."""
    outputs = _outputs(args)
    check_inputs(args)
    formats = result_formats(args, _RESULTS)
    _check_ladder(args)
    progress = Progress(quiet=args.quiet)
    inputs = read_inputs(args, progress)
    if args.engine == "reference":
        from crossmargin.cli.by_reference import prices_by_reference  # noqa: PLC0415 - rare and slow

        table, lines = prices_by_reference(args, inputs, outputs, progress)
        drawing, rejects = None, None
    else:
        table, drawing, rejects, lines = _find(args, inputs, outputs, progress)
    if args.venue_rounded:
        table = xm.Table(displayed_prices(table.to_dict(), outputs, inputs.market))
    where = "standard output" if args.out == STANDARD else Path(args.out).name
    with progress.step(f"write {where}") as step:
        write_table(table, args.out, formats["out"])
        step.detail = plural(len(table), "row")
    if rejects is not None and "rejects" in formats:
        write_table(rejects, args.rejects, formats["rejects"])
    if drawing is not None:
        write_text(drawing, args.ladder)
    for line in (*lines, _summary(args.along, table)):
        progress.say(line)


def _outputs(args: argparse.Namespace) -> list[str]:
    if args.along == "underlying":
        for option, given in (("--outputs", args.outputs), ("--venue-rounded", args.venue_rounded or None)):
            if given is not None:
                raise UsageError(f"{option} is of positions; leave it out with --along underlying")
        return []
    if args.outputs in (None, "all"):
        return list(OUTPUTS)
    names = [name.strip() for name in args.outputs.split(",") if name.strip()]
    unknown = [name for name in names if name not in OUTPUTS]
    if unknown:
        raise UsageError(f"--outputs: {unknown[0]!r} is no output; there are {', '.join(OUTPUTS)}, or all")
    if len(set(names)) < len(names) or not names:
        raise UsageError(f"--outputs was {args.outputs!r}, expected names that occur once, separated by commas")
    return names


def _check_ladder(args: argparse.Namespace) -> None:
    if args.ladder is None:
        for option in ("underlying", "valuation"):
            if getattr(args, option) is not None:
                raise UsageError(f"--{option} is of the ladder; give --ladder too")
        return
    if Path(args.ladder).suffix.lower() not in _PICTURES:
        raise UsageError(f"--ladder was {args.ladder!r}, expected a file that ends in .svg or .html")
    if args.underlying is None:
        raise UsageError("--ladder is drawn against the price of one underlying; give --underlying")
    if args.engine == "reference":
        raise UsageError("--ladder is drawn by the fast engine; leave --engine out")


def _find(
    args: argparse.Namespace, inputs: Inputs, outputs: Sequence[str], progress: Progress
) -> tuple[xm.Table, str | None, xm.Table | None, list[str]]:
    """Give the rows, the picture, the rejects and what the summary says first."""
    with progress.step("group into pools") as step:
        book = build_book(args, inputs)
        step.detail = plural(book.n_pools, "pool")
    prices = inputs.market.prices(mark=inputs.marks, index=inputs.index, last=inputs.last)
    options = {"missing": args.missing, "n_threads": args.threads}
    with progress.step("find prices") as step:
        found: xm.LiquidationPrices | xm.UnderlyingPrices
        if args.along == "underlying":
            found = xm.liquidation_prices(book, prices, "underlying", **options)
        else:
            found = xm.liquidation_prices(book, prices, "instrument", outputs, **options)
        step.detail = plural(len(found), "row")
    drawing = None
    if args.ladder is not None:
        with progress.step("draw the ladder") as step:
            steps = xm.report.ladder(book, prices, args.underlying, valuation=args.valuation, **options)
            drawing = steps.html() if Path(args.ladder).suffix.lower() == ".html" else steps.svg()
            step.detail = plural(len(steps), "step")
    rejected = book.rejected
    rejects = None if rejected is None else rejects_of(inputs, rejected.faults, rejected)
    lines = heading(rules_of(args, inputs), book.n_accounts, book.n_pools, book.n_positions)
    how = f"{found.n_exact:,} decided by exact arithmetic"
    if found.n_unpriced > 0:
        how += f"; {plural(found.n_unpriced, 'pool')} without a price"
    if rejected is not None:
        how += f"; {plural(len(rejected), 'account')} rejected for {plural(rejected.n_faults, 'fault')}"
    return found.table, drawing, rejects, [*lines, f"rows    {how}"]


def _summary(along: str, table: xm.Table) -> str:
    """Say how many rows have an end."""
    rows = plural(len(table), "position" if along == "instrument" else "row")
    counts = [
        f"{int((~np.isnan(table[side])).sum()):,} with a price {side}" for side in ("below", "above") if side in table
    ]
    if "liquidatable" in table:
        counts.append(f"{int(table['liquidatable'].sum()):,} liquidatable now")
    return f"prices  {'; '.join([rows, *counts])}"
