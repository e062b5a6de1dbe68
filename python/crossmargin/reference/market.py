"""What a venue says: assets, instruments, maintenance tiers and the switches of its margin rules.

`load_market` reads the same TOML as the engine does, with the standard library's parser and with checks of its own.
All numbers are kept as exact fractions.
"""

import datetime
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from crossmargin.reference.values import ReferenceInputError, exact, not_negative, positive, refuse

DEDUCTION_TOLERANCE = Fraction(1, 10**12)
"""A published deduction is the derived one, rounded, when they differ by no more than this, relatively."""


@dataclass(frozen=True)
class Tier:
    """One row of a maintenance table: from ``floor`` (inclusive) on, ``maintenance_rate * notional - deduction``."""

    floor: Fraction
    maintenance_rate: Fraction
    deduction: Fraction
    max_leverage: Fraction | None = None


@dataclass(frozen=True)
class TierTable:
    """A maintenance table: its law, its tiers from the lowest floor up, and the cap on a position's entry notional."""

    name: str
    law: str
    tiers: tuple[Tier, ...]
    cap: Fraction | None = None


@dataclass(frozen=True)
class Asset:
    """Something that can be held as cash; ``quantum`` is its smallest unit."""

    name: str
    quantum: Fraction


@dataclass(frozen=True)
class Instrument:
    """A linear contract on ``contract_size`` of ``base``, priced and settled in one asset."""

    name: str
    base: str
    quote: str
    settle: str
    contract_size: Fraction
    table: TierTable
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True)
class Rules:
    """The switches of a venue's margin rules."""

    trigger_level: Fraction = Fraction(1)
    zero_fails: bool = False
    maintenance_price: str = "mark"
    initial_price: str = "mark"
    venue_ratio: str = "equity_over_maintenance"
    available: str = "equity_less_initial"
    withdrawable: str = "cash_less_loss_and_initial"


@dataclass(frozen=True)
class Market:
    """A venue's assets, instruments and rules, in the order of its file."""

    preset: str
    as_of: datetime.date | None
    assets: tuple[Asset, ...]
    instruments: tuple[Instrument, ...]
    rules: Rules

    def instrument(self, name: str, where: str = "instrument") -> Instrument:
        """Return the instrument of a name or alias; an unknown one is refused."""
        for instrument in self.instruments:
            if name == instrument.name or name in instrument.aliases:
                return instrument
        raise refuse(where, name, "an instrument of the market", "load a market that lists it")

    def asset(self, name: str, where: str = "asset") -> Asset:
        """Return the asset of a name; an unknown one is refused."""
        for asset in self.assets:
            if name == asset.name:
                return asset
        raise refuse(where, name, "an asset of the market", "load a market that lists it")


def load_market(source: str | Path | Mapping[str, Any]) -> Market:
    """Read a market from the text of a preset, from its path, or from the parsed table.

    Parameters
    ----------
    source : str, Path or mapping
        TOML text; a `Path` to it; or what `tomllib` makes of it.

    Returns
    -------
    Market
        With every number exact and every deduction derived or listed.

    Raises
    ------
    ReferenceInputError
        When the text is not TOML, a field is missing or out of range, or a kind of rule is outside the scope of the
        reference.

    Examples
    --------
    >>> load_market('''
    ... schema = 1
    ... [[asset]]
    ... name = "USDT"
    ... [[instrument]]
    ... name = "X"
    ... quote = "USDT"
    ... [tiers.X]
    ... floor = [0, 50_000, 500_000]
    ... maintenance_rate = [0.004, 0.005, 0.01]
    ... ''').instruments[0].table.tiers[2].deduction
    Fraction(2550, 1)
    """
    if isinstance(source, Path):
        source = source.read_text(encoding="utf-8")
    if isinstance(source, str):
        try:
            source = tomllib.loads(source)
        except tomllib.TOMLDecodeError as error:
            raise ReferenceInputError(f"market was not TOML: {error}") from None
    _one_of(source.get("schema", 1), "schema", (1,))
    if "extends" in source:
        raise refuse("extends", source["extends"], "a market complete in itself", "merge the two files first")
    assets = _read_assets(source)
    return Market(
        preset=str(source.get("preset", "")),
        as_of=source.get("as_of"),
        assets=assets,
        instruments=_read_instruments(source, {asset.name for asset in assets}),
        rules=_read_rules(source),
    )


