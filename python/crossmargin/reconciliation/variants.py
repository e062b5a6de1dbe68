"""An account at other prices: at the marks that the venue's figures imply, at entry prices, around one price."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from crossmargin.prices import Prices
    from crossmargin.reconciliation.figures import Figures

Row = dict[str, Any]


def with_marks(figures: Figures, marks: Mapping[str, float]) -> Prices:
    """Replace the marks of some instruments; and their last prices where there are such."""
    prices, order = figures.prices, figures.accounts.order
    mark, last = prices.mark, prices.last
    for name, value in marks.items():
        at = order[name]
        mark[at] = value
        if not math.isnan(last[at]):
            last[at] = value
    return figures.book.market.prices(mark=mark, index=_known(prices.index), last=_known(last))


def _known(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any] | None:
    return None if bool(np.isnan(values).all()) else values


def at_entry(figures: Figures, account: Any) -> dict[str, float]:
    """Give the entry prices of an account's instruments, of those that have one only."""
    entries: dict[str, set[float]] = {}
    for position in figures.positions(account):
        entries.setdefault(position["instrument"], set()).add(position["entry_price"])
    return {name: found.pop() for name, found in entries.items() if len(found) == 1}


def implied_mark(position: Row, contract: Row, field: str, value: float) -> float | None:
    """Give the mark at which a position has the notional or unrealised profit that was reported.

    A linear contract is worth ``size * mark``, an inverse one ``size / mark``.
    """
    amount = position["quantity"] * contract["contract_size"]
    inverse = contract["payoff"] == "inverse"
    if amount == 0 or contract["payoff"] not in ("linear", "inverse"):
        return None
    entry = position["entry_price"]
    if field == "notional":
        mark = abs(amount) / value if inverse and value else abs(value / amount)
    else:
        there = 1 / entry - value / amount if inverse else entry + value / amount
        mark = there if not inverse else 1 / there if there else 0.0
    return mark if math.isfinite(mark) and mark > 0 else None


def implied_marks(rows: Iterable[Row], figures: Figures) -> dict[str, float]:
    """Give the mark of each instrument that an account's reported positions imply, by notional before profit."""
    marks: dict[str, float] = {}
    ordered = sorted(
        (row for row in rows if row["level"] == "position" and row["field"] in ("notional", "unrealized_pnl")),
        key=lambda row: row["field"] != "notional",
    )
    for row in ordered:
        held = figures.positions_of(row)
        if len(held) != 1 or row["instrument"] in marks:
            continue
        mark = implied_mark(held[0], figures.contracts[row["instrument"]], row["field"], row["theirs"])
        if mark is not None:
            marks[row["instrument"]] = mark
    return marks


def flips(figures: Figures, row: Row, window: float) -> bool | None:
    """Say whether the verdict of a position's pool changes within a window around a price."""
    prices: Sequence[float] = (row["theirs"] - window, row["theirs"] + window)
    verdicts = []
    for price in prices:
        if price <= 0:
            return None
        pools = figures.at(with_marks(figures, {row["instrument"]: price}), row["account"]).pool_of(row)
        if len(pools) != 1:
            return None
        verdicts.append(bool(pools[0]["liquidatable"]))
    return verdicts[0] != verdicts[1]
