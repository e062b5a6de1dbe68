"""Frames in columns: what `Monitor.update_many` takes, as the compiled half reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from crossmargin import _core as engine
from crossmargin._arguments import of_type, shown
from crossmargin._tables import is_mapping, no_class, table_input
from crossmargin.errors import ArgumentError
from crossmargin.history import PriceHistory
from crossmargin.monitor.moments import moments
from crossmargin.table import Table

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from crossmargin.market import Market

Columns = dict[str, Any]


def columns_of(frames: Any, ends: Any, time: Any, market: Market) -> tuple[Columns, Any, Any, Any]:
    """Take frames apart.

    Returns
    -------
    tuple
        Columns by name, the ends of frames, a time per row, a time per frame; ``None`` for each that was not given.
    """
    if isinstance(frames, PriceHistory):
        if ends is not None:
            raise ArgumentError("ends was given with a PriceHistory, whose rows are the frames: leave it out")
        columns, ends, of_history = _of_history(frames, market)
        return columns, ends, None, of_history if time is None else moments(time)
    columns = _taken_apart(frames)
    of_rows = columns.pop("time", None)
    if of_rows is not None and time is not None:
        raise ArgumentError("time was given beside a column of that name: give one of them")
    if ends is not None and "frame" in columns:
        raise ArgumentError("ends was given beside the column frame: give one of them")
    return (
        columns,
        None if ends is None else _ends(ends),
        None if of_rows is None else moments(of_rows, "frames.time"),
        None if time is None else moments(time),
    )


def _taken_apart(frames: Any) -> Columns:
    if is_mapping(frames) or isinstance(frames, Table):
        return {str(name): frames[name] for name in frames.keys()}  # noqa: SIM118 - tables are no dicts
    if isinstance(frames, (list, tuple)):
        return dict(table_input(frames, "frames"))
    columns = engine.arrow_columns(no_class(frames, "frames"), "frames")
    if columns is None:
        raise of_type(frames, "frames", "a table with the columns name and price, or a PriceHistory")
    return dict(columns)


def _ends(ends: Any) -> NDArray[np.int64]:
    try:
        array = np.asarray(ends)
    except (TypeError, ValueError):
        array = np.zeros(())
    if array.ndim != 1 or (array.dtype.kind not in "iu" and array.size):
        raise ArgumentError(f"ends was {shown(ends)}, expected the row after the last of each frame")
    return array.astype(np.int64)


def _of_history(history: PriceHistory, market: Market) -> tuple[Columns, NDArray[np.int64], Any]:
    """Lay the prices that a history has out by row: marks, index prices, last prices."""
    if history.market != market:
        raise ArgumentError(f"frames was a history of the market {history.market.id!r}, expected one of {market.id!r}")
    parts = []
    for code, matrix in enumerate((history._mark, history._index, history._last)):
        rows, places = np.nonzero(~np.isnan(matrix))
        parts.append((rows, np.full(len(rows), code), places, matrix[rows, places]))
    row, quote, at, price = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    order = np.argsort(row, kind="stable")
    ends = np.cumsum(np.bincount(row, minlength=len(history)))[: len(history)]
    columns = {"name": at[order], "price": price[order], "quote": quote[order]}
    time = history.time
    known = time is not None and (time.dtype.kind == "M" or time.dtype.kind in "iu")
    return columns, ends, moments(time, "frames.time") if known else None
