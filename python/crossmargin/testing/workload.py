"""What a workload is: a market and the tables of a book on it, with its tables as arrays.

The generators (`reference_workload`, `retail_book`) return these. Beside the market's text, a workload holds what a
program without the engine needs to compute the same margins: tiers, contracts and haircuts as rectangular arrays.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Column = NDArray[Any]
Floats = NDArray[np.float64]
Table = dict[str, Column]


@dataclass(frozen=True)
class TierTable:
    """Maintenance tiers of every instrument, as rectangular arrays.

    The maintenance margin of one position of notional ``u`` is
    ``rate[i, k] * u - deduction[i, k]`` with ``k`` the last tier whose floor is at
    most ``u``. Under the marginal law each slice of the notional pays the rate of its
    own tier; under the flat one nothing is deducted, and the margin jumps at floors.

    Parameters
    ----------
    floor : ndarray of float64, shape (n_instruments, n_tiers)
        Lower bounds in the settlement asset, rising along a row, the first one 0.
    rate : ndarray of float64, shape (n_instruments, n_tiers)
        Maintenance rates as fractions, rising along a row.
    law : {"marginal", "flat"}
        Whether a tier's rate holds for its slice or for the whole.
    """

    floor: Floats
    rate: Floats
    law: str = "marginal"

    @property
    def deduction(self) -> Floats:
        """Amounts that make each row continuous, in the settlement asset; 0 under the flat law.

        ``deduction[k] = deduction[k-1] + floor[k] * (rate[k] - rate[k-1])``.

        Returns
        -------
        ndarray of float64, shape (n_instruments, n_tiers)
            Never negative; the first column is 0.
        """
        if self.law == "flat":
            return np.zeros_like(self.rate)
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
            Notional at the mark in the settlement asset, not negative.

        Returns
        -------
        ndarray of float64, shape (n,)
            In the settlement asset, not negative.
        """
        if self.law == "flat":
            return self._flat_margin(instrument, notional)
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

    def _flat_margin(self, instrument: Column, notional: Floats) -> Floats:
        tiers = np.zeros(len(notional), dtype=np.intp)
        rows = np.arange(len(notional))
        for tier in range(1, self.floor.shape[1]):
            rows = rows[notional[rows] >= self.floor[instrument[rows], tier]]
            tiers[rows] = tier
        margin: Floats = self.rate[instrument, tiers] * notional
        return margin


@dataclass(frozen=True)
class Contracts:
    """How the instruments of a market pay, as arrays in market order.

    With ``x = mark`` for linear contracts and ``x = -1 / mark`` for inverse ones, a
    position gains ``quantity * size * (x(mark) - x(entry))`` of its settlement asset,
    and its notional is ``|quantity * size * x(mark)|`` of it.

    Parameters
    ----------
    inverse : ndarray of bool, shape (n_instruments,)
        Whether the contract pays in its base.
    size : ndarray of float64, shape (n_instruments,)
        Base per contract, or quote per contract for inverse ones.
    settle : ndarray of int32, shape (n_instruments,)
        Number of the settlement asset.
    """

    inverse: NDArray[np.bool_]
    size: Floats
    settle: NDArray[np.int32]


