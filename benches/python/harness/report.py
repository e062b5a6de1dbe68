"""The table of a run, as text for the terminal, Markdown and JSON for the record."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.contender import PRICE_COLUMNS
from harness.machine import ROOT

FORMAT = 1
FIRST = "score"  # the benchmark whose records have no name of their own in the file name
RECORDS = ROOT / "benches" / "record"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Align a Markdown table with its columns, numbers to the right."""
    cells = [list(header), *[list(row) for row in rows]]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    right = [
        bool(rows) and all(row[column][:1].isdigit() or row[column] in {"", "-"} for row in rows)
        for column in range(len(header))
    ]
    lines = [_line(row, widths, right) for row in cells]
    rule = ["-" * (width - 1) + ":" if at_right else "-" * width for width, at_right in zip(widths, right, strict=True)]
    lines.insert(1, "| " + " | ".join(rule) + " |")
    return "\n".join(lines)


def _line(row: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    padded = [
        cell.rjust(width) if at_right else cell.ljust(width)
        for cell, width, at_right in zip(row, widths, right, strict=True)
    ]
    return "| " + " | ".join(padded) + " |"


def head(record: Mapping[str, Any]) -> str:
    """Commit, machine, versions, workload and rounds, in words."""
    lines = [
        *setting(record),
        f"* Medians of {record['n_rounds']} interleaved rounds in one process; results found equal first. "
        f"Load of the machine before {record['load']['before']}, after {record['load']['after']}.",
    ]
    return "\n".join(lines)


def setting(record: Mapping[str, Any]) -> list[str]:
    """Commit, machine, versions and workloads, a line each."""
    commit = record["commit"]["commit"][:12] + (" with changes" if record["commit"]["changed"] else "")
    machine = record["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in record["versions"].items())
    workloads = record.get("workloads", [record["workload"]])
    hardware = (
        f"{machine['cpu']} (family/model {machine['cpu_family_model']}), widest instruction set {machine['isa']}, "
        f"{machine['cores']} cores, caches {machine['l2_cache']} and {machine['l3_cache']}, "
        f"{machine['memory_gib']} GiB, {machine['system']}"
    )
    return [
        f"* Date and commit: {record['date']}, {commit}.",
        f"* Machine: {hardware}.",
        f"* Versions: {versions}.",
        *[_book(workload) for workload in workloads],
    ]


def _book(workload: Mapping[str, Any]) -> str:
    orders = f"{workload['n_orders']:,} orders, " if workload.get("n_orders") else ""
    return (
        f"* Workload: {workload['name']}, seed {workload['seed']}, {workload['n_pools']:,} pools, "
        f"{workload['n_positions']:,} positions, {orders}{workload['n_instruments']} instruments."
    )


def markdown(record: Mapping[str, Any]) -> str:
    """Write the record as a page: head, rows, small books, figures, losses."""
    parts = [
        f"# {record['benchmark']}, {record['date']}",
        head(record),
        "## Time",
        rows_table(record),
        "## Liquidation prices",
        prices_table(record),
        "## Small books, one thread, microseconds a call",
        small_table(record),
        "## Figures",
        figures_table(record),
        "## Where we lose",
        losses_list(record),
    ]
    return "\n\n".join(parts) + "\n"


def rows_table(record: Mapping[str, Any]) -> str:
    """One line per contender; the last column is against ours on as many threads."""
    header = ("row", "outputs", "buffers", "threads", "ISA", "timed", "ns/position", "least", "most", "x ours")
    rows = [
        (
            row["name"],
            row["outputs"],
            row["buffers"],
            str(row["threads"]),
            row["isa"],
            row["includes"],
            f"{row['ns_per_position']['median']:.2f}",
            f"{row['ns_per_position']['least']:.2f}",
            f"{row['ns_per_position']['most']:.2f}",
            "-" if row["ratio_to_ours"] is None else f"{row['ratio_to_ours']:.2f}",
        )
        for row in record["rows"]
        if row["outputs"] not in PRICE_COLUMNS
    ]
    return table(header, rows)


def prices_table(record: Mapping[str, Any]) -> str:
    """One line per contender on liquidation prices, and who else was asked."""
    header = ("row", "outputs", "buffers", "threads", "timed", "positions", "ns/position", "least", "most", "x ours")
    rows = [
        (
            row["name"],
            row["outputs"],
            row["buffers"],
            str(row["threads"]),
            row["includes"],
            f"{row['n_positions']:,}",
            f"{row['ns_per_position']['median']:.2f}",
            f"{row['ns_per_position']['least']:.2f}",
            f"{row['ns_per_position']['most']:.2f}",
            "-" if row["ratio_to_ours"] is None else f"{row['ratio_to_ours']:,.2f}",
        )
        for row in record["rows"]
        if row["outputs"] in PRICE_COLUMNS
    ]
    if not rows:
        return "Not measured."
    costs = record["costs"]
    lines = [_asked(peer) for peer in record.get("asked", [])]
    if "one_price" in costs:
        lines.append(
            f"* Through `Account`: {costs['one_price']:.2f} us for a new mark and the price of one position of two, of "
            f"which {costs['one_mark']:.2f} us for the mark; {costs['one_exact_price']:.2f} us where the price is a "
            "decimal, which only exact arithmetic can tell."
        )
    return "\n".join([table(header, rows), *([""] if lines else []), *lines])


def _asked(peer: Mapping[str, Any]) -> str:
    if "left_out" in peer:
        return f"* {peer['name']} is left out: {peer['left_out']}."
    return (
        f"* {peer['name']} {peer['version']}: right for {peer['right']} of the first {peer['n_positions']} positions "
        "as they come."
    )


def small_table(record: Mapping[str, Any]) -> str:
    """One line per size of book, one column per contender."""
    sizes = record["small_books"]
    if not sizes:
        return "Not measured."
    names = list(sizes[0]["microseconds"])
    rows = [
        [f"{size['n_pools']:,}", f"{size['n_positions']:,}"] + [f"{size['microseconds'][name]:.2f}" for name in names]
        for size in sizes
    ]
    return table(["pools", "positions", *names], rows)


def figures_table(record: Mapping[str, Any]) -> str:
    """One line per promised figure."""
    verdicts = {True: "yes", False: "NO", None: "not measured"}

    def target(figure: Mapping[str, Any]) -> str:
        return "none" if figure["target"] is None else f"{figure['direction']} {figure['target']:g} {figure['unit']}"

    def verdict(figure: Mapping[str, Any]) -> str:
        return "-" if figure["target"] is None and figure["reached"] is not None else verdicts[figure["passed"]]

    rows = [
        (
            figure["name"],
            target(figure),
            "-" if figure["reached"] is None else f"{figure['reached']:.2f}",
            verdict(figure),
        )
        for figure in record["figures"]
    ]
    return table(("figure", "target", "reached", "met"), rows)


def losses_list(record: Mapping[str, Any]) -> str:
    """Every comparison of the run in which something else was faster."""
    return "\n".join(f"* {loss}" for loss in record["losses"]) or "Nowhere in this run."


def write(
    record: Mapping[str, Any], folder: Path = RECORDS, page: Callable[[Mapping[str, Any]], str] = markdown
) -> tuple[Path, Path]:
    """Write the JSON record and its page; returns both paths."""
    folder.mkdir(parents=True, exist_ok=True)
    stem = f"{record['date']}-{record['host_kind']}-{record['commit']['commit'][:8]}"
    if record["benchmark"] != FIRST:
        stem += f"-{record['benchmark']}"
    data, told = folder / f"{stem}.json", folder / f"{stem}.md"
    data.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    told.write_text(page(record), encoding="utf-8")
    return data, told


def newest(folder: Path = RECORDS, benchmark: str = FIRST) -> dict[str, Any] | None:
    """Read the record of a benchmark with the latest date, None where there is none."""
    paths = sorted(folder.glob("*.json"), key=lambda path: (path.name[:10], path.stat().st_mtime), reverse=True)
    records: Iterator[dict[str, Any]] = (json.loads(path.read_text(encoding="utf-8")) for path in paths)
    return next((record for record in records if record["benchmark"] == benchmark), None)
