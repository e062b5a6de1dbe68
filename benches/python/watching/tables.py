"""The tables of a run on frames, as Markdown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness import report
from watching.cases import MAIN, PATHS, WATCHED


def markdown(record: Mapping[str, Any]) -> str:
    """Write the record as a page."""
    parts = [
        f"# {record['benchmark']}, {record['date']}",
        head(record),
        "## Frames of one instrument, N(0, 1 bp)",
        rows_table(record),
        "## Smaller and larger moves",
        moves_table(record),
        "## What else there is",
        peers_table(record),
        "## Growth",
        growth_table(record),
        "## Figures",
        report.figures_table(record),
    ]
    return "\n\n".join(parts) + "\n"


def head(record: Mapping[str, Any]) -> str:
    """Commit, machine, versions, workload, runs and the clock, in words."""
    python = record["python"]
    lines = [
        *report.setting(record),
        f"* Least time of each frame over {record['n_runs']} identical runs, less the {record['clock_ns']:.0f} ns that "
        f"reading the clock takes. Load of the machine before {record['load']['before']}, after "
        f"{record['load']['after']}.",
    ]
    if python is not None:
        lines.append(
            f"* A frame that touches nobody: {python['rust']:.3f} us in Rust, {python['python']:.3f} us from Python."
        )
    return "\n".join(lines)


def rows_table(record: Mapping[str, Any]) -> str:
    """The eight rows."""
    header = (
        *("watched", "instruments", "mean us", "p50", "p99", "p99.9", "worst", "touches/frame", "events/frame"),
        *("build s", "bytes/pool"),
    )
    rows = [
        (
            WATCHED[row["watched"]],
            PATHS[row["instruments"]].removeprefix("instruments "),
            *(_number(row["microseconds"][name]) for name in ("mean", "p50", "p99", "p999", "worst")),
            f"{row['touches_per_frame']:.4f}",
            f"{row['events_per_frame']:.4f}",
            f"{row['build_seconds']:.2f}",
            f"{row['bytes_per_pool']:.0f}",
        )
        for row in record["rows"]
        if row["basis_points"] == MAIN
    ]
    return report.table(header, rows)


def moves_table(record: Mapping[str, Any]) -> str:
    """The rows at other moves than one basis point."""
    header = (
        *("move", "watched", "instruments", "frames", "mean us", "p50", "p99.9", "worst"),
        *("touches/frame", "events/frame"),
    )
    rows = [
        (
            f"{row['basis_points']:g} bp",
            WATCHED[row["watched"]],
            PATHS[row["instruments"]].removeprefix("instruments "),
            f"{row['frames']:,}",
            *(_number(row["microseconds"][name]) for name in ("mean", "p50", "p999", "worst")),
            f"{row['touches_per_frame']:.4f}",
            f"{row['events_per_frame']:.4f}",
        )
        for row in record["rows"]
        if row["basis_points"] != MAIN
    ]
    return report.table(header, rows) if rows else "Not measured."


def peers_table(record: Mapping[str, Any]) -> str:
    """What else a user would do at each frame, and what was asked of lrvx."""
    header = ("row", "instruments", "frames", "us/frame", "pools touched", "events/frame", "x ours")
    ours = {(row["instruments"], row["watched"]): row for row in record["rows"] if row["basis_points"] == MAIN}
    rows = [
        (
            peer["name"],
            PATHS[peer["instruments"]].removeprefix("instruments "),
            f"{peer['frames']:,}",
            f"{peer['mean']:,.2f}",
            f"{peer['touches_per_frame']:,.0f}",
            "-" if peer["events_per_frame"] is None else f"{peer['events_per_frame']:.4f}",
            f"{peer['mean'] / ours[peer['instruments'], peer['beside']]['microseconds']['mean']:,.0f}",
        )
        for peer in record["peers"]
    ]
    return "\n".join([report.table(header, rows), "", *(_asked(peer) for peer in record["asked"])])


def _asked(peer: Mapping[str, Any]) -> str:
    if "left_out" in peer:
        return f"* {peer['name']} is left out: {peer['left_out']}."
    return (
        f"* {peer['name']} {peer['version']}: decides {peer['right']:,} of the first {peer['n_checked']:,} pools as "
        f"the rules do when all marks fall by 7 %; its accounts take {peer['build_seconds']:.0f} s to attach."
    )


def growth_table(record: Mapping[str, Any]) -> str:
    """One line per number of pools: quiet frames, and the crash."""
    header = (
        *("pools", "latched, alike us", "latched, by rank"),
        *("watched, alike", "us/event", "watched, by rank", "us/event"),
        *("crash us/event", "events", "worst frame us", "build s", "bytes/pool"),
    )
    rows = []
    for row in record["growth"]:
        if "left_out" in row:
            rows.append((f"{row['n_pools']:,}", *["-"] * (len(header) - 1)))
            continue
        alike, ranked, crash = row["uniform.watched"], row["ranked.watched"], row["crash"]
        rows.append(
            (
                f"{row['n_pools']:,}",
                _number(row["uniform.latched"]["mean"]),
                _number(row["ranked.latched"]["mean"]),
                *(_number(found[key]) for found in (alike, ranked) for key in ("mean", "per_event")),
                _number(crash["per_event"]),
                f"{crash['events']:,}",
                _number(crash["worst"]),
                f"{alike['build_seconds']:.2f}",
                f"{alike['bytes_per_pool']:.0f}",
            )
        )
    if not rows:
        return "Not measured."
    missing = [row for row in record["growth"] if "left_out" in row]
    left_out = [f"* {row['n_pools']:,} pools are left out: {row['left_out']}." for row in missing]
    return "\n".join([report.table(header, rows), *([""] if left_out else []), *left_out])


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}" if value >= 10 else f"{value:.3f}"
