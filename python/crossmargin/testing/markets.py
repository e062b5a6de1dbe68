"""Markets as TOML text, for tests: a few instruments with their tiers, and the switches that rules differ by.

What is written here is the preset schema that `crossmargin.Market.from_toml` and the reference both read. The rules
are made up by the caller; no venue is meant.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

CAP = 2.0**250
"""Upper end of the last tier where a test does not care."""


@dataclass(frozen=True)
class InstrumentSpec:
    """A linear contract and its maintenance table; all numbers as they shall stand in the file.

    ``deduction`` None leaves the deductions to be derived.
    """

    name: str
    floor: Sequence[float] = (0,)
    maintenance_rate: Sequence[float] = (0.025,)
    settle: str = "USDT"
    contract_size: float = 1
    cap: float = CAP
    law: str = "marginal"
    deduction: Sequence[float] | None = None


@dataclass(frozen=True)
class RuleSpec:
    """The switches of the margin rules."""

    level: float = 1
    zero_fails: bool = False
    maintenance_price: str = "mark"
    initial_price: str = "mark"
    venue_ratio: str = "equity_over_maintenance"


PLAIN = RuleSpec()
"""Liquidation below maintenance, requirements at the mark price, equity over maintenance shown."""

TEXTBOOK_LIKE = RuleSpec(maintenance_price="entry", initial_price="entry")
"""Liquidation below maintenance, requirements that stay where they were at entry, equity over maintenance shown."""

BINANCE_LIKE = RuleSpec(zero_fails=True, venue_ratio="maintenance_over_equity")
"""Liquidation at maintenance; the ratio shown is maintenance over equity."""


def market_toml(instruments: Sequence[InstrumentSpec], rules: RuleSpec = PLAIN) -> str:
    """Write a market as TOML text.

    Assets are listed in the order in which the instruments first settle in them.

    Parameters
    ----------
    instruments : sequence of InstrumentSpec
        At least one.
    rules : RuleSpec
        Trigger, bases of the margins and the ratio shown.

    Returns
    -------
    str
        TOML text. A float stands as the shortest decimal that rounds to it.

    Examples
    --------
    >>> "maintenance_rate = [0.025]" in market_toml([InstrumentSpec("BTCUSDT")])
    True
    """
    assets = list(dict.fromkeys(spec.settle for spec in instruments))
    parts = [
        _table("", {"schema": 1, "preset": "made-up", "title": "Made-up rules for a test", "venue": "None"})
        + "as_of = 2024-10-01",
        _table("pools", {"cross": "per_asset", "isolated": True}),
        _table("valuation", {"asset": assets[0]}),
        _table("trigger", {"level": rules.level, "zero_fails": rules.zero_fails, "price": "mark"}),
        _table("maintenance_margin", {"price": rules.maintenance_price, "legs": "each"}),
        _table("initial_margin", {"price": rules.initial_price}),
        _table("display", {"venue_ratio": rules.venue_ratio, "amount_decimals": 8, "amount_rounding": "truncate"}),
        *(_table("[asset]", {"name": asset, "quantum": "1e-8"}) for asset in assets),
    ]
    for spec in instruments:
        parts.append(_table("[instrument]", _instrument(spec)))
        parts.append(_table(f"tiers.{spec.name}", _tiers(spec)))
    return "\n\n".join(parts) + "\n"


def _instrument(spec: InstrumentSpec) -> dict[str, object]:
    return {
        "name": spec.name,
        "base": f"BASE{spec.name}",
        "quote": spec.settle,
        "settle": spec.settle,
        "payoff": "linear",
        "contract_size": spec.contract_size,
        "tiers": spec.name,
    }


def _tiers(spec: InstrumentSpec) -> dict[str, object]:
    table: dict[str, object] = {
        "law": spec.law,
        "bounds": "quote",
        "floor": spec.floor,
        "maintenance_rate": spec.maintenance_rate,
        "max_leverage": [max(1, 125 - 10 * index) for index in range(len(spec.floor))],
        "cap": spec.cap,
    }
    if spec.deduction is not None:
        table["deduction"] = spec.deduction
    return table


def _table(name: str, fields: Mapping[str, object]) -> str:
    head = [f"[{name}]"] if name else []
    return "\n".join(head + [f"{key} = {_toml(value)}" for key, value in fields.items()]) + ("" if name else "\n")


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, int):
        return str(value) if abs(value) < 2**53 else repr(float(value))
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, Sequence):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    raise TypeError(f"value was {type(value).__name__}, expected something that TOML can write")
