"""Replies as venues send them, with the numbers of the published vectors in them.

A vector is a figure or two of an account; what a reply has beside them is made up so that it fits: sizes of 1, wallets
that are large enough, marks at the entry price.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import crossmargin as xm
from crossmargin.adapters import binance, bybit, hyperliquid, okx

FOLDER = Path(__file__).parent.parent / "vectors"
Vector = dict[str, Any]
PLAIN = {"equal", "rounding"}


@dataclass(frozen=True)
class Sample:
    """A snapshot, the rules of its vector, and what may come out beside plain agreement."""

    snapshot: xm.adapters.Snapshot
    market: xm.Market
    causes: frozenset[str] = frozenset()
    flips: bool = False
    prices: Mapping[str, Any] = field(default_factory=dict)


@cache
def vectors() -> dict[str, Vector]:
    files = ("binance", "bybit", "hyperliquid", "okx")
    found = [entry for name in files for entry in json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))]
    return {entry["id"]: entry for entry in found}


def written(value: Any) -> str:
    """A number as venues write it."""
    return format(float(value), ".16g") if isinstance(value, Fraction) else str(value)


def bracket(rate: float, amount: float = 0, floor: str = "notionalFloor", cap: str = "notionalCap") -> list[Vector]:
    """A ladder whose highest tier has the rate and takes off the amount: half the rate up to ``2 amount / rate``."""
    top = {cap: 10**12, "maintMarginRatio": rate, "initialLeverage": 1, "bracket": 2}
    if not amount:
        return [{**top, floor: 0, "cum": 0}]
    start = float(2 * Fraction(str(amount)) / Fraction(str(rate)))
    low = {floor: 0, cap: start, "maintMarginRatio": rate / 2, "initialLeverage": 2, "bracket": 1, "cum": 0}
    return [low, {**top, floor: start, "cum": amount}]


def usdm(**rates: list[Vector]) -> xm.Market:
    entries = [{"symbol": symbol, "brackets": rows} for symbol, rows in rates.items()]
    return binance.tiers(entries, kind="usdm").onto(xm.load_market("binance-usdm"))


def um_position(symbol: str, size: Any, entry: Any, mark: Any, **more: Any) -> Vector:
    """A row of positionRisk."""
    row = {"symbol": symbol, "positionSide": "BOTH", "positionAmt": written(size), "entryPrice": written(entry)}
    return {**row, "markPrice": written(mark), "liquidationPrice": "0", "marginType": "cross", **more}


def um_account(wallet: Any, asset: str = "USDT", **more: Any) -> Vector:
    return {"multiAssetsMargin": False, "assets": [{"asset": asset, "walletBalance": written(wallet), **more}]}


def um_cross_with_aggregate(vector: Vector) -> Sample:
    given = vector["inputs"]
    rate = float(Fraction(str(given["other_maint_margin"])) / 200)
    other_entry = 200 - Fraction(str(given["other_upnl"]))
    other = um_position(
        "ETHUSDT", 1, other_entry, 200, unRealizedProfit="0.47000000", maintMargin="1.30000000", notional="200.00000000"
    )
    price = written(vector["expected"]["liq_price"])
    own = um_position("BTCUSDT", -given["qty"], given["entry"], given["entry"], liquidationPrice=price)
    snapshot = binance.account(um_account(given["wallet_balance"]), kind="usdm", positions=[other, own])
    return Sample(snapshot, usdm(ETHUSDT=bracket(rate), BTCUSDT=bracket(given["mmr"])), flips=True)


def um_isolated(vector: Vector) -> Sample:
    given = vector["inputs"]
    more = {"marginType": "isolated", "isolatedWallet": written(given["wallet_balance"])}
    price = written(vector["expected"]["liq_price"])
    size = given["side"] * given["qty"]
    row = um_position("BTCUSDT", size, given["entry"], given["entry"], liquidationPrice=price, **more)
    snapshot = binance.account(um_account(given["wallet_balance"]), kind="usdm", positions=[row])
    return Sample(snapshot, usdm(BTCUSDT=bracket(given["mmr"], given["maint_amount"])), flips=True)


def um_cross_with_other(vector: Vector) -> Sample:
    given = vector["inputs"]
    own, other = given["position"], given["other"]
    rows = [
        um_position("ETHUSDT", other["qty"], other["entry"], other["mark"]),
        um_position(
            "BTCUSDT", own["qty"], own["entry"], own["entry"], liquidationPrice=written(vector["expected"]["liq_price"])
        ),
    ]
    rates = {
        "BTCUSDT": bracket(own["mmr"], own["maint_amount"]),
        "ETHUSDT": bracket(other["mmr"], other["maint_amount"]),
    }
    snapshot = binance.account(um_account(given["wallet_balance"]), kind="usdm", positions=rows)
    return Sample(snapshot, usdm(**rates), flips=True)


def um_hedge(vector: Vector) -> Sample:
    """A reply without ``isolatedWallet``: it follows from the margin and the profit."""
    given = vector["inputs"]
    row = um_position(
        "BTCUSDT",
        given["side"] * given["qty"],
        given["entry"],
        given["mark"],
        positionSide="LONG" if given["side"] > 0 else "SHORT",
        marginType="isolated",
        isolatedMargin=written(given["isolated_margin"]),
        unRealizedProfit=written(given["unrealized_pnl"]),
        liquidationPrice=written(vector["expected"]["liq_price"]),
    )
    snapshot = binance.account(um_account(20_000), kind="usdm", positions=[row])
    return Sample(snapshot, usdm(BTCUSDT=bracket(given["mmr"], given["maint_amount"])), flips=True)


def um_order(vector: Vector) -> Sample:
    """The sample shows two decimals, so the account's figures do."""
    given, expected = vector["inputs"], vector["expected"]
    order = {"symbol": "BTCUSDT", "side": "BUY", "positionSide": "BOTH", "origQty": written(given["qty"])}
    order |= {"executedQty": "0", "price": written(given["order_price"]), "stopPrice": "0", "reduceOnly": False}
    reply = um_account("1000.00", initialMargin=written(expected["initial_margin"]))
    leverage = {"BTCUSDT": given["leverage"]}
    snapshot = binance.account(reply, kind="usdm", positions=[], orders=[order], leverage=leverage)
    return Sample(snapshot, usdm(BTCUSDT=bracket(0.004)), prices={"mark": {"BTCUSDT": given["mark"]}})


