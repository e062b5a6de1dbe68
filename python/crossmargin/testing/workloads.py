"""The reference workloads R1, R2 and R3: the books on which speed is measured.

A workload is a market and the tables of a book on it, drawn from one seed. R1 is a
million cross pools of one asset on 300 instruments with heavy-tailed sizes: most
pools hold one to three positions, a few hold dozens, and popular instruments are
held by nearly everybody. R2 adds haircut collateral in three assets and inverse
contracts; R3 hedge legs, orders and flat tiers that matter.

The stream of ``numpy.random.Generator(PCG64(seed))`` decides every number. NumPy may
change how a distribution is sampled between its releases, so a record of a benchmark
names the NumPy version beside the seed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from crossmargin.testing import drawing, workload_market
from crossmargin.testing.hedged import draw_hedged
from crossmargin.testing.multi_asset import draw_multi_asset
from crossmargin.testing.workload import Floats, TierTable, Workload

if TYPE_CHECKING:
    from crossmargin.testing.drawing import Drawn

DEFAULT_SEED = 20_241_001
"""The seed of the recorded benchmarks."""


def reference_workload(
    name: str = "R1",
    *,
    n_pools: int = 1_000_000,
    n_instruments: int = 300,
    seed: int = DEFAULT_SEED,
) -> Workload:
    """Draw one of the reference workloads.

    Stand-ins for the cross accounts of a large derivatives venue, every one alive with
    some room above its maintenance margin. Benchmarks are stated on them so that they
    can be repeated.

    **R1**: one settlement asset, one-way positions, marginal tiers. Per pool: the
    number of draws is ``min(geometric(0.25), 60)``; instruments are
    drawn by popularity ``rank ** -1.1`` and repeats within the pool are dropped;
    notionals are lognormal(7, 2); 55 % are long; ``entry_price = mark * exp(N(0,
    0.05))``; ``wallet_balance = gross notional / leverage`` with the leverage
    log-uniform on 1.5..50. Marks are lognormal(2, 3). Tiers: the first bound is
    ``50,000 * exp(N(0, 0.5))``, each next five times as high; the rate is
    ``0.004 * 1.6 ** t``, at most 0.5. Pools whose margin ratio is below 1.05 are
    drawn again as a whole, so that the others keep their distribution.

    **R2** is R1 with one pool per account, valued in USD, that holds three assets:
    60 to 90 % of the collateral in USDT, and 20 to 80 % of the rest in BTC, the
    remainder in ETH. Each asset counts by three marginal haircut tiers, by value for USDT
    and by quantity for the others; an asset that is owed counts in full. The
    instruments of rank 2, 10, 15, 20, ..., a fifth of them with a fifth of the positions,
    are inverse contracts on BTC or ETH in turn, of face 100 or 10 USD, with a mark at
    ``index * exp(N(0, 0.01))`` and their tiers in the settlement asset.

    **R3** is R1 in hedge mode: every position is a long or a short leg, and a third of
    the instruments that a pool holds have both, each with a size and an entry of its
    own; all notionals are 100 times larger; tiers are flat, so that the rate of the
    whole leg jumps at floors. A third of the pools have one to three limit orders,
    half of them on legs that the pool holds (three in ten of these close), the others
    opening a leg by popularity, of the same sizes, at a distance of ``|N(0, 0.02)|``
    from the mark. Orders enter both margins and the tier at the worst fill,
    ``max(|position + buys|, |position - sells|)``.

    Parameters
    ----------
    name : {"R1", "R2", "R3"}
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
        About 3.5 positions per pool in R1 and R2, 4.7 in R3. Accounts are sparse
        integers in rising order, and the positions are sorted by account and
        instrument, long legs first. Quantities and prices are full doubles, as they
        come.

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
    >>> reference_workload("R2", n_pools=1_000, seed=7).assets
    ('USDT', 'BTC', 'ETH', 'USD')
    """
    draw = {"R1": _draw_plain, "R2": draw_multi_asset, "R3": draw_hedged}.get(name)
    if draw is None:
        raise ValueError(f"name was {name!r}, expected 'R1', 'R2' or 'R3'")
    for argument, number in (("n_pools", n_pools), ("n_instruments", n_instruments)):
        if number < 1:
            raise ValueError(f"{argument} was {number}, expected at least 1")
    return draw(n_pools, n_instruments, seed)


def _draw_plain(n_pools: int, n_instruments: int, seed: int) -> Workload:
    rng = np.random.Generator(np.random.PCG64(seed))
    marks = drawing.draw_marks(rng, n_instruments)
    tiers = drawing.draw_tiers(rng, n_instruments)
    pools = drawing.draw_living(
        n_pools,
        lambda count: drawing.draw_pools(rng, count, marks),
        lambda drawn: _margin_ratio(drawn, marks, tiers),
    )
    accounts = drawing.draw_accounts(rng, n_pools)
    instruments = tuple(f"I{index:03d}" for index in range(n_instruments))
    return Workload(
        name="R1",
        seed=seed,
        instruments=instruments,
        assets=("USDT",),
        market_toml=workload_market.head("one settlement asset, marginal tiers", "per_asset", "USDT")
        + workload_market.listing(("USDT",), instruments, tiers, None),
        tiers=tiers,
        marks=marks,
        balances={
            "account": accounts,
            "asset": np.zeros(n_pools, dtype=np.int32),
            "wallet_balance": pools.pools["wallet_balance"],
        },
        positions={"account": np.repeat(accounts, pools.counts), **pools.positions},
    )


def _margin_ratio(pools: Drawn, marks: Floats, tiers: TierTable) -> Floats:
    held, quantity = pools.positions["instrument"], pools.positions["quantity"]
    mark = marks[held]
    pnl = drawing.sum_by_pool(pools, quantity * (mark - pools.positions["entry_price"]))
    notional = np.abs(quantity * mark)
    maintenance = drawing.sum_by_pool(pools, tiers.maintenance_margin(held, notional))
    ratio: Floats = (pools.pools["wallet_balance"] + pnl) / maintenance
    return ratio
