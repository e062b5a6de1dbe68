"""Orders that are proposed on a reference workload: what a venue's gate is asked in the project's benchmarks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from crossmargin.testing import drawing

if TYPE_CHECKING:
    from crossmargin.testing.workload import Column, Floats, Table, Workload

_HELD_SHARE = 0.7
_PRICE_SPREAD = 0.002

DEFAULT_PROPOSAL_SEED = 7
"""The seed of the recorded benchmarks."""


def proposed_orders(workload: Workload, seed: int = DEFAULT_PROPOSAL_SEED) -> Table:
    """Draw one limit order for each account of a workload.

    What comes in while a market moves: most orders are in what the account holds, more of them buy, and sizes are as
    those of positions, so that many are far too large for the small accounts.

    Of all orders 70 % are in an instrument that the account holds, each as likely; the others in one by popularity.
    55 % buy; notionals are lognormal(7, 2) in the quote asset; prices are ``mark * exp(N(0, 0.002))``; the leverage is
    that of the account's positions. In a workload with two sides an order opens its own: ``long`` where it buys.

    Parameters
    ----------
    workload : Workload
        From `crossmargin.testing.reference_workload`.
    seed : int
        Seed of ``numpy.random.PCG64``, beside that of the workload.

    Returns
    -------
    dict of str to ndarray
        ``account`` int64 rising, ``instrument`` int32, ``quantity`` float64 in contracts (buys positive), ``price`` and
        ``leverage`` float64, and ``position_side`` where the positions have it; a row for each account.

    Examples
    --------
    >>> from crossmargin.testing import proposed_orders, reference_workload
    >>> orders = proposed_orders(reference_workload("R1", n_pools=1_000, seed=7))
    >>> len(orders["account"]), sorted(orders)
    (1000, ['account', 'instrument', 'leverage', 'price', 'quantity'])
    """
    rng = np.random.Generator(np.random.PCG64(seed))
    accounts = np.unique(workload.balances["account"])
    offsets = workload.pool_offsets()
    first, counts = offsets[:-1], np.diff(offsets)
    held = workload.positions["instrument"][first + (rng.random(len(accounts)) * counts).astype(np.int64)]
    other = drawing.draw_popular(rng, len(accounts), len(workload.instruments))
    instrument = np.where(rng.random(len(accounts)) < _HELD_SHARE, held, other).astype(np.int32)
    side, notional = drawing.draw_side(rng, len(accounts)), drawing.draw_notional(rng, len(accounts))
    mark = workload.marks[instrument]
    orders: Table = {
        "account": accounts,
        "instrument": instrument,
        "quantity": side * notional / _quote_per_contract(workload, instrument, mark),
        "price": mark * np.exp(rng.normal(0.0, _PRICE_SPREAD, len(accounts))),
        "leverage": workload.positions["leverage"][first],
    }
    if "position_side" in workload.positions:
        orders["position_side"] = np.where(side > 0, "long", "short")
    return orders


def _quote_per_contract(workload: Workload, instrument: Column, mark: Floats) -> Floats:
    """Worth of one contract in the quote asset: its size at the mark, of an inverse one its face."""
    if workload.contracts is None:
        return mark
    size = workload.contracts.size[instrument]
    worth: Floats = np.where(workload.contracts.inverse[instrument], size, size * mark)
    return worth