def um_rounding(vector: Vector) -> Sample:
    given, expected = vector["inputs"], vector["expected"]
    row = {"symbol": "BTCUSDT", "positionSide": "BOTH", "positionAmt": written(given["notional"]), "entryPrice": "1.0"}
    row |= {"leverage": "20", "isolated": False, "notional": "1992.46079250", "unrealizedProfit": "0.00000000"}
    row |= {"maintMargin": written(expected["maint_margin"]), "initialMargin": written(expected["initial_margin"])}
    reply = um_account("126.72469206", maintMargin=row["maintMargin"], initialMargin=row["initialMargin"])
    snapshot = binance.account({**reply, "positions": [row]}, kind="usdm")
    return Sample(snapshot, usdm(BTCUSDT=bracket(given["mmr"])))


def um_position_risk(vector: Vector) -> Sample:
    given, expected = vector["inputs"], vector["expected"]
    more = {
        "leverage": written(given["leverage"]),
        "notional": f"{expected['notional']:.8f}",
        "unRealizedProfit": f"{expected['upnl']:.8f}",
        "initialMargin": f"{expected['initial_margin']:.8f}",
        "maintMargin": f"{expected['maint_margin']:.8f}",
    }
    row = um_position("WLDUSDT", given["qty"], given["entry"], given["mark"], **more)
    reply = um_account("10.00000000", maintMargin=more["maintMargin"], unrealizedProfit=more["unRealizedProfit"])
    snapshot = binance.account(reply, kind="usdm", positions=[row])
    return Sample(snapshot, usdm(WLDUSDT=bracket(given["mmr"])))


def cm_isolated(vector: Vector) -> Sample:
    given, expected = vector["inputs"], vector["expected"]
    row = um_position(
        "BTCUSD_PERP",
        given["side"] * given["contracts"],
        given["entry"],
        given["mark"],
        marginType="isolated",
        leverage=written(given["leverage"]),
        isolatedWallet=f"{given['isolated_wallet']:.8f}",
        isolatedMargin=f"{expected['isolated_margin']:.8f}",
        unRealizedProfit=f"{expected['upnl']:.8f}",
        notionalValue=f"{expected['notional']:.8f}",
        liquidationPrice=written(expected["liq_price"]),
    )
    reply = {"assets": [{"asset": "BTC", "walletBalance": f"{given['isolated_wallet']:.8f}"}]}
    snapshot = binance.account(reply, kind="coinm", positions=[row])
    return Sample(snapshot, xm.load_market("binance-coinm"), flips=True)


def cm_cross(vector: Vector) -> Sample:
    given = vector["inputs"]
    price = written(vector["expected"]["liq_price"])
    row = um_position("BTCUSD_PERP", given["contracts"], given["entry"], given["entry"], liquidationPrice=price)
    reply = {"assets": [{"asset": "BTC", "walletBalance": written(given["wallet_balance_btc"])}]}
    snapshot = binance.account(reply, kind="coinm", positions=[row])
    return Sample(snapshot, xm.load_market("binance-coinm"), flips=True)


