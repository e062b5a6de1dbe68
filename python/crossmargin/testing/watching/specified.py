"""The monitor of the reference beside that of the engine, and their events in one shape."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crossmargin.reference import ledger
from crossmargin.reference.accounts import read_accounts
from crossmargin.reference.monitor import QUOTES, Alerts, Event, Monitor
from crossmargin.testing.watching.watched import Watched, reference_rows

if TYPE_CHECKING:
    from crossmargin.testing.watching.ticks import Levels

EventRow = tuple[Any, ...]
"""Frame, account, kind, asset, instrument, side, alert, level, change."""


def specified_monitor(watched: Watched, references: dict[Any, float] | None = None) -> Monitor[Any]:
    """Return a monitor of the reference for a book, in exact fractions.

    Parameters
    ----------
    watched : Watched
        A book of a few accounts, in contracts.
    references : dict, optional
        What losses are relative to, by account; by default those of the book.

    Returns
    -------
    crossmargin.reference.monitor.Monitor
        At the first prices.
    """
    market = watched.specified
    tables = reference_rows(watched.tables)
    alerts = Alerts(
        watched.liquidation, watched.ratios, watched.soft_stop, None if watched.soft_stop is None else watched.valuation
    )
    if references is None and watched.references is not None:
        pairs = zip(watched.book.accounts.tolist(), watched.references.tolist(), strict=True)
        references = {key: value for key, value in pairs if value == value}  # noqa: PLR0124 - NaN
    holdings = holdings_of(watched, tables)
    return Monitor(
        market,
        holdings,
        watched.levels.named(watched.names),
        alerts,
        references,
        read_accounts(market, tables.get("accounts", ())),
    )


def holdings_of(watched: Watched, tables: dict[str, Any]) -> dict[Any, ledger.Holding]:
    """Read tables as the accounts of the reference."""
    others = {name: rows for name, rows in tables.items() if name not in ("balances", "positions")}
    return ledger.read_holdings(watched.specified, tables.get("balances", ()), tables.get("positions", ()), **others)


def named_frame(watched: Watched, frame: tuple[Any, Any, Any]) -> dict[str, dict[str, float]]:
    """Return a frame by name, as both programs take it; of several ticks of one price the last one counts."""
    instruments, assets = watched.names
    found: dict[str, dict[str, float]] = {}
    for quote, at, price in zip(*(column.tolist() for column in frame), strict=True):
        names = assets if QUOTES[quote] == "index" else instruments
        found.setdefault(QUOTES[quote], {})[names[at]] = price
    return found


def specified_rows(events: list[Event[Any]], valuation: str | None) -> list[EventRow]:
    """Return events of the reference as rows."""
    return [
        (
            event.frame,
            event.account,
            *(event.pool or ("account", valuation, None, None)),
            event.alert,
            event.level,
            "entered" if event.entered else "left",
        )
        for event in events
    ]


def engine_rows(events: Any) -> list[EventRow]:
    """Return events of the engine as rows."""
    return [
        (
            event.frame,
            event.account,
            *(event.kind, event.asset, event.instrument, event.side),
            event.alert,
            event.level if event.level == event.level else None,
            event.change,
        )
        for event in events
    ]


def levels_of(monitor: Monitor[Any], watched: Watched, start: Levels) -> Levels:
    """Return the prices of a monitor of the reference in market order."""
    levels = start.copy()
    instruments, assets = watched.names
    for quote, prices in monitor.prices.items():
        names = assets if quote == "index" else instruments
        for name, price in prices.items():
            levels.column(QUOTES.index(quote))[names.index(name)] = float(price)
    return levels
