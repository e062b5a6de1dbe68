"""Tables of tiers as others write them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from crossmargin._tables import is_mapping
from crossmargin.errors import ArgumentError


def tiers_input(tiers: Any) -> Any:
    """Read a file, and lay the form of ccxt and freqtrade out as a table; leave any other table as it is."""
    if isinstance(tiers, (str, os.PathLike)):
        tiers = _json(tiers)
    if is_mapping(tiers) and "instrument" not in tiers.keys():  # noqa: SIM118 - tables are mappings of columns too
        tiers = _flat_tiers(tiers)
    return tiers


def _json(path: str | os.PathLike[str]) -> Any:
    import json  # noqa: PLC0415 - a scoring program does without

    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except ValueError as error:
        raise ArgumentError(f"tiers was {path}, which is no JSON: {error}") from None


_CCXT = {"floor": "minNotional", "cap": "maxNotional", "maintenance_rate": "maintenanceMarginRate"}


def _flat_tiers(tiers: Any) -> dict[str, list[Any]]:
    """Lay the lists of tiers of ccxt and freqtrade out as a table."""
    table: dict[str, list[Any]] = {"instrument": []}
    table |= {name: [] for name in (*_CCXT, "max_leverage", "deduction")}
    for symbol, rows in tiers.items():
        if not isinstance(rows, (list, tuple)):
            raise ArgumentError(f"tiers[{symbol!r}] was of type {type(rows).__name__}, expected a list of tiers")
        for row in rows:
            if not is_mapping(row):
                raise ArgumentError(f"tiers[{symbol!r}] held a {type(row).__name__}, expected a mapping for each tier")
            table["instrument"].append(symbol)
            for name, theirs in _CCXT.items():
                table[name].append(_number(row.get(theirs), f"tiers[{symbol!r}].{theirs}"))
            table["max_leverage"].append(_number(row.get("maxLeverage"), f"tiers[{symbol!r}].maxLeverage"))
            info = row.get("info")
            published = info.get("cum") if is_mapping(info) else None
            table["deduction"].append(_number(published, f"tiers[{symbol!r}].info.cum"))
    return table


def _number(value: Any, place: str) -> Any:
    """Take numbers as they are; venues write some of them as text."""
    if not isinstance(value, str):
        return value
    try:
        return float(value)
    except ValueError:
        raise ArgumentError(f"{place} was {value!r}, expected a number") from None