@dataclass(frozen=True)
class Haircuts:
    """Collateral weights by asset: each slice of a quantity counts by its own weight.

    Parameters
    ----------
    floor : ndarray of float64, shape (n_assets, n_tiers)
        Lower ends of the slices, the first one 0, in units of the asset or in the
        valuation asset.
    weight : ndarray of float64, shape (n_assets, n_tiers)
        Share of the slice's value that counts, falling along a row.
    by_value : ndarray of bool, shape (n_assets,)
        Whether the floors of an asset are in the valuation asset.
    """

    floor: Floats
    weight: Floats
    by_value: NDArray[np.bool_]

    def floor_values(self, index: Floats) -> Floats:
        """Lower ends of all slices in the valuation asset.

        Parameters
        ----------
        index : ndarray of float64, shape (n_assets,)
            Price of each asset.

        Returns
        -------
        ndarray of float64, shape (n_assets, n_tiers)
            At these prices.
        """
        values: Floats = self.floor * np.where(self.by_value, 1.0, index)[:, np.newaxis]
        return values

    def collateral_value(self, amounts: Floats, index: Floats) -> Floats:
        """Value that counts, added up over assets; what is owed counts in full.

        Parameters
        ----------
        amounts : ndarray of float64, shape (n, n_assets)
            Equity by asset, each in its own units.
        index : ndarray of float64, shape (n_assets,)
            Price of each asset in the valuation asset.

        Returns
        -------
        ndarray of float64, shape (n,)
            ``sum over assets and slices of weight * slice`` where positive, the whole value where negative.
        """
        value = amounts * index
        counted = self.weight[:, 0] * value
        floor, steps = self.floor_values(index), np.diff(self.weight, axis=1)
        for tier in range(1, floor.shape[1]):
            counted += steps[:, tier - 1] * np.maximum(value - floor[:, tier], 0.0)
        total: Floats = np.where(value < 0.0, value, counted).sum(axis=1)
        return total


@dataclass(frozen=True, repr=False)
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
    orders : dict of str to ndarray or None
        ``account`` int64 rising, ``instrument`` int32, ``quantity`` float64 in contracts
        (buys positive), ``price`` float64, the limit, ``leverage`` float64 and
        ``position_side``; None where the workload has no orders.
    index : ndarray of float64, shape (n_assets,), or None
        Price of each asset in the valuation asset; None where nothing is converted.
    contracts : Contracts or None
        How the instruments pay; None where all are linear, of size 1, in one asset.
    haircuts : Haircuts or None
        How collateral counts; None where it counts in full.
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
    orders: Table | None = None
    index: Floats | None = None
    contracts: Contracts | None = None
    haircuts: Haircuts | None = None

    def __repr__(self) -> str:
        held = f"{self.n_accounts:,} accounts, {self.n_positions:,} positions, {self.n_orders:,} orders"
        return f"Workload({self.name!r}, {held}, {len(self.instruments):,} instruments, seed {self.seed})"

    @property
    def n_orders(self) -> int:
        """Number of rows of ``orders``."""
        return 0 if self.orders is None else len(self.orders["account"])

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
        """Bytes of all tables together, what a caller holds before a book is built."""
        tables = (self.balances, self.positions, self.orders or {})
        return sum(column.nbytes for table in tables for column in table.values())

    def offsets(self) -> NDArray[np.int64]:
        """First position row of each balance row, and the number of rows at the end.

        Meaningful where each account has one balance row and all its positions in
        one pool, as in R1 and R3.

        Returns
        -------
        ndarray of int64, shape (n_balances + 1,)
            Positions ``offsets[i]:offsets[i + 1]`` belong to balance row ``i``.
        """
        return self._starts(self.positions, self.balances["account"])

    def pool_offsets(self) -> NDArray[np.int64]:
        """First position row of each account, and the number of rows at the end.

        Returns
        -------
        ndarray of int64, shape (n_accounts + 1,)
            For workloads whose accounts hold one pool each, such as R1 to R3.
        """
        return self._starts(self.positions, np.unique(self.balances["account"]))

    def order_offsets(self) -> NDArray[np.int64]:
        """First order row of each account, and the number of rows at the end; see `pool_offsets`.

        Returns
        -------
        ndarray of int64, shape (n_accounts + 1,)
            All zero where there are no orders.
        """
        accounts = np.unique(self.balances["account"])
        if self.orders is None:
            return np.zeros(len(accounts) + 1, dtype=np.int64)
        return self._starts(self.orders, accounts)

    @staticmethod
    def _starts(table: Table, accounts: Column) -> NDArray[np.int64]:
        starts = np.searchsorted(table["account"], accounts)
        return np.append(starts, len(table["account"])).astype(np.int64)
