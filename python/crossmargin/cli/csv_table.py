"""Reading CSV with the standard library: what a cell is, and the line of the file that a fault is on."""

from __future__ import annotations

import csv
from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from crossmargin.cli.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import TextIO

    from numpy.typing import NDArray

NUMBERS = frozenset(
    {
        *("wallet_balance", "quantity", "entry_price", "leverage", "isolated_margin", "mark_price", "index_price"),
        *("bonus", "borrowed", "price", "trigger_price", "tier", "tier_coefficient", "last_price", "reference_equity"),
        *("floor", "cap", "maintenance_rate", "max_leverage", "deduction"),
    }
)
"""Columns of numbers. A text file does not say what its cells are, so the name of the column does."""

FLAGS = frozenset({"reduce_only"})
"""Columns of truth values, for the same reason."""

ACCOUNT = "account"
"""The one column that holds integers or text."""

_CHUNK_ROWS = 65_536
_LARGEST_KEY = 2**63 - 1
# what spreadsheets write instead of commas, by the words for it
_DELIMITERS = {";": "semicolon", "\t": "tab"}


def read_csv(stream: TextIO, name: str, file: str) -> dict[str, Any]:
    """Read a CSV file with a header.

    Parameters
    ----------
    stream : text file
        Opened with ``newline=""``.
    name, file : str
        What messages call the table and the file.

    Returns
    -------
    dict of str to sequence
        Columns in the order of the file: arrays of numbers where no cell is absent, lists otherwise.

    Raises
    ------
    UserError
        For a file without a header, one whose columns other characters than commas separate, a row of another length,
        and a cell that is no number.
    """
    reader = csv.reader(stream)
    try:
        header = _header(next(reader, None), name, file)
        columns = [_column(name, column, file) for column in header]
        if len(set(header)) < len(header):
            twice = next(column for at, column in enumerate(header) if column in header[:at])
            raise UserError(f"{name}.{twice} came twice; give each column once")
        for first, lines, chunk in _chunks(reader, len(header), name, file):
            for column, cells in zip(columns, zip(*chunk, strict=True), strict=True):
                column.extend(cells, first, lines)
        return {label: column.finish() for label, column in zip(header, columns, strict=True)}
    except csv.Error as error:
        raise UserError(f"{name} in {file} was not CSV: {error}") from None


def _header(cells: list[str] | None, name: str, file: str) -> list[str]:
    header = [cell.strip() for cell in cells or []]
    if not any(header):
        what = "was empty" if cells is None else "began with an empty line"
        raise UserError(f"{name} in {file} {what}, expected a header line with the names of the columns")
    if len(header) == 1:
        for delimiter, spoken in _DELIMITERS.items():
            # strip() takes tabs at the ends, so the cell is looked at as it was read
            if delimiter in (cells or [""])[0]:
                raise UserError(f"{name} in {file} had columns separated by {spoken}s; save it with commas")
    return header


def _chunks(reader: Any, width: int, name: str, file: str) -> Iterator[tuple[int, list[int], list[list[str]]]]:
    """Yield the first row's number, the line of each row, and the rows; blank lines are passed over."""
    first = 0
    numbered = ((reader.line_num, row) for row in reader if row)
    while chunk := list(islice(numbered, _CHUNK_ROWS)):
        lines = [line for line, _ in chunk]
        rows = [row for _, row in chunk]
        for at, row in enumerate(rows):
            if len(row) != width:
                what = f"row {first + at} of {name} had {len(row)} cells, expected {width} as in the header"
                raise UserError(f"{what}; correct line {lines[at]} of {file}")
        yield first, lines, rows
        first += len(rows)


def _column(table: str, name: str, file: str) -> _Numbers | _Flags | _Names | _Accounts:
    if name in NUMBERS:
        return _Numbers(f"{table}.{name}", file)
    if name in FLAGS:
        return _Flags(f"{table}.{name}", file)
    return _Accounts() if name == ACCOUNT else _Names()


