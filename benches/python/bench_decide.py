"""What decisions before a trade cost on R1, beside what a user would ask instead.

Decisions are compared first: with NumPy on every order, with the reference on a sample. Then everything is timed in one
run. Prints the tables and writes the record. Run by ``make bench``; ``--help`` lists the options for shorter runs.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import crossmargin as xm
import ours
from crossmargin.testing import Workload, proposed_orders, reference_workload
from deciding import figures, program, rivals, sample, tables
from deciding.expected import Gate, check
from harness import machine, report
from harness.contender import Contender
from harness.timing import Timing, interleave

THREADS = (1, 2)
ONE_CALL = 1_000  # single checks in a stretch


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; returns the exit status."""
    options = _parse(arguments)
    load = machine.load()
    _say(f"drawing R1 with {options.pools:,} pools and an order for each")
    workload = reference_workload("R1", n_pools=options.pools, seed=options.seed)
    orders = proposed_orders(workload)
    record = _measured(workload, orders, options)
    record["load"] = {"before": load, "after": machine.load()}
    record["figures"] = [figure.record() for figure in figures.judge(record)]
    sys.stdout.write(tables.markdown(record))
    if options.record:
        paths = report.write(record, options.record, tables.markdown)
        _say("wrote " + " and ".join(path.name for path in paths))
    return int(options.strict and any(figure["passed"] is False for figure in record["figures"]))


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="benchmark of decisions before a trade")
    parser.add_argument("--pools", type=int, default=1_000_000, help="pools of R1 (default 1,000,000)")
    parser.add_argument("--rounds", type=int, default=7, help="interleaved rounds (default 7)")
    parser.add_argument("--seed", type=int, default=20_241_001, help="seed of the workload")
    parser.add_argument("--record", type=Path, nargs="?", const=report.RECORDS, help="write the record, there or here")
    parser.add_argument("--strict", action="store_true", help="fail where a figure was measured and missed")
    return parser.parse_args(arguments)


def _say(text: str) -> None:
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {text}\n")


def _measured(workload: Workload, orders: dict[str, Any], options: argparse.Namespace) -> dict[str, Any]:
    book, prices = ours.build(workload)
    _say("checking that decisions are equal")
    gate = Gate(workload, orders)
    decision = xm.check_orders(book, prices, orders)
    check(gate.answer(), decision.accepted)
    agreed = sample.check(workload, orders, decision)
    _say("compiling the program that times single checks")
    binary = program.build()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        program.lay(folder, workload, orders)
        rust = program.run(binary, folder)
        if not np.array_equal(program.reasons(folder), decision.reason):
            raise ValueError("single checks in Rust decided otherwise than the batch")
    _say("timing")
    rows = _contenders(book, prices, workload, orders, gate)
    timings = interleave(rows, options.rounds, _say)
    _say("asking others")
    asked, missing = rivals.asked(workload, orders)
    return {
        "format": report.FORMAT,
        "benchmark": "decide",
        "date": machine.today(),
        "host_kind": machine.host_kind(),
        "commit": machine.describe_commit(),
        "machine": machine.describe_machine(),
        "versions": machine.describe_versions() | {row["name"].split(":")[0]: row["version"] for row in asked},
        "n_rounds": options.rounds,
        "workload": {
            "name": workload.name,
            "seed": workload.seed,
            "n_pools": options.pools,
            "n_positions": workload.n_positions,
            "n_orders": len(orders["account"]),
            "n_instruments": len(workload.instruments),
        },
        "decided": agreed | {"n_accepted": int(decision.accepted.sum()), "n_exact": int(decision.n_exact)},
        "rows": [_row(row, timings[row.name]) for row in rows],
        "rust": rust,
        "asked": asked,
        "missing": missing,
    }


def _row(row: Contender, timing: Timing) -> dict[str, Any]:
    n = row.n_positions or 1
    named = {name: getattr(timing, name) / n * 1e9 for name in ("median", "least", "most")}
    return {"name": row.name, "threads": row.threads, "timed": row.includes, "per": row.outputs, "ns": named}


def _contenders(book: Any, prices: Any, workload: Workload, orders: dict[str, Any], gate: Gate) -> list[Contender]:
    n_orders, n_pools = len(orders["account"]), workload.n_accounts
    mixed = np.random.default_rng(workload.seed).permutation(n_orders)
    unsorted = {name: np.ascontiguousarray(column[mixed]) for name, column in orders.items()}
    short = partial(xm.check_orders, book, prices, outputs=())
    rows = []
    for threads in THREADS:
        asked: list[tuple[str, Callable[[], Any]]] = [
            ("accepted and reason", partial(short, orders, n_threads=threads)),
            ("accepted and reason, rows in any order", partial(short, unsorted, n_threads=threads)),
            ("all columns", partial(xm.check_orders, book, prices, orders, n_threads=threads)),
            (
                "accepted, reason, margin ratio after",
                partial(short, orders, after=("margin_ratio",), n_threads=threads),
            ),
        ]
        rows += [
            Contender(f"check_orders, {what}, {threads} thr", run, threads, outputs="order", n_positions=n_orders)
            for what, run in asked
        ]
        rows.append(
            Contender(
                f"max_order, {threads} thr",
                partial(xm.max_order, book, prices, workload.instruments[0], "buy", leverage=10.0, n_threads=threads),
                threads,
                outputs="account",
                n_positions=n_pools,
            )
        )
    rows.append(Contender("NumPy, accepted", gate.answer, 1, outputs="order", n_positions=n_orders))
    rows += _modes(book, prices, n_pools)
    rows += _singles(book, prices, workload, orders)
    return rows


def _modes(book: Any, prices: Any, n_pools: int) -> list[Contender]:
    asked: list[tuple[str, Callable[[], Any]]] = [
        (figures.MODES, partial(xm.compare_modes, book, prices, n_threads=1)),
        (figures.SCORE, partial(xm.score, book, prices, ours.THREE_OUTPUTS, n_threads=1)),
        ("score, all columns, new arrays, 1 thr", partial(xm.score, book, prices, ours.ALL_OUTPUTS, n_threads=1)),
    ]
    return [Contender(name, run, 1, outputs="account", n_positions=n_pools) for name, run in asked]


def _singles(book: Any, prices: Any, workload: Workload, orders: dict[str, Any]) -> list[Contender]:
    """Time single checks from Python: of one account that is asked again, and of others each time."""
    rng = np.random.default_rng(workload.seed)
    picked = rng.integers(0, len(orders["account"]), ONE_CALL).tolist()
    names, columns = workload.instruments, {name: column.tolist() for name, column in orders.items()}
    calls = [
        (names[columns["instrument"][row]], columns["quantity"][row], columns["price"][row], columns["account"][row])
        for row in picked
    ]
    leverages = [columns["leverage"][row] for row in picked]
    ask = xm.check_order

    def others() -> None:
        for (instrument, quantity, price, account), leverage in zip(calls, leverages, strict=True):
            ask(book, prices, instrument, quantity, price, account=account, leverage=leverage)

    (instrument, quantity, price, account), leverage = calls[0], leverages[0]

    def again() -> None:
        for _ in range(ONE_CALL):
            ask(book, prices, instrument, quantity, price, account=account, leverage=leverage)

    return [
        Contender(f"check_order from Python, {what}", run, 1, outputs="order", n_positions=ONE_CALL)
        for what, run in (("one account again and again", again), ("another account each time", others))
    ]


if __name__ == "__main__":
    raise SystemExit(main())
