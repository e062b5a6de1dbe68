"""The record of decisions as tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness import report


def head(record: Mapping[str, Any]) -> str:
    """Commit, machine, versions, workload, and what was compared first."""
    decided = record["decided"]
    return "\n".join(
        [
            report.head(record),
            f"* Of {record['workload']['n_orders']:,} orders {decided['n_accepted']:,} are accepted; exact arithmetic "
            f"decided {decided['n_exact']:,}; the reference decided {decided['n_sampled']:,} of them alike.",
        ]
    )


def rows_table(record: Mapping[str, Any]) -> str:
    """One line per contender, in nanoseconds, and how many of it there are in a second."""
    rows = [
        (
            row["name"],
            row["per"],
            f"{row['ns']['median']:,.1f}",
            f"{row['ns']['least']:,.1f}",
            f"{row['ns']['most']:,.1f}",
            f"{1e3 / row['ns']['median']:,.2f}",
        )
        for row in record["rows"]
    ]
    rust = record["rust"]
    rows.append(
        (
            "check_order from Rust, another account each time",
            "order",
            f"{rust['ns']:,.1f}",
            f"{min(rust['rounds_ns']):,.1f}",
            f"{max(rust['rounds_ns']):,.1f}",
            f"{1e3 / rust['ns']:,.2f}",
        )
    )
    rows += [
        (row["name"], "order", f"{row['ns']:,.1f}", "-", "-", f"{1e3 / row['ns']:,.2f}") for row in record["asked"]
    ]
    header = ("row", "per", "ns", "least", "most", "millions/s")
    return "\n\n".join([report.table(header, rows), *(f"* {name}: {why}." for name, why in record["missing"].items())])


def markdown(record: Mapping[str, Any]) -> str:
    """Write the record as a page."""
    parts = [
        f"# {record['benchmark']}, {record['date']}",
        head(record),
        "## Time",
        rows_table(record),
        "## Figures",
        report.figures_table(record),
    ]
    return "\n\n".join(parts) + "\n"
