"""The figures that the project promises of decisions before a trade, and whether a run reached them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from figures import Figure

MODES, SCORE = "compare_modes, 1 thr", "score, three columns, new arrays, 1 thr"
_BATCH = "check_orders, accepted and reason, 2 thr"
_AGAIN, _OTHERS = (
    f"check_order from Python, {what}" for what in ("one account again and again", "another account each time")
)


def judge(record: Mapping[str, Any]) -> list[Figure]:
    """All figures of a run."""
    ns = {row["name"]: row["ns"]["median"] for row in record["rows"]}
    return [
        Figure("batch, accepted and reason, 2 threads", 20.0, "at least", "million orders/s", 1e3 / ns[_BATCH]),
        Figure("a single check from Python, one account", 5.0, "at most", "us", ns[_AGAIN] / 1e3),
        Figure("a single check from Python, any account", 5.0, "at most", "us", ns[_OTHERS] / 1e3),
        Figure("a single check from Rust, any account", 250.0, "at most", "ns", record["rust"]["ns"]),
        Figure("compare_modes over score, 1 thread", 5.0, "at most", "x", ns[MODES] / ns[SCORE]),
    ]
