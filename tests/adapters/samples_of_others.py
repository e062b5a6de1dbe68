"""Replies of OKX and Hyperliquid with the numbers of their vectors."""

from fractions import Fraction
from typing import Any

from sampling import Sample, Vector, written

import crossmargin as xm
from crossmargin.adapters import hyperliquid, okx

OKX_RULES = """
schema = 1
preset = "okx-vector"
as_of = 2026-11-22
[pools]
cross = "per_asset"
isolated = true
[trigger]
level = 1
zero_fails = true
[maintenance_margin]
price = "mark"
closing_fee = "mark"
[initial_margin]
price = "mark"
[available]
rule = "equity_less_initial"
[withdrawable]
rule = "equity_less_initial"
[display]
venue_ratio = "equity_over_maintenance"
[bonus]
counts_as_margin = false
[[asset]]
name = "USDT"
[[asset]]
name = "ETH"
[[instrument]]
name = "BTC-USDT-SWAP"
base = "BTC"
quote = "USDT"
settle = "USDT"
contract_size = 0.01
[[instrument]]
name = "ETH-USD-210430"
base = "ETH"
quote = "USD"
settle = "ETH"
payoff = "inverse"
contract_size = 10
[fees]
maker = 0
"""


def okx_market(rate: float, fee: float) -> xm.Market:
    table = f'law = "flat"\nbounds = "contracts"\nfloor = [0]\nmaintenance_rate = [{rate}]\n'
    names = ("BTC-USDT-SWAP", "ETH-USD-210430")
    tables = "".join(f'[tiers."{name}"]\n{table}' for name in names)
    return xm.Market.from_toml(OKX_RULES + f"taker = {fee}\n" + tables)


def okx_position(name: str, size: str, entry: Any, mark: Any, **more: Any) -> Vector:
    row = {"instId": name, "instType": "SWAP", "posSide": "net", "pos": size, "avgPx": written(entry), "ccy": "USDT"}
    return {**row, "markPx": written(mark), "mgnMode": "cross", "liqPx": "", "upl": "", **more}


def okx_isolated(vector: Vector) -> Sample:
    """The ratio has the fee in it, the margin reported beside it has not. The published price is one tick higher."""
    given, expected = vector["inputs"], vector["expected"]
    row = okx_position(
        "ETH-USD-210430",
        written(given["contracts"]),
        given["entry_price"],
        "2565.656",
        mgnMode="isolated",
        ccy="ETH",
        margin=written(given["margin_coin"]),
        upl="-0.0000009932766034",
        mmr="0.0000311811092368",
        mgnRatio=written(expected["margin_ratio"]),
        liqPx=written(expected["liquidation_price"]),
        lever=written(given["leverage"]),
    )
    balance = {"details": [{"ccy": "ETH", "cashBal": "1"}]}
    snapshot = okx.account(balance, [row], isolated_in_cash=False)
    return Sample(snapshot, okx_market(given["mmr"], given["fee_rate"]), frozenset({"fee"}), flips=True)


def okx_cross(vector: Vector) -> Sample:
    """The mark that the record shows is from elsewhere; its other figures imply the one that they are at."""
    given, expected = vector["inputs"], vector["expected"]
    row = okx_position(
        "BTC-USDT-SWAP",
        "1",
        given["entry_price"],
        "4786.459271773621",
        upl=written(expected["upl"]),
        imr=written(given["imr"]),
        mmr=written(expected["mmr"]),
        mgnRatio=written(given["margin_ratio"]),
        liqPx=written(expected["liquidation_price"]),
        lever=written(given["leverage"]),
    )
    snapshot = okx.account({"details": [{"ccy": "USDT", "cashBal": "215.78881232"}]}, [row])
    allowed = frozenset({"stale mark", "stale mark, fee"})
    return Sample(snapshot, okx_market(given["mmr_rate"], given["fee_rate"]), allowed, flips=True)


def okx_available(vector: Vector) -> Sample:
    """What is locked is the margin of a position at a leverage of 1, whose profit is the stated one."""
    given, expected = vector["inputs"], vector["expected"]
    contracts = Fraction(given["locked"] + given["cross_pnl"])
    row = okx_position("BTC-USDT-SWAP", written(contracts), 100, 100, lever="1")
    entry = 100 * Fraction(given["locked"], given["locked"] + given["cross_pnl"])
    row |= {"avgPx": written(entry), "imr": str(given["locked"]), "upl": str(given["cross_pnl"])}
    currency = {"ccy": "USDT", "cashBal": str(given["balance"]), "availEq": str(expected["available_equity"])}
    text = okx_market(0.004, 0.0).to_toml()
    head, section, rest = text.partition("[initial_margin]")
    at_entry = xm.Market.from_toml(head + section + rest.replace('price = "mark"', 'price = "entry"', 1))
    return Sample(okx.account({"details": [currency]}, [row]), at_entry)


def hl_state(positions: list[Vector], raw: Any, **more: Any) -> Vector:
    held = [{"type": "oneWay", "position": position} for position in positions]
    return {"assetPositions": held, "marginSummary": {"totalRawUsd": written(raw)}, "time": 1, **more}


def hl_meta(coin: str, largest: int) -> Vector:
    return {"universe": [{"name": coin, "szDecimals": 4, "maxLeverage": largest, "marginTableId": largest}]}


def hl_isolated(vector: Vector) -> Sample:
    given, expected = vector["inputs"], vector["expected"]
    size, mark = Fraction(str(given["size"])), Fraction(str(given["mark_price"]))
    margin = Fraction(str(given["isolated_margin"]))
    position = {
        "coin": "ETH",
        "szi": written(given["size"]),
        "entryPx": written(given["mark_price"]),
        "positionValue": written(expected["notional"]) if "notional" in expected else "50000.0",
        "unrealizedPnl": "0.0",
        "liquidationPx": written(expected["liquidation_price"]),
        "marginUsed": written(given["isolated_margin"]),
        "leverage": {"type": "isolated", "value": given["leverage"], "rawUsd": written(margin - size * mark)},
    }
    state = hl_state([position], margin - size * mark)
    state["marginSummary"]["accountValue"] = written(margin)
    largest = int(given["max_leverage"])
    meta = (
        hl_meta("ETH", largest)
        if largest < 50
        else {
            "universe": [{"name": "ETH", "szDecimals": 4, "maxLeverage": largest, "marginTableId": 60}],
            "marginTables": [[60, {"marginTiers": [{"lowerBound": "0.0", "maxLeverage": largest}]}]],
        }
    )
    market = hyperliquid.market(meta, as_of="2026-11-22")
    return Sample(hyperliquid.account(state), market, flips=not vector.get("source_wrong"))


def hl_margins(vector: Vector) -> Sample:
    given, expected = vector["inputs"], vector["expected"]
    position = {
        "coin": "BTC",
        "szi": written(given["notional"]),
        "entryPx": "1.0",
        "positionValue": written(given["notional"]),
        "unrealizedPnl": "0.0",
        "liquidationPx": None,
        "marginUsed": written(expected["initial_margin"]),
        "leverage": {"type": "cross", "value": given["leverage"]},
    }
    summary = {
        "accountValue": "2000.0",
        "totalNtlPos": written(given["notional"]),
        "totalMarginUsed": written(expected["initial_margin"]),
        "totalRawUsd": "-8000.0",
    }
    state = hl_state([position], "-8000.0", crossMaintenanceMarginUsed=written(expected["maintenance_margin"]))
    state |= {"crossMarginSummary": summary, "marginSummary": summary}
    return Sample(hyperliquid.account(state), hyperliquid.market(hl_meta("BTC", 20), as_of="2026-11-22"))
