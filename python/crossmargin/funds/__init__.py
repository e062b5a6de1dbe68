"""Money that moves: what can leave, what has to move for every pool to be where it should be, and what a bonus pays."""

from crossmargin.funds.bonus import Bonus, Payment
from crossmargin.funds.leaving import Withdrawable, withdrawable
from crossmargin.funds.rebalancing import Rebalance, rebalance

__all__ = ["Bonus", "Payment", "Rebalance", "Withdrawable", "rebalance", "withdrawable"]
