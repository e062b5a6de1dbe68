"""``crossmargin reconcile`` on files that are no replies: one line, exit code 1, never a traceback."""

import pytest

from cli.replies import CCXT_SHORT, META, OKX_SHORT, SHORT, STATE, WALLET, binance, written
from cli.running import Command

NOTHING = [None, 3, "x", True, [], {}, [1], [[]], [{}], {"": 1}, {"data": 3}, {"result": {"list": 5}}, 1e400]
DAMAGED = [
    *({key: value} for key in ("assets", "coin", "details", "assetPositions", "total") for value in (5, "x", [1], {})),
    binance(assets=[{"asset": 7}]),
    binance(positions=[{"symbol": "BTCUSDT", "positionAmt": "many"}]),
    {**STATE, "marginSummary": []},
    {**STATE, "assetPositions": [{"position": {"coin": "BTC"}}]},
]
ROLES = {
    "binance": ("account", "positions", "orders", "brackets"),
    "bybit": ("wallet", "positions", "orders", "risk-limit"),
    "hyperliquid": ("state", "meta", "contexts"),
    "okx": ("balance", "positions", "position-tiers"),
    "ccxt": ("balance", "positions", "orders", "tickers", "markets", "tiers"),
}
GOOD = {
    "binance": {"account": binance()},
    "bybit": {"wallet": WALLET, "positions": [SHORT]},
    "hyperliquid": {"state": STATE, "meta": META},
    "okx": {"balance": {"details": [{"ccy": "USDT", "cashBal": "1", "eq": "1"}]}, "positions": [OKX_SHORT]},
    "ccxt": {"balance": {"total": {"USDT": 1.0}}, "positions": [CCXT_SHORT]},
}
OPTIONS = {
    "binance": ("--kind", "usdm"),
    "hyperliquid": ("--as-of", "2026-11-22"),
    "okx": ("--market", "textbook"),
    "ccxt": ("--exchange", "binanceusdm", "--market", "binance-usdm"),
}


@pytest.mark.parametrize(("source", "role"), [(source, role) for source, roles in ROLES.items() for role in roles])
def test_reconcile_of_what_is_no_reply_is_one_line(command: Command, source: str, role: str) -> None:
    for reply in (*NOTHING, *DAMAGED):
        files = []
        for name, good in {**GOOD[source], role: reply}.items():
            command.write(f"{name}.json", written(good))
            files.append(f"{name}={name}.json")
        ran = command("reconcile", "--source", source, *OPTIONS.get(source, ()), *files)
        assert ran.code in (0, 1, 3), (reply, ran)
        assert ran.code != 1 or (ran.text == "" and ran.err.count("\n") == 1), (reply, ran)


@pytest.mark.parametrize("source", ROLES)
def test_reconcile_of_a_file_that_tells_nothing_asks_which_reply_it_is(command: Command, source: str) -> None:
    for reply in NOTHING:
        command.write("reply.json", written(reply))
        ran = command("reconcile", "--source", source, *OPTIONS.get(source, ()), "reply.json")
        assert (ran.code, ran.text, ran.err.count("\n")) == (1, "", 1), (reply, ran)
