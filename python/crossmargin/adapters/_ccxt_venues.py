"""What ccxt's unified fields mean, by exchange: facts that the fields themselves do not tell.

Read from the sources of ccxt 4.5.90 (MIT), 2026-11-22. An exchange that is not here must be told about by arguments.
"""

from __future__ import annotations

TOTAL_HAS_PROFIT = {
    "binance": True,
    "binanceusdm": True,
    "binancecoinm": True,
    "okx": True,
    "deribit": True,
    "hyperliquid": True,
    "kucoin": True,
    "kucoinfutures": True,
    "bitget": True,
    "krakenfutures": True,
    "bybit": False,
}
"""Whether ``balance[currency]["total"]`` has unrealised profit in it.

It is the margin balance of Binance, ``eq`` of OKX, the equity of Deribit, KuCoin and Bitget, the account value of
Hyperliquid, the portfolio value of Kraken futures; of a unified account of Bybit it is the wallet balance.
"""

USED_IS = {
    "binance": "initial_margin",
    "binanceusdm": "initial_margin",
    "binancecoinm": "initial_margin",
    "deribit": "maintenance_margin",
}
"""Which requirement ``used`` is; that of other exchanges is not read."""

PERCENT = frozenset({"deribit"})
"""Exchanges whose ``*MarginPercentage`` are in percent; those of others are fractions."""

SIZE_OF_ONE = frozenset({"hyperliquid"})
"""Exchanges whose positions have no contract size since a contract is one coin."""

RECONSTRUCTED = frozenset({"binance", "binanceusdm", "binancecoinm", "bybit"})
"""Exchanges of whose positions ccxt may work margins out from liquidation prices, which checks nothing."""

BOUNDS_LINEAR = {
    "binance": "quote",
    "binanceusdm": "quote",
    "bybit": "quote",
    "okx": "contracts",
}
"""What ``minNotional`` and ``maxNotional`` of linear contracts are in."""

BOUNDS_INVERSE = {
    "binance": "base",
    "binancecoinm": "base",
    "bybit": "base",
    "okx": "contracts",
}
"""The same of inverse contracts."""
