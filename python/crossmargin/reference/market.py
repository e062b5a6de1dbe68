"""What a venue says: assets, instruments, tables of tiers and the switches of its margin rules.

`load_market` reads the same TOML as the engine does, with the standard library's parser and with checks of its own.
All numbers are kept as exact fractions.
"""

import datetime
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from crossmargin.reference import parse
from crossmargin.reference.assets import Asset, read_assets
from crossmargin.reference.parse import Table
from crossmargin.reference.switches import Rules, read_rules
from crossmargin.reference.tiers import TierTable, read_table
from crossmargin.reference.values import ReferenceInputError, not_negative, positive, refuse


@dataclass(frozen=True)
class Instrument:
    """A contract: what it is on, how it is priced, how it pays and which table it is charged by.

    ``contract_size`` is in base units, of an inverse contract in quote units; ``multiplier`` of a quanto contract is
    the settlement asset paid per unit of quote. ``old_tables`` are those that open positions may still be under.
    Orders have ``min_quantity`` to ``max_quantity`` contracts, worth ``min_notional`` in the quote asset, of an inverse
    contract in the settlement asset.
    """

    name: str
    base: str
    quote: str
    settle: str
    contract_size: Fraction
    table: TierTable
    aliases: tuple[str, ...] = ()
    payoff: str = "linear"
    multiplier: Fraction = Fraction(1)
    underlying: str = ""
    old_tables: Mapping[str, TierTable] = field(default_factory=dict)
    tick: Fraction | None = None
    lot: Fraction | None = None
    liquidation_fee: Fraction | None = None
    min_quantity: Fraction | None = None
    max_quantity: Fraction | None = None
    min_notional: Fraction | None = None


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

    def closing_rate(self, instrument: Instrument, taker: Fraction) -> Fraction:
        """Return the rate of fees for closing inside requirements, for an account with a taker rate.

        Formula: the taker rate; or the rate of liquidations, the instrument's own before that of the venue.

        Source: MEXC, FAQ on liquidation (the liquidation fee is in the trigger) and contract data of BTC_USDT (its
        rate, which accounts without trading fees have too), read 2026-11-22.
        """
        if self.rules.closing == "taker":
            return taker
        own = instrument.liquidation_fee
        return own if own is not None else self.rules.liquidation_fee or Fraction(0)

    def asset(self, name: str, where: str = "asset") -> Asset:
        """Return the asset of a name; an unknown one is refused."""
        for asset in self.assets:
            if name == asset.name:
                return asset
        raise refuse(where, name, "an asset of the market", "load a market that lists it")


