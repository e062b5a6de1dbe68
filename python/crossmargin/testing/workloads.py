"""The reference workload R1: the book on which speed is measured.

A workload is a market and the tables of a book on it, drawn from one seed. R1 is a
million cross pools of one asset on 300 instruments with heavy-tailed sizes: most
pools hold one to three positions, a few hold dozens, and popular instruments are
held by nearly everybody. The workloads with several collateral assets, inverse
contracts, orders and flat tiers come with the engine's support for them; they are
not here.

The stream of ``numpy.random.Generator(PCG64(seed))`` decides every number. NumPy may
change how a distribution is sampled between its releases, so a record of a benchmark
names the NumPy version beside the seed.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Sequence

Column = NDArray[Any]
Floats = NDArray[np.float64]
Table = dict[str, Column]

DEFAULT_SEED = 20_241_001
"""The seed of the recorded benchmarks."""

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


@dataclass(frozen=True)
class TierTable:
    """Marginal maintenance tiers of every instrument, as rectangular arrays.

    The maintenance margin of one position of notional ``u`` is
    ``rate[i, k] * u - deduction[i, k]`` with ``k`` the last tier whose floor is at
    most ``u``: each slice of the notional pays the rate of its own tier.

    Parameters
    ----------
    floor : ndarray of float64, shape (n_instruments, n_tiers)
        Lower bounds in the quote asset, rising along a row, the first one 0.
    rate : ndarray of float64, shape (n_instruments, n_tiers)
        Maintenance rates as fractions, rising along a row.
    """

    floor: Floats
    rate: Floats

    @property
    def deduction(self) -> Floats:
        """Amounts that make each row continuous, in the quote asset.

        ``deduction[k] = deduction[k-1] + floor[k] * (rate[k] - rate[k-1])``.

        Returns
        -------
        ndarray of float64, shape (n_instruments, n_tiers)
            Never negative; the first column is 0.
        """
        steps = np.diff(self.rate, axis=1, prepend=self.rate[:, :1])
        deduction: Floats = np.cumsum(self.floor * steps, axis=1)
        return deduction

    def maintenance_margin(self, instrument: Column, notional: Floats) -> Floats:
        """Maintenance margin of positions, each on its own, by plain NumPy.

        Parameters
        ----------
        instrument : ndarray of int, shape (n,)
            Index of each position's instrument.
        notional : ndarray of float64, shape (n,)
            Notional at the mark in the quote asset, not negative.

        Returns
        -------
        ndarray of float64, shape (n,)
            In the quote asset, not negative.
        """
        margin: Floats = self.rate[instrument, 0] * notional
        rows = np.arange(len(notional))
        for tier in range(1, self.floor.shape[1]):
            above = notional[rows] - self.floor[instrument[rows], tier]
            rows, above = rows[above > 0], above[above > 0]
            if len(rows) == 0:
                break
            held = instrument[rows]
            margin[rows] += (self.rate[held, tier] - self.rate[held, tier - 1]) * above
        return margin


@dataclass(frozen=True)
class Workload:
    """A market and the tables of a book on it, drawn from one seed.

    Parameters
    ----------
    name : str
        What the workload is called in benchmark records.
    seed : int
        The seed that every number was drawn from.
    instruments : tuple of str
        Names in market order; ``positions["instrument"]`` indexes it.
    assets : tuple of str
        Names in market order; ``balances["asset"]`` indexes it.
    market_toml : str
        The market in the preset schema, or "" where the caller brought the market.
    tiers : TierTable or None
        The same tiers as in ``market_toml`` as arrays, for programs that compute
        margins without the engine; None where the caller brought the market.
    marks : ndarray of float64, shape (n_instruments,)
        Mark price of each instrument, quote per base.
    balances : dict of str to ndarray
        ``account`` int64 rising, ``asset`` int32, ``wallet_balance`` float64 in the
        asset; one row per account and asset.
    positions : dict of str to ndarray
        ``account`` int64 rising, ``instrument`` int32, ``quantity`` float64 in
        contracts (long positive), ``entry_price`` float64, ``leverage`` float64, and
        what else the workload has (``margin_mode``, ``position_side``).
    """

    name: str
    seed: int
    instruments: tuple[str, ...]
    assets: tuple[str, ...]
    market_toml: str
    tiers: TierTable | None
    marks: Floats
    balances: Table
    positions: Table

    @property
    def n_positions(self) -> int:
        """Number of rows of ``positions``."""
        return len(self.positions["account"])

    @property
    def n_accounts(self) -> int:
        """Number of different accounts in ``balances``."""
        return len(np.unique(self.balances["account"]))

    @property
    def nbytes(self) -> int:
        """Bytes of both tables together, what a caller holds before a book is built."""
        tables = (self.balances, self.positions)
        return sum(column.nbytes for table in tables for column in table.values())

    def offsets(self) -> NDArray[np.int64]:
        """First position row of each balance row, and the number of rows at the end.

        Meaningful where each account has one balance row and all its positions in
        one pool, as in R1.

        Returns
        -------
        ndarray of int64, shape (n_balances + 1,)
            Positions ``offsets[i]:offsets[i + 1]`` belong to balance row ``i``.
        """
        starts = np.searchsorted(self.positions["account"], self.balances["account"])
        return np.append(starts, self.n_positions).astype(np.int64)


@dataclass(frozen=True)
class _Pools:
    """Pools as drawn: ``counts`` rows of the position columns for each wallet."""

    counts: NDArray[np.int64]
    wallet_balance: Floats
    instrument: NDArray[np.int32]
    quantity: Floats
    entry_price: Floats
    leverage: Floats

    def kept(self, keep: NDArray[np.bool_]) -> _Pools:
        """Keep whole pools."""
        rows = np.repeat(keep, self.counts)
        return _Pools(
            counts=self.counts[keep],
            wallet_balance=self.wallet_balance[keep],
            instrument=self.instrument[rows],
            quantity=self.quantity[rows],
            entry_price=self.entry_price[rows],
            leverage=self.leverage[rows],
        )


def reference_workload(
    name: str = "R1",
    *,
    n_pools: int = 1_000_000,
    n_instruments: int = 300,
    seed: int = DEFAULT_SEED,
) -> Workload:
    """Draw the reference workload R1.

    A stand-in for the cross accounts of a large derivatives venue: one settlement
    asset, one-way positions, every account alive with some room above its maintenance
    margin. Benchmarks are stated on it so that they can be repeated.

    Per pool: the number of draws is ``min(geometric(0.25), 60)``; instruments are
    drawn by popularity ``rank ** -1.1`` and repeats within the pool are dropped;
    notionals are lognormal(7, 2); 55 % are long; ``entry_price = mark * exp(N(0,
    0.05))``; ``wallet_balance = gross notional / leverage`` with the leverage
    log-uniform on 1.5..50. Marks are lognormal(2, 3). Tiers: the first bound is
    ``50,000 * exp(N(0, 0.5))``, each next five times as high; the rate is
    ``0.004 * 1.6 ** t``, at most 0.5. Pools whose margin ratio is below 1.05 are
    drawn again as a whole, so that the others keep their distribution.

    Parameters
    ----------
    name : {"R1"}
        Which workload.
    n_pools : int
        Number of pools, one per account, at least 1.
    n_instruments : int
        Number of instruments, at least 1.
    seed : int
        Seed of ``numpy.random.PCG64``.

    Returns
    -------
    Workload
        About 3.5 positions per pool. Accounts are sparse integers in rising order,
        and the positions are sorted by account and instrument. Quantities and prices
        are full doubles, as they come.

    Raises
    ------
    ValueError
        If the name is unknown or a number is below 1.

    Examples
    --------
    >>> from crossmargin.testing import reference_workload
    >>> workload = reference_workload("R1", n_pools=1_000, seed=7)
    >>> workload.n_accounts, workload.instruments[:2], len(workload.marks)
    (1000, ('I000', 'I001'), 300)
    """
    if name != "R1":
        raise ValueError(f"name was {name!r}, expected 'R1'")
    for argument, number in (("n_pools", n_pools), ("n_instruments", n_instruments)):
        if number < 1:
            raise ValueError(f"{argument} was {number}, expected at least 1")
    rng = np.random.Generator(np.random.PCG64(seed))
    marks = rng.lognormal(_LOG_MARK_MEAN, _LOG_MARK_SPREAD, n_instruments)
    tiers = _draw_tiers(rng, n_instruments)
    pools = _draw_living_pools(rng, n_pools, marks, tiers)
    gaps = rng.integers(1, _MOST_ACCOUNT_GAP, n_pools, endpoint=True)
    accounts = _FIRST_ACCOUNT + np.cumsum(gaps, dtype=np.int64)
    instruments = tuple(f"I{index:03d}" for index in range(n_instruments))
    return Workload(
        name=name,
        seed=seed,
        instruments=instruments,
        assets=("USDT",),
        market_toml=_market_toml(instruments, tiers),
        tiers=tiers,
        marks=marks,
        balances={
            "account": accounts,
            "asset": np.zeros(n_pools, dtype=np.int32),
            "wallet_balance": pools.wallet_balance,
        },
        positions={
            "account": np.repeat(accounts, pools.counts),
            "instrument": pools.instrument,
            "quantity": pools.quantity,
            "entry_price": pools.entry_price,
            "leverage": pools.leverage,
        },
    )


def _draw_tiers(rng: np.random.Generator, n_instruments: int) -> TierTable:
    rates = [_FIRST_RATE]
    while rates[-1] < _HIGHEST_RATE:
        rates.append(min(rates[-1] * _RATE_STEP, _HIGHEST_RATE))
    first = _FIRST_BOUND * np.exp(rng.normal(0.0, _FIRST_BOUND_SPREAD, n_instruments))
    bounds = first[:, np.newaxis] * _BOUND_STEP ** np.arange(len(rates) - 1)
    floor = np.concatenate([np.zeros((n_instruments, 1)), bounds], axis=1)
    rate = np.tile(np.array([float(rate) for rate in rates]), (n_instruments, 1))
    return TierTable(floor=floor, rate=rate)


def _draw_living_pools(rng: np.random.Generator, n_pools: int, marks: Floats, tiers: TierTable) -> _Pools:
    """Draw until enough pools have the margin ratio: plain rejection, in rounds."""
    rounds: list[_Pools] = []
    missing = n_pools
    while missing > 0:
        drawn = _draw_pools(rng, missing, marks)
        kept = drawn.kept(_margin_ratio(drawn, marks, tiers) >= _LEAST_MARGIN_RATIO)
        rounds.append(kept)
        missing -= len(kept.counts)
    columns = [tuple(getattr(part, field.name) for field in fields(part)) for part in rounds]
    return _Pools(*(np.concatenate(parts) for parts in zip(*columns, strict=True)))


def _draw_pools(rng: np.random.Generator, n_pools: int, marks: Floats) -> _Pools:
    n_instruments = len(marks)
    draws = np.minimum(rng.geometric(_MEAN_COUNT_PARAMETER, n_pools), _MOST_POSITIONS)
    weights = np.arange(1, n_instruments + 1, dtype=np.float64) ** -_POPULARITY_EXPONENT
    # the last bound is left out, so that rounding cannot yield an index past the end
    cumulative = np.cumsum(weights[:-1] / weights.sum())
    ranks = np.searchsorted(cumulative, rng.random(int(draws.sum())), side="right")
    keys = np.repeat(np.arange(n_pools, dtype=np.int64) * n_instruments, draws) + ranks
    keys.sort()
    keys = keys[np.diff(keys, prepend=-1) > 0]
    pool, instrument = np.divmod(keys, n_instruments)
    counts = np.bincount(pool, minlength=n_pools)

    n_positions = len(keys)
    notional = rng.lognormal(_LOG_NOTIONAL_MEAN, _LOG_NOTIONAL_SPREAD, n_positions)
    side = np.where(rng.random(n_positions) < _LONG_SHARE, 1.0, -1.0)
    mark = marks[instrument]
    entry_price = mark * np.exp(rng.normal(0.0, _ENTRY_SPREAD, n_positions))
    spread = np.log(_LEAST_LEVERAGE), np.log(_MOST_LEVERAGE)
    leverage = np.exp(rng.uniform(*spread, n_pools))
    gross = np.bincount(pool, weights=notional, minlength=n_pools)
    return _Pools(
        counts=counts,
        wallet_balance=gross / leverage,
        instrument=instrument.astype(np.int32),
        quantity=side * notional / mark,
        entry_price=entry_price,
        leverage=np.repeat(np.maximum(np.floor(leverage), 1.0), counts),
    )


def _margin_ratio(pools: _Pools, marks: Floats, tiers: TierTable) -> Floats:
    mark = marks[pools.instrument]
    starts = np.cumsum(pools.counts) - pools.counts
    pnl = np.add.reduceat(pools.quantity * (mark - pools.entry_price), starts)
    notional = np.abs(pools.quantity * mark)
    maintenance = np.add.reduceat(tiers.maintenance_margin(pools.instrument, notional), starts)
    ratio: Floats = (pools.wallet_balance + pnl) / maintenance
    return ratio


_MARKET_HEAD = """\
schema = 1
preset = "reference-workload"
as_of = 2024-10-01
title = "reference workload: one settlement asset, marginal tiers"
venue = "synthetic"

