"""Formats of tables: which there are, which one a file is in, and what they need installed.

Nothing is read or written here. CSV and JSON need the standard library only; Parquet and Arrow IPC need pyarrow,
which is imported when a file asks for it.
"""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING

from crossmargin.cli.errors import UsageError, UserError

if TYPE_CHECKING:
    from types import ModuleType

FORMATS = ("csv", "json", "json-columns", "jsonl", "parquet", "arrow")
"""Names of the formats; ``json`` is a list of records, ``json-columns`` an object of lists."""

BINARY = frozenset({"parquet", "arrow"})
"""Formats of bytes rather than text, by pyarrow."""

STANDARD = "-"
"""The file name that means standard input or output."""

_SUFFIXES = {
    ".csv": "csv",
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".arrow": "arrow",
    ".feather": "arrow",
    ".ipc": "arrow",
}

SUFFIX = {"json-columns": ".json"} | {name: suffix for suffix, name in reversed(_SUFFIXES.items())}
"""The suffix that files of a format are given."""


def format_of(file: str, asked: str | None, option: str) -> str:
    """Return the format of a file: as its name says, else as asked.

    Parameters
    ----------
    file : str
        Path, or "-".
    asked : str or None
        The format that an option names. It decides between the two layouts of JSON, and where the name says nothing.
    option : str
        The option that names a format, for the error.

    Returns
    -------
    str
        One of `FORMATS`.

    Raises
    ------
    UsageError
        If neither says.

    Examples
    --------
    >>> format_of("book/positions.parquet", None, "--format")
    'parquet'
    >>> format_of("-", "jsonl", "--format")
    'jsonl'
    """
    named = None if file == STANDARD else _SUFFIXES.get(PurePath(file).suffix.lower())
    if named == "json" and asked == "json-columns":
        return asked
    if named is not None:
        return named
    if asked is not None:
        return asked
    what = "standard input" if file == STANDARD else f"{file!r}"
    raise UsageError(f"the format of {what} is not known; give {option}, one of {', '.join(FORMATS)}")


def pyarrow_for(purpose: str) -> ModuleType:
    """Import pyarrow, or say how to do without it.

    Parameters
    ----------
    purpose : str
        What needs it, the subject of the message.

    Returns
    -------
    module
        ``pyarrow``.

    Raises
    ------
    UserError
        If pyarrow is not installed.
    """
    try:
        import pyarrow as pa  # noqa: PLC0415 - costs more than all the rest, and few need it
    except ImportError:
        cure = "pip install 'crossmargin[io]', or use csv, json or jsonl"
        raise UserError(f"{purpose} needs pyarrow, which is not installed; {cure}") from None
    module: ModuleType = pa
    return module
