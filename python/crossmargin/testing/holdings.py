"""Hypothesis strategies: books under every kind of rule, with orders, accounts, settings and all prices.

`full_cases` draws whole cases; what puts them on edges is in `crossmargin.testing.edges`.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

from hypothesis import strategies as st

from crossmargin.reference import exact
from crossmargin.reference.rules import size_in
from crossmargin.testing.cases import FullCase, Row
from crossmargin.testing.kinds import MarketSpec, flags, market_specs, profiles_of, spec_of, tables_of
from crossmargin.testing.markets import InstrumentSpec
from crossmargin.testing.numbers import STYLES, clamp, magnitudes, narrow, near, signed, step
from crossmargin.testing.sides import position_modes, sides

Key = tuple[int, InstrumentSpec, str, str]
"""Account, contract, side and mode of a position to draw."""

LEVERAGES = (1.0, 2.0, 3.0, 4.2, 10.0, 33.3, 125.0, 1.5, 0.5)

COEFFICIENTS = (1.0, 0.5, 2.0, 3.0)


@st.composite
def full_cases(
    draw: st.DrawFn,
    style: str | None = None,
    max_accounts: int = 3,
    max_legs: int = 24,
    *,
    plain: bool | None = None,
) -> FullCase:
    """Draw a market under any rules and a book of a few accounts.

    Positions are of all sides and both modes, with every optional column; orders buy and sell what is held and what is
    not; some accounts have terms and settings of their own. One case in eight is a single deep pool. ``plain`` asks for
    rules near the usual ones, or for all others.
    """
    style = draw(st.sampled_from(STYLES)) if style is None else style
    spec = draw(market_specs(style, draw(st.sampled_from([1, 2, 3, 5])), plain))
    return draw(_books(spec, spec.toml, style, max_accounts, max_legs))


@st.composite
def preset_cases(draw: st.DrawFn, market: str, style: str = "decimal", max_legs: int = 8) -> FullCase:
    """Draw a book under a given market, complete in itself, such as a venue's preset: its own rules and tables."""
    whole = spec_of(market)
    chosen = draw(st.lists(st.sampled_from(whole.instruments), min_size=1, max_size=3, unique_by=lambda one: one.name))
    assets = dict.fromkeys([whole.assets[0], *(one.settle for one in chosen), draw(st.sampled_from(whole.assets))])
    spec = replace(whole, instruments=tuple(chosen), assets=tuple(assets))
    return draw(_books(spec, market, style, 2, max_legs))


@st.composite
def _books(  # noqa: PLR0913, PLR0917 - Hypothesis passes the first
    draw: st.DrawFn, spec: MarketSpec, market: str, style: str, max_accounts: int, max_legs: int
) -> FullCase:
    deep = draw(st.integers(0, 7)) == 0
    n_accounts = 1 if deep else draw(st.integers(1, max_accounts))
    marks = {one.name: draw(magnitudes(style)) for one in spec.instruments}
    hedge_mode = bool(spec.key("pools", "hedge_mode", default=True))
    modes = position_modes(draw, range(n_accounts), hedge_mode=hedge_mode)
    holders = [(account, one.name) for account in range(n_accounts) for one in spec.instruments]
    known = sides(draw, holders, modes, hedge_mode=hedge_mode)
    keys: list[Key] = [
        (account, one, side, mode)
        for account in range(n_accounts)
        for one in spec.instruments
        for side in known[account, one.name]
        for mode in (("cross", "cross", "isolated") if spec.key("pools", "isolated", default=True) else ("cross",))
    ]
    accounts = draw(_accounts(spec, modes))
    settings = draw(_settings(spec, n_accounts))
    reach = min(max_legs, len(keys), draw(st.sampled_from([1, 2, 4, 8]))) if not deep else min(max_legs, len(keys))
    held = draw(st.lists(st.sampled_from(keys), min_size=min(4, reach) if deep else 0, max_size=reach, unique_by=_key))
    positions = [draw(_positions(spec, key, marks[key[1].name], style)) for key in held]
    least = draw(st.sampled_from([0, 1, 2]))
    wanted = draw(st.lists(st.sampled_from([*keys, *held, *held]), min_size=least, max_size=5))
    orders = [draw(proposal_rows(spec, key, marks[key[1].name], style)) for key in wanted]
    for row, key in zip(orders, wanted, strict=True):
        if key in held and draw(st.booleans()):  # as large as the position or half of it, often to take profit
            row["quantity"] = positions[held.index(key)]["quantity"] * draw(st.sampled_from([-1, -1, -0.5, 0.5, 1]))
    for row, key in zip(positions, held, strict=True):
        if row["margin_mode"] == _usual_mode(key, accounts, settings) and draw(st.booleans()):
            del row["margin_mode"]
    for row, key in zip(orders, wanted, strict=True):
        beside = {other[3] for other in held if _key(other)[:3] == _key(key)[:3]}
        if row["margin_mode"] == _usual_mode(key, accounts, settings, beside) and draw(st.booleans()):
            del row["margin_mode"]
    inverse = any(key[1].payoff == "inverse" for key in (*held, *wanted))
    return FullCase(
        spec=spec,
        market=market,
        balances=tuple(draw(_balances(spec, n_accounts, style))),
        positions=tuple(positions),
        marks=marks,
        orders=tuple(orders),
        accounts=tuple(accounts),
        settings=tuple(settings),
        index={asset: draw(magnitudes(narrow(style))) for asset in spec.assets if asset != spec.assets[0]}
        | draw(st.sampled_from([{}, {spec.assets[0]: 1.0}])),
        last={one.name: draw(near(marks[one.name])) for one in spec.instruments},
        quantity_unit="contracts" if inverse else draw(st.sampled_from(["contracts", "contracts", "base"])),
    )