class _Numbers:
    """A column of numbers; an empty cell is absent."""

    def __init__(self, place: str, file: str) -> None:
        self.place = place
        self.file = file
        self.parts: list[NDArray[np.float64] | list[float | None]] = []

    def extend(self, cells: Sequence[str], first: int, lines: list[int]) -> None:
        if "_" not in "".join(cells):
            try:
                self.parts.append(np.fromiter(map(float, cells), np.float64, len(cells)))
            except ValueError:
                pass
            else:
                return
        self.parts.append([self._number(cell, first + at, lines[at]) for at, cell in enumerate(cells)])

    def _number(self, cell: str, row: int, line: int) -> float | None:
        if not cell.strip():
            return None
        return number(cell, f"{self.place}[{row}]", f"correct line {line} of {self.file}")

    def finish(self) -> NDArray[np.float64] | list[float | None]:
        arrays = [part for part in self.parts if isinstance(part, np.ndarray)]
        if len(arrays) == len(self.parts):
            return np.concatenate(arrays) if arrays else np.zeros(0)
        return [value for part in self.parts for value in (part if isinstance(part, list) else part.tolist())]


class _Flags:
    """A column of truth values; an empty cell is absent."""

    WORDS: ClassVar[dict[str, bool | None]] = {"true": True, "1": True, "false": False, "0": False, "": None}

    def __init__(self, place: str, file: str) -> None:
        self.place = place
        self.file = file
        self.cells: list[bool | None] = []

    def extend(self, cells: Sequence[str], first: int, lines: list[int]) -> None:
        for at, cell in enumerate(cells):
            word = cell.strip().lower()
            if word not in self.WORDS:
                what = f"{self.place}[{first + at}] was {cell!r}, expected true or false"
                raise UserError(f"{what}; correct line {lines[at]} of {self.file}")
            self.cells.append(self.WORDS[word])

    def finish(self) -> list[bool | None]:
        return self.cells


class _Names:
    """A column of text, equal names being one object; an empty cell is absent."""

    def __init__(self) -> None:
        self.seen: dict[str, str | None] = {"": None}
        self.cells: list[str | None] = []

    def extend(self, cells: Sequence[str], first: int, lines: list[int]) -> None:
        del first, lines  # any text is a name
        seen = self.seen
        self.cells += [seen.setdefault(cell, cell) for cell in map(str.strip, cells)]

    def finish(self) -> list[str | None]:
        return self.cells


class _Accounts:
    """A column of accounts: integers where every cell is one, written as integers are; text otherwise."""

    def __init__(self) -> None:
        self.parts: list[NDArray[np.int64] | list[str | None]] = []

    def extend(self, cells: Sequence[str], first: int, lines: list[int]) -> None:
        del first, lines
        stripped = [cell.strip() for cell in cells]
        try:
            keys = [int(cell) for cell in stripped]
        except ValueError:
            keys = []
        # "007" and "+7" are names: as integers they could not be told from 7
        if [str(key) for key in keys] == stripped and max(map(abs, keys), default=0) <= _LARGEST_KEY:
            self.parts.append(np.array(keys, dtype=np.int64))
        else:
            self.parts.append([cell or None for cell in stripped])

    def finish(self) -> NDArray[np.int64] | list[str | None]:
        arrays = [part for part in self.parts if isinstance(part, np.ndarray)]
        if len(arrays) == len(self.parts):
            return np.concatenate(arrays) if arrays else np.zeros(0, dtype=np.int64)
        parts = (part if isinstance(part, list) else [str(key) for key in part.tolist()] for part in self.parts)
        return [key for part in parts for key in part]


def number(text: str, place: str, cure: str = "", kind: str = "a number") -> float:
    """Read a number that was written as text.

    Parameters
    ----------
    text : str
        A decimal. It denotes the nearest double, hence that double's shortest decimal.
    place : str
        Table, column and row, for the message.
    cure : str, optional
        What to do about a fault.
    kind : str, optional
        What was expected, for the message.

    Returns
    -------
    float
        The nearest double. ``nan`` and ``inf`` are read, for the book to refuse.

    Raises
    ------
    UserError
        For text that is no number.

    Examples
    --------
    >>> number(" -0.5", "positions.quantity[0]")
    -0.5
    """
    try:
        if "_" not in text:
            return float(text)
    except ValueError:
        pass
    raise UserError(f"{place} was {text!r}, expected {kind}" + (f"; {cure}" if cure else ""))
