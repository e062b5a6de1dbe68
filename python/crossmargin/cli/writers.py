"""Writing tables: CSV and JSON with the standard library, Parquet and Arrow IPC through pyarrow.

Numbers are written as the shortest decimal that reads back to the same double. What is absent (unknown) is an empty
cell in CSV and null elsewhere; an infinite ratio, which stands where nothing is required, is ``inf`` in CSV and
``"Infinity"`` in JSON, which has no number for it.
"""

from __future__ import annotations

import csv
import json
import math
import sys
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crossmargin.cli.errors import UserError
from crossmargin.cli.formats import BINARY, STANDARD, pyarrow_for

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import BinaryIO, TextIO

    from crossmargin import Table

_CHUNK_ROWS = 65_536


def write_table(table: Table, file: str, format_: str) -> None:
    """Write a table.

    Parameters
    ----------
    table : Table
        Columns of integers, doubles, flags, or text.
    file : str
        Path, or "-" for standard output. Folders that are not there are made.
    format_ : str
        One of `crossmargin.cli.formats.FORMATS`.

    Raises
    ------
    UserError
        For a file that cannot be written, and for a format that needs pyarrow where that is not installed.
    """
    if format_ in BINARY:
        pa = pyarrow_for(format_)
        with _binary(file) as stream:
            _write_binary(pa, pa.table(table), stream, format_)
        return
    with _text(file) as stream:
        if format_ == "csv":
            _write_csv(table, stream)
        elif format_ == "json-columns":
            columns = {name: [_json_value(value) for value in table[name].tolist()] for name in table.columns}
            stream.write(json.dumps(columns, ensure_ascii=False, allow_nan=False) + "\n")
        else:
            _write_records([table], stream, lines=format_ == "jsonl")


def write_text(text: str, file: str) -> None:
    """Write a text, such as a picture.

    Parameters
    ----------
    text : str
        All of it.
    file : str
        Path. Folders that are not there are made.

    Raises
    ------
    UserError
        For a file that cannot be written.
    """
    with _text(file) as stream:
        stream.write(text)


def write_tables(tables: Iterable[Table], file: str, format_: str) -> int:
    """Write tables of the same columns one after the other, each as it comes.

    Parameters
    ----------
    tables : iterable of Table
        One at least.
    file : str
        As of `write_table`. It is there under its name when all of it is written, and not before.
    format_ : str
        Any format but ``json-columns``.

    Returns
    -------
    int
        How many rows were written.

    Raises
    ------
    UserError
        As of `write_table`.
    """
    if file == STANDARD:
        return _write_each(tables, file, format_)
    partial = Path(file).with_name(f".{Path(file).name}.partial")
    try:
        rows = _write_each(tables, str(partial), format_)
        with failures_of(file):
            partial.replace(file)
    finally:
        partial.unlink(missing_ok=True)
    return rows


def write_records(table: Table, stream: TextIO) -> None:
    """Write a line of JSON per row to a stream that is open.

    Parameters
    ----------
    table : Table
        The rows.
    stream : text file
        Where to.
    """
    _write_records([table], stream, lines=True)


def _write_each(tables: Iterable[Table], file: str, format_: str) -> int:
    counted = _Counted(tables)
    if format_ in BINARY:
        pa = pyarrow_for(format_)
        with _binary(file) as stream:
            _write_batches(pa, (pa.table(table) for table in counted), stream, format_)
        return counted.rows
    with _text(file) as stream:
        if format_ == "csv":
            for at, table in enumerate(counted):
                _write_csv(table, stream, header=at == 0)
        else:
            _write_records(counted, stream, lines=format_ == "jsonl")
    return counted.rows


class _Counted:
    """Tables as they pass, and how many rows they had."""

    def __init__(self, tables: Iterable[Table]) -> None:
        self.tables = tables
        self.rows = 0

    def __iter__(self) -> Iterator[Table]:
        for table in self.tables:
            self.rows += len(table)
            yield table


def _write_batches(pa: Any, tables: Iterator[Any], stream: BinaryIO, format_: str) -> None:
    first = next(tables)
    if format_ == "parquet":
        from pyarrow import parquet  # noqa: PLC0415 - as in pyarrow_for

        writer = parquet.ParquetWriter(stream, first.schema)
    else:
        writer = pa.ipc.new_file(stream, first.schema)
    with writer:
        writer.write_table(first)
        for table in tables:
            writer.write_table(table.cast(first.schema))


def _write_binary(pa: Any, columns: Any, stream: BinaryIO, format_: str) -> None:
    if format_ == "parquet":
        from pyarrow import parquet  # noqa: PLC0415 - as in pyarrow_for

        parquet.write_table(columns, stream)
        return
    with pa.ipc.new_file(stream, columns.schema) as writer:
        writer.write_table(columns)


@contextmanager
def _binary(file: str) -> Iterator[BinaryIO]:
    if file == STANDARD:
        sys.stdout.flush()
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    with failures_of(file):
        Path(file).parent.mkdir(parents=True, exist_ok=True)
        with Path(file).open("wb") as stream:
            yield stream


@contextmanager
def _text(file: str) -> Iterator[TextIO]:
    with _binary(file) as binary:
        # UTF-8 and plain line ends, whatever the terminal's own
        stream = TextIOWrapper(binary, encoding="utf-8", newline="")
        try:
            yield stream
            stream.flush()
        finally:
            stream.detach()


@contextmanager
def failures_of(file: str, done: str = "written") -> Iterator[None]:
    """Say of a file that something with it failed."""
    try:
        yield
    except OSError as error:
        raise UserError(f"{file} could not be {done}: {(error.strerror or str(error)).lower()}") from None


def _rows(table: Table) -> Iterator[Iterator[tuple[Any, ...]]]:
    """Yield the rows in chunks, as Python scalars."""
    for first in range(0, len(table), _CHUNK_ROWS):
        yield zip(*(table[name][first : first + _CHUNK_ROWS].tolist() for name in table.columns), strict=True)


def _write_csv(table: Table, stream: TextIO, *, header: bool = True) -> None:
    writer = csv.writer(stream, lineterminator="\n")
    if header:
        writer.writerow(table.columns)
    for chunk in _rows(table):
        writer.writerows([_csv_cell(value) for value in row] for row in chunk)


def _csv_cell(value: Any) -> Any:
    """Leave numbers and text to the writer: it writes doubles by their ``repr``."""
    if value is None or value != value:  # noqa: PLR0124 - NaN is absent
        return ""
    return str(value).lower() if isinstance(value, bool) else value


def _write_records(tables: Iterable[Table], stream: TextIO, *, lines: bool) -> None:
    """Write a record a line: JSON lines, or a JSON list that reads as well."""
    start, end = ("", "\n") if lines else ("[\n", "\n]\n")
    separator = start
    for table in tables:
        names = table.columns
        for chunk in _rows(table):
            for row in chunk:
                record = dict(zip(names, map(_json_value, row), strict=True))
                stream.write(separator + json.dumps(record, ensure_ascii=False, allow_nan=False))
                separator = "\n" if lines else ",\n"
    if separator != start:
        stream.write(end)
    elif not lines:
        stream.write("[]\n")


def _json_value(value: Any) -> Any:
    if not isinstance(value, float) or math.isfinite(value):
        return value
    if math.isnan(value):
        return None
    return "Infinity" if value > 0 else "-Infinity"
