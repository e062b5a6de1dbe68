"""The reference workload R3: hedge legs, open orders, and flat tiers under notionals that reach them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from crossmargin.testing import drawing, workload_market
from crossmargin.testing.drawing import Counts, Drawn
from crossmargin.testing.workload import Floats, Table, TierTable, Workload

# The definition of R3, beside that of R1.
_LARGER = 100.0
_HEDGED_SHARE = 1 / 3  # of the instruments that a pool holds
_ORDERING_SHARE = 1 / 3  # of the pools
_MOST_ORDERS = 3
_ON_HELD_SHARE = 0.5  # of the orders
_CLOSING_SHARE = 0.3  # of the orders on positions
_LIMIT_SPREAD = 0.02

_SIDES = np.array(["short", "long"])


def draw_hedged(n_pools: int, n_instruments: int, seed: int) -> Workload:
    """Draw R3; see `crossmargin.testing.reference_workload`.

    Parameters
    ----------
    n_pools, n_instruments, seed : int
        As there.

    Returns
    -------
    Workload
        With ``orders`` and flat ``tiers``.
    """
    rng = np.random.Generator(np.random.PCG64(seed))
    marks = drawing.draw_marks(rng, n_instruments)
    tiers = replace(drawing.draw_tiers(rng, n_instruments), law="flat")

    def draw(count: int) -> Drawn:
        return _with_orders(rng, _with_hedges(rng, drawing.draw_pools(rng, count, marks), marks), marks)

    def margin_ratio(drawn: Drawn) -> Floats:
        mark = marks[drawn.positions["instrument"]]
        pnl = drawing.sum_by_pool(drawn, drawn.positions["quantity"] * (mark - drawn.positions["entry_price"]))
        maintenance = _maintenance_margin(drawn, marks, tiers)
        ratio: Floats = (drawn.pools["wallet_balance"] + pnl) / maintenance
        return ratio

    drawn = drawing.draw_living(n_pools, draw, margin_ratio)
    accounts = drawing.draw_accounts(rng, n_pools)
    instruments = tuple(f"I{index:03d}" for index in range(n_instruments))
    text = (
        workload_market.head("hedge legs, orders, flat tiers", "per_asset", "USDT")
        + workload_market.worst_fill_orders()
        + workload_market.listing(("USDT",), instruments, tiers, None)
    )
    return Workload(
        name="R3",
        seed=seed,
        instruments=instruments,
        assets=("USDT",),
        market_toml=text,
        tiers=tiers,
        marks=marks,
        balances={
            "account": accounts,
            "asset": np.zeros(n_pools, dtype=np.int32),
            "wallet_balance": drawn.pools["wallet_balance"],
        },
        positions={"account": np.repeat(accounts, drawn.counts), **_named(drawn.positions)},
        orders={"account": np.repeat(accounts, drawn.order_counts), **_named(drawn.orders)},
    )


def _with_hedges(rng: np.random.Generator, drawn: Drawn, marks: Floats) -> Drawn:
    """Give a third of the instruments held a leg of the other side, with a size and an entry of its own."""
    single = drawn.positions
    hedged = np.flatnonzero(rng.random(len(single["instrument"])) < _HEDGED_SHARE)
    held = single["instrument"][hedged]
    quantity = -np.sign(single["quantity"][hedged]) * drawing.draw_notional(rng, len(hedged)) / marks[held]
    other = {"instrument": held, "quantity": quantity, "entry_price": drawing.draw_entry(rng, marks[held])}
    pool = np.concatenate([drawn.pool_of_position(), drawn.pool_of_position()[hedged]])
    legs = {name: np.concatenate([single[name], column]) for name, column in other.items()}
    order = np.lexsort((legs["quantity"] < 0, legs["instrument"], pool))
    pool = pool[order]
    legs = {name: column[order] for name, column in legs.items()}
    legs["quantity"] *= _LARGER
    counts = np.bincount(pool, minlength=len(drawn.counts))
    leverage = drawn.pools["leverage"]
    legs["leverage"] = drawing.whole_leverage(leverage)[pool]
    legs["long"] = legs["quantity"] > 0
    gross = np.bincount(pool, np.abs(legs["quantity"]) * marks[legs["instrument"]], len(counts))
    return Drawn(counts, {"wallet_balance": gross / leverage, "leverage": leverage}, legs)


def _with_orders(rng: np.random.Generator, drawn: Drawn, marks: Floats) -> Drawn:
    """Place one to three limit orders in a third of the pools, half of them on instruments that the pool holds."""
    n_pools = len(drawn.counts)
    placing = rng.random(n_pools) < _ORDERING_SHARE
    order_counts = np.where(placing, rng.integers(1, _MOST_ORDERS, n_pools, endpoint=True), 0)
    pool = np.repeat(np.arange(n_pools), order_counts)
    starts = np.cumsum(drawn.counts) - drawn.counts
    some_leg = starts[pool] + (rng.random(len(pool)) * drawn.counts[pool]).astype(np.int64)
    on_held = rng.random(len(pool)) < _ON_HELD_SHARE
    popular = drawing.draw_popular(rng, len(pool), len(marks)).astype(np.int32)
    instrument = np.where(on_held, drawn.positions["instrument"][some_leg], popular)
    long = np.where(on_held, drawn.positions["long"][some_leg], drawing.draw_side(rng, len(pool)) > 0)
    closing = on_held & (rng.random(len(pool)) < _CLOSING_SHARE)
    side = np.where(long != closing, 1.0, -1.0)
    notional = _LARGER * drawing.draw_notional(rng, len(pool))
    # a buy waits below the mark, a sell above it
    price = marks[instrument] * np.exp(-side * np.abs(rng.normal(0.0, _LIMIT_SPREAD, len(pool))))
    orders = {
        "instrument": instrument,
        "quantity": side * notional / price,
        "price": price,
        "leverage": drawing.whole_leverage(drawn.pools["leverage"])[pool],
        "long": long,
    }
    by_group = np.lexsort((~long, instrument, pool))
    return replace(drawn, order_counts=order_counts, orders={name: column[by_group] for name, column in orders.items()})


def _maintenance_margin(drawn: Drawn, marks: Floats, tiers: TierTable) -> Floats:
    """Maintenance margin of each pool: ``rate_k * u`` by leg, ``u`` its notional and what its orders add."""
    legs, orders = drawn.positions, drawn.orders
    n_instruments = len(marks)

    def group(table: Table, pool: Counts) -> Counts:
        key: Counts = (pool * n_instruments + table["instrument"]) * 2 + table["long"]
        return key

    order_pool = np.repeat(np.arange(len(drawn.counts)), drawn.order_counts)
    keys = np.concatenate([group(legs, drawn.pool_of_position()), group(orders, order_pool)])
    groups, place = np.unique(keys, return_inverse=True)
    of_leg, of_order = place[: len(legs["quantity"])], place[len(legs["quantity"]) :]
    worth = np.bincount(of_leg, legs["quantity"] * marks[legs["instrument"]], len(groups))
    value = orders["quantity"] * orders["price"]
    # in hedge mode a sale of a long leg, and a purchase of a short one, only closes
    opening = np.bincount(of_order, np.maximum(np.where(orders["long"], value, -value), 0.0), len(groups))
    basis: Floats = np.asarray(np.abs(worth) + opening, dtype=np.float64)
    pool, instrument = np.divmod(groups // 2, n_instruments)
    charges: Floats = tiers.maintenance_margin(instrument, basis)
    return np.asarray(np.bincount(pool, charges, len(drawn.counts)), dtype=np.float64)


def _named(table: Table) -> Table:
    """Write sides as text."""
    columns = {name: column for name, column in table.items() if name != "long"}
    return columns | {"position_side": _SIDES[table["long"].astype(np.int8)]}
