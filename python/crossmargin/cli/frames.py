"""Frames of prices as they come: lines of JSON or CSV, as many at once as are there."""

from __future__ import annotations

import csv
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crossmargin.cli.csv_table import number
from crossmargin.cli.errors import UsageError, UserError
from crossmargin.cli.formats import STANDARD, format_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

Line = dict[str, Any]

_BYTES_AT_ONCE = 1 << 16
_KINDS = ("mark", "index", "last")
_LONG = {"name": "name", "instrument": "name", "price": "price", "mark_price": "price"}
"""Columns of a table with a row per price; those of ``score --history`` too."""


class Batch:
    """Lines that came together, as `crossmargin.Monitor.replay` takes them, and the number of the first."""

    def __init__(self, first: int, lines: list[bytes | Line]) -> None:
        self.first = first
        self.lines = lines


def format_of_frames(file: str, asked: str | None) -> str:
    """Return the format of the frames, which is one that can be read line by line.

    Raises
    ------
    UsageError
        For any other.
    """
    format_ = format_of(file, asked or ("jsonl" if file == STANDARD else None), "--frames-format")
    if format_ not in ("jsonl", "csv"):
        raise UsageError(f"--frames were {format_}, expected jsonl or csv, which are read as they come")
    return format_


@contextmanager
def frames_of(file: str, format_: str) -> Iterator[Iterator[Batch]]:
    """Open the frames.

    Parameters
    ----------
    file : str
        Path, or "-" for standard input.
    format_ : {"jsonl", "csv"}
        Lines of a log, or a table.

    Yields
    ------
    iterator of Batch
        As many lines at once as there are, without waiting for more.

    Raises
    ------
    UserError
        For a file that cannot be read, and for cells that are none.
    """
    if file == STANDARD:
        yield _batches(sys.stdin.buffer, "standard input", format_)
        return
    try:
        stream = Path(file).open("rb")  # noqa: SIM115 - closed below
    except OSError as error:
        raise UserError(f"frames could not be read from {file}: {(error.strerror or str(error)).lower()}") from None
    with stream:
        yield _batches(stream, file, format_)


def _batches(stream: BinaryIO, file: str, format_: str) -> Iterator[Batch]:
    lines = _lines(stream)
    if format_ == "jsonl":
        return (Batch(first, list(chunk)) for first, chunk in lines)
    return _Table(file).batches(lines)


def _lines(stream: BinaryIO) -> Iterator[tuple[int, list[bytes]]]:
    """Yield the lines that are there, with the number of the first."""
    rest, first = b"", 1
    read = getattr(stream, "read1", stream.read)
    while chunk := read(_BYTES_AT_ONCE):
        *whole, rest = (rest + chunk).split(b"\n")
        if whole:
            yield first, [line + b"\n" for line in whole]
            first += len(whole)
    if rest.strip():
        yield first, [rest]


class _Table:
    """A CSV table of prices: a row per moment with a column per instrument, or a row per price."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.header: list[str] = []
        self.names: dict[str, int] = {}
        self.keyed = False
        self.line = 0
        self.open: tuple[Any, Line] | None = None

    def batches(self, lines: Iterator[tuple[int, list[bytes]]]) -> Iterator[Batch]:
        """Yield an element for each line: a frame, or nothing where it ends none."""
        for first, chunk in lines:
            found: list[bytes | Line] = []
            for line, row in self._rows(first, chunk):
                self.line = line
                if not self.header:
                    self._begin(row)
                    found.append(b"")
                else:
                    found.append((self._long(row) if self.names else self._wide(row)) if row else b"")
            yield Batch(first, found)
        if self.open is not None:
            yield Batch(self.line, [self.open[1]])

    def _rows(self, first: int, chunk: list[bytes]) -> Iterator[tuple[int, list[str]]]:
        for line, text in enumerate(chunk, first):
            try:
                decoded = text.decode("utf-8-sig" if line == 1 else "utf-8")
                yield line, next(csv.reader([decoded]), [])
            except (UnicodeDecodeError, csv.Error) as error:
                raise UserError(f"line {line} of {self.file} was not CSV: {error}") from None

    def _begin(self, header: list[str]) -> None:
        self.header = [cell.strip() for cell in header]
        if not any(self.header):
            raise UserError(f"frames in {self.file} began with an empty line, expected a header with the columns")
        if len(set(self.header)) < len(self.header):
            raise UserError(f"frames in {self.file} had a column twice; give each once")
        names = {_LONG[name]: at for at, name in enumerate(self.header) if name in _LONG}
        if len(names) == len(set(_LONG.values())):
            self.names = names
            self.keyed = "frame" in self.header or "time" in self.header
            unknown = [name for name in self.header if name not in (*_LONG, "quote", "frame", "time")]
            if unknown:
                known = "name, price, quote, frame, time"
                raise UserError(f"frames.{unknown[0]} is no column of this table; it has {known}")

    def _cells(self, row: list[str]) -> dict[str, str]:
        if len(row) != len(self.header):
            what = f"had {len(row)} cells, expected {len(self.header)} as in the header"
            raise UserError(f"line {self.line} of {self.file} {what}")
        return {name: cell.strip() for name, cell in zip(self.header, row, strict=True)}

    def _number(self, cell: str, name: str) -> float:
        return number(cell, f"frames.{name}", f"correct line {self.line} of {self.file}")

    def _wide(self, row: list[str]) -> Line:
        cells = self._cells(row)
        time = cells.pop("time", "")
        return _time(time) | {"mark": {name: self._number(cell, name) for name, cell in cells.items() if cell}}

    def _long(self, row: list[str]) -> bytes | Line:
        """Add a price to the frame that is open; give that frame when another begins."""
        cells = self._cells(row)
        kind = cells.get("quote") or "mark"
        if kind not in _KINDS:
            message = f"was {kind!r}, expected mark, index or last; correct line {self.line} of {self.file}"
            raise UserError(f"frames.quote {message}")
        name, price = (cells[self.header[self.names[part]]] for part in ("name", "price"))
        prices = {kind: {name: self._number(price, "price")}}
        if not self.keyed:
            return prices
        key = cells.get("frame") or cells.get("time") or self.line
        if self.open is not None and self.open[0] == key:
            self.open[1].setdefault(kind, {}).update(prices[kind])
            return b""
        ended, self.open = self.open, (key, _time(cells.get("time", "")) | prices)
        return b"" if ended is None else ended[1]


def _time(text: str) -> Line:
    """Read a time: an integer as nanoseconds, other text as it is."""
    if not text:
        return {}
    try:
        return {"time": int(text)}
    except ValueError:
        return {"time": text}
