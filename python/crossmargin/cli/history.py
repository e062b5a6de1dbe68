"""``crossmargin score --history``: the book at the prices of many moments, written as it is computed."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

import crossmargin as xm
from crossmargin.cli.csv_table import number
from crossmargin.cli.errors import UsageError
from crossmargin.cli.readers import InputTable, read_table
from crossmargin.cli.terminal import duration, plural
from crossmargin.cli.writers import write_tables

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping

    from crossmargin.cli.score import Inputs
    from crossmargin.cli.terminal import Progress

# what is of one moment only
_NOT_WITH = ("positions_out", "accounts_out", "venue_rounded")
_KEYS = ("time", "instrument")


def check_history(args: argparse.Namespace) -> None:
    """Refuse the options of ``score`` that are of one moment.

    Raises
    ------
    UsageError
        For these, and for the layout of JSON that cannot be written as it comes.
    """
    for name in _NOT_WITH:
        if getattr(args, name):
            raise UsageError(f"--{name.replace('_', '-')} is of one moment; leave it out with --history")
    if args.engine == "reference":
        raise UsageError("--engine reference scores one moment; leave it out with --history")
    if args.format == "json-columns":
        raise UsageError("--format json-columns cannot be written row by row; use jsonl with --history")


def write_history(  # noqa: PLR0913 - what was read, and where it goes
    args: argparse.Namespace,
    inputs: Inputs,
    book: xm.Book,
    progress: Progress,
    *,
    outputs: list[str],
    format_: str,
) -> list[str]:
    """Score the book at every moment, and write a row per moment and pool.

    Parameters
    ----------
    args : Namespace
        Options of ``crossmargin score``.
    inputs : Inputs
        What was read; its index and last prices hold at every moment.
    book : Book
        The accounts.
    progress : Progress
        Told how many rows are done, and at the end how long it took.
    outputs : list of str
        Which figures.
    format_ : str
        Of ``args.out``.

    Returns
    -------
    list of str
        Lines of the summary.

    Raises
    ------
    UserError
        For a file that cannot be read or written. Prices that are missing raise `MissingPriceError`, which says the
        row.
    """
    with progress.step("read history") as step:
        history = _history(args, inputs)
        step.detail = plural(len(history), "row")
    started = perf_counter()
    counts = {"exact": 0, "unpriced": 0, "liquidatable": 0}

    def blocks() -> Iterator[xm.Table]:
        def told(done: int, rows: int) -> None:
            progress.update(f"score  {done:,} of {plural(rows, 'row')}")

        options: dict[str, Any] = {"missing": args.missing, "n_threads": args.threads}
        for block in xm.score_history(book, history, outputs, progress=told, **options):
            counts["exact"] += block.n_exact
            counts["unpriced"] += int(block.n_unpriced.sum())
            if "liquidatable" in outputs:
                counts["liquidatable"] += int(block["liquidatable"].sum())
            yield block.table

    try:
        rows = write_tables(blocks(), args.out, format_)
    finally:
        progress.update("")
    moments = f"{plural(len(history), 'row')} of prices, {plural(rows, 'row')} written"
    lines = [f"history {moments} in {duration(perf_counter() - started)}"]
    lines.append(f"scores  {counts['exact']:,} decided by exact arithmetic")
    if counts["unpriced"]:
        lines[-1] += f"; {counts['unpriced']:,} without a price"
    if "liquidatable" in outputs:
        lines[-1] += f"; {counts['liquidatable']:,} liquidatable"
    return lines


def _history(args: argparse.Namespace, inputs: Inputs) -> xm.PriceHistory:
    table = read_table(args.history, "history", args.input_format)
    mark = _columns(table)
    history = inputs.market.price_history(mark=mark)
    constant = {name: prices for name, prices in (("index", inputs.index), ("last", inputs.last)) if prices}
    if not constant:
        return history
    rows = len(history)
    spread = {name: _spread(prices, rows) for name, prices in constant.items()}
    return inputs.market.price_history(mark=mark, **spread)


def _spread(prices: Mapping[str, float], rows: int) -> dict[str, Any]:
    return {name: np.full(rows, price) for name, price in prices.items()}


def _columns(table: InputTable) -> Any:
    """Give the columns in the spelling of the library: the mark prices of a long table are ``mark`` there."""
    if not isinstance(table.columns, dict):
        names = ["mark" if name == "mark_price" else name for name in table.names]
        return table.columns.rename_columns(names)
    table.check_lengths()
    columns: dict[str, Any] = {}
    for name, values in table.columns.items():
        is_prices = name not in _KEYS and not isinstance(values, np.ndarray)
        columns["mark" if name == "mark_price" else name] = _prices(values, f"history.{name}") if is_prices else values
    if table.untyped and "time" in columns:
        columns["time"] = _times(columns["time"])
    return columns


def _prices(values: Any, place: str) -> list[float]:
    """Read numbers; what is absent is NaN."""
    return [
        np.nan if value is None else number(value, f"{place}[{row}]") if isinstance(value, str) else value
        for row, value in enumerate(values)
    ]


def _times(values: list[Any]) -> Any:
    """Read times of a CSV file as integers where they all are, so that 9 is before 10."""
    try:
        return np.array([int(value) for value in values], dtype=np.int64)
    except (TypeError, ValueError, OverflowError):
        return values
