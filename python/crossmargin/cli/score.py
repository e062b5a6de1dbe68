"""``crossmargin score``: tables in, scores out.

Everything is read, scored and laid out before the first file is written, so that a call which fails writes nothing but
the faults that it was asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import crossmargin as xm
from crossmargin.cli.errors import UsageError, UserError
from crossmargin.cli.formats import BINARY, STANDARD, format_of, pyarrow_for
from crossmargin.cli.readers import InputTable, align_accounts, read_json, read_prices, read_table
from crossmargin.cli.terminal import Progress, plural
from crossmargin.cli.venues import read_market
from crossmargin.cli.writers import write_table
from crossmargin.rounding import displayed

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

_TABLES = ("balances", "positions", "orders", "accounts", "settings")
INPUTS = (*_TABLES, "marks", "index", "last", "tiers", "market")
_INPUTS = (*_TABLES, "marks", "history", "index", "last", "tiers", "market")
_RESULTS = ("out", "positions_out", "accounts_out", "rejects")


@dataclass(frozen=True)
class Inputs:
    """What was read: the rules, the tables of the book that were given, and the prices by name."""

    market: xm.Market
    tables: dict[str, InputTable]
    marks: dict[str, float]
    index: dict[str, float]
    last: dict[str, float]


@dataclass(frozen=True)
class Results:
    """What is written, and what the summary says beside it."""

    pools: xm.Table
    positions: xm.Table | None
    accounts: xm.Table | None
    rejects: xm.Table | None
    n_accounts: int
    n_positions: int
    how: str


def run(args: argparse.Namespace) -> None:
    """Read, score, write, and summarise on standard error."""
    outputs = _outputs(args.outputs)
    formats = _check(args)
    if args.history is not None:
        from crossmargin.cli.history import check_history  # noqa: PLC0415 - few ask for it

        check_history(args)
    progress = Progress(quiet=args.quiet)
    inputs = read_inputs(args, progress)
    if args.history is not None:
        _run_history(args, inputs, outputs, formats, progress)
        return
    results = _score(args, inputs, outputs, progress)
    pools = results.pools
    if args.venue_rounded:
        pools = xm.Table(displayed(pools.to_dict(), outputs, inputs.market.rules))
    tables = {"out": pools, "positions_out": results.positions, "accounts_out": results.accounts}
    for option, table in (tables | {"rejects": results.rejects}).items():
        if table is not None and option in formats:
            with progress.step("write " + _named(option, args)) as step:
                write_table(table, getattr(args, option), formats[option])
                step.detail = plural(len(table), "row")
    for line in _summary(rules_of(args, inputs), results):
        progress.say(line)


def _run_history(
    args: argparse.Namespace, inputs: Inputs, outputs: list[str], formats: dict[str, str], progress: Progress
) -> None:
    """Score at the prices of many moments, write what comes as it comes, and summarise."""
    from crossmargin.cli.history import write_history  # noqa: PLC0415 - few ask for it

    with progress.step("group into pools") as step:
        book = build_book(args, inputs)
        step.detail = plural(book.n_pools, "pool")
    lines = write_history(args, inputs, book, progress, outputs=outputs, format_=formats["out"])
    if book.rejected is not None and "rejects" in formats:
        write_table(rejects_of(inputs, book.rejected.faults, book.rejected), args.rejects, formats["rejects"])
    for line in (*heading(rules_of(args, inputs), book.n_accounts, book.n_pools, book.n_positions), *lines):
        progress.say(line)


def rules_of(args: argparse.Namespace, inputs: Inputs) -> str:
    """Name the rules that were applied."""
    return inputs.market.id if args.preset is None else f"{inputs.market.id} (unofficial)"


def _outputs(text: str) -> list[str]:
    if text == "all":
        return list(xm.OUTPUTS)
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in xm.OUTPUTS]
    if unknown:
        raise UsageError(f"--outputs: {unknown[0]!r} is no output; there are {', '.join(xm.OUTPUTS)}, or all")
    if len(set(names)) < len(names) or not names:
        raise UsageError(f"--outputs was {text!r}, expected names that occur once, separated by commas")
    return names


def _check(args: argparse.Namespace) -> dict[str, str]:
    """Refuse options that do not go together; return the format of each result that is asked for."""
    check_inputs(args, _INPUTS)
    if args.valuation is not None and args.accounts_out is None:
        raise UsageError("--valuation is what --accounts-out is stated in; give that too")
    return result_formats(args, _RESULTS)


def check_inputs(args: argparse.Namespace, inputs: Sequence[str] = INPUTS) -> None:
    """Refuse options of the input that do not go together."""
    _one_standard(args, inputs, "input")
    if args.as_of is not None and args.preset is None:
        raise UsageError("--as-of chooses among the files of a preset; give --preset, or leave it out")
    if args.engine == "reference" and (args.missing, args.on_error) != ("raise", "raise"):
        raise UsageError("--engine reference refuses what is faulty; use it with --missing raise and --on-error raise")
    if args.input_format is None:
        args.input_format = args.format


def result_formats(args: argparse.Namespace, results: Sequence[str]) -> dict[str, str]:
    """Return the format of each result that is asked for, if it can be written."""
    _one_standard(args, results, "output")
    formats = {}
    for option in results:
        file = getattr(args, option)
        if file is not None:
            formats[option] = format_of(file, args.format or ("csv" if file == STANDARD else None), "--format")
            if formats[option] in BINARY:
                pyarrow_for(formats[option])
    return formats


def _one_standard(args: argparse.Namespace, options: Sequence[str], what: str) -> None:
    standard = [f"--{name.replace('_', '-')}" for name in options if getattr(args, name) == STANDARD]
    if len(standard) > 1:
        raise UsageError(f"{' and '.join(standard)} were both standard {what}; give one of them a file")


def _named(option: str, args: argparse.Namespace) -> str:
    file = getattr(args, option)
    return "standard output" if file == STANDARD else Path(file).name


def read_inputs(args: argparse.Namespace, progress: Progress) -> Inputs:
    """Read the rules, the tables and the prices that the options name."""
    market = _market(args)
    tables = {}
    for name in _TABLES:
        file = getattr(args, name)
        if file is not None:
            tables[name] = _table(file, name, args.input_format, progress)

    def prices(option: str, key: str, column: str) -> dict[str, float]:
        file = getattr(args, option)
        return {} if file is None else read_prices(file, option, key, column, args.input_format)

    marks = prices("marks", "instrument", "mark_price")
    index = prices("index", "asset", "index_price")
    last = prices("last", "instrument", "last_price")
    align_accounts(*tables.values())
    return Inputs(market, tables, marks, index, last)


def _table(file: str, name: str, asked: str | None, progress: Progress) -> InputTable:
    with progress.step(f"read {name}") as step:
        table = read_table(file, name, asked)
        step.detail = plural(len(table), "row")
    return table


def _market(args: argparse.Namespace) -> xm.Market:
    market = read_market(args.market) if args.preset is None else xm.load_market(args.preset, as_of=args.as_of)
    if args.tiers is None:
        return market
    return market.with_tiers(_tiers(args.tiers, args.input_format), bounds=args.tier_bounds)


def _tiers(file: str, asked: str | None) -> Any:
    """Read tiers: a JSON object of symbol to tiers as ccxt has it, or a table in any format."""
    if format_of(file, asked, "--input-format") in ("json", "json-columns"):
        document = read_json(file, "tiers")
        if isinstance(document, (dict, list)):
            return document
        raise UserError("tiers were no table; write an object of symbol to tiers, or a list of objects")
    return read_table(file, "tiers", asked).columns


def _score(args: argparse.Namespace, inputs: Inputs, outputs: list[str], progress: Progress) -> Results:
    if args.engine == "reference":
        from crossmargin.cli.by_reference import score_by_reference  # noqa: PLC0415 - rare and slow

        return score_by_reference(args, inputs, outputs, progress)
    with progress.step("group into pools") as step:
        book = build_book(args, inputs)
        step.detail = plural(book.n_pools, "pool")
    prices = inputs.market.prices(mark=inputs.marks, index=inputs.index, last=inputs.last)
    with progress.step("score") as step:
        scores = xm.score(book, prices, outputs, missing=args.missing, n_threads=args.threads)
        step.detail = plural(len(scores), "pool")
    rejected = book.rejected
    rejects = None if rejected is None else rejects_of(inputs, rejected.faults, rejected)
    how = f"{scores.n_exact:,} decided by exact arithmetic"
    if scores.n_unpriced > 0:
        how += f"; {plural(scores.n_unpriced, 'pool')} without a price"
    if rejected is not None:
        how += f"; {plural(len(rejected), 'account')} rejected for {plural(rejected.n_faults, 'fault')}"
    return Results(
        pools=scores.table,
        positions=None if args.positions_out is None else scores.positions,
        accounts=None if args.accounts_out is None else scores.accounts(valuation=args.valuation),
        rejects=rejects,
        n_accounts=book.n_accounts,
        n_positions=book.n_positions,
        how=how,
    )


def build_book(args: argparse.Namespace, inputs: Inputs) -> xm.Book:
    """Build the book; the faults of one that is refused are written where they were asked for."""
    try:
        return xm.Book(
            inputs.market,
            **{name: table.columns for name, table in inputs.tables.items()},
            quantity_unit=args.quantity_unit,
            duplicates=args.duplicates,
            on_error=args.on_error,
        )
    except xm.BookError as error:
        if args.rejects is not None:
            format_ = format_of(args.rejects, args.format or "csv", "--format")
            write_table(rejects_of(inputs, error.faults, None), args.rejects, format_)
        raise


def rejects_of(inputs: Inputs, faults: xm.Table, rejected: xm.Rejected | None) -> xm.Table:
    """Faults with the account of each row; accounts dropped for faults that were not kept have a row of their own."""
    accounts = {table.name: table.values("account") for table in inputs.tables.values() if len(table) > 0}
    rows = [{"account": accounts[fault["table"]][fault["row"]], **fault} for fault in faults.rows()]
    listed = {row["account"] for row in rows}
    for account in [] if rejected is None else rejected.accounts.tolist():
        if account not in listed:
            empty = dict.fromkeys(faults.columns, "") | {"row": -1}
            rows.append({"account": account, **empty, "cure": "correct the faults listed, then look again"})
    names = ("account", *faults.columns)
    columns: dict[str, Any] = {name: [row[name] for row in rows] for name in names}
    if any(not isinstance(account, int) for account in columns["account"]):
        columns["account"] = [None if account is None else str(account) for account in columns["account"]]
    return xm.Table(columns)


def _summary(rules: str, results: Results) -> list[str]:
    """Say in a few lines what came out."""
    pools = results.pools
    lines = heading(rules, results.n_accounts, len(pools), results.n_positions)
    lines.append(f"scores  {results.how}")
    if "liquidatable" in pools:
        lines[-1] += f"; {plural(int(pools['liquidatable'].sum()), 'pool')} liquidatable"
    if "margin_ratio" in pools:
        ratios = pools["margin_ratio"]
        ratios = ratios[np.isfinite(ratios)]
        if len(ratios) > 0:
            least, tenth, middle = np.quantile(ratios, (0.0, 0.1, 0.5), method="inverted_cdf")
            lines.append(f"margin ratio  least {least:.4g}, lowest tenth below {tenth:.4g}, median {middle:.4g}")
    return lines


def heading(rules: str, accounts: int, pools: int, positions: int) -> list[str]:
    """Say in two lines what was asked about."""
    counts = (plural(accounts, "account"), plural(pools, "pool"), plural(positions, "position"))
    return [f"rules   {rules}", f"book    {', '.join(counts)}"]
