"""One's own rules: which pools, positions and accounts are beyond their limits, and which stops fire."""

from crossmargin.guard.breaches import Breaches, check_limits
from crossmargin.guard.limits import Limits
from crossmargin.guard.stops import Fired, fire_stops

__all__ = ["Breaches", "Fired", "Limits", "check_limits", "fire_stops"]
