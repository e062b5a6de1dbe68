"""Assets: their smallest unit, and how much of them counts as collateral or is required when they are owed."""

from dataclasses import dataclass, field
from fractions import Fraction

from crossmargin.reference import parse
from crossmargin.reference.parse import Table
from crossmargin.reference.values import not_negative, positive, refuse

ONE = Fraction(1)
ZERO = Fraction(0)


@dataclass(frozen=True)
class Weights:
    """Marginal tiers of collateral weight: each slice above ``floors[k]`` counts at ``weights[k]``."""

    floors: tuple[Fraction, ...] = (ZERO,)
    weights: tuple[Fraction, ...] = (ONE,)


@dataclass(frozen=True)
class Liability:
    """Marginal tiers of what a debt requires, by its quantity."""

    floors: tuple[Fraction, ...]
    maintenance_rates: tuple[Fraction, ...]
    initial_rates: tuple[Fraction, ...]


@dataclass(frozen=True)
class AssetCollateral:
    """How an asset counts: weights for the requirement, weights for what can back new positions, buffers, debts."""

    weights: Weights = field(default_factory=Weights)
    availability: Weights = field(default_factory=Weights)
    unit: str = "quantity"
    bid_buffer: Fraction = ZERO
    ask_buffer: Fraction = ZERO
    liability_factor: Fraction = ONE
    liability: Liability | None = None


@dataclass(frozen=True)
class Asset:
    """Something that can be held as cash; ``quantum`` is its smallest unit.

    ``collateral`` is None where the market says nothing about it: with haircuts, such an asset counts nothing.
    """

    name: str
    quantum: Fraction
    collateral: AssetCollateral | None = None


def read_assets(source: Table) -> tuple[Asset, ...]:
    """Read ``[[asset]]`` and ``[collateral.asset.<name>]``."""
    entries = parse.section(source, "collateral", "asset")
    assets: list[Asset] = []
    for row, entry in enumerate(source.get("asset", ())):
        name = parse.text(entry, "name", f"asset[{row}]")
        if any(name == asset.name for asset in assets):
            raise refuse(f"asset[{row}].name", name, "a name that occurs once")
        quantum = positive(entry.get("quantum", "1e-8"), f"asset[{row}].quantum")
        collateral = read_collateral(entries[name], f"collateral.asset.{name}") if name in entries else None
        assets.append(Asset(name, quantum, collateral))
    unknown = sorted(set(entries) - {asset.name for asset in assets})
    if unknown:
        raise refuse("collateral.asset", unknown[0], "an asset of the market", "add an [[asset]] for it")
    return tuple(assets)


def read_collateral(entry: Table, where: str) -> AssetCollateral:
    """Read one ``[collateral.asset.<name>]``: a flat weight or marginal tiers, both ending at the cap."""
    weight = parse.number(entry, "weight", where, parse.fraction, 1) or ZERO
    return AssetCollateral(
        weights=_read_weights(entry, where, weight),
        availability=_read_weights(
            entry, where, parse.number(entry, "availability_weight", where, parse.fraction), weight
        ),
        unit=parse.choice(entry, "unit", where, ("quantity", "value")),
        bid_buffer=parse.number(entry, "bid_buffer", where, parse.fraction, 0) or ZERO,
        ask_buffer=parse.number(entry, "ask_buffer", where, not_negative, 0) or ZERO,
        liability_factor=positive(entry.get("liability_factor", 1), f"{where}.liability_factor"),
        liability=_read_liability(entry["liability"], f"{where}.liability") if "liability" in entry else None,
    )


def _read_weights(entry: Table, where: str, weight: Fraction | None, usual: Fraction = ONE) -> Weights:
    """Tiers if there are any; the flat weight otherwise, or the usual one where that is absent."""
    if "floor" in entry:
        if "weight" in entry or "availability_weight" in entry:
            raise refuse(f"{where}.weight", "given", "either a weight or tiers of weights")
        floors = parse.column(entry, "floor", where, not_negative)
        parse.rising(floors, f"{where}.floor")
        weights = parse.column(entry, "weights", where, parse.fraction)
        if len(weights) != len(floors):
            raise refuse(f"{where}.weights", f"{len(weights)} values", f"{len(floors)} values, one per floor")
    else:
        floors, weights = [ZERO], [usual if weight is None else weight]
    cap = parse.number(entry, "cap", where, positive)
    if cap is not None:
        if cap <= floors[-1]:
            raise refuse(f"{where}.cap", entry["cap"], "a number above the last floor")
        floors, weights = [*floors, cap], [*weights, ZERO]
    return Weights(tuple(floors), tuple(weights))


def _read_liability(entry: Table, where: str) -> Liability:
    floors = parse.column(entry, "floor", where, not_negative)
    parse.rising(floors, f"{where}.floor")
    maintenance = parse.column(entry, "maintenance_rate", where, not_negative)
    initial = parse.column(entry, "initial_rate", where, not_negative) if "initial_rate" in entry else maintenance
    for key, values in (("maintenance_rate", maintenance), ("initial_rate", initial)):
        if len(values) != len(floors):
            raise refuse(f"{where}.{key}", f"{len(values)} values", f"{len(floors)} values, one per floor")
    return Liability(tuple(floors), tuple(maintenance), tuple(initial))
