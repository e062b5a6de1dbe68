"""Margin and liquidation of cross-collateralised accounts.

A margin mode is a partition of an account's positions and balances into collateral pools; a pool is a function of
prices: its excess, what the venue counts as collateral less what it requires. `score` evaluates that function for every
pool of a `Book` under the rules of a `Market` at given `Prices`.

Examples
--------
>>> import crossmargin as xm
>>> market = xm.load_market("textbook")
>>> book = xm.Book(
...     market,
...     balances={"account": [1], "asset": ["USDT"], "wallet_balance": [1_000.0]},
...     positions={"account": [1], "instrument": ["BTCUSDT"], "quantity": [0.1], "entry_price": [60_000.0]},
... )
>>> scores = xm.score(book, market.prices(mark={"BTCUSDT": 52_000.0}))
>>> float(scores.excess[0]), bool(scores.liquidatable[0])
(50.0, False)
"""

from typing import TYPE_CHECKING, Any

from crossmargin._core import __version__
from crossmargin.book import Book, Rejected
from crossmargin.errors import (
    ArgumentError,
    BookError,
    CrossmarginError,
    InternalError,
    MarketError,
    MissingPriceError,
    OrderError,
    PriceError,
    SnapshotError,
)
from crossmargin.market import Market, load_market, presets
from crossmargin.prices import Prices
from crossmargin.scores import DEFAULT_OUTPUTS, OUTPUTS, Scores, score
from crossmargin.table import Table

if TYPE_CHECKING:
    from crossmargin import adapters, reference, report, testing
    from crossmargin.account import Account, FundsError
    from crossmargin.differences import diff
    from crossmargin.explanation import Explanation, explain
    from crossmargin.funds import Bonus, Payment, Rebalance, Withdrawable, rebalance, withdrawable
    from crossmargin.guard import Breaches, Fired, Limits, check_limits, fire_stops
    from crossmargin.history import HistoryBlock, HistoryScores, PriceHistory, score_history
    from crossmargin.modes import ModeComparison, compare_modes
    from crossmargin.monitor import Alerts, Event, Events, Monitor, Stats, Why
    from crossmargin.orders import (
        REASONS,
        Decision,
        LargestOrders,
        Mirrored,
        Sizing,
        Verdict,
        check_order,
        check_orders,
        max_order,
        mirror,
        size_position,
    )
    from crossmargin.price import (
        Contributions,
        CriticalMoves,
        Distances,
        LiquidationPrices,
        UnderlyingPrices,
        contribution,
        critical_move,
        liquidation_distance,
        liquidation_prices,
    )
    from crossmargin.reconciliation import Reconciliation, reconcile

__all__ = [
    "DEFAULT_OUTPUTS",
    "OUTPUTS",
    "REASONS",
    "Account",
    "Alerts",
    "ArgumentError",
    "Bonus",
    "Book",
    "BookError",
    "Breaches",
    "Contributions",
    "CriticalMoves",
    "CrossmarginError",
    "Decision",
    "Distances",
    "Event",
    "Events",
    "Explanation",
    "Fired",
    "FundsError",
    "HistoryBlock",
    "HistoryScores",
    "InternalError",
    "LargestOrders",
    "Limits",
    "LiquidationPrices",
    "Market",
    "MarketError",
    "Mirrored",
    "MissingPriceError",
    "ModeComparison",
    "Monitor",
    "OrderError",
    "Payment",
    "PriceError",
    "PriceHistory",
    "Prices",
    "Rebalance",
    "Reconciliation",
    "Rejected",
    "Scores",
    "Sizing",
    "SnapshotError",
    "Stats",
    "Table",
    "UnderlyingPrices",
    "Verdict",
    "Why",
    "Withdrawable",
    "__version__",
    "adapters",
    "check_limits",
    "check_order",
    "check_orders",
    "compare_modes",
    "contribution",
    "critical_move",
    "diff",
    "explain",
    "fire_stops",
    "liquidation_distance",
    "liquidation_prices",
    "load_market",
    "max_order",
    "mirror",
    "presets",
    "rebalance",
    "reconcile",
    "reference",
    "report",
    "score",
    "score_history",
    "size_position",
    "testing",
    "withdrawable",
]

_LAZY = ("adapters", "reference", "report", "testing")
_LAZY_NAMES = {
    "REASONS": "orders",
    "Account": "account",
    "Alerts": "monitor",
    "Bonus": "funds",
    "Breaches": "guard",
    "Contributions": "price",
    "CriticalMoves": "price",
    "Decision": "orders",
    "Distances": "price",
    "Event": "monitor",
    "Events": "monitor",
    "Explanation": "explanation",
    "Fired": "guard",
    "FundsError": "account",
    "HistoryBlock": "history",
    "HistoryScores": "history",
    "LargestOrders": "orders",
    "Limits": "guard",
    "LiquidationPrices": "price",
    "Mirrored": "orders",
    "ModeComparison": "modes",
    "Monitor": "monitor",
    "Payment": "funds",
    "PriceHistory": "history",
    "Rebalance": "funds",
    "Reconciliation": "reconciliation",
    "Sizing": "orders",
    "Stats": "monitor",
    "UnderlyingPrices": "price",
    "Verdict": "orders",
    "Why": "monitor",
    "Withdrawable": "funds",
    "check_limits": "guard",
    "check_order": "orders",
    "check_orders": "orders",
    "compare_modes": "modes",
    "contribution": "price",
    "critical_move": "price",
    "diff": "differences",
    "explain": "explanation",
    "fire_stops": "guard",
    "liquidation_distance": "price",
    "liquidation_prices": "price",
    "max_order": "orders",
    "mirror": "orders",
    "rebalance": "funds",
    "reconcile": "reconciliation",
    "score_history": "history",
    "size_position": "orders",
    "withdrawable": "funds",
}


def __getattr__(name: str) -> Any:
    """Import the parts that a scoring program does not need when they are first named."""
    from importlib import import_module  # noqa: PLC0415 - so is this

    if name in _LAZY:
        return import_module(f"crossmargin.{name}")
    if name in _LAZY_NAMES:
        found = getattr(import_module(f"crossmargin.{_LAZY_NAMES[name]}"), name)
        globals()[name] = found  # it is looked for once: some are asked in microseconds
        return found
    raise AttributeError(f"module 'crossmargin' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY, *_LAZY_NAMES})
