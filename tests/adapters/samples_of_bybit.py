"""Replies of Bybit with the numbers of its vectors."""

from fractions import Fraction
from typing import Any

from sampling import Sample, Vector, written

import crossmargin as xm
from crossmargin.adapters import bybit


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
