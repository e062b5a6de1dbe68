"""One's own rules: which pools, positions and accounts are beyond their limits, and which stops fire."""

from crossmargin.guard.breaches import Breaches, check_limits
from crossmargin.guard.limits import Limits

__all__ = ["Breaches", "Limits", "check_limits"]