def bybit_market(preset: str, symbol: str, given: Vector, fee: float | None = None, **more: Any) -> xm.Market:
    """The preset with one tier and the vector's fee."""
    coin = "inverse" in preset
    base = symbol.removesuffix("USDT" if not coin else "USD")
    quote, settle = ("USD", base) if coin else ("USDT", "USDT")
    payoff = "inverse" if coin else "linear"
    taker = given.get("taker_fee", 0) if fee is None else fee
    lines = [f'extends = "{preset}"', 'preset = "vector"', "as_of = 2026-11-22", f"[fees]\ntaker = {taker}\nmaker = 0"]
    lines += [f'[[asset]]\nname = "{settle}"', f'[[instrument]]\nname = "{symbol}"\nbase = "{base}"']
    lines += [f'quote = "{quote}"\nsettle = "{settle}"\npayoff = "{payoff}"\ncontract_size = 1\ntiers = "{symbol}"']
    lines += [f"{name} = {value}" for name, value in more.items()]
    rate = given.get("mmr", 0.005)
    lines += [f'[tiers.{symbol}]\nlaw = "marginal"\nbounds = "settle"\nfloor = [0]\nmaintenance_rate = [{rate}]']
    return xm.Market.from_toml("\n".join(lines))


def bybit_position(symbol: str, given: Vector, size: Any, mark: Any, **more: Any) -> Vector:
    side = "Buy" if given["side"] > 0 else "Sell"
    row = {"symbol": symbol, "side": side, "size": written(size), "avgPrice": written(given["entry"]), "positionIdx": 0}
    return {**row, "markPrice": written(mark), "leverage": written(given["leverage"]), "liqPrice": "", **more}


def bybit_wallet(coin: str, balance: Any, **more: Any) -> Vector:
    row = {"coin": coin, "walletBalance": written(balance), "equity": "", "bonus": "0", "spotBorrow": "0"}
    return {"accountType": "UNIFIED", "accountMMRate": "", "coin": [row], **more}


def bybit_isolated(vector: Vector) -> Sample:
    """As the page prints it: at the entry price, before margin is added."""
    given, expected = vector["inputs"], vector["expected"]
    coin = "usd_qty" in given
    symbol, preset = ("BTCUSD", "bybit-inverse/2025-09-02") if coin else ("BTCUSDT", "bybit-uta/2025-09-02")
    row = bybit_position(
        symbol,
        given,
        given["usd_qty" if coin else "qty"],
        given["entry"],
        tradeMode=1,
        positionIM=written(expected["initial_margin"]),
        positionMM=written(expected["maint_margin"]),
        positionBalance=written(expected["initial_margin"]),
    )
    wallet = bybit_wallet("BTC" if coin else "USDT", 1_000)
    snapshot = bybit.account(wallet, [row], category="inverse" if coin else "linear", index={"USDT": 1.0})
    return Sample(snapshot, bybit_market(preset, symbol, given))


def bybit_isolated_price(vector: Vector) -> Sample:
    """After margin is added: the liquidation price."""
    given, expected = vector["inputs"], vector["expected"]
    sample = bybit_isolated(vector)
    coin = "usd_qty" in given
    margin = Fraction(str(expected["initial_margin"])) + Fraction(str(given["extra_margin"]))
    row = bybit_position(
        "BTCUSD" if coin else "BTCUSDT",
        given,
        given["usd_qty" if coin else "qty"],
        given["entry"],
        tradeMode=1,
        positionBalance=written(margin),
        liqPrice=written(expected["liq_price"]),
    )
    wallet = bybit_wallet("BTC" if coin else "USDT", 10_000)
    snapshot = bybit.account(wallet, [row], category="inverse" if coin else "linear", index={"USDT": 1.0})
    return Sample(snapshot, sample.market, flips=True)


def bybit_entry_margins(vector: Vector) -> Sample:
    given, expected = vector["inputs"], vector["expected"]
    row = bybit_position(
        "ETHUSDT",
        given,
        given["qty"],
        1_100,
        tradeMode=0,
        positionIM=written(expected["position_im"]),
        positionMM=written(expected["position_mm"]),
        unrealisedPnl="13.075",
    )
    wallet = bybit_wallet("USDT", 100, accountMMRate="0.0263")
    snapshot = bybit.account(wallet, [row], index={"USDT": 1.0})
    return Sample(snapshot, bybit_market("bybit-uta/2025-02-19", "ETHUSDT", given))


def bybit_api_position(vector: Vector) -> Sample:
    """The margin in the same record has the fee to close of 0.06 % in it; its maintenance margin has none."""
    given, expected = vector["inputs"], vector["expected"]
    row = bybit_position(
        "ETHUSDT",
        given,
        given["qty"],
        given["entry"],
        tradeMode=1,
        positionBalance="28.53452380952381",
        liqPrice=written(expected["liq_price"]),
        bustPrice=written(expected["bust_price"]),
    )
    snapshot = bybit.account(bybit_wallet("USDT", 100), [row], index={"USDT": 1.0})
    market = bybit_market("bybit-uta/2025-02-19", "ETHUSDT", given, fee=0.0, tick=given["tick"])
    return Sample(snapshot, market, flips=True)


