"""Questions before a trade: does an order fit, what is the largest that does, how large may a position be."""

from crossmargin.orders.deciding import Decision, check_orders
from crossmargin.orders.largest import LargestOrders, max_order
from crossmargin.orders.mirroring import Mirrored, mirror
from crossmargin.orders.one import Verdict, check_order
from crossmargin.orders.results import REASONS
from crossmargin.orders.sizing import Sizing, size_position

__all__ = [
    "REASONS",
    "Decision",
    "LargestOrders",
    "Mirrored",
    "Sizing",
    "Verdict",
    "check_order",
    "check_orders",
    "max_order",
    "mirror",
    "size_position",
]
