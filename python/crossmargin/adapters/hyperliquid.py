"""Hyperliquid: clearinghouse state, universe and asset contexts, as its info endpoint gives them.

Field names from hyperliquid.gitbook.io (info endpoint, perpetuals) and captured replies, read 2026-11-22. Numbers are
text, sizes are signed and in coin, amounts in the collateral token of the exchange (USDC on the main one).
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from crossmargin.adapters._read import Json, exact, exact_of, needed, objects, one, text
from crossmargin.adapters.snapshot import Draft, Snapshot
from crossmargin.errors import ArgumentError
from crossmargin.market import Market

_SMALLEST_LISTED = 50
"""Ids of margin tables below this are not listed: each is one flat tier at that largest leverage."""

_OF_POSITION = {"positionValue": "notional", "unrealizedPnl": "unrealized_pnl", "liquidationPx": "liquidation_price"}
_OF_CROSS = {"accountValue": "equity", "totalNtlPos": "notional", "totalMarginUsed": "initial_margin"}
_OF_ALL = {"accountValue": "equity", "totalNtlPos": "notional"}

_RULES = """
[pools]
cross = "per_asset"
isolated = true
[trigger]
level = 1
zero_fails = false
[maintenance_margin]
price = "mark"
[initial_margin]
price = "mark"
[available]
rule = "equity_less_initial"
[withdrawable]
rule = "equity_less_initial_or_notional_share"
notional_share = 0.1
[display]
venue_ratio = "maintenance_over_equity"
[orders]
initial_margin = "none"
[bonus]
counts_as_margin = false
[fees]
taker = 0.00045
maker = 0.00015
"""


def market(meta: Any, *, as_of: dt.date | str, collateral: str | None = None, name: str = "hyperliquid-meta") -> Market:
    """Make the market that ``meta`` describes: every coin with its margin table.

    The maintenance rate of a tier is half of one over its largest leverage, whatever leverage is chosen; tables are
    marginal. A cross pool, or an isolated position, is liquidated when its value is below its maintenance margin.

    Parameters
    ----------
    meta : dict or list
        Reply of ``meta``, or of ``metaAndAssetCtxs`` (its first element is read).
    as_of : date or str
        The day that the reply is of (``"YYYY-MM-DD"``); it does not say so itself.
    collateral : str, optional
        Name of the asset that margin is in. ``"USDC"`` where ``collateralToken`` is 0 or absent; needed otherwise.
    name : str
        What the market is called.

    Returns
    -------
    Market
        An instrument per coin, of contract size 1, quoted and settled in the collateral.

    Raises
    ------
    ArgumentError
        For a collateral token that is a number only, and a margin table that is not in the reply.
    MarketError
        For tables that are no tiers.

    Notes
    -----
    Source: hyperliquid.gitbook.io, margining, margin tiers and liquidations, read 2026-11-22. A margin table with an id
    below 50 is never listed and is one tier at that leverage. What open orders reserve is not stated in the reply and
    is not counted. The fees are those of the lowest level; no margin has them in it.

    Examples
    --------
    >>> coins = [
    ...     {"name": "BTC", "szDecimals": 5, "maxLeverage": 40, "marginTableId": 56},
    ...     {"name": "ATOM", "szDecimals": 2, "maxLeverage": 5, "marginTableId": 5},
    ... ]
    >>> steps = [{"lowerBound": "0.0", "maxLeverage": 40}, {"lowerBound": "150000000.0", "maxLeverage": 20}]
    >>> made = market({"universe": coins, "marginTables": [[56, {"marginTiers": steps}]]}, as_of="2026-11-22")
    >>> made.tiers("BTC")["maintenance_rate"].tolist(), made.tiers("ATOM")["maintenance_rate"].tolist()
    ([0.0125, 0.025], [0.1])
    """
    made = _meta(meta)
    token = _collateral(made, collateral)
    listed = _listed(made)
    tables: dict[str, str] = {}
    instruments = []
    for at, coin in enumerate(objects(made.get("universe", []), "meta.universe")):
        place = f"meta.universe[{at}]"
        key, table = _table_of(coin, listed, place)
        tables.setdefault(key, table)
        instruments.append(_instrument(coin, token, key, place))
    day = as_of.isoformat()[:10] if isinstance(as_of, dt.date) else str(as_of)
    head = f'schema = 1\npreset = {json.dumps(name)}\nas_of = {day}\ntitle = "Hyperliquid, from meta"\n'
    valuation = f"[valuation]\nasset = {json.dumps(token)}\n[[asset]]\nname = {json.dumps(token)}\n"
    return Market.from_toml("\n".join([head + _RULES + valuation, *instruments, *tables.values()]))


def _meta(reply: Any) -> Json:
    """Give ``meta``, of itself or of ``metaAndAssetCtxs``."""
    if isinstance(reply, (list, tuple)) and reply and isinstance(reply[0], Mapping):
        return reply[0]
    return one(reply, "meta")


def _listed(meta: Json) -> dict[int, Json]:
    """Give the margin tables by id: a list of pairs."""
    tables = meta.get("marginTables") or []
    if not isinstance(tables, (list, tuple)):
        raise ArgumentError(f"meta.marginTables was {tables!r}, expected a list of [id, table]")
    made: dict[int, Json] = {}
    for at, pair in enumerate(tables):
        if not isinstance(pair, (list, tuple)) or len(pair) != 2 or not isinstance(pair[1], Mapping):
            raise ArgumentError(f"meta.marginTables[{at}] was {pair!r}, expected [id, table]")
        made[_id(pair[0], f"meta.marginTables[{at}]")] = pair[1]
    return made


def _id(value: Any, place: str) -> int:
    key = exact_of(value, place)
    if key.denominator != 1:
        raise ArgumentError(f"{place} was {value!r}, expected a whole number")
    return key.numerator


def _collateral(meta: Json, said: str | None) -> str:
    if said is not None:
        return said
    token = meta.get("collateralToken")
    if token in (None, 0):
        return "USDC"
    raise ArgumentError(f"meta.collateralToken was {token!r}, a number: say collateral= with the name of the asset")


def _table_of(coin: Json, listed: Mapping[int, Json], place: str) -> tuple[str, str]:
    """Write the margin table of a coin; give its name and its text."""
    said = coin.get("marginTableId")
    key = None if said is None else _id(said, f"{place}.marginTableId")
    if key is None or (key < _SMALLEST_LISTED and key not in listed):
        largest = needed(coin, "maxLeverage", place, "give the reply of meta") if key is None else Fraction(key)
        name = f"flat-{_plain(largest)}"
        return name, _table_text(name, ["0"], [_plain(largest)])
    table = listed.get(key)
    if table is None:
        raise ArgumentError(
            f"{place}.marginTableId was {key!r}, which meta.marginTables does not list: give all of meta"
        )
    tiers = objects(table.get("marginTiers", []), f"marginTables[{key}].marginTiers")
    inner = f"marginTables[{key}]"
    floors = [_plain(needed(tier, "lowerBound", inner, "give all of meta")) for tier in tiers]
    leverages = [_plain(needed(tier, "maxLeverage", inner, "give all of meta")) for tier in tiers]
    return f"table-{key}", _table_text(f"table-{key}", floors, leverages)


def _plain(value: Fraction) -> str:
    return repr(float(value)) if value.denominator != 1 else str(value.numerator)


def _table_text(name: str, floors: list[str], leverages: list[str]) -> str:
    body = f"floor = [{', '.join(floors)}]\nmax_leverage = [{', '.join(leverages)}]\n"
    return f'[tiers.{json.dumps(name)}]\nlaw = "half_of_max_leverage"\nbounds = "quote"\n{body}'


def _instrument(coin: Json, token: str, table: str, place: str) -> str:
    name = json.dumps(text(coin, "name", place))
    decimals = exact(coin, "szDecimals", place)
    lot = "" if decimals is None else f'lot = "1e-{decimals}"\n'
    legs = f"base = {name}\nquote = {json.dumps(token)}\nsettle = {json.dumps(token)}\n"
    return f"[[instrument]]\nname = {name}\n{legs}tiers = {json.dumps(table)}\n{lot}"


def account(
    state: Any,
    *,
    contexts: Any = None,
    mark: Mapping[str, float] | None = None,
    account: Any = "main",
    collateral: str = "USDC",
) -> Snapshot:
    """Read a ``clearinghouseState``.

    Parameters
    ----------
    state : dict
        Reply of ``clearinghouseState``.
    contexts : list, optional
        Reply of ``metaAndAssetCtxs``, whose ``markPx`` come before what the state implies.
    mark : mapping of str to float, optional
        Mark prices by coin, before all others.
    account : int or str
        The account's key in the book.
    collateral : str
        The asset that amounts are in.

    Returns
    -------
    Snapshot
        The state has no mark prices: they are ``positionValue`` over size unless given, and ``positionValue`` is then
        not among ``reported``. Wallet balances are what raw USD leave, ``totalRawUsd + sum szi * entryPx``: with them
        the account value is right at every mark, however the entry prices were rounded.

    Raises
    ------
    ArgumentError
        For what cannot be read, with the key, its value and what to give.

    Examples
    --------
    >>> state = {
    ...     "marginSummary": {"accountValue": "105.0", "totalRawUsd": "-895.0"},
    ...     "assetPositions": [
    ...         {
    ...             "type": "oneWay",
    ...             "position": {
    ...                 "coin": "ETH",
    ...                 "szi": "0.5",
    ...                 "entryPx": "1990.0",
    ...                 "positionValue": "1000.0",
    ...                 "unrealizedPnl": "5.0",
    ...                 "marginUsed": "100.0",
    ...                 "leverage": {"type": "cross", "value": 10},
    ...                 "liquidationPx": None,
    ...             },
    ...         }
    ...     ],
    ... }
    >>> snapshot = account(state)
    >>> snapshot.balances["wallet_balance"].tolist(), snapshot.mark
    ([100.0], {'ETH': 2000.0})
    """
    row = one(state, "state")
    draft = Draft("hyperliquid", account, digit=1e-6)
    quoted = _quoted(contexts, mark)
    entries = Fraction(0)
    for at, held in enumerate(objects(row.get("assetPositions", []), "state.assetPositions")):
        place = f"state.assetPositions[{at}]"
        kind = held.get("type", "oneWay")
        if kind != "oneWay":
            raise ArgumentError(f"{place}.type was {kind!r}, expected 'oneWay': there is no other that is known")
        entries += _read_position(draft, one(held.get("position", {}), place), f"{place}.position", quoted)
    summary = one(row.get("marginSummary", {}), "state.marginSummary")
    raw = needed(summary, "totalRawUsd", "state.marginSummary", "give the reply of clearinghouseState")
    draft.add("balances", asset=collateral, wallet_balance=raw + entries)
    cross = row.get("crossMarginSummary")
    if isinstance(cross, Mapping):
        draft.report(cross, _OF_CROSS, "state.crossMarginSummary", level="pool", asset=collateral)
    draft.report(row, {"crossMaintenanceMarginUsed": "maintenance_margin"}, "state", level="pool", asset=collateral)
    draft.report(row, {"withdrawable": "withdrawable"}, "state", level="pool", asset=collateral)
    draft.report(summary, _OF_ALL, "state.marginSummary", level="asset", asset=collateral)
    return draft.snapshot(pooling="per_asset")


def _quoted(contexts: Any, mark: Mapping[str, float] | None) -> dict[str, Fraction]:
    """Give the mark prices that were brought."""
    made: dict[str, Fraction] = {}
    if contexts is not None:
        if not isinstance(contexts, (list, tuple)) or len(contexts) != 2:
            raise ArgumentError("contexts was no pair, expected the reply of metaAndAssetCtxs: [meta, contexts]")
        coins, rows = objects(_meta(contexts).get("universe", []), "meta.universe"), objects(contexts[1], "contexts[1]")
        if len(coins) != len(rows):
            raise ArgumentError(f"contexts had {len(coins)} coins and {len(rows)} contexts: give both of one reply")
        for at, (coin, context) in enumerate(zip(coins, rows, strict=True)):
            price = exact(context, "markPx", f"contexts[1][{at}]")
            if price:
                made[text(coin, "name", f"meta.universe[{at}]")] = price
    made |= {name: exact_of(value, f"mark[{name!r}]") for name, value in (mark or {}).items()}
    return made


def _read_position(draft: Draft, row: Json, place: str, quoted: Mapping[str, Fraction]) -> Fraction:
    """Add a position; give what was paid for it, signed."""
    size = needed(row, "szi", place, "give the reply of clearinghouseState")
    if size == 0:
        return Fraction(0)
    coin = text(row, "coin", place)
    entry = needed(row, "entryPx", place, "give the reply of clearinghouseState")
    value = exact(row, "positionValue", place)
    leverage = one(row.get("leverage", {}), f"{place}.leverage")
    isolated = text(leverage, "type", f"{place}.leverage", ("cross", "isolated")) == "isolated"
    keys = dict(_OF_POSITION)
    if coin in quoted:
        draft.price("mark", coin, quoted[coin])
    elif value is not None:
        draft.price("mark", coin, value / abs(size))
        draft.notes.append(f"{coin}: the mark price is positionValue over size")
        keys.pop("positionValue")
    fenced = None
    if isolated:
        raw = exact(leverage, "rawUsd", f"{place}.leverage")
        used, profit = exact(row, "marginUsed", place), exact(row, "unrealizedPnl", place)
        if raw is None and (used is None or profit is None):
            raise ArgumentError(f"{place}.leverage.rawUsd was None: give the reply of clearinghouseState")
        fenced = raw + size * entry if raw is not None else (used or 0) - (profit or 0)
    draft.add(
        "positions",
        instrument=coin,
        quantity=size,
        entry_price=entry,
        leverage=exact(leverage, "value", f"{place}.leverage"),
        margin_mode="isolated" if isolated else "cross",
        isolated_margin=fenced,
    )
    draft.sizes[coin] = 1.0
    keys["marginUsed"] = "equity" if isolated else "initial_margin"
    draft.report(row, keys, place, level="position", instrument=coin, side="net")
    return size * entry
