"""The engine and the reference side by side, in one shape, and the bound that holds between them.

`engine_rows` and `reference_rows` answer the same question, a row per pool with every output; `documented_bound` says
how far apart their values may lie. Decisions may never differ.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from crossmargin.reference import Position, exact, load_market, read_balances, read_positions, score

KEYS = ("account", "kind", "asset", "instrument", "side")
"""What tells a pool from another."""

AMOUNTS = (
    "wallet_balance",
    "unrealized_pnl",
    "equity",
    "collateral_value",
    "notional",
    "initial_margin",
    "maintenance_margin",
    "excess",
    "free_margin",
    "available",
    "withdrawable",
)
"""Outputs in units of the settlement asset."""

HOLD_INITIAL = ("initial_margin", "free_margin", "available", "withdrawable")
"""Amounts whose error is relative to the initial margin too."""

RATIOS = ("margin_ratio", "venue_ratio")
"""Outputs without a unit."""

OUTPUTS = (*AMOUNTS, *RATIOS, "liquidatable")
"""All pool outputs."""

Rows = Sequence[Mapping[str, Any]]
PoolRow = dict[str, Any]
Scorer = Callable[[str, Rows, Rows, Mapping[str, float]], list[PoolRow]]

UNIT = Fraction(1, 2**53)
"""Half a unit in the last place of 1: the relative error of one rounding."""

LARGEST_RATIO = Fraction(2) ** 1000
"""Ratios beyond this may leave the range of a double."""


def reference_rows(market: str, balances: Rows, positions: Rows, marks: Mapping[str, float]) -> list[PoolRow]:
    """Score with the reference in exact fractions; a row per pool, outputs by name, None for unknown."""
    pools = score(load_market(market), balances, positions, marks)
    return [{name: getattr(pool, name) for name in (*KEYS, *OUTPUTS)} for pool in pools]


def engine_rows(market: str, balances: Rows, positions: Rows, marks: Mapping[str, float]) -> list[PoolRow]:
    """Score with the engine through the public interface; rows in the same shape, floats as the engine made them."""
    import crossmargin as xm

    loaded = xm.Market.from_toml(market)
    book = xm.Book(loaded, balances=columns(balances, BALANCES), positions=columns(positions, POSITIONS))
    scores = xm.score(book, loaded.prices(mark=dict(marks)), outputs="all")
    table = {name: _listed(scores.pools[name]) for name in KEYS}
    table |= {name: _listed(scores[name]) for name in OUTPUTS}
    return [{name: column[row] for name, column in table.items()} for row in range(len(scores))]


BALANCES = ("account", "asset", "wallet_balance")
POSITIONS = (
    "account",
    "instrument",
    "quantity",
    "entry_price",
    "leverage",
    "margin_mode",
    "isolated_margin",
    "position_side",
)


def columns(rows: Rows, names: Iterable[str]) -> list[dict[str, Any]]:
    """Give every row the same columns, with None where a row says nothing; drop the columns that no row has."""
    used = [name for name in names if any(row.get(name) is not None for row in rows)]
    return [{name: row.get(name) for name in used} for row in rows]


def _listed(column: Any) -> list[Any]:
    return list(column.tolist() if hasattr(column, "tolist") else column)


@dataclass(frozen=True)
class Scale:
    """What the rounding errors of a pool are relative to.

    ``n_legs`` counts the positions whose cash or profit enters the pool; ``absolute`` is the sum of the absolute terms
    ``G``; ``required`` the part of it that bounds the maintenance margin.
    """

    n_legs: int
    absolute: Fraction
    required: Fraction


def scales(market: str, balances: Rows, positions: Rows, marks: Mapping[str, float]) -> dict[tuple[Any, ...], Scale]:
    """Sum the absolute terms of every pool, by pool key.

    Formula: ``G = |wallet| + sum of fenced cash + sum |q s entry| + sum |q s mark| + level * sum |q s basis|`` over the
    legs of the pool, where the basis is the price of the maintenance margin, mark or entry. For a cross pool the
    fenced cash is that of the account's isolated positions in its asset; an isolated pool has no wallet, only its own
    fenced cash.
    """
    loaded = load_market(market)
    held = read_positions(loaded, positions)
    wallets = {(row.account, row.asset): row.wallet_balance for row in read_balances(loaded, balances)}
    prices = {loaded.instrument(name).name: exact(price) for name, price in marks.items()}
    result = {}
    for pool in score(loaded, balances, positions, marks):
        home = [leg for leg in held if leg.account == pool.account and leg.instrument.settle == pool.asset]
        fenced = [leg for leg in home if leg.margin_mode == "isolated"]
        if pool.kind == "cross":
            legs = [leg for leg in home if leg.margin_mode == "cross"]
            cash = abs(wallets.get((pool.account, pool.asset), Fraction(0)))
        else:
            place = (pool.instrument, pool.side)
            legs = fenced = [leg for leg in fenced if (leg.instrument.name, leg.position_side) == place]
            cash = Fraction(0)
        cash += sum((_fenced(leg) for leg in fenced), Fraction(0))
        at_entry = sum((_size(leg, leg.entry_price) for leg in legs), Fraction(0))
        at_mark = sum((_size(leg, prices[leg.instrument.name]) for leg in legs), Fraction(0))
        required = at_entry if loaded.rules.maintenance_price == "entry" else at_mark
        absolute = cash + at_entry + at_mark + loaded.rules.trigger_level * required
        n_legs = len({leg.key for leg in (*legs, *fenced)})
        result[pool.key] = Scale(n_legs, absolute, required)
    return result


def _size(leg: Position, price: Fraction) -> Fraction:
    return abs(leg.quantity) * leg.instrument.contract_size * price


def _fenced(leg: Position) -> Fraction:
    if leg.isolated_margin is not None:
        return leg.isolated_margin
    return _size(leg, leg.entry_price) / (leg.leverage or 1)


def documented_bound(n_legs: int, absolute: Fraction) -> Fraction:
    """Largest distance between a reported amount and its exact value.

    Formula: ``(n + 20) * 2^-53 * G``, with ``n`` the legs of the pool and ``G`` the sum of its absolute terms (see
    `scales`). For outputs that hold an initial margin, that is added to ``G``.
    """
    return (n_legs + 20) * UNIT * absolute


def faults(got: PoolRow, want: PoolRow, scale: Scale, venue_ratio: str = "equity_over_maintenance") -> list[str]:
    """Say in which outputs a row of the engine contradicts the exact row; an empty list when it is right.

    Keys and decisions must be equal, the sign of the excess must be the exact sign, amounts and ratios must lie within
    the bound. A ratio whose divisor is itself within rounding of zero says nothing and is not compared.
    """
    found = [name for name in (*KEYS, "liquidatable") if got[name] != want[name]]
    if _sign(got["excess"]) != _sign(want["excess"]):
        found.append("sign of excess")
    required = want["initial_margin"]
    for name in AMOUNTS:
        if want[name] is None:
            right = math.isnan(got[name])
        else:
            absolute = scale.absolute + (required if name in HOLD_INITIAL and required is not None else 0)
            right = _within(got[name], want[name], documented_bound(scale.n_legs, absolute))
        if not right:
            found.append(name)
    over = (want["collateral_value"], documented_bound(scale.n_legs, scale.absolute))
    under = (want["maintenance_margin"], documented_bound(scale.n_legs, scale.required))
    fractions = {"margin_ratio": (over, under), "venue_ratio": (over, under)}
    if venue_ratio == "maintenance_over_equity":
        fractions["venue_ratio"] = (under, over)
    found.extend(name for name, pair in fractions.items() if not _ratio_right(got[name], want[name], *pair))
    return [f"{name}: {got.get(name)!r} against {_show(want.get(name))}" for name in found]


def _sign(value: float | Fraction) -> int:
    return (value > 0) - (value < 0)


def _within(got: float, want: Fraction, bound: Fraction) -> bool:
    return math.isfinite(got) and abs(Fraction(got) - want) <= bound


Uncertain = tuple[Fraction, Fraction]


def _ratio_right(got: float, want: Fraction | float, over: Uncertain, under: Uncertain) -> bool:
    divisor, error = abs(under[0]), under[1]
    if isinstance(want, float):
        # Nothing required, or nothing left: infinite by statement and not by division, unless it hangs on a lost digit.
        return got == want or divisor <= 2 * error
    if divisor <= 2 * error or abs(want) > LARGEST_RATIO:
        return True
    return _within(got, want, (over[1] + abs(want) * error) / (divisor - error) + 4 * UNIT * abs(want))


def _show(value: object) -> str:
    return f"{float(value)!r} (exact)" if isinstance(value, Fraction) else repr(value)
