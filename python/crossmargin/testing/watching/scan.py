"""The full scan that a monitor is compared with: every pool and account, at the prices of one moment.

Whether a pool is liquidatable is asked of `crossmargin.score`, which decides exactly. Levels of the margin ratio and
soft stops are compared in doubles where they are far from equal, and by the reference in exact fractions where not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from crossmargin.reference import exact
from crossmargin.reference.figures import score_pool
from crossmargin.reference.score import situation
from crossmargin.reference.values import parsed
from crossmargin.reference.verdict import at_risk
from crossmargin.testing.watching.equities import Equities, exact_equity

if TYPE_CHECKING:
    import crossmargin as xm
    from crossmargin.testing.watching.ticks import Floats, Levels
    from crossmargin.testing.watching.watched import Watched

Flags = NDArray[np.bool_]

OUTPUTS = ("liquidatable", "margin_ratio", "excess")

_NEAR = 1e-9
"""A ratio this near a level, relative to it, is decided in fractions; no rounding of these books comes near it."""

_NEAR_EQUITY = 1e-12
"""The same of an equity, relative to all that it is made of."""


@dataclass(frozen=True)
class State:
    """Flags at one moment.

    Parameters
    ----------
    pools : ndarray of bool, shape (n_pools, n_ratios + 1)
        Levels of the ratio, falling, then liquidation.
    accounts : ndarray of bool, shape (n_accounts,)
        Soft stops.
    """

    pools: Flags
    accounts: Flags

    def latched(self, before: State | None, *, liquidation: bool) -> State:
        """Return the flags where soft stops, and liquidation if it is asked for, stay once they are set."""
        if before is None:
            return self
        pools = self.pools
        if liquidation:
            pools = pools.copy()
            pools[:, -1] |= before.pools[:, -1]
        return State(pools, self.accounts | before.accounts)


class Scan:
    """Scans of one book.

    Parameters
    ----------
    watched : Watched
        The book.
    everything : bool
        Whether every account is scored by the reference too, at every moment: for books of a few accounts.
    """

    def __init__(self, watched: Watched, *, everything: bool = False) -> None:
        self._watched = watched
        self._everything = everything
        self._levels = np.array(watched.ratios)
        self._first = watched.book._core.first_pools()
        self._account_of = np.repeat(
            np.arange(watched.book.n_accounts), np.diff(self._first, append=watched.book.n_pools)
        )
        self._equities = None if watched.soft_stop is None else Equities(watched)
        self._scores: xm.Scores | None = None
        self.n_exact = 0
        self.references = self._references()

    def _references(self) -> Floats:
        watched = self._watched
        given = np.full(watched.book.n_accounts, np.nan) if watched.references is None else watched.references
        if self._equities is None or not np.isnan(given).any():
            return given
        now = self.score(watched.levels, "all").accounts(watched.valuation)["equity"]
        found: Floats = np.where(np.isnan(given), now, given)
        return found

    @property
    def first_pools(self) -> NDArray[Any]:
        """The first pool of each account."""
        return np.asarray(self._first)

    @property
    def account_of(self) -> NDArray[np.int64]:
        """The account of each pool."""
        return self._account_of

    def score(self, levels: Levels, outputs: Any = OUTPUTS) -> xm.Scores:
        """Score the book at prices; arrays of the usual outputs are used again."""
        import crossmargin as xm

        book = self._watched.book
        prices = book.market.prices(levels.mark, levels.index, levels.last)
        if outputs != OUTPUTS:
            return xm.score(book, prices, outputs)
        self._scores = xm.score(book, prices, OUTPUTS, out=self._scores)
        return self._scores

    def at(self, levels: Levels) -> State:
        """Return the flags at prices."""
        scores = self.score(levels)
        ratio = scores["margin_ratio"]
        n_levels = len(self._levels)
        pools = np.empty((len(ratio), n_levels + 1), dtype=np.bool_)
        near = np.zeros(len(ratio), dtype=np.bool_)
        for at, level in enumerate(self._watched.ratios):
            np.less(ratio, level, out=pools[:, at])
            near |= np.abs(ratio - level) <= _NEAR * level
        pools[:, n_levels] = scores["liquidatable"] if self._watched.liquidation else False
        accounts, close = self._stops(levels)
        if self._everything:
            doubtful = np.arange(self._watched.book.n_accounts)
        else:
            doubtful = np.union1d(self._account_of[near], np.flatnonzero(close))
        for account in doubtful.tolist():
            self._decide(account, levels, pools, accounts)
        return State(pools, accounts)

    def _stops(self, levels: Levels) -> tuple[Flags, Flags]:
        count = self._watched.book.n_accounts
        if self._equities is None or self._watched.soft_stop is None:
            return np.zeros(count, dtype=np.bool_), np.zeros(count, dtype=np.bool_)
        equity, sizes = self._equities.at(levels), self._equities.sizes
        bar = (1 - self._watched.soft_stop) * self.references
        watched = self.references > 0
        stopped: Flags = watched & (equity <= bar)
        close: Flags = watched & (np.abs(equity - bar) <= _NEAR * np.abs(bar) + _NEAR_EQUITY * sizes)
        return stopped, close

    def _decide(self, account: int, levels: Levels, pools: Flags, accounts: Flags) -> None:
        """Decide an account in fractions; what was decided for sure must be the same."""
        self.n_exact += 1
        found, stopped = self.exactly(account, levels)
        start = int(self._first[account])
        rows = slice(start, start + len(found))
        if (pools[rows, -1] != found[:, -1]).any():
            raise AssertionError(f"score and the reference disagree on account {account}: {levels}")
        pools[rows] = found
        accounts[account] = stopped

    def exactly(self, account: int, levels: Levels) -> tuple[Flags, bool]:
        """Return the flags of an account's pools, and its soft stop, by the reference."""
        watched = self._watched
        key = watched.book.accounts[account]
        prices = levels.named(watched.names)
        rows = watched.rows(key)
        now = situation(
            watched.specified,
            rows.pop("balances", []),
            rows.pop("positions", []),
            prices["mark"],
            index=prices["index"],
            last=prices["last"],
            **rows,
        )
        runs = now.runs(_fractions())
        scored = [(score_pool(runs, pool), at_risk(next(iter(runs.values())), pool)) for pool in now.pools]
        found = np.zeros((len(scored), len(watched.ratios) + 1), dtype=np.bool_)
        for row, (pool, risk) in enumerate(scored):
            for at, level in enumerate(watched.ratios):
                required = pool.maintenance_margin
                found[row, at] = risk and required > 0 and pool.collateral_value < exact(level) * required
            found[row, -1] = bool(watched.liquidation) and pool.liquidatable
        reference = float(self.references[account])
        if watched.soft_stop is None or not reference > 0:
            return found, False
        index = {name: exact(price) for name, price in prices["index"].items()}
        equity = exact_equity([pool for pool, _ in scored], index, watched.valuation)
        return found, bool(equity <= (1 - exact(watched.soft_stop)) * parsed(reference, "reference"))


def _fractions() -> Any:
    from fractions import Fraction

    return Fraction
