"""Whatever stands in a reply, an adapter reads it or refuses it by an error of ours."""

import contextlib
import copy
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import crossmargin as xm
from crossmargin.adapters import binance, bybit, ccxt, freqtrade, hyperliquid, okx

BINANCE = {
    "multiAssetsMargin": False,
    "assets": [{"asset": "USDT", "walletBalance": "100", "marginBalance": "105", "crossUnPnl": "5"}],
    "positions": [
        {
            "symbol": "BTCUSDT",
            "positionSide": "BOTH",
            "positionAmt": "0.1",
            "entryPrice": "100",
            "notional": "15",
            "unrealizedProfit": "5",
            "isolated": True,
            "isolatedWallet": "7",
            "leverage": "3",
            "maintMargin": "1",
        }
    ],
    "orders": [
        {"symbol": "BTCUSDT", "side": "BUY", "origQty": "1", "executedQty": "0", "price": "3", "reduceOnly": False}
    ],
    "brackets": [
        {
            "symbol": "BTCUSDT",
            "notionalCoef": 1,
            "brackets": [
                {"notionalFloor": 0, "notionalCap": 5, "maintMarginRatio": 0.1, "initialLeverage": 3, "cum": 0}
            ],
        }
    ],
}
BYBIT = {
    "wallet": {
        "accountMMRate": "",
        "totalEquity": "5",
        "coin": [
            {"coin": "USDT", "walletBalance": "5", "equity": "5", "usdValue": "5", "bonus": "", "spotBorrow": "0"}
        ],
    },
    "positions": [
        {
            "symbol": "BTCUSDT",
            "side": "Buy",
            "size": "1",
            "avgPrice": "2",
            "markPrice": "3",
            "leverage": "4",
            "positionIdx": 0,
            "tradeMode": 1,
            "positionBalance": "1",
            "liqPrice": "1",
        }
    ],
    "orders": [{"symbol": "BTCUSDT", "side": "Sell", "qty": "1", "leavesQty": "1", "price": "3", "positionIdx": 0}],
    "limits": [{"symbol": "BTCUSDT", "riskLimitValue": "5", "maintenanceMargin": "0.1", "maxLeverage": "3"}],
}
OKX = {
    "balance": {
        "data": [{"details": [{"ccy": "USDT", "cashBal": "5", "eq": "6", "upl": "1", "isoEq": "0", "eqUsd": "6"}]}]
    },
    "positions": [
        {
            "instId": "BTC-USDT-SWAP",
            "mgnMode": "isolated",
            "posSide": "net",
            "pos": "1",
            "avgPx": "2",
            "markPx": "3",
            "margin": "1",
            "ccy": "USDT",
            "lever": "3",
        }
    ],
    "tiers": [{"tier": "1", "minSz": "0", "maxSz": "5", "mmr": "0.1", "maxLever": "3", "instFamily": "X-USDT"}],
}
HYPERLIQUID = {
    "meta": {
        "universe": [{"name": "BTC", "szDecimals": 3, "maxLeverage": 40, "marginTableId": 56}],
        "marginTables": [[56, {"marginTiers": [{"lowerBound": "0.0", "maxLeverage": 40}]}]],
        "collateralToken": 0,
    },
    "state": {
        "marginSummary": {"accountValue": "5", "totalRawUsd": "2"},
        "crossMarginSummary": {"accountValue": "5"},
        "assetPositions": [
            {
                "type": "oneWay",
                "position": {
                    "coin": "BTC",
                    "szi": "1",
                    "entryPx": "2",
                    "positionValue": "3",
                    "unrealizedPnl": "1",
                    "marginUsed": "1",
                    "leverage": {"type": "isolated", "value": 3, "rawUsd": "1"},
                    "liquidationPx": None,
                },
            }
        ],
    },
}
CCXT = {
    "balance": {"total": {"USDT": 5.0}, "used": {"USDT": 1.0}, "debt": {"USDT": 0.0}},
    "positions": [
        {
            "symbol": "BTC/USDT:USDT",
            "side": "long",
            "contracts": 1.0,
            "contractSize": 1.0,
            "entryPrice": 2.0,
            "markPrice": 3.0,
            "unrealizedPnl": 1.0,
            "marginMode": "isolated",
            "collateral": 2.0,
            "leverage": 3.0,
            "hedged": False,
        }
    ],
    "orders": [
        {"symbol": "BTC/USDT:USDT", "side": "buy", "amount": 1.0, "remaining": 1.0, "price": 1.0, "status": "open"}
    ],
    "tickers": {"BTC/USDT:USDT": {"symbol": "BTC/USDT:USDT", "last": 1.0, "markPrice": 1.0}},
    "markets": {
        "BTC/USDT:USDT": {
            "id": "BTCUSDT",
            "symbol": "BTC/USDT:USDT",
            "base": "BTC",
            "quote": "USDT",
            "settle": "USDT",
            "contract": True,
            "linear": True,
            "inverse": False,
            "contractSize": 1.0,
        }
    },
    "tiers": {
        "BTC/USDT:USDT": [
            {"minNotional": 0, "maxNotional": 5, "maintenanceMarginRate": 0.1, "maxLeverage": 3, "info": {"cum": "0"}}
        ]
    },
}


