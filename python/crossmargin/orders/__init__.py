"""Questions before a trade: does an order fit, what is the largest that does, how large may a position be."""

from crossmargin.orders.deciding import Decision, check_orders
from crossmargin.orders.one import Verdict, check_order
from crossmargin.orders.results import REASONS

__all__ = ["REASONS", "Decision", "Verdict", "check_order", "check_orders"]
