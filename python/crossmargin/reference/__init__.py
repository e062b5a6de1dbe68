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

What is asked before a trade is here too: whether an order fits and how large it may be, what can leave, who pays a
loss, which limits are broken, and what other margin modes would do.

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
from crossmargin.reference.admission import Quotes, read_quotes
from crossmargin.reference.assets import Asset, AssetCollateral
from crossmargin.reference.bonus import Payment, Purse, Voucher
from crossmargin.reference.book import Balance, Position, read_balances, read_positions
from crossmargin.reference.checking import REASONS, Admission, Book, Way, check_orders, read_book
from crossmargin.reference.contribution import Contribution, contribution
from crossmargin.reference.display import round_amount, round_price, truncate
from crossmargin.reference.figures import PoolScore, PositionScore
from crossmargin.reference.funds import (
    Leaving,
    PoolMove,
    Target,
    Transfer,
    read_target,
    rebalance,
    withdrawable_quanta,
)
from crossmargin.reference.gates import AdmissionRules, BonusRules, LimitRules
from crossmargin.reference.guard import Breaches, FiredOrder, Limits, breaches, fire_stops
from crossmargin.reference.largest import Asked, Largest, largest_order, read_asked
from crossmargin.reference.ledger import Holding, read_holdings
from crossmargin.reference.limits import Limit, limit_of
from crossmargin.reference.liquidation import (
    PositionPrices,
    UnderlyingPrices,
    liquidation_prices,
    underlying_prices,
)
from crossmargin.reference.market import Instrument, Market, load_market
from crossmargin.reference.mirror import Copying, Mirrored, mirror
from crossmargin.reference.modes import Comparison, Variant, compare_modes, read_compare
from crossmargin.reference.orders import Order, read_orders
from crossmargin.reference.pools import Layer, Pool, partition
from crossmargin.reference.score import position_scores, score, score_account
from crossmargin.reference.shocks import CriticalMove, Distance, critical_move, liquidation_distance
from crossmargin.reference.sizing import Ask, Sized, size_position
from crossmargin.reference.switches import Constraint, OrderRules, RequirementRule, Rules
from crossmargin.reference.tiers import Tier, TierTable
from crossmargin.reference.values import ReferenceInputError, exact

__all__ = [
    "REASONS",
    "Accounts",
    "Admission",
    "AdmissionRules",
    "Ask",
    "Asked",
    "Asset",
    "AssetCollateral",
    "Balance",
    "BonusRules",
    "Book",
    "Breaches",
    "Comparison",
    "Constraint",
    "Contribution",
    "Copying",
    "CriticalMove",
    "Distance",
    "FiredOrder",
    "Holding",
    "Instrument",
    "Largest",
    "Layer",
    "Leaving",
    "Limit",
    "LimitRules",
    "Limits",
    "Market",
    "Mirrored",
    "Order",
    "OrderRules",
    "Payment",
    "Pool",
    "PoolMove",
    "PoolScore",
    "Position",
    "PositionPrices",
    "PositionScore",
    "Purse",
    "Quotes",
    "ReferenceInputError",
    "RequirementRule",
    "Rules",
    "Sized",
    "Target",
    "Terms",
    "Tier",
    "TierTable",
    "Transfer",
    "UnderlyingPrices",
    "Variant",
    "Voucher",
    "Way",
    "breaches",
    "check_orders",
    "compare_modes",
    "contribution",
    "critical_move",
    "exact",
    "fire_stops",
    "largest_order",
    "limit_of",
    "liquidation_distance",
    "liquidation_prices",
    "load_market",
    "mirror",
    "partition",
    "position_scores",
    "read_accounts",
    "read_asked",
    "read_balances",
    "read_book",
    "read_compare",
    "read_holdings",
    "read_orders",
    "read_positions",
    "read_quotes",
    "read_settings",
    "read_target",
    "rebalance",
    "round_amount",
    "round_price",
    "score",
    "score_account",
    "size_position",
    "truncate",
    "underlying_prices",
    "withdrawable_quanta",
]
