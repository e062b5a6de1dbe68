"""The markets of the reference workloads as TOML text; a float is written as its shortest round-trip decimal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crossmargin.testing.workload import Contracts, Floats, Haircuts, TierTable

_HEAD = """\
schema = 1
preset = "reference-workload"
as_of = 2024-10-01
title = "reference workload: {title}"
venue = "synthetic"

[pools]
cross = "{cross}"
isolated = true

[valuation]
asset = "{valuation}"

[trigger]
level = 1
zero_fails = true
price = "mark"

[maintenance_margin]
price = "mark"
legs = "each"

[initial_margin]
price = "mark"

[available]
rule = "equity_less_initial"

[withdrawable]
rule = "cash_less_loss_and_initial"

[display]
venue_ratio = "equity_over_maintenance"
"""

_ORDERS = """
[orders]
initial_margin = "worst_fill"
maintenance_margin = "worst_fill"
tier_basis = "worst_fill"
price = "limit"
"""

_COLLATERAL = """
[collateral]
value = "haircut"
base = "equity"
negative = "full"
requirement_conversion = "index"
"""

_HAIRCUT = """
[collateral.asset.{name}]
unit = "{unit}"
floor = [{floor}]
weights = [{weights}]
"""

_ASSET = """
[[asset]]
name = "{name}"
quantum = "1e-8"
"""

_INSTRUMENT = """
[[instrument]]
name = "{name}"
base = "{base}"
quote = "{quote}"
settle = "{settle}"
payoff = "{payoff}"
contract_size = {size}
"""

_TIERS = """
[tiers.{name}]
law = "{law}"
bounds = "{bounds}"
floor = [{floor}]
maintenance_rate = [{rate}]
"""


def head(title: str, cross: str, valuation: str) -> str:
    """Rules that all workloads share: maintenance at mark, each leg on its own, fails at 0.

    Parameters
    ----------
    title : str
        One line.
    cross : {"per_asset", "per_account"}
        What shares collateral.
    valuation : str
        An asset.

    Returns
    -------
    str
        TOML.
    """
    return _HEAD.format(title=title, cross=cross, valuation=valuation)


def worst_fill_orders() -> str:
    """Orders at their limits, in both margins and in what picks the tier, by the worse of two outcomes."""
    return _ORDERS


def collateral(assets: Sequence[str], haircuts: Haircuts) -> str:
    """Haircuts of the assets that have one, which are the first ones.

    Parameters
    ----------
    assets : sequence of str
        Names.
    haircuts : Haircuts
        A row for each of the first assets.

    Returns
    -------
    str
        TOML.
    """
    parts = [_COLLATERAL]
    for name, by_value, floor, weight in zip(
        assets, haircuts.by_value.tolist(), haircuts.floor, haircuts.weight, strict=False
    ):
        unit = "value" if by_value else "quantity"
        parts.append(_HAIRCUT.format(name=name, unit=unit, floor=_listed(floor), weights=_listed(weight)))
    return "".join(parts)


def listing(assets: Sequence[str], instruments: Sequence[str], tiers: TierTable, contracts: Contracts | None) -> str:
    """Assets, instruments and tiers.

    Parameters
    ----------
    assets, instruments : sequence of str
        Names in market order.
    tiers : TierTable
        A row for each instrument.
    contracts : Contracts or None
        How they pay; None for linear ones of size 1 in the first asset.

    Returns
    -------
    str
        TOML. An inverse contract is quoted in USD and has its settlement asset as base.
    """
    parts = [_ASSET.format(name=name) for name in assets]
    for at, name in enumerate(instruments):
        settle = assets[0] if contracts is None else assets[int(contracts.settle[at])]
        inverse = contracts is not None and bool(contracts.inverse[at])
        fields = {
            "name": name,
            "base": settle if inverse else name,
            "quote": "USD" if inverse else settle,
            "settle": settle,
            "payoff": "inverse" if inverse else "linear",
            "size": 1 if contracts is None else f"{contracts.size[at]:g}",
        }
        parts.append(_INSTRUMENT.format(**fields))
    inverse_ones = np.zeros(len(instruments), dtype=bool) if contracts is None else contracts.inverse
    for name, floor, rate, inverse in zip(instruments, tiers.floor, tiers.rate, inverse_ones.tolist(), strict=True):
        bounds = "settle" if inverse else "quote"
        texts = {"law": tiers.law, "bounds": bounds, "floor": _listed(floor), "rate": _listed(rate)}
        parts.append(_TIERS.format(name=name, **texts))
    return "".join(parts)


def _listed(row: Floats) -> str:
    return ", ".join(map(repr, row.tolist()))
