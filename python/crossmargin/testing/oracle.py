"""The engine and the reference side by side, in one shape, and the bound that holds between them.

`engine_rows` and `reference_rows` answer the same question, a row per pool with every output; `documented_bound` says
how far apart their values may lie. Decisions may never differ.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from crossmargin.reference import (
    Market,
    PoolScore,
    Position,
    exact,
    liquidation_prices,
    load_market,
    read_balances,
    read_positions,
    score,
)

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

PRICES = ("below", "above", "liquidation_price", "bankruptcy_price", "liquidatable")
"""What is said of a position's prices."""

Rows = Sequence[Mapping[str, Any]]
PoolRow = dict[str, Any]
PriceRow = dict[str, Any]
Scorer = Callable[..., list[PoolRow]]

UNIT = Fraction(1, 2**53)
"""Half a unit in the last place of 1: the relative error of one rounding."""

LARGEST_RATIO = Fraction(2) ** 1000
"""Ratios beyond this may leave the range of a double."""


def reference_rows(
    market: str, balances: Rows, positions: Rows, marks: Mapping[str, float], **options: Any
) -> list[PoolRow]:
    """Score with the reference in exact fractions; a row per pool, outputs by name, None for unknown.

    ``options`` are what `crossmargin.reference.score` takes by name: orders, accounts, settings, index, last,
    quantity_unit.
    """
    pools = score(load_market(market), balances, positions, marks, **options)
    return [{name: getattr(pool, name) for name in (*KEYS, *OUTPUTS)} for pool in pools]


def engine_rows(
    market: str, balances: Rows, positions: Rows, marks: Mapping[str, float], **options: Any
) -> list[PoolRow]:
    """Score with the engine through the public interface; rows in the same shape, floats as the engine made them.

    ``options`` as in `reference_rows`.
    """
    import crossmargin as xm

    book, prices = engine_book(market, balances, positions, marks, **options)
    scores = xm.score(book, prices, outputs="all")
    table = {name: _listed(scores.pools[name]) for name in KEYS}
    table |= {name: _listed(scores[name]) for name in OUTPUTS}
    return [{name: column[row] for name, column in table.items()} for row in range(len(scores))]


def reference_prices(
    market: str, balances: Rows, positions: Rows, marks: Mapping[str, float], **options: Any
) -> list[PriceRow]:
    """Find liquidation prices with the reference; a row per position in input order, None where there is no price.

    ``options`` as in `reference_rows`.
    """
    found = liquidation_prices(load_market(market), balances, positions, marks, **options)
    return [{name: getattr(row, name) for name in PRICES} for row in found]


def engine_prices(
    market: str, balances: Rows, positions: Rows, marks: Mapping[str, float], **options: Any
) -> list[PriceRow]:
    """Find liquidation prices with the engine, through the public interface; rows in the same shape."""
    import crossmargin as xm

    book, prices = engine_book(market, balances, positions, marks, **options)
    found: Any = xm.liquidation_prices(book, prices, outputs=PRICES)
    table = {name: [_given(value) for value in _listed(found[name])] for name in PRICES}
    return [{name: column[row] for name, column in table.items()} for row in range(len(positions))]


def _given(value: float) -> float | None:
    return None if math.isnan(value) else value


def engine_book(
    market: str, balances: Rows, positions: Rows, marks: Mapping[str, float], **options: Any
) -> tuple[Any, Any]:
    """Build the engine's book and prices; ``options`` are those of `engine_rows` and of `crossmargin.Book`."""
    import crossmargin as xm

    loaded = xm.Market.from_toml(market)
    prices = {"mark": marks} | {name: options.pop(name) for name in ("index", "last") if options.get(name)}
    options = {name: value for name, value in options.items() if name not in ("index", "last")}
    for name, used in OTHER_TABLES.items():
        if options.get(name):
            options[name] = columns(options[name], used)
        else:
            options.pop(name, None)
    book = xm.Book(loaded, balances=columns(balances, BALANCES), positions=columns(positions, POSITIONS), **options)
    return book, loaded.prices(**{name: dict(values) for name, values in prices.items()})


BALANCES = ("account", "asset", "wallet_balance", "bonus", "borrowed")
POSITIONS = (
    "account",
    "instrument",
    "quantity",
    "entry_price",
    "leverage",
    "margin_mode",
    "isolated_margin",
    "position_side",
    "tier_version",
    "tier",
)
OTHER_TABLES = {
    "orders": (
        "account",
        "instrument",
        "quantity",
        "price",
        "leverage",
        "trigger_price",
        "reduce_only",
        "position_side",
        "margin_mode",
        "kind",
    ),
    "accounts": ("account", "profile", "tier_coefficient", "margin_mode", "position_mode"),
    "settings": ("account", "instrument", "leverage", "margin_mode"),
}


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


