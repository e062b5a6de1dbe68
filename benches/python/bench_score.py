"""Scores of R1, R2 and R3 and liquidation prices of R1 and R2, beside what a user would write instead.

One process, one run: every contender is checked against the others, then timed in
interleaved rounds. Prints the tables and writes the record. Run by ``make bench``;
``--help`` lists the options for shorter runs.
"""

from __future__ import annotations

import os

# before any of them is imported: idle threads of a peer must not spin while another is
# timed, and Polars takes its number of threads from the environment only
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("POLARS_MAX_THREADS", "2")

import argparse
import importlib.util
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import costs
import floor
from crossmargin.testing import Workload, reference_workload
from figures import judge
from harness import machine, report
from harness.contender import PRICE_COLUMNS, THREE, Contender, Outputs, check_agreement
from harness.timing import Timing, interleave, time_stretch
from peers import duckdb_peer, numba_hedged, numba_multi, numba_peer, numpy_peer, polars_peer
from peers.expected import expected as expected_of

SMALL_SIZES = (1, 10, 100, 1_000, 10_000)
STRESS_MOVE = 0.93  # marks at which some pools of R1 fail, for the comparison of results
HAS_ENGINE = importlib.util.find_spec("crossmargin._core") is not None
N_FIGURES = 13  # float64 columns of outputs="all"
OTHERS = {"R2": numba_multi, "R3": numba_hedged}  # the workloads beside R1, with their peers
PRICED = ("R1", "R2")  # the workloads whose liquidation prices are timed
BUILDING = ("set-up", "frames", "tables", "book")  # what a row may build before it scores


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; returns the exit status."""
    options = _parse(arguments)
    say = _say if not options.quiet else (lambda _: None)
    load = machine.load()
    say(f"drawing R1 with {options.pools:,} pools")
    workload = reference_workload("R1", n_pools=options.pools, seed=options.seed)
    say("checking that results are equal")
    asked: list[dict[str, Any]] = []
    contenders = [] if options.prices else _checked_first(workload)
    contenders += _priced(workload, asked, say)
    sizes = {workload.name: _size(workload, options.pools)}
    for name in PRICED[1:] if options.prices else OTHERS:
        say(f"drawing {name} with {options.pools:,} pools, and checking")
        other = reference_workload(name, n_pools=options.pools, seed=options.seed)
        contenders += [] if options.prices else _checked(other)
        contenders += _priced(other, asked, say) if name in PRICED else []
        sizes[name] = _size(other, options.pools)
        del other
    timings = interleave(contenders, options.rounds, say) if contenders else {}
    positions = {name: size["n_positions"] for name, size in sizes.items()}
    rows = [_row(contender, timings, positions) for contender in contenders]
    del contenders
    say("timing small books and measuring costs")
    small = [] if options.prices else [_small_book(size, options) for size in SMALL_SIZES]
    costs_of = _one_price(options) | ({} if options.prices else _costs(workload, options))
    medians = {name: timing.median for name, timing in timings.items()}
    figures = judge(medians, costs_of, positions)
    record = _context(options, workload, asked) | {
        "workloads": list(sizes.values()),
        "load": {"before": load, "after": machine.load()},
        "rows": rows,
        "asked": asked,
        "small_books": small,
        "costs": costs_of,
        "figures": [figure.record() for figure in figures],
        "losses": _losses(rows, small),
    }
    sys.stdout.write(report.markdown(record))
    if options.record and not options.prices:
        paths = report.write(record, options.record)
        say("wrote " + " and ".join(path.name for path in paths))
    return int(options.strict and any(figure["passed"] is False for figure in record["figures"]))


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="benchmark of scores and liquidation prices on the reference workloads"
    )
    parser.add_argument("--pools", type=int, default=1_000_000, help="pools of each workload (default 1,000,000)")
    parser.add_argument("--rounds", type=int, default=9, help="interleaved rounds (default 9, at least 7 for a record)")
    parser.add_argument("--seed", type=int, default=20_241_001, help="seed of the workloads")
    parser.add_argument("--record", type=Path, nargs="?", const=report.RECORDS, help="write the record, there or here")
    parser.add_argument("--prices", action="store_true", help="liquidation prices only; such a run writes no record")
    parser.add_argument("--strict", action="store_true", help="fail where a figure was measured and missed")
    parser.add_argument("--quiet", action="store_true", help="print the result only")
    return parser.parse_args(arguments)


def _say(text: str) -> None:
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {text}\n")


def _contenders(workload: Workload) -> list[Contender]:
    rows: list[Contender] = []
    if HAS_ENGINE:
        import ours

        rows += ours.contenders(workload)
    rows += _floors(workload)
    for peer in (numpy_peer, numba_peer, polars_peer, duckdb_peer):
        rows += peer.contenders(workload)
    return rows


def _checked_first(workload: Workload) -> list[Contender]:
    """Rows of R1, found equal at marks that liquidate some pools and at its own."""
    _check_at(workload)
    rows = _contenders(workload)
    expected = numpy_peer.contenders(workload)[0].run()
    for contender in rows:
        check_agreement(contender, expected)
    return rows


def _priced(workload: Workload, asked: list[dict[str, Any]], say: Callable[[str], None]) -> list[Contender]:
    """Rows of liquidation prices, found right; says who was asked, or that there are none."""
    if HAS_ENGINE:
        import prices

        if prices.available():
            found = prices.checked(workload, STRESS_MOVE, say)
            asked += found.asked
            return found.contenders
    say(f"liquidation prices of {workload.name} are left out: this build has none")
    return []


def _checked(workload: Workload) -> list[Contender]:
    """Rows of R2 or R3, found equal at marks that liquidate some pools and at its own."""
    own: list[Contender] = []
    for marks in (workload.marks * STRESS_MOVE, workload.marks):
        at = replace(workload, marks=marks)
        expected = expected_of(at)
        if marks is not workload.marks and not expected.liquidatable.any():
            raise ValueError(f"the shocked marks liquidated no pool of {workload.name}")
        own = _others(at)
        for contender in own:
            check_agreement(contender, expected)
    return own


def _others(workload: Workload) -> list[Contender]:
    rows: list[Contender] = []
    if HAS_ENGINE:
        import ours

        rows += ours.contenders_of(workload)
    return rows + OTHERS[workload.name].contenders(workload)


def _size(workload: Workload, n_pools: int) -> dict[str, Any]:
    return {
        "name": workload.name,
        "seed": workload.seed,
        "n_pools": n_pools,
        "n_positions": workload.n_positions,
        "n_orders": workload.n_orders,
        "n_instruments": len(workload.instruments),
    }


def _floors(workload: Workload) -> list[Contender]:
    size = workload.n_positions, len(workload.balances["account"])
    rows = []
    for threads in (1, 2):
        three = floor.traffic(*size, 2, everything=False)
        everything = floor.traffic(*size, N_FIGURES, everything=True)
        rows += [
            floor.contender(f"memory floor by Numba, {threads} thr", three, threads, THREE),
            floor.contender(f"memory floor by Numba, all columns, {threads} thr", everything, threads, "all columns"),
        ]
    return rows


def _check_at(workload: Workload) -> None:
    """Compare everybody at marks that liquidate some pools: at its own, R1 has none."""
    shocked = replace(workload, marks=workload.marks * STRESS_MOVE)
    expected: Outputs = numpy_peer.contenders(shocked)[0].run()
    if not expected.liquidatable.any():
        raise ValueError("the shocked marks liquidated no pool, so decisions were not compared")
    for contender in _contenders(shocked):
        check_agreement(contender, expected)


def _small_book(n_pools: int, options: argparse.Namespace) -> dict[str, Any]:
    workload = reference_workload("R1", n_pools=n_pools, seed=options.seed)
    rows = [numpy_peer.contenders(workload)[0], numba_peer.small(workload)]
    if HAS_ENGINE:
        import ours

        rows.insert(0, ours.small(workload))
    expected = rows[-1].run()
    for contender in rows:
        check_agreement(contender, expected)
    timings = interleave(rows, options.rounds)
    return {
        "n_pools": n_pools,
        "n_positions": workload.n_positions,
        "microseconds": {name: timing.median * 1e6 for name, timing in timings.items()},
    }


def _costs(workload: Workload, options: argparse.Namespace) -> dict[str, float | None]:
    """Measure the figures that are no contenders; empty while there is no engine."""
    if not HAS_ENGINE:
        return {}
    import ours

    build = Timing(costs.build_seconds(workload, options.rounds))
    single = ours.one_account(reference_workload("R1", n_pools=1, seed=options.seed))
    one_account = Timing(tuple(time_stretch(single) for _ in range(options.rounds)))
    imports, wheel = costs.import_seconds(), costs.wheel_bytes()
    memory = costs.memory_ratio(options.pools, options.seed)
    return {
        "build": workload.n_positions / build.median / 1e6,
        "memory": memory["ratio"],
        "memory_held": memory["held_bytes"] / memory["tables_bytes"],
        "one_account": one_account.median * 1e6,
        "import": (imports["crossmargin"] - imports["numpy"]) * 1e3,
        "wheel": None if wheel is None else wheel / 1e6,
    }


def _one_price(options: argparse.Namespace) -> dict[str, float | None]:
    """Microseconds of a new mark and the liquidation price of a position through `Account`, and of the mark alone."""
    if not HAS_ENGINE:
        return {}
    import prices

    pair, exact = (prices.one_position(preset) for preset in ("binance-usdm", "textbook"))
    if pair is None or exact is None:
        return {}
    rounds = [[time_stretch(run) for run in (*pair, exact[0])] for _ in range(options.rounds)]
    both, mark, by_exact = (Timing(seconds).median * 1e6 for seconds in zip(*rounds, strict=True))
    return {"one_price": both, "one_mark": mark, "one_exact_price": by_exact}


def _context(options: argparse.Namespace, workload: Workload, asked: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {
        "format": report.FORMAT,
        "benchmark": "score",
        "date": machine.today(),
        "host_kind": machine.host_kind(),
        "commit": machine.describe_commit(),
        "machine": machine.describe_machine(),
        "versions": machine.describe_versions() | {peer["name"]: peer.get("version", "absent") for peer in asked},
        "n_rounds": options.rounds,
        "workload": _size(workload, options.pools),
    }


def _row(contender: Contender, timings: Mapping[str, Timing], positions: Mapping[str, int]) -> dict[str, Any]:
    timing = timings[contender.name]
    n_positions = contender.n_positions or positions[contender.workload]
    scale = 1e9 / n_positions
    ours = timings.get(_rival(contender))
    each = None if ours is None else ours.median / positions[contender.workload]
    return {
        "name": contender.name,
        "workload": contender.workload,
        "outputs": contender.outputs,
        "buffers": contender.buffers,
        "threads": contender.threads,
        "isa": contender.isa,
        "includes": contender.includes,
        "n_positions": n_positions,
        "seconds": list(timing.rounds),
        "ns_per_position": {
            "median": timing.median * scale,
            "least": timing.least * scale,
            "most": timing.most * scale,
        },
        "ratio_to_ours": None if each is None else timing.median / n_positions / each,
    }


def _rival(contender: Contender) -> str:
    """Name the row of ours that does the same work on as many threads."""
    if contender.includes in BUILDING:
        return "crossmargin, from the tables"
    suffix = (
        f"{contender.threads} thr" if contender.workload == "R1" else f"{contender.workload}, {contender.threads} thr"
    )
    if contender.outputs in PRICE_COLUMNS:
        return f"crossmargin, prices, {suffix}"
    if contender.outputs != THREE:
        return f"crossmargin, all columns, {suffix}"
    return f"crossmargin, {suffix}"


def _losses(rows: list[dict[str, Any]], small: list[dict[str, Any]]) -> list[str]:
    """Where another program was faster: said beside every table."""
    losses = [
        f"{row['workload']}, {row['includes']}: {row['name']} takes {row['ratio_to_ours']:.2f} times as long as ours"
        for row in rows
        if not row["name"].startswith(("crossmargin", "memory floor"))
        and row["ratio_to_ours"] is not None
        and row["ratio_to_ours"] < 1.0
    ]
    for size in small:
        microseconds = size["microseconds"]
        ours = microseconds.get("crossmargin")
        for name, other in microseconds.items():
            if ours is not None and other < ours:
                losses.append(f"{size['n_pools']:,} pools: {name} takes {other / ours:.2f} times as long as ours")
    return losses


if __name__ == "__main__":
    raise SystemExit(main())