def bybit_available(vector: Vector) -> Sample:
    """The margin is that of one position without profit, whose leverage is 1."""
    given, expected = vector["inputs"], vector["expected"]
    balance = written(given["margin_balance"])
    wallet = bybit_wallet(
        "USDT",
        balance,
        accountMMRate="0.0000",
        totalMarginBalance=balance,
        totalInitialMargin=written(given["total_im"]),
        totalAvailableBalance=written(expected["available"]),
    )
    row = bybit_position("BTCUSDT", {"side": 1, "entry": 1, "leverage": 1}, given["total_im"], 1, tradeMode=0)
    snapshot = bybit.account(wallet, [row], index={"USDT": 1.0})
    return Sample(snapshot, bybit_market("bybit-uta/2025-09-02", "BTCUSDT", given))


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


SAMPLES: dict[tuple[str, str], Callable[[Vector], Sample]] = {
    ("binance-um-cross-btc-short-faq2020", ""): um_cross_with_aggregate,
    ("binance-um-iso-btc-long-ft2", ""): um_isolated,
    ("binance-um-cross-btc-long-ft4", ""): um_cross_with_other,
    ("binance-um-iso-short-3x", ""): um_isolated,
    ("binance-um-iso-long-5x", ""): um_isolated,
    ("binance-um-iso-long-3x", ""): um_isolated,
    ("binance-um-iso-long-5x-0.6", ""): um_isolated,
    ("binance-um-hedge-iso-long-api", ""): um_hedge,
    ("binance-um-hedge-iso-short-api", ""): um_hedge,
    ("binance-um-open-cost-limit", ""): um_order,
    ("binance-um-rounding-maintmargin", ""): um_rounding,
    ("binance-um-positionrisk-wld", ""): um_position_risk,
    ("binance-cm-iso-long-api", ""): cm_isolated,
    ("binance-cm-cross-long-forum", ""): cm_cross,
    ("bybit-lin-iso-long-2026", "margins"): bybit_isolated,
    ("bybit-lin-iso-long-2026", "price"): bybit_isolated_price,
    ("bybit-inv-iso-short-2026", "margins"): bybit_isolated,
    ("bybit-inv-iso-short-2026", "price"): bybit_isolated_price,
    ("bybit-um-ethusdt-im-mm", ""): bybit_entry_margins,
    ("bybit-lin-iso-api-ethusdt", ""): bybit_api_position,
    ("bybit-wallet-available", ""): bybit_available,
    ("hyperliquid-isolated-eth", ""): hl_isolated,
    ("hyperliquid-im-mm-20x", ""): hl_margins,
    ("hyperliquid-thirdparty-liq-50000", ""): hl_isolated,
    ("okx-isolated-coinm-eth", ""): okx_isolated,
    ("okx-cross-linear-btc", ""): okx_cross,
    ("okx-single-currency-available", ""): okx_available,
}
"""A reply for each vector that is a figure of an account."""

NO_ACCOUNT = {
    "binance-um-multiasset-initial": "assets of an account without positions; no key of a reply is known for them",
    "binance-um-autoexchange-busd": "a conversion",
    "binance-um-autoexchange-usdc": "a conversion",
    "binance-um-maint-amount-l5-2020": "a row of a tier table: tested with the tiers",
    "binance-um-tier-table-btcusdc": "a tier table: tested with the tiers",
    "binance-pm-flat-collateral": "portfolio margin",
    "binance-margin-tiered-collateral": "the margin product",
    "bybit-inv-cross-2019": "a rule of classic accounts, which replies of v5 are not of",
    "bybit-inv-bankruptcy-2019": "a bankruptcy price, which is not computed",
    "bybit-lin-bankruptcy-long": "a bankruptcy price, which is not computed",
    "bybit-inv-order-cost": "the cost of an order before it is placed",
    "bybit-insurance-good": "a change of the insurance fund",
    "bybit-insurance-bad": "a change of the insurance fund",
    "bybit-classic-two-sided-order-im": "a rule of classic accounts, which replies of v5 are not of",
    "bybit-lin-iso-short-ft-3x": "another program's approximation",
    "hyperliquid-pm-borrowable": "portfolio margin",
    "hyperliquid-pm-rate-50": "a borrow rate",
    "okx-pm-mmr-before": "portfolio margin",
    "okx-pm-mmr-after": "portfolio margin",
    "okx-tier-reduction-old": "a liquidation step",
}
"""The other vectors of these venues, and why no reply shows them."""
