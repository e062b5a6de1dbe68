"""nautilus_trader and freqtrade: what each asks before it opens a trade, an order a call.

Each runs in an environment of its own.
"""

from __future__ import annotations

import json
import statistics
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crossmargin.testing import Workload
from harness.contender import Floats
from peers.elsewhere import Process

N_ASKED, ROUNDS = 300, 5
_RIGHT = 1e-6  # relative: nautilus_trader counts in billionths, of USDT in millionths

ASKED = (
    ("nautilus_trader", "nautilus", "nautilus", "initial margin of an order, and whether it is free"),
    ("freqtrade", "freqtrade", "freqtrade_orders", "highest leverage and maintenance rate, by tiers"),
)


def asked(workload: Workload, orders: dict[str, NDArray[Any]]) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """Ask both; returns a row for each that answers, and by name why one does not."""
    assert workload.tiers is not None
    rows, missing = [], {}
    job = _job(workload, orders)
    for name, environment, worker, what in ASKED:
        try:
            process = Process(environment, job, worker)
        except (OSError, ValueError) as reason:
            missing[name] = str(reason)
            continue
        answers = process.tell("able")
        right = _right(name, workload, orders, answers)
        if right < N_ASKED // 2:
            missing[name] = f"it answered {right} of {N_ASKED} orders as its rules say"
            continue
        rows.append({"name": f"{name}: {what}", "version": process.version, "ns": _time(process), "right": right})
    return rows, missing


def _time(process: Process) -> float:
    rounds = []
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        process.time()
        rounds.append((time.perf_counter() - begin) / N_ASKED * 1e9)
    return statistics.median(rounds)


def _job(workload: Workload, orders: dict[str, NDArray[Any]]) -> str:
    assert workload.tiers is not None
    tiers = np.stack([workload.tiers.floor, workload.tiers.rate, workload.tiers.deduction], axis=-1)
    names = workload.instruments
    cases = [
        {
            "wallet": float(workload.balances["wallet_balance"][row]),
            "legs": [
                [
                    names[int(orders["instrument"][row])],
                    *(float(orders[column][row]) for column in ("quantity", "price", "leverage")),
                ]
            ],
            "asked": 0,
        }
        for row in range(N_ASKED)
    ]
    return json.dumps({"tiers": dict(zip(names, tiers.tolist(), strict=True)), "samples": {"able": cases}})


def _right(name: str, workload: Workload, orders: dict[str, NDArray[Any]], answers: Floats) -> int:
    """Count the answers that are what the package's own rules say."""
    assert workload.tiers is not None
    notional = (np.abs(orders["quantity"]) * orders["price"])[:N_ASKED]
    if name == "nautilus_trader":
        margin = notional / orders["leverage"][:N_ASKED]
        due = np.where(margin <= workload.balances["wallet_balance"][:N_ASKED], margin, np.nan)
    else:
        due = workload.tiers.maintenance_margin(orders["instrument"][:N_ASKED], notional)
        due = np.where(np.isnan(answers), np.nan, due)  # which leverage it allows is a rule of its own
    with np.errstate(invalid="ignore"):
        close = np.abs(answers - due) <= _RIGHT * (1.0 + np.abs(due))
    return int((close | (np.isnan(answers) & np.isnan(due))).sum())
