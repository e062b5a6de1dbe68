"""``crossmargin compare``: tables in, the same accounts under each margin mode out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import crossmargin as xm
from crossmargin.cli.errors import UsageError, UserError
from crossmargin.cli.formats import STANDARD
from crossmargin.cli.readers import align_accounts, read_json, read_table
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

    from crossmargin.cli.score import Inputs

_RESULTS = ("out", "positions_out", "rejects")
_INPUTS = (*INPUTS, "cash", "moves")
_KEY = ("account", "instrument", "position_side")


def run(args: argparse.Namespace) -> None:
    """Read, compare, write, and summarise on standard error."""
    if (args.positions_out is None) is args.intervals:
        raise UsageError("--intervals are of positions; give --positions-out too, and the one with the other")
    check_inputs(args, _INPUTS)
    formats = result_formats(args, _RESULTS)
    progress = Progress(quiet=args.quiet)
    inputs = read_inputs(args, progress)
    allot, moves = _allotted(args, inputs), _moves(args)
    with progress.step("group into pools") as step:
        book = build_book(args, inputs)
        step.detail = plural(book.n_pools, "pool")
    prices = inputs.market.prices(mark=inputs.marks, index=inputs.index, last=inputs.last)
    with progress.step("compare modes") as step:
        found = xm.compare_modes(
            book,
            prices,
            allot,
            moves=moves,
            modes=_modes(inputs.market),
            intervals=args.intervals,
            valuation=args.valuation,
            missing=args.missing,
            n_threads=args.threads,
        )
        step.detail = plural(len(found), "account")
    tables = {"out": found.table, "positions_out": found.positions if args.intervals else None, "rejects": None}
    if book.rejected is not None:
        tables["rejects"] = rejects_of(inputs, book.rejected.faults, book.rejected)
    for option, table in tables.items():
        if table is not None and option in formats:
            file = getattr(args, option)
            with progress.step("write " + ("standard output" if file == STANDARD else Path(file).name)) as step:
                write_table(table, file, formats[option])
                step.detail = plural(len(table), "row")
    for line in heading(rules_of(args, inputs), book.n_accounts, book.n_pools, book.n_positions):
        progress.say(line)
    for mode in found.modes:
        progress.say(_summary(found, mode))


def _modes(market: xm.Market) -> list[str]:
    """Give the modes that the market has."""
    return ["as_is", "cross", *(["isolated"] if market.rules["isolated_allowed"] else [])]


def _allotted(args: argparse.Namespace, inputs: Inputs) -> Any:
    """Give what each position gets where it is isolated: a word, or an amount in the order of the positions."""
    if args.cash is None:
        return args.allot
    if "positions" not in inputs.tables:
        raise UsageError("--cash is of positions; give --positions too")
    cash, positions = read_table(args.cash, "cash", args.input_format), inputs.tables["positions"]
    align_accounts(*inputs.tables.values(), cash)
    given = {_key(row): row.get("isolated_margin") for row in cash.rows()}
    amounts = []
    for number, row in enumerate(positions.rows()):
        amount = given.get(_key(row))
        if not isinstance(amount, int | float):
            raise UserError(
                f"cash has no isolated_margin for positions[{number}], {', '.join(map(str, _key(row)))}; "
                "give each position a row"
            )
        amounts.append(float(amount))
    return np.array(amounts)


def _key(row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in _KEY if name in row)


def _moves(args: argparse.Namespace) -> dict[str, Any] | None:
    if args.moves is None:
        return None
    document = read_json(args.moves, "moves")
    if isinstance(document, dict) and document:
        return document
    raise UserError('moves were no object of label to move; write {"crash": {"BTCUSDT": -0.1}}')


def _summary(found: xm.ModeComparison, mode: str) -> str:
    locked, free = (np.nansum(found[f"{column}_{mode}"]) for column in ("locked", "free_margin"))
    fails = int(np.nansum(found[f"n_liquidatable_{mode}"]))
    name = mode.replace("_", " ")
    return f"{name:<9} {locked:,.2f} locked, {free:,.2f} free, {plural(fails, 'pool')} liquidatable"