def _usual_mode(
    key: Key, accounts: Sequence[Row], settings: Sequence[Row], beside: Collection[str] = frozenset()
) -> str:
    """Margin mode of a row that says none: of its settings, the positions beside an order, its account, else cross."""
    account, one, _, _ = key
    said = [row.get("margin_mode") for row in settings if (row["account"], row["instrument"]) == (account, one.name)]
    said += beside if len(beside) == 1 else ()
    said += [row.get("margin_mode") for row in accounts if row["account"] == account]
    return str(next((mode for mode in said if mode is not None), "cross"))


def _key(key: Key) -> tuple[int, str, str, str]:
    account, one, side, mode = key
    return account, one.name, side, mode


@st.composite
def _balances(draw: st.DrawFn, spec: MarketSpec, n_accounts: int, style: str) -> list[dict[str, Any]]:
    holders = [(account, asset) for account in range(n_accounts) for asset in spec.assets]
    funded = draw(st.lists(st.sampled_from(holders), unique=True, max_size=len(holders)))
    rows = []
    for account, asset in funded:
        row: dict[str, Any] = {"account": account, "asset": asset, "wallet_balance": draw(signed(style))}
        if spec.key("bonus", "counts_as_margin", default=False) and draw(st.booleans()):
            row["bonus"] = draw(st.just(0.0) | magnitudes(style))
        if draw(flags()):
            row["borrowed"] = draw(st.just(0.0) | magnitudes(style))
        rows.append(row)
    return rows


@st.composite
def _positions(draw: st.DrawFn, spec: MarketSpec, key: Key, mark: float, style: str) -> dict[str, Any]:
    account, one, side, mode = key
    version = draw(st.sampled_from([None, *one.old])) if one.old else None
    floors = tables_of(one, version)
    quantity = draw(_quantities(one, floors, mark, style))
    entry = draw(st.one_of(st.just(mark), near(mark), magnitudes(style)))
    quantity, entry = _fit(quantity, entry, one)
    if side == "short" or (side == "net" and draw(st.booleans())):
        quantity = -quantity
    row: dict[str, Any] = {
        "account": account,
        "instrument": one.name,
        "quantity": quantity,
        "entry_price": entry,
        "margin_mode": mode,
        "position_side": side,
    }
    if spec.asks_leverage or draw(st.integers(0, 3)):
        row["leverage"] = draw(st.sampled_from(LEVERAGES))
    if mode == "isolated" and ("leverage" not in row or draw(st.booleans())):
        row["isolated_margin"] = draw(st.just(0.0) | magnitudes(style))
    kept = spec.key("margin_class", "table_version", "newest") == "kept_by_open_positions"
    if version is not None and kept:
        row["tier_version"] = version
    if spec.key("margin_class", "tier", "by_basis") != "by_basis" and draw(st.booleans()):
        row["tier"] = float(draw(st.integers(1, len(floors if kept else one.floor))))
    return row


