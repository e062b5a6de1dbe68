"""Equity of accounts, without the engine: what soft stops look at."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from crossmargin.testing.watching.ticks import QUOTES, Floats, Levels
from crossmargin.testing.watching.watched import Watched, coded

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Equities:
    """Equity of every account in the valuation asset, in doubles.

    Formula: ``sum index * (wallet_balance + bonus - borrowed) + sum index * quantity * (x(mark) - x(entry))`` over
    assets and positions, divided by the index price of the valuation asset. What is fenced for isolated positions is
    part of the wallet, so that it makes no difference how an account is divided into pools. Where the first test of the
    rules looks at last prices, so do the figures, and these stand for the marks.

    Parameters
    ----------
    watched : Watched
        The book.

    Attributes
    ----------
    sizes : ndarray of float64, shape (n_accounts,)
        The sum of the absolute terms at the start, which rounding errors are relative to.
    """

    def __init__(self, watched: Watched) -> None:
        tables, (names, assets) = watched.tables, watched.names
        accounts = watched.book.accounts
        order = np.argsort(accounts, kind="stable")
        self.n_accounts = len(accounts)
        self.target = assets.index(watched.valuation)
        self._quote = QUOTES.index(watched.book.market.rules["constraints"][0]["price"])

        def rows_of(table: Any) -> NDArray[np.int64]:
            found: NDArray[np.int64] = order[np.searchsorted(accounts[order], table["account"])]
            return found

        balances, positions = tables["balances"], tables.get("positions")
        self._owner = rows_of(balances)
        self._asset = coded(balances["asset"], assets)
        self._cash = np.zeros(len(self._owner))
        for name, sign in _SIGNS.items():
            if name in balances:
                self._cash += sign * np.nan_to_num(balances[name])
        index = self._index(watched.levels)
        cash = np.abs(index[self._asset] * self._cash)
        self.sizes: Floats = np.asarray(np.bincount(self._owner, cash, self.n_accounts), dtype=np.float64)
        if positions is None:
            self._holder = np.zeros(0, dtype=np.int64)
            return
        listed = watched.book.market.instruments
        settles = coded(listed["settle"], assets)
        self._holder = rows_of(positions)
        self._held = watched.positions_in
        self._settle = settles[self._held]
        self._inverse = (listed["payoff"].astype(str) == "inverse")[self._held]
        size = np.ones(len(names)) if "quantity_unit" in tables else listed["contract_size"]
        quanto = np.where(listed["payoff"].astype(str) == "quanto", np.nan_to_num(listed["multiplier"]), 1.0)
        self._amount = positions["quantity"] * (size * quanto)[self._held]
        self._entry = self._coordinate(positions["entry_price"])
        value = np.abs(self._coordinate(self._prices(watched.levels))) + np.abs(self._entry)
        self.sizes += np.bincount(self._holder, index[self._settle] * np.abs(self._amount) * value, self.n_accounts)

    def _coordinate(self, price: Floats) -> Floats:
        with np.errstate(divide="ignore"):
            found: Floats = np.where(self._inverse, -1.0 / price, price)
        return found

    def _prices(self, levels: Levels) -> Floats:
        """Return the price of each position: the one that the first test looks at."""
        return levels.column(self._quote)[self._held]

    def _index(self, levels: Levels) -> Floats:
        index = levels.index.copy()
        if np.isnan(index[self.target]):
            index[self.target] = 1.0
        return index

    def at(self, levels: Levels) -> Floats:
        """Return the equity of each account at prices."""
        index = self._index(levels)
        total = np.bincount(self._owner, index[self._asset] * self._cash, self.n_accounts)
        if len(self._holder):
            profit = self._amount * (self._coordinate(self._prices(levels)) - self._entry)
            total = total + np.bincount(self._holder, index[self._settle] * profit, self.n_accounts)
        equity: Floats = total / index[self.target]
        return equity

    def marks_where(self, levels: Levels, account: int, wanted: float) -> list[tuple[int, float]]:
        """Return for each instrument of an account the mark at which its equity would be the wanted one."""
        index = self._index(levels)
        missing = (wanted - float(self.at(levels)[account])) * index[self.target]
        found = []
        for row in np.flatnonzero(self._holder == account).tolist():
            at = int(self._held[row])
            same = (self._holder == account) & (self._held == at)
            slope = float(np.sum(index[self._settle[same]] * self._amount[same]))
            now = float(self._coordinate(self._prices(levels))[row])
            there = now + missing / slope if slope else 0.0
            price = -1 / there if self._inverse[row] and there else there
            if price > 0:
                found.append((at, price))
        return list(dict.fromkeys(found))


_SIGNS = {"wallet_balance": 1.0, "bonus": 1.0, "borrowed": -1.0}


def exact_equity(pools: list[Any], index: dict[str, Fraction], target: str) -> Fraction:
    """Return the equity of an account from the exact figures of its pools."""
    total = sum((index.get(pool.asset, Fraction(1)) * pool.equity for pool in pools), Fraction(0))
    return total / index.get(target, Fraction(1))