@dataclass(frozen=True)
class Sizes:
    """What the rounding errors of a pool under any rules are relative to.

    ``n_terms`` counts the rows that enter the account's pools; ``amounts`` holds the magnitude of every output (see
    `crossmargin.testing.magnitude`).
    """

    n_terms: int
    amounts: Mapping[str, Fraction]

    def bound(self, name: str) -> Fraction:
        """Largest distance between a reported amount and its exact value: see `general_bound`."""
        held = HOLD_INITIAL if name in HOLD_INITIAL else ()
        names = [other for other in self.amounts if other in held or other not in HOLD_INITIAL]
        return general_bound(self.n_terms, max(self.amounts[other] for other in names))


def sizes(market: str, balances: Rows, positions: Rows, marks: Mapping[str, float], **options: Any) -> list[Sizes]:
    """Take the magnitude of every output of every pool, in the order of `reference_rows`."""
    from crossmargin.testing.magnitude import Magnitude

    number: type[Any] = Magnitude
    loaded = load_market(market)
    rows: list[Mapping[str, Any]] = [*balances, *positions, *options.get("orders", ())]
    pools = score(loaded, balances, positions, marks, number, **options)
    fences: dict[tuple[Any, str], Fraction] = {}
    for pool in pools:
        if pool.kind == "isolated":
            place = (pool.account, pool.asset)
            fences[place] = fences.get(place, Fraction(0)) + pool.wallet_balance.size
    result = []
    for pool in pools:
        n_terms = sum(row["account"] == pool.account for row in rows)
        cash = _cash(loaded, balances, fences, options.get("index", {}), pool) if pool.kind == "cross" else 0
        values = {name: getattr(pool, name) for name in AMOUNTS}
        result.append(Sizes(n_terms, {name: value.size + cash for name, value in values.items() if value is not None}))
    return result


def _cash(
    market: Market,
    balances: Rows,
    fences: Mapping[tuple[Any, str], Fraction],
    index: Mapping[str, float],
    pool: PoolScore[Any],
) -> Fraction:
    """Add up what cash of a cross pool is made of: wallets, bonus, debts and what is fenced, at index prices."""
    several = market.rules.cross_pool == "per_account"
    total = Fraction(0)
    for asset in [asset.name for asset in market.assets] if several else [pool.asset]:
        own = [row for row in balances if (row["account"], row["asset"]) == (pool.account, asset)]
        parts = [abs(exact(row.get(name) or 0)) for row in own for name in ("wallet_balance", "bonus", "borrowed")]
        total += (exact(index.get(asset, 1)) if several else 1) * sum(
            parts, fences.get((pool.account, asset), Fraction(0))
        )
    return total


def general_bound(n_terms: int, magnitude: Fraction) -> Fraction:
    """Largest distance between a reported amount and its exact value, under any rules.

    Formula: ``(8 n + 256) * 2^-53 * G``, with ``n`` the balances, positions and orders of the account, and ``G`` the
    largest magnitude of the pool's amounts: what the formula of an amount gives when each of its terms is taken by its
    absolute value. The initial margin and what is made of it enter ``G`` for amounts that hold it, and not for others.
    """
    return (8 * n_terms + 256) * UNIT * magnitude


def general_faults(got: PoolRow, want: PoolRow, size: Sizes, venue_ratio: str = "equity_over_maintenance") -> list[str]:
    """Say in which outputs a row of the engine contradicts the exact row under any rules, as `faults` does."""

    def bounds(name: str) -> Fraction:
        return size.bound(name)

    return _compared(got, want, bounds, (bounds("excess"), bounds("maintenance_margin")), venue_ratio)


def faults(got: PoolRow, want: PoolRow, scale: Scale, venue_ratio: str = "equity_over_maintenance") -> list[str]:
    """Say in which outputs a row of the engine contradicts the exact row; an empty list when it is right.

    Keys and decisions must be equal, the sign of the excess must be the exact sign, amounts and ratios must lie within
    the bound. A ratio whose divisor is itself within rounding of zero says nothing and is not compared.
    """
    required = want["initial_margin"]

    def bounds(name: str) -> Fraction:
        held = required if name in HOLD_INITIAL and required is not None else Fraction(0)
        return documented_bound(scale.n_legs, scale.absolute + held)

    over, under = (documented_bound(scale.n_legs, part) for part in (scale.absolute, scale.required))
    return _compared(got, want, bounds, (over, under), venue_ratio)


def _compared(
    got: PoolRow,
    want: PoolRow,
    bounds: Callable[[str], Fraction],
    errors: tuple[Fraction, Fraction],
    venue_ratio: str,
) -> list[str]:
    """Compare two rows; ``errors`` are those of the collateral value and of the maintenance margin."""
    found = [name for name in (*KEYS, "liquidatable") if got[name] != want[name]]
    if _sign(got["excess"]) != _sign(want["excess"]):
        found.append("sign of excess")
    for name in AMOUNTS:
        right = math.isnan(got[name]) if want[name] is None else _within(got[name], want[name], bounds(name))
        if not right:
            found.append(name)
    over, under = (want["collateral_value"], errors[0]), (want["maintenance_margin"], errors[1])
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