def load_market(source: str | Path | Table, *, presets: Path | None = None) -> Market:
    """Read a market from the text of a preset, from its path, or from the parsed table.

    Parameters
    ----------
    source : str, Path or mapping
        TOML text; a `Path` to it; or what `tomllib` makes of it.
    presets : Path, optional
        The folder where what the market ``extends`` is looked for, as ``<preset>/<date>.toml``. For a `Path` it is
        the folder above that of the file; for text without it, ``extends`` is refused.

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
    folder = source.parents[1] if presets is None and isinstance(source, Path) else presets
    table = _parsed(source)
    while "extends" in table:
        if folder is None:
            raise refuse("extends", table["extends"], "a market complete in itself", "merge the two files first")
        table = extended(_parsed(folder / f"{table['extends']}.toml"), table)
    parse.one_of(table.get("schema", 1), "schema", (1,))
    rules = read_rules(table)
    assets = read_assets(table)
    names = {asset.name for asset in assets}
    if rules.valuation_asset is not None and rules.valuation_asset not in names:
        raise refuse("valuation.asset", rules.valuation_asset, "an asset of the market", "add an [[asset]] for it")
    return Market(
        preset=str(table.get("preset", "")),
        as_of=table.get("as_of"),
        assets=assets,
        instruments=_read_instruments(table, names, rules),
        rules=rules,
    )


def _parsed(source: str | Path | Table) -> Table:
    if isinstance(source, Path):
        source = source.read_text(encoding="utf-8")
    if isinstance(source, str):
        try:
            source = tomllib.loads(source)
        except tomllib.TOMLDecodeError as error:
            raise ReferenceInputError(f"market was not TOML: {error}") from None
    return source


def extended(base: Table, change: Table) -> dict[str, Any]:
    """Put a file that extends another over it.

    Keys of a section replace its keys one by one; assets and instruments replace keys of the entry of their name or
    are added; everything else is replaced whole.

    Examples
    --------
    >>> extended({"trigger": {"level": 1, "price": "mark"}}, {"extends": "x/2020-01-01", "trigger": {"level": 2}})
    {'trigger': {'level': 2, 'price': 'mark'}}
    """
    result = dict(base)
    for key, value in change.items():
        if key == "extends":
            continue
        old = result.get(key)
        if key in ("asset", "instrument"):
            result[key] = _entries_over(old or [], value)
        elif isinstance(value, Mapping) and isinstance(old, Mapping):
            result[key] = {**old, **value}
        else:
            result[key] = value
    return result


def _entries_over(base: list[Table], change: list[Table]) -> list[dict[str, Any]]:
    entries = {entry["name"]: dict(entry) for entry in base}
    for entry in change:
        entries.setdefault(entry["name"], {}).update(entry)
    return list(entries.values())


def _read_instruments(source: Table, assets: set[str], rules: Rules) -> tuple[Instrument, ...]:
    tables = {name: read_table(name, table) for name, table in source.get("tiers", {}).items()}
    instruments: list[Instrument] = []
    taken: set[str] = set()
    for row, entry in enumerate(source.get("instrument", ())):
        where = f"instrument[{row}]"
        instrument = _read_instrument(entry, where, tables)
        for name in (instrument.name, *instrument.aliases):
            if name in taken:
                raise refuse(f"{where}.name", name, "a name or alias that occurs once")
            taken.add(name)
        if instrument.settle not in assets:
            raise refuse(f"{where}.settle", instrument.settle, "an asset of the market", "add an [[asset]] for it")
        _check_initial_rates(instrument, rules)
        instruments.append(instrument)
    return tuple(instruments)


def _read_instrument(entry: Table, where: str, tables: Mapping[str, TierTable]) -> Instrument:
    name = parse.text(entry, "name", where)
    payoff = parse.choice(entry, "payoff", where, ("linear", "inverse", "quanto"))
    quote, base = parse.text(entry, "quote", where), str(entry.get("base", ""))
    settle = str(entry.get("settle", {"linear": quote, "inverse": base}.get(payoff, "")))
    if payoff == "linear" and settle != quote:
        raise refuse(f"{where}.settle", settle, f"the quote asset {quote!r} of a linear contract")
    if payoff == "quanto" and "multiplier" not in entry:
        raise refuse(f"{where}.multiplier", None, "the settlement asset paid per unit of quote")
    smallest, largest = (parse.number(entry, key, where, positive) for key in ("min_quantity", "max_quantity"))
    lot = parse.number(entry, "lot", where, positive)
    _check_sizes(where, {"min_quantity": smallest, "max_quantity": largest}, lot)
    return Instrument(
        name=name,
        base=base,
        quote=quote,
        settle=settle,
        contract_size=positive(entry.get("contract_size", 1), f"{where}.contract_size"),
        table=_table_of(tables, entry.get("tiers", name), f"{where}.tiers"),
        aliases=tuple(str(alias) for alias in entry.get("aliases", ())),
        payoff=payoff,
        multiplier=positive(entry.get("multiplier", 1), f"{where}.multiplier"),
        underlying=str(entry.get("underlying", base or name)),
        old_tables={
            version: _table_of(tables, table, f"{where}.old_tiers.{version}")
            for version, table in entry.get("old_tiers", {}).items()
        },
        tick=parse.number(entry, "tick", where, positive),
        lot=lot,
        liquidation_fee=parse.number(entry, "liquidation_fee", where, not_negative),
        min_quantity=smallest,
        max_quantity=largest,
        min_notional=parse.number(entry, "min_notional", where, positive),
    )


def _check_sizes(where: str, sizes: Mapping[str, Fraction | None], lot: Fraction | None) -> None:
    """Refuse sizes of orders that no order can have."""
    for key, size in sizes.items():
        if size is not None and lot is not None and (size / lot).denominator != 1:
            raise refuse(f"{where}.{key}", size, f"a multiple of the lot {lot}")
    smallest, largest = sizes.values()
    if smallest is not None and largest is not None and smallest > largest:
        raise refuse(f"{where}.min_quantity", smallest, f"at most max_quantity, {largest}")


def _table_of(tables: Mapping[str, TierTable], name: str, where: str) -> TierTable:
    table = tables.get(name)
    if table is None:
        raise refuse(where, name, "the name of a [tiers.<name>] table")
    return table


def _check_initial_rates(instrument: Instrument, rules: Rules) -> None:
    """Refuse a table that says no initial rates where the initial margin comes from the table."""
    if "table" not in (rules.initial.source, rules.initial_isolated.source):
        return
    for table in (instrument.table, *instrument.old_tables.values()):
        if any(tier.initial_rate is None for tier in table.tiers):
            raise refuse(f"tiers.{table.name}.initial_rate", None, "initial rates or largest leverages")
