"""When two programs agree on liquidation prices, and whether a price is one by definition."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from crossmargin.testing import Workload
from harness.contender import ONE_PRICE, RELATIVE_TOLERANCE, Contender, Floats
from peers.expected import equity_and_margin

SAMPLE = 20_000  # positions whose prices are held against the definition
_LOW, _HIGH = 2.0**-250, 2.0**250  # marks beyond those of any contract
_NEIGHBOURS = 1e-12  # two marks next to each other are far closer than this


@dataclass(frozen=True)
class PriceOutputs:
    """The prices of every position, in the order of the rows; NaN where there is none."""

    below: Floats
    above: Floats
    liquidation_price: Floats


@dataclass(frozen=True)
class Precision:
    """What plain doubles can tell of the prices of R1.

    Parameters
    ----------
    prices : ndarray of float64
        How far the same price may be off besides a relative 1e-9, per position: 1e-9
        of the amounts that entered it, over the size of the position.
    undecided : ndarray of bool
        Positions where a side, or whether there is a price, hangs on less than that.
    """

    prices: Floats
    undecided: NDArray[np.bool_]


def precision(workload: Workload) -> Precision:
    """Work out the tolerances of R1 at the marks of a workload."""
    positions, wallet = workload.positions, workload.balances["wallet_balance"]
    quantity, mark = positions["quantity"], workload.marks[positions["instrument"]]
    pool = np.repeat(np.arange(len(wallet)), np.diff(workload.pool_offsets()))
    amounts = np.abs(wallet) + np.bincount(pool, np.abs(quantity) * (mark + positions["entry_price"]))
    equity, margin = equity_and_margin(workload, mark)
    excess, amounts = (equity - margin)[pool], amounts[pool]
    tiers = workload.tiers
    assert tiers is not None
    own = quantity * mark - tiers.maintenance_margin(positions["instrument"], np.abs(quantity) * mark)
    least = RELATIVE_TOLERANCE * amounts
    undecided = (np.abs(excess) <= least) | (np.abs(excess - own) <= least)
    return Precision(least / np.abs(quantity), undecided)


def check_prices(contender: Contender, expected: PriceOutputs, limits: Precision) -> PriceOutputs:
    """Run a contender once and compare its prices; returns them.

    Raises
    ------
    ValueError
        If a price is out of tolerance, or there where there should be none; the text
        names the first such position.
    """
    assert contender.read is not None
    contender.before()
    got: PriceOutputs = contender.read(contender.run())
    for output in (ONE_PRICE,) if contender.outputs == ONE_PRICE else ("below", "above", ONE_PRICE):
        theirs, ours = getattr(got, output), getattr(expected, output)
        tolerance = limits.prices + RELATIVE_TOLERANCE * np.abs(ours)
        with np.errstate(invalid="ignore"):
            same = (np.isnan(theirs) & np.isnan(ours)) | (np.abs(theirs - ours) <= tolerance)
        rows = ~(same | limits.undecided)
        if rows.any():
            row = int(np.argmax(rows))
            raise ValueError(
                f"{contender.name}: {output}[{row}] was {float(theirs[row])!r}, expected {float(ours[row])!r}; "
                f"{int(rows.sum())} positions differ"
            )
    return got


def check_definition(name: str, got: PriceOutputs, workload: Workload) -> None:
    """Hold the first positions' prices against the definition, with nothing solved.

    Where a price is, the pool's excess is zero to 1e-9 of the amounts in it; where none
    is, the excess has one sign at all marks. In R1 and R2 the excess rises with the mark
    of a long position and falls with that of a short one, so one look suffices.

    Raises
    ------
    ValueError
        If one is not; the text names the position.
    """
    copies, moved = _copies(workload, SAMPLE)
    own = copies.marks[copies.positions["instrument"][moved]]
    price, n = got.liquidation_price[: len(moved)], len(moved)
    has = ~np.isnan(price)
    now, _ = _excess_at(copies, moved, own)
    ends = [_excess_at(copies, moved, np.full(n, end)) for end in (_LOW, _HIGH)]
    there, amounts = _excess_at(copies, moved, np.where(has, price, own))
    decided = np.logical_and.reduce([np.abs(excess) > RELATIVE_TOLERANCE * scale for excess, scale in ends])
    under = (copies.positions["quantity"][moved] > 0) == (now > 0)  # which side the change is on
    side, other = np.where(under, got.below[:n], got.above[:n]), np.where(under, got.above[:n], got.below[:n])
    with np.errstate(invalid="ignore"):
        faults: Mapping[str, NDArray[np.bool_]] = {
            "the excess there is not zero": has & (np.abs(there) > RELATIVE_TOLERANCE * amounts),
            "there is a price or none, against the signs": decided & (has != (ends[0][0] * ends[1][0] < 0)),
            "the last safe mark is not beside it": has & ~(np.abs(side / price - 1.0) <= _NEIGHBOURS),
            "a safe side has a price": ~np.isnan(other) | (~has & ~np.isnan(side)),
        }
    for fault, rows in faults.items():
        if rows.any():
            row = int(np.argmax(rows))
            found = float(price[row])
            raise ValueError(f"{name}: liquidation_price[{row}] is {found!r}, but {fault}; {rows.sum()} positions")


def _copies(workload: Workload, n_positions: int) -> tuple[Workload, NDArray[np.int64]]:
    """Copy the pool of each of the first positions, so that its mark can move alone; and the row that moves."""
    offsets = workload.pool_offsets()
    n_pools = min(int(np.searchsorted(offsets, n_positions)), len(offsets) - 1)
    counts = np.diff(offsets[: n_pools + 1])
    pool = np.repeat(np.arange(n_pools), counts)
    length = counts[pool]
    starts = np.cumsum(length) - length
    rows = np.repeat(offsets[pool] - starts, length) + np.arange(length.sum())
    n_assets = len(workload.balances["account"]) // workload.n_accounts
    held = (pool[:, np.newaxis] * n_assets + np.arange(n_assets)).ravel()
    copy = np.arange(len(pool))
    positions = {name: column[rows] for name, column in workload.positions.items()}
    balances = {name: column[held] for name, column in workload.balances.items()}
    positions["account"], balances["account"] = np.repeat(copy, length), np.repeat(copy, n_assets)
    return replace(workload, positions=positions, balances=balances), starts + copy - offsets[pool]


def _excess_at(copies: Workload, moved: NDArray[np.int64], price: Floats) -> tuple[Floats, Floats]:
    """Excess of each copy with its position marked at a price, and the sum of the amounts in it."""
    held = copies.positions["instrument"]
    mark = copies.marks[held]
    mark[moved] = price
    equity, margin = equity_and_margin(copies, mark)
    return equity - margin, _amounts(copies, mark)


def _amounts(copies: Workload, mark: Floats) -> Floats:
    positions, contracts, index = copies.positions, copies.contracts, copies.index
    held, entry, quantity = positions["instrument"], positions["entry_price"], np.abs(positions["quantity"])
    wallet, worth = np.abs(copies.balances["wallet_balance"]), quantity * (mark + entry)
    if contracts is not None and index is not None:
        worth = np.where(contracts.inverse[held], quantity * (1.0 / mark + 1.0 / entry), worth)
        worth *= contracts.size[held] * index[contracts.settle[held]]
        wallet = wallet * index[copies.balances["asset"]]
    copy = np.repeat(np.arange(copies.n_accounts), np.diff(copies.pool_offsets()))
    cash = np.bincount(copies.balances["account"], wallet)
    amounts: Floats = cash + np.bincount(copy, worth)
    return amounts
