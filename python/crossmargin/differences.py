"""What two markets say differently."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from crossmargin.errors import ArgumentError
from crossmargin.market import Market
from crossmargin.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterator

_OF_THE_FILE = ("as_of", "edition", "extends", "preset", "schema", "source", "title", "venue")
"""Keys that say something of a market file and nothing of a rule."""


def diff(before: Market, after: Market) -> Table:
    """List what differs between two markets, such as two dates of a preset.

    The values compared are those of `Market.to_toml`: all that the market states, in one spelling, whatever it
    extends.

    Parameters
    ----------
    before, after : Market
        The markets.

    Returns
    -------
    Table
        A row per value that differs, by path: ``path`` (of the market file; assets and instruments by name, tiers and
        other elements of lists by number from 1), ``instrument`` (those that it is said of, for instruments and
        tables of tiers, else ``None``), ``before`` and ``after`` (the values as a market file writes them; ``None``
        where there is none) and ``source`` (what the later file cites for the rule, or else the earlier). Titles and
        sources themselves are not compared.

    Raises
    ------
    ArgumentError
        For anything else than two markets.

    Examples
    --------
    >>> import crossmargin as xm
    >>> strict = xm.Market.from_toml('''
    ... extends = "textbook/2020-01-01"
    ... preset = "strict"
    ... as_of = 2024-10-01
    ... [trigger]
    ... zero_fails = true
    ... ''')
    >>> changes = xm.diff(xm.load_market("textbook", as_of="2020-01-01"), strict)
    >>> changes["path"].tolist(), changes["before"].tolist(), changes["after"].tolist()
    (['trigger.zero_fails'], ['false'], ['true'])
    """
    from tomllib import loads  # noqa: PLC0415 - a scoring program does without

    for market, name in ((before, "before"), (after, "after")):
        if not isinstance(market, Market):
            raise ArgumentError(f"{name} was of type {type(market).__name__}, expected a Market")
    texts = [loads(market.to_toml()) for market in (before, after)]
    old, new = (dict(_leaves(text)) for text in texts)
    users = [_users_of_tables(text) for text in texts]
    sources = [dict(zip(market.sources["rule"], market.sources["text"], strict=True)) for market in (before, after)]
    paths = [path for path in {**old, **new} if old.get(path) != new.get(path)]
    paths.sort(key=_order)
    rows: dict[str, list[Any]] = {name: [] for name in ("path", "instrument", "before", "after", "source")}
    for path in paths:
        rows["path"].append(_shown_path(path))
        rows["instrument"].append(_instruments(path, users[path in new]))
        rows["before"].append(_shown(old.get(path)))
        rows["after"].append(_shown(new.get(path)))
        rows["source"].append(_source(path, sources[1]) or _source(path, sources[0]))
    return Table(rows)


_Path = tuple[str | int, ...]


def _leaves(value: Any, path: _Path = ()) -> Iterator[tuple[_Path, Any]]:
    """Walk through the values of a market file, each with its path."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if path or key not in _OF_THE_FILE:
                yield from _leaves(inner, (*path, key))
    elif isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
        for number, item in enumerate(value, 1):
            named = "name" in item and path in {("asset",), ("instrument",)}
            inner = {key: deeper for key, deeper in item.items() if not named or key != "name"}
            yield from _leaves(inner, (*path, item["name"] if named else number))
    elif isinstance(value, list) and value and all(isinstance(item, (int, float)) for item in value):
        for number, item in enumerate(value, 1):
            # A tier is a row: its number comes before the name of the column.
            yield (*path[:-1], number, path[-1]), item
    elif value != [] or path not in {("asset",), ("instrument",)}:
        yield path, value


def _order(path: _Path) -> tuple[tuple[bool, str, int], ...]:
    return tuple(
        (isinstance(part, int), "" if isinstance(part, int) else part, part if isinstance(part, int) else 0)
        for part in path
    )


def _shown_path(path: _Path) -> str:
    shown = ""
    for part in path:
        shown += f"[{part}]" if isinstance(part, int) else f".{part}" if shown else part
    return shown


def _shown(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, (bool, list, dict)):
        return json.dumps(value, default=str)
    return str(value)


def _users_of_tables(text: dict[str, Any]) -> dict[str, list[str]]:
    """Name the instruments under each table of tiers."""
    users: dict[str, list[str]] = {}
    for instrument in text.get("instrument", []):
        tables = [instrument.get("tiers", instrument["name"]), *instrument.get("old_tiers", {}).values()]
        for table in tables:
            users.setdefault(str(table), []).append(instrument["name"])
    return users


def _instruments(path: _Path, users: dict[str, list[str]]) -> str | None:
    if len(path) < 2 or path[0] not in ("instrument", "tiers"):
        return None
    name = str(path[1])
    return name if path[0] == "instrument" else ", ".join(users.get(name, [])) or None


def _source(path: _Path, sources: dict[str, str]) -> str | None:
    """Give the source of the longest rule that the path begins with."""
    parts = [str(part) for part in path]
    for length in range(len(parts), 0, -1):
        found = sources.get(".".join(parts[:length]))
        if found is not None:
            return found
    return None
