"""Polars: marks and first tiers gathered by index, pools by a sorted group-by.

Instruments are dense integers, so ``gather`` replaces the join, which was three times
as slow. The few positions above their first tier are taken out, joined to the whole
tier table, and scattered back. The keys are sorted and say so. Joining the wide tier
table to every position, an as-of join of all positions, list columns with
``list.eval`` and the streaming engine were all slower.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from crossmargin.testing import Workload
from harness.contender import Contender, Outputs


@dataclass(frozen=True)
class _Frames:
    positions: pl.DataFrame
    balances: pl.DataFrame
    tiers: pl.DataFrame
    marks: pl.Series
    first_bound: pl.Series
    first_rate: pl.Series


def contenders(workload: Workload) -> list[Contender]:
    """Polars with its frames at hand, and from NumPy arrays."""
    frames = _build(workload)
    threads = pl.thread_pool_size()
    return [
        Contender(f"Polars, {threads} thr", lambda: _score(frames), threads, read=_read),
        Contender(
            f"Polars, from arrays, {threads} thr",
            lambda: _score(_build(workload)),
            threads,
            includes="frames",
            read=_read,
        ),
    ]


def _build(workload: Workload) -> _Frames:
    tiers = workload.tiers
    assert tiers is not None
    n_tiers = tiers.floor.shape[1]
    columns = ("account", "instrument", "quantity", "entry_price")
    account = pl.col("account").set_sorted()
    tier_columns = {f"f{k}": tiers.floor[:, k] for k in range(1, n_tiers)}
    tier_columns |= {f"r{k}": tiers.rate[:, k] for k in range(n_tiers)}
    tier_columns |= {f"d{k}": tiers.deduction[:, k] for k in range(n_tiers)}
    instrument = np.arange(len(workload.marks), dtype=np.int32)
    positions = {name: workload.positions[name] for name in columns}
    balances = {name: workload.balances[name] for name in ("account", "wallet_balance")}
    return _Frames(
        positions=pl.DataFrame(positions).with_columns(account),
        balances=pl.DataFrame(balances).with_columns(account),
        tiers=pl.DataFrame({"instrument": instrument} | tier_columns),
        marks=pl.Series(workload.marks),
        first_bound=pl.Series(tiers.floor[:, 1].copy()),
        first_rate=pl.Series(tiers.rate[:, 0].copy()),
    )


def _score(frames: _Frames) -> pl.DataFrame:
    held, notional = pl.col("instrument"), pl.col("notional")
    mark = pl.lit(frames.marks).gather(held)
    first = (
        frames.positions.lazy()
        .with_columns(mark.alias("mark"))
        .select(
            "account",
            "instrument",
            (pl.col("quantity") * pl.col("mark")).abs().alias("notional"),
            (pl.col("quantity") * (pl.col("mark") - pl.col("entry_price"))).alias("pnl"),
        )
        .with_columns(
            (pl.lit(frames.first_rate).gather(held) * notional).alias("margin"),
            (notional >= pl.lit(frames.first_bound).gather(held)).alias("high"),
        )
        .collect()
    )
    rows = first["high"].arg_true()
    high = first.select("instrument", "notional").gather(rows)
    margin = first["margin"].scatter(rows, _higher(high, frames.tiers))
    pools = (
        first.select("account", "pnl", margin)
        .group_by("account", maintain_order=True)
        .agg(pl.col("pnl").sum(), pl.col("margin").sum())
    )
    equity = pl.col("wallet_balance") + pl.col("pnl")
    return (
        frames.balances.lazy()
        .join(pools.lazy(), on="account", how="left", maintain_order="left")
        .with_columns(equity.alias("equity"), (equity - pl.col("margin")).alias("excess"))
        .select(
            "excess",
            (pl.col("equity") / pl.col("margin")).alias("margin_ratio"),
            (pl.col("excess") <= 0).alias("liquidatable"),
        )
        .collect()
    )


def _higher(high: pl.DataFrame, tiers: pl.DataFrame) -> pl.Series:
    """Margin in any tier: rates rise, so it is the largest of the tiers' lines."""
    n_tiers = sum(name.startswith("r") for name in tiers.columns)
    notional = pl.col("notional")
    lines = [pl.col(f"r{k}") * notional - pl.col(f"d{k}") for k in range(n_tiers)]
    joined = high.join(tiers, on="instrument", how="left", maintain_order="left")
    return joined.select(pl.max_horizontal(lines).alias("margin"))["margin"]


def _read(frame: pl.DataFrame) -> Outputs:
    columns = ("excess", "margin_ratio", "liquidatable")
    return Outputs(*(frame[name].to_numpy() for name in columns))
