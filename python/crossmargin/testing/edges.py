"""Cases brought to their edges: pools on the trigger, positions on the floors of their tables.

Both are found with the reference in exact fractions, so that one unit in the last place on either side decides.
"""

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from functools import partial
from typing import Any

from hypothesis import strategies as st

from crossmargin.reference import PoolScore, exact, load_market, score
from crossmargin.testing.cases import FullCase
from crossmargin.testing.holdings import full_cases
from crossmargin.testing.kinds import tables_of
from crossmargin.testing.numbers import clamp, step

_MOST_STEPS = 8
_LARGEST = Fraction(2) ** 255

Excess = Callable[[Fraction], Fraction]


def exact_scores(case: FullCase) -> list[PoolScore[Fraction]]:
    """Score a case with the reference."""
    market, balances, positions, marks = case.arguments()
    return score(load_market(market), balances, positions, marks, **case.options())


def on_trigger(case: FullCase, ulps: int) -> FullCase:
    """Bring every pool of a case to the edge of its first constraint, or ``ulps`` doubles beside it.

    Cash moves: the margin of an isolated position, then a wallet of each cross pool. With haircuts the excess is
    piecewise linear in it and rises, so a few secants find the exact zero, and the nearest double is taken. A pool
    whose excess does not answer (an asset that counts nothing) stays as it is.
    """
    for account in case.holders():
        for kind in ("isolated", "cross"):
            for pool in exact_scores(case.alone(account)):
                if pool.kind == kind and pool.excess != 0:
                    case = _moved(case, pool, ulps)
    return case


def _moved(case: FullCase, pool: PoolScore[Fraction], ulps: int) -> FullCase:
    if pool.kind == "isolated":
        own = [row for row, position in enumerate(case.positions) if position["account"] == pool.account]
        row = own[pool.positions[0].row]
        return _solved(case, pool, pool.wallet_balance, lambda value: _with_margin(case, row, value), ulps)
    assets = case.spec.assets if case.spec.several else (pool.asset,)
    for asset in assets:
        held = [row for row in case.balances if (row["account"], row["asset"]) == (pool.account, asset)]
        start = exact(held[0]["wallet_balance"]) if held else Fraction(0)
        found = _solved(case, pool, start, partial(_with_cash, case, pool.account, asset), ulps)
        if found is not case:
            return found
    return case


def _solved(
    case: FullCase, pool: PoolScore[Fraction], start: Fraction, put: Callable[[Any], FullCase], ulps: int
) -> FullCase:
    def excess(value: Fraction) -> Fraction:
        for other in exact_scores(put(value).alone(pool.account)):
            if other.key == pool.key:
                return other.excess
        raise ValueError(f"the pool {pool.key} went away")

    before, at = (start, pool.excess), start - pool.excess
    for _ in range(_MOST_STEPS):
        if pool.kind == "isolated":
            at = max(at, Fraction(0))
        if abs(at) > _LARGEST or 0 < abs(at) < 1 / _LARGEST:
            return case
        here = at, excess(at)
        if here[1] == 0:
            break
        slope = here[1] - before[1]
        if slope == 0:
            return case
        before, at = here, here[0] - here[1] * (here[0] - before[0]) / slope
    else:
        return case
    value = step(clamp(float(at)), ulps)
    return put(max(value, 0.0) if pool.kind == "isolated" else value)


def _with_margin(case: FullCase, row: int, value: Any) -> FullCase:
    rows = [dict(one) for one in case.positions]
    rows[row]["isolated_margin"] = value
    return replace(case, positions=tuple(rows))


def _with_cash(case: FullCase, account: Any, asset: str, value: Any) -> FullCase:
    rows = [dict(one) for one in case.balances]
    for row in rows:
        if (row["account"], row["asset"]) == (account, asset):
            row["wallet_balance"] = value
            return replace(case, balances=tuple(rows))
    return replace(case, balances=(*rows, {"account": account, "asset": asset, "wallet_balance": value}))


def on_floor(case: FullCase, row: int, tier: int, ulps: int) -> FullCase:
    """Put a position on a floor of its table by its mark, or by its quantity where the mark does not move its size.

    Parameters
    ----------
    case : FullCase
        With at least one position.
    row : int
        Which position.
    tier : int
        Which floor, from 1; there is none at 0.
    ulps : int
        How many doubles the price (or quantity) lies above the one on the floor.

    Returns
    -------
    FullCase
        The other prices and rows as they were.
    """
    position = dict(case.positions[row])
    one = next(one for one in case.spec.instruments if one.name == position["instrument"])
    floor = exact(tables_of(one, position.get("tier_version"))[tier])
    quantity, size = abs(exact(position["quantity"])), exact(one.contract_size)
    if case.quantity_unit == "base":
        quantity /= size
    if one.bounds == "contracts" or (one.bounds == "quote" and one.payoff == "inverse"):
        wanted = floor if one.bounds == "contracts" else floor / size
        wanted = wanted * size if case.quantity_unit == "base" else wanted
        value = step(clamp(float(wanted)), ulps)
        position["quantity"] = value if position["quantity"] > 0 else -value
        rows = [*case.positions[:row], position, *case.positions[row + 1 :]]
        return replace(case, positions=tuple(rows))
    if one.payoff == "inverse":
        price = quantity * size / floor
    else:
        paid = exact(one.multiplier) if one.payoff == "quanto" and one.bounds == "settle" else Fraction(1)
        price = floor / (quantity * size * paid)
    if not 1 / _LARGEST < price < _LARGEST:
        return case
    return replace(case, marks={**case.marks, one.name: step(clamp(float(price)), ulps)})


@st.composite
def edge_cases(draw: st.DrawFn, style: str | None = None) -> FullCase:
    """Draw cases whose pools sit on the trigger, or within two doubles of it; of several constraints, on any one."""
    case = draw(full_cases(style))
    ulps = draw(st.integers(-2, 2))
    if draw(st.booleans()):
        return on_trigger(case.with_spec(case.spec.turned()), ulps).with_spec(case.spec)
    return on_trigger(case, ulps)


@st.composite
def floor_cases(draw: st.DrawFn, style: str = "decimal") -> FullCase:
    """Draw cases with a position on a floor, one double below or above it; half of them on the trigger there."""
    case = draw(full_cases(style))
    tables = {one.name: one for one in case.spec.instruments}
    places = [
        (row, tier)
        for row, position in enumerate(case.positions)
        for tier in range(1, len(tables_of(tables[position["instrument"]], position.get("tier_version"))))
    ]
    if places:
        row, tier = draw(st.sampled_from(places))
        case = on_floor(case, row, tier, draw(st.integers(-1, 1)))
    return on_trigger(case, draw(st.integers(-1, 1))) if draw(st.booleans()) else case