def read_binance(reply: Any) -> list[Any]:
    made = binance.account(
        {key: reply[key] for key in ("multiAssetsMargin", "assets", "positions")}, kind="usdm", orders=reply["orders"]
    )
    return [made, binance.tiers(reply["brackets"], kind="usdm")]


def read_bybit(reply: Any) -> list[Any]:
    made = bybit.account(reply["wallet"], reply["positions"], orders=reply["orders"])
    return [made, bybit.tiers(reply["limits"], category="linear")]


def read_okx(reply: Any) -> list[Any]:
    return [okx.account(reply["balance"], reply["positions"], isolated_in_cash=True), okx.tiers(reply["tiers"])]


def read_hyperliquid(reply: Any) -> list[Any]:
    return [hyperliquid.market(reply["meta"], as_of="2026-11-22"), hyperliquid.account(reply["state"])]


def read_ccxt(reply: Any) -> list[Any]:
    parts = {key: reply[key] for key in ("balance", "positions", "orders", "tickers", "markets")}
    made = ccxt.account(exchange="okx", **parts)
    options: dict[str, Any] = {"rules": "binance-usdm", "as_of": "2026-11-22", "bounds": "quote"}
    return [made, freqtrade.tiers(reply["tiers"]), ccxt.market(reply["markets"], reply["tiers"], **options)]


READERS: dict[str, tuple[Any, Callable[[Any], list[Any]]]] = {
    "binance": (BINANCE, read_binance),
    "bybit": (BYBIT, read_bybit),
    "okx": (OKX, read_okx),
    "hyperliquid": (HYPERLIQUID, read_hyperliquid),
    "ccxt": (CCXT, read_ccxt),
}

JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**30), 10**30),
    st.floats(),
    st.sampled_from(["", "0", "-1", "NaN", "1e999999999", "x", "isolated", "Sell", "\n", '"', "é"]),
    st.text(max_size=4),
    st.just([]),
    st.just({}),
    st.just([None]),
    st.just([[1, 2, 3]]),
    st.just({"a": {"b": 1}}),
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """All places of a reply but its top."""
    inner = (
        list(value.items()) if isinstance(value, dict) else list(enumerate(value)) if isinstance(value, list) else []
    )
    found = [(*path, key) for key, _ in inner]
    return found + [place for key, item in inner for place in places(item, (*path, key))]


@pytest.mark.parametrize("venue", READERS)
def test_adapters_read_what_the_fuzz_starts_from(venue: str) -> None:
    reply, read = READERS[venue]
    assert read(reply)


@pytest.mark.parametrize("venue", READERS)
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_adapters_broken_replies_are_read_or_refused_by_an_error_of_ours(venue: str, data: st.DataObject) -> None:
    reply, read = READERS[venue]
    broken = copy.deepcopy(reply)
    for _ in range(data.draw(st.integers(1, 3))):
        found = [place for place in places(broken) if len(place) > 1]
        if not found:
            break
        *path, last = data.draw(st.sampled_from(found))
        inner: Any = broken
        for key in path:
            inner = inner[key]
        if isinstance(inner, dict) and data.draw(st.booleans()):
            del inner[last]
        else:
            inner[last] = copy.deepcopy(data.draw(JUNK))
    with contextlib.suppress(xm.CrossmarginError):
        read(broken)
