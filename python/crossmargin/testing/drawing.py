"""What the reference workloads are drawn with: counts, instruments, sizes, entries, leverages, tiers.

R1 is drawn by these as they are; R2 and R3 draw the same pools and then change them. The order in which numbers are
taken from the stream is part of the definition: with another order the same seed gives another book.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from crossmargin.testing.workload import Floats, Table, TierTable

if TYPE_CHECKING:
    from collections.abc import Callable

# The definition of R1. Each name is used once, below.
_MEAN_COUNT_PARAMETER = 0.25  # of the geometric distribution: four draws on average
_MOST_POSITIONS = 60
_POPULARITY_EXPONENT = 1.1
_LOG_MARK_MEAN, _LOG_MARK_SPREAD = 2.0, 3.0
_LOG_NOTIONAL_MEAN, _LOG_NOTIONAL_SPREAD = 7.0, 2.0
_LONG_SHARE = 0.55
_ENTRY_SPREAD = 0.05
_LEAST_LEVERAGE, _MOST_LEVERAGE = 1.5, 50.0
_FIRST_BOUND, _FIRST_BOUND_SPREAD, _BOUND_STEP = 50_000.0, 0.5, 5.0
_FIRST_RATE, _RATE_STEP, _HIGHEST_RATE = Decimal("0.004"), Decimal("1.6"), Decimal("0.5")
_LEAST_MARGIN_RATIO = 1.05

_FIRST_ACCOUNT, _MOST_ACCOUNT_GAP = 10_000_000, 9

Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Drawn:
    """Pools as drawn: for each some columns, and so many rows of the position and order columns.

    Parameters
    ----------
    counts : ndarray of int64
        Positions of each pool.
    pools : dict of str to ndarray
        A value or a row per pool, such as ``wallet_balance`` and the unrounded ``leverage``.
    positions : dict of str to ndarray
        Columns with ``counts.sum()`` rows, pool by pool.
    order_counts : ndarray of int64
        Orders of each pool; empty where the workload has none.
    orders : dict of str to ndarray
        Columns with ``order_counts.sum()`` rows, pool by pool.
    """

    counts: Counts
    pools: Table
    positions: Table
    order_counts: Counts = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    orders: Table = field(default_factory=dict)

    def pool_of_position(self) -> Counts:
        """Say in which pool each position is."""
        return np.repeat(np.arange(len(self.counts)), self.counts)

    def kept(self, keep: NDArray[np.bool_]) -> Drawn:
        """Keep whole pools.

        Parameters
        ----------
        keep : ndarray of bool
            By pool.

        Returns
        -------
        Drawn
            Those pools in the same order.
        """
        rows = np.repeat(keep, self.counts)
        kept = Drawn(
            self.counts[keep],
            {name: column[keep] for name, column in self.pools.items()},
            {name: column[rows] for name, column in self.positions.items()},
        )
        if not self.orders:
            return kept
        rows = np.repeat(keep, self.order_counts)
        orders = {name: column[rows] for name, column in self.orders.items()}
        return Drawn(kept.counts, kept.pools, kept.positions, self.order_counts[keep], orders)


def joined(parts: list[Drawn]) -> Drawn:
    """Put pools one after another.

    Parameters
    ----------
    parts : list of Drawn
        At least one, all with the same columns.

    Returns
    -------
    Drawn
        All of their pools.
    """

    def tables(name: str) -> Table:
        columns = getattr(parts[0], name)
        return {column: np.concatenate([getattr(part, name)[column] for part in parts]) for column in columns}

    counts = np.concatenate([part.counts for part in parts])
    order_counts = np.concatenate([part.order_counts for part in parts])
    return Drawn(counts, tables("pools"), tables("positions"), order_counts, tables("orders"))


def draw_marks(rng: np.random.Generator, n_instruments: int) -> Floats:
    """Mark prices: lognormal(2, 3)."""
    return rng.lognormal(_LOG_MARK_MEAN, _LOG_MARK_SPREAD, n_instruments)


def draw_tiers(rng: np.random.Generator, n_instruments: int) -> TierTable:
    """Marginal tiers: first bound ``50,000 * exp(N(0, 0.5))``, each next 5x; rates ``0.004 * 1.6 ** t`` up to 0.5."""
    rates = [_FIRST_RATE]
    while rates[-1] < _HIGHEST_RATE:
        rates.append(min(rates[-1] * _RATE_STEP, _HIGHEST_RATE))
    first = _FIRST_BOUND * np.exp(rng.normal(0.0, _FIRST_BOUND_SPREAD, n_instruments))
    bounds = first[:, np.newaxis] * _BOUND_STEP ** np.arange(len(rates) - 1)
    floor = np.concatenate([np.zeros((n_instruments, 1)), bounds], axis=1)
    rate = np.tile(np.array([float(rate) for rate in rates]), (n_instruments, 1))
    return TierTable(floor=floor, rate=rate)


def draw_accounts(rng: np.random.Generator, n_pools: int) -> Counts:
    """Account numbers: rising, with gaps."""
    gaps = rng.integers(1, _MOST_ACCOUNT_GAP, n_pools, endpoint=True)
    accounts: Counts = _FIRST_ACCOUNT + np.cumsum(gaps, dtype=np.int64)
    return accounts


def draw_popular(rng: np.random.Generator, size: int, n_instruments: int) -> Counts:
    """Instruments by popularity, ``rank ** -1.1``."""
    weights = np.arange(1, n_instruments + 1, dtype=np.float64) ** -_POPULARITY_EXPONENT
    # the last bound is left out, so that rounding cannot yield an index past the end
    cumulative = np.cumsum(weights[:-1] / weights.sum())
    ranks: Counts = np.searchsorted(cumulative, rng.random(size), side="right")
    return ranks


def draw_notional(rng: np.random.Generator, size: int) -> Floats:
    """Notionals: lognormal(7, 2)."""
    return rng.lognormal(_LOG_NOTIONAL_MEAN, _LOG_NOTIONAL_SPREAD, size)


def draw_side(rng: np.random.Generator, size: int) -> Floats:
    """Sides, 1 for long: 55 % of all."""
    return np.where(rng.random(size) < _LONG_SHARE, 1.0, -1.0)


def draw_entry(rng: np.random.Generator, mark: Floats) -> Floats:
    """Entry prices: ``mark * exp(N(0, 0.05))``."""
    entry: Floats = mark * np.exp(rng.normal(0.0, _ENTRY_SPREAD, len(mark)))
    return entry


def whole_leverage(leverage: Floats) -> Floats:
    """Leverage as it is set at a venue: rounded down, at least 1."""
    whole: Floats = np.maximum(np.floor(leverage), 1.0)
    return whole


def draw_living(n_pools: int, draw: Callable[[int], Drawn], margin_ratio: Callable[[Drawn], Floats]) -> Drawn:
    """Draw until enough pools have a margin ratio of 1.05: plain rejection of whole pools, in rounds.

    Parameters
    ----------
    n_pools : int
        How many pools are wanted.
    draw : callable
        Draws so many pools.
    margin_ratio : callable
        Margin ratio of each pool drawn.

    Returns
    -------
    Drawn
        The others keep the distribution that they were drawn from.
    """
    rounds: list[Drawn] = []
    missing = n_pools
    while missing > 0:
        drawn = draw(missing)
        kept = drawn.kept(margin_ratio(drawn) >= _LEAST_MARGIN_RATIO)
        rounds.append(kept)
        missing -= len(kept.counts)
    return joined(rounds)


def draw_pools(rng: np.random.Generator, n_pools: int, marks: Floats) -> Drawn:
    """Draw pools of R1, alive or not.

    Parameters
    ----------
    rng : numpy.random.Generator
        The stream.
    n_pools : int
        How many.
    marks : ndarray of float64
        Mark price of each instrument, all linear.

    Returns
    -------
    Drawn
        Pools with ``wallet_balance`` and ``leverage``; positions with ``instrument``, rising within a pool,
        ``quantity``, ``entry_price`` and ``leverage``.
    """
    n_instruments = len(marks)
    draws = np.minimum(rng.geometric(_MEAN_COUNT_PARAMETER, n_pools), _MOST_POSITIONS)
    ranks = draw_popular(rng, int(draws.sum()), n_instruments)
    keys = np.repeat(np.arange(n_pools, dtype=np.int64) * n_instruments, draws) + ranks
    keys.sort()
    keys = keys[np.diff(keys, prepend=-1) > 0]
    pool, instrument = np.divmod(keys, n_instruments)
    counts = np.bincount(pool, minlength=n_pools)

    notional = draw_notional(rng, len(keys))
    side = draw_side(rng, len(keys))
    mark = marks[instrument]
    entry_price = draw_entry(rng, mark)
    spread = np.log(_LEAST_LEVERAGE), np.log(_MOST_LEVERAGE)
    leverage = np.exp(rng.uniform(*spread, n_pools))
    gross = np.bincount(pool, weights=notional, minlength=n_pools)
    return Drawn(
        counts,
        {"wallet_balance": gross / leverage, "leverage": leverage},
        {
            "instrument": instrument.astype(np.int32),
            "quantity": side * notional / mark,
            "entry_price": entry_price,
            "leverage": np.repeat(whole_leverage(leverage), counts),
        },
    )


def sum_by_pool(drawn: Drawn, values: Floats) -> Floats:
    """Add a value per position up to pools; every pool has a position."""
    starts = np.cumsum(drawn.counts) - drawn.counts
    sums: Floats = np.add.reduceat(values, starts)
    return sums
