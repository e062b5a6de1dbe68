"""Small replies of each venue, whose figures were worked out by hand, as a user saves them."""

import json
from typing import Any

# 0.5 % of 6,000, and 0.055 % of 6,655 to close at the bankruptcy price of 10 times: 30 and 3.66025; the rate is cut
WALLET = {
    "retCode": 0,
    "result": {
        "list": [
            {
                "accountType": "UNIFIED",
                "accountMMRate": "0.0336",
                "totalMaintenanceMargin": "33.66025",
                "coin": [
                    {
                        "coin": "USDT",
                        "walletBalance": "950",
                        "equity": "1000",
                        "usdValue": "1000",
                        "unrealisedPnl": "50",
                        "bonus": "0",
                    }
                ],
            }
        ]
    },
}
SHORT = {
    "symbol": "BTCUSDT",
    "side": "Sell",
    "size": "0.1",
    "avgPrice": "60500",
    "markPrice": "60000",
    "leverage": "10",
    "positionIdx": 0,
    "tradeMode": 0,
    "liqPrice": "",
    "unrealisedPnl": "50",
}
META = {
    "universe": [{"name": "BTC", "szDecimals": 5, "maxLeverage": 40, "marginTableId": 56}],
    "marginTables": [[56, {"marginTiers": [{"lowerBound": "0.0", "maxLeverage": 40}]}]],
}
# 6,040 of notional at 20 times: 302 of initial margin; half of one over 40: 75.5 of maintenance margin
STATE = {
    "marginSummary": {
        "accountValue": "1040.0",
        "totalNtlPos": "6040.0",
        "totalRawUsd": "-5000.0",
        "totalMarginUsed": "302.0",
    },
    "crossMaintenanceMarginUsed": "75.5",
    "assetPositions": [
        {
            "type": "oneWay",
            "position": {
                "coin": "BTC",
                "szi": "0.1",
                "entryPx": "60000.0",
                "positionValue": "6040.0",
                "unrealizedPnl": "40.0",
                "marginUsed": "302.0",
                "leverage": {"type": "cross", "value": 20},
                "liquidationPx": None,
            },
        }
    ],
}
OKX_RULES = """
schema = 1
preset = "desk-okx"
as_of = 2026-11-22
pools = { cross = "per_asset", isolated = true }
trigger = { level = 1, zero_fails = true }
maintenance_margin = { price = "mark", closing_fee = "mark" }
initial_margin = { price = "mark" }
bonus = { counts_as_margin = false }
display = { venue_ratio = "equity_over_maintenance" }
fees = { taker = 0.0005, maker = 0.0002 }
asset = [{ name = "USDT" }]

[[instrument]]
name = "BTC-USDT-SWAP"
base = "BTC"
quote = "USDT"
settle = "USDT"
contract_size = 0.01

[tiers.BTC-USDT-SWAP]
law = "flat"
bounds = "contracts"
floor = [0]
maintenance_rate = [0.004]
"""
OKX_BALANCE = {"data": [{"details": [{"ccy": "USDT", "cashBal": "215.5", "eq": "215.6", "upl": "0.1"}]}]}
# one contract of 0.01 BTC at 60,000: 600 of notional, 2.4 of maintenance margin without the fee to close
OKX_SHORT = {
    "instId": "BTC-USDT-SWAP",
    "mgnMode": "cross",
    "posSide": "net",
    "pos": "-1",
    "avgPx": "60010",
    "markPx": "60000",
    "lever": "10",
    "ccy": "USDT",
    "upl": "0.1",
    "mmr": "2.4",
}
CCXT_BALANCE = {"total": {"USDT": 1010.0}, "used": {"USDT": 60.0}}
# 0.02 BTC at 60,000 and 20 times
CCXT_SHORT = {
    "symbol": "BTC/USDT:USDT",
    "side": "short",
    "contracts": 0.02,
    "contractSize": 1.0,
    "entryPrice": 60500.0,
    "markPrice": 60000.0,
    "unrealizedPnl": 10.0,
    "leverage": 20.0,
    "marginMode": "cross",
    "hedged": False,
}


def binance(maintenance: str = "22.40000000", **more: Any) -> dict[str, Any]:
    """Give an account with 0.1 BTC at a mark of 56,000: 22.4 of maintenance margin in the first tier, 0.4 %."""
    asset = {"asset": "USDT", "walletBalance": "1000.00000000", "crossUnPnl": "-400.00000000"}
    position = {
        "symbol": "BTCUSDT",
        "positionSide": "BOTH",
        "positionAmt": "0.100",
        "entryPrice": "60000.0",
        "leverage": "10",
        "isolated": False,
        "isolatedWallet": "0",
        "notional": "5600.00000000",
        "maintMargin": maintenance,
    }
    return {"multiAssetsMargin": False, "assets": [asset], "positions": [position], **more}


def written(reply: object) -> str:
    return json.dumps(reply)
