"""Input tables in the one shape that the compiled half reads: a mapping of columns, or an Arrow exporter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from crossmargin import _core as engine
from crossmargin._arguments import listed
from crossmargin.errors import ArgumentError


def is_mapping(value: object) -> bool:
    """Say whether a value is a mapping by name."""
    return isinstance(value, (dict, Mapping))


def table_input(table: Any, name: str) -> Any:
    """Turn a list of rows into columns; leave any other table as it is.

    A row that lacks a column which other rows have says ``None`` there.
    """
    if not isinstance(table, (list, tuple)):
        return no_class(table, name)
    return _columns(table, name)


def no_class(table: Any, name: str) -> Any:
    """Refuse a class of tables in place of a table of it."""
    if isinstance(table, type):
        raise ArgumentError(f"{name} was the class {table.__name__}, expected a table")
    return table


def _columns(rows: Sequence[Any], name: str) -> dict[str, list[Any]]:
    columns: dict[str, None] = {}
    for at, row in enumerate(rows):
        if not is_mapping(row):
            raise ArgumentError(f"{name}[{at}] was of type {type(row).__name__}, expected a row: a dict by column")
        columns.update(dict.fromkeys(row))
    return {column: [row.get(column) for row in rows] for column in columns}


_LISTS = ("balances", "positions", "orders", "settings")
"""The tables that a nested table has lists of; what else it has is of ``accounts``."""


def nested_tables(table: Any) -> dict[str, Any]:
    """Take a table with a row per account, whose lists are the rows of the tables, apart into these tables."""
    if isinstance(table, (list, tuple)):
        return _unnested(table)
    if is_mapping(table):
        columns = {name: listed(values, f"nested.{name}") for name, values in table.items()}
        if len({len(values) for values in columns.values()}) > 1:
            raise ArgumentError("nested had columns of unequal length")
        return _unnested([dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)])
    return dict(engine.unnest(no_class(table, "nested")))


def _unnested(rows: Sequence[Any]) -> dict[str, Any]:
    """Lay the lists of rows out, each with its account."""
    tables: dict[str, list[dict[str, Any]]] = {name: [] for name in (*_LISTS, "accounts")}
    for at, row in enumerate(rows):
        if not is_mapping(row) or "account" not in row:
            raise ArgumentError(f"nested[{at}] was {_kind(row)}, expected a row: a dict with an account")
        for name in _LISTS:
            inner = row.get(name)
            if inner is None:
                continue
            if isinstance(inner, (str, bytes)) or is_mapping(inner) or not hasattr(inner, "__iter__"):
                raise ArgumentError(f"nested[{at}].{name} was {_kind(inner)}, expected a list of rows")
            for place, element in enumerate(listed(inner, f"nested[{at}].{name}")):
                if not is_mapping(element):
                    message = f"was {_kind(element)}, expected a row: a dict by column"
                    raise ArgumentError(f"nested[{at}].{name}[{place}] {message}")
                if "account" in element:
                    message = "says an account, which is said once, for the row; leave it out of the list"
                    raise ArgumentError(f"nested[{at}].{name}[{place}] {message}")
                tables[name].append({"account": row["account"], **element})
        others = {name: value for name, value in row.items() if name not in _LISTS}
        if len(others) > 1:
            tables["accounts"].append(others)
    return dict(tables)


def _kind(value: object) -> str:
    return "a dict without an account" if is_mapping(value) else f"of type {type(value).__name__}"
