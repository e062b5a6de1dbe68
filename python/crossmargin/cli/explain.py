"""``crossmargin explain``: why the figures of one account are what they are."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import crossmargin as xm
from crossmargin.cli.errors import UsageError, UserError
from crossmargin.cli.formats import STANDARD, format_of
from crossmargin.cli.score import build_book, read_inputs
from crossmargin.cli.terminal import Progress, plural
from crossmargin.cli.writers import write_table

if TYPE_CHECKING:
    import argparse

_INPUTS = ("balances", "positions", "orders", "accounts", "settings", "marks", "index", "last", "tiers", "market")

_SHOWN = 5


def run(args: argparse.Namespace) -> None:
    """Read the tables, explain one account, and print the tree or write its rows."""
    standard = [f"--{name}" for name in _INPUTS if getattr(args, name) == STANDARD]
    if len(standard) > 1:
        raise UsageError(f"{' and '.join(standard)} were both standard input; give one of them a file")
    if args.as_of is not None and args.preset is None:
        raise UsageError("--as-of chooses among the files of a preset; give --preset, or leave it out")
    progress = Progress(quiet=args.quiet)
    inputs = read_inputs(args, progress)
    book = build_book(args, inputs)
    prices = inputs.market.prices(mark=inputs.marks, index=inputs.index, last=inputs.last)
    with progress.step("explain") as step:
        explanation = xm.explain(book, prices, _key(book, args.account), liquidation_price=args.liquidation_price)
        if args.term is not None:
            explanation = explanation.only(args.term)
        step.detail = plural(len(explanation), "term")
    if args.format is None and args.out == STANDARD:
        sys.stdout.write(f"{explanation}\n")
    else:
        write_table(explanation.table, args.out, format_of(args.out, args.format, "--format"))


def _key(book: xm.Book, text: str | None) -> int | str | None:
    """Read the key of an account as the tables have keys."""
    if text is None:
        if book.n_accounts != 1:
            raise UsageError(
                f"--account was not given, and the tables have {plural(book.n_accounts, 'account')}: name one"
            )
        return None
    if book.accounts.dtype == object:
        return text
    try:
        return int(text)
    except ValueError:
        some = ", ".join(map(str, book.accounts[:_SHOWN].tolist()))
        known = f": they have {plural(book.n_accounts, 'account')}, such as {some}" if some else ""
        raise UserError(f"--account was {text!r}, but the tables number their accounts{known}") from None
