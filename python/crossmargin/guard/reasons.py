"""How far limits are broken: doubles for people, beside decisions that are exact already."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from crossmargin.scores import score
from crossmargin.table import Table

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from crossmargin.guard.breaches import Breaches

_COLUMNS = ("account", "instrument", "underlying", "word", "value", "limit")
_POOL_OUTPUTS = ("equity", "notional", "margin_ratio")


def reasons_of(found: Breaches) -> Table:
    """Give a row per limit that is broken."""
    rows = [*_of_pools(found), *_of_positions(found), *_of_accounts(found)]
    columns: dict[str, Any] = {name: [row[at] for row in rows] for at, name in enumerate(_COLUMNS)}
    for name in ("account", "instrument", "underlying", "word"):
        columns[name] = _objects(columns[name])
    if found._then.accounts.dtype.kind == "i":
        columns["account"] = columns["account"].astype(np.int64)
    return Table(columns | {name: np.array(columns[name], dtype=np.float64) for name in ("value", "limit")})


def _objects(values: list[Any]) -> NDArray[Any]:
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def _scores(found: Breaches) -> Any:
    return score(found._then, found.prices, _POOL_OUTPUTS, missing=found.missing)


def _of_pools(found: Breaches) -> list[tuple[Any, ...]]:
    if not found.bits.any():
        return []
    keys = found._keys()
    ratios = _scores(found)["margin_ratio"]
    level = found._then.market.rules["trigger_level"]
    limits = [*zip(found.limits.words, found.limits.levels, strict=True), ("liquidatable", level), ("unpriced", np.nan)]
    rows = []
    for word, limit in limits:
        for at in found.has(word).nonzero()[0].tolist():
            value = np.nan if word == "unpriced" else ratios[at]
            rows.append((at, (keys["account"][at], keys["instrument"][at], None, word, value, limit)))
    return [row for _, row in sorted(rows, key=lambda pair: pair[0])]


def _of_positions(found: Breaches) -> list[tuple[Any, ...]]:
    broken = found.has("maintenance_share").nonzero()[0].tolist()
    if not broken:
        return []
    table, equity = _positions(found), _equity(found)
    places, rates = _places(found), _rates_of(found, table)
    rows = []
    for at in broken:
        account = table["account"][at]
        share = _over(table["maintenance_margin"][at] * rates[at], equity[places[account]])
        rows.append(
            (account, table["instrument"][at], None, "maintenance_share", share, found.limits.maintenance_share)
        )
    return rows


def _of_accounts(found: Breaches) -> list[tuple[Any, ...]]:
    bits = found._bits[1]
    if not bits.any():
        return []
    accounts, equity = found._then.accounts, _equity(found)
    rows: list[tuple[int, tuple[Any, ...]]] = []
    if found.limits.soft_stop is not None and found._references is not None:
        floor = (1.0 - found.limits.soft_stop) * found._references
        stopped = found.has("soft_stop").nonzero()[0].tolist()
        rows.extend((at, (accounts[at], None, None, "soft_stop", equity[at], floor[at])) for at in stopped)
    shares = _shares(found)
    for at in found.has("max_leverage").nonzero()[0].tolist():
        leverage = _over(sum(shares.get(at, {}).values()), equity[at])
        rows.append((at, (accounts[at], None, None, "max_leverage", leverage, found.limits.max_leverage)))
    for at in found.has("concentration").nonzero()[0].tolist():
        by = shares[at]
        name = max(by, key=lambda name: by[name])
        share = by[name] / sum(by.values())
        rows.append((at, (accounts[at], None, name, "concentration", share, found.limits.concentration)))
    return [row for _, row in sorted(rows, key=lambda pair: pair[0])]


def _over(part: float, whole: float) -> float:
    """Give a ratio to what there is of equity; without any it has no bound."""
    return float(part / whole) if whole > 0.0 else float("inf")


def _positions(found: Breaches) -> dict[str, Any]:
    return found._core.positions(found.prices._core, found.missing)


def _places(found: Breaches) -> dict[Any, int]:
    return {key: place for place, key in enumerate(found._then.accounts.tolist())}


def _valuation(found: Breaches) -> str:
    """Give the asset that accounts are valued in."""
    named = found.limits.valuation or found._then.market.rules["valuation_asset"]
    if named is not None:
        return str(named)
    held: list[str] = found._then.pools["asset"].tolist()
    return held[0]


def _by_asset(found: Breaches) -> list[float]:
    return found._core.rates(found.prices._core, _valuation(found), found.missing)


def _equity(found: Breaches) -> NDArray[np.float64]:
    """Give the equity of each account in the asset that it is valued in."""
    return found._core.sum_by_account(_scores(found)["equity"], _by_asset(found))


def _rates_of(found: Breaches, table: dict[str, Any]) -> list[float]:
    """Give what the settlement asset of each position is worth in that which accounts are valued in."""
    market = found._then.market
    index = dict(zip(market.assets["asset"].tolist(), found.prices.index.tolist(), strict=True))
    unit, target = market.rules["valuation_asset"], _valuation(found)

    def price(asset: str) -> float:
        return 1.0 if asset == unit and np.isnan(index[asset]) else index[asset]

    rates = {asset: 1.0 if asset == target else price(asset) / price(target) for asset in set(table["asset"].tolist())}
    return [rates[asset] for asset in table["asset"].tolist()]


def _shares(found: Breaches) -> dict[int, dict[str, float]]:
    """Give the notional of each underlying, by the place of the account."""
    table, places = _positions(found), _places(found)
    rates = _rates_of(found, table)
    listed = found._then.market.instruments
    underlying = dict(zip(listed["instrument"].tolist(), listed["underlying"].tolist(), strict=True))
    shares: dict[int, dict[str, float]] = {}
    for at, (account, instrument, notional) in enumerate(
        zip(table["account"].tolist(), table["instrument"].tolist(), table["notional"].tolist(), strict=True)
    ):
        by = shares.setdefault(places[account], {})
        name = underlying[instrument]
        by[name] = by.get(name, 0.0) + notional * rates[at]
    return shares
