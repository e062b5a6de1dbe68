"""Illustrative mark prices for demonstrations.

The numbers are **round, approximate prices of early October 2024**, written down so
that a demonstration book looks like one. They are no market data: nothing may be
concluded from them, and no test expects a margin that a venue published for them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

# base asset -> approximate dollars; the most traded first, which is also the order of
# popularity in demonstration books
_BASES: dict[str, float] = {
    "BTC": 62_000.0,
    "ETH": 2_450.0,
    "SOL": 146.0,
    "XRP": 0.585,
    "DOGE": 0.108,
    "1000PEPE": 0.0097,
    "SUI": 1.78,
    "BNB": 555.0,
    "WIF": 2.35,
    "AVAX": 26.2,
    "LINK": 11.3,
    "ADA": 0.354,
    "1000SHIB": 0.0172,
    "WLD": 1.82,
    "NEAR": 4.85,
    "ORDI": 35.5,
    "FTM": 0.64,
    "APT": 8.6,
    "ARB": 0.56,
    "TON": 5.35,
    "OP": 1.62,
    "TIA": 5.45,
    "LTC": 64.5,
    "SEI": 0.395,
    "DOT": 4.25,
    "BCH": 323.0,
    "ENA": 0.335,
    "1000BONK": 0.0216,
    "MATIC": 0.379,
    "POL": 0.379,
    "TRX": 0.155,
    "UNI": 7.05,
    "AAVE": 149.0,
    "INJ": 20.4,
    "FIL": 3.62,
    "ETC": 18.1,
    "ICP": 7.95,
    "ATOM": 4.42,
    "TAO": 545.0,
    "FET": 1.44,
    "STX": 1.79,
    "RUNE": 4.95,
    "NOT": 0.0076,
    "JUP": 0.742,
    "LDO": 1.06,
    "CRV": 0.262,
    "ONDO": 0.675,
    "PENDLE": 4.6,
    "AR": 17.8,
    "RNDR": 5.25,
    "RENDER": 5.25,
    "1000FLOKI": 0.132,
    "1000SATS": 0.000_302,
    "1000RATS": 0.0985,
    "1000LUNC": 0.0865,
    "1000XEC": 0.0332,
    "BOME": 0.0065,
    "PEOPLE": 0.0665,
    "MEME": 0.0108,
    "TURBO": 0.0087,
    "NEIRO": 0.0015,
    "POPCAT": 1.02,
    "EIGEN": 3.6,
    "CATI": 0.6,
    "HMSTR": 0.0065,
    "ZRO": 3.9,
    "ZK": 0.131,
    "IO": 1.82,
    "BB": 0.37,
    "ETHFI": 1.52,
    "STRK": 0.371,
    "PYTH": 0.318,
    "JTO": 2.1,
    "DYDX": 0.945,
    "GALA": 0.0197,
    "IMX": 1.44,
    "SAND": 0.252,
    "MANA": 0.285,
    "AXS": 4.62,
    "APE": 0.745,
    "CHZ": 0.0632,
    "HBAR": 0.0532,
    "VET": 0.0226,
    "XLM": 0.0912,
    "ALGO": 0.123,
    "EOS": 0.472,
    "XTZ": 0.652,
    "NEO": 9.6,
    "THETA": 1.24,
    "EGLD": 24.6,
    "GRT": 0.159,
    "MKR": 1_455.0,
    "COMP": 43.2,
    "SNX": 1.41,
    "YFI": 4_920.0,
    "SUSHI": 0.652,
    "1INCH": 0.258,
    "ENS": 16.6,
    "SSV": 19.2,
    "LPT": 11.5,
    "BLUR": 0.212,
    "GMT": 0.142,
    "TRB": 58.0,
    "CFX": 0.156,
    "KAS": 0.155,
    "MINA": 0.515,
    "FLOW": 0.541,
    "WOO": 0.163,
    "ARKM": 1.41,
    "PIXEL": 0.149,
    "ALT": 0.102,
    "MANTA": 0.722,
    "DYM": 1.72,
    "W": 0.305,
    "SAGA": 1.52,
    "LUNA2": 0.361,
    "ZEC": 28.2,
    "DASH": 24.1,
    "XMR": 151.0,
    "IOTA": 0.121,
    "GAS": 3.72,
    "KAVA": 0.331,
    "QNT": 67.0,
    "BLZ": 0.141,
    "BIGTIME": 0.112,
    "CYBER": 3.22,
    "MASK": 2.32,
    "STORJ": 0.431,
    "ZIL": 0.0141,
    "ROSE": 0.0672,
    "ONE": 0.0131,
    "KSM": 19.1,
    "BAT": 0.171,
    "ZRX": 0.311,
    "ENJ": 0.151,
    "IOTX": 0.0382,
    "QTUM": 2.42,
    "ANKR": 0.0262,
    "CELO": 0.742,
    "RSR": 0.0068,
    "SKL": 0.0392,
    "UMA": 2.42,
    "BAND": 1.21,
    "MAGIC": 0.342,
    "ID": 0.371,
    "EDU": 0.552,
    "RDNT": 0.0682,
    "HOOK": 0.371,
    "HIGH": 1.42,
    "LQTY": 0.742,
    "SXP": 0.232,
    "OM": 1.41,
    "AEVO": 0.362,
    "XAI": 0.192,
    "NFP": 0.192,
    "ACE": 2.61,
    "AI": 0.452,
    "REZ": 0.0412,
    "TNSR": 0.331,
    "OMNI": 8.3,
    "LISTA": 0.372,
    "BANANA": 53.0,
    "DOGS": 0.000_712,
    "RARE": 0.112,
    "G": 0.0352,
    "SYN": 0.482,
    "SYS": 0.102,
}

_QUOTES = ("USDT", "USDC")

ILLUSTRATIVE_MARKS: dict[str, float] = {base + quote: price for quote in _QUOTES for base, price in _BASES.items()}
"""Approximate mark prices by venue symbol, most popular first. Illustrative only."""


def illustrative_marks(instruments: Iterable[str]) -> dict[str, float]:
    """Pick the illustrative marks of some instruments.

    Prices a demonstration book where no market data is at hand. The prices are round
    and approximate, of early October 2024.

    Parameters
    ----------
    instruments : iterable of str
        Venue symbols, for example ``"BTCUSDT"``.

    Returns
    -------
    dict of str to float
        Quote per base, of those instruments that have a mark here, most popular
        first. Instruments without one are left out.

    Examples
    --------
    >>> illustrative_marks(["ETHUSDT", "BTCUSDT", "NEVERLISTED"])
    {'BTCUSDT': 62000.0, 'ETHUSDT': 2450.0}
    """
    wanted = set(instruments)
    return {name: price for name, price in ILLUSTRATIVE_MARKS.items() if name in wanted}
