"""Where pools fail: prices, distances, critical moves, and which position brings a pool there.

All of it asks one question of the pool function: where along a path of prices it changes sign.
"""

from crossmargin.price.contributions import Contributions, contribution
from crossmargin.price.distances import CriticalMoves, Distances, critical_move, liquidation_distance
from crossmargin.price.positions import LiquidationPrices, liquidation_prices
from crossmargin.price.underlyings import UnderlyingPrices

__all__ = [
    "Contributions",
    "CriticalMoves",
    "Distances",
    "LiquidationPrices",
    "UnderlyingPrices",
    "contribution",
    "critical_move",
    "liquidation_distance",
    "liquidation_prices",
]
