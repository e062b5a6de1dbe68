"""What the samples of all venues share: a snapshot, the rules of its vector, and how numbers are written."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import crossmargin as xm

FOLDER = Path(__file__).parent.parent / "vectors"
Vector = dict[str, Any]
PLAIN = {"equal", "rounding"}


@dataclass(frozen=True)
class Sample:
    """A snapshot, the rules of its vector, and what may come out beside plain agreement."""

    snapshot: xm.adapters.Snapshot
    market: xm.Market
    causes: frozenset[str] = frozenset()
    flips: bool = False
    prices: Mapping[str, Any] = field(default_factory=dict)


@cache
def vectors() -> dict[str, Vector]:
    files = ("binance", "bybit", "hyperliquid", "okx")
    found = [entry for name in files for entry in json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))]
    return {entry["id"]: entry for entry in found}


def written(value: Any) -> str:
    """A number as venues write it."""
    return format(float(value), ".16g") if isinstance(value, Fraction) else str(value)
