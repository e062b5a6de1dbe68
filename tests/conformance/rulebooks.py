"""Explicit tables of rules, as market files: a vector runs under the rules of its source, not under a preset."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

Section = Mapping[str, Any]

HEAD: Section = {
    "schema": 1,
    "preset": "vector",
    "as_of": "2020-01-01",
    "pools": {"cross": "per_asset", "isolated": True},
    "valuation": {"asset": "USDT"},
    "trigger": {"level": 1, "zero_fails": True, "price": "mark"},
    "maintenance_margin": {"price": "mark", "legs": "each"},
    "initial_margin": {"price": "mark", "legs": "each"},
    "display": {"venue_ratio": "maintenance_over_equity", "amount_decimals": 8, "amount_rounding": "truncate"},
    "fees": {"taker": 0, "maker": 0},
}
"""Rules where a vector says nothing: each leg at the mark price, liquidated at 100 %, no fees."""


PRESET: ContextVar[str | None] = ContextVar("PRESET", default=None)
"""The shipped preset whose rules stand in for those that a builder states."""


@contextmanager
def under_preset(preset: str) -> Iterator[None]:
    """Within, a builder's books run under the rules of a preset: its own are dropped, its contracts and facts stay."""
    token = PRESET.set(preset)
    try:
        yield
    finally:
        PRESET.reset(token)


def linear(name: str = "PERP", **more: Any) -> Section:
    return {"name": name, "base": f"BASE{name}", "quote": "USDT", "settle": "USDT", **more}


def inverse(name: str = "PERP", coin: str = "BTC", **more: Any) -> Section:
    return {"name": name, "base": coin, "quote": "USD", "settle": coin, "payoff": "inverse", **more}


def one_rate(rate: float, **more: Any) -> Section:
    """A table of one tier."""
    return {
        "law": "marginal",
        "bounds": "settle",
        "floor": [0],
        "maintenance_rate": [rate],
        "max_leverage": [125],
        **more,
    }


def rulebook(instruments: Sequence[Section], tiers: Mapping[str, Section], **sections: Section) -> str:
    """The text of a market file.

    Assets are those that instruments settle in, the valuation asset and those that ``collateral`` names. A section
    that is given replaces keys of `HEAD`.
    """
    preset = PRESET.get()
    if preset is not None:
        return "\n".join(_lines(_over_preset(preset, instruments, tiers, sections), ""))
    table: dict[str, Any] = {key: dict(value) if isinstance(value, Mapping) else value for key, value in HEAD.items()}
    for name, keys in sections.items():
        table[name] = {**table.get(name, {}), **keys}
    listed = sections.get("collateral", {}).get("asset", {})
    settled = [entry["settle"] for entry in instruments]
    names = dict.fromkeys([*settled, table["valuation"]["asset"], *listed])
    table["asset"] = [{"name": name} for name in names]
    table["instrument"] = [{"contract_size": 1, "payoff": "linear", **entry} for entry in instruments]
    table["tiers"] = dict(tiers)
    return "\n".join(_lines(table, ""))


def _over_preset(
    preset: str, instruments: Sequence[Section], tiers: Mapping[str, Section], sections: Mapping[str, Section]
) -> Section:
    entries = sections.get("collateral", {}).get("asset", {})
    names = dict.fromkeys([*(entry["settle"] for entry in instruments), *entries])
    table: dict[str, Any] = {"extends": preset, "preset": "vector", "as_of": HEAD["as_of"]}
    if "fees" in sections:
        table["fees"] = sections["fees"]
    if entries:
        table["collateral"] = {"asset": entries}
    table["asset"] = [{"name": name} for name in names]
    table["instrument"] = [{"contract_size": 1, "payoff": "linear", **entry} for entry in instruments]
    table["tiers"] = dict(tiers)
    return table


def _lines(table: Section, path: str) -> list[str]:
    """Keys first, then subsections, then lists of sections: the order that TOML wants."""
    lines = [f"{key} = {_value(key, value)}" for key, value in table.items() if not _is_section(value)]
    for key, value in table.items():
        name = f"{path}{key}"
        if isinstance(value, Mapping):
            lines += [f"\n[{name}]", *_lines(value, f"{name}.")]
        elif _is_section(value):
            for entry in value:
                lines += [f"\n[[{name}]]", *_lines(entry, f"{name}.")]
    return lines


def _is_section(value: Any) -> bool:
    return isinstance(value, Mapping) or (isinstance(value, list) and bool(value) and isinstance(value[0], Mapping))


def _value(key: str, value: Any) -> str:
    if key == "as_of":
        return str(value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_value("", item) for item in value) + "]"
    return repr(value)
