"""The reference workload R2: haircut collateral in three assets, and one position in five on an inverse contract."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from crossmargin.testing import drawing, workload_market
from crossmargin.testing.workload import Contracts, Floats, Haircuts, TierTable, Workload

if TYPE_CHECKING:
    from crossmargin.testing.drawing import Drawn

ASSETS = ("USDT", "BTC", "ETH", "USD")
"""Collateral, and last the valuation asset, which nobody holds."""

INDEX = np.array([0.9995, 62_000.0, 2_450.0, 1.0])
"""Price of each asset in USD."""

# Inverse are the instruments of rank 2, 10, 15, 20, ..., which are 60 of 300: weighed by popularity, rank ** -1.1, they
# hold a fifth of the positions too.
_ALONE, _EVERY = 2, 5
_BASIS_SPREAD = 0.01
_FACE = {1: 100.0, 2: 10.0}  # USD a contract, by number of the settlement asset

# The three tiers of each asset reach down into usual pools, so that all of them are used.
_HAIRCUTS = Haircuts(
    floor=np.array([[0.0, 10_000.0, 1_000_000.0], [0.0, 0.05, 1.0], [0.0, 1.0, 25.0]]),
    weight=np.array([[1.0, 0.99, 0.97], [0.95, 0.9, 0.8], [0.93, 0.87, 0.75]]),
    by_value=np.array([True, False, False]),
)
_LEAST_USDT_SHARE, _MOST_USDT_SHARE = 0.6, 0.9
_LEAST_BTC_SHARE, _MOST_BTC_SHARE = 0.2, 0.8  # of what is not USDT

N_HELD = 3


def draw_multi_asset(n_pools: int, n_instruments: int, seed: int) -> Workload:
    """Draw R2; see `crossmargin.testing.reference_workload`.

    Parameters
    ----------
    n_pools, n_instruments, seed : int
        As there.

    Returns
    -------
    Workload
        With ``index``, ``contracts`` and ``haircuts``.
    """
    rng = np.random.Generator(np.random.PCG64(seed))
    contracts = _contracts(n_instruments)
    marks = drawing.draw_marks(rng, n_instruments)
    dated = INDEX[contracts.settle] * np.exp(rng.normal(0.0, _BASIS_SPREAD, n_instruments))
    marks = np.where(contracts.inverse, dated, marks)
    tiers = drawing.draw_tiers(rng, n_instruments)
    in_settle = np.where(contracts.inverse, INDEX[contracts.settle], 1.0)
    tiers = replace(tiers, floor=tiers.floor / in_settle[:, np.newaxis])

    def draw(count: int) -> Drawn:
        return _with_assets(rng, drawing.draw_pools(rng, count, marks), marks, contracts)

    def margin_ratio(drawn: Drawn) -> Floats:
        return _margin_ratio(drawn, marks, tiers, contracts)

    drawn = drawing.draw_living(n_pools, draw, margin_ratio)
    accounts = drawing.draw_accounts(rng, n_pools)
    instruments = tuple(f"I{index:03d}" for index in range(n_instruments))
    text = (
        workload_market.head("haircut collateral in three assets, linear and inverse", "per_account", ASSETS[-1])
        + workload_market.collateral(ASSETS, _HAIRCUTS)
        + workload_market.listing(ASSETS, instruments, tiers, contracts)
    )
    return Workload(
        name="R2",
        seed=seed,
        instruments=instruments,
        assets=ASSETS,
        market_toml=text,
        tiers=tiers,
        marks=marks,
        balances={
            "account": np.repeat(accounts, N_HELD),
            "asset": np.tile(np.arange(N_HELD, dtype=np.int32), n_pools),
            "wallet_balance": drawn.pools["wallet_balances"].ravel(),
        },
        positions={"account": np.repeat(accounts, drawn.counts), **drawn.positions},
        index=INDEX.copy(),
        contracts=contracts,
        haircuts=_HAIRCUTS,
    )


def _contracts(n_instruments: int) -> Contracts:
    rank = np.arange(1, n_instruments + 1)
    inverse = (rank == _ALONE) | ((rank % _EVERY == 0) & (rank > _EVERY))
    settle = np.where(inverse, 2 - np.cumsum(inverse) % 2, 0).astype(np.int32)
    size = np.where(inverse, np.where(settle == 1, _FACE[1], _FACE[2]), 1.0)
    return Contracts(inverse=inverse, size=size, settle=settle)


def _with_assets(rng: np.random.Generator, drawn: Drawn, marks: Floats, contracts: Contracts) -> Drawn:
    """Spread the cash over the assets, and write the inverse positions in contracts of their face."""
    held = drawn.positions["instrument"]
    in_contracts = np.where(contracts.inverse, marks / contracts.size, 1.0)[held]
    usdt = rng.uniform(_LEAST_USDT_SHARE, _MOST_USDT_SHARE, len(drawn.counts))
    btc = rng.uniform(_LEAST_BTC_SHARE, _MOST_BTC_SHARE, len(drawn.counts))
    shares = np.stack([usdt, (1.0 - usdt) * btc, (1.0 - usdt) * (1.0 - btc)], axis=1)
    wallets = shares * drawn.pools["wallet_balance"][:, np.newaxis] / INDEX[:N_HELD]
    positions = drawn.positions | {"quantity": drawn.positions["quantity"] * in_contracts}
    return replace(drawn, pools={"wallet_balances": wallets}, positions=positions)


def _margin_ratio(drawn: Drawn, marks: Floats, tiers: TierTable, contracts: Contracts) -> Floats:
    held = drawn.positions["instrument"]
    inverse, settle = contracts.inverse[held], contracts.settle[held]
    quantity = drawn.positions["quantity"] * contracts.size[held]
    mark, entry = marks[held], drawn.positions["entry_price"]
    pnl = quantity * np.where(inverse, 1.0 / entry - 1.0 / mark, mark - entry)
    notional = np.abs(quantity * np.where(inverse, 1.0 / mark, mark))
    maintenance = drawing.sum_by_pool(drawn, tiers.maintenance_margin(held, notional) * INDEX[settle])
    layer = drawn.pool_of_position() * N_HELD + settle
    wallets = drawn.pools["wallet_balances"]
    equity: Floats = wallets + np.bincount(layer, pnl, wallets.size).reshape(wallets.shape)
    ratio: Floats = _HAIRCUTS.collateral_value(equity, INDEX[:N_HELD]) / maintenance
    return ratio
