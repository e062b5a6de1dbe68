"""Markets as TOML text, for tests: a few instruments with their tiers, and the switches that rules differ by.

What is written here is the preset schema that `crossmargin.Market.from_toml` and the reference both read. The rules
are made up by the caller; no venue is meant.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

CAP = 2.0**250
"""Upper end of the last tier where a test does not care."""


Section = Mapping[str, object]
"""Keys of a section of the file."""

Sections = Mapping[str, Section | Sequence[Section]]
"""Sections by dotted name; a list of sections is written as an array of tables."""


@dataclass(frozen=True)
class InstrumentSpec:
    """A contract and its maintenance table; all numbers as they shall stand in the file.

    ``deduction`` None leaves the deductions to be derived; ``max_leverage`` None writes falling ones. ``settle`` is
    the quote of a linear contract; the others are quoted in USD, and the base of an inverse one is its settlement
    asset. ``old`` holds earlier tables of the contract by version, of which the fields of the table count.
    """

    name: str
    floor: Sequence[float] = (0,)
    maintenance_rate: Sequence[float] = (0.025,)
    settle: str = "USDT"
    contract_size: float = 1
    cap: float = CAP
    law: str = "marginal"
    deduction: Sequence[float] | None = None
    payoff: str = "linear"
    multiplier: float = 1
    underlying: str | None = None
    bounds: str = "quote"
    at_floor: str | None = None
    max_leverage: Sequence[float] | None = None
    initial_rate: Sequence[float] | None = None
    arithmetic: Section | None = None
    old: Mapping[str, "InstrumentSpec"] = field(default_factory=dict)
    orders: Section = field(default_factory=dict)


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


def market_toml(
    instruments: Sequence[InstrumentSpec],
    rules: RuleSpec = PLAIN,
    sections: Sections | None = None,
    assets: Sequence[str] = (),
) -> str:
    """Write a market as TOML text.

    Assets are listed in the order in which the instruments first settle in them, after those that are given.

    Parameters
    ----------
    instruments : sequence of InstrumentSpec
        At least one.
    rules : RuleSpec
        Trigger, bases of the margins and the ratio shown.
    sections : mapping, optional
        Further keys by section, over those of ``rules``.
    assets : sequence of str
        Assets to list first; the first of all is the valuation asset unless ``sections`` say another.

    Returns
    -------
    str
        TOML text. A float stands as the shortest decimal that rounds to it.

    Examples
    --------
    >>> "maintenance_rate = [0.025]" in market_toml([InstrumentSpec("BTCUSDT")])
    True
    """
    assets = list(dict.fromkeys([*assets, *(spec.settle for spec in instruments)]))
    parts = [
        _table("", {"schema": 1, "preset": "made-up", "title": "Made-up rules for a test", "venue": "None"})
        + "as_of = 2024-10-01"
    ]
    for name, fields in _sections(rules, assets[0], sections or {}).items():
        if isinstance(fields, Mapping):
            parts.append(_table(name, fields))
        else:
            parts.extend(_table(f"[{name}]", entry) for entry in fields)
    parts.extend(_table("[asset]", {"name": asset, "quantum": "1e-8"}) for asset in assets)
    for spec in instruments:
        parts.append(_table("[instrument]", _instrument(spec)))
        parts.extend(_tier_tables(spec.name, spec))
        for version, table in spec.old.items():
            parts.extend(_tier_tables(f"{spec.name}-{version}", table))
    return "\n\n".join(parts) + "\n"


def _sections(rules: RuleSpec, valuation: str, more: Sections) -> dict[str, Section | Sequence[Section]]:
    result: dict[str, Section | Sequence[Section]] = {
        "pools": {"cross": "per_asset", "isolated": True},
        "valuation": {"asset": valuation},
        "trigger": {"level": rules.level, "zero_fails": rules.zero_fails, "price": "mark"},
        "maintenance_margin": {"price": rules.maintenance_price, "legs": "each"},
        "initial_margin": {"price": rules.initial_price},
        "display": {"venue_ratio": rules.venue_ratio, "amount_decimals": 8, "amount_rounding": "truncate"},
    }
    for name, fields in more.items():
        before = result.get(name, {})
        if isinstance(fields, Mapping) and isinstance(before, Mapping):
            result[name] = {**before, **fields}
        else:
            result[name] = fields
    return result


def _instrument(spec: InstrumentSpec) -> dict[str, object]:
    entry: dict[str, object] = {
        "name": spec.name,
        "base": spec.settle if spec.payoff == "inverse" else f"BASE{spec.name}",
        "quote": spec.settle if spec.payoff == "linear" else "USD",
        "settle": spec.settle,
        "payoff": spec.payoff,
        "contract_size": spec.contract_size,
        "tiers": spec.name,
    }
    if spec.payoff == "quanto":
        entry["multiplier"] = spec.multiplier
    if spec.underlying is not None:
        entry["underlying"] = spec.underlying
    if spec.old:
        entry["old_tiers"] = {version: f"{spec.name}-{version}" for version in spec.old}
    return entry | dict(spec.orders)


def _tier_tables(name: str, spec: InstrumentSpec) -> list[str]:
    table: dict[str, object] = {"law": spec.law, "bounds": spec.bounds, "cap": spec.cap}
    leverage = spec.max_leverage
    if leverage is None:
        leverage = [max(1, 125 - 10 * index) for index in range(len(spec.floor))]
    if spec.arithmetic is None:
        table |= {"floor": spec.floor, "max_leverage": leverage}
        if spec.law != "half_of_max_leverage":
            table["maintenance_rate"] = spec.maintenance_rate
        optional = {"deduction": spec.deduction, "initial_rate": spec.initial_rate, "at_floor": spec.at_floor}
        table |= {key: value for key, value in optional.items() if value is not None}
        return [_table(f"tiers.{name}", table)]
    return [_table(f"tiers.{name}", table), _table(f"tiers.{name}.arithmetic", spec.arithmetic)]


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
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_toml(key)} = {_toml(item)}" for key, item in value.items()) + " }"
    if isinstance(value, Sequence):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    raise TypeError(f"value was {type(value).__name__}, expected something that TOML can write")
