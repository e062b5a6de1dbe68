"""Small books under any market, near their limits.

Positions are of every size from far below the first floor to the higher tiers, hedged where the market knows hedges,
isolated, with orders and debts; cash is such that some pools fail, some are about to, and most stand a while.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from crossmargin.reference import Instrument, exact, load_market
from crossmargin.reference.rules import size_in
from crossmargin.testing.marks import illustrative_marks
from crossmargin.testing.watching.ticks import Floats, Levels
from crossmargin.testing.watching.watched import SOFT_STOP, Watched

if TYPE_CHECKING:
    import crossmargin as xm

Row = dict[str, Any]

_INDEX = {"BTC": 62_000.0, "ETH": 2_450.0, "BNB": 555.0, "XRP": 0.585, "ADA": 0.354, "SOL": 146.0, "USDC": 0.9995}
"""Index prices of assets in dollars; of others 1."""

_MOST_INSTRUMENTS = 6
_LEVERAGES = (1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 50.0)
_PROFIT_SPREAD = 0.03
_CLOSE, _NEAR, _FAR = (0.85, 1.25), (1.0, 2.2), (2.0, 12.0)
"""Margin ratios of pools that are about to fail or have failed, that are near, and that are far."""


@dataclass
class _Drawing:
    """A book as it is drawn."""

    rng: np.random.Generator
    market: Any
    marks: dict[str, float]
    index: dict[str, float]
    tables: dict[str, list[Row]] = field(
        default_factory=lambda: {name: [] for name in ("balances", "positions", "orders", "accounts")}
    )

    def one_of(self, *values: Any) -> Any:
        """Draw one of the values."""
        return values[int(self.rng.integers(len(values)))]

    def chance(self, share: float) -> bool:
        """Draw true so often."""
        return bool(self.rng.random() < share)


def digits(value: float, count: int = 5) -> float:
    """Round to so many significant digits, as people write numbers.

    Examples
    --------
    >>> digits(1234.5678), digits(0.000123456, 3)
    (1234.6, 0.000123)
    """
    return float(f"{value:.{count}g}")


def drawn_book(kind: str, market: xm.Market, n_accounts: int, seed: int) -> Watched:
    """Draw a book of some accounts under a market.

    Parameters
    ----------
    kind : str
        What it is called.
    market : crossmargin.Market
        With at least one instrument.
    n_accounts : int
        How many.
    seed : int
        Of ``numpy.random.PCG64``.

    Returns
    -------
    Watched
        With references of losses, some of which are about to stop their accounts.

    Examples
    --------
    >>> import crossmargin as xm
    >>> watched = drawn_book("textbook", xm.load_market("textbook"), 20, seed=1)
    >>> watched.book.n_accounts, watched.book.market.id
    (20, 'textbook/2020-01-01')
    """
    import crossmargin as xm

    rng = np.random.Generator(np.random.PCG64(seed))
    specified = load_market(market.to_toml())
    drawing = _Drawing(rng, specified, *_base_prices(rng, specified))
    for account in range(n_accounts):
        _draw_account(drawing, account)
    names, assets = ([one.name for one in listed] for listed in (specified.instruments, specified.assets))
    levels = Levels(
        np.array([drawing.marks.get(name, np.nan) for name in names]),
        np.array([drawing.index[name] for name in assets]),
        np.array([drawing.marks.get(name, np.nan) for name in names]),
    )
    for _ in range(2):
        book = _book(xm, market, drawing)
        _fund(drawing, xm.score(book, market.prices(levels.mark, levels.index, levels.last), outputs="all"))
    book = _book(xm, market, drawing)
    watched = Watched(kind, book, levels)
    return Watched(kind, book, levels, references=_references(drawing, watched))


def _base_prices(rng: np.random.Generator, market: Any) -> tuple[dict[str, float], dict[str, float]]:
    chosen = market.instruments
    if len(chosen) > _MOST_INSTRUMENTS:
        chosen = [chosen[at] for at in sorted(rng.permutation(len(chosen))[:_MOST_INSTRUMENTS])]
    index = {asset.name: _INDEX.get(asset.name, 1.0) for asset in market.assets}
    marks: dict[str, float] = {}
    for one in chosen:
        known = illustrative_marks([one.name.replace("-", "").replace("_", "")])
        price = next(iter(known.values()), None) or _INDEX.get(one.base) or float(np.exp(rng.normal(3.0, 2.0)))
        if one.payoff == "inverse":
            price = _INDEX.get(one.settle, price)
        marks[one.name] = digits(price * float(np.exp(rng.normal(0.0, 0.01))))
    return marks, index


def _draw_account(drawing: _Drawing, account: int) -> None:
    rules = drawing.market.rules
    held = [one for one in drawing.market.instruments if one.name in drawing.marks]
    count = min(len(held), int(drawing.rng.geometric(0.5)))
    hedged = rules.hedge_mode and drawing.chance(0.45)
    for at in drawing.rng.permutation(len(held))[:count]:
        sides = drawing.one_of(("long", "short"), ("long", "short"), ("long",), ("short",)) if hedged else ("net",)
        isolated = rules.isolated and drawing.chance(0.25)
        for side in sides:
            _draw_position(drawing, account, held[at], side, "isolated" if isolated else "cross")
    if drawing.chance(0.4):
        for _ in range(int(drawing.rng.integers(1, 3))):
            _draw_order(drawing, account, drawing.one_of(*held), hedged=hedged)
    terms: Row = {"account": account}
    if rules.profiles:
        terms["profile"] = drawing.one_of(*rules.profiles)
    if rules.margin_class.user_coefficient == "bounds":
        terms["tier_coefficient"] = drawing.one_of(0.5, 1.0, 2.0)
    if len(terms) > 1:
        drawing.tables["accounts"].append(terms)
    _draw_balances(drawing, account)


def _draw_position(drawing: _Drawing, account: int, one: Instrument, side: str, mode: str) -> None:
    rules, mark = drawing.market.rules, drawing.marks[one.name]
    row: Row = {"account": account, "instrument": one.name, "position_side": side, "margin_mode": mode}
    sign = {"long": 1, "short": -1}.get(side) or drawing.one_of(1, -1)
    row["quantity"] = sign * _draw_size(drawing, one, mark)
    row["entry_price"] = digits(mark * float(np.exp(drawing.rng.normal(0.0, _PROFIT_SPREAD))))
    row["leverage"] = drawing.one_of(*_LEVERAGES)
    if one.old_tables and rules.margin_class.table_version != "newest":
        row["tier_version"] = drawing.one_of(None, *one.old_tables)
    if rules.margin_class.tier != "by_basis":
        row["tier"] = float(drawing.rng.integers(1, len(one.table.tiers) + 1))
    if mode == "isolated":
        value = float(abs(_size(one, "settle", row["quantity"], row["entry_price"])))
        row["isolated_margin"] = digits(value / row["leverage"], 8)
    drawing.tables["positions"].append(row)


def _draw_size(drawing: _Drawing, one: Instrument, mark: float) -> float:
    """Draw contracts: by the logarithm of their size from below the first floor to some way into the last tier."""
    floors = [float(tier.floor) for tier in one.table.tiers]
    cap = float("inf") if one.table.cap is None else float(one.table.cap)
    first = min(floors[1] if len(floors) > 1 else 10_000.0, cap / 64)
    highest = min(floors[-1] * 2 or 10 * first, cap / 16, 1e4 * first)
    size = float(np.exp(drawing.rng.uniform(np.log(first / 50), np.log(max(highest, first / 10)))))
    if drawing.chance(0.25):
        size = drawing.one_of(*(floor for floor in floors if 0 < floor <= cap / 16), size)
    return digits(size / float(_size(one, one.table.bounds, 1.0, mark)), 6)


def _size(one: Instrument, bounds: str, quantity: float, price: float) -> Any:
    measure = size_in(bounds, one.payoff)
    return measure(exact(quantity), one.contract_size, one.multiplier, exact(price))


def _draw_order(drawing: _Drawing, account: int, one: Instrument, *, hedged: bool) -> None:
    own = [row for row in drawing.tables["positions"] if row["account"] == account]
    beside = [row for row in own if row["instrument"] == one.name]
    mark = drawing.marks[one.name]
    row: Row = {
        "account": account,
        "instrument": one.name,
        "quantity": drawing.one_of(1, -1) * _draw_size(drawing, one, mark),
        "price": digits(mark * float(np.exp(drawing.rng.normal(0.0, 0.02)))),
        "leverage": beside[0]["leverage"] if beside else drawing.one_of(*_LEVERAGES),
        "position_side": drawing.one_of("long", "short") if hedged else "net",
        "margin_mode": beside[0]["margin_mode"] if beside else "cross",
        "reduce_only": drawing.chance(0.15),
    }
    if drawing.chance(0.1):
        row["trigger_price"] = mark
    if beside and drawing.chance(0.4):  # closes what is held, or doubles it
        row["quantity"] = beside[0]["quantity"] * drawing.one_of(-1.0, -0.5, 1.0)
    drawing.tables["orders"].append(row)


def _draw_balances(drawing: _Drawing, account: int) -> None:
    rules, rng = drawing.market.rules, drawing.rng
    own = [row for name in ("positions", "orders") for row in drawing.tables[name] if row["account"] == account]
    settled = dict.fromkeys(drawing.market.instrument(row["instrument"]).settle for row in own)
    several = rules.cross_pool == "per_account"
    names = list(drawing.index)
    assets = list(settled)
    if several:
        assets += [names[at] for at in rng.permutation(len(names))[: int(rng.integers(0, 3))]]
    for asset in dict.fromkeys(assets or names[:1]):
        amount = float(rng.lognormal(6.0, 1.5)) / drawing.index[asset]
        if several and drawing.chance(0.25):
            amount = -amount * 0.3
        row: Row = {"account": account, "asset": asset, "wallet_balance": round(amount, 8)}
        if rules.bonus_counts and drawing.chance(0.2):
            row["bonus"] = round(abs(amount) * 0.1, 8)
        if several and drawing.chance(0.15):
            row["borrowed"] = round(abs(amount) * 0.2, 8)
        drawing.tables["balances"].append(row)


def _book(xm: Any, market: xm.Market, drawing: _Drawing) -> xm.Book:
    tables = {name: _filled(rows) for name, rows in drawing.tables.items() if rows or name == "balances"}
    return xm.Book(market, **tables)  # type: ignore[no-any-return]


def _filled(rows: list[Row]) -> list[Row]:
    """Give all rows the same columns."""
    names = dict.fromkeys(name for row in rows for name in row)
    return [{name: row.get(name) for name in names} for row in rows]


def _fund(drawing: _Drawing, scores: xm.Scores) -> None:
    """Move cash and fences so that every pool has the margin ratio that is drawn for it."""
    pools = scores.table.rows()
    fences: dict[tuple[Any, str], float] = {}
    wanted: dict[tuple[Any, str], float] = {}
    for pool in pools:
        if not pool["maintenance_margin"] > 0:
            continue
        low, high = drawing.one_of(_CLOSE, _NEAR, _NEAR, _FAR, _FAR, _FAR)
        change = pool["maintenance_margin"] * float(drawing.rng.uniform(low, high)) - pool["collateral_value"]
        key = (pool["account"], pool["asset"])
        if pool["kind"] == "cross":
            wanted[key] = wanted.get(key, 0.0) + change
            continue
        row = next(row for row in drawing.tables["positions"] if _is_of(row, pool))
        fence = round(max(0.0, row["isolated_margin"] + change), 8)
        fences[key] = fences.get(key, 0.0) + fence - row["isolated_margin"]
        row["isolated_margin"] = fence
    for (account, asset), amount in fences.items():
        _pay(drawing, account, asset, amount, exactly=True)
    for (account, asset), amount in wanted.items():
        _pay(drawing, account, asset, amount)


def _is_of(row: Row, pool: Row) -> bool:
    told = (row["account"], row["instrument"], row["position_side"], row["margin_mode"])
    return told == (pool["account"], pool["instrument"], pool["side"], "isolated")


def _pay(drawing: _Drawing, account: int, asset: str, amount: float, *, exactly: bool = False) -> None:
    """Add cash in an asset, or the worth of it in one that the account has."""
    own = [row for row in drawing.tables["balances"] if row["account"] == account]
    there = [row for row in own if row["asset"] == asset]
    if exactly and not there:
        row: Row = {"account": account, "asset": asset, "wallet_balance": 0.0}
        drawing.tables["balances"].append(row)
        there = [row]
    row = (there or [drawing.one_of(*own)])[0]
    worth = amount if there else amount / drawing.index[row["asset"]]
    row["wallet_balance"] = round(row["wallet_balance"] + worth, 8)


def _references(drawing: _Drawing, watched: Watched) -> Floats:
    """Draw what losses are relative to: the equity now, an amount that is about to stop, or nothing."""
    from crossmargin.testing.watching.equities import Equities

    equity = Equities(watched).at(watched.levels)
    share = drawing.rng.random(len(equity))
    near = equity / (1 - SOFT_STOP) * drawing.rng.uniform(0.95, 1.06, len(equity))
    found: Floats = np.where(share < 0.4, np.nan, np.where(share < 0.9, near, -1.0))
    found[(share >= 0.4) & (share < 0.6)] = np.array([digits(value, 6) for value in near])[
        (share >= 0.4) & (share < 0.6)
    ]
    return found
