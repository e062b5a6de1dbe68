"""``crossmargin synth``: the tables of a made-up book, drawn from a seed."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import crossmargin as xm
from crossmargin.cli.errors import UsageError, UserError
from crossmargin.cli.formats import BINARY, SUFFIX, pyarrow_for
from crossmargin.cli.terminal import Progress, plural
from crossmargin.cli.writers import write_table
from crossmargin.testing import reference_workload, retail_book

if TYPE_CHECKING:
    import argparse

    from crossmargin.testing import Workload

RETAIL_PRESET = "binance-usdm"
"""The rules that retail accounts are drawn for where no others are named."""


def run(args: argparse.Namespace) -> None:
    """Draw a book, write its tables, and print the command that scores them."""
    if args.preset is not None and args.workload == "R1":
        raise UsageError("--preset is for retail accounts; R1 has a market of its own")
    if args.format in BINARY:
        pyarrow_for(args.format)
    progress = Progress(quiet=args.quiet)
    with progress.step(f"draw {args.workload}") as step:
        workload, rules = _draw(args)
        step.detail = f"{plural(args.accounts, 'account')}, {plural(workload.n_positions, 'position')}"
    out = Path(args.out)
    files = {}
    for name, table in tables(workload).items():
        files[name] = out / (name + SUFFIX[args.format])
        with progress.step(f"write {files[name].name}") as step:
            write_table(table, str(files[name]), args.format)
            step.detail = plural(len(table), "row")
    if args.workload == "R1":
        try:
            (out / "market.toml").write_text(workload.market_toml, encoding="utf-8")
        except OSError as error:
            raise UserError(f"{out / 'market.toml'} could not be written: {error.strerror}") from None
        rules = ["--market", str(out / "market.toml")]
    command = ["crossmargin", "score", *rules]
    for name, file in files.items():
        command += [f"--{name}", str(file)]
    print(shlex.join([*command, "--out", str(out / ("scores" + SUFFIX[args.format]))]))


def _draw(args: argparse.Namespace) -> tuple[Workload, list[str]]:
    seed = {} if args.seed is None else {"seed": args.seed}
    if args.workload == "R1":
        return reference_workload("R1", n_pools=args.accounts, **seed), []
    market = xm.load_market(args.preset or RETAIL_PRESET)
    try:
        workload = retail_book(market.to_toml(), args.accounts, **seed)
    except ValueError as error:
        raise UserError(f"no retail accounts could be drawn for {market.id}: {error}") from None
    name, _, date = market.id.partition("/")
    return workload, ["--preset", name, "--as-of", date]


def tables(workload: Workload) -> dict[str, xm.Table]:
    """Lay a workload out as the tables that ``crossmargin score`` reads.

    Parameters
    ----------
    workload : Workload
        With instruments and assets by number.

    Returns
    -------
    dict of str to Table
        ``balances``, ``positions`` and ``marks``, with instruments and assets by name; instruments without a mark are
        left out of ``marks``.

    Examples
    --------
    >>> tables(reference_workload("R1", n_pools=2, n_instruments=3, seed=1))["balances"].columns
    ('account', 'asset', 'wallet_balance')
    """
    instruments = _names(workload.instruments)
    priced = ~np.isnan(workload.marks)
    return {
        "balances": _named(workload.balances, "asset", _names(workload.assets)),
        "positions": _named(workload.positions, "instrument", instruments),
        "marks": xm.Table({"instrument": instruments[priced], "mark_price": workload.marks[priced]}),
    }


def _names(names: tuple[str, ...]) -> Any:
    column = np.empty(len(names), dtype=object)
    column[:] = names
    return column


def _named(table: dict[str, Any], key: str, names: Any) -> xm.Table:
    """Replace numbers by names; words of fixed width become text."""
    columns = {name: values.astype(object) if values.dtype.kind == "U" else values for name, values in table.items()}
    return xm.Table(columns | {key: names[columns[key]]})
