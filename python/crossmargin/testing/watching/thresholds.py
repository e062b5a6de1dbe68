"""Books whose pools and accounts lie exactly on a level, or one double beside it: only exact arithmetic tells.

Cash moves until the exact figures are there: the excess of the trigger, the excess over a level of the margin ratio, or
the equity at which an account is stopped.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np

from crossmargin.reference import PoolScore, ReferenceInputError, exact, score
from crossmargin.testing.watching.drawn import digits
from crossmargin.testing.watching.edges import ulps_away
from crossmargin.testing.watching.equities import exact_equity
from crossmargin.testing.watching.watched import SOFT_STOP, Watched, reference_rows

Tables = dict[str, list[dict[str, Any]]]
Figure = Callable[[Fraction], Fraction]

ON_EDGE = ", on thresholds"
"""What the names of such books end in."""

_MOST_STEPS = 8
_LARGEST = Fraction(2) ** 200
_ULPS = (-1, 0, 0, 1)


def on_thresholds(watched: Watched, seed: int) -> Watched:
    """Put the accounts of a small book on thresholds.

    Parameters
    ----------
    watched : Watched
        A book of at most some hundreds of accounts.
    seed : int
        Draws which threshold, and how many doubles beside it.

    Returns
    -------
    Watched
        The same accounts with other cash, and other references of losses.

    Examples
    --------
    >>> from crossmargin.testing.watching.books import book_kinds
    >>> edge = on_thresholds(book_kinds()["marginal tiers"](6, 1), seed=2)
    >>> edge.kind, edge.book.n_accounts
    ('marginal tiers, on thresholds', 6)
    """
    import crossmargin as xm

    rng = np.random.Generator(np.random.PCG64(seed))
    tables = reference_rows(watched.tables)
    unit = tables.pop("quantity_unit", "contracts")
    references = np.full(watched.book.n_accounts, np.nan)
    for at, account in enumerate(watched.book.accounts.tolist()):
        mover = _Mover(watched, tables, account)
        if rng.random() < 0.7:
            mover.pools_to_edges(rng)
        else:
            references[at] = mover.to_stop(rng)
    filled: dict[str, Any] = {name: _filled(rows) for name, rows in tables.items()}
    book = xm.Book(watched.book.market, **filled, quantity_unit=unit)
    return replace(watched, kind=f"{watched.kind}{ON_EDGE}", book=book, references=references)


def _filled(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    names = dict.fromkeys(name for row in rows for name in row)
    return [{name: row.get(name) for name in names} for row in rows]


class _Mover:
    """The rows of one account, whose cash is moved until a figure is what it shall be."""

    def __init__(self, watched: Watched, tables: Tables, account: Any) -> None:
        self.watched, self.account, self.tables = watched, account, tables
        self.own = {name: [row for row in rows if row["account"] == account] for name, rows in tables.items()}
        self.prices = watched.levels.named(watched.names)

    def scores(self) -> list[PoolScore[Fraction]]:
        others: dict[str, Any] = {
            name: rows for name, rows in self.own.items() if name not in ("balances", "positions")
        }
        return score(
            self.watched.specified,
            self.own.get("balances", []),
            self.own.get("positions", []),
            self.prices["mark"],
            index=self.prices["index"],
            last=self.prices["last"],
            **others,
        )

    def pools_to_edges(self, rng: np.random.Generator) -> None:
        """Put the isolated pools on thresholds, then the cross pools, whose cash the others take."""
        for kind in ("isolated", "cross"):
            for pool in [one for one in self.scores() if one.kind == kind and one.maintenance_margin > 0]:
                level = [None, *self.watched.ratios][int(rng.integers(len(self.watched.ratios) + 1))]
                ulps = int(rng.choice(_ULPS))

                def over(now: PoolScore[Fraction], level: float | None = level) -> Fraction:
                    if level is None:
                        return now.excess
                    return now.collateral_value - exact(level) * now.maintenance_margin

                self.move(pool, over, ulps)

    def to_stop(self, rng: np.random.Generator) -> float:
        """Put the account on its soft stop; return the reference that it is relative to."""
        pools = [one for one in self.scores() if one.kind == "cross"]
        equity = self.equity()
        share = 1 - exact(self.watched.soft_stop or SOFT_STOP)
        reference = digits(float(equity / share), 4)
        if equity <= 0 or not pools:
            return reference
        bar = share * exact(reference)
        self.move(pools[0], lambda _: self.equity() - bar, int(rng.choice(_ULPS)))
        return reference

    def equity(self) -> Fraction:
        index = {name: exact(price) for name, price in self.prices["index"].items()}
        return exact_equity(list(self.scores()), index, self.watched.valuation)

    def move(self, pool: PoolScore[Fraction], over: Callable[[PoolScore[Fraction]], Fraction], ulps: int) -> None:
        """Find the cash at which a figure of a pool is zero, by secants, and take the double beside it."""
        row, column = self._cash(pool)
        if row is None:
            return
        kept = row.get(column, 0.0)

        def figure(value: Fraction) -> Fraction:
            row[column] = value
            return over(next(one for one in self.scores() if one.key == pool.key))

        try:
            found = _zero(figure, exact(kept), column)
        except (ReferenceInputError, StopIteration):
            found = None
        row[column] = kept if found is None else ulps_away(float(found), ulps)
        if column == "isolated_margin":
            row[column] = max(row[column], 0.0)

    def _cash(self, pool: PoolScore[Fraction]) -> tuple[dict[str, Any] | None, str]:
        if pool.kind == "isolated":
            told = (pool.instrument, pool.side, "isolated")
            for row in self.own["positions"]:
                if (row["instrument"], row["position_side"], row["margin_mode"]) == told:
                    return row, "isolated_margin"
        balances = self.own.get("balances", [])
        fitting = [row for row in balances if row["asset"] == pool.asset]
        if self.watched.book.market.rules["cross_pool"] == "per_account":
            fitting = fitting or balances
        return (fitting[0] if fitting else None), "wallet_balance"


def _zero(figure: Figure, start: Fraction, column: str) -> Fraction | None:
    """Return where a figure that is linear in pieces is zero."""
    before = start, figure(start)
    at = start - before[1]
    for _ in range(_MOST_STEPS):
        if column == "isolated_margin":
            at = max(at, Fraction(0))
        if abs(at) > _LARGEST or 0 < abs(at) < 1 / _LARGEST:
            return None
        here = at, figure(at)
        if here[1] == 0:
            return at
        slope = here[1] - before[1]
        if slope == 0:
            return None
        before, at = here, here[0] - here[1] * (here[0] - before[0]) / slope
    return None
