"""Adapters: what venues and their clients send, as tables of a book. Standard library only.

One module per source, each on parsed JSON that the user fetched: `binance`, `bybit`, `hyperliquid`, `okx`, `ccxt`
(any venue, in ccxt's unified form) and `freqtrade` (its file of tiers). Nothing here opens a connection.

``account(...)`` of a module makes a `Snapshot`: balances, positions, orders, prices, and the figures that the venue
itself reports. ``tiers(...)`` makes `Tiers`, tables to lay over a market; ``market(...)`` makes a whole one.
What a reply leaves open is an argument, and a refusal where nothing is said.

Examples
--------
>>> import crossmargin as xm
>>> reply = {
...     "assets": [{"asset": "USDT", "walletBalance": "1000.00000000", "crossUnPnl": "100.00000000"}],
...     "positions": [
...         {
...             "symbol": "BTCUSDT",
...             "positionSide": "BOTH",
...             "positionAmt": "0.100",
...             "entryPrice": "60000.0",
...             "leverage": "10",
...             "isolated": False,
...             "notional": "6100.00000000",
...             "maintMargin": "24.40000000",
...         }
...     ],
... }
>>> market = xm.load_market("binance-usdm")
>>> account = xm.adapters.binance.account(reply, kind="usdm")
>>> xm.score(account.book(market), account.prices(market)).excess.tolist()
[1075.6]
"""

from crossmargin.adapters import binance, bybit, ccxt, freqtrade, hyperliquid, okx
from crossmargin.adapters.snapshot import Snapshot, join
from crossmargin.adapters.tiers import Tiers

__all__ = ["Snapshot", "Tiers", "binance", "bybit", "ccxt", "freqtrade", "hyperliquid", "join", "okx"]
