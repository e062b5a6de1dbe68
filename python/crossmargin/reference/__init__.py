"""The executable specification of crossmargin: the rules, written to be read.

What is here: one account at a time, plain loops, the standard library and nothing else. Every rule is a function
whose docstring says it in a sentence, says what it means for the owner of the account, gives the formula and names
its source. The arithmetic runs in ``float``, ``decimal.Decimal`` or ``fractions.Fraction``; with ``Fraction`` (the
default) nothing is ever rounded, and that run is what the engine's decisions are tested against.

What is not here: speed, columns, NumPy. This package shares no code and no idea of evaluation with the engine, so an
error in one is not an error in the other.

Scope: every kind of rule that a market file can state and that gives a pool its value at given prices: linear,
inverse and quanto contracts; cross pools per asset or per account with haircuts, buffers and debts; isolated pools;
hedge legs; all laws of tiers; closing fees; open orders; several constraints. Outside are portfolio margin and pools
per pair, which raise `ReferenceInputError`, and what a venue does after the trigger.

Questions about a pool as a function of prices (liquidation prices, distances, contributions) are answered by the same
rules, run over a number that moves with the price and remembers its comparisons (`moving`).

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

from crossmargin.reference.accounts import Accounts, Terms, read_accounts, read_settings
from crossmargin.reference.assets import Asset, AssetCollateral
from crossmargin.reference.book import Balance, Position, read_balances, read_positions
from crossmargin.reference.contribution import Contribution, contribution
from crossmargin.reference.display import round_amount, round_price, truncate
from crossmargin.reference.figures import PoolScore, PositionScore
from crossmargin.reference.liquidation import (
    PositionPrices,
    UnderlyingPrices,
    liquidation_prices,
    underlying_prices,
)
from crossmargin.reference.market import Instrument, Market, load_market
from crossmargin.reference.orders import Order, read_orders
from crossmargin.reference.pools import Layer, Pool, partition
from crossmargin.reference.score import position_scores, score, score_account
from crossmargin.reference.shocks import CriticalMove, Distance, critical_move, liquidation_distance
from crossmargin.reference.switches import Constraint, OrderRules, RequirementRule, Rules
from crossmargin.reference.tiers import Tier, TierTable
from crossmargin.reference.values import ReferenceInputError, exact

__all__ = [
    "Accounts",
    "Asset",
    "AssetCollateral",
    "Balance",
    "Constraint",
    "Contribution",
    "CriticalMove",
    "Distance",
    "Instrument",
    "Layer",
    "Market",
    "Order",
    "OrderRules",
    "Pool",
    "PoolScore",
    "Position",
    "PositionPrices",
    "PositionScore",
    "ReferenceInputError",
    "RequirementRule",
    "Rules",
    "Terms",
    "Tier",
    "TierTable",
    "UnderlyingPrices",
    "contribution",
    "critical_move",
    "exact",
    "liquidation_distance",
    "liquidation_prices",
    "load_market",
    "partition",
    "position_scores",
    "read_accounts",
    "read_balances",
    "read_orders",
    "read_positions",
    "read_settings",
    "round_amount",
    "round_price",
    "score",
    "score_account",
    "truncate",
    "underlying_prices",
]
