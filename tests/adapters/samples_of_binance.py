"""Replies of Binance with the numbers of its vectors."""

from fractions import Fraction
from typing import Any

from sampling import Sample, Vector, written

import crossmargin as xm
from crossmargin.adapters import binance


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
