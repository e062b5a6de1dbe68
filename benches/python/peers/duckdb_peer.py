"""DuckDB: one SQL statement over native tables.

Positions carry a dense 32-bit pool number beside the account and the planner is allowed
a direct-addressed table of that size, which halves the cost of the aggregation. The
tier of a position is a ``CASE`` that computes the upper tiers only for rows that reach
them. As-of and range joins to a long tier table, list columns and 64-bit account keys
were slower.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import duckdb
import numpy as np

from crossmargin.testing import Workload
from harness.contender import Contender, Outputs

THREADS = (1, 2)


def contenders(workload: Workload) -> list[Contender]:
    """DuckDB on one and two threads with its tables at hand, and from NumPy arrays."""
    connection = duckdb.connect()
    bits = int(np.ceil(np.log2(len(workload.balances["account"]) + 1))) + 1
    connection.execute(f"SET perfect_ht_threshold = {min(bits, 32)}")
    _build(connection, workload)
    statement = _statement(workload)

    def score() -> Any:
        return connection.execute(statement).fetchnumpy()

    def build_and_score() -> Any:
        _build(connection, workload)
        return score()

    rows = [
        Contender(
            f"DuckDB, {threads} thr",
            score,
            threads,
            read=_read,
            before=partial(_limit, connection, threads),
        )
        for threads in THREADS
    ]
    build = Contender(
        f"DuckDB, from arrays, {THREADS[-1]} thr",
        build_and_score,
        THREADS[-1],
        includes="tables",
        read=_read,
        before=partial(_limit, connection, THREADS[-1]),
    )
    return [*rows, build]


def _limit(connection: duckdb.DuckDBPyConnection, threads: int) -> None:
    connection.execute(f"SET threads TO {threads}")


def _build(connection: duckdb.DuckDBPyConnection, workload: Workload) -> None:
    tiers = workload.tiers
    assert tiers is not None
    accounts, n_tiers = workload.balances["account"], tiers.floor.shape[1]
    pool = np.searchsorted(accounts, workload.positions["account"]).astype(np.int32)
    wide = {"instrument": np.arange(len(workload.marks), dtype=np.int32), "mark": workload.marks}
    wide |= {f"f{k}": tiers.floor[:, k].copy() for k in range(1, n_tiers)}
    wide |= {f"r{k}": tiers.rate[:, k].copy() for k in range(n_tiers)}
    wide |= {f"d{k}": tiers.deduction[:, k].copy() for k in range(n_tiers)}
    columns = ("instrument", "quantity", "entry_price")
    tables = {
        "positions": {"pool": pool} | {name: workload.positions[name] for name in columns},
        "balances": {
            "pool": np.arange(len(accounts), dtype=np.int32),
            "account": accounts,
            "wallet_balance": workload.balances["wallet_balance"],
        },
        "instruments": wide,
    }
    for name, arrays in tables.items():
        connection.register(f"{name}_arrays", arrays)
        connection.execute(f"CREATE OR REPLACE TABLE {name} AS SELECT * FROM {name}_arrays")
        connection.unregister(f"{name}_arrays")


def _statement(workload: Workload) -> str:
    assert workload.tiers is not None
    n_tiers = workload.tiers.floor.shape[1]
    lines = ", ".join(f"r{k} * notional - d{k}" for k in range(n_tiers))
    # rates rise, so the margin in any tier is the largest of the tiers' lines
    margin = f"CASE WHEN notional < f1 THEN r0 * notional ELSE greatest({lines}) END"
    return f"""
        WITH legs AS (
            SELECT pool, abs(quantity * mark) AS notional,
                   quantity * (mark - entry_price) AS pnl, i.*
            FROM positions JOIN instruments i USING (instrument)
        ), pools AS (
            SELECT pool, sum(pnl) AS pnl, sum({margin}) AS margin FROM legs GROUP BY pool
        )
        SELECT account, wallet_balance + pnl - margin AS excess,
               (wallet_balance + pnl) / margin AS margin_ratio,
               wallet_balance + pnl - margin <= 0 AS liquidatable
        FROM balances JOIN pools USING (pool)
    """


def _read(result: dict[str, Any]) -> Outputs:
    # the statement leaves the order open, which spares it a sort
    order = np.argsort(result["account"])
    columns = ("excess", "margin_ratio", "liquidatable")
    return Outputs(*(np.asarray(result[name])[order] for name in columns))
