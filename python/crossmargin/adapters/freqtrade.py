"""freqtrade: the file of leverage tiers that it ships, ``binance_leverage_tiers.json``.

Its form, read from the package 2026.9: an object of ccxt symbol to a list of tiers, all numbers, bounds in the quote
asset, the maintenance amount in ``info.cum``.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crossmargin.adapters import ccxt
from crossmargin.errors import ArgumentError

if TYPE_CHECKING:
    from crossmargin.adapters.tiers import Tiers


def tiers(source: Any, *, symbols: Iterable[str] | None = None) -> Tiers:
    """Read freqtrade's file of tiers.

    Parameters
    ----------
    source : str, path-like or dict
        The file, such as that of an installed freqtrade, or what is in it.
    symbols : iterable of str, optional
        Only these ccxt symbols; by default all.

    Returns
    -------
    Tiers
        In ``quote``.

    Raises
    ------
    ArgumentError
        For text that is no JSON, and symbols that the file does not have; `OSError` for a file that cannot be read.

    Examples
    --------
    >>> tier = {"minNotional": 0.0, "maxNotional": 5e4, "maintenanceMarginRate": 0.004, "maxLeverage": 125.0}
    >>> tiers({"BTC/USDT:USDT": [tier]})
    Tiers(1 instrument, bounds in quote)
    """
    if isinstance(source, (str, os.PathLike)):
        try:
            source = json.loads(Path(source).read_text(encoding="utf-8"))
        except ValueError as error:
            raise ArgumentError(f"source was {os.fspath(source)}, which is no JSON: {error}") from None
    if not isinstance(source, Mapping):
        raise ArgumentError(f"source was of type {type(source).__name__}, expected a path or a dict by symbol")
    if symbols is not None:
        wanted = list(symbols)
        missing = [symbol for symbol in wanted if symbol not in source]
        if missing:
            raise ArgumentError(f"symbols had {', '.join(map(repr, missing))}, which source does not have")
        source = {symbol: source[symbol] for symbol in wanted}
    return ccxt.tiers(source, bounds="quote")
