"""What a market says that moving money needs: names, contracts and steps, as exact numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from crossmargin._arguments import shown
from crossmargin.account.amounts import exact
from crossmargin.errors import ArgumentError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from crossmargin.market import Market

_DEFAULT_LOT = Fraction(1, 10**8)
_OF_ORDERS = ("orders_initial_margin", "orders_maintenance_margin", "orders_tier_basis")


@dataclass(frozen=True, slots=True)
class Contract:
    """An instrument as money sees it."""

    name: str
    settle: str
    payoff: str
    size: Fraction
    multiplier: Fraction
    lot: Fraction
    contract_size: float
    """As the market states it; `size` is what a unit of quantity is of."""

    def value(self, price: Fraction) -> Fraction:
        """Give what one contract is worth at a price, signed so that profit is quantity times its change.

        ``contract_size * price`` for a linear contract, ``contract_size * multiplier * price`` for a quanto,
        ``-contract_size / price`` for an inverse one; in the settlement asset.
        """
        if self.payoff == "inverse":
            return -self.size / price
        return self.size * self.multiplier * price

    def average(self, quantity: Fraction, price: Fraction, added: Fraction, at: Fraction) -> Fraction:
        """Give the entry price of a position that was added to: the price at which its profit is that of both parts.

        Weighted with quantities; of an inverse contract one over the weighted one over the price.
        """
        whole = quantity + added
        if self.payoff == "inverse":
            return whole / (quantity / price + added / at)
        return (quantity * price + added * at) / whole


@dataclass(frozen=True, slots=True)
class Terms:
    """A market's assets and instruments, by name."""

    quanta: Mapping[str, Fraction]
    places: Mapping[str, int]
    instruments: tuple[str, ...]
    names: Mapping[str, str]
    contracts: Mapping[str, Contract]
    fees: Mapping[str, Mapping[str, float]]
    default_profile: str
    valuation: str | None
    spans_assets: bool
    orders_count: bool
    """Whether orders enter a margin, or what picks a tier."""
    debts_require: frozenset[str]
    """Assets of which a debt requires margin, so that a loss may."""
    coefficient_counts: bool
    venue_ratio_of_nothing: float
    has_bonus: bool
    """Whether the market says what a bonus pays."""
    market: Market

    def asset(self, name: Any) -> str:
        """Check the name of an asset."""
        if not isinstance(name, str) or name not in self.quanta:
            raise ArgumentError(f"asset was {shown(name)}, expected one of {', '.join(self.quanta)}")
        return name

    def contract(self, instrument: Any) -> Contract:
        """Find an instrument by name or alias."""
        name = self.names.get(instrument) if isinstance(instrument, str) else None
        if name is None:
            raise ArgumentError(f"instrument was {shown(instrument)}, expected one of market.instruments")
        return self.contracts[name]


@lru_cache(maxsize=16)
def terms_of(market: Market, unit: str) -> Terms:
    """Read the terms of a market, with quantities in contracts or in base units."""
    assets, listed, profiles = market.assets.rows(), market.instruments.rows(), market.profiles.rows()
    contracts = {row["instrument"]: _contract(row, unit) for row in listed}
    names = {name: name for name in contracts}
    for name, aliases in market.aliases.items():
        names |= dict.fromkeys(aliases, name)
    rules, owed = market.rules, market.liabilities["asset"].tolist()
    return Terms(
        quanta={row["asset"]: exact(row["quantum"], "quantum") for row in assets},
        places={row["asset"]: place for place, row in enumerate(assets)},
        instruments=tuple(contracts),
        names=names,
        contracts=contracts,
        fees={row["profile"]: {name: row[name] for name in ("taker", "maker", "discount")} for row in profiles},
        default_profile=profiles[0]["profile"] if profiles else "",
        valuation=rules["valuation_asset"],
        spans_assets=rules["cross_pool"] == "per_account",
        orders_count=any(rules[name] != "none" for name in _OF_ORDERS),
        debts_require=frozenset(owed) if rules["liability_requirement"] != "none" else frozenset(),
        coefficient_counts=rules["user_coefficient"] == "bounds",
        venue_ratio_of_nothing=0.0 if rules["venue_ratio"] == "maintenance_over_equity" else float("inf"),
        has_bonus=rules["bonus_counts"],
        market=market,
    )


@lru_cache(maxsize=16)
def states_fees(market: Market) -> bool:
    """Say whether a market states trading fees; the profile of one that does not is of zeros."""
    import tomllib  # noqa: PLC0415 - an account whose fees are amounts does without

    return "fees" in tomllib.loads(market.to_toml())


def _contract(row: Mapping[str, Any], unit: str) -> Contract:
    size = exact(row["contract_size"], "contract_size")
    lot = _DEFAULT_LOT if math.isnan(row["lot"]) else exact(row["lot"], "lot")
    if unit == "base":
        size, lot = Fraction(1), lot * size
    multiplier = exact(row["multiplier"], "multiplier") if row["payoff"] == "quanto" else Fraction(1)
    return Contract(row["instrument"], row["settle"], row["payoff"], size, multiplier, lot, row["contract_size"])