@st.composite
def _quantities(draw: st.DrawFn, one: InstrumentSpec, floors: Sequence[float], mark: float, style: str) -> float:
    """Draw a size; sometimes the one that lies on a floor in the unit of the table, or next to it in doubles."""
    floor = draw(st.sampled_from(list(floors)))
    if floor == 0 or draw(st.booleans()):
        return draw(magnitudes(style))
    one_contract = size_of(one, 1.0, mark)
    return step(clamp(float(exact(floor) / one_contract)), draw(st.integers(-1, 1)))


def size_of(one: InstrumentSpec, quantity: float, price: float) -> Any:
    """Return how large a quantity is in the unit of an instrument's table, exactly."""
    measure = size_in(one.bounds, one.payoff)
    return measure(exact(quantity), exact(one.contract_size), exact(one.multiplier), exact(price))


def _fit(quantity: float, entry: float, one: InstrumentSpec) -> tuple[float, float]:
    """Halve a position until it is within the cap in every unit, whatever the account's coefficient."""
    quantity, entry = clamp(quantity), clamp(entry)
    room = exact(one.cap) / 8
    while True:
        # in base units the contracts are more than the quantity where their size is below 1
        size = exact(quantity) * max(exact(one.contract_size), Fraction(1), 1 / exact(one.contract_size))
        if max(size, size * exact(entry), size * exact(one.multiplier) * exact(entry), size / exact(entry)) <= room:
            return quantity, entry
        quantity = quantity / 2
        if entry > 1:
            entry = entry / 2
        elif entry < 0.5:
            entry = entry * 2


@st.composite
def proposal_rows(draw: st.DrawFn, spec: MarketSpec, key: Key, mark: float, style: str) -> dict[str, Any]:
    """Draw an order of an account in an instrument, side and mode."""
    account, one, side, mode = key
    quantity, _ = _fit(draw(_quantities(one, one.floor, mark, style)), mark, one)
    limit = draw(st.one_of(st.just(float("nan")), st.just(mark), near(mark), near(mark), magnitudes(narrow(style))))
    row: dict[str, Any] = {
        "account": account,
        "instrument": one.name,
        "quantity": draw(st.sampled_from([quantity, -quantity])),
        "price": limit,
        "margin_mode": mode,
        "position_side": side,
        "reduce_only": draw(flags()),
    }
    if spec.asks_leverage or draw(st.integers(0, 3)):
        row["leverage"] = draw(st.sampled_from(LEVERAGES))
    kinds = [None, "market" if math.isnan(limit) else "limit"]
    if draw(flags()):
        row["trigger_price"] = mark
        kinds = [None, "stop", "take_profit"]
    kind = draw(st.sampled_from(kinds))
    return row if kind is None else {**row, "kind": kind}


@st.composite
def _accounts(draw: st.DrawFn, spec: MarketSpec, modes: Mapping[int, str | None]) -> list[dict[str, Any]]:
    named = draw(st.lists(st.sampled_from(list(modes)), unique=True, max_size=len(modes)))
    rows = []
    for account in named:
        row: dict[str, Any] = {"account": account}
        profile = draw(st.sampled_from([None, *profiles_of(spec)]))
        if profile is not None:
            row["profile"] = profile
        if spec.key("margin_class", "user_coefficient", "none") == "bounds" and draw(st.booleans()):
            row["tier_coefficient"] = draw(st.sampled_from(COEFFICIENTS))
        if modes[account] is not None and draw(st.booleans()):
            row["position_mode"] = modes[account]
        if draw(flags()):
            both = spec.key("pools", "isolated", default=True)
            row["margin_mode"] = draw(st.sampled_from(["cross", "isolated"] if both else ["cross"]))
        rows.append(row)
    return rows


@st.composite
def _settings(draw: st.DrawFn, spec: MarketSpec, n_accounts: int) -> list[dict[str, Any]]:
    keys = [(account, one.name) for account in range(n_accounts) for one in spec.instruments]
    chosen = draw(st.lists(st.sampled_from(keys), unique=True, max_size=3))
    rows = []
    for account, name in chosen:
        row: dict[str, Any] = {"account": account, "instrument": name}
        if draw(st.booleans()):
            row["leverage"] = draw(st.sampled_from(LEVERAGES))
        if draw(st.booleans()):
            both = spec.key("pools", "isolated", default=True)
            row["margin_mode"] = draw(st.sampled_from(["cross", "isolated"] if both else ["cross"]))
        rows.append(row)
    return rows