[pools]
cross = "per_asset"
isolated = true

[valuation]
asset = "USDT"

[trigger]
level = 1
zero_fails = true
price = "mark"

[maintenance_margin]
price = "mark"
legs = "each"

[initial_margin]
price = "mark"

[available]
rule = "equity_less_initial"

[withdrawable]
rule = "cash_less_loss_and_initial"

[display]
venue_ratio = "equity_over_maintenance"

[[asset]]
name = "USDT"
quantum = "1e-8"
"""

_INSTRUMENT = """
[[instrument]]
name = "{name}"
base = "{name}"
quote = "USDT"
settle = "USDT"
payoff = "linear"
contract_size = 1
"""

_TIERS = """
[tiers.{name}]
law = "marginal"
bounds = "quote"
floor = [{floor}]
maintenance_rate = [{rate}]
"""


def _market_toml(instruments: Sequence[str], tiers: TierTable) -> str:
    """Write the market; a float is written as its shortest round-trip decimal."""
    parts = [_MARKET_HEAD]
    parts += [_INSTRUMENT.format(name=name) for name in instruments]
    for name, floor, rate in zip(instruments, tiers.floor, tiers.rate, strict=True):
        columns = (", ".join(map(repr, row.tolist())) for row in (floor, rate))
        parts.append(_TIERS.format(name=name, floor=next(columns), rate=next(columns)))
    return "".join(parts)
