"""What an account holds that a market has not: left out where nothing depends on it, else refused with all names."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from crossmargin.errors import BookError

if TYPE_CHECKING:
    from crossmargin.market import Market

Tables = dict[str, list[dict[str, Any]]]

_MOST_FAULTS = 1_000
_HOLDINGS = ("positions", "orders", "settings")


def known_instruments(market: Market) -> dict[str, str]:
    """Give the market's name of each instrument by all names that it goes by."""
    known = {alias: name for name, others in market.aliases.items() for alias in others}
    return known | {name: name for name in market.instruments["instrument"].tolist()}


def without_unknown(tables: Tables, market: Market, venue: str, unknown: str) -> tuple[Tables, list[str]]:
    """Take out of the tables what may be left out, and say in notes what that was.

    Where collateral is pooled per asset, a balance that the market has no asset for is a pool of its own without
    positions, so that nothing else depends on it. All other unknown names are refused unless ``unknown`` is
    ``"drop"``; with ``"keep"`` they are left to the book.

    Raises
    ------
    BookError
        With every row as a fault, and all names in the text.
    """
    instruments, assets = known_instruments(market), set(market.assets["asset"].tolist())
    alone = market.rules["cross_pool"] == "per_asset"
    strange = {
        "balances": [(at, row, "asset") for at, row in enumerate(tables["balances"]) if row["asset"] not in assets]
    }
    for table in _HOLDINGS:
        rows = enumerate(tables[table])
        strange[table] = [(at, row, "instrument") for at, row in rows if row["instrument"] not in instruments]
    refused = {name: rows for name, rows in strange.items() if rows and not (name == "balances" and alone)}
    if refused and unknown == "raise":
        raise _refusal(refused, market, venue)
    left_out = strange if unknown == "drop" else {"balances": strange["balances"]} if alone else {}
    gone = {id(row) for rows in left_out.values() for _, row, _ in rows}
    kept = {name: [row for row in rows if id(row) not in gone] for name, rows in tables.items()}
    return kept, [_note(name, row, market, alone=alone) for name, rows in left_out.items() for _, row, _ in rows]


def _note(table: str, row: dict[str, Any], market: Market, *, alone: bool) -> str:
    """Say what was left out and what that does to figures."""
    begin = f"account {row['account']!r}, market {market.id!r}:"
    if table == "balances":
        told = f"{begin} the balance of {row['wallet_balance']:,.10g} {row['asset']} was left out"
        if alone:
            return f"{told}: no instrument settles in it, so it is in no other pool"
        wrong = "what the account has is a lower bound, or an upper one where it owes the asset"
        return f"{told}: FIGURES ARE BOUNDS, NOT VALUES: {wrong}"
    if table == "settings":
        return f"{begin} the setting of {row['instrument']} was left out"
    told = f"{begin} {table[:-1]} of {row['quantity']:,.10g} {row['instrument']} was left out"
    wrong = "required margins are lower bounds"
    if table == "positions":
        wrong += ", equity lacks its profit or loss"
        if row.get("margin_mode") == "isolated":
            wrong += " and counts its fenced cash as cross"
    return f"{told}: FIGURES ARE BOUNDS, NOT VALUES: {wrong}; a verdict of safety does not hold"


def _refusal(refused: dict[str, list[tuple[int, dict[str, Any], str]]], market: Market, venue: str) -> BookError:
    assets = list(dict.fromkeys(row["asset"] for _, row, _ in refused.get("balances", [])))
    rows = [row for name in _HOLDINGS for _, row, _ in refused.get(name, [])]
    instruments = list(dict.fromkeys(str(row["instrument"]) for row in rows))
    cures = {"asset": _asset_cure(assets, market), "instrument": _instrument_cure(instruments, market, venue)}
    told = []
    if assets:
        told.append(f"balances.asset was {', '.join(assets)}, which market {market.id!r} has not: {cures['asset']}")
    if instruments:
        where = " and ".join(f"{name}.instrument" for name in _HOLDINGS if name in refused)
        names = ", ".join(instruments)
        told.append(f"{where} was {names}, which market {market.id!r} has not: {cures['instrument']}")
    faults = [
        {
            "table": name,
            "row": at,
            "column": column,
            "value": str(row[column]),
            "kind": "unknown",
            "cure": cures[column],
        }
        for name, found in refused.items()
        for at, row, column in found
    ]
    columns = {key: [fault[key] for fault in faults[:_MOST_FAULTS]] for key in faults[0]}
    told.append("or say unknown='drop' to leave them out, which makes figures bounds")
    return BookError("\n".join(told), columns, len(faults))


def _asset_cure(assets: list[str], market: Market) -> str:
    """Write the market file that has the assets."""
    base, _, edition = market.id.partition("+")
    listed = ", ".join(f"{{ name = {json.dumps(asset)} }}" for asset in assets)
    weights = "".join(f"collateral.asset.{json.dumps(asset)}.weight = 0.9\n" for asset in assets)
    lines = f'extends = "{base}"\npreset = "own"\nas_of = {base.rpartition("/")[2]}\nasset = [{listed}]\n{weights}'
    then = ", and lay the tiers over it again" if edition else ""
    return (
        f"add them by Market.from_toml{then}; a weight is the part of the asset's value that counts, as the venue "
        f"states it (0.9 is none of its numbers), and each needs an index price:\n{lines}"
    )


def _instrument_cure(instruments: list[str], market: Market, venue: str) -> str:
    """Name the call that adds instruments, by what the venue's names look like."""
    if all("/" in name for name in instruments):
        made = f"adapters.ccxt.tiers(exchange.fetch_leverage_tiers(), exchange={venue!r})"
        return f"add them by {made}.onto(market), or take adapters.ccxt.market(exchange.markets, ...)"
    if venue == "binance":
        kind = "coinm" if "coinm" in market.id else "usdm"
        made = f"adapters.binance.tiers(brackets, kind={kind!r}, exchange_info=exchange_info)"
        return f"add them by {made}.onto(market), of the replies of leverageBracket and exchangeInfo"
    if venue == "hyperliquid":
        return "take adapters.hyperliquid.market(meta, ...), of a reply of meta that has them"
    return (
        "add them to the market file ([[instrument]] and [tiers]), or take adapters.ccxt.market(exchange.markets, ...)"
    )
