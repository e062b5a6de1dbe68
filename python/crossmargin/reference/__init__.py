"""The executable specification of crossmargin: the rules, written to be read.

What is here: one account at a time, plain loops, the standard library and nothing else. Every rule is a function
whose docstring says it in a sentence, says what it means for the owner of the account, gives the formula and names
its source. The arithmetic runs in ``float``, ``decimal.Decimal`` or ``fractions.Fraction``; with ``Fraction`` (the
default) nothing is ever rounded, and that run is what the engine's decisions are tested against.

What is not here: speed, columns, NumPy. This package shares no code and no idea of evaluation with the engine, so an
error in one is not an error in the other.

Scope: linear contracts; cross pools per settlement asset and isolated pools per position; one-way and hedge legs;
marginal, flat and listed maintenance tiers. Anything else in a market raises `ReferenceInputError`.

Examples
--------
>>> from crossmargin.reference import load_market, score
>>> market = load_market('''
... schema = 1
... [trigger]
... level = 1
... zero_fails = false
... [[asset]]
... name = "USDT"
... [[instrument]]
... name = "BTCUSDT"
... quote = "USDT"
... [tiers.BTCUSDT]
... floor = [0]
... maintenance_rate = [0.025]
... ''')
>>> balances = [{"account": "ann", "asset": "USDT", "wallet_balance": 10_000}]
>>> positions = [{"account": "ann", "instrument": "BTCUSDT", "quantity": 2, "entry_price": 50_000, "leverage": 10}]
>>> (pool,) = score(market, balances, positions, {"BTCUSDT": 49_000})
>>> print(pool.equity, pool.maintenance_margin, pool.excess, pool.liquidatable)
8000 2450 5550 False
"""

from crossmargin.reference.book import Balance, Position, read_balances, read_positions
from crossmargin.reference.market import Asset, Instrument, Market, Rules, Tier, TierTable, load_market
from crossmargin.reference.score import (
    Pool,
    PoolScore,
    PositionScore,
    partition,
    position_scores,
    score,
    score_account,
)
from crossmargin.reference.values import ReferenceInputError, exact, truncate

__all__ = [
    "Asset",
    "Balance",
    "Instrument",
    "Market",
    "Pool",
    "PoolScore",
    "Position",
    "PositionScore",
    "ReferenceInputError",
    "Rules",
    "Tier",
    "TierTable",
    "exact",
    "load_market",
    "partition",
    "position_scores",
    "read_balances",
    "read_positions",
    "score",
    "score_account",
    "truncate",
]