def _read_rules(source: Mapping[str, Any]) -> Rules:
    pools = source.get("pools", {})
    _one_of(pools.get("cross", "per_asset"), "pools.cross", ("per_asset",))
    _one_of(pools.get("isolated", True), "pools.isolated", (True,))
    trigger = source.get("trigger", {})
    _one_of(trigger.get("price", "mark"), "trigger.price", ("mark",))
    zero_fails = trigger.get("zero_fails", False)
    if not isinstance(zero_fails, bool):
        raise refuse("trigger.zero_fails", zero_fails, "true or false")
    maintenance = source.get("maintenance_margin", {})
    _one_of(maintenance.get("legs", "each"), "maintenance_margin.legs", ("each",))
    prices = ("mark", "entry")
    ratios = ("equity_over_maintenance", "maintenance_over_equity")
    return Rules(
        trigger_level=positive(trigger.get("level", 1), "trigger.level"),
        zero_fails=zero_fails,
        maintenance_price=_one_of(maintenance.get("price", "mark"), "maintenance_margin.price", prices),
        initial_price=_one_of(source.get("initial_margin", {}).get("price", "mark"), "initial_margin.price", prices),
        venue_ratio=_one_of(source.get("display", {}).get("venue_ratio", ratios[0]), "display.venue_ratio", ratios),
        available=_rule(source, "available", ("equity_less_initial",)),
        withdrawable=_rule(source, "withdrawable", ("cash_less_loss_and_initial",)),
    )


def _read_assets(source: Mapping[str, Any]) -> tuple[Asset, ...]:
    assets: list[Asset] = []
    for row, entry in enumerate(source.get("asset", ())):
        name = _text(entry, "name", f"asset[{row}]")
        if any(name == asset.name for asset in assets):
            raise refuse(f"asset[{row}].name", name, "a name that occurs once")
        assets.append(Asset(name, positive(entry.get("quantum", "1e-8"), f"asset[{row}].quantum")))
    return tuple(assets)


def _read_instruments(source: Mapping[str, Any], assets: set[str]) -> tuple[Instrument, ...]:
    tables = {name: _read_table(name, table) for name, table in source.get("tiers", {}).items()}
    instruments: list[Instrument] = []
    taken: set[str] = set()
    for row, entry in enumerate(source.get("instrument", ())):
        where = f"instrument[{row}]"
        instrument = _read_instrument(entry, where, tables)
        names = (instrument.name, *instrument.aliases)
        for name in names:
            if name in taken:
                raise refuse(f"{where}.name", name, "a name or alias that occurs once")
            taken.add(name)
        if instrument.settle not in assets:
            raise refuse(f"{where}.settle", instrument.settle, "an asset of the market", "add an [[asset]] for it")
        instruments.append(instrument)
    return tuple(instruments)


def _read_instrument(entry: Mapping[str, Any], where: str, tables: Mapping[str, TierTable]) -> Instrument:
    name = _text(entry, "name", where)
    _one_of(entry.get("payoff", "linear"), f"{where}.payoff", ("linear",))
    quote = _text(entry, "quote", where)
    settle = entry.get("settle", quote)
    if settle != quote:
        raise refuse(f"{where}.settle", settle, f"the quote asset {quote!r} of a linear contract")
    table = tables.get(entry.get("tiers", name))
    if table is None:
        raise refuse(f"{where}.tiers", entry.get("tiers", name), "the name of a [tiers.<name>] table")
    return Instrument(
        name=name,
        base=str(entry.get("base", "")),
        quote=quote,
        settle=settle,
        contract_size=positive(entry.get("contract_size", 1), f"{where}.contract_size"),
        table=table,
        aliases=tuple(str(alias) for alias in entry.get("aliases", ())),
    )


def _read_table(name: str, table: Mapping[str, Any]) -> TierTable:
    where = f"tiers.{name}"
    law = _one_of(table.get("law", "marginal"), f"{where}.law", ("marginal", "flat", "list"))
    # A linear contract settles in its quote asset, so the two words mean the same unit.
    _one_of(table.get("bounds", "quote"), f"{where}.bounds", ("quote", "settle"))
    floors = _column(table, "floor", where, not_negative)
    rates = _column(table, "maintenance_rate", where, not_negative)
    leverages = _column(table, "max_leverage", where, positive) if "max_leverage" in table else [None] * len(floors)
    given = _column(table, "deduction", where, exact) if "deduction" in table else None
    _check_columns(where, floors, rates, leverages, given)
    law, deductions = _deductions(where, law, floors, rates, given)
    cap = positive(table["cap"], f"{where}.cap") if "cap" in table else None
    if cap is not None and cap <= floors[-1]:
        raise refuse(f"{where}.cap", table["cap"], "a number above the last floor")
    tiers = tuple(Tier(*row) for row in zip(floors, rates, deductions, leverages, strict=True))
    for index, tier in enumerate(tiers):
        if tier.maintenance_rate * tier.floor < tier.deduction:
            raise refuse(f"{where}.deduction[{index}]", tier.deduction, "a deduction not above rate times floor")
    return TierTable(name, law, tiers, cap)


