"""Reading tables: CSV and JSON with the standard library, Parquet and Arrow IPC through pyarrow.

A table that was read is a dict of columns or a table of pyarrow; `crossmargin.Book` takes both and does all checking of
what the rows say. What is checked here is what only the reader of a file can see: that a cell is a number, that a row
has all its cells; and messages name the line of the file beside the row of the table.
"""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from crossmargin.cli.csv_table import ACCOUNT, NUMBERS, number, read_csv
from crossmargin.cli.errors import UserError
from crossmargin.cli.formats import BINARY, STANDARD, format_of, pyarrow_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO, TextIO


@dataclass
class InputTable:
    """A table as it was read.

    Attributes
    ----------
    name : str
        What messages call it.
    columns : dict of str to sequence, or pyarrow.Table
        The columns: what `crossmargin.Book` takes.
    untyped : bool
        Whether the file does not tell integers from text (CSV).
    """

    name: str
    columns: Any
    untyped: bool = False

    def __len__(self) -> int:
        if isinstance(self.columns, dict):
            return max((len(values) for values in self.columns.values()), default=0)
        return int(self.columns.num_rows)

    @property
    def names(self) -> list[str]:
        """Names of the columns."""
        return list(self.columns) if isinstance(self.columns, dict) else list(self.columns.column_names)

    def values(self, name: str) -> list[Any]:
        """Values of one column as Python objects; a table without it is refused."""
        if name not in self.names:
            raise UserError(f"{self.name}.{name} is missing; {self.name} has {', '.join(self.names) or 'no columns'}")
        column = self.columns[name]
        if isinstance(column, list):
            return column
        values: list[Any] = column.tolist() if isinstance(column, np.ndarray) else column.to_pylist()
        return values

    def check_lengths(self) -> None:
        """Refuse columns of unequal length, which only JSON can hold."""
        if isinstance(self.columns, dict):
            for name, values in self.columns.items():
                if len(values) != len(self):
                    raise UserError(f"{self.name}.{name} had {len(values)} rows, expected {len(self)} as in the others")

    def rows(self) -> list[dict[str, Any]]:
        """Rows as dicts, without absent values."""
        names = self.names
        columns = [self.values(name) for name in names]
        self.check_lengths()
        pairs = (zip(names, row, strict=True) for row in zip(*columns, strict=True))
        return [{name: value for name, value in row if value is not None} for row in pairs]


def read_table(file: str, name: str, asked: str | None = None) -> InputTable:
    """Read a table.

    Parameters
    ----------
    file : str
        Path, or "-" for standard input.
    name : str
        What messages call the table.
    asked : str, optional
        Its format where the file's name does not say it.

    Returns
    -------
    InputTable
        Columns in the order of the file.

    Raises
    ------
    UserError
        For a file that cannot be read or is not in its format, and for a cell that is no number.
    UsageError
        Where the format is not known.
    """
    format_ = format_of(file, asked, "--input-format")
    if format_ in BINARY:
        return InputTable(name, _read_binary(file, name, format_))
    with _opened(file, name) as stream:
        if format_ == "csv":
            return InputTable(name, read_csv(stream, name, _shown(file)), untyped=True)
        document = _json_lines(stream, name) if format_ == "jsonl" else _json(stream, name)
    return InputTable(name, _json_columns(document, name))


def read_prices(file: str, name: str, key: str, column: str, asked: str | None = None) -> dict[str, float]:
    """Read prices by name: a table of two columns, or a JSON object of name to price.

    Parameters
    ----------
    file, name, asked
        As in `read_table`.
    key, column : str
        Columns of the names and of the prices.

    Returns
    -------
    dict of str to float
        In the order of the file.

    Raises
    ------
    UserError
        As `read_table`; for a name that comes twice, and for further columns.
    """
    table = _price_table(file, name, key, column, asked)
    extra = [other for other in table.names if other not in (key, column)]
    if extra:
        raise UserError(f"{name}.{extra[0]} is no column of this table; it has {key}, {column}")
    if not table.names:
        return {}
    table.check_lengths()
    prices: dict[str, float] = {}
    for row, (who, price) in enumerate(zip(table.values(key), table.values(column), strict=True)):
        if not isinstance(who, str):
            raise UserError(f"{name}.{key}[{row}] was {_value(who)}, expected a name")
        if who in prices:
            raise UserError(f"{name}.{key}[{row}] was {who!r}, which came before; give each name once")
        if price is None:
            raise UserError(f"{name}.{column}[{row}] was null; give {who} a price, or leave the row out")
        prices[who] = price
    return prices


def align_accounts(*tables: InputTable) -> None:
    """Make the accounts of all tables integers, or text in all.

    A CSV file does not say which of the two ``17`` is: it is an integer unless another table says otherwise.

    Parameters
    ----------
    *tables : InputTable
        Changed in place; only tables that were read from CSV are.
    """
    typed = [table for table in tables if ACCOUNT in table.names and len(table) > 0]
    if all(_is_integer(table) for table in typed):
        return
    for table in typed:
        if table.untyped and _is_integer(table):
            table.columns[ACCOUNT] = [str(key) for key in table.columns[ACCOUNT].tolist()]


