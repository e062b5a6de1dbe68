"""What operations are given, as plain lists and numbers: what a line of JSON can hold."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np

from crossmargin import _core as engine
from crossmargin._arguments import of_type, shown
from crossmargin._tables import is_mapping, table_input
from crossmargin.errors import ArgumentError
from crossmargin.table import Table

_KEYS = frozenset(
    {
        *("account", "asset", "instrument", "margin_mode", "position_side", "position_mode"),
        *("profile", "tier_version", "kind", "order_id"),
    }
)
_FLAGS = frozenset({"maker", "reduce_only"})


def json_of(given: dict[str, Any]) -> str:
    """Write plain arguments as JSON."""
    return json.dumps(given, ensure_ascii=False, allow_nan=False)


def plain_table(table: Any, name: str) -> Any:
    """Lay any table out as lists by column; ``None`` stays."""
    if table is None:
        return None
    table = table_input(table, name)
    if isinstance(table, Table):
        table = table.to_dict()
    if is_mapping(table):
        return {str(column): plain_list(values, f"{name}.{column}") for column, values in table.items()}
    if isinstance(table, np.ndarray) and table.dtype.names is not None:
        return {column: plain_list(table[column], f"{name}.{column}") for column in table.dtype.names}
    columns = engine.arrow_columns(table, name)
    if columns is not None:
        return {column: _of_arrow(values, column, name) for column, values in columns.items()}
    by_name: Any = table
    if hasattr(by_name, "keys"):
        return {str(column): plain_list(by_name[column], f"{name}.{column}") for column in by_name.keys()}  # noqa: SIM118
    return table  # the engine says what is wrong with it


def plain_columns(table: Any, name: str) -> dict[str, Any]:
    """Lay any table out as lists by column, but for times, which stay what they are."""
    table = table_input(table, name)
    if isinstance(table, Table):
        table = table.to_dict()
    columns = dict(table) if is_mapping(table) else engine.arrow_columns(table, name)
    if columns is None:
        by_name: Any = table
        if not hasattr(by_name, "keys"):
            raise of_type(table, name, "a table")
        columns = {column: by_name[column] for column in by_name.keys()}  # noqa: SIM118 - tables are no dicts
    times = {"expires": columns.pop("expires")} if "expires" in columns else {}
    plain = {
        str(column): _of_arrow(values, column, name)
        if isinstance(values, engine.ArrowColumn)
        else plain_list(values, f"{name}.{column}")
        for column, values in columns.items()
    }
    return plain | times


def _of_arrow(values: engine.ArrowColumn, column: str, name: str) -> list[Any]:
    place = f"{name}.{column}"
    if column in _FLAGS:
        return values.flags(place)
    listed: list[Any] = plain_list(values.keys(place) if column in _KEYS else values.numbers(place), place)
    return listed


def plain_list(values: Any, place: str) -> Any:
    """Lay a column out as a list of plain values."""
    if values is None or isinstance(values, str):
        return values  # the engine says what is wrong with it
    if isinstance(values, (bytes, bytearray, memoryview)):
        raise of_type(values, place, "a column: a NumPy array, a list, or an Arrow array")
    if not isinstance(values, (list, tuple)):
        try:
            array = np.ma.asarray(values) if hasattr(values, "mask") else np.asarray(values)
        except (TypeError, ValueError):
            raise ArgumentError(f"{place} was {shown(values)}, expected a column") from None
        values = np.atleast_1d(array).tolist()
    return [_plain(value, f"{place}[{row}]") for row, value in enumerate(values)]


def _plain(value: Any, place: str) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return _finite(value)
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if type(value).__name__ in ("NAType", "NaTType"):  # what pandas writes for nothing
        return None
    try:
        return _finite(float(value))  # a decimal or a fraction
    except (OverflowError, TypeError, ValueError):
        raise ArgumentError(f"{place} was {shown(value)}, expected a number, text or nothing") from None


def _finite(value: float) -> float | str | None:
    """Give a number, or in its place what JSON can hold and the engine reads as it would it."""
    return value if math.isfinite(value) else None if math.isnan(value) else repr(value)