def _check_columns(
    where: str,
    floors: Sequence[Fraction],
    rates: Sequence[Fraction],
    leverages: Sequence[Fraction | None],
    given: Sequence[Fraction] | None,
) -> None:
    if not floors or floors[0] != 0:
        raise refuse(f"{where}.floor", floors[0] if floors else None, "a first floor of 0")
    for index in range(1, len(floors)):
        if floors[index] <= floors[index - 1]:
            raise refuse(f"{where}.floor[{index}]", floors[index], "floors that rise")
    for column, values in (("maintenance_rate", rates), ("max_leverage", leverages), ("deduction", given)):
        if values is not None and len(values) != len(floors):
            raise refuse(f"{where}.{column}", f"{len(values)} values", f"{len(floors)} values, one per floor")
    for index, rate in enumerate(rates):
        if rate > 1:
            raise refuse(f"{where}.maintenance_rate[{index}]", rate, "a fraction between 0 and 1")


def derive_deductions(floors: Sequence[Fraction], rates: Sequence[Fraction]) -> list[Fraction]:
    """Return the deduction ("maintenance amount") of each tier of a marginal table.

    Each slice of the notional pays the rate of its own tier, as with income tax: entering a higher tier never makes
    the part below it dearer. The deduction is what makes the short form ``rate * notional - deduction`` say that.

    Formula: ``d_1 = 0``, ``d_k = d_(k-1) + floor_k * (rate_k - rate_(k-1))``.

    Source: Binance FAQ, "Liquidation Price of USD-M Futures Contracts" (b3c689c1f50a44cabb3a84e663b81d93), read
    2026-11-22; all 2,456 tier steps of freqtrade's ``binance_leverage_tiers.json`` of October 2024 satisfy it.

    Examples
    --------
    >>> [int(d) for d in derive_deductions([Fraction(0), Fraction(50_000)], [Fraction("0.004"), Fraction("0.005")])]
    [0, 50]
    """
    deductions = [Fraction(0)]
    for k in range(1, len(floors)):
        deductions.append(deductions[k - 1] + floors[k] * (rates[k] - rates[k - 1]))
    return deductions


def _deductions(
    where: str,
    law: str,
    floors: Sequence[Fraction],
    rates: Sequence[Fraction],
    given: Sequence[Fraction] | None,
) -> tuple[str, Sequence[Fraction]]:
    """Choose the deductions that count: derived, none (flat), or the published ones where they disagree (list)."""
    if law == "list":
        if given is None:
            raise refuse(f"{where}.deduction", None, "a deduction per tier for law 'list'")
        return law, given
    if law == "flat":
        if given is not None and any(given):
            raise refuse(f"{where}.deduction", "given", "no deduction for law 'flat'", 'use law = "list"')
        return law, [Fraction(0)] * len(floors)
    derived = derive_deductions(floors, rates)
    if given is None or all(_close(a, b) for a, b in zip(given, derived, strict=True)):
        return law, derived
    return "list", given


def _close(a: Fraction, b: Fraction) -> bool:
    return abs(a - b) <= DEDUCTION_TOLERANCE * max(abs(a), abs(b))


def _column(table: Mapping[str, Any], name: str, where: str, read: Any) -> list[Any]:
    values = table.get(name)
    if not isinstance(values, Sequence) or isinstance(values, str):
        raise refuse(f"{where}.{name}", values, "a list of numbers")
    return [read(value, f"{where}.{name}[{index}]") for index, value in enumerate(values)]


def _rule(source: Mapping[str, Any], table: str, kinds: tuple[str, ...]) -> str:
    return str(_one_of(source.get(table, {}).get("rule", kinds[0]), f"{table}.rule", kinds))


def _text(entry: Mapping[str, Any], key: str, where: str) -> str:
    value = entry.get(key)
    if not isinstance(value, str) or not value:
        raise refuse(f"{where}.{key}", value, "a name")
    return value


def _one_of(value: Any, where: str, choices: tuple[Any, ...]) -> Any:
    if value not in choices:
        raise refuse(where, value, " or ".join(repr(choice) for choice in choices), "not supported by the reference")
    return value