def _is_integer(table: InputTable) -> bool:
    column = table.columns[ACCOUNT]
    if isinstance(column, np.ndarray):
        return True
    if isinstance(column, list):
        return all(isinstance(key, int) for key in column[:1])
    pa = pyarrow_for("an Arrow table")
    return bool(pa.types.is_integer(column.type))


def _shown(file: str) -> str:
    return "standard input" if file == STANDARD else file


def _value(value: object) -> str:
    return "null" if value is None else repr(value)


@contextmanager
def _opened(file: str, name: str) -> Iterator[TextIO]:
    with _binary(file, name) as binary:
        stream = TextIOWrapper(binary, encoding="utf-8-sig", newline="")
        try:
            yield stream
        except UnicodeDecodeError as error:
            raise UserError(f"{name} in {_shown(file)} was not UTF-8 text: {error.reason}") from None
        finally:
            stream.detach()  # closing is for whoever opened


@contextmanager
def _binary(file: str, name: str) -> Iterator[BinaryIO]:
    if file == STANDARD:
        yield sys.stdin.buffer
        return
    try:
        with Path(file).open("rb") as stream:
            yield stream
    except OSError as error:
        raise UserError(f"{name} could not be read from {file}: {(error.strerror or str(error)).lower()}") from None


def _read_binary(file: str, name: str, format_: str) -> Any:
    pa = pyarrow_for(format_)
    with _binary(file, name) as stream:
        data = pa.py_buffer(stream.read())
    try:
        table = _binary_table(pa, data, format_)
        # a damaged file can hold offsets that point anywhere, and text that is none
        table.validate(full=True)
        list(table.column_names)
    except (OSError, UnicodeDecodeError, pa.ArrowException) as error:
        first = (str(error).splitlines() or ["unknown"])[0]
        raise UserError(f"{name} in {_shown(file)} was not {format_}: {first}") from None
    return table


def _binary_table(pa: Any, data: Any, format_: str) -> Any:
    if format_ == "parquet":
        from pyarrow import parquet  # noqa: PLC0415 - as in pyarrow_for

        return parquet.read_table(pa.BufferReader(data))
    is_file = data[:6].to_pybytes() == b"ARROW1"
    opened = pa.ipc.open_file if is_file else pa.ipc.open_stream
    return opened(pa.BufferReader(data)).read_all()


# JSON


def _json(stream: TextIO, name: str) -> Any:
    try:
        return json.load(stream)
    except (json.JSONDecodeError, RecursionError) as error:
        raise UserError(f"{name} was not JSON: {error}") from None


def _json_lines(stream: TextIO, name: str) -> list[Any]:
    rows = []
    for line, text in enumerate(stream, 1):
        if text.strip():
            try:
                rows.append(json.loads(text))
            except (json.JSONDecodeError, RecursionError) as error:
                raise UserError(f"line {line} of {name} was not JSON: {error}") from None
    return rows


def _json_columns(document: Any, name: str) -> dict[str, list[Any]]:
    """Lay a list of records or an object of lists out as columns, and read numbers that were written as text."""
    if isinstance(document, list):
        columns = _columns_of_records(document, name)
    elif isinstance(document, dict) and all(isinstance(values, list) for values in document.values()):
        columns = document
    else:
        raise UserError(f"{name} was no table; write a list of objects, or an object of lists")
    for column in NUMBERS & columns.keys():
        values = columns[column]
        if any(isinstance(value, str) for value in values):
            columns[column] = [
                number(value, f"{name}.{column}[{row}]") if isinstance(value, str) else value
                for row, value in enumerate(values)
            ]
    return columns


def _columns_of_records(records: list[Any], name: str) -> dict[str, list[Any]]:
    columns: dict[str, None] = {}
    for row, record in enumerate(records):
        if not isinstance(record, dict):
            raise UserError(f"row {row} of {name} was {json.dumps(record)[:60]}, expected an object by column")
        columns.update(dict.fromkeys(record))
    return {column: [record.get(column) for record in records] for column in columns}


def _price_table(file: str, name: str, key: str, column: str, asked: str | None) -> InputTable:
    if format_of(file, asked, "--input-format") not in ("json", "json-columns"):
        return read_table(file, name, asked)
    with _opened(file, name) as stream:
        document = _json(stream, name)
    if isinstance(document, dict) and not any(isinstance(value, (list, dict)) for value in document.values()):
        prices = [_price(value, f"{name}[{who}]") for who, value in document.items()]
        document = {key: list(document), column: prices}
    return InputTable(name, _json_columns(document, name))


def _price(value: Any, place: str) -> Any:
    """Read the price of one name; a number that cannot be a price is left to the library."""
    if value is None:
        raise UserError(f"{place} was null, expected a positive number; give it a price, or leave the name out")
    return number(value, place, kind="a positive number") if isinstance(value, str) else value


def read_json(file: str, name: str) -> Any:
    """Read a JSON document that is no table of ours, such as the tiers of ccxt.

    Parameters
    ----------
    file : str
        Path, or "-" for standard input.
    name : str
        What messages call it.

    Returns
    -------
    object
        What the document says.

    Raises
    ------
    UserError
        For a file that cannot be read, or is not JSON.
    """
    with _opened(file, name) as stream:
        return _json(stream, name)
