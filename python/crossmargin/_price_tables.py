"""Prices of one moment as tables: a row per instrument or asset."""

from __future__ import annotations

from typing import Any

import numpy as np

from crossmargin import _core as engine
from crossmargin._arguments import listed, shown
from crossmargin._tables import is_mapping, no_class
from crossmargin.errors import ArgumentError, PriceError
from crossmargin.table import Table


def by_name(given: Any, name: str, key: str) -> Any:
    """Lay a table with a row per price out by name; leave mappings by name and arrays as they are.

    A table of ``mark`` has the columns ``instrument`` and ``mark_price``, and others that are not read.
    """
    if given is None or isinstance(given, np.ndarray) or (is_mapping(given) and key not in given):
        return given
    columns = _columns(given, name)
    if columns is None or key not in columns:
        return given
    value = f"{name}_price"
    if value not in columns:
        raise ArgumentError(f"{name} was a table without {value}; it needs the columns {key} and {value}")
    keys, prices = columns[key], columns[value]
    place, priced = f"{name}.{key}", f"{name}.{value}"
    keys = keys.keys(place) if isinstance(keys, engine.ArrowColumn) else listed(keys, place)
    prices = prices.numbers(priced) if isinstance(prices, engine.ArrowColumn) else listed(prices, priced)
    if len(keys) != len(prices):
        raise ArgumentError(f"{name} had columns of unequal length")
    named: dict[str, Any] = {}
    for found, price in zip(keys, prices, strict=True):
        if not isinstance(found, str):
            raise PriceError(f"{name} named {shown(found)}, which this market does not have")
        if found in named:
            raise PriceError(f"{name} named {found!r} twice; give one price of each")
        named[found] = price
    return named


def _columns(given: Any, name: str) -> dict[str, Any] | None:
    """Take a table apart; ``None`` for what has no named columns."""
    if is_mapping(given) or isinstance(given, Table):
        return {str(column): given[column] for column in given.keys()}  # noqa: SIM118 - tables are no dicts
    if isinstance(given, (list, tuple)):
        if not given or not all(is_mapping(row) for row in given):
            return None
        return {column: [row.get(column) for row in given] for column in given[0]}
    no_class(given, name)
    try:
        return engine.arrow_columns(given, name)
    except ArgumentError:  # one column, in market order
        return None
