"""Input tables in the one shape that the compiled half reads: a mapping of columns, or an Arrow exporter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from crossmargin.errors import ArgumentError


def is_mapping(value: object) -> bool:
    """Say whether a value is a mapping by name."""
    return isinstance(value, (dict, Mapping))


def table_input(table: Any, name: str) -> Any:
    """Turn a list of rows into columns; leave any other table as it is.

    A row that lacks a column which other rows have says ``None`` there.
    """
    if not isinstance(table, (list, tuple)):
        return table
    return _columns(table, name)


def _columns(rows: Sequence[Any], name: str) -> dict[str, list[Any]]:
    columns: dict[str, None] = {}
    for at, row in enumerate(rows):
        if not is_mapping(row):
            raise ArgumentError(f"{name}[{at}] was of type {type(row).__name__}, expected a row: a dict by column")
        columns.update(dict.fromkeys(row))
    return {column: [row.get(column) for row in rows] for column in columns}
